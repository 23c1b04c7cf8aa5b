"""Autoencoders: errors from the pictures themselves, PCA by eigenvectors, codes and copies by torch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

from dashboard.scenes.autoencoder import dream
from genmodels.store import cache
from tests.oracles import latent
from tests.oracles.latent import exactly, inked, labels, rows_of
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "dream": [
        dream.Config(code_1=12.5, code_2=-4.25, seed=3),
        dream.Config(code_1=-30.0, code_2=55.0, seed=11),
    ]
}
SIZES = (1, 2, 8, 32, 1000)
EPOCHS = (*range(11), *range(12, 41, 2))
CURVES = ("1 number", "2 numbers", "8 numbers", "32 numbers", "1,000 numbers")

latent.units(ORACLES, {".*numbers?|noisy picture|copying|denoising": "%", "σ|.*code|.*codes": ""})


def rmse(x: np.ndarray, y: np.ndarray) -> float:
    """Root mean square error over all pixels, % of full ink."""
    return float(100 * np.sqrt(((x - y) ** 2).mean()))


# --- squeeze ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def pca() -> list[float]:
    """The test digits' error by the mean and the leading eigenvectors of the training digits' covariance."""
    train, test = rows_of("train", False), rows_of("test", False)
    _, vectors = np.linalg.eigh(np.cov(train.T))
    centred = test - train.mean(axis=0)
    return [rmse(centred @ (v := vectors[:, -m:]) @ v.T, centred) for m in SIZES[:-1]]


def error(seen: Seen, which: int) -> float:
    return 100 * float(cache.arrays("autoencoder-squeeze")["test_rmse"][seen.frame, which])


@ORACLES("squeeze", "Images ")
def digit_and_copies(seen: Seen) -> dict[str, Any]:
    copies = cache.arrays("autoencoder-squeeze")["reconstructions"][seen.frame]
    pixels = rows_of("test", False)[:8].reshape(8, 28, 28) * 255 if seen.k == 0 else copies[seen.k - 1]
    return latent.in_row(seen) | {"pixels": About(pixels, 0, 1e-6)}


@ORACLES("squeeze", "Labels ")
def names_of_copies(seen: Seen) -> dict[str, Any]:
    return latent.row_names(("x", *CURVES))


@ORACLES("squeeze", "Diagram model")
def bottleneck_is_lit(seen: Seen) -> dict[str, Any]:
    nodes = [node.text for node in seen.thing.nodes]  # type: ignore[union-attr]
    return {"active": [float(text.startswith("z")) for text in nodes] + [0.0] * (seen.at("active").size - len(nodes))}


@ORACLES("squeeze", "Polylines PCA with as many numbers")
def pca_line(seen: Seen) -> dict[str, Any]:
    colour = seen.other(CURVES[seen.k], seen.panel).thing.colour  # type: ignore[union-attr]
    last = EPOCHS[-1]
    return {"xy": [[[0, pca()[seen.k]], [last, pca()[seen.k]]]], "colour": colour}


@ORACLES("squeeze", "(Curve|Readout) .* numbers?")
def error_of_copies(seen: Seen) -> Any:
    name = seen.name.split(" ", 1)[1]
    y = About(error(seen, CURVES.index(name)))
    return {"y": y, "x": EPOCHS[seen.frame]} if seen.name.startswith("Curve") else y


@ORACLES("squeeze", "Curve .* numbers?")
def epoch_of_frame(seen: Seen) -> dict[str, Any]:
    return {"x": seen.step}


# --- noise --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def standard_noise() -> np.ndarray:
    """ε of every level, ``(500, 784)``, from the recipe's seed."""
    return np.random.default_rng(1).standard_normal((500, 784), dtype=np.float32)


def noisy(seen: Seen) -> np.ndarray:
    """x + σ ε: 0, 5, 10 … 100 % of full ink."""
    return rows_of("test", False) + seen.frame / 20 * standard_noise()


@ORACLES("noise", "Images ")
def noisy_and_answers(seen: Seen) -> dict[str, Any]:
    arrays = cache.arrays("autoencoder-noise")
    pixels = (
        lambda: inked(rows_of("test", False)[:8]),
        lambda: inked(noisy(seen)[:8]),
        lambda: exactly(arrays["copied"][seen.frame]),
        lambda: exactly(arrays["denoised"][seen.frame]),
    )[seen.k]()
    return latent.in_row(seen) | {"pixels": pixels}


@ORACLES("noise", "Labels ")
def names_of_answers(seen: Seen) -> dict[str, Any]:
    return latent.row_names(("x", "x + σ ε", "copying", "denoising"))


def distance(seen: Seen, answer: str) -> float:
    """To the clean digits, % of full ink."""
    if answer == "noisy picture":
        return rmse(noisy(seen), rows_of("test", False))
    key = {"copying": "rmse_copied", "denoising": "rmse_denoised"}[answer]
    return 100 * float(cache.arrays("autoencoder-noise")[key][seen.frame])


@ORACLES("noise", "Curve .*")
def distance_curve(seen: Seen) -> dict[str, Any]:
    return {"y": distance(seen, seen.name.removeprefix("Curve ")), "x": seen.frame / 20}


@ORACLES("noise", "Readout (noisy picture|copying|denoising)")
def distance_told(seen: Seen) -> float:
    return distance(seen, seen.name.removeprefix("Readout "))


@ORACLES("noise", "Readout σ")
def noise_told(seen: Seen) -> float:
    return seen.frame / 20


# --- dream --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def codes() -> np.ndarray:
    """Codes of the test digits, ``(500, 2)``."""
    return latent.through("autoencoder-2d", "encoder", rows_of("test", False)).numpy()


def pictures(z: Any) -> np.ndarray:
    """Decoded codes ``(N, 2)``: ``(N, 784)``, 0 … 1."""
    return torch.sigmoid(latent.through("autoencoder-2d", "decoder", z)).numpy()


def random_codes(seen: Seen) -> np.ndarray:
    """24 from a box around all codes but the outermost, with 8 % of air on each side."""
    low, high = np.quantile(codes(), [0.002, 0.998], axis=0)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
    return low + (high - low) * np.random.default_rng([seen.config.seed, 3]).random((24, 2))


def probe(seen: Seen) -> list[float]:
    return [seen.config.code_1, seen.config.code_2]


@ORACLES("dream", "Points test digits")
def digits_coded(seen: Seen) -> dict[str, Any]:
    return latent.coded(codes(), labels())


@ORACLES("dream", "Labels class numbers")
def numbers_of_classes(seen: Seen) -> dict[str, Any]:
    return latent.class_numbers(codes(), labels())


@ORACLES("dream", "Points random codes")
def codes_drawn(seen: Seen) -> dict[str, Any]:
    return {"xy": About(random_codes(seen), absolute=1e-4), "count": seen.frame + 1}


@ORACLES("dream", "Points random codes")
def number_of_frame(seen: Seen) -> dict[str, Any]:
    return {"count": seen.step}


@ORACLES("dream", "Images ", panel=1)
def under_the_hand(seen: Seen) -> dict[str, Any]:
    return latent.whole(seen) | {"pixels": inked(pictures([probe(seen)]))}


@ORACLES("dream", "Images ", panel=1)
def handle_of_code(seen: Seen) -> dict[str, Any]:
    return {"pixels": latent.held(seen, "code", probe(seen))}


@ORACLES("dream", "Images ", panel=2)
def random_codes_decoded(seen: Seen) -> dict[str, Any]:
    there = np.arange(24) < seen.frame + 1
    return latent.whole(seen) | {"pixels": inked(pictures(random_codes(seen)) * there[:, None]), "columns": 6}


@ORACLES("dream", "Readout from the probe to the nearest code")
def from_probe(seen: Seen) -> float:
    return cKDTree(codes()).query(probe(seen))[0]


@ORACLES("dream", "Readout from the last random code")
def from_last_code(seen: Seen) -> float:
    return cKDTree(codes()).query(random_codes(seen)[seen.frame])[0]


@ORACLES("dream", "Readout between neighbouring codes")
def between_neighbours(seen: Seen) -> float:
    return float(np.median(cKDTree(codes()).query(codes(), k=2)[0][:, 1]))
