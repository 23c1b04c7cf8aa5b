r"""What a transformer for letters is, in numbers; without torch.

*The model*, decoder only and pre-norm, of letters x_1 … x_T with the width d, L layers and H heads:

    h_t    = √d E[x_t]
    h      ← h + W_out attention(norm(h)),   h ← h + W_down gelu(W_up norm(h))       L times
    logits = E norm(h_t),   p(x_t+1 | x_1 … x_t) = softmax(logits)

norm divides by the root mean square over the d entries (what a learned gain would do, the matrix behind it can do).
The same E reads a letter and says one. There is no bias, so that all weights are matrices. In a head, the query of
position i looks at the keys of the positions j ≤ i,

    a_ij = softmax_j(q_i · k_j / √(d/H)),   the head's output = Σ_j a_ij v_j

and where a letter stands enters by *rotation* alone: the pairs (q_m, q_m + d/2H) are turned by the angle t θ_m, and
so are the keys', θ_m = 10000^(−2m/(d/H)), so that q_i · k_j depends on the distance i − j, not on where both stand.

*A letter's context.* The model reads at most C letters. A longer text moves on by half of that: when C have been read
and one more comes, the older half is forgotten. So the letter t is said from the letters s … t − 1 with s a multiple
of C/2 and C/2 < t − s ≤ C, as soon as t > C. The held-out figure, log p of a text and the sampler all mean this.

Sources: Vaswani et al. (2017), arXiv:1706.03762; Radford et al. (2019), GPT-2 (decoder only, pre-norm); Press & Wolf
(2017), arXiv:1608.05859 (one E); Zhang & Sennrich (2019), arXiv:1910.07467 (root mean square); Su et al. (2021),
arXiv:2104.09864 (rotation).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from genmodels.checks import check_whole

EPS = 1e-6
"""Added to the mean square in norm."""
BASE = 10_000.0
"""Of the rotation's angles."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a transformer; what its runtime has to know beside its weights.

    Args:
        letters: V, how many there are, 2 or more.
        context: C, the most letters that are read, an even number.
        layers: L, 1 or more.
        heads: H, 1 or more.
        width: d, a multiple of 2 H.
    """

    letters: int = 27
    context: int = 16
    layers: int = 2
    heads: int = 2
    width: int = 24

    def __post_init__(self) -> None:
        for name, least in (("letters", 2), ("context", 2), ("layers", 1), ("heads", 1), ("width", 1)):
            check_whole(name, getattr(self, name), at_least=least)
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width} and heads {self.heads}; give a width that is a multiple of {2 * self.heads}, "
                "so that each head has pairs of numbers to turn."
            )
        if self.context % 2:
            raise ValueError(
                f"context is {self.context}; give an even number, half of which is kept when it is full."
            )

    @property
    def n_parameters(self) -> int:
        """V d + 12 L d²."""
        return self.letters * self.width + 12 * self.layers * self.width**2


def shape_of(config: Any) -> Shape:
    """The :class:`Shape` in a config or a dict that holds more than that."""
    given = config if isinstance(config, dict) else vars(config)
    return Shape(**{field.name: given[field.name] for field in fields(Shape)})


def angles(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin of t θ_m for t = 0 … n − 1, float64 ``(n, size/2)`` each; size is d/H."""
    theta = BASE ** (-np.arange(0, size, 2) / size)
    turned = np.arange(n)[:, None] * theta
    return np.cos(turned), np.sin(turned)


def starts(n: int, context: int) -> np.ndarray:
    """Where the context of each of the letters 1 … n − 1 begins, ``(n − 1,)``; see the module's docstring.

    >>> starts(8, 4).tolist()
    [0, 0, 0, 0, 2, 2, 4]
    """
    half = context // 2
    t = np.arange(1, n)
    return np.where(t <= context, 0, half * np.ceil((t - context) / half)).astype(np.int64)


def windows(n: int, context: int) -> list[tuple[int, int, int]]:
    """How a text of n letters is read: (start, stop, from), the letters start … stop − 1 say those from … stop.

    >>> windows(8, 4)
    [(0, 4, 1), (2, 6, 5), (4, 7, 7)]
    """
    half, last = context // 2, n - 1
    parts = [(0, min(context, last), 1)] if last > 0 else []
    while parts and parts[-1][1] < last:
        start = parts[-1][0] + half
        parts.append((start, min(start + context, last), parts[-1][1] + 1))
    return parts
