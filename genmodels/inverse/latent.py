r"""A decoder's answer to a part of a picture: climb in z to where it explains the part best.

    log p(x_S, z) = log p(z) + Σ_{d∈S} log p(x_d | z),      z ~ N(0, I)

    Bernoulli    log p(x_d | z) = x_d a_d − log(1 + e^{a_d}),                  the picture is σ(a)
    Gaussian     log p(x_d | z) = −½ ((x_d − a_d)/σ_x)² − ½ log 2πσ_x²,        the picture is a

a(z) is the decoder's output; S are the pixels that are seen, and the others are in no sum. Each start climbs by
itself along ∇_z log p(x_S, z) = Jᵀ (∂ log p/∂a) − z. A step that would lead down is not taken, and the next one is
half as long; so log p(x_S, z) never falls.

*What this finds* are maxima of p(z | x_S) (maximum a posteriori, MAP), one for each start, not samples: how many of
the starts come to a maximum says nothing of how likely it is. With a linear decoder and Gaussian pixels there is one
maximum, and it is the posterior's mean, z = (WᵀW/σ_x² + I)⁻¹ Wᵀ (x − b)/σ_x² with the rows of S.

Source: Bora et al. (2017), *Compressed sensing using generative models*, arXiv:1703.03208 (their sum has |z|² with a
weight of its own). Rows are starts, logarithms natural; numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_data, check_number, check_whole
from genmodels.gaussian import LOG_2PI
from genmodels.nn.runtime import Forward, sigmoid
from genmodels.states import last, still

LONGER = 1.5  # a step after one that led up


@dataclass(frozen=True)
class ClimbConfig:
    """How to climb.

    Args:
        n_steps: 0 or more.
        rate: Length of the first step, in units of the gradient, above 0. Each start finds its own from there.
    """

    n_steps: int = 150
    rate: float = 0.01

    def __post_init__(self) -> None:
        check_whole("n_steps", self.n_steps, at_least=0)
        check_number("rate", self.rate, above=0)


@dataclass(frozen=True, eq=False)
class ClimbState:
    """N starts on their way up.

    Attributes:
        step: Steps tried, 0 … n.
        z: Where they are, ``(N, L)`` float64.
        pictures: E[x | z], ``(N, D)``.
        log_p: log p(x_S, z), ``(N,)``, nats; it never falls.
    """

    step: int
    z: np.ndarray
    pictures: np.ndarray
    log_p: np.ndarray


def iterate_climb(
    decoder: Forward, x: Any, seen: Any, z: Any, config: ClimbConfig | None = None, noise: float | None = None
) -> Iterator[ClimbState]:
    """From some z to the maxima above them.

    Args:
        decoder: From z ``(N, L)`` to logits (or, with ``noise``, means) ``(N, D)``.
        x: A picture ``(D,)``, of which only the seen pixels are looked at; 0 or 1 unless there is ``noise``.
        seen: S, ``(D,)`` booleans.
        z: Where to start, ``(N, L)``.
        config: How far.
        noise: σ_x of Gaussian pixels, above 0; None for Bernoulli ones.

    Yields:
        ``n_steps + 1`` states, the starts first.

    Raises:
        ValueError: Shapes do not fit.
    """
    config, z, x, seen = config or ClimbConfig(), check_data(z), np.asarray(x, dtype=np.float64), np.asarray(seen)
    if x.shape != (decoder.sizes[-1],) or seen.shape != x.shape or seen.dtype != bool:
        raise ValueError(f"Give a picture ({decoder.sizes[-1]},) and as many booleans; got {x.shape}, {seen.shape}.")
    if noise is not None:
        check_number("noise", noise, above=0)
    x = np.where(seen, x, 0.0)

    def slope_of(a: np.ndarray) -> np.ndarray:
        return np.where(seen, x - sigmoid(a) if noise is None else (x - a) / noise**2, 0)

    def look(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a, slope = decoder.pull(z, slope_of)
        log_p = x * a - np.logaddexp(0, a) if noise is None else -0.5 * (((x - a) / noise) ** 2 + _of(noise))
        prior = -0.5 * (np.square(z).sum(axis=1) + z.shape[1] * LOG_2PI)
        return a, (log_p * seen).sum(axis=1, dtype=np.float64) + prior, slope - z

    def state(step: int) -> ClimbState:
        return ClimbState(step, still(z), still(sigmoid(a) if noise is None else a), still(log_p))

    a, log_p, slope = look(z)
    rate = np.full((len(z), 1), float(config.rate))
    yield state(0)
    for step in range(1, config.n_steps + 1):
        there, found = z + rate * slope, look(z + rate * slope)
        up = found[1] >= log_p
        z, a, slope = (
            np.where(up[:, None], new, old)
            for new, old in zip((there, found[0], found[2]), (z, a, slope), strict=True)
        )
        log_p = np.where(up, found[1], log_p)
        rate = rate * np.where(up[:, None], LONGER, 0.5)
        yield state(step)


def climb(
    decoder: Forward, x: Any, seen: Any, z: Any, config: ClimbConfig | None = None, noise: float | None = None
) -> ClimbState:
    """Where the climbs end: the last state of :func:`iterate_climb`."""
    return last(iterate_climb(decoder, x, seen, z, config, noise))


def _of(noise: float) -> float:
    return LOG_2PI + 2 * float(np.log(noise))
