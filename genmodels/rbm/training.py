r"""Training a restricted Boltzmann machine: uphill in log p(data), the model's phase counted or guessed.

    ∂/∂W of the mean log p(data) = E_data[v hᵀ] − E_model[v hᵀ]

The data's phase is easy; the model's needs samples of p(v, h). Three ways to have them:

    exact   no samples: all states of the hidden units are counted (up to 20 units)
    CD-k    contrastive divergence: k steps of Gibbs from *each batch's own images*. Biased, even on average, whatever
            the learning rate: k steps do not lead to the model, and lumps of p far from all data are never seen
    PCD     persistent chains: particles that go on from step to step. Right in the limit of a learning rate that
            falls slowly; if it is too high the weights move on before the chains do

Both phases take E[h | v] in place of a drawn h where they can (Rao–Blackwell), as scikit-learn does: a step of
its PCD is the same arithmetic. *negative* weighs the model's phase: 1 is the gradient; with 0 nothing pulls down.

Sources: Hinton (2002), *Neural Computation* 14(8) (CD); Younes (1989) and Tieleman (2008), ICML (PCD); Carreira-
Perpiñán & Hinton (2005) on CD's bias; Hinton (2010), *A practical guide to training RBMs*. Seeds explicit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genmodels.checks import check_choice, check_ink, check_number, check_whole
from genmodels.rbm.model import MOST_HIDDEN, RBM, Gradient, coins
from genmodels.states import DivergedError, iterate, last, still

METHODS = ("exact", "cd", "pcd")


@dataclass(frozen=True)
class RBMConfig:
    """How many hidden units, and how to train them.

    Args:
        n_hidden: H, 1 or more; at most 20 for ``exact``.
        method: ``exact``, ``cd`` or ``pcd``.
        k: Steps of Gibbs before the model's phase is read, 1 or more.
        n_chains: Persistent chains of ``pcd``, 1 or more.
        learning_rate: Above 0.
        decay: Whether the learning rate falls in a straight line, to 0 after the last step.
        negative: Weight of the model's phase, 0 or more; 1 is the gradient of log p.
        batch: Images a step, 1 or more; all of them if there are no more. Each epoch has its own order.
        n_steps: 0 or more.
        scale: Standard deviation of the weights at the start, 0 or more.
        fit_bias: Whether b begins at the log-odds of each pixel's ink (Hinton 2010, section 8.1), or at 0, as c does.
        single: float32 rather than float64.
        seed: Of the start, the order and all draws, 0 or more.

    Raises:
        ValueError: A value is out of range.
    """

    n_hidden: int = 8
    method: Literal["exact", "cd", "pcd"] = "pcd"
    k: int = 1
    n_chains: int = 100
    learning_rate: float = 0.1
    decay: bool = False
    negative: float = 1.0
    batch: int = 100
    n_steps: int = 1000
    scale: float = 0.01
    fit_bias: bool = False
    single: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        for name in ("n_hidden", "k", "n_chains", "batch"):
            check_whole(name, getattr(self, name), at_least=1)
        for name in ("n_steps", "seed"):
            check_whole(name, getattr(self, name), at_least=0)
        check_number("learning_rate", self.learning_rate, above=0)
        for name in ("negative", "scale"):
            check_number(name, getattr(self, name), at_least=0)
        if self.method == "exact" and self.n_hidden > MOST_HIDDEN:
            raise ValueError(
                f"n_hidden is {self.n_hidden}; the exact gradient counts at most {MOST_HIDDEN}: choose cd or pcd."
            )


@dataclass(frozen=True, eq=False)
class RBMState:
    """The machine after some steps.

    Attributes:
        step: Steps made.
        weights: W, ``(D, H)``.
        visible: b, ``(D,)``.
        hidden: c, ``(H,)``.
        particles: Pixels that stood for the model in the last step, ``(N, D)`` of 0 and 1; none at the start and with
            ``exact``.
    """

    step: int
    weights: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray
    particles: np.ndarray

    def rbm(self) -> RBM:
        """The machine."""
        return RBM(self.weights, self.visible, self.hidden)


class RBMTraining:
    """A run while it changes.

    Args:
        x: Images ``(N, D)`` of 0 and 1, one or more.
        config: How.

    Attributes:
        rbm: The machine; its arrays change in place.
        chains: The hidden units of the persistent chains, ``(C, H)``; all 0 at the start, as scikit-learn has them.

    Raises:
        ValueError: The images are not black and white, or there is none.
    """

    def __init__(self, x: np.ndarray, config: RBMConfig) -> None:
        dtype = np.float32 if config.single else np.float64
        x = check_ink(x)
        if not len(x):
            raise ValueError("There is no image to learn from; give one or more.")
        self.x, self.config, self.step = x.astype(dtype), config, 0
        self.rng = np.random.default_rng(config.seed)
        d, h = x.shape[1], config.n_hidden
        weights = config.scale * self.rng.standard_normal((d, h))
        ink = (x.sum(axis=0) + 1) / (len(x) + 2)  # never 0 or 1
        visible = np.log(ink / (1 - ink)) if config.fit_bias else np.zeros(d)
        self.rbm = RBM(weights.astype(dtype), visible.astype(dtype), np.zeros(h, dtype))
        self.chains = np.zeros((config.n_chains, h), dtype)
        self.particles = np.zeros((0, d), dtype)
        self._order = np.arange(0)

    def update(self) -> None:
        """One step uphill.

        Raises:
            DivergedError: A number is no longer finite.
        """
        config, rate = self.config, self.config.learning_rate
        if config.decay:
            rate *= 1 - self.step / config.n_steps
        uphill = self.phases(self._next_batch())
        self.step += 1
        with np.errstate(over="ignore", invalid="ignore"):
            for part, way in zip((self.rbm.weights, self.rbm.visible, self.rbm.hidden), uphill, strict=True):
                part += rate * way
            whole = self.rbm.weights.sum() + self.rbm.visible.sum() + self.rbm.hidden.sum()
        if not np.isfinite(whole):
            raise DivergedError(self.step)

    def phases(self, v: np.ndarray) -> Gradient:
        """The data's phase of a batch ``(N, D)``, minus the model's; chains move on by k steps."""
        rbm, config = self.rbm, self.config
        if config.method == "exact":
            return rbm.of_data(v).minus(rbm.expectations(), config.negative)
        p = rbm.hidden_given(v)
        h = coins(p, self.rng) if config.method == "cd" else self.chains
        for _ in range(config.k):
            self.particles, seen, h = rbm.gibbs(h, self.rng)
        self.chains = h if config.method == "pcd" else self.chains
        above, below = 1 / len(v), config.negative / len(seen)
        units = np.concatenate([above * p, -below * seen])
        visible = above * v.sum(axis=0) - below * self.particles.sum(axis=0)
        return Gradient(np.concatenate([v, self.particles]).T @ units, visible, units.sum(axis=0))

    def state(self) -> RBMState:
        """What is now, as copies."""
        parts = (self.rbm.weights, self.rbm.visible, self.rbm.hidden, self.particles)
        return RBMState(self.step, *map(still, parts))

    def _next_batch(self) -> np.ndarray:
        if self.config.batch >= len(self.x):
            return self.x
        if len(self._order) < self.config.batch:
            self._order = self.rng.permutation(len(self.x))
        rows, self._order = np.split(self._order, [self.config.batch])
        return self.x[rows]


def iterate_rbm(x: np.ndarray, config: RBMConfig, every: int = 1) -> Iterator[RBMState]:
    """Train, one state every so many steps, the start first.

    Args:
        x: Images ``(N, D)`` of 0 and 1.
        config: How.
        every: Steps from state to state, 1 or more.

    Raises:
        ValueError: The images are not black and white, or there is none.
        DivergedError: A number is no longer finite.
    """
    check_whole("every", every, at_least=1)
    return iterate(RBMTraining(x, config), config.n_steps, every)


def fit_rbm(x: np.ndarray, config: RBMConfig) -> RBMState:
    """The last state of :func:`iterate_rbm`."""
    return last(iterate_rbm(x, config, max(config.n_steps, 1)))
