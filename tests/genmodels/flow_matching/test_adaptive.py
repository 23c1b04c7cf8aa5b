"""Likelihood by steps that fit themselves to the road."""

import numpy as np
import pytest

from genmodels.data.planar import get_dataset
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.flow_matching import ode
from genmodels.flow_matching.adaptive import ERROR, NODES, STAGES, ProbabilityFlow, log_likelihood
from genmodels.flow_matching.mixtures import RoundDenoiser, RoundMixture, RoundVelocity


def mixture(name: str) -> RoundMixture:
    return RoundMixture.of(get_dataset(name))


@pytest.mark.parametrize("name", ["ffjord8", "moons"])
@pytest.mark.parametrize("road", ["matching", "diffusion"])
def test_it_is_right_between_the_lumps_too(name, road):
    law = mixture(name)
    velocity = RoundVelocity(law) if road == "matching" else ProbabilityFlow(RoundDenoiser(law))
    for x in np.random.default_rng(0).uniform(-1.5, 1.5, (25, 1, 2)):
        assert log_likelihood(velocity, x) == pytest.approx(law.log_prob(x), abs=0.015)


def test_even_steps_are_not():
    law, x = mixture("moons"), np.random.default_rng(0).uniform(-1.5, 1.5, (100, 2))
    assert np.abs(ode.log_likelihood(RoundVelocity(law), x, 40) - law.log_prob(x)).max() > 0.1


def test_a_smaller_tolerance_errs_less():
    law, x = mixture("moons"), np.random.default_rng(1).uniform(-1.5, 1.5, (20, 2))
    off = [np.abs(log_likelihood(RoundVelocity(law), x, tol) - law.log_prob(x)).max() for tol in (1e-2, 1e-4, 1e-6)]
    assert off[0] > 5 * off[1] > 25 * off[2]


def test_the_pair_is_of_orders_five_and_four():
    """Rows add up to their nodes, and the fifth-order weights fulfil the first five conditions for c alone."""
    c = np.array([*NODES, 1.0])
    for row, node in zip(STAGES, c[1:], strict=True):
        assert row.sum() == pytest.approx(node)
    b = np.append(STAGES[-1], 0)
    for order in range(1, 6):
        assert b @ c ** (order - 1) == pytest.approx(1 / order)
    fourth = b - ERROR
    for order in range(1, 5):
        assert fourth @ c ** (order - 1) == pytest.approx(1 / order)


def test_diffusion_s_ode_in_the_other_clock_ends_where_it_does():
    law, x = mixture("moons"), np.random.default_rng(2).standard_normal((50, 2))
    ends = [
        ode.solve(v, x, ode.OdeConfig("rk4", 200)) for v in (RoundVelocity(law), ProbabilityFlow(RoundDenoiser(law)))
    ]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)


def test_what_cannot_be_is_refused():
    law = mixture("ffjord8")
    with pytest.raises(ValueError, match="predicts 'eps', which divides by 0"):
        ProbabilityFlow(ExactMixtureDenoiser.of(get_dataset("ffjord8")))
    with pytest.raises(ValueError, match="tolerance is 0"):
        log_likelihood(RoundVelocity(law), np.zeros((1, 2)), 0)
