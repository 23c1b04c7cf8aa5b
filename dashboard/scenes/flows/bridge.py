r"""Two lumps, one Gaussian: the thread of density that stays between them, and why it must.

g carries z to x, and stretches a small step by L at most. A line Γ in the plane of x that parts the lumps, with a
share α of the mass on one side, is the image of a line Γ′ in z, which has the same shares on its sides. A step dn
across Γ′ becomes one of L dn at most across Γ, and the mass between is the same, so that

    ∫_Γ p_x ds  ≥  1/L ∫_Γ′ p_z ds  ≥  φ(Φ⁻¹(α)) / L,

the last by the Gaussian isoperimetric inequality: of all lines that part N(0, I) so, a straight one meets the least
density. Whoever wants nothing on Γ needs L without end. Here L is the largest stretch on Γ′, which suffices.

α, too, is an integral along Γ′: with z in polar coordinates, ∫ e^(−r²/2) dθ / 2π, but for a whole number.

Sources: Sudakov & Tsirelson (1974) and Borell (1975), *Inventiones mathematicae* 30, for the inequality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Curve, Field, Handle, Panel, Polylines, Readout, Scene, chart, drag, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import Extent, cell_centres, level_lines
from dashboard.scene.fields import choice, placed
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.flows import carried
from dashboard.scenes.flows.setup import STORED, Config
from dashboard.scenes.planar import PLANE
from genmodels.data.planar import get_dataset
from genmodels.flows.flow import Flow, FlowConfig
from genmodels.gaussian import LOG_2PI
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

DATA = {name: STORED[name] for name in ("moons", "ffjord8")}
LUMPS = {"far": "Far apart", "near": "Neighbours"}
ENDS = {
    ("moons", "far"): ((0.0, 1.0), (1.0, -0.5)),
    ("moons", "near"): ((0.0, 1.0), (0.0, 0.5)),
}
"""Where a thread begins and ends, in raw coordinates."""
FURTHER = {"far": 4, "near": 1}
"""How many lumps further on than the first it ends, where there are eight."""
COUNTS = (1, 2, 4, 8)
EXTENT: Extent = (*PLANE, *PLANE)
CELLS, COARSE, LEAST, HIGHEST, EDGE = 64, 48, -12.0, -0.5, -6.0
PLACES, SOUGHT, ON_CUT, REACH, SHOWN = 161, 4, 601, 4.0, (-3.2, 3.2)
LESS = 0.98
"""By which factor ∫ p has to be smaller for a sentence to say so."""
DEEP = -32.0
"""Below that a true log p is not drawn."""


@dataclass(frozen=True)
class Bridge(Config):
    """Between which lumps, and where on the thread.

    Args:
        lumps: Which two.
        along: The share of the thread's length at which the hand is, 0 … 1.
    """

    source: str = choice("Data", "moons", DATA)
    lumps: str = choice("A thread between lumps", "far", LUMPS)
    along: float = placed(0.5, 0.0, 1.0)


class Cut(NamedTuple):
    """What a flow has on the line that parts the lumps.

    Attributes:
        p: ``(ON_CUT,)``.
        crossing: ∫ p ds along it.
        stretch: The largest of ∂x/∂z on it.
        least: φ(Φ⁻¹(α)) ÷ stretch, which ``crossing`` cannot fall below.
    """

    p: np.ndarray
    crossing: float
    stretch: float
    least: float


class Still(NamedTuple):
    """What does not depend on the thread.

    Attributes:
        log_p: Of each flow, on cells, ``(F, CELLS, CELLS)``.
        edge: Where the true log p is EDGE, ``(S, 2, 2)``.
        line: The line that parts the lumps, ``(ON_CUT, 2)``.
        cuts: Of each flow.
        true_p: On the line.
        true_crossing: ∫ p ds of the truth.
    """

    log_p: np.ndarray
    edge: np.ndarray
    line: np.ndarray
    cuts: tuple[Cut, ...]
    true_p: np.ndarray
    true_crossing: float


class Thread(NamedTuple):
    """A line of z from lump to lump, in x: places ``(PLACES, 2)`` at even lengths, log p there of flow and truth."""

    x: np.ndarray
    log_p: np.ndarray
    true: np.ndarray


def scene(config: Bridge) -> Scene:
    """Flows of 1, 2, 4 and 8 layers, and the thread in each."""
    threads, still = _threads(_without_hand(config)), _still(config.source)
    at = round(config.along * (PLACES - 1))
    x, log_p, true = (np.stack(part) for part in zip(*threads, strict=True))
    crossing, stretch, least = (np.array([getattr(c, name) for c in still.cuts]) for name in Cut._fields[1:])
    return Scene(
        panels=(
            plane(
                "log p of the flow",
                (
                    Field(
                        name="log p",
                        key="d",
                        values=still.log_p,
                        extent=EXTENT,
                        limits=(LEAST, HIGHEST),
                        unit="nats",
                        alpha=0.85,
                    ),
                    Polylines(
                        name=f"true log p = −{-EDGE:g}", key="e", xy=still.edge, colour="truth", width=2, dashed=True
                    ),
                    Polylines(name="cut", key="c", xy=still.line[None], colour="ink", width=1.5),
                    Polylines(name="thread", key="h", xy=x[:, None].astype(np.float32), colour="model", width=2),
                ),
                PLANE,
                PLANE,
                share=1.4,
            ),
            _along(log_p, true, at),
            _across(still),
            _by_layers(crossing, still.true_crossing, least, stretch),
        ),
        steps=np.array(COUNTS),
        time="layers",
        readouts=(
            Readout("p here", np.exp(log_p[:, at]), digits=3, significant=True),
            Readout("true p here", np.exp(true[:, at]), digits=3, significant=True),
            Readout("∫ p along the cut", crossing, digits=4),
            Readout("at least φ(Φ⁻¹(α)) ÷ L", least, digits=2, significant=True),
            Readout("largest stretch L", stretch, digits=0),
        ),
        **said(len(COUNTS), *_sentences(crossing, still.true_crossing)),
        alt="The density of flows with 1, 2, 4 and 8 layers; a thread of it from lump to lump, and a cut across.",
        fps=1,
        handles=(Handle("thread", x[:, at]),),
    )


def code(config: Bridge) -> str:
    """The thread of the flow with eight layers, and what all of them have on the cut."""
    at = round(config.along * (PLACES - 1))
    return snippet(
        config.data_code(),
        flow_code(config.source),
        "from genmodels.gaussian import LOG_2PI",
        f"a, b = flow.forward({written(ends(config))})[0]  # from lump to lump",
        f"share = np.linspace(0, 1, {PLACES})",
        f"for _ in range({SOUGHT + 1}):  # places at even lengths along the thread",
        "    z = a + share[:, None] * (b - a)",
        "    x, log_det = flow.inverse(z)",
        "    length = np.append(0, np.linalg.norm(np.diff(x, axis=0), axis=1).cumsum())",
        f"    share = np.interp(np.linspace(0, length[-1], {PLACES}), length, share)",
        "p = np.exp(-LOG_2PI - (z**2).sum(axis=1) / 2 + log_det)",
        "true = np.exp(data.standard_log_prob(x))",
        f"shown = {{'p here': p[{at}], 'true p here': true[{at}], 'thread': x[None]}}",
    )


def told(config: Bridge) -> tuple[str, ...]:
    """What stands on the cut, of the flows and of the truth, and what it needs."""
    still = _still(config.source)
    crossing = ", ".join(f"{c.crossing:.4f}" for c in still.cuts)
    stretch = ", ".join(f"{c.stretch:.0f}" for c in still.cuts)
    need = NormalDist().pdf(0) / still.true_crossing
    return (
        f"With 1, 2, 4 and 8 layers ∫ p along the cut is {crossing}, of the truth {still.true_crossing:.4f}: these "
        f"lumps touch, a little. L is {stretch}. To have no more than the truth there, with half of the mass on "
        f"either side, a flow needs an L of {need:.1f} or more.",
    )


def after_drag(config: Bridge, values: Mapping[str, Any]) -> Bridge:
    """The place on the thread that is nearest to the hand, in the frame in which it is held."""
    threads = np.stack([thread.x for thread in _threads(_without_hand(config))])
    here, before = threads[:, round(config.along * (PLACES - 1))], drag.handle(values, "thread", "before")
    frame = carried.frame_of(here, before)
    nearest = int(np.square(threads[frame] - drag.handle(values, "thread")).sum(axis=1).argmin())
    return replace(config, along=nearest / (PLACES - 1))


# --- flows, threads and cuts --------------------------------------------------------------------------------


def stored(config: Bridge) -> tuple[str, ...]:
    """The checkpoint of the flows of these data."""
    return (f"flow-thin-{config.source}",)


def flows(source: str) -> tuple[Flow, ...]:
    """Those with 1, 2, 4 and 8 layers."""
    return cache.made(_of, f"flow-thin-{source}")


def _of(checkpoint: Checkpoint) -> tuple[Flow, ...]:
    found = []
    for count in COUNTS:
        own = {name.removeprefix(f"{count}."): a for name, a in checkpoint.arrays.items()}
        found.append(Flow(own, FlowConfig(**{**checkpoint.entry.config, "n_layers": count})))
    return tuple(found)


def flow_code(source: str) -> str:
    """The last of :func:`flows` in Python: ``flow``."""
    count = COUNTS[-1]
    return (
        "from genmodels.flows.flow import Flow, FlowConfig\nfrom genmodels.store.checkpoint import load\n"
        f"found = load('flow-thin-{source}')\n"
        f"arrays = {{name.removeprefix('{count}.'): array for name, array in found.arrays.items()}}\n"
        "flow = Flow(arrays, FlowConfig(**found.entry.config))"
    )


def _without_hand(config: Bridge) -> Bridge:
    return Bridge(config.source, lumps=config.lumps)


@lru_cache(maxsize=4)
def _still(source: str) -> Still:
    data, those = get_dataset(source), flows(source)
    at, coarse, line = cell_centres(EXTENT, CELLS), cell_centres(EXTENT, COARSE), cut(source)
    true_p = np.exp(data.standard_log_prob(line))
    return Still(
        np.stack([np.maximum(flow.log_prob(at), LEAST) for flow in those])
        .reshape(-1, CELLS, CELLS)
        .astype(np.float32),
        level_lines(data.standard_log_prob(coarse).reshape(1, COARSE, COARSE), EXTENT, EDGE)[0].astype(np.float32),
        line,
        tuple(_cut(flow, line) for flow in those),
        true_p,
        _integral(true_p, line),
    )


def cut(source: str) -> np.ndarray:
    """A line that parts the lumps, half of the mass on either side, ``(ON_CUT, 2)`` at even lengths, standardised.

    Between eight lumps on a circle it is straight. Between the moons it goes around the tip of one and then of the
    other, each half a circle of radius 1/2.
    """
    data = get_dataset(source)
    if data.centres is not None:
        angle = np.pi / len(data.centres)
        return np.linspace(-REACH, REACH, ON_CUT)[:, None] * [np.cos(angle), np.sin(angle)]
    straight, bend = REACH * data.scale, np.pi / 2
    length = np.linspace(-straight - bend, straight + bend, ON_CUT)  # 0 in the middle between the moons
    beyond, turn = np.maximum(np.abs(length) - bend, 0), np.minimum(np.abs(length), bend) / 0.5
    half = np.stack([0.5 - 0.5 * np.cos(turn), beyond - 0.5 * np.sin(turn)], axis=1)
    return data.standardise(np.array([0.5, 0.25]) + np.sign(length)[:, None] * half)


def _cut(flow: Flow, line: np.ndarray) -> Cut:
    p, z = np.exp(flow.log_prob(line)), flow.forward(line)[0]
    stretch = float(1 / np.linalg.svd(flow.jacobian(line), compute_uv=False)[:, -1].min())
    share = _share(z) % 1
    normal = NormalDist()
    return Cut(p, _integral(p, line), stretch, normal.pdf(normal.inv_cdf(share)) / stretch)


def _share(z: np.ndarray) -> float:
    """P(N(0, I) on one side of a line that comes from far off and goes there), but for a whole number."""
    turn = np.angle((z[1:] @ [1, 1j]) / (z[:-1] @ [1, 1j]))
    squared = np.square((z[1:] + z[:-1]) / 2).sum(axis=1)
    return float((np.exp(-squared / 2) * turn).sum() / (2 * np.pi))


def _integral(p: np.ndarray, line: np.ndarray) -> float:
    return float(((p[1:] + p[:-1]) / 2 * np.linalg.norm(np.diff(line, axis=0), axis=1)).sum())


def ends(config: Bridge) -> np.ndarray:
    """Where the thread begins and ends, ``(2, 2)``, standardised."""
    data = get_dataset(config.source)
    if data.centres is not None:
        return data.standardise(data.centres[[0, FURTHER[config.lumps]]])
    return data.standardise(np.array(ENDS[config.source, config.lumps]))


@lru_cache(maxsize=8)
def _threads(config: Bridge) -> tuple[Thread, ...]:
    data, both = get_dataset(config.source), ends(config)
    found = [_thread(flow, both) for flow in flows(config.source)]
    return tuple(Thread(x, log_p, data.standard_log_prob(x)) for x, log_p in found)


def _thread(flow: Flow, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image of a straight line of z: at first at even shares of it, then where its image has even lengths."""
    a, b = flow.forward(ends)[0]
    share = np.linspace(0, 1, PLACES)
    for _ in range(SOUGHT):
        x = flow.inverse(a + share[:, None] * (b - a))[0]
        length = np.append(0, np.linalg.norm(np.diff(x, axis=0), axis=1).cumsum())
        share = np.interp(np.linspace(0, length[-1], PLACES), length, share)
    z = a + share[:, None] * (b - a)
    x, log_det = flow.inverse(z)
    return x, -LOG_2PI - 0.5 * np.square(z).sum(axis=1) + log_det


# --- what is said, and the charts ---------------------------------------------------------------------------


def _sentences(crossing: np.ndarray, true: float) -> list[Claim | str]:
    """How much of p lies on the cut: beside the truth, and beside fewer layers."""
    before = np.append(np.inf, np.minimum.accumulate(crossing)[:-1])
    told: list[Claim | str] = []
    for k, count in enumerate(COUNTS):
        here = np.arange(len(COUNTS)) == k
        layers = f"{count} layers" if count > 1 else "One layer"
        says = f"{layers}: on the cut ∫ p is {crossing[k]:.4f} (of the truth {true:.4f})"
        if count > 1:
            told.append(Claim(f"{says}, less than with fewer layers.", here & (crossing < LESS * before)))
        told.append(Claim(f"{says}.", here))
    return told


def _along(log_p: np.ndarray, true: np.ndarray, at: int) -> Panel:
    """log p on the thread, over the share of its length."""
    share = np.linspace(0, 1, PLACES)
    low = float(max(min(true.min(), log_p.min()), DEEP)) - 1
    high = float(max(true.max(), log_p.max())) + 1
    hand = np.array([[[share[at], low], [share[at], high]]])
    return chart(
        "log p along the thread",
        (
            Polylines(name="", xy=hand, colour="muted", width=1),
            _line("true", "t", share, true, "truth", dashed=True),
            _line("flow", "m", share, log_p, "model"),
        ),
        (0.0, 1.0),
        (low, high),
        x_label="share of its length",
        y_label="nats",
        share=0.9,
    )


def _across(still: Still) -> Panel:
    """p on the cut, over the length along it."""
    length = np.linalg.norm(np.diff(still.line, axis=0), axis=1).cumsum()
    length = np.append(0, length) - length[-1] / 2
    p = np.stack([c.p for c in still.cuts])
    return chart(
        "p along the cut",
        (
            _line("flow", "m", length, p, "model"),
            _line("true", "t", length, np.broadcast_to(still.true_p, p.shape), "truth", dashed=True),
        ),
        SHOWN,
        (0.0, 1.1 * float(max(p.max(), still.true_p.max()))),
        x_label="length along it",
        share=0.9,
    )


def _line(name: str, key: str, x: np.ndarray, y: np.ndarray, colour: str, dashed: bool = False) -> Polylines:
    xy = np.stack([np.broadcast_to(x, y.shape), y], axis=-1)[:, None].astype(np.float32)
    return Polylines(name=name, key=key, xy=xy, colour=colour, width=2, dashed=dashed)


def _by_layers(crossing: np.ndarray, true: float, least: np.ndarray, stretch: np.ndarray) -> Panel:
    x, every = np.array(COUNTS, dtype=float), np.concatenate([crossing, least, stretch, [true]])
    return chart(
        "More layers",
        (
            Curve(name="largest stretch L", key="s", x=x, y=stretch, colour="data"),
            Curve(name="∫ p along the cut", key="o", x=x, y=crossing, colour="model"),
            Curve(name="of the truth", key="u", x=x, y=np.full(len(x), true), colour="truth", dashed=True),
            Curve(name="at least", key="l", x=x, y=least, colour="muted"),
        ),
        (0.5, 9.5),
        (0.4 * float(every.min()), 2.5 * float(every.max())),
        x_label="layers",
        y_scale="log",
        share=0.9,
    )
