"""Counting pairs of letters: the 2-gram of first names as a table, read name by name, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from string import ascii_lowercase
from typing import Any

import numpy as np

from dashboard.scene import Bars, Claim, Field, Handle, Panel, Points, Polylines, Readout, Scene, Text, chart, said
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, placed, slider, typed
from dashboard.scene.snippet import snippet
from dashboard.scenes.autoregressive.letters import known_names, read, write_names
from genmodels.data.text import END, Alphabet, load_names
from genmodels.ngram import NGram, NGramConfig

WATCH = {"reads": "It reads names", "writes": "It writes names"}
READ, WROTE, LONGEST, LETTERS = 40, 8, 12, 60
"""Frames while names are read; names that each frame's table writes, their letters; letters written one by one."""
TOP = 8.0
"""Nats at the upper end of the bars of one's own name; what is infinite reaches it."""
SIGNS = END + ascii_lowercase
ALPHABET = SIGNS + "\n…"
BREAK, MORE = 27, 28


@dataclass(frozen=True)
class Config:
    """What to watch, the pseudo-count, a name of one's own, and the cell under the hand."""

    watch: str = choice("Watch", "reads", WATCH)
    alpha: float = slider("Pseudo-count α", 0.0, 0.0, 2.0, 0.05)
    name: str = typed("A name of yours (a–z)", "zoey", 14)
    first: int = placed(1, 0, 26)
    second: int = placed(14, 0, 26)
    seed: int = 0

    def rows(self) -> np.ndarray:
        """The name with its end signs, ``(1, T)``."""
        name = self.name.strip().lower()
        if END in name:
            raise ValueError("The name holds a full stop, which is the sign that it ends; type letters a–z alone.")
        read(name, Alphabet(ascii_lowercase), "The name")
        return load_names().rows([name])


@dataclass(frozen=True, eq=False)
class Tables:
    """What has been counted at each frame: names read ``(F,)``, c and p ``(F, 27, 27)``, nats a letter held out."""

    steps: np.ndarray
    counts: np.ndarray
    p: np.ndarray
    held_out: np.ndarray


@lru_cache(maxsize=4)
def tables(alpha: float) -> Tables:
    """The 2-gram of the first names, of none up to all."""
    names = load_names()
    steps = np.unique(np.r_[0, np.geomspace(1, len(names.train), READ).round().astype(int)])
    models = [NGram(names.train[:n], NGramConfig(alpha=alpha)) for n in steps]
    return Tables(
        steps,
        np.array([model.counts() for model in models]),
        np.array([model.table() for model in models]),
        np.array([model.nats_per_letter(names.test) for model in models]),
    )


@lru_cache(maxsize=4)
def whole(alpha: float) -> NGram:
    """The 2-gram of all names."""
    return NGram(load_names().train, NGramConfig(alpha=alpha))


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the hand has gone to another cell."""
    x, y = np.clip(handle(values, "cell").round().astype(int), 0, 26).tolist()
    return replace(config, first=26 - y, second=x)


def scene(config: Config) -> Scene:
    """Names are read, or one is written."""
    return _reading(config) if config.watch == "reads" else _writing(config)


# It reads


def _reading(config: Config) -> Scene:
    seen, row = tables(config.alpha), config.rows()[0]
    frames, first, second = len(seen.steps), config.first, config.second
    codes, real = _written(config.alpha, config.seed)
    log_p = _log(seen.p[:, row[:-1], row[1:]])
    outlined = np.full(frames, first)
    hand = Points(name="", xy=np.array([[second, 26 - first]]), radius=5, colour="model")
    mine = log_p.sum(axis=1)
    return Scene(
        panels=(
            _table(seen.p, outlined, hand),
            _row(seen.p[:, first], np.full(frames, second)),
            _names_panel(codes, real),
            _mine(row, log_p),
        ),
        steps=seen.steps,
        time="names read",
        readouts=(
            Readout("pairs seen, of 729", (seen.counts > 0).sum(axis=(1, 2)), digits=0),
            Readout("loss on held-out names", seen.held_out, "nats a letter", 3),
            Readout("log p(your name)", mine, "nats", 2),
            Readout("p in the cell", seen.p[:, first, second], digits=3),
            Readout("times seen", seen.counts[:, first, second], digits=0),
        ),
        **said(
            frames,
            Claim("Nothing is read yet: after each letter, all 27 signs are equally likely.", seen.steps == 0),
            Claim("Your name is impossible here: a pair in it has probability 0, so log p = −∞.", np.isinf(mine)),
            Claim("Your name is possible here: no pair in it has probability 0.", np.isfinite(mine)),
        ),
        alt="A table of 27 by 27 letter pairs that fills while names are read, one of its rows as bars, names that "
        "it writes, and how surprising a name of one's own is, letter by letter.",
        fps=6,
        handles=(Handle("cell", np.array([second, 26 - first]), snap=1, probe=True),),
    )


@lru_cache(maxsize=8)
def _written(alpha: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight names by each frame's table, the same random numbers for all: codes, 1 for a name's, ``(F, N)``."""
    names = load_names()
    rows = [
        write_names(NGram(names.train[:n], NGramConfig(alpha=alpha)), WROTE, LONGEST, seed)
        for n in tables(alpha).steps
    ]
    return _as_text(rows)


def _as_text(rows: list[list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Names as lines, "…" after one that has not ended; those that are on the list have 1 behind their letters."""
    codes = np.full((len(rows), WROTE * (LONGEST + 2)), -1)
    real = np.full(codes.shape, np.nan)
    alphabet = load_names().alphabet
    for f, names in enumerate(rows):
        at = 0
        for name in names:
            ended = name[-1] == 0
            line = [*([BREAK] if at else []), *(name[:-1] if ended else name).tolist(), *([] if ended else [MORE])]
            codes[f, at : at + len(line)] = line
            if ended and alphabet.decode(name[:-1]) in known_names():
                real[f, at : at + len(line)] = 1.0
            at += len(line)
    return codes, real


# It writes


@lru_cache(maxsize=8)
def _letters(alpha: float, seed: int) -> np.ndarray:
    """One name after the other, as it is written: the end sign that is given, then 60 letters, ``(61,)``."""
    names = write_names(whole(alpha), LETTERS, 10 * LETTERS, seed)
    return np.r_[0, np.concatenate(names)][: LETTERS + 1]


def _writing(config: Config) -> Scene:
    model, row, letters = whole(config.alpha), config.rows()[0], _letters(config.alpha, config.seed)
    p, frames = model.table(), LETTERS + 1
    before = np.r_[-1, letters[:-1]]
    each = np.r_[0.0, _log(p[letters[:-1], letters[1:]])]
    codes = np.tile(np.where(letters[1:] == 0, BREAK, letters[1:]), (frames, 1))
    codes[np.arange(LETTERS)[None] >= np.arange(frames)[:, None]] = -1
    cell = np.stack([letters, 26.0 - before], axis=1)[:, None]
    cell[0] = np.nan
    drawn = Points(name="", xy=cell, radius=5, colour="model")
    log_p = _log(p[row[:-1], row[1:]])
    return Scene(
        panels=(
            _table(p, letters, drawn),
            _row(p[letters], None),
            _names_panel(codes, None),
            _mine(row, log_p),
        ),
        steps=np.arange(frames),
        time="letters written",
        readouts=(
            Readout("log p of the last one", np.where(before < 0, np.nan, each), "nats", 2),
            Readout("Σ log p of all", each.cumsum(), "nats", 1),
            Readout("log p(your name)", np.full(frames, log_p.sum()), "nats", 2),
        ),
        **said(
            frames,
            Claim("The end sign was drawn: a name is complete, and the next begins.", (letters == 0) & (before >= 0)),
            "The next letter is drawn from the outlined row: one letter is all that is remembered.",
        ),
        alt="A table of 27 by 27 letter pairs; names are written each letter from the row of the last.",
        fps=3,
    )


# Panels


def _table(p: np.ndarray, row: np.ndarray, *marks: Points) -> Panel:
    """p(next | letter), the first row on top; the row that is shown as bars has an outline."""
    top, low = 26.5 - row, 25.5 - row
    left, right = np.full(len(row), -0.5), np.full(len(row), 26.5)
    box = np.stack([np.stack(pair, -1) for pair in ((left, low), (right, low), (right, top), (left, top))], 1)
    layers = (
        Field(
            name="p(next | letter)",
            values=p[..., ::-1, :],
            extent=(-0.5, 26.5, -0.5, 26.5),
            limits=(0.0, 0.4),
            crisp=True,
        ),
        Polylines(name="", xy=box[:, None], closed=True, colour="model", width=2.5),
        *marks,
    )
    ends = (-0.5, 26.5)
    return Panel(
        "Row: a letter. Column: what comes next",
        layers,
        ends,
        ends,
        x_names=tuple(SIGNS),
        y_names=tuple(SIGNS[::-1]),
        share=1.5,
    )


def _row(p: np.ndarray, marked: np.ndarray | None) -> Panel:
    """The outlined row as bars; the column under the hand in the model's colour."""
    layers = [Bars(name="p(next | letter) of the row", height=p, colour="muted")]
    if marked is not None:
        here = np.arange(27) == marked[:, None]
        layers.append(Bars(name="under the hand", height=np.where(here, p, np.nan), colour="model"))
    panel = chart("The outlined row", tuple(layers), (-0.7, 26.7), (0.0, 1.0), y_label="p")
    return replace(panel, x_names=tuple(SIGNS))


def _names_panel(codes: np.ndarray, real: np.ndarray | None) -> Panel:
    title = "It writes (shaded: a name)" if real is not None else "It writes"
    text = Text(name="written", codes=codes, alphabet=ALPHABET, values=real)
    return Panel(title, (text,), (0, 1), (0, 1), equal=False, axes=False, share=0.8)


def _mine(row: np.ndarray, log_p: np.ndarray) -> Panel:
    """−log p of each letter of one's own name; what is infinite is as high as there is room, and says so."""
    marks = np.where(np.isinf(log_p), 0, -1)
    bars = Bars(
        name="surprise of your name",
        height=np.minimum(-log_p, TOP),
        marks=marks,
        labels=("∞",),
        colour="data",
    )
    panel = chart("Your name: surprise −log p", (bars,), (-0.7, len(row) - 1.3), (0.0, TOP + 1), y_label="nats")
    return replace(panel, x_names=tuple(SIGNS[letter] for letter in row[1:]))


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p)


# What stands on the page


def code(config: Config) -> str:
    """The counts, the table, and log p of the name."""
    name = load_names().alphabet.decode(config.rows()[0])[1:-1]
    counted = (
        "import numpy as np",
        "from genmodels.data.text import END, Alphabet, load_names",
        "from genmodels.ngram import NGramConfig, fit_ngram",
        "names = load_names()",
        f"model = fit_ngram(names.train, NGramConfig(order=2, alpha={config.alpha!r}))",
        "p = model.table()  # p(next | letter), one row a letter",
        f"own = names.rows([{name!r}])  # with its end signs",
    )
    if config.watch == "reads":
        return snippet(
            *counted,
            "shown = {",
            "    'pairs seen, of 729': model.n_entries,",
            "    'loss on held-out names': model.nats_per_letter(names.test),",
            "    'log p(your name)': model.log_probs(own).sum(),",
            "    'p(next | letter)': p[::-1],  # the first row on top",
            f"    'p in the cell': p[{config.first}, {config.second}],",
            f"    'times seen': model.counts()[{config.first}, {config.second}],",
            "}",
        )
    return snippet(
        *counted,
        "from genmodels.sampling import SamplingConfig, say",
        f"choose = SamplingConfig().choose(np.random.default_rng({config.seed}))  # draws from p itself",
        "said = [0]  # the end sign, after which a name begins",
        f"while len(said) <= {LETTERS}:",
        "    said += say(model.log_next, [0], choose, 1000, end=0)",
        f"said = np.array(said[:{LETTERS + 1}])",
        "shown = {",
        "    'Σ log p of all': np.log(p[said[:-1], said[1:]]).sum(),",
        "    'log p of the last one': np.log(p[said[-2], said[-1]]),",
        "    'log p(your name)': model.log_probs(own).sum(),",
        "}",
    )


@lru_cache(maxsize=16)
def quiz(seed: int) -> tuple[list[str], str, str]:
    """Three names in the alphabet's order, which of them the table has invented, and why one could not tell.

    The invented one is the most probable, per letter, of 200 draws that are on no list; the two others are the
    held-out names nearest to it in that.
    """
    model, names = whole(0.0), load_names()
    drawn = {names.alphabet.decode(name[:-1]) for name in write_names(model, 200, LONGEST, seed) if name[-1] == 0}
    invented = _by_surprise(model, [name for name in sorted(drawn - known_names()) if 5 <= len(name) <= 7])
    best = min(invented, key=lambda name: invented[name])
    held_out = [names.alphabet.decode(row).strip(".") for row in names.test]
    real = _by_surprise(model, [name for name in held_out if 5 <= len(name) <= 7])
    two = sorted(real, key=lambda name: abs(real[name] - invented[best]))[:2]
    because = (
        f"{best} is not on the list. The table gives it {invented[best]:.2f} nats a letter, {two[0]} "
        f"{real[two[0]]:.2f} and {two[1]} {real[two[1]]:.2f}."
    )
    return sorted([best, *two]), best, because


def _by_surprise(model: NGram, names: list[str]) -> dict[str, float]:
    """Nats a letter of each name, the end sign included."""
    log_p = model.log_probs(load_names().rows(names))
    return dict(zip(names, (-np.nanmean(log_p, axis=1)).tolist(), strict=True))


def impossible() -> int:
    """How many held-out names hold a pair that no name read has."""
    return int(np.isinf(np.nansum(whole(0.0).log_probs(load_names().test), axis=1)).sum())
