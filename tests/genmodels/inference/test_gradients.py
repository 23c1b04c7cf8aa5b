"""Both estimators have the same mean, the slope by finite differences, and spreads far apart."""

import math

import numpy as np
import pytest

from genmodels.inference.bounds import GaussianQ, elbo
from genmodels.inference.gradients import ESTIMATORS, draws, exact_gradient, spread
from genmodels.inference.models import CurveModel, FoldModel

CASES = {
    "far": (FoldModel(), (0.2, 0.5), GaussianQ.diagonal([0.4, -0.6], [0.5, 0.3])),
    "near": (FoldModel(), (-1.0, -2.0), GaussianQ.diagonal([-1.1, 0.0], [0.28, 0.3])),
    "curve": (CurveModel("wave", 0.3), (0.4, 0.6), GaussianQ.diagonal([0.3], [0.4])),
}
every_case = pytest.mark.parametrize(("model", "x", "q"), CASES.values(), ids=CASES)


@every_case
def test_the_slope_is_that_of_the_bound(model, x, q):
    h, d = 1e-4, q.n_latent
    expected = []
    for e in np.eye(2 * d):
        up, down = (
            elbo(model, x, GaussianQ.diagonal(q.mean + s * e[:d], q.sigma * np.exp(s * e[d:]))).total for s in (h, -h)
        )
        expected.append((up - down) / (2 * h))
    np.testing.assert_allclose(exact_gradient(model, x, q), expected, rtol=1e-5, atol=1e-5)


@every_case
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("baseline", [0.0, -7.0, "others"])
def test_the_mean_of_single_draws_is_the_slope(model, x, q, estimator, baseline):
    found = draws(model, x, q, 60_000, np.random.default_rng(0), estimator, baseline)
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    exact = exact_gradient(model, x, q)
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - exact), 3.5 * error)
    if estimator == "reparameterised":
        assert (error < 0.02 * np.abs(exact).max() + 0.02).all(), "the test has no power"


@every_case
def test_the_two_means_agree_with_each_other(model, x, q):
    a, b = (draws(model, x, q, 60_000, np.random.default_rng(s), e) for s, e in enumerate(ESTIMATORS, start=3))
    error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 60_000)
    np.testing.assert_array_less(np.abs(a.mean(axis=0) - b.mean(axis=0)), 3 * error + 1e-12)


@every_case
def test_the_spread_is_that_of_many_draws(model, x, q):
    exact = spread(model, x, q)
    for row, estimator in enumerate(ESTIMATORS):
        found = draws(model, x, q, 200_000, np.random.default_rng(7), estimator)
        np.testing.assert_allclose(found.var(axis=0), exact.variances[row], rtol=0.05)
    np.testing.assert_allclose(exact.ratio, np.sqrt(exact.variances[1] / exact.variances[0]))
    assert (exact.ratio > 1.5).all()


def test_a_baseline_takes_spread_away_and_leaves_the_mean():
    model, x, q = CASES["far"]
    without, with_ = (
        draws(model, x, q, 20_000, np.random.default_rng(0), "score", baseline) for baseline in (0.0, "others")
    )
    assert (with_.std(axis=0) < 0.85 * without.std(axis=0)).all()
    shifted = spread(model, x, q, baseline=float(np.mean(model.log_joint(x, q.at(np.zeros((1, 2)))))))
    np.testing.assert_allclose(shifted.exact, spread(model, x, q).exact)


def test_what_cannot_be_used_is_said():
    model, x, q = CASES["far"]
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="reparameterised, score"):
        draws(model, x, q, 5, rng, "finite")
    with pytest.raises(ValueError, match="2 or more"):
        draws(model, x, q, 1, rng, "score", "others")
    with pytest.raises(ValueError, match="independent latents"):
        draws(model, x, GaussianQ([0.0, 0.0], [[1.0, 0.0], [0.5, 1.0]]), 5, rng)


def test_the_baseline_of_a_draw_is_made_of_the_others():
    """By its definition, with three draws: here a draw's own f would bend the mean by a third."""
    model, x, q = CASES["far"]
    found = draws(model, x, q, 3, np.random.default_rng(4), "score", "others")
    eps = np.random.default_rng(4).standard_normal((3, 2))
    z = q.mean + q.sigma * eps
    f = model.log_joint(x, z) - q.log_prob(z)
    for i in range(3):
        ahead = f[i] - np.delete(f, i).mean()
        np.testing.assert_allclose(found[i], ahead * np.concatenate([eps[i] / q.sigma, eps[i] ** 2 - 1]))
