r"""The trained classifier of :mod:`genmodels.cnn` without torch: what it says of pictures, in numpy.

    h_0 = x,   h_l = pool(ReLU(h_{l−1} * w_l + b_l)),   logits = b + W · mean_hw h_L

The convolutions ``*`` are cross-correlations 3 × 3 with a margin of zeros, as torch has them; the first few are
followed by max-pooling 2 × 2. Arithmetic is float32; results equal torch's up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint


CHUNK = 50  # most images looked at at once: with more of them memory is what takes the time


class ForwardCNN:
    """Convolutions, the mean over the picture, one linear layer, forwards only.

    Args:
        arrays: Of a state or a checkpoint, under torch's names.
        n_pools: The config's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], n_pools: int = 2) -> None:
        count = sum(name.startswith("convolutions.") and name.endswith(".weight") for name in arrays)
        self._layers = [self._pair(arrays, f"convolutions.{i}") for i in range(count)]
        self._head = self._pair(arrays, "head")
        self._n_pools = n_pools

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> ForwardCNN:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        return cls(checkpoint.arrays, checkpoint.entry.config["n_pools"])

    @staticmethod
    def _pair(arrays: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
        weight, bias = (np.asarray(arrays[f"{name}.{part}"], dtype=np.float32) for part in ("weight", "bias"))
        return weight, bias

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """p(y | x), images ``(N, H, W)`` with pixels in 0…1 to ``(N, K)`` float32; rows sum to 1."""
        x = np.asarray(images, dtype=np.float32)
        return np.concatenate([self._few(x[i : i + CHUNK]) for i in range(0, max(len(x), 1), CHUNK)])

    def _few(self, x: np.ndarray) -> np.ndarray:
        h = x[..., None]
        for i, (weight, bias) in enumerate(self._layers):
            windows = sliding_window_view(np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), axis=(1, 2))
            h = np.maximum(np.tensordot(windows, weight, axes=((3, 4, 5), (1, 2, 3))) + bias, 0)
            h = _pooled(h) if i < self._n_pools else h
        weight, bias = self._head
        logits = h.mean(axis=(1, 2)) @ weight.T + bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)


def _pooled(h: np.ndarray) -> np.ndarray:
    """The largest of each 2 × 2, ``(N, H, W, C)`` to ``(N, H/2, W/2, C)``; an odd row or column is dropped."""
    n, height, width, channels = h.shape
    halves = h[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2, channels)
    return halves.max(axis=(2, 4))
