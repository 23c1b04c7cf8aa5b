r"""Coupling layers: a network reads one half of the coordinates and says how the other half moves.

    y_a = x_a,      y_b = f(x_b; θ(x_a)),      log |det ∂y/∂x| = Σ_b log ∂f/∂x_b

since ∂y/∂x is triangular. The network may be anything; the inverse needs only that of f. Two kinds of f, one curve
for each moved coordinate:

- ``affine``: f = e^a x + b; the network says b and a.
- ``spline``: a rational-quadratic spline (:mod:`genmodels.flows.splines`) of K bins from (−B, −B) to (B, B) and the
  identity outside, whose slope at ±B is 1. The network says K widths, K heights and K − 1 slopes: shares by softmax,
  slopes by exp.

What the network says is squashed first, r → r/(1 + |r|/r_max), so that e^a and slopes stay in m … 1/m, and no bin is
narrower than m/K of the box, with m = 1/1000. So far this is zuko's parametrisation: the same weights mean the same
flow. Unlike zuko's, the network reads x_a only as far as ±B and beyond that takes the edge (:func:`read`): what it
would say further out, nobody taught it, and such layers can press so hard that no inverse in float64 finds back.

*Gradients* are written out (:func:`backward`): autograd takes a few times longer for networks as small as these.
Arrays hold points as columns: coordinates ``(M, N)``, what the network says ``(M, T, N)``. The functions keep the
precision of what they are given.

Sources: Dinh, Sohl-Dickstein & Bengio (2017), arXiv:1605.08803 (affine); Durkan et al. (2019), arXiv:1906.04032
(splines); F. Rozet et al., *zuko* (parametrisation).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from genmodels.flows.splines import Bent, Piece, bend, unbend

KINDS = ("spline", "affine")
LEAST = 1e-3
"""m: the smallest slope."""


def n_said(kind: str, bins: int) -> int:
    """T: how many numbers the network says for each coordinate that moves."""
    return 2 if kind == "affine" else 3 * bins - 1


@lru_cache(maxsize=64)
def _constants(kind: str, bins: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """1/r_max for each number said, ``(T, 1)``, and the matrix that sums the bins before each, ``(K, K)``."""
    reach = -np.log(LEAST)
    limits = [1 / reach] if kind == "affine" else [2 / reach] * (2 * bins) + [1 / reach] * (bins - 1)
    return np.array(limits, dtype)[:, None], np.tri(bins, k=-1, dtype=dtype)


@dataclass(frozen=True)
class Moved:
    """What :func:`forward` returns.

    Attributes:
        y: ``(M, N)``.
        log_slope: log ∂y/∂x, ``(M, N)``.
        kept: What :func:`backward` needs of it.
    """

    y: np.ndarray
    log_slope: np.ndarray
    kept: Any


@dataclass(frozen=True)
class _Curves:
    """Splines as the network says them, in shares of the box: ``(M, 2, K, N)`` widths and heights, and starts."""

    squash: np.ndarray
    shares: np.ndarray
    starts: np.ndarray
    slopes: np.ndarray

    def piece(self, k: np.ndarray) -> Piece:
        m, n = k.shape
        bins = self.shares.shape[2]
        at = k * n + np.arange(n)
        if m > 1:
            at = at + (np.arange(m) * 2 * bins * n)[:, None]
        shares, starts, slopes = self.shares.reshape(-1), self.starts.reshape(-1), self.slopes.reshape(-1)
        up = at + bins * n
        end = at if m == 1 else k * n + np.arange(n) + (np.arange(m) * (bins + 1) * n)[:, None]
        return Piece(
            starts.take(at), shares.take(at), starts.take(up), shares.take(up), slopes.take(end), slopes.take(end + n)
        )


def _curves(said: np.ndarray, bins: int) -> _Curves:
    m, _, n = said.shape
    limits, before = _constants("spline", bins, said.dtype.str)
    squash = np.abs(said)
    squash *= limits
    squash += 1
    exps = said / squash
    np.exp(exps, out=exps)
    slopes = np.ones((m, bins + 1, n), said.dtype)
    slopes[:, 1:-1] = exps[:, 2 * bins :]
    shares = exps[:, : 2 * bins].reshape(m, 2, bins, n)
    shares /= shares.sum(axis=2, keepdims=True)
    return _Curves(squash, shares, before @ shares, slopes)


def _find(starts: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The bin of each point, ``(M, N)``: how many of the inner knots lie at or below it."""
    return (starts[:, 1:] <= at[:, None]).sum(axis=1)


def read(kept: np.ndarray, bound: float) -> np.ndarray:
    """What the network reads of the coordinates that stay: no further than the edge of the box."""
    return np.minimum(np.maximum(kept, -bound), bound)


def forward(kind: str, said: np.ndarray, x: np.ndarray, bins: int, bound: float) -> Moved:
    """y and log ∂y/∂x of x ``(M, N)``, as the network says ``(M, T, N)``."""
    if kind == "affine":
        shift, scale = said[:, 0], said[:, 1]
        squash = 1 + np.abs(scale) * _constants(kind, bins, said.dtype.str)[0]
        log_slope = scale / squash
        slope = np.exp(log_slope)
        return Moved(x * slope + shift, log_slope, (x, squash, slope))
    inside = np.abs(x) <= bound
    at = np.minimum(np.maximum(x * (0.5 / bound) + 0.5, 0), 1)
    curves = _curves(said, bins)
    k = _find(curves.starts[:, 0], at)
    piece = curves.piece(k)
    bent = bend(piece, np.minimum((at - piece.x_0) / piece.width, 1))
    y = np.where(inside, (2 * bound) * bent.y - bound, x)
    return Moved(y, np.where(inside, bent.log_slope, 0), (curves, k, piece, bent, inside, bound))


def inverse(kind: str, said: np.ndarray, y: np.ndarray, bins: int, bound: float) -> tuple[np.ndarray, np.ndarray]:
    """x, and log ∂y/∂x there, of y ``(M, N)``."""
    if kind == "affine":
        log_slope = said[:, 1] / (1 + np.abs(said[:, 1]) * _constants(kind, bins, said.dtype.str)[0])
        return (y - said[:, 0]) * np.exp(-log_slope), log_slope
    inside = np.abs(y) <= bound
    at = np.minimum(np.maximum(y * (0.5 / bound) + 0.5, 0), 1)
    curves = _curves(said, bins)
    piece = curves.piece(_find(curves.starts[:, 1], at))
    z = unbend(piece, np.minimum((at - piece.y_0) / piece.height, 1))
    x = np.where(inside, (2 * bound) * (piece.x_0 + z * piece.width) - bound, y)
    return x, np.where(inside, bend(piece, z).log_slope, 0)


def backward(
    kind: str, moved: Moved, d_y: np.ndarray, d_log_slope: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """From gradients by y and log ∂y/∂x to those by what the network says ``(M, T, N)``, and by x ``(M, N)``."""
    if kind == "affine":
        x, squash, slope = moved.kept
        return np.stack([d_y, (d_y * x * slope + d_log_slope) / (squash * squash)], axis=1), d_y * slope
    curves, k, piece, bent, inside, bound = moved.kept
    d_unit = d_y * inside  # by y in shares of the box, but for 2B, which x's share takes back
    d_unit *= 2 * bound
    d_log = inside * d_log_slope
    by = _by_piece(piece, bent, d_unit, d_log)
    bins = curves.shares.shape[2]
    number = np.arange(bins)[:, None]
    here = number == k[:, None]
    below = number < k[:, None]
    d_said = np.empty_like(curves.squash)
    for row, (d_start, d_share, start, share) in enumerate(
        ((by.x_0, by.width, piece.x_0, piece.width), (by.y_0, by.height, piece.y_0, piece.height))
    ):
        part = d_said[:, row * bins : (row + 1) * bins]
        np.multiply(below, d_start[:, None], out=part)
        part += here * d_share[:, None]
        part -= (d_start * start + d_share * share)[:, None]
        part *= curves.shares[:, row]
    part = d_said[:, 2 * bins :]
    np.multiply(here[:, 1:], by.d_0[:, None], out=part)
    part += here[:, :-1] * by.d_1[:, None]
    part *= curves.slopes[:, 1:-1]
    d_said /= curves.squash * curves.squash
    return d_said, np.where(inside, by.x_0 * (-0.5 / bound), d_y)


def _by_piece(piece: Piece, bent: Bent, d_y: np.ndarray, d_log: np.ndarray) -> Piece:
    """Gradients by the six numbers of a piece; by x it is that by x_0, with the other sign."""
    z, s, v, share, q, n = bent.z, bent.s, bent.v, bent.share, bent.q, bent.n
    rest, both = 1 - z, piece.d_0 + piece.d_1
    turn = 1 - 2 * z
    d_share = d_y * piece.height / q
    by_n, by_q = d_log / n, 2 * d_log / q
    d_z = d_share * (s * n / q) + 2 * by_n * (s * turn - piece.d_0 * rest + piece.d_1 * z)
    d_z -= by_q * (both - 2 * s) * turn
    d_s = d_share * (z * z - share * (1 - 2 * v)) + 2 * d_log / s + 2 * by_n * v - by_q * (1 - 2 * v)
    d_0 = (d_share * (1 - share) - by_q) * v + by_n * rest * rest
    d_1 = by_n * z * z - (d_share * share + by_q) * v
    d_x = d_z / piece.width
    d_s = d_s / piece.width
    return Piece(-d_x, -(d_x * z + d_s * s), d_y, d_y * share + d_s, d_0, d_1)
