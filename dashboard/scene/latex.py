"""Numbers in formulas."""

from __future__ import annotations

import numpy as np


def matrix(values: np.ndarray, digits: int = 2, any_size: bool = False) -> str:
    """A vector or a matrix in LaTeX, rounded, without a minus zero.

    Args:
        values: ``(N,)`` or ``(N, M)``.
        digits: Decimals.
        any_size: Four significant digits instead, with a power of ten where it takes one.

    >>> print(matrix(np.array([[1.0, -0.001], [0.0, 2.0]])))
    \\begin{pmatrix} 1.00 & 0.00 \\\\ 0.00 & 2.00 \\end{pmatrix}
    """
    write = _significant if any_size else lambda v: f"{round(v, digits) + 0.0:.{digits}f}"
    rows = np.atleast_2d(np.asarray(values, dtype=float).T).T
    text = r" \\ ".join(" & ".join(write(float(v)) for v in row) for row in rows)
    return rf"\begin{{pmatrix}} {text} \end{{pmatrix}}"


def _significant(value: float) -> str:
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return rf"{mantissa}\cdot10^{{{int(exponent)}}}" if exponent else mantissa
