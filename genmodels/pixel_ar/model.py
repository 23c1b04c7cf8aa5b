r"""Black-and-white images by the chain rule: the probability of a pixel given those drawn before it.

    p(x) = Π_k p(x_o(k) | x_o(1), …, x_o(k−1)),      each a coin whose logit a network gives

o is the *order*: any order gives an exact factorisation of some p(x); learned from data, two orders are two models.
Nothing is bounded or integrated: log p(x) is a sum of D terms, exact, in nats per image. What it costs is sampling:
D draws, one after the other.

Three networks, which differ in what a logit can be:

*Logistic autoregression* (fully visible sigmoid belief network, Frey 1998), :class:`MADE` without hidden layers:

    logit_k = b_k + Σ_{j<k} W_kj x_o(j)

*MADE* (Germain et al. 2015): hidden layers whose weights are masked so that logit k depends on the first k − 1 pixels
only; one pass gives all D logits. Masked direct weights from inputs to outputs are added, so that the first model is
contained in it.

*PixelCNN* (van den Oord et al. 2016): raster order, and the same small filters everywhere. With single masked filters
a wedge to the upper right stays unseen, whatever the depth (the *blind spot*). Two stacks have none: a vertical one,
whose row i knows the rows above i, and a horizontal one, which knows the pixels to the left and reads the vertical.
With a first filter k wide and L layers, a logit depends on k//2 + L rows up, as many columns to either side, and as
many pixels to the left, and on all of these.

    a_v = w_v * v,   a_h = w_h * h + W a_v,   v ← v + tanh(a_v') σ(a_v''),   h ← h + W' (tanh(a_h') σ(a_h''))

Training minimises −log p(x). It can be kept from learning 4,000 images by heart by *dropout* of whole units or
channels and by *shifting* the training images by a pixel or so, as :mod:`genmodels.cnn` does; either is told in the
config.

Sources: Frey (1998), *Graphical models for machine learning and digital communication*; Germain, Gregor, Murray &
Larochelle (2015), arXiv:1502.03509; van den Oord, Kalchbrenner & Kavukcuoglu (2016), arXiv:1601.06759; van den Oord
et al. (2016), *Conditional image generation with PixelCNN decoders*, arXiv:1606.05328, eq. 2 and fig. 2. Rows are
images ``(N, D)`` of 0 and 1, D = height × width, logarithms natural.
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
from torch.nn.utils import skip_init

from genmodels import device
from genmodels.checks import check_activation, check_choice, check_hidden, check_images, check_number, check_whole
from genmodels.cnn import shift_images
from genmodels.nn.averaging import AveragedState, RunningMean
from genmodels.nn.layers import ACTIVATIONS, linear
from genmodels.nn.training import Resume, TrainingConfig, train
from genmodels.pixel_ar.orders import ORDERS, masks, pixel_order
from genmodels.states import last

CHUNK = 250  # most images looked at at once


@dataclass(frozen=True, kw_only=True)
class PixelConfig(TrainingConfig):
    """What all three share (see :class:`genmodels.nn.training.TrainingConfig`).

    Args:
        height: Of the images, 1 or more.
        width: Of the images; two pixels or more in all.
        dropout: Share of hidden units (channels) left out in training, for each image anew; 0 or more, below 1.
        shift: Most pixels by which training images are moved, up, down and sideways, at random; 0 or more.
        average: β of the running mean of the parameters, 0 (none) or more, below 1.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    height: int = 28
    width: int = 28
    dropout: float = 0.0
    shift: int = 0
    average: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("height", 1), ("width", 1), ("shift", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        if self.n_features < 2:
            raise ValueError("The image has one pixel, before which there is none; give height and width, 2 or more.")
        for name in ("dropout", "average"):
            check_number(name, getattr(self, name), at_least=0, below=1)

    @property
    def n_features(self) -> int:
        """D, pixels of an image."""
        return self.height * self.width

    def pixel_order(self) -> np.ndarray:
        """Which pixel is drawn first, second, …, ``(D,)``."""
        return pixel_order(self.n_features)


@dataclass(frozen=True, kw_only=True)
class MADEConfig(PixelConfig):
    """Which masked perceptron, and how to train it (see :class:`PixelConfig`).

    Args:
        hidden: Widths of the hidden layers; () is logistic autoregression.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.
        order: Of the pixels, ``"raster"`` or ``"random"``.
        order_seed: Of the random order, 0 or more.
    """

    hidden: tuple[int, ...] = (300,)
    activation: str = "relu"
    order: str = "raster"
    order_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_activation(self.activation)
        check_choice("order", self.order, ORDERS)
        check_whole("order_seed", self.order_seed, at_least=0)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))

    def pixel_order(self) -> np.ndarray:  # noqa: D102
        return pixel_order(self.n_features, self.order, self.order_seed)

    def network(self) -> MADE:
        """The network, its weights not yet set."""
        return MADE(self)


@dataclass(frozen=True, kw_only=True)
class PixelCNNConfig(PixelConfig):
    """Which convolutional network, and how to train it (see :class:`PixelConfig`).

    Args:
        channels: Of every layer, C ≥ 1.
        n_layers: Gated layers, L ≥ 0.
        first: Width of the first filter, odd, 3 or more.
    """

    channels: int = 32
    n_layers: int = 8
    first: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("channels", 1), ("n_layers", 0), ("first", 3)):
            check_whole(name, getattr(self, name), at_least=least)
        if self.first % 2 == 0:
            raise ValueError(f"first is {self.first}; give an odd number, so that the filter has a middle.")

    @property
    def reach(self) -> int:
        """How many rows up, columns to either side, and pixels to the left a logit depends on."""
        return self.first // 2 + self.n_layers

    def network(self) -> PixelCNN:
        """The network, its weights not yet set."""
        return PixelCNN(self)


Drop = list[torch.Tensor] | None
"""What hidden units are multiplied by, one ``(N, units)`` a layer; None outside training."""


class MADE(nn.Module):
    """A masked perceptron; inside, pixels stand in the order in which they are drawn."""

    order: torch.Tensor
    rank: torch.Tensor
    mask_direct: torch.Tensor

    def __init__(self, config: MADEConfig) -> None:
        super().__init__()
        self.config = config
        d = config.n_features
        self.layers = nn.ModuleList(linear(a, b) for a, b in pairwise((d, *config.hidden, d)))
        if config.hidden:
            self.direct = skip_init(nn.Linear, d, d, bias=False)
        for i, mask in enumerate(masks(d, config.hidden)):
            self.register_buffer(f"mask_{i}", torch.tensor(mask, dtype=torch.float32), persistent=False)
        self.register_buffer("mask_direct", torch.tensor(masks(d, ())[0], dtype=torch.float32), persistent=False)
        order = config.pixel_order()
        self.register_buffer("order", torch.tensor(order), persistent=False)
        self.register_buffer("rank", torch.tensor(np.argsort(order)), persistent=False)
        self.activation = ACTIVATIONS[config.activation]()

    @property
    def units(self) -> tuple[int, ...]:
        """Hidden units of each layer."""
        return self.config.hidden

    def forward(self, x: torch.Tensor, drop: Drop = None) -> torch.Tensor:
        """The logit of each pixel given those before it, images ``(N, D)`` to ``(N, D)``."""
        x = h = x[:, self.order]
        for i in range(len(self.layers)):
            weight, bias = (self.get_parameter(f"layers.{i}.{part}") for part in ("weight", "bias"))
            h = F.linear(h, weight * self.get_buffer(f"mask_{i}"), bias)
            if i < len(self.config.hidden):
                h = self.activation(h)
                h = h if drop is None else h * drop[i]
        if self.config.hidden:
            h = h + F.linear(x, self.direct.weight * self.mask_direct)
        return h[:, self.rank]


def _conv(n_inputs: int, n_outputs: int, size: tuple[int, int]) -> nn.Conv2d:
    return skip_init(nn.Conv2d, n_inputs, n_outputs, size)


class GatedLayer(nn.Module):
    """One layer of both stacks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.vertical = _conv(channels, 2 * channels, (2, 3))
        self.horizontal = _conv(channels, 2 * channels, (1, 2))
        self.link = _conv(2 * channels, 2 * channels, (1, 1))
        self.out = _conv(channels, channels, (1, 1))

    def forward(
        self, v: torch.Tensor, h: torch.Tensor, drop: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vertical and horizontal features, each ``(N, C, H, W)``."""
        a_v = self.vertical(F.pad(v, (1, 1, 1, 0)))
        z = gate(self.horizontal(F.pad(h, (1, 0))) + self.link(a_v))
        return v + gate(a_v), h + self.out(z if drop is None else z * drop[:, :, None, None])


def gate(a: torch.Tensor) -> torch.Tensor:
    """tanh(a') σ(a''), a' and a'' the halves of the channels."""
    value, door = a.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(door)


class PixelCNN(nn.Module):
    """The gated PixelCNN, vertical and horizontal stack."""

    def __init__(self, config: PixelCNNConfig) -> None:
        super().__init__()
        self.config = config
        c, k = config.channels, config.first
        self.above = _conv(1, c, (k // 2, k))
        self.left = _conv(1, c, (1, k // 2))
        self.layers = nn.ModuleList(GatedLayer(c) for _ in range(config.n_layers))
        self.head = _conv(c, c, (1, 1))
        self.logit = _conv(c, 1, (1, 1))

    @property
    def units(self) -> tuple[int, ...]:
        """Channels of each layer."""
        return (self.config.channels,) * self.config.n_layers

    def forward(self, x: torch.Tensor, drop: Drop = None) -> torch.Tensor:
        """The logit of each pixel given those before it, images ``(N, D)`` to ``(N, D)``."""
        height, width, k = self.config.height, self.config.width, self.config.first // 2
        image = x.reshape(-1, 1, height, width)
        v = self.above(F.pad(image, (k, k, k, 0)))[:, :, :height]
        h = self.left(F.pad(image, (k, 0)))[..., :width]
        for i, layer in enumerate(self.layers):
            v, h = layer(v, h, None if drop is None else drop[i])
        return self.logit(F.relu(self.head(F.relu(h)))).flatten(1)


Network = MADE | PixelCNN


# --- Training -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelState(AveragedState):
    """A model in training; see :class:`genmodels.nn.averaging.AveragedState`.

    Its loss is −log p(x) of the next minibatch, nats per image, dropout and shifts included.
    """


def iterate_pixel_ar(
    x: Any, config: MADEConfig | PixelCNNConfig, resume: Resume | None = None
) -> Iterator[PixelState]:
    """Train by maximum likelihood.

    Args:
        x: Images ``(N, D)`` of 0 and 1.
        config: Which one, and how.
        resume: A state of an earlier run, or its snapshot: go on from there.

    Yields:
        The initial state, then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The likelihood is no longer finite; a smaller learning rate helps.
        ValueError: Images or ``resume`` do not fit; the message says what to mend.
    """
    images = check_binary(x, config.n_features).to(device.resolve(config.device))
    mean = RunningMean(config.average, resume)

    def loss_of(model: Network, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        batch = images[rows]
        if config.shift:
            by = torch.randint(-config.shift, config.shift + 1, (len(batch), 2), generator=generator)
            pictures = batch.reshape(-1, config.height, config.width)
            batch = shift_images(pictures, by.to(batch.device)).flatten(1)
        loss = nats(model(batch, _drop(model, len(batch), generator, batch)), batch).mean()
        mean.look(model)
        return loss, loss.detach()

    for moment, loss in train(config, len(images), loss_of, resume):
        yield PixelState(**moment, average=mean.copy(), loss=loss.item())


def _drop(model: Network, n: int, generator: torch.Generator, like: torch.Tensor) -> Drop:
    rate = model.config.dropout
    if not (rate and model.units):
        return None
    kept = torch.rand((n, sum(model.units)), generator=generator) >= rate
    return list((kept.to(like) / (1 - rate)).split(model.units, dim=1))


def fit_pixel_ar(x: Any, config: MADEConfig | PixelCNNConfig) -> PixelState:
    """The trained model: the last state of :func:`iterate_pixel_ar`."""
    return last(iterate_pixel_ar(x, config))


# --- The distribution ---------------------------------------------------------------------------------------


def nats(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """−log p(x), logits and images ``(N, D)`` to ``(N,)``, nats per image."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)


@torch.no_grad()
def log_prob(model: Network, x: Any) -> np.ndarray:
    """log p(x), exact, images ``(N, D)`` of 0 and 1 to ``(N,)`` float64, nats per image."""
    images = check_binary(x, model.config.n_features).to(next(model.parameters()))
    return -np.concatenate([nats(model(rows).double(), rows.double()).cpu().numpy() for rows in images.split(CHUNK)])


@torch.no_grad()
def conditionals(model: Network, x: Any) -> np.ndarray:
    """p(x_d = 1 | the pixels before d), images ``(N, D)`` of 0 and 1 to ``(N, D)``."""
    images = check_binary(x, model.config.n_features).to(next(model.parameters()))
    return np.concatenate([torch.sigmoid(model(rows)).cpu().numpy() for rows in images.split(CHUNK)])


@torch.no_grad()
def sample_pixels(model: Network, n: int, generator: torch.Generator) -> np.ndarray:
    """Draw n images, ``(n, D)`` float32 of 0 and 1, the whole network for each pixel anew.

    :mod:`genmodels.pixel_ar.runtime` draws the same distribution hundreds of times faster.

    Args:
        model: The network.
        n: How many, 1 or more.
        generator: On the CPU.
    """
    check_whole("n", n, at_least=1)
    x = torch.zeros((n, model.config.n_features)).to(next(model.parameters()))
    for pixel in model.config.pixel_order():
        p = torch.sigmoid(model(x)[:, pixel])
        x[:, pixel] = (torch.rand(n, generator=generator).to(p) < p).to(x)
    return x.cpu().numpy()


def check_binary(x: Any, n_features: int) -> torch.Tensor:
    """Return images as a float tensor ``(N, D)``, or raise a ValueError unless all pixels are 0 or 1."""
    images = check_images(x, n_features)
    if not ((images == 0) | (images == 1)).all():
        raise ValueError("These models are of black-and-white images, and these hold grey pixels: binarise them.")
    return images
