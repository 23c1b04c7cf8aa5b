"""Three flows with the same budget, for each of three data sets: of affine couplings, of splines, continuous.

The continuous one is a velocity learned by flow matching (:mod:`genmodels.flow_matching`), its density that of its
ODE. All begin with a rate of 0.006 that falls to 0 along half a cosine, see 256 fresh points a step and take as many
steps in ten seconds of one core as were measured beforehand, in one run, by turns: 1.64, 2.41 and 1.64 ms a step
(the least of 20 turns). The steps are fixed by the config, so that a slower machine builds the same, in more seconds.

*A recording with its weights*, F moments, all float16 but for the first three:

    seconds                     (F,) float32     of the budget
    gap                         (F, 3) float32   E[log p_true − log p] over 4,000 fresh points, nats, in that order
    centre, scale               of the data
    affine.…, spline.…          (F, …)           as :class:`genmodels.flows.flow.Flow` reads them
    continuous.net.…            (F, …)           as :class:`.velocity.ForwardVelocity` reads them
    density                     (F, C, C)        log p of the continuous one at the cells' centres, row 0 the lowest,
                                                 cut off below at −30: too dear to be found in a picture's time

Gap and density belong to the weights as stored, and are found again from them. These builds take a minute each and
are not resumed: a build that was stopped starts anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from genmodels.data.planar import get_dataset
from genmodels.flow_matching.ode import OdeConfig, log_likelihood
from genmodels.flow_matching.velocity import ForwardVelocity, MatchingConfig
from genmodels.flows.flow import Flow, FlowConfig
from genmodels.recipes import flows
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

DATA = ("moons", "ffjord8", "checkerboard")
KINDS = ("affine", "spline", "continuous")
TENTHS = (0, 1, 2, 4, 7, 10, 15, 25, 40, 60, 80, 100)  # of a second, of each moment kept
STEPS = {"affine": 61, "spline": 42, "continuous": 61}  # in a tenth of a second
SAME: dict[str, Any] = {"learning_rate": 6e-3, "batch": 256, "average": 0.99, "decay": True}
NETWORKS: dict[str, dict[str, Any]] = {
    "affine": {**SAME, "kind": "affine", "n_layers": 8, "hidden": (24, 24)},
    "spline": {**SAME, "kind": "spline", "n_layers": 4, "hidden": (24, 24), "bins": 8},
    "continuous": {**SAME, "hidden": (64, 64), "activation": "relu"},
}
SOLVER = OdeConfig("rk4", 20)
REACH = {"moons": (2.9, 2.0), "ffjord8": (2.2, 2.2), "checkerboard": (2.1, 2.1)}  # ± x_1, x_2 that the cells cover
CELLS, LOWEST, JUDGED, BLOCK = 40, -30.0, 4_000, 1_000

Learned = Flow | ForwardVelocity


def config_of(data: str) -> dict[str, Any]:
    """All that decides the arrays."""
    return {
        "networks": NETWORKS,
        "tenths": TENTHS,
        "steps": STEPS,
        "method": SOLVER.method,
        "ode_steps": SOLVER.n_steps,
        "cells": CELLS,
        "reach": REACH[data],
    }


def settings_of(kind: str, data: str) -> FlowConfig | MatchingConfig:
    """What is trained, and for how long."""
    given = {**NETWORKS[kind], "data": data, "n_steps": STEPS[kind] * TENTHS[-1], "every": STEPS[kind]}
    return MatchingConfig(**given) if kind == "continuous" else FlowConfig(**given)


def learned(arrays: Mapping[str, np.ndarray], kind: str, data: str, frame: int) -> Learned:
    """The flow, or the velocity, of one moment, from the arrays of the checkpoint."""
    own = {name.removeprefix(f"{kind}."): a[frame] for name, a in arrays.items() if name.startswith(f"{kind}.")}
    own |= {name: arrays[name] for name in ("centre", "scale")}
    settings = settings_of(kind, data)
    return ForwardVelocity(own, settings) if isinstance(settings, MatchingConfig) else Flow(own, settings)


def log_prob(model: Learned, x: np.ndarray) -> np.ndarray:
    """log p of standardised points ``(N, 2)``, nats, ``(N,)``."""
    if isinstance(model, Flow):
        return model.log_prob(x)
    parts = [x[k : k + BLOCK] for k in range(0, len(x), BLOCK)]
    return np.concatenate([log_likelihood(model, part, SOLVER.n_steps, SOLVER.method) for part in parts])


def cells_of(data: str) -> np.ndarray:
    """The cells' centres, ``(C², 2)``, row by row from the lowest."""
    x, y = (r * (2 * np.arange(CELLS) + 1 - CELLS) / CELLS for r in REACH[data])
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def held_out(data: str) -> tuple[np.ndarray, np.ndarray]:
    """Fresh standardised points ``(N, 2)`` and their true log p."""
    return flows.held_out(data, JUDGED, salt=19)


def _build(data: str, job: Job) -> Built:
    arrays: dict[str, np.ndarray] = {}
    for k, kind in enumerate(KINDS):
        kept: dict[str, list[np.ndarray]] = {}
        for state in _train(kind, data):
            tenth = state.step // STEPS[kind]
            job.progress(100 * k + tenth, 300, f"{kind}: loss {state.loss:.3f}")
            if tenth in TENTHS:
                for name, array in state.arrays().items():
                    kept.setdefault(name, []).append(np.asarray(array))
        arrays |= {name: kept[name][0].astype(np.float32) for name in ("centre", "scale")}
        arrays |= {f"{kind}.{n}": as_float16(np.stack(a)) for n, a in kept.items() if n not in ("centre", "scale")}
    arrays |= {again.name: again.values for again in _found(data, arrays)}
    arrays["density"] = as_float16(arrays["density"])
    return Built(arrays, sum(STEPS.values()) * TENTHS[-1])


def _train(kind: str, data: str) -> Iterator[Any]:
    settings = settings_of(kind, data)
    if isinstance(settings, MatchingConfig):
        from genmodels.flow_matching.training import iterate_flow_matching

        return iterate_flow_matching(None, settings)
    from genmodels.flows.training import iterate_flow

    return iterate_flow(None, settings)


def _found(data: str, arrays: Mapping[str, np.ndarray]) -> Iterator[Recomputed]:
    """What follows from the weights."""
    (x, true), at, frames = held_out(data), cells_of(data), range(len(TENTHS))
    models = [[learned(arrays, kind, data, f) for kind in KINDS] for f in frames]
    gap = np.array([[(true - log_prob(model, x)).mean() for model in row] for row in models])
    density = np.stack([log_prob(row[-1], at).reshape(CELLS, CELLS) for row in models])
    yield Recomputed("seconds", np.array(TENTHS, dtype=np.float32) / 10, 1e-6)
    yield Recomputed("gap", gap.astype(np.float32), 2e-3)
    yield Recomputed("density", np.maximum(density, LOWEST), 0.05)


def _recompute(data: str, arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """All but the weights."""
    yield from _found(data, arrays)
    dataset = get_dataset(data)
    yield Recomputed("centre", dataset.mean, 1e-6)
    yield Recomputed("scale", np.array([dataset.scale]), 1e-6)


def _evaluate(data: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    """At the end."""
    x, true = held_out(data)
    last = len(TENTHS) - 1
    return {
        f"gap_{kind}_nats": float((true - log_prob(learned(arrays, kind, data, last), x)).mean()) for kind in KINDS
    }


RECIPES = tuple(
    Recipe(
        name=f"flow-compare-{data}",
        kind="recording",
        model="flow",
        config=config_of(data),
        data=data,
        seed=0,
        build=partial(_build, data),
        evaluate=partial(_evaluate, data),
        tolerance={f"gap_{kind}_nats": 1e-4 if kind != "continuous" else 2e-3 for kind in KINDS},
        recompute=partial(_recompute, data),
    )
    for data in DATA
)
