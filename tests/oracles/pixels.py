"""Pixels: Gaussians, coins and eigenvectors from the training digits, and the stored CNN run forward by torch."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.linalg import cho_solve, cholesky, eigh
from scipy.special import log_softmax
from scipy.stats import bernoulli, norm
from torch.nn.functional import conv2d, max_pool2d, relu

from dashboard.scenes.pixels import alone, bayes, eigen, looks
from genmodels.data.digits import load_mnist
from genmodels.store import cache
from tests.oracles.contours import level_line
from tests.oracles.seen import About, Expected, Oracles, Seen

ORACLES = Oracles()

SIDE, FLOOR, INK = 28, 0.01, 110
"""Of a picture; ε, the variance added to every pixel; the grey level at which a digit is outlined."""
SHRINKAGES = (1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02)
"""λ, frame by frame."""

# --- the digits ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=10)
def training(digit: int) -> np.ndarray:
    """The 400 training digits of a class, ``(400, 784)``, 0 paper to 1 ink."""
    images, labels = load_mnist().train
    return images[labels == digit].reshape(-1, SIDE * SIDE) / 255


@lru_cache(maxsize=10)
def counted(digit: int) -> np.ndarray:
    """Their covariance ``(784, 784)``, before any shrinkage."""
    return np.cov(training(digit), rowvar=False, bias=True)


def shrunk(digit: int, shrinkage: float) -> np.ndarray:
    """Σ = (1 − λ) S + λ diag S + ε I."""
    own = counted(digit)
    return (1 - shrinkage) * own + shrinkage * np.diag(np.diag(own)) + FLOOR * np.eye(len(own))


def tested() -> tuple[np.ndarray, np.ndarray]:
    """The 500 test digits, uint8 ``(500, 28, 28)``, and their classes."""
    return load_mnist().test


def grey(values: np.ndarray) -> About:
    """Values 0 … 1 as grey levels of a picture, to the nearest; what lies outside is cut."""
    return About(np.clip(255 * values, 0, 255), relative=0, absolute=1.01)


def outline(pictures: list[np.ndarray], near: float) -> Expected:
    """The lines around the ink of a digit ``(28, 28)``, in the unit square."""
    return level_line([picture[::-1].astype(float) - INK for picture in pictures], (0, 1, 0, 1), near)


# --- the CNN ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def maps() -> np.ndarray:
    """What each place of each test digit adds to the logit of each class, ``(500, 10, 7, 7)``."""
    weights = {
        name: torch.as_tensor(np.array(array, dtype=np.float32)) for name, array in cache.arrays("cnn").items()
    }
    h = torch.as_tensor(tested()[0][:, None] / 255, dtype=torch.float32)
    with torch.no_grad():
        for k in range(3):
            h = relu(conv2d(h, weights[f"convolutions.{k}.weight"], weights[f"convolutions.{k}.bias"], padding=1))
            h = max_pool2d(h, 2) if k < 2 else h
        return conv2d(h, weights["head.weight"][:, :, None, None]).numpy().astype(float)


@lru_cache(maxsize=1)
def log_p_cnn() -> np.ndarray:
    """log p(y | x) of the test digits, ``(500, 10)``: a logit is the mean of its map, plus a bias."""
    return log_softmax(maps().mean(axis=(2, 3)) + np.asarray(cache.arrays("cnn")["head.bias"], dtype=float), axis=1)


# --- looks: one test digit a frame, and what its places say -------------------------------------------------


def index(seen: Seen) -> int:
    """Of the test digit shown: the frame's, or that of the frame's mistake."""
    wrong = np.flatnonzero(log_p_cnn().argmax(axis=1) != tested()[1])
    return int(wrong[seen.frame]) if seen.config.which == "wrong" else seen.frame


def likeliest(seen: Seen) -> np.ndarray:
    """The five likeliest classes, the first before the second."""
    return np.argsort(-log_p_cnn()[index(seen)], kind="stable")[:5]


@ORACLES("looks", "Images ")
def the_digit(seen: Seen) -> dict[str, Any]:
    return {"pixels": tested()[0][[index(seen)]], "columns": 1}


@ORACLES("looks", "Field evidence")
def evidence(seen: Seen) -> dict[str, Any]:
    """A map less the mean of all ten, for softmax takes differences; its row 0 is the lowest, a picture's the top."""
    own = maps()[index(seen)]
    relative = own - own.mean(axis=0)
    return {
        "values": About(relative[likeliest(seen)[seen.k], ::-1], 1e-3, 0.02),
        "limits": symmetric(seen),
        "extent": tile(seen.k, 1.3),
    }


def symmetric(seen: Seen) -> Expected:
    """0 has the middle colour, and all fields of the panel have the same scale, which is of the values' size."""
    fields = [layer for layer in seen.scene.panels[seen.panel].layers if layer.kind == "field"]
    largest = max(float(np.abs(field.values).max()) for field in fields)

    def check(limits: tuple[float, float]) -> bool | str:
        same = all(field.limits == limits for field in fields)
        return (same and limits[0] == -limits[1] and 0.2 * largest < limits[1] <= 1.01 * largest) or f"{limits}"

    return check


def tile(k: int, step: float) -> tuple[float, float, float, float]:
    """Where the k-th of some squares lies, three in a row."""
    x, y = step * (k % 3), -step * (k // 3)
    return x, x + 1, y, y + 1


@ORACLES("looks", "Polylines the digit")
def outlines(seen: Seen) -> dict[str, Any]:
    """Around the digit's ink, once in each of the five squares."""
    picture = tested()[0][index(seen)]

    def check(shown: np.ndarray) -> bool | str:
        pieces = shown[np.isfinite(shown).all(axis=(1, 2))].astype(float)
        here = [np.array(tile(k, 1.3)).reshape(2, 2).T for k in range(5)]  # low and high corner
        inside = [((pieces >= low) & (pieces <= high)).all(axis=(1, 2)) for low, high in here]
        if not np.any(inside, axis=0).all():
            return "lines outside of the squares"
        told = [outline([picture], 1e-3)(pieces[mask] - low) for mask, (low, _) in zip(inside, here, strict=True)]
        return next((fault for fault in told if fault is not True), True)

    return {"xy": check}


@ORACLES("looks", "Labels class numbers")
def class_numbers(seen: Seen) -> dict[str, Any]:
    """Each of the five over the square of its map; the others are not there."""
    at = np.full((10, 2), np.nan)
    for k, digit in enumerate(likeliest(seen)):
        x0, x1, _, top = tile(k, 1.3)
        at[digit] = (x0 + x1) / 2, top + 0.14
    return {"at": at, "texts": tuple("0123456789")}


@ORACLES("looks", r"Bars p\(y \| x\)")
def probabilities(seen: Seen) -> dict[str, Any]:
    return {"height": About(np.exp(log_p_cnn()[index(seen)]), absolute=1e-3), "labels": tuple("0123456789")}


@ORACLES("looks", "Readout it is a")
def true_class(seen: Seen) -> int:
    return tested()[1][index(seen)]


@ORACLES("looks", "Readout the CNN says")
def named_class(seen: Seen) -> int:
    return likeliest(seen)[0]


@ORACLES("looks", r"Readout p\(y \| x\) of that")
def how_sure(seen: Seen) -> About:
    return About(math.exp(log_p_cnn()[index(seen)].max()), absolute=1e-3)


@ORACLES("looks", "Readout right on 500 test digits")
def accuracy(seen: Seen) -> float:
    return 100 * float((log_p_cnn().argmax(axis=1) == tested()[1]).mean())


# --- alone: pixels that know of each other, and pixels that do not ------------------------------------------


def pixel(seen: Seen) -> int:
    """The one under the cross, row by row from the upper left."""
    return SIDE * seen.config.pixel_y + seen.config.pixel_x


@lru_cache(maxsize=1)
def noise() -> np.ndarray:
    """z of the 12 Gaussian samples of each class, the same for every λ, ``(10, 12, 784)``."""
    return np.random.default_rng([0, 0]).standard_normal((10, 12, SIDE * SIDE))


def sample_pictures(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, SIDE, SIDE)


@ORACLES("alone", "Images ", panel=0)
def coins(seen: Seen) -> dict[str, Any]:
    """Ink with the probability (n_ink + 1) / (n + 2), drawn class after class."""
    rng, digit = np.random.default_rng([0, 1]), seen.config.digit
    uniform = [rng.random((12, SIDE * SIDE)) for _ in range(digit + 1)][digit]
    ink = training(digit) > 0.5
    p = (ink.sum(axis=0) + 1) / (len(ink) + 2)
    return {"pixels": 255 * sample_pictures(uniform < p), "columns": 3}


@ORACLES("alone", "Images ", panel=1)
def gaussian_samples(seen: Seen) -> dict[str, Any]:
    """x = μ + L z; a pixel in 10,000 may be rounded another way."""
    digit = seen.config.digit
    root = cholesky(shrunk(digit, SHRINKAGES[seen.frame]), lower=True)
    drawn = training(digit).mean(axis=0) + noise()[digit] @ root.T
    return {"pixels": grey(sample_pictures(drawn)), "columns": 3}


@ORACLES("alone", "Field covariance")
def covariance(seen: Seen) -> dict[str, Any]:
    """Of the pixel with all others, but for ε; row 0 is the lowest."""
    own = shrunk(seen.config.digit, SHRINKAGES[seen.frame])[pixel(seen)]
    own[pixel(seen)] -= FLOOR
    handle = seen.scene.handles[0]
    assert handle.panel == seen.panel
    assert handle.at.tolist() == [seen.config.pixel_x + 0.5, SIDE - seen.config.pixel_y - 0.5]
    return {"values": own.reshape(SIDE, SIDE)[::-1], "extent": (0, SIDE, 0, SIDE), "limits": (-0.1, 0.1)}


@ORACLES("alone", "Polylines mean digit")
def mean_outline(seen: Seen) -> dict[str, Any]:
    """Around the mean, whose grey levels are whole numbers."""
    mean = (255 * training(seen.config.digit).mean(axis=0)).round().reshape(SIDE, SIDE)
    return {"xy": lambda shown: outline([mean], 1e-3)(shown / SIDE)}


@ORACLES("alone", "Images ", panel=3)
def mean_and_deviation(seen: Seen) -> dict[str, Any]:
    """The mean is the upper one of two."""
    x = training(seen.config.digit)
    values = (x.mean(axis=0), np.sqrt(x.var(axis=0) + FLOOR))[seen.k]
    return {"pixels": grey(sample_pictures(values))}


@ORACLES("alone", "Labels ", panel=3)
def under_their_names(seen: Seen) -> dict[str, Any]:
    """Each below its picture."""
    extents = [layer.extent for layer in seen.scene.panels[3].layers if layer.kind == "images"]

    def check(at: np.ndarray) -> bool | str:
        for (x, y), (x0, x1, low, _) in zip(at, extents, strict=True):
            if not (x0 < x < x1 and low - 0.2 < y < low):
                return f"a name at {(x, y)}, its picture begins at {low}"
        return True

    return {"at": check, "texts": ("mean", "deviation")}


@ORACLES("alone", "Readout shrinkage λ")
def shrinkage(seen: Seen) -> float:
    return SHRINKAGES[seen.frame]


@ORACLES("alone", "Readout mean of this pixel")
def mean_of_pixel(seen: Seen) -> float:
    return float(training(seen.config.digit)[:, pixel(seen)].mean())


@ORACLES("alone", "Readout its standard deviation, ε included")
def deviation_of_pixel(seen: Seen) -> float:
    return math.sqrt(training(seen.config.digit)[:, pixel(seen)].var() + FLOOR)


# --- eigen: the directions in which a class varies ----------------------------------------------------------


@lru_cache(maxsize=10)
def directions(digit: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight largest eigenvalues of Σ and their eigenvectors ``(8, 784)``, each with its largest entry above 0."""
    values, columns = eigh(shrunk(digit, float(cache.arrays("pixel-classifiers")["chosen"][0])))
    rows = columns.T[::-1][:8]
    return values[::-1][:8], np.array([row * np.sign(row[np.abs(row).argmax()]) for row in rows])


def deviations_away(seen: Seen) -> float:
    """A swing of 48 frames, 2 standard deviations to either side."""
    return 2 * math.sin(2 * math.pi * seen.frame / 48)


@ORACLES("eigen", "Images ")
def along(seen: Seen) -> dict[str, Any]:
    values, rows = directions(seen.config.digit)
    away = deviations_away(seen) * math.sqrt(values[seen.k]) * rows[seen.k]
    x, x1, y, y1 = tile(seen.k, 1.2)
    moved = training(seen.config.digit).mean(axis=0) + away
    return {"pixels": grey(sample_pictures(moved)), "extent": (x, x1, y, y1)}


@ORACLES("eigen", "Field eigenvectors")
def direction(seen: Seen) -> dict[str, Any]:
    row = directions(seen.config.digit)[1][seen.k].reshape(SIDE, SIDE)
    return {"values": About(row[::-1], absolute=2e-3), "limits": symmetric(seen), "extent": tile(seen.k, 1.2)}


@ORACLES("eigen", "Labels ")
def numbers(seen: Seen) -> dict[str, Any]:
    """Each above its square."""
    corners = np.array([tile(k, 1.2) for k in range(8)])
    at = np.stack([corners[:, :2].mean(axis=1), corners[:, 3] + 0.1], axis=1)
    return {"at": at, "texts": tuple("12345678")}


def shares(digit: int) -> np.ndarray:
    """Variance of the data along each direction, per cent of all their variance: vᵀ S v / tr S."""
    rows = directions(digit)[1]
    return 100 * np.einsum("ki,ij,kj->k", rows, counted(digit), rows, optimize=True) / np.trace(counted(digit))


@ORACLES("eigen", "Bars share")
def share(seen: Seen) -> dict[str, Any]:
    return {"height": About(shares(seen.config.digit), 1e-3), "x": np.arange(1, 9)}


@ORACLES("eigen", "Readout standard deviations from the mean")
def swing(seen: Seen) -> float:
    return deviations_away(seen)


@ORACLES("eigen", "Readout along these eight, of the data's variance")
def share_of_all(seen: Seen) -> About:
    return About(shares(seen.config.digit).sum(), 1e-3)


# --- bayes: three models of pixels, and the CNN, on the same test digits ------------------------------------

MODELS = ("Naive coins", "Naive Gaussian", "Full Gaussian", "CNN")


@lru_cache(maxsize=1)
def log_posteriors() -> np.ndarray:
    """log p(y | x) of the four models, ``(4, 500, 10)``; classes are as likely as each other beforehand."""
    x = tested()[0].reshape(-1, SIDE * SIDE) / 255
    told = np.empty((3, len(x), 10))
    for digit in range(10):
        of_class = training(digit)
        mean = of_class.mean(axis=0)
        p = ((of_class > 0.5).sum(axis=0) + 1) / (len(of_class) + 2)
        told[0, :, digit] = bernoulli.logpmf(x > 0.5, p).sum(axis=1)
        told[1, :, digit] = norm.logpdf(x, mean, np.sqrt(of_class.var(axis=0) + FLOOR)).sum(axis=1)
        root = cholesky(shrunk(digit, float(cache.arrays("pixel-classifiers")["chosen"][0])), lower=True)
        squared = ((x - mean) * cho_solve((root, True), (x - mean).T).T).sum(axis=1)
        told[2, :, digit] = -0.5 * squared - np.log(np.diag(root)).sum()
    return np.concatenate([log_softmax(told, axis=-1), log_p_cnn()[None]])


def model_of(seen: Seen) -> int:
    """Which of the four a panel or a name is about."""
    named = seen.scene.panels[seen.panel].title if "Bars" in seen.name else seen.name
    return next(m for m, model in enumerate(MODELS) if model in named)


def shown_digits(seen: Seen) -> np.ndarray:
    """Indices of those walked through, up to this one."""
    named = log_posteriors().argmax(axis=-1)
    differ = np.flatnonzero(np.ptp(named, axis=0) > 0)
    return (differ if seen.config.turns == "differ" else np.arange(500))[: seen.frame + 1]


@ORACLES("bayes", "Images ")
def digit_in_turn(seen: Seen) -> dict[str, Any]:
    return {"pixels": tested()[0][[shown_digits(seen)[-1]]], "columns": 1}


@ORACLES("bayes", r"Bars log p\(y \| x\)")
def log_posterior(seen: Seen) -> dict[str, Any]:
    """Cut at −40 nats, where bars begin."""
    told = log_posteriors()[model_of(seen), shown_digits(seen)[-1]]
    return {"height": About(np.maximum(told, -40), 1e-3, 5e-3), "base": -40, "labels": tuple("0123456789")}


@ORACLES("bayes", "Curve .*|Readout .*: right so far")
def right_so_far(seen: Seen) -> dict[str, Any]:
    at = shown_digits(seen)
    right = log_posteriors()[model_of(seen), at].argmax(axis=-1) == tested()[1][at]
    value = 100 * float(right.mean())
    return {"y": value, "x": seen.frame + 1} if "y" in seen.channels() else {"values": value}


@ORACLES("bayes", "Readout it is a")
def class_in_turn(seen: Seen) -> int:
    return tested()[1][shown_digits(seen)[-1]]


MORE = {
    "looks": [looks.Config("wrong")],
    "bayes": [bayes.Config("differ")],
    "alone": [alone.Config(0, 7, 20), alone.Config(1, 27, 0), alone.Config(7, 15, 9)],
    "eigen": [eigen.Config(8)],
}
