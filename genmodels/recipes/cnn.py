"""Recipes of the convolutional classifier of :mod:`genmodels.cnn`, with what it says of the test digits.

``cnn``: the weights under torch's names, float16, and, computed from these rounded weights so that a page need not
wait for torch:

``test.probabilities``  (500, 10) float32, p(y = k | x) of each test image
``test.maps``           (500, 10, 7, 7) float16, its class activation maps, in units of logits
``test.labels``         (500,) uint8

``cnn-14``: weights alone, of a classifier of the same digits halved to 14 × 14, which judges generated ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.digits import Split, load_mnist
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

if TYPE_CHECKING:
    from genmodels.cnn import CNN

CONFIG: dict[str, Any] = {
    "side": 28,
    "n_classes": 10,
    "channels": (16, 32, 64),
    "n_pools": 2,
    "shift": 2,
    "n_steps": 2520,
    "batch": 64,
    "learning_rate": 5e-3,
    "decay": True,
    "seed": 0,
}
HALVED: dict[str, Any] = {**CONFIG, "side": 14, "channels": (32, 64, 64), "n_pools": 1, "shift": 1}
STEPS_PER_EPOCH = 63


def _scaled(split: Split) -> np.ndarray:
    """Pixels 0…1 ``(N, 28, 28)``."""
    return split.images / np.float32(255)


def halved(images: np.ndarray) -> np.ndarray:
    """Means of 2 × 2 pixels, uint8 ``(N, 28, 28)`` to ``(N, 14, 14)`` float32, 0…1."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4), dtype=np.float32) / np.float32(255)


def _trained(job: Job, images: np.ndarray, given: dict[str, Any]) -> tuple[dict[str, np.ndarray], int]:
    """Its weights, float16, and the steps taken."""
    from genmodels.cnn import CNNConfig, iterate_cnn

    config = CNNConfig(**given, every=STEPS_PER_EPOCH, device=job.device)
    for state in iterate_cnn(images, load_mnist().train.labels, config, job.resume()):
        job.keep(state.snapshot)
        job.progress(state.step, config.n_steps, f"{state.loss:.3f} nats, {state.accuracy:.0%} of the batch right")
    return {name: as_float16(value) for name, value in state.arrays().items()}, config.n_steps


def _build_halved(job: Job) -> Built:
    return Built(*_trained(job, halved(load_mnist().train.images), HALVED))


def _build(job: Job) -> Built:
    weights, steps = _trained(job, _scaled(load_mnist().train), CONFIG)
    return Built(weights | _of_test(weights), steps=steps)


def _of_test(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the network says of the test digits."""
    from genmodels.cnn import class_activation_maps, predict_proba

    model, test = model_of(weights), load_mnist().test
    return {
        "test.probabilities": predict_proba(model, _scaled(test)),
        "test.maps": as_float16(class_activation_maps(model, _scaled(test))),
        "test.labels": test.labels.astype(np.uint8),
    }


def _recompute(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """By the weights."""
    tolerance = {"test.probabilities": 1e-3, "test.maps": 0.05, "test.labels": 0}
    for name, values in _of_test(arrays).items():
        yield Recomputed(name, values, tolerance[name])


def model_of(arrays: dict[str, np.ndarray], given: dict[str, Any] | None = None) -> CNN:
    """The network that has these weights, on the CPU; by default that of ``cnn``."""
    from genmodels.cnn import CNN, CNNConfig
    from genmodels.nn.arrays import load

    model = CNN(CNNConfig(**(given or CONFIG)))
    load(model, arrays)
    return model


def _evaluate(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """Share of the images classified rightly, by the weights."""
    from genmodels.cnn import predict_proba

    model, digits = model_of(arrays), load_mnist()
    right = {
        name: predict_proba(model, _scaled(split)).argmax(1) == split.labels
        for name, split in (("accuracy", digits.test), ("valid_accuracy", digits.valid))
    }
    return {name: float(values.mean()) for name, values in right.items()}


def _evaluate_halved(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    from genmodels.cnn import predict_proba

    model, test = model_of(arrays, HALVED), load_mnist().test
    return {"accuracy": float((predict_proba(model, halved(test.images)).argmax(1) == test.labels).mean())}


RECIPES = (
    Recipe(
        name="cnn-14",
        kind="weights",
        model="cnn",
        config=HALVED,
        data="mnist",
        seed=HALVED["seed"],
        build=_build_halved,
        evaluate=_evaluate_halved,
        tolerance={"accuracy": 0.004},
    ),
    Recipe(
        name="cnn",
        kind="weights",
        model="cnn",
        config=CONFIG,
        data="mnist",
        seed=CONFIG["seed"],
        build=_build,
        evaluate=_evaluate,
        tolerance={"accuracy": 0.004, "valid_accuracy": 0.004},
        recompute=_recompute,
    ),
)
