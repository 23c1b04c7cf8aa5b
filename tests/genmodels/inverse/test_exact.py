"""Posteriors in closed form: against sums over a grid, against rejection, and where there is no noise."""

import numpy as np
import pytest

from genmodels.inverse.exact import condition, log_evidence, minimum_norm, wiener
from genmodels.inverse.measurement import BlockMean, Identity, Line, Mask
from genmodels.mixture import GaussianMixture
from tests.genmodels.inverse.shared import LINE, MIXTURE, Y, gaussian, grid

CASES = {
    "line": (LINE, Y),
    "another line": (Line(0.3, (0.0, 1.0)), np.array([0.7])),
    "one coordinate": (Mask(0.5, [True, False]), np.array([0.2])),
    "noise": (Identity(0.4, 2), np.array([0.0, -0.3])),
    "mean": (BlockMean(0.2, 2, 2, 2), np.array([0.1])),
}
in_the_plane = pytest.mark.parametrize("name", ["line", "another line", "one coordinate", "noise"])


@in_the_plane
def test_the_posterior_is_what_sums_over_a_grid_say(name):
    a, y = CASES[name]
    x, area = grid()
    parts = np.stack(
        [w * gaussian(x, m, c) for w, m, c in zip(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances, strict=True)]
    )
    missed = np.square(y - x @ a.matrix.T).sum(axis=1)
    likely = np.exp(-0.5 * missed / a.sigma**2) / (2 * np.pi * a.sigma**2) ** (len(y) / 2)
    joint = parts * likely * area
    evidence = joint.sum()
    found = condition(MIXTURE, a, y)
    assert log_evidence(MIXTURE, a, y) == pytest.approx(np.log(evidence), abs=1e-6)
    assert found.weights == pytest.approx(joint.sum(axis=1) / evidence, abs=1e-6)
    whole = joint.sum(axis=0) / evidence
    assert found.mean == pytest.approx(whole @ x, abs=1e-6)
    centred = x - found.mean
    assert found.covariance == pytest.approx((centred * whole[:, None]).T @ centred, abs=1e-6)
    some = np.flatnonzero(whole > whole.max() / 1000)[::97]
    assert found.log_prob(x[some]) == pytest.approx(np.log(whole[some] / area), abs=1e-6)


@in_the_plane
def test_samples_are_those_that_rejection_keeps(name):
    """x from the prior is kept with probability p(y | x), as a share of the largest there can be."""
    a, y = CASES[name]
    rng = np.random.default_rng(3)
    x, k = MIXTURE.sample(400_000, rng)
    kept = rng.random(len(x)) < np.exp(-0.5 * np.square(y - a.apply(x)).sum(axis=1) / a.sigma**2)
    assert kept.sum() > 1000
    ours, lump = condition(MIXTURE, a, y).sample(100_000, rng)
    for theirs, mine in ((x[kept], ours), (np.eye(3)[k[kept]], np.eye(3)[lump]), (x[kept] ** 2, ours**2)):
        error = np.sqrt(theirs.var(axis=0) / len(theirs) + mine.var(axis=0) / len(mine))
        assert (np.abs(theirs.mean(axis=0) - mine.mean(axis=0)) < 3 * error + 1e-12).all()


def test_without_noise_samples_fit_and_are_those_near_the_line():
    a, y = Line.at_angle(0.0, 30.0), np.array([0.4])
    found, rng = condition(MIXTURE, a, y), np.random.default_rng(0)
    ours = found.sample(50_000, rng)[0]
    assert a.apply(ours) == pytest.approx(np.full((50_000, 1), 0.4), abs=1e-7)
    x = MIXTURE.sample(2_000_000, rng)[0]
    near = x[np.abs(a.apply(x)[:, 0] - 0.4) < 0.01]
    error = np.sqrt(near.var(axis=0) / len(near) + ours.var(axis=0) / len(ours))
    assert (np.abs(near.mean(axis=0) - ours.mean(axis=0)) < 3 * error).all()
    with pytest.raises(ValueError, match="no density"):
        found.log_prob(ours[:2])


def test_the_noise_goes_to_nothing_without_a_jump():
    y = np.array([0.4])
    almost, none = (condition(MIXTURE, Line.at_angle(s, 30.0), y) for s in (1e-4, 0.0))
    assert almost.weights == pytest.approx(none.weights, abs=1e-5)
    assert almost.means == pytest.approx(none.means, abs=1e-5)


def test_one_gaussian_is_the_wiener_filter():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((16, 16))
    mean, covariance = rng.standard_normal(16), root @ root.T / 16
    a = BlockMean(0.3, 4, 4, 2)
    y = rng.standard_normal((5, 4))
    means, left = wiener(mean, covariance, a, y)
    precision = np.linalg.inv(covariance) + a.matrix.T @ a.matrix / 0.09
    assert left == pytest.approx(np.linalg.inv(precision), abs=1e-9)
    pulled = np.linalg.solve(covariance, mean) + y @ a.matrix / 0.09
    assert means == pytest.approx(pulled @ left, abs=1e-9)
    one = condition(GaussianMixture(np.ones(1), mean[None], covariance[None]), a, y[2])
    assert one.mean == pytest.approx(means[2])
    assert one.covariance == pytest.approx(left)


def test_a_prior_without_width_in_places_is_taken():
    """As pixels that are never inked."""
    covariance = np.diag([1.0, 0.0, 0.0, 2.0])
    means, left = wiener(np.full(4, 0.5), covariance, BlockMean(0.5, 2, 2, 1), np.ones((1, 4)))
    assert means[0] == pytest.approx([0.9, 0.5, 0.5, 0.5 + 0.5 * 2 / 2.25])
    assert np.diag(left) == pytest.approx([0.2, 0, 0, 2 - 4 / 2.25])


@pytest.mark.parametrize("name", CASES)
def test_the_minimum_norm_fits_best_and_is_shortest(name):
    a, y = CASES[name]
    x = minimum_norm(a, y[None])[0]
    assert x == pytest.approx(np.linalg.lstsq(a.matrix, y, rcond=None)[0], abs=1e-9)


def test_the_mean_has_the_least_error_and_a_sample_twice_that():
    a, rng = LINE, np.random.default_rng(0)
    x = MIXTURE.sample(4000, rng)[0]
    y = a.observe(x, rng)
    found = [condition(MIXTURE, a, row) for row in y]
    errors = {
        "mean": np.array([((p.mean - t) ** 2).sum() for p, t in zip(found, x, strict=True)]),
        "sample": np.array([((p.sample(1, rng)[0][0] - t) ** 2).sum() for p, t in zip(found, x, strict=True)]),
        "minimum norm": np.square(minimum_norm(a, y) - x).sum(axis=1),
    }
    expected = np.mean([np.trace(p.covariance) for p in found])
    for name, factor in (("mean", 1), ("sample", 2)):
        error = errors[name].std() / np.sqrt(len(x))
        assert abs(errors[name].mean() - factor * expected) < 3 * error
    assert errors["minimum norm"].mean() > 1.3 * errors["mean"].mean()


def test_exact_samples_miss_the_measurement_as_they_must():
    found = condition(MIXTURE, LINE, Y)
    x = found.sample(50_000, np.random.default_rng(0))[0]
    missed = np.square(LINE.apply(x)[:, 0] - Y[0])
    off, a = LINE.matrix @ found.mean - Y, LINE.matrix
    assert missed.mean() == pytest.approx(float((a @ found.covariance @ a.T + off**2).sum()), rel=0.03)


def test_weights_too_small_for_a_number_do_no_harm():
    far = GaussianMixture(np.full(2, 0.5), np.array([[0.0, 0.0], [200.0, 0.0]]), np.stack([np.eye(2)] * 2))
    found = condition(far, Mask(0.1, [True, False]), [0.0])
    assert found.weights.tolist() == [1.0, 0.0]
    assert len(found.mixture().weights) == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: condition(MIXTURE, Identity(0.1, 3), np.zeros(3)), "dimensions"),
        (lambda: condition(MIXTURE, LINE, np.zeros(2)), "columns"),
        (lambda: wiener(np.zeros(3), np.eye(3), LINE, np.zeros((1, 1))), "covariance"),
        (lambda: wiener(np.zeros(2), np.diag([1.0, 0.0]), Line(0.0, (0.0, 1.0)), np.zeros((1, 1))), "singular"),
    ],
)
def test_what_cannot_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
