"""How many letters to remember: n-grams for n = 1 … 6, and what says the next letter better."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dashboard.scene import Claim, Curve, Panel, Readout, Scene, Text, chart, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from genmodels.data import text as data_of
from genmodels.data.text import END, Names, load_names, load_shakespeare
from genmodels.ngram import NGram, NGramConfig
from genmodels.recipes.names import window_runtime_of
from genmodels.sampling import SamplingConfig, say
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

SOURCES = {"names": "First names", "shakespeare": "Shakespeare"}
STORED = {"names": "names-windows", "shakespeare": "shakespeare"}
ALPHAS = {0.0: "0 (shares alone)", 0.01: "0.01", 0.1: "0.1", 1.0: "1 (Laplace)"}
ORDERS = range(1, 7)
WRITTEN = {"names": 80, "shakespeare": 240}
"""Letters that each model writes."""
BEGINS = {"names": END, "shakespeare": "\n"}
"""What stands before the first of them: a name begins, or a line."""
SOME = 50_000
"""Letters of a text on which the loss on what was read is measured."""


@dataclass(frozen=True)
class Config:
    """What is read, and the pseudo-count."""

    corpus: str = choice("Letters", "names", SOURCES)
    pseudo: float = choice("Pseudo-count α", 0.01, ALPHAS)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Losses:
    """Nats a letter for n = 1 … 6, ``(6,)`` each: add-α on what was read and on what was not, back-off, a network.

    Attributes:
        unseen: Share of the held-out pieces of n letters that were never read, 0 … 1.
        entries: Different pieces of n letters that were read.
        network: Of the perceptron that sees n − 1 letters (names), NaN for n = 1; or the transformer's, for all n.
    """

    train: np.ndarray
    held_out: np.ndarray
    unseen: np.ndarray
    entries: np.ndarray
    back_off: np.ndarray
    network: np.ndarray


def letters(text: str) -> tuple[Names | data_of.Text, np.ndarray, np.ndarray]:
    """The data, what is read of them, and on which part of that the training loss is measured."""
    if text == "names":
        data = load_names()
        return data, data.train, data.train
    shakespeare = load_shakespeare()
    return shakespeare, shakespeare.train, shakespeare.train[:SOME]


def needs(config: Config) -> tuple[str, ...]:
    """The checkpoint of the network beside the counts."""
    return (STORED[config.corpus],)


@lru_cache(maxsize=8)
def losses(text: str, alpha: float) -> Losses:
    """All that is drawn for a text and a pseudo-count."""
    data, read, some = letters(text)
    plain = NGramConfig(letters=len(data.alphabet), alpha=alpha)
    models = [NGram(read, replace(plain, order=order)) for order in ORDERS]
    return Losses(
        train=np.array([model.nats_per_letter(some) for model in models]),
        held_out=np.array([model.nats_per_letter(data.test) for model in models]),
        unseen=np.array([model.unseen(data.test) for model in models]),
        entries=np.array([model.n_entries for model in models]),
        back_off=np.array([model.nats_per_letter(data.test) for model in back_off(text)]),
        network=cache.made(_windows if text == "names" else _transformer, STORED[text]),
    )


@lru_cache(maxsize=2)
def back_off(text: str) -> tuple[NGram, ...]:
    """Kneser-Ney for n = 1 … 6."""
    data, read, _ = letters(text)
    plain = NGramConfig(letters=len(data.alphabet), smoothing="kneser-ney")
    return tuple(NGram(read, replace(plain, order=order)) for order in ORDERS)


def _windows(checkpoint: Checkpoint) -> np.ndarray:
    """Perceptrons over n − 1 letters, judged anew."""
    test = load_names().test
    return np.array(
        [np.nan, *(window_runtime_of(checkpoint.arrays, n - 1).nats_per_letter(test) for n in ORDERS if n > 1)]
    )


def _transformer(checkpoint: Checkpoint) -> np.ndarray:
    """The transformer's figure as stored: some minutes to compute on a laptop."""
    return np.full(len(ORDERS), checkpoint.entry.metrics["nats_per_letter"])


@lru_cache(maxsize=8)
def said_by(text: str, seed: int) -> np.ndarray:
    """What the back-off model of each n writes, ``(6, T)``; the same random numbers for each."""
    start = letters(text)[0].alphabet.letters.index(BEGINS[text])
    rows = []
    for model in back_off(text):
        choose = SamplingConfig().choose(np.random.default_rng(seed))
        rows.append(list(say(model.log_next, [start], choose, WRITTEN[text])))
    return np.array(rows)


def scene(config: Config) -> Scene:
    """One frame for each n."""
    found, n = losses(config.corpus, config.pseudo), np.array(ORDERS)
    alphabet = letters(config.corpus)[0].alphabet.letters
    if config.corpus == "names":
        alphabet = alphabet.replace(END, "\n")  # each on a line of its own
    return Scene(
        panels=(
            _chart(config, found),
            Panel(
                "Written by the back-off model of this n",
                (Text(name="written", codes=said_by(config.corpus, config.seed), alphabet=alphabet),),
                (0, 1),
                (0, 1),
                equal=False,
                axes=False,
            ),
            _unseen(found),
        ),
        steps=n,
        time="n",
        readouts=(
            Readout("loss, read", found.train, "nats a letter"),
            Readout("loss, held out", found.held_out, "nats a letter"),
            Readout("back-off, held out", found.back_off, "nats a letter"),
            Readout(NETWORK[config.corpus], found.network, "nats a letter"),
            Readout("different pieces read", found.entries, digits=0),
            Readout("held-out pieces never read", 100 * found.unseen, "%", 1),
        ),
        **said(len(n), *_claims(found)),
        alt="Loss on what was read and on what was held out against n, the share of pieces never read, and a text "
        "written with n − 1 letters in memory.",
        fps=0.8,
    )


NETWORK = {"names": "perceptron, held out", "shakespeare": "transformer, held out"}


def _claims(found: Losses) -> list[Claim | str]:
    """What one letter more has changed."""
    more = np.diff(found.train, prepend=np.nan), np.diff(found.held_out, prepend=np.nan)
    with np.errstate(invalid="ignore"):
        read_falls, held_falls, held_rises = more[0] < 0, more[1] < 0, more[1] > 0
    return [
        Claim(
            "Held-out loss infinite: some held-out letter follows letters after which it was never read.",
            np.isinf(found.held_out),
        ),
        Claim("n = 1: how often each letter comes, whatever stands before it.", np.array(ORDERS) == 1),
        Claim(
            "One letter more in memory: less loss on what was read, and on what was held out.",
            read_falls & held_falls,
        ),
        Claim("It knows by heart: less loss on what was read, more on what was held out.", read_falls & held_rises),
        Claim(
            "One letter more in memory, and more loss on both: the pseudo-counts drown the counts.",
            held_rises & ~read_falls,
        ),
        "One letter more in memory.",
    ]


def _chart(config: Config, found: Losses) -> Panel:
    n = np.array(ORDERS, dtype=float)

    def curve(name: str, key: str, y: np.ndarray, colour: str, dashed: bool = False) -> Curve:
        return Curve(name=name, key=key, x=n, y=np.where(np.isfinite(y), y, np.nan), colour=colour, dashed=dashed)

    label = "perceptron" if config.corpus == "names" else "transformer"
    curves = (
        curve("add-α, read", "r", found.train, "muted"),
        curve("add-α, held out", "h", found.held_out, "data"),
        curve("back-off, held out", "b", found.back_off, "class0"),
        curve(f"{label}, held out", "n", found.network, "model", config.corpus == "shakespeare"),
    )
    guess = float(np.log(27 if config.corpus == "names" else 65))
    lowest = np.nanmin([c.y for c in curves])
    return chart("Loss, nats a letter", curves, (0.8, 6.6), (float(lowest) - 0.15, guess), "n", "", share=1.4)


def _unseen(found: Losses) -> Panel:
    curves = (Curve(name="never read", x=np.array(ORDERS, dtype=float), y=100 * found.unseen, colour="data"),)
    return chart("Held-out pieces of n letters never read, %", curves, (0.8, 6.6), (0.0, 100.0), "n", "", share=0.7)


# What stands on the page


def code(config: Config) -> str:
    """Every n, counted with pseudo-counts and with back-off."""
    of_names = config.corpus == "names"
    return snippet(
        "import numpy as np",
        f"from genmodels.data.text import load_{config.corpus}",
        "from genmodels.ngram import NGramConfig, fit_ngram",
        f"data = load_{config.corpus}()",
        "read = some = data.train"
        if of_names
        else f"read, some = data.train, data.train[:{SOME}]  # some, for its loss",
        f"plain = dict(letters={27 if of_names else 65})",
        f"models = [fit_ngram(read, NGramConfig(**plain, order=n, alpha={config.pseudo!r})) for n in range(1, 7)]",
        "smooth = [fit_ngram(read, NGramConfig(**plain, order=n, smoothing='kneser-ney')) for n in range(1, 7)]",
        "shown = {",
        "    'loss, read': [model.nats_per_letter(some) for model in models],",
        "    'loss, held out': [model.nats_per_letter(data.test) for model in models],",
        "    'back-off, held out': [model.nats_per_letter(data.test) for model in smooth],",
        "    'different pieces read': [model.n_entries for model in models],",
        "    'held-out pieces never read': [100 * model.unseen(data.test) for model in models],",
        "}",
    )


def sentences(config: Config) -> tuple[str, ...]:
    """Where the held-out loss turns, and what a better use of the same letters brings."""
    found, name = losses(config.corpus, config.pseudo), SOURCES[config.corpus]
    best, smooth = int(np.argmin(found.held_out)), int(np.argmin(found.back_off))
    label, network = NETWORK[config.corpus].split(",")[0], float(np.nanmin(found.network))
    return (
        f"*{name}*, with these pseudo-counts: held out, n = {best + 1} does best, {found.held_out[best]:.2f} nats a "
        f"letter. Of the held-out pieces of six letters, {100 * found.unseen[5]:.0f} % were never read.",
        f"*Back-off* asks a shorter memory where the longer one has seen little (Kneser-Ney): its best is "
        f"n = {smooth + 1}, {found.back_off[smooth]:.2f} nats. The {label}'s best is {network:.2f}: "
        + (
            "what it learns after one letter serves others that are used alike."
            if network < found.back_off[smooth]
            else "here, counting well does better."
        ),
    )
