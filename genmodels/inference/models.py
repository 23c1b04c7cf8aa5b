r"""Latent-variable models given, not learned: a prior over z, a decoder, noise.

    z ~ N(0, I),   x ~ p(x | z),   p(x) = ∫ p(x | z) p(z) dz,   p(z | x) = p(x | z) p(z) / p(x)

The integral is what cannot be computed in general. Each model here gives what can be, at any z: log p(x | z), log
p(x, z) and its gradient in z; everything else in this folder is made of these.

*A curve*, x = f(z) + σ ε with one z and x in the plane. With K values of z, equally probable, it is a mixture
(:mod:`genmodels.mixture`) of K round Gaussians with the means f(z_k); with all z the sum becomes an integral: μ_k
turns into f(z), and that is the whole step from the mixture to the variational autoencoder.

*A folded plane*, x = f(z) + σ ε with two z and x in the plane,

    f(z) = (3/5 z_1 + 1/4 z_2,  3/5 z_2² + 3/5 z_1 − 1).

Two z land on the same x: above the fold p(z | x) has two lumps, not equally heavy, at the fold it is a banana, and
below it one lump. f is quadratic, log p(x | z) a quartic, so that Gauss-Hermite quadrature of three points
or more along each axis has no error.

*A line or plane*, x = W z + b + σ ε (probabilistic PCA): p(x), p(z | x), and the bound of any Gaussian q in closed
form.

*Finitely many z*, of which each has a weight: sums instead of integrals, for examples by hand.

A decoder that was learned is in :mod:`.decoder`.

Sources: Bishop (2006), section 12.2 (the linear model); Kingma & Welling (2014), arXiv:1312.6114. Float64; rows of z
are points, logarithms natural; x is one point ``(D,)``, or a row for each z.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from genmodels.checks import check_choice, check_number, check_whole
from genmodels.mixture import GaussianMixture  # what a curve is with finitely many z

LOG_2PI = math.log(2 * math.pi)
PRIOR_REACH = 8.5
"""Beyond it lies 2e-17 of the prior along an axis."""


class LatentModel(ABC):
    """z ~ N(0, I), x ~ p(x | z).

    Attributes:
        n_latent: d, dimensions of z.
        n_features: D, of x.
        rounding: Nats to which log p(x, z) is right, by the arithmetic alone.
    """

    n_latent: int
    n_features: int
    rounding: float = 1e-9

    @abstractmethod
    def log_likelihood(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x | z) in nats, of x ``(D,)`` or ``(N, D)`` at z ``(N, d)``, to ``(N,)``."""

    @abstractmethod
    def value_and_gradient(self, x: Any, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log p(x, z) ``(N,)`` in nats and its gradient in z ``(N, d)``, at once."""

    @abstractmethod
    def decode(self, z: np.ndarray) -> np.ndarray:
        """E[x | z], ``(N, d)`` to ``(N, D)``."""

    def log_prior(self, z: np.ndarray) -> np.ndarray:
        """log N(z; 0, I), ``(N, d)`` to ``(N,)``, nats."""
        return -0.5 * (np.square(z).sum(axis=1) + self.n_latent * LOG_2PI)

    def log_joint(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x, z) = log p(x | z) + log p(z), ``(N, d)`` to ``(N,)``, nats."""
        return self.log_likelihood(x, z) + self.log_prior(z)

    def gradient(self, x: Any, z: np.ndarray) -> np.ndarray:
        """∇_z log p(x, z), ``(N, d)``."""
        return self.value_and_gradient(x, z)[1]

    def table(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x_m | z_n) of every x ``(M, D)`` at every z ``(N, d)``, ``(M, N)``, nats."""
        return np.stack([self.log_likelihood(row, z) for row in np.asarray(x)])

    def survey(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x, z) as :meth:`log_joint`, at a z that comes again and again with other x and never changes."""
        return self.log_joint(x, z)

    def check_x(self, x: Any) -> np.ndarray:
        """x as float64 ``(D,)``, or a ValueError that says what to mend."""
        array = np.asarray(x, dtype=np.float64)
        if array.shape != (self.n_features,) or not np.isfinite(array).all():
            raise ValueError(
                f"x must be one point of {self.n_features} finite numbers; got the shape {array.shape}"
                f"{' with NaN or infinity' if array.shape == (self.n_features,) else ''}. Give one row at a time."
            )
        return array


class NoisyMap(LatentModel):
    """x = f(z) + σ ε, ε ~ N(0, I).

    Attributes:
        noise: σ, data units, above 0.
    """

    noise: float

    @abstractmethod
    def slope(self, z: np.ndarray) -> np.ndarray:
        """The Jacobian ∂f/∂z, ``(N, d)`` to ``(N, D, d)``."""

    def log_likelihood(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log N(x; f(z), σ² I), ``(N,)``, nats."""
        return self._log_noise(np.asarray(x, dtype=np.float64) - self.decode(z))

    def value_and_gradient(self, x: Any, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log p(x, z) ``(N,)``, and Jᵀ (x − f(z)) / σ² − z, ``(N, d)``."""
        apart = np.asarray(x, dtype=np.float64) - self.decode(z)
        pulled = np.einsum("nij,ni->nj", self.slope(z), apart) / self.noise**2
        return self._log_noise(apart) + self.log_prior(z), pulled - z

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n draws of z ``(n, d)`` and of x ``(n, D)``."""
        z = rng.standard_normal((n, self.n_latent))
        return z, self.decode(z) + self.noise * rng.standard_normal((n, self.n_features))

    def _log_noise(self, apart: np.ndarray) -> np.ndarray:
        squared = np.square(apart).sum(axis=1) / self.noise**2
        return -0.5 * (squared + self.n_features * (LOG_2PI + 2 * math.log(self.noise)))


class _PlaneMap(NoisyMap):
    """x in the plane, and log p(x) by the trapezoid rule over the whole prior."""

    n_features = 2
    steepest: float
    """Largest slope of f where the prior still counts: the steps of z have to be fine enough for it."""

    @cached_property
    def _means(self) -> tuple[np.ndarray, np.ndarray]:
        """f(z) ``(M, 2)`` at all nodes and what the prior gives each, ``(M,)``; they sum to 1."""
        steps = math.ceil(2 * PRIOR_REACH * self.steepest / self.noise) + 1
        axis, step = np.linspace(-PRIOR_REACH, PRIOR_REACH, steps, retstep=True)
        z = np.stack(np.meshgrid(*[axis] * self.n_latent, indexing="ij"), axis=-1).reshape(-1, self.n_latent)
        weights = step**self.n_latent * np.exp(self.log_prior(z))
        kept = weights > 1e-15
        return self.decode(z[kept]), weights[kept]

    def density(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """p(x) on a grid of the plane, per square data unit, ``(len(second), len(first))``: rows go along x_2.

        The noise is round: p(x | z) is a product over the axes, and the sum over z a product of two matrices.
        """
        means, weights = self._means
        along = [
            np.exp(-0.5 * np.square((np.asarray(axis, dtype=np.float64)[:, None] - m) / self.noise))
            for axis, m in zip((first, second), means.T, strict=True)
        ]
        return (along[1] * (weights / (2 * math.pi * self.noise**2))) @ along[0].T

    def log_prob(self, x: Any) -> np.ndarray:
        """log p(x) in nats, ``(N, 2)`` to ``(N,)``."""
        means, weights = self._means
        constant, found = np.log(weights) - LOG_2PI - 2 * math.log(self.noise), []
        for point in np.asarray(x, dtype=np.float64).reshape(-1, 2):
            log_joint = constant - 0.5 * np.square((point - means) / self.noise).sum(axis=1)
            found.append(log_sum_exp(log_joint))
        return np.array(found)


# --- A curve ------------------------------------------------------------------------------------------------


class _Curve(NamedTuple):
    at: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    velocity: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


CURVES = {
    "wave": _Curve(lambda z: (z, np.sin(2 * z)), lambda z: (np.ones_like(z), 2 * np.cos(2 * z))),
    "horseshoe": _Curve(
        lambda z: (1.8 * np.sin(z), 0.6 - 1.8 * np.cos(z)), lambda z: (1.8 * np.cos(z), 1.8 * np.sin(z))
    ),
    "parabola": _Curve(lambda z: (z, 0.7 * z**2 - 1), lambda z: (np.ones_like(z), 1.4 * z)),
}


class CurveModel(_PlaneMap):
    """One latent and a curve in the plane: x = f(z) + σ ε.

    Args:
        curve: ``"wave"``, ``"horseshoe"`` (whose ends nearly meet) or ``"parabola"``.
        noise: σ, data units, 0.01 or more.

    >>> CurveModel("wave", 0.2).mixture(3).means.round(2).tolist()
    [[-0.97, -0.93], [0.0, 0.0], [0.97, 0.93]]
    """

    n_latent = 1
    steepest = 6.0

    def __init__(self, curve: str = "wave", noise: float = 0.2) -> None:
        check_choice("curve", curve, CURVES)
        check_number("noise", noise, at_least=0.01)
        self.curve, self.noise = curve, float(noise)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The curve, ``(N, 1)`` to ``(N, 2)``."""
        return np.stack(CURVES[self.curve].at(_latents(z, 1)[:, 0]), axis=1)

    def slope(self, z: np.ndarray) -> np.ndarray:
        """Its velocity, ``(N, 1)`` to ``(N, 2, 1)``."""
        return np.stack(CURVES[self.curve].velocity(_latents(z, 1)[:, 0]), axis=1)[:, :, None]

    def mixture(self, k: int) -> GaussianMixture:
        """K round Gaussians of equal weight at f(z_k), z_k the middle of the k-th of K equally probable pieces."""
        check_whole("k", k, at_least=1)
        means = self.decode(middles(k)[:, None])
        covariances = np.broadcast_to(self.noise**2 * np.eye(2), (k, 2, 2))
        return GaussianMixture(np.full(k, 1 / k), means, covariances)


def middles(k: int) -> np.ndarray:
    """The (i + ½)/K quantiles of N(0, 1), rising, ``(K,)``.

    >>> middles(3).round(3)
    array([-0.967,  0.   ,  0.967])
    """
    return np.array([NormalDist().inv_cdf((i + 0.5) / k) for i in range(k)])


# --- A folded plane -----------------------------------------------------------------------------------------


class FoldModel(_PlaneMap):
    """Two latents, and a plane that is folded into the plane of x.

    Args:
        noise: σ, data units, 0.1 or more.

    >>> FoldModel().decode(np.array([[0.0, 1.0], [0.5, -1.0]])).round(2).tolist()
    [[0.25, -0.4], [0.05, -0.1]]
    """

    n_latent = 2
    steepest = 4.0

    def __init__(self, noise: float = 0.3) -> None:
        check_number("noise", noise, at_least=0.1)
        self.noise = float(noise)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """f(z), ``(N, 2)`` to ``(N, 2)``."""
        z_1, z_2 = _latents(z, 2).T
        return np.stack([0.6 * z_1 + 0.25 * z_2, 0.6 * z_2**2 + 0.6 * z_1 - 1], axis=1)

    def slope(self, z: np.ndarray) -> np.ndarray:
        """∂f/∂z, ``(N, 2)`` to ``(N, 2, 2)``."""
        z_2 = _latents(z, 2)[:, 1]
        one = np.ones_like(z_2)
        return np.stack([np.stack([0.6 * one, 0.25 * one], axis=1), np.stack([0.6 * one, 1.2 * z_2], axis=1)], axis=1)


# --- A plane, not folded ------------------------------------------------------------------------------------


class LinearModel(NoisyMap):
    """x = W z + b + σ ε: everything in closed form.

    Args:
        weight: W, ``(D, d)``.
        offset: b, ``(D,)``, data units.
        noise: σ, data units, above 0.

    >>> LinearModel([[1.0], [0.0]], [0.0, 0.0], 1.0).log_prob([0.0, 0.0]).round(4)  # N(0, diag(2, 1))
    array([-2.1845])
    """

    def __init__(self, weight: Any, offset: Any, noise: float) -> None:
        self.weight, self.offset = np.array(weight, dtype=np.float64), np.array(offset, dtype=np.float64)
        check_number("noise", noise, above=0)
        if self.weight.ndim != 2 or self.offset.shape != self.weight.shape[:1]:
            raise ValueError(
                f"W must have the shape (D, d) and b (D,); got {self.weight.shape} and {self.offset.shape}. Give b a "
                "number for each row of W."
            )
        self.noise = float(noise)
        self.n_features, self.n_latent = self.weight.shape

    def decode(self, z: np.ndarray) -> np.ndarray:
        """W z + b, ``(N, d)`` to ``(N, D)``."""
        return _latents(z, self.n_latent) @ self.weight.T + self.offset

    def slope(self, z: np.ndarray) -> np.ndarray:
        """W for each z, ``(N, D, d)``."""
        return np.broadcast_to(self.weight, (len(z), *self.weight.shape))

    def log_prob(self, x: Any) -> np.ndarray:
        """log N(x; b, W Wᵀ + σ² I), ``(N, D)`` to ``(N,)``, nats (Bishop 2006, eq. 12.35)."""
        covariance = self.weight @ self.weight.T + self.noise**2 * np.eye(self.n_features)
        apart = np.asarray(x, dtype=np.float64).reshape(-1, self.n_features) - self.offset
        squared = (apart * np.linalg.solve(covariance, apart.T).T).sum(axis=1)
        return -0.5 * (squared + np.linalg.slogdet(covariance)[1] + self.n_features * LOG_2PI)

    def posterior_moments(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Mean ``(d,)`` and covariance ``(d, d)`` of p(z | x), a Gaussian (Bishop 2006, eq. 12.42)."""
        apart = self.check_x(x) - self.offset
        precision = self.weight.T @ self.weight / self.noise**2 + np.eye(self.n_latent)
        return np.linalg.solve(precision, self.weight.T @ apart) / self.noise**2, np.linalg.inv(precision)

    def closed_elbo(self, x: Any, mean: np.ndarray, covariance: np.ndarray) -> float:
        """The bound at q = N(m, S), nats: −½ (|x − Wm − b|² + tr WSWᵀ)/σ² − (D/2) log 2πσ² − KL(q ‖ N(0, I))."""
        apart = self.check_x(x) - self.offset - self.weight @ mean
        squared = apart @ apart + np.trace(self.weight @ covariance @ self.weight.T)
        log_det = np.linalg.slogdet(covariance)[1]
        kl = 0.5 * (np.trace(covariance) + mean @ mean - self.n_latent - log_det)
        constant = self.n_features * (LOG_2PI + 2 * math.log(self.noise))
        return float(-0.5 * (squared / self.noise**2 + constant) - kl)


# --- Finitely many z ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiscreteModel:
    """K values of z, and one x: everything is a sum.

    Args:
        weights: p(z = k), K numbers above 0 that sum to 1.
        likelihoods: p(x | z = k), K numbers above 0.

    >>> coin = DiscreteModel((0.3, 0.7), (0.7, 0.2))
    >>> [round(v, 4) for v in (coin.log_evidence(), coin.kl_to_posterior((0.5, 0.5)), -coin.elbo((0.5, 0.5)))]
    [-1.0498, 0.0204, 1.0702]
    """

    weights: tuple[float, ...]
    likelihoods: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_shares("weights", self.weights)
        if len(self.likelihoods) != len(self.weights) or not all(0 < p < math.inf for p in self.likelihoods):
            raise ValueError(
                f"likelihoods are {self.likelihoods!r}; give {len(self.weights)} numbers above 0, one a weight."
            )

    @property
    def log_joint(self) -> np.ndarray:
        """log p(x, z = k), ``(K,)``, nats."""
        return np.log(self.weights) + np.log(self.likelihoods)

    def log_evidence(self) -> float:
        """log p(x) = log Σ_k p(z = k) p(x | z = k), nats."""
        return log_sum_exp(self.log_joint)

    def posterior(self) -> np.ndarray:
        """p(z = k | x), ``(K,)``: the mixture's responsibilities."""
        return np.exp(self.log_joint - self.log_evidence())

    def elbo(self, q: Any) -> float:
        """Σ_k q_k (log p(x, k) − log q_k), nats; q holds K numbers, 0 or more, that sum to 1."""
        q = _check_shares("q", q, least=0)
        kept = q > 0
        return float((q[kept] * (self.log_joint[kept] - np.log(q[kept]))).sum())

    def kl_to_posterior(self, q: Any) -> float:
        """KL(q ‖ p(z | x)) = Σ_k q_k log(q_k / p(k | x)), nats, not by way of the bound."""
        q = _check_shares("q", q, least=0)
        kept = q > 0
        return float((q[kept] * np.log(q[kept] / self.posterior()[kept])).sum())


def log_sum_exp(a: np.ndarray) -> float:
    """log Σ exp(a) over all entries."""
    highest = a.max()
    return float(highest + np.log(np.exp(a - highest).sum()))


def _check_shares(name: str, values: Any, least: float = 1e-300) -> np.ndarray:
    shares = np.asarray(values, dtype=np.float64)
    if shares.ndim != 1 or not (shares >= least).all() or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(f"{name} are {values!r}; give numbers {'above' if least else 'of'} 0 that sum to 1.")
    return shares


def _latents(z: Any, d: int) -> np.ndarray:
    """z as float64 ``(N, d)``, or a ValueError."""
    array = np.asarray(z, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != d:
        raise ValueError(f"z must have the shape (N, {d}), one row a point; got {array.shape}.")
    return array
