"""Points and a lattice on their way through a flow's layers, and between two of them.

A coupling layer moves one of the two coordinates by an increasing function T, and leaves the other. Stopped at a
share s of its way, y_s = (1 − s) x + s T(x) rises with x as well:

    dy_s/dx = 1 − s + s T′(x) > 0,

so that what is drawn between two layers is a bijection, too, whose density is known by the change of variables.
"""

from __future__ import annotations

import numpy as np

from dashboard.scenes.flows.setup import learned, opening

FAR, TRIED, ROUNDS = 12.0, 24, 5
REACH = 3.0
"""How far from 0 the lattice's lines go, in z."""


def stops(n_layers: int, parts: int) -> np.ndarray:
    """How many layers have been passed in each frame, with their shares: ``(K · parts + 1,)``, from 0 to K."""
    return np.arange(n_layers * parts + 1) / parts


def carried(points: np.ndarray, parts: int) -> np.ndarray:
    """Points ``(K + 1, N, D)`` after each layer, and ``parts − 1`` times between two, ``(K · parts + 1, N, D)``."""
    layers = len(points) - 1
    share = (np.arange(parts) / parts)[:, None, None]
    between = points[:-1, None] + share * (points[1:, None] - points[:-1, None])
    return np.concatenate([between.reshape(layers * parts, *points.shape[1:]), points[-1:]])


def log_dets(by_layer: np.ndarray, parts: int) -> np.ndarray:
    """log |det| of the map from the first frame to each, ``(K · parts + 1, N)``.

    Args:
        by_layer: log of the slope of the coordinate that a layer moves, ``(K, N)``.
        parts: As in :func:`carried`.
    """
    layers, n = by_layer.shape
    before = np.concatenate([np.zeros((1, n)), by_layer.cumsum(axis=0)])
    share = (np.arange(parts) / parts)[:, None]
    between = before[:-1, None] + np.log1p(share * np.expm1(by_layer)[:, None])
    return np.concatenate([between.reshape(layers * parts, n), before[-1:]])


def lattice(side: float, pieces: int) -> np.ndarray:
    """Lines of z around squares, one centred at 0, ``(P, L, 2)``: of this side, which has so many pieces."""
    half = np.floor(REACH / side) + 0.5
    at = side * np.arange(-half, half + 1)
    along = np.linspace(at[0], at[-1], pieces * (len(at) - 1) + 1)
    up = np.stack(np.meshgrid(at, along, indexing="ij"), axis=-1)
    return np.concatenate([up, up[..., ::-1]])


def centres(side: float) -> np.ndarray:
    """Of the lattice's squares, ``(C, 2)``."""
    count = np.floor(REACH / side)
    at = side * np.arange(-count, count + 1)
    return np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)


def frame_of(path: np.ndarray, place: np.ndarray) -> int:
    """The frame in which what goes along ``path`` ``(F, 2)`` is nearest to a place, where a hand has taken it."""
    return int(np.square(path - place).sum(axis=1).argmin())


def undone(source: str, place: np.ndarray, passed: float) -> np.ndarray:
    """Which x of these data is at a place ``(2,)`` when so many layers have been passed, ``(2,)``.

    Whole layers have a closed inverse. Of a layer that is under way the moved coordinate is searched for between
    ever nearer bounds: what is drawn there rises with it.
    """
    k, share = int(passed), passed - int(passed)
    if not share:
        return opening(source, k).inverse(place[None])[0][0] if k else place
    moved, after = int(learned(source).moved(k)[0]), opening(source, k + 1)

    def from_layer(y: np.ndarray) -> np.ndarray:
        return opening(source, k).inverse(y)[0] if k else y

    low, high = -FAR, FAR
    for _ in range(ROUNDS):
        tried = np.repeat(place[None], TRIED, axis=0)
        tried[:, moved] = np.linspace(low, high, TRIED)
        now = (1 - share) * tried[:, moved] + share * after.forward(from_layer(tried))[0][:, moved]
        above = int(np.clip(np.searchsorted(now, place[moved]), 1, TRIED - 1))
        low, high = tried[above - 1, moved], tried[above, moved]
    end = place.copy()
    end[moved] = (low + high) / 2
    return from_layer(end[None])[0]
