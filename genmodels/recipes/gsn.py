"""Generative stochastic networks of digits (:mod:`genmodels.gsn`), of 256 hidden units, weights float16.

``gsn-plain`` has learned to denoise the 4,000 training images, binarised; ``gsn-walkback`` to find the way back from
where three rounds of its own chain lead. Both as many updates, with the same noise.

Held-out figures: ``nats``, −log P(x | x̃) of the test images under noise that is drawn once, a picture; and of 20
chains of 100 rounds at the training noise, which begin at the first test images, as the stored classifier ``cnn``
takes P(x | x̃): ``changes``, how often a chain's class changes; ``sure``, its largest probability, mean over all
rounds but the start.
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
    "hidden": [256], "noise": 0.4, "walk_back": 1, "batch": 100, "learning_rate": 2e-3, "average": 0.995,
    "n_steps": 4_000, "seed": 0,
}  # fmt: skip
"""Of :class:`genmodels.gsn.training.GSNConfig`."""
WALK_BACK: dict[str, Any] = {**CONFIG, "walk_back": 3}
EVERY, CHAINS, ROUNDS, SEED = 100, 20, 100, 14
CHUNK = 50  # pictures that the classifier looks at at once: more are slower


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
    network, x, noise = denoiser(arrays), rows(load_binarised_mnist().test), config["noise"]
    p = network(corrupt(x, noise, np.random.default_rng([SEED, 0])))
    nats = -np.log(np.where(x == 1, p, 1 - p)).sum(axis=1)
    chains = iterate_chain(network, x[:CHAINS], noise, ROUNDS, np.random.default_rng([SEED, 1]))
    judged = judge(np.stack([state.p for state in chains]))
    classes = judged.argmax(axis=-1)
    changes = (classes[1:] != classes[:-1]).sum(axis=0)
    return {
        "nats": float(nats.mean()),
        "changes": float(changes.mean()),
        "sure": float(judged[1:].max(axis=-1).mean()),
    }


def judge(p: np.ndarray) -> np.ndarray:
    """What the stored classifier says of pictures ``(…, 784)``: ``(…, 10)``."""
    network, flat = ForwardCNN.of(load("cnn")), p.reshape(-1, 28, 28)
    said = [network(flat[i : i + CHUNK]) for i in range(0, len(flat), CHUNK)]
    return np.concatenate(said).reshape(*p.shape[:-1], -1)


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
        tolerance={"nats": 1e-3, "changes": 0.5, "sure": 0.005},
    )


RECIPES = (recipe_of("gsn-plain", CONFIG), recipe_of("gsn-walkback", WALK_BACK))
