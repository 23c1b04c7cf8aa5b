"""Writing on from a prompt: a transformer that has read Shakespeare, letter by letter, and how the next is drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import (
    Bars,
    Claim,
    Curve,
    Handle,
    Panel,
    Polylines,
    Readout,
    Scene,
    Text,
    chart,
    said,
)
from dashboard.scene.drag import handle
from dashboard.scene.fields import placed, slider, typed
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.autoregressive.letters import read, shown
from genmodels.data.text import load_shakespeare
from genmodels.sampling import SamplingConfig, TextState, iterate_text, with_temperature
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint
from genmodels.transformer.config import shape_of
from genmodels.transformer.runtime import TransformerRuntime

NAME = "shakespeare"
BARS = 20
"""Letters that are shown, the most probable first; a cut at the right edge leaves all 65."""
PIECE, PASSAGES = 6, 100
"""Letters of the pieces whose repetition is counted; passages of the held-out text that it is compared with."""
UNREAD = 1_000
"""Letters of the held-out text in which it is looked up where surprise is."""
BAR = "│"
"""Stands between the prompt and what is written."""
MOST = 6.0
"""Nats at the deepest colour behind a letter."""


@dataclass(frozen=True)
class Config:
    """The prompt, how a letter is drawn, and where the two cuts were left."""

    prompt: str = typed("Prompt (↵ is a line's end)", "ROMEO:↵", 120)
    temperature: float = slider("Temperature T", 1.0, 0.0, 2.0, 0.05)
    letters: int = slider("Letters to write", 120, 40, 300, 20, folded=True)
    cut_k: int = placed(BARS, 1, BARS)
    cut_p: float = placed(1.0, 0.0, 1.0)
    seed: int = 0

    @property
    def top_k(self) -> int | None:
        """How many letters may be drawn; None where the cut stands at the right edge."""
        return self.cut_k if self.cut_k < BARS else None

    def sampling(self) -> SamplingConfig:
        """How a letter is drawn."""
        return SamplingConfig(temperature=self.temperature, top_k=self.top_k, top_p=self.cut_p)


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a cut was moved."""
    k, p = handle(values, "k")[0], handle(values, "p")[1]
    return replace(
        config,
        cut_k=int(np.clip(round(float(k)), 1, BARS)),
        cut_p=float(np.clip(round(float(p), 2), 0.0, 1.0)),
    )


def runtime() -> TransformerRuntime:
    """The stored network."""
    return cache.made(_runtime, NAME)


def _runtime(checkpoint: Checkpoint) -> TransformerRuntime:
    return TransformerRuntime(checkpoint.arrays, shape_of(checkpoint.entry.config))


def prompt_of(config: Config) -> np.ndarray:
    """The prompt's letters, ``(P,)``."""
    return read(config.prompt, load_shakespeare().alphabet, "The prompt")


@lru_cache(maxsize=32)
def _states(prompt: bytes, sampling: SamplingConfig, n: int, seed: int, sha256: str) -> tuple[TextState, ...]:
    rng = np.random.default_rng(seed)
    return tuple(iterate_text(runtime().follow(), np.frombuffer(prompt, np.int64), sampling, n, rng))


def scene(config: Config) -> Scene:
    """One frame for each letter written."""
    prompt = prompt_of(config)
    sha256 = cache.load(NAME).entry.sha256
    states = _states(prompt.tobytes(), config.sampling(), config.letters, config.seed, sha256)
    tokens, surprise = states[-1].tokens, -states[-1].said_log_p
    frames = len(states)
    drawn_from = np.array([state.drawn_from for state in states])
    so_far = surprise.cumsum()
    mean = np.r_[np.nan, so_far / np.arange(1, frames)]
    loop, babble = repeated(tokens[len(prompt) :]), unknown(tokens, len(prompt))
    theirs, most_loop, most_babble = of_shakespeare(config.letters)
    return Scene(
        panels=(
            _text(prompt, tokens, surprise, frames),
            _next(config, np.array([state.log_p for state in states]), drawn_from > 0),
            _judged(loop, babble, theirs),
        ),
        steps=np.arange(frames),
        time="letters written",
        readouts=(
            Readout("Σ log p", np.r_[0.0, -so_far], "nats", 1),
            Readout("surprise a letter", mean, "nats", 2),
            Readout("letters that may be drawn", (drawn_from > 0).sum(axis=1), digits=0),
            Readout("repeated", 100 * loop, "%", 0),
            Readout("Shakespeare's", 100 * theirs, "%", 0),
            Readout("words unknown", 100 * babble, "%", 0),
            Readout("in unread Shakespeare", np.full(frames, 100 * of_unread()), "%", 1),
        ),
        **said(
            frames,
            Claim(
                "It loops: more is repeated than in nine of ten passages by Shakespeare as long.", loop > most_loop
            ),
            Claim(
                "It babbles: more words unknown than in nine of ten unread passages by Shakespeare as long.",
                babble > most_babble,
            ),
            "The stronger the colour behind a letter, the more it surprised the model.",
        ),
        alt="A text that grows letter by letter, coloured by how surprising each letter was; the next letter's "
        "probabilities as sorted bars with two cuts; shares of repeated pieces and of unknown words.",
        fps=8,
        handles=(
            Handle("k", np.array([config.cut_k, 0.5]), panel=1, free="x", snap=1),
            Handle("p", np.array([0.55 * BARS, config.cut_p]), panel=1, free="y", colour="truth"),
        ),
    )


# Panels


def _text(prompt: np.ndarray, tokens: np.ndarray, surprise: np.ndarray, frames: int) -> Panel:
    """All in ink, so that it can be read on any colour; a bar stands between the prompt and what is written."""
    letters, surprises = load_shakespeare().alphabet.letters, -runtime().log_probs(prompt)
    codes = np.tile(np.insert(tokens, len(prompt), len(letters)), (frames, 1))
    codes[np.arange(len(tokens) + 1) > len(prompt) + np.arange(frames)[:, None]] = -1
    layer = Text(
        name="surprise −log p",
        key="s",
        codes=codes,
        values=np.r_[np.nan, surprises, np.nan, surprise],
        alphabet=letters + BAR,
        limits=(0.0, MOST),
        unit="nats",
    )
    return Panel("Prompt │ what the model writes", (layer,), (0, 1), (0, 1), equal=False, axes=False, share=1.1)


def _next(config: Config, log_p: np.ndarray, may: np.ndarray) -> Panel:
    """The 20 most probable letters at this temperature, in grey if cut off; their sum rises above them."""
    p = np.exp(with_temperature(log_p, config.temperature))
    order = np.argsort(-p, axis=1, kind="stable")[:, :BARS]
    height, kept = np.take_along_axis(p, order, 1), np.take_along_axis(may, order, 1)
    names = shown(load_shakespeare().alphabet.letters)
    sums = np.insert(height.cumsum(axis=1), 0, 0.0, axis=1)
    steps = np.stack([np.broadcast_to(np.arange(BARS + 1), sums.shape), sums], axis=-1)[:, None]
    k, top_p = config.cut_k, config.cut_p

    def bars(name: str, which: np.ndarray, colour: str) -> Bars:
        marks, x = np.where(which & (height > 0), order, -1), np.arange(BARS) + 0.5
        return Bars(name=name, height=np.where(which, height, np.nan), x=x, marks=marks, labels=names, colour=colour)

    layers = (
        bars("may be drawn", kept, "model"),
        bars("", ~kept, "muted"),
        Polylines(name="sum", key="u", xy=steps, colour="truth", width=2),
        Polylines(name="", xy=np.array([[[k, 0.0], [k, 1.0]]]), colour="model", dashed=True, width=2),
        Polylines(name="", xy=np.array([[[0.0, top_p], [BARS, top_p]]]), colour="truth", dashed=True, width=2),
    )
    title = "Next letter: p at this T (grey: cut off)"
    return chart(title, layers, (0.0, BARS + 0.4), (0.0, 1.08), "letters", "p", share=1.2)


def _judged(loop: np.ndarray, babble: np.ndarray, theirs: np.ndarray) -> Panel:
    t = np.arange(len(loop))
    level = np.stack([t[[0, -1]], np.full(2, 100 * of_unread())], axis=-1)[None]
    layers = (
        Curve(name="repeated", key="r", y=100 * loop, colour="model"),
        Curve(name="Shakespeare's", y=100 * theirs, colour="model", dashed=True),
        Curve(name="words unknown", key="w", y=100 * babble, colour="class0"),
        Polylines(name="in unread Shakespeare", xy=level, colour="class0", dashed=True),
    )
    return chart("Loop and babble, %", layers, (0.0, len(t) * 1.02), (0.0, 100.0), "letters", "", share=0.7)


# Judging


def repeated(tokens: np.ndarray) -> np.ndarray:
    """Of the first t letters, t = 0 … N: share of the pieces of six that stood there before, ``(…, N + 1)``."""
    tokens = np.asarray(tokens)
    found = np.full((*tokens.shape[:-1], tokens.shape[-1] + 1), np.nan)
    pieces = np.lib.stride_tricks.sliding_window_view(tokens, PIECE, axis=-1)
    for row, these in zip(found.reshape(-1, found.shape[-1]), pieces.reshape(-1, *pieces.shape[-2:]), strict=True):
        again = np.ones(len(these))
        again[np.unique(these, axis=0, return_index=True)[1]] = 0
        row[PIECE:] = again.cumsum() / np.arange(1, len(these) + 1)
    return found


@lru_cache(maxsize=8)
def passages(letters: int) -> np.ndarray:
    """Of the held-out text, each from the beginning of a line: ``(100, letters)``."""
    text = load_shakespeare()
    begins = np.flatnonzero(text.test[: -letters - 1] == text.alphabet.letters.index("\n")) + 1
    starts = begins[np.linspace(0, len(begins) - 1, PASSAGES).astype(int)]
    return text.test[starts[:, None] + np.arange(letters)]


@lru_cache(maxsize=8)
def of_shakespeare(letters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the passages after t letters, ``(letters + 1,)`` each: mean of what is repeated, and what nine of ten stay
    at or below in that, and in words unknown."""
    found = passages(letters)
    loops, babbles = repeated(found), np.array([unknown(passage, 0) for passage in found])
    return loops.mean(axis=0), _ninth(loops), _ninth(babbles)


def _ninth(shares: np.ndarray) -> np.ndarray:
    """What nine of ten rows stay at or below, in each column; NaN where a row has none yet."""
    return np.where(np.isnan(shares).any(axis=0), np.nan, np.sort(shares, axis=0)[9 * PASSAGES // 10 - 1])


WORD = re.compile(r"[A-Za-z']+")


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Words of the text that the network was trained on, in small letters."""
    text = load_shakespeare()
    return frozenset(WORD.findall(text.alphabet.decode(text.train).lower()))


@lru_cache(maxsize=1)
def of_unread() -> float:
    """Share of the words of the held-out text that the training text lacks, 0 … 1."""
    text = load_shakespeare()
    words = WORD.findall(text.alphabet.decode(text.test).lower())
    return float(np.mean([word not in vocabulary() for word in words]))


def unknown(tokens: np.ndarray, prompt: int) -> np.ndarray:
    """Of the words complete after t letters, t = 0 … N: share that the training text lacks; NaN before the first.

    A word is complete when a letter that belongs to none has followed it; what the prompt has begun counts with it.
    """
    text = load_shakespeare().alphabet.decode(tokens).lower()
    complete, lacking = np.zeros(len(text) - prompt + 1), np.zeros(len(text) - prompt + 1)
    for word in WORD.finditer(text):
        t = word.end() + 1 - prompt
        if word.end() > prompt and t < len(complete):
            complete[t] += 1
            lacking[t] += word.group() not in vocabulary()
    total = complete.cumsum()
    return np.where(total > 0, lacking.cumsum() / np.maximum(total, 1), np.nan)


# What stands on the page


def code(config: Config) -> str:
    """The text, letter by letter, and how surprising it was."""
    prompt = config.prompt.replace("↵", "\n")
    prompt_of(config)
    return snippet(
        "import numpy as np",
        "from genmodels.data.text import load_shakespeare",
        "from genmodels.sampling import SamplingConfig, iterate_text",
        "from genmodels.store.checkpoint import load",
        "from genmodels.transformer.config import shape_of",
        "from genmodels.transformer.runtime import TransformerRuntime",
        "alphabet, stored = load_shakespeare().alphabet, load('shakespeare')",
        "network = TransformerRuntime(stored.arrays, shape_of(stored.entry.config))",
        f"how, rng = {written(config.sampling())}, np.random.default_rng({config.seed})",
        f"prompt = alphabet.encode({prompt!r})",
        f"*_, state = iterate_text(network.follow(), prompt, how, {config.letters}, rng)",
        "print(alphabet.decode(state.tokens))",
        "shown = {",
        "    'Σ log p': state.said_log_p.sum(),",
        "    'surprise a letter': -state.said_log_p.mean(),",
        "    'letters that may be drawn': (state.drawn_from > 0).sum(),",
        "}",
    )


def sentences() -> tuple[str, ...]:
    """Where in a word the surprise is."""
    first, later = cache.made(_by_place, NAME)
    return (
        f"In {UNREAD:,} letters of unread Shakespeare, the first letter of a word surprises the model by {first:.2f} "
        f"nats on average, the fifth by {later:.2f}.",
    )


def _by_place(checkpoint: Checkpoint) -> tuple[float, float]:
    """Mean surprise of the first and of the fifth letters of words, nats."""
    text = load_shakespeare()
    tokens = text.test[:UNREAD]
    surprise = np.r_[np.nan, -_runtime(checkpoint).log_probs(tokens)]
    words = [word.span() for word in WORD.finditer(text.alphabet.decode(tokens)) if word.start()]
    first = np.mean([surprise[start] for start, _ in words])
    return float(first), float(np.mean([surprise[start + 4] for start, end in words if end - start > 4]))


def prompt_surprise(config: Config) -> float:
    """The challenge: nats a letter of the prompt, its first letter given; ∞ for one of fewer than 20 letters."""
    try:
        prompt = prompt_of(config)
    except ValueError:
        return float("inf")
    return -float(runtime().log_probs(prompt).mean()) if len(prompt) >= 20 else float("inf")
