"""What says first names: a small transformer, and perceptrons over windows of one to six letters.

Both train within seconds; what is stored is what a page shows before anything has trained. The held-out names are
``load_names().test``. No step is chosen by them; learning rates and widths are the best of four or five tried, by
training and held-out figures alike, so that the held-out ones may flatter by a few hundredths of a nat.

``names``, a transformer (:mod:`genmodels.transformer`): its weights, float32, and

    training.steps   (K,) int32        every 50th step and the last
    training.loss    (K,) float32      nats a letter, of a minibatch
    training.test    (K,) float32      nats a letter, of the held-out names
    said.steps       (S,) int32        of the networks that spoke
    said.tokens      (S, 10, 12) int8  ten names each, drawn from p itself with the same seed; −1 after the end sign

``names-windows``, perceptrons (:mod:`genmodels.window_mlp`) for M = 1 … 6: weights under ``1.`` … ``6.``, float32.
How n-grams do, a page counts itself (:mod:`genmodels.ngram`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from genmodels.data.text import END, load_names
from genmodels.sampling import SamplingConfig, say
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within
from genmodels.transformer.config import shape_of
from genmodels.transformer.runtime import TransformerRuntime
from genmodels.window_mlp.runtime import WindowRuntime

CONFIG: dict[str, Any] = {
    "letters": 27, "context": 16, "layers": 2, "heads": 4, "width": 32, "batch": 64,
    "learning_rate": 1e-2, "n_steps": 800,
}  # fmt: skip
"""Of :class:`genmodels.transformer.training.TransformerConfig`; some twelve seconds on one core."""
WINDOWS: dict[str, Any] = {
    "letters": 27, "windows": (1, 2, 3, 4, 5, 6), "features": 12, "hidden": 96, "batch": 128,
    "learning_rate": 2e-2, "weight_decay": 0.01, "n_steps": 1500,
}  # fmt: skip
"""Of :class:`genmodels.window_mlp.training.WindowConfig`, but for ``windows``; two seconds each."""
EVERY = 50
SAID, LONGEST, SAID_AT, SAID_SEED = 10, 12, (0, 50, 100, 200, 400), 1790


def runtime_of(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any] = CONFIG) -> TransformerRuntime:
    """The stored transformer, ready to speak; without torch."""
    return TransformerRuntime(arrays, shape_of(dict(config)))


def window_runtime_of(arrays: Mapping[str, np.ndarray], window: int) -> WindowRuntime:
    """The stored perceptron over so many letters, without torch."""
    own = {name.removeprefix(f"{window}."): a for name, a in arrays.items() if name.startswith(f"{window}.")}
    return WindowRuntime(own)


def say_names(runtime: TransformerRuntime) -> np.ndarray:
    """Ten names, ``(10, 12)`` int8, −1 after the end sign."""
    end = load_names().alphabet.letters.index(END)
    choose = SamplingConfig().choose(np.random.default_rng(SAID_SEED))
    rows = np.full((SAID, LONGEST), -1, dtype=np.int8)
    for row in rows:
        name = list(say(runtime.follow(), [end], choose, LONGEST, end))
        row[: len(name)] = name
    return rows


def _build(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    training, names = TransformerConfig(**config, seed=seed, every=EVERY, device=job.device), load_names()
    curve, said = [], []
    for state in iterate_transformer(names.train, training):
        runtime = runtime_of(state.arrays(), config)
        test = runtime.nats_per_letter(names.test)
        curve.append((state.step, state.loss, test))
        if state.step in (*SAID_AT, training.n_steps):
            said.append((state.step, say_names(runtime)))
        job.progress(state.step, training.n_steps, f"loss {state.loss:.3f}, held out {test:.3f} nats a letter")
    steps, losses, tests = np.array(curve).T
    return Built(
        state.arrays()
        | {
            "training.steps": steps.astype(np.int32),
            "training.loss": losses.astype(np.float32),
            "training.test": tests.astype(np.float32),
            "said.steps": np.array([step for step, _ in said], dtype=np.int32),
            "said.tokens": np.stack([tokens for _, tokens in said]),
        },
        training.n_steps,
    )


def _evaluate(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    return {"nats_per_letter": runtime_of(arrays, config).nats_per_letter(load_names().test)}


def _recompute(config: dict[str, Any], seed: int, arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """The first of each by the network not yet trained, the last by the weights; the rest from what must hold."""
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    names = load_names()
    untrained = next(iterate_transformer(names.train, TransformerConfig(**config, seed=seed)))
    runtimes = runtime_of(untrained.arrays(), config), runtime_of(arrays, config)
    n = config["n_steps"]
    steps = np.unique([*range(0, n, EVERY), n])
    spoke = [step for step in (*SAID_AT, n) if step in steps]
    most = np.log(config["letters"]) + 2  # an untrained network is surer than a guess, and wrong
    yield Recomputed("training.steps", steps)
    yield Recomputed("said.steps", np.array(spoke))
    tests = np.array([runtime.nats_per_letter(names.test) for runtime in runtimes])
    yield Recomputed("training.test", tests, 1e-3, at=[0, len(steps) - 1], by="both networks")
    yield Recomputed("training.loss", np.array([untrained.loss]), 1e-3, at=[0], by="the untrained network")
    for name in ("training.loss", "training.test"):
        yield within(name, arrays[name], 1, most, by="between a parrot and a fool")
    said = np.stack([say_names(runtime) for runtime in runtimes])
    yield Recomputed("said.tokens", said, at=[0, len(spoke) - 1], by="both networks")
    yield within("said.tokens", arrays["said.tokens"], -1, config["letters"] - 1, by="they are letters")


def _build_windows(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.window_mlp.training import WindowConfig, fit_window_mlp

    given = {name: value for name, value in config.items() if name != "windows"}
    arrays: dict[str, np.ndarray] = {}
    for i, window in enumerate(config["windows"]):
        training = WindowConfig(**given, window=window, seed=seed, every=config["n_steps"] + 1, device=job.device)
        state = fit_window_mlp(load_names().train, training)
        arrays |= {f"{window}.{name}": value for name, value in state.arrays().items()}
        job.progress(i + 1, len(config["windows"]), f"{window} letters: loss {state.loss:.3f}")
    return Built(arrays, len(config["windows"]) * config["n_steps"])


def _evaluate_windows(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    test = load_names().test
    return {
        f"nats_per_letter_{window}": window_runtime_of(arrays, window).nats_per_letter(test)
        for window in config["windows"]
    }


def recipe_of(config: dict[str, Any], seed: int = 0) -> Recipe:
    """The transformer's recipe with another network or another training."""
    return Recipe(
        name="names",
        kind="weights",
        model="transformer",
        config=config,
        data="names",
        seed=seed,
        build=partial(_build, config, seed),
        evaluate=partial(_evaluate, config),
        tolerance={"nats_per_letter": 1e-3},
        recompute=partial(_recompute, config, seed),
        recorded={
            "training.loss": "of minibatches of a run that is not repeated; the first is found again",
            "training.test": "of networks that are not stored; the first and the last are found again",
            "said.tokens": "by networks that are not stored; the first and the last are found again",
        },
    )


def windows_recipe_of(config: dict[str, Any], seed: int = 0) -> Recipe:
    """The perceptrons' recipe with others."""
    return Recipe(
        name="names-windows",
        kind="weights",
        model="window_mlp",
        config=config,
        data="names",
        seed=seed,
        build=partial(_build_windows, config, seed),
        evaluate=partial(_evaluate_windows, config),
        tolerance={f"nats_per_letter_{window}": 1e-3 for window in config["windows"]},
    )


RECIPES = (recipe_of(CONFIG), windows_recipe_of(WINDOWS))
