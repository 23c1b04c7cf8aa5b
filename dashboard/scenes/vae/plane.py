"""The latent plane: digits as points, the decoder under the probe, and one digit's way through the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import (
    Arrows,
    Diagram,
    Edge,
    Ellipses,
    Field,
    Handle,
    Images,
    Labels,
    Node,
    Panel,
    Points,
    Readout,
    Scene,
    plane,
)
from dashboard.scene.drag import handle
from dashboard.scene.fields import placed
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.pictures import binary, chosen, codes, flat, ink, picture
from dashboard.scenes.vae.setup import (
    EXTENT,
    PLANE,
    SHEET,
    SHEET_REACH,
    aggregate,
    aggregate_field,
    known,
    network_code,
    prior,
    prior_circles,
)
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NODES = (
    Node("x", (0.8, -1.6), (1.5, 0.8), round=True),
    Node("μ, σ", (3.8, -1.6), (1.5, 0.9)),
    Node("z = μ + σ ε", (6.9, -1.6), (3.2, 0.9), round=True),
    Node("x̂", (10.5, -1.6), (1.5, 0.8), round=True),
    Node("ε ~ N(0, I)", (6.9, 0.1), (3.0, 0.75), round=True),
)
EDGES = (Edge(0, 1, "encoder"), Edge(1, 2), Edge(2, 3, "decoder"), Edge(4, 2))
STAGES = np.array(
    [  # x, μσ, z, x̂, ε, then the four edges
        (1, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 1, 0, 0, 0, 1, 0, 0, 0),
        (0, 0, 1, 0, 1, 0, 1, 0, 1),
        (0, 0, 0, 1, 0, 0, 0, 1, 0),
    ],
    dtype=float,
)
CAPTIONS = (
    "A digit x comes in.",
    "The encoder answers with a Gaussian q(z | x) = N(μ, σ²): where its code may lie.",
    "A code is drawn: z = μ + σ ε.",
    "The decoder makes a picture of it, E[x | z].",
)


@dataclass(frozen=True)
class Config:
    """Where the probe is in the plane, and the seed of the codes drawn."""

    z_1: float = placed(0.0, *PLANE)
    z_2: float = placed(0.0, *PLANE)
    seed: int = 0


def scene(config: Config) -> Scene:
    """Ten digits, four stages each."""
    model = known()
    at = np.repeat(chosen(model.labels), len(STAGES))
    stage = np.tile(np.arange(len(STAGES)), 10)
    drawn, copies = _drawn(config.seed, cache.load("vae-2d").entry.sha256)
    z, copies = np.repeat(drawn, len(STAGES), axis=0), np.repeat(copies, len(STAGES), axis=0)
    probe = np.array([[config.z_1, config.z_2]])
    frames = len(at)
    ratio = float(aggregate(model, probe)[0] / prior(probe)[0])
    full = np.full(frames, 1.0)
    return Scene(
        panels=(_plane(at, stage, z, probe), _model(at, stage, copies, probe)),
        steps=np.arange(frames),
        time="frame",
        readouts=(
            Readout("hand z₁", config.z_1 * full, digits=2),
            Readout("hand z₂", config.z_2 * full, digits=2),
            Readout("prior p(z) there", float(prior(probe)[0]) * full, digits=4),
            Readout("ratio q(z) ÷ p(z)", ratio * full, digits=2),
            Readout("σ₁ of this digit", model.sigma[at, 0], digits=3),
            Readout("σ₂", model.sigma[at, 1], digits=3),
        ),
        captions=CAPTIONS,
        caption=stage,
        alt="Digits as points in a plane, the encoder's Gaussian for one of them, and the decoded picture at a hand.",
        fps=1.2,
        loop=True,
        handles=(Handle("z", probe[0], probe=True),),
    )


def code(config: Config) -> str:
    """The encoder's codes, both densities at the hand, and what the decoder makes of it."""
    return snippet(
        "import numpy as np",
        network_code(),
        "mu, sigma = network.encode(x)  # q(z | x) = N(μ, σ²)",
        f"z = {written(np.array([[config.z_1, config.z_2]]))}  # under the hand",
        "prior = np.exp(-0.5 * (z**2).sum()) / (2 * np.pi)",
        "each = np.exp(-0.5 * (((z - mu) / sigma) ** 2).sum(axis=1)) / (2 * np.pi * sigma.prod(axis=1))",
        "sigma_1, sigma_2 = sigma[labels == 9][0]  # of the last digit shown, the first nine",
        "shown = {",
        "    'prior p(z) there': prior,",
        "    'ratio q(z) ÷ p(z)': each.mean() / prior,",
        "    'σ₁ of this digit': sigma_1, 'σ₂': sigma_2,",
        "    'test digits': mu,",
        "    'The model': np.round(255 * network.decode(z)).reshape(-1, 28, 28),  # E[x | z], 255 is ink",
        "}",
    )


def _plane(at: np.ndarray, stage: np.ndarray, z: np.ndarray, probe: np.ndarray) -> Panel:
    model = known()
    density = cache.made(aggregate_field, "vae-2d")
    shown = (stage >= 1)[:, None, None]
    layers = (
        Field(
            name="all digits' q(z)",
            key="q",
            values=density,
            extent=EXTENT,
            limits=(0, float(density.max())),
            visible=False,
        ),
        Images(
            name="decoded sheet",
            key="m",
            visible=False,
            pixels=cache.made(decoded_sheet, "vae-2d"),
            columns=SHEET,
            extent=sheet_extent(),
        ),
        prior_circles(),
        *codes(model.mu, model.labels),
        Ellipses(
            name="q(z | x) of this digit",
            key="e",
            mean=np.where(shown, model.mu[at][:, None], np.nan),
            covariance=np.eye(2) * (model.sigma[at] ** 2)[:, None, None, :],
            colour="model",
            width=3,
        ),
        Points(
            name="z drawn",
            key="z",
            xy=np.where((stage >= 2)[:, None, None], z[:, None], np.nan),
            radius=7,
            colour="model",
        ),
        Arrows(
            name="σ ε",
            key="a",
            start=model.mu[at][:, None],
            delta=np.where((stage == 2)[:, None, None], (z - model.mu[at])[:, None], np.nan),
            colour="model",
            width=3,
        ),
        Points(name="hand", xy=probe, radius=6, colour="ink"),
    )
    return plane("Latent plane: drag through it", layers, PLANE, PLANE, labels=("z₁", "z₂"), share=1.6)


@lru_cache(maxsize=8)
def _drawn(seed: int, sha256: str) -> tuple[np.ndarray, np.ndarray]:
    """A code of each of ten digits, ``(10, 2)``, and its picture: the probe does not change them."""
    model = known()
    at = chosen(model.labels)
    z = model.mu[at] + model.sigma[at] * np.random.default_rng([seed, 4]).standard_normal((10, 2))
    return z, ink(model.network.decode(z))


def _model(at: np.ndarray, stage: np.ndarray, copies: np.ndarray, probe: np.ndarray) -> Panel:
    x = 255 * binary().images[at][:, None]
    copy = np.where((stage == 3)[:, None, None, None], copies[:, None], 0).astype(np.uint8)
    layers = (
        picture(ink(known().network.decode(probe)), (2.9, 7.4), 5.6),
        Labels(name="", at=np.array([[5.7, 7.75]]), texts=("decoded under the hand: E[x | z]",)),
        picture(x, (-0.2, 1.0), 2.0),
        picture(copy, (9.5, 1.0), 2.0),
        Diagram(name="model", nodes=NODES, edges=EDGES, active=STAGES[stage]),
    )
    return Panel("The model", layers, (-0.2, 11.5), (-2.2, 8.1), axes=False)


def sheet_extent() -> tuple[float, float, float, float]:
    """Edges of the sheet: its pictures' centres lie on the codes that they show."""
    half = SHEET_REACH + SHEET_REACH / (SHEET - 1)
    return (-half, half, -half, half)


def decoded_sheet(checkpoint: Checkpoint) -> np.ndarray:
    """20 × 20 codes of the plane, decoded: ``(400, 28, 28)`` uint8, from the upper left, row by row."""
    at = np.linspace(-SHEET_REACH, SHEET_REACH, SHEET)
    z = np.stack(np.meshgrid(at, at[::-1]), axis=-1).reshape(-1, 2)
    return ink(known(checkpoint.entry.name).network.decode(z))


def holes() -> float:
    """Share of the prior's draws at which q(z) of the test digits is below a tenth of p(z), 0 … 1."""
    return cache.made(_holes, "vae-2d")


def _holes(checkpoint: Checkpoint) -> float:
    z = np.random.default_rng(0).standard_normal((4000, 2))
    return float((aggregate(known(checkpoint.entry.name), z) < 0.1 * prior(z)).mean())


def target(seed: int) -> tuple[np.ndarray, float]:
    """A test digit to be found by hand, ``(28, 28)`` uint8, dark on light; what the encoder's μ costs, nats."""
    index = _target(seed)
    return 255 - 255 * binary().images[index], _cost(index, known().mu[index])


def within_reach(best: float) -> int:
    """What is near enough to the encoder's own answer, nats."""
    return math.ceil(best + 10)


def cost(seed: int, config: Config) -> float:
    """−log p(x | z) of that digit at the hand's z, nats."""
    return _cost(_target(seed), np.array([config.z_1, config.z_2]))


def _target(seed: int) -> int:
    return int(np.random.default_rng([seed, 9]).choice(cache.made(_unlike_the_middle, "vae-2d")))


def _unlike_the_middle(checkpoint: Checkpoint) -> np.ndarray:
    """Indices of test digits that are not found where the probe is at first."""
    network, mu, *_ = known(checkpoint.entry.name)
    x = flat(binary().images)
    return np.flatnonzero(network.log_prob(x, mu) - network.log_prob(x, np.zeros_like(mu)) > 30)


def _cost(index: int, z: np.ndarray) -> float:
    x = flat(binary().images[index : index + 1])
    return -float(known().network.log_prob(x, z[None])[0])


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the probe has moved."""
    at = np.clip(handle(values, "z"), *PLANE).round(2)
    return replace(config, z_1=float(at[0]), z_2=float(at[1]))
