"""Walkers: ULA against its formula, the others against quadrature; detailed balance; leapfrog back and by volume."""

import numpy as np
import pytest
from scipy.stats import norm

from genmodels.langevin.samplers import (
    SAMPLERS,
    WalkersConfig,
    _proposed,
    iterate_walkers,
    leapfrog,
    ula_moments,
    ula_variance,
    walk,
)
from genmodels.langevin.targets import Banana, RoundLumps, Wells, grid

START = np.random.default_rng(5).standard_normal((7, 2))
LUMPS = RoundLumps([[-1.0, 0.3], [0.8, -0.5]], 0.6, [0.3, 0.7])
WELLS = Wells([[-0.8, 0.3], [0.9, -0.2]], [1.5, 2.0], 0.5, 1.0)
TARGETS = {"lumps": LUMPS, "banana": Banana(0.4, 0.7), "wells": WELLS}
FAR = RoundLumps([[-2.4, 0.0], [2.4, 0.0]], 0.45, [1 / 3, 2 / 3])
CONTRACT = [
    (f"walkers-{name}", 6, lambda name=name: iterate_walkers(LUMPS, START, WalkersConfig(name, 0.3, 6, leapfrogs=3)))
    for name in SAMPLERS
]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 1.0, 1.25, 1.5])
def test_the_variance_of_ula_is_its_formula(share):
    sigma, n = 1.7, 20_000
    config = WalkersConfig("ula", share * sigma**2, 90, seed=round(100 * share))
    x = walk(RoundLumps([[0.0]], sigma), sigma * np.random.default_rng(1).standard_normal((n, 1)), config).x
    expected = ula_variance(config.step, sigma**2)
    assert expected == pytest.approx(sigma**2 / (1 - share / 4))
    assert np.square(x).mean() == pytest.approx(expected, abs=3 * expected * np.sqrt(2 / n))
    assert np.square(x).mean() > sigma**2 * (1 + 3 * np.sqrt(2 / n)) or share < 0.2, "the bias is seen"


def test_at_a_step_of_the_variance_it_is_4_3_and_from_4_on_it_diverges():
    assert ula_variance(1.0) == pytest.approx(4 / 3)
    assert ula_variance(3.999) > 1_000
    assert ula_variance(4.0) == ula_variance(6.0) == np.inf
    far = [walk(RoundLumps([[0.0]], 1.0), np.ones((2_000, 1)), WalkersConfig("ula", s, 60)).x for s in (3.5, 4.5)]
    assert np.square(far[0]).mean() == pytest.approx(8, rel=0.15)
    assert np.square(far[1]).mean() > 1e8


def test_moments_of_ula_on_the_way():
    config = WalkersConfig("ula", 0.8, 12, seed=2)
    states = list(iterate_walkers(RoundLumps([[0.0]], 1.2), np.full((30_000, 1), 3.0), config))
    mean, variance = ula_moments(3.0, 0.8, 12, 1.44)
    for state in states:
        se = np.sqrt(variance[state.step] / 30_000)
        assert state.x.mean() == pytest.approx(mean[state.step], abs=3.5 * se)
        assert state.x.var() == pytest.approx(
            variance[state.step], abs=4 * variance[state.step] * np.sqrt(2 / 30_000)
        )
    assert ula_moments(3.0, 0.8, 4_000, 1.44)[1][-1] == pytest.approx(ula_variance(0.8, 1.44))


MOMENTS = (
    lambda x: x[:, 0],
    lambda x: x[:, 1],
    lambda x: x[:, 0] ** 2,
    lambda x: x[:, 1] ** 2,
    lambda x: x[:, 0] * x[:, 1],
    lambda x: x[:, 0] ** 2 * x[:, 1],
)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(("sampler", "step"), [("mala", 0.25), ("metropolis", 0.6), ("hmc", 0.15)])
def test_those_that_reject_are_right(name, sampler, step):
    target, n = TARGETS[name], 3_000
    config = WalkersConfig(sampler, step, 60 if sampler == "hmc" else 300, leapfrogs=6, seed=1)
    end = walk(target, np.tile([[0.2, -0.3]], (n, 1)), config)
    points, volume = grid([[-8, 8], [-8, 12]], 220)
    p = np.exp(target(points)[0]) * volume
    p /= p.sum()  # whatever its constant
    for f in MOMENTS:
        shown, expected = f(end.x), p @ f(points)
        assert shown.mean() == pytest.approx(expected, abs=3 * shown.std() / np.sqrt(n))
    assert 0.2 < end.acceptance.mean() < 0.99


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("sampler", ["mala", "metropolis"])
def test_detailed_balance_between_all_points_of_a_grid(name, sampler):
    target, step = TARGETS[name], 0.7
    points = grid([[-2, 2], [-2, 2]], 7)[0]
    here, there = (np.repeat(points, 49, axis=0), np.tile(points, (49, 1)))
    drift = step / 2 if sampler == "mala" else 0.0
    flows = []
    for x, goal in ((here, there), (there, here)):
        log_p, gradient = target(x)
        mean = x + drift * gradient
        xi = (goal - mean) / np.sqrt(step)
        path, _, _, log_ratio = _proposed(target, x, log_p, gradient, xi, WalkersConfig(sampler, step))
        assert path[-1] == pytest.approx(goal)
        density = norm(mean, np.sqrt(step)).logpdf(goal).sum(axis=1)
        flows.append(log_p + density + np.minimum(0, log_ratio))
    assert flows[0] == pytest.approx(flows[1], abs=1e-9)


@pytest.mark.parametrize("name", TARGETS)
def test_leapfrog_can_be_taken_back(name):
    target, rng = TARGETS[name], np.random.default_rng(2)
    x, momentum = rng.standard_normal((2, 50, 2))
    places, away, log_p, gradient = leapfrog(target, x, momentum, target(x)[1], 0.15, 12)
    assert log_p == pytest.approx(target(places[-1])[0])
    back, home, _, _ = leapfrog(target, places[-1], -away, gradient, 0.15, 12)
    assert np.abs(back[-1] - x).max() < 1e-10
    assert np.abs(home + momentum).max() < 1e-10
    assert np.abs(back[::-1] - places).max() < 1e-10


@pytest.mark.parametrize("name", TARGETS)
def test_leapfrog_keeps_volume(name):
    target, h = TARGETS[name], 1e-5
    at = np.array([0.4, -0.3, 0.8, 0.5])
    moved = at + h * np.concatenate([np.eye(4), -np.eye(4)])
    places, momentum, _, _ = leapfrog(target, moved[:, :2], moved[:, 2:], target(moved[:, :2])[1], 0.25, 8)
    ends = np.concatenate([places[-1], momentum], axis=1)
    jacobian = (ends[:4] - ends[4:]) / (2 * h)
    assert np.linalg.det(jacobian) == pytest.approx(1, abs=1e-6)
    assert np.abs(jacobian - np.eye(4)).max() > 0.1


def test_energy_is_nearly_kept_by_short_steps():
    x, momentum = np.random.default_rng(3).standard_normal((2, 30, 2))
    errors = []
    for length in (0.1, 0.05):
        _, away, log_p, _ = leapfrog(LUMPS, x, momentum, LUMPS(x)[1], length, round(2 / length))
        before = 0.5 * np.square(momentum).sum(axis=1) - LUMPS(x)[0]
        errors.append(np.abs(0.5 * np.square(away).sum(axis=1) - log_p - before).mean())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2), "of second order"


def test_hmc_with_one_leapfrog_step_is_mala():
    runs = [
        iterate_walkers(LUMPS, START, WalkersConfig(name, 0.5, 30, leapfrogs=1, seed=4)) for name in ("mala", "hmc")
    ]
    for one, other in zip(*runs, strict=True):
        assert one.x == pytest.approx(other.x, abs=1e-9)
        assert one.acceptance == pytest.approx(other.acceptance, abs=1e-9)


def test_ula_and_mala_propose_the_same_from_one_place():
    ula, mala = (
        list(iterate_walkers(LUMPS, START, WalkersConfig(name, 0.2, 1, seed=9)))[1] for name in ("ula", "mala")
    )
    assert np.array_equal(ula.proposal, mala.proposal)
    assert np.array_equal(ula.x, ula.proposal)
    assert ula.accepted.all()


def test_a_walker_goes_where_it_is_said_to_go():
    before = None
    for state in iterate_walkers(LUMPS, START, WalkersConfig("mala", 1.5, 40)):
        log_p, gradient = LUMPS(state.x)
        assert state.log_p == pytest.approx(log_p)
        assert state.gradient == pytest.approx(gradient)
        if before is not None:
            assert np.array_equal(state.path[0], before)
            assert np.array_equal(state.x, np.where(state.accepted[:, None], state.proposal, before))
        before = state.x
    assert not state.accepted.all()


def test_annealing_crosses_and_nothing_else_does():
    start = np.tile([[-2.4, 0.0]], (400, 1))
    right = {
        name: (walk(FAR, start, WalkersConfig(name, 0.1, 200, leapfrogs=5)).x[:, 0] > 0).mean() for name in SAMPLERS
    }
    assert right["annealed"] > 0.3
    assert max(share for name, share in right.items() if name != "annealed") < 0.02


def test_annealing_cools_by_one_factor_and_then_stays():
    config = WalkersConfig("annealed", n_steps=40, hottest=16, cooled=0.5)
    heat = np.array([config.temperature(t) for t in range(1, 41)])
    assert heat[0] == 16
    assert (heat[20:] == 1).all()
    assert heat[1:21] / heat[:20] == pytest.approx(np.full(20, 16 ** (-1 / 20)))
    assert WalkersConfig("mala").temperature(3) == 1


def test_annealing_at_one_temperature_is_ula_there():
    config = WalkersConfig("annealed", 0.6, 80, hottest=9.0, cooled=1.0, seed=3)
    first = list(iterate_walkers(RoundLumps([[0.0]], 1.0), np.zeros((20_000, 1)), config))[1]
    assert first.x.var() == pytest.approx(0.6 * 9, rel=0.04), "the noise of a step has the variance εT"


def test_a_walker_that_is_lost_is_nan_and_the_others_go_on():
    start = np.array([[0.0, 0.0], [60.0, 0.0]])
    states = list(iterate_walkers(Banana(1.0, 0.3), start, WalkersConfig("ula", 0.05, 30)))
    assert np.isnan(states[-1].x[1]).all()
    assert np.isfinite(states[-1].x[0]).all()
    kept = walk(Banana(1.0, 0.3), start, WalkersConfig("mala", 0.05, 30))
    assert np.isfinite(kept.x).all()


def test_what_has_no_density_is_never_taken():
    def half(x):
        return np.where(x[:, 0] > 0, -x[:, 0], -np.inf), np.stack([-np.ones(len(x)), 0 * x[:, 1]], axis=1)

    for sampler in ("mala", "metropolis", "hmc"):
        states = iterate_walkers(half, np.full((50, 2), 0.5), WalkersConfig(sampler, 1.0, 30))
        assert min(state.x[:, 0].min() for state in states) > 0


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "gibbs"},
        {"step": 0.0},
        {"step": np.nan},
        {"n_steps": -1},
        {"leapfrogs": 0},
        {"hottest": 0.5},
        {"cooled": 0.0},
        {"cooled": 1.5},
        {"seed": -1},
    ],
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match=r"give|choose"):
        WalkersConfig(**change)


def test_a_start_without_density_or_of_another_shape_is_refused():
    nowhere = lambda x: (np.full(len(x), -np.inf), x)  # noqa: E731
    with pytest.raises(ValueError, match="At the start"):
        next(iterate_walkers(nowhere, START, WalkersConfig()))
    with pytest.raises(ValueError, match="At the start"):
        next(iterate_walkers(lambda x: (x, x), START, WalkersConfig()))
    with pytest.raises(ValueError, match="shape"):
        next(iterate_walkers(LUMPS, np.zeros(3), WalkersConfig()))
