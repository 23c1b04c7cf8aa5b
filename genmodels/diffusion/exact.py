r"""The exact answers: what is in a noisy x_t, if the data are a Gaussian mixture, or just these points?

    x_t = √ᾱ x_0 + √(1 − ᾱ) ε,   p(x_0 | x_t) ∝ p(x_0) N(x_t; √ᾱ x_0, (1 − ᾱ) I)

The best answer under squared error is the posterior mean E[x_0 | x_t] (as ε, v or score: :mod:`.sampler`).
A network (:mod:`.denoisers`) is trained towards it without ever seeing it. For some data it has a closed
form, at every ᾱ:

*A Gaussian mixture* (:mod:`genmodels.mixture`) Σ_k π_k N(μ_k, Σ_k) stays one, p_t = Σ_k π_k N(√ᾱ μ_k, S_k),
S_k = ᾱ Σ_k + (1 − ᾱ) I. With r_k = p(z = k | x_t), the mixture's responsibilities,

    score = −Σ_k r_k S_k⁻¹ (x_t − √ᾱ μ_k),   E[x_0 | x_t] = Σ_k r_k (μ_k + √ᾱ Σ_k S_k⁻¹ (x_t − √ᾱ μ_k))

*A finite set of points* is the mixture of the N points with no width: E[x_0 | x_t] = Σ_n w_n x_n, w the softmax of
−|x_t − √ᾱ x_n|² / 2(1 − ᾱ). It is the exact answer for *the sample*: run backwards it returns the points themselves.

*A step backwards* is no Gaussian, even when exact: p(x_s | x_t) is a mixture with the same r or w. With many small
steps one component, or many alike, make it nearly one; with few large steps it has several humps.

Sources: Tweedie's formula in Robbins (1956) and Efron (2011), *JASA* 106(496). Rows are points in the units of the
standardised data. Numpy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_data
from genmodels.data.dataset import Dataset
from genmodels.diffusion.sampler import check_prediction, convert
from genmodels.mixture import GaussianMixture
from genmodels.nn.runtime import one_hot

LOG_2PI = math.log(2 * math.pi)
CHUNK = 2_000_000  # most numbers in one temporary array


@dataclass(frozen=True, eq=False)
class Transition:
    """The exact p(x_s | x_t), a mixture, for each of N points x_t.

    Attributes:
        weights: ``(N, K)``; rows sum to 1.
        means: ``(N, K, D)``.
        covariances: ``(K, D, D)``, the same for all x_t; 0 if the data are points and s = 0.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def log_prob(self, points: np.ndarray, row: int = 0) -> np.ndarray:
        """log p(x_s | x_t) in nats at points ``(G, D)``, such as a grid, to ``(G,)``, for one of the x_t.

        Raises:
            ValueError: The components have no width (the data are points and s = 0): there is no density.
        """
        points, kept = check_data(points), np.flatnonzero(self.weights[row] > 0)
        try:
            cholesky = np.linalg.cholesky(self.covariances[kept])
        except np.linalg.LinAlgError:
            raise ValueError(
                "This step ends in points without width, which have no density; take s above 0."
            ) from None
        centred = np.ascontiguousarray(points.T) - self.means[row, kept, :, None]  # (K, D, G)
        whitened = np.linalg.inv(cholesky) @ centred
        squared = np.einsum("kdg,kdg->kg", whitened, whitened)
        log_det = 2 * np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum(axis=1)
        constant = np.log(self.weights[row, kept]) - 0.5 * (log_det + points.shape[1] * LOG_2PI)
        return _log_sum_exp((constant[:, None] - 0.5 * squared).T)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean ``(N, D)`` and covariance ``(N, D, D)``: of the one Gaussian nearest to it."""
        mean = np.einsum("nk,nkd->nd", self.weights, self.means)
        centred = self.means - mean[:, None]
        spread = np.einsum("nk,nkd,nke->nde", self.weights, centred, centred)
        return mean, spread + np.tensordot(self.weights, self.covariances, 1)


class ExactMixtureDenoiser:
    """The best possible denoiser of data that are a Gaussian mixture.

    Args:
        mixture: Of the data, in the units in which they are diffused (standardised).
        prediction: What a call returns: ``"eps"``, ``"x0"`` or ``"v"``. None is singular here, at any ᾱ.

    Classes y, where given, are components: the answer is then that of the component alone.

    >>> unit = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> ExactMixtureDenoiser(unit, "x0")(np.ones((1, 2)), 0.25)  # for N(0, I): √ᾱ x_t
    array([[0.5, 0.5]])
    """

    def __init__(self, mixture: GaussianMixture, prediction: str = "eps") -> None:
        self.mixture, self.prediction = mixture, check_prediction(prediction)
        self._variances, axes = np.linalg.eigh(mixture.covariances)  # Σ_k = Q_k diag(λ_k) Q_kᵀ
        self._to_axes = axes.transpose(0, 2, 1)  # (K, D, D): Q_kᵀ
        self._log_weights = np.log(mixture.weights)

    @classmethod
    def of(cls, dataset: Dataset, prediction: str = "eps") -> ExactMixtureDenoiser:
        """That of a data set of round modes, standardised.

        Raises:
            ValueError: The data set is no finite mixture; give its points to :class:`ExactPointsDenoiser`.
        """
        if dataset.centres is None or dataset.sigma is None:
            raise ValueError(
                f"{dataset.name} is no mixture of finitely many Gaussians; draw points from it and give them to "
                "ExactPointsDenoiser."
            )
        means = dataset.standardise(dataset.centres)
        covariances = np.broadcast_to(np.eye(2) * (dataset.sigma / dataset.scale) ** 2, (len(means), 2, 2))
        return cls(GaussianMixture(np.full(len(means), 1 / len(means)), means, covariances), prediction)

    def __call__(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """E[ε | x_t], E[x_0 | x_t] or E[v | x_t], as x_t ``(N, D)``."""
        return self._say(*self._look(x_t, alpha_bar, y), x_t, alpha_bar)

    def score(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """∇ log p_t(x_t), ``(N, D)``; at ᾱ = 1 that of the data."""
        resp, _, pulled = self._look(x_t, alpha_bar, y)
        return self._score(resp, pulled)

    def responsibilities(self, x_t: np.ndarray, alpha_bar: float) -> np.ndarray:
        """p(z = k | x_t), ``(N, K)``: which mode x_t may have come from."""
        return self._look(x_t, alpha_bar, None)[0]

    def log_prob(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """log p_t(x_t) in nats, ``(N,)``."""
        return _log_sum_exp(self._log_joint(*self._rotate(x_t, alpha_bar)[:2], y))

    def transition(self, x_t: np.ndarray, alpha_bar: float, before: float) -> Transition:
        """The exact p(x_s | x_t): component k is N(√ᾱ_s μ_k + √α S_sk S_tk⁻¹ (x_t − √ᾱ_t μ_k), β S_sk S_tk⁻¹).

        Args:
            x_t: ``(N, D)``.
            alpha_bar: ᾱ_t.
            before: ᾱ_s, above ᾱ_t.
        """
        alpha = alpha_bar / before
        rotated, spread = self._rotate(x_t, alpha_bar)[:2]
        ratio = (before * self._variances + (1 - before)) / spread  # (K, D): S_s / S_t along the axes
        moved = np.einsum("kde,kd,kdn->nke", self._to_axes, math.sqrt(alpha) * ratio, rotated)
        covariances = np.einsum("kde,kd,kdf->kef", self._to_axes, (1 - alpha) * ratio, self._to_axes)
        resp = self._look(x_t, alpha_bar, None)[0]
        return Transition(resp, math.sqrt(before) * self.mixture.means + moved, covariances)

    def divergence(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The prediction, and the trace of its Jacobian, ``(N,)``, by the Laplacian of log p_t."""
        resp, spread, pulled = self._look(x_t, alpha_bar, y)
        score = self._score(resp, pulled)
        squared = np.square(pulled).sum(axis=1).T - (1 / spread).sum(axis=1)  # (N, K)
        laplacian = (resp * squared).sum(axis=1) - np.square(score).sum(axis=1)
        trace = -math.sqrt(1 - alpha_bar) * laplacian  # of ∂ε/∂x_t
        if self.prediction != "eps":  # x_0 = (x_t − n ε)/s and v = (ε − n x_t)/s
            a, b = (1.0, -math.sqrt(1 - alpha_bar)) if self.prediction == "x0" else (-math.sqrt(1 - alpha_bar), 1.0)
            trace = (a * x_t.shape[1] + b * trace) / math.sqrt(alpha_bar)
        return self._say(resp, spread, pulled, x_t, alpha_bar), trace

    def _rotate(self, x_t: np.ndarray, alpha_bar: float) -> tuple[np.ndarray, np.ndarray]:
        """Q_kᵀ(x_t − √ᾱ μ_k) ``(K, D, N)`` and the variances of S_k along these axes ``(K, D)``."""
        x_t = np.asarray(x_t, dtype=np.float64)
        centred = x_t.T - math.sqrt(alpha_bar) * self.mixture.means[:, :, None]
        return self._to_axes @ centred, alpha_bar * self._variances + (1 - alpha_bar)

    def _log_joint(self, rotated: np.ndarray, spread: np.ndarray, y: Any) -> np.ndarray:
        squared = (np.square(rotated) / spread[:, :, None]).sum(axis=1)  # (K, N)
        constant = self._log_weights - 0.5 * (np.log(spread).sum(axis=1) + spread.shape[1] * LOG_2PI)
        joint = (constant[:, None] - 0.5 * squared).T
        return joint if y is None else np.where(one_hot(y, len(constant)) > 0, joint - self._log_weights, -np.inf)

    def _look(self, x_t: np.ndarray, alpha_bar: float, y: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """r ``(N, K)``, spread ``(K, D)``, and S_k⁻¹ (x_t − √ᾱ μ_k) along the axes ``(K, D, N)``."""
        rotated, spread = self._rotate(x_t, alpha_bar)
        resp = _softmax(self._log_joint(rotated, spread, y))
        return resp, spread, np.divide(rotated, spread[:, :, None], out=rotated)

    def _score(self, resp: np.ndarray, pulled: np.ndarray) -> np.ndarray:
        return -np.einsum("nk,kde,kdn->ne", resp, self._to_axes, pulled, optimize=True)

    def _say(
        self, resp: np.ndarray, spread: np.ndarray, pulled: np.ndarray, x_t: np.ndarray, alpha_bar: float
    ) -> np.ndarray:
        s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        eps = -n * self._score(resp, pulled) if self.prediction != "x0" else None
        if eps is not None and self.prediction == "eps":
            return eps
        shrunk = s * self._variances[:, :, None] * pulled
        x_0 = resp @ self.mixture.means + np.einsum("nk,kde,kdn->ne", resp, self._to_axes, shrunk, optimize=True)
        return x_0 if eps is None else s * eps - n * x_0


class ExactPointsDenoiser:
    """The best possible denoiser of data that are just these points: a photocopier.

    Args:
        points: ``(M, D)``, in the units in which they are diffused; images as flat rows.
        labels: ``(M,)`` whole numbers from 0; then y asks for the points of a class alone.
        prediction: What a call returns. At ᾱ = 1, ε is taken to be 0: a point has no noise left.

    >>> ExactPointsDenoiser([[0.0], [1.0]])(np.array([[0.5], [9.0]]), 0.9).round(3).tolist()
    [[0.561], [1.0]]
    """

    def __init__(self, points: Any, labels: Any = None, prediction: str = "x0") -> None:
        self.points, self.prediction = check_data(points), check_prediction(prediction)
        if len(self.points) == 0:
            raise ValueError("There are no points; give one or more, one a row.")
        self.labels = None if labels is None else np.asarray(labels)
        if self.labels is not None and (
            self.labels.shape != (len(self.points),) or self.labels.dtype.kind not in "iu"
        ):
            raise ValueError(f"labels have the shape {self.labels.shape}; give {len(self.points)} whole numbers.")
        self._centre = self.points.mean(axis=0)
        self._centred = self.points - self._centre
        self._squared = np.square(self._centred).sum(axis=1)

    def __call__(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """E[x_0 | x_t], or ε or v, as x_t ``(N, D)``."""
        return self._say(self._average(x_t, alpha_bar, y)[0], x_t, alpha_bar)

    def weights(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """p(x_0 = point m | x_t), ``(N, M)``: the threads from x_t to where it may have come from; rows sum to 1."""
        return _softmax(self._log_joint(x_t, alpha_bar, y))

    def score(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """∇ log p_t(x_t) ``(N, D)``, at ᾱ below 1."""
        return convert(self._average(x_t, alpha_bar, y)[0], "x0", "score", np.asarray(x_t), alpha_bar)

    def log_prob(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """log p_t(x_t) in nats, ``(N,)``, at ᾱ below 1."""
        if alpha_bar == 1:
            raise ValueError("At ᾱ = 1 the points have no width, and no density; take a time above 0.")
        shifted = np.asarray(x_t, dtype=np.float64) - math.sqrt(alpha_bar) * self._centre
        joint = self._log_joint(x_t, alpha_bar, y)
        held = (joint > -np.inf).sum(axis=1)
        constant = shifted.shape[1] * (LOG_2PI + math.log(1 - alpha_bar))
        return _log_sum_exp(joint) - np.log(held) - 0.5 * (np.square(shifted).sum(1) / (1 - alpha_bar) + constant)

    def transition(self, x_t: np.ndarray, alpha_bar: float, before: float) -> Transition:
        """The exact p(x_s | x_t): q(x_s | x_t, x_0), a round Gaussian, for each point x_0; see the mixture's."""
        alpha, left = alpha_bar / before, 1 - alpha_bar
        x_t = np.asarray(x_t, dtype=np.float64)
        from_0, from_t = math.sqrt(before) * (1 - alpha) / left, math.sqrt(alpha) * (1 - before) / left
        variance = (1 - alpha) * (1 - before) / left
        covariances = np.broadcast_to(variance * np.eye(x_t.shape[1]), (len(self.points), *2 * x_t.shape[1:]))
        means = from_0 * self.points + from_t * x_t[:, None]
        return Transition(self.weights(x_t, alpha_bar), means, covariances)

    def divergence(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The prediction, and the trace of its Jacobian ``(N,)``: of ∂x̂_0/∂x_t = √ᾱ/(1 − ᾱ) Cov[x_0 | x_t]."""
        x_0, spread = self._average(x_t, alpha_bar, y, spread=True)
        s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        trace = s / (1 - alpha_bar) * spread if n else 0 * spread
        d = x_t.shape[1]
        if self.prediction == "eps":
            trace = (d - s * trace) / n if n else 0 * trace
        elif self.prediction == "v":
            trace = (s * d - trace) / n if n else 0 * trace
        return self._say(x_0, x_t, alpha_bar), trace

    def _log_joint(self, x_t: np.ndarray, alpha_bar: float, y: Any) -> np.ndarray:
        """−|x_t − √ᾱ x_m|² / 2(1 − ᾱ) but for what all points share, ``(N, M)``."""
        s, left = math.sqrt(alpha_bar), max(1 - alpha_bar, 1e-12)
        shifted = np.asarray(x_t, dtype=np.float64) - s * self._centre
        joint = (s / left) * (shifted @ self._centred.T) - (alpha_bar / (2 * left)) * self._squared
        if y is None:
            return joint
        if self.labels is None:
            raise ValueError("These points have no labels; leave out y, or give the labels to ExactPointsDenoiser.")
        asked = np.asarray(y)
        if not np.isin(asked, self.labels).all():
            raise ValueError(
                f"y asks for classes that no point has; the labels are {np.unique(self.labels).tolist()}."
            )
        return np.where(asked[:, None] == self.labels, joint, -np.inf)

    def _average(
        self, x_t: np.ndarray, alpha_bar: float, y: Any, spread: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """E[x_0 | x_t] ``(N, D)``, and if asked for the trace of Cov[x_0 | x_t] ``(N,)``, in pieces of rows."""
        x_t = np.asarray(x_t)
        mean, total = np.empty(x_t.shape), np.zeros(len(x_t))
        size = max(1, CHUNK // len(self.points))
        for start in range(0, len(x_t), size):
            rows = slice(start, start + size)
            w = self.weights(x_t[rows], alpha_bar, None if y is None else np.asarray(y)[rows])
            centred = w @ self._centred
            mean[rows] = centred + self._centre
            if spread:
                total[rows] = np.maximum(w @ self._squared - np.square(centred).sum(axis=1), 0)
        return mean, total

    def _say(self, x_0: np.ndarray, x_t: np.ndarray, alpha_bar: float) -> np.ndarray:
        if self.prediction == "x0":
            return x_0
        if alpha_bar == 1:
            return np.zeros_like(x_0) if self.prediction == "eps" else 0 * x_0
        return convert(x_0, "x0", self.prediction, np.asarray(x_t), alpha_bar)


def _softmax(log_joint: np.ndarray) -> np.ndarray:
    """Along rows, in place."""
    log_joint -= log_joint.max(axis=1, keepdims=True)
    np.exp(log_joint, out=log_joint)
    log_joint /= log_joint.sum(axis=1, keepdims=True)
    return log_joint


def _log_sum_exp(log_joint: np.ndarray) -> np.ndarray:
    highest = log_joint.max(axis=1, keepdims=True)
    return (highest + np.log(np.exp(log_joint - highest).sum(axis=1, keepdims=True)))[:, 0]
