"""From the data to the noise and back, layer by layer: who moves what, and by how much each stretches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Diagram, Edge, Handle, Node, Panel, Points, Polylines, Readout, Scene, drag, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.colours import hue
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.flows import carried
from dashboard.scenes.flows.setup import STORED, Config, flow_code, learned, moves
from dashboard.scenes.planar import PLANE
from genmodels.data.planar import get_dataset
from genmodels.flows.flow import Flow
from genmodels.gaussian import LOG_2PI

FRAMES, POINTS, SIDE, PIECES, SALT = 30, 500, 0.5, 4, 22
WIDE = 0.8


@dataclass(frozen=True)
class Layers(Config):
    """Data, and the place of the probe among them."""

    source: str = choice("Data", "moons", STORED)


class Way(NamedTuple):
    """What does not depend on the probe, in each of F frames from x to z.

    Attributes:
        lines: The lattice of z, ``(F, P, L, 2)``.
        data: Points of the data, ``(F, N, 2)``.
        draws: Draws of z, where they are after as many layers, ``(F, N, 2)``.
    """

    lines: np.ndarray
    data: np.ndarray
    draws: np.ndarray


def scene(config: Layers) -> Scene:
    """There, from data to noise, and back, from fresh noise; the probe goes both ways."""
    flow, way = learned(config.source), _way(Layers(config.source, seed=config.seed))
    parts = _parts(flow)
    passed = carried.stops(flow.n_layers, parts)
    both = np.concatenate([passed, passed[::-1]])
    there = np.arange(len(both)) < len(passed)
    x = np.array([[config.x_1, config.x_2]])
    points, by_layer = flow.path(x)
    probe = _there_and_back(carried.carried(points, parts)[:, 0])
    so_far = _there_and_back(carried.log_dets(by_layer, parts)[:, 0])
    log_z = float(-LOG_2PI - 0.5 * np.square(points[-1]).sum())
    total, one = float(by_layer.sum()), np.ones(len(both))
    data = get_dataset(config.source)
    truth = float(data.standard_log_prob(x)[0])
    return Scene(
        panels=(
            plane(
                "From data to noise, and back",
                (
                    Polylines(
                        name="lattice of z",
                        key="g",
                        xy=_there_and_back(way.lines),
                        colour="muted",
                        width=0.8,
                        alpha=0.5,
                    ),
                    _coloured("data", "d", way.data, there),
                    _coloured("fresh noise", "n", way.draws, ~there),
                    Points(name="", xy=probe[:, None], radius=6, colour="ink"),
                ),
                PLANE,
                PLANE,
                share=1.5,
            ),
            _ledger(flow, by_layer[:, 0], log_z, both),
            _chain(flow, both, there),
        ),
        steps=np.arange(len(both)),
        time="frame",
        readouts=(
            Readout("log p_z(z)", log_z * one, "nats", 3),
            Readout("Σ log |det J|", total * one, "nats", 3),
            Readout("log p_x(x)", (log_z + total) * one, "nats", 3),
            Readout("true log p(x)", truth * one, "nats", 3),
            Readout("Σ of the layers passed", so_far, "nats", 3),
        ),
        **said(len(both), *_sentences(flow, both, there)),
        alt="Data are carried to noise layer by layer and fresh noise back; beside it what each layer adds to log p.",
        fps=8,
        handles=(Handle("x", probe, probe=True),),
    )


def code(config: Layers) -> str:
    """log p of the probe, layer by layer."""
    return snippet(
        config.data_code(),
        flow_code(config.source),
        "from genmodels.gaussian import LOG_2PI",
        f"x = {written(np.array([[config.x_1, config.x_2]]))}  # the probe",
        "points, log_det = flow.path(x)  # after 0 … K layers, and log |det| of each",
        "log_z = -LOG_2PI - (points[-1] ** 2).sum() / 2",
        "true = data.standard_log_prob(x)[0]",
        "shown = {",
        "    'log p_z(z)': log_z, 'Σ log |det J|': log_det.sum(), 'log p_x(x)': log_z + log_det.sum(),",
        "    'true log p(x)': true,",
        "}",
    )


def after_drag(config: Layers, values: Mapping[str, Any]) -> Layers:
    """The probe's place among the data, from where the hand has it in the frame in which it is held."""
    flow = learned(config.source)
    path = carried.carried(flow.path(np.array([[config.x_1, config.x_2]]))[0], _parts(flow))[:, 0]
    passed = carried.stops(flow.n_layers, _parts(flow))[carried.frame_of(path, drag.handle(values, "x", "before"))]
    at = np.clip(drag.handle(values, "x"), *PLANE)
    x = np.clip(carried.undone(config.source, at, float(passed)), *PLANE).round(3)
    return replace(config, x_1=float(x[0]), x_2=float(x[1]))


def _parts(flow: Flow) -> int:
    """Frames for each layer."""
    return max(1, FRAMES // flow.n_layers)


def _there_and_back(frames: np.ndarray) -> np.ndarray:
    return np.concatenate([frames, frames[::-1]])


@lru_cache(maxsize=4)
def _way(config: Layers) -> Way:
    flow = learned(config.source)
    lines, draws = carried.lattice(SIDE, PIECES), config.noise(POINTS, SALT)
    from_z = flow.inverse_path(np.concatenate([lines.reshape(-1, 2), draws]))[::-1]
    from_x = flow.path(config.points(POINTS, SALT))[0]
    frames = carried.carried(np.concatenate([from_z, from_x], axis=1), _parts(flow)).astype(np.float32)
    line, draw, data = np.split(frames, np.cumsum([lines.size // 2, len(draws)]), axis=1)
    return Way(line.reshape(len(frames), *lines.shape), data, draw)


def _coloured(name: str, key: str, frames: np.ndarray, shown: np.ndarray) -> Points:
    """Points by the angle of their z; where they are not the ones that move, there are none."""
    z = frames[-1]
    xy = np.where(shown[:, None, None], _there_and_back(frames), np.nan).astype(np.float32)
    return Points(name=name, key=key, xy=xy, values=hue(z), radius=3)


def _ledger(flow: Flow, by_layer: np.ndarray, log_z: float, passed: np.ndarray) -> Panel:
    """A column for each layer, which begins where the one before has ended, then log p_z, and the sum of all."""
    layers = flow.n_layers
    parts = np.append(by_layer, log_z)
    ends = parts.cumsum()
    starts = ends - parts
    total = float(ends[-1])
    share = np.clip(passed[:, None] - np.arange(layers), 0, 1)
    now = starts[:layers] + np.log1p(share * np.expm1(by_layer))
    arrived = passed == layers
    tops = np.column_stack([now, np.where(arrived, ends[-1], starts[-1]), np.where(arrived, total, 0.0)])
    bases = np.append(starts, 0.0)
    boxes = _boxes(np.broadcast_to(bases, tops.shape), tops)
    low, high = min(0.0, *ends, *starts), max(0.0, *ends, *starts)
    room = 0.08 * (high - low) + 0.05
    key = 0.25 * (high - low)
    rising = np.append(parts > 0, False)
    sums = np.arange(layers + 2) >= layers
    whole = _boxes(bases, np.append(ends, total))
    return Panel(
        "log p, layer by layer",
        (
            Polylines(name="", xy=whole, colour="muted", width=1.0, closed=True),
            _filled("stretches", "a", boxes, rising & ~sums, "class0"),
            _filled("squeezes", "b", boxes, ~rising & ~sums, "model"),
            _filled("log p", "t", boxes, sums, "data"),
        ),
        (-0.7, layers + 1.7),
        (low - room, high + room + key),
        equal=False,
        y_label="nats",
        x_names=(*(str(k + 1) for k in range(layers)), "p_z", "p_x"),
        share=1.2,
    )


def _filled(name: str, key: str, boxes: np.ndarray, which: np.ndarray, colour: str) -> Polylines:
    xy = np.where(which[:, None, None], boxes, np.nan).astype(np.float32)
    return Polylines(name=name, key=key, xy=xy, colour=colour, width=2, closed=True, filled=True)


def _boxes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Columns from low to high, ``(…, B)`` each: outlines ``(…, B, 4, 2)``."""
    x = np.arange(low.shape[-1]) + WIDE * np.array([[-0.5], [0.5], [0.5], [-0.5]])  # (4, B)
    y = np.stack([low, low, high, high], axis=-1)
    return np.stack([np.broadcast_to(x.T, y.shape), y], axis=-1)


def _chain(flow: Flow, passed: np.ndarray, there: np.ndarray) -> Panel:
    """Data, layers with the coordinate that each moves, noise; what is at work is lit."""
    layers = flow.n_layers
    texts = ("x: data", *(f"{k + 1} moves {moves(flow, k)}" for k in range(layers)), "z: noise")
    nodes = tuple(Node(text, (0.0, -1.4 * k), (2.6, 0.9), round=k in (0, layers + 1)) for k, text in enumerate(texts))
    edges = tuple(Edge(k, k + 1) for k in range(layers + 1))
    at_work = np.where(there, np.ceil(passed), np.floor(passed) + 1)
    at_work = np.where(passed == 0, 0, np.where(passed == layers, layers + 1, at_work))
    lit = at_work[:, None] == np.arange(layers + 2)
    diagram = Diagram(
        name="", nodes=nodes, edges=edges, active=np.concatenate([lit, np.zeros((len(passed), len(edges)))], axis=1)
    )
    return Panel("Now", (diagram,), (-1.4, 1.4), (-1.4 * (layers + 1) - 0.6, 0.6), axes=False, share=0.3)


def _sentences(flow: Flow, passed: np.ndarray, there: np.ndarray) -> list[Claim | str]:
    layers = flow.n_layers
    told: list[Claim | str] = [
        Claim("Data, coloured by the angle of the noise that each becomes.", there & (passed == 0)),
        Claim(f"All {layers} layers passed: noise. The lattice of z is straight.", there & (passed == layers)),
        Claim("Fresh noise: other points. Now the layers are undone, the last first.", ~there & (passed == layers)),
        Claim("Fresh noise has become new data; the probe is where it was.", ~there & (passed == 0)),
    ]
    for k in range(layers):
        by = f"layer {k + 1} moves {moves(flow, k)}, by a curve that the other coordinate chooses."
        told.append(Claim(f"There: {by}", there & (passed > k) & (passed <= k + 1)))
        told.append(Claim(f"Back: {by}", ~there & (passed >= k) & (passed < k + 1)))
    return told
