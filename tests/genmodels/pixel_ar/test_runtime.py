"""The numpy runtime beside torch; drawing and completing beside enumeration."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from genmodels.nn.arrays import arrays
from genmodels.nn.layers import initialise, seeded
from genmodels.pixel_ar.model import MADEConfig, PixelCNNConfig, log_prob
from genmodels.pixel_ar.orders import packed
from genmodels.pixel_ar.runtime import (
    DrawConfig,
    ForwardPixelCNN,
    complete,
    draw_pixels,
    forward_pixels,
    iterate_pixels,
)

torch.set_num_threads(1)
NETWORKS = {
    "fvsbn": MADEConfig(height=5, width=6, hidden=()),
    "made": MADEConfig(height=5, width=6, hidden=(40,), activation="silu"),
    "made-narrow": MADEConfig(height=5, width=6, hidden=(7,)),
    "made-deep-random": MADEConfig(height=5, width=6, hidden=(40, 33), order="random", order_seed=3),
    "cnn": PixelCNNConfig(height=5, width=6, channels=5, n_layers=3, first=5),
    "cnn-flat": PixelCNNConfig(height=5, width=6, channels=5, n_layers=0, first=3),
}
X = (np.random.default_rng(0).random((4, 30)) < 0.5).astype(np.float32)
every_network = pytest.mark.parametrize("name", NETWORKS)


def both(config, seed=0):
    """The network in torch, its weights large enough to matter, and in numpy."""
    model = initialise(config.network(), seeded(seed))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 2
    fields = ("height", "width", "order", "order_seed", "activation", "channels")
    return model, forward_pixels(
        arrays(model), {name: getattr(config, name) for name in fields if hasattr(config, name)}
    )


SMALL = both(MADEConfig(height=1, width=3, hidden=(5,)))[1]
CONTRACT = [
    ("drawing", 30, lambda: iterate_pixels(both(NETWORKS["made-deep-random"])[1], DrawConfig(3))),
    ("completing", 18, lambda: iterate_pixels(both(NETWORKS["cnn"])[1], DrawConfig(4), X, np.arange(30) < 12)),
]


@every_network
def test_logits_at_once_and_one_by_one_equal_torchs(name):
    model, forward = both(NETWORKS[name])
    expected = model(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(forward.logits(X), expected, atol=1e-5)
    np.testing.assert_allclose(np.stack(list(forward.walk(X)), 1), expected[:, forward.order], atol=1e-5)
    np.testing.assert_allclose(forward.log_prob(X), log_prob(model, X), atol=1e-4)
    np.testing.assert_allclose(forward.conditionals(X), 1 / (1 + np.exp(-expected)), atol=1e-5)
    np.testing.assert_allclose(forward.log_prob_of_pixels(X).sum(1), forward.log_prob(X), atol=1e-10)


@pytest.mark.parametrize("hidden", [(), (7,), (40, 33)])
def test_packed_weights_are_the_same_network(hidden):
    config = MADEConfig(height=5, width=6, hidden=hidden, order="random")
    model, forward = both(config)
    small = packed(arrays(model), 30, hidden)
    assert all(small[name].ndim == 1 for name in small)
    again = forward_pixels(small, {"height": 5, "width": 6, "order": "random"})
    assert again.hidden == hidden
    np.testing.assert_array_equal(again.logits(X), forward.logits(X))


@every_network
def test_drawing_uses_each_probability_and_knows_the_log_likelihood(name):
    forward = both(NETWORKS[name])[1]
    states = list(iterate_pixels(forward, DrawConfig(5, seed=1)))
    uniform = np.random.default_rng(1).random((5, 30))
    end = states[-1]
    np.testing.assert_array_equal(end.images, uniform < end.probabilities)
    np.testing.assert_allclose(end.probabilities, forward.conditionals(end.images), atol=1e-5)
    np.testing.assert_allclose(end.log_prob, forward.log_prob(end.images), atol=1e-4)
    for k in (0, 7, 29):
        state = states[k]
        assert state.next_pixel == forward.order[k]
        assert set(np.flatnonzero(state.known)) == set(forward.order[:k])
        np.testing.assert_array_equal(state.images, np.where(state.known, end.images, 0))
        there = np.isfinite(state.probabilities).all(0)
        assert set(np.flatnonzero(there)) == set(forward.order[: k + 1])
        before = forward.log_prob_of_pixels(end.images)[:, forward.order[:k]].sum(1)
        np.testing.assert_allclose(state.log_prob, before, atol=1e-4)
    assert end.next_pixel == -1
    assert [s.step for s in iterate_pixels(forward, DrawConfig(1, every=12))] == [0, 12, 24, 30]


def test_drawing_follows_the_probabilities_at_every_temperature():
    images = ((np.arange(8)[:, None] >> np.arange(3)) & 1).astype(np.float32)
    for temperature in (1.0, 0.4, 3.0):
        drawn = draw_pixels(SMALL, DrawConfig(4000, temperature)).images
        p = 1 / (1 + np.exp(-SMALL.logits(images).astype(float) / temperature))
        expected = np.where(images == 1, p, 1 - p).prod(1)
        assert chisquare([(drawn == image).all(1).sum() for image in images], 4000 * expected).pvalue > 0.01


def test_completing_follows_the_conditional_distribution():
    images = ((np.arange(8)[:, None] >> np.arange(3)) & 1).astype(np.float32)
    joint = np.exp(SMALL.log_prob(images))
    state = complete(SMALL, np.array([[1, 0, 0]]), np.array([True, False, False]), DrawConfig(4000))
    assert (state.images[:, 0] == 1).all()
    here = images[:, 0] == 1
    counts = [(state.images == image).all(1).sum() for image in images[here]]
    assert chisquare(counts, 4000 * joint[here] / joint[here].sum()).pvalue > 0.01
    np.testing.assert_allclose(state.log_prob, SMALL.log_prob(state.images), atol=1e-5)


@every_network
def test_what_is_given_stays_and_what_is_not_is_not_looked_at(name):
    forward = both(NETWORKS[name])[1]
    given = np.isin(np.arange(30), forward.order[:12])
    states = list(iterate_pixels(forward, DrawConfig(4, seed=2), X, given))
    assert (states[0].step, states[-1].step) == (0, 18)
    for state in states:
        np.testing.assert_array_equal(state.images[:, given], X[:, given])
    other = complete(forward, np.where(given, X, 1 - X), given, DrawConfig(4, seed=2))
    np.testing.assert_array_equal(other.images, states[-1].images)
    whole = complete(forward, X, np.ones(30, dtype=bool), DrawConfig(4))
    np.testing.assert_array_equal(whole.images, X)


def test_the_same_image_is_drawn_whatever_stands_beside_it():
    forward = both(NETWORKS["cnn"])[1]
    few, many = (draw_pixels(forward, DrawConfig(n, seed=3)).images for n in (2, 9))
    np.testing.assert_array_equal(few, many[:2])


def test_one_image_is_completed_in_several_ways():
    forward = both(NETWORKS["made"])[1]
    state = complete(forward, X[:1], np.arange(30) < 12, DrawConfig(6))
    assert (state.images[:, :12] == X[0, :12]).all()
    assert len(np.unique(state.images, axis=0)) > 1


def test_what_the_order_cannot_answer_is_said():
    forward, lower = both(NETWORKS["cnn"])[1], np.arange(30) >= 20
    with pytest.raises(ValueError, match=r"by rows from the top left.*there are 20 .*2\^20 .*first 10 pixels"):
        complete(forward, X, lower, DrawConfig(4))
    with pytest.raises(ValueError, match="drawn by lot"):
        complete(both(NETWORKS["made-deep-random"])[1], X, ~lower, DrawConfig(4))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: DrawConfig(0), "n_images"),
        (lambda f: DrawConfig(temperature=0), "temperature"),
        (lambda f: complete(f, X, np.ones(30), DrawConfig(4)), "True or False"),
        (lambda f: complete(f, X, np.ones(5, dtype=bool), DrawConfig(4)), "30 times"),
        (lambda f: complete(f, X, np.ones(30, dtype=bool), DrawConfig(7)), "give one, or as many"),
        (lambda f: list(iterate_pixels(f, DrawConfig(4), X)), "give both"),
        (lambda f: f.log_prob(X / 2), "binarise"),
        (lambda f: f.conditionals(X[:, :4]), "30"),
    ],
)
def test_what_cannot_be_is_said(make, said):
    with pytest.raises(ValueError, match=said):
        make(both(NETWORKS["cnn"])[1])


def test_sizes_are_read_from_the_arrays():
    forward = both(NETWORKS["cnn"])[1]
    assert isinstance(forward, ForwardPixelCNN)
    assert (forward.n_layers, forward.reach, forward.n_features) == (3, NETWORKS["cnn"].reach, 30)


def test_torch_is_not_imported():
    code = "import sys, genmodels.pixel_ar.runtime, genmodels.wavenet.runtime; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
