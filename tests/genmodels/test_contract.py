"""One contract for all models: n + 1 states, list equals stream, same seed same states, nothing mutated."""

import dataclasses

import numpy as np
import pytest

from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder
from genmodels.classifiers.descent import LogisticConfig, iterate_logistic
from genmodels.classifiers.learning_curves import LearningCurveConfig, iterate_learning_curve
from genmodels.classifiers.mlp import MLPConfig, iterate_mlp
from genmodels.cnn import CNNConfig, iterate_cnn
from genmodels.diffusion.denoisers import DenoiserConfig
from genmodels.diffusion.training import iterate_denoiser
from genmodels.gan import GANConfig, iterate_gan
from genmodels.gaussian import (
    AscentConfig,
    FitConfig,
    Gaussian,
    TransportConfig,
    iterate_ascent,
    iterate_fit,
    iterate_transport,
)
from genmodels.kmeans import KMeansConfig, iterate_kmeans
from genmodels.mixture import MixtureConfig, iterate_em
from genmodels.vae.model import VAEConfig, iterate_vae


def data(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((30, 2))


MODELS = [
    ("kmeans", 5, lambda: iterate_kmeans(data(), KMeansConfig(3, max_iter=2))),
    ("em", 21, lambda: iterate_em(data(), MixtureConfig(3, max_iter=10, tol=0))),
    ("gaussian fit", 30, lambda: iterate_fit(data())),
    ("gaussian fit, first 10", 10, lambda: iterate_fit(data(), FitConfig(10))),
    (
        "gaussian ascent",
        12,
        lambda: iterate_ascent(data(), AscentConfig(Gaussian(np.ones(2), np.eye(2)), n_steps=12)),
    ),
    (
        "gaussian transport",
        15,
        lambda: iterate_transport(Gaussian(np.ones(2), np.eye(2)), TransportConfig("L", 5)),
    ),
    ("logistic", 12, lambda: iterate_logistic(data(), np.arange(30) % 3, 3, LogisticConfig(n_steps=12, degree=2))),
    ("mlp", 7, lambda: iterate_mlp(data(), np.arange(30) % 3, 3, MLPConfig((4,), batch=8, n_steps=7))),
    ("learning curve", 3, lambda: iterate_learning_curve(LearningCurveConfig("correlated", (4, 8), 3))),
    (
        "autoencoder",
        7,
        lambda: iterate_autoencoder(data(), AutoencoderConfig(2, 3, noise=0.1, loss="squared", n_steps=7, batch=8)),
    ),
    ("vae", 7, lambda: iterate_vae(data(), VAEConfig(2, decoder="gaussian", n_steps=7, batch=8))),
    (
        "conditional vae",
        7,
        lambda: iterate_vae(data() > 0, VAEConfig(2, n_classes=3, n_steps=7, batch=8), np.arange(30) % 3),
    ),
    (
        "cnn",
        7,
        lambda: iterate_cnn(
            np.random.default_rng(0).random((12, 4, 4)),
            np.arange(12) % 10,
            CNNConfig(4, channels=(2, 3), n_pools=1, shift=1, n_steps=7, batch=5),
        ),
    ),
    (
        "gan",
        7,
        lambda: iterate_gan(data(), GANConfig(g_hidden=(4,), d_hidden=(4,), batch=8, n_steps=7, n_samples=20)),
    ),
    (
        "gan, half-steps",
        14,
        lambda: iterate_gan(None, GANConfig(g_hidden=(4,), d_hidden=(4,), average=0.9, n_steps=7, half_steps=True)),
    ),
    ("denoiser", 7, lambda: iterate_denoiser(data(), DenoiserConfig(hidden=(4,), batch=8, n_steps=7))),
]
every_model = pytest.mark.parametrize(("steps", "make"), [m[1:] for m in MODELS], ids=[m[0] for m in MODELS])


def fingerprint(state) -> list:
    return [np.array(getattr(state, f.name), copy=True) for f in dataclasses.fields(state)]


def same(a: list, b: list) -> bool:
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))


@every_model
def test_n_steps_give_n_plus_1_states(steps, make):
    states = list(make())
    assert len(states) == steps + 1
    assert [s.step for s in states] == list(range(steps + 1))


@every_model
def test_states_are_frozen_and_never_mutated_later(steps, make):
    streamed = [(state, fingerprint(state)) for state in make()]
    assert all(same(fingerprint(state), then) for state, then in streamed)
    with pytest.raises(dataclasses.FrozenInstanceError):
        streamed[0][0].step = 5


@every_model
def test_same_seed_same_states(steps, make):
    assert all(same(fingerprint(a), fingerprint(b)) for a, b in zip(make(), make(), strict=True))


@every_model
def test_the_global_seed_is_not_touched(steps, make):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    list(make())
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
