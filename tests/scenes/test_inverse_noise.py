"""A digit under noise: the mean errs least, answers are ink and paper and cost 3 dB."""

import numpy as np

from dashboard.scenes.inverse import noise
from tests.scenes.reading import layer, readouts


def test_an_answer_costs_twice_the_mean_on_average():
    """Over ten digits and the middle levels: a sample's expected squared error is twice that of E[x | y]."""
    apart = []
    for digit in range(10):
        told = readouts(noise.scene(noise.Noisy(digit, 1)))
        apart.append((told["PSNR: E[x | y]"] - told["PSNR: an answer"])[2:])
    assert abs(np.mean(apart) - 10 * np.log10(2)) < 0.5


def test_answers_are_ink_and_paper_and_the_mean_is_grey():
    scene = noise.scene(noise.Noisy())
    assert set(np.unique(layer(scene, "answers").pixels)) == {0, 255}
    grey = ((layer(scene, "E[x | y]").pixels > 50) & (layer(scene, "E[x | y]").pixels < 205)).mean(axis=(1, 2, 3))
    assert grey[-1] > 4 * grey[0]


def test_more_noise_leaves_less():
    told = readouts(noise.scene(noise.Noisy()))
    assert (np.diff(told["PSNR: E[x | y]"]) < 0).all()
    assert told["PSNR: E[x | y]"][0] > told["PSNR: Wiener"][0] + 3
