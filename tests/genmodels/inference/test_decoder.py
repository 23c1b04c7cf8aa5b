"""The stored decoder in numpy against torch: likelihood, slope, encoder; and the amortisation gap."""

import numpy as np
import pytest
import torch

from genmodels.data.digits import load_binarised_mnist
from genmodels.inference.amortised import compare
from genmodels.inference.ascent import AscentConfig, fit_posterior
from genmodels.inference.bounds import GaussianQ, elbo, kl_to_posterior
from genmodels.inference.decoder import VAEModel
from genmodels.inference.exact import posterior
from genmodels.inference.importance import estimate, log_weights
from genmodels.inference.kinds import KINDS, pictures, share_below
from genmodels.nn.layers import initialise, seeded
from genmodels.vae.model import VAEConfig

torch.set_num_threads(1)
CONFIG = VAEConfig(n_features=9, n_latents=2, hidden=(7, 5), activation="silu")


def small(scale: float = 1.5) -> tuple[torch.nn.Module, VAEModel]:
    """A little network, and the same in numpy."""
    network = initialise(CONFIG.network(), seeded(0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= scale
    arrays = {name: p.detach().numpy() for name, p in network.named_parameters()}
    return network.double(), VAEModel(arrays, CONFIG.activation)


NETWORK, MODEL = small()
X = (np.random.default_rng(0).random((6, 9)) < 0.4).astype(float)


def test_likelihood_and_slope_equal_torchs():
    z = torch.tensor(np.random.default_rng(1).normal(size=(6, 2)), requires_grad=True)
    log_p = NETWORK.log_prob(NETWORK.decode(z), torch.tensor(X))
    joint = log_p - 0.5 * (z.square().sum(1) + 2 * np.log(2 * np.pi))
    joint.sum().backward()
    points = z.detach().numpy()
    np.testing.assert_allclose(MODEL.log_likelihood(X, points), log_p.detach(), atol=1e-12)
    value, slope = MODEL.value_and_gradient(X, points)
    np.testing.assert_allclose(value, joint.detach(), atol=1e-12)
    np.testing.assert_allclose(slope, z.grad, atol=1e-12)
    np.testing.assert_allclose(MODEL.table(X, points).diagonal(), log_p.detach(), atol=1e-12)
    np.testing.assert_allclose(MODEL.decode(points), NETWORK.mean(z).detach(), atol=1e-12)
    np.testing.assert_allclose(MODEL.survey(X[0], points), MODEL.log_joint(X[0], points), atol=1e-4)
    np.testing.assert_allclose(MODEL.survey(X[1], points), MODEL.log_joint(X[1], points), atol=1e-4)


def test_the_encoders_q_equals_torchs():
    mu, log_var = NETWORK.encode(torch.tensor(X))
    mean, sigma = MODEL.encode(X)
    np.testing.assert_allclose(mean, mu.detach(), atol=1e-12)
    np.testing.assert_allclose(sigma, (0.5 * log_var).exp().detach(), atol=1e-12)
    q = MODEL.encoder_q(X[2])
    np.testing.assert_allclose(q.mean, mean[2])
    np.testing.assert_allclose(q.sigma, sigma[2])


def test_bound_and_gap_add_up_under_a_network_too():
    for x in X[:3]:
        exact = posterior(MODEL, x)
        for q in (MODEL.encoder_q(x), GaussianQ([0.3, -0.2], [[0.2, 0.0], [0.1, 0.4]])):
            bound = elbo(MODEL, x, q, order=30)
            assert bound.total + kl_to_posterior(q, exact) == pytest.approx(exact.log_evidence, abs=1e-6)


def test_all_pictures_together_have_the_probability_one():
    """512 pictures of nine pixels: the exact p(x) adds up."""
    every = ((np.arange(512)[:, None] >> np.arange(9)) & 1).astype(float)
    total = sum(np.exp(posterior(MODEL, x, box=[(-7, 7), (-7, 7)], cells=60).log_evidence) for x in every)
    assert total == pytest.approx(1, abs=1e-6)


def test_the_prior_estimates_what_quadrature_says():
    log_w = log_weights(MODEL, X[0], "prior", 100_000, np.random.default_rng(0))
    w = np.exp(log_w - posterior(MODEL, X[0]).log_evidence)
    assert abs(w.mean() - 1) < 3 * w.std() / np.sqrt(len(w))
    assert estimate(log_w).ess[-1] > 1000


def test_each_bound_is_above_the_one_that_may_less():
    found = compare(MODEL, X)
    assert (found.log_evidence >= found.full - 1e-6).all()
    assert (found.full >= found.diagonal - 1e-6).all()
    assert (found.diagonal >= found.encoder - 1e-6).all()
    assert (found.amortisation_gap > 0.01).any()
    for i in range(2):
        q = GaussianQ.diagonal(found.mean[i], found.sigma[i])
        assert elbo(MODEL, X[i], q).total == pytest.approx(found.diagonal[i], abs=1e-3)
        alone = fit_posterior(MODEL, X[i], AscentConfig(start=MODEL.encoder_q(X[i]), family="diagonal", rate=1.0))
        assert alone.elbo <= found.diagonal[i] + 1e-3


def test_float32_is_as_right_as_it_says():
    arrays = {name: p.detach().numpy() for name, p in NETWORK.float().named_parameters()}
    NETWORK.double()
    fast, z = VAEModel(arrays, "silu", np.float32), np.random.default_rng(1).normal(size=(50, 2))
    np.testing.assert_allclose(fast.log_joint(X[0], z), MODEL.log_joint(X[0], z), atol=fast.rounding)
    assert posterior(fast, X[0]).log_evidence == pytest.approx(posterior(MODEL, X[0]).log_evidence, abs=1e-3)


def test_what_it_is_not_made_for_is_said():
    gaussian = VAEConfig(n_features=9, hidden=(3,), decoder="gaussian").network()
    with pytest.raises(ValueError, match="Bernoulli VAE"):
        VAEModel({name: p.detach().numpy() for name, p in gaussian.named_parameters()})
    with pytest.raises(ValueError, match="binarise"):
        MODEL.encode(np.full((1, 9), 0.5))


def test_kinds_are_what_they_say():
    ours = load_binarised_mnist().test.images[:20].reshape(20, 784)
    np.testing.assert_array_equal(pictures("ours", 20), ours)
    np.testing.assert_array_equal(pictures("turned", 20).reshape(20, 28, 28), ours.reshape(20, 28, 28)[:, ::-1, ::-1])
    np.testing.assert_array_equal(pictures("inverted", 20) + ours, 1)
    assert pictures("noise", 20).mean() == pytest.approx(0.5, abs=0.02)
    grey = pictures("constant", 11).mean(axis=1)
    np.testing.assert_allclose(grey, np.linspace(0, 1, 11) ** 2, atol=0.06)
    for bar in pictures("bars", 20).reshape(20, 28, 28):
        rows, columns = np.flatnonzero(bar.any(axis=1)), np.flatnonzero(bar.any(axis=0))
        assert bar.sum() == len(rows) * len(columns)
        assert len(rows) > len(columns)
    assert all(np.array_equal(pictures(kind, 9), pictures(kind, 9)) for kind in KINDS)
    assert share_below(np.array([1.0, 2.0]), np.array([1.0, 1.5])) == (0.5 + 0 + 1 + 1) / 4
    with pytest.raises(ValueError, match="500 or less"):
        pictures("turned", 501)
    with pytest.raises(ValueError, match="ours, turned"):
        pictures("letters", 5)
