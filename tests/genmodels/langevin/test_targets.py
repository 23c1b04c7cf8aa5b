"""Log-densities: gradients by differences, densities by scipy, normalisers by other quadratures; samples."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal, norm

from genmodels.langevin.targets import Banana, RoundLumps, Wells, grid, log_normaliser

X = np.random.default_rng(0).uniform(-2.5, 2.5, (40, 2))
TARGETS = {
    "lumps": RoundLumps([[-1.0, 0.3], [1.2, -0.5], [0.0, 1.5]], 0.6, [0.2, 0.5, 0.3]),
    "gaussian": RoundLumps([[0.4, -0.2]], 1.3),
    "banana": Banana(0.7, 0.5),
    "wells": Wells([[-1.0, 0.3], [1.2, -0.5]], [2.0, -1.0], 0.6, 1.4),
}


@pytest.mark.parametrize("name", TARGETS)
def test_gradients_are_those_of_the_log_density(name):
    target, h = TARGETS[name], 1e-5
    by_differences = [(target(X + h * e)[0] - target(X - h * e)[0]) / (2 * h) for e in np.eye(2)]
    assert target(X)[1] == pytest.approx(np.stack(by_differences, axis=1), abs=1e-6)


def test_lumps_and_banana_are_what_scipy_says():
    lumps = TARGETS["lumps"]
    one_by_one = [w * multivariate_normal(c, 0.36).pdf(X) for w, c in zip(lumps.weights, lumps.centres, strict=True)]
    assert np.exp(lumps(X)[0]) == pytest.approx(sum(one_by_one))
    banana = norm.pdf(X[:, 0]) * norm.pdf(X[:, 1], 0.7 * (X[:, 0] ** 2 - 1), 0.5)
    assert np.exp(TARGETS["banana"](X)[0]) == pytest.approx(banana)


def test_wells_lower_the_energy_at_their_centres():
    wells = TARGETS["wells"]
    at = wells.centres[:1]
    assert wells.energy(at) == pytest.approx(-wells(at)[0])
    other = np.exp(-np.square(wells.centres[0] - wells.centres[1]).sum() / 0.72)
    assert wells.energy(at)[0] == pytest.approx(1.09 / 3.92 - 2.0 + other)


@pytest.mark.parametrize("name", ["lumps", "gaussian", "banana"])
def test_a_density_has_the_normaliser_1(name):
    assert log_normaliser(TARGETS[name], [[-8, 8], [-8, 40]], 260) == pytest.approx(0, abs=1e-5)


def test_the_wells_normaliser_by_adaptive_quadrature():
    wells = TARGETS["wells"]
    z, _ = dblquad(lambda y, x: float(np.exp(-wells.energy(np.array([[x, y]]))[0])), -9, 9, -9, 9, epsabs=1e-5)
    assert log_normaliser(wells, [[-9, 9], [-9, 9]], 100) == pytest.approx(np.log(z), abs=1e-5)


def test_a_bowl_without_wells_is_a_gaussian():
    assert log_normaliser(Wells([[0.0, 0.0]], [0.0], bowl=1.5), [[-12, 12]] * 2, 80) == pytest.approx(
        np.log(2 * np.pi * 1.5**2)
    )


def test_a_grid_has_its_first_coordinate_fastest():
    points, volume = grid([[0, 2], [10, 16]], 2)
    assert points.tolist() == [[0.5, 11.5], [1.5, 11.5], [0.5, 14.5], [1.5, 14.5]]
    assert volume == 3


@pytest.mark.parametrize("name", ["lumps", "gaussian", "banana"])
def test_samples_have_the_density_moments(name):
    target = TARGETS[name]
    x = target.sample(40_000, np.random.default_rng(3))
    points, volume = grid([[-8, 8], [-8, 12]], 200)
    p = np.exp(target(points)[0]) * volume
    for f in (lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 0] ** 2, lambda x: x[:, 0] ** 2 * x[:, 1]):
        assert f(x).mean() == pytest.approx(p @ f(points), abs=3 * f(x).std() / 200)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RoundLumps([[0.0, 0.0]], 0.0),
        lambda: RoundLumps([[0.0], [1.0]], 1.0, [0.5, 0.6]),
        lambda: Banana(np.nan),
        lambda: Banana(1.0, 0.0),
        lambda: Wells([[0.0, 0.0]], [1.0, 2.0]),
        lambda: Wells([[0.0, 0.0]], [np.inf]),
        lambda: Wells([[0.0, 0.0]], [1.0], width=-1.0),
        lambda: grid([[0, 1]], 0),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(ValueError, match="give"):
        make()
