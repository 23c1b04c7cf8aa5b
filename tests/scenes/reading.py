"""What a scene shows, for tests; and what a visitor does to it."""

from __future__ import annotations

import numpy as np

from dashboard.scene.painted import encode_points


def readouts(scene) -> dict[str, np.ndarray]:
    """Every readout's values by its name."""
    return {r.name: np.asarray(r.values) for r in scene.readouts}


def numbers(scene) -> dict[str, float]:
    """Every readout of a one-frame scene."""
    return {name: float(values[0]) for name, values in readouts(scene).items()}


def layers(scene, name: str) -> list:
    return [layer for _, layer in scene.layers() if layer.name == name]


def layer(scene, name: str, panel: int | None = None):
    """The first layer of this name, in this panel if it is said."""
    return layers(scene, name)[0] if panel is None else next(x for x in scene.panels[panel].layers if x.name == name)


def expect_one_shape(scenes: list) -> None:
    """What a recording relies on: nothing but the moving numbers changes."""
    first = scenes[0]
    shapes, still = {name: array.shape for name, array in first.moving()}, dict(first.still())
    for scene in scenes[1:]:
        assert {name: array.shape for name, array in scene.moving()} == shapes
        assert scene.layout() == first.layout()
        now = dict(scene.still())
        assert now.keys() == still.keys()
        assert all(np.array_equal(now[name], still[name], equal_nan=True) for name in still)


def painted(points, board: tuple[float, float], labels=None) -> str:
    """These points as a link has them."""
    xy = np.asarray(points, dtype=float).reshape(-1, 2)
    return encode_points(xy, np.zeros(len(xy), dtype=int) if labels is None else np.asarray(labels), board, board)


def dragged(scene, handle: str, place, step: int = 0) -> dict:
    """What ``after_drag`` is given when a handle of this scene is dragged to a place."""
    before = {h.name: (h.at if h.at.ndim == 1 else h.at[step]).tolist() for h in scene.handles}
    return {"handles": before | {handle: list(place)}, "before": before, "moved": handle}
