"""The recipe of the learning curves of :mod:`genmodels.classifiers.learning_curves`.

``learning-curves``: for each task ``TASK.sizes`` ``(S,)`` and ``TASK.errors`` ``(2, R, S)``, float32: the test errors
of naive Bayes and of logistic regression in each of R repetitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from genmodels.classifiers.learning_curves import (
    CONFIGS,
    NAME,
    SETTINGS,
    as_arrays,
    compute,
    iterate_learning_curve,
    states_of,
)
from genmodels.store.recipe import Built, Job, Recipe, Recomputed


def _build(job: Job) -> Built:
    """One task after the other; those that are done are kept."""
    arrays = dict(job.resume() or {})
    total = sum(config.repetitions for config in CONFIGS.values())
    done = 0
    for task, config in CONFIGS.items():
        if f"{task}.errors" not in arrays:
            for state in iterate_learning_curve(config):
                job.progress(done + state.step, total, f"{task}: {state.step} of {config.repetitions} repetitions")
            arrays |= as_arrays(state)
            job.keep(arrays)
        done += config.repetitions
    return Built(arrays, steps=total)


def _evaluate(arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """Mean error at the largest size, a share, of both models in every task."""
    return {
        f"error_{task}_{model}": float(mean[-1])
        for task, state in states_of(arrays).items()
        for model, mean in zip(("naive_bayes", "logistic"), state.mean, strict=True)
    }


def _recompute(arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """Every repetition once more, some ten seconds; where the stopping rule decides, machines differ a little."""
    for state in compute(configs=CONFIGS).values():
        for name, values in as_arrays(state).items():
            yield Recomputed(name, values, 0.005 if name.endswith("errors") else 0)


RECIPES = (
    Recipe(
        name=NAME,
        kind="recording",
        model="learning_curves",
        config={"tasks": {task: asdict(config) for task, config in CONFIGS.items()}, "settings": SETTINGS},
        data="digits8",
        seed=0,
        build=_build,
        evaluate=_evaluate,
        tolerance={f"error_{task}_{model}": 1e-6 for task in CONFIGS for model in ("naive_bayes", "logistic")},
        recompute=_recompute,
    ),
)
