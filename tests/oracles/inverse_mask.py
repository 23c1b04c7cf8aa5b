"""A covered digit: decoder and classifier in torch, Bayes' rule in float64, the Wiener filter by its definition."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import norm

from dashboard.scene.painted import decode_points, encode_points
from dashboard.scenes.inverse import mask
from genmodels.cnn import predict_proba
from genmodels.recipes.cnn import model_of
from genmodels.store import cache
from tests.oracles import latent
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
RING = [(14 + 8 * np.cos(turn), 13 + 9 * np.sin(turn)) for turn in np.linspace(0, 6, 30)]


def dots(*places: tuple[float, float]) -> str:
    """As a link holds them."""
    return encode_points(np.reshape(places, (-1, 2)), [0] * len(places), (0, 28), (0, 28))


MORE = {
    "mask": [
        mask.Covered(3, 12, drawn=True, a_1=20.0, a_2=25.0, b_1=4.0, b_2=9.0, seed=2),
        mask.Covered(9, 7, a_1=0.0, a_2=0.0, b_1=28.0, b_2=28.0),
        mask.Covered(0, 3, a_1=13.0, a_2=5.0, b_1=13.0, b_2=5.0),
        mask.Covered(cover="painted"),
        mask.Covered(8, 2, "painted", dots(*RING), seed=3),
        mask.Covered(2, 5, "painted", dots((0, 28), (13.2, 11.9), (17.5, 15.8)), drawn=True),
        mask.Covered(7, 1, "painted", ""),
    ]
}


class Found(NamedTuple):
    truth: np.ndarray
    hidden: np.ndarray
    weights: np.ndarray
    answers: np.ndarray
    misses: np.ndarray
    mean: np.ndarray
    wiener: np.ndarray
    says: np.ndarray


@lru_cache(maxsize=1)
def decoded() -> np.ndarray:
    """E[x | z, class], ``(10, 400, 784)``: z in the middles of twenty equally likely strips, z₁ fastest."""
    strips = norm.ppf(np.linspace(0.025, 0.975, 20))
    z = [(one, other) for other in strips for one in strips]
    logits = [latent.through("vae-conditional", "decoder", z, np.full(400, k)) for k in range(10)]
    return torch.sigmoid(torch.stack(logits)).numpy()


@lru_cache(maxsize=1)
def moments() -> tuple[np.ndarray, np.ndarray]:
    x = latent.rows_of("train", True)
    return x.mean(axis=0), np.cov(x.T, bias=True) + 0.01 * np.eye(784)


@lru_cache(maxsize=1)
def classifier() -> Any:
    return model_of(cache.arrays("cnn"))


def corners(config: Any) -> tuple[int, int, int, int]:
    """Left, right, lower, upper, at least a pixel apart."""
    left, right = sorted((int(config.a_1), int(config.b_1)))
    lower, upper = sorted((int(config.a_2), int(config.b_2)))
    return left, max(right, left + 1), lower, max(upper, lower + 1)


def covered(config: mask.Covered) -> np.ndarray:
    """Which pixels are hidden, ``(784,)``: their middles in the rectangle, or nearer than 2 to a dot."""
    column, height = np.arange(784) % 28 + 0.5, 27.5 - np.arange(784) // 28
    if config.cover == "painted":
        near = np.zeros(784, dtype=bool)
        for x, y in decode_points(config.strokes, (0, 28), (0, 28))[0]:
            near |= (column - x) ** 2 + (height - y) ** 2 < 4
        return near
    left, right, lower, upper = corners(config)
    return (left < column) & (column < right) & (lower < height) & (height < upper)


@lru_cache(maxsize=64)
def found(config: mask.Covered) -> Found:
    hidden = covered(config)
    rows = latent.rows_of("test", True)
    truth = rows[np.flatnonzero(latent.labels() == config.digit)[config.nth - 1]]
    p = decoded().reshape(4000, 784)
    likely = np.clip(np.where(truth == 1, p, 1 - p), 1e-6, 1)[:, ~hidden]
    log_p = np.log(likely).sum(axis=1)
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()
    rng = np.random.default_rng([config.seed, 51])
    chosen = p[rng.choice(4000, 9, p=weights)]
    filled = (rng.random((9, 784)) < chosen) * 1.0 if config.drawn else chosen
    answers = np.where(hidden, filled, truth)
    mu, spread = moments()
    gain = np.linalg.solve(spread[~hidden][:, ~hidden], (truth - mu)[~hidden])
    wiener = truth.copy()
    wiener[hidden] = np.clip(mu[hidden] + spread[hidden][:, ~hidden] @ gain, 0, 1)
    mean = np.where(hidden, weights @ p, truth)
    misses = np.sqrt(np.square(chosen - truth)[:, ~hidden].mean(axis=1)) if not hidden.all() else np.full(9, np.nan)
    pictures = np.concatenate([answers, mean[None], wiener[None], truth[None]]).reshape(-1, 28, 28)
    says = predict_proba(classifier(), pictures.astype(np.float32))
    return Found(truth, hidden, weights, answers, misses, mean, wiener, says)


def count(seen: Seen) -> int:
    """Answers that there are."""
    return min(seen.step, 9)


def decibels(error: Any) -> Any:
    return 10 * np.log10(1 / np.asarray(error))


def around(hidden: np.ndarray, x: float, y: float, size: float) -> Any:
    """True of closed lines that wind once around each hidden pixel of a picture with that lower left corner.

    And around no other; and that are no longer than need be: a side for each two pixels of which one is hidden.
    """
    rows = np.pad(hidden.reshape(28, 28)[::-1], 1).astype(int)
    sides = np.abs(np.diff(rows, axis=0)).sum() + np.abs(np.diff(rows, axis=1)).sum()
    x_of, y_of = (v.reshape(-1, 1) for v in np.meshgrid(np.arange(28) + 0.5, np.arange(28) + 0.5))

    def right(xy: np.ndarray) -> bool | str:
        at = (xy - (x, y)) * 28 / size
        (x_0, y_0), (_, y_1) = at[:-1].T, at[1:].T
        crossed = (x_0 > x_of) * (((y_0 < y_of) & (y_of < y_1)) * 1 - ((y_1 < y_of) & (y_of < y_0)))
        if not np.array_equal(crossed.sum(axis=1), rows[1:-1, 1:-1].ravel()):
            return f"winds around {crossed.sum()} pixels, expected {hidden.sum()}"
        length = np.nansum(np.linalg.norm(np.diff(at, axis=0), axis=1)) if len(at) > 1 else 0
        return bool(abs(length - sides) < 0.01) or f"is {length} pixels long, expected {sides}"

    return right


def painted_or_dragged(seen: Seen) -> dict[str, Any]:
    """The handles and the brush."""
    config, brush = seen.config, seen.scene.brush
    if config.cover == "painted":
        dots = decode_points(config.strokes, (0, 28), (0, 28))[0]
        assert brush is not None
        held = np.reshape([point[:2] for point in brush.points], (-1, 2))
        assert held.shape == dots.shape
        assert np.allclose(held, dots)
        assert brush.radius == 2
        return with_handles(seen, {})
    assert brush is None
    return with_handles(seen, {"one corner": [config.a_1, config.a_2], "opposite corner": [config.b_1, config.b_2]})


@ORACLES("mask", "Images ", panel=0)
def the_part_then_the_whole(seen: Seen) -> dict[str, Any]:
    now = found(seen.config)
    part = now.truth if seen.step == 10 else np.where(now.hidden, 0, now.truth)
    return {"pixels": latent.inked(part[None]), "extent": About((0, 28, 0, 28))} | painted_or_dragged(seen)


@ORACLES("mask", "Polylines (cover)?", panel=0)
def the_cover(seen: Seen) -> dict[str, Any]:
    gone = seen.step == 10 and seen.thing.name == "cover"
    if gone:
        return {"xy": lambda xy: bool(np.isnan(xy).all())}
    return {"xy": lambda xy: around(found(seen.config).hidden, 0, 0, 28)(xy[0])}


@ORACLES("mask", "Images answers")
def answers_so_far(seen: Seen) -> dict[str, Any]:
    there = np.arange(9)[:, None] < count(seen)
    return {"pixels": latent.inked(np.where(there, found(seen.config).answers, 0)), "columns": 3} | latent.whole(seen)


@ORACLES("mask", "Polylines edge of the cover")
def covers_of_answers(seen: Seen) -> dict[str, Any]:
    hidden = found(seen.config).hidden

    def right(xy: np.ndarray) -> bool | str:
        told = [around(hidden, k % 3, 2 - k // 3, 1)(one) for k, one in enumerate(xy)]
        return next((why for why in told if why is not True), len(xy) == 9)

    return {"xy": right}


@ORACLES("mask", "Images ", panel=2)
def single_answers(seen: Seen) -> dict[str, Any]:
    now, n = found(seen.config), count(seen)
    average = now.answers[:n].mean(axis=0) if n else np.zeros(784)
    last = now.truth if seen.step == 10 else np.zeros(784)
    return {"pixels": latent.inked((average, now.mean, now.wiener, last)[seen.k][None])}


@ORACLES("mask", "Images truth now")
def truth_on_a_key(seen: Seen) -> dict[str, Any]:
    return {"pixels": latent.inked(found(seen.config).truth[None])}


@ORACLES("mask", "Labels ", panel=2)
def names_above_their_pictures(seen: Seen) -> dict[str, Any]:
    extents = [layer.extent for layer in seen.scene.panels[2].layers if getattr(layer, "extent", None)]

    def above(at: np.ndarray) -> bool:
        return all(x0 < x < x1 and y1 < y < y1 + 0.2 for (x, y), (x0, x1, _, y1) in zip(at, extents, strict=False))

    return {"at": above, "texts": ("their mean", "E[x | part]", "Wiener filter", "truth")}


@ORACLES("mask", "Bars exact")
def which_digit(seen: Seen) -> dict[str, Any]:
    p = found(seen.config).weights.reshape(10, 400).sum(axis=1)
    return {"height": About(100 * p, 1e-3, 1e-3), "x": About(np.arange(10) - 0.2)}


@ORACLES("mask", "Bars answers")
def which_digit_the_answers_are(seen: Seen) -> dict[str, Any]:
    votes = found(seen.config).says[: count(seen)].argmax(axis=1)
    shares = np.bincount(votes, minlength=10) / max(count(seen), 1)
    return {"height": About(100 * shares), "x": About(np.arange(10) + 0.2)}


@ORACLES("mask", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    now, n, digit, name = found(seen.config), count(seen), seen.config.digit, seen.thing.name
    answers, truth = now.answers[:n, now.hidden], now.truth[now.hidden]

    def psnr(x: np.ndarray) -> float:
        return decibels(np.square(x - truth).mean()) if x.size else np.nan

    with np.errstate(divide="ignore"):
        values = {
            "covered": (100 * now.hidden.mean(), "%"),
            f"p(a {digit} | part)": (100 * now.weights[400 * digit : 400 * digit + 400].sum(), "%"),
            "PSNR: an answer": (psnr(answers), "dB"),
            "PSNR: their mean": (psnr(answers.mean(axis=0) if n else answers), "dB"),
            "PSNR: Wiener": (psnr(now.wiener[now.hidden]), "dB"),
            "CNN: answers that are right": (
                100 * (now.says[:n].argmax(axis=1) == digit).mean() if n else np.nan,
                "%",
            ),
            "misses the part by": (now.misses[:n].mean() if n else np.nan, ""),
        } | {
            f"CNN, p(a {digit}): {who}": (100 * now.says[9 + k, digit], "%")
            for k, who in enumerate(("E[x | part]", "Wiener", "truth"))
        }
    value, unit = values[name]
    return {"values": About(value, 1e-3, 1e-2), "unit": unit}
