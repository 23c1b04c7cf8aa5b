r"""WaveNet: sound by the chain rule, the distribution of a sample given those before it.

    p(x | y) = Π_t p(x_t | x_{t−R}, …, x_{t−1}, y)

x_t is one of 256 levels of µ-law (:mod:`genmodels.data.sounds`), y the kind of sound. *Dilated causal convolutions*:
layer l combines what is now with what was d_l = 2^l samples ago, so that the field doubles with every layer,

    R = 1 + (k − 1) Σ_l d_l,      k = 2 taps: 1,024 samples with ten layers

where the 1 is the sample before, which goes in first: to predict x_t, "now" is x_{t−1}. Each layer has a gate,

    z = tanh(W [h_{t−d}, h_t] + c_y) σ(V [h_{t−d}, h_t] + e_y),      h ← h + A z,      s ← s + B z

and logits are read from ReLU(s) by one more hidden layer. Before its beginning a sound is silence of a kind that the
network knows from no other: all features are 0.

Source: van den Oord et al. (2016), *WaveNet: a generative model for raw audio*, arXiv:1609.03499, sections 2.1–2.5.
Rows are sounds ``(N, T)`` of levels 0 … 255; losses in nats per sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels import device
from genmodels.checks import check_labels, check_number, check_whole
from genmodels.data.sounds import LEVELS
from genmodels.nn.averaging import AveragedState, RunningMean
from genmodels.nn.layers import linear
from genmodels.nn.training import Resume, TrainingConfig, train
from genmodels.states import last

CHUNK = 8  # most sounds looked at at once


@dataclass(frozen=True, kw_only=True)
class WaveNetConfig(TrainingConfig):
    """Which network, and how to train it (see :class:`genmodels.nn.training.TrainingConfig`).

    Args:
        n_kinds: Kinds of sound, 1 or more.
        n_layers: L ≥ 1; layer l looks back 2^l samples, l = 0 …
        channels: Of h and z, C ≥ 1.
        skip: Of s and of the hidden layer after it, 1 or more.
        taps: k ≥ 2, how many samples a layer combines, d apart.
        average: β of the running mean of the parameters, 0 (none) or more, below 1.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_kinds: int = 3
    n_layers: int = 10
    channels: int = 48
    skip: int = 64
    taps: int = 2
    average: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("n_kinds", 1), ("n_layers", 1), ("channels", 1), ("skip", 1), ("taps", 2)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("average", self.average, at_least=0, below=1)

    @property
    def dilations(self) -> tuple[int, ...]:
        """d_l, samples."""
        return tuple(2**i for i in range(self.n_layers))

    @property
    def field(self) -> int:
        """R, how many of the samples before it a sample depends on."""
        return 1 + (self.taps - 1) * sum(self.dilations)

    def network(self) -> WaveNet:
        """The network, its weights not yet set."""
        return WaveNet(self)


class Layer(nn.Module):
    """One dilated layer with its gate."""

    def __init__(self, config: WaveNetConfig, dilation: int) -> None:
        super().__init__()
        self.dilation, self.taps, c = dilation, config.taps, config.channels
        self.causal = linear(self.taps * c, 2 * c)
        self.kind = linear(config.n_kinds, 2 * c)
        self.out = linear(c, c)
        self.skip = linear(c, config.skip)

    def forward(self, h: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The next h ``(N, T, C)``, and what is added to s ``(N, T, S)``; y is one-hot ``(N, K)``."""
        past = [shifted(h, i * self.dilation) for i in reversed(range(self.taps))]
        value, door = (self.causal(torch.cat(past, dim=2)) + self.kind(y)[:, None]).chunk(2, dim=2)
        z = torch.tanh(value) * torch.sigmoid(door)
        return h + self.out(z), self.skip(z)


def shifted(h: torch.Tensor, by: int) -> torch.Tensor:
    """What was so many samples ago, ``(N, T, C)`` to the same; 0 before the beginning."""
    return F.pad(h, (0, 0, by, 0))[:, : h.shape[1]]


class WaveNet(nn.Module):
    """Dilated layers, and logits from the sum of what they say."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        self.level = linear(LEVELS, config.channels)
        self.layers = nn.ModuleList(Layer(config, d) for d in config.dilations)
        self.hidden = linear(config.skip, config.skip)
        self.logits = linear(config.skip, LEVELS)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Logits of x_t given the samples before, levels ``(N, T)`` int64 and kinds ``(N,)`` to ``(N, T, 256)``."""
        return self.of_features(shifted(F.embedding(x, self.level.weight.T) + self.level.bias, 1), y)

    def of_features(self, h: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Logits, from the features of the sample before ``(N, T, C)``."""
        kinds = F.one_hot(y, self.config.n_kinds).to(h)
        total = h.new_zeros(())
        for layer in self.layers:
            h, said = layer(h, kinds)
            total = total + said
        return self.logits(F.relu(self.hidden(F.relu(total))))


# --- Training -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class WaveNetState(AveragedState):
    """A network in training; see :class:`genmodels.nn.averaging.AveragedState`.

    Its loss is −log p(x_t | before, y) of the next minibatch, nats per sample.
    """


def iterate_wavenet(
    levels: Any, kinds: Any, config: WaveNetConfig, resume: Resume | None = None
) -> Iterator[WaveNetState]:
    """Train by maximum likelihood.

    Args:
        levels: Sounds of levels 0 … 255, ``(N, T)``.
        kinds: What kind each is, ``(N,)``, 0 … K − 1.
        config: Which one, and how.
        resume: A state of an earlier run, or its snapshot: go on from there.

    Yields:
        The initial state, then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The likelihood is no longer finite; a smaller learning rate helps.
        ValueError: Sounds, kinds or ``resume`` do not fit; the message says what to mend.
    """
    where = device.resolve(config.device)
    x = check_levels(levels).to(where)
    y = check_labels(kinds, len(x), config.n_kinds).to(where)
    mean = RunningMean(config.average, resume)

    def loss_of(model: WaveNet, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        loss = nats(model, x[rows], y[rows]).mean()
        mean.look(model)
        return loss, loss.detach()

    for moment, loss in train(config, len(x), loss_of, resume):
        yield WaveNetState(**moment, average=mean.copy(), loss=loss.item())


def fit_wavenet(levels: Any, kinds: Any, config: WaveNetConfig) -> WaveNetState:
    """The trained network: the last state of :func:`iterate_wavenet`."""
    return last(iterate_wavenet(levels, kinds, config))


# --- The distribution ---------------------------------------------------------------------------------------


def nats(model: WaveNet, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """−log p(x_t | before, y) of each sample, ``(N, T)``."""
    return F.cross_entropy(model(x, y).transpose(1, 2), x, reduction="none")


@torch.no_grad()
def log_prob(model: WaveNet, levels: Any, kinds: Any) -> np.ndarray:
    """log p(x_t | before, y) of each sample, ``(N, T)`` to ``(N, T)`` float64, nats; their sum is log p(x | y)."""
    where = next(model.parameters()).device
    x = check_levels(levels).to(where)
    y = check_labels(kinds, len(x), model.config.n_kinds).to(where)
    pairs = zip(x.split(CHUNK), y.split(CHUNK), strict=True)
    return -np.concatenate([nats(model, rows, of).double().cpu().numpy() for rows, of in pairs])


def check_levels(levels: Any) -> torch.Tensor:
    """Return sounds as an int64 tensor ``(N, T)``, or raise a ValueError unless they are levels 0 … 255."""
    x = levels if isinstance(levels, torch.Tensor) else torch.as_tensor(np.array(levels))
    if x.ndim != 2 or x.numel() == 0 or x.is_floating_point():
        raise ValueError(f"Sounds must be whole numbers (N, T), one row a sound; got {x.dtype} of {tuple(x.shape)}.")
    x = x.long()
    if x.min() < 0 or x.max() >= LEVELS:
        raise ValueError(f"Levels lie in {x.min()}…{x.max()}; give 0…{LEVELS - 1}: encode_mu_law makes them.")
    return x
