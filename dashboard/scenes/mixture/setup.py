"""What all mixture scenes start from: points, the number of components, and the means to start with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dashboard.scene import Handle, drag
from dashboard.scene.board import after_painting
from dashboard.scene.fields import choice, painted, placed, slider
from dashboard.scene.own_points import BOARD, OWN, OwnPoints, Pair, is_drawn
from dashboard.scene.painted import decode_points, encode_points
from dashboard.scene.snippet import written
from genmodels.data.planar import get_dataset
from genmodels.kmeans import KMeansConfig, check_points, starting_means
from genmodels.mixture import EMState, GaussianMixture, MixtureConfig

REACH: Pair = (-1e6, 1e6)  # of the probe: it asks the nearest point, wherever it is

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
TITLES = {
    "blobs": "Blobs",
    "elongated": "Elongated",
    "unequal": "Unequal",
    "moons": "Moons",
    "ring": "Ring",
    **OWN,
}
TYPES = {
    "full": "Any ellipse (full)",
    "tied": "One shape for all (tied)",
    "diag": "Upright (diagonal)",
    "spherical": "Round (spherical)",
}
REGULARISATION = {0.0: "0", 1e-6: "10⁻⁶", 1e-2: "10⁻²"}
DATA = ("source", "k", "points", "means", "painted", "csv")
"""The controls of every cue; one with more names them first."""


@dataclass(frozen=True)
class Config(OwnPoints):
    """Everything that a mixture scene depends on.

    Args:
        source: One of ``TITLES``.
        k: Number of components.
        points: How many are drawn; own points are taken as they are.
        means: Starting means as they stand in the link; empty for k-means++ with the seed.
        type: Covariance type, as in :class:`genmodels.mixture.MixtureConfig`.
        reg_covar: The same.
        probe_1, probe_2: The point nearest to this place is asked for its responsibilities.
        seed: Draws the points and the starting means.
    """

    source: str = choice("Data", "blobs", TITLES)
    k: int = slider("Components K", 3, 1, 9, 1)
    points: int = slider("Points", 240, 5, 1000, 5, when=is_drawn)
    means: str = painted(BOARD)
    type: Literal["full", "tied", "diag", "spherical"] = choice("Covariances", "full", TYPES)
    reg_covar: float = choice("reg_covar", 1e-6, REGULARISATION)
    probe_1: float = placed(0.5, *REACH)
    probe_2: float = placed(0.5, *REACH)
    seed: int = 0

    def data(self) -> np.ndarray:
        """The points, ``(N, 2)``; a ValueError says why K components cannot be found in them."""
        return check_points(self._draw(), self.k)

    def _draw(self) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        if self.is_own:
            return self.own()
        if self.source == "moons":
            return (get_dataset("moons").sample(self.points, rng) - [0.5, 0.25]) * 2.4
        if self.source == "ring":
            angle, radius = rng.uniform(0, 2 * np.pi, self.points), 3 + 0.3 * rng.standard_normal(self.points)
            return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return recipe(self.source).sample(self.points, rng)[0]

    def data_code(self, fresh: int | None = None) -> str:
        """As :meth:`data`, in Python: ``x``; and, unless they are one's own, ``fresh`` points of another seed."""
        if self.is_own:
            return self.own_code()
        made, draw = self._draw_code()
        lines = [f"x = {draw.format(f'np.random.default_rng({self.seed})')}"]
        if fresh is not None:
            lines.append(f"fresh = {draw.format(f'np.random.default_rng({fresh})')}")
        return "\n".join(["import numpy as np", *made, *lines])

    def _draw_code(self) -> tuple[list[str], str]:
        """Python that is needed first, and an expression that draws points by ``{}``, a generator."""
        n = self.points
        if self.source == "moons":
            return ["from genmodels.data.planar import get_dataset"], (
                f"(get_dataset('moons').sample({n}, {{}}) - [0.5, 0.25]) * 2.4"
            )
        if self.source == "ring":
            return [
                "\ndef ring(rng):",
                f"    angle, radius = rng.uniform(0, 2 * np.pi, {n}), 3 + 0.3 * rng.standard_normal({n})",
                "    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)\n",
            ], "ring({})"
        return [
            "from genmodels.mixture import GaussianMixture",
            *recipe_code(self.source),
        ], f"truth.sample({n}, {{}})[0]"

    @property
    def init(self) -> str | np.ndarray:
        """What to start from: means ``(K, 2)`` set by hand, else k-means++."""
        by_hand = decode_points(self.means, *self.frame())[0]
        return by_hand if len(by_hand) == self.k else "kmeans++"

    def start(self, data: np.ndarray) -> np.ndarray:
        """Starting means, ``(K, 2)``."""
        return starting_means(data, self.k, self.init, np.random.default_rng(self.seed))

    def ranges(self, data: np.ndarray) -> tuple[Pair, Pair]:
        """Axis ranges for these points: what hugs a file's, else the board, or more where they need it."""
        if self.source == "csv":
            return self.frame()
        low = np.minimum(data.min(axis=0, initial=0), BOARD[0])
        high = np.maximum(data.max(axis=0, initial=0), BOARD[1])
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))

    def em(self, **more: Any) -> MixtureConfig:
        """The configuration of EM."""
        settings = {
            "init": self.init,
            "covariance_type": self.type,
            "reg_covar": self.reg_covar,
            "max_iter": 60,
            "tol": 1e-5,
            "seed": self.seed,
        } | more
        return MixtureConfig(self.k, **settings)

    def kmeans(self) -> KMeansConfig:
        """The configuration of K-means, from the same start."""
        return KMeansConfig(self.k, init=self.init, max_iter=60, seed=self.seed)


def recipe(source: str) -> GaussianMixture:
    """The mixture that a source is drawn from."""
    means, covariances, weights = RECIPES[source]
    full = np.array([[[xx, xy], [xy, yy]] for xx, xy, yy in covariances])
    return GaussianMixture(np.array(weights), np.array(means), full)


def recipe_code(source: str) -> tuple[str, ...]:
    """As :func:`recipe`, in Python: ``truth``."""
    truth = recipe(source)
    k, shared = len(truth.means), bool((truth.covariances == truth.covariances[0]).all())
    each = f"[{truth.covariances[0].tolist()}] * {k}" if shared else f"{truth.covariances.tolist()}"
    even = bool((truth.weights == truth.weights[0]).all())
    weights = f"np.full({k}, 1 / {k})" if even else written(truth.weights)
    return (
        f"means = {written(truth.means)}",
        f"covariances = np.array({each})",
        f"truth = GaussianMixture({weights}, means, covariances)",
    )


def full_covariances(state: EMState) -> np.ndarray:
    """Covariances ``(K, 2, 2)`` whatever their type."""
    return GaussianMixture.from_state(state).covariances


def handles(start: np.ndarray, panel: int = 0) -> tuple[Handle, ...]:
    """One handle for each starting mean."""
    return tuple(Handle(f"start {k + 1}", at, panel, colour=f"class{k}") for k, at in enumerate(start))


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a starting mean or the probe was moved, or points were painted."""
    if "painted" in values:
        return after_painting(config, values)
    if drag.moved(values) == "probe":
        x, y = drag.handle(values, "probe").round(2).tolist()
        return replace(config, probe_1=x, probe_2=y)
    reach = config.frame()  # as far as a starting mean may go
    start = np.clip([drag.handle(values, f"start {k + 1}") for k in range(config.k)], *np.transpose(reach))
    return replace(config, means=encode_points(start, np.zeros(len(start), dtype=int), *reach))


def padded(values: list, n: int) -> list:
    """The list, with its last element repeated up to n."""
    return values + [values[-1]] * (n - len(values))
