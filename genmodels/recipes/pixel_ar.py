r"""Models of binarised MNIST whose log p(x) is exact: mixtures of Bernoullis, and pixel by pixel.

All learn from the 4,000 training images, choose on the 500 for validation, and are judged on the 500 test images: the
binarisation that the variational autoencoders know (:mod:`genmodels.recipes.vae`), so that their bounds and these
figures, ``test_nats`` = −log p(x), nats per image, stand in one table.

| name                 | model                                                        |
|----------------------|--------------------------------------------------------------|
| `pixel-mixture`      | K kinds of independent pixels; K = 1 are coins               |
| `pixel-fvsbn`        | logistic autoregression, by rows                             |
| `pixel-fvsbn-random` | the same in a random order                                   |
| `pixel-made`         | MADE with direct weights, by rows                            |
| `pixel-made-random`  | the same in a random order                                   |
| `pixel-cnn`          | gated PixelCNN                                               |

*Networks* hold weights, float16, of the running mean at the epoch that is best on `valid`, under torch's names (those
of MADE by :func:`genmodels.pixel_ar.orders.packed`), and

    curve           (E + 1, 2) float32   nats per image after each epoch: first 500 training images, and `valid`
    chosen          (1,) int32           the epoch of the weights
    test_log_prob   (500,) float32       log p(x) of each test image, by the weights as stored

A check finds all of the curve's chosen epoch again, by the weights; its start, by the seed, on a tenth of the images;
and of `test_log_prob` the first hundred, while their mean is the metric.

*The mixture* holds ``components`` (S,) int32, ``curve`` (S, 2) float32, nats per image of all training images and of
`valid` for each K, and the chosen K's ``weights`` (K,) and ``means`` (K, 784) float32 and ``test_log_prob``. The
coins and the chosen mixture are fitted anew to be checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.bernoulli_mixture import BernoulliMixtureConfig, BernoulliMixtureState, fit_bernoulli_mixture
from genmodels.data.digits import Split, load_binarised_mnist
from genmodels.pixel_ar.orders import packed, unpacked
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

if TYPE_CHECKING:
    from genmodels.pixel_ar.model import MADEConfig, Network, PixelCNNConfig, PixelState

DATA = "mnist-binarised"
BATCH = 50
STEPS_PER_EPOCH = 80  # 4,000 images
BETWEEN = "recorded, but before training and at the epoch chosen"
CHECKED = 100  # test images whose log p is found again one by one

Arrays = dict[str, np.ndarray]


def rows(split: Split, n: int | None = None) -> np.ndarray:
    """Its first images, 0 or 1, ``(n, 784)`` float32."""
    return split.images[:n].reshape(len(split.images[:n]), -1).astype(np.float32)


# Networks


def network(name: str, config: dict[str, Any], seed: int = 0) -> Recipe:
    """A recipe of one network; its config is that of the network, with ``epochs``."""
    return Recipe(
        name=name,
        kind="weights",
        model="pixel_ar",
        config=config,
        data=DATA,
        seed=seed,
        build=partial(_build, config, seed),
        evaluate=partial(_evaluate, config, seed),
        tolerance={"test_nats": 0.1},  # a GPU's matrix products may round to 11 bits
        recompute=partial(_recompute, config, seed),
        recorded={"curve": BETWEEN, "chosen": "the lowest of the curve"},
    )


def config_of(config: dict[str, Any], seed: int = 0, device: str = "cpu") -> MADEConfig | PixelCNNConfig:
    """The network and its training, from a recipe's config."""
    from genmodels.pixel_ar.model import MADEConfig, PixelCNNConfig

    given = {key: value for key, value in config.items() if key != "epochs"}
    kind = PixelCNNConfig if "channels" in config else MADEConfig
    steps = {"n_steps": STEPS_PER_EPOCH * config["epochs"], "every": STEPS_PER_EPOCH, "batch": BATCH, "decay": True}
    return kind(**given, **steps, seed=seed, device=device)


def model_of(config: dict[str, Any], arrays: Arrays) -> Network:
    """The network that has the weights as stored, on the CPU."""
    from genmodels.nn.arrays import load

    given = config_of(config)
    whole = unpacked(arrays, given.n_features, given.hidden) if hasattr(given, "hidden") else arrays
    model: Network = load(given.network(), whole)  # type: ignore[assignment]
    return model


def _build(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.pixel_ar.model import iterate_pixel_ar

    given = config_of(config, seed, job.device)
    saved = job.resume()
    curve: list[np.ndarray] = [] if saved is None else list(saved["curve"])
    best: Arrays = {} if saved is None else {n[5:]: value for n, value in saved.items() if n.startswith("best.")}
    for state in iterate_pixel_ar(rows(load_binarised_mnist().train), given, saved):
        if round(state.epoch) == len(curve):  # a resumed training begins with a state judged before
            curve.append(_judge(state.model().to(job.device)))
            if curve[-1][1] == min(point[1] for point in curve):
                best = state.averaged()
        job.keep(partial(_snapshot, state, curve, best))
        job.progress(state.step, given.n_steps, f"{curve[-1][1]:.1f} nats per image")
    if hasattr(given, "hidden"):
        best = packed(best, given.n_features, given.hidden)
    weights = {name: as_float16(value) for name, value in best.items()}
    chosen = int(np.argmin([valid for _, valid in curve]))
    arrays = {
        **weights,
        "curve": np.array(curve, dtype=np.float32),
        "chosen": np.array([chosen], dtype=np.int32),
        "test_log_prob": _of_test(config, weights, job.device),
    }
    return Built(arrays, steps=given.n_steps)


def _snapshot(state: PixelState, curve: list[np.ndarray], best: Arrays) -> Arrays:
    return {**state.snapshot(), "curve": np.array(curve), **{f"best.{name}": value for name, value in best.items()}}


def _judge(model: Network, n: int = 500) -> np.ndarray:
    """Nats per image of the first n images for training and for validation, ``(2,)``."""
    from genmodels.pixel_ar.model import log_prob

    digits = load_binarised_mnist()
    return np.array([-log_prob(model, rows(split, n)).mean() for split in (digits.train, digits.valid)])


def _of_test(config: dict[str, Any], weights: Arrays, device: str, n: int = 500) -> np.ndarray:
    """log p(x) of the first n test images, ``(n,)`` float32."""
    from genmodels.pixel_ar.model import log_prob

    of_each = log_prob(model_of(config, weights).to(device), rows(load_binarised_mnist().test, n))
    return of_each.astype(np.float32)


def _evaluate(config: dict[str, Any], seed: int, arrays: Arrays, device: str) -> dict[str, float]:
    return {"test_nats": float(-_of_test(config, arrays, device).mean())}


def _recompute(config: dict[str, Any], seed: int, arrays: Arrays, device: str) -> Iterator[Recomputed]:
    """By the weights, and by the seed before training."""
    from genmodels.nn.layers import initialise, seeded

    yield Recomputed("test_log_prob", _of_test(config, arrays, device, CHECKED), 0.5, range(CHECKED))
    yield Recomputed("chosen", np.array([arrays["curve"][:, 1].argmin()]))
    trained = _judge(model_of(config, arrays).to(device))
    yield Recomputed("curve", trained[None], 0.1, [int(arrays["chosen"][0])], "by the weights")
    untrained: Network = initialise(config_of(config).network(), seeded(seed))  # type: ignore[assignment]
    yield Recomputed("curve", _judge(untrained.to(device), 50)[None], 5, [0], "before training, on 50 images")


# The mixture


MIXTURE: dict[str, Any] = {"components": (1, 10, 20, 40, 80, 160, 240, 320), "n_steps": 40, "alpha": 0.1}


def _fit_mixture(k: int) -> tuple[BernoulliMixtureState, np.ndarray]:
    """The mixture of K kinds, and its nats per image of training and validation images ``(2,)``."""
    digits = load_binarised_mnist()
    fitted = fit_bernoulli_mixture(
        rows(digits.train), BernoulliMixtureConfig(k, MIXTURE["n_steps"], MIXTURE["alpha"])
    )
    return fitted, np.array([-fitted.log_prob(rows(split)).mean() for split in (digits.train, digits.valid)])


def _build_mixture(job: Job) -> Built:
    fits = []
    for k in MIXTURE["components"]:
        fits.append(_fit_mixture(k))
        job.progress(len(fits), len(MIXTURE["components"]), f"K = {k}: {fits[-1][1][1]:.1f} nats per image")
    curve = np.array([nats for _, nats in fits])
    best = fits[int(curve[:, 1].argmin())][0]
    arrays = {
        "components": np.array(MIXTURE["components"], dtype=np.int32),
        "curve": curve.astype(np.float32),
        **_of_mixture(best),
    }
    return Built(arrays, steps=MIXTURE["n_steps"] * len(fits))


def _of_mixture(mixture: BernoulliMixtureState) -> Arrays:
    """What is stored of it, float32."""
    of_test = mixture.log_prob(rows(load_binarised_mnist().test))
    arrays = {"weights": mixture.weights, "means": mixture.means, "test_log_prob": of_test}
    return {name: values.astype(np.float32) for name, values in arrays.items()}


def mixture_of(arrays: Arrays) -> BernoulliMixtureState:
    """The mixture as stored."""
    weights = arrays["weights"].astype(np.float64)
    return BernoulliMixtureState(MIXTURE["n_steps"], weights / weights.sum(), arrays["means"].astype(np.float64), 0.0)


def _evaluate_mixture(arrays: Arrays, device: str) -> dict[str, float]:
    digits, mixture = load_binarised_mnist(), mixture_of(arrays)
    coins = fit_bernoulli_mixture(rows(digits.train), BernoulliMixtureConfig(1, 0, MIXTURE["alpha"]))
    return {
        "test_nats": float(-mixture.log_prob(rows(digits.test)).mean()),
        "coins_test_nats": float(-coins.log_prob(rows(digits.test)).mean()),
    }


def _recompute_mixture(arrays: Arrays, device: str) -> Iterator[Recomputed]:
    """The coins and the chosen mixture, fitted anew."""
    components = list(MIXTURE["components"])
    yield Recomputed("components", np.array(components))
    for k in (1, components[int(arrays["curve"][:, 1].argmin())]):
        fitted, nats = _fit_mixture(k)
        yield Recomputed("curve", nats[None], 0.01, [components.index(k)], f"K = {k}")
    for name, values in _of_mixture(fitted).items():
        yield Recomputed(name, values, {"weights": 1e-4, "means": 1e-3, "test_log_prob": 0.05}[name])


FVSBN: dict[str, Any] = {"hidden": (), "learning_rate": 4e-3, "average": 0.99, "shift": 1, "epochs": 150}
MADE: dict[str, Any] = {
    "hidden": (500,), "learning_rate": 2e-3, "average": 0.99, "dropout": 0.5, "shift": 1, "epochs": 150,
}  # fmt: skip
CNN: dict[str, Any] = {
    "channels": 32, "n_layers": 8, "learning_rate": 2e-3, "average": 0.999, "dropout": 0.1, "shift": 1, "epochs": 120,
}  # fmt: skip
RANDOM = {"order": "random"}

RECIPES = (
    Recipe(
        name="pixel-mixture",
        kind="recording",
        model="bernoulli_mixture",
        config=MIXTURE,
        data=DATA,
        seed=0,
        build=_build_mixture,
        evaluate=_evaluate_mixture,
        tolerance={"test_nats": 0.01, "coins_test_nats": 0.001},
        recompute=_recompute_mixture,
        recorded={"curve": "recorded, but of the coins and of the mixture chosen"},
    ),
    network("pixel-fvsbn", FVSBN),
    network("pixel-fvsbn-random", {**FVSBN, **RANDOM}),
    network("pixel-made", MADE),
    network("pixel-made-random", {**MADE, **RANDOM}),
    network("pixel-cnn", CNN),
)
