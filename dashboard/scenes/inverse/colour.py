"""Colour: a grey digit that was written in one of two inks of the same grey, and the odds of which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Bars, Labels, Panel, Readout, Scene
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import slider
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.inverse.mask import ANSWERS, COLUMNS, STYLES, OfDigit, prior_made
from dashboard.scenes.pictures import binary_digit, coloured, picture
from genmodels.inverse.measurement import Grey

NEEDS = ("vae-conditional",)
BLUE, ORANGE = np.array([0.05, 0.4, 0.85]), np.array([0.9, 0.4, 0.0])  # red, green, blue: means alike
PAPER = np.ones(3)
INKS = ("blue", "orange")
SALT, TRUTH_SALT = 54, 55
COUNTS = np.array([*range(ANSWERS + 1), 20, 50, 100, 200, 500, 1000])  # answers that there are
MANY = int(COUNTS[-1])


@dataclass(frozen=True)
class Coloured(OfDigit):
    """A test digit, and how often even and odd digits are blue, per cent."""

    even: int = slider("Even digits: blue, %", 80, 5, 95, 5)
    odd: int = slider("Odd digits: blue, %", 25, 5, 95, 5)
    seed: int = 0

    def blue(self) -> np.ndarray:
        """p(blue | class), ``(10,)``."""
        return np.where(np.arange(10) % 2, self.odd, self.even) / 100


class Found(NamedTuple):
    """Of a grey digit.

    Attributes:
        x: Its ink, ``(784,)``.
        classes: p(class | y), ``(10,)``.
        blue: p(blue | y).
        answers: Whether each answer is blue, ``(1000,)``.
        truth: Whether the digit is.
        pixels: Whether each pixel is, drawn by itself, ``(784,)``.
    """

    x: np.ndarray
    classes: np.ndarray
    blue: float
    answers: np.ndarray
    truth: bool
    pixels: np.ndarray


def inked(x: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Ink on paper: how much of it there is ``(784,)``, 0 … 1, and its colours ``(…, 3)``, to ``(…, 784, 3)``."""
    return PAPER + x[:, None] * (ink[..., None, :] - PAPER)


def mixed(blue: np.ndarray | float) -> np.ndarray:
    """The mean ink of which a share ``(…)`` is blue, ``(…, 3)``."""
    share = np.asarray(blue, dtype=float)[..., None]
    return share * BLUE + (1 - share) * ORANGE


def scene(config: Coloured) -> Scene:
    """Answers come one by one, then by hundreds; the truth comes last."""
    found = _found(config)
    counted = np.concatenate([[np.nan], found.answers.cumsum()[COUNTS[1:] - 1] / COUNTS[1:]])
    mean, apart = 255 * mixed(found.blue), float(np.square(BLUE - ORANGE).sum())
    one = np.ones(len(COUNTS))
    errors = {
        "E[x | y]": found.blue * (1 - found.blue),
        "the likelier ink": min(found.blue, 1 - found.blue),
        "a drawn answer": 2 * found.blue * (1 - found.blue),
    }
    return Scene(
        panels=(
            _grey(found.x),
            _nine(found),
            _beside(found, counted),
            _odds(found.blue, counted),
        ),
        steps=COUNTS,
        time="answers",
        readouts=(
            Readout("p(even | y)", 100 * found.classes[::2].sum() * one, "%", 1),
            Readout("p(blue | y)", 100 * found.blue * one, "%", 1),
            Readout("blue so far", 100 * counted, "%", 1),
            *(
                Readout(f"E[x | y], {name}", level * one, "of 255", 0)
                for name, level in zip("RGB", mean, strict=True)
            ),
            *(Readout(f"expected error²: {who}", apart * share * one, digits=3) for who, share in errors.items()),
        ),
        **said(len(COUNTS), *_sentences(found, counted)),
        alt="A grey digit, nine coloured ones of this very grey, their mean, and bars of how likely each ink is.",
        fps=3,
        start=ANSWERS,
    )


def code(config: Coloured) -> str:
    """The odds by Bayes' rule, and the mean ink."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inverse.pictures import Pictures, equally_likely",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vae.runtime import ForwardVAE",
        f"x = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)  # ink: what grey tells",
        f"z, classes = np.tile(equally_likely({STYLES}), (10, 1)), np.repeat(np.arange(10), {STYLES**2})",
        "pictures = Pictures(ForwardVAE.of(load('vae-conditional')).decode(z, classes))",
        "p = np.bincount(classes, pictures.given(x, np.ones(784, dtype=bool)))  # p(class | y)",
        f"odds = np.where(np.arange(10) % 2, {config.odd}, {config.even}) / 100  # p(blue | class)",
        "blue = p @ odds",
        f"rng = np.random.default_rng([{config.seed}, {SALT}])",
        f"which = rng.choice(10, {MANY}, p=p)",
        f"answers = rng.random({MANY}) < odds[which]",
        f"mean = blue * np.array({written(BLUE)}) + (1 - blue) * np.array({written(ORANGE)})",
        "shown = {",
        "    'p(even | y)': 100 * p[::2].sum(),",
        "    'p(blue | y)': 100 * blue,",
        "    'blue so far': 100 * answers.mean(),",
        "    'E[x | y], R': 255 * mean[0],",
        "}",
    )


@lru_cache(maxsize=4)
def _found(config: Coloured) -> Found:
    prior, x = prior_made(), binary_digit(config.index())
    classes = np.bincount(prior.classes, prior.pictures.given(x, np.ones(len(x), dtype=bool)), 10)
    odds, rng = config.blue(), np.random.default_rng([config.seed, SALT])
    which = rng.choice(10, MANY, p=classes)
    answers = rng.random(MANY) < odds[which]
    blue = float(classes @ odds)
    truth = np.random.default_rng([config.seed, TRUTH_SALT]).random() < odds[config.digit]
    return Found(x, classes, blue, answers, bool(truth), rng.random(len(x)) < blue)


# --- What is shown ------------------------------------------------------------------------------------------


def _grey(x: np.ndarray) -> Panel:
    """The measured picture, each grey as red, green and blue alike: that is A⁺ y."""
    grey = Grey(0.0, len(x)).apply(inked(x, BLUE).reshape(1, -1))[0]
    pixels = coloured(np.repeat(grey[:, None], 3, axis=1))[None]
    return Panel("Measured: grey", (picture(pixels, (0, 1), 1),), (0, 1), (0, 1), axes=False)


def _nine(found: Found) -> Panel:
    there = COUNTS[:, None] > np.arange(ANSWERS)
    rgb = inked(found.x, mixed(found.answers[:ANSWERS]))
    pixels = coloured(np.where(there[..., None, None], rgb, np.nan))
    layers = (picture(pixels, (0, COLUMNS), 1, COLUMNS, name="answers"),)
    return Panel("Nine from p(x | grey)", layers, (0, COLUMNS), (0, COLUMNS), axes=False)


def _beside(found: Found, counted: np.ndarray) -> Panel:
    """The mean of the answers so far, E[x | y], each pixel drawn by itself, and at the end the truth."""
    end = (COUNTS == MANY)[:, None, None]
    single = np.where(found.pixels[:, None], inked(found.x, BLUE), inked(found.x, ORANGE))
    shown = {
        "their mean": inked(found.x, mixed(counted)),
        "E[x | y]": inked(found.x, mixed(found.blue))[None],
        "pixel by pixel": single[None],
        "truth": np.where(end, inked(found.x, BLUE if found.truth else ORANGE), np.nan),
    }
    corners = [(1.05 * (k % 2), 2.2 - 1.2 * (k // 2)) for k in range(4)]
    layers = [
        picture(coloured(rgb)[:, None] if len(rgb) > 1 else coloured(rgb), corner, 1)
        for rgb, corner in zip(shown.values(), corners, strict=True)
    ]
    at = np.array([(x + 0.5, y + 0.11) for x, y in corners])
    return Panel(
        "One answer instead of nine",
        (*layers, Labels(name="", at=at, texts=tuple(shown))),
        (0, 2.05),
        (0, 2.43),
        axes=False,
        share=0.85,
    )


def _odds(blue: float, counted: np.ndarray) -> Panel:
    exact, drawn = (100 * np.stack([share, 1 - share], axis=-1) for share in (np.array(blue), np.nan_to_num(counted)))
    drawn[0] = 0
    bars = (
        Bars(name="p(ink | y)", key="p", height=exact, x=np.array([-0.2, 0.8]), width=0.38, colour="truth"),
        Bars(name="answers so far", key="a", height=drawn, x=np.array([0.2, 1.2]), width=0.38, colour="muted"),
    )
    return Panel("Which ink? %", bars, (-0.6, 1.6), (0, 150), equal=False, x_names=INKS, share=0.8)


def _sentences(found: Found, counted: np.ndarray) -> list[Claim | str]:
    ink = ", ".join(f"{level:.0f}" for level in 255 * mixed(found.blue))
    return [
        Claim(
            f"The truth is {INKS[not found.truth]}. Blue: {100 * found.blue:.1f} % by Bayes' rule, "
            f"{100 * counted[-1]:.1f} % of {MANY:,} answers.",
            COUNTS == MANY,
        ),
        Claim(f"All nine have the same grey. E[x | y] has ink ({ink}): no digit has.", COUNTS >= ANSWERS),
        "A grey digit. Which ink was it written in, blue or orange?",
    ]
