r"""Three Gaussians, thirty, and one for each z: the sum of a mixture becomes an integral.

    p_K(x) = Σ_k (1/K) N(x; f(z_k), σ² I)   →   p(x) = ∫ N(z; 0, 1) N(x; f(z), σ² I) dz = ∫₀¹ p(x | z = Φ⁻¹(u)) du

z_k is the middle of the k-th of K equally probable pieces of the prior, so that over u = Φ(z) the mixture is the
midpoint rule: K columns of width 1/K, and their area is p_K(x).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import (
    Curve,
    Ellipses,
    Field,
    Handle,
    Labels,
    Panel,
    Points,
    Polylines,
    Readout,
    Scene,
    chart,
    plane,
)
from dashboard.scene.claims import Claim, Said, said
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, placed, slider
from dashboard.scene.snippet import snippet
from genmodels.inference.models import CurveModel, log_sum_exp, middles

COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100)
FRAMES, MOST = len(COUNTS) + 1, COUNTS[-1]
CURVES = {"wave": "A wave", "horseshoe": "A horseshoe", "parabola": "A parabola"}
RANGES = {
    "wave": ((-3.2, 3.2), (-2.2, 2.6)),
    "horseshoe": ((-3.2, 3.2), (-2.4, 3.4)),
    "parabola": ((-3.2, 3.2), (-2.2, 4.6)),
}
CELLS, COLUMNS = 64, 401
APART, ALIKE = 0.2, 0.02  # total variation


@dataclass(frozen=True)
class Config:
    """A curve, the noise around it, and the x whose probability is asked for."""

    curve: str = choice("Curve f(z)", "wave", CURVES)
    curve_noise: float = slider("Noise σ", 0.2, 0.1, 0.5, 0.05)
    curve_1: float = placed(0.7, -3.2, 3.2)
    curve_2: float = placed(0.8, -2.4, 4.6)

    @property
    def x(self) -> np.ndarray:
        """Under the hand, ``(2,)``."""
        return np.array([self.curve_1, self.curve_2])

    def model(self) -> CurveModel:
        """One latent, and this curve."""
        return CurveModel(self.curve, self.curve_noise)


def scene(config: Config) -> Scene:
    """More and more Gaussians; the last frame has all z."""
    model, frames = config.model(), np.arange(FRAMES)
    finite = np.array([log_sum_exp(one) - np.log(len(one)) for one in _at_middles(config, model)])
    endless = float(model.log_prob(config.x[None])[0])
    apart = _apart(config.curve, config.curve_noise)
    return Scene(
        panels=(_plane(config, model), _area(config, model), _distance(apart)),
        steps=frames,
        time="frame",
        readouts=(
            Readout("Gaussians K", np.append(COUNTS, np.nan), digits=0),
            Readout("log p(x) by these", np.append(finite, endless), "nats"),
            Readout("log p(x) by all z", np.full(FRAMES, endless), "nats"),
            Readout("mass elsewhere", 100 * apart, "%", 1),
        ),
        **_said(apart),
        alt="Gaussians along a curve, ever more of them, and beside them an area under ever narrower columns.",
        fps=1.5,
        handles=(Handle("x", config.x, probe=True),),
    )


def _said(apart: np.ndarray) -> Said:
    frames = np.arange(FRAMES)
    fewer = np.append(False, np.diff(apart) < 0)
    return said(
        FRAMES,
        Claim("All z at once: the sum is an integral, and K is gone.", frames == FRAMES - 1),
        Claim("One Gaussian, in the middle of the curve.", frames == 0),
        Claim("Single Gaussians: more than 20 % of the mass would have to move to be that of all z.", apart > APART),
        Claim("Less than 2 % of the mass would have to move to be that of all z.", apart < ALIKE),
        Claim("More Gaussians than before, and less of the mass is elsewhere.", fewer),
        "A mixture of Gaussians along the curve.",
    )


def code(config: Config) -> str:
    """log p of one x by each mixture, and by all z."""
    return snippet(
        "import numpy as np",
        "from genmodels.inference.models import CurveModel",
        f"model = CurveModel({config.curve!r}, {config.curve_noise!r})  # x = f(z) + σ ε",
        f"x = np.array([[{config.curve_1!r}, {config.curve_2!r}]])",
        f"counts = {COUNTS}  # of Gaussians",
        "finite = [model.mixture(k).log_prob(x)[0] for k in counts]  # a sum",
        "endless = model.log_prob(x)[0]  # an integral over z",
        "shown = {'log p(x) by these': np.array([*finite, endless]), 'log p(x) by all z': endless}",
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """Another x, within the picture."""
    (left, right), (low, high) = RANGES[config.curve]
    x_1, x_2 = np.clip(handle(values, "x"), (left, low), (right, high)).round(3)
    return replace(config, curve_1=float(x_1), curve_2=float(x_2))


# --- the plane ----------------------------------------------------------------------------------------------


def _plane(config: Config, model: CurveModel) -> Panel:
    across, up = RANGES[config.curve]
    means = np.full((FRAMES, MOST, 2), np.nan)
    weight = np.zeros((FRAMES, MOST))
    for frame, (k, z) in enumerate(zip(COUNTS, _middles()[:-1], strict=True)):
        means[frame, :k] = model.decode(z)
        weight[frame, :k] = max(k**-0.5, 0.25)
    layers = (
        Field(
            name="p(x), of its highest",
            key="p",
            values=_densities(config.curve, config.curve_noise),
            extent=(*across, *up),
            limits=(0, 1),
        ),
        Polylines(
            name="f(z), all z",
            key="z",
            xy=model.decode(np.linspace(-3.5, 3.5, 241)[:, None])[None],
            colour="truth",
            width=1.5,
            dashed=True,
        ),
        Ellipses(
            name="Gaussians, 1 σ",
            key="g",
            mean=means,
            covariance=np.broadcast_to(model.noise**2 * np.eye(2), (MOST, 2, 2)),
            weight=weight,
            sigmas=(1.0,),
            colour="model",
            width=2,
        ),
        Points(name="f(z_k)", key="c", xy=means, radius=3, colour="model"),
        Points(name="x", xy=config.x[None], radius=6, colour="ink"),
        Labels(name="", at=_one_at_a_time(across, up), texts=_counted(), bold=True, size=1.3, align="left"),
    )
    return plane("Gaussians along a curve: drag x", layers, across, up, share=1.35)


def _counted() -> tuple[str, ...]:
    return ("1 Gaussian", *(f"{k} Gaussians" for k in COUNTS[1:]), "∞: all z")


def _one_at_a_time(across: tuple[float, float], up: tuple[float, float]) -> np.ndarray:
    """The place of each frame's own words, in the upper left; the others are nowhere."""
    at = np.full((FRAMES, FRAMES, 2), np.nan)
    at[range(FRAMES), range(FRAMES)] = across[0] + 0.15, up[1] - 0.3
    return at


def _density(means: np.ndarray, noise: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of equally many round Gaussians, ``(len(second), len(first))``: a product over the axes."""
    along = [
        np.exp(-0.5 * np.square((axis[:, None] - m) / noise))
        for axis, m in zip((first, second), means.T, strict=True)
    ]
    return along[1] @ along[0].T / (len(means) * 2 * np.pi * noise**2)


def _all_densities(curve: str, noise: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each mixture and, last, of all z, ``(F, len(second), len(first))``."""
    model = CurveModel(curve, noise)
    finite = [_density(model.decode(z), noise, first, second) for z in _middles()[:-1]]
    return np.stack([*finite, model.density(first, second)])


@lru_cache(maxsize=8)
def _densities(curve: str, noise: float) -> np.ndarray:
    """At the cells' centres, each frame divided by its highest, ``(F, CELLS, CELLS)``."""
    first, second = (np.linspace(low, high, 2 * CELLS + 1)[1::2] for low, high in RANGES[curve])
    found = _all_densities(curve, noise, first, second)
    return (found / found.max(axis=(1, 2), keepdims=True)).astype(np.float32)


@lru_cache(maxsize=8)
def _apart(curve: str, noise: float) -> np.ndarray:
    """Total variation ½ ∫ |p_K − p| dx of each frame, ``(F,)``: the share of the mass that would have to move."""
    ends = CurveModel(curve, noise).decode(np.linspace(-4, 4, 801)[:, None])
    step = 0.4 * noise
    low, high = ends.min(axis=0) - 5 * noise, ends.max(axis=0) + 5 * noise
    first, second = (np.arange(a, b + step, step) for a, b in zip(low, high, strict=True))
    found = _all_densities(curve, noise, first, second)
    return 0.5 * step**2 * np.abs(found - found[-1]).sum(axis=(1, 2))


# --- the area -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _middles() -> tuple[np.ndarray, ...]:
    """z_k of each mixture, ``(K, 1)``, and, last, those that the curve is drawn by."""
    return tuple(middles(k)[:, None] for k in (*COUNTS, COLUMNS))


def _at_middles(config: Config, model: CurveModel) -> list[np.ndarray]:
    """log p(x | z_k) under each mixture, ``(K,)``, nats."""
    return [model.log_likelihood(config.x, z) for z in _middles()[:-1]]


def _area(config: Config, model: CurveModel) -> Panel:
    """Over u = Φ(z): columns of equal width as high as p(x | z_k), and the curve that they approach."""
    u = (np.arange(COLUMNS) + 0.5) / COLUMNS
    whole = np.exp(model.log_likelihood(config.x, _middles()[-1]))
    areas = np.zeros((FRAMES, 1, COLUMNS + 2, 2))
    for frame, heights in enumerate(map(np.exp, _at_middles(config, model))):
        k = len(heights)
        edges = np.repeat(np.arange(k + 1) / k, 2)
        outline = np.column_stack([edges, np.concatenate([[0], np.repeat(heights, 2), [0]])])
        areas[frame, 0] = outline[-1]
        areas[frame, 0, : len(outline)] = outline
    areas[-1, 0] = np.concatenate([[(0, 0)], np.column_stack([u, whole]), [(1, 0)]])
    layers = (
        Polylines(name="area p(x)", key="a", xy=areas, colour="model", filled=True, width=1.5, alpha=0.9),
        Polylines(name="p(x | z)", key="l", xy=np.column_stack([u, whole])[None], colour="truth", dashed=True),
    )
    top = 1.15 / (2 * np.pi * model.noise**2)
    highest = 1.15 * max(float(areas[..., 1].max()), 1e-3 * top)
    return chart(
        "Its p(x): the area of the columns", layers, (0, 1), (0, highest), "u, the share of p(z) below z", "p(x | z)"
    )


def _distance(apart: np.ndarray) -> Panel:
    """Total variation over K; all z are at the end of the axis, and 0 away."""
    counts = np.append(COUNTS, np.nan)
    y = np.append(100 * apart[:-1], np.nan)
    least = 10 ** np.floor(np.log10(np.nanmin(y)))
    layers = (Curve(name="½ ∫ |p_K − p| dx", key="d", x=counts, y=y, colour="model"),)
    return chart(
        "How much of the mass is elsewhere?",
        layers,
        (0.9, 120),
        (float(least), 120),
        "Gaussians K",
        "% of the mass",
        "log",
        "log",
        share=0.75,
    )
