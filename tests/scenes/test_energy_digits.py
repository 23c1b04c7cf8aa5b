"""A machine of digits: given pixels stay, dreams become digits, and its figure stands where it belongs."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.energy.digits import ANSWERS, DREAMS, OURS, Dreams, chains, machine, ours, scene, table
from dashboard.scenes.pictures import binary_digit
from tests.scenes.reading import layer, readouts

AS_IT_OPENS = Dreams()


@pytest.mark.parametrize("given", ["upper", "left"])
def test_what_is_given_stays_and_the_rest_moves(given):
    config = replace(AS_IT_OPENS, dream_given=given)
    answers, seen = chains(config).images[:, DREAMS:], config.given()
    assert (answers[..., seen] == binary_digit(config.index())[seen]).all()
    assert (answers[1:, :, ~seen] != answers[:-1][..., ~seen]).any(axis=(1, 2)).all()
    assert seen.sum() == 392
    assert seen.reshape(28, 28)[0 if given == "upper" else slice(None), 0].all()


def test_dreams_come_nearer_to_what_digits_cost_from_both_sides():
    coins, white = (
        readouts(scene(replace(AS_IT_OPENS, dream_start=start)))["−log p of a dream"] for start in ("coins", "white")
    )
    assert coins[0] > 1000
    assert ours() < coins[-1] < ours() + 40
    assert white[0] < white[-1] < ours()


def test_answers_know_more_than_coins_of_the_covered_half():
    config = AS_IT_OPENS
    wrong = readouts(scene(config))["covered pixels that the answers get wrong"]
    assert wrong[0] == pytest.approx(50, abs=3)
    assert wrong[-1] < 25


def test_the_machine_is_better_than_coins_and_a_mixture():
    found = table()
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found["PixelCNN"] < found[OURS] < found["mixture"] < found["coins"]
    assert found["coins"] == pytest.approx(213.4, abs=0.05)


def test_sixteen_dreams_and_nine_answers_are_pictures():
    drawn = scene(AS_IT_OPENS)
    assert drawn.panels[0].layers[0].pixels.shape[1:] == (DREAMS, 28, 28)
    assert layer(drawn, "answers").pixels.shape[1:] == (ANSWERS, 28, 28)
    filters = drawn.panels[3].layers[0].pixels
    assert np.abs(filters.astype(int) - 127.5).max(axis=(1, 2)).min() > 127, "each to its own scale"
    assert machine().weights.shape == (784, 256)
