r"""Raise the bound: q is held over the exact posterior; ELBO and gap share one bar, log p(x); then q climbs.

    log p(x) = ELBO(q) + KL(q ‖ p(z | x))

No q reaches log p(x) unless it is p(z | x) itself. Turned round, KL(p(z | x) ‖ q) is least for the Gaussian that has
p's mean and covariance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.scene import Claim, Curve, Ellipses, Labels, Panel, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.elbo import held
from dashboard.scenes.elbo.held import DIGITS, STEPS, Held, after_drag
from genmodels.inference.ascent import best_gaussian, towards_moments
from genmodels.inference.bounds import GaussianQ, elbo, kl_from_posterior, kl_to_posterior

__all__ = ["GOAL", "Raise", "after_drag", "code", "scene", "short_of_best"]

ROUND = {"reverse": "KL(q ‖ p), as the bound does", "forward": "KL(p ‖ q), turned round"}
DEEP = {"banana": 6.0, "lumps": 14.0}
"""How far below log p(x) the bar reaches, nats."""
LEAST, MOST = 0.1, 300.0
"""Of the axis on which both KL stand, nats."""
GOAL = 0.05
"""Nats, of the challenge."""
NEAR = 5e-4
"""Nats: as good as the best."""


@dataclass(frozen=True)
class Raise(Held):
    """Also which KL is made small when q moves by itself."""

    held_round: str = choice("What is made small", "reverse", ROUND)

    @property
    def climbs(self) -> bool:
        """Whether the bound is raised."""
        return self.held_round == "reverse"

    def qs(self) -> list[GaussianQ]:
        """From where it is held to where the KL chosen is small."""
        return held.climb(self) if self.climbs else list(towards_moments(self.exact(), self.q(), STEPS))


def short_of_best(config: Held) -> float:
    """By how much the bound of q as it is held lies below that of the best Gaussian, nats."""
    return held.best(config.held_x).elbo - elbo(held.MODEL, config.x, config.q(), held.ORDER).total


def scene(config: Raise) -> Scene:
    """Frame 0 is q as it is held; from there it goes by itself."""
    exact, qs = config.exact(), config.qs()
    bound = np.array([elbo(held.MODEL, config.x, q, held.ORDER).total for q in qs])
    gap = np.array([kl_to_posterior(q, exact, held.APART) for q in qs])
    turned = np.array([kl_from_posterior(q, exact) for q in qs])
    whole = np.full(len(qs), exact.log_evidence)
    printed = held.adding_up(bound, gap, whole=whole)
    best = held.best(config.held_x)
    return Scene(
        panels=(
            _plane(config, qs),
            _bar(bound, exact.log_evidence, best.elbo, DEEP[config.held_x]),
            _both(gap, turned),
        ),
        steps=np.arange(len(qs)),
        time="step",
        readouts=(
            Readout("ELBO", printed[0], "nats", DIGITS),
            Readout("KL(q ‖ p)", printed[1], "nats", DIGITS),
            Readout("log p(x)", whole, "nats", DIGITS),
            Readout("KL(p ‖ q)", turned, "nats", DIGITS),
            Readout("ELBO, best Gaussian", np.full(len(qs), best.elbo), "nats", DIGITS),
        ),
        **said(len(qs), *_claims(config, bound, turned, exact.log_evidence, best.elbo)),
        equation="ELBO {ELBO} + KL(q ‖ p) {KL(q ‖ p)} = log p(x) {log p(x)}",
        alt="A Gaussian's ellipse over a posterior that is a banana or two lumps; a bar of fixed height is shared by "
        "the bound and the gap.",
        fps=4,
        handles=held.handles(config, qs),
        start=0,
    )


def _claims(config: Raise, bound: np.ndarray, turned: np.ndarray, whole: float, best: float) -> list[Claim | str]:
    step = np.arange(len(bound))
    ends, rises, falls = step == STEPS, np.append(False, np.diff(bound) > 0), np.append(False, np.diff(bound) < 0)
    there, nearer = np.abs(bound - best) < NEAR, np.append(False, np.diff(turned) < 0)
    low = bound < whole - DEEP[config.held_x]
    climbing, covering = np.full(len(bound), config.climbs), np.full(len(bound), not config.climbs)
    return [
        Claim("The bound lies lower than the picture: all of the bar is gap. Move q to where p(z | x) is.", low),
        Claim("As you hold it. ELBO and gap fill the bar; its height, log p(x), knows nothing of q.", step == 0),
        Claim(f"The best Gaussian there is, and a gap of {whole - best:.2f} nats is left: p is no Gaussian.", there),
        Claim(
            "It has come to rest, and lower than the best: another start ends higher.",
            ends & climbing & (bound[-1] - bound[-4] < 1e-4),
        ),
        Claim("q has p's mean and covariance: no Gaussian has a smaller KL(p ‖ q).", ends & covering),
        Claim("KL(p ‖ q) falls, and so does the bound: they want different things.", nearer & falls & covering),
        Claim("KL(p ‖ q) falls, and the bound rises.", nearer & rises & covering),
        Claim("The bound rises, and the gap shrinks by as much.", rises & climbing),
        "ELBO and gap fill the bar.",
    ]


def code(config: Raise) -> str:
    """Both KL and the bound along the way."""
    mean, axes = config.mean, (config.held_a, config.held_b)
    way = (
        (
            "from genmodels.inference.ascent import AscentConfig, iterate_posterior",
            f"config = AscentConfig(q, rate={held.RATE}, n_steps={STEPS}, order={held.ORDER})",
            "qs = [state.q for state in iterate_posterior(model, x, config)]  # uphill",
        )
        if config.climbs
        else (
            "from genmodels.inference.ascent import towards_moments",
            f"qs = list(towards_moments(exact, q, {STEPS}))  # to p's mean and covariance",
        )
    )
    return snippet(
        "import numpy as np",
        "from genmodels.inference.bounds import GaussianQ, elbo, kl_from_posterior, kl_to_posterior",
        "from genmodels.inference.exact import posterior",
        "from genmodels.inference.models import FoldModel",
        f"model, x = FoldModel({held.MODEL.noise}), np.array({held.XS[config.held_x]})",
        "exact = posterior(model, x)  # p(z | x) on a grid",
        f"q = GaussianQ.from_axes({mean}, {axes}, np.deg2rad({config.held_tilt}))",
        *way,
        "shown = {",
        "    'ELBO': [elbo(model, x, q).total for q in qs],",
        "    'KL(q ‖ p)': [kl_to_posterior(q, exact) for q in qs],",
        "    'KL(p ‖ q)': [kl_from_posterior(q, exact) for q in qs],",
        "    'log p(x)': exact.log_evidence,",
        "}",
    )


# --- the picture --------------------------------------------------------------------------------------------


def _plane(config: Raise, qs: list[GaussianQ]) -> Panel:
    goal = held.best(config.held_x).q if config.climbs else best_gaussian(config.exact(), "forward")
    nearest = Ellipses(
        name="nearest Gaussian",
        key="n",
        visible=False,
        mean=goal.mean[None],
        covariance=goal.covariance[None],
        colour="truth",
        dashed=True,
        width=2,
    )
    layers = (*held.plane_layers(config, qs), nearest)
    return plane("Drag q over p(z | x)", layers, held.WINDOW, held.WINDOW, share=1.3, labels=("z₁", "z₂"))


def _bar(bound: np.ndarray, whole: float, best: float, deep: float) -> Panel:
    """One column up to log p(x): the bound, and on it the gap."""
    bottom = whole - deep
    level = np.maximum(bound, bottom)
    low, top = np.full_like(level, bottom), np.full_like(level, whole)
    middles = np.stack([0.5 * (level + bottom), 0.5 * (level + whole)], axis=1)
    room = np.stack([level - bottom > 0.08 * deep, whole > level], axis=1)
    beside = np.where(room[..., None], np.stack([np.full_like(middles, -0.06), middles], axis=-1), np.nan)
    column: dict[str, Any] = {"filled": True, "closed": True, "width": 2, "alpha": 0.9}
    layers = (
        Polylines(name="", xy=_box(low, level), colour="class0", **column),
        Polylines(name="", xy=_box(level, top), colour="model", **column),
        Polylines(
            name="best Gaussian",
            key="b",
            xy=np.array([[[0.0, best], [1.05, best]]]),
            colour="ink",
            dashed=True,
            width=2,
        ),
        Polylines(name="log p(x)", key="l", xy=np.array([[[0.0, whole], [1.05, whole]]]), colour="truth", width=4),
        Labels(name="", at=beside, texts=("ELBO", "KL(q ‖ p)"), bold=True, size=1.2, align="right"),
    )
    up = (bottom, whole + 0.06 * deep)
    return Panel("One bar: log p(x)", layers, (-1.1, 2.4), up, equal=False, y_label="nats", share=1.2, x_names=("",))


def _box(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A column from low to high, ``(F,)`` each: ``(F, 1, 4, 2)``."""
    x = np.broadcast_to([0.0, 0.0, 1.0, 1.0], (len(low), 4))
    return np.stack([x, np.stack([low, high, high, low], axis=-1)], axis=-1)[:, None]


def _both(gap: np.ndarray, turned: np.ndarray) -> Panel:
    layers = (
        Curve(name="KL(q ‖ p)", key="r", y=gap, colour="model"),
        Curve(name="KL(p ‖ q)", key="t", y=turned, colour="truth"),
    )
    return chart("Both ways round", layers, (0, STEPS), (LEAST, MOST), "step", "nats", "linear", "log", share=0.5)
