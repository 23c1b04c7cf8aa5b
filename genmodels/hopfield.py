r"""A Hopfield net: patterns as the valleys of an energy, and a walk downhill that finds the nearest.

N units s_i = ±1, each wired to all others by symmetric weights W without a diagonal:

    E(s) = −½ sᵀW s,    one unit at a time, in any order:    s_i ← sign(Σ_j W_ij s_j),    unchanged where the sum is 0

A flip changes E by −2 |Σ_j W_ij s_j|: the energy never rises, so each walk ends, in a state that no flip of a single
unit lowers. It is a Boltzmann machine at temperature 0. Two ways to store P patterns ξ ``(P, N)``:

    Hebb            W = ξᵀξ / N           each pattern adds its own outer product, whatever the others are
    pseudo-inverse  W = ξᵀ(ξ ξᵀ)⁺ ξ       the projection onto the patterns' span: any P < N independent ones stay put,
                                          however alike they are (if no unit is fixed by the span itself)

both with the diagonal taken out afterwards. Hebb's rule holds P ≈ 0.138 N *independent random* patterns (Amit,
Gutfreund & Sompolinsky 1985) with a few per cent of wrong units, and far fewer that resemble each other. At any load
there are valleys that nobody stored: every −ξ, and *mixtures* such as sign(ξ¹ + ξ² + ξ³).

Sources: Hopfield (1982), PNAS 79; Amit, Gutfreund & Sompolinsky (1985), *Phys. Rev. Lett.* 55, 1530; Personnaz, Guyon
& Dreyfus (1985) and Kanter & Sompolinsky (1987) (pseudo-inverse). float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genmodels.checks import check_choice, check_whole
from genmodels.states import last, still

RULES = ("hebb", "pseudo")
CAPACITY = 0.138
"""Random patterns that Hebb's rule holds, per unit (Amit, Gutfreund & Sompolinsky 1985)."""


@dataclass(frozen=True)
class HopfieldConfig:
    """How units are updated.

    Args:
        n_steps: Updates, of one unit each, 0 or more.
        seed: Of the order, 0 or more: each sweep is a new order of all units.
    """

    n_steps: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "seed"):
            check_whole(name, getattr(self, name), at_least=0)


@dataclass(frozen=True, eq=False)
class HopfieldState:
    """The net after some updates.

    Attributes:
        step: Updates made.
        units: s, ``(N,)`` of −1 and 1.
        energy: E(s).
        flips: How many of the updates have changed a unit.
        settled: Whether no single flip would lower the energy.
    """

    step: int
    units: np.ndarray
    energy: float
    flips: int
    settled: bool


def check_units(patterns: Any, n: int | None = None) -> np.ndarray:
    """Return patterns as float64 ``(P, N)`` of −1 and 1, or raise a ValueError that says what to mend."""
    s = np.asarray(patterns, dtype=np.float64)
    if s.ndim != 2 or not s.size or (n is not None and s.shape[1] != n):
        raise ValueError(f"Patterns must have the shape (P, {n or 'N'}), one a row; got {s.shape}.")
    if not (np.abs(s) == 1).all():
        raise ValueError("Units are −1 or 1, and these are not: take 2 x − 1 of pixels of 0 and 1.")
    return s


def store_patterns(patterns: Any, rule: Literal["hebb", "pseudo"] = "hebb") -> np.ndarray:
    """W ``(N, N)``, symmetric, its diagonal 0, of patterns ``(P, N)`` of −1 and 1.

    Raises:
        ValueError: The patterns are not of −1 and 1, or the rule is unknown.

    >>> store_patterns([[1, -1], [1, 1]]).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    check_choice("rule", rule, RULES)
    xi = check_units(patterns)
    w = xi.T @ xi / xi.shape[1] if rule == "hebb" else xi.T @ np.linalg.pinv(xi @ xi.T) @ xi
    w = (w + w.T) / 2
    np.fill_diagonal(w, 0)
    return w


def energy(weights: np.ndarray, units: np.ndarray) -> np.ndarray:
    """E of states ``(…, N)``, ``(…,)``."""
    s = np.asarray(units, dtype=np.float64)
    return -0.5 * np.einsum("...i,...i->...", s @ weights, s)


def overlaps(patterns: np.ndarray, units: np.ndarray) -> np.ndarray:
    """ξ·s / N of states ``(…, N)`` with each pattern ``(P, N)``, ``(…, P)``; 1 is the pattern itself."""
    return np.asarray(units, dtype=np.float64) @ np.asarray(patterns, dtype=np.float64).T / patterns.shape[1]


def iterate_hopfield(weights: np.ndarray, start: np.ndarray, config: HopfieldConfig) -> Iterator[HopfieldState]:
    """Asynchronous updates, one state a unit, the start first.

    Args:
        weights: W, ``(N, N)``, symmetric, its diagonal 0.
        start: s, ``(N,)`` of −1 and 1.
        config: How many, and in which order.

    Raises:
        ValueError: The weights are not symmetric with a diagonal of 0, or the start does not fit.
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or not np.allclose(w, w.T) or np.diagonal(w).any():
        raise ValueError("Weights must be symmetric (N, N) with a diagonal of 0: otherwise the energy may rise.")
    s = check_units(np.asarray(start)[None], len(w))[0].copy()
    rng = np.random.default_rng(config.seed)
    inputs = w @ s
    now, flips, order = float(-0.5 * s @ inputs), 0, np.arange(0)
    unstable = int((inputs * s < -_TIE).sum())
    yield HopfieldState(0, still(s), now, 0, not unstable)
    for step in range(1, config.n_steps + 1):
        if not len(order):
            order = rng.permutation(len(s))
        i, order = order[0], order[1:]
        if inputs[i] * s[i] < -_TIE:
            now += 2 * float(inputs[i] * s[i])
            s[i] = -s[i]
            inputs += 2 * s[i] * w[i]
            flips += 1
            unstable = int((inputs * s < -_TIE).sum())
        yield HopfieldState(step, still(s), now, flips, not unstable)


def run_hopfield(weights: np.ndarray, start: np.ndarray, config: HopfieldConfig) -> HopfieldState:
    """The last state of :func:`iterate_hopfield`."""
    return last(iterate_hopfield(weights, start, config))


_TIE = 1e-12  # an input below this is 0, and the unit stays
