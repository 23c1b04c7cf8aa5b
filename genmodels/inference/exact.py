r"""The exact p(z | x) and log p(x) of one or two latents, by the trapezoid rule on a grid.

    p(x) = ∫ p(x, z) dz ≈ h^d Σ_grid p(x, z),      p(z | x) = p(x, z) / p(x)

*How exact?* For a smooth integrand that has died away at the edges the rule converges faster than any power of h: a
Gaussian of standard deviation s is right to 2 exp(−2π² s²/h²), 5e-9 at h = s. The error told is what halving the
number of cells changes log p(x) by, plus the share that lies on the edge.

*Where?* The box has to hold the mass, and the cells have to be smaller than the narrowest lump. A first look at the
prior's whole range finds the places worth climbing from, gradient steps find how high the highest is, and then the
box shrinks around all that is not 26 nats below it (e^(−26) = 5e-12; less for a decoder in float32). Cells are halved
until the error is small, wherever there is something to see.

Sources: Trefethen & Weideman (2014), *SIAM Review* 56(3). Float64, nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from genmodels.checks import check_whole
from genmodels.inference.bounds import GaussianQ, check_latents
from genmodels.inference.models import LatentModel, log_sum_exp

Box = tuple[tuple[float, float], ...]
WIDEST = 7.0
"""Where a first look ends along each latent: the prior holds 2.6e-12 beyond."""
LOOK, CLOSER = {1: 561, 2: 57}, {1: 281, 2: 33}
"""Nodes along an axis, of the first look and of later ones."""
FEWEST, MOST = {1: 256, 2: 48}, {1: 8192, 2: 768}
FINE, COARSE = 1e-8, 1e-3


@dataclass(frozen=True, eq=False)
class Posterior:
    """p(z | x) on a grid.

    Attributes:
        model: Whose.
        x: ``(D,)``.
        axes: The grid's coordinates along each latent, d arrays ``(n,)`` with equal steps.
        log_density: log p(z | x) at the nodes, nats; ``(n,)`` or ``(n, n)``, the first axis along z_1.
        log_evidence: log p(x), nats.
        error: Of log p(x), nats: what halving the number of cells changes, and the edge's share.
    """

    model: LatentModel
    x: np.ndarray
    axes: tuple[np.ndarray, ...]
    log_density: np.ndarray
    log_evidence: float
    error: float

    @property
    def box(self) -> Box:
        """Where the grid begins and ends along each latent."""
        return tuple((float(axis[0]), float(axis[-1])) for axis in self.axes)

    @property
    def volume(self) -> float:
        """Of a cell."""
        return float(np.prod([axis[1] - axis[0] for axis in self.axes]))

    @cached_property
    def points(self) -> np.ndarray:
        """The nodes, ``(n^d, d)``, in the order of ``log_density.ravel()``."""
        return nodes_of(self.axes)

    @cached_property
    def shares(self) -> np.ndarray:
        """The probability of each cell, ``(n^d,)``; they sum to 1."""
        return self.volume * np.exp(self.log_density.ravel())

    @cached_property
    def mean(self) -> np.ndarray:
        """E[z | x], ``(d,)``."""
        return self.shares @ self.points

    @cached_property
    def covariance(self) -> np.ndarray:
        """Cov[z | x], ``(d, d)``."""
        apart = self.points - self.mean
        return (apart.T * self.shares) @ apart

    @cached_property
    def entropy(self) -> float:
        """−E[log p(z | x)], nats."""
        return -float(self.shares @ self.log_density.ravel())

    def log_prob(self, z: np.ndarray) -> np.ndarray:
        """log p(z | x) at any z, on the grid or not, ``(N, d)`` to ``(N,)``, nats."""
        return self.model.log_joint(self.x, z) - self.log_evidence

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n draws, ``(n, d)``: a cell, then a place in it."""
        steps = np.array([axis[1] - axis[0] for axis in self.axes])
        cells = rng.choice(len(self.points), n, p=self.shares / self.shares.sum())
        return self.points[cells] + steps * (rng.random((n, len(steps))) - 0.5)

    def lumps(self) -> list[GaussianQ]:
        """A Gaussian as sharp as each top of p(z | x) that has 1 % of the highest density or more; highest first."""
        density = self.log_density
        highest_beside = np.max(_beside(density, -np.inf), axis=0)
        tops = (density > highest_beside) & (density > density.max() - np.log(100))
        starts = self.points[np.flatnonzero(tops.ravel())]
        return [self._around(z) for z in sorted(starts, key=lambda z: -self.log_prob(z[None])[0])]

    def _around(self, top: np.ndarray) -> GaussianQ:
        """A Gaussian with the curvature of log p(x, z) at a top (Laplace)."""
        d, h = len(top), 1e-3 * np.sqrt(np.diag(self.covariance))
        moved = np.concatenate([top + np.diag(h), top - np.diag(h)])
        slopes = self.model.gradient(self.x, moved)
        precision = -(slopes[:d] - slopes[d:]) / (2 * h[:, None])
        values, vectors = np.linalg.eigh(0.5 * (precision + precision.T))
        covariance = (vectors / np.maximum(values, 1.0)) @ vectors.T  # no wider than the prior
        return GaussianQ(top, np.linalg.cholesky(covariance))


def posterior(model: LatentModel, x: Any, box: Box | None = None, cells: int | None = None) -> Posterior:
    """The exact posterior of one x.

    Args:
        model: With one or two latents.
        x: ``(D,)``.
        box: Where the grid is to begin and end along each latent; None finds where the mass is.
        cells: Along each latent, 8 or more; None takes as many as make the error small.

    Raises:
        ValueError: The model has more latents, x has another shape, or log p(x) is missed by more than 0.001 nats:
            the box given does not hold the mass, or the cells are too large.
    """
    check_latents(model)
    x = model.check_x(x)
    if cells is not None:
        check_whole("cells", cells, at_least=8)
    edges = find_box(model, x) if box is None else _check_box(box, model.n_latent)
    n = cells or FEWEST[model.n_latent]
    found = _on_grid(model, x, edges, n)
    while cells is None and found.error > max(FINE, model.rounding) and n < MOST[model.n_latent]:
        n *= 2
        found = _halved(model, x, found)
    if not found.error < COARSE:
        raise ValueError(
            f"The grid of {n} cells in {_say(edges)} misses log p(x) by {found.error:.2g} nats; give a box that "
            "holds the mass, more cells, or neither."
        )
    return found


def log_evidences(model: LatentModel, x: Any, reach: float = 6.0, cells: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """log p(x) of many x on one grid over the whole prior, which is decoded once.

    Args:
        model: With one or two latents.
        x: ``(M, D)``.
        reach: Where the grid ends along each latent.
        cells: Along each latent, even; narrower lumps need more: the error says so.

    Returns:
        log p(x) and what halving the number of cells changes it by, each ``(M,)``, nats.
    """
    check_latents(model)
    check_whole("cells", cells, at_least=8)
    axis, step = np.linspace(-reach, reach, cells + cells % 2 + 1, retstep=True)
    d = model.n_latent
    fine, coarse = np.full(len(x), -np.inf), np.full(len(x), -np.inf)
    for i, first in enumerate(axis if d == 2 else [0.0]):
        z = np.column_stack([np.full(len(axis), first), axis])[:, -d:]
        joint = model.table(x, z) + model.log_prior(z)
        fine = np.logaddexp(fine, _log_sum_rows(joint))
        if i % 2 == 0:
            coarse = np.logaddexp(coarse, _log_sum_rows(joint[:, ::2]))
    fine, coarse = fine + d * np.log(step), coarse + d * np.log(2 * step)
    return fine, np.abs(fine - coarse)


def _log_sum_rows(a: np.ndarray) -> np.ndarray:
    highest = a.max(axis=1, keepdims=True)
    return highest[:, 0] + np.log(np.exp(a - highest).sum(axis=1))


def _depth(model: LatentModel) -> float:
    """How far below the highest log p(x, z) still counts, nats."""
    return 5 - float(np.log(model.rounding))


def find_box(model: LatentModel, x: np.ndarray) -> Box:
    """A box around all that counts: what is not far below the highest log p(x, z)."""
    depth = _depth(model)
    edges: Box = ((-WIDEST, WIDEST),) * model.n_latent
    axes, nodes = _first_look(model.n_latent)
    values = model.survey(x, nodes)
    climbed, heights = _climb(model, x, nodes[np.argsort(values)[-12:]])
    top = max(float(values.max()), float(heights.max()))
    tops = climbed[heights > top - depth]  # the box holds them, even where they are narrower than a cell
    values = values.reshape([len(axis) for axis in axes])
    for _ in range(12):
        narrowed = tuple(_span(axis, values > top - depth, d, tops[:, d]) for d, axis in enumerate(axes))
        shrunk = [(b - a) / (d - c) for (a, b), (c, d) in zip(narrowed, edges, strict=True)]
        edges = narrowed
        if min(shrunk) > 0.8:
            break
        axes, values = _look(model, x, edges, CLOSER[model.n_latent])
        top = max(top, float(values.max()))
    return edges


def nodes_of(axes: tuple[np.ndarray, ...]) -> np.ndarray:
    """All nodes of a grid, ``(n^d, d)``."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


@lru_cache(maxsize=2)
def _first_look(d: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    axes = (np.linspace(-WIDEST, WIDEST, LOOK[d]),) * d
    nodes = nodes_of(axes)
    nodes.setflags(write=False)
    return axes, nodes


def _look(model: LatentModel, x: np.ndarray, edges: Box, n: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    axes = tuple(np.linspace(a, b, n) for a, b in edges)
    return axes, model.log_joint(x, nodes_of(axes)).reshape([len(axis) for axis in axes])


def _span(axis: np.ndarray, kept: np.ndarray, d: int, tops: np.ndarray) -> tuple[float, float]:
    """The part of an axis where anything is kept or a top stands, and a cell more on both sides."""
    where = [*axis[kept.any(axis=tuple(i for i in range(kept.ndim) if i != d))], *tops]
    step = axis[1] - axis[0]
    return float(min(where) - step), float(max(where) + step)


def _climb(model: LatentModel, x: np.ndarray, z: np.ndarray, n_steps: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Where some points get by gradient steps that grow while they help, ``(N, d)``, and how high, ``(N,)``."""
    value, slope = model.value_and_gradient(x, z)
    rate = 1e-2 / (1 + np.linalg.norm(slope, axis=1, keepdims=True))
    for _ in range(n_steps):
        moved = z + rate * slope
        new, new_slope = model.value_and_gradient(x, moved)
        better = (new > value)[:, None]
        z, slope = np.where(better, moved, z), np.where(better, new_slope, slope)
        value, rate = np.where(better[:, 0], new, value), np.where(better, 2 * rate, 0.25 * rate)
    return z, value


def _on_grid(model: LatentModel, x: np.ndarray, edges: Box, n: int) -> Posterior:
    n += n % 2  # so that every second node makes a grid of its own
    axes = tuple(np.linspace(a, b, n + 1) for a, b in edges)
    return _normalise(model, x, axes, model.log_joint(x, nodes_of(axes)).reshape([n + 1] * len(axes)))


def _halved(model: LatentModel, x: np.ndarray, found: Posterior) -> Posterior:
    """With cells half as wide; of the new nodes, only those beside one that counts are asked for."""
    counts = found.log_density > found.log_density.max() - _depth(model)
    axes = tuple(np.linspace(axis[0], axis[-1], 2 * len(axis) - 1) for axis in found.axes)
    below = np.ix_(*(np.arange(len(axis)) // 2 for axis in axes))
    log_joint = found.log_density[below] + found.log_evidence  # elsewhere, what stands beside it is near enough
    asked = np.any([counts, *_beside(counts, False)], axis=0)[below]
    asked[(slice(None, None, 2),) * len(axes)] = False  # known
    log_joint[asked] = model.log_joint(x, nodes_of(axes)[asked.ravel()])
    return _normalise(model, x, axes, log_joint)


def _beside(values: np.ndarray, edge: float) -> list[np.ndarray]:
    """For each node, what stands at each of the 3^d − 1 around it; ``edge`` beyond the grid."""
    padded = np.pad(values, 1, constant_values=edge)
    shifts = [shift for shift in np.ndindex(*[3] * values.ndim) if shift != (1,) * values.ndim]
    return [padded[tuple(slice(s, s + n) for s, n in zip(shift, values.shape, strict=True))] for shift in shifts]


def _normalise(model: LatentModel, x: np.ndarray, axes: tuple[np.ndarray, ...], log_joint: np.ndarray) -> Posterior:
    volume, n = float(np.prod([axis[1] - axis[0] for axis in axes])), len(axes[0]) - 1
    log_evidence = log_sum_exp(log_joint) + np.log(volume)
    halved = log_joint[(slice(None, None, 2),) * len(axes)]
    coarse = log_sum_exp(halved) + np.log(volume * 2 ** len(axes))
    density = log_joint - log_evidence
    edge = density.copy()
    edge[(slice(1, -1),) * len(axes)] = -np.inf
    # beyond the edge the density dies away; how fast, its slope would say: take a tenth of the box
    outside = np.exp(log_sum_exp(edge)) * volume * n / 10
    return Posterior(model, x, axes, density, float(log_evidence), float(abs(log_evidence - coarse) + outside))


def _check_box(box: Any, d: int) -> Box:
    edges = np.asarray(box, dtype=np.float64)
    if edges.shape != (d, 2) or not np.isfinite(edges).all() or not (edges[:, 0] < edges[:, 1]).all():
        raise ValueError(f"box is {box!r}; give a lower and a higher end for each of the {d} latents.")
    return tuple((float(a), float(b)) for a, b in edges)


def _say(edges: Box) -> str:
    return " × ".join(f"{a:.3g} … {b:.3g}" for a, b in edges)
