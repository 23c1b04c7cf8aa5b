r"""Training a transformer: AdamW on − log p of the next letter, each position of a piece of text at once.

The loss is the mean over the letters of a minibatch, nats a letter, with dropout on the embedding and on what each
half of a layer adds. The learning rate rises from 0 for ``warm_up`` steps and falls along half a cosine.

*Distillation*: a small model learns more from what a large one, the teacher, says of *every* letter than from the one
letter that came. With a teacher's p_T the loss is (1 − s) (− log p(x)) + s Σ_v p_T(v) (− log p(v)), s = ``soft``.

Sources: as in :mod:`.config`; Loshchilov & Hutter (2019), arXiv:1711.05101; Srivastava et al. (2014), *Dropout*,
JMLR 15; Hinton, Vinyals & Dean (2015), *Distilling the knowledge in a neural network*, arXiv:1503.02531.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from genmodels.checks import check_number, check_whole
from genmodels.nn.training import Resume, TrainingConfig, TrainingState, train
from genmodels.states import last
from genmodels.transformer.config import Shape
from genmodels.transformer.model import Transformer


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(TrainingConfig, Shape):
    """Which transformer (:class:`.config.Shape`), and how to train it (:mod:`genmodels.nn.training`).

    Args:
        dropout: Share of the numbers set to 0 in training, 0 or more and below 1.
        warm_up: Steps in which the learning rate rises, 0 or more.
        bf16: Whether products are in bfloat16 while training; for a GPU.
        soft: Share of the loss that a teacher's probabilities have, 0 … 1; without a teacher it says nothing.
    """

    learning_rate: float = 4e-3
    decay: bool = True
    weight_decay: float = 0.1
    dropout: float = 0.0
    warm_up: int = 20
    bf16: bool = False
    soft: float = 0.0

    def __post_init__(self) -> None:
        Shape.__post_init__(self)
        TrainingConfig.__post_init__(self)
        check_whole("warm_up", self.warm_up, at_least=0)
        check_number("dropout", self.dropout, at_least=0, below=1)
        check_number("soft", self.soft, at_least=0)
        if self.soft > 1:
            raise ValueError(f"soft is {self.soft!r}; give a share of the loss, 0 … 1.")

    def rate(self, step: int) -> float:
        """Learning rate of the update that follows after ``step`` of them."""
        return super().rate(step) * min(1.0, (step + 1) / (self.warm_up + 1))

    def network(self) -> Transformer:
        """The network, its weights not yet set."""
        return Transformer(self)


@dataclass(frozen=True, eq=False, kw_only=True)
class TransformerState(TrainingState):
    """A transformer in training.

    Attributes:
        loss: − log p of a letter, nats, mean over the next minibatch, with dropout.
    """

    loss: float


def iterate_transformer(
    tokens: np.ndarray,
    config: TransformerConfig,
    resume: Resume | None = None,
    teacher: Transformer | None = None,
) -> Iterator[TransformerState]:
    """Train on letters.

    Args:
        tokens: Numbers of letters, 0 … V − 1: one text ``(N,)``, of which every piece of C + 1 letters is an example;
            or sequences ``(N, T)``, T ≤ C + 1, one a row, filled up with −1, of which each is an example.
        config: What and how.
        resume: A state of an earlier run of this config, or its snapshot.
        teacher: A trained transformer of the same letters, whose probabilities are learned from, too.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: The letters or ``resume`` do not fit; the message says what to mend.
    """
    data = check_tokens(tokens, config)
    n = len(data) - config.context if data.ndim == 1 else len(data)
    whole = torch.tensor(data)
    piece = torch.arange(config.context + 1)
    kept: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}

    def loss_of(
        module: Transformer, rows: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        where = rows.device
        if where not in kept:
            kept[where] = whole.to(where), piece.to(where)
        text, offsets = kept[where]
        batch = text[rows[:, None] + offsets] if text.ndim == 1 else text[rows]
        with torch.autocast(where.type, torch.bfloat16, enabled=config.bf16):
            logits = module(batch[:, :-1].clamp(min=0), config.dropout, _beside(generator, where))
        said = logits.float().flatten(0, 1)
        loss = F.cross_entropy(said, batch[:, 1:].flatten(), ignore_index=-1)
        report = {"loss": loss.detach()}
        if teacher is not None and config.soft:
            hint = hints(teacher.to(where), batch, config.bf16)
            taught = F.cross_entropy(said, hint.flatten(0, 1), reduction="none")[batch[:, 1:].flatten() >= 0].mean()
            loss = (1 - config.soft) * loss + config.soft * taught
        return loss, report

    return (
        TransformerState(**moment, loss=report["loss"].item()) for moment, report in train(config, n, loss_of, resume)
    )


@torch.no_grad()
def hints(teacher: Transformer, batch: torch.Tensor, bf16: bool) -> torch.Tensor:
    """What the teacher says of each next letter of a minibatch ``(B, T + 1)``: probabilities ``(B, T, V)``."""
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
        logits = teacher(batch[:, :-1].clamp(min=0))
    return logits.float().softmax(-1)


def fit_transformer(tokens: np.ndarray, config: TransformerConfig) -> TransformerState:
    """The trained transformer: the last state of :func:`iterate_transformer`."""
    return last(iterate_transformer(tokens, config))


def _beside(generator: torch.Generator, where: torch.device) -> torch.Generator:
    """A generator on the device, seeded by the one on the CPU: a seed is the same draws each time on a device."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.Generator(where).manual_seed(seed)


def check_tokens(tokens: Any, config: Shape) -> np.ndarray:
    """Letters as int64, one text or rows, or a ValueError that says what to mend."""
    data = np.array(tokens)
    if data.dtype.kind not in "iu" or data.ndim not in (1, 2) or not data.size:
        raise ValueError(
            f"Letters must be whole numbers, one text (N,) or one sequence a row (N, T); got {data.dtype} of shape "
            f"{data.shape}. Encode the text first."
        )
    data, lowest = data.astype(np.int64), 0 if data.ndim == 1 else -1
    if not lowest <= data.min() <= data.max() < config.letters:
        raise ValueError(f"Letters lie in {data.min()}…{data.max()}; give {lowest}…{config.letters - 1}.")
    if data.ndim == 1 and len(data) <= config.context:
        raise ValueError(f"The text has {len(data)} letters; give more than the context, {config.context}.")
    if data.ndim == 2 and not 2 <= data.shape[1] <= config.context + 1:
        raise ValueError(
            f"The rows have {data.shape[1]} letters; give 2 … {config.context + 1}, one more than the context."
        )
    if data.ndim == 2 and (data[:, :2] < 0).any():
        raise ValueError("A row has fewer than two letters; leave it out.")
    return data
