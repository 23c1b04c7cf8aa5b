"""What the live cues share: the configuration, the data, the numbers, and how a state is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from dashboard.scene import Arrows, Ellipses, Field, Layer, Panel, Points, Polylines, plane
from dashboard.scene.contours import Extent
from dashboard.scene.fields import choice, painted, slider, switch
from dashboard.scene.own_points import OWN, OwnPoints, Pair, is_painted
from dashboard.scene.units import far_away
from genmodels.data.planar import Dataset, get_dataset
from genmodels.metrics import Coverage, Spread, between_true, mode_coverage, nearest_distances, wasserstein_2

if TYPE_CHECKING:
    from genmodels.gan import GANConfig, GANState

TITLES = {
    "ring8": "A ring of eight",
    "ffjord8": "Eight broad Gaussians",
    "grid25": "A grid of 25",
    "moons": "Two moons",
    "spirals": "Spirals",
    "checkerboard": "Checkerboard",
    "dino": "Dinosaur",
    **OWN,
    "line": "A line",
}
LOSSES = {
    "non-saturating": "Non-saturating",
    "minimax": "Minimax (2014)",
    "least-squares": "Least squares",
    "hinge": "Hinge",
    "wasserstein-gp": "Wasserstein, gradient penalty",
}
NOISES = {"16": "16, Gaussian", "2": "2, Gaussian", "2u": "2, uniform", "2s": "2, on a circle", "1": "1, Gaussian"}
DECAYS = {"linear": "in the second half", "cosine": "along a cosine", "none": "never"}
BOARD = (-4.0, 4.0)
CELLS, SHOWN, PULLED, LATTICE = 36, 800, 120, 21
COMPARED = 200  # points of which W₂ is computed


def rate(player: str, default: float) -> Any:
    """A field for a player's learning rate, as its power of ten."""
    return slider(f"log₁₀ learning rate of {player}", default, -5.0, 1.0, 0.1)


@dataclass(frozen=True)
class Config(OwnPoints):
    """A GAN's controls.

    Args:
        source: A data set of :mod:`genmodels.data.planar`, or one's own.
        noise: A key of ``NOISES``.
        g_rate, d_rate: Powers of ten.
        blur: Instance noise at the start.
        batch: Rounded down to whole packs.
        g_layers, d_layers, width: Hidden layers of either player, and their width.
        stop: End the run when all modes are held with 90 % quality.
        every: Steps between two frames at full speed.
        rest: Fields of :class:`genmodels.gan.GANConfig` that have no control here, or another value than it says.
    """

    board: ClassVar[Pair] = BOARD

    source: str = choice("Data", "ring8", TITLES)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)
    loss: str = choice("Loss", "non-saturating", LOSSES)
    noise: str = choice("Noise z", "2", NOISES)
    g_rate: float = rate("G", -2.7)
    d_rate: float = rate("D", -2.7)
    decay: str = choice("Learning rates fall", "linear", DECAYS, folded=True)
    optimiser: str = choice("Optimiser", "adam", {"adam": "Adam", "sgd": "SGD"}, folded=True)
    d_steps: int = slider("D's updates in a step", 1, 1, 5, 1, folded=True)
    g_steps: int = slider("G's updates in a step", 1, 1, 5, 1, folded=True)
    r1: float = slider("R1 penalty γ", 0.1, 0.0, 2.0, 0.05, folded=True)
    blur: float = slider("Instance noise", 0.0, 0.0, 1.0, 0.05, folded=True)
    packing: int = slider("Points that D sees at once", 1, 1, 4, 1, folded=True)
    average: float = slider("Average of G's weights", 0.0, 0.0, 0.999, 0.001, folded=True, format="%.3f")
    steps: int = slider("Steps in all", 4_000, 200, 8_000, 200, folded=True)
    batch: int = slider("Batch", 128, 4, 512, 4, folded=True)
    g_layers: int = slider("G's hidden layers", 2, 0, 4, 1, folded=True)
    d_layers: int = slider("D's hidden layers", 2, 0, 4, 1, folded=True)
    width: int = slider("Their width", 128, 4, 256, 4, folded=True)
    stop: bool = switch("Stop when all modes are held", folded=True)
    every: int = 12
    seed: int = 0
    device: str = "auto"
    rest: tuple[tuple[str, object], ...] = ()

    def dataset(self) -> Dataset | None:
        """The distribution, where one is known."""
        return None if self.is_own or self.source == "line" else get_dataset(self.source)

    def points(self) -> np.ndarray | None:
        """One's own points ``(N, 2)``, if the data are not a distribution.

        Raises:
            ValueError: There are too few.
        """
        if self.source == "line":
            t = np.random.default_rng(0).uniform(-2, 2, (2_000, 1))
            return np.concatenate([t, 0.5 * t], axis=1)
        if not self.is_own:
            return None
        return self.own_for("GAN")

    def data_code(self) -> str:
        """Data in Python: ``data`` where they are a distribution, else points ``x``; and ``real`` ones of them."""
        if self.dataset() is not None:
            return (
                "import numpy as np\nfrom genmodels.data.planar import get_dataset\n"
                f"data = get_dataset({self.source!r})\nreal = data.sample({SHOWN}, np.random.default_rng(0))"
            )
        line = "t = np.random.default_rng(0).uniform(-2, 2, (2_000, 1))\nx = np.concatenate([t, 0.5 * t], axis=1)"
        points = f"import numpy as np\n{line}" if self.source == "line" else self.own_code()
        return f"{points}\nreal = x[np.random.default_rng(0).integers(len(x), size={SHOWN})]"

    def state_code(self) -> str:
        """The ``state`` after ``step`` moves of both, in Python."""
        points = "x" if self.dataset() is None else "None"
        return f"state = next(state for state in iterate_gan({points}, config) if state.step == step)"

    @property
    def n_modes(self) -> int:
        """How many modes the data have; 0 where they are not made of such."""
        dataset = self.dataset()
        return 0 if dataset is None or dataset.centres is None else len(dataset.centres)

    def gan(self, **more: object) -> GANConfig:
        """The GAN's own config.

        Raises:
            ValueError: A value cannot be.
        """
        from genmodels.gan import GANConfig

        same = ("loss", "decay", "optimiser", "d_steps", "g_steps", "r1", "packing", "average", "seed")
        given: dict[str, object] = {name: getattr(self, name) for name in same} | {
            "n_noise": int(self.noise.rstrip("us")),
            "noise": {"u": "uniform", "s": "sphere"}.get(self.noise[-1], "gaussian"),
            "g_learning_rate": 10.0**self.g_rate,
            "d_learning_rate": 10.0**self.d_rate,
            "instance_noise": self.blur,
            "n_steps": self.steps,
            "batch": max(self.batch // self.packing, 1) * self.packing,
            "g_hidden": (self.width,) * self.g_layers,
            "d_hidden": (self.width,) * self.d_layers,
            # networks as small as these are fastest on the CPU, also where there is a GPU
            "device": "cpu" if self.device == "auto" else self.device,
        }
        if self.dataset() is not None:
            given["data"] = self.source
        return GANConfig(**(given | dict(self.rest) | more))  # type: ignore[arg-type]


class World(NamedTuple):
    """What does not change during a run: true points, the box that is drawn, what is known of the truth, units."""

    real: np.ndarray
    box: np.ndarray
    centres: np.ndarray | None
    sigma: float
    true_w2: Spread | None
    true_quality: float = math.nan
    length: str = ""

    @property
    def extent(self) -> Extent:
        """The box as edges."""
        return tuple(self.box.ravel().tolist())  # type: ignore[return-value]


def world(config: Config) -> World:
    """The data as they are drawn."""
    points = config.points()
    if points is not None:
        near = points[~far_away(points)]
        low, high = near.min(axis=0), near.max(axis=0)
        middle, half = (low + high) / 2, 0.7 * float((high - low).max())
        real = points[np.random.default_rng(0).integers(len(points), size=SHOWN)]
        box = np.stack([middle - half, middle + half], axis=1)
        return World(real, box, None, 0.0, None, length=config.units.length())
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
    return World(real, box, dataset.centres, sigma, spread, true_quality(dataset))


def true_quality(dataset: Dataset) -> float:
    """Share of true points within 3 σ of a mode, in %, to one decimal; NaN where there are no modes.

    98.9 where the modes lie far apart, more where one mode's outliers are near another.
    """
    if dataset.centres is None or dataset.sigma is None:
        return math.nan
    x = dataset.sample(100_000, np.random.default_rng(2))
    return round(100 * float((nearest_distances(x, dataset.centres) < 3 * dataset.sigma).mean()), 1)


def coverage(samples: np.ndarray, known: World) -> Coverage | None:
    """Modes held, quality and reverse KL, where there are modes; samples that are no numbers hold none."""
    if known.centres is None:
        return None
    if not np.isfinite(samples).all():  # G's outputs may overflow before its parameters do
        return Coverage(0, 0.0, math.nan)
    return mode_coverage(samples, known.centres, known.sigma)


def distance(samples: np.ndarray, known: World) -> float:
    """W₂ between 200 generated and 200 true points, in the picture's units; infinite once they are out of reach."""
    x = samples[:COMPARED].astype(float)
    return wasserstein_2(x, known.real[:COMPARED]) if np.abs(x).max() < 1e6 else math.inf


def mode_rings(known: World, visible: bool = True) -> Ellipses:
    """3 σ around each of the data's modes."""
    assert known.centres is not None
    return Ellipses(
        name="3 σ of each mode",
        key="m",
        mean=known.centres,
        covariance=np.broadcast_to(9 * known.sigma**2 * np.eye(2), (len(known.centres), 2, 2)),
        sigmas=(1.0,),
        colour="truth",
        dashed=True,
        width=1.5,
        visible=visible,
    )


def points_plane(title: str, state: GANState, known: World, share: float = 2.0, arrows: bool = True) -> Panel:
    """Real and generated points; D's field, arrows and the warped lattice lie ready under their keys."""
    layers: list[Layer] = [field_of(state, known)]
    layers.append(Points(name="real", key="r", xy=known.real, radius=2.5, colour="muted", alpha=0.7))
    if state.config.n_noise <= 2:
        layers.append(_lattice(state))
    generated = state.generate(state.noise[:SHOWN])[None]
    layers.append(Points(name="generated", key="g", xy=generated, radius=2.5, colour="model"))
    if arrows:
        layers += _arrows(state, known)
    if known.centres is not None:
        layers.append(mode_rings(known, visible=False))
    (x0, x1), (y0, y1) = known.box
    return plane(title, tuple(layers), (x0, x1), (y0, y1), share=share)


def field_of(state: GANState, known: World) -> Field:
    """What D says of each place: warm where it believes to see data."""
    values = state.field(known.box, CELLS)
    unit = "" if state.probabilistic else "score"
    if state.config.loss == "wasserstein-gp":  # a critic has neither a zero nor a unit
        values = values.astype(float)  # squares of float32 overflow early
        values = (values - values.mean()) / (values.std() or 1.0)
        limits = (-2.0, 2.0)
    else:
        limits = (-1.5, 1.5) if state.config.loss == "hinge" else (0.0, 1.0)
    return Field(
        name="what D says",
        key="d",
        values=values[None].astype(np.float32),
        extent=known.extent,
        limits=limits,
        colour_map="diverging",
        unit=unit,
        alpha=0.85,
        visible=False,
    )


def _lattice(state: GANState) -> Polylines:
    grid = state.lattice(LATTICE)
    lines = grid[None] if grid.ndim == 2 else np.concatenate([grid, grid.swapaxes(0, 1)])
    return Polylines(name="G of a lattice of noise", key="n", xy=lines[None], colour="model", visible=False)


def _arrows(state: GANState, known: World) -> list[Layer]:
    """Where D's opinion pulls each point, and where it really went: the weights are shared, so these differ."""
    pull = state.pull(PULLED)
    reach = 0.05 * float(known.box[0, 1] - known.box[0, 0])

    def drawn(vectors: np.ndarray) -> np.ndarray:
        vectors = np.nan_to_num(vectors.astype(float), posinf=0, neginf=0)
        length = np.linalg.norm(vectors, axis=1)
        usual = float(np.quantile(length, 0.9))
        return (vectors * (reach / usual if usual > 0 else 0.0))[None]

    return [
        Arrows(
            name="where D pulls it (−gradient)",
            key="p",
            start=pull.points[None],
            delta=drawn(-pull.gradient),
            colour="truth",
            visible=False,
        ),
        Arrows(
            name="where it went",
            key="w",
            start=pull.points[None],
            delta=drawn(pull.displacement),
            colour="class3",
            visible=False,
        ),
    ]
