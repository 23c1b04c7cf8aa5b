r"""Two ways to a boundary: model how each class generates its points, or only where one class ends.

*Generative*: p(x, y) = p(y) p(x | y), fitted by counting and by maximum likelihood, one class after the other.
Bayes' rule then gives p(y | x) = p(x, y) / p(x) with p(x) = Σ_y p(x, y). It can also sample x, notice that x is
far from all data (p(x) is small), and leave out a feature it was not given, by integrating over it.

*Discriminative*: p(y | x) = softmax(W φ(x) + b)_y, logistic regression, which minimises −1/N Σ_n log p(y_n | x_n) and
says nothing of x. φ are the monomials of the *standardised* x up to a degree. With two classes class 0 is the
reference: W = (0, w), b = (0, b₁), so that w·φ + b₁ are the log-odds of class 1.

| p(x given y)                  | fitted by                                  | log-odds in x |
|-------------------------------|--------------------------------------------|---------------|
| N(μ_y, Σ), one Σ              | :func:`fit_lda`                            | linear        |
| N(μ_y, Σ_y)                   | :func:`fit_qda`                            | quadratic     |
| Π_d N(μ_yd, σ²_yd)            | :func:`fit_naive_bayes`                    | quadratic     |
| Π_d N(μ_yd, σ²_d)             | :func:`fit_naive_bayes`, shared_variance   | linear        |
| Σ_k π_yk N(μ_yk, Σ_yk)        | :func:`fit_class_mixtures`                 | any shape     |

So LDA and naive Bayes with shared variances have the p(y | x) of logistic regression of degree 1, with other weights:
those that maximise p(x, y), not p(y | x). Ng & Jordan (2001) compare these two. scikit-learn's ``GaussianNB``, with
a variance per class, is another model. LDA's p(y | x) is as sure far from the data as logistic regression's: only
p(x) warns.

What is fitted takes points x ``(N, D)``, finite, their labels y ``(N,)``, integers in 0 … K − 1, and ``n_classes``,
K ≥ 2; each class must occur. A ValueError says what is wrong with them, counting classes and features from 1.
Covariances are divided by N, as in scikit-learn 1.9. If a hyperplane of φ-space separates the classes
(:func:`separable`), the loss of logistic regression falls to 0 only as ‖W‖ → ∞: without a penalty there is no
optimum, and what is returned depends on when one stops.

Sources: Bishop (2006), sections 4.2 and 4.3; Hastie, Tibshirani & Friedman (2009), sections 4.3 and 4.4; Ng & Jordan
(2001), *On discriminative vs. generative classifiers*, NIPS 14; Albert & Anderson (1984), *Biometrika* 71(1), for
separation. Rows are points, arrays float64, logarithms natural.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genmodels.gaussian import check_data
from genmodels.kmeans import check_whole, first_distinct
from genmodels.mixture import EPS, GaussianMixture, MixtureConfig, check_weights, fit_mixture

LARGEST = 1e100  # beyond it, squares and sums of squares overflow
_WARNINGS = threading.Lock()

# --- The generative classifier ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class GenerativeClassifier:
    """p(x, y) = p(y) p(x | y), with a mixture of Gaussians for each class (of one component, often).

    Args:
        prior: p(y), ``(K,)``, positive, summing to 1.
        conditionals: p(x | y), K mixtures in the same D dimensions.

    Raises:
        ValueError: The prior is none, or the conditionals do not fit it or each other.

    >>> unit = GaussianMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> other = GaussianMixture(np.ones(1), np.full((1, 1), 2.0), np.ones((1, 1, 1)))
    >>> np.exp(GenerativeClassifier(np.array([0.5, 0.5]), (unit, other)).log_posterior(np.array([[1.0]])))
    array([[0.5, 0.5]])
    """

    prior: np.ndarray
    conditionals: tuple[GaussianMixture, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditionals", tuple(self.conditionals))
        object.__setattr__(self, "prior", check_weights(self.prior, len(self.conditionals), "prior"))
        columns = sorted({mixture.means.shape[1] for mixture in self.conditionals})
        if len(columns) != 1:
            raise ValueError(f"The conditionals have {columns} dimensions; give all of them the same number.")

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.conditionals)

    @property
    def n_features(self) -> int:
        """D."""
        return self.conditionals[0].means.shape[1]

    def log_joint(self, x: np.ndarray, y: int | None = None) -> np.ndarray:
        """log p(x, y) in nats, ``(N, D)`` to ``(N, K)``; to ``(N,)`` for one y."""
        if y is None:
            return np.stack([self.log_joint(x, k) for k in range(self.n_classes)], axis=1)
        return np.log(self.prior[self._check_class(y)]) + self.conditionals[y].log_prob(x)

    def log_posterior(self, x: np.ndarray) -> np.ndarray:
        """log p(y | x) in nats, ``(N, D)`` to ``(N, K)``, by Bayes' rule; finite far from the data, too."""
        return _log_softmax(self.log_joint(x))

    def log_marginal(self, x: np.ndarray) -> np.ndarray:
        """log p(x) = log Σ_y p(x, y) in nats, ``(N, D)`` to ``(N,)``."""
        return np.logaddexp.reduce(self.log_joint(x), axis=1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable class, ``(N, D)`` to ``(N,)`` int64; a tie goes to the lower number."""
        return self.log_joint(x).argmax(axis=1)

    def sample(self, y: int | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw x given y, ``(n, D)``; for y = None each y from the prior first, which makes it p(x)."""
        if y is not None:
            return self.conditionals[self._check_class(y)].sample(n, rng)[0]
        labels = rng.choice(self.n_classes, size=n, p=self.prior / self.prior.sum())
        x = np.empty((n, self.n_features))
        for k, conditional in enumerate(self.conditionals):
            x[labels == k] = conditional.sample(int((labels == k).sum()), rng)[0]
        return x

    def with_prior(self, prior: ArrayLike) -> GenerativeClassifier:
        """The same p(x | y) where the classes are drawn with another p(y), ``(K,)``."""
        return replace(self, prior=np.asarray(prior, dtype=np.float64))

    def marginalise(self, keep: Sequence[int]) -> GenerativeClassifier:
        """Integrate all features out but those in ``keep``: their rows and columns stay (Bishop 2006, eq. 2.98)."""
        kept = [int(d) for d in keep]
        if not kept or len(set(kept)) < len(kept) or not all(0 <= d < self.n_features for d in kept):
            raise ValueError(f"keep is {kept}; give one or more different features out of 0 … {self.n_features - 1}.")
        parts = [
            (c.weights, c.means[:, kept], c.covariances[:, kept][:, :, kept], c.covariance_type)
            for c in self.conditionals
        ]
        return replace(self, conditionals=tuple(GaussianMixture(*part) for part in parts))

    def _check_class(self, y: int) -> int:
        if not 0 <= y < self.n_classes:
            raise ValueError(f"y is {y!r}; give one of 0 … {self.n_classes - 1}, or None for all classes.")
        return int(y)


def fit_lda(x: np.ndarray, y: np.ndarray, n_classes: int) -> GenerativeClassifier:
    """Linear discriminant analysis: a Gaussian a class, all with the same Σ = 1/N Σ_n (x_n − μ_y)(x_n − μ_y)ᵀ.

    It takes N ≥ K + D points that do not all lie on parallel hyperplanes, one a class.

    >>> lda = fit_lda(np.array([[0.0], [2.0], [9.0], [11.0]]), np.array([0, 0, 1, 1]), 2)
    >>> [c.means.item() for c in lda.conditionals], lda.conditionals[0].covariances.item()
    ([1.0, 10.0], 1.0)
    """
    x, y = check_labelled(x, y, n_classes)
    _check_total(x, n_classes, n_classes + x.shape[1])
    means = np.stack([x[y == k].mean(axis=0) for k in range(n_classes)])
    _check_spread(x - means[y], x, "every class")
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    with _no_warnings():
        lda = LinearDiscriminantAnalysis(solver="svd", store_covariance=True).fit(x, y)
    return _gaussians(lda.priors_, lda.means_, np.broadcast_to(lda.covariance_, (n_classes, *lda.covariance_.shape)))


def fit_qda(x: np.ndarray, y: np.ndarray, n_classes: int) -> GenerativeClassifier:
    """Quadratic discriminant analysis: the maximum-likelihood Gaussian of each class, of D + 1 points or more."""
    x, y = check_labelled(x, y, n_classes, at_least=check_data(x).shape[1] + 1)
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    for k in range(n_classes):
        _check_spread(x[y == k] - x[y == k].mean(axis=0), x[y == k], f"class {k + 1}")
    with _no_warnings():  # its own tolerance is an absolute variance and would refuse data of a small scale
        qda = QuadraticDiscriminantAnalysis(store_covariance=True, tol=0).fit(x, y)
    return _gaussians(qda.priors_, qda.means_, np.stack(qda.covariance_))


def fit_naive_bayes(
    x: np.ndarray, y: np.ndarray, n_classes: int, shared_variance: bool = False, var_smoothing: float = 1e-9
) -> GenerativeClassifier:
    """Gaussian naive Bayes: given the class, the features are independent.

    Args:
        x, y, n_classes: Each class twice or more; if the variance is shared, once, and N > K.
        shared_variance: One variance per feature for all classes, 1/N Σ_n (x_nd − μ_yd)²: the model of Ng & Jordan
            (2001). Otherwise one per feature and class, as in scikit-learn's ``GaussianNB``.
        var_smoothing: This share of the largest variance of a feature of x is added to every variance, ≥ 0.
    """
    x, y = check_labelled(x, y, n_classes, at_least=1 if shared_variance else 2)
    if not 0 <= var_smoothing < np.inf:
        raise ValueError(f"var_smoothing is {var_smoothing!r}; give a finite number, 0 or more.")
    from sklearn.naive_bayes import GaussianNB

    with _no_warnings():
        nb = GaussianNB(var_smoothing=var_smoothing).fit(x, y)
    variances = nb.var_
    if shared_variance:
        _check_total(x, n_classes, n_classes + 1)
        within = ((x - nb.theta_[y]) ** 2).mean(axis=0)
        variances = np.tile(within + nb.epsilon_, (n_classes, 1))
    if not (variances > 0).all():
        k, d = np.argwhere(~(variances > 0))[0]
        where = "every class" if shared_variance else f"class {k + 1}"
        raise ValueError(f"Feature {d + 1} is constant in {where}; leave it out, or raise var_smoothing.")
    return _gaussians(nb.class_prior_, nb.theta_, variances[:, :, None] * np.eye(x.shape[1]), "diag")


def fit_class_mixtures(
    x: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    n_components: int = 3,
    covariance_type: Literal["full", "tied", "diag", "spherical"] = "full",
    reg_covar: float = 1e-3,
    seed: int = 0,
) -> GenerativeClassifier:
    """A mixture of Gaussians for each class, by EM (:func:`genmodels.mixture.fit_mixture`).

    Args:
        x, y, n_classes: Each class with two different points or more.
        n_components: Components of each class; fewer where it has fewer distinct points.
        covariance_type, reg_covar, seed: As in :class:`genmodels.mixture.MixtureConfig`.
    """
    config = MixtureConfig(n_components, covariance_type, reg_covar=reg_covar, seed=seed)
    x, y = check_labelled(x, y, n_classes, at_least=2)
    conditionals = []
    for k in range(n_classes):
        points = x[y == k]
        distinct = len(first_distinct(points, max(n_components, 2)))
        if distinct == 1:
            raise ValueError(
                f"All {len(points)} points of class {k + 1} are equal; a mixture needs some spread: paint or load "
                "others."
            )
        try:
            state = fit_mixture(points, replace(config, n_components=min(n_components, distinct)))
        except ValueError as error:
            raise ValueError(f"Class {k + 1}: {error}") from error
        conditionals.append(GaussianMixture.from_state(state))
    return GenerativeClassifier(np.bincount(y, minlength=n_classes) / len(y), tuple(conditionals))


def _gaussians(
    prior: np.ndarray, means: np.ndarray, covariances: np.ndarray, kind: str = "full"
) -> GenerativeClassifier:
    """One Gaussian a class: means ``(K, D)``, covariances ``(K, D, D)``."""
    one = np.ones(1)
    parts = zip(means, covariances, strict=True)
    return GenerativeClassifier(prior, tuple(GaussianMixture(one, m[None], c[None], kind) for m, c in parts))


# --- The discriminative classifier --------------------------------------------------------------------------


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

    A linear programme asks for (w_y − w_j)·φ(x_n) + b_y − b_j ≥ 1 for every n and every other class j. (Points that
    only touch a common hyperplane, *quasi*-separation, do not count, though they leave no optimum either.)

    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 0])
    >>> separable(x, y, 2), separable(x, y, 2, degree=2)
    (False, True)
    """
    x, y = check_labelled(x, y, n_classes)
    check_whole("degree", degree, at_least=1)
    from scipy.optimize import linprog

    centre, scale = _standardisation(x)
    phi = np.insert(features((x - centre) / scale, degree), 0, 1.0, axis=1)  # (N, 1 + P)
    apart = np.eye(n_classes)[y][:, None] - np.eye(n_classes)  # (N, K, K): +1 for y, −1 for j
    rows = (apart[..., None] * phi[:, None, None, :])[np.arange(n_classes) != y[:, None]]  # (N (K − 1), K, 1 + P)
    rows = rows[:, 1:].reshape(len(rows), -1)  # class 0 is the reference
    programme = linprog(np.zeros(rows.shape[1]), -rows, -np.ones(len(rows)), bounds=(None, None), method="highs")
    return programme.status == 0  # 2: there is no such W, b


# --- Learn: gradient descent on the loss --------------------------------------------------------------------


class DivergedError(ValueError):
    """Gradient descent left the finite numbers at ``step``; the states before it have been yielded."""

    def __init__(self, step: int, config: LogisticConfig) -> None:
        self.step = step
        super().__init__(
            f"Gradient descent diverged: at step {step} its numbers are no longer finite; lower learning_rate (now "
            f"{config.learning_rate:g}) or penalty (now {config.penalty:g})."
        )


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
    """Walk down the loss from W = 0, b = 0 (Bishop 2006, eq. 4.109).

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
            raise DivergedError(step, config)
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


# --- What the fits expect -----------------------------------------------------------------------------------


def check_labelled(x: ArrayLike, y: ArrayLike, n_classes: int, at_least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return points as float64 ``(N, D)`` and labels as int64 ``(N,)``, or raise a ValueError that says what to mend.

    Points must be finite, labels in 0 … K − 1, and each class needs ``at_least`` as many points.
    """
    check_whole("n_classes", n_classes, at_least=2)
    x, y = check_data(np.asarray(x)), np.asarray(y)
    if y.shape != (len(x),) or y.dtype.kind not in "iub":
        raise ValueError(f"Labels must be {len(x)} integers, one a point; got the shape {y.shape} of {y.dtype}.")
    if np.abs(x).max(initial=0.0) > LARGEST:
        raise ValueError(f"The data reach {np.abs(x).max():.3g}; standardise them, or leave such points out.")
    y = y.astype(np.int64)
    wrong = np.flatnonzero((y < 0) | (y >= n_classes))
    if wrong.size:
        raise ValueError(f"Row {wrong[0]} has the label {y[wrong[0]]}; {n_classes} classes take 0 … {n_classes - 1}.")
    counts = np.bincount(y, minlength=n_classes)
    if counts.min() < at_least:
        k, n = int(counts.argmin()), int(counts.min())
        raise ValueError(
            f"Class {k + 1} has {n} point{'s' * (n != 1)}; it needs at least {at_least}: paint or load more, or "
            "choose fewer classes."
        )
    return x, y


def _check_total(x: np.ndarray, n_classes: int, at_least: int) -> None:
    if len(x) < at_least:
        raise ValueError(
            f"{len(x)} points in {n_classes} classes are too few for what the classes share; it needs at least "
            f"{at_least}: paint or load more, or choose fewer classes."
        )


def _check_spread(centred: np.ndarray, x: np.ndarray, where: str) -> None:
    """Raise a ValueError unless the covariance of the centred points is positive definite, well above rounding."""
    deviation = np.sqrt((centred**2).mean(axis=0))
    flat = deviation <= 100 * EPS * np.abs(x).max(axis=0)
    scaled = centred / np.where(flat, 1.0, deviation)
    if flat.any():
        trouble = f"Feature {flat.argmax() + 1} is constant"
    elif not np.linalg.eigvalsh(scaled.T @ scaled / len(x))[0] > 1e-12:
        trouble = "The features depend linearly on each other"
    else:
        return
    raise ValueError(
        f"{trouble} in {where}, so that the covariance is singular; spread the points, leave one feature out, or "
        "choose naive Bayes."
    )


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep scikit-learn's warnings inside; locked, because all threads share Python's list of filters."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
