"""The stored models of pixels and of sound, beside each other and without torch; small builds, also interrupted."""

import numpy as np
import pytest
import torch

from genmodels.data.digits import load_binarised_mnist
from genmodels.data.sounds import SOUNDS
from genmodels.pixel_ar.runtime import DrawConfig, complete, forward_pixels
from genmodels.recipes import pixel_ar, wavenet
from genmodels.store import building, checkpoint
from genmodels.wavenet.runtime import ForwardWaveNet
from tests.genmodels.recipes.interrupted import build

torch.set_num_threads(1)
RECIPES = {recipe.name: recipe for recipe in (*pixel_ar.RECIPES, *wavenet.RECIPES)}
NETWORKS = [name for name in RECIPES if RECIPES[name].model == "pixel_ar"]
X = pixel_ar.rows(load_binarised_mnist().test)


@pytest.fixture(scope="module")
def stored():
    return {name: checkpoint.load(name, config=recipe.config) for name, recipe in RECIPES.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_is_fresh_and_has_the_metrics_of_its_recipe(name, stored):
    assert building.status(RECIPES[name]) == "fresh"
    assert stored[name].entry.metrics.keys() == RECIPES[name].tolerance.keys()


def test_the_better_a_model_knows_neighbours_the_fewer_nats(stored):
    nats = {name: stored[name].entry.metrics["test_nats"] for name in RECIPES if name.startswith("pixel-")}
    coins = stored["pixel-mixture"].entry.metrics["coins_test_nats"]
    p = (pixel_ar.rows(load_binarised_mnist().train).sum(0) + 0.1) / 4000.2
    assert coins == pytest.approx(-(np.log(p) * X + np.log(1 - p) * (1 - X)).sum(1).mean(), abs=0.01)
    assert nats["pixel-cnn"] < nats["pixel-made"] < nats["pixel-fvsbn"] < nats["pixel-mixture"] < coins
    assert nats["pixel-made-random"] < nats["pixel-fvsbn-random"]
    assert nats["pixel-cnn"] < 95
    bound = checkpoint.entries()["vae-16d"].metrics["bound_500_nats"]
    assert nats["pixel-cnn"] < -bound


def test_they_are_small(stored):
    assert stored["pixel-cnn"].entry.size < 400e3
    assert stored["pixel-made"].entry.size < 1.6e6
    assert sum(one.entry.size for one in stored.values()) < 7e6


@pytest.mark.parametrize("name", NETWORKS)
def test_log_p_is_found_again_without_torch_and_the_epoch_is_the_best(name, stored):
    arrays = stored[name].arrays
    found = forward_pixels(arrays, stored[name].entry.config).log_prob(X[:20])
    np.testing.assert_allclose(found, arrays["test_log_prob"][:20], atol=0.2)
    assert -arrays["test_log_prob"].mean() == pytest.approx(stored[name].entry.metrics["test_nats"], abs=0.05)
    assert arrays["curve"][:, 1].argmin() == arrays["chosen"][0]
    assert len(arrays["curve"]) == stored[name].entry.config["epochs"] + 1


def test_the_lower_half_is_completed(stored):
    forward = forward_pixels(stored["pixel-cnn"].arrays, stored["pixel-cnn"].entry.config)
    given = np.arange(784) < 392
    state = complete(forward, X[:3], given, DrawConfig(3))
    assert (state.images[:, given] == X[:3, given]).all()
    assert 20 < state.images[:, ~given].sum(1).mean() < 150


def test_the_mixture_is_as_stored(stored):
    arrays = stored["pixel-mixture"].arrays
    mixture = pixel_ar.mixture_of(arrays)
    np.testing.assert_allclose(mixture.log_prob(X), arrays["test_log_prob"], atol=0.01)
    assert arrays["components"][arrays["curve"][:, 1].argmin()] == len(arrays["weights"])


def test_sounds_are_known_better_stage_by_stage_and_without_torch(stored):
    metrics, arrays = stored["wavenet"].entry.metrics, stored["wavenet"].arrays
    assert metrics["start_nats"] == pytest.approx(np.log(256), abs=0.02)
    assert metrics["test_nats"] < metrics["early_nats"] < metrics["histogram_nats"] < metrics["start_nats"]
    assert metrics["test_nats"] == pytest.approx(np.mean([metrics[f"{kind}_nats"] for kind in SOUNDS]))
    levels, kinds = wavenet.sounds("test")
    forward = ForwardWaveNet(wavenet.stage(arrays, "end"))
    assert forward.field == wavenet.config_of().field == 1024
    by_torch = wavenet._nats(wavenet.model_of(arrays), "test", 3)
    np.testing.assert_allclose(-forward.log_prob(levels[:3], kinds[:3]).mean(1), by_torch, atol=1e-3)


# Building


@pytest.fixture
def tiny(request, monkeypatch):
    """A recipe that takes a second."""
    monkeypatch.setattr(pixel_ar, "STEPS_PER_EPOCH", 2)
    monkeypatch.setattr(pixel_ar, "BATCH", 20)
    monkeypatch.setattr(pixel_ar, "rows", lambda split, n=None, rows=pixel_ar.rows: rows(split, min(n or 30, 30)))
    monkeypatch.setattr(pixel_ar, "CHECKED", 30)
    monkeypatch.setattr(pixel_ar, "MIXTURE", {"components": (1, 3), "n_steps": 2, "alpha": 1.0})
    small = {"n_layers": 2, "channels": 4, "skip": 4, "n_steps": 4, "batch": 2, "average": 0.9}
    few = {"train": 4, "valid": 3, "test": 3}
    monkeypatch.setattr(
        wavenet, "CONFIG", {**wavenet.CONFIG, "network": small, "every": 1, "early": 2, "length": 40, "sounds": few}
    )
    wavenet.sounds.cache_clear()
    yield {
        "made": lambda: pixel_ar.network("t", {**pixel_ar.MADE, "hidden": (5,), "order": "random", "epochs": 2}),
        "cnn": lambda: pixel_ar.network("t", {**pixel_ar.CNN, "channels": 2, "n_layers": 1, "epochs": 2}),
        "mixture": lambda: RECIPES["pixel-mixture"],
        "wavenet": lambda: RECIPES["wavenet"],
    }[request.param]()
    wavenet.sounds.cache_clear()


@pytest.mark.parametrize("tiny", ["made", "cnn", "mixture", "wavenet"], indirect=True)
def test_a_small_build_passes_its_own_check(tiny):
    arrays = build(tiny)[0].arrays
    again = list(tiny.recompute(arrays, "cpu"))
    assert [line for line in (building._compare("t", arrays, one) for one in again) if not line.ok] == []
    assert tiny.evaluate(arrays, "cpu").keys() == tiny.tolerance.keys()


@pytest.mark.parametrize("tiny", ["made", "cnn", "wavenet"], indirect=True)
def test_a_build_with_interruptions_is_one_without(tiny):
    whole, _ = build(tiny)
    pieces, attempts = build(tiny, stop_after=1)
    assert attempts > 1
    assert pieces.arrays.keys() == whole.arrays.keys()
    for name, values in whole.arrays.items():
        assert np.asarray(pieces.arrays[name]).tobytes() == np.asarray(values).tobytes(), name
