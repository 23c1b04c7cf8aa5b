"""Chains of a machine that can be counted: where they tend to, free and with pixels held."""

import numpy as np
import pytest

from genmodels.rbm.chains import ChainConfig, iterate_chains, run_chains
from genmodels.rbm.model import RBM, binary_states, state_numbers

RNG = np.random.default_rng(2)
MACHINE = RBM(RNG.standard_normal((6, 4)), RNG.standard_normal(6), RNG.standard_normal(4))
START = np.zeros((3, 6))
HELD = np.array([True, True, False, False, False, True])
CONTRACT = [("rbm-chains", 4, lambda: iterate_chains(MACHINE, START, ChainConfig(4, 1), HELD))]
MANY = 30_000


def test_free_chains_tend_to_p():
    end = run_chains(MACHINE, np.zeros((MANY, 6)), ChainConfig(40))
    shares = np.bincount(state_numbers(end.images), minlength=64) / MANY
    assert shares == pytest.approx(np.exp(MACHINE.log_prob(binary_states(6))), abs=0.012)


def test_held_chains_tend_to_the_conditional():
    start = np.zeros((MANY, 6))
    start[:, [0, 5]] = 1
    end = run_chains(MACHINE, start, ChainConfig(40), HELD)
    assert (end.images[:, HELD] == [1, 0, 1]).all()
    states = binary_states(6)
    p = np.exp(MACHINE.log_prob(states)) * (states[:, HELD] == [1, 0, 1]).all(axis=1)
    shares = np.bincount(state_numbers(end.images), minlength=64) / MANY
    assert shares == pytest.approx(p / p.sum(), abs=0.012)


def test_ink_is_what_pixels_are_drawn_from():
    states = list(iterate_chains(MACHINE, np.zeros((MANY, 6)), ChainConfig(2)))
    assert np.array_equal(states[0].ink, states[0].images)
    assert states[2].images.mean(axis=0) == pytest.approx(states[2].ink.mean(axis=0), abs=0.012)


def test_each_chain_may_hold_its_own():
    held = np.zeros((3, 6), bool)
    held[1] = True
    end = run_chains(MACHINE, np.ones((3, 6)), ChainConfig(20), held)
    assert (end.images[1] == 1).all()
    assert (end.ink[1] == 1).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="held"):
        run_chains(MACHINE, START, ChainConfig(1), HELD[:4])
    with pytest.raises(ValueError, match="binarise"):
        run_chains(MACHINE, START + 0.5, ChainConfig(1))
    with pytest.raises(ValueError, match="n_steps"):
        ChainConfig(-1)
