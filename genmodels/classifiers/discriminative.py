r"""The discriminative classifier, logistic regression: p(y | x) = softmax(W φ(x) + b)_y."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from genmodels.checks import check_data, check_whole
from genmodels.classifiers.labelled import check_labelled
from genmodels.mixture import EPS, check_weights

_WARNINGS = threading.Lock()


@dataclass(frozen=True, eq=False)
class DiscriminativeClassifier:
    """p(y | x) = softmax(W φ(x) + b)_y, where φ(x) = features((x − centre) / scale, degree).

    Args:
        weights: W, ``(K, P)``; its first row is 0 if K = 2.
        bias: b, ``(K,)``.
        degree: Of the polynomial features, 1 or more.
        centre: ``(D,)``, data units; None for 0.
        scale: ``(D,)``, positive, data units; None for 1.

    Raises:
        ValueError: Shapes do not fit, or a number is not finite.

    >>> odds = DiscriminativeClassifier(np.array([[0.0], [1.0]]), np.zeros(2))
    >>> np.exp(odds.log_posterior(np.array([[0.0], [np.log(3)]]))).round(4).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    """

    weights: np.ndarray
    bias: np.ndarray
    degree: int = 1
    centre: np.ndarray = None  # type: ignore[assignment]  # an array from __post_init__ on
    scale: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        check_whole("degree", self.degree, at_least=1)
        weights, bias = np.array(self.weights, dtype=np.float64), np.array(self.bias, dtype=np.float64)
        if weights.ndim != 2 or bias.shape != weights.shape[:1]:
            raise ValueError(f"Give weights (K, P) and a bias (K,); got the shapes {weights.shape} and {bias.shape}.")
        d = _dimensions(weights.shape[1], self.degree)
        centre = np.zeros(d) if self.centre is None else np.array(self.centre, dtype=np.float64)
        scale = np.ones(d) if self.scale is None else np.array(self.scale, dtype=np.float64)
        if centre.shape != (d,) or scale.shape != (d,):
            raise ValueError(f"The weights belong to {d} features; centre has {centre.size}, scale {scale.size}.")
        values = {"weights": weights, "bias": bias, "centre": centre, "scale": scale}
        if not (all(np.isfinite(v).all() for v in values.values()) and (scale > 0).all()):
            raise ValueError("Weights, bias, centre and scale must be finite, and scale above 0.")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.bias)

    @property
    def n_features(self) -> int:
        """D."""
        return len(self.centre)

    def log_posterior(self, x: np.ndarray) -> np.ndarray:
        """log p(y | x) in nats, ``(N, D)`` to ``(N, K)``."""
        x = check_data(x)
        if x.shape[1] != self.n_features:
            raise ValueError(f"x has {x.shape[1]} columns and the classifier {self.n_features}; give as many.")
        return _log_softmax(features((x - self.centre) / self.scale, self.degree) @ self.weights.T + self.bias)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable class, ``(N, D)`` to ``(N,)`` int64; a tie goes to the lower number."""
        return self.log_posterior(x).argmax(axis=1)

    def with_prior(self, new: ArrayLike, old: ArrayLike) -> DiscriminativeClassifier:
        """For classes drawn with p(y) = new, after a fit to classes drawn with old: b + log new − log old.

        Source: Saerens, Latinne & Decaestecker (2002), *Neural Computation* 14(1), eq. 2.4.
        """
        new, old = (check_weights(p, self.n_classes, name) for p, name in ((new, "new"), (old, "old")))
        return replace(self, bias=self.bias + np.log(new) - np.log(old))


def features(x: np.ndarray, degree: int) -> np.ndarray:
    """All monomials of degree 1 … ``degree``, ``(N, D)`` to ``(N, P)`` with P = C(D + degree, degree) − 1.

    In the order of scikit-learn's ``PolynomialFeatures(degree, include_bias=False)``:

    >>> features(np.array([[2.0, 3.0]]), 2)
    array([[2., 3., 4., 6., 9.]])
    """
    blocks, first = [x], list(range(x.shape[1]))  # first[d]: where the monomials without features before d begin
    for _ in range(degree - 1):
        products = [x[:, [d]] * blocks[-1][:, start:] for d, start in enumerate(first)]
        first = [0, *np.cumsum([block.shape[1] for block in products])[:-1]]
        blocks.append(np.concatenate(products, axis=1))
    return np.concatenate(blocks, axis=1)


def fit_logistic(
    x: np.ndarray, y: np.ndarray, n_classes: int, degree: int = 1, C: float = 1.0
) -> DiscriminativeClassifier:
    """Logistic regression by L-BFGS (scikit-learn), binary for K = 2, else multinomial.

    Minimises C Σ_n −log p(y_n | x_n) + ½ ‖W‖²; only the first term if C is infinite. It stops where no slope of the
    loss per sample exceeds 1e-6, or after 1,000 iterations: if the classes are separable and C is infinite, that
    *is* what decides W.

    Args:
        x, y, n_classes: As for every fit.
        degree: Of the polynomial features of the standardised x, 1 or more.
        C: Weight of the data against the penalty, above 0; ``np.inf`` for no penalty.
    """
    x, y = check_labelled(x, y, n_classes)
    check_whole("degree", degree, at_least=1)
    if not C > 0:
        raise ValueError(f"C is {C!r}; give a number above 0, or np.inf for no penalty.")
    from sklearn.linear_model import LogisticRegression

    centre, scale = _standardisation(x)
    with _no_warnings():  # ConvergenceWarning, where the classes are separable
        fitted = LogisticRegression(C=C, tol=1e-6, max_iter=1000).fit(features((x - centre) / scale, degree), y)
    weights, bias = fitted.coef_, fitted.intercept_
    if n_classes == 2:
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.append(0.0, bias)
    return DiscriminativeClassifier(weights, bias, degree, centre, scale)


def separable(x: np.ndarray, y: np.ndarray, n_classes: int, degree: int = 1) -> bool:
    """Whether some W and b put every point strictly on the side of its class, in the space of φ.

    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 0])
    >>> separable(x, y, 2), separable(x, y, 2, degree=2)
    (False, True)
    """
    return bool(escapes(x, y, n_classes, degree).sum() == len(y) * (n_classes - 1))


def has_optimum(x: np.ndarray, y: np.ndarray, n_classes: int, degree: int = 1) -> bool:
    """Whether the loss without a penalty has a minimum: no direction leaves every margin at least as large as it was,
    and one of them larger (Albert & Anderson 1984). Points need not be separable for that: where only *one* class can
    be cut off from the others, or points touch a common hyperplane, ‖W‖ grows without bound, too.

    >>> touching = np.array([[0.0], [1.0], [1.0], [2.0]])
    >>> has_optimum(touching, np.array([0, 0, 1, 1]), 2), has_optimum(touching, np.array([0, 1, 0, 1]), 2)
    (False, False)
    """
    return not escapes(x, y, n_classes, degree).any()


def escapes(x: np.ndarray, y: np.ndarray, n_classes: int, degree: int = 1) -> np.ndarray:
    """For which point n and other class j ``(N, K)`` the margin (w_y − w_j)·φ(x_n) + b_y − b_j can grow for ever
    without making another one negative; False for a point's own class.

    A linear programme: the largest Σ t with margins ≥ t and 0 ≤ t ≤ 1. Directions add up and stretch, so that one
    solution has t = 1 wherever any has t > 0.
    """
    x, y = check_labelled(x, y, n_classes)
    check_whole("degree", degree, at_least=1)
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack

    phi = _design(x, degree)
    apart = np.eye(n_classes)[y][:, None] - np.eye(n_classes)  # (N, K, K): +1 for y, −1 for j
    other = np.arange(n_classes) != y[:, None]
    rows = (apart[..., None] * phi[:, None, None, :])[other]  # (N (K − 1), K, 1 + P)
    rows = rows[:, 1:].reshape(len(rows), -1)  # class 0 is the reference
    margins, theta = len(rows), rows.shape[1]
    programme = linprog(
        np.r_[np.zeros(theta), -np.ones(margins)],
        hstack([csr_array(-rows), eye_array(margins)]),
        np.zeros(margins),
        bounds=[(None, None)] * theta + [(0, 1)] * margins,
        method="highs",
    )
    found = np.zeros((len(y), n_classes), dtype=bool)
    if programme.status == 0:
        found[other] = programme.x[theta:] > 0.5
    return found


def lowest_loss(
    x: np.ndarray, y: np.ndarray, n_classes: int, degree: int = 1, free: np.ndarray | None = None
) -> float:
    """The infimum of −1/N Σ_n log p(y_n | x_n) over all W and b, nats per sample; 0 for separable points.

    Terms whose margin may grow for ever vanish in the limit, and what is left has a minimum.

    Args:
        x, y, n_classes, degree: As for :func:`fit_logistic`.
        free: What :func:`escapes` says of them, if it is known.
    """
    from scipy.optimize import minimize

    left = ~(escapes(x, y, n_classes, degree) if free is None else free)
    x, y = check_labelled(x, y, n_classes)
    phi, rows, k = _design(x, degree), np.arange(len(y)), n_classes

    def loss_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        logits = np.where(left, phi @ np.vstack([np.zeros(phi.shape[1]), theta.reshape(k - 1, -1)]).T, -np.inf)
        log_p = _log_softmax(logits)
        excess = np.exp(log_p)
        excess[rows, y] -= 1
        return -float(log_p[rows, y].mean()), (excess.T @ phi / len(y))[1:].ravel()

    start = np.zeros((k - 1) * phi.shape[1])
    found = minimize(loss_and_slope, start, jac=True, method="BFGS", options={"gtol": 1e-8, "maxiter": 2000})
    return float(found.fun) + 0.0  # not −0


def _design(x: np.ndarray, degree: int) -> np.ndarray:
    """1 and φ of the standardised x, ``(N, 1 + P)``."""
    centre, scale = _standardisation(x)
    return np.insert(features((x - centre) / scale, degree), 0, 1.0, axis=1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logits minus their log-sum-exp by row; taking the highest off first keeps the differences exact."""
    below = logits - logits.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _standardisation(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, ``(D,)``; 1 for one that does not vary."""
    scale = x.std(axis=0)
    return x.mean(axis=0), np.where(scale > 100 * EPS * np.abs(x).max(axis=0), scale, 1.0)


def _dimensions(n_monomials: int, degree: int) -> int:
    """The D with as many monomials of degree 1 … ``degree``, or a ValueError if there is none."""
    d = 1
    while comb(d + degree, degree) - 1 < n_monomials:
        d += 1
    if comb(d + degree, degree) - 1 != n_monomials:
        raise ValueError(f"No number of features has {n_monomials} monomials of degree 1 … {degree}; mend either.")
    return d


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep scikit-learn's warnings inside; locked, because all threads share Python's list of filters."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
