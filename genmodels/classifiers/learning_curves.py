r"""Naive Bayes against logistic regression: test error against the number of training points.

Both end in one linear rule, argmax_k (w_k · x + b_k). They differ in what they maximise:

*Naive Bayes* (generative) maximises Σ_n log p(x_n, y_n) with p(y = k) = π_k and p(x | y = k) = Π_d N(x_d; μ_kd, v_d):
features independent within a class, variances *shared* by the classes. Its estimates are the class shares, the class
means and the variances pooled within classes, divided by N. Then w_k = μ_k / v and b_k = log π_k − ½ Σ_d μ_kd² / v_d.
To each v_d is added 1e-9 of the largest variance of a feature, as in scikit-learn's ``GaussianNB``; that one has
variances of its own for every class, therefore quadratic boundaries, and is another model.

*Logistic regression* (discriminative) maximises Σ_n log p(y_n | x_n) over all w, b, unregularised. Where the classes
can be separated (always for n ≤ D; the digits in practice always) there is no optimum: the weights grow without
bound, and **the stopping rule decides**: scikit-learn's L-BFGS from 0, until no entry of the gradient of the mean
loss (nats per sample) exceeds ``TOL``, at most ``MAX_ITER`` iterations. Digits are scaled to 0 … 1 before.

Ng & Jordan: if independence holds, both tend to the same error, naive Bayes with O(log D) points and logistic
regression with O(D); if it does not, naive Bayes tends to a higher error but sooner, so that the curves may cross.
These are bounds: whether the curves do cross is up to the data. Three tasks:

``"independent"``: 2 classes of equal weight, x ~ N(±δ/2, Σ) with D = 20, Σ = I, all δ_d equal.
``"correlated"``: the same with Σ_ij = 0.7^|i − j|, and only the first ten δ_d differ from 0. The others say nothing
of the class *alone*; they say what noise their neighbours share, and naive Bayes cannot hear it.
0.7 is our choice, for with it the curves cross; at 0.8 logistic regression is never certainly worse.
In both δᵀ Σ⁻¹ δ = 9, so the Bayes error is Φ(−3/2) = 6.7 %.
``"digits"``: scikit-learn's 8×8 digits, 10 classes, D = 64. Each repetition holds another random half of each class
(901 images) back for testing.

A repetition draws one training set, its classes as balanced as can be in every prefix, and fits both to the *same*
first n points for every n. So errors are paired, and a difference is judged by the standard error of paired
differences. The synthetic tasks need no test sample: a Gaussian's probability beyond a hyperplane is known.

What comes out is not quite the legend. With 2 points a class logistic regression leads in every task: from so few,
20 variances are guesses, and naive Bayes divides by them. (The nearest class mean, which divides by nothing, does as
well there as logistic regression.) Then naive Bayes leads on the synthetic tasks, for good where it is right. On the
digits it never leads.

Sources: Ng & Jordan (2001), *On discriminative vs. generative classifiers*, NIPS 14; Hastie, Tibshirani & Friedman
(2009), *The Elements of Statistical Learning*, sections 4.3–4.4, for the rules. Errors are shares (0 … 1), arrays
float64, rows are points, logarithms natural.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import ndtr

from genmodels.checks import check_choice, check_data, check_whole
from genmodels.states import last

MODELS = ("naive Bayes", "logistic regression")
TASKS = ("independent", "correlated", "digits")
DIMENSION, N_INFORMATIVE, CORRELATION, MARGIN = 20, 10, 0.7, 3.0  # of the synthetic tasks
TOL, MAX_ITER = 1e-6, 1000  # of logistic regression
STOPPING_RULE = f"no entry of the gradient of the mean loss exceeds {TOL:g}, or {MAX_ITER:,} iterations."
SMOOTHING = 1e-9  # of naive Bayes, as in scikit-learn
SETTINGS = (DIMENSION, N_INFORMATIVE, CORRELATION, MARGIN, TOL, MAX_ITER, SMOOTHING)
NAME = "learning-curves"  # of the checkpoint
REMEDY = f"run `python -m genmodels.train {NAME}` to compute them anew"


@dataclass(frozen=True)
class LearningCurveConfig:
    """Which task, at which training set sizes, how often.

    Args:
        task: ``"independent"``, ``"correlated"`` or ``"digits"``.
        sizes: Numbers of training points, rising: from two a class (4, digits 20) to 100,000 (digits 896).
        repetitions: Training sets to draw, R ≥ 1.
        seed: 0 or more. A repetition depends on it and on its own number only, not on ``sizes``.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    task: str
    sizes: tuple[int, ...]
    repetitions: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("task", self.task, TASKS)
        check_whole("repetitions", self.repetitions, at_least=1)
        check_whole("seed", self.seed, at_least=0)
        lowest, highest = (20, 896) if self.task == "digits" else (4, 100_000)
        sizes = tuple(np.ravel(self.sizes).tolist())
        for n in sizes:
            check_whole("A size", n, at_least=lowest)
        if not sizes or max(sizes) > highest or any(a >= b for a, b in pairwise(sizes)):
            raise ValueError(f"sizes is {sizes}; give rising whole numbers from {lowest} to {highest}.")
        object.__setattr__(self, "sizes", sizes)


DOUBLING = tuple(4 * 2**i for i in range(11))
CONFIGS = {
    "independent": LearningCurveConfig("independent", DOUBLING),
    "correlated": LearningCurveConfig("correlated", DOUBLING),
    "digits": LearningCurveConfig("digits", (20, 30, 50, 70, 110, 160, 250, 380, 580, 880)),
}


@dataclass(frozen=True, eq=False)
class LearningCurveState:
    """The errors of the repetitions done so far; axis 0 is naive Bayes, logistic regression (``MODELS``).

    Attributes:
        step: R, the number of repetitions done.
        config: What is measured; its S sizes are the last axis.
        errors: Test errors, ``(2, R, S)``, shares 0 … 1.
    """

    step: int
    config: LearningCurveConfig
    errors: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Numbers of training points, ``(S,)``, int64."""
        return np.array(self.config.sizes)

    @property
    def mean(self) -> np.ndarray:
        """Mean error over the repetitions, ``(2, S)``; NaN before the first."""
        return _enough(self.errors, 1).mean(axis=-2)

    @property
    def standard_error(self) -> np.ndarray:
        """Of ``mean``: the standard deviation (R − 1) over √R, ``(2, S)``; NaN before the second repetition."""
        return _standard_error(self.errors)

    @property
    def band(self) -> np.ndarray:
        """5 % and 95 % quantile of *single* repetitions, ``(2, 2, S)``: quantile, model, size."""
        return np.quantile(_enough(self.errors, 1), (0.05, 0.95), axis=-2)

    @property
    def difference(self) -> np.ndarray:
        """Mean of naive Bayes's error − logistic regression's, ``(S,)``; below 0 naive Bayes is better."""
        return self.mean[0] - self.mean[1]

    @property
    def difference_error(self) -> np.ndarray:
        """Standard error of ``difference``, from *paired* differences, ``(S,)``; NaN before the second repetition."""
        return _standard_error(self.errors[0] - self.errors[1])

    @property
    def lead(self) -> np.ndarray:
        """Who leads at each size, ``(S,)``: −1 naive Bayes, 1 logistic regression, 0 neither for certain."""
        return _lead(self.difference, self.difference_error)


def iterate_learning_curve(config: LearningCurveConfig) -> Iterator[LearningCurveState]:
    """Draw a training set, fit both models to its first n points for every n, and note their errors.

    Yields:
        The state before any repetition, then one after each: ``repetitions + 1`` states.
    """
    errors = np.empty((2, config.repetitions, len(config.sizes)))
    for r in range(config.repetitions + 1):
        if r:
            errors[:, r - 1] = _repetition(config, r - 1)
        yield LearningCurveState(r, config, errors[:, :r].copy())


def measure_learning_curve(config: LearningCurveConfig) -> LearningCurveState:
    """The errors of all repetitions: the last state of :func:`iterate_learning_curve`."""
    return last(iterate_learning_curve(config))


def _repetition(config: LearningCurveConfig, r: int) -> np.ndarray:
    """Errors of both models ``(2, S)`` in repetition r, with one thread, so that sums are added in one order."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng([config.seed, r])
    with threadpool_limits(1):
        x, y, error = (_draw_digits if config.task == "digits" else _draw_gaussian)(config, rng)
        return np.array(
            [[error(*fit(x[:n], y[:n])) for n in config.sizes] for fit in (fit_naive_bayes, fit_logistic)]
        )


def _enough(errors: np.ndarray, repetitions: int) -> np.ndarray:
    """Errors ``(…, R, S)`` as they are, or NaN in their place if they are too few for a statistic."""
    if errors.shape[-2] >= repetitions:
        return errors
    return np.full((*errors.shape[:-2], repetitions, errors.shape[-1]), np.nan)


def _standard_error(errors: np.ndarray) -> np.ndarray:
    """Of the mean over the repetitions: ``(…, R, S)`` to ``(…, S)``."""
    errors = _enough(errors, 2)
    return errors.std(axis=-2, ddof=1) / np.sqrt(errors.shape[-2])


# --- The two models -----------------------------------------------------------------------------------------


def fit_naive_bayes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian naive Bayes with shared variances, in closed form.

    Args:
        x: Points ``(N, D)``.
        y: Classes ``(N,)``, integers 0 … K − 1, each present.

    Returns:
        Weights ``(K, D)`` and intercepts ``(K,)``: log p(x, y = k) = w_k · x + b_k + (what is the same for all k).

    >>> fit_naive_bayes(np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1]))[0].round(6).ravel()
    array([-2.,  2.])
    """
    x, y, counts = _check_training(x, y)
    means = np.stack([x[y == k].mean(axis=0) for k in range(len(counts))])
    variances = np.square(x - means[y]).mean(axis=0) + SMOOTHING * x.var(axis=0).max()
    centre = x.mean(axis=0)  # what is the same for all classes drops out
    deviations = np.where(np.ptp(x, axis=0) == 0, 0.0, means - centre)  # no rounding divided by 1e-9
    weights = deviations / np.where(variances == 0, 1.0, variances)
    return weights, np.log(counts / len(y)) - 0.5 * (weights * deviations).sum(axis=1) - weights @ centre


def fit_logistic(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unregularised logistic regression, as far as the stopping rule lets it go; see the top of this file.

    Args:
        x: Points ``(N, D)``.
        y: Classes ``(N,)``, integers 0 … K − 1, each present.

    Returns:
        Weights ``(K, D)`` and intercepts ``(K,)`` with p(y = k | x) ∝ exp(w_k · x + b_k); zeros for class 0 if K = 2.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    x, y, counts = _check_training(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=np.inf, solver="lbfgs", tol=TOL, max_iter=MAX_ITER).fit(x, y)
    if len(counts) > 2:
        return model.coef_, model.intercept_
    return np.vstack([np.zeros_like(model.coef_), model.coef_]), np.append(0.0, model.intercept_)


def _check_training(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, classes and points per class, or a ValueError that says what to mend."""
    x, y = check_data(x), np.asarray(y)
    if y.shape != (len(x),) or y.dtype.kind not in "iu" or (y < 0).any():
        raise ValueError(f"y is {y.dtype} of shape {y.shape}; give {len(x)} classes, as whole numbers from 0.")
    counts = np.bincount(y)
    if len(counts) < 2 or (counts == 0).any():
        raise ValueError(f"The classes have {counts.tolist()} points; give each of two classes or more a point.")
    return x, y, counts


# --- The tasks ----------------------------------------------------------------------------------------------


def population(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Difference of the class means δ ``(D,)`` and shared covariance Σ ``(D, D)`` of a synthetic task.

    Raises:
        ValueError: The task has no known distribution.
    """
    if task not in ("independent", "correlated"):
        raise ValueError(f"The distribution of {task!r} is not known; ask for 'independent' or 'correlated'.")
    i = np.arange(DIMENSION)
    correlated = task == "correlated"
    covariance = CORRELATION ** np.abs(i[:, None] - i) if correlated else np.eye(DIMENSION)
    delta = np.where(i < N_INFORMATIVE, 1.0, 0.0) if correlated else np.ones(DIMENSION)
    return delta * MARGIN / np.sqrt(delta @ np.linalg.solve(covariance, delta)), covariance


def limits(task: str) -> tuple[float, float]:
    """Errors of naive Bayes and of logistic regression with infinitely many points; the latter is the Bayes error.

    With w = δ / diag Σ and with w = Σ⁻¹ δ, the error is Φ(−½ w · δ / √(wᵀ Σ w)); for the second, Φ(−½ √(δᵀ Σ⁻¹ δ)).

    >>> [round(error, 4) for error in (*limits("independent"), *limits("correlated"))]
    [0.0668, 0.0668, 0.1084, 0.0668]
    """
    delta, covariance = population(task)
    rules = delta / np.diagonal(covariance), np.linalg.solve(covariance, delta)
    naive, bayes = (float(linear_error(w, 0.0, delta, covariance)) for w in rules)
    return naive, bayes


def linear_error(w: np.ndarray, b: float, delta: np.ndarray, covariance: np.ndarray) -> float:
    """Exact error of "class 1 if w · x + b > 0" for two classes N(∓δ/2, Σ) of equal weight.

        ½ Φ((b − ½ w · δ) / s) + ½ Φ((−b − ½ w · δ) / s),   s² = wᵀ Σ w

    Args:
        w: Weights ``(D,)``; if all are 0 one class is always chosen, and the error is ½.
        b: Intercept.
        delta: δ, class 1's mean less class 0's, ``(D,)``.
        covariance: Σ, ``(D, D)``.
    """
    s = np.sqrt(w @ covariance @ w)
    if s == 0:
        return 0.5
    half = 0.5 * (w @ delta)
    return float(0.5 * ndtr((b - half) / s) + 0.5 * ndtr((-b - half) / s))


def _draw_gaussian(config: LearningCurveConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Any]:
    """Training points, classes 0, 1, 0, 1, …, and the exact error of a rule."""
    delta, covariance = population(config.task)
    y = np.arange(config.sizes[-1]) % 2
    noise = rng.standard_normal((len(y), DIMENSION)) @ np.linalg.cholesky(covariance).T
    return (
        noise + (y[:, None] - 0.5) * delta,
        y,
        lambda w, b: linear_error(w[1] - w[0], b[1] - b[0], delta, covariance),
    )


def _draw_digits(config: LearningCurveConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Any]:
    """Training images, one of each class in turn until one runs out; their classes; the error on the other half."""
    images, classes = _digits()
    shuffled = [rng.permutation(np.flatnonzero(classes == k)) for k in range(10)]
    halves = [np.split(of_class, [len(of_class) // 2]) for of_class in shuffled]
    turns = max(len(half) for half, _ in halves)
    train = np.array([half[i] for i in range(turns) for half, _ in halves if i < len(half)])
    test = np.concatenate([half for _, half in halves])
    x, y = images[test], classes[test]
    return images[train], classes[train], lambda w, b: float(((x @ w.T + b).argmax(axis=1) != y).mean())


@lru_cache(maxsize=1)
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Images ``(1797, 64)`` scaled to 0 … 1, and their classes ``(1797,)``."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    return images / 16, classes


# --- What the curves say ------------------------------------------------------------------------------------


def leaders(state: LearningCurveState) -> tuple[str, str]:
    """Who leads at the smallest and at the largest n: a name of ``MODELS``, or ``"neither"``.

    To lead is to have a mean error lower by more than 2 standard errors of the paired difference.
    """
    names = {-1: MODELS[0], 0: "neither", 1: MODELS[1]}
    return names[int(state.lead[0])], names[int(state.lead[-1])]


def spells(state: LearningCurveState) -> list[tuple[int, str]]:
    """Each change of a certain lead: the size from which on, and who leads; sizes without a leader do not count."""
    changes: list[tuple[int, str]] = []
    for n, lead in zip(state.sizes.tolist(), _lead(state.difference, state.difference_error), strict=True):
        if lead and (not changes or changes[-1][1] != MODELS[(lead + 1) // 2]):
            changes.append((n, MODELS[(lead + 1) // 2]))
    return changes


def crossing(
    sizes: np.ndarray, nb_mean: np.ndarray, lr_mean: np.ndarray, difference_error: np.ndarray
) -> float | None:
    """The n at which the mean errors cross and the lead changes hands for good, interpolated linearly in log n.

    One must lead at a smaller n and the other at a larger, both by more than 2 standard errors of the paired
    difference; where the lead changes more than once, it is the last time. ``crossing(state.sizes, *state.mean,
    state.difference_error)`` is that of a state.

    Args:
        sizes: ``(S,)``, rising.
        nb_mean: Mean error of naive Bayes, ``(S,)``.
        lr_mean: Mean error of logistic regression, ``(S,)``.
        difference_error: Standard error of their paired difference, ``(S,)``.

    Returns:
        n, or None if no such change is certain.

    >>> n = crossing(np.array([1, 100]), np.array([0.1, 0.1]), np.array([0.2, 0.0]), np.array([0.01, 0.01]))
    >>> round(n, 6)
    10.0
    """
    difference = np.asarray(nb_mean) - np.asarray(lr_mean)
    lead = _lead(difference, np.asarray(difference_error))
    certain = np.flatnonzero(lead)
    changes = np.flatnonzero(np.diff(lead[certain]))
    if len(changes) == 0:
        return None
    before, after = certain[changes[-1]], certain[changes[-1] + 1]
    beyond = np.flatnonzero(np.sign(difference[before:after]) != lead[after])
    i = before + beyond[-1]  # from i + 1 on the means stand as they do at ``after``
    share = difference[i] / (difference[i] - difference[i + 1])
    low, high = np.log(sizes[i]), np.log(sizes[i + 1])
    return float(np.exp(low + share * (high - low)))


def _lead(difference: np.ndarray, error: np.ndarray) -> np.ndarray:
    """−1 where naive Bayes leads, 1 where logistic regression does, 0 where the difference is not certain."""
    return np.where(np.abs(difference) > 2 * error, np.sign(difference), 0).astype(int)


# --- The stored curves --------------------------------------------------------------------------------------


def compute(
    progress: Callable[[float, str], object] = lambda share, text: None,
    configs: Mapping[str, LearningCurveConfig] = CONFIGS,
) -> dict[str, LearningCurveState]:
    """Measure every task's curve: its state after the last repetition.

    Args:
        progress: Called after each repetition with the share that is done (0 … 1) and a line of text.
        configs: What to compute, by task.
    """
    done, total = 0, sum(config.repetitions for config in configs.values())
    states = {}
    for task, config in configs.items():
        for state in iterate_learning_curve(config):
            progress((done + state.step) / total, f"{task}: {state.step} of {config.repetitions} repetitions")
        done += config.repetitions
        states[task] = state
    return states


def as_arrays(state: LearningCurveState) -> dict[str, np.ndarray]:
    """As they are stored: ``TASK.sizes`` and ``TASK.errors``, float32."""
    task = state.config.task
    return {f"{task}.sizes": state.sizes.astype(np.float32), f"{task}.errors": state.errors.astype(np.float32)}


def states_of(
    arrays: Mapping[str, np.ndarray], configs: Mapping[str, LearningCurveConfig] = CONFIGS
) -> dict[str, LearningCurveState]:
    """Each task's state after its last repetition, from the arrays of :func:`as_arrays`.

    Raises:
        ValueError: Sizes or errors are missing, or cannot be.
    """
    states = {}
    for task, config in configs.items():
        sizes, errors = arrays.get(f"{task}.sizes"), arrays.get(f"{task}.errors")
        if sizes is None or errors is None or errors.shape != (2, config.repetitions, len(config.sizes)):
            raise ValueError(f"The learning curves of {task!r} are missing or have another shape; {REMEDY}.")
        if not np.array_equal(sizes, config.sizes) or not ((errors >= 0) & (errors <= 1)).all():
            raise ValueError(f"The learning curves of {task!r} hold sizes or errors that cannot be; {REMEDY}.")
        states[task] = LearningCurveState(config.repetitions, config, errors.astype(np.float64))
    return states
