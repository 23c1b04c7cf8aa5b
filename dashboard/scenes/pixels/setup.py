"""What the cues share: the training digits of a class, and what the CNN says of noise."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scenes.pictures import SIDE, flat
from genmodels.data.digits import load_mnist
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NOISE = 100


@lru_cache(maxsize=10)
def digits_of(digit: int) -> np.ndarray:
    """The training images of a class, ``(400, 784)``."""
    images, labels = load_mnist().train
    return flat(images[labels == digit])


@lru_cache(maxsize=10)
def centred(digit: int) -> np.ndarray:
    """The same less their mean."""
    x = digits_of(digit)
    return x - x.mean(axis=0)


class Answers(NamedTuple):
    """What a classifier says: its most frequent answer, how often it gives it, its mean p(y | x) of what it says."""

    digit: int
    times: int
    p: float


def of_noise() -> Answers:
    """Of the stored CNN, shown pictures of which each pixel is uniform in 0…1."""
    return cache.made(_of_noise, "cnn")


def cnn(checkpoint: Checkpoint) -> ForwardCNN:
    """The stored CNN, to be asked of other pictures."""
    return ForwardCNN(checkpoint.arrays, checkpoint.entry.config["n_pools"])


def _of_noise(checkpoint: Checkpoint) -> Answers:
    p = cnn(checkpoint)(np.random.default_rng(0).random((NOISE, SIDE, SIDE)))
    said = np.bincount(p.argmax(axis=1), minlength=10)
    return Answers(int(said.argmax()), int(said.max()), float(p.max(axis=1).mean()))
