"""An energy with three wells to drag: one is raised, and with Z every p(x) changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Field, Handle, Labels, Layer, Panel, Points, Polylines, Readout, Scene, chart, drag, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import Extent, cell_centres, level_lines
from dashboard.scene.fields import placed, slider
from dashboard.scene.snippet import snippet, written
from dashboard.scene.words import RAISED, number
from genmodels.langevin.targets import Wells, grid

PLANE = (-3.2, 3.2)
EXTENT: Extent = (*PLANE, *PLANE)
BOX = ((-8.0, 8.0), (-8.0, 8.0))  # of Z: all but e⁻¹⁴ of the bowl's mass
FINE = 120  # cells each way that tell Z beyond doubt
CELLS, FOR_LINES, ALONG = 44, 54, 161
DEPTH, WIDTH, BOWL = 5.0, 0.45, 1.5  # of well C; of all
PERCENT = np.arange(0, 101, 5)  # of its depth that C has lost
LEVELS = tuple(range(-5, 4))  # nats, of the lines of equal energy
ENERGIES = (-5.2, 5.5)  # nats, of the section
STILL, COARSE = 0.01, 1.0  # nats that are not seen; per cent by which Z may be off
DIMENSIONS = (2, 10, 784)


@dataclass(frozen=True)
class Landscape:
    """Where the wells and the probe are, how deep two of them, and how fine the grid for Z.

    Args:
        a_1, a_2, b_1, b_2, c_1, c_2: Places of the wells.
        at_1, at_2: The probe.
        depth: Of A and B, nats.
        cells: Of the grid for Z, each way.
    """

    a_1: float = placed(-1.6, *PLANE)
    a_2: float = placed(-0.9, *PLANE)
    b_1: float = placed(0.2, *PLANE)
    b_2: float = placed(1.7, *PLANE)
    c_1: float = placed(1.5, *PLANE)
    c_2: float = placed(-0.8, *PLANE)
    at_1: float = placed(-1.2, *PLANE)
    at_2: float = placed(1.0, *PLANE)
    depth: float = slider("Depth of A and B, nats", 4.0, 0.0, 5.0, 0.1)
    cells: int = slider("Grid for Z: cells each way n", 80, 4, 160, 4)

    def wells(self) -> Wells:
        """The landscape before C is raised."""
        return Wells(self.places(), [self.depth, self.depth, DEPTH], WIDTH, BOWL)

    def places(self) -> np.ndarray:
        """A, B and C, ``(3, 2)``."""
        return np.array([[self.a_1, self.a_2], [self.b_1, self.b_2], [self.c_1, self.c_2]])

    def at(self) -> np.ndarray:
        """The probe, ``(1, 2)``."""
        return np.array([[self.at_1, self.at_2]])


def energies(wells: Wells, x: np.ndarray) -> np.ndarray:
    """E in each frame at points ``(N, 2)``, ``(F, N)``: what C has lost is added."""
    lost = DEPTH * PERCENT / 100
    return wells.energy(x) + lost[:, None] * wells.bumps(x)[:, 2]


def normalisers(wells: Wells, cells: int) -> np.ndarray:
    """Z in each frame on a grid, ``(F,)``."""
    points, volume = grid(BOX, cells)
    near = wells.bumps(points)[:, 2] > 1e-12  # elsewhere nothing changes
    static = np.exp(-wells.energy(points[~near])).sum()
    return (static + np.exp(-energies(wells, points[near])).sum(axis=1)) * volume


def scene(config: Landscape) -> Scene:
    """Frame by frame well C is raised until it is gone."""
    wells = config.wells()
    z, exact = normalisers(wells, config.cells), normalisers(wells, FINE)
    across = np.stack([np.linspace(*PLANE, ALONG), np.full(ALONG, config.at_2)], axis=1)
    section, here = energies(wells, across), energies(wells, config.at())[:, 0]
    field = energies(wells, cell_centres(EXTENT, CELLS)).reshape(-1, CELLS, CELLS)
    p = np.exp(-field) / z[:, None, None]
    at_probe = np.exp(-here) / z
    off, one = (100 * (z / exact - 1)).round(3) + 0.0, np.ones(len(PERCENT))
    return Scene(
        panels=(
            _map(config, p),
            _energy(config, section, here),
            _density(config, np.exp(-section) / z[:, None], at_probe),
        ),
        steps=PERCENT,
        time="C raised, %",
        readouts=(
            Readout("E(x)", here, "nats"),
            Readout("Z", z, digits=2),
            Readout("p(x)", at_probe, digits=4),
            Readout("p(x), times as before", at_probe / at_probe[0], digits=3),
            Readout("error of Z", off, "%", 2),
            *(Readout(f"grid, d = {d}", digits_of(config.cells, d) * one, "digits", 0) for d in DIMENSIONS[1:]),
        ),
        **said(len(PERCENT), *_sentences(here, at_probe, off)),
        equation="p(x) = exp(−E(x)) ÷ Z = exp(−({E(x)})) ÷ {Z} = {p(x)}, at the cross-hair",
        alt="A plane coloured by p(x) with three wells, and sections of energy and density through the cross-hair.",
        fps=10,
        handles=(
            *(Handle(name, place) for name, place in zip("ABC", config.places(), strict=True)),
            Handle("x", config.at()[0], probe=True),
        ),
    )


def code(config: Landscape) -> str:
    """Z, and p at the probe, with C raised all the way."""
    return snippet(
        "import numpy as np",
        "from genmodels.langevin.targets import Wells, log_normaliser",
        f"places, x = {written(config.places())}, {written(config.at())}  # A, B, C; the cross-hair",
        f"def wells(c): return Wells(places, [{config.depth}, {config.depth}, c], {WIDTH}, {BOWL})",
        f"before, after = wells({DEPTH}), wells(0.0)",
        f"z_before, z = (np.exp(log_normaliser(w, {BOX}, {config.cells})) for w in (before, after))",
        f"exact = np.exp(log_normaliser(after, {BOX}, {FINE}))  # a finer grid",
        "p_before, p = (np.exp(-w.energy(x)[0]) / c for w, c in ((before, z_before), (after, z)))",
        "shown = {",
        "    'E(x)': after.energy(x)[0], 'Z': z, 'p(x)': p, 'p(x), times as before': p / p_before,",
        "    'error of Z': (100 * (z / exact - 1)).round(3),",
        "}",
    )


def digits_of(cells: int, dimensions: int) -> int:
    """How many digits the number of a grid's cells has: n to the power of d."""
    return len(str(cells**dimensions))


def told(config: Landscape) -> str:
    """What the grid costs in more dimensions."""
    n = config.cells
    seconds = n**10 / 1e9
    long = f"{number(seconds / 3.156e7, 2)} years" if seconds > 3.156e7 else f"{number(seconds, 2)} seconds"
    power = f"10{str(digits_of(n, 784) - 1).translate(RAISED)}"
    return (
        f"*Z by a grid* of n = {n} cells each way: {n**2:,} values of E in two dimensions. At a billion a second, "
        f"ten dimensions take {long}; the 784 pixels of a digit ask for {power} values and more. That is why Z is "
        "called unknown, though E can be computed anywhere."
    )


def after_drag(config: Landscape, values: Mapping[str, Any]) -> Landscape:
    """The config after a well or the probe was moved."""
    name = drag.moved(values)
    at = np.clip(drag.handle(values, name), *PLANE).round(2).tolist()
    prefix = {"A": "a", "B": "b", "C": "c", "x": "at"}[name]
    return replace(config, **{f"{prefix}_1": at[0], f"{prefix}_2": at[1]})


def _sentences(here: np.ndarray, at_probe: np.ndarray, off: np.ndarray) -> list[Claim | str]:
    rest = np.abs(here - here[0]) < STILL
    times = at_probe / at_probe[0]
    return [
        Claim("The grid is too coarse: Z is wrong by more than 1 %, and so is every p(x).", np.abs(off) > COARSE),
        Claim("Low energy, high density: p(x) = exp(−E(x)) ÷ Z, and Z is the volume under exp(−E).", PERCENT == 0),
        Claim(
            "C is raised. At the cross-hair E is what it was, and yet p has grown by more than a tenth.",
            rest & (times > 1.1),
        ),
        Claim("C is raised. At the cross-hair E is what it was, and yet p has grown.", rest & (times > 1)),
        Claim("The cross-hair is in reach of C: there E has grown, and p has fallen.", ~rest & (times < 1)),
        "C is raised: E grows near it, and Z falls.",
    ]


def _map(config: Landscape, p: np.ndarray) -> Panel:
    field = energies(config.wells(), cell_centres(EXTENT, FOR_LINES)).reshape(-1, FOR_LINES, FOR_LINES)
    lines = [level_lines(field, EXTENT, level) for level in LEVELS]
    pieces = np.concatenate(lines, axis=1).astype(np.float32)
    at = config.places() + np.array([0.0, 0.34])
    layers: tuple[Layer, ...] = (
        Field(
            name="density p(x)",
            key="d",
            values=p.astype(np.float32),
            extent=EXTENT,
            limits=(0.0, float(p.max())),
            alpha=0.9,
        ),
        Polylines(name="equal energy, 1 nat apart", key="e", xy=pieces, colour="muted", width=1.0, alpha=0.8),
        Polylines(
            name="section",
            key="s",
            xy=np.array([[[PLANE[0], config.at_2], [PLANE[1], config.at_2]]]),
            colour="truth",
            dashed=True,
            width=1.5,
        ),
        Labels(name="", at=at, texts=("A", "B", "C"), bold=True, size=1.3),
    )
    return plane("p(x) = exp(−E(x)) ÷ Z", layers, PLANE, PLANE, share=1.25)


def _energy(config: Landscape, section: np.ndarray, here: np.ndarray) -> Panel:
    """E along the section."""
    return _along("E(x) on the section", "E, nats", config, section, here, ENERGIES, "truth", "n")


def _density(config: Landscape, section: np.ndarray, here: np.ndarray) -> Panel:
    """p along the section."""
    return _along("p(x) on the section", "p", config, section, here, (0.0, 1.15 * float(section.max())), "model", "p")


def _along(
    title: str,
    label: str,
    config: Landscape,
    y: np.ndarray,
    here: np.ndarray,
    ends: tuple[float, float],
    colour: str,
    key: str,
) -> Panel:
    """A quantity on the section, and what it was before C was raised; what lies beyond the panel is left out."""
    x = np.broadcast_to(np.linspace(*PLANE, ALONG), y.shape)
    inside = np.where((y < ends[0]) | (y > ends[1]), np.nan, y)
    xy = np.stack([x, inside], axis=-1).astype(np.float32)[:, None]
    dot = np.stack([np.full(len(here), config.at_1), here], axis=-1).astype(np.float32)[:, None]
    layers = (
        Polylines(name="before", key="b", xy=xy[0], colour="muted", dashed=True, width=2.5),
        Polylines(name=label.partition(",")[0], key=key, xy=xy, colour=colour, width=3),
        Points(name="cross-hair", xy=dot, radius=6, colour="ink"),
    )
    return chart(title, layers, PLANE, ends, x_label="x₁", y_label=label, share=0.8)
