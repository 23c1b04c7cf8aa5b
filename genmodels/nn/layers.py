r"""Networks whose first weights come from an explicit generator.

torch draws a layer's weights from its global seed when the layer is made; here layers are made without weights, and
:func:`initialise` draws them from torch's own distribution with a generator of ours.

Source: LeCun et al. (1998), *Efficient BackProp*, for the scale of the initial weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import skip_init

from genmodels.checks import check_activation

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def linear(n_inputs: int, n_outputs: int, bias: bool = True) -> nn.Linear:
    """A linear layer whose weights are not set yet (torch would draw them from the global seed)."""
    return skip_init(nn.Linear, n_inputs, n_outputs, bias=bias)


def conv(n_inputs: int, n_outputs: int, size: int = 3) -> nn.Conv2d:
    """A convolution that keeps height and width, whose weights are not set yet; ``size`` is odd."""
    return skip_init(nn.Conv2d, n_inputs, n_outputs, size, padding=size // 2)


def mlp(sizes: Sequence[int], activation: str = "relu") -> nn.Sequential:
    """A multi-layer perceptron; the last layer is linear. Its weights are not set: call :func:`initialise`.

    Args:
        sizes: Width of each layer, inputs and outputs included, two or more; two make a linear map.
        activation: Between the layers: ``"relu"``, ``"silu"`` or ``"tanh"``.

    >>> mlp([3, 8, 2])
    Sequential(
      (0): Linear(in_features=3, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=2, bias=True)
    )
    """
    check_activation(activation)
    if len(sizes) < 2:
        raise ValueError(f"sizes is {tuple(sizes)}; give at least the number of inputs and of outputs.")
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes):
        layers += [linear(n_inputs, n_outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU with this seed."""
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def initialise(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw the weights and biases of every linear and convolutional layer from U(−1/√fan_in, 1/√fan_in).

    This is torch's own default distribution, drawn from a generator of ours; other parameters stay as they are.

    Args:
        module: Anything that holds ``nn.Linear`` or ``nn.Conv2d`` layers; changed in place, and returned.
        generator: On the CPU.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * bound)
    return module


def n_parameters(module: nn.Module) -> int:
    """How many numbers the module has learned or holds fixed."""
    return sum(parameter.numel() for parameter in module.parameters())
