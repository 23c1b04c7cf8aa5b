"""Pixel models against scipy and scikit-learn; same per-pixel statistics, another world."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.naive_bayes import BernoulliNB

from genmodels.pixels import GaussianPixels, NaivePixels

DIGITS = load_digits()
X, Y = DIGITS.data / 16, DIGITS.target
TRAIN, TEST = (X[:1300], Y[:1300]), (X[1300:], Y[1300:])


@pytest.fixture(scope="module")
def naive() -> NaivePixels:
    return NaivePixels.fit(*TRAIN)


@pytest.fixture(scope="module")
def full() -> GaussianPixels:
    return GaussianPixels.fit(*TRAIN)


def test_the_naive_joint_equals_scipys(naive):
    ink = TEST[0][:20] > 0.5
    for k in range(10):
        expected = stats.bernoulli.logpmf(ink, naive.means[k]).sum(1) + np.log(naive.weights[k])
        np.testing.assert_allclose(naive.log_joint(TEST[0][:20])[:, k], expected, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 5.0])
def test_the_naive_posterior_equals_scikit_learns(alpha):
    model = NaivePixels.fit(*TRAIN, alpha=alpha)
    oracle = BernoulliNB(alpha=alpha, binarize=0.5).fit(*TRAIN)
    np.testing.assert_allclose(model.log_posterior(TEST[0]), oracle.predict_log_proba(TEST[0]), rtol=1e-8, atol=1e-8)
    assert np.array_equal(model.predict(TEST[0]), oracle.predict(TEST[0]))


def test_an_unseen_pixel_is_unlikely_and_not_impossible(naive):
    black = np.ones((1, 64))
    assert np.isfinite(naive.log_joint(black)).all()
    assert naive.means.min() > 0
    assert naive.means.max() < 1


@pytest.mark.parametrize("shrinkage", [0.0, 0.2, 1.0])
def test_the_gaussian_joint_equals_scipys(shrinkage):
    model = GaussianPixels.fit(*TRAIN, shrinkage=shrinkage)
    x, y = TRAIN
    for k in (0, 7):
        of_class = x[y == k]
        covariance = np.cov(of_class.T, bias=True)
        covariance = (
            (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance)) + model.floor * np.eye(64)
        )
        expected = stats.multivariate_normal(of_class.mean(0), covariance).logpdf(TEST[0][:20]) + np.log(
            (y == k).mean()
        )
        np.testing.assert_allclose(model.log_joint(TEST[0][:20])[:, k], expected, rtol=1e-8)


def test_full_shrinkage_is_the_independent_gaussian():
    model = GaussianPixels.fit(*TRAIN, shrinkage=1.0)
    deviations = np.sqrt(model.variances)
    expected = np.stack(
        [stats.norm.logpdf(TEST[0], m, s).sum(1) for m, s in zip(model.means, deviations, strict=True)], axis=1
    )
    np.testing.assert_allclose(model.log_joint(TEST[0]), expected + np.log(model.weights), rtol=1e-9)


@pytest.mark.parametrize("shrinkage", [0.03, 0.5, 1.0])
def test_every_shrinkage_has_the_same_per_pixel_statistics_bit_for_bit(full, shrinkage):
    by_shrinking, by_fitting = full.shrink(shrinkage), GaussianPixels.fit(*TRAIN, shrinkage=shrinkage)
    for model in (by_shrinking, by_fitting):
        assert np.array_equal(model.means, full.means)
        assert np.array_equal(model.variances, full.variances)
    np.testing.assert_allclose(by_shrinking.covariances, by_fitting.covariances, rtol=1e-10, atol=1e-15)


def test_samples_share_pixel_means_and_variances_but_not_neighbours(full):
    n = 20_000
    drawn = {shrinkage: full.shrink(shrinkage).sample(3, n, np.random.default_rng(0)) for shrinkage in (0.03, 1.0)}
    variances = full.variances[3]
    for x in drawn.values():
        assert (np.abs(x.mean(0) - full.means[3]) < 4 * np.sqrt(variances / n)).all()
        assert (np.abs(x.var(0) - variances) < 4 * variances * np.sqrt(2 / n)).all()
    correlations = {
        shrinkage: np.abs(np.corrcoef(x.T)[np.triu_indices(64, 1)]).max() for shrinkage, x in drawn.items()
    }
    assert correlations[1.0] < 5 / np.sqrt(n)
    assert correlations[0.03] > 0.5


def test_naive_samples_have_the_models_shares_of_ink(naive):
    n = 20_000
    x = naive.sample(8, n, np.random.default_rng(0))
    p = naive.means[8]
    assert set(np.unique(x)) == {0.0, 1.0}
    assert (np.abs(x.mean(0) - p) < 4 * np.sqrt(p * (1 - p) / n)).all()


def test_posteriors_sum_to_one_and_the_joint_to_the_density(naive, full):
    for model in (naive, full):
        np.testing.assert_allclose(np.exp(model.log_posterior(TEST[0])).sum(1), 1)
        np.testing.assert_allclose(
            model.log_joint(TEST[0]) - model.log_prob(TEST[0])[:, None], model.log_posterior(TEST[0]), atol=1e-9
        )


def test_correlations_help_to_tell_held_out_digits_apart(naive, full):
    assert naive.accuracy(*TEST) > 0.8
    assert full.shrink(1.0).accuracy(*TEST) > 0.8
    assert full.accuracy(*TEST) > full.shrink(1.0).accuracy(*TEST) + 0.03
    assert full.accuracy(*TEST) > 0.93


def test_eigenvectors_diagonalise_the_covariance(full):
    variances, rows = full.eigenvectors(2, 5)
    np.testing.assert_allclose(rows @ rows.T, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(full.covariances[2] @ rows.T, rows.T * variances, atol=1e-10)
    assert (np.diff(variances) <= 0).all()
    assert variances[0] == pytest.approx(np.linalg.eigvalsh(full.covariances[2])[-1])
    assert (rows[np.arange(5), np.abs(rows).argmax(1)] > 0).all()
    assert full.eigenvectors(2, 1000)[1].shape == (64, 64)


def test_fewer_images_than_pixels_are_enough():
    model = GaussianPixels.fit(X[:100], Y[:100])
    assert np.isfinite(model.log_joint(X)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NaivePixels.fit(X * 16, Y), "Pixels lie in 0…16"),
        (lambda: NaivePixels.fit(X.reshape(-1, 8, 8), Y), "Flatten them"),
        (lambda: NaivePixels.fit(X, Y[:-1]), "one an image"),
        (lambda: NaivePixels.fit(X, Y.astype(float)), "whole numbers"),
        (lambda: NaivePixels.fit(X, Y + (Y > 4)), "Class 5 has no image"),
        (lambda: NaivePixels.fit(X, Y, alpha=0), "alpha is 0"),
        (lambda: NaivePixels.fit(X, Y, threshold=1), "threshold is 1"),
        (lambda: GaussianPixels.fit(X, Y, shrinkage=1.5), "shrinkage is 1.5"),
        (lambda: GaussianPixels.fit(X, Y, floor=0), "floor is 0"),
        (lambda: GaussianPixels.fit(X, Y, shrinkage=0.5).shrink(0.2), "cannot be undone"),
        (lambda: GaussianPixels.fit(X, Y, shrinkage=0, floor=1e-300).log_joint(X), "raise shrinkage or floor"),
        (lambda: GaussianPixels.fit(X, Y).sample(10, 1, np.random.default_rng(0)), "give one of 0…9"),
        (lambda: NaivePixels.fit(X, Y).log_joint(np.full((1, 64), np.nan)), "NaN or infinity"),
        (lambda: NaivePixels.fit(X, Y).log_joint(np.zeros((1, 784))), r"shape \(N, 64\)"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
