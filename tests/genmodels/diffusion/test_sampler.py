"""Forward and back: against diffusers, closed forms and Bayes' rule."""

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
from genmodels.diffusion.denoisers import DenoiserConfig
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
from genmodels.diffusion.training import fit_denoiser
from genmodels.mixture import GaussianMixture
from tests.genmodels.diffusion.shared import MIXTURE, draws, normal, rng

torch.set_num_threads(1)  # as in the app
every_prediction = pytest.mark.parametrize("prediction", PREDICTIONS)
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


class Says:
    """A denoiser that says what it likes: a smooth function of x_t and ᾱ."""

    def __init__(self, prediction: str) -> None:
        self.prediction, self.calls = prediction, 0

    def __call__(self, x, alpha_bar, y=None):
        self.calls += 1
        shift = 0.0 if y is None else y.reshape(-1, 1)
        return (x * (1.5 - alpha_bar) + 0.3 + shift) / (1 + 0.5 * x**2)


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
@pytest.mark.parametrize("bound", [0.3, 1.0, 2.5])
def test_a_bound_on_x_0_is_diffusers_clip_sample(kind, prediction, bound):
    make = DDPMScheduler if kind == "ddpm" else DDIMScheduler
    theirs = scheduler(make, "linear", prediction, "trailing", 20, clip_sample=True, clip_sample_range=bound)
    x_T, says = torch.tensor(normal(40, 2)), Says(prediction)
    options = {"use_clipped_model_output": True} if kind == "ddim" else {"generator": seeded(1)}
    states = list(iterate_reverse(says, x_T, linear(), ReverseConfig(kind, 20, clip=bound), seeded(1)))
    for state, expected in zip(states[1:], walk(theirs, says, x_T, **options), strict=True):
        torch.testing.assert_close(state.x_t, expected, rtol=1e-6, atol=1e-6)
    assert all(state.x0_hat.abs().max() <= bound for state in states)
    if prediction == "eps" or bound <= 1:  # the others say less than 2.5
        assert any(state.x0_hat.abs().max() == bound for state in states)
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


GAUSSIAN = GaussianMixture(np.ones(1), np.array([[0.5, -1.0]]), np.diag([0.3, 1.5])[None])


@every_prediction
@pytest.mark.parametrize("t", [50, 400, 900])
def test_the_ode_from_the_middle_ends_where_the_flow_of_a_gaussian_does(prediction, t):
    """x_0 = m + √(λ / (ᾱ λ + 1 − ᾱ)) (x_t − √ᾱ m)."""
    schedule, x_t, (m, variances) = linear(), normal(20, 2), (GAUSSIAN.means[0], np.diag(GAUSSIAN.covariances[0]))
    a = schedule.alpha_bar[t]
    states = list(
        iterate_reverse(ExactMixtureDenoiser(GAUSSIAN, prediction), x_t, schedule.until(t), ReverseConfig("ode", 50))
    )
    assert (states[0].t, states[0].alpha_bar, states[-1].t) == (t, a, 0)
    expected = m + np.sqrt(variances / (a * variances + 1 - a)) * (x_t - np.sqrt(a) * m)
    np.testing.assert_allclose(states[-1].x_t, expected, atol=1e-4)


@pytest.mark.parametrize("t", [50, 400, 900])
def test_a_noised_sketch_comes_back_as_a_draw_of_what_it_may_have_been(t):
    """SDEdit of a Gaussian: x_t ~ N(√ᾱ s, 1 − ᾱ), then x_0 ~ p(x_0 | x_t): mean and variance in closed form."""
    schedule, sketch, n = linear(), np.array([2.0, 2.0]), 20_000
    m, variances, a = GAUSSIAN.means[0], np.diag(GAUSSIAN.covariances[0]), schedule.alpha_bar[t]
    x_t = q_sample(np.tile(sketch, (n, 1)), t, schedule, normal(n, 2))
    x = sample_reverse(ExactMixtureDenoiser(GAUSSIAN, "x0"), x_t, schedule.until(t), ReverseConfig("ddpm"), rng(1))
    gain = np.sqrt(a) * variances / (a * variances + 1 - a)
    mean = m + gain * np.sqrt(a) * (sketch - m)
    variance = gain**2 * (1 - a) + variances * (1 - a) / (a * variances + 1 - a)
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=5 * np.sqrt(variance.max() / n))
    np.testing.assert_allclose(x.var(axis=0) / variance, 1, atol=0.08)


@every_prediction
@pytest.mark.parametrize(("sampler", "local", "whole"), [("ddim", 2, 1), ("ode", 4, 4)])
def test_the_order_of_the_last_step_and_of_the_whole_way(prediction, sampler, local, whole):
    """As steps in φ double in number, against x_0 = x_t √(λ / (ᾱ λ + 1 − ᾱ)), which is exact for N(0, λ)."""
    variances, x_T = np.array([0.4, 2.5]), normal(20, 2)
    exact = ExactMixtureDenoiser(GaussianMixture(np.ones(1), np.zeros((1, 2)), np.diag(variances)[None]), prediction)

    def error(n: int, steps: int) -> float:
        """Of so many of n equal steps of φ, to t = 0."""
        alpha_bar = np.cos(1.2 / n * np.arange(steps + 1)) ** 2
        truth = x_T * np.sqrt(variances / (alpha_bar[-1] * variances + 1 - alpha_bar[-1]))
        return float(np.abs(sample_reverse(exact, x_T, Schedule(alpha_bar), ReverseConfig(sampler)) - truth).max())

    for n in (16, 32):
        assert np.log2(error(n, 1) / error(2 * n, 1)) == pytest.approx(local, abs=0.25)
        assert np.log2(error(n, n) / error(2 * n, 2 * n)) == pytest.approx(whole, abs=0.25)


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


EXACT = ExactPointsDenoiser(normal(5, 2))
CONTRACT = [
    ("forward", 9, lambda: iterate_forward(normal(7, 2), linear(9), rng())),
    ("ddpm", 9, lambda: iterate_reverse(EXACT, normal(7, 2), linear(), ReverseConfig("ddpm", 9), rng())),
    ("ddim", 9, lambda: iterate_reverse(EXACT, normal(7, 2), linear(), ReverseConfig("ddim", 9))),
    ("ode", 9, lambda: iterate_reverse(EXACT, normal(7, 2), linear(), ReverseConfig("ode", 9))),
]
