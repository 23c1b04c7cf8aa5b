"""The vector-quantised autoencoder in training: straight through, the three terms, EMA by hand, dead codes."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from genmodels.data.digits import load_small_digits
from genmodels.data.planar import get_dataset
from genmodels.nn.arrays import unflatten
from genmodels.nn.layers import initialise, seeded
from genmodels.states import DivergedError
from genmodels.vq import training
from genmodels.vq.measures import n_used, perplexity
from genmodels.vq.training import VQConfig, fit_vq, iterate_vq, straight_through

torch.set_num_threads(1)
MOONS = get_dataset("moons")
POINTS = MOONS.standardise(MOONS.sample(600, np.random.default_rng(0)))
DIGITS = load_small_digits()
ONE = {"n_steps": 1, "batch": 600}


def model_of(config):
    return initialise(config.network(), seeded(config.seed))


# Straight through


def test_straight_through_gives_the_code_and_passes_its_gradient_to_z_alone():
    rng = np.random.default_rng(0)
    z, code, weight = (torch.tensor(rng.normal(size=(5, 3)), requires_grad=True) for _ in range(3))
    out = straight_through(z, code)
    assert torch.equal(out, code)
    (out.sin() * weight).sum().backward()
    assert torch.equal(z.grad, (code.cos() * weight).detach())
    assert code.grad is None


@pytest.mark.parametrize("config", [VQConfig(n_codes=7), VQConfig(n_codes=7, side=8, channels=3)], ids=["2d", "8x8"])
def test_the_encoder_gets_the_gradient_at_the_decoders_input_and_the_book_gets_none(config):
    model = model_of(config)
    x = torch.tensor(DIGITS.train.images[:20] if config.side else POINTS[:20], dtype=torch.float32)
    errors, z, _, words = model.losses(x)
    given = torch.autograd.grad(errors.sum(), z, retain_graph=True)[0]
    entrance = model.book.weight[words].detach().requires_grad_()
    copy = model.decode(entrance)
    truth = torch.autograd.grad((x - copy).square().sum(), entrance)[0]
    np.testing.assert_allclose(given, truth, atol=1e-6)
    assert given.abs().max() > 1e-3
    errors.sum().backward()
    assert model.book.weight.grad is None
    assert all(p.grad is not None for p in [*model.encoder.parameters(), *model.decoder.parameters()])


def test_the_true_gradient_of_the_reconstruction_for_the_encoder_is_none():
    """What straight-through pretends away: a small move of z changes nothing, by finite differences."""
    model = model_of(VQConfig(n_codes=7))
    z = model.encode(torch.tensor(POINTS[:50], dtype=torch.float32)).detach()
    moved = model.decode(model.book.weight[model.nearest(z + 1e-5)])
    assert torch.equal(moved, model.decode(model.book.weight[model.nearest(z)]))


# The three terms


@pytest.mark.parametrize("beta", [0.0, 0.25, 2.0])
@pytest.mark.parametrize("ema", [False, True])
def test_the_loss_and_its_gradients_are_those_of_the_definition(beta, ema):
    config = VQConfig(n_codes=5, side=8, channels=3, commitment=beta, ema=ema, **ONE)
    x = DIGITS.train.images[:600]
    first, second = iterate_vq(x, config)
    model = first.model()
    z = model.encode(torch.tensor(x, dtype=torch.float32))
    k = torch.cdist(z.flatten(0, 2), model.book.weight).argmin(1)
    e = model.book.weight[k].reshape(z.shape)
    copy = model.decode(z + (e - z).detach())
    errors = (torch.tensor(x, dtype=torch.float32) - copy).square().sum((1, 2)).mean()
    commitment = (z - e.detach()).square().sum((1, 2, 3)).mean()
    towards = (z.detach() - e).square().sum((1, 2, 3)).mean()
    total = errors + beta * commitment + (0 if ema else 1) * towards
    assert first.reconstruction == pytest.approx(errors.item(), rel=1e-4)
    assert first.commitment == pytest.approx(commitment.item(), rel=1e-4)
    assert first.loss == pytest.approx(total.item(), rel=1e-4)
    np.testing.assert_array_equal(first.counts, np.bincount(k, minlength=5))
    total.backward()
    learned = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert ("book.weight" in learned) != ema
    mean = unflatten(second.moments[0], {name: p.shape for name, p in model.named_parameters()})
    for name, gradient in learned.items():  # after one step, Adam's running mean of g is g/10
        np.testing.assert_allclose(10 * mean[name], gradient, rtol=1e-3, atol=1e-4 * gradient.abs().max())


def test_the_second_term_draws_a_code_to_the_mean_of_what_is_looked_up_there():
    model = model_of(VQConfig(n_codes=4))
    _, z, code, words = model.losses(torch.tensor(POINTS, dtype=torch.float32))
    (z.detach() - code).square().sum().backward()
    for k in range(4):
        own = z[words == k].detach()
        expected = 2 * (len(own) * model.book.weight[k].detach() - own.sum(0))
        np.testing.assert_allclose(model.book.weight.grad[k], expected, rtol=1e-4, atol=1e-3)


# EMA


def test_ema_is_the_papers_formula_by_hand():
    """N and M of appendix A.1 in float64, from the states' own words."""
    config = VQConfig(n_codes=6, ema=True, gamma=0.8, n_steps=12, batch=600, learning_rate=1e-2)
    states = list(iterate_vq(POINTS, config))
    count = np.full(6, 1 / 6)
    total = count[:, None] * states[0].codes.astype(float)
    for before, after in pairwise(states):
        z = before.forward().encode(POINTS).astype(float)
        words = before.book.nearest(z)
        n = np.bincount(words, minlength=6) / 600
        m = np.stack([z[words == k].sum(axis=0) for k in range(6)]) / 600
        count, total = 0.8 * count + 0.2 * n, 0.8 * total + 0.2 * m
        np.testing.assert_allclose(after.usage, count, rtol=1e-5)
        np.testing.assert_allclose(after.codes, total / count[:, None], atol=1e-4)
    assert np.ptp([state.codes for state in states], axis=0).max() > 0.05, "the codes moved"


def test_a_code_that_is_never_used_stays_where_it_is_and_is_no_nan():
    config = VQConfig(n_codes=3, ema=True, gamma=0.5, n_steps=200, every=200)
    model = model_of(config)
    start, far = model.book.weight.clone(), torch.full((2,), 50.0)
    with torch.no_grad():
        model.book.weight[2] = far
    z, words = torch.zeros(10, 2), torch.zeros(10, dtype=torch.int64)
    for _ in range(400):  # 0.5^400 is no float32
        model.take_in(z, words, words[:0])
    assert torch.equal(model.book.weight[2], far)
    assert torch.equal(model.book.weight[1], start[1])
    assert model.book.weight[0].abs().max() < 1e-6
    assert model.usage[2] == 0
    model.take_in(torch.full((10, 2), 40.0), torch.full((10,), 2), words[:0])
    assert torch.isfinite(model.book.weight).all()


# Dead codes


def far_away(config):
    """A network of which all but one code lie where nothing is looked up."""
    model = model_of(config)
    with torch.no_grad():
        model.book.weight[1:] = 100 + torch.arange(config.n_codes - 1)[:, None]
    return model


def test_dead_codes_are_restarted_at_what_the_encoder_said_no_two_at_the_same():
    config = VQConfig(n_codes=5, restart=True, gamma=0.5)
    model = far_away(config)
    z, words = torch.tensor(POINTS[:8], dtype=torch.float32), torch.zeros(8, dtype=torch.int64)
    order = torch.tensor([6, 1, 3, 0, 2, 4, 5, 7])
    for _ in range(3):  # 0.5³ is still above a tenth
        model.take_in(z, words, order)
        assert (model.book.weight[1:] > 90).all()
    model.take_in(z, words, order)
    assert torch.equal(model.book.weight[1:], z[[6, 1, 3, 0]])
    assert torch.equal(model.usage[1:], torch.full((4,), 1 / 5))


def test_without_the_switch_a_dead_code_stays_dead():
    model = far_away(VQConfig(n_codes=5, gamma=0.5))
    z, words = torch.tensor(POINTS[:8], dtype=torch.float32), torch.zeros(8, dtype=torch.int64)
    for _ in range(20):
        model.take_in(z, words, words[:0])
    assert (model.book.weight[1:] > 90).all()


def test_fewer_places_than_dead_codes_restart_some():
    model = far_away(VQConfig(n_codes=9, restart=True, gamma=0.0))
    z = torch.tensor(POINTS[:3], dtype=torch.float32)
    model.take_in(z, torch.zeros(3, dtype=torch.int64), torch.arange(3))
    assert (model.book.weight[1:4] < 90).all()
    assert (model.book.weight[4:] > 90).all()


def test_in_training_restart_revives_what_else_stays_dead():
    """Codes that begin far from all that the encoder says."""
    given = {"n_codes": 24, "n_steps": 300, "every": 300, "gamma": 0.9, "learning_rate": 2e-3, "commitment": 1.0}
    found = {}
    for restart in (False, True):
        start = next(iterate_vq(POINTS, VQConfig(**given, restart=restart))).snapshot()
        start["book.weight"] = np.where(np.arange(24)[:, None] < 2, start["book.weight"], start["book.weight"] + 20)
        found[restart] = list(iterate_vq(POINTS, VQConfig(**given, restart=restart), resume=start))[-1]
    words = {restart: state.forward().words(POINTS) for restart, state in found.items()}
    assert n_used(words[False], 24) <= 2
    assert found[False].dead.sum() >= 22
    assert n_used(words[True], 24) >= 20
    assert found[True].dead.sum() <= 2
    errors = {restart: state.forward().squared_error(POINTS).mean() for restart, state in found.items()}
    assert errors[True] < 0.3 * errors[False]


# What it comes to


@pytest.mark.parametrize("ema", [False, True])
def test_on_the_moons_it_comes_near_to_the_best_k_points(ema):
    """One word a point: no network can beat the best 16 points, which K-means nearly finds."""
    from sklearn.cluster import KMeans

    config = VQConfig(n_codes=16, ema=ema, restart=True, n_steps=600, every=600, learning_rate=5e-3, decay=True)
    best = KMeans(16, n_init=5, random_state=0).fit(POINTS).inertia_ / len(POINTS)
    error = fit_vq(POINTS, config).forward().squared_error(POINTS).mean()
    assert 0.98 * best < error < 1.7 * best


def test_on_small_digits_words_say_more_than_the_mean_picture():
    config = VQConfig(side=8, code_size=4, n_steps=200, every=200, batch=64, learning_rate=5e-3, restart=True)
    forward, test = fit_vq(DIGITS.train.images, config).forward(), DIGITS.test.images
    mean = np.square(test - DIGITS.train.images.mean(axis=0)).sum(axis=(1, 2)).mean()
    assert forward.squared_error(test).mean() < 0.45 * mean
    assert 8 < perplexity(forward.words(test), 32) <= 32


def test_the_states_numbers_are_those_of_the_next_minibatch():
    config = VQConfig(n_codes=8, n_steps=4, batch=600)
    for state in iterate_vq(POINTS, config):
        forward = state.forward()
        words = forward.words(POINTS)
        assert state.reconstruction == pytest.approx(forward.squared_error(POINTS).mean(), rel=1e-4)
        assert state.perplexity == pytest.approx(perplexity(words, 8), rel=1e-3)
        assert state.used == n_used(words, 8)
        assert 1 <= state.perplexity <= state.used <= 8


def test_a_grid_is_the_rounding_of_each_number_by_itself_and_does_not_move():
    config = VQConfig(n_codes=16, code_size=2, book="grid", commitment=0.5, n_steps=5, batch=600)
    states = list(iterate_vq(POINTS, config))
    z = states[-1].forward().encode(POINTS)
    assert np.abs(z).max() < 1
    rounded = np.clip(np.rint((3 * z + 1) * 1.5), 0, 3) / 1.5 - 1
    np.testing.assert_allclose(states[-1].book.quantise(3 * z), rounded, atol=1e-6)
    assert all(np.array_equal(state.codes, states[0].codes) for state in states)
    forward = states[0].forward()
    apart = np.square(forward.encode(POINTS) - forward.book.quantise(forward.encode(POINTS))).sum(axis=1).mean()
    assert states[0].commitment == pytest.approx(apart, rel=1e-5)
    assert states[0].loss == pytest.approx(states[0].reconstruction + 0.5 * apart, rel=1e-5)


@pytest.mark.parametrize("from_snapshot", [False, True])
@pytest.mark.parametrize(("ema", "restart"), [(False, True), (True, True), (True, False)])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(from_snapshot, ema, restart):
    config = VQConfig(n_codes=40, hidden=(8,), n_steps=30, batch=50, ema=ema, restart=restart, gamma=0.7)
    whole = list(iterate_vq(POINTS, config))
    for stop in (0, 1, 17, 30):
        resume = whole[stop].snapshot() if from_snapshot else whole[stop]
        rest = list(iterate_vq(POINTS, config, resume=resume))
        assert len(rest) == 31 - stop
        for a, b in zip(whole[stop:], rest, strict=True):
            assert (a.step, a.loss, a.commitment) == (b.step, b.loss, b.commitment)
            for name in ("parameters", "moments", "generator", "counts"):
                assert np.array_equal(getattr(a, name), getattr(b, name))


def test_what_overflows_is_said_and_what_came_before_is_yielded():
    config = VQConfig(n_codes=4, n_steps=50, learning_rate=1e30)
    states = []
    with pytest.raises(DivergedError, match="smaller learning rate"):
        states.extend(iterate_vq(POINTS, config))
    assert 0 <= len(states) < 50


@pytest.mark.parametrize(
    ("x", "config", "message"),
    [
        (DIGITS.test.images, VQConfig(), r"shape \(N, D\)"),
        (np.array([[0.0, np.nan]]), VQConfig(), "NaN or infinity"),
        (DIGITS.test.images.reshape(-1, 64), VQConfig(side=8), r"shape \(N, 8, 8\); got \(250, 64\)"),
        (DIGITS.test.images * 16, VQConfig(side=8), "0…16; give 0…1"),
        (POINTS, VQConfig(n_features=3), "D = 3"),
    ],
)
def test_data_that_do_not_fit_are_refused(x, config, message):
    with pytest.raises(ValueError, match=message):
        next(iterate_vq(x, config))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_codes": 1}, "n_codes is 1"),
        ({"gamma": 1.0}, "gamma is 1.0"),
        ({"commitment": -1}, "commitment is -1"),
        ({"side": 28, "n_folds": 3}, "multiple of 8"),
        ({"book": "own"}, "choose one of learned, grid"),
        ({"book": "grid", "n_codes": 10}, "such as 9"),
        ({"book": "grid", "n_codes": 9, "ema": True}, "do not move"),
    ],
)
def test_bad_configs_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        VQConfig(**given)


TINY = {"n_codes": 5, "hidden": (4,), "n_steps": 7, "batch": 8}
CONTRACT = [
    ("vq", 7, lambda: iterate_vq(POINTS[:30], VQConfig(**TINY))),
    ("vq-ema", 7, lambda: iterate_vq(POINTS[:30], VQConfig(**TINY, ema=True, restart=True, gamma=0.5))),
    ("vq-8x8", 7, lambda: iterate_vq(DIGITS.test.images[:20], VQConfig(**TINY, side=8, channels=2))),
]


def test_dead_is_a_tenth_of_an_even_share():
    assert training.DEAD == 0.1
