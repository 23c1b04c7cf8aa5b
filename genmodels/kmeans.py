r"""K-means: a mixture in which every point belongs to one component only.

    J(c, labels) = Σ_n ‖x_n − c_{labels_n}‖²      (the *inertia*, squared data units)

*Assign*: each point to its nearest centroid (a tie goes to the lower number).
*Update*: each centroid to the mean of its points; one without points stays where it is and is flagged as empty.
Neither can raise J, and there are finitely many labellings: it ends, in a *local* minimum.

It is hard EM for a mixture with equal weights and a shared covariance σ²I, whatever the σ: it maximises
Π_n max_k N(x_n; μ_k, σ²I). Soft EM with σ held fixed becomes K-means as σ → 0 (see :mod:`genmodels.mixture`).

*Start*: ``"kmeans++"`` draws the first centroid evenly from the points and each further one with a probability
proportional to the squared distance from the nearest centroid so far (one candidate a draw, as in the paper;
scikit-learn tries several); ``"random"`` takes distinct points at random; or give the means themselves.

Sources: Lloyd (1982), *IEEE Trans. Information Theory* 28(2) (written in 1957); Arthur & Vassilvitskii (2007),
*k-means++*, SODA; Bishop (2006), sections 9.1 and 9.3.2. Conventions: rows are points, arrays are float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from genmodels.checks import as_tuples, check_data, check_whole
from genmodels.states import last

INITS = ("kmeans++", "random")


@dataclass(frozen=True)
class KMeansConfig:
    """How to cluster.

    Args:
        n_components: Number of clusters, K ≥ 1.
        init: ``"kmeans++"``, ``"random"``, or starting centroids ``(K, D)``, which are kept as nested tuples so
            that configs can be compared and hashed.
        max_iter: Most iterations (an assignment and an update each), 1 or more.
        seed: Of the start, 0 or more; the iteration itself is deterministic.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_components: int
    init: str | ArrayLike = "kmeans++"
    max_iter: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("n_components", self.n_components, at_least=1)
        check_whole("max_iter", self.max_iter, at_least=1)
        check_whole("seed", self.seed, at_least=0)
        object.__setattr__(self, "init", check_init(self.init, self.n_components))


@dataclass(frozen=True, eq=False)
class KMeansState:
    """Centroids and labels after ``step`` half-steps.

    Attributes:
        step: 0 is the start; odd steps assign, even ones update.
        phase: ``"init"``, ``"assign"`` or ``"update"``.
        centroids: ``(K, D)``, data units.
        labels: ``(N,)`` int64, the cluster of each point; −1 in the initial state, where none is assigned yet.
        inertia: Σ_n ‖x_n − c_{labels_n}‖² of *these* centroids and labels; NaN in the initial state.
        changed: How many labels the latest assignment changed; 0 once it has converged.
        empty: ``(K,)`` bool, the clusters without a point; an update leaves their centroids in place.
    """

    step: int
    phase: Literal["init", "assign", "update"]
    centroids: np.ndarray
    labels: np.ndarray
    inertia: float
    changed: int
    empty: np.ndarray


def iterate_kmeans(data: np.ndarray, config: KMeansConfig) -> Iterator[KMeansState]:
    """Alternate assignment and update (Lloyd 1982).

    It ends with an assignment that changes nothing, else with the one that follows the last update, so that
    the last state's labels, centroids and inertia belong together. (They are scikit-learn's for that max_iter.)

    Args:
        data: ``(N, D)``, finite, with at least K distinct points.
        config: How to cluster.

    Yields:
        The initial state, then one after each half-step: at most ``2 * max_iter + 2`` states.

    Raises:
        ValueError: The data do not fit; the message says what to mend.

    >>> points = np.array([[0.0], [1.0], [9.0], [11.0]])
    >>> for state in iterate_kmeans(points, KMeansConfig(2, init=[[0.0], [1.0]], max_iter=2)):
    ...     print(state.phase, state.centroids.ravel().tolist(), state.labels, state.inertia)
    init [0.0, 1.0] [-1 -1 -1 -1] nan
    assign [0.0, 1.0] [0 1 1 1] 164.0
    update [0.0, 7.0] [0 1 1 1] 56.0
    assign [0.0, 7.0] [0 0 1 1] 21.0
    update [0.5, 10.0] [0 0 1 1] 2.5
    assign [0.5, 10.0] [0 0 1 1] 2.5
    """
    data = check_points(data, config.n_components)
    centroids = starting_means(data, config.n_components, config.init, np.random.default_rng(config.seed))
    labels, empty = np.full(len(data), -1), np.zeros(config.n_components, dtype=bool)
    yield KMeansState(0, "init", centroids, labels, float("nan"), len(data), empty)
    for step in range(1, 2 * config.max_iter + 2):
        if step % 2:
            before, labels = labels, assign(data, centroids)
            changed = int(np.count_nonzero(labels != before))
            empty = np.bincount(labels, minlength=config.n_components) == 0
        else:
            centroids = update(data, labels, centroids)
        inertia = float(((data - centroids[labels]) ** 2).sum())
        yield KMeansState(step, "assign" if step % 2 else "update", centroids, labels, inertia, changed, empty)
        if changed == 0:
            return


def fit_kmeans(data: np.ndarray, config: KMeansConfig) -> KMeansState:
    """The converged clustering: the last state of :func:`iterate_kmeans`."""
    return last(iterate_kmeans(data, config))


def assign(data: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Number of the nearest centroid, ``(N, D)`` and ``(K, D)`` to ``(N,)`` int64."""
    return cdist(data, centroids, "sqeuclidean").argmin(axis=1)


def update(data: np.ndarray, labels: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Mean of each cluster's points ``(K, D)``; the old centroid where there is none."""
    count = np.bincount(labels, minlength=len(centroids))[:, None]  # (K, 1)
    total = np.stack([np.bincount(labels, column, len(centroids)) for column in data.T], axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), centroids)


def starting_means(data: np.ndarray, n_components: int, init: Any, rng: np.random.Generator) -> np.ndarray:
    """Starting means ``(K, D)`` by ``"kmeans++"``, at ``"random"``, or as given.

    Raises:
        ValueError: The given means have another D than the data.
    """
    if not isinstance(init, str):
        means = np.array(init, dtype=np.float64)
        if means.shape[1] != data.shape[1]:
            raise ValueError(f"init has {means.shape[1]} columns and the data have {data.shape[1]}; give as many.")
        return means
    if init == "random":
        shuffled = rng.permutation(data)
        return shuffled[first_distinct(shuffled, n_components)]
    chosen = [int(rng.integers(len(data)))]
    nearest = np.full(len(data), np.inf)
    while len(chosen) < n_components:
        distance = np.hypot.reduce(np.abs(data - data[chosen[-1]]), axis=1)  # squares might underflow to 0
        nearest = np.minimum(nearest, distance)
        share = (nearest / nearest.max()) ** 2
        chosen.append(int(rng.choice(len(data), p=share / share.sum())))
    return data[chosen]


def first_distinct(data: np.ndarray, n: int) -> np.ndarray:
    """Rows of the first n distinct points, in their order; fewer if there are no more.

    >>> first_distinct(np.array([[1.0], [1.0], [2.0], [1.0], [3.0]]), 2)
    array([0, 2])
    """
    new = np.ones(len(data), dtype=bool)
    rows: list[int] = []
    while len(rows) < n and new.any():
        rows.append(int(new.argmax()))
        new &= (data != data[rows[-1]]).any(axis=1)
    return np.array(rows)


def check_points(data: np.ndarray, n_components: int) -> np.ndarray:
    """Return the data as float64 ``(N, D)``, or raise a ValueError unless they have K distinct points."""
    data = check_data(data)
    if len(data) < n_components:
        raise ValueError(
            f"There are {len(data)} points for n_components={n_components}; lower it, or give more points."
        )
    distinct = len(first_distinct(data, n_components))
    if distinct == 1 < n_components:
        raise ValueError(
            f"All {len(data)} points are equal; n_components={n_components} needs as many distinct ones."
        )
    if distinct < n_components:
        raise ValueError(
            f"Only {distinct} of the {len(data)} points are distinct; lower n_components ({n_components}) to that."
        )
    return data


def check_init(init: Any, n_components: int) -> Any:
    """Return a known name as it is and means ``(K, D)`` as nested tuples, or raise a ValueError."""
    if isinstance(init, str):
        if init not in INITS:
            raise ValueError(f"init is {init!r}; choose 'kmeans++' or 'random', or give means of shape (K, D).")
        return init
    means = np.asarray(init, dtype=np.float64)
    if means.ndim != 2 or len(means) != n_components or means.shape[1] == 0:
        raise ValueError(f"init has the shape {means.shape}; give means of shape (K, D) with K = {n_components}.")
    return as_tuples(means, "init")
