"""From a sketch: the pen by distances to straight pieces, DDPM written out again, networks in torch."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene.painted import decode_points, encode_points
from dashboard.scenes.inverse import sketch
from genmodels.cnn import predict_proba
from genmodels.recipes.cnn import HALVED, model_of
from genmodels.store import cache
from tests.oracles import latent
from tests.oracles.diffusion import learned, levels
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
HOUSE = (
    [(x, 5.0) for x in range(7, 22)] + [(7.0, y) for y in range(6, 16)] + [(7 + k / 2, 15 + k / 2) for k in range(16)]
)
MORE = {
    "sketch": [
        sketch.Sketched(share=0.9, seed=2),
        sketch.Sketched(share=0.65, asked=3),
        sketch.Sketched(encode_points(np.array(HOUSE), [0] * len(HOUSE), (0, 28), (0, 28)), 0.35, 0),
        sketch.Sketched(encode_points(np.array([[27.5, 0.5]]), [0], (0, 28), (0, 28)), 1.0),
        sketch.Sketched(""),
    ]
}
GREY = 4  # of 255: the pen's way between two dots is dotted, too


def dots(config: sketch.Sketched) -> np.ndarray:
    return decode_points(config.sketch, (0, 28), (0, 28))[0]


def line(config: sketch.Sketched) -> np.ndarray:
    """Ink of a pen of radius 1.25 along the pieces, means of 2 × 2 pixels, ``(196,)``."""
    at = dots(config)
    near = np.flatnonzero(np.hypot(*np.diff(at, axis=0).T) < 28 / 9)
    start, end = np.concatenate([at, at[near]]), np.concatenate([at, at[near + 1]])
    x, y = np.meshgrid(np.arange(28) + 0.5, 27.5 - np.arange(28))
    pixels = np.stack([x, y], axis=-1)[:, :, None]
    along = end - start
    t = ((pixels - start) * along).sum(axis=-1) / np.maximum(np.square(along).sum(axis=-1), 1e-12)
    apart = np.linalg.norm(pixels - start - np.clip(t, 0, 1)[..., None] * along, axis=-1).min(axis=-1)
    ink = np.clip(1.75 - apart, 0, 1)
    return ((ink[::2, ::2] + ink[1::2, ::2] + ink[::2, 1::2] + ink[1::2, 1::2]) / 4).ravel()


@lru_cache(maxsize=1)
def train() -> np.ndarray:
    pictures = latent.rows_of("train", False).reshape(-1, 28, 28)
    halves = pictures[:, ::2, ::2] + pictures[:, 1::2, ::2] + pictures[:, ::2, 1::2] + pictures[:, 1::2, 1::2]
    return halves.reshape(-1, 196) / 4


class Back(NamedTuple):
    t: list[int]
    x: list[np.ndarray]


def pictures(x: np.ndarray) -> np.ndarray:
    space = learned("digits")
    return np.clip(space.centre + space.scale * x, 0, 1)


def noised(config: sketch.Sketched, t: int) -> np.ndarray:
    """Nine, each with noise of its own; of the sketch as it is shown."""
    space, a = learned("digits"), levels("cosine")[t]
    s = (config.pixels() - space.centre) / space.scale
    return np.sqrt(a) * s + np.sqrt(1 - a) * np.random.default_rng([config.seed, 53]).standard_normal((9, 196))


@lru_cache(maxsize=64)
def back(config: sketch.Sketched) -> Back:
    """Fifteen steps of DDPM from t; where a class is asked for, twice the way from no class to the class."""
    space, a = learned("digits"), levels("cosine")
    top, rng = round(1000 * config.share), np.random.default_rng([config.seed, 54])
    times = [round(top - k * top / 15) for k in range(15)] + [0]
    x, found = noised(config, top), []
    for t, s in pairwise(times):
        found.append(x)
        answer = space.answer(x, a[t])
        if config.asked >= 0:
            answer = 2 * space.answer(x, a[t], np.full(9, config.asked)) - answer
        alpha = a[t] / a[s]
        mean = (np.sqrt(a[s]) * (1 - alpha) * answer + np.sqrt(alpha) * (1 - a[s]) * x) / (1 - a[t])
        z = rng.standard_normal(x.shape) if s else 0
        x = mean + np.sqrt((1 - alpha) * (1 - a[s]) / (1 - a[t])) * z
    return Back(times, [*found, x])


def apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Root mean squares over the pixels, ``(N, M)``."""
    squared = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
    return np.sqrt(np.maximum(squared, 0) / 196)


def judged(config: sketch.Sketched, answers: np.ndarray) -> tuple[float, float]:
    """Medians: to the sketch, and to the nearest training digit."""
    to_sketch = apart(answers, config.pixels()[None])[:, 0]
    return float(np.median(to_sketch)), float(np.median(apart(answers, train()).min(axis=1)))


@lru_cache(maxsize=64)
def ended(config: sketch.Sketched) -> tuple[float, float]:
    return judged(config, pictures(back(config).x[-1]))


@lru_cache(maxsize=64)
def says(config: sketch.Sketched) -> np.ndarray:
    """The digit of each answer and, last, of the sketch."""
    shown = np.concatenate([pictures(back(config).x[-1]), config.pixels()[None]]).reshape(-1, 14, 14)
    return predict_proba(model_of(cache.arrays("cnn-14"), HALVED), shown.astype(np.float32)).argmax(axis=1)


def real() -> float:
    return float(cache.arrays("diffusion-digits")["nearest_test"][0]) / 14


def time(seen: Seen) -> int:
    top = round(1000 * seen.config.share)
    return round(top * seen.frame / 5) if seen.frame < 5 else back(seen.config).t[seen.frame - 5]


def at_share(config: sketch.Sketched, share: float) -> sketch.Sketched:
    return sketch.Sketched(config.sketch, share, config.asked, config.seed)


@ORACLES("sketch", "Images ", panel=0)
def the_sketch(seen: Seen) -> dict[str, Any]:
    held = np.reshape([point[:2] for point in seen.scene.brush.points], (-1, 2))  # type: ignore[union-attr]
    at = dots(seen.config)
    brushed = held.shape == at.shape and np.allclose(held, at)
    ink = line(seen.config) if len(at) else np.zeros(196)
    return {
        "pixels": About(255 * ink.reshape(1, 14, 14), 0, GREY),
        "extent": About((0, 28, 0, 28)),
        "columns": lambda _: brushed or "the brush holds other dots",
    } | with_handles(seen, {})


@ORACLES("sketch", "Images ", panel=1)
def up_and_back(seen: Seen) -> dict[str, Any]:
    x = noised(seen.config, time(seen)) if seen.frame < 5 else back(seen.config).x[seen.frame - 5]
    return {"pixels": latent.inked(pictures(x)), "columns": 3} | latent.whole(seen)


@ORACLES("sketch", "Polylines to (the sketch|data)")
def over_t(seen: Seen) -> dict[str, Any]:
    which, shares = seen.name.endswith("data"), (0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
    values = [judged(seen.config, seen.config.pixels()[None])[which]]
    values += [ended(at_share(seen.config, share))[which] for share in shares]
    return {"xy": About(np.stack([(0, *shares), np.minimum(values, 0.45)], axis=1)[None], 0, 2e-3)}


@ORACLES("sketch", "Polylines data to data")
def test_digits(seen: Seen) -> dict[str, Any]:
    return {"xy": About([[[0, real()], [1, real()]]])}


@ORACLES("sketch", "Polylines ")
def where_we_are(seen: Seen) -> dict[str, Any]:
    return {"xy": About([[[seen.config.share, 0], [seen.config.share, 0.45]]])}


@ORACLES("sketch", "Points ")
def here(seen: Seen) -> dict[str, Any]:
    value = min(ended(seen.config)[seen.k], 0.45)
    return {"xy": About([[seen.config.share, value]], 0, 2e-3), "colour": ("class0", "model")[seen.k]}


@ORACLES("sketch", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    kept, nearest = ended(seen.config)
    found = says(seen.config)
    values = {
        "t": (About(time(seen)), ""),
        "weight of x₀, √ᾱₜ": (About(np.sqrt(levels("cosine")[time(seen)]), 1e-6, 1e-9), ""),
        "answers: to the sketch": (About(kept, 0, 2e-3), ""),
        "answers: to the nearest training digit": (About(nearest, 0, 2e-3), ""),
        "test digits: to theirs": (About(real()), ""),
        "CNN: same digit as the sketch": (About(100 * np.mean(found[:-1] == found[-1])), "%"),
    }
    value, unit = values[seen.thing.name]
    return {"values": value, "unit": unit}
