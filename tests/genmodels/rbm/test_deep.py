"""Two layers against the definition: sums over every state of all three layers, one by one."""

import itertools

import numpy as np
import pytest
from scipy.special import entr

from genmodels.rbm.ais import annealed_log_z
from genmodels.rbm.chains import ChainConfig
from genmodels.rbm.deep import (
    DBM,
    DBN,
    DBMConfig,
    DBMTraining,
    DBNTraining,
    iterate_dbm,
    iterate_dbn,
    iterate_dreams,
    run_dreams,
)
from genmodels.rbm.model import RBM
from genmodels.rbm.training import RBMConfig

RNG = np.random.default_rng(3)
D, H, T = 5, 4, 3
BOTTOM = RBM(RNG.standard_normal((D, H)), RNG.standard_normal(D), RNG.standard_normal(H))
NET = DBN(BOTTOM, RBM(RNG.standard_normal((H, T)), RNG.standard_normal(H), RNG.standard_normal(T)))
MACHINE = DBM(
    RNG.standard_normal((D, H)),
    RNG.standard_normal((H, T)),
    RNG.standard_normal(D),
    RNG.standard_normal(H),
    RNG.standard_normal(T),
)
V, HS, TS = (np.array(list(itertools.product([0.0, 1.0], repeat=n))) for n in (D, H, T))
SOME = (RNG.random((40, 12)) < 0.4).astype(float)
SMALL = RBM(0.3 * RNG.standard_normal((12, 6)), np.zeros(12), np.zeros(6))
CONTRACT = [
    ("dbn-pcd", 5, lambda: iterate_dbn(SOME, SMALL, RBMConfig(12, batch=16, n_steps=5, decay=True))),
    ("dbn-cd", 4, lambda: iterate_dbn(SOME, SMALL, RBMConfig(7, "cd", batch=50, n_steps=4))),
    ("dbm-pcd", 5, lambda: iterate_dbm(SOME, SMALL, DBMConfig(4, batch=16, n_steps=5))),
    ("dbm-exact", 4, lambda: iterate_dbm(SOME, SMALL, DBMConfig(4, "exact", n_steps=4))),
    ("dbm-dreams", 6, lambda: iterate_dreams(MACHINE, V[:4], ChainConfig(6))),
    ("dbn-dreams", 6, lambda: iterate_dreams(NET, V[:4], ChainConfig(6))),
]


def joint(m=MACHINE):
    """p(v, h¹, h²), ``(2^D, 2^H, 2^T)``, and Z: the definition."""
    energy = np.array(
        [
            [
                [
                    -(v @ m.visible + h @ m.middle + t @ m.top + v @ m.lower @ h + h @ m.upper @ t)
                    for t in TS[:, : len(m.top)]
                ]
                for h in HS
            ]
            for v in V
        ]
    )
    z = np.exp(-energy).sum()
    return np.exp(-energy) / z, z


P, Z = joint()


def net_joint(net=NET):
    """p(v, h¹), ``(2^D, 2^H)``, by the definition: the top's joint, and the pixels below as coins."""
    top = np.array(
        [
            sum(np.exp(h @ net.top.visible + t @ net.top.hidden + h @ net.top.weights @ t) for t in binary(net))
            for h in HS
        ]
    )
    on = 1 / (1 + np.exp(-(HS @ net.bottom.weights.T + net.bottom.visible)))
    below = np.array([[np.prod(np.where(v == 1, p, 1 - p)) for p in on] for v in V])
    return below * top / top.sum()


def binary(net):
    return np.array(list(itertools.product([0.0, 1.0], repeat=net.top.n_hidden)))


def posterior(net=NET):
    """q(h¹ | v), ``(2^D, 2^H)``."""
    on = 1 / (1 + np.exp(-(V @ net.bottom.weights + net.bottom.hidden)))
    return np.array([[np.prod(np.where(h == 1, p, 1 - p)) for h in HS] for p in on])


def upside_down(rbm):
    return DBN(rbm, RBM(rbm.weights.T, rbm.hidden, rbm.visible))


# --- DBN ------------------------------------------------------------------------------------------------------------


def test_a_nets_log_prob_counts_every_state():
    assert NET.log_prob(V) == pytest.approx(np.log(net_joint().sum(axis=1)), abs=1e-10)
    assert np.exp(NET.log_prob(V)).sum() == pytest.approx(1, abs=1e-10)


def test_a_nets_bound_is_that_of_the_definition_and_below_log_p():
    """The mean over all states h¹, with its entropy; drawn, within the error of the draws."""
    q, p = posterior(), net_joint()
    exact = (q * (np.log(p) - np.log(q))).sum(axis=1)
    draws = np.array([NET.bound(V, NET.top.log_z(), rng=seed) for seed in range(3000)])
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - exact) < 5 * error).all()
    assert (exact < NET.log_prob(V)).all()
    gap = (q * (np.log(q) - np.log(p / p.sum(axis=1, keepdims=True)))).sum(axis=1)
    assert NET.log_prob(V) - exact == pytest.approx(gap, abs=1e-10), "KL(q ‖ p(h¹ | v))"


def test_upside_down_the_top_leaves_the_rbm_as_it_is_and_each_draw_is_exact():
    net = upside_down(BOTTOM)
    assert net.log_prob(V) == pytest.approx(BOTTOM.log_prob(V), abs=1e-10)
    for seed in range(5):
        assert net.bound(V, net.top.log_z(), rng=seed) == pytest.approx(BOTTOM.log_prob(V), abs=1e-10)


def test_a_top_begins_upside_down_and_better_tops_raise_the_bound():
    """Trained by counting on h¹ of all the data, drawn; the bound by all states of h¹."""
    x = V[[1, 1, 2, 30, 30, 30, 31]]
    states = list(iterate_dbn(np.repeat(x, 300, axis=0), BOTTOM, RBMConfig(D, "exact", n_steps=200, batch=4000), 200))
    first, end = (DBN(BOTTOM, state.top()) for state in states)
    assert first.log_prob(V) == pytest.approx(BOTTOM.log_prob(V), abs=1e-10)
    q = posterior()[[1, 1, 2, 30, 30, 30, 31]]
    before, after = (
        (q * (np.log(net_joint(net)[[1, 1, 2, 30, 30, 30, 31]]) - np.log(q))).sum(axis=1).mean()
        for net in (first, end)
    )
    assert after > before + 0.1
    assert end.log_prob(x).mean() > after


def test_the_tops_data_are_drawn_anew():
    training = DBNTraining(SOME, SMALL, RBMConfig(12, batch=20, n_steps=4))
    seen = []
    for _ in range(4):
        training.update()
        seen.append(training.inner.x)
    assert seen[0] is seen[1]
    assert (seen[1] != seen[2]).any()
    assert seen[0].shape == training.q.shape


# --- DBM ------------------------------------------------------------------------------------------------------------


def test_a_dbm_counts_every_state():
    assert MACHINE.folded().log_z() == pytest.approx(np.log(Z), abs=1e-10)
    assert MACHINE.log_prob(V) == pytest.approx(np.log(P.sum(axis=(1, 2))), abs=1e-10)


def test_each_update_of_mean_field_raises_the_bound_and_none_reaches_log_p():
    log_z, last = np.log(Z), None
    for n in range(12):
        found = MACHINE.bound(V, *MACHINE.mean_field(V, n), log_z)
        assert (found < MACHINE.log_prob(V)).all()
        assert last is None or (found >= last - 1e-12).all()
        last = found


def test_the_bound_is_that_of_the_definition():
    mu_1, mu_2 = MACHINE.mean_field(V)
    for n, v in enumerate(V):
        q_1 = np.array([np.prod(np.where(h == 1, mu_1[n], 1 - mu_1[n])) for h in HS])
        q_2 = np.array([np.prod(np.where(t == 1, mu_2[n], 1 - mu_2[n])) for t in TS])
        q = np.outer(q_1, q_2)
        expected = (q * (np.log(P[n]) - np.log(q))).sum()
        assert MACHINE.bound(v[None], mu_1[[n]], mu_2[[n]], np.log(Z))[0] == pytest.approx(expected, abs=1e-10)
        assert entr(q).sum() == pytest.approx(entr(q_1).sum() + entr(q_2).sum(), abs=1e-10)


def test_at_rest_the_bound_has_no_slope():
    mu_1, mu_2 = MACHINE.mean_field(V, 2000)
    best = MACHINE.bound(V, mu_1, mu_2, 0.0)
    for way in range(5):
        nudge = 1e-5 * np.random.default_rng(way).standard_normal((1, H))
        up, down = (MACHINE.bound(V, mu_1 + sign * nudge, mu_2, 0.0) for sign in (1, -1))
        assert (up - down) / 2e-5 == pytest.approx(0, abs=1e-5)
        assert (up < best + 1e-9).all()


def test_without_a_second_layer_it_is_the_rbm_and_mean_field_is_exact():
    dbm = DBM(BOTTOM.weights, np.zeros((H, T)), BOTTOM.visible, BOTTOM.hidden, np.zeros(T))
    assert dbm.log_prob(V) == pytest.approx(BOTTOM.log_prob(V), abs=1e-10)
    found = dbm.bound(V, *dbm.mean_field(V), dbm.folded().log_z())
    assert found == pytest.approx(BOTTOM.log_prob(V), abs=1e-10)


def test_the_exact_phases_are_the_slope_of_the_bound():
    """With μ at rest, ∂ bound / ∂ θ of each of the five parts, by central differences."""
    x = V[[3, 7, 7, 20]]
    training = DBMTraining(x, BOTTOM, DBMConfig(T, "exact", updates=2000, n_steps=1))
    training.dbm = DBM(*(np.array(part) for part in parts_of(MACHINE)))
    found = np.concatenate([part.ravel() for part in training.phases(x)])

    def of(parts):
        dbm = DBM(*parts)
        return dbm.bound(x, *MACHINE.mean_field(x, 2000), dbm.folded().log_z()).mean()

    numerical = []
    for k, part in enumerate(parts_of(MACHINE)):
        for at in np.ndindex(part.shape):
            ends = []
            for sign in (1, -1):
                moved = [p.copy() for p in parts_of(MACHINE)]
                moved[k][at] += sign * 1e-5
                ends.append(of(moved))
            numerical.append((ends[0] - ends[1]) / 2e-5)
    assert found == pytest.approx(np.array(numerical), abs=1e-8)


def parts_of(dbm):
    return [np.array(getattr(dbm, name)) for name in ("lower", "upper", "visible", "middle", "top")]


def test_exact_training_raises_the_bound():
    x = V[[1, 1, 2, 30, 30, 30, 31]]
    found = []
    for state in iterate_dbm(x, BOTTOM, DBMConfig(T, "exact", updates=50, learning_rate=0.2, n_steps=300), 30):
        dbm = state.dbm()
        found.append(dbm.bound(x, *dbm.mean_field(x, 50), dbm.folded().log_z()).mean())
    assert (np.diff(found) > -1e-9).all()
    assert found[-1] > found[0] + 0.5


def test_persistent_chains_follow_the_exact_phases_on_average():
    training = DBMTraining(V, BOTTOM, DBMConfig(T, n_chains=3000, n_steps=1))
    training.dbm = MACHINE
    many = [np.concatenate([part.ravel() for part in training.phases(V)]) for _ in range(120)][20:]
    exact = DBMTraining(V, BOTTOM, DBMConfig(T, "exact", n_steps=1))
    exact.dbm = MACHINE
    expected = np.concatenate([part.ravel() for part in exact.phases(V)])
    assert np.mean(many, axis=0) == pytest.approx(expected, abs=0.01)


def test_annealing_finds_a_dbms_log_z():
    found = annealed_log_z(MACHINE.folded(), np.zeros(D + T), 200, 500)
    assert abs(found.log_z - np.log(Z)) < 4 * found.error < 0.2


def test_importance_sampling_finds_log_p_of_both():
    """Unbiased for p(v), so with many draws near; with one it is on average no more than log p."""
    mu_1, mu_2 = MACHINE.mean_field(V)
    assert MACHINE.importance(V, mu_2, np.log(Z), 20_000) == pytest.approx(MACHINE.log_prob(V), abs=0.05)
    assert NET.importance(V, NET.top.log_z(), 20_000) == pytest.approx(NET.log_prob(V), abs=0.15)
    few = np.mean([MACHINE.importance(V, mu_2, np.log(Z), 1, seed) for seed in range(1000)], axis=0)
    assert (few < MACHINE.log_prob(V) + 0.02).all()
    assert few.mean() > MACHINE.bound(V, mu_1, mu_2, np.log(Z)).mean(), "h¹ is summed out"
    draws = NET.bound(V, 0.0, 7), NET.importance(V, 0.0, 7)
    assert (draws[0] < draws[1]).all(), "a mean of logarithms is below the logarithm of the mean"
    with pytest.raises(ValueError, match="n_samples"):
        MACHINE.importance(V, mu_2, 0.0, 0)


# --- dreams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("machine", "p"), [(MACHINE, P.sum(axis=(1, 2))), (NET, net_joint().sum(axis=1))])
def test_dreams_have_the_machines_p(machine, p):
    """After 60 steps, of 60,000 chains."""
    end = run_dreams(machine, np.zeros((60_000, D)), ChainConfig(60, 1))
    counts = np.array([(end.images == v).all(axis=1).mean() for v in V])
    assert counts == pytest.approx(p, abs=5 * np.sqrt(0.25 / 60_000))


def test_a_step_draws_from_the_top_down():
    end = run_dreams(NET, V[:6], ChainConfig(3))
    assert end.ink == pytest.approx(BOTTOM.visible_given(end.middle))
    assert {part.shape for part in (end.ink, end.middle, end.top)} == {(6, D), (6, H), (6, T)}


def test_without_a_step_dreams_are_where_they_began():
    for machine in (NET, MACHINE):
        assert np.array_equal(run_dreams(machine, V, ChainConfig(0)).ink, V)


@pytest.mark.parametrize(
    "wrong", [{"n_top": 0}, {"method": "cd"}, {"updates": 0}, {"learning_rate": 0.0}, {"scale": -1.0}, {"seed": -1}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DBMConfig(**wrong)


def test_layers_have_to_fit_and_images_to_be_there():
    with pytest.raises(ValueError, match="top is for"):
        DBN(BOTTOM, BOTTOM)
    with pytest.raises(ValueError, match="belong together"):
        DBM(np.zeros((D, H)), np.zeros((T, H)), np.zeros(D), np.zeros(H), np.zeros(T))
    for training, config in ((DBNTraining, RBMConfig(3)), (DBMTraining, DBMConfig(3))):
        with pytest.raises(ValueError, match="no image"):
            training(SOME[:0], SMALL, config)
    with pytest.raises(ValueError, match="n_samples"):
        NET.bound(V, 0.0, n_samples=0)
