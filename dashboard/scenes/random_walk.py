"""Particles that walk at random: the smallest run that grows. Not on the map; the tests of live runs watch it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Points, Readout, Scene, chart


@dataclass(frozen=True)
class Config:
    """Particles, steps, seed, a step at which it fails on purpose (0 for never), and how often a frame is kept."""

    particles: int = 200
    steps: int = 2_000
    fail_at: int = 0
    seed: int = 0
    every: int = 1


def scenes(config: Config) -> Iterator[Scene | None]:
    """One frame every so many steps, None between; the mean squared distance grows with their number."""
    rng = np.random.default_rng(config.seed)
    xy = np.zeros((config.particles, 2))
    for step in range(config.steps + 1):
        if config.fail_at and step == config.fail_at:
            raise FloatingPointError(f"the walk diverged at step {step}; try another seed")
        yield _frame(step, xy) if step % config.every == 0 else None
        xy = xy + 0.05 * rng.standard_normal(xy.shape)


def _frame(step: int, xy: np.ndarray) -> Scene:
    spread = np.array([np.mean((xy**2).sum(axis=1))])
    plane = Panel("Random walk", (Points(name="particles", key="p", xy=xy[None], colour="model"),), (-4, 4), (-4, 4))
    distance = Curve(name="mean squared distance", y=spread)
    curve = chart("Mean squared distance", (distance,), (0, 2000), (0, 12), x_label="step")
    return Scene(
        (plane, curve),
        "Particles walk at random.",
        np.array([step]),
        fps=30,
        readouts=(Readout("mean squared distance", spread),),
    )
