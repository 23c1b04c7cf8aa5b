"""What one animation is: panels, layers, readouts. Plain arrays, numpy only, no Streamlit.

A :class:`Scene` has panels that share one time axis. A panel has layers; a layer has *channels*, arrays whose
first axis is the frame, or which have no such axis where the layer stands still. Which of the two it is, is
told by the number of dimensions alone: each layer says how many one still channel has.

"Time" is whatever is worth dragging: a training step, a half-step of EM, a diffusion time, a correlation.
Nothing here knows which model it shows; a layer says *what* is drawn (points, ellipses …), never *why*.
NaN means "not there": the Player leaves it out. Colours are roles (``data``, ``model``, ``truth``, ``muted``,
``class0`` …), which :mod:`dashboard.scene.colours` turns into colours for a light or a dark screen.
"""

from dashboard.scene.claims import Claim, first_true, said
from dashboard.scene.diagram import Diagram, Edge, Node
from dashboard.scene.layers import (
    Arrows,
    Bars,
    Curve,
    Ellipses,
    Field,
    Images,
    Labels,
    Layer,
    Points,
    Polylines,
    Text,
)
from dashboard.scene.moves import Move, Turns
from dashboard.scene.panel import Panel, chart, plane
from dashboard.scene.scene import Brush, Handle, Readout, Scene

__all__ = [
    "Arrows",
    "Bars",
    "Brush",
    "Claim",
    "Curve",
    "Diagram",
    "Edge",
    "Ellipses",
    "Field",
    "Handle",
    "Images",
    "Labels",
    "Layer",
    "Move",
    "Node",
    "Panel",
    "Points",
    "Polylines",
    "Readout",
    "Scene",
    "Text",
    "Turns",
    "chart",
    "first_true",
    "plane",
    "said",
]
