"""A denoising autoencoder run as a Markov chain: ten chains of digits, which classes they visit, what they become."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Bars, Claim, Images, Labels, Panel, Points, Polylines, Readout, Scene, chart, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import DIGITS, binary, framed, ink, picture
from genmodels.gsn.chain import iterate_chain
from genmodels.gsn.training import denoiser
from genmodels.nn.convolutional import ForwardCNN
from genmodels.nn.runtime import Forward
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NETWORKS = {"gsn-walkback": "with walk-back", "gsn-plain": "plain denoising"}
JUDGE = "cnn"
NEEDS = (*NETWORKS, JUDGE)
CHAINS, ROUNDS, COLUMNS = 10, 100, 5
EVEN = 100 / CHAINS  # per cent of the time in each class, if none is preferred
SURE = 0.8  # the classifier's mean p from which on it is called sure
WAY = ("x", "x̃: noisy", "P(x | x̃)", "x′: drawn")
TRAINED = 0.3
JUDGED, LEVELS = 20, (10, 30, 60)  # of the recipe: chains, and ν in per cent


@dataclass(frozen=True)
class Config:
    """Which network, how much noise, and which chain is shown large.

    Args:
        network: A checkpoint.
        noise: ν of the chain.
        chain: By the digit that it begins at.
        seed: Of the digits and of all that is drawn.
    """

    network: str = choice("Network", "gsn-walkback", NETWORKS)
    noise: float = slider("Noise ν", TRAINED, 0.1, 0.7, 0.05)
    chain: int = slider("Marked: the chain that began at", 4, 0, CHAINS - 1, 1)
    seed: int = 0


class Run(NamedTuple):
    """Ten chains, round by round.

    Attributes:
        x, corrupted, p: Their states, see :class:`genmodels.gsn.chain.ChainState`, ``(F, 10, 784)``.
        classes: What the classifier takes p for, ``(F, 10)``.
        sure: With which probability, ``(F, 10)``.
    """

    x: np.ndarray
    corrupted: np.ndarray
    p: np.ndarray
    classes: np.ndarray
    sure: np.ndarray


def network(checkpoint: Checkpoint) -> Forward:
    """For :func:`genmodels.store.cache.made`."""
    return denoiser(checkpoint.arrays)


def start(seed: int) -> np.ndarray:
    """Ten binarised test digits, a 0 to a 9, ``(10, 784)``: test images go round the classes."""
    rounds = binary().images.reshape(-1, CHAINS, 784)
    return rounds[seed % len(rounds)]


@lru_cache(maxsize=4)
def run(name: str, noise: float, seed: int) -> Run:
    """The chains of a network."""
    rng = np.random.default_rng([seed, 61])
    states = list(iterate_chain(cache.made(network, name), start(seed), noise, ROUNDS, rng))
    x, corrupted, p = (np.stack([getattr(s, of) for s in states]) for of in ("x", "corrupted", "p"))
    judged = cache.made(ForwardCNN.of, JUDGE)(p.reshape(-1, 28, 28)).reshape(*p.shape[:2], -1)
    return Run(x, corrupted, p, judged.argmax(axis=-1), judged.max(axis=-1))


def scene(config: Config) -> Scene:
    """A round of noise and denoising is a frame."""
    went, steps = run(config.network, config.noise, config.seed), np.arange(ROUNDS + 1)
    moved = (went.classes[1:] != went.classes[:-1]).mean(axis=1)
    changes, sure = (
        np.append(np.nan, each.cumsum() / steps[1:]) for each in (100 * moved, went.sure[1:].mean(axis=1))
    )
    there = went.classes == went.classes[0]
    here, never = there.sum(axis=1), np.logical_and.accumulate(there).sum(axis=1)
    inked = 100 * went.p.mean(axis=(1, 2))
    return Scene(
        panels=(
            _sheet(config, went),
            _large(config, went),
            _strip(config, went.classes),
            _shares(went.classes),
        ),
        steps=steps,
        time="round",
        readouts=(
            Readout("changes in 100 rounds", changes, "a chain", 1),
            Readout("in their first class", here, "of 10", 0),
            Readout("never left it", never, "of 10", 0),
            Readout("classifier's mean p", sure, "", 2),
            Readout("ink", inked, "%", 1),
        ),
        **said(len(steps), *_claims(config, went, here, sure, inked)),
        alt="Ten chains of digits, one round of one of them, the class of each over time, and shares of the classes.",
        fps=8,
    )


def code(config: Config) -> str:
    """The chains, and what the classifier says of them."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.gsn.chain import iterate_chain",
        "from genmodels.gsn.training import denoiser",
        "from genmodels.nn.convolutional import ForwardCNN",
        "from genmodels.store.checkpoint import load",
        f"network = denoiser(load({config.network!r}).arrays)  # x̃ to P(x | x̃)",
        f"x = load_binarised_mnist().test.images.reshape(50, {CHAINS}, 784)[{config.seed % 50}]",
        f"rng = np.random.default_rng([{config.seed}, 61])",
        f"p = np.stack([state.p for state in iterate_chain(network, x, {config.noise}, {ROUNDS}, rng)])",
        f"judged = ForwardCNN.of(load({JUDGE!r}))(p.reshape(-1, 28, 28)).reshape({ROUNDS + 1}, {CHAINS}, 10)",
        "classes = judged.argmax(axis=-1)",
        "there = classes == classes[0]",
        "shown = {",
        f"    'changes in 100 rounds': 100 * (classes[1:] != classes[:-1]).mean(axis=1).sum() / {ROUNDS},",
        "    'in their first class': there.sum(axis=1), 'never left it': there.all(axis=0).sum(),",
        "    'classifier\\'s mean p': judged[1:].max(axis=-1).mean(), 'ink': 100 * p.mean(axis=(1, 2)),",
        "}",
    )


def _claims(config: Config, went: Run, here: np.ndarray, sure: np.ndarray, ink: np.ndarray) -> list[Claim | str]:
    steps = np.arange(ROUNDS + 1)
    ended = steps == ROUNDS
    changed = np.append(False, (went.classes[1:] != went.classes[:-1])[:, config.chain])
    return [
        Claim("Ten test digits, a 0 to a 9, before any noise.", steps == 0),
        Claim("More than half of the chains are in the class where they began: they mix slowly.", ended & (here > 5)),
        Claim(
            "They have lost more than half of their ink: not digits, but what is left of them.",
            ended & (2 * ink < ink[0]),
        ),
        Claim(
            "Chains went from class to class, and the classifier is sure of what they show (mean p 0.8 or more).",
            ended & (sure >= SURE),
        ),
        Claim(
            "Chains went from class to class, but the classifier is not sure of what they show (mean p below 0.8).",
            ended,
        ),
        Claim("The marked one has just changed its class.", changed),
        "A round: noise; the network's p for each pixel; each pixel drawn with its p.",
    ]


def told(config: Config) -> str:
    """What 20 chains of the stored network did."""
    found = cache.load(config.network).entry.metrics
    few, trained, many = (
        f"with ν = {level / 100:g}, {found[f'changes_{level}']:.1f} and {found[f'sure_{level}']:.2f}"
        for level in LEVELS
    )
    return (
        f"How often a chain changes its class, and the classifier's mean p, for 20 chains of {ROUNDS} rounds of this "
        f"network: {few}; {trained}; {many}."
    )


def kept() -> str:
    """How many chains with walk-back end in their first class, at the ν of the training."""
    share = cache.load("gsn-walkback").entry.metrics["kept_30"]
    return f"{share * JUDGED:.0f} of {JUDGED} chains end in the class where they began"


def _place(k: int) -> tuple[int, int]:
    """Left and upper edge of a chain's picture on the sheet."""
    return k % COLUMNS, CHAINS // COLUMNS - k // COLUMNS


def _box(x: float, y: float, width: float = 1.0) -> np.ndarray:
    """The outline of what has this upper left corner and is one high, ``(1, 4, 2)``."""
    return np.array([[(x, y), (x + width, y), (x + width, y - 1), (x, y - 1)]], dtype=float)


def _sheet(config: Config, went: Run) -> Panel:
    rows = CHAINS // COLUMNS
    shown = {"P(x | x̃)": ("p", went.p), "x̃: noisy": ("n", went.corrupted), "x′: drawn": ("d", went.x)}
    images = tuple(
        Images(
            name=name,
            key=key,
            visible=key == "p",
            pixels=framed(ink(values)),
            columns=COLUMNS,
            extent=(0, COLUMNS, 0, rows),
        )
        for name, (key, values) in shown.items()
    )
    corners = np.array([_place(k) for k in range(CHAINS)]) + np.array([0.1, -0.13])
    labels = tuple(
        Labels(
            name="class, by the classifier",
            key="c",
            at=np.where((went.classes == k)[..., None], corners, np.nan),
            texts=(digit,) * CHAINS,
            bold=True,
            size=1.3,
            colour=f"class{k}",
        )
        for k, digit in enumerate(DIGITS)
    )
    ring = Polylines(name="", xy=_box(*_place(config.chain)), closed=True, colour="model", width=3)
    return Panel("Ten chains", (*images, ring, *labels), (0, COLUMNS), (0, rows), axes=False, share=1.5)


def _large(config: Config, went: Run) -> Panel:
    """Before the first round there is nothing but the digit."""
    before = np.concatenate([went.x[:1], went.x[:-1]])
    shown = np.stack([values[:, config.chain] for values in (before, went.corrupted, went.p, went.x)], axis=1)
    shown[0, 1:] = 0
    at = np.array([(k % 2 + 0.5, 2.3 - 1.2 * (k // 2)) for k in range(4)])
    images = tuple(picture(framed(ink(shown[:, 2 * r : 2 * r + 2])), (0, 2.2 - 1.2 * r), 1, 2) for r in range(2))
    names = Labels(name="", at=at, texts=WAY, size=1.1)
    return Panel("One round", (*images, names), (0, 2), (0, 2.4), axes=False, share=1.6)


def _strip(config: Config, classes: np.ndarray) -> Panel:
    """A dot for each chain and round."""
    rounds, chains = np.divmod(np.arange(classes.size), CHAINS)
    ends, low, high = (-1.0, ROUNDS + 1.0), -0.5, CHAINS - 0.5
    layers = (
        Points(
            name="class",
            xy=np.stack([rounds, chains], axis=1).astype(float),
            count=CHAINS * np.arange(1, ROUNDS + 2),
            labels=classes.ravel(),
            names=DIGITS,
            radius=4,
        ),
        Polylines(
            name="", xy=_box(ends[0], config.chain + 0.5, ends[1] - ends[0]), closed=True, colour="model", width=2
        ),
    )
    names = ("round", "began at")
    return Panel("The class of each chain", layers, ends, (low, high), False, *names, y_names=DIGITS, share=1.2)


def _shares(classes: np.ndarray) -> Panel:
    spent = (classes[..., None] == np.arange(10)).mean(axis=1).cumsum(axis=0)
    height = 100 * spent / np.arange(1, len(classes) + 1)[:, None]
    ends = (-0.6, 9.6)
    layers = (
        Bars(name="time so far", key="b", height=height, labels=DIGITS, classes=True),
        Polylines(name="", xy=np.array([[(x, EVEN) for x in ends]]), dashed=True, colour="truth"),
    )
    top = 1.15 * float(height[ROUNDS // 10 :].max())
    return chart("Time in each class, % (even: 10)", layers, ends, (0, max(top, 2 * EVEN)), x_label="class")
