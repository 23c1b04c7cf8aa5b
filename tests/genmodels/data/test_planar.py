"""What is known of each data set, checked from outside: by our own grids, samples and published numbers."""

import hashlib
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from genmodels.data import planar as datasets
from genmodels.data.planar import DATASETS, Dataset, get_dataset

MIXTURES = ("ring8", "grid25", "ffjord8", "dino")
N = 20_000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def grid(low: np.ndarray, high: np.ndarray, step: float) -> tuple[np.ndarray, float]:
    """Midpoints (G, 2) of a rectangle's cells, and the area of one."""
    x, y = (np.arange(a + step / 2, b, step) for a, b in zip(low, high, strict=True))
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2), step**2


# Rectangles and cells chosen here, not taken from the data sets' own `box` and `resolution`.
GRIDS = {
    "gaussian": ([-14, -6.5], [14, 6.5], 0.1),
    "ffjord8": ([-5, -5], [5, 5], 0.1),
    "moons": ([-1.7, -1.2], [2.7, 1.7], 0.04),
    "circles": ([-1.4, -1.4], [1.4, 1.4], 0.02),
    "swiss_roll": ([-4, -4], [4.4, 4], 0.08),
    "checkerboard": ([-5, -5], [5, 5], 0.1),
    "pinwheel": ([-6, -6], [6, 6], 0.06),
    "spirals": ([-4, -4], [4, 4], 0.06),
    "dino": ([-3.2, -4.6], [4.6, 4.6], 0.05),
}


@pytest.mark.parametrize("name", GRIDS)
def test_density_has_mass_one_and_the_stated_entropy_mean_and_covariance(name):
    data = get_dataset(name)
    points, area = grid(*map(np.array, GRIDS[name][:2]), GRIDS[name][2])
    log_p = data.log_prob(points)
    mass = np.exp(log_p) * area
    inside = mass > 0
    mean = mass @ points

    assert mass.sum() == pytest.approx(1, abs=1e-6)
    assert -(mass[inside] @ log_p[inside]) == pytest.approx(data.entropy, abs=1e-5)
    np.testing.assert_allclose(mean, data.mean, atol=1e-5)
    np.testing.assert_allclose((points - mean).T * mass @ (points - mean), data.covariance, atol=1e-3)


@pytest.mark.parametrize(("name", "sigma"), [("ring8", 0.01), ("grid25", 0.05)])
def test_narrow_modes_hold_equal_mass(name, sigma):
    data = get_dataset(name)
    masses = []
    for centre in data.centres:
        points, area = grid(centre - 6 * sigma, centre + 6 * sigma, sigma / 4)
        masses.append(np.exp(data.log_prob(points)).sum() * area)
    np.testing.assert_allclose(masses, 1 / len(data.centres), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "nats"),
    [
        ("ffjord8", {}, 2.832),
        ("checkerboard", {}, math.log(32)),
        ("moons", {}, 1.008),
        ("moons", {"noise": 0.05}, 0.289),
        ("moons", {"noise": 0.1}, 1.008),
        ("moons", {"noise": 0.2}, 1.677),
        ("ring8", {}, -4.293),
        ("grid25", {}, 0.065),
        ("gaussian", {}, 1 + math.log(2 * math.pi) + 0.5 * math.log(2.75)),
    ],
)
def test_entropy_is_the_published_one(name, options, nats):
    assert get_dataset(name, **options).entropy == pytest.approx(nats, abs=6e-4)


@pytest.mark.parametrize("name", DATASETS)
def test_samples_follow_the_density(name):
    """The mean of log p over samples is minus the entropy."""
    data = get_dataset(name)
    log_p = data.log_prob(data.sample(N, rng(1)))
    assert abs(log_p.mean() + data.entropy) < 4 * log_p.std() / math.sqrt(N) + 1e-9


@pytest.mark.parametrize("name", GRIDS)
def test_samples_fill_cells_as_the_density_says(name):
    """Chi-square over coarse cells: sees what the mean of log p cannot, such as a mirrored sampler."""
    data = get_dataset(name)
    points, area = grid(*map(np.array, GRIDS[name][:2]), GRIDS[name][2])
    mass = np.exp(data.log_prob(points)) * area
    edges = [np.linspace(low, high + 1e-9, 13) for low, high in zip(*GRIDS[name][:2], strict=True)]
    # A coarse cell need not be a union of fine ones: a sample counts where the middle of its fine cell lies.
    low, step = np.array(GRIDS[name][0]), GRIDS[name][2]
    snapped = low + step * (np.floor((data.sample(N, rng(2)) - low) / step) + 0.5)
    expected = N * np.histogram2d(*points.T, bins=edges, weights=mass)[0].ravel()
    observed = np.histogram2d(*snapped.T, bins=edges)[0].ravel()
    full = expected >= 5
    expected = np.append(expected[full], N - expected[full].sum())
    observed = np.append(observed[full], N - observed[full].sum())
    if expected[-1] < 5:  # the rest is almost empty: leave it with the last cell
        expected, observed = (np.append(a[:-2], a[-2:].sum()) for a in (expected, observed))
    assert stats.chisquare(observed, expected).pvalue > 1e-4


def spirals_density(points: np.ndarray) -> np.ndarray:
    """Of FFJORD's two arms with Gaussian noise, by the midpoint rule along the arms; nothing of ours is used.

    An arm is ∓(t cos t, −t sin t) / 3 with t = 3π√u, u uniform: dt has the weight 2t / (3π)².
    """
    t = (np.arange(3000) + 0.5) * 3 * np.pi / 3000
    arm = np.stack([-t * np.cos(t), t * np.sin(t)], axis=1) / 3
    weight = t / t.sum() / 2
    density = np.zeros(len(points))
    for centres in (arm, -arm):
        for some in np.array_split(np.arange(len(points)), max(1, len(points) // 500)):
            squared = np.square(points[some, None] - centres).sum(axis=-1)
            density[some] += np.exp(-squared / (2 * 0.1**2)) @ weight / (2 * np.pi * 0.1**2)
    return density


def test_spirals_density_is_that_of_two_blurred_arms():
    x = get_dataset("spirals").sample(300, rng(15))
    np.testing.assert_allclose(np.exp(get_dataset("spirals").log_prob(x)), spirals_density(x), rtol=1e-3)


def test_spirals_are_drawn_from_a_density_that_does_not_share_their_code():
    """Chi-square over cells of 1 × 1, each with the mass of its 10 × 10 midpoints."""
    points, area = grid(np.array([-4, -4]), np.array([4, 4]), 0.1)
    edges = np.arange(-4, 5)
    mass = np.histogram2d(*points.T, bins=(edges, edges), weights=spirals_density(points) * area)[0].ravel()
    assert mass.sum() == pytest.approx(1, abs=1e-3)
    counts = np.histogram2d(*get_dataset("spirals").sample(N, rng(16)).T, bins=(edges, edges))[0].ravel()
    full = N * mass >= 5
    expected, observed = (np.append(a[full], N - a[full].sum()) for a in (N * mass, counts))
    assert expected[-1] >= 5 or observed[-1] < 15
    keep = expected >= 5
    assert stats.chisquare(observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()).pvalue > 1e-4


def test_pinwheel_density_is_the_blades_own_over_the_jacobian():
    """One blade pushed forward, its Jacobian by finite differences; no other blade reaches its middle."""

    def push(f):
        turn = 2 * np.pi * 2 / 5 + 0.25 * np.exp(f[:, 0])  # blade 2, as in FFJORD's toy_data.py
        cos, sin = np.cos(turn), np.sin(turn)
        return 2 * np.stack([f[:, 0] * cos + f[:, 1] * sin, f[:, 1] * cos - f[:, 0] * sin], axis=1)

    f = np.array([1.0, 0.0]) + np.array([0.2, 0.1]) * rng(14).uniform(-1, 1, (500, 2))
    step = 1e-5 * np.eye(2)
    columns = [(push(f + step[axis]) - push(f - step[axis])) / 2e-5 for axis in (0, 1)]
    log_abs_det = np.linalg.slogdet(np.stack(columns, axis=-1))[1]
    expected = stats.norm.logpdf(f, [1, 0], [0.3, 0.1]).sum(axis=1) - math.log(5) - log_abs_det
    np.testing.assert_allclose(get_dataset("pinwheel").log_prob(push(f)), expected, atol=1e-7)


@pytest.mark.parametrize("name", DATASETS)
def test_standardised_samples_have_mean_zero_and_unit_scale(name):
    data = get_dataset(name)
    x = data.sample(N, rng(3))
    z = data.standardise(x)
    np.testing.assert_array_less(np.abs(z.mean(axis=0)), 4 * z.std(axis=0) / math.sqrt(N))
    squared = (z**2).mean(axis=1)  # mean over the two axes; its expectation is scale^2 = 1
    assert abs(squared.mean() - 1) < 4 * squared.std() / math.sqrt(N)
    np.testing.assert_allclose(data.unstandardise(z), x, atol=1e-12)


@pytest.mark.parametrize("name", DATASETS)
def test_moments_of_samples(name):
    data = get_dataset(name)
    centred = data.sample(N, rng(4)) - data.mean
    products = np.stack([centred[:, 0] ** 2, centred[:, 0] * centred[:, 1], centred[:, 1] ** 2])
    expected = data.covariance[[0, 0, 1], [0, 1, 1]]
    np.testing.assert_array_less(np.abs(products.mean(axis=1) - expected), 4 * products.std(axis=1) / math.sqrt(N))


@pytest.mark.parametrize("name", DATASETS)
def test_shapes_and_seeds(name):
    data = get_dataset(name)
    x, labels = data.draw(50, rng(5))
    assert x.shape == (50, 2)
    assert x.dtype == np.float64
    assert labels.shape == (50,)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(data.sample(50, rng(5)), x)
    assert not np.any(data.sample(50, rng(6)) == x)
    assert data.sample(0, rng()).shape == (0, 2)
    assert data.log_prob(x).shape == (50,)
    assert data.log_prob(x[:0]).shape == (0,)
    assert np.isfinite(data.log_prob(x)).all()


def test_global_seed_is_never_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (the global state is what is looked at)
    for name in DATASETS:
        get_dataset(name).draw(10, rng())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_ring_has_eight_modes_an_eighth_of_a_turn_apart():
    centres = get_dataset("ring8").centres
    turns = np.arctan2(centres[:, 1], centres[:, 0]) / (2 * np.pi) % 1
    np.testing.assert_allclose(turns, np.arange(8) / 8, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1)


def test_grid_has_the_25_centres():
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(centre) for centre in get_dataset("grid25").centres} == expected


@pytest.mark.parametrize(("name", "modes"), [("ring8", 8), ("grid25", 25)])
def test_perfect_samples_score_98_89_percent_and_labels_are_the_nearest_centre(name, modes):
    data = get_dataset(name)
    x, labels = data.draw(N, rng(7))
    distances = np.linalg.norm(x[:, None] - data.centres, axis=-1)
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    quality, perfect = np.mean(distances.min(axis=1) < 3 * data.sigma), 1 - math.exp(-4.5)
    assert abs(quality - perfect) < 3 * math.sqrt(perfect * (1 - perfect) / N)
    assert len(np.unique(labels)) == modes


@pytest.mark.parametrize("name", MIXTURES)
def test_labels_name_the_centre_a_point_was_drawn_around(name):
    data = get_dataset(name)
    x, labels = data.draw(N, rng(8))
    noise = (x - data.centres[labels]) / data.sigma
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-4
    assert stats.chisquare(np.bincount(labels, minlength=len(data.centres))).pvalue > 1e-4


@pytest.mark.parametrize(
    ("name", "distance"),
    [
        ("moons", lambda x: np.abs(np.hypot(*x.T) - 1)),
        ("circles", lambda x: np.abs(np.hypot(*x.T) - 1)),
    ],
)
def test_label_0_lies_on_the_unit_circle_and_label_1_does_not(name, distance):
    x, labels = get_dataset(name).draw(N, rng(9))
    off = distance(x)
    assert np.mean(off[labels == 0]) < 0.1
    assert np.mean(off[labels == 1]) > 0.3
    assert set(labels) == {0, 1}


def test_labels_of_blades_arms_and_fields():
    x, labels = get_dataset("checkerboard").draw(N, rng(10))
    fields = {label: {tuple(cell) for cell in np.floor(x[labels == label] / 2)} for label in range(8)}
    assert all(len(cells) == 1 for cells in fields.values())
    assert len(set.union(*fields.values())) == 8

    x, labels = get_dataset("pinwheel").draw(N, rng(11))
    blade = np.array([x[labels == k].mean(axis=0) for k in range(5)])
    turns = -np.diff(np.unwrap(np.arctan2(blade[:, 1], blade[:, 0]))) % (2 * np.pi)
    np.testing.assert_allclose(turns, 2 * np.pi / 5, atol=0.02)

    x, labels = get_dataset("spirals").draw(N, rng(12))
    mirrored = np.where(labels[:, None] == 1, -x, x)  # one arm on the other: both now hold label 0's points
    _, pvalue = stats.ks_2samp(mirrored[labels == 0, 0], mirrored[labels == 1, 0])
    assert pvalue > 1e-4


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("moons", lambda skl: skl.make_moons(N, noise=0.1, random_state=0)),
        ("circles", lambda skl: skl.make_circles(N, noise=0.05, factor=0.5, random_state=0)),
        (
            "swiss_roll",
            lambda skl: (skl.make_swiss_roll(N, noise=1.0, random_state=0)[0][:, [0, 2]] / 5, None),
        ),
    ],
)
def test_scikit_learns_samples_have_our_entropy_and_labels(name, make):
    """scikit-learn spaces its angles evenly, so its mean of log p is nearer than an independent sample's."""
    x, labels = make(pytest.importorskip("sklearn.datasets"))
    data = get_dataset(name)
    log_p = data.log_prob(x)
    assert abs(log_p.mean() + data.entropy) < 4 * log_p.std() / math.sqrt(N)
    if labels is not None:
        ours, our_labels = data.draw(N, rng(13))
        for label in (0, 1):
            difference = x[labels == label].mean(axis=0) - ours[our_labels == label].mean(axis=0)
            np.testing.assert_allclose(difference, 0, atol=0.04)


def test_moons_noise_widens_the_moons_and_results_are_shared():
    assert get_dataset("moons", noise=0.3).sigma == 0.3
    assert get_dataset("moons").sigma == 0.1
    assert get_dataset("moons", noise=0.3) is get_dataset("moons", noise=0.3)
    with pytest.raises(ValueError, match="read-only"):
        get_dataset("ring8").centres[0] = 5


def test_density_is_zero_off_the_checkerboard_only():
    off = np.array([[4.5, 1.0], [-5.0, -5.0], [1.0, -1.0], [4.0, 0.0], [0.0, 4.0], [1e9, 0.0]])
    assert np.all(get_dataset("checkerboard").log_prob(off) == -np.inf)
    for name in set(DATASETS) - {"checkerboard"}:
        assert np.isfinite(get_dataset(name).log_prob(off[:5])).all()


def test_description_title_and_name():
    for name in DATASETS:
        data = get_dataset(name)
        assert data.name == name
        assert data.title
        assert data.description.count(".") - data.description.count("0.") - data.description.count("1.5") == 1


@pytest.mark.parametrize("n", [-1, 2.0, 2.5, "3", None, True, float("nan")])
def test_bad_n_says_what_came_and_what_to_pass(n):
    with pytest.raises(ValueError, match=r"n is .*expected a whole number.*pass"):
        get_dataset("moons").sample(n, rng())


def test_bad_input_is_a_clear_value_error():
    with pytest.raises(ValueError, match=r"'moon'; choose one of gaussian, ring8, .*dino"):
        get_dataset("moon")
    with pytest.raises(ValueError, match=r"ring8 got noise but takes no options"):
        get_dataset("ring8", noise=0.1)
    with pytest.raises(ValueError, match=r"moons got sigma but takes noise"):
        get_dataset("moons", sigma=0.1)
    for noise in (0, -1, 2, float("nan"), "wide", None, [0.1]):
        with pytest.raises(ValueError, match=r"noise is .*expected a number from 0.02 to 1"):
            get_dataset("moons", noise=noise)
    with pytest.raises(ValueError, match=r"rng is 0; expected a numpy Generator"):
        get_dataset("moons").sample(3, 0)
    for x in (np.zeros(2), np.zeros((2, 3)), np.zeros((1, 2, 2))):
        with pytest.raises(ValueError, match=r"expected \(N, 2\)"):
            get_dataset("moons").log_prob(x)


def test_a_data_set_without_density_says_so():
    data = Dataset("x", "X", "X.", np.zeros(2), np.eye(2), np.zeros((2, 2)), 1.0, _draw=None, _log_density=None)
    assert not data.has_density
    assert data.entropy is None
    with pytest.raises(ValueError, match="no known density"):
        data.log_prob(np.zeros((1, 2)))


def test_dinosaurs_file_is_the_published_one(monkeypatch, tmp_path):
    digest = hashlib.sha256(datasets.DINO_CSV.read_bytes()).hexdigest()
    assert digest in (datasets.DINO_CSV.parent / "README.md").read_text(encoding="utf-8")
    assert get_dataset("dino").centres.shape == (142, 2)
    monkeypatch.setattr(datasets, "DINO_CSV", tmp_path / "dino.csv")
    with pytest.raises(FileNotFoundError, match=r"dino.csv is missing; fetch it again"):
        datasets._dino()


def test_import_brings_no_heavy_module():
    heavy = "{'sklearn', 'torch', 'streamlit', 'plotly', 'scipy.stats', 'scipy.spatial'}"
    code = f"import sys, genmodels.data.planar; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
