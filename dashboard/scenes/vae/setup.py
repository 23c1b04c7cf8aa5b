"""What the cues on stored networks share: the network, the codes of the test digits, the latent plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dashboard.scene import Ellipses, Panel
from dashboard.scene.contours import Extent, cell_centres
from dashboard.scenes.pictures import binary, flat, rows
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint
from genmodels.vae.runtime import ForwardVAE

PLANE = (-4.0, 4.0)
EXTENT: Extent = (*PLANE, *PLANE)
CELLS = 64
SHEET, SHEET_REACH = 20, 3.0


class Known(NamedTuple):
    """A network, and q(z | x) of the test digits: means and standard deviations ``(500, 2)``, labels ``(500,)``."""

    network: ForwardVAE
    mu: np.ndarray
    sigma: np.ndarray
    labels: np.ndarray


def known(name: str = "vae-2d") -> Known:
    """A network of the store."""
    return cache.made(_known, name)


def _known(checkpoint: Checkpoint) -> Known:
    network = ForwardVAE.of(checkpoint)
    images, labels = binary()
    mu, sigma = network.encode(flat(images), labels if network.n_classes else None)
    return Known(network, mu.astype(float), sigma.astype(float), labels)


def network_code(name: str = "vae-2d") -> str:
    """As :func:`known`, in Python: ``network``, and the test digits ``x`` with their ``labels``."""
    return "\n".join(
        (
            "from genmodels.data.digits import load_binarised_mnist",
            "from genmodels.store.checkpoint import load",
            "from genmodels.vae.runtime import ForwardVAE",
            f"network = ForwardVAE.of(load({name!r}))",
            "images, labels = load_binarised_mnist().test",
            "x = images.reshape(-1, 784)",
        )
    )


def prior_circles() -> Ellipses:
    """1, 2 and 3 σ of N(0, I)."""
    return Ellipses(
        name="prior p(z), 1 – 3 σ",
        key="c",
        mean=np.zeros((1, 2)),
        covariance=np.eye(2)[None],
        sigmas=(1.0, 2.0, 3.0),
        colour="truth",
        dashed=True,
        width=1.6,
    )


def from_prior(means: np.ndarray, share: float = 0.8) -> Panel:
    """Means E[x | z] of a recording ``(F, 30, 28, 28)`` at ten z from the prior, and under each a draw of x | z.

    The first z is the origin, which is none of its draws. The same uniform numbers make the draws of all frames.
    """
    means = means[:, 1:11]
    draws = (np.random.default_rng(0).random(means.shape[1:]) < means / 255) * np.uint8(255)
    named = {"mean": means[:, :5], "draw": draws[:, :5], "mean ": means[:, 5:], "draw ": draws[:, 5:]}
    return rows("Prior: E[x | z], draws", named, share=share, margin=1.5)


def aggregate(model: Known, z: np.ndarray) -> np.ndarray:
    """The aggregate posterior q(z) = 1/N Σ_n q(z | x_n) at ``(M, 2)``, density ``(M,)``."""
    apart = (z[:, None] - model.mu) / model.sigma
    return (np.exp(-0.5 * (apart**2).sum(-1)) / (2 * np.pi * model.sigma.prod(-1))).mean(axis=1)


def prior(z: np.ndarray) -> np.ndarray:
    """Density of N(0, I) at ``(M, 2)``."""
    return np.exp(-0.5 * (z**2).sum(-1)) / (2 * np.pi)


def aggregate_field(checkpoint: Checkpoint) -> np.ndarray:
    """q(z) on the plane, ``(CELLS, CELLS)``; for :func:`genmodels.store.cache.made`."""
    return aggregate(_known(checkpoint), cell_centres(EXTENT, CELLS)).reshape(CELLS, CELLS).astype(np.float32)
