"""log Z by annealing against log Z by counting."""

import numpy as np
import pytest

from genmodels.rbm.ais import annealed_log_z, base_rate
from genmodels.rbm.model import RBM
from genmodels.rbm.training import RBMConfig, fit_rbm

RNG = np.random.default_rng(0)


def patterns(n, side=6):
    """Bars and stripes of a larger grid, with some dots: hard enough to have lumps."""
    lines = (RNG.random((n, side)) < 0.4).astype(float)
    whole = np.where(RNG.random((n, 1, 1)) < 0.5, lines[:, :, None], lines[:, None, :]) * np.ones((n, side, side))
    dots = RNG.random(whole.shape) < 0.02
    return np.abs(whole - dots).reshape(n, -1)


X = patterns(400)


@pytest.fixture(scope="module")
def trained():
    """20 hidden units."""
    return fit_rbm(X, RBMConfig(20, learning_rate=0.1, n_steps=1500, batch=100, scale=0.05, fit_bias=True)).rbm()


def test_at_20_hidden_units_it_is_the_counted_one_to_a_tenth_of_a_nat(trained):
    exact = trained.log_z()
    found = annealed_log_z(trained, base_rate(X), n_runs=200, n_betas=1000)
    assert abs(found.log_z - exact) < 0.1
    assert abs(found.log_z - exact) < 4 * found.error
    assert found.error < 0.1
    assert found.effective > 50


def test_the_estimate_of_z_is_unbiased_even_with_few_temperatures():
    """The mean of exp(log w) over many runs, at three temperatures, within its error."""
    rbm = RBM(0.8 * RNG.standard_normal((8, 5)), RNG.standard_normal(8), RNG.standard_normal(5))
    found = annealed_log_z(rbm, np.zeros(8), n_runs=40_000, n_betas=3)
    assert np.exp(found.log_z - rbm.log_z()) == pytest.approx(1, abs=5 * found.error)


def test_the_error_bar_is_that_of_repetition():
    rbm = RBM(1.5 * RNG.standard_normal((8, 5)), RNG.standard_normal(8), RNG.standard_normal(5))
    many = [annealed_log_z(rbm, np.zeros(8), 100, 20, rng=seed) for seed in range(60)]
    spread = np.std([found.log_z for found in many])
    assert np.mean([found.error for found in many]) == pytest.approx(spread, rel=0.4)


def test_without_weights_every_run_is_exact():
    rbm = RBM(np.zeros((4, 3)), np.array([1.0, -1.0, 0.5, 0.0]), np.array([0.2, -0.3, 1.0]))
    found = annealed_log_z(rbm, rbm.visible, n_runs=5, n_betas=7)
    assert found.log_weights == pytest.approx(rbm.log_z())
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.effective == pytest.approx(5)


def test_base_rate_is_the_log_odds_of_ink():
    assert 1 / (1 + np.exp(-base_rate(X))) == pytest.approx((X.sum(axis=0) + 1) / (len(X) + 2))


@pytest.mark.parametrize(
    ("wrong", "said"), [({"n_runs": 1}, "n_runs"), ({"n_betas": 0}, "n_betas"), ({"base": np.zeros(3)}, "base rate")]
)
def test_what_cannot_be_is_refused(wrong, said):
    rbm = RBM(np.zeros((4, 3)), np.zeros(4), np.zeros(3))
    with pytest.raises(ValueError, match=said):
        annealed_log_z(**({"rbm": rbm, "base": np.zeros(4)} | wrong))
