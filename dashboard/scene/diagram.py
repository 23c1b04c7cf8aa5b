"""The model as boxes and arrows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from dashboard.scene.layers import Array, Layer


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
