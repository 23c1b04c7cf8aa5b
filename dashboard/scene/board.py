"""The board that points are painted on: alone, or while there are too few of them for a model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.scene.drag import painted
from dashboard.scene.layers import Points
from dashboard.scene.own_points import OwnPoints
from dashboard.scene.painted import encode_points
from dashboard.scene.panel import plane
from dashboard.scene.scene import Scene
from dashboard.scene.units import in_units

Draw = Callable[[Any], Scene]


def scene(config: OwnPoints, why: str = "") -> Scene:
    """What has been painted so far, and what is missing yet."""
    n_classes, xy, labels = config.n_painted(), config.as_given(), config.painted_classes()
    points = Points(name="points", key="p", xy=xy, labels=labels if n_classes > 1 else None)
    return Scene(
        panels=(plane("Your points", (points,), config.board, config.board),),
        alt="A board to paint points on" + (f", of {n_classes} classes." if n_classes > 1 else "."),
        steps=np.array([0]),
        captions=(f"Paint points{' of each class' if n_classes > 1 else ''} into the picture. {why}".rstrip(),),
        caption=0,
        brush=config.brush(),
    )


def on_board(draw: Draw) -> Draw:
    """Decorates what draws own points: in their own units; and too few painted ones are no fault, but a board."""

    @in_units
    @functools.wraps(draw)
    def drawn(config: OwnPoints) -> Scene:
        try:
            return draw(config)
        except ValueError as why:
            if config.source != "painted":
                raise
            return scene(config, str(why) if len(config.as_given()) or config.n_painted() > 1 else "")

    return drawn


def after_painting(config: Any, values: Mapping[str, Any]) -> Any:
    """The config after points were painted or erased."""
    xy, labels = painted(values)
    return replace(config, painted=encode_points(xy, labels, config.board, config.board))
