"""Generative stochastic networks of the store: interrupted builds, and what their figures are."""

import numpy as np
import pytest

from genmodels.data.digits import load_binarised_mnist
from genmodels.gsn.chain import corrupt, iterate_chain
from genmodels.gsn.training import denoiser
from genmodels.recipes import gsn
from genmodels.store import cache
from tests.genmodels.recipes.interrupted import build

X = load_binarised_mnist().test.images.reshape(-1, 784).astype(float)


def tiny(name: str):
    return gsn.recipe_of(name, {**gsn.WALK_BACK, "hidden": [4], "batch": 5, "n_steps": 7})


def test_an_interrupted_build_gives_the_same_arrays(monkeypatch):
    monkeypatch.setattr(gsn, "EVERY", 2)
    whole, _ = build(tiny("t"))
    pieces, attempts = build(tiny("t"), stop_after=2)
    assert attempts > 0
    assert whole.steps == pieces.steps == 7
    assert {array.dtype for array in whole.arrays.values()} == {np.dtype(np.float16)}
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(pieces.arrays[name], array)


@pytest.mark.parametrize("name", ["gsn-plain", "gsn-walkback"])
def test_stored_figures_are_those_of_chains(name):
    stored = cache.load(name)
    network, metrics = denoiser(stored.arrays), stored.entry.metrics
    p = network(corrupt(X, 0.3, np.random.default_rng(8)))
    assert metrics["nats"] == pytest.approx(-np.log(np.where(X == 1, p, 1 - p)).sum(axis=1).mean(), abs=1.5)
    classes = np.array(
        [gsn.judge(s.p).argmax(axis=1) for s in iterate_chain(network, X[:20], 0.3, 40, np.random.default_rng(9))]
    )
    assert metrics["changes_30"] == pytest.approx(100 * (np.diff(classes, axis=0) != 0).mean(), rel=0.5)
    assert metrics["changes_10"] < metrics["changes_30"] < metrics["changes_60"]
    assert {metrics[f"kept_{level}"] * 20 % 1 for level in (10, 30, 60)} <= {0.0}
