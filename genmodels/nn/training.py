r"""Training by Adam on minibatches, for every model that is one torch module; it can be resumed.

*Randomness*: one ``torch.Generator`` on the CPU, seeded by the config, draws the initial weights and later the
noise, whatever the device, so that a seed means the same numbers everywhere; the global seed is never touched. The
order of the data in epoch e depends on (seed, e) alone.

*Which loss belongs to a state*: that of the **next** minibatch, under the state's own parameters. So the numbers
shown belong to the network shown, the initial state has some too, and during the first epoch they are those of
data not yet learned from.

Sources: Kingma & Ba (2015), *Adam*, arXiv:1412.6980; Loshchilov & Hutter (2019), *Decoupled weight decay*,
arXiv:1711.05101.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from genmodels import device
from genmodels.checks import check_choice, check_number, check_whole
from genmodels.nn.arrays import adam_moments, flat, load, pack, restore, shapes, unflatten
from genmodels.nn.layers import initialise, seeded
from genmodels.states import DivergedError, iterate

Diagnostics = TypeVar("Diagnostics")
LossOf = Callable[[Any, torch.Tensor, torch.Generator], tuple[torch.Tensor, Diagnostics]]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; each model's config adds what to train, and ``network()``.

    Args:
        n_steps: Steps of Adam to take in all (those before a resumption included), 0 or more.
        batch: Most images in a minibatch, B ≥ 1. An epoch of N is cut into ⌈N/B⌉ parts that differ by at most 1.
        learning_rate: Adam's, above 0.
        decay: Whether the learning rate falls to 0 at n_steps, along half a cosine.
        weight_decay: Decoupled, as in AdamW, 0 or more: each step shrinks the weights by this times learning_rate.
        every: A state, which holds copies of all parameters and moments, is yielded every so many steps, 1 or more
            (and at the last step). The steps between cost no copy.
        seed: Of weights, order and noise, 0 or more.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; small networks are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_steps: int = 1000
    batch: int = 128
    learning_rate: float = 1e-3
    decay: bool = False
    weight_decay: float = 0.0
    every: int = 1
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, least in (("n_steps", 0), ("batch", 1), ("every", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("weight_decay", self.weight_decay, at_least=0)
        check_choice("device", self.device, device.CHOICES)

    def rate(self, step: int) -> float:
        """Learning rate of the update that follows after ``step`` of them."""
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / self.n_steps) if self.decay else 1.0)

    def network(self) -> nn.Module:
        """The network that this config describes, its weights not yet set."""
        raise NotImplementedError


@lru_cache(maxsize=64)
def _shapes_of(config: TrainingConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return shapes(config.network())


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingState:
    """A training run after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Number of updates made.
        epoch: Passes through the data so far, a fraction.
        parameters: All of them in one vector, ``(P,)``; see :meth:`arrays`.
        moments: Adam's running means of g and g², ``(2, P)``.
        generator: The random generator's state, uint8.
        config: What was trained, and how.
    """

    step: int
    epoch: float
    parameters: np.ndarray
    moments: np.ndarray
    generator: np.ndarray
    config: Any

    def arrays(self) -> dict[str, np.ndarray]:
        """The parameters by name, read-only views; what :mod:`genmodels.nn.runtime` takes."""
        return unflatten(self.parameters, _shapes_of(self.config))

    def snapshot(self) -> dict[str, np.ndarray]:
        """Parameters, moments, generator and step as named arrays; what ``resume=`` and safetensors take."""
        return pack(self.arrays(), self.moments, self.step, self.generator, self.step)

    def model(self) -> Any:
        """A new network with these parameters, on the CPU."""
        return load(self.config.network(), self.arrays())


Resume = TrainingState | Mapping[str, np.ndarray]


def train(
    config: TrainingConfig,
    n: int,
    loss_of: LossOf[Diagnostics],
    resume: Resume | None = None,
) -> Iterator[tuple[dict[str, Any], Diagnostics]]:
    """Adam on minibatches.

    Args:
        config: What and how.
        n: Number of data, N.
        loss_of: From the module, the rows of a minibatch ``(B,)`` and the generator to the loss to descend and what
            to report of it.
        resume: A state of an earlier run of this config, or its snapshot; None starts anew.

    Yields:
        The fields of :class:`TrainingState`, and the report of ``loss_of`` for the next minibatch under these
        parameters; first of all before any update (when resumed: at the step resumed from).

    Raises:
        DivergedError: The loss is no longer finite, *after* the states that led there have been yielded.
        ValueError: ``resume`` belongs to another network, or is further on than ``n_steps``.
    """
    return iterate(_Minibatches(config, n, loss_of, resume), config.n_steps, config.every)


class _Minibatches(Generic[Diagnostics]):
    """Module, optimiser and draws, while they change; the loss of the next minibatch is always known."""

    def __init__(self, config: TrainingConfig, n: int, loss_of: LossOf[Diagnostics], resume: Resume | None) -> None:
        self.config, self.n, self.loss_of, self.step = config, n, loss_of, 0
        self.generator = seeded(config.seed)
        self.module = initialise(config.network(), self.generator).to(device.resolve(config.device))
        self.where = next(self.module.parameters()).device
        self.optimizer = torch.optim.AdamW(
            self.module.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.where.type in ("cpu", "cuda"),
        )
        if resume is not None:
            self._resume(resume.snapshot() if isinstance(resume, TrainingState) else resume)
        self._look()

    def _resume(self, saved: Mapping[str, np.ndarray]) -> None:
        self.step = restore(saved, self.module, self.optimizer, self.generator)
        if self.step > self.config.n_steps:
            raise ValueError(
                f"The run to resume has taken {self.step} steps; give n_steps above that, not {self.config.n_steps}."
            )

    def _look(self) -> None:
        """Loss and report of the next minibatch."""
        self.draws = self.generator.get_state()
        rows = minibatch(self.n, self.config.batch, self.config.seed, self.step).to(self.where)
        with torch.enable_grad():
            self.loss, self.report = self.loss_of(self.module, rows, self.generator)
        if not torch.isfinite(self.loss):
            raise DivergedError(self.step)

    def update(self) -> None:
        """One step of Adam."""
        self.optimizer.zero_grad()
        self.loss.backward()
        self.optimizer.param_groups[0]["lr"] = self.config.rate(self.step)
        self.optimizer.step()
        self.step += 1
        self._look()

    def state(self) -> tuple[dict[str, Any], Diagnostics]:
        """Copies of what is now, and the report."""
        parameters, moments = flat(self.module), adam_moments(self.module, self.optimizer)[0]
        generator = self.draws.numpy()
        for array in (parameters, moments, generator):
            array.setflags(write=False)
        epoch = self.step / -(-self.n // self.config.batch)
        moment = {"step": self.step, "epoch": epoch, "parameters": parameters, "moments": moments}
        return moment | {"generator": generator, "config": self.config}, self.report


def minibatch(n: int, batch: int, seed: int, step: int) -> torch.Tensor:
    """Rows of the minibatch that is used after ``step`` steps, ``(≤ batch,)`` int64; each row once an epoch.

    >>> torch.cat([minibatch(5, 2, seed=0, step=s) for s in (3, 4, 5)]).sort().values.tolist()
    [0, 1, 2, 3, 4]
    """
    per_epoch = -(-n // batch)
    epoch, part = divmod(step, per_epoch)
    order = _order(n, seed, epoch)
    return torch.from_numpy(order[n * part // per_epoch : n * (part + 1) // per_epoch].copy())


@lru_cache(maxsize=8)
def _order(n: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(n)
