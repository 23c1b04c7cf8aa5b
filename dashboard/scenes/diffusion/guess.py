"""What the network has to guess: the mean of all x_0 that a noisy x_t may have come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dashboard.scene import Arrows, Curve, Handle, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.diffusion.setup import (
    EXTENT,
    STORED,
    Config,
    Exact,
    Learned,
    T,
    learned,
    network_code,
    probe_point,
    spaced,
)
from dashboard.scenes.planar import PLANE
from genmodels.diffusion.exact import ExactPointsDenoiser
from genmodels.diffusion.sampler import convert, q_sample

THREADS, FRAMES, DATA, GRID, TESTED, MANY = 60, 40, 300, 15, 300, 1_000
NEAR, AWAY = 0.1, 0.25  # of the mean of all data, and from the nearest datum; standard units


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
    exact, of = config.exact(MANY), config.of_points(MANY)
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
        Points(name=f"E[x₀ | xₜ]{of}", key="b", xy=answers[:, None], radius=8, colour="truth"),
        Arrows(
            name="(1 − ᾱₜ) · score",
            key="a",
            start=x_t,
            delta=(np.sqrt(levels)[:, None] * answers - x_t)[:, None],
            colour="truth",
            width=2.5,
        ),
    ]
    matter = 1 / (weights**2).sum(axis=1)
    readouts = [
        Readout("ᾱₜ", np.array(levels), digits=4),
        Readout("effective number of origins", matter, f"of {DATA}", 1),
        Readout(f"E[x₀ | xₜ]{of}: x₁", answers[:, 0], digits=3),
        Readout("x₂", answers[:, 1], digits=3),
    ]
    if network:
        says = np.stack([_said(network, x_t, level)[0] for level in levels])
        layers.append(Points(name="the network's answer", key="n", xy=says[:, None], radius=8, colour="model"))
        readouts.append(Readout("network's distance to it", np.linalg.norm(says - answers, axis=1), digits=3))
    layers.append(probe_point(config))
    errors = _errors(replace(config, x_1=0.0, x_2=0.0))
    return Scene(
        panels=(
            plane("One noisy xₜ, and where it may have come from", tuple(layers), PLANE, PLANE, share=1.1),
            _scores(exact, of, network, levels),
            _error_panel(errors, of, times),
        ),
        steps=times,
        time="t",
        readouts=tuple(readouts),
        **said(len(times), *_sentences(answers, data, matter, errors, config.of_points(MANY))),
        alt="Threads from a noisy point to the data it may have come from, their mean, and arrows of the score.",
        fps=8,
        handles=(Handle("x", x_t[0], probe=True),),
    )


def code(config: Guess) -> str:
    """Where one noisy point may have come from at t = 500: what is known, and what the network says."""
    of = config.of_points(MANY)
    return snippet(
        "from genmodels.diffusion.exact import ExactPointsDenoiser",
        "from genmodels.diffusion.sampler import convert",
        config.data_code(),
        network_code(config.source),
        f"x_t = {written(np.array([[config.x_1, config.x_2]]))}",
        "step = 500  # t",
        "level = float(schedule.alpha_bar[step])  # ᾱ",
        config.exact_code(MANY),
        "mean = exact(x_t, level)[0]  # E[x_0 | x_t]",
        "said = convert(network(x_t, level), network.prediction, 'x0', x_t, level)[0]",
        f"origins = ExactPointsDenoiser({config.points_code(DATA, 3)})",
        "weights = origins.weights(x_t, level)[0]  # how likely x_t came from each of them",
        "shown = {",
        "    'ᾱₜ': level, 'effective number of origins': 1 / (weights**2).sum(),",
        f"    'E[x₀ | xₜ]{of}: x₁': mean[0], 'x₂': mean[1],",
        '    "network\'s distance to it": np.linalg.norm(said - mean), "the network\'s answer": said[None],',
        "}",
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


def _sentences(
    answers: np.ndarray, data: np.ndarray, matter: np.ndarray, errors: dict[str, np.ndarray], of: str
) -> list[Claim | str]:
    """What is true of the answer, and, where the network has the smaller error, that it has."""
    gap = np.linalg.norm(answers[:, None] - data, axis=2).min(axis=1)
    about = [
        Claim("Few origins are likely: xₜ nearly says where it came from.", matter < 3),
        Claim("Nearly all noise: E[x₀ | xₜ] is near the mean of all data.", np.hypot(*answers.T) < NEAR),
        Claim("Several origins: their mean lies where no data are.", gap > AWAY),
        Claim("Several origins are possible: the best answer is their mean.", True),
    ]
    if "the network" not in errors:
        return list(about)
    better = errors["the network"] < errors["exact"]
    chance = f"By chance of {TESTED} draws the network errs less."
    told = f"The network errs less than the mean{of}." if of else chance
    beaten = [Claim(f"{one.says} {told}", one.holds & better) for one in about]
    return [found for pair in zip(beaten, about, strict=True) for found in pair]


def _scores(exact: Exact, of: str, network: Learned | None, levels: list[float]) -> Panel:
    """Both scores on a lattice, each arrow −ε̂ = √(1 − ᾱ) · score, cut to a cell: towards √ᾱ E[x_0 | x_t]."""
    at = cell_centres(EXTENT, GRID)
    length = 0.9 * (PLANE[1] - PLANE[0]) / GRID

    def arrows(answer) -> np.ndarray:
        eps = np.stack([convert(answer(level), "x0", "eps", at, level) for level in levels])
        return (-eps * length / np.maximum(1.0, np.linalg.norm(eps, axis=-1, keepdims=True))).astype(np.float32)

    layers = [
        Arrows(name=f"exact score{of}", key="e", start=at, delta=arrows(lambda a: exact(at, a)), colour="truth")
    ]
    if network:
        learned_one = arrows(lambda a: _said(network, at, a))
        layers.append(Arrows(name="learned score", key="l", start=at, delta=learned_one, colour="model"))
    return plane("The score: which way is denser", tuple(layers), PLANE, PLANE)


def whose(config: Guess) -> str:
    """Of what the exact answer is, and at how many times the network has the smaller error on fresh points."""
    errors, of = _errors(replace(config, x_1=0.0, x_2=0.0)), config.of_points(MANY)
    better, times = int((errors["the network"] < errors["exact"]).sum()), len(errors["exact"])
    if not of:
        return (
            f"These data are a mixture of Gaussians, so that E[x₀ | xₜ] is known. At {better} of {times} times the "
            f"network's error on {TESTED} fresh points is smaller: that is the chance of these draws."
        )
    return (
        f"For these data E[x₀ | xₜ] is not known: the mean{of} stands for it, the best for data that are just these. "
        f"At {better} of {times} times the network's error on {TESTED} fresh points is smaller."
    )


@lru_cache(maxsize=8)
def _errors(config: Guess) -> dict[str, np.ndarray]:
    """Mean squared error of x̂_0 over fresh data, at each time: of the exact answer, and of the network."""
    network = learned(config.source) if config.beside else None
    schedule, exact, times = network.schedule if network else config.noising(), config.exact(MANY), spaced(FRAMES)[1:]
    x_0, eps = config.points(TESTED, 4), config.noise(TESTED, 4)
    eps = eps[: len(x_0)]
    best, by_network = [], []
    for t in times.tolist():
        x_t, level = q_sample(x_0, t, schedule, eps), float(schedule.alpha_bar[t])
        best.append(np.square(exact(x_t, level) - x_0).sum(axis=1).mean())
        if network:
            by_network.append(np.square(_said(network, x_t, level) - x_0).sum(axis=1).mean())
    return {"exact": np.array(best)} | ({"the network": np.array(by_network)} if network else {})


def _error_panel(errors: dict[str, np.ndarray], of: str, times: np.ndarray) -> Panel:
    x = times.astype(float)
    name = f"E[x₀ | xₜ]{of}" if of else "best possible"
    curves = [Curve(name=name, key="g", x=x, y=errors["exact"], colour="truth", dashed=True)]
    if "the network" in errors:
        curves.append(Curve(name="the network", key="y", x=x, y=errors["the network"], colour="model"))
    return chart(
        f"Error of x̂₀, {TESTED} fresh points",
        tuple(curves),
        (0, T),
        (0, 2.3),
        x_label="t",
        y_label="mean squared error",
        share=0.7,
    )
