"""A GAN on digits, from the store: 200 epochs, and a walk through its latent space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Claim, Readout, Scene, chart, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import DIGITS, ink, sheet
from genmodels.nn.runtime import Forward
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NAME = "gan-digits"
WHAT = {"epochs": "Its training, epoch by epoch", "walk": "A walk through its latent space"}
STOPS, BETWEEN = 6, 16


@dataclass(frozen=True)
class Config:
    """What is shown, and the seed of the walk."""

    digits: str = choice("Show", "epochs", WHAT)
    seed: int = 0


def scene(config: Config) -> Scene:
    """Epochs, or places on a closed walk."""
    return _epochs() if config.digits == "epochs" else _walk(config)


def _epochs() -> Scene:
    arrays = cache.arrays(NAME)
    classes = 100 * arrays["classes"].astype(float)
    share = classes / 100
    entropy = -np.where(share > 0, share * np.log(np.maximum(share, 1e-12)), 0).sum(axis=1)
    return Scene(
        panels=(
            sheet("Forty fixed noises", arrays["samples"], 8, share=1.3),
            chart(
                "Which digits it draws, in % (10 each would be fair)",
                (Bars(name="share", key="s", height=classes, labels=DIGITS, classes=True),),
                (-0.6, 9.6),
                (0, 1.05 * float(classes[len(classes) // 3 :].max())),
                x_label="class, by the CNN",
            ),
        ),
        steps=arrays["epochs"].astype(int),
        time="epoch",
        readouts=(
            Readout("entropy of the classes", entropy, "nats", 3),
            Readout("even shares", np.full(len(entropy), np.log(10)), "nats", 3),
            Readout("rarest class", classes.min(axis=1), "%", 1),
        ),
        **said(
            len(entropy),
            Claim("At least one class is hardly drawn at all (below 1 %).", classes.min(axis=1) < 1),
            "Each class is drawn, but not as often as the others: G is paid for what D takes for real.",
        ),
        alt="Forty generated digits over two hundred epochs, and how often each class is drawn.",
        fps=4,
    )


def shares() -> str:
    """How evenly the classes are drawn at the end."""
    last = 100 * cache.arrays(NAME)["classes"][-1].astype(float)
    rare, often = int(last.argmin()), int(last.argmax())
    return f"the {rare}s are {last[rare]:.0f} % of what it draws, the {often}s {last[often]:.0f} %"


def generator(checkpoint: Checkpoint) -> Forward:
    """For :func:`genmodels.store.cache.made`."""
    return Forward(checkpoint.arrays, "generator", "relu")


def _walk(config: Config) -> Scene:
    arrays, network = cache.arrays(NAME), cache.made(generator, NAME)
    stops = np.random.default_rng([config.seed, 2]).standard_normal((STOPS, network.sizes[0]))
    t = np.linspace(0, 1, BETWEEN, endpoint=False)[:, None]
    z = np.concatenate([_between(a, b, t) for a, b in zip(stops, np.roll(stops, -1, axis=0), strict=True)])
    pictures = ink(arrays["centre"] + arrays["scale"] * network(z))
    at_stops = ink(arrays["centre"] + arrays["scale"] * network(stops))
    length = np.linalg.norm(z, axis=1)
    return Scene(
        panels=(
            sheet("G(z) on the way", pictures[:, None], 1, share=1.2),
            sheet("The stops", at_stops, 3, share=1.0),
        ),
        steps=np.arange(len(z)),
        time="frame",
        readouts=(
            Readout("stop", np.arange(len(z)) // BETWEEN + 1.0, digits=0),
            Readout("length of z", length, digits=2),
        ),
        captions=("Between two noises the picture changes in small steps; between two classes it may be no digit.",),
        caption=0,
        alt="A generated digit changes while its noise walks from one random place to another.",
        fps=10,
        loop=True,
    )


def code(config: Config) -> str:
    """The generator that is kept: which digits it draws at the end, or its pictures along the walk."""
    kept = (
        "import numpy as np",
        "from genmodels.nn.runtime import Forward",
        "from genmodels.store.checkpoint import load",
        f"stored = load({NAME!r})",
        "generator = Forward(stored.arrays, 'generator', 'relu')",
    )
    return snippet(*kept, *(_EPOCHS_CODE if config.digits == "epochs" else _walk_code(config)))


_EPOCHS_CODE = (
    "from genmodels.cnn import predict_proba",
    "from genmodels.data.digits import load_mnist",
    "from genmodels.gan import GANConfig, iterate_gan",
    "from genmodels.recipes.cnn import model_of",
    "x = load_mnist().train.images.reshape(-1, 784) / 255",
    "config = GANConfig(**stored.entry.config, n_samples=500)  # how it was trained, by iterate_gan(x, config)",
    "noise = next(iterate_gan(x, config)).noise",
    "pictures = stored.arrays['centre'] + stored.arrays['scale'] * generator(noise)",
    "pictures = np.clip(pictures, 0, 1).reshape(-1, 28, 28)",
    "classes = predict_proba(model_of(load('cnn').arrays), pictures).argmax(axis=1)",
    "share = np.bincount(classes, minlength=10) / len(classes)",
    "shown = {",
    "    'share': 100 * share, 'rarest class': 100 * share.min(),",
    "    'entropy of the classes': -np.sum(share * np.log(share), where=share > 0),",
    "}",
)


def _walk_code(config: Config) -> tuple[str, ...]:
    return (
        f"stops = np.random.default_rng([{config.seed}, 2]).standard_normal(({STOPS}, 32))",
        f"t = np.linspace(0, 1, {BETWEEN}, endpoint=False)[:, None]",
        "\ndef between(a, b):  # along the great circle, as Gaussian noise lies near a sphere",
        "    angle = np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))",
        "    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)\n",
        "z = np.concatenate([between(a, b) for a, b in zip(stops, np.roll(stops, -1, axis=0))])",
        "pictures = stored.arrays['centre'] + stored.arrays['scale'] * generator(z)",
        "pictures = np.clip(255 * pictures, 0, 255).round().reshape(-1, 28, 28)  # 0 paper, 255 ink",
        "shown = {'length of z': np.linalg.norm(z, axis=1), 'G(z) on the way': pictures[-1:]}",
    )


def _between(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Along the great circle: the straight way would pass where Gaussian noise hardly ever is (White 2016)."""
    angle = np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
