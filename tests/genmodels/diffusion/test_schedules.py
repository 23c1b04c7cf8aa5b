"""Schedules against diffusers, closed forms and what must hold for every schedule."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from genmodels.diffusion import schedules
from genmodels.diffusion.schedules import (
    SCHEDULES,
    SPACINGS,
    Schedule,
    cosine,
    drawn,
    get_schedule,
    linear,
    sigmoid,
    spaced,
)

BETAS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
BY_HAND = (1.0, 0.9, 0.5, 0.6, 0.2, 0.05)
every_schedule = pytest.mark.parametrize("name", [*SCHEDULES, BY_HAND], ids=[*SCHEDULES, "drawn"])


def reference(name: str, spacing: str = "leading", kind: type = DDPMScheduler):
    return kind(1000, 1e-4, 0.02, beta_schedule=BETAS[name], timestep_spacing=spacing, clip_sample=False)


# --- Against diffusers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BETAS)
def test_beta_and_alpha_bar_equal_those_of_diffusers_up_to_its_float32(name):
    theirs, ours = reference(name), get_schedule(name)
    np.testing.assert_allclose(ours.beta[1:], theirs.betas.double().numpy(), rtol=3e-6, atol=1e-8)
    np.testing.assert_allclose(ours.alpha_bar[1:], theirs.alphas_cumprod.double().numpy(), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("kind", [DDPMScheduler, DDIMScheduler])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("n_steps", [1000, 999, 600, 250, 100, 50, 37, 20, 10, 3, 1])
def test_the_spacings_are_those_of_diffusers(spacing, n_steps, kind):
    theirs = reference("linear", spacing, kind)
    theirs.set_timesteps(n_steps)
    assert spaced(1000, n_steps, spacing)[:0:-1].tolist() == [t + 1 for t in theirs.timesteps.tolist()]


@given(total=st.integers(2, 1000), share=st.floats(0, 1), spacing=st.sampled_from(SPACINGS))
@settings(max_examples=300, deadline=None)
def test_every_spacing_gives_as_many_different_times_as_asked(total, share, spacing):
    n_steps = 1 + round(share * (total - 1))
    times = spaced(total, n_steps, spacing)
    assert len(times) == n_steps + 1
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
    assert times[-1] <= total
    assert spacing != "trailing" or times[-1] == total


# --- Formulas -----------------------------------------------------------------------------------------------


def test_linear_as_in_the_paper():
    beta = linear().beta
    assert beta[0] == 0
    np.testing.assert_allclose(np.diff(beta[1:]), (0.02 - 1e-4) / 999, rtol=1e-9)
    assert linear().alpha_bar[-1] == pytest.approx(4.036e-5, rel=1e-3)


def test_cosine_as_in_the_paper():
    u = np.arange(1001) / 1000
    f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(cosine().alpha_bar[:999], (f / f[0])[:999], rtol=1e-9)
    assert cosine().beta[1:].max() == pytest.approx(0.999)


def test_sigmoid_runs_from_1_to_0_symmetrically():
    alpha_bar = sigmoid().alpha_bar
    np.testing.assert_allclose(alpha_bar[1:-1] + alpha_bar[-2:0:-1], 1, rtol=1e-9)
    logistic = 1 / (1 + np.exp(-np.array([-3.0, 3.0, -3.0 + 6 * 0.2])))
    assert alpha_bar[200] == pytest.approx((logistic[1] - logistic[2]) / (logistic[1] - logistic[0]))
    straight = sigmoid(temperature=1e4).alpha_bar
    np.testing.assert_allclose(straight[:-1], 1 - np.arange(1000) / 1000, atol=1e-6)


@every_schedule
@pytest.mark.parametrize("n_steps", [2, 3, 10, 50, 333, 999, 1000])
def test_what_holds_for_every_schedule(name, n_steps):
    s = get_schedule(name, n_steps)
    assert s.n_steps == n_steps
    assert s.alpha_bar[0] == 1
    assert ((s.alpha_bar[1:] > 0) & (s.alpha_bar[1:] < 1)).all()
    assert ((s.beta[1:] > 0) & (s.beta[1:] < 1)).all()
    np.testing.assert_allclose(np.cumprod(s.alpha), s.alpha_bar, rtol=1e-12)
    np.testing.assert_allclose(s.signal**2 + s.noise**2, 1, rtol=1e-12)
    np.testing.assert_allclose(s.snr[1:], s.signal[1:] ** 2 / s.noise[1:] ** 2, rtol=1e-9)
    assert np.isposinf(s.snr[0])
    assert (np.diff(s.log_snr[1:]) < 0).all()
    assert s.posterior_variance[:2].tolist() == [0, 0]
    precision = s.alpha[2:] / s.beta[2:] + 1 / (1 - s.alpha_bar[1:-1])  # of q(x_{t−1} | x_t, x_0), by Bayes' rule
    np.testing.assert_allclose(s.posterior_variance[2:], 1 / precision, rtol=1e-6)
    assert s.alpha_bar[-1] == get_schedule(name).alpha_bar[-1], "fewer steps end at the same noise"


@every_schedule
@pytest.mark.parametrize("spacing", SPACINGS)
def test_fewer_steps_keep_the_marginals(name, spacing):
    whole = get_schedule(name)
    few = whole.choose(20, spacing)
    np.testing.assert_array_equal(few.alpha_bar, whole.alpha_bar[few.times])
    again = few.choose(7, spacing)
    np.testing.assert_array_equal(again.alpha_bar, whole.alpha_bar[again.times])
    np.testing.assert_allclose(few.beta[1:], 1 - few.alpha_bar[1:] / few.alpha_bar[:-1], rtol=1e-12)


@pytest.mark.parametrize("t", [1, 300, 1000])
def test_the_first_steps_are_those_of_the_whole(t):
    whole = linear()
    first = whole.until(t)
    assert first.n_steps == t
    np.testing.assert_array_equal(first.alpha_bar, whole.alpha_bar[: t + 1])
    np.testing.assert_array_equal(first.choose(1).times, [0, t])
    few = whole.choose(20).until(7)
    np.testing.assert_array_equal(few.times, whole.choose(20).times[:8])


# --- Drawn by hand ------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=40), st.integers(2, 1000))
@settings(max_examples=200, deadline=None)
def test_any_curve_that_falls_becomes_a_schedule_and_any_other_a_sentence(values, n_steps):
    if values[-1] < min(values[0], 1):
        s = drawn(values, n_steps)
        assert s.n_steps == n_steps
        assert (np.diff(s.alpha_bar) < 0).all()
        assert s.alpha_bar[-1] > 0
    else:
        with pytest.raises(ValueError, match="does not fall"):
            drawn(values, n_steps)


def test_a_falling_curve_is_kept_as_it_was_drawn():
    values = np.linspace(1, 0.01, 101) ** 2
    np.testing.assert_allclose(drawn(values).alpha_bar[::10], values, atol=2e-4)
    mended = drawn([1, 0.2, 0.6, 0.1])
    assert np.ptp(mended.alpha_bar[334:667]) < 1e-4, "where it rose it stays"
    assert drawn([0.3, 0.2, 0.1]).alpha_bar[0] == 1


def test_a_curve_drawn_from_the_linear_schedule_is_the_linear_schedule():
    ours = drawn(linear().alpha_bar).alpha_bar
    np.testing.assert_allclose(ours, linear().alpha_bar, rtol=2e-4)


# --- Is x_T noise? ------------------------------------------------------------------------------------------


@every_schedule
def test_the_kl_equals_that_between_two_gaussians(name):
    mean, root = np.array([1.0, -2.0, 0.3]), np.random.default_rng(0).standard_normal((3, 3))
    covariance = root @ root.T
    s = get_schedule(name)
    for t in (1, 10, 300, 1000):
        m = s.signal[t] * mean
        c = s.alpha_bar[t] * covariance + (1 - s.alpha_bar[t]) * np.eye(3)
        expected = 0.5 * (np.trace(c) + m @ m - 3 - np.linalg.slogdet(c)[1])
        assert s.kl_to_noise(mean, covariance)[t] == pytest.approx(expected, rel=1e-6, abs=1e-12)


@every_schedule
@pytest.mark.parametrize("d", [1, 2, 7])
def test_the_bound_s_term_equals_the_mean_kl_of_torch(name, d):
    x_0 = np.random.default_rng(d).standard_normal((50, d)) * 1.7 + 0.4
    s = get_schedule(name)
    for t in (1, 300, 1000):
        ours = torch.distributions.Normal(torch.as_tensor(s.signal[t] * x_0), float(s.noise[t]))
        noise = torch.distributions.Normal(torch.zeros(x_0.shape, dtype=torch.float64), 1.0)
        expected = float(torch.distributions.kl_divergence(ours, noise).sum(dim=1).mean())
        assert s.prior_term(x_0)[t] == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert s.prior_term(x_0)[0] == np.inf
    assert (s.prior_term(x_0)[1:] >= s.kl_to_noise(x_0.mean(axis=0), np.cov(x_0.T, bias=True))[1:] - 1e-12).all()


@every_schedule
def test_noise_only_comes_nearer(name):
    kl = get_schedule(name).kl_to_noise([1.0, 2.0], [[0.5, 0.1], [0.1, 3.0]])
    assert (np.diff(kl) < 0).all()
    assert kl[-1] >= 0


def test_the_kl_at_its_ends():
    np.testing.assert_allclose(linear().kl_to_noise(), 0)  # N(0, 1) stays what it is
    assert linear().kl_to_noise(0.0, 0.0)[0] == np.inf  # a point has no width
    assert linear().kl_to_noise(2.0, 1.0)[0] == pytest.approx(2.0)
    assert 1e-5 < linear().kl_to_noise(1.0)[-1] < 1e-4
    assert 0 < cosine().kl_to_noise(1.0)[-1] < 1e-8


# --- What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: get_schedule("quadratic"), "choose one of linear, cosine, sigmoid"),
        (lambda: get_schedule("linear", 1), "whole number from 2 to 1000"),
        (lambda: get_schedule("linear", 1001), "whole number from 2 to 1000"),
        (lambda: linear(10.0), "whole number"),
        (lambda: linear().choose(1001), "from 1 to 1000"),
        (lambda: linear(20).choose(0), "from 1 to 20"),
        (lambda: linear().choose(5, "karras"), "choose one of trailing"),
        (lambda: linear().until(0), "from 1 to 1000"),
        (lambda: linear(20).until(21), "from 1 to 20"),
        (lambda: linear(first=0.5, last=0.1), "first ≤ last"),
        (lambda: cosine(most=1), "offset"),
        (lambda: sigmoid(start=2, end=1), "start < end"),
        (lambda: drawn([0.1, 0.9]), "draw it from 1 at the left"),
        (lambda: drawn([1.0, 1.0]), "does not fall"),
        (lambda: drawn([1.0]), "two finite values"),
        (lambda: drawn([1.0, np.nan]), "two finite values"),
        (lambda: Schedule([0.9, 0.5]), "start at 1"),
        (lambda: Schedule([1.0, 0.5, 0.5]), "fall at each step"),
        (lambda: Schedule([1.0, 0.5, 0.0]), "stay above 0"),
        (lambda: Schedule([1.0]), r"T \+ 1 numbers"),
        (lambda: Schedule([1.0, 0.5], [0, 0]), "rising"),
        (lambda: linear().kl_to_noise([1.0, 2.0], 1.0), r"covariance \(D, D\)"),
        (lambda: linear().kl_to_noise([1.0, 2.0], [[1, 2], [2, 1]]), "positive semi-definite"),
    ],
)
def test_bad_input_is_told_in_a_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_nothing_can_be_changed():
    s = linear(10)
    for name in ("alpha_bar", "times", "alpha", "beta", "signal", "noise", "snr", "log_snr", "posterior_variance"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(s, name)[0] = 5


def test_numpy_is_all_it_needs():
    code = f"import sys, {schedules.__name__}; print({{'torch', 'scipy', 'sklearn'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
