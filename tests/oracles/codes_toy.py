"""A code book in the plane: cells by the distances of many places, gradients by finite differences."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from dashboard.scenes.codes import pretend, snap
from genmodels.data.planar import get_dataset
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "snap": [snap.Config("ffjord8", 16, z_1=-1.9, z_2=1.2, x_1=-2.5, x_2=2.0, seed=5), snap.Config(codes=2)],
    "pretend": [
        pretend.Config("checkerboard", 12, beta=4.0, seed=2),
        pretend.Config("ffjord8", 3, z_1=2.0, z_2=-1.0, x_1=-2.0, x_2=0.4, beta=10.0),
    ],
}
SQUARE = 2.5


def g(z: Any) -> np.ndarray:
    """Each coordinate is pushed by 0.4 times the sine of 1.5 times the other."""
    z = np.asarray(z, dtype=float)
    return np.stack([z[..., 0] + 0.4 * np.sin(1.5 * z[..., 1]), z[..., 1] + 0.4 * np.sin(1.5 * z[..., 0])], axis=-1)


def cost(z: Any, x: Any) -> Any:
    return ((g(z) - x) ** 2).sum(axis=-1)


def slope(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """By central differences."""
    h = 1e-5
    ways = ([h, 0], [0, h])
    return np.array([(cost(z + np.array(way), x) - cost(z - np.array(way), x)) / (2 * h) for way in ways])


@lru_cache(maxsize=8)
def points(source: str, seed: int) -> np.ndarray:
    """300 points, with mean 0 and mean variance 1 of the distribution."""
    data = get_dataset(source)
    drawn = data.sample(300, np.random.default_rng([seed, 31]))
    return (drawn - data.mean) / math.sqrt((data.covariance[0, 0] + data.covariance[1, 1]) / 2)


def book(seen: Seen) -> np.ndarray:
    return np.asarray(seen.other("codes", 0).at("xy"))


def hand(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """z_e and x."""
    c = seen.config
    return np.array([c.z_1, c.z_2]), np.array([c.x_1, c.x_2])


def nearest(codes: np.ndarray, z: Any) -> Any:
    return cdist(np.atleast_2d(z), codes).argmin(axis=1)


def is_by_k_means(seen: Seen, codes: np.ndarray) -> bool | str:
    """As many as asked for, each the mean of the points that are nearest to it."""
    x = points(seen.config.source, seen.config.seed)
    if len(codes) != seen.config.codes:
        return f"{len(codes)} codes"
    mine = nearest(codes, x)
    means = np.array([x[mine == k].mean(axis=0) for k in range(len(codes))])
    return bool(np.abs(means - codes).max() < 1e-9) or "a code is not the mean of what is nearest to it"


@ORACLES("snap|pretend", "Points codes")
def codes_of_the_book(seen: Seen) -> dict[str, Any]:
    return {"xy": lambda shown: is_by_k_means(seen, np.asarray(shown))}


@ORACLES("snap|pretend", "Labels numbers")
def numbers_over_codes(seen: Seen) -> dict[str, Any]:
    at = g(book(seen)) if seen.panel else book(seen)
    texts = tuple(str(k) for k in range(seen.config.codes))
    return {"at": About(at, 0, 0.3), "texts": texts}


@ORACLES("snap|pretend", "Points encoded points")
def encoded_points(seen: Seen) -> dict[str, Any]:
    return {"xy": points(seen.config.source, seen.config.seed)}


@ORACLES("snap|pretend", "Points decoded points")
def decoded_points(seen: Seen) -> dict[str, Any]:
    return {"xy": g(points(seen.config.source, seen.config.seed))}


@ORACLES("snap|pretend", "Points decoded codes")
def decoded_codes(seen: Seen) -> dict[str, Any]:
    return {"xy": g(book(seen))}


def inside(corners: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which places lie in a convex polygon whose corners go round to the left; repeated ones do no harm."""
    edges = np.roll(corners, -1, axis=0) - corners
    off = at[:, None] - corners
    return (edges[:, 0] * off[..., 1] - edges[:, 1] * off[..., 0] >= -1e-9).all(axis=1)


def are_cells(cells: np.ndarray, codes: np.ndarray) -> bool | str:
    """A place lies in the cell of the nearest code and in no other, but for places near a border."""
    at = np.random.default_rng(0).uniform(-SQUARE, SQUARE, (600, 2))
    apart = np.sort(cdist(at, codes), axis=1)
    clear = apart[:, 1] - apart[:, 0] > 1e-6
    holds = np.stack([inside(cell, at) for cell in cells], axis=1)
    right = holds == (nearest(codes, at)[:, None] == np.arange(len(codes)))
    if np.abs(cells).max() > SQUARE + 1e-9:
        return "a cell leaves the square"
    return bool(right[clear].all()) or f"{int((~right[clear]).sum())} places lie in the wrong cell"


@lru_cache(maxsize=16)
def verdict_on(cells: bytes, codes: bytes, count: int) -> bool | str:
    both = (np.frombuffer(part).reshape(count, -1, 2) for part in (cells, codes))
    shapes, places = both
    return are_cells(shapes, places[:, 0])


@ORACLES("snap|pretend", "Polylines cells")
def cells_of_the_book(seen: Seen) -> dict[str, Any]:
    codes = book(seen)
    return {"xy": lambda shown: verdict_on(np.asarray(shown, float).tobytes(), codes.tobytes(), len(codes))}


# --- snap ---------------------------------------------------------------------------------------------------


def word(seen: Seen) -> int:
    return int(nearest(book(seen), hand(seen)[0])[0])


@ORACLES("snap", "Polylines cell of z_e")
def the_cell_of_z(seen: Seen) -> dict[str, Any]:
    return {"xy": np.asarray(seen.other("cells").at("xy"))[[word(seen)]]}


@ORACLES("snap", "Polylines ", panel=0)
def line_and_link(seen: Seen) -> dict[str, Any]:
    """Across the square at the height of z_e; from z_e to its code."""
    z, x = hand(seen)
    held = with_handles(seen, {"z_e": z, "x": x})
    if seen.k == 0:
        return {"xy": [[[-SQUARE, z[1]], [SQUARE, z[1]]]]} | held
    return {"xy": [[z, book(seen)[word(seen)]]]}


def copied(seen: Seen) -> np.ndarray:
    """The gradient at the code."""
    return slope(book(seen)[word(seen)], hand(seen)[1])


@ORACLES("snap", "Arrows .*")
def arrows(seen: Seen) -> dict[str, Any]:
    start = hand(seen)[0] if "copy" in seen.name else book(seen)[word(seen)]
    return {"start": [start], "delta": About([-0.1 * copied(seen)], 1e-5, 1e-6)}


@ORACLES("snap", "Points output x̂")
def output(seen: Seen) -> dict[str, Any]:
    return {"xy": g(book(seen)[[word(seen)]])}


@ORACLES("snap", "Polylines error")
def error_line(seen: Seen) -> dict[str, Any]:
    return {"xy": [[g(book(seen)[word(seen)]), hand(seen)[1]]]}


@ORACLES("snap", "Polylines (with it|without a code book)")
def stair_and_curve(seen: Seen) -> dict[str, Any]:
    z, x = hand(seen)
    line = np.array([[a, z[1]] for a in np.linspace(-SQUARE, SQUARE, seen.at("xy").shape[1])])
    read = book(seen)[nearest(book(seen), line)] if seen.name.endswith("it") else line
    return {"xy": [np.stack([line[:, 0], cost(read, x)], axis=1)]}


@ORACLES("snap", "Polylines pretended slope")
def pretended_slope(seen: Seen) -> dict[str, Any]:
    """Through the point on the stair, as steep as the copy's first number."""
    z, x = hand(seen)
    here = cost(book(seen)[word(seen)], x)
    by = copied(seen)[0]
    return {"xy": About([[[z[0] + a, here + a * by] for a in (-0.6, 0.6)]], 1e-5, 1e-5)}


@ORACLES("snap", "Points ", panel=2)
def on_the_stair(seen: Seen) -> dict[str, Any]:
    z, x = hand(seen)
    return {"xy": [[z[0], cost(book(seen)[word(seen)], x)]]}


@ORACLES("snap", "Readout .*")
def numbers_of_snap(seen: Seen) -> dict[str, Any]:
    z, x = hand(seen)
    code = book(seen)[word(seen)]
    value = {
        "code k": word(seen),
        "bits": math.log(seen.config.codes, 2),
        "‖z_e − e_k‖": math.dist(z, code),
        "loss ‖x − x̂‖²": float(cost(code, x)),
        "true gradient": 0.0,  # a step function's, away from its jumps
        "pretended gradient": math.hypot(*copied(seen)),
    }[seen.thing.name]
    return {"values": About(value, 1e-5, 1e-6), "unit": ""}


# --- pretend ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def way(config: pretend.Config, codes: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, words, and lengths of the next step, of 80 steps of 0.02 times both gradients."""
    book_ = np.frombuffer(codes).reshape(-1, 2)
    z, x = np.array([config.z_1, config.z_2]), np.array([config.x_1, config.x_2])
    pushes = [slope(code, x) for code in book_]
    places, words, lengths = [], [], []
    for _ in range(81):
        k = int(nearest(book_, z)[0])
        step = 0.02 * (pushes[k] + config.beta * 2 * (z - book_[k]))
        places.append(z)
        words.append(k)
        lengths.append(math.hypot(*step))
        z = z - step
    return np.array(places), np.array(words), np.array(lengths)


def now(seen: Seen) -> tuple[np.ndarray, int, float]:
    assert seen.step == seen.frame
    places, words, lengths = way(seen.config, book(seen).tobytes())
    return places[seen.frame], int(words[seen.frame]), float(lengths[seen.frame])


@ORACLES("pretend", "Polylines cell of z_e")
def the_cell_now(seen: Seen) -> dict[str, Any]:
    return {"xy": np.asarray(seen.other("cells").at("xy"))[[now(seen)[1]]]}


@ORACLES("pretend", "Points z_e")
def where_z_is(seen: Seen) -> dict[str, Any]:
    z, x = hand(seen)
    return {"xy": About([now(seen)[0]], 1e-5, 1e-5)} | with_handles(seen, {"z_e": z, "x": x})


@ORACLES("pretend", "Points output x̂")
def output_now(seen: Seen) -> dict[str, Any]:
    return {"xy": g(book(seen)[[now(seen)[1]]])}


@ORACLES("pretend", "Polylines error")
def error_now(seen: Seen) -> dict[str, Any]:
    return {"xy": [[g(book(seen)[now(seen)[1]]), hand(seen)[1]]]}


@ORACLES("pretend", "(Curve|Readout) .*")
def numbers_of_the_way(seen: Seen) -> dict[str, Any]:
    z, k, length = now(seen)
    code = book(seen)[k]
    lost, apart = float(cost(code, hand(seen)[1])), float(((z - code) ** 2).sum())
    value = {
        "code k": k,
        "loss ‖x − x̂‖²": lost,
        "‖x − x̂‖²": lost,
        "‖z_e − e_k‖²": apart,
        "length of the next step": length,
    }[seen.thing.name]
    told = About(value, 1e-5, 1e-5)
    return {"y": told, "x": seen.step} if seen.name.startswith("Curve") else {"values": told, "unit": ""}
