"""A GAN trained long, from the store: a ring of eight, or twenty-five modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Claim, Curve, Field, Panel, Points, Polylines, Readout, Scene, chart, plane, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.gan.setup import CELLS, World, mode_rings, world_of
from genmodels.nn.runtime import Forward, sigmoid
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

WHICH = {"gan-grid": "Twenty-five modes", "gan-ring": "A ring of eight"}


@dataclass(frozen=True)
class Config:
    """Which checkpoint."""

    modes: str = choice("Trained", "gan-grid", WHICH | {"live": "Twenty-five, live"})


def scene(config: Config) -> Scene:
    """Training steps, thinned."""
    checkpoint = cache.load(config.modes)
    arrays, known = checkpoint.arrays, world_of(checkpoint.entry.config["data"])
    assert known.centres is not None
    steps = arrays["steps"].astype(float)
    modes = 100 * arrays["modes"].astype(float) / len(known.centres)
    quality = 100 * arrays["quality"].astype(float)
    last, truth = float(steps[-1]), known.true_quality
    return Scene(
        panels=(
            _plane(arrays["samples"].astype(np.float32), cache.made(verdict, config.modes), known),
            chart(
                "Modes held, and quality, in %",
                (
                    Curve(name="modes held", key="h", x=steps, y=modes, colour="class2"),
                    Curve(name="high quality", key="q", x=steps, y=quality, colour="model"),
                    Polylines(name="", xy=np.array([[[0, truth], [last, truth]]]), colour="truth", dashed=True),
                ),
                (0, last),
                (0, 104),
                x_label="step",
            ),
        ),
        steps=arrays["steps"].astype(int),
        time="step",
        readouts=(
            Readout(f"modes of {len(known.centres)}", arrays["modes"].astype(float), digits=0),
            Readout("high quality", quality, "%", 1),
            Readout("reverse KL", arrays["reverse_kl"].astype(float), "nats", 4),
            Readout("true samples", np.full(len(steps), truth), "%", 1),
        ),
        **said(
            len(steps),
            Claim("Some modes are still missing.", modes < 100),
            Claim("Every mode is held, but fewer than 90 % of the samples lie within 3 σ of one.", quality < 90),
            "Every mode is held, and at least 90 % of the samples lie within 3 σ of one.",
        ),
        alt="Generated points settle on the modes of the data over a long training.",
        fps=12,
    )


def code(config: Config) -> str:
    """The samples of the generator that is kept, from the noise of all frames."""
    centres = world_of(cache.load(config.modes).entry.config["data"]).centres
    assert centres is not None
    return snippet(
        "from genmodels.data.planar import get_dataset",
        "from genmodels.gan import GANConfig, iterate_gan",
        "from genmodels.metrics import mode_coverage",
        "from genmodels.nn.runtime import Forward",
        "from genmodels.store.checkpoint import load",
        f"stored = load({config.modes!r})",
        "config = GANConfig(**stored.entry.config)  # how it was trained, by iterate_gan(None, config)",
        "generator = Forward(stored.arrays, 'generator', config.activation)",
        "noise = next(iterate_gan(None, config)).noise  # of the samples that are shown",
        "samples = stored.arrays['centre'] + stored.arrays['scale'] * generator(noise)",
        "data = get_dataset(config.data)",
        "modes, quality, reverse_kl = mode_coverage(samples, data.centres, data.sigma)",
        f"shown = {{'modes of {len(centres)}': modes, 'high quality': 100 * quality, 'reverse KL': reverse_kl}}",
    )


def story(name: str) -> str:
    """When all modes were first held, and what the falling learning rates did for the quality."""
    checkpoint = cache.load(name)
    config, arrays = checkpoint.entry.config, checkpoint.arrays
    steps, quality = arrays["steps"], 100 * arrays["quality"].astype(float)
    found = int(steps[arrays["modes"] == arrays["modes"].max()][0])
    half = config["n_steps"] / 2
    before, after = np.median(quality[(steps > half / 2) & (steps <= half)]), np.median(quality[steps > 1.5 * half])
    return (
        f"{int(arrays['modes'].max())} modes are first held at step {found:,}. The learning rates fall in the second "
        f"half: the median quality is {before:.0f} % in the second quarter and {after:.0f} % in the last."
    )


def _plane(samples: np.ndarray, judged: np.ndarray, known: World) -> Panel:
    (x0, x1), (y0, y1) = known.box
    layers = (
        Field(
            name="what D says at the end",
            key="d",
            values=judged,
            extent=known.extent,
            limits=(0.0, 1.0),
            colour_map="diverging",
            alpha=0.85,
            visible=False,
        ),
        Points(name="real", key="r", xy=known.real, radius=2, colour="muted", alpha=0.6),
        Points(name="generated", key="g", xy=samples, radius=2.5, colour="model"),
        mode_rings(known),
    )
    return plane("Generated points among the real ones", layers, (x0, x1), (y0, y1))


def verdict(checkpoint: Checkpoint) -> np.ndarray:
    """D on the plane at the end of training, ``(CELLS, CELLS)``; for :func:`genmodels.store.cache.made`."""
    known = world_of(checkpoint.entry.config["data"])
    discriminator = Forward(checkpoint.arrays, "discriminator", checkpoint.entry.config["activation"])
    at = (cell_centres(known.extent, CELLS) - checkpoint.arrays["centre"]) / checkpoint.arrays["scale"]
    packed = np.tile(at, (1, discriminator.sizes[0] // 2))  # where D judges several at once: all at one place
    return sigmoid(discriminator(packed)[:, 0]).reshape(CELLS, CELLS).astype(np.float32)
