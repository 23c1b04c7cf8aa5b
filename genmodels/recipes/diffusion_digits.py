"""A class-conditional denoiser of digits at 14 × 14 (:mod:`.denoisers`), and what guidance does to it.

*Weights*, float16 of the running mean, under the names that :class:`.denoisers.ForwardDenoiser` reads, with
``centre`` and ``scale``; data units are ink, 0 … 1. Besides, for G strengths w of guidance, 50 samples of each class
by 50 steps of DDIM from the same noise:

    guidance     (G,) float32
    guided       (G, 10, 8, 14, 14) uint8    eight of each class, 0 to 255
    accuracy     (G,) float32                share that the stored classifier ``cnn-14`` gives the class asked for
    spread       (G,) float32                root mean square distance from the mean of the class, of all classes
    nearest      (G,) float32                median distance to the nearest training image
    spread_test, nearest_test   (1,) float32 the same of the test images

Guidance is ε̂(x_t) + w (ε̂(x_t, y) − ε̂(x_t)): w = 0 does not ask for a class, w = 1 is plain conditional. The held-out
figures are taken at w = :data:`DEFAULT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.digits import load_mnist
from genmodels.recipes.cnn import HALVED, halved, model_of
from genmodels.store.checkpoint import load
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

if TYPE_CHECKING:
    from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser

CONFIG: dict[str, Any] = {
    "schedule": "cosine", "prediction": "v", "hidden": (512, 512, 512), "x_waves": 0, "n_classes": 10, "drop": 0.1,
    "standardise": True, "batch": 128, "learning_rate": 1e-3, "decay": True, "average": 0.999, "n_steps": 30_000,
}  # fmt: skip
GUIDANCE = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
DEFAULT, EACH, SHOWN, STEPS = 2.0, 50, 8, 50


def config_of(**more: Any) -> DenoiserConfig:
    """The network and its training."""
    from genmodels.diffusion.denoisers import DenoiserConfig

    return DenoiserConfig(**CONFIG, **more)


def _build(job: Job) -> Built:
    from genmodels.diffusion.training import iterate_denoiser

    train = load_mnist().train
    config = config_of(every=100, device=job.device)
    x = halved(train.images).reshape(len(train.images), -1)
    state = None
    for state in iterate_denoiser(x, config, train.labels, resume=job.resume()):
        job.keep(state.snapshot)
        job.progress(state.step, config.n_steps, f"loss {state.loss:.4f}")
    assert state is not None
    arrays = {name: as_float16(value) for name, value in state.arrays().items()}
    return Built(arrays | _guided(arrays), state.step)


def _guided(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    drawn = [draw(arrays, w) for w in GUIDANCE]
    judged = [_judge(samples) for samples in drawn]
    test = load_mnist().test
    real = halved(test.images)
    return {
        "guidance": np.array(GUIDANCE, dtype=np.float32),
        "guided": np.stack([as_uint8(samples[:, :SHOWN], 0, 1) for samples in drawn]),
        **{name: np.array([j[name] for j in judged], np.float32) for name in ("accuracy", "spread", "nearest")},
        "spread_test": np.array([_spread(np.stack([real[test.labels == c] for c in range(10)]))], np.float32),
        "nearest_test": np.array([_nearest(real)], np.float32),
    }


def draw(arrays: dict[str, np.ndarray], w: float) -> np.ndarray:
    """Samples ``(10, 50, 14, 14)``, 0 … 1, the same noise for every w."""
    from genmodels.diffusion.denoisers import ForwardDenoiser
    from genmodels.diffusion.sampler import ReverseConfig, sample_reverse

    denoiser: ForwardDenoiser = ForwardDenoiser(arrays, config_of())
    y = np.repeat(np.arange(10), EACH)
    x_T = np.random.default_rng(13).standard_normal((len(y), 196))
    way = ReverseConfig("ddim", STEPS, guidance=w)
    x = denoiser.to_data(sample_reverse(denoiser, x_T, config_of().make_schedule(), way, y=y))
    return np.clip(x, 0, 1).reshape(10, EACH, 14, 14)


def _judge(samples: np.ndarray) -> dict[str, float]:
    from genmodels.cnn import predict_proba

    model = model_of(load("cnn-14").arrays, HALVED)
    says = predict_proba(model, samples.reshape(-1, 14, 14).astype(np.float32)).argmax(axis=1)
    return {
        "accuracy": float((says == np.repeat(np.arange(10), samples.shape[1])).mean()),
        "spread": _spread(samples),
        "nearest": _nearest(samples),
    }


def _spread(samples: np.ndarray) -> float:
    """Root mean square distance from the mean of the class, ``(10, N, 14, 14)``."""
    return float(np.sqrt(np.square(samples - samples.mean(axis=1, keepdims=True)).sum(axis=(2, 3)).mean()))


def _nearest(samples: np.ndarray) -> float:
    """Median distance to the nearest training image."""
    x, train = samples.reshape(-1, 196), halved(load_mnist().train.images).reshape(-1, 196)
    squared = np.square(x).sum(1)[:, None] - 2 * x @ train.T + np.square(train).sum(1)
    return float(np.median(np.sqrt(np.maximum(squared.min(axis=1), 0))))


def _evaluate(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    judged = _judge(draw(arrays, DEFAULT))
    return {**judged, "nearest_test": float(arrays["nearest_test"][0])}


def _recompute(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """By the weights, at every guidance."""
    tolerance = {"guidance": 0, "guided": 8, "accuracy": 0.01, "spread": 0.02, "nearest": 0.02}
    for name, values in _guided(arrays).items():
        yield Recomputed(name, values, tolerance.get(name, 1e-5))


RECIPES = (
    Recipe(
        name="diffusion-digits",
        kind="weights",
        model="diffusion",
        config=CONFIG,
        data="mnist",
        seed=0,
        build=_build,
        evaluate=_evaluate,
        tolerance={"accuracy": 0.01, "spread": 0.02, "nearest": 0.02, "nearest_test": 1e-6},
        recompute=_recompute,
    ),
)
