"""∇ log p, which needs no Z: exact arrows, learned ones at three noise levels, and walkers that follow these."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple
from urllib.parse import quote

import numpy as np

from dashboard.scene import Arrows, Field, Panel, Points, Readout, Scene, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import Extent, cell_centres
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.planar import PLANE, TITLES, PlanarPoints
from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import ForwardDenoiser
from genmodels.diffusion.sampler import convert, q_sample
from genmodels.diffusion.schedules import Schedule
from genmodels.flow_matching.mixtures import RoundMixture
from genmodels.langevin.samplers import WalkersConfig, iterate_walkers
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

TIMES = (100, 300, 600)  # of diffusion: the three noise levels
LEARNED = ("moons", "ffjord8")  # with a checkpoint, and an exact score
STORED = {name: TITLES[name] for name in LEARNED}
EXTENT: Extent = (*PLANE, *PLANE)
GRID, CELLS, TESTED, SALT = 11, 40, 300, 4  # the fresh points are those of /diffusion
WALKERS, STEPS, SHARE = 200, 60, 0.3  # ULA's ε in units of the noise's variance
LONGEST = 0.9  # of an arrow, in cells of its grid
TWICE = 2.0  # an error that is so many times another one is said to be


@dataclass(frozen=True)
class Scores(PlanarPoints):
    """Which data, and whether walkers follow the arrows."""

    learner: ClassVar[str] = "score"

    source: str = choice("Data", "moons", STORED)


class Learned(NamedTuple):
    """A stored network, and the schedule that it was trained on."""

    network: ForwardDenoiser
    schedule: Schedule

    def score(self, x: np.ndarray, alpha_bar: float) -> np.ndarray:
        """∇ log p_t as the network says it, ``(N, 2)``."""
        return convert(self.network(x, alpha_bar), self.network.prediction, "score", x, alpha_bar)


def stored(config: Scores) -> tuple[str, ...]:
    """The checkpoint of these data."""
    return (f"diffusion-{config.source}",)


def learned(source: str) -> Learned:
    """The network of the store for these data."""
    return cache.made(_learned, f"diffusion-{source}")


def _learned(checkpoint: Checkpoint) -> Learned:
    network = ForwardDenoiser.of(checkpoint)
    return Learned(network, network.config.make_schedule())


def exact_score(data: RoundMixture, x: np.ndarray, alpha_bar: float) -> np.ndarray:
    """∇ log p_t of the data under noise, ``(N, 2)``: −E[ε | x_t] ÷ √(1 − ᾱ)."""
    noise = np.sqrt(1 - alpha_bar)
    return -data.answers(x, np.sqrt(alpha_bar), noise)[1] / noise


class Level(NamedTuple):
    """One noise level.

    Attributes:
        alpha_bar: ᾱ.
        exact, said: Both scores on the grid of arrows, ``(GRID², 2)``.
        near: Squared error of the learned score over the squared exact one, in the mean of fresh noisy points, %.
        grid: The same over the grid, %.
        walkers: ULA by the learned score from N(0, I), ``(F, N, 2)``.
        gained: By how much the walkers' mean log p_t is higher at the end, nats.
        density: p_t on cells, the largest 1.
    """

    alpha_bar: float
    exact: np.ndarray
    said: np.ndarray
    near: float
    grid: float
    walkers: np.ndarray
    gained: float
    density: np.ndarray


@lru_cache(maxsize=4)
def levels(source: str, seed: int) -> tuple[Level, ...]:
    """The three."""
    config, data, network = Scores(source, seed=seed), RoundMixture.of(get_dataset(source)), learned(source)
    x_0, noise, at = config.points(TESTED, SALT), config.noise(TESTED, SALT), cell_centres(EXTENT, GRID)
    cells = cell_centres(EXTENT, CELLS)
    found = []
    for t in TIMES:
        level = float(network.schedule.alpha_bar[t])
        fresh = q_sample(x_0, t, network.schedule, noise)
        exact, said_there = exact_score(data, at, level), network.score(at, level)
        walked = _walked(network, level, config)
        at_start, at_end, log_p = (
            data.log_prob(x, np.sqrt(level), np.sqrt(1 - level)) for x in (walked[0], walked[-1], cells)
        )
        found.append(
            Level(
                level,
                exact,
                said_there,
                relative(network.score(fresh, level), exact_score(data, fresh, level)),
                relative(said_there, exact),
                walked,
                float((at_end - at_start).mean()),
                np.exp(log_p - log_p.max()).reshape(CELLS, CELLS).astype(np.float32),
            )
        )
    return tuple(found)


def relative(found: np.ndarray, truth: np.ndarray) -> float:
    """Σ|found − truth|² ÷ Σ|truth|², per cent, of arrows ``(N, 2)``."""
    return float(100 * np.square(found - truth).sum() / np.square(truth).sum())


def _walked(network: Learned, alpha_bar: float, config: Scores) -> np.ndarray:
    """ULA asks for the gradient alone: log p is not known, and 0 stands in its place."""

    def target(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(x)), network.score(x, alpha_bar)

    ways = WalkersConfig("ula", SHARE * (1 - alpha_bar), STEPS, seed=config.seed)
    return np.stack([state.x for state in iterate_walkers(target, config.noise(WALKERS, 7), ways)])


def scene(config: Scores) -> Scene:
    """Three noise levels side by side; step by step walkers follow the learned arrows."""
    found, steps = levels(config.source, config.seed), np.arange(STEPS + 1)
    one = np.ones(len(steps))
    errors = [
        Readout(f"t = {t}: {what}", value * one, "%", 2)
        for t, level in zip(TIMES, found, strict=True)
        for what, value in (("error at data", level.near), ("on the grid", level.grid))
    ]
    return Scene(
        panels=tuple(_panel(t, level) for t, level in zip(TIMES, found, strict=True)),
        steps=steps,
        time="step of the walkers",
        readouts=tuple(errors),
        **said(len(steps), *_sentences(found, steps)),
        alt="Exact and learned arrows of the score over p(x) at three noise levels, and walkers that follow them.",
        fps=12,
    )


def code(config: Scores) -> str:
    """Both errors at the three levels."""
    return snippet(
        config.data_code(),
        "from genmodels.diffusion.denoisers import ForwardDenoiser",
        "from genmodels.diffusion.sampler import convert, q_sample",
        "from genmodels.flow_matching.mixtures import RoundMixture",
        "from genmodels.store.checkpoint import load",
        f"network = ForwardDenoiser.of(load('diffusion-{config.source}'))",
        "schedule, mixture, shown = network.config.make_schedule(), RoundMixture.of(data), {}",
        f"x_0, noise = {config.points_code(TESTED, SALT)}, {config.noise_code(TESTED, SALT)}",
        f"side = np.linspace({PLANE[0]}, {PLANE[1]}, {2 * GRID + 1})[1::2]",
        "grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)",
        f"for t in {TIMES}:",
        "    level = float(schedule.alpha_bar[t])  # ᾱ",
        "    places = {'error at data': q_sample(x_0, t, schedule, noise), 'on the grid': grid}",
        "    for what, x in places.items():",
        "        exact = -mixture.answers(x, level**0.5, (1 - level) ** 0.5)[1] / (1 - level) ** 0.5",
        "        said = convert(network(x, level), network.prediction, 'score', x, level)",
        "        error = np.square(said - exact).sum() / np.square(exact).sum()",
        "        shown[f't = {t}: {what}'] = 100 * error",
    )


def told(config: Scores) -> str:
    """Where the learned score is worst."""
    found = levels(config.source, config.seed)
    near, grid = ([getattr(level, name) for level in found] for name in ("near", "grid"))
    return (
        f"The error, |ŝ − s|² as a share of |s|², at {TESTED} fresh noisy data: {_listed(near)} "
        f"at t = {_listed(TIMES, '')}. Over the whole grid: {_listed(grid)}. Its training met noisy data."
    )


def _listed(values: tuple[int, ...] | list[float], unit: str = " %") -> str:
    texts = [f"{value:.2f}{unit}" if unit else f"{value}" for value in values]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def bridge(config: Scores) -> str:
    """A link to what the same networks are for, with the same data and noise."""
    link = f"diffusion?diffusion.cue=guess&diffusion.source={quote(STORED[config.source])}&seed={config.seed}"
    return f"{link}&diffusion.pin={TIMES[0]},{TIMES[1]}"


def _sentences(found: tuple[Level, ...], steps: np.ndarray) -> list[Claim | str]:
    first, last = found[0], found[-1]
    return [
        Claim(
            "Little noise: learned arrows are off by far more on the grid than at data, where they were trained.",
            (steps == 0) & (first.grid > TWICE * first.near),
        ),
        Claim(
            "Walkers know neither E nor Z. On the left, arrows have taken them to where p(x) is higher.",
            (steps == STEPS) & (first.gained > 0),
        ),
        Claim(
            "With more noise p(x) is smoother; the learned arrows err less on the grid.",
            last.grid < first.grid,
        ),
        "Arrows point to where p(x) is higher: there is no Z in them.",
    ]


def _panel(t: int, level: Level) -> Panel:
    at = cell_centres(EXTENT, GRID)
    noise = np.sqrt(1 - level.alpha_bar)
    return plane(
        f"t = {t}: noise {noise / np.sqrt(level.alpha_bar):.2f} × signal",
        (
            Field(
                name="p(x) under noise", key="d", values=level.density, extent=EXTENT, limits=(0.0, 1.0), alpha=0.5
            ),
            Arrows(name="exact", key="e", start=at, delta=_drawn(level.exact, noise), colour="truth", width=2.0),
            Arrows(name="learned", key="l", start=at, delta=_drawn(level.said, noise), colour="model", width=1.5),
            Points(
                name="walkers, learned score",
                key="w",
                xy=level.walkers.astype(np.float32),
                radius=2.5,
                colour="class0",
                alpha=0.8,
            ),
        ),
        PLANE,
        PLANE,
    )


def _drawn(score: np.ndarray, noise: float) -> np.ndarray:
    """√(1 − ᾱ) · score = −E[ε | x], cut to a cell of the grid."""
    pull, cell = noise * score, (PLANE[1] - PLANE[0]) / GRID
    longest = np.maximum(1.0, np.linalg.norm(pull, axis=1, keepdims=True))
    return (LONGEST * cell * pull / longest).astype(np.float32)
