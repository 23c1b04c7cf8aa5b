r"""Two roads from noise to data: flow matching, and the probability-flow ODE of diffusion, which this imports for it.

Both walk through mixtures of data and noise, x = α x_1 + σ ε: flow matching with α = t, σ = 1 − t, diffusion with
α = √ᾱ, σ = √(1 − ᾱ). Given what is best said of the noise, ε̂ = E[ε | x], both ODEs are one, in y = x/α and ρ = σ/α:

    dy/dρ = ε̂        (from dx = dα x̂_1 + dσ ε̂ and x = α x̂_1 + σ ε̂)

in which neither α nor σ is left. So at equal ρ, that is at t = √ᾱ/(√ᾱ + √(1 − ᾱ)), one road is the other, scaled:

    x_matching = x_diffusion / (√ᾱ + √(1 − ᾱ))

and with exact answers **each grain of noise arrives at the same point on both**, not only the crowd: they differ in
between, in how they are scaled and how fast they go (:func:`.ode.straightness`). Roads that were learned end in
different points only through what each network gets wrong; and a schedule's ᾱ_T is not quite 0.

Sources: Karras et al. (2022), *EDM*, arXiv:2206.00364 (eq. 4 and section 3); Gao et al. (2024), *Diffusion meets flow
matching*. Rows are points in the units of the standardised data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from genmodels.diffusion.sampler import Denoiser, ReverseConfig, iterate_reverse
from genmodels.diffusion.schedules import Schedule
from genmodels.flow_matching.ode import Field, OdeConfig, iterate_ode


@dataclass(frozen=True, eq=False)
class Roads:
    """Two ways of the same grains of noise.

    Attributes:
        t: Times of flow matching, from 0 to 1, ``(n + 1,)``.
        matching: Where its points are, ``(n + 1, N, D)``.
        alpha_bar: ᾱ of diffusion, from ᾱ_T to 1, ``(n + 1,)``.
        diffusion: Where its points are, ``(n + 1, N, D)``.
    """

    t: np.ndarray
    matching: np.ndarray
    alpha_bar: np.ndarray
    diffusion: np.ndarray


def two_roads(
    velocity: Field, denoiser: Denoiser, x: np.ndarray, schedule: Schedule, n_steps: int = 50, method: str = "rk4"
) -> Roads:
    """Both from the same noise, in n steps each.

    Args:
        velocity: Of flow matching, exact or learned.
        denoiser: Of diffusion, exact or learned.
        x: Noise ``(N, D)``, standard normal.
        schedule: Of the diffusion, all of its steps.
        n_steps: Of each.
        method: Of flow matching's; diffusion's ODE goes by Runge and Kutta's, see
            :class:`genmodels.diffusion.sampler.ReverseConfig`.
    """
    matching = list(iterate_ode(velocity, x, OdeConfig(method, n_steps)))
    diffusion = list(iterate_reverse(denoiser, x, schedule, ReverseConfig("ode", n_steps)))
    return Roads(
        np.array([state.t for state in matching]),
        np.stack([state.x for state in matching]),
        np.array([state.alpha_bar for state in diffusion]),
        np.stack([np.asarray(state.x_t, np.float64) for state in diffusion]),
    )


def to_matching(x_t: np.ndarray, alpha_bar: float) -> tuple[np.ndarray, float]:
    """Diffusion's x_t as a point on flow matching's road ``(N, D)``, and its time t.

    >>> to_matching(np.array([[2.0]]), 1.0)
    (array([[2.]]), 1.0)
    """
    s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    return np.asarray(x_t, dtype=np.float64) / (s + n), s / (s + n)
