"""Recipes of :mod:`genmodels.autoencoder.model`; D = 784 pixels, pictures 28 × 28 uint8, errors RMS a pixel.

``autoencoder-2d``: weights under torch's names, float16, of the one whose code is a point in the plane; read it by
``ForwardAutoencoder(arrays, config["activation"])``.

``autoencoder-squeeze``, how well B = 5 bottlenecks M copy, and how they learn to (F epochs):

=====================  ==========================  =================================================================
``bottlenecks``        (B,) int32                  M, rising; the last is over-wide, M > D
``epochs``             (F,) int32                  of the frames, 0 first, shared by all
``pictures``           (8, 28, 28) uint8           test digits 0 to 7
``reconstructions``    (F, B, 8, 28, 28) uint8     their copies
``test_rmse``          (F, B) float32              over all 500 test images, 0…1
``test_copies``        (2, B, 500, 28, 28) uint8   copies of all test images, in the frames ``SQUEEZE["kept"]``
``pca_rmse``           (B,) float32                over the test images, by mean and min(M, D) principal components
                                                   of the train images
=====================  ==========================  =================================================================

``autoencoder-noise``, what the over-wide one and its denoising twin make of x + σ ε, the same ε for each of F levels:

==================================  =======================  =======================================================
``noise``                           (F,) float32             σ, pixel units, 0 first
``pictures``                        (8, 28, 28) uint8        test digits 0 to 7
``noisy``                           (F, 8, 28, 28) uint8     x + σ ε, clipped to be shown (networks see it whole)
``copied``, ``denoised``            (F, 8, 28, 28) uint8     by the plain one, by the one trained with σ = 0.5
``rmse_noisy``, ``rmse_copied``,    (F,) float32             to the clean test images, over all 500
``rmse_denoised``
``test_copied``, ``test_denoised``  (3, 500, 28, 28) uint8   answers to all test images, at the σ ``NOISE["kept"]``
==================================  =======================  =======================================================

From these pictures the errors of a frame are found again, and those before training from the seed's own network; in
the other frames they must agree with the eight pictures that are shown, up to ``RATIOS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.autoencoder.runtime import ForwardAutoencoder
from genmodels.data.digits import Split, load_mnist
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within

if TYPE_CHECKING:
    from genmodels.autoencoder.model import AutoencoderState

SIDE = 28
N_PICTURES = 8
RATIOS = (0.78, 1.12)
"""Error of the eight pictures over that of all 500; in the 130 frames and 42 answers it is 0.83 … 1.06."""
BETWEEN = "between the frames kept, only bounds from eight pictures"
STEPS_PER_EPOCH = 40

SHARED: dict[str, Any] = {
    "n_features": SIDE**2,
    "batch": 100,
    "decay": True,
    "activation": "silu",
    "loss": "cross-entropy",
    "seed": 0,
}
PLANE: dict[str, Any] = {
    **SHARED,
    "activation": "tanh",  # as sharp as silu, and its codes fill the plane more evenly
    "n_bottleneck": 2,
    "hidden": (256, 64),
    "learning_rate": 4e-3,
    "n_steps": 60 * STEPS_PER_EPOCH,
}
NARROW: dict[str, Any] = {**SHARED, "hidden": (256,), "learning_rate": 8e-3, "n_steps": 40 * STEPS_PER_EPOCH}
OVERWIDE: dict[str, Any] = {**NARROW, "n_bottleneck": 1000, "hidden": (1000,), "learning_rate": 1e-3}
SQUEEZE: dict[str, Any] = {
    "networks": (*({**NARROW, "n_bottleneck": m} for m in (1, 2, 8, 32)), OVERWIDE),
    "epochs": (*range(11), *range(12, 41, 2)),
    "kept": (16, 40),
}
NOISE: dict[str, Any] = {
    "networks": (OVERWIDE, {**OVERWIDE, "noise": 0.5}),
    "noise": tuple(i / 20 for i in range(21)),
    "noise_seed": 1,
    "kept": (0.0, 0.5, 1.0),
}
ANSWERS = ("copied", "denoised")


def _flat(split: Split) -> np.ndarray:
    """Pixels 0…1 ``(N, 784)`` float32."""
    return split.images.reshape(len(split.images), -1) / np.float32(255)


def _pictures(x: np.ndarray, most: int | None = N_PICTURES) -> np.ndarray:
    """The first rows ``(N, 784)`` as pictures ``(≤ 8, 28, 28)``; None for all."""
    return as_uint8(x[:most], 0, 1).reshape(-1, SIDE, SIDE)


def _picture_errors(pictures: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """RMS a pixel of pictures ``(…, N, 28, 28)`` from the clean ones ``(N, 28, 28)``, both uint8, ``(…)``."""
    scale, shape = np.float32(255), pictures.shape[:-3]
    found = [rmse(some / scale, clean / scale) for some in pictures.reshape(-1, *clean.shape)]
    return np.array(found).reshape(shape)


def _near(name: str, arrays: dict[str, np.ndarray], pictures: str) -> Recomputed:
    """Errors in all frames, against those of the eight pictures shown."""
    eight = _picture_errors(arrays[pictures], load_mnist().test.images[:N_PICTURES])
    low, high = RATIOS
    return within(name, arrays[name], eight / high, eight / low, "near the pictures'")


def rmse(x: np.ndarray, y: np.ndarray) -> float:
    """The root of the mean squared difference over all images and pixels."""
    return float(np.sqrt(np.mean(np.square(x - y), dtype=np.float64)))


def _train(
    job: Job,
    networks: Sequence[Mapping[str, Any]],
    record: dict[str, np.ndarray],
    watch: Callable[[int, AutoencoderState], None],
) -> AutoencoderState:
    """Train one network after the other; interrupted anywhere, go on from there.

    Args:
        job: The build's.
        networks: The configs.
        record: What ``watch`` has written so far; it is kept with the snapshot, and filled again from it.
        watch: Called after each epoch, and before the first, with the number of the network and its state. May be
            called again with the state resumed from.

    Returns:
        The last network's last state.
    """
    from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder

    images = _flat(load_mnist().train)
    configs = [AutoencoderConfig(**one, every=STEPS_PER_EPOCH, device=job.device) for one in networks]
    kept = job.resume()
    first = 0 if kept is None else int(kept["network"][0])
    if kept is not None:
        for name, array in record.items():
            array[...] = kept[f"record.{name}"]
    done, total = sum(config.n_steps for config in configs[:first]), sum(config.n_steps for config in configs)
    for i, config in enumerate(configs[first:], start=first):
        for state in iterate_autoencoder(images, config, kept if i == first else None):
            watch(i, state)
            job.keep(_snapshot(i, state, record))
            job.progress(done + state.step, total, f"M = {config.n_bottleneck}: {state.loss:.1f} nats")
        done += config.n_steps
    return state


def _snapshot(i: int, state: AutoencoderState, record: Mapping[str, np.ndarray]) -> Callable[[], dict[str, Any]]:
    """What resumes :func:`_train`, once it is asked for."""
    recorded = {f"record.{name}": array for name, array in record.items()}
    return lambda: {**state.snapshot(), **recorded, "network": np.array([i])}


def _build_plane(job: Job) -> Built:
    state = _train(job, [PLANE], {}, lambda i, state: None)
    return Built({name: as_float16(value) for name, value in state.arrays().items()}, steps=state.step)


def _evaluate_plane(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """The error on `test`, by the weights."""
    x = _flat(load_mnist().test)
    return {"rmse": rmse(ForwardAutoencoder(arrays, PLANE["activation"])(x), x)}


def _build_squeeze(job: Job) -> Built:
    train, test = _flat(load_mnist().train), _flat(load_mnist().test)
    epochs, kept = list(SQUEEZE["epochs"]), list(SQUEEZE["kept"])
    bottlenecks = [one["n_bottleneck"] for one in SQUEEZE["networks"]]
    shape = (len(epochs), len(bottlenecks))
    record: dict[str, np.ndarray] = {
        "reconstructions": np.zeros((*shape, N_PICTURES, SIDE, SIDE), dtype=np.uint8),
        "test_rmse": np.zeros(shape, dtype=np.float32),
        "test_copies": np.zeros((len(kept), shape[1], len(test), SIDE, SIDE), dtype=np.uint8),
    }

    def watch(i: int, state: AutoencoderState) -> None:
        if state.epoch not in epochs:
            return
        frame, copied = (epochs.index(int(state.epoch)), i), state.forward()(test)
        record["reconstructions"][frame] = _pictures(copied)
        record["test_rmse"][frame] = rmse(copied, test)
        if state.epoch in kept:
            record["test_copies"][kept.index(int(state.epoch)), i] = _pictures(copied, None)

    _train(job, SQUEEZE["networks"], record, watch)
    return Built(
        {
            "bottlenecks": np.array(bottlenecks, dtype=np.int32),
            "epochs": np.array(epochs, dtype=np.int32),
            "pictures": _pictures(test),
            **record,
            "pca_rmse": _pca_rmse(train, test, bottlenecks),
        },
        steps=sum(one["n_steps"] for one in SQUEEZE["networks"]),
    )


def _pca_rmse(train: np.ndarray, test: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """The errors of the test images projected on the train images' mean and m leading principal components."""
    mean = train.mean(axis=0, dtype=np.float64)
    _, _, rows = np.linalg.svd(train - mean, full_matrices=False)
    centred = test - mean
    return np.array([rmse(centred @ rows[:m].T @ rows[:m], centred) for m in numbers], dtype=np.float32)


def _evaluate_squeeze(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """The errors on `test` after the last epoch, by the copies kept."""
    errors = _picture_errors(arrays["test_copies"][-1], load_mnist().test.images)
    return {f"rmse_{one['n_bottleneck']}": float(e) for one, e in zip(SQUEEZE["networks"], errors, strict=True)}


def _recompute_squeeze(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """By the seed before training, by the copies in the frames kept, and by principal components."""
    train, test = _flat(load_mnist().train), _flat(load_mnist().test)
    bottlenecks = [one["n_bottleneck"] for one in SQUEEZE["networks"]]
    kept = [SQUEEZE["epochs"].index(epoch) for epoch in SQUEEZE["kept"]]
    copies = arrays["test_copies"]
    untrained = [copy(test) for copy in _untrained()]
    yield Recomputed("bottlenecks", np.array(bottlenecks))
    yield Recomputed("epochs", np.array(SQUEEZE["epochs"]))
    yield Recomputed("pictures", _pictures(test))
    yield Recomputed("reconstructions", np.stack([_pictures(x) for x in untrained])[None], 1, [0], "by the seed")
    yield Recomputed("reconstructions", copies[:, :, :N_PICTURES], 0, kept, "by the copies")
    yield Recomputed("test_rmse", np.array([[rmse(x, test) for x in untrained]]), 1e-5, [0], "by the seed")
    yield Recomputed("test_rmse", _picture_errors(copies, load_mnist().test.images), 5e-5, kept, "by the copies")
    yield _near("test_rmse", arrays, "reconstructions")
    yield Recomputed("pca_rmse", _pca_rmse(train, test, bottlenecks), 1e-5)


def _untrained() -> list[ForwardAutoencoder]:
    """The networks before their first step, as their seed draws them."""
    from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder

    images = _flat(load_mnist().train)
    return [next(iterate_autoencoder(images, AutoencoderConfig(**one))).forward() for one in SQUEEZE["networks"]]


def _noisy(clean: np.ndarray) -> list[np.ndarray]:
    """The images with noise of each level, x + σ ε, the same ε for all."""
    eps = np.random.default_rng(NOISE["noise_seed"]).standard_normal(clean.shape, dtype=np.float32)
    return [clean + np.float32(sigma) * eps for sigma in NOISE["noise"]]


def _build_noise(job: Job) -> Built:
    clean, levels, kept = _flat(load_mnist().test), NOISE["noise"], list(NOISE["kept"])
    noisy = _noisy(clean)
    record: dict[str, np.ndarray] = {}
    for name in ANSWERS:
        record[name] = np.zeros((len(levels), N_PICTURES, SIDE, SIDE), dtype=np.uint8)
        record[f"rmse_{name}"] = np.zeros(len(levels), dtype=np.float32)
        record[f"test_{name}"] = np.zeros((len(kept), len(clean), SIDE, SIDE), dtype=np.uint8)

    def watch(i: int, state: AutoencoderState) -> None:
        if state.step < state.config.n_steps:
            return
        restore = state.forward()
        for level, x in enumerate(noisy):
            restored = restore(x)
            record[ANSWERS[i]][level] = _pictures(restored)
            record[f"rmse_{ANSWERS[i]}"][level] = rmse(restored, clean)
            if levels[level] in kept:
                record[f"test_{ANSWERS[i]}"][kept.index(levels[level])] = _pictures(restored, None)

    _train(job, NOISE["networks"], record, watch)
    return Built(
        {
            "noise": np.array(levels, dtype=np.float32),
            "pictures": _pictures(clean),
            "noisy": np.stack([_pictures(x) for x in noisy]),
            "rmse_noisy": np.array([rmse(x, clean) for x in noisy], dtype=np.float32),
            **record,
        },
        steps=sum(one["n_steps"] for one in NOISE["networks"]),
    )


def _evaluate_noise(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """The errors on `test` at σ = 0.5, by the answers kept."""
    half, clean = NOISE["kept"].index(0.5), load_mnist().test.images
    return {f"rmse_{of}_half": float(_picture_errors(arrays[f"test_{of}"][half], clean)) for of in ANSWERS}


def _recompute_noise(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """Noise by its seed, and errors by the answers to all test images at the levels kept."""
    clean, kept = _flat(load_mnist().test), [NOISE["noise"].index(sigma) for sigma in NOISE["kept"]]
    noisy = _noisy(clean)
    yield Recomputed("noise", np.array(NOISE["noise"]), 1e-6)
    yield Recomputed("pictures", _pictures(clean))
    yield Recomputed("noisy", np.stack([_pictures(x) for x in noisy]), 1)
    yield Recomputed("rmse_noisy", np.array([rmse(x, clean) for x in noisy]), 1e-5)
    for of in ANSWERS:
        answers = arrays[f"test_{of}"]
        errors = _picture_errors(answers, load_mnist().test.images)
        yield Recomputed(of, answers[:, :N_PICTURES], 0, kept, "by the answers")
        yield Recomputed(f"rmse_{of}", errors, 5e-5, kept, "by the answers")
        yield _near(f"rmse_{of}", arrays, of)


def _recipe(
    name: str,
    kind: str,
    config: dict[str, Any],
    build: Callable[[Job], Built],
    evaluate: Callable[[dict[str, np.ndarray], str], dict[str, float]],
    tolerance: dict[str, float],
    **again: Any,
) -> Recipe:
    return Recipe(name, kind, "autoencoder", config, "mnist", SHARED["seed"], build, evaluate, tolerance, **again)


RECIPES = (
    _recipe("autoencoder-2d", "weights", PLANE, _build_plane, _evaluate_plane, {"rmse": 1e-4}),
    _recipe(
        "autoencoder-squeeze",
        "recording",
        SQUEEZE,
        _build_squeeze,
        _evaluate_squeeze,
        {f"rmse_{one['n_bottleneck']}": 1e-6 for one in SQUEEZE["networks"]},
        recompute=_recompute_squeeze,
        recorded={"test_copies": "pictures", "reconstructions": BETWEEN, "test_rmse": BETWEEN},
    ),
    _recipe(
        "autoencoder-noise",
        "recording",
        NOISE,
        _build_noise,
        _evaluate_noise,
        {"rmse_copied_half": 1e-6, "rmse_denoised_half": 1e-6},
        recompute=_recompute_noise,
        recorded={
            **{f"test_{of}": "pictures" for of in ANSWERS},
            **{name: BETWEEN for of in ANSWERS for name in (of, f"rmse_{of}")},
        },
    ),
)
