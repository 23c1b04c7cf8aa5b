"""Exact answers for round Gaussians of one width."""

import numpy as np
import pytest

from genmodels.data.planar import DATASETS, get_dataset
from genmodels.diffusion import sampler
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.schedules import get_schedule
from genmodels.flow_matching.exact import ExactMixtureVelocity
from genmodels.flow_matching.mixtures import RoundDenoiser, RoundMixture, RoundVelocity, is_round
from genmodels.flow_matching.ode import log_likelihood
from genmodels.flow_matching.roads import two_roads
from genmodels.mixture import GaussianMixture

ROUND = [name for name in DATASETS if is_round(get_dataset(name))]
SMALL = ["ffjord8", "moons"]


def general(mixture: RoundMixture) -> GaussianMixture:
    k, d = mixture.centres.shape
    return GaussianMixture(mixture.weights, mixture.centres, np.broadcast_to(mixture.variance * np.eye(d), (k, d, d)))


def places(n: int = 60) -> np.ndarray:
    return 1.5 * np.random.default_rng(3).standard_normal((n, 2))


@pytest.mark.parametrize("t", [0.0, 1e-6, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("name", SMALL)
def test_the_velocity_is_that_of_the_general_mixture(name, t):
    mixture = RoundMixture.of(get_dataset(name))
    fast, slow, x = RoundVelocity(mixture), ExactMixtureVelocity(general(mixture)), places()
    for got, want in zip(fast.divergence(x, t), slow.divergence(x, t), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fast(x, t), slow(x, t), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fast.log_prob(x, t), slow.log_prob(x, t), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("alpha_bar", [1e-6, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("name", SMALL)
def test_the_denoiser_is_that_of_the_general_mixture(name, alpha_bar):
    mixture = RoundMixture.of(get_dataset(name))
    fast, slow, x = RoundDenoiser(mixture), ExactMixtureDenoiser(general(mixture), "v"), places()
    np.testing.assert_allclose(fast(x, alpha_bar), slow(x, alpha_bar), rtol=1e-8, atol=1e-8)
    for got, want in zip(fast.divergence(x, alpha_bar), slow.divergence(x, alpha_bar), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_at_pure_noise_the_denoiser_points_at_the_mean():
    mixture, x = RoundMixture.of(get_dataset("moons")), places()
    v, trace = RoundDenoiser(mixture).divergence(x, 0.0)
    mean = mixture.weights @ mixture.centres
    np.testing.assert_allclose(v, np.broadcast_to(-mean, x.shape), atol=1e-12)
    np.testing.assert_allclose(trace, 0, atol=1e-12)


@pytest.mark.parametrize("name", ROUND)
def test_its_density_is_the_data_s(name):
    dataset = get_dataset(name)
    x = dataset.standardise(dataset.sample(100, np.random.default_rng(1)))
    want = dataset.log_prob(dataset.unstandardise(x)) + 2 * np.log(dataset.scale)
    np.testing.assert_allclose(RoundMixture.of(dataset).log_prob(x), want, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_both_odes_tell_the_density(name):
    dataset = get_dataset(name)
    mixture = RoundMixture.of(dataset)
    x = dataset.standardise(dataset.sample(200, np.random.default_rng(2)))
    by_matching = log_likelihood(RoundVelocity(mixture), x, 50)
    by_diffusion = sampler.log_likelihood(RoundDenoiser(mixture), x, get_schedule("cosine"), 50)
    np.testing.assert_allclose(by_matching, mixture.log_prob(x), atol=0.01)
    np.testing.assert_allclose(by_diffusion, mixture.log_prob(x), atol=0.01)


@pytest.mark.parametrize("name", SMALL)
def test_both_roads_end_in_one_place(name):
    mixture = RoundMixture.of(get_dataset(name))
    x = np.random.default_rng(5).standard_normal((100, 2))
    roads = two_roads(RoundVelocity(mixture), RoundDenoiser(mixture), x, get_schedule("cosine"), 50)
    assert np.abs(roads.matching[-1] - roads.diffusion[-1]).max() < 1e-3
    assert np.linalg.norm(roads.matching - roads.diffusion, axis=2).mean(axis=1).max() > 0.2


def test_points_with_a_width():
    mixture = RoundMixture([[0.0, 0.0], [3.0, 0.0]], None, 0.01)
    assert mixture.log_prob(np.zeros((1, 2)))[0] == pytest.approx(-np.log(2 * 2 * np.pi * 0.01))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="checkerboard is no mixture of round Gaussians; give points"):
        RoundMixture.of(get_dataset("checkerboard"))
    with pytest.raises(ValueError, match="variance is 0"):
        RoundMixture([[0.0, 0.0]], None, 0)
    with pytest.raises(ValueError, match="no centres"):
        RoundMixture(np.zeros((0, 2)), None, 1)
    with pytest.raises(ValueError, match="sum to 1"):
        RoundMixture([[0.0, 0.0]], [0.5], 1)
    with pytest.raises(ValueError, match="give a time from 0"):
        RoundVelocity(RoundMixture([[0.0, 0.0]], None, 1))(np.zeros((1, 2)), 1.5)
