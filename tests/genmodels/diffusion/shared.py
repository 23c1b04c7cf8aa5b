"""What the tests beside this share."""

import numpy as np

from genmodels.mixture import GaussianMixture


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).standard_normal(shape)


MIXTURE = GaussianMixture(
    np.array([0.2, 0.3, 0.5]),
    np.array([[-1.5, 0.5], [1.0, 1.2], [0.4, -1.0]]),
    np.array([[[0.03, 0.01], [0.01, 0.02]], [[0.02, -0.01], [-0.01, 0.04]], [[0.05, 0.0], [0.0, 0.01]]]),
)


def draws(n: int, seed: int = 0) -> np.ndarray:
    return MIXTURE.sample(n, rng(seed))[0]
