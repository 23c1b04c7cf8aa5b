"""Fields, level lines and hatching, checked from outside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

Extent = tuple[float, float, float, float]
Check = Callable[[np.ndarray], "bool | str"]


def centres(extent: Extent, shape: tuple[int, ...]) -> np.ndarray:
    """Centres of a field's cells, ``(H, W, 2)``; row 0 is the lowest."""
    rows, columns = shape[-2:]
    x = extent[0] + (np.arange(columns) + 0.5) * (extent[1] - extent[0]) / columns
    y = extent[2] + (np.arange(rows) + 0.5) * (extent[3] - extent[2]) / rows
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)


def crossings(values: np.ndarray, extent: Extent) -> tuple[np.ndarray, int]:
    """Where a field changes sign along the sides and the rising diagonals of its squares, and in how many triangles.

    Args:
        values: ``(H, W)``, at the cells' centres; linear between two of them.
        extent: Outer edges of the cells.
    """
    place, above = centres(extent, values.shape), values > 0
    ends = [(np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]), (np.s_[:-1, :-1], np.s_[1:, 1:])]
    found = []
    for a, b in ends:
        differ = above[a] != above[b]
        share = (values[a][differ] / (values[a][differ] - values[b][differ]))[:, None]
        found.append((1 - share) * place[a][differ] + share * place[b][differ])
    low, high = above[:-1, :-1], above[1:, 1:]
    triangles = sum(
        int(((low != corner) | (low != high) | (corner != high)).sum()) for corner in (above[:-1, 1:], above[1:, :-1])
    )
    return np.concatenate(found), triangles


def level_line(fields: list[np.ndarray], extent: Extent, near: float = 1e-4) -> Check:
    """Whether pieces ``(S, 2, 2)`` are the lines on which the fields ``(H, W)`` are 0.

    Args:
        fields: Each has lines of its own.
        extent: Outer edges of the cells.
        near: How far a point may be from its place, in cells.
    """

    def check(shown: np.ndarray) -> bool | str:
        pieces = shown[np.isfinite(shown).all(axis=(1, 2))].astype(float)
        parts = [crossings(field, extent) for field in fields]
        wanted, count = np.concatenate([points for points, _ in parts]), sum(n for _, n in parts)
        if len(pieces) != count:
            return f"{len(pieces)} pieces of a line, expected {count}"
        if not count:
            return True
        rows, columns = fields[0].shape
        cell = np.array([(extent[1] - extent[0]) / columns, (extent[3] - extent[2]) / rows])
        longest = np.abs(np.diff(pieces, axis=1) / cell[None, None]).max()
        if longest > 1 + near:
            return f"a piece {longest:.2f} cells long"
        got, want = pieces.reshape(-1, 2) / cell, wanted / cell
        off = max(cKDTree(want).query(got)[0].max(), cKDTree(got).query(want)[0].max())
        return True if off <= near else f"a line {off:.3g} cells from its place"

    return check


def hatched(where: np.ndarray, extent: Extent) -> Check:
    """Whether lines ``(P, L, 2)`` at 45° lie in the cells ``(H, W)`` where something holds, and in all of those."""

    def check(shown: np.ndarray) -> bool | str:
        points = shown[np.isfinite(shown).all(axis=-1)]
        if not len(points) or not where.any():
            return len(points) == int(where.any()) or f"{len(points)} points of lines in {where.sum()} cells"
        rows, columns = where.shape
        wide, high = (extent[1] - extent[0]) / columns, (extent[3] - extent[2]) / rows
        middles = np.abs((points[:, 0] - extent[0]) / wide % 1 - 0.5) < 0.25  # the others are on a cell's edge
        x, y = points[middles].T
        column, row = ((x - extent[0]) // wide).astype(int), ((y - extent[2]) // high).astype(int)
        if not where[row, column].all():
            return f"{(~where[row, column]).sum()} points of lines in cells where it does not hold"
        offsets = np.unique(np.round(points[:, 1] - points[:, 0], 9))
        spacing = np.diff(offsets).min() if len(offsets) > 1 else extent[1] - extent[0]
        if not np.allclose(np.diff(offsets) / spacing, np.round(np.diff(offsets) / spacing), atol=1e-5):
            return "lines at uneven distances"
        place = centres(extent, where.shape)[where]
        nearest = np.round((place[:, 1] - place[:, 0] - offsets[0]) / spacing) * spacing + offsets[0]
        crossed = np.abs(place[:, 1] - place[:, 0] - nearest) < high / 2 - 1e-9 * spacing
        wanted = np.stack([place[:, 0], place[:, 0] + nearest], axis=1)[crossed]
        off = cKDTree(points).query(wanted)[0].max(initial=0.0) / wide
        return True if off < 1e-4 else f"a cell without its line, {off:.3g} cells away"

    return check
