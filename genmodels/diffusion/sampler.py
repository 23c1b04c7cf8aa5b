r"""Diffusion: data become noise in small steps, and noise becomes data again.

    x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε,   ε ~ N(0, I)        forward, at once; for ᾱ see :mod:`.schedules`

*Forward* nothing is learned. *Backward* one thing is: a **denoiser**, which sees x_t and says what is in it. Three
*predictions* are the same knowledge, since x_t is known:

    ε      the noise in it                          "eps"
    x_0    the data in it                           "x0"
    v      √ᾱ_t ε − √(1 − ᾱ_t) x_0                  "v"

and so is the *score* ∇ log p_t(x_t) = −ε / √(1 − ᾱ_t). The best possible answers are the means E[ε | x_t],
E[x_0 | x_t], E[v | x_t]; :mod:`.denoisers` has some in closed form, and the learned one. With s = √ᾱ_t and
n = √(1 − ᾱ_t) (s² + n² = 1),

    x_0 = (x_t − n ε)/s = s x_t − n v,   ε = (x_t − s x_0)/n = n x_t + s v,   v = (ε − n x_t)/s = (s x_t − x_0)/n

so that ε says nothing of x_0 at ᾱ = 0, and x_0 nothing of ε at ᾱ = 1, where the conversions divide by 0. Near those
ends they magnify errors: a network that predicts ε, at the cosine schedule's ᾱ_T = 2·10⁻⁹, errs 20,000 times as much
in x_0. Predict v there, or bound x̂_0 (``clip``).

*A sampler* goes from t to an earlier s, not always t − 1 (α = ᾱ_t/ᾱ_s, β = 1 − α, β̃ = β (1 − ᾱ_s)/(1 − ᾱ_t)):

    ddpm   x_s ~ N(√ᾱ_s β/(1 − ᾱ_t) x̂_0 + √α (1 − ᾱ_s)/(1 − ᾱ_t) x_t, σ² I)    σ² = β̃ ("small") or β ("large")
    ddim   x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ + σ z,   σ² = η² β̃,  z ~ N(0, I)    η = 1 is ddpm ("small")
    ode    dx/dφ = v(x, φ),   √ᾱ = cos φ, √(1 − ᾱ) = sin φ,   by the classical Runge–Kutta method (RK4)

The last is the *probability-flow ODE*, which has the same marginals p_t as the noisy process; ddim with η = 0 is a
first-order method for it. Its step to t = 0 is by Ralston's method of third order, which asks nothing at ᾱ = 1, where
no network has been. The other samplers' step to t = 0 adds no noise: x_0 = x̂_0.

*Likelihood* (:func:`log_likelihood`). Along the ODE d log p/dφ = −div v: log p(x_0) = log N(x_T; 0, I) + ∫ div v dφ.

*Guidance* by a class y is classifier-free: ε̂ = ε̂(x_t) + w (ε̂(x_t, y) − ε̂(x_t)). **w = 1 is plain conditional
sampling**, 0 ignores y, above 1 exaggerates (Ho & Salimans write 1 + w for our w). It does not sample p(x) p(y|x)^w.

*Arrays* are numpy or torch, whichever x_T is; this file never imports torch. Rows are points, in the units of the
standardised data; logarithms natural.

Sources: Ho, Jain & Abbeel (2020), *DDPM*, arXiv:2006.11239; Song, Meng & Ermon (2021), *DDIM*, arXiv:2010.02502;
Song et al. (2021), *Score-based generative modeling*, arXiv:2011.13456 (ODE: eq. 13, likelihood: eq. 39); Salimans &
Ho (2022), arXiv:2202.00512 (v and φ: appendix D); Ho & Salimans (2022), arXiv:2207.12598 (guidance: eq. 6).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from genmodels.checks import check_choice
from genmodels.diffusion.schedules import SPACINGS, Schedule, check_steps
from genmodels.states import last

PREDICTIONS = ("eps", "x0", "v")
SAMPLERS = ("ddpm", "ddim", "ode")
VARIANCES = ("small", "large")
MOST_DIMENSIONS = 16  # in which a divergence is taken by differences


class Denoiser(Protocol):
    """What says how much of x_t is noise. It is told how noisy x_t is, ᾱ, not which step this is.

    Its ``prediction`` is ``"eps"``, ``"x0"`` or ``"v"``. A denoiser may also have ``divergence(x_t, alpha_bar, y)``,
    which returns the prediction ``(N, D)`` and the trace of its Jacobian ∂prediction/∂x_t ``(N,)``;
    :func:`log_likelihood` takes differences if it has not. And it may have ``vjp(x_t, alpha_bar, v, y)``, which
    returns the prediction and vᵀ ∂prediction/∂x_t, both ``(N, D)``; :mod:`genmodels.inverse.guidance` asks for it.
    """

    @property
    def prediction(self) -> str:
        """What it says."""
        ...

    def __call__(self, x_t: Any, alpha_bar: float, y: Any = None) -> Any:
        """The prediction, as x_t ``(N, …)``, for ᾱ in 0 … 1; ``y`` holds one class a row, None means of any class."""


# --- Forward ------------------------------------------------------------------------------------------------


def q_sample(x_0: Any, t: Any, schedule: Schedule, eps: Any) -> Any:
    """x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε: t steps at once (Ho et al. 2020, eq. 4).

    Args:
        x_0: Data ``(N, …)``.
        t: One time 0 … T, or one a row ``(N,)``.
        schedule: ᾱ.
        eps: ε, standard normal, as x_0.

    >>> from genmodels.diffusion.schedules import linear
    >>> q_sample(np.ones((1, 1)), 500, linear(), np.zeros((1, 1))).round(3)
    array([[0.28]])
    """
    t = _check_times(t, 0, schedule)
    return _by_row(schedule.signal[t], x_0) * x_0 + _by_row(schedule.noise[t], x_0) * eps


def posterior(x_t: Any, x_0: Any, t: Any, schedule: Schedule) -> tuple[Any, Any]:
    """q(x_{t−1} | x_t, x_0), a Gaussian: its mean, as x_t, and its variance, a number or one a row (eqs. 6 and 7).

    Args:
        x_t: Points at time t, ``(N, …)``.
        x_0: Where each came from (or is thought to).
        t: One time 1 … T, or one a row ``(N,)``.
        schedule: Of the steps; for longer ones give ``schedule.choose(…)``.
    """
    t = _check_times(t, 1, schedule)
    alpha_bar, before, beta = schedule.alpha_bar[t], schedule.alpha_bar[t - 1], schedule.beta[t]
    from_0 = np.sqrt(before) * beta / (1 - alpha_bar)
    from_t = np.sqrt(schedule.alpha[t]) * (1 - before) / (1 - alpha_bar)
    variance = schedule.posterior_variance[t]
    return _by_row(from_0, x_t) * x_0 + _by_row(from_t, x_t) * x_t, variance if np.ndim(t) else float(variance)


@dataclass(frozen=True, eq=False)
class ForwardState:
    """Particles after ``step`` steps of noise.

    Attributes:
        step: t.
        alpha_bar: ᾱ_t.
        x_t: Where they are, ``(N, …)``.
        z: What the last step drew, standard normal; zeros at the start. (Not ε, which is all the noise so far.)
    """

    step: int
    alpha_bar: float
    x_t: np.ndarray
    z: np.ndarray


def iterate_forward(x_0: np.ndarray, schedule: Schedule, rng: np.random.Generator) -> Iterator[ForwardState]:
    """Add noise step by step: x_t = √α_t x_{t−1} + √β_t z (Ho et al. 2020, eq. 2).

    Args:
        x_0: Data ``(N, …)``, standardised.
        schedule: α.
        rng: Of the noise.

    Yields:
        x_0, then T states.
    """
    x = np.array(x_0, dtype=np.float64)
    yield ForwardState(0, 1.0, _read_only(x), _read_only(np.zeros_like(x)))
    for t in range(1, schedule.n_steps + 1):
        z = rng.standard_normal(x.shape)
        x = math.sqrt(schedule.alpha[t]) * x + math.sqrt(schedule.beta[t]) * z
        yield ForwardState(t, float(schedule.alpha_bar[t]), _read_only(x), _read_only(z))


# --- Three predictions, one knowledge -----------------------------------------------------------------------


def coefficients(source: str, target: str, alpha_bar: float) -> tuple[float, float]:
    """The numbers a, b with target = a x_t + b source, at this ᾱ.

    Args:
        source: ``"eps"``, ``"x0"`` or ``"v"``.
        target: One of the same, or ``"score"``.
        alpha_bar: ᾱ, 0 … 1.

    Raises:
        ValueError: A name is unknown, or the conversion divides by 0 at this ᾱ.

    >>> coefficients("v", "eps", 0.0)
    (1.0, 0.0)
    """
    if source not in PREDICTIONS or target not in (*PREDICTIONS, "score"):
        raise ValueError(
            f"From {source!r} to {target!r} is unknown; choose from {', '.join(PREDICTIONS)} (to: score)."
        )
    s, n = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if target == "score":
        if n == 0:
            raise ValueError("At ᾱ = 1 no noise is left, and ε says nothing of the score; take a time above 0.")
        a, b = coefficients(source, "eps", alpha_bar)
        return -a / n, -b / n
    if source == target:
        return 0.0, 1.0
    divisor = {"eps": s, "x0": n, "v": 1.0}[source]
    if divisor == 0:
        raise ValueError(
            "At ᾱ = 0 the noise says nothing of the data; take an earlier time, or predict v."
            if source == "eps"
            else "At ᾱ = 1 the data say nothing of the noise; take a time above 0."
        )
    return {
        ("eps", "x0"): lambda: (1 / s, -n / s),
        ("eps", "v"): lambda: (-n / s, 1 / s),
        ("x0", "eps"): lambda: (1 / n, -s / n),
        ("x0", "v"): lambda: (s / n, -1 / n),
        ("v", "x0"): lambda: (s, -n),
        ("v", "eps"): lambda: (n, s),
    }[source, target]()


def check_prediction(prediction: str) -> str:
    """Return it, or raise a ValueError that names the ones that are known."""
    check_choice("prediction", prediction, PREDICTIONS)
    return prediction


def convert(value: Any, source: str, target: str, x_t: Any, alpha_bar: float) -> Any:
    """One prediction as another, or as the score; arguments as for :func:`coefficients`.

    Args:
        value: What was predicted, as x_t.
        source: What that is.
        target: What it shall become.
        x_t: What it was predicted from, ``(N, …)``.
        alpha_bar: ᾱ of x_t.
    """
    a, b = coefficients(source, target, alpha_bar)
    return value if a == 0 and b == 1 else a * x_t + b * value


# --- Backward -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReverseConfig:
    """How to go from noise to data.

    Args:
        sampler: ``"ddpm"``, ``"ddim"`` or ``"ode"``.
        n_steps: How many of the schedule's steps to take, 1 … T; None takes them all. A step asks the denoiser once;
            of the ODE, four times (the last, three).
        spacing: Which times those are, see :mod:`.schedules`; a sample goes from each to the one before, and
            from the first to 0. (diffusers' DDIM goes ⌊T/n⌋ back from each, wherever that is.)
        eta: η of ddim, 0 … 1: 0 adds no noise, 1 is ddpm with ``"small"``. The others pass it over.
        variance: Of ddpm, ``"small"`` (right if the data are a point) or ``"large"`` (right if they are N(0, I)).
        guidance: w, any finite number: ε̂(x_t) + w (ε̂(x_t, y) − ε̂(x_t)); 1 is plain conditional. Without y it is
            passed over; unless it is 0 or 1 the denoiser is asked twice.
        clip: Hold x̂_0 within ± this, above 0, at each step (then ε̂ = (x_t − √ᾱ x̂_0)/√(1 − ᾱ)); None does not.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    sampler: str = "ddpm"
    n_steps: int | None = None
    spacing: str = "trailing"
    eta: float = 0.0
    variance: str = "small"
    guidance: float = 1.0
    clip: float | None = None

    def __post_init__(self) -> None:
        for name, known in (("sampler", SAMPLERS), ("spacing", SPACINGS), ("variance", VARIANCES)):
            check_choice(name, getattr(self, name), known)
        if self.n_steps is not None:
            check_steps("n_steps", self.n_steps, 1, 1000)
        if not (isinstance(self.eta, int | float) and 0 <= self.eta <= 1):
            raise ValueError(f"eta is {self.eta!r}; give a number from 0 to 1.")
        if not (isinstance(self.guidance, int | float) and math.isfinite(self.guidance)):
            raise ValueError(f"guidance is {self.guidance!r}; give a finite number, such as 1.")
        if self.clip is not None and not (isinstance(self.clip, int | float) and 0 < self.clip < math.inf):
            raise ValueError(f"clip is {self.clip!r}; give a finite number above 0, or None.")

    def steps_of(self, schedule: Schedule) -> Schedule:
        """The steps to take of a schedule."""
        return schedule if self.n_steps is None else schedule.choose(self.n_steps, self.spacing)


class Step(NamedTuple):
    """x_s = ``x_t`` · x_t + ``x0_hat`` · x̂_0 + ``eps_hat`` · ε̂ + ``sigma`` · z, z ~ N(0, I)."""

    x_t: float
    x0_hat: float
    eps_hat: float
    sigma: float


def ddpm_step(alpha_bar: float, before: float, variance: str = "small") -> Step:
    """From ᾱ_t to the larger ᾱ_s: the posterior q(x_s | x_t, x̂_0) (Ho et al. 2020, eqs. 6 and 7; σ²: section 3.2).

    Args:
        alpha_bar: ᾱ_t.
        before: ᾱ_s; 1 is the last step, which adds no noise.
        variance: ``"small"`` or ``"large"``.
    """
    alpha = alpha_bar / before
    beta = 1 - alpha
    from_0 = math.sqrt(before) * beta / (1 - alpha_bar)
    from_t = math.sqrt(alpha) * (1 - before) / (1 - alpha_bar)
    small = beta * (1 - before) / (1 - alpha_bar)
    return Step(from_t, from_0, 0.0, math.sqrt(beta if variance == "large" and before < 1 else small))


def ddim_step(alpha_bar: float, before: float, eta: float = 0.0) -> Step:
    """From ᾱ_t to the larger ᾱ_s (Song, Meng & Ermon 2021, eqs. 12 and 16); arguments as for :func:`ddpm_step`."""
    small = (1 - alpha_bar / before) * (1 - before) / (1 - alpha_bar)
    sigma = eta * math.sqrt(small)
    return Step(0.0, math.sqrt(before), math.sqrt(max(0.0, 1 - before - sigma**2)), sigma)


@dataclass(frozen=True, eq=False)
class ReverseState:
    """Samples on their way from noise to data.

    Attributes:
        step: Steps taken, 0 … n.
        t: Time, from T down to 0, of the schedule given.
        alpha_bar: ᾱ_t.
        x_t: Where they are, ``(N, …)``; at t = 0 they are samples.
        said: What the denoiser says of x_t, guidance included; None at t = 0, where it is not asked.
        prediction: What that is.
        clip: Within what x̂_0 is held.
    """

    step: int
    t: int
    alpha_bar: float
    x_t: Any
    said: Any
    prediction: str
    clip: float | None

    @cached_property
    def x0_hat(self) -> Any:
        """x̂_0, the data that the denoiser sees in x_t, as x_t; at t = 0 x_0 itself."""
        if self.said is None:
            return self.x_t
        x0_hat = convert(self.said, self.prediction, "x0", self.x_t, self.alpha_bar)
        return x0_hat if self.clip is None else x0_hat.clip(-self.clip, self.clip)

    @cached_property
    def eps_hat(self) -> Any:
        """ε̂, the noise that the denoiser sees in x_t, as x_t; at t = 0 none."""
        if self.said is None:
            return 0 * self.x_t
        if self.clip is None:
            return convert(self.said, self.prediction, "eps", self.x_t, self.alpha_bar)
        return convert(self.x0_hat, "x0", "eps", self.x_t, self.alpha_bar)

    @property
    def score(self) -> Any:
        """−ε̂ / √(1 − ᾱ_t), as x_t; not at t = 0."""
        return convert(self.eps_hat, "eps", "score", self.x_t, self.alpha_bar)


def iterate_reverse(
    denoiser: Denoiser,
    x_T: Any,
    schedule: Schedule,
    config: ReverseConfig | None = None,
    rng: Any = None,
    y: Any = None,
) -> Iterator[ReverseState]:
    """From noise to data.

    Args:
        denoiser: Exact or learned.
        x_T: Noise ``(N, …)``, float, numpy or torch (then on the denoiser's device): standard normal.
        schedule: The one that the denoiser was made for, all of its steps; or, to start from points x_t in the middle
            (SDEdit: Meng et al. 2022, arXiv:2108.01073), ``schedule.until(t)``.
        config: Which sampler, and how many of the steps; by default ddpm, all.
        rng: Of the noise: a ``numpy.random.Generator`` (the same numbers on every device), or for tensors a
            ``torch.Generator`` on their device. Needed only if the sampler draws: not by ddim with η = 0 or the ODE.
        y: The classes asked for, ``(N,)``, if the denoiser knows classes.

    Yields:
        x_T, then one state a step; the last is at t = 0. States are never changed later.

    Raises:
        ValueError: x_T is no finite array, ``rng`` is missing, or the schedule has fewer steps than asked for.
    """
    config = config or ReverseConfig()
    chosen = config.steps_of(schedule)
    x = _check_points(x_T)
    plan = _plan(denoiser.prediction, chosen, config)
    if rng is None and any(move[2] for move in plan):
        raise ValueError(f"{config.sampler} with this configuration draws noise; pass a random generator as rng.")
    ask = _guided(denoiser, y, config.guidance)
    for step, (keep, take, sigma) in enumerate(plan):
        index = chosen.n_steps - step
        now, before = float(chosen.alpha_bar[index]), float(chosen.alpha_bar[index - 1])
        said = ask(x, now)
        state = ReverseState(step, int(chosen.times[index]), now, x, said, denoiser.prediction, config.clip)
        yield state
        if config.sampler == "ode":
            x = _solve(RALSTON if before == 1 else RK4, denoiser.prediction, ask, x, said, now, before)
        else:
            x = keep * x + take * (said if config.clip is None else state.x0_hat)
        if sigma:
            x += sigma * _normal(x, rng)
        x = _read_only(x)
    yield ReverseState(len(plan), 0, 1.0, x, None, denoiser.prediction, config.clip)


def sample_reverse(
    denoiser: Denoiser,
    x_T: Any,
    schedule: Schedule,
    config: ReverseConfig | None = None,
    rng: Any = None,
    y: Any = None,
) -> Any:
    """Samples, as x_T: the x_t of the last state of :func:`iterate_reverse`."""
    return last(iterate_reverse(denoiser, x_T, schedule, config, rng, y)).x_t


def _plan(prediction: str, chosen: Schedule, config: ReverseConfig) -> list[tuple[float, float, float]]:
    """For each step the numbers in x_s = keep · x_t + take · said + σ z: two products, whatever is predicted.

    With ``clip``, ``take`` is for the clipped x̂_0 instead of what was said.
    """
    source, plan = prediction if config.clip is None else "x0", []
    for now, before in zip(chosen.alpha_bar[:0:-1].tolist(), chosen.alpha_bar[-2::-1].tolist(), strict=True):
        if config.sampler == "ddpm":
            move = ddpm_step(now, before, config.variance)
        else:
            move = ddim_step(now, before, config.eta if config.sampler == "ddim" else 0.0)
        (p, q), (r, u) = (coefficients(source, target, now) for target in ("x0", "eps"))
        keep = move.x_t + move.x0_hat * p + move.eps_hat * r
        plan.append((keep, move.x0_hat * q + move.eps_hat * u, move.sigma))
    return plan


def _guided(denoiser: Denoiser, y: Any, w: float) -> Any:
    """The denoiser with its guidance. What is predicted is affine in ε, so that ε's rule serves for all."""
    if y is None or w == 0:
        return lambda x, alpha_bar: denoiser(x, alpha_bar)
    if w == 1:
        return lambda x, alpha_bar: denoiser(x, alpha_bar, y)

    def ask(x: Any, alpha_bar: float) -> Any:
        anyone, asked = denoiser(x, alpha_bar), denoiser(x, alpha_bar, y)
        return anyone + w * (asked - anyone)

    return ask


# --- The ODE ------------------------------------------------------------------------------------------------


# Each stage but the first, where the step begins: how far along it lies (from the point that the stage before points
# to), and the weight of its slope; before these the weight of the first stage.
RK4 = (1 / 6, ((1 / 2, 1 / 3), (1 / 2, 1 / 3), (1, 1 / 6)))
RALSTON = (2 / 9, ((1 / 2, 1 / 3), (3 / 4, 4 / 9)))  # Ralston (1962), Math. of Computation 16(80): third order
Method = tuple[float, tuple[tuple[float, float], ...]]


def _stages(method: Method, now: float, after: float) -> tuple[float, list[tuple[float, float, float]]]:
    """The step h in φ between two ᾱ, and for each later stage: how far to go, ᾱ there, and its weight."""
    start, end = (math.atan2(math.sqrt(1 - a), math.sqrt(a)) for a in (now, after))
    h = end - start
    return h, [(h * c, after if c == 1 else math.cos(start + h * c) ** 2, weight) for c, weight in method[1]]


def _solve(method: Method, prediction: str, ask: Any, x: Any, said: Any, now: float, before: float) -> Any:
    """One step of the ODE from ᾱ_t to ᾱ_s; ``said`` is what the denoiser said of x."""
    h, stages = _stages(method, now, before)
    k = convert(said, prediction, "v", x, now)
    total = method[0] * k
    for length, alpha_bar, weight in stages:
        point = x + length * k
        k = convert(ask(point, alpha_bar), prediction, "v", point, alpha_bar)
        total = total + weight * k
    return x + h * total


def log_likelihood(
    denoiser: Denoiser, x_0: Any, schedule: Schedule, n_steps: int | None = None, y: Any = None
) -> Any:
    """log p(x_0) of what the denoiser generates by the ODE, nats, ``(N, D)`` to ``(N,)``.

        log p(x_0) = log N(x_T; 0, I) + ∫ div v dφ,   dx/dφ = v,   both by RK4 from t = 0 to T

    In the units of the standardised data; in raw ones subtract D log(scale). If the denoiser is exact, so is this, up
    to RK4's error (of fourth order; narrow modes need more steps) and to what x_T lacks of being N(0, I). It is not
    the likelihood of what ddpm generates.

    Args:
        denoiser: Its ``divergence`` is used if it has one; else the trace is by central differences, in at most 16
            dimensions.
        x_0: ``(N, D)``, numpy or torch.
        schedule: Its ᾱ_T should be near 0.
        n_steps: How many of its steps, trailing; None takes all. Each asks four times.
        y: Classes ``(N,)``: log p(x_0 | y).

    Source: Song et al. (2021), eq. 39.
    """
    chosen = schedule if n_steps is None else schedule.choose(n_steps)
    x, kind = _check_points(x_0), denoiser.prediction
    if x.ndim != 2:
        raise ValueError(f"x_0 has the shape {tuple(x.shape)}; give points (N, D), one a row.")
    total = 0 * x[:, 0]

    def ask(point: Any, alpha_bar: float) -> tuple[Any, Any]:
        if alpha_bar == 1 and kind == "x0":  # it divides by 0, but where there is a density, v is 0
            return 0 * point, 0 * point[:, 0]
        said, trace = _with_trace(denoiser, point, alpha_bar, y)
        a, b = coefficients(kind, "v", alpha_bar)
        return a * point + b * said, a * x.shape[1] + b * trace

    levels = chosen.alpha_bar.tolist()
    for now, after in pairwise(levels):
        h, stages = _stages(RK4, now, after)
        k, div = ask(x, now)
        step, change = RK4[0] * k, RK4[0] * div
        for length, alpha_bar, weight in stages:
            k, div = ask(x + length * k, alpha_bar)
            step, change = step + weight * k, change + weight * div
        x, total = x + h * step, total + h * change
    return total - 0.5 * (x**2).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)


def _with_trace(denoiser: Denoiser, x: Any, alpha_bar: float, y: Any) -> tuple[Any, Any]:
    """The prediction ``(N, D)``, and the trace of its Jacobian ``(N,)``."""
    if hasattr(denoiser, "divergence"):
        return denoiser.divergence(x, alpha_bar, y)
    if x.shape[1] > MOST_DIMENSIONS:
        raise ValueError(
            f"x_0 has {x.shape[1]} dimensions; a divergence by differences is for {MOST_DIMENSIONS} at most: give "
            "the denoiser a method `divergence`."
        )
    width, trace = 1e-3, 0 * x[:, 0]
    for d in range(x.shape[1]):
        shift = 0 * x
        shift[:, d] = width
        difference = denoiser(x + shift, alpha_bar, y) - denoiser(x - shift, alpha_bar, y)
        trace = trace + difference[:, d] / (2 * width)
    return denoiser(x, alpha_bar, y), trace


# --- Pieces -------------------------------------------------------------------------------------------------


def _check_times(t: Any, least: int, schedule: Schedule) -> Any:
    times = np.asarray(t)
    if times.dtype.kind not in "iu" or times.ndim > 1 or (times.size and not least <= times.min()):
        raise ValueError(f"t is {t!r}; give whole numbers from {least} to {schedule.n_steps}, one or one a row.")
    if times.size and times.max() > schedule.n_steps:
        raise ValueError(f"t is {t!r}; this schedule ends at T = {schedule.n_steps}.")
    return times if times.ndim else int(times)


def _by_row(values: Any, x: Any) -> Any:
    """A number, or one a row, in a shape (and of a kind) that multiplies the rows of x."""
    if np.ndim(values) == 0:
        return float(values)
    column = np.reshape(values, (-1, *[1] * (x.ndim - 1)))
    return x.new_tensor(column) if hasattr(x, "new_tensor") else column


def _check_points(x: Any) -> Any:
    """x as a float array (a tensor stays what it is), or a ValueError."""
    if not hasattr(x, "new_tensor"):
        x = np.asarray(x)
        x = _read_only(np.array(x, dtype=x.dtype if x.dtype.kind == "f" else np.float64))
    if x.ndim < 2 or not bool(abs(x).max() < math.inf if math.prod(x.shape) else True):
        raise ValueError(f"The points have the shape {tuple(x.shape)}; give finite numbers (N, D), one row a point.")
    return x


def _normal(x: Any, rng: Any) -> Any:
    """Standard normal numbers as x, on its device."""
    if not isinstance(rng, np.random.Generator):
        return x.new_empty(x.shape).normal_(generator=rng)
    single = str(x.dtype).endswith("float32")
    z = rng.standard_normal(tuple(x.shape), dtype=np.float32 if single else np.float64)
    return x.new_tensor(z) if hasattr(x, "new_tensor") else z


def _read_only(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x.setflags(write=False)
    return x
