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

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import i0e, logsumexp

DINO_CSV = Path(__file__).with_name("dino.csv")

Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A distribution in the plane: draws points, knows its density, its moments and its entropy.

    Attributes:
        name: Key in `DATASETS`.
        title: Name to show.
        description: One sentence.
        mean: True mean, (2,), data units.
        covariance: True covariance, (2, 2), data units squared.
        box: [[x_min, x_max], [y_min, y_max]], (2, 2), data units; holds all but 1e-8 of the mass.
        resolution: Grid spacing, data units, fine enough for sums over a grid on `box`: right to 1e-6 (the
            checkerboard's moments to 1e-3).
        centres: Centres (K, 2) of an equally weighted Gaussian mixture, by label; None for other sets.
        sigma: Standard deviation of the round noise about centres or curves, data units; None without.
        closed_form_entropy: Entropy in nats where a formula gives it (to better than 1e-9), else None.
    """

    name: str
    title: str
    description: str
    mean: np.ndarray
    covariance: np.ndarray
    box: np.ndarray
    resolution: float
    _draw: Draw = field(repr=False)
    _log_density: Callable[[np.ndarray], np.ndarray] | None = field(repr=False)
    centres: np.ndarray | None = field(default=None, repr=False)
    sigma: float | None = None
    closed_form_entropy: float | None = None

    def __post_init__(self) -> None:
        for array in (self.mean, self.covariance, self.box, self.centres):
            if array is not None:
                array.setflags(write=False)  # data sets are cached and shared

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draws n independent points and says where each came from.

        Args:
            n: Number of points, 0 or more.
            rng: Source of randomness; it advances.

        Returns:
            Points (n, 2), float64, data units; labels (n,), int64.

        Raises:
            ValueError: n is not an integer of 0 or more, or rng is not a Generator.
        """
        return self._draw(_count(n), _generator(rng))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws n independent points (n, 2); `draw` without the labels."""
        return self.draw(n, rng)[0]

    @property
    def has_density(self) -> bool:
        """Whether `log_prob` and `entropy` are known."""
        return self._log_density is not None

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """True log-density, nats, in raw coordinates; -inf where no point can fall.

        Args:
            x: Points (N, 2), data units.

        Returns:
            log p(x), (N,), float64.

        Raises:
            ValueError: x is not of shape (N, 2), or this data set has no known density.
        """
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"x has shape {x.shape}; expected (N, 2): pass one point per row.")
        if self._log_density is None:
            raise ValueError(f"{self.name} has no known density; check has_density before you call log_prob.")
        return self._log_density(x)

    @cached_property
    def entropy(self) -> float | None:
        """Entropy -E[log p(x)], nats, raw coordinates; None if the density is unknown.

        The value of `closed_form_entropy` where there is one; otherwise a sum over a fine grid, exact to 1e-6
        and computed once (a second at most; moons with a noise of 0.02 two).
        """
        if self.closed_form_entropy is not None or not self.has_density:
            return self.closed_form_entropy
        return _entropy_by_quadrature(self.log_prob, self.box, self.resolution)

    @property
    def scale(self) -> float:
        """Root mean square of the two axes' standard deviations: sqrt(trace(covariance) / 2), data units."""
        return float(np.sqrt(np.trace(self.covariance) / 2))

    def standardise(self, x: np.ndarray) -> np.ndarray:
        """Raw points (..., 2) to z = (x - mean) / scale."""
        return (np.asarray(x) - self.mean) / self.scale

    def unstandardise(self, z: np.ndarray) -> np.ndarray:
        """Standardised points (..., 2) back to x = mean + scale z."""
        return self.mean + self.scale * np.asarray(z)


def get_dataset(name: str, **options: float) -> Dataset:
    """Returns a data set by name.

    Args:
        name: One of `DATASETS`.
        **options: moons takes `noise`, the standard deviation around the two arcs, 0.02 to 1 (default 0.1).

    Returns:
        The data set; the same object for the same arguments.

    Raises:
        ValueError: Unknown name or option, or a noise out of range.
        FileNotFoundError: The dinosaur's file is missing.

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


# What is asked of the caller


def _count(n: int) -> int:
    try:
        count = -1 if isinstance(n, bool) else operator.index(n)
    except TypeError:
        count = -1
    if count < 0:
        raise ValueError(f"n is {n!r}; expected a whole number from 0: pass a count of points, such as 500.")
    return count


def _generator(rng: np.random.Generator) -> np.random.Generator:
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; expected a numpy Generator: pass numpy.random.default_rng(seed).")
    return rng


def _noise(value: float) -> float:
    try:
        noise = float(value)
    except (TypeError, ValueError):
        noise = np.nan
    if not 0.02 <= noise <= 1:
        raise ValueError(f"noise is {value!r}; expected a number from 0.02 to 1: pass one such as 0.1.")
    return noise


# Gaussian mixtures and blurred curves


def _by_rows(density: Callable[[np.ndarray], np.ndarray], x: np.ndarray, width: int) -> np.ndarray:
    """Evaluates, in blocks of rows that need about 10 MB, a density that takes `width` numbers a point."""
    blocks = np.array_split(x, 1 + x.shape[0] * width // 1_000_000)
    return np.concatenate([density(block) for block in blocks])


def _mixture_log_prob(x: np.ndarray, centres: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """log sum_k w_k N(x; c_k, sigma^2 I); x (N, 2), centres (K, 2), weights (K,) -> (N,)."""

    def density(x: np.ndarray) -> np.ndarray:
        squared = (x[:, :1] - centres[:, 0]) ** 2 + (x[:, 1:] - centres[:, 1]) ** 2  # (N, K)
        return logsumexp(-squared / (2 * sigma**2), axis=1, b=weights) - np.log(2 * np.pi * sigma**2)

    return _by_rows(density, x, width=len(centres))


def _mixture_moments(centres: np.ndarray, weights: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean (2,) and covariance (2, 2): the centres' own, plus sigma^2 on the diagonal."""
    mean = weights @ centres
    centred = centres - mean
    return mean, (centred.T * weights) @ centred + sigma**2 * np.eye(2)


def _box_around(points: np.ndarray, margin: float | np.ndarray) -> np.ndarray:
    return np.stack([points.min(axis=0) - margin, points.max(axis=0) + margin], axis=1)


def _mixture(name: str, title: str, description: str, centres: np.ndarray, sigma: float, **extra: Any) -> Dataset:
    """Equally weighted Gaussians N(c_k, sigma^2 I); the label is k."""
    weights = np.full(len(centres), 1 / len(centres))

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(len(centres), size=n)
        return centres[labels] + sigma * rng.standard_normal((n, 2)), labels

    return Dataset(
        name,
        title,
        description,
        *_mixture_moments(centres, weights, sigma),
        box=_box_around(centres, 6 * sigma),
        resolution=sigma / 2,
        _draw=draw,
        _log_density=lambda x: _mixture_log_prob(x, centres, weights, sigma),
        centres=centres,
        sigma=sigma,
        **extra,
    )


def _separated_entropy(modes: int, sigma: float) -> float:
    """Entropy of equal Gaussians too far apart to overlap: log K + log(2 pi e sigma^2)."""
    return float(np.log(modes) + np.log(2 * np.pi * np.e * sigma**2))


def _gauss_legendre(speed: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1] for a curve of at most this speed |dc/du|: 24 nodes for every 6 sigma."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    panels = int(np.ceil(speed / (6 * sigma)))
    starts = np.arange(panels)[:, None] / panels
    return (starts + (nodes + 1) / (2 * panels)).ravel(), np.tile(weights / (2 * panels), panels)


def _blurred_curves(
    name: str,
    title: str,
    description: str,
    arms: tuple[Curve, ...],
    rule: tuple[np.ndarray, np.ndarray],
    sigma: float,
) -> Dataset:
    """A point of one arm at u ~ U(0, 1), plus N(0, sigma^2 I); the label is the arm.

    Args:
        arms: Each takes u (N,) in [0, 1] to points (N, 2).
        rule: Values of u and weights (summing to 1) that replace the integral over u by a sum.
    """
    u_nodes, u_weights = rule
    nodes = np.concatenate([arm(u_nodes) for arm in arms])
    weights = np.tile(u_weights / len(arms), len(arms))

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels, u = rng.integers(len(arms), size=n), rng.random(n)
        on_curve = np.stack([arm(u) for arm in arms])[labels, np.arange(n)]
        return on_curve + sigma * rng.standard_normal((n, 2)), labels

    return Dataset(
        name,
        title,
        description,
        *_mixture_moments(nodes, weights, sigma),
        box=_box_around(nodes, 6 * sigma),
        resolution=sigma / 2,
        _draw=draw,
        _log_density=lambda x: _mixture_log_prob(x, nodes, weights, sigma),
        sigma=sigma,
    )


def _entropy_by_quadrature(log_prob: Callable[[np.ndarray], np.ndarray], box: np.ndarray, step: float) -> float:
    """-sum p log p over a midpoint grid; for smooth p the error falls faster than any power of the step."""
    counts = np.ceil((box[:, 1] - box[:, 0]) / step).astype(int)
    cells = (box[:, 1] - box[:, 0]) / counts
    x, y = (box[axis, 0] + (np.arange(counts[axis]) + 0.5) * cells[axis] for axis in (0, 1))
    log_p = log_prob(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    return float(-np.sum(np.exp(log_p) * log_p) * cells.prod())


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
        box=_box_around(np.zeros((1, 2)), 6 * np.sqrt(np.diag(covariance))),
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
    entropy = _separated_entropy(8, 0.01)
    return _mixture("ring8", "Ring of 8", description, _circle_of_eight(1), 0.01, closed_form_entropy=entropy)


def _grid25() -> Dataset:
    ticks = np.arange(-4.0, 5.0, 2.0)
    centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(25, 2)
    description = "Twenty-five narrow Gaussians on a 5 x 5 grid: easy to blur, easy to miss one."
    entropy = _separated_entropy(25, 0.05)
    return _mixture("grid25", "Grid of 25", description, centres, 0.05, closed_form_entropy=entropy)


def _ffjord8() -> Dataset:
    description = "Eight broad Gaussians on a circle that just touch, as in the FFJORD paper."
    return _mixture("ffjord8", "8 Gaussians", description, _circle_of_eight(4 / 1.414), 0.5 / 1.414)


def _moons(noise: float = 0.1) -> Dataset:
    def outer(u: np.ndarray) -> np.ndarray:
        return np.stack([np.cos(np.pi * u), np.sin(np.pi * u)], axis=-1)

    def inner(u: np.ndarray) -> np.ndarray:
        return np.array([1.0, 0.5]) - outer(u)

    description = "Two half circles that hook into each other, blurred by noise."
    return _blurred_curves(
        "moons", "Two moons", description, (outer, inner), _gauss_legendre(np.pi, noise), sigma=noise
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
        box=_box_around(np.zeros((1, 2)), 1 + 6 * sigma),
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
    return _blurred_curves("swiss_roll", "Swiss roll", description, (roll,), _gauss_legendre(27, 0.2), sigma=0.2)


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
        *_mixture_moments(corners + 1, np.full(8, 1 / 8), sigma=2 / np.sqrt(12)),
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
        box=_box_around(np.zeros((1, 2)), 5.6),
        resolution=0.05,
        _draw=draw,
        _log_density=lambda x: _by_rows(_pinwheel_log_prob, x, width=256),
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

    v, weights = _gauss_legendre(30, 0.1)  # in v = sqrt(u) the curve is smooth, and du = 2 v dv
    description = "Two arms wound into each other, as in FFJORD but with Gaussian noise alone."
    return _blurred_curves("spirals", "Two spirals", description, (first, second), (v**2, 2 * v * weights), sigma=0.1)


def _dino() -> Dataset:
    if not DINO_CSV.is_file():
        raise FileNotFoundError(f"{DINO_CSV} is missing; fetch it again (README.md beside it says how).")
    centres = (np.loadtxt(DINO_CSV, delimiter=",", skiprows=1) - 50) / 12.5  # 0..100 in the file to -4..4
    description = "A dinosaur drawn by 142 points, each blurred a little (standard deviation 0.1)."
    return _mixture("dino", "Dinosaur", description, centres, 0.1)


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
