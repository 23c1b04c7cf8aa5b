r"""Training a denoiser (:mod:`genmodels.diffusion.denoisers`), and running one in torch.

The loss is E |said − truth|², at times t drawn evenly (stratified: one from each B-th part of them in a batch of B)
and fresh ε: the "simple" loss of Ho et al., for whichever of ε, x_0 and v is predicted.

Sources: Ho, Jain & Abbeel (2020), eq. 14; Kingma et al. (2021), arXiv:2107.00630, appendix I.1 (stratified times).
Torch is imported when training starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels import device
from genmodels.checks import check_data
from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser, noise_features
from genmodels.states import DivergedError, iterate, last

if TYPE_CHECKING:
    import torch
    from torch import nn

BINS = 20  # of t, in which the loss is told
BLOCK = 64  # minibatches drawn at once
CHUNK = 2_000_000  # most numbers drawn at once


@dataclass(frozen=True, eq=False, kw_only=True)
class DenoiserState:
    """A denoiser after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Updates so far.
        loss: Mean of |said − truth|² / D over the minibatches since the state before, each met before its update; in
            the initial state that of the first. 1 is what saying 0 costs, for standardised data.
        loss_by_time: The same for each of up to 20 equal parts of 1 … T, ``(bins,)``; NaN where no point fell.
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
    config: DenoiserConfig

    def arrays(self, averaged: bool = True) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the parameters (or their running mean) by name, centre and scale."""
        named = _unflatten(self.average if averaged else self.parameters, self.shapes)
        return named | {"centre": self.centre, "scale": np.array([self.scale])}

    def denoiser(self, averaged: bool = True) -> ForwardDenoiser:
        """The denoiser in numpy; not for a network of one's own."""
        return ForwardDenoiser(self.arrays(averaged), self.config)

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as named arrays: what ``resume=`` and safetensors take."""
        names = ("parameters", "average", "moments")
        return {name: getattr(self, name).copy() for name in names} | {"step": np.array([self.step])}


def iterate_denoiser(
    points: Any,
    config: DenoiserConfig,
    labels: Any = None,
    network: nn.Module | None = None,
    resume: DenoiserState | Mapping[str, np.ndarray] | None = None,
) -> Iterator[DenoiserState]:
    """Train a denoiser.

    Minibatch i depends on the seed and i alone, so that a resumed run goes on as if it had never stopped.

    Args:
        points: Data ``(N, D)``, rows of which are drawn with replacement; None for the data set of the config.
        config: Which one, and how.
        labels: ``(N,)`` in 0 … C − 1, if ``config.n_classes`` is not 0; a data set brings its own.
        network: Instead of the multi-layer perceptron, such as a convolutional one: called with x ``(B, D)``, the
            noise features ``(B, F)`` and y ``(B,)`` (−1: none; None without classes), it returns ``(B, D)``. Its
            linear and convolutional weights are drawn anew from the seed, and trained in place.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: Points, labels or ``resume`` do not fit; the message says what to mend.
    """
    return iterate(_Training(config, points, labels, network, resume), config.n_steps, config.every)


def fit_denoiser(points: Any, config: DenoiserConfig, labels: Any = None) -> DenoiserState:
    """The trained denoiser: the last state of :func:`iterate_denoiser`."""
    return last(iterate_denoiser(points, config, labels))


class _Training:
    """Network, optimiser and data, while they change. All parameters lie in one vector θ, so do their gradients."""

    def __init__(
        self, config: DenoiserConfig, points: Any, labels: Any, network: nn.Module | None, resume: Any
    ) -> None:
        import torch

        from genmodels.nn.layers import initialise, mlp, seeded

        self.config, self.where, self.step = config, device.resolve(config.device), 0
        self.draw, self.centre, self.scale = _source(config, points, labels)
        d = len(self.centre)
        self.waves = 2.0 ** torch.arange(config.x_waves, device=self.where)
        own = network is not None
        if network is None:
            n_inputs = d * (1 + 2 * config.x_waves) + 1 + 2 * config.t_waves + config.n_classes
            network = torch.nn.ModuleDict({"net": mlp([n_inputs, *config.hidden, d], config.activation)})
        self.module = initialise(network, seeded(config.seed)).to(self.where)
        self.call: Callable[..., torch.Tensor] = self.module if own else self._perceptron
        self.shapes = {name: tuple(p.shape) for name, p in self.module.named_parameters()}
        self.theta, self.gradient = _in_one_vector(self.module)
        fused = self.where.type in ("cpu", "cuda")
        self.theta.grad = self.gradient
        self.optimiser = torch.optim.Adam([self.theta], config.learning_rate, fused=fused)
        self.average = self.theta.clone() if config.average else None
        schedule = config.make_schedule()
        tables = (schedule.signal, schedule.noise, noise_features(schedule.alpha_bar, config.t_waves))
        self.signal, self.noise, self.levels = (_to(table, self.where) for table in tables)
        self.bins = min(BINS, config.n_times)
        self.block = max(1, min(BLOCK, CHUNK // (config.batch * d)))
        self.batches: tuple[int, list[tuple[torch.Tensor, ...]]] = (-1, [])
        self.totals = torch.zeros(2, self.bins, device=self.where)
        self.fresh = True  # whether a state has told the totals
        if resume is not None:
            self._resume(resume.snapshot() if isinstance(resume, DenoiserState) else resume)
        with torch.no_grad():
            self._note(self._losses(), self._minibatch()[2])

    def update(self) -> None:
        """One step of Adam."""
        import torch

        from genmodels.states import DivergedError

        config = self.config
        if self.fresh:  # what the state before told
            self.totals.zero_()
            self.fresh = False
        self.gradient.zero_()
        with torch.enable_grad():
            losses = self._losses()
            loss = losses.mean()
            loss.backward()
        looked = self.where.type == "cpu" or self.step % 64 == 0  # elsewhere, to look means to wait
        if looked and not math.isfinite(loss.item()):
            raise DivergedError(self.step)
        self._note(losses.detach(), self._minibatch()[2])
        self.optimiser.param_groups[0]["lr"] = config.rate(self.step)
        self.optimiser.step()
        self.step += 1
        if self.average is not None:
            self.average.lerp_(self.theta.detach(), 1 - min(config.average, self.step / (self.step + 9)))

    def state(self) -> DenoiserState:
        """What is now, as copies."""
        total, count = self.totals.cpu().double().numpy()
        self.fresh = True
        loss = float(total.sum() / count.sum())
        parameters = _copy(self.theta)
        if not (math.isfinite(loss) and np.isfinite(parameters).all()):
            raise DivergedError(self.step)
        with np.errstate(invalid="ignore"):
            by_time = total / count
        by_time.setflags(write=False)
        moments = np.stack([_copy(m) for m in self._moments()])
        moments.setflags(write=False)
        return DenoiserState(
            step=self.step,
            loss=loss,
            loss_by_time=by_time,
            parameters=parameters,
            average=parameters if self.average is None else _copy(self.average),
            moments=moments,
            centre=self.centre,
            scale=self.scale,
            shapes=self.shapes,
            config=self.config,
        )

    def _losses(self) -> torch.Tensor:
        """|said − truth|² / D for each point of the minibatch, ``(B,)``."""
        x_0, eps, t, y = self._minibatch()
        s, n = self.signal[t, None], self.noise[t, None]
        x_t = s * x_0 + n * eps
        truth = {"eps": lambda: eps, "x0": lambda: x_0, "v": lambda: s * eps - n * x_0}[self.config.prediction]()
        return (self.call(x_t, self.levels[t], y) - truth).square().mean(1)

    def _perceptron(self, x: torch.Tensor, level: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
        import torch

        inputs = [x]
        if len(self.waves):
            phases = (x[:, :, None] * self.waves).flatten(1)
            inputs += [phases.sin(), phases.cos()]
        inputs.append(level)
        if y is not None:
            inputs.append((y[:, None] == torch.arange(self.config.n_classes, device=y.device)).to(x))
        return self.module["net"](torch.cat(inputs, 1))  # type: ignore[index, operator]

    def _minibatch(self) -> tuple[torch.Tensor, ...]:
        """x_0, ε, t and y (or None) of the next step."""
        number, offset = divmod(self.step, self.block)
        if number != self.batches[0]:
            self.batches = (number, self._draw_block(np.random.default_rng([self.config.seed, number])))
        return self.batches[1][offset]

    def _draw_block(self, rng: np.random.Generator) -> list[tuple[torch.Tensor, ...]]:
        """Many minibatches at once, which costs far less than one by one."""
        config, size = self.config, self.block * self.config.batch
        x_0, y = self.draw(size, rng)
        eps = rng.standard_normal(x_0.shape, dtype=np.float32)
        strata = (np.arange(config.batch) + rng.random((self.block, config.batch))) / config.batch
        t = 1 + np.minimum((strata * config.n_times).astype(np.int64), config.n_times - 1).ravel()
        if y is not None:
            y = np.where(rng.random(size) < config.drop, -1, y)
        whole = [None if a is None else _to(a, self.where).split(config.batch) for a in (x_0, eps, t, y)]
        return [tuple(None if a is None else a[i] for a in whole) for i in range(self.block)]  # type: ignore[misc]

    def _note(self, losses: torch.Tensor, t: torch.Tensor) -> None:
        """Add the losses to the sums by time."""
        rows = (t - 1) * self.bins // self.config.n_times
        self.totals[0].index_add_(0, rows, losses)
        self.totals[1].index_add_(0, rows, losses.new_ones(()).expand_as(losses))

    def _moments(self) -> list[torch.Tensor]:
        held = self.optimiser.state.get(self.theta, {})
        return [held.get(name, self.theta.detach() * 0) for name in ("exp_avg", "exp_avg_sq")]

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
            self.theta.copy_(_to(theta, self.where))
        if self.average is not None:
            self.average.copy_(_to(average, self.where))
        if self.step:
            first, second = (_to(row, self.where) for row in moments)
            entry = {"step": torch.tensor(float(self.step)), "exp_avg": first, "exp_avg_sq": second}
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"param_groups": groups, "state": {0: entry}})


Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray | None]]


def _source(config: DenoiserConfig, points: Any, labels: Any) -> tuple[Draw, np.ndarray, float]:
    """How to draw n standardised data ``(n, D)`` float32 and their classes, and the data's mean and scale."""
    if points is None:
        dataset = get_dataset(config.data)

        def fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
            x, y = dataset.draw(n, rng)
            return dataset.standardise(x).astype(np.float32), y if config.n_classes else None

        known = int(dataset.draw(4096, np.random.default_rng(0))[1].max()) + 1 if config.n_classes else 0
        if config.n_classes and known > config.n_classes:
            raise ValueError(f"{config.data} has {known} classes; give n_classes = {known}, or 0.")
        return fresh, dataset.mean, dataset.scale
    x = check_data(points)
    if len(x) == 0:
        raise ValueError("There are no points; give one or more, one a row.")
    centre, scale = np.zeros(x.shape[1]), 1.0
    if config.standardise:
        centre, scale = x.mean(axis=0), float(np.sqrt(x.var(axis=0).mean())) or 1.0
    x = ((x - centre) / scale).astype(np.float32)
    if not np.isfinite(x).all():
        raise ValueError("The points are too large or too close together to standardise; give them in other units.")
    y = _check_labels(config, labels, len(x))
    centre.setflags(write=False)

    def again(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        rows = rng.integers(len(x), size=n)
        return x[rows], None if y is None else y[rows]

    return again, centre, scale


def _check_labels(config: DenoiserConfig, labels: Any, n: int) -> np.ndarray | None:
    if not config.n_classes:
        if labels is not None:
            raise ValueError("This denoiser knows no classes (n_classes = 0); leave out labels, or set n_classes.")
        return None
    y = np.asarray(labels)
    if y.shape != (n,) or y.dtype.kind not in "iu" or not 0 <= y.min() <= y.max() < config.n_classes:
        raise ValueError(f"labels must be {n} whole numbers in 0 … {config.n_classes - 1}, one a point.")
    return y


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


def _to(array: np.ndarray, where: torch.device) -> torch.Tensor:
    """A copy as a tensor: float32, or int64 for whole numbers."""
    import torch

    return torch.tensor(array, dtype=torch.int64 if array.dtype.kind in "iu" else torch.float32, device=where)


def _copy(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().cpu().numpy().copy()
    array.setflags(write=False)
    return array


class TorchDenoiser:
    """The learned denoiser in torch, for a GPU or a network of one's own; x_t are tensors on its device.

    Args:
        arrays: Of a state or a checkpoint.
        config: The network's.
        network: As given to :func:`iterate_denoiser`; its parameters are overwritten. None: the perceptron.
        where: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        config: DenoiserConfig,
        network: nn.Module | None = None,
        where: str = "cpu",
    ) -> None:
        from genmodels.nn.arrays import load

        self.config, self.prediction, self._where = config, config.prediction, device.resolve(where)
        self._network = None if network is None else load(network, arrays).to(self._where).eval()
        if network is None:
            numpy = ForwardDenoiser(arrays, config)
            self._numpy, self._of_x = numpy, _to(numpy._of_x, self._where)
            self._layers = [(_to(w, self._where), _to(b, self._where)) for w, b in numpy._layers]
            self._waves = _to(numpy._waves, self._where)

    def __call__(self, x_t: torch.Tensor, alpha_bar: float, y: Any = None) -> torch.Tensor:
        """The prediction, ``(N, D)``; y: classes ``(N,)``, −1 for none."""
        import torch

        with torch.no_grad():
            if self._network is not None:
                level = _to(noise_features(alpha_bar, self.config.t_waves), self._where).expand(len(x_t), -1)
                if self.config.n_classes:
                    y = torch.as_tensor(np.full(len(x_t), -1) if y is None else y).to(self._where)
                return self._network(x_t, level, y)
            y = y.cpu() if isinstance(y, torch.Tensor) else y
            h = torch.addmm(_to(self._numpy._shift(alpha_bar, y), self._where), self._features(x_t), self._of_x)
            for weight, bias in self._layers:
                h = torch.addmm(bias, _torch_activate(h, self.config.activation), weight)
            return h

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        if not len(self._waves):
            return x
        phases = (x[:, :, None] * self._waves).flatten(1)
        return torch.cat([x, phases.sin(), phases.cos()], 1)


def _torch_activate(h: torch.Tensor, activation: str) -> torch.Tensor:
    import torch

    if activation == "silu":
        return torch.nn.functional.silu(h, inplace=True)
    return h.relu_() if activation == "relu" else h.tanh_()
