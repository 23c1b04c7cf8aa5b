"""Bayes' rule on pictures: three models of pixels, and a CNN, classify the same test digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Claim, Curve, Panel, Readout, Scene, chart, first_true, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import DIGITS, grey, sheet
from dashboard.scenes.pixels.setup import CNN_CODE
from genmodels.store import cache

COLOURS = ("class0", "class1", "model", "data")
WHICH = {"all": "All test digits in turn", "differ": "Those on which they differ"}
MODELS = ("Naive coins", "Naive Gaussian", "Full Gaussian", "CNN")
FLOOR, ROOM = -40.0, 12.0


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
            *(Readout(f"{name}: right so far", sofar[m], "%", 1) for m, name in enumerate(MODELS)),
        ),
        **said(len(at), *_surest(log_p[:, at], right[:, at])),
        alt="A test digit, log p(y | x) of four models as bars, and the share of right answers so far.",
        fps=4,
    )


def code(config: Config) -> str:
    """Four models classify the test digits."""
    stored = cache.load("pixel-classifiers")
    differ = config.turns == "differ"
    given, chosen = stored.entry.config, float(stored.arrays["chosen"][0])
    return snippet(
        CNN_CODE,
        "from genmodels.data.digits import load_mnist",
        "from genmodels.pixels import GaussianPixels, NaivePixels",
        "(images, labels), (test, truth) = load_mnist().train, load_mnist().test",
        "x, x_test = (pictures.reshape(len(pictures), -1) / 255 for pictures in (images, test))",
        f"full = GaussianPixels.fit(x, labels, shrinkage={chosen:g}, floor={given['floor']:g})",
        "models = {",
        f"    'Naive coins': NaivePixels.fit(x, labels, alpha={given['alpha']:g}),",
        "    'Naive Gaussian': full.shrink(1.0),",
        "    'Full Gaussian': full,",
        "}",
        "says = [model.predict(x_test) for model in models.values()]",
        "says = np.array([*says, network(test / 255).argmax(axis=1)])",
        "differ = (says != says[0]).any(axis=0)" if differ else "",
        "right = says[:, differ] == truth[differ]" if differ else "right = says == truth",
        "so_far = 100 * np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1)",
        "shown = {f'{name}: right so far': share for name, share in zip([*models, 'CNN'], so_far)}",
    )


def _surest(log_p: np.ndarray, right: np.ndarray) -> list[Claim]:
    """Which model's answer is the surest, and whether it is right; where bars end."""
    surest = _log_doubt(log_p).argmin(axis=0)
    correct = np.take_along_axis(right, surest[None], axis=0)[0]
    return [
        Claim(
            f"Surest of its answer here: {name}. The answer is {word}. Bars are cut at log p = −40 nats.",
            (surest == m) & (correct == truth),
        )
        for m, name in enumerate(MODELS)
        for word, truth in (("right", True), ("wrong", False))
    ]


def _log_doubt(log_p: np.ndarray) -> np.ndarray:
    """log(1 − p) of the answer p, exact where p rounds to 1: ``(M, N, K)`` to ``(M, N)``."""
    return np.logaddexp.reduce(np.sort(log_p, axis=-1)[..., :-1], axis=-1)


def sentences() -> tuple[str, ...]:
    """What the four models' answers to all test digits say."""
    log_p, names = log_posteriors(), [name.replace("Naive", "naive").replace("Full", "full") for name in MODELS]
    right = 100 * (log_p.argmax(axis=-1) == grey().labels).mean(axis=1)
    sure = 100 * np.exp(log_p.max(axis=-1)).mean(axis=1)
    drawn = right[:2].min()
    return (
        f"Mean p(y | x) of a model's own answer, and how often it is right: "
        f"{', '.join(f'{n} {s:.1f} % and {r:.1f} %' for n, s, r in zip(names, sure, right, strict=True))}. "
        f"The surest is the {names[sure.argmax()]}.",
        first_true(
            Claim(
                "Each of the three generative models is surer than it is right. The naive ones count 784 pixels as "
                "independent witnesses, which they are not; the full one estimates 307,720 variances and "
                "covariances a class from 400 images.",
                (sure > right)[:3].all(),
            ),
            f"Surer than right: {', '.join(np.array(names)[sure > right]) or 'none'}.",
        ),
        first_true(
            Claim(
                f"Models whose samples are static still tell most digits apart ({drawn:.0f} % right or more): a bad "
                "model of x can be a fair classifier.",
                drawn > 50,
            ),
            f"Models whose samples are static are right on {drawn:.0f} % or more.",
        ),
        first_true(
            Claim("The CNN, which has no p(x) and can draw nothing, is right most often.", right.argmax() == 3),
            f"The {names[right.argmax()]} is right most often.",
        ),
    )


def _bars(name: str, log_p: np.ndarray, colour: str) -> Panel:
    bars = Bars(
        name="log p(y | x)", key="b", height=np.maximum(log_p, FLOOR), base=FLOOR, labels=DIGITS, colour=colour
    )
    return chart(name, (bars,), (-0.6, 9.6), (FLOOR, ROOM), x_label="class y", share=0.75)
