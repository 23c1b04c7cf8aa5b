"""One's own points, painted or from a file: one control and one config for every page that takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dashboard.scene.fields import Values, choice, file, painted
from dashboard.scene.painted import decode_points
from dashboard.scene.scene import Brush

Pair = tuple[float, float]
OWN = {"painted": "Painted by hand", "csv": "A CSV file"}
BOARD: Pair = (-5.0, 5.0)


def source(label: str, default: str, titles: dict[str, str]) -> Any:
    """The field that says where points come from, one of ``titles``."""
    return choice(label, default, titles)


def is_painted(values: Values) -> bool:
    """Whether the source is the board."""
    return values["source"] == "painted"


def is_file(values: Values) -> bool:
    """Whether the source is a file."""
    return values["source"] == "csv"


def is_drawn(values: Values) -> bool:
    """Whether the source draws as many points as it is asked for."""
    return values["source"] not in OWN


@dataclass(frozen=True)
class OwnPoints:
    """Where points come from; a config inherits it and says which other sources there are.

    Args:
        source: ``"painted"``, ``"csv"``, or one of the config's own.
        painted: Painted points, as they stand in the link.
        csv: Points of a file, ``(N, 2)``.
    """

    board: ClassVar[Pair] = BOARD

    source: str = choice("Data", "painted", OWN)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)
    csv: tuple[Pair, ...] = file(when=is_file)

    @property
    def is_own(self) -> bool:
        """Whether the points are the learner's."""
        return self.source in OWN

    def own(self) -> np.ndarray:
        """The learner's points, ``(N, 2)``, data units."""
        if self.source == "csv":
            return np.array(self.csv, dtype=float).reshape(-1, 2)
        return decode_points(self.painted, self.board, self.board)[0]

    def painted_classes(self) -> np.ndarray:
        """The classes of the painted points, ``(N,)``."""
        return decode_points(self.painted, self.board, self.board)[1]

    def brush(self, classes: int = 1) -> Brush | None:
        """Where points can be painted, and what is there; None unless they are the source."""
        if self.source != "painted":
            return None
        rows = zip(self.own().tolist(), self.painted_classes().tolist(), strict=True)
        return Brush(0, tuple((x, y, c) for (x, y), c in rows), classes)
