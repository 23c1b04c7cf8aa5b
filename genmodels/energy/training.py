r"""Learning an energy (:mod:`genmodels.energy.network`): push it down at data, pull it up at what the model draws.

    ∇_θ E[−log p_θ(x)] = E_data[∇_θ E_θ(x)] − E_{p_θ}[∇_θ E_θ(x)]

The second mean, the *negative phase*, needs samples of p_θ. They are made by k steps of unadjusted Langevin dynamics
x ← x − (ε/2) ∂E/∂x + √ε ξ, and methods differ in where these start:

    contrastive   at the minibatch (Hinton 2002, CD-k): wells far from the data are never visited, and stay
    persistent    where they ended last time (Tieleman 2008, PCD)
    replay        the same, but a share of the chains starts anew from N(0, s² I) each time (Du & Mordatch 2019)
    exact         nowhere: the mean is a sum over a grid, in the plane; what the others approximate
    denoising     no samples: ½ |σ ∂E/∂x(x + σ ξ) − ξ|² (Vincent 2011); p_θ learns the data blurred by N(0, σ² I)

Chains of finitely many steps of finite size do not draw from p_θ exactly; the grid shows by how much it matters.
Minibatch i and all noise of step i depend on the seed and i alone.

Sources: Hinton (2002), *Neural Computation* 14(8); Tieleman (2008), ICML; Du & Mordatch (2019), arXiv:1903.08689;
Vincent (2011), *Neural Computation* 23(7).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from genmodels.checks import check_choice, check_hidden, check_number, check_whole
from genmodels.data.source import point_source
from genmodels.energy.network import Energy, Perceptron, cell_centres
from genmodels.nn.adam import NAMES, Adam, Minibatches, views
from genmodels.nn.point_training import PointTraining
from genmodels.states import DivergedError, iterate, last, still

METHODS = ("contrastive", "persistent", "replay", "exact", "denoising")
REACH, CELLS = 6.0, 72  # of the exact method's grid, standardised units
FAR = 1e3  # a chain beyond this is lost: its energy falls outwards, or ε is too large for it


@dataclass(frozen=True, kw_only=True)
class EnergyConfig(PointTraining):
    """Which energy to learn, and how; on which points, see :class:`genmodels.nn.point_training.PointTraining`.

    Args:
        method: Of :data:`METHODS`.
        hidden: Widths of the hidden layers.
        x_waves: J, waves of each coordinate that the network takes, 0 or more.
        spread: s of the Gaussian, above 0, standardised units.
        chain_steps: k, Langevin steps between two updates, 1 or more.
        chain_step: ε, above 0.
        adjusted: Whether a Langevin step is taken or refused by Metropolis' rule (MALA), or always taken (ULA).
        restart: Of ``"replay"``: share of the chains that start anew at each update, 0 … 1.
        noise: σ of ``"denoising"``, above 0.
        negative: Weight of the negative phase, 0 … 1; 1 is the gradient of the likelihood.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    method: str = "persistent"
    hidden: tuple[int, ...] = (64, 64)
    x_waves: int = 3
    spread: float = 1.5
    chain_steps: int = 20
    chain_step: float = 0.02
    adjusted: bool = True
    restart: float = 0.05
    noise: float = 0.2
    negative: float = 1.0
    average: float = 0.99
    n_steps: int = 1_000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("method", self.method, METHODS)
        check_whole("chain_steps", self.chain_steps, at_least=1)
        check_whole("x_waves", self.x_waves, at_least=0)
        for name in ("spread", "chain_step", "noise"):
            check_number(name, getattr(self, name), above=0)
        for name in ("restart", "negative"):
            check_number(name, getattr(self, name), at_least=0, at_most=1)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))

    @property
    def has_chains(self) -> bool:
        """Whether the negative phase is drawn."""
        return self.method in METHODS[:3]


@dataclass(frozen=True, eq=False, kw_only=True)
class EnergyState:
    """An energy after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Updates so far.
        contrast: Mean energy of the minibatch minus that of the negative samples, before the last update: no
            likelihood; near 0 where the two cannot be told apart. NaN in the initial state, and for ``"denoising"``.
        parameters: ``(P,)`` float32.
        average: Their running mean, which judges; ``parameters`` if ``config.average`` is 0.
        moments: Adam's running means of g and g², ``(2, P)``.
        chains: Where the chains are, ``(B, D)`` float32, standardised units; ``(0, D)`` if there are none.
        centre: Mean of the data, ``(D,)``, data units.
        scale: Their one standard deviation, data units.
        config: What was trained, and how.
    """

    step: int
    contrast: float
    parameters: np.ndarray = field(repr=False)
    average: np.ndarray = field(repr=False)
    moments: np.ndarray = field(repr=False)
    chains: np.ndarray = field(repr=False)
    centre: np.ndarray
    scale: float
    config: EnergyConfig

    def arrays(self, averaged: bool = True) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the parameters (or their running mean) by name, centre and scale."""
        vector = self.average if averaged else self.parameters
        named: dict[str, np.ndarray] = {}
        for i, matrix in enumerate(views(vector, _sizes(self.config, len(self.centre)))):
            named |= {f"net.{i}.weight": matrix[:, :-1].copy(), f"net.{i}.bias": matrix[:, -1].copy()}
        return named | {"centre": self.centre, "scale": np.array([self.scale])}

    def energy(self, averaged: bool = True) -> Energy:
        """E_θ, to be used."""
        return Energy(self.arrays(averaged), self.config.spread, self.config.x_waves)

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as named arrays: what ``resume=`` and safetensors take."""
        kept = {name: getattr(self, name).copy() for name in (*NAMES, "chains")}
        return kept | {"step": np.array([self.step])}


def iterate_energy(
    points: Any, config: EnergyConfig, resume: EnergyState | Mapping[str, np.ndarray] | None = None
) -> Iterator[EnergyState]:
    """Train an energy.

    Args:
        points: Data ``(N, D)``, rows of which are drawn with replacement; None for fresh points of the data set of
            the config.
        config: Which energy, and how.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: A chain has left for infinity or a number is no longer finite, *after* the states before have
            been yielded.
        ValueError: Points or ``resume`` do not fit; the message says what to mend.
    """
    return iterate(_Training(points, config, resume), config.n_steps, config.every)


def fit_energy(points: Any, config: EnergyConfig) -> EnergyState:
    """The trained energy: the last state of :func:`iterate_energy`."""
    return last(iterate_energy(points, config))


def langevin(x: np.ndarray, network: Perceptron, config: EnergyConfig, rng: np.random.Generator) -> np.ndarray:
    """The columns x ``(D, N)`` after k Langevin steps."""
    half, root = x.dtype.type(config.chain_step / 2), x.dtype.type(math.sqrt(config.chain_step))
    slope, energy = network.slopes(x)
    for _ in range(config.chain_steps):
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        there = x - half * slope + root * noise
        slope_there, energy_there = network.slopes(there)
        if not config.adjusted:
            x, slope = there, slope_there
            continue
        back = (x - there + half * slope_there) / root  # the noise that would lead back
        log_ratio = energy - energy_there + 0.5 * (np.square(noise) - np.square(back)).sum(axis=0)
        taken = np.log(rng.random(x.shape[1], dtype=np.float32)) < log_ratio
        x, slope = np.where(taken, there, x), np.where(taken, slope_there, slope)
        energy = np.where(taken, energy_there, energy)
    return x


class _Training:
    """Parameters, chains and data, while they change."""

    def __init__(self, points: Any, config: EnergyConfig, resume: Any) -> None:
        self.config = config
        source, self.centre, self.scale = point_source(config.data, points, config.standardise)
        d = len(self.centre)
        if config.method == "exact" and d != 2:
            raise ValueError(f"The points have {d} coordinates; the exact method sums over a grid of the plane.")
        sizes = _sizes(config, d)
        self.minibatches = Minibatches(source, config.batch, d, config.seed)
        self.adam = Adam(_initial(sizes, self._rng(0)), config.average)
        self.network = Perceptron(views(self.adam.theta, sizes), config.spread, config.x_waves)
        self.gradients = views(self.adam.gradient, sizes)
        self.chains = self._from_noise(d, config.batch if config.has_chains else 0, self._rng(1))
        self.contrast = math.nan
        self.grid = cell_centres(REACH, CELLS).T.astype(np.float32) if config.method == "exact" else None
        if resume is not None:
            saved = resume.snapshot() if isinstance(resume, EnergyState) else resume
            self.adam.resume(saved, config.n_steps, "energy")
            if np.shape(saved.get("chains", ())) != self.chains.T.shape:
                raise ValueError("The snapshot's chains do not fit; give the whole of what was saved.")
            self.chains = np.asarray(saved["chains"], np.float32).T.copy()

    @property
    def step(self) -> int:
        return self.adam.step

    def update(self) -> None:
        """Draw, and take one step of Adam."""
        config, x = self.config, self.minibatches[self.step]
        self.adam.gradient[:] = 0
        with np.errstate(all="ignore"):
            if config.method == "denoising":
                self._denoising(x, self._rng(2, self.step))
            else:
                self._contrastive(x, *self._negative(x, self._rng(2, self.step)))
            if not np.isfinite(self.adam.gradient).all():
                raise DivergedError(self.step, "try a smaller learning rate or a smaller ε")
            self.adam.update(config.rate(self.step))

    def state(self) -> EnergyState:
        """What is now, as copies."""
        if not np.isfinite(self.adam.theta).all():
            raise DivergedError(self.step)
        parameters = still(self.adam.theta)
        return EnergyState(
            step=self.step,
            contrast=self.contrast,
            parameters=parameters,
            average=still(self.adam.average) if self.config.average else parameters,
            moments=still(self.adam.moments),
            chains=still(self.chains.T),
            centre=self.centre,
            scale=self.scale,
            config=self.config,
        )

    def _negative(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Columns, and their weights, which sum to 1."""
        config = self.config
        if self.grid is not None:
            energy = self.network.energies(self.grid)
            p = np.exp(energy.min() - energy)
            return self.grid, p / p.sum()
        start = x if config.method == "contrastive" else self.chains
        if config.method == "replay":
            anew = rng.random(start.shape[1]) < config.restart
            start = np.where(anew, self._from_noise(start.shape[0], start.shape[1], rng), start)
        self.chains = langevin(start, self.network, config, rng)
        if not (np.abs(self.chains) < FAR).all():
            more = " or a negative phase of weight 1" if config.negative < 1 else ""
            raise DivergedError(self.step, f"a chain left for infinity; try a smaller ε{more}")
        n = self.chains.shape[1]
        return self.chains, np.full(n, 1 / n, np.float32)

    def _contrastive(self, x: np.ndarray, negative: np.ndarray, weights: np.ndarray) -> None:
        config, each = self.config, np.full(x.shape[1], 1 / x.shape[1], np.float32)
        e_data, e_negative = (self.network.energies(at) for at in (x, negative))
        self.contrast = float(e_data.mean() - weights @ e_negative)
        self.network.add_gradient(x, each, self.gradients)
        self.network.add_gradient(negative, np.float32(-config.negative) * weights, self.gradients)

    def _denoising(self, x: np.ndarray, rng: np.random.Generator) -> None:
        sigma = np.float32(self.config.noise)
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        at = x + sigma * noise
        off = sigma * self.network.slopes(at)[0] - noise
        self.network.add_tangent_gradient(at, off * (sigma / np.float32(x.shape[1])), self.gradients)

    def _from_noise(self, d: int, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.float32(self.config.spread) * rng.standard_normal((d, n), dtype=np.float32)

    def _rng(self, *salt: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, 1 << 31, *salt])


def _sizes(config: EnergyConfig, d: int) -> tuple[int, ...]:
    return d * (1 + 2 * config.x_waves), *config.hidden, 1


def _initial(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights and biases from U(−1/√fan_in, 1/√fan_in), torch's own; the last 0: E starts as the Gaussian's."""
    theta = np.zeros(sum((i + 1) * o for i, o in pairwise(sizes)), np.float32)
    for matrix in views(theta, sizes)[:-1]:
        bound = (matrix.shape[1] - 1) ** -0.5
        matrix[:] = rng.uniform(-bound, bound, matrix.shape)
    return theta
