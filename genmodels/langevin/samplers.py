r"""Walkers: five ways to draw from p(x) with a step that knows log p̃ = log p + log Z and its gradient, but not Z.

With ξ ~ N(0, I), a step ε (a squared length, as a variance is), and g = ∇ log p̃(x):

    ULA         x' = x + (ε/2) g + √ε ξ, taken as it is
    MALA        the same proposal, accepted with probability  min(1, p̃(x') q(x | x') / p̃(x) q(x' | x)),
                q(x' | x) = N(x'; x + (ε/2) g, ε I)
    Metropolis  x' = x + √ε ξ, accepted with probability min(1, p̃(x') / p̃(x)); no gradient
    HMC         L leapfrog steps of length √ε with momentum ξ, accepted with probability min(1, e^{H − H'}),
                H = −log p̃(x) + |ξ|²/2; with L = 1 it is MALA
    annealed    ULA on p̃^{1/T} with step εT, x' = x + (ε/2) g + √(εT) ξ, while T falls from ``hottest`` to 1 and stays

Where they accept or reject, Z cancels. Only these have p as their stationary distribution. *ULA does not*: on
N(0, σ²) it is an AR(1) process with coefficient 1 − ε/2σ², whose variance tends to

    σ² / (1 − ε/4σ²)    for ε < 4σ²: 4/3 of the truth at ε = σ²;   from ε = 4σ² on it grows without end.

*Annealing* by temperature asks for log p̃ alone; Song & Ermon (2019) anneal by noise instead, which needs the score of
every noised p. The share of walkers that it leaves in each lump is that of the temperature at which they could last
cross, so it crosses, and is not exact.

All walkers see their own noise; two samplers with one seed see the same ξ. A walker of ULA whose place is no longer
finite is NaN from then on.

Sources: Roberts & Tweedie (1996), *Bernoulli* 2(4) (ULA, MALA); Metropolis et al. (1953), *J. Chem. Phys.* 21(6);
Hastings (1970), *Biometrika* 57(1); Duane et al. (1987), *Physics Letters B* 195(2), and Neal (2011), *MCMC using
Hamiltonian dynamics*, arXiv:1206.1901 (HMC). Numpy only, float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_choice, check_data, check_number, check_whole
from genmodels.langevin.targets import Target
from genmodels.states import last

SAMPLERS = ("ula", "mala", "metropolis", "hmc", "annealed")


@dataclass(frozen=True)
class WalkersConfig:
    """How to walk.

    Args:
        sampler: One of :data:`SAMPLERS`.
        step: ε, above 0: the variance of the noise of one step.
        n_steps: Steps, 0 or more.
        leapfrogs: L of HMC, 1 or more.
        hottest: T at the start of annealing, 1 or more.
        cooled: After which share of the steps T is 1, above 0 and at most 1.
        seed: Of the noise, and of what is accepted.

    Raises:
        ValueError: A value is out of range.
    """

    sampler: str = "mala"
    step: float = 0.5
    n_steps: int = 200
    leapfrogs: int = 10
    hottest: float = 16.0
    cooled: float = 0.75
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("sampler", self.sampler, SAMPLERS)
        check_number("step", self.step, above=0)
        check_whole("n_steps", self.n_steps, at_least=0)
        check_whole("leapfrogs", self.leapfrogs, at_least=1)
        check_number("hottest", self.hottest, at_least=1)
        check_number("cooled", self.cooled, above=0)
        if self.cooled > 1:
            raise ValueError(f"cooled is {self.cooled!r}; give a share of the steps, above 0 and at most 1.")
        check_whole("seed", self.seed, at_least=0)

    def temperature(self, step: int) -> float:
        """T of a step, 1 … n_steps: it falls by the same factor each time, and is 1 without annealing."""
        if self.sampler != "annealed":
            return 1.0
        left = 1 - (step - 1) / (self.cooled * self.n_steps)
        return float(self.hottest ** max(0.0, left))


@dataclass(frozen=True, eq=False)
class WalkersState:
    """N walkers after ``step`` steps.

    Attributes:
        step: Steps taken.
        x: Where they are, ``(N, D)``.
        log_p: log p̃ there, ``(N,)``, nats.
        gradient: ∇ log p̃ there, ``(N, D)``.
        path: From where they came to what was proposed, ``(L + 1, N, D)``: HMC's leapfrog steps, else both ends.
        acceptance: The probability with which the proposal was taken, ``(N,)``.
        accepted: Whether it was, ``(N,)``.
    """

    step: int
    x: np.ndarray
    log_p: np.ndarray
    gradient: np.ndarray
    path: np.ndarray
    acceptance: np.ndarray
    accepted: np.ndarray

    @property
    def proposal(self) -> np.ndarray:
        """Where they were asked to go, ``(N, D)``; at step 0 where they are."""
        return self.path[-1]


def iterate_walkers(target: Target, start: Any, config: WalkersConfig) -> Iterator[WalkersState]:
    """Walk: the start first, then a state a step.

    Args:
        target: From ``(N, D)`` to log p̃ ``(N,)`` and ∇ log p̃ ``(N, D)``.
        start: Where the N walkers begin, ``(N, D)``; p̃ is above 0 there.
        config: How.

    Raises:
        ValueError: The start is not finite, or log p̃ there is not.

    >>> from genmodels.langevin.targets import RoundLumps
    >>> end = walk(RoundLumps([[0.0]], 1.0), np.zeros((4_000, 1)), WalkersConfig("ula", step=1.0, n_steps=40))
    >>> bool(abs(end.x.var() - 4 / 3) < 0.1)
    True
    """
    x = check_data(start).copy()
    log_p, gradient = target(x)
    if log_p.shape != (len(x),) or gradient.shape != x.shape or not np.isfinite(log_p).all():
        raise ValueError(
            f"At the start the target gives log p of shape {log_p.shape} and a gradient of shape {gradient.shape}; "
            f"it must give finite numbers of the shapes {(len(x),)} and {x.shape}."
        )
    noise, chance = (np.random.default_rng([config.seed, salt]) for salt in (0, 1))
    sure = np.ones(len(x))
    yield WalkersState(0, x, log_p, gradient, np.stack([x, x]), sure, sure > 0)
    for step in range(1, config.n_steps + 1):
        xi = noise.standard_normal(x.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            if config.sampler in ("ula", "annealed"):
                spread = np.sqrt(config.step * config.temperature(step))
                there = _gone(x + 0.5 * config.step * gradient + spread * xi)
                path, acceptance, accepted = np.stack([x, there]), sure, sure > 0
                log_p, gradient = target(there)
                x = there
            else:
                path, new_log_p, new_gradient, log_ratio = _proposed(target, x, log_p, gradient, xi, config)
                taken = np.exp(np.minimum(0, log_ratio))
                acceptance = np.where(np.isfinite(taken) & np.isfinite(new_log_p), taken, 0)
                accepted = chance.random(len(x)) < acceptance
                x = np.where(accepted[:, None], path[-1], x)
                log_p = np.where(accepted, new_log_p, log_p)
                gradient = np.where(accepted[:, None], new_gradient, gradient)
        yield WalkersState(step, x, log_p, gradient, path, acceptance, accepted)


def walk(target: Target, start: Any, config: WalkersConfig) -> WalkersState:
    """The last state of :func:`iterate_walkers`."""
    return last(iterate_walkers(target, start, config))


def _gone(x: np.ndarray) -> np.ndarray:
    """NaN in all coordinates of a walker that has one which is not finite."""
    return np.where(np.isfinite(x).all(axis=1, keepdims=True), x, np.nan)


def _proposed(
    target: Target, x: np.ndarray, log_p: np.ndarray, gradient: np.ndarray, xi: np.ndarray, config: WalkersConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The path to the proposal, log p̃ and its gradient there, and the log of the ratio that decides."""
    step = config.step
    if config.sampler == "hmc":
        path, momentum, new_log_p, new_gradient = leapfrog(target, x, xi, gradient, np.sqrt(step), config.leapfrogs)
        kinetic = 0.5 * (np.square(xi).sum(axis=1) - np.square(momentum).sum(axis=1))
        return path, new_log_p, new_gradient, new_log_p - log_p + kinetic
    drift = 0.5 * step if config.sampler == "mala" else 0.0
    there = x + drift * gradient + np.sqrt(step) * xi
    new_log_p, new_gradient = target(there)
    back = x - there - drift * new_gradient
    asymmetry = 0.5 * np.square(xi).sum(axis=1) - np.square(back).sum(axis=1) / (2 * step)
    return np.stack([x, there]), new_log_p, new_gradient, new_log_p - log_p + asymmetry


def leapfrog(
    target: Target, x: np.ndarray, momentum: np.ndarray, gradient: np.ndarray, length: float, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """n leapfrog steps; they can be taken back by turning the momentum round, and keep volume.

    Args:
        target: log p̃ and its gradient.
        x: ``(N, D)``.
        momentum: ``(N, D)``; masses are 1.
        gradient: ∇ log p̃ at x.
        length: Of one step in time, above 0.
        n: How many, 1 or more.

    Returns:
        Places ``(n + 1, N, D)``, the last momentum ``(N, D)``, and log p̃ and its gradient at the last place.

    Source: Neal (2011), eqs. 2.28–2.30.
    """
    places = [x]
    log_p = np.empty(0)
    for _ in range(n):
        momentum = momentum + 0.5 * length * gradient
        places.append(places[-1] + length * momentum)
        log_p, gradient = target(places[-1])
        momentum = momentum + 0.5 * length * gradient
    return np.stack(places), momentum, log_p, gradient


# --- What is known of ULA on a Gaussian ---------------------------------------------------------------------


def ula_variance(step: float, variance: float = 1.0) -> float:
    """The stationary variance of ULA on N(0, σ²): σ²/(1 − ε/4σ²); ∞ from ε = 4σ² on.

    >>> round(ula_variance(1.0), 4), ula_variance(4.0)
    (1.3333, inf)
    """
    check_number("step", step, above=0)
    check_number("variance", variance, above=0)
    return variance / (1 - step / (4 * variance)) if step < 4 * variance else float("inf")


def ula_moments(start: float, step: float, n_steps: int, variance: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of ULA on N(0, σ²) after 0, 1, … n steps from one place, ``(n + 1,)`` each; exact.

    x' = a x + √ε ξ with a = 1 − ε/2σ², so the mean is aᵗ x₀ and the variance v' = a² v + ε.
    """
    a = 1 - step / (2 * variance)
    powers = a ** np.arange(n_steps + 1)
    growing = np.cumsum(np.concatenate([[0.0], powers[:-1] ** 2]))
    return start * powers, step * growing
