r"""Fast training of a small network on points: all parameters in one vector θ, and so all gradients.

Adam then updates one tensor, which for networks of some thousand parameters is what costs least; minibatches are
drawn many at a time. Minibatch i depends on the seed and i alone, so that a resumed run goes on as if it had never
stopped.

The running mean of θ, which samples, is that of :mod:`genmodels.nn.averaging`: β_s = min(β, s/(s + 9)). Losses are
told by *part*: each row of a minibatch belongs to one of a few (such as an interval of the times), whose means are
kept.

Torch is imported when training starts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels import device
from genmodels.states import DivergedError

if TYPE_CHECKING:
    import torch
    from torch import nn

PARTS = 20  # of the time, in which a loss is told
BLOCK = 64  # minibatches drawn at once
CHUNK = 2_000_000  # most numbers drawn at once
Batch = tuple[Any, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class VectorState:
    """A network of points after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Updates so far.
        loss: Mean loss of a row over the minibatches since the state before, each met before its update; in the
            initial state that of the first.
        loss_by_time: The same for each of up to 20 equal parts of the time, ``(parts,)``; NaN where no point fell.
        parameters: ``(P,)``.
        average: Their running mean, which samples; ``parameters`` if ``config.average`` is 0.
        moments: Adam's running means of g and g², ``(2, P)``.
        centre: Mean of the data, ``(D,)``, data units.
        scale: Their one standard deviation, data units.
        shapes: Of the parameters, by name.
        config: What was trained, and how.
    """

    step: int
    loss: float
    loss_by_time: np.ndarray
    parameters: np.ndarray
    average: np.ndarray
    moments: np.ndarray
    centre: np.ndarray
    scale: float
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    config: Any

    def arrays(self, averaged: bool = True) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the parameters (or their running mean) by name, centre and scale."""
        named = _unflatten(self.average if averaged else self.parameters, self.shapes)
        return named | {"centre": self.centre, "scale": np.array([self.scale])}

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as named arrays: what ``resume=`` and safetensors take."""
        names = ("parameters", "average", "moments")
        return {name: getattr(self, name).copy() for name in names} | {"step": np.array([self.step])}


class VectorTraining:
    """Network, optimiser and data, while they change; a model says what a minibatch is, and its losses.

    Args:
        config: Has ``n_steps``, ``batch``, ``average``, ``rate(step)``, ``learning_rate``, ``seed`` and ``device``.
        module: Whose linear and convolutional weights are drawn anew from the seed, and trained in place.
        centre: Of the data, ``(D,)``, data units.
        scale: Of the data.
        parts: In how many the losses are told.
    """

    def __init__(self, config: Any, module: nn.Module, centre: np.ndarray, scale: float, parts: int) -> None:
        import torch

        from genmodels.nn.layers import initialise, seeded

        self.config, self.where, self.step = config, device.resolve(config.device), 0
        self.centre, self.scale, self.parts = centre, scale, parts
        self.module = initialise(module, seeded(config.seed)).to(self.where)
        self.shapes = {name: tuple(p.shape) for name, p in self.module.named_parameters()}
        self.theta, self.gradient = _in_one_vector(self.module)
        fused = self.where.type in ("cpu", "cuda")
        self.theta.grad = self.gradient
        self.optimiser = torch.optim.Adam([self.theta], config.learning_rate, fused=fused)
        self.average = self.theta.clone() if config.average else None
        self.block = max(1, min(BLOCK, CHUNK // (config.batch * len(centre))))
        self.batches: tuple[int, list[Batch]] = (-1, [])
        self.totals = torch.zeros(2, parts, device=self.where)
        self.fresh = True  # whether a state has told the totals

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray | None, ...]:
        """The rows of n / batch minibatches, one after the other; None stands for what there is not."""
        raise NotImplementedError

    def losses(self, batch: Batch) -> torch.Tensor:
        """Of each row of a minibatch, ``(B,)``."""
        raise NotImplementedError

    def part(self, batch: Batch) -> torch.Tensor:
        """To which part each row belongs, ``(B,)`` int64."""
        raise NotImplementedError

    def start(self, resume: VectorState | Mapping[str, np.ndarray] | None) -> None:
        """Take up an earlier run, if there is one, and look at the first minibatch; to be called once, at last."""
        import torch

        if resume is not None:
            self._resume(resume.snapshot() if isinstance(resume, VectorState) else resume)
        with torch.no_grad():
            self._note(self.losses(self._minibatch()))

    def update(self) -> None:
        """One step of Adam."""
        import torch

        config = self.config
        if self.fresh:  # what the state before told
            self.totals.zero_()
            self.fresh = False
        self.gradient.zero_()
        with torch.enable_grad():
            losses = self.losses(self._minibatch())
            loss = losses.mean()
            loss.backward()
        looked = self.where.type == "cpu" or self.step % 64 == 0  # elsewhere, to look means to wait
        if looked and not math.isfinite(loss.item()):
            raise DivergedError(self.step)
        self._note(losses.detach())
        self.optimiser.param_groups[0]["lr"] = config.rate(self.step)
        self.optimiser.step()
        self.step += 1
        if self.average is not None:
            self.average.lerp_(self.theta.detach(), 1 - min(config.average, self.step / (self.step + 9)))

    def told(self) -> dict[str, Any]:
        """The fields of a state, as copies."""
        total, count = self.totals.cpu().double().numpy()
        self.fresh = True
        loss = float(total.sum() / count.sum())
        parameters = _copy(self.theta)
        if not (math.isfinite(loss) and np.isfinite(parameters).all()):
            raise DivergedError(self.step)
        with np.errstate(invalid="ignore"):
            by_time = total / count
        by_time.setflags(write=False)
        held = self.optimiser.state.get(self.theta, {})
        moments = np.stack([_copy(held.get(m, self.theta.detach() * 0)) for m in ("exp_avg", "exp_avg_sq")])
        moments.setflags(write=False)
        return {
            "step": self.step,
            "loss": loss,
            "loss_by_time": by_time,
            "parameters": parameters,
            "average": parameters if self.average is None else _copy(self.average),
            "moments": moments,
            "centre": self.centre,
            "scale": self.scale,
            "shapes": self.shapes,
            "config": self.config,
        }

    def strata(self, rng: np.random.Generator) -> np.ndarray:
        """Shares of the time for a block of minibatches, ``(block · batch,)`` in 0 … 1: one a B-th part in each."""
        batch = self.config.batch
        return ((np.arange(batch) + rng.random((self.block, batch))) / batch).ravel()

    def _minibatch(self) -> Batch:
        """Of the next step."""
        number, offset = divmod(self.step, self.block)
        if number != self.batches[0]:
            size = self.config.batch
            drawn = self.draw(self.block * size, np.random.default_rng([self.config.seed, number]))
            whole = [None if a is None else to_tensor(a, self.where).split(size) for a in drawn]
            block = [tuple(None if a is None else a[i] for a in whole) for i in range(self.block)]
            self.batches = (number, block)
        return self.batches[1][offset]

    def _note(self, losses: torch.Tensor) -> None:
        """Add the losses to the sums by part."""
        rows = self.part(self._minibatch())
        self.totals[0].index_add_(0, rows, losses)
        self.totals[1].index_add_(0, rows, losses.new_ones(()).expand_as(losses))

    def _resume(self, saved: Mapping[str, np.ndarray]) -> None:
        import torch

        names = ("parameters", "average", "moments", "step")
        if missing := [name for name in names if name not in saved]:
            raise ValueError(f"The snapshot holds no {', '.join(missing)}; give the whole of what was saved.")
        self.step = int(np.asarray(saved["step"]).item())
        theta, average, moments = (np.asarray(saved[name], np.float32) for name in names[:3])
        if self.step > self.config.n_steps or theta.shape != self.theta.shape:
            raise ValueError(
                f"The run to resume has taken {self.step} steps and has {theta.size} parameters; this config ends at "
                f"{self.config.n_steps} and has {len(self.theta)}: give that of the same network, or more n_steps."
            )
        with torch.no_grad():
            self.theta.copy_(to_tensor(theta, self.where))
        if self.average is not None:
            self.average.copy_(to_tensor(average, self.where))
        if self.step:
            first, second = (to_tensor(row, self.where) for row in moments)
            entry = {"step": torch.tensor(float(self.step)), "exp_avg": first, "exp_avg_sq": second}
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"param_groups": groups, "state": {0: entry}})


class WaveNetwork:
    """The perceptron of :mod:`genmodels.nn.waves` for training: a module, and how it is asked.

    Args:
        d: D.
        hidden: Widths of the hidden layers.
        activation: Between them.
        x_waves: Waves of each coordinate.
        t_waves: Waves of the level.
        n_classes: C.
        where: The device.
    """

    def __init__(
        self, d: int, hidden: tuple[int, ...], activation: str, x_waves: int, t_waves: int, n_classes: int, where: Any
    ) -> None:
        import torch

        from genmodels.nn.layers import mlp

        n_inputs = d * (1 + 2 * x_waves) + 1 + 2 * t_waves + n_classes
        self.module = torch.nn.ModuleDict({"net": mlp([n_inputs, *hidden, d], activation)})
        self.n_classes, self.waves = n_classes, 2.0 ** torch.arange(x_waves, device=where)

    def __call__(self, x: torch.Tensor, level: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
        """The output ``(B, D)`` of points ``(B, D)``, features of their levels ``(B, F)`` and classes ``(B,)``."""
        import torch

        inputs = [x]
        if len(self.waves):
            phases = (x[:, :, None] * self.waves).flatten(1)
            inputs += [phases.sin(), phases.cos()]
        inputs.append(level)
        if y is not None:
            inputs.append((y[:, None] == torch.arange(self.n_classes, device=y.device)).to(x))
        return self.module["net"](torch.cat(inputs, 1))


def to_tensor(array: np.ndarray, where: torch.device) -> torch.Tensor:
    """A copy as a tensor: float32, or int64 for whole numbers."""
    import torch

    return torch.tensor(array, dtype=torch.int64 if array.dtype.kind in "iu" else torch.float32, device=where)


def _in_one_vector(module: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Make the module's parameters and their gradients pieces of two vectors ``(P,)``, and return these."""
    import torch

    parameters = list(module.parameters())
    theta = torch.cat([p.detach().reshape(-1) for p in parameters]).requires_grad_()
    gradient, start = torch.zeros_like(theta, requires_grad=False), 0
    for p in parameters:
        piece = slice(start, start + p.numel())
        p.data, p.grad = theta.data[piece].view_as(p), gradient[piece].view_as(p)
        start += p.numel()
    return theta, gradient


def _unflatten(vector: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    pieces = np.split(vector, ends[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def _copy(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().cpu().numpy().copy()
    array.setflags(write=False)
    return array
