r"""Variational autoencoders of binarised MNIST (:mod:`genmodels.vae.model`): three networks and two recordings.

*Weights*, float16, under torch's names (``encoder.0.weight``, …), for :class:`genmodels.vae.runtime.ForwardVAE`:

| name              | latents | density          |
|-------------------|---------|------------------|
| `vae-2d`          | 2       | p(x)             |
| `vae-16d`         | 16      | p(x)             |
| `vae-conditional` | 2       | p(x given class) |

In `vae-2d`, ``reference.digits``, ``reference.upside_down`` and ``reference.noise`` are ELBOs, ``(500,)`` float32: of
the test images, of the same turned by 180°, and of the same with their pixels shuffled, each in its own way.

*Recordings*, F frames each. `vae-training` follows one network at a constant learning rate, for so long that it
overfits; `vae-beta` has one network for each β, from the same initial weights and the same noise. Both hold:

    labels                  (500,) uint8             classes of the test images
    mu                      (F, 500, 2) float16      means of q(z | x) for the test images
    pictures                (10, 28, 28) uint8       the first test image of each class, 0 to 255
    reconstructions         (F, 10, 28, 28) uint8    E[x | z] at the mean of their q(z | x), 0 to 255
    z                       (30, 2) float32          the origin, and draws from the prior
    samples                 (F, 30, 28, 28) uint8    E[x | z] there

`vae-training` has also ``epochs`` (F,) int32 and ``train_reconstruction``, ``train_kl``, ``test_reconstruction``,
``test_kl`` (F,) float32, nats per image, of the first 500 training images and of the test images. `vae-beta` has
``beta`` (F,), ``sigma`` (F, 500, 2) float16, ``reconstruction`` (F,) and ``kl`` (F, 2) float32, one a latent, of the
test images.

Each training is a *film* that may be interrupted: what it keeps is the network, Adam, the generator and the frames
taken so far. The same noise judges every frame, so that their differences are the network's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.digits import Split, load_binarised_mnist
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe

if TYPE_CHECKING:
    import torch

    from genmodels.vae.model import VAE, Bound, VAEConfig

DATA = "mnist-binarised"
STEPS_AN_EPOCH = 40  # 4,000 images, 100 in a minibatch
COMMON = {"n_features": 784, "n_latents": 2, "activation": "silu", "batch": 100, "learning_rate": 1e-3}
OTHERS = ("epochs", "betas", "n_samples")  # what a recipe's config holds besides the network's
WIDE = (500, 500, 200)
BETAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16, 24, 32, 48, 64)
EPOCHS = (*range(20), *range(20, 60, 2), *range(60, 201, 5))
"""Frames of `vae-training`: many where much happens."""

Frame = dict[str, np.ndarray]


# Filming


def film(job: Job, configs: Sequence[VAEConfig], epochs: Sequence[int], frame_of: Callable[[VAE], Frame]) -> Frame:
    """Trains one network after the other and takes a frame of each at the same epochs.

    Args:
        job: Says where, and keeps what is needed to go on.
        configs: One a network; ``every`` is an epoch, so that what an interruption costs is at most one.
        epochs: Of the frames, rising; the training ends with the last of them, whatever ``n_steps``.
        frame_of: From a network on the job's device to arrays.

    Returns:
        The frames of all networks, stacked: arrays of shape (F, …).
    """
    from genmodels.vae.model import iterate_vae

    train = load_binarised_mnist().train
    saved = job.resume()
    frames = [] if saved is None else _unstack(saved)
    for run in range(0 if saved is None else int(saved["run"].item()), len(configs)):
        config = configs[run]
        for state in iterate_vae(_rows(train), config, _classes(config, train), saved):
            epoch, taken = round(state.epoch), len(frames) - run * len(epochs)
            if epoch in epochs[taken:]:  # a resumed training begins with a state whose frame may be there already
                frames.append(frame_of(state.model().to(job.device)))
            job.keep(partial(_kept, run, state.snapshot, frames))
            done, total = (run * epochs[-1] + epoch, len(configs) * epochs[-1])
            job.progress(STEPS_AN_EPOCH * done, STEPS_AN_EPOCH * total, f"ELBO {state.elbo:.1f} nats")
            if epoch == epochs[-1]:
                break
        saved = None
    return _stack(frames)


def _kept(run: int, snapshot: Callable[[], Frame], frames: list[Frame]) -> Frame:
    stacked = {f"frames.{name}": values for name, values in _stack(frames).items()}
    return {**snapshot(), **stacked, "run": np.array([run])}


def _stack(frames: list[Frame]) -> Frame:
    return {name: np.stack([frame[name] for frame in frames]) for name in (frames[0] if frames else ())}


def _unstack(saved: Frame) -> list[Frame]:
    stacked = {name.removeprefix("frames."): saved[name] for name in saved if name.startswith("frames.")}
    return [dict(zip(stacked, values, strict=True)) for values in zip(*stacked.values(), strict=True)]


def _config(config: dict[str, Any], seed: int, device: str = "cpu", **changes: Any) -> VAEConfig:
    """The network and its training, from a recipe's config."""
    from genmodels.vae.model import VAEConfig

    fields = {key: value for key, value in config.items() if key not in OTHERS}
    return VAEConfig(**fields, **changes, seed=seed, device=device, every=STEPS_AN_EPOCH)


def _rows(split: Split) -> np.ndarray:
    """Its images, 0 or 1, ``(N, 784)`` float32."""
    return split.images.reshape(len(split.images), -1).astype(np.float32)


def _classes(config: VAEConfig, split: Split) -> np.ndarray | None:
    return split.labels if config.n_classes else None


# Weights


def weights(name: str, config: dict[str, Any], seed: int = 0, reference: bool = False) -> Recipe:
    """A recipe of a network's weights, with the ELBO of images turned and shuffled if it is to have a reference."""
    return Recipe(
        name=name,
        kind="weights",
        model="vae",
        config=config,
        data=DATA,
        seed=seed,
        build=partial(_build_weights, config, seed, reference),
        evaluate=partial(_judge_weights, config, seed),
        tolerance={"elbo_nats": 0.1, "bound_500_nats": 0.1},  # a GPU's matrix products may round to 11 bits
    )


def _build_weights(config: dict[str, Any], seed: int, reference: bool, job: Job) -> Built:
    from genmodels.nn import arrays as parameters

    epochs = config["epochs"]
    trained = film(job, [_config(config, seed, job.device)], [epochs], parameters.arrays)
    arrays = {name: as_float16(values[0]) for name, values in trained.items()}
    if reference:
        model = _network(config, seed, arrays, job.device)
        images = _improbable(_rows(load_binarised_mnist().test), seed)
        arrays |= {
            f"reference.{name}": _elbo(model, x, None, config["n_samples"], seed) for name, x in images.items()
        }
    return Built(arrays, steps=STEPS_AN_EPOCH * epochs)


def _improbable(images: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The images ``(N, 784)``, the same turned by 180°, and with their pixels shuffled."""
    shuffled = np.random.default_rng(seed).permuted(images, axis=1)
    return {"digits": images, "upside_down": images[:, ::-1].copy(), "noise": shuffled}


def _judge_weights(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> dict[str, float]:
    from genmodels.nn.layers import seeded
    from genmodels.vae.model import log_likelihood

    model, test = _network(config, seed, arrays, device), load_binarised_mnist().test
    x, y = _rows(test), _classes(model.config, test)
    bound = log_likelihood(model, x, 500, "encoder", generator=seeded(seed), y=y)
    return {
        "elbo_nats": float(_elbo(model, x, y, config["n_samples"], seed).mean(dtype=np.float64)),
        "bound_500_nats": float(bound.mean()),
    }


def _network(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> Any:
    from genmodels.nn import arrays as parameters

    return parameters.load(_config(config, seed).network(), arrays).to(device)


def _elbo(model: VAE, x: np.ndarray, y: np.ndarray | None, n_samples: int, seed: int) -> np.ndarray:
    """The ELBO of each image, ``(N,)`` float32, nats."""
    return _bound(model, x, y, n_samples, seed).elbo.cpu().numpy()


def _bound(model: VAE, x: np.ndarray, y: np.ndarray | None, n_samples: int, seed: int) -> Bound:
    import torch

    from genmodels.nn.layers import seeded
    from genmodels.vae.model import elbo

    with torch.no_grad():
        return elbo(model, x, y, n_samples, generator=seeded(seed))


# Recordings


def training(name: str, config: dict[str, Any], seed: int = 0) -> Recipe:
    """A recipe of one network's training, a frame at each of ``config["epochs"]``."""
    return Recipe(
        name=name,
        kind="recording",
        model="vae",
        config=config,
        data=DATA,
        seed=seed,
        build=partial(_build_training, config, seed),
        evaluate=_judge_training,
        tolerance={"elbo_best_nats": 1e-3, "elbo_last_nats": 1e-3},
    )


def _build_training(config: dict[str, Any], seed: int, job: Job) -> Built:
    epochs, n_samples = config["epochs"], config["n_samples"]
    digits, still = load_binarised_mnist(), _still(seed)
    splits = {"train": _rows(digits.train)[:500], "test": _rows(digits.test)}

    def frame_of(model: VAE) -> Frame:
        frame = _portrait(model, still["z"])
        del frame["sigma"]
        for split, images in splits.items():
            bound = _bound(model, images, None, n_samples, seed)
            frame |= {f"{split}_reconstruction": _mean(bound.reconstruction), f"{split}_kl": _mean(bound.kl)}
        return frame

    frames = film(job, [_config(config, seed, job.device)], epochs, frame_of)
    return Built({**still, **frames, "epochs": np.array(epochs, dtype=np.int32)}, steps=STEPS_AN_EPOCH * epochs[-1])


def _judge_training(arrays: Frame, device: str) -> dict[str, float]:
    elbo = arrays["test_reconstruction"] - arrays["test_kl"]
    return {"elbo_best_nats": float(elbo.max()), "elbo_last_nats": float(elbo[-1])}


def betas(name: str, config: dict[str, Any], seed: int = 0) -> Recipe:
    """A recipe of one network for each of ``config["betas"]``, 1 among them, each after ``config["epochs"]``."""
    return Recipe(
        name=name,
        kind="recording",
        model="vae",
        config=config,
        data=DATA,
        seed=seed,
        build=partial(_build_betas, config, seed),
        evaluate=_judge_betas,
        tolerance={"elbo_beta1_nats": 1e-3, "kl_largest_beta_nats": 1e-3},
    )


def _build_betas(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.vae.model import kl_divergence

    beta, epochs, still = config["betas"], config["epochs"], _still(seed)
    test = _rows(load_binarised_mnist().test)

    def frame_of(model: VAE) -> Frame:
        bound = _bound(model, test, None, config["n_samples"], seed)
        kl = kl_divergence(*model.encode(_tensor(test, model)))
        return _portrait(model, still["z"]) | {"reconstruction": _mean(bound.reconstruction), "kl": _mean(kl)}

    frames = film(job, [_config(config, seed, job.device, beta=value) for value in beta], [epochs], frame_of)
    arrays = {**still, **frames, "beta": np.array(beta, dtype=np.float32)}
    return Built(arrays, steps=STEPS_AN_EPOCH * epochs * len(beta))


def _judge_betas(arrays: Frame, device: str) -> dict[str, float]:
    kl = arrays["kl"].sum(1)
    elbo = arrays["reconstruction"] - kl
    return {"elbo_beta1_nats": float(elbo[arrays["beta"] == 1].item()), "kl_largest_beta_nats": float(kl[-1])}


def _still(seed: int) -> Frame:
    """What is the same in all frames: labels, pictures, points of the latent plane."""
    images, labels = load_binarised_mnist().test
    z = np.random.default_rng(seed).standard_normal((30, 2), dtype=np.float32)
    z[0] = 0
    pictures = images[:10] * np.uint8(255)  # the classes go round
    return {"labels": labels.astype(np.uint8), "pictures": pictures, "z": z}


def _portrait(model: VAE, z: np.ndarray) -> Frame:
    """Where a network puts the test images, how it reconstructs the first ten, and what it makes of the points z."""
    import torch

    def pictures(points: torch.Tensor) -> np.ndarray:
        return as_uint8(model.mean(points).cpu().numpy(), 0, 1).reshape(-1, 28, 28)

    with torch.no_grad():
        mu, log_var = model.encode(_tensor(_rows(load_binarised_mnist().test), model))
        return {
            "mu": as_float16(mu.cpu().numpy()),
            "sigma": as_float16((0.5 * log_var).exp().cpu().numpy()),
            "reconstructions": pictures(mu[:10]),
            "samples": pictures(_tensor(z, model)),
        }


def _tensor(values: np.ndarray, model: VAE) -> torch.Tensor:
    import torch

    return torch.tensor(values).to(next(model.parameters()))


def _mean(values: torch.Tensor) -> np.ndarray:
    """Over the images, ``(N, …)`` to ``(…)`` float32."""
    return values.detach().double().mean(0).float().cpu().numpy()


# Recipes


def _fading(n_epochs: int) -> dict[str, Any]:
    """A learning rate that falls to 0 within so many epochs."""
    return {"decay": True, "n_steps": STEPS_AN_EPOCH * n_epochs}


RECIPES = (
    weights(
        "vae-2d",
        {**COMMON, "hidden": WIDE, **_fading(80), "epochs": 55, "n_samples": 16},  # later it overfits
        reference=True,
    ),
    weights(
        "vae-16d",
        {
            **COMMON,
            "n_latents": 16,
            "hidden": (500,),
            "learning_rate": 2e-3,
            **_fading(50),
            "epochs": 50,
            "n_samples": 16,
        },
    ),
    weights(
        "vae-conditional",
        {
            **COMMON,
            "n_classes": 10,
            "hidden": (500, 200),
            "learning_rate": 2e-3,
            **_fading(60),
            "epochs": 60,
            "n_samples": 16,
        },
    ),
    training(
        "vae-training",
        {**COMMON, "hidden": WIDE, "n_steps": STEPS_AN_EPOCH * EPOCHS[-1], "epochs": EPOCHS, "n_samples": 8},
    ),
    betas(
        "vae-beta",
        {
            **COMMON,
            "hidden": (256, 128),
            "learning_rate": 2e-3,
            **_fading(35),
            "epochs": 35,
            "betas": BETAS,
            "n_samples": 8,
        },
    ),
)
