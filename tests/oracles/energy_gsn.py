"""Noise, denoise, repeat: chains by loops over torch's layers in float64, judged by torch's convolutions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import conv2d, linear, max_pool2d, relu

from dashboard.scenes.energy import gsn
from genmodels.data.digits import load_binarised_mnist
from genmodels.store import cache
from tests.oracles.latent import DIGITS, exactly, inked
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "gsn": [
        gsn.Config("gsn-plain", 0.1, chain=9, seed=3),
        gsn.Config("gsn-plain", 0.5, chain=0),
        gsn.Config("gsn-walkback", 0.7, chain=5, seed=51),
        gsn.Config("gsn-walkback", 0.1, chain=2),
    ]
}


class Chains(NamedTuple):
    """Of ten at 101 moments: x, x̃ and P, ``(101, 10, 784)``; classes and the classifier's p, ``(101, 10)``."""

    x: np.ndarray
    noisy: np.ndarray
    p: np.ndarray
    classes: np.ndarray
    sure: np.ndarray


def stored(name: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {key: torch.tensor(np.asarray(a, dtype=np.float64)).to(dtype) for key, a in cache.arrays(name).items()}


def classified(pictures: np.ndarray) -> np.ndarray:
    """p(y | x) of pictures ``(N, 784)`` by the stored classifier."""
    weights, h = stored("cnn", torch.float32), torch.tensor(pictures, dtype=torch.float32).reshape(-1, 1, 28, 28)
    for k in range(3):
        h = relu(conv2d(h, weights[f"convolutions.{k}.weight"], weights[f"convolutions.{k}.bias"], padding=1))
        h = max_pool2d(h, 2) if k < 2 else h
    return linear(h.mean(dim=(2, 3)), weights["head.weight"], weights["head.bias"]).softmax(dim=1).numpy()


@lru_cache(maxsize=16)
def chains(name: str, noise: float, seed: int) -> Chains:
    """Round by round: one uniform number a pixel for the noise, then one for the draw."""
    weights, rng = stored(name, torch.float64), np.random.default_rng([seed, 61])
    ten = [10 * (seed % 50) + k for k in range(10)]
    now = load_binarised_mnist().test.images[ten].reshape(10, 784).astype(float)
    x, noisy, p = [now], [now], [now]
    for _ in range(100):
        chance = rng.random((10, 784))
        dirty = now.copy()
        dirty[chance < noise] = 0
        dirty[chance < noise / 2] = 1
        h = linear(torch.tensor(dirty), weights["net.0.weight"], weights["net.0.bias"]).tanh()
        said = linear(h, weights["net.1.weight"], weights["net.1.bias"]).sigmoid().numpy()
        now = (said > rng.random((10, 784))).astype(float)
        for kept, value in ((x, now), (noisy, dirty), (p, said)):
            kept.append(value)
    judged = classified(np.concatenate(p)).reshape(101, 10, 10)
    return Chains(np.array(x), np.array(noisy), np.array(p), judged.argmax(axis=2), judged.max(axis=2))


def of(seen: Seen) -> Chains:
    return chains(seen.config.network, seen.config.noise, seen.config.seed)


@ORACLES("gsn", "Images .*", panel=0)
def ten_pictures(seen: Seen) -> dict[str, Any]:
    found = of(seen)
    shown = {"P(x | x̃)": found.p, "x̃: noisy": found.noisy, "x′: drawn": found.x}[seen.thing.name]
    return {"pixels": inked(shown[seen.frame], frame=1), "columns": exactly(5), "extent": exactly((0, 5, 0, 2))}


@ORACLES("gsn", "Images ", panel=1)
def one_round(seen: Seen) -> dict[str, Any]:
    """From the picture before over x̃ and P to the next; at the start there is the picture alone."""
    found, t, k = of(seen), seen.frame, seen.config.chain
    four = [found.x[max(t - 1, 0), k], found.noisy[t, k], found.p[t, k], found.x[t, k]]
    four[1:] = four[1:] if t else [np.zeros(784)] * 3
    top = 2.2 - 1.2 * seen.k
    extent = About((0, 2, top - 1, top))
    return {"pixels": inked(four[2 * seen.k : 2 * seen.k + 2], frame=1), "columns": exactly(2), "extent": extent}


@ORACLES("gsn", "Labels ", panel=1)
def names_of_the_four(seen: Seen) -> dict[str, Any]:
    at = [(0.5, 2.2), (1.5, 2.2), (0.5, 1.0), (1.5, 1.0)]
    return {"at": About(at, 0, 0.2), "texts": ("x", "x̃: noisy", "P(x | x̃)", "x′: drawn")}


@ORACLES("gsn", "Labels class, by the classifier")
def classes_in_corners(seen: Seen) -> dict[str, Any]:
    corners = np.array([(k % 5 + 0.1, 2 - k // 5 - 0.13) for k in range(10)])
    corners[of(seen).classes[seen.frame] != seen.k] = np.nan
    return {"at": About(corners, 0, 0.05), "texts": (DIGITS[seen.k],) * 10, "colour": f"class{seen.k}"}


@ORACLES("gsn", "Polylines ", panel=0)
def around_the_marked_one(seen: Seen) -> dict[str, Any]:
    x, y = seen.config.chain % 5, 2 - seen.config.chain // 5
    return {"xy": [[(x, y), (x + 1, y), (x + 1, y - 1), (x, y - 1)]]}


@ORACLES("gsn", "Points class")
def classes_over_time(seen: Seen) -> dict[str, Any]:
    """A dot for each chain at each round; later ones are not there yet."""
    at = [(t, k) for t in range(101) for k in range(10)]
    classes = [int(of(seen).classes[t, k]) for t, k in at]
    return {"xy": About(at), "labels": exactly(classes), "names": DIGITS, "count": exactly(10 * seen.frame + 10)}


@ORACLES("gsn", "Polylines ", panel=2)
def around_its_row(seen: Seen) -> dict[str, Any]:
    k = seen.config.chain
    return {"xy": [[(-1, k + 0.5), (101, k + 0.5), (101, k - 0.5), (-1, k - 0.5)]]}


@ORACLES("gsn", "Bars time so far")
def shares(seen: Seen) -> dict[str, Any]:
    visited = of(seen).classes[: seen.frame + 1]
    height = [100 * (visited == k).mean() for k in range(10)]
    return {"height": About(height, 1e-5, 1e-3), "labels": DIGITS}


@ORACLES("gsn", "Polylines ", panel=3)
def even(seen: Seen) -> dict[str, Any]:
    return {"xy": About([[(-0.6, 10), (9.6, 10)]])}


@ORACLES("gsn", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    found, t = of(seen), seen.frame
    classes = found.classes[: t + 1]
    stay = [bool((classes[:, k] == classes[0, k]).all()) for k in range(10)]
    value, unit = {
        "changes in 100 rounds": (
            np.count_nonzero(np.diff(classes, axis=0)) * 10 / t if t else np.nan,
            "a chain",
        ),
        "in their first class": (np.count_nonzero(classes[-1] == classes[0]), "of 10"),
        "never left it": (sum(stay), "of 10"),
        "classifier's mean p": (found.sure[1 : t + 1].mean() if t else np.nan, ""),
        "ink": (100 * found.p[t].mean(), "%"),
    }[seen.thing.name]
    return {"values": About(value, 1e-4, 1e-4), "unit": unit}
