"""What a small CNN looks at: class activation maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Field, Labels, Panel, Polylines, Readout, Scene, chart
from dashboard.scene.contours import level_lines
from dashboard.scene.fields import choice
from dashboard.scenes.pictures import DIGITS, grey, sheet
from genmodels.store import cache

WHICH = {"all": "Test digits in turn", "wrong": "Only those it gets wrong"}
SHOWN = 40
COLUMNS, STEP = 4, 1.3


@dataclass(frozen=True)
class Config:
    """Which test digits are walked through."""

    which: str = choice("Pictures", "all", WHICH)


def scene(config: Config) -> Scene:
    """One test digit a frame; ten maps, one a class."""
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
            _maps(maps, images[at]),
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
        captions=("It is right.", "It is wrong: look at what spoke for the class it named."),
        caption=(says[at] != labels[at]).astype(int),
        alt="A digit, and for each of ten classes a map of what speaks for it (warm) and against it (cold).",
        fps=1.0,
    )


def _maps(maps: np.ndarray, pictures: np.ndarray) -> Panel:
    reach = float(np.quantile(np.abs(maps), 0.995))
    outline = level_lines(pictures[:, ::-1].astype(np.float32), (0, 1, 0, 1), 110)
    corners = np.array([(STEP * (k % COLUMNS), -STEP * (k // COLUMNS)) for k in range(10)])
    fields = [
        Field(
            name="evidence",
            key="e",
            values=maps[:, k, ::-1],
            extent=(x, x + 1, y, y + 1),
            limits=(-reach, reach),
            colour_map="diverging",
            unit="logits",
        )
        for k, (x, y) in enumerate(corners)
    ]
    lines = np.concatenate([outline + corner for corner in corners], axis=1).astype(np.float32)
    names = Labels(name="", at=corners + np.array([0.5, 1.14]), texts=DIGITS, bold=True, size=1.1)
    layers = (*fields, Polylines(name="the digit", key="o", xy=lines, colour="ink", width=1.8), names)
    width, down = STEP * (COLUMNS - 1) + 1, STEP * (9 // COLUMNS)
    title = "What speaks for each class (warm), and against it (cold)"
    return Panel(title, layers, (0, width), (-down, 1.3), axes=False, share=2)


def _bars(p: np.ndarray) -> Panel:
    bars = Bars(name="p(y | x)", key="b", height=p, labels=DIGITS, classes=True)
    return chart("p(y | x)", (bars,), (-0.6, 9.6), (0, 1.02), x_label="class y", share=0.85)
