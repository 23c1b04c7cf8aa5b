"""What the autoregressive page has to show about pixels and sound: by the networks in torch, and by counting."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
from scipy.stats import entropy, sem

from dashboard.scenes.autoregressive import pixels, sound, table
from genmodels.data.digits import load_binarised_mnist
from genmodels.data.sounds import decode_mu_law
from genmodels.data.text import load_names, load_shakespeare
from genmodels.pixel_ar.model import conditionals
from genmodels.recipes import pixel_ar, wavenet
from genmodels.store import cache
from tests.oracles.contours import level_line
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "pixels": [
        pixels.Config("made-random", rows=9),
        pixels.Config("fvsbn", rows=0, digit=3),
        pixels.Config("cnn", rows=27),
    ],
    "sound": [
        sound.Config("noise", at=100),
        sound.Config("start", "pluck", 3, 0),
        sound.Config("early", "chirp", 2, 900),
        sound.Config("end", "pluck", 1, 15760),
    ],
    "table": [table.Config("letters"), table.Config("names")],
}

# --- pixels -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def trained(name: str) -> tuple[Any, np.ndarray]:
    """The network in torch, and its order of pixels."""
    stored = cache.load(name)
    model = pixel_ar.model_of(stored.entry.config, stored.arrays)
    return model, model.config.pixel_order()


def drawn(seen: Seen) -> np.ndarray:
    """The nine finished pictures as shown, checked: what is given is the digit's, the rest is where u is below p."""
    config, order = seen.config, trained(f"pixel-{seen.config.model}")[1]
    sheet = next(panel for panel in seen.scene.panels if panel.title == "Nine answers").layers[0].pixels[-1]
    x = (sheet[:, 1:-1, 1:-1] > 127).reshape(9, 784).astype(np.float32)
    _check_drawn(config, x.tobytes(), tuple(order[28 * config.rows :]))
    return x


@lru_cache(maxsize=16)
def _check_drawn(config: pixels.Config, shown: bytes, asked: tuple[int, ...]) -> np.ndarray:
    x = np.frombuffer(shown, dtype=np.float32).reshape(9, 784)
    given = np.setdiff1d(np.arange(784), asked)
    digit = load_binarised_mnist().test.images[config.digit].ravel()
    assert (x[:, given] == digit[given]).all()
    p = conditionals(trained(f"pixel-{config.model}")[0], x)
    uniform = np.random.default_rng(config.seed).random((9, 784))
    sure = np.abs(uniform - p) > 1e-4  # nearer than that, rounding decides
    assert ((uniform < p) == x)[:, asked][sure[:, asked]].all()
    return p


def said(seen: Seen) -> np.ndarray:
    """p(ink) of each pixel of the nine pictures given those before it, by torch, ``(9, 784)``."""
    asked = tuple(trained(f"pixel-{seen.config.model}")[1][28 * seen.config.rows :])
    return _check_drawn(seen.config, drawn(seen).tobytes(), asked)


def order_of(seen: Seen) -> np.ndarray:
    return trained(f"pixel-{seen.config.model}")[1]


def known(seen: Seen) -> np.ndarray:
    """Which pixels are there: the frame's id is how many."""
    there = np.zeros(784, dtype=bool)
    there[order_of(seen)[: seen.step]] = True
    assert seen.step == 28 * seen.config.rows + seen.frame
    return there


@ORACLES("pixels", "Images ")
def pictures(seen: Seen) -> dict[str, Any]:
    """Ink, paper, and grey where nothing is drawn yet; the lead shows the first of nine."""
    grey = np.where(known(seen), 255 * drawn(seen), 60).reshape(9, 28, 28)
    if seen.scene.panels[seen.panel].title == "The first of nine":
        return {"pixels": grey[:1], "extent": (0, 28, 0, 28)}
    return {"pixels": np.pad(grey, [(0, 0), (1, 1), (1, 1)]), "columns": 3, "extent": (0, 3, 0, 3)}


@ORACLES("pixels", r"Field p\(ink\)")
def field(seen: Seen) -> dict[str, Any]:
    """Of what is known and of what comes next; row 0 is the lowest."""
    asked = np.zeros(784, dtype=bool)
    asked[order_of(seen)[: seen.step + 1]] = True
    p = np.where(asked, said(seen)[0], np.nan).reshape(28, 28)[::-1]
    return {"values": About(p, absolute=1e-3), "limits": (0, 1), "extent": (0, 28, 0, 28)}


def next_pixel(seen: Seen) -> int | None:
    return int(order_of(seen)[seen.step]) if seen.step < 784 else None


@ORACLES("pixels", "Polylines next pixel")
def square(seen: Seen) -> dict[str, Any]:
    """A square around it; and the knob stands at the last row that is given."""
    at = with_handles(seen, {"rows given": (28, 28 - seen.config.rows)})
    pixel = next_pixel(seen)
    if pixel is None:
        return at | {"xy": np.full((1, 4, 2), np.nan)}
    x, y = pixel % 28, 27 - pixel // 28
    return at | {"xy": [[(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]]}


@ORACLES("pixels", "Polylines what it sees")
def sees(seen: Seen) -> dict[str, Any]:
    """Inside the line lie exactly the pixels on which the logit depends: its gradient by the image is not 0 there."""

    def check(shown: np.ndarray) -> bool | str:
        pixel = next_pixel(seen)
        if pixel is None:
            return bool(np.isnan(shown).all())
        model = trained(f"pixel-{seen.config.model}")[0]
        x = torch.rand((1, 784), generator=torch.Generator().manual_seed(0), requires_grad=True)
        model(x)[0, pixel].backward()
        assert x.grad is not None
        depends = x.grad[0].numpy() != 0
        centres = np.stack(np.meshgrid(np.arange(28) + 0.5, 27.5 - np.arange(28)), axis=-1).reshape(-1, 2)
        inside = np.array([winding(centre, shown[0]) for centre in centres])
        return bool((inside == depends).all()) or f"{(inside != depends).sum()} pixels differ"

    return {"xy": check}


def winding(point: np.ndarray, corners: np.ndarray) -> bool:
    """Whether a closed line goes round a point."""
    angle = np.unwrap(np.arctan2(*(np.vstack([corners, corners[:1]]) - point).T))
    return bool(abs(angle[-1] - angle[0]) > math.pi)


@ORACLES("pixels", "Polylines the digit itself")
def outline(seen: Seen) -> dict[str, Any]:
    """Where the picture, linear between the middles of its pixels, has half its ink."""
    image = load_binarised_mnist().test.images[seen.config.digit].astype(float)
    return {"xy": level_line([image[::-1] - 128 / 255], (0, 28, 0, 28), 1e-3)}


def costs(seen: Seen, x: np.ndarray, p: np.ndarray) -> float:
    """−log p of the pixels drawn so far, nats."""
    new = order_of(seen)[28 * seen.config.rows : seen.step]
    return float(-np.log(np.where(x[new] == 1, p[new], 1 - p[new])).sum())


@ORACLES("pixels", "Curve first answer|Readout −log p of the first answer's new pixels")
def first_costs(seen: Seen) -> dict[str, Any]:
    return on_curve(seen, costs(seen, drawn(seen)[0], said(seen)[0].astype(float)))


@ORACLES("pixels", "Curve the digit|Readout −log p of the digit's own")
def digit_costs(seen: Seen) -> dict[str, Any]:
    x = load_binarised_mnist().test.images[seen.config.digit].ravel()
    return on_curve(seen, costs(seen, x, of_digit(f"pixel-{seen.config.model}", seen.config.digit)))


@lru_cache(maxsize=8)
def of_digit(name: str, digit: int) -> np.ndarray:
    x = load_binarised_mnist().test.images[[digit]].reshape(1, 784).astype(np.float32)
    return conditionals(trained(name)[0], x)[0].astype(float)


def on_curve(seen: Seen, value: float) -> dict[str, Any]:
    about = About(value, 1e-3, 5e-3)
    return {"y": about, "x": seen.step} if "y" in seen.channels() else {"values": about}


@ORACLES("pixels", r"Readout p\(ink\) of the next pixel")
def p_next(seen: Seen) -> Any:
    pixel = next_pixel(seen)
    return About(np.nan if pixel is None else said(seen)[0, pixel], absolute=1e-3)


# --- sound --------------------------------------------------------------------------------------------------

KINDS = ("pluck", "vowel", "chirp")


def heard(seen: Seen) -> np.ndarray:
    """The levels of the sound, ``(16000,)``."""
    column = 3 * KINDS.index(seen.config.kind) + seen.config.take - 1
    if seen.config.stage == "noise":
        return np.random.default_rng(column).integers(256, size=16000, dtype=np.uint8).astype(int)
    return cache.arrays("wavenet-sounds")[seen.config.stage][:, column].astype(int)


@lru_cache(maxsize=8)
def torch_log_p(stage: str, kind: str, take: int, until: int) -> np.ndarray:
    """log p of all levels at each sample, from the beginning on, by torch, ``(until, 256)``."""
    model = wavenet.model_of(cache.arrays("wavenet"), stage)
    column = 3 * KINDS.index(kind) + take - 1
    levels = cache.arrays("wavenet-sounds")[stage][:until, column].astype(np.int64)
    begin = max(0, until - 2600)  # far enough before the first that is looked at
    with torch.no_grad():
        logits = model(torch.tensor(levels[begin:])[None], torch.tensor([KINDS.index(kind)]))[0].double().numpy()
    return np.concatenate([np.full((begin, 256), np.nan), log_softmax(logits, axis=1)])


def log_p(seen: Seen) -> np.ndarray:
    """Of the 256 levels of the sample of this frame."""
    c = seen.config
    assert seen.step == c.at + seen.frame
    if c.stage == "noise":
        return np.full(256, -math.log(256))
    return torch_log_p(c.stage, c.kind, c.take, c.at + 240)[seen.step]


@ORACLES("sound", r"Bars p\(next level\)")
def p_level(seen: Seen) -> dict[str, Any]:
    return {"height": About(np.exp(log_p(seen)), absolute=1e-3)}


@ORACLES("sound", "Points drawn")
def level(seen: Seen) -> dict[str, Any]:
    drawn_level = heard(seen)[seen.step]
    return {"xy": About([[drawn_level, np.exp(log_p(seen)[drawn_level])]], absolute=1e-3)}


@ORACLES("sound", "Readout p of the level drawn")
def p_drawn(seen: Seen) -> About:
    return About(np.exp(log_p(seen)[heard(seen)[seen.step]]), absolute=1e-3)


@ORACLES("sound", "Readout entropy of p")
def how_open(seen: Seen) -> dict[str, Any]:
    return {
        "values": About(entropy(np.exp(log_p(seen))), absolute=5e-3),
        "unit": f"nats (of 256 equal ones {math.log(256):.3f})",
    }


@ORACLES("sound", "Readout time")
def milliseconds(seen: Seen) -> dict[str, Any]:
    return {"values": seen.step / 8, "unit": "ms"}


@ORACLES("sound", "Polylines sound")
def waveform(seen: Seen) -> dict[str, Any]:
    """Amplitudes over seconds; and the knob where the frames begin."""
    at = with_handles(seen, {"look here": (seen.config.at / 8000, 0)})
    return at | {"xy": [np.stack([np.arange(16000) / 8000, decode_mu_law(heard(seen))], axis=1)]}


@ORACLES("sound", "Polylines what the next sample sees")
def window(seen: Seen) -> dict[str, Any]:
    """From 1,024 samples ago, or the beginning, to now."""
    start, end = max(seen.step - 1024, 0) / 8000, seen.step / 8000
    return {"xy": [[(start, -1), (end, -1), (end, 1), (start, 1)]]}


@ORACLES("sound", "Polylines the samples before")
def before(seen: Seen) -> dict[str, Any]:
    """Amplitudes, moved down and twice as high, at so many milliseconds before the next sample."""
    index = seen.step - np.arange(1024, 0, -1)
    amplitude = decode_mu_law(heard(seen))[np.maximum(index, 0)]
    y = np.where(index >= 0, 2 * amplitude - 2.2, np.nan)
    return {"xy": About([np.stack([np.arange(-1024, 0) / 8, y], axis=1)], absolute=1e-4)}


def tree(top: int = 10) -> set[tuple[float, ...]]:
    """All edges, from the top down: a node joins the one below it, and the one 2^(l−1) samples earlier."""
    found, nodes = set(), {1}
    for layer in range(top, 0, -1):
        below = set()
        for ago in nodes:
            for earlier in (ago, ago + 2 ** (layer - 1)):
                found.add((-ago / 8, layer, -earlier / 8, layer - 1))
                below.add(earlier)
        nodes = below
    assert nodes == set(range(1, 1025)), "each sample of the field once"
    return found


@ORACLES("sound", "Polylines (layers)?", panel=0)
def layers(seen: Seen) -> dict[str, Any]:
    """The upper six are weighted by their height, the lower four are drawn as one."""
    upper = seen.thing.name == "layers"  # type: ignore[union-attr]
    edges = {edge for edge in tree() if (edge[1] > 4) == upper}

    def same(shown: np.ndarray) -> bool:
        return len(shown) == len(edges) and {tuple(row) for row in shown.reshape(-1, 4).tolist()} == edges

    above = seen.at("xy")[:, 0, 1]
    return {"xy": same} | ({"weight": above / 10} if upper else {})


@ORACLES("sound", "Points next sample")
def top(seen: Seen) -> dict[str, Any]:
    return {"xy": [[-1 / 8, 10]]}


@ORACLES("sound", "Polylines before the beginning")
def silence(seen: Seen) -> dict[str, Any]:
    """Up to half a sample before the first one."""
    if seen.step >= 1024:
        return {"xy": lambda shown: bool(np.isnan(shown[..., 1:3, 0]).all())}
    end = -(seen.step + 0.5) / 8
    return {"xy": [[(-128, -4), (end, -4), (end, 10.6), (-128, 10.6)]]}


# --- table --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def digits() -> dict[str, tuple[float, float]]:
    """Nats per test image and standard error, by name."""
    train, test = (
        split.images.reshape(-1, 784).astype(float)
        for split in (load_binarised_mnist().train, load_binarised_mnist().test)
    )
    pseudo = cache.load("pixel-mixture").entry.config["alpha"]  # images more of each colour
    p = (train.sum(axis=0) + pseudo) / (len(train) + 2 * pseudo)
    coins = -(test @ np.log(p) + (1 - test) @ np.log(1 - p))
    stored = {"mixture": "mixture", "logistic": "fvsbn", "MADE": "made", "PixelCNN": "cnn"}
    exact = {"coins": coins} | {
        n: -cache.arrays(f"pixel-{k}")["test_log_prob"].astype(float) for n, k in stored.items()
    }
    bound = {
        n: (-cache.load(k).entry.metrics["bound_500_nats"], np.nan)
        for n, k in (("VAE 2-D", "vae-2d"), ("VAE 16-D", "vae-16d"))
    }
    told = {name: (values.mean(), sem(values)) for name, values in exact.items()} | bound
    return {name: told[name] for name in ("coins", "mixture", "VAE 2-D", "VAE 16-D", "logistic", "MADE", "PixelCNN")}


def kneser_ney(rows: list[list[int]], test: list[list[int]], order: int, letters: int) -> float:
    """Nats a letter of interpolated Kneser-Ney, with dictionaries, as Chen & Goodman (1999) write it."""
    counts: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 2)]
    for n in range(1, order + 2):
        for row in rows:
            for i in range(max(n - 1, 1), len(row)):
                counts[n][tuple(row[i - n + 1 : i + 1])] += 1

    def prepared(n: int, highest: bool) -> tuple[Any, Any, Any, float]:
        table_ = counts[n] if highest else Counter(gram[1:] for gram in counts[n + 1])
        total: Counter[tuple[int, ...]] = Counter()
        kinds: Counter[tuple[int, ...]] = Counter()
        for gram, count in table_.items():
            total[gram[:-1]] += count
            kinds[gram[:-1]] += 1
        once, twice = (sum(count == k for count in table_.values()) for k in (1, 2))
        return table_, total, kinds, once / (once + 2 * twice) if once else 1.0

    kept: dict[tuple[int, bool], Any] = defaultdict()
    for n in range(1, order + 1):
        for highest in (True, False):
            kept[n, highest] = prepared(n, highest)

    def p(gram: tuple[int, ...], highest: bool) -> float:
        n = len(gram)
        if n == 0:
            return 1 / letters
        table_, total, kinds, discount = kept[n, highest]
        shorter = p(gram[1:], False)
        if not total[gram[:-1]]:
            return shorter
        return (max(table_[gram] - discount, 0) + discount * kinds[gram[:-1]] * shorter) / total[gram[:-1]]

    costs_ = [
        -math.log(p(tuple(row[max(i - order + 1, 0) : i + 1]), True)) for row in test for i in range(1, len(row))
    ]
    return sum(costs_) / len(costs_)


@lru_cache(maxsize=2)
def texts(what: str) -> dict[str, tuple[float, float]]:
    text, letters = (load_shakespeare(), 65) if what == "letters" else (load_names(), 27)
    train = text.train
    rows, tests = ([row[row >= 0].tolist() for row in np.atleast_2d(part)] for part in (train, text.test))
    orders = range(1, 6) if what == "names" else (1,)  # more take half a minute for Shakespeare
    told = {"uniform": math.log(letters)} | {f"{n}-gram": kneser_ney(rows, tests, n, letters) for n in orders}
    if what == "names":
        windows = cache.load("names-windows").entry.metrics
        told |= {f"MLP {m}": windows[f"nats_per_letter_{m}"] for m in (2, 3, 4, 6)}
    stored = "shakespeare" if what == "letters" else "names"
    told["transformer"] = cache.load(stored).entry.metrics["nats_per_letter"]
    return {name: (nats, np.nan) for name, nats in told.items()}


NAMES = {
    "digits": ("coins", "mixture", "VAE 2-D", "VAE 16-D", "logistic", "MADE", "PixelCNN"),
    "letters": ("uniform", "1-gram", "2-gram", "3-gram", "4-gram", "5-gram", "transformer"),
    "names": (
        "uniform", "1-gram", "2-gram", "3-gram", "4-gram", "5-gram",
        "MLP 2", "MLP 3", "MLP 4", "MLP 6", "transformer",
    ),
}  # fmt: skip


def told(seen: Seen) -> list[tuple[float, float]]:
    """Nats and standard error by bar; NaN for what takes too long to count here."""
    assert seen.scene.panels[0].x_names == NAMES[seen.config.what]
    found = digits() if seen.config.what == "digits" else texts(seen.config.what)
    return [found.get(name, (np.nan, np.nan)) for name in NAMES[seen.config.what]]


def near(expected: np.ndarray, there: np.ndarray) -> Any:
    """Bars where there are to be some, as high as expected as far as that is known."""

    def check(shown: np.ndarray) -> bool | str:
        if not np.array_equal(np.isnan(shown), ~there):
            return f"bars stand at {np.flatnonzero(~np.isnan(shown))}"
        off = np.abs(shown - expected)[there & ~np.isnan(expected)]
        return bool((off < 1e-3).all()) or f"off by {off.max()}"

    return check


@ORACLES("table", "Bars (exact|a bound|this model)")
def bars(seen: Seen) -> dict[str, Any]:
    names = NAMES[seen.config.what]
    nats = np.array([nat for nat, _ in told(seen)])
    bound = np.array([name.startswith("VAE") for name in names])
    there = {"exact": ~bound, "a bound": bound, "this model": np.arange(len(names)) == seen.frame}[seen.thing.name]  # type: ignore[union-attr]
    found: dict[str, Any] = {"height": near(nats, there), "x": np.arange(len(names))}
    if seen.thing.name != "this model":  # type: ignore[union-attr]
        digits_ = 1 if seen.config.what == "digits" else 2

        def labels(shown: tuple[str, ...]) -> bool:
            return all(
                np.isnan(nat) or label == ("≤ " if is_bound else "") + f"{nat:.{digits_}f}"
                for label, nat, is_bound in zip(shown, nats, bound, strict=True)
            )

        found["labels"] = labels
    return found


@ORACLES("table", "Polylines ")
def errors(seen: Seen) -> dict[str, Any]:
    ends = [[(k, nats - error), (k, nats + error)] for k, (nats, error) in enumerate(told(seen))]
    return {"xy": About(np.array(ends), 1e-4)}


@ORACLES("table", "Readout −log p")
def nats(seen: Seen) -> dict[str, Any]:
    value = told(seen)[seen.frame][0]
    unit = "nats per image" if seen.config.what == "digits" else "nats per letter"
    return {"values": (lambda shown: 1 < shown < 4) if np.isnan(value) else About(value, 1e-4), "unit": unit}


@ORACLES("table", "Readout standard error")
def standard_error(seen: Seen) -> About:
    return About(told(seen)[seen.frame][1], 1e-3)


@ORACLES("table", "Readout less than the model before")
def saved(seen: Seen) -> Any:
    """Not of a bound, nor beside one."""
    heights = seen.scene.panels[0].layers[0].height
    if seen.frame == 0 or np.isnan(heights[seen.frame - 1 : seen.frame + 1]).any():
        return np.nan
    return heights[seen.frame - 1] - heights[seen.frame]


@ORACLES("table", "Readout training (images|letters|names)")
def how_many(seen: Seen) -> int:
    return {"digits": 4000, "letters": len(load_shakespeare().train), "names": 4646}[seen.config.what]
