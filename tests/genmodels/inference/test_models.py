"""The models given: slopes by finite differences, densities by sampling, K Gaussians on their way to a curve."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from genmodels.inference.models import CURVES, CurveModel, DiscreteModel, FoldModel, LinearModel, middles
from genmodels.mixture import GaussianMixture

LINEAR = LinearModel([[1.0, 0.5], [0.0, 2.0], [1.0, -1.0]], [0.1, 0.2, 0.3], 0.5)
MODELS = {
    **{curve: CurveModel(curve, 0.3) for curve in CURVES},
    "fold": FoldModel(0.3),
    "linear": LINEAR,
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@every_model
def test_the_slope_is_that_of_the_log_joint(model):
    rng, h = np.random.default_rng(0), 1e-6
    z, x = model.sample(12, rng)
    expected = np.stack(
        [(model.log_joint(x, z + h * e) - model.log_joint(x, z - h * e)) / (2 * h) for e in np.eye(model.n_latent)],
        axis=1,
    )
    np.testing.assert_allclose(model.gradient(x, z), expected, rtol=1e-5, atol=1e-5)
    value, slope = model.value_and_gradient(x, z)
    np.testing.assert_allclose(value, model.log_joint(x, z), rtol=1e-12)
    np.testing.assert_array_equal(slope, model.gradient(x, z))
    jacobian = np.stack(
        [(model.decode(z + h * e) - model.decode(z - h * e)) / (2 * h) for e in np.eye(model.n_latent)], axis=2
    )
    np.testing.assert_allclose(model.slope(z), jacobian, rtol=1e-6, atol=1e-6)


@every_model
def test_one_x_or_a_row_for_each_z(model):
    z, x = model.sample(5, np.random.default_rng(0))
    np.testing.assert_allclose(model.log_likelihood(x[2], z)[2], model.log_likelihood(x, z)[2])
    np.testing.assert_allclose(model.table(x, z).diagonal(), model.log_likelihood(x, z))
    np.testing.assert_allclose(model.survey(x[1], z), model.log_joint(x[1], z))


@pytest.mark.parametrize("model", [CurveModel(curve, 0.25) for curve in CURVES] + [FoldModel(0.3)])
def test_p_of_x_adds_up_to_one_and_is_how_often_x_is_drawn(model):
    x_1, x_2 = np.arange(-5.975, 7, 0.05), np.arange(-5.975, 14, 0.05)
    density = model.density(x_1, x_2)
    assert density.shape == (400, 260)
    assert density.sum() * 0.05**2 == pytest.approx(1, abs=2e-3)
    some = np.array([[x_1[140], x_2[130]], [x_1[120], x_2[110]], [x_1[100], x_2[150]]])
    np.testing.assert_allclose(np.exp(model.log_prob(some)), density[[130, 110, 150], [140, 120, 100]], rtol=1e-9)
    _, x = model.sample(200_000, np.random.default_rng(0))
    inside = (np.abs(x - [0.5, -0.5]) < 0.5).all(axis=1).mean()
    box = density[np.ix_((x_2 > -1) & (x_2 < 0), (x_1 > 0) & (x_1 < 1))]
    assert inside == pytest.approx(box.sum() * 0.05**2, rel=0.12)


def test_the_sum_becomes_an_integral():
    """The mixture of K Gaussians along the curve comes as near to the curve's own density as one likes."""
    model = CurveModel("wave", 0.2)
    _, x = model.sample(500, np.random.default_rng(0))
    p = np.exp(model.log_prob(x))
    apart = [np.abs(np.exp(model.mixture(k).log_prob(x)) - p).mean() for k in (3, 30, 300, 3000)]
    assert apart[0] > 5 * apart[1] > 25 * apart[2]
    assert apart[3] < 1e-4


def test_the_mixtures_means_lie_on_the_curve_at_equally_probable_z():
    model, z = CurveModel("parabola", 0.2), middles(10)
    mixture = model.mixture(10)
    assert isinstance(mixture, GaussianMixture)
    np.testing.assert_allclose(mixture.means, np.stack([z, 0.7 * z**2 - 1], axis=1))
    np.testing.assert_allclose(mixture.weights, 0.1)
    np.testing.assert_allclose(mixture.covariances, np.broadcast_to(0.04 * np.eye(2), (10, 2, 2)))
    shares = (np.random.default_rng(0).standard_normal(100_000)[:, None] < z).mean(axis=0)
    np.testing.assert_allclose(shares, (np.arange(10) + 0.5) / 10, atol=0.01)


def test_probabilistic_pca_as_scipy_has_it():
    _, x = LINEAR.sample(10, np.random.default_rng(0))
    covariance = LINEAR.weight @ LINEAR.weight.T + 0.25 * np.eye(3)
    np.testing.assert_allclose(LINEAR.log_prob(x), multivariate_normal(LINEAR.offset, covariance).logpdf(x))


def test_two_z_of_the_fold_make_the_same_x():
    """f(z) = x at most four times, and for x above the fold at least twice: a quadratic in z_2."""
    model, x = FoldModel(), np.array([0.2, 0.5])
    # z_1 = (x_1 − z_2/4) / 0.6 put into the second coordinate
    z_2 = np.roots([0.6, -0.25, x[0] - 1 - x[1]])
    z = np.stack([(x[0] - 0.25 * z_2) / 0.6, z_2], axis=1)
    np.testing.assert_allclose(model.decode(z), [x, x], atol=1e-12)
    assert abs(z_2[0] - z_2[1]) > 2


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: CurveModel("circle"), "wave, horseshoe, parabola"),
        (lambda: CurveModel("wave", 0), "0.01 or more"),
        (lambda: FoldModel(0.05), "0.1 or more"),
        (lambda: CurveModel().mixture(0), "1 or more"),
        (lambda: LinearModel([[1.0, 0.0]], [0.0, 0.0], 1.0), "for each row of W"),
        (lambda: LinearModel([[1.0, 0.0]], [0.0], 0.0), "above 0"),
        (lambda: FoldModel().decode(np.zeros(2)), r"\(N, 2\)"),
        (lambda: FoldModel().check_x([1.0]), "one point of 2"),
        (lambda: FoldModel().check_x([1.0, np.nan]), "NaN"),
        (lambda: DiscreteModel((0.5, 0.5), (0.5, 0.0)), "above 0"),
    ],
)
def test_what_cannot_be_used_is_said(make, what):
    with pytest.raises(ValueError, match=what):
        make()
