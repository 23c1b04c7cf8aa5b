"""An energy learned live: pushed down at data, pulled up where the model's own chains are; p_θ is drawn exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Field, Panel, Points, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.fields import choice, painted, slider
from dashboard.scene.own_points import OWN, is_painted
from dashboard.scene.snippet import called, settings, snippet
from dashboard.scene.units import in_units
from dashboard.scenes.planar import BOARD, FEW, TITLES, PlanarPoints, Split
from genmodels.data.planar import get_dataset
from genmodels.energy.network import Grid, Perceptron, cell_centres
from genmodels.energy.training import EnergyConfig, EnergyState, iterate_energy, langevin

METHODS = {
    "contrastive": "from the data (CD-k)",
    "persistent": "where they were (PCD)",
    "replay": "where they were, some anew",
    "exact": "nowhere: Z by a grid",
}
SOURCES = {name: TITLES[name] for name in ("moons", "ffjord8", "checkerboard", *OWN)}
STEPS, EVERY = 1_200, 20
REACH, CELLS = 8.0, 160  # of the grid that Z is summed over, standardised units
DEPTH, HILL = 6.0, 12.0  # nats that the colours of log p, and of E above its lowest, span
INSIDE = 0.999  # of the data's mass; what p_θ has elsewhere is where no data are
RIM, LEFT = 0.2, 0.001  # at the grid's edge, and the share of p there that a sum over the grid may leave out
NARROW = 0.3  # the share of p in one cell up to which a sum over cells is an integral (within 0.02 %)
STRAY, NEAR = 5.0, 0.05  # per cent there that is said; nats that are near
START = 1.8  # nats, about where KL begins


@dataclass(frozen=True)
class Learn(PlanarPoints):
    """Where the chains start, how many steps of which size they take, the learning rate, and the negative phase."""

    learner: ClassVar[str] = "energy"

    source: str = choice("Data", "moons", SOURCES)
    chains: str = choice("Chains start", "contrastive", METHODS)
    chain_steps: int = slider("Langevin steps k", 3, 1, 30, 1)
    chain_step: float = slider("Their ε", 0.005, 0.001, 0.05, 0.001)
    learn_rate: float = slider("log₁₀ learning rate", -2.4, -4.0, 0.0, 0.1)
    negative: float = slider("Weight of the negative phase", 1.0, 0.0, 1.0, 0.1)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)

    def training(self) -> EnergyConfig:
        """The energy and its training; one's own points are standardised already."""
        data: dict[str, Any] = {"standardise": False} if self.is_own else {"data": self.source}
        return EnergyConfig(
            **data,
            method=self.chains,
            chain_steps=self.chain_steps,
            chain_step=self.chain_step,
            adjusted=False,
            negative=self.negative,
            learning_rate=10.0**self.learn_rate,
            n_steps=STEPS,
            every=EVERY,
            seed=self.seed,
        )


class Truth(NamedTuple):
    """The data's density in the cells of the grid.

    Attributes:
        p: Mass of each cell.
        log_p: Log-density at its centre.
        empty: Whether it lies outside the smallest region with 99.9 % of the mass.
    """

    p: np.ndarray
    log_p: np.ndarray
    empty: np.ndarray


@lru_cache(maxsize=4)
def truth(source: str) -> Truth:
    """Of a known data set."""
    log_p = get_dataset(source).standard_log_prob(cell_centres(REACH, CELLS))
    p = np.exp(log_p)
    p /= p.sum()  # where a density jumps inside a cell, its middle speaks for all of it
    order = np.argsort(-p)
    empty = np.empty(len(p), dtype=bool)
    empty[order] = np.cumsum(p[order]) > INSIDE
    return Truth(p, log_p, empty)


class Shown(NamedTuple):
    """What an energy is worth: NaN where it cannot be said.

    Attributes:
        grid: p_θ on the grid.
        sure: Whether a sum over the grid is Z: p_θ neither reaches its edge nor is narrower than its cells.
        kl: KL(data ‖ p_θ), nats.
        stray: Of p_θ where no data are, %.
        held_out: Mean of −log p_θ of what is held out, nats.
    """

    grid: Grid
    sure: bool
    kl: float
    stray: float
    held_out: float


def shown(state: EnergyState, config: Learn, held_out: np.ndarray) -> Shown:
    """By quadrature."""
    with np.errstate(all="ignore"):  # at a learning rate of 1 anything may overflow: then it is not said
        energy = state.energy()
        grid = energy.on_grid(REACH, CELLS)
        at_edge = np.abs(grid.x).max(axis=1) > REACH - RIM
        share = np.exp(grid.log_p) * grid.area
        sure = bool(share[at_edge].sum() <= LEFT and share.max() <= NARROW)
        if not sure:
            return Shown(grid, sure, np.nan, np.nan, np.nan)
        nats = float(energy(held_out).mean()) + grid.log_z if len(held_out) else np.nan
    if config.is_own:
        return Shown(grid, sure, np.nan, np.nan, nats)
    data = truth(config.source)
    there = data.p > 0
    kl = float((data.p[there] * (data.log_p - grid.log_p)[there]).sum())
    stray = 100 * float(np.exp(grid.log_p[data.empty]).sum()) * grid.area
    return Shown(grid, sure, kl, stray, nats)


def check(config: Learn) -> None:
    """Raises a ValueError that says why this config cannot be trained."""
    config.split()
    config.training()


@in_units
def scenes(config: Learn) -> Iterator[Scene | None]:
    """One frame every few steps."""
    split = config.split()
    for state in iterate_energy(split.learned if config.is_own else None, config.training()):
        yield _scene(config, split, state, shown(state, config, split.held_out))


def _scene(config: Learn, split: Split, state: EnergyState, now: Shown) -> Scene:
    """One frame, its log-densities of the points' own units."""
    start, more = state.step == 0, config.units.log_scale
    numbers = [Readout("held-out nats", now.held_out + more, "a point", 3)]
    if not config.is_own:
        numbers += [
            Readout("KL(data ‖ p)", now.kl, "nats", 3),
            Readout("p where no data are", now.stray, "%", 1),
        ]
    numbers += [
        Readout("log Z", now.grid.log_z + more if now.sure else np.nan, "nats", 2),
        Readout("E(data) − E(chains)", state.contrast, "nats", 2),
    ]
    return Scene(
        panels=(_density(config, split, now), _energy(config, state, now), _chart(config, state.step, now)),
        steps=np.array([state.step]),
        time="step",
        readouts=tuple(numbers),
        **said(
            1,
            Claim("Nothing is learned yet: one wide Gaussian.", start),
            Claim(
                "p is too far out, or too narrow, for the grid that Z is summed over: nothing can be said.",
                not now.sure,
            ),
            Claim("Nothing pulls up: E falls at data, and nobody asks what it does elsewhere.", config.negative == 0),
            Claim(f"More than {STRAY:g} % of p lies where no data are.", now.stray > STRAY),
            Claim(f"Within {NEAR} nats of the data's density.", now.kl <= NEAR),
            "Down where data are, up where the model's own chains are.",
        ),
        alt="The exact density of an energy, the energy itself with its chains, and how far it is from the data.",
        fps=20,
    )


def _density(config: Learn, split: Split, now: Shown) -> Panel:
    """log p by colour, and the data."""
    (x0, x1), (y0, y1) = config.frame()
    less = config.units.log_scale
    top = 0.5 if config.is_own else float(truth(config.source).log_p.max())
    field = Field(
        name="log p(x)",
        key="p",
        values=_seen(now.grid.log_p - less, config),
        extent=_extent(config),
        limits=(top - DEPTH - less, top - less),
        unit="nats",
        alpha=0.85,
    )
    data = Points(name="data", key="d", xy=split.learned, radius=1.8, colour="data", alpha=0.55)
    return plane("p(x), with its Z", (field, data), (x0, x1), (y0, y1), share=1.4)


def _energy(config: Learn, state: EnergyState, now: Shown) -> Panel:
    """E above its lowest value, and where the chains are."""
    energy = -now.grid.log_p
    chains = state.chains if len(state.chains) else np.full((state.config.batch, 2), np.nan)
    layers = (
        Field(
            name="E(x) above its lowest",
            key="e",
            values=_seen(energy - energy.min(), config),
            extent=_extent(config),
            limits=(0.0, HILL),
            unit="nats",
            alpha=0.85,
        ),
        Points(name="chains", key="c", xy=chains[None], radius=2.5, colour="model"),
    )
    return plane("The energy, and its chains", layers, *config.frame(), share=1.4)


def _cells_seen(config: Learn) -> int:
    """How many cells from the middle on reach the edge of the picture."""
    farthest = np.abs(np.asarray(config.frame())).max()
    return min(math.ceil(farthest / (2 * REACH / CELLS) - 1e-9), CELLS // 2)


def _extent(config: Learn) -> tuple[float, float, float, float]:
    half = _cells_seen(config) * (2 * REACH / CELLS)
    return -half, half, -half, half


def _seen(values: np.ndarray, config: Learn) -> np.ndarray:
    """Of the grid's cells those in the picture, ``(1, C, C)``."""
    n = _cells_seen(config)
    middle = slice(CELLS // 2 - n, CELLS // 2 + n)
    square = np.where(np.isfinite(values), values, np.nan).reshape(CELLS, CELLS)[middle, middle]
    return square[None].astype(np.float32)


def _chart(config: Learn, step: int, now: Shown) -> Panel:
    at = np.array([float(step)])
    if config.is_own:
        more = config.units.log_scale
        curve = Curve(name="held-out nats", key="o", x=at, y=np.array([now.held_out + more]), colour="model")
        return chart("Nats a point", (curve,), (0, STEPS), (-1 + more, 4 + more), x_label="step")
    layers: tuple[Any, ...] = (
        Curve(name="KL(data ‖ p)", key="l", x=at, y=np.array([now.kl]), colour="model"),
        Curve(name="p where no data are", key="s", x=at, y=np.array([now.stray / 100]), colour="class1"),
        Polylines(name="", xy=np.array([[[0, 0], [STEPS, 0]]]), colour="truth", dashed=True),
    )
    return chart("Nats, and share of p", layers, (0, STEPS), (-0.05 * START, START), x_label="step")


def code(config: Learn) -> str:
    """The first steps of this training, and what the energy is worth after them."""
    more = " + log_scale" if config.units.own else ""
    numbers = [f"'log Z': grid.log_z{more},"]
    if not config.is_own or len(config.split().held_out):
        numbers.append(f"'held-out nats': energy(held_out).mean() + grid.log_z{more},")
    if not config.is_own:
        numbers.append("'KL(data ‖ p)': (p * (true - grid.log_p))[p > 0].sum(),")
    return snippet(
        "from genmodels.energy.training import EnergyConfig, iterate_energy",
        *config.split_code(),
        called("config = EnergyConfig", **settings(config.training())),
        f"step = {2 * EVERY}",
        f"states = iterate_energy({'learned' if config.is_own else 'None'}, config)",
        "energy = next(state for state in states if state.step == step).energy()",
        f"grid = energy.on_grid({REACH}, {CELLS})  # Z is a sum over its cells",
        "" if config.is_own else "true = data.standard_log_prob(grid.x)\np = np.exp(true) * grid.area",
        "shown = {",
        *(f"    {line}" for line in numbers),
        "}",
    )


def told(config: Learn) -> str:
    """How the numbers are known."""
    if not config.is_own:
        return (
            f"*KL* and *p where no data are* are sums over {CELLS} × {CELLS} cells; the second counts those outside "
            f"the smallest region with {100 * INSIDE:g} % of the data's mass, and a perfect p has 0.1 % there."
        )
    n = len(config.split().held_out) if config.has_two else 0
    apart = f"{n} of your points are held out" if n else f"With fewer than {FEW} points none is held out"
    return f"{apart}. Nobody knows the density that they came from."


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    return iterate_energy, langevin, Perceptron.add_gradient
