"""The stored networks on digits: words of pictures, pictures of words, and who judges them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dashboard.scenes.pictures import grey
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store import cache
from genmodels.vq.prior import WordsPrior
from genmodels.vq.runtime import ForwardVQ

WORDS, ROUNDED, PRIOR, JUDGE = "codes-digits", "codes-equal-bits", "codes-prior", "cnn"
GRID, CODES = 7, 64
SIDE = GRID * GRID


def network(name: str = WORDS) -> ForwardVQ:
    """A stored one."""
    return cache.made(ForwardVQ.of, name)


def prior() -> WordsPrior:
    """The stored transformer over words."""
    return cache.made(WordsPrior.of, PRIOR)


def judge(pictures: np.ndarray) -> np.ndarray:
    """What the stored classifier says of pictures ``(N, 28, 28)``: ``(N, 10)``."""
    return cache.made(ForwardCNN.of, JUDGE)(np.clip(pictures, 0, 1))


@lru_cache(maxsize=1)
def digits() -> np.ndarray:
    """The 500 test images, 0 … 1, ``(500, 28, 28)`` float32."""
    return grey().images / np.float32(255)


def places() -> np.ndarray:
    """Where the words of a grid stand, by rows from the top: ``(49, 2)``."""
    row, column = np.divmod(np.arange(SIDE), GRID)
    return np.stack([column, GRID - 1 - row], axis=1).astype(float)


EXTENT = (-0.5, GRID - 0.5, -0.5, GRID - 0.5)
"""Of a picture, in words: one is a unit wide."""


def square(at: np.ndarray) -> np.ndarray:
    """The outline of a place or code, ``(…, 2)`` to ``(…, 4, 2)``."""
    return at[..., None, :] + np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])


@lru_cache(maxsize=1)
def lattice() -> np.ndarray:
    """Lines between the words, ``(12, 2, 2)``."""
    at, ends = np.arange(GRID - 1) + 0.5, np.array(EXTENT[:2])
    lines = np.stack(np.broadcast_arrays(at[:, None], ends), axis=-1)
    return np.concatenate([lines, lines[..., ::-1]])
