r"""Pictures that are ours and pictures that are not: does a low p(x) tell them apart?

    ours      the test digits of binarised MNIST
    turned    the same, turned by 180°
    inverted  the same, ink and paper exchanged
    noise     each pixel black with probability ½
    constant  a page of one grey value, from paper (the first) to ink (the last), binarised as the digits are
    bars      one upright black bar: simple, and no digit but the 1 looks like it

All are black and white, 28 × 28, and the same every time. A density is not a detector: what is simple can be more
probable under a model than anything it has learned from (Nalisnick et al. 2019, *Do deep generative models know what
they don't know?*, arXiv:1810.09136).
"""

from __future__ import annotations

import numpy as np

from genmodels.checks import check_choice, check_whole
from genmodels.data.digits import binarise, load_binarised_mnist

KINDS = ("ours", "turned", "inverted", "noise", "constant", "bars")
SEED, SIDE = 1810, 28


def pictures(kind: str, n: int) -> np.ndarray:
    """n pictures of a kind, ``(n, 784)`` uint8, 0 or 1; of digits at most 500.

    >>> blank, ink = pictures("constant", 2)
    >>> int(blank.sum()), int(ink.sum())
    (0, 784)
    """
    check_choice("kind", kind, KINDS)
    check_whole("n", n, at_least=2)
    rng = np.random.default_rng([SEED, KINDS.index(kind)])
    if kind == "noise":
        return rng.integers(0, 2, (n, SIDE**2), dtype=np.uint8)
    if kind == "constant":
        grey = np.square(np.linspace(0, 1, n))  # many near the paper's white
        return binarise(np.repeat(grey[:, None], SIDE**2, axis=1), rng)
    if kind == "bars":
        return np.stack([_bar(rng) for _ in range(n)])
    images = load_binarised_mnist().test.images
    if n > len(images):
        raise ValueError(f"n is {n}; there are {len(images)} test digits, so give {len(images)} or less.")
    x = images[:n].reshape(n, -1)
    return {"ours": x, "turned": x[:, ::-1], "inverted": 1 - x}[kind].copy()


def _bar(rng: np.random.Generator) -> np.ndarray:
    """Two to five pixels wide, ten to twenty high, near the middle."""
    page = np.zeros((SIDE, SIDE), dtype=np.uint8)
    width, height = rng.integers(2, 6), rng.integers(10, 21)
    left, top = (SIDE - width) // 2 + rng.integers(-2, 3), (SIDE - height) // 2 + rng.integers(-1, 2)
    page[top : top + height, left : left + width] = 1
    return page.ravel()


def share_below(ours: np.ndarray, others: np.ndarray) -> float:
    """How often one of the others has a lower score than one of ours, ties as half: 1 tells apart, ½ is a coin.

    It is the area under the curve of the detector that calls low scores foreign.

    >>> share_below(np.array([3.0, 4.0]), np.array([1.0, 3.0]))
    0.875
    """
    apart = np.asarray(ours)[:, None] - np.asarray(others)
    return float((apart > 0).mean() + 0.5 * (apart == 0).mean())
