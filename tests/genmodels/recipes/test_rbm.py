"""The stored machine of digits: fresh, small, with a log Z that another run finds, too; a small build found again."""

import numpy as np
import pytest

from genmodels.rbm.ais import annealed_log_z
from genmodels.rbm.model import rbm_of
from genmodels.recipes import rbm
from genmodels.store import building, checkpoint
from genmodels.store.recipe import Job

RECIPE = rbm.RECIPES[0]
JOB = Job("cpu", lambda done, total, text: None, lambda: None, lambda arrays: None)
TINY = {
    "n_hidden": 8,
    "k": 1,
    "n_chains": 50,
    "learning_rate": 0.1,
    "epochs": 2,
    "judged_every": 1,
    "runs": 50,
    "betas": 100,
}


@pytest.fixture(scope="module")
def stored():
    return checkpoint.load("rbm-digits", config=RECIPE.config)


def test_it_is_fresh_and_small(stored):
    assert building.status(RECIPE) == "fresh"
    assert stored.entry.metrics.keys() == RECIPE.tolerance.keys()
    assert stored.entry.size < 450e3


def test_its_figure_is_that_of_its_log_prob_and_lies_between_mixture_and_chains(stored):
    nats = -stored.arrays["test_log_prob"].astype(float).mean()
    assert nats == pytest.approx(stored.entry.metrics["test_nats"], abs=0.05)
    known = {name: checkpoint.entries()[f"pixel-{name}"].metrics["test_nats"] for name in ("mixture", "cnn")}
    assert known["cnn"] < nats < known["mixture"]


def test_the_epoch_is_the_best_on_validation_and_training_images_cost_less(stored):
    curve, epochs = stored.arrays["curve"], stored.arrays["epochs"]
    assert epochs[curve[:, 1].argmin()] == stored.arrays["chosen"][0]
    assert (curve[1:, 0] < curve[1:, 1]).all()


def test_training_images_cost_no_less_than_nothing(stored):
    """No probability above 1, even of the machine's favourite among 4,000."""
    x = rbm.rows(rbm.load_binarised_mnist().train)
    assert rbm_of(stored.arrays).log_prob(x, stored.entry.metrics["log_z_nats"]).max() < 0


@pytest.mark.slow
def test_log_z_from_another_base_and_seed_is_the_same(stored):
    """From a machine of fair coins rather than of the data's ink."""
    machine = rbm_of(stored.arrays)
    found = annealed_log_z(machine, np.zeros(784), 100, 10_000, rng=7)
    assert (
        abs(found.log_z - stored.entry.metrics["log_z_nats"])
        < 4 * np.hypot(found.error, stored.entry.metrics["log_z_error_nats"]) + 1
    )


@pytest.mark.slow
def test_twenty_hidden_units_on_digits_agree_with_counting():
    """A million states of the hidden units, 784 pixels each."""
    config = {**TINY, "n_hidden": 20, "epochs": 10}
    built = rbm._build(config | {"judged_every": 10}, 0, JOB).arrays
    machine = rbm_of(built)
    found = rbm.estimate(machine, 200, 2000, 1)
    assert abs(found.log_z - machine.log_z()) < 0.1


def test_a_small_build_is_found_again():
    arrays = rbm._build(TINY, 3, JOB).arrays
    findings = [building._compare("tiny", arrays, one) for one in rbm._recompute(TINY, 3, arrays)]
    assert not [line for line in findings if not line.ok]
    assert rbm._evaluate(TINY, 3, arrays)["test_nats"] == pytest.approx(-arrays["test_log_prob"].mean(), abs=1e-3)
    assert arrays["curve"][-1, 1] < arrays["curve"][0, 1]
