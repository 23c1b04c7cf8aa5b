"""What *matching* and *crowd* share: stored velocities, data as an exact mixture, and roads from noise to data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dashboard.scene.fields import Values, choice, placed
from dashboard.scenes.flows.setup import STORED, Config
from genmodels.data.planar import get_dataset
from genmodels.flow_matching.exact import ExactPointsVelocity
from genmodels.flow_matching.mixtures import RoundMixture, RoundVelocity, is_round
from genmodels.flow_matching.ode import OdeConfig
from genmodels.flow_matching.velocity import ForwardVelocity
from genmodels.store import cache

FRAMES = 50
SHARE = np.arange(FRAMES + 1) / FRAMES
"""Where t stands in each frame."""
PERCENT = np.arange(0, 101, 2)
"""The frames' ids."""
TIME = "percent of the way"
KEPT, CROWD, ROADS = 250, 200, 60
FINE = OdeConfig("rk4", FRAMES)
STEPS = {1: "1 step", 2: "2 steps", 4: "4 steps", 50: "50 steps"}
VIEWS = {
    "line": "On a line: pairs, and their mean",
    "place": "In the plane: where may this go?",
    "reflow": "Few steps: before and after reflow",
}
EARLIEST, LATEST = 0.0, 0.95  # of the hand on the line
LINE = (-3.2, 3.2)
WIDE, HIGH = (-3.2, 3.2), (-2.6, 2.6)
"""Of planes: wider than high, so that two of them have room beside each other."""

Exact = RoundVelocity | ExactPointsVelocity


def in_the_plane(values: Values) -> bool:
    """Whether the data are those of the page."""
    return values["match_view"] != "line"


@dataclass(frozen=True)
class Matching(Config):
    """Which of three pictures, in how many steps of Euler, and where the hand is, on the line and in the plane."""

    source: str = choice("Data", "moons", STORED, when=in_the_plane)
    match_view: str = choice("Shown", "line", VIEWS)
    match_steps: int = choice("Steps of Euler's method", 50, STEPS)
    match_t: float = placed(0.4, EARLIEST, LATEST)
    match_x: float = placed(0.0, *LINE)


def needed(config: Matching) -> tuple[str, ...]:
    """The checkpoints of what is shown."""
    if config.match_view == "line":
        return ()
    return (matched(config.source), *([reflowed(config.source)] if config.match_view == "reflow" else []))


def matched(source: str) -> str:
    """The checkpoint of the velocity that was matched to these data."""
    return f"matching-{source}"


def reflowed(source: str) -> str:
    """The checkpoint of the one that was then matched to that one's own pairs."""
    return f"reflow-{source}"


def stored(checkpoint: str) -> ForwardVelocity:
    """The velocity of the store."""
    return cache.made(ForwardVelocity.of, checkpoint)


def stored_code(checkpoint: str, name: str = "velocity") -> str:
    """As :func:`stored`, in Python."""
    return (
        "from genmodels.flow_matching.velocity import ForwardVelocity\nfrom genmodels.store.checkpoint import load\n"
        f"{name} = ForwardVelocity.of(load({checkpoint!r}))"
    )


@lru_cache(maxsize=8)
def exact(source: str, seed: int) -> Exact:
    """The velocity of the mixture that the data are; else that of points of them."""
    if not of_points(source):
        return RoundVelocity(RoundMixture.of(get_dataset(source)))
    return ExactPointsVelocity(Config(source, seed=seed).points(KEPT, 2))


def of_points(source: str) -> str:
    """Says of what :func:`exact` is where points stand for the data; empty for a mixture."""
    return "" if is_round(get_dataset(source)) else f" of {KEPT} points"


def exact_code(config: Config) -> str:
    """As :func:`exact`, in Python: ``exact``."""
    if not of_points(config.source):
        names = "from genmodels.flow_matching.mixtures import RoundMixture, RoundVelocity"
        return f"{names}\nexact = RoundVelocity(RoundMixture.of(data))"
    module = "from genmodels.flow_matching.exact import ExactPointsVelocity"
    return f"{module}\nexact = ExactPointsVelocity({config.points_code(KEPT, 2)})"


def in_frames(path: np.ndarray) -> np.ndarray:
    """The same in each frame, ``(F, N, D)``; between two steps of Euler the way is straight."""
    return on_the_way(path, SHARE)


def on_the_way(path: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Where points are at shares ``(F,)`` of a path ``(n + 1, N, D)``, straight between its places."""
    at = shares * (len(path) - 1)
    before = np.minimum(at.astype(int), len(path) - 2)
    share = (at - before)[:, None, None]
    return path[before] + share * (path[before + 1] - path[before])
