"""Deeper: chains of three machines by their formulas, in the order in which they draw, and what is stored of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scenes.energy import deep
from genmodels.data.digits import load_binarised_mnist
from genmodels.store import checkpoint
from tests.oracles.energy_gsn import classified
from tests.oracles.latent import exactly, inked
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "deep": [
        deep.Deeper("digits", "dbm-digits", 9, seed=3),
        deep.Deeper("white", "dbn-digits", 5),
        deep.Deeper("white", "dbm-digits", 1, seed=51),
    ]
}
CALLED = {"RBM": "rbm-further", "DBN": "dbn-digits", "DBM": "dbm-digits"}
ROWS = {"where all began": "rbm-digits", **CALLED}


def stored(name: str) -> dict[str, np.ndarray]:
    return {key: array.astype(float) for key, array in checkpoint.load(name).arrays.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def first_pixels(start: str, seed: int) -> np.ndarray:
    if start == "digits":
        return load_binarised_mnist().test.images[:9].reshape(9, 784).astype(float)
    tossed = np.random.default_rng([seed, 63]).integers(2, size=(9, 784))
    return np.where(start == "white", 0, tossed).astype(float)


@lru_cache(maxsize=12)
def chains(called: str, start: str, seed: int) -> dict[str, list[np.ndarray]]:
    """p of ink, h¹ and h², each with 26 moments; an RBM has no h²."""
    rng, v = np.random.default_rng(seed), first_pixels(start, seed)
    arrays = stored(CALLED[called])

    def tossed(p: np.ndarray) -> np.ndarray:
        return (rng.random(p.shape) < p).astype(float)

    if called == "DBM":
        low, high, b, c, d = (
            arrays[key] for key in ("lower.weight", "upper.weight", "visible.bias", "middle.bias", "top.bias")
        )
        top = tossed(sigmoid(np.broadcast_to(d, (9, len(d)))))
        middle = tossed(sigmoid(v @ low + top @ high.T + c))
    else:
        below = stored("rbm-digits") if called == "DBN" else arrays
        low, b, c = (below[key] for key in ("rbm.weight", "visible.bias", "hidden.bias"))
        top = middle = np.zeros((9, 0))
        if called == "DBN":
            high, a, d = (arrays[key] for key in ("top.weight", "middle.bias", "top.bias"))
            middle = tossed(sigmoid(v @ low + c))
            top = tossed(sigmoid(middle @ high + d))
    found = {"ink": [v], "middle": [middle], "top": [top]}
    for step in range(1, 151):
        if called == "RBM":
            middle = tossed(sigmoid(v @ low + c))
        elif called == "DBN":
            top = tossed(sigmoid(middle @ high + d))
            middle = tossed(sigmoid(top @ high.T + a))
        else:
            middle = tossed(sigmoid(v @ low + top @ high.T + c))
            top = tossed(sigmoid(middle @ high + d))
        ink = sigmoid(middle @ low.T + b)
        v = tossed(ink)
        if step % 6 == 0:
            for key, value in (("ink", ink), ("middle", middle), ("top", top)):
                found[key].append(value)
    return found


def of(seen: Seen, called: str) -> dict[str, list[np.ndarray]]:
    return chains(called, seen.config.deep_start, seen.config.seed)


def sure(seen: Seen, called: str) -> float:
    """Mean over the nine of the classifier's largest p."""
    return float(classified(of(seen, called)["ink"][seen.frame]).max(axis=1).mean())


def shown(config: deep.Deeper) -> str:
    return {"dbn-digits": "DBN", "dbm-digits": "DBM"}[config.deep_layers]


def nats(name: str) -> float:
    return float(-checkpoint.load(name).arrays["test_log_prob"].astype(float).mean())


def errors() -> list[float]:
    return [checkpoint.entries()[name].metrics["log_z_error_nats"] for name in ROWS.values()]


@ORACLES("deep", "Images ")
def dreams(seen: Seen) -> dict[str, Any]:
    called = ("RBM", "DBN", "DBM")[seen.panel]
    pixels = inked(of(seen, called)["ink"][seen.frame], frame=1)
    return {"pixels": pixels, "columns": exactly(3), "extent": exactly((0, 3, 0, 3))}


@ORACLES("deep", "Images (h²|h¹|x)", panel=3)
def one_chain(seen: Seen) -> dict[str, Any]:
    key, top = {"h²": ("top", 3.2), "h¹": ("middle", 2.1), "x": ("ink", 1.0)}[seen.thing.name]
    row = of(seen, shown(seen.config))[key][seen.frame][seen.config.deep_chain - 1]
    side = round(len(row) ** 0.5)
    square = np.pad(255 * row.reshape(side, side), 1)[None]
    return {"pixels": About(square, 0, 0.51), "columns": exactly(1), "extent": About((0, 1, top - 1, top))}


@ORACLES("deep", "Labels ", panel=3)
def its_layers(seen: Seen) -> dict[str, Any]:
    return {"at": About([(-0.1, 2.7), (-0.1, 1.6), (-0.1, 0.5)]), "texts": ("h²", "h¹", "x")}


@ORACLES("deep", "Polylines ", panel=4)
def bars(seen: Seen) -> dict[str, Any]:
    """Two errors of log Z to each side, the start on top."""
    found = [
        [(nats(name) - 2 * error, 3 - k), (nats(name) + 2 * error, 3 - k)]
        for k, (name, error) in enumerate(zip(ROWS.values(), errors(), strict=True))
    ]
    return {"xy": About(found)}


@lru_cache(maxsize=1)
def weighed() -> tuple[float, float]:
    """The figures that are stored, which a build finds again from the weights."""
    return tuple(checkpoint.entries()[name].metrics["itself_nats"] for name in ("dbn-digits", "dbm-digits"))


@ORACLES("deep", "Points sampling", panel=4)
def by_importance(seen: Seen) -> dict[str, Any]:
    return {"xy": About([(value, 1 - k) for k, value in enumerate(weighed())])}


@ORACLES("deep", "Points (−log p|bound)", panel=4)
def figures(seen: Seen) -> dict[str, Any]:
    names = list(ROWS.values())
    kept = names[2:] if seen.thing.name == "bound" else names[:2]
    return {"xy": About([(nats(name), 3 - names.index(name)) for name in kept])}


@ORACLES("deep", "Labels ", panel=4)
def values(seen: Seen) -> dict[str, Any]:
    found = [nats(name) for name in ROWS.values()]

    def right_of_bars(at: np.ndarray) -> bool:
        ends = np.array(found) + 2 * np.array(errors())
        return bool((at[:, 0] > ends).all() and (at[:, 0] < ends + 0.5).all() and at[:, 1].tolist() == [3, 2, 1, 0])

    texts = tuple(("≤ " if k > 1 else "") + f"{value:.1f}" for k, value in enumerate(found))
    return {"at": right_of_bars, "texts": texts}


@ORACLES("deep", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    called, what = seen.thing.name.split(": ")
    if what == "a test digit":
        return {"values": About(nats(CALLED[called])), "unit": "nats"}
    return {"values": About(sure(seen, called), 1e-3, 1e-3), "unit": ""}
