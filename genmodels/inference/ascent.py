r"""Raising the bound: q = N(m, L Lᵀ) climbs from where it stands to the best Gaussian in reach.

    F(q) = E_q[log p(x, z)] + H(q) = log p(x) − KL(q ‖ p(z | x)),      z = m + L u,  u ~ N(0, I)

with g = ∇_z log p(x, z), the derivatives are means over q of the model's own slope (reparameterisation):

    ∂F/∂m = E[g],   ∂F/∂L = E[g uᵀ] + L⁻ᵀ,   E[∇² log p(x, z)] = E[g uᵀ] L⁻¹   (by parts)

*Gradient*: m and L along their derivatives, the diagonal of L by its logarithm.
*Natural gradient*: in a Gaussian's own geometry, with the precision Λ = (L Lᵀ)⁻¹,

    Λ ← (1 − η) Λ − η E[∇² log p],   m ← m + η Λ⁻¹ E[g]

η = 1 is Newton's step for a mean over q, and the exact answer at once if the posterior is Gaussian. Where the
curvature points the wrong way its eigenvalues are taken by their size, and where no such step helps a gradient step
is taken: this changes the way, not where it ends.

*Never down*: a step that would lower F is taken half as long, and again; so F rises or stands, and F is the same
quadrature in every step. A *diagonal* q (the encoder's family) changes standard deviations only.

Sources: Opper & Archambeau (2009), *Neural Computation* 21(3), for the derivatives; Khan & Rue (2023),
arXiv:2107.04562, for the natural step. Many x climb side by side. Float64, nats; randomness: none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from genmodels.checks import check_choice, check_number, check_whole
from genmodels.inference.bounds import ORDERS, GaussianQ, check_latents, hermite
from genmodels.inference.exact import Posterior
from genmodels.inference.models import LOG_2PI, LatentModel
from genmodels.states import last, still

FAMILIES, METHODS = ("full", "diagonal"), ("natural", "gradient")
Propose = Callable[..., tuple[np.ndarray, np.ndarray]]
FINEST = 1e-4
"""Least eigenvalue of a curvature, prior precisions."""


@dataclass(frozen=True, eq=False)
class AscentConfig:
    """How q climbs.

    Args:
        start: Where it begins; None for the prior.
        family: ``"full"``, or ``"diagonal"``: independent latents, as an encoder says them.
        method: ``"natural"`` or ``"gradient"``.
        rate: η of the first step, above 0; a natural step is never longer than 1. Whether it was too long, each step
            finds out, and the next one begins with twice what was taken.
        n_steps: Steps, 0 or more.
        order: Nodes of the quadrature along each latent; None for 64 (one latent) or 20 (two).

    Raises:
        ValueError: A value is out of range.
    """

    start: GaussianQ | None = None
    family: Literal["full", "diagonal"] = "full"
    method: Literal["natural", "gradient"] = "natural"
    rate: float = 0.3
    n_steps: int = 40
    order: int | None = None

    def __post_init__(self) -> None:
        check_choice("family", self.family, FAMILIES)
        check_choice("method", self.method, METHODS)
        check_number("rate", self.rate, above=0)
        check_whole("n_steps", self.n_steps, at_least=0)
        if self.order is not None:
            check_whole("order", self.order, at_least=2)


@dataclass(frozen=True, eq=False)
class PosteriorState:
    """q on its way up.

    Attributes:
        step: 0 is the start.
        mean: m, ``(d,)``.
        cholesky: L, ``(d, d)``.
        elbo: F(q), nats; it never falls.
        rate: η that led here; 0 at the start, and where no step helps any more.
    """

    step: int
    mean: np.ndarray
    cholesky: np.ndarray
    elbo: float
    rate: float

    @property
    def q(self) -> GaussianQ:
        """As a distribution."""
        return GaussianQ(self.mean, self.cholesky)


def iterate_posterior(model: LatentModel, x: Any, config: AscentConfig | None = None) -> Iterator[PosteriorState]:
    """Climb the bound of one x.

    Args:
        model: With one or two latents.
        x: ``(D,)``.
        config: From where, and how.

    Yields:
        ``n_steps + 1`` states, the start first.
    """
    config = config or AscentConfig()
    start = config.start or GaussianQ(np.zeros(model.n_latent), np.eye(model.n_latent))
    check_latents(model, start)
    climb = Climb(model, model.check_x(x)[None], start.mean[None], start.cholesky[None], config)
    for step in range(config.n_steps + 1):
        if step:
            climb.step()
        yield climb.state(0, step)


def fit_posterior(model: LatentModel, x: Any, config: AscentConfig | None = None) -> PosteriorState:
    """Where the climb ends: the last state of :func:`iterate_posterior`."""
    return last(iterate_posterior(model, x, config))


def best_gaussian(
    exact: Posterior,
    direction: Literal["reverse", "forward"] = "reverse",
    family: Literal["full", "diagonal"] = "full",
    order: int | None = None,
) -> GaussianQ:
    """The Gaussian nearest to a posterior.

    Args:
        exact: The posterior.
        direction: ``"reverse"`` makes KL(q ‖ p) least and the bound highest: the best of the climbs
            from each lump and from the whole. ``"forward"`` makes KL(p ‖ q) least: p's own mean and covariance.
        family: ``"full"`` or ``"diagonal"``.
        order: As in :class:`AscentConfig`.
    """
    check_choice("direction", direction, ("reverse", "forward"))
    check_choice("family", family, FAMILIES)
    moments = GaussianQ(exact.mean, np.linalg.cholesky(exact.covariance))
    moments = GaussianQ.diagonal(moments.mean, moments.sigma) if family == "diagonal" else moments
    if direction == "forward":
        return moments
    config = AscentConfig(family=family, rate=1.0, n_steps=60, order=order)
    starts = [moments, *exact.lumps()[:4]]
    ends = [fit_posterior(exact.model, exact.x, replace(config, start=start)) for start in starts]
    return max(ends, key=lambda state: state.elbo).q


def towards_moments(exact: Posterior, start: GaussianQ, n_steps: int = 20) -> Iterator[GaussianQ]:
    """From a q to the one with p's own moments; KL(p ‖ q) falls on the way, or stands.

    E[z] and E[z zᵀ] go in a straight line, t = 0 … 1. KL(p ‖ q) is then A(θ) − θ·μ_p and a constant, with μ the
    moments and θ(μ) the natural parameters; its slope is −(1 − t) Δμᵀ (∂θ/∂μ) Δμ, which is never above 0.

    Args:
        exact: The posterior p.
        start: Where it begins.
        n_steps: 1 or more.

    Yields:
        ``n_steps + 1`` Gaussians, the start first.
    """
    check_latents(exact.model, start)
    check_whole("n_steps", n_steps, at_least=1)
    to = exact.mean, exact.covariance + np.outer(exact.mean, exact.mean)
    yield start
    for t in np.arange(1, n_steps + 1) / n_steps:
        mean = (1 - t) * start.mean + t * to[0]
        second = (1 - t) * (start.covariance + np.outer(start.mean, start.mean)) + t * to[1]
        yield GaussianQ(mean, np.linalg.cholesky(second - np.outer(mean, mean)))


class Climb:
    """Many x, each with a q of its own, one step at a time.

    Args:
        model: With one or two latents.
        x: ``(N, D)``.
        mean: ``(N, d)``.
        cholesky: ``(N, d, d)``; of a diagonal family, only the standard deviations are kept.
        config: How; its start and number of steps are passed over.

    Attributes:
        bound: F of each, ``(N,)``, nats.
        taken: η of the last step, ``(N,)``; 0 where none helped.
    """

    def __init__(
        self, model: LatentModel, x: np.ndarray, mean: np.ndarray, cholesky: np.ndarray, config: AscentConfig
    ) -> None:
        check_latents(model)
        self.model, self.x, self.config = model, x, config
        self.u, self.w = hermite(config.order or ORDERS[model.n_latent], model.n_latent)
        self.mean, self.cholesky = np.array(mean, dtype=np.float64), np.array(cholesky, dtype=np.float64)
        if config.family == "diagonal":
            self.cholesky = _diagonal(np.sqrt(np.square(self.cholesky).sum(axis=2)))
        self.bound, self.slope, self.moment = self._look(np.arange(len(x)), self.mean, self.cholesky)
        self.rate, self.taken = np.full(len(x), config.rate), np.zeros(len(x))
        self._moving = np.ones(len(x), dtype=bool)

    def step(self, halvings: int = 30) -> None:
        """One step up for each x, as long as one of its first so many halves helps."""
        start = self.mean, self.cholesky, self.slope, self.moment
        self.mean, self.cholesky, self.slope, self.moment = (part.copy() for part in start)
        left, self.taken = np.flatnonzero(self._moving), np.zeros(len(self.x))
        if self.config.method == "natural":
            left = self._try(self._natural, np.minimum(self.rate, 1.0), left, start, 6)
        left = self._try(self._gradient, self.rate.copy(), left, start, halvings)
        self._moving[left] = False  # the next step would be the same, and would not help either
        self.rate = np.where(self.taken > 0, 2 * self.taken, self.rate)

    def state(self, i: int, step: int) -> PosteriorState:
        """Where the i-th stands, as a copy."""
        mean, cholesky = still(self.mean[i]), still(self.cholesky[i])
        return PosteriorState(step, mean, cholesky, float(self.bound[i]), float(self.taken[i]))

    def _try(self, propose: Propose, rate: np.ndarray, left: np.ndarray, start: tuple, halvings: int) -> np.ndarray:
        """Go as far as ``rate``, or half as far, or a quarter, …, until F rises; the rows left over."""
        for _ in range(halvings):
            if not left.size:
                break
            mean, cholesky = propose(rate[left], *(part[left] for part in start))
            bound, slope, moment = self._look(left, mean, cholesky)
            better = bound > self.bound[left]
            rows = left[better]
            self.mean[rows], self.cholesky[rows], self.bound[rows] = mean[better], cholesky[better], bound[better]
            self.slope[rows], self.moment[rows], self.taken[rows] = slope[better], moment[better], rate[rows]
            left = left[~better]
            rate[left] *= 0.5
        return left

    def _look(
        self, rows: np.ndarray, mean: np.ndarray, cholesky: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """F ``(n,)``, E[g] ``(n, d)`` and E[g uᵀ] ``(n, d, d)`` of some x."""
        n, d = mean.shape
        z = (mean[:, None] + np.einsum("mj,nij->nmi", self.u, cholesky)).reshape(-1, d)
        x = self.x[rows[0]] if n == 1 else np.repeat(self.x[rows], len(self.u), axis=0)
        value, slope = self.model.value_and_gradient(x, z)
        slope = slope.reshape(n, -1, d)
        log_det = np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum(axis=1)
        bound = value.reshape(n, -1) @ self.w + log_det + 0.5 * d * (LOG_2PI + 1)
        weighted = self.w[:, None] * slope
        return bound, weighted.sum(axis=1), np.einsum("nmi,mj->nij", weighted, self.u)

    def _gradient(
        self,
        rate: np.ndarray,
        mean: np.ndarray,
        cholesky: np.ndarray,
        slope: np.ndarray,
        moment: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        sigma = np.diagonal(cholesky, axis1=1, axis2=2)
        of_log = np.diagonal(moment, axis1=1, axis2=2) * sigma + 1
        grown = _diagonal(sigma * np.exp(np.clip(rate[:, None] * of_log, -2, 2)))
        if self.config.family == "full":
            grown = grown + np.tril(cholesky + rate[:, None, None] * moment, -1)
        return mean + rate[:, None] * slope, grown

    def _natural(
        self,
        rate: np.ndarray,
        mean: np.ndarray,
        cholesky: np.ndarray,
        slope: np.ndarray,
        moment: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        eta = rate[:, None]
        if self.config.family == "diagonal":
            sigma = np.diagonal(cholesky, axis1=1, axis2=2)
            curved = np.maximum(np.abs(np.diagonal(moment, axis1=1, axis2=2) / sigma), FINEST)
            variance = 1 / ((1 - eta) / sigma**2 + eta * curved)
            return mean + eta * variance * slope, _diagonal(np.sqrt(variance))
        inverse = np.linalg.inv(cholesky)
        curvature = moment @ inverse
        values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.swapaxes(1, 2)))
        sized = (vectors * np.maximum(np.abs(values), FINEST)[:, None]) @ vectors.swapaxes(1, 2)
        precision = (1 - eta[:, :, None]) * (inverse.swapaxes(1, 2) @ inverse) + eta[:, :, None] * sized
        covariance = np.linalg.inv(precision)
        covariance = 0.5 * (covariance + covariance.swapaxes(1, 2))
        return mean + eta * np.einsum("nij,nj->ni", covariance, slope), np.linalg.cholesky(covariance)


def _diagonal(entries: np.ndarray) -> np.ndarray:
    """``(N, d)`` to diagonal matrices ``(N, d, d)``."""
    return entries[:, :, None] * np.eye(entries.shape[1])
