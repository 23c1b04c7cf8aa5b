"""Pairs nobody gave us: two rings, a map each way; both ways lead back, and the partners are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.colours import hue
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet
from genmodels.cycle import CycleConfig, iterate_cycle, turned

POINTS, STEPS, DRAWN = 36, 60, 12
CLOSED, NEAR = 0.005, 0.01  # losses below these count as 0
HELP = {"none": "Nothing more", "identity": "Identity loss", "pairs": "One known pair"}
SQUARE = (-1.75, 1.75)


@dataclass(frozen=True)
class Rings:
    """Where both maps start, where the true partners are, and what is asked beside the cycle."""

    help: str = choice("Beside the cycle", "none", HELP)
    start_forward: int = slider("G starts at, degrees", 140, -180, 180, 5)
    start_back: int = slider("F starts at, degrees", 40, -180, 180, 5)
    partner: int = slider("True partners at, degrees", 0, -180, 180, 5)

    def training(self) -> CycleConfig:
        """In radians."""
        forward, back, partner = np.deg2rad([self.start_forward, self.start_back, self.partner]).tolist()
        identity, pairs = float(self.help == "identity"), float(self.help == "pairs")
        return CycleConfig(forward, back, partner, identity=identity, pairs=pairs, n_steps=STEPS)


def scene(config: Rings) -> Scene:
    """Both maps are trained; points keep the colour of where they come from."""
    states = list(iterate_cycle(config.training()))
    angles = 2 * np.pi * np.arange(POINTS) / POINTS
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    partners = turned(x, np.deg2rad(config.partner))
    there = np.stack([turned(x, s.forward) for s in states])
    home = np.stack([turned(x, s.forward - s.back) for s in states])
    losses = {name: np.array([getattr(s, name) for s in states]) for name in ("cycle", "identity", "pairing")}
    some = slice(0, POINTS, POINTS // DRAWN)
    to_partner = np.stack([there[:, some], np.broadcast_to(partners[some], there[:, some].shape)], axis=2)
    turn = np.rad2deg(np.array([s.forward for s in states]) - np.deg2rad(config.partner))
    return Scene(
        panels=(
            _ring("X", (_dots("x", "x", x, x, 7.0),)),
            _ring(
                "Y: where G sends x",
                (
                    _dots("true partner", "p", partners, x, 11.0, 0.35),
                    Polylines(name="", xy=to_partner, colour="muted", width=1),
                    _dots("G(x)", "g", there, x, 5.0),
                ),
            ),
            _ring(
                "X again: F(G(x))",
                (_dots("x", "x", x, x, 11.0, 0.35), _dots("F(G(x))", "h", home, x, 5.0)),
            ),
            _losses(losses),
        ),
        steps=np.array([s.step for s in states]),
        time="step",
        readouts=(
            Readout("cycle loss", losses["cycle"], digits=3),
            Readout("identity loss", losses["identity"], digits=3),
            Readout("E|G(x) − partner|²", losses["pairing"], digits=3),
            Readout("G off by", np.abs((turn + 180) % 360 - 180), "°", 1),
        ),
        **said(len(states), *_sentences(losses["cycle"], losses["pairing"])),
        alt="Two rings and two maps between them: points keep the colour of where they come from; lines lead from "
        "where a point is sent to its true partner.",
        fps=12,
    )


def code(config: Rings) -> str:
    """Both maps trained."""
    helps = "" if config.help == "none" else f", {config.help}=1.0"
    return snippet(
        "import numpy as np",
        "from genmodels.cycle import CycleConfig, fit_cycle",
        f"forward, back, partner = np.deg2rad([{config.start_forward}, {config.start_back}, {config.partner}])",
        f"end = fit_cycle(CycleConfig(forward, back, partner{helps}, n_steps={STEPS}))",
        "shown = {",
        "    'cycle loss': end.cycle,",
        "    'identity loss': end.identity,",
        "    'E|G(x) − partner|²': end.pairing,",
        "}",
    )


def _dots(name: str, key: str, xy: np.ndarray, source: np.ndarray, radius: float, alpha: float = 1.0) -> Points:
    """Coloured by the angle of the x that each belongs to."""
    return Points(name=name, key=key, xy=xy.astype(np.float32), values=hue(source), radius=radius, alpha=alpha)


def _ring(title: str, layers: tuple) -> Panel:
    return plane(title, layers, SQUARE, SQUARE)


def _losses(losses: dict[str, np.ndarray]) -> Panel:
    layers = (
        Curve(name="cycle loss", key="c", y=losses["cycle"], colour="class0"),
        Curve(name="E|G(x) − partner|²", key="e", y=losses["pairing"], colour="model"),
    )
    top = 1.1 * float(max(losses["cycle"].max(), losses["pairing"].max(), 0.5))
    return chart("Losses", layers, (0, STEPS), (0, top), x_label="step", share=0.8)


def _sentences(cycle: np.ndarray, pairing: np.ndarray) -> list[Claim | str]:
    closed = cycle < CLOSED
    return [
        Claim("Both maps lead back, and each x is sent to its true partner.", closed & (pairing < CLOSED)),
        Claim("Both maps lead back, and not one x is sent to its true partner.", closed & (pairing >= NEAR)),
        Claim("Both maps lead back, and each x is sent near its true partner.", closed),
        "The two maps do not undo each other.",
    ]
