"""What a head looks at, and what is said without one of its edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import (
    Bars,
    Claim,
    Field,
    Handle,
    Labels,
    Panel,
    Polylines,
    Readout,
    Scene,
    first_true,
    said,
)
from dashboard.scene.drag import handle, moved
from dashboard.scene.fields import choice, placed, slider, typed
from dashboard.scene.snippet import snippet
from genmodels.data.text import load_shakespeare
from genmodels.recipes.copier import scores_of
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint
from genmodels.transformer.config import shape_of
from genmodels.transformer.heads import HeadScores, followed_the_same, induction, twice
from genmodels.transformer.runtime import Reading, TransformerRuntime, log_softmax, softmax

NETWORKS = {"copier": "The copier: 2 layers of 1 head", "shakespeare": "Shakespeare: 6 layers of 5 heads"}
TABLES = {"weights": "weights a", "scores": "scores q · k ÷ √(d/H)"}
MOST, SHOWN, ARC = 30, 8, 33
EXAMPLE = "Juliet, Romeo, Juli"


def _is(network: str) -> Any:
    return lambda values: values["network"] == network


@dataclass(frozen=True)
class Config:
    """Which network, layer and head, counted from 1; the text; which letter looks, and the edge that is cut.

    ``query`` and ``key`` count letters from 0; −1 stands for the last letter, and for the one it looks at most.
    """

    network: str = choice("Network", "copier", NETWORKS)
    copier_layer: int = slider("Layer", 2, 1, 2, 1, when=_is("copier"))
    layer: int = slider("Layer", 6, 1, 6, 1, when=_is("shakespeare"))
    head: int = slider("Head", 1, 1, 5, 1, when=_is("shakespeare"))
    text: str = typed(f"Text, at most {MOST} letters", EXAMPLE, MOST)
    table: str = choice("Table", "weights", TABLES)
    query: int = placed(-1, -1, MOST - 1)
    key: int = placed(-1, -1, MOST - 1)

    @property
    def at(self) -> tuple[int, int]:
        """Layer and head, counted from 0."""
        return (self.copier_layer - 1, 0) if self.network == "copier" else (self.layer - 1, self.head - 1)


class Look(NamedTuple):
    """What is known of a config.

    Attributes:
        tokens: The letters' numbers, ``(T,)``.
        query, key: The letter that looks, and the end of the edge that is cut.
        scores: ``(T, T)``, −∞ where a letter comes later.
        weights: a_ij, ``(T, T)``, and the query's row with the edge cut, ``(T,)``.
        log_p: Of the letter after the query, ``(V,)``, and with each of its edges cut ``(query + 1, V)``.
    """

    tokens: np.ndarray
    query: int
    key: int
    scores: np.ndarray
    weights: np.ndarray
    cut_weights: np.ndarray
    log_p: np.ndarray
    without: np.ndarray

    @property
    def letters(self) -> tuple[str, ...]:
        """As they are written in a picture."""
        return tuple(names()[token] for token in self.tokens)

    @property
    def said(self) -> int:
        """The most probable next letter."""
        return int(self.log_p.argmax())

    @property
    def change(self) -> np.ndarray:
        """By how much log p of each next letter changes with the edge cut, ``(V,)``, nats."""
        return self.without[self.key] - self.log_p


def runtime(checkpoint: Checkpoint) -> TransformerRuntime:
    """A stored network, ready to read."""
    return TransformerRuntime(checkpoint.arrays, shape_of(checkpoint.entry.config))


def names() -> tuple[str, ...]:
    """The letters that both networks know, as they are written in a picture."""
    return tuple({" ": "␣", "\n": "↵"}.get(letter, letter) for letter in load_shakespeare().alphabet.letters)


@lru_cache(maxsize=16)
def _read(network: TransformerRuntime, text: str) -> Reading:
    return network.read(load_shakespeare().alphabet.encode(text))


def look(config: Config) -> Look:
    """What the head looks at.

    Raises:
        ValueError: The text is empty, or holds a letter that the networks do not know.
    """
    if not config.text:
        raise ValueError("The text is empty; type a letter or more.")
    if unknown := sorted(set(config.text) - set(load_shakespeare().alphabet.letters)):
        raise ValueError(
            f"The networks do not know {', '.join(unknown[:5])}: use letters without accents, the space, and any "
            "of ! $ & ' , - . 3 : ; ?"
        )
    network = cache.made(runtime, config.network)
    layer, head = config.at
    reading = _read(network, config.text)
    query = len(config.text) - 1 if config.query < 0 else min(config.query, len(config.text) - 1)
    scores, weights = network.scores(reading, layer)[head].astype(float), reading.attention[layer, head].astype(float)
    key = int(weights[query].argmax()) if not 0 <= config.key <= query else config.key
    left = scores[query].copy()
    left[key] = -np.inf
    part = reading.upto(query + 1)
    return Look(
        reading.tokens,
        query,
        key,
        scores,
        weights,
        softmax(left) if query else np.full(len(weights), np.nan),
        log_softmax(part.logits[-1].astype(float)),
        log_softmax(network.without_each(part, layer, head).astype(float)),
    )


def scene(config: Config) -> Scene:
    """Two frames: the whole network, and one edge cut."""
    seen = look(config)
    t, layer_head = len(seen.letters), config.at
    cut = np.array([0, 1])
    weight, score = seen.weights[seen.query, seen.key], seen.scores[seen.query, seen.key]
    before, after = seen.log_p[seen.said], seen.without[seen.key, seen.said]
    return Scene(
        panels=(_table(config, seen), _arcs(seen), _next(seen), _each(seen)),
        steps=cut,
        time="cut",
        readouts=(
            Readout("weight of the edge", np.array([100 * weight, 0.0 if seen.query else np.nan]), "%", 1),
            Readout("q · k ÷ √(d/H) of the edge", np.full(2, score), digits=2),
            Readout("log p of what it would say", np.array([before, after]), "nats", 2),
            Readout("change by the cut", np.array([np.nan, after - before]), "nats", 2),
            Readout("Σ", np.full(2, np.exp(seen.scores[seen.query]).sum()), digits=4, hidden=True, significant=True),
            Readout("a", np.full(2, weight), digits=3, hidden=True),
        ),
        equation="a = exp(q · k ÷ √(d/H)) ÷ Σ = exp({q · k ÷ √(d/H) of the edge}) ÷ {Σ} = {a}",
        **said(2, *_claims(seen)),
        alt=f"What head {layer_head[1] + 1} of layer {layer_head[0] + 1} looks at, as arcs and in a table; "
        "the next letter's probabilities with and without one edge.",
        fps=0.5,
        handles=(
            Handle("letter", np.array([seen.query, 0.22]), 1, snap=1, free="x"),
            Handle("cut", np.array([seen.key + 1, t - seen.query]), 0, snap=1, colour="truth"),
        ),
        start=1,
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after another letter was chosen, or another edge."""
    t = max(len(config.text), 1)
    if moved(values) == "letter":
        return _at(config, round(float(handle(values, "letter")[0])), -1, t)
    x, y = handle(values, "cut")
    return _at(config, t - round(float(y)), round(float(x)) - 1, t)


def _at(config: Config, query: int, key: int, t: int) -> Config:
    query = min(max(query, 0), t - 1)
    return replace(config, query=query, key=min(max(key, -1), query))


def code(config: Config) -> str:
    """What is read, what the head looks at, and what is said without the edge."""
    seen, (layer, head) = look(config), config.at
    return snippet(
        "import numpy as np",
        "from genmodels.data.text import load_shakespeare",
        "from genmodels.store import cache",
        "from genmodels.transformer.config import shape_of",
        "from genmodels.transformer.runtime import Cut, TransformerRuntime, log_softmax",
        f"stored = cache.load({config.network!r})",
        "network = TransformerRuntime(stored.arrays, shape_of(stored.entry.config))",
        f"text = load_shakespeare().alphabet.encode({config.text!r})",
        f"reading, layer, head, query, key = network.read(text), {layer}, {head}, {seen.query}, {seen.key}",
        "whole = log_softmax(reading.logits[query].astype(float))",
        *(
            ("cut = log_softmax(network.without(reading, Cut(layer, head, query, key))[query].astype(float))",)
            if seen.query
            else ("cut = np.full(len(whole), np.nan)  # the first letter has only itself to look at",)
        ),
        "step, said = 1, whole.argmax()",
        "shown = {",
        "    'q · k ÷ √(d/H) of the edge': network.scores(reading, layer)[head, query, key],",
        "    'a': reading.attention[layer, head, query, key],",
        "    'log p of what it would say': cut[said],",
        "    'change by the cut': cut[said] - whole[said],",
        "}",
    )


# The four panels


def _arcs(seen: Look) -> Panel:
    """The letters in a row; below, an arc to each that is looked at."""
    t, keys = len(seen.letters), np.arange(len(seen.letters))
    way = np.linspace(0, np.pi, ARC)
    middle, half = (keys + seen.query)[:, None] / 2, (seen.query - keys)[:, None] / 2
    reach = max(t - 1, 1)
    x = middle + half * np.cos(way)
    y = -0.15 - 0.85 * np.sqrt(np.maximum(2 * half, 0) / reach) * np.sin(way)
    x[seen.query] = seen.query + 0.3 * np.sin(2 * way)  # to itself: a loop
    y[seen.query] = -0.15 - 0.09 * (1 - np.cos(2 * way))
    xy = np.stack([x, y], axis=-1)
    row = np.stack([seen.weights[seen.query], np.nan_to_num(seen.cut_weights)])
    edge = np.full((2, 1, ARC, 2), np.nan)
    edge[1, 0] = xy[seen.key]
    return Panel(
        "What the letter looks at",
        (
            Polylines(name="attention", key="a", xy=xy, weight=row, colour="model", width=3),
            Polylines(name="edge cut", key="e", xy=edge, colour="truth", width=2, dashed=True),
            Labels(
                name="",
                at=np.stack([keys, np.zeros(t)], axis=1),
                texts=seen.letters,
                size=1.2 if t <= 20 else 1.0,
                bold=True,
                colour="ink",
            ),
        ),
        (-0.7, t - 0.3),
        (-1.08, 0.34),
        equal=False,
        axes=False,
        share=1.2,
    )


def _table(config: Config, seen: Look) -> Panel:
    """Who looks at whom: queries from above, keys from the left."""
    t = len(seen.letters)
    shown = np.stack([seen.weights if config.table == "weights" else seen.scores] * 2)
    shown[:, ~np.tri(t, dtype=bool)] = np.nan
    if config.table == "weights":
        limits = (0.0, 1.0)
        shown[1, seen.query, : seen.query + 1] = seen.cut_weights[: seen.query + 1]
    else:
        limits = (float(np.nanmin(shown)), float(np.nanmax(shown)) + 1e-9)
        shown[1, seen.query, seen.key] = np.nan
    y = t - seen.query
    row = np.array([[0.5, y - 0.5], [seen.query + 1.5, y - 0.5], [seen.query + 1.5, y + 0.5], [0.5, y + 0.5]])
    return Panel(
        f"All letters at once: {TABLES[config.table]}",
        (
            Field(
                name="",
                values=shown[:, ::-1],
                extent=(0.5, t + 0.5, 0.5, t + 0.5),
                limits=limits,
                crisp=True,
            ),
            Polylines(name="", xy=row[None], colour="model", width=2, closed=True),
        ),
        (0.5, t + 0.5),
        (0.5, t + 0.5),
        x_label="looked at",
        y_label="looks",
        x_names=("", *seen.letters),  # they are counted from 1, so that no axis runs through the first
        y_names=("", *seen.letters[::-1]),
        share=1.2,
    )


def _next(seen: Look) -> Panel:
    """The likeliest next letters, sorted by what the cut changes of log p."""
    p, cut = np.exp(seen.log_p), np.exp(seen.without[seen.key])
    likeliest = np.argsort(-np.fmax(p, cut), kind="stable")[:SHOWN]
    order = likeliest[np.argsort(seen.change[likeliest].round(3), kind="stable")] if seen.query else likeliest
    x, higher = 1 + np.arange(float(SHOWN)), cut[order] > p[order]
    bars: dict[str, Any] = {"labels": names(), "width": 0.4}
    return Panel(
        "The next letter",
        (
            Bars(
                name="p",
                key="p",
                height=np.stack([p[order]] * 2),
                x=x - 0.2,
                marks=np.stack([order, np.where(higher, -1, order)]),
                colour="data",
                **bars,
            ),
            Bars(
                name="p, edge cut",
                key="c",
                height=np.stack([np.full(SHOWN, np.nan), cut[order]]),
                x=x + 0.2,
                marks=np.where(higher, order, -1),
                colour="truth",
                **bars,
            ),
        ),
        (0.3, SHOWN + 0.7),
        (0, 1.75),  # room for the names
        equal=False,
        y_label="p",
        x_names=("",),
        y_names=("0", "1"),
        share=0.9,
    )


def _each(seen: Look) -> Panel:
    """What each edge's cut does to the letter that would be said."""
    t = len(seen.letters)
    change = np.full((2, t), np.nan)
    change[1, : seen.query + 1] = seen.without[:, seen.said] - seen.log_p[seen.said]
    low = min(-0.05, 1.1 * float(np.nanmin(change, initial=0)))
    high = max(0.05, 1.1 * float(np.nanmax(change, initial=0)))
    return Panel(
        "Each edge, cut by itself",
        (Bars(name="change", key="d", height=change, colour="truth"),),
        (-0.7, t - 0.3),
        (low, high),
        equal=False,
        x_label="edge to",
        y_label="Δ log p",
        x_names=seen.letters,
        share=0.8,
    )


# Sentences


def _claims(seen: Look) -> list[Claim | str]:
    """Where the look goes; and after the cut, whether another letter is said."""
    if not seen.query:
        return ["The first letter has only itself to look at: there is no edge to cut."]
    row, after = seen.weights[seen.query], np.array([False, True])
    followed = float(row[followed_the_same(seen.tokens)[seen.query]].sum())
    other = int(seen.without[seen.key].argmax()) != seen.said
    return [
        Claim("The edge is cut: another letter is now the most probable.", after & other),
        Claim("The edge is cut: the most probable letter is the same as before.", after),
        Claim("More than half of the look goes to what followed the same letter before.", followed > 0.5),
        Claim("More than half of the look goes to the letter before.", row[seen.query - 1] > 0.5),
        Claim("More than half of the look goes to the letter itself.", row[seen.query] > 0.5),
        Claim("No letter has more than half of the look.", row.max() <= 0.5),
        Claim("More than half of the look goes to one letter.", True),
    ]


def found() -> HeadScores:
    """What the heads of the copier do, found by search."""
    return cache.made(_scores, "copier")


def _scores(checkpoint: Checkpoint) -> HeadScores:
    return scores_of(runtime(checkpoint))


def _most_of_shakespeare(checkpoint: Checkpoint) -> tuple[float, float]:
    """What the best of its heads gives to what followed the same letter, and to the letter before."""
    network = runtime(checkpoint)
    tokens = twice(network.shape.letters, 40, np.random.default_rng(0))
    attention = network.read(tokens).attention
    return float(induction(attention, tokens).max()), float(np.diagonal(attention, -1, -2, -1).mean(-1).max())


def sentences() -> list[str]:
    """What a search over all heads has found."""
    scores = found()
    layer, head = scores.best("induction")
    copied, before = cache.made(_most_of_shakespeare, "shakespeare")
    best = scores.induction[layer, head]
    return [
        f"Found by search over the copier's heads: on random letters that come twice, layer {layer + 1} gives "
        f"{100 * best:.0f} % of its look to what followed the same letter before (alike to "
        f"all: {100 * scores.chance:.0f} %). Cut, it costs {scores.cost[layer, head]:.1f} nats a letter: an "
        "*induction head*. It was trained on repeated random pieces alone.",
        first_true(Claim("In the Shakespeare network no head is so plain. ", max(copied, before) < best))
        + f"By the same measure the best of Shakespeare's 30 heads has {100 * copied:.0f} %, and the one that "
        f"looks most at the letter before gives it {100 * before:.0f} %.",
    ]


def because() -> str:
    """Why the answer to the cue's question is right: what is said before the strongest edge is cut, and after."""
    seen = look(Config())
    p, cut = np.exp(seen.log_p), np.exp(seen.without[seen.key])
    worst = int(np.argmin(cut - p))
    return (
        f"This head looks at the {seen.letters[seen.key]} that followed the {seen.letters[seen.query]} before. "
        f"Without this edge p({names()[worst]}) falls from {p[worst]:.2f} to {cut[worst]:.2f}. "
        + first_true(
            Claim("Another letter is then the most probable.", cut.argmax() != p.argmax()),
            "It stays the most probable.",
        )
    )
