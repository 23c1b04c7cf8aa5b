"""The learner's own units: models see points standardised per axis, pictures and numbers speak the file's units.

An affine map for each axis, z = (x − centre) / scale, is all there is to it. A scene is built from z;
:func:`in_units` then says on its axes which x stands where. A density of z becomes one of x by the change of
variables, log p(x) = log p(z) − Σ log scale, and a covariance by Σ_x = S Σ_z S with S = diag(scale).
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene.layers import Layer
from dashboard.scene.panel import Panel
from dashboard.scene.scene import Readout, Scene

Pair = tuple[float, float]
COORDINATES = ("x₁", "x₂")
LONGEST = 24
"""Characters of a column's name on an axis."""
COORDINATE = re.compile("x([₁₂])(?![₀-₉])")
NORMAL_IQR, NORMAL_MIDDLE_90 = 1.3490, 3.2897
"""How many standard deviations lie between a Gaussian's quartiles, and between its 5th and 95th percentiles."""
FAR, FEW, MARGIN = 6.0, 0.02, 0.12
"""Points farther than ``FAR`` scales from the centre are outliers, if they are few; the frame has a margin."""


@dataclass(frozen=True)
class Units:
    """What a unit of the picture is along either axis, and what the axes are called.

    Args:
        centre, scale: In the file's units; the scales are positive.
        names: Of the columns.
    """

    centre: Pair = (0.0, 0.0)
    scale: Pair = (1.0, 1.0)
    names: tuple[str, str] = COORDINATES

    @staticmethod
    def of(points: np.ndarray, names: tuple[str, ...] = ()) -> Units:
        """Median and robust standard deviation of each column of ``(N, 2)`` points, N ≥ 1.

        The scale is that of a Gaussian with the same middle half, or with the same middle nine tenths if that is
        larger (so that neither an outlier nor a lump of equal values decides it); of a column that has neither it is
        the standard deviation, and of a constant column 1.
        """
        centre = np.median(points, axis=0)
        low, first, third, high = np.quantile(points, [0.05, 0.25, 0.75, 0.95], axis=0)
        robust = np.maximum((third - first) / NORMAL_IQR, (high - low) / NORMAL_MIDDLE_90)
        largest = np.abs(points - centre).max(axis=0)
        spread = largest * np.sqrt(np.mean(((points - centre) / np.where(largest > 0, largest, 1)) ** 2, axis=0))
        least = 1e-12 * np.abs(points).max(axis=0)  # below it there is rounding alone
        scale = np.select([robust > least, spread > least], [robust, spread], 1.0)
        return Units(pair(centre), pair(scale), axis_names(names))

    def unit_variance(self, points: np.ndarray) -> Units:
        """Units in which the points ``(N, 2)`` but for outliers have mean 0 and variance 1.

        Where a unit was as long along both axes, it stays so, and the mean variance is 1.
        """
        z = self.standardise(points)
        near = z[~far_away(z)]
        spread = near.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0) if self.own else np.full(2, np.sqrt((spread**2).mean()))
        return Units(pair(self.restore(near.mean(axis=0))), pair(np.array(self.scale) * spread), self.names)

    @property
    def own(self) -> bool:
        """Whether they differ from those of the built-in data."""
        return self != Units()

    @property
    def log_scale(self) -> float:
        """Σ log scale, in nats: what a log-density of z is larger than one of x."""
        return float(np.log(self.scale).sum())

    def length(self, power: str = "") -> str:
        """The unit of a distance in the picture, or of its square."""
        return f"standard deviations{power}" if self.own else ""

    def standardise(self, x: np.ndarray) -> np.ndarray:
        """z ``(…, 2)`` of x ``(…, 2)``."""
        return (x - np.array(self.centre)) / np.array(self.scale)

    def restore(self, z: np.ndarray) -> np.ndarray:
        """x ``(…, 2)`` of z ``(…, 2)``."""
        return np.array(self.centre) + np.array(self.scale) * z

    def covariance(self, of_z: np.ndarray) -> np.ndarray:
        """Covariances ``(…, 2, 2)`` in the file's units, of those in standardised ones."""
        return of_z * np.outer(self.scale, self.scale)

    # --- a scene, in these units ----------------------------------------------------------------------------

    def shown(self, scene: Scene) -> Scene:
        """The scene with these units on the axes and in the readouts that are called x₁ and x₂."""
        if not self.own:
            return scene
        return replace(
            scene,
            panels=tuple(self._panel(p) for p in scene.panels),
            readouts=tuple(self._readout(r) for r in scene.readouts),
            captions=tuple(map(self.named, scene.captions)),
            equation=self.named(scene.equation),
            alt=self.named(scene.alt),
        )

    def named(self, text: str) -> str:
        """A text in which the columns have their names."""
        return COORDINATE.sub(lambda found: self.names["₁₂".index(found[1])], text)

    def _panel(self, panel: Panel) -> Panel:
        layers: tuple[Layer, ...] = tuple(replace(layer, name=self.named(layer.name)) for layer in panel.layers)
        changed: dict[str, Any] = {"title": self.named(panel.title), "layers": layers}
        for axis in "xy":
            label = getattr(panel, f"{axis}_label")
            changed[f"{axis}_label"] = self.named(label)
            if label in COORDINATES:
                k = COORDINATES.index(label)
                changed[f"{axis}_unit"] = (self.centre[k], self.scale[k])
        return replace(panel, **changed)

    def _readout(self, readout: Readout) -> Readout:
        name = self.named(readout.name)
        if readout.name not in COORDINATES:
            return replace(readout, name=name)
        k = COORDINATES.index(readout.name)
        values = self.centre[k] + self.scale[k] * np.asarray(readout.values)
        return replace(readout, name=name, values=values, digits=5, significant=True)


def axis_names(columns: tuple[str, ...]) -> tuple[str, str]:
    """Two different names that an axis, a caption and a formula can bear; x₁ and x₂ where a column has none."""
    cleaned = [" ".join(re.sub(r"[{}\x00-\x1f\x7f]", " ", column).split()) for column in columns[:2]]
    short = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in cleaned]
    first, second = (name or COORDINATES[k] for k, name in enumerate([*short, "", ""][:2]))
    return (first, second) if first != second else COORDINATES


def in_units(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a function from a config to a scene, or to an iterator of them: it is shown in the config's units."""
    if inspect.isgeneratorfunction(draw):

        @functools.wraps(draw)
        def drawn_live(config: Any, *rest: Any) -> Iterator[Scene | None]:
            for scene in draw(config, *rest):
                yield scene and config.units.shown(scene)

        return drawn_live

    @functools.wraps(draw)
    def drawn(config: Any) -> Scene:
        return config.units.shown(draw(config))

    return drawn


# --- what of own points is in the picture -------------------------------------------------------------------


def far_away(points: np.ndarray) -> np.ndarray:
    """Which of the standardised points ``(N, 2)`` are outliers, ``(N,)``: far from the rest, and few."""
    far = (np.abs(points) > FAR).any(axis=1)
    return far if far.sum() <= max(2, FEW * len(points)) else np.zeros(len(points), dtype=bool)


def frame(points: np.ndarray) -> tuple[Pair, Pair]:
    """Axis ranges that hug standardised points ``(N, 2)``, N ≥ 1, but for outliers."""
    near = points[~far_away(points)]
    low, high = near.min(axis=0), near.max(axis=0)
    low, high = np.minimum(low, -1.0), np.maximum(high, 1.0)
    margin = MARGIN * (high - low)
    (x, y) = np.stack([low - margin, high + margin], axis=1)
    return pair(x), pair(y)


def pair(values: np.ndarray) -> Pair:
    """Two numbers, ``(2,)``."""
    return float(values[0]), float(values[1])
