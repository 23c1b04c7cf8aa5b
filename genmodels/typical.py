r"""Where the draws of a Gaussian are: not where it is densest.

x ~ N(0, I) in D dimensions. Its density falls with the distance r = |x| from the centre, but of the space there is
the more, the farther out:

    log p(x) = −r²/2 − D/2 log 2π,
    p(r) = 2^{1 − D/2} r^{D − 1} e^{−r²/2} / Γ(D/2)         (χ with D degrees of freedom)
    E r² = D,      E r = √2 Γ((D + 1)/2) / Γ(D/2) < √D,      Var r → ½,
    entropy = −E log p(x) = D/2 log 2πe,                      log p(0) − E log p(x) = D/2.

So draws lie in a shell of radius √D whose thickness does not grow, and none of them is as probable as the centre,
from which they keep away: P(r < 1) = γ(D/2, ½) / Γ(D/2) falls faster with D than any exponential.

Distances have no unit, logarithms are natural. Source: T. Cover & J. Thomas (2006), *Elements of Information Theory*,
chapter 3 (typical sets); the formulas are those of the χ distribution.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from genmodels.checks import check_number, check_whole

LOG_2PI = math.log(2 * math.pi)


def log_prob_at(r: ArrayLike, dimensions: int) -> np.ndarray:
    """log p(x) at the distance r from the centre, nats, of the shape of r."""
    check_whole("dimensions", dimensions, at_least=1)
    return -0.5 * np.asarray(r, dtype=np.float64) ** 2 - 0.5 * dimensions * LOG_2PI


def entropy(dimensions: int) -> float:
    """−E log p(x), nats."""
    check_whole("dimensions", dimensions, at_least=1)
    return 0.5 * dimensions * (LOG_2PI + 1)


def log_norm_density(r: ArrayLike, dimensions: int) -> np.ndarray:
    """log p(r) of the distance r ≥ 0, nats, of the shape of r.

    Example:
        >>> round(float(np.exp(log_norm_density(0.0, 1))), 6)  # √(2/π): a bell folded in half
        0.797885
    """
    check_whole("dimensions", dimensions, at_least=1)
    r = np.asarray(r, dtype=np.float64)
    with np.errstate(divide="ignore"):
        rising = (dimensions - 1) * np.log(r) if dimensions > 1 else 0.0
    return (1 - dimensions / 2) * math.log(2) - math.lgamma(dimensions / 2) + rising - r**2 / 2


def mean_norm(dimensions: int) -> float:
    """E |x|, a little below √D."""
    check_whole("dimensions", dimensions, at_least=1)
    return math.sqrt(2) * math.exp(math.lgamma((dimensions + 1) / 2) - math.lgamma(dimensions / 2))


def norm_quantile(share: ArrayLike, dimensions: int) -> np.ndarray:
    """The distance within which this share of the draws lies, 0 … 1, of the shape of the share."""
    check_whole("dimensions", dimensions, at_least=1)
    return np.sqrt(2 * gammaincinv(dimensions / 2, np.asarray(share, dtype=np.float64)))


def log_share_within(radius: float, dimensions: int) -> float:
    """log P(|x| < radius), nats, by its series, however small it is.

    Example:
        >>> round(math.exp(log_share_within(1.0, 1)), 4)
        0.6827
    """
    check_whole("dimensions", dimensions, at_least=1)
    check_number("radius", radius, above=0)
    a, x = dimensions / 2, radius**2 / 2
    term = total = 1.0
    k = 0
    while term > 1e-17 * total:
        k += 1
        term *= x / (a + k)
        total += term
    return a * math.log(x) - x - math.lgamma(a + 1) + math.log(total)
