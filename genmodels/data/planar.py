"""Two-dimensional data sets whose true density is known.

A data set here is a *distribution*, not a file: it draws as many points as asked, and says how probable each
point of the plane truly is. So a page can draw the exact truth over what a model has learned, and no model
can score better than the entropy.

Conventions
    * Points are float64 of shape (N, 2) in raw coordinates (data units); labels are int64 of shape (N,) and
      name the mode, arm, moon or cell a point came from, from 0.
    * Points are drawn independently, so the labels of a sample are only about balanced.
    * Log-densities and entropies are in nats. An expected negative log-likelihood is never below the entropy.
    * Models train on standardised points z = (x - mean) / scale. The one scale for both axes is
      sqrt(trace(covariance) / 2): circles stay round, and log p_z(z) = log p(x) + 2 log(scale).
    * Randomness comes from the `numpy.random.Generator` given, and from nothing else.

How the densities are known
    Most sets are one formula, the Gaussian mixture p(x) = sum_k w_k N(x; c_k, sigma^2 I), in log space. A
    curve blurred by Gaussian noise (moons, swiss_roll, spirals) is such a mixture with infinitely many
    centres; a Gauss-Legendre rule with at least four nodes for each sigma of length replaces them (error of
    log p below 1e-8 inside `box` at the default noise). A blurred circle is a Bessel function, the
    checkerboard is uniform, and the pinwheel is a change of variables.

Sources
    ring8, grid25: Lin, Khetan, Fanti & Oh (2018), PacGAN. ffjord8, checkerboard, pinwheel, spirals: Grathwohl
    et al. (2019), FFJORD. moons, circles, swiss_roll: the shapes of scikit-learn's make_moons, make_circles
    and make_swiss_roll. dino: Alberto Cairo's Datasaurus, see data/README.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.special import i0e, logsumexp

from genmodels.data.dataset import (
    Dataset,
    blurred_curves,
    box_around,
    by_rows,
    gauss_legendre,
    mixture,
    mixture_moments,
    separated_entropy,
)
from genmodels.data.files import DataFileError

DINO_CSV = Path(__file__).with_name("dino.csv")


def get_dataset(name: str, **options: float) -> Dataset:
    """Returns a data set by name.

    Args:
        name: One of `DATASETS`.
        **options: moons takes `noise`, the standard deviation around the two arcs, 0.02 to 1 (default 0.1).

    Returns:
        The data set; the same object for the same arguments.

    Raises:
        ValueError: Unknown name or option, or a noise out of range.
        DataFileError: The dinosaur's file is missing or damaged.

    Example:
        >>> round(get_dataset("moons", noise=0.05).entropy, 3)
        0.289
    """
    if name not in DATASETS:
        raise ValueError(f"Unknown data set {name!r}; choose one of {', '.join(DATASETS)}.")
    allowed = {"noise"} if name == "moons" else set()
    if unknown := sorted(set(options) - allowed):
        known = ", ".join(allowed) or "no options"
        raise ValueError(f"{name} got {', '.join(unknown)} but takes {known}; leave out the others.")
    return _build(name, **{option: _noise(value) for option, value in options.items()})


def _noise(value: float) -> float:
    try:
        noise = float(value)
    except (TypeError, ValueError):
        noise = np.nan
    if not 0.02 <= noise <= 1:
        raise ValueError(f"noise is {value!r}; expected a number from 0.02 to 1: pass one such as 0.1.")
    return noise


# The data sets


def _gaussian() -> Dataset:
    covariance = np.array([[5.0, 1.5], [1.5, 1.0]])
    cholesky = np.linalg.cholesky(covariance)  # covariance = L L^T
    log_det = np.linalg.slogdet(covariance)[1]

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return rng.standard_normal((n, 2)) @ cholesky.T, np.zeros(n, dtype=np.int64)

    def log_density(x: np.ndarray) -> np.ndarray:
        z = np.linalg.solve(cholesky, x.T)  # (2, N)
        return -0.5 * (z**2).sum(axis=0) - 0.5 * log_det - np.log(2 * np.pi)

    return Dataset(
        "gaussian",
        "One Gaussian",
        "A single tilted bell curve with variances 5 and 1 and covariance 1.5.",
        mean=np.zeros(2),
        covariance=covariance,
        box=box_around(np.zeros((1, 2)), 6 * np.sqrt(np.diag(covariance))),
        resolution=0.3,
        _draw=draw,
        _log_density=log_density,
        closed_form_entropy=float(np.log(2 * np.pi * np.e) + 0.5 * log_det),
    )


def _circle_of_eight(radius: float) -> np.ndarray:
    angles = 2 * np.pi * np.arange(8) / 8  # not linspace(0, 2 pi, 8), which meets itself: seven modes
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _ring8() -> Dataset:
    description = "Eight very narrow Gaussians on a circle of radius 1: the classic test for lost modes."
    entropy = separated_entropy(8, 0.01)
    return mixture("ring8", "Ring of 8", description, _circle_of_eight(1), 0.01, closed_form_entropy=entropy)


def _grid25() -> Dataset:
    ticks = np.arange(-4.0, 5.0, 2.0)
    centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(25, 2)
    description = "Twenty-five narrow Gaussians on a 5 x 5 grid: easy to blur, easy to miss one."
    entropy = separated_entropy(25, 0.05)
    return mixture("grid25", "Grid of 25", description, centres, 0.05, closed_form_entropy=entropy)


def _ffjord8() -> Dataset:
    description = "Eight broad Gaussians on a circle that just touch, as in the FFJORD paper."
    return mixture("ffjord8", "8 Gaussians", description, _circle_of_eight(4 / 1.414), 0.5 / 1.414)


def _moons(noise: float = 0.1) -> Dataset:
    def outer(u: np.ndarray) -> np.ndarray:
        return np.stack([np.cos(np.pi * u), np.sin(np.pi * u)], axis=-1)

    def inner(u: np.ndarray) -> np.ndarray:
        return np.array([1.0, 0.5]) - outer(u)

    description = "Two half circles that hook into each other, blurred by noise."
    return blurred_curves(
        "moons", "Two moons", description, (outer, inner), gauss_legendre(np.pi, noise), sigma=noise
    )


def _circles() -> Dataset:
    sigma, radii = 0.05, np.array([1.0, 0.5])

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels, angles = rng.integers(2, size=n), 2 * np.pi * rng.random(n)
        on_circle = radii[labels, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return on_circle + sigma * rng.standard_normal((n, 2)), labels

    def log_density(x: np.ndarray) -> np.ndarray:
        # N(x; c, sigma^2 I) averaged over c on a circle of radius R, with i0e(z) = exp(-z) I0(z):
        # exp(-(r - R)^2 / (2 sigma^2)) i0e(r R / sigma^2) / (2 pi sigma^2)
        r = np.hypot(x[:, 0], x[:, 1])[:, None]  # (N, 1) against (2,)
        log_each = np.log(i0e(r * radii / sigma**2)) - (r - radii) ** 2 / (2 * sigma**2)
        return logsumexp(log_each, axis=1) - np.log(2 * 2 * np.pi * sigma**2)

    return Dataset(
        "circles",
        "Two circles",
        "A small circle inside a large one, both blurred by noise: no straight line parts them.",
        mean=np.zeros(2),
        covariance=(np.mean(radii**2) / 2 + sigma**2) * np.eye(2),
        box=box_around(np.zeros((1, 2)), 1 + 6 * sigma),
        resolution=sigma / 2,
        _draw=draw,
        _log_density=log_density,
        sigma=sigma,
    )


def _swiss_roll() -> Dataset:
    def roll(u: np.ndarray) -> np.ndarray:
        t = 1.5 * np.pi * (1 + 2 * u)
        return np.stack([t * np.cos(t), t * np.sin(t)], axis=-1) / 5

    description = "One long curve rolled up once and a half, fainter towards its outer end."
    return blurred_curves("swiss_roll", "Swiss roll", description, (roll,), gauss_legendre(27, 0.2), sigma=0.2)


def _checkerboard() -> Dataset:
    columns, rows = np.divmod(np.arange(16), 4)
    dark = (columns + rows) % 2 == 0
    corners = 2.0 * np.stack([columns, rows], axis=1)[dark] - 4  # lower left corners of 8 cells of side 2

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(8, size=n)
        return corners[labels] + 2 * rng.random((n, 2)), labels

    def log_density(x: np.ndarray) -> np.ndarray:
        cell = np.floor(x / 2)
        on_board = ((cell >= -2) & (cell < 2)).all(axis=1)
        inside = on_board & (cell.sum(axis=1) % 2 == 0)
        return np.where(inside, -np.log(32), -np.inf)

    return Dataset(
        "checkerboard",
        "Checkerboard",
        "Uniform on the eight dark fields of a 4 x 4 board: sharp edges and touching corners.",
        *mixture_moments(corners + 1, np.full(8, 1 / 8), sigma=2 / np.sqrt(12)),
        box=np.array([[-4.0, 4.0], [-4.0, 4.0]]),
        resolution=0.1,
        _draw=draw,
        _log_density=log_density,
        closed_form_entropy=float(np.log(32)),
    )


_PINWHEEL_ARMS, _PINWHEEL_RATE, _PINWHEEL_STD = 5, 0.25, np.array([0.3, 0.1])


def _pinwheel() -> Dataset:
    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(_PINWHEEL_ARMS, size=n)
        f = np.array([1.0, 0.0]) + _PINWHEEL_STD * rng.standard_normal((n, 2))
        turn = 2 * np.pi * labels / _PINWHEEL_ARMS + _PINWHEEL_RATE * np.exp(f[:, 0])
        angle, radius = np.arctan2(f[:, 1], f[:, 0]) - turn, 2 * np.hypot(f[:, 0], f[:, 1])
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), labels

    return Dataset(
        "pinwheel",
        "Pinwheel",
        "Five Gaussian blades, each sheared by a rotation that grows with the distance from the hub.",
        mean=np.zeros(2),  # five-fold symmetry: zero mean, equal variances, E|x|^2 = 4 E|f|^2
        covariance=2 * (1 + np.sum(_PINWHEEL_STD**2)) * np.eye(2),
        box=box_around(np.zeros((1, 2)), 5.6),
        resolution=0.05,
        _draw=draw,
        _log_density=lambda x: by_rows(_pinwheel_log_prob, x, width=256),
    )


def _pinwheel_log_prob(x: np.ndarray) -> np.ndarray:
    """Change of variables, summed over the preimages of x.

    A point f ~ N((1, 0), diag(0.3^2, 0.1^2)) of blade k is turned by -(2 pi k / 5 + 0.25 exp(f_1)) and
    doubled. The turn keeps |f| = r = |x| / 2, so f = r (cos a, sin a), where the angle a solves, mod 2 pi,
    a - 0.25 exp(r cos a) - angle(x) = 2 pi k / 5. For all blades at once: g(a), the left side in fifths of a
    turn, is an integer. Then p(x) is the sum of p(f) / 5 / (4 |slope|) over the roots, found by bisection.
    """
    r, angle = np.hypot(x[:, 0], x[:, 1]) / 2, np.arctan2(x[:, 1], x[:, 0])

    def g(a: np.ndarray, r: np.ndarray, angle: np.ndarray) -> np.ndarray:
        return (a - _PINWHEEL_RATE * np.exp(r * np.cos(a)) - angle) * _PINWHEEL_ARMS / (2 * np.pi)

    nodes = np.linspace(-np.pi, np.pi, 256)
    turns = np.floor(g(nodes, r[:, None], angle[:, None]))
    point, left = np.nonzero(np.diff(turns))  # a root lies between nodes left and left + 1
    target = np.maximum(turns[point, left], turns[point, left + 1])
    r, angle = r[point], angle[point]
    low, high = nodes[left], nodes[left + 1]
    rising = turns[point, left + 1] > turns[point, left]
    for _ in range(40):  # bisection; 2 pi / 256 halved 40 times is below 1e-13
        middle = (low + high) / 2
        below = (g(middle, r, angle) < target) == rising
        low, high = np.where(below, middle, low), np.where(below, high, middle)

    f = np.stack([r * np.cos(low), r * np.sin(low)], axis=1)
    slope = 1 + _PINWHEEL_RATE * f[:, 1] * np.exp(f[:, 0])  # of g, before it is counted in fifths of a turn
    log_p = -0.5 * (((f - np.array([1.0, 0.0])) / _PINWHEEL_STD) ** 2).sum(axis=1) - np.log(np.abs(slope))
    total = np.full(len(x), -np.inf)
    np.logaddexp.at(total, point, log_p)
    return total - np.log(4 * _PINWHEEL_ARMS * 2 * np.pi * _PINWHEEL_STD.prod())


def _spirals() -> Dataset:
    def first(u: np.ndarray) -> np.ndarray:
        t = 3 * np.pi * np.sqrt(u)
        return np.stack([-t * np.cos(t), t * np.sin(t)], axis=-1) / 3

    def second(u: np.ndarray) -> np.ndarray:
        return -first(u)

    v, weights = gauss_legendre(30, 0.1)  # in v = sqrt(u) the curve is smooth, and du = 2 v dv
    description = "Two arms wound into each other, as in FFJORD but with Gaussian noise alone."
    return blurred_curves("spirals", "Two spirals", description, (first, second), (v**2, 2 * v * weights), sigma=0.1)


def _dino() -> Dataset:
    if not DINO_CSV.is_file():
        raise DataFileError(f"{DINO_CSV} is missing; fetch it again (README.md beside it says how).")
    try:
        drawn = np.loadtxt(DINO_CSV, delimiter=",", skiprows=1).reshape(142, 2)
    except (OSError, ValueError) as why:
        raise DataFileError(f"{DINO_CSV} is damaged; fetch it again (README.md beside it says how).") from why
    centres = (drawn - 50) / 12.5  # 0..100 in the file to -4..4
    description = "A dinosaur drawn by 142 points, each blurred a little (standard deviation 0.1)."
    return mixture("dino", "Dinosaur", description, centres, 0.1)


_BUILDERS: dict[str, Callable[..., Dataset]] = {
    "gaussian": _gaussian,
    "ring8": _ring8,
    "grid25": _grid25,
    "ffjord8": _ffjord8,
    "moons": _moons,
    "circles": _circles,
    "swiss_roll": _swiss_roll,
    "checkerboard": _checkerboard,
    "pinwheel": _pinwheel,
    "spirals": _spirals,
    "dino": _dino,
}
DATASETS: tuple[str, ...] = tuple(_BUILDERS)


@lru_cache(maxsize=64)
def _build(name: str, **options: float) -> Dataset:
    return _BUILDERS[name](**options)
