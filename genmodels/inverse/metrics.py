r"""How good are answers to an inverse problem? Near the truth, true to the data, various; and is it the posterior?

    PSNR               10 log₁₀(peak² / mean squared error)                     decibels, for one answer and the truth
    data consistency   |A x̂ − y|; E|A x − y|² = M σ² for the true x             unit of y
    diversity          mean distance of two samples                             data units
    gap of weights     ½ Σ_k |w_k − p(k | y)|, total variation                  0 … 1

The *weights of the lumps* of samples are w_k = mean_n p(k | x_n), responsibilities of the *prior*
(:mod:`genmodels.mixture`). Given x, y says nothing more of k, so that E[p(k | x) | y] = p(k | y): exact samples have
the right weights on average, also where lumps overlap. From n of them the gap is about √(K / n) · 0.4, not 0. The gap
is blind to the shape of the lumps; :func:`genmodels.metrics.energy_distance` to exact samples sees it, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genmodels.checks import check_number
from genmodels.inverse.measurement import Measurement
from genmodels.metrics import mean_distance as diversity
from genmodels.mixture import GaussianMixture

__all__ = ["data_consistency", "diversity", "lump_weights", "psnr", "weight_gap"]


def psnr(x: Any, truth: Any, peak: float = 1.0) -> np.ndarray:
    """Peak signal-to-noise ratio of each row ``(N, D)``, ``(N,)`` decibels; the truth is ``(N, D)`` or ``(D,)``.

    >>> psnr([[0.0, 0.1]], [[0.1, 0.0]]).round(6)
    array([20.])
    """
    check_number("peak", peak, above=0)
    error = np.square(np.asarray(x, dtype=np.float64) - np.asarray(truth, dtype=np.float64)).mean(axis=-1)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / error)


def data_consistency(measurement: Measurement, x: Any, y: Any) -> np.ndarray:
    """|A x̂ − y| of each row, ``(N, D)`` to ``(N,)``, in the unit of y; y is ``(M,)`` or ``(N, M)``."""
    return np.linalg.norm(measurement.apply(x) - np.asarray(y, dtype=np.float64), axis=1)


def lump_weights(prior: GaussianMixture, samples: Any) -> np.ndarray:
    """Share of the samples ``(N, D)`` in each component, ``(K,)``: the mean of the prior's p(k | x)."""
    return prior.responsibilities(samples).mean(axis=0)


def weight_gap(shares: Any, weights: Any) -> np.ndarray:
    """Total variation ½ Σ_k |w_k − p_k| along the last axis, 0 … 1.

    >>> float(weight_gap([0.5, 0.5], [0.8, 0.2]).round(6))
    0.3
    """
    return 0.5 * np.abs(np.asarray(shares, dtype=np.float64) - np.asarray(weights, dtype=np.float64)).sum(axis=-1)
