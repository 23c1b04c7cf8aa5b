r"""Denoisers: what is in a noisy x_t? Two exact answers, and a learned one.

    x_t = √ᾱ x_0 + √(1 − ᾱ) ε,   p(x_0 | x_t) ∝ p(x_0) N(x_t; √ᾱ x_0, (1 − ᾱ) I)

The best answer under squared error is the posterior mean E[x_0 | x_t] (as ε, v or score: :mod:`genmodels.diffusion`).
A network is trained towards it without ever seeing it. For some data it has a closed form, at every ᾱ:

*A Gaussian mixture* Σ_k π_k N(μ_k, Σ_k) stays one, p_t = Σ_k π_k N(√ᾱ μ_k, S_k), S_k = ᾱ Σ_k + (1 − ᾱ) I. With
r_k = p(z = k | x_t), the mixture's responsibilities,

    score = −Σ_k r_k S_k⁻¹ (x_t − √ᾱ μ_k),   E[x_0 | x_t] = Σ_k r_k (μ_k + √ᾱ Σ_k S_k⁻¹ (x_t − √ᾱ μ_k))

*A finite set of points* is the mixture of the N points with no width: E[x_0 | x_t] = Σ_n w_n x_n, w the softmax of
−|x_t − √ᾱ x_n|² / 2(1 − ᾱ). It is the exact answer for *the sample*: run backwards it returns the very points.

*A step backwards* is no Gaussian, even when exact: p(x_s | x_t) is a mixture with the same r or w. With many small
steps one component, or many alike, make it nearly one; with few large steps it has several humps.

*The learned denoiser* is a multi-layer perceptron of x_t, of waves of it, of the noise level and of the class,
trained on E |said − truth|², at times t drawn evenly (stratified: one from each B-th part in a batch of B) and fresh
ε: the "simple" loss of Ho et al., for whichever of ε, x_0 and v is predicted. The noise level enters as the angle φ,
√ᾱ = cos φ, in shares of π/2, and as waves of that: no number of a step, so any schedule and spacing can be sampled.

*Classes*: y is one-hot, and dropped (all zeros) now and then in training, so that the one network is also the
unconditional one that guidance needs.

Sources: Tweedie's formula in Robbins (1956) and Efron (2011), *JASA* 106(496); Ho, Jain & Abbeel (2020), eq. 14;
Salimans & Ho (2022), arXiv:2202.00512 (v); Ho & Salimans (2022), arXiv:2207.12598 (dropping the class); Tancik et al.
(2020), arXiv:2006.10739 (waves of x); Kingma et al. (2021), arXiv:2107.00630, appendix I.1 (stratified times). Rows
are points in the units of the standardised data. All but training is numpy; torch is imported when training starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels import device
from genmodels.datasets import DATASETS, Dataset, get_dataset
from genmodels.diffusion import PREDICTIONS, convert
from genmodels.forward import one_hot
from genmodels.gaussian import LOG_2PI, check_data
from genmodels.kmeans import check_whole
from genmodels.mixture import GaussianMixture
from genmodels.schedules import Schedule, check_steps, get_schedule

if TYPE_CHECKING:
    import torch
    from torch import nn


ACTIVATIONS = ("relu", "silu", "tanh")
BINS = 20  # of t, in which the loss is told
CHUNK = 2_000_000  # most numbers in one temporary array
BLOCK = 64  # minibatches drawn at once
ROWS = 1024  # that a network takes at once


# --- Exact --------------------------------------------------------------------------------------------------


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
        centred = points.T - self.means[row, kept, :, None]  # (K, D, G)
        squared = np.square(np.linalg.solve(cholesky, centred)).sum(axis=1)
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
        self.mixture, self.prediction = mixture, _check_prediction(prediction)
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
        self.points, self.prediction = check_data(points), _check_prediction(prediction)
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


# --- Learned: what it is ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Which denoiser to learn, and how; the defaults are the best recipe found for two dimensions.

    Args:
        data: Name in :data:`genmodels.datasets.DATASETS`; passed over if points are given to
            :func:`iterate_training`.
        schedule: Name in :data:`genmodels.schedules.SCHEDULES`, or ᾱ drawn by hand, see its ``drawn``.
        n_times: T, 2 … 1,000.
        prediction: ``"eps"``, ``"x0"`` or ``"v"``. ε needs a schedule whose ᾱ_T is not too near 0: ``"linear"``.
        hidden: Widths of the hidden layers; () makes it linear.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.
        x_waves: Waves sin, cos of 2^j x_d, j = 0 …, for each coordinate, beside x itself; 0 for images.
        t_waves: Waves sin, cos of 2^j π u, j = 0 …, of the noise level u, beside u itself.
        n_classes: C, to condition on the class; 0 does not.
        drop: Share of the classes left out in training, 0 … 1.
        standardise: Whether points given are centred and scaled (by one number); data sets always are.
        batch: Points of a minibatch, 1 or more.
        learning_rate: Adam's, above 0.
        decay: Whether it falls to 0 at n_steps, along half a cosine.
        average: β of the running mean of the parameters, which samples: 0 … 1, 1 excluded; it starts shorter, as
            1 − 9/(n + 9) of n steps.
        n_steps: Steps of Adam in all, 0 or more.
        every: Yield a state every so many steps, 1 or more, and the last.
        seed: Of weights, data, times and noise, 0 or more.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``; networks as small as these are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    data: str = "moons"
    schedule: str | Sequence[float] = "cosine"
    n_times: int = 1000
    prediction: str = "v"
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    x_waves: int = 4
    t_waves: int = 4
    n_classes: int = 0
    drop: float = 0.1
    standardise: bool = True
    batch: int = 256
    learning_rate: float = 4e-3
    decay: bool = True
    average: float = 0.995
    n_steps: int = 16_500
    every: int = 1
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("x_waves", "t_waves", "n_classes", "n_steps", "seed"):
            check_whole(name, getattr(self, name), at_least=0)
        for name in ("batch", "every"):
            check_whole(name, getattr(self, name), at_least=1)
        check_steps("n_times", self.n_times, 2, 1000)
        _check_prediction(self.prediction)
        for name, known in (("data", DATASETS), ("activation", ACTIVATIONS), ("device", device.CHOICES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}.")
        for name, ends in (("learning_rate", "above 0"), ("average", "0 … 1, 1 excluded"), ("drop", "0 … 1")):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not (
                number and value >= 0 and {"learning_rate": value > 0, "average": value < 1, "drop": value <= 1}[name]
            ):
                raise ValueError(f"{name} is {value!r}; give a finite number, {ends}.")
        widths = self.hidden if isinstance(self.hidden, tuple | list) else (0,)
        if not all(isinstance(width, int | np.integer) and width >= 1 for width in widths):
            raise ValueError(
                f"hidden is {self.hidden!r}; give a tuple of whole numbers, 1 or more, such as (64, 64)."
            )
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))
        if not isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", tuple(float(value) for value in self.schedule))
        self.make_schedule()

    def make_schedule(self) -> Schedule:
        """The schedule, all T steps."""
        return get_schedule(self.schedule, self.n_times)

    def rate(self, step: int) -> float:
        """Learning rate of the update that follows after ``step`` of them."""
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / self.n_steps) if self.decay else 1.0)


def noise_features(alpha_bar: Any, n_waves: int) -> np.ndarray:
    """What the network is told of the noise level: 2u − 1, and sin and cos of 2^j π u, ``(…)`` to ``(…, 1 + 2 n)``.

    u = 2φ/π with √ᾱ = cos φ: 0 for data, 1 for noise, and for the cosine schedule nearly t/T.

    >>> noise_features(0.5, 1).round(3).tolist()
    [0.0, 1.0, 0.0]
    """
    alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
    u = np.arctan2(np.sqrt(1 - alpha_bar), np.sqrt(alpha_bar)) * 2 / np.pi
    phases = [2.0**j * np.pi * u for j in range(n_waves)]
    waves = [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
    return np.stack([2 * u - 1, *waves], axis=-1).astype(np.float32)


class ForwardDenoiser:
    """The learned denoiser without torch: numpy, float32.

    All rows share the noise level: its part of the first layer is a bias. Rows are taken in blocks that stay in the
    processor's cache, laid out as columns, with a row of ones that carries the biases: a layer is one product.

    Args:
        arrays: Of a state or a checkpoint: ``"net.0.weight"`` ``(outputs, inputs)``, ``"net.0.bias"``, …; and
            ``"centre"`` ``(D,)``, ``"scale"`` ``(1,)`` in data units.
        config: The network's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], config: DenoiserConfig) -> None:
        self.config, self.prediction = config, config.prediction
        names = sorted(
            (int(name.split(".")[1]), name) for name in arrays if name.startswith("net.") and "weight" in name
        )
        weights = [np.ascontiguousarray(np.asarray(arrays[name], np.float32).T) for _, name in names]
        biases = [np.array(arrays[name.replace("weight", "bias")], np.float32) for _, name in names]
        if not weights:
            raise ValueError(f"The arrays hold no net.0.weight; they hold {', '.join(sorted(arrays))}.")
        self.centre, self.scale = np.array(arrays["centre"], np.float64), float(np.asarray(arrays["scale"]).item())
        d, k = weights[-1].shape[1], config.x_waves
        sizes = [d * (1 + 2 * k), 1 + 2 * config.t_waves, config.n_classes]
        if len(weights[0]) != sum(sizes) or self.centre.shape != (d,):
            raise ValueError(f"The first layer has {len(weights[0])} inputs, and the config asks for {sum(sizes)}.")
        self._of_x, self._of_level, self._of_class = np.split(weights[0], np.cumsum(sizes)[:2])
        self._layers = list(zip(weights[1:], biases[1:], strict=True))
        self._stacked = [np.ascontiguousarray(np.vstack(layer).T) for layer in self._layers]  # (outputs, inputs + 1)
        self._bias, self._waves = biases[0], np.float32(2.0) ** np.arange(k, dtype=np.float32)

    def __call__(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """The prediction, ``(N, D)`` float32; y: classes ``(N,)``, −1 for none."""
        x, classes = np.asarray(x_t, dtype=np.float32), self._classes(y)
        columns = [self._of_x, self._level(alpha_bar)[None], *([] if y is None else [self._of_class])]
        layers = [np.concatenate(columns).T, *self._stacked]
        said = np.empty((len(x), len(self.centre)), dtype=np.float32)
        blocks = max(1, round(len(x) / ROWS))
        for i in range(blocks):
            rows = slice(len(x) * i // blocks, len(x) * (i + 1) // blocks)
            h = self._inputs(x[rows], None if classes is None else classes[rows])
            for layer in layers[:-1]:
                below, h = h, np.empty((len(layer) + 1, h.shape[1]), dtype=np.float32)
                _activate(np.matmul(layer, below, out=h[:-1]), self.config.activation)
                h[-1] = 1
            said[rows] = (layers[-1] @ h).T
        return said

    def divergence(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The prediction, and the trace of its Jacobian ``(N,)``, exact, by carrying D tangents forwards."""
        x = np.asarray(x_t, dtype=np.float32)
        d = x.shape[1]
        h = self._features(x) @ self._of_x + self._shift(alpha_bar, y)
        tangents = np.stack([self._tangent(x, i) @ self._of_x for i in range(d)])  # (D, N, H)
        for weight, bias in self._layers:
            tangents = (tangents * _slope(h, self.config.activation)) @ weight
            h = _activate(h, self.config.activation) @ weight + bias
        return h, np.trace(tangents, axis1=0, axis2=2)

    def to_data(self, x: np.ndarray) -> np.ndarray:
        """Points of the standardised space ``(N, D)`` in data units: centre + scale · x."""
        return self.centre + self.scale * np.asarray(x)

    def from_data(self, x: np.ndarray) -> np.ndarray:
        """Points in data units ``(N, D)`` in the standardised space."""
        return (np.asarray(x) - self.centre) / self.scale

    def _features(self, x: np.ndarray) -> np.ndarray:
        """x, then sin and cos of 2^j x_d, ordered by coordinate, ``(N, D (1 + 2 J))``."""
        if not len(self._waves):
            return x
        phases = (x[:, :, None] * self._waves).reshape(len(x), -1)
        return np.concatenate([x, np.sin(phases), np.cos(phases)], axis=1)

    def _inputs(self, x: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Features, a one and the one-hot class as columns, ``(D (1 + 2 J) + 1 + C, N)``."""
        (n, d), (width, c) = x.shape, (len(self._of_x), 0 if classes is None else classes.shape[1])
        h = np.empty((width + 1 + c, n), dtype=np.float32)
        h[:d], h[width] = x.T, 1
        if classes is not None:
            h[width + 1 :] = classes.T
        if len(self._waves):
            sine, cosine = h[d:width].reshape(2, d, len(self._waves), n)
            np.multiply(h[:d, None], self._waves[:, None], out=cosine)
            np.sin(cosine, out=sine)
            np.cos(cosine, out=cosine)
        return h

    def _tangent(self, x: np.ndarray, i: int) -> np.ndarray:
        """∂features/∂x_i, ``(N, D (1 + 2 J))``."""
        n, d, k = len(x), x.shape[1], len(self._waves)
        out = np.zeros((n, d * (1 + 2 * k)), dtype=np.float32)
        out[:, i] = 1
        if k:
            phases = x[:, i, None] * self._waves
            start = d + i * k
            out[:, start : start + k] = self._waves * np.cos(phases)
            out[:, start + d * k : start + (d + 1) * k] = -self._waves * np.sin(phases)
        return out

    def _level(self, alpha_bar: float) -> np.ndarray:
        """What the noise level adds to the first layer, ``(H,)``, its bias included."""
        return noise_features(alpha_bar, self.config.t_waves) @ self._of_level + self._bias

    def _classes(self, y: Any) -> np.ndarray | None:
        """One-hot, ``(N, C)`` float32; −1 is a row of zeros."""
        if y is None:
            return None
        y, c = np.asarray(y), self.config.n_classes
        if not c:
            raise ValueError("This denoiser knows no classes; leave out y.")
        if y.dtype.kind not in "iu" or (y.size and not (y.min() >= -1 and y.max() < c)):
            raise ValueError(f"y must hold classes 0 … {c - 1}, or −1 for none, one a row.")
        return np.eye(c + 1, c, dtype=np.float32)[y]

    def _shift(self, alpha_bar: float, y: Any) -> np.ndarray:
        """What noise level and class add to the first layer, ``(H,)`` or ``(N, H)``."""
        classes = self._classes(y)
        return self._level(alpha_bar) + (0 if classes is None else classes @ self._of_class)


def _activate(a: np.ndarray, activation: str) -> np.ndarray:
    """φ(a), in place."""
    if activation == "relu":
        return np.maximum(a, 0, out=a)
    if activation == "tanh":
        return np.tanh(a, out=a)
    a *= np.float32(0.5)  # silu: a σ(a) = h + h tanh(h) with h = a/2
    gate = np.tanh(a)
    gate += 1
    a *= gate
    return a


def _slope(a: np.ndarray, activation: str) -> np.ndarray:
    """φ'(a)."""
    if activation == "relu":
        return (a > 0).astype(a.dtype)
    if activation == "tanh":
        return 1 - np.tanh(a) ** 2
    gate = 0.5 * (1 + np.tanh(0.5 * a))
    return gate * (1 + a * (1 - gate))


def _check_prediction(prediction: str) -> str:
    if prediction not in PREDICTIONS:
        raise ValueError(f"prediction is {prediction!r}; choose one of {', '.join(PREDICTIONS)}.")
    return prediction


# --- Learned: how -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class DenoiserState:
    """A denoiser after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Updates so far.
        loss: Mean of |said − truth|² / D over the minibatches since the state before, each met before its update; in
            the initial state that of the first. 1 is what saying 0 costs, for standardised data.
        loss_by_time: The same for each of up to 20 equal parts of 1 … T, ``(bins,)``; NaN where no point fell.
        parameters: ``(P,)``.
        average: Their running mean, which samples; ``parameters`` if ``config.average`` is 0.
        moments: Adam's running means of g and g², ``(2, P)``.
        centre: Mean of the data, ``(D,)``, data units.
        scale: Their one standard deviation, data units.
        shapes: Of the parameters, by name.
        config: What was trained, and how.
    """

    step: int
    loss: float
    loss_by_time: np.ndarray
    parameters: np.ndarray
    average: np.ndarray
    moments: np.ndarray
    centre: np.ndarray
    scale: float
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    config: DenoiserConfig

    def arrays(self, averaged: bool = True) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the parameters (or their running mean) by name, centre and scale."""
        named = _unflatten(self.average if averaged else self.parameters, self.shapes)
        return named | {"centre": self.centre, "scale": np.array([self.scale])}

    def denoiser(self, averaged: bool = True) -> ForwardDenoiser:
        """The denoiser in numpy; not for a network of one's own."""
        return ForwardDenoiser(self.arrays(averaged), self.config)

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as named arrays: what ``resume=`` and safetensors take."""
        names = ("parameters", "average", "moments")
        return {name: getattr(self, name).copy() for name in names} | {"step": np.array([self.step])}


def iterate_training(
    config: DenoiserConfig,
    points: Any = None,
    labels: Any = None,
    network: nn.Module | None = None,
    resume: DenoiserState | Mapping[str, np.ndarray] | None = None,
) -> Iterator[DenoiserState]:
    """Train a denoiser.

    Minibatch i depends on the seed and i alone, so that a resumed run goes on as if it had never stopped.

    Args:
        config: Which one, and how.
        points: Data ``(N, D)`` instead of a data set; rows are drawn with replacement.
        labels: ``(N,)`` in 0 … C − 1, if ``config.n_classes`` is not 0; a data set brings its own.
        network: Instead of the multi-layer perceptron, such as a convolutional one: called with x ``(B, D)``, the
            noise features ``(B, F)`` and y ``(B,)`` (−1: none; None without classes), it returns ``(B, D)``. Its
            linear and convolutional weights are drawn anew from the seed, and trained in place.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: Points, labels or ``resume`` do not fit; the message says what to mend.
    """
    run = _Training(config, points, labels, network, resume)
    yield run.state()
    while run.step < config.n_steps:
        run.update()
        if run.step % config.every == 0 or run.step == config.n_steps:
            yield run.state()


def fit_denoiser(config: DenoiserConfig, points: Any = None, labels: Any = None) -> DenoiserState:
    """The trained denoiser: the last state of :func:`iterate_training`."""
    state = None
    for state in iterate_training(config, points, labels):  # noqa: B007 (the last one is what we want)
        pass
    assert state is not None
    return state


class _Training:
    """Network, optimiser and data, while they change. All parameters lie in one vector θ, so do their gradients."""

    def __init__(
        self, config: DenoiserConfig, points: Any, labels: Any, network: nn.Module | None, resume: Any
    ) -> None:
        import torch

        from genmodels.nets import initialise, mlp, seeded

        self.config, self.where, self.step = config, device.resolve(config.device), 0
        self.draw, self.centre, self.scale = _source(config, points, labels)
        d = len(self.centre)
        self.waves = 2.0 ** torch.arange(config.x_waves, device=self.where)
        own = network is not None
        if network is None:
            n_inputs = d * (1 + 2 * config.x_waves) + 1 + 2 * config.t_waves + config.n_classes
            network = torch.nn.ModuleDict({"net": mlp([n_inputs, *config.hidden, d], config.activation)})
        self.module = initialise(network, seeded(config.seed)).to(self.where)
        self.call: Callable[..., torch.Tensor] = self.module if own else self._perceptron
        self.shapes = {name: tuple(p.shape) for name, p in self.module.named_parameters()}
        self.theta, self.gradient = _in_one_vector(self.module)
        fused = self.where.type in ("cpu", "cuda")
        self.theta.grad = self.gradient
        self.optimiser = torch.optim.Adam([self.theta], config.learning_rate, fused=fused)
        self.average = self.theta.clone() if config.average else None
        schedule = config.make_schedule()
        tables = (schedule.signal, schedule.noise, noise_features(schedule.alpha_bar, config.t_waves))
        self.signal, self.noise, self.levels = (_to(table, self.where) for table in tables)
        self.bins = min(BINS, config.n_times)
        self.block = max(1, min(BLOCK, CHUNK // (config.batch * d)))
        self.batches: tuple[int, list[tuple[torch.Tensor, ...]]] = (-1, [])
        self.totals = torch.zeros(2, self.bins, device=self.where)
        self.fresh = True  # whether a state has told the totals
        if resume is not None:
            self._resume(resume.snapshot() if isinstance(resume, DenoiserState) else resume)
        with torch.no_grad():
            self._note(self._losses(), self._minibatch()[2])

    def update(self) -> None:
        """One step of Adam."""
        import torch

        from genmodels.nets import DivergedError

        config = self.config
        if self.fresh:  # what the state before told
            self.totals.zero_()
            self.fresh = False
        self.gradient.zero_()
        with torch.enable_grad():
            losses = self._losses()
            loss = losses.mean()
            loss.backward()
        looked = self.where.type == "cpu" or self.step % 64 == 0  # elsewhere, to look means to wait
        if looked and not math.isfinite(loss.item()):
            raise DivergedError(self.step)
        self._note(losses.detach(), self._minibatch()[2])
        self.optimiser.param_groups[0]["lr"] = config.rate(self.step)
        self.optimiser.step()
        self.step += 1
        if self.average is not None:
            self.average.lerp_(self.theta.detach(), 1 - min(config.average, self.step / (self.step + 9)))

    def state(self) -> DenoiserState:
        """What is now, as copies."""
        from genmodels.nets import DivergedError

        total, count = self.totals.cpu().double().numpy()
        self.fresh = True
        loss = float(total.sum() / count.sum())
        parameters = _copy(self.theta)
        if not (math.isfinite(loss) and np.isfinite(parameters).all()):
            raise DivergedError(self.step)
        with np.errstate(invalid="ignore"):
            by_time = total / count
        by_time.setflags(write=False)
        moments = np.stack([_copy(m) for m in self._moments()])
        moments.setflags(write=False)
        return DenoiserState(
            step=self.step,
            loss=loss,
            loss_by_time=by_time,
            parameters=parameters,
            average=parameters if self.average is None else _copy(self.average),
            moments=moments,
            centre=self.centre,
            scale=self.scale,
            shapes=self.shapes,
            config=self.config,
        )

    def _losses(self) -> torch.Tensor:
        """|said − truth|² / D for each point of the minibatch, ``(B,)``."""
        x_0, eps, t, y = self._minibatch()
        s, n = self.signal[t, None], self.noise[t, None]
        x_t = s * x_0 + n * eps
        truth = {"eps": lambda: eps, "x0": lambda: x_0, "v": lambda: s * eps - n * x_0}[self.config.prediction]()
        return (self.call(x_t, self.levels[t], y) - truth).square().mean(1)

    def _perceptron(self, x: torch.Tensor, level: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
        import torch

        inputs = [x]
        if len(self.waves):
            phases = (x[:, :, None] * self.waves).flatten(1)
            inputs += [phases.sin(), phases.cos()]
        inputs.append(level)
        if y is not None:
            inputs.append((y[:, None] == torch.arange(self.config.n_classes, device=y.device)).to(x))
        return self.module["net"](torch.cat(inputs, 1))  # type: ignore[index, operator]

    def _minibatch(self) -> tuple[torch.Tensor, ...]:
        """x_0, ε, t and y (or None) of the next step."""
        number, offset = divmod(self.step, self.block)
        if number != self.batches[0]:
            self.batches = (number, self._draw_block(np.random.default_rng([self.config.seed, number])))
        return self.batches[1][offset]

    def _draw_block(self, rng: np.random.Generator) -> list[tuple[torch.Tensor, ...]]:
        """Many minibatches at once, which costs far less than one by one."""
        config, size = self.config, self.block * self.config.batch
        x_0, y = self.draw(size, rng)
        eps = rng.standard_normal(x_0.shape, dtype=np.float32)
        strata = (np.arange(config.batch) + rng.random((self.block, config.batch))) / config.batch
        t = 1 + np.minimum((strata * config.n_times).astype(np.int64), config.n_times - 1).ravel()
        if y is not None:
            y = np.where(rng.random(size) < config.drop, -1, y)
        whole = [None if a is None else _to(a, self.where).split(config.batch) for a in (x_0, eps, t, y)]
        return [tuple(None if a is None else a[i] for a in whole) for i in range(self.block)]  # type: ignore[misc]

    def _note(self, losses: torch.Tensor, t: torch.Tensor) -> None:
        """Add the losses to the sums by time."""
        rows = (t - 1) * self.bins // self.config.n_times
        self.totals[0].index_add_(0, rows, losses)
        self.totals[1].index_add_(0, rows, losses.new_ones(()).expand_as(losses))

    def _moments(self) -> list[torch.Tensor]:
        held = self.optimiser.state.get(self.theta, {})
        return [held.get(name, self.theta.detach() * 0) for name in ("exp_avg", "exp_avg_sq")]

    def _resume(self, saved: Mapping[str, np.ndarray]) -> None:
        import torch

        names = ("parameters", "average", "moments", "step")
        if missing := [name for name in names if name not in saved]:
            raise ValueError(f"The snapshot holds no {', '.join(missing)}; give the whole of what was saved.")
        self.step = int(np.asarray(saved["step"]).item())
        theta, average, moments = (np.asarray(saved[name], np.float32) for name in names[:3])
        if self.step > self.config.n_steps or theta.shape != self.theta.shape:
            raise ValueError(
                f"The run to resume has taken {self.step} steps and has {theta.size} parameters; this config ends at "
                f"{self.config.n_steps} and has {len(self.theta)}: give that of the same network, or more n_steps."
            )
        with torch.no_grad():
            self.theta.copy_(_to(theta, self.where))
        if self.average is not None:
            self.average.copy_(_to(average, self.where))
        if self.step:
            first, second = (_to(row, self.where) for row in moments)
            entry = {"step": torch.tensor(float(self.step)), "exp_avg": first, "exp_avg_sq": second}
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"param_groups": groups, "state": {0: entry}})


Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray | None]]


def _source(config: DenoiserConfig, points: Any, labels: Any) -> tuple[Draw, np.ndarray, float]:
    """How to draw n standardised data ``(n, D)`` float32 and their classes, and the data's mean and scale."""
    if points is None:
        dataset = get_dataset(config.data)

        def fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
            x, y = dataset.draw(n, rng)
            return dataset.standardise(x).astype(np.float32), y if config.n_classes else None

        known = int(dataset.draw(4096, np.random.default_rng(0))[1].max()) + 1 if config.n_classes else 0
        if config.n_classes and known > config.n_classes:
            raise ValueError(f"{config.data} has {known} classes; give n_classes = {known}, or 0.")
        return fresh, dataset.mean, dataset.scale
    x = check_data(points)
    if len(x) == 0:
        raise ValueError("There are no points; give one or more, one a row.")
    centre, scale = np.zeros(x.shape[1]), 1.0
    if config.standardise:
        centre, scale = x.mean(axis=0), float(np.sqrt(x.var(axis=0).mean())) or 1.0
    x = ((x - centre) / scale).astype(np.float32)
    if not np.isfinite(x).all():
        raise ValueError("The points are too large or too close together to standardise; give them in other units.")
    y = _check_labels(config, labels, len(x))
    centre.setflags(write=False)

    def again(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        rows = rng.integers(len(x), size=n)
        return x[rows], None if y is None else y[rows]

    return again, centre, scale


def _check_labels(config: DenoiserConfig, labels: Any, n: int) -> np.ndarray | None:
    if not config.n_classes:
        if labels is not None:
            raise ValueError("This denoiser knows no classes (n_classes = 0); leave out labels, or set n_classes.")
        return None
    y = np.asarray(labels)
    if y.shape != (n,) or y.dtype.kind not in "iu" or not 0 <= y.min() <= y.max() < config.n_classes:
        raise ValueError(f"labels must be {n} whole numbers in 0 … {config.n_classes - 1}, one a point.")
    return y


def _in_one_vector(module: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Make the module's parameters and their gradients pieces of two vectors ``(P,)``, and return these."""
    import torch

    parameters = list(module.parameters())
    theta = torch.cat([p.detach().reshape(-1) for p in parameters]).requires_grad_()
    gradient, start = torch.zeros_like(theta, requires_grad=False), 0
    for p in parameters:
        piece = slice(start, start + p.numel())
        p.data, p.grad = theta.data[piece].view_as(p), gradient[piece].view_as(p)
        start += p.numel()
    return theta, gradient


def _unflatten(vector: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    pieces = np.split(vector, ends[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def _to(array: np.ndarray, where: torch.device) -> torch.Tensor:
    """A copy as a tensor: float32, or int64 for whole numbers."""
    import torch

    return torch.tensor(array, dtype=torch.int64 if array.dtype.kind in "iu" else torch.float32, device=where)


def _copy(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().cpu().numpy().copy()
    array.setflags(write=False)
    return array


class TorchDenoiser:
    """The learned denoiser in torch, for a GPU or a network of one's own; x_t are tensors on its device.

    Args:
        arrays: Of a state or a checkpoint.
        config: The network's.
        network: As given to :func:`iterate_training`; its parameters are overwritten. None: the perceptron.
        where: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        config: DenoiserConfig,
        network: nn.Module | None = None,
        where: str = "cpu",
    ) -> None:
        from genmodels.nets import load

        self.config, self.prediction, self._where = config, config.prediction, device.resolve(where)
        self._network = None if network is None else load(network, arrays).to(self._where).eval()
        if network is None:
            numpy = ForwardDenoiser(arrays, config)
            self._numpy, self._of_x = numpy, _to(numpy._of_x, self._where)
            self._layers = [(_to(w, self._where), _to(b, self._where)) for w, b in numpy._layers]
            self._waves = _to(numpy._waves, self._where)

    def __call__(self, x_t: torch.Tensor, alpha_bar: float, y: Any = None) -> torch.Tensor:
        """The prediction, ``(N, D)``; y: classes ``(N,)``, −1 for none."""
        import torch

        with torch.no_grad():
            if self._network is not None:
                level = _to(noise_features(alpha_bar, self.config.t_waves), self._where).expand(len(x_t), -1)
                if self.config.n_classes:
                    y = torch.as_tensor(np.full(len(x_t), -1) if y is None else y).to(self._where)
                return self._network(x_t, level, y)
            y = y.cpu() if isinstance(y, torch.Tensor) else y
            h = torch.addmm(_to(self._numpy._shift(alpha_bar, y), self._where), self._features(x_t), self._of_x)
            for weight, bias in self._layers:
                h = torch.addmm(bias, _torch_activate(h, self.config.activation), weight)
            return h

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        if not len(self._waves):
            return x
        phases = (x[:, :, None] * self._waves).flatten(1)
        return torch.cat([x, phases.sin(), phases.cos()], 1)


def _torch_activate(h: torch.Tensor, activation: str) -> torch.Tensor:
    import torch

    if activation == "silu":
        return torch.nn.functional.silu(h, inplace=True)
    return h.relu_() if activation == "relu" else h.tanh_()
