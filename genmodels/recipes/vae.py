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
    mu, sigma               (F, 500, 2) float16      means and deviations of q(z | x) for the test images
    pictures                (10, 28, 28) uint8       the first test image of each class, 0 to 255
    reconstructions         (F, 10, 28, 28) uint8    E[x | z] at the mean of their q(z | x), 0 to 255
    z                       (30, 2) float32          the origin, and draws from the prior
    samples                 (F, 30, 28, 28) uint8    E[x | z] there

`vae-training` has also ``epochs`` (F,) int32 and ``train_reconstruction``, ``train_kl``, ``test_reconstruction``,
``test_kl`` (F,) float32, nats per image, of the first 500 training images and of the test images; and the weights at
two epochs, ``42.encoder.0.weight``, …. `vae-beta` has ``beta`` (F,), ``reconstruction`` (F,) and ``kl`` (F, 2)
float32, one a latent, of the test images; and all decoders, ``decoders.0.weight`` (F, …), …. Weights are float16.

Found again: all of `vae-beta`, each frame by its decoder from ``mu`` and ``sigma``; of `vae-training` the KL of the
test images in all frames, and everything before training (by the seed) and at the epochs whose weights are kept.

Each training is a *film* that may be interrupted: what it keeps is the network, Adam, the generator and the frames
taken so far. The same noise judges every frame, so that their differences are the network's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.digits import Split, load_binarised_mnist
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within

if TYPE_CHECKING:
    import torch

    from genmodels.vae.model import VAE, Bound, VAEConfig

DATA = "mnist-binarised"
STEPS_AN_EPOCH = 40  # 4,000 images, 100 in a minibatch
COMMON = {"n_features": 784, "n_latents": 2, "activation": "silu", "batch": 100, "learning_rate": 1e-3}
OTHERS = ("epochs", "betas", "n_samples", "kept")  # what a recipe's config holds besides the network's
WIDE = (500, 500, 200)
BETAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16, 24, 32, 48, 64)
EPOCHS = (*range(20), *range(20, 60, 2), *range(60, 201, 5))
"""Frames of `vae-training`: many where much happens."""
KEPT = (42, 200)
"""Epochs whose weights are kept: where the bound of the test images is best, midway in the frames, and the last."""
TEN = 40.0
"""Nats by which ten images at the means of their codes may differ from all at draws; they do by −17 … 21."""
BETWEEN = "recorded, not recomputed, but before training and at the epochs kept"

SPLITS, TERMS = ("train", "test"), ("reconstruction", "kl")

Frame = dict[str, np.ndarray]


# Filming


def film(
    job: Job,
    configs: Sequence[VAEConfig],
    epochs: Sequence[int],
    frame_of: Callable[[VAE], Frame],
    kept: Sequence[int] = (),
) -> Frame:
    """Trains one network after the other and takes a frame of each at the same epochs.

    Args:
        job: Says where, and keeps what is needed to go on.
        configs: One a network; ``every`` is an epoch, so that what an interruption costs is at most one.
        epochs: Of the frames, rising; the training ends with the last of them, whatever ``n_steps``.
        frame_of: From a network on the job's device to arrays.
        kept: Some of these epochs, at which the weights themselves are kept.

    Returns:
        The frames of all networks, stacked: arrays of shape (F, …); and weights, ``EPOCH.encoder.0.weight``, ….
    """
    from genmodels.vae.model import iterate_vae

    train = load_binarised_mnist().train
    saved = job.resume()
    frames = [] if saved is None else _unstack(saved)
    weights = {} if saved is None else _of(saved, "kept.")
    for run in range(0 if saved is None else int(saved["run"].item()), len(configs)):
        config = configs[run]
        for state in iterate_vae(_rows(train), config, _classes(config, train), saved):
            epoch, taken = round(state.epoch), len(frames) - run * len(epochs)
            if epoch in epochs[taken:]:  # a resumed training begins with a state whose frame may be there already
                frames.append(frame_of(state.model().to(job.device)))
            if epoch in kept:
                weights |= {f"{epoch}.{name}": as_float16(value) for name, value in state.arrays().items()}
            job.keep(partial(_snapshot, run, state.snapshot, frames, weights))
            done, total = (run * epochs[-1] + epoch, len(configs) * epochs[-1])
            job.progress(STEPS_AN_EPOCH * done, STEPS_AN_EPOCH * total, f"ELBO {state.elbo:.1f} nats")
            if epoch == epochs[-1]:
                break
        saved = None
    return _stack(frames) | weights


def _snapshot(run: int, snapshot: Callable[[], Frame], frames: list[Frame], weights: Frame) -> Frame:
    stacked = {f"frames.{name}": values for name, values in _stack(frames).items()}
    return {**snapshot(), **stacked, **{f"kept.{name}": v for name, v in weights.items()}, "run": np.array([run])}


def _of(arrays: Frame, prefix: str) -> Frame:
    """Those whose name begins so, under the rest of their name."""
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


def _stack(frames: list[Frame]) -> Frame:
    return {name: np.stack([frame[name] for frame in frames]) for name in (frames[0] if frames else ())}


def _unstack(saved: Frame) -> list[Frame]:
    stacked = _of(saved, "frames.")
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
        recompute=partial(_recompute_weights, config, seed, reference),
    )


def _build_weights(config: dict[str, Any], seed: int, reference: bool, job: Job) -> Built:
    from genmodels.nn import arrays as parameters

    epochs = config["epochs"]
    trained = film(job, [_config(config, seed, job.device)], [epochs], parameters.arrays)
    arrays = {name: as_float16(values[0]) for name, values in trained.items()}
    if reference:
        arrays |= _references(config, seed, arrays, job.device)
    return Built(arrays, steps=STEPS_AN_EPOCH * epochs)


def _references(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> Frame:
    """The ELBOs of likely and unlikely images, by the weights."""
    model = _network(config, seed, arrays, device)
    images = _improbable(_rows(load_binarised_mnist().test), seed)
    return {f"reference.{name}": _elbo(model, x, None, config["n_samples"], seed) for name, x in images.items()}


def _recompute_weights(
    config: dict[str, Any], seed: int, reference: bool, arrays: Frame, device: str
) -> Iterator[Recomputed]:
    """The references, by the weights; ELBOs of single images, so that rounding to 11 bits shows more."""
    for name, found in (_references(config, seed, arrays, device) if reference else {}).items():
        yield Recomputed(name, found, 1.0)


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
        evaluate=partial(_judge_training, config, seed),
        tolerance={"elbo_best_nats": 0.1, "elbo_last_nats": 0.1},
        recompute=partial(_recompute_training, config, seed),
        recorded={
            **{f"{split}_{term}": BETWEEN for split in SPLITS for term in TERMS if (split, term) != ("test", "kl")},
            **dict.fromkeys(("mu", "sigma", "reconstructions", "samples"), BETWEEN),
        },
    )


def _build_training(config: dict[str, Any], seed: int, job: Job) -> Built:
    epochs, still = config["epochs"], _still(seed)
    configs = [_config(config, seed, job.device)]
    frames = film(job, configs, epochs, lambda model: _frame(config, seed, model), config["kept"])
    return Built({**still, **frames, "epochs": np.array(epochs, dtype=np.int32)}, steps=STEPS_AN_EPOCH * epochs[-1])


def _frame(config: dict[str, Any], seed: int, model: VAE) -> Frame:
    """A frame of `vae-training`: pictures and codes, and the terms of both bounds."""
    frame, digits = _portrait(model, _still(seed)["z"]), load_binarised_mnist()
    for split in SPLITS:
        bound = _bound(model, _rows(getattr(digits, split))[:500], None, config["n_samples"], seed)
        frame |= {f"{split}_{term}": _mean(getattr(bound, term)) for term in TERMS}
    return frame


def _judge_training(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> dict[str, float]:
    """By the weights kept."""
    x, elbos = _rows(load_binarised_mnist().test), []
    for epoch in config["kept"]:
        model = _network(config, seed, _of(arrays, f"{epoch}."), device)
        elbos.append(float(_elbo(model, x, None, config["n_samples"], seed).mean(dtype=np.float64)))
    return {"elbo_best_nats": max(elbos), "elbo_last_nats": elbos[-1]}


def _recompute_training(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> Iterator[Recomputed]:
    """By the seed before training, by the weights at the epochs kept; elsewhere by codes and pictures."""
    from genmodels.vae.model import iterate_vae

    yield from _recompute_still(seed)
    yield Recomputed("epochs", np.array(config["epochs"]))
    untrained = next(iterate_vae(_rows(load_binarised_mnist().train), _config(config, seed))).model().to(device)
    yield from _recompute_frame(_frame(config, seed, untrained), 0, "by the seed")
    for epoch in config["kept"]:
        model = _network(config, seed, _of(arrays, f"{epoch}."), device)
        frame = config["epochs"].index(epoch)
        yield from _recompute_frame(_frame(config, seed, model), frame, f"by the weights of epoch {epoch}")
    kl = _kl(arrays["mu"], arrays["sigma"]).sum(-1)
    yield Recomputed("test_kl", kl, 0.05, by="by the codes")
    ten = _of_pictures(arrays["reconstructions"], arrays["pictures"])
    yield within("test_reconstruction", arrays["test_reconstruction"], ten - TEN, ten + TEN, "near the pictures'")


def _recompute_frame(found: Frame, frame: int, by: str) -> Iterator[Recomputed]:
    """Everything in one frame, by weights that are rounded to 11 bits."""
    loose = {"mu": 0.05, "sigma": 0.02, "reconstructions": 6, "samples": 6}
    for name, values in found.items():
        yield Recomputed(name, values[None], loose.get(name, 0.1), [frame], by)


def _recompute_still(seed: int) -> Iterator[Recomputed]:
    """What is the same in all frames, by data and seed."""
    for name, values in _still(seed).items():
        yield Recomputed(name, values)


def _kl(mu: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """KL(q ‖ p) of each latent, mean over the images, from codes ``(F, N, L)`` to ``(F, L)``, nats."""
    mu, sigma = mu.astype(np.float64), sigma.astype(np.float64)
    return 0.5 * (np.square(mu) + np.square(sigma) - 2 * np.log(sigma) - 1).mean(axis=1)


def _of_pictures(reconstructions: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """log p(x | z) of the ten pictures from their reconstructions ``(F, 10, 28, 28)``, mean, ``(F,)``, nats."""
    p, x = (reconstructions / 255).clip(1 / 510, 1 - 1 / 510), pictures > 0
    return np.where(x, np.log(p), np.log1p(-p)).sum(axis=(2, 3)).mean(axis=1)


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
        evaluate=partial(_judge_betas, config, seed),
        tolerance={"elbo_beta1_nats": 0.1, "kl_largest_beta_nats": 1e-3},
        recompute=partial(_recompute_betas, config, seed),
        recorded={"mu": "by what the decoders make of it", "sigma": "by what the decoders make of it"},
    )


def _build_betas(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.nn import arrays as parameters
    from genmodels.vae.model import kl_divergence

    beta, epochs, still = config["betas"], config["epochs"], _still(seed)
    test = _rows(load_binarised_mnist().test)

    def frame_of(model: VAE) -> Frame:
        bound = _bound(model, test, None, config["n_samples"], seed)
        kl = kl_divergence(*model.encode(_tensor(test, model)))
        decoder = {f"decoders.{name}": as_float16(value) for name, value in parameters.arrays(model.decoder).items()}
        told = {"reconstruction": _mean(bound.reconstruction), "kl": _mean(kl)}
        return _portrait(model, still["z"]) | decoder | told

    frames = film(job, [_config(config, seed, job.device, beta=value) for value in beta], [epochs], frame_of)
    arrays = {**still, **frames, "beta": np.array(beta, dtype=np.float32)}
    return Built(arrays, steps=STEPS_AN_EPOCH * epochs * len(beta))


def _judge_betas(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> dict[str, float]:
    """By the codes and the decoders."""
    kl, one = _kl(arrays["mu"], arrays["sigma"]).sum(-1), config["betas"].index(1)
    return {
        "elbo_beta1_nats": float(_decoded(config, seed, arrays, one)["reconstruction"] - kl[one]),
        "kl_largest_beta_nats": float(kl[-1]),
    }


def _recompute_betas(config: dict[str, Any], seed: int, arrays: Frame, device: str) -> Iterator[Recomputed]:
    """By the codes and the decoders, every frame."""
    yield from _recompute_still(seed)
    yield Recomputed("beta", np.array(config["betas"]), 1e-6)
    yield Recomputed("kl", _kl(arrays["mu"], arrays["sigma"]), 0.05, by="by the codes")
    found = _stack([_decoded(config, seed, arrays, frame) for frame in range(len(config["betas"]))])
    for name, tolerance in {"reconstruction": 0.3, "reconstructions": 6, "samples": 6}.items():
        yield Recomputed(name, found[name], tolerance, by="by the decoders")


def _decoded(config: dict[str, Any], seed: int, arrays: Frame, frame: int) -> Frame:
    """What a frame's decoder makes of its codes, in numpy: the terms and the pictures of `vae-beta`."""
    import torch

    from genmodels.nn.layers import seeded
    from genmodels.nn.runtime import Forward, sigmoid

    decoder = {name: values[frame] for name, values in arrays.items() if name.startswith("decoders.")}
    decode = Forward(decoder, "decoders", config["activation"])
    mu, sigma = (arrays[name][frame].astype(np.float32) for name in ("mu", "sigma"))
    x = _rows(load_binarised_mnist().test)
    draws = torch.randn((config["n_samples"], *mu.shape), generator=seeded(seed)).numpy()
    logits = (decode(mu + sigma * eps) for eps in draws)
    log_prob = [(x * a - np.logaddexp(0, a)).sum(axis=1, dtype=np.float64).mean() for a in logits]
    pictures = {"reconstructions": decode(mu[:10]), "samples": decode(arrays["z"])}
    return {name: as_uint8(sigmoid(a), 0, 1).reshape(-1, 28, 28) for name, a in pictures.items()} | {
        "reconstruction": np.asarray(np.mean(log_prob))
    }


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
        {
            **COMMON,
            "hidden": WIDE,
            "n_steps": STEPS_AN_EPOCH * EPOCHS[-1],
            "epochs": EPOCHS,
            "kept": KEPT,
            "n_samples": 8,
        },
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
