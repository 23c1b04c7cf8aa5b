"""Draw me one: x | y, and x alone, from the generative model; the other one is no distribution of x."""

from __future__ import annotations

import numpy as np

from dashboard.scene import Points, Readout, Scene
from dashboard.scene.board import on_board
from dashboard.scene.snippet import snippet
from dashboard.scenes.boundaries.setup import (
    SHORT,
    Config,
    class_ellipses,
    fit_discriminative,
    fit_generative,
    grid,
    panel,
    points_layer,
    posterior_layers,
)

DRAWN = 150


@on_board
def scene(config: Config) -> Scene:
    """Samples fall one after another; three panels for three different questions."""
    data = config.data()
    if config.chosen >= data.n_classes:
        raise ValueError(f"There is no class {config.chosen + 1} in these data; choose one of {data.n_classes}.")
    left, right = fit_discriminative(config, data), fit_generative(config, data)
    at, extent = grid(data)
    rng = np.random.default_rng([config.seed, 3])
    of_class = right.sample(config.chosen, DRAWN, rng)
    of_any = right.sample(None, DRAWN, rng)
    count = np.arange(DRAWN + 1)
    chosen = np.full(DRAWN, config.chosen)
    y = config.chosen
    of_y = _running(right.conditionals[y].log_prob(of_class) - config.units.log_scale)
    of_all = _running(right.log_marginal(of_any) - config.units.log_scale)
    return Scene(
        panels=(
            panel(
                "p(y | x): draws no x",
                (*posterior_layers(left.log_posterior(at)[None], extent), points_layer(data)),
                data,
            ),
            panel(
                f"p(x | {data.names[y]})",
                (
                    class_ellipses([right], data.n_classes),
                    Points(name="drawn x | y", key="x", xy=of_class, count=count, labels=chosen, radius=4.5),
                ),
                data,
            ),
            panel(
                "p(x): anything",
                (
                    class_ellipses([right], data.n_classes),
                    Points(name="drawn x", key="d", xy=of_any, count=count, colour="model", radius=4.5),
                ),
                data,
            ),
        ),
        steps=count,
        time="drawn",
        readouts=(
            Readout("mean log p(x | y) of those drawn", of_y, "nats", 2),
            Readout("mean log p(x) of those drawn", of_all, "nats", 2),
            Readout("left model judges them of that class", _running(100.0 * (left.predict(of_class) == y)), "%", 1),
        ),
        alt=f"Points drawn from {SHORT[config.generative]}: of one class, and without a class; the discriminative "
        "model has no distribution of x.",
        fps=12,
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """Points drawn of the class, and of any class; what the models say of them."""
    y = config.chosen
    return snippet(
        config.models_code(),
        f"rng = np.random.default_rng([{config.seed}, 3])",
        f"of_class = right.sample({y}, {DRAWN}, rng)",
        f"of_any = right.sample(None, {DRAWN}, rng)  # y first, then x given y",
        config.scale_code,
        "shown = {",
        f"    'mean log p(x | y) of those drawn': right.conditionals[{y}].log_prob(of_class).mean(){config.less},",
        f"    'mean log p(x) of those drawn': right.log_marginal(of_any).mean(){config.less},",
        f"    'left model judges them of that class': 100 * np.mean(left.predict(of_class) == {y}),",
        "}",
    )


def _running(values: np.ndarray) -> np.ndarray:
    """The mean of the first n values, for n = 0 … N; NaN for none."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.where(np.arange(len(total)) > 0, total / np.maximum(np.arange(len(total)), 1), np.nan)
