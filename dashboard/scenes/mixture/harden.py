"""From soft to hard: EM with one fixed σ for all becomes K-means as σ shrinks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.scene import Curve, Ellipses, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.board import on_board
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.kmeans import kmeans_plane, states_of
from dashboard.scenes.mixture.setup import Config
from genmodels.kmeans import KMeansState
from genmodels.mixture import EMState, MixtureConfig, fit_mixture

SOFT_SIGMAS = np.geomspace(4.0, 0.05, 80)
MERGED, HARD = 0.01, 1e-3
"""Of the data's largest standard deviation, below which means are one; nats, below which r is hard."""


@on_board
def scene(config: Config) -> Scene:
    """For each σ, what EM comes to from K-means' centroids, with that σ and equal weights fixed."""
    data = config.data()
    hard = states_of(config, data)[-1]
    k = config.k
    fits = [_fit(config, data, hard, s) for s in SOFT_SIGMAS]
    widest = float(np.linalg.eigvalsh(np.cov(data.T, bias=True))[-1])
    ratio = SOFT_SIGMAS**2 / widest
    means, resp = np.array([f.means for f in fits]), np.exp([f.log_resp for f in fits])
    entropy = -(resp * np.log(np.maximum(resp, 1e-300))).sum(axis=2).mean(axis=1)
    apart = np.linalg.norm(means[:, :, None] - means[:, None], axis=-1).max(axis=(1, 2))
    merged = (apart < MERGED * np.sqrt(widest)) & (k > 1)
    agree = np.where(merged, np.nan, 100 * (resp.argmax(axis=2) == hard.labels).mean(axis=1))
    x, y = config.ranges(data)
    soft = (
        Points(name="points", key="p", xy=data, weights=resp.astype(np.float32)),
        Ellipses(
            name="components",
            key="c",
            mean=means,
            covariance=np.broadcast_to(
                SOFT_SIGMAS[:, None, None, None] ** 2 * np.eye(2), (len(SOFT_SIGMAS), k, 2, 2)
            ),
            classes=True,
            sigmas=(1.0,),
        ),
    )
    top = float(np.log(max(k, 2))) * 1.05
    edge = np.array([[[np.sqrt(widest), 0.0], [np.sqrt(widest), top]]])
    curves = (
        Curve(name="uncertainty", key="u", y=entropy, x=SOFT_SIGMAS, colour="model"),
        Polylines(name="σ² = λ_max", key="m", xy=edge, colour="truth", dashed=True),
    )
    return Scene(
        panels=(
            plane("Soft: EM at this σ", soft, x, y),
            kmeans_plane("Hard: K-means", config, data, [hard]),
            chart("Mean entropy of r, nats", curves, (0.05, 4.0), (0, top), x_label="σ", x_scale="log", share=0.8),
        ),
        steps=np.arange(len(SOFT_SIGMAS)),
        time="frame",
        readouts=(
            Readout("σ", SOFT_SIGMAS, config.units.length()),
            Readout("σ² / λ_max of the data", ratio, significant=True),
            Readout("mean entropy of r", entropy, "nats"),
            Readout("likeliest component = K-means' cluster", agree, "% of points", 1),
        ),
        **said(
            len(SOFT_SIGMAS),
            Claim(
                "σ² lies above λ_max, the data's largest variance in any direction: all means have merged into one.",
                merged & (ratio > 1),
            ),
            Claim(
                "Mean entropy below 0.001 nats, and each point's likeliest component is its K-means cluster: EM "
                "has become K-means.",
                (entropy < HARD) & (agree == 100),
            ),
            Claim(
                "Mean entropy below 0.001 nats, but some points lie in another cluster than K-means'.", entropy < HARD
            ),
            Claim("σ² lies below λ_max: the means have parted. Points are still shared.", ~merged & (ratio < 1)),
            "EM at this σ, from K-means' centroids, until it comes to rest.",
        ),
        alt="EM's means at a fixed σ: merged where σ is large; as it shrinks they part, and the mixed colours on the "
        "left become the pure colours of K-means on the right.",
        fps=12,
    )


def _fit(config: Config, data: np.ndarray, hard: KMeansState, sigma: float) -> EMState:
    """EM that moves the means alone: σ and equal weights are fixed."""
    settings = replace(_soft(config), init=hard.centroids, covariances_init=np.full(config.k, sigma**2))
    return fit_mixture(data, settings)


def _soft(config: Config) -> MixtureConfig:
    return MixtureConfig(config.k, "spherical", means_only=True, tol=1e-9, max_iter=400)


def code(config: Config) -> str:
    """K-means, then EM at each σ from its centroids."""
    fixed = {"init": "hard.centroids", "covariances_init": f"np.full({config.k}, sigma**2)"}
    return snippet(
        config.data_code(),
        "from genmodels.kmeans import KMeansConfig, fit_kmeans",
        "from genmodels.mixture import MixtureConfig, fit_mixture",
        f"hard = fit_kmeans(x, {written(config.kmeans())})",
        f"sigmas = np.geomspace(4, 0.05, {len(SOFT_SIGMAS)})",
        "soft = []",
        "for sigma in sigmas:",
        f"    config = {written(_soft(config), **fixed)}",
        "    soft.append(fit_mixture(x, config))",
        "agree = np.mean(soft[-1].log_resp.argmax(axis=1) == hard.labels)",
        "shown = {",
        "    'σ': sigmas,",
        "    'mean entropy of r': [-np.sum(np.exp(s.log_resp) * s.log_resp) / len(x) for s in soft],",
        '    "likeliest component = K-means\' cluster": 100 * agree,',
        "}",
    )
