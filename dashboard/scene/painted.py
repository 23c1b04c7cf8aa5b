"""Painted points as a short text for a link, and back."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence

import numpy as np

Range = tuple[float, float]
VERSION = "1"
MAX_PAINTED = 500
CELLS = 1024
"""Cells along each axis: 10 bits."""
CLASSES = 3
MAX_TEXT = 4_096
"""Twice what 500 points take, incompressible as they may be."""


def encode_points(points: np.ndarray, labels: Sequence[int] | np.ndarray, x_range: Range, y_range: Range) -> str:
    """Painted points as a short text for a link; ``""`` for none.

    A point becomes the cell of a 1024 × 1024 grid that it lies in: 10 bits for x1, 10 for x2, 2 for its class, in
    3 bytes. They are compressed, written in base64url without padding, and a version goes in front.

    Args:
        points: ``(N, 2)`` floats with N ≤ 500; one outside the panel goes to the panel's edge.
        labels: ``(N,)`` integers from 0 to 2.
        x_range: The panel's ends along x1, in data units, the lower first.
        y_range: The same along x2.

    Raises:
        ValueError: There are more than 500 points, or the arguments are not as said above.

    Example:
        >>> text = encode_points(np.array([[0.0, 0.5]]), [2], (-1, 1), (-1, 1))
        >>> points, labels = decode_points(text, (-1, 1), (-1, 1))
        >>> points.round(2).tolist(), labels.tolist()
        ([[0.0, 0.5]], [2])
    """
    low, cell = _grid(x_range, y_range)
    points, classes = as_points(points), np.asarray(labels).reshape(-1)
    if len(points) > MAX_PAINTED:
        raise ValueError(
            f"A link carries at most {MAX_PAINTED} points, not {len(points):,}; save them as CSV instead."
        )
    if not np.isfinite(points).all():
        raise ValueError("Some painted points are not finite, so they have no place in the panel; remove them.")
    if len(classes) != len(points) or not np.isin(classes, range(CLASSES)).all():
        raise ValueError(f"The labels do not fit; give each of the {len(points)} points a label 0, 1 or 2.")
    if not len(points):
        return ""
    # Clipped before the division, so that no point however far away overflows.
    column, row = np.minimum((np.clip(points, low, low + CELLS * cell) - low) // cell, CELLS - 1).astype(np.int64).T
    words = (column << 12) | (row << 2) | classes.astype(np.int64)
    packed = words.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()  # (N, 3) bytes
    return VERSION + _base64url(zlib.compress(packed, 9))


def decode_points(text: str, x_range: Range, y_range: Range) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of :func:`encode_points`, up to half a cell: each point comes back as its cell's middle.

    A link comes from strangers, so nothing in it is trusted, its length least of all.

    Returns:
        Points ``(N, 2)`` float64 within the panel, and labels ``(N,)`` int64 from 0 to 2.

    Raises:
        ValueError: The text was not written by :func:`encode_points`, or was damaged on its way.
    """
    low, cell = _grid(x_range, y_range)
    if not text:
        return np.zeros((0, 2)), np.zeros(0, np.int64)
    if len(text) > MAX_TEXT:
        raise ValueError(
            f"The link's points take {len(text):,} characters, more than {MAX_PAINTED} points can; "
            "copy the link again, or paint the points anew."
        )
    if text[0] != VERSION:
        raise ValueError(
            f"The link's points begin with {quoted(text[0])}, where version {VERSION} was expected; "
            "copy the link again, or paint the points anew."
        )
    words = _unpack(text[1:])
    columns_rows = np.stack([words >> 12, (words >> 2) & (CELLS - 1)], axis=1)  # (N, 2)
    return low + (columns_rows + 0.5) * cell, words & 3


def _unpack(body: str) -> np.ndarray:
    """22-bit words ``(N,)`` int64 with 1 ≤ N ≤ 500."""
    damaged = "The link's points are damaged or cut off; copy the whole link again, or paint the points anew."
    try:
        squeezed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        stream = zlib.decompressobj()
        packed = stream.decompress(squeezed, 3 * MAX_PAINTED + 1)  # one byte too many tells a bomb from a link
    except (ValueError, zlib.error) as why:  # binascii.Error is a ValueError
        raise ValueError(damaged) from why
    whole = stream.eof and not stream.unused_data and _base64url(squeezed) == body
    if not whole or not packed or len(packed) % 3 or len(packed) > 3 * MAX_PAINTED:
        raise ValueError(damaged)
    words = np.frombuffer(packed, np.uint8).reshape(-1, 3).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    if (words >> 22).any() or (words & 3 >= CLASSES).any():
        raise ValueError(damaged)
    return words


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _grid(x_range: Range, y_range: Range) -> tuple[np.ndarray, np.ndarray]:
    """The panel's lower corner ``(2,)`` and the size of one cell ``(2,)``, in data units."""
    low, high = np.array([x_range, y_range], dtype=np.float64).T
    ends = np.maximum(np.abs(low), np.abs(high))
    # Below a millionth of its ends' size a panel has too few floats to tell 1024 cells apart; beyond 1e300 none.
    if not (np.isfinite(ends).all() and (ends < 1e300).all() and (high - low > 1e-6 * ends).all()):
        raise ValueError(
            f"The panel's ranges {tuple(x_range)} and {tuple(y_range)} are no ranges; give finite ends, lower first."
        )
    return low, (high - low) / CELLS


def quoted(cell: str) -> str:
    """A cell in a message: printable, on one line, and short."""
    shown = repr(cell)
    return shown if len(shown) <= 40 else shown[:38] + "…" + shown[0]


def as_points(points: np.ndarray) -> np.ndarray:
    """Points as float64 ``(N, 2)``, or a ValueError."""
    points = np.asarray(points, dtype=np.float64)
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"The points have shape {points.shape}, where (N, 2) was expected; give one point a row.")
    return points
