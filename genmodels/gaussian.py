r"""The Gaussian: the smallest complete generative model.

    p(x) = (2π)^(−D/2) |Σ|^(−1/2) exp(−½ (x − μ)ᵀ Σ⁻¹ (x − μ))

*Learn*: maximum likelihood gives the sample mean and the sample covariance divided by N (not N − 1).
*Generate*: z ~ N(0, I), then x = μ + L z with Σ = L Lᵀ, L lower triangular (Cholesky).
*Evaluate*: log p(x) in nats. p(x) is a density, not a probability, and may exceed 1.

With n ≤ D points the maximum-likelihood covariance is singular and the likelihood unbounded. That is no
error here: such a state carries ``singular=True``, and its log-likelihood is infinite.

In two dimensions the 1-σ and 2-σ ellipses hold 1 − e^(−1/2) = 39 % and 1 − e^(−2) = 86 % of the
probability, not the 68 % and 95 % of one dimension.

Sources: Bishop (2006), *Pattern Recognition and Machine Learning*, section 2.3; Rasmussen & Williams
(2006), appendix A. Conventions: rows are samples, arrays are float64, logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular

from genmodels.checks import check_data
from genmodels.states import last

LOG_2PI = float(np.log(2 * np.pi))
PHASES = ("scale", "shear", "shift")


def probability_within(n_sigma: float) -> float:
    """Share of a two-dimensional Gaussian's probability inside its n-σ ellipse.

    >>> round(probability_within(1), 2), round(probability_within(2), 2)
    (0.39, 0.86)
    """
    return float(-np.expm1(-0.5 * n_sigma**2))


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A multivariate normal distribution N(μ, Σ).

    Args:
        mean: μ, shape ``(D,)``, data units.
        covariance: Σ, shape ``(D, D)``, symmetric and positive definite.

    Raises:
        ValueError: The shapes do not fit, a number is not finite, or Σ is not symmetric positive definite;
            the message names the smallest eigenvalue.

    >>> Gaussian(np.zeros(2), np.eye(2)).log_prob(np.zeros((1, 2))).round(4)
    array([-1.8379])
    """

    mean: np.ndarray
    covariance: np.ndarray

    def __post_init__(self) -> None:
        mean = np.array(self.mean, dtype=np.float64)
        covariance = np.array(self.covariance, dtype=np.float64)
        if mean.ndim != 1 or covariance.shape != (mean.size, mean.size):
            raise ValueError(
                f"A Gaussian takes a mean of shape (D,) and a covariance of shape (D, D); got {mean.shape} and "
                f"{covariance.shape}. Reshape them so that D is the same in both."
            )
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError("The mean or the covariance holds NaN or infinity; give finite numbers only.")
        check_positive_definite(covariance)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)

    @cached_property
    def cholesky(self) -> np.ndarray:
        """The lower triangular L with Σ = L Lᵀ and a positive diagonal, shape ``(D, D)``."""
        return np.linalg.cholesky(self.covariance)

    @cached_property
    def log_det(self) -> float:
        """log |Σ|, computed as 2 Σ_d log L_dd."""
        return float(2 * np.log(np.diag(self.cholesky)).sum())

    def whiten(self, x: np.ndarray) -> np.ndarray:
        """Undo the generation: z = L⁻¹ (x − μ), shape ``(N, D)`` to ``(N, D)``."""
        centred = np.atleast_2d(np.asarray(x, dtype=np.float64)) - self.mean
        return solve_triangular(self.cholesky, centred.T, lower=True).T

    def mahalanobis(self, x: np.ndarray) -> np.ndarray:
        """Distance from μ in standard deviations, ((x − μ)ᵀ Σ⁻¹ (x − μ))^½, ``(N, D)`` to ``(N,)``."""
        return np.linalg.norm(self.whiten(x), axis=1)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Log-density log p(x) in nats, ``(N, D)`` to ``(N,)`` (Bishop 2006, eq. 2.43)."""
        return -0.5 * (self.mean.size * LOG_2PI + self.log_det + self.mahalanobis(x) ** 2)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n samples x = μ + L z with z ~ N(0, I), shape ``(n, D)``."""
        return self.mean + rng.standard_normal((n, self.mean.size)) @ self.cholesky.T

    def entropy(self) -> float:
        """Differential entropy ½ log |2πe Σ| in nats."""
        return 0.5 * (self.mean.size * (LOG_2PI + 1) + self.log_det)

    def cross_entropy(self, mean: np.ndarray, covariance: np.ndarray) -> float:
        """E_p[−log q(x)] in nats for this q and *any* p with the given moments.

        The log-density is quadratic, so that only the mean ``(D,)`` and the covariance ``(D, D)`` of p matter.
        """
        whitened = solve_triangular(self.cholesky, np.asarray(covariance, dtype=np.float64), lower=True)
        trace = np.trace(solve_triangular(self.cholesky, whitened.T, lower=True))
        squared = float(self.mahalanobis(mean)[0] ** 2)
        return 0.5 * (self.mean.size * LOG_2PI + self.log_det + float(trace) + squared)

    def kl_divergence(self, other: Gaussian) -> float:
        """KL(self ‖ other) = E_self[log self(x) − log other(x)] in nats, never negative.

        Source: Rasmussen & Williams (2006), eq. A.23.

        >>> unit = Gaussian(np.zeros(2), np.eye(2))
        >>> round(unit.kl_divergence(Gaussian(np.ones(2), np.eye(2))), 6)
        1.0
        """
        return max(0.0, other.cross_entropy(self.mean, self.covariance) - self.entropy())


def log_densities(means: np.ndarray, covariances: np.ndarray, x: np.ndarray) -> np.ndarray:
    """log p(x_n) in nats under each of F Gaussians at once, ``(F, N)``.

    Args:
        means: ``(F, D)``.
        covariances: ``(F, D, D)``, positive definite (not checked).
        x: ``(N, D)``.
    """
    centred = x[None] - means[:, None]
    squared = (np.linalg.solve(covariances, centred.swapaxes(1, 2)).swapaxes(1, 2) * centred).sum(axis=2)
    return -0.5 * (x.shape[1] * LOG_2PI + np.linalg.slogdet(covariances)[1][:, None] + squared)


def check_positive_definite(covariance: np.ndarray) -> None:
    """Raise a ValueError that names the smallest eigenvalue unless Σ is symmetric positive definite."""
    scales, eigenvalues = split_scales(covariance)
    if not np.abs(covariance - covariance.T).max() <= 1e-10 * np.outer(scales, scales).max():
        raise ValueError("The covariance is not symmetric; use (Σ + Σᵀ) / 2.")
    if not eigenvalues[0] > 10 * np.finfo(np.float64).eps * max(eigenvalues[-1], 0.0):
        raise ValueError(
            f"The covariance is not positive definite: its smallest eigenvalue is "
            f"{np.linalg.eigvalsh(covariance)[0]:.3g}, and it must be above 0. Lower the correlation, or add a small "
            f"multiple of the identity."
        )


def split_scales(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations ``(D,)``, and the eigenvalues ``(D,)`` of the correlations, ascending.

    What is singular must not depend on units: a rate of 0.03 beside a price of 600,000 is not. Without variance along
    an axis the smallest eigenvalue is 0, and where a variance is negative, that one.
    """
    variances = np.diag(covariance)
    if not (variances > 0).all():
        return np.sqrt(np.maximum(variances, 0.0)), np.sort(np.minimum(variances, 0.0))
    scales = np.sqrt(variances)
    return scales, np.linalg.eigvalsh(covariance / np.outer(scales, scales))


def covariance_matrix(sigma_1: float, sigma_2: float, rho: float) -> np.ndarray:
    """Covariance from standard deviations σ₁, σ₂ > 0 and correlation −1 < ρ < 1, shape ``(2, 2)``.

    >>> covariance_matrix(2, 1, 0.5)
    array([[4., 1.],
           [1., 1.]])
    """
    shared = rho * sigma_1 * sigma_2
    return np.array([[sigma_1**2, shared], [shared, sigma_2**2]], dtype=np.float64)


@dataclass(frozen=True)
class FitConfig:
    """How many of the points to take in, in the order given; ``None`` takes all of them."""

    max_points: int | None = None

    def __post_init__(self) -> None:
        if self.max_points is not None and self.max_points < 0:
            raise ValueError(f"max_points is {self.max_points}; give 0 or more, or None for all.")


@dataclass(frozen=True, eq=False)
class FitState:
    """Maximum-likelihood estimate from the first ``step`` points.

    Attributes:
        step: Number of points seen, n.
        mean: ``(D,)``; NaN before the first point.
        covariance: ``(D, D)``, divided by n; NaN before the first point, singular while n ≤ D.
        singular: Whether no Gaussian has this covariance, so that the likelihood is unbounded.
        log_likelihood: Mean log p(x_i) of the points seen, in nats per sample; NaN at n = 0, else infinite
            where singular.
    """

    step: int
    mean: np.ndarray
    covariance: np.ndarray
    singular: bool
    log_likelihood: float

    @property
    def gaussian(self) -> Gaussian:
        """The fitted distribution; a ValueError where the covariance is singular."""
        return Gaussian(self.mean, self.covariance)


def iterate_fit(data: np.ndarray, config: FitConfig | None = None) -> Iterator[FitState]:
    """Take the points in one by one and yield the maximum-likelihood estimate after each.

        μ_n = μ_{n−1} + (x_n − μ_{n−1}) / n,      S_n = S_{n−1} + (x_n − μ_{n−1})(x_n − μ_n)ᵀ,      Σ_n = S_n / n

    Args:
        data: ``(N, D)``, finite.
        config: How many points to take in.

    Yields:
        N + 1 states, the first of them before any point.

    Raises:
        ValueError: The data are not a finite ``(N, D)`` array.

    Source: Welford (1962), *Technometrics* 4(3), in its multivariate form.
    """
    data = check_data(data)
    limit = (config or FitConfig()).max_points
    mean, scatter = np.zeros(data.shape[1]), np.zeros((data.shape[1], data.shape[1]))
    yield FitState(0, np.full_like(mean, np.nan), np.full_like(scatter, np.nan), True, float("nan"))
    for n, x in enumerate(data[:limit], start=1):
        before = x - mean
        mean = mean + before / n
        scatter = scatter + np.outer(before, x - mean)
        yield _fit_state(n, mean, (scatter + scatter.T) / (2 * n))


def _fit_state(n: int, mean: np.ndarray, covariance: np.ndarray) -> FitState:
    """At the maximum the squared Mahalanobis distances average to D, whatever the data."""
    dimensions = mean.size
    scales, eigenvalues = split_scales(covariance)
    singular = n <= dimensions or bool(eigenvalues[0] <= 1e-12 * eigenvalues[-1])
    log_det = -np.inf if singular else 2 * np.log(scales).sum() + np.log(eigenvalues).sum()
    return FitState(n, mean, covariance, singular, float(-0.5 * (dimensions * (LOG_2PI + 1) + log_det)))


def fit_gaussian(data: np.ndarray, config: FitConfig | None = None) -> FitState:
    """The maximum-likelihood estimate from all points: the last state of :func:`iterate_fit`."""
    return last(iterate_fit(data, config))


def fit_prefixes(data: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum-likelihood estimates from the first n points, for several n and several data sets at once.

    Args:
        data: ``(R, N, D)``, R repetitions.
        sizes: ``(S,)`` integers in 1 … N.

    Returns:
        Means ``(R, S, D)`` and covariances ``(R, S, D, D)``, divided by n.
    """
    n = np.asarray(sizes)[:, None]
    centre = data.mean(axis=1, keepdims=True)
    centred = data - centre
    first = np.cumsum(centred, axis=1)[:, n[:, 0] - 1] / n
    products = centred[..., :, None] * centred[..., None, :]
    second = np.cumsum(products, axis=1)[:, n[:, 0] - 1] / n[..., None]
    return first + centre, second - first[..., :, None] * first[..., None, :]


@dataclass(frozen=True, eq=False)
class AscentConfig:
    """Natural-gradient ascent on the mean log-likelihood.

    Args:
        start: Where the walk begins.
        rate: Step size η in 0 … 1; 1 goes to the maximum at once.
        n_steps: Steps, 0 or more.
    """

    start: Gaussian
    rate: float = 0.1
    n_steps: int = 60

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate is {self.rate}; give a step size above 0 and at most 1.")
        if self.n_steps < 0:
            raise ValueError(f"n_steps is {self.n_steps}; give 0 or more.")


@dataclass(frozen=True, eq=False)
class AscentState:
    """One place on the way up.

    Attributes:
        step: 0 is the start.
        mean: ``(D,)``.
        covariance: ``(D, D)``, positive definite.
        log_likelihood: Mean log p(x_i) in nats per sample.
    """

    step: int
    mean: np.ndarray
    covariance: np.ndarray
    log_likelihood: float


def iterate_ascent(data: np.ndarray, config: AscentConfig) -> Iterator[AscentState]:
    """Walk up the likelihood hill to the maximum-likelihood Gaussian.

    In expectation parameters (E[x], E[x xᵀ]) the natural gradient of the log-likelihood points straight at the
    data's own moments, so that a step of size η is

        E[x] ← (1 − η) E[x] + η x̄,        E[x xᵀ] ← (1 − η) E[x xᵀ] + η mean(x xᵀ).

    The covariance stays positive definite, and the likelihood never falls.

    Args:
        data: ``(N, D)`` with N ≥ 1, finite.
        config: Start, step size, number of steps.

    Yields:
        ``n_steps + 1`` states, the start first.

    Raises:
        ValueError: The data are not a finite ``(N, D)`` array with D as in the start.

    Source: Amari (1998), *Natural gradient works efficiently in learning*.
    """
    data = check_data(data)
    if len(data) == 0 or data.shape[1] != config.start.mean.size:
        raise ValueError(f"Data of shape {data.shape} do not fit a start in {config.start.mean.size} dimensions.")
    centre = data.mean(axis=0)
    scatter = (data - centre).T @ (data - centre) / len(data)
    mean, covariance = config.start.mean, config.start.covariance
    for step in range(config.n_steps + 1):
        apart = centre - mean
        around_mean = scatter + np.outer(apart, apart)
        log_det, distance = np.linalg.slogdet(covariance)[1], np.trace(np.linalg.solve(covariance, around_mean))
        yield AscentState(step, mean, covariance, float(-0.5 * (mean.size * LOG_2PI + log_det + distance)))
        covariance = (
            (1 - config.rate) * covariance
            + config.rate * scatter
            + config.rate * (1 - config.rate) * np.outer(apart, apart)
        )
        mean = mean + config.rate * apart


def ascend(data: np.ndarray, config: AscentConfig) -> AscentState:
    """The end of the walk: the last state of :func:`iterate_ascent`."""
    return last(iterate_ascent(data, config))


@dataclass(frozen=True)
class TransportConfig:
    """How noise is carried to data.

    Args:
        factor: ``"L"`` uses x = μ + L z. ``"LT"`` plays a slip found in lecture notes, x = μ + Lᵀ z, whose
            covariance is LᵀL: the same determinant (area), another tilt.
        steps_per_phase: Steps in each of the phases scale, shear and shift.
    """

    factor: Literal["L", "LT"] = "L"
    steps_per_phase: int = 20

    def __post_init__(self) -> None:
        if self.factor not in ("L", "LT"):
            raise ValueError(f"factor is {self.factor!r}; choose 'L' or 'LT'.")
        if self.steps_per_phase < 1:
            raise ValueError(f"steps_per_phase is {self.steps_per_phase}; give 1 or more.")


@dataclass(frozen=True, eq=False)
class TransportState:
    """An affine map x = A z + b on the way from the identity to z ↦ μ + L z.

    Attributes:
        step: 0 is the identity.
        phase: ``"start"``, ``"scale"``, ``"shear"`` or ``"shift"``.
        matrix: A, ``(2, 2)``.
        offset: b, ``(2,)``, data units.
    """

    step: int
    phase: str
    matrix: np.ndarray
    offset: np.ndarray

    def apply(self, z: np.ndarray) -> np.ndarray:
        """Carry points along: ``(N, 2)`` to ``(N, 2)``."""
        return z @ self.matrix.T + self.offset


def iterate_transport(gaussian: Gaussian, config: TransportConfig | None = None) -> Iterator[TransportState]:
    """Turn z into x = μ + L z in three visible phases: scale, then shear, then shift.

    A triangular matrix is a shear after a scaling: L = S diag(L) with S = L diag(L)⁻¹, whose diagonal is 1.

    Args:
        gaussian: The target, D = 2.
        config: Which factor, and how many steps a phase.

    Yields:
        ``3 * steps_per_phase + 1`` states, the identity first.

    Raises:
        ValueError: The Gaussian is not two-dimensional.
    """
    config = config or TransportConfig()
    if gaussian.mean.size != 2:
        raise ValueError(f"The transport is drawn in the plane; got {gaussian.mean.size} dimensions, give 2.")
    factor = gaussian.cholesky if config.factor == "L" else gaussian.cholesky.T
    scale = np.diag(factor)
    shear = factor / scale
    identity, n = np.eye(2), config.steps_per_phase
    yield TransportState(0, "start", identity, np.zeros(2))
    for step in range(1, 3 * n + 1):
        scaling, shearing, shifting = np.clip(step / n - np.arange(3), 0, 1)
        partial_scale = identity + scaling * (np.diag(scale) - identity)
        partial_shear = identity + shearing * (shear - identity)
        phase = PHASES[(step - 1) // n]
        yield TransportState(step, phase, partial_shear @ partial_scale, shifting * gaussian.mean)


def transport_gaussian(gaussian: Gaussian, config: TransportConfig | None = None) -> TransportState:
    """The whole map z ↦ μ + L z: the last state of :func:`iterate_transport`."""
    return last(iterate_transport(gaussian, config))
