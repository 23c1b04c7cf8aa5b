"""What one animation is: panels, layers, readouts. Plain arrays, numpy only, no Streamlit.

A :class:`Scene` has panels that share one time axis. A panel has layers; a layer has *channels*, arrays whose
first axis is the frame, or which have no such axis where the layer stands still. Which of the two it is, is
told by the number of dimensions alone: each layer says how many one still channel has.

"Time" is whatever is worth dragging: a training step, a half-step of EM, a diffusion time, a correlation.
Nothing here knows which model it shows; a layer says *what* is drawn (points, ellipses …), never *why*.
NaN means "not there": the Player leaves it out. Colours are roles (``data``, ``model``, ``truth``, ``muted``,
``class0`` …), which :mod:`dashboard.theme` turns into colours for a light or a dark screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np

Array = np.ndarray
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
    """Lines of L points each, ``xy`` ``(F, P, L, 2)`` or ``(P, L, 2)``; NaN breaks a line."""

    kind: ClassVar[str] = "polylines"
    channels: ClassVar[Mapping[str, int]] = {"xy": 3}
    xy: Array
    width: float = 1.5
    dashed: bool = False
    closed: bool = False
    filled: bool = False
    alpha: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars(Layer):
    """Bars of ``height`` ``(F, B)`` or ``(B,)`` at ``x`` ``(B,)``, by default 0, 1, 2 …, over ``base``."""

    kind: ClassVar[str] = "bars"
    channels: ClassVar[Mapping[str, int]] = {"height": 1, "x": 1}
    height: Array
    x: Array | None = None
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
    """A sheet of grey pictures, ``pixels`` ``(F, N, H, W)`` or ``(N, H, W)`` uint8: 0 paper, 255 ink; row by row.

    Args:
        columns: Pictures in a row.
        extent: Where the sheet lies, x₀, x₁, y₀, y₁ in data units.
    """

    kind: ClassVar[str] = "images"
    channels: ClassVar[Mapping[str, int]] = {"pixels": 3}
    pixels: Array
    columns: int
    extent: tuple[float, float, float, float]


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


@dataclass(frozen=True)
class Node:
    """A box of a diagram: its text, centre and size in data units; round boxes are random variables."""

    text: str
    at: tuple[float, float]
    size: tuple[float, float] = (1.6, 0.8)
    round: bool = False
    colour: str = "data"


@dataclass(frozen=True)
class Edge:
    """An arrow of a diagram from one node to another, by index."""

    start: int
    end: int
    text: str = ""
    bend: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagram(Layer):
    """The model as boxes and arrows; ``active`` ``(F, M)`` in 0 … 1 lights nodes, then edges."""

    kind: ClassVar[str] = "diagram"
    channels: ClassVar[Mapping[str, int]] = {"active": 1}
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    active: Array

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = len(self.nodes) + len(self.edges)
        if self.active.shape[-1] != parts:
            raise ValueError(f"Diagram {self.name!r}: active has {self.active.shape[-1]} columns for {parts} parts.")

    def style(self) -> dict[str, Any]:
        """Nodes and edges as plain dictionaries."""
        return super().style() | {
            "nodes": [vars(n) for n in self.nodes],
            "edges": [vars(e) for e in self.edges],
        }


@dataclass(frozen=True)
class Panel:
    """One picture: a title, axis ranges, and the layers in drawing order.

    Args:
        x, y: Axis ranges in data units.
        equal: One unit is as long across as up.
        x_scale, y_scale: ``linear`` or ``log``.
        share: Relative width among the panels.
        axes: Whether ticks and a grid are drawn.
    """

    title: str
    layers: tuple[Layer, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    equal: bool = True
    x_label: str = ""
    y_label: str = ""
    x_scale: Literal["linear", "log"] = "linear"
    y_scale: Literal["linear", "log"] = "linear"
    share: float = 1.0
    axes: bool = True

    def __post_init__(self) -> None:
        for name, (low, high), scale in (("x", self.x, self.x_scale), ("y", self.y, self.y_scale)):
            if not (np.isfinite([low, high]).all() and low < high and (scale == "linear" or low > 0)):
                raise ValueError(f"Panel {self.title!r}: its {name} range {low} … {high} cannot be drawn ({scale}).")


@dataclass(frozen=True, eq=False)
class Handle:
    """Something to take hold of: a knob, or the probe.

    While it is dragged the run is asked for the frame at the new place; on release the page hears of it.

    Args:
        name: Under which its place is reported.
        at: Where it is, ``(F, 2)`` or ``(2,)``, in data units.
        panel: Index of its panel.
        snap: It stops at multiples of this; 0 for anywhere.
        free: Which way it moves: ``xy``, ``x`` or ``y``.
        probe: Drawn as a cross-hair rather than as a knob.
    """

    name: str
    at: Array
    panel: int = 0
    snap: float = 0.0
    free: Literal["xy", "x", "y"] = "xy"
    probe: bool = False
    colour: str = "model"

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", np.asarray(self.at, dtype=np.float64))


@dataclass(frozen=True)
class Brush:
    """Points that the learner paints into a panel.

    Args:
        panel: Index of the panel.
        points: What is there already: (x, y, class) each.
        classes: 1 to 3.
        most: No more points than this.
    """

    panel: int = 0
    points: tuple[tuple[float, float, int], ...] = ()
    classes: int = 1
    most: int = 500


@dataclass(frozen=True)
class Readout:
    """A named number for each frame, ``values`` ``(F,)``; NaN is shown as a dash.

    A hidden readout is not in the row, but may be named in the scene's equation.
    """

    name: str
    values: Array
    unit: str = ""
    digits: int = 3
    hidden: bool = False


@dataclass(frozen=True)
class Scene:
    """One animation.

    Args:
        panels: Left to right.
        alt: One sentence that says what is to be seen, for those who cannot.
        steps: ``(F,)`` increasing integers, each frame's permanent id.
        time: What a step is, such as ``"points n"``.
        readouts: Numbers that belong to the frame shown.
        captions: Sentences, and ``caption`` ``(F,)``: which of them is shown, −1 for none.
        equation: A line with ``{name}`` for readouts; it is filled in for each frame.
        fps: Frames a second at speed 1.
        loop: Whether it starts again at the end.
        columns: Panels in a row; 0 for all of them.
        handles: What can be dragged.
        brush: Whether points can be painted, and where.
        start: The id of the frame to show, at rest, after the hand has changed something; by default the one
            that was shown before.
    """

    panels: tuple[Panel, ...]
    alt: str
    steps: Array
    time: str = "step"
    readouts: tuple[Readout, ...] = ()
    captions: tuple[str, ...] = ()
    caption: Array | None = None
    equation: str = ""
    fps: float = 20.0
    loop: bool = False
    columns: int = 0
    handles: tuple[Handle, ...] = ()
    brush: Brush | None = None
    start: int | None = None

    def __post_init__(self) -> None:
        steps = np.asarray(self.steps, dtype=np.int32)
        if steps.ndim != 1 or steps.size == 0 or (np.diff(steps) <= 0).any():
            raise ValueError("A scene's steps must be increasing integers, at least one.")
        object.__setattr__(self, "steps", steps)
        for name, array in self.moving():
            if len(array) != len(steps):
                raise ValueError(f"Scene: {name} has {len(array)} frames, the time axis {len(steps)}.")

    def layers(self) -> Iterator[tuple[str, Layer]]:
        """Every layer with its address ``panel.layer``."""
        for p, panel in enumerate(self.panels):
            for k, layer in enumerate(panel.layers):
                yield f"{p}.{k}", layer

    def still(self) -> Iterator[tuple[str, Array]]:
        """Channels that stand still, by address ``panel.layer.channel``."""
        for address, layer in self.layers():
            for channel, array in layer.split()[0].items():
                yield f"{address}.{channel}", array
        yield from ((f"handle.{h.name}", h.at) for h in self.handles if h.at.ndim == 1)

    def moving(self) -> Iterator[tuple[str, Array]]:
        """Channels with a frame axis, readouts and captions among them."""
        for address, layer in self.layers():
            for channel, array in layer.split()[1].items():
                yield f"{address}.{channel}", array
        yield from ((f"handle.{h.name}", h.at) for h in self.handles if h.at.ndim == 2)
        for k, readout in enumerate(self.readouts):
            yield f"readout.{k}", np.asarray(readout.values, dtype=np.float64)
        if self.caption is not None:
            yield "caption", np.asarray(self.caption, dtype=np.int32)

    def layout(self) -> dict[str, Any]:
        """Everything that is not an array, ready for JSON."""
        panels = [
            {f.name: getattr(p, f.name) for f in fields(p) if f.name != "layers"}
            | {"layers": [layer.style() for layer in p.layers]}
            for p in self.panels
        ]
        readouts = [{f.name: getattr(r, f.name) for f in fields(r) if f.name != "values"} for r in self.readouts]
        rest = {
            n: getattr(self, n) for n in ("alt", "time", "captions", "equation", "fps", "loop", "start", "columns")
        }
        rest |= {
            "handles": [{k: v for k, v in vars(h).items() if k != "at"} for h in self.handles],
            "brush": self.brush and vars(self.brush),
        }
        return {"panels": panels, "readouts": readouts, **rest}
