r"""Generative classifiers: p(x, y) = p(y) p(x | y), each class a mixture of Gaussians.

Of one component, or of several by EM: hence the imports of :mod:`genmodels.mixture` and :mod:`genmodels.kmeans`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genmodels.checks import check_data
from genmodels.classifiers.discriminative import _log_softmax, _no_warnings
from genmodels.classifiers.labelled import _check_spread, _check_total, check_labelled
from genmodels.kmeans import first_distinct
from genmodels.mixture import GaussianMixture, MixtureConfig, check_weights, fit_mixture


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
