"""The mixture of Bernoullis: closed forms, enumeration, EM's ascent."""

import numpy as np
import pytest
from scipy.stats import bernoulli, chisquare

from genmodels.bernoulli_mixture import BernoulliMixtureConfig, fit_bernoulli_mixture, iterate_bernoulli_mixture

RNG = np.random.default_rng(0)
TRUTH = np.array([[0.9, 0.8, 0.1, 0.2], [0.1, 0.3, 0.9, 0.7]])
X = (RNG.random((300, 4)) < TRUTH[RNG.integers(0, 2, 300)]).astype(np.float64)
ALL = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(np.float64)
CONTRACT = [("bernoulli-mixture", 4, lambda: iterate_bernoulli_mixture(X, BernoulliMixtureConfig(3, 4)))]


def test_one_kind_is_a_smoothed_coin_for_each_pixel():
    state = fit_bernoulli_mixture(X, BernoulliMixtureConfig(1, 2, alpha=0.5))
    np.testing.assert_allclose(state.means[0], (X.sum(0) + 0.5) / 301)


def test_log_p_sums_over_the_kinds_and_probabilities_to_one():
    state = fit_bernoulli_mixture(X, BernoulliMixtureConfig(3, 5))
    kinds = np.stack([bernoulli.pmf(ALL, mean).prod(1) for mean in state.means])
    np.testing.assert_allclose(np.exp(state.log_prob(ALL)), state.weights @ kinds)
    assert np.exp(state.log_prob(ALL)).sum() == pytest.approx(1)
    np.testing.assert_allclose(
        state.responsibilities(ALL), (state.weights[:, None] * kinds / (state.weights @ kinds)).T
    )


@pytest.mark.parametrize("alpha", [0.1, 1, 5])
def test_em_never_lowers_its_objective_which_is_that_of_the_formula(alpha):
    states = list(iterate_bernoulli_mixture(X, BernoulliMixtureConfig(3, 20, alpha)))
    assert (np.diff([s.objective for s in states]) > -1e-12).all()
    s = states[-1]
    prior = alpha * (np.log(s.means) + np.log(1 - s.means)).sum()
    assert s.objective == pytest.approx((s.log_prob(X).sum() + prior) / len(X))


def test_two_kinds_are_found_again():
    state = fit_bernoulli_mixture(X, BernoulliMixtureConfig(2, 60))
    np.testing.assert_allclose(state.means[state.means[:, 0].argsort()[::-1]], TRUTH, atol=0.12)


def test_drawing_follows_the_probabilities():
    state = fit_bernoulli_mixture(X, BernoulliMixtureConfig(2, 10))
    drawn = state.sample(4000, np.random.default_rng(1))
    counts = [(drawn == image).all(1).sum() for image in ALL]
    assert chisquare(counts, 4000 * np.exp(state.log_prob(ALL))).pvalue > 0.01


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BernoulliMixtureConfig(0), "n_components"),
        (lambda: BernoulliMixtureConfig(alpha=0), "alpha"),
        (lambda: fit_bernoulli_mixture(X / 2, BernoulliMixtureConfig(2)), "binarise"),
        (lambda: fit_bernoulli_mixture(X[:3], BernoulliMixtureConfig(4)), "give more images"),
    ],
)
def test_what_cannot_be_is_said(make, said):
    with pytest.raises(ValueError, match=said):
        make()
