r"""Likelihood by steps that fit themselves to the road, for flow matching and for diffusion's ODE in the same clock.

Between two lumps a road parts from its neighbours in a moment, and there even steps as :func:`.ode.log_likelihood`
takes them are too long: half-way between the two moons 40 of them miss log p by a nat or two, either way. Dormand and
Prince's pair of orders 5 and 4 estimates its error in each step, in x and in ∫ ∇·v dt, and shortens or lengthens the
next one. Easy places take fewer steps so, hard ones more.

*Diffusion's ODE* (:class:`ProbabilityFlow`) is dx/dφ = v(x, φ), √ᾱ = cos φ, see :mod:`genmodels.diffusion.sampler`,
which this imports. At flow matching's t with the same ratio of noise to data, tan φ = (1 − t)/t, so that

    dx/dt = −v(x, φ) / (t² + (1 − t)²),     ᾱ = t² / (t² + (1 − t)²)

is a velocity like any other: from N(0, I) at t = 0, where ᾱ is 0 exactly, to the data.

Sources: Dormand & Prince (1980), *J. Computational and Applied Mathematics* 6(1), table 2; Hairer, Nørsett & Wanner
(1993), section II.4 (step sizes). Rows are points in the units of the standardised data, float64; logarithms natural.
"""

from __future__ import annotations

import numpy as np

from genmodels.checks import check_data, check_number
from genmodels.diffusion.sampler import Denoiser
from genmodels.flow_matching.ode import Velocity
from genmodels.gaussian import LOG_2PI

NODES = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1)
STAGES = tuple(
    np.array(row)
    for row in (
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    )
)
ERROR = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])  # fifth less fourth
FIRST, SHORTEST, SAFETY, SLOWER, FASTER = 0.05, 1e-3, 0.9, 0.2, 5.0


class ProbabilityFlow:
    """Diffusion's ODE as a velocity in flow matching's clock.

    Args:
        denoiser: Exact or learned, that predicts v (the others divide by 0 at an end); with a ``divergence``.

    Raises:
        ValueError: It predicts something else.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        if denoiser.prediction != "v":
            raise ValueError(
                f"The denoiser predicts {denoiser.prediction!r}, which divides by 0 at an end; give one for 'v'."
            )
        self.denoiser = denoiser

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        """dx/dt of points ``(N, D)`` at a time 0 … 1, ``(N, D)``."""
        alpha_bar, rate = _clock(t)
        return rate * np.asarray(self.denoiser(x, alpha_bar), dtype=np.float64)

    def divergence(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """dx/dt, and the trace of its Jacobian ``(N,)``."""
        alpha_bar, rate = _clock(t)
        v, trace = self.denoiser.divergence(x, alpha_bar)  # type: ignore[attr-defined]
        return rate * np.asarray(v, dtype=np.float64), rate * np.asarray(trace, dtype=np.float64)


def _clock(t: float) -> tuple[float, float]:
    """ᾱ, and dφ/dt."""
    squared = t**2 + (1 - t) ** 2
    return t**2 / squared, -1 / squared


def log_likelihood(velocity: Velocity, x: np.ndarray, tolerance: float = 1e-4) -> np.ndarray:
    """log p(x) of what the ODE makes of N(0, I), nats, ``(N, D)`` to ``(N,)``; in units of the standardised data.

    Args:
        velocity: With a ``divergence``.
        x: Data ``(N, D)``; all rows take the steps that the hardest of them needs.
        tolerance: Of one step's error, in x and in nats, above 0; no step is shorter than a thousandth of the way.

    Raises:
        ValueError: x is no finite array ``(N, D)``, or the tolerance is not above 0.
    """
    check_number("tolerance", tolerance, above=0)
    x = check_data(x)
    d = x.shape[1]

    def slope(y: np.ndarray, t: float) -> np.ndarray:
        v, trace = velocity.divergence(y[:, :d], t)
        return np.column_stack([v, trace])

    y, t, h = np.column_stack([x, np.zeros(len(x))]), 1.0, FIRST
    first = slope(y, t)
    while t > 0:
        h = min(h, t)
        slopes = [first]
        for node, row in zip((*NODES[1:], 1), STAGES, strict=True):
            after = y - h * np.tensordot(row, slopes, 1)
            slopes.append(slope(after, max(t - node * h, 0.0)))
        error = h * float(np.abs(np.tensordot(ERROR, slopes, 1)).max(initial=0)) / tolerance
        if error <= 1 or h <= SHORTEST:
            y, t, first = after, t - h if h < t else 0.0, slopes[-1]
        h = max(h * min(FASTER, max(SLOWER, SAFETY * max(error, 1e-10) ** -0.2)), SHORTEST)
    return y[:, d] - 0.5 * np.square(y[:, :d]).sum(axis=1) - 0.5 * d * LOG_2PI
