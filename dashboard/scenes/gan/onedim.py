"""In one dimension all can be seen: p, q and D as curves, and how G warps the noise (Goodfellow et al. 2014)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dashboard.scene import Curve, Move, Panel, Polylines, Readout, Scene, Turns, chart
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import called, settings, snippet
from dashboard.scenes.gan.live import losses
from dashboard.scenes.gan.setup import rate
from genmodels import metrics

if TYPE_CHECKING:
    from genmodels.gan import GANConfig, GANState

TRUTHS = {"one": "One hump", "two": "Two humps", "narrow": "A broad and a narrow hump"}
HUMPS = {
    "one": ((1.0, 0.6, 0.6),),
    "two": ((0.5, -1.4, 0.45), (0.5, 1.2, 0.45)),
    "narrow": ((0.6, -1.0, 0.8), (0.4, 1.6, 0.18)),
}
ENDS, CELLS, DENSE, THREADS, POINTS, STEPS = (-3.5, 3.5), 140, 40_001, 41, 20_000, 3_000
QUADRATURE = 2_001  # evenly spaced z for an expectation over the noise
FLOOR = -0.9  # where the noise lies, below the axis of x


@dataclass(frozen=True)
class Config:
    """The truth, both learning rates as powers of ten, and the seed."""

    truth: str = choice("Data", "one", TRUTHS)
    g_rate_1: float = rate("G", -3.0)
    d_rate_1: float = rate("D", -3.0)
    d_steps_1: int = slider("D's updates in a step", 1, 1, 10, 1)
    seed: int = 0
    every: int = 10

    def gan(self) -> GANConfig:
        """The GAN: the noise is uniform on −1 … 1; G has two hidden layers of 32, D of 64."""
        from genmodels.gan import GANConfig

        return GANConfig(
            n_noise=1,
            noise="uniform",
            g_hidden=(32, 32),
            d_hidden=(64, 64),
            activation="tanh",
            decay="none",
            g_learning_rate=10.0**self.g_rate_1,
            d_learning_rate=10.0**self.d_rate_1,
            d_steps=self.d_steps_1,
            batch=256,
            n_steps=STEPS,
            seed=self.seed,
            n_samples=512,
            r1=0.0,  # a penalty would keep D from the best D
        )


def density(truth: str, x: np.ndarray) -> np.ndarray:
    """p(x) of a mixture of Gaussians."""
    return sum(w * np.exp(-0.5 * ((x - m) / s) ** 2) / (s * np.sqrt(2 * np.pi)) for w, m, s in HUMPS[truth])  # type: ignore[return-value]


def _sample(truth: str, rng: np.random.Generator) -> np.ndarray:
    weights, means, deviations = np.array(HUMPS[truth]).T
    k = rng.choice(len(weights), size=POINTS, p=weights)
    return rng.normal(means[k], deviations[k])[:, None]


def scenes(config: Config, moves: Iterator[Move]) -> Iterator[Scene | None]:
    """One frame every few steps at full speed, one for each move in slow motion."""
    from genmodels.gan import iterate_gan

    gan = config.gan()
    x = _sample(config.truth, np.random.default_rng([config.seed, 1]))
    turns = Turns(moves)
    for state in iterate_gan(x, gan, moves=turns):  # type: ignore[arg-type]
        last = state.g_updates >= STEPS
        yield scene(state, config) if turns.single or last or state.step % config.every == 0 else None
        if last:
            return


def code(config: Config) -> str:
    """The first steps of this training, and the value of the game after them."""
    return snippet(
        "import numpy as np",
        "from genmodels.gan import GANConfig, iterate_gan",
        f"weights, means, deviations = np.array({HUMPS[config.truth]}).T  # of the data's humps",
        f"rng = np.random.default_rng([{config.seed}, 1])",
        f"k = rng.choice(len(weights), size={POINTS}, p=weights)",
        "points = rng.normal(means[k], deviations[k])[:, None]",
        called("config = GANConfig", **settings(config.gan())),
        f"step = {10 * config.every}",
        "state = next(state for state in iterate_gan(points, config) if state.step == step)",
        f"x = {ENDS[0]} + {(ENDS[1] - ENDS[0]) / CELLS} * (np.arange({CELLS})[:, None] + 0.5)",
        "p = (weights * np.exp(-0.5 * ((x - means) / deviations) ** 2) / deviations).sum(axis=1)  # ∝ p(x)",
        f"fooled = state.discriminate(state.generate(np.linspace(-1, 1, {QUADRATURE})[:, None]))  # D(G(z))",
        "d = state.discriminate(x)  # at the data",
        "shown = {'value of the game V': np.average(np.log(d), weights=p) + np.log(1 - fooled).mean(),",
        "         'D on average at data': np.average(d, weights=p)}",
    )


def generated(state: GANState) -> np.ndarray:
    """q(x) on the cells, by pushing 40,001 evenly spaced z through G and counting."""
    z = np.linspace(-1, 1, DENSE, dtype=np.float32)[:, None]
    edges = np.linspace(*ENDS, CELLS + 1)
    return np.histogram(state.generate(z)[:, 0], edges)[0] / DENSE / (edges[1] - edges[0])


def jensen_shannon(p: np.ndarray, q: np.ndarray, width: float) -> float:
    """Of two densities on cells of this width, nats, 0 … log 2; what lies outside is one cell more."""
    narrowest = min(deviation for humps in HUMPS.values() for _, _, deviation in humps)
    a, b = (metrics.Masses(density * width, np.array([width])) for density in (p, q))
    return metrics.jensen_shannon(a, b, narrowest)


def value_of_the_game(state: GANState, p: np.ndarray, d: np.ndarray) -> float:
    """V(D, G) = E_p log D + E_z log(1 − D(G(z))) of this frame's D and G, nats.

    Args:
        state: D and G.
        p: The data's density on the cells; what lies outside is left out.
        d: D on the cells.
    """
    z = np.linspace(-1, 1, QUADRATURE, dtype=np.float32)[:, None]
    fooled = state.discriminate(state.generate(z)).astype(float)
    least = 1e-12
    at_data = (p * np.log(np.maximum(d, least))).sum() / p.sum()
    return float(at_data + np.log(np.maximum(1 - fooled, least)).mean())


def scene(state: GANState, config: Config) -> Scene:
    """One frame."""
    edges = np.linspace(*ENDS, CELLS + 1)
    x = (edges[:-1] + edges[1:]) / 2
    p, q = density(config.truth, x), generated(state)
    d = state.discriminate(x[:, None])
    js = jensen_shannon(p, q, x[1] - x[0])
    best = p / np.maximum(p + q, 1e-12)
    value = value_of_the_game(state, p, d)
    return Scene(
        panels=(
            chart(
                "Above: p, q and D. Below: where G sends evenly spaced noise",
                _layers(state, x, p, q, d, best),
                ENDS,
                (FLOOR - 0.08, 1.08),
                x_label="x",
                share=2.0,
            ),
            losses(state, STEPS),
            _divergence(state, js),
        ),
        steps=np.array([state.step]),
        time="move",
        readouts=(
            Readout("value of the game V", value, "nats", 3),
            Readout("2 JS − 2 log 2", 2 * js - 2 * np.log(2), "nats", 3),
            Readout("JS(p ‖ q)", js, "nats", 4),
            Readout("D on average at data", (d * p).sum() / p.sum(), digits=3),
        ),
        captions=("For this G no D can bring V above 2 JS(p ‖ q) − 2 log 2; the best D, p ÷ (p + q), reaches it.",),
        caption=0,
        alt="The data's density, the generator's, and the discriminator as curves; below, threads from noise to x.",
        fps=30,
    )


def _layers(state: GANState, x: np.ndarray, p: np.ndarray, q: np.ndarray, d: np.ndarray, best: np.ndarray) -> tuple:
    def curve(y: np.ndarray) -> np.ndarray:
        return np.stack([x, y], -1)[None, None]

    z = np.linspace(-1, 1, THREADS, dtype=np.float32)[:, None]
    threads = np.stack(
        [
            np.concatenate([3 * z, np.full_like(z, FLOOR)], 1),
            np.concatenate([3 * z, np.full_like(z, FLOOR + 0.08)], 1),
            np.concatenate([state.generate(z), np.full_like(z, -0.03)], 1),
        ],
        axis=1,
    )
    return (
        Polylines(name="noise z to G(z)", key="n", xy=threads[None], colour="muted", width=1.2),
        Polylines(name="data p(x)", key="p", xy=curve(p)[0], colour="data", width=3),
        Polylines(name="generated q(x)", key="q", xy=curve(np.minimum(q, 3)), colour="model", width=3),
        Polylines(name="D(x)", key="d", xy=curve(d), colour="class0", width=2.5),
        Polylines(
            name="best D: p ÷ (p + q)", key="b", xy=curve(best), colour="truth", dashed=True, width=2, visible=False
        ),
    )


def _divergence(state: GANState, js: float) -> Panel:
    at = np.array([float(state.g_updates)])
    curve = Curve(name="JS(p ‖ q)", key="j", x=at, y=np.array([js]), colour="model")
    return chart("JS(p ‖ q), nats", (curve,), (0, STEPS), (0, 0.72), x_label="step", share=0.8)
