"""The GAN against hand-computed updates, closed forms, quadrature and finite differences."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from genmodels import gan
from genmodels.data.planar import DATASETS, get_dataset
from genmodels.gan import (
    GANConfig,
    Network,
    discriminator_loss,
    draw_noise,
    fit_gan,
    generator_loss,
    gradient_penalty,
    iterate_gan,
    noise_lattice,
    r1_penalty,
    sample_gan,
)
from genmodels.metrics import mode_coverage
from genmodels.nn.layers import seeded
from genmodels.nn.runtime import Forward
from genmodels.states import DivergedError

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower
SMALL = {"g_hidden": (8,), "d_hidden": (8,), "n_noise": 2, "batch": 16, "n_samples": 40, "n_steps": 5}
every_loss = pytest.mark.parametrize("loss", gan.LOSSES)


def small(**options) -> GANConfig:
    return GANConfig(**(SMALL | options))


def softplus(a: float) -> float:
    return math.log1p(math.exp(a))


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def same(a, b) -> bool:
    """Whether two states agree bit for bit."""
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=f.name not in ("moved", "config"))
        for f in dataclasses.fields(a)
        if f.name != "config"
    )


# --- Losses -------------------------------------------------------------------------------------------------

# Two parameters: all points of G are at θ, D(x) = ψ x, the data are 1 and −2.
PSI, THETA = 0.8, -0.5
REAL, FAKE = torch.tensor([PSI, -2 * PSI]), torch.full((2,), PSI * THETA)


@pytest.mark.parametrize(
    ("loss", "of_d", "of_g"),
    [
        ("minimax", (softplus(-0.8) + softplus(1.6)) / 2 + softplus(-0.4), -softplus(-0.4)),
        ("non-saturating", (softplus(-0.8) + softplus(1.6)) / 2 + softplus(-0.4), softplus(0.4)),
        ("least-squares", ((0.8 - 1) ** 2 + (-1.6 - 1) ** 2) / 4 + 0.4**2 / 2, (-0.4 - 1) ** 2 / 2),
        ("hinge", (0.2 + 2.6) / 2 + 0.6, 0.4),
        ("wasserstein-gp", -0.4 - (0.8 - 1.6) / 2, 0.4),
    ],
)
def test_losses_by_hand(loss, of_d, of_g):
    assert discriminator_loss(loss, REAL, FAKE).item() == pytest.approx(of_d, rel=1e-6, abs=1e-7)
    assert generator_loss(loss, FAKE).item() == pytest.approx(of_g, rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "by_hand"),
    [
        ("minimax", -sigmoid(-0.4) * PSI),
        ("non-saturating", -sigmoid(0.4) * PSI),
        ("least-squares", (-0.4 - 1) * PSI),
        ("hinge", -PSI),
        ("wasserstein-gp", -PSI),
    ],
)
def test_the_generators_gradient_by_hand(loss, by_hand):
    theta = torch.tensor(THETA, requires_grad=True)
    generator_loss(loss, PSI * theta.expand(3)).backward()
    assert theta.grad.item() == pytest.approx(by_hand, rel=1e-6)


@every_loss
def test_autograd_of_the_losses_equals_finite_differences(loss):
    def value(psi: float, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
        parameters = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (psi, theta)]
        real, fake = (x * parameters[0] for x in (torch.tensor([1.0, -2.0]).double(), parameters[1].expand(2)))
        of_d, of_g = discriminator_loss(loss, real, fake), generator_loss(loss, fake)
        return of_d, of_g, parameters

    of_d, of_g, (psi, theta) = value(PSI, THETA)
    found = (*torch.autograd.grad(of_d, psi, retain_graph=True), *torch.autograd.grad(of_g, theta))
    step = 1e-6
    above, below = value(PSI + step, THETA)[0], value(PSI - step, THETA)[0]
    assert found[0].item() == pytest.approx((above - below).item() / (2 * step), rel=1e-5, abs=1e-8)
    above, below = value(PSI, THETA + step)[1], value(PSI, THETA - step)[1]
    assert found[1].item() == pytest.approx((above - below).item() / (2 * step), rel=1e-5)


def test_the_best_discriminators_loss_is_2_log_2_minus_twice_jensen_shannon():
    p, q = stats.norm(0, 1), stats.norm(1.5, 0.7)

    def integrand(x: float) -> float:
        m = (p.pdf(x) + q.pdf(x)) / 2
        return sum(d.pdf(x) * np.log(d.pdf(x) / m) for d in (p, q)) / 2

    js = quad(integrand, -8, 8)[0]
    x, y = p.ppf((np.arange(20_000) + 0.5) / 20_000), q.ppf((np.arange(20_000) + 0.5) / 20_000)
    best = [torch.tensor(p.logpdf(v) - q.logpdf(v)) for v in (x, y)]  # logit of p / (p + q)
    assert discriminator_loss("minimax", *best).item() == pytest.approx(2 * math.log(2) - 2 * js, abs=1e-3)


# --- Penalties ----------------------------------------------------------------------------------------------


def critic(activation: str = "tanh", seed: int = 0) -> Network:
    theta = torch.randn(3 * 5 + 6, generator=seeded(seed), dtype=torch.float64)
    return Network((2, 5, 1), activation, theta)


def test_penalties_of_a_linear_discriminator_by_hand():
    network = Network((2, 1), "relu", torch.tensor([3.0, -4.0, 0.5]))  # |∇a| = 5 everywhere
    x, y = torch.randn(6, 2, generator=seeded(0)), torch.randn(6, 2, generator=seeded(1))
    x.requires_grad_()
    assert r1_penalty(network(x)[:, 0], x).item() == pytest.approx(25)
    assert gradient_penalty(network, x, y, torch.rand(6, 1)).item() == pytest.approx(16)
    (gradient, _) = torch.autograd.grad(r1_penalty(network(x)[:, 0], x), network.parameters, allow_unused=True)
    assert gradient.flatten().tolist() == pytest.approx([6, -8])  # of ψ²: 2ψ
    (gradient, _) = torch.autograd.grad(
        gradient_penalty(network, x, y, torch.rand(6, 1)), network.parameters, allow_unused=True
    )
    assert gradient.flatten().tolist() == pytest.approx([2 * 4 * 0.6, -2 * 4 * 0.8])  # 2 (|ψ| − 1) ψ/|ψ|


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_the_gradient_penalty_is_taken_between_real_and_fake(activation):
    """Of a critic whose slope differs from place to place: row by row, at share · real + (1 − share) · fake."""
    network = critic(activation)
    real, fake = (torch.randn(9, 2, generator=seeded(seed)).double() for seed in (1, 2))
    share = torch.rand(9, 1, generator=seeded(3)).double()

    def by_hand(places: list[list[float]]) -> float:
        misses = []
        for place in places:
            x = torch.tensor([place], dtype=torch.float64, requires_grad=True)
            (slope,) = torch.autograd.grad(network(x).squeeze(), x)
            misses.append((math.hypot(*slope[0].tolist()) - 1) ** 2)
        return float(np.mean(misses))

    pairs = zip(real.tolist(), fake.tolist(), share[:, 0].tolist(), strict=True)
    between = [[s * a + (1 - s) * b for a, b in zip(x, y, strict=True)] for x, y, s in pairs]
    found = gradient_penalty(network, real, fake, share).item()
    assert found == pytest.approx(by_hand(between), rel=1e-9)
    ends = {1.0: by_hand(real.tolist()), 0.0: by_hand(fake.tolist())}
    for one, expected in ends.items():
        at_end = gradient_penalty(network, real, fake, torch.full_like(share, one)).item()
        assert at_end == pytest.approx(expected, rel=1e-9)
        assert abs(found - expected) > 0.01 * expected, "else the place would not matter"


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_the_penalties_gradients_equal_finite_differences(activation):
    network = critic(activation)
    x, y, share = (torch.randn(7, 2, generator=seeded(1)).double() for _ in range(3))
    x, y = x.requires_grad_(), y + 1
    for penalty in (
        lambda: r1_penalty(network(x)[:, 0], x),
        lambda: gradient_penalty(network, x, y, share[:, :1].sigmoid()),
    ):
        gradients = torch.autograd.grad(penalty(), network.parameters, allow_unused=True)
        found = torch.cat([torch.zeros(1).double() if g is None else g.flatten() for g in gradients])
        step = 1e-6
        for i in range(len(network.theta)):
            at = network.theta[i].item()
            network.theta[i] = at + step
            above = penalty().item()
            network.theta[i] = at - step
            below = penalty().item()
            network.theta[i] = at
            assert found[i].item() == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-7)


# --- Training -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("r1", [0.0, 0.7])
def test_an_update_of_each_player_by_hand(r1):
    """D(x) = w x + b and G(z) = v z + c by gradient descent; all data are one point, 0 when standardised."""
    config = small(
        g_hidden=(), d_hidden=(), n_noise=1, batch=1, optimiser="sgd", beta_1=0, decay="none", r1=r1, half_steps=True
    )
    start, d_moved, g_moved = list(iterate_gan([[3.0]], dataclasses.replace(config, n_steps=1)))
    (w, b), rate = start.discriminator, config.d_learning_rate
    by_w, by_b = (start.discriminator - d_moved.discriminator) / rate  # the gradient it took
    fake = (by_w - r1 * w) / (by_b + sigmoid(-b))  # since ∂b = σ(wf + b) − σ(−b) and ∂w = f σ(wf + b) + γ w
    assert by_b == pytest.approx(sigmoid(w * fake + b) - sigmoid(-b), rel=1e-3)
    assert d_moved.minibatch.discriminator == pytest.approx(softplus(-b) + softplus(w * fake + b), rel=1e-4)
    assert d_moved.penalty == pytest.approx(r1 / 2 * w**2, rel=1e-4, abs=1e-12)
    assert d_moved.d_gradient_norm == pytest.approx(math.hypot(by_w, by_b), rel=1e-3)

    (v, c), (w, b) = start.generator, d_moved.discriminator
    by_v, by_c = (start.generator - g_moved.generator) / rate  # ∂c = −w σ(−a), ∂v = z ∂c
    a = w * (v * by_v / by_c + c) + b
    assert by_c == pytest.approx(-w * sigmoid(-a), rel=1e-3)
    assert g_moved.minibatch.generator == pytest.approx(softplus(-a), rel=1e-4)
    assert g_moved.g_gradient_norm == pytest.approx(math.hypot(by_v, by_c), rel=1e-3)


@every_loss
def test_half_steps_make_the_same_updates(loss):
    config = small(loss=loss, r1=0.1, instance_noise=0.3, average=0.9, d_steps=2, g_steps=3, packing=2)
    whole = list(iterate_gan(None, config))
    halves = list(iterate_gan(None, dataclasses.replace(config, half_steps=True)))
    assert [s.step for s in halves] == list(range(11))
    assert [s.moved for s in halves] == ["", *["discriminator", "generator"] * 5]
    assert [(s.d_updates, s.g_updates) for s in whole] == [(2 * i, 3 * i) for i in range(6)]
    for one, two in zip(whole, halves[::2], strict=True):
        assert np.array_equal(one.generator, two.generator)
        assert np.array_equal(one.discriminator, two.discriminator)
        assert np.array_equal(one.average, two.average)
    for before, after in pairwise(halves):
        still = "generator" if after.moved == "discriminator" else "discriminator"
        assert np.array_equal(getattr(before, still), getattr(after, still))
        assert not np.array_equal(getattr(before, after.moved), getattr(after, after.moved))


def test_the_caller_may_choose_who_moves():
    asked = iter(["discriminator", "discriminator", "generator", "both"])
    run = iterate_gan(None, small(), moves=asked)
    next(run)
    assert next(run).moved == "discriminator"
    assert list(asked) == ["discriminator", "generator", "both"]  # asked one at a time
    states = list(iterate_gan(None, small(), moves=["discriminator", "discriminator", "generator", "both"]))
    assert [(s.step, s.d_updates, s.g_updates) for s in states] == [
        (0, 0, 0),
        (1, 1, 0),
        (2, 2, 0),
        (3, 2, 1),
        (4, 3, 2),
    ]
    with pytest.raises(ValueError, match="'nobody'; choose one of"):
        list(iterate_gan(None, small(), moves=["nobody"]))


@pytest.mark.parametrize("half_steps", [False, True])
def test_recording_less_often_gives_some_of_the_same_states_and_the_last(half_steps):
    config = small(n_steps=7, average=0.9, r1=0.1, half_steps=half_steps)
    all_states = list(iterate_gan(None, config))
    some = list(iterate_gan(None, dataclasses.replace(config, every=4)))
    assert [s.step for s in some] == [i for i in range(len(all_states)) if i % 4 == 0 or i == len(all_states) - 1]
    for state in some:
        for name in ("generator", "discriminator", "average", "before"):
            assert np.array_equal(getattr(state, name), getattr(all_states[state.step], name))
        assert state.samples.tobytes() == all_states[state.step].samples.tobytes()
        assert state.penalty == pytest.approx(all_states[state.step].penalty, nan_ok=True)


def test_the_same_seed_gives_the_same_states_bit_for_bit_and_others_differ():
    config = small(instance_noise=0.2, packing=2)
    one, two = list(iterate_gan(None, config)), list(iterate_gan(None, config))
    assert all(same(a, b) and np.array_equal(a.samples, b.samples) for a, b in zip(one, two, strict=True))
    other = fit_gan(None, dataclasses.replace(config, seed=1))
    assert not np.array_equal(other.generator, one[-1].generator)
    assert not np.array_equal(other.noise, one[-1].noise)


def test_how_many_samples_are_asked_for_does_not_change_the_training():
    few, many = (fit_gan(None, small(n_samples=n)) for n in (3, 300))
    assert np.array_equal(few.generator, many.generator)


def test_a_state_kept_and_looked_at_later_has_not_changed():
    at_once, later = [], []
    for state in iterate_gan(None, small()):
        at_once.append((state.generate(state.noise), state.field([[-1, 1], [-1, 1]], 5), state.losses))
        later.append(state)
    for state, (samples, field, losses) in zip(later, at_once, strict=True):
        assert np.array_equal(state.samples, samples)
        assert np.array_equal(state.field([[-1, 1], [-1, 1]], 5), field)
        assert state.losses == losses
    with pytest.raises(ValueError, match="read-only"):
        later[0].generator[0] = 0


def test_gradient_mode_is_the_callers():
    with torch.no_grad():
        run = iterate_gan(None, small())
        for _ in range(3):
            assert next(run).pull(4).gradient.shape == (4, 2)
            assert not torch.is_grad_enabled()
    assert next(run).step == 3


def test_the_average_is_a_running_mean_that_starts_short():
    states = list(iterate_gan(None, small(average=0.5, g_steps=1, n_steps=12)))
    mean = states[0].generator.astype(np.float64)
    for n, state in enumerate(states[1:], start=1):
        beta = min(0.5, n / (n + 9))
        mean = beta * mean + (1 - beta) * state.generator
        np.testing.assert_allclose(state.average, mean, atol=1e-6)
    assert not np.array_equal(states[-1].samples, states[-1].generate(states[-1].noise, averaged=False))
    plain = fit_gan(None, small())
    assert np.array_equal(plain.average, plain.generator)


def test_learning_rates_and_instance_noise_fall():
    config = small(decay="linear", instance_noise=0.4, instance_noise_until=0.5)
    assert [config.rate(t) for t in (0, 0.5, 0.75, 1, 2)] == [1, 1, 0.5, 0, 0]
    assert [config.noise_level(t) for t in (0, 0.25, 0.5, 1)] == [0.4, 0.2, 0, 0]
    cosine = dataclasses.replace(config, decay="cosine")
    assert [cosine.rate(t) for t in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert dataclasses.replace(config, decay="none").rate(1) == 1


def test_a_falling_rate_makes_smaller_updates():
    states = list(iterate_gan(None, small(n_steps=40, decay="cosine", optimiser="sgd", beta_1=0)))
    for state in (states[1], states[20], states[35]):
        moved = np.linalg.norm(state.generator - state.before)
        rate = state.config.g_learning_rate * state.config.rate((state.step - 1) / 40)
        assert moved == pytest.approx(rate * state.g_gradient_norm, rel=0.02)


# --- What a state tells -------------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("packing", [1, 2])
def test_the_pull_is_the_gradient_of_each_points_loss_and_the_move_it_really_made(loss, packing):
    config = small(loss=loss, packing=packing, activation="tanh", n_steps=30, n_noise=3, average=0.9)
    *_, before, state = iterate_gan(np.array([[5.0, 1.0], [9.0, -3.0], [0.0, 2.0]]), config)
    pull = state.pull(10)
    points = before.generate(state.noise[:10], averaged=False)
    np.testing.assert_allclose(pull.points, points, rtol=1e-5, atol=1e-5)
    after = state.generate(state.noise[:10], averaged=False)
    np.testing.assert_allclose(pull.displacement, after - points, atol=2e-5)
    assert np.abs(pull.displacement).max() > 1e-4

    theta = torch.tensor(state.discriminator, dtype=torch.float64)
    network = Network((2 * packing, 8, 1), "tanh", theta)

    def total(x: np.ndarray) -> float:
        a = network(torch.tensor((x - state.centre) / state.scale).reshape(10 // packing, -1))[:, 0]
        return 10 * generator_loss(loss, a).item()

    x, step = pull.points.astype(np.float64), 1e-5
    for i, j in ((0, 0), (3, 1), (8, 0)):
        shift = np.zeros_like(x)
        shift[i, j] = step
        expected = (total(x + shift) - total(x - shift)) / (2 * step)
        assert pull.gradient[i, j] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_nothing_is_displaced_when_only_the_discriminator_moved():
    start, d_moved, g_moved = list(iterate_gan(None, small(n_steps=1, half_steps=True)))
    assert not start.pull(5).displacement.any()
    assert not d_moved.pull(5).displacement.any()
    assert g_moved.pull(5).displacement.any()


def test_the_field_has_y_upwards_in_rows_and_is_a_probability_only_where_it_is_one():
    for loss in gan.LOSSES:
        state = fit_gan(None, small(loss=loss))
        field = state.field([[-2, 2], [0, 1]], 4)
        assert field[0, 3] == pytest.approx(state.discriminate([[1.5, 0.125]])[0])
        assert field[3, 0] == pytest.approx(state.discriminate([[-1.5, 0.875]])[0])
        network = Network((2, 8, 1), "relu", torch.tensor(state.discriminator))
        a = network(torch.tensor((np.array([[1.5, 0.125]]) - state.centre) / state.scale).float()).item()
        expected = sigmoid(a) if loss in ("minimax", "non-saturating") else a
        assert state.discriminate([[1.5, 0.125]])[0] == pytest.approx(expected, rel=1e-5)
        assert state.probabilistic == (loss in ("minimax", "non-saturating"))


def test_a_packed_discriminator_is_asked_beside_real_points():
    state = fit_gan(None, small(packing=3, batch=18))
    theta = torch.tensor(state.discriminator)
    z = torch.tensor((state.real[:32] - state.centre) / state.scale).float().reshape(16, -1)
    x = torch.tensor((np.array([0.3, -0.2]) - state.centre) / state.scale).float()
    a = Network((6, 8, 1), "relu", theta)(torch.cat([x.expand(16, 2), z], 1)).mean()
    assert state.discriminate([[0.3, -0.2]])[0] == pytest.approx(torch.sigmoid(a).item(), rel=1e-5)
    assert fit_gan(None, small(packing=4, n_samples=1)).pull().points.shape == (4, 2)


@every_loss
def test_the_losses_are_those_of_the_states_own_parameters(loss):
    state = fit_gan(None, small(loss=loss, average=0.9))
    fake = state.generate(state.noise, averaged=False)
    a, b = (torch.tensor(state.discriminate(x)) for x in (state.real, fake))
    if state.probabilistic:
        a, b = torch.logit(a), torch.logit(b)
    assert state.losses.discriminator == pytest.approx(discriminator_loss(loss, a, b).item(), rel=1e-4, abs=1e-5)
    assert state.losses.generator == pytest.approx(generator_loss(loss, b).item(), rel=1e-4, abs=1e-5)


def test_arrays_replay_the_generator_without_torch():
    state = fit_gan(None, small(average=0.9, activation="silu", n_noise=5))
    arrays = state.arrays()
    generator = Forward(arrays, "generator", "silu")
    assert generator.sizes == (5, 8, 2)
    x = arrays["centre"] + arrays["scale"] * generator(state.noise)
    np.testing.assert_allclose(x, state.samples, rtol=1e-4, atol=1e-5)
    a = Forward(arrays, "discriminator", "silu")((state.samples - state.centre) / state.scale)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-a)), state.discriminate(state.samples), rtol=1e-4)


@pytest.mark.parametrize("noise", gan.NOISES)
def test_the_noise_is_what_its_name_says(noise):
    z = draw_noise(small(noise=noise, n_noise=3), 50_000, seeded(0)).numpy()
    assert np.abs(z.mean(0)).max() < 0.02
    expected = {"gaussian": 1, "uniform": 1 / 3, "sphere": 1 / 3}[noise]
    np.testing.assert_allclose(np.cov(z.T), expected * np.eye(3), atol=0.02)
    if noise == "sphere":
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    if noise == "uniform":
        assert np.abs(z).max() <= 1


@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
def test_the_lattices_cells_are_equally_probable(noise):
    config = small(noise=noise)
    z, ticks = draw_noise(config, 100_000, seeded(0)).numpy(), noise_lattice(config, 5)
    assert ticks.shape == (5, 5, 2)
    np.testing.assert_array_equal(ticks[2, 4], ticks[4, 2][::-1])  # rows along the second axis
    counts = np.histogram2d(z[:, 0], z[:, 1], [ticks[0, :, 0], ticks[:, 0, 1]])[0]
    assert counts.min() > 0.9 * counts.max()
    assert noise_lattice(small(noise=noise, n_noise=1), 7).shape == (7, 1)


def test_the_lattice_is_mapped_to_points():
    state = fit_gan(None, small(noise="sphere"))
    image = state.lattice(9)
    assert image.shape == (9, 2)
    np.testing.assert_allclose(image[0], image[-1], atol=1e-5)
    state = fit_gan(None, small())
    z = noise_lattice(state.config, 6)
    np.testing.assert_allclose(state.lattice(6)[1, 4], state.generate(z[1, 4][None])[0], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="n_noise is 16"):
        fit_gan(None, small(n_noise=16)).lattice()


def test_samples_from_fresh_noise():
    state = fit_gan(None, small(noise="uniform"))
    x = sample_gan(state, 30, seeded(4))
    assert np.array_equal(x, state.generate(draw_noise(state.config, 30, seeded(4)).numpy()))


# --- Data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATASETS)
def test_any_data_set_trains(name):
    dataset, state = get_dataset(name), fit_gan(None, small(data=name, n_steps=2))
    assert state.samples.shape == (40, 2)
    np.testing.assert_allclose((state.centre, [state.scale] * 2), (dataset.mean, [dataset.scale] * 2))
    assert np.isfinite(state.samples).all()


@pytest.mark.parametrize("shape", [(1, 2), (5, 1), (30, 64), (3, 784)])
def test_own_points_of_any_dimension_train(shape):
    points = np.random.default_rng(0).random(shape)
    state = fit_gan(points, small())
    assert state.samples.shape == (40, shape[1])
    assert {tuple(row) for row in state.real} <= {tuple(row) for row in points}


def test_a_gaussian_is_learned():
    data = get_dataset("gaussian")
    config = small(data="gaussian", g_hidden=(), d_hidden=(32,), batch=128, r1=0.1, n_steps=1500, n_samples=2500)
    state = fit_gan(None, dataclasses.replace(config, every=1500))
    np.testing.assert_allclose(state.samples.mean(0), data.mean, atol=0.25)
    np.testing.assert_allclose(np.cov(state.samples.T), data.covariance, atol=0.8)


# --- Bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"g_learning_rate": 10, "d_learning_rate": 10, "n_steps": 60},
        {"g_learning_rate": 10, "d_learning_rate": 10, "optimiser": "sgd", "n_steps": 60},
        {"g_hidden": (), "d_hidden": ()},
        {"batch": 1},
        {"beta_1": 0, "beta_2": 0},
        {"d_steps": 7, "g_steps": 1},
        {"n_steps": 0},
    ],
)
@every_loss
def test_odd_settings_train_or_say_that_they_diverged(options, loss):
    states, error = [], None
    try:
        states.extend(iterate_gan(None, small(**options, loss=loss)))
    except DivergedError as raised:
        error = raised
    if error is not None:
        assert f"diverged at step {error.step}" in str(error)
        assert len(states) == error.step  # those before it have been yielded
    assert all(np.isfinite(s.generator).all() and np.isfinite(s.discriminator).all() for s in states)


@pytest.mark.parametrize("every", [1, 1000])
def test_nan_ends_the_run(every):
    config = small(g_learning_rate=1e25, d_learning_rate=1e25, optimiser="sgd", n_steps=1000, every=every)
    with pytest.raises(DivergedError, match=r"diverged at step \d+: .*try a smaller learning rate"):
        list(iterate_gan(None, config))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "cat"}, "data is 'cat'; choose one of gaussian, ring8"),
        ({"loss": "kl"}, "loss is 'kl'; choose one of minimax"),
        ({"noise": "pink"}, "choose one of gaussian, uniform, sphere"),
        ({"noise": "sphere", "n_noise": 1}, "two points; give n_noise of 2 or more"),
        ({"optimiser": "lion"}, "choose one of adam, sgd"),
        ({"decay": "fast"}, "choose one of none, linear, cosine"),
        ({"activation": "sign"}, "activation is 'sign'"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"d_steps": 0}, "d_steps is 0; give a whole number, 1 or more"),
        ({"g_steps": 0}, "g_steps is 0"),
        ({"n_noise": 0}, "n_noise is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": 1, "packing": 2}, "2 points at once; give a batch that is a multiple"),
        ({"n_steps": -1}, "n_steps is -1"),
        ({"every": 0}, "every is 0"),
        ({"n_samples": 0}, "n_samples is 0"),
        ({"g_learning_rate": 0}, "g_learning_rate is 0; give a finite number above 0"),
        ({"d_learning_rate": math.nan}, "d_learning_rate is nan"),
        ({"r1": -1}, "r1 is -1"),
        ({"gradient_penalty": -1}, "gradient_penalty is -1"),
        ({"instance_noise": math.inf}, "instance_noise is inf"),
        ({"instance_noise_until": 0}, "instance_noise_until is 0"),
        ({"instance_noise_until": 2}, "give a share, 1 at most"),
        ({"beta_1": 1}, "beta_1 is 1; give a number from 0 up to 1, 1 excluded"),
        ({"average": 1.0}, "average is 1.0"),
        ({"g_hidden": (8, 0)}, "A width in hidden is 0"),
        ({"d_hidden": "8"}, "give a tuple of widths"),
    ],
)
def test_configs_check_themselves(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 2)), "There are no points"),
        (np.zeros(3), r"shape \(N, D\)"),
        ([[np.inf, 0]], "NaN or infinity"),
        ([[1e308, 0], [-1e308, 0]], "too large or too close together"),
    ],
)
def test_points_that_cannot_be_used_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        next(iterate_gan(points, small()))


# --- Quality ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("options", "quality"), [({}, 0.88), (gan.GRID_RECIPE, 0.7)], ids=["ring8", "grid25"])
def test_the_recipes_find_all_modes(options, quality):
    config = GANConfig(**options, every=10_000)
    data, state = get_dataset(config.data), fit_gan(None, config)
    coverage = mode_coverage(state.samples, data.centres, data.sigma)
    assert coverage.modes == len(data.centres)
    assert coverage.quality > quality
    assert coverage.reverse_kl < (0.01 if config.data == "ring8" else 0.02)


def test_the_grid_recipe_is_a_config():
    assert GANConfig(**gan.GRID_RECIPE).n_steps >= GANConfig().n_steps


def test_a_lazy_penalty_is_paid_every_so_often_and_is_as_much_heavier():
    every, lazy = (list(iterate_gan(None, small(r1=0.5, r1_every=m, n_steps=4))) for m in (1, 3))
    assert lazy[1].penalty == pytest.approx(3 * every[1].penalty, rel=1e-6)
    assert [s.penalty > 0 for s in lazy[1:]] == [True, False, False, True]
    assert all(s.penalty > 0 for s in every[1:])


TINY = {"g_hidden": (4,), "d_hidden": (4,), "n_steps": 7}
POINTS = np.random.default_rng(0).normal(size=(30, 2))
CONTRACT = [
    ("gan", 7, lambda: iterate_gan(POINTS, GANConfig(**TINY, batch=8, n_samples=20))),
    ("gan, half-steps", 14, lambda: iterate_gan(None, GANConfig(**TINY, average=0.9, half_steps=True))),
]
