r"""What some pixels of a picture say of the others, exactly: under a finite mixture of pictures, or one Gaussian.

*A finite mixture* of K pictures p_k, all equally likely before, whose pixels are drawn independently,
p(x | k) = Π_d p_kd^x_d (1 − p_kd)^(1 − x_d). Given the pixels S that are seen (:class:`Pictures`),

    p(k | x_S) ∝ Π_{d∈S} p_kd^x_d (1 − p_kd)^(1 − x_d)       E[x_d | x_S] = Σ_k p(k | x_S) p_kd

If every pixel is seen with noise instead, y = x + σ ε, the ink's odds are multiplied by r_d = e^((2 y_d − 1)/2σ²):

    p(k | y) ∝ Π_d (1 − p_kd + p_kd r_d)       p(x_d = 1 | k, y) = p_kd r_d / (1 − p_kd + p_kd r_d)

A decoder makes such a mixture of a latent space: :func:`equally_likely` places z of N(0, I), a picture at each. Along
either latent they are the middles of equally likely strips, as those of :mod:`genmodels.inference`.

*A Gaussian* N(μ, Σ) fitted to pictures, of which each pixel is seen with noise σ (:class:`Wiener`): the mean of x_H
given y_S is μ_H + Σ_HS (Σ_SS + σ² I)⁻¹ (y_S − μ_S), or the same by Λ = (Σ + σ² I)⁻¹,
μ_H − Λ_HH⁻¹ Λ_HS (y_S − μ_S). The smaller system is solved. :func:`genmodels.inverse.exact.wiener` does it
for any A, and gives the covariance.

Sources: Bishop (2006), *Pattern Recognition and Machine Learning*, sections 2.3.1 and 9.3.3. Rows are flat pictures,
pixels 0 … 1, logarithms natural; numpy only.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from genmodels.checks import check_data, check_number, check_whole
from genmodels.inference.models import middles
from genmodels.inverse.measurement import Measurement

CHUNK = 250  # pictures looked at at once: they stay in the cache
LEAST = 1e-6
"""Ink nearer to 0 or 1 than this counts as that near: what is never said may not be impossible."""


def equally_likely(n: int) -> np.ndarray:
    """The n × n places of N(0, I) in the plane at the middles of equally likely strips, ``(n², 2)``, z₁ fastest.

    >>> equally_likely(2).round(2).tolist()
    [[-0.67, -0.67], [0.67, -0.67], [-0.67, 0.67], [0.67, 0.67]]
    """
    check_whole("n", n, at_least=1)
    along = middles(n)
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)


class Pictures:
    """K equally likely pictures with independent pixels.

    Args:
        ink: p, the probability of ink, ``(K, D)``.
    """

    def __init__(self, ink: Any) -> None:
        self.ink = np.asarray(ink, dtype=np.float32)
        if self.ink.ndim != 2 or not ((self.ink >= 0) & (self.ink <= 1)).all():
            raise ValueError(f"ink must be (K, D) with values 0 … 1; got {self.ink.shape}.")
        self._within = np.clip(self.ink, LEAST, 1 - LEAST)
        self._log_ink, self._log_paper = np.log(self._within), np.log1p(-self._within)

    def given(self, x: Any, seen: Any) -> np.ndarray:
        """p(k | x_S), ``(K,)``.

        Args:
            x: A picture ``(D,)``, of which only the seen pixels are looked at.
            seen: S, ``(D,)`` booleans; none at all leaves 1/K.
        """
        x, seen = _picture(x, seen, self.ink.shape[1])
        ink, paper = np.where(seen, x, 0).astype(np.float32), np.where(seen, 1 - x, 0).astype(np.float32)
        log_p = (self._log_ink @ ink + self._log_paper @ paper).astype(np.float64)
        return _shares(log_p)

    def given_noisy(self, y: Any, sigma: float) -> np.ndarray:
        """p(k | y), ``(K,)``, of y = x + σ ε, ``(D,)``; σ above 0."""
        odds = _log_odds(y, sigma, self.ink.shape[1])
        rest = np.exp(-np.abs(odds))  # 1 − p + p r by the larger of 1 and r: rest + (1 − rest) · (p, or 1 − p)
        offset = np.where(odds > 0, rest, 1).astype(np.float32)
        slope = np.where(odds > 0, 1 - rest, rest - 1).astype(np.float32)
        log_p = np.empty(len(self.ink))
        for rows in range(0, len(self.ink), CHUNK):
            piece = self._within[rows : rows + CHUNK] * slope
            piece += offset
            log_p[rows : rows + CHUNK] = np.log(piece, out=piece).sum(axis=1)
        return _shares(log_p)

    def ink_given(self, k: Any, y: Any, sigma: float) -> np.ndarray:
        """p(x_d = 1 | k, y) of pictures k ``(N,)``, ``(N, D)``."""
        ink = np.clip(self.ink[k].astype(np.float64), LEAST, 1 - LEAST)
        against = np.log1p(-ink) - np.log(ink) - _log_odds(y, sigma, ink.shape[-1])
        return 1 / (1 + np.exp(np.minimum(against, 700)))

    def denoised(self, y: Any, sigma: float, weights: Any = None) -> np.ndarray:
        """E[x | y], ``(D,)``; pictures of less weight than 10⁻⁹ are passed over."""
        weights = self.given_noisy(y, sigma) if weights is None else np.asarray(weights)
        heard = np.flatnonzero(weights > 1e-9)
        return weights[heard] @ self.ink_given(heard, y, sigma)

    def mean(self, weights: Any) -> np.ndarray:
        """Σ_k w_k p_k, weights ``(K,)`` to a picture ``(D,)``."""
        return np.asarray(weights, dtype=np.float32) @ self.ink


class Wiener:
    """A Gaussian fitted to pictures, to fill in what is not seen.

    Args:
        pictures: ``(N, D)``.
        sigma: σ, above 0: the noise of each seen pixel.
    """

    def __init__(self, pictures: Any, sigma: float) -> None:
        check_number("sigma", sigma, above=0)
        pictures = check_data(pictures)
        self.mean = pictures.mean(axis=0)
        centred = (pictures - self.mean).astype(np.float32)
        self.covariance = (centred.T @ centred / len(pictures)).astype(np.float64)
        self._noisy = self.covariance + sigma**2 * np.eye(len(self.mean))

    @cached_property
    def _precision(self) -> np.ndarray:
        return np.linalg.inv(self._noisy)

    def fill(self, y: Any, seen: Any) -> np.ndarray:
        """E[x_d | y_S] where pixel d is not seen, y_d where it is: ``(D,)`` each."""
        y, seen = _picture(y, seen, len(self.mean))
        filled, off = y.copy(), (y - self.mean)[seen]
        if 2 * seen.sum() < len(y):
            pulled = self._noisy[np.ix_(~seen, seen)] @ np.linalg.solve(self._noisy[np.ix_(seen, seen)], off)
        else:
            precision = self._precision[~seen]
            pulled = -np.linalg.solve(precision[:, ~seen], precision[:, seen] @ off)
        filled[~seen] = self.mean[~seen] + pulled
        return filled

    def denoise(self, y: Any, sigma: float) -> np.ndarray:
        """E[x | y] of y = x + σ ε, ``(D,)`` each; σ is that of this y."""
        y = _picture(y, np.ones(len(self.mean), dtype=bool), len(self.mean))[0]
        check_number("sigma", sigma, above=0)
        noisy = self.covariance + sigma**2 * np.eye(len(y))
        return self.mean + self.covariance @ np.linalg.solve(noisy, y - self.mean)

    def of(self, y: Any, measurement: Measurement) -> np.ndarray:
        """E[x | y] of y = A x + σ ε, ``(M,)`` to ``(D,)``; A and σ, above 0, are the measurement's."""
        check_number("sigma", measurement.sigma, above=0)
        across = measurement.apply(self.covariance)  # Σ Aᵀ, as Σ is symmetric
        of_y = measurement.apply(across.T) + measurement.sigma**2 * np.eye(measurement.n_measured)
        off = np.asarray(y, dtype=np.float64) - measurement.apply(self.mean[None])[0]
        return self.mean + across @ np.linalg.solve(of_y, off)


def _shares(log_p: np.ndarray) -> np.ndarray:
    """What is proportional to exp(log p), with sum 1."""
    p = np.exp(log_p - log_p.max())
    return p / p.sum()


def _log_odds(y: Any, sigma: float, d: int) -> np.ndarray:
    """log N(y; 1, σ²) − log N(y; 0, σ²), ``(D,)``."""
    check_number("sigma", sigma, above=0)
    y = np.asarray(y, dtype=np.float64)
    if y.shape != (d,):
        raise ValueError(f"Give a noisy picture ({d},); got {y.shape}.")
    return (2 * y - 1) / (2 * sigma**2)


def _picture(x: Any, seen: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    x, seen = np.asarray(x, dtype=np.float64), np.asarray(seen)
    if x.shape != (d,) or seen.shape != (d,) or seen.dtype != bool:
        raise ValueError(f"Give a picture ({d},) and as many booleans; got {x.shape} and {seen.dtype} {seen.shape}.")
    return x, seen
