"""On a GPU every network starts at the numbers that it has on the CPU, and learns along nearly the same way.

All draws come from a generator on the CPU, so that a seed means the same noise and the same minibatches everywhere;
what differs is the order in which a GPU adds. Without a GPU these tests are skipped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder
from genmodels.cnn import CNNConfig, iterate_cnn
from genmodels.diffusion.training import DenoiserConfig, iterate_denoiser
from genmodels.gan import GANConfig, iterate_gan
from genmodels.vae.model import VAEConfig, iterate_vae

GPU = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
pytestmark = pytest.mark.skipif(not GPU, reason="No GPU that torch can use.")
STEPS = 30
RNG = np.random.default_rng(0)
POINTS, IMAGES, KINDS = RNG.normal(size=(300, 2)), RNG.random((120, 8, 8)), np.arange(120) % 10

RUNS: dict[str, Callable[[str], Iterator[Any]]] = {
    "gan": lambda where: iterate_gan(POINTS, GANConfig(n_steps=STEPS, device=where)),
    "gan, wgan-gp": lambda where: iterate_gan(POINTS, GANConfig(n_steps=STEPS, loss="wasserstein-gp", device=where)),
    "vae": lambda where: iterate_vae(IMAGES.reshape(120, -1) > 0.5, VAEConfig(64, 2, n_steps=STEPS, device=where)),
    "autoencoder": lambda where: iterate_autoencoder(
        IMAGES.reshape(120, -1), AutoencoderConfig(64, 2, n_steps=STEPS, device=where)
    ),
    "cnn": lambda where: iterate_cnn(IMAGES, KINDS, CNNConfig(8, n_pools=2, n_steps=STEPS, device=where)),
    "denoiser": lambda where: iterate_denoiser(POINTS, DenoiserConfig(n_steps=STEPS, device=where)),
}


def numbers(state: Any) -> dict[str, np.ndarray]:
    """Everything that a state holds as numbers."""
    held = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
    return {name: value for name, value in held.items() if isinstance(value, np.ndarray | float)}


@pytest.mark.parametrize("name", RUNS)
def test_a_gpu_learns_what_the_cpu_learns(name):
    cpu, gpu = (list(RUNS[name](where)) for where in ("cpu", GPU))
    assert [s.step for s in gpu] == [s.step for s in cpu]
    for step, tolerance in ((0, 1e-4), (5, 2e-2)):
        for what, value in numbers(cpu[step]).items():
            other = numbers(gpu[step])[what]
            assert np.allclose(value, other, rtol=tolerance, atol=tolerance, equal_nan=True), (step, what)
    assert all(np.isfinite(v).all() for k, v in numbers(gpu[-1]).items() if "parameters" in k or "generator" in k)
