"""Affine, spline, continuous: three flows after the same seconds of one core, as they were recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Field, Panel, Points, Readout, Scene, chart, plane, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.flows.setup import STORED
from dashboard.scenes.flows.setup import Config as Planar
from genmodels.data.planar import get_dataset
from genmodels.recipes import flow_compare as recipe
from genmodels.recipes.flow_compare import CELLS, KINDS, NETWORKS, SOLVER, STEPS, TENTHS, learned, log_prob
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

DATA, DEPTH = 300, 6.0  # points; nats that the colours span
ASKED = 4 if SOLVER.method == "rk4" else 1  # times that a step of the ODE asks the network
TITLES = {"affine": "Affine", "spline": "Splines", "continuous": "Continuous"}
COLOURS = {"affine": "class1", "spline": "model", "continuous": "class2"}


@dataclass(frozen=True)
class Config(Planar):
    """Which data."""

    source: str = choice("Data", "moons", STORED)

    @property
    def name(self) -> str:
        """Of the checkpoint."""
        return f"flow-compare-{self.source}"


def stored(config: Config) -> tuple[str, ...]:
    """The checkpoint of these data."""
    return (config.name,)


class Recorded(NamedTuple):
    """What was recorded, or follows from it.

    Attributes:
        seconds: ``(F,)``.
        gap: Nats, ``(F, 3)``, in the order of ``KINDS``.
        log_p: At the cells, ``(3, F, CELLS, CELLS)``.
        weights: Numbers that are trained, ``(3,)``.
        highest: Of the true log p at the cells.
    """

    seconds: np.ndarray
    gap: np.ndarray
    log_p: np.ndarray
    weights: np.ndarray
    highest: float


def recorded(config: Config) -> Recorded:
    """The recording of these data."""
    return cache.made(_recorded, config.name)


def _recorded(checkpoint: Checkpoint) -> Recorded:
    arrays, data = checkpoint.arrays, checkpoint.entry.data
    at, frames, dataset = recipe.cells_of(data), range(len(arrays["seconds"])), get_dataset(data)
    coupled = [[log_prob(learned(arrays, kind, data, f), at) for f in frames] for kind in KINDS[:2]]
    return Recorded(
        seconds=arrays["seconds"].astype(float),
        gap=arrays["gap"].astype(float),
        log_p=np.stack([*np.reshape(coupled, (2, -1, CELLS, CELLS)), arrays["density"]]).astype(np.float32),
        weights=np.array([sum(a[0].size for n, a in arrays.items() if n.startswith(f"{kind}.")) for kind in KINDS]),
        highest=float(dataset.standard_log_prob(at).max()),
    )


def scene(config: Config) -> Scene:
    """All three beside each other, and how far they are from the true density."""
    found = recorded(config)
    cost = costs()
    fields = (
        _density(f"{TITLES[kind]}: {cost[kind]}", found, log_p, config)
        for kind, log_p in zip(KINDS, found.log_p, strict=True)
    )
    return Scene(
        panels=(
            *fields,
            chart(
                "Gap to the entropy, nats",
                tuple(
                    Curve(name=kind, key=kind[0], x=found.seconds, y=gap, colour=COLOURS[kind])
                    for kind, gap in zip(KINDS, found.gap.T, strict=True)
                ),
                (0.0, 1.02 * float(found.seconds[-1])),
                _range(found.gap),
                x_label="seconds of one core",
                y_scale="log",
            ),
        ),
        steps=(1_000 * found.seconds).round().astype(int),
        time="ms of one core",
        readouts=tuple(Readout(f"gap, {kind}", gap, "nats", 3) for kind, gap in zip(KINDS, found.gap.T, strict=True)),
        **said(len(found.seconds), *_sentences(found)),
        alt="The densities of three flows while they are trained for the same time, and their gaps to the entropy.",
        fps=2,
    )


def _sentences(found: Recorded) -> list[Claim | str]:
    """Who is nearest after so long."""
    start, best = found.seconds == 0, found.gap.argmin(axis=1)
    return [
        Claim("Before the first step: couplings begin as the identity, the velocity with random weights.", start),
        *(Claim(f"{who} to the true density after so long.", best == k) for k, who in enumerate(NEAREST)),
    ]


NEAREST = ("Affine layers are nearest", "Splines are nearest", "The continuous flow is nearest")


def _density(title: str, found: Recorded, log_p: np.ndarray, config: Config) -> Panel:
    x, y = recipe.REACH[config.source]
    field = Field(
        name="log p(x)",
        key="p",
        values=log_p,
        extent=(-x, x, -y, y),
        limits=(found.highest - DEPTH, found.highest),
        unit="nats",
        alpha=0.85,
    )
    data = config.points(DATA, 6)
    dots = Points(name="data", key="d", xy=data, radius=1.8, colour="data", alpha=0.55, visible=False)
    return plane(title, (field, dots), (-x, x), (-y, y))


def _range(gap: np.ndarray) -> tuple[float, float]:
    """Of the chart: hugs the gaps."""
    return 0.8 * max(float(gap.min()), 1e-4), 1.25 * float(gap.max())


def costs() -> dict[str, str]:
    """What a sample costs: how many networks are asked, each once, or how often the one is."""
    layers = {kind: f"{NETWORKS[kind]['n_layers']} networks" for kind in KINDS[:2]}
    return layers | {"continuous": f"1 network, {ASKED * SOLVER.n_steps} times"}


def told(config: Config) -> list[str]:
    """What was compared, and what came of it."""
    found = recorded(config)
    seconds = f"{found.seconds[-1]:g}"
    gaps = ", ".join(f"{kind} {gap:.3f}" for kind, gap in zip(KINDS, found.gap[-1], strict=True))
    steps = ", ".join(f"{STEPS[kind] * TENTHS[-1]:,}" for kind in KINDS)
    weights = ", ".join(f"{n:,}" for n in found.weights)
    return [
        f"After {seconds} seconds, nats above the entropy: {gaps} ({recipe.JUDGED:,} held-out points).",
        f"In the same order: {steps} steps, as many as {seconds} seconds of one core of the recording machine gave; "
        f"{weights} weights. Other sizes, other seeds, another machine may rank them otherwise.",
        f"A sample asks {costs()['affine']} (affine) or {costs()['spline']} (splines), each once; the continuous "
        f"flow asks its one network {ASKED * SOLVER.n_steps} times: {SOLVER.n_steps} steps of Runge–Kutta. So does "
        "log p(x), and with the divergence besides.",
    ]


def code(config: Config) -> str:
    """The gaps of one moment, by the weights that were kept."""
    last = len(TENTHS) - 1
    return snippet(
        "from genmodels.recipes.flow_compare import KINDS, held_out, learned, log_prob",
        "from genmodels.store.checkpoint import load",
        f"arrays = load({config.name!r}).arrays",
        f"x, true = held_out({config.source!r})  # points, and their true log p",
        f"frame = {last}  # after ten seconds",
        "shown = {}",
        "for kind in KINDS:",
        f"    model = learned(arrays, kind, {config.source!r}, frame)",
        "    shown[f'gap, {kind}'] = (true - log_prob(model, x)).mean()",
    )


def steps() -> tuple[Callable[..., Any], ...]:
    """The functions at work."""
    from genmodels.flow_matching.ode import log_likelihood
    from genmodels.flows.couplings import forward

    return forward, log_likelihood
