"""Labelled points in the plane: their distributions, wrong labels, and the order in which they come."""

import numpy as np
import pytest

from genmodels.data.classes import NAMES, RECIPES, balanced, draw_classes, mislabel


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [2, 3])
def test_points_have_the_shape_and_every_class_comes_first(name, k):
    x, y = draw_classes(name, 600, k, np.random.default_rng(0))
    assert (x.shape, y.shape) == ((600, 2), (600,))
    assert sorted(y[:k]) == list(range(k))
    shares = np.bincount(y, minlength=k) / len(y)
    assert np.abs(shares - 1 / k).max() < 4 * np.sqrt(0.25 / 600)
    again, _ = draw_classes(name, 600, k, np.random.default_rng(0))
    np.testing.assert_array_equal(again, x)


@pytest.mark.parametrize("name", RECIPES)
def test_a_class_has_the_moments_of_its_mixture(name):
    x, y = draw_classes(name, 30_000, 3, np.random.default_rng(1))
    for c, (means, covariance) in enumerate(RECIPES[name]):
        here, means = x[y == c], np.array(means)
        expected = np.array(covariance) + np.cov(means.T, bias=True) * (len(means) > 1)
        assert np.abs(here.mean(axis=0) - means.mean(axis=0)).max() < 5 * here.std() / np.sqrt(len(here))
        assert np.abs(np.cov(here.T, bias=True) - expected).max() < 0.06 * expected.max(), (name, c)


def test_circles_have_their_radii():
    x, y = draw_classes("circles", 6_000, 3, np.random.default_rng(2))
    for c, radius in enumerate((1.3, 2.7, 4.1)):
        assert np.hypot(*x[y == c].T).mean() == pytest.approx(radius, abs=0.03)


def test_so_many_labels_are_wrong_and_every_wrong_one_is_as_likely():
    y = np.arange(6_000) % 3
    told = mislabel(y, 3, 0.3, np.random.default_rng(0))
    wrong = told != y
    assert wrong.mean() == pytest.approx(0.3)
    assert ((told - y)[wrong] % 3 == 1).mean() == pytest.approx(0.5, abs=0.04)
    np.testing.assert_array_equal(y, np.arange(6_000) % 3)


def test_some_of_each_class_come_first_and_the_rest_stay_in_order():
    y = np.random.default_rng(0).integers(3, size=40)
    order, of_order = balanced(np.arange(40), y, 3)
    assert sorted(order) == list(range(40))
    np.testing.assert_array_equal(of_order, y[order])
    assert (np.bincount(y[order[:9]]) == 3).all()
    assert (np.diff(order[9:]) > 0).all()


def test_what_cannot_be_drawn_is_told():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="moons"):
        draw_classes("clouds", 10, 2, rng)
    with pytest.raises(ValueError, match="2 or 3"):
        draw_classes("blobs", 10, 4, rng)
