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


CNN_CODE = """import numpy as np
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store import cache
stored = cache.load('cnn')
network = ForwardCNN.of(stored)"""
"""The stored CNN in Python: ``network``."""


def class_code(digit: int, shrinkage: float, floor: float) -> str:
    """One class alone, in Python: its training digits ``x``, and the Gaussian of their pixels, ``model``."""
    return "\n".join(
        (
            "import numpy as np",
            "from genmodels.data.digits import load_mnist",
            "from genmodels.pixels import GaussianPixels",
            "images, labels = load_mnist().train",
            f"x = images[labels == {digit}].reshape(-1, {SIDE * SIDE}) / 255",
            "one_class = np.zeros(len(x), dtype=int)",
            f"model = GaussianPixels.fit(x, one_class, shrinkage={shrinkage:g}, floor={floor:g})",
        )
    )


def _of_noise(checkpoint: Checkpoint) -> Answers:
    p = ForwardCNN.of(checkpoint)(np.random.default_rng(0).random((NOISE, SIDE, SIDE)))
    said = np.bincount(p.argmax(axis=1), minlength=10)
    return Answers(int(said.argmax()), int(said.max()), float(p.max(axis=1).mean()))
