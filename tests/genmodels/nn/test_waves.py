"""The perceptron of points: its product with the Jacobian beside torch's, and in either arithmetic."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.nn.waves import WavePerceptron, level_features

ACTIVATIONS = {"relu": torch.relu, "silu": torch.nn.functional.silu, "tanh": torch.tanh}
D, WAVES = 5, 3


def arrays(x_waves: int, n_classes: int, hidden=(16, 12)) -> dict[str, np.ndarray]:
    rng, sizes = np.random.default_rng(0), (D * (1 + 2 * x_waves) + 1 + 2 * WAVES + n_classes, *hidden, D)
    made = {"centre": np.zeros(D), "scale": np.ones(1)}
    for k, (inputs, outputs) in enumerate(pairwise(sizes)):
        made[f"net.{k}.weight"] = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
        made[f"net.{k}.bias"] = rng.standard_normal(outputs)
    return made


def by_torch(given, activation, x_waves, u, x, y, n_classes):
    """The output, as a function of points in float64."""
    told = [level_features(u, WAVES, np.float64)] + ([np.eye(n_classes)[y]] if n_classes else [])
    more = torch.tensor(np.concatenate([np.broadcast_to(t, (len(x), np.shape(t)[-1])) for t in told], axis=1))
    phases = (x[:, :, None] * 2.0 ** torch.arange(x_waves)).flatten(1)
    h = torch.cat([x, *([torch.sin(phases), torch.cos(phases)] if x_waves else []), more], dim=1)
    last = sum("weight" in name for name in given) - 1
    for k in range(last + 1):
        h = h @ torch.tensor(given[f"net.{k}.weight"]).T + torch.tensor(given[f"net.{k}.bias"])
        h = ACTIVATIONS[activation](h) if k < last else h
    return h


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("activation", "x_waves", "n_classes"), [("relu", 0, 3), ("silu", 2, 0), ("tanh", 4, 3)])
def test_the_product_with_the_jacobian_is_torchs(activation, x_waves, n_classes, dtype):
    rng, given = np.random.default_rng(1), arrays(x_waves, n_classes)
    x, v, y = rng.standard_normal((7, D)), rng.standard_normal((7, D)), np.arange(7) % 3 if n_classes else None
    network = WavePerceptron(given, activation, x_waves, WAVES, n_classes, dtype)
    at = torch.tensor(x, requires_grad=True)
    output = by_torch(given, activation, x_waves, 0.3, at, y, n_classes)
    expected = torch.autograd.grad(output, at, torch.tensor(v))[0].numpy()
    said, pulled = network.ask_and_pull(x, 0.3, v, y)
    close = {"rtol": 1e-9, "atol": 1e-9} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-4}
    assert said.dtype == pulled.dtype == dtype
    np.testing.assert_allclose(said, output.detach().numpy(), **close)
    np.testing.assert_allclose(said, network.ask(x, 0.3, y), **close)
    np.testing.assert_allclose(pulled, expected, **close)


def test_it_is_the_transpose_that_is_multiplied():
    """⟨v, J w⟩ = ⟨Jᵀ v, w⟩, J w by differences; J of a network is not symmetric."""
    config = DenoiserConfig(hidden=(16, 12), activation="silu", x_waves=0, t_waves=WAVES)
    denoiser = ForwardDenoiser(arrays(0, 0), config, np.float64)
    rng = np.random.default_rng(2)
    x, v, w = (rng.standard_normal((4, D)) for _ in range(3))
    forwards = (denoiser(x + 1e-5 * w, 0.4) - denoiser(x - 1e-5 * w, 0.4)) / 2e-5
    pulled = denoiser.vjp(x, 0.4, v)[1]
    np.testing.assert_allclose((pulled * w).sum(axis=1), (v * forwards).sum(axis=1), rtol=1e-5)
    turned = (denoiser(x + 1e-5 * v, 0.4) - denoiser(x - 1e-5 * v, 0.4)) / 2e-5
    assert np.abs(turned - pulled).max() > 0.1
