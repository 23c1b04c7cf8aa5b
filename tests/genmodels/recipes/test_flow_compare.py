"""Three flows with one budget: a small build, found once more, and by another road."""

import numpy as np
import pytest

from genmodels.data.planar import get_dataset
from genmodels.recipes import flow_compare
from genmodels.store import building, packing
from genmodels.store.recipe import Job
from tests.oracles.flows_live import Velocity, Zuko, true_log_prob

JOB = Job("cpu", lambda done, total, text: None, lambda: None, lambda arrays: None)


@pytest.fixture
def built(monkeypatch):
    monkeypatch.setattr(flow_compare, "TENTHS", (0, 1, 2))
    monkeypatch.setattr(flow_compare, "STEPS", {"affine": 30, "spline": 20, "continuous": 25})
    monkeypatch.setattr(flow_compare, "JUDGED", 300)
    monkeypatch.setattr(flow_compare, "CELLS", 8)
    return packing.stored(flow_compare._build("ffjord8", JOB).arrays)


def test_the_check_passes_the_build_and_finds_what_was_changed(built):
    def findings(arrays):
        found = flow_compare._recompute("ffjord8", arrays, "cpu")
        return [building._compare("tiny", arrays, one) for one in found]

    assert all(line.ok for line in findings(built))
    for name in ("gap", "density", "seconds"):
        changed = built | {name: built[name] + np.array(0.2, built[name].dtype)}
        assert [line.metric for line in findings(changed) if not line.ok] == [name]


def test_the_gap_is_that_of_the_weights_kept(built):
    dataset = get_dataset("ffjord8")
    x = dataset.standardise(dataset.sample(300, np.random.default_rng([300, 19])))
    for f in range(3):
        for k, kind in enumerate(flow_compare.KINDS):
            own = {name.partition(".")[2]: a[f] for name, a in built.items() if name.startswith(f"{kind}.")}
            model = Velocity(own) if kind == "continuous" else Zuko(own, kind)
            expected = (true_log_prob("ffjord8", x) - model.log_prob(x)).mean()
            assert built["gap"][f, k] == pytest.approx(expected, abs=2e-3), (kind, f)
    metrics = flow_compare._evaluate("ffjord8", built, "cpu")
    assert list(metrics.values()) == pytest.approx(built["gap"][-1].tolist(), abs=1e-4)


def test_all_three_learn_for_as_long():
    """Steps times milliseconds a step: a tenth of a second each, as the recipe says it was measured."""
    measured = {"affine": 1.64, "spline": 2.41, "continuous": 1.64}
    for kind, steps in flow_compare.STEPS.items():
        assert steps * measured[kind] == pytest.approx(100, abs=1.5)
        settings = flow_compare.settings_of(kind, "moons")
        assert settings.n_steps == 100 * steps
