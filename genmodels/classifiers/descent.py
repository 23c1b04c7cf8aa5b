r"""Logistic regression by gradient descent, step by step: the loss of :mod:`genmodels.classifiers.discriminative`.

Source: Bishop (2006), section 4.3.2. Rows are points, arrays float64, logarithms natural.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genmodels.checks import check_whole
from genmodels.classifiers.discriminative import DiscriminativeClassifier, _log_softmax, _standardisation, features
from genmodels.classifiers.labelled import check_labelled
from genmodels.states import DivergedError


@dataclass(frozen=True)
class LogisticConfig:
    """Gradient descent on the loss of logistic regression, all points at each step.

    Args:
        n_steps: Steps, 0 or more.
        learning_rate: Step size η, above 0.
        degree: Of the polynomial features, 1 or more.
        penalty: λ of λ/2 ‖W‖², ≥ 0, nats per sample; 1 / (C N) in scikit-learn's terms.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_steps: int = 200
    learning_rate: float = 0.5
    degree: int = 1
    penalty: float = 0.0

    def __post_init__(self) -> None:
        check_whole("n_steps", self.n_steps, at_least=0)
        check_whole("degree", self.degree, at_least=1)
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate is {self.learning_rate!r}; give a finite number above 0.")
        if not 0 <= self.penalty < np.inf:
            raise ValueError(f"penalty is {self.penalty!r}; give a finite number, 0 or more.")


@dataclass(frozen=True, eq=False)
class LogisticState:
    """Logistic regression after ``step`` steps.

    Attributes:
        step: 0 is the start, where W and b are 0.
        weights, bias, centre, scale, degree: As in :class:`DiscriminativeClassifier`.
        loss: −1/N Σ_n log p(y_n | x_n), nats per sample, without the penalty.
        gradient_norm: Length of the gradient of loss plus penalty, by W and b.
        weight_norm: ‖W‖, without b.
        accuracy: Share of the points classified as labelled.
    """

    step: int
    weights: np.ndarray
    bias: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    degree: int
    loss: float
    gradient_norm: float
    weight_norm: float
    accuracy: float

    @property
    def classifier(self) -> DiscriminativeClassifier:
        """The classifier with these parameters."""
        return DiscriminativeClassifier(self.weights, self.bias, self.degree, self.centre, self.scale)


def iterate_logistic(
    x: np.ndarray, y: np.ndarray, n_classes: int, config: LogisticConfig | None = None
) -> Iterator[LogisticState]:
    """Gradient descent on the loss from W = 0, b = 0 (Bishop 2006, eq. 4.109).

        w_k ← w_k − η (1/N Σ_n (p(k | x_n) − [y_n = k]) φ(x_n) + λ w_k),   b_k likewise without λ

    With two classes w_0 and b_0 stay 0.

    Yields:
        ``n_steps + 1`` states, the start first.

    Raises:
        DivergedError: A number is no longer finite, *after* the finite states have been yielded.
        ValueError: The data do not fit; the message says what to mend.
    """
    config = config or LogisticConfig()
    x, y = check_labelled(x, y, n_classes)
    centre, scale = _standardisation(x)
    phi = np.insert(features((x - centre) / scale, config.degree), 0, 1.0, axis=1)  # (N, 1 + P)
    theta = np.zeros((n_classes, phi.shape[1]))  # b beside W
    for step in range(config.n_steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported as divergence
            loss, accuracy, slope = _loss_and_slope(phi, y, theta, config.penalty)
            sizes = loss, float(np.linalg.norm(slope)), float(np.linalg.norm(theta[:, 1:]))
        if not np.isfinite(sizes).all():
            remedy = f"lower learning_rate (now {config.learning_rate:g}) or penalty (now {config.penalty:g})"
            raise DivergedError(step, remedy)
        weights, bias = np.array(theta[:, 1:]), np.array(theta[:, 0])
        yield LogisticState(step, weights, bias, centre, scale, config.degree, *sizes, accuracy)
        with np.errstate(over="ignore"):
            theta = theta - config.learning_rate * slope


def _loss_and_slope(
    phi: np.ndarray, y: np.ndarray, theta: np.ndarray, penalty: float
) -> tuple[float, float, np.ndarray]:
    """Loss, accuracy, and the gradient ``(K, 1 + P)`` of loss + λ/2 ‖W‖²."""
    rows = np.arange(len(y))
    log_p = _log_softmax(phi @ theta.T)
    excess = np.exp(log_p)
    excess[rows, y] -= 1
    if len(theta) == 2:
        excess[:, 0] = 0  # class 0 is the reference
    slope = excess.T @ phi / len(y)
    slope[:, 1:] += penalty * theta[:, 1:]
    return -float(log_p[rows, y].mean()), float((log_p.argmax(axis=1) == y).mean()), slope
