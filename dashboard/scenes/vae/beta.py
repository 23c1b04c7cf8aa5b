"""How much the KL weighs: from an autoencoder to posterior collapse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Claim, Curve, Ellipses, Panel, Readout, Scene, chart, plane, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import chosen, codes, in_pairs, rows
from dashboard.scenes.vae.setup import from_prior, prior_circles
from genmodels.store import cache

NEAR = 3  # nats


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
            from_prior(arrays["samples"]),
            _terms(beta, reconstruction, kl),
        ),
        steps=np.arange(len(beta)),
        time="network",
        readouts=(
            Readout("β", beta, digits=2),
            Readout("ELBO (β = 1)", reconstruction - total, "nats", 1),
            Readout("reconstruction", reconstruction, "nats", 1),
            Readout("KL", total, "nats", 2),
            Readout("latents in use", in_use(kl).astype(float), digits=0),
        ),
        **said(len(beta), *_claims(beta, reconstruction, total, mu)),
        alt="Latent plane, reconstructions and samples of one network for each weight β of the KL.",
        fps=1.2,
    )


def code(config: Config) -> str:
    """The bound of every network, from the codes and the decoders that are kept."""
    return snippet(
        "import numpy as np",
        "import torch",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.nn.runtime import Forward",
        "from genmodels.store.checkpoint import load",
        "stored = load('vae-beta')  # each was trained by genmodels.vae.model.fit_vae, with a β of its own",
        "x = load_binarised_mnist().test.images.reshape(-1, 784)",
        "mu, sigma = (stored.arrays[name].astype(float) for name in ('mu', 'sigma'))  # q(z | x) of the test digits",
        "kl = 0.5 * (mu**2 + sigma**2 - 2 * np.log(sigma) - 1).mean(axis=1)",
        "step = 6  # the network with β = 1",
        "kept = {name: array[step] for name, array in stored.arrays.items() if name.startswith('decoders')}",
        "decode = Forward(kept, 'decoders', stored.entry.config['activation'])  # z to logits of x",
        "eps = torch.randn(8, *mu[step].shape, generator=torch.Generator().manual_seed(0)).numpy()",
        "logits = [decode(mu[step] + sigma[step] * draw) for draw in eps]  # eight draws of z for each digit",
        "log_prob = np.mean([(x * a - np.logaddexp(0, a)).sum(axis=1) for a in logits])",
        "shown = {",
        "    'KL': kl.sum(axis=1),",
        "    'reconstruction': log_prob, 'ELBO (β = 1)': log_prob - kl[step].sum(),",
        "}",
    )


def in_use(kl: np.ndarray) -> np.ndarray:
    """How many latents cost more than a hundredth of a nat, ``(F, 2)`` to ``(F,)``."""
    return (kl > 0.01).sum(axis=1)


def _claims(beta: np.ndarray, reconstruction: np.ndarray, kl: np.ndarray, mu: np.ndarray) -> list[Claim]:
    one = int(np.flatnonzero(beta == 1)[0])
    cheap, better = kl < kl[one], reconstruction > reconstruction[one]
    outside = np.round(100 * (np.linalg.norm(mu.astype(float), axis=-1) > 3).mean(axis=1))
    return [
        Claim(
            "Posterior collapse: the KL is below 0.001 nats, and each digit is decoded to the same picture.",
            kl < 0.001,
        ),
        Claim("β = 1: the objective is the ELBO, a lower bound of log p(x).", beta == 1),
        *(
            Claim(
                f"Against β = 1: better reconstructions, larger KL; {share:.0f} % of codes beyond 3 σ of the prior.",
                better & ~cheap & (outside == share),
            )
            for share in np.unique(outside)
        ),
        Claim("Against β = 1: codes cost fewer nats, and unseen digits are reconstructed worse.", cheap & ~better),
        Claim("Against β = 1: codes cost fewer nats, and unseen digits are reconstructed no worse.", cheap & better),
    ]


def sentences() -> tuple[str, ...]:
    """Both ends of β, and the best ELBO between them."""
    arrays = cache.arrays("vae-beta")
    beta, kl = arrays["beta"].astype(float), arrays["kl"].astype(float)
    elbo = arrays["reconstruction"] - kl.sum(axis=1)
    near, used = beta[elbo > elbo.max() - NEAR], in_use(kl)
    sigma, outside = (
        arrays["sigma"][0].astype(float).mean(),
        np.linalg.norm(arrays["mu"][0].astype(float), axis=1) > 3,
    )
    silent = [f"{count} from β = {beta[used == count][0]:g} on" for count in (1, 0) if (used == count).any()]
    return (
        f"*Left end*, β = {beta[0]:g}: the KL weighs little. Ellipses are small (σ is {sigma:.2f} on average), "
        f"{100 * outside.mean():.0f} % of codes lie beyond 3 σ of the prior, where 1 % of its draws fall.",
        f"*β = 1*: the objective is the ELBO itself. On unseen digits the ELBO is highest at β = "
        f"{beta[elbo.argmax()]:g}, and less than {NEAR} nats lower from {near.min():g} to {near.max():g} (one seed).",
        "*Right end*: latents fall silent, **posterior collapse**. In use (KL above 0.01 nats): "
        f"{', '.join(silent)}.",
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
