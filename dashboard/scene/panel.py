"""Panels: one picture each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.scene.layers import Layer

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Panel:
    """One picture: a title, axis ranges, and the layers in drawing order.

    Args:
        x, y: Axis ranges in data units.
        equal: One unit is as long across as up.
        x_scale, y_scale: ``linear`` or ``log``.
        share: Relative width among the panels.
        axes: Whether ticks and a grid are drawn.
        x_names, y_names: What stands at 0, 1, 2 … of an axis in place of numbers.
        x_unit, y_unit: Centre and scale of a linear axis: at the data's v it says centre + scale · v.
    """

    title: str
    layers: tuple[Layer, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    equal: bool = True
    x_label: str = ""
    y_label: str = ""
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    share: float = 1.0
    axes: bool = True
    x_unit: tuple[float, float] = (0.0, 1.0)
    y_unit: tuple[float, float] = (0.0, 1.0)
    x_names: tuple[str, ...] = ()
    y_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high), scale in (("x", self.x, self.x_scale), ("y", self.y, self.y_scale)):
            if not (np.isfinite([low, high]).all() and low < high and (scale == "linear" or low > 0)):
                raise ValueError(f"Panel {self.title!r}: its {name} range {low} … {high} cannot be drawn ({scale}).")


def plane(
    title: str,
    layers: tuple[Layer, ...],
    x: tuple[float, float],
    y: tuple[float, float],
    share: float = 1.0,
    labels: tuple[str, str] = ("x₁", "x₂"),
) -> Panel:
    """Two coordinates of the same unit: one is as long across as up.

    Axes labelled x₁ and x₂ are the data's own; :func:`dashboard.scene.units.in_units` gives these the file's units.
    """
    return Panel(title, layers, x, y, x_label=labels[0], y_label=labels[1], share=share)


def chart(
    title: str,
    layers: tuple[Layer, ...],
    x: tuple[float, float],
    y: tuple[float, float],
    x_label: str = "",
    y_label: str = "",
    x_scale: Scale = "linear",
    y_scale: Scale = "linear",
    share: float = 1.0,
) -> Panel:
    """Numbers over something else: each axis has its own unit and scale."""
    return Panel(title, layers, x, y, False, x_label, y_label, x_scale, y_scale, share)
