"""What a small CNN looks at: class activation maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Claim, Field, Labels, Panel, Polylines, Readout, Scene, chart, said
from dashboard.scene.contours import level_lines
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import DIGITS, grey, sheet
from dashboard.scenes.pixels.setup import CNN_CODE, NOISE, of_noise
from genmodels.store import cache

WHICH = {"all": "Test digits in turn", "wrong": "Only those it gets wrong"}
SHOWN = 40
LOUD, COLUMNS, STEP = 5, 3, 1.3


@dataclass(frozen=True)
class Config:
    """Which test digits are walked through."""

    which: str = choice("Pictures", "all", WHICH)


def scene(config: Config) -> Scene:
    """One test digit a frame; maps of the five classes that it is most likely to be, in that order."""
    arrays = cache.arrays("cnn")
    images, labels = grey()
    p = arrays["test.probabilities"].astype(float)
    says = p.argmax(axis=1)
    at = np.flatnonzero(says != labels)[:SHOWN] if config.which == "wrong" else np.arange(SHOWN)
    maps = arrays["test.maps"][at].astype(np.float32)
    maps -= maps.mean(axis=1, keepdims=True)  # softmax takes differences
    right = 100 * float((says == labels).mean())
    return Scene(
        panels=(
            sheet("The picture", images[at][:, None], 1, share=0.75),
            _maps(maps, np.argsort(-p[at], axis=1, kind="stable")[:, :LOUD], images[at]),
            _bars(p[at]),
        ),
        steps=np.arange(len(at)),
        time="picture",
        readouts=(
            Readout("it is a", labels[at].astype(float), digits=0),
            Readout("the CNN says", says[at].astype(float), digits=0),
            Readout("p(y | x) of that", p[at].max(axis=1), digits=3),
            Readout("right on 500 test digits", np.full(len(at), right), "%", 1),
        ),
        **said(
            len(at),
            Claim("It is right.", says[at] == labels[at]),
            Claim("It is wrong: look at what spoke for the class it named.", says[at] != labels[at]),
        ),
        alt="A digit, and for each of its five likeliest classes what speaks for it (warm), against it (cold).",
        fps=1.0,
    )


def code(config: Config) -> str:
    """The stored network, asked of the test digits."""
    wrong = config.which == "wrong"
    return snippet(
        CNN_CODE,
        "from genmodels.data.digits import load_mnist",
        "images, labels = load_mnist().test",
        "p = network(images / 255)",
        "says = p.argmax(axis=1)",
        f"at = np.flatnonzero(says != labels)[:{SHOWN}]" if wrong else f"at = np.arange({SHOWN})",
        "shown = {",
        "    'it is a': labels[at],",
        "    'the CNN says': says[at],",
        "    'p(y | x) of that': p[at].max(axis=1),",
        "    'right on 500 test digits': 100 * np.mean(says == labels),",
        "}",
    )


def of_noise_in_words() -> str:
    """What the CNN says of noise."""
    digit, times, p = of_noise()
    return (
        f"Shown {NOISE} pictures whose pixels are uniform noise, this network says “{digit}” to {times} of them; "
        f"the p(y | x) of what it says is {p:.3f} on average."
    )


def _maps(maps: np.ndarray, loudest: np.ndarray, pictures: np.ndarray) -> Panel:
    """Maps ``(F, 10, h, w)`` of the classes ``(F, LOUD)``, each with its number above it."""
    frames = np.arange(len(maps))
    reach = float(np.quantile(np.abs(maps), 0.995))
    outline = level_lines(pictures[:, ::-1].astype(np.float32), (0, 1, 0, 1), 110)
    corners = np.array([(STEP * (k % COLUMNS), -STEP * (k // COLUMNS)) for k in range(LOUD)])
    fields = [
        Field(
            name="evidence",
            key="e",
            values=maps[frames, loudest[:, k], ::-1],
            extent=(x, x + 1, y, y + 1),
            limits=(-reach, reach),
            colour_map="diverging",
            unit="logits",
        )
        for k, (x, y) in enumerate(corners)
    ]
    lines = np.concatenate([outline + corner for corner in corners], axis=1).astype(np.float32)
    at = np.full((len(maps), 10, 2), np.nan)
    at[frames[:, None], loudest] = corners + np.array([0.5, 1.14])
    names = Labels(name="class numbers", at=at, texts=DIGITS, bold=True, size=1.1)
    layers = (*fields, Polylines(name="the digit", key="o", xy=lines, colour="ink", width=1.8), names)
    width, down = STEP * (COLUMNS - 1) + 1, STEP * ((LOUD - 1) // COLUMNS)
    title = "For (warm) and against (cold) the five likeliest"
    return Panel(title, layers, (0, width), (-down, 1.3), axes=False, share=2)


def _bars(p: np.ndarray) -> Panel:
    bars = Bars(name="p(y | x)", key="b", height=p, labels=DIGITS, classes=True)
    return chart("p(y | x)", (bars,), (-0.6, 9.6), (0, 1.15), x_label="class y", share=0.85)
