"""EM against scikit-learn, the free energy's promises, and the mixture as a distribution."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import xlogy
from sklearn.mixture import GaussianMixture as Oracle

from genmodels.data.planar import get_dataset
from genmodels.gaussian import Gaussian
from genmodels.kmeans import KMeansConfig, iterate_kmeans
from genmodels.mixture import (
    COVARIANCE_TYPES,
    CollapseError,
    EMState,
    GaussianMixture,
    MixtureConfig,
    fit_mixture,
    iterate_em,
)

fixed = settings(max_examples=200, deadline=None, derandomize=True)
every_type = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
problems = given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4), st.sampled_from(COVARIANCE_TYPES))
NAMES = ["weights", "means", "covariances", "log_resp", "log_likelihood", "lower_bound"]


def blobs(seed: int = 0, n: int = 300, k: int = 4, d: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    roots = np.eye(d) + 0.4 * rng.standard_normal((k, d, d))
    z = rng.integers(k, size=n)
    return 3 * rng.standard_normal((k, d))[z] + np.einsum("nij,nj->ni", roots[z], rng.standard_normal((n, d)))


DATA = {
    "2-D": (blobs(1), 4),
    "moons": (get_dataset("moons").sample(400, np.random.default_rng(0)), 6),
    "5-D": (blobs(2, n=500, d=5), 5),
}
OUTLIER = np.concatenate([blobs(3, 200, 2), [[12.0, 12.0]]])


def full(state: EMState) -> np.ndarray:
    return GaussianMixture.from_state(state).covariances


def run_without_collapse(seed: int, k: int, d: int, covariance_type: str) -> list[EMState]:
    """States with reg_covar 0; examples in which a component shrinks towards a few points are left out."""
    data = blobs(seed, 40 * d + 20, 3, d)
    try:
        states = list(iterate_em(data, MixtureConfig(k, covariance_type, reg_covar=0, tol=0, max_iter=25, seed=seed)))
    except CollapseError:
        assume(False)
    assume(min(np.linalg.eigvalsh(full(state)).min() for state in states) > 1e-4)
    return states


def as_oracle(first: EMState, max_iter: int, **options) -> Oracle:
    """scikit-learn's mixture from a state's parameters."""
    matrices = first.covariance_type in ("full", "tied")
    precisions = np.linalg.inv(first.covariances) if matrices else 1 / first.covariances
    start = {"weights_init": first.weights, "means_init": first.means, "precisions_init": precisions}
    return Oracle(
        len(first.weights), covariance_type=first.covariance_type, tol=0, max_iter=max_iter, **start, **options
    )


# --- Against scikit-learn -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@every_type
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("reg_covar", [1e-6, 0.1])
def test_the_whole_trace_is_scikit_learns(name, covariance_type, reg_covar):
    """Its lower_bounds_ are mean log-likelihoods before each M-step: those of our E-steps, less the last."""
    data, k = DATA[name]
    states = list(iterate_em(data, MixtureConfig(k, covariance_type, reg_covar=reg_covar, tol=0, max_iter=60)))
    oracle = as_oracle(states[0], 60, reg_covar=reg_covar).fit(data)
    trace = [state.log_likelihood for state in states if state.phase == "E"]
    assert len(trace) == 61
    np.testing.assert_allclose(trace[:-1], oracle.lower_bounds_, rtol=0, atol=1e-10)
    np.testing.assert_allclose(states[-1].means, oracle.means_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(states[-1].covariances, oracle.covariances_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.exp(states[-1].log_resp), oracle.predict_proba(data), rtol=0, atol=1e-9)
    assert states[-1].log_resp.flags.c_contiguous


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@every_type
def test_a_given_start_is_scikit_learns_too(covariance_type):
    data, k = DATA["5-D"]
    root = np.random.default_rng(5).standard_normal((k, 5, 5))
    spread = root @ root.transpose(0, 2, 1) + np.eye(5)
    covariances = {"full": spread, "tied": spread[0], "diag": spread[:, 0] ** 2 + 1, "spherical": spread[:, 0, 0]}
    config = MixtureConfig(
        k, covariance_type, data[:k], [0.1, 0.3, 0.2, 0.15, 0.25], covariances[covariance_type], tol=0, max_iter=20
    )
    states = list(iterate_em(data, config))
    np.testing.assert_array_equal(states[0].covariances, covariances[covariance_type])
    np.testing.assert_array_equal(states[0].weights, [0.1, 0.3, 0.2, 0.15, 0.25])
    oracle = as_oracle(states[0], 20).fit(data)
    np.testing.assert_allclose([s.log_likelihood for s in states[1:-1:2]], oracle.lower_bounds_, rtol=0, atol=1e-10)


@every_type
@pytest.mark.parametrize("name", DATA)
def test_density_and_criteria_are_scikit_learns(name, covariance_type):
    data, k = DATA[name]
    state = fit_mixture(data, MixtureConfig(k, covariance_type, max_iter=10, seed=1))
    mixture = GaussianMixture.from_state(state)
    oracle = as_oracle(state, 1)
    oracle._initialize(data, None)
    oracle.covariances_ = state.covariances
    grid = np.random.default_rng(0).uniform(-15, 15, (200, data.shape[1]))
    np.testing.assert_allclose(mixture.log_prob(grid), oracle.score_samples(grid), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(mixture.responsibilities(grid), oracle.predict_proba(grid), rtol=0, atol=1e-10)
    assert mixture.bic(data) == pytest.approx(oracle.bic(data), rel=1e-12)
    assert mixture.aic(data) == pytest.approx(oracle.aic(data), rel=1e-12)
    assert mixture.n_parameters == oracle._n_parameters()
    assert mixture.log_prob(data).mean() == pytest.approx(state.log_likelihood, abs=1e-12)


# --- The free energy ----------------------------------------------------------------------------------------


@fixed
@problems
def test_likelihood_never_falls_and_the_bound_touches_it(seed, k, d, covariance_type):
    states = run_without_collapse(seed, k, d, covariance_type)
    for before, state in itertools.pairwise(states):
        assert state.log_likelihood >= before.log_likelihood - 1e-9
        assert state.lower_bound >= before.lower_bound - 1e-9
        assert state.lower_bound <= state.log_likelihood + 1e-12
        if state.phase == "E":
            assert state.log_likelihood == before.log_likelihood
            assert state.means is before.means
            assert state.lower_bound == pytest.approx(state.log_likelihood, abs=1e-12)
        else:
            assert state.log_resp is before.log_resp


@fixed
@problems
def test_parameters_stay_what_they_are(seed, k, d, covariance_type):
    for state in run_without_collapse(seed, k, d, covariance_type):
        np.testing.assert_allclose(np.exp(state.log_resp).sum(axis=1), 1, rtol=0, atol=1e-12)
        assert state.weights.sum() == pytest.approx(1, abs=1e-12)
        assert (state.weights > 0).all()
        assert (np.linalg.eigvalsh(full(state)) > 0).all()
        assert (full(state) == full(state).transpose(0, 2, 1)).all()


@every_type
def test_the_bound_is_the_free_energy_of_its_definition(covariance_type):
    """E_q[log p(x, z)] + H[q], from one Gaussian a component; every state, the uniform start included."""
    data, k = DATA["5-D"]
    for state in iterate_em(data, MixtureConfig(k, covariance_type, max_iter=4)):
        joint = [
            np.log(w) + Gaussian(m, c).log_prob(data)
            for w, m, c in zip(state.weights, state.means, full(state), strict=True)
        ]
        q = np.exp(state.log_resp)
        bound = (q * np.stack(joint, axis=1) - xlogy(q, q)).sum(axis=1).mean()
        assert state.lower_bound == pytest.approx(bound, abs=1e-10)
        likelihood = np.logaddexp.reduce(joint, axis=0).mean()
        assert state.log_likelihood == pytest.approx(likelihood, abs=1e-10)


def test_the_initial_state_is_undecided():
    data, k = DATA["2-D"]
    first = next(iterate_em(data, MixtureConfig(k, reg_covar=0)))
    assert (first.step, first.phase) == (0, "init")
    np.testing.assert_allclose(np.exp(first.log_resp), 1 / k, rtol=1e-12)
    np.testing.assert_allclose(first.weights, 1 / k)
    np.testing.assert_allclose(first.covariances, [np.cov(data.T, bias=True)] * k, rtol=1e-12)
    assert first.lower_bound < first.log_likelihood


@every_type
def test_one_component_is_the_gaussian_after_one_iteration(covariance_type):
    data = DATA["2-D"][0]
    state = fit_mixture(data, MixtureConfig(1, covariance_type, reg_covar=0, max_iter=1))
    np.testing.assert_allclose(state.means[0], data.mean(axis=0), rtol=1e-12)
    covariance = np.cov(data.T, bias=True)
    variances = covariance.diagonal()
    expected = {"full": [covariance], "tied": covariance, "diag": [variances], "spherical": [variances.mean()]}
    np.testing.assert_allclose(state.covariances, expected[covariance_type], rtol=1e-12)


@fixed
@problems
def test_permuting_the_data_permutes_the_responsibilities(seed, k, d, covariance_type):
    data = blobs(seed, 60, 3, d)
    order = np.random.default_rng(seed).permutation(len(data))
    config = MixtureConfig(k, covariance_type, init=data[:k], reg_covar=1e-2, max_iter=10)
    straight, permuted = fit_mixture(data, config), fit_mixture(data[order], config)
    np.testing.assert_allclose(np.exp(permuted.log_resp), np.exp(straight.log_resp)[order], rtol=0, atol=1e-8)


def test_it_stops_where_scikit_learn_would_or_at_max_iter():
    data, k = DATA["2-D"]
    states = list(iterate_em(data, MixtureConfig(k, tol=1e-4)))
    rise = np.diff([state.log_likelihood for state in states if state.phase == "E"])
    assert len(rise) < 100
    assert (rise[:-1] >= 1e-4).all()
    assert rise[-1] < 1e-4
    assert [state.phase for state in states[1:]] == ["E", "M"] * (len(states) // 2 - 1) + ["E"]
    assert len(list(iterate_em(data, MixtureConfig(k, tol=0, max_iter=7)))) == 2 * 7 + 2


# --- Limits -------------------------------------------------------------------------------------------------


def soft(k: int, sigma: float, init: np.ndarray, max_iter: int = 60) -> MixtureConfig:
    return MixtureConfig(
        k, "spherical", init, covariances_init=np.full(k, sigma**2), means_only=True, max_iter=max_iter, tol=0
    )


@pytest.mark.parametrize("name", DATA)
def test_k_means_is_the_limit_of_soft_em_with_a_small_shared_variance(name):
    """Half-step by half-step: E becomes the assignment, M the update."""
    data, k = DATA[name]
    hard = list(iterate_kmeans(data, KMeansConfig(k, seed=3)))
    states = list(iterate_em(data, soft(k, 1e-4, hard[0].centroids)))
    for a, b in zip(states[1:], hard[1:], strict=False):
        np.testing.assert_array_equal(a.log_resp.argmax(axis=1), b.labels)
        np.testing.assert_allclose(a.means, b.centroids, rtol=0, atol=1e-9)
    softer = list(iterate_em(data, soft(k, 0.5, hard[0].centroids)))
    assert np.abs(softer[2].means - hard[2].centroids).max() > 0.01


def test_all_means_merge_above_the_largest_eigenvalue():
    data = DATA["2-D"][0]
    largest = np.linalg.eigvalsh(np.cov(data.T))[-1]
    merged = fit_mixture(data, soft(4, 1.1 * np.sqrt(largest), data[:4], max_iter=300))
    np.testing.assert_allclose(merged.means, np.tile(data.mean(axis=0), (4, 1)), atol=1e-6)
    np.testing.assert_array_equal(merged.weights, 0.25)


def until_collapse(stream: Iterator[EMState]) -> tuple[list[EMState], CollapseError]:
    states = []
    try:
        for state in stream:
            states.append(state)
    except CollapseError as error:
        return states, error
    pytest.fail("no component collapsed")


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_a_collapse_is_shown_up_to_its_end_and_then_named(covariance_type):
    config = MixtureConfig(3, covariance_type, init=OUTLIER[[0, 1, -1]], reg_covar=0, max_iter=500)
    states, error = until_collapse(iterate_em(OUTLIER, config))
    assert error.component == 2
    assert error.held == pytest.approx(1, abs=0.1)
    assert str(error).startswith(f"Component 3 collapsed at step {error.step}: it held 1")
    for remedy in ("Lower n_components", "raise reg_covar (now 0)", "start elsewhere"):
        assert remedy in str(error)
    assert [state.step for state in states] == list(range(error.step))
    assert states[-1].phase == "E"
    size = [np.linalg.eigvalsh(full(state)[2])[0] for state in states]
    assert size[-1] < 0.1 * size[0]
    assert fit_mixture(OUTLIER, MixtureConfig(3, covariance_type, init=OUTLIER[[0, 1, -1]])).phase == "E"


def test_two_points_are_too_few_for_a_plane():
    data = np.concatenate([blobs(3, 100, 1), [[70.0, 60.0], [60.0, 70.0]]])
    config = MixtureConfig(2, init=[[0.0, 0.0], [65.0, 65.0]], reg_covar=0, max_iter=500)
    with pytest.raises(CollapseError, match=r"Component 2 .* held 2 of 102 points"):
        fit_mixture(data, config)


def test_a_tied_covariance_collapses_as_one():
    corners = np.repeat(np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]]), 20, axis=0)
    config = MixtureConfig(3, "tied", init=[[0.0, 1.0], [8.0, 0.0], [1.0, 9.0]], reg_covar=0, max_iter=500)
    with pytest.raises(CollapseError, match="The tied covariance collapsed") as caught:
        fit_mixture(corners, config)
    assert caught.value.component is None
    assert caught.value.held == 60


def test_a_component_far_from_all_points_is_named_even_with_reg_covar():
    config = MixtureConfig(2, "spherical", init=[[0.0, 0.0], [1e4, 0.0]], covariances_init=[1.0, 1.0])
    with pytest.raises(
        CollapseError, match="Component 2 collapsed at step 2: it held 0 of 300 points, so that it has"
    ):
        fit_mixture(DATA["2-D"][0], config)


# --- The distribution ---------------------------------------------------------------------------------------


def mixture() -> GaussianMixture:
    covariances = np.array([[[5.0, 1.5], [1.5, 1.0]], [[0.2, 0.0], [0.0, 2.0]], [[1.0, -0.8], [-0.8, 1.0]]])
    return GaussianMixture(np.array([0.5, 0.2, 0.3]), np.array([[0.0, 0.0], [6.0, 1.0], [-3.0, 5.0]]), covariances)


@pytest.mark.parametrize("seed", range(3))
def test_moments_of_samples(seed):
    model, n = mixture(), 100_000
    x, z = model.sample(n, np.random.default_rng(seed))
    share = np.bincount(z, minlength=3) / n
    assert (np.abs(share - model.weights) < 4 * np.sqrt(model.weights * (1 - model.weights) / n)).all()
    for k in range(3):
        own, covariance = x[z == k], model.covariances[k]
        variances = covariance.diagonal()
        assert (np.abs(own.mean(axis=0) - model.means[k]) < 4 * np.sqrt(variances / len(own))).all()
        spread = np.sqrt((covariance**2 + np.outer(variances, variances)) / len(own))
        assert (np.abs(np.cov(own.T) - covariance) < 4 * spread).all()


def test_the_density_integrates_to_one_and_responsibilities_are_bayes():
    model = mixture()
    ticks = np.linspace(-20, 20, 401)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    assert np.exp(model.log_prob(grid)).sum() * 0.1**2 == pytest.approx(1, abs=1e-9)
    prior = (np.exp(model.log_prob(grid))[:, None] * model.responsibilities(grid)).sum(axis=0) * 0.1**2
    np.testing.assert_allclose(prior, model.weights, atol=1e-9)


def test_far_points_neither_overflow_nor_underflow():
    model = mixture()
    assert model.log_prob(np.array([[1e6, 1e6]]))[0] < -1e10
    np.testing.assert_allclose(model.responsibilities(np.array([[1e6, -1e6]])).sum(), 1)


def test_configs_compare_and_hash_arrays_included():
    one = MixtureConfig(2, "diag", np.eye(2), [0.5, 0.5], np.ones((2, 2)))
    assert one == MixtureConfig(2, "diag", [[1, 0], [0, 1]], np.full(2, 0.5), [[1, 1], [1, 1]])
    assert len({one, MixtureConfig(2)}) == 2


# --- Bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "n_components is 0; give a whole number, 1 or more"),
        ({"n_components": 1.5}, "n_components is 1.5"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"covariance_type": "round"}, "covariance_type is 'round'; choose one of"),
        ({"init": "forgy"}, "init is 'forgy'; choose"),
        ({"init": np.zeros((3, 2))}, r"init has the shape \(3, 2\)"),
        ({"init": [[np.inf], [0.0]]}, "init holds NaN or infinity"),
        ({"reg_covar": -1e-6}, "reg_covar is -1e-06; give a finite number, 0 or more"),
        ({"reg_covar": "no"}, "reg_covar is 'no'"),
        ({"tol": float("nan")}, "tol is nan"),
        ({"weights_init": [0.5, 0.6]}, "weights_init is .*; give 2 positive numbers that sum to 1"),
        ({"weights_init": [1.0, 0.0]}, "weights_init is .*; give 2 positive numbers"),
        ({"weights_init": [1.0]}, "weights_init is .*; give 2 positive numbers"),
        ({"covariances_init": np.full((2, 2, 2), np.nan)}, "covariances_init holds NaN"),
    ],
)
def test_bad_configs_say_what_to_give(options, message):
    with pytest.raises(ValueError, match=message):
        MixtureConfig(**{"n_components": 2} | options)


PLANE = blobs(0, 20)
FLAT = np.stack([PLANE[:, 0], np.full(20, 3.0)], axis=1)
LINE = np.stack([PLANE[:, 0], 2 * PLANE[:, 0]], axis=1)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (PLANE[:3], {"n_components": 4}, "There are 3 points for n_components=4"),
        (np.repeat(PLANE[:2], 5, axis=0), {"n_components": 3}, "Only 2 of the 10 points are distinct"),
        (np.ones((9, 2)), {}, "All 9 points are equal"),
        (np.ones((9, 2)), {"n_components": 1}, "All 9 points are equal; a Gaussian needs some spread"),
        (FLAT, {"reg_covar": 0}, "Dimension 1 of the data is constant"),
        (LINE, {"reg_covar": 0}, "The data's covariance is not symmetric positive definite: raise reg_covar"),
        (PLANE[:2], {"reg_covar": 0}, "The data's covariance is not symmetric positive definite"),
        (np.vstack([PLANE[:4], [[0.0, np.nan]]]), {}, "Row 4 of the data holds NaN"),
        (PLANE[:, 0], {}, r"shape \(N, D\)"),
        (PLANE, {"init": np.eye(3)[:2]}, "init has 3 columns and the data have 2"),
        (PLANE, {"covariances_init": np.eye(2)}, r"covariances_init has the shape \(2, 2\).*have \(2, 2, 2\)"),
        (PLANE, {"covariances_init": np.stack([np.eye(2), -np.eye(2)])}, "A matrix of covariances_init is not"),
        (
            PLANE,
            {"covariances_init": np.array([[[1.0, 0.5], [0.0, 1.0]]] * 2)},
            "A matrix of covariances_init is not",
        ),
    ],
)
def test_bad_data_and_starts_say_what_to_mend(data, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        fit_mixture(data, MixtureConfig(**{"n_components": 2} | options))
    assert not isinstance(caught.value, CollapseError)


@pytest.mark.parametrize("data", [FLAT, LINE])
def test_a_flat_data_set_is_no_error_with_reg_covar(data):
    assert np.isfinite(fit_mixture(data, MixtureConfig(2)).log_likelihood)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.array([0.5, 0.4, 0.3])}, "weights is .*sum to 1"),
        ({"weights": np.array([0.5, 0.5])}, "give 3 positive numbers"),
        ({"means": np.zeros(3)}, r"means of shape \(K, D\)"),
        ({"means": np.full((3, 2), np.nan)}, "The means hold NaN"),
        ({"covariances": np.ones((3, 2))}, "Use GaussianMixture.from_state"),
        ({"covariances": np.ones((3, 2, 2))}, "not symmetric positive definite"),
        ({"covariances": np.full((3, 2, 2), np.nan)}, "not symmetric positive definite"),
        ({"covariance_type": "round"}, "covariance_type is 'round'"),
    ],
)
def test_a_bad_mixture_says_why(changes, message):
    good = mixture()
    parts = {"weights": good.weights, "means": good.means, "covariances": good.covariances}
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**parts | changes)


def test_points_of_another_dimension():
    with pytest.raises(ValueError, match="x has 3 columns and the mixture has 2"):
        mixture().log_prob(np.zeros((4, 3)))


CONTRACT = [
    (
        "em",
        21,
        lambda: iterate_em(np.random.default_rng(0).normal(size=(30, 2)), MixtureConfig(3, max_iter=10, tol=0)),
    )
]
