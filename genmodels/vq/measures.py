r"""How much of a code book is used.

    p_k = share of the words that are k,      perplexity = exp(− Σ_k p_k log p_k),      1 ≤ perplexity ≤ used ≤ K

The perplexity is the number of codes that, used equally often, would be as hard to guess. Both it and the number
``used`` of codes that occur at all depend on how many words one looks at: n words have at most n different codes, and
because entropy is concave, the geometric mean of the perplexities of equal minibatches is at most the perplexity of
all their words together. So neither is a property of the code book alone: say of how many words.

Words are whole numbers 0 … K − 1 of any shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genmodels.checks import check_whole


def shares(words: Any, n_codes: int) -> np.ndarray:
    """The share p_k of the words that each code has, ``(K,)`` float64; sums to 1.

    >>> shares([0, 2, 2, 2], 3).tolist()
    [0.25, 0.0, 0.75]
    """
    flat = check_words(words, n_codes).ravel()
    if not flat.size:
        raise ValueError("There are no words; give one or more.")
    return np.bincount(flat, minlength=n_codes) / flat.size


def perplexity(words: Any, n_codes: int) -> float:
    """exp of the entropy of the words, 1 … K.

    >>> round(perplexity([0, 1, 2, 3], 64), 6)
    4.0
    """
    return perplexity_of(shares(words, n_codes))


def n_used(words: Any, n_codes: int) -> int:
    """How many different codes occur.

    >>> n_used([3, 3, 5], 8)
    2
    """
    return int((shares(words, n_codes) > 0).sum())


def perplexity_of(p: np.ndarray) -> float:
    """exp of the entropy of shares ``(K,)``; 0 log 0 is 0."""
    held = p[p > 0]
    return float(np.exp(-(held * np.log(held)).sum()))


def check_words(words: Any, n_codes: int) -> np.ndarray:
    """Words as int64, or a ValueError that says what to mend."""
    check_whole("n_codes", n_codes, at_least=1)
    data = np.asarray(words)
    if data.dtype.kind not in "iu" and data.size:
        raise ValueError(f"Words must be whole numbers, the codes' own; got {data.dtype}.")
    if data.size and not 0 <= data.min() <= data.max() < n_codes:
        raise ValueError(f"Words lie in {data.min()}…{data.max()}; give 0…{n_codes - 1}, the codes of this book.")
    return data.astype(np.int64, copy=False)
