"""Velocities of points in the plane (:mod:`genmodels.flow_matching`), and their reflow, for three data sets.

*Weights*, float32 of the running mean, under the names that :class:`.velocity.ForwardVelocity` reads. They are judged
as the denoisers are, by W₂ between 500 generated and 500 true points, standardised, mean of 24 draws, and by the
energy distance of the same: after 1, 4 and 50 steps of Euler; ``true`` is the same between two sets of true points.
Besides, the straightness S of their paths (50 steps), and the mean negative log-likelihood of 2,000 held-out points
less the entropy of the data, by the exact divergence: what the network has not learned, in nats. (The mean of
log p − log q, whose expectation that is, and which varies far less.)

*Reflow* is trained on pairs that the stored velocity of the same data has made, so that one builds that first.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genmodels.data.planar import get_dataset
from genmodels.store.recipe import Built, Job, Recipe

DATA = ("moons", "ffjord8", "checkerboard")
CONFIG: dict[str, Any] = {
    "hidden": (128, 128), "activation": "relu", "x_waves": 4, "t_waves": 4, "batch": 256, "learning_rate": 4e-3,
    "decay": True, "average": 0.995, "n_steps": 16_000,
}  # fmt: skip
PAIRS: dict[str, Any] = {"n_pairs": 50_000, "method": "rk4", "ode_steps": 25, "pairs_seed": 7}
JUDGED, DRAWS, STEPS, HELD_OUT = 500, 24, (1, 4, 50), 2000


def _config(name: str, device: str = "cpu") -> Any:
    from genmodels.flow_matching.velocity import MatchingConfig

    return MatchingConfig(data=name, **CONFIG, every=100, device=device)


def _build(name: str, again: bool, job: Job) -> Built:
    from genmodels.flow_matching.training import iterate_flow_matching

    config = _config(name, job.device)
    pairs, state = _pairs(name) if again else None, None
    for state in iterate_flow_matching(None, config, pairs, resume=job.resume()):
        job.keep(state.snapshot)
        job.progress(state.step, config.n_steps, f"loss {state.loss:.4f}")
    assert state is not None
    return Built(state.arrays(), state.step)


def _pairs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and where the stored velocity carries it."""
    from genmodels.flow_matching.ode import OdeConfig, reflow_pairs
    from genmodels.flow_matching.velocity import ForwardVelocity
    from genmodels.store.checkpoint import load

    velocity = ForwardVelocity.of(load(f"matching-{name}"))
    rng, way = np.random.default_rng(PAIRS["pairs_seed"]), OdeConfig(PAIRS["method"], PAIRS["ode_steps"])
    return reflow_pairs(velocity, PAIRS["n_pairs"], 2, rng, way)


def _evaluate(name: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    from genmodels.flow_matching.ode import OdeConfig, log_likelihood, solve, solve_path, straightness
    from genmodels.flow_matching.velocity import ForwardVelocity
    from genmodels.metrics import energy_distance, wasserstein_2

    velocity, dataset = ForwardVelocity(arrays, _config(name)), get_dataset(name)
    found: dict[str, list[float]] = {}
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, 11])
        truth, other = (dataset.standardise(dataset.sample(JUDGED, rng)) for _ in range(2))
        x_0 = rng.standard_normal((JUDGED, 2))
        made = {str(n): solve(velocity, x_0, OdeConfig("euler", n)) for n in STEPS} | {"true": other}
        for which, x in made.items():
            found.setdefault(f"w2_{which}", []).append(wasserstein_2(x, truth))
            found.setdefault(f"energy_{which}", []).append(energy_distance(x, truth))
    rng = np.random.default_rng(12)
    found["straightness"] = [straightness(solve_path(velocity, rng.standard_normal((JUDGED, 2))))]
    x = dataset.standardise(dataset.sample(HELD_OUT, rng))
    truth = dataset.standard_log_prob(x)
    found["nll_minus_entropy_nats"] = [float((truth - log_likelihood(velocity, x)).mean())]
    return {metric: float(np.mean(values)) for metric, values in sorted(found.items())}


TOLERANCE = {f"{distance}_{n}": 0.01 for distance in ("w2", "energy") for n in STEPS}
TOLERANCE |= {"w2_true": 1e-6, "energy_true": 1e-6, "straightness": 0.01, "nll_minus_entropy_nats": 0.005}
RECIPES = tuple(
    Recipe(
        name=f"{kind}-{name}",
        kind="weights",
        model="flow_matching",
        config={"data": name, **CONFIG, **(PAIRS if kind == "reflow" else {})},
        data=name,
        seed=0,
        build=partial(_build, name, kind == "reflow"),
        evaluate=partial(_evaluate, name),
        tolerance=TOLERANCE,
    )
    for kind in ("matching", "reflow")
    for name in DATA
)
