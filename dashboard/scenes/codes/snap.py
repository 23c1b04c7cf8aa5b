"""An encoder's point over the cells of a code book: the output stands still, then jumps; a gradient that pretends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Arrows, Claim, Panel, Points, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.codes import toy
from dashboard.scenes.codes.toy import PLANE, STEP, Made, Toy, decode, gradient, loss

FINE = 641
TINY = 1e-6  # of the differences that the true gradient is taken by
after_drag = toy.after_drag


@dataclass(frozen=True)
class Config(Toy):
    """Nothing but the toy."""


def scene(config: Config) -> Scene:
    """One frame: where z_e is, what comes out, and the loss along its line."""
    made, z, x = config.made(), config.z, config.x
    k = int(made.book.nearest(z))
    code = made.book.codes[k]
    pretended = gradient(code, x)
    next_k = int(made.book.nearest(z - STEP * pretended))
    here, there = (float(loss(made.book.codes[j], x)) for j in (k, next_k))
    true = true_gradient(made, z, x)
    return Scene(
        panels=(_cells(config, made, k, pretended), _outputs(config, made, k), _stairs(made, z, x, pretended[0])),
        steps=np.array([0]),
        time="frame",
        readouts=(
            Readout("code k", k, "", 0),
            Readout("bits", np.log2(config.codes), "", 2),
            Readout("‖z_e − e_k‖", float(np.linalg.norm(z - code)), "", 3),
            Readout("loss ‖x − x̂‖²", here, "", 3),
            Readout("true gradient", float(np.linalg.norm(true)), "", 3),
            Readout("pretended gradient", float(np.linalg.norm(pretended)), "", 3),
        ),
        **said(
            1,
            Claim("On a border of two cells: here the loss has no gradient.", not np.isfinite(true).all()),
            Claim("The arrow at z_e ends in another cell, whose output is nearer to x.", there < here),
            Claim("The arrow at z_e ends in another cell, whose output is no nearer to x.", next_k != k),
            "The arrow at z_e ends in the same cell: gone that way, x̂ has not moved.",
        ),
        alt="The cells of a code book with the encoder's point; decoded codes and the datum; the loss as a stair.",
        fps=1,
        handles=toy.handles(config),
    )


def code(config: Config) -> str:
    """The nearest code, its loss, and both gradients."""
    return snippet(
        *toy.code_of(config),
        "k = book.nearest(z)",
        "loss = lambda z: ((x - g(book.quantise(z))) ** 2).sum()",
        f"true = [(loss(z + h) - loss(z - h)) / {2 * TINY} for h in {TINY} * np.eye(2)]",
        "shown = {",
        "    'code k': k, 'bits': np.log2(book.n_codes), '‖z_e − e_k‖': np.linalg.norm(z - book.codes[k]),",
        "    'loss ‖x − x̂‖²': loss(z), 'true gradient': np.linalg.norm(true),",
        "    'pretended gradient': np.linalg.norm(slope(book.codes[k])),  # taken at the code",
        "}",
    )


def true_gradient(made: Made, z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of ‖x − g(e_k)‖² for z, ``(2,)``, by central differences; NaN on a border, where there is none."""
    places = z + TINY * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    words = made.book.nearest(places)
    if (words != words[0]).any():
        return np.full(2, np.nan)
    values = loss(made.book.codes[words], x)
    return (values[::2] - values[1::2]) / (2 * TINY)


def _cells(config: Config, made: Made, k: int, pretended: np.ndarray) -> Panel:
    code, z = made.book.codes[k], config.z
    layers = (
        Polylines(name="cell of z_e", xy=made.cells[[k]], closed=True, filled=True, colour="model", width=3),
        *toy.ground(made),
        Polylines(name="", xy=np.array([[[PLANE[0], z[1]], [PLANE[1], z[1]]]]), dashed=True,
                  colour="truth", width=1.2),
        Polylines(name="", xy=np.array([[z, code]]), colour="model", width=2),
        *toy.numbered(made.book.codes, made.book.codes, "codes", "e"),
        Arrows(name="−0.1 × gradient at e_k", key="g", start=code[None], delta=-STEP * pretended[None],
               colour="class0", width=3),
        Arrows(name="its copy at z_e", key="t", start=z[None], delta=-STEP * pretended[None],
               colour="model", width=3),
    )  # fmt: skip
    return plane("z: drag z_e over the cells", layers, PLANE, PLANE, share=1.3, labels=("z₁", "z₂"))


def _outputs(config: Config, made: Made, k: int) -> Panel:
    out = decode(made.book.codes[k])
    more = (
        Polylines(name="error", key="o", xy=np.array([[out, config.x]]), colour="truth", dashed=True, width=2),
        Points(name="output x̂", xy=out[None], radius=9, colour="model"),
    )
    return toy.outputs(config, made, more, share=1.1)


def _stairs(made: Made, z: np.ndarray, x: np.ndarray, slope: float) -> Panel:
    """The loss as z₁ goes from one side to the other: with the code book, without it, and the pretended slope."""
    along = np.stack([np.linspace(*PLANE, FINE), np.full(FINE, z[1])], axis=1)
    stair, smooth = loss(made.book.quantise(along), x), loss(along, x)
    here = float(loss(made.book.quantise(z), x))
    reach = np.array([-0.6, 0.6])
    top = 1.1 * float(max(stair.max(), 1.0))
    tangent = np.stack([z[0] + reach, here + slope * reach], axis=1)
    layers = (
        Polylines(name="without a code book", key="w", xy=np.stack([along[:, 0], smooth], axis=1)[None],
                  colour="muted", dashed=True),
        Polylines(name="with it", key="b", xy=np.stack([along[:, 0], stair], axis=1)[None], colour="data", width=3),
        Polylines(name="pretended slope", key="s", xy=tangent[None], colour="model", width=3),
        Points(name="", xy=np.array([[z[0], here]]), radius=7, colour="ink"),
    )  # fmt: skip
    return chart("‖x − x̂‖² along the dashed line", layers, PLANE, (0, top), x_label="z₁", share=0.9)
