"""What the cues of the page of bounds with stored numbers have to show.

The stored networks run in torch: bounds by Gauss and Hermite's nodes of another order, log p(x) on a grid of the
test's own, the first hundred draws anew from their seeds. Areas under curves by comparing all pairs.
"""

from __future__ import annotations

import copy
import itertools
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from dashboard.scenes.elbo import how_sure, one_network, ours
from genmodels.store import cache
from tests.oracles import latent
from tests.oracles.latent import exactly, inked, rows_of
from tests.oracles.seen import About, Oracles, Seen
from tests.oracles.throughout import throughout

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "one_network": [one_network.Config(199, "encoder"), one_network.Config(13)],  # one ends on a lower top
    "how_sure": [how_sure.Config(12, 3), how_sure.Config(0, 2)],
    "ours": [ours.Config(by) for by in ("2d.elbo", "16d.bound", "16d.elbo")],
}
LATENTS = {"2d": 2, "16d": 16}


def stored(name: str) -> np.ndarray:
    """An array of any of the three recordings."""
    for recording in ("elbo-one-network", "elbo-how-sure", "elbo-ours"):
        arrays = cache.load(recording).arrays
        if name in arrays:
            return arrays[name].astype(float)
    raise LookupError(name)


# --- the networks -------------------------------------------------------------------------------------------


def image(i: int) -> np.ndarray:
    return rows_of("test", True)[i]


@lru_cache(maxsize=2)
def decoder(model: str) -> torch.nn.Sequential:
    """In float32, twice as fast and right to a thousandth of a nat."""
    return copy.deepcopy(latent.perceptron(f"vae-{model}", "decoder")).float()


@torch.no_grad()
def log_likelihood(x: np.ndarray, z: np.ndarray, model: str = "2d") -> np.ndarray:
    """log p(x | z) of rows of z."""
    logits = decoder(model)(torch.as_tensor(z, dtype=torch.float32))
    inked_there = logits @ torch.as_tensor(np.array(x, dtype=np.float32))
    return (inked_there.double() - torch.nn.functional.softplus(logits).sum(dim=1, dtype=torch.float64)).numpy()


def log_joint(x: np.ndarray, z: np.ndarray, model: str = "2d") -> np.ndarray:
    return log_likelihood(x, z, model) + norm.logpdf(z).sum(axis=1)


@lru_cache(maxsize=64)
def encoded(i: int, model: str = "2d") -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the encoder's q."""
    mean, log_var = latent.through(f"vae-{model}", "encoder", image(i)[None])[0].chunk(2)
    return mean.numpy(), (log_var / 2).exp().numpy()


@lru_cache(maxsize=512)
def _bound(i: int, numbers: tuple[float, ...]) -> float:
    mean, sigma = np.array(numbers[:2]), np.array(numbers[2:])
    nodes, weights = np.polynomial.hermite.hermgauss(11 if sigma.max() < 0.28 else 34)
    u = np.sqrt(2) * np.array([(a, b) for a in nodes for b in nodes])
    w = np.array([a * b for a in weights for b in weights]) / np.pi
    entropy = np.log(2 * np.pi * np.e) + np.log(sigma).sum()
    return float(w @ log_joint(image(i), mean + u * sigma) + entropy)


def bound(i: int, mean: np.ndarray, sigma: np.ndarray) -> float:
    """E_q[log p(x, z)] + H(q) of a q with independent latents."""
    return _bound(i, tuple(np.round([*mean, *sigma], 9).tolist()))


def log_p(x: np.ndarray) -> float:
    """log p(x): a look at the whole plane, then a fine grid where the mass is."""
    return _log_p(np.asarray(x, dtype=np.uint8).tobytes())


@lru_cache(maxsize=64)
def _log_p(pixels: bytes) -> float:
    x = np.frombuffer(pixels, dtype=np.uint8)
    axes = [np.linspace(-4.4, 4.4, 61)] * 2
    for nodes, depth in ((41, 25), (61, 17), (61, 0)):
        z = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        values = log_joint(x, z.reshape(-1, 2)).reshape(z.shape[:2])
        if depth:
            kept = np.argwhere(values > values.max() - depth)
            steps = [axis[1] - axis[0] for axis in axes]
            axes = [
                np.linspace(axis[low] - step, axis[high] + step, nodes)
                for axis, step, low, high in zip(axes, steps, kept.min(axis=0), kept.max(axis=0), strict=True)
            ]
    return float(logsumexp(values) + sum(np.log(axis[1] - axis[0]) for axis in axes))


# --- one network --------------------------------------------------------------------------------------------


def of_ellipse(seen: Seen, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviations of the one ellipse of a name."""
    shown = seen.other(name, 0)
    covariance = shown.at("covariance")[0]
    assert covariance[0, 1] == covariance[1, 0] == 0
    return shown.at("mean")[0], np.sqrt(np.diag(covariance))


def bound_of(seen: Seen, name: str) -> float:
    """The bound at a q that is drawn."""
    mean, sigma = of_ellipse(seen, name)
    return bound(seen.config.one_image, mean, sigma)


def is_top(i: int, mean: np.ndarray, sigma: np.ndarray, slack: float = 0.01) -> bool:
    """Whether no q a little elsewhere, or a little wider or narrower, has a higher bound."""
    top = bound(i, mean, sigma)
    moved = [(mean + side * 0.3 * sigma * axis, sigma) for side in (-1, 1) for axis in np.eye(2)]
    moved += [(mean, sigma * np.where(axis, 1.2**side, 1)) for side in (-1, 1) for axis in np.eye(2)]
    return all(bound(i, *other) < top + slack for other in moved)


def gaps() -> np.ndarray:
    return stored("diagonal") - stored("encoder")


@ORACLES("one_network", "Field p.*")
def posterior(seen: Seen) -> dict[str, Any]:
    (x0, x1, y0, y1), (rows, columns) = seen.at("extent"), seen.at("values").shape
    across = x0 + (np.arange(columns) + 0.5) * (x1 - x0) / columns
    up = y0 + (np.arange(rows) + 0.5) * (y1 - y0) / rows
    x = image(seen.config.one_image)
    p = _posterior(seen.config.one_image, tuple(across), tuple(up))
    panel = seen.scene.panels[0]
    assert x.shape == (784,)
    return {
        "values": About(p, absolute=0.004 * p.max()),
        "limits": About((0, p.max()), relative=0.005),
        "extent": exactly((*panel.x, *panel.y)),
    }


@lru_cache(maxsize=8)
def _posterior(i: int, across: tuple[float, ...], up: tuple[float, ...]) -> np.ndarray:
    z = np.array([(a, b) for b in up for a in across])
    return np.exp(log_joint(image(i), z) - log_p(image(i))).reshape(len(up), len(across))


@ORACLES("one_network", "Ellipses best.*")
def best(seen: Seen) -> dict[str, Any]:
    """Nothing beside it is higher; it is no lower than the encoder's and the climb's."""
    mean, sigma = of_ellipse(seen, seen.thing.name)
    i = seen.config.one_image
    top = bound(i, mean, sigma)
    highest = top > bound(i, *encoded(i)) - 0.01 and top > seen.scene.readouts[3].values[-1] - 0.01
    return {
        "mean": lambda _: (highest and is_top(i, mean, sigma)) or f"no top: {top}",
        "covariance": About(np.diag(stored("sigma")[i] ** 2)[None]),
    }


@ORACLES("one_network", "Ellipses encoder.*")
def encoder(seen: Seen) -> dict[str, Any]:
    mean, sigma = encoded(seen.config.one_image)
    return {"mean": About(mean[None], absolute=2e-4), "covariance": About(np.diag(sigma**2)[None], 2e-3, 1e-7)}


@ORACLES("one_network", "Ellipses q")
def the_climb(seen: Seen) -> dict[str, Any]:
    """It begins where it is said to, and ends where no q beside it is higher."""
    mean, sigma = of_ellipse(seen, "q")
    if seen.frame == 0:
        mean, sigma = (np.zeros(2), np.ones(2))
        if seen.config.one_start == "encoder":
            mean, sigma = encoded(seen.config.one_image)
    last = seen.frame == len(seen.scene.steps) - 1
    ended = not last or is_top(seen.config.one_image, mean, sigma)
    return {
        "mean": About(mean[None], absolute=2e-4),
        "covariance": About(np.diag(sigma**2)[None], 2e-3, 1e-7),
        "name": lambda _: ended or "the climb has not ended",
    }


@ORACLES("one_network", "Polylines ", panel=0)
def the_way(seen: Seen) -> dict[str, Any]:
    """Through the means so far; the rest of it waits at the last."""
    means = seen.other("q", 0).thing.mean[:, 0]
    so_far = means.copy()
    so_far[seen.frame :] = means[seen.frame]
    return {"xy": exactly(so_far[None])}


@ORACLES("one_network", "Images .*")
def decoded(seen: Seen) -> dict[str, Any]:
    i = seen.config.one_image
    z = {"encoder": encoded(i)[0], "q": of_ellipse(seen, "q")[0]}.get(seen.thing.name)
    row = image(i) if z is None else latent.through("vae-2d", "decoder", z[None])[0].sigmoid().numpy()
    k = ("x", "encoder", "q").index(seen.thing.name)
    return {"pixels": inked(row[None]), "extent": About((1.3 * k, 1.3 * k + 1, -1, 0)), "columns": 1}


@ORACLES("one_network", "Labels ")
def under_the_pictures(seen: Seen) -> dict[str, Any]:
    at = [(0.5 + 1.3 * k, -1.12) for k in range(3)]
    return {"at": About(at, absolute=0.02), "texts": ("x", "encoder", "q")}


def level(seen: Seen) -> float:
    i = seen.config.one_image
    if "log p" in seen.thing.name:
        return log_p(image(i))
    if "encoder" in seen.thing.name:
        return bound(i, *encoded(i))
    return bound_of(seen, "best q of its own")


@ORACLES("one_network", "Polylines (log p.*|best.*|encoder.*)", panel=2)
def levels(seen: Seen) -> dict[str, Any]:
    return {"xy": About([[[0, level(seen)], [24, level(seen)]]], relative=0, absolute=0.02)}


@ORACLES("one_network", "Curve q")
def bound_of_the_climb(seen: Seen) -> dict[str, Any]:
    """A wide q is hard for any quadrature: right to 0.8 % of what it is below log p(x)."""
    now = bound_of(seen, "q")
    rising = (np.diff(seen.thing.y) > -1e-6).all()
    below = abs(log_p(image(seen.config.one_image)) - now)
    return {
        "y": About(now, relative=0, absolute=0.02 + 0.008 * below),
        "name": lambda _: bool(rising) or "the bound falls",
    }


@ORACLES("one_network", "Readout (log p.x.|ELBO, .*)")
def level_said(seen: Seen) -> dict[str, Any]:
    return {"values": About(level(seen), relative=0, absolute=0.02), "unit": "nats"}


@ORACLES("one_network", "Readout ELBO of q")
def bound_said(seen: Seen) -> dict[str, Any]:
    now = bound_of(seen, "q")
    below = abs(log_p(image(seen.config.one_image)) - now)
    return {"values": About(now, relative=0, absolute=0.02 + 0.008 * below), "unit": "nats"}


@ORACLES("one_network", "Readout amortisation gap")
def gap_said(seen: Seen) -> dict[str, Any]:
    i = seen.config.one_image
    return {"values": About(bound_of(seen, "best q of its own") - bound(i, *encoded(i)), 0, 0.02), "unit": "nats"}


@ORACLES("one_network", "Readout its .*")
def of_all(seen: Seen) -> dict[str, Any]:
    ordered = np.sort(gaps())
    value = {"its median": ordered[99:101].mean(), "its mean": ordered.sum() / 200}[seen.thing.name]
    return {"values": About(value), "unit": "nats"}


@ORACLES("one_network", "Polylines images")
def histogram(seen: Seen) -> dict[str, Any]:
    """Every image stands in one bar, four to a factor of ten."""
    ends = 10 ** np.linspace(-2, 2.5, 19)
    heights = [((a <= gaps()) & (gaps() < b)).sum() for a, b in itertools.pairwise(ends)]
    assert sum(heights) == 200
    boxes = [[[a, 0], [b, 0], [b, n], [a, n]] for a, b, n in zip(ends[:-1], ends[1:], heights, strict=True)]
    return {"xy": About(boxes)}


@ORACLES("one_network", "Polylines (median|mean|this x)")
def marks(seen: Seen) -> dict[str, Any]:
    i, panel = seen.config.one_image, seen.scene.panels[3]
    value = {"median": np.median(gaps()), "mean": gaps().mean(), "this x": gaps()[i]}[seen.thing.name]
    return {"xy": About([[[value, 0], [value, panel.y[1]]]])}


# --- how sure -----------------------------------------------------------------------------------------------

COUNTS = np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5])
AGAIN = 7
"""Of so many counts the draws are made again."""


@lru_cache(maxsize=64)
def running(i: int, run: int, model: str, proposal: str) -> tuple[np.ndarray, np.ndarray]:
    """log p̂ and the effective sample size at each count: the first hundred draws anew, the rest as stored."""
    d, x = LATENTS[model], image(i)
    if proposal == "prior":
        z = np.random.default_rng([0, d, run]).standard_normal((100, d))
        log_w = log_likelihood(x, z, model)
    else:
        mean, sigma = encoded(i, model)
        z = mean + sigma * np.random.default_rng([0, d, run, i]).standard_normal((100, d))
        log_w = log_joint(x, z, model) - norm.logpdf(z, mean, sigma).sum(axis=1)
    told, size = (stored(f"{model}.{proposal}.{of}")[i, run].copy() for of in ("log_p", "ess"))
    for k in range(AGAIN):
        some = log_w[: int(COUNTS[k])]
        told[k] = logsumexp(some) - np.log(len(some))
        share = np.exp(some - logsumexp(some))
        size[k] = 1 / np.square(share).sum()
    return told, size


def runs_of(seen: Seen) -> list[int]:
    """The one chosen, and then the others."""
    run = seen.config.sure_run - 1
    return [run, *(r for r in range(3) if r != run)]


def lines(seen: Seen, model: str, proposal: str) -> np.ndarray:
    """All counts of the lines that are drawn."""
    sizes = seen.panel == 2
    runs = runs_of(seen)[:1] if sizes else runs_of(seen)
    found = [running(seen.config.sure_image, run, model, proposal)[sizes] for run in runs]
    return np.array([np.column_stack([COUNTS, row]) for row in found])


def which(seen: Seen) -> tuple[str, str]:
    """Model and proposal of a line or a dot: dots stand behind their lines."""
    panel = seen.scene.panels[seen.panel]
    drawn = [layer for layer in panel.layers if layer.kind == seen.thing.kind and layer.name != "log p(x)"]
    k = next(k for k, layer in enumerate(drawn) if layer is seen.thing)
    model = ("2d", "16d")[k // 2] if seen.panel == 2 else ("2d", "16d")[seen.panel]
    return model, ("prior", "encoder")[k % 2]


@ORACLES("how_sure", "Polylines (prior|encoder).*")
def estimates(seen: Seen) -> dict[str, Any]:
    model, proposal = which(seen)
    xy = lines(seen, model, proposal)
    name = f"{proposal}, {LATENTS[model]}" if seen.panel == 2 else proposal
    return {
        "xy": About(xy, relative=2e-3, absolute=0.02),
        "weight": lambda w: w[0] == 1 and (w[1:] < 0.6).all(),
        "name": name,
        "colour": {"prior": "class0", "encoder": "class1"}[proposal],
    }


for _panel in range(3):

    @ORACLES("how_sure", "Points ", panel=_panel)
    def where_it_is(seen: Seen) -> dict[str, Any]:
        model, proposal = which(seen)
        return {"xy": About(lines(seen, model, proposal)[0, seen.frame][None], relative=2e-3, absolute=0.02)}


@ORACLES("how_sure", "Polylines log p.x.")
def exact_line(seen: Seen) -> dict[str, Any]:
    whole = log_p(image(seen.config.sure_image))
    return {"xy": About([[[1, whole], [1e5, whole]]], relative=0, absolute=0.02)}


@lru_cache(maxsize=64)
def gained(i: int, model: str) -> np.ndarray:
    """K and L_K − L_1."""
    bounds = stored(f"{model}.bound")[i]
    return np.column_stack([stored(f"{model}.k"), bounds - bounds[0]])


@ORACLES("how_sure", "Polylines [0-9]+ latents")
def rising(seen: Seen) -> dict[str, Any]:
    """L_1 is the ELBO: in two dimensions by quadrature."""
    i, model = seen.config.sure_image, {"2 latents": "2d", "16 latents": "16d"}[seen.thing.name]
    error = stored("2d.bound_error")[i, 0]
    apart = abs(stored("2d.bound")[i, 0] - bound(i, *encoded(i))) if model == "2d" else 0.0
    return {"xy": About(gained(i, model)[None]), "name": lambda _: bool(apart < 5 * error + 0.01) or f"L_1: {apart}"}


@ORACLES("how_sure", "Points ", panel=3)
def spoken_of(seen: Seen) -> dict[str, Any]:
    drawn = [layer for layer in seen.scene.panels[3].layers if layer.kind == "points"]
    whole = gained(seen.config.sure_image, ("2d", "16d")[drawn.index(seen.thing)])
    return {"xy": About([row for row in whole if row[0] in (1, 5, 50)])}


@ORACLES("how_sure", "Readout .*")
@throughout
def said(seen: Seen) -> dict[str, Any]:
    i, name = seen.config.sure_image, seen.thing.name
    if name == "log p(x), 2 latents":
        return {"values": About(log_p(image(i)), relative=0, absolute=0.02), "unit": "nats"}
    proposal, _, rest = name.partition(", ")
    model = {"2": "2d", "16": "16d"}[rest.partition(":")[0]]
    sizes = name.endswith("ESS")
    value = running(i, seen.config.sure_run - 1, model, proposal)[sizes][seen.frame]
    return {"values": About(value, relative=1e-3, absolute=0.01), "unit": "" if sizes else "nats"}


# --- ours ---------------------------------------------------------------------------------------------------

KINDS = ("turned", "inverted", "noise", "constant", "bars")
SCORES = ("2d.exact", "2d.bound", "2d.elbo", "16d.bound", "16d.elbo")
SHOWN = np.rint(np.arange(12) * 9).astype(int)


def scores(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Of the digits, and of the kind of this frame."""
    return stored(f"ours.{seen.config.ours_by}"), stored(f"{KINDS[seen.frame]}.{seen.config.ours_by}")


def area(digits: np.ndarray, others: np.ndarray) -> float:
    """Over all pairs."""
    wins = sum(float(b < a) + 0.5 * float(a == b) for a in digits for b in others)
    return wins / (len(digits) * len(others))


@lru_cache(maxsize=64)
def area_of(kind: str, by: str) -> float:
    return area(stored(f"ours.{by}"), stored(f"{kind}.{by}"))


def is_bar(page: np.ndarray) -> bool:
    rows, columns = np.flatnonzero(page.any(axis=1)), np.flatnonzero(page.any(axis=0))
    inside = page[np.ix_(rows, columns)]
    return bool(inside.all()) and 2 <= len(columns) <= 5 and 10 <= len(rows) <= 20


@ORACLES("ours", "Images digits")
def digits(seen: Seen) -> dict[str, Any]:
    return {"pixels": inked(image(SHOWN), frame=1), "columns": 4, "extent": exactly((0, 4, -3.5, -0.5))}


@ORACLES("ours", "Images these")
@throughout
def foreign(seen: Seen) -> dict[str, Any]:
    pixels, kind = seen.at("pixels"), KINDS[seen.frame]
    pages, ours_there = pixels[:, 1:-1, 1:-1] / 255, image(SHOWN).reshape(-1, 28, 28)
    ink = pages.mean(axis=(1, 2))
    right = {
        "turned": lambda: np.array_equal(pages, ours_there[:, ::-1, ::-1]),
        "inverted": lambda: np.array_equal(pages, 1 - ours_there),
        "noise": lambda: (np.abs(ink - 0.5) < 0.08).all() and np.ptp(ink) > 0,
        "constant": lambda: np.abs(ink - (SHOWN / 99) ** 2).max() < 0.07,
        "bars": lambda: all(is_bar(page > 0) for page in pages),
    }[kind]()
    black_and_white = np.isin(pages, (0, 1)).all()
    return {
        "pixels": lambda _: bool(right and black_and_white) or f"these are no {kind}",
        "columns": 4,
        "extent": exactly((0, 4, -7.1, -4.1)),
    }


@ORACLES("ours", "Labels ")
@throughout
def names(seen: Seen) -> dict[str, Any]:
    if seen.thing.texts == ("Digits",):
        return {"at": About([[2, -0.25]])}
    at = np.full((5, 2), np.nan)
    at[seen.frame] = (2, -3.85)
    texts = ("Upside down", "Inverted", "Noise", "Blank to black", "One black bar")
    return {"at": About(at), "texts": texts}


@ORACLES("ours", "Polylines (digits|these)")
@throughout
def histograms(seen: Seen) -> dict[str, Any]:
    """Ten bars to a factor of ten; what lies outside is in the first or the last."""
    up = seen.thing.name == "digits"
    cost, ends = -scores(seen)[0 if up else 1], 10 ** np.linspace(1.4, 4, 27)
    bars = np.clip(np.floor((np.log10(cost) - 1.4) * 10), 0, 25).astype(int)
    heights = np.array([(bars == k).sum() for k in range(26)])
    heights = heights / heights.max() * (1 if up else -1)
    return {"xy": About([[[a, 0], [b, 0], [b, n], [a, n]] for a, b, n in zip(ends, ends[1:], heights, strict=False)])}


@ORACLES("ours", "Polylines this score")
def rates(seen: Seen) -> dict[str, Any]:
    """Of 100 digits none is flagged, one, two, …, all."""
    known, unknown = scores(seen)
    thresholds = [*sorted(known), np.inf]
    return {"xy": About([[[100 * np.mean(known < t), 100 * np.mean(unknown < t)] for t in thresholds]])}


@ORACLES("ours", "Polylines chance")
def by_chance(seen: Seen) -> dict[str, Any]:
    return {"xy": exactly([[[0, 0], [100, 100]]])}


@ORACLES("ours", "Polylines a coin")
def coin(seen: Seen) -> dict[str, Any]:
    return {"xy": exactly([[[-0.6, 0.5], [4.6, 0.5]]])}


@ORACLES("ours", "Bars AUC")
def areas(seen: Seen) -> dict[str, Any]:
    names = seen.scene.panels[seen.panel].x_names
    assert [("L" in n, "ELBO" in n, "16" in n) for n in names] == [
        (not by.endswith("exact"), by.endswith("elbo"), by.startswith("16")) for by in SCORES
    ]
    return {"height": About([area_of(KINDS[seen.frame], by) for by in SCORES])}


@ORACLES("ours", "Readout .*")
@throughout
def numbers(seen: Seen) -> dict[str, Any]:
    known, unknown = scores(seen)
    by = seen.config.ours_by
    blank = stored(f"constant.{by}")[0]
    if seen.thing.name == "a blank page" and by == "2d.exact":
        return {"values": About(log_p(np.zeros(784)), relative=0, absolute=0.02), "unit": "nats"}
    value, unit = {
        "median of digits": (np.sort(known)[49:51].mean(), "nats"),
        "median of these": (np.sort(unknown)[49:51].mean(), "nats"),
        "AUC": (area_of(KINDS[seen.frame], by), ""),
        "found, if 5 % of digits are flagged": (100 * np.mean(unknown < np.sort(known)[5]), "%"),
        "a blank page": (blank, "nats"),
        "digits below the blank page": (100 * np.mean(known < blank), "%"),
    }[seen.thing.name]
    return {"values": About(value), "unit": unit}
