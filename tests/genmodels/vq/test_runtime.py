"""The code book by brute force, and the network without torch."""

import numpy as np
import pytest
import torch

from genmodels.nn.arrays import arrays as arrays_of
from genmodels.nn.layers import initialise, seeded
from genmodels.vq.runtime import CodeBook, ForwardVQ, fold, unfold
from genmodels.vq.training import VQConfig

torch.set_num_threads(1)
CONFIGS = {
    "points": VQConfig(n_codes=9, code_size=3, n_features=4, hidden=(6, 5)),
    "small": VQConfig(n_codes=9, code_size=2, side=8, channels=4),
    "twice": VQConfig(n_codes=16, code_size=5, side=12, channels=3, n_folds=2, ema=True),
    "grid": VQConfig(n_codes=27, code_size=3, side=8, channels=4, book="grid"),
}
kinds = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def data(config, n=5):
    shape = (n, config.side, config.side) if config.side else (n, config.n_features)
    return np.random.default_rng(0).random(shape).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (7, 2), (64, 8), (500, 3)])
def test_the_nearest_code_is_that_of_brute_force(k, d, dtype):
    rng = np.random.default_rng(k)
    codes, z = rng.normal(size=(k, d)).astype(dtype), rng.normal(size=(8, 3, d)).astype(dtype)
    book, found = CodeBook(codes), CodeBook(codes).nearest(z)
    assert found.shape == (8, 3)
    for place in np.ndindex(8, 3):
        distances = [sum((float(a) - float(b)) ** 2 for a, b in zip(z[place], code, strict=True)) for code in codes]
        assert distances[found[place]] <= min(distances) * (1 + 1e-6)
        assert book.squared_distances(z[place]) == pytest.approx(distances, rel=1e-5)
    np.testing.assert_array_equal(book.quantise(z), codes[found])


def test_of_codes_as_near_as_each_other_the_lowest_is_taken():
    book = CodeBook([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert book.nearest([[0.0, 0.0], [2.0, 0.0], [0.0, 0.5], [-0.1, -3.0]]).tolist() == [0, 0, 3, 1]


def test_many_at_once_are_looked_up_as_one_by_one():
    rng = np.random.default_rng(2)
    book, z = CodeBook(rng.normal(size=(1000, 2))), rng.normal(size=(300, 2))
    assert book.nearest(z).tolist() == [int(book.nearest(one)) for one in z]
    assert book.nearest(z[:0]).shape == (0,)


def test_a_code_is_its_own_nearest_and_quantising_twice_changes_nothing():
    rng = np.random.default_rng(3)
    book, z = CodeBook(rng.normal(size=(20, 4))), rng.normal(size=(50, 4))
    assert book.nearest(book.codes).tolist() == list(range(20))
    np.testing.assert_array_equal(book.quantise(book.quantise(z)), book.quantise(z))


def test_fold_is_undone_by_unfold_and_is_torchs():
    h = np.random.default_rng(4).random((2, 6, 4, 3))
    np.testing.assert_array_equal(unfold(fold(h)), h)
    expected = torch.nn.functional.pixel_unshuffle(torch.tensor(h).permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    np.testing.assert_array_equal(fold(h), expected.numpy())


@kinds
def test_it_does_what_torch_does(config):
    model = initialise(config.network(), seeded(1))
    forward, x = ForwardVQ(arrays_of(model), config.side, config.book), data(config, 200)
    with torch.no_grad():
        z = model.encode(torch.tensor(x))
        words = model.nearest(z)
        copy = model.decode(model.book.weight[words])
    np.testing.assert_allclose(forward.encode(x), z, atol=2e-6)
    assert (forward.words(x) == words.numpy()).mean() > 0.999  # rounding may move one across an edge
    np.testing.assert_allclose(forward.decode_words(words.numpy()), copy, atol=5e-6)
    np.testing.assert_array_equal(forward(x), forward.decode(forward.book.quantise(forward.encode(x))))
    errors = np.square(x - forward(x)).reshape(len(x), -1).sum(axis=1)
    np.testing.assert_allclose(forward.squared_error(x), errors, rtol=1e-5)


@kinds
def test_words_have_the_grids_shape_and_bits(config):
    forward = ForwardVQ(arrays_of(initialise(config.network(), seeded(1))), config.side)
    h = config.side >> config.n_folds
    assert forward.words(data(config)).shape == (5, *forward.grid) == ((5, h, h) if config.side else (5,))
    assert forward.bits == pytest.approx(max(h * h, 1) * np.log2(config.n_codes))


def test_the_output_stands_still_inside_a_cell_and_jumps_at_its_edge():
    forward = ForwardVQ(arrays_of(initialise(VQConfig(n_codes=6).network(), seeded(2))))
    way = np.stack([np.linspace(-1, 1, 400), np.full(400, 0.1)], axis=1)
    words, out = forward.book.nearest(way), forward.decode_words(forward.book.nearest(way))
    # a row of a product of matrices is rounded by where it stands among the others: a jump is far above that
    moved, crossed = np.abs(np.diff(out, axis=0)).max(axis=1) > 1e-5, np.diff(words) != 0
    np.testing.assert_array_equal(moved, crossed)
    assert 1 <= crossed.sum() <= 5


def test_one_word_changed_changes_the_picture_near_its_place_only():
    config = VQConfig(n_codes=8, code_size=4, side=28, n_folds=2, channels=6)
    forward = ForwardVQ(arrays_of(initialise(config.network(), seeded(3))), 28)
    words = np.zeros((2, 7, 7), int)
    words[1, 3, 3] = 5
    before, after = forward.decode_words(words)
    changed = np.argwhere(before != after)
    assert len(changed)
    assert changed.min() >= 12 - 4 * 2 - 2
    assert changed.max() <= 15 + 4 * 2 + 2


@pytest.mark.parametrize(
    ("codes", "message"),
    [(np.zeros(3), r"shape \(K, d\)"), (np.zeros((0, 2)), r"shape \(K, d\)"), ([[0, np.nan]], "NaN or infinity")],
)
def test_a_book_that_is_none_is_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        CodeBook(codes)


def test_what_does_not_fit_is_refused():
    forward = ForwardVQ(arrays_of(initialise(CONFIGS["small"].network(), seeded(1))), 8)
    with pytest.raises(ValueError, match=r"shape \(…, 2\); got \(4, 3\)"):
        forward.book.nearest(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"shape \(N, 8, 8\); got \(1, 64\)"):
        forward.encode(np.zeros((1, 64)))
    with pytest.raises(ValueError, match=r"shape \(N, \(4, 4, 2\)\)"):
        forward.decode(np.zeros((1, 2, 2, 2)))
    with pytest.raises(ValueError, match="9…9; give 0…8"):
        forward.decode_words(np.full((1, 4, 4), 9))
    with pytest.raises(ValueError, match=r"no encoder\.0\.weight"):
        ForwardVQ({"book.weight": np.zeros((2, 2))}, 8)
