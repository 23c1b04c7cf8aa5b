r"""The multi-layer perceptron: a classifier that learns its own features, and only p(y | x).

    h_0 = (x − centre) / scale,   h_l = φ(h_{l−1} W_l + b_l),   log p(y = k | x) = log softmax_k(h_{L−1} W_L + b_L)

φ is tanh or ReLU, max(0, ·). Training lowers the cross-entropy −1/N Σ_n log p(y_n | x_n), in nats per sample, by Adam
on random minibatches. Without hidden layers this is logistic regression, and convex; with them it is not, and its end
depends on its start. Where the network can separate the classes there is no minimum: the weights grow for ever.

Inputs are standardised by the training data, each feature by its own mean and standard deviation (divided by N; a
constant feature is only centred). Start: uniform on ±1/√(inputs of the layer), as in ``torch.nn.Linear``. All W, b
are *one* float32 vector θ: W_1 row by row, b_1, W_2, … ``weight_decay`` λ adds λθ to the gradient that Adam takes.

Training needs torch, and imports it on first use; configs and states need numpy only, and a state answers in float64.
Sources: Bishop (2006), section 5.1; Kingma & Ba (2015), *Adam*, algorithm 1 (β = 0.9, 0.999; ε = 1e-8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy.special import log_softmax

from genmodels.checks import check_choice, check_data, check_whole
from genmodels.device import CHOICES, resolve
from genmodels.states import DivergedError, iterate, last

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}


@dataclass(frozen=True)
class MLPConfig:
    """Which network to train, and how.

    Args:
        hidden: Units of each hidden layer; () for logistic regression.
        activation: φ, ``"tanh"`` or ``"relu"``.
        learning_rate: Of Adam, above 0.
        batch: Points a step, drawn without replacement; 0 (or N and more) for all.
        n_steps: Updates, 1 or more.
        weight_decay: λ ≥ 0, of weights and biases alike.
        seed: Of the start and the minibatches, 0 or more.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    hidden: tuple[int, ...] = (32, 32)
    activation: Literal["tanh", "relu"] = "tanh"
    learning_rate: float = 0.01
    batch: int = 64
    n_steps: int = 1000
    weight_decay: float = 0.0
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        hidden = tuple(np.ravel(self.hidden).tolist())  # type: ignore[arg-type]
        object.__setattr__(self, "hidden", hidden)
        whole = (("batch", self.batch, 0), ("n_steps", self.n_steps, 1), ("seed", self.seed, 0))
        for name, value, least in (*whole, *(("A number of hidden units", units, 1) for units in hidden)):
            check_whole(name, value, least)
        for name, above in (("learning_rate", 0), ("weight_decay", -np.finfo(float).tiny)):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.number) and above < value < np.inf):
                raise ValueError(f"{name} is {value!r}; give a finite number, {'0 or more' if above else 'above 0'}.")
        for name, choices in (("activation", tuple(ACTIVATIONS)), ("device", CHOICES)):
            check_choice(name, getattr(self, name), choices)


@dataclass(frozen=True, eq=False)
class MLPState:
    """The network after ``step`` updates, and how it does on all training data.

    Attributes:
        step: 0 is the start.
        loss: Cross-entropy on all training data, nats per sample, without weight decay.
        accuracy: Share of the training data whose class is the most probable, 0 … 1.
        weight_norm: √ of the sum of all squared weights, biases left out.
        parameters: θ, ``(P,)``, float32.
        sizes, activation: D, the hidden units, K; and φ.
        centre, scale: Mean and standard deviation of the training data, ``(D,)`` each, data units.
    """

    step: int
    loss: float
    accuracy: float
    weight_norm: float
    parameters: np.ndarray
    sizes: tuple[int, ...]
    activation: str
    centre: np.ndarray
    scale: np.ndarray

    def log_posterior(self, x: np.ndarray) -> np.ndarray:
        """log p(y = k | x) in nats, ``(N, D)`` to ``(N, K)``, float64; a ValueError if x has another D."""
        x = check_data(x)
        if x.shape[1] != self.sizes[0]:
            raise ValueError(f"x has {x.shape[1]} columns and the network has {self.sizes[0]} inputs; give as many.")
        z, phi = (x - self.centre) / self.scale, ACTIVATIONS[self.activation]
        return log_softmax(forward(self.parameters.astype(np.float64), z, self.sizes, phi), axis=1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable class, ``(N, D)`` to ``(N,)``."""
        return self.log_posterior(x).argmax(axis=1)


def iterate_mlp(x: np.ndarray, y: np.ndarray, n_classes: int, config: MLPConfig) -> Iterator[MLPState]:
    """Train by Adam; on the CPU a seed gives the same states again.

    Args:
        x: Points ``(N, D)``, finite, N ≥ 1.
        y: Classes ``(N,)``, integers 0 … K − 1.
        n_classes: K ≥ 2.
        config: Which network, and how to train it.

    Yields:
        The initial state, then one after each update: ``n_steps + 1`` states.

    Raises:
        DivergedError: A number overflowed, *after* the finite states have been yielded.
        ValueError: The data do not fit; the message says what to mend.
    """
    return iterate(_Training(x, y, n_classes, config), config.n_steps)


class _Training:
    """Parameters, optimiser and data, while they change."""

    def __init__(self, x: np.ndarray, y: np.ndarray, n_classes: int, config: MLPConfig) -> None:
        import torch

        z, y, self.centre, self.scale = _prepare(x, y, n_classes)
        self.config, self.step, self.sizes = config, 0, (z.shape[1], *config.hidden, int(n_classes))
        self.device = resolve(config.device)
        self.inputs = torch.as_tensor(z, dtype=torch.float32, device=self.device)
        self.labels = torch.as_tensor(y, device=self.device)
        self.generator = torch.Generator().manual_seed(config.seed)  # on the CPU, whatever the device: the same draws
        widths = pairwise(self.sizes)
        start = [(2 * torch.rand((i + 1) * o, generator=self.generator) - 1) / i**0.5 for i, o in widths]
        self.theta = torch.cat(start).to(self.device).requires_grad_()
        decay = config.weight_decay
        self.adam = torch.optim.Adam([self.theta], config.learning_rate, weight_decay=decay, fused=True)
        self.phi = getattr(torch, config.activation)

    def update(self) -> None:
        """One step of Adam."""
        import torch

        rows = torch.randperm(len(self.inputs), generator=self.generator)[: self.config.batch or None]
        batch = rows.to(self.device)
        with torch.enable_grad():  # whatever the caller's mode
            scores = forward(self.theta, self.inputs[batch], self.sizes, self.phi)
            cost = torch.nn.functional.cross_entropy(scores, self.labels[batch])
            (self.theta.grad,) = torch.autograd.grad(cost, self.theta)
        self.adam.step()
        self.step += 1

    def state(self) -> MLPState:
        """What is now, as copies, and how it does on all training data."""
        import torch

        with torch.no_grad():
            scores = forward(self.theta, self.inputs, self.sizes, self.phi)
            loss = float(torch.nn.functional.cross_entropy(scores, self.labels))
            accuracy = float((scores.argmax(dim=1) == self.labels).float().mean())
        parameters = self.theta.detach().cpu().numpy().copy()
        if not (np.isfinite(loss) and np.isfinite(parameters).all()):
            raise DivergedError(self.step, f"try a smaller learning rate than {self.config.learning_rate:g}")
        weights = layers(parameters.astype(np.float64), self.sizes)
        norm = float(np.sqrt(sum(np.square(w).sum() for w, _ in weights)))
        known = (self.sizes, self.config.activation, self.centre, self.scale)
        return MLPState(self.step, loss, accuracy, norm, parameters, *known)


def fit_mlp(x: np.ndarray, y: np.ndarray, n_classes: int, config: MLPConfig) -> MLPState:
    """The trained network: the last state of :func:`iterate_mlp`."""
    return last(iterate_mlp(x, y, n_classes, config))


def layers(parameters: Any, sizes: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """Views (W_l, b_l) of θ, ``(inputs, outputs)`` and ``(outputs,)``, of a numpy array or a tensor alike."""
    start = 0
    for inputs, outputs in pairwise(sizes):
        middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
        yield parameters[start:middle].reshape(inputs, outputs), parameters[middle:end]
        start = end


def forward(parameters: Any, z: Any, sizes: tuple[int, ...], phi: Any) -> Any:
    """Scores before the softmax, ``(N, K)``, of standardised points ``(N, D)``; numpy or torch."""
    *hidden, (w_last, b_last) = layers(parameters, sizes)
    for w, b in hidden:
        z = phi(z @ w + b)
    return z @ w_last + b_last


def _prepare(x: np.ndarray, y: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Standardised points ``(N, D)``, classes, centre and scale, or a ValueError that says what to mend."""
    check_whole("n_classes", n_classes, at_least=2)
    x, y = check_data(x), np.asarray(y)
    if len(x) == 0 or y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise ValueError(f"{len(x)} points have {y.dtype} y of shape {y.shape}; give each point a whole number.")
    if y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"y holds {y.min()} … {y.max()}; with n_classes={n_classes}, give 0 … {n_classes - 1}.")
    with np.errstate(all="ignore"):
        centre = x.mean(axis=0)
        scale = np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 1.0)
        z = (x - centre) / scale
    if not (np.isfinite(scale).all() and np.isfinite(z).all()):
        raise ValueError("The data are too large or too close together to standardise; give them in other units.")
    return z, y.astype(np.int64), centre, scale
