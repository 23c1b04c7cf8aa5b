"""Two GANs side by side: same seed, same noise, one control different; stepped in turn by one run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dashboard.runs import Move, Turns
from dashboard.scene import Curve, Panel, Readout, Scene
from dashboard.scenes.gan.live import Measured, measure
from dashboard.scenes.gan.setup import Config, World, plane, world

MEASURED = 4
WIDTH = 64
COLLAPSING = {
    "loss": "non-saturating", "n_noise": 2, "decay": "none", "r1": 0.0, "g_steps": 3, "batch": 128, "n_steps": 3_000,
}  # fmt: skip
CHANGES = {"loss": "Loss", "decay": "Decay", "n_noise": "Noise dimensions", "r1": "R1 penalty γ"}


@dataclass(frozen=True)
class Pair:
    """The GAN on the left, and which of its fields are other on the right.

    Args:
        left: As it is.
        other: Fields of the GAN's config, by name.
        titles: Of both panels.
    """

    left: Config
    other: tuple[tuple[str, object], ...]
    titles: tuple[str, str] = ("A", "B")

    @property
    def right(self) -> Config:
        """The other one."""
        return replace(self.left, rest=tuple({**dict(self.left.rest), **dict(self.other)}.items()))


def check(pair: Pair) -> None:
    """Raises a ValueError that says why one of them cannot be trained."""
    pair.left.points()
    for side in (pair.left, pair.right):
        side.gan()


def train(pair: Pair, moves: Iterator[Move]) -> Iterator[Scene | None]:
    """Each step of A is followed by the same step of B, so that both share the time axis."""
    from genmodels.gan import iterate_gan

    of = world(pair.left)
    config, points = pair.left, pair.left.points()
    gans = [side.gan() for side in (pair.left, pair.right)]
    turns = Turns(moves)
    sides = [iterate_gan(points, g, moves=m) for g, m in zip(gans, itertools.tee(turns), strict=True)]  # type: ignore[arg-type]
    measured, frames = (Measured(), Measured()), 0
    for a, b in zip(*sides, strict=False):
        last = a.g_updates >= gans[0].n_steps * gans[0].g_steps
        if not (turns.single or last or a.step % config.every == 0):
            yield None
            continue
        if turns.single or last or frames % MEASURED == 0:
            measured = (measure(a, of), measure(b, of))
        frames += 1
        yield scene((a, b), pair, of, measured)
        if last:
            return


def scene(states: tuple, pair: Pair, of: World, measured: tuple[Measured, Measured]) -> Scene:
    """One frame."""
    steps = states[0].config.n_steps
    at = np.array([float(states[0].g_updates / states[0].config.g_steps)])
    readouts: list[Readout] = []
    for name, numbers in zip(("A", "B"), measured, strict=True):
        if of.centres is not None:
            readouts += [
                Readout(f"{name}: modes of {len(of.centres)}", np.array([numbers.modes]), digits=0),
                Readout(f"{name}: high quality", np.array([numbers.quality]), "%", 1),
            ]
        readouts.append(Readout(f"{name}: W₂", np.array([numbers.w2]), digits=3))
    panels = [
        plane(f"{name}: {title}", state, of, share=1.25, arrows=False)
        for name, title, state in zip(("A", "B"), pair.titles, states, strict=True)
    ]
    return Scene(
        panels=(*panels, _curves(at, measured, of, steps)),
        steps=np.array([states[0].step]),
        time="move",
        readouts=tuple(readouts),
        alt="Two GANs that differ in one control, trained side by side from the same seed and noise.",
        fps=30,
    )


def _curves(at: np.ndarray, measured: tuple[Measured, Measured], of: World, steps: int) -> Panel:
    curves = []
    for name, colour, numbers in zip(("A", "B"), ("data", "model"), measured, strict=True):
        if of.centres is None:
            curves.append(Curve(name=f"{name}: W₂", key=name.lower(), x=at, y=np.array([numbers.w2]), colour=colour))
        else:
            modes = 100 * numbers.modes / len(of.centres)
            curves += [
                Curve(name=f"{name}: high quality", key=name.lower(), x=at, y=np.array([numbers.quality]),
                      colour=colour),
                Curve(name=f"{name}: modes", key="h", x=at, y=np.array([modes]), colour=colour, dashed=True),
            ]  # fmt: skip
    known = of.centres is not None
    top = 104.0 if known else 2.0 * float(np.sqrt(of.real.var(axis=0).sum()))
    return Panel("Modes (dashed) and quality, %" if known else "W₂ to the data", tuple(curves), (0, steps), (0, top),
                 equal=False, x_label="step", share=0.9)  # fmt: skip
