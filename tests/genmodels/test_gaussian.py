"""The Gaussian against torch.distributions, numpy, and what must hold for every one."""

import itertools

import numpy as np
import pytest
import torch

from genmodels.gaussian import (
    AscentConfig,
    FitConfig,
    Gaussian,
    TransportConfig,
    covariance_matrix,
    fit_gaussian,
    fit_prefixes,
    iterate_ascent,
    iterate_fit,
    iterate_transport,
    log_densities,
    transport_gaussian,
)

LECTURE = np.array([[5.0, 1.5], [1.5, 1.0]])


def random_gaussian(dimensions: int, seed: int) -> Gaussian:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((dimensions, dimensions))
    return Gaussian(rng.standard_normal(dimensions), root @ root.T + 0.3 * np.eye(dimensions))


def as_torch(gaussian: Gaussian) -> torch.distributions.MultivariateNormal:
    return torch.distributions.MultivariateNormal(torch.tensor(gaussian.mean), torch.tensor(gaussian.covariance))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_log_prob_entropy_and_kl_agree_with_torch(dimensions, seed):
    p, q = random_gaussian(dimensions, seed), random_gaussian(dimensions, seed + 100)
    x = np.random.default_rng(seed).standard_normal((50, dimensions)) * 3
    np.testing.assert_allclose(p.log_prob(x), as_torch(p).log_prob(torch.tensor(x)).numpy(), rtol=0, atol=1e-10)
    assert p.entropy() == pytest.approx(as_torch(p).entropy().item(), abs=1e-10)
    expected = torch.distributions.kl_divergence(as_torch(p), as_torch(q)).item()
    assert p.kl_divergence(q) == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert p.kl_divergence(p) == pytest.approx(0, abs=1e-10)


def test_cross_entropy_needs_only_moments():
    """For a p that is no Gaussian: two points at ±1, whose E_p[−log q] is the mean of two values."""
    q = Gaussian(np.array([0.3, -0.2]), LECTURE)
    points = np.array([[1.0, 0.5], [-1.0, -0.5]])
    expected = -q.log_prob(points).mean()
    assert q.cross_entropy(points.mean(0), np.cov(points.T, bias=True)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_moments_of_samples(seed):
    gaussian, n = Gaussian(np.array([1.0, -2.0]), LECTURE), 100_000
    x = gaussian.sample(n, np.random.default_rng(seed))
    assert (np.abs(x.mean(0) - gaussian.mean) < 4 * np.sqrt(LECTURE.diagonal() / n)).all()
    spread = np.sqrt((LECTURE**2 + np.outer(LECTURE.diagonal(), LECTURE.diagonal())) / n)
    assert (np.abs(np.cov(x.T, bias=True) - LECTURE) < 4 * spread).all()


@pytest.mark.parametrize("dimensions", [1, 2, 4])
def test_fit_agrees_with_numpy(dimensions):
    x = 100 + random_gaussian(dimensions, 3).sample(500, np.random.default_rng(0))
    for state in iterate_fit(x):
        if state.step > dimensions:
            seen = x[: state.step]
            np.testing.assert_allclose(state.mean, seen.mean(0), rtol=0, atol=1e-10)
            np.testing.assert_allclose(
                state.covariance,
                np.cov(seen.T, bias=True).reshape(dimensions, dimensions),
                rtol=0,
                atol=1e-10,
            )
            assert state.log_likelihood == pytest.approx(state.gaussian.log_prob(seen).mean(), abs=1e-8)


@pytest.mark.parametrize("scales", [(1, 1), (1e-9, 1e9), (1e9, 1e-9), (3e-7, 1e-7), (1e9, 1e9), (0.01, 1e5)])
def test_what_is_singular_does_not_depend_on_units(scales):
    """Other units: the same answer, and a log-likelihood that differs by the log of the scales."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((40, 2)) @ np.array([[1.0, 0.4], [0.0, 0.7]])
    here, there = fit_gaussian(x), fit_gaussian(x * scales)
    assert not there.singular
    assert there.log_likelihood == pytest.approx(here.log_likelihood - np.log(scales).sum(), abs=1e-9)
    Gaussian(there.mean, there.covariance)
    line = np.stack([x[:, 0], 2 * x[:, 0]], axis=1) * scales
    assert fit_gaussian(line).singular
    with pytest.raises(ValueError, match="not positive definite"):
        Gaussian(np.zeros(2), np.cov(line.T))


def test_few_points_are_singular_not_an_error():
    states = list(iterate_fit(np.random.default_rng(0).standard_normal((5, 2))))
    assert [s.singular for s in states] == [True, True, True, False, False, False]
    assert np.isnan(states[0].log_likelihood)
    assert np.isinf(states[2].log_likelihood)
    assert fit_gaussian(np.ones((10, 2))).singular


def test_the_fit_is_the_most_likely_gaussian():
    x = Gaussian(np.zeros(2), LECTURE).sample(40, np.random.default_rng(1))
    best = fit_gaussian(x).gaussian
    rng = np.random.default_rng(2)
    for _ in range(50):
        bump = 0.1 * rng.standard_normal((2, 2))
        other = Gaussian(best.mean + 0.1 * rng.standard_normal(2), best.covariance + bump @ bump.T)
        assert other.log_prob(x).sum() < best.log_prob(x).sum()


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_ascent_never_falls_and_reaches_the_maximum(dimensions):
    x = random_gaussian(dimensions, 5).sample(30, np.random.default_rng(0))
    start = random_gaussian(dimensions, 9)
    states = list(iterate_ascent(x, AscentConfig(start, rate=0.2, n_steps=100)))
    likelihood = np.array([s.log_likelihood for s in states])
    assert (np.diff(likelihood) > -1e-12).all()
    assert states[0].log_likelihood == pytest.approx(start.log_prob(x).mean(), abs=1e-10)
    assert likelihood[-1] == pytest.approx(fit_gaussian(x).log_likelihood, abs=1e-8)
    at_once = list(iterate_ascent(x, AscentConfig(start, rate=1, n_steps=1)))[-1]
    np.testing.assert_allclose(at_once.covariance, fit_gaussian(x).covariance, atol=1e-12)


def test_many_densities_at_once_agree_with_one_after_the_other():
    gaussians = [random_gaussian(3, seed) for seed in range(4)]
    x = np.random.default_rng(0).standard_normal((7, 3))
    at_once = log_densities(np.array([g.mean for g in gaussians]), np.array([g.covariance for g in gaussians]), x)
    np.testing.assert_allclose(at_once, [g.log_prob(x) for g in gaussians], atol=1e-10)


def test_prefixes_agree_with_one_fit_each():
    x = 50 + np.random.default_rng(0).standard_normal((3, 200, 2))
    sizes = np.array([1, 2, 7, 200])
    means, covariances = fit_prefixes(x, sizes)
    for r, s in itertools.product(range(3), range(4)):
        state = fit_gaussian(x[r, : sizes[s]])
        np.testing.assert_allclose(means[r, s], state.mean, atol=1e-10)
        np.testing.assert_allclose(covariances[r, s], state.covariance, atol=1e-10)


def test_transport_ends_at_the_gaussian_and_the_slip_does_not():
    gaussian = Gaussian(np.array([1.0, 2.0]), LECTURE)
    right = transport_gaussian(gaussian, TransportConfig("L", 7))
    np.testing.assert_allclose(right.matrix @ right.matrix.T, LECTURE, atol=1e-12)
    np.testing.assert_allclose(right.offset, gaussian.mean)
    slip = transport_gaussian(gaussian, TransportConfig("LT", 7)).matrix
    np.testing.assert_allclose(slip @ slip.T, [[5.45, 0.4975], [0.4975, 0.55]], atol=5e-5)
    assert np.linalg.det(slip) == pytest.approx(np.linalg.det(right.matrix))


def test_transport_scales_then_shears_then_shifts():
    states = list(iterate_transport(Gaussian(np.array([1.0, 2.0]), LECTURE), TransportConfig("L", 4)))
    assert [s.phase for s in states] == ["start"] + ["scale"] * 4 + ["shear"] * 4 + ["shift"] * 4
    np.testing.assert_allclose(states[4].matrix, np.diag(np.linalg.cholesky(LECTURE).diagonal()))
    assert all((s.offset == 0).all() for s in states[:9])
    z = np.random.default_rng(0).standard_normal((5, 2))
    np.testing.assert_allclose(states[0].apply(z), z)


def test_covariance_that_is_not_positive_definite_is_named():
    with pytest.raises(ValueError, match=r"smallest eigenvalue is -1"):
        Gaussian(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(ValueError, match="not symmetric"):
        Gaussian(np.zeros(2), np.array([[1.0, 0.2], [0.1, 1.0]]))
    with pytest.raises(ValueError, match="shape"):
        Gaussian(np.zeros(3), np.eye(2))
    with pytest.raises(ValueError, match="NaN"):
        Gaussian(np.array([0.0, np.nan]), np.eye(2))
    assert Gaussian(np.zeros(2), covariance_matrix(4, 0.1, 0.99)).log_det < 0


@pytest.mark.parametrize(
    ("bad", "say"),
    [(np.zeros(3), "shape"), (np.array([[1.0, np.nan]]), "Row 0"), (np.zeros((2, 0)), "shape")],
)
def test_bad_data_are_refused_in_a_sentence(bad, say):
    with pytest.raises(ValueError, match=say):
        list(iterate_fit(bad))


def test_bad_configs_are_refused():
    with pytest.raises(ValueError, match="max_points"):
        FitConfig(-1)
    with pytest.raises(ValueError, match="factor"):
        TransportConfig("U")
    with pytest.raises(ValueError, match="steps_per_phase"):
        TransportConfig("L", 0)


POINTS = np.random.default_rng(0).normal(size=(30, 2))
START = Gaussian(np.ones(2), np.eye(2))
CONTRACT = [
    ("fit", 30, lambda: iterate_fit(POINTS)),
    ("fit, first 10", 10, lambda: iterate_fit(POINTS, FitConfig(10))),
    ("ascent", 12, lambda: iterate_ascent(POINTS, AscentConfig(START, n_steps=12))),
    ("transport", 15, lambda: iterate_transport(START, TransportConfig("L", 5))),
]
