r"""One q for each x, or one network for all: what the encoder's haste costs.

    log p(x)  ≥  F(best full q)  ≥  F(best diagonal q)  ≥  F(encoder's q(z | x))
              └─ the Gaussian's gap ─┘                 └─ the amortisation gap ─┘

Each x could have a q of its own: 2 d numbers (means and deviations), found by climbing its bound; for 60,000 images
with two latents that makes 240,000 numbers, and a climb for every new image. The *encoder* is one network for all of
them (amortised): it answers at once, for images it has never seen, and a little lower.

Source: Cremer, Li & Duvenaud (2018), *Inference suboptimality in variational autoencoders*, arXiv:1801.03558.
Two latents; all bounds by the same quadrature. Float64, nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genmodels.checks import check_ink
from genmodels.inference.ascent import AscentConfig, Climb, PosteriorState
from genmodels.inference.bounds import GaussianQ
from genmodels.inference.decoder import VAEModel
from genmodels.inference.exact import posterior

ORDER = 10
"""Nodes along an axis; at the encoder's and the best q of vae-2d right to 1e-4 nats."""


SETTLED = 1e-5
"""Nats: a climb ends where no step gains more."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Of N images; nats each.

    Attributes:
        log_evidence: log p(x), ``(N,)``.
        full: The bound at the best Gaussian, ``(N,)``.
        diagonal: At the best with independent latents, ``(N,)``.
        encoder: At the encoder's, ``(N,)``.
        mean: Of the best q with independent latents, ``(N, 2)``.
        sigma: Its standard deviations, ``(N, 2)``.
        box: Where the posterior lies: lower and higher end along each latent, ``(N, 2, 2)``.
    """

    log_evidence: np.ndarray
    full: np.ndarray
    diagonal: np.ndarray
    encoder: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    box: np.ndarray

    @property
    def amortisation_gap(self) -> np.ndarray:
        """What the network loses against a q of its own for each image, ``(N,)``, 0 or more."""
        return self.diagonal - self.encoder

    @property
    def family_gap(self) -> np.ndarray:
        """What even the best diagonal Gaussian leaves, ``(N,)``, 0 or more."""
        return self.log_evidence - self.diagonal


def compare(model: VAEModel, images: Any, n_steps: int = 25) -> Bounds:
    """log p(x), and the bound at the best q of an image's own and at the encoder's; half a second each with `vae-2d`.

    The climb begins at the encoder's q and at each of the posterior's lumps, that of the full family where the best
    diagonal q ended and at the highest lump; the highest end counts.

    Args:
        model: With two latents.
        images: ``(N, D)``, black and white.
        n_steps: Of a climb.
    """
    images = check_ink(images, model.n_features)
    rows = [_compare(model, x, n_steps) for x in images]
    return Bounds(*(np.array(column) for column in zip(*rows, strict=True)))


def _compare(model: VAEModel, x: np.ndarray, n_steps: int) -> tuple:
    exact, encoder = posterior(model, x), model.encoder_q(x)
    starts = [encoder, *exact.lumps()[:3]]
    diagonal, at_encoder = _best(model, x, starts, "diagonal", n_steps)
    full, _ = _best(model, x, [diagonal.q, starts[1]], "full", n_steps)
    q = diagonal.q
    return exact.log_evidence, full.elbo, diagonal.elbo, at_encoder, q.mean, q.sigma, np.array(exact.box)


def _best(
    model: VAEModel, x: np.ndarray, starts: list[GaussianQ], family: Literal["full", "diagonal"], n_steps: int
) -> tuple[PosteriorState, float]:
    """The highest end of climbs side by side, and where the first of them began."""
    config = AscentConfig(family=family, rate=1.0, order=ORDER)
    mean, cholesky = np.stack([q.mean for q in starts]), np.stack([q.cholesky for q in starts])
    climb = Climb(model, np.repeat(x[None], len(starts), axis=0), mean, cholesky, config)
    first, step = float(climb.bound[0]), 0
    while step < n_steps:
        before = climb.bound.copy()
        climb.step(halvings=4)
        step += 1
        if (climb.bound - before < SETTLED).all():
            break
    return climb.state(int(climb.bound.argmax()), step), first
