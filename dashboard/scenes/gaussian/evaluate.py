"""Evaluate: what is p(x) here? And how can a probability density exceed 1?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Ellipses, Field, Handle, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.drag import handle
from dashboard.scene.fields import placed
from dashboard.scene.snippet import snippet
from dashboard.scenes.gaussian import ellipse
from genmodels.gaussian import Gaussian, covariance_matrix

CELLS = 56
SCALES = np.geomspace(1.0, 0.1, 61)
REACH = 6.0


@dataclass(frozen=True)
class Config:
    """A Gaussian around the origin, and the place of the probe."""

    sigma_1: float = ellipse.sigma("σ₁", ellipse.LECTURE[0])
    sigma_2: float = ellipse.sigma("σ₂", ellipse.LECTURE[1])
    rho: float = ellipse.correlation(ellipse.LECTURE[2])
    probe_1: float = placed(1.5, -REACH, REACH)
    probe_2: float = placed(0.5, -REACH, REACH)

    def gaussian(self, scale: float = 1.0) -> Gaussian:
        """The Gaussian with both standard deviations multiplied by ``scale``."""
        return Gaussian(np.zeros(2), scale**2 * covariance_matrix(self.sigma_1, self.sigma_2, self.rho))


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the probe was moved."""
    x, y = np.clip(handle(values, "probe"), -REACH, REACH).round(2).tolist()
    return replace(config, probe_1=x, probe_2=y)


def scene(config: Config) -> Scene:
    """Both standard deviations shrink to a tenth; the probe stays."""
    probe = np.array([[config.probe_1, config.probe_2]])
    whole = config.gaussian()
    distance = whole.mahalanobis(probe)[0] / SCALES  # shrinking σ by s is the same as moving away by 1 / s
    log_peak = whole.log_prob(whole.mean)[0] - 2 * np.log(SCALES)
    log_p = log_peak - 0.5 * distance**2
    sigma = SCALES * np.sqrt(whole.covariance[0, 0])
    return Scene(
        panels=(_plane(whole, probe, distance), _line(sigma)),
        steps=np.arange(len(SCALES)),
        time="shrink step",
        readouts=(
            Readout("p(x)", np.exp(log_p), "per unit area", digits=4),
            Readout("log p(x)", log_p, "nats"),
            Readout("Mahalanobis distance", distance, "σ", digits=2),
            Readout("probability inside its contour", 100 * -np.expm1(-0.5 * distance**2), "%", 1),
            Readout("p(μ)", np.exp(log_peak), "per unit area"),
        ),
        captions=("The density of x₁ now exceeds 1. The shaded area is still 0.683: density is not probability.",),
        caption=np.where(sigma * np.sqrt(2 * np.pi) < 1, 0, -1),
        alt="A Gaussian's density as a field with the contour through a probe that can be dragged; beside it the "
        "density of the first coordinate, whose shaded area between −σ and σ stays 0.683 while σ shrinks.",
        fps=12,
        handles=(Handle("probe", probe[0], 0, probe=True),),
    )


def code(config: Config) -> str:
    """The density at the probe and at the mean, of each of the Gaussians."""
    return snippet(
        "import numpy as np",
        "from genmodels.gaussian import Gaussian, covariance_matrix",
        f"covariance = covariance_matrix(sigma_1={config.sigma_1}, sigma_2={config.sigma_2}, rho={config.rho})",
        f"scales = np.geomspace(1, 0.1, {len(SCALES)})  # both standard deviations shrink to a tenth",
        "gaussians = [Gaussian(np.zeros(2), scale**2 * covariance) for scale in scales]",
        f"probe = np.array([[{config.probe_1}, {config.probe_2}]])",
        "log_p = np.array([gaussian.log_prob(probe)[0] for gaussian in gaussians])",
        "distance = np.array([gaussian.mahalanobis(probe)[0] for gaussian in gaussians])",
        "shown = {",
        "    'p(x)': np.exp(log_p),",
        "    'log p(x)': log_p,",
        "    'Mahalanobis distance': distance,",
        "    'probability inside its contour': 100 * (1 - np.exp(-(distance**2) / 2)),",
        "    'p(μ)': [np.exp(gaussian.log_prob(gaussian.mean)[0]) for gaussian in gaussians],",
        "}",
    )


def _plane(whole: Gaussian, probe: np.ndarray, distance: np.ndarray) -> Panel:
    centres = np.linspace(-REACH, REACH, 2 * CELLS + 1)[1::2]
    grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    relative = whole.mahalanobis(grid) ** 2  # one distance a cell; shrinking only rescales it
    exponent = np.multiply.outer((-0.5 / SCALES**2).astype(np.float32), relative.astype(np.float32))
    fields = np.exp(exponent, out=exponent).reshape(-1, CELLS, CELLS)
    covariances = SCALES[:, None, None, None] ** 2 * whole.covariance
    contour = distance[:, None, None, None] ** 2 * covariances
    layers = (
        Field(name="p(x) / p(μ)", key="p", values=fields, extent=(-REACH, REACH, -REACH, REACH), limits=(0.0, 1.0)),
        Ellipses(name="1 σ, 2 σ", key="e", mean=np.zeros((1, 2)), covariance=covariances, colour="model", width=2),
        Ellipses(
            name="contour through the probe",
            key="c",
            mean=np.zeros((1, 2)),
            covariance=contour,
            sigmas=(1.0,),
            colour="truth",
            dashed=True,
            width=2.5,
        ),
        Points(name="probe", xy=probe, radius=5, colour="truth"),
    )
    return plane("Drag the probe: what is p(x) there?", layers, (-REACH, REACH), (-3.6, 3.6), share=1.5)


def _line(sigmas: np.ndarray) -> Panel:
    u = np.linspace(-4, 4, 161)
    inside = np.abs(u) <= 1
    sigma = sigmas[:, None]
    density = np.exp(-0.5 * u**2) / (sigma * np.sqrt(2 * np.pi))
    x = u * sigma
    bell = np.stack([x, density], axis=-1)[:, None]
    ends = np.stack([np.stack([s, 0 * s], -1) for s in (sigma * -1, sigma)], axis=1)
    area = np.concatenate([ends[:, :1, 0], bell[:, 0, inside], ends[:, 1:, 0]], axis=1)[:, None]
    one = np.array([[[-REACH, 1.0], [REACH, 1.0]]])
    layers = (
        Polylines(
            name="68.3 % of the probability", key="a", xy=area, colour="model", filled=True, closed=True, width=1
        ),
        Polylines(name="p(x₁)", key="y", xy=bell, colour="model", width=3),
        Polylines(name="density 1", xy=one, colour="truth", dashed=True),
    )
    top = 1.1 * max(float(density.max()), 1.0)
    return chart("Density of x₁ alone", layers, (-REACH, REACH), (0, top), x_label="x₁", y_label="p(x₁)")


def formula(config: Config) -> str:
    """log p at the probe in numbers, in LaTeX."""
    gaussian, probe = config.gaussian(), np.array([[config.probe_1, config.probe_2]])
    d, log_p = gaussian.mahalanobis(probe)[0], gaussian.log_prob(probe)[0]
    return (
        r"\log p(x)=-\log 2\pi-\tfrac12\log|\Sigma|-\tfrac12 (x-\mu)^\top\Sigma^{-1}(x-\mu)"
        rf"=-1.838-\tfrac12({gaussian.log_det:.3f})-\tfrac12({d:.3f})^2={log_p:.3f}\ \text{{nats}}"
    )
