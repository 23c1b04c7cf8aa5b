"""Pixels that know nothing of each other, and pixels that do: the same statistics, another world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import Claim, Field, Handle, Labels, Panel, Polylines, Readout, Scene, said
from dashboard.scene.contours import level_lines
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, placed
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import SIDE, THE_DIGITS, picture, sheet
from dashboard.scenes.pixels.setup import centred, class_code, digits_of
from genmodels.nn.convolutional import ForwardCNN
from genmodels.store import cache

COLUMNS = 3


@dataclass(frozen=True)
class Config:
    """A class, and the pixel under the cross: column and row from the upper left, 0 to 27."""

    digit: int = choice("Class", 3, THE_DIGITS)
    pixel_x: int = placed(14, 0, SIDE - 1)
    pixel_y: int = placed(14, 0, SIDE - 1)


def covariances(digit: int, pixel: int) -> np.ndarray:
    """Of one pixel with all others, ``(784,)``, before any shrinkage."""
    x = centred(digit)
    return x.T @ x[:, pixel] / len(x)


def lowest_correlation(config: Config) -> float:
    """Of the pixel under the cross with any other that varies at all, −1 … 1; 0 for a pixel that never does."""
    deviation = centred(config.digit).std(axis=0)
    pixel = config.pixel_y * SIDE + config.pixel_x
    varies = deviation > 0.02
    if not varies[pixel]:
        return 0.0
    return float((covariances(config.digit, pixel)[varies] / (deviation[pixel] * deviation[varies])).min())


def scene(config: Config) -> Scene:
    """The shrinkage falls from 1, where pixels are independent."""
    arrays = cache.arrays("pixel-classifiers")
    order = np.argsort(-arrays["shrinkage"])
    shrinkage = arrays["shrinkage"][order].astype(float)
    row, column, digit = config.pixel_y, config.pixel_x, config.digit
    samples = arrays["gaussian_samples"][order, digit]
    frames = len(order)
    values = digits_of(digit)[:, row * SIDE + column].astype(float)
    deviation = np.sqrt(values.var() + cache.load("pixel-classifiers").entry.config["floor"])
    roughness = np.abs(np.diff(samples.astype(float), axis=-1)).mean(axis=(1, 2, 3))
    smoother = np.round(100 * (1 - roughness / roughness[0]))
    return Scene(
        panels=(
            sheet("Each pixel its own coin", arrays["naive_samples"][digit], COLUMNS),
            sheet("One Gaussian of all pixels", samples, COLUMNS),
            _covariance(config, shrinkage, arrays["means"][digit]),
            _statistics(arrays["means"][digit], arrays["deviations"][digit]),
        ),
        steps=np.arange(frames),
        time="frame",
        readouts=(
            Readout("shrinkage λ", shrinkage, digits=2),
            Readout("mean of this pixel", np.full(frames, values.mean()), digits=3),
            Readout("its standard deviation, ε included", np.full(frames, deviation), digits=3),
        ),
        **said(
            frames,
            Claim("λ = 1: no pixel knows of another. Samples are static in the shape of a digit.", shrinkage == 1),
            *(Claim(_smoother(share), smoother == share) for share in np.unique(smoother[1:])),
        ),
        alt="Samples of two pixel models, the covariance of one pixel with all others, and what both models share.",
        fps=2,
        handles=(Handle("pixel", np.array([column + 0.5, SIDE - row - 0.5]), panel=2, probe=True),),
    )


def code(config: Config) -> str:
    """The Gaussian of the class at the smallest λ, and the pixel under the cross."""
    stored = cache.load("pixel-classifiers")
    floor, shrinkage = stored.entry.config["floor"], float(stored.arrays["shrinkage"].min())
    return snippet(
        class_code(config.digit, shrinkage, floor),
        f"pixel = {config.pixel_y} * {SIDE} + {config.pixel_x}  # row and column",
        "drawn = model.sample(0, 12, np.random.default_rng(0))  # digits like those in the middle",
        "covariance = model.covariances[0, pixel].copy()",
        "covariance[pixel] -= model.floor  # the picture is without ε",
        "shown = {",
        "    'shrinkage λ': model.shrinkage,",
        "    'mean of this pixel': model.means[0, pixel],",
        "    'its standard deviation, ε included': np.sqrt(model.variances[0, pixel]),",
        f"    'covariance': covariance.reshape({SIDE}, {SIDE})[::-1],  # rows from below",
        "}",
    )


def sentence() -> str:
    """What the CNN makes of the samples of all classes, at both ends of λ."""
    names = ("pixel-classifiers", "cnn")
    (loose, (right, p)), (alone, (right_alone, p_alone)) = _read(*(cache.load(name).entry.sha256 for name in names))
    return (
        f"What does the CNN of the first cue make of samples of all ten classes? At λ = {alone:g} it reads "
        f"{100 * right_alone:.0f} % as the class they were drawn for (chance: 10 %), at λ = {loose:g} "
        f"{100 * right:.0f} %. The mean p(y | x) of what it says is {p_alone:.2f} and {p:.2f}: how sure it is does "
        "not say whether x is a digit."
    )


@lru_cache(maxsize=2)
def _read(*sha256: str) -> list[tuple[float, tuple[float, float]]]:
    """Smallest and largest λ: share of their samples read as the class asked for, and the mean p of what is read."""
    arrays, network = cache.arrays("pixel-classifiers"), cache.made(ForwardCNN.of, "cnn")
    found = []
    for k in np.argsort(arrays["shrinkage"])[[0, -1]]:
        samples = arrays["gaussian_samples"][k]
        p = network(samples.reshape(-1, SIDE, SIDE) / 255)
        right = p.argmax(axis=1) == np.repeat(np.arange(10), samples.shape[1])
        found.append((float(arrays["shrinkage"][k]), (float(right.mean()), float(p.max(axis=1).mean()))))
    return found


def _smoother(share: float) -> str:
    much = (
        f"by {share:.0f} % less than" if share > 0 else "as much as" if share == 0 else f"by {-share:.0f} % more than"
    )
    return f"Neighbouring pixels of the samples differ {much} at λ = 1; no mean and no variance has changed."


def _covariance(config: Config, shrinkage: np.ndarray, mean: np.ndarray) -> Panel:
    pixel = config.pixel_y * SIDE + config.pixel_x
    counted = covariances(config.digit, pixel)
    values = (1 - shrinkage)[:, None] * counted
    values[:, pixel] = counted[pixel]  # the variance is never shrunk
    extent = (0.0, float(SIDE), 0.0, float(SIDE))
    field = Field(
        name="covariance",
        key="c",
        values=values.reshape(-1, SIDE, SIDE)[:, ::-1].astype(np.float32),
        extent=extent,
        limits=(-0.1, 0.1),
        colour_map="diverging",
    )
    outline = level_lines(mean[None, ::-1].astype(float), extent, 110)
    line = Polylines(name="mean digit", key="o", xy=outline[0], colour="muted", width=1.5)
    return Panel("The pixel under the cross, with all others", (field, line), extent[:2], extent[2:], axes=False)


def _statistics(mean: np.ndarray, deviation: np.ndarray) -> Panel:
    names = Labels(name="", at=np.array([(0.5, 1.12), (0.5, -0.08)]), texts=("mean", "deviation"))
    layers = (picture(mean[None], (0, 2.2), 1), picture(deviation[None], (0, 1), 1), names)
    return Panel("The same for every λ", layers, (0, 1), (-0.15, 2.25), axes=False, share=0.6)


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the cross was moved."""
    x, y = np.clip(np.floor(handle(values, "pixel")), 0, SIDE - 1).astype(int)
    return replace(config, pixel_x=int(x), pixel_y=int(SIDE - 1 - y))
