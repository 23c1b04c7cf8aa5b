"""One's own points, painted or from a file: one control and one config for every page that takes them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from dashboard.scene.fields import Values, choice, file, painted
from dashboard.scene.painted import decode_points
from dashboard.scene.scene import Brush
from dashboard.scene.snippet import written
from dashboard.scene.units import Pair, Units, frame

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

    All that a scene computes from a file's points, it computes from standardised ones.

    Args:
        source: ``"painted"``, ``"csv"``, or one of the config's own.
        painted: Painted points, as they stand in the link.
        csv: Points of a file, ``(N, 2)``, in its own units.
        columns: The names of its columns, if it says any.
    """

    board: ClassVar[Pair] = BOARD
    unit_variance: ClassVar[bool] = False
    """Whether the model wants data of mean 0 and variance 1: painted ones are standardised too, both axes alike."""

    source: str = choice("Data", "painted", OWN)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)
    csv: tuple[Pair, ...] = file(when=is_file)
    columns: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)

    @property
    def is_own(self) -> bool:
        """Whether the points are the learner's."""
        return self.source in OWN

    @cached_property
    def units(self) -> Units:
        """What a unit of the picture is: that of a file's points is one standard deviation."""
        given = self.as_given()
        units = Units.of(given, self.columns) if self.source == "csv" and len(given) else Units()
        return units.unit_variance(given) if self.unit_variance and self.has_two else units

    def as_given(self) -> np.ndarray:
        """The learner's points, ``(N, 2)``, in the units in which they came; none where the source is another."""
        if self.source == "csv":
            return np.array(self.csv, dtype=float).reshape(-1, 2)
        return decode_points(self.painted if self.is_own else "", self.board, self.board)[0]

    @property
    def has_two(self) -> bool:
        """Whether there are two different points, the fewest that a model is trained on."""
        points = self.as_given()
        return len(points) > 1 and bool((points != points[0]).any())

    def own(self) -> np.ndarray:
        """The learner's points, ``(N, 2)``; those of a file are standardised."""
        return self.units.standardise(self.as_given())

    def own_code(self) -> str:
        """As :meth:`own`, in Python: ``x``, with the digits that it needs."""
        return f"import numpy as np\nx = {written(self.own())}  # own points, as the model sees them"

    @property
    def scale_code(self) -> str:
        """Python for ``log_scale``; empty where points have no units of their own."""
        if not self.units.own:
            return ""
        return f"log_scale = {self.units.log_scale!r}  # log p in the points' own units is lower by this"

    @property
    def less(self) -> str:
        """What stands behind a log-density in Python, so that it is one in the points' own units."""
        return " - log_scale" if self.units.own else ""

    def own_for(self, model: str) -> np.ndarray:
        """As :meth:`own`, for a model that is trained on them.

        Raises:
            ValueError: There are no two different ones.
        """
        points = self.own()
        if not self.has_two:
            raise ValueError(f"A {model} needs two different points at least, and there are {len(points)}: add some.")
        return points

    def frame(self) -> tuple[Pair, Pair]:
        """Axis ranges of own points: the board, or what hugs the points of a file."""
        return frame(self.own()) if self.units.own else (self.board, self.board)

    def painted_classes(self) -> np.ndarray:
        """The classes of the painted points, ``(N,)``."""
        return decode_points(self.painted, self.board, self.board)[1]

    def n_painted(self) -> int:
        """How many classes can be painted."""
        return 1

    def brush(self) -> Brush | None:
        """Where points can be painted, and what is there; None unless they are the source."""
        if self.source != "painted":
            return None
        rows = zip(self.as_given().tolist(), self.painted_classes().tolist(), strict=True)
        return Brush(0, tuple((x, y, c) for (x, y), c in rows), self.n_painted())

    @property
    def to_paint(self) -> OwnPoints:
        """The config whose points are painted."""
        return self
