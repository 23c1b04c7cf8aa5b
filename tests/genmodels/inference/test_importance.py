"""Importance weights: unbiased in exp, below in log, and the better the more."""

import math
from itertools import pairwise

import numpy as np
import pytest

from genmodels.inference.ascent import best_gaussian
from genmodels.inference.bounds import GaussianQ, elbo
from genmodels.inference.exact import posterior
from genmodels.inference.importance import estimate, importance_bound, log_means, log_weights
from genmodels.inference.models import FoldModel, LinearModel

X = (-0.3, -0.8)
MODEL = FoldModel()
EXACT = posterior(MODEL, X)
WIDE = GaussianQ.diagonal([-0.3, 0.1], [0.7, 0.9])
PROPOSALS = {"prior": "prior", "wide": WIDE, "moments": best_gaussian(EXACT, "forward")}
every_proposal = pytest.mark.parametrize("proposal", PROPOSALS.values(), ids=PROPOSALS)


@every_proposal
def test_the_mean_weight_is_p_of_x_at_every_k(proposal):
    """exp of what is inside L_K has no bias: within 3 standard errors, and they are small."""
    log_w = log_weights(MODEL, X, proposal, 200_000, np.random.default_rng(0)) - EXACT.log_evidence
    for k in (1, 5, 50):
        inside = np.exp(log_means(log_w.reshape(-1, k)))
        error = inside.std(ddof=1) / math.sqrt(len(inside))
        assert error < 0.02
        assert abs(inside.mean() - 1) < 3 * error


@every_proposal
def test_the_bound_rises_with_k_towards_log_p(proposal):
    log_w = log_weights(MODEL, X, proposal, 200_000, np.random.default_rng(1))
    bounds = [importance_bound(log_w, k) for k in (1, 2, 5, 10, 50, 500)]
    for fewer, more in pairwise(bounds):
        assert more.mean > fewer.mean - 3 * math.hypot(fewer.error, more.error)
    assert bounds[0].mean < bounds[-1].mean
    assert all(b.mean < EXACT.log_evidence + 3 * b.error for b in bounds)
    assert bounds[-1].mean == pytest.approx(EXACT.log_evidence, abs=0.02)


def test_l_1_is_the_elbo():
    log_w = log_weights(MODEL, X, WIDE, 200_000, np.random.default_rng(2))
    found = importance_bound(log_w, 1)
    assert abs(found.mean - elbo(MODEL, X, WIDE).total) < 3 * found.error


def test_the_exact_posterior_needs_one_draw():
    model = LinearModel([[1.0, 0.5], [0.0, 2.0], [1.0, -1.0]], [0.1, 0.2, 0.3], 0.5)
    mean, covariance = model.posterior_moments([1.0, 0.0, 1.0])
    log_w = log_weights(
        model, [1.0, 0.0, 1.0], GaussianQ(mean, np.linalg.cholesky(covariance)), 50, np.random.default_rng(0)
    )
    np.testing.assert_allclose(log_w, model.log_prob([1.0, 0.0, 1.0])[0], atol=1e-9)
    np.testing.assert_allclose(estimate(log_w).ess, np.arange(1, 51))


def test_running_estimates_are_those_of_the_first_n():
    log_w = np.random.default_rng(0).normal(-700, 5, size=(3, 200))
    running = estimate(log_w)
    for n in (1, 2, 77, 200):
        w = np.exp(log_w[:, :n] + 700)
        np.testing.assert_allclose(running.log_p[:, n - 1], np.log(w.mean(axis=1)) - 700)
        np.testing.assert_allclose(running.ess[:, n - 1], w.sum(axis=1) ** 2 / np.square(w).sum(axis=1))
    assert (running.ess >= 1 - 1e-9).all()
    assert (running.ess <= np.arange(1, 201) + 1e-6).all()


def test_draws_in_pieces_are_the_same_draws():
    """The first n of many are those of n: what is recorded up to N can be looked at for fewer."""
    few = log_weights(MODEL, X, WIDE, 8192, np.random.default_rng(5))
    many = log_weights(MODEL, X, WIDE, 9000, np.random.default_rng(5))
    np.testing.assert_array_equal(few, many[:8192])


def test_what_cannot_be_used_is_said():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="'prior', or a GaussianQ"):
        log_weights(MODEL, X, "posterior", 5, rng)
    with pytest.raises(ValueError, match="one of 2"):
        log_weights(MODEL, X, GaussianQ([0.0], [[1.0]]), 5, rng)
    with pytest.raises(ValueError, match="1 or more"):
        log_weights(MODEL, X, "prior", 0, rng)
    with pytest.raises(ValueError, match="needs 50 weights"):
        importance_bound(np.zeros(49), 50)
