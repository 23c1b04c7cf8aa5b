"""Few steps: the matched velocity in 1, 2, 4 or 50 steps of Euler, and the one that was matched to its own pairs."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Layer, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.colours import hue
from dashboard.scene.snippet import snippet
from dashboard.scenes.flows.roads import (
    CROWD,
    HIGH,
    PERCENT,
    ROADS,
    SHARE,
    STEPS,
    TIME,
    WIDE,
    Matching,
    in_frames,
    matched,
    reflowed,
    stored,
    stored_code,
)
from dashboard.scenes.planar import true_spread
from genmodels.flow_matching.ode import OdeConfig, solve_path, straightness
from genmodels.metrics import wasserstein_2

NAMES = ("first", "after reflow")
SALT = 6  # of the data that are compared with


class Model(NamedTuple):
    """One of the two, in each number of steps.

    Attributes:
        frames: By steps, the crowd in each frame, ``(F, N, 2)``.
        w2: By steps, to the data.
        bent: How far its roads are from straight, in many steps.
    """

    frames: dict[int, np.ndarray]
    w2: dict[int, float]
    bent: float


@lru_cache(maxsize=16)
def model(checkpoint: str, source: str, seed: int) -> Model:
    """The stored velocity from the same noise, in each number of steps."""
    config, velocity = Matching(source=source, seed=seed), stored(checkpoint)
    x_0, truth = config.noise(CROWD), config.points(CROWD, SALT)
    paths = {n: solve_path(velocity, x_0, OdeConfig("euler", n)) for n in STEPS}
    return Model(
        {n: in_frames(path).astype(np.float32) for n, path in paths.items()},
        {n: wasserstein_2(path[-1], truth) for n, path in paths.items()},
        float(straightness(paths[max(STEPS)])),
    )


def scene(config: Matching) -> Scene:
    """The time axis is t; both from the same noise, in as many steps."""
    n, source, seed = config.match_steps, config.source, config.seed
    both = [model(name(source), source, seed) for name in (matched, reflowed)]
    spread, one = true_spread(source, CROWD), np.ones(len(SHARE))
    data = config.points(CROWD, SALT)
    titles = [f"{name}: {STEPS[n]}" for name in ("Matched to pairs by chance", "After reflow, its own pairs")]
    return Scene(
        panels=(
            *(_crowd(title, one.frames[n], data) for title, one in zip(titles, both, strict=True)),
            _by_steps(both, n, spread.mean),
        ),
        steps=PERCENT,
        time=TIME,
        readouts=(
            Readout("W₂, first", both[0].w2[n] * one, digits=3),
            Readout("W₂, after reflow", both[1].w2[n] * one, digits=3),
            Readout("W₂, true samples", spread.mean * one, f"± {spread.deviation:.2f}", 3),
            Readout("straightness, first", both[0].bent * one, digits=3),
            Readout("straightness, after reflow", both[1].bent * one, digits=3),
        ),
        **said(len(SHARE), *_sentences(both, n, spread.mean + 2 * spread.deviation)),
        alt="The same noise along two learned velocities in few steps: that of pairs by chance, and that of its own.",
        fps=14,
    )


def code(config: Matching) -> str:
    """Both in this many steps, how near to the data they end, and how straight their roads are in fifty."""
    models = (stored_code(name(config.source), key) for name, key in ((matched, "first"), (reflowed, "second")))
    return snippet(
        "from genmodels.flow_matching.ode import OdeConfig, solve, solve_path, straightness",
        "from genmodels.metrics import wasserstein_2",
        config.data_code(),
        *models,
        f"x_0, truth = {config.noise_code(CROWD)}, {config.points_code(CROWD, SALT)}",
        "shown = {}",
        f"for name, velocity in {{{NAMES[0]!r}: first, {NAMES[1]!r}: second}}.items():",
        f"    x = solve(velocity, x_0, OdeConfig('euler', {config.match_steps}))",
        "    shown[f'W₂, {name}'] = wasserstein_2(x, truth)",
        f"    path = solve_path(velocity, x_0, OdeConfig('euler', {max(STEPS)}))",
        "    shown[f'straightness, {name}'] = straightness(path)",
    )


def _crowd(title: str, frames: np.ndarray, data: np.ndarray) -> Panel:
    layers = (
        Points(name="data", key="d", xy=data, radius=2, colour="muted", alpha=0.6),
        Polylines(name="roads", key="r", xy=frames[:, :ROADS].swapaxes(0, 1), colour="data", width=1.2, alpha=0.45),
        Points(name="xₜ, by its start", key="p", xy=frames, values=hue(frames[0]), radius=2.5),
    )
    return plane(title, layers, WIDE, HIGH)


def _by_steps(both: list[Model], n: int, of_true: float) -> Panel:
    """W₂ over the number of steps, a dot at the one shown."""
    x, layers = np.array(list(STEPS), dtype=float), []
    for one, name, key, colour in zip(both, NAMES, "nm", ("data", "model"), strict=True):
        xy = np.stack([x, list(one.w2.values())], axis=1)
        layers += [
            Polylines(name=name, key=key, xy=xy[None], colour=colour, width=2.5),
            Points(name="", xy=np.array([[n, one.w2[n]]]), radius=6, colour=colour),
        ]
    level = np.array([[[1, of_true], [max(STEPS), of_true]]])
    truth = Polylines(name="true samples", key="t", xy=level, colour="truth", dashed=True)
    shown: tuple[Layer, ...] = (truth, *layers)
    high = 1.12 * max(*both[0].w2.values(), *both[1].w2.values())
    title = f"W₂ to the data (n = {CROWD})"
    return chart(
        title, shown, (0.9, 1.1 * max(STEPS)), (0, high), "steps of Euler's method", "W₂", x_scale="log", share=0.5
    )


def _sentences(both: list[Model], n: int, near: float) -> list[Claim | str]:
    """At the end: who is as near as true samples; before: what one sees."""
    end, steps = SHARE == 1, STEPS[n]
    first, second = (one.w2[n] for one in both)
    straighter = both[1].bent < both[0].bent
    return [
        Claim(
            f"In {steps} only the velocity after reflow is as near as true samples.", end & (second <= near < first)
        ),
        Claim(f"In {steps} both are as near to the data as true samples.", end & (first <= near) & (second <= near)),
        Claim(f"In {steps} the one after reflow ends nearer to the data.", end & (second < first)),
        Claim("After reflow the roads are straighter.", straighter),
        "Same noise, same number of steps.",
    ]
