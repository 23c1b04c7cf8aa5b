"""Recipe of the convolutional classifier of :mod:`genmodels.cnn`, with what it says of the test digits.

``cnn``: the weights under torch's names, float16, and, computed from these rounded weights so that a page need not
wait for torch:

``test.probabilities``  (500, 10) float32, p(y = k | x) of each test image
``test.maps``           (500, 10, 7, 7) float16, its class activation maps, in units of logits
``test.labels``         (500,) uint8
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.checkpoint import as_float16
from genmodels.digits import Split, load_mnist
from genmodels.recipes import Built, Job, Recipe

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
STEPS_PER_EPOCH = 63


def _scaled(split: Split) -> np.ndarray:
    """Pixels 0…1 ``(N, 28, 28)``."""
    return split.images / np.float32(255)


def _build(job: Job) -> Built:
    from genmodels.cnn import CNNConfig, class_activation_maps, iterate_cnn, predict_proba

    train, test = load_mnist().train, load_mnist().test
    config = CNNConfig(**CONFIG, every=STEPS_PER_EPOCH, device=job.device)
    for state in iterate_cnn(_scaled(train), train.labels, config, job.resume()):
        job.keep(state.snapshot)
        job.progress(state.step, config.n_steps, f"{state.loss:.3f} nats, {state.accuracy:.0%} of the batch right")
    weights = {name: as_float16(value) for name, value in state.arrays().items()}
    model = model_of(weights)
    return Built(
        {
            **weights,
            "test.probabilities": predict_proba(model, _scaled(test)),
            "test.maps": as_float16(class_activation_maps(model, _scaled(test))),
            "test.labels": test.labels.astype(np.uint8),
        },
        steps=config.n_steps,
    )


def model_of(arrays: dict[str, np.ndarray]) -> CNN:
    """The network that has these weights, on the CPU."""
    from genmodels.cnn import CNN, CNNConfig
    from genmodels.nets import load

    model = CNN(CNNConfig(**CONFIG))
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


RECIPES = (
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
    ),
)
