"""Coarse to fine: a digit of which only means of blocks are known, and what the prior makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Bars, Images, Labels, Panel, Readout, Scene
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import switch
from dashboard.scene.snippet import snippet
from dashboard.scene.words import number
from dashboard.scenes.inverse.mask import (
    ANSWERS,
    COLUMNS,
    NEEDS,
    SIDE,
    STYLES,
    OfDigit,
    classifier,
    decibels,
    gaussian,
    prior_made,
)
from dashboard.scenes.pictures import DIGITS, binary_digit, ink, picture
from genmodels.inverse.blocks import draw_given_blocks, given_blocks, ink_given_blocks, pixels_of_blocks
from genmodels.inverse.measurement import BlockMean
from genmodels.inverse.metrics import data_consistency, psnr

__all__ = ["MANY", "NEEDS", "Coarse", "code", "scene"]

SIDES = (2, 4, 7, 14, 28)
MANY, SALT = 100, 53
SIGMA = 0.01  # of the Wiener filter, which cannot be asked without noise
AT = SIDES.index(4)  # the level of the snippet, and after a change


@dataclass(frozen=True)
class Coarse(OfDigit):
    """A test digit, and whose luck."""

    drawn: bool = switch("Draw each pixel, too")
    seed: int = 0


class Level(NamedTuple):
    """Of a digit x ``(784,)`` measured by S × S means of blocks.

    Attributes:
        copied: The measured picture: each mean copied to its block, ``(784,)``; that is A⁺ y.
        fitting: How many pictures of ink and paper fit y.
        classes: p(class | y), ``(10,)``.
        answers: Pictures k drawn from p(k | y), each as E[x | k, y], or drawn, too, ``(100, 784)``.
        wiener: The Wiener filter's answer, cut to 0 … 1, ``(784,)``.
        missed: |A x̂ − y| / √M, the root mean square, of the answer that misses most.
    """

    copied: np.ndarray
    fitting: int
    classes: np.ndarray
    answers: np.ndarray
    wiener: np.ndarray
    missed: float


def scene(config: Coarse) -> Scene:
    """Pixels a side are the time axis; luck is the same at all levels."""
    truth, levels = binary_digit(config.index()), _levels(config)
    answers = np.stack([level.answers[:ANSWERS] for level in levels])
    mean = np.stack([level.answers.mean(axis=0) for level in levels])
    says = classifier()(answers.reshape(-1, SIDE, SIDE)).argmax(axis=1).reshape(-1, ANSWERS)
    return Scene(
        panels=(
            _sheet("Measured", np.stack([level.copied for level in levels])[:, None], 1, 1.0),
            _sheet("Nine from p(x | y)", answers, COLUMNS, 1.0, "answers"),
            _beside(levels, mean, truth),
            _classes(np.stack([level.classes for level in levels]), says),
        ),
        steps=np.array(SIDES),
        time="pixels a side",
        readouts=_readouts(config, levels, mean, truth, (says == config.digit).mean(axis=1)),
        **said(len(SIDES), *_sentences(levels, says, config.digit)),
        alt="A digit in a few coarse pixels, nine whole digits that fit them exactly, their mean, and bars of which "
        "digit it may be.",
        fps=0.8,
        start=SIDES[AT],
    )


def code(config: Coarse) -> str:
    """The level of 4 × 4 pixels."""
    name, luck = ("draw_given_blocks", ", rng") if config.drawn else ("ink_given_blocks", "")
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        f"from genmodels.inverse.blocks import given_blocks, {name}",
        "from genmodels.inverse.measurement import BlockMean",
        "from genmodels.inverse.metrics import psnr",
        "from genmodels.inverse.pictures import equally_likely",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vae.runtime import ForwardVAE",
        f"step = {SIDES[AT]}  # pixels a side",
        f"truth = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)",
        f"block, rng = 28 // step, np.random.default_rng([{config.seed}, {SALT}])",
        "y = BlockMean(0.0, 28, 28, block).apply([truth])[0]",
        "counts = (block**2 * y).round().astype(int)",
        f"z, classes = np.tile(equally_likely({STYLES}), (10, 1)), np.repeat(np.arange(10), {STYLES**2})",
        "ink = ForwardVAE.of(load('vae-conditional')).decode(z, classes)",
        "weights = given_blocks(ink, counts, block)  # p(k | y)",
        f"k = np.searchsorted(np.cumsum(weights), rng.random({MANY}))",
        f"x = {name}(ink[k], counts, block{luck})  # {MANY} answers",
        "shown = {",
        "    'p(class | y)': 100 * np.bincount(classes, weights),",
        f"    'PSNR: mean of {MANY}': psnr(x.mean(axis=0), truth),",
        "}",
    )


# --- What is computed ---------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _levels(config: Coarse) -> list[Level]:
    return [_level(config, side) for side in SIDES]


def _level(config: Coarse, side: int) -> Level:
    prior, truth, block = prior_made(), binary_digit(config.index()), SIDE // side
    means, rng = BlockMean(0.0, SIDE, SIDE, block), np.random.default_rng([config.seed, SALT])
    y = means.apply(truth[None])[0]
    counts = truth[pixels_of_blocks(SIDE, block)].sum(axis=1).astype(int)
    weights = given_blocks(prior.pictures.ink, counts, block)
    k = np.minimum(np.searchsorted(np.cumsum(weights), rng.random(MANY)), len(weights) - 1)
    chosen = prior.pictures.ink[k]
    if config.drawn:
        answers = draw_given_blocks(chosen, counts, block, rng)
    else:
        answers = ink_given_blocks(chosen, counts, block)
    wiener = gaussian().of(y, BlockMean(SIGMA, SIDE, SIDE, block)).clip(0, 1)
    return Level(
        copied=block**2 * means.adjoint(y[None])[0],
        fitting=math.prod(math.comb(block**2, m) for m in counts.tolist()),
        classes=np.bincount(prior.classes, weights, 10),
        answers=answers,
        wiener=wiener,
        missed=float(data_consistency(means, answers, y).max()) / side,
    )


def in_play(p: np.ndarray) -> np.ndarray:
    """How many equally likely classes leave as much doubt as p ``(…, 10)``: 2 to the entropy in bits."""
    return np.exp(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1))


def _readouts(
    config: Coarse, levels: list[Level], mean: np.ndarray, truth: np.ndarray, right: np.ndarray
) -> tuple[Readout, ...]:
    errors = np.stack([np.square(level.answers - truth).mean() for level in levels])
    singles = {"y, blocks copied": [level.copied for level in levels], "Wiener": [level.wiener for level in levels]}
    classes = np.stack([level.classes for level in levels])
    return (
        Readout(f"p(a {config.digit} | y)", 100 * classes[:, config.digit], "%", 1),
        Readout("digits in play", in_play(classes), digits=2),
        Readout("PSNR: an answer", decibels(errors), "dB", 2),
        Readout(f"PSNR: mean of {MANY}", psnr(mean, truth), "dB", 2),
        *(Readout(f"PSNR: {name}", psnr(x, truth), "dB", 2) for name, x in singles.items()),
        Readout("CNN: answers that are right", 100 * right, "%", 0),
        Readout("answers miss y by", np.array([level.missed for level in levels]).round(12)),
    )


# --- What is shown ------------------------------------------------------------------------------------------


def _sheet(title: str, pixels: np.ndarray, columns: int, share: float, name: str = "") -> Panel:
    ends = (0.0, float(columns))
    return Panel(title, (picture(ink(pixels), (0, columns), 1, columns, name),), ends, ends, axes=False, share=share)


def _beside(levels: list[Level], mean: np.ndarray, truth: np.ndarray) -> Panel:
    """The mean of many answers, its own block means, the Wiener filter, and at the end the truth."""
    coarse = []
    for side, x in zip(SIDES, mean, strict=True):
        means = BlockMean(0.0, SIDE, SIDE, SIDE // side)
        coarse.append((SIDE // side) ** 2 * means.adjoint(means.apply(x[None]))[0])
    end = np.arange(len(SIDES)) == len(SIDES) - 1
    wiener = np.stack([level.wiener for level in levels])
    shown = {f"mean of {MANY}": mean, "coarse again": np.stack(coarse), "Wiener filter": wiener}
    corners = [(1.05 * (k % 2), 2.2 - 1.2 * (k // 2)) for k in range(4)]
    x, y = corners[-1]
    layers = (
        *(picture(ink(p)[:, None], corner, 1) for p, corner in zip(shown.values(), corners, strict=False)),
        picture(ink(np.where(end[:, None], truth, 0))[:, None], (x, y), 1),
        Images(
            name="truth now", key="t", visible=False, pixels=ink(truth[None]), columns=1, extent=(x, x + 1, y - 1, y)
        ),
        Labels(name="", at=np.array([(x + 0.5, y + 0.09) for x, y in corners]), texts=(*shown, "truth")),
    )
    return Panel("One answer instead of nine", layers, (0, 2.05), (0, 2.4), axes=False, share=0.85)


def _classes(p: np.ndarray, says: np.ndarray) -> Panel:
    """p(class | y) ``(F, 10)``, and what the CNN takes the answers for, ``(F, 9)``."""
    voted = np.eye(10)[says].mean(axis=1)
    series = (("p(class | y)", "p", p, "truth", -0.2), ("answers", "a", voted, "model", 0.2))
    bars = tuple(
        Bars(name=name, key=key, height=100 * share, x=np.arange(10) + by, width=0.38, colour=colour)
        for name, key, share, colour, by in series
    )
    return Panel("Which digit is it? %", bars, (-0.6, 10.4), (0, 125), equal=False, x_names=DIGITS, share=1.1)


def _sentences(levels: list[Level], says: np.ndarray, digit: int) -> list[Claim | str]:
    found: list[Claim | str] = []
    for k, (side, level) in enumerate(zip(SIDES, levels, strict=True)):
        right = int((says[k] == digit).sum())
        told = f"{number(float(level.fitting), 2)} pictures of ink and paper fit {side} × {side} pixels."
        told += f" The CNN takes {right} of {ANSWERS} answers for a {digit}."
        if level.fitting == 1:
            told = f"One picture of ink and paper fits {side} × {side} pixels: the truth; all answers are it."
        found.append(Claim(told, np.arange(len(SIDES)) == k))
    return found
