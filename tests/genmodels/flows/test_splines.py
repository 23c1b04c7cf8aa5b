"""Splines through given knots: what they must meet, their inverse and their slope."""

import numpy as np
import pytest
from scipy.optimize import brentq

from genmodels.flows.splines import RationalQuadratic
from tests.genmodels.flows.shared import rng


def wild(bins: int, seed: int) -> RationalQuadratic:
    """Knots and slopes over three powers of ten each way."""
    r = rng(seed)
    x, y = (np.concatenate([[0], np.cumsum(10 ** r.uniform(-2, 1, bins))]) - 3 for _ in range(2))
    return RationalQuadratic(x, y, 10 ** r.uniform(-3, 3, bins + 1))


KNOTS = ([-2.0, -1.0, 0.5, 3.0], [-1.0, 0.0, 2.0, 2.5], [0.5, 1.0, 2.0, 0.1])


def test_it_meets_its_knots_with_their_slopes():
    curve = RationalQuadratic(*KNOTS)
    y, log_slope = curve.forward(KNOTS[0])
    np.testing.assert_array_equal(y, KNOTS[1])
    np.testing.assert_allclose(np.exp(log_slope), KNOTS[2], rtol=1e-14)
    x, log_slope = curve.inverse(KNOTS[1])
    np.testing.assert_array_equal(x, KNOTS[0])
    np.testing.assert_allclose(np.exp(log_slope), KNOTS[2], rtol=1e-14)


def test_a_straight_line_stays_one():
    curve = RationalQuadratic([0, 1, 3], [1, 3, 7], [2, 2, 2])
    x = np.linspace(-5, 8, 100)
    y, log_slope = curve.forward(x)
    np.testing.assert_allclose(y, 1 + 2 * x, rtol=0, atol=1e-14)
    np.testing.assert_allclose(log_slope, np.log(2), rtol=1e-14)


def test_one_piece_by_hand():
    """From (0, 0) to (1, 1) with slopes 2 and ½, at z = ½: y = (¼ + ½)/(½ + 2.5/4), y′ = (½ + ½ + ⅛)/(9/8)²."""
    y, log_slope = RationalQuadratic([0, 1], [0, 1], [2, 0.5]).forward(0.5)
    assert y == pytest.approx(2 / 3, abs=1e-15)
    assert np.exp(log_slope) == pytest.approx((0.5 + 0.5 + 0.125) / (9 / 8) ** 2, abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_slope_and_inverse(seed):
    curve = wild(6, seed)
    inside = np.concatenate(
        [np.linspace(a, b, 42)[1:-1] for a, b in zip(curve.knots_x, curve.knots_x[1:], strict=False)]
    )
    step = 1e-7 * np.diff(curve.knots_x).min()
    y, log_slope = curve.forward(inside)
    assert (np.diff(y) > 0).all()
    difference = (curve.forward(inside + step)[0] - curve.forward(inside - step)[0]) / (2 * step)
    np.testing.assert_allclose(np.exp(log_slope), difference, rtol=1e-3, atol=1e-6)
    x, again = curve.inverse(y)
    np.testing.assert_allclose(curve.forward(x)[0], y, rtol=0, atol=1e-13)
    np.testing.assert_allclose(x, inside, rtol=0, atol=1e-9)
    np.testing.assert_allclose(again, log_slope, rtol=0, atol=1e-6)
    for at in rng(seed).uniform(curve.knots_y[0], curve.knots_y[-1], 10):
        root = brentq(lambda x, at=at: curve.forward(x)[0] - at, curve.knots_x[0], curve.knots_x[-1], xtol=1e-13)
        assert curve.inverse(at)[0] == pytest.approx(root, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_beyond_the_ends_it_goes_on_straight(seed):
    curve = wild(4, seed)
    for far in (1.0, 1e6):
        x = np.array([curve.knots_x[0] - far, curve.knots_x[-1] + far])
        y, log_slope = curve.forward(x)
        ends = curve.slopes[[0, -1]]
        np.testing.assert_allclose(y, curve.knots_y[[0, -1]] + ends * [-far, far], rtol=1e-12)
        np.testing.assert_allclose(np.exp(log_slope), ends, rtol=1e-12)
        back, log_back = curve.inverse(y)
        np.testing.assert_allclose(back, x, rtol=1e-10)
        np.testing.assert_allclose(log_back, log_slope, rtol=0, atol=1e-12)


def test_what_cannot_be_inverted_is_refused():
    for given, word in (
        (([0, 1], [0, 1], [1]), "same|one length"),
        (([0], [0], [1]), "length"),
        (([0, 0], [0, 1], [1, 1]), "knots_x is .* rise"),
        (([0, 1], [1, 0], [1, 1]), "knots_y is .* rise"),
        (([0, 1], [0, 1], [1, 0]), "above 0"),
        (([0, np.nan], [0, 1], [1, 1]), "NaN"),
    ):
        with pytest.raises(ValueError, match=word):
            RationalQuadratic(*given)
