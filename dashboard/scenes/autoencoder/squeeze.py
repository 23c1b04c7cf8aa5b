"""Through the bottleneck and back: 1, 2, 8, 32 numbers, and more than there are pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import (
    Claim,
    Curve,
    Diagram,
    Edge,
    Node,
    Panel,
    Polylines,
    Readout,
    Scene,
    chart,
    first_true,
    said,
)
from dashboard.scene.snippet import snippet
from dashboard.scenes.autoencoder import noise
from dashboard.scenes.pictures import rows
from genmodels.store import cache

COLOURS = ("class1", "class0", "class2", "class3", "model")
NODES = (
    Node("x\n784", (0.8, 0.0), (1.5, 3.2)),
    Node("z\nM", (4.3, 0.0), (1.1, 1.2), round=True),
    Node("x̂\n784", (7.8, 0.0), (1.5, 3.2)),
)
EDGES = (Edge(0, 1, "f"), Edge(1, 2, "g"))


@dataclass(frozen=True)
class Config:
    """Nothing to choose: five trainings on one time axis."""


def scene(config: Config) -> Scene:
    """Epochs of five trainings side by side."""
    arrays = cache.arrays("autoencoder-squeeze")
    epochs, sizes = arrays["epochs"].astype(float), arrays["bottlenecks"].tolist()
    frames = len(epochs)
    names = [f"{size:,} number{'s' * (size > 1)}" for size in sizes]
    error, pca = (100 * arrays[key].astype(float) for key in ("test_rmse", "pca_rmse"))
    copies = {name: arrays["reconstructions"][:, m] for m, name in enumerate(names)}
    return Scene(
        panels=(
            rows("Each test digit, and its copies", {"x": arrays["pictures"], **copies}, share=1.25, margin=2.6),
            _model(),
            _errors(epochs, names, error, pca),
        ),
        steps=arrays["epochs"].astype(int),
        time="epoch",
        readouts=tuple(Readout(name, error[:, m], "%", 1) for m, name in enumerate(names)),
        **said(frames, *_claims(arrays["reconstructions"], error, pca[:-1])),
        alt="Eight digits and their reconstructions by five autoencoders while these are trained.",
        fps=4,
    )


def code(config: Config) -> str:
    """The first epoch of the trainings with a bottleneck, and the error on unseen digits after it."""
    return snippet(
        "import numpy as np",
        "from genmodels.autoencoder.model import AutoencoderConfig, iterate_autoencoder",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.store.checkpoint import load",
        "digits = load_mnist()",
        "x, unseen = (split.images.reshape(-1, 784) / 255 for split in (digits.train, digits.test))",
        "step = 1  # epoch, of 40 minibatches; more take longer",
        "shown = {}",
        "settings = load('autoencoder-squeeze').entry.config['networks']",
        "for one in settings[:4]:  # the bottlenecks; the fifth has 1,000 numbers, and takes longer",
        "    config = AutoencoderConfig(**one, every=40)",
        "    state = next(state for state in iterate_autoencoder(x, config) if state.epoch == step)",
        "    copies = state.forward()(unseen)  # f, then g",
        "    name = f\"{config.n_bottleneck:,} number{'s' * (config.n_bottleneck > 1)}\"",
        "    shown[name] = 100 * np.sqrt(np.mean((copies - unseen) ** 2))  # % of full ink",
    )


def _claims(copies: np.ndarray, error: np.ndarray, pca: np.ndarray) -> list[Claim]:
    flat = (copies.std(axis=(2, 3, 4)) < 0.05 * 255).all(axis=1)
    falls = np.diff(error, axis=1) < 0
    all_fall, narrow_fall = (np.asarray(some.all(axis=1)) for some in (falls, falls[:, :-1]))
    below = (error[:, : len(pca)] < pca).all(axis=1)
    return [
        Claim("Before training every copy is much the same grey, whatever the digit.", flat),
        Claim(
            "The more numbers, the smaller the error on unseen digits; each bottleneck is below its PCA line.",
            all_fall & below,
        ),
        Claim("The more numbers, the smaller the error on unseen digits.", all_fall),
        Claim(
            "Of the four bottlenecks the wider has the smaller error; 1,000 numbers are not yet below 32.",
            narrow_fall & ~falls[:, -1],
        ),
    ]


def sentences() -> tuple[str, ...]:
    """What the errors at the end of the trainings say, and what bends gain over PCA."""
    arrays = cache.arrays("autoencoder-squeeze")
    sizes, last, pca = arrays["bottlenecks"].tolist(), 100 * arrays["test_rmse"][-1], 100 * arrays["pca_rmse"][:-1]
    gains = 100 * (1 - last[:-1] / pca)
    listed = " · ".join(f"{size}: {gain:.0f} %" for size, gain in zip(sizes, gains, strict=False))
    return (
        "*Dashed*: PCA with as many numbers, of all linear networks the one with the least squared error on the "
        f"training digits. What bends take off its error on unseen digits, by the number of numbers: {listed}."
        + first_true(Claim(" The gain grows with the numbers kept.", (np.diff(gains) > 0).all())),
        f"**{sizes[-1]:,} numbers**, more than the 784 pixels: nothing has to be left out, and passing every pixel "
        f"on would make no error at all. After {arrays['epochs'][-1]} epochs it makes one of {last[-1]:.1f} %"
        + first_true(Claim(", the smallest of the five.", last.argmin() == len(last) - 1), "."),
    )


def told_by_error() -> str:
    """What the smallest error says, and what it does not: the same network and its denoising twin, given noise."""
    widest = 100 * float(cache.arrays("autoencoder-squeeze")["test_rmse"][-1, -1])
    noisy, copied, denoised = noise.errors(0.5)
    _, _, clean = noise.errors(0.0)
    return (
        f"The widest makes an error of {widest:.1f} %, and no bottleneck forces it to choose what to keep: it need "
        "not know digits to copy them well. Nor does the error on clean digits say what it makes of other pictures. "
        f"With noise on them (σ = 0.5, {noisy:.1f} % away) its answers are {copied:.1f} % from the clean digits, "
        f"those of its twin that was trained to denoise {denoised:.1f} %; without noise the twin's error is "
        f"{clean:.1f} %. See the next cue."
    )


def _model() -> Panel:
    diagram = Diagram(name="model", nodes=NODES, edges=EDGES, active=np.array([0, 1, 0, 0, 0.0]))
    return Panel("M numbers: 1, 2, 8, 32, 1,000", (diagram,), (0, 8.6), (-1.7, 1.7), axes=False, share=0.5)


def _errors(epochs: np.ndarray, names: list[str], error: np.ndarray, pca: np.ndarray) -> Panel:
    last = float(epochs[-1])
    low = 0.8 * float(min(error.min(), pca[:-1].min()))
    curves = [
        Curve(name=name, key="abcde"[m], x=epochs, y=error[:, m], colour=COLOURS[m]) for m, name in enumerate(names)
    ]
    lines = [
        Polylines(
            name="PCA with as many numbers",
            key="l",
            xy=np.array([[[0, y], [last, y]]]),
            colour=COLOURS[m],
            dashed=True,
        )
        for m, y in enumerate(pca[:-1])
    ]
    return chart(
        "Error on 500 test digits, % of full ink",
        (*lines, *curves),
        (0, last),
        (low, 60),
        x_label="epoch",
        y_label="root mean square error, %",
        y_scale="log",
    )
