r"""What each head of a transformer looks at: a search over all of them; without torch.

Two patterns can be told by the weights of attention a_ij alone (i the query, j the key):

    previous letter   a_i,i−1                                        the letter before
    induction         Σ_j a_ij over the j ≤ i with x_j−1 = x_i       what followed when this letter stood there before

The second is how a transformer copies: having seen ``ab … a``, it looks at ``b``. To tell it from mere liking for
certain letters, the text is K different letters in random order, and then *the same again*, which no text that was
learned from has prepared the network for: in the second half exactly one j belongs to each i. Both scores are means
over queries, 0 … 1; a head that looks at all letters alike scores ``chance``. That a head looks there does not say
that it matters: ``cost`` says by how much the second half gets less probable with that head cut.

Source: Elhage et al. (2021), *A mathematical framework for transformer circuits*; Olsson et al. (2022), *In-context
learning and induction heads*, arXiv:2209.11895.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genmodels.checks import check_letters, check_whole
from genmodels.transformer.runtime import Cut, TransformerRuntime, log_softmax


@dataclass(frozen=True, eq=False)
class HeadScores:
    """What was found of L layers of H heads.

    Attributes:
        previous: Attention to the letter before, ``(L, H)``.
        induction: To what followed the same letter, ``(L, H)``.
        cost: Nats a letter by which the repeated half gets less probable without the head, ``(L, H)``.
        chance: What a head that looks at all letters alike has as ``induction``.
        first, again: Nats a letter of the first half, and of its repetition.
    """

    previous: np.ndarray
    induction: np.ndarray
    cost: np.ndarray
    chance: float
    first: float
    again: float

    def best(self, scores: str) -> tuple[int, int]:
        """Layer and head, from 0, that have most of ``"previous"``, ``"induction"`` or ``"cost"``."""
        layer, head = np.unravel_index(np.argmax(getattr(self, scores)), self.previous.shape)
        return int(layer), int(head)


def previous_letter(attention: np.ndarray) -> np.ndarray:
    """Mean of a_i,i−1 over i ≥ 1, ``(…, T, T)`` to ``(…)``; T ≥ 2."""
    return np.diagonal(attention, offset=-1, axis1=-2, axis2=-1).mean(axis=-1)


def followed_the_same(tokens: np.ndarray) -> np.ndarray:
    """Whether the key j stands after an earlier letter that is the query i's own, ``(T,)`` to ``(T, T)`` bool.

    >>> followed_the_same(np.array([3, 5, 3])).astype(int)
    array([[0, 0, 0],
           [0, 0, 0],
           [0, 1, 0]])
    """
    ids = check_letters(tokens, np.iinfo(np.int64).max)
    before = np.append(-1, ids[:-1])
    return np.tril(before[None] == ids[:, None])


def induction(attention: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Mean of what each query gives to the letters that followed its own before, ``(…, T, T)`` to ``(…)``.

    Queries whose letter stands there for the first time are left out; NaN if all do.
    """
    target = followed_the_same(tokens)
    rows = target.any(axis=-1)
    if not rows.any():
        return np.full(attention.shape[:-2], np.nan)
    return (attention * target).sum(axis=-1)[..., rows].mean(axis=-1)


def twice(letters: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Different letters in random order, and the same again, ``(2 length,)`` int64; length ≤ letters."""
    check_whole("length", length, at_least=2)
    if length > letters:
        raise ValueError(f"length is {length}; there are only {letters} different letters.")
    half = rng.permutation(letters)[:length]
    return np.concatenate([half, half])


def search(runtime: TransformerRuntime, rng: np.random.Generator, n: int = 8) -> HeadScores:
    """Score every head on n random texts of two equal halves.

    Halves are up to as long as context and alphabet allow, and at least half of that: a head that looks back by a
    fixed distance is not taken for one that finds the letter.
    """
    check_whole("n", n, at_least=1)
    most = min(runtime.shape.context // 2, runtime.shape.letters)
    texts = [twice(runtime.shape.letters, int(rng.integers(max(most // 2, 2), most + 1)), rng) for _ in range(n)]
    parts = zip(*(_of(runtime, text) for text in texts), strict=True)
    previous, inducing, cost, first, again = (np.mean(part, axis=0) for part in parts)
    chance = np.mean([(1 / np.arange(len(text) // 2 + 1, len(text) + 1)).mean() for text in texts])
    return HeadScores(previous, inducing, cost, float(chance), float(first), float(again))


def _of(runtime: TransformerRuntime, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    reading, half = runtime.read(tokens), len(tokens) // 2

    def nats(logits: np.ndarray) -> np.ndarray:
        """Of each letter but the first."""
        return -log_softmax(logits[:-1].astype(np.float64))[np.arange(len(tokens) - 1), tokens[1:]]

    whole = nats(reading.logits)
    again = whole[half:].mean()  # the second half but its first letter, which nothing announces
    layers, heads = range(runtime.shape.layers), range(runtime.shape.heads)
    without = [[nats(runtime.without(reading, Cut(layer, head)))[half:].mean() for head in heads] for layer in layers]
    scores = previous_letter(reading.attention), induction(reading.attention, tokens)
    return *scores, np.array(without) - again, float(whole[: half - 1].mean()), float(again)
