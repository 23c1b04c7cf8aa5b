"""Where minibatches come from: a distribution of :mod:`genmodels.data.planar`, or points that are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from genmodels.checks import check_data
from genmodels.data.planar import get_dataset

Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def point_source(data: str, points: Any = None, standardise: bool = True) -> tuple[Draw, np.ndarray, float]:
    """How to draw n standardised points.

    Args:
        data: Name in :data:`genmodels.data.planar.DATASETS`, from which fresh points are drawn for ever.
        points: Instead of it ``(N, D)``, rows of which are drawn with replacement.
        standardise: Whether points given are centred and scaled (by one number); data sets always are.

    Returns:
        A function of n and a generator, to points ``(n, D)`` float32 and their labels (data set) or row numbers
        (points given) ``(n,)``; the data's mean ``(D,)`` and scale, in data units.

    Raises:
        ValueError: There are no points, or they cannot be standardised.

    >>> draw, centre, scale = point_source("moons", [[0.0, 2.0], [4.0, 2.0]])
    >>> centre.tolist(), round(scale, 4), draw(3, np.random.default_rng(0))[0].shape
    ([2.0, 2.0], 1.4142, (3, 2))
    """
    if points is None:
        dataset = get_dataset(data)

        def fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            x, labels = dataset.draw(n, rng)
            return dataset.standardise(x).astype(np.float32), labels

        return fresh, dataset.mean, dataset.scale
    x = check_data(points)
    if len(x) == 0:
        raise ValueError("There are no points; give one or more, one a row.")
    centre, scale = np.zeros(x.shape[1]), 1.0
    if standardise:
        with np.errstate(over="ignore", invalid="ignore"):
            centre, scale = x.mean(axis=0), float(np.sqrt(x.var(axis=0).mean())) or 1.0
    x = ((x - centre) / scale).astype(np.float32)
    if not (np.isfinite(x).all() and np.isfinite(scale)):
        raise ValueError("The points are too large or too close together to standardise; give them in other units.")
    centre.setflags(write=False)

    def again(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        rows = rng.integers(len(x), size=n)
        return x[rows], rows

    return again, centre, scale
