r"""A prior over words: which of the K^(h w) possible pictures are some, by the transformer.

    log p(k) = Σ_i log p(k_i | k_1 … k_{i−1}),      i along the rows of the grid h × w

The words of a picture are read as a text of h w letters, K of them, before which a start sign stands, the letter K.
That is all there is to it: an autoregressive model of numbers that somebody else chose, here that of
:mod:`genmodels.transformer`, whose config and runtime are used as they are. What it has to be told is short: 49 words
instead of 784 pixels. The start sign is never drawn: p is the softmax over the K codes alone, so that it sums to 1
over all pictures.

Beside it stands what no word tells another: each drawn by itself, as often as it stands at its place
(:func:`word_shares`).

Source: van den Oord, Vinyals & Kavukcuoglu (2017), arXiv:1711.00937, 3.3 (there, a PixelCNN).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.checks import check_number, check_whole
from genmodels.transformer.config import shape_of
from genmodels.transformer.runtime import TransformerRuntime, log_softmax
from genmodels.vq.measures import check_words

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint


def as_rows(words: Any, n_codes: int) -> np.ndarray:
    """Words ``(N, h, w)`` as rows that begin with the start sign, ``(N, 1 + h w)`` int64; what the transformer reads.

    >>> as_rows([[[3, 1], [0, 2]]], 4).tolist()
    [[4, 3, 1, 0, 2]]
    """
    words = check_words(words, n_codes)
    if words.ndim != 3:
        raise ValueError(f"Words must have the shape (N, h, w), one grid a picture; got {words.shape}.")
    return np.insert(words.reshape(len(words), -1), 0, n_codes, axis=1)


def word_shares(words: Any, n_codes: int) -> np.ndarray:
    """How often each word stands at each place, ``(N, h, w)`` to ``(h, w, K)``; (n + 1/K)/(N + 1), sums to 1."""
    words = check_words(words, n_codes)
    counts = (words[..., None] == np.arange(n_codes)).sum(axis=0)
    return (counts + 1 / n_codes) / (len(words) + 1)


class WordsPrior:
    """p(k), and pictures' words drawn from it.

    Args:
        arrays: The transformer's weights, of a state or a checkpoint, packed or not.
        config: Holds the transformer's shape; ``letters`` is K + 1.
        grid: (h, w).
        dtype: Of the arithmetic.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        config: Mapping[str, Any],
        grid: tuple[int, int] = (7, 7),
        dtype: Any = np.float32,
    ) -> None:
        self.runtime, self.grid = TransformerRuntime(arrays, shape_of(dict(config)), dtype), grid
        self.n_codes, self.n_words = self.runtime.shape.letters - 1, grid[0] * grid[1]
        if self.runtime.shape.context < self.n_words:
            raise ValueError(
                f"The transformer reads {self.runtime.shape.context} letters; a grid {grid} needs {self.n_words}."
            )

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> WordsPrior:
        """The prior of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        config = checkpoint.entry.config
        return cls(checkpoint.arrays, config["transformer"], tuple(config["grid"]))

    def log_prob_of_words(self, words: Any) -> np.ndarray:
        """log p of each word given those before it, ``(N, h, w)`` to the same float64, nats."""
        rows = as_rows(words, self.n_codes)
        found = np.empty((len(rows), self.n_words))
        for row, log_p in zip(rows, found, strict=True):
            every = log_softmax(self.runtime.read(row[:-1]).logits[:, : self.n_codes].astype(np.float64))
            log_p[:] = every[np.arange(self.n_words), row[1:]]
        return found.reshape(-1, *self.grid)

    def log_prob(self, words: Any) -> np.ndarray:
        """log p of each picture's words, ``(N, h, w)`` to ``(N,)`` float64, nats."""
        return self.log_prob_of_words(words).sum(axis=(1, 2))

    def log_next(self, before: Any) -> np.ndarray:
        """log p of every word at the next place, after those before it ``(i,)``, 0 ≤ i < h w: ``(K,)`` float64."""
        ids = check_words(before, self.n_codes).ravel()
        if len(ids) >= self.n_words:
            raise ValueError(f"{len(ids)} words are given; a picture has {self.n_words}, and none comes after them.")
        logits = self.runtime.read(np.insert(ids, 0, self.n_codes)).logits[-1, : self.n_codes]
        return log_softmax(logits.astype(np.float64))

    def write(self, rng: np.random.Generator, before: Any = (), temperature: float = 1.0) -> Iterator[int]:
        """Draw the words of a picture one after the other.

        Args:
            rng: Advances by one number a word.
            before: The first words, ``(i,)``, if they are given; they are not yielded.
            temperature: Above 0; 1 draws from p itself.
        """
        check_number("temperature", temperature, above=0)
        ids = check_words(before, self.n_codes).ravel()
        check_whole("How many words are left", self.n_words - len(ids), at_least=0)
        memory = self.runtime.memory()
        logits = self.runtime.hear(memory, self.n_codes)
        for word in ids:
            logits = self.runtime.hear(memory, int(word))
        for i in range(len(ids), self.n_words):
            log_p = log_softmax(logits[: self.n_codes].astype(np.float64) / temperature)
            word = min(int(np.searchsorted(np.exp(log_p).cumsum(), rng.random(), "right")), self.n_codes - 1)
            yield word
            if i < self.n_words - 1:
                logits = self.runtime.hear(memory, word)

    def draw(self, n: int, rng: np.random.Generator, temperature: float = 1.0) -> np.ndarray:
        """The words of n new pictures, ``(n, h, w)`` int64."""
        check_whole("n", n, at_least=0)
        drawn = [list(self.write(rng, (), temperature)) for _ in range(n)]
        return np.array(drawn, dtype=np.int64).reshape(n, *self.grid)
