"""A bell bent on a line: mass, inverse, slopes and KL."""

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import PchipInterpolator

from genmodels.flows.bent import BentGaussian, log_normal, slopes_at

KNOTS = [(-1.5, -1.9), (-0.4, -1.2), (0.4, 0.9), (1.4, 1.6)]


@pytest.mark.parametrize("knots", [KNOTS, [(-1, -2), (1, 2)], [(-2, 0), (-1.9, 2), (3, 2.5)]])
def test_all_mass_arrives(knots):
    bent = BentGaussian(knots)
    x = np.unique(np.concatenate([bent.forward(np.linspace(-9, 9, 60_001))[0], np.linspace(-40, 40, 20_001)]))
    assert np.trapezoid(np.exp(bent.log_prob(x)), x) == pytest.approx(1, abs=1e-4)


def test_between_two_points_there_is_as_much_as_before():
    bent, z = BentGaussian(KNOTS), np.linspace(-0.8, 1.1, 20_001)
    x, _ = bent.forward(z)
    assert np.trapezoid(np.exp(bent.log_prob(x)), x) == pytest.approx(
        stats.norm.cdf(1.1) - stats.norm.cdf(-0.8), 1e-6
    )


def test_what_is_pushed_through_has_this_density():
    bent = BentGaussian(KNOTS)
    x, _ = bent.forward(np.random.default_rng(0).standard_normal(200_000))
    edges = np.linspace(-3, 3, 31)
    counted = np.histogram(x, edges)[0] / len(x) / 0.2
    fine = np.linspace(-3, 3, 3_001)
    wanted = np.exp(bent.log_prob(fine))[:-1].reshape(30, 100).mean(axis=1)
    assert np.allclose(counted, wanted, atol=0.012)


def test_slopes_are_those_of_pchip_inside_and_straight_lines_outside():
    z, x = np.array([-1.5, -0.4, 0.4, 1.4, 1.5]), np.array([-1.9, -1.2, 0.9, 1.6, 4.0])
    assert np.allclose(slopes_at(z, x)[1:-1], PchipInterpolator(z, x).derivative()(z)[1:-1])
    bent = BentGaussian(np.stack([z, x], axis=1))
    far, log_slope = bent.forward(np.array([-50.0, -1.5, 1.5, 50.0]))
    assert np.allclose(np.exp(log_slope), [0.7 / 1.1, 0.7 / 1.1, 24, 24])
    assert far[3] == pytest.approx(4 + 24 * 48.5)


def test_knots_on_the_diagonal_bend_nothing():
    bent, z = BentGaussian([(v, v) for v in (-2, -0.5, 0.1, 2)]), np.linspace(-5, 5, 101)
    x, log_slope = bent.forward(z)
    assert np.allclose(x, z)
    assert np.allclose(log_slope, 0)
    assert np.allclose(bent.log_prob(z), log_normal(z))


def test_kl_is_that_of_gaussians_and_zero_from_itself():
    bent = BentGaussian([(-1, -1.5), (1, 2.5)])  # N(0.5, 2²)
    target = stats.norm(0, 1)
    wanted = np.log(2) + (1 + 0.25) / 8 - 0.5
    assert bent.kl_from(target.logpdf, (-9, 9)) == pytest.approx(wanted, abs=1e-6)
    assert BentGaussian(KNOTS).kl_from(BentGaussian(KNOTS).log_prob, (-8, 8)) == 0


@pytest.mark.parametrize(
    ("knots", "told"),
    [([(0, 0)], "two pairs"), ([(0, 1), (1, 1)], "do not rise"), ([(0, 0), (-1, 1)], "do not rise"),
     ([(0, 0), (1, np.nan)], "NaN"), ([0, 1, 2], "two pairs")],
)  # fmt: skip
def test_a_curve_that_folds_back_is_refused(knots, told):
    with pytest.raises(ValueError, match=told):
        BentGaussian(knots)
