r"""Pairs nobody gave us: two clouds, a map each way, and a loss of 0 that leaves the pairing open.

CycleGAN learns G: X → Y and F: Y → X from two clouds without pairs. Three things are asked: G(x) is distributed as Y,
F(y) as X, and both ways lead back, F(G(x)) = x, G(F(y)) = y. Here both clouds are the unit circle, evenly inked, the
true partner of x is T x = R(φ) x, R a rotation, and the maps are rotations, too, G = R(θ) and F = R(−ψ):

    clouds      G(x) is distributed as Y, and F(y) as X, for *every* θ and ψ: no critic can object
    cycle       E|F(G(x)) − x|² + E|G(F(y)) − y|²         = 4 (1 − cos(θ − ψ)),   0 wherever θ = ψ
    identity    E|G(y) − y|² + E|F(x) − x|²               = 2 (2 − cos θ − cos ψ)
    pairs       E|G(x) − T x|² + E|F(y) − T⁻¹ y|²         = 2 (2 − cos(θ − φ) − cos(ψ − φ))

All are per unit radius squared and hold for any points of the circle: a single pair gives the last as well as all. So
the cycle alone is at its minimum for any turn of the ring, and the pairing is whatever the start makes it. *Identity*
(leave alone what looks as if it were of Y already) pulls towards no turn, which is right only if φ = 0; *pairs* pull
towards φ. The loss is their sum with weights, and both angles go downhill in it, by its exact gradient.

Sources: Zhu et al. (2017), *CycleGAN*, arXiv:1703.10593 (section 3.2; identity: section 5.2; there with absolute
values). Angles in radians, numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_number, check_whole
from genmodels.states import last


@dataclass(frozen=True)
class CycleConfig:
    """Where the maps start, and what is asked of them.

    Args:
        forward: θ of G at the start, radians.
        back: ψ of F at the start, radians.
        partner: φ: how far the true partner is turned, radians.
        cycle: Weight of the cycle loss, 0 or more.
        identity: Weight of the identity loss.
        pairs: Weight of the loss of known pairs.
        learning_rate: Of both angles, above 0; with weights that sum to 1, up to 0.2 is safe.
        n_steps: Steps downhill, 0 or more.

    Raises:
        ValueError: A value is out of range.
    """

    forward: float
    back: float
    partner: float = 0.0
    cycle: float = 1.0
    identity: float = 0.0
    pairs: float = 0.0
    learning_rate: float = 0.05
    n_steps: int = 60

    def __post_init__(self) -> None:
        for name in ("forward", "back", "partner"):
            check_number(name, getattr(self, name), at_least=-1e6, below=1e6)
        for name in ("cycle", "identity", "pairs"):
            check_number(name, getattr(self, name), at_least=0)
        check_number("learning_rate", self.learning_rate, above=0)
        check_whole("n_steps", self.n_steps, at_least=0)


@dataclass(frozen=True)
class CycleState:
    """Both maps after ``step`` steps.

    Attributes:
        step: Steps taken.
        forward: θ.
        back: ψ.
        cycle: The cycle loss.
        identity: The identity loss.
        pairing: E|G(x) − T x|², how far from its true partner a point is sent: 0 … 4.
    """

    step: int
    forward: float
    back: float
    cycle: float
    identity: float
    pairing: float


def turned(x: Any, angle: float) -> np.ndarray:
    """R(angle) x of rows ``(N, 2)``.

    >>> turned([[1.0, 0.0]], np.pi / 2).round(6)
    array([[0., 1.]])
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(x, dtype=np.float64) @ np.array([[c, s], [-s, c]])


def iterate_cycle(config: CycleConfig) -> Iterator[CycleState]:
    """Both angles downhill; the start first, then a state a step."""
    forward, back = float(config.forward), float(config.back)
    yield _state(0, forward, back, config.partner)
    for step in range(1, config.n_steps + 1):
        apart = 4 * config.cycle * np.sin(forward - back)
        down_forward, down_back = (
            2 * config.identity * np.sin(angle) + 2 * config.pairs * np.sin(angle - config.partner)
            for angle in (forward, back)
        )
        forward = float(forward - config.learning_rate * (down_forward + apart))
        back = float(back - config.learning_rate * (down_back - apart))
        yield _state(step, forward, back, config.partner)


def fit_cycle(config: CycleConfig) -> CycleState:
    """The last state of :func:`iterate_cycle`.

    >>> end = fit_cycle(CycleConfig(forward=1.0, back=2.0, partner=0.0))
    >>> round(end.cycle, 6), round(end.forward, 3), round(end.pairing, 3)
    (0.0, 1.5, 1.859)
    """
    return last(iterate_cycle(config))


def _state(step: int, forward: float, back: float, partner: float) -> CycleState:
    return CycleState(
        step,
        forward,
        back,
        float(4 * (1 - np.cos(forward - back))),
        float(2 * (2 - np.cos(forward) - np.cos(back))),
        float(2 * (1 - np.cos(forward - partner))),
    )
