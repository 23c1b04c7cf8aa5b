"""ELBO and KL against closed forms, each other, and another quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad

from genmodels.gaussian import Gaussian
from genmodels.inference.bounds import GaussianQ, elbo, hermite, kl_from_posterior, kl_to_posterior
from genmodels.inference.exact import posterior
from genmodels.inference.models import CURVES, CurveModel, DiscreteModel, FoldModel, LinearModel


def some_q(rng: np.random.Generator, d: int) -> GaussianQ:
    """Anywhere near the prior, from narrow to wide, tilted."""
    lower = np.tril(rng.normal(0, 0.4, (d, d)), -1)
    return GaussianQ(rng.normal(0, 1.2, d), lower + np.diag(np.exp(rng.uniform(np.log(0.05), np.log(1.5), d))))


# --- ELBO + KL = log p(x) -----------------------------------------------------------------------------------


def test_bound_and_gap_add_up_to_log_p_at_a_thousand_q():
    """log p(x) by a third computation, over the whole prior; the bound, the gap and it share no node."""
    rng, model = np.random.default_rng(0), FoldModel(0.3)
    _, xs = model.sample(50, np.random.default_rng(1))
    for x, log_p in zip(xs, model.log_prob(xs), strict=True):
        exact = posterior(model, x)
        for _ in range(20):
            q = some_q(rng, 2)
            bound, gap = elbo(model, x, q), kl_to_posterior(q, exact)
            assert bound.total + gap == pytest.approx(log_p, abs=1e-6)
            assert bound.from_energy + gap == pytest.approx(log_p, abs=1e-6)
            assert gap > 0


@pytest.mark.parametrize("curve", CURVES)
def test_they_do_on_a_curve(curve):
    rng, model = np.random.default_rng(0), CurveModel(curve, 0.2)
    _, xs = model.sample(20, rng)
    for x, log_p in zip(xs, model.log_prob(xs), strict=True):
        exact = posterior(model, x)
        for _ in range(10):
            q = some_q(rng, 1)
            assert elbo(model, x, q).total + kl_to_posterior(q, exact) == pytest.approx(log_p, abs=1e-6)


def test_a_linear_model_has_everything_in_closed_form():
    rng = np.random.default_rng(3)
    model = LinearModel(rng.normal(size=(5, 2)), rng.normal(size=5), 0.7)
    _, xs = model.sample(10, rng)
    for x in xs:
        exact, (mean, covariance) = posterior(model, x), model.posterior_moments(x)
        assert exact.log_evidence == pytest.approx(model.log_prob(x)[0], abs=1e-9)
        np.testing.assert_allclose(exact.mean, mean, atol=1e-9)
        np.testing.assert_allclose(exact.covariance, covariance, atol=1e-9)
        truth, q = Gaussian(mean, covariance), some_q(rng, 2)
        mine, said = Gaussian(q.mean, q.covariance), elbo(model, x, q)
        assert said.total == pytest.approx(model.closed_elbo(x, q.mean, q.covariance), abs=1e-8)
        assert said.from_energy == pytest.approx(said.total, abs=1e-8)
        assert kl_to_posterior(q, exact) == pytest.approx(mine.kl_divergence(truth), abs=1e-8)
        assert kl_from_posterior(q, exact) == pytest.approx(truth.kl_divergence(mine), rel=1e-8)
        best = GaussianQ(mean, np.linalg.cholesky(covariance))
        assert elbo(model, x, best).total == pytest.approx(model.log_prob(x)[0], abs=1e-9)
        assert kl_to_posterior(best, exact) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("x", [(0.2, 0.5), (-0.3, -0.8), (-1.0, -2.0), (0.5, 1.5), (2.0, 0.0)])
def test_log_p_and_both_divergences_by_gauss_legendre(x):
    """Nodes of another rule; two lumps, a banana, below the fold, lumps far apart, beside everything."""
    model = FoldModel(0.4)
    exact, q = posterior(model, x), GaussianQ([0.2, 0.4], [[0.8, 0.0], [-0.3, 0.9]])
    nodes, weights = np.polynomial.legendre.leggauss(300)
    z = 8 * np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    w = 64 * np.outer(weights, weights).ravel()
    joint = np.exp(model.log_joint(x, z))
    log_p = np.log(w @ joint)
    assert exact.log_evidence == pytest.approx(log_p, abs=1e-9)
    ratio = model.log_joint(x, z) - log_p - q.log_prob(z)
    assert kl_from_posterior(q, exact) == pytest.approx(w @ (joint * ratio) / np.exp(log_p), abs=1e-7)
    assert kl_to_posterior(q, exact) == pytest.approx(-(w @ (np.exp(q.log_prob(z)) * ratio)), abs=1e-7)


def test_the_worked_example():
    """p(z = 1) = 0.3, p(x | 1) = 0.7, p(x | 0) = 0.2, q = ½."""
    coin, half = DiscreteModel((0.3, 0.7), (0.7, 0.2)), (0.5, 0.5)
    assert coin.log_evidence() == pytest.approx(-1.0498, abs=5e-5)
    assert coin.kl_to_posterior(half) == pytest.approx(0.0204, abs=5e-5)
    assert -coin.elbo(half) == pytest.approx(1.0702, abs=5e-5)
    np.testing.assert_allclose(coin.posterior(), [0.6, 0.4])
    for share in np.linspace(0, 1, 101):
        q = (share, 1 - share)
        assert coin.elbo(q) + coin.kl_to_posterior(q) == pytest.approx(coin.log_evidence(), abs=1e-12)
    assert coin.elbo(coin.posterior()) == pytest.approx(coin.log_evidence(), abs=1e-12)


def test_the_error_is_told_where_the_quadrature_is_too_coarse():
    model = CurveModel("wave", 0.1)
    few, many = (elbo(model, [0.5, 0.5], GaussianQ([0.0], [[1.5]]), order=n) for n in (4, 64))
    assert few.error > 1
    assert many.error < 1e-6
    assert abs(few.from_energy - many.total) <= 2 * few.error


# --- q ------------------------------------------------------------------------------------------------------


def test_q_is_the_gaussian():
    rng, q = np.random.default_rng(0), GaussianQ([0.5, -1.0], [[0.7, 0.0], [0.4, 0.2]])
    same, z = Gaussian(q.mean, q.covariance), rng.normal(size=(20, 2))
    np.testing.assert_allclose(q.log_prob(z), same.log_prob(z))
    assert q.entropy() == pytest.approx(same.entropy())
    assert q.kl_to_prior() == pytest.approx(same.kl_divergence(Gaussian(np.zeros(2), np.eye(2))))
    np.testing.assert_allclose(q.sigma, np.sqrt(np.diag(q.covariance)))
    drawn = q.sample(100_000, rng)
    np.testing.assert_allclose(np.cov(drawn.T), q.covariance, atol=0.01)
    np.testing.assert_allclose(drawn.mean(axis=0), q.mean, atol=0.01)


def test_q_by_its_axes():
    q = GaussianQ.from_axes([0.0, 0.0], (2.0, 0.5), np.pi / 6)
    along = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
    np.testing.assert_allclose(q.covariance @ along, 4 * along, atol=1e-12)
    np.testing.assert_allclose(
        q.covariance @ [-along[1], along[0]], 0.25 * np.array([-along[1], along[0]]), atol=1e-12
    )


def test_hermite_is_exact_for_polynomials_and_the_rest_converges():
    u, w = hermite(5, 2)
    assert w @ (u[:, 0] ** 8) == pytest.approx(105)
    assert w @ (u[:, 0] ** 2 * u[:, 1] ** 4) == pytest.approx(3)
    u, w = hermite(30, 1)
    expected, _ = quad(lambda t: np.cos(2 * t) * np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi), -12, 12)
    assert w @ np.cos(2 * u[:, 0]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: GaussianQ([0.0], np.eye(2)), "takes a mean"),
        (lambda: GaussianQ([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), "lower triangular"),
        (lambda: GaussianQ.diagonal([0.0], [0.0]), "lower triangular"),
        (lambda: GaussianQ([np.nan], [[1.0]]), "NaN"),
        (lambda: elbo(FoldModel(), [0.0, 0.0], GaussianQ([0.0], [[1.0]])), "as many"),
        (lambda: DiscreteModel((0.3, 0.6), (0.7, 0.2)), "sum to 1"),
        (lambda: DiscreteModel((0.3, 0.7), (0.7,)), "one a weight"),
        (lambda: DiscreteModel((0.3, 0.7), (0.7, 0.2)).elbo((1.5, -0.5)), "sum to 1"),
    ],
)
def test_what_cannot_be_used_is_said(make, what):
    with pytest.raises(ValueError, match=what):
        make()


@pytest.mark.parametrize("step", [0.25, 0.75])
def test_both_divergences_are_what_their_sums_say(step):
    """KL(p ‖ q) cell by cell on p's grid; KL(q ‖ p) where log p(x, z) is a quartic, by wider steps, too."""
    exact = posterior(FoldModel(), (0.2, 0.5))
    q = GaussianQ([0.4, -0.3], [[0.7, 0.0], [-0.5, 0.9]])
    cells = exact.shares @ (exact.log_density.ravel() - q.log_prob(exact.points))
    assert kl_from_posterior(q, exact) == pytest.approx(cells, abs=1e-10)
    assert kl_to_posterior(q, exact, step) == pytest.approx(exact.log_evidence - elbo(exact.model, exact.x, q).total)
    assert exact.entropy == pytest.approx(-exact.shares @ exact.log_density.ravel())
