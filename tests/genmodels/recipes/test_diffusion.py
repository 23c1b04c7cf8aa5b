"""The stored denoisers, and small builds of their recipes."""

import itertools

import numpy as np
import pytest
import torch

from genmodels.data.digits import load_mnist
from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.recipes import diffusion as recipes
from genmodels.recipes import diffusion_digits
from genmodels.recipes.cnn import halved
from genmodels.store import building, checkpoint
from genmodels.store.recipe import Job

torch.set_num_threads(1)
DIGITS = "diffusion-digits"
RECIPES = {recipe.name: recipe for recipe in (*recipes.RECIPES, *diffusion_digits.RECIPES)}
STORED = checkpoint.entries()  # test_train.py fails where one is missing
every_stored = pytest.mark.parametrize("name", [name for name in RECIPES if name in STORED])
every_plane = pytest.mark.parametrize("name", [of.name for of in recipes.RECIPES if of.name in STORED])
digits_stored = pytest.mark.skipif(DIGITS not in STORED, reason="test_train.py says that it is missing")


def load(name: str):
    loaded = checkpoint.load(name, config=RECIPES[name].config)
    return loaded.arrays, loaded.entry


def denoiser(name: str) -> tuple[ForwardDenoiser, DenoiserConfig]:
    arrays, entry = load(name)
    config = DenoiserConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.config.items()})
    return ForwardDenoiser(arrays, config), config


@every_stored
def test_the_checkpoint_is_fresh_and_has_the_metrics_of_its_recipe(name):
    assert building.status(RECIPES[name]) == "fresh"
    arrays, entry = load(name)
    assert (entry.kind, entry.model, entry.data) == ("weights", "diffusion", RECIPES[name].data)
    assert entry.steps == RECIPES[name].config["n_steps"]
    found = RECIPES[name].evaluate(arrays, "cpu")
    assert found.keys() == entry.metrics.keys() == RECIPES[name].tolerance.keys()
    for metric, tolerance in RECIPES[name].tolerance.items():
        assert found[metric] == pytest.approx(entry.metrics[metric], abs=tolerance), metric


def test_together_they_are_small():
    assert sum(STORED[name].size for name in RECIPES if name in STORED) < 3e6


@every_stored
def test_the_arrays_are_those_of_the_network(name):
    arrays, _ = load(name)
    network, config = denoiser(name)
    d, kind = (196, np.float16) if name == DIGITS else (2, np.float32)
    widths = [d * (1 + 2 * config.x_waves) + 1 + 2 * config.t_waves + config.n_classes, *config.hidden, d]
    weights = sorted(key for key in arrays if key.startswith("net.") and key.endswith("weight"))
    assert [arrays[key].shape for key in weights] == [(b, a) for a, b in itertools.pairwise(widths)]
    assert all(arrays[key].dtype == kind for key in arrays if key.startswith("net."))
    assert (arrays["centre"].shape, arrays["scale"].shape) == ((d,), (1,))
    assert all(np.isfinite(array).all() for array in arrays.values())
    x = np.random.default_rng(0).standard_normal((5, d))
    for level in (1.0, 0.5, 0.0):
        said = network(x, level)
        assert said.shape == (5, d)
        assert np.isfinite(said).all()
    assert np.array_equal(network(x, 0.5), denoiser(name)[0](x, 0.5))


# The plane


@every_plane
def test_samples_are_as_near_as_true_ones(name):
    _, entry = load(name)
    told, dataset = entry.metrics, get_dataset(entry.data)
    print(f"\n{name}: " + ", ".join(f"{k} {v:.4f}" for k, v in told.items()))
    assert told["w2_ddpm_200"] < 1.2 * told["w2_true"]
    assert told["w2_ddim_50"] < 1.2 * told["w2_true"]
    network, _ = denoiser(name)
    assert network.centre == pytest.approx(dataset.mean, abs=1e-6)
    assert network.scale == pytest.approx(dataset.scale, abs=1e-6)


# Digits


@digits_stored
def test_guidance_was_measured_on_what_is_shown():
    arrays, entry = load(DIGITS)
    w = arrays["guidance"]
    assert w.tolist() == list(diffusion_digits.GUIDANCE)
    shape = (len(w), 10, diffusion_digits.SHOWN, 14, 14)
    assert (arrays["guided"].shape, arrays["guided"].dtype) == (shape, np.uint8)
    for name in ("accuracy", "spread", "nearest"):
        assert (arrays[name].shape, arrays[name].dtype) == (w.shape, np.float32)
        assert arrays[name][w == diffusion_digits.DEFAULT] == pytest.approx(entry.metrics[name], abs=1e-3)
    ink = arrays["guided"].mean(axis=(1, 2, 3, 4)) / 255
    assert ((ink > 0.05) & (ink < 0.35)).all(), "as much ink as a digit has"
    real = halved(load_mnist().test.images)
    assert arrays["nearest_test"][0] == pytest.approx(diffusion_digits._nearest(real), abs=1e-4)


@digits_stored
def test_the_issue_s_figures_are_reached():
    arrays, entry = load(DIGITS)
    told = entry.metrics
    print("\n" + ", ".join(f"{k} {v:.4f}" for k, v in told.items()))
    assert told["accuracy"] >= 0.95
    assert told["nearest"] > 0.8 * told["nearest_test"], "no copies"
    accuracy, spread = arrays["accuracy"], arrays["spread"]
    assert accuracy[0] < 0.2, "nobody asked for a class"
    assert accuracy[-1] > accuracy[list(arrays["guidance"]).index(1)]
    assert spread[-1] < spread[0], "variety falls"


# Building


@pytest.fixture
def job():
    told = []
    return Job("cpu", lambda done, total, text: told.append((done, total)), lambda: None, lambda make: None)


def test_a_small_plane_is_built(job, monkeypatch):
    monkeypatch.setattr(recipes, "CONFIG", {"n_steps": 30, "hidden": (8,), "batch": 16})
    monkeypatch.setattr(recipes, "DRAWS", 1)
    monkeypatch.setattr(recipes, "JUDGED", 40)
    built = recipes._build("dino", job)
    assert built.steps == 30
    told = recipes._evaluate("dino", built.arrays, "cpu")
    assert set(told) == set(RECIPES["diffusion-dino"].tolerance)
    assert told["w2_true"] < told["w2_ddim_50"]


def test_small_digits_are_built(job, monkeypatch):
    small = {**diffusion_digits.CONFIG, "hidden": (8,), "batch": 10, "n_steps": 20}
    monkeypatch.setattr(diffusion_digits, "CONFIG", small)
    monkeypatch.setattr(diffusion_digits, "GUIDANCE", (0.0, 2.0))
    monkeypatch.setattr(diffusion_digits, "STEPS", 3)
    monkeypatch.setattr(diffusion_digits, "EACH", 8)
    monkeypatch.setattr(diffusion_digits, "_judge", lambda samples: {"accuracy": 0.1, "spread": 1.0, "nearest": 2.0})
    built = diffusion_digits._build(job)
    assert built.steps == 20
    assert built.arrays["guided"].shape == (2, 10, 8, 14, 14)
    assert built.arrays["net.0.weight"].dtype == np.float16
    assert set(diffusion_digits._evaluate(built.arrays, "cpu")) == set(RECIPES[DIGITS].tolerance)


def test_spread_and_nearest_by_hand():
    rng = np.random.default_rng(0)
    samples = np.zeros((10, 6, 14, 14))
    samples[:, :3, 0, 0] = 1
    assert diffusion_digits._spread(samples) == pytest.approx(0.5), "half a unit from the mean, each"
    train_images = halved(load_mnist().train.images)
    assert diffusion_digits._nearest(train_images[:50]) == pytest.approx(0, abs=5e-3)
    moved = train_images[:50] + 1e-3 * rng.standard_normal((50, 14, 14))
    assert diffusion_digits._nearest(moved) == pytest.approx(1e-3 * 14, abs=5e-3)
