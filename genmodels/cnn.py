r"""A small convolutional classifier that can say where it looked.

    f = three rounds of convolution 3×3 and ReLU, with max-pooling 2×2 after the first ones,   (C, h, w)
    logit_k = b_k + Σ_c w_kc · mean_hw f_c(h, w)          p(y = k | x) = softmax_k(logit)

Between the last convolution and the linear layer stands nothing but a mean over the picture (*global average
pooling*, Lin et al. 2014). Sum and mean may then be exchanged: the **class activation map** (Zhou et al. 2016)

    CAM_k(h, w) = Σ_c w_kc f_c(h, w),      mean_hw CAM_k(h, w) + b_k = logit_k

says exactly, not by approximation, what each place added to the logit of class k. A place is wider than it looks:
with two poolings the value at one of 7×7 cells depends on a field of 18×18 pixels.

It is a *discriminative* model, p(y | x) and no p(x): it has nothing to sample, and no way to say that an image is no
digit at all.

Sources: LeCun et al. (1998), *Proc. IEEE* 86(11); Lin, Chen & Yan (2014), *Network in network*, arXiv:1312.4400;
Zhou, Khosla, Lapedriza, Oliva & Torralba (2016), CVPR, eq. 1–2. Images ``(N, H, W)``, pixels in 0…1; losses in nats
per image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels import device
from genmodels.checks import check_hidden, check_images, check_labels, check_whole
from genmodels.nn.layers import conv, linear
from genmodels.nn.training import Resume, TrainingConfig, TrainingState, train
from genmodels.states import last

CHUNK = 500  # most images looked at at once


@dataclass(frozen=True)
class CNNConfig(TrainingConfig):
    """Which classifier, and how to train it (see :class:`genmodels.nn.training.TrainingConfig`).

    Args:
        side: Height and width of the images, H = W ≥ 1.
        n_classes: K ≥ 2.
        channels: Of each convolution, one or more.
        n_pools: How many of the convolutions, from the first on, are followed by pooling, which halves the side.
        shift: Most pixels by which training images are moved, up, down and sideways, at random; 0 or more.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    side: int = 28
    n_classes: int = 10
    channels: tuple[int, ...] = (16, 32, 64)
    n_pools: int = 2
    shift: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("side", 1), ("n_classes", 2), ("n_pools", 0), ("shift", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        object.__setattr__(self, "channels", check_hidden(self.channels))
        if not max(1, self.n_pools) <= len(self.channels):
            raise ValueError(
                f"channels is {self.channels}; give at least one, and as many as n_pools ({self.n_pools})."
            )
        if self.side < 2**self.n_pools:
            raise ValueError(f"n_pools is {self.n_pools}; images of side {self.side} cannot be halved so often.")

    def network(self) -> CNN:
        """The network, its weights not yet set."""
        return CNN(self)


class CNN(nn.Module):
    """Convolutions, the mean over the picture, one linear layer."""

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.config = config
        self.convolutions = nn.ModuleList(conv(a, b) for a, b in pairwise((1, *config.channels)))
        self.head = linear(config.channels[-1], config.n_classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """f, images ``(N, H, W)`` to ``(N, C, h, w)``, all ≥ 0."""
        h = x[:, None]
        for i, layer in enumerate(self.convolutions):
            h = F.relu(layer(h))
            if i < self.config.n_pools:
                h = F.max_pool2d(h, 2)
        return h

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, images ``(N, H, W)`` to ``(N, K)``."""
        return self.head(self.features(x).mean(dim=(2, 3)))


@dataclass(frozen=True, eq=False, kw_only=True)
class CNNState(TrainingState):
    """A classifier in training; see :class:`genmodels.nn.training.TrainingState`.

    Attributes:
        loss: −log p(y | x) of the next minibatch under these parameters, nats per image, shifts included.
        accuracy: Share of its images classified rightly, 0…1.
    """

    loss: float
    accuracy: float


def iterate_cnn(images: Any, labels: Any, config: CNNConfig, resume: Resume | None = None) -> Iterator[CNNState]:
    """Train the classifier by maximum likelihood, −log p(y | x).

    Args:
        images: ``(N, H, W)``, pixels in 0…1.
        labels: ``(N,)``, 0 … K − 1.
        config: Which one, and how.
        resume: A state of an earlier run, or its snapshot: go on from there.

    Yields:
        The initial state, then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite; a smaller learning rate helps.
        ValueError: Images, labels or ``resume`` do not fit; the message says what to mend.
    """
    where = device.resolve(config.device)
    x = _check_pictures(images, config.side).to(where)
    y = check_labels(labels, len(x), config.n_classes).to(where)

    def loss_of(model: CNN, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, Any]]:
        batch = x[rows]
        if config.shift:
            by = torch.randint(-config.shift, config.shift + 1, (len(batch), 2), generator=generator)
            batch = shift_images(batch, by.to(batch.device))
        logits = model(batch)
        loss = F.cross_entropy(logits, y[rows])
        right = (logits.argmax(1) == y[rows]).float().mean()
        return loss, {"loss": loss.item(), "accuracy": right.item()}

    for moment, report in train(config, len(x), loss_of, resume):
        yield CNNState(**moment, **report)


def fit_cnn(images: Any, labels: Any, config: CNNConfig) -> CNNState:
    """The trained classifier: the last state of :func:`iterate_cnn`."""
    return last(iterate_cnn(images, labels, config))


def shift_images(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Move each image, filling with 0: ``(N, H, W)`` by ``(N, 2)`` whole pixels, down and to the right.

    >>> shift_images(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1, 0]])).tolist()
    [[[0.0, 0.0], [1.0, 2.0]]]
    """
    n, height, width = x.shape
    margin = int(by.abs().max()) if len(by) else 0
    padded = F.pad(x, (margin, margin, margin, margin))
    rows = torch.arange(height, device=x.device) + margin - by[:, :1]  # (N, H)
    columns = torch.arange(width, device=x.device) + margin - by[:, 1:]  # (N, W)
    return padded[torch.arange(n, device=x.device)[:, None, None], rows[:, :, None], columns[:, None, :]]


# --- What it says, and where it looked ----------------------------------------------------------------------


@torch.no_grad()
def predict_proba(model: CNN, images: Any) -> np.ndarray:
    """p(y = k | x), images ``(N, H, W)`` to ``(N, K)`` float32; rows sum to 1."""
    return _in_chunks(lambda x: model(x).softmax(1), model, images)


@torch.no_grad()
def class_activation_maps(model: CNN, images: Any) -> np.ndarray:
    """CAM_k(h, w) = Σ_c w_kc f_c(h, w), images ``(N, H, W)`` to ``(N, K, h, w)`` float32, in units of logits.

    The mean over h and w, plus the bias b_k, is the logit of class k. Positive places speak for the class, negative
    ones against it; softmax takes differences, so that only maps less their mean over k bear on p(y | x).

    Source: Zhou et al. (2016), eq. 2.
    """
    return _in_chunks(lambda x: torch.einsum("kc,nchw->nkhw", model.head.weight, model.features(x)), model, images)


def _in_chunks(function: Any, model: CNN, images: Any) -> np.ndarray:
    x = _check_pictures(images, model.config.side).to(model.head.weight)
    return np.concatenate([function(piece).cpu().numpy() for piece in x.split(CHUNK)])


def _check_pictures(images: Any, side: int) -> torch.Tensor:
    """Return images as a float32 tensor ``(N, side, side)``, or raise a ValueError that says what to mend."""
    shape = tuple(np.shape(images))
    if len(shape) != 3 or shape[1:] != (side, side):
        raise ValueError(f"Images must have the shape (N, {side}, {side}); got {shape}. Reshape them, or set side.")
    return check_images(np.reshape(images, (len(images), -1)), side * side).reshape(-1, side, side)
