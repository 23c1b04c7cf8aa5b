"""Generative stochastic networks of digits (:mod:`genmodels.gsn`), of 256 hidden units, weights float16.

``gsn-plain`` has learned to denoise the 4,000 training images, binarised; ``gsn-walkback`` to find the way back from
where three rounds of its own chain lead. Both as many updates, with the same noise.

Held-out figures: ``nats``, −log P(x | x̃) of the test images under noise that is drawn once, a picture; and, of 20
chains of 100 rounds that begin at the first test images, as the stored classifier ``cnn`` takes P(x | x̃):
``changes``, how often a chain's class changes; ``sure``, the largest probability, mean over all rounds; ``kept``, the
share of chains whose class in the end is that of their start. Each with ν = 0.1, 0.3 and 0.6: ``sure_10`` …
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genmodels.data.digits import Split, load_binarised_mnist
from genmodels.gsn.chain import corrupt, iterate_chain
from genmodels.gsn.training import GSNConfig, denoiser, iterate_gsn
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store.checkpoint import load
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe

CONFIG: dict[str, Any] = {
    "hidden": [256], "noise": 0.3, "walk_back": 1, "batch": 100, "learning_rate": 2e-3, "average": 0.995,
    "n_steps": 4_000, "seed": 0,
}  # fmt: skip
"""Of :class:`genmodels.gsn.training.GSNConfig`."""
WALK_BACK: dict[str, Any] = {**CONFIG, "walk_back": 3}
EVERY, CHAINS, ROUNDS, SEED = 100, 20, 100, 14
NOISES = (0.1, 0.3, 0.6)
MAY = {"changes": 0.5, "sure": 0.005, "kept": 0.05}
"""By how much the figures of chains may differ: one pixel drawn otherwise changes all that follows."""


def rows(split: Split) -> np.ndarray:
    """Pixels 0 or 1, ``(N, 784)`` float64."""
    return split.images.reshape(len(split.images), -1).astype(float)


def _build(config: dict[str, Any], job: Job) -> Built:
    given = GSNConfig(**config, every=EVERY)
    for state in iterate_gsn(rows(load_binarised_mnist().train), given, job.resume()):
        job.keep(state.snapshot)
        job.progress(state.step, given.n_steps, f"{state.loss:.1f} nats an image")
    return Built({name: as_float16(value) for name, value in state.arrays().items()}, given.n_steps)


def _evaluate(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """On `test`, by the weights."""
    network, x = denoiser(arrays), rows(load_binarised_mnist().test)
    p = network(corrupt(x, config["noise"], np.random.default_rng([SEED, 0])))
    found = {"nats": float(-np.log(np.where(x == 1, p, 1 - p)).sum(axis=1).mean())}
    for noise in NOISES:
        chains = iterate_chain(network, x[:CHAINS], noise, ROUNDS, np.random.default_rng([SEED, 1]))
        said = judge(np.stack([state.p for state in chains]))
        classes = said.argmax(axis=-1)
        values = {
            "changes": (classes[1:] != classes[:-1]).sum(axis=0).mean(),
            "sure": said[1:].max(axis=-1).mean(),
            "kept": (classes[-1] == classes[0]).mean(),
        }
        found |= {f"{name}_{100 * noise:.0f}": float(value) for name, value in values.items()}
    return found


def judge(p: np.ndarray) -> np.ndarray:
    """What the stored classifier says of pictures ``(…, 784)``: ``(…, 10)``."""
    return ForwardCNN.of(load("cnn"))(p.reshape(-1, 28, 28)).reshape(*p.shape[:-1], -1)


def recipe_of(name: str, config: dict[str, Any]) -> Recipe:
    """A network of this training."""
    return Recipe(
        name=name,
        kind="weights",
        model="gsn",
        config=config,
        data="mnist-binarised",
        seed=config["seed"],
        build=partial(_build, config),
        evaluate=partial(_evaluate, config),
        tolerance={"nats": 1e-3} | {f"{name}_{100 * noise:.0f}": of for noise in NOISES for name, of in MAY.items()},
    )


RECIPES = (recipe_of("gsn-plain", CONFIG), recipe_of("gsn-walkback", WALK_BACK))
