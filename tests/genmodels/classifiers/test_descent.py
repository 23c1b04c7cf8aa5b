"""Logistic regression step by step."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from genmodels.classifiers.descent import DivergedError, LogisticConfig, iterate_logistic
from genmodels.classifiers.discriminative import DiscriminativeClassifier, fit_logistic, separable
from tests.genmodels.classifiers.shared import blobs, both_degrees, every_k

pytestmark = pytest.mark.filterwarnings("error")  # none may escape from a fit


def loss_of(model: DiscriminativeClassifier, x: np.ndarray, y: np.ndarray, penalty: float = 0.0) -> float:
    log_p = model.log_posterior(x)[np.arange(len(y)), y]
    return -log_p.mean() + penalty / 2 * float((model.weights**2).sum())


@every_k
@both_degrees
def test_descent_reaches_scikit_learns_unregularised_optimum(k, degree):
    x, y = blobs(k, seed=1, gap=0.7)
    assert not separable(x, y, k, degree)
    phi = PolynomialFeatures(degree, include_bias=False).fit_transform(StandardScaler().fit_transform(x))
    best = LogisticRegression(C=np.inf, tol=1e-9, max_iter=10_000).fit(phi, y).predict_log_proba(phi)
    optimum = -best[np.arange(len(y)), y].mean()
    config = LogisticConfig(n_steps=6000, learning_rate=1.0, degree=degree)
    states = list(iterate_logistic(x, y, k, config))
    assert states[0].loss == pytest.approx(np.log(k))
    assert states[-1].loss == pytest.approx(optimum, abs=1e-6)
    assert loss_of(fit_logistic(x, y, k, degree, np.inf), x, y) == pytest.approx(optimum, abs=1e-8)
    assert all(b.loss <= a.loss + 1e-12 for a, b in pairwise(states))
    assert states[-1].gradient_norm < 1e-3 * states[0].gradient_norm


@every_k
def test_a_penalised_descent_ends_where_scikit_learns_c_says(k):
    x, y = blobs(k, seed=1)
    *_, last = iterate_logistic(x, y, k, LogisticConfig(3000, 0.5, degree=2, penalty=0.05))
    expected = fit_logistic(x, y, k, degree=2, C=1 / (0.05 * len(x)))
    np.testing.assert_allclose(last.weights, expected.weights, atol=1e-4)
    assert last.gradient_norm < 1e-6


@every_k
@both_degrees
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_a_step_follows_the_gradient_by_finite_differences(k, degree, penalty):
    x, y = blobs(k, n=60, seed=2)
    states = list(iterate_logistic(x, y, k, LogisticConfig(8, 0.7, degree, penalty)))
    for state, after in [(states[0], states[1]), (states[7], states[8])]:
        taken = {name: (getattr(state, name) - getattr(after, name)) / 0.7 for name in ("weights", "bias")}
        squared = 0.0
        for name, gradient in taken.items():
            for index in np.ndindex(gradient.shape):
                if k == 2 and index[0] == 0:
                    assert gradient[index] == 0
                    continue
                ends = []
                for sign in (1, -1):
                    moved = np.array(getattr(state, name))
                    moved[index] += sign * 1e-5
                    ends.append(loss_of(dataclasses.replace(state.classifier, **{name: moved}), x, y, penalty))
                assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)
                squared += gradient[index] ** 2
        assert state.gradient_norm == pytest.approx(np.sqrt(squared), rel=1e-9)


@every_k
def test_a_state_says_what_its_classifier_does(k):
    x, y = blobs(k, seed=1)
    for state in iterate_logistic(x * [1, 100], y, k, LogisticConfig(5, degree=3)):
        model = state.classifier
        assert state.loss == pytest.approx(loss_of(model, x * [1, 100], y))
        assert state.accuracy == (model.predict(x * [1, 100]) == y).mean()
        assert state.weight_norm == pytest.approx(np.sqrt((state.weights**2).sum()))


@every_k
def test_on_separable_data_the_weights_grow_for_ever(k):
    x, y = blobs(k, n=90, seed=5, gap=9)
    assert separable(x, y, k)
    states = list(iterate_logistic(x, y, k, LogisticConfig(8000, learning_rate=2.0)))
    norms, losses = np.array([[s.weight_norm, s.loss] for s in states]).T
    assert (np.diff(norms) > 0).all()
    assert norms[8000] - norms[4000] > 0.5 * (norms[4000] - norms[2000]) > 0.1  # like log t: no bound
    assert losses[8000] < 0.6 * losses[4000] < 0.4 * losses[2000]  # like 1 / t
    assert losses[8000] < 1e-3
    assert states[-1].accuracy == 1


def test_descent_that_diverges_says_so_after_its_finite_states():
    x, y = blobs(2, n=60)
    states: list = []
    run = iterate_logistic(x, y, 2, LogisticConfig(5000, learning_rate=3.0, penalty=1.0))
    with pytest.raises(DivergedError, match=r"lower learning_rate \(now 3\) or penalty \(now 1\)") as caught:
        states.extend(run)
    assert caught.value.step == len(states) > 100
    assert all(np.isfinite([s.loss, s.gradient_norm, s.weight_norm]).all() for s in states)
    assert isinstance(caught.value, ValueError)


POINTS, CLASSES = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
CONTRACT = [("logistic", 12, lambda: iterate_logistic(POINTS, CLASSES, 3, LogisticConfig(n_steps=12, degree=2)))]
