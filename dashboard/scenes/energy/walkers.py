"""300 walkers by two samplers from the same noise: ULA on the left, one that is right, or anneals, on the right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Curve, Field, Layer, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import Extent, cell_centres
from dashboard.scene.fields import Values, choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scene.words import number
from genmodels.langevin.convergence import effective_sample_size, split_r_hat
from genmodels.langevin.samplers import WalkersConfig, iterate_walkers, ula_moments, ula_variance, walk
from genmodels.langevin.targets import Banana, RoundLumps
from genmodels.metrics import energy_distance

WALKERS, EXACT = 300, 2_000
PLANE = (-4.2, 4.2)
EXTENT: Extent = (*PLANE, *PLANE)
CELLS = 42
BEND, WIDTH = 0.4, 0.7  # of the banana
APART, LUMP, SHARE = 2.7, 0.45, 2 / 3  # of two lumps: ± that far from 0, how wide, how much is in the right one
FAR_OFF = 1e3  # a walker that has come there is lost
GOAL = 0.12  # of the challenge, root of a length
FEW = 1.0  # per cent that are hardly any
MOST = 6.0  # of the variance that is drawn
TRAIL = 5  # places of one walker that are joined
TARGETS = {"gaussian": "A Gaussian", "banana": "A banana", "far": "Two lumps, far apart"}
AGAINST = {"mala": "MALA", "metropolis": "Metropolis", "hmc": "HMC", "annealed": "Annealed Langevin"}
NAMES = {"mala": "MALA", "metropolis": "Metropolis", "hmc": "HMC", "annealed": "annealed"}

Target = RoundLumps | Banana


def is_hmc(values: Values) -> bool:
    """Whether the sampler on the right has leapfrog steps."""
    return values["against"] == "hmc"


@dataclass(frozen=True)
class Walkers:
    """What is sampled, by whom, in which steps.

    Args:
        target: p(x).
        against: The sampler on the right.
        walk_step: ε in units of σ², the smallest variance that p has somewhere.
        walk_length: Steps.
        leapfrogs: L of HMC.
        seed: Of the noise.
    """

    target: str = choice("p(x)", "gaussian", TARGETS)
    against: str = choice("On the right", "mala", AGAINST)
    walk_step: float = slider("Step ε ÷ σ²", 1.0, 0.05, 4.5, 0.05)
    walk_length: int = slider("Steps", 200, 20, 200, 10)
    leapfrogs: int = slider("Leapfrog steps L", 8, 1, 20, 1, when=is_hmc)
    seed: int = 0

    @property
    def is_far(self) -> bool:
        """Whether there are two lumps."""
        return self.target == "far"

    def density(self) -> Target:
        """p(x), its gradient and its samples."""
        if self.target == "banana":
            return Banana(BEND, WIDTH)
        if self.is_far:
            return RoundLumps([[-APART, 0.0], [APART, 0.0]], LUMP, [1 - SHARE, SHARE])
        return RoundLumps([[0.0, 0.0]], 1.0)

    def variance(self) -> float:
        """σ²: of the Gaussian, of a lump, of the banana across itself."""
        return {"gaussian": 1.0, "banana": WIDTH**2, "far": LUMP**2}[self.target]

    def start(self) -> np.ndarray:
        """All walkers in one place, ``(300, 2)``."""
        return np.tile(
            {"gaussian": (0.0, 0.0), "banana": (-2.0, 1.2), "far": (-APART, 0.0)}[self.target], (WALKERS, 1)
        )

    def sampling(self, sampler: str) -> WalkersConfig:
        """How one of the two walks."""
        return WalkersConfig(
            sampler,
            step=self.walk_step * self.variance(),
            n_steps=self.walk_length,
            leapfrogs=self.leapfrogs,
            seed=self.seed,
        )


class Run(NamedTuple):
    """What 300 walkers did.

    Attributes:
        x: Where they were, ``(F, 300, 2)``; NaN for those that are lost.
        path: Of the first walker, from its place to what was proposed, ``(F, L + 1, 2)``.
        accepted: Whether that was taken, ``(F,)``.
        rate: Share of all proposals so far that were taken, per cent, ``(F,)``; NaN at the start.
    """

    x: np.ndarray
    path: np.ndarray
    accepted: np.ndarray
    rate: np.ndarray


@lru_cache(maxsize=8)
def run(config: Walkers, sampler: str) -> Run:
    """Walk."""
    states = list(iterate_walkers(config.density(), config.start(), config.sampling(sampler)))
    taken = np.array([state.accepted.mean() for state in states[1:]])
    rate = 100 * np.append(np.nan, np.cumsum(taken) / np.arange(1, len(states)))
    paths = [np.stack([states[0].x[0]] * len(states[-1].path)), *(state.path[:, 0] for state in states[1:])]
    return Run(
        np.stack([state.x for state in states]),
        np.stack(paths),
        np.array([state.accepted[0] for state in states]),
        rate,
    )


def scene(config: Walkers) -> Scene:
    """Step by step."""
    left, right = run(config, "ula"), run(config, config.against)
    name, steps = NAMES[config.against], np.arange(config.walk_length + 1)
    what = summary(config, left.x), summary(config, right.x)
    return Scene(
        panels=(
            plane("ULA: every proposal is taken", (_field(config), *_crowd(left.x)), PLANE, PLANE),
            plane(_title(config), (_field(config), *_crowd(right.x), *_one(right)), PLANE, PLANE),
            _over_time(config, what, steps),
        ),
        steps=steps,
        time="step",
        readouts=_readouts(config, what, right),
        **said(len(steps), *_sentences(config, left, right, what, name)),
        alt="300 walkers by ULA, and the same number by another sampler from the same noise, over the density.",
        fps=20,
    )


def code(config: Walkers) -> str:
    """Both walks, and their last numbers."""
    name, steps = NAMES[config.against], f"{config.walk_step!r} * {config.variance()!r}, {config.walk_length}"
    made = {
        "gaussian": "RoundLumps([[0.0, 0.0]], 1.0)",
        "banana": f"Banana({BEND}, {WIDTH})",
        "far": f"RoundLumps([[-{APART}, 0.0], [{APART}, 0.0]], {LUMP}, [1 / 3, 2 / 3])",
    }[config.target]
    leapfrogs = f", leapfrogs={config.leapfrogs}" if config.against == "hmc" else ""
    kind, measure = (
        ("in the right lump", "100 * (kept({})[:, 0] > 0).mean()")
        if config.is_far
        else ("variance", "np.square(kept({})).mean()")
    )
    return snippet(
        "import numpy as np",
        "from genmodels.langevin.samplers import WalkersConfig, iterate_walkers",
        f"from genmodels.langevin.targets import {made.partition('(')[0]}",
        f"target, start = {made}, np.tile({tuple(config.start()[0].tolist())}, ({WALKERS}, 1))",
        "def states(sampler):",
        f"    config = WalkersConfig(sampler, {steps}{leapfrogs}, seed={config.seed})",
        "    return list(iterate_walkers(target, start, config))",
        "def kept(states):  # walkers that are not lost at the end",
        f"    return states[-1].x[(np.abs(states[-1].x) < {FAR_OFF:g}).all(axis=1)]",
        f"ula, other = states('ula'), states('{config.against}')",
        "shown = {",
        f"    'ULA: {kind}': {measure.format('ula')}, '{name}: {kind}': {measure.format('other')},",
        f"    '{name}: taken': 100 * np.mean([state.accepted for state in other[1:]]),"
        if config.against != "annealed"
        else "    'temperature T': 1.0,",
        f"    'ULA: lost': {WALKERS} - len(kept(ula)),",
        "}",
    )


# --- numbers ----------------------------------------------------------------------------------------------------


class Summary(NamedTuple):
    """One number of the walkers that are left, in each frame, its standard error, and how many are lost, ``(F,)``."""

    value: np.ndarray
    error: np.ndarray
    lost: np.ndarray


def summary(config: Walkers, x: np.ndarray) -> Summary:
    """Of two lumps, the share in the right one, per cent; else the mean of both variances about the true mean, 0."""
    there = near(x)
    count = there.sum(axis=1)
    at = np.where(there[..., None], x, 0)
    each = 100.0 * (at[..., 0] > 0) if config.is_far else 0.5 * np.square(at).sum(axis=2)
    some = np.where(count, count, np.nan)
    value = each.sum(axis=1) / some
    spread = np.where(there, np.square(each - value[:, None]), 0).sum(axis=1) / np.maximum(some - 1, 1)
    return Summary(value, np.sqrt(spread / some), WALKERS - count)


def near(x: np.ndarray) -> np.ndarray:
    """Which walkers ``(…, 2)`` are not lost, ``(…)``."""
    return (np.abs(x) < FAR_OFF).all(axis=-1)


def truth(config: Walkers) -> float:
    """What exact samples have."""
    if config.is_far:
        return 100 * SHARE
    return 1.0 if config.target == "gaussian" else (1 + 2 * BEND**2 + WIDTH**2) / 2


def _readouts(config: Walkers, what: tuple[Summary, Summary], right: Run) -> tuple[Readout, ...]:
    name, one = NAMES[config.against], np.ones(len(right.rate))
    taken = Readout(f"{name}: taken", right.rate, "% of proposals", 1)
    kind, unit, digits = ("in the right lump", "%", 1) if config.is_far else ("variance", "", 3)
    known = [Readout("truth", truth(config) * one, unit, digits)]
    if config.target == "gaussian":
        formula = ula_variance(config.walk_step)
        known = [Readout("ULA by its formula", (formula if np.isfinite(formula) else np.nan) * one, unit, digits)]
    return (
        Readout(f"ULA: {kind}", what[0].value, unit, digits),
        Readout("± its standard error", what[0].error, unit, digits),
        *known,
        Readout(f"{name}: {kind}", what[1].value, unit, digits),
        Readout("± the other's", what[1].error, unit, digits),
        _temperature(config) if config.against == "annealed" else taken,
        Readout("ULA: lost", what[0].lost, f"of {WALKERS}", 0),
    )


def _temperature(config: Walkers) -> Readout:
    """T of the step that led here."""
    ways = config.sampling("annealed")
    heat = [ways.temperature(step) for step in range(1, config.walk_length + 1)]
    return Readout("temperature T", np.array([np.nan, *heat]), digits=2)


def _sentences(config: Walkers, left: Run, right: Run, what: tuple[Summary, Summary], name: str) -> list[Claim | str]:
    steps = np.arange(config.walk_length + 1)
    late, ula, other = steps >= 20, what[0], what[1]
    about, endless = [], False
    if config.target == "gaussian":
        formula = ula_variance(config.walk_step)
        endless = bool(np.isinf(formula))
        tends = f"ULA's variance tends to σ²/(1 − ε/4σ²) = {formula:.2f} σ²"
        about = [
            Claim(f"{tends}; {name} refuses some proposals, and its law has σ².", late & (right.rate < 99.95)),
            Claim(f"{tends}.", late),
        ]
    elif config.is_far:
        few, crossed = ula.value <= FEW, other.value > 10 * FEW
        about = [
            Claim(f"Nobody has crossed: ULA and {name} know one lump only.", late & (ula.value + other.value == 0)),
            Claim(
                "Hot walkers have crossed, ULA's have not: both lumps have walkers now, not in the right shares.",
                late & few & crossed & (np.abs(other.value - truth(config)) > 2 * other.error),
            ),
            Claim("Hot walkers have crossed, ULA's have not.", late & few & crossed),
        ]
    return [
        Claim("All walkers start in one place, and see the same noise on both sides.", steps == 0),
        Claim(
            "ε ≥ 4σ²: each step of ULA overshoots the middle by as much as it was away, or more. It diverges.",
            late & endless,
        ),
        Claim("Walkers of ULA are lost: each step took them farther, and nothing refuses it.", late & (ula.lost > 0)),
        Claim(f"{name} refuses nearly all that is proposed: its walkers hardly move.", late & (right.rate < FEW)),
        *about,
        Claim("The marked walker stays: its proposal was refused.", ~right.accepted),
        "ULA takes every proposal. A line leads from one walker on the right to what was proposed to it.",
    ]


def told(config: Walkers) -> str:
    """Are they there yet, and what are their steps worth? Of the second half of the walk."""
    x = run(config, config.against).x[-(config.walk_length // 2) :, :, 0].T
    if not (np.abs(x) < FAR_OFF).all():
        return f"Some walkers of {AGAINST[config.against]} are lost: they have no R̂ and no effective sample size."
    ess, r_hat, who = effective_sample_size(x), split_r_hat(x), AGAINST[config.against]
    if np.isnan(ess) or np.isnan(r_hat):
        return f"No walker of {who} has moved in the second half: there is no R̂, and no effective sample size."
    worth = f"**R̂ = {r_hat:.2f}, effective sample size {ess:,.0f}** of {x.size:,} places: x₁ of {who}, second half."
    if config.is_far:
        return f"{worth} Both compare walkers with each other: where none has left its lump, they agree in error."
    return f"{worth} An R̂ near 1 says that walkers agree; the other number, what their places are worth."


def between() -> str:
    """p half-way between the two lumps, as a share of its largest value."""
    log_p = Walkers("far").density()(np.array([[0.0, 0.0], [APART, 0.0]]))[0]
    return number(float(np.exp(log_p[0] - log_p[1])), 2)


def off(config: Walkers) -> float:
    """Energy distance of ULA's walkers at the end to exact samples; those that are lost count as far away."""
    x = walk(config.density(), config.start(), config.sampling("ula")).x
    x = np.nan_to_num(np.clip(x, -FAR_OFF, FAR_OFF), nan=FAR_OFF)
    return energy_distance(x, config.density().sample(EXACT, np.random.default_rng([config.seed, 61])))


# --- the picture ------------------------------------------------------------------------------------------------


def _title(config: Walkers) -> str:
    return {
        "mala": "MALA: the same proposal, taken or refused",
        "metropolis": "Metropolis: no gradient, taken or refused",
        "hmc": f"HMC: L = {config.leapfrogs}, taken or refused",
        "annealed": "Annealed: hot at first, then as ULA",
    }[config.against]


@lru_cache(maxsize=4)
def _p(target: str) -> np.ndarray:
    """p on cells, the largest 1, ``(CELLS, CELLS)``."""
    log_p = Walkers(target).density()(cell_centres(EXTENT, CELLS))[0]
    return np.exp(log_p - log_p.max()).reshape(CELLS, CELLS).astype(np.float32)


def _field(config: Walkers) -> Field:
    return Field(name="p(x)", key="d", values=_p(config.target), extent=EXTENT, limits=(0.0, 1.0), alpha=0.65)


def _crowd(x: np.ndarray) -> tuple[Layer, ...]:
    shown = np.where(near(x)[..., None], x, np.nan).astype(np.float32)
    return (
        Points(name="300 walkers", key="p", xy=shown, radius=3.0, colour="model", alpha=0.85),
        Points(name="one of them", key="o", xy=shown[:, :1], radius=6.5, colour="class0", trail=TRAIL),
    )


def _one(right: Run) -> tuple[Layer, ...]:
    """What was proposed to the first walker on the right."""
    path = np.where(near(right.path)[..., None], right.path, np.nan)
    proposal = path[:, -1:]
    taken = np.where(right.accepted[:, None, None], proposal, np.nan).astype(np.float32)
    refused = np.where(right.accepted[:, None, None], np.nan, proposal)
    arm = 0.16
    cross = np.array([[[-arm, -arm], [arm, arm]], [[-arm, arm], [arm, -arm]]])
    return (
        Polylines(
            name="its way to the proposal",
            key="w",
            xy=path[:, None].astype(np.float32),
            colour="class0",
            width=2.5,
        ),
        Points(name="taken", xy=taken, radius=6.5, colour="truth"),
        Polylines(
            name="refused",
            key="r",
            xy=(refused[:, :, None] + cross).astype(np.float32),
            colour="class8",
            width=4.0,
        ),
    )


def _over_time(config: Walkers, what: tuple[Summary, Summary], steps: np.ndarray) -> Panel:
    """The crowd's number at each step, and what it should be."""
    x, name = steps.astype(float), NAMES[config.against]
    ends = np.array([0.0, float(config.walk_length)])
    if config.is_far:
        top, title = 100.0, "In the right lump, %"
    else:
        formula = ula_variance(config.walk_step) if config.target == "gaussian" else 1.0
        top, title = 1.5 * max(1.0, min(formula, MOST)), "Variance"
    lines: list[Layer] = [
        Polylines(name="truth", key="t", xy=_level(ends, truth(config)), colour="truth", dashed=True, width=2.0)
    ]
    if config.target == "gaussian":
        law = ula_moments(0.0, config.walk_step, config.walk_length)[1]
        xy = np.stack([x, np.where(law <= top, law, np.nan)], axis=1)[None]
        lines.append(Polylines(name="ULA, by its law", key="u", xy=xy, colour="muted", dashed=True, width=2.0))
    for label, key, one, colour in (("ULA", "l", what[0], "model"), (name, "m", what[1], "class0")):
        lines.append(Curve(name=label, key=key, x=x, y=np.where(one.value <= top, one.value, np.nan), colour=colour))
    return chart(title, tuple(lines), (0.0, float(config.walk_length)), (0.0, top), x_label="step", share=0.75)


def _level(ends: np.ndarray, value: float) -> np.ndarray:
    return np.stack([ends, np.full(2, value)], axis=1)[None]
