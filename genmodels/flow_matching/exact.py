r"""The exact velocity of flow matching, if the data are a Gaussian mixture, or just these points.

    x_t = (1 − t) x_0 + t x_1,   x_0 ~ N(0, I),   x_1 ~ data,   v(x, t) = E[x_1 − x_0 | x_t = x]

t = 0 is noise, t = 1 data. Straight threads lead from each x_0 to its x_1 and cross; v is the mean of those that pass
through x at t, one number a place, so that the paths dx/dt = v(x, t) never cross. They carry N(0, I) to the data,
since v fulfils the continuity equation ∂p_t/∂t + ∇·(p_t v) = 0. A network (:mod:`.velocity`) is trained towards v
without ever seeing it.

*A Gaussian mixture* Σ_k π_k N(μ_k, Σ_k) stays one, p_t = Σ_k π_k N(t μ_k, S_k) with S_k = (1 − t)² I + t² Σ_k. With
r_k = p(k | x_t = x), the responsibilities, and given k a Gaussian's regression of x_1 − x_0 on x_t,

    v = Σ_k r_k v_k,   v_k = μ_k + A_k (x − t μ_k),   A_k = (t Σ_k − (1 − t) I) S_k⁻¹
    ∇·v = Σ_k r_k (tr A_k − p_k · v_k) + (Σ_k r_k p_k) · v,   p_k = S_k⁻¹ (x − t μ_k)

since ∇r_k = r_k (Σ_j r_j p_j − p_k).

*Bounded as t → 1*, where the formula (E[x_1 | x_t] − x_t)/(1 − t) is 0/0: along an axis of Σ_k with variance λ, A_k
is

    a = (t λ − (1 − t)) / ((1 − t)² + t² λ),   |a| ≤ (1 + λ)/√λ   at every t

by Cauchy and Schwarz, (t λ + (1 − t))² ≤ (λ + 1)(t² λ + (1 − t)²), and the denominator's least value λ/(1 + λ). The
mixture's own covariance bounds it. At t = 1, a = 1 and v(x, 1) = x; at t = 0, a = −1 and v(x, 0) = E[x_1] − x.

*A finite set of points* is the mixture of M points with no width: v = (Σ_m w_m x_m − x)/(1 − t), and no bound holds:
it leads to the points themselves. It is exact for the *sample*.

Of other models this imports :mod:`genmodels.mixture` (and log 2π from :mod:`genmodels.gaussian`), for that is what
the data are, and :mod:`genmodels.diffusion`, whose denoiser of points has the w: x_t/c is a noisy point at √ᾱ = t/c,
c² = t² + (1 − t)².

All this needs the Gaussian start: another start is refused.

Sources: Lipman et al. (2023), arXiv:2210.02747 (eqs. 8, 9 and 23); Liu, Gong & Liu (2023), arXiv:2209.03003; Albergo
& Vanden-Eijnden (2023), arXiv:2209.15571. Rows are points in the units of the standardised data, float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genmodels.checks import check_data, check_number
from genmodels.data.dataset import Dataset
from genmodels.diffusion.exact import ExactMixtureDenoiser, ExactPointsDenoiser
from genmodels.gaussian import LOG_2PI
from genmodels.mixture import GaussianMixture


class ExactMixtureVelocity:
    """The best possible velocity for data that are a Gaussian mixture.

    Args:
        mixture: Of the data, standardised.
        start: Of the noise; None, or a mixture that is N(0, I).

    Raises:
        ValueError: Another start.

    >>> unit = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> ExactMixtureVelocity(unit)(np.ones((1, 2)), 0.5)  # N(0, I) to N(0, I): nothing moves half-way
    array([[0., 0.]])
    """

    def __init__(self, mixture: GaussianMixture, start: Any = None) -> None:
        self.mixture = mixture
        check_start(start, mixture.means.shape[1])
        self._variances, self._axes = np.linalg.eigh(mixture.covariances)  # Σ_k = Q_k diag(λ_k) Q_kᵀ
        self._to_axes = self._axes.transpose(0, 2, 1)  # (K, D, D): Q_kᵀ
        self._means = np.einsum("kde,ke->kd", self._to_axes, mixture.means)  # along the axes
        self._log_weights = np.log(mixture.weights)

    @classmethod
    def of(cls, dataset: Dataset) -> ExactMixtureVelocity:
        """That of a data set of round modes, standardised.

        Raises:
            ValueError: The data set is no finite mixture; give its points to :class:`ExactPointsVelocity`.
        """
        if dataset.centres is None or dataset.sigma is None:
            raise ValueError(
                f"{dataset.name} is no mixture of finitely many Gaussians; draw points from it and give them to "
                "ExactPointsVelocity."
            )
        return cls(ExactMixtureDenoiser.of(dataset).mixture)

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t), ``(N, D)``, as :meth:`velocity`."""
        return self.velocity(x, t)

    def velocity(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t) of points ``(N, D)`` at a time 0 … 1, ``(N, D)``."""
        resp, _, slope, rotated = self._look(x, t)
        return self._mean(resp, self._moved(slope, rotated))

    def divergence(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """v, and ∇·v, the trace of its Jacobian, ``(N,)``."""
        resp, spread, slope, rotated = self._look(x, t)
        pulled, moved = rotated / spread[:, :, None], self._moved(slope, rotated)  # (K, D, N)
        v, pull = self._mean(resp, moved), self._mean(resp, pulled)
        own = slope.sum(axis=1)[:, None] - (pulled * moved).sum(axis=1)  # (K, N)
        return v, (resp * own).sum(axis=0) + (pull * v).sum(axis=1)

    def responsibilities(self, x: np.ndarray, t: float) -> np.ndarray:
        """p(k | x_t = x), ``(N, K)``: which mode x may be on its way to."""
        return np.ascontiguousarray(self._look(x, t)[0].T)

    def log_prob(self, x: np.ndarray, t: float) -> np.ndarray:
        """log p_t(x) in nats, ``(N,)``."""
        joint = self._log_joint(*self._rotate(x, t))
        highest = joint.max(axis=0)
        return highest + np.log(np.exp(joint - highest).sum(axis=0))

    def _rotate(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Q_kᵀ(x − t μ_k) ``(K, D, N)``, and the variances of S_k along these axes ``(K, D)``."""
        check_time(t)
        x = _check_x(x, self.mixture.means.shape[1])
        return self._to_axes @ x.T - t * self._means[:, :, None], (1 - t) ** 2 + t**2 * self._variances

    def _log_joint(self, rotated: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """log p(k, x), ``(K, N)``."""
        squared = (np.square(rotated) / spread[:, :, None]).sum(axis=1)
        constant = self._log_weights - 0.5 * (np.log(spread).sum(axis=1) + spread.shape[1] * LOG_2PI)
        return constant[:, None] - 0.5 * squared

    def _look(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """r ``(K, N)``, variances of S_k ``(K, D)``, A_k ``(K, D)``, Q_kᵀ(x − t μ_k) ``(K, D, N)``."""
        rotated, spread = self._rotate(x, t)
        resp = self._log_joint(rotated, spread)
        np.exp(resp - resp.max(axis=0), out=resp)
        resp /= resp.sum(axis=0)
        return resp, spread, (t * self._variances - (1 - t)) / spread, rotated

    def _moved(self, slope: np.ndarray, rotated: np.ndarray) -> np.ndarray:
        """v_k along the axes, ``(K, D, N)``."""
        return self._means[:, :, None] + slope[:, :, None] * rotated

    def _mean(self, resp: np.ndarray, along_axes: np.ndarray) -> np.ndarray:
        """Σ_k r_k Q_k a_k, ``(N, D)``."""
        return (self._axes @ (resp[:, None] * along_axes)).sum(axis=0).T


class ExactPointsVelocity:
    """The best possible velocity for data that are just these points: it leads to the points themselves.

    Args:
        points: ``(M, D)``, standardised.
        start: Of the noise; None, or a mixture that is N(0, I).

    >>> ExactPointsVelocity([[0.0], [1.0]])(np.array([[0.9], [0.1]]), 0.9).round(2).tolist()
    [[1.0], [-1.0]]
    """

    def __init__(self, points: Any, start: Any = None) -> None:
        self._denoiser = ExactPointsDenoiser(points)
        self.points = self._denoiser.points
        check_start(start, self.points.shape[1])

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t), ``(N, D)``, as :meth:`velocity`."""
        return self.velocity(x, t)

    def velocity(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t) of points ``(N, D)`` at a time 0 … 1; at t = 1, where only points have mass, the nearest."""
        x, c, alpha_bar = self._scaled(x, t)
        ahead = self._denoiser(x / c, alpha_bar)
        return ahead if t == 1 else (ahead - x) / (1 - t)

    def weights(self, x: np.ndarray, t: float) -> np.ndarray:
        """p(x_1 = point m | x_t = x), ``(N, M)``: the threads through x; rows sum to 1."""
        x, c, alpha_bar = self._scaled(x, t)
        return self._denoiser.weights(x / c, alpha_bar)

    def divergence(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """v, and ∇·v, the trace of its Jacobian ``(N,)``, at t below 1."""
        if t == 1:
            raise ValueError("At t = 1 the points have no width, and v no divergence; take a time below 1.")
        x, c, alpha_bar = self._scaled(x, t)
        ahead, trace = self._denoiser.divergence(x / c, alpha_bar)
        return (ahead - x) / (1 - t), (trace / c - x.shape[1]) / (1 - t)

    def log_prob(self, x: np.ndarray, t: float) -> np.ndarray:
        """log p_t(x) in nats ``(N,)``, at t below 1."""
        if t == 1:
            raise ValueError("At t = 1 the points have no width, and no density; take a time below 1.")
        x, c, alpha_bar = self._scaled(x, t)
        return self._denoiser.log_prob(x / c, alpha_bar) - x.shape[1] * math.log(c)

    def _scaled(self, x: np.ndarray, t: float) -> tuple[np.ndarray, float, float]:
        """The points, c and ᾱ: x/c is as noisy as diffusion's x at ᾱ."""
        check_time(t)
        squared = t**2 + (1 - t) ** 2
        return _check_x(x, self.points.shape[1]), math.sqrt(squared), t**2 / squared


def check_start(start: Any, d: int) -> None:
    """Raise a ValueError unless the start is None or a mixture that is N(0, I) in d dimensions."""
    if start is None:
        return
    if isinstance(start, GaussianMixture):
        centred = start.means.shape[1] == d and not start.means.any()
        if centred and (start.covariances == np.eye(d)).all():
            return
    raise ValueError(
        "A Gaussian start is assumed: the velocity's formula is that of noise from N(0, I), and another start has "
        "another velocity. Leave out start, or standardise it."
    )


def check_time(t: float) -> None:
    """Raise a ValueError unless t lies in 0 … 1."""
    check_number("t", t, at_least=0)
    if t > 1:
        raise ValueError(f"t is {t!r}; give a time from 0 (noise) to 1 (data).")


def _check_x(x: np.ndarray, d: int) -> np.ndarray:
    x = check_data(x)
    if x.shape[1] != d:
        raise ValueError(f"x has {x.shape[1]} columns and the data have {d}; give as many.")
    return x
