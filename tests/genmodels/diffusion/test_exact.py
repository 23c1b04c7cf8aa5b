"""Exact denoisers against quadrature and Bayes' rule."""

import math

import numpy as np
import pytest
import torch

from genmodels.diffusion.exact import ExactMixtureDenoiser, ExactPointsDenoiser
from genmodels.diffusion.sampler import (
    PREDICTIONS,
    convert,
    ddpm_step,
    q_sample,
)
from genmodels.diffusion.schedules import Schedule, linear
from genmodels.mixture import GaussianMixture
from tests.genmodels.diffusion.shared import MIXTURE, draws, normal

torch.set_num_threads(1)  # as in the app
LEVELS = [1e-6, 0.01, 0.3, 0.8, 0.99, 0.9999]


@pytest.mark.parametrize("alpha_bar", [0.05, 0.5, 0.95])
def test_the_exact_posterior_mean_is_that_of_quadrature(alpha_bar):
    mixture = GaussianMixture(np.array([0.3, 0.7]), np.array([[-1.0], [0.8]]), np.array([[[0.1]], [[0.3]]]))
    grid, x_t = np.linspace(-6, 6, 8001)[:, None], np.linspace(-3, 3, 7)[:, None]
    log_joint = mixture.log_prob(grid) - (x_t - math.sqrt(alpha_bar) * grid.T) ** 2 / (2 * (1 - alpha_bar))
    p = np.exp(log_joint - log_joint.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    exact = ExactMixtureDenoiser(mixture, "x0")
    np.testing.assert_allclose(exact(x_t, alpha_bar), p @ grid, atol=1e-6)
    variance = p @ grid**2 - (p @ grid) ** 2  # ∂x̂_0/∂x_t = √ᾱ/(1 − ᾱ) Cov[x_0 | x_t]
    trace = exact.divergence(x_t, alpha_bar)[1]
    np.testing.assert_allclose(trace, math.sqrt(alpha_bar) / (1 - alpha_bar) * variance[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    "make", [lambda p: ExactMixtureDenoiser(MIXTURE, p), lambda p: ExactPointsDenoiser(draws(30), None, p)]
)
@pytest.mark.parametrize("alpha_bar", LEVELS)
def test_what_the_exact_denoisers_say_agrees(make, alpha_bar):
    x_t = q_sample(draws(20, 5), 1, Schedule([1.0, alpha_bar]), normal(20, 2, seed=6))
    said = {prediction: make(prediction)(x_t, alpha_bar) for prediction in PREDICTIONS}
    near_end = 1e-9 / min(alpha_bar, 1 - alpha_bar)
    for source in PREDICTIONS:
        for target in PREDICTIONS:
            np.testing.assert_allclose(
                convert(said[source], source, target, x_t, alpha_bar), said[target], atol=near_end
            )
    exact = make("eps")
    score = exact.score(x_t, alpha_bar)
    np.testing.assert_allclose(convert(said["eps"], "eps", "score", x_t, alpha_bar), score, rtol=1e-6, atol=1e-6)
    width = 1e-5 * math.sqrt(1 - alpha_bar)
    for d in range(2):
        shift = width * np.eye(2)[d]
        slope = (exact.log_prob(x_t + shift, alpha_bar) - exact.log_prob(x_t - shift, alpha_bar)) / (2 * width)
        np.testing.assert_allclose(score[:, d], slope, rtol=1e-4, atol=1e-4 / math.sqrt(1 - alpha_bar))
    for prediction in PREDICTIONS:
        exact = make(prediction)
        trace = np.zeros(20)
        for d in range(2):
            shift = width * np.eye(2)[d]
            trace += (exact(x_t + shift, alpha_bar) - exact(x_t - shift, alpha_bar))[:, d] / (2 * width)
        again, closed = exact.divergence(x_t, alpha_bar)
        np.testing.assert_allclose(again, said[prediction])
        np.testing.assert_allclose(closed, trace, rtol=1e-3, atol=2e-3)


def test_the_exact_mixture_at_its_ends():
    x, exact = draws(10), {prediction: ExactMixtureDenoiser(MIXTURE, prediction) for prediction in PREDICTIONS}
    np.testing.assert_allclose(exact["x0"](x, 1.0), x)
    np.testing.assert_allclose(exact["eps"](x, 1.0), 0)
    np.testing.assert_allclose(exact["v"](x, 1.0), 0)
    np.testing.assert_allclose(exact["eps"].log_prob(x, 1.0), MIXTURE.log_prob(x))
    np.testing.assert_allclose(exact["eps"].responsibilities(x, 1.0), MIXTURE.responsibilities(x))
    mean = np.broadcast_to(MIXTURE.weights @ MIXTURE.means, (10, 2))
    np.testing.assert_allclose(exact["x0"](x, 0.0), mean)
    np.testing.assert_allclose(exact["eps"](x, 0.0), x)
    np.testing.assert_allclose(exact["v"](x, 0.0), -mean)
    np.testing.assert_allclose(exact["eps"].responsibilities(x, 0.0), np.tile(MIXTURE.weights, (10, 1)))


def test_points_are_a_mixture_without_width():
    points, x_t = draws(12), normal(9, 2)
    narrow = GaussianMixture(np.full(12, 1 / 12), points, np.tile(1e-10 * np.eye(2), (12, 1, 1)))
    of_points, of_mixture = ExactPointsDenoiser(points), ExactMixtureDenoiser(narrow, "x0")
    for alpha_bar in (0.001, 0.5, 0.9):
        np.testing.assert_allclose(of_points(x_t, alpha_bar), of_mixture(x_t, alpha_bar), atol=1e-6)
        np.testing.assert_allclose(of_points.log_prob(x_t, alpha_bar), of_mixture.log_prob(x_t, alpha_bar), atol=1e-6)
        weights = of_points.weights(x_t, alpha_bar)
        np.testing.assert_allclose(weights, of_mixture.responsibilities(x_t, alpha_bar), atol=1e-6)
        squared = ((x_t[:, None] - math.sqrt(alpha_bar) * points) ** 2).sum(2)
        direct = np.exp(-squared / (2 * (1 - alpha_bar)))
        np.testing.assert_allclose(weights, direct / direct.sum(1, keepdims=True), atol=1e-9)
        a, b = (exact.transition(x_t, alpha_bar, 0.95) for exact in (of_points, of_mixture))
        np.testing.assert_allclose(a.means, b.means, atol=1e-6)
        np.testing.assert_allclose(a.covariances, b.covariances, atol=1e-6)


def test_classes_ask_for_their_own_part():
    x_t, y = normal(6, 2), np.array([0, 1, 2, 0, 1, 2])
    whole = ExactMixtureDenoiser(MIXTURE, "x0")
    points, labels = draws(30), np.arange(30) % 3
    for k in range(3):
        alone = GaussianMixture(np.ones(1), MIXTURE.means[[k]], MIXTURE.covariances[[k]])
        rows = y == k
        np.testing.assert_allclose(whole(x_t, 0.4, y)[rows], ExactMixtureDenoiser(alone, "x0")(x_t[rows], 0.4))
        np.testing.assert_allclose(
            whole.log_prob(x_t, 0.4, y)[rows], ExactMixtureDenoiser(alone).log_prob(x_t[rows], 0.4)
        )
        copier, other = ExactPointsDenoiser(points, labels), ExactPointsDenoiser(points[labels == k])
        np.testing.assert_allclose(copier(x_t, 0.4, y)[rows], other(x_t[rows], 0.4))
        np.testing.assert_allclose(copier.log_prob(x_t, 0.4, y)[rows], other.log_prob(x_t[rows], 0.4))
    with pytest.raises(ValueError, match="no labels"):
        ExactPointsDenoiser(points)(x_t, 0.4, y)
    with pytest.raises(ValueError, match="no point has"):
        ExactPointsDenoiser(points, labels)(x_t, 0.4, y + 1)


@pytest.mark.parametrize("make", [lambda: ExactMixtureDenoiser(MIXTURE), lambda: ExactPointsDenoiser(draws(40))])
@pytest.mark.parametrize(("now", "before"), [(0.2, 0.9), (0.001, 0.3), (0.6, 0.61)])
def test_the_exact_step_back_is_bayes_rule(make, now, before):
    """p(x_s | x_t) = p_s(x_s) q(x_t | x_s) / p_t(x_t), at any points."""
    exact, x_t, x_s = make(), normal(3, 2), normal(50, 2, seed=1) * 0.7
    step = exact.transition(x_t, now, before)
    alpha = now / before
    for row in range(3):
        squared = ((x_t[row] - math.sqrt(alpha) * x_s) ** 2).sum(1)
        forward = -squared / (2 * (1 - alpha)) - math.log(2 * math.pi * (1 - alpha))
        expected = exact.log_prob(x_s, before) + forward - exact.log_prob(x_t[[row]], now)
        np.testing.assert_allclose(step.log_prob(x_s, row), expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(step.weights.sum(1), 1)
    mean, covariance = step.moments()
    x0_hat = convert(exact(x_t, now), exact.prediction, "x0", x_t, now)
    move = ddpm_step(now, before)
    np.testing.assert_allclose(mean, move.x_t * x_t + move.x0_hat * x0_hat, atol=1e-9)  # ddpm's mean is exact
    assert (np.linalg.eigvalsh(covariance) >= move.sigma**2 - 1e-12).all()  # and its small variance too small


def test_a_large_step_back_has_two_humps_and_small_ones_have_one():
    two = GaussianMixture(np.array([0.5, 0.5]), np.array([[-1.0], [1.0]]), np.full((2, 1, 1), 0.01))
    exact, grid = ExactMixtureDenoiser(two), np.linspace(-2, 2, 2001)[:, None]

    def humps(schedule: Schedule, t: int) -> int:
        p = exact.transition(np.zeros((1, 1)), schedule.alpha_bar[t], schedule.alpha_bar[t - 1]).log_prob(grid)
        return int(((p[1:-1] > p[:-2]) & (p[1:-1] > p[2:])).sum())

    assert humps(linear(5), 2) == 2
    assert humps(linear(), 400) == 1, "the same noise, reached in small steps"
    with pytest.raises(ValueError, match="no density"):
        ExactPointsDenoiser([[0.0], [1.0]]).transition(np.zeros((1, 1)), 0.5, 1.0).log_prob(grid)
