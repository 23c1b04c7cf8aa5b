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

*Found again*: the first frame by the seed, the last by the generator kept; the frames between are recorded, and must
agree with what is seen of them: 1,000 points of the 2,500 that were counted, 40 pictures of 500.

These builds take one to six minutes and are not resumed: a build that was stopped starts anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.digits import load_mnist
from genmodels.data.planar import get_dataset
from genmodels.metrics import Coverage, mode_coverage
from genmodels.nn.runtime import Forward
from genmodels.store.checkpoint import load
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within

if TYPE_CHECKING:
    from genmodels.gan import GANState

SHOWN, JUDGED, FRAMES = 1_000, 2_500, 60
STEPS_AN_EPOCH, EPOCHS = 40, (*range(11), *range(12, 41, 2), *range(45, 201, 5))
DIGITS: dict[str, Any] = {
    "n_noise": 32, "g_hidden": (256, 512), "d_hidden": (512, 256), "g_learning_rate": 5e-4, "d_learning_rate": 5e-4,
    "beta_1": 0.5, "beta_2": 0.99, "decay": "none", "r1": 1.0, "average": 0.995, "batch": 100,
    "n_steps": STEPS_AN_EPOCH * EPOCHS[-1],
}  # fmt: skip
PICTURES, COUNTED = 40, 500
SIGMAS = 5
"""Standard errors by which a part of the samples may differ from all."""
BETWEEN = "recorded, not recomputed, but in the first frame and the last"
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

    given = PLANES[name]
    every = given["n_steps"] // FRAMES
    # early frames are worth more: a tenth of the way is shown as finely as the rest
    config = GANConfig(**given, every=max(1, every // 10), device=job.device)
    steps = _steps(config.n_steps)
    frames: dict[str, list] = {key: [] for key in ("steps", "samples", "modes", "quality", "reverse_kl")}
    state = None
    for state in iterate_gan(None, config):
        job.progress(state.step, config.n_steps, f"{name}")
        if state.step not in steps:
            continue
        held = _held(name, state.samples[:JUDGED])
        values = (state.step, state.samples[:SHOWN], held.modes, held.quality, held.reverse_kl)
        for key, value in zip(frames, values, strict=True):
            frames[key].append(value)
    assert state is not None
    arrays = {key: np.array(frames[key], dtype=np.float32) for key in ("modes", "quality", "reverse_kl")}
    arrays |= {"steps": np.array(frames["steps"], dtype=np.int32), "samples": as_float16(np.stack(frames["samples"]))}
    return Built(arrays | state.arrays(), state.step)


def _steps(n_steps: int) -> list[int]:
    """Of the frames, the first twentieth ten times as fine as the rest."""
    every = n_steps // FRAMES
    fine = max(1, every // 10)
    return [step for step in range(0, n_steps + 1, fine) if not step % every or step <= n_steps // 20]


def _evaluate_plane(name: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """Of 2,500 samples from fresh noise."""
    config = PLANES[name]
    z = np.random.default_rng(12).standard_normal((JUDGED, config["n_noise"]))
    held = _held(name, generate(arrays, z, config["activation"]))
    return {"modes": held.modes, "high_quality": held.quality, "reverse_kl_nats": held.reverse_kl}


def _held(name: str, samples: np.ndarray) -> Coverage:
    dataset = get_dataset(name)
    assert dataset.centres is not None
    return mode_coverage(samples, dataset.centres, dataset.sigma or 1.0)


def _start(points: np.ndarray | None, **given: Any) -> GANState:
    """A training's state before its first move, and the noise of all its frames."""
    from genmodels.gan import GANConfig, iterate_gan

    return next(iterate_gan(points, GANConfig(**given)))


def _recompute_plane(name: str, arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """By the seed at the start, by the generator at the end, and in all frames by the samples that are shown."""
    start, last = _start(None, **PLANES[name]), len(arrays["steps"]) - 1
    samples = {0: start.samples, last: generate(arrays, start.noise, PLANES[name]["activation"])}
    for frame, by in {0: "by the seed", last: "by the generator"}.items():
        held = _held(name, samples[frame][:JUDGED])
        yield Recomputed("samples", samples[frame][None, :SHOWN], 0.005, [frame], by)
        yield Recomputed("modes", np.array([held.modes]), 0, [frame], by)
        yield Recomputed("quality", np.array([held.quality]), 0.002, [frame], by)
        yield Recomputed("reverse_kl", np.array([held.reverse_kl]), 0.001, [frame], by)
    shown = arrays["samples"].astype(np.float64)
    for key, low, high in _bounds(name, shown):
        yield within(key, arrays[key], low, high, "by the samples shown")
    steps = np.array(_steps(PLANES[name]["n_steps"]))
    yield Recomputed("steps", steps)


def _bounds(name: str, shown: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Between what the counts of 2,500 samples must lie, from the first 1,000 of each frame ``(F, 1000, 2)``."""
    dataset = get_dataset(name)
    assert dataset.centres is not None
    k, n = len(dataset.centres), shown.shape[1]
    held = [_held(name, frame) for frame in shown]
    modes, quality, kl = (np.array([getattr(one, key) for one in held], dtype=float) for key in Coverage._fields)
    part = 1 / n - 1 / JUDGED  # of the variance of a part's mean, the rest being all's own
    share = (n * quality + 1) / (n + 2)
    off = SIGMAS * np.sqrt(share * (1 - share) * part) + 1 / n
    nearest = np.linalg.norm(shown[:, :, None] - dataset.centres, axis=-1).argmin(axis=-1)
    p = np.stack([np.bincount(row, minlength=k) for row in nearest]) / n
    surprise = np.log(np.where(p > 0, k * p, 1))
    spread = (p * np.square(surprise - kl[:, None])).sum(axis=1)
    loose = SIGMAS * (np.sqrt(spread * part) + np.sqrt((k - 1) / 2) * part) + (k - 1) / 2 * part
    yield "modes", modes, np.full(len(modes), k)
    yield "quality", quality - off, quality + off
    yield "reverse_kl", kl - loose, kl + loose


def generate(arrays: dict[str, np.ndarray], z: np.ndarray, activation: str = "relu") -> np.ndarray:
    """G(z) in data units, ``(N, n_noise)`` to ``(N, D)``, without torch."""
    return arrays["centre"] + arrays["scale"] * Forward(arrays, "generator", activation)(z)


def _build_digits(job: Job) -> Built:
    from genmodels.gan import GANConfig, iterate_gan

    images = _images()
    config = GANConfig(**DIGITS, every=STEPS_AN_EPOCH, n_samples=COUNTED, device=job.device)
    classify = _classifier()
    samples, classes = [], []
    state = None
    for state in iterate_gan(images, config):
        job.progress(state.step, config.n_steps, f"epoch {state.step // STEPS_AN_EPOCH}")
        if state.step // STEPS_AN_EPOCH in EPOCHS:
            drawn = np.clip(state.samples, 0, 1)
            samples.append(as_uint8(drawn[:PICTURES].reshape(-1, 28, 28), 0, 1))
            classes.append(_shares(classify(drawn.reshape(-1, 28, 28))))
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


def _images() -> np.ndarray:
    return load_mnist().train.images.reshape(-1, 784) / 255


def _shares(classes: np.ndarray) -> np.ndarray:
    """Of each class, ``(10,)``."""
    return np.bincount(classes, minlength=10) / len(classes)


def _drawn(arrays: dict[str, np.ndarray], noise: np.ndarray) -> np.ndarray:
    """Digits of the generator kept, 0 … 1, ``(N, 28, 28)``."""
    return np.clip(generate(arrays, noise), 0, 1).reshape(-1, 28, 28)


def _recompute_digits(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """By the seed at the start, by the generator at the end, and in all frames by the pictures that are shown."""
    start, classify = _start(_images(), **DIGITS, n_samples=COUNTED), _classifier()
    last = len(EPOCHS) - 1
    drawn = {0: np.clip(start.samples, 0, 1).reshape(-1, 28, 28), last: _drawn(arrays, start.noise)}
    for frame, by in {0: "by the seed", last: "by the generator"}.items():
        yield Recomputed("samples", as_uint8(drawn[frame][None, :PICTURES], 0, 1), 8, [frame], by)
        yield Recomputed("classes", _shares(classify(drawn[frame]))[None], 0.01, [frame], by)
    seen = np.stack([_shares(classify(pictures / np.float32(255))) for pictures in arrays["samples"]])
    least, share = seen * PICTURES / COUNTED, (PICTURES * seen + 1) / (PICTURES + 2)
    off = SIGMAS * np.sqrt(share * (1 - share) * (1 / PICTURES - 1 / COUNTED))
    low, high = np.maximum(least, seen - off), np.minimum(least + 1 - PICTURES / COUNTED, seen + off)
    yield within("classes", arrays["classes"], low, high, "by the pictures shown")
    yield Recomputed("epochs", np.array(EPOCHS))
    yield Recomputed("centre", start.centre, 1e-5)
    yield Recomputed("scale", np.array([start.scale]), 1e-5)


def _evaluate_digits(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """Of the generator kept, from the noise of all frames, by the stored CNN."""
    start = _start(_images(), **DIGITS, n_samples=COUNTED)
    share = _shares(_classifier()(_drawn(arrays, start.noise)))
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
            recompute=partial(_recompute_plane, data),
            recorded=dict.fromkeys(("samples", "modes", "quality", "reverse_kl"), BETWEEN),
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
        tolerance={"class_entropy_nats": 0.01, "rarest_class": 0.004},
        recompute=_recompute_digits,
        recorded=dict.fromkeys(("samples", "classes"), BETWEEN),
    ),
)
