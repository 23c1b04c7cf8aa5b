r"""Training a generative stochastic network (:mod:`genmodels.gsn.chain`) on black-and-white images, in numpy.

    P(x | x̃) = Π_d p_d^x_d (1 − p_d)^(1 − x_d),     p = σ(W₂ tanh(W₁ x̃ + b₁) + b₂)

The loss is −log P(x | x̃), nats an image. *Walk-back* runs the chain from the datum x for k rounds and asks for x at
each x̃ on the way:

    x_0 = x,   x̃_j ~ C(x̃ | x_{j−1}),   x_j ~ P(x | x̃_j),      loss = 1/k Σ_j −log P(x | x̃_j)

k = 1 is a plain denoising autoencoder. What a longer walk meets are places that the chain itself comes to, and the
way back from there is learned; no gradient passes through what is drawn. Minibatch i and all noise of step i depend
on the seed and i alone.

Source: Bengio, Yao, Alain & Vincent (2013), arXiv:1305.6663, section 4, where k is random; Adam is
:mod:`genmodels.nn.adam`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from genmodels.checks import check_hidden, check_ink, check_number, check_whole
from genmodels.data.source import point_source
from genmodels.gsn.chain import corrupt, drawn
from genmodels.nn.adam import NAMES, Adam, Minibatches, views
from genmodels.nn.point_training import PointTraining
from genmodels.nn.runtime import Forward, sigmoid
from genmodels.states import DivergedError, iterate, last, still


@dataclass(frozen=True, kw_only=True)
class GSNConfig(PointTraining):
    """Which network, and how it is trained; see :class:`genmodels.nn.point_training.PointTraining`.

    Images are always given, so that ``data`` and ``standardise`` are passed over.

    Args:
        hidden: Widths of the hidden layers.
        noise: ν, 0 … 1.
        walk_back: k, rounds of the chain from each datum, 1 or more.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    hidden: tuple[int, ...] = (256,)
    noise: float = 0.3
    walk_back: int = 1
    batch: int = 100
    learning_rate: float = 2e-3
    n_steps: int = 4_000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("noise", self.noise, at_least=0, at_most=1)
        check_whole("walk_back", self.walk_back, at_least=1)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))


@dataclass(frozen=True, eq=False, kw_only=True)
class GSNState:
    """A network after ``step`` updates: copies, which nothing changes later.

    Attributes:
        step: Updates so far.
        loss: −log P(x | x̃) of the last minibatch before its update, mean over its walk, nats an image; NaN in the
            initial state.
        parameters: ``(P,)`` float32.
        average: Their running mean, which denoises; ``parameters`` if ``config.average`` is 0.
        moments: Adam's running means of g and g², ``(2, P)``.
        n_features: D.
        config: What was trained, and how.
    """

    step: int
    loss: float
    parameters: np.ndarray = field(repr=False)
    average: np.ndarray = field(repr=False)
    moments: np.ndarray = field(repr=False)
    n_features: int
    config: GSNConfig

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the running mean of the parameters by name, as torch would call them."""
        named: dict[str, np.ndarray] = {}
        for i, matrix in enumerate(views(self.average, _sizes(self.config, self.n_features))):
            named |= {f"net.{i}.weight": matrix[:, :-1].copy(), f"net.{i}.bias": matrix[:, -1].copy()}
        return named

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as named arrays: what ``resume=`` and safetensors take."""
        return {name: getattr(self, name).copy() for name in NAMES} | {"step": np.array([self.step])}


def denoiser(arrays: Mapping[str, np.ndarray]) -> Forward:
    """P(x | x̃) of a state's arrays or a checkpoint's, in float64: rounding decides no draw of a chain."""
    return Forward(arrays, "net", "tanh", "sigmoid", np.float64)


def iterate_gsn(
    images: Any, config: GSNConfig, resume: GSNState | Mapping[str, np.ndarray] | None = None
) -> Iterator[GSNState]:
    """Train a network.

    Args:
        images: ``(N, D)``, pixels 0 or 1; rows are drawn with replacement.
        config: Which network, and how.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: A number is no longer finite, *after* the states before have been yielded.
        ValueError: Images or ``resume`` do not fit; the message says what to mend.
    """
    return iterate(_Training(images, config, resume), config.n_steps, config.every)


def fit_gsn(images: Any, config: GSNConfig) -> GSNState:
    """The trained network: the last state of :func:`iterate_gsn`."""
    return last(iterate_gsn(images, config))


def add_gradient(
    matrices: Sequence[np.ndarray],
    x: np.ndarray,
    corrupted: np.ndarray,
    gradients: Sequence[np.ndarray],
    weight: float,
) -> tuple[np.ndarray, float]:
    """Add weight · the gradient of the mean of −log P(x | x̃) to the gradients, which have the matrices' shapes.

    Args:
        matrices: ``(outputs, inputs + 1)`` each, biases last.
        x: Asked for, columns ``(D, N)``.
        corrupted: x̃, columns ``(D, N)``.
        gradients: To add to.
        weight: Of this mean.

    Returns:
        p, ``(D, N)``; and the mean itself, nats an image.
    """
    inputs = [corrupted]
    for matrix in matrices[:-1]:
        inputs.append(np.tanh(_layer(matrix, inputs[-1])))
    logits = _layer(matrices[-1], inputs[-1])
    p = sigmoid(logits)
    nats = float((np.logaddexp(0, logits) - x * logits).sum() / x.shape[1])
    d = (p - x) * x.dtype.type(weight / x.shape[1])
    for i in reversed(range(len(matrices))):
        gradients[i][:, :-1] += d @ inputs[i].T
        gradients[i][:, -1] += d.sum(axis=1)
        if i:
            d = (matrices[i][:, :-1].T @ d) * (1 - np.square(inputs[i]))
    return p, nats


class _Training:
    """Parameters and data, while they change."""

    def __init__(self, images: Any, config: GSNConfig, resume: Any) -> None:
        self.config, x = config, check_ink(images)
        self.n_features = x.shape[1]
        sizes = _sizes(config, self.n_features)
        self.minibatches = Minibatches(point_source("", x, False)[0], config.batch, self.n_features, config.seed)
        self.adam = Adam(_initial(sizes, self._rng(0)), config.average)
        self.matrices, self.gradients = views(self.adam.theta, sizes), views(self.adam.gradient, sizes)
        self.loss = math.nan
        if resume is not None:
            saved = resume.snapshot() if isinstance(resume, GSNState) else resume
            self.adam.resume(saved, config.n_steps, "network")

    @property
    def step(self) -> int:
        return self.adam.step

    def update(self) -> None:
        """Walk from a minibatch, ask for it at each x̃, and take one step of Adam."""
        config, x, rng = self.config, self.minibatches[self.step], self._rng(1, self.step)
        self.adam.gradient[:] = 0
        here, nats = x, []
        with np.errstate(all="ignore"):
            for _ in range(config.walk_back):
                corrupted = corrupt(here, config.noise, rng)
                p, lost = add_gradient(self.matrices, x, corrupted, self.gradients, 1 / config.walk_back)
                here = drawn(p, rng)
                nats.append(lost)
            self.loss = float(np.mean(nats))
            if not (math.isfinite(self.loss) and np.isfinite(self.adam.gradient).all()):
                raise DivergedError(self.step)
            self.adam.update(config.rate(self.step))

    def state(self) -> GSNState:
        """What is now, as copies."""
        if not np.isfinite(self.adam.theta).all():
            raise DivergedError(self.step)
        parameters = still(self.adam.theta)
        return GSNState(
            step=self.step,
            loss=self.loss,
            parameters=parameters,
            average=still(self.adam.average) if self.config.average else parameters,
            moments=still(self.adam.moments),
            n_features=self.n_features,
            config=self.config,
        )

    def _rng(self, *salt: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, 1 << 31, *salt])


def _sizes(config: GSNConfig, n_features: int) -> tuple[int, ...]:
    return n_features, *config.hidden, n_features


def _initial(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights and biases from U(−1/√fan_in, 1/√fan_in), torch's own."""
    pieces = [rng.uniform(-(a**-0.5), a**-0.5, b * (a + 1)) for a, b in pairwise(sizes)]
    return np.concatenate(pieces).astype(np.float32)


def _layer(matrix: np.ndarray, h: np.ndarray) -> np.ndarray:
    a: np.ndarray = matrix[:, :-1] @ h + matrix[:, -1:]
    return a
