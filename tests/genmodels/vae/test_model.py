"""The VAE against probabilistic PCA, quadrature, torch.distributions and finite differences."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from torch import distributions as dist

from genmodels.gaussian import Gaussian
from genmodels.nn.layers import initialise, seeded
from genmodels.nn.training import minibatch
from genmodels.states import DivergedError
from genmodels.vae import model as vae
from genmodels.vae.model import VAEConfig, elbo, fit_vae, iterate_vae, kl_divergence, log_likelihood, sample_vae

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower
DIGITS = load_digits()
INK = (DIGITS.data > 7).astype(np.float32)
GREY = DIGITS.data / 16
SMALL = {"n_features": 6, "hidden": (5,), "n_latents": 3}


def model_of(config: VAEConfig, seed: int = 0, scale: float = 1.0) -> vae.VAE:
    model = initialise(config.network(), seeded(seed)).double()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter *= scale
    return model


def some_x(config: VAEConfig, n: int, seed: int = 0) -> torch.Tensor:
    u = torch.rand(n, config.n_features, generator=seeded(seed), dtype=torch.float64)
    return u.round() if config.decoder == "bernoulli" else u


def within(values: np.ndarray, expected: float, n_errors: float = 3.5, relative: float | None = None) -> None:
    """The mean of independent values equals what is expected, within their standard error, which is small."""
    error = values.std(ddof=1) / math.sqrt(len(values))
    if relative is not None:
        assert error < relative * abs(expected), "the test has no power"
    assert abs(values.mean() - expected) < n_errors * error


# --- Terms --------------------------------------------------------------------------------------------------


def test_the_kl_equals_torchs():
    mu = 2 * torch.randn(50, 4, generator=seeded(0), dtype=torch.float64)
    log_var = 3 * torch.randn(50, 4, generator=seeded(1), dtype=torch.float64)
    expected = dist.kl_divergence(dist.Normal(mu, (0.5 * log_var).exp()), dist.Normal(0.0, 1.0))
    torch.testing.assert_close(kl_divergence(mu, log_var), expected, rtol=1e-6, atol=1e-6)


def test_the_kl_is_never_negative_even_next_to_the_prior_in_float32():
    log_var = torch.linspace(-1e-3, 1e-3, 2001)
    assert kl_divergence(torch.zeros(2001), log_var).min() >= -1e-10


@pytest.mark.parametrize("decoder", vae.DECODERS)
def test_the_decoders_log_likelihood_equals_torchs(decoder):
    config = VAEConfig(**SMALL, decoder=decoder, noise=0.3)
    model, x = model_of(config, scale=5), some_x(config, 9)
    a = model.decode(torch.randn(9, 3, generator=seeded(0), dtype=torch.float64))
    p = dist.Bernoulli(logits=a) if decoder == "bernoulli" else dist.Normal(a, 0.3)
    torch.testing.assert_close(model.log_prob(a, x), p.log_prob(x).sum(1), rtol=1e-6, atol=1e-6)


def test_one_noise_is_learned_or_held():
    for learn in (False, True):
        config = VAEConfig(
            64, decoder="gaussian", noise=0.5, learn_noise=learn, n_steps=200, learning_rate=5e-3, every=200
        )
        noise = fit_vae(GREY, config).forward().noise
        assert noise < 0.45 if learn else noise == pytest.approx(0.5, abs=1e-7)


# --- Linear: probabilistic PCA ------------------------------------------------------------------------------

W = torch.tensor([[1.0, 0.3], [-0.5, 0.8], [0.2, 0.4], [0.9, -0.6], [0.0, 1.1]], dtype=torch.float64)
B = torch.tensor([0.5, 0.0, -0.3, 0.2, 0.1], dtype=torch.float64)
SIGMA = 0.7


def ppca(orthogonal: bool, off: float = 0.0) -> tuple[vae.VAE, Gaussian]:
    """A linear VAE whose encoder has the posterior's mean and, as far as a diagonal goes, its covariance.

    Orthogonal columns make that exact; ``off`` spoils the encoder's mean and variances.
    """
    w = W if not orthogonal else torch.linalg.qr(W)[0] * torch.tensor([1.5, 0.8], dtype=torch.float64)
    config = VAEConfig(5, 2, hidden=(), decoder="gaussian", noise=SIGMA)
    model = config.network().double()
    precision = w.T @ w / SIGMA**2 + torch.eye(2, dtype=torch.float64)
    to_mean = torch.linalg.solve(precision, w.T) / SIGMA**2
    with torch.no_grad():
        model.log_noise.fill_(math.log(SIGMA))
        model.decoder[0].weight.copy_(w)
        model.decoder[0].bias.copy_(B)
        model.encoder[0].weight.zero_()
        model.encoder[0].weight[:2] = to_mean
        model.encoder[0].bias[:2] = -to_mean @ B + off
        model.encoder[0].bias[2:] = -precision.diagonal().log() + off
    covariance = w @ w.T + SIGMA**2 * torch.eye(5, dtype=torch.float64)
    return model, Gaussian(B.numpy(), covariance.numpy())


def closed_elbo(model: vae.VAE, x: torch.Tensor) -> np.ndarray:
    """E_q[log p(x | z)] − KL of a linear decoder: ‖x − W z − b‖² has the mean ‖x − W μ − b‖² + tr(W S Wᵀ)."""
    with torch.no_grad():
        mu, log_var = model.encode(x)
        w = model.decoder[0].weight
        spread = (w.square() * log_var.exp()[:, None, :]).sum((1, 2))
        squared = (x - model.decode(mu)).square().sum(1) + spread
        reconstruction = -0.5 * (squared / SIGMA**2 + 5 * math.log(2 * math.pi * SIGMA**2))
        q = dist.Normal(mu, (0.5 * log_var).exp())
        return (reconstruction - dist.kl_divergence(q, dist.Normal(0.0, 1.0)).sum(1)).numpy()


POINTS = torch.randn(6, 5, generator=seeded(5), dtype=torch.float64)


def test_with_the_exact_posterior_the_bound_is_the_log_likelihood():
    model, truth = ppca(orthogonal=True)
    expected = truth.log_prob(POINTS.numpy())
    np.testing.assert_allclose(closed_elbo(model, POINTS), expected, rtol=1e-10)
    # Every importance weight is then p(x) itself, so that a single draw suffices.
    for n_samples in (1, 7):
        got = log_likelihood(model, POINTS, n_samples, "encoder", generator=seeded(0))
        np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("off", [0.0, 0.4])
def test_the_bound_equals_its_closed_form_and_lies_below_the_log_likelihood(orthogonal, off):
    model, truth = ppca(orthogonal, off)
    expected, log_prob = closed_elbo(model, POINTS), truth.log_prob(POINTS.numpy())
    for i, x in enumerate(POINTS):
        draws = elbo(model, x.expand(20_000, -1), generator=seeded(i)).elbo.detach().numpy()
        within(draws, expected[i], relative=0.01)
    assert (expected <= log_prob + 1e-9).all()
    if off or not orthogonal:
        assert (log_prob - expected).min() > 0.005


def test_the_average_of_several_draws_scatters_less():
    model, _ = ppca(orthogonal=False)
    x = POINTS[:1].expand(4000, -1)
    one, many = (elbo(model, x, n_samples=s, generator=seeded(0)).elbo.var().item() for s in (1, 16))
    assert one / many == pytest.approx(16, rel=0.2)


@pytest.mark.parametrize("n_samples", [1, 3, 20])
def test_importance_sampling_from_the_encoder_is_unbiased(n_samples):
    model, truth = ppca(orthogonal=False, off=0.3)
    for i, x in enumerate(POINTS[:3]):
        rows = x.expand(20_000, -1)
        got = log_likelihood(model, rows, n_samples, "encoder", generator=seeded(i))
        within(np.exp(got - truth.log_prob(x.numpy()[None])), 1.0, relative=0.03)


def test_importance_sampling_from_the_prior_is_unbiased():
    model, truth = ppca(orthogonal=False)
    generator = seeded(3)
    got = np.stack([log_likelihood(model, POINTS, 100, "prior", generator=generator) for _ in range(800)])
    for column, expected in zip(got.T, truth.log_prob(POINTS.numpy()), strict=True):
        within(np.exp(column - expected), 1.0, relative=0.05)


@pytest.mark.parametrize("proposal", vae.PROPOSALS)
def test_its_logarithm_is_biased_low_and_less_so_with_more_samples(proposal):
    model, truth = ppca(orthogonal=False, off=0.4)
    log_prob, generator, gaps = truth.log_prob(POINTS.numpy()), seeded(1), []
    for n_samples in (1, 8, 64):
        got = [log_likelihood(model, POINTS, n_samples, proposal, generator=generator) for _ in range(300)]
        gaps.append(float((log_prob - np.stack(got)).mean()))
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0


def test_a_single_encoder_sample_is_an_elbo_on_average():
    model, _ = ppca(orthogonal=False, off=0.4)
    got = log_likelihood(model, POINTS[:1].expand(40_000, -1), 1, "encoder", generator=seeded(0))
    within(got, closed_elbo(model, POINTS[:1])[0], relative=0.01)


@pytest.mark.parametrize("proposal", vae.PROPOSALS)
def test_the_class_of_a_conditional_model_moves_its_density(proposal):
    plain, truth = ppca(orthogonal=True)
    model = VAEConfig(5, 2, hidden=(), decoder="gaussian", noise=SIGMA, n_classes=3).network().double()
    move = torch.randn(5, 3, generator=seeded(8), dtype=torch.float64)
    with torch.no_grad():
        model.log_noise.copy_(plain.log_noise)
        model.decoder[0].weight.copy_(torch.cat([plain.decoder[0].weight, move], 1))
        model.decoder[0].bias.copy_(B)
        to_mean = plain.encoder[0].weight
        model.encoder[0].weight.copy_(torch.cat([to_mean, -to_mean[:, :5] @ move], 1))
        model.encoder[0].bias.copy_(plain.encoder[0].bias)
    y = np.array([2, 0, 1, 1, 2, 0])
    expected = truth.log_prob(POINTS.numpy() - move.numpy().T[y])
    got = log_likelihood(model, POINTS, 20_000, proposal, generator=seeded(0), y=y)
    np.testing.assert_allclose(got, expected, rtol=1e-10 if proposal == "encoder" else 0.02)


def test_samples_have_the_models_mean_and_covariance():
    model, truth = ppca(orthogonal=False)
    n = 40_000
    x = sample_vae(model, n, seeded(0))
    deviations = np.sqrt(np.diag(truth.covariance))
    assert (np.abs(x.mean(0) - truth.mean) < 4 * deviations / np.sqrt(n)).all()
    error = np.sqrt((np.outer(deviations, deviations) ** 2 + truth.covariance**2) / n)
    assert (np.abs(np.cov(x.T, bias=True) - truth.covariance) < 4 * error).all()


# --- Bernoulli ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("proposal", "n_samples"), [("prior", 30_000), ("encoder", 30_000)])
def test_the_log_likelihood_of_binary_images_equals_quadrature(proposal, n_samples):
    config = VAEConfig(8, 1, hidden=(6,))
    model = model_of(config, seed=2, scale=4)
    x = some_x(config, 10)
    grid = torch.linspace(-9, 9, 20_001, dtype=torch.float64)[:, None]  # fine, for the ReLUs' sake
    with torch.no_grad():
        log_joint = model.log_prob(model.decode(grid)[:, None], x) + dist.Normal(0.0, 1.0).log_prob(grid)
    exact = logsumexp(log_joint.numpy(), axis=0) + math.log(18 / 20_000)
    got = log_likelihood(model, x, n_samples, proposal, generator=seeded(0))
    np.testing.assert_allclose(got, exact, atol=0.05)


def test_the_probabilities_of_all_binary_images_sum_to_one():
    model = model_of(VAEConfig(8, 2, hidden=(6,)), scale=4)
    everything = np.array(np.meshgrid(*[[0, 1]] * 8)).reshape(8, -1).T
    got = log_likelihood(model, everything, 50, "prior", generator=seeded(0))
    assert np.exp(got).sum() == pytest.approx(1, abs=1e-9)  # the draws are shared, so that it holds exactly


def test_binary_samples_are_binary_and_average_to_their_mean():
    model = model_of(VAEConfig(8, 2, hidden=(6,)), scale=4)
    n = 40_000
    x, mean = sample_vae(model, n, seeded(0)), sample_vae(model, n, seeded(1), mean=True)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert (np.abs(x.mean(0) - mean.mean(0)) < 4 * np.sqrt(0.5 / n)).all()


# --- Gradients and training ---------------------------------------------------------------------------------


@pytest.mark.parametrize("decoder", vae.DECODERS)
@pytest.mark.parametrize("n_classes", [0, 2])
def test_the_reparameterised_gradient_equals_finite_differences(decoder, n_classes):
    config = VAEConfig(**SMALL, decoder=decoder, n_classes=n_classes, activation="tanh")
    model, x = model_of(config), some_x(config, 4)
    y = torch.tensor([0, 1, 1, 0]) if n_classes else None

    def value() -> torch.Tensor:
        bound = elbo(model, x, y, n_samples=3, generator=seeded(7))  # the same draws each time
        return (bound.reconstruction - 2.5 * bound.kl).mean()

    value().backward()
    for parameter in model.parameters():
        entries = parameter.data.view(-1)
        for i in range(0, len(entries), 3):
            there, step = entries[i].item(), 1e-5
            with torch.no_grad():
                entries[i] = there + step
                above = value().item()
                entries[i] = there - step
                below = value().item()
                entries[i] = there
            assert parameter.grad.view(-1)[i].item() == pytest.approx(
                (above - below) / (2 * step), rel=1e-5, abs=1e-7
            )


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_training_descends_the_gradient_of_the_bound_it_reports(beta):
    config = VAEConfig(64, n_steps=1, batch=50, beta=beta)
    before, after = iterate_vae(INK, config)
    model, generator = before.model(), seeded(0)
    generator.set_state(torch.tensor(before.generator))
    bound = elbo(model, INK[minibatch(len(INK), 50, config.seed, 0)], generator=generator)
    assert before.elbo == pytest.approx(bound.elbo.mean().item(), rel=1e-5)
    assert before.reconstruction == pytest.approx(bound.reconstruction.mean().item(), rel=1e-5)
    assert before.kl.sum() == pytest.approx(bound.kl.mean().item(), rel=1e-4)
    (beta * bound.kl - bound.reconstruction).mean().backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    np.testing.assert_allclose(after.moments[0], 0.1 * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_classes", [0, 10])
@pytest.mark.parametrize("decoder", vae.DECODERS)
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(n_classes, decoder):
    y = DIGITS.target if n_classes else None
    config = VAEConfig(64, hidden=(16,), n_classes=n_classes, decoder=decoder, n_steps=25, batch=200)
    whole = list(iterate_vae(INK, config, y))
    for stop in (0, 1, 14):
        rest = list(iterate_vae(INK, config, y, resume=whole[stop].snapshot()))
        for a, b in zip(whole[stop:], rest, strict=True):
            assert all(
                np.array_equal(getattr(a, f.name), getattr(b, f.name))
                for f in dataclasses.fields(a)
                if f.name != "config"
            )


def test_seeds_differ():
    one, two = (fit_vae(INK, VAEConfig(64, n_steps=3, seed=seed)) for seed in (0, 1))
    assert not np.array_equal(one.parameters, two.parameters)


def test_fit_gives_the_last_state():
    config = VAEConfig(64, n_steps=5)
    assert np.array_equal(fit_vae(INK, config).parameters, list(iterate_vae(INK, config))[-1].parameters)


@pytest.fixture(scope="module")
def trained() -> dict[float, vae.VAE]:
    config = VAEConfig(64, hidden=(64,), n_steps=500, every=500, learning_rate=3e-3)
    return {beta: fit_vae(INK[:1400], dataclasses.replace(config, beta=beta)).model() for beta in (0.0, 1.0, 100.0)}


def test_held_out_digits_are_likelier_than_under_independent_pixels_and_more_samples_tighten(trained):
    x = INK[1400:]
    p = (INK[:1400].sum(0) + 1) / 1402
    independent = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum(1).mean()
    with torch.no_grad():
        bound = elbo(trained[1.0], x, n_samples=20, generator=seeded(0)).elbo.mean().item()
    few, many = (log_likelihood(trained[1.0], x, s, generator=seeded(0)).mean() for s in (10, 200))
    assert independent + 2 < bound < few < many


def test_beta_trades_the_kl_for_reconstruction_and_a_large_one_collapses_it(trained):
    with torch.no_grad():
        bounds = [elbo(trained[beta], INK[1400:], n_samples=5, generator=seeded(0)) for beta in (0.0, 1.0, 100.0)]
    kl = [bound.kl.mean().item() for bound in bounds]
    assert kl[0] > 3 * kl[1]
    assert kl[1] > 1
    assert kl[2] < 0.02
    assert bounds[0].reconstruction.mean() > bounds[2].reconstruction.mean() + 3


def test_a_conditional_vae_draws_the_class_asked_for():
    config = VAEConfig(64, n_classes=10, n_steps=400, every=400, learning_rate=3e-3)
    model = fit_vae(INK, config, DIGITS.target).model()
    means = np.stack([INK[DIGITS.target == k].mean(0) for k in range(10)])
    y = np.repeat(np.arange(10), 50)
    x = sample_vae(model, 500, seeded(0), y, mean=True)
    nearest = np.square(x[:, None] - means).sum(2).argmin(1)
    assert (nearest == y).mean() > 0.9


# --- Bad input ----------------------------------------------------------------------------------------------


def test_a_diverging_learning_rate_says_so():
    with pytest.raises(DivergedError, match=r"diverged at step \d+.*smaller learning rate"):
        fit_vae(INK, VAEConfig(64, n_steps=100, learning_rate=1e6))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_latents": 0}, "n_latents is 0"),
        ({"n_features": 0}, "n_features is 0"),
        ({"n_classes": -1}, "n_classes is -1"),
        ({"beta": -1}, "beta is -1"),
        ({"beta": float("inf")}, "beta is inf"),
        ({"noise": 0}, "noise is 0; give a finite number above 0"),
        ({"learning_rate": -1}, "learning_rate is -1"),
        ({"batch": 0}, "batch is 0"),
        ({"decoder": "poisson"}, "choose one of bernoulli, gaussian"),
    ],
)
def test_configs_check_themselves(options, message):
    with pytest.raises(ValueError, match=message):
        VAEConfig(**({"n_features": 4} | options))


@pytest.mark.parametrize(
    ("n_classes", "y", "message"),
    [
        (0, [0, 1], "knows no classes"),
        (3, None, "give the labels y"),
        (3, [0, 3], r"0…3; give 0…2"),
        (3, [0, 1, 2], "must be 2 whole numbers"),
        (3, [0.0, 1.0], "whole numbers"),
    ],
)
def test_labels_that_do_not_fit_are_refused(n_classes, y, message):
    config = VAEConfig(4, n_classes=n_classes)
    y = None if y is None else np.array(y)
    with pytest.raises(ValueError, match=message):
        next(iterate_vae(np.zeros((2, 4)), config, y))
    with pytest.raises(ValueError, match=message):
        elbo(model_of(config), np.zeros((2, 4)), y, generator=seeded(0))


def test_grey_pixels_train_but_have_no_likelihood():
    state = fit_vae(GREY, VAEConfig(64, n_steps=1))
    with pytest.raises(ValueError, match="binarise them"):
        log_likelihood(state.model(), GREY, 5, generator=seeded(0))
    with pytest.raises(ValueError, match="Pixels lie in 0…16"):
        next(iterate_vae(GREY * 16, VAEConfig(64)))


def test_unknown_proposals_and_no_samples_are_refused():
    model = model_of(VAEConfig(4))
    with pytest.raises(ValueError, match="choose one of"):
        log_likelihood(model, np.zeros((1, 4)), 5, "posterior", generator=seeded(0))
    for function in (
        lambda: log_likelihood(model, np.zeros((1, 4)), 0, generator=seeded(0)),
        lambda: elbo(model, np.zeros((1, 4)), n_samples=0, generator=seeded(0)),
    ):
        with pytest.raises(ValueError, match="n_samples is 0"):
            function()


FEW, KINDS = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
TINY = {"n_steps": 7, "batch": 8}
CONTRACT = [
    ("vae", 7, lambda: iterate_vae(FEW, VAEConfig(2, decoder="gaussian", **TINY))),
    ("conditional vae", 7, lambda: iterate_vae(FEW > 0, VAEConfig(2, n_classes=3, **TINY), KINDS)),
]
