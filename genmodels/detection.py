r"""Detectors: a score that is to be low for strangers, and how well it tells them from what is familiar.

Whoever scores below a threshold is flagged. With every threshold, from none flagged to all:

    false alarms = share of the familiar that is flagged,      found = share of the strangers that is flagged,

and the area under found over false alarms (ROC AUC) is P(score of a stranger < score of a familiar one), an equal
score counting half: 1 for a perfect detector, ½ for one that knows nothing. If the score is p(x) itself, it is the
best possible detector of strangers that are *uniform*; of others p(x) / p_strange(x) is (Neyman & Pearson).

Scores may be infinite, but not NaN. Sources: J. Neyman & E. Pearson (1933), *On the problem of the most efficient
tests of statistical hypotheses*; J. Hanley & B. McNeil (1982), *Radiology* 143(1), for the area.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def roc_auc(familiar: ArrayLike, strange: ArrayLike) -> float:
    """P(a stranger's score < a familiar one's) + ½ P(they are equal), 0 … 1.

    Args:
        familiar: Scores ``(N,)``, N ≥ 1.
        strange: Scores ``(M,)``, M ≥ 1.

    Raises:
        ValueError: There are none, or one is NaN.

    Example:
        >>> roc_auc([3, 2, 2], [1, 2])
        0.8333333333333334
    """
    familiar, strange = np.sort(_scores("familiar", familiar)), _scores("strange", strange)
    below = np.searchsorted(familiar, strange, side="left")
    up_to = np.searchsorted(familiar, strange, side="right")
    return float(1 - (below + up_to).mean() / (2 * len(familiar)))


def flagged(scores: ArrayLike, thresholds: ArrayLike) -> np.ndarray:
    """Share of the scores that lies below each threshold, 0 … 1, of the shape of the thresholds."""
    ordered = np.sort(_scores("scores", scores))
    return np.searchsorted(ordered, np.asarray(thresholds), side="left") / len(ordered)


def roc_curve(familiar: ArrayLike, strange: ArrayLike, steps: int = 100) -> np.ndarray:
    """(false alarms, found) at thresholds that flag 0 … all of the familiar, ``(steps + 1, 2)``, each 0 … 1."""
    ordered = np.append(np.sort(_scores("familiar", familiar)), np.inf)
    at = ordered[np.linspace(0, len(ordered) - 1, steps + 1).round().astype(int)]
    return np.stack([flagged(familiar, at), flagged(strange, at)], axis=1)


def _scores(name: str, values: ArrayLike) -> np.ndarray:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not len(scores) or np.isnan(scores).any():
        raise ValueError(
            f"{name} must be one score or more, in a row (N,), none of them NaN; got {scores.dtype} of shape "
            f"{scores.shape}."
        )
    return scores
