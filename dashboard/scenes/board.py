"""The empty board: what is shown while too few points are painted for a model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dashboard.scene import Brush, Points, Scene, plane

Build = Callable[[Any], Scene]


def on_board(board: Callable[[Any, str], Scene]) -> Callable[[Build], Build]:
    """While points are being painted, too few of them are no fault: show the board, and say what is missing.

    Args:
        board: From a config whose ``source`` is ``"painted"``, and the reason, to the scene of a board.
    """

    def decorate(build: Build) -> Build:
        @functools.wraps(build)
        def drawn(config: Any) -> Scene:
            try:
                return build(config)
            except ValueError as why:
                if config.source != "painted":
                    raise
                return board(config, str(why))

        return drawn

    return decorate


def empty_board(
    xy: np.ndarray, labels: np.ndarray | None, ends: tuple[float, float], told: str, alt: str, brush: Brush | None
) -> Scene:
    """What has been painted so far, ``(N, 2)`` with classes ``(N,)`` or none, and a sentence."""
    points = Points(name="points", key="p", xy=xy, labels=labels)
    return Scene(
        panels=(plane("Your points", (points,), ends, ends),),
        alt=alt,
        steps=np.array([0]),
        captions=(told,),
        caption=0,
        brush=brush,
    )
