"""A scene is data: what stands still, what moves, and what is refused."""

import json

import numpy as np
import pytest

from dashboard.scene import (
    Arrows,
    Bars,
    Curve,
    Diagram,
    Edge,
    Ellipses,
    Field,
    Images,
    Labels,
    Node,
    Panel,
    Points,
    Polylines,
    Readout,
    Scene,
)

F, N = 4, 5
LAYERS = (
    Points(name="points", xy=np.zeros((F, N, 2)), labels=np.zeros(N, int), count=np.arange(F)),
    Field(name="field", values=np.zeros((F, 3, 2)), extent=(0, 1, 0, 1), limits=(0, 1)),
    Arrows(name="arrows", start=np.zeros((N, 2)), delta=np.zeros((F, N, 2))),
    Ellipses(name="ellipses", mean=np.zeros((F, 2, 2)), covariance=np.zeros((2, 2, 2))),
    Polylines(name="lines", xy=np.zeros((3, 4, 2))),
    Bars(name="bars", height=np.zeros((F, 3))),
    Curve(name="curve", y=np.zeros(F)),
    Images(name="images", pixels=np.zeros((F, 6, 8, 8), np.uint8), columns=3, extent=(0, 1, 0, 1)),
    Labels(name="labels", at=np.zeros((2, 2)), texts=("a", "b")),
    Diagram(
        name="diagram",
        nodes=(Node("a", (0, 0)), Node("b", (1, 0))),
        edges=(Edge(0, 1),),
        active=np.zeros((F, 3)),
    ),
)


def scene(*layers, **more) -> Scene:
    panel = Panel("panel", layers or LAYERS, (0, 1), (0, 1))
    return Scene((panel,), "a test", np.arange(F), **more)


def test_the_frame_axis_is_told_by_the_number_of_dimensions():
    whole = scene(readouts=(Readout("r", np.zeros(F)),), caption=np.zeros(F), captions=("one",))
    still, moving = dict(whole.still()), dict(whole.moving())
    assert set(still) == {"0.0.labels", "0.2.start", "0.3.covariance", "0.4.xy", "0.8.at"}
    assert {"0.0.xy", "0.0.count", "0.1.values", "0.2.delta", "0.6.y", "readout.0", "caption"} <= set(moving)
    assert all(len(a) == F for a in moving.values())


def test_the_layout_is_json_without_arrays():
    text = json.dumps(scene().layout())
    assert json.loads(text)["panels"][0]["layers"][9]["nodes"][1]["text"] == "b"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="3 frames, the time axis 4"):
        scene(Points(name="p", xy=np.zeros((3, N, 2))))
    with pytest.raises(ValueError, match="1 dimensions, expected 2"):
        Points(name="p", xy=np.zeros(3))
    with pytest.raises(ValueError, match="cannot be drawn"):
        Panel("p", (), (1, 1), (0, 1))
    with pytest.raises(ValueError, match="cannot be drawn"):
        Panel("p", (), (0, 1), (0, 1), x_scale="log")
    with pytest.raises(ValueError, match="increasing"):
        Scene((), "empty", np.array([2, 1]))
    with pytest.raises(ValueError, match="for 2 parts"):
        Diagram(name="d", nodes=(Node("a", (0, 0)),), edges=(Edge(0, 0),), active=np.zeros((F, 3)))
