"""Small runs that tests let grow, in this process or in one of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dashboard.scene import Move, Panel, Points, Readout, Scene

MOVES = {"One D step": "discriminator", "One G step": "generator", "One of both": "both"}


@dataclass(frozen=True)
class Walk:
    """How long a step takes, at which step it fails or kills its process, how many there are."""

    seconds: float = 0.0
    fail_at: int = -1
    die_at: int = -1
    steps: int = 1_000_000
    notes: tuple[tuple[float, str], ...] = ((0.5, "½"),)


def frame(step: int, value: float) -> Scene:
    """A scene of one frame, with a still layer."""
    layers = (
        Points(name="still", xy=np.eye(2)),
        Points(name="moving", key="m", xy=np.full((1, 3, 2), value)),
    )
    panel = Panel("Walk", layers, (-1, 1), (-1, 1))
    readout = Readout("value", np.array([value]))
    return Scene((panel,), "Points that do not go far.", np.array([step]), readouts=(readout,))


def walk(config: Walk) -> Iterator[Scene | None]:
    """A frame a step."""
    for step in range(config.steps):
        time.sleep(config.seconds)
        if step == config.fail_at:
            raise FloatingPointError(f"the walk diverged at step {step}")
        if step == config.die_at:
            os._exit(3)
        yield frame(step, step / 1e6)


def moved(config: Walk, moves: Iterator[Move]) -> Iterator[Scene | None]:
    """A frame a move; its number says which one it was."""
    names = list(MOVES.values())
    for step, move in enumerate(moves):
        time.sleep(config.seconds)
        yield frame(step, float(names.index(move.name)))
