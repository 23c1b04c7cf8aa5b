"""One of two features is missing at test time."""

from __future__ import annotations

import numpy as np

from dashboard.scene import Curve, Panel, Points, Polylines, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.boundaries.setup import (
    SHORT,
    Config,
    Labelled,
    class_ellipses,
    fit_discriminative,
    fit_generative,
    grid,
    panel,
    points_layer,
    posterior_layers,
    ranges,
)
from genmodels.classifiers.discriminative import DiscriminativeClassifier
from genmodels.classifiers.generative import GenerativeClassifier

SWEEP, TESTED = 61, 4_000
SUB = "₁₂"


@on_board
def scene(config: Config) -> Scene:
    """The value of the feature that is left sweeps across; what can each model say?"""
    data = config.data()
    left, right = fit_discriminative(config, data), fit_generative(config, data)
    gone, kept = config.missing - 1, 2 - config.missing
    fill = float(data.x[:, gone].mean())
    integrated = right.marginalise([kept])
    span = ranges(data)[kept]
    seen = np.linspace(*span, SWEEP + 2)[1:-1]
    guess = left.log_posterior(filled(seen, kept, fill))
    known = integrated.log_posterior(seen[:, None])
    at, extent = grid(data)
    line, dot = _line(seen, kept, ranges(data)[gone]), filled(seen, kept, fill)[:, None, :]
    test = config.fresh(TESTED)
    scores = judged(left, right, integrated, test, kept, fill)
    c = min(1, data.n_classes - 1)
    where = "on your points" if config.is_own else "on fresh points"
    return Scene(
        panels=(
            panel(
                f"p(y | x), x{SUB[gone]} guessed",
                (
                    *posterior_layers(left.log_posterior(at)[None], extent),
                    points_layer(data),
                    line,
                    Points(name="the guess", xy=dot, radius=8, colour="ink"),
                ),
                data,
            ),
            panel(
                f"{SHORT[config.generative]}, x{SUB[gone]} integrated out",
                (
                    *posterior_layers(right.log_posterior(at)[None], extent),
                    points_layer(data),
                    class_ellipses([right], data.n_classes),
                    line,
                ),
                data,
            ),
            _posterior_panel(seen, guess, known, kept, c),
        ),
        steps=np.arange(SWEEP),
        time="position",
        readouts=(
            Readout(f"x{SUB[kept]}", seen, digits=2),
            Readout(f"left: p(class {c + 1} | x{SUB[kept]}, guess)", np.exp(guess[:, c])),
            Readout(f"right: p(class {c + 1} | x{SUB[kept]})", np.exp(known[:, c])),
            *(Readout(f"{name}: accuracy", np.full(SWEEP, value), "%", 1) for name, (value, _) in scores.items()),
        ),
        **said(SWEEP, *_verdict(scores, where, SUB[gone])),
        alt="A line sweeps over both planes: only one coordinate is known. The left model asks at a guessed point, "
        "the right one averages along the line.",
        fps=10,
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """Left is given the mean of the feature that is missing, right integrates over it."""
    gone, kept = config.missing - 1, 2 - config.missing
    data = config.data()
    low, high = ranges(data)[kept]
    c = min(1, data.n_classes - 1)
    name = config.units.named(f"x{SUB[kept]}")
    return snippet(
        config.models_code(),
        f"known = np.linspace({low!r}, {high!r}, {SWEEP + 2})[1:-1]",
        f"guess = np.full((len(known), 2), x[:, {gone}].mean())",
        f"guess[:, {kept}] = known",
        f"integrated = right.marginalise([{kept}])",
        "shown = {",
        f"    {f'left: p(class {c + 1} | {name}, guess)'!r}: np.exp(left.log_posterior(guess)[:, {c}]),",
        f"    {f'right: p(class {c + 1} | {name})'!r}: np.exp(integrated.log_posterior(known[:, None])[:, {c}]),",
        "}",
    )


def filled(seen: np.ndarray, kept: int, fill: float) -> np.ndarray:
    """Points ``(N, 2)`` with the known feature, and a guess for the other."""
    x = np.full((len(seen), 2), fill)
    x[:, kept] = seen
    return x


def judged(
    left: DiscriminativeClassifier,
    right: GenerativeClassifier,
    integrated: GenerativeClassifier,
    test: Labelled,
    kept: int,
    fill: float,
) -> dict[str, tuple[float, float]]:
    """Accuracy in per cent, and mean −log p(y | …) in nats, with both features and with one."""
    one = test.x[:, kept]
    said = {
        "left, both": left.log_posterior(test.x),
        "right, both": right.log_posterior(test.x),
        "left, guess": left.log_posterior(filled(one, kept, fill)),
        "right, integral": integrated.log_posterior(one[:, None]),
    }
    rows = np.arange(len(test.y))
    return {
        name: (100 * float(np.mean(log_p.argmax(axis=1) == test.y)), -float(log_p[rows, test.y].mean()))
        for name, log_p in said.items()
    }


def _verdict(scores: dict[str, tuple[float, float]], where: str, gone: str) -> tuple[Claim, str]:
    (left, left_cost), (right, right_cost) = scores["left, guess"], scores["right, integral"]
    told = (
        f"Without x{gone}, {where}: accuracy {left:.1f} % (guess), {right:.1f} % (integral); "
        f"mean −log p(y | x): {left_cost:.2f} and {right_cost:.2f} nats"
    )
    return Claim(f"{told}: the price of being sure of a guess.", left_cost >= right_cost + 0.01), f"{told}."


def _line(seen: np.ndarray, kept: int, span: tuple[float, float]) -> Polylines:
    ends = np.empty((len(seen), 1, 2, 2))
    ends[..., kept] = seen[:, None, None]
    ends[..., 1 - kept] = span
    return Polylines(name=f"known: x{SUB[kept]}", key="y", xy=ends, colour="ink", width=2.5)


def _posterior_panel(seen: np.ndarray, guess: np.ndarray, known: np.ndarray, kept: int, c: int) -> Panel:
    curves = (
        Curve(name="left, guessed", key="l", x=seen, y=np.exp(guess[:, c]), colour="data", dashed=True),
        Curve(name="right, integrated", key="r", x=seen, y=np.exp(known[:, c]), colour="model"),
    )
    return chart(
        f"p(class {c + 1} | x{SUB[kept]})",
        curves,
        (float(seen[0]), float(seen[-1])),
        (0, 1.02),
        x_label=f"x{SUB[kept]}",
        share=0.6,
    )
