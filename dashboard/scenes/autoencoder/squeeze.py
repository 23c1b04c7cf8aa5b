"""Through the bottleneck and back: 1, 2, 8, 32 numbers, and more than there are pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Polylines, Readout, Scene, chart
from dashboard.scenes.pictures import rows
from genmodels.store import cache

COLOURS = ("class1", "class0", "class2", "class3", "model")


@dataclass(frozen=True)
class Config:
    """Nothing to choose: five trainings on one time axis."""


def scene(config: Config) -> Scene:
    """Epochs of five trainings side by side."""
    arrays = cache.arrays("autoencoder-squeeze")
    epochs, sizes = arrays["epochs"].astype(float), arrays["bottlenecks"].tolist()
    frames = len(epochs)
    names = [f"{size:,} number{'s' * (size > 1)}" for size in sizes]
    error = 100 * arrays["test_rmse"].astype(float)
    copies = {name: arrays["reconstructions"][:, m] for m, name in enumerate(names)}
    return Scene(
        panels=(
            rows("Each test digit, and its copies", {"x": arrays["pictures"], **copies}, share=1.25, margin=2.6),
            _errors(epochs, names, error, 100 * arrays["pca_rmse"].astype(float)),
        ),
        steps=arrays["epochs"].astype(int),
        time="epoch",
        readouts=tuple(Readout(name, error[:, m], "%", 1) for m, name in enumerate(names)),
        captions=(
            "Before training every copy is grey.",
            "One number keeps little; two keep the kind of digit.",
            "32 numbers keep the hand; as many as there are pixels, and it simply copies.",
        ),
        caption=np.digitize(np.arange(frames), [1, frames // 2]),
        alt="Eight digits and their reconstructions by five autoencoders while these are trained.",
        fps=4,
    )


def _errors(epochs: np.ndarray, names: list[str], error: np.ndarray, pca: np.ndarray) -> Panel:
    last = float(epochs[-1])
    low = 0.8 * float(min(error.min(), pca[:-1].min()))
    curves = [
        Curve(name=name, key="abcde"[m], x=epochs, y=error[:, m], colour=COLOURS[m]) for m, name in enumerate(names)
    ]
    lines = [
        Polylines(
            name="PCA with as many numbers",
            key="l",
            xy=np.array([[[0, y], [last, y]]]),
            colour=COLOURS[m],
            dashed=True,
        )
        for m, y in enumerate(pca[:-1])
    ]
    return chart(
        "Error on 500 test digits, % of full ink",
        (*lines, *curves),
        (0, last),
        (low, 60),
        x_label="epoch",
        y_label="root mean square error, %",
        y_scale="log",
    )
