"""A checkpoint that was altered and saved again, with a valid hash and index, is caught by name.

What is altered: each array of numbers that is not a weight, scaled, shifted, reversed or with two entries exchanged;
the weights of networks; and what an earlier check let pass. (Pictures and numbers that were altered so that they fit
each other would pass, as would another network with its own figures: weights and pictures are the ground.)
"""

import dataclasses
import re
from functools import cache

import numpy as np
import pytest

from genmodels.store import building, checkpoint
from genmodels.store.recipe import all_recipes

RECIPES = all_recipes()
STORED = checkpoint.entries()
WEIGHT = re.compile(r".*\.(weight|bias|size)$")  # a size is that of a level of int8 weights
SCALERS = ("centre", "scale")  # of data, part of a network
SLOW = {
    *("autoencoder-squeeze", "pixel-classifiers", "learning-curves", "diffusion-digits", "shakespeare"),
    *("wavenet", "wavenet-sounds"),
    *("vae-2d", "vae-16d", "vae-conditional", "vae-training", "vae-beta"),
    *(
        name
        for name in RECIPES
        if RECIPES[name].model
        in ("diffusion", "flow_matching", "pixel_ar", "bernoulli_mixture", "wavenet", "vq", "inference", "rbm")
        or name.startswith("flow-compare")
    ),
}
"""More than two seconds a check."""
EVIDENCE = {
    "autoencoder-squeeze": ("test_copies",),
    "autoencoder-noise": ("test_copied", "test_denoised"),
    "vae-beta": ("mu", "sigma"),
}
"""What others are found from, and what is only caught because they then do not fit; altered one at a time."""
FROM_WEIGHTS = (
    *("cnn", "diffusion-digits", "learning-curves", "pixel-classifiers", "vae-2d"),
    *("flow-compare-moons", "flow-compare-ffjord8", "flow-compare-checkerboard"),
)
"""What is found of these needs nothing but weights and data: found once, it serves every alteration."""


def numbers(name):
    """Names of the arrays that are no weights."""
    scalers = () if name == "gan-digits" else SCALERS
    return [key for key in arrays(name) if not WEIGHT.match(key) and key.rpartition(".")[2] not in scalers]


@cache
def arrays(name):
    return checkpoint.load(name).arrays


@cache
def from_weights(name):
    """Its recipe, with what was found from weights and data alone."""
    recipe, known = RECIPES[name], arrays(name)
    weights = {key: values for key, values in known.items() if key not in numbers(name)}
    metrics, again = recipe.evaluate(known, "cpu"), list(recipe.recompute(weights, "cpu"))
    return dataclasses.replace(
        recipe, evaluate=lambda arrays, device: metrics, recompute=lambda arrays, device: again
    )


def check(folder, name, altered, metrics=None):
    """Findings that failed, for the checkpoint saved again with other arrays and metrics."""
    entry = STORED[name]
    kept = ("kind", "model", "config", "data", "data_sha256", "seed", "steps", "tolerance")
    known = {key: getattr(entry, key) for key in kept}
    whole = {**arrays(name), **altered}
    checkpoint.save(name, whole, **known, metrics={**entry.metrics, **(metrics or {})}, folder=folder)
    fixed = name in FROM_WEIGHTS and not any(WEIGHT.match(key) for key in altered)
    recipe = from_weights(name) if fixed else RECIPES[name]
    found = building.check([name], "cpu", folder, recipes={name: recipe})
    assert all(line.metric for line in found), "the file itself is in order"
    return {line.metric for line in found if not line.ok}


def scaled(values):
    return 0.9 * values


def shifted(values):
    return values + max(0.1 * np.ptp(values), 1.0 if values.size == 1 else 0.0)


def reversed_(values):
    return values[::-1]


def exchanged(values):
    order = np.arange(len(values))
    order[[0, len(values) // 2]] = order[[len(values) // 2, 0]]
    return values[order]


KINDS = (scaled, shifted, reversed_, exchanged)
HEAVY = ("shakespeare", "wavenet", "pixel-cnn", "rbm-digits", "rbm-further", "dbn-digits", "dbm-digits")
"""A check of these takes a quarter of a minute or more: they are shifted only."""


WORDS = {("codes-prior", "drawn"): 63, ("codes-prior", "alone"): 63}
"""Numbers of codes, and the largest: another one would not be read at all."""


def altered(values, kind, most=None):
    """The array changed, of the same type."""
    other = kind(values.astype(np.float64))
    if values.dtype.kind in "iu":
        limits = np.iinfo(values.dtype)
        other = np.clip(np.rint(other), limits.min, limits.max if most is None else most)
    return other.astype(values.dtype)


def slow(name):
    return [pytest.mark.slow] if name in SLOW else []


def each(names):
    return [pytest.param(name, marks=slow(name)) for name in names if name in STORED]


# What is stored


@pytest.mark.parametrize("name", each(RECIPES))
def test_every_array_is_a_weight_or_found_again_or_said_to_be_recorded(name):
    recipe, known = RECIPES[name], arrays(name)
    again = {one.name for one in recipe.recompute(known, "cpu")}
    assert set(numbers(name)) <= again | recipe.recorded.keys()
    assert recipe.recorded.keys() <= known.keys()
    assert all(recipe.recorded.values()), "each says why"


def test_all_checkpoints_together_are_below_sixty_megabytes():
    assert sum(entry.size for entry in STORED.values()) < 60e6


# Altered


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=slow(name))
        for name in RECIPES
        if name in STORED and numbers(name)
        for kind in (KINDS if name not in HEAVY else (shifted,))
    ],
)
def test_each_array_of_numbers_that_is_altered_is_caught(name, kind, tmp_path):
    kept = EVIDENCE.get(name, ())
    changed = {
        key: altered(arrays(name)[key], kind, WORDS.get((name, key))) for key in numbers(name) if key not in kept
    }
    changed = {key: values for key, values in changed.items() if not np.array_equal(values, arrays(name)[key])}
    failed = {metric.split(" (")[0] for metric in check(tmp_path, name, changed)}
    assert changed.keys() <= failed, kind.__name__


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "key"), [pytest.param(name, key, marks=slow(name)) for name, keys in EVIDENCE.items() for key in keys]
)
def test_evidence_that_is_altered_is_caught_by_what_no_longer_fits(name, key, kind, tmp_path):
    assert check(tmp_path, name, {key: altered(arrays(name)[key], kind)})


@pytest.mark.parametrize("name", each(name for name in RECIPES if name in STORED and STORED[name].kind == "weights"))
def test_weights_that_are_altered_are_caught_by_a_metric(name, tmp_path):
    learned = [key for key in arrays(name) if WEIGHT.match(key) and not key.startswith("start.")]
    largest = max(learned, key=lambda key: arrays(name)[key].size)
    failed = check(tmp_path, name, {largest: altered(arrays(name)[largest], reversed_)})
    assert failed & STORED[name].metrics.keys()


def shift(name, keys, by):
    return {key: arrays(name)[key] + np.float32(by) for key in keys}


ONE_BY_ONE = {
    "vae-16d-elbo-4-more": ("vae-16d", lambda: {}, {"elbo_nats": -111.45}, "elbo_nats"),
    "cnn-accuracy-999": ("cnn", lambda: {}, {"accuracy": 0.999}, "accuracy"),
    "vae-training-15-less": (
        "vae-training",
        lambda: shift("vae-training", ("train_reconstruction", "test_reconstruction"), -15),
        {"elbo_best_nats": -168.12, "elbo_last_nats": -182.2},
        "test_reconstruction (by the weights of epoch 42)",
    ),
    "vae-training-last-15-less": (
        "vae-training",
        lambda: {"test_reconstruction": arrays("vae-training")["test_reconstruction"] - np.float32(15) * last(69)},
        {},
        "test_reconstruction (by the weights of epoch 200)",
    ),
    "vae-beta-12-less": (
        "vae-beta",
        lambda: shift("vae-beta", ("reconstruction",), -12),
        {"elbo_beta1_nats": -174.96},
        "reconstruction (by the decoders)",
    ),
    "vae-beta-codes-mirrored": (
        "vae-beta",
        lambda: {"mu": -arrays("vae-beta")["mu"]},  # their KL is the same
        {},
        "reconstruction (by the decoders)",
    ),
    "gan-digits-shares-reversed": (
        "gan-digits",
        lambda: {"classes": arrays("gan-digits")["classes"][:, ::-1]},
        {},
        "classes (by the generator)",
    ),
    "gan-digits-shares-reversed-midway": (
        "gan-digits",
        lambda: {"classes": midway_reversed(arrays("gan-digits")["classes"])},
        {},
        "classes (by the pictures shown)",
    ),
    "gan-ring-quality-less-midway": (
        "gan-ring",
        lambda: {"quality": arrays("gan-ring")["quality"] - np.float32(0.05) * (1 - last(88)) * (1 - first(88))},
        {},
        "quality (by the samples shown)",
    ),
    "diffusion-digits-spread": (
        "diffusion-digits",
        lambda: {"spread": arrays("diffusion-digits")["spread"] * np.float32(0.8)},
        {},
        "spread",
    ),
    "pixel-classifiers-likelihoods-halved": (
        "pixel-classifiers",
        lambda: {"log_likelihood": arrays("pixel-classifiers")["log_likelihood"] / 2},
        {},
        "log_likelihood",
    ),
    "autoencoder-squeeze-errors-tenth-less": (
        "autoencoder-squeeze",
        lambda: {"test_rmse": altered(arrays("autoencoder-squeeze")["test_rmse"], scaled)},
        {f"rmse_{m}": 0.9 * STORED["autoencoder-squeeze"].metrics[f"rmse_{m}"] for m in (1, 2, 8, 32, 1000)},
        "test_rmse (by the copies)",
    ),
    "autoencoder-squeeze-copies-of-others": (
        "autoencoder-squeeze",
        lambda: {"test_copies": arrays("autoencoder-squeeze")["test_copies"][:, ::-1]},
        {},
        "test_rmse (by the copies)",
    ),
    "autoencoder-noise-errors-tenth-less": (
        "autoencoder-noise",
        lambda: {"rmse_denoised": altered(arrays("autoencoder-noise")["rmse_denoised"], scaled)},
        {"rmse_denoised_half": 0.9 * STORED["autoencoder-noise"].metrics["rmse_denoised_half"]},
        "rmse_denoised (by the answers)",
    ),
    "autoencoder-noise-errors-exchanged-between": (
        "autoencoder-noise",
        lambda: {"rmse_copied": between_doubled(arrays("autoencoder-noise")["rmse_copied"])},
        {},
        "rmse_copied (near the pictures')",
    ),
    "learning-curves-models-exchanged": (
        "learning-curves",
        lambda: {"digits.errors": arrays("learning-curves")["digits.errors"][::-1]},
        {},
        "digits.errors",
    ),
}


def last(n):
    return (np.arange(n) == n - 1).astype(np.float32)


def first(n):
    return (np.arange(n) == 0).astype(np.float32)


def midway_reversed(shares):
    """All frames but the first and the last."""
    return np.concatenate([shares[:1], shares[1:-1, ::-1], shares[-1:]])


def between_doubled(errors):
    """One frame in five, none of those that are kept."""
    return np.where(np.arange(len(errors)) % 5 == 2, 2 * errors, errors).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "arrays_of", "metrics", "by"),
    [pytest.param(*one, id=key, marks=slow(one[0])) for key, one in ONE_BY_ONE.items() if one[0] in STORED],
)
def test_what_was_altered_is_caught_by_name(name, arrays_of, metrics, by, tmp_path):
    failed = check(tmp_path, name, arrays_of(), metrics)
    assert by in failed
    assert metrics.keys() <= failed
