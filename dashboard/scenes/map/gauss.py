"""A bit of Gauss in every one: the same dots of N(0, I) become data by four models.

A VAE takes a dot for a code, a GAN for its noise: one pass through a network, and there is a digit, or a point. A
flow takes it for its base, diffusion for x_T: many small steps. The flow is the probability-flow ODE of a mixture
that is known (Song et al. 2021, section 4.3), so that nobody had to train it; the other three are stored networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Claim, Layer, Panel, Points, Polylines, Readout, Scene, said
from dashboard.scene.colours import hue
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import ink, picture
from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.sampler import ReverseConfig, iterate_reverse
from genmodels.nn.runtime import Forward
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint
from genmodels.vae.runtime import ForwardVAE

RING = "ring8"
NEEDS = ("vae-2d", "gan-ring", "diffusion-dino")
DOTS, STEPS, REST = 300, 50, 5
COLUMNS, DIGITS, WIDE = 5, 25, 0.96
LIFT = 4.6  # Gauss lies below, data so much higher
X, Y = (-2.7, 2.7), (-2.7, LIFT + 2.6)


@dataclass(frozen=True)
class Config:
    """The seed of the dots."""

    seed: int = 0


def scene(config: Config) -> Scene:
    """Steps on one time axis; it rests before the first and after the last."""
    step = np.concatenate([np.zeros(REST, int), np.arange(STEPS + 1), np.full(REST, STEPS)])
    z = np.random.default_rng([config.seed, 31]).standard_normal((DOTS, 2))
    decoded, moved = (np.round(n * step / STEPS).astype(int) for n in (DIGITS, DOTS))
    x = lifted(generated(z))
    height = (step / STEPS)[:, None, None]
    return Scene(
        panels=(
            _panel("VAE: the code z", z, _digits(z, decoded), leaps(z, centres(), decoded)),
            _panel("GAN: the noise z", z, leaps(z, x, moved), _dots(z, leapt(z, x, moved))),
            _panel("Flow: the base z", z, _dots(z, lifted(flown(z)[step], height))),
            _panel("Diffusion: the noise z", z, _dots(z, lifted(denoised(z, config.seed)[step], height))),
        ),
        steps=np.arange(len(step)),
        time="frame",
        readouts=(
            Readout("step", step.astype(float), f"of {STEPS}", 0),
            Readout("digits of the VAE", decoded.astype(float), f"of {DIGITS}", 0),
            Readout("points of the GAN", moved.astype(float), f"of {DOTS}", 0),
        ),
        **said(
            len(step),
            Claim("Four times the same dots, drawn from N(0, I); a dot keeps its colour.", step == 0),
            Claim("Below what came in, Gauss; above what each model made of it.", step == STEPS),
            "VAE and GAN leap: one pass through a network. Flow and diffusion walk: many small steps.",
        ),
        alt="Four times the same Gaussian dots; above them digits, a ring by a GAN, one by a flow, a dinosaur.",
        fps=8,
        loop=True,
    )


def code(config: Config) -> str:
    """The same dots through the GAN's generator, and along the flow."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.planar import get_dataset",
        "from genmodels.diffusion.exact import ExactMixtureDenoiser",
        "from genmodels.diffusion.sampler import ReverseConfig, sample_reverse",
        "from genmodels.diffusion.schedules import get_schedule",
        "from genmodels.nn.runtime import Forward",
        "from genmodels.store.checkpoint import load",
        f"z = np.random.default_rng([{config.seed}, 31]).standard_normal(({DOTS}, 2))",
        f"data, up = get_dataset({RING!r}), np.array([0.0, {LIFT}])  # the picture draws x so much higher",
        "stored = load('gan-ring')",
        "generator = Forward(stored.arrays, 'generator', stored.entry.config['activation'])",
        "x = generator(z) * stored.arrays['scale'] + stored.arrays['centre']",
        f"way = ReverseConfig('ode', {STEPS})  # the flow: the probability-flow ODE of the mixture",
        "flown = sample_reverse(ExactMixtureDenoiser.of(data), z, get_schedule('cosine', 1000), way)",
        "shown = {'GAN: the noise z · x': data.standardise(x.astype(float)) + up,",
        "         'Flow: the base z · x': flown + up}",
    )


def lifted(x: np.ndarray, height: np.ndarray | float = 1.0) -> np.ndarray:
    """Drawn higher, ``(…, 2)``: below where it begins, above where it ends."""
    return x + np.array([0.0, LIFT]) * height


def _panel(title: str, z: np.ndarray, *layers: Layer) -> Panel:
    """What a model makes of the dots, over the dots themselves."""
    base = Points(name="z ~ N(0, I)", key="z", xy=z, values=hue(z), radius=2, alpha=0.45)
    return Panel(title, (base, *layers), X, Y, axes=False)


def _dots(z: np.ndarray, xy: np.ndarray) -> Points:
    return Points(name="x", key="x", xy=xy.astype(np.float32), values=hue(z), radius=2.5)


# --- One pass through a network -----------------------------------------------------------------------------


def leapt(z: np.ndarray, x: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The first so many dots are at x, the others still at z, ``(F, N, 2)``."""
    return np.where((np.arange(len(z)) < count[:, None])[..., None], x, z)


def leaps(z: np.ndarray, x: np.ndarray, count: np.ndarray) -> Polylines:
    """From where to where those have leapt that have moved since the frame before; x is ``(N or fewer, 2)``."""
    k = np.arange(len(x))
    now = (k < count[:, None]) & (k >= np.append(0, count[:-1])[:, None])
    ways = np.where(now[..., None, None], np.stack([z[: len(x)], x], axis=1), np.nan)
    return Polylines(name="leaps", key="l", xy=ways.astype(np.float32), colour="muted", width=1.2, alpha=0.8)


def centres() -> np.ndarray:
    """Where the digits lie, row by row, ``(DIGITS, 2)``."""
    row, column = np.divmod(np.arange(DIGITS), COLUMNS)
    middle = (COLUMNS - 1) / 2
    return lifted(WIDE * np.stack([column - middle, middle - row], axis=1))


def _vae(checkpoint: Checkpoint) -> ForwardVAE:
    return ForwardVAE(checkpoint.arrays, checkpoint.entry.config["activation"])


def _digits(z: np.ndarray, count: np.ndarray) -> Layer:
    """E[x | z] of the first dots, one by one."""
    means = ink(cache.made(_vae, "vae-2d").decode(z[:DIGITS]))
    there = (np.arange(DIGITS) < count[:, None])[..., None, None]
    corner = (-COLUMNS * WIDE / 2, LIFT + COLUMNS * WIDE / 2)
    return picture(np.where(there, means, 0).astype(np.uint8), corner, WIDE, COLUMNS, name="E[x | z]")


def _generator(checkpoint: Checkpoint) -> Forward:
    return Forward(checkpoint.arrays, "generator", checkpoint.entry.config["activation"])


def generated(z: np.ndarray) -> np.ndarray:
    """G(z) ``(N, 2)``, in units of the standardised data."""
    arrays = cache.arrays("gan-ring")
    x = cache.made(_generator, "gan-ring")(z) * arrays["scale"] + arrays["centre"]
    return get_dataset(RING).standardise(x.astype(float))


# --- Many small steps ---------------------------------------------------------------------------------------


def flown(z: np.ndarray) -> np.ndarray:
    """The ODE of the ring's mixture, from z to data, ``(STEPS + 1, N, 2)``."""
    denoiser = ExactMixtureDenoiser.of(get_dataset(RING))
    schedule = DenoiserConfig(**cache.load("diffusion-dino").entry.config).make_schedule()
    states = iterate_reverse(denoiser, z, schedule, ReverseConfig("ode", STEPS))
    return np.stack([state.x_t for state in states])


def _network(checkpoint: Checkpoint) -> tuple[ForwardDenoiser, DenoiserConfig]:
    config = DenoiserConfig(**checkpoint.entry.config)
    return ForwardDenoiser(checkpoint.arrays, config), config


def denoised(z: np.ndarray, seed: int) -> np.ndarray:
    """DDPM with the stored network, from z to data, ``(STEPS + 1, N, 2)``."""
    network, config = cache.made(_network, "diffusion-dino")
    rng = np.random.default_rng([seed, 32])
    states = iterate_reverse(network, z, config.make_schedule(), ReverseConfig(n_steps=STEPS), rng)
    return np.stack([state.x_t for state in states])
