"""Metrics against closed forms, brute force, scipy in one dimension, quadrature, and their limits."""

import subprocess
import sys
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.linalg import sqrtm

from genmodels.data.planar import get_dataset
from genmodels.gaussian import Gaussian
from genmodels.metrics import (
    MAX_EXACT,
    between_true,
    count_humps,
    density_masses,
    energy_distance,
    jensen_shannon,
    mean_distance,
    median_distance,
    mmd,
    mode_coverage,
    nearest_distances,
    sample_masses,
    sliced_wasserstein,
    wasserstein_2,
)

DISTANCES = {
    "wasserstein_2": wasserstein_2,
    "sliced_wasserstein": sliced_wasserstein,
    "mmd": partial(mmd, bandwidth=0.7),
    "energy_distance": energy_distance,
}
every_distance = pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(n: int, dimensions: int = 2, seed: int = 0) -> np.ndarray:
    return rng(seed).standard_normal((n, dimensions))


def exact_normal(n: int, seed: int = 0) -> np.ndarray:
    """Points whose own mean and covariance are exactly those of N(0, I)."""
    x = normal(n, seed=seed)
    x -= x.mean(0)
    return x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / n)).T


# --- Coverage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "modes", "reverse_kl"), [("ring8", 8, 0.0014), ("grid25", 25, 0.0048)])
def test_true_samples_score_what_the_references_say(name, modes, reverse_kl):
    data, generator = get_dataset(name), rng()
    scores = [mode_coverage(data.sample(2500, generator), data.centres, data.sigma) for _ in range(200)]
    assert all(score.modes == modes for score in scores)
    quality, divergence = (np.array([score[i] for score in scores]) for i in (1, 2))
    assert quality.mean() == pytest.approx(1 - np.exp(-4.5), abs=0.0006)
    assert (np.abs(quality - 0.9889) < 0.007).mean() > 0.98  # each single set of 2,500: 98.89 % ± 0.7
    assert divergence.mean() == pytest.approx(reverse_kl, rel=0.1)
    if name == "ring8":
        np.testing.assert_allclose(np.quantile(divergence, (0.05, 0.95)), (0.0004, 0.0028), rtol=0.3)


def test_coverage_by_hand():
    centres = [[0, 0], [10, 0], [0, 10]]
    samples = [[0, 0], [0, 2.9], [0, 3.0], [4, 4.5], [11, 0], [14, 0]]  # good, good, at 3σ, far, good, far
    modes, quality, reverse_kl = mode_coverage(samples, centres, 1)
    assert (modes, quality) == (2, 0.5)
    assert reverse_kl == pytest.approx(4 / 6 * np.log(3 * 4 / 6) + 2 / 6 * np.log(3 * 2 / 6))


def test_a_collapsed_generator_scores_high_in_quality_alone():
    data = get_dataset("ring8")
    samples = data.centres[3] + data.sigma * normal(2500)
    modes, quality, reverse_kl = mode_coverage(samples, data.centres, data.sigma)
    assert (modes, reverse_kl) == (1, pytest.approx(np.log(8)))
    assert quality == pytest.approx(0.9889, abs=0.007)


def test_a_mode_with_no_good_sample_is_not_captured_though_its_samples_count_in_the_histogram():
    assert mode_coverage([[0.0], [9.5]], [[0.0], [10.0]], 0.1) == (1, 0.5, 0.0)


# --- Distances ----------------------------------------------------------------------------------------------


@every_distance
def test_distances_are_metrics(distance):
    x, y, z = normal(60), 1.5 * normal(60, seed=1) + 0.3, normal(60, seed=2) ** 2
    assert distance(x, x[::-1]) == pytest.approx(0, abs=1e-7)
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-12)
    assert distance(x, y) > 0.05
    assert distance(x, z) <= distance(x, y) + distance(y, z)


@every_distance
def test_a_move_of_all_points_alike_changes_nothing(distance):
    x, y, move = normal(50), normal(50, seed=1) + 1, np.array([3, -7])
    assert distance(x + move, y + move) == pytest.approx(distance(x, y), rel=1e-9)


def test_wasserstein_2_equals_brute_force():
    x, y = normal(6), normal(6, seed=1)
    least = min(np.square(x - y[list(order)]).sum(1).mean() for order in permutations(range(6)))
    assert wasserstein_2(x, y) == pytest.approx(np.sqrt(least), rel=1e-12)


def test_wasserstein_2_between_gaussians_equals_the_closed_form():
    # x ↦ A x + b with A symmetric and positive is the gradient of a convex function, hence optimal: from points
    # with exact moments the distance of the sets *is* that of the Gaussians.
    b, cov = np.array([0.5, -1.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    x, root = exact_normal(1000), np.real(sqrtm(cov))
    closed = np.sqrt(b @ b + np.trace(np.eye(2) + cov - 2 * root))
    assert wasserstein_2(x, x @ root + b) == pytest.approx(closed, rel=1e-9)


def test_wasserstein_2_between_independent_samples_nears_the_closed_form():
    closed = np.sqrt(9 + 2 * (2 - 1) ** 2)  # N(0, I) against N((3, 0), 4 I)
    x, y = exact_normal(800), 2 * exact_normal(800, seed=1) + np.array([3, 0])
    assert wasserstein_2(x, y) == pytest.approx(closed, rel=0.01)


def test_wasserstein_2_on_a_line_sorts():
    x, y = normal(200, 1), normal(200, 1, seed=1) ** 3
    by_sorting = np.sqrt(np.square(np.sort(x, 0) - np.sort(y, 0)).mean())
    assert wasserstein_2(x, y) == pytest.approx(by_sorting, rel=1e-12)
    assert sliced_wasserstein(x, y) == pytest.approx(by_sorting, rel=1e-12)


def test_sliced_wasserstein_of_a_move_is_its_length_over_root_d():
    x = normal(40)
    assert sliced_wasserstein(x, x + np.array([3, 4])) == pytest.approx(5 / np.sqrt(2), rel=1e-12)
    x = normal(40, 5)
    assert sliced_wasserstein(x, x + 2, 4000, rng()) == pytest.approx(2, rel=0.03)


def test_sliced_wasserstein_between_scaled_gaussians():
    x = exact_normal(300)
    assert sliced_wasserstein(x, 3 * x) == pytest.approx(2, rel=1e-9)  # along each direction N(0, 1) and N(0, 9)
    assert sliced_wasserstein(x, 3 * normal(300, seed=1)) <= wasserstein_2(x, 3 * normal(300, seed=1))


def test_sliced_wasserstein_of_unequal_sets_equals_that_of_repeated_points():
    x, y = normal(6), normal(4, seed=1)
    assert sliced_wasserstein(x, y) == pytest.approx(sliced_wasserstein(np.repeat(x, 2, 0), np.repeat(y, 3, 0)))


def test_energy_distance_equals_scipys_in_one_dimension():
    x, y = normal(300, 1), normal(200, 1, seed=1) + 0.5
    assert energy_distance(x, y) == pytest.approx(stats.energy_distance(x[:, 0], y[:, 0]), rel=1e-9)


def test_mmd_between_gaussians_equals_the_closed_form():
    # E k(x, x') for independent N(0, s² I), N(m, t² I): (h²/v)^(D/2) exp(−|m|²/2v), v = h² + s² + t²
    n, h, m = 3000, 0.7, np.array([1.0, 0.5])

    def mean_kernel(variance: float, shift: float) -> float:
        return h**2 / (h**2 + variance) * np.exp(-shift / (2 * (h**2 + variance)))

    within = [mean_kernel(2, 0), mean_kernel(8, 0)]
    expected = sum(within) - 2 * mean_kernel(5, m @ m) + (2 - sum(within)) / n  # the last term is its bias
    found = mmd(normal(n), 2 * normal(n, seed=1) + m, h) ** 2
    assert found == pytest.approx(expected, rel=0.03)


def test_mmd_is_at_most_root_two():
    assert mmd(np.zeros((3, 2)), np.full((3, 2), 100.0), 1) == pytest.approx(np.sqrt(2))


def test_the_blocks_change_nothing(monkeypatch):
    x, y = normal(90), normal(50, seed=1)
    whole = [mmd(x, y, 1), energy_distance(x, y)]
    monkeypatch.setattr("genmodels.metrics.BLOCK", 333)
    assert [mmd(x, y, 1), energy_distance(x, y)] == pytest.approx(whole, rel=1e-12)


def test_median_distance_by_hand():
    assert median_distance([[0.0], [1.0], [5.0]]) == 4


@every_distance
def test_true_samples_lie_within_the_spread_between_true_samples(distance):
    data = get_dataset("ffjord8")
    spread = between_true(distance, data.sample, 200, 60, rng())
    assert 0 < spread.low < spread.mean < spread.high < spread.mean + 4 * spread.deviation
    assert distance(data.sample(200, rng(1)), data.sample(200, rng(2))) < spread.mean + 4 * spread.deviation
    collapsed = data.centres[0] + data.sigma * normal(200)
    assert distance(collapsed, data.sample(200, rng(3))) > spread.high


def test_more_true_samples_score_lower():
    draw = get_dataset("ring8").sample
    few, many = (between_true(energy_distance, draw, n, 30, rng()).mean for n in (50, 800))
    assert few / many == pytest.approx(4, rel=0.25)  # 1 / √n


# --- Jensen–Shannon -----------------------------------------------------------------------------------------


def round_gaussian(sigma: float, mean: tuple[float, ...] = (0, 0)) -> Gaussian:
    return Gaussian(np.array(mean), sigma**2 * np.eye(len(mean)))


def js_of_densities(p: Gaussian, q: Gaussian, box, cells: int, sigma: float) -> float:
    return jensen_shannon(density_masses(p.log_prob, box, cells), density_masses(q.log_prob, box, cells), sigma)


def js_by_quadrature(p, q, low: float, high: float, points=None) -> float:
    def integrand(x: float) -> float:
        a, b = p(x), q(x)
        m = (a + b) / 2
        return sum(c * np.log(c / m) for c in (a, b) if c > 0) / 2

    return quad(integrand, low, high, limit=500, points=points)[0]


def test_jensen_shannon_in_one_dimension_equals_quadrature():
    p, q = stats.norm(0, 1), stats.norm(1.5, 0.5)
    expected = js_by_quadrature(p.pdf, q.pdf, -9, 9, [0, 1.5])
    found = js_of_densities(round_gaussian(1, (0,)), round_gaussian(0.5, (1.5,)), [[-9, 9]], 60, 0.5)
    assert found == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("cells", [40, 200])
def test_jensen_shannon_of_two_widths_equals_quadrature_over_the_radius(cells):
    one, two = (lambda r, s=s: r / s**2 * np.exp(-(r**2) / (2 * s**2)) for s in (0.01, 0.02))
    expected = js_by_quadrature(one, two, 0, 0.2, [0.01, 0.03])
    assert expected == pytest.approx(0.173, abs=5e-4)  # the value in the project's references
    box = [[-0.15, 0.15]] * 2
    assert js_of_densities(round_gaussian(0.01), round_gaussian(0.02), box, cells, 0.01) == pytest.approx(
        expected, abs=1e-4
    )


def test_the_ring_of_eight_has_the_same_divergence_and_a_coarse_grid_is_refused():
    data = get_dataset("ring8")

    def wider(x: np.ndarray) -> np.ndarray:
        return np.logaddexp.reduce([round_gaussian(0.02, c).log_prob(x) for c in data.centres], axis=0) - np.log(8)

    box = [[-1.1, 1.1]] * 2
    p, q = density_masses(data.log_prob, box, 250), density_masses(wider, box, 250)
    assert jensen_shannon(p, q, data.sigma) == pytest.approx(0.173, abs=1e-3)
    samples = data.sample(2500, rng())
    coarse = sample_masses(samples, box, 40)
    with pytest.raises(ValueError, match=r"0.055 wide.*σ = 0.01.*at least 220 cells"):
        jensen_shannon(coarse, coarse, data.sigma)
    with pytest.raises(ValueError, match="more than all of it"):
        density_masses(data.log_prob, [[-1.025, 1.025]] * 2, 41)  # the middles of its cells hit the modes


def test_jensen_shannon_has_its_limits():
    box, cells = [[-6, 6]] * 2, 120
    p = density_masses(round_gaussian(0.1, (-3, 0)).log_prob, box, cells)
    q = density_masses(round_gaussian(0.1, (3, 0)).log_prob, box, cells)
    assert jensen_shannon(p, p, 0.1) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(p, q, 0.1) == pytest.approx(np.log(2), abs=1e-7)
    assert jensen_shannon(p, q, 0.1) == jensen_shannon(q, p, 0.1)


def test_what_lies_outside_the_grid_counts():
    box = [[-1.0, 1.0]] * 2
    inside, outside = np.zeros((10, 2)), np.full((10, 2), 5.0)
    p, q = sample_masses(inside, box, 20), sample_masses(outside, box, 20)
    assert (p.masses.sum(), q.masses.sum()) == (1, 0)
    assert jensen_shannon(p, q, 0.1) == pytest.approx(np.log(2))
    assert jensen_shannon(q, q, 0.1) == 0


def test_the_divergence_between_samples_nears_that_between_densities():
    box, cells = [[-6, 6]] * 2, 40
    found = [
        jensen_shannon(sample_masses(normal(n), box, cells), sample_masses(normal(n, seed=1) + 1, box, cells), 0.5)
        for n in (500, 200_000)
    ]
    truth = js_of_densities(round_gaussian(1), round_gaussian(1, (1, 1)), box, cells, 1)
    assert found[1] == pytest.approx(truth, abs=0.005)
    assert found[0] > truth + 0.02  # few samples look too different


# --- Bad input ----------------------------------------------------------------------------------------------

TWO = np.zeros((2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mode_coverage(np.zeros((0, 2)), TWO, 1), "one row or more"),
        (lambda: mode_coverage(np.zeros((3, 1)), TWO, 1), "as many columns"),
        (lambda: mode_coverage([[np.nan, 0]], TWO, 1), "NaN or infinity"),
        (lambda: mode_coverage(TWO, TWO, 0), "sigma is 0; give a finite number above 0"),
        (lambda: wasserstein_2(TWO, np.zeros((3, 2))), "equally many, or take sliced_wasserstein"),
        (lambda: wasserstein_2(*[np.zeros((MAX_EXACT + 1, 1))] * 2), "at most 2000"),
        (lambda: wasserstein_2(TWO, np.zeros((2, 3))), "as many columns"),
        (lambda: sliced_wasserstein(TWO, TWO, 0), "directions is 0"),
        (lambda: sliced_wasserstein(np.zeros((2, 3)), np.zeros((2, 3))), "pass a numpy generator"),
        (lambda: mmd(TWO, TWO, -1), "bandwidth is -1"),
        (lambda: median_distance(TWO[:1]), "two or more"),
        (lambda: between_true(energy_distance, normal, 0, 5, rng()), "n is 0"),
        (lambda: between_true(energy_distance, normal, 5, 1, rng()), "repeats is 1"),
        (lambda: sample_masses(TWO, [[0, 1]], 5), "box 1 dimensions"),
        (lambda: sample_masses(TWO, [[0, 0], [0, 1]], 5), "a higher finite number"),
        (lambda: sample_masses(TWO, [[0, 1], [0, 1]], 0), "cells is 0"),
        (
            lambda: jensen_shannon(sample_masses(TWO, [[0, 1]] * 2, 5), sample_masses(TWO, [[0, 1]] * 2, 6), 1),
            "the same grid",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_metrics_need_no_torch():
    code = "import sys, genmodels.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nearest_and_mean_distances_by_hand():
    x, points = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [3.0, 0.0], [9.0, 9.0]])
    assert nearest_distances(x, points) == pytest.approx([1.0, 4.0])
    assert mean_distance(np.array([[0.0], [1.0], [3.0]])) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="two or more"):
        mean_distance(np.zeros((1, 2)))


def test_humps_are_counted():
    x, y = np.meshgrid(np.linspace(-4, 4, 60), np.linspace(-4, 4, 60))
    one = np.exp(-0.5 * (x**2 + y**2))
    two = np.exp(-2 * ((x - 1.5) ** 2 + y**2)) + 0.6 * np.exp(-2 * ((x + 1.5) ** 2 + y**2))
    ring = np.exp(-8 * (np.hypot(x, y) - 2) ** 2)
    assert [count_humps(p) for p in (one, two, ring)] == [1, 2, 1]
