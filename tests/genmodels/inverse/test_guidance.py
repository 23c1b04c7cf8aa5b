"""Guided samplers: gradients by differences, the exact one against the exact posterior, and what the others miss."""

import numpy as np
import pytest

from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.diffusion.exact import ExactMixtureDenoiser, ExactPointsDenoiser
from genmodels.diffusion.sampler import ReverseConfig, convert, sample_reverse
from genmodels.diffusion.schedules import linear
from genmodels.inverse.exact import condition
from genmodels.inverse.guidance import (
    GuidedConfig,
    exact_guidance,
    iterate_guided,
    misfit_gradient,
    posterior_denoiser,
    sample_guided,
)
from genmodels.inverse.measurement import Mask
from genmodels.inverse.metrics import data_consistency, lump_weights, weight_gap
from genmodels.metrics import between_true, energy_distance
from genmodels.mixture import GaussianMixture
from tests.genmodels.inverse.shared import LINE, MIXTURE, Y, gaussian
from tests.genmodels.nn.test_waves import WAVES
from tests.genmodels.nn.test_waves import arrays as network_arrays

PRIOR, SCHEDULE = ExactMixtureDenoiser(MIXTURE, "x0"), linear()
x_T = np.random.default_rng(1).standard_normal((1000, 2))


def run(n: int = 1000, **config):
    return sample_guided(PRIOR, x_T[:n], SCHEDULE, LINE, Y, GuidedConfig(**config), np.random.default_rng(2))


CONTRACT = [
    (
        f"guided-{method}",
        8,
        lambda method=method: iterate_guided(
            PRIOR, x_T[:5], SCHEDULE, LINE, Y, GuidedConfig(method, 8, repeats=2), np.random.default_rng(0)
        ),
    )
    for method in ("replacement", "dps", "exact")
]


def log_p_of_y(x_t, alpha_bar):
    """log Σ_k p(k | x_t) N(y; A E[x_0 | x_t, k], A Cov[x_0 | x_t, k] Aᵀ + σ²), by precisions."""
    total, evidence = 0.0, 0.0
    for weight, mean, covariance in zip(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances, strict=True):
        spread = alpha_bar * covariance + (1 - alpha_bar) * np.eye(2)
        here = weight * gaussian(x_t, np.sqrt(alpha_bar) * mean, spread)
        precision = np.linalg.inv(covariance) + alpha_bar / (1 - alpha_bar) * np.eye(2)
        left = np.linalg.inv(precision)
        centre = (np.linalg.solve(covariance, mean) + np.sqrt(alpha_bar) / (1 - alpha_bar) * x_t) @ left
        variance = LINE.matrix @ left @ LINE.matrix.T + LINE.sigma**2
        likely = gaussian(centre @ LINE.matrix.T, Y, variance)
        total, evidence = total + here * likely, evidence + here
    return np.log(total / evidence)


def gradient(function, x, h=1e-5):
    steps = h * np.eye(2)
    return np.stack([(function(x + s) - function(x - s)) / (2 * h) for s in steps], axis=1)


@pytest.mark.parametrize("alpha_bar", [0.02, 0.3, 0.8, 0.98])
def test_exact_guidance_is_the_gradient_of_the_likelihood_of_the_noisy(alpha_bar):
    x = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    expected = gradient(lambda x: log_p_of_y(x, alpha_bar), x)
    assert exact_guidance(PRIOR, LINE, Y, x, alpha_bar) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("alpha_bar", [0.02, 0.3, 0.8, 0.98])
@pytest.mark.parametrize("kind", ["mixture", "points", "no closed form"])
def test_the_gradient_of_what_is_missed_is_that_of_differences(alpha_bar, kind):
    points = ExactPointsDenoiser(np.random.default_rng(3).uniform(-2, 2, (40, 2)))
    denoiser = {"mixture": PRIOR, "points": points, "no closed form": Only(PRIOR)}[kind]
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    expected = gradient(lambda x: np.square(Y - LINE.apply(denoiser(x, alpha_bar))).sum(axis=1), x)
    found = misfit_gradient(denoiser, x, alpha_bar, denoiser(x, alpha_bar), LINE, Y)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("prediction", ["v", "eps", "x0"])
def test_a_network_has_the_gradient_of_what_it_misses_itself(prediction):
    """Of pixels, some of them seen, by differences; its Jacobian is not symmetric."""
    config = DenoiserConfig(hidden=(16, 12), activation="silu", x_waves=0, t_waves=WAVES, prediction=prediction)
    network = ForwardDenoiser(network_arrays(0, 0), config, np.float64)
    rng, seen, alpha_bar = np.random.default_rng(4), Mask(0.0, np.array([True, False, True, True, False])), 0.4
    x, y = rng.standard_normal((6, 5)), rng.standard_normal(3)

    def x0(x):
        return convert(network(x, alpha_bar), prediction, "x0", x, alpha_bar)

    steps = 1e-5 * np.eye(5)
    missed = [[np.square(y - seen.apply(x0(x + s))).sum(axis=1) for s in (step, -step)] for step in steps]
    expected = np.stack([(up - down) / 2e-5 for up, down in missed], axis=1)
    assert misfit_gradient(network, x, alpha_bar, x0(x), seen, y) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_repainting_brings_the_mean_nearer_to_the_posterior_s():
    """One of two correlated numbers is seen exactly: the other is N(ρ y, 1 − ρ²)."""
    rho, y = 0.9, 1.5
    gaussian = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.array([[[1, rho], [rho, 1]]]))
    denoiser, noise = ExactMixtureDenoiser(gaussian, "x0"), np.random.default_rng(5).standard_normal((4000, 2))

    def off(repeats):
        config = GuidedConfig("replacement", 30, repeats=repeats)
        rng = np.random.default_rng(6)
        x = sample_guided(denoiser, noise, SCHEDULE, Mask(0.0, [True, False]), np.array([y]), config, rng)
        assert x[:, 0] == pytest.approx(np.full(4000, y))
        return abs(x[:, 1].mean() - rho * y)

    assert off(1) > 0.4
    assert off(20) < 0.1


class Only:
    """A denoiser of which nothing is known but what it says."""

    prediction = "x0"

    def __init__(self, denoiser) -> None:
        self.denoiser = denoiser

    def __call__(self, x_t, alpha_bar, y=None):
        return self.denoiser(x_t, alpha_bar)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_without_strength_it_is_the_prior_s_own_sampler(eta):
    plain = ReverseConfig("ddim", 20, eta=eta)
    expected = sample_reverse(PRIOR, x_T[:50], SCHEDULE, plain, np.random.default_rng(2))
    assert run(50, method="dps", n_steps=20, eta=eta, strength=0.0) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_exact_sampler_is_the_posterior_s_own(eta):
    posterior = posterior_denoiser(PRIOR, LINE, Y)
    plain = ReverseConfig("ddim", 20, eta=eta)
    expected = sample_reverse(posterior, x_T[:50], SCHEDULE, plain, np.random.default_rng(2))
    assert run(50, method="exact", n_steps=20, eta=eta) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_exact_sampler_samples_the_posterior(eta):
    """As near to it as its own samples are, and with their weights up to 3 s.e.; in 200 steps."""
    posterior = condition(MIXTURE, LINE, Y)
    x = run(method="exact", n_steps=200, eta=eta)
    apart = between_true(
        energy_distance, lambda n, rng: posterior.sample(n, rng)[0], 1000, 10, np.random.default_rng(0)
    )
    truth = posterior.sample(1000, np.random.default_rng(9))[0]
    assert energy_distance(x, truth) < apart.mean + 4 * apart.deviation
    shares = MIXTURE.responsibilities(x)
    error = shares.std(axis=0) / np.sqrt(len(x))
    assert (np.abs(shares.mean(axis=0) - posterior.weights) < 3 * error + 1e-3).all()


@pytest.mark.parametrize(
    ("config", "least"),
    [
        ({"method": "dps", "strength": 0.1}, 0.2),
        ({"method": "dps", "strength": 0.3}, 0.2),
        ({"method": "dps", "strength": 1.0}, 0.1),
        ({"method": "dps", "strength": 0.1, "normalised": True}, 0.2),
        ({"method": "replacement"}, 0.3),
        ({"method": "replacement", "repeats": 5}, 0.25),
    ],
)
def test_the_common_ones_do_not(config, least):
    """Also in many steps: it is no error of discretisation."""
    posterior = condition(MIXTURE, LINE, Y)
    for n_steps in (50, 200):
        gap = weight_gap(lump_weights(MIXTURE, run(n_steps=n_steps, **config)), posterior.weights)
        assert gap > least


def test_replacement_takes_the_measurement_for_exact():
    for config in ({}, {"eta": 0.0}, {"repeats": 3}):
        assert data_consistency(LINE, run(100, method="replacement", n_steps=20, **config), Y).max() < 1e-9


def test_a_step_of_dps_by_hand():
    states = list(iterate_guided(PRIOR, x_T[:6], SCHEDULE, LINE, Y, GuidedConfig("dps", 4, 0.0, strength=0.3), None))
    now, after = states[1], states[2]
    before = after.alpha_bar
    eps = (now.x_t - np.sqrt(now.alpha_bar) * now.x0_hat) / np.sqrt(1 - now.alpha_bar)
    plain = np.sqrt(before) * now.x0_hat + np.sqrt(1 - before) * eps
    down = gradient(lambda x: np.square(Y - LINE.apply(PRIOR(x, now.alpha_bar))).sum(axis=1), now.x_t)
    assert after.x_t == pytest.approx(plain - 0.3 * down, abs=1e-5)


def test_each_row_may_have_a_measurement_of_its_own():
    y = np.linspace(-1, 1, 10)[:, None]
    x = sample_guided(
        PRIOR,
        x_T[:10],
        SCHEDULE,
        Mask(0.1, [True, False]),
        y,
        GuidedConfig("replacement", 20),
        np.random.default_rng(0),
    )
    assert x[:, 0] == pytest.approx(y[:, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: GuidedConfig("best"), "method"),
        (lambda: GuidedConfig(eta=2.0), "eta"),
        (lambda: GuidedConfig(strength=-1.0), "strength"),
        (lambda: GuidedConfig(repeats=0), "repeats"),
        (lambda: sample_guided(PRIOR, x_T, SCHEDULE, LINE, Y), "rng"),
        (lambda: sample_guided(Only(PRIOR), x_T, SCHEDULE, LINE, Y, GuidedConfig("exact", eta=0.0)), "mixture"),
    ],
)
def test_what_cannot_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
