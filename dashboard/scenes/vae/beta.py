"""How much the KL weighs: from an autoencoder to posterior collapse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Ellipses, Panel, Readout, Scene, chart, plane
from dashboard.scenes.pictures import chosen, codes, in_pairs, rows, sheet
from dashboard.scenes.vae.setup import prior_circles
from genmodels.store import cache


@dataclass(frozen=True)
class Config:
    """Nothing to choose: β is the time axis."""


def scene(config: Config) -> Scene:
    """One trained network for each β."""
    arrays = cache.arrays("vae-beta")
    beta, kl = arrays["beta"].astype(float), arrays["kl"].astype(float)
    reconstruction = arrays["reconstruction"].astype(float)
    total = kl.sum(axis=1)
    shown = chosen(arrays["labels"])
    sigma = arrays["sigma"].astype(np.float32)[:, shown]
    mu = arrays["mu"].astype(np.float32)
    ellipses = Ellipses(
        name="q(z | x) of ten digits",
        key="e",
        mean=mu[:, shown],
        classes=True,
        covariance=np.eye(2, dtype=np.float32) * (sigma**2)[..., None, :],
        width=2,
    )
    return Scene(
        panels=(
            plane(
                "Codes of test digits",
                (prior_circles(), *codes(mu, arrays["labels"]), ellipses),
                (-6, 6),
                (-6, 6),
                labels=("z₁", "z₂"),
                share=1.6,
            ),
            rows(
                "Test digits, reconstructed",
                in_pairs(arrays["pictures"], arrays["reconstructions"]),
                share=0.9,
                margin=0.8,
            ),
            sheet("Drawn from the prior", arrays["samples"][:, :25], 5, share=0.8),
            _terms(beta, reconstruction, kl),
        ),
        steps=np.arange(len(beta)),
        time="network",
        readouts=(
            Readout("β", beta, digits=2),
            Readout("ELBO (β = 1)", reconstruction - total, "nats", 1),
            Readout("reconstruction", reconstruction, "nats", 1),
            Readout("KL", total, "nats", 2),
            Readout("latents in use", (kl > 0.01).sum(axis=1).astype(float), digits=0),
        ),
        captions=(
            "Small β: sharp copies, codes far outside the prior. An autoencoder: what the prior draws is odd.",
            "β = 1 is the bound on log p(x).",
            "Large β: codes crowd into the prior, copies blur.",
            "Posterior collapse: q(z | x) is the prior whatever x is; every digit is decoded to the same.",
        ),
        caption=np.where(total < 0.1, 3, np.where(beta > 1, 2, np.where(beta == 1, 1, 0))),
        alt="Latent plane, reconstructions and samples of one network for each weight β of the KL.",
        fps=1.2,
    )


def _terms(beta: np.ndarray, reconstruction: np.ndarray, kl: np.ndarray) -> Panel:
    curves = (
        Curve(name="−reconstruction", key="r", x=beta, y=-reconstruction, colour="data"),
        Curve(name="KL", key="y", x=beta, y=kl.sum(axis=1), colour="model"),
        Curve(name="KL of either latent", key="i", x=beta, y=kl[:, 0], colour="model", dashed=True, width=1.5),
        Curve(name="KL of either latent", key="i", x=beta, y=kl[:, 1], colour="model", dashed=True, width=1.5),
        Curve(name="−ELBO", key="l", x=beta, y=kl.sum(axis=1) - reconstruction, colour="truth"),
    )
    top = 1.1 * float((kl.sum(axis=1) - reconstruction).max())
    return chart(
        "Nats per test digit", curves, (float(beta[0]), float(beta[-1])), (0, top), x_label="β", x_scale="log"
    )
