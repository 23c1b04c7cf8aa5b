"""Points in the plane that a model learns from, in standard units: a data set's or one's own; pages share them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np

from dashboard.scene.fields import placed
from dashboard.scene.own_points import OWN, OwnPoints, Pair
from genmodels.data.planar import get_dataset
from genmodels.metrics import Spread, between_true, wasserstein_2

TITLES = {
    "moons": "Two moons",
    "ffjord8": "Eight Gaussians",
    "checkerboard": "Checkerboard",
    "dino": "Dinosaur",
    "ring8": "A narrow ring of eight",
    "spirals": "Spirals",
    **OWN,
}
KNOWN = {name: title for name, title in TITLES.items() if name not in OWN}
PLANE = (-3.2, 3.2)
BOARD = (-4.0, 4.0)
DATA, HELD_OUT = 500, 2_000  # points of known data that are shown as learned from, and held out
FEW = 20  # own points below which none is held out


class Split(NamedTuple):
    """Standardised points ``(N, 2)`` that a model learns from (of known data, a few like them), and held-out ones."""

    learned: np.ndarray
    held_out: np.ndarray


@dataclass(frozen=True)
class PlanarPoints(OwnPoints):
    """What pages on two-dimensional data know; each offers its own sources.

    Args:
        source: A data set of :mod:`genmodels.data.planar`, or one's own points.
        x_1, x_2: The place that is dragged.
        seed: Of noise and data.
    """

    board: ClassVar[Pair] = BOARD
    unit_variance: ClassVar[bool] = True
    learner: ClassVar[str]
    """What the points are for, as a message names it: ``"diffusion"``."""

    x_1: float = placed(0.5, -1e6, 1e6)
    x_2: float = placed(0.5, -1e6, 1e6)
    seed: int = 0

    def points(self, n: int, salt: int = 0) -> np.ndarray:
        """Data ``(n, 2)`` in standard units.

        Raises:
            ValueError: There are too few own points.
        """
        if not self.is_own:
            dataset = get_dataset(self.source)
            return dataset.standardise(dataset.sample(n, np.random.default_rng([self.seed, salt])))
        xy = self.own_for(self.learner)
        return xy[np.random.default_rng([self.seed, salt]).permutation(len(xy))[:n]]

    def split(self) -> Split:
        """What is learned from, and what is held out: fresh points of known data, a fifth of one's own.

        Raises:
            ValueError: There are too few own points.
        """
        if not self.is_own:
            return Split(self.points(DATA, 6), self.points(HELD_OUT, 7))
        own = self.own_for(self.learner)
        order = np.random.default_rng([self.seed, 6]).permutation(len(own))
        n = len(own) // 5 if len(own) >= FEW else 0
        return Split(own[order[n:]], own[order[:n]])

    def frame(self) -> tuple[Pair, Pair]:
        """Axis ranges: those of one's own points, else of standard units."""
        return super().frame() if self.units.own else (PLANE, PLANE)

    def noise(self, n: int, salt: int = 1) -> np.ndarray:
        """Standard normal, ``(n, 2)``."""
        return np.random.default_rng([self.seed, 100 + salt]).standard_normal((n, 2))

    # --- the same in Python, for snippets -------------------------------------------------------------------

    def data_code(self) -> str:
        """The distribution ``data``."""
        imports = "import numpy as np\nfrom genmodels.data.planar import get_dataset\n"
        return f"{imports}data = get_dataset({self.source!r})"

    def points_code(self, n: int, salt: int = 0) -> str:
        """As :meth:`points`, of ``data``."""
        return f"data.standardise(data.sample({n}, np.random.default_rng([{self.seed}, {salt}])))"

    def split_code(self) -> list[str]:
        """As :meth:`split`: ``held_out``, and of own points ``learned``, and ``log_scale`` if they have units."""
        if not self.is_own:
            return [self.data_code(), f"held_out = {self.points_code(HELD_OUT, 7)}"]
        n = len(self.split().held_out)
        order = f"order = np.random.default_rng([{self.seed}, 6]).permutation(len(x))"
        return [self.own_code(), order, f"learned, held_out = x[order[{n}:]], x[order[:{n}]]", self.scale_code]

    def noise_code(self, n: int, salt: int = 1) -> str:
        """As :meth:`noise`."""
        return f"np.random.default_rng([{self.seed}, {100 + salt}]).standard_normal(({n}, 2))"


@lru_cache(maxsize=8)
def true_spread(source: str, n: int = 200) -> Spread:
    """W₂ between two sets of n true samples of a data set."""
    config = PlanarPoints(source)
    return between_true(
        wasserstein_2,
        lambda n, rng: config.points(n, int(rng.integers(2**31))),
        n,
        6,
        np.random.default_rng(3),
    )
