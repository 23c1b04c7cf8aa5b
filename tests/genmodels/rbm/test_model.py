"""The machine against the definition: sums over every state of both layers, one by one."""

import itertools

import numpy as np
import pytest
from sklearn.neural_network import BernoulliRBM

from genmodels.rbm.model import RBM, binary_states, state_numbers

RNG = np.random.default_rng(3)
D, H = 5, 3
MACHINE = RBM(RNG.standard_normal((D, H)), RNG.standard_normal(D), RNG.standard_normal(H))
V = np.array(list(itertools.product([0.0, 1.0], repeat=D)))
HS = np.array(list(itertools.product([0.0, 1.0], repeat=H)))
DATA = V[RNG.integers(len(V), size=7)]


def joint(machine=MACHINE):
    """p(v, h), ``(2^D, 2^H)``, and Z: the definition."""
    energies = np.array(
        [
            [
                -sum(v * machine.visible) - sum(h * machine.hidden) - v @ machine.weights @ h
                for h in HS[:, : machine.n_hidden]
            ]
            for v in V
        ]
    )
    z = np.exp(-energies).sum()
    return np.exp(-energies) / z, z


P, Z = joint()


def numerical(of, machine=MACHINE, step=1e-5):
    """∂ of(machine) by W, b, c, by central differences."""
    parts = (machine.weights, machine.visible, machine.hidden)
    found = []
    for k, part in enumerate(parts):
        for at in np.ndindex(part.shape):
            ends = []
            for sign in (1, -1):
                moved = [p.copy() for p in parts]
                moved[k][at] += sign * step
                ends.append(of(RBM(*moved)))
            found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


def test_energy_and_free_energy_are_those_of_the_definition():
    pairs = [(v, h) for v in V for h in HS]
    v, h = (np.array(rows) for rows in zip(*pairs, strict=True))
    assert np.exp(-MACHINE.energy(v, h)).reshape(P.shape) / Z == pytest.approx(P, abs=1e-10)
    assert np.exp(-MACHINE.free_energy(V)) / Z == pytest.approx(P.sum(axis=1), abs=1e-10)


def test_log_z_and_log_prob_count_every_state():
    assert MACHINE.log_z() == pytest.approx(np.log(Z), abs=1e-10)
    assert MACHINE.log_prob(V) == pytest.approx(np.log(P.sum(axis=1)), abs=1e-10)
    assert np.exp(MACHINE.log_prob(V)).sum() == pytest.approx(1, abs=1e-10)


def test_conditionals_are_ratios_of_the_joint():
    assert MACHINE.hidden_given(V) == pytest.approx(P @ HS / P.sum(axis=1, keepdims=True), abs=1e-10)
    assert MACHINE.visible_given(HS) == pytest.approx(P.T @ V / P.sum(axis=0)[:, None], abs=1e-10)


def test_expectations_are_sums_over_the_joint():
    found = MACHINE.expectations()
    assert found.weights == pytest.approx(V.T @ P @ HS, abs=1e-10)
    assert found.visible == pytest.approx(P.sum(axis=1) @ V, abs=1e-10)
    assert found.hidden == pytest.approx(P.sum(axis=0) @ HS, abs=1e-10)


def test_the_gradient_is_that_of_the_definition_and_of_differences():
    given = P / P.sum(axis=1, keepdims=True)
    rows = given[[int(np.flatnonzero((v == V).all(axis=1))[0]) for v in DATA]]
    weights = DATA.T @ (rows @ HS) / len(DATA) - V.T @ P @ HS
    found = MACHINE.gradient(DATA)
    assert found.weights == pytest.approx(weights, abs=1e-10)
    assert found.visible == pytest.approx(DATA.mean(axis=0) - P.sum(axis=1) @ V, abs=1e-10)
    assert found.hidden == pytest.approx((rows @ HS).mean(axis=0) - P.sum(axis=0) @ HS, abs=1e-10)
    assert found.flat() == pytest.approx(numerical(lambda m: m.log_prob(DATA).mean()), abs=1e-8)


def test_counting_in_blocks_is_counting(monkeypatch):
    whole = MACHINE.log_z(), MACHINE.expectations().flat()
    monkeypatch.setattr("genmodels.rbm.model.BLOCK", 16)
    assert MACHINE.log_z() == pytest.approx(whole[0], abs=1e-12)
    assert MACHINE.expectations().flat() == pytest.approx(whole[1], abs=1e-12)


def test_pseudo_likelihood_is_the_mean_of_each_pixel_given_all_others():
    p = P.sum(axis=1)
    expected = []
    for v in V:
        total = 0.0
        for d in range(D):
            other = v.copy()
            other[d] = 1 - other[d]
            here, there = (p[np.flatnonzero((x == V).all(axis=1))[0]] for x in (v, other))
            total += np.log(here / (here + there))
        expected.append(total / D)
    assert MACHINE.pseudo_log_likelihood(V) == pytest.approx(expected, abs=1e-10)


def test_scikit_learns_score_is_one_pixels_times_their_number():
    """It flips one random pixel a row and multiplies by D; the mean over many draws is D times ours."""
    theirs = BernoulliRBM(H, random_state=0)
    theirs.components_, theirs.intercept_hidden_, theirs.intercept_visible_ = (
        MACHINE.weights.T,
        MACHINE.hidden,
        MACHINE.visible,
    )
    scores = theirs.score_samples(V)
    pixels = np.random.RandomState(0).randint(0, D, len(V))
    flipped = V.copy()
    flipped[np.arange(len(V)), pixels] = 1 - V[np.arange(len(V)), pixels]
    p = np.exp(MACHINE.log_prob(V))
    q = np.exp(MACHINE.log_prob(flipped))
    assert scores == pytest.approx(D * np.log(p / (p + q)), abs=1e-9)
    many = np.repeat(V, 2000, axis=0)
    mean = theirs.score_samples(many).reshape(len(V), -1).mean(axis=1)
    assert mean == pytest.approx(D * MACHINE.pseudo_log_likelihood(V), abs=0.4)


def test_cd_is_biased_and_less_with_more_steps():
    exact = MACHINE.gradient(DATA).flat()
    off = [np.linalg.norm(MACHINE.expected_cd(DATA, k).flat() - exact) for k in (1, 3, 10, 40)]
    assert off[0] > 0.1 * np.linalg.norm(exact), "CD-1 is off by more than a tenth"
    assert (np.diff(off) < 0).all()
    assert off[-1] < 1e-3


def test_expected_cd_is_the_mean_of_draws():
    machine, rng, draws = MACHINE, np.random.default_rng(0), 40_000
    v0 = DATA[rng.integers(len(DATA), size=draws)]
    h0 = (rng.random((draws, H)) < machine.hidden_given(v0)) * 1.0
    v, p, _ = machine.gibbs(h0, rng)
    mean = machine.of_data(DATA).weights - v.T @ p / draws
    assert machine.expected_cd(DATA).weights == pytest.approx(mean, abs=4 / np.sqrt(draws))


def test_gibbs_keeps_the_distribution():
    """From draws of p(h), a step leads to draws of p(v) and p(h) again."""
    rng, n = np.random.default_rng(1), 60_000
    h = HS[rng.choice(len(HS), n, p=P.sum(axis=0))]
    v, p, after = MACHINE.gibbs(h, rng)
    shares = np.bincount(state_numbers(v[:, ::-1]), minlength=len(V)) / n
    assert shares == pytest.approx(P.sum(axis=1), abs=0.01)
    assert after.mean(axis=0) == pytest.approx(P.sum(axis=0) @ HS, abs=0.01)
    assert p == pytest.approx(MACHINE.hidden_given(v))


def test_float32_stays_float32():
    single = RBM(*(part.astype(np.float32) for part in (MACHINE.weights, MACHINE.visible, MACHINE.hidden)))
    v, p, h = single.gibbs(HS.astype(np.float32), np.random.default_rng(0))
    assert {v.dtype, p.dtype, h.dtype, single.free_energy(V.astype(np.float32)).dtype} == {np.dtype(np.float32)}
    assert single.log_prob(V) == pytest.approx(MACHINE.log_prob(V), abs=1e-5)


def test_states_and_their_numbers():
    assert sorted(map(tuple, binary_states(D))) == sorted(map(tuple, V))
    assert state_numbers(binary_states(7)).tolist() == list(range(128))
    assert binary_states(6, 5, 9).tolist() == binary_states(6)[5:9].tolist()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RBM(np.zeros((3, 2)), np.zeros(2), np.zeros(2)), "belong together"),
        (lambda: RBM(np.full((3, 2), np.nan), np.zeros(3), np.zeros(2)), "finite"),
        (lambda: MACHINE.log_prob(V / 2), "binarise"),
        (lambda: MACHINE.log_prob(V[:, :3]), "shape"),
        (lambda: RBM(np.zeros((3, 21)), np.zeros(3), np.zeros(21)).log_z(), "genmodels.rbm.ais"),
        (lambda: MACHINE.expected_cd(DATA, 0), "k is 0"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
