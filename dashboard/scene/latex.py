"""Numbers in formulas."""

from __future__ import annotations

import numpy as np


def matrix(values: np.ndarray, digits: int = 2) -> str:
    """A vector or a matrix in LaTeX, rounded, without a minus zero.

    >>> print(matrix(np.array([[1.0, -0.001], [0.0, 2.0]])))
    \\begin{pmatrix} 1.00 & 0.00 \\\\ 0.00 & 2.00 \\end{pmatrix}
    """
    rows = np.atleast_2d(np.asarray(values, dtype=float).T).T
    text = r" \\ ".join(" & ".join(f"{round(float(v), digits) + 0.0:.{digits}f}" for v in row) for row in rows)
    return rf"\begin{{pmatrix}} {text} \end{{pmatrix}}"
