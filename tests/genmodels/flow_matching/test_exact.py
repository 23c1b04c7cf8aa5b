"""Exact velocities against Monte Carlo, the continuity equation, limits and each other."""

import math

import numpy as np
import pytest

from genmodels.data.planar import DATASETS, get_dataset
from genmodels.flow_matching.exact import ExactMixtureVelocity, ExactPointsVelocity
from genmodels.mixture import GaussianMixture
from tests.genmodels.diffusion.shared import MIXTURE, draws, normal, rng

EXACT = ExactMixtureVelocity(MIXTURE)
LEVELS = [0.0, 0.02, 0.3, 0.5, 0.8, 0.97, 1.0]


def on_the_way(t: float, n: int, seed: int = 0) -> np.ndarray:
    return (1 - t) * normal(n, 2, seed=seed + 50) + t * draws(n, seed)


@pytest.mark.parametrize("t", [0.1, 0.4, 0.7, 0.9])
def test_the_velocity_is_the_mean_of_the_threads_that_pass(t):
    """E[x_1 − x_0 | x_t = x]: x_0 follows from x_1, weighted by how likely that start is; 3 s.e. of 400,000."""
    x_1, x = draws(400_000, 3), on_the_way(t, 8)
    for place, v in zip(x, EXACT(x, t), strict=True):
        x_0 = (place - t * x_1) / (1 - t)
        w = np.exp(-0.5 * np.square(x_0).sum(1))
        w /= w.sum()
        mean = w @ (x_1 - x_0)
        error = np.sqrt(np.square(w) @ np.square(x_1 - x_0 - mean))
        assert (np.abs(v - mean) < 3 * error + 1e-9).all(), (v, mean, error)


@pytest.mark.parametrize("t", [0.2, 0.5, 0.8])
def test_the_velocity_is_the_mean_of_the_threads_near_a_place(t):
    """Plainly: of many threads, those that at t pass within a small square; three s.e."""
    x_0, x_1 = normal(300_000, 2, seed=1), draws(300_000, 2)
    x_t = (1 - t) * x_0 + t * x_1
    for place in 0.8 * on_the_way(t, 5, seed=9):
        near = np.abs(x_t - place).max(1) < 0.1
        pairs = (x_1 - x_0)[near]
        assert len(pairs) > 100
        expected = EXACT(x_t[near], t).mean(0)
        error = pairs.std(0, ddof=1) / math.sqrt(len(pairs))
        assert (np.abs(pairs.mean(0) - expected) < 3 * error).all()


@pytest.mark.parametrize("make", [lambda: EXACT, lambda: ExactPointsVelocity(draws(12))])
@pytest.mark.parametrize("t", [0.05, 0.3, 0.6, 0.85])
def test_the_continuity_equation(make, t):
    """∂p/∂t + ∇·(p v) = 0, every derivative by central differences."""
    exact, x, h = make(), on_the_way(t, 40, seed=4), 2e-5

    def flux(x):
        return np.exp(exact.log_prob(x, t))[:, None] * exact.velocity(x, t)

    change = (np.exp(exact.log_prob(x, t + h)) - np.exp(exact.log_prob(x, t - h))) / (2 * h)
    out = sum((flux(x + h * e) - flux(x - h * e))[:, d] / (2 * h) for d, e in enumerate(np.eye(2)))
    np.testing.assert_allclose(change, -out, atol=2e-5 * np.abs(change).max())
    assert np.abs(change).max() > 0.01


@pytest.mark.parametrize("make", [lambda: EXACT, lambda: ExactPointsVelocity(draws(30))])
@pytest.mark.parametrize("t", LEVELS)
def test_the_divergence_is_that_of_differences(make, t):
    exact, x, h = make(), on_the_way(t, 20), 1e-6
    if t == 1 and isinstance(exact, ExactPointsVelocity):
        with pytest.raises(ValueError, match="no divergence"):
            exact.divergence(x, t)
        return
    v, trace = exact.divergence(x, t)
    np.testing.assert_allclose(v, exact.velocity(x, t), atol=1e-10)
    np.testing.assert_allclose(v, exact(x, t), atol=1e-10)
    by_hand = sum((exact(x + h * e, t) - exact(x - h * e, t))[:, d] / (2 * h) for d, e in enumerate(np.eye(2)))
    np.testing.assert_allclose(trace, by_hand, rtol=1e-5, atol=1e-5 * max(1, np.abs(trace).max()))


def test_densities_are_those_of_the_mixture_on_its_way():
    for t in LEVELS:
        x = on_the_way(t, 30)
        covariances = (1 - t) ** 2 * np.eye(2) + t**2 * MIXTURE.covariances
        there = GaussianMixture(MIXTURE.weights, t * MIXTURE.means, covariances)
        np.testing.assert_allclose(EXACT.log_prob(x, t), there.log_prob(x), atol=1e-10)
        np.testing.assert_allclose(EXACT.responsibilities(x, t), there.responsibilities(x), atol=1e-10)


def test_it_is_exactly_right_at_both_ends():
    x = draws(20)
    np.testing.assert_allclose(EXACT(x, 1.0), x, atol=1e-12)
    np.testing.assert_allclose(EXACT(x, 0.0), MIXTURE.weights @ MIXTURE.means - x, atol=1e-12)
    np.testing.assert_allclose(EXACT.divergence(x, 1.0)[1], 2, atol=1e-9)
    np.testing.assert_allclose(EXACT.divergence(x, 0.0)[1], -2, atol=1e-9)
    np.testing.assert_allclose(EXACT(x, 1 - 1e-9), x, atol=1e-6), "and near them"
    at_once = EXACT(x, 0.999)  # where E[x_1 | x_t] is known from the denoiser's formula: (E[x_1 | x_t] − x_t)/(1 − t)
    spread = 0.001**2 * np.eye(2) + 0.999**2 * MIXTURE.covariances
    gain = 0.999 * MIXTURE.covariances @ np.linalg.inv(spread)
    r = GaussianMixture(MIXTURE.weights, 0.999 * MIXTURE.means, spread).responsibilities(x)
    ahead = MIXTURE.means + np.einsum("kde,nke->nkd", gain, x[:, None] - 0.999 * MIXTURE.means)
    np.testing.assert_allclose(at_once, (np.einsum("nk,nkd->nd", r, ahead) - x) / 0.001, atol=1e-8)


def test_it_is_bounded_by_the_mixtures_own_covariance():
    """Of one Gaussian: |v − μ| ≤ (1 + λ)/√λ |x − t μ|, for the worst of its variances λ, at every time."""
    for variance in (1e-6, 1e-3, 0.2, 1.0, 30.0):
        one = GaussianMixture(np.ones(1), np.array([[3.0]]), np.array([[[variance]]]))
        exact, bound = ExactMixtureVelocity(one), (1 + variance) / math.sqrt(variance)
        slopes = [abs(exact(np.array([[3 * t + 1.0]]), t)[0, 0] - 3) for t in np.linspace(0, 1, 4001)]
        assert max(slopes) <= bound * (1 + 1e-9)
        assert max(slopes) > 0.4 * bound, "it is the right size"
        assert slopes[-1] == pytest.approx(1)


def test_points_are_a_mixture_without_width():
    points, x = draws(12), normal(9, 2)
    narrow = GaussianMixture(np.full(12, 1 / 12), points, np.tile(1e-12 * np.eye(2), (12, 1, 1)))
    of_points, of_mixture = ExactPointsVelocity(points), ExactMixtureVelocity(narrow)
    for t in (0.0, 0.1, 0.5, 0.9):
        np.testing.assert_allclose(of_points(x, t), of_mixture(x, t), atol=1e-6)
        np.testing.assert_allclose(of_points.divergence(x, t)[1], of_mixture.divergence(x, t)[1], atol=1e-5)
        np.testing.assert_allclose(of_points.log_prob(x, t), of_mixture.log_prob(x, t), atol=1e-6)
        np.testing.assert_allclose(of_points.weights(x, t), of_mixture.responsibilities(x, t), atol=1e-6)
    np.testing.assert_allclose(of_points(points, 1.0), points, atol=1e-12)


def test_data_sets_of_round_modes_are_known_and_others_are_refused():
    known = [name for name in DATASETS if get_dataset(name).centres is not None]
    assert {"ffjord8", "ring8"} <= set(known)
    for name in known:
        dataset = get_dataset(name)
        z = dataset.standardise(dataset.sample(50, rng()))
        expected = dataset.log_prob(dataset.unstandardise(z)) + 2 * math.log(dataset.scale)
        np.testing.assert_allclose(ExactMixtureVelocity.of(dataset).log_prob(z, 1.0), expected, atol=1e-8)
    with pytest.raises(ValueError, match="ExactPointsVelocity"):
        ExactMixtureVelocity.of(get_dataset("moons"))


STANDARD = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])


def test_a_gaussian_start_is_assumed_and_another_is_refused():
    x = normal(5, 2)
    for exact in (ExactMixtureVelocity(MIXTURE, STANDARD), ExactPointsVelocity(draws(5), STANDARD)):
        assert np.isfinite(exact(x, 0.5)).all()
    shifted = GaussianMixture(np.ones(1), np.ones((1, 2)), np.eye(2)[None])
    wide = GaussianMixture(np.ones(1), np.zeros((1, 2)), 2 * np.eye(2)[None])
    line = GaussianMixture(np.ones(1), np.zeros((1, 1)), np.eye(1)[None])
    for start in (shifted, wide, line, MIXTURE, "uniform", draws(20)):
        for make, data in ((ExactMixtureVelocity, MIXTURE), (ExactPointsVelocity, draws(5))):
            with pytest.raises(ValueError, match="A Gaussian start is assumed"):
                make(data, start)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: EXACT(normal(3, 2), 1.1), "from 0"),
        (lambda: EXACT(normal(3, 2), -0.1), "0 or more"),
        (lambda: EXACT(normal(3, 2), math.nan), "finite"),
        (lambda: EXACT(normal(3, 3), 0.5), "3 columns"),
        (lambda: EXACT(normal(3), 0.5), "one row a point"),
        (lambda: ExactPointsVelocity(np.empty((0, 2))), "no points"),
        (lambda: ExactPointsVelocity([[0.0]]).log_prob(np.zeros((1, 1)), 1.0), "no density"),
    ],
)
def test_bad_input_is_told_in_a_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make()
