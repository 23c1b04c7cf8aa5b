"""Layers: what is drawn in a panel, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np

Array = np.ndarray
RESERVED = frozenset("fk123456789")
"""Keys of the Player's own: full screen, the controls, and cues."""
ColourMap = Literal["sequential", "diverging", "cyclic"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What all layers share.

    Args:
        name: Shown on the layer's switch and in hover values; layers of one name have one switch, and where it is
            empty there is none.
        key: A letter that switches the layer on and off; empty for none.
        visible: Whether it is on at the start.
        colour: A role.
    """

    name: str
    key: str = ""
    visible: bool = True
    colour: str = "data"

    kind: ClassVar[str]
    channels: ClassVar[Mapping[str, int]]  # channel -> number of dimensions of one frame

    def __post_init__(self) -> None:
        if self.key in RESERVED:
            raise ValueError(f"Layer {self.name!r}: the key {self.key!r} is the Player's own; choose another.")
        for channel, ndim in self.channels.items():
            value = getattr(self, channel)
            if value is None:
                continue
            array = np.asarray(value)
            if array.ndim not in (ndim, ndim + 1):
                raise ValueError(
                    f"Layer {self.name!r}: {channel} has {array.ndim} dimensions, expected {ndim} (still) "
                    f"or {ndim + 1} (frames first)."
                )
            object.__setattr__(self, channel, array)

    def split(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The still and the moving channels, by name."""
        still: dict[str, Array] = {}
        moving: dict[str, Array] = {}
        for channel, ndim in self.channels.items():
            array = getattr(self, channel)
            if array is not None:
                (still if array.ndim == ndim else moving)[channel] = array
        return still, moving

    def style(self) -> dict[str, Any]:
        """Everything about the layer that is not an array."""
        return {"kind": self.kind} | {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in self.channels
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Points(Layer):
    """Dots, coloured by role, by class, by a value, or by a mixture of classes.

    Args:
        xy: ``(F, N, 2)`` or ``(N, 2)``.
        count: ``(F,)`` integers: only the first ``count`` points are there yet.
        labels: ``(N,)`` integers, one class colour each.
        names: What the classes are called in hover values; by default "class 1", "class 2" …
        values: ``(N,)`` in 0 … 1, coloured by ``colour_map``.
        weights: ``(N, K)``, rows sum to 1: the mixture of K class colours (responsibilities).
        radius: Pixels.
        trail: How many past frames to join by a thin line.
    """

    kind: ClassVar[str] = "points"
    channels: ClassVar[Mapping[str, int]] = {"xy": 2, "count": 0, "labels": 1, "values": 1, "weights": 2}
    xy: Array
    count: Array | None = None
    labels: Array | None = None
    values: Array | None = None
    weights: Array | None = None
    radius: float = 4.0
    alpha: float = 1.0
    trail: int = 0
    names: tuple[str, ...] = ()
    colour_map: ColourMap = "cyclic"

    def style(self) -> dict[str, Any]:
        """Also says whether the dots are coloured by value."""
        return super().style() | {"mapped": self.values is not None}


@dataclass(frozen=True, kw_only=True, eq=False)
class Field(Layer):
    """A scalar field on a grid, drawn with a named colour map over a fixed range.

    Args:
        values: ``(F, H, W)`` or ``(H, W)``; row 0 is the lowest y.
        extent: Outer edges x₀, x₁, y₀, y₁ in data units.
        limits: The values at the two ends of the colour map.
        unit: Shown with hover values.
        classes: The values are class numbers; each cell takes its class's colour.
        crisp: Cells have edges, as in a table; otherwise colours pass smoothly from cell to cell.
    """

    kind: ClassVar[str] = "field"
    channels: ClassVar[Mapping[str, int]] = {"values": 2}
    values: Array
    extent: tuple[float, float, float, float]
    limits: tuple[float, float]
    colour_map: ColourMap = "sequential"
    unit: str = ""
    alpha: float = 1.0
    classes: bool = False
    crisp: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrows(Layer):
    """Arrows from ``start`` along ``delta``, both ``(F, N, 2)`` or ``(N, 2)``, in data units."""

    kind: ClassVar[str] = "arrows"
    channels: ClassVar[Mapping[str, int]] = {"start": 2, "delta": 2}
    start: Array
    delta: Array
    width: float = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Ellipses(Layer):
    """Contours of Gaussians; a singular covariance is drawn as the line or the dot that it is.

    Args:
        mean: ``(F, K, 2)`` or ``(K, 2)``.
        covariance: ``(F, K, 2, 2)`` or ``(K, 2, 2)``.
        weight: ``(F, K)`` or ``(K,)`` in 0 … 1, drawn as opacity.
        sigmas: Which n-σ contours.
        classes: Give ellipse k the colour of class k.
    """

    kind: ClassVar[str] = "ellipses"
    channels: ClassVar[Mapping[str, int]] = {"mean": 2, "covariance": 3, "weight": 1}
    mean: Array
    covariance: Array
    weight: Array | None = None
    sigmas: tuple[float, ...] = (1.0, 2.0)
    width: float = 2.5
    dashed: bool = False
    filled: bool = False
    classes: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Polylines(Layer):
    """Lines of L points each, ``xy`` ``(F, P, L, 2)`` or ``(P, L, 2)``; NaN breaks a line.

    ``weight`` ``(F, P)`` or ``(P,)``, in 0 … 1, is how thick and how opaque each of them is.
    """

    kind: ClassVar[str] = "polylines"
    channels: ClassVar[Mapping[str, int]] = {"xy": 3, "weight": 1}
    xy: Array
    weight: Array | None = None
    width: float = 1.5
    dashed: bool = False
    closed: bool = False
    filled: bool = False
    alpha: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars(Layer):
    """Bars of ``height`` ``(F, B)`` or ``(B,)`` at ``x`` ``(B,)``, by default 0, 1, 2 …, over ``base``.

    ``labels`` stand on the bars: bar i bears the i-th, or that which ``marks`` ``(F, B)`` or ``(B,)`` says, −1 for
    none; so bars that are sorted anew in each frame keep their names.
    """

    kind: ClassVar[str] = "bars"
    channels: ClassVar[Mapping[str, int]] = {"height": 1, "x": 1, "marks": 1}
    height: Array
    x: Array | None = None
    marks: Array | None = None
    width: float = 0.8
    base: float = 0.0
    labels: tuple[str, ...] = ()
    classes: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve(Layer):
    """A series over the frames with a cursor at the frame shown.

    Args:
        y: ``(F,)``, one value a frame.
        x: ``(F,)``; by default the frame's id.
    """

    kind: ClassVar[str] = "curve"
    channels: ClassVar[Mapping[str, int]] = {"y": 0, "x": 0}
    y: Array
    x: Array | None = None
    width: float = 2.5
    dashed: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Images(Layer):
    """A sheet of pictures, ``pixels`` ``(F, N, H, W)`` or ``(N, H, W)``, row by row.

    Grey ones are uint8: 0 paper, 255 ink. Pictures with colours of their own, which a dark screen leaves as they are,
    are int32: red, green, blue and how opaque they are, one byte each from the lowest.

    Args:
        columns: Pictures in a row.
        extent: Where the sheet lies, x₀, x₁, y₀, y₁ in data units.
    """

    kind: ClassVar[str] = "images"
    channels: ClassVar[Mapping[str, int]] = {"pixels": 3}
    pixels: Array
    columns: int
    extent: tuple[float, float, float, float]

    def style(self) -> dict[str, Any]:
        """Also says whether the pictures have colours of their own."""
        return super().style() | {"coloured": self.pixels.dtype == np.int32}


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels(Layer):
    """Words in the picture.

    Args:
        at: ``(F, N, 2)`` or ``(N, 2)``, in data units.
        texts: N of them; those of still layers and of moving ones stay the same.
        size: Relative to the text of the axes.
        align: Which part of the text is at its place.
        classes: Text k has the colour of class k.
    """

    kind: ClassVar[str] = "labels"
    channels: ClassVar[Mapping[str, int]] = {"at": 2}
    at: Array
    texts: tuple[str, ...]
    size: float = 1.0
    bold: bool = False
    align: Literal["left", "center", "right"] = "center"
    classes: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Text(Layer):
    """A text in letters of one width, which fills the panel: broken into lines, as large as there is room for.

    Args:
        codes: ``(F, N)`` or ``(N,)`` integers, letters of ``alphabet``; −1 where there is none yet.
        values: ``(F, N)`` or ``(N,)``, what lies behind each letter, coloured by ``colour_map`` over ``limits``; NaN
            for nothing.
        alphabet: Letters by their code; a line break is one of them.
        unit: Of the values, under the pointer.
        marked: From which letter on the text has the layer's colour; those before are in ink.
    """

    kind: ClassVar[str] = "text"
    channels: ClassVar[Mapping[str, int]] = {"codes": 1, "values": 1}
    codes: Array
    alphabet: str
    values: Array | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    colour_map: ColourMap = "sequential"
    unit: str = ""
    marked: int = 0
