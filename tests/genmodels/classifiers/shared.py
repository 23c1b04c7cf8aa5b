"""What the tests beside this share."""

import numpy as np
import pytest


def blobs(k: int, n: int = 200, d: int = 2, seed: int = 0, gap: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping Gaussians of different covariances, in classes of different sizes."""
    rng = np.random.default_rng(seed)
    y = np.concatenate(
        [np.repeat(np.arange(k), 8), rng.choice(k, n - 8 * k, p=np.arange(1, k + 1) / (k * (k + 1) / 2))]
    )
    roots = np.eye(d) + 0.4 * rng.standard_normal((k, d, d))
    means = gap * rng.standard_normal((k, d))
    return means[y] + np.einsum("nij,nj->ni", roots[y], rng.standard_normal((n, d))), y


every_k = pytest.mark.parametrize("k", [2, 3])
both_degrees = pytest.mark.parametrize("degree", [1, 2])
