"""A Hopfield net: its energy by the definition, never rising; its capacity; what is stored and what is not."""

from itertools import pairwise

import numpy as np
import pytest

from genmodels.hopfield import (
    CAPACITY,
    HopfieldConfig,
    energy,
    iterate_hopfield,
    overlaps,
    run_hopfield,
    store_patterns,
)

RNG = np.random.default_rng(0)
XI = RNG.choice([-1.0, 1.0], (3, 60))
START = RNG.choice([-1.0, 1.0], 60)
CONTRACT = [("hopfield", 90, lambda: iterate_hopfield(store_patterns(XI), START, HopfieldConfig(90)))]


@pytest.mark.parametrize("rule", ["hebb", "pseudo"])
def test_weights_are_those_of_the_rule(rule):
    w = store_patterns(XI, rule)
    expected = sum(np.outer(x, x) for x in XI) / 60
    if rule == "pseudo":
        basis = np.linalg.qr(XI.T)[0]
        expected = basis @ basis.T
    off = ~np.eye(60, dtype=bool)
    assert w[off] == pytest.approx(expected[off], abs=1e-10)
    assert not np.diagonal(w).any()


def test_energy_is_that_of_the_definition_in_every_state_and_never_rises():
    w = store_patterns(XI)
    states = list(iterate_hopfield(w, START, HopfieldConfig(300, seed=4)))
    by_hand = [
        -0.5 * sum(w[i, j] * s.units[i] * s.units[j] for i in range(60) for j in range(60)) for s in states[::60]
    ]
    assert [s.energy for s in states[::60]] == pytest.approx(by_hand)
    assert energy(w, np.array([s.units for s in states])) == pytest.approx([s.energy for s in states])
    assert (np.diff([s.energy for s in states]) <= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_energy_never_rises_whatever_the_weights(seed):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((40, 40))
    w = w + w.T
    np.fill_diagonal(w, 0)
    states = list(iterate_hopfield(w, rng.choice([-1.0, 1.0], 40), HopfieldConfig(400, seed)))
    assert (np.diff([s.energy for s in states]) <= 1e-12).all()
    flips = np.diff([s.flips for s in states])
    assert ((np.diff([s.energy for s in states]) < 0) == (flips == 1)).all()


def test_one_unit_at_a_time_each_once_a_sweep():
    states = list(iterate_hopfield(store_patterns(XI), START, HopfieldConfig(180)))
    changed = [np.flatnonzero(a.units != b.units) for a, b in pairwise(states)]
    assert max(map(len, changed)) == 1
    first = [int(c[0]) for c in changed[:60] if len(c)]
    assert len(first) == len(set(first))


def test_settled_is_a_state_that_no_flip_improves():
    w = store_patterns(XI)
    for state in iterate_hopfield(w, START, HopfieldConfig(200)):
        better = [
            energy(w, np.where(np.arange(60) == i, -state.units, state.units)) < state.energy - 1e-9
            for i in range(60)
        ]
        assert state.settled == (not any(better))


def test_a_broken_pattern_is_mended():
    broken = XI[1] * np.where(RNG.random(60) < 0.15, -1, 1)
    end = run_hopfield(store_patterns(XI), broken, HopfieldConfig(300))
    assert end.settled
    assert np.array_equal(end.units, XI[1])
    assert overlaps(XI, end.units)[1] == 1


def test_random_patterns_are_held_up_to_the_known_capacity():
    """N = 500: nearly no wrong unit at 0.10 N, a rout at 0.20 N."""
    n, wrong = 500, {}
    for share in (0.10, CAPACITY + 0.06):
        rng = np.random.default_rng(1)
        xi = rng.choice([-1.0, 1.0], (int(share * n), n))
        w = store_patterns(xi)
        wrong[share] = np.mean(
            [(1 - overlaps(xi, run_hopfield(w, x, HopfieldConfig(4000)).units)[k]) / 2 for k, x in enumerate(xi[:10])]
        )
    low, high = wrong.values()
    assert low < 0.03
    assert high > 0.15


def test_alike_patterns_are_lost_by_hebb_and_held_by_the_projection():
    rng = np.random.default_rng(2)
    common = rng.choice([-1.0, 1.0], 200)
    xi = np.array([common * np.where(rng.random(200) < 0.2, -1, 1) for _ in range(5)])
    hebb, pseudo = (store_patterns(xi, rule) for rule in ("hebb", "pseudo"))
    assert all(((hebb @ x) * x < 0).any() for x in xi)
    assert all(((pseudo @ x) * x > 0).all() for x in xi)


def test_what_nobody_stored_is_there_too():
    """Every negative; and of three random patterns the mixture."""
    w = store_patterns(RNG.choice([-1.0, 1.0], (3, 1000)))
    xi = RNG.choice([-1.0, 1.0], (3, 1000))
    w = store_patterns(xi)
    for state in (-xi[0], np.sign(xi.sum(axis=0))):
        end = run_hopfield(w, state, HopfieldConfig(3000))
        assert overlaps(state[None], end.units)[0] > 0.95
    assert energy(w, -xi[0]) == pytest.approx(float(energy(w, xi[0])))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: store_patterns(XI / 2), "−1 or 1"),
        (lambda: store_patterns(XI[0]), "shape"),
        (lambda: store_patterns(XI, "delta"), "rule"),
        (lambda: run_hopfield(np.eye(60), START, HopfieldConfig()), "diagonal"),
        (lambda: run_hopfield(np.triu(np.ones((60, 60)), 1), START, HopfieldConfig()), "symmetric"),
        (lambda: run_hopfield(store_patterns(XI), START[:5], HopfieldConfig()), "shape"),
        (lambda: HopfieldConfig(-1), "n_steps"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
