r"""A distribution in the plane, and the two kinds of which most are made: Gaussian mixtures and blurred curves.

Logarithms are natural, points ``(N, 2)`` float64 in data units.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logsumexp

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
        curve: Of blurred curves, places (K, 2) and weights (K,) of the mixture by which `log_prob` takes the integral
            along them, data units; None for other sets.
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
    curve: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)
    closed_form_entropy: float | None = None

    def __post_init__(self) -> None:
        for array in (self.mean, self.covariance, self.box, self.centres, *(self.curve or ())):
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
        return self._draw(count(n), generator(rng))

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

    def standard_log_prob(self, z: np.ndarray) -> np.ndarray:
        """As `log_prob`, of standardised points z (N, 2) in their own units: log p(x) + 2 log(scale)."""
        return self.log_prob(self.unstandardise(z)) + 2 * np.log(self.scale)

    @cached_property
    def entropy(self) -> float | None:
        """Entropy -E[log p(x)], nats, raw coordinates; None if the density is unknown.

        The value of `closed_form_entropy` where there is one; otherwise a sum over a fine grid, exact to 1e-6
        and computed once (a second at most; moons with a noise of 0.02 two).
        """
        if self.closed_form_entropy is not None or not self.has_density:
            return self.closed_form_entropy
        return entropy_by_quadrature(self.log_prob, self.box, self.resolution)

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


# What is asked of the caller


def count(n: int) -> int:
    """A whole number from 0, or a ValueError."""
    try:
        count = -1 if isinstance(n, bool) else operator.index(n)
    except TypeError:
        count = -1
    if count < 0:
        raise ValueError(f"n is {n!r}; expected a whole number from 0: pass a count of points, such as 500.")
    return count


def generator(rng: np.random.Generator) -> np.random.Generator:
    """A numpy Generator, or a ValueError."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; expected a numpy Generator: pass numpy.random.default_rng(seed).")
    return rng


# Gaussian mixtures and blurred curves


def by_rows(density: Callable[[np.ndarray], np.ndarray], x: np.ndarray, width: int) -> np.ndarray:
    """Evaluates, in blocks of rows that need about 10 MB, a density that takes `width` numbers a point."""
    blocks = np.array_split(x, 1 + x.shape[0] * width // 1_000_000)
    return np.concatenate([density(block) for block in blocks])


def mixture_log_prob(x: np.ndarray, centres: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """log sum_k w_k N(x; c_k, sigma^2 I); x (N, 2), centres (K, 2), weights (K,) -> (N,)."""

    def density(x: np.ndarray) -> np.ndarray:
        squared = (x[:, :1] - centres[:, 0]) ** 2 + (x[:, 1:] - centres[:, 1]) ** 2  # (N, K)
        return logsumexp(-squared / (2 * sigma**2), axis=1, b=weights) - np.log(2 * np.pi * sigma**2)

    return by_rows(density, x, width=len(centres))


def mixture_moments(centres: np.ndarray, weights: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean (2,) and covariance (2, 2): the centres' own, plus sigma^2 on the diagonal."""
    mean = weights @ centres
    centred = centres - mean
    return mean, (centred.T * weights) @ centred + sigma**2 * np.eye(2)


def box_around(points: np.ndarray, margin: float | np.ndarray) -> np.ndarray:
    """The box of these points ``(N, 2)``, wider by a margin on each side, ``(2, 2)``."""
    return np.stack([points.min(axis=0) - margin, points.max(axis=0) + margin], axis=1)


def mixture(name: str, title: str, description: str, centres: np.ndarray, sigma: float, **extra: Any) -> Dataset:
    """Equally weighted Gaussians N(c_k, sigma^2 I); the label is k."""
    weights = np.full(len(centres), 1 / len(centres))

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(len(centres), size=n)
        return centres[labels] + sigma * rng.standard_normal((n, 2)), labels

    return Dataset(
        name,
        title,
        description,
        *mixture_moments(centres, weights, sigma),
        box=box_around(centres, 6 * sigma),
        resolution=sigma / 2,
        _draw=draw,
        _log_density=lambda x: mixture_log_prob(x, centres, weights, sigma),
        centres=centres,
        sigma=sigma,
        **extra,
    )


def separated_entropy(modes: int, sigma: float) -> float:
    """Entropy of equal Gaussians too far apart to overlap: log K + log(2 pi e sigma^2)."""
    return float(np.log(modes) + np.log(2 * np.pi * np.e * sigma**2))


def gauss_legendre(speed: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1] for a curve of at most this speed |dc/du|: 24 nodes for every 6 sigma."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    panels = int(np.ceil(speed / (6 * sigma)))
    starts = np.arange(panels)[:, None] / panels
    return (starts + (nodes + 1) / (2 * panels)).ravel(), np.tile(weights / (2 * panels), panels)


def blurred_curves(
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
        *mixture_moments(nodes, weights, sigma),
        box=box_around(nodes, 6 * sigma),
        resolution=sigma / 2,
        _draw=draw,
        _log_density=lambda x: mixture_log_prob(x, nodes, weights, sigma),
        sigma=sigma,
        curve=(nodes, weights),
    )


def entropy_by_quadrature(log_prob: Callable[[np.ndarray], np.ndarray], box: np.ndarray, step: float) -> float:
    """-sum p log p over a midpoint grid; for smooth p the error falls faster than any power of the step."""
    counts = np.ceil((box[:, 1] - box[:, 0]) / step).astype(int)
    cells = (box[:, 1] - box[:, 0]) / counts
    x, y = (box[axis, 0] + (np.arange(counts[axis]) + 0.5) * cells[axis] for axis in (0, 1))
    log_p = log_prob(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    return float(-np.sum(np.exp(log_p) * log_p) * cells.prod())
