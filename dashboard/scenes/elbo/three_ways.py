r"""Three ways to write the bound: two parts each, one total, and they move together while q climbs.

    ELBO(q) = E_q[log p(x, z)] + H(q)  =  E_q[log p(x | z)] − KL(q ‖ p(z))  =  log p(x) − KL(q ‖ p(z | x))

Each pair is laid end to end from 0: the first part, and from where it ends the second one. All three end at the ELBO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dashboard.scene import Claim, Labels, Panel, Polylines, Readout, Scene, plane, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.elbo import held
from dashboard.scenes.elbo.held import DIGITS, STEPS, Held, after_drag
from genmodels.inference.bounds import elbo, kl_to_posterior

__all__ = ["Ways", "after_drag", "code", "scene"]

DEEP, ROOM = {"banana": 8.0, "lumps": 12.0}, 0.8
"""How far the bars may reach below 0 in the picture, and above it, nats."""
ROWS = (8, 7, 5, 4, 2, 1)
NAMES = ("", "− gap", "log p(x)", "", "− KL to prior", "reconstruction", "", "+ entropy", "energy")
"""What stands at the heights 0, 1, 2 …"""
COLOURS = ("class0", "class2", "class4", "class3", "truth", "model")
THICK = 0.84
NEAR = 5e-4
"""Nats: as good as the best."""


@dataclass(frozen=True)
class Ways(Held):
    """q as it is held."""


class Parts(NamedTuple):
    """Of F q each, ``(F,)``, nats: what the three ways add up, in their order."""

    energy: np.ndarray
    entropy: np.ndarray
    reconstruction: np.ndarray
    kl_prior: np.ndarray
    log_evidence: np.ndarray
    gap: np.ndarray

    @property
    def bound(self) -> np.ndarray:
        """By the second way."""
        return self.reconstruction - self.kl_prior

    def signed(self) -> np.ndarray:
        """As they are added, ``(F, 6)``."""
        return np.stack([*self[:3], -self.kl_prior, self.log_evidence, -self.gap], axis=1)


def scene(config: Ways) -> Scene:
    """q climbs, and six bars follow."""
    exact, qs = config.exact(), held.climb(config)
    found = [elbo(held.MODEL, config.x, q, held.ORDER) for q in qs]
    pieces = [[getattr(one, name) for one in found] for name in Parts._fields[:4]]
    gaps = [kl_to_posterior(q, exact, held.APART) for q in qs]
    parts = Parts(*map(np.array, (*pieces, np.full(len(qs), exact.log_evidence), gaps)))
    return Scene(
        panels=(
            plane(
                "Drag q over p(z | x)",
                held.plane_layers(config, qs),
                held.WINDOW,
                held.WINDOW,
                share=0.8,
                labels=("z₁", "z₂"),
            ),
            _bars(parts, DEEP[config.held_x]),
        ),
        steps=np.arange(len(qs)),
        time="step",
        readouts=_readouts(parts),
        **said(len(qs), *_claims(config, parts)),
        equation="{ELBO} = {energy} + {entropy} = {reconstruction} − {KL to the prior} = {log p(x)} − {gap}",
        alt="Three pairs of bars, each laid end to end from zero, end on one line, which moves as q climbs.",
        fps=4,
        handles=held.handles(config, qs),
        start=0,
    )


def _readouts(parts: Parts) -> tuple[Readout, ...]:
    """Printed so that each line of the equation adds up."""
    bound, gap = held.adding_up(parts.bound, parts.gap, whole=parts.log_evidence)
    energy, entropy = held.adding_up(parts.energy, parts.entropy, whole=bound)
    reconstruction, less = held.adding_up(parts.reconstruction, -parts.kl_prior, whole=bound)
    numbers = {
        "energy": energy,
        "entropy": entropy,
        "reconstruction": reconstruction,
        "KL to the prior": -less,
        "log p(x)": parts.log_evidence,
        "gap": gap,
    }
    return (
        Readout("ELBO", bound, "nats", DIGITS),
        *(Readout(name, values, "nats", DIGITS, hidden=True) for name, values in numbers.items()),
    )


def _claims(config: Ways, parts: Parts) -> list[Claim | str]:
    best, deep = held.best(config.held_x).elbo, DEEP[config.held_x]
    bound, step = parts.bound, np.arange(STEPS + 1)
    first = np.stack([parts.energy, parts.reconstruction, bound])
    rises, entropy = np.append(False, np.diff(bound) > 0), np.append(0, np.diff(parts.entropy))
    left = float(parts.log_evidence[0] - best)
    return [
        Claim("A bar reaches beyond the picture. Move q to where p(z | x) is.", first.min(axis=0) < -deep),
        Claim("As you hold it. Three ways to write the same number: all of them end at the ELBO.", step == 0),
        Claim(
            f"The best Gaussian there is, and a gap of {left:.2f} nats is left: p is no Gaussian.",
            np.abs(bound - best) < NEAR,
        ),
        Claim("The bound rises though q's entropy falls: the energy gains more.", rises & (entropy < 0)),
        Claim("The bound rises, and so does q's entropy.", rises & (entropy > 0)),
        "Three ways to write the same number.",
    ]


def code(config: Ways) -> str:
    """All six parts, where the climb ends."""
    return snippet(
        "import numpy as np",
        "from genmodels.inference.ascent import AscentConfig, fit_posterior",
        "from genmodels.inference.bounds import GaussianQ, elbo, kl_to_posterior",
        "from genmodels.inference.exact import posterior",
        "from genmodels.inference.models import FoldModel",
        f"model, x = FoldModel({held.MODEL.noise}), np.array({held.XS[config.held_x]})",
        "exact = posterior(model, x)  # p(z | x) on a grid",
        f"axes, tilt = ({config.held_a}, {config.held_b}), np.deg2rad({config.held_tilt})",
        f"start = GaussianQ.from_axes({config.mean}, axes, tilt)",
        f"config = AscentConfig(start, rate={held.RATE}, n_steps={STEPS}, order={held.ORDER})",
        "q = fit_posterior(model, x, config).q",
        "way = elbo(model, x, q)",
        "shown = {",
        "    'energy': way.energy, 'entropy': way.entropy,",
        "    'reconstruction': way.reconstruction, 'KL to the prior': way.kl_prior,",
        "    'log p(x)': exact.log_evidence, 'gap': kl_to_posterior(q, exact), 'ELBO': way.total,",
        "}",
    )


def _bars(parts: Parts, deep: float) -> Panel:
    """Six bars that lie, two and two; where the first of a pair ends the second begins."""
    signed = parts.signed()
    ends = np.stack([signed[:, 0::2], signed[:, 0::2] + signed[:, 1::2]], axis=2).reshape(len(signed), 6)
    starts = np.where(np.arange(6) % 2 == 0, 0.0, np.roll(ends, 1, axis=1))
    boxes = _boxes(np.clip(starts, -deep, ROOM), np.clip(ends, -deep, ROOM))
    bound = np.clip(parts.bound, -deep, ROOM)
    line = np.stack([np.repeat(bound[:, None], 2, axis=1), np.broadcast_to([0.3, 9.1], (len(bound), 2))], axis=-1)
    layers = (
        *(
            Polylines(name="", xy=boxes[:, k : k + 1], colour=colour, filled=True, closed=True, width=2, alpha=0.9)
            for k, colour in enumerate(COLOURS)
        ),
        Polylines(name="ELBO", key="e", xy=line[:, None], colour="ink", width=4),
        Labels(
            name="",
            at=np.array([(-deep + 0.2, height) for height in (8.75, 5.75, 2.75)]),
            texts=("− free energy", "− the VAE's loss", "log p(x) − gap"),
            bold=True,
            size=1.2,
            align="left",
        ),
    )
    return Panel(
        "Three ways to write the ELBO",
        layers,
        (-deep, ROOM),
        (0.3, 9.3),
        equal=False,
        x_label="nats",
        y_names=NAMES,
        share=1.4,
    )


def _boxes(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Bars from start to end, ``(F, 6)`` each: outlines ``(F, 6, 4, 2)``."""
    y = np.array(ROWS)[:, None] + THICK * np.array([-0.5, 0.5, 0.5, -0.5])
    x = np.stack([start, start, end, end], axis=-1)
    return np.stack([x, np.broadcast_to(y, x.shape)], axis=-1)
