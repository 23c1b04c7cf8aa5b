"""Bars and stripes: small black-and-white squares whose rows are each of one colour, or whose columns are."""

from __future__ import annotations

import numpy as np

from genmodels.checks import check_whole


def bars_and_stripes(side: int = 3) -> np.ndarray:
    """All patterns, each once: ``(2 · 2^side − 2, side²)`` float64 of 0 and 1, row by row; no order is meant.

    Args:
        side: Pixels of a side, 1 or more.

    Raises:
        ValueError: The side is not a whole number above 0.

    Source: Hinton & Sejnowski (1986) and MacKay (2003), section 43.3, where white and black may count twice; here
    they do not.

    >>> bars_and_stripes(2).astype(int).tolist()
    [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    """
    check_whole("side", side, at_least=1)
    lines = ((np.arange(2**side)[:, None] >> np.arange(side)) & 1).astype(np.float64)
    return np.unique(np.concatenate([np.repeat(lines, side, axis=1), np.tile(lines, side)]), axis=0)
