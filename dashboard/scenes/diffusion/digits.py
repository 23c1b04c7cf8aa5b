"""Digits from noise: the film strip, a test digit's way forward, and guidance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Panel, Polylines, Readout, Scene, chart
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.diffusion.setup import learned, network_code
from dashboard.scenes.pictures import DIGITS, THE_DIGITS, grey, ink, rows, sheet
from genmodels.diffusion.denoisers import ForwardDenoiser
from genmodels.diffusion.sampler import ReverseConfig, convert, iterate_reverse, q_sample
from genmodels.store import cache

NAME = "diffusion-digits"
WHAT = {"back": "From static to digit", "forward": "A test digit's way forward", "guidance": "Guidance, w = 0 … 8"}
STEPS = 50
STATIC = 0.02  # ᾱ below which x_t is static
NEAR, LITTLE = 0.1, 0.5  # of the way from the digit to the class's mean; of the error of x_t


@dataclass(frozen=True)
class Config:
    """What is shown, the class asked for (−1: all), the strength of guidance, and the seed."""

    digits: str = choice("Show", "back", WHAT)
    digit: int = choice("Class", -1, {-1: "one of each"} | THE_DIGITS)
    w: float = slider("Guidance w", 2.0, 0.0, 8.0, 0.5)
    seed: int = 0


def scene(config: Config) -> Scene:
    """Time, or the strength of guidance."""
    return {"back": _back, "forward": _forward, "guidance": _guidance}[config.digits](config)


def _pictures(network: ForwardDenoiser, x: np.ndarray) -> np.ndarray:
    return ink(network.to_data(x))


def _back(config: Config) -> Scene:
    network, schedule = learned("digits")
    y = np.arange(10) if config.digit < 0 else np.full(10, config.digit)
    x_T = np.random.default_rng([config.seed, 21]).standard_normal((10, 196))
    way = ReverseConfig("ddim", STEPS, guidance=config.w)
    states = list(iterate_reverse(network, x_T, schedule, way, y=y))
    x = np.stack([_pictures(network, s.x_t) for s in states])
    answers = np.stack([_pictures(network, s.x0_hat) for s in states])
    t, levels = (np.array([getattr(s, name) for s in states], dtype=float) for name in ("t", "alpha_bar"))
    kept = np.linspace(0, STEPS, 8).round().astype(int)
    shown = np.arange(STEPS + 1)[:, None] >= kept
    strip = np.where(shown[:, :, None, None], x[kept, 0], 0).astype(np.uint8)
    guesses = np.where(shown[:, :, None, None], answers[kept, 0], 0).astype(np.uint8)
    return Scene(
        panels=(
            rows("Ten samples", {"xₜ": x, "x̂₀": answers}, margin=0.5),
            rows("The first one's film", {"xₜ": strip, "x̂₀": guesses}, margin=0.5),
        ),
        steps=np.arange(STEPS + 1),
        time="step",
        readouts=(
            Readout("t", t, digits=0),
            Readout("ᾱₜ", levels, digits=4),
            Readout("guidance w", np.full(len(t), config.w), digits=1),
        ),
        **said(
            len(t),
            Claim(f"Static. x̂₀ begins near {_start(config.w)}.", levels < STATIC),
            Claim(
                "x̂₀ is nearer to its end in broad strokes than in fine ones: the coarse is settled first.",
                _left(answers, broad=True) < _left(answers, broad=False),
            ),
            "Above the noisy digits; below x̂₀, the network's present answer.",
        ),
        alt="Noise becomes digits, with the network's present answer below each.",
        fps=8,
    )


def _start(w: float) -> str:
    """What x̂_0 = x̂_0(x_T) + w (x̂_0(x_T, y) − x̂_0(x_T)) is where x_T tells nothing."""
    if w == 0:
        return "the mean of all digits: no class is asked for"
    return "the mean of its class" if w == 1 else f"{w:g} × the mean of its class {_less(w)} × the mean of all digits"


def _less(w: float) -> str:
    return f"− {w - 1:g}" if w > 1 else f"+ {1 - w:g}"


def _left(answers: np.ndarray, broad: bool) -> np.ndarray:
    """What is left of the squared way from the first x̂_0 to the last, ``(F,)``: in blocks of 2 × 2, or the rest."""
    x = answers.reshape(*answers.shape[:2], 14, 14).astype(float)
    smooth = x.reshape(*x.shape[:2], 7, 2, 7, 2).mean(axis=(3, 5)).repeat(2, axis=2).repeat(2, axis=3)
    part = smooth if broad else x - smooth
    off = np.square(part - part[-1]).sum(axis=(1, 2, 3))
    return off / off[0]


def _forward(config: Config) -> Scene:
    network, schedule = learned("digits")
    images, labels = grey()
    digit = max(config.digit, 0) if config.digit >= 0 else 3
    index = np.flatnonzero(labels == digit)[config.seed % 50]
    halved = images[index].reshape(14, 2, 14, 2).mean(axis=(1, 3)) / 255
    x_0 = network.from_data(halved.reshape(1, -1))
    eps = np.random.default_rng([config.seed, 22]).standard_normal((1, 196))
    times = np.linspace(0, schedule.n_steps, STEPS + 1).round().astype(int)
    x = np.stack([q_sample(x_0, int(t), schedule, eps) for t in times])
    y = np.array([digit])
    levels = schedule.alpha_bar[times].tolist()
    answers = [x_0, *(_answer(network, x_t, level, y) for x_t, level in zip(x[1:], levels[1:], strict=True))]
    to_mean = np.array([np.linalg.norm(a - answers[-1]) for a in answers])
    error = np.array([float(np.square(a - x_0).mean()) for a in answers])
    return Scene(
        panels=(
            sheet("xₜ: noise is added", np.stack([_pictures(network, v) for v in x]), 1),
            sheet("x̂₀: the network's answer", np.stack([_pictures(network, v) for v in answers]), 1),
            chart(
                "Error of x̂₀",
                (Curve(name="error", key="e", x=times.astype(float), y=error, colour="model"),),
                (0, float(schedule.n_steps)),
                (0, 1.1 * float(error.max())),
                x_label="t",
                y_label="mean squared error",
                share=0.8,
            ),
        ),
        steps=times,
        time="t",
        readouts=(
            Readout("ᾱₜ", schedule.alpha_bar[times], digits=4),
            Readout("error of x̂₀", error, digits=4),
        ),
        **said(
            len(times),
            Claim("t = 0: the digit itself; the network is not asked.", times == 0),
            Claim(
                "Nearly all is noise: told the class, the network answers with nearly the mean digit of the class.",
                to_mean < NEAR * np.linalg.norm(answers[-1] - x_0),
            ),
            Claim(
                "x̂₀ is nearer to the digit than xₜ is: told the class, the network removes most of the noise.",
                error < LITTLE * np.square(x - x_0).mean(axis=(1, 2)),
            ),
            "The network is told the class, and answers with x̂₀, its estimate of E[x₀ | xₜ, y].",
        ),
        alt="A test digit drowns in noise, beside it what the network makes of it.",
        fps=8,
    )


def code(config: Config) -> str:
    """The network's call behind what is shown."""
    told = {"back": _back_code, "forward": _forward_code, "guidance": _guidance_code}[config.digits](config)
    return snippet("import numpy as np", network_code("digits"), *told)


def _back_code(config: Config) -> tuple[str, ...]:
    y = "np.arange(10)" if config.digit < 0 else f"np.full(10, {config.digit})"
    return (
        "from genmodels.diffusion.sampler import ReverseConfig, iterate_reverse",
        f"x_T = np.random.default_rng([{config.seed}, 21]).standard_normal((10, 196))",
        f"y = {y}  # the classes asked for",
        f"way = ReverseConfig('ddim', {STEPS}, guidance={config.w})",
        "states = list(iterate_reverse(network, x_T, schedule, way, y=y))",
        "pictures = [network.to_data(state.x_t).clip(0, 1).reshape(-1, 14, 14) for state in states]",
        "shown = {",
        "    't': np.array([state.t for state in states]),",
        "    'ᾱₜ': np.array([state.alpha_bar for state in states]),",
        "    'Ten samples': np.round(255 * pictures[-1]),  # 0 paper, 255 ink",
        "}",
    )


def _forward_code(config: Config) -> tuple[str, ...]:
    digit = config.digit if config.digit >= 0 else 3
    return (
        "from genmodels.data.digits import load_mnist",
        "from genmodels.diffusion.sampler import convert, q_sample",
        "images, labels = load_mnist().test",
        f"image = images[labels == {digit}][{config.seed % 50}]",
        "small = image.reshape(14, 2, 14, 2).mean(axis=(1, 3)) / 255",
        "x_0 = network.from_data(small.reshape(1, 196))",
        f"eps = np.random.default_rng([{config.seed}, 22]).standard_normal((1, 196))",
        "step = 500  # t",
        "x_t, level = q_sample(x_0, step, schedule, eps), float(schedule.alpha_bar[step])",
        f"said = network(x_t, level, np.array([{digit}]))  # told the class",
        "answer = convert(said, network.prediction, 'x0', x_t, level)",
        "picture = 255 * network.to_data(answer).clip(0, 1).reshape(1, 14, 14)",
        "shown = {",
        "    'ᾱₜ': level, 'error of x̂₀': np.mean((answer - x_0) ** 2),",
        '    "x̂₀: the network\'s answer": picture.round(),',
        "}",
    )


def _guidance_code(config: Config) -> tuple[str, ...]:
    return (
        "from genmodels.cnn import predict_proba",
        "from genmodels.diffusion.sampler import ReverseConfig, sample_reverse",
        "from genmodels.recipes.cnn import HALVED, model_of",
        "x_T, y = np.random.default_rng(13).standard_normal((500, 196)), np.repeat(np.arange(10), 50)",
        "step = 4  # where w = 2",
        f"way = ReverseConfig('ddim', {STEPS}, guidance=2.0)",
        "x = network.to_data(sample_reverse(network, x_T, schedule, way, y=y)).clip(0, 1)",
        "cnn = model_of(load('cnn-14').arrays, HALVED)",
        "says = predict_proba(cnn, x.reshape(-1, 14, 14).astype(np.float32)).argmax(axis=1)",
        "by_class = x.reshape(10, 50, 196)",
        "squared = ((by_class - by_class.mean(axis=1, keepdims=True)) ** 2).sum(axis=2)",
        "shown = {",
        "    'w': way.guidance,",
        "    'class asked for, says a CNN of the same digits': 100 * (says == y).mean(),",
        "    'spread in a class': np.sqrt(squared.mean()),",
        "}",
    )


def _answer(network: ForwardDenoiser, x: np.ndarray, level: float, y: np.ndarray) -> np.ndarray:
    """The network's x̂₀, asked for the class."""
    return convert(network(x, level, y), network.prediction, "x0", x, level)


def _guidance(config: Config) -> Scene:
    arrays = cache.arrays(NAME)
    w = arrays["guidance"].astype(float)
    accuracy, spread, nearest = (arrays[k].astype(float) for k in ("accuracy", "spread", "nearest"))
    tests = {k: float(arrays[f"{k}_test"][0]) for k in ("spread", "nearest")}
    ends = (0.0, float(w[-1]))

    def against(title: str, y: np.ndarray, real: float | None, top: float) -> Panel:
        layers: list = [Curve(name=title, key=title[0].lower(), x=w, y=y, colour="model")]
        if real is not None:
            line = np.array([[[0, real], [ends[1], real]]])
            layers.append(Polylines(name="test digits", key="t", xy=line, colour="truth", dashed=True))
        return chart(title, tuple(layers), ends, (0, top), x_label="w", share=0.6)

    return Scene(
        panels=(
            rows(
                "Eight of each class, the same noise at every w",
                {d: arrays["guided"][:, k] for k, d in enumerate(DIGITS)},
                share=1.0,
                margin=0.6,
            ),
            against("Accuracy, %", 100 * accuracy, None, 104),
            against("Spread in a class", spread, tests["spread"], 1.15 * max(float(spread.max()), tests["spread"])),
            against(
                "Nearest training digit",
                nearest,
                tests["nearest"],
                1.15 * max(float(nearest.max()), tests["nearest"]),
            ),
        ),
        steps=np.arange(len(w)),
        time="frame",
        readouts=(
            Readout("w", w, digits=1),
            Readout("class asked for, says a CNN of the same digits", 100 * accuracy, "%", 1),
            Readout("spread in a class", spread, f"(test digits {tests['spread']:.2f})", 2),
            Readout("to the nearest training digit", nearest, f"(test digits {tests['nearest']:.2f})", 2),
        ),
        **said(len(w), *_guided(w, accuracy, spread, nearest > tests["nearest"])),
        alt="Generated digits of each class while guidance grows, their accuracy, spread and distance to data.",
        fps=1.5,
    )


def measured() -> str:
    """What guidance does to accuracy and spread, over the strengths that were measured."""
    arrays = cache.arrays(NAME)
    w, accuracy, spread = (arrays[k].astype(float) for k in ("guidance", "accuracy", "spread"))
    tests = float(arrays["spread_test"][0])
    best, least = int(accuracy.argmax()), int(spread.argmin())
    highest = f"{100 * accuracy[best]:.1f} %; at w = {w[-1]:g} it is {100 * accuracy[-1]:.1f} %"
    narrowest = f"{spread[least]:.2f}; of test digits {tests:.2f}"
    return (
        f"Accuracy, as a CNN of the same digits has it, is highest at w = {w[best]:g} ({highest}); the spread in a "
        f"class is least at w = {w[least]:g} ({narrowest})."
    )


def _guided(w: np.ndarray, accuracy: np.ndarray, spread: np.ndarray, far: np.ndarray) -> list[Claim | str]:
    """What guidance has done at each w, beside w = 1 and the w with the highest accuracy."""
    plain, best = int(np.flatnonzero(w == 1)[0]), int(accuracy.argmax())
    surer, past = (w > 1) & (accuracy > accuracy[plain]), (w > w[best]) & (accuracy < accuracy[best])
    top = f"its highest ({100 * accuracy[best]:.1f} %, w = {w[best]:g})"
    wider, narrower = spread > spread[plain], spread < spread[plain]
    return [
        Claim("w = 0: no class is asked for.", w == 0),
        Claim("Between 0 and 1: between asking for no class (w = 0) and plain conditional sampling (w = 1).", w < 1),
        Claim("w = 1: plain conditional sampling.", w == 1),
        Claim(
            f"Overdone: accuracy is below {top}; training digits are farther off than from test digits.", past & far
        ),
        Claim(f"Past its best: accuracy is below {top}.", past),
        Claim("More are of the class asked for than at w = 1, and a class has less spread.", surer & narrower),
        Claim("More are of the class asked for than at w = 1; the spread in a class grows again.", surer & wider),
        "Guidance: the step from no class to the class, taken w times.",
    ]
