"""What the cues share: data in standard units, a schedule, the exact denoiser, the learned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dashboard.scene import Diagram, Edge, Field, Node, Panel, Points, drag
from dashboard.scene.contours import Extent, cell_centres
from dashboard.scene.fields import choice, painted
from dashboard.scene.own_points import is_painted
from dashboard.scenes.planar import BOARD, PLANE, TITLES, PlanarPoints
from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import ForwardDenoiser
from genmodels.diffusion.exact import ExactMixtureDenoiser, ExactPointsDenoiser
from genmodels.diffusion.schedules import Schedule, get_schedule
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

LEARNED = ("moons", "ffjord8", "checkerboard", "dino")  # those with a checkpoint
STORED = {name: TITLES[name] for name in LEARNED}
SCHEDULES = {"linear": "Linear β (DDPM)", "cosine": "Cosine", "sigmoid": "Sigmoid"}
EXTENT: Extent = (*PLANE, *PLANE)
CELLS, KEPT = 36, 250
T = 1_000

Exact = ExactMixtureDenoiser | ExactPointsDenoiser


@dataclass(frozen=True)
class Config(PlanarPoints):
    """What all cues on two-dimensional data know; each offers its own sources.

    Args:
        source: A data set of :mod:`genmodels.data.planar`, or one's own points.
        schedule: Its name.
    """

    learner: ClassVar[str] = "diffusion"

    source: str = choice("Data", "moons", TITLES)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)
    schedule: str = choice("Schedule", "linear", SCHEDULES)

    def exact(self, n: int = KEPT) -> Exact:
        """E[x_0 | x_t] of the mixture that the data are, the best possible answer; else that of n points of them."""
        if not self.is_own and is_mixture(self.source):
            return ExactMixtureDenoiser.of(get_dataset(self.source), "x0")
        return ExactPointsDenoiser(self.points(n, 2))

    def of_points(self, n: int = KEPT) -> str:
        """Says of what :meth:`exact` is where n points stand for the data; empty for a mixture."""
        return "" if not self.is_own and is_mixture(self.source) else f" of {n:,} points"

    def noising(self) -> Schedule:
        """All 1,000 steps."""
        return get_schedule(self.schedule)

    # --- the same in Python, for snippets -------------------------------------------------------------------

    def exact_code(self, n: int = KEPT) -> str:
        """As :meth:`exact`: the denoiser ``exact``."""
        module = "from genmodels.diffusion.exact import "
        if is_mixture(self.source):
            return f"{module}ExactMixtureDenoiser\nexact = ExactMixtureDenoiser.of(data, 'x0')"
        return f"{module}ExactPointsDenoiser\nexact = ExactPointsDenoiser({self.points_code(n, 2)})"


def is_mixture(name: str) -> bool:
    """Whether the data set is a mixture of finitely many Gaussians."""
    dataset = get_dataset(name)
    return dataset.centres is not None and dataset.sigma is not None


CHECKPOINTS = tuple(f"diffusion-{name}" for name in LEARNED)


def stored(config: Config) -> tuple[str, ...]:
    """The checkpoint of these data."""
    return (f"diffusion-{config.source}",)


class Learned(NamedTuple):
    """A stored network, and the schedule that it was trained on."""

    network: ForwardDenoiser
    schedule: Schedule


def learned(source: str) -> Learned:
    """The network of the store for these data."""
    return cache.made(_learned, f"diffusion-{source}")


def _learned(checkpoint: Checkpoint) -> Learned:
    network = ForwardDenoiser.of(checkpoint)
    return Learned(network, network.config.make_schedule())


def network_code(source: str) -> str:
    """As :func:`learned`, in Python: ``network`` and ``schedule``."""
    return (
        "from genmodels.diffusion.denoisers import ForwardDenoiser\nfrom genmodels.store.checkpoint import load\n"
        f"network = ForwardDenoiser.of(load('diffusion-{source}'))\nschedule = network.config.make_schedule()"
    )


def spaced(n: int, last: int = T) -> np.ndarray:
    """n + 1 times from 0 to ``last``, evenly spaced whole numbers."""
    return np.unique(np.linspace(0, last, n + 1).round().astype(int))


@lru_cache(maxsize=8)
def densities(config: Config, times: tuple[int, ...]) -> np.ndarray:
    """p_t on the plane, each frame divided by its largest value, ``(F, CELLS, CELLS)``; t = 0 as at the next time."""
    exact, alpha_bar = config.exact(), config.noising().alpha_bar
    at, least = cell_centres(EXTENT, CELLS), min((t for t in times if t > 0), default=1)
    frames = []
    for t in times:
        log_p = exact.log_prob(at, float(alpha_bar[max(t, least)]))
        frames.append(np.exp(log_p - log_p.max()).reshape(CELLS, CELLS))
    return np.stack(frames).astype(np.float32)


def without_probe(config: Config) -> Config:
    """So that what does not depend on the drag is computed once."""
    return Config(
        source=config.source,
        schedule=config.schedule,
        seed=config.seed,
        painted=config.painted,
        csv=config.csv,
    )


STATIONS = ("x₀", "x₂₅₀", "x₅₀₀", "x₇₅₀", "x₁₀₀₀")


def chain(times: np.ndarray, name: str, back: bool = False) -> Panel:
    """The chain of latent variables, lit where t is; ``times`` ``(F,)`` in 0 … 1,000, ``name`` of its arrows."""
    last = len(STATIONS) - 1
    nodes = tuple(Node(text, (0.0, -1.6 * k), (1.5, 0.9), round=True) for k, text in enumerate(STATIONS))
    pairs = [(k + 1, k) if back else (k, k + 1) for k in range(last)]
    edges = tuple(Edge(a, b, name if k == 0 else "") for k, (a, b) in enumerate(pairs))
    at = times[:, None] / T * last
    lit_nodes = np.clip(1 - np.abs(at - np.arange(last + 1)), 0, 1)
    lit_edges = np.clip(1.5 - 2 * np.abs(at - np.arange(last) - 0.5), 0, 1)
    diagram = Diagram(name="", nodes=nodes, edges=edges, active=np.concatenate([lit_nodes, lit_edges], axis=1))
    return Panel("Now", (diagram,), (-0.9, 2.3), (-1.6 * last - 0.6, 0.6), axes=False, share=0.35)


def density_field(config: Config, values: np.ndarray) -> Field:
    """p_t, relative to its largest value."""
    name = f"density pₜ{config.of_points()}"
    return Field(name=name, key="d", values=values, extent=EXTENT, limits=(0.0, 1.0), alpha=0.8)


def probe_point(config: Config) -> Points:
    """The place that is dragged."""
    return Points(name="hand", xy=np.array([[config.x_1, config.x_2]]), radius=6, colour="ink")


def after_drag(config: Any, values: Mapping[str, Any]) -> Any:
    """The config after a drag."""
    at = np.clip(drag.handle(values, "x"), *PLANE).round(2)
    return replace(config, x_1=float(at[0]), x_2=float(at[1]))
