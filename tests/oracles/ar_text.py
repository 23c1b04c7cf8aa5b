"""What the cues of the autoregressive page about letters show: counts by dictionaries, the network by torch."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from dashboard.scenes.autoregressive import count, memory, write
from genmodels.data.text import load_names, load_shakespeare
from genmodels.nn.arrays import load as load_weights
from genmodels.store import cache
from genmodels.transformer.config import shape_of
from genmodels.transformer.model import Transformer
from genmodels.transformer.runtime import unpacked
from tests.oracles.seen import About, Expected, Oracles, Seen

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "count": [
        count.Config(name="xqz", seed=3),
        count.Config(name=" Anna ", alpha=0.5, first=17, second=21),
        count.Config(watch="writes", alpha=1.0, seed=2, name="qq"),
    ],
    "memory": [
        memory.Config(pseudo=0.0),
        memory.Config(corpus="shakespeare", pseudo=0.1, seed=2),
    ],
    "write": [
        write.Config(cut_k=3, cut_p=0.6, letters=60, seed=4, prompt="To be, or not"),
        write.Config(temperature=0.0, letters=60, prompt="x"),
        write.Config(temperature=1.7, cut_p=0.0, letters=40, prompt="The king"),
    ],
}
SIGNS = ".abcdefghijklmnopqrstuvwxyz"


# --- Count --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def all_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names read and held out, as words."""
    names = load_names()
    return tuple(
        tuple("".join(SIGNS[t] for t in row if t >= 0).strip(".") for row in rows)
        for rows in (names.train, names.test)
    )


@lru_cache(maxsize=64)
def pairs(n: int) -> Counter[str]:
    """How often each pair stands in the first n names."""
    return Counter(a + b for name in all_names()[0][:n] for a, b in zip("." + name, name + ".", strict=True))


@lru_cache(maxsize=64)
def table(n: int, alpha: float) -> np.ndarray:
    """p(b | a), a row a letter; a row without a count is even."""
    rows = np.array([[pairs(n)[a + b] + alpha for b in SIGNS] for a in SIGNS])
    whole = rows.sum(axis=1, keepdims=True)
    return np.where(whole > 0, rows / np.where(whole > 0, whole, 1), 1 / 27)


def log_p(name: str, p: np.ndarray) -> np.ndarray:
    """Of each letter and of the end."""
    chain = [p[SIGNS.index(a), SIGNS.index(b)] for a, b in zip("." + name, name + ".", strict=True)]
    return np.array([math.log(x) if x > 0 else -math.inf for x in chain])


def p_of(seen: Seen) -> np.ndarray:
    reads = seen.config.watch == "reads"
    return table(seen.step if reads else len(all_names()[0]), seen.config.alpha)


def drawn(p: np.ndarray, seed: int, most: int) -> Any:
    """Names without end by inverse cumulative probabilities: each with whether it has ended."""
    rng = np.random.default_rng(seed)
    while True:
        name, ended = "", False
        while len(name) < most and not ended:
            row = p[SIGNS.index(name[-1] if name else ".")]
            at = SIGNS[int((rng.random() * row.sum() >= row.cumsum()).sum())]
            ended = at == "."
            name += "" if ended else at
        yield name, ended


def one_by_one(seen: Seen) -> str:
    """What is written letter by letter, the end sign that begins it first."""
    text, names = ".", drawn(p_of(seen), seen.config.seed, 600)
    while len(text) < 61:
        name, _ = next(names)
        text += name + "."
    return text[:61]


@ORACLES("count", "Field p.*")
def table_drawn(seen: Seen) -> Expected:
    return p_of(seen)[::-1]


def row_shown(seen: Seen) -> int:
    return seen.config.first if seen.config.watch == "reads" else SIGNS.index(one_by_one(seen)[seen.step])


@ORACLES("count", "Polylines ", panel=0)
def outline(seen: Seen) -> Expected:
    y = 26 - row_shown(seen)

    def around(xy: np.ndarray) -> bool:
        return np.allclose(xy.min(axis=(0, 1)), (-0.5, y - 0.5)) and np.allclose(xy.max(axis=(0, 1)), (26.5, y + 0.5))

    return {"xy": around}


@ORACLES("count", "Points ", panel=0)
def cell(seen: Seen) -> Expected:
    if seen.config.watch == "reads":
        return np.array([[seen.config.second, 26 - seen.config.first]])
    if seen.step == 0:
        return np.full((1, 2), np.nan)
    before, now = (SIGNS.index(c) for c in one_by_one(seen)[seen.step - 1 : seen.step + 1])
    return np.array([[now, 26 - before]])


@ORACLES("count", "Bars p.*")
def row_bars(seen: Seen) -> Expected:
    return p_of(seen)[row_shown(seen)]


@ORACLES("count", "Bars under the hand")
def hand_bar(seen: Seen) -> Expected:
    p, second = p_of(seen), seen.config.second
    return [p[seen.config.first, b] if b == second else np.nan for b in range(27)]


@ORACLES("count", "Text written")
def names_written(seen: Seen) -> Expected:
    def text(codes: np.ndarray) -> str:
        return "".join(seen.thing.alphabet[c] for c in codes.astype(int) if c >= 0)

    if seen.config.watch == "writes":
        said = one_by_one(seen)[1 : seen.step + 1].replace(".", "\n")
        return {"codes": lambda codes: text(codes) == said}
    names = drawn(p_of(seen), seen.config.seed, 12)
    eight = [next(names) for _ in range(8)]
    lines = [name + ("" if ended else "…") for name, ended in eight]
    known = set(all_names()[0]) | set(all_names()[1])
    real = []
    for k, (line, (name, ended)) in enumerate(zip(lines, eight, strict=True)):
        real += [ended and name in known] * (len(line) + (k > 0))  # the break before it, too
    return {
        "codes": lambda codes: text(codes) == "\n".join(lines),
        "values": lambda values: (
            np.array_equal(values[: len(real)] == 1, real) and np.isnan(values[len(real) :]).all()
        ),
    }


def own(seen: Seen) -> np.ndarray:
    return log_p(seen.config.name.strip().lower(), p_of(seen))


@ORACLES("count", "Bars surprise of your name")
def own_bars(seen: Seen) -> Expected:
    surprise = -own(seen)
    return {"height": [min(s, 8) for s in surprise], "marks": [0 if math.isinf(s) else -1 for s in surprise]}


@ORACLES("count", r"Readout log p\(your name\)")
def own_log_p(seen: Seen) -> Expected:
    return own(seen).sum()


@ORACLES("count", "Readout pairs seen, of 729")
def pairs_seen(seen: Seen) -> Expected:
    return len(pairs(seen.step))


@ORACLES("count", "Readout loss on held-out names")
def held_out(seen: Seen) -> Expected:
    p = p_of(seen)
    each = np.concatenate([log_p(name, p) for name in all_names()[1]])
    return -each.mean()


@ORACLES("count", "Readout p in the cell")
def in_the_cell(seen: Seen) -> Expected:
    return p_of(seen)[seen.config.first, seen.config.second]


@ORACLES("count", "Readout times seen")
def times(seen: Seen) -> Expected:
    return pairs(seen.step)[SIGNS[seen.config.first] + SIGNS[seen.config.second]]


@ORACLES("count", "Readout log p of the last one")
def last_one(seen: Seen) -> Expected:
    text, p = one_by_one(seen), p_of(seen)
    return math.log(p[SIGNS.index(text[seen.step - 1]), SIGNS.index(text[seen.step])]) if seen.step else np.nan


@ORACLES("count", "Readout Σ log p of all")
def all_of_them(seen: Seen) -> Expected:
    text, p = one_by_one(seen)[: seen.step + 1], p_of(seen)
    return sum(math.log(p[SIGNS.index(a), SIGNS.index(b)]) for a, b in pairwise(text))


# --- Memory -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def what(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What is read, on what of it the loss is measured, what is held out: names with their end signs, or a text."""
    if text == "names":
        read, held = (tuple(f".{name}." for name in names) for names in all_names())
        return read, read, held
    data = load_shakespeare()
    fit, test = (data.alphabet.decode(tokens) for tokens in (data.train, data.test))
    return (fit,), (fit[:50_000],), (test,)


@lru_cache(maxsize=16)
def grams(text: str, n: int) -> tuple[Counter[str], Counter[str]]:
    """How often each piece of n letters was read, and what stands before its last letter; the first letter,
    which is given, is no piece by itself."""
    first = 1 if n == 1 else 0
    found = Counter(row[t : t + n] for row in what(text)[0] for t in range(first, len(row) - n + 1))
    begun: Counter[str] = Counter()
    for piece, times in found.items():
        begun[piece[:-1]] += times
    return found, begun


def loss(text: str, n: int, alpha: float, rows: tuple[str, ...]) -> float:
    """Nats a letter by add-α; near the beginning, with the letters that there are."""
    size, total, letters = (27 if text == "names" else 65), 0.0, 0
    for row in rows:
        for t in range(1, len(row)):
            order = min(n, t + 1)
            found, begun = grams(text, order)
            piece = row[t - order + 1 : t + 1]
            whole = begun[piece[:-1]] + alpha * size
            p = (found[piece] + alpha) / whole if whole else 1 / size
            total -= math.log(p) if p > 0 else -math.inf
            letters += 1
    return total / letters


def drawn_or_not(value: float) -> float:
    """A curve leaves out what is infinite."""
    return value if math.isfinite(value) else float("nan")


@ORACLES("memory", "(Curve add-α, read|Readout loss, read)")
def loss_read(seen: Seen) -> Expected:
    return by_n(seen, loss(seen.config.corpus, seen.step, seen.config.pseudo, what(seen.config.corpus)[1]))


@ORACLES("memory", "(Curve add-α, held out|Readout loss, held out)")
def loss_held_out(seen: Seen) -> Expected:
    return by_n(seen, loss(seen.config.corpus, seen.step, seen.config.pseudo, what(seen.config.corpus)[2]))


def by_n(seen: Seen, value: float) -> Expected:
    return {"y": drawn_or_not(value), "x": seen.step} if seen.name.startswith("Curve") else value


@lru_cache(maxsize=16)
def kneser_ney(text: str, n: int) -> tuple[Any, ...]:
    """Counts of each order, the top one by how often, those below by after how many different letters; discounts."""
    levels = []
    for order in range(n, 0, -1):
        counts = grams(text, order)[0] if order == n else Counter(piece[1:] for piece in grams(text, order + 1)[0])
        totals: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        for piece, times in counts.items():
            totals[piece[:-1]] += times
            kinds[piece[:-1]] += 1
        once, twice = (sum(times == k for times in counts.values()) for k in (1, 2))
        levels.append((counts, totals, kinds, once / (once + 2 * twice) if once else 1.0))
    return tuple(levels)


def smoothed(text: str, piece: str) -> float:
    """p of a piece's last letter after the others."""
    p = 1 / (27 if text == "names" else 65)
    for k, (counts, totals, kinds, discount) in reversed(list(enumerate(kneser_ney(text, len(piece))))):
        short = piece[k:]
        if whole := totals[short[:-1]]:
            p = (max(counts[short] - discount, 0) + discount * kinds[short[:-1]] * p) / whole
    return p


@lru_cache(maxsize=16)
def smooth_loss(text: str, n: int) -> float:
    rows = what(text)[2]
    each = [math.log(smoothed(text, row[max(0, t - n + 1) : t + 1])) for row in rows for t in range(1, len(row))]
    return -sum(each) / len(each)


@ORACLES("memory", "(Curve|Readout) back-off, held out")
def backed_off(seen: Seen) -> Expected:
    return by_n(seen, smooth_loss(seen.config.corpus, seen.step))


@ORACLES("memory", "(Curve|Readout) (perceptron|transformer), held out")
def network(seen: Seen) -> Expected:
    if seen.config.corpus == "shakespeare":  # --check computes it again from the weights
        return by_n(seen, cache.load("shakespeare").entry.metrics["nats_per_letter"])
    return by_n(seen, perceptron(seen.step) if seen.step > 1 else float("nan"))


@lru_cache(maxsize=8)
def perceptron(n: int) -> float:
    """Of windows of n − 1 letters, in float64 from the stored matrices."""
    stored = {
        name: a.astype(float) for name, a in cache.arrays("names-windows").items() if name.startswith(f"{n - 1}.")
    }
    arrays = {name.removeprefix(f"{n - 1}."): a for name, a in stored.items()}
    total, letters = 0.0, 0
    for row in what("names")[2]:
        ids = [27] * (n - 2) + [SIGNS.index(c) for c in row]
        windows = np.array([ids[t : t + n - 1] for t in range(len(row) - 1)])
        x = arrays["embed.weight"][windows].reshape(len(windows), -1)
        hidden = np.tanh(x @ arrays["net.0.weight"].T + arrays["net.0.bias"])
        logits = hidden @ arrays["net.2.weight"].T + arrays["net.2.bias"]
        after = np.array([SIGNS.index(c) for c in row[1:]])
        total -= (logits[np.arange(len(after)), after] - np.log(np.exp(logits).sum(axis=1))).sum()
        letters += len(after)
    return total / letters


@ORACLES("memory", "Readout different pieces read")
def different(seen: Seen) -> Expected:
    return len(grams(seen.config.corpus, seen.step)[0])


@ORACLES("memory", "(Curve never read|Readout held-out pieces never read)")
def never_read(seen: Seen) -> Expected:
    n, known = seen.step, grams(seen.config.corpus, seen.step)[0]
    first = 1 if n == 1 else 0
    pieces = [row[t : t + n] for row in what(seen.config.corpus)[2] for t in range(first, len(row) - n + 1)]
    return by_n(seen, 100 * sum(piece not in known for piece in pieces) / len(pieces))


@ORACLES("memory", "Text written")
def written_by_n(seen: Seen) -> Expected:
    """Each letter is the one that the next random number stands for, by the model that its predecessors say."""
    names = seen.config.corpus == "names"
    letters = SIGNS if names else load_shakespeare().alphabet.letters
    rng, text = np.random.default_rng(seen.config.seed), "." if names else "\n"
    for _ in range(80 if names else 240):
        sums = np.cumsum(
            [smoothed(seen.config.corpus, text[max(0, len(text) - seen.step + 1) :] + c) for c in letters]
        )
        text += letters[int((rng.random() * sums[-1] >= sums).sum())]
    expected = text[1:].replace(".", "\n") if names else text[1:]
    return {"codes": lambda codes: "".join(seen.thing.alphabet[int(c)] for c in codes) == expected}


# --- Write --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def torch_model() -> Transformer:
    """The stored network, in torch's arithmetic."""
    stored = cache.load("shakespeare")
    model = Transformer(shape_of(stored.entry.config))
    load_weights(model, unpacked(stored.arrays))
    return model.eval()


@lru_cache(maxsize=256)
def log_next(tokens: bytes) -> np.ndarray:
    """log p after each letter of a text of 256 at most, ``(T, 65)``."""
    ids = torch.from_numpy(np.frombuffer(tokens, np.int64).copy())
    with torch.no_grad():
        return torch_model()(ids[None])[0].double().log_softmax(dim=-1).numpy()


def heard(seen: Seen) -> tuple[np.ndarray, int]:
    """Prompt and text up to this frame; how many letters the prompt has."""
    prompt = seen.config.prompt.replace("↵", "\n")
    text = next(layer for _, layer in seen.scene.layers() if layer.kind == "text")
    codes = np.asarray(text.codes)[seen.frame]
    return np.delete(codes[codes >= 0], len(prompt)).astype(np.int64), len(prompt)  # without the bar between


def each_log_p(seen: Seen) -> np.ndarray:
    """Of each letter written so far; the network reads 256 letters, and of more it forgets the older half."""
    tokens, prompt = heard(seen)
    found = []
    for t in range(prompt, len(tokens)):
        start = 0 if t <= 256 else 128 * math.ceil((t - 256) / 128)
        end = min(len(tokens), start + 256)
        found.append(log_next(tokens[start:end].tobytes())[t - 1 - start, tokens[t]])
    return np.array(found)


def now(seen: Seen) -> np.ndarray:
    """log p of the next letter."""
    tokens, _ = heard(seen)
    t = len(tokens)
    start = 0 if t <= 256 else 128 * math.ceil((t - 256) / 128)
    return log_next(tokens[start:].tobytes())[-1]


def at_temperature(log_p: np.ndarray, temperature: float) -> np.ndarray:
    if temperature == 0:
        return (log_p == log_p.max()).astype(float)
    p = np.exp((log_p - log_p.max()) / temperature)
    return p / p.sum()


def kept(config: Any, log_p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p at T, letters from the most probable down, and which may be drawn."""
    p = at_temperature(log_p, config.temperature)
    order = sorted(range(65), key=lambda v: (-p[v], v))
    few = order[: config.cut_k] if config.cut_k < 20 else order
    whole, total, chosen = p[few].sum(), 0.0, []
    for v in few:
        if config.cut_p < 1 and chosen and total >= config.cut_p * whole - 1e-12:
            break
        chosen.append(v)
        total += p[v]
    may = np.zeros(65, dtype=bool)
    may[chosen] = True
    return p, np.array(order), may & (p > 0)


@ORACLES("write", "Text surprise.*")
def text_written(seen: Seen) -> Expected:
    config, (tokens, prompt) = seen.config, heard(seen)
    given = config.prompt.replace("↵", "\n")

    def in_order(codes: np.ndarray) -> bool | str:
        letters = load_shakespeare().alphabet.letters
        before = "".join(seen.thing.alphabet[int(c)] for c in codes[: prompt + 1])
        if before != given + "│" or (codes[prompt + 1 + seen.step :] >= 0).any():
            return "not the prompt, a bar and so many letters"
        if len(tokens) > 256:
            return True
        log_p, rng = log_next(tokens.tobytes()), np.random.default_rng(config.seed)
        for t in range(prompt, len(tokens)):
            p, order, may = kept(config, log_p[t - 1])
            share = np.where(may, p, 0).cumsum()
            want = order[0] if config.temperature == 0 else int((rng.random() * share[-1] >= share).sum())
            if tokens[t] != want:
                return f"letter {t} is {letters[tokens[t]]!r}, expected {letters[want]!r}"
        return True

    def surprises(values: np.ndarray) -> bool:
        before = log_next(tokens[:prompt].tobytes())[np.arange(prompt - 1), tokens[1:prompt]]
        all_of_them = np.r_[np.nan, -before, np.nan, -each_log_p(seen)]
        return np.allclose(values[: len(tokens) + 1], all_of_them, rtol=1e-3, atol=1e-3, equal_nan=True)

    return {"codes": in_order, "values": surprises}


@ORACLES("write", "Bars .*")
def bars(seen: Seen) -> Expected:
    p, order, may = kept(seen.config, now(seen))
    these = order[:20]
    mine = may[these] if seen.thing.name else ~may[these]
    shown = np.where(mine, p[these], np.nan)
    marks = np.asarray(seen.at("marks")).astype(int)

    def named(marks: np.ndarray) -> bool:
        # letters that are equally probable up to rounding may change places
        right = all(np.isclose(p[m], s, rtol=1e-2, atol=1e-6) for m, s in zip(marks, shown, strict=True) if m >= 0)
        return right and np.array_equal(marks >= 0, mine & (p[these] > 0))

    labels = tuple({" ": "␣", "\n": "↵"}.get(c, c) for c in load_shakespeare().alphabet.letters)
    assert len(marks) == 20
    return {
        "height": About(shown, 1e-3, 1e-5),
        "x": np.arange(20) + 0.5,
        "marks": named,
        "labels": labels,
        "colour": "model" if seen.thing.name else "muted",
    }


@ORACLES("write", "Polylines sum")
def sums(seen: Seen) -> Expected:
    p = np.sort(at_temperature(now(seen), seen.config.temperature))[::-1]
    return About(np.stack([np.arange(21), np.r_[0, p[:20].cumsum()]], axis=-1)[None], 1e-3, 1e-4)


@ORACLES("write", "Polylines ", panel=1)
def cuts(seen: Seen) -> Expected:
    k, p = seen.config.cut_k, seen.config.cut_p
    return np.array([[[k, 0], [k, 1]]] if seen.k == 0 else [[[0, p], [20, p]]])


@ORACLES("write", "Readout Σ log p")
def total(seen: Seen) -> Expected:
    return About(each_log_p(seen).sum(), 1e-3, 1e-3)


@ORACLES("write", "Readout surprise a letter")
def mean(seen: Seen) -> Expected:
    return About(-each_log_p(seen).mean() if seen.step else np.nan, 1e-3, 1e-3)


@ORACLES("write", "Readout letters that may be drawn")
def allowed(seen: Seen) -> Expected:
    return int(kept(seen.config, now(seen))[2].sum())


def share_again(text: str) -> float:
    """Of its pieces of six letters, those that stood in it before; NaN without one."""
    pieces = [text[t : t + 6] for t in range(len(text) - 5)]
    return sum(piece in pieces[:t] for t, piece in enumerate(pieces)) / len(pieces) if pieces else float("nan")


@ORACLES("write", "(Curve|Readout) repeated")
def again(seen: Seen) -> Expected:
    tokens, prompt = heard(seen)
    return 100 * share_again(load_shakespeare().alphabet.decode(tokens[prompt:]))


@lru_cache(maxsize=8)
def their_passages(letters: int) -> tuple[str, ...]:
    """A hundred of the held-out text, evenly, each from a line's beginning."""
    text = load_shakespeare().alphabet.decode(load_shakespeare().test)
    begins = [t + 1 for t in range(len(text) - letters - 1) if text[t] == "\n"]
    at = [begins[int((len(begins) - 1) * k / 99)] for k in range(100)]
    return tuple(text[t : t + letters] for t in at)


@ORACLES("write", "(Curve|Readout) Shakespeare's")
def theirs(seen: Seen) -> Expected:
    shares = [share_again(text[: seen.step]) for text in their_passages(seen.config.letters)]
    return 100 * float(np.mean(shares))


@lru_cache(maxsize=1)
def read_words() -> frozenset[str]:
    text = load_shakespeare()
    return frozenset(re.split(r"[^a-z']+", text.alphabet.decode(text.train).lower()))


def words_unknown(text: str, prompt: int) -> float:
    """Of the words of a text that end behind the prompt, the last letters left out if nothing has followed them."""
    words, at = [], 0
    for word in re.split(r"([^a-z']+)", text.lower()):
        at += len(word)
        if re.fullmatch(r"[a-z']+", word) and prompt < at < len(text):
            words.append(word)
    return sum(word not in read_words() for word in words) / len(words) if words else float("nan")


@ORACLES("write", "(Curve|Readout) words unknown")
def babble(seen: Seen) -> Expected:
    tokens, prompt = heard(seen)
    return 100 * words_unknown(load_shakespeare().alphabet.decode(tokens), prompt)


@lru_cache(maxsize=1)
def unread_words() -> float:
    text = load_shakespeare().alphabet.decode(load_shakespeare().test).lower()
    words = [word for word in re.split(r"[^a-z']+", text) if word]
    return 100 * sum(word not in read_words() for word in words) / len(words)


@ORACLES("write", "(Readout|Polylines) in unread Shakespeare")
def unread(seen: Seen) -> Expected:
    if seen.name.startswith("Readout"):
        return unread_words()
    return np.array([[[0, unread_words()], [seen.config.letters, unread_words()]]])
