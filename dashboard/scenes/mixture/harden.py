"""From soft to hard: EM with one shrinking σ becomes K-means."""

from __future__ import annotations

import numpy as np

from dashboard.scene import Curve, Ellipses, Points, Readout, Scene, chart, plane
from dashboard.scene.board import on_board
from dashboard.scenes.mixture.kmeans import kmeans_plane, states_of
from dashboard.scenes.mixture.setup import Config
from genmodels.mixture import GaussianMixture

SOFT_SIGMAS = np.geomspace(4.0, 0.05, 80)


@on_board
def scene(config: Config) -> Scene:
    """Means frozen at K-means' fit, weights equal, one σ for all: σ → 0 makes the responsibilities hard."""
    data = config.data()
    hard = states_of(config, data)[-1]
    k = config.k
    mixtures = [
        GaussianMixture(np.full(k, 1 / k), hard.centroids, np.tile(s**2 * np.eye(2), (k, 1, 1))) for s in SOFT_SIGMAS
    ]
    resp = np.array([m.responsibilities(data) for m in mixtures])
    entropy = -(resp * np.log(np.maximum(resp, 1e-300))).sum(axis=2).mean(axis=1)
    agree = (resp.argmax(axis=2) == hard.labels).mean(axis=1)
    x, y = config.ranges(data)
    soft = (
        Points(name="points", key="p", xy=data, weights=resp.astype(np.float32)),
        Ellipses(
            name="components",
            key="c",
            mean=np.repeat(hard.centroids[None], len(SOFT_SIGMAS), axis=0),
            covariance=np.array([m.covariances for m in mixtures]),
            classes=True,
            sigmas=(1.0,),
        ),
    )
    curve = Curve(name="uncertainty", key="u", y=entropy, x=SOFT_SIGMAS, colour="model")
    return Scene(
        panels=(
            plane("Soft, at this σ", soft, x, y),
            kmeans_plane("Hard: K-means", config, data, [hard]),
            chart(
                "Mean entropy of r, nats",
                (curve,),
                (0.05, 4.0),
                (0, float(np.log(max(k, 2))) * 1.05),
                x_label="σ",
                x_scale="log",
                share=0.8,
            ),
        ),
        steps=np.arange(len(SOFT_SIGMAS)),
        time="frame",
        readouts=(
            Readout("σ", SOFT_SIGMAS, config.units.length()),
            Readout("mean entropy of r", entropy, "nats"),
            Readout("likeliest component = K-means' cluster", 100 * agree, "% of points", 1),
        ),
        alt="As σ shrinks, the mixed colours on the left become the pure colours of K-means on the right.",
        fps=12,
    )
