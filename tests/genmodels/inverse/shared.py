"""What the tests of inverse problems share: a mixture in the plane, a measured line, and sums over a fine grid."""

import numpy as np

from genmodels.inverse.measurement import Line
from genmodels.mixture import GaussianMixture

MIXTURE = GaussianMixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[-1.5, 0.4], [1.4, 1.0], [0.6, -1.5]]),
    np.array([[[0.08, 0.07], [0.07, 0.16]], [[0.2, -0.09], [-0.09, 0.1]], [[0.2, 0.02], [0.02, 0.07]]]),
)
LINE, Y = Line.at_angle(0.2, 15.0), np.array([-0.4])


def gaussian(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The density N(x; μ, Σ) of rows, by the textbook."""
    centred = x - mean
    squared = np.einsum("nd,de,ne->n", centred, np.linalg.inv(covariance), centred)
    return np.exp(-0.5 * squared) / np.sqrt(np.linalg.det(2 * np.pi * covariance))


def grid(reach: float = 5.0, step: float = 0.01) -> tuple[np.ndarray, float]:
    """Points ``(G, 2)`` and the area of a cell."""
    at = np.arange(-reach, reach + step / 2, step)
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2), step**2
