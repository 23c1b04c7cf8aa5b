r"""A WaveNet without torch: likelihoods, and sound drawn sample by sample.

To draw x_t, layer l needs its own features of now and of d_l, 2 d_l, … samples ago. A *ring buffer* of (k − 1) d_l
places holds these: the oldest is read, and then overwritten by the newest. So a sample costs one small product a
layer, however far the network looks back, instead of one for each sample of its field (Le Paine et al. 2016).

:meth:`ForwardWaveNet.walk` yields the logits of the next sample and reads that sample from the levels when it is
asked to go on. Drawing writes it there first, by inversion of the cumulated softmax(logits / T) at a uniform number;
the uniform numbers of a sound are drawn before it, so that another temperature or stage of training meets the same.

Source: Le Paine et al. (2016), *Fast WaveNet generation algorithm*, arXiv:1611.09482. Arithmetic is float32; results
equal torch's up to rounding. Rows are sounds ``(N, T)`` of levels 0 … 255; nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from genmodels.checks import check_number, check_whole
from genmodels.data.sounds import LEVELS
from genmodels.nn.runtime import one_hot
from genmodels.states import last, still


class ForwardWaveNet:
    """The network of :mod:`genmodels.wavenet.model` without torch; all sizes are read from the arrays.

    Args:
        arrays: Of a state, or of a stage of a checkpoint (:func:`genmodels.recipes.wavenet.stage`).
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        held = {name: np.asarray(value, dtype=np.float32) for name, value in arrays.items()}
        layers = range(sum(name.endswith(".causal.bias") for name in held))
        self.channels, self.n_kinds = len(held["level.bias"]), held["layers.0.kind.weight"].shape[1]
        self.taps = held["layers.0.causal.weight"].shape[1] // self.channels
        self.dilations = tuple(2**i for i in layers)
        past = (self.taps - 1) * self.channels
        causal = np.stack([held[f"layers.{i}.causal.weight"].T for i in layers])  # (L, k C, 2 C), the oldest first
        out, skip = ([held[f"layers.{i}.{part}.weight"].T for i in layers] for part in ("out", "skip"))
        # σ(a) = (1 + tanh(a/2))/2: one tanh for value and gate; the weights before and after hold the halves
        half = np.repeat(np.array([1, 0.5], dtype=np.float32), self.channels)
        self._past, self._now = causal[:, :past] * half, causal[:, past:] * half
        self._kind = np.stack([held[f"layers.{i}.kind.weight"].T for i in layers]) * half
        self._bias = (
            np.stack([held[f"layers.{i}.kind.bias"] + held[f"layers.{i}.causal.bias"] for i in layers]) * half
        )
        self._out, self._skip = np.stack(out) / 2, np.concatenate(skip) / 2
        self._out_bias = [held[f"layers.{i}.out.bias"] for i in layers]
        self._skip_bias = np.sum([held[f"layers.{i}.skip.bias"] for i in layers], axis=0)
        self._level = held["level.weight"].T + held["level.bias"]
        self._top = [(held[f"{name}.weight"].T.copy(), held[f"{name}.bias"]) for name in ("hidden", "logits")]

    @property
    def field(self) -> int:
        """R, how many of the samples before it a sample depends on."""
        return 1 + (self.taps - 1) * sum(self.dilations)

    def logits(self, levels: np.ndarray, kinds: np.ndarray) -> np.ndarray:
        """Logits of each sample given those before, ``(N, T)`` and ``(N,)`` to ``(N, T, 256)`` float32."""
        levels, kinds = self._checked(levels, kinds)
        h, said = _ago(self._level[levels], 1), []
        for i, dilation in enumerate(self.dilations):
            past = np.concatenate([_ago(h, j * dilation) for j in reversed(range(1, self.taps))], axis=2)
            z = self._gate(past @ self._past[i] + h @ self._now[i] + self._of_kinds(kinds)[i][:, None])
            h = h + z @ self._out[i] + self._out_bias[i]
            said.append(z)
        return self._read(np.concatenate(said, axis=2))

    def log_prob(self, levels: np.ndarray, kinds: np.ndarray) -> np.ndarray:
        """log p(x_t | before, y) of each sample, ``(N, T)`` and ``(N,)`` to ``(N, T)`` float64, nats."""
        levels, kinds = self._checked(levels, kinds)
        found = np.empty(levels.shape)
        for i in range(len(levels)):  # one at a time: a second has two million logits
            log_p = log_softmax(self.logits(levels[i : i + 1], kinds[i : i + 1])[0].astype(np.float64), axis=1)
            found[i] = np.take_along_axis(log_p, levels[i][:, None], axis=1)[:, 0]
        return found

    def walk(self, levels: np.ndarray, kinds: np.ndarray) -> Iterator[np.ndarray]:
        """The logits ``(N, 256)`` of one sample after the other; that sample is read from ``levels`` afterwards.

        Args:
            levels: ``(N, T)``; what is not known yet is not looked at.
            kinds: ``(N,)``, 0 … K − 1.
        """
        n, c = len(levels), self.channels
        places = (self.taps - 1) * np.array(self.dilations)
        starts = np.cumsum(places) - places
        ring = np.zeros((places.sum(), n, c), dtype=np.float32)
        back = np.arange(self.taps - 1, 0, -1) * np.array(self.dilations)[:, None]  # (L, k − 1), the oldest first
        of_kinds = self._of_kinds(kinds)
        z = np.empty((n, len(places), c), dtype=np.float32)
        h = np.zeros((n, c), dtype=np.float32)  # before the beginning
        for t in range(levels.shape[1]):
            past = ring[starts[:, None] + (t - back) % places[:, None]]  # (L, k − 1, N, C)
            a = past.transpose(0, 2, 1, 3).reshape(len(places), n, -1) @ self._past + of_kinds
            for i, place in enumerate(starts + t % places):
                ring[place] = h
                z[:, i] = said = self._gate(a[i] + h @ self._now[i])
                h = h + said @ self._out[i] + self._out_bias[i]
            yield self._read(z.reshape(n, -1))
            h = self._level[levels[:, t]]

    def _checked(self, levels: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return check_levels(levels), check_kinds(kinds, len(levels), self.n_kinds)

    def _of_kinds(self, kinds: np.ndarray) -> np.ndarray:
        """What the kind adds in each layer, ``(L, N, 2 C)``."""
        return one_hot(kinds, self.n_kinds) @ self._kind + self._bias[:, None]

    def _gate(self, a: np.ndarray) -> np.ndarray:
        """Twice tanh(a') σ(a'')."""
        a = np.tanh(a)
        return a[..., : self.channels] * (1 + a[..., self.channels :])

    def _read(self, z: np.ndarray) -> np.ndarray:
        """Logits from what all layers say, ``(…, L C)`` to ``(…, 256)``."""
        s = z @ self._skip + self._skip_bias
        for weight, bias in self._top:
            s = np.maximum(s, 0) @ weight + bias
        return s


def _ago(h: np.ndarray, by: int) -> np.ndarray:
    """What was so many samples ago, ``(N, T, C)`` to the same; 0 before the beginning."""
    return np.pad(h, ((0, 0), (by, 0), (0, 0)))[:, : h.shape[1]]


# --- Drawing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SoundConfig:
    """What to draw, and how.

    Args:
        kinds: The kind of each of the N sounds, numbers from 0 in the order of
            :data:`genmodels.data.sounds.SOUNDS`.
        length: T, samples of each, 1 or more; 8,000 are a second.
        temperature: T > 0, which divides the logits; 1 is the model, below 1 its likelier side.
        every: Yield a state every so many samples, 1 or more, and the last.
        seed: Of the uniform numbers, 0 or more.
    """

    kinds: tuple[int, ...] = (0,)
    length: int = 8000
    temperature: float = 1.0
    every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("length", 1), ("every", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("temperature", self.temperature, above=0)
        if not isinstance(self.kinds, Sequence) or isinstance(self.kinds, str) or not self.kinds:
            raise ValueError(f"kinds is {self.kinds!r}; give a tuple of whole numbers, one a sound, such as (0, 1).")
        for kind in self.kinds:
            check_whole("A kind in kinds", kind, at_least=0)


@dataclass(frozen=True, eq=False)
class SoundState:
    """Sounds, drawn so far; arrays are read-only.

    Attributes:
        step: Samples drawn; those given do not count.
        levels: What is given and drawn, ``(N, given + step)`` uint8;
            :func:`genmodels.data.sounds.decode_mu_law` makes it sound.
        probabilities: Of the levels of the next sample, at the temperature, ``(N, 256)`` float32; at the end those of
            the last one.
        log_prob: log p of ``levels`` under the model, whatever the temperature, ``(N,)`` float64, nats.
    """

    step: int
    levels: np.ndarray
    probabilities: np.ndarray
    log_prob: np.ndarray


def iterate_sound(
    model: ForwardWaveNet, config: SoundConfig, given: np.ndarray | None = None
) -> Iterator[SoundState]:
    """Draw sounds sample by sample, all of them at once.

    Args:
        model: Whose sounds.
        config: Which, and how.
        given: Beginnings to go on from, levels ``(N, G)``, G < T.

    Yields:
        What is given, then a state every ``config.every`` samples, and the last.

    Raises:
        ValueError: Kinds or beginnings do not fit; the message says what to mend.
    """
    kinds = check_kinds(config.kinds, len(config.kinds), model.n_kinds)
    n, n_given = len(kinds), 0
    levels = np.zeros((n, config.length), dtype=np.uint8)
    if given is not None:
        given = check_levels(given)
        n_given = given.shape[1]
        if len(given) != n or n_given >= config.length:
            raise ValueError(f"The beginnings have the shape {given.shape}; give ({n}, fewer than {config.length}).")
        levels[:, :n_given] = given
    uniform, log_prob = np.random.default_rng(config.seed).random((n, config.length)), np.zeros(n)
    cumulated = np.zeros((n, LEVELS))

    def state(t: int) -> SoundState:
        p = np.diff(cumulated, axis=1, prepend=0) / cumulated[:, -1:]
        return SoundState(t - n_given, still(levels[:, :t]), still(p.astype(np.float32)), still(log_prob))

    rows = np.arange(n)
    for t, logits in enumerate(model.walk(levels, kinds)):
        logits = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
        cumulated = np.exp(logits / config.temperature).cumsum(axis=1)
        if t >= n_given:
            if (t - n_given) % config.every == 0:
                yield state(t)
            # the last level that has a probability, should rounding lead beyond it
            drawn = (cumulated <= uniform[:, t, None] * cumulated[:, -1:]).sum(axis=1)
            levels[:, t] = np.minimum(drawn, LEVELS - 1)
        log_prob += logits[rows, levels[:, t]] - np.log(np.exp(logits).sum(axis=1))
    yield state(config.length)


def draw_sound(model: ForwardWaveNet, config: SoundConfig, given: np.ndarray | None = None) -> SoundState:
    """Sounds drawn: the last state of :func:`iterate_sound`."""
    return last(iterate_sound(model, config, given))


def check_levels(levels: np.ndarray) -> np.ndarray:
    """Return sounds as int64 ``(N, T)``, or raise a ValueError unless they are levels 0 … 255."""
    levels = np.asarray(levels)
    if levels.ndim != 2 or not levels.size or levels.dtype.kind not in "iu":
        raise ValueError(f"Sounds must be whole numbers (N, T), one row a sound; got {levels.dtype} {levels.shape}.")
    if levels.min() < 0 or levels.max() >= LEVELS:
        raise ValueError(
            f"Levels lie in {levels.min()}…{levels.max()}; give 0…{LEVELS - 1}: encode_mu_law makes them."
        )
    return levels.astype(np.int64)


def check_kinds(kinds: Sequence[int] | np.ndarray, n: int, n_kinds: int) -> np.ndarray:
    """Return kinds as int64 ``(n,)``, or raise a ValueError unless they are 0 … n_kinds − 1."""
    kinds = np.asarray(kinds)
    if kinds.shape != (n,) or kinds.dtype.kind not in "iu" or not 0 <= kinds.min() <= kinds.max() < n_kinds:
        raise ValueError(f"kinds are {kinds.tolist()}; give {n} whole numbers, one a sound, of 0…{n_kinds - 1}.")
    return kinds.astype(np.int64)
