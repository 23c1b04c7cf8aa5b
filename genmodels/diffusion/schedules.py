r"""Noise schedules: how much of the data is left at each step of a diffusion.

    q(x_t | x_{t−1}) = N(√α_t x_{t−1}, β_t I),   β_t = 1 − α_t        one step forward, t = 1 … T
    q(x_t | x_0)     = N(√ᾱ_t x_0, (1 − ᾱ_t) I),   ᾱ_t = α_1 ⋯ α_t    all t steps at once

*Time*: t = 0 is the data (ᾱ_0 = 1), t = T is nearly noise (ᾱ_T ≈ 0). Data are standardised first, so that the
variance 1 is kept: this *variance-preserving* process is the only one here. ᾱ is all there is to a schedule; the rest
follows from it. (diffusers and most code count from 0: their timestep i is our t = i + 1.)

*Families*, all defined at T = 1,000:

    linear     β_t rises in equal steps from 0.0001 to 0.02                                    Ho et al. 2020
    cosine     ᾱ_t = f(t/T) / f(0), f(u) = cos²(π/2 · (u + s) / (1 + s)), s = 0.008,
               no β_t above 0.999                                                             Nichol & Dhariwal 2021
    sigmoid    ᾱ_t = (σ(e/τ) − σ((a + (e − a) u)/τ)) / (σ(e/τ) − σ(a/τ)), a = −3, e = 3       Jabri et al. 2023
    drawn      ᾱ by hand, a curve from u = 0 to u = 1; what rises is made to fall

*Fewer steps* (T < 1,000, or a sampler that skips) are never a formula of their own. Take ᾱ at some of the times; then

    β_t = 1 − ᾱ_t / ᾱ_s,     s the chosen time before t

makes the marginals q(x_t | x_0) at those times the same as before. (Stretching β instead leaves x_T far from noise,
or asks for β > 1.) Three *spacings* choose the times, as in diffusers (Lin et al. 2024, table 2): ``"trailing"`` from
T down in steps of T/n; ``"leading"`` from 1 up in steps of ⌊T/n⌋, which stops short of T; ``"linspace"`` with both
ends, 1 and T.

*Is x_T noise?* The variational bound's last term, E KL(q(x_T | x_0) ‖ N(0, I)), says so for any data:
:meth:`Schedule.prior_term`. For a Gaussian start KL(q(x_T) ‖ N(0, I)), which is less, has a closed form, too:
:meth:`Schedule.kl_to_noise`.

Sources: Sohl-Dickstein et al. (2015), arXiv:1503.03585; Ho, Jain & Abbeel (2020), *DDPM*, arXiv:2006.11239 (eqs. 2, 4
and 7; β: section 4); Nichol & Dhariwal (2021), arXiv:2102.09672 (cosine: eq. 17; fewer steps: eq. 19); Jabri, Fleet &
Chen (2023), arXiv:2212.11972 (sigmoid); Kingma et al. (2021), *Variational diffusion models*, arXiv:2107.00630 (SNR);
Lin et al. (2024), arXiv:2305.08891. Arithmetic is float64; this file needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genmodels.checks import check_choice, check_data

MAX_STEPS = 1000
SCHEDULES = ("linear", "cosine", "sigmoid")
SPACINGS = ("trailing", "leading", "linspace")
FLOOR = 1e-5  # least ᾱ of a drawn curve: at 0 nothing could tell x_0 any more
FALL = 1e-7  # least β of a drawn curve


@dataclass(frozen=True, eq=False)
class Schedule:
    """ᾱ at the times 0, 1, …, T, and what follows from it: read-only arrays ``(T + 1,)``, entry t for time t.

    Entry 0 is the data: α_0 = 1, β_0 = 0, SNR_0 = ∞.

    Args:
        alpha_bar: ᾱ, ``(T + 1,)``, T from 1 to 1,000: first 1, then falling, above 0.
        times: Where the entries stand in the schedule that they were chosen from, ``(T + 1,)`` whole numbers; by
            default 0 … T, a schedule of its own.

    Raises:
        ValueError: ᾱ does not start at 1, does not fall, or is not above 0.

    >>> Schedule([1, 0.5, 0.1]).beta.round(3).tolist()
    [0.0, 0.5, 0.8]
    """

    alpha_bar: np.ndarray
    times: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        alpha_bar = np.array(self.alpha_bar, dtype=np.float64)
        if alpha_bar.ndim != 1 or not 2 <= len(alpha_bar) <= MAX_STEPS + 1:
            raise ValueError(
                f"alpha_bar has the shape {alpha_bar.shape}; give T + 1 numbers, for t = 0 to T ≤ {MAX_STEPS}."
            )
        if not (alpha_bar[0] == 1 and (np.diff(alpha_bar) < 0).all() and alpha_bar[-1] > 0):
            raise ValueError(
                "alpha_bar must start at 1 and fall at each step, but stay above 0; drawn() mends a curve."
            )
        times = np.array(range(len(alpha_bar)) if self.times is None else self.times, dtype=np.int64)
        if times.shape != alpha_bar.shape or times[0] != 0 or not (np.diff(times) > 0).all():
            raise ValueError(f"times is {times}; give one rising whole number for each ᾱ, the first 0.")
        for name, array in (("alpha_bar", alpha_bar), ("times", times)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n_steps(self) -> int:
        """T, the number of steps."""
        return len(self.alpha_bar) - 1

    @cached_property
    def alpha(self) -> np.ndarray:
        """α_t = ᾱ_t / ᾱ_{t−1}: the share of the variance that a step keeps."""
        return _frozen(np.append(1.0, self.alpha_bar[1:] / self.alpha_bar[:-1]))

    @cached_property
    def beta(self) -> np.ndarray:
        """β_t = 1 − α_t: the variance of the noise that a step adds."""
        return _frozen(1 - self.alpha)

    @cached_property
    def signal(self) -> np.ndarray:
        """√ᾱ_t: what x_0 has been multiplied by."""
        return _frozen(np.sqrt(self.alpha_bar))

    @cached_property
    def noise(self) -> np.ndarray:
        """√(1 − ᾱ_t): standard deviation of all the noise so far."""
        return _frozen(np.sqrt(1 - self.alpha_bar))

    @cached_property
    def snr(self) -> np.ndarray:
        """ᾱ_t / (1 − ᾱ_t), the signal-to-noise ratio; ∞ at t = 0 (Kingma et al. 2021, eq. 2)."""
        with np.errstate(divide="ignore"):
            return _frozen(self.alpha_bar / (1 - self.alpha_bar))

    @cached_property
    def log_snr(self) -> np.ndarray:
        """log SNR_t, nats; ∞ at t = 0."""
        return _frozen(np.log(self.snr))

    @cached_property
    def posterior_variance(self) -> np.ndarray:
        """β̃_t = (1 − ᾱ_{t−1}) / (1 − ᾱ_t) β_t, of q(x_{t−1} | x_t, x_0); 0 at t = 0 and 1 (Ho et al. 2020, eq. 7)."""
        before, now = 1 - self.alpha_bar[:-1], 1 - self.alpha_bar[1:]
        return _frozen(np.append(0.0, before / now * self.beta[1:]))

    def choose(self, n_steps: int, spacing: str = "trailing") -> Schedule:
        """The same process in fewer steps: ᾱ at n of the times, β_t = 1 − ᾱ_t / ᾱ_s.

        Args:
            n_steps: n, from 1 to T.
            spacing: One of :data:`SPACINGS`.

        >>> linear().choose(5).times.tolist(), linear().choose(5, "leading").times.tolist()
        ([0, 200, 400, 600, 800, 1000], [0, 1, 201, 401, 601, 801])
        """
        chosen = spaced(self.n_steps, n_steps, spacing)
        return Schedule(self.alpha_bar[chosen], self.times[chosen])

    def until(self, t: int) -> Schedule:
        """The first t steps, from 1 to T: those that lead back from an x_t to the data.

        >>> linear().until(300).choose(3).times.tolist()
        [0, 100, 200, 300]
        """
        check_steps("t", t, 1, self.n_steps)
        return Schedule(self.alpha_bar[: t + 1], self.times[: t + 1])

    def prior_term(self, x_0: Any) -> np.ndarray:
        """E KL(q(x_t | x_0) ‖ N(0, I)) in nats, the mean over the data, for every t, ``(T + 1,)``; ∞ at t = 0.

            KL(N(√ᾱ x_0, (1 − ᾱ) I) ‖ N(0, I)) = −½ D log(1 − ᾱ) + ½ ᾱ (|x_0|² − D)

        At t = T it is the bound's part that no training lowers (Ho et al. 2020, eq. 5: L_T). As KL is convex, it is
        no less than KL(q(x_t) ‖ N(0, I)), whatever the data; the difference is the information of x_t about x_0.

        Args:
            x_0: Data ``(N, D)``, standardised.

        >>> linear().prior_term([[1.0], [-1.0]])[-1].round(7)
        np.float64(2.02e-05)
        """
        x_0 = check_data(x_0)
        d = x_0.shape[1]
        with np.errstate(divide="ignore"):
            width = -d * np.log1p(-self.alpha_bar)
        return 0.5 * (width + self.alpha_bar * (np.square(x_0).sum(axis=1).mean() - d))

    def kl_to_noise(self, mean: Any = 0.0, covariance: Any = 1.0) -> np.ndarray:
        """KL(q(x_t) ‖ N(0, I)) in nats if x_0 ~ N(m, S), for every t, ``(T + 1,)``.

            KL = ½ Σ_i (ᾱ (s_i − 1) − log(1 + ᾱ (s_i − 1))) + ½ ᾱ |m|²,     s_i the eigenvalues of S

        Args:
            mean: m, ``(D,)``, or a number for D = 1; in units of the standardised data.
            covariance: S, ``(D, D)``, positive semi-definite, or a number.

        Raises:
            ValueError: The shapes do not fit, a number is not finite, or S is not a covariance.

        >>> linear().kl_to_noise(1.0)[[0, -1]].round(5).tolist()
        [0.5, 2e-05]
        """
        m, s = np.atleast_1d(np.asarray(mean, float)), np.atleast_2d(np.asarray(covariance, float))
        if m.ndim != 1 or s.shape != (len(m), len(m)) or not (np.isfinite(m).all() and np.isfinite(s).all()):
            raise ValueError(f"Give a finite mean (D,) and covariance (D, D); the shapes are {m.shape}, {s.shape}.")
        eigenvalues = np.linalg.eigvalsh(s)
        if not np.allclose(s, s.T) or eigenvalues[0] < -1e-9 * max(1.0, eigenvalues[-1]):
            raise ValueError("The covariance is not symmetric positive semi-definite; no Gaussian has it.")
        extra = np.multiply.outer(self.alpha_bar, np.maximum(eigenvalues, 0) - 1)  # (T + 1, D)
        with np.errstate(divide="ignore"):
            return 0.5 * ((extra - np.log1p(extra)).sum(axis=1) + self.alpha_bar * (m @ m))


def spaced(total: int, n_steps: int, spacing: str = "trailing") -> np.ndarray:
    """Times 0, t_1 < … < t_n ≤ total, ``(n + 1,)`` int64, spaced as by diffusers (but counted from 1, 0 put first).

    Args:
        total: T, the steps there are.
        n_steps: n, from 1 to T.
        spacing: One of :data:`SPACINGS`.

    Raises:
        ValueError: n is out of range, or the spacing is unknown.

    >>> spaced(10, 4).tolist(), spaced(10, 4, "leading").tolist(), spaced(10, 4, "linspace").tolist()
    ([0, 2, 5, 8, 10], [0, 1, 3, 5, 7], [0, 1, 4, 7, 10])
    """
    check_steps("n_steps", n_steps, 1, total)
    check_choice("spacing", spacing, SPACINGS)
    if spacing == "trailing":
        times = np.round(total - np.arange(n_steps) * (total / n_steps))[::-1]
    elif spacing == "leading":
        times = 1 + np.arange(n_steps) * (total // n_steps)
    else:
        times = 1 + np.round(np.linspace(0, total - 1, n_steps))
    return np.append(0, times.astype(np.int64))


# --- Families -----------------------------------------------------------------------------------------------


def linear(n_steps: int = MAX_STEPS, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """β_t in equal steps from ``first`` to ``last`` over 1,000 (Ho et al. 2020, section 4), T of them chosen.

    >>> linear().beta[[1, 1000]].round(6).tolist(), linear(20).n_steps, float(linear(20).alpha_bar[-1].round(6))
    ([0.0001, 0.02], 20, 4e-05)
    """
    if not 0 < first <= last < 1:
        raise ValueError(f"β runs from {first!r} to {last!r}; give 0 < first ≤ last < 1.")
    return _from(np.cumprod(1 - np.linspace(first, last, MAX_STEPS)), n_steps)


def cosine(n_steps: int = MAX_STEPS, offset: float = 0.008, most: float = 0.999) -> Schedule:
    """ᾱ = f(u) / f(0), f(u) = cos²(π/2 · (u + s)/(1 + s)), no β above ``most`` (Nichol & Dhariwal 2021, eq. 17)."""
    if not (0 <= offset < 1 and 0 < most < 1):
        raise ValueError(f"offset is {offset!r} and most {most!r}; give 0 ≤ offset < 1 and 0 < most < 1.")
    u = np.arange(MAX_STEPS + 1) / MAX_STEPS
    f = np.cos(np.pi / 2 * (u + offset) / (1 + offset)) ** 2
    return _from(np.cumprod(1 - np.minimum(1 - f[1:] / f[:-1], most)), n_steps)


def sigmoid(n_steps: int = MAX_STEPS, start: float = -3.0, end: float = 3.0, temperature: float = 1.0) -> Schedule:
    """ᾱ falls from 1 along a logistic curve between ``start`` and ``end`` (Jabri et al. 2023), down to 1e-9.

    Args:
        n_steps: T.
        start: Where on the logistic curve t = 0 lies.
        end: Where t = 1,000 lies, above ``start``.
        temperature: τ, above 0; a high one makes the curve a straight line.
    """
    if not (np.isfinite([start, end]).all() and start < end and 0 < temperature < np.inf):
        raise ValueError(f"start, end, temperature are {start!r}, {end!r}, {temperature!r}; give start < end, τ > 0.")
    u = np.arange(MAX_STEPS + 1) / MAX_STEPS
    curve = 1 / (1 + np.exp(-(start + (end - start) * u) / temperature))
    fallen = (curve[-1] - curve) / (curve[-1] - curve[0])
    return _from(np.maximum(fallen[1:], 1e-9), n_steps)


def drawn(values: Sequence[float], n_steps: int = MAX_STEPS) -> Schedule:
    """A curve drawn by hand: ᾱ at evenly spaced times from 0 to T, with straight lines between.

    Mended so that it is a schedule: held within 1e-5 … 1; where it rises it stays (nothing brings the data back);
    where it stays it falls by a trifle; and it starts at 1.

    Args:
        values: ᾱ at u = 0, 1/(M − 1), …, 1, M ≥ 2 of them; the first is taken to be 1.
        n_steps: T.

    Raises:
        ValueError: Fewer than two values, one is not finite, or the curve does not end below 1 and its start.

    >>> drawn([1.0, 0.5, 0.7, 0.2, 0.1], 4).alpha_bar.round(3).tolist()
    [1.0, 0.5, 0.5, 0.2, 0.1]
    """
    curve = np.array(values, dtype=np.float64)
    if curve.ndim != 1 or len(curve) < 2 or not np.isfinite(curve).all():
        raise ValueError("A drawn ᾱ needs two finite values or more, from the data (1) to the noise (near 0).")
    if not curve[-1] < min(1.0, curve[0]):
        raise ValueError(
            "The drawn ᾱ does not fall: draw it from 1 at the left (data) down to near 0 at the right (noise)."
        )
    curve = np.minimum.accumulate(np.clip(np.append(1.0, curve[1:]), FLOOR, 1))
    u = np.arange(1, MAX_STEPS + 1) / MAX_STEPS
    alpha_bar = np.interp(u, np.linspace(0, 1, len(curve)), curve)
    return _from(alpha_bar * (1 - FALL) ** np.arange(1, MAX_STEPS + 1), n_steps)


def get_schedule(name: str | Sequence[float], n_steps: int = MAX_STEPS) -> Schedule:
    """A schedule by its name in :data:`SCHEDULES`, or from values drawn by hand (:func:`drawn`).

    Args:
        name: The name, or the values.
        n_steps: T, from 2 to 1,000: that many of the 1,000 times, trailing.

    Raises:
        ValueError: The name is unknown, the values make no schedule, or T is out of range.
    """
    if not isinstance(name, str):
        return drawn(name, n_steps)
    if name not in SCHEDULES:
        raise ValueError(f"Unknown schedule {name!r}; choose one of {', '.join(SCHEDULES)}, or give ᾱ as numbers.")
    return {"linear": linear, "cosine": cosine, "sigmoid": sigmoid}[name](n_steps)


def _from(alpha_bar: np.ndarray, n_steps: int) -> Schedule:
    """T of the times of ᾱ at 1 … 1,000: a schedule of its own, its times 0 … T."""
    check_steps("n_steps", n_steps, 2, MAX_STEPS)
    return Schedule(np.append(1.0, alpha_bar)[spaced(MAX_STEPS, n_steps)])


def check_steps(name: str, value: Any, least: int, most: int) -> None:
    """Raise a ValueError unless the value is a whole number between the two."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}; give a whole number from {least} to {most}.")


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
