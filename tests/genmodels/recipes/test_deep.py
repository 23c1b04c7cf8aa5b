"""Three machines stored: fresh, small, below their start; small builds found again."""

import numpy as np
import pytest

from genmodels.rbm.deep import DBM, DBN
from genmodels.rbm.model import RBM
from genmodels.recipes import deep
from genmodels.store import building, checkpoint
from genmodels.store.recipe import Job

JOB = Job("cpu", lambda done, total, text: None, lambda: None, lambda arrays: None)
SMALL = {"epochs": 1, "runs": 4, "betas": 20, "dreams": 4, "dream_steps": 3}
each_recipe = pytest.mark.parametrize("recipe", deep.RECIPES, ids=lambda recipe: recipe.name)


@each_recipe
def test_it_is_fresh_small_and_judged(recipe):
    stored = checkpoint.load(recipe.name, config=recipe.config)
    assert building.status(recipe) == "fresh"
    assert stored.entry.size < 600e3
    assert stored.entry.metrics.keys() == recipe.tolerance.keys()
    nats = -stored.arrays["test_log_prob"].astype(float).mean()
    assert nats == pytest.approx(stored.entry.metrics["test_nats"], abs=0.05)
    assert stored.entry.metrics["train_nats"] < nats < checkpoint.entries()["rbm-digits"].metrics["test_nats"]
    kind = {"rbm-further": RBM, "dbn-digits": DBN, "dbm-digits": DBM}[recipe.name]
    assert isinstance(deep.machine_of(recipe.name, stored.arrays), kind)


def test_all_learn_for_as_long():
    assert len({(r.config["epochs"], r.config["learning_rate"], r.config["n_chains"]) for r in deep.RECIPES}) == 1


def test_before_training_all_are_the_stored_rbm():
    """Up to log Z: −F of it, each h¹ drawn of the DBN, and mean field of the DBM with U nearly 0."""
    x = deep.rows(deep.load_binarised_mnist().test, 20)
    start = deep.bottom()
    expected = -start.free_energy(x.astype(np.float32))
    shifts = {"rbm-further": 0.0, "dbn-digits": 0.0, "dbm-digits": 256 * np.log(2)}
    for recipe in deep.RECIPES:
        config = recipe.config | {"scale": 0.0}
        _, parts = next(deep._states(recipe.name, config, 0))
        machine = deep.machine_of(recipe.name, dict(zip(deep.NAMES[recipe.name], parts, strict=True)))
        found = deep.log_prob(machine, x, shifts[recipe.name], config)
        assert found == pytest.approx(expected, abs=0.05)


@each_recipe
@pytest.mark.slow
def test_a_small_build_is_found_again(recipe):
    config = recipe.config | SMALL
    arrays = deep._build(recipe.name, config, 3, JOB).arrays
    findings = [
        building._compare("small", arrays, one) for one in deep._recompute(recipe.name, config, 3, dict(arrays))
    ]
    assert findings
    assert not [line for line in findings if not line.ok]
    found = deep._evaluate(recipe.name, config, 3, dict(arrays))
    assert found["test_nats"] == pytest.approx(-arrays["test_log_prob"].mean(), abs=0.01)
    assert 0.1 < found["sure"] <= 1


@each_recipe
@pytest.mark.slow
def test_log_z_from_another_seed_is_the_same(recipe):
    stored = checkpoint.load(recipe.name)
    found = deep.estimate(deep.machine_of(recipe.name, stored.arrays), 100, 4000, 7)
    error = np.hypot(found.error, stored.entry.metrics["log_z_error_nats"])
    assert abs(found.log_z - stored.entry.metrics["log_z_nats"]) < 4 * error + 1
