"""Gradient descent by the gradient that pretends: z_e goes from cell to cell, and what calls it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Panel, Points, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.fields import slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.codes import toy
from dashboard.scenes.codes.toy import PLANE, Toy, decode, gradient, loss

STEPS, RATE = 80, 0.02
STILL = 1e-3  # so little a step is rest
after_drag = toy.after_drag


@dataclass(frozen=True)
class Config(Toy):
    """The toy, and β."""

    beta: float = slider("Commitment β", 0.0, 0.0, 10.0, 0.5)


class Walk(NamedTuple):
    """z_e at each step, its words, the next step's length; and the word that would be best for x.

    Attributes:
        z: ``(F, 2)``.
        words: ``(F,)``.
        length: ``(F,)``.
        best: The code whose output is nearest to x.
    """

    z: np.ndarray
    words: np.ndarray
    length: np.ndarray
    best: int


def walk(config: Config) -> Walk:
    """z_e ← z_e − η (∂‖x − g(e_k)‖²/∂e_k + 2 β (z_e − e_k)); the codes stand still."""
    book, z = config.made().book, config.z
    slopes, places, words, lengths = gradient(book.codes, config.x), [], [], []
    for _ in range(STEPS + 1):
        k = int(book.nearest(z))
        step = RATE * (slopes[k] + 2 * config.beta * (z - book.codes[k]))
        places.append(z)
        words.append(k)
        lengths.append(np.linalg.norm(step))
        z = z - step
    best = int(loss(book.codes, config.x).argmin())
    return Walk(np.array(places), np.array(words), np.array(lengths), best)


def scene(config: Config) -> Scene:
    """A step of gradient descent is a frame."""
    made, went = config.made(), walk(config)
    codes = made.book.codes[went.words]
    lost, apart = loss(codes, config.x), np.square(went.z - codes).sum(axis=1)
    return Scene(
        panels=(
            _cells(config, went),
            toy.outputs(
                config,
                made,
                (
                    Polylines(
                        name="error",
                        key="o",
                        xy=np.stack([decode(codes), np.broadcast_to(config.x, codes.shape)], axis=1)[:, None],
                        colour="truth",
                        dashed=True,
                        width=2,
                    ),
                    Points(name="output x̂", xy=decode(codes)[:, None], radius=9, colour="model"),
                ),
            ),
            _curves(lost, apart),
        ),
        steps=np.arange(STEPS + 1),
        time="step",
        readouts=(
            Readout("code k", went.words, "", 0),
            Readout("loss ‖x − x̂‖²", lost, "", 3),
            Readout("‖z_e − e_k‖²", apart, "", 3),
            Readout("length of the next step", went.length, "", 4),
        ),
        **said(STEPS + 1, *_claims(config, went)),
        alt="The encoder's point goes over the cells of a code book step by step; its output jumps.",
        fps=12,
        handles=toy.handles(config),
    )


def code(config: Config) -> str:
    """The steps by the pretended gradient."""
    return snippet(
        *toy.code_of(config),
        "words, apart = [], []",
        f"for step in range({STEPS + 1}):",
        "    k = int(book.nearest(z))",
        "    words.append(k)",
        "    apart.append(((z - book.codes[k]) ** 2).sum())",
        f"    z = z - {RATE} * (slope(book.codes[k]) + 2 * {config.beta} * (z - book.codes[k]))",
        "shown = {",
        "    'code k': np.array(words), '‖z_e − e_k‖²': np.array(apart),",
        "    'loss ‖x − x̂‖²': np.array([((x - g(book.codes[k])) ** 2).sum() for k in words]),",
        "}",
    )


def _claims(config: Config, went: Walk) -> list[Claim | str]:
    best, gone = went.words == went.best, np.abs(went.z).max(axis=1) > PLANE[1]
    free = config.beta == 0
    rests = went.length < STILL
    return [
        Claim("Out of the picture: with β = 0 nothing calls z_e back to its code.", gone & free),
        Claim("At rest, in the cell whose output is nearest to x: both gradients add up to 0.", best & rests),
        Claim("No output is nearer to x than this one. z_e goes on all the same.", best),
        Claim("At rest, although another code's output is nearer to x: both gradients add up to 0.", rests),
        "Each step follows the copy of the gradient at the code, and z_e crosses borders by it.",
    ]


def _cells(config: Config, went: Walk) -> Panel:
    made = config.made()
    layers = (
        Polylines(
            name="cell of z_e", xy=made.cells[went.words][:, None], closed=True, filled=True, colour="model", width=3
        ),
        *toy.ground(made),
        *toy.numbered(made.book.codes, made.book.codes, "codes", "e"),
        Points(name="z_e", key="z", xy=went.z[:, None], radius=7, colour="model", trail=STEPS),
    )
    return plane("z: where the copied gradient leads", layers, PLANE, PLANE, share=1.3, labels=("z₁", "z₂"))


def _curves(lost: np.ndarray, apart: np.ndarray) -> Panel:
    steps = np.arange(len(lost), dtype=float)
    curves = (
        Curve(name="‖x − x̂‖²", key="l", x=steps, y=lost, colour="data"),
        Curve(name="‖z_e − e_k‖²", key="a", x=steps, y=apart, colour="model"),
    )
    top = 1.1 * float(max(lost.max(), min(apart.max(), 2 * lost.max()), 1))
    return chart("The loss, and how far from its code", curves, (0, STEPS), (0, top), x_label="step", share=0.9)
