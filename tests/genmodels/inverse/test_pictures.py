"""Pixels given others: by enumerating pictures, by the general Wiener filter, by drawing and rejecting."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm

from genmodels.inverse.exact import wiener
from genmodels.inverse.measurement import BlockMean, Identity, Mask
from genmodels.inverse.pictures import Pictures, Wiener, equally_likely

INK = np.random.default_rng(0).uniform(0.1, 0.9, (5, 4))
SEEN = np.array([True, False, True, False])


def test_posterior_is_a_ratio_of_sums_over_all_pictures():
    every = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    joint = np.prod(np.where(every[:, None] == 1, INK, 1 - INK), axis=2) / 5  # (16, K)
    x = np.array([1.0, 0.0, 0.0, 1.0])
    agrees = (every[:, SEEN] == x[SEEN]).all(axis=1)
    model = Pictures(INK)
    p = model.given(x, SEEN)
    assert p == pytest.approx(joint[agrees].sum(axis=0) / joint[agrees].sum(), rel=1e-5)
    whole = (joint[agrees].sum(axis=1) / joint[agrees].sum()) @ every[agrees]
    assert model.mean(p)[~SEEN] == pytest.approx(whole[~SEEN], rel=1e-5)


def test_posterior_is_what_is_left_of_draws_that_agree():
    rng = np.random.default_rng(1)
    k = rng.integers(5, size=200_000)
    x = rng.random((len(k), 4)) < INK[k]
    left = k[(x[:, SEEN] == [True, False]).all(axis=1)]
    p = Pictures(INK).given([1, 0, 0, 0], SEEN)
    error = np.sqrt(p * (1 - p) / len(left))
    assert (np.abs(np.bincount(left, minlength=5) / len(left) - p) < 3 * error).all()


def test_what_is_covered_is_not_looked_at():
    model = Pictures(INK)
    assert np.array_equal(model.given([1, 0, 0, 1], SEEN), model.given([1, 1, 0, 0], SEEN))
    assert model.given([1, 0, 0, 1], np.zeros(4, bool)) == pytest.approx(np.full(5, 0.2))


def test_certain_ink_forbids_nothing():
    p = Pictures([[0.0, 1.0], [0.5, 0.5]]).given([1.0, 1.0], np.array([True, False]))
    assert p == pytest.approx([2e-6, 1], abs=1e-5)


@pytest.mark.parametrize("count", [0, 1, 3, 5, 6])
def test_wiener_is_the_general_one(count):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6))
    seen, y = np.arange(6) < count, rng.standard_normal(6)
    model = Wiener(x, 0.3)
    assert model.covariance == pytest.approx(np.cov(x.T, bias=True), rel=1e-4, abs=1e-4)
    expected = model.mean if not count else wiener(model.mean, model.covariance, Mask(0.3, seen), y[None, seen])[0][0]
    filled = model.fill(y, seen)
    assert filled[~seen] == pytest.approx(expected[~seen], rel=1e-6)
    assert np.array_equal(filled[seen], y[seen])


@pytest.mark.parametrize("sigma", [0.1, 0.7, 3.0])
def test_noisy_pixels_by_a_sum_over_all_pictures(sigma):
    every = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    joint = np.prod(np.where(every[:, None] == 1, INK, 1 - INK), axis=2)  # (16, K)
    y = np.array([0.2, 1.3, 0.6, -0.4])
    joint *= np.exp(norm(every, sigma).logpdf(y).sum(axis=1))[:, None]
    joint /= joint.sum()
    model = Pictures(INK)
    assert model.given_noisy(y, sigma) == pytest.approx(joint.sum(axis=0), rel=1e-4)
    assert model.denoised(y, sigma) == pytest.approx(joint.sum(axis=1) @ every, rel=1e-4, abs=1e-6)
    given = (joint[:, :2] / joint[:, :2].sum(axis=0)).T @ every
    assert model.ink_given([0, 1], y, sigma) == pytest.approx(given, rel=1e-4, abs=1e-6)


def test_wiener_denoises_as_the_general_one():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6)), rng.standard_normal(6)
    model = Wiener(x, 0.3)
    expected = wiener(model.mean, model.covariance, Identity(0.7, 6), y[None])[0][0]
    assert model.denoise(y, 0.7) == pytest.approx(expected)


def test_places_are_equally_likely():
    z = equally_likely(4)
    assert z.shape == (16, 2)
    assert norm.cdf(z[:4, 0]) == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert np.array_equal(z[:4, 1], np.full(4, z[0, 1])), "z₁ goes fastest"


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="0 … 1"):
        Pictures([[1.5]])
    with pytest.raises(ValueError, match="booleans"):
        Pictures(INK).given([1, 0, 0, 1], [1, 0, 1, 0])


def test_wiener_of_block_means_is_the_general_one():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((50, 16)) @ rng.standard_normal((16, 16))
    model, measured, y = Wiener(x, 0.3), BlockMean(0.2, 4, 4, 2), rng.standard_normal(4)
    expected = wiener(model.mean, model.covariance, measured, y[None])[0][0]
    assert model.of(y, measured) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="sigma"):
        model.of(y, BlockMean(0.0, 4, 4, 2))
