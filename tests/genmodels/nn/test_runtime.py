"""The forward pass in numpy against torch's."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from genmodels.autoencoder.model import AutoencoderConfig
from genmodels.autoencoder.runtime import ForwardAutoencoder
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.diffusion.training import TorchDenoiser
from genmodels.nn import arrays as parameters
from genmodels.nn import layers
from genmodels.nn.layers import initialise, mlp, seeded
from genmodels.nn.runtime import Forward, one_hot, sigmoid
from genmodels.store.checkpoint import load
from genmodels.vae.model import VAEConfig, elbo, kl_divergence
from genmodels.vae.runtime import ForwardVAE

torch.set_num_threads(1)
close = {"rtol": 1e-5, "atol": 1e-5}


def inputs(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).random((n, d), dtype=np.float32)


@pytest.mark.parametrize("activation", list(layers.ACTIVATIONS))
@pytest.mark.parametrize("sizes", [(5, 3), (784, 256, 256, 10), (4, 1, 7)])
@pytest.mark.parametrize("n", [0, 1, 6])
def test_a_perceptron_equals_torchs(activation, sizes, n):
    module = initialise(mlp(sizes, activation), seeded(1))
    forward = Forward({f"f.{k}": v for k, v in parameters.arrays(module).items()}, "f", activation)
    x = inputs(n, sizes[0])
    assert forward.sizes == sizes
    assert forward(x).dtype == np.float32
    np.testing.assert_allclose(forward(x), module(torch.from_numpy(x)).detach(), **close)


@pytest.mark.parametrize("activation", [*layers.ACTIVATIONS])
@pytest.mark.parametrize("output", ["identity", "sigmoid", "tanh"])
@pytest.mark.parametrize("sizes", [(3, 5), (2, 30, 20, 7)])
def test_backwards_it_equals_torchs(activation, output, sizes):
    """The slope of Σ cos(output) in the input, in float64."""
    module = initialise(mlp(sizes, activation), seeded(1)).double()
    arrays = {f"f.{k}": v for k, v in parameters.arrays(module).items()}
    forward = Forward(arrays, "f", activation, output, dtype=np.float64)
    x = torch.tensor(inputs(6, sizes[0]), dtype=torch.float64, requires_grad=True)
    out = module(x) if output == "identity" else getattr(torch, output)(module(x))
    out.cos().sum().backward()
    value, slope = forward.pull(x.detach().numpy(), lambda out: -np.sin(out))
    assert value.dtype == slope.dtype == np.float64
    np.testing.assert_allclose(value, out.detach(), atol=1e-12)
    np.testing.assert_allclose(slope, x.grad, atol=1e-12)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("hidden", [(), (32,), (32, 16)])
def test_the_autoencoder_equals_torchs(loss, hidden):
    model = initialise(AutoencoderConfig(20, 3, hidden=hidden, loss=loss, activation="silu").network(), seeded(0))
    forward, x = ForwardAutoencoder(parameters.arrays(model), "silu", loss), inputs(4, 20)
    z = model.encode(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(forward.encode(x), z, **close)
    np.testing.assert_allclose(forward.decode(z.numpy()), model.decode(z).detach(), **close)
    np.testing.assert_allclose(forward(x), model(torch.from_numpy(x)).detach(), **close)


@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("n_classes", [0, 4])
@pytest.mark.parametrize("hidden", [(), (32, 16)])
def test_the_vae_equals_torchs(decoder, n_classes, hidden):
    config = VAEConfig(20, 3, hidden=hidden, decoder=decoder, n_classes=n_classes, activation="tanh", noise=0.3)
    model = initialise(config.network(), seeded(0))
    forward, x = ForwardVAE(parameters.arrays(model), "tanh"), inputs(4, 20)
    y = np.array([0, 3, 1, 1]) if n_classes else None
    classes = None if y is None else torch.from_numpy(y)
    assert (forward.n_latents, forward.n_classes) == (3, n_classes)
    assert forward.noise == (pytest.approx(0.3) if decoder == "gaussian" else None)
    mu, log_var = model.encode(torch.from_numpy(x), classes)
    got_mu, got_sigma = forward.encode(x, y)
    np.testing.assert_allclose(got_mu, mu.detach(), **close)
    np.testing.assert_allclose(got_sigma, (0.5 * log_var).exp().detach(), **close)
    np.testing.assert_allclose(forward.decode(got_mu, y), model.mean(mu, classes).detach(), **close)


@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
def test_the_bound_is_torchs(decoder):
    model = initialise(VAEConfig(20, 3, hidden=(16,), decoder=decoder, noise=0.3).network(), seeded(0))
    forward, x = ForwardVAE(parameters.arrays(model)), (inputs(4, 20) > 0.5).astype(np.float32)
    mu, log_var = model.encode(torch.from_numpy(x))
    at_mean = model.log_prob(model.decode(mu), torch.from_numpy(x)).detach()
    np.testing.assert_allclose(forward.log_prob(x, mu.detach().numpy()), at_mean, rtol=1e-5)
    reconstruction, kl = forward.elbo(x, 4_000, np.random.default_rng(0))
    np.testing.assert_allclose(kl, kl_divergence(mu, log_var).sum(1).detach(), **close)
    bound = elbo(model, x, n_samples=4_000, generator=seeded(1))
    spread = elbo(model, x.repeat(400, 0), generator=seeded(2)).reconstruction.reshape(4, 400).std(1).detach().numpy()
    error = np.abs(reconstruction - bound.reconstruction.detach().numpy())
    assert (error < 5 * spread * np.sqrt(2 / 4_000)).all()


def test_a_class_is_asked_for_or_refused():
    plain, conditional = (
        ForwardVAE(parameters.arrays(initialise(VAEConfig(5, n_classes=c).network(), seeded(0)))) for c in (0, 3)
    )
    with pytest.raises(ValueError, match="leave out y"):
        plain.decode(np.zeros((1, 2)), np.array([0]))
    with pytest.raises(ValueError, match="give the labels y"):
        conditional.encode(np.zeros((1, 5)))
    with pytest.raises(ValueError, match=r"3…3; give 0…2"):
        conditional.decode(np.zeros((1, 2)), np.array([3]))


def test_torch_is_not_imported():
    code = "import sys, genmodels.nn.runtime; assert 'torch' not in sys.modules, 'torch came along'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_sigmoid_survives_both_ends():
    with np.errstate(all="raise"):
        assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match="whole numbers"):
        one_hot(np.array([0.5]), 2)
    with pytest.raises(ValueError, match=r"-1…0; give 0…1"):
        one_hot(np.array([-1, 0]), 2)


def test_arrays_that_do_not_fit_are_refused():
    layer = {"f.0.weight": np.zeros((2, 3)), "f.0.bias": np.zeros(2)}
    with pytest.raises(ValueError, match="hold no layer g"):
        Forward(layer, "g")
    with pytest.raises(ValueError, match="2 outputs and the next 5 inputs"):
        Forward(layer | {"f.2.weight": np.zeros((1, 5)), "f.2.bias": np.zeros(1)}, "f")
    with pytest.raises(ValueError, match="'gelu' is unknown"):
        Forward(layer, "f", "gelu")
    with pytest.raises(ValueError, match=r"shape \(N, 3\); got \(1, 4\)"):
        Forward(layer, "f")(np.zeros((1, 4)))


def test_the_network_of_a_checkpoint_equals_torchs():
    x = inputs(4, 784)
    stored = load("autoencoder-2d")
    copier = parameters.load(AutoencoderConfig(**stored.entry.config).network(), stored.arrays)
    np.testing.assert_allclose(ForwardAutoencoder.of(stored)(x), copier(torch.from_numpy(x)).detach(), **close)

    stored = load("vae-2d")
    names = ("n_features", "n_latents", "hidden", "activation")
    vae = parameters.load(VAEConfig(**{name: stored.entry.config[name] for name in names}).network(), stored.arrays)
    mu, _ = vae.encode(torch.from_numpy(x))
    np.testing.assert_allclose(ForwardVAE.of(stored).encode(x)[0], mu.detach(), **close)

    stored, x_t = load("diffusion-digits"), inputs(4, 196)
    denoiser = TorchDenoiser(stored.arrays, DenoiserConfig(**stored.entry.config))
    said = denoiser(torch.from_numpy(x_t), 0.5, np.array([0, 3, -1, 9]))
    np.testing.assert_allclose(ForwardDenoiser.of(stored)(x_t, 0.5, np.array([0, 3, -1, 9])), said, **close)
