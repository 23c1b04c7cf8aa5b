"""A Boltzmann machine of digits: what its chains dream, how they complete half a digit, and its nats per image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Claim, Labels, Panel, Polylines, Readout, Scene, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import SIDE, binary_digit, ink, picture, sheet
from genmodels.rbm.chains import ChainConfig, iterate_chains
from genmodels.rbm.model import RBM, rbm_of
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

STARTS = {"coins": "Tossed coins", "white": "White paper"}
GIVEN = {"upper": "The upper half", "left": "The left half"}
PIXELS = SIDE**2
DREAMS, ANSWERS, FILTERS = 16, 9, 25
STEPS, EVERY = 120, 3
ROW = 44
"""Nats that a row of the table is high, so that the panel is about as high as wide."""
SALT = 62
BESIDE = {
    "coins": ("pixel-mixture", "coins_test_nats", 1),
    "mixture": ("pixel-mixture", "test_nats", 1),
    "VAE 16-D": ("vae-16d", "bound_500_nats", -1),
    "logistic": ("pixel-fvsbn", "test_nats", 1),
    "MADE": ("pixel-made", "test_nats", 1),
    "PixelCNN": ("pixel-cnn", "test_nats", 1),
}
"""Other models' figures on the same test images: where each is stored, and its sign."""
OURS = "RBM"
NEEDS = ("rbm-digits", *dict.fromkeys(name for name, _, _ in BESIDE.values()))


@dataclass(frozen=True)
class Dreams:
    """Where free chains start, and which digit is half given to the others."""

    dream_start: str = choice("Free chains start from", "coins", STARTS)
    dream_given: str = choice("Given", "upper", GIVEN)
    dream_digit: int = choice("Digit", 4, {digit: f"a {digit}" for digit in range(10)})
    dream_nth: int = slider("Which of the 50", 10, 1, 50, 1)
    seed: int = 0

    def index(self) -> int:
        """Of the digit among the test images, whose classes go round."""
        return 10 * (self.dream_nth - 1) + self.dream_digit

    def given(self) -> np.ndarray:
        """Which of its pixels are given, ``(784,)``."""
        seen = np.zeros((SIDE, SIDE), dtype=bool)
        seen[(slice(SIDE // 2), slice(None)) if self.dream_given == "upper" else (slice(None), slice(SIDE // 2))] = (
            True
        )
        return seen.ravel()


class Chains(NamedTuple):
    """F frames of all chains, the free ones first.

    Attributes:
        images: 0 or 1, ``(F, 25, 784)``.
        ink: What the pixels were drawn from, ``(F, 25, 784)``.
        nats: −log p of the free chains' images, ``(F, 16)``.
    """

    images: np.ndarray
    ink: np.ndarray
    nats: np.ndarray


def machine() -> RBM:
    """The stored one, float64: on every processor its chains draw the same."""
    return cache.made(_machine, "rbm-digits")


def _machine(stored: Checkpoint) -> RBM:
    return rbm_of(stored.arrays, float)


def log_z() -> float:
    """Its estimate."""
    return cache.load("rbm-digits").entry.metrics["log_z_nats"]


def start_of(config: Dreams) -> np.ndarray:
    """All chains' pixels, ``(25, 784)``: coins or paper, and in the answers the given half."""
    v = np.random.default_rng([config.seed, SALT]).integers(2, size=(DREAMS + ANSWERS, PIXELS)).astype(float)
    if config.dream_start == "white":
        v[:DREAMS] = 0
    v[DREAMS:, config.given()] = binary_digit(config.index())[config.given()]
    return v


@lru_cache(maxsize=4)
def chains(config: Dreams) -> Chains:
    """Both kinds go on side by side."""
    rbm, held = machine(), np.zeros((DREAMS + ANSWERS, PIXELS), dtype=bool)
    held[DREAMS:] = config.given()
    walk = iterate_chains(rbm, start_of(config), ChainConfig(STEPS, config.seed), held)
    states = [state for state in walk if state.step % EVERY == 0]
    nats = np.array([rbm.free_energy(state.images[:DREAMS]) + log_z() for state in states])
    images, drawn_from = (np.array([getattr(state, name) for state in states]) for name in ("images", "ink"))
    return Chains(images, drawn_from, nats)


def table() -> dict[str, float]:
    """Nats per test image, from the most to the least."""
    found = {name: sign * cache.load(at).entry.metrics[key] for name, (at, key, sign) in BESIDE.items()}
    found[OURS] = ours()
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def ours() -> float:
    """Of the machine, with its estimate of log Z."""
    return float(-cache.arrays("rbm-digits")["test_log_prob"].astype(float).mean())


def told() -> tuple[str, ...]:
    """How sure its figure is, and on what it rests."""
    stored = cache.load("rbm-digits")
    figures, test = stored.entry.metrics, stored.arrays["test_log_prob"].astype(float)
    config = stored.entry.config
    return (
        f"*Its bar*: {ours():.1f} ± {test.std(ddof=1) / np.sqrt(len(test)):.1f} nats (the luck of {len(test)} test "
        f"images), with a log Z that {config['runs']} annealed runs through {config['betas']:,} temperatures put at "
        f"{log_z():.1f} ± {figures['log_z_error_nats']:.1f}: by their weights as good as "
        f"{figures['log_z_effective_runs']:.0f} equal ones. It has learned from 4,000 images, as the others have.",
    )


def scene(config: Dreams) -> Scene:
    """A frame is three steps of Gibbs."""
    run, truth, seen = chains(config), binary_digit(config.index()), config.given()
    steps = np.arange(0, STEPS + 1, EVERY)
    wrong = (run.images[:, DREAMS:, ~seen] != truth[~seen]).mean(axis=(1, 2))
    dreams, tested = run.nats.mean(axis=1), ours()
    return Scene(
        panels=(
            sheet("Dreams: sixteen free chains", ink(run.ink[:, :DREAMS]), 4, share=1.7),
            _answers(config, run),
            _bars(),
            sheet("25 of its filters", _filters(), 5, share=0.5),
        ),
        steps=steps,
        time="step of Gibbs",
        readouts=(
            Readout("−log p of a dream", dreams, "nats", 1),
            Readout("of a test digit", np.full(len(steps), tested), "nats", 1),
            Readout("covered pixels that the answers get wrong", 100 * wrong, "%", 1),
        ),
        **said(len(steps), *_sentences(config, steps, dreams, tested)),
        alt="Sixteen pictures that a Boltzmann machine dreams, nine answers to half a digit, bars of what a digit "
        "costs by several models, and filters.",
        fps=6,
    )


def code(config: Dreams) -> str:
    """The chains again, and what a dream and a test digit cost."""
    half = ":14" if config.dream_given == "upper" else ":, :14"
    white = f"v[:{DREAMS}] = 0" if config.dream_start == "white" else ""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.rbm.chains import ChainConfig, run_chains",
        "from genmodels.rbm.model import rbm_of",
        "from genmodels.store.checkpoint import load",
        "stored = load('rbm-digits')",
        "rbm = rbm_of(stored.arrays, float)",
        f"rng = np.random.default_rng([{config.seed}, {SALT}])",
        f"v = rng.integers(2, size=({DREAMS + ANSWERS}, {PIXELS})).astype(float)",
        white,
        f"truth = load_binarised_mnist().test.images[{config.index()}]",
        f"held = np.zeros(({DREAMS + ANSWERS}, 28, 28), bool)",
        f"held[{DREAMS}:, {half}] = True",
        "v = np.where(held, truth, v.reshape(held.shape)).reshape(len(v), -1)",
        f"end = run_chains(rbm, v, ChainConfig({STEPS}, {config.seed}), held.reshape(v.shape))",
        f"nats = rbm.free_energy(end.images[:{DREAMS}]) + stored.entry.metrics['log_z_nats']",
        "shown = {'−log p of a dream': nats.mean(), 'of a test digit': -stored.arrays['test_log_prob'].mean()}",
    )


def _answers(config: Dreams, run: Chains) -> Panel:
    """Three by three, with a line around what is given."""
    columns = 3
    rows = ANSWERS // columns
    corner = [(k % columns, rows - 1 - k // columns) for k in range(ANSWERS)]
    low = np.array([0, 0.5] if config.dream_given == "upper" else [0, 0])
    size = np.array([1, 0.5] if config.dream_given == "upper" else [0.5, 1])
    square = low + size * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    layers = (
        picture(ink(run.ink[:, DREAMS:]), (0, rows), 1, columns, name="answers"),
        Polylines(
            name="given", key="g", xy=np.array(corner)[:, None] + square, colour="class0", closed=True, width=2
        ),
    )
    return Panel(
        f"Nine answers to half a {config.dream_digit}", layers, (0, columns), (0, rows), axes=False, share=1.3
    )


def _bars() -> Panel:
    """Bars that lie, a row a model, so that names have room."""
    found = table()
    kinds = {
        "exact": ("truth", [name for name in found if name != OURS and not name.startswith("VAE")]),
        "a bound": ("muted", [name for name in found if name.startswith("VAE")]),
        "log Z estimated": ("model", [OURS]),
    }
    row = {name: ROW * (len(found) - 1 - k) for k, name in enumerate(found)}
    top, levels = max(found.values()), np.array(list(row.values()), dtype=float)
    corners = np.array([[0, -1], [1, -1], [1, 1], [0, 1]])
    bars = tuple(
        Polylines(
            name=kind,
            xy=np.array([corners * [found[name], 0.35 * ROW] + [0, row[name]] for name in names]),
            colour=colour,
            closed=True,
            filled=True,
        )
        for kind, (colour, names) in kinds.items()
    )
    told = tuple(("≤ " if name in kinds["a bound"][1] else "") + f"{nats:.1f}" for name, nats in found.items())
    words = (
        Labels(name="", at=np.stack([np.full(len(row), -5.0), levels], 1), texts=tuple(found), align="right"),
        Labels(name="", at=np.stack([np.array(list(found.values())) + 5, levels], 1), texts=told, align="left"),
    )
    title = "−log p of a test digit, nats"
    ends = (-0.45 * top, 1.4 * top)
    return Panel(title, (*bars, *words), ends, (-0.6 * ROW, (len(found) - 0.4) * ROW), axes=False, share=0.8)


def _filters() -> np.ndarray:
    """Weights of the hidden units with the longest, ``(25, 28, 28)``: grey is 0, ink above."""
    w = machine().weights.T
    strong = np.argsort(-np.linalg.norm(w, axis=1), kind="stable")[:FILTERS]
    return ink(0.5 + w[strong] / (2 * np.abs(w[strong]).max(axis=1, keepdims=True)))


def _sentences(config: Dreams, steps: np.ndarray, dreams: np.ndarray, tested: float) -> list[Claim | str]:
    cheap = config.dream_start == "white" and dreams[0] < np.median(-cache.arrays("rbm-digits")["test_log_prob"])
    return [
        Claim("The start: white paper. It has a higher p than most digits, and is none.", (steps == 0) & cheap),
        Claim("The start: pixels that know of no digit.", steps == 0),
        Claim("On average a dream has now a higher p than a test digit has.", dreams < tested),
        Claim("On average a dream has still a lower p than a test digit has.", dreams > tested),
    ]
