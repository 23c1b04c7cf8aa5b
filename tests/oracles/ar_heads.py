"""What the cues of the autoregressive page about attention and learning have to show.

The transformer is written once more here, in complex numbers and float64, with every edge's cut a mask; words are
counted by splitting the text, and a network in training is asked row by row.
"""

from __future__ import annotations

import itertools
import math
import re
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scenes.autoregressive import attention, live
from genmodels.data.text import load_names, load_shakespeare
from genmodels.store import cache
from genmodels.transformer.runtime import TransformerRuntime
from genmodels.transformer.training import TransformerConfig, iterate_transformer
from tests.claims.test_captions import LIVE_FRAMES
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "attention": [
        attention.Config(network="shakespeare", layer=1, head=5, text="To be, or not to be, that is t"),
        attention.Config(text="a"),
        attention.Config(text="aa a", table="scores", query=2, key=0),
        attention.Config(
            network="shakespeare", layer=3, head=2, query=4, key=4, text="\n ?$3 "[:6].replace("\n", "!")
        ),
    ],
    "live": [live.Config(width=8, layers=1, log_rate=-1.0, seed=3)],
}
CLOSE = {"relative": 2e-3, "absolute": 2e-4}


# --- the transformer, once more ---------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def weights(name: str) -> dict[str, np.ndarray]:
    """Of a stored network, float64; int8 rows times their sizes."""
    stored = cache.arrays(name)
    found = {}
    for key, value in stored.items():
        if key.endswith(".weight"):
            w = value.astype(float)
            if value.dtype == np.int8:
                w = w * stored[key.replace(".weight", ".size")].astype(float).reshape(-1, 1)
            found[key.removesuffix(".weight")] = w
    return found


def unit(h: np.ndarray) -> np.ndarray:
    return h / np.sqrt((h**2).mean(axis=-1, keepdims=True) + 1e-6)


def run(name: str, text: str, cut: tuple[int, int, int, int] | None = None) -> tuple[list[np.ndarray], np.ndarray]:
    """Scores of all layers ``(H, T, T)``, and log p of every next letter ``(T, V)``; one edge cut if asked."""
    w, config = weights(name), cache.load(name).entry.config
    heads, size, t = config["heads"], config["width"] // config["heads"], len(text)
    ids = [load_shakespeare().alphabet.letters.index(letter) for letter in text]
    turn = np.exp(1j * np.outer(np.arange(t), 10_000.0 ** (-2 * np.arange(size // 2) / size)))
    h, all_scores = math.sqrt(config["width"]) * w["embed"][ids], []
    for layer in range(config["layers"]):
        block = f"blocks.{layer}."
        q, k, v = np.split(unit(h) @ w[block + "query_key_value"].T, 3, axis=1)
        scores, mixed = np.full((heads, t, t), -np.inf), np.empty_like(h)
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            half = size // 2
            turned = [turn * (x[:, own][:, :half] + 1j * x[:, own][:, half:]) for x in (q, k)]
            for i in range(t):
                for j in range(i + 1):
                    scores[head, i, j] = (turned[0][i] * turned[1][j].conj()).real.sum() / math.sqrt(size)
            used = scores[head].copy()
            if cut and cut[:2] == (layer, head):
                used[cut[2], cut[3]] = -np.inf
            e = np.exp(used - used.max(axis=1, keepdims=True))
            mixed[:, own] = (e / e.sum(axis=1, keepdims=True)) @ v[:, own]
        all_scores.append(scores)
        h = h + mixed @ w[block + "out"].T
        u = unit(h) @ w[block + "up"].T
        h = h + (u * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))) @ w[block + "down"].T
    logits = unit(h) @ w["embed"].T
    return all_scores, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


whole = lru_cache(maxsize=32)(run)


@lru_cache(maxsize=256)
def after_cut(name: str, text: str, layer: int, head: int, query: int, key: int) -> np.ndarray:
    """log p after the query, ``(V,)``."""
    return run(name, text[: query + 1], (layer, head, query, key))[1][-1]


# --- attention --------------------------------------------------------------------------------------------------


def where(seen: Seen) -> tuple[int, int, int, int]:
    """Layer, head, query and key."""
    c = seen.config
    layer, head = (c.copier_layer - 1, 0) if c.network == "copier" else (c.layer - 1, c.head - 1)
    query = c.query if 0 <= c.query < len(c.text) else len(c.text) - 1
    row = whole(c.network, c.text)[0][layer][head, query, : query + 1]
    return layer, head, query, c.key if 0 <= c.key <= query else int(row.argmax())


def scores(seen: Seen) -> np.ndarray:
    layer, head, *_ = where(seen)
    return whole(seen.config.network, seen.config.text)[0][layer][head]


def weights_of(row: np.ndarray) -> np.ndarray:
    """softmax, which has nothing where all is cut."""
    if np.isneginf(row).all():
        return np.full(len(row), np.nan)
    e = np.exp(row - row.max())
    return e / e.sum()


def table(seen: Seen) -> np.ndarray:
    """a_ij, with the edge cut in the second frame, ``(T, T)``."""
    used, (_, _, query, key) = scores(seen).copy(), where(seen)
    if seen.frame:
        used[query, key] = -np.inf
    return np.stack([weights_of(row) for row in used])


def next_p(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """p of each next letter, whole and with the edge cut."""
    layer, head, query, key = where(seen)
    c = seen.config
    before = whole(c.network, c.text)[1][query]
    cut = after_cut(c.network, c.text, layer, head, query, key) if query else np.full(len(before), np.nan)
    return np.exp(before), np.exp(cut)


@ORACLES("attention", "Field ", panel=0)
def a_table(seen: Seen) -> dict[str, Any]:
    t = len(seen.config.text)
    values = table(seen) if seen.config.table == "weights" else scores(seen).copy()
    if seen.frame and seen.config.table == "scores":
        values[where(seen)[2:]] = np.nan
    for i, j in itertools.combinations(range(t), 2):
        values[i, j] = np.nan
    return {"values": About(values[::-1], **CLOSE), "extent": (0.5, t + 0.5, 0.5, t + 0.5)}


@ORACLES("attention", "Polylines ", panel=0)
def the_row(seen: Seen) -> dict[str, Any]:
    t, query = len(seen.config.text), where(seen)[2]
    low = t - query - 0.5
    return {"xy": [[[0.5, low], [query + 1.5, low], [query + 1.5, low + 1], [0.5, low + 1]]]}


@ORACLES("attention", "Polylines attention")
def the_arcs(seen: Seen) -> dict[str, Any]:
    query, row = where(seen)[2], table(seen)[where(seen)[2]]

    def from_letter_to_letter(xy: np.ndarray) -> bool:
        """Each begins or ends at its key's and at the query's letter, and hangs below them."""
        ends = np.sort(xy[: query + 1, [0, -1], 0], axis=1)
        wanted = np.stack([np.arange(query + 1), np.full(query + 1, query)], axis=1)
        return np.allclose(ends, wanted, atol=1e-6) and bool((xy[:, :, 1] < 0).all())

    return {"xy": from_letter_to_letter, "weight": About(np.nan_to_num(row), **CLOSE)}


@ORACLES("attention", "Polylines edge cut")
def the_edge(seen: Seen) -> dict[str, Any]:
    arcs, key = seen.other("attention").at("xy"), where(seen)[3]
    return {"xy": arcs[[key]] if seen.frame else np.full((1, arcs.shape[1], 2), np.nan)}


@ORACLES("attention", "Labels ")
def the_letters(seen: Seen) -> dict[str, Any]:
    text = seen.config.text.replace(" ", "␣").replace("\n", "↵")
    return {"at": [[k, 0] for k in range(len(text))], "texts": tuple(text)}


def shown_letters(seen: Seen) -> list[int]:
    """The eight that are likeliest in either case, the most harmed first; where equally harmed, as they are shown."""
    before, cut = next_p(seen)
    most = np.fmax(before, cut)
    both = [layer.marks for layer in (seen.other("p").thing, seen.other("p, edge cut").thing)]
    shown = np.maximum(both[0][1], both[1]).tolist()
    assert len(set(shown)) == 8
    assert most[shown].min() >= np.sort(most)[-8] * (1 - 1e-3), "not the likeliest"
    change = np.log(cut[shown] / before[shown]) if where(seen)[2] else -most[shown]
    assert (np.diff(change) > -2e-3).all(), "not in the order of harm"
    return shown


@ORACLES("attention", "Bars p(, edge cut)?")
def the_bars(seen: Seen) -> dict[str, Any]:
    before, cut = next_p(seen)
    order, is_cut = shown_letters(seen), seen.thing.name != "p"
    height = (cut if is_cut else before)[order]
    if is_cut and not seen.frame:
        height = np.full(8, np.nan)
    on_cut = [cut[v] > before[v] for v in order]
    marks = [
        v if up == is_cut or (not is_cut and not seen.frame) else -1 for v, up in zip(order, on_cut, strict=True)
    ]
    letters = load_shakespeare().alphabet.letters.replace(" ", "␣").replace("\n", "↵")
    return {
        "height": About(height, **CLOSE),
        "x": np.arange(1, 9) + (0.2 if is_cut else -0.2),
        "marks": marks,
        "labels": tuple(letters),
    }


@ORACLES("attention", "Bars change")
def each_edge(seen: Seen) -> dict[str, Any]:
    layer, head, query, _ = where(seen)
    c = seen.config
    change = np.full(len(c.text), np.nan)
    if seen.frame and query:
        before = whole(c.network, c.text)[1][query]
        best = before.argmax()
        for key in range(query + 1):
            change[key] = after_cut(c.network, c.text, layer, head, query, key)[best] - before[best]
    return {"height": About(change, 2e-3, 2e-3)}


@ORACLES("attention", "Readout .*")
def attention_numbers(seen: Seen) -> dict[str, Any]:
    _, _, query, key = where(seen)
    row, (before, cut) = scores(seen)[query], next_p(seen)
    a, best = weights_of(row)[key], before.argmax()
    value, unit_ = {
        "weight of the edge": (100 * a if not seen.frame else 0.0 if query else math.nan, "%"),
        "q · k ÷ √(d/H) of the edge": (row[key], ""),
        "log p of what it would say": (math.log(cut[best] if seen.frame else before[best]), "nats"),
        "change by the cut": (math.log(cut[best] / before[best]) if seen.frame else math.nan, "nats"),
        "Σ": (np.exp(row).sum(), ""),
        "a": (a, ""),
    }[seen.thing.name]
    return {"values": About(value, 3e-3, 2e-3), "unit": unit_}


# --- learn ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def real_words() -> set[str]:
    text = load_shakespeare()
    letters = "".join(text.alphabet.letters[k] for k in text.train.tolist()).lower()
    return set(pieces(letters)) | {word for word in letters.split() if word.isalpha()}


def pieces(text: str) -> list[str]:
    """Words with apostrophes inside: what is no letter and no such apostrophe parts them."""
    return [
        word
        for part in re.split(r"[^A-Za-z']+", text)
        for word in re.split(r"'(?![A-Za-z])|(?<![A-Za-z])'", part)
        if word
    ]


def continued(seen: Seen) -> str:
    stored = cache.arrays("shakespeare")
    k = stored["said.steps"].tolist().index(seen.step)
    return "".join(load_shakespeare().alphabet.letters[v] for v in stored["said.tokens"][k])


def judged(text: str) -> list[tuple[str, bool]]:
    """Words of two letters or more, without one at the very end, and whether each is real."""
    words = pieces(text)
    if words and text.endswith(words[-1]):
        words = words[:-1]
    return [(word, word.lower() in real_words()) for word in words if len(word) > 1]


@ORACLES("learn", "Text .*")
def the_text(seen: Seen) -> dict[str, Any]:
    text = "ROMEO:\n" + continued(seen)
    alphabet = load_shakespeare().alphabet.letters

    def real_ones(values: np.ndarray) -> bool:
        """The letters with a ground are those of the real words, in their order."""
        ground = "".join(letter if v == 1 else " " for letter, v in zip(text, values, strict=True))
        return ground.split() == [word for word, is_real in judged(continued(seen)) if is_real]

    return {
        "codes": [alphabet.index(letter) for letter in text],
        "values": real_ones,
        "alphabet": alphabet,
        "marked": About(7),
    }


def recorded(name: str) -> tuple[np.ndarray, np.ndarray]:
    stored = cache.arrays("shakespeare")
    return stored["training.steps"].astype(float), stored[f"training.{name}"].astype(float)


@ORACLES("learn", "Polylines training")
def the_loss(seen: Seen) -> dict[str, Any]:
    return {"xy": np.stack(recorded("loss"), axis=1)[None]}


@ORACLES("learn", "Polylines validation")
def the_validation(seen: Seen) -> dict[str, Any]:
    return {"xy": np.stack(recorded("valid"), axis=1)[None]}


@ORACLES("learn", "Polylines ")
def the_moment(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[seen.step, 0], [seen.step, 6]]]}


@ORACLES("learn", "Polylines guessing")
def guessing_letters(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[0, math.log(65)], [4500, math.log(65)]]]}


@ORACLES("learn", "Curve share")
def the_share(seen: Seen) -> dict[str, Any]:
    found = judged(continued(seen))
    return {"x": seen.step, "y": 100 * sum(is_real for _, is_real in found) / len(found)}


@ORACLES("learn", "Readout .*")
def learn_numbers(seen: Seen) -> dict[str, Any]:
    name = seen.thing.name
    if name.startswith("words"):
        return {"values": the_share(seen)["y"], "unit": "%"}
    steps, values = recorded("loss" if name.startswith("training") else "valid")
    return {"values": values[steps == seen.step].item(), "unit": "nats a letter"}


# --- live -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def trained(config: live.Config) -> dict[int, Any]:
    """The first states, by their step."""
    training = TransformerConfig(
        letters=27,
        context=16,
        layers=config.layers,
        heads=4,
        width=config.width,
        batch=64,
        learning_rate=float(np.exp(config.log_rate * np.log(10))),
        n_steps=600,
        every=10,
        seed=config.seed,
        device="cpu",
    )
    states = iterate_transformer(load_names().train, training)
    return {state.step: (state, training) for state in itertools.islice(states, LIVE_FRAMES)}


@lru_cache(maxsize=8)
def said(config: live.Config, step: int) -> tuple[list[str], float]:
    """100 names, with the end sign if it came, and −log p of a letter of the held-out ones."""
    state, training = trained(config)[step]
    network, names = TransformerRuntime(state.arrays(), training, np.float64), load_names()
    chance = np.random.default_rng([config.seed, 3]).random((100, 14))
    found = []
    for row in chance:
        left = iter(row)

        def choose(logits: np.ndarray, left=left) -> int:
            e = np.exp(logits - logits.max())
            return int(np.searchsorted((e / e.sum()).cumsum(), next(left)))

        found.append(names.alphabet.decode(list(network.say([0], choose, 14, end=0))))
    return found, network.nats_per_letter(names.test)


def listed(rows: np.ndarray) -> set[str]:
    return {load_names().alphabet.decode(row)[1:] for row in rows}


@lru_cache(maxsize=1)
def both_lists() -> tuple[set[str], set[str]]:
    return listed(load_names().train), listed(load_names().test)


@ORACLES("live", "Text .*")
def ten_names(seen: Seen) -> dict[str, Any]:
    names, (learned, held) = said(seen.config, seen.step)[0][:10], both_lists()
    text = "".join(name.removesuffix(".") + "\n" for name in names)

    def written(codes: np.ndarray) -> bool:
        return "".join(seen.thing.alphabet[int(code)] for code in codes if code >= 0) == text

    value = [0.5 if name in learned else 1.0 if name in held else math.nan for name in names]
    return {"codes": written, "values": np.repeat(value, 15), "limits": (0.0, 1.0)}


@ORACLES("live", "Curve training|Readout training.*")
def live_loss(seen: Seen) -> dict[str, Any]:
    loss = trained(seen.config)[seen.step][0].loss
    return {"x": seen.step, "y": loss} if seen.thing.name == "training" else {"values": loss, "unit": "nats a letter"}


@ORACLES("live", "(Curve|Readout) held out", panel=1)
def live_held_out(seen: Seen) -> dict[str, Any]:
    return {"x": seen.step, "y": About(said(seen.config, seen.step)[1], 1e-3)}


@ORACLES("live", "Readout held out")
def live_held_out_number(seen: Seen) -> dict[str, Any]:
    return {"values": About(said(seen.config, seen.step)[1], 1e-3), "unit": "nats a letter"}


def share_of(seen: Seen, which: int) -> float:
    return 100 * float(np.mean([name in both_lists()[which] for name in said(seen.config, seen.step)[0]]))


@ORACLES("live", "Curve (copied|held out)", panel=2)
def live_shares(seen: Seen) -> dict[str, Any]:
    return {"x": seen.step, "y": share_of(seen, int(seen.thing.name == "held out"))}


@ORACLES("live", "Readout (names copied from training|held-out names)")
def live_share_numbers(seen: Seen) -> dict[str, Any]:
    return {"values": share_of(seen, int(seen.thing.name == "held-out names")), "unit": "%"}


@ORACLES("live", "Readout weights")
def live_size(seen: Seen) -> float:
    return sum(a.size for a in trained(seen.config)[seen.step][0].arrays().values())


@ORACLES("live", "Polylines guessing")
def guessing_names(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[0, math.log(27)], [600, math.log(27)]]]}
