r"""The same slope twice: 200 draws by the score function, and the same 200 reparameterised, as arrows from q's mean.

    ∇_m E_q[f(z)] = E[f(z) (z − m)/σ²]   (score function, REINFORCE)   =   E[∇f(m + σ ε)]   (reparameterised)

f(z) = log p(x, z) − log q(z), q = N(m, diag σ²). Both have the slope of the bound as their mean; how far they scatter
differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import (
    Arrows,
    Claim,
    Curve,
    Ellipses,
    Field,
    Handle,
    Panel,
    Readout,
    Scene,
    chart,
    drag,
    plane,
    said,
)
from dashboard.scene.fields import choice, placed, switch
from dashboard.scene.snippet import snippet
from dashboard.scenes.elbo import held
from genmodels.inference.bounds import GaussianQ
from genmodels.inference.gradients import draws, exact_gradient

DRAWS, SALT = 200, 18
COUNTS = np.unique(np.geomspace(1, DRAWS, 26).round().astype(int))
NARROWEST, WIDEST = 0.02, 1.2
"""Standard deviations of q."""
UP = (-2.4, 2.4)
AT = 2.0
"""Where they are taken hold of, standard deviations from the mean."""
LENGTH = 0.8
"""Of a reparameterised arrow, root mean square, in the plane."""
WIDE = 10.0
ERRORS = 3.0
"""Standard errors."""


@dataclass(frozen=True)
class Twice:
    """One of two x, a q with independent latents, and whether the score function has a baseline."""

    held_x: str = choice("x", "banana", held.TITLES)
    twice_base: bool = switch("Baseline: the mean f of all other draws")
    twice_1: float = placed(-1.0, -held.REACH, held.REACH)
    twice_2: float = placed(-0.6, -held.REACH, held.REACH)
    twice_a: float = placed(0.15, NARROWEST, WIDEST)
    twice_b: float = placed(0.15, NARROWEST, WIDEST)
    seed: int = 0

    @property
    def x(self) -> np.ndarray:
        """``(2,)``."""
        return np.array(held.XS[self.held_x])

    @property
    def mean(self) -> np.ndarray:
        """Of q, ``(2,)``."""
        return np.array([self.twice_1, self.twice_2])

    def q(self) -> GaussianQ:
        """With independent latents."""
        return GaussianQ.diagonal(self.mean, (self.twice_a, self.twice_b))

    def rng(self) -> np.random.Generator:
        """Of the draws: the same for both."""
        return np.random.default_rng([self.seed, SALT])

    def baseline(self, kind: str) -> Any:
        """The score function's, if it has one."""
        return "others" if self.twice_base and kind == "score" else 0.0


class Slopes(NamedTuple):
    """Slopes in the mean of q, nats per unit of z.

    Attributes:
        each: Of each draw, ``(2, DRAWS, 2)``: by the score function, reparameterised.
        mean: Of the first n draws, ``(2, F, 2)``.
        exact: ``(2,)``.
    """

    each: np.ndarray
    mean: np.ndarray
    exact: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """Of single draws around their mean, the root of the mean squared length, ``(2,)``."""
        return np.sqrt(self.each.var(axis=1).sum(axis=1))

    @property
    def off(self) -> np.ndarray:
        """By how much the mean of n draws misses the slope, ``(2, F)``."""
        return np.linalg.norm(self.mean - self.exact, axis=2)

    @property
    def agree(self) -> bool:
        """Whether both means of all draws lie within three standard errors, along each latent."""
        errors = self.each.std(axis=1, ddof=1) / np.sqrt(DRAWS)
        return bool((np.abs(self.mean[:, -1] - self.exact) < ERRORS * errors).all())


def slopes(config: Twice) -> Slopes:
    """By both, from the same draws."""
    q = config.q()
    kinds: tuple[Any, ...] = ("score", "reparameterised")
    each = np.stack(
        [draws(held.MODEL, config.x, q, DRAWS, config.rng(), kind, config.baseline(kind))[:, :2] for kind in kinds]
    )
    mean = np.cumsum(each, axis=1)[:, COUNTS - 1] / COUNTS[:, None]
    return Slopes(each, mean, exact_gradient(held.MODEL, config.x, q, held.ORDER)[:2])


def scene(config: Twice) -> Scene:
    """More and more draws, by both estimators."""
    found, frames = slopes(config), len(COUNTS)
    spread, off = found.spread, found.off
    scale = LENGTH / np.sqrt(np.square(found.each[1]).sum(axis=1).mean())
    times = float(spread[0] / spread[1])
    titles = ("Score function", "Reparameterised")
    return Scene(
        panels=(
            *(_arrows(config, title, found, k, scale) for k, title in enumerate(titles)),
            _misses(off),
        ),
        steps=COUNTS,
        time="draws n",
        readouts=(
            Readout("spread, score function", np.full(frames, spread[0]), "nats/unit", 2),
            Readout("spread, reparameterised", np.full(frames, spread[1]), "nats/unit", 2),
            Readout("times as wide", np.full(frames, times), "×", 1),
            Readout("draws for the same error", np.full(frames, times**2), "×", 0),
        ),
        **said(frames, *_claims(found, times)),
        alt="Arrows from the mean of q: on the left they point everywhere and leave the picture, on the right they "
        "are a narrow bundle; below, how far the mean of n draws is from the slope.",
        fps=5,
        handles=_handles(config),
    )


def _claims(found: Slopes, times: float) -> list[Claim | str]:
    last = COUNTS == DRAWS
    return [
        Claim("Both means lie within three standard errors of the slope: they aim at the same.", last & found.agree),
        Claim(
            "A mean lies more than three standard errors from the slope: chance, for once.", last & (not found.agree)
        ),
        Claim(
            "The same draws of z, twice: by the score function the arrows scatter more than ten times as far.",
            times > WIDE,
        ),
        "The same draws of z, twice.",
    ]


def code(config: Twice) -> str:
    """The spread of 200 draws by both."""
    more = ', "others"' if config.twice_base else ""
    return snippet(
        "import numpy as np",
        "from genmodels.inference.bounds import GaussianQ",
        "from genmodels.inference.gradients import draws",
        "from genmodels.inference.models import FoldModel",
        f"model, x = FoldModel({held.MODEL.noise}), np.array({held.XS[config.held_x]})",
        f"q = GaussianQ.diagonal(({config.twice_1}, {config.twice_2}), ({config.twice_a}, {config.twice_b}))",
        "def spread(*how):  # in the mean of q, around the mean of the draws",
        f"    rng = np.random.default_rng([{config.seed}, {SALT}])",
        f"    return np.sqrt(draws(model, x, q, {DRAWS}, rng, *how)[:, :2].var(axis=0).sum())",
        f'far, near = spread("score"{more}), spread("reparameterised")',
        "shown = {",
        "    'spread, score function': far, 'spread, reparameterised': near,",
        "    'times as wide': far / near, 'draws for the same error': (far / near) ** 2,",
        "}",
    )


# --- the picture --------------------------------------------------------------------------------------------


def _arrows(config: Twice, title: str, found: Slopes, k: int, scale: float) -> Panel:
    """One arrow a draw, all from q's mean, to the same scale in both panels; the mean of those drawn so far."""
    there = np.arange(DRAWS) < COUNTS[:, None]
    each = np.where(there[..., None], scale * found.each[k], np.nan).astype(np.float32)
    values, one = held.field(config.held_x), config.mean[None]
    layers = (
        Field(
            name="p(z | x)",
            key="p",
            values=values,
            extent=(*held.WINDOW, *held.WINDOW),
            limits=(0, float(values.max())),
            alpha=0.6,
        ),
        Ellipses(
            name="q, 2 σ",
            key="q",
            mean=one,
            covariance=config.q().covariance[None],
            sigmas=(AT,),
            colour="ink",
            width=2,
        ),
        Arrows(
            name="one draw each",
            key="d",
            start=np.repeat(one, DRAWS, axis=0),
            delta=each,
            colour=("class4", "model")[k],
            width=1,
        ),
        Arrows(name="their mean", key="m", start=one, delta=scale * found.mean[k][:, None], colour="ink", width=5),
        Arrows(name="the slope", key="s", start=one, delta=scale * found.exact[None], colour="truth", width=3),
    )
    return plane(title, layers, held.WINDOW, UP, labels=("z₁", "z₂"))


def _misses(off: np.ndarray) -> Panel:
    layers = (
        Curve(name="score function", key="a", x=COUNTS, y=off[0], colour="class4"),
        Curve(name="reparameterised", key="r", x=COUNTS, y=off[1], colour="model"),
    )
    return chart(
        "How far is the mean of n draws off?",
        layers,
        (1, DRAWS),
        (1e-3, 1e3),
        "draws n",
        "nats/unit",
        "log",
        "log",
        share=0.9,
    )


# --- the hand -----------------------------------------------------------------------------------------------


def _handles(config: Twice) -> tuple[Handle, ...]:
    mean = config.mean
    return (
        Handle("mean", mean),
        Handle("σ₁", mean + np.array([AT * config.twice_a, 0]), free="x"),
        Handle("σ₂", mean + np.array([0, AT * config.twice_b]), free="y"),
    )


def after_drag(config: Twice, values: Mapping[str, Any]) -> Twice:
    """The mean takes q along; the others are its deviations."""
    name = drag.moved(values)
    at = drag.handle(values, name)
    if name == "mean":
        m_1, m_2 = np.clip(at, -held.REACH, held.REACH).round(3).tolist()
        return replace(config, twice_1=m_1, twice_2=m_2)
    k = ("σ₁", "σ₂").index(name)
    sigma = float(np.clip((at[k] - config.mean[k]) / AT, NARROWEST, WIDEST).round(3))
    return replace(config, twice_b=sigma) if k else replace(config, twice_a=sigma)
