"""One square of a lattice, carried from the noise to the data: its area changes, its mass cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import erf, sqrt
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Curve, Handle, Panel, Points, Polylines, Readout, Scene, chart, drag, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice, placed
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.flows import carried
from dashboard.scenes.flows.setup import STORED, Config, flow_code, learned, moves, opening
from dashboard.scenes.planar import PLANE
from genmodels.flows.flow import Flow
from genmodels.gaussian import LOG_2PI

SIDES = {0.5: "1/2", 0.25: "1/4", 0.125: "1/8"}
FRAMES, PIECES, DOTS, FINE, LENS = 48, 12, 500, 100, 2.5
NEAR = 0.05
"""By which share area × density may differ from the mass for a sentence to say that it has stayed."""


@dataclass(frozen=True)
class Cell(Config):
    """Which square of z.

    Args:
        side: Of the lattice's squares, in z.
        cell_1, cell_2: A place in the square, in z.
    """

    source: str = choice("Data", "moons", STORED)
    side: float = choice("Side of a cell, in z", 0.5, SIDES)
    cell_1: float = placed(1.0, -3.0, 3.0)
    cell_2: float = placed(-1.0, -3.0, 3.0)

    @property
    def index(self) -> int:
        """The number of the square that holds the place."""
        return int(np.abs(carried.centres(self.side) - [self.cell_1, self.cell_2]).max(axis=1).argmin())

    @property
    def centre(self) -> np.ndarray:
        """Of that square, ``(2,)``."""
        return carried.centres(self.side)[self.index]


class Carried(NamedTuple):
    """What does not depend on the cell, in each of F frames from z to x.

    Attributes:
        lines: The lattice, ``(F, P, L, 2)``.
        centres: Of its squares, ``(F, C, 2)``.
        dots: Draws of z, ``(F, N, 2)``.
    """

    lines: np.ndarray
    centres: np.ndarray
    dots: np.ndarray


class Measured(NamedTuple):
    """The cell itself, in each of F frames.

    Attributes:
        outline: Its edges, ``(F, E, 2)``.
        linear: What the map's derivative at the centre makes of the square, four corners: ``(F, 4, 2)``.
        centre: ``(F, 2)``.
        density: At the centre, ``(F,)``.
        mass: The probability that z is in the square.
    """

    outline: np.ndarray
    linear: np.ndarray
    centre: np.ndarray
    density: np.ndarray
    mass: float


def scene(config: Cell) -> Scene:
    """Layers undone, from the last to the first; one square under the hand."""
    flow, everywhere, here = learned(config.source), _carried(_without_cell(config)), _measured(config)
    passed = carried.stops(flow.n_layers, _parts(flow))
    area, linear = _areas(here.outline), _areas(here.linear)
    product, one = area * here.density, np.ones(len(passed))
    return Scene(
        panels=(
            plane(
                "A lattice of z, on its way to the data",
                (
                    Polylines(name="lattice", key="g", xy=everywhere.lines, colour="muted", width=0.8, alpha=0.7),
                    Points(name="draws of z", key="d", xy=everywhere.dots, radius=2, alpha=0.6),
                    _filled("the cell", "c", here.outline),
                    Points(name="draws in it", key="i", xy=_inside(config, everywhere), radius=3, colour="model"),
                ),
                PLANE,
                PLANE,
                share=1.5,
            ),
            _lens(here),
            _chart(passed, area, here.density, product, here.mass),
        ),
        steps=np.arange(len(passed)),
        time="frame",
        readouts=(
            Readout("area of the cell", area, digits=5),
            Readout("density at its centre", here.density, digits=5),
            Readout("area × density", product, digits=6),
            Readout("parallelogram's area × density", linear * here.density, digits=6),
            Readout("mass of the cell", here.mass * one, digits=6),
        ),
        **said(len(passed), *_sentences(flow, passed, area, product / here.mass)),
        alt="A lattice that is bent layer by layer; one of its cells, its area, its density, their product.",
        fps=8,
        handles=(Handle("cell", everywhere.centres[:, config.index]),),
    )


def code(config: Cell) -> str:
    """The cell among the data: its area by the shoelace formula, its density by the change of variables."""
    return snippet(
        flow_code(config.source),
        "import numpy as np",
        "from genmodels.gaussian import LOG_2PI",
        f"centre, side, n = {written(config.centre)}, {config.side}, {FINE}  # a square of z, n points a side",
        "edge = np.stack([np.linspace(-1, 1, n, endpoint=False), np.full(n, -1)], axis=1)",
        "quarter = np.array([[0, -1], [1, 0]])  # of a turn",
        "square = np.concatenate([edge @ np.linalg.matrix_power(quarter, k).T for k in range(4)]) * side / 2",
        "x = flow.inverse(centre + square)[0]",
        "after = np.roll(x, -1, axis=0)",
        "area = abs((x[:, 0] * after[:, 1] - x[:, 1] * after[:, 0]).sum()) / 2",
        "log_det = flow.inverse(centre[None])[1][0]  # log |det ∂z/∂x|",
        "density = np.exp(-LOG_2PI - (centre**2).sum() / 2 + log_det)",
        "shown = {",
        "    'area of the cell': area, 'density at its centre': density, 'area × density': area * density,",
        '    "parallelogram\'s area × density": side**2 * np.exp(-log_det) * density,',
        "}",
    )


def after_drag(config: Cell, values: Mapping[str, Any]) -> Cell:
    """The cell that is nearest to the hand, in the frame in which it is held."""
    places = _carried(_without_cell(config)).centres
    frame = carried.frame_of(places[:, config.index], drag.handle(values, "cell", "before"))
    nearest = np.square(places[frame] - drag.handle(values, "cell")).sum(axis=1).argmin()
    z = carried.centres(config.side)[nearest]
    return replace(config, cell_1=float(z[0]), cell_2=float(z[1]))


def _parts(flow: Flow) -> int:
    """Frames for each layer."""
    return max(1, FRAMES // flow.n_layers)


def _without_cell(config: Cell) -> Cell:
    return Cell(config.source, seed=config.seed, side=config.side)


@lru_cache(maxsize=8)
def _carried(config: Cell) -> Carried:
    flow = learned(config.source)
    lines, squares = carried.lattice(config.side, round(PIECES * config.side * 2)), carried.centres(config.side)
    dots = np.clip(config.noise(DOTS, 21), -4, 4)
    sizes = np.cumsum([lines[..., 0].size, len(squares)])
    frames = carried.carried(flow.inverse_path(np.concatenate([lines.reshape(-1, 2), squares, dots])), _parts(flow))
    line, square, dot = np.split(frames, sizes, axis=1)
    return Carried(line.reshape(len(frames), *lines.shape).astype(np.float32), square, dot.astype(np.float32))


def _inside(config: Cell, everywhere: Carried) -> np.ndarray:
    """The draws that begin in the cell; the others are nowhere."""
    inside = (np.abs(everywhere.dots[0] - config.centre) < config.side / 2).all(axis=1)
    return np.where(inside[:, None], everywhere.dots, np.nan).astype(np.float32)


def _measured(config: Cell) -> Measured:
    flow, centre, half = learned(config.source), config.centre, config.side / 2
    parts = _parts(flow)
    frames = carried.carried(flow.inverse_path(centre + np.concatenate([half * _square(FINE), [[0, 0]]])), parts)
    outline, place = frames[:, :-1], frames[:, -1]
    by_layer = flow.path(place[-1:])[1][::-1]
    log_p = -LOG_2PI - 0.5 * np.square(centre).sum() - carried.log_dets(-by_layer, parts)[:, 0]
    linear = place[:, None] + half * _square(1) @ np.swapaxes(_derivatives(config.source, place[-1]), 1, 2)
    return Measured(outline, linear, place, np.exp(log_p), _mass(centre, half))


def _derivatives(source: str, x: np.ndarray) -> np.ndarray:
    """∂(place in each frame)/∂z at the z of x, ``(F, 2, 2)``; between two layers it is as linear as the place."""
    layers = learned(source).n_layers
    by_x = [np.eye(2), *(opening(source, k).jacobian(x[None])[0] for k in range(1, layers + 1))]
    return carried.carried(np.stack(by_x[::-1]), _parts(learned(source))) @ np.linalg.inv(by_x[-1])


def _square(n: int) -> np.ndarray:
    """Once around the square −1 … 1, from its lower left corner, n points a side, ``(4 n, 2)``."""
    edge = np.stack([np.linspace(-1, 1, n, endpoint=False), np.full(n, -1.0)], axis=1)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    return np.concatenate([edge @ np.linalg.matrix_power(quarter, k).T for k in range(4)])


def _areas(outline: np.ndarray) -> np.ndarray:
    """Inside of polygons ``(F, E, 2)``, by the shoelace formula, ``(F,)``."""
    after = np.roll(outline, -1, axis=1)
    return np.abs((outline[..., 0] * after[..., 1] - outline[..., 1] * after[..., 0]).sum(axis=1)) / 2


def _mass(centre: np.ndarray, half: float) -> float:
    """P(z in the square): a product of two differences of Φ."""
    phi = [[0.5 * (1 + erf(float(c + sign * half) / sqrt(2))) for sign in (-1, 1)] for c in centre]
    return (phi[0][1] - phi[0][0]) * (phi[1][1] - phi[1][0])


def _sentences(flow: Flow, passed: np.ndarray, area: np.ndarray, share: np.ndarray) -> list[Claim | str]:
    """Which layer is undone; what has become of the area; how near area × density is to the mass."""
    layers, near = flow.n_layers, np.abs(share - 1) < NEAR
    still = "area × density is still near its mass."
    told: list[Claim | str] = []
    for k in range(layers):
        here = (passed > k) & (passed <= k + 1)
        layer = layers - 1 - k
        undone = f"Layer {layer + 1} of {layers} is undone, which moves {moves(flow, layer)} only."
        wide, narrow = area > area[0], area < area[0]
        told += [
            Claim(f"{undone} The cell is larger than in z, and thinner: {still}", here & wide & near),
            Claim(f"{undone} The cell is smaller than in z, and denser: {still}", here & narrow & near),
            Claim(f"{undone} The cell is bent: the density at its centre is not that of all of it.", here & ~near),
            Claim(undone, here),
        ]
    return [Claim("In z, a square. Its mass is the probability that a draw falls into it.", passed == 0), *told]


def _filled(name: str, key: str, outline: np.ndarray) -> Polylines:
    xy = outline[:, None].astype(np.float32)
    return Polylines(name=name, key=key, xy=xy, colour="model", width=2.5, closed=True, filled=True)


def _lens(here: Measured) -> Panel:
    """The cell around its centre, in each frame enlarged until the parallelogram has area 1."""
    centre, scale = here.centre[:, None], np.sqrt(_areas(here.linear))[:, None, None]
    corners = ((here.linear - centre) / scale).astype(np.float32)
    reach = float(np.clip(1.2 * np.abs(corners).max(), 1, LENS))
    return plane(
        "Enlarged: the cell and its tangent",
        (
            _filled("the cell", "c", (here.outline - centre) / scale),
            Polylines(
                name="tangent parallelogram",
                key="l",
                xy=corners[:, None],
                colour="truth",
                width=2,
                dashed=True,
                closed=True,
            ),
        ),
        (-reach, reach),
        (-reach, reach),
        share=0.8,
        labels=("", ""),
    )


def _chart(passed: np.ndarray, area: np.ndarray, density: np.ndarray, product: np.ndarray, mass: float) -> Panel:
    every = np.concatenate([area, density, product])
    ends = (0.0, float(passed[-1]))
    return chart(
        "What changes, and what cannot",
        (
            Polylines(name="mass", xy=np.array([[[x, mass] for x in ends]]), colour="truth", dashed=True),
            Curve(name="area", key="a", x=passed, y=area, colour="data"),
            Curve(name="density", key="e", x=passed, y=density, colour="class0"),
            Curve(name="area × density", key="p", x=passed, y=product, colour="model"),
        ),
        ends,
        (0.6 * float(every.min()), 1.8 * float(every.max())),
        x_label="layers undone",
        y_scale="log",
        share=0.8,
    )
