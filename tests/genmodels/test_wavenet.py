"""WaveNet: its field by gradients, its distribution by sums, numpy beside torch, drawing by counting."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from genmodels.nn.arrays import arrays
from genmodels.nn.layers import initialise, seeded
from genmodels.wavenet import model as wavenet
from genmodels.wavenet.model import WaveNetConfig, fit_wavenet, iterate_wavenet, log_prob, shifted
from genmodels.wavenet.runtime import ForwardWaveNet, SoundConfig, draw_sound, iterate_sound

torch.set_num_threads(1)
RNG = np.random.default_rng(0)
LEVELS, KINDS = RNG.integers(0, 256, (3, 50)), np.array([2, 0, 1])
SMALL = {"channels": 5, "skip": 6}
NETWORKS = {
    "two taps": WaveNetConfig(n_layers=4, **SMALL),
    "three taps": WaveNetConfig(n_layers=3, taps=3, **SMALL),
    "one layer": WaveNetConfig(n_layers=1, n_kinds=3, **SMALL),
}
every_network = pytest.mark.parametrize("name", NETWORKS)
CONTRACT = [
    (
        "wavenet",
        3,
        lambda: iterate_wavenet(LEVELS, KINDS, WaveNetConfig(n_layers=2, n_steps=3, batch=2, average=0.9, **SMALL)),
    ),
    ("sound", 12, lambda: iterate_sound(both("two taps")[1], SoundConfig((0, 2), 12))),
    ("sound that goes on", 20, lambda: iterate_sound(both("three taps")[1], SoundConfig((2, 0, 1), 70), LEVELS)),
]


def both(name, scale=2.0):
    """The network in torch, its weights large enough to matter, and in numpy."""
    model = initialise(NETWORKS[name].network(), seeded(0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
    return model, ForwardWaveNet(arrays(model))


# --- The network --------------------------------------------------------------------------------------------


@every_network
def test_a_sample_depends_on_its_field_and_on_nothing_else(name):
    config, model = NETWORKS[name], both(name)[0].double()
    t = 45
    h = torch.rand(1, 50, 5, generator=seeded(1), dtype=torch.float64, requires_grad=True)
    logits = model.of_features(shifted(h, 1), torch.tensor([1]))
    (gradient,) = torch.autograd.grad(logits[0, t].square().sum(), h)
    field = 1 + (config.taps - 1) * sum(2**i for i in range(config.n_layers))
    assert config.field == both(name)[1].field == field
    assert torch.nonzero(gradient.abs().sum(2)[0]).ravel().tolist() == list(range(t - field, t))


@every_network
def test_log_p_is_that_of_the_logits_and_sums_to_one(name):
    model, _ = both(name)
    logits = model(torch.tensor(LEVELS), torch.tensor(KINDS)).detach().double()
    p = torch.softmax(logits, 2).numpy()
    np.testing.assert_allclose(p.sum(2), 1, atol=1e-10)
    expected = np.log(np.take_along_axis(p, LEVELS[..., None], 2)[..., 0])
    np.testing.assert_allclose(log_prob(model, LEVELS, KINDS), expected, atol=1e-5)


def test_the_kind_matters():
    model, _ = both("two taps")
    assert abs(log_prob(model, LEVELS, KINDS) - log_prob(model, LEVELS, (KINDS + 1) % 3)).max() > 0.01


def test_training_learns_what_follows_what():
    levels = np.tile(np.arange(0, 256, 32), (6, 5))  # each sample says the next
    kinds = np.zeros(6, dtype=int)
    config = WaveNetConfig(n_layers=2, n_steps=120, batch=6, learning_rate=0.03, every=120, **SMALL)
    nats = -log_prob(fit_wavenet(levels, kinds, config).model(), levels, kinds)
    assert nats[:, 1:].mean() < 0.1


def test_a_resumed_training_is_one_without_a_break():
    config = WaveNetConfig(n_layers=2, n_steps=6, batch=2, average=0.9, decay=True, **SMALL)
    states = list(iterate_wavenet(LEVELS, KINDS, config))
    *_, again = iterate_wavenet(LEVELS, KINDS, config, states[2].snapshot())
    np.testing.assert_array_equal(again.average, states[-1].average)


# --- Without torch ------------------------------------------------------------------------------------------


@every_network
def test_logits_at_once_and_by_ring_buffers_equal_torchs(name):
    model, forward = both(name)
    expected = model(torch.tensor(LEVELS), torch.tensor(KINDS)).detach().numpy()
    np.testing.assert_allclose(forward.logits(LEVELS, KINDS), expected, atol=1e-5)
    np.testing.assert_allclose(np.stack(list(forward.walk(LEVELS, KINDS)), 1), expected, atol=1e-5)
    np.testing.assert_allclose(forward.log_prob(LEVELS, KINDS), log_prob(model, LEVELS, KINDS), atol=1e-5)


def test_drawing_inverts_the_cumulated_probabilities_and_knows_the_log_likelihood():
    forward = both("two taps", scale=3)[1]
    states = list(iterate_sound(forward, SoundConfig((0, 2), 40, temperature=0.7, seed=1)))
    uniform, end, kinds = np.random.default_rng(1).random((2, 40)), states[-1], np.array([0, 2])
    np.testing.assert_allclose(end.log_prob, forward.log_prob(end.levels, kinds).sum(1), atol=1e-4)
    for t in (0, 1, 39):
        p = states[t].probabilities.astype(np.float64)
        tempered = forward.logits(end.levels, kinds)[:, t] / 0.7
        softmax = np.exp(tempered) / np.exp(tempered).sum(1, keepdims=True)
        np.testing.assert_allclose(p, softmax, atol=1e-5)
        np.testing.assert_array_equal(states[t].levels, end.levels[:, :t])
        for row in range(2):
            drawn = end.levels[row, t]
            assert p[row, :drawn].sum() - 1e-5 <= uniform[row, t] <= p[row, : drawn + 1].sum() + 1e-5
    assert [s.step for s in iterate_sound(forward, SoundConfig((0,), 40, every=15))] == [0, 15, 30, 40]


def test_drawing_follows_the_probabilities():
    forward = both("one layer", scale=3)[1]
    drawn = draw_sound(forward, SoundConfig((1,) * 4000, 1)).levels[:, 0]
    p = np.exp(forward.log_prob(np.arange(256)[:, None], np.ones(256, dtype=int))[:, 0])
    assert p.sum() == pytest.approx(1, abs=1e-6)
    counts = np.bincount(drawn // 16, minlength=16)
    assert chisquare(counts, 4000 * p.reshape(16, 16).sum(1) / p.sum()).pvalue > 0.01


def test_a_beginning_is_kept_and_goes_on_as_if_it_had_been_drawn():
    forward, config = both("three taps")[1], SoundConfig((2, 0, 1), 60, seed=4)
    whole = draw_sound(forward, config).levels
    state = draw_sound(forward, config, whole[:, :25])
    assert state.step == 35
    np.testing.assert_array_equal(state.levels, whole)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: WaveNetConfig(taps=1), "taps"),
        (lambda f: SoundConfig(()), "kinds"),
        (lambda f: SoundConfig((0,), 0), "length"),
        (lambda f: SoundConfig(temperature=-1), "temperature"),
        (lambda f: draw_sound(f, SoundConfig((3,), 5)), "of 0…2"),
        (lambda f: draw_sound(f, SoundConfig((0,), 50), LEVELS[:1]), "fewer than 50"),
        (lambda f: f.log_prob(LEVELS + 1.5, KINDS), "whole numbers"),
        (lambda f: f.log_prob(LEVELS + 256, KINDS), "encode_mu_law"),
        (lambda f: wavenet.log_prob(both("two taps")[0], LEVELS + 256, KINDS), "encode_mu_law"),
    ],
)
def test_what_cannot_be_is_said(make, said):
    with pytest.raises(ValueError, match=said):
        make(both("two taps")[1])
