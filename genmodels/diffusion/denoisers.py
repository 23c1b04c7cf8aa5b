r"""The learned denoiser, without torch: a multi-layer perceptron that says what is in a noisy x_t.

It takes x_t, waves of it, the noise level and the class, and is trained (:mod:`genmodels.diffusion.training`) towards
the posterior mean that :mod:`genmodels.diffusion.exact` has in closed form for some data. The noise level enters as
the angle φ, √ᾱ = cos φ, in shares of π/2, and as waves of that: no number of a step, so any schedule and spacing can
be sampled.

*Classes*: y is one-hot, and dropped (all zeros) now and then in training, so that the one network is also the
unconditional one that guidance needs.

Sources: Salimans & Ho (2022), arXiv:2202.00512 (v); Ho & Salimans (2022), arXiv:2207.12598 (dropping the class);
Tancik et al. (2020), arXiv:2006.10739 (waves of x). Rows are points in the units of the standardised data, float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels import device
from genmodels.checks import check_choice, check_whole
from genmodels.data.planar import DATASETS
from genmodels.diffusion.sampler import check_prediction
from genmodels.diffusion.schedules import Schedule, check_steps, get_schedule

ACTIVATIONS = ("relu", "silu", "tanh")
ROWS = 1024  # that a network takes at once


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Which denoiser to learn, and how; the defaults are the best recipe found for two dimensions.

    Args:
        data: Name in :data:`genmodels.data.planar.DATASETS`; passed over if points are given to
            :func:`iterate_denoiser`.
        schedule: Name in :data:`genmodels.diffusion.schedules.SCHEDULES`, or ᾱ drawn by hand, see its ``drawn``.
        n_times: T, 2 … 1,000.
        prediction: ``"eps"``, ``"x0"`` or ``"v"``. ε needs a schedule whose ᾱ_T is not too near 0: ``"linear"``.
        hidden: Widths of the hidden layers; () makes it linear.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.
        x_waves: Waves sin, cos of 2^j x_d, j = 0 …, for each coordinate, beside x itself; 0 for images.
        t_waves: Waves sin, cos of 2^j π u, j = 0 …, of the noise level u, beside u itself.
        n_classes: C, to condition on the class; 0 does not.
        drop: Share of the classes left out in training, 0 … 1.
        standardise: Whether points given are centred and scaled (by one number); data sets always are.
        batch: Points of a minibatch, 1 or more.
        learning_rate: Adam's, above 0.
        decay: Whether it falls to 0 at n_steps, along half a cosine.
        average: β of the running mean of the parameters, which samples: 0 … 1, 1 excluded; it starts shorter, as
            1 − 9/(n + 9) of n steps.
        n_steps: Steps of Adam in all, 0 or more.
        every: Yield a state every so many steps, 1 or more, and the last.
        seed: Of weights, data, times and noise, 0 or more.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``; networks as small as these are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    data: str = "moons"
    schedule: str | Sequence[float] = "cosine"
    n_times: int = 1000
    prediction: str = "v"
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    x_waves: int = 4
    t_waves: int = 4
    n_classes: int = 0
    drop: float = 0.1
    standardise: bool = True
    batch: int = 256
    learning_rate: float = 4e-3
    decay: bool = True
    average: float = 0.995
    n_steps: int = 16_500
    every: int = 1
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("x_waves", "t_waves", "n_classes", "n_steps", "seed"):
            check_whole(name, getattr(self, name), at_least=0)
        for name in ("batch", "every"):
            check_whole(name, getattr(self, name), at_least=1)
        check_steps("n_times", self.n_times, 2, 1000)
        check_prediction(self.prediction)
        for name, known in (("data", DATASETS), ("activation", ACTIVATIONS), ("device", device.CHOICES)):
            check_choice(name, getattr(self, name), known)
        for name, ends in (("learning_rate", "above 0"), ("average", "0 … 1, 1 excluded"), ("drop", "0 … 1")):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not (
                number and value >= 0 and {"learning_rate": value > 0, "average": value < 1, "drop": value <= 1}[name]
            ):
                raise ValueError(f"{name} is {value!r}; give a finite number, {ends}.")
        widths = self.hidden if isinstance(self.hidden, tuple | list) else (0,)
        if not all(isinstance(width, int | np.integer) and width >= 1 for width in widths):
            raise ValueError(
                f"hidden is {self.hidden!r}; give a tuple of whole numbers, 1 or more, such as (64, 64)."
            )
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))
        if not isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", tuple(float(value) for value in self.schedule))
        self.make_schedule()

    def make_schedule(self) -> Schedule:
        """The schedule, all T steps."""
        return get_schedule(self.schedule, self.n_times)

    def rate(self, step: int) -> float:
        """Learning rate of the update that follows after ``step`` of them."""
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / self.n_steps) if self.decay else 1.0)


def noise_features(alpha_bar: Any, n_waves: int) -> np.ndarray:
    """What the network is told of the noise level: 2u − 1, and sin and cos of 2^j π u, ``(…)`` to ``(…, 1 + 2 n)``.

    u = 2φ/π with √ᾱ = cos φ: 0 for data, 1 for noise, and for the cosine schedule nearly t/T.

    >>> noise_features(0.5, 1).round(3).tolist()
    [0.0, 1.0, 0.0]
    """
    alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
    u = np.arctan2(np.sqrt(1 - alpha_bar), np.sqrt(alpha_bar)) * 2 / np.pi
    phases = [2.0**j * np.pi * u for j in range(n_waves)]
    waves = [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
    return np.stack([2 * u - 1, *waves], axis=-1).astype(np.float32)


class ForwardDenoiser:
    """The learned denoiser without torch: numpy, float32.

    All rows share the noise level: its part of the first layer is a bias. Rows are taken in blocks that stay in the
    processor's cache, laid out as columns, with a row of ones that carries the biases: a layer is one product.

    Args:
        arrays: Of a state or a checkpoint: ``"net.0.weight"`` ``(outputs, inputs)``, ``"net.0.bias"``, …; and
            ``"centre"`` ``(D,)``, ``"scale"`` ``(1,)`` in data units.
        config: The network's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], config: DenoiserConfig) -> None:
        self.config, self.prediction = config, config.prediction
        names = sorted(
            (int(name.split(".")[1]), name) for name in arrays if name.startswith("net.") and "weight" in name
        )
        weights = [np.ascontiguousarray(np.asarray(arrays[name], np.float32).T) for _, name in names]
        biases = [np.array(arrays[name.replace("weight", "bias")], np.float32) for _, name in names]
        if not weights:
            raise ValueError(f"The arrays hold no net.0.weight; they hold {', '.join(sorted(arrays))}.")
        self.centre, self.scale = np.array(arrays["centre"], np.float64), float(np.asarray(arrays["scale"]).item())
        d, k = weights[-1].shape[1], config.x_waves
        sizes = [d * (1 + 2 * k), 1 + 2 * config.t_waves, config.n_classes]
        if len(weights[0]) != sum(sizes) or self.centre.shape != (d,):
            raise ValueError(f"The first layer has {len(weights[0])} inputs, and the config asks for {sum(sizes)}.")
        self._of_x, self._of_level, self._of_class = np.split(weights[0], np.cumsum(sizes)[:2])
        self._layers = list(zip(weights[1:], biases[1:], strict=True))
        self._stacked = [np.ascontiguousarray(np.vstack(layer).T) for layer in self._layers]  # (outputs, inputs + 1)
        self._bias, self._waves = biases[0], np.float32(2.0) ** np.arange(k, dtype=np.float32)

    def __call__(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """The prediction, ``(N, D)`` float32; y: classes ``(N,)``, −1 for none."""
        x, classes = np.asarray(x_t, dtype=np.float32), self._classes(y)
        columns = [self._of_x, self._level(alpha_bar)[None], *([] if y is None else [self._of_class])]
        layers = [np.concatenate(columns).T, *self._stacked]
        said = np.empty((len(x), len(self.centre)), dtype=np.float32)
        blocks = max(1, round(len(x) / ROWS))
        for i in range(blocks):
            rows = slice(len(x) * i // blocks, len(x) * (i + 1) // blocks)
            h = self._inputs(x[rows], None if classes is None else classes[rows])
            for layer in layers[:-1]:
                below, h = h, np.empty((len(layer) + 1, h.shape[1]), dtype=np.float32)
                _activate(np.matmul(layer, below, out=h[:-1]), self.config.activation)
                h[-1] = 1
            said[rows] = (layers[-1] @ h).T
        return said

    def divergence(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The prediction, and the trace of its Jacobian ``(N,)``, exact, by carrying D tangents forwards."""
        x = np.asarray(x_t, dtype=np.float32)
        d = x.shape[1]
        h = self._features(x) @ self._of_x + self._shift(alpha_bar, y)
        tangents = np.stack([self._tangent(x, i) @ self._of_x for i in range(d)])  # (D, N, H)
        for weight, bias in self._layers:
            tangents = (tangents * _slope(h, self.config.activation)) @ weight
            h = _activate(h, self.config.activation) @ weight + bias
        return h, np.trace(tangents, axis1=0, axis2=2)

    def to_data(self, x: np.ndarray) -> np.ndarray:
        """Points of the standardised space ``(N, D)`` in data units: centre + scale · x."""
        return self.centre + self.scale * np.asarray(x)

    def from_data(self, x: np.ndarray) -> np.ndarray:
        """Points in data units ``(N, D)`` in the standardised space."""
        return (np.asarray(x) - self.centre) / self.scale

    def _features(self, x: np.ndarray) -> np.ndarray:
        """x, then sin and cos of 2^j x_d, ordered by coordinate, ``(N, D (1 + 2 J))``."""
        if not len(self._waves):
            return x
        phases = (x[:, :, None] * self._waves).reshape(len(x), -1)
        return np.concatenate([x, np.sin(phases), np.cos(phases)], axis=1)

    def _inputs(self, x: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Features, a one and the one-hot class as columns, ``(D (1 + 2 J) + 1 + C, N)``."""
        (n, d), (width, c) = x.shape, (len(self._of_x), 0 if classes is None else classes.shape[1])
        h = np.empty((width + 1 + c, n), dtype=np.float32)
        h[:d], h[width] = x.T, 1
        if classes is not None:
            h[width + 1 :] = classes.T
        if len(self._waves):
            sine, cosine = h[d:width].reshape(2, d, len(self._waves), n)
            np.multiply(h[:d, None], self._waves[:, None], out=cosine)
            np.sin(cosine, out=sine)
            np.cos(cosine, out=cosine)
        return h

    def _tangent(self, x: np.ndarray, i: int) -> np.ndarray:
        """∂features/∂x_i, ``(N, D (1 + 2 J))``."""
        n, d, k = len(x), x.shape[1], len(self._waves)
        out = np.zeros((n, d * (1 + 2 * k)), dtype=np.float32)
        out[:, i] = 1
        if k:
            phases = x[:, i, None] * self._waves
            start = d + i * k
            out[:, start : start + k] = self._waves * np.cos(phases)
            out[:, start + d * k : start + (d + 1) * k] = -self._waves * np.sin(phases)
        return out

    def _level(self, alpha_bar: float) -> np.ndarray:
        """What the noise level adds to the first layer, ``(H,)``, its bias included."""
        return noise_features(alpha_bar, self.config.t_waves) @ self._of_level + self._bias

    def _classes(self, y: Any) -> np.ndarray | None:
        """One-hot, ``(N, C)`` float32; −1 is a row of zeros."""
        if y is None:
            return None
        y, c = np.asarray(y), self.config.n_classes
        if not c:
            raise ValueError("This denoiser knows no classes; leave out y.")
        if y.dtype.kind not in "iu" or (y.size and not (y.min() >= -1 and y.max() < c)):
            raise ValueError(f"y must hold classes 0 … {c - 1}, or −1 for none, one a row.")
        return np.eye(c + 1, c, dtype=np.float32)[y]

    def _shift(self, alpha_bar: float, y: Any) -> np.ndarray:
        """What noise level and class add to the first layer, ``(H,)`` or ``(N, H)``."""
        classes = self._classes(y)
        return self._level(alpha_bar) + (0 if classes is None else classes @ self._of_class)


def _activate(a: np.ndarray, activation: str) -> np.ndarray:
    """φ(a), in place."""
    if activation == "relu":
        return np.maximum(a, 0, out=a)
    if activation == "tanh":
        return np.tanh(a, out=a)
    a *= np.float32(0.5)  # silu: a σ(a) = h + h tanh(h) with h = a/2
    gate = np.tanh(a)
    gate += 1
    a *= gate
    return a


def _slope(a: np.ndarray, activation: str) -> np.ndarray:
    """φ'(a)."""
    if activation == "relu":
        return (a > 0).astype(a.dtype)
    if activation == "tanh":
        return 1 - np.tanh(a) ** 2
    gate = 0.5 * (1 + np.tanh(0.5 * a))
    return gate * (1 + a * (1 - gate))
