r"""Digits as pixels: two generative classifiers, told apart by what they believe of neighbouring pixels.

    p(x, y = k) = π_k p(x | y = k),      p(y = k | x) = p(x, y = k) / Σ_j p(x, y = j)

*Independent*, :class:`NaivePixels`: black-and-white pixels, each its own coin,

    p(x | k) = Π_d p_kd^x_d (1 − p_kd)^(1 − x_d),      p_kd = (n_kd + α) / (n_k + 2α)

n_kd of the n_k images have ink there; α is Laplace's smoothing: a pixel never seen black is unlikely, not impossible.

*Full*, :class:`GaussianPixels`: grey pixels, x ~ N(μ_k, Σ_k). With fewer images of a class than pixels the sample
covariance S_k is singular, so that it is shrunk towards its own diagonal (Schäfer & Strimmer 2005, target D):

    Σ_k = (1 − λ) S_k + λ diag(S_k) + ε I

**The same per-pixel statistics, another world.** The diagonal of Σ_k does not depend on λ: for every λ the model has
the same mean and the same variance of every pixel, exactly. λ = 1 is the independent Gaussian, whose samples are
static in the shape of a digit; at a small λ neighbouring pixels vary together and samples have strokes.
``shrink(1.0)`` gives the first of the second. (The Bernoulli of :class:`NaivePixels` has a variance of its own,
p (1 − p).)

Both densities are honest about what they model: the first black-and-white images, the second any real numbers,
negative ink included. Their nats cannot be compared with each other.

Sources: Bishop (2006), sections 4.2.3 and 8.2.2; Schäfer & Strimmer (2005), *Statistical Applications in Genetics
and Molecular Biology* 4(1), 32; Turk & Pentland (1991), *J. Cognitive Neuroscience* 3(1), for eigenvectors as
pictures. Rows are images ``(N, D)`` with pixels in 0…1, float64, logarithms natural; classes are 0 … K − 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import eigh, solve_triangular
from scipy.special import logsumexp

from genmodels.checks import check_pixels, check_whole

LOG_2PI = float(np.log(2 * np.pi))


class PixelModel:
    """What both classifiers do once :meth:`log_joint` is known."""

    weights: np.ndarray
    means: np.ndarray

    def log_joint(self, images: np.ndarray) -> np.ndarray:
        """log p(x, y = k), ``(N, D)`` to ``(N, K)``, nats per image."""
        raise NotImplementedError

    def log_prob(self, images: np.ndarray) -> np.ndarray:
        """log p(x), ``(N, D)`` to ``(N,)``, nats per image."""
        return logsumexp(self.log_joint(images), axis=1)

    def log_posterior(self, images: np.ndarray) -> np.ndarray:
        """log p(y = k | x), ``(N, D)`` to ``(N, K)``, nats; the exponentials of a row sum to 1."""
        joint = self.log_joint(images)
        return joint - logsumexp(joint, axis=1, keepdims=True)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The most probable class, ``(N, D)`` to ``(N,)`` int64."""
        return self.log_joint(images).argmax(axis=1)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Share of the images whose class is predicted, 0…1."""
        return float((self.predict(images) == np.asarray(labels)).mean())

    def _check_class(self, y: int) -> int:
        if not isinstance(y, int | np.integer) or isinstance(y, bool) or not 0 <= y < len(self.means):
            raise ValueError(f"The class is {y!r}; give one of 0…{len(self.means) - 1}.")
        return int(y)


@dataclass(frozen=True, eq=False)
class NaivePixels(PixelModel):
    """Independent black-and-white pixels, given the class.

    Args:
        weights: π, ``(K,)``, positive, summing to 1.
        means: p_kd, the probability of ink, ``(K, D)``, above 0 and below 1.
        threshold: Grey values above it are ink.

    >>> images, labels = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), np.array([0, 0, 1])
    >>> NaivePixels.fit(images, labels).means.round(2)
    array([[0.75, 0.5 ],
           [0.33, 0.33]])
    """

    weights: np.ndarray
    means: np.ndarray
    threshold: float = 0.5

    @classmethod
    def fit(cls, images: np.ndarray, labels: np.ndarray, alpha: float = 1.0, threshold: float = 0.5) -> NaivePixels:
        """The smoothed shares of ink.

        Args:
            images: ``(N, D)``, pixels in 0…1; binarised at ``threshold``.
            labels: ``(N,)``, 0 … K − 1, none without an image.
            alpha: α, imagined images of each colour, above 0.
            threshold: Grey values above it are ink, 0 or more and below 1.
        """
        if not (np.isfinite(alpha) and alpha > 0):
            raise ValueError(f"alpha is {alpha!r}; give a finite number above 0, or a pixel could be impossible.")
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold is {threshold!r}; give 0 or more and below 1.")
        x, y, counts = _check(images, labels)
        ink = np.stack([(x[y == k] > threshold).sum(axis=0) for k in range(counts.size)])
        return cls(counts / counts.sum(), (ink + alpha) / (counts[:, None] + 2 * alpha), threshold)

    def log_joint(self, images: np.ndarray) -> np.ndarray:
        """log π_k p(x | k) of the images binarised, ``(N, D)`` to ``(N, K)``, nats per image."""
        ink = (check_pixels(images, self.means.shape[1]) > self.threshold).astype(np.float64)
        no_ink = np.log1p(-self.means)
        return np.log(self.weights) + no_ink.sum(axis=1) + ink @ (np.log(self.means) - no_ink).T

    def sample(self, y: int, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n images of the class y, 0 or 1, ``(n, D)`` float64."""
        check_whole("n", n, at_least=0)
        p = self.means[self._check_class(y)]
        return (rng.random((n, p.size)) < p).astype(np.float64)


@dataclass(frozen=True, eq=False)
class GaussianPixels(PixelModel):
    """A Gaussian for each class, its covariance shrunk towards the diagonal; use :meth:`fit`.

    Args:
        weights: π, ``(K,)``, positive, summing to 1.
        means: μ, ``(K, D)``.
        covariances: Σ, ``(K, D, D)``, symmetric and positive definite; those with λ = ``shrinkage``.
        shrinkage: λ, 0 … 1; at 1 the covariances are diagonal.
        floor: ε, the variance added to every pixel, squared pixel units.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    shrinkage: float
    floor: float

    def __post_init__(self) -> None:
        k, d = np.shape(self.means)
        if np.shape(self.covariances) != (k, d, d):
            raise ValueError(
                f"Means of shape {(k, d)} take covariances of shape {(k, d, d)}; got {np.shape(self.covariances)}."
            )

    @classmethod
    def fit(
        cls, images: np.ndarray, labels: np.ndarray, shrinkage: float = 0.03, floor: float = 1e-2
    ) -> GaussianPixels:
        """Maximum likelihood, then shrinkage.

        Args:
            images: ``(N, D)``, pixels in 0…1.
            labels: ``(N,)``, 0 … K − 1, none without an image.
            shrinkage: λ, 0 … 1; 1 makes the pixels independent.
            floor: ε, above 0: border pixels, always white, have no variance of their own. Squared pixel units.
        """
        if not (np.isfinite(floor) and floor > 0):
            raise ValueError(f"floor is {floor!r}; give a finite number above 0, for some pixels never vary.")
        _check_shrinkage(shrinkage)
        x, y, counts = _check(images, labels)
        means = np.stack([x[y == k].mean(axis=0) for k in range(counts.size)])
        covariances = np.empty((*means.shape, means.shape[1]))
        for k, mean in enumerate(means):
            centred = x[y == k] - mean
            covariances[k] = _shrunk(centred.T @ centred / counts[k], 1 - shrinkage)
            covariances[k].flat[:: mean.size + 1] += floor
        return cls(counts / counts.sum(), means, covariances, shrinkage, floor)

    def shrink(self, shrinkage: float) -> GaussianPixels:
        """The model with a larger λ: the same means and the same variance of every pixel, bit for bit.

        Args:
            shrinkage: The new λ, from the present one (which must be below 1, or equal) to 1.
        """
        _check_shrinkage(shrinkage)
        if shrinkage < self.shrinkage:
            raise ValueError(
                f"The covariances are shrunk by {self.shrinkage:g}, which cannot be undone; fit the model anew with "
                f"shrinkage={shrinkage:g}."
            )
        keep = 1.0 if shrinkage == self.shrinkage else (1 - shrinkage) / (1 - self.shrinkage)
        covariances = np.stack([_shrunk(covariance, keep) for covariance in self.covariances])
        return GaussianPixels(self.weights, self.means, covariances, shrinkage, self.floor)

    @property
    def variances(self) -> np.ndarray:
        """Variance of each pixel, the diagonals of Σ, ``(K, D)``, squared pixel units; the same for every λ."""
        return np.diagonal(self.covariances, axis1=1, axis2=2)

    @cached_property
    def cholesky(self) -> np.ndarray:
        """The lower triangular L_k with Σ_k = L_k L_kᵀ, ``(K, D, D)``."""
        try:
            return np.linalg.cholesky(self.covariances)
        except np.linalg.LinAlgError:
            raise ValueError(
                "A covariance is not positive definite in float64; raise shrinkage or floor (now "
                f"{self.shrinkage:g} and {self.floor:g})."
            ) from None

    def log_joint(self, images: np.ndarray) -> np.ndarray:
        """log π_k N(x; μ_k, Σ_k), ``(N, D)`` to ``(N, K)``, nats per image."""
        x = check_pixels(images, self.means.shape[1], between=False)
        columns = []
        for weight, mean, cholesky in zip(self.weights, self.means, self.cholesky, strict=True):
            whitened = solve_triangular(cholesky, (x - mean).T, lower=True, check_finite=False)
            log_det = 2 * np.log(np.diag(cholesky)).sum()
            columns.append(np.log(weight) - 0.5 * (x.shape[1] * LOG_2PI + log_det + np.square(whitened).sum(axis=0)))
        return np.stack(columns, axis=1)

    def sample(self, y: int, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n images x = μ_y + L_y z of the class y, ``(n, D)``; values outside 0…1 occur, and are left."""
        check_whole("n", n, at_least=0)
        y = self._check_class(y)
        return self.means[y] + rng.standard_normal((n, self.means.shape[1])) @ self.cholesky[y].T

    def eigenvectors(self, y: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The n directions in which the class y varies most: variances ``(n,)``, falling, and unit rows ``(n, D)``.

        Reshaped, a row is a picture; its sign is chosen so that its largest entry in size is positive.
        """
        check_whole("n", n, at_least=1)
        d = self.means.shape[1]
        n = min(n, d)
        variances, columns = eigh(self.covariances[self._check_class(y)], subset_by_index=(d - n, d - 1))
        rows = columns.T[::-1]
        signs = np.sign(rows[np.arange(n), np.abs(rows).argmax(axis=1)])
        return variances[::-1].copy(), rows * signs[:, None]


def _shrunk(covariance: np.ndarray, keep: float) -> np.ndarray:
    """Off the diagonal times ``keep``; the diagonal as it is."""
    shrunk = covariance * keep
    np.fill_diagonal(shrunk, np.diag(covariance))
    return shrunk


def _check_shrinkage(shrinkage: float) -> None:
    if not 0 <= shrinkage <= 1:
        raise ValueError(f"shrinkage is {shrinkage!r}; give 0 (as counted) … 1 (independent pixels).")


def _check(images: Any, labels: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images ``(N, D)``, labels ``(N,)``, and how many of each class ``(K,)``."""
    x, y = check_pixels(images), np.asarray(labels)
    if y.shape != (len(x),) or y.dtype.kind not in "iu" or not len(x) or y.min() < 0:
        raise ValueError(
            f"Labels must be {len(x)} whole numbers, 0 or more, one an image (and one image at least); got {y.dtype} "
            f"of shape {y.shape}."
        )
    counts = np.bincount(y)
    if not counts.all():
        raise ValueError(f"Class {counts.argmin()} has no image; number the classes 0…K − 1 without a gap.")
    return x, y, counts
