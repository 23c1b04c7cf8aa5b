"""A grey digit: two inks of one grey, odds by Bayes' rule, and a mean that nobody wrote in."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.scene.colours import ROLES
from dashboard.scenes.inverse import colour
from dashboard.scenes.pictures import coloured
from genmodels.inverse.measurement import Grey
from tests.scenes.reading import layer, readouts

CONFIG = colour.Coloured(4, 37)


def test_both_inks_have_the_same_grey():
    found = colour._found(CONFIG)
    blue, orange = (
        Grey(0.0, 784).apply(colour.inked(found.x, ink).reshape(1, -1)) for ink in (colour.BLUE, colour.ORANGE)
    )
    assert np.abs(blue - orange).max() < 1e-12
    assert np.ptp(blue) > 0.5, "ink stands out from paper"


def test_least_squares_answers_with_the_grey_picture():
    y = np.array([0.3, 1.0, 0.6])
    assert (Grey(0.0, 3).pseudoinverse @ y).reshape(3, 3) == pytest.approx(np.repeat(y[:, None], 3, axis=1))


@pytest.mark.parametrize("matrix", ["normal", "protan", "deutan"])
def test_the_inks_can_be_told_apart_by_everybody(matrix):
    """Viénot et al. (1999), on linear light; red and green weaken, blue against yellow stays."""
    seen = {
        "normal": np.eye(3),
        "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
        "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    }[matrix]
    apart = seen @ (colour.BLUE**2.2 - colour.ORANGE**2.2)
    assert np.abs(apart).max() > 0.3


def test_an_ink_stands_out_from_its_paper():
    def light(rgb: np.ndarray) -> float:
        return float(np.array([0.2126, 0.7152, 0.0722]) @ rgb**2.2)

    for ink in (colour.BLUE, colour.ORANGE, colour.mixed(0.5)):
        assert 1.05 / (light(ink) + 0.05) > 2.6
    assert ROLES["light"]["paper"] == "#FFFFFF", "the picture's paper is the page's"


def test_equal_odds_make_grey_tell_nothing():
    found = colour._found(replace(CONFIG, even=40, odd=40))
    assert found.blue == pytest.approx(0.4)


def test_the_share_of_blue_goes_to_the_exact_odds_and_the_mean_errs_least():
    told = readouts(colour.scene(CONFIG))
    assert abs(told["blue so far"][-1] - told["p(blue | y)"][-1]) < 5
    mean, likelier, drawn = (
        told[f"expected error²: {who}"][0] for who in ("E[x | y]", "the likelier ink", "a drawn answer")
    )
    assert mean < likelier < drawn
    assert drawn == pytest.approx(2 * mean)


def test_answers_come_one_by_one_and_the_truth_last():
    scene = colour.scene(CONFIG)
    there = (layer(scene, "answers").pixels != 0).any(axis=(2, 3)).sum(axis=1)
    assert there.tolist() == [*range(10), *[9] * 6]
    truth = scene.panels[2].layers[3].pixels
    assert not truth[:-1].any()
    assert truth[-1].any()


def test_a_pixel_of_its_own_colour_is_packed_byte_by_byte():
    pixels = coloured(np.array([[[1, 0, 0], [0, 0.2, 1], [1, 1, 1], [np.nan, 0, 0]]]))
    assert pixels.dtype == np.int32
    assert pixels.view(np.uint8).reshape(4, 4).tolist() == [
        [255, 0, 0, 255],
        [0, 51, 255, 255],
        [255, 255, 255, 255],
        [0, 0, 0, 0],
    ]
    assert layer(colour.scene(CONFIG), "answers").style()["coloured"] is True
