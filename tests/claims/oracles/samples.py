"""How far apart two sets of points are, computed anew: what claims of several pages ask."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from genmodels.data.planar import get_dataset


def w2(x: np.ndarray, y: np.ndarray) -> float:
    cost = cdist(x, y, "sqeuclidean")
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


@cache
def of_true_samples(source: str) -> tuple[float, float]:
    """Mean and spread of W₂ between two sets of 200 true points."""
    dataset, rng = get_dataset(source), np.random.default_rng(77)
    pairs = [[dataset.standardise(dataset.sample(200, rng)) for _ in range(2)] for _ in range(40)]
    found = [w2(*pair) for pair in pairs]
    return float(np.mean(found)), float(np.std(found))
