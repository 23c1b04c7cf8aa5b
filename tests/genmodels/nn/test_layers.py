"""Networks whose weights come from our generator."""

import numpy as np
import pytest
import torch
from torch import nn

from genmodels.nn import arrays as parameters
from genmodels.nn import layers
from genmodels.nn.layers import initialise, mlp, seeded

torch.set_num_threads(1)  # as in the app: two threads on two busy cores are far slower


def test_weights_come_from_the_generator_alone_with_torchs_own_spread():
    state = torch.get_rng_state()
    module = nn.Sequential(layers.conv(4, 50), layers.linear(400, 100))
    initialise(module, seeded(3))
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(0)
    same = initialise(nn.Sequential(layers.conv(4, 50), layers.linear(400, 100)), seeded(3))
    other = initialise(nn.Sequential(layers.conv(4, 50), layers.linear(400, 100)), seeded(4))
    torch.set_rng_state(state)
    assert np.array_equal(parameters.flat(module), parameters.flat(same))
    assert not np.array_equal(parameters.flat(module), parameters.flat(other))
    for layer, fan_in in zip(module, (36, 400), strict=True):
        weight = layer.weight.detach() * fan_in**0.5
        assert weight.abs().max() <= 1
        assert abs(weight.square().mean() - 1 / 3) < 4 * (4 / 45 / weight.numel()) ** 0.5  # Var[u²] = 4/45


def test_an_mlp_needs_two_sizes():
    with pytest.raises(ValueError, match="inputs and of outputs"):
        mlp([3])
