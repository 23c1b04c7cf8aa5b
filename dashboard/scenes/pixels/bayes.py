"""Bayes' rule on pictures: three models of pixels, and a CNN, classify the same test digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Curve, Panel, Readout, Scene, chart
from dashboard.scene.fields import choice
from dashboard.scenes.pictures import DIGITS, grey, sheet
from genmodels.store import cache

COLOURS = ("class0", "class1", "model", "data")
WHICH = {"all": "All test digits in turn", "differ": "Those on which they differ"}
MODELS = ("Naive coins", "Naive Gaussian", "Full Gaussian", "CNN")
FLOOR = -40.0


@dataclass(frozen=True)
class Config:
    """Which test digits are walked through."""

    turns: str = choice("Pictures", "all", WHICH)


def log_posteriors() -> np.ndarray:
    """log p(y | x) of the four models on the test digits, ``(4, 500, 10)``, nats."""
    arrays = cache.arrays("pixel-classifiers")
    joint = arrays["log_likelihood"].astype(float) + arrays["log_prior"]
    top = joint.max(axis=-1, keepdims=True)
    generative = joint - top - np.log(np.exp(joint - top).sum(axis=-1, keepdims=True))
    p = cache.arrays("cnn")["test.probabilities"].astype(float)
    return np.concatenate([generative, np.log(np.maximum(p, 1e-30))[None]])


def scene(config: Config) -> Scene:
    """One test digit a frame; the share of right answers so far as curves."""
    images, labels = grey()
    log_p = log_posteriors()
    says = log_p.argmax(axis=-1)
    at = np.flatnonzero((says != says[0]).any(axis=0)) if config.turns == "differ" else np.arange(len(labels))
    right = says == labels
    sofar = 100 * np.cumsum(right[:, at], axis=1) / np.arange(1, len(at) + 1)
    number = np.arange(1, len(at) + 1)
    return Scene(
        panels=(
            sheet("x", images[at][:, None], 1, share=0.7),
            *(_bars(name, log_p[m, at], COLOURS[m]) for m, name in enumerate(MODELS)),
            chart(
                "Right so far, in %",
                tuple(
                    Curve(name=name, key="nigc"[m], x=number, y=sofar[m], colour=COLOURS[m])
                    for m, name in enumerate(MODELS)
                ),
                (1, len(at)),
                (max(0.0, float(sofar[:, len(at) // 5 :].min()) - 12), 101),
                x_label="test digits",
                share=1.1,
            ),
        ),
        steps=number,
        time="picture",
        readouts=(
            Readout("it is a", labels[at].astype(float), digits=0),
            *(
                Readout(f"{name}: right", np.full(len(at), 100 * right[m].mean()), "%", 1)
                for m, name in enumerate(MODELS)
            ),
        ),
        alt="A test digit, log p(y | x) of four models as bars, and the share of right answers so far.",
        fps=4,
    )


def _bars(name: str, log_p: np.ndarray, colour: str) -> Panel:
    bars = Bars(
        name="log p(y | x)", key="b", height=np.maximum(log_p, FLOOR), base=FLOOR, labels=DIGITS, colour=colour
    )
    return chart(name, (bars,), (-0.6, 9.6), (FLOOR, 1), x_label="y", share=0.75)
