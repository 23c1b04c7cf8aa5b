"""The ODE: orders of its methods, likelihoods, straightness, and the two roads that are one."""

import math
from itertools import pairwise

import numpy as np
import pytest

from genmodels.data.planar import get_dataset
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.sampler import convert
from genmodels.diffusion.schedules import Schedule, cosine
from genmodels.flow_matching.exact import ExactMixtureVelocity
from genmodels.flow_matching.ode import (
    METHODS,
    OdeConfig,
    iterate_ode,
    log_likelihood,
    reflow_pairs,
    solve,
    solve_path,
    straightness,
)
from genmodels.flow_matching.roads import to_matching, two_roads
from genmodels.metrics import energy_distance
from genmodels.mixture import GaussianMixture
from tests.genmodels.diffusion.shared import MIXTURE, draws, normal, rng

EXACT = ExactMixtureVelocity(MIXTURE)
WIDE = GaussianMixture(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances + 0.3 * np.eye(2))


@pytest.mark.parametrize(("method", "order", "asked"), [("euler", 1, 1), ("midpoint", 2, 2), ("rk4", 4, 4)])
@pytest.mark.parametrize("backward", [False, True])
def test_the_methods_are_of_their_orders_and_ask_as_often_as_said(method, order, asked, backward):
    velocity, x, calls = ExactMixtureVelocity(WIDE), normal(20, 2), []

    def counted(x, t):
        calls.append(t)
        return velocity(x, t)

    truth = solve(velocity, x, OdeConfig("rk4", 400), backward)
    steps = {1: (200, 400), 2: (40, 80), 4: (20, 40)}[order]
    errors = []
    for n in steps:
        calls.clear()
        errors.append(np.abs(solve(counted, x, OdeConfig(method, n), backward) - truth).mean())
        assert len(calls) == asked * n + 1, "and once at the end, for the last state"
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_a_linear_field_has_its_closed_form():
    """dx/dt = A x: x(1) = e^A x(0), a turn by an angle."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    x = normal(4, 2)
    end = solve(lambda x, t: x @ turn.T, x, OdeConfig("rk4", 100))
    rotation = np.array([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]])
    np.testing.assert_allclose(end, x @ rotation.T, atol=1e-9)
    np.testing.assert_allclose(
        solve(lambda x, t: x @ turn.T, end, OdeConfig("rk4", 100), backward=True), x, atol=1e-9
    )
    np.testing.assert_allclose(solve(lambda x, t: 0 * x + 2 * t, x, OdeConfig("midpoint", 1)), x + 1, atol=1e-12)


def test_states_tell_time_place_and_velocity():
    x = normal(5, 2)
    for backward in (False, True):
        states = list(iterate_ode(EXACT, x, OdeConfig("euler", 4), backward))
        assert [s.step for s in states] == [0, 1, 2, 3, 4]
        times = [0, 0.25, 0.5, 0.75, 1]
        assert [s.t for s in states] == (times[::-1] if backward else times)
        np.testing.assert_array_equal(states[0].x, x)
        for before, after in pairwise(states):
            np.testing.assert_allclose(before.velocity, EXACT(before.x, before.t))
            np.testing.assert_allclose(after.x, before.x + (after.t - before.t) * before.velocity)
        assert not states[-1].x.flags.writeable
    np.testing.assert_array_equal(
        solve_path(EXACT, x, OdeConfig("euler", 4))[-1], solve(EXACT, x, OdeConfig("euler", 4))
    )


@pytest.mark.parametrize("name", ["ffjord8", "ring8"])
def test_the_odes_likelihood_of_data_sets(name):
    dataset = get_dataset(name)
    z = dataset.standardise(dataset.sample(300, rng()))
    exact = ExactMixtureVelocity.of(dataset)
    truth = dataset.log_prob(dataset.unstandardise(z)) + 2 * math.log(dataset.scale)
    np.testing.assert_allclose(log_likelihood(exact, z, 200), truth, atol=0.01)


def test_the_odes_likelihood_of_a_mixture():
    x, far = draws(200), 1.5 * normal(30, 2)
    np.testing.assert_allclose(log_likelihood(EXACT, x, 100), MIXTURE.log_prob(x), atol=0.01)
    np.testing.assert_allclose(log_likelihood(EXACT, x, 400), MIXTURE.log_prob(x), atol=1e-4)
    assert MIXTURE.log_prob(far).min() < -40
    np.testing.assert_allclose(log_likelihood(EXACT, far, 400), MIXTURE.log_prob(far), atol=0.01)
    coarse = np.abs(log_likelihood(EXACT, x, 30, "euler") - MIXTURE.log_prob(x)).mean()
    fine = np.abs(log_likelihood(EXACT, x, 300, "euler") - MIXTURE.log_prob(x)).mean()
    assert coarse > 5 * fine
    still = GaussianMixture(np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
    points = normal(20, 3)
    np.testing.assert_allclose(log_likelihood(ExactMixtureVelocity(still), points), still.log_prob(points), atol=1e-6)


def test_it_carries_noise_to_the_data():
    made = solve(EXACT, normal(2000, 2), OdeConfig("rk4", 50))
    assert energy_distance(made, draws(2000, 1)) < 0.06
    assert MIXTURE.log_prob(made).mean() == pytest.approx(MIXTURE.log_prob(draws(20_000)).mean(), abs=0.1)


def test_straightness_is_its_definition():
    x_0, x_1 = normal(30, 2), draws(30)
    t = np.linspace(0, 1, 401)[:, None, None]
    straight = (1 - t) * x_0 + t * x_1
    assert straightness(straight) == pytest.approx(0, abs=1e-20)
    assert straightness(straight[:: 400 // 4]) == pytest.approx(0, abs=1e-20), "whatever the steps"
    assert straightness(straight[[0, -1]]) == 0
    uneven = (1 - t**2) * x_0 + t**2 * x_1  # a straight line, but not at one speed: ∫(1 − 2t)² dt = 1/3
    assert straightness(uneven) == pytest.approx(np.square(x_1 - x_0).sum(1).mean() / 3, rel=1e-3)
    angle = math.pi * t  # half a circle of radius 1: |(−2, 0)|² + π² − 2 · 4 = π² − 4
    circle = np.concatenate([np.cos(angle), np.sin(angle)], axis=2)
    assert straightness(circle) == pytest.approx(math.pi**2 - 4, rel=1e-3)
    assert straightness(2 * circle) == pytest.approx(4 * straightness(circle))


def test_one_step_is_exact_where_paths_are_straight():
    """N(0, I) to N(μ, I)·: given v = μ nothing bends; to N(μ, s² I) paths are lines, and not evenly fast."""
    moved = ExactMixtureVelocity(GaussianMixture(np.ones(1), np.array([[2.0, 1.0]]), 4 * np.eye(2)[None]))
    x = normal(40, 2)
    end = solve(moved, x, OdeConfig("rk4", 200))
    np.testing.assert_allclose(end, [2.0, 1.0] + 2 * x, atol=1e-6)  # x_1 = μ + s x_0
    assert straightness(solve_path(moved, x, OdeConfig("rk4", 200))) > 0.05
    straight = ExactMixtureVelocity(MIXTURE)
    assert np.abs(solve(straight, x, OdeConfig("euler", 1)) - MIXTURE.weights @ MIXTURE.means).max() < 1e-9, (
        "one step from the exact velocity leads all to the mean"
    )


def test_pairs_for_reflow_start_at_noise_and_end_where_it_goes():
    x_0, x_1 = reflow_pairs(EXACT, 50, 2, rng(), OdeConfig("rk4", 20))
    np.testing.assert_array_equal(x_0, rng().standard_normal((50, 2)))
    np.testing.assert_array_equal(x_1, solve(EXACT, x_0, OdeConfig("rk4", 20)))


@pytest.mark.parametrize("name", [None, "ffjord8"])
def test_two_roads_one_crowd(name):
    """With exact answers both roads are one but for scale and clock, and each grain arrives at the same point."""
    mixture = MIXTURE if name is None else ExactMixtureVelocity.of(get_dataset(name)).mixture
    velocity, denoiser, x = ExactMixtureVelocity(mixture), ExactMixtureDenoiser(mixture, "v"), normal(300, 2)
    roads = two_roads(velocity, denoiser, x, cosine(), 200)
    np.testing.assert_array_equal(roads.matching[0], roads.diffusion[0])
    assert (len(roads.t), roads.t[0], roads.t[-1]) == (201, 0, 1)
    assert (roads.alpha_bar[-1], len(roads.alpha_bar)) == (1, 201)
    gap = np.linalg.norm(roads.matching[-1] - roads.diffusion[-1], axis=1)
    assert np.quantile(gap, 0.95) < 1e-3
    between = np.linalg.norm(roads.matching - roads.diffusion, axis=2).mean(1)
    assert between.max() > 0.1, "they go different ways, if their steps are counted alike"
    s = straightness(roads.matching), straightness(roads.diffusion)
    assert s[1] != pytest.approx(s[0], rel=0.1)
    for i in (50, 120, 190):  # diffusion's place, on the other road
        there, t = to_matching(roads.diffusion[i], roads.alpha_bar[i])
        n = max(1, round(400 * t))
        scaled = solve(lambda x, s, t=t: t * velocity(x, s * t), x, OdeConfig("rk4", n))
        assert np.quantile(np.linalg.norm(scaled - there, axis=1), 0.95) < 1e-3


@pytest.mark.parametrize("alpha_bar", [1e-6, 0.2, 0.7, 0.999])
def test_one_velocity_is_the_others(alpha_bar):
    """v = x̂_1 − ε̂, whichever model says what is in x."""
    x_t = math.sqrt(alpha_bar) * draws(30) + math.sqrt(1 - alpha_bar) * normal(30, 2)
    said = ExactMixtureDenoiser(MIXTURE, "v")(x_t, alpha_bar)
    clean, noise = (convert(said, "v", target, x_t, alpha_bar) for target in ("x0", "eps"))
    np.testing.assert_allclose(EXACT(*to_matching(x_t, alpha_bar)), clean - noise, atol=1e-8)


def test_a_schedule_that_ends_early_shows():
    """ᾱ_T far from 0 is another start, so that the roads part."""
    early = Schedule(cosine().alpha_bar[:700])
    roads = two_roads(EXACT, ExactMixtureDenoiser(MIXTURE, "v"), normal(100, 2), early, 100)
    assert np.linalg.norm(roads.matching[-1] - roads.diffusion[-1], axis=1).mean() > 0.02


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: OdeConfig("heun"), "choose one of euler"),
        (lambda: OdeConfig("euler", 0), "n_steps"),
        (lambda: solve(EXACT, normal(3)), "one row a point"),
        (lambda: solve(EXACT, [[math.inf, 0]]), "infinity"),
        (lambda: log_likelihood(lambda x, t: x, normal(3, 2)), "no method divergence"),
        (lambda: straightness(normal(5, 2)), "two moments or more"),
        (lambda: straightness(normal(1, 5, 2)), "two moments or more"),
    ],
)
def test_bad_input_is_told_in_a_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make()


CONTRACT = [
    (f"flow {method}", 7, lambda method=method: iterate_ode(EXACT, normal(6, 2), OdeConfig(method, 7)))
    for method in METHODS
]
