r"""The evidence lower bound of any Gaussian q, three ways, and the two Kullback-Leibler divergences behind it.

    ELBO(q) = E_q[log p(x, z)] + H(q)                          minus the free energy: the mean energy, and the entropy
            = E_q[log p(x | z)] − KL(q ‖ p(z))                 reconstruction, less what q says beyond the prior
            = log p(x) − KL(q ‖ p(z | x))                      what we want to know, less a gap of 0 or more

The three are equal for every q, so that raising the first or the second, which need neither log p(x) nor p(z | x),
closes the gap of the third. In two dimensions each can be computed on its own:

*Means over q* by Gauss-Hermite quadrature: Σ_i w_i g(m + L u_i) with tensor nodes u_i; no error for polynomials of a
degree below twice the order. The energy takes ``order`` nodes along an axis, the reconstruction twice as many: what
the two forms differ by is the error.
*KL(q ‖ p(z | x))* by the trapezoid rule on a square of q's own coordinates u, 17 standard deviations wide, which
converges faster than any power of its step for such integrands; p(z | x) is normalised by the grid of :mod:`.exact`.
*KL(p(z | x) ‖ q)* on that grid itself.
*KL(q ‖ p(z))* = ½ (tr S + |m|² − d − log |S|) and *H(q)* = ½ log |2πe S|, closed.

*Which way round.* KL(q ‖ p) is dear where q has mass and p has none: q picks a lump. KL(p ‖ q) is dear where p has
mass and q has none: q covers all lumps; the best q has p's own mean and covariance.

Sources: Jordan et al. (1999), *Machine Learning* 37; Bishop (2006), section 10.1; Kingma & Welling (2014), eqs. 2 and
3; Trefethen & Weideman (2014), *SIAM Review* 56(3), for the trapezoid rule. Float64, nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.checks import check_whole
from genmodels.inference.models import LOG_2PI, LatentModel

if TYPE_CHECKING:
    from genmodels.inference.exact import Posterior

REACH, STEP = 8.5, 0.25
"""Of the trapezoid rule in q's own coordinates, standard deviations."""
ORDERS = {1: 64, 2: 20}
"""Of Gauss-Hermite quadrature along an axis, by the number of latents."""


@dataclass(frozen=True, eq=False)
class GaussianQ:
    """q(z) = N(m, L Lᵀ).

    Args:
        mean: m, ``(d,)``.
        cholesky: L, ``(d, d)``, lower triangular, its diagonal above 0.

    Raises:
        ValueError: The shapes do not fit, or L is not such a matrix.

    >>> q = GaussianQ.diagonal([0.0, 0.0], [1.0, 2.0])
    >>> q.covariance
    array([[1., 0.],
           [0., 4.]])
    """

    mean: np.ndarray
    cholesky: np.ndarray

    def __post_init__(self) -> None:
        mean, cholesky = np.array(self.mean, dtype=np.float64), np.array(self.cholesky, dtype=np.float64)
        if mean.ndim != 1 or cholesky.shape != (mean.size, mean.size):
            raise ValueError(f"q takes a mean (d,) and L (d, d); got {mean.shape} and {cholesky.shape}.")
        if not (np.isfinite(mean).all() and np.isfinite(cholesky).all()):
            raise ValueError("The mean or L of q holds NaN or infinity; give finite numbers only.")
        if np.triu(cholesky, 1).any() or not (np.diag(cholesky) > 0).all():
            raise ValueError("L must be lower triangular, its diagonal above 0; take np.linalg.cholesky(covariance).")
        for name, value in (("mean", mean), ("cholesky", cholesky)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def diagonal(cls, mean: Any, sigma: Any) -> GaussianQ:
        """With independent latents: means ``(d,)`` and standard deviations ``(d,)``."""
        return cls(mean, np.diag(np.asarray(sigma, dtype=np.float64)))

    @classmethod
    def from_axes(cls, mean: Any, axes: tuple[float, float], tilt: float) -> GaussianQ:
        """In the plane: standard deviations along its two axes, the first turned by ``tilt`` radians from z_1."""
        turn = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
        return cls(mean, np.linalg.cholesky((turn * np.square(axes)) @ turn.T))

    @property
    def n_latent(self) -> int:
        """d."""
        return self.mean.size

    @property
    def covariance(self) -> np.ndarray:
        """L Lᵀ, ``(d, d)``."""
        return self.cholesky @ self.cholesky.T

    @property
    def sigma(self) -> np.ndarray:
        """Standard deviation of each latent, ``(d,)``."""
        return np.sqrt(np.square(self.cholesky).sum(axis=1))

    def log_prob(self, z: np.ndarray) -> np.ndarray:
        """log q(z), ``(N, d)`` to ``(N,)``, nats."""
        u = np.linalg.solve(self.cholesky, (np.asarray(z, dtype=np.float64) - self.mean).T)
        return -0.5 * (np.square(u).sum(axis=0) + self.n_latent * LOG_2PI) - self._log_det

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n draws m + L u, ``(n, d)``."""
        return self.at(rng.standard_normal((n, self.n_latent)))

    def at(self, u: np.ndarray) -> np.ndarray:
        """m + L u, ``(N, d)`` to ``(N, d)``."""
        return self.mean + u @ self.cholesky.T

    def entropy(self) -> float:
        """H(q) = ½ log |2πe L Lᵀ|, nats."""
        return float(0.5 * self.n_latent * (LOG_2PI + 1) + self._log_det)

    def kl_to_prior(self) -> float:
        """KL(q ‖ N(0, I)), nats."""
        squares = np.square(self.cholesky).sum() + np.square(self.mean).sum()
        return float(0.5 * (squares - self.n_latent) - self._log_det)

    @property
    def _log_det(self) -> float:
        """log |L|."""
        return float(np.log(np.diag(self.cholesky)).sum())


@lru_cache(maxsize=32)
def hermite(order: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``(order^d, d)`` and weights, which sum to 1, for means over N(0, I)."""
    check_whole("order", order, at_least=1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    u = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), axis=-1).reshape(-1, d)
    w = np.prod(np.meshgrid(*[weights] * d, indexing="ij"), axis=0).ravel()
    return _fixed(u), _fixed(w / w.sum())


@lru_cache(maxsize=8)
def square(d: int, step: float = STEP) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the trapezoid rule ``(M, d)`` and N(u; 0, I) times their volume, ``(M,)``."""
    axis = np.arange(-REACH, REACH + step / 2, step)
    u = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
    return _fixed(u), _fixed(step**d * np.exp(-0.5 * (np.square(u).sum(axis=1) + d * LOG_2PI)))


def _fixed(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class Elbo:
    """The bound at one q, in the pieces of its first two forms; nats.

    Attributes:
        energy: E_q[log p(x, z)], by ``order`` nodes along an axis.
        entropy: H(q), closed.
        reconstruction: E_q[log p(x | z)], by twice as many nodes.
        kl_prior: KL(q ‖ p(z)), closed.
    """

    energy: float
    entropy: float
    reconstruction: float
    kl_prior: float

    @property
    def total(self) -> float:
        """The bound: reconstruction − KL to the prior."""
        return self.reconstruction - self.kl_prior

    @property
    def from_energy(self) -> float:
        """The bound: energy + entropy, minus the free energy."""
        return self.energy + self.entropy

    @property
    def error(self) -> float:
        """By what the two differ: the error of the quadrature of fewer nodes."""
        return abs(self.total - self.from_energy)


def elbo(model: LatentModel, x: Any, q: GaussianQ, order: int | None = None) -> Elbo:
    """The evidence lower bound of one x at q, by Gauss-Hermite quadrature.

    Args:
        model: With one or two latents.
        x: ``(D,)``.
        q: Over its latents.
        order: Nodes along each axis; by default 64 for one latent and 20 for two.
    """
    check_latents(model, q)
    order = order or ORDERS[model.n_latent]
    (u, w), (v, r) = hermite(order, model.n_latent), hermite(2 * order, model.n_latent)
    return Elbo(
        energy=float(w @ model.log_joint(x, q.at(u))),
        entropy=q.entropy(),
        reconstruction=float(r @ model.log_likelihood(x, q.at(v))),
        kl_prior=q.kl_to_prior(),
    )


def kl_to_posterior(q: GaussianQ, posterior: Posterior, step: float = STEP) -> float:
    """KL(q ‖ p(z | x)) = E_q[log q(z) − log p(z | x)], nats: the gap below log p(x), by the trapezoid rule.

    Args:
        q: A Gaussian.
        posterior: p(z | x).
        step: Between nodes, standard deviations of q; ¾ will do where log p(x, z) is a quartic.
    """
    check_latents(posterior.model, q)
    u, w = square(q.n_latent, step)
    return float(-q.entropy() - w @ posterior.log_prob(q.at(u)))


def kl_from_posterior(q: GaussianQ, posterior: Posterior) -> float:
    """KL(p(z | x) ‖ q) = E_p[log p(z | x) − log q(z)], nats, on the posterior's grid.

    log q is a quadratic: of p it asks for the mean and the covariance alone.
    """
    check_latents(posterior.model, q)
    apart = np.linalg.solve(q.cholesky, posterior.mean - q.mean)
    spread = np.linalg.solve(q.cholesky, np.linalg.solve(q.cholesky, posterior.covariance).T)
    squares = np.square(apart).sum() + np.trace(spread)
    return float(0.5 * (squares - q.n_latent) + q.entropy() - posterior.entropy)


def check_latents(model: LatentModel, q: GaussianQ | None = None) -> None:
    """Raise a ValueError unless the model has one or two latents, and q as many."""
    if model.n_latent not in ORDERS:
        raise ValueError(
            f"The model has {model.n_latent} latents, too many for quadrature; take one with 1 or 2, or "
            "genmodels.inference.importance."
        )
    if q is not None and q.n_latent != model.n_latent:
        raise ValueError(f"q has {q.n_latent} dimensions and the model {model.n_latent} latents; give q as many.")
