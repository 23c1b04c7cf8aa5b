"""Own units: points are standardised robustly at one door, and what is shown is in the file's units again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.scene import Curve, Points, Readout, Scene, chart, plane
from dashboard.scene.units import COORDINATES, Units, axis_names, far_away, frame, in_units

NORMAL = np.random.default_rng(0).standard_normal((20_000, 2))


def test_the_scale_of_a_gaussian_is_its_standard_deviation():
    units = Units.of(NORMAL * [3.0, 0.02] + [7.0, -5.0])
    np.testing.assert_allclose(units.centre, [7, -5], atol=0.05)
    np.testing.assert_allclose(units.scale, [3.0, 0.02], rtol=0.03)


def test_one_outlier_hardly_matters_and_neither_does_a_lump_of_equal_values():
    few = NORMAL[:60]
    with_outlier = np.concatenate([few, [[1e6, -1e6]]])
    np.testing.assert_allclose(Units.of(with_outlier).scale, Units.of(few).scale, rtol=0.15)
    lump = np.concatenate([np.zeros((700, 2)), NORMAL[:300]])  # the middle half is one value
    assert (np.array(Units.of(lump).scale) > 0.3).all()
    rare = np.concatenate([np.zeros((970, 2)), NORMAL[:30]])  # the middle nine tenths are one value
    np.testing.assert_allclose(Units.of(rare).scale, rare.std(axis=0), rtol=0.05)


@pytest.mark.parametrize("value", [0.0, 0.1, -7e8, 1e-12])
def test_a_constant_column_has_scale_one(value):
    points = np.stack([NORMAL[:50, 0], np.full(50, value)], axis=1)
    units = Units.of(points)
    assert units.scale[1] == 1
    assert units.centre[1] == value
    np.testing.assert_array_equal(units.standardise(points)[:, 1], 0)


@given(
    st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
)
def test_standardised_points_do_not_depend_on_the_units(powers, offsets):
    scale = 10.0 ** np.array(powers)
    points = NORMAL[:80]
    there = scale * (points + np.array(offsets))
    got, want = Units.of(there), Units.of(points)
    np.testing.assert_allclose(got.standardise(there), want.standardise(points), atol=1e-7)
    np.testing.assert_allclose((got.restore(got.standardise(there)) - there) / scale, 0, atol=1e-8)
    assert got.log_scale - want.log_scale == pytest.approx(np.log(scale).sum(), abs=1e-7)
    np.testing.assert_allclose(
        got.covariance(np.cov(got.standardise(there).T)) / np.outer(scale, scale), np.cov(points.T), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ((), COORDINATES),
        (("rate", "price"), ("rate", "price")),
        (("rate", ""), ("rate", "x₂")),
        (("a", "a"), COORDINATES),
        (("  two\n words ", "{x}"), ("two words", "x")),
        (("q" * 60, "b"), ("q" * 23 + "…", "b")),
    ],
)
def test_axes_bear_the_columns_names(columns, names):
    assert axis_names(columns) == names


def some_scene() -> Scene:
    points = Points(name="known: x₁", xy=NORMAL[:3])
    curve = Curve(name="p(y | x₂)", y=np.array([0.1, 0.2]), x=np.array([-1.0, 1.0]))
    return Scene(
        panels=(
            plane("x₁ beside x₂ and x₁₀₀₀", (points,), (-3, 3), (-3, 3)),
            plane("latent", (points,), (-3, 3), (-3, 3), labels=("z₁", "z₂")),
            chart("", (curve,), (-1, 1), (0, 1), x_label="x₂", y_label="p(x₁)"),
        ),
        alt="x₁",
        steps=np.array([0, 1]),
        readouts=(Readout("x₂", np.array([-1.0, 1.0])), Readout("p given x₁", 0.5 * np.ones(2))),
        captions=("x₂ is missing",),
        equation="x₂ = {x₂}",
    )


def test_a_scene_is_shown_in_its_units():
    shown = Units((5.0, 600_000.0), (0.01, 1e5), ("rate", "price")).shown(some_scene())
    first, latent, third = shown.panels
    assert (first.x_unit, first.y_unit) == ((5.0, 0.01), (600_000.0, 1e5))
    assert (first.x_label, first.y_label, first.title) == ("rate", "price", "rate beside price and x₁₀₀₀")
    assert first.layers[0].name == "known: rate"
    assert latent.x_unit == (0, 1), "only the data's own axes have the data's units"
    assert (third.x_unit, third.y_unit) == ((600_000.0, 1e5), (0.0, 1.0))
    assert (third.x_label, third.y_label) == ("price", "p(rate)")
    price, other = shown.readouts
    assert price.name == "price"
    np.testing.assert_array_equal(price.values, [500_000, 700_000])
    np.testing.assert_array_equal(other.values, 0.5)
    assert shown.equation == "price = {price}"
    assert shown.captions == ("price is missing",)


def test_without_own_units_nothing_changes():
    scene = some_scene()
    assert Units().shown(scene) is scene


class Given:
    units = Units((1.0, 2.0), (3.0, 4.0))


def test_runs_that_grow_are_shown_alike():
    def grow(config):
        yield None
        yield some_scene()

    first, second = in_units(grow)(Given())
    assert first is None
    assert second.panels[0].x_unit == (1.0, 3.0)
    assert in_units(lambda config: some_scene())(Given()).panels[0].y_unit == (2.0, 4.0)


def test_the_frame_hugs_the_points_but_for_outliers():
    with_outlier = np.concatenate([NORMAL[:60], [[40.0, 30.0]]])
    assert np.flatnonzero(far_away(with_outlier)).tolist() == [60]
    (x0, x1), (_, y1) = frame(with_outlier)
    assert x0 < NORMAL[:60, 0].min()
    assert NORMAL[:60, 0].max() < x1 < 5
    assert y1 < 5
    assert (x1 - x0) < 1.3 * np.ptp(NORMAL[:60, 0])
    two_lumps = np.concatenate([NORMAL[:100], NORMAL[:20] + 50])
    assert not far_away(two_lumps).any(), "so many are no outliers"
    assert frame(two_lumps)[0][1] > 50
