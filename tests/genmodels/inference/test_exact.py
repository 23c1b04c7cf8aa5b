"""The grid: its error is told, its box holds the mass, and it finds lumps wherever they are."""

import numpy as np
import pytest

from genmodels.inference.bounds import GaussianQ
from genmodels.inference.exact import find_box, log_evidences, posterior
from genmodels.inference.models import CurveModel, FoldModel, LinearModel

BANANA, TWO = (-0.3, -0.8), (0.2, 0.5)


@pytest.mark.parametrize("noise", [0.1, 0.3, 1.0])
def test_log_p_is_right_to_what_is_told(noise):
    model = FoldModel(noise)
    _, xs = model.sample(8, np.random.default_rng(0))
    fine = log_evidences(model, xs, reach=7, cells=600)[0]
    for x, log_p in zip(xs, fine, strict=True):
        exact = posterior(model, x)
        assert exact.log_evidence == pytest.approx(log_p, abs=1e-7)
        assert exact.error < 1e-8
        assert exact.shares.sum() == pytest.approx(1, abs=1e-12)


def test_the_error_told_is_no_smaller_than_the_error_made():
    model = LinearModel([[8.0], [6.0]], [0.0, 0.0], 0.5)  # a posterior of standard deviation 1/20
    x = np.array([3.0, 2.0])
    truth = model.log_prob(x)[0]
    for cells in (80, 100, 120, 160, 200):
        try:
            exact = posterior(model, x, box=[(-4, 4)], cells=cells)
        except ValueError:
            continue
        assert abs(exact.log_evidence - truth) <= exact.error + 1e-12
    with pytest.raises(ValueError, match="more cells"):
        posterior(model, x, box=[(-4, 4)], cells=60)


def test_a_box_beside_the_mass_is_refused():
    with pytest.raises(ValueError, match="holds the mass"):
        posterior(FoldModel(), TWO, box=[(-1, 1), (0, 2)], cells=100)
    with pytest.raises(ValueError, match="lower and a higher end"):
        posterior(FoldModel(), TWO, box=[(-1, 1)])
    with pytest.raises(ValueError, match="one point of 2"):
        posterior(FoldModel(), [0.0])
    with pytest.raises(ValueError, match="8 or more"):
        posterior(FoldModel(), TWO, cells=2)
    with pytest.raises(ValueError, match="too many"):
        posterior(LinearModel(np.eye(3), np.zeros(3), 1.0), np.zeros(3))


def test_a_box_given_is_the_box_shown():
    exact = posterior(FoldModel(), BANANA, box=[(-4, 4), (-3, 3)], cells=100)
    assert exact.box == ((-4, 4), (-3, 3))
    assert exact.log_density.shape == (101, 101)
    assert exact.log_evidence == pytest.approx(posterior(FoldModel(), BANANA).log_evidence, abs=1e-8)
    at = exact.points.reshape(101, 101, 2)[30, 70]
    np.testing.assert_allclose(at, [exact.axes[0][30], exact.axes[1][70]])
    assert exact.log_density[30, 70] == pytest.approx(exact.log_prob(at[None])[0])


def test_a_lump_narrower_than_a_cell_of_the_first_look_is_found():
    model = LinearModel([[300.0, 0.0], [0.0, 200.0]], [0.0, 0.0], 0.5)
    exact, x = posterior(model, [333.0, -77.7]), np.array([333.0, -77.7])
    assert exact.log_evidence == pytest.approx(model.log_prob(x)[0], abs=1e-7)
    (a, b), (c, d) = find_box(model, x)
    assert b - a < 0.1
    assert d - c < 0.1


def test_moments_and_draws_agree():
    exact = posterior(FoldModel(), TWO)
    z = exact.sample(200_000, np.random.default_rng(0))
    np.testing.assert_allclose(z.mean(axis=0), exact.mean, atol=0.02)
    np.testing.assert_allclose(np.cov(z.T), exact.covariance, atol=0.03)


def test_draws_are_those_of_the_joint_near_x():
    """p(z | x) from the model alone: of many pairs (z, x′), the z whose x′ fell near x."""
    model, exact = FoldModel(), posterior(FoldModel(), BANANA)
    z, x = model.sample(2_000_000, np.random.default_rng(1))
    near = z[(np.abs(x - BANANA) < 0.06).all(axis=1)]
    error = near.std(axis=0) / np.sqrt(len(near))
    assert len(near) > 1000
    np.testing.assert_array_less(np.abs(near.mean(axis=0) - exact.mean), 4 * error + 0.01)


def test_lumps_are_counted_and_as_sharp_as_they_are():
    two, one = posterior(FoldModel(), TWO).lumps(), posterior(FoldModel(), (-1.0, -2.0)).lumps()
    assert (len(two), len(one)) == (2, 1)
    assert two[0].mean[1] * two[1].mean[1] < 0
    linear = LinearModel([[1.0, 0.5], [0.0, 2.0], [1.0, -1.0]], [0.1, 0.2, 0.3], 0.5)
    mean, covariance = linear.posterior_moments([1.0, 0.0, 1.0])
    (lump,) = posterior(linear, [1.0, 0.0, 1.0]).lumps()
    assert isinstance(lump, GaussianQ)
    np.testing.assert_allclose(lump.covariance, covariance, rtol=1e-4)
    np.testing.assert_allclose(lump.mean, mean, atol=0.1)


def test_a_curve_whose_ends_nearly_meet_has_two_lumps_on_the_line():
    exact = posterior(CurveModel("horseshoe", 0.3), (0.0, 2.4))
    assert len(exact.lumps()) == 2
    assert exact.mean == pytest.approx(0, abs=1e-9)
    assert exact.covariance[0, 0] > 6


def test_many_at_once_are_as_one_at_a_time():
    for model in (FoldModel(), CurveModel("wave", 0.3)):
        _, xs = model.sample(8, np.random.default_rng(2))
        found, error = log_evidences(model, xs)
        expected = [posterior(model, x).log_evidence for x in xs]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert (error < 1e-5).all()
