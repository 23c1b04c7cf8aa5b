"""What the hand says: the places of handles, and painted points, checked before anything is computed from them.

The Player sends ``{"handles": {NAME: [x, y]}, "before": {NAME: [x, y]}, "moved": NAME, "painted": [[x, y, class],
…]}``, where *before* is where all handles were when one of them was taken; a page's function turns that and the
config shown into a new config. While something is dragged the run answers with the scene of
that config, on release the page takes it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def handle(values: Mapping[str, Any], name: str, when: str = "handles") -> np.ndarray:
    """Where a handle is, or was *before* the drag, ``(2,)`` in data units.

    Raises:
        ValueError: It is missing, or is not two finite numbers.
    """
    try:
        at = np.array(values[when][name], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as why:
        raise ValueError(f"The question must say where the handle {name!r} is, as two numbers.") from why
    if at.shape != (2,) or not np.isfinite(at).all() or np.abs(at).max() > 1e6:
        raise ValueError(f"The handle {name!r} must be at two finite numbers; got {values[when][name]!r}.")
    return at


def moved(values: Mapping[str, Any]) -> str:
    """The name of the handle that is held, or an empty string."""
    return str(values.get("moved", ""))


def painted(values: Mapping[str, Any], most: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Painted points ``(N, 2)`` and their classes ``(N,)``; N ≤ ``most``.

    Raises:
        ValueError: They are not rows of x, y, class.
    """
    try:
        rows = np.array(values["painted"], dtype=np.float64).reshape(-1, 3)
    except (KeyError, TypeError, ValueError) as why:
        raise ValueError("The question must give painted points as rows of x, y and class.") from why
    if len(rows) > most or not np.isfinite(rows).all():
        raise ValueError(f"At most {most} painted points with finite numbers are taken; got {len(rows)} rows.")
    return rows[:, :2], rows[:, 2].astype(np.int64)
