"""Two over-wide networks, given noisy digits: one was trained to copy clean ones, one to take noise away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Claim, Curve, Readout, Scene, chart, first_true, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import rows
from genmodels.store import cache

ROWS = {"x": "pictures", "x + σ ε": "noisy", "copying": "copied", "denoising": "denoised"}
CURVES = {
    "noisy picture": ("rmse_noisy", "muted"),
    "copying": ("rmse_copied", "data"),
    "denoising": ("rmse_denoised", "model"),
}
TRAINED = 0.5


@dataclass(frozen=True)
class Config:
    """Nothing to choose: the noise is the time axis."""


def scene(config: Config) -> Scene:
    """More and more noise on the same digits."""
    arrays = cache.arrays("autoencoder-noise")
    sigma = arrays["noise"].astype(float)
    error = {name: 100 * arrays[key].astype(float) for name, (key, _) in CURVES.items()}
    top = 1.05 * max(float(values.max()) for values in error.values())
    curves = tuple(
        Curve(name=name, key="abcde"[k], x=sigma, y=error[name], colour=colour)
        for k, (name, (_, colour)) in enumerate(CURVES.items())
    )
    return Scene(
        panels=(
            rows(
                "The clean digit, the noisy one, and two answers",
                {name: arrays[key] for name, key in ROWS.items()},
                share=1.4,
                margin=2.0,
            ),
            chart(
                "Distance to the clean digit, % of full ink",
                curves,
                (0, float(sigma[-1])),
                (0, top),
                x_label="standard deviation σ of the noise",
            ),
        ),
        steps=np.arange(len(sigma)),
        time="frame",
        readouts=(Readout("σ", sigma, digits=2), *(Readout(name, y, "%", 1) for name, y in error.items())),
        **said(len(sigma), *_claims(sigma, error["noisy picture"], error["copying"], error["denoising"])),
        alt="Digits with more and more noise, and what a copying and a denoising autoencoder make of them.",
        fps=3,
    )


def code(config: Config) -> str:
    """The errors of the noisy pictures, and of the answers to all test digits that are kept, at the largest noise."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.store.checkpoint import load",
        "# Both were trained by fit_autoencoder(x, AutoencoderConfig(...)) of genmodels.autoencoder.model,",
        "# with the settings in stored.entry.config['networks'], which differ in noise alone.",
        "stored = load('autoencoder-noise')",
        "clean = load_mnist().test.images.reshape(-1, 784) / 255",
        "eps = np.random.default_rng(1).standard_normal(clean.shape, dtype=np.float32)",
        "\ndef error(x):",
        "    return 100 * np.sqrt(np.mean((x - clean) ** 2))  # % of full ink\n",
        "shown = {",
        "    'σ': stored.arrays['noise'],",
        "    'noisy picture': np.array([error(clean + sigma * eps) for sigma in stored.arrays['noise']]),",
        "    # the answers of both at σ = 1, in the last frame",
        "    'copying': error(stored.arrays['test_copied'][-1].reshape(-1, 784) / 255),",
        "    'denoising': error(stored.arrays['test_denoised'][-1].reshape(-1, 784) / 255),",
        "}",
    )


def _claims(sigma: np.ndarray, noisy: np.ndarray, copied: np.ndarray, denoised: np.ndarray) -> list[Claim]:
    both, better = np.maximum(copied, denoised) < noisy, denoised < copied
    return [
        Claim(
            "No noise: the input is the clean digit, and the copying network's error is the smaller.",
            (sigma == 0) & (copied < denoised),
        ),
        Claim(
            "The noisy picture itself is nearer to the clean digit than either answer.",
            noisy < np.minimum(copied, denoised),
        ),
        Claim("Both take noise away; the copying network is still the nearer to the clean digit.", both & ~better),
        Claim(
            f"More noise than the denoising network was trained on (σ = {TRAINED:g}); it is still the nearer.",
            (sigma > TRAINED) & both & better,
        ),
        Claim(
            "Both take noise away, though only one was trained to; that one is nearer to the clean digit.",
            both & better,
        ),
    ]


def errors(sigma: float) -> tuple[float, float, float]:
    """Distance to the clean digit at a noise of the recording, % of full ink: noisy, copied, denoised."""
    arrays = cache.arrays("autoencoder-noise")
    k = int(np.abs(arrays["noise"] - sigma).argmin())
    noisy, copied, denoised = (100 * float(arrays[key][k]) for key, _ in CURVES.values())
    return noisy, copied, denoised


def sentences() -> tuple[str, ...]:
    """What both make of the noise that one was trained on, and of more."""
    noisy, copied, denoised = errors(TRAINED)
    *_, most = errors(1.0)
    return (
        f"At σ = {TRAINED:g} the noisy picture is {noisy:.1f} % from the clean digit, the copying network's answer "
        f"{copied:.1f} %, the denoising one's {denoised:.1f} %."
        + first_true(
            Claim(
                " To copy clean digits was all that it was trained for; noise it passes on in part only.",
                copied < noisy,
            )
        ),
        f"Beyond the noise it was trained on the denoising network's error is larger, {most:.1f} % at σ = 1: its "
        "answers still look like digits, but some are of another class.",
    )
