"""Labelled points in the plane, two classes or three: what classifiers are tried on.

``blobs``, ``elongated`` (one covariance for all), ``apart`` (separable), ``xor`` and ``inside`` are Gaussian mixtures
class by class, as ``RECIPES`` says; ``moons`` and ``circles`` are curves blurred by noise. Points are float64
``(N, 2)`` within about −5 … 5, labels int64 ``(N,)`` from 0; randomness comes from the generator given.
"""

from __future__ import annotations

import numpy as np

from genmodels.checks import check_choice, check_whole
from genmodels.data.planar import get_dataset

Pair = tuple[float, float]
ROUND, LONG = [[0.9, 0.0], [0.0, 0.9]], [[1.9, 1.5], [1.5, 1.6]]
RECIPES: dict[str, list[tuple[list[Pair], list[list[float]]]]] = {
    "blobs": [([(-1.5, -0.6)], ROUND), ([(1.4, 0.9)], ROUND), ([(1.6, -2.6)], ROUND)],
    "elongated": [([(-0.65, 0.65)], LONG), ([(0.65, -0.65)], LONG), ([(2.6, -2.6)], LONG)],
    "apart": [
        ([(-2.6, -1.6)], [[0.3, 0], [0, 0.3]]),
        ([(2.4, 1.8)], [[0.3, 0], [0, 0.3]]),
        ([(2.4, -2.8)], [[0.3, 0], [0, 0.3]]),
    ],
    "xor": [
        ([(-2.0, -2.0), (2.0, 2.0)], [[0.7, 0], [0, 0.7]]),
        ([(-2.0, 2.0), (2.0, -2.0)], [[0.7, 0], [0, 0.7]]),
        ([(0.0, 0.0)], [[0.25, 0], [0, 0.25]]),
    ],
    "inside": [
        ([(0.0, 0.0)], [[0.3, 0], [0, 0.3]]),
        ([(0.0, 0.0)], [[4.0, 0], [0, 4.0]]),
        ([(3.2, 3.2)], [[0.3, 0], [0, 0.3]]),
    ],
}
"""For each class the means of its equally likely components, and the covariance that they share."""
NAMES = (*RECIPES, "moons", "circles")


def draw_classes(name: str, n: int, n_classes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw points and their classes, all equally likely; the first ``n_classes`` points are one of each.

    Args:
        name: One of ``NAMES``.
        n: How many points; ``n_classes`` at least are drawn.
        n_classes: 2 or 3.
        rng: What draws them.

    Returns:
        Points ``(n, 2)`` and classes ``(n,)``.

    Raises:
        ValueError: There is no such set, or it has not so many classes.
    """
    check_choice("name", name, NAMES)
    check_whole("n", n, at_least=0)
    if n_classes not in (2, 3):
        raise ValueError(f"n_classes is {n_classes!r}; give 2 or 3.")
    y = np.concatenate([rng.permutation(n_classes), rng.integers(n_classes, size=max(n - n_classes, 0))])
    x = np.empty((len(y), 2))
    for c in range(n_classes):
        here = y == c
        x[here] = _class(name, c, int(here.sum()), rng)
    return x, y


def _class(name: str, c: int, n: int, rng: np.random.Generator) -> np.ndarray:
    if name == "moons" and c < 2:
        return 2.4 * (_of_label("moons", c, n, rng) - [0.5, 0.25])
    if name == "moons":
        return rng.standard_normal((n, 2)) * [0.4, 0.4] + [3.4, 2.6]
    if name == "circles":
        angle = rng.uniform(0, 2 * np.pi, n)
        radius = (1.3, 2.7, 4.1)[c] + 0.28 * rng.standard_normal(n)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    means, covariance = RECIPES[name][c]
    mean = np.array(means)[rng.integers(len(means), size=n)]
    return mean + rng.standard_normal((n, 2)) @ np.linalg.cholesky(np.array(covariance, dtype=float)).T


def _of_label(name: str, c: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """n points of one label; points are independent, so those of the other are left out."""
    x, y = get_dataset(name).draw(4 * n + 40, rng)
    return x[y == c][:n]


def mislabel(y: np.ndarray, n_classes: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """The labels ``(N,)``, but of a share of them, chosen at random, another one at random.

    >>> mislabel(np.zeros(10, dtype=int), 2, 0.3, np.random.default_rng(0)).sum()
    np.int64(3)
    """
    wrong = round(share * len(y))
    chosen = rng.permutation(len(y))[:wrong]
    told = y.copy()
    told[chosen] = (y[chosen] + rng.integers(1, n_classes, size=wrong)) % n_classes
    return told


def balanced(x: np.ndarray, y: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Points ``(N, D)`` and classes ``(N,)`` in their own order, but with ``first`` of each class in front, in turn.

    >>> balanced(np.arange(5), np.array([0, 0, 0, 1, 1]), 2)
    (array([0, 3, 1, 4, 2]), array([0, 1, 0, 1, 0]))
    """
    rank = np.empty(len(y), dtype=np.int64)
    for c in np.unique(y):
        here = np.flatnonzero(y == c)
        rank[here] = np.arange(len(here))
    order = np.argsort(np.where(rank < first, rank, first), kind="stable")
    return x[order], y[order]
