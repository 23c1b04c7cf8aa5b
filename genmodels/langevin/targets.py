r"""Log-densities with their gradients: what walkers need to know of p(x), and a constant they need not.

A *target* is a function from points ``(N, D)`` to ``(log p̃, ∇ log p̃)``, ``(N,)`` and ``(N, D)``, where p̃ = Z p and
Z may be unknown. In terms of the energy E = −log p̃:

    p(x) = e^{−E(x)} / Z,    Z = ∫ e^{−E(x)} dx,    ∇ log p(x) = −∇E(x),    which has no Z in it

*Round lumps*  p(x) = Σ_k π_k N(x; μ_k, σ² I).
*Banana*       x₁ ~ N(0, 1), x₂ = b (x₁² − 1) + w ε: mean 0, variances 1 and 2b² + w², no correlation, all dependence.
*Wells*        E(x) = |x|²/2s² − Σ_k d_k exp(−|x − c_k|²/2w²): a bowl with Gaussian wells. Its Z has no formula.

Weights are checked as those of :mod:`genmodels.mixture`, and log 2π is that of :mod:`genmodels.gaussian`.

Source: Haario, Saksman & Tamminen (1999), *Computational Statistics* 14(3), section 3 (the banana). Rows are points,
float64; logarithms natural.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_data, check_number, check_whole
from genmodels.gaussian import LOG_2PI
from genmodels.mixture import check_weights

Target = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class RoundLumps:
    """Gaussians of one width; with a single centre, a round Gaussian.

    Args:
        centres: μ, ``(K, D)``.
        sigma: Standard deviation of each, above 0.
        weights: π, ``(K,)``, positive, summing to 1; None for equal ones.

    Raises:
        ValueError: Shapes do not fit, or σ is not above 0.

    >>> [part.tolist() for part in RoundLumps([[0.0, 0.0]], 2.0)(np.array([[4.0, 0.0]]))]
    [[-5.224171427529236], [[-1.0, 0.0]]]
    """

    centres: Any
    sigma: float
    weights: Any = None

    def __post_init__(self) -> None:
        centres = check_data(self.centres)
        check_number("sigma", self.sigma, above=0)
        given = np.full(len(centres), 1 / max(1, len(centres))) if self.weights is None else self.weights
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "weights", check_weights(given, len(centres), "weights"))

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log p ``(N,)`` in nats, and its gradient ``(N, D)``."""
        away = self.centres[:, None] - x  # (K, N, D)
        joint = np.log(self.weights)[:, None] - np.square(away).sum(axis=2) / (2 * self.sigma**2)
        top = joint.max(axis=0)
        share = np.exp(joint - top)
        total = share.sum(axis=0)
        pull = (share[..., None] * away).sum(axis=0) / total[:, None]
        constant = 0.5 * x.shape[1] * (LOG_2PI + 2 * np.log(self.sigma))
        return top + np.log(total) - constant, pull / self.sigma**2

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Exact samples ``(n, D)``."""
        k = rng.choice(len(self.weights), size=n, p=self.weights)
        return self.centres[k] + self.sigma * rng.standard_normal((n, self.centres.shape[1]))


@dataclass(frozen=True)
class Banana:
    """A Gaussian whose second coordinate follows the square of the first.

    Args:
        bend: b.
        width: w, above 0.

    Raises:
        ValueError: A number is not finite, or the width is not above 0.
    """

    bend: float = 0.7
    width: float = 0.5

    def __post_init__(self) -> None:
        check_number("bend", self.bend, at_least=-1e6)
        check_number("width", self.width, above=0)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log p ``(N,)`` in nats, and its gradient ``(N, 2)``."""
        first, off = x[:, 0], (x[:, 1] - self.bend * (x[:, 0] ** 2 - 1)) / self.width
        log_p = -0.5 * (first**2 + off**2) - LOG_2PI - np.log(self.width)
        down = off / self.width
        return log_p, np.stack([2 * self.bend * first * down - first, -down], axis=1)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Exact samples ``(n, 2)``."""
        first, noise = rng.standard_normal((2, n))
        return np.stack([first, self.bend * (first**2 - 1) + self.width * noise], axis=1)


@dataclass(frozen=True, eq=False)
class Wells:
    """A bowl with Gaussian wells in it, in the plane or elsewhere.

    Args:
        centres: c, ``(K, D)``.
        depths: d, ``(K,)``, in nats; a negative one is a hill.
        width: w of every well, above 0.
        bowl: s: without wells, the standard deviation.

    Raises:
        ValueError: Shapes do not fit, or a width is not above 0.
    """

    centres: Any
    depths: Any
    width: float = 0.5
    bowl: float = 1.5

    def __post_init__(self) -> None:
        centres, depths = check_data(self.centres), np.asarray(self.depths, dtype=np.float64)
        if depths.shape != (len(centres),) or not np.isfinite(depths).all():
            raise ValueError(f"depths have the shape {depths.shape}; give {len(centres)} finite numbers, one a well.")
        for name in ("width", "bowl"):
            check_number(name, getattr(self, name), above=0)
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "depths", depths)

    def bumps(self, x: np.ndarray) -> np.ndarray:
        """exp(−|x − c_k|²/2w²), ``(N, K)``: how much of its depth each well has at points ``(N, D)``."""
        away = x[:, None] - self.centres
        return np.exp(-np.einsum("nkd,nkd->nk", away, away) / (2 * self.width**2))

    def energy(self, x: np.ndarray) -> np.ndarray:
        """E in nats of points ``(N, D)``, ``(N,)``."""
        return np.einsum("nd,nd->n", x, x) / (2 * self.bowl**2) - self.bumps(x) @ self.depths

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """−E ``(N,)``, and its gradient ``(N, D)``."""
        held = self.bumps(x) * self.depths
        pull = held @ self.centres - held.sum(axis=1)[:, None] * x
        return held.sum(axis=1) - np.square(x).sum(axis=1) / (2 * self.bowl**2), (
            pull / self.width**2 - x / self.bowl**2
        )


def grid(box: Any, n: int) -> tuple[np.ndarray, float]:
    """Middles of n cells each way, ``(n^D, D)``, the first coordinate fastest, and the volume of a cell.

    Args:
        box: ``(D, 2)``, lowest and highest value of each coordinate.
        n: Cells each way, 1 or more.
    """
    check_whole("n", n, at_least=1)
    box = np.asarray(box, dtype=np.float64)
    sides = (box[:, 1] - box[:, 0]) / n
    axes = [low + side * (np.arange(n) + 0.5) for low, side in zip(box[:, 0], sides, strict=True)]
    points = np.stack(np.meshgrid(*axes[::-1], indexing="ij")[::-1], axis=-1)
    return points.reshape(-1, len(box)), float(sides.prod())


def log_normaliser(target: Target, box: Any, n: int) -> float:
    """log Z by the midpoint rule: p̃ at the middles of n cells each way, n^D evaluations in all.

    Args:
        target: log p̃ and its gradient.
        box: ``(D, 2)``; what lies outside is not counted.
        n: Cells each way, 1 or more.

    >>> round(log_normaliser(RoundLumps([[0.0, 0.0]], 1.0), [[-8, 8], [-8, 8]], 60), 9) + 0
    0.0
    """
    points, volume = grid(box, n)
    log_p = target(points)[0]
    top = log_p.max()
    return float(top + np.log(np.exp(log_p - top).sum() * volume))
