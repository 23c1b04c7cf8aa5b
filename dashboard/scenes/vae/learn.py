"""A training that was recorded: 200 epochs to scrub through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Claim, Curve, Panel, Readout, Scene, chart, first_true, plane, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import codes, in_pairs, rows
from dashboard.scenes.vae.setup import PLANE, from_prior, prior_circles
from genmodels.store import cache


@dataclass(frozen=True)
class Config:
    """Nothing to choose: it was recorded."""


def scene(config: Config) -> Scene:
    """Epochs; both terms of the bound on digits seen and unseen."""
    arrays = cache.arrays("vae-training")
    epochs = arrays["epochs"].astype(float)
    terms, bound = _bounds()
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
            from_prior(arrays["samples"]),
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
        **said(len(epochs), *_claims(epochs, bound["train"], bound["test"])),
        alt="The latent plane, reconstructions and samples of a variational autoencoder over 200 epochs.",
        fps=5,
    )


def code(config: Config) -> str:
    """The first epoch of the training, and the bound after it."""
    return snippet(
        "import torch",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vae.model import VAEConfig, elbo, iterate_vae",
        "digits = load_binarised_mnist()",
        "seen, unseen = (split.images.reshape(-1, 784) for split in (digits.train, digits.test))",
        "given = load('vae-training').entry.config",
        "names = ('n_features', 'n_latents', 'hidden', 'activation', 'batch', 'learning_rate', 'n_steps')",
        "config = VAEConfig(**{name: given[name] for name in names}, every=40)",
        "step = 1  # epoch, of 40 minibatches; more take longer",
        "state = next(state for state in iterate_vae(seen, config) if state.epoch == step)",
        "\ndef bound(x):  # reconstruction and KL, by eight draws of z for each image",
        "    return elbo(state.model(), x, n_samples=8, generator=torch.Generator().manual_seed(0))\n",
        "shown = {",
        "    'ELBO, unseen': bound(unseen).elbo.mean().item(),",
        "    'ELBO, seen': bound(seen[:500]).elbo.mean().item(),",
        "    'reconstruction, unseen': bound(unseen).reconstruction.mean().item(),",
        "}",
    )


def _bounds() -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]:
    """Reconstruction and KL, and the bound, of digits seen (``train``) and unseen (``test``), nats, ``(F,)`` each."""
    arrays = cache.arrays("vae-training")
    terms = {
        part: (arrays[f"{part}_reconstruction"].astype(float), arrays[f"{part}_kl"].astype(float))
        for part in ("train", "test")
    }
    return terms, {part: reconstruction - kl for part, (reconstruction, kl) in terms.items()}


def _claims(epochs: np.ndarray, seen: np.ndarray, unseen: np.ndarray) -> list[Claim | str]:
    best = int(unseen.argmax())
    after, higher = np.arange(len(epochs)) > best, seen > seen[best]
    return [
        Claim(f"Epoch {epochs[best]:.0f}: the bound on unseen digits is at its highest.", epochs == epochs[best]),
        Claim(
            f"Overfitting: higher than at epoch {epochs[best]:.0f} on digits seen, lower on unseen ones.",
            after & higher & (unseen < unseen[best]),
        ),
        Claim(
            f"Both bounds are lower than they are at epoch {epochs[best]:.0f}: there is more to learn.",
            ~higher & (unseen < unseen[best]),
        ),
    ]


def sentences() -> tuple[str, ...]:
    """Where the bounds part, and where one should have stopped."""
    epochs, (_, bound) = cache.arrays("vae-training")["epochs"], _bounds()
    seen, unseen = bound["train"], bound["test"]
    best = int(unseen.argmax())
    return (
        f"The two bounds part: after {epochs[-1]} epochs {_minus(seen[-1])} nats on training digits, "
        f"{_minus(unseen[-1])} on unseen ones; 4,000 images are few."
        + first_true(
            Claim(
                f" On unseen digits it was {_minus(unseen[best])} at epoch {epochs[best]}: there one should have "
                "stopped (by rights a third set says when).",
                best < len(epochs) - 1,
            )
        ),
    )


def _minus(nats: float) -> str:
    return f"{nats:.0f}".replace("-", "−")


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
