"""Level lines and hatching against shapes whose lines are known."""

import numpy as np
import pytest

from dashboard.scene.contours import cell_centres, hatching, level_lines, outlines

EXTENT = (-2.0, 2.0, -1.5, 1.5)


def field(f, rows=60, columns=80):
    x = np.linspace(*EXTENT[:2], 2 * columns + 1)[1::2]
    y = np.linspace(*EXTENT[2:], 2 * rows + 1)[1::2]
    return f(*np.meshgrid(x, y))


def length(lines) -> float:
    return float(np.nansum(np.linalg.norm(lines[:, 1] - lines[:, 0], axis=-1)))


def test_a_plane_gives_its_straight_line():
    lines = level_lines(field(lambda x, y: 2 * x - y - 0.3)[None], EXTENT)[0]
    points = lines[np.isfinite(lines).all((1, 2))].reshape(-1, 2)
    np.testing.assert_allclose(2 * points[:, 0] - points[:, 1], 0.3, atol=1e-12)
    centres = 3.0 * (1 - 1 / 60)  # from the lowest cell centre to the highest
    assert length(lines) == pytest.approx(centres * np.hypot(1, 0.5), rel=0.02)


@pytest.mark.parametrize("level", [0.25, 1.0])
def test_a_bowl_gives_its_circle(level):
    lines = level_lines(field(lambda x, y: x**2 + y**2)[None], EXTENT, level)[0]
    points = lines[np.isfinite(lines).all((1, 2))].reshape(-1, 2)
    np.testing.assert_allclose(np.hypot(*points.T), np.sqrt(level), atol=2e-3)
    assert length(lines) == pytest.approx(2 * np.pi * np.sqrt(level), rel=0.01)


def test_frames_keep_their_own_lines():
    frames = np.stack([field(lambda x, y, c=c: x - c) for c in (-1.0, 0.5, 9.0)])
    lines = level_lines(frames, EXTENT)
    assert len(lines) == 3
    for k, c in enumerate((-1.0, 0.5)):
        assert np.nanmin(lines[k, ..., 0]) == pytest.approx(c)
        assert np.nanmax(lines[k, ..., 0]) == pytest.approx(c)
    assert np.isnan(lines[2]).all()


def test_nan_has_no_line():
    assert np.isnan(level_lines(np.full((2, 5, 5), np.nan), EXTENT)).all()


def test_hatching_covers_where_it_holds_and_nothing_else():
    where = np.zeros((1, 30, 40), dtype=bool)
    where[0, :15] = True
    lines = hatching(where, EXTENT, 0.2)
    y = lines[0][np.isfinite(lines[0]).all(-1)][:, 1]
    assert y.size
    assert y.min() >= -1.5
    assert y.max() <= 0.0 + 1e-9


def test_cell_centres_run_row_by_row_from_the_lowest():
    centres = cell_centres((0, 4, 0, 2), 2)
    np.testing.assert_allclose(centres, [[1, 0.5], [3, 0.5], [1, 1.5], [3, 1.5]])


def test_outlines_wind_once_around_what_is_inside_and_not_around_its_holes():
    inside = np.random.default_rng(3).random((9, 7)) < 0.6
    lines = outlines(inside, (-1.0, 6.0, 2.0, 11.0))
    start, end = lines[:-1], lines[1:]
    for row, column in np.ndindex(9, 7):
        x, y = column - 0.5, row + 2.5
        right = start[:, 0] > x
        up, down = (start[:, 1] < y) & (y < end[:, 1]), (end[:, 1] < y) & (y < start[:, 1])
        assert (right & up).sum() - (right & down).sum() == inside[row, column]
    steps = np.linalg.norm(end - start, axis=1)
    assert set(steps[np.isfinite(steps)]) == {1.0}
    padded = np.pad(inside, 1).astype(int)
    assert np.isfinite(steps).sum() == np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()


def test_nothing_inside_has_no_outline():
    assert np.isnan(outlines(np.zeros((3, 4), dtype=bool), EXTENT)).all()
