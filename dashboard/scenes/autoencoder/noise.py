"""The network that copies copies the noise as well; the one that was shown noise takes it away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Readout, Scene, chart
from dashboard.scenes.pictures import rows
from genmodels.store import cache

ROWS = {"x": "pictures", "x + σ ε": "noisy", "copying": "copied", "denoising": "denoised"}
CURVES = {
    "noisy picture": ("rmse_noisy", "muted"),
    "copying": ("rmse_copied", "data"),
    "denoising": ("rmse_denoised", "model"),
}


@dataclass(frozen=True)
class Config:
    """Nothing to choose: the noise is the time axis."""


def scene(config: Config) -> Scene:
    """More and more noise on the same digits."""
    arrays = cache.arrays("autoencoder-noise")
    sigma = arrays["noise"].astype(float)
    error = {name: 100 * arrays[key].astype(float) for name, (key, _) in CURVES.items()}
    top = 1.05 * max(float(values.max()) for values in error.values())
    curves = tuple(
        Curve(name=name, key="abcde"[k], x=sigma, y=error[name], colour=colour)
        for k, (name, (_, colour)) in enumerate(CURVES.items())
    )
    better = error["denoising"] < error["copying"]
    return Scene(
        panels=(
            rows(
                "The clean digit, the noisy one, and two answers",
                {name: arrays[key] for name, key in ROWS.items()},
                share=1.4,
                margin=2.0,
            ),
            chart(
                "Distance to the clean digit, % of full ink",
                curves,
                (0, float(sigma[-1])),
                (0, top),
                x_label="standard deviation σ of the noise",
            ),
        ),
        steps=np.arange(len(sigma)),
        time="frame",
        readouts=(Readout("σ", sigma, digits=2), *(Readout(name, y, "%", 1) for name, y in error.items())),
        captions=(
            "Without noise the copying network is the better one: there is nothing to take away.",
            "The denoising network knows what digits look like; the copying one only knows pixels.",
        ),
        caption=better.astype(int),
        alt="Digits with more and more noise, and what a copying and a denoising autoencoder make of them.",
        fps=3,
    )
