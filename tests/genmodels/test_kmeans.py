"""K-means against scikit-learn at every iteration, and what must hold for every clustering."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from genmodels.data.planar import get_dataset
from genmodels.kmeans import KMeansConfig, first_distinct, fit_kmeans, iterate_kmeans, starting_means

LINE = np.array([[0.0], [1.0], [9.0], [11.0]])
fixed = settings(max_examples=200, deadline=None, derandomize=True)


def blobs(seed: int = 0, n: int = 300, k: int = 4, d: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 2 * rng.standard_normal((k, d))[rng.integers(k, size=n)] + rng.standard_normal((n, d))


DATA = {
    "2-D": (blobs(1), 4),
    "moons": (get_dataset("moons").sample(400, np.random.default_rng(0)), 6),
    "5-D": (blobs(2, d=5), 5),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("init", ["kmeans++", "random"])
def test_every_iteration_agrees_with_scikit_learn(name, init):
    """After max_iter = i scikit-learn's labels are those of one more assignment: state 2i + 1."""
    data, k = DATA[name]
    states = list(iterate_kmeans(data, KMeansConfig(k, init, seed=3)))
    assert len(states) > 10
    assert not any(state.empty.any() for state in states)
    for state in states[3::2]:
        oracle = KMeans(k, init=states[0].centroids, n_init=1, max_iter=state.step // 2, tol=0, algorithm="lloyd")
        oracle.fit(data)
        np.testing.assert_array_equal(state.labels, oracle.labels_)
        np.testing.assert_allclose(state.centroids, oracle.cluster_centers_, rtol=1e-10, atol=1e-12)
        assert state.inertia == pytest.approx(oracle.inertia_, rel=1e-10)


@fixed
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4), st.sampled_from(["kmeans++", "random"]))
def test_inertia_never_rises_and_it_ends_at_a_fixed_point(seed, k, d, init):
    states = list(iterate_kmeans(blobs(seed, 60, 3, d), KMeansConfig(k, init, max_iter=500, seed=seed)))
    inertia = np.array([state.inertia for state in states[1:]])
    assert (np.diff(inertia) <= 1e-12 * inertia[0]).all()
    assert [state.phase for state in states[1:]] == (["assign", "update"] * len(states))[: len(states) - 1]
    assert states[-1].phase == "assign"
    assert states[-1].changed == 0
    assert all(state.changed > 0 for state in states[:-1])


def test_the_initial_state_has_assigned_nothing():
    first = next(iterate_kmeans(LINE, KMeansConfig(2)))
    assert (first.step, first.phase, first.changed) == (0, "init", 4)
    assert (first.labels == -1).all()
    assert np.isnan(first.inertia)


def test_max_iter_counts_updates_and_ends_with_an_assignment():
    data, k = DATA["2-D"]
    states = list(iterate_kmeans(data, KMeansConfig(k, seed=3, max_iter=2)))
    assert [state.phase for state in states] == ["init", "assign", "update", "assign", "update", "assign"]
    assert fit_kmeans(data, KMeansConfig(k, seed=3, max_iter=2)).inertia == states[-1].inertia


def test_an_empty_cluster_is_flagged_and_keeps_its_centroid():
    states = list(iterate_kmeans(LINE, KMeansConfig(3, init=[[0.0], [10.0], [500.0]])))
    assert all(state.empty.tolist() == [False, False, True] for state in states[1:])
    assert states[-1].centroids.ravel().tolist() == [0.5, 10.0, 500.0]


def test_kmeans_plus_plus_draws_by_the_squared_distance():
    """From 0 the points 1 and 3 are chosen 1 : 9, from 1 the points 0 and 3 are 1 : 4, from 3 the others 9 : 4."""
    points, n = np.array([[0.0], [1.0], [3.0]]), 6000
    rng = np.random.default_rng(0)
    pairs = np.array([starting_means(points, 2, "kmeans++", rng).ravel() for _ in range(n)])
    share = np.mean(pairs[pairs[:, 0] == 0, 1] == 3)
    assert abs(share - 0.9) < 4 * np.sqrt(0.9 * 0.1 / (n / 3))
    assert abs(np.mean(pairs[:, 1] == 3) - (0.9 + 0.8) / 3) < 4 * np.sqrt(0.25 / n)
    assert abs(np.mean(pairs[:, 0] == 3) - 1 / 3) < 4 * np.sqrt(0.25 / n)


@pytest.mark.parametrize("init", ["kmeans++", "random"])
@pytest.mark.parametrize("seed", range(5))
def test_starting_means_are_distinct_points_even_among_duplicates(init, seed):
    data = np.repeat(np.array([[0.0, 1.0], [1.0, 1.0], [1.0 + 1e-200, 1e-200]]), [50, 2, 1], axis=0)
    means = starting_means(data, 3, init, np.random.default_rng(seed))
    assert len(np.unique(means, axis=0)) == 3
    assert all((data == mean).all(axis=1).any() for mean in means)


def test_distances_whose_squares_underflow_still_count():
    means = starting_means(np.array([[0.0], [1e-200], [1.0]]), 3, "kmeans++", np.random.default_rng(0))
    assert sorted(means.ravel()) == [0, 1e-200, 1]


def test_first_distinct_tells_how_many_there_are():
    assert len(first_distinct(np.zeros((5, 2)), 3)) == 1


def test_configs_compare_and_hash_arrays_included():
    assert KMeansConfig(2, init=np.eye(2)) == KMeansConfig(2, init=[[1, 0], [0, 1]])
    assert len({KMeansConfig(2, init=np.eye(2)), KMeansConfig(2, init=np.eye(2)), KMeansConfig(2)}) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "n_components is 0; give a whole number, 1 or more"),
        ({"n_components": 2.0}, "n_components is 2.0; give a whole number"),
        ({"n_components": True}, "n_components is True"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"init": "forgy"}, "init is 'forgy'; choose"),
        ({"init": np.zeros(2)}, r"init has the shape \(2,\); give means"),
        ({"init": np.zeros((3, 2))}, r"init has the shape \(3, 2\).*K = 2"),
        ({"init": [[0.0], [np.nan]]}, "init holds NaN"),
    ],
)
def test_bad_configs_say_what_to_give(options, message):
    with pytest.raises(ValueError, match=message):
        KMeansConfig(**{"n_components": 2} | options)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (LINE, {"n_components": 5}, "There are 4 points for n_components=5"),
        (np.zeros((0, 2)), {}, "There are 0 points for n_components=2"),
        (np.ones((6, 2)), {}, "All 6 points are equal"),
        (np.repeat(LINE[:2], 3, axis=0), {"n_components": 3}, "Only 2 of the 6 points are distinct"),
        (np.array([[0.0], [np.nan]]), {}, "Row 1 of the data holds NaN"),
        (np.zeros(4), {}, r"shape \(N, D\)"),
        (LINE, {"init": np.eye(2)}, "init has 2 columns and the data have 1"),
    ],
)
def test_bad_data_say_what_to_mend(data, options, message):
    with pytest.raises(ValueError, match=message):
        fit_kmeans(data, KMeansConfig(**{"n_components": 2} | options))


CONTRACT = [
    ("kmeans", 5, lambda: iterate_kmeans(np.random.default_rng(0).normal(size=(30, 2)), KMeansConfig(3, max_iter=2)))
]
