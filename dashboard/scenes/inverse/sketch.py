"""From a sketch: noised to t and led back, it becomes a digit; how much of it is left depends on t (SDEdit)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import Brush, Panel, Points, Polylines, Readout, Scene, chart, drag
from dashboard.scene.claims import Claim, first_true, said
from dashboard.scene.fields import choice, painted, slider
from dashboard.scene.painted import decode_points, encode_points
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import BOARD, PEN, SIDE, drawn, ink, joined, picture, strokes
from genmodels.data.digits import load_mnist
from genmodels.diffusion.denoisers import ForwardDenoiser
from genmodels.diffusion.sampler import ReverseConfig, iterate_reverse, q_sample, sample_reverse
from genmodels.diffusion.schedules import Schedule
from genmodels.metrics import nearest_distances
from genmodels.nn.convolutional import ForwardCNN
from genmodels.recipes.cnn import halved
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NEEDS = ("diffusion-digits", "cnn-14")
EXAMPLE = strokes((20, 23), (9, 23), (9, 14), (19, 14), (19, 5), (8, 5))
"""A five of straight lines, as on a clock."""
SMALL = SIDE // 2  # pixels along a side, of what the network knows
PIXELS = SMALL**2
ANSWERS, COLUMNS = 9, 3
UP, BACK = 5, 15  # frames of the way up, steps of the way back
GUIDANCE = 2.0  # where a class is asked for
NOISE_SALT, STEP_SALT = 53, 54
SHARES = np.array([0.2, 0.4, 0.6, 0.8, 0.9, 1.0])  # t / T of the chart: few, so that it follows the pen
TOP = 0.45  # of the chart; more is drawn there
CLASSES = {-1: "any digit"} | {digit: f"a {digit}" for digit in range(10)}


@dataclass(frozen=True)
class Sketched:
    """What was drawn, as in the link; up to which t it is noised; the class asked for on the way back (−1: none)."""

    sketch: str = painted(BOARD, default=EXAMPLE)
    share: float = slider("Noise it to t, share of T", 0.6, 0.05, 1.0, 0.05)
    asked: int = choice("Ask for", -1, CLASSES)
    seed: int = 0

    def points(self) -> np.ndarray:
        """Where the pen was, ``(N, 2)``."""
        return decode_points(self.sketch, BOARD, BOARD)[0]

    def pixels(self) -> np.ndarray:
        """The sketch as the network is given it, ``(196,)``: means of 2 × 2 pixels, 256 levels of grey, 0 … 1."""
        return _pixels(self.sketch)


@lru_cache(maxsize=8)
def _pixels(sketch: str) -> np.ndarray:
    grey = drawn(joined(Sketched(sketch).points())).reshape(SMALL, 2, SMALL, 2).mean(axis=(1, 3))
    return np.round(255 * grey).ravel() / 255


class Digits(NamedTuple):
    """The stored denoiser of digits, its schedule, and the digits that it learned from, ``(4000, 196)``, 0 … 1."""

    network: ForwardDenoiser
    schedule: Schedule
    train: np.ndarray


class Way(NamedTuple):
    """Up to t and back, in F frames.

    Attributes:
        x: Pictures of x_t, ``(F, 9, 196)``; the last are the answers.
        t: Time, ``(F,)``.
        weight: √ᾱ_t, ``(F,)``.
    """

    x: np.ndarray
    t: np.ndarray
    weight: np.ndarray


class Judged(NamedTuple):
    """Of nine answers, medians of root mean squares over the pixels: to the sketch, to the nearest training digit."""

    kept: float
    nearest: float


def scene(config: Sketched) -> Scene:
    """The sketch is noised, and the way back is taken."""
    brush = Brush(0, tuple((x, y, 0) for x, y in config.points().tolist()), radius=PEN)
    if not len(config.points()):
        return _empty(brush)
    sketch, way = config.pixels(), _way(config)
    answers = way.x[-1]
    now, real = _judged(answers, sketch), _real()
    says = cache.made(ForwardCNN.of, "cnn-14")(np.stack([*answers, sketch]).reshape(-1, SMALL, SMALL)).argmax(axis=1)
    same = int((says[:-1] == says[-1]).sum())
    frames = np.arange(UP + BACK + 1)
    one = np.ones(len(frames))
    return Scene(
        panels=(
            Panel("Draw here", (picture(ink(sketch[None]), (0, SIDE), SIDE),), BOARD, BOARD, axes=False),
            Panel(
                "xₜ: up to t, and back",
                (picture(ink(way.x), (0, COLUMNS), 1, COLUMNS),),
                (0, COLUMNS),
                (0, COLUMNS),
                axes=False,
            ),
            _chart(config, sketch, now, real),
        ),
        steps=frames,
        time="frame",
        readouts=(
            Readout("t", way.t, digits=0),
            Readout("weight of x₀, √ᾱₜ", way.weight, digits=3),
            Readout("answers: to the sketch", now.kept * one, digits=3),
            Readout("answers: to the nearest training digit", now.nearest * one, digits=3),
            Readout("test digits: to theirs", real * one, digits=3),
            Readout("CNN: same digit as the sketch", 100 * same / ANSWERS * one, "%", 0),
        ),
        **said(len(frames), *_sentences(now, real, same, int(says[-1]))),
        alt="A sketch, nine pictures that go from it to noise and back, and how near they come to the sketch and to "
        "data, over t.",
        fps=6,
        start=int(frames[-1]),
        brush=brush,
    )


def after_drag(config: Sketched, values: Mapping[str, Any]) -> Sketched:
    """The config after a stroke."""
    return replace(config, sketch=encode_points(*drag.painted(values), BOARD, BOARD))


def code(config: Sketched) -> str:
    """The nine answers, and how near they are to the sketch and to data; empty while there is no sketch."""
    if not len(config.points()):
        return ""
    grey = np.round(255 * config.pixels()).astype(np.uint8).tobytes().hex()
    asked = "None" if config.asked < 0 else f"np.full({ANSWERS}, {config.asked})"
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.diffusion.denoisers import ForwardDenoiser",
        "from genmodels.diffusion.sampler import ReverseConfig, q_sample, sample_reverse",
        "from genmodels.metrics import nearest_distances",
        "from genmodels.store.checkpoint import load",
        "network = ForwardDenoiser.of(load('diffusion-digits'))",
        "schedule = network.config.make_schedule()",
        f"sketch = np.frombuffer(bytes.fromhex('{grey}'), np.uint8) / 255  # 14 × 14, 1 is ink",
        f"t, y = {_time(config.share)}, {asked}",
        f"eps = np.random.default_rng([{config.seed}, {NOISE_SALT}]).standard_normal(({ANSWERS}, {PIXELS}))",
        "x_t = q_sample(network.from_data(sketch[None]), t, schedule, eps)",
        f"way = ReverseConfig('ddpm', {BACK}, guidance={GUIDANCE})",
        f"rng = np.random.default_rng([{config.seed}, {STEP_SALT}])",
        "x = network.to_data(sample_reverse(network, x_t, schedule.until(t), way, rng, y)).clip(0, 1)",
        f"train = load_mnist().train.images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, {PIXELS}) / 255",
        "shown = {",
        "    'answers: to the sketch': np.median(np.sqrt(((x - sketch) ** 2).mean(axis=1))),",
        f"    'answers: to the nearest training digit': np.median(nearest_distances(x, train)) / {SMALL},",
        "}",
    )


def bargain(config: Sketched) -> str:
    """What the chart says from its left end to its right one, for the page."""
    (_, before), (kept, after) = _over_t(replace(config, share=1.0))[[0, -1]]
    figures = (
        f"from t = 0 to T the distance to data goes from {before:.3f} to {after:.3f}, and that to the sketch from 0 "
        f"to {kept:.3f}."
    )
    return first_true(
        Claim(f"*Nearness to data is bought with distance from the sketch*: {figures}", after < before),
        f"*This sketch is as near to data as what comes back from noise*: {figures}",
    )


# --- What is computed ---------------------------------------------------------------------------------------


def digits() -> Digits:
    """The stored network's."""
    return cache.made(_digits, "diffusion-digits")


def _digits(checkpoint: Checkpoint) -> Digits:
    network = ForwardDenoiser.of(checkpoint)
    train = halved(load_mnist().train.images).reshape(-1, PIXELS).astype(np.float64)
    return Digits(network, network.config.make_schedule(), train)


def _real() -> float:
    """Root mean square from a test digit to the nearest training digit, the median."""
    return float(cache.arrays("diffusion-digits")["nearest_test"][0]) / SMALL


def _time(share: float) -> int:
    return round(share * 1_000)


def _noised(config: Sketched, t: int | np.ndarray) -> np.ndarray:
    """x_t of nine copies ``(9, 196)``, each with a noise of its own."""
    eps = np.random.default_rng([config.seed, NOISE_SALT]).standard_normal((ANSWERS, PIXELS))
    network, schedule, _ = digits()
    return q_sample(np.tile(network.from_data(config.pixels()), (ANSWERS, 1)), t, schedule, eps)


def _back(config: Sketched, share: float) -> tuple[Any, ...]:
    """What the reverse way from t takes, in the order of :func:`sample_reverse`."""
    network, schedule, _ = digits()
    t, rng = _time(share), np.random.default_rng([config.seed, STEP_SALT])
    y = None if config.asked < 0 else np.full(ANSWERS, config.asked)
    return network, _noised(config, t), schedule.until(t), ReverseConfig("ddpm", BACK, guidance=GUIDANCE), rng, y


@lru_cache(maxsize=8)
def _way(config: Sketched) -> Way:
    network, schedule, _ = digits()
    up = np.linspace(0, _time(config.share), UP + 1)[:-1].round().astype(int)
    states = list(iterate_reverse(*_back(config, config.share)))
    t = np.concatenate([up, [state.t for state in states]])
    x = np.stack([*(_noised(config, int(s)) for s in up), *(state.x_t for state in states)])
    return Way(np.clip(network.to_data(x), 0, 1), t, schedule.signal[t])


def _judged(answers: np.ndarray, sketch: np.ndarray) -> Judged:
    kept = np.sqrt(np.square(answers - sketch).mean(axis=1))
    return Judged(float(np.median(kept)), float(np.median(nearest_distances(answers, digits().train))) / SMALL)


@lru_cache(maxsize=8)
def _over_t(config: Sketched) -> np.ndarray:
    """:class:`Judged` at t / T = 0 and at SHARES, ``(7, 2)``; whatever the config's own share."""
    sketch, network = config.pixels(), digits().network
    at = [sketch[None]]
    at += [network.to_data(sample_reverse(*_back(config, share))).clip(0, 1) for share in SHARES.tolist()]
    return np.array([_judged(answers, sketch) for answers in at])


# --- What is shown ------------------------------------------------------------------------------------------


def _chart(config: Sketched, sketch: np.ndarray, now: Judged, real: float) -> Panel:
    curves = np.minimum(_over_t(replace(config, share=1.0)), TOP)
    at = np.concatenate([[0.0], SHARES])
    ends = (0.0, 1.0)

    def line(name: str, key: str, colour: str, y: np.ndarray) -> Polylines:
        return Polylines(name=name, key=key, xy=np.stack([at, y], axis=1)[None], colour=colour, width=3)

    layers = (
        line("to the sketch", "s", "class0", curves[:, 0]),
        line("to data", "n", "model", curves[:, 1]),
        Polylines(
            name="data to data",
            key="r",
            xy=np.array([[[end, real] for end in ends]]),
            colour="truth",
            width=2,
            dashed=True,
        ),
        Polylines(
            name="", xy=np.array([[[config.share, 0], [config.share, TOP]]]), colour="ink", width=2, dashed=True
        ),
        *(
            Points(name="", xy=np.array([[config.share, min(y, TOP)]]), radius=6, colour=colour)
            for y, colour in zip(now, ("class0", "model"), strict=True)
        ),
    )
    return chart("How far are the answers? RMS", layers, ends, (0.0, TOP), x_label="t / T", share=0.8)


def _sentences(now: Judged, real: float, same: int, digit: int) -> list[Claim | str]:
    frames = np.arange(UP + BACK + 1)
    end = frames == frames[-1]
    taken = f"The CNN takes {same} of {ANSWERS} for a {digit}, as it does the sketch."
    return [
        Claim(f"No farther from data than test digits are. {taken}", end & (now.nearest <= real)),
        Claim(f"Farther from data than test digits are. {taken}", end),
        Claim("The sketch, nine times.", frames == 0),
        Claim("Up: noise is added, another one to each of the nine.", frames <= UP),
        "Back: each step goes towards what the network takes for digits.",
    ]


def _empty(brush: Brush) -> Scene:
    return Scene(
        panels=(
            Panel(
                "Draw here",
                (picture(np.zeros((1, SMALL, SMALL), np.uint8), (0, SIDE), SIDE),),
                BOARD,
                BOARD,
                axes=False,
            ),
        ),
        alt="An empty board to draw a sketch on.",
        steps=np.array([0]),
        captions=("Draw a sketch with the mouse or a finger: a digit, or anything else.",),
        caption=0,
        brush=brush,
    )
