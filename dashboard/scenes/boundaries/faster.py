"""Who learns faster? Test error against the number of training points, for a pair of models that belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Polylines, Readout, Scene, chart
from dashboard.scene.snippet import snippet
from genmodels.classifiers.learning_curves import (
    DIMENSION,
    MODELS,
    NAME,
    LearningCurveState,
    crossing,
    limits,
    spells,
    states_of,
)
from genmodels.store import cache

TITLES = {
    "independent": "Independent features",
    "correlated": "Correlated features",
    "digits": "Digits, 8 × 8",
}
COLOURS = ("model", "data")


@dataclass(frozen=True)
class Config:
    """Learning curves, one for each of ``TITLES``: those computed just now, or none for the stored ones."""

    curves: tuple[tuple[str, LearningCurveState], ...] = ()

    def states(self) -> list[LearningCurveState]:
        """In the order of the titles."""
        known = dict(self.curves) or states_of(cache.arrays(NAME))
        return [known[task] for task in TITLES]


def needs(config: Config) -> tuple[str, ...]:
    """The checkpoint that it takes."""
    return () if config.curves else (NAME,)


def scene(config: Config) -> Scene:
    """The size of the training set is the time axis, one place on it for each size that was tried."""
    curves = config.states()
    frames = max(len(c.sizes) for c in curves)
    readouts = []
    for task, state in zip(TITLES, curves, strict=True):
        at = np.minimum(np.arange(frames), len(state.sizes) - 1)
        readouts.append(Readout(f"{task}: n", state.sizes[at].astype(float), digits=0))
        for side in range(2):
            name = f"{MODELS[side]} ({task})"
            readouts.append(Readout(name, 100 * state.mean[side][at], "%", 1, hidden=True))  # the curve says it
    return Scene(
        panels=tuple(_panel(task, state, frames) for task, state in zip(TITLES, curves, strict=True)),
        steps=np.arange(frames),
        time="size",
        readouts=tuple(readouts),
        captions=(" · ".join(verdict(t, s) for t, s in zip(TITLES, curves, strict=True)),),
        caption=0,
        alt="Test error of naive Bayes with shared variances and of logistic regression against the number of "
        "training points, mean and 5–95 % band, on two synthetic tasks and on digits.",
        fps=3,
    )


def code(config: Config) -> str:
    """The stored curves, or all computed again; their last sizes."""
    stored = "states_of(cache.arrays(NAME))  # compute() measures them anew, in minutes"
    return snippet(
        "from genmodels.classifiers.learning_curves import MODELS",
        f"from genmodels.classifiers.learning_curves import {'compute' if config.curves else 'NAME, states_of'}",
        "" if config.curves else "from genmodels.store import cache",
        f"curves = {'compute()  # takes minutes' if config.curves else stored}",
        "shown = {}",
        "for task, state in curves.items():",
        "    shown[f'{task}: n'] = state.sizes[-1]",
        "    for model, error in zip(MODELS, state.mean):  # over the repetitions",
        "        shown[f'{model} ({task})'] = 100 * error[-1]",
    )


def verdict(task: str, state: LearningCurveState) -> str:
    """Who leads first, who last, and where they cross: by the paired difference, beyond two standard errors."""
    leaders = ", then ".join(f"{who} from n = {n:,}" for n, who in spells(state)) or "nobody leads for certain"
    where = crossing(state.sizes, state.mean[0], state.mean[1], state.difference_error)
    crossed = f"last crossing near {where:.0f}" if where is not None else "no certain crossing"
    return f"{task}: {leaders} ({crossed})"


def settled(task: str, state: LearningCurveState, side: int, near: float = 1.0) -> int | None:
    """From which n on a model's mean error stays within so many percentage points of its limit; None if from none."""
    far = np.flatnonzero(100 * (state.mean[side] - limits(task)[side]) > near)
    first = far[-1] + 1 if len(far) else 0
    return int(state.sizes[first]) if first < len(state.sizes) else None


def arrivals(config: Config) -> str:
    """When both models come within one percentage point of their own limits, on the tasks whose limits are known."""
    told = []
    for task, state in zip(TITLES, config.states(), strict=True):
        if task != "digits":
            n = [f"{k:,}" if (k := settled(task, state, side)) else "none that was tried" for side in range(2)]
            told.append(f"*{task}*: {MODELS[0]} from n = {n[0]} on, {MODELS[1]} from n = {n[1]}")
    return f"Within one percentage point of their own limits (D = {DIMENSION}): " + "; ".join(told) + "."


def _panel(task: str, state: LearningCurveState, frames: int) -> Panel:
    at = np.minimum(np.arange(frames), len(state.sizes) - 1)
    n = np.array(state.sizes, dtype=float)
    layers: list = []
    for side in range(2):
        low, high = 100 * state.band[:, side]
        ring = np.concatenate([np.stack([n, high], -1), np.stack([n, low], -1)[::-1]])[None]
        layers.append(
            Polylines(
                name=f"5–95 %, {MODELS[side]}",
                key="ab"[side],
                xy=ring,
                colour=COLOURS[side],
                filled=True,
                closed=True,
                width=0,
                alpha=0.35,
            )
        )
    for side in range(2):
        layers.append(
            Curve(name=MODELS[side], key="nl"[side], x=n[at], y=100 * state.mean[side][at], colour=COLOURS[side])
        )
    if task != "digits":
        lowest = 100 * limits(task)[1]
        line = np.array([[[n[0], lowest], [n[-1], lowest]]])
        layers.append(Polylines(name="lowest possible", key="o", xy=line, colour="truth", dashed=True))
    top = 108 * float(state.band[1].max())
    return chart(
        TITLES[task],
        tuple(layers),
        (float(n[0]) * 0.95, float(n[-1]) * 1.05),
        (0, top),
        x_label="training points n",
        y_label="test error, %",
        x_scale="log",
    )
