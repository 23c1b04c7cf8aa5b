"""Two roads, one crowd: diffusion's probability-flow ODE and flow matching, from the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Curve, Handle, Layer, Panel, Points, Polylines, Readout, Scene, chart, drag, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.colours import hue
from dashboard.scene.fields import choice, placed
from dashboard.scene.snippet import snippet
from dashboard.scenes.flows.roads import (
    CROWD,
    FRAMES,
    HIGH,
    KEPT,
    PERCENT,
    ROADS,
    SHARE,
    TIME,
    WIDE,
    in_frames,
    matched,
    on_the_way,
    stored,
    stored_code,
)
from dashboard.scenes.flows.setup import STORED, Config
from dashboard.scenes.planar import PLANE
from genmodels.data.planar import get_dataset
from genmodels.diffusion import sampler
from genmodels.diffusion.denoisers import ForwardDenoiser
from genmodels.diffusion.schedules import get_schedule
from genmodels.flow_matching import adaptive, ode
from genmodels.flow_matching.mixtures import RoundDenoiser, RoundMixture, RoundVelocity, is_round
from genmodels.flow_matching.ode import straightness
from genmodels.flow_matching.roads import Roads, two_roads
from genmodels.metrics import nearest_distances
from genmodels.store import cache

WHO = {"exact": "Exact answers", "learned": "The stored networks"}
SCHEDULE = "cosine"
WIDTH = 0.1  # of each of the points that stand for data that are no mixture
DATA, LABELLED = 200, 1_000
FEW = 25  # steps of one road with networks, and back to the noise: their ∇·v jumps, so that log p is known to 0.1
TOGETHER = 0.01  # two ends that are nearer than this are one


@dataclass(frozen=True)
class Crowd(Config):
    """Who says where to go, the start of one road (``crowd_1``, ``crowd_2``), and where the density is asked."""

    source: str = choice("Data", "moons", STORED)
    crowd_who: str = choice("Denoiser and velocity", "exact", WHO)
    crowd_1: float = placed(-1.1, *PLANE)
    crowd_2: float = placed(-1.0, *PLANE)


class Both(NamedTuple):
    """What says where to go on either road."""

    velocity: Any
    denoiser: Any


class Many(NamedTuple):
    """The crowd on both roads, and what does not depend on either hand.

    Attributes:
        roads: Of the grains.
        apart: Mean distance between a grain's two places, in each frame ``(F,)``.
        scaled: The same, once diffusion's are scaled to flow matching's at equal noise.
        ends: Distance between its two ends, ``(N,)``.
        other: How many end in two lumps.
        lengths: Mean length of the roads, diffusion's and flow matching's.
        bent: How far from straight they are.
    """

    roads: Roads
    apart: np.ndarray
    scaled: np.ndarray
    ends: np.ndarray
    other: int
    lengths: tuple[float, float]
    bent: tuple[float, float]


def needed(config: Crowd) -> tuple[str, ...]:
    """The checkpoints of both networks, if they are asked."""
    return (matched(config.source), diffused(config.source)) if config.crowd_who == "learned" else ()


def diffused(source: str) -> str:
    """The checkpoint of diffusion's denoiser of these data."""
    return f"diffusion-{source}"


@lru_cache(maxsize=8)
def law(source: str, seed: int) -> RoundMixture:
    """The data as a mixture of round Gaussians: what they are, or points of them with a width."""
    dataset = get_dataset(source)
    if is_round(dataset):
        return RoundMixture.of(dataset)
    return RoundMixture(Config(source, seed=seed).points(KEPT, 2), None, WIDTH**2)


def law_code(config: Config) -> str:
    """As :func:`law`, in Python: ``law``."""
    points = f"RoundMixture({config.points_code(KEPT, 2)}, None, {WIDTH}**2)"
    made = "RoundMixture.of(data)" if is_round(get_dataset(config.source)) else points
    return f"from genmodels.flow_matching.mixtures import RoundMixture\nlaw = {made}"


def both(source: str, who: str, seed: int) -> Both:
    """Exact, or learned."""
    if who == "learned":
        return Both(stored(matched(source)), cache.made(ForwardDenoiser.of, diffused(source)))
    return Both(RoundVelocity(law(source, seed)), RoundDenoiser(law(source, seed)))


def scene(config: Crowd) -> Scene:
    """The time axis is the share of the way, in each road's own time."""
    source, who, seed = config.source, config.crowd_who, config.seed
    crowd = many(source, who, seed)
    one = single(source, who, seed, config.crowd_1, config.crowd_2)
    told = densities(source, who, seed, config.x_1, config.x_2)
    data, x, every = config.points(DATA, 3), np.array([config.x_1, config.x_2]), np.ones(len(SHARE))
    names, digits = ("diffusion", "matching"), 3 if who == "exact" else 2
    pairs = [*zip(names, crowd.lengths, strict=True)], [*zip(names, crowd.bent, strict=True)]
    return Scene(
        panels=(
            _panel("Diffusion's ODE (cosine schedule)", crowd.roads.diffusion, one.diffusion, data, ()),
            _panel("Flow matching", crowd.roads.matching, one.matching, data, (*_beside(one), _probe(x))),
            _apart(crowd, one),
        ),
        steps=PERCENT,
        time=TIME,
        readouts=(
            Readout("in another lump", crowd.other * every, f"of {CROWD}", 0),
            *(Readout(f"way, {name}", length * every, digits=3) for name, length in pairs[0]),
            *(Readout(f"straightness, {name}", bent * every, digits=3) for name, bent in pairs[1]),
            *(Readout(f"log p, {name}", value * every, "nats", digits, hidden=True) for name, value in told.items()),
        ),
        equation="log p at the cross, in nats:  diffusion {log p, diffusion},  flow matching {log p, matching},  "
        "truth {log p, truth}",
        **said(len(SHARE), *_sentences(crowd, who)),
        alt="The same noise walks to the data by two roads: the ODE of diffusion, and flow matching.",
        fps=12,
        handles=(
            Handle("x₀", np.array([config.crowd_1, config.crowd_2]), panel=0),
            Handle("x", x, panel=1, probe=True),
        ),
    )


def code(config: Crowd) -> str:
    """Both roads of the crowd, how often they end apart, and both likelihoods of one place."""
    asked: tuple[str, ...]
    if config.crowd_who == "exact":
        asked = (
            "from genmodels.flow_matching.mixtures import RoundDenoiser, RoundVelocity",
            law_code(config),
            "velocity, denoiser = RoundVelocity(law), RoundDenoiser(law)",
            "from genmodels.flow_matching.adaptive import ProbabilityFlow, log_likelihood",
            "by_diffusion, by_matching = log_likelihood(ProbabilityFlow(denoiser), x), log_likelihood(velocity, x)",
        )
    else:
        asked = (
            "from genmodels.diffusion.denoisers import ForwardDenoiser",
            stored_code(matched(config.source)),
            f"denoiser = ForwardDenoiser.of(load({diffused(config.source)!r}))",
            "from genmodels.flow_matching.ode import log_likelihood",
            "from genmodels.diffusion import sampler",
            f"by_diffusion = sampler.log_likelihood(denoiser, x, schedule, {FEW})",
            f"by_matching = log_likelihood(velocity, x, {FEW})",
        )
    return snippet(
        "from genmodels.diffusion.schedules import get_schedule",
        "from genmodels.flow_matching.ode import straightness",
        "from genmodels.flow_matching.roads import two_roads",
        config.data_code(),
        f"x, schedule = np.array([[{config.x_1}, {config.x_2}]]), get_schedule({SCHEDULE!r})",
        *asked,
        f"roads = two_roads(velocity, denoiser, {config.noise_code(CROWD)}, schedule, {FRAMES})",
        "def length(path):",
        "    return np.linalg.norm(np.diff(path, axis=0), axis=2).sum(axis=0).mean()",
        "shown = {",
        "    'way, diffusion': length(roads.diffusion), 'way, matching': length(roads.matching),",
        "    'straightness, diffusion': straightness(roads.diffusion),",
        "    'straightness, matching': straightness(roads.matching),",
        "    'log p, diffusion': by_diffusion[0], 'log p, matching': by_matching[0],",
        "}",
    )


def after_drag(config: Crowd, values: Mapping[str, Any]) -> Crowd:
    """The config after a drag of the start, or of the place whose density is asked."""
    start, x = (np.clip(drag.handle(values, name), *PLANE).round(2).tolist() for name in ("x₀", "x"))
    return replace(config, crowd_1=start[0], crowd_2=start[1], x_1=x[0], x_2=x[1])


@lru_cache(maxsize=8)
def many(source: str, who: str, seed: int) -> Many:
    """The crowd on both roads."""
    asked = both(source, who, seed)
    roads = two_roads(asked.velocity, asked.denoiser, Config(seed=seed).noise(CROWD), get_schedule(SCHEDULE), FRAMES)
    pair = roads.diffusion, roads.matching
    ends = np.linalg.norm(pair[0][-1] - pair[1][-1], axis=1)
    lumps = [lump_of(path[-1], source, seed) for path in pair]
    return Many(
        roads,
        np.linalg.norm(pair[0] - pair[1], axis=2).mean(axis=1),
        np.linalg.norm(scaled(roads) - at_equal_noise(roads), axis=2).mean(axis=1),
        ends,
        int((lumps[0] != lumps[1]).sum()),
        tuple(length(path) for path in pair),  # type: ignore[arg-type]
        tuple(straightness(path) for path in pair),  # type: ignore[arg-type]
    )


@lru_cache(maxsize=64)
def single(source: str, who: str, seed: int, x_1: float, x_2: float) -> Roads:
    """Both roads of one grain."""
    asked, n = both(source, who, seed), FRAMES if who == "exact" else FEW
    return two_roads(asked.velocity, asked.denoiser, np.array([[x_1, x_2]]), get_schedule(SCHEDULE), n)


@lru_cache(maxsize=64)
def densities(source: str, who: str, seed: int, x_1: float, x_2: float) -> dict[str, float]:
    """log p at one place, by both ODEs, and the truth; NaN where nothing can be."""
    asked, x, dataset = both(source, who, seed), np.array([[x_1, x_2]]), get_dataset(source)
    if who == "learned":
        by_diffusion = sampler.log_likelihood(asked.denoiser, x, get_schedule(SCHEDULE), FEW)
        by_matching = ode.log_likelihood(asked.velocity, x, FEW)
        truth = dataset.standard_log_prob(x)
    else:
        by_diffusion = adaptive.log_likelihood(adaptive.ProbabilityFlow(asked.denoiser), x)
        by_matching = adaptive.log_likelihood(asked.velocity, x)
        truth = law(source, seed).log_prob(x)
    found = {"diffusion": by_diffusion, "matching": by_matching, "truth": truth}
    return {name: float(value[0]) if np.isfinite(value[0]) else np.nan for name, value in found.items()}


def lump_of(x: np.ndarray, source: str, seed: int) -> np.ndarray:
    """The lump of the nearest of a thousand true points, for each of ``(N, 2)``."""
    points, labels = _labelled(source, seed)
    found = np.stack([nearest_distances(x, points[labels == label]) for label in np.unique(labels)])
    return found.argmin(axis=0)


@lru_cache(maxsize=8)
def _labelled(source: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    dataset = get_dataset(source)
    points, labels = dataset.draw(LABELLED, np.random.default_rng([seed, 41]))
    return dataset.standardise(points), labels


def length(path: np.ndarray) -> float:
    """Mean length of roads ``(F, N, 2)``."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=2).sum(axis=0).mean())


def scaled(roads: Roads) -> np.ndarray:
    """Diffusion's grains divided by √ᾱ + √(1 − ᾱ), ``(F, N, 2)``."""
    return roads.diffusion / _magnified(roads)[:, None, None]


def at_equal_noise(roads: Roads) -> np.ndarray:
    """Flow matching's grains at the times at which they are as noisy as diffusion's in each frame, ``(F, N, 2)``."""
    return on_the_way(roads.matching, np.sqrt(roads.alpha_bar) / _magnified(roads))


def _magnified(roads: Roads) -> np.ndarray:
    return np.sqrt(roads.alpha_bar) + np.sqrt(1 - roads.alpha_bar)


def _panel(title: str, path: np.ndarray, one: np.ndarray, data: np.ndarray, more: tuple[Layer, ...]) -> Panel:
    frames = path.astype(np.float32)
    layers = (
        Points(name="data", key="d", xy=data, radius=2, colour="muted", alpha=0.5),
        Polylines(name="roads", key="r", xy=frames[:, :ROADS].swapaxes(0, 1), colour="data", width=1.2, alpha=0.45),
        Points(name="xₜ, by its start", key="p", xy=frames, values=hue(path[0]), radius=2.5),
        *more,
        Polylines(name="the road from the knob", key="o", xy=one.swapaxes(0, 1), colour="model", width=3.0),
        Points(name="", xy=in_frames(one), radius=6, colour="model"),
    )
    return plane(title, layers, WIDE, HIGH)


def _beside(one: Roads) -> tuple[Layer, ...]:
    """Diffusion's road of the same grain, as it is, and scaled: then its dots lie on flow matching's."""
    dots = scaled(one)[:: len(one.t) // FEW, 0]
    return (
        Polylines(
            name="diffusion's road", key="b", xy=one.diffusion.swapaxes(0, 1), colour="data", width=2.0, dashed=True
        ),
        Points(
            name="the same ÷ (√ᾱ + √(1 − ᾱ))",
            key="s",
            xy=dots,
            radius=3.5,
            colour="truth",
        ),
    )


def _probe(x: np.ndarray) -> Points:
    return Points(name="", xy=x[None], radius=6, colour="ink")


def _apart(crowd: Many, one: Roads) -> Panel:
    own = np.linalg.norm(in_frames(one.diffusion) - in_frames(one.matching), axis=2)[:, 0]
    curves = (
        Curve(name="crowd, mean", key="a", x=PERCENT.astype(float), y=crowd.apart, colour="data"),
        Curve(name="from the knob", key="g", x=PERCENT.astype(float), y=own, colour="model"),
        Curve(name="crowd, scaled", key="e", x=PERCENT.astype(float), y=crowd.scaled, colour="truth", dashed=True),
    )
    high = 1.15 * float(max(crowd.apart.max(), own.max()))
    return chart("How far apart one grain's two places are", curves, (0, 100), (0, high), TIME, "distance", share=0.5)


def _sentences(crowd: Many, who: str) -> list[Claim | str]:
    """At the end: whether each grain has come to the same place."""
    end, farthest = SHARE == 1, float(crowd.ends.max())
    return [
        Claim("Each grain ends in the same place on both roads: only the way differs.", end & (farthest < TOGETHER)),
        Claim(f"{crowd.other} of {CROWD} grains end in another lump.", end & (crowd.other > 0)),
        Claim("All grains end in the same lump on both roads, though not in the same place.", end),
        Claim("On the way the roads differ.", crowd.apart > 0.05),
        "The same noise, on two roads.",
    ]
