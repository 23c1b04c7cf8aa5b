"""The directions in which a class of digits varies most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Claim, Field, Labels, Panel, Readout, Scene, chart, first_true
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import SIDE, THE_DIGITS, ink, picture
from dashboard.scenes.pixels.setup import centred, class_code, digits_of
from genmodels.store import cache

COLUMNS, STEP, FRAMES, REACH = 3, 1.2, 48, 2.0


@dataclass(frozen=True)
class Config:
    """A class."""

    digit: int = choice("Class", 3, THE_DIGITS)


def scene(config: Config) -> Scene:
    """Each picture swings along one eigenvector, by 2 standard deviations to either side."""
    arrays = cache.arrays("pixel-classifiers")
    variance = arrays["eigenvalues"][config.digit].astype(float)
    vectors = arrays["eigenvectors"][config.digit].astype(float)
    mean = arrays["means"][config.digit] / 255
    t = REACH * np.sin(np.linspace(0, 2 * np.pi, FRAMES, endpoint=False))
    moved = mean + t[:, None, None, None] * np.sqrt(variance)[:, None, None] * vectors
    share = shares(config)
    return Scene(
        panels=(
            _tiles("The mean, plus and minus each eigenvector", ink(moved.reshape(FRAMES, 8, -1))),
            _vectors(vectors),
            chart(
                "Share of the data's variance, in %",
                (Bars(name="share", key="s", height=share, x=np.arange(1.0, 9.0), colour="model"),),
                (0.3, 8.7),
                (0, 1.1 * float(share.max())),
                x_label="eigenvector",
                share=0.6,
            ),
        ),
        steps=np.arange(FRAMES),
        time="frame",
        readouts=(
            Readout("standard deviations from the mean", t, digits=2),
            Readout("along these eight, of the data's variance", np.full(FRAMES, share.sum()), "%", 1),
        ),
        alt="Eight pictures swing along the eight leading eigenvectors of the covariance of one class of digits.",
        fps=16,
        loop=True,
    )


def code(config: Config) -> str:
    """The eigenvectors of the Gaussian of this class, and what of the data's variance lies along them."""
    stored = cache.load("pixel-classifiers")
    return snippet(
        class_code(config.digit, float(stored.arrays["chosen"][0]), stored.entry.config["floor"]),
        "variances, vectors = model.eigenvectors(0, 8)",
        "along = (x @ vectors.T).var(axis=0)",
        "share = 100 * along / x.var(axis=0).sum()",
        "shown = {",
        "    'share': share,",
        '    "along these eight, of the data\'s variance": share.sum(),',
        "}",
    )


def shares(config: Config) -> np.ndarray:
    """Variance of the training digits along each eigenvector, % of all of it, ``(8,)``; without the ε of Σ."""
    x = centred(config.digit)
    vectors = cache.arrays("pixel-classifiers")["eigenvectors"][config.digit].astype(np.float32).reshape(8, -1)
    return 100 * (x @ vectors.T).var(axis=0) / x.var(axis=0).sum()


def slant(config: Config) -> float:
    """Correlation, in size, of the digits' slant with how far they lie along the first eigenvector."""
    digits, vectors = digits_of(config.digit), cache.arrays("pixel-classifiers")["eigenvectors"]
    weight = digits / digits.sum(axis=1, keepdims=True)
    y, x = (axis.ravel().astype(np.float32) for axis in np.mgrid[:SIDE, :SIDE])
    middle = weight @ y
    leaning = (weight @ (x * y) - (weight @ x) * middle) / (weight @ y**2 - middle**2)
    along = centred(config.digit) @ vectors[config.digit, 0].astype(np.float32).ravel()
    return float(abs(np.corrcoef(leaning, along)[0, 1]))


def sentences(config: Config) -> tuple[str, ...]:
    """What the numbers of this class say."""
    share, r = shares(config), slant(config)
    return (
        first_true(
            Claim(
                f"The first direction of {THE_DIGITS[config.digit]} is mostly a *slant*: it correlates with how far "
                f"a digit leans, |r| = {r:.2f}.",
                r**2 > 0.5,
            ),
            f"How far one of {THE_DIGITS[config.digit]} leans correlates with the first direction, |r| = {r:.2f}.",
        ),
        f"The first takes {share[0]:.0f} % of the variance of 400 training digits, all eight {share.sum():.0f} %. "
        "The ε that the model adds to every pixel is not counted.",
    )


def _tiles(title: str, pixels: np.ndarray) -> Panel:
    layers = [picture(pixels[:, k : k + 1], (x, y + 1), 1) for k, (x, y) in enumerate(_corners())]
    return Panel(title, (*layers, _numbers()), *_ends(), axes=False)


def _vectors(vectors: np.ndarray) -> Panel:
    reach = float(np.abs(vectors).max())
    fields = [
        Field(
            name="eigenvectors",
            values=vector[::-1].astype(np.float32),
            extent=(x, x + 1, y, y + 1),
            limits=(-reach, reach),
            colour_map="diverging",
        )
        for vector, (x, y) in zip(vectors, _corners(), strict=True)
    ]
    return Panel("The eigenvectors", (*fields, _numbers()), *_ends(), axes=False)


def _numbers() -> Labels:
    return Labels(name="", at=_corners() + np.array([0.5, 1.1]), texts=tuple(str(k + 1) for k in range(8)))


def _corners() -> np.ndarray:
    return np.array([(STEP * (k % COLUMNS), -STEP * (k // COLUMNS)) for k in range(8)])


def _ends() -> tuple[tuple[float, float], tuple[float, float]]:
    return (0, STEP * (COLUMNS - 1) + 1), (-STEP * (7 // COLUMNS), 1.2)
