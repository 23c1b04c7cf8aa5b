"""Coarse to fine: all answers fit, and what is coarser leaves more open."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.inverse import coarse
from genmodels.inverse.measurement import BlockMean
from tests.scenes.reading import layer, readouts

CONFIG = coarse.Coarse()


@pytest.mark.parametrize("drawn", [False, True])
def test_every_answer_and_their_mean_fit_what_was_measured(drawn):
    truth = coarse.binary_digit(CONFIG.index())
    for side, level in zip(coarse.SIDES, coarse._levels(replace(CONFIG, drawn=drawn)), strict=True):
        means = BlockMean(0.0, 28, 28, 28 // side)
        y = means.apply(truth[None])[0]
        for x in (*level.answers, level.answers.mean(axis=0), level.copied):
            assert means.apply(x[None])[0] == pytest.approx(y, abs=1e-12)
        assert not drawn or set(np.unique(level.answers)) == {0, 1}


def test_the_measured_picture_is_the_least_squares_answer():
    truth = coarse.binary_digit(CONFIG.index())
    for side, level in zip(coarse.SIDES[:3], coarse._levels(CONFIG)[:3], strict=True):
        means = BlockMean(0.0, 28, 28, 28 // side)
        assert level.copied == pytest.approx(means.pseudoinverse @ means.apply(truth[None])[0], abs=1e-9)


def test_four_pixels_leave_several_digits_and_all_pixels_none():
    told = readouts(coarse.scene(CONFIG))
    assert told["digits in play"][0] > 2
    assert np.isinf(told["PSNR: an answer"][-1])
    fitting = [level.fitting for level in coarse._levels(CONFIG)]
    assert fitting == sorted(fitting, reverse=True)
    assert fitting[-1] == 1
    assert (told["PSNR: mean of 100"] >= told["PSNR: an answer"]).all()


def test_more_pixels_leave_less_doubt_on_average():
    doubt = [readouts(coarse.scene(coarse.Coarse(d, 3)))["digits in play"] for d in range(0, 10, 2)]
    mean = np.mean(doubt, axis=0)
    assert mean[0] > mean[1] > mean[2] >= mean[4] - 0.05


def test_drawn_pixels_cost_what_a_sample_costs():
    """Averaged over five digits, an answer's squared error is about twice that of the mean."""
    apart = [
        told["PSNR: mean of 100"][1] - told["PSNR: an answer"][1]
        for told in (readouts(coarse.scene(coarse.Coarse(d, 4, True))) for d in range(0, 10, 2))
    ]
    assert np.mean(apart) == pytest.approx(3, abs=0.8)


def test_the_truth_waits_for_its_key_or_the_last_frame():
    scene = coarse.scene(CONFIG)
    assert layer(scene, "truth now").visible is False
    last = scene.panels[2].layers[3].pixels
    assert not last[:-1].any()
    assert last[-1].any()


def test_in_play_counts_equal_chances():
    assert coarse.in_play(np.array([0.25, 0.25, 0.25, 0.25, 0, 0])) == pytest.approx(4)
    assert coarse.in_play(np.eye(3)) == pytest.approx(np.ones(3))
