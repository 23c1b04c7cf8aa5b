"""What is carried home of a run is what was drawn, in the units of its axes."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from dashboard import runs
from dashboard.runs.arrays import frame_csv, in_axes, run_npz
from dashboard.scene import Curve, Field, Points, Readout, Scene, chart, plane
from dashboard.scene.units import Units

F, N = 7, 5
PLAIN = Units()
UNITS = Units((100.0, -3.0), (20.0, 0.5), ("height", "weight"))


def scene(units: Units = PLAIN) -> Scene:
    """Points that move, a field that stands still, a curve of a readout."""
    rng = np.random.default_rng(3)
    xy, field = rng.normal(size=(F, N, 2)), rng.normal(size=(2, 3))
    loss = rng.uniform(size=F)
    dots = Points(name="dots", xy=xy)
    heat = Field(name="heat", values=field, extent=(-1.0, 2.0, -2.0, 1.0), limits=(0.0, 1.0))
    left = plane("Left / right", (heat, dots), (-3, 3), (-3, 3))
    right = chart("Loss", (Curve(name="", y=loss),), (0, 70), (0, 1), "step")
    steps = 10 * np.arange(F)
    shown = Scene((left, right), "Dots.", steps, readouts=(Readout("loss", loss, "nats"),), captions=("A", "B"),
                  caption=np.arange(F) % 2)  # fmt: skip
    return units.shown(shown)


@pytest.fixture
def run():
    return runs.record(scene(), "")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def channel(table: list[dict[str, str]], layer: str, name: str, *shape: int, dtype: type = np.float32) -> np.ndarray:
    """An array put together again from its rows, each at the place that it names."""
    found = np.full(shape, np.nan, dtype=dtype)
    for row in table:
        if (row["layer"], row["channel"]) == (layer, name):
            found[tuple(int(row[axis]) for axis in "ijk" if row[axis])] = float(row["value"])
    return found


def test_a_frame_as_csv(run):
    table = rows(frame_csv(run, 40))
    was = scene()
    dots, heat = was.panels[0].layers[1], was.panels[0].layers[0]
    np.testing.assert_array_equal(channel(table, "dots", "xy", N, 2), dots.xy[4].astype(np.float32))
    np.testing.assert_array_equal(channel(table, "heat", "values", 2, 3), heat.values.astype(np.float32))
    np.testing.assert_array_equal(channel(table, "heat", "extent", 4), [-1, 2, -2, 1])
    assert channel(table, "readout", "loss", dtype=np.float64) == was.readouts[0].values[4], (
        "readouts are not rounded"
    )
    assert channel(table, "", "step") == 40
    assert channel(table, "curve 1", "y") == was.readouts[0].values[4].astype(np.float32), "a layer without a name"
    assert {row["panel"] for row in table} == {"", "Left / right", "Loss"}


def test_a_run_as_npz(run):
    with np.load(io.BytesIO(run_npz(run, "Dots that dance"))) as file:
        arrays = dict(file)
    was = scene()
    np.testing.assert_array_equal(arrays["steps"], was.steps)
    np.testing.assert_array_equal(arrays["readout.0.loss"], was.readouts[0].values)
    np.testing.assert_array_equal(arrays["0.1.dots.xy"], was.panels[0].layers[1].xy.astype(np.float32))
    np.testing.assert_array_equal(arrays["0.0.heat.values"], was.panels[0].layers[0].values.astype(np.float32))
    np.testing.assert_array_equal(arrays["1.0.curve.y"], was.readouts[0].values.astype(np.float32))
    assert [str(arrays["captions"][k]) for k in arrays["caption"]] == ["A", "B", "A", "B", "A", "B", "A"]
    assert str(arrays["about"]).startswith("Dots that dance\n")
    assert json.loads(str(arrays["layout"]))["panels"][0]["title"] == "Left / right"


def test_own_units_are_those_of_the_axes():
    """What was standardised for the model is carried home as it was in the file."""
    table = rows(frame_csv(runs.record(scene(UNITS), ""), 40))
    z = scene().panels[0].layers[1].xy[4]
    np.testing.assert_allclose(channel(table, "dots", "xy", N, 2), UNITS.restore(z), rtol=1e-5)
    np.testing.assert_allclose(channel(table, "heat", "extent", 4), [80, 140, -4, -2.5])
    loss = scene().readouts[0].values[4]
    assert channel(table, "curve 1", "y") == pytest.approx(loss), "another panel has axes of its own"


def test_covariances_and_differences_in_own_units():
    panel = {"x_unit": (100.0, 20.0), "y_unit": (-3.0, 0.5)}
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1000, 2))
    x = in_axes(panel, "xy", z)
    np.testing.assert_allclose(np.cov(x.T), in_axes(panel, "covariance", np.cov(z.T)[None])[0])
    np.testing.assert_allclose(x.mean(axis=0), in_axes(panel, "mean", z.mean(axis=0)))
    np.testing.assert_allclose(x[1] - x[0], in_axes(panel, "delta", z[1] - z[0]))
    np.testing.assert_allclose(x[:, 1], in_axes(panel, "y", z[:, 1]))
    np.testing.assert_allclose(x[:, 0], in_axes(panel, "x", z[:, 0]))
    weights = rng.uniform(size=3)
    np.testing.assert_array_equal(in_axes(panel, "weight", weights), weights)


def test_a_frame_that_is_not_there(run):
    with pytest.raises(ValueError, match="Frame 41 is not recorded"):
        frame_csv(run, 41)
