"""Lines drawn from fields: level lines, and outlines and hatching of where something holds."""

from __future__ import annotations

import numpy as np

Extent = tuple[float, float, float, float]
_SIDES = {
    (-1, 0): ((0, 0), (0, 1)),  # the lower side of a cell goes from its lower left corner to its lower right one
    (0, 1): ((0, 1), (1, 1)),
    (1, 0): ((1, 1), (1, 0)),
    (0, -1): ((1, 0), (0, 0)),
}
"""Of a cell: where the neighbour beyond a side is, and the side's beginning and end; row and column each."""


def cell_centres(extent: Extent, cells: int) -> np.ndarray:
    """Centres of ``cells`` × ``cells`` cells, ``(cells², 2)``, row by row from the lowest."""
    x, y = (np.linspace(low, high, 2 * cells + 1)[1::2] for low, high in (extent[:2], extent[2:]))
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def level_lines(values: np.ndarray, extent: Extent, level: float = 0.0, room: int = 0) -> np.ndarray:
    """Where fields cross a level, as short straight pieces.

    Each square between four cell centres is cut into two triangles; within one the field is taken as a plane,
    so its level line is one straight piece.

    Args:
        values: ``(F, H, W)``, at the cells' centres; row 0 is the lowest.
        extent: Outer edges of the cells.
        room: S, where it must not depend on the values; more pieces are left out. By default what is needed.

    Returns:
        ``(F, S, 2, 2)``: S pieces of two points, padded with NaN.
    """
    frames, rows, columns = values.shape
    x = np.linspace(extent[0], extent[1], 2 * columns + 1)[1::2]
    y = np.linspace(extent[2], extent[3], 2 * rows + 1)[1::2]
    above = values - level
    place = np.stack(np.meshgrid(x, y), axis=-1)
    # only squares with a change of sign have pieces: few of all
    corners = [above[:, :-1, :-1], above[:, :-1, 1:], above[:, 1:, 1:], above[:, 1:, :-1]]
    positive = np.sum([c > 0 for c in corners], axis=0)
    f, i, j = np.nonzero((positive > 0) & (positive < 4))
    a, b, c, d = (corner[f, i, j] for corner in corners)
    pa, pb, pc, pd = place[i, j], place[i, j + 1], place[i + 1, j + 1], place[i + 1, j]
    pieces = np.concatenate([_triangle(a, b, c, pa, pb, pc), _triangle(a, c, d, pa, pc, pd)])
    frame = np.concatenate([f, f])
    there = np.isfinite(pieces).all(axis=(1, 2))
    return _by_frame(pieces[there], frame[there], frames, room)


def outlines(inside: np.ndarray, extent: Extent) -> np.ndarray:
    """The edges of the cells where something holds, as closed lines one after another, with NaN between them.

    What holds lies on the left of each line, so that holes stay holes when the lines are filled.

    Args:
        inside: ``(H, W)`` booleans; row 0 is the lowest.
        extent: Outer edges of the cells.

    Returns:
        ``(L, 2)``; a single NaN if it holds nowhere.
    """
    padded = np.pad(np.asarray(inside, dtype=bool), 1)
    onwards: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (up, right), (start, end) in _SIDES.items():
        edge = padded & ~np.roll(padded, (-up, -right), axis=(0, 1))
        for row, column in np.argwhere(edge[1:-1, 1:-1]).tolist():
            onwards.setdefault((row + start[0], column + start[1]), []).append((row + end[0], column + end[1]))
    lines: list[tuple[float, float]] = []
    while onwards:
        first = at = next(iter(onwards))
        lines += [(np.nan, np.nan), first] if lines else [first]
        while True:
            at, before = onwards[at].pop(), at
            if not onwards[before]:
                del onwards[before]
            lines.append(at)
            if at == first:
                break
    if not lines:
        return np.full((1, 2), np.nan)
    low, size = np.array(extent[::2]), np.array(extent[1::2]) - extent[::2]
    return low + np.array(lines)[:, ::-1] / padded[1:-1, 1:-1].T.shape * size


def _triangle(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, pa: np.ndarray, pb: np.ndarray, pc: np.ndarray
) -> np.ndarray:
    """The piece ``(S, 2, 2)`` within each triangle; NaN where there is none."""
    ab, bc, ca = _crossing(a, b, pa, pb), _crossing(b, c, pb, pc), _crossing(c, a, pc, pa)
    return np.stack([np.where(np.isnan(ab), bc, ab), np.where(np.isnan(ca), bc, ca)], axis=1)


def _crossing(a: np.ndarray, b: np.ndarray, pa: np.ndarray, pb: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where((a > 0) != (b > 0), a / (a - b), np.nan)
    return pa + t[:, None] * (pb - pa)


def _by_frame(pieces: np.ndarray, frame: np.ndarray, frames: int, room: int) -> np.ndarray:
    order = np.argsort(frame, kind="stable")
    pieces, frame = pieces[order], frame[order]
    count = np.bincount(frame, minlength=frames)
    place = np.arange(len(frame)) - (np.cumsum(count) - count)[frame]
    kept = np.full((frames, room or max(int(count.max(initial=0)), 1), 2, 2), np.nan)
    fits = place < kept.shape[1]
    kept[frame[fits], place[fits]] = pieces[fits]
    return kept


def hatching(where: np.ndarray, extent: Extent, spacing: float) -> np.ndarray:
    """Diagonal lines over the cells where something holds.

    Args:
        where: ``(F, H, W)`` booleans.
        extent: Outer edges of the cells.
        spacing: Between two lines, along the axes, in data units.

    Returns:
        ``(F, P, L, 2)``, broken by NaN where it does not hold.
    """
    _, rows, columns = where.shape
    x0, x1, y0, y1 = extent
    x = np.linspace(x0, x1, 2 * columns + 1)
    offset = np.arange(y0 - (x1 - x0), y1, spacing) + spacing / 2
    y = offset[:, None] + (x - x0)
    row = np.floor((y - y0) / (y1 - y0) * rows).astype(int)
    column = np.minimum(np.arange(len(x)) // 2, columns - 1)
    inside = (row >= 0) & (row < rows)
    shown = where[:, np.clip(row, 0, rows - 1), column] & inside
    lines = np.stack(np.broadcast_arrays(x, y), axis=-1)
    return np.where(shown[..., None], lines, np.nan)
