"""What the live cues share: the configuration, the data, the numbers, and how a state is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dashboard.scene import Arrows, Ellipses, Field, Layer, Panel, Points, Polylines
from dashboard.scene.contours import Extent
from dashboard.scene.painted import decode_points
from genmodels.data.planar import Dataset, get_dataset
from genmodels.metrics import Coverage, Spread, between_true, mode_coverage, wasserstein_2

if TYPE_CHECKING:
    from genmodels.gan import GANConfig, GANState

OWN = {"painted": "Painted by hand", "csv": "A CSV file", "line": "A line"}
TITLES = {
    "ring8": "A ring of eight", "ffjord8": "Eight broad Gaussians", "grid25": "A grid of 25", "moons": "Two moons",
    "spirals": "Spirals", "checkerboard": "Checkerboard", "dino": "Dinosaur", **OWN,
}  # fmt: skip
BOARD = (-4.0, 4.0)
CELLS, SHOWN, PULLED, LATTICE = 36, 800, 120, 21
COMPARED = 200  # points of which W₂ is computed


@dataclass(frozen=True)
class Config:
    """A GAN's controls; numbers not named here keep the defaults of :class:`genmodels.gan.GANConfig`.

    Args:
        source: A data set of :mod:`genmodels.data.planar`, or one's own.
        painted, csv: One's own points.
        g_layers, d_layers, width: Hidden layers of either player, and their width.
        rest: Other fields of the GAN's config, by name.
        stop: End the run when all modes are held with 90 % quality.
        every: Steps between two frames at full speed.
    """

    source: str = "ring8"
    painted: str = ""
    csv: tuple[tuple[float, float], ...] = ()
    g_layers: int = 2
    d_layers: int = 2
    width: int = 128
    rest: tuple[tuple[str, object], ...] = field(default=())
    stop: bool = False
    every: int = 12
    seed: int = 0
    device: str = "auto"

    def dataset(self) -> Dataset | None:
        """The distribution, where one is known."""
        return None if self.source in OWN else get_dataset(self.source)

    def points(self) -> np.ndarray | None:
        """One's own points ``(N, 2)``, if the data are not a distribution.

        Raises:
            ValueError: There are too few.
        """
        if self.source == "line":
            t = np.random.default_rng(0).uniform(-2, 2, (2_000, 1))
            return np.concatenate([t, 0.5 * t], axis=1)
        if self.source not in OWN:
            return None
        xy = np.array(self.csv) if self.source == "csv" else decode_points(self.painted, BOARD, BOARD)[0]
        if len(xy) < 2 or np.ptp(xy, axis=0).max() == 0:
            raise ValueError(f"A GAN needs two different points at least, and there are {len(xy)}: add some.")
        return xy

    def gan(self, **more: object) -> GANConfig:
        """The GAN's own config.

        Raises:
            ValueError: A value cannot be.
        """
        from genmodels.gan import GANConfig

        hidden = {"g_hidden": (self.width,) * self.g_layers, "d_hidden": (self.width,) * self.d_layers}
        data = {} if self.source in OWN else {"data": self.source}
        # networks as small as these are fastest on the CPU, also where there is a GPU
        where = "cpu" if self.device == "auto" else self.device
        return GANConfig(**{**data, **hidden, "seed": self.seed, "device": where, **dict(self.rest), **more})  # type: ignore[arg-type]


class World(NamedTuple):
    """What does not change during a run: true points, the box that is drawn, and what is known of the truth."""

    real: np.ndarray
    box: np.ndarray
    centres: np.ndarray | None
    sigma: float
    true_w2: Spread | None

    @property
    def extent(self) -> Extent:
        """The box as edges."""
        return tuple(self.box.ravel().tolist())  # type: ignore[return-value]


def world(config: Config) -> World:
    """The data as they are drawn."""
    points = config.points()
    if points is not None:
        low, high = points.min(axis=0), points.max(axis=0)
        middle, half = (low + high) / 2, 0.7 * float((high - low).max())
        real = points[np.random.default_rng(0).integers(len(points), size=SHOWN)]
        return World(real, np.stack([middle - half, middle + half], axis=1), None, 0.0, None)
    return world_of(config.source)


@lru_cache(maxsize=16)
def world_of(name: str) -> World:
    """The world of a data set."""
    dataset = get_dataset(name)
    real = dataset.sample(SHOWN, np.random.default_rng(0))
    half = 0.62 * float((dataset.box[:, 1] - dataset.box[:, 0]).max())
    middle = dataset.box.mean(axis=1)
    box = np.stack([middle - half, middle + half], axis=1)
    spread = between_true(wasserstein_2, dataset.sample, COMPARED, 8, np.random.default_rng(1))
    sigma = 0.0 if dataset.centres is None else dataset.sigma or 0.0
    return World(real, box, dataset.centres, sigma, spread)


def coverage(samples: np.ndarray, of: World) -> Coverage | None:
    """Modes held, quality and reverse KL, where there are modes; samples that are no numbers hold none."""
    if of.centres is None:
        return None
    if not np.isfinite(samples).all():  # G's outputs may overflow before its parameters do
        return Coverage(0, 0.0, math.nan)
    return mode_coverage(samples, of.centres, of.sigma)


def distance(samples: np.ndarray, of: World) -> float:
    """W₂ between 200 generated and 200 true points, data units; infinite once the samples are out of reach."""
    x = samples[:COMPARED].astype(float)
    return wasserstein_2(x, of.real[:COMPARED]) if np.abs(x).max() < 1e6 else math.inf


def plane(title: str, state: GANState, of: World, share: float = 2.0, arrows: bool = True) -> Panel:
    """Real and generated points; D's field, arrows and the warped lattice lie ready under their keys."""
    layers: list[Layer] = [field_of(state, of)]
    layers.append(Points(name="real", key="r", xy=of.real, radius=2.5, colour="muted", alpha=0.7))
    if state.config.n_noise <= 2:
        layers.append(_lattice(state))
    generated = state.generate(state.noise[:SHOWN])[None]
    layers.append(Points(name="generated", key="g", xy=generated, radius=2.5, colour="model"))
    if arrows:
        layers += _arrows(state, of)
    if of.centres is not None:
        rings = np.broadcast_to(9 * of.sigma**2 * np.eye(2), (len(of.centres), 2, 2))
        layers.append(Ellipses(name="3 σ of each mode", key="m", mean=of.centres, covariance=rings, sigmas=(1.0,),
                               colour="truth", dashed=True, width=1.5, visible=False))  # fmt: skip
    (x0, x1), (y0, y1) = of.box
    return Panel(title, tuple(layers), (x0, x1), (y0, y1), x_label="x₁", y_label="x₂", share=share)


def field_of(state: GANState, of: World) -> Field:
    """What D says of each place: warm where it believes to see data."""
    values = state.field(of.box, CELLS)
    unit = "" if state.probabilistic else "score"
    if state.config.loss == "wasserstein-gp":  # a critic has neither a zero nor a unit
        values = values.astype(float)  # squares of float32 overflow early
        values = (values - values.mean()) / (values.std() or 1.0)
        limits = (-2.0, 2.0)
    else:
        limits = (-1.5, 1.5) if state.config.loss == "hinge" else (0.0, 1.0)
    return Field(name="what D says", key="d", values=values[None].astype(np.float32), extent=of.extent,
                 limits=limits, colour_map="diverging", unit=unit, alpha=0.85, visible=False)  # fmt: skip


def _lattice(state: GANState) -> Polylines:
    grid = state.lattice(LATTICE)
    lines = grid[None] if grid.ndim == 2 else np.concatenate([grid, grid.swapaxes(0, 1)])
    return Polylines(name="G of a lattice of noise", key="n", xy=lines[None], colour="model", visible=False)


def _arrows(state: GANState, of: World) -> list[Layer]:
    """Where D's opinion pulls each point, and where it really went: the weights are shared, so these differ."""
    pull = state.pull(PULLED)
    reach = 0.05 * float(of.box[0, 1] - of.box[0, 0])

    def drawn(vectors: np.ndarray) -> np.ndarray:
        vectors = np.nan_to_num(vectors.astype(float), posinf=0, neginf=0)
        length = np.linalg.norm(vectors, axis=1)
        usual = float(np.quantile(length, 0.9))
        return (vectors * (reach / usual if usual > 0 else 0.0))[None]

    return [
        Arrows(name="where D pulls it (−gradient)", key="p", start=pull.points[None], delta=drawn(-pull.gradient),
               colour="truth", visible=False),
        Arrows(name="where it went", key="w", start=pull.points[None], delta=drawn(pull.displacement),
               colour="class3", visible=False),
    ]  # fmt: skip
