"""The convolutional classifier without torch."""

import numpy as np
import pytest
import torch

from genmodels.cnn import CNN, CNNConfig, predict_proba
from genmodels.nn import arrays as parameters
from genmodels.nn.convolutional import ForwardCNN
from genmodels.nn.layers import initialise, seeded
from genmodels.store import cache

torch.set_num_threads(1)


@pytest.mark.parametrize(
    "config", [CNNConfig(9, 3, channels=(4, 6), n_pools=1), CNNConfig(11, 5, channels=(3, 4, 5), n_pools=2)]
)
def test_it_says_what_torch_says(config):
    model = initialise(CNN(config), seeded(0))
    images = np.random.default_rng(0).random((7, config.side, config.side))
    arrays = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    expected = predict_proba(model, images)
    assert expected.std(axis=0).max() > 1e-4, "it depends on the picture"
    assert np.allclose(ForwardCNN(arrays, config.n_pools)(images), expected, atol=1e-6)


def test_the_stored_network_says_what_torch_says():
    stored = cache.load("cnn")
    config = CNNConfig(**stored.entry.config)
    weights = {name: value for name, value in stored.arrays.items() if not name.startswith("test.")}
    model = parameters.load(CNN(config), weights)
    noise = np.random.default_rng(1).random((5, 28, 28))
    assert np.allclose(ForwardCNN(stored.arrays, config.n_pools)(noise), predict_proba(model, noise), atol=1e-5)


def test_many_pictures_are_read_like_few_and_none_like_none():
    reads = cache.made(ForwardCNN.of, "cnn")
    noise = np.random.default_rng(2).random((123, 28, 28))
    assert np.allclose(reads(noise), np.concatenate([reads(noise[:40]), reads(noise[40:])]), atol=1e-6)
    assert reads(noise[:0]).shape == (0, 10)
