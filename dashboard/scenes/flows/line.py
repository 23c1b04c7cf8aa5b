"""On a line: threads of pairs cross, the roads of their mean velocity do not; both have one density at each t."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Arrows, Field, Handle, Layer, Panel, Points, Polylines, Readout, Scene, chart
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.flows.roads import LINE, PERCENT, SHARE, TIME, Matching, in_frames
from genmodels.flow_matching.exact import ExactMixtureVelocity
from genmodels.flow_matching.ode import OdeConfig, solve_path
from genmodels.mixture import GaussianMixture

PAIRS, FAN, SALT = 40, 145, 31
LUMPS, WIDTH = (-1.4, 1.4), 0.3
FARTHEST = 3.6  # of x_1 that the hand's threads lead to
DATA = GaussianMixture(np.full(2, 0.5), np.array(LUMPS)[:, None], np.full((2, 1, 1), WIDTH**2))
VELOCITY = ExactMixtureVelocity(DATA)
ALL = PAIRS * (PAIRS - 1) // 2
MARGIN = 0.2  # beside t = 0 and t = 1, for the densities of noise and data
MEET = 1e-9  # points that are nearer to each other have met, not crossed
LEAST = 0.005  # a thread that is less likely, beside the likeliest, is not drawn
BOTH = 0.1  # a lump that is this likely is said to be possible
COLUMNS, ROWS = 40, 60


class Threads(NamedTuple):
    """What does not depend on the hand.

    Attributes:
        x_0, x_1: The pairs, ``(N, 1)``.
        straight: Between them, ``(F, N)``.
        path: After each step along the velocity, from the same x_0, ``(n + 1, N)``.
        roads: The same in each frame, ``(F, N)``.
    """

    x_0: np.ndarray
    x_1: np.ndarray
    straight: np.ndarray
    path: np.ndarray
    roads: np.ndarray


@lru_cache(maxsize=8)
def threads(seed: int, n_steps: int) -> Threads:
    """Random pairs, and the roads from the same noise."""
    rng = np.random.default_rng([seed, SALT])
    x_0, x_1 = rng.standard_normal((PAIRS, 1)), DATA.sample(PAIRS, rng)[0]
    straight = (1 - SHARE)[:, None] * x_0[:, 0] + SHARE[:, None] * x_1[:, 0]
    path = solve_path(VELOCITY, x_0, OdeConfig("euler", n_steps))
    return Threads(x_0, x_1, straight, path[..., 0], in_frames(path)[..., 0])


def crossed(x: np.ndarray) -> np.ndarray:
    """How many pairs of points stand in another order than in the first frame, ``(F, N)`` to ``(F,)``."""
    above = x[:, :, None] - x[:, None, :] > MEET
    return (above & ~above[0]).sum(axis=(1, 2))


def scene(config: Matching) -> Scene:
    """The time axis is t; one place (t, x) is under the hand."""
    drawn, t, x = threads(config.seed, config.match_steps), config.match_t, config.match_x
    counts = crossed(drawn.straight), crossed(drawn.roads)
    mean, whither = goal(t, x), origins(t, x)
    one = np.ones(len(SHARE))
    return Scene(
        panels=(
            _panel("Pairs (x₀, x₁): straight threads", _pairs(drawn) + _hand(t, x, mean)),
            _panel("Their mean velocity: same x₀, same density at each t", _roads(drawn)),
        ),
        steps=PERCENT,
        time=TIME,
        readouts=(
            Readout("threads that have crossed", counts[0], f"of {ALL}", 0),
            Readout("roads that have", counts[1], f"of {ALL}", 0),
            Readout("E[x₁ | xₜ] at the hand", mean * one, digits=3),
            Readout("velocity there", (mean - x) / (1 - t) * one, "per unit of t", 3),
        ),
        **said(len(SHARE), *_sentences(config, counts, whither)),
        alt="Straight threads between noise and data cross; the roads of their mean velocity do not.",
        fps=12,
        handles=(Handle("x", np.array([t, x]), probe=True),),
    )


def code(config: Matching) -> str:
    """Both crowds, how often they cross, and what the velocity is under the hand."""
    return snippet(
        "import numpy as np",
        "from genmodels.flow_matching.exact import ExactMixtureVelocity",
        "from genmodels.flow_matching.ode import OdeConfig, solve",
        "from genmodels.mixture import GaussianMixture",
        f"variance = {WIDTH}**2 * np.ones((2, 1, 1))",
        f"data = GaussianMixture(np.full(2, 0.5), np.array({list(LUMPS)})[:, None], variance)",
        "velocity = ExactMixtureVelocity(data)",
        f"rng = np.random.default_rng([{config.seed}, {SALT}])",
        f"x_0, x_1 = rng.standard_normal(({PAIRS}, 1)), data.sample({PAIRS}, rng)[0]  # pairs, by chance",
        f"roads = solve(velocity, x_0, OdeConfig('euler', {config.match_steps}))  # where it takes the same x_0",
        f"crossed = [((x_0 < x_0.T) & (end - end.T > {MEET})).sum() for end in (x_1, roads)]",
        f"t, x = {config.match_t}, np.array([[{config.match_x}]])  # under the hand",
        "v = velocity(x, t)[0, 0]",
        "shown = {",
        "    'threads that have crossed': crossed[0], 'roads that have': crossed[1],",
        "    'E[x₁ | xₜ] at the hand': x[0, 0] + (1 - t) * v, 'velocity there': v,",
        "}",
    )


def goal(t: float, x: float) -> float:
    """E[x_1 | x_t = x]: where the velocity points."""
    return x + (1 - t) * float(VELOCITY(np.array([[x]]), t)[0, 0])


def origins(t: float, x: float) -> tuple[np.ndarray, np.ndarray]:
    """Places of x_1, and p(x_1 | x_t = x) there, the largest 1, both ``(FAN,)``."""
    x_1 = np.linspace(FARTHEST, -FARTHEST, FAN)  # downwards: the last is named, away from the key
    log_p = DATA.log_prob(x_1[:, None]) - 0.5 * ((x - t * x_1) / (1 - t)) ** 2
    return x_1, np.exp(log_p - log_p.max())


def _sentences(
    config: Matching, counts: tuple[np.ndarray, np.ndarray], whither: tuple[np.ndarray, np.ndarray]
) -> list[Claim | str]:
    """At the end who has crossed; before, what is under the hand."""
    end, (by_pairs, by_roads) = SHARE == 1, (int(count[-1]) for count in counts)
    x_1, p = whither
    upwards = float(p[x_1 > 0].sum() / p.sum())
    mixed, percent = BOTH < upwards < 1 - BOTH, 100 * upwards
    return [
        Claim("One step of Euler: every road ends at the mean of all data.", end & (config.match_steps == 1)),
        Claim(f"{by_pairs} of {ALL} pairs of threads have crossed, and {by_roads} of roads.", end),
        Claim(f"Under the hand {percent:.0f} % of threads go to the upper lump: the velocity is the mean.", mixed),
        "Left: many threads at one place. Right: one velocity at each.",
    ]


def _panel(title: str, layers: tuple[Layer, ...]) -> Panel:
    return chart(title, (*_ends(), *layers), (-MARGIN, 1 + MARGIN), LINE, x_label="t", y_label="x")


def _ends() -> tuple[Layer, ...]:
    """The density at each t as a field, and those of noise and data beside it."""
    x = np.linspace(*LINE, 2 * ROWS + 1)
    noise, data = np.exp(-0.5 * x**2), np.exp(DATA.log_prob(x[:, None]))
    heights = [MARGIN * density / density.max() for density in (noise, data)]
    (left, right) = (
        np.stack([0 - heights[0], x], axis=1)[None],
        np.stack([1 + heights[1], x], axis=1)[None],
    )
    return (
        Field(name="density pₜ", key="d", values=_density(), extent=(0.0, 1.0, *LINE), limits=(0.0, 1.0), alpha=0.55),
        Polylines(name="noise", xy=left.astype(np.float32), colour="muted", filled=True, closed=True, alpha=0.5),
        Polylines(name="data", xy=right.astype(np.float32), colour="data", filled=True, closed=True, alpha=0.5),
    )


@lru_cache(maxsize=1)
def _density() -> np.ndarray:
    """p_t on cells, at each t divided by its largest value, ``(ROWS, COLUMNS)``."""
    x = np.linspace(*LINE, 2 * ROWS + 1)[1::2, None]
    columns = [VELOCITY.log_prob(x, t) for t in (np.arange(COLUMNS) + 0.5) / COLUMNS]
    return np.stack([np.exp(log_p - log_p.max()) for log_p in columns], axis=1).astype(np.float32)


def _pairs(drawn: Threads) -> tuple[Layer, ...]:
    ends = np.stack([_over(np.zeros(PAIRS), drawn.x_0[:, 0]), _over(np.ones(PAIRS), drawn.x_1[:, 0])], axis=1)
    return (
        Polylines(name="threads", key="t", xy=ends, colour="data", width=1.0, alpha=0.55),
        Points(name="xₜ", key="p", xy=_moving(drawn.straight), radius=3.5),
    )


def _roads(drawn: Threads) -> tuple[Layer, ...]:
    times = np.linspace(0, 1, len(drawn.path))
    lines = np.stack([_over(times, drawn.path[:, n]) for n in range(PAIRS)])
    return (
        Polylines(name="roads", key="t", xy=lines.astype(np.float32), colour="model", width=1.0, alpha=0.7),
        Points(name="xₜ", key="p", xy=_moving(drawn.roads), radius=3.5, colour="model"),
        _field(),
    )


def _field() -> Arrows:
    """The velocity on a lattice, by steps of 1/12 in t."""
    step = 1 / 12
    t, x = (np.arange(11) + 0.5) * step, np.linspace(-2.8, 2.8, 15)
    at = np.stack(np.meshgrid(t, x), axis=-1)
    v = np.stack([VELOCITY(x[:, None], float(one))[:, 0] for one in t], axis=1)
    delta = 0.8 * step * np.stack([np.ones_like(v), v], axis=-1)
    return Arrows(
        name="velocity",
        key="v",
        start=at.reshape(-1, 2),
        delta=delta.reshape(-1, 2),
        colour="truth",
        width=1.2,
        visible=False,
    )


def _hand(t: float, x: float, mean: float) -> tuple[Layer, ...]:
    """From the hand to where x_1 may be, the likelier the thicker, and to the mean."""
    x_1, p = origins(t, x)
    here = np.array([t, x])
    fan = np.stack([np.broadcast_to(here, (FAN, 2)), _over(np.ones(FAN), x_1)], axis=1)
    fan[p < LEAST] = np.nan
    to_mean = np.array([here, [1.0, mean]])
    return (
        Polylines(name="where it may go", key="w", xy=fan, weight=p, colour="class0", width=2.5, alpha=0.6),
        Polylines(name="the mean: velocity", key="m", xy=to_mean[None], colour="truth", width=4.0),
        Points(name="E[x₁ | xₜ]", xy=to_mean[1:], radius=7, colour="truth"),
        Points(name="", xy=here[None], radius=6, colour="ink"),
    )


def _over(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.stack([np.broadcast_to(t, x.shape), x], axis=-1)


def _moving(x: np.ndarray) -> np.ndarray:
    """Points (t, x) in each frame, ``(F, N, 2)``."""
    return np.stack([np.broadcast_to(SHARE[:, None], x.shape), x], axis=-1).astype(np.float32)
