"""Both kinds of classifier against scikit-learn, closed forms and each other."""

import dataclasses
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from genmodels.classifiers.descent import LogisticConfig, iterate_logistic
from genmodels.classifiers.discriminative import (
    DiscriminativeClassifier,
    escapes,
    features,
    fit_logistic,
    has_optimum,
    lowest_loss,
    separable,
)
from genmodels.classifiers.generative import (
    GenerativeClassifier,
    fit_class_mixtures,
    fit_lda,
    fit_naive_bayes,
    fit_qda,
)
from genmodels.classifiers.labelled import check_labelled
from genmodels.data.planar import get_dataset
from genmodels.gaussian import Gaussian
from genmodels.mixture import CollapseError, GaussianMixture, MixtureConfig, fit_mixture
from tests.genmodels.classifiers.shared import blobs, both_degrees, every_k

pytestmark = pytest.mark.filterwarnings("error")  # none may escape from a fit
fixed = settings(max_examples=100, deadline=None, derandomize=True)


def moons(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    x = get_dataset("moons").sample(n, np.random.default_rng(0))
    return x, (x[:, 0] + 3 * x[:, 1] > 1).astype(int)


def shared_naive_bayes(x, y, n_classes):
    return fit_naive_bayes(x, y, n_classes, shared_variance=True)


def crossing(x, y, n_classes):
    """Two components a class, whatever the data: a posterior that no single Gaussian has."""
    return fit_class_mixtures(x, y, n_classes, n_components=2)


FITS = [fit_lda, fit_qda, fit_naive_bayes, shared_naive_bayes, fit_class_mixtures, crossing]
every_fit = pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.__name__)
OFFSET = (blobs(3, seed=4)[0] * [0.01, 50] + [300, -20], blobs(3, seed=4)[1])
DATA = {
    "2 classes": (*blobs(2), 2),
    "3 classes": (*blobs(3, seed=1), 3),
    "5-D": (*blobs(3, n=300, d=5, seed=2), 3),
    "1-D": (*blobs(2, d=1, seed=3), 2),
    "small and large scales": (*OFFSET, 3),
    "cut moons": (*moons(), 2),
    "well apart": (*blobs(3, seed=5, gap=9), 3),
    "tiny": (blobs(2, seed=6)[0] * 1e-3, blobs(2, seed=6)[1], 2),
}


def log_odds(model, x: np.ndarray) -> np.ndarray:
    log_p = model.log_posterior(x)
    return log_p[:, 1:] - log_p[:, :1]


ORACLES = {
    "lda": (fit_lda, LinearDiscriminantAnalysis),
    "qda": (fit_qda, lambda: QuadraticDiscriminantAnalysis(tol=0)),
    "naive bayes": (fit_naive_bayes, GaussianNB),
    "smoothed": (lambda *a: fit_naive_bayes(*a, var_smoothing=0.1), lambda: GaussianNB(var_smoothing=0.1)),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("oracle", ORACLES)
def test_posteriors_are_scikit_learns(oracle, name):
    x, y, k = DATA[name]
    ours, theirs = ORACLES[oracle]
    model, reference = ours(x, y, k), theirs().fit(x, y)
    rng = np.random.default_rng(1)
    probes = np.concatenate([x, x.mean(axis=0) + 3 * x.std(axis=0) * rng.standard_normal((200, x.shape[1]))])
    expected = reference.predict_proba(probes)
    joint = model.log_joint(probes)
    by_hand = np.exp(joint - joint.max(axis=1, keepdims=True))
    np.testing.assert_allclose(by_hand / by_hand.sum(axis=1, keepdims=True), expected, atol=1e-6, rtol=0)
    np.testing.assert_allclose(np.exp(model.log_posterior(probes)), expected, atol=1e-6, rtol=0)
    sure = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2] > 1e-6
    assert np.array_equal(model.predict(probes)[sure], reference.predict(probes)[sure])


@pytest.mark.parametrize("var_smoothing", [0.0, 1e-9, 1e-3])
def test_variances_are_gaussian_nbs_to_the_last_bit(var_smoothing):
    x, y = blobs(3, seed=1)
    reference = GaussianNB(var_smoothing=var_smoothing).fit(x, y)
    model = fit_naive_bayes(x, y, 3, var_smoothing=var_smoothing)
    for conditional, variances in zip(model.conditionals, reference.var_, strict=True):
        assert np.array_equal(conditional.covariances[0], np.diag(variances))
    assert np.array_equal(model.prior, reference.class_prior_)


def test_what_is_fitted_are_the_classes_moments():
    x, y = blobs(3, seed=1)
    lda, qda = fit_lda(x, y, 3), fit_qda(x, y, 3)
    within = sum(np.cov(x[y == k].T, bias=True) * (y == k).mean() for k in range(3))
    for k in range(3):
        for model, covariance in ((lda, within), (qda, np.cov(x[y == k].T, bias=True))):
            np.testing.assert_allclose(model.conditionals[k].means[0], x[y == k].mean(axis=0), rtol=1e-12)
            np.testing.assert_allclose(model.conditionals[k].covariances[0], covariance, rtol=1e-10)
    np.testing.assert_allclose(qda.prior, np.bincount(y) / len(y))


@both_degrees
@every_k
@pytest.mark.parametrize("C", [0.01, 1.0, np.inf])
def test_logistic_regression_is_scikit_learns(k, degree, C):
    x, y = blobs(k, seed=1)
    polynomial = PolynomialFeatures(degree, include_bias=False)
    logistic = LogisticRegression(C=C, tol=1e-8, max_iter=10_000)
    reference = make_pipeline(StandardScaler(), polynomial, logistic).fit(x, y)
    model = fit_logistic(x * 1.0, y, k, degree, C)
    np.testing.assert_allclose(np.exp(model.log_posterior(x)), reference.predict_proba(x), atol=1e-4)
    assert (model.n_classes, model.n_features) == (k, 2)
    if k == 2:
        assert not model.weights[0].any()
        assert model.bias[0] == 0
        odds = features((x - model.centre) / model.scale, degree) @ model.weights[1] + model.bias[1]
        np.testing.assert_allclose(log_odds(model, x)[:, 0], odds, atol=1e-9)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 1000))
@fixed
def test_features_are_polynomial_features(d, degree, seed):
    x = np.random.default_rng(seed).standard_normal((7, d))
    np.testing.assert_allclose(
        features(x, degree), PolynomialFeatures(degree, include_bias=False).fit_transform(x), rtol=1e-12
    )


@every_fit
@every_k
def test_the_marginal_density_integrates_to_one(fit, k):
    x, y = blobs(k, seed=7)
    model = fit(x, y, k)
    width, n = 14 * x.std(axis=0), 500
    axes = [np.linspace(c - w / 2, c + w / 2, n) for c, w in zip(x.mean(axis=0), width, strict=True)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    total = np.exp(model.log_marginal(grid)).sum() * np.prod(width / (n - 1))
    assert total == pytest.approx(1, abs=0.005)


@every_fit
@pytest.mark.parametrize("name", ["2 classes", "3 classes", "5-D"])
def test_joint_marginal_and_posterior_belong_together(fit, name):
    x, y, k = DATA[name]
    model = fit(x, y, k)
    joint = model.log_joint(x)
    assert joint.shape == (len(x), k)
    for j in range(k):
        np.testing.assert_array_equal(model.log_joint(x, j), joint[:, j])
        np.testing.assert_allclose(joint[:, j], np.log(model.prior[j]) + model.conditionals[j].log_prob(x))
    np.testing.assert_allclose(model.log_marginal(x), np.log(np.exp(joint).sum(axis=1)))
    np.testing.assert_allclose(model.log_posterior(x) + model.log_marginal(x)[:, None], joint, atol=1e-9)
    np.testing.assert_array_equal(model.predict(x), joint.argmax(axis=1))
    assert model.predict(x).dtype == np.int64
    assert (model.n_classes, model.n_features) == (k, x.shape[1])


@cache
def fitted(fit, k: int):
    return fit(*blobs(k, n=100, seed=8), k)


def cubic(x, y, n_classes):
    return fit_logistic(x, y, n_classes, degree=3, C=np.inf)


@given(st.sampled_from([*FITS, fit_logistic, cubic]), st.integers(2, 3), st.floats(0, 2 * np.pi), st.floats(0, 4))
@fixed
def test_posteriors_are_finite_and_sum_to_one_far_from_the_data(fit, k, angle, magnitude):
    log_p = fitted(fit, k).log_posterior(10**magnitude * np.array([[np.cos(angle), np.sin(angle)]]))
    assert np.isfinite(log_p).all()
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-9)


def test_only_the_density_warns_far_from_the_data():
    """LDA and logistic regression are both sure there; p(x) of LDA alone says that nothing has been seen."""
    x, y = blobs(2)
    far = np.array([[1e4, 1e4]])
    lda, logistic = fit_lda(x, y, 2), fit_logistic(x, y, 2, C=np.inf)
    assert lda.log_posterior(far).max() == pytest.approx(0, abs=1e-6)
    assert logistic.log_posterior(far).max() == pytest.approx(0, abs=1e-6)
    assert lda.log_marginal(far)[0] < lda.log_marginal(x).min() - 1e6


@every_fit
@every_k
def test_sample_moments_are_within_4_standard_errors(fit, k):
    x, y = blobs(k, seed=9)
    model, n, rng = fit(x, y, k), 20_000, np.random.default_rng(2)
    means = [c.weights @ c.means for c in model.conditionals]
    squares = [
        c.weights @ (c.covariances + c.means[:, :, None] * c.means[:, None]).reshape(-1, 4)
        for c in model.conditionals
    ]
    means.append(model.prior @ np.stack(means))
    squares.append(model.prior @ np.stack(squares))
    for label, mean, square in zip([*range(k), None], means, squares, strict=True):
        drawn = model.sample(label, n, rng)
        assert drawn.shape == (n, 2)
        products = (drawn[:, :, None] * drawn[:, None]).reshape(n, 4)
        for values, expected in ((drawn, mean), (products, square)):
            assert (np.abs(values.mean(axis=0) - expected) < 4 * values.std(axis=0) / np.sqrt(n)).all()


def test_samples_of_the_marginal_hold_the_classes_in_the_priors_shares():
    x, y = blobs(3, seed=5, gap=9)
    model = fit_lda(x, y, 3).with_prior([0.2, 0.5, 0.3])
    drawn = model.sample(None, 10_000, np.random.default_rng(0))
    shares = np.bincount(model.predict(drawn), minlength=3) / 10_000
    assert (np.abs(shares - model.prior) < 4 * np.sqrt(0.25 / 10_000)).all()
    assert np.array_equal(drawn, model.sample(None, 10_000, np.random.default_rng(0)))
    blocks = np.array_split(model.predict(drawn), 10)  # drawn in turn, not class after class
    assert all(len(set(block)) == 3 for block in blocks)
    assert model.sample(None, 0, np.random.default_rng(0)).shape == (0, 2)


def test_class_mixtures_are_fit_mixture_class_by_class():
    x, y = blobs(2, seed=3)
    model = fit_class_mixtures(x, y, 2, n_components=3, covariance_type="diag", reg_covar=0.01, seed=4)
    for k, conditional in enumerate(model.conditionals):
        state = fit_mixture(x[y == k], MixtureConfig(3, "diag", reg_covar=0.01, seed=4))
        np.testing.assert_array_equal(conditional.means, state.means)
        np.testing.assert_array_equal(conditional.covariances, GaussianMixture.from_state(state).covariances)


def test_a_class_with_few_distinct_points_gets_fewer_components():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], *blobs(2, n=50)[0]])
    y = np.repeat([0, 1], [3, 50])
    model = fit_class_mixtures(x, y, 2, n_components=4)
    assert [len(c.weights) for c in model.conditionals] == [2, 4]


@every_fit
@pytest.mark.parametrize("keep", [0, 1])
def test_a_marginal_over_a_missing_feature_is_the_integral(fit, keep):
    x, y = blobs(3, seed=7)
    model = fit(x, y, 3)
    less = model.marginalise([keep])
    low, high = x[:, 1 - keep].min() - 10, x[:, 1 - keep].max() + 10

    def joint(value: float, known: float, label: int) -> float:
        point = np.array([[known, value]] if keep == 0 else [[value, known]])
        return float(np.exp(model.log_joint(point, label)[0]))

    for known in np.quantile(x[:, keep], [0.1, 0.6]):
        integrals = np.array([quad(joint, low, high, (known, c), limit=200, epsabs=1e-11)[0] for c in range(3)])
        given = np.array([[known]])
        np.testing.assert_allclose(np.exp(less.log_joint(given)[0]), integrals, rtol=1e-6, atol=1e-10)
        assert np.exp(less.log_marginal(given)[0]) == pytest.approx(integrals.sum(), rel=1e-6)
        np.testing.assert_allclose(np.exp(less.log_posterior(given)[0]), integrals / integrals.sum(), atol=1e-7)


def test_marginalise_keeps_the_order_it_is_given():
    x, y = blobs(2, d=3, seed=2)
    model = fit_class_mixtures(x, y, 2)
    less = model.marginalise([2, 0])
    assert less.n_features == 2
    points = x[:20]
    np.testing.assert_allclose(
        less.log_joint(points[:, [2, 0]]), model.marginalise((0, 2)).log_joint(points[:, [0, 2]]), atol=1e-9
    )
    np.testing.assert_allclose(model.marginalise(range(3)).log_joint(points), model.log_joint(points))
    np.testing.assert_array_equal(less.prior, model.prior)


@every_fit
def test_a_replaced_prior_is_bayes_rule_with_that_prior(fit):
    x, y, k = DATA["3 classes"]
    model, prior = fit(x, y, k), np.array([0.7, 0.2, 0.1])
    likelihoods = np.stack([np.exp(c.log_prob(x)) for c in model.conditionals], axis=1)
    expected = prior * likelihoods / (prior * likelihoods).sum(axis=1, keepdims=True)
    moved = model.with_prior(prior)
    np.testing.assert_allclose(np.exp(moved.log_posterior(x)), expected, atol=1e-9)
    np.testing.assert_array_equal(moved.prior, prior)
    assert all(a is b for a, b in zip(moved.conditionals, model.conditionals, strict=True))
    np.testing.assert_allclose(model.prior, np.bincount(y) / len(y))  # the first is as it was


@every_k
def test_a_discriminative_prior_is_added_to_the_log_odds(k):
    x, y = blobs(k, seed=1)
    model = fit_logistic(x, y, k, degree=2)
    old, new = np.bincount(y) / len(y), np.arange(1, k + 1) / np.arange(1, k + 1).sum()
    shift = np.log(new[1:] / old[1:]) - np.log(new[0] / old[0])
    moved = model.with_prior(new, old)
    np.testing.assert_allclose(log_odds(moved, x) - log_odds(model, x), np.broadcast_to(shift, (len(x), k - 1)))
    assert dataclasses.replace(moved, bias=model.bias).with_prior(new, new).bias == pytest.approx(model.bias)


@every_k
def test_for_lda_both_routes_to_another_prior_agree(k):
    """LDA's posterior is a softmax of linear functions: as such, too, it takes another prior by its bias alone."""
    x, y = blobs(k, seed=1)
    lda = fit_lda(x, y, k)
    means = np.concatenate([c.means for c in lda.conditionals])
    weights = np.linalg.solve(lda.conditionals[0].covariances[0], means.T).T
    bias = np.log(lda.prior) - 0.5 * (weights * means).sum(axis=1)
    as_softmax = DiscriminativeClassifier(weights, bias)
    np.testing.assert_allclose(as_softmax.log_posterior(x), lda.log_posterior(x), atol=1e-9)
    new = np.array([0.9, 0.1]) if k == 2 else np.array([0.1, 0.1, 0.8])
    np.testing.assert_allclose(
        as_softmax.with_prior(new, lda.prior).log_posterior(x), lda.with_prior(new).log_posterior(x), atol=1e-9
    )


@every_k
@pytest.mark.parametrize("fit", [fit_lda, shared_naive_bayes])
def test_log_odds_are_affine_with_a_shared_covariance(fit, k):
    x, y = blobs(k, seed=1)
    model, rng = fit(x, y, k), np.random.default_rng(0)
    a, b, t = rng.normal(0, 3, (50, 2)), rng.normal(0, 3, (50, 2)), rng.uniform(-1, 2, (50, 1))
    np.testing.assert_allclose(
        log_odds(model, a + t * (b - a)),
        log_odds(model, a) + t * (log_odds(model, b) - log_odds(model, a)),
        atol=1e-9,
    )


@pytest.mark.parametrize("fit", [fit_qda, fit_naive_bayes, crossing])
def test_log_odds_are_not_affine_with_a_covariance_per_class(fit):
    model = fit(*blobs(2, seed=1), 2)
    ends = log_odds(model, np.array([[-2.0, -2.0], [0.0, 0.0], [2.0, 2.0]]))[:, 0]
    assert abs(ends[0] - 2 * ends[1] + ends[2]) > 0.1


@every_k
def test_shared_naive_bayes_is_lda_with_a_diagonal_covariance(k):
    x, y = blobs(k, seed=1)
    lda, bayes = fit_lda(x, y, k), fit_naive_bayes(x, y, k, shared_variance=True)
    diagonal = np.diag(np.diag(lda.conditionals[0].covariances[0]))
    smoothing = 1e-9 * x.var(axis=0).max()
    np.testing.assert_allclose(bayes.conditionals[0].covariances[0], diagonal + smoothing * np.eye(2), rtol=1e-13)
    parts = tuple(GaussianMixture(np.ones(1), c.means, diagonal[None]) for c in lda.conditionals)
    np.testing.assert_allclose(bayes.log_joint(x), GenerativeClassifier(lda.prior, parts).log_joint(x), atol=1e-6)
    assert all(np.array_equal(c.covariances, bayes.conditionals[0].covariances) for c in bayes.conditionals)


@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 10**6))
@fixed
def test_labels_of_a_softmax_are_separable_and_a_contradiction_is_not(k, d, degree, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((120, d))
    phi = features(x, degree)
    logits = phi @ rng.standard_normal((phi.shape[1], k)) + rng.standard_normal(k)
    highest = np.sort(logits, axis=1)
    clear = highest[:, -1] - highest[:, -2] > 0.01
    x, y = x[clear], logits[clear].argmax(axis=1)
    present, y = np.unique(y, return_inverse=True)
    if len(present) < 2:
        return
    assert separable(x, y, len(present), degree)
    twice = np.concatenate([x, x[:1]])
    assert not separable(twice, np.append(y, (y[0] + 1) % len(present)), len(present), degree)


def test_a_ring_is_separable_by_squares_only():
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x, y = np.concatenate([0.4 * circle, circle]), np.repeat([0, 1], 20)
    assert [separable(x, y, 2, degree) for degree in (1, 2, 3)] == [False, True, True]


def test_touching_classes_are_not_separable():
    x = np.array([[0.0], [1.0], [1.0], [2.0]])
    assert not separable(x, np.array([0, 0, 1, 1]), 2)


def test_touching_classes_have_no_optimum_and_interleaved_ones_do():
    x = np.array([[0.0], [1.0], [1.0], [2.0]])
    assert not has_optimum(x, np.array([0, 0, 1, 1]), 2)
    assert lowest_loss(x, np.array([0, 0, 1, 1]), 2) == pytest.approx(np.log(2) / 2)
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    assert has_optimum(x, np.array([0, 1, 0, 1]), 2)
    assert lowest_loss(x, np.array([0, 0, 1, 1]), 2) == 0


def test_one_class_far_from_two_that_overlap_leaves_no_optimum():
    x, y = blobs(2, n=80, seed=3)
    y = np.where(np.arange(len(y)) % 7 == 0, 1 - y, y)
    away = np.random.default_rng(0).normal(40, 1, (30, 2))
    both, labels = np.concatenate([x, away]), np.append(y, np.full(30, 2))
    assert has_optimum(x, y, 2)
    assert not has_optimum(both, labels, 3)
    assert not separable(both, labels, 3)
    free = escapes(both, labels, 3)
    assert free[labels == 2][:, :2].all()
    assert free[labels != 2, 2].all()
    assert not free[labels == 0, 1].any()
    assert lowest_loss(both, labels, 3) == pytest.approx(len(x) / len(both) * lowest_loss(x, y, 2), abs=1e-7)


@pytest.mark.parametrize(("k", "degree"), [(2, 1), (2, 2), (3, 1)])
def test_the_lowest_loss_is_scikit_learns_where_there_is_an_optimum(k, degree):
    x, y = blobs(k, n=150, seed=2)
    y = np.where(np.arange(len(y)) % 9 == 0, (y + 1) % k, y)
    assert has_optimum(x, y, k, degree)
    model = fit_logistic(x, y, k, degree, C=np.inf)
    loss = -model.log_posterior(x)[np.arange(len(y)), y].mean()
    assert lowest_loss(x, y, k, degree) == pytest.approx(loss, abs=1e-7)


def test_an_unpenalised_fit_of_separable_data_stops_and_classifies_all():
    x, y = blobs(3, seed=5, gap=9)
    model = fit_logistic(x, y, 3, C=np.inf)
    assert np.isfinite(model.weights).all()
    assert (model.predict(x) == y).all()


X, Y = blobs(2, n=40)
LINE = np.stack([X[:, 0], 2 * X[:, 0] + 1], axis=1)
FLAT = X * [1, 0] + [0, 3]
FLAT_IN_ONE = np.where((Y == 1)[:, None], FLAT, X)
UNIT = Gaussian(np.zeros(2), np.eye(2))
ONE = GaussianMixture(np.ones(1), UNIT.mean[None], UNIT.covariance[None])
ODDS = DiscriminativeClassifier(np.eye(2), np.zeros(2))
REFUSALS = [
    (lambda: check_labelled(X, Y + 1, 2), r"Row \d+ has the label 2; 2 classes take 0 … 1\."),
    (lambda: check_labelled(X, Y - 1, 2), r"Row 0 has the label -1; 2 classes take 0 … 1\."),
    (
        lambda: check_labelled(X, Y, 3),
        "Class 3 has 0 points; it needs at least 1: paint or load more, or choose fewer",
    ),
    (lambda: check_labelled(X, Y[1:], 2), r"Labels must be 40 integers, one a point; got the shape \(39,\) of int64"),
    (lambda: check_labelled(X, Y * 1.0, 2), r"Labels must be 40 integers, .* of float64"),
    (lambda: check_labelled(X, Y, 1), "n_classes is 1; give a whole number, 2 or more"),
    (lambda: check_labelled(np.insert(X[1:], 3, np.nan, axis=0), Y, 2), "Row 3 of the data holds NaN or infinity"),
    (lambda: check_labelled(X[:, 0], Y, 2), r"Data must have the shape \(N, D\)"),
    (lambda: check_labelled(np.zeros((0, 2)), np.zeros(0, dtype=int), 2), "Class 1 has 0 points"),
    (lambda: check_labelled(X * 1e150, Y, 2), r"The data reach .*e\+150; standardise them"),
    (
        lambda: fit_qda(np.eye(5)[:, :2], np.array([0, 1, 1, 1, 1]), 2),
        r"Class 1 has 1 point; it needs at least 3: paint or load more, or choose fewer classes\.",
    ),
    (lambda: fit_qda(LINE, Y, 2), "The features depend linearly on each other in class 1, so that the covariance is"),
    (
        lambda: fit_qda(FLAT_IN_ONE, Y, 2),
        "Feature 2 is constant in class 2, so that the covariance is singular; spread",
    ),
    (
        lambda: fit_lda(LINE, Y, 2),
        "The features depend linearly on each other in every class, so that the covariance",
    ),
    (lambda: fit_lda(LINE + 1e6, Y, 2), "The features depend linearly on each other in every class"),
    (lambda: fit_lda(FLAT, Y, 2), "Feature 2 is constant in every class, so that .* or choose naive Bayes"),
    (lambda: fit_lda(X[:0], Y[:0], 2), "Class 1 has 0 points"),
    (
        lambda: fit_lda(np.eye(3)[:, :2], np.array([0, 0, 1]), 2),
        "3 points in 2 classes are too few for what the classes share; it needs at least 4: paint or load more",
    ),
    (lambda: fit_naive_bayes(X[7:9], Y[7:9], 2), "Class 1 has 1 point; it needs at least 2"),
    (
        lambda: fit_naive_bayes(X[7:9], Y[7:9], 2, shared_variance=True),
        "2 points in 2 classes are too few for what the classes share; it needs at least 3",
    ),
    (
        lambda: fit_naive_bayes(X, Y, 2, var_smoothing=-1.0),
        r"var_smoothing is -1\.0; give a finite number, 0 or more",
    ),
    (lambda: fit_naive_bayes(X * 0, Y, 2), "Feature 1 is constant in class 1; leave it out, or raise var_smoothing"),
    (lambda: fit_naive_bayes(FLAT_IN_ONE, Y, 2, var_smoothing=0), "Feature 2 is constant in class 2; leave it out"),
    (lambda: fit_naive_bayes(FLAT, Y, 2, True, 0), "Feature 2 is constant in every class; leave it out"),
    (lambda: fit_class_mixtures(X, (np.arange(40) > 0).astype(int), 2), "Class 1 has 1 point; it needs at least 2"),
    (
        lambda: fit_class_mixtures(np.where((Y == 1)[:, None], 1.0, X), Y, 2),
        r"All \d+ points of class 2 are equal; a mixture needs some spread: paint or load others",
    ),
    (lambda: fit_class_mixtures(X, Y, 2, n_components=0), "n_components is 0; give a whole number, 1 or more"),
    (lambda: fit_class_mixtures(X, Y, 2, covariance_type="round"), "covariance_type is 'round'; choose one of"),
    (lambda: fit_class_mixtures(FLAT, Y, 2, reg_covar=0), "Class 1: Dimension 1 of the data is constant"),
    (lambda: fit_logistic(X, Y, 2, C=0), "C is 0; give a number above 0, or np.inf for no penalty"),
    (lambda: fit_logistic(X, Y, 2, C=np.nan), "C is nan; give a number above 0"),
    (lambda: fit_logistic(X, Y, 2, degree=0), "degree is 0; give a whole number, 1 or more"),
    (lambda: fit_logistic(X, Y, 3), "Class 3 has 0 points; it needs at least 1"),
    (lambda: separable(X, Y, 2, degree=0), "degree is 0; give a whole number, 1 or more"),
    (lambda: LogisticConfig(n_steps=-1), "n_steps is -1; give a whole number, 0 or more"),
    (lambda: LogisticConfig(learning_rate=0), "learning_rate is 0; give a finite number above 0"),
    (lambda: LogisticConfig(learning_rate=np.inf), "learning_rate is inf; give a finite number above 0"),
    (lambda: LogisticConfig(degree=1.5), r"degree is 1\.5; give a whole number, 1 or more"),
    (lambda: LogisticConfig(penalty=-0.1), r"penalty is -0\.1; give a finite number, 0 or more"),
    (lambda: next(iterate_logistic(X, Y, 3)), "Class 3 has 0 points"),
    (
        lambda: GenerativeClassifier(np.array([0.5, 0.6]), (ONE, ONE)),
        "prior is .*; give 2 positive numbers that sum to",
    ),
    (lambda: GenerativeClassifier(np.array([0.5, 0.5]), (ONE,)), "give 1 positive numbers that sum to 1"),
    (
        lambda: GenerativeClassifier(np.full(2, 0.5), (ONE, fit_lda(X[:, :1], Y, 2).conditionals[0])),
        r"The conditionals have \[1, 2\] dimensions; give all of them the same number",
    ),
    (lambda: fit_lda(X, Y, 2).with_prior([1.0, 0.0]), "prior is .*; give 2 positive numbers that sum to 1"),
    (lambda: fit_lda(X, Y, 2).log_joint(X, 2), "y is 2; give one of 0 … 1, or None for all classes"),
    (lambda: fit_lda(X, Y, 2).sample(-1, 3, np.random.default_rng(0)), "y is -1; give one of 0 … 1"),
    (lambda: fit_lda(X, Y, 2).log_posterior(X[:, :1]), "x has 1 columns and the mixture has 2"),
    (lambda: fit_lda(X, Y, 2).marginalise([]), r"keep is \[\]; give one or more different features out of 0 … 1"),
    (lambda: fit_lda(X, Y, 2).marginalise([0, 0]), r"keep is \[0, 0\]; give one or more different features"),
    (lambda: fit_lda(X, Y, 2).marginalise([2]), r"keep is \[2\]; give one or more different features out of 0 … 1"),
    (lambda: DiscriminativeClassifier(np.eye(2), np.zeros(3)), r"Give weights \(K, P\) and a bias \(K,\); got the"),
    (lambda: DiscriminativeClassifier(np.eye(2), np.zeros(2), degree=0), "degree is 0; give a whole number"),
    (
        lambda: DiscriminativeClassifier(np.zeros((2, 3)), np.zeros(2), degree=2),
        r"No number of features has 3 monomials of degree 1 … 2",
    ),
    (
        lambda: DiscriminativeClassifier(np.eye(2), np.zeros(2), centre=np.zeros(3)),
        "The weights belong to 2 features; centre has 3, scale 2",
    ),
    (lambda: DiscriminativeClassifier(np.eye(2), np.array([0, np.nan])), "must be finite, and scale above 0"),
    (lambda: DiscriminativeClassifier(np.eye(2), np.zeros(2), scale=np.zeros(2)), "and scale above 0"),
    (lambda: ODDS.log_posterior(X[:, :1]), "x has 1 columns and the classifier 2; give as many"),
    (lambda: ODDS.with_prior([0.5, 0.5], [1.0, 0.0]), "old is .*; give 2 positive numbers that sum to 1"),
    (lambda: ODDS.with_prior([0.5, 0.6], [0.5, 0.5]), "new is .*; give 2 positive numbers that sum to 1"),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSALS, ids=[sentence[:40] for _, sentence in REFUSALS])
def test_bad_input_is_refused_with_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_collapse_names_the_class_and_keeps_its_cause():
    x = np.concatenate([blobs(2, n=40)[0], np.array([[9.0, 9.0], [0.0, 0.0], [0.0, 1.0]])])
    y = np.repeat([0, 1], [40, 3])
    with pytest.raises(ValueError, match=r"Class 2: Component \d collapsed at step") as caught:
        fit_class_mixtures(x, y, 2, n_components=3, reg_covar=0)
    assert isinstance(caught.value.__cause__, CollapseError)


def test_lda_and_shared_naive_bayes_take_a_class_of_one_point():
    """What they share comes from the others; this is where a learning curve over n begins."""
    x, y = np.array([[0.0, 0.0], [1.0, 0.5], [0.3, 1.0], [3.0, 3.0]]), np.array([0, 0, 0, 1])
    for fit in (fit_lda, shared_naive_bayes):
        assert fit(x, y, 2).predict(x).tolist() == y.tolist()


def test_a_constant_feature_leaves_logistic_regression_finite():
    model = fit_logistic(FLAT, Y, 2, degree=2)
    assert np.isfinite(model.log_posterior(FLAT + 1)).all()
    assert model.scale[1] == 1


def test_labels_may_be_of_any_integer_type():
    for kind in (np.uint8, np.int32, bool):
        x, y = check_labelled(X.astype(np.float32), Y.astype(kind), 2)
        assert x.dtype == np.float64
        assert y.dtype == np.int64
        assert np.array_equal(y, Y)


def test_importing_the_module_imports_neither_scikit_learn_nor_torch():
    script = "import sys, genmodels.classifiers; print({'sklearn', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
