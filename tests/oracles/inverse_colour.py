"""A grey digit in one of two inks: Bayes' rule as a sum over the list, pictures from their bytes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scenes.inverse import colour
from tests.oracles import latent
from tests.oracles.inverse_mask import decoded
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {"colour": [colour.Coloured(7, 34, 95, 5, seed=3), colour.Coloured(0, 47, 40, 60, seed=5)]}
BLUE, ORANGE = (0.05, 0.4, 0.85), (0.9, 0.4, 0.0)


class Found(NamedTuple):
    x: np.ndarray
    even: float
    blue: float
    answers: np.ndarray
    truth: bool
    pixels: np.ndarray


@lru_cache(maxsize=64)
def found(config: colour.Coloured) -> Found:
    x = latent.rows_of("test", True)[np.flatnonzero(latent.labels() == config.digit)[config.nth - 1]]
    p = decoded().reshape(4000, 784)
    log_p = np.log(np.clip(np.where(x == 1, p, 1 - p), 1e-6, 1)).sum(axis=1)
    weights = np.exp(log_p - log_p.max())
    classes = weights.reshape(10, 400).sum(axis=1) / weights.sum()
    odds = [(config.odd if digit % 2 else config.even) / 100 for digit in range(10)]
    rng = np.random.default_rng([config.seed, 54])
    which = rng.choice(10, 1000, p=classes)
    answers = rng.random(1000) < np.array(odds)[which]
    blue = sum(p * q for p, q in zip(classes, odds, strict=True))
    truth = np.random.default_rng([config.seed, 55]).random() < odds[config.digit]
    return Found(x, classes[[0, 2, 4, 6, 8]].sum(), blue, answers, truth, rng.random(784) < blue)


def so_far(seen: Seen) -> float:
    """Share of blue answers; NaN for none."""
    return found(seen.config).answers[: seen.step].mean() if seen.step else np.nan


def rgb(packed: np.ndarray) -> np.ndarray:
    """Red, green, blue of pixels, 0 … 255, NaN where nothing is drawn."""
    four = np.ascontiguousarray(packed.astype("<i4")).view(np.uint8).reshape(*packed.shape, 4).astype(float)
    assert set(np.unique(four[..., 3])) <= {0, 255}
    return np.where(four[..., 3:] == 255, four[..., :3], np.nan)


def written(x: np.ndarray, blue: Any) -> np.ndarray:
    """What is white paper, and where there is ink so much blue, the rest orange, ``(1, 28, 28, 3)``."""
    blue = np.broadcast_to(blue, 784)[:, None]
    ink = blue * BLUE + (1 - blue) * ORANGE
    return 255 * np.where(x[:, None] == 1, ink, 1.0).reshape(1, 28, 28, 3)


def same(pictures: np.ndarray) -> Any:
    """A function that is true of pixels with these colours, to one level."""

    def verdict(shown: np.ndarray) -> bool | str:
        got = rgb(shown)
        if got.shape != pictures.shape or not np.array_equal(np.isnan(got), np.isnan(pictures)):
            return "other pictures are there"
        off = np.nanmax(np.abs(got - pictures), initial=0)
        return bool(off <= 1) or f"colours are off by {off:.1f}"

    return verdict


@ORACLES("colour", "Images ", panel=0)
def measured(seen: Seen) -> dict[str, Any]:
    grey = np.where(found(seen.config).x == 1, sum(BLUE) / 3, 1.0).reshape(1, 28, 28, 1)
    return {"pixels": same(255 * np.repeat(grey, 3, axis=3))} | latent.whole(seen)


@ORACLES("colour", "Images answers")
def nine(seen: Seen) -> dict[str, Any]:
    now = found(seen.config)
    pictures = np.concatenate([written(now.x, blue) for blue in now.answers[:9]])
    pictures[seen.step :] = np.nan
    return {"pixels": same(pictures), "columns": 3} | latent.whole(seen)


@ORACLES("colour", "Images ", panel=2)
def single_answers(seen: Seen) -> dict[str, Any]:
    now = found(seen.config)
    truth = written(now.x, now.truth) if seen.step == 1000 else np.full((1, 28, 28, 3), np.nan)
    mean = written(now.x, so_far(seen)) if seen.step else np.full((1, 28, 28, 3), np.nan)
    return {"pixels": same((mean, written(now.x, now.blue), written(now.x, now.pixels), truth)[seen.k])}


@ORACLES("colour", "Labels ", panel=2)
def names_above_their_pictures(seen: Seen) -> dict[str, Any]:
    extents = [layer.extent for layer in seen.scene.panels[2].layers if getattr(layer, "extent", None)]

    def above(at: np.ndarray) -> bool:
        return all(x0 < x < x1 and y1 < y < y1 + 0.2 for (x, y), (x0, x1, _, y1) in zip(at, extents, strict=True))

    return {"at": above, "texts": ("their mean", "E[x | y]", "pixel by pixel", "truth")}


@ORACLES("colour", r"Bars p\(ink \| y\)")
def odds(seen: Seen) -> dict[str, Any]:
    blue = 100 * found(seen.config).blue
    return {"height": About([blue, 100 - blue], 1e-3, 1e-3), "x": About([-0.2, 0.8])}


@ORACLES("colour", "Bars answers so far")
def counted(seen: Seen) -> dict[str, Any]:
    blue = 100 * so_far(seen)
    return {"height": About([blue, 100 - blue] if seen.step else [0, 0]), "x": About([0.2, 1.2])}


@ORACLES("colour", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    now = found(seen.config)
    red, green, high = (255 * (now.blue * b + (1 - now.blue) * o) for b, o in zip(BLUE, ORANGE, strict=True))
    inks, chances = np.array([BLUE, ORANGE]), np.array([now.blue, 1 - now.blue])

    def expected(answer: np.ndarray) -> float:
        """E|ink − answer|²."""
        return float(chances @ np.square(inks - answer).sum(axis=1))

    values = {
        "p(even | y)": (100 * now.even, "%"),
        "p(blue | y)": (100 * now.blue, "%"),
        "blue so far": (100 * so_far(seen), "%"),
        "E[x | y], R": (red, "of 255"),
        "E[x | y], G": (green, "of 255"),
        "E[x | y], B": (high, "of 255"),
        "expected error²: E[x | y]": (expected(chances @ inks), ""),
        "expected error²: the likelier ink": (expected(inks[chances.argmax()]), ""),
        "expected error²: a drawn answer": (sum(p * expected(ink) for p, ink in zip(chances, inks, strict=True)), ""),
    }
    value, unit = values[seen.thing.name]
    return {"values": About(value, 1e-3, 1e-3), "unit": unit}
