"""A machine that can be counted, trained again by sums over all states; and a Hopfield net by its definition.

Draws come from the seeds in the order of their need: the start, then for each step pixels, then hidden units.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from dashboard.scenes.energy import count, digits, memory
from genmodels.data.digits import load_binarised_mnist, load_mnist
from genmodels.store import checkpoint
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "count": [
        count.Counted("cd", 0.0, 0.3, 5, seed=2),
        count.Counted("pcd", 0.6, 1.0, 3),
    ],
    "digits": [digits.Dreams("white", "left", 8, 50, seed=3)],
    "memory": [
        memory.Memory(4, memory_start=4),
        memory.Memory(5, "pseudo", "coins", 7, "cover", seed=3),
        memory.Memory(1, memory_start=2, memory_noise=0),
        memory.Memory(8, "hebb", "digits", 3, memory_noise=50, seed=5),
    ],
}

# --- count ----------------------------------------------------------------------------------------------------

PIXELS = np.array([bits[::-1] for bits in product([0.0, 1.0], repeat=9)])
PATTERNS = [
    k for k, v in enumerate(PIXELS.reshape(-1, 3, 3)) if np.ptp(v, axis=1).max() == 0 or np.ptp(v, axis=0).max() == 0
]
NAMES = {"exact gradient": "exact", "CD-1": "cd", "PCD": "pcd"}
Parameters = tuple[np.ndarray, np.ndarray, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def energies(at: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """−E(v, h) of all states, ``(512, 2^H)``, and the hidden states: nothing is summed out."""
    w, b, c = at
    hidden = np.array(list(product([0.0, 1.0], repeat=len(c))))
    return PIXELS @ w @ hidden.T + (PIXELS @ b)[:, None] + hidden @ c, hidden


def shares(low: np.ndarray, axis: int | None = None) -> np.ndarray:
    """e^low, to a sum of 1."""
    p = np.exp(low - low.max(axis=axis, keepdims=True))
    return p / p.sum(axis=axis, keepdims=True)


def p_of_pictures(at: Parameters) -> np.ndarray:
    return shares(energies(at)[0]).sum(axis=1)


@lru_cache(maxsize=64)
def trained(config: count.Counted, method: str) -> list[Parameters]:
    """W, b, c at each frame."""
    rng = np.random.default_rng(config.seed)
    n, x = config.count_hidden, np.array(sorted(PIXELS[PATTERNS].tolist()))
    w, b, c = 0.1 * rng.standard_normal((9, n)), np.zeros(9), np.zeros(n)
    chains, frames = np.zeros((100, n)), [(w, b, c)]
    for step in range(1500):
        up = sigmoid(x @ w + c)
        if method == "exact":
            # the sum over h by hand: p(v), then E[h | v]
            field = PIXELS @ w + c
            low = PIXELS @ b + np.logaddexp(0, field).sum(axis=1)
            p = np.exp(low - low.max())
            v, seen, weight = PIXELS, sigmoid(field), p / p.sum()
        else:
            h = (rng.random(up.shape) < up) * 1.0 if method == "cd" else chains
            down = sigmoid(h @ w.T + b)
            v = (rng.random(down.shape) < down) * 1.0
            seen = sigmoid(v @ w + c)
            chains = (rng.random(seen.shape) < seen) * 1.0
            weight = np.full(len(v), 1 / len(v))
        rate, k = config.count_rate * (1 - step / 1500), config.count_negative
        w = w + rate * (x.T @ up / 14 - k * (v * weight[:, None]).T @ seen)
        b = b + rate * (x.mean(axis=0) - k * weight @ v)
        c = c + rate * (up.mean(axis=0) - k * weight @ seen)
        if (step + 1) % 30 == 0:
            frames.append((w, b, c))
    return frames


def now(seen: Seen) -> Parameters:
    return trained(seen.config, seen.config.count_wall)[seen.frame]


def kl(at: Parameters) -> float:
    low = PIXELS @ at[1] + np.logaddexp(0, PIXELS @ at[0] + at[2]).sum(axis=1)
    log_p = low - (np.log(np.exp(low - low.max()).sum()) + low.max())
    return float(np.mean([np.log(1 / 14) - log_p[k] for k in PATTERNS]))


def degrees(at: Parameters) -> float:
    """Between CD-1's mean and the gradient, by the joint: one step of Gibbs carries the data's p(v, h) on."""
    low, hidden = energies(at)
    p, given_v, given_h = (shares(low, axis) for axis in (None, 1, 0))
    data = np.zeros(512)
    data[PATTERNS] = 1 / 14
    first = data[:, None] * given_v
    once = (given_h @ first.sum(axis=0))[:, None] * given_v

    def means(q: np.ndarray) -> np.ndarray:
        return np.concatenate([(PIXELS.T @ q @ hidden).ravel(), q.sum(axis=1) @ PIXELS, q.sum(axis=0) @ hidden])

    cd, exact = means(first) - means(once), means(first) - means(p)
    return float(np.rad2deg(np.arccos(min(1.0, cd @ exact / np.sqrt((cd @ cd) * (exact @ exact))))))


@ORACLES("count", "Images ")
def the_wall(seen: Seen) -> dict[str, Any]:
    """Tile k holds the picture whose k-th binary digits are its pixels; its ink is the root of 14 p, at most 1."""
    p = p_of_pictures(now(seen))
    wall = np.zeros((65, 129))
    for k, v in enumerate(PIXELS):
        depth = min(1, np.sqrt(14 * p[k]))
        row, column = 1 + 4 * (k // 32), 1 + 4 * (k % 32)
        wall[row : row + 3, column : column + 3] = 255 * depth * np.where(v.reshape(3, 3) == 1, 1, 0.3)
    return {"pixels": About(wall[None], 0, 0.51), "columns": 1, "extent": About((-0.125, 32.125, -0.125, 16.125))}


@ORACLES("count", "Polylines the data")
def the_patterns(seen: Seen) -> dict[str, Any]:
    def around(xy: np.ndarray) -> bool:
        middles = xy.mean(axis=1) - 0.5
        at = {(k % 32, 15 - k // 32) for k in PATTERNS}
        return {tuple(map(int, place)) for place in middles} == at and (np.ptp(xy, axis=1) == 1).all()

    return {"xy": around}


@ORACLES("count", "Curve .*")
def distances(seen: Seen) -> Any:
    at = trained(seen.config, NAMES[seen.thing.name])[seen.frame]
    return About(kl(at), 1e-4, 1e-4)


@ORACLES("count", "Readout .*")
def counted(seen: Seen) -> dict[str, Any]:
    name = seen.thing.name
    if name.startswith("KL: "):
        at = trained(seen.config, NAMES[name.removeprefix("KL: ")])[seen.frame]
        return {"values": About(kl(at), 1e-4, 1e-4), "unit": "nats"}
    if name == "here CD-1 would be off by":
        return {"values": About(degrees(now(seen)), 1e-3, 0.05), "unit": "°"}
    low = energies(now(seen))[0]
    values = {
        "all 512 add up to": (1, ""),
        "the data's 14 have": (100 * p_of_pictures(now(seen))[PATTERNS].sum(), "%"),
        "log Z": (low.max() + np.log(np.exp(low - low.max()).sum()), "nats"),
        "largest |w|": (np.abs(now(seen)[0]).max(), ""),
    }
    value, unit = values[name]
    return {"values": About(value, 1e-4, 1e-4), "unit": unit}


# --- memory ---------------------------------------------------------------------------------------------------

ORDER = "67823510"


@lru_cache(maxsize=16)
def eight(kind: str, seed: int) -> np.ndarray:
    if kind == "coins":
        return np.random.default_rng([seed, 61]).choice([-1.0, 1.0], (8, 400))
    images, labels = load_mnist().train
    rows = [images[labels.tolist().index(int(digit))][4:24, 4:24].ravel() for digit in ORDER]
    return np.where(np.array(rows) > 0, 1.0, -1.0)


@lru_cache(maxsize=64)
def net(config: memory.Memory) -> np.ndarray:
    """W: of Hebb as a sum over the patterns; of the projection by an orthonormal basis of them."""
    xi = eight(config.memory_kind, config.seed)[: config.memory_count]
    w = np.add.reduce([np.outer(x, x) / 400 for x in xi])
    if config.memory_rule == "pseudo":
        u, size, _ = np.linalg.svd(xi.T, full_matrices=False)
        u = u[:, size > 1e-9]
        w = u @ u.T
    return w - np.diag(np.diagonal(w))


@lru_cache(maxsize=64)
def walk(config: memory.Memory) -> list[tuple[np.ndarray, int]]:
    """The state and the flips after each update; a vote of nothing changes nothing."""
    s = eight(config.memory_kind, config.seed)[config.memory_start - 1].copy()
    if config.memory_break == "cover":
        s[200:] = -1
    else:
        places = np.random.default_rng([config.seed, 62]).permutation(400)
        s[places[: round(4 * config.memory_noise)]] *= -1
    w, rng, flips = net(config), np.random.default_rng(config.seed), 0
    found = [(s.copy(), 0)]
    while len(found) <= 2400:
        for i in rng.permutation(400):
            vote = w[i] @ s
            if abs(vote) > 1e-9 and np.sign(vote) != s[i]:
                s[i] = np.sign(vote)
                flips += 1
            found.append((s.copy(), flips))
    return found


def energy_of(config: memory.Memory, s: np.ndarray) -> float:
    return float(-s @ net(config) @ s / 2)


def settled(config: memory.Memory, s: np.ndarray) -> bool:
    return bool((s * (net(config) @ s) > -1e-9).all())


def kept_by(config: memory.Memory) -> np.ndarray:
    return eight(config.memory_kind, config.seed)[: config.memory_count]


def names(config: memory.Memory) -> tuple[str, ...]:
    return tuple((ORDER if config.memory_kind == "digits" else "12345678")[: config.memory_count])


def units(seen: Seen) -> np.ndarray:
    return walk(seen.config)[seen.step][0]


@ORACLES("memory", "Images ", panel=0)
def the_net(seen: Seen) -> dict[str, Any]:
    return {"pixels": np.where(units(seen) > 0, 255, 0).reshape(1, 20, 20), "extent": About((0, 1, 0, 1))}


@ORACLES("memory", "Images stored .*", panel=1)
def the_patterns_stored(seen: Seen) -> dict[str, Any]:
    """Under its own bar, below all of them."""
    k = int(seen.thing.name.split()[1]) - 1

    def under(extent: tuple) -> bool:
        x0, x1, y0, y1 = extent
        return bool(np.isclose(x0 + x1, 2 * k) and np.isclose(x1 - x0, y1 - y0) and x1 - x0 < 1 and y1 < -1)

    return {"pixels": np.where(kept_by(seen.config)[k] > 0, 255, 0).reshape(1, 20, 20), "extent": under}


@ORACLES("memory", "Polylines ", panel=1)
def marks(seen: Seen) -> dict[str, Any]:
    """Level lines at −1, 0 and 1, under all bars."""

    def level(xy: np.ndarray) -> bool:
        wide = (xy[:, 0, 0] < -0.35).all() and (xy[:, 1, 0] > seen.config.memory_count - 0.65).all()
        return bool(wide and np.array_equal(xy[:, :, 1], [[-1, -1], [0, 0], [1, 1]]))

    return {"xy": level}


@ORACLES("memory", "Labels ", panel=1)
def what_they_are_called(seen: Seen) -> dict[str, Any]:
    if seen.k == 0:
        return {"at": lambda at: np.array_equal(at[:, 1], [-1, 0, 1]), "texts": ("−1", "0", "1")}
    n = seen.config.memory_count
    return {
        "at": lambda at: np.array_equal(at[:, 0], np.arange(n)) and (at[:, 1] < -2).all(),
        "texts": names(seen.config),
    }


@ORACLES("memory", "Bars overlap")
def overlap(seen: Seen) -> dict[str, Any]:
    same = (kept_by(seen.config) == units(seen)).mean(axis=1)
    return {"height": About(2 * same - 1), "x": np.arange(seen.config.memory_count)}


@ORACLES("memory", "Polylines stored patterns")
def depths(seen: Seen) -> dict[str, Any]:
    end = seen.scene.steps[-1]
    levels = [energy_of(seen.config, x) for x in kept_by(seen.config)]
    return {"xy": About([[[0, level], [end, level]] for level in levels])}


@ORACLES("memory", "Labels ", panel=2)
def whose_depths(seen: Seen) -> dict[str, Any]:
    levels = [energy_of(seen.config, x) for x in kept_by(seen.config)]

    def beside(at: np.ndarray) -> bool:
        inside = (at[:, 0] > 0) & (at[:, 0] < seen.scene.steps[-1])
        return bool(inside.all() and np.allclose(at[:, 1], levels))

    return {"at": beside, "texts": names(seen.config)}


@ORACLES("memory", "Curve energy")
def falls(seen: Seen) -> Any:
    return About(energy_of(seen.config, units(seen)))


@ORACLES("memory", "Readout .*")
def told(seen: Seen) -> dict[str, Any]:
    config, s = seen.config, units(seen)
    same = (kept_by(config) == s).sum(axis=1)
    stay = sum(settled(config, x) for x in kept_by(config))
    values = {
        "energy": (energy_of(config, s), ""),
        "flips": (walk(config)[seen.step][1], ""),
        "largest overlap": (2 * same.max() / 400 - 1, ""),
        "pixels off the nearest": (400 - same.max(), ""),
        "P ÷ N": (config.memory_count / 400, ""),
        "stored patterns that stay": (stay, ""),
    }
    value, unit = values[seen.thing.name]
    return {"values": About(value, 1e-6, 1e-6), "unit": unit}


# --- digits ---------------------------------------------------------------------------------------------------


PARTS = ("rbm.weight", "visible.bias", "hidden.bias")


@lru_cache(maxsize=1)
def stored() -> dict[str, np.ndarray]:
    return {name: value.astype(float) for name, value in checkpoint.load("rbm-digits").arrays.items()}


def truth_and_given(config: digits.Dreams) -> tuple[np.ndarray, np.ndarray]:
    """The digit, and which of its pixels are given, ``(28, 28)`` each."""
    images, labels = load_binarised_mnist().test
    digit = images[np.flatnonzero(labels == config.dream_digit)[config.dream_nth - 1]].astype(float)
    row, column = np.mgrid[:28, :28]
    return digit, (row if config.dream_given == "upper" else column) < 14


@lru_cache(maxsize=8)
def dreamed(config: digits.Dreams) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pixels of 25 chains after each step, and p of ink, ``(25, 784)``; the last nine keep what is given."""
    w, b, c = (stored()[name] for name in PARTS)
    digit, given = truth_and_given(config)
    start = np.random.default_rng([config.seed, 62]).integers(2, size=(25, 784)).astype(float)
    if config.dream_start == "white":
        start[:16] = 0

    def put_back(pixels: np.ndarray) -> np.ndarray:
        pixels = pixels.copy()
        pixels[16:, given.ravel()] = digit[given]
        return pixels

    v, rng = put_back(start), np.random.default_rng(config.seed)
    found = [(v, v)]
    for _ in range(120):
        up = sigmoid(v @ w + c)
        h = (rng.random(up.shape) < up).astype(float)
        p = sigmoid(h @ w.T + b)
        v = (rng.random(p.shape) < p).astype(float)
        v = put_back(v)
        found.append((v, put_back(p)))
    return found


def nats_of(v: np.ndarray) -> np.ndarray:
    """−log p, with the stored log Z, summed in float64."""
    w, b, c = (stored()[name].astype(float) for name in PARTS)
    return checkpoint.entries()["rbm-digits"].metrics["log_z_nats"] - v @ b - np.logaddexp(0, v @ w + c).sum(axis=1)


def pictures_of(rows: np.ndarray) -> About:
    return About(255 * rows.reshape(-1, 28, 28).astype(float), 0, 0.51)


@ORACLES("digits", "Images ", panel=0)
def dreams(seen: Seen) -> dict[str, Any]:
    return {"pixels": pictures_of(dreamed(seen.config)[seen.step][1][:16]), "columns": 4}


@ORACLES("digits", "Images answers")
def answers(seen: Seen) -> dict[str, Any]:
    return {"pixels": pictures_of(dreamed(seen.config)[seen.step][1][16:]), "columns": 3}


@ORACLES("digits", "Polylines given")
def what_is_given(seen: Seen) -> dict[str, Any]:
    """Half of each of nine unit squares."""

    def halves(xy: np.ndarray) -> bool:
        low, high = xy.min(axis=1), xy.max(axis=1)
        upper = seen.config.dream_given == "upper"
        size = np.allclose(high - low, [1, 0.5] if upper else [0.5, 1])
        at = {tuple(place) for place in np.floor(low).astype(int).tolist()}
        side = np.allclose(high[:, 1] % 1, 0) if upper else np.allclose(low[:, 0] % 1, 0)
        return bool(size and side and at == set(product(range(3), repeat=2)))

    return {"xy": halves}


@lru_cache(maxsize=1)
def figures() -> dict[str, float]:
    """−log p of a test image by each model, from what is stored of it."""
    kept = {
        name: -checkpoint.load(f"pixel-{name}").arrays["test_log_prob"].mean()
        for name in ("mixture", "fvsbn", "made", "cnn")
    }
    p = (load_binarised_mnist().train.images.mean(axis=0) * 4000 + 0.1) / 4000.2
    x = load_binarised_mnist().test.images
    coins = -(np.log(p) * x + np.log(1 - p) * (1 - x)).sum(axis=(1, 2)).mean()
    return {
        "coins": coins,
        "mixture": kept["mixture"],
        "VAE 16-D": -checkpoint.entries()["vae-16d"].metrics["bound_500_nats"],
        "RBM": nats_of(x.reshape(500, -1)).mean(),
        "logistic": kept["fvsbn"],
        "MADE": kept["made"],
        "PixelCNN": kept["cnn"],
    }


def ranked() -> list[str]:
    """From the most to the least, which is the lowest row."""
    return sorted(figures(), key=lambda name: -figures()[name])


@ORACLES("digits", "Polylines (exact|a bound|log Z estimated)")
def by_model(seen: Seen) -> dict[str, Any]:
    """Each bar from 0 to its figure, around its row."""
    known = {"a bound": ["VAE 16-D"], "log Z estimated": ["RBM"]}
    names = known.get(seen.thing.name, [name for name in ranked() if name not in ("VAE 16-D", "RBM")])

    def long(xy: np.ndarray) -> bool:
        ends = xy[:, :, 0].min(axis=1), xy[:, :, 0].max(axis=1)
        rows = [44 * (6 - ranked().index(name)) for name in names]
        right = np.allclose(ends[1], [figures()[name] for name in names], rtol=1e-3)
        return bool(right and (ends[0] == 0).all() and np.allclose(xy[:, :, 1].mean(axis=1), rows))

    return {"xy": long}


@ORACLES("digits", "Labels ", panel=2)
def whose_bars(seen: Seen) -> dict[str, Any]:
    told = [("≤ " if name == "VAE 16-D" else "") + f"{figures()[name]:.1f}" for name in ranked()]
    return {
        "at": lambda at: np.array_equal(at[:, 1], 44 * np.arange(7)[::-1]),
        "texts": tuple(told if seen.k else ranked()),
    }


@ORACLES("digits", "Images ", panel=3)
def filters(seen: Seen) -> dict[str, Any]:
    w = stored()["rbm.weight"].T.astype(float)
    longest = sorted(range(len(w)), key=lambda j: -np.square(w[j]).sum())[:25]
    grey = [0.5 * (1 + w[j] / np.abs(w[j]).max()) for j in longest]
    return {"pixels": pictures_of(np.array(grey)), "columns": 5}


@ORACLES("digits", "Readout .*")
def of_chains(seen: Seen) -> dict[str, Any]:
    v = dreamed(seen.config)[seen.step][0]
    digit, given = truth_and_given(seen.config)
    values = {
        "−log p of a dream": (nats_of(v[:16]).mean(), "nats"),
        "of a test digit": (figures()["RBM"], "nats"),
        "covered pixels that the answers get wrong": (
            100 * np.abs(v[16:].reshape(9, 28, 28) - digit)[:, ~given].mean(),
            "%",
        ),
    }
    value, unit = values[seen.thing.name]
    return {"values": About(value, 1e-3, 1e-2), "unit": unit}
