"""Training against the exact gradient, and against scikit-learn with the same weights and random numbers."""

import numpy as np
import pytest
from sklearn.neural_network import BernoulliRBM

from genmodels.data.bars_and_stripes import bars_and_stripes
from genmodels.rbm.model import RBM
from genmodels.rbm.training import RBMConfig, RBMTraining, fit_rbm, iterate_rbm
from genmodels.states import DivergedError

X = bars_and_stripes()
RNG = np.random.default_rng(5)
SOME = (RNG.random((40, 12)) < 0.4).astype(float)
CONTRACT = [
    ("rbm-exact", 4, lambda: iterate_rbm(X, RBMConfig(4, "exact", n_steps=4))),
    ("rbm-cd", 5, lambda: iterate_rbm(SOME, RBMConfig(6, "cd", k=2, batch=16, n_steps=5, fit_bias=True))),
    ("rbm-pcd", 5, lambda: iterate_rbm(SOME, RBMConfig(6, batch=16, n_steps=5, single=True, decay=True))),
]


def kl(rbm):
    """KL(data ‖ model), nats: the patterns are equally likely."""
    return -np.log(len(X)) - rbm.log_prob(X).mean()


def test_an_exact_step_goes_up_the_gradient():
    config = RBMConfig(4, "exact", learning_rate=0.3, n_steps=1, scale=0.5)
    first, second = iterate_rbm(X, config)
    uphill = first.rbm().gradient(X)
    assert second.weights == pytest.approx(first.weights + 0.3 * uphill.weights)
    assert second.visible == pytest.approx(first.visible + 0.3 * uphill.visible)
    assert second.hidden == pytest.approx(first.hidden + 0.3 * uphill.hidden)


def test_exact_training_climbs_at_every_step():
    states = iterate_rbm(X, RBMConfig(8, "exact", learning_rate=0.2, n_steps=600, scale=0.1), every=20)
    found = [kl(state.rbm()) for state in states]
    assert (np.diff(found) < 0).all()
    assert found[-1] < found[0] - 1


def test_pcd_comes_nearer_than_cd_and_exact_nearest_where_the_rate_falls():
    ends = {}
    for method in ("exact", "pcd", "cd"):
        for seed in range(3):
            config = RBMConfig(8, method, learning_rate=0.3, decay=True, n_steps=3000, scale=0.1, seed=seed)
            ends.setdefault(method, []).append(kl(fit_rbm(X, config).rbm()))
    assert np.mean(ends["exact"]) < np.mean(ends["pcd"]) < np.mean(ends["cd"]) - 0.1


def scikit_learn(training, uniforms):
    """BernoulliRBM at the same weights and chains, about to draw from the same stream."""
    theirs = BernoulliRBM(training.config.n_hidden, learning_rate=training.config.learning_rate)
    theirs.components_ = training.rbm.weights.T.copy()
    theirs.intercept_visible_, theirs.intercept_hidden_ = training.rbm.visible.copy(), training.rbm.hidden.copy()
    theirs.h_samples_ = training.chains.copy()
    return theirs, np.random.RandomState(np.random.MT19937(uniforms))


@pytest.mark.parametrize("steps", [1, 5])
def test_pcd_is_scikit_learns_with_the_same_random_numbers(steps):
    """Both read one stream of doubles in the same order: pixels, then hidden units."""
    config = RBMConfig(6, batch=40, n_chains=40, learning_rate=0.1, n_steps=steps, scale=0.3, seed=2)
    training = RBMTraining(SOME, config)
    training.chains = (RNG.random((40, 6)) < 0.5).astype(float)
    theirs, numbers = scikit_learn(training, 11)
    training.rng = np.random.Generator(np.random.MT19937(11))
    for _ in range(steps):
        training.update()
        theirs._fit(SOME, numbers)
    assert training.rbm.weights == pytest.approx(theirs.components_.T, abs=1e-12)
    assert training.rbm.visible == pytest.approx(theirs.intercept_visible_, abs=1e-12)
    assert training.rbm.hidden == pytest.approx(theirs.intercept_hidden_, abs=1e-12)
    assert np.array_equal(training.chains, theirs.h_samples_)


def test_cd_follows_its_expected_direction_and_that_is_not_the_gradient():
    """Mean over many single steps from one machine, with its standard error."""
    rng = np.random.default_rng(0)
    rbm = fit_rbm(X, RBMConfig(8, "exact", learning_rate=0.3, n_steps=800, scale=0.1)).rbm()
    training = RBMTraining(X, RBMConfig(8, "cd"))
    training.rbm = rbm
    training.rng = rng
    draws = np.array([training.phases(X).flat() for _ in range(2000)])
    expected, exact = rbm.expected_cd(X).flat(), rbm.gradient(X).flat()
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) < 5 * error + 1e-9).all()
    assert np.linalg.norm(expected - exact) > 0.3 * np.linalg.norm(exact), "biased by a third"
    assert expected @ exact > 0, "but uphill here"


@pytest.mark.parametrize("method", ["exact", "cd", "pcd"])
def test_without_the_models_phase_nothing_ever_falls(method):
    states = list(
        iterate_rbm(X, RBMConfig(8, method, negative=0.0, learning_rate=0.1, n_steps=200, scale=0.1), every=20)
    )
    for name in ("weights", "visible", "hidden"):
        assert (np.diff([getattr(s, name) for s in states], axis=0) >= 0).all()
    assert kl(states[-1].rbm()) > kl(states[0].rbm())
    assert np.exp(states[-1].rbm().log_prob(np.ones((1, 9))))[0] > 0.99, "black everywhere"


def test_a_balance_needs_black_pixels_in_the_inverse_of_the_weight():
    """At rest E_data[v] = negative · E_model[v]."""
    end = fit_rbm(X, RBMConfig(8, "exact", negative=0.8, learning_rate=0.5, n_steps=4000, scale=0.1))
    assert end.rbm().expectations().visible == pytest.approx(X.mean(axis=0) / 0.8, abs=0.01)


def test_each_epoch_sees_every_image_once():
    config = RBMConfig(2, batch=10, n_steps=8)
    training, rows = RBMTraining(SOME, config), []
    phases = training.phases
    training.phases = lambda v: rows.append(v) or phases(v)
    for _ in range(8):
        training.update()
    for epoch in (rows[:4], rows[4:]):
        assert sorted(map(tuple, np.concatenate(epoch))) == sorted(map(tuple, SOME))
    assert not np.array_equal(rows[:4], rows[4:])


def test_biases_may_start_at_the_log_odds_of_ink():
    start = next(iterate_rbm(SOME, RBMConfig(2, fit_bias=True, scale=0.0)))
    black = start.rbm().visible_given(np.zeros((1, 2)))[0]
    assert black == pytest.approx((SOME.sum(axis=0) + 1) / (len(SOME) + 2))


def test_what_overflows_is_said():
    with pytest.raises(DivergedError, match="smaller learning rate"):
        fit_rbm(X, RBMConfig(2, "exact", learning_rate=1e308, n_steps=50, scale=1.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_hidden": 0},
        {"method": "sgd"},
        {"n_hidden": 21, "method": "exact"},
        {"k": 0},
        {"learning_rate": 0.0},
        {"negative": -0.1},
        {"seed": -1},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RBMConfig(**wrong)


def test_images_have_to_be_there_and_black_and_white():
    with pytest.raises(ValueError, match="no image"):
        fit_rbm(X[:0], RBMConfig())
    with pytest.raises(ValueError, match="binarise"):
        fit_rbm(X / 2, RBMConfig())


def test_the_state_is_a_machine():
    assert isinstance(fit_rbm(X, RBMConfig(n_steps=1)).rbm(), RBM)
