"""z is drawn first, then x given z; and 3 … 100 components along a curve: the bridge to the VAE."""

from __future__ import annotations

import numpy as np

from dashboard.scene import Bars, Ellipses, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.board import on_board
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.setup import Config
from genmodels.mixture import GaussianMixture, fit_mixture

DRAWN, BRIDGE = 90, (3, 10, 30, 100)


@on_board
def scene(config: Config) -> Scene:
    """z is drawn first, then x | z; afterwards 3, 10, 30, 100 components along a curve."""
    data = config.data()
    mixture = GaussianMixture.from_state(fit_mixture(data, config.em()))
    x_new, z = mixture.sample(DRAWN, np.random.default_rng([config.seed, 5]))
    frames = DRAWN + 1
    bridge = [_along_curve(m) for m in BRIDGE]
    total = frames + 6 * len(BRIDGE)
    count = np.minimum(np.arange(total), DRAWN)
    stage = np.maximum((np.arange(total) - frames) // 6, -1)
    lit = np.zeros((total, config.k))
    lit[np.arange(1, frames), z] = 1.0
    drawn = np.array([np.bincount(z[:c], minlength=config.k) / max(c, 1) for c in count])
    x, y = config.ranges(data)
    left = (
        Points(name="data", key="d", xy=data, radius=3, colour="muted"),
        Ellipses(
            name="components",
            key="c",
            mean=mixture.means[None].repeat(total, 0),
            classes=True,
            covariance=mixture.covariances[None].repeat(total, 0),
            weight=np.where(lit.any(1, keepdims=True), lit, 1),
        ),
        Points(name="generated", key="g", xy=x_new, count=count, labels=z, radius=5),
    )
    bars = (
        Bars(
            name="weights π", key="w", height=mixture.weights, x=np.arange(config.k) + 0.79, width=0.38, classes=True
        ),
        Bars(name="share drawn", key="s", height=drawn, x=np.arange(config.k) + 1.21, width=0.38, colour="ink"),
    )
    means, covariances = np.full((total, max(BRIDGE), 2), np.nan), np.full((total, max(BRIDGE), 2, 2), np.nan)
    for f in range(total):
        if stage[f] >= 0:
            m, c = bridge[stage[f]]
            means[f, : len(m)], covariances[f, : len(m)] = m, c
    curve = _curve(np.linspace(0, 1, 200))[None]
    right = (
        Polylines(name="curve", key="u", xy=curve, colour="muted"),
        Ellipses(
            name="components on a curve",
            key="b",
            mean=means,
            covariance=covariances,
            colour="model",
            sigmas=(1.0,),
            width=1.2,
        ),
    )
    return Scene(
        panels=(
            plane("First z, then x given z", left, x, y, share=1.3),
            chart(
                "z ~ categorical(π)",
                bars,
                (0.4, config.k + 0.6),
                (0, 1.05),
                x_label="component",
                share=0.7,
            ),
            plane("Towards a VAE: a curve", right, (-4, 4), (-4, 4), labels=("u₁", "u₂")),
        ),
        steps=np.arange(total),
        time="frame",
        readouts=(
            Readout("generated", count.astype(float), digits=0),
            Readout(
                "components on the curve",
                np.where(stage >= 0, np.array(BRIDGE)[np.maximum(stage, 0)], np.nan),
                digits=0,
            ),
        ),
        captions=(
            "Draw z: a component lights up. Then draw x from it.",
            *(f"{m} components, laid by hand along a curve." for m in BRIDGE[:-1]),
            f"{BRIDGE[-1]} components, laid by hand along a curve. A VAE is a mixture of infinitely many: one for "
            "each z, its mean found by a network.",
        ),
        caption=stage + 1,
        alt="Samples fall component by component beside the data; then 3, 10, 30, 100 Gaussians lie along a curve.",
        fps=8,
    )


def code(config: Config) -> str:
    """The fitted mixture draws z, then x given z."""
    return snippet(
        config.data_code(),
        "from genmodels.mixture import GaussianMixture, MixtureConfig, fit_mixture",
        f"config = {written(config.em())}",
        "mixture = GaussianMixture.from_state(fit_mixture(x, config))",
        f"drawn, z = mixture.sample({DRAWN}, np.random.default_rng([{config.seed}, 5]))  # z first, then x given z",
        "shown = {",
        "    'weights π': mixture.weights,",
        f"    'share drawn': np.bincount(z, minlength={config.k}) / len(z),",
        "    'generated': len(drawn),",
        "}",
    )


def _curve(t: np.ndarray) -> np.ndarray:
    angle = 1.5 * np.pi * t
    return np.stack([(1 + 2 * t) * np.cos(angle), (1 + 2 * t) * np.sin(angle)], axis=-1)


def _along_curve(m: int) -> tuple[np.ndarray, np.ndarray]:
    means = _curve((np.arange(m) + 0.5) / m)
    width = max(0.28, 4.0 / m)
    return means, np.tile((width / 2) ** 2 * np.eye(2), (m, 1, 1))
