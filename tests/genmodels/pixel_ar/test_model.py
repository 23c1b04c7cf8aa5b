"""Exact likelihoods by enumeration, what depends on what by gradients, masks, resuming, and sampling by counting."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from genmodels.nn.arrays import arrays
from genmodels.nn.layers import initialise, seeded
from genmodels.pixel_ar.model import (
    MADEConfig,
    PixelCNNConfig,
    conditionals,
    fit_pixel_ar,
    iterate_pixel_ar,
    log_prob,
    sample_pixels,
)
from genmodels.pixel_ar.orders import degrees, masks, packed, pixel_order, unpacked

torch.set_num_threads(1)
SIZE = {"height": 3, "width": 4}
TINY = {
    "fvsbn": MADEConfig(**SIZE, hidden=()),
    "fvsbn-random": MADEConfig(**SIZE, hidden=(), order="random"),
    "made": MADEConfig(**SIZE, hidden=(20,)),
    "made-deep-random": MADEConfig(**SIZE, hidden=(24, 17), order="random", order_seed=1, activation="tanh"),
    "cnn": PixelCNNConfig(**SIZE, channels=4, n_layers=2, first=3),
    "cnn-wide": PixelCNNConfig(**SIZE, channels=3, n_layers=1, first=5),
}
ALL = ((np.arange(4096)[:, None] >> np.arange(12)) & 1).astype(np.float32)
INK = (np.random.default_rng(0).random((40, 12)) < np.linspace(0.1, 0.9, 12)).astype(np.float32)
every_network = pytest.mark.parametrize("name", TINY)

STEPS = {"n_steps": 3, "batch": 10, "dropout": 0.3, "shift": 1, "average": 0.9}
CONTRACT = [
    ("made", 3, lambda: iterate_pixel_ar(INK, MADEConfig(**SIZE, hidden=(20,), **STEPS))),
    ("pixel-cnn", 3, lambda: iterate_pixel_ar(INK, PixelCNNConfig(**SIZE, channels=3, n_layers=2, **STEPS))),
]


def network(config, seed=0):
    """Untrained, but with weights large enough to matter."""
    model = initialise(config.network(), seeded(seed))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 2
    return model.double()


def dependencies(config):
    """Whether logit i depends on pixel j, ``(D, D)``, by the gradients of several networks."""
    x = torch.rand(config.n_features, generator=seeded(1), dtype=torch.float64)
    models = [network(config, seed) for seed in range(4)]
    found = [torch.autograd.functional.jacobian(lambda v, m=m: m(v[None])[0], x) != 0 for m in models]
    return torch.stack(found).any(0).numpy()


# --- The distribution ---------------------------------------------------------------------------------------


@every_network
def test_the_probabilities_of_all_images_sum_to_one(name):
    assert np.exp(log_prob(network(TINY[name]), ALL)).sum() == pytest.approx(1, abs=1e-10)


@every_network
def test_log_p_is_the_sum_over_the_conditionals_and_these_are_those_of_the_joint(name):
    config, model = TINY[name], network(TINY[name])
    p, joint = conditionals(model, ALL), np.exp(log_prob(model, ALL))
    np.testing.assert_allclose(np.log(np.where(ALL == 1, p, 1 - p)).sum(1), np.log(joint), atol=1e-10)
    order = config.pixel_order()
    for k in (0, 4, 11):  # p(x_k | before) as a ratio of sums over all images, without the chain rule
        x = ALL[1234]
        before = (ALL[:, order[:k]] == x[order[:k]]).all(1)
        ratio = joint[before & (ALL[:, order[k]] == 1)].sum() / joint[before].sum()
        assert p[1234, order[k]] == pytest.approx(ratio, abs=1e-10)


def test_sampling_follows_the_probabilities():
    model = network(MADEConfig(height=1, width=3, hidden=(5,), order="random"))
    images = ((np.arange(8)[:, None] >> np.arange(3)) & 1).astype(np.float32)
    drawn = sample_pixels(model, 4000, seeded(0))
    counts = [(drawn == image).all(1).sum() for image in images]
    assert chisquare(counts, 4000 * np.exp(log_prob(model, images))).pvalue > 0.01


# --- What depends on what -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in TINY if "cnn" not in name])
def test_a_pixel_depends_on_all_those_before_it_and_on_no_other(name):
    rank = np.argsort(TINY[name].pixel_order())
    np.testing.assert_array_equal(dependencies(TINY[name]), rank[:, None] > rank)


@pytest.mark.parametrize("first", [3, 5])
@pytest.mark.parametrize("n_layers", [0, 2])
def test_the_pixel_cnn_has_no_blind_spot(first, n_layers):
    config = PixelCNNConfig(height=9, width=11, channels=8, n_layers=n_layers, first=first)
    row, column = np.divmod(np.arange(99), 11)
    up, right = row[:, None] - row, column - column[:, None]
    reach = first // 2 + n_layers
    assert config.reach == reach
    if n_layers == 0:  # nothing takes the vertical stack across
        allowed = (up == 0) & (right < 0) & (right >= -reach)
    else:
        across = (up == 0) & (right < 0) & (right >= -reach)
        allowed = across | ((up > 0) & (up <= reach) & (abs(right) <= reach))
    np.testing.assert_array_equal(dependencies(config), allowed)


def test_masks_and_degrees():
    assert [level.tolist() for level in degrees(3, (4,))] == [[1, 2, 3], [1, 1, 2, 2], [0, 1, 2]]
    assert masks(3, ())[0].tolist() == np.tri(3, k=-1, dtype=bool).tolist()
    assert sorted(pixel_order(50, "random", 3)) == list(range(50))
    assert (pixel_order(50, "random", 3) != pixel_order(50, "random", 4)).any()


@pytest.mark.parametrize("hidden", [(), (7,), (24, 17)])
def test_packing_keeps_the_distribution_in_fewer_numbers(hidden):
    config = MADEConfig(**SIZE, hidden=hidden)
    model = network(config)
    small = packed(arrays(model), 12, hidden)
    assert sum(v.size for v in small.values()) < 0.8 * sum(v.size for v in arrays(model).values())
    whole = unpacked(small, 12, hidden)
    for name, mask in zip((f"layers.{i}.weight" for i in range(len(hidden) + 1)), masks(12, hidden), strict=True):
        np.testing.assert_array_equal(whole[name], np.where(mask, arrays(model)[name], 0))


# --- Training -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [MADEConfig, PixelCNNConfig])
def test_training_finds_what_images_have_in_common(config):
    given = {"hidden": (20,)} if config is MADEConfig else {"channels": 6, "n_layers": 2, "first": 3}
    x = np.repeat(INK[:, :1], 12, axis=1)  # all pixels alike: ln 2 to 0.5 nats an image in all
    state = fit_pixel_ar(x, config(**SIZE, **given, n_steps=120, batch=20, learning_rate=0.03, every=120))
    share = x[:, 0].mean()
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert -log_prob(state.model(), x).mean() == pytest.approx(entropy, abs=0.15)


@pytest.mark.parametrize("name", ["made", "cnn"])
def test_a_resumed_training_is_one_without_a_break(name):
    given = {"hidden": (9,)} if name == "made" else {"channels": 3, "n_layers": 1}
    kind = MADEConfig if name == "made" else PixelCNNConfig
    config = kind(**SIZE, **given, n_steps=8, batch=10, dropout=0.3, shift=1, average=0.9, decay=True)
    states = list(iterate_pixel_ar(INK, config))
    *_, again = iterate_pixel_ar(INK, config, states[3].snapshot())
    np.testing.assert_array_equal(again.average, states[-1].average)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MADEConfig(dropout=1.0), "below 1"),
        (lambda: MADEConfig(height=1, width=1), "one pixel"),
        (lambda: MADEConfig(order="snake"), "raster, random"),
        (lambda: PixelCNNConfig(first=4), "odd"),
        (lambda: PixelCNNConfig(channels=0), "channels"),
        (lambda: log_prob(network(TINY["made"]), INK / 2), "binarise"),
        (lambda: log_prob(network(TINY["made"]), INK[:, :5]), "D = 12"),
    ],
)
def test_what_cannot_be_is_said(make, said):
    with pytest.raises(ValueError, match=said):
        make()
