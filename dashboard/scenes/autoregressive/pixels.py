"""A digit pixel by pixel: what comes next, given what is there; and the rest of a digit that is half covered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import (
    Claim,
    Curve,
    Field,
    Handle,
    Layer,
    Panel,
    Polylines,
    Readout,
    Scene,
    chart,
    first_true,
    said,
)
from dashboard.scene.contours import level_lines
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, placed, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import SIDE, binary, flat, framed, picture
from genmodels.pixel_ar.runtime import DrawConfig, ForwardPixelCNN, PixelModel, forward_pixels, iterate_pixels
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

MODELS = {
    "cnn": "PixelCNN, by rows",
    "made": "MADE, by rows",
    "made-random": "MADE, in a random order",
    "fvsbn": "Logistic autoregression, by rows",
}
PIXELS = SIDE * SIDE
ANSWERS = 9
NOT_YET = 60
"""The grey of what is not drawn yet, of 0 (paper) … 255 (ink)."""


@dataclass(frozen=True)
class Config:
    """Whose pixels, which digit, and how much of it is given: as many pixels as so many rows have."""

    model: str = choice("Model", "cnn", MODELS)
    digit: int = slider("Test digit", 7, 0, 499, 1)
    rows: int = placed(14, 0, SIDE - 1)
    seed: int = 0

    @property
    def checkpoint(self) -> str:
        """Where the model is stored."""
        return f"pixel-{self.model}"


class Drawn(NamedTuple):
    """From what is given to nine whole pictures, a frame a pixel.

    Attributes:
        order: Which pixel is drawn first, second, …, ``(784,)``.
        known: Pixels that are there, ``(F, 784)`` bool.
        images: ``(F, 9, 784)``, 0 or 1; 0 where nothing is drawn yet.
        p: Of ink, as the model has said it of each pixel of the first picture, ``(F, 784)``; NaN for later ones.
        paid: −log p of what was drawn, ``(F, 9)``, nats.
        paid_by_digit: The same of the digit's own pixels, ``(F,)``.
    """

    order: np.ndarray
    known: np.ndarray
    images: np.ndarray
    p: np.ndarray
    paid: np.ndarray
    paid_by_digit: np.ndarray


def model_of(config: Config) -> PixelModel:
    """The stored network."""
    return cache.made(_model, config.checkpoint)


def _model(stored: Checkpoint) -> PixelModel:
    return forward_pixels(stored.arrays, stored.entry.config)


def drawn(config: Config) -> Drawn:
    """The nine answers."""
    model, x = model_of(config), flat(binary().images[[config.digit]])
    given = np.zeros(PIXELS, dtype=bool)
    given[model.order[: SIDE * config.rows]] = True
    states = list(iterate_pixels(model, DrawConfig(ANSWERS, seed=config.seed), x, given))
    own = -model.log_prob_of_pixels(x)[0][model.order[SIDE * config.rows :]]
    paid = -np.array([state.log_prob for state in states])
    return Drawn(
        model.order,
        np.array([state.known for state in states]),
        np.array([state.images for state in states], dtype=np.uint8),
        np.array([_said(state.probabilities[0], state.known, state.next_pixel) for state in states]),
        paid - paid[0],
        np.concatenate([[0.0], np.cumsum(own)]),
    )


def _said(p: np.ndarray, known: np.ndarray, next_pixel: int) -> np.ndarray:
    """p of the pixels known and of the next one, NaN elsewhere."""
    asked = known.copy()
    if next_pixel >= 0:
        asked[next_pixel] = True
    return np.where(asked, p, np.nan)


def scene(config: Config) -> Scene:
    """The pixel that comes next is the time axis."""
    model, all_drawn = model_of(config), drawn(config)
    pixels = np.arange(SIDE * config.rows, PIXELS + 1)
    following = np.append(all_drawn.order, -1)[pixels]
    p_next = np.where(following >= 0, all_drawn.p[np.arange(len(pixels)), following], np.nan)
    return Scene(
        panels=(
            _lead(config, model, all_drawn, following),
            _answers(all_drawn),
            _field(all_drawn.p),
            _costs(pixels, all_drawn),
        ),
        steps=pixels,
        time="pixel",
        readouts=(
            Readout("p(ink) of the next pixel", p_next),
            Readout("−log p of the first answer's new pixels", all_drawn.paid[:, 0], "nats", 1),
            Readout("−log p of the digit's own", all_drawn.paid_by_digit, "nats", 1),
        ),
        **said(len(pixels), *_claims(config, model, all_drawn)),
        alt="A digit of which a part is given, completed pixel by pixel, nine times; beside it the probability of "
        "ink that the model has said of each pixel, and what the pixels have cost so far.",
        fps=40,
        handles=(Handle("rows given", np.array([SIDE, SIDE - config.rows]), free="y", snap=1),),
    )


def code(config: Config) -> str:
    """The stored model completes the digit nine times."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.pixel_ar.runtime import DrawConfig, complete, forward_pixels",
        "from genmodels.store.checkpoint import load",
        f"stored = load({config.checkpoint!r})",
        "model = forward_pixels(stored.arrays, stored.entry.config)",
        f"x = load_binarised_mnist().test.images[[{config.digit}]].reshape(1, 784)",
        "given = np.zeros(784, dtype=bool)",
        f"given[model.order[: 28 * {config.rows}]] = True  # what the model draws first",
        f"drawn = complete(model, x, given, DrawConfig({ANSWERS}, seed={config.seed}))",
        "answers = drawn.images.reshape(-1, 28, 28)",
        "costs = -model.log_prob_of_pixels(np.concatenate([drawn.images[:1], x]))[:, ~given].sum(axis=1)",
        "shown = {",
        "    'Nine answers': 255 * np.pad(answers, [(0, 0), (1, 1), (1, 1)]),  # 255 is ink",
        "    '−log p of the first answer\\'s new pixels': costs[0],",
        "    '−log p of the digit\\'s own': costs[1],",
        "}",
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after more or fewer rows were given."""
    rows = SIDE - round(float(handle(values, "rows given")[1]))
    return replace(config, rows=int(np.clip(rows, 0, SIDE - 1)))


def sentences(config: Config) -> tuple[str, ...]:
    """What the digit itself costs; which order is the better one."""
    of_digit = -model_of(config).log_prob_of_pixels(flat(binary().images[[config.digit]]))[0]
    unknown = model_of(config).order[SIDE * config.rows :]
    by_rows, random = (cache.load(f"pixel-{name}").entry.metrics["test_nats"] for name in ("made", "made-random"))
    return (
        f"log p(x) is a sum, so that a part of it can be asked: of this digit's {of_digit.sum():.1f} nats, the "
        f"{len(unknown)} pixels that are not given cost {of_digit[unknown].sum():.1f}, given the others: no bound, "
        "no sampling, one pass through the network.",
        "Two orders are two models. Of a test digit MADE by rows needs "
        f"{by_rows:.1f} nats, in a random order {random:.1f}: "
        + first_true(
            Claim("rows are the better order here, and not by much.", by_rows < random <= by_rows + 3),
            Claim("rows are the better order here.", by_rows < random),
            Claim("an order without any sense is no worse here.", random <= by_rows),
        ),
    )


def _claims(config: Config, model: PixelModel, all_drawn: Drawn) -> list[Claim | str]:
    frames = len(all_drawn.paid)
    first, end = np.arange(frames) == 0, np.arange(frames) == frames - 1
    different = len({image.tobytes() for image in all_drawn.images[-1]})
    cheaper = int((all_drawn.paid[-1] < all_drawn.paid_by_digit[-1]).sum())
    given = (
        f"The first {SIDE * config.rows} pixels of its order are given" if config.rows else "Nothing is given"
    ) + f", {PIXELS - SIDE * config.rows} are asked for, one after the other."
    field = (
        f"The next pixel is a coin; its p depends on the pixels in the field, {model.reach} rows up at most."
        if isinstance(model, ForwardPixelCNN)
        else "The next pixel is a coin; its p depends on the pixels that are there, wherever they are."
    )
    return [
        Claim(given, first),
        Claim(
            f"Nine answers, {different} of them different; to the model {cheaper} of the nine are more probable than "
            "what the digit really was (press O).",
            end,
        ),
        field,
    ]


def reach(pixels: np.ndarray, far: int) -> np.ndarray:
    """What a model by rows sees of each pixel, as a closed line of corners ``(N, 6, 2)``; NaN for a pixel of −1.

    Args:
        pixels: ``(N,)``, numbers by rows from the top left.
        far: How many rows up, columns to either side, and pixels to the left.
    """
    row, column = np.divmod(pixels, SIDE)
    left, right = np.maximum(column - far, 0), np.minimum(column + far + 1, SIDE)
    top, upper, lower = SIDE - np.maximum(row - far, 0), SIDE - row, SIDE - row - 1
    corners = [(left, top), (right, top), (right, upper), (column, upper), (column, lower), (left, lower)]
    found = np.array(corners, dtype=float).transpose(2, 0, 1)
    found[pixels < 0] = np.nan
    return found


def _square(pixels: np.ndarray) -> np.ndarray:
    """Around each pixel, ``(N, 4, 2)``; NaN for a pixel of −1."""
    row, column = np.divmod(pixels, SIDE)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    found = np.stack([column, SIDE - row - 1], axis=1)[:, None] + corners.astype(float)
    found[pixels < 0] = np.nan
    return found


def _lead(config: Config, model: PixelModel, all_drawn: Drawn, following: np.ndarray) -> Panel:
    extent = (0.0, float(SIDE), 0.0, float(SIDE))
    shown = _shown(all_drawn)[:, :1]
    digit = 255.0 * binary().images[config.digit]
    layers: list[Layer] = [picture(shown, (0, SIDE), SIDE)]
    if np.array_equal(model.order, np.arange(PIXELS)):
        far = model.reach if isinstance(model, ForwardPixelCNN) else PIXELS
        layers.append(
            Polylines(
                name="what it sees",
                key="s",
                xy=reach(following, far)[:, None],
                closed=True,
                filled=True,
                colour="model",
            )
        )
    layers += [
        Polylines(name="next pixel", xy=_square(following)[:, None], closed=True, colour="model", width=3),
        Polylines(
            name="the digit itself",
            key="o",
            visible=False,
            xy=level_lines(digit[None, ::-1], extent, 128)[0],
            colour="truth",
            dashed=True,
            width=2,
        ),
    ]
    return Panel("The first of nine", tuple(layers), (0, SIDE + 0.5), (0, SIDE), axes=False)


def _shown(all_drawn: Drawn) -> np.ndarray:
    """The nine pictures so far, ``(F, 9, 28, 28)`` uint8."""
    pixels = np.where(all_drawn.known[:, None], 255 * all_drawn.images, NOT_YET).astype(np.uint8)
    return pixels.reshape(*pixels.shape[:2], SIDE, SIDE)


def _field(p: np.ndarray) -> Panel:
    extent = (0.0, float(SIDE), 0.0, float(SIDE))
    values = p.reshape(-1, SIDE, SIDE)[:, ::-1].astype(np.float32)
    layer = Field(name="p(ink)", values=values, extent=extent, limits=(0, 1))
    return Panel("p(ink), said before each pixel", (layer,), extent[:2], extent[2:], axes=False, share=0.6)


def _answers(all_drawn: Drawn) -> Panel:
    return Panel(
        "Nine answers", (picture(framed(_shown(all_drawn)), (0, 3), 1, 3),), (0, 3), (0, 3), axes=False, share=1.2
    )


def _costs(pixels: np.ndarray, all_drawn: Drawn) -> Panel:
    curves = (
        Curve(name="first answer", key="a", x=pixels, y=all_drawn.paid[:, 0], colour="model"),
        Curve(name="the digit", key="d", x=pixels, y=all_drawn.paid_by_digit, colour="truth", dashed=True),
    )
    most = max(float(all_drawn.paid[-1, 0]), float(all_drawn.paid_by_digit[-1]), 1.0)
    return chart(
        "−log p of the new pixels so far",
        curves,
        (int(pixels[0]), PIXELS),
        (0, 1.1 * most),
        x_label="pixel",
        y_label="nats",
        share=0.6,
    )
