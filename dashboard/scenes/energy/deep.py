"""Deeper: an RBM, a deep belief network and a deep Boltzmann machine dream of digits; what a digit costs by each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Claim, Labels, Panel, Points, Polylines, Readout, Scene, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import SIDE, binary, framed, ink, picture, sheet
from genmodels.nn.convolutional import ForwardCNN
from genmodels.rbm.chains import ChainConfig, iterate_chains
from genmodels.rbm.deep import DBM, DBN, dbm_of, dbn_of, iterate_dreams
from genmodels.rbm.model import RBM, rbm_of
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

STARTS = {"coins": "Tossed coins", "white": "White paper", "digits": "Test digits, a 0 to an 8"}
BEGAN, JUDGE = "rbm-digits", "cnn"
MACHINES = {"rbm-further": "RBM", "dbn-digits": "DBN", "dbm-digits": "DBM"}
BESIDE = {"dbn-digits": "The DBN", "dbm-digits": "The DBM"}
NEEDS = (BEGAN, *MACHINES, JUDGE)
PIXELS, DREAMS, COLUMNS = SIDE**2, 9, 3
STEPS, EVERY = 150, 6
SALT = 63
CERTAIN = 0.9
SURE = 2.0
"""A difference of more than so many standard errors is told as one."""


@dataclass(frozen=True)
class Deeper:
    """Where chains start, and which of them is shown layer by layer."""

    deep_start: str = choice("Chains start from", "coins", STARTS)
    deep_layers: str = choice("Layer by layer", "dbn-digits", BESIDE)
    deep_chain: int = slider("Which of its nine chains", 1, 1, DREAMS, 1)
    seed: int = 0


class Run(NamedTuple):
    """Nine chains of one machine, F frames.

    Attributes:
        ink: What pixels are drawn from, ``(F, 9, 784)``.
        layers: h¹ ``(F, 9, 256)`` and h² ``(F, 9, T)``; an RBM has none.
        sure: The classifier's largest probability, ``(F, 9)``.
    """

    ink: np.ndarray
    layers: tuple[np.ndarray, ...]
    sure: np.ndarray


def _rbm(stored: Checkpoint) -> RBM:
    return rbm_of(stored.arrays, float)


def _dbn(stored: Checkpoint) -> DBN:
    return dbn_of(stored.arrays, cache.made(_rbm, BEGAN), float)


def _dbm(stored: Checkpoint) -> DBM:
    return dbm_of(stored.arrays, float)


def _machine(name: str) -> RBM | DBN | DBM:
    """A stored one, float64: on every processor its chains draw the same."""
    if name == "rbm-further":
        return cache.made(_rbm, name)
    return cache.made(_dbn, name) if name == "dbn-digits" else cache.made(_dbm, name)


def start_of(config: Deeper) -> np.ndarray:
    """Pixels of nine chains, ``(9, 784)`` float32, the same for each machine."""
    if config.deep_start == "digits":
        return binary().images[:DREAMS].reshape(DREAMS, -1).astype(np.float32)
    v = np.random.default_rng([config.seed, SALT]).integers(2, size=(DREAMS, PIXELS)).astype(np.float32)
    return v * (config.deep_start == "coins")


@lru_cache(maxsize=12)
def run(name: str, start: str, seed: int) -> Run:
    """A machine's chains."""
    machine, start_at, how = _machine(name), start_of(Deeper(start, seed=seed)), ChainConfig(STEPS, seed)
    walk = (
        iterate_chains(machine, start_at, how) if isinstance(machine, RBM) else iterate_dreams(machine, start_at, how)
    )
    states: list[Any] = [state for state in walk if state.step % EVERY == 0]
    shown = np.array([state.ink for state in states])
    layers = () if isinstance(machine, RBM) else ("middle", "top")
    judged = cache.made(ForwardCNN.of, JUDGE)(shown.reshape(-1, SIDE, SIDE)).reshape(*shown.shape[:2], -1)
    return Run(
        shown, tuple(np.array([getattr(state, layer) for state in states]) for layer in layers), judged.max(axis=-1)
    )


class Figure(NamedTuple):
    """Of one machine.

    Attributes:
        nats: −log p of a test image, or its upper bound.
        itself: −log p, of a deep machine by importance sampling.
        error: Standard error of its log Z, nats.
        less: How many nats less than the RBM that learned on has, a negative number where it has more.
        less_error: Of this: of both log Z, and of the test images, each compared with itself, by its bound.
    """

    nats: float
    itself: float
    error: float
    less: float
    less_error: float


def figures() -> dict[str, Figure]:
    """Of the RBM where all began, and of the three."""
    names = {BEGAN: "where all began", **MACHINES}
    of = {name: -cache.arrays(name)["test_log_prob"].astype(float) for name in names}
    error = {name: cache.load(name).entry.metrics["log_z_error_nats"] for name in names}
    found = {}
    for name, called in names.items():
        less = of["rbm-further"] - of[name]
        itself = cache.load(name).entry.metrics.get("itself_nats", float(of[name].mean()))
        luck = less.std(ddof=1) / np.sqrt(len(less))
        both = np.hypot(error[name], error["rbm-further"]) if name != "rbm-further" else 0.0
        saved = float(of["rbm-further"].mean()) - itself
        found[called] = Figure(float(of[name].mean()), itself, error[name], saved, float(np.hypot(luck, both)))
    return found


def scene(config: Deeper) -> Scene:
    """A frame is six steps of Gibbs."""
    runs = {name: run(name, config.deep_start, config.seed) for name in MACHINES}
    steps = np.arange(0, STEPS + 1, EVERY)
    found = figures()
    sure = {MACHINES[name]: each.sure.mean(axis=1) for name, each in runs.items()}
    return Scene(
        panels=(
            *(
                sheet(f"{called} dreams", framed(ink(runs[name].ink)), COLUMNS, share=1.3)
                for name, called in MACHINES.items()
            ),
            _layers(config, runs[config.deep_layers]),
            _nats(found),
        ),
        steps=steps,
        time="step of Gibbs",
        readouts=(
            *(Readout(f"{called}: classifier's mean p", values, "", 2) for called, values in sure.items()),
            *(
                Readout(f"{called}: a test digit", np.full(len(steps), found[called].nats), "nats", 1, hidden=True)
                for called in MACHINES.values()
            ),
        ),
        **said(len(steps), *_claims(config, steps, sure)),
        alt="Nine dreams each of a Boltzmann machine with one hidden layer and of two with two; the layers of one "
        "chain; and what a test digit costs by each, with error bars.",
        fps=6,
    )


def code(config: Deeper) -> str:
    """The chains, how sure the classifier is of them, and what is stored of each machine."""
    coins = f"np.random.default_rng([{config.seed}, {SALT}]).integers(2, size=({DREAMS}, {PIXELS})).astype('float32')"
    start = {
        "coins": coins,
        "white": f"np.zeros(({DREAMS}, {PIXELS}), 'float32')",
        "digits": f"load_binarised_mnist().test.images[:{DREAMS}].reshape({DREAMS}, -1).astype('float32')",
    }[config.deep_start]
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist" if config.deep_start == "digits" else "",
        "from genmodels.nn.convolutional import ForwardCNN",
        "from genmodels.rbm.chains import ChainConfig, run_chains",
        "from genmodels.rbm.deep import dbm_of, dbn_of, run_dreams",
        "from genmodels.rbm.model import rbm_of",
        "from genmodels.store.checkpoint import load",
        f"stored = {{called: load(name) for name, called in {MACHINES}.items()}}",
        f"dbn = dbn_of(stored['DBN'].arrays, rbm_of(load({BEGAN!r}).arrays, float), float)",
        "dbm = dbm_of(stored['DBM'].arrays, float)",
        f"start = {start}",
        f"steps = ChainConfig({STEPS}, {config.seed})",
        "ink = {'RBM': run_chains(rbm_of(stored['RBM'].arrays, float), start, steps).ink,",
        "       'DBN': run_dreams(dbn, start, steps).ink, 'DBM': run_dreams(dbm, start, steps).ink}",
        f"judge = ForwardCNN.of(load({JUDGE!r}))",
        "sure = {called: judge(p.reshape(-1, 28, 28)).max(axis=-1).mean() for called, p in ink.items()}",
        "shown = {f'{called}: classifier\\'s mean p': p for called, p in sure.items()}",
        "nats = {called: -of.arrays['test_log_prob'].astype(float).mean() for called, of in stored.items()}",
        "shown |= {f'{called}: a test digit': value for called, value in nats.items()}",
    )


def told() -> str:
    """Whether depth helps: each deep machine against the RBM that learned for as long."""
    found = figures()
    began = found["where all began"]
    return (
        f"*With 4,000 images*: all three began as one RBM ({began.nats:.1f} nats) and learned on for as many epochs. "
        + " ".join(_against(called, found[called]) for called in ("DBN", "DBM"))
        + " (−log p of a test digit, ± a standard error.)"
    )


def _against(called: str, figure: Figure) -> str:
    size = f"{abs(figure.less):.1f} ± {figure.less_error:.1f} nats"
    if abs(figure.less) <= SURE * figure.less_error:
        return f"The {called} and the RBM differ by {size}: no difference that these errors would show."
    return f"The {called} has {size} {'less' if figure.less > 0 else 'more'} than the RBM."


def beyond() -> str:
    """What the bound hides of each deep machine."""
    dbn, dbm = (figures()[called] for called in ("DBN", "DBM"))
    draws = cache.load("dbn-digits").entry.config["weighed"]
    return (
        f"*≤*: of a deep machine the bound is known; −log p, below it, is estimated, by importance sampling with "
        f"{draws} draws: {dbn.itself:.1f} (DBN) and {dbm.itself:.1f} (DBM). Bars are two standard errors of log Z, "
        "which annealing estimates."
    )


def answer() -> str:
    """What the second layer saved, and how much better images are known that were learned."""
    found, metrics = figures(), cache.load("rbm-further").entry.metrics
    of = {called: found[called].itself for called in MACHINES.values()}
    return (
        f"The RBM that learned on has {of['RBM']:.1f} nats; the deep ones {of['DBN']:.1f} (DBN) and "
        f"{of['DBM']:.1f} (DBM), estimated by importance sampling. The RBM gives a digit that it learned "
        f"{metrics['train_nats']:.1f} nats, "
        f"{of['RBM'] - metrics['train_nats']:.1f} less than a test digit: far more than a second layer changed here."
    )


def sures() -> str:
    """How sure the classifier is of what the three dream in a longer run."""
    found = {called: cache.load(name).entry.metrics["sure"] for name, called in MACHINES.items()}
    config = cache.load("dbn-digits").entry.config
    each = ", ".join(f"{called} {p:.2f}" for called, p in found.items())
    return (
        f"*Do they look like digits?* The classifier's mean p of {config['dreams']} dreams each, after "
        f"{config['dream_steps']} steps from coins: {each}. It was trained on digits alone, and may be sure of "
        "what is none."
    )


def _layers(config: Deeper, went: Run) -> Panel:
    """The top above, the pixels below, each as wide."""
    middle, top = (each[:, [config.deep_chain - 1]] for each in went.layers)
    shown = {"h²": top, "h¹": middle, "x": went.ink[:, [config.deep_chain - 1]]}
    corners = [(0.0, 3.2 - 1.1 * k) for k in range(3)]
    images = tuple(
        picture(framed(ink(values)), corner, 1, name=name)
        for corner, (name, values) in zip(corners, shown.items(), strict=True)
    )
    at = np.array([(-0.1, y - 0.5) for _, y in corners])
    names = Labels(name="", at=at, texts=tuple(shown), align="right", size=1.3)
    called = MACHINES[config.deep_layers]
    return Panel(
        f"{called}, chain {config.deep_chain}", (*images, names), (-0.4, 1.0), (0, 3.2), axes=False, share=0.7
    )


def _nats(found: dict[str, Figure]) -> Panel:
    """A row a machine, with bars of two standard errors of log Z."""
    rows = np.arange(len(found))[::-1].astype(float)
    nats, itself, error = (
        np.array([getattr(each, of) for each in found.values()]) for of in ("nats", "itself", "error")
    )
    ends = np.stack([nats - SURE * error, nats + SURE * error], axis=1)
    wide = np.ptp(ends)
    bars = np.stack([ends, np.repeat(rows[:, None], 2, axis=1)], axis=-1)
    at = np.stack([nats, rows], axis=1)
    exact = np.array([called in ("where all began", "RBM") for called in found])
    words = tuple(("" if is_p else "≤ ") + f"{value:.1f}" for value, is_p in zip(nats, exact, strict=True))
    layers = (
        Polylines(name="", xy=bars, colour="muted", width=4),
        Points(name="−log p", xy=at[exact], colour="truth", radius=7),
        Points(name="bound", xy=at[~exact], colour="model", radius=7),
        Points(name="sampling", xy=np.stack([itself, rows], axis=1)[~exact], colour="class1", radius=4),
        Labels(name="", at=np.stack([ends[:, 1] + 0.05 * wide, rows], axis=1), texts=words, align="left", bold=True),
    )
    return Panel(
        "−log p of a test digit, nats (bars: ± 2 errors of log Z)",
        layers,
        (min(ends.min(), itself.min()) - 0.1 * wide, ends.max() + 2.0 * wide),  # the key lies on the right
        (-0.5, len(found) - 0.5),
        False,
        y_names=tuple(reversed(found)),
        share=1.0,
    )


def _claims(config: Deeper, steps: np.ndarray, sure: dict[str, np.ndarray]) -> list[Claim | str]:
    at = np.array(list(sure.values()))
    most = at.argmax(axis=0)
    fooled = config.deep_start != "digits" and bool((at[:, 0] > CERTAIN).all())
    return [
        Claim(
            "The start, the same pixels for all three: no digits, but the classifier is sure of them (mean p above "
            "0.9).",
            (steps == 0) & fooled,
        ),
        Claim("The start: the same pixels for all three.", steps == 0),
        *(
            Claim(f"Of the {called}'s dreams the classifier is now the surest.", most == k)
            for k, called in enumerate(sure)
        ),
    ]
