r"""A restricted Boltzmann machine of binarised MNIST, whose log p(x) is known but for the error of log Z.

It learns from the 4,000 training images by persistent contrastive divergence; the epoch that is best on the 500 for
validation is kept, and judged on the 500 test images: the images of :mod:`genmodels.recipes.pixel_ar`, so that
``test_nats`` = log Ẑ − mean of −F(x), nats per image, stands in one table with the figures there. log Ẑ is
of :func:`genmodels.rbm.ais.annealed_log_z`: unbiased for Z, and so on average too low for log Z, which flatters the
machine; ``log_z_error_nats`` is its standard error.

`rbm-digits` holds ``rbm.weight`` (784, 256) float16, ``visible.bias`` (784,) and ``hidden.bias`` (256,) float32, and

    epochs          (S,) int32      of the judgements
    curve           (S, 2) float32  nats per image after these: first 500 training images, and `valid`, by short runs
    chosen          (1,) int32      the epoch of the weights
    test_log_prob   (500,) float32  log p(x) of each test image, with the log Ẑ that is the metric ``log_z_nats``

A check estimates log Z again, by the weights and the seed; the curve where the weights are, and at the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from genmodels.data.digits import Split, load_binarised_mnist
from genmodels.rbm.ais import LogZ, annealed_log_z, base_rate
from genmodels.rbm.model import NAMES, RBM, rbm_of
from genmodels.rbm.training import RBMConfig, iterate_rbm
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

DATA = "mnist-binarised"
BATCH, STEPS_PER_EPOCH = 100, 40  # 4,000 images
CONFIG: dict[str, Any] = {
    "n_hidden": 256,
    "k": 1,
    "n_chains": 100,
    "learning_rate": 0.05,
    "epochs": 200,
    "judged_every": 20,
    "runs": 100,
    "betas": 10_000,
}
BRIEF = (50, 500)  # runs and temperatures of a judgement on the way


def rows(split: Split, n: int | None = None) -> np.ndarray:
    """Its first images, ``(n, 784)`` float64 of 0 and 1."""
    return split.images[:n].reshape(len(split.images[:n]), -1).astype(np.float64)


def training_of(config: Mapping[str, Any], seed: int) -> RBMConfig:
    """What the recipe's config asks for."""
    given = {name: config[name] for name in ("n_hidden", "k", "n_chains", "learning_rate")}
    steps = STEPS_PER_EPOCH * config["epochs"]
    return RBMConfig(
        **given, method="pcd", decay=True, batch=BATCH, n_steps=steps, fit_bias=True, single=True, seed=seed
    )


def estimate(rbm: RBM, runs: int, betas: int, seed: int) -> LogZ:
    """log Z, from the training images' base rate."""
    return annealed_log_z(rbm, base_rate(rows(load_binarised_mnist().train)), runs, betas, seed)


def _judge(rbm: RBM, seed: int) -> np.ndarray:
    """Nats per image of 500 training images and of those for validation, ``(2,)``, by a short run."""
    digits, log_z = load_binarised_mnist(), estimate(rbm, *BRIEF, seed).log_z
    return np.array([-rbm.log_prob(rows(split, 500), log_z).mean() for split in (digits.train, digits.valid)])


def _stored(rbm: RBM) -> dict[str, np.ndarray]:
    return {
        "rbm.weight": as_float16(rbm.weights),
        "visible.bias": rbm.visible.astype(np.float32),
        "hidden.bias": rbm.hidden.astype(np.float32),
    }


def _build(config: Mapping[str, Any], seed: int, job: Job) -> Built:
    training, curve, best = training_of(config, seed), [], {}
    every = STEPS_PER_EPOCH * config["judged_every"]
    for state in iterate_rbm(rows(load_binarised_mnist().train), training, every):
        now = _stored(state.rbm())
        curve.append(_judge(rbm_of(now), seed))
        if curve[-1][1] == min(valid for _, valid in curve):
            best = now
        job.progress(state.step, training.n_steps, f"{curve[-1][1]:.1f} nats per image")
    chosen = int(np.argmin([valid for _, valid in curve]))
    epochs = config["judged_every"] * np.arange(len(curve))
    arrays = {
        **best,
        "epochs": epochs.astype(np.int32),
        "curve": np.array(curve, dtype=np.float32),
        "chosen": epochs[[chosen]].astype(np.int32),
        "test_log_prob": _of_test(config, seed, best),
    }
    return Built(arrays, steps=training.n_steps)


def _log_z(config: Mapping[str, Any], seed: int, arrays: Mapping[str, np.ndarray]) -> LogZ:
    """The long run, once for metrics and arrays."""
    parts = tuple((arrays[name].tobytes(), arrays[name].dtype.str, arrays[name].shape) for name in NAMES)
    return _long_run(parts, config["runs"], config["betas"], seed)


@lru_cache(maxsize=2)
def _long_run(parts: tuple[tuple[bytes, str, tuple[int, ...]], ...], runs: int, betas: int, seed: int) -> LogZ:
    arrays = [np.frombuffer(raw, dtype).reshape(shape).astype(np.float32) for raw, dtype, shape in parts]
    return estimate(RBM(*arrays), runs, betas, seed)


def _of_test(config: Mapping[str, Any], seed: int, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    x, log_z = rows(load_binarised_mnist().test), _log_z(config, seed, arrays).log_z
    return rbm_of(arrays).log_prob(x, log_z).astype(np.float32)


def _evaluate(config: Mapping[str, Any], seed: int, arrays: dict[str, np.ndarray]) -> dict[str, float]:
    found = _log_z(config, seed, arrays)
    return {
        "test_nats": float(-_of_test(config, seed, arrays).mean()),
        "log_z_nats": found.log_z,
        "log_z_error_nats": found.error,
        "log_z_effective_runs": found.effective,
    }


def _recompute(config: Mapping[str, Any], seed: int, arrays: dict[str, np.ndarray]) -> Iterator[Recomputed]:
    """By the weights, and by the seed before training."""
    at = int(arrays["curve"][:, 1].argmin())
    yield Recomputed("test_log_prob", _of_test(config, seed, arrays), 1.0)
    yield Recomputed("chosen", np.array([config["judged_every"] * at]))
    yield Recomputed("epochs", config["judged_every"] * np.arange(len(arrays["curve"])))
    yield Recomputed("curve", _judge(rbm_of(arrays), seed)[None], 2.0, [at], "by the weights")
    start = next(iterate_rbm(rows(load_binarised_mnist().train), training_of(config, seed))).rbm()
    yield Recomputed("curve", _judge(rbm_of(_stored(start)), seed)[None], 0.1, [0], "before training")


RECIPES = (
    Recipe(
        name="rbm-digits",
        kind="weights",
        model="rbm",
        config=CONFIG,
        data=DATA,
        seed=0,
        build=lambda job: _build(CONFIG, 0, job),
        evaluate=lambda arrays, device: _evaluate(CONFIG, 0, arrays),
        tolerance={"test_nats": 1.0, "log_z_nats": 1.0, "log_z_error_nats": 0.3, "log_z_effective_runs": 100.0},
        recompute=lambda arrays, device: _recompute(CONFIG, 0, arrays),
        recorded={"curve": "recorded, but before training and at the epoch chosen"},
    ),
)
