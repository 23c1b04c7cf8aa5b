"""A test digit as 49 words: swap one by hand, and see what its code stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Claim, Field, Handle, Labels, Panel, Polylines, Readout, Scene, first_true, said
from dashboard.scene.drag import handle, moved
from dashboard.scene.fields import placed, slider, written
from dashboard.scene.snippet import snippet
from dashboard.scenes.codes.setup import (
    CODES,
    EXTENT,
    GRID,
    JUDGE,
    ROUNDED,
    SIDE,
    WORDS,
    digits,
    judge,
    lattice,
    network,
    places,
    square,
)
from dashboard.scenes.pictures import framed, ink, picture
from genmodels.store import cache

COLUMNS = 8
SHEET = (-0.5, COLUMNS - 0.5, -0.5, COLUMNS - 0.5)
PALE = 0.3
BESIDE_KNOB = np.array([-0.28, 0.31])
GOAL = 4
NEEDS = (WORDS, ROUNDED, JUDGE)


@dataclass(frozen=True)
class Config:
    """Which digit, where the hand is, and what was swapped.

    Args:
        digit: Index of the test digit.
        column, row: The place that is held, from the left and from below, 0 … 6.
        swaps: ``"PLACE:CODE,…"``; places by rows from the top left.
    """

    digit: int = slider("Test digit", 4, 0, 499, 1)
    column: float = placed(3.0, 0, GRID - 1)
    row: float = placed(3.0, 0, GRID - 1)
    swaps: str = written("")

    @property
    def place(self) -> int:
        """The place that is held, 0 … 48, by rows from the top left."""
        return GRID * (GRID - 1 - round(self.row)) + round(self.column)

    def swapped(self) -> dict[int, int]:
        """Codes by places.

        Raises:
            ValueError: The link does not say pairs of a place and a code.
        """
        if not self.swaps:
            return {}
        try:
            pairs = (part.split(":") for part in self.swaps.split(","))
            found = {int(place): int(code) for place, code in pairs}
        except ValueError as why:
            raise ValueError(f"The swaps {self.swaps[:60]!r} are not pairs PLACE:CODE with commas between.") from why
        if not all(0 <= place < SIDE and 0 <= code < CODES for place, code in found.items()):
            raise ValueError(f"The swaps {self.swaps[:60]!r} must name places 0…{SIDE - 1} and codes 0…{CODES - 1}.")
        return found


class Read(NamedTuple):
    """A digit through the stored networks.

    Attributes:
        words: Its own, ``(49,)``.
        copy: Decoded from them, ``(28, 28)``.
        rounded: Through the network that rounds, ``(28, 28)``.
        taken_for: The class that the classifier sees in the copy.
    """

    words: np.ndarray
    copy: np.ndarray
    rounded: np.ndarray
    taken_for: int


def read(digit: int) -> Read:
    """What does not depend on swaps."""
    return _read(digit, *(cache.load(name).entry.sha256 for name in NEEDS))


@lru_cache(maxsize=64)
def _read(digit: int, *_: str) -> Read:
    x = digits()[[digit]]
    words = network().words(x)
    copy = network().decode_words(words)
    return Read(words.ravel(), copy[0], network(ROUNDED)(x)[0], int(judge(copy).argmax()))


def spoken(config: Config) -> np.ndarray:
    """The words with what was swapped, ``(49,)``."""
    words = read(config.digit).words.copy()
    for place, code in config.swapped().items():
        words[place] = code
    return words


def scene(config: Config) -> Scene:
    """One frame: words, picture, what differs, and the book."""
    own, words = read(config.digit), spoken(config)
    x = digits()[config.digit]
    made = network().decode_words(words.reshape(1, GRID, GRID))[0]
    p = judge(made[None])[0]
    changed = int((words != own.words).sum())
    errors = [float(np.square(x - one, dtype=np.float64).sum()) for one in (own.copy, made, own.rounded)]
    here = int(words[config.place])
    return Scene(
        panels=(
            _words(config, words),
            _decoded(config, made),
            _book(here),
            _difference(config, made - own.copy),
            _beside(x, own),
        ),
        steps=np.array([0]),
        time="frame",
        readouts=(
            Readout("code here", here, "", 0),
            Readout("its own", own.words[config.place], "", 0),
            Readout("words swapped", changed, "", 0),
            Readout("error, its words", errors[0], "", 2),
            Readout("error, swapped", errors[1], "", 2),
            Readout("error, rounded", errors[2], "", 2),
            Readout("taken for a", p.argmax(), "", 0),
            Readout("with p", p.max(), "", 2),
        ),
        **said(1, *_claims(changed, errors, int(p.argmax()), own.taken_for)),
        alt="A digit as 49 numbers of codes, the picture decoded from them, and the code book as small pictures.",
        fps=1,
        handles=(
            Handle("place", places()[config.place], snap=1, probe=True, colour="class0"),
            Handle("code", _in_book(here), panel=2, snap=1, probe=True),
        ),
    )


def code(config: Config) -> str:
    """The words, what was swapped, and both networks' errors."""
    swaps = config.swapped()
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vq.runtime import ForwardVQ",
        f"by_words, rounding = (ForwardVQ.of(load(name)) for name in ({WORDS!r}, {ROUNDED!r}))",
        f"x = load_mnist().test.images[[{config.digit}]] / np.float32(255)",
        "words = by_words.words(x)",
        "said = words.copy()",
        f"said.reshape(-1)[{list(swaps)}] = {list(swaps.values())}" if swaps else "",
        "decoded = by_words.decode_words(said)",
        "error = lambda copy: ((x - copy) ** 2).sum()",
        "shown = {",
        "    'words swapped': (said != words).sum(),",
        "    'error, its words': error(by_words(x)), 'error, swapped': error(decoded),",
        "    'error, rounded': error(rounding(x)),",
        "    'Decoded from the words': np.clip(255 * decoded, 0, 255).round(),",
        "}",
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after another place was taken, or another code put there."""
    if moved(values) == "code":
        column, row = np.clip(np.round(handle(values, "code")), 0, COLUMNS - 1).astype(int)
        swaps = config.swapped() | {config.place: int(COLUMNS * (COLUMNS - 1 - row) + column)}
        own = read(config.digit).words
        kept = {place: code for place, code in sorted(swaps.items()) if own[place] != code}
        return replace(config, swaps=",".join(f"{place}:{code}" for place, code in kept.items()))
    column, row = np.clip(np.round(handle(values, "place")), 0, GRID - 1).tolist()
    return replace(config, column=float(column), row=float(row))


def needed(config: Config) -> float:
    """The challenge's score: how many words differ, or 49 while the classifier sees what it saw before."""
    own, words = read(config.digit), spoken(config)
    p = judge(network().decode_words(words.reshape(1, GRID, GRID)))[0]
    return float((words != own.words).sum()) if p.argmax() != own.taken_for else float(SIDE)


def sentences() -> tuple[str, ...]:
    """What the stored figures say."""
    words, rounded = (cache.load(name).entry.metrics["error"] for name in (WORDS, ROUNDED))
    return (
        f"Over 500 test digits the squared error of a picture is {words:.2f} by words and {rounded:.2f} rounded: "
        + first_true(
            Claim("codes that are free to go where the data are copy better than a grid.", words < rounded),
            "a learned book is no better than a grid here.",
        ),
    )


def _claims(changed: int, errors: list[float], taken_for: int, before: int) -> list[Claim | str]:
    words, swapped, rounded = errors
    return [
        Claim(
            "No word is swapped: by words the copy is nearer to x than rounded.",
            not changed and words < rounded,
        ),
        Claim("No word is swapped: rounded, of as many bits, the copy is no farther from x.", not changed),
        Claim("The classifier now takes it for another digit.", taken_for != before),
        Claim(
            "Swapped, and nearer to x: the nearest code need not be the best.",
            swapped < words,
        ),
        "Swapped: the picture has changed around each place swapped.",
    ]


def _in_book(code: int) -> np.ndarray:
    """Where a code stands on the sheet."""
    return np.array([code % COLUMNS, COLUMNS - 1 - code // COLUMNS], dtype=float)


def _beside(x: np.ndarray, own: Read) -> Panel:
    """The digit, and both ways to write it."""
    shown = {"x": x, "49 words": own.copy, "rounded": own.rounded}
    sheets = [
        picture(framed(ink(one.reshape(1, -1))), (1.1 * k, 1.0), 1, name=name)
        for k, (name, one) in enumerate(shown.items())
    ]
    at = np.array([(1.1 * k + 0.5, 1.1) for k in range(len(shown))])
    labels = Labels(name="", at=at, texts=tuple(shown))
    return Panel("x, and twice 294 bits", (*sheets, labels), (0, 3.2), (0, 1.25), axes=False, share=1.2)


def _words(config: Config, words: np.ndarray) -> Panel:
    """Numbers over the pale digit; the held place has 64 labels of its own, so that they can change while dragged."""
    at, held = places(), config.place
    others = at.copy()
    others[held] = np.nan
    here = np.full((CODES, 2), np.nan)
    here[words[held]] = at[held] + BESIDE_KNOB
    pale = ink((PALE * digits()[config.digit]).reshape(1, -1))
    layers = (
        picture(pale, (EXTENT[0], EXTENT[3]), GRID),
        Polylines(name="", xy=lattice(), colour="muted", width=0.8, alpha=0.6),
        Polylines(name="", xy=square(at[held])[None], closed=True, colour="class0", width=3),
        Labels(name="numbers of codes", key="n", at=others, texts=tuple(map(str, words)), size=1.1),
        Labels(name="", at=here, texts=tuple(map(str, range(CODES))), size=1.1, bold=True, colour="model"),
    )
    return Panel("49 words: click a place", layers, EXTENT[:2], EXTENT[2:], axes=False, share=1.2)


def _decoded(config: Config, made: np.ndarray) -> Panel:
    layers = (
        picture(ink(made.reshape(1, -1)), (EXTENT[0], EXTENT[3]), GRID),
        Polylines(name="", xy=square(places()[config.place])[None], closed=True, colour="class0", width=3),
    )
    return Panel("Decoded from the words", layers, EXTENT[:2], EXTENT[2:], axes=False, share=1.1)


def _difference(config: Config, by: np.ndarray) -> Panel:
    layers = (
        Field(
            name="more or less ink",
            values=by[::-1].astype(np.float32),
            extent=EXTENT,
            limits=(-1, 1),
            colour_map="diverging",
            crisp=True,
        ),
        Polylines(name="", xy=square(places()[config.place])[None], closed=True, colour="class0", width=3),
    )
    return Panel("What the swaps change", layers, EXTENT[:2], EXTENT[2:], axes=False, share=0.8)


def _book(here: int) -> Panel:
    patches = framed(cache.load(WORDS).arrays["patches"])
    layers = (
        picture(patches, (SHEET[0], SHEET[3]), 1, COLUMNS),
        Polylines(name="", xy=square(_in_book(here))[None], closed=True, colour="model", width=3),
    )
    return Panel("The book: click a code", layers, SHEET[:2], SHEET[2:], axes=False, share=1.2)
