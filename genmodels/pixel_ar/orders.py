"""In which order pixels are drawn, and which hidden unit may know which of them; numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from genmodels.checks import check_choice

ORDERS = ("raster", "random")


def pixel_order(n_features: int, order: str = "raster", seed: int = 0) -> np.ndarray:
    """Which pixel is drawn first, second, …, ``(D,)`` int64.

    Args:
        n_features: D, pixels of an image.
        order: ``"raster"``, by rows from the top left; or ``"random"``, one permutation for all images.
        seed: Of the permutation.

    >>> pixel_order(5, "random", seed=0).tolist()
    [2, 4, 3, 0, 1]
    """
    check_choice("order", order, ORDERS)
    if order == "raster":
        return np.arange(n_features)
    return np.random.default_rng(seed).permutation(n_features)


def degrees(n_features: int, hidden: tuple[int, ...]) -> list[np.ndarray]:
    """How many of the first pixels each unit may know, rising, one array a layer: inputs, hidden layers, outputs.

    The k-th input is the k-th pixel in the order; the k-th output may know k − 1 pixels, and hidden units are spread
    evenly over 1 … D − 1.

    Source: Germain et al. (2015), section 4.

    >>> [d.tolist() for d in degrees(4, (3,))]
    [[1, 2, 3, 4], [1, 2, 3], [0, 1, 2, 3]]
    """
    inputs = np.arange(1, n_features + 1)
    between = [1 + np.arange(width) * (n_features - 1) // width for width in hidden]
    return [inputs, *between, inputs - 1]


def masks(n_features: int, hidden: tuple[int, ...]) -> list[np.ndarray]:
    """Which weights there are, ``(outputs, inputs)`` bool for each layer: what a unit knows, one above may know."""
    levels = degrees(n_features, hidden)
    return [above[:, None] >= below for below, above in pairwise(levels)]


def packed(arrays: Mapping[str, np.ndarray], n_features: int, hidden: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Weights of a masked perceptron, those that there are alone: each matrix becomes a vector, half as long.

    Args:
        arrays: ``"layers.0.weight"`` ``(outputs, inputs)``, …, and ``"direct.weight"`` if there are hidden layers.
        n_features: D.
        hidden: Widths of the hidden layers.
    """
    there = _masks_by_name(n_features, hidden)
    return {name: value[there[name]] if name in there else value for name, value in arrays.items()}


def unpacked(arrays: Mapping[str, np.ndarray], n_features: int, hidden: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The inverse of :func:`packed`: matrices with 0 where there is no weight. Other arrays stay as they are."""
    there, whole = _masks_by_name(n_features, hidden), dict(arrays)
    for name, mask in there.items():
        values = np.asarray(arrays[name])
        whole[name] = np.zeros(mask.shape, dtype=values.dtype)
        whole[name][mask] = values
    return whole


def _masks_by_name(n_features: int, hidden: tuple[int, ...]) -> dict[str, np.ndarray]:
    there = {f"layers.{i}.weight": mask for i, mask in enumerate(masks(n_features, hidden))}
    return there | ({"direct.weight": masks(n_features, ())[0]} if hidden else {})
