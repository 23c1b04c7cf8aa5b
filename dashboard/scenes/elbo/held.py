r"""What the cues share in which a Gaussian q is held over an exact posterior: the model, two x, q, its climb.

    log p(x) = ELBO(q) + KL(q ‖ p(z | x))

The posterior, its picture and its best Gaussian are found once for each x; a drag moves q alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dashboard.scene import Ellipses, Field, Handle, Layer, drag
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice, placed
from genmodels.inference.ascent import AscentConfig, best_gaussian, iterate_posterior
from genmodels.inference.bounds import GaussianQ, elbo
from genmodels.inference.exact import Posterior, posterior
from genmodels.inference.models import FoldModel

XS = {"banana": (-0.3, -0.8), "lumps": (0.2, 0.5)}
TITLES = {"banana": "At the fold: a banana", "lumps": "Above the fold: two lumps"}
MODEL = FoldModel(0.3)
REACH, WINDOW = 2.6, (-3.0, 3.0)
NARROWEST, WIDEST = 0.05, 2.0
"""Standard deviations along q's axes."""
CELLS, STEPS, RATE = 72, 20, 0.05
ORDER, APART = 4, 0.75
"""log p(x, z) is a quartic: Gauss-Hermite quadrature has no error, the trapezoid rule one of 1e-10 nats."""
DIGITS = 4
C = TypeVar("C", bound="Held")


@dataclass(frozen=True)
class Held:
    """One of two x, and q: its mean, its deviations along two axes, and the first one's angle from z₁, degrees."""

    held_x: str = choice("x", "banana", TITLES)
    held_1: float = placed(0.6, -REACH, REACH)
    held_2: float = placed(0.0, -REACH, REACH)
    held_a: float = placed(0.6, NARROWEST, WIDEST)
    held_b: float = placed(0.3, NARROWEST, WIDEST)
    held_tilt: float = placed(60.0, -180.0, 180.0)

    @property
    def x(self) -> np.ndarray:
        """``(2,)``."""
        return np.array(XS[self.held_x])

    @property
    def mean(self) -> tuple[float, float]:
        """Of q."""
        return self.held_1, self.held_2

    def exact(self) -> Posterior:
        """p(z | x)."""
        return of_x(self.held_x)

    def q(self) -> GaussianQ:
        """As it is held."""
        return GaussianQ.from_axes(self.mean, (self.held_a, self.held_b), np.deg2rad(self.held_tilt))

    def ascent(self) -> AscentConfig:
        """How it climbs."""
        return AscentConfig(self.q(), rate=RATE, n_steps=STEPS, order=ORDER)


@lru_cache(maxsize=2)
def of_x(name: str) -> Posterior:
    """p(z | x) of one of the two x."""
    return posterior(MODEL, XS[name])


class Best(NamedTuple):
    """The nearest Gaussian, and its bound, nats."""

    q: GaussianQ
    elbo: float


@lru_cache(maxsize=2)
def best(name: str) -> Best:
    """The Gaussian with the highest bound."""
    exact = of_x(name)
    q = best_gaussian(exact, order=ORDER)
    return Best(q, elbo(MODEL, exact.x, q, ORDER).total)


def climb(config: Held) -> list[GaussianQ]:
    """Uphill from where q is held, the start first."""
    return [state.q for state in iterate_posterior(MODEL, config.x, config.ascent())]


# --- the plane of z -----------------------------------------------------------------------------------------


def plane_layers(config: Held, qs: list[GaussianQ]) -> tuple[Layer, ...]:
    """The exact posterior, and q over it."""
    values = field(config.held_x)
    return (
        Field(
            name="p(z | x)",
            key="p",
            values=values,
            extent=(*WINDOW, *WINDOW),
            limits=(0, float(values.max())),
            alpha=0.9,
        ),
        Ellipses(
            name="q, 1 and 2 σ",
            key="q",
            mean=np.stack([q.mean for q in qs])[:, None],
            covariance=np.stack([q.covariance for q in qs])[:, None],
            colour="model",
            width=3,
        ),
    )


@lru_cache(maxsize=2)
def field(name: str) -> np.ndarray:
    """p(z | x) at the cells' centres, rows along z₂, ``(CELLS, CELLS)``."""
    return np.exp(of_x(name).log_prob(cell_centres((*WINDOW, *WINDOW), CELLS))).reshape(CELLS, CELLS)


# --- the hand -----------------------------------------------------------------------------------------------


def handles(config: Held, qs: list[GaussianQ]) -> tuple[Handle, ...]:
    """The mean, and the ends of both axes; in each frame the first axis is the one nearest to the one before."""
    tilt = np.deg2rad(config.held_tilt)
    arm = config.held_a * np.array([np.cos(tilt), np.sin(tilt)])
    first, second = [arm], [config.held_b * np.array([-np.sin(tilt), np.cos(tilt)])]
    values, vectors = np.linalg.eigh(np.stack([q.covariance for q in qs[1:]]))
    for sizes, axes in zip(np.sqrt(values), vectors, strict=True):
        along = axes.T @ (first[-1] / np.hypot(*first[-1]))
        k = int(np.abs(along).argmax())
        one = axes[:, k] * (1 if along[k] > 0 else -1)
        first.append(sizes[k] * one)
        second.append(sizes[1 - k] * np.array([-one[1], one[0]]))
    mean = np.stack([q.mean for q in qs])
    tips = {"axis 1": mean + np.array(first), "axis 2": mean + np.array(second)}
    return (Handle("mean", mean), *(Handle(name, at) for name, at in tips.items()))


def after_drag(config: C, values: Mapping[str, Any]) -> C:
    """The mean takes the ellipse along; the end of an axis sets its length and the tilt, the other one follows."""
    held, mean = drag.moved(values), drag.handle(values, "mean", "before")
    arms = {name: drag.handle(values, name, "before") - mean for name in ("axis 1", "axis 2")}
    a, b = (float(np.hypot(*arm)) for arm in arms.values())
    tilt = np.arctan2(*arms["axis 1"][::-1])
    if held == "mean":
        mean = drag.handle(values, "mean")
    else:
        arm = drag.handle(values, held) - mean
        tilt = np.arctan2(*arm[::-1]) - (np.pi / 2 if held == "axis 2" else 0)
        a, b = (float(np.hypot(*arm)), b) if held == "axis 1" else (a, float(np.hypot(*arm)))
    m_1, m_2 = np.clip(mean, -REACH, REACH).round(3).tolist()
    a, b = np.clip([a, b], NARROWEST, WIDEST).round(3).tolist()
    degrees = float(np.round((np.rad2deg(tilt) + 180) % 360 - 180, 1))
    return replace(config, held_1=m_1, held_2=m_2, held_a=a, held_b=b, held_tilt=degrees)


# --- numbers that add up ------------------------------------------------------------------------------------


def adding_up(*parts: np.ndarray, whole: np.ndarray, digits: int = DIGITS) -> list[np.ndarray]:
    """The parts, changed so little that what is *printed* of them adds up to what is printed of the whole.

    Rounded one by one they may miss it by one in the last digit. Then the part that lies nearest to being rounded the
    other way is moved there: with two parts by a quarter of that digit at most. A whole that is missed by more stays
    missed: nothing is made to fit.

    Args:
        parts: ``(F,)`` each.
        whole: Their sum, ``(F,)`` or one number.
        digits: Decimals printed.
    """
    units = np.stack(parts, axis=-1) * 10.0**digits
    printed = np.round(units)
    off = np.round(np.asarray(whole) * 10.0**digits) - printed.sum(axis=-1)
    error = units - printed
    for frame in np.flatnonzero(np.abs(off) == 1):
        k = int((off[frame] * error[frame]).argmax())
        units[frame, k] = printed[frame, k] + 0.501 * off[frame]
    return list((units / 10.0**digits).T)
