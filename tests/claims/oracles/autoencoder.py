"""What the captions of autoencoder claim."""

import re

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from genmodels.autoencoder.runtime import ForwardAutoencoder
from genmodels.data.digits import load_mnist
from genmodels.store import cache
from tests.claims.shown import Oracle, Shown


def _pixels(split: str) -> np.ndarray:
    images = getattr(load_mnist(), split).images
    return images.reshape(len(images), -1) / 255


def _errors(shown: Shown) -> list[float]:
    names = ("1 number", "2 numbers", "8 numbers", "32 numbers", "1,000 numbers")
    return [shown.readout(name) for name in names]


def _falls(shown: Shown, match: re.Match[str]) -> bool:
    error = _errors(shown)
    return error == sorted(error, reverse=True)


def _narrow_ones_fall(shown: Shown, match: re.Match[str]) -> bool:
    *narrow, widest = _errors(shown)
    return narrow == sorted(narrow, reverse=True) and widest >= narrow[-1]


def _below_pca(shown: Shown, match: re.Match[str]) -> bool:
    test = _pixels("test")
    for size, error in zip((1, 2, 8, 32), _errors(shown), strict=False):
        axes = PCA(size).fit(_pixels("train"))
        linear = 100 * np.sqrt(np.mean((test - axes.inverse_transform(axes.transform(test))) ** 2))
        if error >= linear:
            return False
    return True


def _grey(shown: Shown, match: re.Match[str]) -> bool:
    """No copy's pixel is far from the mean of all: within a fifth of full ink."""
    _, *copies = (layer.pixels for _, layer in shown.scene.layers() if layer.kind == "images")
    now = np.stack([of[shown.frame] for of in copies]).astype(float)
    return shown.scene.steps[shown.frame] == 0 and np.abs(now - now.mean()).max() < 255 / 5


def _answers(shown: Shown) -> tuple[float, float, float]:
    return shown.readout("noisy picture"), shown.readout("copying"), shown.readout("denoising")


def _no_noise(shown: Shown, match: re.Match[str]) -> bool:
    noisy, copied, denoised = _answers(shown)
    return shown.readout("σ") == 0 and noisy < 1e-6 and copied < denoised


def _input_nearest(shown: Shown, match: re.Match[str]) -> bool:
    noisy, *answers = _answers(shown)
    return noisy < min(answers)


def _copying_nearer(shown: Shown, match: re.Match[str]) -> bool:
    noisy, copied, denoised = _answers(shown)
    return copied <= denoised < noisy


def _denoising_nearer(shown: Shown, match: re.Match[str]) -> bool:
    noisy, copied, denoised = _answers(shown)
    return denoised < copied < noisy


def _more_noise(shown: Shown, match: re.Match[str]) -> bool:
    trained = cache.load("autoencoder-noise").entry.config["networks"][1]["noise"]
    return shown.readout("σ") > trained == float(match["trained"]) and _denoising_nearer(shown, match)


def _lost(shown: Shown, match: re.Match[str]) -> bool:
    stored = cache.load("autoencoder-2d")
    network = ForwardAutoencoder(stored.arrays, stored.entry.config["activation"], stored.entry.config["loss"])
    known = network.encode(_pixels("test").astype(np.float32))
    near = NearestNeighbors(n_neighbors=2).fit(known)
    gap = np.median(near.kneighbors(known)[0][:, 1])
    drawn = shown.layer("random codes").xy
    far = near.kneighbors(drawn, n_neighbors=1)[0][:, 0] > int(match["times"]) * gap
    return far.sum() == int(match["lost"]) and len(drawn) == int(match["of"])


ORACLES: list[Oracle] = [
    Oracle(r"^Before training every copy is much the same grey", _grey),
    Oracle(r"^The more numbers, the smaller the error on unseen digits", _falls),
    Oracle(r"each bottleneck is below its PCA line", _below_pca),
    Oracle(
        r"Of the four bottlenecks the wider has the smaller error; 1,000 numbers are not yet below 32",
        _narrow_ones_fall,
    ),
    Oracle(r"^No noise: the input is the clean digit, and the copying network's error is the smaller", _no_noise),
    Oracle(r"^The noisy picture itself is nearer to the clean digit than either answer", _input_nearest),
    Oracle(r"^Both take noise away; the copying network is still the nearer", _copying_nearer),
    Oracle(r"^Both take noise away, though only one was trained to; that one is nearer", _denoising_nearer),
    Oracle(r"^More noise than .* \(σ = (?P<trained>[\d.]+)\); it is still the nearer", _more_noise),
    Oracle(r"^(?P<lost>\d+) of (?P<of>\d+) random codes .* than (?P<times>\d+) times the usual gap", _lost),
]
