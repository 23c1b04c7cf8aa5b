"""What all mixture scenes start from: points, the number of components, and the means to start with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dashboard.scene import Brush, Handle, Scene
from dashboard.scene.drag import handle, moved, painted
from dashboard.scene.painted import decode_points, encode_points
from dashboard.scenes import board
from dashboard.scenes.board import empty_board
from genmodels.data.planar import get_dataset
from genmodels.kmeans import check_points, starting_means
from genmodels.mixture import EMState, GaussianMixture, MixtureConfig

Pair = tuple[float, float]
BOARD: Pair = (-5.0, 5.0)

# means, covariances (xx, xy, yy) and weights of the sources that are mixtures themselves
RECIPES: dict[str, tuple[list[Pair], list[tuple[float, float, float]], list[float]]] = {
    "blobs": ([(-2.6, -1.2), (0.4, 2.4), (2.7, -1.4)], [(0.55, 0.0, 0.55)] * 3, [1 / 3] * 3),
    "elongated": ([(-2.0, 1.6), (0.0, 0.0), (2.0, -1.6)], [(1.9, 1.65, 1.6)] * 3, [1 / 3] * 3),
    "unequal": (
        [(-1.6, 0.0), (2.6, 1.4), (2.8, -1.5)],
        [(2.2, 0.0, 2.2), (0.08, 0.0, 0.08), (0.08, 0.0, 0.08)],
        [0.7, 0.15, 0.15],
    ),
}
OWN = ("painted", "csv")
TITLES = {"blobs": "Blobs", "elongated": "Elongated", "unequal": "Unequal", "moons": "Moons", "ring": "Ring",
          "painted": "Painted by hand", "csv": "A CSV file"}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Everything that a mixture scene depends on.

    Args:
        source: One of ``TITLES``.
        points: How many are drawn; own points are taken as they are.
        k: Number of components.
        means: Starting means as they stand in the link; empty for k-means++ with the seed.
        covariance_type, reg_covar: As in :class:`genmodels.mixture.MixtureConfig`.
        probe_1, probe_2: The point nearest to this place is asked for its responsibilities.
        seed: Draws the points and the starting means.
    """

    source: str = "blobs"
    points: int = 240
    k: int = 3
    means: str = ""
    covariance_type: Literal["full", "tied", "diag", "spherical"] = "full"
    reg_covar: float = 1e-6
    probe_1: float = 0.5
    probe_2: float = 0.5
    painted: str = ""
    csv: tuple[Pair, ...] = ()
    seed: int = 0

    def data(self) -> np.ndarray:
        """The points, ``(N, 2)``; a ValueError says why K components cannot be found in them."""
        return check_points(self._draw(), self.k)

    def _draw(self) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        if self.source == "painted":
            return decode_points(self.painted, BOARD, BOARD)[0]
        if self.source == "csv":
            return np.array(self.csv)
        if self.source == "moons":
            return (get_dataset("moons").sample(self.points, rng) - [0.5, 0.25]) * 2.4
        if self.source == "ring":
            angle, radius = rng.uniform(0, 2 * np.pi, self.points), 3 + 0.3 * rng.standard_normal(self.points)
            return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return recipe(self.source).sample(self.points, rng)[0]

    def start(self, data: np.ndarray) -> np.ndarray:
        """Starting means, ``(K, 2)``: those set by hand, else k-means++."""
        by_hand = decode_points(self.means, BOARD, BOARD)[0]
        if len(by_hand) == self.k:
            return by_hand
        return starting_means(data, self.k, "kmeans++", np.random.default_rng(self.seed))

    def em(self, data: np.ndarray, **more: Any) -> MixtureConfig:
        """The configuration of EM."""
        settings = {"init": self.start(data), "covariance_type": self.covariance_type, "reg_covar": self.reg_covar,
                    "max_iter": 60, "tol": 1e-5} | more  # fmt: skip
        return MixtureConfig(self.k, **settings)


def recipe(source: str) -> GaussianMixture:
    """The mixture that a source is drawn from."""
    means, covariances, weights = RECIPES[source]
    full = np.array([[[xx, xy], [xy, yy]] for xx, xy, yy in covariances])
    return GaussianMixture(np.array(weights), np.array(means), full)


def full_covariances(state: EMState) -> np.ndarray:
    """Covariances ``(K, 2, 2)`` whatever their type."""
    return GaussianMixture.from_state(state).covariances


def handles(start: np.ndarray, panel: int = 0) -> tuple[Handle, ...]:
    """One handle for each starting mean."""
    return tuple(Handle(f"start {k + 1}", at, panel, colour=f"class{k}") for k, at in enumerate(start))


def after_hand(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a starting mean or the probe was moved, or points were painted."""
    if "painted" in values:
        xy, labels = painted(values)
        return replace(config, painted=encode_points(xy, 0 * labels, BOARD, BOARD))
    if moved(values) == "probe":
        x, y = handle(values, "probe").round(2).tolist()
        return replace(config, probe_1=x, probe_2=y)
    start = np.clip([handle(values, f"start {k + 1}") for k in range(config.k)], *BOARD)
    return replace(config, means=encode_points(start, np.zeros(len(start), dtype=int), BOARD, BOARD))


def brush(config: Config) -> Brush | None:
    """Where points can be painted."""
    if config.source != "painted":
        return None
    xy, labels = decode_points(config.painted, BOARD, BOARD)
    return Brush(0, tuple((float(x), float(y), int(c)) for (x, y), c in zip(xy, labels, strict=True)))


def _board(config: Config, why: str) -> Scene:
    xy = decode_points(config.painted, BOARD, BOARD)[0]
    told = f"Paint points into the picture. {why}" if len(xy) else "Paint points into the picture."
    return empty_board(xy, None, BOARD, told, "An empty board to paint points on.", brush(config))


on_board = board.on_board(_board)


def ranges(data: np.ndarray) -> tuple[Pair, Pair]:
    """Axis ranges: the board, or more where own points need it."""
    low = np.minimum(data.min(axis=0, initial=0), BOARD[0])
    high = np.maximum(data.max(axis=0, initial=0), BOARD[1])
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def padded(values: list, n: int) -> list:
    """The list, with its last element repeated up to n."""
    return values + [values[-1]] * (n - len(values))
