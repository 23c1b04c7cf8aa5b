"""What was behind the mask? A digit, a cover over it, and whole digits drawn from p(whole | part)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Bars, Brush, Handle, Images, Labels, Panel, Polylines, Readout, Scene, drag
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import outlines
from dashboard.scene.fields import Values, choice, painted, placed, slider, switch
from dashboard.scene.painted import decode_points, encode_points
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import BOARD, DIGITS, SIDE, binary_digit, flat, ink, picture, reached, strokes
from genmodels.data.digits import load_binarised_mnist
from genmodels.inverse.measurement import Mask
from genmodels.inverse.metrics import data_consistency
from genmodels.inverse.pictures import Pictures, Wiener, equally_likely
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint
from genmodels.vae.runtime import ForwardVAE

NEEDS = ("vae-conditional", "cnn")
COVERS = {"rectangle": "A rectangle", "painted": "Painted"}
BRUSH = 2.0  # radius, pixels
STYLES, SIGMA = 20, 0.1
ANSWERS, COLUMNS, SALT = 9, 3, 51
SURE, GOAL = 0.95, 30.0
STEPS = np.arange(ANSWERS + 2)  # answers that there are; at the last one the truth, too


EXAMPLE = strokes((5, 24), (23, 22), (5, 20), (23, 18), (5, 16), apart=1.2)
"""Over the upper half, for those who have not painted yet."""


def is_painted(values: Values) -> bool:
    """Whether the cover is painted."""
    return values["cover"] == "painted"


@dataclass(frozen=True)
class OfDigit:
    """Which test digit."""

    digit: int = choice("Digit", 4, {digit: f"a {digit}" for digit in range(10)})
    nth: int = slider("Which of the 50", 10, 1, 50, 1)

    def index(self) -> int:
        """Of the digit among the test images, whose classes go round."""
        return 10 * (self.nth - 1) + self.digit


@dataclass(frozen=True)
class Covered(OfDigit):
    """A test digit, and what is covered: between two corners, pixels from the lower left, or under a brush."""

    cover: str = choice("Cover", "rectangle", COVERS)
    strokes: str = painted(BOARD, default=EXAMPLE, when=is_painted)
    drawn: bool = switch("Draw each covered pixel, too")
    a_1: float = placed(3.0, *BOARD)
    a_2: float = placed(25.0, *BOARD)
    b_1: float = placed(25.0, *BOARD)
    b_2: float = placed(14.0, *BOARD)
    seed: int = 0

    def box(self) -> tuple[int, int, int, int]:
        """Left, right, lower and upper end of the rectangle, whole pixels: at least one either way."""
        ends = []
        for one, other in ((self.a_1, self.b_1), (self.a_2, self.b_2)):
            low = min(round(min(one, other)), SIDE - 1)
            ends += [low, max(round(max(one, other)), low + 1)]
        left, right, lower, upper = ends
        return left, right, lower, upper

    def seen(self) -> np.ndarray:
        """Which pixels are not covered, ``(784,)``; a brush covers those whose middle it reaches."""
        if self.cover == "painted":
            return (reached(self.painted()) >= BRUSH).ravel()
        left, right, lower, upper = self.box()
        seen = np.ones((SIDE, SIDE), dtype=bool)
        seen[SIDE - upper : SIDE - lower, left:right] = False
        return seen.ravel()

    def painted(self) -> np.ndarray:
        """Where the brush was, ``(N, 2)``."""
        return decode_points(self.strokes, BOARD, BOARD)[0]


class Prior(NamedTuple):
    """A decoder's pictures, and the class of each, ``(K,)``."""

    pictures: Pictures
    classes: np.ndarray


class Answers(NamedTuple):
    """Of a covered digit x ``(784,)``.

    Attributes:
        classes: p(class | part), ``(10,)``.
        x: Nine answers ``(9, 784)``.
        missed: Root mean square of what their pictures miss of the seen pixels, ``(9,)``; NaN if none is seen.
        mean: E[x | part], ``(784,)``.
        wiener: The Wiener filter's answer, ``(784,)``.
    """

    classes: np.ndarray
    x: np.ndarray
    missed: np.ndarray
    mean: np.ndarray
    wiener: np.ndarray


def scene(config: Covered) -> Scene:
    """Answers come one by one; the truth comes last."""
    seen, truth = config.seen(), binary_digit(config.index())
    found = _answers(config)
    so_far = _running(found.x)
    says = classifier()(np.stack([*found.x, found.mean, found.wiener, truth]).reshape(-1, SIDE, SIDE))
    right = says.argmax(axis=1) == config.digit
    error, of_mean = (_error(x, truth, ~seen) for x in (found.x, so_far))
    end = STEPS > ANSWERS
    return Scene(
        panels=(
            _board(config, truth, end),
            _sheet(config, found.x),
            _beside(config, so_far, found, truth, end),
            _classes(found.classes, says[:ANSWERS]),
        ),
        steps=STEPS,
        time="answer",
        readouts=_readouts(config, found, truth, of_mean, says, error),
        **said(
            len(STEPS),
            Claim("Nothing is covered: every answer is the digit itself.", bool(seen.all())),
            *_sentences(found.classes, int(right[:ANSWERS].sum()), int((error < of_mean[-1]).sum())),
        ),
        alt="A digit, part of it covered, nine whole digits that would explain the rest of it, their mean, the "
        "Wiener filter's answer, and bars of which digit it may be.",
        fps=3,
        start=ANSWERS,
        **_in_hand(config),
    )


def _in_hand(config: Covered) -> dict[str, Any]:
    """What the hand takes: two corners, or a brush."""
    if config.cover == "painted":
        return {"brush": Brush(0, tuple((x, y, 0) for x, y in config.painted().tolist()), radius=BRUSH)}
    corners = {"one corner": (config.a_1, config.a_2), "opposite corner": (config.b_1, config.b_2)}
    return {"handles": tuple(Handle(name, np.array(at), snap=1.0) for name, at in corners.items())}


def after_drag(config: Covered, values: Mapping[str, Any]) -> Covered:
    """The cover after a stroke, or after a corner of the rectangle was moved."""
    if config.cover == "painted":
        return replace(config, strokes=encode_points(*drag.painted(values), BOARD, BOARD))
    name = drag.moved(values)
    x, y = (float(v) for v in np.clip(drag.handle(values, name), *BOARD).round())
    return replace(config, a_1=x, a_2=y) if name == "one corner" else replace(config, b_1=x, b_2=y)


def code(config: Covered) -> str:
    """The nine answers, and how near they and the Wiener filter come; empty while nothing is covered."""
    if config.seen().all():
        return ""
    covered = f"rng.random(({ANSWERS}, 784)) < p" if config.drawn else "p"
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inverse.metrics import psnr",
        "from genmodels.inverse.pictures import Pictures, Wiener, equally_likely",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vae.runtime import ForwardVAE",
        f"truth = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)",
        _seen_code(config),
        f"z, classes = np.tile(equally_likely({STYLES}), (10, 1)), np.repeat(np.arange(10), {STYLES**2})",
        "pictures = Pictures(ForwardVAE.of(load('vae-conditional')).decode(z, classes))",
        "weights = pictures.given(truth, seen)  # p(k | part)",
        f"rng = np.random.default_rng([{config.seed}, {SALT}])",
        f"p = pictures.ink[rng.choice(len(weights), {ANSWERS}, p=weights)]",
        f"x = np.where(seen, truth, {covered})  # nine answers",
        f"wiener = Wiener(load_binarised_mnist().train.images.reshape(-1, 784), {SIGMA}).fill(truth, seen)",
        "shown = {",
        f"    'p(a {config.digit} | part)': 100 * weights[classes == {config.digit}].sum(),",
        "    'PSNR: their mean': psnr(x.mean(axis=0)[~seen], truth[~seen]),",
        "    'PSNR: Wiener': psnr(wiener.clip(0, 1)[~seen], truth[~seen]),",
        "}",
    )


def _seen_code(config: Covered) -> str:
    """As :meth:`Covered.seen`, in Python."""
    if config.cover == "painted":
        bits = np.packbits(config.seen()).tobytes().hex()
        return (
            f"bits = bytes.fromhex('{bits}')  # 784, a pixel each\n"
            "seen = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(bool)"
        )
    left, right, lower, upper = config.box()
    rows = f"{SIDE - upper}:{SIDE - lower}"
    return f"seen = np.ones((28, 28), dtype=bool)\nseen[{rows}, {left}:{right}] = False\nseen = seen.ravel()"


def still_seen(config: Covered) -> float:
    """Per cent of the pixels, for the challenge: 100 if the CNN takes fewer than eight of the nine for this digit."""
    says = classifier()(_answers(config).x.reshape(-1, SIDE, SIDE)).argmax(axis=1)
    return 100 * float(config.seen().mean()) if (says == config.digit).sum() >= ANSWERS - 1 else 100.0


# --- What is computed ---------------------------------------------------------------------------------------


def prior_made() -> Prior:
    """What the stored decoder makes of all classes and styles."""
    return cache.made(_prior, "vae-conditional")


def _prior(checkpoint: Checkpoint) -> Prior:
    styles, classes = equally_likely(STYLES), np.repeat(np.arange(10), STYLES**2)
    return Prior(Pictures(ForwardVAE.of(checkpoint).decode(np.tile(styles, (10, 1)), classes)), classes)


@lru_cache(maxsize=1)
def gaussian() -> Wiener:
    """Fitted to the training digits."""
    return Wiener(flat(load_binarised_mnist().train.images), SIGMA)


def classifier() -> ForwardCNN:
    """The stored CNN."""
    return cache.made(ForwardCNN.of, "cnn")


def _answers(config: Covered) -> Answers:
    prior = prior_made()
    seen, truth = config.seen(), binary_digit(config.index())
    weights, rng = prior.pictures.given(truth, seen), np.random.default_rng([config.seed, SALT])
    p = prior.pictures.ink[rng.choice(len(weights), ANSWERS, p=weights)].astype(float)
    covered = (rng.random(p.shape) < p).astype(float) if config.drawn else p
    missed = data_consistency(Mask(0.0, seen), p, truth[seen]) / np.sqrt(seen.sum()) if seen.any() else np.nan
    return Answers(
        classes=np.bincount(prior.classes, weights, 10),
        x=np.where(seen, truth, covered),
        missed=np.broadcast_to(missed, ANSWERS),
        mean=np.where(seen, truth, prior.pictures.mean(weights)),
        wiener=np.clip(gaussian().fill(truth, seen), 0, 1),
    )


def _running(values: np.ndarray) -> np.ndarray:
    """Means of the first n rows of ``(9, D)``, in each frame, ``(11, D)``; NaN for none."""
    means = np.cumsum(values, axis=0) / np.arange(1, ANSWERS + 1)[:, None]
    return np.concatenate([np.full((1, values.shape[1]), np.nan), means, means[-1:]])


def decibels(error: np.ndarray) -> np.ndarray:
    """PSNR of mean squared errors, of ink 0 … 1."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error)


def _error(x: np.ndarray, truth: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Mean squared error of each row ``(N, 784)`` over the covered pixels, ``(N,)``; NaN if there are none."""
    return np.square(x - truth)[:, covered].mean(axis=1) if covered.any() else np.full(len(x), np.nan)


def _readouts(
    config: Covered, found: Answers, truth: np.ndarray, of_mean: np.ndarray, says: np.ndarray, error: np.ndarray
) -> tuple[Readout, ...]:
    one, covered = np.ones(len(STEPS)), ~config.seen()
    right = (says[:ANSWERS].argmax(axis=1) == config.digit).astype(float)
    sure = 100 * says[ANSWERS:, config.digit]
    return (
        Readout("covered", 100 * covered.mean() * one, "%", 0),
        Readout(f"p(a {config.digit} | part)", 100 * found.classes[config.digit] * one, "%", 1),
        Readout("PSNR: an answer", decibels(_running(error[:, None])[:, 0]), "dB", 2),
        Readout("PSNR: their mean", decibels(of_mean), "dB", 2),
        Readout("PSNR: Wiener", decibels(_error(found.wiener[None], truth, covered)) * one, "dB", 2),
        Readout("CNN: answers that are right", 100 * _running(right[:, None])[:, 0], "%", 0),
        *(
            Readout(f"CNN, p(a {config.digit}): {name}", p * one, "%", 0)
            for name, p in zip(("E[x | part]", "Wiener", "truth"), sure, strict=True)
        ),
        Readout("misses the part by", _running(found.missed[:, None])[:, 0], digits=3),
    )


# --- What is shown ------------------------------------------------------------------------------------------


def _outline(config: Covered, corner: tuple[float, float], size: float) -> np.ndarray:
    """The edge of the cover in a picture with that upper left corner, ``(L, 2)``."""
    x, y = corner
    return outlines(~config.seen().reshape(SIDE, SIDE)[::-1], (x, x + size, y - size, y))


def _board(config: Covered, truth: np.ndarray, end: np.ndarray) -> Panel:
    part = ink(np.where(end[:, None], truth, np.where(config.seen(), truth, 0)))[:, None]
    sheet = _outline(config, (0, SIDE), SIDE)
    layers = (
        picture(part, (0, SIDE), SIDE),
        Polylines(
            name="cover",
            key="c",
            xy=np.where(end[:, None, None, None], np.nan, sheet[None]),
            colour="class0",
            filled=True,
            alpha=0.5,
            width=2,
        ),
        Polylines(name="", xy=sheet[None], colour="class0", width=2),
    )
    title = "Paint the cover" if config.cover == "painted" else "Drag the corners"
    return Panel(title, layers, (-1, SIDE + 1), (-1, SIDE + 1), axes=False, share=1.2)


def _sheet(config: Covered, answers: np.ndarray) -> Panel:
    there = STEPS[:, None] > np.arange(ANSWERS)
    pixels = ink(answers) * there[:, :, None, None].astype(np.uint8)
    edges = [_outline(config, (k % COLUMNS, COLUMNS - k // COLUMNS), 1) for k in range(ANSWERS)]
    layers = (
        picture(pixels, (0, COLUMNS), 1, COLUMNS, name="answers"),
        Polylines(name="edge of the cover", key="e", xy=np.array(edges), colour="class0", width=1),
    )
    return Panel("Nine from p(whole | part)", layers, (0, COLUMNS), (0, COLUMNS), axes=False)


def _beside(config: Covered, so_far: np.ndarray, found: Answers, truth: np.ndarray, end: np.ndarray) -> Panel:
    """The mean of the answers so far, the exact mean, the Wiener filter, and at the end the truth."""
    still = [np.broadcast_to(x, so_far.shape) for x in (found.mean, found.wiener)]
    shown = (np.nan_to_num(so_far), *still, np.where(end[:, None], truth, 0))
    corners = [(1.05 * (k % 2), 2.4 - 1.2 * (k // 2) - 0.2) for k in range(4)]
    images = [picture(ink(pixels)[:, None], corner, 1) for pixels, corner in zip(shown, corners, strict=True)]
    x, y = corners[-1]
    truth_now = Images(
        name="truth now", key="t", visible=False, pixels=ink(truth[None]), columns=1, extent=(x, x + 1, y - 1, y)
    )
    at = np.array([(x + 0.5, y + 0.09) for x, y in corners])
    return Panel(
        "Single answers",
        (*images, truth_now, Labels(name="", at=at, texts=("their mean", "E[x | part]", "Wiener filter", "truth"))),
        (0, 2.05),
        (0, 2.4),
        axes=False,
        share=0.85,
    )


def _classes(p: np.ndarray, says: np.ndarray) -> Panel:
    voted = 100 * _running(np.eye(10)[says.argmax(axis=1)])
    bars = (  # names as short as a narrow panel's key
        Bars(name="exact", key="p", height=100 * p, x=np.arange(10) - 0.2, width=0.38, colour="truth"),
        Bars(
            name="answers",
            key="a",
            height=np.nan_to_num(voted),
            x=np.arange(10) + 0.2,
            width=0.38,
            colour="model",
        ),
    )
    return Panel("Which digit is it? %", bars, (-0.6, 10.4), (0, 125), equal=False, x_names=DIGITS, share=0.7)


def _sentences(p: np.ndarray, right: int, nearer: int) -> list[Claim | str]:
    middle, end = (STEPS > 0) & (STEPS <= ANSWERS), STEPS > ANSWERS
    first, second = np.argsort(-p, kind="stable")[:2]
    chance = f"{100 * p[first]:.1f} %"
    return [
        Claim(
            f"The truth. The right digit, says the CNN: {right} of {ANSWERS} answers. Nearer to the truth than their "
            f"mean: {nearer} of {ANSWERS}.",
            end,
        ),
        Claim(f"The part leaves little doubt of the digit: a {first}, with {chance}.", middle & (p[first] >= SURE)),
        Claim(
            f"The part leaves doubt: a {first} with {chance}, a {second} with {100 * p[second]:.1f} %, or another?",
            middle,
        ),
        "Which whole digits would explain the part that is seen?",
    ]
