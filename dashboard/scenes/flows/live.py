"""A flow trained live: its density and its bent lattice form, and held-out nats fall towards the true density's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Field, Panel, Points, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import called, settings, snippet
from dashboard.scene.units import Pair, in_units, pair
from dashboard.scenes.flows.setup import Config
from dashboard.scenes.planar import FEW, HELD_OUT, Split
from genmodels.data.planar import get_dataset
from genmodels.flows.couplings import forward, inverse
from genmodels.flows.flow import Flow, FlowConfig
from genmodels.flows.training import iterate_flow, loss_and_gradient

KINDS = {"spline": "Splines", "affine": "Affine (RealNVP)"}
STEPS, EVERY, HIDDEN = 1_100, 20, (32, 32)
CELLS, LINES, FINE, SAMPLES = 40, 11, 50, 300
REACH = 3.0  # of the lattice of z
DEPTH = 6.0  # nats that the colours of log p span
NEAR, RISEN = 0.02, 0.1  # nats: so near to the true density is near; so far above the lowest so far is no chance
MARGIN = 0.35  # of the picture, around points of known data
GAUSSIAN = float(np.log(2 * np.pi * np.e))
"""Nats a point of standardised data under a round Gaussian: about where a flow begins."""


@dataclass(frozen=True)
class Live(Config):
    """What the layers are, how many of them, and the learning rate as a power of ten."""

    live_kind: str = choice("Layers are", "spline", KINDS)
    live_layers: int = slider("Layers K", 6, 1, 12, 1)
    live_rate: float = slider("log₁₀ learning rate", -2.2, -5.0, 0.0, 0.1)

    def training(self) -> FlowConfig:
        """The flow and its training; one's own points are standardised already."""
        data: dict[str, Any] = {"standardise": False} if self.is_own else {"data": self.source}
        return FlowConfig(
            **data,
            kind=self.live_kind,
            n_layers=self.live_layers,
            hidden=HIDDEN,
            learning_rate=10.0**self.live_rate,
            n_steps=STEPS,
            every=EVERY,
            seed=self.seed,
        )

    def frame(self) -> tuple[Pair, Pair]:
        """Axis ranges: those of one's own points, else what many points of the distribution lie in, and a margin."""
        return super().frame() if self.is_own else hugged(self.source)


class Shown(NamedTuple):
    """What a flow makes of the places that a frame looks at, in standard units.

    Attributes:
        density: log p, ``(CELLS, CELLS)``.
        lattice: Where the lines of z lie in x, ``(2 LINES, FINE + 1, 2)``.
        samples: ``(SAMPLES, 2)``, from the same noise in each frame.
        held_out: Nats a point; NaN where none is held out, or the density of one is no number.
    """

    density: np.ndarray
    lattice: np.ndarray
    samples: np.ndarray
    held_out: float


class Truth(NamedTuple):
    """The true density, in standard units: nats a point of what is held out, and the highest log p."""

    nats: float
    highest: float


@lru_cache(maxsize=16)
def hugged(source: str) -> tuple[Pair, Pair]:
    """Axis ranges for known data."""
    dataset = get_dataset(source)
    points = dataset.standardise(dataset.sample(4_000, np.random.default_rng(0)))
    x, y = np.stack([points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN], axis=1)
    return pair(x), pair(y)


def check(config: Live) -> None:
    """Raises a ValueError that says why this config cannot be trained."""
    config.split()
    config.training()


@in_units
def scenes(config: Live) -> Iterator[Scene | None]:
    """One frame every few steps."""
    split, known = config.split(), truth(config)
    lowest, then = np.inf, np.inf
    for state in iterate_flow(split.learned if config.is_own else None, config.training()):
        now = shown(state.flow(), config, split.held_out)
        if now.held_out < lowest:
            lowest, then = now.held_out, state.loss
        risen = now.held_out >= lowest + RISEN
        yield _scene(config, split, known, state.step, state.loss, now, (risen, risen and state.loss < then))


def shown(flow: Flow, config: Live, held_out: np.ndarray) -> Shown:
    """The density on a grid and of what is held out, the lattice, and samples."""
    (x0, x1), (y0, y1) = config.frame()
    at = cell_centres((x0, x1, y0, y1), CELLS)
    lines, z = lattice(), config.noise(SAMPLES)
    with np.errstate(all="ignore"):  # at a learning rate of 1 anything may overflow: then it is not drawn
        log_p = flow.log_prob(np.concatenate([at, held_out]))
        x = flow.inverse(np.concatenate([lines.reshape(-1, 2), z]))[0]
        nats = -log_p[len(at) :].mean() if len(held_out) else np.nan
    density, x = (np.where(np.isfinite(a), a, np.nan) for a in (log_p[: len(at)], x.astype(np.float32)))
    return Shown(
        density=density.reshape(CELLS, CELLS).astype(np.float32),
        lattice=x[: -len(z)].reshape(lines.shape),
        samples=x[-len(z) :],
        held_out=float(nats) if np.isfinite(nats) else np.nan,
    )


@lru_cache(maxsize=1)
def lattice() -> np.ndarray:
    """Lines of z along both axes, ``(2 LINES, FINE + 1, 2)``."""
    at, along = np.linspace(-REACH, REACH, LINES)[:, None], np.linspace(-REACH, REACH, FINE + 1)
    lines = np.stack(np.broadcast_arrays(at, along), axis=-1)
    return np.concatenate([lines, lines[..., ::-1]])


def truth(config: Live) -> Truth | None:
    """What is known of the data's density; None of one's own points."""
    if config.is_own:
        return None
    dataset, (x, y) = get_dataset(config.source), config.frame()
    places = (config.split().held_out, cell_centres((*x, *y), CELLS))
    held_out, on_grid = (dataset.standard_log_prob(z) for z in places)
    return Truth(-float(held_out.mean()), float(on_grid.max()))


def _scene(
    config: Live, split: Split, known: Truth | None, step: int, loss: float, now: Shown, risen: tuple[bool, bool]
) -> Scene:
    """One frame, its log-densities of the points' own units."""
    more, gap = config.units.log_scale, np.nan if known is None else now.held_out - known.nats
    numbers = [Readout("held-out nats", now.held_out + more, "a point", 3)]
    if known is not None:
        numbers.append(Readout("of the true density", known.nats, "a point", 3))
        numbers.append(Readout("gap", gap, "nats", 3))
    numbers.append(Readout("training nats", loss + more, "a point", 3))
    return Scene(
        panels=(
            _density(config, split, known, now),
            _lattice(config, split, now),
            _chart(config, known, step, loss, now),
        ),
        steps=np.array([step]),
        time="step",
        readouts=tuple(numbers),
        **said(
            1,
            Claim("Nothing is learned yet: every layer leaves the plane as it is, and x = z.", at_rest(now)),
            Claim(
                f"Held-out nats are {RISEN} or more above their lowest so far, training nats below those of then: it "
                "learns its points by heart.",
                risen[1],
            ),
            Claim(f"Held-out nats are {RISEN} or more above their lowest so far.", risen[0]),
            Claim(f"Within {NEAR} nats of the true density, which no model can pass but by chance.", gap <= NEAR),
            Claim(f"Fewer than {FEW} points: none is held out.", not len(split.held_out)),
            "Each cell of the lattice keeps its mass: pressed smaller, its mean p(x) is higher.",
        ),
        alt="The density of a flow, its bent lattice and the nats of held-out points while it is trained.",
        fps=20,
    )


def at_rest(now: Shown) -> bool:
    """Whether the flow is the identity."""
    return np.array_equal(now.lattice, lattice().astype(np.float32))


def _density(config: Live, split: Split, known: Truth | None, now: Shown) -> Panel:
    """log p(x) by colour, and the points."""
    (x0, x1), (y0, y1) = config.frame()
    less, top = config.units.log_scale, 0.5 if known is None else known.highest
    field = Field(
        name="log p(x)",
        key="p",
        values=now.density[None] - np.float32(less),
        extent=(x0, x1, y0, y1),
        limits=(top - DEPTH - less, top - less),
        unit="nats",
        alpha=0.85,
    )
    return plane("The density p(x), and the data", (field, *_points(config, split)), (x0, x1), (y0, y1), share=1.5)


def _points(config: Live, split: Split) -> tuple[Points, ...]:
    learned = Points(name="data", key="d", xy=split.learned, radius=1.8, colour="data", alpha=0.55)
    if not config.is_own or not len(split.held_out):
        return (learned,)
    return learned, Points(name="held out", key="h", xy=split.held_out, radius=2.5, colour="truth")


def _lattice(config: Live, split: Split, now: Shown) -> Panel:
    """The plane of z as the layers bend it."""
    lines = Polylines(name="lattice of z", key="l", xy=now.lattice[None], width=1.2, colour="model")
    samples = Points(name="samples", key="s", xy=now.samples[None], radius=2.5, colour="model", visible=False)
    return plane(
        "The lattice of z, bent to x", (*_points(config, split)[:1], lines, samples), *config.frame(), share=1.5
    )


def _chart(config: Live, known: Truth | None, step: int, loss: float, now: Shown) -> Panel:
    more, at = config.units.log_scale, np.array([float(step)])
    low = GAUSSIAN - 5 if known is None else known.nats - 0.15 * (GAUSSIAN - known.nats)
    layers: list[Any] = [
        Curve(name="training nats", key="t", x=at, y=np.array([loss + more]), colour="data"),
        Curve(name="held-out nats", key="o", x=at, y=np.array([now.held_out + more]), colour="model"),
    ]
    if known is not None:
        line = np.array([[[0, known.nats], [STEPS, known.nats]]])
        layers.append(Polylines(name="true density", key="e", xy=line, colour="truth", dashed=True))
    top = GAUSSIAN + 0.1 * (GAUSSIAN - low)
    return chart("Nats a point", tuple(layers), (0, STEPS), (low + more, top + more), x_label="step")


def code(config: Live) -> str:
    """The first steps of this training, and what the flow is worth after them."""
    points = "learned" if config.is_own else "None"  # fresh ones of the data set for each minibatch
    truth_of = "true = data.standard_log_prob(held_out)"
    more = " + log_scale" if config.units.own else ""
    shown = [f"'training nats': state.loss{more},"]
    if not config.is_own or len(config.split().held_out):
        shown.append(f"'held-out nats': -log_p.mean(){more},")
    if not config.is_own:
        shown += ["'of the true density': -true.mean(),", "'gap': (true - log_p).mean(),"]
    return snippet(
        "from genmodels.flows.flow import FlowConfig",
        "from genmodels.flows.training import iterate_flow",
        *config.split_code(),
        called("config = FlowConfig", **settings(config.training())),
        f"step = {2 * EVERY}",
        f"state = next(state for state in iterate_flow({points}, config) if state.step == step)",
        "flow = state.flow()",
        "log_p = flow.log_prob(held_out)",
        "" if config.is_own else truth_of,
        "shown = {",
        *(f"    {line}" for line in shown),
        f"    'samples': flow.inverse({config.noise_code(SAMPLES)})[0],",
        "}",
    )


def told(config: Live) -> str:
    """What the dashed line is; or why there is none, and what is held out."""
    known = truth(config)
    if known is not None:
        return (
            f"*Dashed*: the true density on the same {HELD_OUT:,} held-out points, {known.nats:.3f} nats a point. "
            "Its mean over fresh points is the entropy, below which no model's mean can be."
        )
    n = len(config.split().held_out) if config.has_two else 0
    apart = f"{n} of your points are held out" if n else f"With fewer than {FEW} points none is held out"
    return f"{apart}. Nobody knows the density that they came from, so there is no floor to compare with."


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    return iterate_flow, loss_and_gradient, forward, inverse
