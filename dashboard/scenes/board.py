"""The empty board: what is shown while too few points are painted for a model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dashboard.scene import Brush, Points, Scene, plane

Draw = Callable[[Any], Scene]


def on_board(board: Callable[[Any, str], Scene]) -> Callable[[Draw], Draw]:
    """While points are being painted, too few of them are no fault: show the board, and say what is missing.

    Args:
        board: From a config whose ``source`` is ``"painted"``, and the reason, to the scene of a board.
    """

    def decorate(draw: Draw) -> Draw:
        @functools.wraps(draw)
        def drawn(config: Any) -> Scene:
            try:
                return draw(config)
            except ValueError as why:
                if config.source != "painted":
                    raise
                return board(config, str(why))

        return drawn

    return decorate


def empty_board(
    xy: np.ndarray, labels: np.ndarray | None, ends: tuple[float, float], sentence: str, alt: str, brush: Brush | None
) -> Scene:
    """What has been painted so far, ``(N, 2)`` with classes ``(N,)`` or none, and a sentence."""
    points = Points(name="points", key="p", xy=xy, labels=labels)
    return Scene(
        panels=(plane("Your points", (points,), ends, ends),),
        alt=alt,
        steps=np.array([0]),
        captions=(sentence,),
        caption=0,
        brush=brush,
    )
