"""One animation: panels that share a time axis, readouts, captions, handles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from dashboard.scene.layers import Array, Layer
from dashboard.scene.panel import Panel


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
        radius: How far a point reaches, data units, so that a stroke is as wide as what it does; 0 for a dot.
    """

    panel: int = 0
    points: tuple[tuple[float, float, int], ...] = ()
    classes: int = 1
    most: int = 500
    radius: float = 0.0


@dataclass(frozen=True)
class Readout:
    """A named number for each frame, ``values`` ``(F,)``, or the one of a single frame; NaN is shown as a dash.

    A hidden readout is not in the row, but may be named in the scene's equation. ``digits`` are decimals, or, of
    what may be of any size, significant ones.
    """

    name: str
    values: Array | float
    unit: str = ""
    digits: int = 3
    hidden: bool = False
    significant: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.atleast_1d(np.asarray(self.values, dtype=np.float64)))


@dataclass(frozen=True)
class Scene:
    """One animation.

    Args:
        panels: Left to right.
        alt: One sentence that says what is to be seen, for those who cannot.
        steps: ``(F,)`` increasing integers, each frame's permanent id.
        time: What a step is, such as ``"points n"``.
        readouts: Numbers that belong to the frame shown.
        captions: Sentences, and ``caption`` ``(F,)``: which of them is shown, −1 for none; one number for all frames.
        equation: A line with ``{name}`` for readouts; it is filled in for each frame.
        fps: Frames a second at speed 1.
        loop: Whether it starts again at the end.
        handles: What can be dragged.
        brush: Whether points can be painted, and where.
        start: The id of the frame to show, at rest, after a drag has changed something; by default the one
            that was shown before.
    """

    panels: tuple[Panel, ...]
    alt: str
    steps: Array
    time: str = "step"
    readouts: tuple[Readout, ...] = ()
    captions: tuple[str, ...] = ()
    caption: Array | int | None = None
    equation: str = ""
    fps: float = 20.0
    loop: bool = False
    handles: tuple[Handle, ...] = ()
    brush: Brush | None = None
    start: int | None = None

    def __post_init__(self) -> None:
        steps = np.asarray(self.steps, dtype=np.int32)
        if steps.ndim != 1 or steps.size == 0 or (np.diff(steps) <= 0).any():
            raise ValueError("A scene's steps must be increasing integers, at least one.")
        object.__setattr__(self, "steps", steps)
        if isinstance(self.caption, int):
            object.__setattr__(self, "caption", np.full(len(steps), self.caption))
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
        rest = {n: getattr(self, n) for n in ("alt", "time", "captions", "equation", "fps", "loop", "start")}
        rest |= {
            "handles": [{k: v for k, v in vars(h).items() if k != "at"} for h in self.handles],
            "brush": self.brush and vars(self.brush),
        }
        return {"panels": panels, "readouts": readouts, **rest}
