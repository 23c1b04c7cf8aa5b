"""Pictures in 49 words (:mod:`genmodels.vq`): a code book of digits, an autoencoder of as many bits, and a prior.

All learn from the 4,000 training images, 28 × 28, 0 … 1, and are judged on the 500 test images. An error is
‖x − x̂‖², summed over the 784 pixels of a picture, mean over pictures.

``codes-digits``, 7 × 7 words from a learned book of 64 codes of 8 numbers, 49 · 6 = 294 bits a picture; and
``codes-equal-bits``, the same network with 3 numbers a place, each rounded to one of 4 even levels (a grid instead of
a book): 49 · 3 · 2 = 294 bits. Weights float16, which :class:`genmodels.vq.runtime.ForwardVQ` reads, and

    shares               (K,) float32       how often each code is a word of the training images
    patches              (K, 12, 12) uint8  their mean about its places: its own 4 × 4 pixels, and 4 around
    training.steps       (F,) int32         every 100th step and the last
    training.error       (F,) float32       of the 500 validation images
    training.perplexity  (F,) float32       of their words
    training.used        (F,) int32         codes that occur among them

``codes-prior``, a transformer over the words of ``codes-digits`` (:mod:`genmodels.vq.prior`), each matrix in int8
with a float32 for each row (:func:`genmodels.transformer.runtime.packed`). It has read the words of the training
images moved by −1, 0 and 1 pixels each way, and stopped where the validation images' words were most probable:

    training.steps   (F,) int32           every 100th step
    training.loss    (F,) float32         nats a word, of a minibatch, with dropout
    training.valid   (F,) float32         nats a picture, of the validation images' words
    training.chosen  (1,) int32           the step that is stored
    places           (7, 7, K) float32    how often each word stands at each place of the (unmoved) training images
    drawn            (200, 7, 7) uint8    words drawn from the prior
    alone            (200, 7, 7) uint8    words drawn each by itself from ``places``

Its held-out figures: −log p of the test images' words, nats a picture, by the prior and by ``places``; the share of
200 pictures that the stored classifier ``cnn`` takes for a class with p > 0.9, of those ``drawn``, those ``alone``,
the test images through their words, and the test images themselves; and how many words of 49 a picture shares with
the training image that shares most, of those ``drawn`` and of the test images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.digits import Split, load_mnist
from genmodels.nn.convolutional import ForwardCNN
from genmodels.nn.runtime import one_hot
from genmodels.store.checkpoint import load
from genmodels.store.packing import as_float16, as_uint8
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within
from genmodels.transformer.runtime import packed
from genmodels.vq.measures import n_used, perplexity, shares
from genmodels.vq.prior import WordsPrior, as_rows, word_shares
from genmodels.vq.runtime import ForwardVQ

if TYPE_CHECKING:
    from genmodels.transformer.model import Transformer

LEARNED: dict[str, Any] = {
    "side": 28, "n_folds": 2, "channels": 32, "n_codes": 64, "code_size": 8, "restart": True,
    "batch": 50, "learning_rate": 4e-3, "decay": True, "n_steps": 3000,
}  # fmt: skip
"""Of :class:`genmodels.vq.training.VQConfig`."""
ROUNDED: dict[str, Any] = {**LEARNED, "code_size": 3, "book": "grid", "commitment": 0.0, "restart": False}
"""Of 1, 2, 3 and 6 numbers a place, three err least on the validation images."""
PRIOR: dict[str, Any] = {
    "codes": "codes-digits", "grid": (7, 7), "shift": 1,
    "transformer": {
        "letters": 65, "context": 50, "layers": 3, "heads": 4, "width": 64, "dropout": 0.1, "batch": 64,
        "learning_rate": 4e-3, "warm_up": 100, "n_steps": 2000,
    },
}  # fmt: skip
"""Of :class:`genmodels.transformer.training.TransformerConfig`, and what it reads."""
EVERY = 100
DRAWN, DRAWN_SEED, SURE = 200, 49, 0.9
CURVE = "recorded; the first is found again by the seed, the last by the weights"


def pictures(split: Split) -> np.ndarray:
    """Pixels 0…1, ``(N, 28, 28)`` float32."""
    return split.images / np.float32(255)


# A book, or rounding


def _build(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.vq.training import VQConfig, iterate_vq

    digits, given = load_mnist(), VQConfig(**config, seed=seed, every=EVERY, device=job.device)
    saved = job.resume()
    curve: list[Any] = [] if saved is None else list(saved["curve"])
    for state in iterate_vq(pictures(digits.train), given, saved):
        if not curve or state.step > curve[-1][0]:  # a resumed training begins with a state judged before
            curve.append((state.step, *judge(state.forward(), digits.valid).values()))
        job.keep(lambda state=state: state.snapshot() | {"curve": np.array(curve)})  # type: ignore[misc]
        job.progress(state.step, given.n_steps, f"error {curve[-1][1]:.2f}, {curve[-1][3]:.0f} codes used")
    weights = {name: as_float16(value) for name, value in state.arrays().items() if name != "usage"}
    rows = np.array(curve).T
    kinds = {"steps": np.int32, "error": np.float32, "perplexity": np.float32, "used": np.int32}
    recorded = {f"training.{name}": row.astype(kind) for (name, kind), row in zip(kinds.items(), rows, strict=True)}
    return Built(weights | recorded | _of_words(weights, config), given.n_steps)


def judge(forward: ForwardVQ, split: Split) -> dict[str, float]:
    """Mean squared error of a picture, perplexity of all words, and codes used."""
    x = pictures(split)
    words = forward.words(x)
    errors = np.square(x - forward.decode_words(words)).sum(axis=(1, 2), dtype=np.float64)
    k = forward.book.n_codes
    return {"error": float(errors.mean()), "perplexity": perplexity(words, k), "used": n_used(words, k)}


def _forward(arrays: Mapping[str, np.ndarray], config: dict[str, Any]) -> ForwardVQ:
    return ForwardVQ(arrays, config["side"], config.get("book", "learned"))


def _of_words(weights: Mapping[str, np.ndarray], config: dict[str, Any]) -> dict[str, np.ndarray]:
    """How often each code is a word of the training images, and what they look like there."""
    x, k = pictures(load_mnist().train), config["n_codes"]
    words = _forward(weights, config).words(x)
    cell = config["side"] // words.shape[1]
    around = np.pad(x, ((0, 0), (cell, cell), (cell, cell)))
    patches = np.zeros((k, 3 * cell, 3 * cell), dtype=np.float32)
    for i, j in np.ndindex(words.shape[1:]):
        here = around[:, cell * i : cell * (i + 3), cell * j : cell * (j + 3)]
        patches += np.tensordot(one_hot(words[:, i, j], k), here, axes=(0, 0))
    counts = np.bincount(words.ravel(), minlength=k)
    mean = patches / np.maximum(counts, 1)[:, None, None]
    return {"shares": shares(words, k).astype(np.float32), "patches": as_uint8(mean, 0, 1)}


def _evaluate(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """On `test`, by the weights; ``rmse`` is a pixel's."""
    found = judge(_forward(arrays, config), load_mnist().test)
    return found | {"rmse": (found["error"] / config["side"] ** 2) ** 0.5}


def _recompute(config: dict[str, Any], seed: int, arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """By the weights, and by the seed before training; in between, what must hold."""
    from genmodels.vq.training import VQConfig, iterate_vq

    digits, n = load_mnist(), config["n_steps"]
    steps = np.unique([*range(0, n, EVERY), n])
    untrained = next(iterate_vq(pictures(digits.train)[:50], VQConfig(**config, seed=seed))).forward()
    ends = [judge(forward, digits.valid) for forward in (untrained, _forward(arrays, config))]
    for name, values in _of_words(arrays, config).items():
        yield Recomputed(name, values, {"shares": 1e-3, "patches": 2}[name])
    yield Recomputed("training.steps", steps)
    tolerance = {"error": 0.02, "perplexity": 0.1, "used": 1}
    for name, allowed in tolerance.items():
        both = np.array([end[name] for end in ends])
        yield Recomputed(f"training.{name}", both, allowed, [0, len(steps) - 1], "by both networks")
    used = arrays["training.used"]
    yield within("training.used", used, 1, config["n_codes"], "codes there are")
    yield within("training.perplexity", arrays["training.perplexity"], 1, used + 1e-3, "at most those used")
    yield within("training.error", arrays["training.error"], 0, 1.5 * ends[0]["error"], "below twice the start")


# The prior


def read_words(codes: ForwardVQ, split: Split, shift: int = 0) -> np.ndarray:
    """The words of its pictures moved by up to so many pixels each way, ``((2 shift + 1)² N, 7, 7)``."""
    x = np.pad(pictures(split), ((0, 0), (shift, shift), (shift, shift)))
    side, moves = codes.side, range(2 * shift + 1)
    return np.concatenate([codes.words(x[:, i : i + side, j : j + side]) for i in moves for j in moves])


def _prior_of(arrays: Mapping[str, np.ndarray], config: dict[str, Any], dtype: Any = np.float32) -> WordsPrior:
    return WordsPrior(arrays, config["transformer"], tuple(config["grid"]), dtype)


def _nats(model: Transformer, rows: np.ndarray) -> float:
    """−log p of rows, mean, nats; of a network in training."""
    import torch

    with torch.no_grad():
        whole = torch.as_tensor(rows, device=next(model.parameters()).device)
        log_p = model(whole[:, :-1])[..., :-1].log_softmax(-1)
        return float(-log_p.gather(-1, whole[:, 1:, None]).sum() / len(rows))


def _build_prior(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    codes, digits = ForwardVQ.of(load(config["codes"])), load_mnist()
    k = codes.book.n_codes
    train, valid = (
        as_rows(read_words(codes, split, shift), k)
        for split, shift in ((digits.train, config["shift"]), (digits.valid, 0))
    )
    given = TransformerConfig(**config["transformer"], seed=seed, every=EVERY, device=job.device)
    saved = job.resume()
    curve: list[Any] = [] if saved is None else list(saved["curve"])
    best = {} if saved is None else {n.removeprefix("best."): a for n, a in saved.items() if n.startswith("best.")}
    for state in iterate_transformer(train, given, saved):
        if not curve or state.step > curve[-1][0]:
            curve.append((state.step, state.loss, _nats(state.model().to(job.device), valid)))
            if curve[-1][2] == min(row[2] for row in curve):
                best = state.arrays()
        kept = {"curve": np.array(curve)} | {f"best.{name}": value for name, value in best.items()}
        job.keep(lambda state=state, kept=kept: state.snapshot() | kept)  # type: ignore[misc]
        job.progress(state.step, given.n_steps, f"loss {state.loss:.3f}, {curve[-1][2]:.1f} nats a picture")
    steps, losses, valids = np.array(curve).T
    weights = packed(best)
    return Built(
        weights
        | {
            "training.steps": steps.astype(np.int32),
            "training.loss": losses.astype(np.float32),
            "training.valid": valids.astype(np.float32),
            "training.chosen": np.array([steps[valids.argmin()]], dtype=np.int32),
        }
        | _drawn(weights, config),
        given.n_steps,
    )


def _drawn(weights: Mapping[str, np.ndarray], config: dict[str, Any]) -> dict[str, np.ndarray]:
    """What is drawn from the prior and from each place by itself; in float64, so that rounding decides nothing."""
    codes = ForwardVQ.of(load(config["codes"]))
    places = word_shares(read_words(codes, load_mnist().train), codes.book.n_codes).astype(np.float32)
    chance = np.random.default_rng(DRAWN_SEED).random((DRAWN, *places.shape[:2], 1))
    alone = (places.astype(np.float64).cumsum(axis=-1) <= chance).sum(axis=-1).clip(max=codes.book.n_codes - 1)
    drawn = _prior_of(weights, config, np.float64).draw(DRAWN, np.random.default_rng(DRAWN_SEED))
    return {"places": places, "drawn": drawn.astype(np.uint8), "alone": alone.astype(np.uint8)}


def _evaluate_prior(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    codes, digits = ForwardVQ.of(load(config["codes"])), load_mnist()
    words, train = (read_words(codes, split) for split in (digits.test, digits.train))
    i, j = np.indices(codes.grid)
    found = {
        "nats": float(-_prior_of(arrays, config).log_prob(words).mean()),
        "alone_nats": float(-np.log(arrays["places"].astype(np.float64))[i, j, words].sum(axis=(1, 2)).mean()),
        "sure_test": sure(pictures(digits.test)[:DRAWN]),
        "shared_test": shared(words[:DRAWN], train),
        "shared_drawn": shared(arrays["drawn"], train),
    }
    of = {"sure_words": words[:DRAWN], "sure_drawn": arrays["drawn"], "sure_alone": arrays["alone"]}
    return found | {name: sure(codes.decode_words(some)) for name, some in of.items()}


def sure(x: np.ndarray) -> float:
    """The share of pictures ``(N, 28, 28)`` that the stored classifier takes for some class with p > 0.9."""
    p = ForwardCNN.of(load("cnn"))(np.clip(x, 0, 1))
    return float((p.max(axis=1) > SURE).mean())


def shared(words: np.ndarray, train: np.ndarray) -> float:
    """Words that a picture ``(N, h, w)`` has in common with the training picture that shares most, mean."""
    flat = train.reshape(len(train), -1)
    return float(np.mean([(one.ravel() == flat).sum(axis=1).max() for one in words]))


def _recompute_prior(
    config: dict[str, Any], seed: int, arrays: dict[str, np.ndarray], device: str
) -> Iterator[Recomputed]:
    """What was drawn, by the weights; the curve's start by the seed, its chosen step by the weights."""
    from genmodels.nn.layers import initialise, seeded
    from genmodels.transformer.config import shape_of
    from genmodels.transformer.model import Transformer

    given, n = config["transformer"], config["transformer"]["n_steps"]
    for name, values in _drawn(arrays, config).items():
        yield Recomputed(name, values, 1e-4 if name == "places" else 0)
    steps = np.unique([*range(0, n, EVERY), n])
    yield Recomputed("training.steps", steps)
    chosen = int(arrays["training.valid"].argmin())
    yield Recomputed("training.chosen", steps[[chosen]])
    codes = ForwardVQ.of(load(config["codes"]))
    valid = read_words(codes, load_mnist().valid)
    by_weights = -_prior_of(arrays, config).log_prob(valid).mean()
    yield Recomputed("training.valid", np.array([by_weights]), 0.3, [chosen], "by the weights")
    untrained = initialise(Transformer(shape_of(given)), seeded(seed))
    start = _nats(untrained, as_rows(valid, codes.book.n_codes))  # type: ignore[arg-type]
    yield Recomputed("training.valid", np.array([start]), 0.3, [0], "by the seed")
    words = len(valid[0].ravel())
    yield Recomputed("training.loss", np.array([start / words]), 0.1, [0], "by the seed")
    most = start / words + 0.5
    yield within("training.loss", arrays["training.loss"], 0, most, "at most the start's")
    yield within("training.valid", arrays["training.valid"], by_weights - 0.3, words * most, "the chosen is lowest")


def recipe_of(name: str, config: dict[str, Any], seed: int = 0) -> Recipe:
    """A book or a grid, of this training."""
    return Recipe(
        name=name,
        kind="weights",
        model="vq",
        config=config,
        data="mnist",
        seed=seed,
        build=partial(_build, config, seed),
        evaluate=partial(_evaluate, config),
        tolerance={"error": 0.01, "perplexity": 0.1, "used": 1, "rmse": 1e-4},
        recompute=partial(_recompute, config, seed),
        recorded={f"training.{of}": CURVE for of in ("error", "perplexity", "used")},
    )


def prior_recipe_of(config: dict[str, Any], seed: int = 0) -> Recipe:
    """A prior of this training."""
    share = {f"sure_{of}": 0.01 for of in ("test", "words", "drawn", "alone")}
    return Recipe(
        name="codes-prior",
        kind="weights",
        model="vq",
        config=config,
        data="mnist",
        seed=seed,
        build=partial(_build_prior, config, seed),
        evaluate=partial(_evaluate_prior, config),
        tolerance={"nats": 0.02, "alone_nats": 0.02, "shared_test": 0.05, "shared_drawn": 0.05, **share},
        recompute=partial(_recompute_prior, config, seed),
        recorded={"training.loss": CURVE, "training.valid": CURVE},
    )


RECIPES = (recipe_of("codes-digits", LEARNED), recipe_of("codes-equal-bits", ROUNDED), prior_recipe_of(PRIOR))
