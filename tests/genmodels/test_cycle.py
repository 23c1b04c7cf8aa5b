"""Two clouds and two maps: losses by the definition, gradients by differences, and a pairing that stays open."""

import numpy as np
import pytest

from genmodels.cycle import CycleConfig, fit_cycle, iterate_cycle, turned
from genmodels.metrics import energy_distance

RING = np.stack([np.cos(2 * np.pi * np.arange(48) / 48), np.sin(2 * np.pi * np.arange(48) / 48)], axis=1)
CONTRACT = [("cycle", 6, lambda: iterate_cycle(CycleConfig(1.0, 2.0, 0.5, identity=0.3, pairs=0.2, n_steps=6)))]


def losses(forward, back, partner, points=RING):
    """Cycle, identity, pairs, by their definitions on points."""

    def mean(a, b):
        return np.square(a - b).sum(axis=1).mean()

    def there(x):
        return turned(x, forward)

    def home(y):
        return turned(y, -back)

    cycle = mean(home(there(points)), points) + mean(there(home(points)), points)
    identity = mean(there(points), points) + mean(home(points), points)
    pairs = mean(there(points), turned(points, partner)) + mean(home(points), turned(points, -partner))
    return np.array([cycle, identity, pairs])


@pytest.mark.parametrize("points", [RING, RING[:1], RING[3:9]], ids=["ring", "one point", "an arc"])
def test_losses_are_those_of_points(points):
    state = next(iterate_cycle(CycleConfig(0.7, -1.1, 0.4)))
    cycle, identity, _ = losses(0.7, -1.1, 0.4, points)
    assert (state.cycle, state.identity) == pytest.approx((cycle, identity))
    assert state.pairing == pytest.approx(np.square(turned(points, 0.7) - turned(points, 0.4)).sum(axis=1).mean())


def test_a_step_goes_down_the_gradient():
    config = CycleConfig(0.7, -1.1, 0.4, cycle=0.5, identity=0.2, pairs=0.3, learning_rate=0.1, n_steps=1)
    weights, h = np.array([0.5, 0.2, 0.3]), 1e-6
    down = [
        weights @ (losses(0.7 + h * i, -1.1 + h * j, 0.4) - losses(0.7 - h * i, -1.1 - h * j, 0.4)) / (2 * h)
        for i, j in ((1, 0), (0, 1))
    ]
    end = fit_cycle(config)
    assert (end.forward, end.back) == pytest.approx((0.7 - 0.1 * down[0], -1.1 - 0.1 * down[1]), abs=1e-6)


@pytest.mark.parametrize("start", [(0.3, 1.0), (2.0, 1.5), (-1.0, -2.5)])
def test_the_cycle_alone_leaves_the_pairing_where_the_start_makes_it(start):
    end = fit_cycle(CycleConfig(*start, partner=0.0))
    assert end.cycle < 1e-6
    assert end.forward == pytest.approx(sum(start) / 2), "the mean of both stays"
    assert end.pairing > 0.3


def test_no_turn_changes_the_cloud():
    between = [energy_distance(turned(RING, angle), RING) for angle in np.linspace(0, 3, 7)]
    assert max(between) < 0.05
    assert energy_distance(RING, 1.2 * RING) > 3 * max(between)


def test_identity_finds_no_turn_and_pairs_find_the_true_one():
    start = {"forward": 2.0, "back": 1.0, "n_steps": 400}
    assert fit_cycle(CycleConfig(**start, partner=0.0, identity=0.5)).pairing < 1e-6
    assert fit_cycle(CycleConfig(**start, partner=1.2, identity=0.5)).forward == pytest.approx(0, abs=1e-6)
    assert fit_cycle(CycleConfig(**start, partner=1.2, pairs=0.5)).pairing < 1e-6


def test_opposite_maps_are_a_saddle():
    end = fit_cycle(CycleConfig(np.pi, 0.0))
    assert end.cycle == pytest.approx(8)


@pytest.mark.parametrize("wrong", [{"cycle": -1.0}, {"learning_rate": 0.0}, {"n_steps": -1}, {"partner": np.nan}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CycleConfig(1.0, 0.0, **wrong)
