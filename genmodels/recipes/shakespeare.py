"""A transformer that has read Shakespeare (:mod:`genmodels.transformer`): its weights, and how they came about.

*Weights*, each matrix in int8 with a float32 for each row (:func:`genmodels.transformer.runtime.packed`), under the
names that :class:`genmodels.transformer.runtime.TransformerRuntime` reads. The held-out figure is theirs, as stored:
−log p of a letter of the test text, all 111,540 of them but the first, each given the 128 … 256 letters before it
(:mod:`genmodels.transformer.config`). What is stored was trained on a GPU (bfloat16), and finished on a CPU. Besides:

    training.steps   (K,) int32      every 100th step
    training.loss    (K,) float32    nats a letter, of a minibatch, with dropout
    training.valid   (K,) float32    nats a letter, of the validation text, without
    training.chosen  (1,) int32      the step that is stored, after :func:`finish`: the best on the validation text
    said.steps       (S,) int32      of the networks that spoke, the last the one that is stored
    said.tokens      (S, 240) uint8  how each went on from :data:`PROMPT`, drawn from p itself with the same seed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.data.text import load_shakespeare
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within
from genmodels.transformer.config import shape_of
from genmodels.transformer.runtime import TransformerRuntime, packed, softmax, unpacked

if TYPE_CHECKING:
    from genmodels.transformer.model import Transformer
    from genmodels.transformer.training import TransformerState

CONFIG: dict[str, Any] = {
    "letters": 65, "context": 256, "layers": 6, "heads": 5, "width": 160, "dropout": 0.05, "batch": 64,
    "learning_rate": 1.5e-3, "warm_up": 200, "weight_decay": 0.1, "n_steps": 4500, "soft": 0.9,
    "teacher": {
        "layers": 6, "heads": 6, "width": 384, "dropout": 0.25, "learning_rate": 1e-3, "warm_up": 100,
        "n_steps": 2600,
    },
    "finish": {"n_steps": 150, "batch": 16, "learning_rate": 5e-4, "recent": 200_000, "times": 4},
}  # fmt: skip
EVERY = 100
PROMPT = "ROMEO:\n"
SAID, SAID_AT, SAID_SEED = 240, (0, 100, 300, 1000, 3000), 1597


def say(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any], n: int = SAID) -> np.ndarray:
    """How a network goes on from :data:`PROMPT`, ``(n,)`` uint8."""
    rng = np.random.default_rng(SAID_SEED)
    runtime = TransformerRuntime(arrays, shape_of(dict(config)))

    def draw(logits: np.ndarray) -> int:
        return int(np.searchsorted(softmax(logits.astype(np.float64)).cumsum(), rng.random()))

    prompt = load_shakespeare().alphabet.encode(PROMPT)
    return np.array(list(runtime.say(prompt, draw, n)), dtype=np.uint8)


def nats(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any], tokens: np.ndarray, device: str) -> float:
    """Mean of −log p of a letter of this text but the first, by weights packed or not."""
    from genmodels.nn.arrays import load
    from genmodels.transformer.model import Transformer, log_probs

    model = Transformer(shape_of(dict(config)))
    load(model, unpacked(arrays))
    return float(-log_probs(model.to(device), tokens, config["context"]).mean())


class _Record:
    """What is kept of a training run beside its end: numbers, what was said, the best weights so far."""

    def __init__(self, config: Mapping[str, Any], device: str, saved: Mapping[str, np.ndarray] | None) -> None:
        self.config, self.device = config, device
        self.curve: list[tuple[float, float, float]] = []
        self.said: list[tuple[int, np.ndarray]] = []
        self.best: dict[str, np.ndarray] = {}
        if saved:
            self.curve = [tuple(row) for row in saved["record.curve"].tolist()]
            self.said = list(zip(saved["record.said_at"].tolist(), saved["record.said"], strict=True))
            self.best = {name[5:]: value for name, value in saved.items() if name.startswith("best.")}

    def note(self, state: TransformerState) -> float:
        """Judge a state, which is no longer known already; the validation text's nats."""
        weights = state.arrays()
        valid = nats(weights, self.config, load_shakespeare().valid, self.device)
        if not self.curve or valid < min(row[2] for row in self.curve):
            self.best = {name: value.copy() for name, value in weights.items()}
        self.curve.append((state.step, state.loss, valid))
        if state.step in SAID_AT:
            self.said.append((state.step, say(weights, self.config)))
        return valid

    def arrays(self) -> dict[str, np.ndarray]:
        """To go on from."""
        return {
            "record.curve": np.array(self.curve),
            "record.said_at": np.array([step for step, _ in self.said]),
            "record.said": np.stack([tokens for _, tokens in self.said]),
            **{f"best.{name}": value for name, value in self.best.items()},
        }


def teacher_of(config: Mapping[str, Any], seed: int, job: Job) -> Transformer | None:
    """The large model that the stored one learns from, trained first; it is not stored itself.

    It stops where the validation text's figure, asked every 200 steps, was best.
    """
    from genmodels.nn.arrays import load
    from genmodels.transformer.model import Transformer
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    given = config.get("teacher")
    if not given:
        return None
    own = _own(config) | given | {"soft": 0.0}
    training = TransformerConfig(**own, seed=seed, every=200, device=job.device, bf16=job.device == "cuda")
    best, least = None, np.inf
    for state in iterate_transformer(load_shakespeare().fit, training):
        if state.step == 0:
            continue
        valid = nats(state.arrays(), own, load_shakespeare().valid, job.device)
        job.progress(0, config["n_steps"], f"teacher, step {state.step:,}: valid {valid:.4f} nats a letter")
        if valid < least:
            best, least = state.arrays(), valid
    if best is None:
        return None
    teacher = Transformer(shape_of(own))
    load(teacher, best)
    return teacher


def _own(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the stored model's own training is told."""
    return {name: value for name, value in config.items() if name not in ("teacher", "finish")}


def finish(weights: dict[str, np.ndarray], config: Mapping[str, Any], seed: int, job: Job) -> dict[str, np.ndarray]:
    """The chosen weights, trained on with the text that has judged them until now.

    The validation text is the last 5 % of the training text, the beginning of the play in which the test text begins
    among it: a model that has not read it does not know who is who. For a few steps it is read ``times`` times as
    often as the letters before it, the last ``recent`` of those. How many steps was settled beforehand.
    """
    from genmodels.nn.arrays import pack
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    given = config.get("finish")
    if not given:
        return weights
    text = load_shakespeare()
    tokens = np.concatenate([text.fit[-given["recent"] :], *[text.valid] * given["times"]])
    own = _own(config) | {name: given[name] for name in ("n_steps", "batch", "learning_rate")} | {"soft": 0.0}
    training = TransformerConfig(**own, seed=seed, every=20, device=job.device, bf16=job.device == "cuda")
    fresh = next(iterate_transformer(tokens, training))
    start = pack(weights, np.zeros_like(fresh.moments), 0, fresh.generator, 0)
    for state in iterate_transformer(tokens, training, start):
        job.progress(config["n_steps"], config["n_steps"], f"finish, step {state.step}: loss {state.loss:.3f}")
    return dict(state.arrays())


def _build(config: dict[str, Any], seed: int, job: Job) -> Built:
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    cuda = job.device == "cuda"
    training = TransformerConfig(**_own(config), seed=seed, every=EVERY, device=job.device, bf16=cuda)
    saved = job.resume()
    record = _Record(config, job.device, saved)
    teacher = teacher_of(config, seed, job)
    for state in iterate_transformer(load_shakespeare().fit, training, saved, teacher):
        if record.curve and state.step <= record.curve[-1][0]:
            continue  # the one resumed from
        valid = record.note(state)
        job.keep(lambda state=state: state.snapshot() | record.arrays())  # type: ignore[misc]
        job.progress(state.step, training.n_steps, f"loss {state.loss:.3f}, valid {valid:.4f} nats a letter")
    steps, losses, valids = np.array(record.curve).T
    chosen = int(steps[valids.argmin()])
    weights = packed(finish(record.best, config, seed, job))
    said = [*record.said, (chosen, say(weights, config))]
    return Built(
        weights
        | {
            "training.steps": steps.astype(np.int32),
            "training.loss": losses.astype(np.float32),
            "training.valid": valids.astype(np.float32),
            "training.chosen": np.array([chosen], dtype=np.int32),
            "said.steps": np.array([step for step, _ in said], dtype=np.int32),
            "said.tokens": np.stack([tokens for _, tokens in said]),
        },
        training.n_steps,
    )


def _evaluate(config: dict[str, Any], arrays: dict[str, np.ndarray], device: str) -> dict[str, float]:
    return {"nats_per_letter": nats(arrays, config, load_shakespeare().test, device)}


def _recompute(config: dict[str, Any], seed: int, arrays: dict[str, np.ndarray], device: str) -> Iterator[Recomputed]:
    """What the weights say, and what the network not yet trained does; the rest from what must hold of it."""
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    text = load_shakespeare()
    untrained = next(iterate_transformer(text.fit, TransformerConfig(**_own(config), seed=seed)))
    first = untrained.arrays()
    steps, valid = arrays["training.steps"], arrays["training.valid"]
    most = np.log(config["letters"]) + 2  # an untrained network is surer than a guess, and wrong
    # to it some letters are as good as all; a loss is a minibatch's, with dropout as the device drew it
    found = np.array([nats(first, config, text.valid[:5000], device)])
    yield Recomputed("training.valid", found, 0.2, at=[0], by="the untrained network")
    yield Recomputed("training.loss", np.array([untrained.loss]), 0.2, at=[0], by="the untrained network")
    best = int(valid.argmin())
    if not config.get("finish"):
        found = np.array([nats(arrays, config, text.valid, device)])
        yield Recomputed("training.valid", found, 0.02, at=[best], by="the weights")
    yield within("training.valid", valid, valid[best], most, by="none is below the stored one")
    yield Recomputed("training.steps", np.arange(len(steps)) * EVERY)
    yield Recomputed("training.chosen", steps[[best]])
    yield within("training.loss", arrays["training.loss"], 0.5, most, by="between a parrot and a fool")
    spoke = [*(step for step in SAID_AT if step <= steps[-1]), steps[best]]
    yield Recomputed("said.steps", np.array(spoke))
    said = np.stack([say(first, config), say(arrays, config)])
    yield Recomputed("said.tokens", said, at=[0, len(spoke) - 1], by="both networks")
    yield within("said.tokens", arrays["said.tokens"], 0, config["letters"] - 1, by="they are letters")


def recipe_of(config: dict[str, Any], seed: int = 0) -> Recipe:
    """The recipe with another network or another training."""
    return Recipe(
        name="shakespeare",
        kind="weights",
        model="transformer",
        config=config,
        data="shakespeare",
        seed=seed,
        build=partial(_build, config, seed),
        evaluate=partial(_evaluate, config),
        tolerance={"nats_per_letter": 1e-3},
        recompute=partial(_recompute, config, seed),
        recorded={
            "training.loss": "of minibatches of a run that is not repeated; the first is found again",
            "training.valid": "of networks that are not stored; the first is found again",
            "said.tokens": "by networks that are not stored; the first and the stored one's are found again",
        },
    )


RECIPES = (recipe_of(CONFIG),)
