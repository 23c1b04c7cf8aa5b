r"""How far are generated samples from the truth? Six answers, and what perfect samples would score.

*Mode coverage*, where the truth is K equal round Gaussians (:func:`mode_coverage`), is three numbers, never one:

    quality      share of samples nearer than 3σ to the nearest centre
    modes        centres that have at least one such sample
    reverse KL   Σ_k h_k log(K h_k) in nats, h the share of *all* samples whose nearest centre is k

A collapsed generator has the first without the others. Perfect samples have not 100 % but 1 − e^(−9/2) = 98.89 %
quality, and from n of them a reverse KL of about (K − 1) / 2n, not 0.

*Distances* between two sets of points, each taken as the distribution that gives all its points equal weight:

    W₂                 (min over couplings of E|x − y|²)^½              data units; the points carried, at least cost
    sliced W₂          (mean over directions u of W₂²(u·x, u·y))^½      data units; a lower bound of W₂
    MMD                (E k(x, x') + E k(y, y') − 2 E k(x, y))^½        k(a, b) = exp(−|a − b|² / 2 bandwidth²)
    energy distance    (2 E|x − y| − E|x − x'| − E|y − y'|)^½           root of data units

All four are metrics, and 0 only between equal sets. Two samples of *one* distribution are not equal: such a number
says nothing without the value between two sets of true samples, which :func:`between_true` gives with its spread.

*Jensen–Shannon divergence* ½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q)/2, in nats: 0 … log 2. It is a sum over a grid's
cells, and wrong, always too small, where the modes are narrower than a cell: :func:`jensen_shannon` refuses that.

Sources: Srivastava et al. (2017), *VEEGAN*, arXiv:1705.07761, and Lin, Khetan, Fanti & Oh (2018), *PacGAN*,
arXiv:1712.04086, section 4.1 (coverage: 2,500 samples, 3σ); Peyré & Cuturi (2019), *Computational Optimal Transport*,
arXiv:1803.00567, eq. 2.15, and Bonneel et al. (2015), *J. Math. Imaging and Vision* 51(1) (sliced); Gretton et al.
(2012), *JMLR* 13, eq. 5; Székely & Rizzo (2013), *J. Statistical Planning and Inference* 143(8), and
``scipy.stats.energy_distance`` for the root; Lin (1991), *IEEE Trans. Information Theory* 37(1), for the last.
Rows are points, logarithms natural, arithmetic float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist, pdist
from scipy.special import xlogy

from genmodels.checks import check_data, check_whole

MAX_EXACT = 2000  # points of wasserstein_2: its time grows with their cube (10 s here, at worst)
BLOCK = 2_000_000  # most distances held at once, where they need not all be


class Coverage(NamedTuple):
    """What :func:`mode_coverage` counts; perfect samples have K, 0.9889 and about (K − 1) / 2n.

    Attributes:
        modes: Centres with a high-quality sample, 0 … K.
        quality: Share of high-quality samples, 0 … 1.
        reverse_kl: KL(histogram of the nearest centre ‖ uniform), nats, 0 … log K.
    """

    modes: int
    quality: float
    reverse_kl: float


def mode_coverage(samples: Any, centres: Any, sigma: float) -> Coverage:
    """Modes captured, share of high-quality samples, and reverse KL.

    Args:
        samples: ``(N, D)``, data units; published numbers have N = 2,500 and D = 2.
        centres: Of the K modes, ``(K, D)``, data units.
        sigma: σ of each mode, above 0, data units.

    Raises:
        ValueError: Shapes do not fit, there is no sample or no centre, a number is not finite or σ is not above 0.

    Source: Lin et al. (2018), section 4.1.

    >>> mode_coverage([[0.0, 0.02], [0.0, 0.04], [1.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]], 0.01)
    Coverage(modes=2, quality=0.75, reverse_kl=0.0)
    """
    samples, centres = _pair(samples, centres, "samples", "centres")
    _positive("sigma", sigma)
    distances = cdist(samples, centres)  # (N, K)
    nearest = distances.argmin(axis=1)
    good = distances[np.arange(len(samples)), nearest] < 3 * sigma
    histogram = np.bincount(nearest, minlength=len(centres)) / len(samples)
    reverse_kl = max(0.0, float(xlogy(histogram, histogram * len(centres)).sum()))
    return Coverage(len(np.unique(nearest[good])), float(good.mean()), reverse_kl)


# --- Distances between two sets of points -------------------------------------------------------------------


def wasserstein_2(x: Any, y: Any) -> float:
    """W₂ between two sets of equally many points, data units; exact, by the Hungarian method.

    Args:
        x: ``(N, D)``, N ≤ 2,000: 500 points take up to 0.1 s, 1,000 up to 1 s, 2,000 up to 10 s.
        y: ``(N, D)``.

    Raises:
        ValueError: The sets differ in size, are empty or too large, or hold a number that is not finite.

    Source: Peyré & Cuturi (2019), eq. 2.15; ``scipy.optimize.linear_sum_assignment``.
    """
    from scipy.optimize import linear_sum_assignment  # a sixth of a second, which pages that ask for no W₂ save

    x, y = _pair(x, y)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} points and y {len(y)}; give equally many, or take sliced_wasserstein.")
    if len(x) > MAX_EXACT:
        raise ValueError(
            f"{len(x)} points are too many for W₂; give at most {MAX_EXACT}, or take sliced_wasserstein."
        )
    cost = cdist(x, y, "sqeuclidean")
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


def sliced_wasserstein(x: Any, y: Any, directions: int = 64, rng: np.random.Generator | None = None) -> float:
    """Sliced W₂, data units: W₂ along straight lines, where sorting solves it.

    In one and two dimensions the directions are evenly spaced (none is random); above, they are drawn.

    Args:
        x: ``(N, D)``.
        y: ``(M, D)``; M may differ from N.
        directions: How many, 1 or more.
        rng: Of the directions; needed only if D ≥ 3.

    Raises:
        ValueError: Shapes do not fit, or D ≥ 3 came without ``rng``.

    Source: Bonneel et al. (2015), eq. 8.
    """
    x, y = _pair(x, y)
    check_whole("directions", directions, at_least=1)
    u = _directions(x.shape[1], directions, rng)  # (D, L)
    a, b = np.sort(x @ u, axis=0), np.sort(y @ u, axis=0)
    ends = np.union1d(np.arange(1, len(a) + 1) / len(a), np.arange(1, len(b) + 1) / len(b))  # steps of the quantiles
    starts = np.concatenate([[0.0], ends[:-1]])
    middle, weights = (starts + ends) / 2, ends - starts
    rows = [np.minimum((middle * len(c)).astype(int), len(c) - 1) for c in (a, b)]
    return float(np.sqrt(weights @ np.square(a[rows[0]] - b[rows[1]]).mean(axis=1)))


def mmd(x: Any, y: Any, bandwidth: float) -> float:
    """Maximum mean discrepancy with a Gaussian kernel, 0 … √2.

    It sees what differs on the scale of the bandwidth: for narrow modes give their width to see quality, or their
    distance to see coverage; :func:`median_distance` of true samples is the usual choice.

    Args:
        x: ``(N, D)``.
        y: ``(M, D)``; M may differ from N.
        bandwidth: Standard deviation of the kernel, above 0, data units.

    Raises:
        ValueError: Shapes do not fit, or the bandwidth is not above 0.

    Source: Gretton et al. (2012), eq. 5 (the biased estimate: the distance of the two sets, never negative).
    """
    x, y = _pair(x, y)
    _positive("bandwidth", bandwidth)

    def kernel(squared: np.ndarray) -> np.ndarray:
        return np.exp(-squared / (2 * bandwidth**2))

    within = _mean_over_pairs(x, x, kernel) + _mean_over_pairs(y, y, kernel)
    return float(np.sqrt(max(0.0, within - 2 * _mean_over_pairs(x, y, kernel))))


def energy_distance(x: Any, y: Any) -> float:
    """Energy distance, root of data units, as ``scipy.stats.energy_distance`` in any number of dimensions.

    Args:
        x: ``(N, D)``.
        y: ``(M, D)``; M may differ from N.

    Source: Székely & Rizzo (2013), eq. 5.
    """
    x, y = _pair(x, y)
    within = _mean_over_pairs(x, x, np.sqrt) + _mean_over_pairs(y, y, np.sqrt)
    return float(np.sqrt(max(0.0, 2 * _mean_over_pairs(x, y, np.sqrt) - within)))


def median_distance(x: Any) -> float:
    """Median of the distances between two different points of ``(N, D)``, N ≥ 2: a bandwidth for :func:`mmd`."""
    x = check_data(x)
    if len(x) < 2:
        raise ValueError(f"x has {len(x)} points; give two or more.")
    rows, columns = np.triu_indices(len(x[:MAX_EXACT]), k=1)
    return float(np.median(np.linalg.norm(x[rows] - x[columns], axis=1)))


def nearest_distances(x: Any, points: Any) -> np.ndarray:
    """Distance of each row of ``x`` ``(N, D)`` to the nearest of the points ``(M, D)``, ``(N,)``, data units."""
    x, points = _pair(x, points, "x", "points")
    return cdist(x, points).min(axis=1)


def mean_distance(x: Any) -> float:
    """Mean of the distances between two different rows of ``(N, D)``, N ≥ 2, data units."""
    x = check_data(x)
    if len(x) < 2:
        raise ValueError(f"x has {len(x)} points; give two or more.")
    return float(pdist(x).mean())


def count_humps(density: Any) -> int:
    """The most separate pieces of ``(H, W)`` in which it exceeds a level; levels are tenths of its largest value.

    Cells that touch at a corner belong together.
    """
    from scipy.ndimage import label

    density = np.asarray(density, dtype=np.float64)
    levels = np.arange(0.1, 1, 0.1) * density.max()
    return max(label(density > level, np.ones((3, 3)))[1] for level in levels)


# --- What true samples score --------------------------------------------------------------------------------


class Spread(NamedTuple):
    """A metric between two independent sets of true samples: what a perfect model would score.

    Attributes:
        mean: Over the repetitions, in the metric's unit.
        deviation: Standard deviation of one such value.
        low: 5 % of the values lie below.
        high: 5 % of the values lie above.
    """

    mean: float
    deviation: float
    low: float
    high: float


def between_true(
    metric: Callable[[np.ndarray, np.ndarray], float],
    draw: Callable[[int, np.random.Generator], np.ndarray],
    n: int,
    repeats: int,
    rng: np.random.Generator,
) -> Spread:
    """The metric between two sets of n true samples, over and over.

    Args:
        metric: Takes two sets ``(n, D)``: one of this file's distances, its options filled in.
        draw: Takes n and a generator to true samples ``(n, D)``, such as ``Dataset.sample``.
        n: Points in each set; the value falls with it, so take as many as will be compared.
        repeats: Pairs of sets, 2 or more.
        rng: Of the samples.

    >>> gaussian = lambda n, rng: rng.standard_normal((n, 2))
    >>> between_true(sliced_wasserstein, gaussian, 100, 50, np.random.default_rng(0)).mean < 0.3
    True
    """
    check_whole("n", n, at_least=1)
    check_whole("repeats", repeats, at_least=2)
    values = np.array([metric(draw(n, rng), draw(n, rng)) for _ in range(repeats)])
    low, high = np.quantile(values, (0.05, 0.95))
    return Spread(float(values.mean()), float(values.std(ddof=1)), float(low), float(high))


# --- Jensen–Shannon, on a grid ------------------------------------------------------------------------------


class Masses(NamedTuple):
    """A distribution on a regular grid; what lies outside is 1 − Σ masses.

    Attributes:
        masses: Probability of each cell, ``(cells, …, cells)``, one axis a dimension.
        sides: Lengths of a cell, ``(D,)``, data units.
    """

    masses: np.ndarray
    sides: np.ndarray


def density_masses(log_prob: Callable[[np.ndarray], np.ndarray], box: Any, cells: int) -> Masses:
    """A density's masses by the midpoint rule: p at the middle of a cell times its area.

    Args:
        log_prob: Log-density in nats, ``(N, D)`` to ``(N,)``.
        box: Of the grid, ``(D, 2)``: lowest and highest value a dimension, data units.
        cells: Along each dimension, 1 or more.

    Raises:
        ValueError: The grid holds more than all of the mass: its cells are too coarse for this density.
    """
    edges = _edges(box, cells)
    middles = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    points = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1)
    sides = np.array([edge[1] - edge[0] for edge in edges])
    masses = np.exp(log_prob(points.reshape(-1, len(edges)))).reshape(points.shape[:-1]) * sides.prod()
    return Masses(_check_masses(masses), sides)


def sample_masses(samples: Any, box: Any, cells: int) -> Masses:
    """The samples' histogram: shares of ``(N, D)`` in each cell; arguments as in :func:`density_masses`."""
    edges, x = _edges(box, cells), check_data(samples)
    if x.shape[1] != len(edges) or len(x) == 0:
        raise ValueError(
            f"Samples have the shape {x.shape}, and the box {len(edges)} dimensions; give as many columns."
        )
    return Masses(np.histogramdd(x, edges)[0] / len(x), np.array([edge[1] - edge[0] for edge in edges]))


def jensen_shannon(p: Masses, q: Masses, sigma: float) -> float:
    """Jensen–Shannon divergence of two distributions on one grid, nats, 0 … log 2.

    What lies outside the grid counts as one cell. Between *samples* it is too large by about (occupied cells) / 4n
    (:func:`between_true` measures it): few samples on a fine grid look disjoint.

    Args:
        p: Masses, of a density or of samples.
        q: Masses on the same grid.
        sigma: Standard deviation of the narrowest mode of either, data units: no cell may be wider.

    Raises:
        ValueError: A cell is wider than σ (the divergence would come out too small), or the grids differ.

    Source: Lin (1991), eq. 4.1 with equal weights.
    """
    _positive("sigma", sigma)
    if p.masses.shape != q.masses.shape or not np.allclose(p.sides, q.sides, rtol=1e-9, atol=0):
        raise ValueError(f"The grids have {p.masses.shape} and {q.masses.shape} cells; give both the same grid.")
    if max(p.sides) > sigma * (1 + 1e-9):
        factor = int(np.ceil(max(p.sides) / sigma * max(p.masses.shape)))
        raise ValueError(
            f"A cell is {max(p.sides):.3g} wide and the narrowest mode has σ = {sigma:.3g}, so that the divergence "
            f"would come out too small; give at least {factor} cells along each dimension, or a broader data set."
        )
    a, b = (np.append(masses, max(0.0, 1 - masses.sum())) for masses in (p.masses, q.masses))
    total = np.where(a + b > 0, a + b, 1)  # twice the mean m: halving it could underflow to 0
    terms = xlogy(a, 2 * a / total) + xlogy(b, 2 * b / total)
    return float(np.clip(terms.sum() / 2, 0, np.log(2)))


# --- Pieces -------------------------------------------------------------------------------------------------


def _pair(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> tuple[np.ndarray, np.ndarray]:
    x, y = check_data(x), check_data(y)
    if x.shape[1] != y.shape[1] or len(x) == 0 or len(y) == 0:
        raise ValueError(
            f"{x_name} has the shape {x.shape}, {y_name} {y.shape}; give both one row or more, and as many columns."
        )
    return x, y


def _positive(name: str, value: float) -> None:
    if not (isinstance(value, int | float | np.number) and 0 < value < np.inf):
        raise ValueError(f"{name} is {value!r}; give a finite number above 0.")


def _directions(dimensions: int, n: int, rng: np.random.Generator | None) -> np.ndarray:
    """Unit vectors ``(D, n)``; a direction and its opposite give the same line, so half a turn is enough."""
    if dimensions == 1:
        return np.ones((1, 1))
    if dimensions == 2:
        angles = np.pi * (np.arange(n) + 0.5) / n
        return np.stack([np.cos(angles), np.sin(angles)])
    if rng is None:
        raise ValueError(f"Points of {dimensions} dimensions need random directions; pass a numpy generator as rng.")
    u = rng.standard_normal((dimensions, n))
    return u / np.linalg.norm(u, axis=0)


def _mean_over_pairs(x: np.ndarray, y: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> float:
    """Mean of function(|x_i − y_j|²) over all i and j, i = j included."""
    size = max(1, BLOCK // len(y))
    total = sum(function(cdist(x[start : start + size], y, "sqeuclidean")).sum() for start in range(0, len(x), size))
    return float(total) / (len(x) * len(y))


def _edges(box: Any, cells: int) -> list[np.ndarray]:
    box = np.asarray(box, dtype=np.float64)
    check_whole("cells", cells, at_least=1)
    if box.ndim != 2 or box.shape[1] != 2 or not (box[:, 0] < box[:, 1]).all() or not np.isfinite(box).all():
        raise ValueError(f"box is {box.tolist()}; give a lowest and a higher finite number for each dimension.")
    return [np.linspace(low, high, cells + 1) for low, high in box]


def _check_masses(masses: np.ndarray) -> np.ndarray:
    if not masses.sum() <= 1.001:
        raise ValueError(
            f"The cells hold {masses.sum():.4g} of the probability, more than all of it; give more cells: they are "
            "coarser than the modes."
        )
    return masses
