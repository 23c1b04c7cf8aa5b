"""In the plane: where a point may go from here, and the mean of that; the field of such means, exact and learned."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from dashboard.scene import Arrows, Handle, Layer, Panel, Points, Polylines, Readout, Scene, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.colours import hue
from dashboard.scene.contours import cell_centres
from dashboard.scene.snippet import snippet
from dashboard.scenes.flows.roads import (
    CROWD,
    FINE,
    HIGH,
    PERCENT,
    ROADS,
    SHARE,
    TIME,
    WIDE,
    Matching,
    exact,
    exact_code,
    in_frames,
    matched,
    of_points,
    stored,
    stored_code,
)
from dashboard.scenes.planar import PLANE
from genmodels.flow_matching.ode import OdeConfig, solve_path

THREADS, DATA, GRID = 60, 300, 13
AWAY, FEW = 0.25, 3  # from the nearest datum (standard units), where no data are; effective number of ends
LEAST = 1e-6  # of 1 − t: at t = 1 only the nearest is left

Velocity = Callable[[np.ndarray, float], np.ndarray]


def scene(config: Matching) -> Scene:
    """The time axis is t; one place x is under the hand, the same at each t."""
    source, seed, of = config.source, config.seed, of_points(config.source)
    x, data = np.array([config.x_1, config.x_2]), config.points(DATA, 3)
    weights = np.stack([ends(data, x, t) for t in SHARE.tolist()])
    said_by = [np.stack([v(x[None], t)[0] for t in SHARE.tolist()]) for v in _both(source, seed)]
    means = [x + (1 - SHARE)[:, None] * v for v in said_by]
    matter = 1 / np.square(weights).sum(axis=1)
    fields, crowds = _fields(source, seed), _crowds(source, seed, config.match_steps)
    return Scene(
        panels=(
            plane("One place x, and where it may go", _hand(x, data, weights, means, of), WIDE, HIGH),
            _panel(f"Exact velocity{of}", "truth", fields[0], crowds[0], data),
            _panel("Learned velocity, same x₀", "model", fields[1], crowds[1], data),
        ),
        steps=PERCENT,
        time=TIME,
        readouts=(
            Readout("effective number of ends", matter, f"of {DATA}", 1),
            Readout(f"E[x₁ | xₜ]{of}: x₁", means[0][:, 0], digits=3),
            Readout("x₂", means[0][:, 1], digits=3),
            Readout("velocity there", np.linalg.norm(said_by[0], axis=1), "per unit of t", 3),
            Readout("learned: off by", np.linalg.norm(said_by[1] - said_by[0], axis=1), "per unit of t", 3),
        ),
        **said(len(SHARE), *_sentences(means[0], data, matter)),
        alt="Threads from a place to the data where it may go, and their mean; beside it two fields of arrows.",
        fps=10,
        handles=(Handle("x", x, probe=True),),
    )


def code(config: Matching) -> str:
    """Where one place may go at t = ½: what is known, and what the network says."""
    of = of_points(config.source)
    return snippet(
        config.data_code(),
        exact_code(config),
        stored_code(matched(config.source), "learned"),
        f"x, t, step = np.array([[{config.x_1}, {config.x_2}]]), 0.5, 50",
        f"data_points = {config.points_code(DATA, 3)}",
        "log_w = -0.5 * ((x - t * data_points) ** 2).sum(axis=1) / (1 - t) ** 2  # of a Gaussian start",
        "w = np.exp(log_w - log_w.max())",
        "w /= w.sum()  # how likely it goes to each of them",
        "v = exact(x, t)[0]",
        "mean = x[0] + (1 - t) * v  # E[x_1 | x_t]",
        "shown = {",
        f"    'effective number of ends': 1 / (w**2).sum(), 'E[x₁ | xₜ]{of}: x₁': mean[0], 'x₂': mean[1],",
        "    'velocity there': np.linalg.norm(v), 'learned: off by': np.linalg.norm(learned(x, t)[0] - v),",
        "}",
    )


def ends(data: np.ndarray, x: np.ndarray, t: float) -> np.ndarray:
    """p(x_1 | x_t = x) if the data are these points, ``(N, 2)`` to ``(N,)``."""
    log_w = -0.5 * np.square(x - t * data).sum(axis=1) / max(1 - t, LEAST) ** 2
    w = np.exp(log_w - log_w.max())
    return w / w.sum()


def _both(source: str, seed: int) -> tuple[Velocity, Velocity]:
    """The exact velocity and the learned one."""
    return exact(source, seed), stored(matched(source))


def _hand(
    x: np.ndarray, data: np.ndarray, weights: np.ndarray, means: list[np.ndarray], of: str
) -> tuple[Layer, ...]:
    """Threads to the likeliest ends, which are shaded by how likely they are, and arrows to both means."""
    start = x[None]
    arrows = [(mean - x)[:, None] for mean in means]
    return (
        _threads(data, weights, x),
        Points(
            name="data x₁, by weight",
            key="p",
            xy=data,
            values=weights / weights.max(axis=1, keepdims=True),
            radius=4,
            colour_map="sequential",
        ),
        Arrows(name=f"(1 − t) · velocity{of}", key="e", start=start, delta=arrows[0], colour="truth", width=3.0),
        Arrows(name="learned", key="l", start=start, delta=arrows[1], colour="model", width=2.0),
        Points(name=f"E[x₁ | xₜ]{of}", key="m", xy=means[0][:, None], radius=7, colour="truth"),
        Points(name="", xy=start, radius=6, colour="ink"),
    )


def _threads(data: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Polylines:
    """To the points with the largest weights; those below a fiftieth of the largest have none."""
    order = np.argsort(-weights, axis=1)[:, :THREADS]
    goals = data[order]
    some = np.take_along_axis(weights, order, axis=1) > 0.02 * weights.max(axis=1, keepdims=True)
    lines = np.stack([np.broadcast_to(x, goals.shape), goals], axis=2)
    xy = np.where(some[..., None, None], lines, np.nan).astype(np.float32)
    return Polylines(name="where it may go", key="t", xy=xy, colour="muted", width=1.0, alpha=0.7)


def _panel(title: str, colour: str, delta: np.ndarray, crowd: np.ndarray, data: np.ndarray) -> Panel:
    values, roads = hue(crowd[0]), crowd[:, :ROADS].swapaxes(0, 1)
    layers = (
        Points(name="data", key="d", xy=data, radius=2, colour="muted", alpha=0.5),
        Polylines(name="roads", key="r", xy=roads, colour="muted", width=1.0, alpha=0.5, visible=False),
        Points(name="xₜ", key="c", xy=crowd, values=values, radius=2.5),
        Arrows(name="velocity", key="v", start=_lattice(), delta=delta, colour=colour, width=1.2),
    )
    return plane(title, layers, WIDE, HIGH)


def _lattice() -> np.ndarray:
    return cell_centres((*PLANE, *PLANE), GRID)


@lru_cache(maxsize=8)
def _fields(source: str, seed: int) -> list[np.ndarray]:
    """Both velocities on a lattice, each arrow a fifth of the way in one unit of t, cut to a cell."""
    at, longest = _lattice(), 0.95 * (PLANE[1] - PLANE[0]) / GRID
    found = []
    for v in _both(source, seed):
        delta = 0.2 * np.stack([v(at, t) for t in SHARE.tolist()])
        length = np.linalg.norm(delta, axis=-1, keepdims=True)
        found.append((delta * np.minimum(1, longest / np.maximum(length, 1e-9))).astype(np.float32))
    return found


@lru_cache(maxsize=8)
def _crowds(source: str, seed: int, n_steps: int) -> list[np.ndarray]:
    """The same noise along both, ``(F, N, 2)``: exactly, and by steps of Euler."""
    x_0, ways = Matching(seed=seed).noise(CROWD), (FINE, OdeConfig("euler", n_steps))
    both = zip(_both(source, seed), ways, strict=True)
    return [in_frames(solve_path(v, x_0, how)).astype(np.float32) for v, how in both]


def _sentences(means: np.ndarray, data: np.ndarray, matter: np.ndarray) -> list[Claim | str]:
    """What is true of the mean under the hand."""
    gap = np.linalg.norm(means[:, None] - data, axis=2).min(axis=1)
    return [
        Claim("t = 0: x says nothing of x₁, and the velocity points to the mean of all data.", SHARE == 0),
        Claim("Few ends are likely: x nearly says where it goes.", matter < FEW),
        Claim("Several ends: the velocity points to their mean, where no data are.", gap > AWAY),
        "Several ends are possible: the velocity points to their mean.",
    ]
