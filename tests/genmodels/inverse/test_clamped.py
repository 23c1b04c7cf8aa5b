"""Drawing in order round seen pixels: beside all pictures that there are."""

import itertools

import numpy as np
import pytest

from genmodels.inference.importance import estimate
from genmodels.inverse.clamped import draw_clamped, iterate_clamped
from genmodels.pixel_ar.model import MADEConfig
from genmodels.pixel_ar.runtime import DrawConfig, complete
from tests.genmodels.pixel_ar.test_runtime import both

MODEL = both(MADEConfig(height=2, width=3, hidden=(12,)))[1]
RANDOM = both(MADEConfig(height=2, width=3, hidden=(12,), order="random", order_seed=3))[1]
EVERY = np.array(list(itertools.product([0.0, 1.0], repeat=6)), dtype=np.float32)
X = np.array([1, 0, 1, 1, 0, 1.0])
FIRST, LAST, MIDDLE = np.arange(6) < 3, np.arange(6) >= 3, np.isin(np.arange(6), [1, 4])
N = 20_000
CONTRACT = [("clamped", 6, lambda: iterate_clamped(RANDOM, X, MIDDLE, DrawConfig(3)))]


def posterior(model, seen) -> np.ndarray:
    """p(picture | seen pixels) of all 64, by Bayes' rule."""
    p = np.exp(model.log_prob(EVERY)) * (EVERY[:, seen] == X[seen]).all(axis=1)
    return p / p.sum()


def shares(state, weights) -> np.ndarray:
    """Of each of the 64 pictures."""
    number = state.images @ (2 ** np.arange(6)[::-1])
    return np.bincount(number.astype(int), weights, 64)


def test_exact_where_seen_pixels_come_first():
    state = draw_clamped(MODEL, X, FIRST, DrawConfig(N))
    expected = posterior(MODEL, FIRST)
    assert np.abs(shares(state, np.full(N, 1 / N)) - expected).max() < 4 * 0.5 / np.sqrt(N)
    assert np.ptp(state.log_w) < 1e-6
    assert estimate(state.log_w)[1][-1] == pytest.approx(N)


def test_the_same_draws_as_completing():
    state = draw_clamped(MODEL, X, FIRST, DrawConfig(50, seed=4))
    other = complete(MODEL, X[None], FIRST, DrawConfig(50, seed=4))
    assert (state.images == other.images).all()


def test_covered_pixels_that_come_first_do_not_hear_of_the_part():
    state = draw_clamped(MODEL, X, LAST, DrawConfig(N))
    free = draw_clamped(MODEL, X, np.zeros(6, dtype=bool), DrawConfig(N))
    assert (state.images[:, :3] == free.images[:, :3]).all()
    assert np.abs(shares(state, np.full(N, 1 / N)) - posterior(MODEL, LAST)).max() > 0.05
    assert (free.log_w == 0).all()


@pytest.mark.parametrize("seen", [LAST, MIDDLE])
@pytest.mark.parametrize("model", [MODEL, RANDOM])
def test_weights_say_what_drawing_left_out(model, seen):
    state = draw_clamped(model, X, seen, DrawConfig(N, seed=1))
    w = np.exp(state.log_w)
    assert shares(state, w / w.sum()) == pytest.approx(posterior(model, seen), abs=0.03)
    evidence = np.exp(model.log_prob(EVERY))[(EVERY[:, seen] == X[seen]).all(axis=1)].sum()
    assert w.mean() == pytest.approx(evidence, rel=0.05)


def test_seen_pixels_stand_and_covered_ones_are_not_looked_at():
    state = draw_clamped(MODEL, X, MIDDLE, DrawConfig(40))
    assert (state.images[:, MIDDLE] == X[MIDDLE]).all()
    assert (state.images == draw_clamped(MODEL, np.where(MIDDLE, X, 0.5), MIDDLE, DrawConfig(40)).images).all()
    assert set(np.unique(state.images)) == {0, 1}


def test_states_come_every_few_pixels_and_at_the_end():
    states = list(iterate_clamped(RANDOM, X, MIDDLE, DrawConfig(3, every=4)))
    assert [s.step for s in states] == [0, 4, 6]
    assert (np.flatnonzero(states[1].passed) == np.sort(RANDOM.order[:4])).all()
    assert not states[1].images[:, RANDOM.order[4:]][:, ~MIDDLE[RANDOM.order[4:]]].any()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: draw_clamped(MODEL, X, MIDDLE[:5]), "seen"),
        (lambda: draw_clamped(MODEL, X, MIDDLE.astype(int)), "booleans"),
        (lambda: draw_clamped(MODEL, X + 0.5, MIDDLE), "binarise"),
        (lambda: draw_clamped(MODEL, X, MIDDLE, DrawConfig(temperature=0.5)), "temperature"),
    ],
)
def test_what_cannot_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
