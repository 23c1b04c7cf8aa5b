"""The multi-layer perceptron: torch's own layers and optimiser, scikit-learn's optimum, problems it must solve."""

import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from genmodels.classifiers.mlp import ACTIVATIONS, DivergedError, MLPConfig, fit_mlp, forward, iterate_mlp, layers


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in the dashboard: for so small a network more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def problem(n: int = 300, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes, in units that need standardising."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.standard_normal((n, 2)) * [3.0, 0.02] + np.stack([2.0 * y, 5 + 0.01 * (y == 1)], axis=1), y


def xor(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(1).uniform(-1, 1, (n, 2))
    x += 0.1 * np.sign(x)  # a gap along the axes
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def circles(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    y, angle = np.arange(n) % 2, rng.uniform(0, 2 * np.pi, n)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1.0 - 0.5 * y[:, None])
    return x + 0.08 * rng.standard_normal((n, 2)), y


def torch_network(state) -> torch.nn.Sequential:
    modules = []
    for weights, biases in layers(state.parameters, state.sizes):
        linear = torch.nn.Linear(*weights.shape)
        linear.weight.data, linear.bias.data = torch.tensor(weights.T.copy()), torch.tensor(biases.copy())
        modules += [linear, {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[state.activation]()]
    return torch.nn.Sequential(*modules[:-1])


# --- Oracles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [(), (7,), (8, 5)])
def test_the_numpy_network_is_the_torch_network(activation, hidden):
    x, y = problem()
    state = fit_mlp(x, y, 3, MLPConfig(hidden, activation, n_steps=30))
    network = torch_network(state).double()
    z = torch.tensor((x - x.mean(axis=0)) / x.std(axis=0))
    with torch.no_grad():
        expected = torch.log_softmax(network(z), dim=1).numpy()
    np.testing.assert_allclose(state.log_posterior(x), expected, atol=1e-10)
    assert len(state.parameters) == sum(p.numel() for p in network.parameters())


def test_one_forward_serves_numpy_and_torch():
    rng = np.random.default_rng(0)
    theta, z = rng.standard_normal(3 * 4 + 5 * 2), rng.standard_normal((6, 2))
    found = forward(torch.tensor(theta), torch.tensor(z), (2, 4, 2), torch.tanh)
    np.testing.assert_allclose(found.numpy(), forward(theta, z, (2, 4, 2), np.tanh), atol=1e-12)


def test_updates_are_those_of_torchs_adam():
    x, y = problem(60)
    config = MLPConfig((6,), learning_rate=0.02, batch=0, n_steps=20, weight_decay=0.05)
    first, *_, last = iterate_mlp(x, y, 3, config)
    network = torch_network(first)
    adam = torch.optim.Adam(network.parameters(), 0.02, weight_decay=0.05)
    z, labels = torch.tensor((x - x.mean(axis=0)) / x.std(axis=0), dtype=torch.float32), torch.tensor(y)
    for _ in range(20):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(network(z), labels).backward()
        adam.step()
    expected = torch.cat([p.detach().t().reshape(-1) for p in network.parameters()]).numpy()
    np.testing.assert_allclose(last.parameters, expected, atol=2e-4)


def test_measures_are_those_of_the_states_own_posterior():
    x, y = problem()
    for state in iterate_mlp(x, y, 3, MLPConfig((8,), batch=20, n_steps=15)):
        log_posterior = state.log_posterior(x)
        np.testing.assert_allclose(np.exp(log_posterior).sum(axis=1), 1)
        assert state.loss == pytest.approx(-log_posterior[np.arange(len(y)), y].mean(), abs=1e-5)
        assert state.accuracy == pytest.approx((state.predict(x) == y).mean(), abs=1.5 / len(y))
        squares = sum(np.square(w.astype(np.float64)).sum() for w, _ in layers(state.parameters, state.sizes))
        assert state.weight_norm == pytest.approx(np.sqrt(squares))


@pytest.mark.parametrize("classes", [2, 3])
def test_without_hidden_layers_it_is_logistic_regression(classes):
    x, y = problem(classes=classes)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(z, y)
    optimum = -model.predict_log_proba(z)[np.arange(len(y)), y].mean()
    state = fit_mlp(x, y, classes, MLPConfig((), learning_rate=0.05, batch=0, n_steps=600))
    assert optimum - 1e-5 < state.loss < optimum + 1e-3
    np.testing.assert_allclose(np.exp(state.log_posterior(x)), model.predict_proba(z), atol=0.02)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("make", [xor, circles])
def test_it_learns_what_no_line_can(make, activation):
    x, y = make()
    assert fit_mlp(x, y, 2, MLPConfig((), activation, n_steps=300)).accuracy < 0.75
    state = fit_mlp(x, y, 2, MLPConfig((32, 32), activation, n_steps=400))
    assert state.accuracy > 0.95
    assert (state.predict(x) == y).mean() > 0.95


def test_weight_decay_keeps_weights_small():
    x, y = xor()
    free, held = (fit_mlp(x, y, 2, MLPConfig(n_steps=200, weight_decay=decay)) for decay in (0.0, 0.1))
    assert held.weight_norm < 0.5 * free.weight_norm


# --- Contract -----------------------------------------------------------------------------------------------


def test_same_seed_same_states_and_another_seed_others():
    x, y = problem()
    runs = [
        [state.parameters for state in iterate_mlp(x, y, 3, MLPConfig((8,), n_steps=20, seed=seed))]
        for seed in (4, 4, 5)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not np.array_equal(runs[0][0], runs[2][0])


def test_two_runs_side_by_side_are_the_runs_alone():
    x, y = problem()
    config = MLPConfig((8,), n_steps=10)
    alone = [state.parameters for state in iterate_mlp(x, y, 3, config)]
    for a, b, expected in zip(iterate_mlp(x, y, 3, config), iterate_mlp(x, y, 3, config), alone, strict=True):
        assert np.array_equal(a.parameters, expected)
        assert np.array_equal(b.parameters, expected)


def test_torchs_seed_and_gradient_mode_are_left_alone():
    x, y = problem()
    before = torch.get_rng_state()
    for enabled in (True, False):
        with torch.set_grad_enabled(enabled):
            states = []
            for state in iterate_mlp(x, y, 3, MLPConfig((8,), n_steps=10)):
                assert torch.is_grad_enabled() == enabled
                states.append(state)
        assert states[-1].loss < states[0].loss  # it trains in either mode
    assert torch.equal(before, torch.get_rng_state())


def test_the_start_is_uniform_and_depends_on_the_fan_in():
    x, y = problem()
    start = next(iterate_mlp(x, y, 3, MLPConfig((100, 50))))
    for weights, biases in layers(start.parameters, start.sizes):
        bound = 1 / np.sqrt(len(weights))
        assert 0.9 * bound < np.abs(weights).max() <= bound * (1 + 1e-6)
        assert np.abs(biases).max() <= bound * (1 + 1e-6)


def test_a_batch_of_n_or_more_is_all_of_them():
    x, y = problem(50)
    whole, more = (fit_mlp(x, y, 3, MLPConfig((4,), n_steps=10, batch=batch)) for batch in (0, 64))
    assert np.array_equal(whole.parameters, more.parameters)


def test_configs_and_states_need_no_torch():
    code = """
import sys, numpy as np
from genmodels.classifiers.mlp import MLPConfig, MLPState
MLPConfig()
state = MLPState(0, 0.0, 0.0, 0.0, np.zeros(9, np.float32), (2, 3), "tanh", np.zeros(2), np.ones(2))
assert np.allclose(state.log_posterior(np.zeros((1, 2))), -np.log(3))
sys.exit("torch" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# --- What cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("rate", [1e9, 1e20, 1e38, 1e300])
def test_a_huge_learning_rate_trains_or_says_so_after_finite_states(activation, rate):
    x, y = problem()
    states, diverged = [], None
    try:
        for state in iterate_mlp(x, y, 3, MLPConfig((32, 32), activation, learning_rate=rate, n_steps=20)):
            states.append(state)
    except DivergedError as why:
        diverged = why
    if diverged is None:
        assert len(states) == 21
    else:
        assert diverged.step == len(states)
        assert f"at step {diverged.step}: " in str(diverged)
        assert f"; try a smaller learning rate than {rate:g}." in str(diverged)
    assert all(np.isfinite(state.loss) and np.isfinite(state.parameters).all() for state in states)
    assert len(states) >= 1


def test_divergence_is_an_error():
    x, y = problem()
    with pytest.raises(DivergedError, match=r"diverged at step 1: .*; try a smaller learning rate"):
        fit_mlp(x, y, 3, MLPConfig((32, 32), "relu", learning_rate=1e20))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": (0,)}, "A number of hidden units is 0; give a whole number, 1 or more"),
        ({"hidden": (3.5,)}, "A number of hidden units is 3.5"),
        ({"hidden": "wide"}, "A number of hidden units is 'wide'"),
        ({"activation": "gelu"}, "activation is 'gelu'; choose one of"),
        ({"learning_rate": 0}, "learning_rate is 0; give a finite number, above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ({"batch": -1}, "batch is -1; give a whole number, 0 or more"),
        ({"n_steps": 0}, "n_steps is 0; give a whole number, 1 or more"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1; give a finite number, 0 or more"),
        ({"weight_decay": float("inf")}, "weight_decay is inf"),
        ({"seed": -1}, "seed is -1"),
        ({"device": "tpu"}, "device is 'tpu'; choose one of"),
    ],
)
def test_configs_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        MLPConfig(**change)


def test_configs_can_be_hashed_whatever_hidden_is():
    assert hash(MLPConfig([4, 5])) == hash(MLPConfig(np.array([4, 5]))) == hash(MLPConfig((4, 5)))
    assert MLPConfig(weight_decay=0).weight_decay == 0


X, Y = problem(12)


@pytest.mark.parametrize(
    ("x", "y", "classes", "message"),
    [
        (X[:, 0], Y, 3, r"must have the shape \(N, D\)"),
        (np.where(X > 5, np.nan, X), Y, 3, "holds NaN or infinity"),
        (X[:0], Y[:0], 3, "0 points have int64 y"),
        (X, Y[:-1], 3, "12 points have int64 y of shape"),
        (X, Y.astype(float), 3, "12 points have float64 y"),
        (X, Y, 2, "y holds 0 … 2; with n_classes=2, give 0 … 1"),
        (X, Y - 1, 3, "y holds -1 … 1"),
        (X, Y, 1, "n_classes is 1; give a whole number, 2 or more"),
        (X * 1e200, Y, 3, "too large or too close together"),
        (X * 1e-320, Y, 3, "too large or too close together"),
    ],
)
def test_data_that_cannot_be_are_refused(x, y, classes, message):
    with pytest.raises(ValueError, match=message):
        next(iterate_mlp(x, y, classes, MLPConfig()))


def test_new_points_must_have_as_many_columns():
    state = next(islice(iterate_mlp(X, Y, 3, MLPConfig()), 1))
    with pytest.raises(ValueError, match="x has 3 columns and the network has 2 inputs"):
        state.log_posterior(np.zeros((1, 3)))


def test_a_constant_feature_is_only_centred():
    state = fit_mlp(np.column_stack([X, np.full(12, 0.1)]), Y, 3, MLPConfig(n_steps=5))
    assert state.scale[2] == 1
    assert np.isfinite(state.loss)


def test_one_point_and_absent_classes_are_allowed():
    state = fit_mlp(np.array([[1.0, 2.0]]), np.array([1]), 4, MLPConfig(n_steps=50))
    assert state.log_posterior(np.zeros((5, 2))).shape == (5, 4)
    assert state.accuracy == 1


POINTS, CLASSES = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
CONTRACT = [("mlp", 7, lambda: iterate_mlp(POINTS, CLASSES, 3, MLPConfig((4,), batch=8, n_steps=7)))]
