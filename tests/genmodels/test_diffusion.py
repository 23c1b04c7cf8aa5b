"""Diffusion against diffusers, closed forms, quadrature and Bayes' rule; the learned denoiser against the exact."""

import dataclasses
import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser, noise_features
from genmodels.diffusion.exact import ExactMixtureDenoiser, ExactPointsDenoiser
from genmodels.diffusion.sampler import (
    PREDICTIONS,
    ReverseConfig,
    coefficients,
    convert,
    ddim_step,
    ddpm_step,
    iterate_forward,
    iterate_reverse,
    log_likelihood,
    posterior,
    q_sample,
    sample_reverse,
)
from genmodels.diffusion.schedules import SCHEDULES, SPACINGS, Schedule, get_schedule, linear
from genmodels.diffusion.training import TorchDenoiser, fit_denoiser, iterate_denoiser
from genmodels.metrics import energy_distance, wasserstein_2
from genmodels.mixture import GaussianMixture
from genmodels.states import DivergedError

torch.set_num_threads(1)  # as in the app
every_prediction = pytest.mark.parametrize("prediction", PREDICTIONS)
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).standard_normal(shape)


MIXTURE = GaussianMixture(
    np.array([0.2, 0.3, 0.5]),
    np.array([[-1.5, 0.5], [1.0, 1.2], [0.4, -1.0]]),
    np.array([[[0.03, 0.01], [0.01, 0.02]], [[0.02, -0.01], [-0.01, 0.04]], [[0.05, 0.0], [0.0, 0.01]]]),
)


class Says:
    """A denoiser that says what it likes: a smooth function of x_t and ᾱ."""

    def __init__(self, prediction: str) -> None:
        self.prediction, self.calls = prediction, 0

    def __call__(self, x, alpha_bar, y=None):
        self.calls += 1
        shift = 0.0 if y is None else y.reshape(-1, 1)
        return (x * (1.5 - alpha_bar) + 0.3 + shift) / (1 + 0.5 * x**2)


# --- Steps against diffusers --------------------------------------------------------------------------------

BETAS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
TYPES = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}


def scheduler(kind: type, name: str, prediction: str, spacing: str, n_steps: int, exact: bool = True, **options):
    """Theirs. If ``exact``, given our ᾱ in float64: what remains to compare is the step."""
    theirs = kind(
        1000,
        1e-4,
        0.02,
        beta_schedule=BETAS[name],
        prediction_type=TYPES[prediction],
        timestep_spacing=spacing,
        **({"clip_sample": False} | options),
    )
    if exact:
        theirs.alphas_cumprod = torch.tensor(get_schedule(name).alpha_bar[1:])
        theirs.one = theirs.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    theirs.set_timesteps(n_steps)
    return theirs


every_run = [
    pytest.mark.parametrize("name", BETAS),
    pytest.mark.parametrize(
        ("spacing", "n_steps"), [("leading", 1000), *((s, n) for s in SPACINGS for n in (50, 8))]
    ),
    every_prediction,
]


def runs(test):
    for mark in every_run:
        test = mark(test)
    return test


def walk(theirs, denoiser, x, **options):
    """Their loop, a state a step; the denoiser is told ᾱ."""
    for t in theirs.timesteps:
        said = denoiser(x, float(theirs.alphas_cumprod[t]))
        x = theirs.step(said, int(t), x, **options).prev_sample
        yield x


@runs
@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddpm_walks_with_diffusers_from_the_same_noise(name, spacing, n_steps, prediction, variance):
    theirs = scheduler(DDPMScheduler, name, prediction, spacing, n_steps, variance_type=f"fixed_{variance}")
    config = ReverseConfig("ddpm", n_steps, spacing, variance=variance)
    x_T, says = torch.tensor(normal(40, 2)), Says(prediction)
    ours = iterate_reverse(says, x_T, get_schedule(name), config, torch.Generator().manual_seed(1))
    next(ours)
    walked = walk(theirs, says, x_T, generator=torch.Generator().manual_seed(1))
    for state, expected in zip(ours, walked, strict=True):
        if state.t == 0 and variance == "large":
            break  # theirs adds noise even to x_0, if its last timestep is not 0
        torch.testing.assert_close(state.x_t, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BETAS)
@pytest.mark.parametrize(
    ("spacing", "n_steps"), [("leading", 50), ("leading", 30), ("trailing", 50), ("trailing", 8)]
)
@every_prediction
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_walks_with_diffusers_from_the_same_noise(name, spacing, n_steps, prediction, eta):
    theirs = scheduler(DDIMScheduler, name, prediction, spacing, n_steps, set_alpha_to_one=True)
    config = ReverseConfig("ddim", n_steps, spacing, eta=eta)
    x_T, says = torch.tensor(normal(40, 2)), Says(prediction)
    ours = iterate_reverse(says, x_T, get_schedule(name), config, torch.Generator().manual_seed(1))
    next(ours)
    for state, expected in zip(ours, walk(theirs, says, x_T, eta=eta, generator=seeded(1)), strict=True):
        torch.testing.assert_close(state.x_t, expected, rtol=1e-6, atol=1e-6)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", BETAS)
@pytest.mark.parametrize("n_steps", [1000, 50, 8])
def test_ddim_steps_equal_those_of_diffusers_where_it_leaves_its_own_spacing(name, n_steps):
    """With linspace it goes ⌊T/n⌋ back from each time, which is none of the times."""
    theirs, schedule = scheduler(DDIMScheduler, name, "eps", "linspace", n_steps), get_schedule(name)
    x, said, z = (torch.tensor(normal(40, 2, seed=seed)) for seed in range(3))
    for t in theirs.timesteps.tolist():
        now, before = schedule.alpha_bar[t + 1], schedule.alpha_bar[max(0, t + 1 - 1000 // n_steps)]
        move = ddim_step(now, before, 0.7)
        ours = move.x0_hat * convert(said, "eps", "x0", x, now) + move.eps_hat * said + move.sigma * z
        expected = theirs.step(said, t, x, eta=0.7, variance_noise=z).prev_sample
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "sampler"), [(DDPMScheduler, "ddpm"), (DDIMScheduler, "ddim")])
@pytest.mark.parametrize("name", BETAS)
def test_steps_equal_those_of_diffusers_as_it_comes_within_its_float32(kind, sampler, name):
    """ᾱ in float32, 1 − ᾱ from it: wrong by up to 6e-8 of 1e-4, so a step by up to 3e-4 of 1 (found: 1.3e-4)."""
    theirs = scheduler(kind, name, "v", "trailing", 1000, exact=False)
    schedule, x, said = get_schedule(name), normal(40, 2), normal(40, 2, seed=1)
    make = ddpm_step if sampler == "ddpm" else ddim_step
    worst = 0.0
    for t in range(1, 1001):
        now, before = schedule.alpha_bar[t], schedule.alpha_bar[t - 1]
        move = make(now, before)
        x0_hat, eps_hat = (convert(said, "v", target, x, now) for target in ("x0", "eps"))
        z = torch.randn(40, 2, generator=seeded(t), dtype=torch.float64).numpy() if sampler == "ddpm" else 0
        ours = move.x_t * x + move.x0_hat * x0_hat + move.eps_hat * eps_hat + move.sigma * z
        expected = theirs.step(torch.tensor(said), t - 1, torch.tensor(x), generator=seeded(t)).prev_sample
        worst = max(worst, float(np.abs(ours - expected.numpy()).max()))
    assert worst < 3e-4


@pytest.mark.parametrize("kind", ["ddpm", "ddim"])
@every_prediction
def test_a_bound_on_x_0_is_diffusers_clip_sample(kind, prediction):
    theirs = scheduler(
        DDPMScheduler if kind == "ddpm" else DDIMScheduler, "linear", prediction, "trailing", 20, clip_sample=True
    )
    x_T, says = torch.tensor(normal(40, 2)), Says(prediction)
    options = {"use_clipped_model_output": True} if kind == "ddim" else {"generator": seeded(1)}
    states = list(iterate_reverse(says, x_T, linear(), ReverseConfig(kind, 20, clip=1.0), seeded(1)))
    for state, expected in zip(states[1:], walk(theirs, says, x_T, **options), strict=True):
        torch.testing.assert_close(state.x_t, expected, rtol=1e-6, atol=1e-6)
    assert all(state.x0_hat.abs().max() <= 1 for state in states)
    for state in states[:-1]:
        s, n = math.sqrt(state.alpha_bar), math.sqrt(1 - state.alpha_bar)
        torch.testing.assert_close(s * state.x0_hat + n * state.eps_hat, state.x_t)


@given(now=st.floats(1e-6, 0.98), share=st.floats(0.01, 1))
def test_ddim_with_eta_1_is_ddpm(now, share):
    before = now + share * (1 - now)
    a, b = ddim_step(now, before, eta=1.0), ddpm_step(now, before)
    assert a.sigma == pytest.approx(b.sigma, abs=1e-12)
    s, n = math.sqrt(now), math.sqrt(1 - now)  # x_t = s x̂_0 + n ε̂ turns one form into the other
    assert a.x0_hat == pytest.approx(b.x0_hat + b.x_t * s, rel=1e-9, abs=1e-9)
    assert a.eps_hat == pytest.approx(b.x_t * n, rel=1e-6, abs=1e-6)


# --- Forward ------------------------------------------------------------------------------------------------


@every_schedule
def test_step_by_step_and_at_once_are_one_distribution(name):
    schedule, x_0 = get_schedule(name, 40), np.repeat([[1.5, -0.7]], 10_000, axis=0)
    for state in iterate_forward(x_0, schedule, rng(3)):
        jumped = q_sample(x_0, state.step, schedule, normal(10_000, 2, seed=4 + state.step))
        for x in (state.x_t, jumped):
            mean, variance = schedule.signal[state.step] * x_0[0], 1 - schedule.alpha_bar[state.step]
            np.testing.assert_array_less(np.abs(x.mean(0) - mean), 4 * math.sqrt(variance / 1e4) + 1e-12)
            covariance = np.cov(x.T)
            error = variance / 100  # of an entry: σ²/√N, times √2 on the diagonal
            assert abs(covariance[0, 1]) <= 4 * error
            np.testing.assert_array_less(np.abs(np.diag(covariance) - variance), 4 * error * math.sqrt(2) + 1e-12)


def test_a_forward_step_is_alpha_of_the_last_and_beta_of_noise():
    schedule = linear(30)
    states = list(iterate_forward(normal(5, 2), schedule, rng()))
    for before, now in pairwise(states):
        expected = np.sqrt(schedule.alpha[now.step]) * before.x_t + np.sqrt(schedule.beta[now.step]) * now.z
        np.testing.assert_allclose(now.x_t, expected)
    with pytest.raises(ValueError, match="read-only"):
        states[3].x_t[0] = 1


def test_the_jump_takes_one_time_a_row_in_numpy_and_torch():
    schedule, x_0, eps = linear(), normal(4, 2), normal(4, 2, seed=1)
    t = np.array([0, 1, 500, 1000])
    at_once = q_sample(x_0, t, schedule, eps)
    for i, time in enumerate(t):
        np.testing.assert_allclose(at_once[i], q_sample(x_0, int(time), schedule, eps)[i])
    np.testing.assert_array_equal(at_once[0], x_0[0])
    tensors = q_sample(torch.tensor(x_0), t, schedule, torch.tensor(eps))
    np.testing.assert_allclose(tensors.numpy(), at_once)
    for bad in (1001, -1, 0.5, [[1]]):
        with pytest.raises(ValueError, match="t is"):
            q_sample(x_0, bad, schedule, eps)


@every_schedule
def test_the_posterior_is_bayes_rule(name):
    schedule, x_t, x_0, grid = get_schedule(name, 30), 0.3, -0.8, np.linspace(-12, 12, 24001)
    for t in (2, 3, 15, 29):
        prior = -((grid - schedule.signal[t - 1] * x_0) ** 2) / (2 * (1 - schedule.alpha_bar[t - 1]))
        likelihood = -((x_t - math.sqrt(schedule.alpha[t]) * grid) ** 2) / (2 * schedule.beta[t])
        p = np.exp(prior + likelihood - (prior + likelihood).max())
        p /= p.sum()
        mean, variance = posterior(np.array([[x_t]]), np.array([[x_0]]), t, schedule)
        assert mean[0, 0] == pytest.approx(p @ grid, abs=1e-6)
        assert variance == pytest.approx(p @ grid**2 - (p @ grid) ** 2, rel=1e-3)
    mean, variance = posterior(np.array([[x_t], [x_t]]), np.array([[x_0], [x_0]]), np.array([1, 5]), schedule)
    assert mean[0, 0] == pytest.approx(x_0)
    assert variance[0] == 0 < variance[1]


# --- Conversions --------------------------------------------------------------------------------------------


@given(
    alpha_bar=st.floats(1e-8, 1 - 1e-8),
    source=st.sampled_from(PREDICTIONS),
    target=st.sampled_from(PREDICTIONS),
    value=st.floats(-10, 10),
    x=st.floats(-10, 10),
)
@settings(max_examples=500)
def test_conversions_go_there_and_back(alpha_bar, source, target, value, x):
    there = convert(value, source, target, x, alpha_bar)
    back = convert(there, target, source, x, alpha_bar)
    magnified = 1 / min(math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar))
    assert back == pytest.approx(value, abs=1e-13 * magnified**2)


@given(alpha_bar=st.floats(1e-6, 1 - 1e-6), x_0=st.floats(-3, 3), eps=st.floats(-3, 3))
@settings(max_examples=300)
def test_conversions_say_what_is_in_x_t(alpha_bar, x_0, eps):
    s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    x_t = s * x_0 + n * eps
    truth = {"eps": eps, "x0": x_0, "v": s * eps - n * x_0, "score": -eps / n}
    for source in PREDICTIONS:
        for target, expected in truth.items():
            assert convert(truth[source], source, target, x_t, alpha_bar) == pytest.approx(expected, abs=1e-7 / n)


def test_conversions_at_their_ends():
    with pytest.raises(ValueError, match="predict v"):
        coefficients("eps", "x0", 0.0)
    with pytest.raises(ValueError, match="time above 0"):
        coefficients("x0", "eps", 1.0)
    with pytest.raises(ValueError, match="time above 0"):
        coefficients("v", "score", 1.0)
    assert coefficients("v", "x0", 0.0) == (0, -1)
    assert coefficients("v", "eps", 1.0) == (0, 1)
    with pytest.raises(ValueError, match="unknown"):
        coefficients("score", "eps", 0.5)


# --- Exact denoisers ----------------------------------------------------------------------------------------


def draws(n: int, seed: int = 0) -> np.ndarray:
    return MIXTURE.sample(n, rng(seed))[0]


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


# --- Samplers with an exact denoiser ------------------------------------------------------------------------


def variance_after(s2: float, schedule: Schedule, variance: str = "small") -> float:
    """Of ddpm's samples if the data are N(0, s²): each step is a linear map and noise, so by recursion."""
    v = 1.0
    for t in range(schedule.n_steps, 0, -1):
        now = schedule.alpha_bar[t]
        move = ddpm_step(now, schedule.alpha_bar[t - 1], variance)
        gain = move.x_t + move.x0_hat * math.sqrt(now) * s2 / (now * s2 + 1 - now)
        v = gain**2 * v + move.sigma**2
    return v / s2


def test_ddpm_shrinks_variance_by_as_much_as_is_known():
    """Even with the best denoiser, 1,000 linear steps and the small variance."""
    found = [variance_after(s2, linear()) for s2 in (1.0, 0.01, 1e-4)]
    np.testing.assert_allclose(found, [0.991, 0.93, 0.43], rtol=0.01)
    assert variance_after(1.0, linear(), "large") == pytest.approx(1, abs=2e-4)  # right for N(0, I), by construction


def modes(x: np.ndarray) -> list[np.ndarray]:
    nearest = ((x[:, None] - MIXTURE.means) ** 2).sum(2).argmin(1)
    return [x[nearest == k] for k in range(3)]


@pytest.mark.parametrize(
    ("sampler", "name", "n_steps", "bias"),
    [
        ("ddpm", "linear", 1000, 0.05),
        ("ddpm", "cosine", 200, 0.20),
        ("ddim", "linear", 200, 0.12),
        ("ode", "cosine", 50, 0.002),
        ("ode", "linear", 50, 0.02),
    ],
)
def test_weights_means_and_variances_within_modes_come_back(sampler, name, n_steps, bias):
    """Variances within modes up to the stated relative bias of the discretisation (all but the ODE's shrink)."""
    n = 10_000
    x = sample_reverse(
        ExactMixtureDenoiser(MIXTURE, "v"), normal(n, 2), get_schedule(name), ReverseConfig(sampler, n_steps), rng(1)
    )
    for k, mine in enumerate(modes(x)):
        weight, covariance = MIXTURE.weights[k], MIXTURE.covariances[k]
        assert len(mine) / n == pytest.approx(weight, abs=4 * math.sqrt(weight * (1 - weight) / n))
        error = np.sqrt(np.diag(covariance) / len(mine))
        np.testing.assert_array_less(np.abs(mine.mean(0) - MIXTURE.means[k]), 4 * error + 0.003)
        whitened = np.linalg.solve(np.linalg.cholesky(covariance), (mine - mine.mean(0)).T)
        ratio = np.linalg.eigvalsh(whitened @ whitened.T / len(mine))
        statistical = 5 * math.sqrt(2 / len(mine))
        assert ratio.min() > 1 - bias - statistical
        assert ratio.max() < 1 + (bias if sampler == "ode" else 0) + statistical


@every_prediction
@every_schedule
def test_the_ode_carries_a_gaussian_along_straight_quantiles(name, prediction):
    """For N(0, λ) along each axis the flow is x_t / √(ᾱ λ + 1 − ᾱ) = constant."""
    variances = np.array([0.05, 2.0])
    exact = ExactMixtureDenoiser(GaussianMixture(np.ones(1), np.zeros((1, 2)), np.diag(variances)[None]), prediction)
    schedule, x_T = get_schedule(name), normal(20, 2)
    for state in iterate_reverse(exact, x_T, schedule, ReverseConfig("ode", 200)):
        spread, start = (a * variances + 1 - a for a in (state.alpha_bar, schedule.alpha_bar[-1]))
        np.testing.assert_allclose(state.x_t / np.sqrt(spread), x_T / np.sqrt(start), atol=1e-4)


def test_runge_kutta_is_of_fourth_order_and_ddim_of_first():
    exact, x_T = ExactMixtureDenoiser(MIXTURE, "v"), normal(50, 2)

    def at(t: int, sampler: str, n_steps: int) -> np.ndarray:
        run = iterate_reverse(exact, x_T, get_schedule("cosine"), ReverseConfig(sampler, n_steps))
        return next(state.x_t for state in run if state.t == t)

    truth = {t: at(t, "ode", 1000) for t in (200, 0)}
    runs = [("ode", 25), ("ode", 50), ("ddim", 100), ("ddim", 200)]
    error = {run: np.median(np.abs(at(200, *run) - truth[200])) for run in runs}
    assert 10 < error["ode", 25] / error["ode", 50] < 25
    assert 1.7 < error["ddim", 100] / error["ddim", 200] < 2.3
    last = {run: np.median(np.abs(at(0, *run) - truth[0])) for run in runs}  # the step to 0 is of third order
    assert last["ode", 50] < last["ddim", 200] / 100 < 3e-5


@every_prediction
@pytest.mark.parametrize(("name", "n_steps"), [("linear", 200), ("cosine", 100), ("sigmoid", 200)])
def test_the_odes_likelihood_is_the_mixtures_own(name, n_steps, prediction):
    """RK4: the worst of 300 points is within 0.01 nats, their mean within 0.001."""
    x = draws(300)
    error = log_likelihood(
        ExactMixtureDenoiser(MIXTURE, prediction), x, get_schedule(name), n_steps
    ) - MIXTURE.log_prob(x)
    assert np.abs(error).max() < 0.01
    assert abs(error.mean()) < 0.001


@pytest.mark.parametrize(
    ("data", "n_steps", "tolerance"), [("ffjord8", 100, 0.002), ("grid25", 300, 0.01), ("ring8", 1000, 0.005)]
)
def test_the_odes_likelihood_of_data_sets(data, n_steps, tolerance):
    """In raw coordinates, by RK4 on the cosine schedule; the ring's narrow modes (σ = 0.014) need 1,000 steps."""
    dataset = get_dataset(data)
    x = dataset.sample(100, rng())
    exact = ExactMixtureDenoiser.of(dataset, "v")
    ours = log_likelihood(exact, dataset.standardise(x), get_schedule("cosine"), n_steps) - 2 * math.log(
        dataset.scale
    )
    np.testing.assert_allclose(ours, dataset.log_prob(x), atol=tolerance)


def test_a_likelihood_without_a_divergence_takes_differences():
    exact = ExactMixtureDenoiser(MIXTURE, "v")

    class Bare:
        prediction = "v"

        def __call__(self, x, alpha_bar, y=None):
            return exact(x, alpha_bar, y)

    x = draws(20)
    ours = log_likelihood(Bare(), x, get_schedule("cosine"), 100)
    np.testing.assert_allclose(ours, log_likelihood(exact, x, get_schedule("cosine"), 100), atol=1e-3)
    with pytest.raises(ValueError, match="16 at most"):
        log_likelihood(Bare(), np.zeros((2, 17)), linear(), 2)


@pytest.mark.parametrize(
    "config", [ReverseConfig("ddpm", 200), ReverseConfig("ddim", 500), ReverseConfig("ode", 250)]
)
@every_prediction
def test_backwards_the_exact_points_denoiser_is_a_photocopier(config, prediction):
    points = get_dataset("dino").standardise(get_dataset("dino").centres)
    x = sample_reverse(ExactPointsDenoiser(points, None, prediction), normal(100, 2), linear(), config, rng(1))
    distance = np.sqrt(((x[:, None] - points) ** 2).sum(2)).min(1)
    assert np.median(distance) < 1e-3
    assert len(np.unique(((x[:, None] - points) ** 2).sum(2).argmin(1))) > 40


# --- The iterator -------------------------------------------------------------------------------------------

SAMPLERS = [ReverseConfig("ddpm", 9), ReverseConfig("ddim", 9, eta=0.5), ReverseConfig("ode", 9)]


@pytest.mark.parametrize("config", SAMPLERS, ids=["ddpm", "ddim", "ode"])
def test_states(config):
    exact, x_T, schedule = ExactMixtureDenoiser(MIXTURE), normal(6, 2), linear(100)
    states = list(iterate_reverse(exact, x_T, schedule, config, rng(1)))
    assert [s.step for s in states] == list(range(10))
    assert [s.t for s in states] == [100, 89, 78, 67, 56, 44, 33, 22, 11, 0]
    for s in states[:-1]:
        assert s.alpha_bar == schedule.alpha_bar[s.t]
        mixed = math.sqrt(s.alpha_bar) * s.x0_hat + math.sqrt(1 - s.alpha_bar) * s.eps_hat
        np.testing.assert_allclose(mixed, s.x_t, atol=1e-9)
        np.testing.assert_allclose(s.x0_hat, ExactMixtureDenoiser(MIXTURE, "x0")(s.x_t, s.alpha_bar), atol=1e-6)
        np.testing.assert_allclose(s.score, exact.score(s.x_t, s.alpha_bar))
    last = states[-1]
    assert last.x0_hat is last.x_t
    assert (last.eps_hat == 0).all()
    assert last.alpha_bar == 1
    again = sample_reverse(exact, x_T, schedule, config, rng(1))
    np.testing.assert_array_equal(again, last.x_t)
    with pytest.raises(dataclasses.FrozenInstanceError):
        last.t = 3
    with pytest.raises(ValueError, match="read-only"):
        states[4].x_t[0] = 1


@pytest.mark.parametrize(
    ("config", "asked"), [(ReverseConfig("ddpm", 7), 7), (ReverseConfig("ddim", 7), 7), (ReverseConfig("ode", 7), 27)]
)
def test_a_step_asks_once_and_of_the_ode_four_times_but_last(config, asked):
    says = Says("eps")
    sample_reverse(says, normal(3, 2), linear(), config, rng())
    assert says.calls == asked


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("config", SAMPLERS, ids=["ddpm", "ddim", "ode"])
def test_numpy_and_torch_give_the_same_from_one_generator(config, dtype):
    x_T = normal(6, 2).astype(dtype)
    ours = sample_reverse(Says("v"), x_T, linear(), config, rng(3))
    tensors = sample_reverse(Says("v"), torch.tensor(x_T), linear(), config, rng(3))
    assert ours.dtype == dtype
    assert str(tensors.dtype) == f"torch.{dtype}"
    np.testing.assert_allclose(tensors.numpy(), ours, rtol=2e-5 if dtype == "float32" else 1e-12)


@every_prediction
def test_guidance_is_the_rule_for_eps_whatever_is_predicted(prediction):
    x_T, y, schedule = normal(5, 2), np.array([0, 1, 0, 1, 1]), linear(10)

    def first(w: float, classes=y):
        state = next(iterate_reverse(Says(prediction), x_T, schedule, ReverseConfig(guidance=w), rng(), classes))
        return state.eps_hat

    anyone, asked = first(1.0, None), first(1.0)
    np.testing.assert_allclose(first(0.0), anyone)
    for w in (-1.0, 0.5, 3.0):
        np.testing.assert_allclose(first(w), anyone + w * (asked - anyone), rtol=1e-9)
    for w, calls in ((0.0, 10), (1.0, 10), (2.0, 20)):
        says = Says(prediction)
        sample_reverse(says, x_T, schedule, ReverseConfig(guidance=w), rng(), y)
        assert says.calls == calls


def test_guidance_exaggerates():
    """With two overlapping classes, above 1 the samples move away from the other class, beyond its own mean."""
    two = GaussianMixture(np.full(2, 0.5), np.array([[-0.5], [0.5]]), np.full((2, 1, 1), 0.5))
    exact, y = ExactMixtureDenoiser(two, "v"), np.ones(3000, dtype=int)
    means = [
        sample_reverse(exact, normal(3000, 1), get_schedule("cosine"), ReverseConfig("ddim", 50, guidance=w), None, y)
        for w in (0.0, 1.0, 4.0)
    ]
    assert abs(means[0].mean()) < 0.06
    assert means[1].mean() == pytest.approx(0.5, abs=0.05)
    assert means[2].mean() > 0.9


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ReverseConfig("euler"), "choose one of ddpm"),
        (lambda: ReverseConfig(n_steps=0), "n_steps"),
        (lambda: ReverseConfig(eta=1.5), "eta"),
        (lambda: ReverseConfig(variance="learned"), "variance"),
        (lambda: ReverseConfig(spacing="log"), "spacing"),
        (lambda: ReverseConfig(guidance=math.nan), "guidance"),
        (lambda: ReverseConfig(clip=0.0), "clip"),
        (lambda: sample_reverse(Says("v"), normal(3, 2), linear()), "pass a random generator"),
        (lambda: sample_reverse(Says("v"), np.full((3, 2), np.inf), linear(), None, rng()), "finite"),
        (lambda: sample_reverse(Says("v"), normal(3), linear(), None, rng()), "one row a point"),
        (
            lambda: sample_reverse(Says("v"), normal(3, 2), linear(10), ReverseConfig(n_steps=20), rng()),
            "from 1 to 10",
        ),
        (lambda: ExactMixtureDenoiser(MIXTURE, "noise"), "choose one of eps"),
        (lambda: ExactMixtureDenoiser.of(get_dataset("moons")), "ExactPointsDenoiser"),
        (lambda: ExactPointsDenoiser(np.empty((0, 2))), "no points"),
        (lambda: ExactPointsDenoiser([[0.0]], [0.5]), "whole numbers"),
        (lambda: ExactPointsDenoiser([[0.0]]).log_prob(np.zeros((1, 1)), 1.0), "no density"),
        (lambda: DenoiserConfig(data="cat"), "choose one of"),
        (lambda: DenoiserConfig(prediction="noise"), "choose one of eps"),
        (lambda: DenoiserConfig(schedule="quadratic"), "Unknown schedule"),
        (lambda: DenoiserConfig(schedule=(0.1, 0.9)), "does not fall"),
        (lambda: DenoiserConfig(n_times=1), "from 2 to 1000"),
        (lambda: DenoiserConfig(hidden=(0,)), "hidden"),
        (lambda: DenoiserConfig(hidden="128"), "hidden"),
        (lambda: DenoiserConfig(hidden=128), "hidden"),
        (lambda: DenoiserConfig(learning_rate=0.0), "above 0"),
        (lambda: DenoiserConfig(average=1.0), "1 excluded"),
        (lambda: DenoiserConfig(drop=1.1), "drop"),
        (lambda: DenoiserConfig(batch=0), "batch"),
        (lambda: DenoiserConfig(device="tpu"), "choose one of auto"),
        (lambda: fit_denoiser(np.empty((0, 2)), DenoiserConfig(n_steps=0)), "no points"),
        (lambda: fit_denoiser([[np.nan, 0.0]], DenoiserConfig(n_steps=0)), "NaN"),
        (lambda: fit_denoiser(normal(3, 2), DenoiserConfig(n_steps=0), [0, 1, 2]), "n_classes = 0"),
        (lambda: fit_denoiser(normal(3, 2), DenoiserConfig(n_steps=0, n_classes=2), [0, 1, 2]), "0 … 1"),
        (lambda: fit_denoiser(None, DenoiserConfig(n_steps=0, n_classes=2, data="ffjord8")), "n_classes = 8"),
    ],
)
def test_bad_input_is_told_in_a_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_torch_is_imported_by_training_alone():
    code = """
import sys, numpy as np
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.diffusion.exact import ExactPointsDenoiser
from genmodels.diffusion.sampler import ReverseConfig, iterate_reverse, log_likelihood
from genmodels.diffusion.schedules import linear
rng = np.random.default_rng(0)
config = DenoiserConfig(hidden=(4,), x_waves=3, t_waves=4)
layers = {"net.0.weight": rng.normal(size=(4, 23)), "net.0.bias": np.zeros(4)}
layers |= {"net.2.weight": rng.normal(size=(2, 4)), "net.2.bias": np.zeros(2)}
arrays = layers | {"centre": np.zeros(2), "scale": np.ones(1)}
for denoiser in (ExactPointsDenoiser(rng.normal(size=(5, 2))), ForwardDenoiser(arrays, config)):
    for sampler in ("ddpm", "ddim", "ode"):
        list(iterate_reverse(denoiser, rng.normal(size=(7, 2)), linear(), ReverseConfig(sampler, 5), rng))
log_likelihood(ForwardDenoiser(arrays, config), rng.normal(size=(7, 2)), linear(), 5)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


# --- The learned denoiser -----------------------------------------------------------------------------------

SMALL = {"hidden": (16, 16), "batch": 32, "n_steps": 40}


def trained(**options) -> DenoiserConfig:
    return DenoiserConfig(**(SMALL | options))


def test_training_states():
    before = torch.random.get_rng_state()
    config = trained(every=150, n_steps=400)
    states = list(iterate_denoiser(None, config))
    assert [s.step for s in states] == [0, 150, 300, 400]
    assert torch.equal(before, torch.random.get_rng_state())
    for s in states:
        assert s.loss_by_time.shape == (20,)
        assert not s.parameters.flags.writeable
        assert s.parameters.shape == s.average.shape
        assert s.moments.shape == (2, s.parameters.size)
    assert states[0].loss == pytest.approx(1, abs=0.4)  # it says nearly 0
    assert states[-1].loss < 0.95  # of v, 0.88 cannot be told
    assert not np.array_equal(states[1].parameters, states[1].average)
    assert np.isfinite(states[-1].loss_by_time).all()
    again = list(iterate_denoiser(None, config))
    assert all(np.array_equal(a.average, b.average) and a.loss == b.loss for a, b in zip(states, again, strict=True))
    other = fit_denoiser(None, dataclasses.replace(config, seed=1))
    assert not np.array_equal(other.average, states[-1].average)


def test_the_gradient_mode_is_the_callers():
    with torch.no_grad():
        for _ in iterate_denoiser(None, trained(n_steps=3)):
            assert not torch.is_grad_enabled()
    for _ in iterate_denoiser(None, trained(n_steps=3)):
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("options", [{}, {"average": 0.0}, {"data": "ring8", "n_classes": 8}])
def test_a_resumed_run_goes_on_bit_for_bit(options):
    config = trained(every=7, n_steps=80, **options)  # across a block of minibatches
    whole = list(iterate_denoiser(None, config))
    for saved in (whole[4], whole[4].snapshot()):
        rest = list(iterate_denoiser(None, config, resume=saved))
        assert [s.step for s in rest] == [s.step for s in whole[4:]]
        for a, b in zip(rest, whole[4:], strict=True):
            np.testing.assert_array_equal(a.parameters, b.parameters)
            np.testing.assert_array_equal(a.average, b.average)
            np.testing.assert_array_equal(a.moments, b.moments)
    with pytest.raises(ValueError, match="same network"):
        next(iterate_denoiser(None, dataclasses.replace(config, n_steps=10), resume=whole[4]))
    with pytest.raises(ValueError, match="same network"):
        next(iterate_denoiser(None, dataclasses.replace(config, hidden=(8,)), resume=whole[4]))
    with pytest.raises(ValueError, match="holds no moments"):
        next(iterate_denoiser(None, config, resume={"parameters": 0, "average": 0, "step": 0}))


def test_a_diverging_run_says_so():
    with pytest.raises(DivergedError, match="smaller learning rate"):
        fit_denoiser(None, trained(learning_rate=1e12, activation="relu", decay=False, n_steps=300))


@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
@pytest.mark.parametrize(("x_waves", "n_classes"), [(3, 0), (0, 8)])
def test_the_network_is_the_same_in_numpy_and_torch(activation, x_waves, n_classes):
    config = trained(data="ffjord8", activation=activation, x_waves=x_waves, n_classes=n_classes)
    state = fit_denoiser(None, config)
    ours, theirs = state.denoiser(), TorchDenoiser(state.arrays(), config)
    x, y = normal(9, 2).astype(np.float32), np.array([0, 1, 2, 3, 7, -1, 5, 6, -1]) if n_classes else None
    for alpha_bar in (1e-6, 0.5, 0.9999):
        features = [x]
        for wave in (np.sin, np.cos):
            features += [wave(2.0**j * x[:, [d]]) for d in range(2) for j in range(x_waves)]
        features.append(np.tile(noise_features(alpha_bar, 4), (9, 1)))
        if n_classes:
            features.append((y[:, None] == np.arange(n_classes)).astype(np.float32))
        module = torch.nn.Sequential(
            *(m for i, o in ((0, 2), (2, 4), (4, None)) for m in _layer(state.arrays(), i, o, activation))
        )
        with torch.no_grad():
            expected = module(torch.tensor(np.concatenate(features, 1), dtype=torch.float32)).numpy()
        np.testing.assert_allclose(ours(x, alpha_bar, y), expected, atol=2e-5)
        np.testing.assert_allclose(theirs(torch.tensor(x), alpha_bar, y).numpy(), expected, atol=2e-5)
        said, trace = ours.divergence(x, alpha_bar, y)
        np.testing.assert_allclose(said, expected, atol=2e-5)
        inputs = torch.tensor(np.concatenate(features, 1), dtype=torch.float32)
        np.testing.assert_allclose(trace, _trace(module, inputs, x_waves), atol=2e-4)


def test_without_hidden_layers_it_is_linear():
    state = fit_denoiser(None, trained(hidden=(), x_waves=0, t_waves=1))
    denoiser, x = state.denoiser(), normal(4, 2).astype(np.float32)
    weight, bias = (state.arrays()[f"net.0.{kind}"] for kind in ("weight", "bias"))
    expected = np.concatenate([x, np.tile(noise_features(0.3, 1), (4, 1))], 1) @ weight.T + bias
    np.testing.assert_allclose(denoiser(x, 0.3), expected, atol=1e-6)
    np.testing.assert_allclose(denoiser.divergence(x, 0.3)[1], weight[0, 0] + weight[1, 1], atol=1e-6)


def test_many_rows_are_taken_in_blocks_that_change_nothing():
    denoiser, x = fit_denoiser(None, trained(n_classes=2)).denoiser(), normal(2600, 2).astype(np.float32)
    y = rng().integers(-1, 2, size=2600)
    parts = [denoiser(x[i : i + 100], 0.3, y[i : i + 100]) for i in range(0, 2600, 100)]
    np.testing.assert_allclose(denoiser(x, 0.3, y), np.concatenate(parts), atol=1e-5)
    assert denoiser(x[:0], 0.3).shape == (0, 2)


def _layer(arrays, i, following, activation):
    weight, bias = (torch.tensor(arrays[f"net.{i}.{kind}"]) for kind in ("weight", "bias"))
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    phi = {"silu": torch.nn.SiLU, "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]
    return [layer] if following is None else [layer, phi()]


def _trace(module, inputs, k):
    """By autograd through the waves of x."""
    x = inputs[:, :2].clone().requires_grad_()
    phases = (x[:, :, None] * 2.0 ** torch.arange(k)).flatten(1)
    waves = [phases.sin(), phases.cos()] if k else []
    out = module(torch.cat([x, *waves, inputs[:, 2 + 4 * k :]], 1))
    return sum(torch.autograd.grad(out[:, d].sum(), x, retain_graph=True)[0][:, d] for d in range(2)).numpy()


def test_the_torch_denoiser_samples_and_gives_likelihoods_like_the_numpy_one():
    config = trained(n_steps=100)
    state = fit_denoiser(None, config)
    x_T = normal(20, 2).astype(np.float32)
    numpy, theirs = state.denoiser(), TorchDenoiser(state.arrays(), config)
    for sampler in ("ddpm", "ddim", "ode"):
        a = sample_reverse(numpy, x_T, config.make_schedule(), ReverseConfig(sampler, 20), rng(1))
        b = sample_reverse(theirs, torch.tensor(x_T), config.make_schedule(), ReverseConfig(sampler, 20), rng(1))
        np.testing.assert_allclose(b.numpy(), a, atol=1e-4)
    x = numpy.from_data(get_dataset("moons").sample(10, rng()))
    a = log_likelihood(numpy, x, config.make_schedule(), 20)
    b = log_likelihood(theirs, torch.tensor(x, dtype=torch.float32), config.make_schedule(), 20)
    np.testing.assert_allclose(b.numpy(), a, atol=0.02)
    np.testing.assert_allclose(numpy.from_data(numpy.to_data(x)), x)


def test_the_learned_denoiser_comes_near_the_exact_one():
    """Excess of its squared error over the best possible one; saying 0 would cost 1."""
    dataset = get_dataset("ffjord8")
    config = DenoiserConfig(data="ffjord8", hidden=(64, 64), batch=256, n_steps=2000, every=2000)
    learned, exact = fit_denoiser(None, config).denoiser(), ExactMixtureDenoiser.of(dataset, "v")
    schedule, x_0 = config.make_schedule(), dataset.standardise(dataset.sample(2000, rng()))
    for t in (10, 100, 400, 700, 950):
        x_t = q_sample(x_0, t, schedule, normal(2000, 2, seed=t))
        excess = np.square(learned(x_t, schedule.alpha_bar[t]) - exact(x_t, schedule.alpha_bar[t])).mean()
        assert excess < 0.04, t


def test_the_losses_by_time_are_those_of_the_denoiser():
    config = DenoiserConfig(data="ffjord8", hidden=(64,), batch=500, n_steps=150, every=150, learning_rate=1e-9)
    state = fit_denoiser(None, config)  # a rate so small that nothing changes
    denoiser, dataset, schedule = state.denoiser(averaged=False), get_dataset("ffjord8"), config.make_schedule()
    x_0 = dataset.standardise(dataset.sample(4000, rng()))
    for b in (0, 10, 19):
        t = 1 + 50 * b + rng(b).integers(50, size=4000)
        eps = normal(4000, 2, seed=b)
        x_t = q_sample(x_0, t, schedule, eps)
        truth = schedule.signal[t, None] * eps - schedule.noise[t, None] * x_0
        losses = [np.square(denoiser(x_t[[i]], schedule.alpha_bar[t[i]])[0] - truth[i]).mean() for i in range(4000)]
        assert state.loss_by_time[b] == pytest.approx(np.mean(losses), abs=5 * np.std(losses) / math.sqrt(3750))
    assert state.loss == pytest.approx(state.loss_by_time.mean())


def test_classes_are_drawn_as_asked_and_guidance_sharpens_them():
    dataset = get_dataset("ffjord8")
    config = DenoiserConfig(data="ffjord8", n_classes=8, hidden=(64, 64), batch=256, n_steps=2000, every=2000)
    denoiser, y = fit_denoiser(None, config).denoiser(), np.arange(800) % 8

    def samples(w: float) -> np.ndarray:
        run = ReverseConfig("ddim", 30, guidance=w)
        return denoiser.to_data(sample_reverse(denoiser, normal(800, 2), config.make_schedule(), run, None, y))

    def right(w: float) -> float:
        x = samples(w)
        return float((((x[:, None] - dataset.centres) ** 2).sum(2).argmin(1) == y).mean())

    assert right(1.0) > 0.95
    assert right(0.0) < 0.3
    assert energy_distance(samples(0.0), dataset.sample(4000, rng())) < 0.15, "dropping taught it what all look like"
    with pytest.raises(ValueError, match="classes 0 … 7"):
        denoiser(normal(2, 2), 0.5, np.array([0, 8]))
    with pytest.raises(ValueError, match="knows no classes"):
        fit_denoiser(None, trained(n_steps=0)).denoiser()(normal(2, 2), 0.5, np.zeros(2, int))


class Own(torch.nn.Module):
    """A network of one's own, as a convolutional one would be."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(2, 6, 3, padding=1), torch.nn.Conv2d(6, 1, 3, padding=1)
        self.level, self.of_class = torch.nn.Linear(9, 6), torch.nn.Linear(3, 6)

    def forward(self, x, level, y):
        image = x.view(-1, 1, 4, 4)
        known = (y[:, None] == torch.arange(3)).to(x)
        h = (
            self.first(torch.cat([image, image * 0], 1))
            + (self.level(level) + self.of_class(known))[:, :, None, None]
        )
        return self.last(torch.relu(h)).flatten(1)


def test_a_network_of_ones_own_is_trained_sampled_and_resumed():
    images, labels = (normal(60, 16) > 0) * 2.0 - 1, np.arange(60) % 3
    config = DenoiserConfig(n_classes=3, standardise=False, batch=16, n_steps=30, every=15, schedule="sigmoid")
    states = list(iterate_denoiser(images, config, labels, Own()))
    rest = list(iterate_denoiser(images, config, labels, Own(), resume=states[1]))
    np.testing.assert_array_equal(rest[-1].average, states[-1].average)
    assert states[-1].loss < states[0].loss
    assert states[-1].scale == 1
    denoiser = TorchDenoiser(states[-1].arrays(), config, Own())
    run = ReverseConfig("ddim", 5, guidance=2.0, clip=1.0)
    x = sample_reverse(denoiser, torch.randn(3, 16), config.make_schedule(), run, None, np.arange(3))
    assert x.shape == (3, 16)
    assert x.abs().max() <= 1


def test_points_of_ones_own_are_standardised():
    points = normal(500, 2) * [3.0, 0.5] + [10.0, -4.0]
    denoiser = fit_denoiser(points, trained()).denoiser()
    np.testing.assert_allclose(denoiser.centre, points.mean(0))
    assert denoiser.scale == pytest.approx(math.sqrt(points.var(0).mean()))
    as_before = fit_denoiser(points, trained(standardise=False)).denoiser()
    assert as_before.scale == 1
    assert fit_denoiser(np.ones((5, 2)), trained()).denoiser().scale == 1  # all equal


# --- Quality ------------------------------------------------------------------------------------------------


def stratified(dataset, n: int, generator: np.random.Generator) -> np.ndarray:
    """True samples with as many from each mode as its weight says."""
    x, labels = dataset.draw(20 * n, generator)
    counts = np.bincount(np.arange(n) % (labels.max() + 1))
    return np.concatenate([x[labels == k][:count] for k, count in enumerate(counts)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "w2", "energy"),
    [("moons", 0.12, 0.04), ("ffjord8", 0.32, 0.07), ("checkerboard", 0.40, 0.06), ("dino", 0.30, 0.05)],
)
def test_the_default_recipe_learns_the_plane(data, w2, energy):
    """References: W₂ 0.24, 0.25, 0.53, 0.24 (against true samples that were not stratified)."""
    dataset, config = get_dataset(data), DenoiserConfig(data=data, every=10_000)
    denoiser = fit_denoiser(None, config).denoiser()
    truth = stratified(dataset, 1000, rng(9))
    for run in (ReverseConfig("ddpm", 200), ReverseConfig("ddim", 50)):
        x = denoiser.to_data(sample_reverse(denoiser, normal(4000, 2), config.make_schedule(), run, rng(1)))
        assert wasserstein_2(x[:1000], truth) < w2
        assert energy_distance(x, stratified(dataset, 4000, rng(8))) < energy


def test_a_wrong_set_of_arrays_is_told():
    state = fit_denoiser(None, trained(n_steps=0))
    with pytest.raises(ValueError, match=r"hold no net\.0\.weight"):
        ForwardDenoiser({"centre": np.zeros(2), "scale": np.ones(1)}, state.config)
    with pytest.raises(ValueError, match="the config asks for"):
        ForwardDenoiser(state.arrays(), trained(x_waves=0))
