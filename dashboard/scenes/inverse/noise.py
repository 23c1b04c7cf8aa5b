"""Noise: a digit under more and more of it; the mean, which errs least, beside samples, which look like digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Labels, Panel, Polylines, Readout, Scene, chart
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.inverse.mask import (
    ANSWERS,
    COLUMNS,
    NEEDS,
    SIDE,
    STYLES,
    OfDigit,
    classifier,
    decibels,
    gaussian,
    prior_made,
)
from dashboard.scenes.pictures import binary_digit, ink, picture
from genmodels.inverse.metrics import psnr

__all__ = ["NEEDS", "Noisy", "code", "scene"]

SIGMAS = np.array([0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5, 4.0])
SALT = 52
LOW, HIGH = -15.0, 35.0
"""Decibels that the chart shows."""
CURVES = {"y itself": "muted", "an answer": "model", "E[x | y]": "truth", "Wiener": "class1"}


@dataclass(frozen=True)
class Noisy(OfDigit):
    """A test digit, and whose noise."""

    seed: int = 0


class Denoised(NamedTuple):
    """Of one digit x ``(784,)`` at F levels of noise.

    Attributes:
        y: What is measured, ``(F, 784)``.
        answers: Drawn from p(x | y), pixel by pixel ink or paper, ``(F, 9, 784)``.
        mean: E[x | y], ``(F, 784)``.
        wiener: Of one Gaussian, cut to 0 … 1, ``(F, 784)``.
        expected: E|x − E[x | y]|² / 784 given y, which the prior expects of the mean's error, ``(F,)``.
    """

    y: np.ndarray
    answers: np.ndarray
    mean: np.ndarray
    wiener: np.ndarray
    expected: np.ndarray


def scene(config: Noisy) -> Scene:
    """σ is the time axis; the noise keeps its direction."""
    truth, found = binary_digit(config.index()), _denoised(config)
    error = np.square(found.answers - truth).mean(axis=2)
    of_mean = np.square(found.mean - truth).mean(axis=1)
    curves = {
        "y itself": psnr(found.y, truth),
        "an answer": decibels(error.mean(axis=1)),
        "E[x | y]": decibels(of_mean),
        "Wiener": psnr(found.wiener, truth),
    }
    pictures = np.concatenate([found.answers, found.mean[:, None], found.wiener[:, None]], axis=1)
    says = classifier()(pictures.reshape(-1, SIDE, SIDE)).reshape(len(SIGMAS), ANSWERS + 2, 10)
    right = (says[:, :ANSWERS].argmax(axis=2) == config.digit).sum(axis=1)
    return Scene(
        panels=(
            _singles(found, truth),
            Panel(
                "Nine from p(x | y)",
                (picture(ink(found.answers), (0, COLUMNS), 1, COLUMNS, name="answers"),),
                (0, COLUMNS),
                (0, COLUMNS),
                axes=False,
            ),
            _chart(curves),
        ),
        steps=np.arange(len(SIGMAS)),
        time="level",
        readouts=(
            Readout("σ", SIGMAS, digits=1),
            *(Readout(f"PSNR: {name}", curves[name], "dB", 2) for name in ("an answer", "E[x | y]", "Wiener")),
            Readout("the prior expects of E[x | y]", decibels(found.expected), "dB", 2),
            Readout("CNN: answers that are right", 100 * right / ANSWERS, "%", 0),
            Readout(f"CNN, p(a {config.digit}): E[x | y]", 100 * says[:, ANSWERS, config.digit], "%", 0),
            Readout(f"CNN, p(a {config.digit}): Wiener", 100 * says[:, ANSWERS + 1, config.digit], "%", 0),
        ),
        **said(len(SIGMAS), *_sentences((error > of_mean[:, None]).sum(axis=1), right)),
        alt="A digit under noise, nine digits drawn from the posterior, its mean and the Wiener filter's answer, and "
        "their errors over the noise.",
        fps=1.5,
        start=4,
    )


def code(config: Noisy) -> str:
    """The exact mean and the Wiener filter, at all levels."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inverse.metrics import psnr",
        "from genmodels.inverse.pictures import Pictures, Wiener, equally_likely",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vae.runtime import ForwardVAE",
        f"truth = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)",
        f"eps = np.random.default_rng([{config.seed}, {SALT}]).standard_normal(784)",
        f"z, classes = np.tile(equally_likely({STYLES}), (10, 1)), np.repeat(np.arange(10), {STYLES**2})",
        "pictures = Pictures(ForwardVAE.of(load('vae-conditional')).decode(z, classes))",
        "wiener = Wiener(load_binarised_mnist().train.images.reshape(-1, 784), 0.1)",
        f"sigmas = {SIGMAS.tolist()}",
        "y = [truth + sigma * eps for sigma in sigmas]",
        "mean = [pictures.denoised(*pair) for pair in zip(y, sigmas)]",
        "filtered = [wiener.denoise(*pair).clip(0, 1) for pair in zip(y, sigmas)]",
        "shown = {'PSNR: E[x | y]': psnr(mean, truth), 'PSNR: Wiener': psnr(filtered, truth)}",
    )


@lru_cache(maxsize=4)
def _denoised(config: Noisy) -> Denoised:
    prior, truth = prior_made().pictures, binary_digit(config.index())
    rng = np.random.default_rng([config.seed, SALT])
    y = truth + SIGMAS[:, None] * rng.standard_normal(truth.shape)
    places, thresholds = rng.random(ANSWERS), rng.random((ANSWERS, len(truth)))
    answers, means, filtered = [], [], []
    for level, sigma in zip(y, SIGMAS, strict=True):
        weights = prior.given_noisy(level, sigma)
        k = np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)
        answers.append((thresholds < prior.ink_given(k, level, sigma)).astype(np.float32))
        means.append(prior.denoised(level, sigma, weights))
        filtered.append(gaussian().denoise(level, sigma).clip(0, 1))
    mean = np.stack(means)
    return Denoised(y, np.stack(answers), mean, np.stack(filtered), (mean * (1 - mean)).mean(axis=1))


def _singles(found: Denoised, truth: np.ndarray) -> Panel:
    """What is measured beside the truth, and two single answers."""
    shown = {"y = x + σ ε": found.y, "truth": truth[None], "E[x | y]": found.mean, "Wiener filter": found.wiener}
    corners = [(1.05 * (k % 2), 2.2 - 1.2 * (k // 2)) for k in range(4)]
    layers = [
        picture(ink(pixels)[:, None] if len(pixels) > 1 else ink(pixels), corner, 1, name=name)
        for (name, pixels), corner in zip(shown.items(), corners, strict=True)
    ]
    at = np.array([(x + 0.5, y + 0.09) for x, y in corners])
    return Panel(
        "Measured, and single answers",
        (*layers, Labels(name="", at=at, texts=tuple(shown))),
        (0, 2.05),
        (0, 2.4),
        axes=False,
    )


def _chart(curves: dict[str, np.ndarray]) -> Panel:
    at = np.log10(SIGMAS)
    lines = tuple(
        Polylines(
            name=name,
            key=key,
            xy=np.stack([at, np.clip(values, LOW, HIGH)], axis=1)[None],
            colour=CURVES[name],
            width=3,
        )
        for key, (name, values) in zip("iaew", curves.items(), strict=True)
    )
    now = np.stack([np.repeat(at[:, None], 2, axis=1), np.broadcast_to([LOW, HIGH], (len(at), 2))], axis=-1)
    mark = Polylines(name="", xy=now[:, None], colour="ink", width=2, dashed=True)
    return chart("PSNR, dB", (*lines, mark), (-0.75, 0.65), (LOW, HIGH), x_label="log₁₀ σ")


def _sentences(farther: np.ndarray, right: np.ndarray) -> list[Claim | str]:
    return [
        *(
            Claim(
                f"Farther from the truth than E[x | y]: {n} of {ANSWERS} answers. Taken for the right digit: {m} of "
                f"{ANSWERS}.",
                (farther == n) & (right == m),
            )
            for n, m in sorted(set(zip(farther.tolist(), right.tolist(), strict=True)))
        ),
    ]
