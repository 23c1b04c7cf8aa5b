"""Another p(y) at deployment than in training."""

from __future__ import annotations

import functools

import numpy as np

from dashboard.scene import Curve, Panel, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.snippet import snippet
from dashboard.scenes.boundaries.setup import (
    SHORT,
    Classifier,
    Config,
    Labelled,
    class_ellipses,
    fit_discriminative,
    fit_generative,
    grid,
    panel,
    points_layer,
    posterior_layers,
)

SHARES = np.linspace(0.02, 0.98, 49)
TESTED = 4_000


@on_board
def scene(config: Config) -> Scene:
    """The deployed p(class 2) is the time axis; both boundaries move with it."""
    data = config.data(two=True)
    trained = np.bincount(data.y, minlength=2) / len(data.y)
    left, right = fit_discriminative(config, data), fit_generative(config, data)
    test = config.fresh(TESTED)
    at, extent = grid(data)
    worlds = np.stack([1 - SHARES, SHARES], axis=1)
    lefts = [left.with_prior(w, trained) for w in worlds]
    rights = [right.with_prior(w) for w in worlds]
    fields = [np.stack([m.log_posterior(at) for m in models]) for models in (lefts, rights)]
    moved = [100 * (worlds * [recall(m, test) for m in models]).sum(axis=1) for models in (lefts, rights)]
    stayed = [100 * worlds @ recall(m, test) for m in (left, right)]
    return Scene(
        panels=(
            panel("p(y | x), log-odds added", (*posterior_layers(fields[0], extent), points_layer(data)), data),
            panel(
                f"{SHORT[config.generative]}, its p(y) replaced",
                (*posterior_layers(fields[1], extent), points_layer(data), class_ellipses([right], 2)),
                data,
            ),
            _panel(moved, stayed),
        ),
        steps=np.arange(len(SHARES)),
        time="world",
        readouts=(
            Readout("deployed p(class 2)", SHARES, digits=2),
            Readout("in training", np.full(len(SHARES), trained[1]), digits=2),
            Readout("left: corrected", moved[0], "%", 1),
            Readout("left: as trained", stayed[0], "%", 1),
            Readout("right: corrected", moved[1], "%", 1),
            Readout("right: as trained", stayed[1], "%", 1),
        ),
        equation="log p(2|x)/p(1|x)  gains  log [{deployed p(class 2)} / (1 − {deployed p(class 2)})]  −  "
        "log [{in training} / (1 − {in training})]",
        alt="As one class becomes rare, both boundaries move towards it; accuracy with and without the correction.",
        fps=8,
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """Both models with another p(y), and their accuracy where that is the true one."""
    return snippet(
        config.models_code(),
        config.fresh_code(TESTED),
        f"worlds = np.array([[1 - p, p] for p in np.linspace(0.02, 0.98, {len(SHARES)})])",
        "\ndef accuracy(model, world):",
        "    hit = model.predict(x_test) == y_test",
        "    return 100 * world @ [hit[y_test == 0].mean(), hit[y_test == 1].mean()]\n",
        "shown = {",
        "    'left: corrected': [accuracy(left.with_prior(w, np.bincount(y) / len(y)), w) for w in worlds],",
        "    'left: as trained': [accuracy(left, w) for w in worlds],",
        "    'right: corrected': [accuracy(right.with_prior(w), w) for w in worlds],",
        "    'right: as trained': [accuracy(right, w) for w in worlds],",
        "}",
    )


def recall(model: Classifier, test: Labelled) -> np.ndarray:
    """Share of each class that is recognised, ``(2,)``; weighted by p(y) it is the accuracy in that world."""
    hit = model.predict(test.x) == test.y
    return np.array([hit[test.y == c].mean() for c in range(2)])


@functools.lru_cache(maxsize=16)
def cost(config: Config) -> str:
    """Where not correcting costs most in these data; empty where there is no picture."""
    try:
        got = {r.name: np.asarray(r.values) for r in scene(config).readouts}
        lost = np.stack([got[f"{side}: corrected"] - got[f"{side}: as trained"] for side in ("left", "right")])
    except (ValueError, KeyError):
        return ""
    if lost.max() < 0.05:
        return "Here not correcting costs nothing."
    side, at = np.unravel_index(lost.argmax(), lost.shape)
    return (
        f"Here not correcting costs most at p(class 2) = {SHARES[at]:.2f}: {lost[side, at]:.1f} percentage points, "
        f"{('left', 'right')[side]}."
    )


def _panel(moved: list[np.ndarray], stayed: list[np.ndarray]) -> Panel:
    low = float(min(np.min(stayed), np.min(moved)))
    curves = (
        Curve(name="left, corrected", key="l", x=SHARES, y=moved[0], colour="data"),
        Curve(name="left, as trained", key="m", x=SHARES, y=stayed[0], colour="data", dashed=True),
        Curve(name="right, corrected", key="r", x=SHARES, y=moved[1], colour="model"),
        Curve(name="right, as trained", key="s", x=SHARES, y=stayed[1], colour="model", dashed=True),
    )
    return chart("Accuracy in %", curves, (0, 1), (low - 2, 100.5), x_label="deployed p(class 2)", share=0.6)
