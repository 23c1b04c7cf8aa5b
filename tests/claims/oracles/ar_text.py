"""What the captions of the autoregressive page's cues about letters claim."""

from __future__ import annotations

import itertools

import numpy as np

from genmodels.data.text import load_shakespeare
from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles.ar_text import share_again, their_passages, words_unknown


def table(shown: Shown) -> np.ndarray:
    """p(next | letter) of this frame, the first row on top."""
    values = np.asarray(shown.layer("p(next | letter)").values)
    return values[shown.frame] if values.ndim == 3 else values


def name_is_possible(shown: Shown) -> bool:
    """Asked of the picture of the table, pair by pair."""
    signs = ".abcdefghijklmnopqrstuvwxyz"
    chain = f".{shown.config.name.strip().lower()}."
    return all(table(shown)[26 - signs.index(a), signs.index(b)] > 0 for a, b in itertools.pairwise(chain))


def written(shown: Shown) -> str:
    layer = shown.layer("written")
    codes = np.asarray(layer.codes)[shown.frame].astype(int)
    return "".join(layer.alphabet[c] for c in codes if c >= 0)


def steps(shown: Shown, name: str) -> float:
    """By how much a loss is more than in the frame before."""
    values = shown.readouts(name)
    return float(values[shown.frame] - values[shown.frame - 1]) if shown.frame else float("nan")


def text(shown: Shown) -> tuple[str, int]:
    """Prompt and what was written; the prompt's letters."""
    layer = shown.layer("surprise −log p")
    codes, prompt = np.asarray(layer.codes)[shown.frame].astype(int), len(shown.config.prompt.replace("↵", "\n"))
    return load_shakespeare().alphabet.decode(np.delete(codes, prompt)), prompt  # without the bar between


def looped(shown: Shown) -> bool:
    """More repeated than in 90 of the 100 passages, of as many letters."""
    whole, prompt = text(shown)
    mine = share_again(whole[prompt:])
    return sum(share_again(one[: shown.frame]) < mine for one in their_passages(shown.config.letters)) >= 90


def babbled(shown: Shown) -> bool:
    whole, prompt = text(shown)
    mine = words_unknown(whole, prompt)
    return sum(words_unknown(one[: shown.frame], 0) < mine for one in their_passages(shown.config.letters)) >= 90


ORACLES = [
    Oracle(r"after each letter, all 27 signs are equally likely", lambda shown, _: np.allclose(table(shown), 1 / 27)),
    Oracle(r"^Your name is impossible here", lambda shown, _: not name_is_possible(shown)),
    Oracle(r"^Your name is possible here", lambda shown, _: name_is_possible(shown)),
    Oracle(r"^The end sign was drawn", lambda shown, _: written(shown).endswith("\n")),
    Oracle(
        r"one letter is all that is remembered",
        holds_whatever("a Markov chain: the row is its next step"),
    ),
    Oracle(r"^Held-out loss infinite", lambda shown, _: np.isinf(shown.readout("loss, held out"))),
    Oracle(r"^n = 1: how often each letter comes", lambda shown, _: shown.frame == 0),
    Oracle(
        r"less loss on what was read, and on what was held out",
        lambda shown, _: steps(shown, "loss, read") < 0 and steps(shown, "loss, held out") < 0,
    ),
    Oracle(
        r"^It knows by heart: less loss on what was read, more on what was held out",
        lambda shown, _: steps(shown, "loss, read") < 0 and steps(shown, "loss, held out") > 0,
    ),
    Oracle(
        r"and more loss on both",
        lambda shown, _: steps(shown, "loss, read") >= 0 and steps(shown, "loss, held out") > 0,
    ),
    Oracle(r"^One letter more in memory\.$", holds_whatever("n is the frame")),
    Oracle(r"^It loops: more is repeated than in nine of ten passages", lambda shown, _: looped(shown)),
    Oracle(r"^It babbles: more words unknown than in nine of ten", lambda shown, _: babbled(shown)),
    Oracle(r"^The stronger the colour behind a letter", holds_whatever("the colour map rises with −log p")),
]
