"""A GAN trained live: points, both players' losses, modes and quality, and who moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dashboard.scene import Curve, Diagram, Edge, Move, Node, Panel, Polylines, Readout, Scene, Turns, chart
from dashboard.scene.snippet import called, settings, snippet
from dashboard.scene.units import in_units
from dashboard.scenes.gan.setup import COMPARED, Config, World, coverage, distance, points_plane, world

if TYPE_CHECKING:
    from genmodels.gan import GANState

MEASURED = 8  # frames between two measurements of the samples
NODES = (
    Node("noise z", (0.0, 3.0), (1.8, 0.9), round=True),
    Node("G\nforger", (0.0, 1.2), (1.8, 1.2)),
    Node("G(z)", (0.0, -0.6), (1.5, 0.9), round=True),
    Node("data x", (3.4, 3.0), (1.6, 0.9), round=True),
    Node("D\ndetective", (3.4, 1.2), (2.0, 1.2)),
    Node("real?", (3.4, -0.6), (1.5, 0.9), round=True),
)
EDGES = (Edge(0, 1), Edge(1, 2), Edge(2, 4), Edge(3, 4), Edge(4, 5), Edge(4, 1, "gradient"))
LIT = {  # z, G, G(z), x, D, verdict, then the edges
    "": (0,) * 12,
    "discriminator": (0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0),
    "generator": (1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1),
    "both": (1,) * 12,
}
CAPTIONS = (
    "Nothing has been learned yet.",
    "D has moved: its weights took one step towards telling real points from generated ones.",
    "G has moved: its weights took one step towards points that D takes for real.",
    "D and G are updated, alternating.",
)


class Measured(NamedTuple):
    """What the samples are worth; NaN where it is not known."""

    modes: float = math.nan
    quality: float = math.nan
    reverse_kl: float = math.nan
    w2: float = math.nan


def measure(state: GANState, known: World) -> Measured:
    """Of the samples of this state."""
    found = coverage(state.samples, known)
    w2 = distance(state.samples, known)
    return Measured(w2=w2) if found is None else Measured(found.modes, 100 * found.quality, found.reverse_kl, w2)


@in_units
def scenes(config: Config, moves: Iterator[Move]) -> Iterator[Scene | None]:
    """One frame every few steps at full speed, one for each move in slow motion."""
    from genmodels.gan import iterate_gan

    known, gan = world(config), config.gan()
    turns = Turns(moves)
    frames, measured = 0, Measured()
    for state in iterate_gan(config.points(), gan, moves=turns):  # type: ignore[arg-type]
        last = state.g_updates >= gan.n_steps * gan.g_steps
        if not (turns.single or last or state.step % config.every == 0):
            yield None
            continue
        if turns.single or last or frames % MEASURED == 0:
            measured = measure(state, known)
        frames += 1
        yield scene(state, known, measured)
        if last or (config.stop and holds(measured, known)):
            return


def code(config: Config) -> str:
    """The first moves of this training, and what the samples are worth after them."""
    k = config.n_modes
    coverage = (
        "from genmodels.metrics import mode_coverage",
        "modes, quality, reverse_kl = mode_coverage(state.samples, data.centres, data.sigma)",
    )
    return snippet(
        "from genmodels.gan import GANConfig, iterate_gan",
        "from genmodels.metrics import wasserstein_2",
        config.data_code(),
        called("config = GANConfig", **settings(config.gan())),
        f"step = {config.every * MEASURED}  # moves, each of both players",
        config.state_code(),
        *(coverage if k else ()),
        "shown = {",
        "    'loss of D': state.minibatch.discriminator, 'loss of G': state.minibatch.generator,",
        *((f"    'modes of {k}': modes, 'high quality': 100 * quality, 'reverse KL': reverse_kl,",) if k else ()),
        f"    'W₂ to the data (n = {COMPARED})': wasserstein_2(state.samples[:{COMPARED}], real[:{COMPARED}]),",
        "}",
    )


def check(config: Config) -> None:
    """Raises a ValueError that says why this config cannot be trained."""
    config.points()
    config.gan()


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    from genmodels.gan import discriminator_loss, generator_loss, iterate_gan
    from genmodels.metrics import mode_coverage

    return iterate_gan, discriminator_loss, generator_loss, mode_coverage


def holds(measured: Measured, known: World) -> bool:
    """Whether all modes are held, with 90 % of high quality."""
    return known.centres is not None and measured.modes == len(known.centres) and measured.quality >= 90


def scene(state: GANState, known: World, measured: Measured) -> Scene:
    """One frame."""
    steps = state.config.n_steps
    lit = np.array([LIT[state.moved]], dtype=float)
    caption = list(LIT).index(state.moved)
    return Scene(
        panels=(
            points_plane("Generated points among the real ones", state, known),
            Panel(
                "Who moves",
                (Diagram(name="", nodes=NODES, edges=EDGES, active=lit),),
                (-1.0, 4.5),
                (-1.2, 3.6),
                axes=False,
                share=0.75,
            ),
            losses(state, steps),
            quality(state, measured, known, steps),
        ),
        steps=np.array([state.step]),
        time="move",
        readouts=readouts(state, measured, known),
        captions=CAPTIONS,
        caption=np.array([caption]),
        alt="Generated points move among real ones while a generator and a discriminator are trained in turn.",
        fps=30,
    )


def readouts(state: GANState, measured: Measured, known: World) -> tuple[Readout, ...]:
    """The numbers below the picture."""
    d_loss, g_loss = state.minibatch
    numbers = [
        Readout("loss of D", d_loss, digits=3),
        Readout("loss of G", g_loss, digits=3),
    ]
    if known.centres is not None:
        numbers += [
            Readout(f"modes of {len(known.centres)}", measured.modes, digits=0),
            Readout("high quality", measured.quality, "%", 1),
            Readout("reverse KL", measured.reverse_kl, "nats", 3),
        ]
    numbers.append(Readout(f"W₂ to the data (n = {COMPARED})", measured.w2, known.length, 3))
    if known.true_w2 is not None:
        numbers.append(Readout(f"true samples' W₂ (n = {COMPARED})", known.true_w2.mean, digits=3))
    return tuple(numbers)


def losses(state: GANState, steps: int, share: float = 0.8) -> Panel:
    """Both losses; where these are in nats, also what each of them is where D is ½ everywhere."""
    d_loss, g_loss = state.minibatch
    layers: list = [
        Curve(name="loss of D", key="l", x=_at(state), y=np.array([d_loss]), colour="data"),
        Curve(name="loss of G", key="o", x=_at(state), y=np.array([g_loss]), colour="model"),
    ]
    if state.probabilistic:
        of_g = -math.log(2) if state.config.loss == "minimax" else math.log(2)
        for at, colour in ((2 * math.log(2), "data"), (of_g, "model")):
            line = np.array([[[0, at], [steps, at]]])
            layers.append(Polylines(name="", xy=line, colour=colour, dashed=True))
    limits = {"wasserstein-gp": (-3.0, 3.0), "hinge": (-2.0, 3.0), "least-squares": (0.0, 1.2)}
    low, high = limits.get(state.config.loss, (-2.0 if state.config.loss == "minimax" else 0.0, 4.0))
    return chart("Losses", tuple(layers), (0, steps), (low, high), x_label="step", share=share)


def quality(state: GANState, measured: Measured, known: World, steps: int, share: float = 0.8) -> Panel:
    """Modes and quality in per cent; W₂ where there are no modes."""
    if known.centres is None:
        top = 2.0 * float(np.sqrt(known.real.var(axis=0).sum()))
        layers: list = [Curve(name="W₂", key="q", x=_at(state), y=np.array([measured.w2]), colour="model")]
        if known.true_w2 is not None:
            line = np.array([[[0, known.true_w2.mean], [steps, known.true_w2.mean]]])
            layers.append(Polylines(name="", xy=line, colour="truth", dashed=True))
        return chart("W₂ to the data", tuple(layers), (0, steps), (0, top), x_label="step", share=share)
    modes = 100 * measured.modes / len(known.centres)
    line = np.array([[[0, known.true_quality], [steps, known.true_quality]]])
    layers = [
        Curve(name="modes held", key="h", x=_at(state), y=np.array([modes]), colour="class2"),
        Curve(name="high quality", key="q", x=_at(state), y=np.array([measured.quality]), colour="model"),
        Polylines(name="", xy=line, colour="truth", dashed=True),
    ]
    return chart("Modes, quality, %", tuple(layers), (0, steps), (0, 104), x_label="step", share=share)


def _at(state: GANState) -> np.ndarray:
    """The place on the axis of steps: updates of G, so that half-steps do not count double."""
    return np.array([float(state.g_updates / state.config.g_steps)])
