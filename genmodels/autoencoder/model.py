r"""The autoencoder: a network that copies its input through a bottleneck.

    z = f(x),    x̂ = g(z),    minimise   E ℓ(x, g(f(x + σ ε))),    ε ~ N(0, I)

x is an image ``(D,)`` with pixels in 0…1, z its code ``(M,)``. The loss ℓ is summed over pixels:

*Cross-entropy*: −Σ_d x_d log x̂_d + (1 − x_d) log(1 − x̂_d), nats per image; g ends in a sigmoid. A perfect copy of
grey pixels does not bring it to 0, but to the pixels' own entropy.
*Squared*: Σ_d (x_d − x̂_d)²; g ends linear. With no hidden layers the best it can do is to project on the M leading
principal components (Bourlard & Kamp 1988; Baldi & Hornik 1989).

With M < D the code has to leave something out; *over-wide*, M ≥ D, the identity is within reach and nothing need be
learned of digits. The **denoising** autoencoder, σ > 0, sees a corrupted image and must give back the clean one,
which the identity does not (Vincent et al. 2010). Noisy inputs are not clipped to 0…1.

No distribution of z is trained: there is nothing to sample z *from*. That is what :mod:`genmodels.vae.model` adds.

Sources: Hinton & Salakhutdinov (2006), *Science* 313; Bourlard & Kamp (1988), *Biological Cybernetics* 59; Baldi &
Hornik (1989), *Neural Networks* 2; Vincent et al. (2010), *JMLR* 11. Rows are images, arrays float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels import device
from genmodels.autoencoder.runtime import ForwardAutoencoder
from genmodels.checks import check_activation, check_choice, check_hidden, check_images, check_number, check_whole
from genmodels.nn.layers import mlp
from genmodels.nn.training import Resume, TrainingConfig, TrainingState, train
from genmodels.states import last

LOSSES = ("cross-entropy", "squared")


@dataclass(frozen=True)
class AutoencoderConfig(TrainingConfig):
    """Which autoencoder, and how to train it (see :class:`genmodels.nn.training.TrainingConfig`).

    Args:
        n_features: Pixels of an image, D ≥ 1.
        n_bottleneck: Numbers in the code, M ≥ 1; D or more is over-wide.
        hidden: Widths of the encoder's hidden layers; the decoder has them in reverse. () makes both linear.
        noise: σ, standard deviation of the noise on the input, pixel units, 0 or more; 0 is the plain autoencoder.
        loss: ``"cross-entropy"`` or ``"squared"``.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_features: int
    n_bottleneck: int = 2
    hidden: tuple[int, ...] = (128,)
    noise: float = 0.0
    loss: Literal["cross-entropy", "squared"] = "cross-entropy"
    activation: str = "relu"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_features", self.n_features, at_least=1)
        check_whole("n_bottleneck", self.n_bottleneck, at_least=1)
        check_number("noise", self.noise, at_least=0)
        check_activation(self.activation)
        check_choice("loss", self.loss, LOSSES)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))

    def network(self) -> Autoencoder:
        """The network, its weights not yet set."""
        return Autoencoder(self)


class Autoencoder(nn.Module):
    """Encoder f and decoder g, two perceptrons."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = mlp([config.n_features, *config.hidden, config.n_bottleneck], config.activation)
        self.decoder = mlp([config.n_bottleneck, *config.hidden[::-1], config.n_features], config.activation)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Images ``(N, D)`` to codes ``(N, M)``."""
        return self.encoder(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Codes ``(N, M)`` to images ``(N, D)``."""
        a = self.decoder(z)
        return torch.sigmoid(a) if self.config.loss == "cross-entropy" else a

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images ``(N, D)`` to their copies ``(N, D)``."""
        return self.decode(self.encode(x))

    def loss(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """ℓ(target, g(f(x))) for each image, ``(N, D)`` and ``(N, D)`` to ``(N,)``."""
        a = self.decoder(self.encoder(x))
        if self.config.loss == "squared":
            return (a - target).square().sum(1)
        return F.binary_cross_entropy_with_logits(a, target, reduction="none").sum(1)


@dataclass(frozen=True, eq=False, kw_only=True)
class AutoencoderState(TrainingState):
    """An autoencoder in training; see :class:`genmodels.nn.training.TrainingState`.

    Attributes:
        loss: ℓ of the next minibatch under these parameters, mean over its images, noise included.
    """

    loss: float

    def forward(self) -> ForwardAutoencoder:
        """The network in numpy."""
        return ForwardAutoencoder(self.arrays(), self.config.activation, self.config.loss)


def iterate_autoencoder(
    images: Any, config: AutoencoderConfig, resume: Resume | None = None
) -> Iterator[AutoencoderState]:
    """Train an autoencoder.

    Args:
        images: ``(N, D)``, pixels in 0…1 (with the squared loss any finite numbers).
        config: Which one, and how.
        resume: A state of an earlier run, or its snapshot: go on from there.

    Yields:
        The initial state, then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite; a smaller learning rate helps.
        ValueError: The images or ``resume`` do not fit; the message says what to mend.
    """
    x = check_images(images, config.n_features, between=config.loss == "cross-entropy")
    x = x.to(device.resolve(config.device))

    def loss_of(model: Autoencoder, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, float]:
        clean = x[rows]
        noisy = clean
        if config.noise:
            noisy = clean + config.noise * torch.randn(clean.shape, generator=generator).to(clean)
        loss = model.loss(noisy, clean).mean()
        return loss, loss.item()

    for moment, loss in train(config, len(x), loss_of, resume):
        yield AutoencoderState(**moment, loss=loss)


def fit_autoencoder(images: Any, config: AutoencoderConfig) -> AutoencoderState:
    """The trained autoencoder: the last state of :func:`iterate_autoencoder`."""
    return last(iterate_autoencoder(images, config))


def encode(model: Autoencoder, x: Any) -> np.ndarray:
    """Codes of images, arrays ``(N, D)`` to ``(N, M)``."""
    return _through(model.encode, model, x)


def decode(model: Autoencoder, z: Any) -> np.ndarray:
    """Images of codes, arrays ``(N, M)`` to ``(N, D)``."""
    return _through(model.decode, model, z)


def _through(function: Any, model: nn.Module, values: Any) -> np.ndarray:
    with torch.no_grad():
        return function(torch.as_tensor(np.asarray(values)).to(next(model.parameters()))).cpu().numpy()
