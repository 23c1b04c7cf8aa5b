"""What the cues share: data in standard units, and their stored flows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from dashboard.scene.fields import choice, painted
from dashboard.scene.own_points import is_painted
from dashboard.scenes.planar import BOARD, TITLES, PlanarPoints
from genmodels.flows.flow import Flow, FlowConfig
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

LEARNED = ("moons", "ffjord8", "checkerboard")  # those with a checkpoint
STORED = {name: TITLES[name] for name in LEARNED}


@dataclass(frozen=True)
class Config(PlanarPoints):
    """What all cues on two-dimensional data know; each offers its own sources.

    Args:
        source: A data set of :mod:`genmodels.data.planar`, or one's own points.
    """

    learner: ClassVar[str] = "flow"

    source: str = choice("Data", "moons", TITLES)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)


def stored(config: Config) -> tuple[str, ...]:
    """The checkpoint of these data."""
    return (f"flow-{config.source}",)


def learned(source: str) -> Flow:
    """The flow of the store for these data."""
    return cache.made(Flow.of, f"flow-{source}")


def opening(source: str, n_layers: int) -> Flow:
    """Only so many of its layers, the first ones."""
    return cache.made(_first(n_layers), f"flow-{source}")


@lru_cache(maxsize=32)
def _first(n_layers: int) -> Callable[[Checkpoint], Flow]:
    def make(checkpoint: Checkpoint) -> Flow:
        config = FlowConfig(**{**checkpoint.entry.config, "n_layers": n_layers})
        return Flow(checkpoint.arrays, config)

    return make


def flow_code(source: str) -> str:
    """As :func:`learned`, in Python: ``flow``."""
    return (
        "from genmodels.flows.flow import Flow\nfrom genmodels.store.checkpoint import load\n"
        f"flow = Flow.of(load('flow-{source}'))"
    )


def moves(flow: Flow, layer: int) -> str:
    """The coordinates that a layer moves, by their names."""
    return " and ".join(("x₁", "x₂")[int(k)] for k in flow.moved(layer))
