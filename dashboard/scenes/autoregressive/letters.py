"""Letters as they are shown, and the names that a table of letters writes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from genmodels.data.text import END, Alphabet, load_names
from genmodels.ngram import NGram
from genmodels.sampling import SamplingConfig, say

BREAK = "↵"
"""Stands for a line's end where letters are shown or typed in one line."""


def shown(letters: str) -> tuple[str, ...]:
    """Each letter as one reads it by itself: a space as ␣, a line's end as ↵."""
    return tuple({" ": "␣", "\n": BREAK}.get(letter, letter) for letter in letters)


def read(text: str, alphabet: Alphabet, what: str) -> np.ndarray:
    """The numbers of a text that somebody has typed, ``(N,)`` int64.

    Args:
        text: ↵ stands for a line's end.
        alphabet: Whose letters it may hold.
        what: What it is called in the sentence that refuses it.

    Raises:
        ValueError: It is empty or holds other letters.
    """
    text = text.replace(BREAK, "\n")
    if not text:
        raise ValueError(f"{what} is empty; type one letter or more.")
    unknown = sorted(set(text) - set(alphabet.letters))
    if unknown:
        known = " ".join(letter for letter in shown(alphabet.letters) if not letter.isalpha() or letter in "azAZ")
        known = known.replace("A Z", "A–Z").replace("a z", "a–z")
        raise ValueError(
            f"{what} holds {', '.join(unknown[:5])}, which the model has never seen; use only these: {known}"
        )
    return alphabet.encode(text)


@lru_cache(maxsize=1)
def known_names() -> frozenset[str]:
    """All names of the data, read and held out."""
    return frozenset(load_names().percent)


def write_names(model: NGram, names: int, longest: int, seed: int) -> list[np.ndarray]:
    """Names drawn from p itself, each with its end sign, at most so many letters: ``(T,)`` int64 each."""
    table = np.log(model.table(), where=model.table() > 0, out=np.full((27, 27), -np.inf))
    choose = SamplingConfig().choose(np.random.default_rng(seed))
    end = load_names().alphabet.letters.index(END)
    return [
        np.array(list(say(lambda text: table[text[-1]], [end], choose, longest, end)), dtype=np.int64)
        for _ in range(names)
    ]
