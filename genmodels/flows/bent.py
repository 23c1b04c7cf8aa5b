r"""A bell curve bent on a line: a flow in one dimension that a hand can draw.

z ~ N(0, 1), and x = g(z) for a rising curve g through a few knots. Mass is carried along: what lies between z and
z + dz lies between x and x + dx, so p_x(x) dx = p_z(z) dz and

    log p_x(x) = log N(z; 0, 1) - log g'(z),        z = g^{-1}(x).

Conventions
    * g goes from noise to data; z and x have no units, densities are per unit of x, logarithms natural.
    * Between knots g is a rational quadratic of Gregory & Delbourgo (:mod:`genmodels.flows.splines`). Its slope at an
      inner knot is the weighted harmonic mean of the secants beside it (Fritsch & Butland), so that g rises; beyond
      the outermost knots it goes on as a straight line with the slope of the outermost secant, and the tails of p_x
      are Gaussian.

Sources: J. Gregory & R. Delbourgo (1982), *Piecewise rational quadratic interpolation to monotonic data*; F. Fritsch
& J. Butland (1984), *A method for constructing local monotone piecewise cubic interpolants*; C. Durkan et al. (2019),
*Neural spline flows*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from genmodels.checks import as_tuples
from genmodels.flows.splines import RationalQuadratic

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class BentGaussian:
    """x = g(z), z ~ N(0, 1), with g through the knots.

    Args:
        knots: ``(K, 2)``, K ≥ 2 pairs (z, x); both rise from knot to knot.

    Raises:
        ValueError: They do not rise.

    Example:
        >>> twice = BentGaussian([(-1, -2), (1, 2)])
        >>> x, log_slope = twice.forward(np.array([0.5]))
        >>> float(x[0]), round(float(np.exp(log_slope[0])), 9)
        (1.0, 2.0)
    """

    knots: ArrayLike

    def __post_init__(self) -> None:
        pairs = np.array(as_tuples(self.knots, "knots"))
        if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) < 2:
            raise ValueError(f"knots must be two pairs (z, x) or more; got the shape {pairs.shape}.")
        if (np.diff(pairs, axis=0) <= 0).any():
            raise ValueError(
                "The knots do not rise: where the curve falls, one x would have several z. Give knots whose z and x "
                "both grow from one to the next."
            )
        object.__setattr__(self, "knots", as_tuples(pairs, "knots"))

    @cached_property
    def spline(self) -> RationalQuadratic:
        """g."""
        z, x = np.array(self.knots).T
        return RationalQuadratic(z, x, slopes_at(z, x))

    def forward(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x = g(z) and log g'(z), each of the shape of z."""
        return self.spline.forward(z)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p_x(x), nats, of the shape of x."""
        z, log_slope = self.spline.inverse(x)
        return log_normal(z) - log_slope

    def kl_from(self, log_target: Callable[[np.ndarray], np.ndarray], ends: tuple[float, float]) -> float:
        """KL(target ‖ p_x), nats, by the trapezoidal rule on 2,001 points between the ends.

        Args:
            log_target: log-density of the target, which has next to no mass beyond the ends.
            ends: Where the rule begins and ends.
        """
        x = np.linspace(*ends, 2_001)
        log_p = log_target(x)
        return float(np.trapezoid(np.exp(log_p) * (log_p - self.log_prob(x)), x))


def slopes_at(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Slopes of a rising curve at its knots, ``(K,)``: means of the secants beside each; at both ends the secant."""
    width = np.diff(z)
    secant = np.diff(x) / width
    before, after = width[:-1], width[1:]
    share = (before + 2 * after) / (3 * (before + after))  # of the secant before
    inner = 1 / (share / secant[:-1] + (1 - share) / secant[1:])
    return np.r_[secant[0], inner, secant[-1]]


def log_normal(z: np.ndarray) -> np.ndarray:
    """log N(z; 0, 1), nats."""
    return -0.5 * (np.asarray(z, dtype=np.float64) ** 2 + LOG_2PI)
