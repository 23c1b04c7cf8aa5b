"""The climb: it never falls, ends where no nearby q is better, and finds the exact answer where there is one."""

from itertools import pairwise

import numpy as np
import pytest

from genmodels.inference.ascent import (
    AscentConfig,
    Climb,
    best_gaussian,
    fit_posterior,
    iterate_posterior,
    towards_moments,
)
from genmodels.inference.bounds import GaussianQ, elbo, kl_from_posterior, kl_to_posterior
from genmodels.inference.exact import posterior
from genmodels.inference.models import CurveModel, FoldModel, LinearModel

BANANA, TWO = (-0.3, -0.8), (0.2, 0.5)
LINEAR = LinearModel([[1.0, 0.5], [0.0, 2.0], [1.0, -1.0]], [0.1, 0.2, 0.3], 0.5)
CONTRACT = [
    ("inference-natural", 6, lambda: iterate_posterior(FoldModel(), BANANA, AscentConfig(n_steps=6))),
    (
        "inference-gradient",
        5,
        lambda: iterate_posterior(
            FoldModel(), TWO, AscentConfig(n_steps=5, method="gradient", family="diagonal", rate=0.01)
        ),
    ),
    ("inference-curve", 3, lambda: iterate_posterior(CurveModel(), (0.1, 0.9), AscentConfig(n_steps=3))),
]
every_way = pytest.mark.parametrize(
    ("family", "method"), [(f, m) for f in ("full", "diagonal") for m in ("natural", "gradient")]
)


@every_way
@pytest.mark.parametrize("x", [BANANA, TWO, (1.0, 3.0), (-2.0, 0.0)])
def test_it_never_falls_and_says_its_own_bound(x, family, method):
    states = list(iterate_posterior(FoldModel(), x, AscentConfig(family=family, method=method, n_steps=25)))
    assert all(a.elbo <= b.elbo for a, b in pairwise(states))
    assert states[-1].elbo > states[0].elbo + 1
    for state in states[::6]:
        assert state.elbo == pytest.approx(elbo(FoldModel(), x, state.q).total, abs=1e-9)
    if family == "diagonal":
        assert all(state.cholesky[1, 0] == 0 for state in states)


@every_way
def test_where_it_ends_no_nearby_q_is_better(family, method):
    model, rng = FoldModel(), np.random.default_rng(0)
    end = fit_posterior(model, BANANA, AscentConfig(family=family, method=method, n_steps=150))
    for size in (1e-2, 1e-3):
        for _ in range(40):
            moved = end.cholesky * np.exp(size * rng.normal(size=(2, 2)) * np.eye(2))
            if family == "full":
                moved = moved + np.tril(size * rng.normal(size=(2, 2)), -1)
            q = GaussianQ(end.mean + size * rng.normal(size=2), np.tril(moved))
            assert elbo(model, BANANA, q).total < end.elbo + 1e-9


def test_a_gaussian_posterior_is_found_in_one_natural_step():
    x = np.array([1.0, -1.0, 0.5])
    mean, covariance = LINEAR.posterior_moments(x)
    end = fit_posterior(LINEAR, x, AscentConfig(rate=1.0, n_steps=1))
    np.testing.assert_allclose(end.mean, mean, atol=1e-9)
    np.testing.assert_allclose(end.q.covariance, covariance, atol=1e-9)
    assert end.elbo == pytest.approx(LINEAR.log_prob(x)[0], abs=1e-9)


def test_the_best_diagonal_q_has_the_precisions_of_a_gaussian_posterior():
    """Mean-field (Bishop 2006, section 10.1.2): the mean is right, each variance is one over Λ_ii, too small."""
    x = np.array([1.0, -1.0, 0.5])
    mean, covariance = LINEAR.posterior_moments(x)
    end = fit_posterior(LINEAR, x, AscentConfig(family="diagonal", rate=1.0, n_steps=60))
    np.testing.assert_allclose(end.mean, mean, atol=1e-6)
    np.testing.assert_allclose(end.q.sigma**2, 1 / np.diag(np.linalg.inv(covariance)), atol=1e-6)


def test_turned_round_one_picks_a_lump_and_one_covers_both():
    exact = posterior(FoldModel(), TWO)
    picks, covers = best_gaussian(exact, "reverse"), best_gaussian(exact, "forward")
    np.testing.assert_allclose(covers.mean, exact.mean)
    np.testing.assert_allclose(covers.covariance, exact.covariance)
    assert kl_to_posterior(picks, exact) < kl_to_posterior(covers, exact) - 1
    assert kl_from_posterior(covers, exact) < kl_from_posterior(picks, exact) - 1
    assert picks.sigma[1] < 0.5 * covers.sigma[1]
    heavier = max(exact.lumps(), key=lambda q: exact.log_prob(q.mean[None])[0])
    assert np.linalg.norm(picks.mean - heavier.mean) < 0.4


@pytest.mark.parametrize("x", [BANANA, TWO, (1.0, 3.0)])
def test_with_moments_ever_nearer_the_turned_divergence_falls(x):
    exact = posterior(FoldModel(), x)
    for start in (GaussianQ.diagonal([2.0, -2.0], [0.1, 1.5]), GaussianQ([0.0, 0.3], [[1.0, 0.0], [0.4, 0.2]])):
        qs = list(towards_moments(exact, start, 12))
        assert len(qs) == 13
        assert qs[0] is start
        assert all(kl_from_posterior(b, exact) < kl_from_posterior(a, exact) for a, b in pairwise(qs))
        np.testing.assert_allclose(qs[-1].mean, exact.mean, atol=1e-12)
        np.testing.assert_allclose(qs[-1].covariance, exact.covariance, atol=1e-12)
        halfway = qs[6].covariance + np.outer(qs[6].mean, qs[6].mean)
        ends = [q.covariance + np.outer(q.mean, q.mean) for q in (qs[0], qs[-1])]
        np.testing.assert_allclose(halfway, 0.5 * (ends[0] + ends[1]), atol=1e-12)


def test_moments_take_at_least_a_step():
    with pytest.raises(ValueError, match="n_steps"):
        list(towards_moments(posterior(FoldModel(), TWO), GaussianQ(np.zeros(2), np.eye(2)), 0))


def test_the_best_gaussian_still_leaves_a_gap_and_the_best_diagonal_one_a_larger():
    exact = posterior(FoldModel(), BANANA)
    full, diagonal = (kl_to_posterior(best_gaussian(exact, family=family), exact) for family in ("full", "diagonal"))
    assert 0.01 < full < diagonal


def test_many_climb_as_they_would_alone():
    model, xs = FoldModel(), np.array([BANANA, TWO, (1.0, 3.0)])
    start = GaussianQ([0.3, -0.2], [[0.5, 0.0], [0.1, 0.8]])
    climb = Climb(model, xs, np.tile(start.mean, (3, 1)), np.tile(start.cholesky, (3, 1, 1)), AscentConfig())
    for _ in range(8):
        climb.step()
    for i, x in enumerate(xs):
        alone = fit_posterior(model, x, AscentConfig(start=start, n_steps=8))
        np.testing.assert_allclose(climb.mean[i], alone.mean, rtol=1e-9)
        np.testing.assert_allclose(climb.cholesky[i], alone.cholesky, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"family": "round"}, "full, diagonal"),
        ({"method": "newton"}, "natural, gradient"),
        ({"rate": 0}, "rate"),
        ({"n_steps": -1}, "n_steps"),
        ({"order": 1}, "order"),
    ],
)
def test_what_cannot_be_used_is_said(fields, what):
    with pytest.raises(ValueError, match=what):
        AscentConfig(**fields)


def test_a_model_with_many_latents_is_refused():
    with pytest.raises(ValueError, match="too many for quadrature"):
        next(iterate_posterior(LinearModel(np.eye(3), np.zeros(3), 1.0), np.zeros(3)))
