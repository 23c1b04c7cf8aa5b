"""The conditional VAE: the class is chosen, the style is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Handle, Panel, Points, Polylines, Readout, Scene, plane
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, placed
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.pictures import binary, codes, flat, ink, picture
from dashboard.scenes.vae.setup import PLANE, known, network_code, prior_circles
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NAME = "vae-conditional"
STEP, NEIGHBOURS = 1.12, 15


@dataclass(frozen=True)
class Config:
    """The class asked for, and the style: a place in the plane."""

    digit: int = choice("Class", 7, {digit: f"a {digit}" for digit in range(10)})
    style_1: float = placed(0.8, *PLANE)
    style_2: float = placed(-0.6, *PLANE)


def scene(config: Config) -> Scene:
    """The class is the time axis, one style for all ten."""
    model = known(NAME)
    style = np.array([[config.style_1, config.style_2]])
    decoded = ink(model.network.decode(np.repeat(style, 10, axis=0), np.arange(10)))
    kin = np.linalg.norm(model.mu - style, axis=1)
    nearest = np.array([np.flatnonzero(model.labels == c)[kin[model.labels == c].argmin()] for c in range(10)])
    return Scene(
        panels=(
            plane(
                "Style z: drag through it",
                (
                    prior_circles(),
                    *codes(model.mu, model.labels),
                    Points(name="style", xy=style, radius=7, colour="model"),
                ),
                PLANE,
                PLANE,
                labels=("z₁", "z₂"),
                share=1.1,
            ),
            _asked(decoded),
            _all(decoded, ink(flat(binary().images)[nearest])),
        ),
        steps=np.arange(10),
        time="class",
        readouts=(
            Readout("class y", np.arange(10.0), digits=0),
            Readout("style z₁", np.full(10, config.style_1), digits=2),
            Readout("style z₂", np.full(10, config.style_2), digits=2),
        ),
        captions=("One style, ten classes: z no longer has to say which digit it is, so it says how it is written.",),
        caption=0,
        alt="A place in the plane of styles, decoded as each of the ten classes.",
        fps=1.5,
        loop=True,
        start=config.digit,
        handles=(Handle("style", style[0], probe=True),),
    )


def code(config: Config) -> str:
    """One style, decoded as each of the ten classes."""
    return snippet(
        "import numpy as np",
        network_code(NAME),
        "mu, sigma = network.encode(x, labels)  # q(z | x, y) = N(μ, σ²)",
        f"style = {written(np.array([[config.style_1, config.style_2]]))}",
        "pictures = network.decode(style.repeat(10, axis=0), np.arange(10)).reshape(-1, 28, 28)  # E[x | z, y]",
        f"step = {config.digit}  # the class asked for",
        "shown = {",
        "    'E[x | z, y]: the class asked for': np.round(255 * pictures[step : step + 1]),  # 255 is ink",
        "    'test digits': mu,",
        "}",
    )


def told_by_code() -> float:
    """How many test digits have the class that most of the 15 others with the nearest mean codes have, 0 … 1."""
    return cache.made(_told_by_code, NAME)


def _told_by_code(checkpoint: Checkpoint) -> float:
    model = known(checkpoint.entry.name)
    apart = ((model.mu[:, None] - model.mu) ** 2).sum(axis=-1)
    np.fill_diagonal(apart, np.inf)
    votes = model.labels[np.argsort(apart, axis=1, kind="stable")[:, :NEIGHBOURS]]
    said = np.array([np.bincount(vote, minlength=10).argmax() for vote in votes])
    return float((said == model.labels).mean())


def sentence() -> str:
    """How much of the class z still says."""
    return (
        f"The classes' clouds lie on top of each other: from a digit's {NEIGHBOURS} nearest codes its class is "
        f"guessed in {100 * told_by_code():.0f} % of cases (chance: 10 %)."
    )


def _asked(decoded: np.ndarray) -> Panel:
    return Panel(
        "E[x | z, y]: the class asked for",
        (picture(decoded[:, None], (0, 1), 1),),
        (0, 1),
        (0, 1),
        axes=False,
        share=0.9,
    )


def _all(decoded: np.ndarray, real: np.ndarray) -> Panel:
    """Two columns of five: decoded, and beside it the test digit of that class with the nearest style."""
    corners = np.array([((k // 5) * 2.6, -STEP * (k % 5)) for k in range(10)])
    layers: list = []
    for k, (x, y) in enumerate(corners):
        layers += [picture(decoded[k : k + 1], (x, y), 1), picture(real[k : k + 1], (x + 1.1, y), 1)]
    ring = np.array([(0, 0), (1, 0), (1, -1), (0, -1)])
    marks = Polylines(name="asked for", xy=(ring + corners[:, None])[:, None], closed=True, colour="model", width=3)
    return Panel(
        "Each class: decoded, real", (*layers, marks), (0, 4.7), (-STEP * 4 - 1, 0.05), axes=False, share=1.0
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the style was moved."""
    at = np.clip(handle(values, "style"), *PLANE).round(2)
    return replace(config, style_1=float(at[0]), style_2=float(at[1]))
