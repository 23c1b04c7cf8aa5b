r"""Handwritten digits: 5,000 of MNIST at 28 × 28, and scikit-learn's 1,797 at 8 × 8.

Both are split once and for ever into `train`, `valid` and `test`, stratified by class, so that every model and
every checkpoint is judged on the same images:

| name              | images                | train | valid | test | of each class       |
|-------------------|-----------------------|-------|-------|------|---------------------|
| `mnist`           | uint8, 28 × 28, 0–255 | 4,000 | 500   | 500  | 400 + 50 + 50       |
| `mnist-binarised` | uint8, 28 × 28, 0 or 1| 4,000 | 500   | 500  | 400 + 50 + 50       |
| `digits8`         | float64, 8 × 8, 0–1   | 1,297 | 250   | 250  | the rest + 25 + 25  |

MNIST's images are taken in the order of their file, a class at a time: its first 400 train, the next 50 are for
choosing, the last 50 for the end. Within a split the classes go round, 0, 1, …, 9, 0, 1, …, so that the first 10 n
images hold n of each. The small digits keep their own order. Both sets are small: say how many images trained a
model whenever its numbers stand beside a paper's (MNIST has 60,000).

*Binarise* before quoting nats: a Bernoulli likelihood of grey pixels is no normalised density. The pixel x of a
grey image with value g ∈ [0, 1] is drawn once, p(x = 1) = g, with a fixed seed: :func:`load_binarised_mnist`.

Nothing is read before it is asked for, nothing but numpy is imported (scikit-learn's file is read without it), and
the arrays are read-only, for they are shared.

Sources: LeCun, Cortes & Burges (1998), *The MNIST database*, CC BY-SA 3.0, see data/README.md; Alpaydin & Kaynak
(1998), *Optical recognition of handwritten digits*, UCI, CC BY 4.0 (grey 0–16; the same 13 people wrote all three
splits); Salakhutdinov & Murray (2008), *On the quantitative analysis of deep belief networks*, for binarised MNIST.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from genmodels.data.files import DataFileError

MNIST_FILE = Path(__file__).with_name("mnist_5k.safetensors.gz")
MNIST_SHA256 = "c0ee8d59d0ceb3fc2c1d4a21f6f708d983cbf70f7c8e64938603eecd2f11a54b"
"""Of the file's content, unpacked."""
SMALL_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
"""Of the table in scikit-learn's digits.csv.gz, unpacked."""
SMALL_SPLIT_SEED = 1797
BINARISE_SEEDS = {"train": 20080, "valid": 20081, "test": 20082}
"""The seeds that made `mnist-binarised`, one a split."""


class Split(NamedTuple):
    """Images (N, H, W) and their classes (N,), int64, 0 to 9; both read-only."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Digits:
    """A set of digits in three disjoint splits.

    Attributes:
        name: Key in `DIGITS`.
        train: To fit.
        valid: To choose a model or a moment to stop.
        test: To report, once.
    """

    name: str
    train: Split
    valid: Split
    test: Split

    def __post_init__(self) -> None:
        for split in (self.train, self.valid, self.test):
            for array in split:
                array.setflags(write=False)

    @cached_property
    def sha256(self) -> str:
        """Of all images and labels with their types and shapes, in order: says what a model was trained on."""
        digest = hashlib.sha256()
        for split in (self.train, self.valid, self.test):
            for array in split:
                little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
                digest.update(f"{little.dtype.str}{little.shape}".encode() + little.tobytes())
        return digest.hexdigest()


@lru_cache(maxsize=1)
def load_mnist() -> Digits:
    """5,000 grey images of MNIST: uint8 (N, 28, 28), 0 (paper) to 255 (ink).

    Raises:
        DataFileError: The file is missing or damaged.

    Example:
        >>> images, labels = load_mnist().train
        >>> images.shape, labels[:12].tolist()
        ((4000, 28, 28), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    arrays = _read_mnist(MNIST_FILE)
    by_class = np.argsort(arrays["labels"], kind="stable").reshape(10, 500)  # each row in the file's order
    rounds = by_class.T  # (500, 10): one of each class a row

    def split(first: int, last: int) -> Split:
        rows = rounds[first:last].ravel()
        return Split(arrays["images"][rows], arrays["labels"][rows].astype(np.int64))

    return Digits("mnist", split(0, 400), split(400, 450), split(450, 500))


@lru_cache(maxsize=1)
def load_binarised_mnist() -> Digits:
    """The images of :func:`load_mnist`, binarised once with `BINARISE_SEEDS`: uint8 (N, 28, 28), 0 or 1."""
    grey = load_mnist()

    def split(name: str) -> Split:
        images, labels = getattr(grey, name)
        return Split(binarise(images, BINARISE_SEEDS[name]), labels)

    return Digits("mnist-binarised", split("train"), split("valid"), split("test"))


@lru_cache(maxsize=1)
def load_small_digits() -> Digits:
    """scikit-learn's 1,797 digits: float64 (N, 8, 8), the grey values 0 to 16 divided by 16.

    Raises:
        DataFileError: scikit-learn is not installed, or without its data.
        ValueError: Its file holds something else.
    """
    table = _read_small_digits()
    images, labels = (table[:, :64] / 16).reshape(-1, 8, 8), table[:, 64].copy()
    rng = np.random.default_rng(SMALL_SPLIT_SEED)
    shuffled = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]

    def split(first: int, last: int | None) -> Split:
        rows = np.sort(np.concatenate([of_class[first:last] for of_class in shuffled]))
        return Split(images[rows], labels[rows])

    return Digits("digits8", split(50, None), split(25, 50), split(0, 25))


DIGITS: dict[str, Callable[[], Digits]] = {
    "mnist": load_mnist,
    "mnist-binarised": load_binarised_mnist,
    "digits8": load_small_digits,
}


def data_sha256(name: str) -> str:
    """The sha256 of a set of digits, as a checkpoint's index keeps it.

    Args:
        name: One of `DIGITS`.

    Raises:
        ValueError: The name is unknown, or the data are damaged.
    """
    if name not in DIGITS:
        raise ValueError(f"Unknown digits {name!r}; choose one of {', '.join(DIGITS)}.")
    return DIGITS[name]().sha256


def binarise(images: np.ndarray, rng: np.random.Generator | int) -> np.ndarray:
    """Draws each pixel as 1 with the probability that its grey value gives, else 0.

    Args:
        images: Grey values of any shape: uint8 from 0 to 255, or floats from 0 to 1.
        rng: Source of randomness, which advances; or a seed, 0 or more.

    Returns:
        0 or 1, uint8, of the same shape.

    Raises:
        ValueError: The images are neither, or rng is neither a Generator nor a seed.

    Example:
        >>> binarise(np.array([0, 0, 255], dtype=np.uint8), 0).tolist()
        [0, 0, 1]
    """
    if isinstance(rng, int) and not isinstance(rng, bool) and rng >= 0:
        rng = np.random.default_rng(rng)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; expected a numpy Generator or a seed: pass one such as 0.")
    images = np.asarray(images)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(f"images are of type {images.dtype}; expected uint8 or floats: convert them first.")
    p = images / 255 if images.dtype == np.uint8 else images
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("images hold values outside 0 to 1; expected grey values: divide them by their largest.")
    return (rng.random(p.shape) < p).astype(np.uint8)


def _read_mnist(path: Path) -> dict[str, np.ndarray]:
    """Images (5000, 28, 28) and labels (5000,), uint8, in the file's order."""
    if not path.is_file():
        raise DataFileError(f"{path} is missing; fetch it again (README.md beside it says how).")
    try:
        content = gzip.decompress(path.read_bytes())
        if hashlib.sha256(content).hexdigest() == MNIST_SHA256:
            return load(content)
    except (OSError, EOFError, zlib.error, SafetensorError):
        pass  # told below
    raise DataFileError(f"{path} is damaged; fetch it again (README.md beside it says how).")


def _read_small_digits() -> np.ndarray:
    """The table (1797, 65): 64 grey values and the class. Importing scikit-learn for it would take 2 s."""
    package = importlib.util.find_spec("sklearn")
    path = Path((package and package.origin) or "sklearn/__init__.py").with_name("datasets") / "data/digits.csv.gz"
    if not path.is_file():
        raise DataFileError(f"{path} is missing; install scikit-learn again, the small digits come with it.")
    try:
        content = gzip.decompress(path.read_bytes())
        if hashlib.sha256(content).hexdigest() == SMALL_SHA256:
            return np.loadtxt(content.decode().splitlines(), delimiter=",").astype(np.int64)
    except (OSError, EOFError, zlib.error):
        pass  # told below
    raise DataFileError(f"{path} is not the file expected; install scikit-learn again, as requirements.txt pins it.")
