"""The stored variational autoencoders, and that a build may be interrupted."""

import numpy as np
import pytest
import torch

from genmodels.data.digits import load_binarised_mnist
from genmodels.recipes import vae as recipes
from genmodels.store import building, checkpoint
from genmodels.vae.runtime import ForwardVAE
from tests.genmodels.recipes.interrupted import build

torch.set_num_threads(1)
RECIPES = {recipe.name: recipe for recipe in recipes.RECIPES}
WEIGHTS = ("vae-2d", "vae-16d", "vae-conditional")
RECORDINGS = ("vae-training", "vae-beta")
TEST = load_binarised_mnist().test
X = TEST.images.reshape(500, -1).astype(np.float32)


@pytest.fixture(scope="module")
def stored():
    return {name: checkpoint.load(name, config=recipe.config) for name, recipe in RECIPES.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_is_fresh_and_has_the_metrics_of_its_recipe(name, stored):
    assert building.status(RECIPES[name]) == "fresh"
    entry = stored[name].entry
    assert (entry.kind, entry.model, entry.data) == (RECIPES[name].kind, "vae", "mnist-binarised")
    assert entry.metrics.keys() == RECIPES[name].tolerance.keys()


def test_together_they_are_small(stored):
    assert sum(one.entry.size for one in stored.values()) < 25e6


# Weights


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_weights_decode_in_numpy_and_the_bound_is_above_the_elbo(name, stored):
    arrays, config, metrics = stored[name].arrays, stored[name].entry.config, stored[name].entry.metrics
    assert {v.dtype for k, v in arrays.items() if not k.startswith("reference.")} == {np.dtype(np.float16)}
    network = ForwardVAE(arrays, config["activation"])
    y = TEST.labels if "n_classes" in config else None
    mu, sigma = network.encode(X, y)
    assert mu.shape == sigma.shape == (500, config["n_latents"])
    p = network.decode(mu, y).clip(1e-7, 1 - 1e-7)  # a float32 sigmoid reaches 0 and 1
    log_prob = (X * np.log(p) + (1 - X) * np.log1p(-p)).sum(1).mean()
    kl = (0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma)).sum(1).mean()
    assert -170 < metrics["elbo_nats"] < metrics["bound_500_nats"] < log_prob
    assert metrics["elbo_nats"] < log_prob - kl + 2  # it averages over z, which costs


def test_more_latents_and_the_class_both_help(stored):
    bound = {name: stored[name].entry.metrics["bound_500_nats"] for name in WEIGHTS}
    assert bound["vae-2d"] < bound["vae-conditional"]
    assert bound["vae-2d"] < bound["vae-16d"]


def test_the_references_are_elbos_and_digits_are_the_likeliest(stored):
    arrays, elbo_nats = stored["vae-2d"].arrays, stored["vae-2d"].entry.metrics["elbo_nats"]
    digits, turned, noise = (arrays[f"reference.{kind}"] for kind in ("digits", "upside_down", "noise"))
    for values in (digits, turned, noise):
        assert (values.shape, values.dtype) == ((500,), np.float32)
    assert digits.mean() == pytest.approx(elbo_nats, abs=0.1)
    assert digits.mean() > turned.mean() + 20 > noise.mean() + 100
    model = recipes._network(RECIPES["vae-2d"].config, 0, arrays, "cpu")
    again = recipes._elbo(model, recipes._improbable(X, 0)["upside_down"][:50], None, 200, 1)  # by other draws
    assert again.mean() == pytest.approx(turned[:50].mean(), rel=0.02)


# Recordings


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_recording_has_the_promised_shapes_and_pictures(name, stored):
    arrays, n_frames = stored[name].arrays, {"vae-training": 69, "vae-beta": 15}[name]
    common = {
        "labels": ((500,), np.uint8),
        **dict.fromkeys(("mu", "sigma"), ((n_frames, 500, 2), np.float16)),
        "pictures": ((10, 28, 28), np.uint8),
        "reconstructions": ((n_frames, 10, 28, 28), np.uint8),
        "z": ((30, 2), np.float32),
        "samples": ((n_frames, 30, 28, 28), np.uint8),
    }
    terms = [f"{split}_{term}" for split in ("train", "test") for term in ("reconstruction", "kl")]
    own = {
        "vae-training": {"epochs": ((n_frames,), np.int32), **dict.fromkeys(terms, ((n_frames,), np.float32))},
        "vae-beta": {
            "beta": ((n_frames,), np.float32),
            "reconstruction": ((n_frames,), np.float32),
            "kl": ((n_frames, 2), np.float32),
        },
    }[name]
    shown = {key: array for key, array in arrays.items() if not key.endswith((".weight", ".bias"))}
    assert {key: (array.shape, array.dtype) for key, array in shown.items()} == common | own
    kept = {key.split(".")[0] for key in arrays.keys() - shown.keys()}
    assert kept == {"vae-training": {"42", "200"}, "vae-beta": {"decoders"}}[name]
    assert {arrays[key].dtype for key in arrays.keys() - shown.keys()} == {np.dtype(np.float16)}
    np.testing.assert_array_equal(arrays["labels"], TEST.labels)
    np.testing.assert_array_equal(arrays["pictures"], 255 * TEST.images[:10])
    assert arrays["labels"][:10].tolist() == list(range(10))
    assert not arrays["z"][0].any()


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_metrics_are_in_the_recording(name, stored):
    found = RECIPES[name].evaluate(stored[name].arrays, "cpu")
    assert found == pytest.approx(stored[name].entry.metrics, abs=1e-3)


def test_the_training_overfits_in_the_end(stored):
    arrays = stored["vae-training"].arrays
    epochs = arrays["epochs"].tolist()
    assert epochs == [*range(21), *range(22, 61, 2), *range(65, 201, 5)]
    seen, unseen = (arrays[f"{split}_reconstruction"] - arrays[f"{split}_kl"] for split in ("train", "test"))
    best = int(unseen.argmax())
    assert epochs[best] == recipes.KEPT[0], "the weights kept are the best"
    assert unseen[best] > unseen[-1] + 2
    assert seen[-1] > seen[best] + 2
    assert abs(seen[0] - unseen[0]) < 2


def test_a_larger_beta_leaves_less_in_the_code(stored):
    arrays = stored["vae-beta"].arrays
    assert arrays["beta"] == pytest.approx(recipes.BETAS)
    kl = arrays["kl"].sum(1)
    assert (np.diff(kl) < 0.05).all()
    assert (arrays["kl"] > -1e-4).all()
    assert kl[-1] < 0.1 * kl[0]
    elbo = arrays["reconstruction"] - kl
    assert 0.2 <= arrays["beta"][elbo.argmax()] <= 2
    mu, sigma = arrays["mu"].astype(float), arrays["sigma"].astype(float)
    again = (0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma)).mean(1)
    np.testing.assert_allclose(again, arrays["kl"], atol=0.01)


# Building


TINY = {**recipes.COMMON, "hidden": (4,), "n_steps": 160, "n_samples": 1}
SMALL = (
    recipes.weights("tiny", {**TINY, "epochs": 2, "decay": True}, reference=True),
    recipes.weights("tiny-conditional", {**TINY, "epochs": 2, "n_classes": 10}),
    recipes.training("tiny-training", {**TINY, "epochs": (0, 1, 3), "kept": (1, 3)}),
    recipes.betas("tiny-beta", {**TINY, "epochs": 1, "betas": (1, 8)}),
)


@pytest.mark.parametrize("recipe", SMALL, ids=lambda recipe: recipe.name)
def test_a_build_with_interruptions_is_one_without(recipe):
    whole, _ = build(recipe)
    pieces, attempts = build(recipe, stop_after=1)  # one epoch at a time: a resumed build reports its start first
    assert attempts > 1
    assert pieces.steps == whole.steps
    assert pieces.arrays.keys() == whole.arrays.keys()
    for name, values in whole.arrays.items():
        assert np.asarray(pieces.arrays[name]).tobytes() == np.asarray(values).tobytes(), name
