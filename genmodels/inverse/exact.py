r"""What a measurement y = A x + σ ε says of x, exactly, if the prior is a Gaussian or a mixture of some.

*Without a prior*: of all x that fit y best, the shortest, A⁺ y (:func:`minimum_norm`). It is no estimate of x.

*A Gaussian prior* N(μ, Σ) (:mod:`genmodels.gaussian`). With the gain K = Σ Aᵀ (A Σ Aᵀ + σ² I)⁻¹, the posterior is
the Gaussian

    mean μ + K (y − A μ),   covariance Σ − K A Σ        (:func:`wiener`; for images the Wiener filter)

*A mixture* Σ_k π_k N(μ_k, Σ_k) (:mod:`genmodels.mixture`) stays a mixture: each component is updated as above, and

    p(k | y) ∝ π_k N(y; A μ_k, A Σ_k Aᵀ + σ² I)         (:func:`condition`)

Three answers to one question: the *minimum norm*; the *posterior mean*, of all answers the one with the least
expected squared error, E|x − x̂|² = tr Cov[x | y]; a *sample*, which looks like the data, and costs twice that.

*σ = 0* is allowed where A Σ Aᵀ is invertible. The posterior then has no width along the rows of A: it has a mean and
samples, but no density in x, and asking for one is refused.

Sources: Bishop (2006), *Pattern Recognition and Machine Learning*, section 2.3.3 (eqs. 2.116 and 2.117); Kay (1993),
*Fundamentals of Statistical Signal Processing*, chapters 10 to 12. Rows are points; logarithms natural; numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genmodels.checks import check_data
from genmodels.gaussian import LOG_2PI
from genmodels.inverse.measurement import Measurement
from genmodels.mixture import GaussianMixture


def minimum_norm(measurement: Measurement, y: Any) -> np.ndarray:
    """A⁺ y, ``(N, M)`` to ``(N, D)``: of all x that minimise |A x − y|, the shortest.

    >>> from genmodels.inverse.measurement import Line
    >>> minimum_norm(Line(0.0, (0.0, 2.0)), [[3.0]])
    array([[0. , 1.5]])
    """
    return _measured(measurement, y) @ measurement.pseudoinverse.T


def wiener(mean: Any, covariance: Any, measurement: Measurement, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """The posterior of a Gaussian prior, for each of N measurements alike.

    Args:
        mean: μ, ``(D,)``.
        covariance: Σ, ``(D, D)``, positive semi-definite (not checked).
        measurement: A and σ.
        y: ``(N, M)``.

    Returns:
        Means ``(N, D)``, and the covariance ``(D, D)``, which does not depend on y.

    Raises:
        ValueError: Shapes do not fit, or σ = 0 and A Σ Aᵀ is singular.

    >>> from genmodels.inverse.measurement import Identity
    >>> wiener(np.zeros(1), np.eye(1), Identity(1.0, 1), [[3.0]])
    (array([[1.5]]), array([[0.5]]))
    """
    y, mean, covariance = _measured(measurement, y), np.asarray(mean, float), np.asarray(covariance, float)
    d = measurement.n_features
    if mean.shape != (d,) or covariance.shape != (d, d):
        raise ValueError(f"Give a mean ({d},) and a covariance ({d}, {d}); got {mean.shape}, {covariance.shape}.")
    gain, left, _ = _update(covariance, measurement)
    return mean + (y - measurement.matrix @ mean) @ gain.T, left


@dataclass(frozen=True, eq=False)
class Posterior:
    """p(x | y) where the prior is a mixture: a mixture of as many components, some of which may have no width.

    Attributes:
        log_weights: log p(k | y), ``(K,)``.
        means: ``(K, D)``.
        covariances: ``(K, D, D)``, positive semi-definite.
    """

    log_weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """p(k | y), ``(K,)``; 0 where it is too small for a number."""
        return np.exp(self.log_weights)

    @property
    def mean(self) -> np.ndarray:
        """E[x | y], ``(D,)``."""
        return self.weights @ self.means

    @property
    def covariance(self) -> np.ndarray:
        """Cov[x | y], ``(D, D)``; its trace is the least expected squared error."""
        centred = self.means - self.mean
        spread = np.einsum("k,kd,ke->de", self.weights, centred, centred)
        return np.tensordot(self.weights, self.covariances, 1) + spread

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw k, then x given k and y: points ``(n, D)`` and their components ``(n,)``."""
        weights = self.weights / self.weights.sum()
        k = rng.choice(len(weights), size=n, p=weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return self.means[k] + np.einsum("nij,nj->ni", self._roots[k], noise), k

    def log_prob(self, x: Any) -> np.ndarray:
        """log p(x | y) in nats, ``(N, D)`` to ``(N,)``.

        Raises:
            ValueError: A component has no width (σ = 0).
        """
        return self.mixture().log_prob(check_data(x))

    def mixture(self) -> GaussianMixture:
        """As a mixture with densities, without the components whose weight is too small for a number.

        Raises:
            ValueError: A component has no width (σ = 0).
        """
        kept = self.weights > 1e-300
        values = np.linalg.eigvalsh(self.covariances[kept])
        if (values[:, 0] <= 1e-12 * values[:, -1]).any():
            raise ValueError(
                "Without noise (σ = 0) the posterior has no width along what is measured, and so no density in x; "
                "take its mean or samples, or a σ above 0."
            )
        weights = self.weights[kept] / self.weights[kept].sum()
        return GaussianMixture(weights, self.means[kept], self.covariances[kept])

    @cached_property
    def _roots(self) -> np.ndarray:
        """R_k with R_k R_kᵀ the covariances, ``(K, D, D)``: Cholesky factors, or others where there are none."""
        try:
            return np.linalg.cholesky(self.covariances)
        except np.linalg.LinAlgError:
            values, vectors = np.linalg.eigh(self.covariances)
            return vectors * np.sqrt(np.maximum(values, 0))[:, None, :]


def condition(prior: GaussianMixture, measurement: Measurement, y: Any) -> Posterior:
    """The posterior of a mixture, for one measurement.

    Args:
        prior: ``K`` components in D dimensions.
        measurement: A and σ.
        y: ``(M,)``.

    Raises:
        ValueError: Shapes do not fit, or σ = 0 and A Σ_k Aᵀ is singular.
    """
    y = _measured(measurement, np.reshape(np.asarray(y, dtype=np.float64), (1, -1)))[0]
    if prior.means.shape[1] != measurement.n_features:
        raise ValueError(
            f"The prior has {prior.means.shape[1]} dimensions, A {measurement.n_features}; give as many."
        )
    log_weights, means, covariances = [], [], []
    for weight, mean, covariance in zip(prior.weights, prior.means, prior.covariances, strict=True):
        gain, left, factor = _update(covariance, measurement)
        off = y - measurement.matrix @ mean
        whitened = np.linalg.solve(factor, off)
        log_evidence = -0.5 * (whitened @ whitened + len(y) * LOG_2PI) - np.log(np.diag(factor)).sum()
        log_weights.append(np.log(weight) + log_evidence)
        means.append(mean + gain @ off)
        covariances.append(left)
    joint = np.array(log_weights)
    highest = joint.max()
    log_weights = joint - (highest + np.log(np.exp(joint - highest).sum()))
    return Posterior(log_weights, np.stack(means), np.stack(covariances))


def log_evidence(prior: GaussianMixture, measurement: Measurement, y: Any) -> float:
    """log p(y) = log Σ_k π_k N(y; A μ_k, A Σ_k Aᵀ + σ² I) in nats, for one measurement ``(M,)``."""
    a, m = measurement.matrix, measurement.n_measured
    spread = a @ prior.covariances @ a.T + measurement.sigma**2 * np.eye(m)
    marginal = GaussianMixture(prior.weights, prior.means @ a.T, (spread + spread.transpose(0, 2, 1)) / 2)
    return float(marginal.log_prob(np.reshape(np.asarray(y, dtype=np.float64), (1, m)))[0])


def _update(covariance: np.ndarray, measurement: Measurement) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gain ``(D, M)``, the covariance that is left ``(D, D)``, and the factor of A Σ Aᵀ + σ² I ``(M, M)``."""
    a = measurement.matrix
    across = a @ covariance
    of_y = across @ a.T + measurement.sigma**2 * np.eye(len(a))
    try:
        factor = np.linalg.cholesky(of_y)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(of_y)
    if np.diag(factor).min() ** 2 <= 1e-13 * np.diag(of_y).max():
        raise ValueError(
            "A Σ Aᵀ + σ² I is singular: the prior is certain of something that is measured again without noise; "
            "take a σ above 0."
        )
    half = np.linalg.solve(factor, across)  # (M, D)
    left = covariance - half.T @ half
    return np.linalg.solve(factor.T, half).T, (left + left.T) / 2, factor


def _measured(measurement: Measurement, y: Any) -> np.ndarray:
    y = check_data(y)
    if y.shape[1] != measurement.n_measured:
        raise ValueError(f"y has {y.shape[1]} columns and the measurement {measurement.n_measured}; give as many.")
    return y
