"""Two GANs side by side: same seed, same noise, one control different; stepped in turn by one run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from dashboard.scene import Curve, Move, Panel, Readout, Scene, Turns, chart
from dashboard.scene.fields import choice, painted, slider
from dashboard.scene.own_points import OwnPoints, Pair, is_painted
from dashboard.scene.snippet import called, settings, snippet
from dashboard.scene.units import Units, in_units
from dashboard.scenes.gan.live import Measured, measure
from dashboard.scenes.gan.setup import BOARD, COMPARED, DECAYS, LOSSES, TITLES, Config, World, points_plane, world

MEASURED = 4
WIDTH = 64
COLLAPSING: dict[str, object] = {
    "decay": "none",
    "r1": 0.0,
    "g_steps": 3,
    "n_steps": 3_000,
    "g_learning_rate": 2e-3,
    "d_learning_rate": 2e-3,
}
REPAIRS: dict[str, tuple[str, dict[str, object]]] = {
    "packing": ("Packing: D sees two at once", {"packing": 2}),
    "r1": ("R1: a penalty on D's slope", {"r1": 0.1}),
    "noise": ("Instance noise", {"instance_noise": 0.3}),
    "decay": ("Learning rates that decay", {"decay": "linear"}),
    "equal": ("G learns no faster than D", {"g_steps": 1}),
}
CHANGES = {"loss": "Loss", "decay": "Decay", "n_noise": "Noise dimensions", "r1": "R1 penalty γ"}


@dataclass(frozen=True)
class Repair(OwnPoints):
    """What is different in B, where A is made to collapse."""

    board: ClassVar[Pair] = BOARD

    repair: str = choice("What is different in B", "packing", {key: title for key, (title, _) in REPAIRS.items()})
    source: str = choice("Data", "ring8", TITLES)
    painted: str = painted(BOARD, when=is_painted, kept=True, kw_only=True)
    seed: int = 0
    device: str = "auto"

    def pair(self) -> Versus:
        """Both GANs."""
        title, other = REPAIRS[self.repair]
        own = {name: getattr(self, name) for name in ("source", "painted", "csv", "columns", "seed")}
        left = Config(**own, width=WIDTH, rest=tuple(COLLAPSING.items()))
        return Versus(left, tuple(other.items()), ("made to collapse", title))


@dataclass(frozen=True)
class Change:
    """The one control that is different in B."""

    b_what: str = choice("What is different in B", "loss", CHANGES)
    b_loss: str = choice("Loss of B", "wasserstein-gp", LOSSES, when=lambda v: v["b_what"] == "loss")
    b_decay: str = choice("Learning rates of B fall", "none", DECAYS, when=lambda v: v["b_what"] == "decay")
    b_noise: int = slider("Dimensions of B's noise", 2, 1, 32, 1, when=lambda v: v["b_what"] == "n_noise")
    b_r1: float = slider("R1 penalty γ of B", 0.5, 0.0, 2.0, 0.05, when=lambda v: v["b_what"] == "r1")

    def pair(self, left: Config) -> Versus:
        """Both GANs."""
        fields = {"loss": self.b_loss, "decay": self.b_decay, "n_noise": self.b_noise, "r1": self.b_r1}
        value = fields[self.b_what]
        return Versus(left, ((self.b_what, value),), ("your recipe", f"{CHANGES[self.b_what].lower()}: {value}"))


@dataclass(frozen=True)
class Versus:
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
    def units(self) -> Units:
        """Of both."""
        return self.left.units

    @property
    def to_paint(self) -> Config:
        """The config whose points are painted."""
        return self.left

    @property
    def right(self) -> Config:
        """The other one."""
        return replace(self.left, rest=(*self.left.rest, *self.other))


def check(pair: Versus) -> None:
    """Raises a ValueError that says why one of them cannot be trained."""
    pair.left.points()
    for side in (pair.left, pair.right):
        side.gan()


def code(pair: Versus) -> str:
    """The first steps of both trainings, and what the samples are worth after them."""
    left, k = pair.left, pair.left.n_modes
    coverage = (
        "from genmodels.metrics import mode_coverage",
        "    modes, quality, _ = mode_coverage(state.samples, data.centres, data.sigma)",
        f"    shown |= {{f'{{name}}: modes of {k}': modes, f'{{name}}: high quality': 100 * quality}}",
    )
    return snippet(
        "from genmodels.gan import GANConfig, iterate_gan",
        "from genmodels.metrics import wasserstein_2",
        left.data_code(),
        called("same = dict", **settings(left.gan())),
        f"step = {left.every * MEASURED}",
        "shown = {}",
        f"configs = {{'A': GANConfig(**same), 'B': GANConfig(**same | {dict(pair.other)!r})}}",
        "for name, config in configs.items():",
        "    " + left.state_code(),
        *(coverage if k else ()),
        f"    shown[f'{{name}}: W₂'] = wasserstein_2(state.samples[:{COMPARED}], real[:{COMPARED}])",
    )


@in_units
def scenes(pair: Versus, moves: Iterator[Move]) -> Iterator[Scene | None]:
    """Each step of A is followed by the same step of B, so that both share the time axis."""
    from genmodels.gan import iterate_gan

    known = world(pair.left)
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
            measured = (measure(a, known), measure(b, known))
        frames += 1
        yield scene((a, b), pair, known, measured)
        if last:
            return


def scene(states: tuple, pair: Versus, known: World, measured: tuple[Measured, Measured]) -> Scene:
    """One frame."""
    steps = states[0].config.n_steps
    at = np.array([float(states[0].g_updates / states[0].config.g_steps)])
    readouts: list[Readout] = []
    for name, numbers in zip(("A", "B"), measured, strict=True):
        if known.centres is not None:
            readouts += [
                Readout(f"{name}: modes of {len(known.centres)}", numbers.modes, digits=0),
                Readout(f"{name}: high quality", numbers.quality, "%", 1),
            ]
        readouts.append(Readout(f"{name}: W₂", numbers.w2, known.length, 3))
    panels = [
        points_plane(f"{name}: {title}", state, known, share=1.25, arrows=False)
        for name, title, state in zip(("A", "B"), pair.titles, states, strict=True)
    ]
    return Scene(
        panels=(*panels, _curves(at, measured, known, steps)),
        steps=np.array([states[0].step]),
        time="move",
        readouts=tuple(readouts),
        alt="Two GANs that differ in one control, trained side by side from the same seed and noise.",
        fps=30,
    )


def _curves(at: np.ndarray, measured: tuple[Measured, Measured], known: World, steps: int) -> Panel:
    curves = []
    for name, colour, numbers in zip(("A", "B"), ("data", "model"), measured, strict=True):
        if known.centres is None:
            curves.append(Curve(name=f"{name}: W₂", key=name.lower(), x=at, y=np.array([numbers.w2]), colour=colour))
        else:
            modes = 100 * numbers.modes / len(known.centres)
            curves += [
                Curve(
                    name=f"{name}: high quality", key=name.lower(), x=at, y=np.array([numbers.quality]), colour=colour
                ),
                Curve(name=f"{name}: modes", key="h", x=at, y=np.array([modes]), colour=colour, dashed=True),
            ]
    by_modes = known.centres is not None
    top = 104.0 if by_modes else 2.0 * float(np.sqrt(known.real.var(axis=0).sum()))
    return chart(
        "Modes (dashed) and quality, %" if by_modes else "W₂ to the data",
        tuple(curves),
        (0, steps),
        (0, top),
        x_label="step",
        share=0.9,
    )
