"""Denoisers that are learned: training, torch beside numpy, quality."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import stats

from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser, noise_features
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.sampler import (
    ReverseConfig,
    log_likelihood,
    q_sample,
    sample_reverse,
)
from genmodels.diffusion.training import TorchDenoiser, fit_denoiser, iterate_denoiser
from genmodels.metrics import energy_distance, wasserstein_2
from genmodels.states import DivergedError
from tests.genmodels.diffusion.shared import normal, rng

torch.set_num_threads(1)  # as in the app
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


class Counts(torch.nn.Module):
    """Remembers the classes that it was told, −1 for none, and says a number times x."""

    def __init__(self) -> None:
        super().__init__()
        self.by, self.told = torch.nn.Linear(1, 1), []

    def forward(self, x, level, y):
        self.told.append(y.clone())
        return self.by.weight * x


@pytest.mark.parametrize("drop", [0.0, 0.1, 0.35, 1.0])
def test_classes_are_dropped_as_often_as_asked_and_each_alike(drop):
    labels, network = np.arange(400) % 4, Counts()
    config = DenoiserConfig(n_classes=4, drop=drop, batch=100, n_steps=200, every=200)
    for _ in iterate_denoiser(normal(400, 2), config, labels, network):
        pass
    told = torch.cat(network.told[1:]).numpy()  # the first minibatch is met twice
    assert len(told) == 20_000
    low, high = stats.binom.interval(1 - 1e-6, 20_000, drop)
    assert low <= (told == -1).sum() <= high
    for k in range(4):
        low, high = stats.binom.interval(1 - 1e-6, 20_000, (1 - drop) / 4)
        assert low <= (told == k).sum() <= high


def test_points_of_ones_own_are_standardised():
    points = normal(500, 2) * [3.0, 0.5] + [10.0, -4.0]
    denoiser = fit_denoiser(points, trained()).denoiser()
    np.testing.assert_allclose(denoiser.centre, points.mean(0))
    assert denoiser.scale == pytest.approx(math.sqrt(points.var(0).mean()))
    as_before = fit_denoiser(points, trained(standardise=False)).denoiser()
    assert as_before.scale == 1
    assert fit_denoiser(np.ones((5, 2)), trained()).denoiser().scale == 1  # all equal


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


TINY = DenoiserConfig(hidden=(4,), batch=8, n_steps=7)
CONTRACT = [("denoiser", 7, lambda: iterate_denoiser(normal(30, 2), TINY))]
