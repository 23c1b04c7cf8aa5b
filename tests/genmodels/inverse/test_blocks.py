"""Blocks of known ink: by enumerating pictures, and by drawing and rejecting."""

import itertools

import numpy as np
import pytest

from genmodels.inverse.blocks import draw_given_blocks, given_blocks, ink_given_blocks, pixels_of_blocks
from genmodels.inverse.measurement import BlockMean

INK = np.random.default_rng(0).uniform(0.05, 0.95, (3, 16))
COUNTS = np.array([2, 0, 3, 4])


def test_posterior_is_a_ratio_of_sums_over_all_pictures():
    every = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    expected = np.ones(3)
    for m, pixels in zip(COUNTS, pixels_of_blocks(4, 2), strict=True):
        fits = every[every.sum(axis=1) == m]
        p = INK[:, pixels]
        expected *= np.where(fits[:, None] == 1, p, 1 - p).prod(axis=2).sum(axis=0)
    assert given_blocks(INK, COUNTS, 2) == pytest.approx(expected / expected.sum(), rel=1e-12)


def test_a_pixel_s_chance_is_a_ratio_of_sums_over_all_pictures():
    every = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    chances = ink_given_blocks(INK, COUNTS, 2)
    for m, pixels in zip(COUNTS, pixels_of_blocks(4, 2), strict=True):
        fits = every[every.sum(axis=1) == m]
        likely = np.where(fits[:, None] == 1, INK[:, pixels], 1 - INK[:, pixels]).prod(axis=2)
        assert chances[:, pixels] == pytest.approx((likely.T @ fits) / likely.sum(axis=0)[:, None], rel=1e-12)
        assert chances[:, pixels].sum(axis=1) == pytest.approx(np.full(3, m), abs=1e-12)


def test_draws_hold_the_counts_and_are_what_rejection_leaves():
    rng = np.random.default_rng(1)
    x = draw_given_blocks(np.repeat(INK[:1], 10_000, axis=0), COUNTS, 2, rng)
    assert np.array_equal(BlockMean(0.0, 4, 4, 2).apply(x), np.broadcast_to(COUNTS / 4, (len(x), 4)))
    pixels = pixels_of_blocks(4, 2)[2]
    tried = (rng.random((100_000, 4)) < INK[0, pixels]).astype(float)
    left = tried[tried.sum(axis=1) == 3]
    assert x[:, pixels].mean(axis=0) == pytest.approx(left.mean(axis=0), abs=0.02)


def test_single_pixels_leave_nothing_open():
    x = (np.random.default_rng(2).random(16) < 0.5).astype(int)
    assert np.array_equal(draw_given_blocks(INK, x, 1, np.random.default_rng(3)), np.broadcast_to(x, (3, 16)))
    assert ink_given_blocks(INK, x, 1) == pytest.approx(np.broadcast_to(x, (3, 16)))
    likely = np.where(x, INK, 1 - INK).prod(axis=1)
    assert given_blocks(INK, x, 1) == pytest.approx(likely / likely.sum())


def test_what_is_nearly_impossible_can_still_be():
    ink = np.zeros((2, 784))
    ink[1] = 1
    p = given_blocks(ink, np.array([40, 0, 0, 0]), 14)
    assert p == pytest.approx([1, 0])
    x = draw_given_blocks(ink[:1], np.array([40, 0, 0, 196]), 14, np.random.default_rng(0))
    assert x.sum() == 236
    assert ink_given_blocks(ink[:1], np.array([40, 0, 0, 196]), 14).sum() == pytest.approx(236)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="divisor"):
        pixels_of_blocks(28, 5)
    with pytest.raises(ValueError, match="square"):
        given_blocks(INK[:, :15], COUNTS, 2)
    for counts in ([2, 0, 3], [2, 0, 3, 5], [2.0, 0.0, 3.0, 4.0]):
        with pytest.raises(ValueError, match="counts must be"):
            given_blocks(INK, np.array(counts), 2)
    with pytest.raises(ValueError, match="probabilities"):
        given_blocks(INK + 1, COUNTS, 2)
