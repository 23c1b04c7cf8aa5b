"""What each model says at the probe; and how well p(x) tells out-of-distribution points from others."""

from __future__ import annotations

import numpy as np

from dashboard.scene import Curve, Field, Handle, Panel, Points, Polylines, Readout, Scene, chart
from dashboard.scene.board import on_board
from dashboard.scene.contours import level_lines
from dashboard.scene.snippet import snippet
from dashboard.scenes.boundaries.setup import (
    CELLS,
    PROBES,
    SHORT,
    Config,
    Labelled,
    fit_discriminative,
    fit_generative,
    grid,
    panel,
    points_layer,
    posterior_layers,
    ranges,
)

UNIFORM, THRESHOLDS, TESTED = 200, 61, 1_000


def uniform(config: Config, data: Labelled) -> np.ndarray:
    """Points ``(200, 2)``, uniform over the frame: they stand for out-of-distribution points, though some of them may
    fall among the data."""
    (x0, x1), (y0, y1) = ranges(data)
    return np.random.default_rng([config.seed, 7]).uniform([x0, y0], [x1, y1], (UNIFORM, 2))


@on_board
def scene(config: Config) -> Scene:
    """The threshold on log p(x) is the time axis; the probe asks both models."""
    data = config.data()
    left, right = fit_discriminative(config, data), fit_generative(config, data)
    at, extent = grid(data)
    probe = np.array([[config.probe_1, config.probe_2]])
    odd, test = uniform(config, data), config.fresh(TESTED)
    log_p, familiar, strange = (right.log_marginal(p) - config.units.log_scale for p in (at, test.x, odd))
    thresholds = np.linspace(np.quantile(familiar, 0.0) - 2, np.quantile(familiar, 0.6), THRESHOLDS)
    flagged = strange[None, :] < thresholds[:, None]
    at_probe = right.log_marginal(probe)[0] - config.units.log_scale
    alarm = np.array([(familiar < t).mean() for t in thresholds]) * 100
    found = flagged.mean(axis=1) * 100
    return Scene(
        panels=(
            panel(
                "p(y | x) alone",
                (*posterior_layers(left.log_posterior(at)[None], extent), points_layer(data), _cross(probe)),
                data,
            ),
            panel(
                f"log p(x) of {SHORT[config.generative]}",
                (*_density(log_p, thresholds, extent), points_layer(data), *_flags(odd, flagged), _cross(probe)),
                data,
            ),
            _rates(thresholds, alarm, found),
        ),
        steps=np.arange(THRESHOLDS),
        time="threshold",
        readouts=(
            *_posteriors("left", left.log_posterior(probe)[0]),
            *_posteriors("right", right.log_posterior(probe)[0]),
            Readout("log p(x)", np.full(THRESHOLDS, at_probe), "nats", 2),
            Readout("threshold", thresholds, "nats", 2),
            Readout("uniform points flagged", found, "%", 1),
            Readout("false alarms", alarm, "%", 1),
        ),
        captions=(
            "The probe lies above the threshold on p(x): it is not flagged.",
            "The probe lies below the threshold on p(x): flagged as out of distribution. Both still name a class.",
        ),
        caption=(at_probe < thresholds).astype(int),
        alt="Left the posterior, right the log-density with a threshold contour; a probe asks both.",
        fps=10,
        brush=config.brush(),
        handles=tuple(Handle(name, probe[0], p, probe=True) for p, name in enumerate(PROBES)),
    )


def code(config: Config) -> str:
    """What both models say at the probe."""
    return snippet(
        config.models_code(),
        f"probe = np.array([[{config.probe_1}, {config.probe_2}]])",
        config.scale_code,
        f"shown = {{'log p(x)': right.log_marginal(probe)[0]{config.less}}}",
        "for name, model in {'left': left, 'right': right}.items():",
        "    p = np.exp(model.log_posterior(probe)[0])  # of each class",
        "    shown[f'{name}: p(class {p.argmax() + 1} | x)'] = p.max()",
    )


def _posteriors(side: str, log_posterior: np.ndarray) -> list[Readout]:
    c = int(log_posterior.argmax())
    return [Readout(f"{side}: p(class {c + 1} | x)", np.full(THRESHOLDS, np.exp(log_posterior[c])), digits=4)]


def _cross(probe: np.ndarray) -> Points:
    return Points(name="probe", xy=probe, radius=6, colour="ink")


def _density(log_p: np.ndarray, thresholds: np.ndarray, extent) -> tuple[Field, Polylines]:
    shaped = log_p.reshape(1, CELLS, CELLS)
    high = float(log_p.max())
    field = Field(
        name="log p(x)",
        key="v",
        values=np.maximum(shaped[0], high - 25),
        extent=extent,
        limits=(high - 14, high),
        unit="nats",
        alpha=0.75,
    )
    deep = np.maximum(shaped, min(float(thresholds[0]), high) - 60)
    lines = level_lines(deep - thresholds[:, None, None], extent)
    return field, Polylines(name="threshold", key="t", xy=lines, colour="truth", width=3)


def _flags(odd: np.ndarray, flagged: np.ndarray) -> tuple[Points, Points]:
    """Uniform points; those that are flagged are marked."""
    out = np.where(flagged[..., None], odd, np.nan)
    return (
        Points(name="uniform points", key="s", visible=False, xy=odd, radius=3.5, colour="muted"),
        Points(name="flagged", key="g", xy=out, radius=4, colour="model"),
    )


def _rates(thresholds: np.ndarray, alarm: np.ndarray, found: np.ndarray) -> Panel:
    curves = (
        Curve(name="uniform points flagged", key="u", x=thresholds, y=found, colour="model"),
        Curve(name="false alarms", key="a", x=thresholds, y=alarm, colour="data"),
    )
    return chart(
        "Flagged, in %",
        curves,
        (float(thresholds[0]), float(thresholds[-1])),
        (0, 102),
        x_label="threshold on log p(x)",
        share=0.6,
    )


def detectors(config: Config) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """How unusual each score finds test points, and uniform ones: two arrays for each, higher is more unusual."""
    data = config.data()
    left, right = fit_discriminative(config, data), fit_generative(config, data)
    odd, test = uniform(config, data), config.fresh(TESTED)
    return {
        f"−log p(x), {SHORT[config.generative]}": (-right.log_marginal(test.x), -right.log_marginal(odd)),
        "unsure: 1 − max p(y | x), left": tuple(-left.log_posterior(x).max(axis=1) for x in (test.x, odd)),
    }  # type: ignore[dict-item]
