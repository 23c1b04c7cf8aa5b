"""K-means, alone, and beside EM on the same data and start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dashboard.scene import Curve, Ellipses, Field, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.board import on_board
from dashboard.scene.claims import Claim, said
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.mixture.setup import Config, full_covariances, handles, padded
from genmodels.kmeans import KMeansState, assign, iterate_kmeans
from genmodels.mixture import EMState, iterate_em

CELLS = 60


def states_of(config: Config, data: np.ndarray) -> list[KMeansState]:
    """All half-steps of K-means."""
    return list(iterate_kmeans(data, config.kmeans()))


@on_board
def scene(config: Config) -> Scene:
    """Assign, update, assign …: regions, trails, and the sum of squared distances."""
    data = config.data()
    states = states_of(config, data)
    inertia = np.array([s.inertia for s in states])
    curve = Curve(name="sum of squared distances", key="s", y=inertia, colour="model")
    top = float(np.nanmax(inertia, initial=1e-9))
    bottom = float(np.nanmin(inertia, initial=0.9 * top))
    right = chart(
        "Sum of squared distances",
        (curve,),
        (0, max(len(states) - 1, 1)),
        (0.9 * bottom, 1.03 * top),
        x_label="half-step",
    )
    return Scene(
        panels=(kmeans_plane("K-means", config, data, states, regions=True), right),
        steps=np.arange(len(states)),
        time="half-step",
        readouts=(
            Readout("sum of squared distances", inertia, config.units.length("²"), 2),
            Readout("points that changed", _changes(states), digits=0),
        ),
        **said(len(states), *_sentences(states)),
        alt="Alternating: points take the colour of their nearest centroid, centroids move to their points' mean.",
        fps=2,
        handles=handles(states[0].centroids),
        brush=config.brush(),
    )


def code(config: Config) -> str:
    """K-means on these points, from this start."""
    return snippet(
        config.data_code(),
        "from genmodels.kmeans import KMeansConfig, iterate_kmeans",
        f"config = {written(config.kmeans())}",
        "states = list(iterate_kmeans(x, config))",
        "shown = {",
        "    'sum of squared distances': [state.inertia for state in states],",
        "    'centroids': states[-1].centroids,",
        "}",
    )


def _changes(states: list[KMeansState]) -> np.ndarray:
    """Points that the latest assignment gave to another cluster; NaN before the first."""
    return np.array([np.nan if s.phase == "init" else s.changed for s in states])


def _sentences(states: list[KMeansState]) -> Iterator[Claim]:
    phase, changed = np.array([s.phase for s in states]), np.array([s.changed for s in states])
    empty = np.array([s.empty.any() for s in states])
    yield Claim("Start: K centroids; no point is assigned yet.", phase == "init")
    yield Claim("Assign: no point has another nearest centroid than before. K-means ends.",
                (phase == "assign") & (changed == 0))  # fmt: skip
    yield Claim("Assign: every point joins its nearest centroid.", phase == "assign")
    yield Claim("Update: each centroid moves to the mean of its points; one without points stays.",
                (phase == "update") & empty)  # fmt: skip
    yield Claim("Update: each centroid moves to the mean of its points.", phase == "update")


def kmeans_plane(
    title: str, config: Config, data: np.ndarray, states: list[KMeansState], regions: bool = False
) -> Panel:
    """Points by cluster, centroids with their trails, and the regions if wanted; a single state stands still."""
    x, y = config.ranges(data)
    centroids, labels = (np.array([getattr(s, name) for s in states]) for name in ("centroids", "labels"))
    if len(states) == 1:  # a picture that stands still
        centroids, labels = centroids[0], labels[0]
    layers = (
        *([_regions(states, x, y)] if regions else []),
        Points(name="points", key="p", xy=data, labels=labels),
        Points(name="centroids", key="c", xy=centroids, labels=np.arange(centroids.shape[-2]), radius=9, trail=60),
    )
    return plane(title, layers, x, y)


def _regions(states: list[KMeansState], x: tuple[float, float], y: tuple[float, float]) -> Field:
    across, up = (np.linspace(*r, 2 * CELLS + 1)[1::2] for r in (x, y))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    nearest = np.array([assign(grid, s.centroids) for s in states], dtype=np.uint8).reshape(-1, CELLS, CELLS)
    return Field(name="regions", key="r", values=nearest, extent=(*x, *y), limits=(0, 1), classes=True, alpha=0.2)


@on_board
def beside(config: Config) -> Scene:
    """K-means and EM from the same start on one time axis."""
    data = config.data()
    hard, soft = states_of(config, data), list(iterate_em(data, config.em()))
    n = max(len(hard), len(soft))
    hard, soft = padded(hard, n), padded(soft, n)
    return Scene(
        panels=(
            kmeans_plane("K-means: hard, round, equal", config, data, hard),
            em_plane("EM: soft, any ellipse, any size", config, data, soft),
        ),
        steps=np.arange(n),
        time="half-step",
        readouts=(
            Readout("sum of squared distances", np.array([s.inertia for s in hard]), config.units.length("²"), 2),
            Readout("log-likelihood of the mixture", log_likelihood(config, soft), "nats per point"),
            Readout("points they place differently", _disagreements(hard, soft), digits=0),
        ),
        alt="The same points, the same start: K-means on the left cuts with straight lines, EM on the right "
        "adapts its ellipses.",
        fps=3,
        handles=handles(hard[0].centroids),
        brush=config.brush(),
    )


def beside_code(config: Config) -> str:
    """Both, from this start, to their ends."""
    return snippet(
        config.data_code(),
        "from genmodels.kmeans import KMeansConfig, fit_kmeans",
        "from genmodels.mixture import MixtureConfig, fit_mixture",
        f"hard = fit_kmeans(x, {written(config.kmeans())})",
        f"soft = fit_mixture(x, {written(config.em())})  # from the same start",
        config.scale_code,
        "shown = {",
        "    'sum of squared distances': hard.inertia,",
        f"    'log-likelihood of the mixture': soft.log_likelihood{config.less},",
        "    'points they place differently': np.sum(hard.labels != soft.log_resp.argmax(axis=1)),",
        "}",
    )


def em_plane(
    title: str, config: Config, data: np.ndarray, states: list[EMState], probe: np.ndarray | None = None
) -> Panel:
    """Points in mixed colours, components as ellipses whose opacity is their weight."""
    x, y = config.ranges(data)
    weights = np.array([s.weights for s in states])
    layers = (
        Points(name="points", key="p", xy=data, weights=np.exp([s.log_resp for s in states]).astype(np.float32)),
        Ellipses(
            name="components",
            key="c",
            mean=np.array([s.means for s in states]),
            classes=True,
            filled=True,
            covariance=np.array([full_covariances(s) for s in states]),
            weight=weights / weights.max(axis=1, keepdims=True),
        ),
        *([Points(name="chosen point", xy=probe[None], radius=8, colour="ink")] if probe is not None else []),
    )
    return plane(title, layers, x, y)


def log_likelihood(config: Config, states: list[EMState]) -> np.ndarray:
    """Nats per point, in the data's own units, ``(F,)``."""
    return np.array([s.log_likelihood for s in states]) - config.units.log_scale


def _disagreements(hard: list[KMeansState], soft: list[EMState]) -> np.ndarray:
    """Points whose most responsible component is not their cluster; NaN before the first assignment."""
    count = [np.count_nonzero(h.labels != s.log_resp.argmax(axis=1)) for h, s in zip(hard, soft, strict=True)]
    started = np.arange(len(hard)) > 0
    return np.where(started, np.array(count, dtype=float), np.nan)
