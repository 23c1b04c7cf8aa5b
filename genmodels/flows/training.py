r"""Training a flow (:mod:`genmodels.flows.flow`) by maximum likelihood.

The loss is the mean of −log p(x) over a minibatch, in nats; its smallest possible expectation is the entropy of the
data. All parameters lie in one vector, biases as a last column of their weights. Gradients are written out, backwards
through the layers, in float32: for networks as small as these most of autograd's time goes into its bookkeeping.

A flow starts as the identity: the last weights of each network are 0.

Source: Rezende & Mohamed (2015), arXiv:1505.05770; Kingma & Ba (2015), arXiv:1412.6980 (Adam).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from genmodels.data.source import point_source
from genmodels.flows import couplings
from genmodels.flows.flow import Flow, FlowConfig, halved, slope
from genmodels.nn.adam import NAMES, Adam, Minibatches
from genmodels.nn.runtime import activate
from genmodels.states import DivergedError, iterate, last, still


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowState:
    """A flow after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Updates so far.
        loss: Mean of −log p(x), nats, in standardised units, over the minibatches since the state before, each met
            before its update; in the initial state that of the first.
        parameters: ``(P,)`` float32.
        average: Their running mean, which judges and samples; ``parameters`` if ``config.average`` is 0.
        moments: Adam's running means of g and g², ``(2, P)``.
        centre: Mean of the data, ``(D,)``, data units.
        scale: Their one standard deviation, data units.
        config: What was trained, and how.
    """

    step: int
    loss: float
    parameters: np.ndarray = field(repr=False)
    average: np.ndarray = field(repr=False)
    moments: np.ndarray = field(repr=False)
    centre: np.ndarray
    scale: float
    config: FlowConfig

    def arrays(self, averaged: bool = True) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the parameters (or their running mean) by name, centre and scale."""
        networks = _networks(self.average if averaged else self.parameters, self.config, len(self.centre))
        named: dict[str, np.ndarray] = {}
        for k, matrices in enumerate(networks):
            for i, matrix in enumerate(matrices):
                named[f"layers.{k}.{i}.weight"] = matrix[:, :-1].copy()
                named[f"layers.{k}.{i}.bias"] = matrix[:, -1].copy()
        return named | {"centre": self.centre, "scale": np.array([self.scale])}

    def flow(self, averaged: bool = True) -> Flow:
        """The flow, to be used."""
        return Flow(self.arrays(averaged), self.config)

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as named arrays: what ``resume=`` and safetensors take."""
        return {name: getattr(self, name).copy() for name in NAMES} | {"step": np.array([self.step])}


def iterate_flow(
    points: Any, config: FlowConfig, resume: FlowState | Mapping[str, np.ndarray] | None = None
) -> Iterator[FlowState]:
    """Train a flow.

    Minibatch i depends on the seed and i alone, so that a resumed run goes on as if it had never stopped.

    Args:
        points: Data ``(N, D)``, D ≥ 2, rows of which are drawn with replacement; None for fresh points of the data
            set of the config.
        config: Which flow, and how.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: Points or ``resume`` do not fit; the message says what to mend.
    """
    return iterate(_Training(points, config, resume), config.n_steps, config.every)


def fit_flow(points: Any, config: FlowConfig) -> FlowState:
    """The trained flow: the last state of :func:`iterate_flow`."""
    return last(iterate_flow(points, config))


class _Training:
    """Parameters, moments and data, while they change."""

    def __init__(self, points: Any, config: FlowConfig, resume: Any) -> None:
        self.config = config
        source, self.centre, self.scale = point_source(config.data, points, config.standardise)
        d = len(self.centre)
        if d < 2:
            raise ValueError(f"The points have the shape {np.shape(points)}; give rows of two coordinates or more.")
        self.minibatches = Minibatches(source, config.batch, d, config.seed)
        self.halves = [halved(d, k) for k in range(config.n_layers)]
        self.adam = Adam(_initial(config, d), config.average)
        self.networks = _networks(self.adam.theta, config, d)
        self.gradients = _networks(self.adam.gradient, config, d)
        if resume is not None:
            saved = resume.snapshot() if isinstance(resume, FlowState) else resume
            self.adam.resume(saved, config.n_steps, "flow")
        self.losses = [self._loss()]
        self.fresh = True  # whether a state has told the losses

    @property
    def step(self) -> int:
        return self.adam.step

    def update(self) -> None:
        """One step of Adam."""
        if self.fresh:  # what the state before told
            self.losses, self.fresh = [], False
        loss = self._loss()
        if not math.isfinite(loss):
            raise DivergedError(self.step)
        self.losses.append(loss)
        with np.errstate(all="ignore"):
            self.adam.update(self.config.rate(self.step))

    def state(self) -> FlowState:
        """What is now, as copies."""
        self.fresh = True
        loss = float(np.mean(self.losses))
        if not (math.isfinite(loss) and np.isfinite(self.adam.theta).all()):
            raise DivergedError(self.step)
        parameters = still(self.adam.theta)
        return FlowState(
            step=self.step,
            loss=loss,
            parameters=parameters,
            average=still(self.adam.average) if self.config.average else parameters,
            moments=still(self.adam.moments),
            centre=self.centre,
            scale=self.scale,
            config=self.config,
        )

    def _loss(self) -> float:
        """Of the next minibatch; leaves its gradient."""
        with np.errstate(all="ignore"):
            x = self.minibatches[self.step]
            return loss_and_gradient(x, self.networks, self.gradients, self.halves, self.config)


def loss_and_gradient(
    x: np.ndarray,
    networks: list[list[np.ndarray]],
    gradients: list[list[np.ndarray]],
    halves: list[tuple[np.ndarray, np.ndarray]],
    config: FlowConfig,
) -> float:
    """Mean of −log p of the columns x ``(D, B)``, in nats; its gradient is written into ``gradients``.

    Args:
        x: Data.
        networks: For each layer, its matrices ``(outputs, inputs + 1)``, biases last.
        gradients: Of the same shapes.
        halves: For each layer, the coordinates it leaves and those it moves.
        config: The flow's.
    """
    d, batch = x.shape
    z, total, passes = x.copy(), 0.0, []
    for matrices, (kept, moving) in zip(networks, halves, strict=True):
        inputs, before = [_with_ones(couplings.read(z[kept], config.bound))], []
        for matrix in matrices[:-1]:
            below = inputs[-1]
            h = np.empty((len(matrix) + 1, batch), x.dtype)
            np.matmul(matrix, below, out=h[:-1])
            before.append(h[:-1].copy() if config.activation == "silu" else h[:-1])
            activate(h[:-1], config.activation)
            h[-1] = 1
            inputs.append(h)
        said = (matrices[-1] @ inputs[-1]).reshape(len(moving), -1, batch)
        moved = couplings.forward(config.kind, said, z[moving], config.bins, config.bound)
        passes.append((inputs, before, moved, np.abs(z[kept]) <= config.bound))
        z[moving] = moved.y
        total += float(moved.log_slope.sum())
    loss = (0.5 * float(np.vdot(z, z)) - total) / batch + 0.5 * d * math.log(2 * math.pi)
    d_z, d_log = z / x.dtype.type(batch), x.dtype.type(-1 / batch)
    for k in reversed(range(len(networks))):
        kept, moving = halves[k]
        inputs, before, moved, seen = passes[k]
        d_said, d_z[moving] = couplings.backward(config.kind, moved, d_z[moving], d_log)
        d_h = d_said.reshape(-1, batch)
        for i in reversed(range(len(inputs))):
            np.matmul(d_h, inputs[i].T, out=gradients[k][i])
            d_h = networks[k][i][:, :-1].T @ d_h
            if i:
                d_h *= slope(before[i - 1], inputs[i][:-1], config.activation)
        d_h *= seen
        d_z[kept] += d_h
    return loss


def _with_ones(columns: np.ndarray) -> np.ndarray:
    h = np.empty((len(columns) + 1, columns.shape[1]), columns.dtype)
    h[:-1], h[-1] = columns, 1
    return h


def _networks(vector: np.ndarray, config: FlowConfig, n_features: int) -> list[list[np.ndarray]]:
    """Views of a vector of all parameters: for each layer its matrices ``(outputs, inputs + 1)``."""
    found: list[list[np.ndarray]] = []
    start = 0
    for sizes in config.sizes(n_features):
        found.append([])
        for inputs, outputs in pairwise(sizes):
            end = start + outputs * (inputs + 1)
            found[-1].append(vector[start:end].reshape(outputs, inputs + 1))
            start = end
    return found


def _initial(config: FlowConfig, n_features: int) -> np.ndarray:
    """Weights and biases from U(−1/√fan_in, 1/√fan_in), torch's own; the last of each network 0."""
    rng = np.random.default_rng([config.seed, 1 << 31])
    sizes = config.sizes(n_features)
    theta = np.zeros(sum((i + 1) * o for widths in sizes for i, o in pairwise(widths)), np.float32)
    for matrices in _networks(theta, config, n_features):
        for matrix in matrices[:-1]:
            bound = (matrix.shape[1] - 1) ** -0.5
            matrix[:] = rng.uniform(-bound, bound, matrix.shape)
    return theta
