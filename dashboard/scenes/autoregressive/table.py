"""What it costs to say what was not seen before: nats per image and per letter, model by model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dashboard.scene import Bars, Claim, Layer, Panel, Polylines, Readout, Scene, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import binary, flat
from genmodels.bernoulli_mixture import BernoulliMixtureConfig, fit_bernoulli_mixture
from genmodels.data.digits import load_binarised_mnist
from genmodels.data.text import load_names, load_shakespeare
from genmodels.ngram import NGramConfig, fit_ngram
from genmodels.store import cache

WHAT = {
    "digits": "Digits: nats per image",
    "letters": "Shakespeare: nats per letter",
    "names": "Names: nats per letter",
}
ORDERS = (1, 2, 3, 4, 5)
WINDOWS = (2, 3, 4, 6)
NEEDS = {
    "digits": ("pixel-mixture", "pixel-fvsbn", "pixel-made", "pixel-cnn", "vae-2d", "vae-16d"),
    "letters": ("shakespeare",),
    "names": ("names", "names-windows"),
}


@dataclass(frozen=True)
class Config:
    """What is told."""

    what: str = choice("What is told", "digits", WHAT)


@dataclass(frozen=True)
class Entry:
    """One model's figure on what it was not trained on.

    Attributes:
        name: At the axis.
        nats: Mean of −log p, or of a bound above it.
        knows: What the model is, in a sentence.
        error: Standard error of the mean over the test images; NaN where it was not kept.
        bound: Whether −log p may be lower than ``nats``.
    """

    name: str
    nats: float
    knows: str
    error: float = np.nan
    bound: bool = False


def entries(what: str) -> list[Entry]:
    """The models, from the one that knows least."""
    return {"digits": _digits, "letters": _letters, "names": _names}[what]()


def _digits() -> list[Entry]:
    mixture, vae_2, vae_16 = (cache.load(name).entry for name in ("pixel-mixture", "vae-2d", "vae-16d"))
    config = BernoulliMixtureConfig(1, 1, mixture.config["alpha"])  # of one kind, counted as the mixture is
    coins = fit_bernoulli_mixture(flat(load_binarised_mnist().train.images), config).log_prob(flat(binary().images))
    kinds = len(cache.arrays("pixel-mixture")["weights"])
    return [
        _exact("coins", coins, "Each pixel is a coin of its own: no pixel knows of another."),
        _exact("mixture", _test("pixel-mixture"), f"{kinds} kinds of digits; within a kind, pixels are coins."),
        Entry("VAE 2-D", -vae_2.metrics["bound_500_nats"], _VAE.format(2), bound=True),
        Entry("VAE 16-D", -vae_16.metrics["bound_500_nats"], _VAE.format(16), bound=True),
        _exact("logistic", _test("pixel-fvsbn"), "A logistic regression of each pixel on those before it."),
        _exact("MADE", _test("pixel-made"), "A network with masks: the pixels before, and hidden units between."),
        _exact(
            "PixelCNN", _test("pixel-cnn"), "The same small filters everywhere: a stroke is a stroke, wherever it is."
        ),
    ]


_VAE = "A network decodes {} numbers: not log p itself is had but a bound of 500 samples, so the truth may be lower."


def _test(name: str) -> np.ndarray:
    return cache.arrays(name)["test_log_prob"]


def _exact(name: str, log_prob: np.ndarray, knows: str) -> Entry:
    values = log_prob.astype(np.float64)
    return Entry(name, float(-values.mean()), knows, float(values.std(ddof=1) / np.sqrt(len(values))))


def _letters() -> list[Entry]:
    text, stored = load_shakespeare(), cache.load("shakespeare").entry
    return [
        *_counted(len(text.alphabet)),
        Entry(
            "transformer",
            stored.metrics["nats_per_letter"],
            f"A transformer that sees up to {stored.config['context'] - 1} letters before.",
        ),
    ]


def _names() -> list[Entry]:
    names, windows = load_names(), cache.load("names-windows").entry.metrics
    return [
        *_counted(len(names.alphabet)),
        *(
            Entry(f"MLP {m}", windows[f"nats_per_letter_{m}"], f"A perceptron over the {m} letters before.")
            for m in WINDOWS
        ),
        Entry(
            "transformer",
            cache.load("names").entry.metrics["nats_per_letter"],
            "A small transformer that sees the whole name so far.",
        ),
    ]


def _counted(letters: int) -> Iterable[Entry]:
    yield Entry("uniform", float(np.log(letters)), f"No model: each of {letters} letters is equally probable.")
    for order, nats in zip(ORDERS, _ngrams(letters), strict=True):
        before = ("no letter", "one letter", "two letters", "three letters", "four letters")[order - 1]
        yield Entry(f"{order}-gram", nats, f"Counted: the next letter from {before} before (Kneser-Ney).")


@lru_cache(maxsize=2)
def _ngrams(letters: int) -> tuple[float, ...]:
    """Nats a letter of 1-gram … 5-gram on the test text or the test names."""
    text = load_shakespeare() if letters == 65 else load_names()
    train = text.train
    return tuple(
        fit_ngram(train, NGramConfig(letters=letters, order=order, smoothing="kneser-ney")).nats_per_letter(text.test)
        for order in ORDERS
    )


def trained_on(what: str) -> tuple[str, int]:
    """Of what, and how much of it, the models have learned."""
    if what == "digits":
        return "training images", len(load_binarised_mnist().train.images)
    if what == "letters":
        return "training letters", len(load_shakespeare().train)
    return "training names", len(load_names().train)


def scene(config: Config) -> Scene:
    """One model a frame is lit; all have their bar."""
    found = entries(config.what)
    frames, nats = len(found), np.array([entry.nats for entry in found])
    unit = "nats per image" if config.what == "digits" else "nats per letter"
    word, count = trained_on(config.what)
    exact = np.where([entry.bound for entry in found], np.nan, nats)
    saved = np.concatenate([[np.nan], exact[:-1] - exact[1:]])
    return Scene(
        panels=(_bars(config, found, nats),),
        steps=np.arange(1, frames + 1),
        time="model",
        readouts=(
            Readout("−log p", nats, unit, 1 if config.what == "digits" else 3),
            Readout("standard error", np.array([entry.error for entry in found]), unit, 1),
            Readout("less than the model before", saved, unit, 1 if config.what == "digits" else 3),
            Readout(word, np.full(frames, float(count)), digits=0),
        ),
        **said(frames, *_claims(config.what, found)),
        alt="A bar for each model: what it costs to say an image, or a letter, that it was not trained on.",
        fps=0.7,
    )


def _claims(what: str, found: list[Entry]) -> list[Claim]:
    lowest = min(entry.nats for entry in found)
    claims = []
    for k, entry in enumerate(found):
        sentence = f"{entry.name}: {entry.knows}"
        if k and not entry.bound:
            sentence += f" {_compared(what, found[0].nats - entry.nats, found[0].name)}"
        if entry.nats == lowest:
            sentence += " The lowest bar."
        claims.append(Claim(sentence, np.arange(len(found)) == k))
    return claims


def _compared(what: str, nats: float, first: str) -> str:
    if what == "digits":
        return f"{nats:.1f} nats less than {first}."
    return f"A letter is {np.exp(nats):.1f} times as probable as with {first} letters, on geometric average."


def code(config: Config) -> str:
    """The figures of the store, and what is counted anew."""
    return snippet("import numpy as np", "from genmodels.store.checkpoint import load", *_code(config.what))


def _code(what: str) -> tuple[str, ...]:
    if what == "digits":
        return (
            "coins = load('pixel-mixture').entry.metrics['coins_test_nats']",
            "bounds = [-load(name).entry.metrics['bound_500_nats'] for name in ('vae-2d', 'vae-16d')]",
            "names = ('mixture', 'fvsbn', 'made', 'cnn')",
            "log_p = np.array([load(f'pixel-{name}').arrays['test_log_prob'] for name in names])",
            "mixture, *chains = -log_p.mean(axis=1)",
            "shown = {'−log p': np.array([coins, mixture, *bounds, *chains])}",
        )
    counted = (
        "configs = [NGramConfig(letters=len(text.alphabet), order=n, smoothing='kneser-ney') for n in range(1, 6)]",
        "counted = [fit_ngram({}, config).nats_per_letter(text.test) for config in configs]",
    )
    start = ("from genmodels.ngram import NGramConfig, fit_ngram",)
    if what == "letters":
        return (
            *start,
            "from genmodels.data.text import load_shakespeare",
            "text = load_shakespeare()",
            counted[0],
            counted[1].format("text.train"),
            "learned = [load('shakespeare').entry.metrics['nats_per_letter']]",
            "shown = {'−log p': np.array([np.log(65), *counted, *learned])}",
        )
    return (
        *start,
        "from genmodels.data.text import load_names",
        "text = load_names()",
        counted[0],
        counted[1].format("text.train"),
        "windows = load('names-windows').entry.metrics",
        f"learned = [windows[f'nats_per_letter_{{m}}'] for m in {WINDOWS}]",
        "learned += [load('names').entry.metrics['nats_per_letter']]",
        "shown = {'−log p': np.array([np.log(27), *counted, *learned])}",
    )


def _bars(config: Config, found: list[Entry], nats: np.ndarray) -> Panel:
    frames = len(found)
    at = np.arange(frames)
    lit = np.where(np.eye(frames, dtype=bool), nats, np.nan)
    digits = 1 if config.what == "digits" else 2
    words = tuple(("≤ " if entry.bound else "") + f"{entry.nats:.{digits}f}" for entry in found)
    bound = np.array([entry.bound for entry in found])
    layers: list[Layer] = [
        Bars(name="exact", height=np.where(bound, np.nan, nats), x=at, labels=words, colour="truth", width=0.7),
    ]
    if bound.any():
        layers.append(
            Bars(name="a bound", height=np.where(bound, nats, np.nan), x=at, labels=words, colour="muted", width=0.7)
        )
    layers.append(Bars(name="this model", height=lit, x=at, colour="model", width=0.7))
    errors = np.array([entry.error for entry in found])
    if not np.isnan(errors).all():
        ends = nats[:, None] + np.outer(errors, [-1, 1])
        layers.append(
            Polylines(
                name="",
                xy=np.stack([np.broadcast_to(at[:, None], ends.shape), ends], axis=2),
                colour="ink",
                width=3,
            )
        )
    return Panel(
        f"{WHAT[config.what]} that was not seen in training",
        tuple(layers),
        (-0.6, frames - 0.4),
        (0, 1.12 * float(nats.max())),
        equal=False,
        y_label="−log p, nats",
        x_names=tuple(entry.name for entry in found),
    )
