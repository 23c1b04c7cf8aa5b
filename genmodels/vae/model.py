r"""The variational autoencoder: a latent-variable model whose inference is a network.

    z ~ N(0, I),   x ~ p(x | z)               the generative model: prior and decoder
    q(z | x) = N(μ(x), diag σ²(x))            the encoder: a guess at the posterior p(z | x)

For any q, the *evidence lower bound*

    ELBO(x) = E_q[log p(x | z)] − KL(q(z | x) ‖ p(z)) = log p(x) − KL(q(z | x) ‖ p(z | x)) ≤ log p(x)

is maximised over both networks at once. It is the mixture's free energy (:mod:`genmodels.mixture`) with a continuous
z, and an E-step that one network does for all x (*amortised*). Two terms, in nats per image:

*Reconstruction* E_q[log p(x | z)], by sampling z = μ + σ ε, ε ~ N(0, I), so that the gradient passes through μ and σ
(the *reparameterisation*).
*KL* = ½ Σ_l (μ_l² + σ_l² − log σ_l² − 1), exact.

β weighs the KL: reconstruction − β KL is maximised. β = 1 is the VAE, β = 0 an autoencoder with noise of its own, and
a large β lets latents collapse to the prior. Whatever β was trained, ``elbo`` is the ELBO, with β = 1.

*Decoders*, log p(x | z):

    "bernoulli"   Σ_d x_d log π_d + (1 − x_d) log(1 − π_d),          the network gives the logits of π
    "gaussian"    −½ Σ_d (x_d − m_d)² / σ_x² + log 2πσ_x²,           it gives m; one σ_x serves all pixels

The first is the probability of a **binary** image; grey pixels are accepted in training (a habit of the field), but
their "nats" are none of a density, and :func:`log_likelihood` refuses them. The caller binarises, once, with a fixed
seed.

*Linear*: with ``hidden=()`` and a Gaussian decoder this is probabilistic PCA, x ~ N(W z + b, σ_x² I): log p(x) has a
closed form. Its ELBO is tight only if the true posterior is diagonal, which it is for orthogonal columns of W.

*Conditional*: p(x | z, y) and q(z | x, y), the class y appended one-hot to the input of both networks.

*How large is log p(x)?* Importance sampling with z_s ~ r(z),

    p̂(x) = 1/S Σ_s p(x | z_s) p(z_s) / r(z_s),

has no bias, so that log p̂ lies below log p(x) on average, less so with more samples. r is the prior (good for few
latents; it does not believe the encoder) or the encoder (good for many).

Sources: Kingma & Welling (2014), arXiv:1312.6114 (KL: appendix B); Rezende, Mohamed & Wierstra (2014),
arXiv:1401.4082; Higgins et al. (2017), *β-VAE*, ICLR; Burda, Grosse & Salakhutdinov (2016), arXiv:1509.00519, for the
importance weights; Sohn, Lee & Yan (2015), NeurIPS, for conditioning; Tipping & Bishop (1999), *J. Royal Statistical
Society B* 61(3), for probabilistic PCA. Rows are images, logarithms natural; σ_x and x in pixel units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels import device
from genmodels.checks import (
    check_activation,
    check_choice,
    check_hidden,
    check_images,
    check_labels,
    check_number,
    check_whole,
)
from genmodels.nn.layers import mlp
from genmodels.nn.training import Resume, TrainingConfig, TrainingState, train
from genmodels.states import last
from genmodels.vae.runtime import ForwardVAE

LOG_2PI = math.log(2 * math.pi)
DECODERS = ("bernoulli", "gaussian")
PROPOSALS = ("prior", "encoder")
CHUNK = 4096  # most latent points decoded at once


@dataclass(frozen=True)
class VAEConfig(TrainingConfig):
    """Which variational autoencoder, and how to train it (see :class:`genmodels.nn.training.TrainingConfig`).

    Args:
        n_features: Pixels of an image, D ≥ 1.
        n_latents: Dimensions of z, L ≥ 1.
        hidden: Widths of the encoder's hidden layers; the decoder has them in reverse. () makes both linear.
        decoder: ``"bernoulli"`` or ``"gaussian"``.
        noise: σ_x of the Gaussian decoder, pixel units, above 0; where it starts if it is learned.
        learn_noise: Whether σ_x is learned.
        beta: β, weight of the KL, 0 or more.
        n_classes: C, to condition on the class; 0 does not.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_features: int
    n_latents: int = 2
    hidden: tuple[int, ...] = (128,)
    decoder: Literal["bernoulli", "gaussian"] = "bernoulli"
    noise: float = 0.25
    learn_noise: bool = True
    beta: float = 1.0
    n_classes: int = 0
    activation: str = "relu"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("n_features", 1), ("n_latents", 1), ("n_classes", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("beta", self.beta, at_least=0)
        check_number("noise", self.noise, above=0)
        check_activation(self.activation)
        check_choice("decoder", self.decoder, DECODERS)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))

    def network(self) -> VAE:
        """The networks, their weights not yet set."""
        return VAE(self)


class VAE(nn.Module):
    """Encoder and decoder.

    Attributes:
        encoder: x, and the one-hot y, to μ and log σ², ``(N, 2 L)``.
        decoder: z, and the one-hot y, to logits or means ``(N, D)``.
        log_noise: log σ_x, ``(1,)``; the Gaussian decoder's only.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        d, n_latents, c = config.n_features, config.n_latents, config.n_classes
        self.encoder = mlp([d + c, *config.hidden, 2 * n_latents], config.activation)
        self.decoder = mlp([n_latents + c, *config.hidden[::-1], d], config.activation)
        if config.decoder == "gaussian":
            self.log_noise = nn.Parameter(torch.tensor([math.log(config.noise)]), requires_grad=config.learn_noise)

    def encode(self, x: torch.Tensor, y: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """μ and log σ² of q(z | x), each ``(N, L)``, from images ``(N, D)`` and labels ``(N,)``."""
        mu, log_var = self.encoder(self._with_class(x, y)).chunk(2, dim=1)
        return mu, log_var

    def decode(self, z: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        """Parameters of p(x | z), ``(N, L)`` to ``(N, D)``: logits (Bernoulli) or means (Gaussian)."""
        return self.decoder(self._with_class(z, y))

    def mean(self, z: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        """E[x | z], the mean picture, ``(N, L)`` to ``(N, D)``."""
        a = self.decode(z, y)
        return torch.sigmoid(a) if self.config.decoder == "bernoulli" else a

    def log_prob(self, a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """log p(x | z) in nats, from what :meth:`decode` gave ``(…, D)`` and images ``(…, D)`` to ``(…)``."""
        if self.config.decoder == "bernoulli":
            a, x = torch.broadcast_tensors(a, x)
            return -F.binary_cross_entropy_with_logits(a, x, reduction="none").sum(-1)
        squared = ((x - a) / self.log_noise.exp()).square().sum(-1)
        return -0.5 * (squared + a.shape[-1] * (LOG_2PI + 2 * self.log_noise))

    def _with_class(self, x: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
        return x if y is None else torch.cat([x, F.one_hot(y, self.config.n_classes).to(x)], dim=1)


# --- The bound ----------------------------------------------------------------------------------------------


class Bound(NamedTuple):
    """The two terms of the ELBO for each image, ``(N,)``, nats."""

    reconstruction: torch.Tensor
    kl: torch.Tensor

    @property
    def elbo(self) -> torch.Tensor:
        """Reconstruction − KL ≤ log p(x), up to the sampling noise of the first, ``(N,)``."""
        return self.reconstruction - self.kl


def kl_divergence(mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each latent in nats, ``(N, L)`` to ``(N, L)``; 0 where a latent has collapsed."""
    return 0.5 * (mu.square() + log_var.expm1() - log_var)


def elbo(model: VAE, x: Any, y: Any = None, n_samples: int = 1, *, generator: torch.Generator) -> Bound:
    """The evidence lower bound, with a gradient by reparameterisation (Kingma & Welling 2014, eq. 10).

    Args:
        model: The networks.
        x: Images ``(N, D)``.
        y: Labels ``(N,)`` if the model is conditional, else None.
        n_samples: Draws of z for each image, averaged, 1 or more.
        generator: Of the draws, on the CPU.

    Returns:
        Reconstruction and KL for each image.
    """
    check_whole("n_samples", n_samples, at_least=1)
    return _elbo(model, *_check(model, x, y), n_samples, generator)


def _elbo(model: VAE, x: torch.Tensor, y: torch.Tensor | None, n_samples: int, generator: torch.Generator) -> Bound:
    mu, log_var = model.encode(x, y)
    deviation = (0.5 * log_var).exp()
    total = torch.zeros_like(mu[:, 0])
    for size in _chunks(n_samples, len(x)):
        z = mu + deviation * _normal((size, *mu.shape), generator, mu)
        total = total + model.log_prob(_decode(model, z, y), x).sum(0)
    return Bound(total / n_samples, kl_divergence(mu, log_var).sum(1))


@torch.no_grad()
def log_likelihood(
    model: VAE,
    x: Any,
    n_samples: int,
    proposal: Literal["prior", "encoder"] = "encoder",
    *,
    generator: torch.Generator,
    y: Any = None,
) -> np.ndarray:
    """log p̂(x) (conditional: log p̂(x | y)) by importance sampling, nats per image, ``(N,)`` float64.

    On average it lies below log p(x), and the less so the more samples; with one sample and the encoder it is an
    ELBO. Prior draws are shared by all images (of a class): each image's p̂ is unbiased, but they are not independent.

    Args:
        model: The networks.
        x: Images ``(N, D)``; 0 or 1 if the decoder is Bernoulli.
        n_samples: S, 1 or more.
        proposal: Where z is drawn from: ``"prior"`` or ``"encoder"``.
        generator: Of the draws, on the CPU.
        y: Labels ``(N,)`` if the model is conditional, else None.

    Source: Burda, Grosse & Salakhutdinov (2016), eq. 8.
    """
    check_whole("n_samples", n_samples, at_least=1)
    check_choice("proposal", proposal, PROPOSALS)
    images, labels = _check(model, x, y)
    if model.config.decoder == "bernoulli" and not ((images == 0) | (images == 1)).all():
        raise ValueError(
            "A Bernoulli decoder gives probabilities of binary images, and these hold grey pixels: binarise them, "
            "once and with a fixed seed, or take the Gaussian decoder."
        )
    if proposal == "encoder":
        return _by_encoder(model, images, labels, n_samples, generator)
    if labels is None:
        return _by_prior(model, images, None, n_samples, generator)
    estimate = np.empty(len(images))
    for label in labels.unique():
        mine = labels == label
        estimate[mine.cpu().numpy()] = _by_prior(model, images[mine], label, n_samples, generator)
    return estimate


def _by_encoder(
    model: VAE, x: torch.Tensor, y: torch.Tensor | None, n_samples: int, generator: torch.Generator
) -> np.ndarray:
    mu, log_var = model.encode(x, y)
    deviation = (0.5 * log_var).exp()
    total = torch.full_like(mu[:, 0], -torch.inf, dtype=torch.float64)
    for size in _chunks(n_samples, len(x)):
        noise = _normal((size, *mu.shape), generator, mu)
        z = mu + deviation * noise
        log_ratio = 0.5 * (noise.square() - z.square() + log_var).sum(-1)  # log p(z) − log q(z | x)
        log_weight = model.log_prob(_decode(model, z, y), x).double() + log_ratio.double()
        total = torch.logaddexp(total, log_weight.logsumexp(0))
    return (total - math.log(n_samples)).cpu().numpy()


def _by_prior(
    model: VAE, x: torch.Tensor, label: torch.Tensor | None, n_samples: int, generator: torch.Generator
) -> np.ndarray:
    """All pairs of an image and a draw at once: log p(x | z) is linear in what a matrix product x aᵀ gives."""
    total = torch.full_like(x[:, 0], -torch.inf, dtype=torch.float64)
    images = x.double()
    for size in _chunks(n_samples, 1):
        z = _normal((size, model.config.n_latents), generator, x)
        a = model.decode(z, None if label is None else label.expand(size)).double()  # (S, D)
        if model.config.decoder == "bernoulli":
            log_prob = images @ a.T + F.logsigmoid(-a).sum(1)
        else:
            log_noise = model.log_noise.double()
            squared = images.square().sum(1)[:, None] - 2 * images @ a.T + a.square().sum(1)
            log_prob = -0.5 * (squared / (2 * log_noise).exp() + x.shape[1] * (LOG_2PI + 2 * log_noise))
        total = torch.logaddexp(total, log_prob.logsumexp(1))
    return (total - math.log(n_samples)).cpu().numpy()


def _decode(model: VAE, z: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
    """Several draws for each image, ``(S, N, L)`` to ``(S, N, D)``."""
    flat = z.reshape(-1, z.shape[-1])
    return model.decode(flat, None if y is None else y.repeat(len(z))).reshape(*z.shape[:2], -1)


def _normal(shape: tuple[int, ...], generator: torch.Generator, like: torch.Tensor) -> torch.Tensor:
    return torch.randn(shape, generator=generator, dtype=like.dtype).to(like.device)


def _chunks(n_samples: int, n_images: int) -> Iterator[int]:
    """Cut the draws into pieces that decode about CHUNK latent points each."""
    size = max(1, CHUNK // n_images)
    for start in range(0, n_samples, size):
        yield min(size, n_samples - start)


def _check(model: VAE, x: Any, y: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    like = next(model.parameters())
    images = check_images(x, model.config.n_features, between=model.config.decoder == "bernoulli").to(like)
    labels = _check_class(model.config, y, len(images))
    return images, None if labels is None else labels.to(like.device)


def _check_class(config: VAEConfig, y: Any, n: int) -> torch.Tensor | None:
    if config.n_classes == 0:
        if y is not None:
            raise ValueError("This VAE knows no classes (n_classes = 0); leave out y, or set n_classes.")
        return None
    if y is None:
        raise ValueError(f"This VAE is conditional on {config.n_classes} classes; give the labels y, one an image.")
    return check_labels(y, n, config.n_classes)


# --- Training -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class VAEState(TrainingState):
    """A VAE in training; see :class:`genmodels.nn.training.TrainingState`.

    The numbers are those of the next minibatch under these parameters: means over its images, one draw of z each.

    Attributes:
        elbo: Reconstruction − KL (whatever β), nats per image.
        reconstruction: E_q[log p(x | z)], nats per image.
        kl: KL(q ‖ p) of each latent, ``(L,)``, nats per image; they sum to the KL of the ELBO.
    """

    elbo: float
    reconstruction: float
    kl: np.ndarray

    def forward(self) -> ForwardVAE:
        """The networks in numpy."""
        return ForwardVAE(self.arrays(), self.config.activation)


def iterate_vae(x: Any, config: VAEConfig, y: Any = None, resume: Resume | None = None) -> Iterator[VAEState]:
    """Train a variational autoencoder.

    Args:
        x: Images ``(N, D)``: 0 or 1 for the Bernoulli decoder (grey 0…1 is accepted, but see above).
        config: Which one, and how.
        y: Labels ``(N,)``, if ``config.n_classes`` is not 0.
        resume: A state of an earlier run, or its snapshot: go on from there.

    Yields:
        The initial state, then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The bound is no longer finite; a smaller learning rate helps.
        ValueError: Images, labels or ``resume`` do not fit; the message says what to mend.
    """
    where = device.resolve(config.device)
    images = check_images(x, config.n_features, between=config.decoder == "bernoulli").to(where)
    labels = _check_class(config, y, len(images))
    labels = None if labels is None else labels.to(where)

    def loss_of(model: VAE, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, Any]]:
        batch, classes = images[rows], None if labels is None else labels[rows]
        mu, log_var = model.encode(batch, classes)
        z = mu + (0.5 * log_var).exp() * _normal(tuple(mu.shape), generator, mu)
        reconstruction = model.log_prob(model.decode(z, classes), batch).mean()
        kl = kl_divergence(mu, log_var).mean(0)
        loss = config.beta * kl.sum() - reconstruction
        return loss, _report(reconstruction.detach(), kl.detach())

    for moment, report in train(config, len(images), loss_of, resume):
        yield VAEState(**moment, **report)


def _report(reconstruction: torch.Tensor, kl: torch.Tensor) -> dict[str, Any]:
    by_latent = kl.cpu().numpy()
    by_latent.setflags(write=False)
    return {
        "elbo": float(reconstruction - kl.sum()),
        "reconstruction": float(reconstruction),
        "kl": by_latent,
    }


def fit_vae(x: Any, config: VAEConfig, y: Any = None) -> VAEState:
    """The trained VAE: the last state of :func:`iterate_vae`."""
    return last(iterate_vae(x, config, y))


# --- The distribution ---------------------------------------------------------------------------------------


@torch.no_grad()
def sample_vae(model: VAE, n: int, generator: torch.Generator, y: Any = None, mean: bool = False) -> np.ndarray:
    """Draw z from the prior, then x from the decoder: images ``(n, D)``.

    Args:
        model: The networks.
        n: How many.
        generator: On the CPU.
        y: Labels ``(n,)`` if the model is conditional.
        mean: Show E[x | z], as most pictures of VAEs do, in place of a draw of x: it is smoother than any x.
    """
    check_whole("n", n, at_least=1)
    like = next(model.parameters())
    labels = _check_class(model.config, y, n)
    z = _normal((n, model.config.n_latents), generator, like)
    x = model.mean(z, None if labels is None else labels.to(like.device))
    if not mean and model.config.decoder == "bernoulli":
        x = (torch.rand(x.shape, generator=generator, dtype=x.dtype).to(x) < x).to(x)
    elif not mean:
        x = x + model.log_noise.exp() * _normal(tuple(x.shape), generator, x)
    return x.cpu().numpy()
