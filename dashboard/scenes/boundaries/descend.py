"""Gradient descent on −log p(y | x): one model, all points, many steps; and a network that is trained live."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from dashboard.scene import Curve, Panel, Polylines, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet, written
from dashboard.scene.units import in_units
from dashboard.scenes.boundaries.setup import (
    DISCRIMINATIVE,
    NORM,
    Config,
    Labelled,
    error,
    grid,
    panel,
    points_layer,
    posterior_layers,
)
from genmodels.classifiers.descent import LogisticConfig, LogisticState, iterate_logistic
from genmodels.classifiers.discriminative import escapes, lowest_loss

STEPS, FRAMES = 2_000, 60
AT_REST = 1e-3
"""Nats above the lowest loss, and length of the gradient, below which descent is called at rest."""
NETWORK_STEPS, NETWORK_EVERY = 1_500, 5


@on_board
def scene(config: Config) -> Scene:
    """Steps on a logarithmic time axis: the first ones matter most."""
    config = replace(config, degree=int(config.descend))
    data = config.data(at_least=1)
    wanted = np.unique(np.concatenate([[0], np.geomspace(1, STEPS, FRAMES).round()])).astype(int)
    states = _states(config, data, set(wanted.tolist()))
    steps = np.array([s.step for s in states])
    at, extent = grid(data)
    posterior = np.stack([s.classifier.log_posterior(at) for s in states])
    free = escapes(data.x, data.y, data.n_classes, config.degree)
    best = lowest_loss(data.x, data.y, data.n_classes, config.degree, free)
    return Scene(
        panels=(
            panel(
                DISCRIMINATIVE[config.degree],
                (*posterior_layers(posterior, extent), points_layer(data)),
                data,
                share=1.3,
            ),
            _loss(states, best),
            _weights(states),
        ),
        steps=steps,
        time="step",
        readouts=(
            Readout("loss −log p(y | x)", np.array([s.loss for s in states]), "nats per point", 4),
            Readout("lowest possible", np.full(len(states), best), "nats per point", 4),
            Readout(NORM, np.array([s.weight_norm for s in states]), digits=2),
            Readout("‖gradient‖", np.array([s.gradient_norm for s in states]), digits=5),
            Readout("error on these points", np.array([100 * (1 - s.accuracy) for s in states]), "%", 1),
        ),
        **said(len(states), *_verdicts(data, states, free, best)),
        alt="A logistic regression's boundary turns step by step; beside it the loss and the length of the weights.",
        fps=12,
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """Gradient descent to its last step."""
    k = config.data(at_least=1).n_classes
    descent = LogisticConfig(STEPS, config.learning_rate, int(config.descend))
    return snippet(
        config.data_code(),
        "from genmodels.classifiers.descent import LogisticConfig, iterate_logistic",
        "from genmodels.classifiers.discriminative import lowest_loss",
        f"config = {written(descent)}",
        f"states = list(iterate_logistic(x, y, {k}, config))",
        "end = states[-1]",
        "shown = {",
        "    'loss −log p(y | x)': end.loss,",
        f"    'lowest possible': lowest_loss(x, y, {k}, degree={descent.degree}),",
        f"    '{NORM}': end.weight_norm,",
        "    '‖gradient‖': end.gradient_norm,",
        "    'error on these points': 100 * (1 - end.accuracy),",
        "}",
    )


def _states(config: Config, data: Labelled, wanted: set[int]) -> list[LogisticState]:
    """Those steps that are drawn."""
    descent = LogisticConfig(n_steps=STEPS, learning_rate=config.learning_rate, degree=config.degree)
    return [s for s in iterate_logistic(data.x, data.y, data.n_classes, descent) if s.step in wanted]


def _verdicts(data: Labelled, states: list[LogisticState], free: np.ndarray, best: float) -> Iterator[Claim | str]:
    """How the run went; whether the loss has a minimum, and if so, whether descent has come to rest there."""
    loss = np.array([s.loss for s in states])
    yield Claim(
        "These points can be separated without an error: the loss has no minimum, the weights grow for ever, and "
        "p(y | x) hardens into a step. A penalty on ‖w‖ would end it.",
        free.sum() == len(data.y) * (data.n_classes - 1),
    )
    yield Claim(
        "The loss rises now and then: the learning rate is too large for it.", bool((np.diff(loss) > 1e-9).any())
    )
    alone = [data.names[c] for c in range(data.n_classes) if _is_cut_off(free, data.y, c)]
    if alone:
        yield Claim(
            f"The points overlap, but {' and '.join(alone)} can be told from the rest without an error: the loss has "
            "no minimum, and the weights grow for ever.",
            True,
        )
    yield Claim("The points overlap, but not all of them: the loss has no minimum, and the weights grow for ever.",
                bool(free.any()))  # fmt: skip
    gap = f"after these {STEPS:,} steps the loss is still {loss[-1] - best:.3f} nats above it"
    yield Claim(
        "The points overlap, so that the loss has a minimum, and descent has come to rest there.",
        (loss - best < AT_REST) & (np.array([s.gradient_norm for s in states]) < AT_REST),
    )
    yield Claim(f"The points overlap, so that the loss has a minimum; {gap}.", loss[-1] - best >= AT_REST)
    yield "The points overlap, so that the loss has a minimum (dashed); descent is on its way."


def _is_cut_off(free: np.ndarray, y: np.ndarray, c: int) -> bool:
    """Whether all points of class c may be moved away from all others, from what :func:`escapes` says."""
    others = np.arange(free.shape[1]) != c
    return bool((y == c).any() and free[y == c][:, others].all() and free[y != c, c].all())


def _loss(states: list[LogisticState], best: float) -> Panel:
    steps, loss = np.array([s.step for s in states]), np.array([s.loss for s in states])
    top = 1.1 * float(min(loss.max(), 3 * loss[0]))
    line = np.array([[[0.7, best], [STEPS, best]]])
    layers = (
        Curve(name="loss", key="l", x=np.maximum(steps, 0.7), y=loss, colour="model"),
        Polylines(name="lowest possible", key="o", xy=line, colour="truth", dashed=True),
    )
    return chart("Loss in nats", layers, (0.7, STEPS), (0, top), x_label="step", x_scale="log", share=0.8)


def _weights(states: list[LogisticState]) -> Panel:
    steps, norm = np.array([s.step for s in states]), np.array([s.weight_norm for s in states])
    curve = Curve(name="‖w‖", key="w", x=np.maximum(steps, 0.7), y=norm, colour="data")
    top = 1.1 * max(float(norm.max()), 1.0)
    return chart("‖w‖, x standardised", (curve,), (0.7, STEPS), (0, top), x_label="step", x_scale="log", share=0.7)


@in_units
def scenes(config: Config) -> Iterator[Scene | None]:
    """A multi-layer perceptron in front of the class: one frame every few steps, None between."""
    from genmodels.classifiers.mlp import MLPConfig, iterate_mlp

    data = config.data(at_least=1)
    test = config.fresh(1_000)
    at, extent = grid(data)
    tested = "error on your points" if config.is_own else "test error"
    training = MLPConfig(n_steps=NETWORK_STEPS, learning_rate=10.0**config.adam, seed=config.seed)
    for state in iterate_mlp(data.x, data.y, data.n_classes, training):
        if state.step % NETWORK_EVERY:
            yield None
            continue
        posterior = state.log_posterior(at)[None]
        loss = np.array([state.loss])
        yield Scene(
            panels=(
                panel(
                    "A network, 2 × 32 tanh",
                    (*posterior_layers(posterior, extent, live=True), points_layer(data)),
                    data,
                    share=1.3,
                ),
                chart(
                    "Loss in nats",
                    (Curve(name="loss", key="l", y=loss, colour="model"),),
                    (0, NETWORK_STEPS),
                    (0, 1.2 * math.log(data.n_classes)),
                    x_label="step",
                    share=0.8,
                ),
            ),
            steps=np.array([state.step]),
            time="step",
            readouts=(
                Readout("loss −log p(y | x)", loss, "nats per point", 4),
                Readout("error on these points", 100 * (1 - state.accuracy), "%", 1),
                Readout(tested, error(state, test), "%", 1),
            ),
            alt="A network's boundary bends around the points while it is trained.",
            fps=30,
        )


def network_code(config: Config) -> str:
    """The first steps of the network's training."""
    k = config.data(at_least=1).n_classes
    rate = f"learning_rate=10**{config.adam}, seed={config.seed}"
    return snippet(
        config.data_code(at_least=1, ordered=True),
        config.fresh_code(1_000),
        "from genmodels.classifiers.mlp import MLPConfig, iterate_mlp",
        f"config = MLPConfig(n_steps={NETWORK_STEPS}, {rate})",
        f"step = {20 * NETWORK_EVERY}  # the frame that is shown here; the last is {NETWORK_STEPS}",
        f"for state in iterate_mlp(x, y, {k}, config):",
        "    if state.step == step:",
        "        break",
        "shown = {",
        "    'loss −log p(y | x)': state.loss,",
        "    'error on these points': 100 * (1 - state.accuracy),",
        f"    '{'error on your points' if config.is_own else 'test error'}': "
        "100 * np.mean(state.predict(x_test) != y_test),",
        "}",
    )


def steps_of(model: int | str) -> Callable:
    """The function whose steps are watched."""
    if model != "network":
        return iterate_logistic
    from genmodels.classifiers.mlp import iterate_mlp

    return iterate_mlp
