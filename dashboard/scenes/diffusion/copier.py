"""The perfect denoiser of N points is a photocopier."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dashboard.scene import Curve, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.diffusion.setup import STORED, Config, learned, network_code
from dashboard.scenes.planar import PLANE
from genmodels.diffusion.exact import ExactPointsDenoiser
from genmodels.diffusion.sampler import ReverseConfig, convert, iterate_reverse, q_sample, sample_reverse
from genmodels.metrics import nearest_distances

COUNTS = (10, 30, 100, 300, 1_000)
PARTICLES, STEPS = 250, 60
TIMES, DRAWN = 50, 300  # of the loss
ON, MANY = 0.01, 50  # how near a copy is on a training point, standard units; how many of them are many, %


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
    at, one = np.full(len(copies), float(config.n)), np.ones(len(copies))
    loss, of_network = losses(config)
    on = 100 * float((nearest_distances(copies[-1].x_t, train[: config.n]) < ON).mean())
    end, nearer = np.arange(len(copies)) == STEPS, now[0][-1] < distances["fresh data"][COUNTS.index(config.n)]
    return Scene(
        panels=(
            _panel(f"Perfect for {config.n:,} points: a photocopier", copies, train[: config.n]),
            _panel("Learned from fresh points at each step", drawn, train[: config.n]),
            _distances(distances, at),
        ),
        steps=np.arange(len(copies)),
        time="step",
        readouts=(
            Readout("t", np.array([s.t for s in copies], dtype=float), digits=0),
            Readout("photocopier, to the nearest point", now[0], "(median)", 4),
            Readout("learned, to the nearest point", now[1], "(median)", 4),
            Readout("fresh data", distances["fresh data"][COUNTS.index(config.n)] * one, "(median)", 4),
            Readout(f"lowest possible loss (v) on these {config.n:,}", loss * one, digits=2),
            Readout("the network's loss (v) on them", of_network * one, digits=2),
        ),
        **said(
            len(copies),
            Claim(
                f"{on:.0f} % of the copies are within {ON} of a training point: at the lowest possible loss, "
                f"{loss:.2f}, little new.",
                end & (on >= MANY),
            ),
            Claim(
                f"The copies are nearer to training points than fresh data, at the lowest possible loss, {loss:.2f}.",
                end & nearer,
            ),
            f"On the left the denoiser is exact for these {config.n:,} points, not for their distribution.",
        ),
        alt="Noise flows back: on the left by the exact denoiser of the training points, on the right by a network.",
        fps=12,
    )


def code(config: Copy) -> str:
    """The exact denoiser of N points and the network, from the same noise, and how near to the points they come."""
    return snippet(
        "from genmodels.diffusion.exact import ExactPointsDenoiser",
        "from genmodels.diffusion.sampler import ReverseConfig, iterate_reverse",
        "from genmodels.metrics import nearest_distances",
        config.data_code(),
        network_code(config.source),
        f"points = {config.points_code(max(COUNTS), 8)}[:{config.n}]",
        f"fresh = {config.points_code(PARTICLES, 9)}",
        f"x_T = {config.noise_code(PARTICLES)}",
        f"way = ReverseConfig('ddim', {STEPS})",
        "shown = {'fresh data': np.median(nearest_distances(fresh, points))}",
        "for name, denoiser in {'photocopier': ExactPointsDenoiser(points), 'learned': network}.items():",
        "    states = iterate_reverse(denoiser, x_T, schedule, way)",
        "    distances = np.array([np.median(nearest_distances(state.x_t, points)) for state in states])",
        "    shown[f'{name}, to the nearest point'] = distances",
    )


def told(config: Copy) -> list[str]:
    """What the two losses on the training points say."""
    loss, of_network = losses(config)
    return [
        f"The loss cannot be 0, as x_t does not tell which point it came from. The lowest possible on these "
        f"{config.n:,} points is {loss:.2f} (of v, the mean over t); the network's on them is {of_network:.2f}.",
        "A network that reached the lowest loss on N points would copy them. What keeps it from that, be it size, "
        "smoothness or fresh data, is what lets its samples be new.",
    ]


@lru_cache(maxsize=16)
def losses(config: Copy) -> tuple[float, float]:
    """Mean |said − v|² / D over all t and the N points: of their exact denoiser (the lowest), and the network.

    v of x_0 is missed by 1/√(1 − ᾱ) times what x_0 is missed by.
    """
    network, schedule = learned(config.source)
    points = config.points(max(COUNTS), 8)[: config.n]
    exact, rng = ExactPointsDenoiser(points), np.random.default_rng([config.seed, 30])
    missed = []
    for t in np.linspace(1, schedule.n_steps, TIMES).round().astype(int):
        x_0, level = points[rng.permutation(DRAWN) % len(points)], float(schedule.alpha_bar[t])
        x_t = q_sample(x_0, int(t), schedule, rng.standard_normal(x_0.shape))
        answers = (exact(x_t, level), convert(network(x_t, level), network.prediction, "x0", x_t, level))
        missed.append([np.square(x - x_0).mean() / (1 - level) for x in answers])
    best, of_network = np.mean(missed, axis=0).tolist()
    return best, of_network


def _nearest(x: np.ndarray, points: np.ndarray) -> float:
    """Median distance to the nearest of the points."""
    return float(np.median(nearest_distances(x, points)))


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
