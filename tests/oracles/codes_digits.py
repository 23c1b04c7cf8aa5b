"""Digits as words: stored networks run by torch, prices by torch's transformer."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch.nn.functional import conv2d, max_pool2d, pixel_shuffle, pixel_unshuffle, relu

from dashboard.scenes.codes import words, write
from genmodels.data.digits import load_mnist
from genmodels.nn.arrays import load as load_weights
from genmodels.store import cache
from genmodels.transformer.config import shape_of
from genmodels.transformer.model import Transformer
from genmodels.transformer.runtime import unpacked
from tests.oracles.handles import with_handles
from tests.oracles.latent import exactly, inked, whole
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
torch.set_num_threads(1)
MORE = {
    "words": [words.Config(7, column=1.0, row=5.0, swaps="8:60,24:3"), words.Config(120, swaps="30:0,31:12,40:63")],
    "write": [write.Config(rows=3, digit=4, temperature=0.5, seed=2), write.Config(temperature=2.0, seed=1)],
}

# --- networks -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def weights(name: str) -> dict[str, torch.Tensor]:
    return {key: torch.tensor(np.asarray(a, dtype=np.float64)) for key, a in cache.arrays(name).items() if "." in key}


def convolved(name: str, part: str, h: torch.Tensor) -> torch.Tensor:
    weight = weights(name)[f"{part}.weight"]
    return conv2d(h, weight, weights(name)[f"{part}.bias"], padding=weight.shape[-1] // 2)


def encoded(name: str, x: np.ndarray) -> np.ndarray:
    """z_e of pictures ``(N, 28, 28)``: ``(N, 7, 7, d)``."""
    h = torch.tensor(np.asarray(x, dtype=float))[:, None]
    for k in range(2):
        h = relu(convolved(name, f"encoder.{k}", pixel_unshuffle(h, 2)))
    z = convolved(name, "encoder.2", h).permute(0, 2, 3, 1)
    return (z.tanh() if name == "codes-equal-bits" else z).numpy()


def words_of(name: str, x: np.ndarray) -> np.ndarray:
    """``(N, 7, 7)``."""
    z, codes = encoded(name, x), weights(name)["book.weight"].numpy()
    return cdist(z.reshape(-1, z.shape[-1]), codes).argmin(axis=1).reshape(z.shape[:-1])


def decoded(name: str, said: np.ndarray) -> np.ndarray:
    """Pictures of words ``(N, 7, 7)``, ``(N, 28, 28)``."""
    codes = weights(name)["book.weight"][torch.tensor(np.asarray(said, dtype=np.int64))]
    h = relu(convolved(name, "decoder.0", codes.permute(0, 3, 1, 2)))
    h = relu(pixel_shuffle(convolved(name, "decoder.1", h), 2))
    return pixel_shuffle(convolved(name, "decoder.2", h), 2)[:, 0].numpy()


def classified(x: np.ndarray) -> np.ndarray:
    """p(y | x) by the stored classifier, of one picture, cut to 0 … 1."""
    h = torch.tensor(np.clip(x, 0, 1))[None, None]
    for k in range(3):
        h = relu(convolved("cnn", f"convolutions.{k}", h))
        h = max_pool2d(h, 2) if k < 2 else h
    logits = h.mean(dim=(2, 3)) @ weights("cnn")["head.weight"].T + weights("cnn")["head.bias"]
    return logits.softmax(dim=1)[0].numpy()


@lru_cache(maxsize=16)
def digit(index: int) -> np.ndarray:
    return load_mnist().test.images[index] / 255.0


@lru_cache(maxsize=16)
def own(index: int) -> np.ndarray:
    """A test digit's words, ``(49,)``."""
    return words_of("codes-digits", digit(index)[None]).ravel()


def picture(said: np.ndarray) -> np.ndarray:
    """Of 49 words."""
    return decoded("codes-digits", np.asarray(said).reshape(1, 7, 7))[0]


# --- 49 words -----------------------------------------------------------------------------------------------


def said(seen: Seen) -> np.ndarray:
    """With what was swapped."""
    found = own(seen.config.digit).copy()
    for pair in filter(None, seen.config.swaps.split(",")):
        place, code = pair.split(":")
        found[int(place)] = int(code)
    return found


def held(seen: Seen) -> tuple[int, int, int]:
    """Place, and where it is, from the left and from below."""
    across, up = round(seen.config.column), round(seen.config.row)
    return 7 * (6 - up) + across, across, up


def box(x: float, y: float) -> list[list[list[float]]]:
    return [[[x - 0.5, y - 0.5], [x + 0.5, y - 0.5], [x + 0.5, y + 0.5], [x - 0.5, y + 0.5]]]


def on_grid(seen: Seen) -> Any:
    return exactly((-0.5, 6.5, -0.5, 6.5))


@ORACLES("words", "Images .*", panel=0)
def pale_digit(seen: Seen) -> dict[str, Any]:
    return {"pixels": inked(0.3 * digit(seen.config.digit).reshape(1, -1)), "extent": on_grid(seen)}


@ORACLES("words", "Images .*", panel=1)
def picture_of_words(seen: Seen) -> dict[str, Any]:
    return {"pixels": inked(picture(said(seen)).reshape(1, -1)), "extent": on_grid(seen)}


@ORACLES("words", "Images .*", panel=2)
def the_book(seen: Seen) -> dict[str, Any]:
    """What stood around each code in training digits, a pixel of paper around."""
    return {"pixels": About(np.pad(patches(), [(0, 0), (1, 1), (1, 1)]), 0, 2), "columns": exactly(8)} | whole(seen)


@lru_cache(maxsize=1)
def patches() -> np.ndarray:
    """As they are stored, where a checkpoint's own check has found them again from the training digits."""
    return cache.arrays("codes-digits")["patches"].astype(float)


@ORACLES("words", "Images .*", panel=4)
def beside(seen: Seen) -> dict[str, Any]:
    index = seen.config.digit
    way = {"x": digit(index), "49 words": picture(own(index)), "rounded": rounded(index)}[seen.thing.name]
    x = 1.1 * ["x", "49 words", "rounded"].index(seen.thing.name)
    return {"pixels": inked(way.reshape(1, -1), frame=1), "extent": About((x, x + 1, 0, 1))}


@lru_cache(maxsize=16)
def rounded(index: int) -> np.ndarray:
    """Through the network whose codes are the 4³ points of a grid."""
    levels = np.array([-1, -1 / 3, 1 / 3, 1])
    codes = weights("codes-equal-bits")["book.weight"].numpy()
    assert np.abs(codes[:, :, None] - levels).min(axis=2).max() < 1e-3
    return decoded("codes-equal-bits", words_of("codes-equal-bits", digit(index)[None]))[0]


@ORACLES("words", "Labels ", panel=4)
def names_of_ways(seen: Seen) -> dict[str, Any]:
    at = [[0.5, 1.1], [1.6, 1.1], [2.7, 1.1]]
    return {"at": About(at, 0, 0.1), "texts": ("x", "49 words", "rounded")}


@ORACLES("words|write", "Polylines ", panel=0)
@ORACLES("write", "Polylines ", panel=1)
def lines(seen: Seen) -> dict[str, Any]:
    """Between the words; then around the held place."""
    if seen.k:
        return {"xy": box(*held(seen)[1:])}
    edges = [k + 0.5 for k in range(6)]
    return {"xy": [[[e, -0.5], [e, 6.5]] for e in edges] + [[[-0.5, e], [6.5, e]] for e in edges]}


@ORACLES("words", "Polylines ", panel=1)
@ORACLES("words", "Polylines ", panel=3)
def around_the_place(seen: Seen) -> dict[str, Any]:
    return {"xy": box(*held(seen)[1:])}


@ORACLES("words", "Polylines ", panel=2)
def around_the_code(seen: Seen) -> dict[str, Any]:
    """Eight codes a row, from the top; the handles stand there and at the place."""
    place, across, up = held(seen)
    down, column = divmod(int(said(seen)[place]), 8)
    hands = with_handles(seen, {"place": [across, up], "code": [column, 7 - down]})
    return {"xy": box(column, 7 - down)} | hands


def grid_places() -> np.ndarray:
    return np.array([[k % 7, 6 - k // 7] for k in range(49)], dtype=float)


@ORACLES("words", "Labels numbers of codes")
def numbers_in_the_grid(seen: Seen) -> dict[str, Any]:
    at = grid_places()
    at[held(seen)[0]] = np.nan
    return {"at": at, "texts": tuple(str(k) for k in said(seen))}


@ORACLES("words", "Labels ", panel=0)
def number_at_the_place(seen: Seen) -> dict[str, Any]:
    """One of 64 is there, inside the held cell."""
    place, across, up = held(seen)
    at = np.full((64, 2), np.nan)
    at[said(seen)[place]] = across, up
    return {"at": About(at, 0, 0.45), "texts": tuple(str(k) for k in range(64))}


@ORACLES("words", "Field more or less ink")
def difference(seen: Seen) -> dict[str, Any]:
    by = picture(said(seen)) - picture(own(seen.config.digit))
    return {"values": About(by[::-1], 1e-3, 1e-3), "limits": exactly((-1, 1)), "extent": on_grid(seen)}


@ORACLES("words", "Readout .*")
def numbers_of_words(seen: Seen) -> dict[str, Any]:
    index, place = seen.config.digit, held(seen)[0]
    x, mine, now = digit(index), own(index), said(seen)
    p = classified(picture(now))
    value = {
        "code here": lambda: now[place],
        "its own": lambda: mine[place],
        "words swapped": lambda: sum(a != b for a, b in zip(mine.tolist(), now.tolist(), strict=True)),
        "error, its words": lambda: ((x - picture(mine)) ** 2).sum(),
        "error, swapped": lambda: ((x - picture(now)) ** 2).sum(),
        "error, rounded": lambda: ((x - rounded(index)) ** 2).sum(),
        "taken for a": p.argmax,
        "with p": p.max,
    }[seen.thing.name]()
    return {"values": About(float(value), 1e-3, 1e-3), "unit": ""}


# --- a prior writes -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def transformer() -> Transformer:
    stored = cache.load("codes-prior")
    model = Transformer(shape_of(stored.entry.config["transformer"]))
    load_weights(model, unpacked({k: a for k, a in stored.arrays.items() if k.startswith(("blocks.", "embed."))}))
    return model.double().eval()


@torch.no_grad()
def logits(before: list[int]) -> np.ndarray:
    """Of all words at the places up to the next one, ``(i + 1, 64)``; 64 is the start sign."""
    return transformer()(torch.tensor([[64, *before]]))[0, :, :64].numpy()


@lru_cache(maxsize=8)
def text(config: write.Config) -> tuple[np.ndarray, np.ndarray, int]:
    """Words, logits at each place, and how many words were given; drawn by the inverse of the sum of p."""
    given = own(config.digit)[: 7 * config.rows].tolist()
    chance = np.random.default_rng([config.seed, 51])
    found = list(given)
    while len(found) < 49:
        p = np.exp(tempered(logits(found)[-1], config.temperature))
        found.append(int((p.cumsum() <= chance.random()).sum()))
    return np.array(found), logits(found[:-1]), len(given)


def tempered(of: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """log-softmax."""
    a = of / temperature
    return (
        a - np.log(np.exp(a - a.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)) - a.max(-1, keepdims=True)
    )


def known(seen: Seen) -> int:
    """How many words there are in this frame."""
    given = text(seen.config)[2]
    assert seen.step == given + seen.frame
    assert len(seen.scene.steps) == 50 - given
    return seen.step


@ORACLES("write", "Images ", panel=0)
def picture_so_far(seen: Seen) -> dict[str, Any]:
    """The decoder hears the commonest code of training digits at places not yet written, which are grey."""
    n, found = known(seen), text(seen.config)[0]
    shares = cache.arrays("codes-digits")["shares"]
    heard = [*found[:n], *[int(shares.argmax())] * (49 - n)]
    ink = np.clip(255 * picture(np.array(heard)), 0, 255)
    there = np.kron(np.reshape(np.arange(49) < n, (7, 7)), np.ones((4, 4))) > 0
    return {"pixels": About(np.where(there, ink, 60)[None], 0, 1), "extent": on_grid(seen)}


@ORACLES("write", "Polylines next word")
def next_place(seen: Seen) -> dict[str, Any]:
    n = known(seen)
    return {"xy": box(n % 7, 6 - n // 7) if n < 49 else np.full((1, 4, 2), np.nan)}


@ORACLES("write", "Labels (given|drawn)")
def numbers_so_far(seen: Seen) -> dict[str, Any]:
    found, _, given = text(seen.config)
    k = np.arange(49)
    mine = (k < given) if seen.name.endswith("given") else (k >= given)
    at = np.where((mine & (k < known(seen)))[:, None], grid_places(), np.nan)
    return {"at": at, "texts": tuple(str(word) for word in found)}


def next_p(seen: Seen) -> np.ndarray | None:
    """Of each word at the next place, as it is drawn; none at the end."""
    n = known(seen)
    return np.exp(tempered(text(seen.config)[1][n], seen.config.temperature)) if n < 49 else None


@ORACLES("write", "Bars .*")
def bars_of_next(seen: Seen) -> dict[str, Any]:
    p, n = next_p(seen), known(seen)
    height = np.zeros(64) if p is None else 100 * p
    if p is not None and seen.name.endswith("drawn"):
        height = np.where(np.arange(64) == text(seen.config)[0][n], height, 0)
    return {"height": About(height, 1e-3, 1e-2)}


def prices(seen: Seen) -> tuple[float, float]:
    """Of the new words so far at temperature 1, by the prior and by how often each stands at its place."""
    found, of, given = text(seen.config)
    n = known(seen)
    by_place = cache.arrays("codes-prior")["places"].reshape(49, 64)
    prior = -sum(tempered(of[k])[found[k]] for k in range(given, n))
    return float(prior), float(-sum(math.log(by_place[k, found[k]]) for k in range(given, n)))


@ORACLES("write", "Curve .*")
def costs_so_far(seen: Seen) -> dict[str, Any]:
    prior, alone = prices(seen)
    return {"y": About(prior if "prior" in seen.name else alone, 1e-4, 1e-3), "x": known(seen)}


@ORACLES("write", "Images ", panel=4)
@ORACLES("write", "Images ", panel=5)
def nine_stored(seen: Seen) -> dict[str, Any]:
    return {"pixels": nine("drawn" if seen.panel == 4 else "alone"), "columns": exactly(3)} | whole(seen)


@lru_cache(maxsize=2)
def nine(name: str) -> About:
    stored = cache.arrays("codes-prior")[name][:9]
    return inked(decoded("codes-digits", stored).reshape(9, -1), frame=1)


@ORACLES("write", "Readout .*")
def numbers_of_writing(seen: Seen) -> dict[str, Any]:
    (prior, alone), p, n = prices(seen), next_p(seen), known(seen)
    found = text(seen.config)[0]
    judged = classified(picture(found)) if n == 49 else np.full(10, np.nan)
    value = {
        "codes to choose from": np.nan if p is None else math.exp(-float((p * np.log(np.maximum(p, 1e-300))).sum())),
        "p of the next word": np.nan if p is None else p[found[n]],
        "−log p so far": prior,
        "each word by itself": alone,
        "taken for a": judged.argmax() if n == 49 else np.nan,
        "with p": judged.max(),
    }[seen.thing.name]
    unit = "nats" if seen.thing.name in ("−log p so far", "each word by itself") else ""
    return {"values": About(float(value), 1e-3, 2e-3), "unit": unit}
