"""Split R̂ and the effective sample size: AR(1) chains by theory, ArviZ's numbers, and what R̂ cannot see."""

import numpy as np
import pytest

from genmodels.langevin.convergence import effective_sample_size, split_r_hat
from genmodels.langevin.samplers import WalkersConfig, iterate_walkers
from genmodels.langevin.targets import RoundLumps


def ar(m, n, rho, seed):
    """Stationary AR(1) chains of variance 1."""
    noise = np.random.default_rng(seed).standard_normal((m, n))
    x = np.zeros((m, n))
    x[:, 0] = noise[:, 0]
    for t in range(1, n):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho * rho) * noise[:, t]
    return x


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.3, 0.7, 0.9])
def test_an_ar_1_chain_is_worth_what_theory_says(rho):
    share = effective_sample_size(ar(8, 20_000, rho, 1)) / 160_000
    assert share == pytest.approx((1 - rho) / (1 + rho), rel=0.06)


# Chains by (M, N, ρ, seed): ESS by method="mean" and R̂ by method="split" of arviz-stats 0.8.0.
ARVIZ = [
    ((1, 200, 0.9, 0), 9.086422834998919, None),
    ((4, 100, 0.5, 1), 216.90841720592223, 1.0069872364178751),
    ((4, 101, -0.6, 2), 1040.823996531185, 0.990925472577299),
    ((2, 50, 0.0, 3), 157.02124615525398, 0.9910643763350493),
    ((8, 400, 0.95, 4), 92.69490526423921, 1.0820507254859617),
    ((3, 21, 0.3, 5), 27.918202324499514, 1.0801530680493712),
    ((1, 9, 0.2, 6), 7.224719895935548, None),
    ((2, 8, 0.5, 7), 19.265919722494797, 0.8987246959589834),
    ((6, 333, 0.99, 8), 15.362929504078819, 1.312471252140827),
]


@pytest.mark.parametrize(("chains", "ess", "r_hat"), ARVIZ)
def test_numbers_are_those_of_arviz(chains, ess, r_hat):
    x = ar(*chains)
    assert effective_sample_size(x) == pytest.approx(ess)
    if r_hat:
        assert split_r_hat(x) == pytest.approx(r_hat)


def test_a_shift_or_a_drift_shows_in_r_hat():
    x = np.random.default_rng(0).standard_normal((4, 500))
    assert split_r_hat(x) < 1.01
    assert split_r_hat(x + np.arange(4)[:, None]) > 1.3
    assert split_r_hat(x + np.linspace(0, 4, 500)) > 1.3, "halves differ"


def test_walkers_of_one_lump_agree_and_are_wrong_together():
    far = RoundLumps([[-3.0, 0.0], [3.0, 0.0]], 0.5)
    states = list(iterate_walkers(far, np.tile([[-3.0, 0.0]], (50, 1)), WalkersConfig("mala", 0.25, 200)))
    x = np.stack([s.x[:, 0] for s in states[100:]], axis=1)
    assert split_r_hat(x) < 1.1
    assert x.mean() == pytest.approx(-3, abs=0.2)


def test_what_never_varies_has_no_number():
    assert np.isnan(split_r_hat(np.ones((2, 10))))
    assert np.isnan(effective_sample_size(np.ones((2, 10))))


@pytest.mark.parametrize("chains", [np.zeros((2, 3)), np.zeros(9), np.full((2, 9), np.nan), np.zeros((0, 9))])
def test_what_is_no_chain_is_refused(chains):
    for of in (split_r_hat, effective_sample_size):
        with pytest.raises(ValueError, match="Chains must be"):
            of(chains)
