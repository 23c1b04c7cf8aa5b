r"""Samplers for x given y = A x + σ ε whose prior is a diffusion model; two common ones, and the exact one.

All go from the same noise x_T to t = 0 by the steps of :mod:`genmodels.diffusion` (x̂_0 is the denoiser's answer,
α = ᾱ_t/ᾱ_s, σ_s² = η² β̃: η = 0 is DDIM, a method for the probability-flow ODE; η = 1 is ancestral sampling, DDPM):

    x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ_s²) ε̂ + σ_s z

*Replacement* makes the step and then puts what was measured, made as noisy, in its place:

    x_s ← x_s + A⁺ (√ᾱ_s y + √(1 − ᾱ_s) A ε − A x_s)

It takes y for exact, whatever σ. ε is fresh noise, or with η = 0 that of x_T. *RePaint* goes from s back to t by
fresh noise, and makes the step again, ``repeats`` times in all. The step itself knows nothing of y: what is not
measured hears of it only through x_s, and where the step has left for a lump, it stays.

*DPS* (diffusion posterior sampling) makes the step and then goes downhill in what x̂_0 misses,

    x_s ← x_s − ζ_t ∇_{x_t} |y − A x̂_0(x_t)|²,   ζ_t = ζ,  or  ζ / |y − A x̂_0| (``normalised``)

so that p(y | x_t) is taken to be p(y | x̂_0), as if x_t left no doubt about x_0. The gradient is
−2 Jᵀ Aᵀ (y − A x̂_0), and J = ∂x̂_0/∂x_t = √ᾱ/(1 − ᾱ) Cov[x_0 | x_t] is symmetric for an exact denoiser; a network
has the product of its own Jacobian (``vjp``). ζ is a knob: what it should be for the posterior to come out depends on
σ, on t and on the prior.

*Of pictures*: rows are pixels, A is a :class:`~genmodels.inverse.measurement.Mask`, the denoiser is a network, and
the space is that in which it was trained (its ``from_data`` and ``to_data``).

*Exact*: if the prior is a mixture (:mod:`genmodels.mixture`), p(x_0 | y) is one (:mod:`.exact`), and so is its noised
p(x_t | y): its denoiser has a closed form (:func:`posterior_denoiser`), and

    ∇ log p(y | x_t) = ∇ log p(x_t | y) − ∇ log p(x_t)        (:func:`exact_guidance`)

Sources: Song et al. (2021), arXiv:2011.13456, appendix I (replacement); Lugmayr et al. (2022), *RePaint*,
arXiv:2201.09865; Chung et al. (2023), *Diffusion posterior sampling*, arXiv:2209.14687, algorithm 1. Rows are points
in the units of the standardised data; numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_choice, check_data, check_number, check_whole
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.sampler import Denoiser, coefficients, convert, ddim_step
from genmodels.diffusion.schedules import Schedule, check_steps
from genmodels.inverse.exact import condition
from genmodels.inverse.measurement import Measurement
from genmodels.states import last, still

METHODS = ("replacement", "dps", "exact")
NUDGE = 1e-4  # of a directional difference, where the denoiser has no closed form


@dataclass(frozen=True)
class GuidedConfig:
    """How to go from noise to data that fit y.

    Args:
        method: ``"replacement"``, ``"dps"`` or ``"exact"``.
        n_steps: Of the schedule's steps, 1 … T.
        eta: η, 0 (DDIM) … 1 (ancestral).
        strength: ζ of DPS, 0 or more; 0 ignores y. The others pass it over.
        normalised: Whether DPS divides ζ by |y − A x̂_0|, as its authors do for images.
        repeats: How often replacement makes each step, 1 or more; above 1 it is RePaint.

    Raises:
        ValueError: A value is out of range.
    """

    method: str = "dps"
    n_steps: int = 100
    eta: float = 1.0
    strength: float = 1.0
    normalised: bool = False
    repeats: int = 1

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_steps("n_steps", self.n_steps, 1, 1000)
        check_number("eta", self.eta, at_least=0)
        if self.eta > 1:
            raise ValueError(f"eta is {self.eta!r}; give a number from 0 to 1.")
        check_number("strength", self.strength, at_least=0)
        check_whole("repeats", self.repeats, at_least=1)


@dataclass(frozen=True, eq=False)
class GuidedState:
    """Samples on their way from noise to data that fit y.

    Attributes:
        step: Steps taken, 0 … n.
        t: Time, from T down to 0, of the schedule given.
        alpha_bar: ᾱ_t.
        x_t: Where they are, ``(N, D)``.
        x0_hat: x̂_0, what the sampler's denoiser sees in x_t; at t = 0 x_t itself.
    """

    step: int
    t: int
    alpha_bar: float
    x_t: np.ndarray
    x0_hat: np.ndarray


def iterate_guided(
    denoiser: Denoiser,
    x_T: Any,
    schedule: Schedule,
    measurement: Measurement,
    y: Any,
    config: GuidedConfig | None = None,
    rng: np.random.Generator | None = None,
) -> Iterator[GuidedState]:
    """From noise to samples that fit y, or should.

    Args:
        denoiser: Of the prior, exact or learned; ``"exact"`` takes an
            :class:`~genmodels.diffusion.exact.ExactMixtureDenoiser`.
        x_T: Noise ``(N, D)``, standard normal.
        schedule: The one that the denoiser was made for, all of its steps.
        measurement: A and σ.
        y: ``(M,)``, the same for all, or one a row ``(N, M)`` (not for ``"exact"``).
        config: Which sampler; by default DPS.
        rng: Of the noise; needed unless η = 0 and nothing is repeated.

    Yields:
        x_T, then one state a step; the last is at t = 0.

    Raises:
        ValueError: Shapes do not fit, ``rng`` is missing, or the exact sampler has no mixture.
    """
    config = config or GuidedConfig()
    x = check_data(x_T)
    y = np.broadcast_to(np.asarray(y, dtype=np.float64), (len(x), measurement.n_measured))
    if rng is None and (config.eta > 0 or config.repeats > 1):
        raise ValueError("This configuration draws noise; pass a random generator as rng.")
    if config.method == "exact":
        if not isinstance(denoiser, ExactMixtureDenoiser) or np.ptp(y, axis=0).any():
            raise ValueError("Exact guidance is for one y, and a prior that is a mixture: an ExactMixtureDenoiser.")
        denoiser = posterior_denoiser(denoiser, measurement, y[0])
    chosen, first = schedule.choose(config.n_steps), x
    levels = chosen.alpha_bar.tolist()
    for step, index in enumerate(range(chosen.n_steps, 0, -1)):
        now, before = levels[index], levels[index - 1]
        x0_hat = convert(denoiser(x, now), denoiser.prediction, "x0", x, now)
        yield GuidedState(step, int(chosen.times[index]), now, still(x), still(x0_hat))
        for again in range(config.repeats if config.method == "replacement" else 1):
            if again and before < 1:
                alpha = now / before
                x = math.sqrt(alpha) * x + math.sqrt(1 - alpha) * _normal(x, rng)
                x0_hat = convert(denoiser(x, now), denoiser.prediction, "x0", x, now)
            elif again:
                break
            move = ddim_step(now, before, config.eta)
            stepped = move.x0_hat * x0_hat + move.eps_hat * convert(x0_hat, "x0", "eps", x, now)
            if move.sigma:
                stepped = stepped + move.sigma * _normal(x, rng)
            if config.method == "dps":
                stepped = stepped - _downhill(denoiser, x, now, x0_hat, measurement, y, config)
            elif config.method == "replacement":
                eps = first if config.eta == 0 and config.repeats == 1 else _normal(x, rng)
                noisy = math.sqrt(before) * y + math.sqrt(1 - before) * measurement.apply(eps)
                stepped = stepped + (noisy - measurement.apply(stepped)) @ measurement.pseudoinverse.T
            x = stepped
    yield GuidedState(chosen.n_steps, 0, 1.0, still(x), still(x))


def sample_guided(
    denoiser: Denoiser,
    x_T: Any,
    schedule: Schedule,
    measurement: Measurement,
    y: Any,
    config: GuidedConfig | None = None,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Samples ``(N, D)``: the x_t of the last state of :func:`iterate_guided`."""
    return last(iterate_guided(denoiser, x_T, schedule, measurement, y, config, rng)).x_t


def posterior_denoiser(prior: ExactMixtureDenoiser, measurement: Measurement, y: Any) -> ExactMixtureDenoiser:
    """E[x_0 | x_t, y]: the best possible denoiser of the posterior, which is a mixture as the prior is.

    Raises:
        ValueError: σ = 0, or shapes do not fit.
    """
    return ExactMixtureDenoiser(condition(prior.mixture, measurement, y).mixture(), prior.prediction)


def exact_guidance(prior: ExactMixtureDenoiser, measurement: Measurement, y: Any, x_t: Any, alpha_bar: float) -> Any:
    """∇ log p(y | x_t) with respect to x_t, ``(N, D)``; what must be added to the prior's score."""
    posterior = posterior_denoiser(prior, measurement, y)
    return posterior.score(x_t, alpha_bar) - prior.score(x_t, alpha_bar)


def misfit_gradient(
    denoiser: Denoiser, x_t: np.ndarray, alpha_bar: float, x0_hat: np.ndarray, measurement: Measurement, y: np.ndarray
) -> np.ndarray:
    """∇_{x_t} |y − A x̂_0(x_t)|², ``(N, D)``.

    With the closed form of J where the denoiser tells p(x_0 | x_t) (``transition``), or a network's own product
    (``vjp``); else J v is a difference along v, which is Jᵀ v only as far as J is symmetric, as that of an exact
    denoiser is.
    """
    v = measurement.adjoint(y - measurement.apply(x0_hat))  # (N, D)
    if hasattr(denoiser, "transition"):
        covariance = denoiser.transition(x_t, alpha_bar, 1.0).moments()[1]
        return -2 * math.sqrt(alpha_bar) / (1 - alpha_bar) * np.einsum("nde,ne->nd", covariance, v)
    if hasattr(denoiser, "vjp"):
        a, b = coefficients(denoiser.prediction, "x0", alpha_bar)  # x̂_0 = a x_t + b prediction
        return -2 * (a * v + b * denoiser.vjp(x_t, alpha_bar, v)[1])
    length = np.linalg.norm(v, axis=1, keepdims=True)
    along = NUDGE * v / np.where(length > 0, length, 1)
    ends = [
        convert(denoiser(x, alpha_bar), denoiser.prediction, "x0", x, alpha_bar) for x in (x_t + along, x_t - along)
    ]
    return -(ends[0] - ends[1]) * length / NUDGE


def _downhill(
    denoiser: Denoiser,
    x_t: np.ndarray,
    alpha_bar: float,
    x0_hat: np.ndarray,
    measurement: Measurement,
    y: np.ndarray,
    config: GuidedConfig,
) -> np.ndarray:
    """What DPS takes off, ``(N, D)``."""
    gradient = misfit_gradient(denoiser, x_t, alpha_bar, x0_hat, measurement, y)
    if not config.normalised:
        return config.strength * gradient
    missed = np.linalg.norm(y - measurement.apply(x0_hat), axis=1, keepdims=True)
    return config.strength * gradient / np.maximum(missed, 1e-12)


def _normal(x: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    assert rng is not None
    return rng.standard_normal(x.shape)
