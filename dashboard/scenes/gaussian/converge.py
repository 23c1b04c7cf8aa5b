"""Converge: twenty classes estimate the same Gaussian; how fast do they agree?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Ellipses, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.gaussian.sources import SOURCES
from genmodels.gaussian import Gaussian, fit_prefixes

REPETITIONS, MOST = 20, 10_000
TITLES = {name: source.title for name, source in SOURCES.items() if name != "lumps"}
SIZES = np.unique(np.geomspace(1, MOST, 90).round().astype(int))
SHOWN = 1_500  # points of the first repetition that are drawn; more would be a blot


@dataclass(frozen=True)
class Config:
    """Which Gaussian, and the seed of the twenty repetitions."""

    target: str = choice("True Gaussian", "lecture", TITLES)
    seed: int = 0


def scene(config: Config) -> Scene:
    """n grows on a logarithmic axis; each of twenty estimates goes its own way to the truth."""
    truth = SOURCES[config.target].moments()
    rng = np.random.default_rng(config.seed)
    data = truth.sample(REPETITIONS * MOST, rng).reshape(REPETITIONS, MOST, 2)
    means, covariances = fit_prefixes(data, SIZES)
    mean_error = np.linalg.norm(means - truth.mean, axis=-1)
    covariance_error = np.linalg.norm(covariances - truth.covariance, axis=(-2, -1))
    rms_mean, rms_covariance = (np.sqrt((e**2).mean(axis=0)) for e in (mean_error, covariance_error))
    trace, squared = np.trace(truth.covariance), float((truth.covariance**2).sum())
    return Scene(
        panels=(
            _plane(truth, data[0], means, covariances),
            _errors("‖μ̂ − μ‖", mean_error, np.sqrt(trace)),
            _errors("‖Σ̂ − Σ‖ (Frobenius)", covariance_error, np.sqrt(trace**2 + squared)),
        ),
        steps=SIZES,
        time="points n",
        readouts=(
            Readout("‖μ̂ − μ‖, rms of 20", rms_mean),
            Readout("expected", np.sqrt(trace / SIZES)),
            Readout("‖Σ̂ − Σ‖ (Frobenius), rms of 20", rms_covariance),
            Readout("expected (large n)", np.sqrt((trace**2 + squared) / SIZES)),
        ),
        alt="Twenty fitted ellipses close in on the truth as n grows from 1 to 10,000; their errors fall along the "
        "dashed 1/√n lines on logarithmic axes.",
        fps=10,
    )


def code(config: Config) -> str:
    """Twenty classes fit the first n points of theirs, for each n."""
    return snippet(
        "import numpy as np",
        "from genmodels.gaussian import Gaussian, fit_prefixes",
        f"truth = {written(SOURCES[config.target].moments())}",
        f"sizes = np.unique(np.geomspace(1, {MOST:_}, 90).round().astype(int))",
        f"rng = np.random.default_rng({config.seed})",
        f"x = truth.sample({REPETITIONS * MOST:_}, rng).reshape({REPETITIONS}, {MOST:_}, 2)  # {REPETITIONS} classes",
        "means, covariances = fit_prefixes(x, sizes)",
        "mean_error = np.linalg.norm(means - truth.mean, axis=-1)",
        "covariance_error = np.linalg.norm(covariances - truth.covariance, axis=(-2, -1))",
        "shown = {",
        f"    '‖μ̂ − μ‖, rms of {REPETITIONS}': np.sqrt((mean_error**2).mean(axis=0)),",
        "    'expected': np.sqrt(np.trace(truth.covariance) / sizes),",
        f"    '‖Σ̂ − Σ‖ (Frobenius), rms of {REPETITIONS}': np.sqrt((covariance_error**2).mean(axis=0)),",
        "}",
    )


def _plane(truth: Gaussian, first: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> Panel:
    across, up = (3.0 * np.sqrt(truth.covariance.diagonal())).tolist()
    layers = (
        Points(
            name="data of one repetition",
            key="d",
            visible=False,
            xy=first[:SHOWN],
            count=np.minimum(SIZES, SHOWN),
            radius=2.5,
            colour="muted",
        ),
        Ellipses(
            name="20 estimates, 1 σ",
            key="g",
            mean=means.swapaxes(0, 1),
            covariance=covariances.swapaxes(0, 1),
            sigmas=(1.0,),
            colour="model",
            width=1.3,
        ),
        Ellipses(
            name="truth, 1 σ",
            key="t",
            mean=truth.mean[None],
            covariance=truth.covariance[None],
            sigmas=(1.0,),
            colour="truth",
            dashed=True,
            width=2.5,
        ),
    )
    return plane("Twenty estimates", layers, (-across, across), (-up, up))


def _errors(title: str, error: np.ndarray, constant: float) -> Panel:
    lines = np.stack([np.broadcast_to(SIZES.astype(float), error.shape), error], axis=-1)
    grown = np.repeat(lines[None], len(SIZES), axis=0)
    for k in range(len(SIZES)):
        grown[k, :, k + 1 :] = np.nan
    law = np.stack([SIZES, constant / np.sqrt(SIZES)], axis=1)[None]
    layers = (
        Polylines(name="20 repetitions", key="r", xy=grown.astype(np.float32), colour="model", width=1.2, alpha=0.6),
        Polylines(name="expected, ∝ 1/√n", key="l", xy=law, colour="truth", dashed=True, width=2.5),
    )
    top = 10 ** np.ceil(np.log10(max(error.max(), constant)))
    return chart(title, layers, (1, MOST), (top / 1e4, top), x_label="points n", x_scale="log", y_scale="log")
