"""From one digit to another: straight in pixels, and straight in the latent plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import Claim, Curve, Handle, Panel, Points, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.drag import handle
from dashboard.scene.fields import placed
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import binary, codes, flat, ink, sheet
from dashboard.scenes.vae.setup import PLANE, known, network_code, prior_circles
from genmodels.data.digits import load_binarised_mnist

FRAMES = 41


@dataclass(frozen=True)
class Config:
    """Indices of the two test digits."""

    start: int = placed(7, 0, 499)
    end: int = placed(0, 0, 499)


@lru_cache(maxsize=1)
def _training() -> tuple[np.ndarray, np.ndarray]:
    """The training digits ``(4000, 784)`` and their squared lengths."""
    x = flat(load_binarised_mnist().train.images)
    return x, (x**2).sum(axis=1)


def to_nearest(pictures: np.ndarray) -> np.ndarray:
    """Distance from each picture ``(F, 784)`` to the nearest training digit, in pixels' worth of ink, ``(F,)``."""
    x, squared = _training()
    return np.sqrt(np.maximum((squared - 2 * pictures @ x.T).min(axis=1) + (pictures**2).sum(axis=1), 0))


def scene(config: Config) -> Scene:
    """The share of the way is the time axis."""
    model = known()
    x = flat(binary().images)[[config.start, config.end]]
    t = np.linspace(0, 1, FRAMES)[:, None]
    mixed = (1 - t) * x[0] + t * x[1]
    ends = model.mu[[config.start, config.end]]
    z = (1 - t) * ends[0] + t * ends[1]
    decoded = model.network.decode(z)
    apart = [to_nearest(pictures) for pictures in (mixed, decoded)]
    return Scene(
        panels=(
            _plane(z, ends),
            sheet("Straight in pixels", ink(mixed)[:, None], 1, share=0.9),
            sheet("Straight in the plane: E[x | z]", ink(decoded)[:, None], 1, share=0.9),
            chart(
                "To the nearest of 4,000 digits",
                (
                    Curve(name="in pixels", key="x", x=t[:, 0], y=apart[0], colour="data"),
                    Curve(name="in the plane", key="z", x=t[:, 0], y=apart[1], colour="model"),
                ),
                (0, 1),
                (0, 1.1 * float(np.max(apart))),
                x_label="share of the way",
                y_label="distance",
                share=0.9,
            ),
        ),
        steps=np.arange(FRAMES),
        time="frame",
        readouts=(
            Readout("share of the way", t[:, 0], digits=2),
            Readout("in pixels, to the nearest", apart[0], digits=2),
            Readout("in the plane", apart[1], digits=2),
        ),
        **said(FRAMES, *_claims(config, t[:, 0], *apart)),
        alt="Two digits, and two ways between them: a mix of pixels, and the decoded straight line in the plane.",
        fps=10,
        loop=True,
        handles=tuple(
            Handle(name, at, colour=colour)
            for name, at, colour in zip(("start", "end"), ends, ("data", "model"), strict=True)
        ),
    )


def code(config: Config) -> str:
    """Both ways, and how far they lead from the training digits."""
    return snippet(
        "import numpy as np",
        "from genmodels.metrics import nearest_distances",
        network_code(),
        "mu, _ = network.encode(x)  # q(z | x) = N(μ, σ²)",
        f"start, end = {config.start}, {config.end}",
        f"share = np.linspace(0, 1, {FRAMES})[:, None]",
        "mixed = (1 - share) * x[start] + share * x[end]",
        "decoded = network.decode((1 - share) * mu[start] + share * mu[end])  # E[x | z]",
        "train = load_binarised_mnist().train.images.reshape(-1, 784)",
        "shown = {",
        "    'in pixels, to the nearest': nearest_distances(mixed, train),",
        "    'in the plane': nearest_distances(decoded, train),",
        "    'Straight in the plane: E[x | z]': np.round(255 * decoded[-1:]).reshape(-1, 28, 28),  # its end",
        "}",
    )


def _claims(config: Config, t: np.ndarray, mixed: np.ndarray, decoded: np.ndarray) -> list[Claim]:
    between = (t > 0) & (t < 1)
    return [
        Claim("Both ends are the same digit: there is no way to go.", config.start == config.end),
        Claim("At the end: the digit itself, and its reconstruction from the mean of q(z | x).", ~between),
        Claim(
            "In pixels both digits show at once, each fainter; the decoded picture is nearer to a training digit.",
            between & (decoded < mixed),
        ),
        Claim(
            "In pixels both digits show at once, each fainter; still the mix is no farther from a training digit.",
            between & (decoded >= mixed),
        ),
    ]


def _plane(z: np.ndarray, ends: np.ndarray) -> Panel:
    model = known()
    layers = (
        prior_circles(),
        *codes(model.mu, model.labels),
        Polylines(name="way", key="w", xy=ends[None], colour="model", width=3),
        Points(name="here", xy=z[:, None], radius=8, colour="model"),
    )
    return plane("Take hold of either end", layers, PLANE, PLANE, labels=("z₁", "z₂"), share=1.2)


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after an end was moved: it goes to the nearest digit."""
    mu = known().mu
    nearest = {name: int(np.linalg.norm(mu - handle(values, name), axis=1).argmin()) for name in ("start", "end")}
    return replace(config, **nearest)
