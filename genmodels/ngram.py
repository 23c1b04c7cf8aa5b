r"""n-grams: the next letter from the n − 1 before it, by counting.

With h the n − 1 letters before, c(hw) how often the letter w followed them, and c(h) = Σ_w c(hw):

*Add-α* (Laplace 1814; Lidstone 1920), a pseudo-count for every letter,

    p(w | h) = (c(hw) + α) / (c(h) + α V)

At α = 0 these are the shares themselves: what was never seen has p = 0 and log p = −∞, and nothing hides it. After an
h that was never seen, p is 1/V, at α = 0 too: the limit α → 0.

*Kneser-Ney* (1995), interpolated (Chen & Goodman 1999), takes a discount D off every count and gives what it has
taken to the letters after a shorter context h′, h without its first letter,

    p_n(w | h) = max(c(hw) − D, 0)/c(h) + D · k(h)/c(h) · p_{n−1}(w | h′)

k(h) is how many different letters followed h; an unseen h leaves all to h′. Below the top, c is not how often, but
*after how many different letters* hw was seen; below one letter stands 1/V. So p sums to 1 and is above 0. D is
n_1/(n_1 + 2 n_2) of each order, n_i the number of counts that are i (Ney, Essen & Kneser 1994); 1 if n_2 is 0.

*At the beginning* fewer than n − 1 letters stand before; the letter is said by the model of the order that fits: from
``.`` alone by the 2-gram, from ``.a`` by the 3-gram. Nothing is said of the first letter, which is given (the sign
that a name begins, or the first letter of a text).

Only what was seen is stored, as sorted numbers h V + w. Shakespeare's 6-grams take some tenths of a second,
names' a few milliseconds. Letters are 0 … V − 1, arithmetic is float64, logarithms are natural; the
mean over letters is that of :mod:`genmodels.sampling`.

Sources: Shannon (1948); Kneser & Ney (1995), ICASSP; Chen & Goodman (1999), *Computer Speech & Language* 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from genmodels.checks import check_choice, check_letters, check_number, check_whole
from genmodels.sampling import nats_per_letter

SMOOTHINGS = ("add", "kneser-ney")
LARGEST = 1_000_000
"""Entries of a table that is made whole."""


@dataclass(frozen=True, kw_only=True)
class NGramConfig:
    """What to count.

    Args:
        letters: V, 2 or more.
        order: n, 1 … 10: a letter and the n − 1 before it.
        smoothing: ``"add"`` or ``"kneser-ney"``.
        alpha: α of add-α, 0 or more.
        every: A state is yielded every so many names (or letters of a text), 1 or more.

    Raises:
        ValueError: One is out of range.
    """

    letters: int = 27
    order: int = 2
    smoothing: str = "add"
    alpha: float = 0.0
    every: int = 1

    def __post_init__(self) -> None:
        check_whole("letters", self.letters, at_least=2)
        check_whole("order", self.order, at_least=1)
        check_whole("every", self.every, at_least=1)
        check_choice("smoothing", self.smoothing, SMOOTHINGS)
        check_number("alpha", self.alpha, at_least=0)
        if self.order > 10 or self.letters**self.order >= 2**62:
            raise ValueError(f"order is {self.order}; give 1 … 10, and fewer if there are many letters.")


class _Counts:
    """c(hw), c(h) and k(h) of one order; contexts and letters as numbers h and h V + w."""

    def __init__(self, grams: np.ndarray, counts: np.ndarray, letters: int) -> None:
        self.letters, self.grams, self.counts = letters, grams, counts
        context = grams // letters
        first = np.flatnonzero(np.diff(context, prepend=-1))
        self.contexts = context[first]
        self.totals = np.add.reduceat(counts, first) if len(first) else np.zeros(0, dtype=np.int64)
        self.kinds = np.diff(first, append=len(grams))
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        self.discount = float(once / (once + 2 * twice)) if once else 1.0

    def followed(self, context: np.ndarray, letter: np.ndarray) -> np.ndarray:
        """c(hw)."""
        return _find(self.grams, self.counts, context * self.letters + letter)

    def total(self, context: np.ndarray) -> np.ndarray:
        """c(h)."""
        return _find(self.contexts, self.totals, context)

    def kind(self, context: np.ndarray) -> np.ndarray:
        """k(h)."""
        return _find(self.contexts, self.kinds, context)


def _find(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The values of these keys, 0 for those that are not there."""
    if not len(keys):
        return np.zeros(wanted.shape, dtype=np.int64)
    at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


class NGram:
    """The model, once counted.

    Args:
        tokens: What was read: a text ``(N,)``, or rows ``(N, T)`` filled up with −1; may be empty.
        config: The order and how to smooth.

    >>> model = NGram(np.array([0, 1, 1, 0]), NGramConfig(letters=2))
    >>> model.table()
    array([[0. , 1. ],
           [0.5, 0.5]])
    """

    def __init__(self, tokens: np.ndarray, config: NGramConfig) -> None:
        self.config = config
        self._read = check_letters(tokens, config.letters)
        self._kept: dict[int, _Counts] = {}
        self._kept_kinds: dict[int, _Counts] = {}

    # What was seen

    def _seen(self, order: int) -> _Counts:
        """How often each piece of this order was seen."""
        if order not in self._kept:
            pieces = _pieces(self._read, order, self.config.letters)
            self._kept[order] = _Counts(*np.unique(pieces, return_counts=True), self.config.letters)
        return self._kept[order]

    def _seen_after(self, order: int) -> _Counts:
        """After how many different letters each piece of this order was seen."""
        if order not in self._kept_kinds:
            shorter = self._seen(order + 1).grams % self.config.letters**order
            self._kept_kinds[order] = _Counts(*np.unique(shorter, return_counts=True), self.config.letters)
        return self._kept_kinds[order]

    @property
    def n_entries(self) -> int:
        """How many different pieces of n letters were seen, of the Vⁿ that there are."""
        return len(self._seen(self.config.order).grams)

    def unseen(self, tokens: np.ndarray) -> float:
        """Share of the pieces of n letters in a text, or in rows, that were never read, 0 … 1; NaN if it has none.

        >>> NGram(np.array([0, 1, 1]), NGramConfig(letters=2)).unseen(np.array([0, 1, 0]))
        0.5
        """
        v, n = self.config.letters, self.config.order
        pieces, seen = _pieces(check_letters(tokens, v), n, v), self._seen(n)
        return float((_find(seen.grams, seen.counts, pieces) == 0).mean()) if pieces.size else float("nan")

    def counts(self) -> np.ndarray:
        """c(hw), ``(Vⁿ⁻¹, V)`` int64, contexts in the alphabet's order; a ValueError if that is too large."""
        contexts, letters = self._every()
        return self._seen(self.config.order).followed(contexts, letters)

    def table(self) -> np.ndarray:
        """p(w | h), ``(Vⁿ⁻¹, V)``, rows sum to 1; a ValueError if that is too large."""
        return self._p(*self._every(), self.config.order)

    def _every(self) -> tuple[np.ndarray, np.ndarray]:
        v, n = self.config.letters, self.config.order
        if v**n > LARGEST:
            raise ValueError(f"A table of {v}^{n} entries is too large to be seen; ask log_next for one context.")
        return np.arange(v ** (n - 1))[:, None], np.arange(v)[None]

    # What it says

    def log_next(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """log p of every letter after a text ``(T,)``, T ≥ 0 of which the last n − 1 count: ``(V,)``, nats."""
        v, n = self.config.letters, self.config.order
        ids = check_letters(np.asarray(tokens, dtype=np.int64), v)
        ids = ids[max(len(ids) - (n - 1), 0) :]
        return _log(self._p(_coded(ids, v), np.arange(v), len(ids) + 1))

    def log_probs(self, tokens: np.ndarray) -> np.ndarray:
        """log p of each letter but the first, given those before it, nats.

        Args:
            tokens: A text ``(N,)``, or rows ``(N, T)`` filled up with −1.

        Returns:
            ``(N − 1,)`` or ``(N, T − 1)``, NaN where a row has ended. A row's sum is log p of its text.
        """
        data, v, n = check_letters(tokens, self.config.letters), self.config.letters, self.config.order
        length = data.shape[-1]
        found = np.full((*data.shape[:-1], max(length - 1, 0)), np.nan)
        early = [(t, t + 1, t + 1) for t in range(1, min(n - 1, length))]  # with fewer than n − 1 letters before
        for first, stop, order in [*early, (max(n - 1, 1), length, n)]:
            pieces = _windows(data[..., first - order + 1 : stop], order)
            p = self._p(_coded(pieces[..., :-1], v), pieces[..., -1], order)
            found[..., first - 1 : stop - 1] = np.where((pieces >= 0).all(axis=-1), _log(p), np.nan)
        return found

    def nats_per_letter(self, tokens: np.ndarray) -> float:
        """Mean of − log p over the letters of :meth:`log_probs`."""
        return nats_per_letter(self.log_probs(tokens))

    def _p(self, context: np.ndarray, letter: np.ndarray, order: int) -> np.ndarray:
        """p(w | h) by the model of this order; numbers of contexts and letters that broadcast."""
        v, alpha = self.config.letters, self.config.alpha
        if self.config.smoothing == "kneser-ney":
            return self._kneser_ney(self._seen(order), context, letter, order)
        seen = self._seen(order)
        total = seen.total(context) + alpha * v
        share = (seen.followed(context, letter) + alpha) / np.where(total > 0, total, 1)
        return np.where(total > 0, share, 1 / v)

    def _kneser_ney(self, counts: _Counts, context: np.ndarray, letter: np.ndarray, order: int) -> np.ndarray:
        v, discount, total = self.config.letters, counts.discount, counts.total(context)
        if order == 1:
            shorter = np.full(np.broadcast_shapes(context.shape, letter.shape), 1 / v)
        else:
            rest = context % v ** (order - 2)
            shorter = self._kneser_ney(self._seen_after(order - 1), rest, letter, order - 1)
        kept = np.maximum(counts.followed(context, letter) - discount, 0)
        mixed = (kept + discount * counts.kind(context) * shorter) / np.where(total > 0, total, 1)
        return np.where(total > 0, mixed, shorter)


@dataclass(frozen=True, eq=False)
class NGramState:
    """What has been read after so many names, or letters of a text.

    Attributes:
        step: How many.
        read: The names or the text so far, ``(step, T)`` or ``(step,)`` int64.
        config: What is counted.
    """

    step: int
    read: np.ndarray
    config: NGramConfig

    @cached_property
    def model(self) -> NGram:
        """The model of what has been read; counted when it is first asked for."""
        return NGram(self.read, self.config)


def iterate_ngram(tokens: np.ndarray, config: NGramConfig) -> Iterator[NGramState]:
    """Read names one by one, or a text letter by letter.

    Args:
        tokens: A text ``(N,)``, or rows ``(N, T)`` filled up with −1, such as ``load_names().train``.
        config: What to count.

    Yields:
        The state with nothing read, then one every ``config.every`` names or letters, and the last.
    """
    data = check_letters(tokens, config.letters).copy()
    data.setflags(write=False)
    for step in range(len(data) + 1):
        if step % config.every == 0 or step == len(data):
            yield NGramState(step, data[:step], config)


def fit_ngram(tokens: np.ndarray, config: NGramConfig) -> NGram:
    """The model of all names or of the whole text, that of :func:`iterate_ngram`'s last state."""
    return NGram(tokens, config)


def best_ngram(fit: np.ndarray, valid: np.ndarray, configs: Iterable[NGramConfig]) -> tuple[NGramConfig, float]:
    """The config whose model of `fit` says `valid` best, and its nats a letter there.

    Raises:
        ValueError: There is none to choose from, or none finds all of `valid` possible.
    """
    judged = [(config, NGram(fit, config).nats_per_letter(valid)) for config in configs]
    possible = [one for one in judged if np.isfinite(one[1])]
    if not possible:
        raise ValueError("None of these models finds the validation text possible; give one with alpha above 0.")
    return min(possible, key=lambda one: one[1])


def grid(letters: int, orders: Iterable[int] = range(1, 7)) -> list[NGramConfig]:
    """Models to choose from: Kneser-Ney and add-α with α = 0.01, 0.1 and 1, of each order."""
    plain = NGramConfig(letters=letters, smoothing="kneser-ney")
    added = [replace(plain, smoothing="add", alpha=alpha) for alpha in (0.01, 0.1, 1.0)]
    return [replace(config, order=order) for order in orders for config in (plain, *added)]


def _windows(data: np.ndarray, order: int) -> np.ndarray:
    """Pieces of so many letters, ``(…, T)`` to ``(…, T − order + 1, order)``."""
    if data.shape[-1] < order:
        return np.empty((*data.shape[:-1], 0, order), dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(data, order, axis=-1)


def _pieces(data: np.ndarray, order: int, letters: int) -> np.ndarray:
    """Numbers of all whole pieces of so many letters; of single letters, all but those given."""
    windows = _windows(data if order > 1 else data[..., 1:], order)
    coded = _coded(windows, letters)
    return coded.ravel() if data.ndim == 1 else coded[(windows >= 0).all(axis=-1)]


def _coded(pieces: np.ndarray, letters: int) -> np.ndarray:
    """Letters ``(…, m)`` as one number, the first the most significant; 0 for none."""
    number = np.zeros(pieces.shape[:-1], dtype=np.int64)
    for letter in np.moveaxis(pieces, -1, 0):
        number = number * letters + letter
    return number


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p)
