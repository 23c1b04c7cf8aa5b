"""The perfect denoiser of N points is a photocopier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.fields import choice
from dashboard.scenes.diffusion.setup import PLANE, STORED, Config, learned
from genmodels.diffusion.exact import ExactPointsDenoiser
from genmodels.diffusion.sampler import ReverseConfig, iterate_reverse, sample_reverse

COUNTS = (10, 30, 100, 300, 1_000)
PARTICLES, STEPS = 250, 60


@dataclass(frozen=True)
class Copy(Config):
    """How many training points the photocopier has."""

    source: str = choice("Data", "moons", STORED)
    n: int = choice("Photocopier", 30, {n: f"{n:,} training points" for n in COUNTS})


def scene(config: Copy) -> Scene:
    """Backwards in 60 steps of DDIM, from the same noise."""
    network = learned(config.source)
    x_T, way = config.noise(PARTICLES), ReverseConfig("ddim", STEPS)
    train = config.points(max(COUNTS), 8)
    copies = list(iterate_reverse(ExactPointsDenoiser(train[: config.n]), x_T, network.schedule, way))
    drawn = list(iterate_reverse(network.network, x_T, network.schedule, way))
    fresh = config.points(PARTICLES, 9)
    distances: dict[str, list[float]] = {
        "photocopier": [],
        "learned": [_nearest(drawn[-1].x_t, train[:n]) for n in COUNTS],
        "fresh data": [_nearest(fresh, train[:n]) for n in COUNTS],
    }
    for n in COUNTS:
        x = sample_reverse(ExactPointsDenoiser(train[:n]), x_T, network.schedule, way)
        distances["photocopier"].append(_nearest(x, train[:n]))
    now = [np.array([_nearest(s.x_t, train[: config.n]) for s in run]) for run in (copies, drawn)]
    at = np.full(len(copies), float(config.n))
    return Scene(
        panels=(
            _panel(f"Perfect for {config.n:,} points: a photocopier", copies, train[: config.n]),
            _panel("Learned: it has seen the distribution", drawn, train[: config.n]),
            _distances(distances, at),
        ),
        steps=np.arange(len(copies)),
        time="step",
        readouts=(
            Readout("t", np.array([s.t for s in copies], dtype=float), digits=0),
            Readout("photocopier, to the nearest point", now[0], digits=4),
            Readout("learned, to the nearest point", now[1], digits=4),
            Readout("fresh data", np.full(len(copies), distances["fresh data"][COUNTS.index(config.n)]), digits=4),
        ),
        captions=("Every sample lands on a training point: zero loss, and nothing new.",),
        caption=0,
        alt="Noise flows back onto the very training points on the left, onto their distribution on the right.",
        fps=12,
    )


def _nearest(x: np.ndarray, points: np.ndarray) -> float:
    """Median distance to the nearest of the points."""
    squared = (x**2).sum(1)[:, None] - 2 * x @ points.T + (points**2).sum(1)
    return float(np.median(np.sqrt(np.maximum(squared.min(axis=1), 0))))


def _panel(title: str, run: list, points: np.ndarray) -> Panel:
    layers = (
        Points(
            name="particles", key="p", xy=np.stack([s.x_t for s in run]).astype(np.float32), radius=3, colour="model"
        ),
        Points(name="training points", key="t", xy=points, radius=3.5 if len(points) < 200 else 2),
    )
    return plane(title, layers, PLANE, PLANE)


def _distances(distances: dict[str, list[float]], at: np.ndarray) -> Panel:
    x = np.array(COUNTS, dtype=float)
    lines = [
        Polylines(name=name, key=key, xy=np.stack([x, np.maximum(values, 1e-4)], -1)[None], colour=colour, width=3)
        for (name, values), colour, key in zip(distances.items(), ("data", "model", "truth"), "hld", strict=True)
    ]
    mark = Curve(name="", x=at, y=np.full(len(at), 1e-4), colour="muted")
    return chart(
        "To the nearest training point",
        (*lines, mark),
        (9, 1_100),
        (1e-4, 1),
        x_label="training points N",
        y_label="median distance",
        x_scale="log",
        y_scale="log",
        share=0.9,
    )
