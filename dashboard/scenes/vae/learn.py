"""A training that was recorded: 200 epochs to scrub through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Readout, Scene, chart, plane
from dashboard.scenes.pictures import codes, in_pairs, rows, sheet
from dashboard.scenes.vae.setup import PLANE, prior_circles
from genmodels.store import cache


@dataclass(frozen=True)
class Config:
    """Nothing to choose: it was recorded."""


def scene(config: Config) -> Scene:
    """Epochs; both terms of the bound on digits seen and unseen."""
    arrays = cache.arrays("vae-training")
    epochs = arrays["epochs"].astype(float)
    terms = {
        part: (arrays[f"{part}_reconstruction"].astype(float), arrays[f"{part}_kl"].astype(float))
        for part in ("train", "test")
    }
    bound = {part: reconstruction - kl for part, (reconstruction, kl) in terms.items()}
    best = int(bound["test"].argmax())
    return Scene(
        panels=(
            plane(
                "Codes of test digits",
                (prior_circles(), *codes(arrays["mu"].astype(np.float32), arrays["labels"])),
                PLANE,
                PLANE,
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
            _terms(epochs, terms, bound),
        ),
        steps=epochs.astype(int),
        time="epoch",
        readouts=(
            Readout("ELBO, unseen", bound["test"], "nats", 1),
            Readout("ELBO, seen", bound["train"], "nats", 1),
            Readout("reconstruction, unseen", terms["test"][0], "nats", 1),
            Readout("KL, unseen", terms["test"][1], "nats", 2),
        ),
        captions=(
            "The bound rises on digits seen and unseen: strokes, then kinds, then hands.",
            "From here on it learns the training digits by heart: on unseen ones the bound falls.",
        ),
        caption=(np.arange(len(epochs)) > best).astype(int),
        alt="The latent plane, reconstructions and samples of a variational autoencoder over 200 epochs.",
        fps=5,
    )


def _terms(epochs: np.ndarray, terms: dict, bound: dict) -> Panel:
    x = np.maximum(epochs, 0.7)
    curves = []
    for part, colour, dashed, key in (("train", "data", True, "s"), ("test", "model", False, "u")):
        reconstruction, kl = terms[part]
        seen = {"train": "seen", "test": "unseen"}[part]
        curves += [
            Curve(
                name=f"−reconstruction, {seen}",
                key=key,
                x=x,
                y=-reconstruction,
                colour=colour,
                dashed=dashed,
                width=1.6,
            ),
            Curve(name=f"KL, {seen}", key="y", x=x, y=kl, colour="truth", dashed=dashed, width=1.6),
            Curve(name=f"−ELBO, {seen}", key="l", x=x, y=-bound[part], colour=colour, dashed=dashed),
        ]
    return chart(
        "−ELBO = −reconstruction + KL, nats",
        tuple(curves),
        (0.7, float(x[-1])),
        (1, 600),
        x_label="epoch",
        x_scale="log",
        y_scale="log",
        share=1.0,
    )
