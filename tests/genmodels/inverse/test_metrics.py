"""Answers measured: decibels, misfit, weights of lumps."""

import numpy as np
import pytest

from genmodels.inverse.exact import condition
from genmodels.inverse.measurement import Mask
from genmodels.inverse.metrics import data_consistency, diversity, lump_weights, psnr, weight_gap
from genmodels.mixture import GaussianMixture
from tests.genmodels.inverse.shared import LINE, MIXTURE, Y


def test_decibels():
    truth = np.zeros(100)
    assert psnr(np.full((1, 100), 0.01), truth) == pytest.approx([40.0])
    assert psnr(np.full((2, 100), 25.5), truth, peak=255.0) == pytest.approx([20.0, 20.0])
    assert psnr(np.zeros((1, 100)), truth) == np.inf


def test_what_is_missed():
    assert data_consistency(Mask(0.0, [True, False, True]), [[3.0, 9.0, 4.0]], [0.0, 0.0]) == pytest.approx([5.0])


def test_two_samples_differ_by():
    assert diversity([[0.0, 0.0], [3.0, 4.0]]) == pytest.approx(5.0)


def test_weights_are_right_on_average_where_lumps_overlap():
    """Counting the nearest lump would be off by far more than three standard errors."""
    near = GaussianMixture(np.array([0.8, 0.2]), np.array([[0.0, 0.0], [0.8, 0.3]]), np.stack([0.3 * np.eye(2)] * 2))
    found = condition(near, LINE, Y)
    x = found.sample(20_000, np.random.default_rng(0))[0]
    shares = near.responsibilities(x)
    error = shares.std(axis=0) / np.sqrt(len(x))
    assert (np.abs(lump_weights(near, x) - found.weights) < 3 * error).all()
    counted = np.bincount(shares.argmax(axis=1), minlength=2) / len(x)
    assert abs(counted[0] - found.weights[0]) > 10 * error[0]


def test_the_gap_of_exact_samples_shrinks_with_their_number():
    found, rng = condition(MIXTURE, LINE, Y), np.random.default_rng(0)
    gaps = [
        np.mean([weight_gap(lump_weights(MIXTURE, found.sample(n, rng)[0]), found.weights) for _ in range(40)])
        for n in (100, 1600)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.4)
    assert weight_gap([1.0, 0.0], [0.0, 1.0]) == 1
