"""A memory: three digits are found again, the fourth is one too many for Hebb's rule, not for the projection."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scenes.energy.memory import DIGITS, ORDINAL, Memory, patterns, scene, stay, walked
from tests.scenes.reading import layer, readouts

AS_IT_OPENS = Memory()


def said_last(config) -> str:
    drawn = scene(config)
    return drawn.captions[drawn.caption[-1]]


@pytest.mark.parametrize("start", [1, 2, 3])
def test_three_digits_are_found_again(start):
    assert (
        said_last(replace(AS_IT_OPENS, memory_start=start))
        == f"Settled: pattern {DIGITS[start - 1]}, pixel for pixel."
    )


def test_a_fourth_is_one_too_many_for_hebb_but_not_for_the_projection():
    four = replace(AS_IT_OPENS, memory_count=4)
    assert (stay(AS_IT_OPENS), stay(four)) == (3, 0)
    assert said_last(four).endswith("and deeper than every stored one.")
    for start in range(1, 5):
        mended = replace(four, memory_rule="pseudo", memory_start=start)
        assert said_last(mended) == f"Settled: pattern {DIGITS[start - 1]}, pixel for pixel."


def test_eight_tossed_coins_are_few():
    for rule in ("hebb", "pseudo"):
        config = Memory(8, rule, "coins")
        assert stay(config) == 8
        assert said_last(config) == "Settled: pattern 1, pixel for pixel."


def test_with_the_projection_all_are_equally_deep():
    config = Memory(5, "pseudo")
    assert walked(config).depth[:5] == pytest.approx([-(400 - 5) / 2] * 5)


@pytest.mark.parametrize("config", [AS_IT_OPENS, Memory(8, "hebb"), Memory(6, "pseudo", "coins", 7, "cover")])
def test_the_energy_never_rises_and_the_walk_ends(config):
    walk = walked(config)
    assert (np.diff(walk.energy) <= 1e-9).all()
    assert walk.settled[-1]
    assert not walk.settled[:-6].any(), "a few frames stay after the end, no more"


@pytest.mark.parametrize("start", ORDINAL)
def test_what_is_broken_is_as_the_controls_say(start):
    xi = patterns("digits", 0)[start - 1]
    assert (Memory(memory_start=start, memory_noise=30).first() != xi).sum() == 120
    half = Memory(memory_start=start, memory_break="cover").first().reshape(20, 20)
    assert np.array_equal(half[:10], xi.reshape(20, 20)[:10])
    assert (half[10:] == -1).all()


def test_nothing_broken_is_found_at_once_where_it_stays():
    told = readouts(scene(Memory(memory_noise=0)))
    assert (told["flips"] == 0).all()
    assert (told["largest overlap"] == 1).all()


def test_a_bar_at_one_is_the_pattern_itself():
    drawn = scene(AS_IT_OPENS)
    assert layer(drawn, "overlap").height[-1].max() == 1
    assert np.array_equal(drawn.panels[0].layers[0].pixels[-1], layer(drawn, "stored 1").pixels)


def test_a_negative_is_known_as_one():
    """Of three tosses of coins; a fourth, which nobody has stored, leads to the negative of one of them."""
    config = Memory(3, "hebb", "coins", 4)
    assert walked(config).overlaps[-1, :3].min() == -1
    assert said_last(config) == "Settled: the negative of a stored pattern. It is as deep: E(−s) = E(s)."
