r"""Recipe of :mod:`genmodels.wavenet`: sounds made by code (:mod:`genmodels.data.sounds`), a sample at a time.

``wavenet`` holds the weights at three moments, float16, of the running mean, under torch's names:
``start.level.weight``, …, before training; ``early.…``, after :data:`CONFIG` ``["early"]`` steps; ``end.…``, where
validation is best. And

    steps       (F,) int32          at which validation was judged
    curve       (F,) float32        nats per sample of the validation sounds
    chosen      (1,) int32          the step of ``end``
    histogram   (256,) float32      shares of the levels in the training sounds, smoothed: the model without a past

Training, validation and test sounds are drawn with three seeds. ``start_nats`` and ``early_nats`` are of the first 12
test sounds; ``test_nats``, and those of each kind, of all 60, by ``end``. Beside them stands ``histogram_nats``; a
uniform distribution has ln 256 = 5.545.

``wavenet-sounds`` is what these three draw: two seconds of each kind, three times, with one seed. ``start``,
``early`` and ``end`` are the levels, (16000, 9) uint8: column k is of the kind k // 3. A sound depends on its every
rounding, so that another machine may draw others; what is found again is each level given those before it, of the
first :data:`FOUND_AGAIN` samples. Its figures are −log p of these samples by the network that drew them, nats per
sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax

from genmodels.data.sounds import LEVELS, SOUNDS, encode_mu_law, get_sounds
from genmodels.store import checkpoint
from genmodels.store.packing import as_float16
from genmodels.store.recipe import Built, Job, Recipe, Recomputed
from genmodels.wavenet.runtime import ForwardWaveNet, SoundConfig, iterate_sound

if TYPE_CHECKING:
    from genmodels.wavenet.model import WaveNet, WaveNetConfig, WaveNetState

CONFIG: dict[str, Any] = {
    "network": {
        "n_layers": 10, "channels": 48, "skip": 64, "n_steps": 6000, "batch": 8, "learning_rate": 3e-3, "decay": True,
        "average": 0.99,
    },
    "every": 100,
    "early": 300,
    "length": 8000,
    "sounds": {"train": 600, "valid": 60, "test": 60},
    "sound_seeds": {"train": 1, "valid": 2, "test": 3},
}  # fmt: skip
STAGES = ("start", "early", "end")
FEW = 12  # sounds, a few of each kind
DRAWN: dict[str, Any] = {"kinds": (0, 0, 0, 1, 1, 1, 2, 2, 2), "length": 16000, "seed": 0}
"""Of :class:`genmodels.wavenet.runtime.SoundConfig`."""
FOUND_AGAIN = 1500

Arrays = dict[str, np.ndarray]


@lru_cache(maxsize=3)
def sounds(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Levels ``(N, T)`` uint8 and kinds ``(N,)`` of a split, ``"train"``, ``"valid"`` or ``"test"``."""
    drawn, kinds = get_sounds(CONFIG["sounds"][split], CONFIG["length"], CONFIG["sound_seeds"][split])
    return encode_mu_law(drawn), kinds


def config_of(seed: int = 0, device: str = "cpu") -> WaveNetConfig:
    """The network and its training."""
    from genmodels.wavenet.model import WaveNetConfig

    return WaveNetConfig(**CONFIG["network"], n_kinds=len(SOUNDS), every=CONFIG["every"], seed=seed, device=device)


def stage(arrays: Arrays, name: str) -> Arrays:
    """The weights at one of :data:`STAGES`."""
    return {key.removeprefix(f"{name}."): value for key, value in arrays.items() if key.startswith(f"{name}.")}


def model_of(arrays: Arrays, name: str = "end") -> WaveNet:
    """The network at one of :data:`STAGES`, on the CPU."""
    from genmodels.nn.arrays import load

    model: WaveNet = load(config_of().network(), stage(arrays, name))  # type: ignore[assignment]
    return model


def _build(job: Job) -> Built:
    from genmodels.wavenet.model import iterate_wavenet

    config, saved = config_of(device=job.device), job.resume()
    curve: list[tuple[int, float]] = [] if saved is None else [(int(s), float(v)) for s, v in saved["curve"]]
    kept = {} if saved is None else {name: stage(saved, name) for name in STAGES if stage(saved, name)}
    for state in iterate_wavenet(*sounds("train"), config, saved):
        if not curve or state.step > curve[-1][0]:
            curve.append((state.step, _nats(state.model().to(job.device), "valid").mean()))
            moments = {"start": 0, "early": CONFIG["early"], "end": min(curve, key=lambda point: point[1])[0]}
            kept |= {name: state.averaged() for name, step in moments.items() if step == state.step}
        job.keep(partial(_snapshot, state, curve, kept))
        job.progress(state.step, config.n_steps, f"{curve[-1][1]:.3f} nats per sample")
    chosen = min(curve, key=lambda point: point[1])[0]
    return Built(
        {name: as_float16(value) for name, value in _prefixed(kept).items()}
        | {
            "steps": np.array([step for step, _ in curve], dtype=np.int32),
            "curve": np.array([nats for _, nats in curve], dtype=np.float32),
            "chosen": np.array([chosen], dtype=np.int32),
            "histogram": _histogram(),
        },
        steps=config.n_steps,
    )


def _snapshot(state: WaveNetState, curve: list[tuple[int, float]], kept: dict[str, Arrays]) -> Arrays:
    return {**state.snapshot(), "curve": np.array(curve), **_prefixed(kept)}


def _prefixed(kept: dict[str, Arrays]) -> Arrays:
    return {f"{moment}.{name}": value for moment, arrays in kept.items() for name, value in arrays.items()}


def _histogram() -> np.ndarray:
    counts = np.bincount(sounds("train")[0].ravel(), minlength=LEVELS) + 1.0
    return (counts / counts.sum()).astype(np.float32)


def _nats(model: WaveNet, split: str, n: int | None = None) -> np.ndarray:
    """Nats per sample of each of the first n sounds, ``(n,)``."""
    from genmodels.wavenet.model import log_prob

    levels, kinds = sounds(split)
    return -log_prob(model, levels[:n], kinds[:n]).mean(axis=1)


def _evaluate(arrays: Arrays, device: str) -> dict[str, float]:
    (levels, kinds), of_level = sounds("test"), -np.log(arrays["histogram"].astype(np.float64))
    of_stage = {name: _nats(model_of(arrays, name).to(device), "test", FEW) for name in ("start", "early")}
    of_stage["end"] = _nats(model_of(arrays).to(device), "test")
    return {
        "test_nats": float(of_stage["end"].mean()),
        **{f"{kind}_nats": float(of_stage["end"][kinds == i].mean()) for i, kind in enumerate(SOUNDS)},
        **{f"{name}_nats": float(of_stage[name].mean()) for name in ("start", "early")},
        "histogram_nats": float(of_level[levels].mean()),
    }


def _recompute(arrays: Arrays, device: str) -> Iterator[Recomputed]:
    """By the weights, by the seed before training, and by the sounds."""
    from genmodels.nn.arrays import arrays as parameters
    from genmodels.nn.layers import initialise, seeded

    untrained = parameters(initialise(config_of().network(), seeded(config_of().seed)))
    for name, value in untrained.items():
        yield Recomputed(f"start.{name}", value, 1e-3, by="by the seed")
    yield Recomputed("histogram", _histogram(), 1e-6)
    yield Recomputed("steps", np.arange(len(arrays["curve"])) * CONFIG["every"])
    yield Recomputed("chosen", arrays["steps"][[arrays["curve"].argmin()]])
    for name, step, n in (("start", 0, FEW), ("end", int(arrays["chosen"][0]), None)):
        found = _nats(model_of(arrays, name).to(device), "valid", n).mean()
        yield Recomputed("curve", np.array([found]), 0.02, [step // CONFIG["every"]], f"the weights of {name}")


# What it draws


def _build_sounds(job: Job) -> Built:
    weights, arrays = checkpoint.load("wavenet", folder=checkpoint.FOLDER).arrays, {}
    for name in STAGES:
        for state in iterate_sound(ForwardWaveNet(stage(weights, name)), SoundConfig(**DRAWN, every=100)):
            job.progress(state.step, DRAWN["length"], name)
        arrays[name] = np.ascontiguousarray(state.levels.T)
    return Built(arrays, steps=DRAWN["length"])


def _given_before(arrays: Arrays, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Of the first samples as stored: log p of every level given those before, ``(9, T, 256)``, and the levels."""
    weights = checkpoint.load("wavenet", folder=checkpoint.FOLDER).arrays
    levels = arrays[name][:FOUND_AGAIN].T
    logits = ForwardWaveNet(stage(weights, name)).logits(levels, np.array(DRAWN["kinds"]))
    return log_softmax(logits.astype(np.float64), axis=2), levels


def _evaluate_sounds(arrays: Arrays, device: str) -> dict[str, float]:
    found = {}
    for name in STAGES:
        log_p, levels = _given_before(arrays, name)
        found[f"{name}_nats"] = -float(np.take_along_axis(log_p, levels[..., None].astype(int), axis=2).mean())
    return found


def _recompute_sounds(arrays: Arrays, device: str) -> Iterator[Recomputed]:
    """Each level by its uniform number, given those before it."""
    shape = len(DRAWN["kinds"]), DRAWN["length"]
    uniform = np.random.default_rng(DRAWN["seed"]).random(shape)[:, :FOUND_AGAIN]
    for name in STAGES:
        cumulated = np.exp(_given_before(arrays, name)[0]).cumsum(axis=2)
        drawn = (cumulated <= uniform[..., None] * cumulated[..., -1:]).sum(axis=2)
        yield Recomputed(name, drawn.T, 1, range(FOUND_AGAIN), "each sample given those before it")


RECIPES = (
    Recipe(
        name="wavenet-sounds",
        kind="recording",
        model="wavenet",
        config=DRAWN,
        data="",
        seed=DRAWN["seed"],
        build=_build_sounds,
        evaluate=_evaluate_sounds,
        tolerance={f"{name}_nats": 0.01 for name in STAGES},
        recompute=_recompute_sounds,
        recorded=dict.fromkeys(STAGES, f"of the samples after the first {FOUND_AGAIN:,}, the draws themselves"),
    ),
    Recipe(
        name="wavenet",
        kind="weights",
        model="wavenet",
        config=CONFIG,
        data="",
        seed=0,
        build=_build,
        evaluate=_evaluate,
        tolerance={
            **dict.fromkeys(("test_nats", *(f"{kind}_nats" for kind in SOUNDS)), 0.02),
            **dict.fromkeys(("start_nats", "early_nats"), 0.02),
            "histogram_nats": 1e-4,
        },
        recompute=_recompute,
        recorded={
            "curve": "recorded, but before training and where validation is best",
        },
    ),
)
