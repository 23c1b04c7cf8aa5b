"""What the fits of classifiers expect of labelled points, or a sentence that says what to mend."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genmodels.checks import check_data, check_whole
from genmodels.mixture import EPS

LARGEST = 1e100  # beyond it, squares and sums of squares overflow


def check_labelled(x: ArrayLike, y: ArrayLike, n_classes: int, at_least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return points as float64 ``(N, D)`` and labels as int64 ``(N,)``, or raise a ValueError that says what to mend.

    Points must be finite, labels in 0 … K − 1, and each class needs ``at_least`` as many points.
    """
    check_whole("n_classes", n_classes, at_least=2)
    x, y = check_data(np.asarray(x)), np.asarray(y)
    if y.shape != (len(x),) or y.dtype.kind not in "iub":
        raise ValueError(f"Labels must be {len(x)} integers, one a point; got the shape {y.shape} of {y.dtype}.")
    if np.abs(x).max(initial=0.0) > LARGEST:
        raise ValueError(f"The data reach {np.abs(x).max():.3g}; standardise them, or leave such points out.")
    y = y.astype(np.int64)
    wrong = np.flatnonzero((y < 0) | (y >= n_classes))
    if wrong.size:
        raise ValueError(f"Row {wrong[0]} has the label {y[wrong[0]]}; {n_classes} classes take 0 … {n_classes - 1}.")
    counts = np.bincount(y, minlength=n_classes)
    if counts.min() < at_least:
        k, n = int(counts.argmin()), int(counts.min())
        raise ValueError(
            f"Class {k + 1} has {n} point{'s' * (n != 1)}; it needs at least {at_least}: paint or load more, or "
            "choose fewer classes."
        )
    return x, y


def _check_total(x: np.ndarray, n_classes: int, at_least: int) -> None:
    if len(x) < at_least:
        raise ValueError(
            f"{len(x)} points in {n_classes} classes are too few for what the classes share; it needs at least "
            f"{at_least}: paint or load more, or choose fewer classes."
        )


def _check_spread(centred: np.ndarray, x: np.ndarray, where: str) -> None:
    """Raise a ValueError unless the covariance of the centred points is positive definite, well above rounding."""
    deviation = np.sqrt((centred**2).mean(axis=0))
    flat = deviation <= 100 * EPS * np.abs(x).max(axis=0)
    scaled = centred / np.where(flat, 1.0, deviation)
    if flat.any():
        trouble = f"Feature {flat.argmax() + 1} is constant"
    elif not np.linalg.eigvalsh(scaled.T @ scaled / len(x))[0] > 1e-12:
        trouble = "The features depend linearly on each other"
    else:
        return
    raise ValueError(
        f"{trouble} in {where}, so that the covariance is singular; spread the points, leave one feature out, or "
        "choose naive Bayes."
    )
