"""A prior over words writes a picture: 49 draws, each given those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dashboard.scene import Bars, Claim, Curve, Labels, Panel, Polylines, Readout, Scene, chart, said
from dashboard.scene.fields import slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.codes.setup import (
    CODES,
    EXTENT,
    GRID,
    JUDGE,
    PRIOR,
    SIDE,
    WORDS,
    digits,
    judge,
    lattice,
    network,
    places,
    prior,
    square,
)
from dashboard.scenes.pictures import framed, ink, picture, sheet
from genmodels.store import cache
from genmodels.transformer.runtime import log_softmax
from genmodels.vq.prior import as_rows

NOT_YET = 60
"""The grey of what is not written yet, of 0 (paper) … 255 (ink)."""
BESIDE = 9
NEEDS = (WORDS, PRIOR, JUDGE)


@dataclass(frozen=True)
class Config:
    """How boldly is drawn, and what is given.

    Args:
        temperature: Of each word's softmax.
        rows: Of the words, given from a test digit.
        digit: Which one.
        seed: Of the draws.
    """

    temperature: float = slider("Temperature", 1.0, 0.2, 2.0, 0.1)
    rows: int = slider("Rows of words given", 0, 0, GRID - 1, 1)
    digit: int = slider("Of test digit", 4, 0, 499, 1, when=lambda values: values["rows"] > 0)
    seed: int = 0


class Text(NamedTuple):
    """A picture's words, given ones first.

    Attributes:
        words: ``(49,)``.
        log_p: Of every word at every place, given those before it, at temperature 1, ``(49, 64)``.
        given: How many of them were.
    """

    words: np.ndarray
    log_p: np.ndarray
    given: int


def written(config: Config) -> Text:
    """What the prior writes."""
    given = network().words(digits()[[config.digit]]).ravel()[: GRID * config.rows]
    drawn = prior().write(np.random.default_rng([config.seed, 51]), given, config.temperature)
    words = np.array([*given, *drawn])
    row = as_rows(words.reshape(1, GRID, GRID), CODES)[0]
    log_p = log_softmax(prior().runtime.read(row[:-1]).logits[:, :CODES].astype(np.float64))
    return Text(words, log_p, len(given))


def scene(config: Config) -> Scene:
    """Words known so far are the time axis."""
    text = written(config)
    known = np.arange(text.given, SIDE + 1)
    pictures = so_far(text.words, known)
    q = log_softmax(text.log_p / config.temperature)
    paid = -text.log_p[np.arange(SIDE), text.words]
    alone = -np.log(
        cache.arrays(PRIOR)["places"].astype(np.float64).reshape(SIDE, CODES)[np.arange(SIDE), text.words]
    )
    costs = [np.append(0.0, one[text.given :].cumsum()) for one in (paid, alone)]
    p = judge(network().decode_words(text.words.reshape(1, GRID, GRID)))[0]
    ended = known == SIDE
    place = np.minimum(known, SIDE - 1)
    choice = np.where(ended, np.nan, np.exp(-(np.exp(q) * q).sum(axis=1))[place])
    chosen = np.where(ended, np.nan, np.exp(q[place, text.words[place]]))
    return Scene(
        panels=(
            _picture(pictures, known),
            _grid(text, known),
            _next(q, text.words, known),
            _costs(known, *costs),
            _stored("The prior's, temperature 1", "drawn"),
            _stored("Each word by itself", "alone"),
        ),
        steps=known,
        time="words",
        readouts=(
            Readout("codes to choose from", choice, "", 1),
            Readout("p of the next word", chosen, "", 3),
            Readout("−log p so far", costs[0], "nats", 1),
            Readout("each word by itself", costs[1], "nats", 1),
            Readout("taken for a", np.where(ended, p.argmax(), np.nan), "", 0),
            Readout("with p", np.where(ended, p.max(), np.nan), "", 2),
        ),
        **said(len(known), *_claims(text, ended, choice, float(p.max()))),
        alt="A picture is written word by word; beside it the probabilities of the next, and what all have cost.",
        fps=6,
    )


def code(config: Config) -> str:
    """The words, drawn one after the other."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vq.prior import WordsPrior",
        "from genmodels.vq.runtime import ForwardVQ",
        f"codes, prior = ForwardVQ.of(load({WORDS!r})), WordsPrior.of(load({PRIOR!r}))",
        f"x = load_mnist().test.images[[{config.digit}]] / np.float32(255)",
        f"given = codes.words(x).ravel()[: {GRID} * {config.rows}]",
        f"rng = np.random.default_rng([{config.seed}, 51])",
        f"words = np.array([*given, *prior.write(rng, given, {config.temperature})]).reshape(1, {GRID}, {GRID})",
        "paid = -prior.log_prob_of_words(words).ravel()[len(given) :]",
        "picture = codes.decode_words(words)",
        "shown = {",
        "    '−log p so far': np.append(0, paid.cumsum()),",
        "    'Written so far': np.clip(255 * picture, 0, 255).round(),",
        "}",
    )


def sentences() -> tuple[str, ...]:
    """What the stored figures say."""
    found = cache.load(PRIOR).entry.metrics
    return (
        f"A test digit's words cost the prior {found['nats']:.1f} nats a picture; each place by itself, by how often "
        f"a code stands there, {found['alone_nats']:.1f}.",
        f"A classifier is sure (p > 0.9) of {100 * found['sure_test']:.0f} % of 200 test digits, of "
        f"{100 * found['sure_words']:.0f} % of them through their words, of {100 * found['sure_drawn']:.0f} % of 200 "
        f"pictures drawn from the prior, and of {100 * found['sure_alone']:.1f} % of 200 drawn place by place.",
    )


def so_far(words: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Pictures of the first words, ``(F, 28, 28)`` uint8, grey where there is none yet.

    The decoder sees the commonest code there: what a word becomes depends a little on those around it.
    """
    blank = int(cache.load(WORDS).arrays["shares"].argmax())
    there = np.arange(SIDE) < known[:, None]
    decoded = network().decode_words(np.where(there, words, blank).reshape(-1, GRID, GRID))
    cell = decoded.shape[1] // GRID
    shown = there.reshape(-1, GRID, GRID).repeat(cell, axis=1).repeat(cell, axis=2)
    return np.where(shown, ink(decoded.reshape(len(decoded), -1)), NOT_YET).astype(np.uint8)


def _claims(text: Text, ended: np.ndarray, choice: np.ndarray, p: float) -> list[Claim | str]:
    start = (
        f"The first {text.given} words are a test digit's; the rest is asked for."
        if text.given
        else "Each word will be drawn given those before it."
    )
    return [
        Claim("Written: a new picture, and the classifier is sure of it (p > 0.9).", ended & (p > 0.9)),
        Claim("Written: a new picture, of which the classifier is not sure (p ≤ 0.9).", ended),
        Claim(start, np.arange(len(ended)) == 0),
        Claim("The next word is hardly a choice: as hard to guess as one of less than two.", choice < 2),
        "The next word is drawn from the probabilities that the prior gives to all 64 codes.",
    ]


def _ring(known: np.ndarray) -> Polylines:
    """Around the place that comes next; none at the end."""
    outline = square(places()[np.minimum(known, SIDE - 1)])
    outline[known == SIDE] = np.nan
    return Polylines(name="next word", xy=outline[:, None], closed=True, colour="model", width=3)


def _picture(pictures: np.ndarray, known: np.ndarray) -> Panel:
    layers = (picture(pictures[:, None], (EXTENT[0], EXTENT[3]), GRID), _ring(known))
    return Panel("Written so far", layers, EXTENT[:2], EXTENT[2:], axes=False, share=1.3)


def _grid(text: Text, known: np.ndarray) -> Panel:
    there = np.arange(SIDE) < known[:, None]
    at = np.where(there[..., None], places(), np.nan)
    given = np.arange(SIDE) < text.given
    layers = (
        Polylines(name="", xy=lattice(), colour="muted", width=0.8, alpha=0.6),
        Labels(name="given", at=np.where(given[:, None], at, np.nan), texts=tuple(map(str, text.words)), size=1.1),
        Labels(
            name="drawn",
            at=np.where(given[:, None], np.nan, at),
            texts=tuple(map(str, text.words)),
            size=1.1,
            bold=True,
            colour="model",
        ),
        _ring(known),
    )
    return Panel("Its words", layers, EXTENT[:2], EXTENT[2:], axes=False, share=0.9)


def _next(q: np.ndarray, words: np.ndarray, known: np.ndarray) -> Panel:
    place = np.minimum(known, SIDE - 1)
    p = np.where(known[:, None] < SIDE, 100 * np.exp(q[place]), 0.0)
    drawn = np.where(np.arange(CODES) == words[place][:, None], p, 0.0)
    layers = (
        Bars(name="all codes", key="a", height=p, colour="muted"),
        Bars(name="drawn", key="d", height=drawn, colour="model"),
    )
    return chart("The next word, %", layers, (-1, CODES), (0, 100), x_label="code", share=1.2)


def _costs(known: np.ndarray, paid: np.ndarray, alone: np.ndarray) -> Panel:
    x = known.astype(float)
    curves = (
        Curve(name="by the prior", key="p", x=x, y=paid, colour="model"),
        Curve(name="by itself", key="i", x=x, y=alone, colour="data", dashed=True),
    )
    top = 1.1 * max(float(paid[-1]), float(alone[-1]), 1.0)
    return chart(
        "−log p of the new words", curves, (float(x[0]), SIDE), (0, top), x_label="words", y_label="nats", share=0.8
    )


def _stored(title: str, name: str) -> Panel:
    words = cache.arrays(PRIOR)[name][:BESIDE].astype(np.int64)
    decoded = network().decode_words(words)
    return sheet(title, framed(ink(decoded.reshape(BESIDE, -1))), 3, share=0.7)
