"""Flows of points in the plane (:mod:`genmodels.flows.flow`): one for each of three data sets, four for two.

*Weights*, float32 of the running mean, under the names that :class:`genmodels.flows.flow.Flow` reads. They are judged
by the gap, nats: the mean of log p_true − log p over 40,000 fresh points, which is E[−log p] less the entropy, with
less of chance in it.

``flow-thin-…`` holds ones of 1, 2, 4 and 8 layers, alike but for that. Their networks are so small that each doubling
shows: with two hidden layers of 32 and eight bins, four layers did as well as eight. The names begin
with ``"1."``, ``"2."``, ``"4."``, ``"8."``, and the config is that of the deepest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.planar import get_dataset
from genmodels.store.recipe import Built, Job, Recipe

if TYPE_CHECKING:
    from genmodels.flows.flow import FlowConfig
    from genmodels.flows.training import FlowState

DATA = ("moons", "ffjord8", "checkerboard")
CONFIG: dict[str, Any] = {
    "kind": "spline", "n_layers": 4, "hidden": (64, 64), "activation": "relu", "bins": 12, "bound": 5.0, "batch": 256,
    "learning_rate": 4e-3, "decay": True, "average": 0.99, "n_steps": 12_000,
}  # fmt: skip
THIN, LAYERS = ("moons", "ffjord8"), (1, 2, 4, 8)
THIN_CONFIG: dict[str, Any] = {**CONFIG, "n_layers": LAYERS[-1], "hidden": (16,), "bins": 4, "n_steps": 6_000}
JUDGED = 40_000


Tell = Callable[["FlowState"], None]


def _trained(config: FlowConfig, resume: Mapping[str, np.ndarray] | None, tell: Tell) -> dict[str, np.ndarray]:
    from genmodels.flows.training import iterate_flow

    state = None
    for state in iterate_flow(None, config, resume=resume):
        tell(state)
    assert state is not None
    return state.arrays()


def _build(data: str, job: Job) -> Built:
    from genmodels.flows.flow import FlowConfig

    config = FlowConfig(data=data, **CONFIG, every=100)

    def tell(state: FlowState) -> None:
        job.keep(state.snapshot)
        job.progress(state.step, config.n_steps, f"loss {state.loss:.4f}")

    return Built(_trained(config, job.resume(), tell), config.n_steps)


@lru_cache(maxsize=4)
def held_out(data: str, n: int, salt: int = 17) -> tuple[np.ndarray, np.ndarray]:
    """Fresh standardised points ``(n, 2)`` and their true log p ``(n,)``."""
    dataset = get_dataset(data)
    x = dataset.sample(n, np.random.default_rng([n, salt]))
    return dataset.standardise(x), dataset.log_prob(x) + 2 * np.log(dataset.scale)


def gap(flow: Any, data: str, n: int | None = None) -> float:
    """Held-out E[log p_true − log p], nats, 0 or more but for chance: how far −log p stays above the entropy."""
    x, truth = held_out(data, JUDGED if n is None else n)
    return float((truth - flow.log_prob(x)).mean())


def _evaluate(data: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    from genmodels.flows.flow import Flow, FlowConfig

    return {"gap_nats": gap(Flow(arrays, FlowConfig(data=data, **CONFIG)), data)}


def _build_thin(data: str, job: Job) -> Built:
    from genmodels.flows.flow import FlowConfig

    saved, steps = job.resume() or {}, THIN_CONFIG["n_steps"]
    built = {name: array for name, array in saved.items() if not name.startswith("now.")}
    for i, layers in enumerate(LAYERS):
        if f"{layers}.scale" in built:
            continue
        config = FlowConfig(data=data, **{**THIN_CONFIG, "n_layers": layers}, every=100)
        tell = partial(_tell_thin, job, dict(built), i)
        built |= _prefixed(_trained(config, _part(saved, "now.") or None, tell), f"{layers}.")
        saved = {}
    return Built(built, steps * len(LAYERS))


def _tell_thin(job: Job, built: dict[str, np.ndarray], i: int, state: FlowState) -> None:
    steps = THIN_CONFIG["n_steps"]
    job.keep(lambda: built | _prefixed(state.snapshot(), "now."))
    job.progress(i * steps + state.step, steps * len(LAYERS), f"{LAYERS[i]} layers, loss {state.loss:.4f}")


def _prefixed(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _evaluate_thin(data: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    from genmodels.flows.flow import Flow, FlowConfig

    found = {}
    for layers in LAYERS:
        config = FlowConfig(data=data, **{**THIN_CONFIG, "n_layers": layers})
        found[f"gap_{layers}_nats"] = gap(Flow(_part(arrays, f"{layers}."), config), data)
    return found


RECIPES = (
    *(
        Recipe(
            name=f"flow-{data}",
            kind="weights",
            model="flow",
            config={"data": data, **CONFIG},
            data=data,
            seed=0,
            build=partial(_build, data),
            evaluate=partial(_evaluate, data),
            tolerance={"gap_nats": 1e-5},
        )
        for data in DATA
    ),
    *(
        Recipe(
            name=f"flow-thin-{data}",
            kind="weights",
            model="flow",
            config={"data": data, **THIN_CONFIG},
            data=data,
            seed=0,
            build=partial(_build_thin, data),
            evaluate=partial(_evaluate_thin, data),
            tolerance={f"gap_{layers}_nats": 1e-5 for layers in LAYERS},
        )
        for data in THIN
    ),
)
