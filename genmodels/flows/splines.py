r"""Monotone rational-quadratic splines: curves through knots that can be inverted and differentiated in closed form.

Between two knots of width w and height h, with slopes d_0 and d_1 there, s = h/w and z = (x − x_0)/w in 0…1,

    y = y_0 + h (s z² + d_0 z(1−z)) / q,        q = s (z² + (1−z)²) + (d_0 + d_1) z(1−z),
    dy/dx = s² (2 s z(1−z) + d_0 (1−z)² + d_1 z²) / q².

All terms are positive: the curve rises for any positive w, h, d_0, d_1, and its slope has no jump at the knots. For
the inverse, η = (y − y_0)/h, u = d_0 (1−η) − d_1 η and r = |u| + √(u² + 4 s² η(1−η)):

    z = 2 s η / (2 s η + r)   where u ≥ 0,      z = r / (r + 2 s (1−η))   elsewhere,

the root of the usual quadratic, written so that nothing cancels and the knots are met exactly.

Source: Durkan et al. (2019), arXiv:1906.04032, after Gregory & Delbourgo (1982), *IMA J. Numerical Analysis* 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Piece(NamedTuple):
    """The piece of a spline that each point lies in; arrays of one shape."""

    x_0: np.ndarray
    width: np.ndarray
    y_0: np.ndarray
    height: np.ndarray
    d_0: np.ndarray
    d_1: np.ndarray


class Bent(NamedTuple):
    """A point of a piece, and what its derivatives need again, as in the module's docstring; n = q²/s² dy/dx."""

    y: np.ndarray
    log_slope: np.ndarray
    z: np.ndarray
    s: np.ndarray
    v: np.ndarray
    share: np.ndarray
    q: np.ndarray
    n: np.ndarray


def bend(piece: Piece, z: np.ndarray) -> Bent:
    """y and log dy/dx at the share z of the width, 0…1."""
    s = piece.height / piece.width
    rest = 1 - z
    v, zz = z * rest, z * z
    q = s * (1 - 2 * v) + (piece.d_0 + piece.d_1) * v
    n = 2 * s * v + piece.d_0 * (rest * rest) + piece.d_1 * zz
    share = (s * zz + piece.d_0 * v) / q
    slope = s / q
    return Bent(piece.y_0 + piece.height * share, np.log(slope * slope * n), z, s, v, share, q, n)


def unbend(piece: Piece, eta: np.ndarray) -> np.ndarray:
    """z at the share η of the height, 0…1."""
    s = piece.height / piece.width
    rest = 1 - eta
    u = piece.d_0 * rest - piece.d_1 * eta
    r = np.abs(u) + np.sqrt(u * u + 4 * s * s * eta * rest)
    rising = u >= 0
    part = np.where(rising, 2 * s * eta, r)
    return part / (part + np.where(rising, r, 2 * s * rest))


class RationalQuadratic:
    """One monotone curve through given knots, which goes on straight beyond the first and the last.

    Args:
        knots_x: ``(K + 1,)``, rising.
        knots_y: ``(K + 1,)``, rising.
        slopes: dy/dx at the knots, ``(K + 1,)``, above 0; beyond the ends the curve keeps theirs.

    Raises:
        ValueError: Fewer than two knots, knots that do not rise, or a slope that is not above 0.

    >>> curve = RationalQuadratic([-1, 0, 1], [-1, 0.5, 1], [1, 1, 1])
    >>> y, log_slope = curve.forward([0.0, 3.0])
    >>> y.tolist(), curve.inverse(y)[0].tolist()
    ([0.5, 3.0], [0.0, 3.0])
    """

    def __init__(self, knots_x: ArrayLike, knots_y: ArrayLike, slopes: ArrayLike) -> None:
        given = [np.array(values, dtype=np.float64) for values in (knots_x, knots_y, slopes)]
        self.knots_x, self.knots_y, self.slopes = given
        shape = self.knots_x.shape
        if len(shape) != 1 or shape[0] < 2 or any(values.shape != shape for values in given):
            shapes = ", ".join(str(values.shape) for values in given)
            raise ValueError(
                f"knots_x, knots_y and slopes have the shapes {shapes}; give three rows of one length, 2 or more."
            )
        if not all(np.isfinite(values).all() for values in given):
            raise ValueError("The knots or slopes hold NaN or infinity; give finite numbers only.")
        for name, values in (("knots_x", self.knots_x), ("knots_y", self.knots_y)):
            if not (np.diff(values) > 0).all():
                raise ValueError(f"{name} is {values.tolist()}; give numbers that rise, or the curve has no inverse.")
        if not (self.slopes > 0).all():
            raise ValueError(f"slopes is {self.slopes.tolist()}; give numbers above 0, or the curve has no inverse.")
        for values in given:
            values.setflags(write=False)

    def forward(self, x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """y and log dy/dx, of the shape of x."""
        x = np.asarray(x, dtype=np.float64)
        k = self._bin(self.knots_x, x)
        piece = self._piece(k)
        bent = bend(piece, np.clip((x - piece.x_0) / piece.width, 0, 1))
        return self._tails(x, self.knots_x, self.knots_y, self.slopes, bent.y), bent.log_slope

    def inverse(self, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """x, and log dy/dx there (of the forward curve), of the shape of y."""
        y = np.asarray(y, dtype=np.float64)
        piece = self._piece(self._bin(self.knots_y, y))
        z = unbend(piece, np.clip((y - piece.y_0) / piece.height, 0, 1))
        x = self._tails(y, self.knots_y, self.knots_x, 1 / self.slopes, piece.x_0 + z * piece.width)
        return x, bend(piece, z).log_slope

    def _bin(self, knots: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)

    def _piece(self, k: np.ndarray) -> Piece:
        x, y, d = self.knots_x, self.knots_y, self.slopes
        return Piece(x[k], x[k + 1] - x[k], y[k], y[k + 1] - y[k], d[k], d[k + 1])

    @staticmethod
    def _tails(
        at: np.ndarray, knots: np.ndarray, values: np.ndarray, slopes: np.ndarray, inside: np.ndarray
    ) -> np.ndarray:
        low, high = (values[end] + slopes[end] * (at - knots[end]) for end in (0, -1))
        return np.where(at < knots[0], low, np.where(at > knots[-1], high, inside))
