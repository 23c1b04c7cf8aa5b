"""Energies that are learned: each method's gradient, chains, states, resuming, divergence, and what is reached."""

import dataclasses

import numpy as np
import pytest

from genmodels.data.planar import get_dataset
from genmodels.energy.network import Perceptron
from genmodels.energy.training import METHODS, EnergyConfig, fit_energy, iterate_energy, langevin
from genmodels.nn.adam import views
from genmodels.states import DivergedError


def small(**options) -> EnergyConfig:
    return EnergyConfig(**({"hidden": (16,), "batch": 32, "n_steps": 3, "chain_steps": 2} | options))


CONTRACT = [(method, 3, lambda method=method: iterate_energy(None, small(method=method))) for method in METHODS]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def kl(state, dataset) -> float:
    """KL(data ‖ p_θ), nats, by quadrature."""
    grid = state.energy().on_grid()
    log_p = dataset.standard_log_prob(grid.x)
    p = np.exp(log_p) * grid.area
    return float((p * (log_p - grid.log_p))[p > 0].sum())


@pytest.mark.parametrize("adjusted", [True, False])
def test_chains_draw_from_the_gaussian_that_a_network_of_zeros_is(adjusted):
    config = EnergyConfig(spread=1.3, chain_step=0.4, chain_steps=60, adjusted=adjusted, x_waves=0)
    network = Perceptron(views(np.zeros(2 * 3 + 3, np.float32), (2, 2, 1)), config.spread, 0)
    x = langevin(np.zeros((2, 20_000), np.float32), network, config, rng())
    variance = config.spread**2 / (1 - (0 if adjusted else config.chain_step / (4 * config.spread**2)))
    assert np.square(x).mean() == pytest.approx(variance, abs=3 * variance * np.sqrt(2 / x.size))
    assert abs(x.mean()) < 3 * np.sqrt(variance / x.size)


def test_adjusted_chains_draw_from_what_the_grid_says():
    state = fit_energy(None, small(method="exact", data="ffjord8", n_steps=60, hidden=(32,)))
    config = dataclasses.replace(state.config, chain_steps=400, chain_step=0.1, spread=1.5)
    sizes = (14, 32, 1)
    network = Perceptron(views(np.array(state.average), sizes), config.spread, config.x_waves)
    x = langevin(2 * rng().standard_normal((2, 4_000), dtype=np.float32), network, config, rng(1)).T
    grid = state.energy().on_grid(6.0, 120)
    p = np.exp(grid.log_p) * grid.area
    for f in (lambda x: np.square(x[:, 0]), lambda x: (x[:, 0] > 0) & (x[:, 1] > 0), lambda x: np.hypot(*x.T) < 1):
        drawn, wanted = f(x).astype(float), p @ f(grid.x)
        assert drawn.mean() == pytest.approx(wanted, abs=4 * drawn.std() / np.sqrt(len(x)))


@pytest.mark.parametrize("method", METHODS)
def test_states(method):
    config = small(method=method, n_steps=25, every=10)
    states = list(iterate_energy(None, config))
    assert [s.step for s in states] == [0, 10, 20, 25]
    for s in states:
        assert s.parameters.dtype == np.float32
        assert not s.parameters.flags.writeable
        assert s.chains.shape == (32 if config.has_chains else 0, 2)
    assert np.isnan(states[0].contrast)
    assert np.isnan(states[-1].contrast) == (method == "denoising")
    assert np.abs(states[0].energy()(np.zeros((1, 2)))) < 1e-6, "it starts as the Gaussian's"


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_run_goes_on_bit_for_bit(method):
    config = small(method=method, every=7, n_steps=80)
    whole = list(iterate_energy(None, config))
    for saved in (whole[4], whole[4].snapshot()):
        for a, b in zip(list(iterate_energy(None, config, resume=saved))[1:], whole[5:], strict=True):
            for name in ("parameters", "average", "moments", "chains"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    with pytest.raises(ValueError, match="same energy"):
        next(iterate_energy(None, dataclasses.replace(config, hidden=(8,)), resume=whole[4]))
    with pytest.raises(ValueError, match="chains do not fit"):
        next(iterate_energy(None, config, resume=whole[4].snapshot() | {"chains": np.zeros((3, 2))}))


def test_contrastive_chains_start_at_data_and_persistent_ones_where_they_were():
    still = {"chain_step": 1e-12, "chain_steps": 1, "adjusted": False, "n_steps": 4}
    dataset = get_dataset("moons")
    x = dataset.standardise(dataset.sample(64 * 32, rng([0, 0]))).reshape(64, 32, 2)
    at_data = list(iterate_energy(None, small(method="contrastive", **still)))
    for state, batch in zip(at_data[1:], x, strict=False):
        np.testing.assert_allclose(state.chains, batch, atol=1e-4)
    kept = list(iterate_energy(None, small(method="persistent", **still)))
    np.testing.assert_allclose(kept[4].chains, kept[0].chains, atol=1e-4)
    anew = list(iterate_energy(None, small(method="replay", restart=0.5, **still)))
    moved = np.abs(anew[4].chains - anew[3].chains).max(axis=1) > 1e-3
    assert 0 < moved.sum() < 32


def test_without_a_negative_phase_the_energy_of_data_falls_for_ever():
    depth = []
    for state in iterate_energy(None, small(method="exact", negative=0.0, n_steps=300, every=100, decay=False)):
        dataset = get_dataset("moons")
        depth.append(state.energy()(dataset.standardise(dataset.sample(500, rng()))).mean())
    assert depth[0] > depth[1] > depth[2] > depth[3]
    assert depth[2] - depth[3] > depth[0] - depth[1], "faster and faster"
    balanced = fit_energy(None, small(method="exact", n_steps=300, decay=False))
    assert kl(balanced, dataset) < 1 < kl(state, dataset)


@pytest.mark.parametrize(("method", "most"), [("exact", 0.55), ("denoising", 1.1)])
def test_a_short_training_comes_near(method, most):
    state = fit_energy(None, EnergyConfig(method=method, hidden=(32,), batch=128, n_steps=200, noise=0.15))
    assert kl(state, get_dataset("moons")) < most < 1.76, "1.76 is where it starts"


@pytest.mark.slow
def test_few_steps_from_data_leave_wells_where_nothing_is_and_persistent_chains_fill_them():
    plain = {"adjusted": False, "chain_step": 0.005, "n_steps": 1_200}
    dataset = get_dataset("moons")

    def spurious(**options) -> float:
        grid = fit_energy(None, EnergyConfig(**plain, **options)).energy().on_grid()
        log_p = dataset.standard_log_prob(grid.x)
        order = np.argsort(-log_p)
        inside = np.cumsum(np.exp(log_p[order])) * grid.area <= 0.999
        return float(np.exp(grid.log_p[order[~inside]]).sum() * grid.area)

    few, many = spurious(method="contrastive", chain_steps=3), spurious(method="persistent", chain_steps=10)
    assert few > 0.15
    assert many < 0.03


def test_what_diverges_says_so():
    with pytest.raises(DivergedError, match="smaller"):
        fit_energy(None, small(adjusted=False, chain_step=50.0, chain_steps=30))
    with pytest.raises(DivergedError, match="smaller learning rate"):
        fit_energy(None, small(learning_rate=1e39, decay=False, n_steps=20))


def test_points_of_ones_own_in_any_dimension():
    points = rng().standard_normal((300, 3)) * [1, 2, 3] + 100
    state = fit_energy(points, small())
    np.testing.assert_allclose(state.centre, points.mean(axis=0))
    assert state.energy()(np.zeros((4, 3))).shape == (4,)
    with pytest.raises(ValueError, match="grid of the plane"):
        next(iterate_energy(points, small(method="exact")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "cd"), ("chain_steps", 0), ("chain_step", 0.0), ("spread", -1.0), ("noise", 0.0),
        ("restart", 1.5), ("negative", -0.1), ("x_waves", -1), ("hidden", (0,)),
    ],
)  # fmt: skip
def test_bad_settings_are_told(name, value):
    with pytest.raises(ValueError, match=name):
        EnergyConfig(**{name: value})
