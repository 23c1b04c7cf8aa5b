"""Recipe of the two pixel classifiers of :mod:`genmodels.pixels`: what they say of test digits, and what they draw.

``pixel-classifiers`` (N = 500 test images, K = 10 classes, S shrinkages λ, n = 12 samples):

=====================  ==========================  =================================================================
``log_likelihood``     (3, N, K) float32           log p(x | y = k), nats: naive Bernoulli, independent Gaussian, full
                                                   Gaussian at ``chosen``
``log_prior``          (K,) float32                log π_k, the same for all three
``labels``             (N,) uint8                  of the test images
``accuracy``           (3,) float32                on them, share 0…1
``shrinkage``          (S,) float32                λ, rising to 1
``valid_accuracy``     (S,) float32                by which λ is chosen
``test_accuracy``      (S,) float32
``chosen``             (1,) float32                the λ that is best on `valid`
``naive_samples``      (K, n, 28, 28) uint8        0 or 255
``gaussian_samples``   (S, K, n, 28, 28) uint8     x = μ + L z, clipped to 0…1: the same z for every λ
``means``              (K, 28, 28) uint8           μ of the Gaussians
``deviations``         (K, 28, 28) uint8           √diag Σ, the same for every λ, 255 is 1
``eigenvalues``        (K, 8) float32              of Σ at ``chosen``, falling, squared pixel units
``eigenvectors``       (K, 8, 28, 28) float16      their unit vectors
=====================  ==========================  =================================================================

No torch; building takes some ten seconds and is not resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from genmodels.data.digits import Split, load_mnist
from genmodels.pixels import GaussianPixels, NaivePixels, PixelModel
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

SIDE = 28
SEED = 0
CONFIG: dict[str, Any] = {
    "shrinkages": (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0),
    "floor": 1e-2,
    "alpha": 1.0,
    "samples": 12,
    "eigenvectors": 8,
}
MODELS = ("naive", "independent", "full")


def _flat(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Pixels 0…1 ``(N, 784)`` and labels ``(N,)``."""
    return split.images.reshape(len(split.images), -1) / 255, split.labels


def _fit_naive() -> NaivePixels:
    return NaivePixels.fit(*_flat(load_mnist().train), alpha=CONFIG["alpha"])


def _fit_gaussian(shrinkage: float) -> GaussianPixels:
    return GaussianPixels.fit(*_flat(load_mnist().train), shrinkage=shrinkage, floor=CONFIG["floor"])


def _pictures(values: np.ndarray) -> np.ndarray:
    """Rows of 784 pixels as pictures in 256 levels; what lies outside 0…1 is clipped."""
    return as_uint8(values, 0, 1).reshape(*values.shape[:-1], SIDE, SIDE)


def _build(job: Job) -> Built:
    shrinkages = CONFIG["shrinkages"]
    valid, (x, labels) = _flat(load_mnist().valid), _flat(load_mnist().test)
    naive, loosest = _fit_naive(), _fit_gaussian(min(shrinkages))
    z = np.random.default_rng([SEED, 0]).standard_normal((len(naive.means), CONFIG["samples"], x.shape[1]))
    coins = np.random.default_rng([SEED, 1])
    valid_accuracy, test_accuracy, samples = [], [], []
    for i, shrinkage in enumerate(shrinkages):
        model = loosest.shrink(shrinkage)
        valid_accuracy.append(model.accuracy(*valid))
        test_accuracy.append(model.accuracy(x, labels))
        samples.append(_pictures(model.means[:, None] + z @ model.cholesky.transpose(0, 2, 1)))
        job.progress(i + 1, len(shrinkages), f"λ = {shrinkage:g}: {valid_accuracy[-1]:.1%} of valid right")
    chosen = shrinkages[int(np.argmax(valid_accuracy))]
    full = loosest.shrink(chosen)
    models: tuple[PixelModel, ...] = (naive, loosest.shrink(1.0), full)
    eigen = [full.eigenvectors(k, CONFIG["eigenvectors"]) for k in range(len(full.means))]
    return Built(
        {
            "log_likelihood": np.stack([model.log_joint(x) - np.log(model.weights) for model in models]).astype("f4"),
            "log_prior": np.log(naive.weights).astype(np.float32),
            "labels": labels.astype(np.uint8),
            "accuracy": np.array([model.accuracy(x, labels) for model in models], dtype=np.float32),
            "shrinkage": np.array(shrinkages, dtype=np.float32),
            "valid_accuracy": np.array(valid_accuracy, dtype=np.float32),
            "test_accuracy": np.array(test_accuracy, dtype=np.float32),
            "chosen": np.array([chosen], dtype=np.float32),
            "naive_samples": _pictures(
                np.stack([naive.sample(k, CONFIG["samples"], coins) for k in range(len(naive.means))])
            ),
            "gaussian_samples": np.stack(samples),
            "means": _pictures(full.means),
            "deviations": _pictures(np.sqrt(full.variances)),
            "eigenvalues": np.stack([values for values, _ in eigen]).astype(np.float32),
            "eigenvectors": as_float16(np.stack([rows for _, rows in eigen])).reshape(len(eigen), -1, SIDE, SIDE),
        },
        steps=0,
    )


def _evaluate(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """Accuracies on `test` of the three models, fitted anew, the full one at the stored ``chosen``."""
    test = _flat(load_mnist().test)
    full = _fit_gaussian(float(arrays["chosen"][0]))
    models = (_fit_naive(), full.shrink(1.0), full)
    return {f"accuracy_{name}": model.accuracy(*test) for name, model in zip(MODELS, models, strict=True)}


TOLERANCE = {
    "log_likelihood": 0.1,
    **dict.fromkeys(("accuracy", "valid_accuracy", "test_accuracy"), 0.004),
    **dict.fromkeys(("gaussian_samples", "means", "deviations"), 1),
    "eigenvectors": 0.005,
    **dict.fromkeys(("labels", "chosen", "naive_samples"), 0),
}
"""By how much an entry may differ on another machine: nats, shares, levels of grey; of other arrays 1e-4."""


def _recompute(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """Everything: the models are fitted anew."""
    alone = Job(device, lambda done, total, text: None, lambda: None, lambda arrays: None)
    for name, values in _build(alone).arrays.items():
        yield Recomputed(name, values, TOLERANCE.get(name, 1e-4))


RECIPES = (
    Recipe(
        name="pixel-classifiers",
        kind="recording",
        model="pixels",
        config=CONFIG,
        data="mnist",
        seed=SEED,
        build=_build,
        evaluate=_evaluate,
        tolerance={f"accuracy_{name}": 0.004 for name in MODELS},
        recompute=_recompute,
    ),
)
