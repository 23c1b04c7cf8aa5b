"""What only copies: a transformer of two layers, one head each, in which one head provably does one thing.

It reads pieces of random letters, each repeated over and over: nothing can be known of a piece when it comes for the
first time, everything when it comes again. To say the next letter, the network has to find where the letter that it
has just read stood before, and to look at what followed there: an *induction head*
(:mod:`genmodels.transformer.heads`), which needs a first layer that tells each letter the one before it.

``copier`` (:mod:`genmodels.transformer`): its weights, float32. The letters are those of Shakespeare, so that both
can read one text. The figures are of :func:`genmodels.transformer.heads.search`, on pieces drawn with another seed:
how much of its look the best head gives to what followed the same letter before, and nats a letter where a piece
comes again.

Source: Elhage et al. (2021), *A mathematical framework for transformer circuits*; Olsson et al. (2022), *In-context
learning and induction heads*, arXiv:2209.11895.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.store.recipe import Built, Job, Recipe
from genmodels.transformer.config import shape_of
from genmodels.transformer.heads import HeadScores, search
from genmodels.transformer.runtime import TransformerRuntime

if TYPE_CHECKING:
    from genmodels.transformer.training import TransformerState

CONFIG: dict[str, Any] = {
    "letters": 65, "context": 40, "layers": 2, "heads": 1, "width": 24, "batch": 48, "learning_rate": 6e-3,
    "n_steps": 1200, "examples": 20_000, "longest": 20,
}  # fmt: skip
"""Of :class:`genmodels.transformer.training.TransformerConfig`, but for the last two, of :func:`pieces`."""
SHORTEST, JUDGED_SEED, EVERY = 4, 1913, 100


def pieces(n: int, letters: int, length: int, longest: int, rng: np.random.Generator) -> np.ndarray:
    """Texts ``(n, length)`` int64, each a piece of 4 … ``longest`` different letters, over and over.

    >>> pieces(1, 9, 7, 4, np.random.default_rng(0))
    array([[4, 5, 2, 6, 4, 5, 2]])
    """
    rows = np.empty((n, length), dtype=np.int64)
    for row in rows:
        row[:] = np.resize(rng.permutation(letters)[: rng.integers(SHORTEST, longest + 1)], length)
    return rows


def runtime_of(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any] = CONFIG) -> TransformerRuntime:
    """The stored network; without torch."""
    return TransformerRuntime(arrays, shape_of(dict(config)))


def scores_of(runtime: TransformerRuntime) -> HeadScores:
    """What its heads look at, on eight texts that it has not learned from."""
    return search(runtime, np.random.default_rng(JUDGED_SEED))


def _build(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.states import last
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    own = {name: value for name, value in config.items() if name not in ("examples", "longest")}
    training = TransformerConfig(**own, seed=seed, every=EVERY, device=job.device)
    rng = np.random.default_rng(seed)
    read = pieces(config["examples"], config["letters"], config["context"] + 1, config["longest"], rng)

    def told() -> Iterator[TransformerState]:
        for state in iterate_transformer(read, training):
            job.progress(state.step, training.n_steps, f"loss {state.loss:.3f} nats a letter")
            yield state

    return Built(last(told()).arrays(), training.n_steps)


def _evaluate(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    found = scores_of(runtime_of(arrays, config))
    return {"induction_best": float(found.induction.max()), "again_nats_per_letter": found.again}


def recipe_of(config: dict[str, Any], seed: int = 0) -> Recipe:
    """The recipe with another network or another training."""
    return Recipe(
        name="copier",
        kind="weights",
        model="transformer",
        config=config,
        data="",
        seed=seed,
        build=partial(_build, config, seed),
        evaluate=partial(_evaluate, config),
        tolerance={"induction_best": 1e-3, "again_nats_per_letter": 1e-3},
    )


RECIPES = (recipe_of(CONFIG),)
