"""What the network has to guess: the mean of all x_0 that a noisy x_t may have come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Arrows, Curve, Handle, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice
from dashboard.scenes.diffusion.setup import (
    EXTENT,
    PLANE,
    STORED,
    Config,
    Exact,
    Learned,
    T,
    learned,
    probe_point,
    spaced,
)
from genmodels.diffusion.exact import ExactPointsDenoiser
from genmodels.diffusion.sampler import convert, q_sample
from genmodels.diffusion.schedules import Schedule

THREADS, FRAMES, DATA, GRID, TESTED, MANY = 60, 40, 300, 15, 300, 1_000


@dataclass(frozen=True)
class Guess(Config):
    """Whether a stored network is shown beside the exact answer."""

    source: str = choice("Data", "moons", STORED)
    beside: bool = True


def scene(config: Guess) -> Scene:
    """Time t; one noisy point under the hand."""
    network = learned(config.source) if config.beside else None
    schedule = network.schedule if network else config.noising()
    times = spaced(FRAMES)[1:]
    levels = schedule.alpha_bar[times].tolist()
    x_t = np.array([[config.x_1, config.x_2]])
    data = config.points(DATA, 3)
    weights = np.stack([ExactPointsDenoiser(data).weights(x_t, level)[0] for level in levels])
    exact = config.exact(MANY)
    answers = np.stack([exact(x_t, level)[0] for level in levels])
    layers: list = [
        _threads(data, weights, x_t[0]),
        Points(
            name="data x₀, by weight",
            key="p",
            xy=data,
            values=weights / weights.max(axis=1, keepdims=True),
            radius=4,
            colour_map="sequential",
        ),
        Points(name="best answer E[x₀ | xₜ]", key="b", xy=answers[:, None], radius=8, colour="truth"),
    ]
    readouts = [
        Readout("ᾱₜ", np.array(levels), digits=4),
        Readout("points that matter", 1 / (weights**2).sum(axis=1), digits=1),
        Readout("best answer x₁", answers[:, 0], digits=3),
        Readout("x₂", answers[:, 1], digits=3),
    ]
    if network:
        said = np.stack([_said(network, x_t, level)[0] for level in levels])
        layers.append(Points(name="the network's answer", key="n", xy=said[:, None], radius=8, colour="model"))
        readouts.append(Readout("network's distance to it", np.linalg.norm(said - answers, axis=1), digits=3))
    layers.append(probe_point(config))
    return Scene(
        panels=(
            plane("One noisy xₜ, and where it may have come from", tuple(layers), PLANE, PLANE, share=1.1),
            _scores(exact, network, levels),
            _errors(config, exact, network, schedule, times),
        ),
        steps=times,
        time="t",
        readouts=tuple(readouts),
        captions=(
            "Little noise: xₜ says nearly by itself where it came from.",
            "Several origins are possible: the best answer is their mean, and may lie where no data are.",
            "All noise: the best answer is the mean of all data.",
        ),
        caption=np.select([np.array(levels) > 0.9, np.array(levels) > 0.05], [0, 1], 2),
        alt="Threads from a noisy point to the data it may have come from, their mean, and arrows of the score.",
        fps=8,
        handles=(Handle("x", x_t[0], probe=True),),
    )


def _said(network: Learned, x_t: np.ndarray, level: float) -> np.ndarray:
    """The network's x̂_0."""
    return convert(network.network(x_t, level), network.network.prediction, "x0", x_t, level)


def _threads(data: np.ndarray, weights: np.ndarray, x_t: np.ndarray) -> Polylines:
    """To the points with the largest weights; those below a fiftieth of the largest have none."""
    order = np.argsort(-weights, axis=1)[:, :THREADS]
    ends = data[order]
    some = np.take_along_axis(weights, order, axis=1) > 0.02 * weights.max(axis=1, keepdims=True)
    lines = np.stack([np.broadcast_to(x_t, ends.shape), ends], axis=2)
    return Polylines(
        name="threads",
        key="t",
        xy=np.where(some[..., None, None], lines, np.nan).astype(np.float32),
        colour="muted",
        width=1.0,
        alpha=0.7,
    )


def _scores(exact: Exact, network: Learned | None, levels: list[float]) -> Panel:
    """Both scores on a lattice, each arrow times 1 − ᾱ: the way to E[x_0 | x_t], up to √ᾱ."""
    at = cell_centres(EXTENT, GRID)
    length = 0.9 * (PLANE[1] - PLANE[0]) / GRID

    def arrows(answer) -> np.ndarray:
        eps = np.stack([convert(answer(level), "x0", "eps", at, level) for level in levels])
        return (-eps * length / np.maximum(1.0, np.linalg.norm(eps, axis=-1, keepdims=True))).astype(np.float32)

    layers = [Arrows(name="exact score", key="e", start=at, delta=arrows(lambda a: exact(at, a)), colour="truth")]
    if network:
        said = arrows(lambda a: _said(network, at, a))
        layers.append(Arrows(name="learned score", key="l", start=at, delta=said, colour="model"))
    return plane("The score: which way is denser", tuple(layers), PLANE, PLANE)


def _errors(config: Guess, exact: Exact, network: Learned | None, schedule: Schedule, times: np.ndarray) -> Panel:
    """Mean squared error of x̂_0 over fresh data, at each time."""
    x_0, eps = config.points(TESTED, 4), config.noise(TESTED, 4)
    eps = eps[: len(x_0)]
    best, said = [], []
    for t in times.tolist():
        x_t, level = q_sample(x_0, t, schedule, eps), float(schedule.alpha_bar[t])
        best.append(np.square(exact(x_t, level) - x_0).sum(axis=1).mean())
        if network:
            said.append(np.square(_said(network, x_t, level) - x_0).sum(axis=1).mean())
    x = times.astype(float)
    curves = [Curve(name="best possible", key="g", x=x, y=np.array(best), colour="truth", dashed=True)]
    if network:
        curves.append(Curve(name="the network", key="y", x=x, y=np.array(said), colour="model"))
    return chart(
        "Error of x̂_0 that is left",
        tuple(curves),
        (0, T),
        (0, 2.3),
        x_label="t",
        y_label="mean squared error",
        share=0.7,
    )
