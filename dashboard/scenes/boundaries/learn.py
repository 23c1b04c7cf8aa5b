"""Both models refitted as points arrive."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dashboard.scene import Curve, Panel, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.snippet import snippet
from dashboard.scenes.boundaries.setup import (
    FEWEST,
    NORM,
    SHORT,
    Config,
    Labelled,
    class_ellipses,
    disagreement,
    error,
    fit_discriminative,
    fit_generative,
    grid,
    panel,
    points_layer,
    posterior_layers,
)

FRAMES, TESTED = 24, 2_000
WRONG_LABELS, GOAL = 20, 10.0
"""Of the challenge: per cent of the training labels at least, and of the test points at most."""


@on_board
def scene(config: Config) -> Scene:
    """n is the time axis: what both know after n points."""
    data = config.data()
    test = config.fresh(TESTED)
    sizes = growing(len(data.x), data.n_classes, 1 if config.brisk else FRAMES)
    prefixes = [Labelled(data.x[:n], data.y[:n], data.names) for n in sizes]
    left = _fits(fit_discriminative, config, prefixes)
    right = _fits(fit_generative, config, prefixes)
    at, extent = grid(data)
    both = [_posteriors(models, at, data.n_classes) for models in (left, right)]
    errors = [np.array([error(m, test) if m else np.nan for m in models]) for models in (left, right)]
    unlike = (both[0].argmax(-1) != both[1].argmax(-1)).mean(axis=1)
    differ = np.where([bool(a and b) for a, b in zip(left, right, strict=True)], 100 * unlike, np.nan)
    points = points_layer(data, sizes)
    norm = np.array([np.linalg.norm(m.weights) if m else np.nan for m in left])
    title = "Error on your points, %" if config.is_own else "Test error in %"
    return Scene(
        panels=(
            panel("p(y | x): logistic regression", (*posterior_layers(both[0], extent), points), data),
            panel(
                f"p(x | y) p(y): {SHORT[config.generative]}",
                (
                    *posterior_layers(both[1], extent),
                    disagreement(both[0], both[1], extent),
                    points,
                    class_ellipses(right, data.n_classes),
                ),
                data,
            ),
            _errors(errors, sizes, title),
        ),
        steps=sizes,
        time="points n",
        readouts=(
            Readout("left: error", errors[0], "%", 1),
            Readout("right: error", errors[1], "%", 1),
            Readout("disagree on", differ, "% of the area", 1),
            Readout(f"left {NORM}", norm, digits=2),
        ),
        alt="Left a discriminative, right a generative model of the same points; both move as points arrive.",
        fps=6,
        start=int(sizes[-1]) if config.is_own else None,
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """Both models of all points, and their errors on others."""
    return snippet(
        config.models_code(),
        config.fresh_code(TESTED),
        "shown = {",
        "    'left: error': 100 * np.mean(left.predict(x_test) != y_test),",
        "    'right: error': 100 * np.mean(right.predict(x_test) != y_test),",
        f"    'left {NORM}': np.linalg.norm(left.weights),",
        "}",
    )


def growing(n: int, n_classes: int, frames: int) -> np.ndarray:
    """Training set sizes, from a few of each class to all of them."""
    first = min(FEWEST * n_classes, n)
    return np.unique(np.geomspace(first, n, frames).round().astype(int)) if frames > 1 else np.array([n])


def _fits(fit: Callable, config: Config, prefixes: list[Labelled]) -> list:
    """A model for each prefix, None where it has none; the reason, where not even all points have one."""
    models = []
    for k, part in enumerate(prefixes):
        try:
            models.append(fit(config, part))
        except ValueError:
            if k == len(prefixes) - 1:
                raise
            models.append(None)
    return models


def _posteriors(models: list, at: np.ndarray, k: int) -> np.ndarray:
    """log p(y | x) on the grid, ``(F, CELLS², K)``; NaN where there is no model."""
    return np.stack([m.log_posterior(at) if m else np.full((len(at), k), np.nan) for m in models])


def _errors(errors: list[np.ndarray], sizes: np.ndarray, title: str) -> Panel:
    top = max(5.0, 1.15 * float(np.nanmax(errors)))
    curves = (
        Curve(name="left: p(y | x)", key="l", x=sizes, y=errors[0], colour="data"),
        Curve(name="right: p(x | y) p(y)", key="r", x=sizes, y=errors[1], colour="model"),
    )
    low = float(sizes[0]) if len(sizes) > 1 else 1.0
    return chart(title, curves, (low, float(sizes[-1]) + 1), (0, top), x_label="points n", x_scale="log", share=0.6)


def larger_error(config: Config) -> float:
    """The larger test error of both models after all points, in per cent; infinite where the challenge's conditions
    are not met: circles, and so many wrong labels."""
    if config.source != "circles" or config.mislabelled < WRONG_LABELS:
        return np.inf
    data, test = config.data(), config.fresh(TESTED)
    return max(error(fit(config, data), test) for fit in (fit_discriminative, fit_generative))
