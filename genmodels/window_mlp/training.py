"""Training the perceptron over a window: AdamW on − log p of the next letter; :mod:`.runtime` tells the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels.checks import check_whole
from genmodels.nn.layers import linear, mlp
from genmodels.nn.training import Resume, TrainingConfig, TrainingState, train
from genmodels.states import last
from genmodels.window_mlp.runtime import examples


class WindowMLP(nn.Module):
    """Windows of letters to the logits of the next.

    Args:
        letters, window, features, hidden: V, M, m and h.
    """

    def __init__(self, letters: int, window: int, features: int, hidden: int) -> None:
        super().__init__()
        self.embed = linear(features, letters + 1, bias=False)
        self.net = mlp([window * features, hidden, letters], "tanh")

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Numbers of letters ``(B, M)``, V for nothing, to logits ``(B, V)``."""
        return self.net(F.embedding(windows, self.embed.weight).flatten(1))


@dataclass(frozen=True, kw_only=True)
class WindowConfig(TrainingConfig):
    """Which perceptron, and how to train it (:class:`genmodels.nn.training.TrainingConfig`).

    Args:
        letters: V, 2 or more.
        window: M, letters that are looked at, 1 or more.
        features: m, numbers for each letter, 1 or more.
        hidden: h, units between, 1 or more.
    """

    n_steps: int = 1500
    learning_rate: float = 2e-2
    decay: bool = True
    weight_decay: float = 0.01
    letters: int = 27
    window: int = 5
    features: int = 12
    hidden: int = 96

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("letters", 2), ("window", 1), ("features", 1), ("hidden", 1)):
            check_whole(name, getattr(self, name), at_least=least)

    def network(self) -> WindowMLP:
        """The network, its weights not yet set."""
        return WindowMLP(self.letters, self.window, self.features, self.hidden)


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowState(TrainingState):
    """A perceptron in training.

    Attributes:
        loss: − log p of a letter, nats, mean over the next minibatch.
    """

    loss: float


def iterate_window_mlp(
    tokens: np.ndarray, config: WindowConfig, resume: Resume | None = None
) -> Iterator[WindowState]:
    """Train on letters; every letter but the first, with the window before it, is an example.

    Args:
        tokens: A text ``(N,)``, or rows ``(N, T)`` filled up with −1.
        config: What and how.
        resume: A state of an earlier run of this config, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: The letters or ``resume`` do not fit, or there is no example; the message says what to mend.
    """
    windows, said = examples(tokens, config.window, config.letters)
    there = said >= 0
    if not there.any():
        raise ValueError("There is no letter with one before it; give a text of two letters or more.")
    kept: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}

    def loss_of(
        module: WindowMLP, rows: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if rows.device not in kept:
            kept[rows.device] = inputs.to(rows.device), targets.to(rows.device)
        x, y = kept[rows.device]
        loss = F.cross_entropy(module(x[rows]), y[rows])
        return loss, loss.detach()

    inputs, targets = torch.from_numpy(windows[there]), torch.from_numpy(said[there])
    return (WindowState(**moment, loss=loss.item()) for moment, loss in train(config, len(targets), loss_of, resume))


def fit_window_mlp(tokens: np.ndarray, config: WindowConfig) -> WindowState:
    """The trained perceptron: the last state of :func:`iterate_window_mlp`."""
    return last(iterate_window_mlp(tokens, config))
