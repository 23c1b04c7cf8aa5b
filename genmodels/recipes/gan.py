"""GANs trained long (:mod:`genmodels.gan`): the ring, the grid, and digits.

*Ring and grid*: recordings, F frames each, with both players as they are at the end.

    steps                   (F,) int32
    samples                 (F, 1000, 2) float16     from the same noise in all frames
    modes, quality, reverse_kl   (F,) float32        of 2,500 samples: count, share 0 … 1, nats
    generator.…, discriminator.…, centre, scale      as :meth:`genmodels.gan.GANState.arrays` gives them

*Digits*: 4,000 images of MNIST, a minibatch of 100, 40 steps an epoch.

    epochs                  (F,) int32
    samples                 (F, 40, 28, 28) uint8    from the same noise in all frames
    classes                 (F, 10) float32          shares of 500 samples by class, as the stored CNN sees them
    generator.…, centre, scale                       float16 weights

These builds take one to six minutes and are not resumed: a build that was stopped starts anew.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genmodels.data.digits import load_mnist
from genmodels.data.planar import get_dataset
from genmodels.metrics import mode_coverage
from genmodels.nn.runtime import Forward
from genmodels.store.checkpoint import load
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe

SHOWN, JUDGED, FRAMES = 1_000, 2_500, 60
STEPS_AN_EPOCH, EPOCHS = 40, (*range(11), *range(12, 41, 2), *range(45, 201, 5))
DIGITS: dict[str, Any] = {
    "n_noise": 32, "g_hidden": (256, 512), "d_hidden": (512, 256), "g_learning_rate": 5e-4, "d_learning_rate": 5e-4,
    "beta_1": 0.5, "beta_2": 0.99, "decay": "none", "r1": 1.0, "average": 0.995, "batch": 100,
    "n_steps": STEPS_AN_EPOCH * EPOCHS[-1],
}  # fmt: skip
PICTURES, COUNTED = 40, 500
LONG: dict[str, Any] = {
    "loss": "non-saturating", "g_hidden": (128, 128), "d_hidden": (128, 128), "activation": "relu",
    "noise": "gaussian", "r1": 0.1, "r1_every": 4,
    "g_learning_rate": 2e-3, "d_learning_rate": 2e-3, "beta_1": 0.5, "beta_2": 0.9,
    "decay": "linear", "batch": 256,
}  # fmt: skip
PLANES = {
    "ring8": {"data": "ring8", **LONG, "n_noise": 2, "n_steps": 60_000},
    "grid25": {"data": "grid25", **LONG, "n_noise": 16, "n_steps": 60_000},
}


def _build_plane(name: str, job: Job) -> Built:
    from genmodels.gan import GANConfig, iterate_gan

    dataset = get_dataset(name)
    assert dataset.centres is not None
    given = PLANES[name]
    every = given["n_steps"] // FRAMES
    # early frames are worth more: a tenth of the way is shown as finely as the rest
    config = GANConfig(**given, every=max(1, every // 10), device=job.device)
    frames: dict[str, list] = {key: [] for key in ("steps", "samples", "modes", "quality", "reverse_kl")}
    state = None
    for state in iterate_gan(None, config):
        job.progress(state.step, config.n_steps, f"{name}")
        if state.step % every and state.step > config.n_steps // 20:
            continue
        held = mode_coverage(state.samples[:JUDGED], dataset.centres, dataset.sigma or 1.0)
        values = (state.step, state.samples[:SHOWN], held.modes, held.quality, held.reverse_kl)
        for key, value in zip(frames, values, strict=True):
            frames[key].append(value)
    assert state is not None
    arrays = {key: np.array(frames[key], dtype=np.float32) for key in ("modes", "quality", "reverse_kl")}
    arrays |= {"steps": np.array(frames["steps"], dtype=np.int32), "samples": as_float16(np.stack(frames["samples"]))}
    return Built(arrays | state.arrays(), state.step)


def _evaluate_plane(name: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """Of 2,500 samples from fresh noise."""
    dataset, config = get_dataset(name), PLANES[name]
    assert dataset.centres is not None
    z = np.random.default_rng(12).standard_normal((JUDGED, config["n_noise"]))
    samples = generate(arrays, z, config["activation"])
    held = mode_coverage(samples, dataset.centres, dataset.sigma or 1.0)
    return {"modes": held.modes, "high_quality": held.quality, "reverse_kl_nats": held.reverse_kl}


def generate(arrays: dict[str, np.ndarray], z: np.ndarray, activation: str = "relu") -> np.ndarray:
    """G(z) in data units, ``(N, n_noise)`` to ``(N, D)``, without torch."""
    return arrays["centre"] + arrays["scale"] * Forward(arrays, "generator", activation)(z)


def _build_digits(job: Job) -> Built:
    from genmodels.gan import GANConfig, iterate_gan

    images = load_mnist().train.images.reshape(-1, 784) / 255
    config = GANConfig(**DIGITS, every=STEPS_AN_EPOCH, n_samples=COUNTED, device=job.device)
    classify = _classifier()
    samples, classes = [], []
    state = None
    for state in iterate_gan(images, config):
        job.progress(state.step, config.n_steps, f"epoch {state.step // STEPS_AN_EPOCH}")
        if state.step // STEPS_AN_EPOCH in EPOCHS:
            drawn = np.clip(state.samples, 0, 1)
            samples.append(as_uint8(drawn[:PICTURES].reshape(-1, 28, 28), 0, 1))
            classes.append(np.bincount(classify(drawn.reshape(-1, 28, 28)), minlength=10) / COUNTED)
    assert state is not None
    weights = {key: as_float16(v) for key, v in state.arrays().items() if key.startswith("generator")}
    arrays = {
        "epochs": np.array(EPOCHS, dtype=np.int32),
        "samples": np.stack(samples),
        "classes": np.array(classes, dtype=np.float32),
        "centre": state.centre.astype(np.float32),
        "scale": np.array([state.scale], dtype=np.float32),
    }
    return Built(arrays | weights, state.step)


def _classifier() -> Any:
    """Images ``(N, 28, 28)`` to classes ``(N,)``, by the stored CNN."""
    from genmodels.cnn import predict_proba
    from genmodels.recipes.cnn import model_of

    model = model_of(load("cnn").arrays)
    return lambda images: predict_proba(model, images).argmax(axis=1)


def _evaluate_digits(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    share = arrays["classes"][-1].astype(float)
    some = share[share > 0]
    return {"class_entropy_nats": float(-(some * np.log(some)).sum()), "rarest_class": float(share.min())}


RECIPES = (
    *(
        Recipe(
            name=f"gan-{name}",
            kind="recording",
            model="gan",
            config=PLANES[data],
            data=data,
            seed=0,
            build=partial(_build_plane, data),
            evaluate=partial(_evaluate_plane, data),
            tolerance={"modes": 0.0, "high_quality": 0.002, "reverse_kl_nats": 0.001},
        )
        for name, data in (("ring", "ring8"), ("grid", "grid25"))
    ),
    Recipe(
        name="gan-digits",
        kind="recording",
        model="gan",
        config=DIGITS,
        data="mnist",
        seed=0,
        build=_build_digits,
        evaluate=_evaluate_digits,
        tolerance={"class_entropy_nats": 1e-3, "rarest_class": 1e-6},
    ),
)
