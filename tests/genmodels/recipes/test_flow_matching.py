"""The stored velocities and their reflow, and small builds of their recipes."""

import itertools
import math

import numpy as np
import pytest
import torch

from genmodels.data.planar import get_dataset
from genmodels.flow_matching.exact import ExactMixtureVelocity, ExactPointsVelocity
from genmodels.flow_matching.ode import OdeConfig, solve, solve_path, straightness
from genmodels.flow_matching.velocity import ForwardVelocity
from genmodels.metrics import wasserstein_2
from genmodels.recipes import flow_matching as recipes
from genmodels.store import building, checkpoint
from genmodels.store.recipe import Job

torch.set_num_threads(1)
RECIPES = {recipe.name: recipe for recipe in recipes.RECIPES}
STORED = checkpoint.entries()
every_stored = pytest.mark.parametrize("name", [name for name in RECIPES if name in STORED])
every_pair = pytest.mark.parametrize(
    "name", [name for name in recipes.DATA if {f"matching-{name}", f"reflow-{name}"} <= STORED.keys()]
)


def load(name: str):
    return checkpoint.load(name, config=RECIPES[name].config)


def velocity(name: str) -> ForwardVelocity:
    return ForwardVelocity.of(load(name))


def test_all_are_stored():
    assert RECIPES.keys() <= STORED.keys()


@pytest.mark.slow
@every_stored
def test_the_checkpoint_is_fresh_small_and_has_the_metrics_of_its_recipe(name):
    assert building.status(RECIPES[name]) == "fresh"
    stored = load(name)
    assert (stored.entry.kind, stored.entry.model) == ("weights", "flow_matching")
    assert stored.entry.steps == RECIPES[name].config["n_steps"]
    assert stored.entry.size < 200_000
    found = RECIPES[name].evaluate(stored.arrays, "cpu")
    assert found.keys() == stored.entry.metrics.keys() == RECIPES[name].tolerance.keys()
    for metric, tolerance in RECIPES[name].tolerance.items():
        assert found[metric] == pytest.approx(stored.entry.metrics[metric], abs=tolerance), metric


@every_stored
def test_the_arrays_are_those_of_the_network(name):
    arrays, config = load(name).arrays, velocity(name).config
    widths = [2 * (1 + 2 * config.x_waves) + 1 + 2 * config.t_waves, *config.hidden, 2]
    weights = sorted(key for key in arrays if key.startswith("net.") and key.endswith("weight"))
    assert [arrays[key].shape for key in weights] == [(b, a) for a, b in itertools.pairwise(widths)]
    assert all(arrays[key].dtype == np.float32 for key in arrays if key.startswith("net."))
    dataset = get_dataset(STORED[name].data)
    assert velocity(name).centre == pytest.approx(dataset.mean, abs=1e-6)
    assert velocity(name).scale == pytest.approx(dataset.scale, abs=1e-6)


@every_pair
def test_samples_are_as_near_as_true_ones_and_after_reflow_one_step_is_enough(name):
    first, again = (STORED[f"{kind}-{name}"].metrics for kind in ("matching", "reflow"))
    print(
        f"\n{name}:\n  " + "\n  ".join(", ".join(f"{k} {v:.4f}" for k, v in told.items()) for told in (first, again))
    )
    assert first["w2_50"] < 1.15 * first["w2_true"]
    assert first["w2_1"] > 4 * first["w2_true"], "one step of the first leads to the mean"
    assert again["w2_1"] < 1.25 * again["w2_50"]
    assert again["w2_50"] < 1.15 * again["w2_true"]
    assert again["straightness"] < 0.02 * first["straightness"]


@every_pair
def test_reflow_learned_the_map_of_the_first(name):
    """Each grain of noise arrives, in one step, near where the first ODE had carried it."""
    first, again = velocity(f"matching-{name}"), velocity(f"reflow-{name}")
    x = np.random.default_rng(5).standard_normal((500, 2))
    goal, once = solve(first, x, OdeConfig("rk4", 25)), solve(again, x, OdeConfig("euler", 1))
    assert np.median(np.linalg.norm(once - goal, axis=1)) < 0.1
    assert straightness(solve_path(again, x)) < straightness(solve_path(first, x))


@every_stored
def test_the_learned_velocity_is_near_the_exact_one(name):
    """Mean squared gap, beside a velocity of mean square 2 or so; a sample of many points stands for moons."""
    if name.startswith("reflow"):
        pytest.skip("its pairs are others, and so is its exact velocity")
    dataset = get_dataset(STORED[name].data)
    rng = np.random.default_rng(6)
    if dataset.centres is not None:
        exact = ExactMixtureVelocity.of(dataset)
    else:
        exact = ExactPointsVelocity(dataset.standardise(dataset.sample(20_000, rng)))
    x_1, x_0 = dataset.standardise(dataset.sample(400, rng)), rng.standard_normal((400, 2))
    gaps = {}
    for t in (0.05, 0.25, 0.5, 0.75):
        x = (1 - t) * x_0 + t * x_1
        gaps[t] = float(np.square(velocity(name)(x, t) - exact(x, t)).sum(1).mean())
    print(f"\n{name}: " + ", ".join(f"t {t}: {gap:.4f}" for t, gap in gaps.items()))
    assert max(gaps.values()) < 0.05


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(recipes, "CONFIG", {"n_steps": 30, "hidden": (8,), "batch": 16})
    monkeypatch.setattr(recipes, "DRAWS", 2)
    monkeypatch.setattr(recipes, "JUDGED", 40)
    monkeypatch.setattr(recipes, "HELD_OUT", 50)
    return Job("cpu", lambda done, total, text: None, lambda: None, lambda make: None)


def test_a_small_velocity_is_built(small):
    built = recipes._build("ffjord8", False, small)
    assert built.steps == 30
    told = recipes._evaluate("ffjord8", built.arrays, "cpu")
    assert set(told) == set(RECIPES["matching-ffjord8"].tolerance)
    rng = np.random.default_rng([0, 11]), np.random.default_rng([1, 11])
    dataset, found = get_dataset("ffjord8"), []
    for r in rng:
        truth, _ = (dataset.standardise(dataset.sample(40, r)) for _ in range(2))
        x = r.standard_normal((40, 2))
        found.append(wasserstein_2(x + ForwardVelocity(built.arrays, recipes._config("ffjord8"))(x, 0.0), truth))
    assert told["w2_1"] == pytest.approx(np.mean(found))
    assert told["nll_minus_entropy_nats"] > 0
    assert math.isfinite(told["straightness"])


def test_reflow_is_built_from_what_the_first_has_made(small, monkeypatch):
    asked = []
    monkeypatch.setattr(recipes, "PAIRS", {**recipes.PAIRS, "n_pairs": 64, "ode_steps": 3})
    monkeypatch.setattr(checkpoint, "load", lambda name: asked.append(name) or STORED_MOONS)
    built = recipes._build("moons", True, small)
    assert asked == ["matching-moons"]
    assert built.steps == 30
    x_0, x_1 = recipes._pairs("moons")
    np.testing.assert_allclose(x_1, solve(ForwardVelocity.of(STORED_MOONS), x_0, OdeConfig("rk4", 3)))
    assert x_0.shape == (64, 2)


STORED_MOONS = checkpoint.load("matching-moons")
