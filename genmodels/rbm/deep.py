r"""Two hidden layers on pixels v: a deep belief network (DBN) and a deep Boltzmann machine (DBM).

*DBN*: an RBM (W, b, c) for the pixels, of which only the way down is kept, below a second RBM, the *top*, that
gives h¹:

    p(v, h¹) = p(v | h¹) p_top(h¹),    p(v_d = 1 | h¹) = σ(b_d + Σ_j W_dj h¹_j)

It is built greedily: the top one learns the activities h¹ ~ q(h¹ | v) = Π σ(c + vᵀW) of the images. With q,

    log p(v) ≥ E_q[log p(v | h¹) + log p_top(h¹) − log q(h¹ | v)]

If the top one is the first one turned upside down (Wᵀ, biases c and b) the DBN *is* that RBM, q is exact, and the
bound tight for each h¹. From there on whatever raises E_q[log p_top(h¹)] raises the bound.

*DBM*: one energy, undirected throughout:

    E(v, h¹, h²) = − b·v − c·h¹ − d·h² − vᵀW h¹ − h¹ᵀU h²,    p = e^(−E) / Z

v and h² are independent given h¹, and h¹ has independent units given both: a DBM is an RBM whose visible units are
(v, h²), :meth:`DBM.folded`. So Gibbs draws even and odd layers in turn, and log Z is counted or annealed as an RBM's.
p(h | v) no longer factorises; *mean field* takes the best product q = (μ¹, μ²),

    μ¹ = σ(c + vᵀW + U μ²),    μ² = σ(d + μ¹ᵀU),    log p(v) ≥ b·v + c·μ¹ + d·μ² + vᵀW μ¹ + μ¹ᵀU μ² + H(q) − log Z

and each of the two updates raises the bound or leaves it. Training goes uphill in it: the data's phase by mean field,
the model's by persistent chains or, in a machine of up to 20 units h¹, by counting.

From draws of q, *importance sampling* says more: log of the mean of p(v, h) / q(h | v) tends to log p(v) itself.

Sources: Hinton, Osindero & Teh (2006), *Neural Computation* 18(7); Salakhutdinov & Murray (2008), ICML, section 5;
Salakhutdinov & Hinton (2009), *Deep Boltzmann machines*, AISTATS. Rows are images of 0 and 1; float64 or float32, as
the weights are; nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from scipy.special import entr, expit, logsumexp

from genmodels.checks import check_choice, check_ink, check_number, check_whole
from genmodels.rbm.chains import ChainConfig
from genmodels.rbm.model import RBM, binary_states, coins, softplus
from genmodels.rbm.training import RBMConfig, RBMTraining
from genmodels.states import DivergedError, iterate, last, still

DBN_NAMES = ("top.weight", "middle.bias", "top.bias")
DBM_NAMES = ("lower.weight", "upper.weight", "visible.bias", "middle.bias", "top.bias")
"""Of the arrays of a stored machine."""
RARE = 1e-6
"""No unit is drawn with a smaller probability: an importance weight is to be finite."""


class Layers(NamedTuple):
    """All units of N chains, drawn from the top down.

    Attributes:
        ink: p(v = 1 | h¹), ``(N, D)``; at the start v itself.
        images: v, ``(N, D)`` of 0 and 1.
        middle: h¹, ``(N, H)`` of 0 and 1.
        top: h², ``(N, T)`` of 0 and 1.
    """

    ink: np.ndarray
    images: np.ndarray
    middle: np.ndarray
    top: np.ndarray


@dataclass(frozen=True, eq=False)
class DBN:
    """A deep belief network.

    Args:
        bottom: Pixels and h¹; its c and W upwards are those of q.
        top: h¹, as its visible units, and h².

    Raises:
        ValueError: The top has another number of h¹ than the bottom.
    """

    bottom: RBM
    top: RBM

    def __post_init__(self) -> None:
        if self.bottom.n_hidden != self.top.n_visible:
            raise ValueError(
                f"The bottom has {self.bottom.n_hidden} hidden units, and the top is for {self.top.n_visible}; give "
                "as many."
            )

    def log_prob(self, v: np.ndarray) -> np.ndarray:
        """log p(v), ``(N, D)`` to ``(N,)``, by counting the states of h¹.

        Raises:
            ValueError: The images are not black and white, or one of the layers has too many units to count.
        """
        v = check_ink(v, self.bottom.n_visible)
        h = binary_states(self.bottom.n_hidden)
        return logsumexp(self._log_below(v[:, None], h) + self.top.log_prob(h), axis=1)

    def bound(
        self, v: np.ndarray, log_z: float, n_samples: int = 1, rng: np.random.Generator | int = 0
    ) -> np.ndarray:
        """The lower bound of log p(v), ``(N, D)`` to ``(N,)``, a mean over draws of h¹.

        Args:
            v: Images of 0 and 1.
            log_z: log Z of the top.
            n_samples: Draws of h¹ for each image, 1 or more.
            rng: Source of randomness, or a seed.

        Raises:
            ValueError: The images are not black and white, or ``n_samples`` is out of range.
        """
        return self._log_weights(v, n_samples, rng).mean(axis=0) - log_z

    def importance(
        self, v: np.ndarray, log_z: float, n_samples: int = 100, rng: np.random.Generator | int = 0
    ) -> np.ndarray:
        """log p(v) by importance sampling from q, ``(N, D)`` to ``(N,)``: on average between the bound and log p.

        Args:
            v: Images of 0 and 1.
            log_z: log Z of the top.
            n_samples: Draws of h¹ for each image, 1 or more; with more it comes nearer to log p.
            rng: Source of randomness, or a seed.

        Raises:
            ValueError: The images are not black and white, or ``n_samples`` is out of range.
        """
        return logsumexp(self._log_weights(v, n_samples, rng), axis=0) - np.log(n_samples) - log_z

    def _log_weights(self, v: np.ndarray, n_samples: int, rng: np.random.Generator | int) -> np.ndarray:
        """log p*(v, h¹) / q(h¹ | v) of draws of h¹, ``(S, N)`` float64."""
        check_whole("n_samples", n_samples, at_least=1)
        v, rng = check_ink(v, self.bottom.n_visible).astype(self.bottom.weights.dtype), np.random.default_rng(rng)
        q, found = self.bottom.hidden_given(v), np.zeros((n_samples, len(v)))
        logits = v @ self.bottom.weights + self.bottom.hidden
        for k in range(n_samples):
            h = coins(q, rng)
            log_q = (h * logits - softplus(logits)).sum(axis=1)
            found[k] = self._log_below(v, h) - self.top.free_energy(h) - log_q
        return found

    def begin(self, v: np.ndarray, rng: np.random.Generator) -> Layers:
        """Images ``(N, D)``, and both layers above them drawn, upwards."""
        middle = coins(self.bottom.hidden_given(v), rng)
        return Layers(v, v, middle, coins(self.top.hidden_given(middle), rng))

    def step(self, now: Layers, rng: np.random.Generator) -> Layers:
        """One step of Gibbs in the top, h² and then h¹, and the pixels below."""
        top = coins(self.top.hidden_given(now.middle), rng)
        middle = coins(self.top.visible_given(top), rng)
        ink = self.bottom.visible_given(middle)
        return Layers(ink, coins(ink, rng), middle, top)

    def _log_below(self, v: np.ndarray, h: np.ndarray) -> np.ndarray:
        """log p(v | h¹), of ``(…, D)`` and ``(…, H)``."""
        logits = h @ self.bottom.weights.T + self.bottom.visible
        return (v * logits - softplus(logits)).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class DBM:
    """A deep Boltzmann machine.

    Args:
        lower: W, ``(D, H)``, float64 or float32.
        upper: U, ``(H, T)``.
        visible: b, ``(D,)``.
        middle: c, ``(H,)``.
        top: d, ``(T,)``.

    Raises:
        ValueError: Shapes do not fit, or a number is not finite.
    """

    lower: np.ndarray
    upper: np.ndarray
    visible: np.ndarray
    middle: np.ndarray
    top: np.ndarray

    def __post_init__(self) -> None:
        dtype = np.float32 if np.asarray(self.lower).dtype == np.float32 else np.float64
        for name in ("lower", "upper", "visible", "middle", "top"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        if self.lower.ndim != 2 or self.upper.shape != (*self.middle.shape, *self.top.shape):
            raise ValueError(f"W (D, H) and U (H, T) belong together; got {self.lower.shape} and {self.upper.shape}.")
        self.folded()  # looks at the other shapes

    def folded(self) -> RBM:
        """The same machine as an RBM, of D + T visible units (v, h²) and H hidden ones."""
        weights = np.concatenate([self.lower, self.upper.T])
        return RBM(weights, np.concatenate([self.visible, self.top]), self.middle)

    def log_prob(self, v: np.ndarray) -> np.ndarray:
        """log p(v), ``(N, D)`` to ``(N,)``, by counting the states of h².

        Raises:
            ValueError: The images are not black and white, or there are too many units to count.
        """
        v, rbm = check_ink(v, len(self.visible)), self.folded()
        tops = binary_states(len(self.top))
        pairs = np.concatenate([np.repeat(v, len(tops), axis=0), np.tile(tops, (len(v), 1))], axis=1)
        return logsumexp(-rbm.free_energy(pairs).reshape(len(v), -1), axis=1) - rbm.log_z()

    def mean_field(self, v: np.ndarray, n_updates: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """μ¹ ``(N, H)`` and μ² ``(N, T)`` of images ``(N, D)``, from μ² = σ(d) on; an update is one of both."""
        below, mu_2 = v @ self.lower + self.middle, np.tile(expit(self.top), (len(v), 1))
        mu_1 = expit(below + mu_2 @ self.upper.T)
        for _ in range(n_updates):
            mu_2 = expit(mu_1 @ self.upper + self.top)
            mu_1 = expit(below + mu_2 @ self.upper.T)
        return mu_1, mu_2

    def bound(self, v: np.ndarray, mu_1: np.ndarray, mu_2: np.ndarray, log_z: float) -> np.ndarray:
        """The lower bound of log p(v) by q = (μ¹, μ²), ``(N,)``."""
        energy = -(v @ self.visible) - (v @ self.lower * mu_1).sum(axis=1) - mu_1 @ self.middle
        energy = energy - mu_2 @ self.top - (mu_1 @ self.upper * mu_2).sum(axis=1)
        entropy = sum((entr(mu) + entr(1 - mu)).sum(axis=1, dtype=np.float64) for mu in (mu_1, mu_2))
        return entropy - energy - log_z

    def importance(
        self,
        v: np.ndarray,
        mu_2: np.ndarray,
        log_z: float,
        n_samples: int = 100,
        rng: np.random.Generator | int = 0,
    ) -> np.ndarray:
        """log p(v) by importance sampling of h² from μ², h¹ summed out, ``(N,)``: on average not above log p.

        Args:
            v: Images ``(N, D)`` of 0 and 1.
            mu_2: Of :meth:`mean_field`, ``(N, T)``.
            log_z: log Z.
            n_samples: Draws of h² for each image, 1 or more; with more it comes nearer to log p.
            rng: Source of randomness, or a seed.

        Raises:
            ValueError: ``n_samples`` is out of range.
        """
        check_whole("n_samples", n_samples, at_least=1)
        rng, rbm, found = np.random.default_rng(rng), self.folded(), np.zeros((n_samples, len(v)))
        q = np.clip(mu_2, RARE, 1 - RARE)
        for k in range(n_samples):
            top = coins(q, rng)
            log_q = np.log(np.where(top == 1, q, 1 - q)).sum(axis=1)
            found[k] = -rbm.free_energy(np.concatenate([v, top], axis=1)) - log_q
        return logsumexp(found, axis=0) - np.log(n_samples) - log_z

    def begin(self, v: np.ndarray, rng: np.random.Generator) -> Layers:
        """Images ``(N, D)``, h² as its biases would have it, and h¹ between them."""
        top = coins(np.tile(expit(self.top), (len(v), 1)), rng)
        return Layers(v, v, coins(self._middle_given(v, top), rng), top)

    def step(self, now: Layers, rng: np.random.Generator) -> Layers:
        """One step of Gibbs: h¹, then h² and the pixels."""
        middle = coins(self._middle_given(now.images, now.top), rng)
        top = coins(expit(middle @ self.upper + self.top), rng)
        ink = expit(middle @ self.lower.T + self.visible)
        return Layers(ink, coins(ink, rng), middle, top)

    def _middle_given(self, v: np.ndarray, top: np.ndarray) -> np.ndarray:
        return expit(v @ self.lower + top @ self.upper.T + self.middle)


def dbn_of(arrays: Mapping[str, np.ndarray], bottom: RBM, dtype: type = np.float32) -> DBN:
    """A DBN from its stored top; the dtype is to be that of the bottom."""
    return DBN(bottom, RBM(*(arrays[name].astype(dtype) for name in DBN_NAMES)))


def dbm_of(arrays: Mapping[str, np.ndarray], dtype: type = np.float32) -> DBM:
    """A DBM as stored."""
    return DBM(*(arrays[name].astype(dtype) for name in DBM_NAMES))


class Deep(Protocol):
    """What chains need of a machine of two hidden layers."""

    def begin(self, v: np.ndarray, rng: np.random.Generator) -> Layers:
        """All layers above images ``(N, D)``."""
        ...

    def step(self, now: Layers, rng: np.random.Generator) -> Layers:
        """One step of Gibbs."""
        ...


@dataclass(frozen=True, eq=False)
class DreamState:
    """All chains after some steps.

    Attributes:
        step: Steps made.
        ink, images, middle, top: As of :class:`Layers`.
    """

    step: int
    ink: np.ndarray
    images: np.ndarray
    middle: np.ndarray
    top: np.ndarray


def iterate_dreams(machine: Deep, start: np.ndarray, config: ChainConfig) -> Iterator[DreamState]:
    """Free chains of a DBN or a DBM, a state a step, the start first.

    Args:
        machine: It draws its layers.
        start: ``(N, D)`` of 0 and 1, in the machine's dtype.
        config: How far.

    Raises:
        ValueError: The start is not black and white.
    """
    check_ink(start)
    rng = np.random.default_rng(config.seed)
    now = machine.begin(start, rng)
    yield DreamState(0, *map(still, now))
    for step in range(1, config.n_steps + 1):
        now = machine.step(now, rng)
        yield DreamState(step, *map(still, now))


def run_dreams(machine: Deep, start: np.ndarray, config: ChainConfig) -> DreamState:
    """The last state of :func:`iterate_dreams`."""
    return last(iterate_dreams(machine, start, config))


# --- training -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class DBNState:
    """A DBN after some steps of its top.

    Attributes:
        step: Steps made.
        top_weights: ``(H, T)``.
        top_visible: ``(H,)``.
        top_hidden: ``(T,)``.
    """

    step: int
    top_weights: np.ndarray
    top_visible: np.ndarray
    top_hidden: np.ndarray

    def top(self) -> RBM:
        """The upper machine."""
        return RBM(self.top_weights, self.top_visible, self.top_hidden)


class DBNTraining:
    """The second step of a greedy training: the top learns the bottom's h¹, drawn anew for each batch.

    Args:
        x: Images ``(N, D)`` of 0 and 1, one or more.
        bottom: It stays as it is.
        config: Of the top. As many hidden units as there are pixels, and the top begins as the bottom turned upside
            down; with another number it begins at random, as an RBM does.

    Raises:
        ValueError: The images are not black and white, or there is none.
    """

    def __init__(self, x: np.ndarray, bottom: RBM, config: RBMConfig) -> None:
        x = check_ink(x, bottom.n_visible)
        if not len(x):
            raise ValueError("There is no image to learn from; give one or more.")
        self.q = bottom.hidden_given(x.astype(bottom.weights.dtype))
        self.rng = np.random.default_rng([config.seed, 1])
        self.inner = RBMTraining(coins(self.q, self.rng), config)
        if config.n_hidden == bottom.n_visible:
            parts = (bottom.weights.T, bottom.hidden, bottom.visible)
            self.inner.rbm = RBM(*(part.astype(self.inner.x.dtype) for part in parts))
            self.inner.chains = self.inner.rbm.hidden_given(self.inner.x[: config.n_chains]).round()

    @property
    def step(self) -> int:
        """Steps so far."""
        return self.inner.step

    def update(self) -> None:
        """One step uphill; h¹ of all images is drawn anew where an epoch begins.

        Raises:
            DivergedError: A number is no longer finite.
        """
        if self.step * self.inner.config.batch % len(self.q) < self.inner.config.batch:
            self.inner.x = coins(self.q, self.rng).astype(self.inner.x.dtype)
        self.inner.update()

    def state(self) -> DBNState:
        """What is now, as copies."""
        rbm = self.inner.rbm
        return DBNState(self.step, *map(still, (rbm.weights, rbm.visible, rbm.hidden)))


def iterate_dbn(x: np.ndarray, bottom: RBM, config: RBMConfig, every: int = 1) -> Iterator[DBNState]:
    """Train the top of a DBN, one state every so many steps, the start first; see :class:`DBNTraining`.

    Raises:
        ValueError: The images are not black and white, or there is none.
        DivergedError: A number is no longer finite.
    """
    check_whole("every", every, at_least=1)
    return iterate(DBNTraining(x, bottom, config), config.n_steps, every)


@dataclass(frozen=True)
class DBMConfig:
    """How to train a DBM from an RBM on.

    Args:
        n_top: T, 1 or more.
        method: ``exact``, the model's phase is counted (up to 20 units h¹), or ``pcd``, persistent chains.
        n_chains: 1 or more.
        updates: Of mean field for each batch, 1 or more.
        learning_rate: Above 0; it falls in a straight line, to 0 after the last step.
        batch: Images a step, 1 or more.
        n_steps: 0 or more.
        scale: Standard deviation of U at the start, 0 or more.
        seed: 0 or more.

    Raises:
        ValueError: A value is out of range.
    """

    n_top: int = 64
    method: Literal["exact", "pcd"] = "pcd"
    n_chains: int = 100
    updates: int = 5
    learning_rate: float = 0.02
    batch: int = 100
    n_steps: int = 1000
    scale: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("method", self.method, ("exact", "pcd"))
        for name in ("n_top", "n_chains", "updates", "batch"):
            check_whole(name, getattr(self, name), at_least=1)
        for name in ("n_steps", "seed"):
            check_whole(name, getattr(self, name), at_least=0)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("scale", self.scale, at_least=0)


@dataclass(frozen=True, eq=False)
class DBMState:
    """The machine after some steps.

    Attributes:
        step: Steps made.
        lower, upper, visible, middle, top: As of :class:`DBM`.
    """

    step: int
    lower: np.ndarray
    upper: np.ndarray
    visible: np.ndarray
    middle: np.ndarray
    top: np.ndarray

    def dbm(self) -> DBM:
        """The machine."""
        return DBM(self.lower, self.upper, self.visible, self.middle, self.top)


class DBMTraining:
    """A run while it changes.

    Args:
        x: Images ``(N, D)`` of 0 and 1, one or more.
        start: An RBM of the pixels. With U = 0 the DBM has its p(v): the units h² are coins for themselves.
        config: How.

    Raises:
        ValueError: The images are not black and white, or there is none.
    """

    def __init__(self, x: np.ndarray, start: RBM, config: DBMConfig) -> None:
        self.x = check_ink(x, start.n_visible).astype(start.weights.dtype)
        if not len(x):
            raise ValueError("There is no image to learn from; give one or more.")
        self.config, self.step, self.rng = config, 0, np.random.default_rng(config.seed)
        upper = config.scale * self.rng.standard_normal((start.n_hidden, config.n_top))
        parts = (start.weights, upper, start.visible, start.hidden, np.zeros(config.n_top))
        self.dbm = DBM(*(np.array(part, dtype=self.x.dtype) for part in parts))
        rows = self.rng.integers(len(x), size=config.n_chains)
        self.chains = self.dbm.begin(self.x[rows], self.rng)
        self._order = np.arange(0)

    def update(self) -> None:
        """One step uphill in the bound.

        Raises:
            DivergedError: A number is no longer finite.
        """
        rate = self.config.learning_rate * (1 - self.step / self.config.n_steps)
        uphill = self.phases(self._next_batch())
        self.step += 1
        dbm = self.dbm
        with np.errstate(over="ignore", invalid="ignore"):
            for part, way in zip((dbm.lower, dbm.upper, dbm.visible, dbm.middle, dbm.top), uphill, strict=True):
                part += rate * way
            whole = sum(float(part.sum()) for part in (dbm.lower, dbm.upper, dbm.visible, dbm.middle, dbm.top))
        if not np.isfinite(whole):
            raise DivergedError(self.step)

    def phases(self, v: np.ndarray) -> list[np.ndarray]:
        """The data's phase of a batch ``(N, D)``, minus the model's, of W, U, b, c and d; chains make a step."""
        mu_1, mu_2 = self.dbm.mean_field(v, self.config.updates)
        data = _moments(v, mu_1, mu_2)
        if self.config.method == "exact":
            weights, outer, middle = self.dbm.folded().expectations()
            d = len(self.dbm.visible)
            model = [weights[:d], weights[d:].T, outer[:d], middle, outer[d:]]
        else:
            self.chains = self.dbm.step(self.chains, self.rng)
            model = _moments(self.chains.images, self.chains.middle, self.chains.top)
        return [a - b for a, b in zip(data, model, strict=True)]

    def state(self) -> DBMState:
        """What is now, as copies."""
        dbm = self.dbm
        return DBMState(self.step, *map(still, (dbm.lower, dbm.upper, dbm.visible, dbm.middle, dbm.top)))

    def _next_batch(self) -> np.ndarray:
        if self.config.batch >= len(self.x):
            return self.x
        if len(self._order) < self.config.batch:
            self._order = self.rng.permutation(len(self.x))
        rows, self._order = np.split(self._order, [self.config.batch])
        return self.x[rows]


def iterate_dbm(x: np.ndarray, start: RBM, config: DBMConfig, every: int = 1) -> Iterator[DBMState]:
    """Train a DBM, one state every so many steps, the start first; see :class:`DBMTraining`.

    Raises:
        ValueError: The images are not black and white, or there is none.
        DivergedError: A number is no longer finite.
    """
    check_whole("every", every, at_least=1)
    return iterate(DBMTraining(x, start, config), config.n_steps, every)


def _moments(v: np.ndarray, h: np.ndarray, top: np.ndarray) -> list[np.ndarray]:
    """Means over the rows that belong to W, U, b, c and d."""
    return [v.T @ h / len(v), h.T @ top / len(v), v.mean(axis=0), h.mean(axis=0), top.mean(axis=0)]
