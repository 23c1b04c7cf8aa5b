"""The stored flows, and small builds of their recipes."""

import numpy as np
import pytest

from genmodels.data.planar import get_dataset
from genmodels.flows.flow import Flow, FlowConfig
from genmodels.recipes import flows as recipes
from genmodels.store import building, checkpoint
from tests.genmodels.recipes.interrupted import build

RECIPES = {recipe.name: recipe for recipe in recipes.RECIPES}
STORED = checkpoint.entries()  # test_train.py fails where one is missing
every_stored = pytest.mark.parametrize("name", [name for name in RECIPES if name in STORED])


def stored_flows(name: str) -> dict[int, Flow]:
    """By number of layers."""
    loaded = checkpoint.load(name, config=RECIPES[name].config)
    if "thin" not in name:
        flow = Flow.of(loaded)
        return {flow.n_layers: flow}
    return {
        layers: Flow(
            recipes._part(loaded.arrays, f"{layers}."), FlowConfig(**{**loaded.entry.config, "n_layers": layers})
        )
        for layers in recipes.LAYERS
    }


@every_stored
def test_the_checkpoint_is_fresh_and_has_the_metrics_of_its_recipe(name):
    assert building.status(RECIPES[name]) == "fresh"
    loaded = checkpoint.load(name, config=RECIPES[name].config)
    found = RECIPES[name].evaluate(loaded.arrays, "cpu")
    assert found.keys() == loaded.entry.metrics.keys() == RECIPES[name].tolerance.keys()
    for metric, tolerance in RECIPES[name].tolerance.items():
        assert found[metric] == pytest.approx(loaded.entry.metrics[metric], abs=tolerance), metric
    assert all(array.dtype == np.float32 for key, array in loaded.arrays.items() if ".layers" in f".{key}")


def test_together_they_are_small():
    assert sum(STORED[name].size for name in RECIPES if name in STORED) < 1e6


@pytest.mark.parametrize(("data", "most"), [("moons", 0.01), ("ffjord8", 0.02)])
def test_the_gap_to_the_entropy_is_what_was_asked_for(data, most):
    told = STORED[f"flow-{data}"].metrics["gap_nats"]
    print(f"\n{data}: {told:.4f} nats above the entropy")
    assert 0 < told <= most


@pytest.mark.parametrize("name", [f"flow-thin-{data}" for data in recipes.THIN])
def test_more_layers_come_nearer(name):
    gaps = [STORED[name].metrics[f"gap_{layers}_nats"] for layers in recipes.LAYERS]
    assert (np.diff(gaps) < 0).all(), gaps


@every_stored
def test_units_are_those_of_the_data(name):
    dataset = get_dataset(RECIPES[name].data)
    for layers, flow in stored_flows(name).items():
        assert flow.n_layers == layers
        assert flow.centre == pytest.approx(dataset.mean, abs=1e-12)
        assert flow.scale == pytest.approx(dataset.scale, abs=1e-12)


def test_the_gap_is_the_held_out_loss_less_the_entropy():
    """With one of the samples' two ways to chance: of 20,000 points, ±0.01 without, nothing against itself."""
    dataset = get_dataset("moons")

    class Truth:
        def log_prob(self, x):
            return dataset.log_prob(dataset.unstandardise(x)) + 2 * np.log(dataset.scale)

    assert recipes.gap(Truth(), "moons", 1000) == pytest.approx(0, abs=1e-12)
    x = dataset.standardise(dataset.sample(20_000, np.random.default_rng(5)))
    entropy = dataset.entropy - 2 * np.log(dataset.scale)  # standardised
    flow = stored_flows("flow-thin-moons")[1] if "flow-thin-moons" in STORED else None
    if flow is not None:
        assert recipes.gap(flow, "moons") == pytest.approx(-flow.log_prob(x).mean() - entropy, abs=0.03)


@pytest.fixture
def tiny(monkeypatch):
    small = {"n_layers": 2, "hidden": (4,), "batch": 16, "n_steps": 250, "bins": 4}
    monkeypatch.setattr(recipes, "CONFIG", small)
    monkeypatch.setattr(recipes, "THIN_CONFIG", small)
    monkeypatch.setattr(recipes, "LAYERS", (1, 2))
    monkeypatch.setattr(recipes, "JUDGED", 200)


@pytest.mark.parametrize("name", ["flow-moons", "flow-thin-moons"])
def test_a_small_build_is_the_same_if_it_is_interrupted(name, tiny):
    whole, none = build(RECIPES[name])
    again, kills = build(RECIPES[name], stop_after=3)
    assert (none, kills > 0) == (0, True)
    assert whole.steps == again.steps
    assert whole.arrays.keys() == again.arrays.keys()
    for key, array in whole.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[key])
    found = RECIPES[name].evaluate(whole.arrays, "cpu")
    assert all(np.isfinite(list(found.values())))
