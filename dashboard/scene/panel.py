"""Panels: one picture each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.scene.layers import Layer


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
