r"""Does depth help? Three machines of binarised MNIST that all begin as `rbm-digits`, and learn on for as long.

    rbm-further   the RBM, trained on: what the others have to beat
    dbn-digits    a DBN: the stored RBM below, and a top that begins as it, upside down, and learns its h¹
    dbm-digits    a DBM: a second layer of weights that are nearly 0 at first; all are trained

By persistent chains, on the 4,000 training images, with the same learning rate and number of epochs; none is chosen.
``test_nats`` is the mean over the 500 test images of −log p, or, of the deep ones, of its upper bound, with log Ẑ by
annealed importance sampling (:mod:`genmodels.rbm.ais`), whose error is ``log_z_error_nats``; ``train_nats`` that of
the first 500 training images. ``itself_nats`` is −log p of the deep ones by importance sampling, which may be
below the bound. ``sure`` is the largest probability, on average, that the stored classifier ``cnn`` gives a class of
100 dreams, after 300 steps from tossed coins.

Weights are float16; ``test_log_prob`` (500,) float32 holds log p, or its bound, of each test image. A DBN's bottom is
not stored again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np

from genmodels.data.digits import load_binarised_mnist
from genmodels.rbm.ais import LogZ, annealed_log_z, base_rate
from genmodels.rbm.chains import ChainConfig, run_chains
from genmodels.rbm.deep import (
    DBM,
    DBM_NAMES,
    DBN,
    DBN_NAMES,
    DBMConfig,
    dbm_of,
    dbn_of,
    iterate_dbm,
    iterate_dbn,
    run_dreams,
)
from genmodels.rbm.model import RBM, coins, rbm_of
from genmodels.rbm.training import RBMConfig, RBMTraining
from genmodels.recipes import rbm as rbm_digits
from genmodels.recipes.gsn import judge
from genmodels.recipes.rbm import BATCH, DATA, STEPS_PER_EPOCH, rows
from genmodels.states import iterate
from genmodels.store.checkpoint import load
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe, Recomputed

START = "rbm-digits"
CONFIG: dict[str, Any] = {
    "start": START, "n_chains": 100, "learning_rate": 0.05, "epochs": 200, "runs": 100, "betas": 4000,
    "dreams": 100, "dream_steps": 300,
}  # fmt: skip
DBN_CONFIG: dict[str, Any] = {**CONFIG, "draws": 10, "weighed": 200}
DBM_CONFIG: dict[str, Any] = {
    **CONFIG,
    "weighed": 200,
    "n_top": 256,
    "updates": 5,
    "scale": 0.01,
    "judged_updates": 30,
}
NAMES = {
    "rbm-further": rbm_digits.NAMES,
    "dbn-digits": DBN_NAMES,
    "dbm-digits": DBM_NAMES,
}
Machine = RBM | DBN | DBM


def bottom() -> RBM:
    """Where all begin, float32."""
    return rbm_of(load(START).arrays)


def machine_of(name: str, arrays: Mapping[str, np.ndarray], below: RBM | None = None) -> Machine:
    """The machine as stored, float32; a DBN stands on ``below``, by default the stored RBM."""
    if name == "dbm-digits":
        return dbm_of(arrays)
    return rbm_of(arrays) if name == "rbm-further" else dbn_of(arrays, below or bottom())


def estimate(machine: Machine, runs: int, betas: int, seed: int) -> LogZ:
    """log Z of the machine, or of a DBN's top, from the base rate of pixels, of h², or of both."""
    x = rows(load_binarised_mnist().train).astype(np.float32)
    if isinstance(machine, RBM):
        return annealed_log_z(machine, base_rate(x), runs, betas, seed)
    if isinstance(machine, DBN):
        h = coins(machine.bottom.hidden_given(x), np.random.default_rng(seed))
        top = RBM(machine.top.weights.T, machine.top.hidden, machine.top.visible)  # more runs share
        return annealed_log_z(top, _log_odds(machine.top.hidden_given(h)), runs, betas, seed)
    base = np.concatenate([base_rate(x), _log_odds(machine.mean_field(x)[1])])
    return annealed_log_z(machine.folded(), base, runs, betas, seed)


def _log_odds(p: np.ndarray) -> np.ndarray:
    """Of each unit's mean over the rows ``(N, T)``."""
    rate = p.mean(axis=0, dtype=np.float64)
    return np.log(rate / (1 - rate))


def log_prob(machine: Machine, v: np.ndarray, log_z: float, config: Mapping[str, Any], seed: int = 0) -> np.ndarray:
    """log p of images ``(N, 784)``, or its lower bound, ``(N,)``."""
    v = v.astype(np.float32)
    if isinstance(machine, RBM):
        return machine.log_prob(v, log_z)
    if isinstance(machine, DBN):
        return machine.bound(v, log_z, config["draws"], seed)
    return machine.bound(v, *machine.mean_field(v, config["judged_updates"]), log_z)


def itself(machine: DBN | DBM, v: np.ndarray, log_z: float, config: Mapping[str, Any], seed: int = 0) -> np.ndarray:
    """log p of images ``(N, 784)`` by importance sampling, ``(N,)``."""
    v = v.astype(np.float32)
    if isinstance(machine, DBN):
        return machine.importance(v, log_z, config["weighed"], seed)
    mu_2 = machine.mean_field(v, config["judged_updates"])[1]
    return machine.importance(v, mu_2, log_z, config["weighed"], seed)


def dreamed(machine: Machine, config: Mapping[str, Any], seed: int = 0) -> np.ndarray:
    """p of ink of free chains, ``(N, 784)``, that began at tossed coins."""
    start = np.random.default_rng(seed).integers(2, size=(config["dreams"], 784)).astype(np.float32)
    chain = ChainConfig(config["dream_steps"], seed)
    return (
        run_chains(machine, start, chain).ink if isinstance(machine, RBM) else run_dreams(machine, start, chain).ink
    )


def _states(name: str, config: Mapping[str, Any], seed: int) -> Iterator[tuple[int, Any]]:
    """Steps, and the parts in the order of :data:`NAMES`, twenty times."""
    x, start, steps = rows(load_binarised_mnist().train), bottom(), STEPS_PER_EPOCH * config["epochs"]
    every, rate = max(steps // 20, 1), config["learning_rate"]
    if name == "dbm-digits":
        given = {key: config[key] for key in ("n_top", "updates", "scale", "n_chains")}
        dbm = DBMConfig(**given, learning_rate=rate, batch=BATCH, n_steps=steps, seed=seed)
        for at in iterate_dbm(x, start, dbm, every):
            yield at.step, (at.lower, at.upper, at.visible, at.middle, at.top)
        return
    units = start.n_hidden if name == "rbm-further" else start.n_visible
    how = RBMConfig(
        units, "pcd", 1, config["n_chains"], rate, decay=True, batch=BATCH, n_steps=steps, single=True, seed=seed
    )
    if name == "dbn-digits":
        for top in iterate_dbn(x, start, how, every):
            yield top.step, (top.top_weights, top.top_visible, top.top_hidden)
        return
    training = RBMTraining(x, how)
    training.rbm = RBM(*(part.copy() for part in (start.weights, start.visible, start.hidden)))
    training.chains = coins(start.hidden_given(training.x[: how.n_chains]), training.rng)
    for now in iterate(training, steps, every):
        yield now.step, (now.weights, now.visible, now.hidden)


def _build(name: str, config: Mapping[str, Any], seed: int, job: Job) -> Built:
    steps, parts = STEPS_PER_EPOCH * config["epochs"], list[np.ndarray]()
    for step, now in _states(name, config, seed):
        job.progress(step, steps, "by persistent chains")
        parts = list(now)
    arrays = {
        key: as_float16(part) if part.ndim == 2 else part.astype(np.float32)
        for key, part in zip(NAMES[name], parts, strict=True)
    }
    return Built(arrays | {"test_log_prob": _of_test(name, config, seed, arrays)}, steps)


def _log_z(name: str, config: Mapping[str, Any], seed: int, arrays: Mapping[str, np.ndarray]) -> LogZ:
    """The long run, once for metrics and arrays."""
    parts = tuple((arrays[key].tobytes(), arrays[key].dtype.str, arrays[key].shape) for key in NAMES[name])
    return _long_run(name, parts, config["runs"], config["betas"], seed)


@lru_cache(maxsize=4)
def _long_run(
    name: str, parts: tuple[tuple[bytes, str, tuple[int, ...]], ...], runs: int, betas: int, seed: int
) -> LogZ:
    arrays = [np.frombuffer(raw, dtype).reshape(shape) for raw, dtype, shape in parts]
    return estimate(machine_of(name, dict(zip(NAMES[name], arrays, strict=True))), runs, betas, seed)


def _of_test(name: str, config: Mapping[str, Any], seed: int, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    log_z = _log_z(name, config, seed, arrays).log_z
    test = rows(load_binarised_mnist().test)
    return log_prob(machine_of(name, arrays), test, log_z, config, seed).astype(np.float32)


def _evaluate(name: str, config: Mapping[str, Any], seed: int, arrays: dict[str, np.ndarray]) -> dict[str, float]:
    found, machine = _log_z(name, config, seed, arrays), machine_of(name, arrays)
    train, test = rows(load_binarised_mnist().train, 500), rows(load_binarised_mnist().test)
    deep = (
        {} if isinstance(machine, RBM) else {"itself_nats": -itself(machine, test, found.log_z, config, seed).mean()}
    )
    return {name: float(value) for name, value in deep.items()} | {
        "test_nats": float(-_of_test(name, config, seed, arrays).mean()),
        "train_nats": float(-log_prob(machine, train, found.log_z, config, seed).mean()),
        "log_z_nats": found.log_z,
        "log_z_error_nats": found.error,
        "log_z_effective_runs": found.effective,
        "sure": float(judge(dreamed(machine, config, seed)).max(axis=-1).mean()),
    }


def _recompute(
    name: str, config: Mapping[str, Any], seed: int, arrays: dict[str, np.ndarray]
) -> Iterator[Recomputed]:
    yield Recomputed("test_log_prob", _of_test(name, config, seed, arrays), 1.0)


def recipe_of(name: str, config: dict[str, Any]) -> Recipe:
    """One of the three."""
    return Recipe(
        name=name,
        kind="weights",
        model="rbm",
        config=config,
        data=DATA,
        seed=0,
        build=partial(_build, name, config, 0),
        evaluate=lambda arrays, device: _evaluate(name, config, 0, arrays),
        tolerance={
            "test_nats": 1.0,
            "train_nats": 1.0,
            "log_z_nats": 1.0,
            "log_z_error_nats": 0.3,
            "log_z_effective_runs": 100.0,
            "sure": 0.05,
        }
        | ({} if name == "rbm-further" else {"itself_nats": 1.0}),
        recompute=lambda arrays, device: _recompute(name, config, 0, arrays),
    )


RECIPES = tuple(recipe_of(name, config) for name, config in zip(NAMES, (CONFIG, DBN_CONFIG, DBM_CONFIG), strict=True))
