"""Denoisers of points in the plane (:mod:`genmodels.diffusion.denoisers`), one for each of four data sets.

*Weights*, float32 of the running mean, under the names that :class:`.denoisers.ForwardDenoiser` reads. They
are judged by W₂ between 500 generated and 500 true points, standardised, mean of 24 draws: by 200 steps of DDPM,
and by 50 of DDIM; ``true`` is the same between two sets of true points.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genmodels.data.planar import get_dataset
from genmodels.store.recipe import Built, Job, Recipe

DATA = ("moons", "ffjord8", "checkerboard", "dino")
CONFIG: dict[str, Any] = {
    "schedule": "cosine", "n_times": 1000, "prediction": "v", "hidden": (64, 64), "activation": "relu", "x_waves": 4,
    "t_waves": 4, "batch": 256, "learning_rate": 4e-3, "decay": True, "average": 0.995, "n_steps": 40_000,
}  # fmt: skip
JUDGED, DRAWS = 500, 24


def _config(name: str, device: str = "cpu") -> Any:
    from genmodels.diffusion.denoisers import DenoiserConfig

    return DenoiserConfig(data=name, **CONFIG, every=100, device=device)


def _build(name: str, job: Job) -> Built:
    from genmodels.diffusion.training import iterate_denoiser

    config = _config(name, job.device)
    state = None
    for state in iterate_denoiser(None, config, resume=job.resume()):
        job.keep(state.snapshot)
        job.progress(state.step, config.n_steps, f"loss {state.loss:.4f}")
    assert state is not None
    return Built(state.arrays(), state.step)


def _evaluate(name: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    from genmodels.diffusion.denoisers import ForwardDenoiser
    from genmodels.diffusion.sampler import ReverseConfig, sample_reverse
    from genmodels.metrics import wasserstein_2

    config, dataset = _config(name), get_dataset(name)
    denoiser, schedule = ForwardDenoiser(arrays, config), config.make_schedule()
    ways = {"w2_ddpm_200": ReverseConfig("ddpm", 200), "w2_ddim_50": ReverseConfig("ddim", 50)}
    found: dict[str, list[float]] = {metric: [] for metric in (*ways, "w2_true")}
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, 11])
        truth, other = (dataset.standardise(dataset.sample(JUDGED, rng)) for _ in range(2))
        x_T = rng.standard_normal((JUDGED, 2))
        for metric, way in ways.items():
            found[metric].append(wasserstein_2(sample_reverse(denoiser, x_T, schedule, way, rng), truth))
        found["w2_true"].append(wasserstein_2(other, truth))
    return {metric: float(np.mean(values)) for metric, values in found.items()}


RECIPES = tuple(
    Recipe(
        name=f"diffusion-{name}",
        kind="weights",
        model="diffusion",
        config={"data": name, **CONFIG},
        data=name,
        seed=0,
        build=partial(_build, name),
        evaluate=partial(_evaluate, name),
        tolerance={"w2_ddpm_200": 0.01, "w2_ddim_50": 0.01, "w2_true": 1e-6},
    )
    for name in DATA
)
