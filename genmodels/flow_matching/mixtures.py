r"""Data that are a mixture of equally wide round Gaussians: exact answers for both roads, fast with hundreds of them.

    p(x_1) = Σ_k π_k N(μ_k, λ I),   x = α x_1 + σ ε,   ε ~ N(0, I)

Flow matching has α = t and σ = 1 − t, diffusion α = √ᾱ and σ = √(1 − ᾱ). As all widths are one, the responsibilities
r_k ∝ π_k exp(−|x − α μ_k|² / 2s), s = α² λ + σ², are one softmax, and with m = Σ_k r_k μ_k

    E[x_1 | x] = m + (α λ/s)(x − α m),     E[ε | x] = (σ/s)(x − α m)
    ∇·m = (α/s) Σ_k r_k |μ_k − m|²

from which follow flow matching's v = E[x_1 − ε | x] and diffusion's v = α E[ε | x] − σ E[x_1 | x], regular at both
ends. The general mixture is that of :mod:`.exact` and of :mod:`genmodels.diffusion.exact`; tests hold this one to it.

*Blurred curves*, such as the two moons, are one: p(x) = ∫ N(x; c(u), σ² I) du, by the quadrature that
:mod:`genmodels.data.dataset` has for their density. *Points* given a width λ > 0 are one, too.

Rows are points in the units of the standardised data, float64; logarithms natural.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_data, check_number
from genmodels.data.dataset import Dataset
from genmodels.flow_matching.exact import check_time
from genmodels.gaussian import LOG_2PI
from genmodels.mixture import check_weights


@dataclass(frozen=True, eq=False)
class RoundMixture:
    """Σ_k π_k N(μ_k, λ I).

    Args:
        centres: μ, ``(K, D)``, standardised.
        weights: π, ``(K,)``, positive, summing to 1; None for equal ones.
        variance: λ, above 0.

    Raises:
        ValueError: Shapes do not fit, or the variance is not above 0.

    >>> unit = RoundMixture([[0.0, 0.0]], None, 1.0)
    >>> unit.log_prob(np.zeros((1, 2))).round(4).tolist()
    [-1.8379]
    """

    centres: np.ndarray
    weights: np.ndarray | None
    variance: float

    def __post_init__(self) -> None:
        centres = check_data(self.centres)
        if not len(centres):
            raise ValueError("There are no centres; give one or more, one a row.")
        check_number("variance", self.variance, above=0)
        given = np.full(len(centres), 1 / len(centres)) if self.weights is None else self.weights
        weights = check_weights(given, len(centres), "weights")
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "_log_weights", np.log(weights))
        object.__setattr__(self, "_squared", np.square(centres).sum(axis=1))

    @classmethod
    def of(cls, dataset: Dataset) -> RoundMixture:
        """That of a data set of round modes or blurred curves, standardised.

        Raises:
            ValueError: It is neither.
        """
        if not is_round(dataset):
            raise ValueError(
                f"{dataset.name} is no mixture of round Gaussians; give points of it, and a width, to RoundMixture."
            )
        if dataset.centres is not None:
            centres, weights = dataset.centres, None
        else:
            centres, weights = dataset.curve  # type: ignore[misc]
            weights = weights / weights.sum()
        return cls(dataset.standardise(centres), weights, (dataset.sigma / dataset.scale) ** 2)  # type: ignore[operator]

    def log_prob(self, x: np.ndarray, alpha: float = 1.0, sigma: float = 0.0) -> np.ndarray:
        """log density of α x_1 + σ ε in nats, ``(N, D)`` to ``(N,)``."""
        x = check_data(x)
        spread, joint = self._joint(x, alpha, sigma)
        highest = joint.max(axis=1)
        total = highest + np.log(np.exp(joint - highest[:, None]).sum(axis=1))
        return total - 0.5 * np.square(x).sum(axis=1) / spread - 0.5 * x.shape[1] * (LOG_2PI + math.log(spread))

    def answers(self, x: np.ndarray, alpha: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """E[x_1 | x] and E[ε | x], ``(N, D)`` each; α and σ must not both be 0."""
        spread, resp = self._look(x, alpha, sigma)
        mean = resp @ self.centres
        away = (x - alpha * mean) / spread
        return mean + alpha * self.variance * away, sigma * away

    def traces(self, x: np.ndarray, alpha: float, sigma: float) -> tuple[np.ndarray, ...]:
        """As :meth:`answers`, and the traces of their Jacobians by x, ``(N,)`` each."""
        spread, resp = self._look(x, alpha, sigma)
        mean = resp @ self.centres
        away = (x - alpha * mean) / spread
        scatter = np.maximum(resp @ self._squared - np.square(mean).sum(axis=1), 0)  # type: ignore[attr-defined]
        of_mean = alpha / spread * scatter
        of_away = (x.shape[1] - alpha * of_mean) / spread
        ahead, noise = mean + alpha * self.variance * away, sigma * away
        return ahead, noise, of_mean + alpha * self.variance * of_away, sigma * of_away

    def _joint(self, x: np.ndarray, alpha: float, sigma: float) -> tuple[float, np.ndarray]:
        """s, and log π_k − |x − α μ_k|²/2s but for what all k share, ``(N, K)``."""
        spread = alpha**2 * self.variance + sigma**2
        joint = x @ ((alpha / spread) * self.centres.T)
        joint += self._log_weights - (0.5 * alpha**2 / spread) * self._squared  # type: ignore[attr-defined]
        return spread, joint

    def _look(self, x: np.ndarray, alpha: float, sigma: float) -> tuple[float, np.ndarray]:
        """s, and r ``(N, K)``."""
        spread, resp = self._joint(x, alpha, sigma)
        resp -= resp.max(axis=1, keepdims=True)
        np.exp(resp, out=resp)
        resp /= resp.sum(axis=1, keepdims=True)
        return spread, resp


class RoundVelocity:
    """The exact velocity of flow matching from N(0, I) to such data.

    >>> RoundVelocity(RoundMixture([[0.0, 0.0]], None, 1.0))(np.ones((1, 2)), 0.5)
    array([[0., 0.]])
    """

    def __init__(self, mixture: RoundMixture) -> None:
        self.mixture = mixture

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t) of points ``(N, D)`` at a time 0 … 1, ``(N, D)``."""
        check_time(t)
        ahead, noise = self.mixture.answers(check_data(x), t, 1 - t)
        return ahead - noise

    def divergence(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """v, and ∇·v ``(N,)``."""
        check_time(t)
        ahead, noise, of_ahead, of_noise = self.mixture.traces(check_data(x), t, 1 - t)
        return ahead - noise, of_ahead - of_noise

    def log_prob(self, x: np.ndarray, t: float) -> np.ndarray:
        """log p_t(x) in nats, ``(N,)``."""
        check_time(t)
        return self.mixture.log_prob(x, t, 1 - t)


class RoundDenoiser:
    """The exact denoiser of diffusion for such data; it says v.

    >>> RoundDenoiser(RoundMixture([[0.0, 0.0]], None, 1.0))(np.ones((1, 2)), 0.25).round(12)  # nothing moves
    array([[0., 0.]])
    """

    prediction = "v"

    def __init__(self, mixture: RoundMixture) -> None:
        self.mixture = mixture

    def __call__(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """E[v | x_t], ``(N, D)``; there are no classes y."""
        s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        ahead, noise = self.mixture.answers(np.asarray(x_t, dtype=np.float64), s, n)
        return s * noise - n * ahead

    def divergence(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """v, and the trace of its Jacobian ``(N,)``."""
        s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        ahead, noise, of_ahead, of_noise = self.mixture.traces(np.asarray(x_t, dtype=np.float64), s, n)
        return s * noise - n * ahead, s * of_noise - n * of_ahead


def is_round(dataset: Dataset) -> bool:
    """Whether a data set has round modes or blurred curves, for :meth:`RoundMixture.of`."""
    return dataset.sigma is not None and (dataset.centres is not None or dataset.curve is not None)
