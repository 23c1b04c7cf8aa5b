"""A denoiser trained live: the score field forms, the samples improve, the loss falls at every t."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.scene import Arrows, Bars, Curve, Points, Readout, Scene, chart, plane
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import called, settings, snippet
from dashboard.scene.units import Pair, in_units
from dashboard.scenes.diffusion.setup import SCHEDULES, Config
from dashboard.scenes.planar import true_spread
from genmodels.diffusion.denoisers import DenoiserConfig
from genmodels.diffusion.sampler import ReverseConfig, convert, sample_reverse
from genmodels.metrics import wasserstein_2

PREDICTIONS = {"v": "v = √ᾱ ε − √(1 − ᾱ) x₀", "eps": "the noise ε", "x0": "the data x₀"}
PARTICLES, STEPS, EVERY, SAMPLED, GRID, COMPARED, DATA = 400, 4_000, 40, 25, 15, 200, 500
LEVEL = 0.7  # ᾱ at which the score is drawn


@dataclass(frozen=True)
class Live(Config):
    """The schedule, what is predicted, the learning rate as a power of ten, and where."""

    live_schedule: str = choice("Schedule", "cosine", SCHEDULES)
    prediction: str = choice("The network predicts", "v", PREDICTIONS)
    log_rate: float = slider("log₁₀ learning rate", -2.4, -5.0, 0.0, 0.1)
    device: str = "auto"

    def training(self) -> DenoiserConfig:
        """The network and its training; one's own points are standardised already."""
        data: dict[str, Any] = {"standardise": False} if self.is_own else {"data": self.source}
        return DenoiserConfig(
            **data,
            schedule=self.live_schedule,
            prediction=self.prediction,
            learning_rate=10.0**self.log_rate,
            n_steps=STEPS,
            every=EVERY,
            seed=self.seed,
            # networks as small as these are fastest on the CPU, also where there is a GPU
            device="cpu" if self.device == "auto" else self.device,
        )


def check(config: Live) -> None:
    """Raises a ValueError that says why this config cannot be trained."""
    config.points(DATA)


@in_units
def scenes(config: Live) -> Iterator[Scene | None]:
    """One frame every 40 steps."""
    from genmodels.diffusion.training import iterate_denoiser

    own, training = config.own() if config.is_own else None, config.training()
    schedule, way = training.make_schedule(), ReverseConfig("ddim", SAMPLED)
    x_T, truth, frame = config.noise(PARTICLES), config.points(DATA, 6), config.frame()
    (x0, x1), (y0, y1) = frame
    at = cell_centres((x0, x1, y0, y1), GRID)
    length = 0.9 * min(x1 - x0, y1 - y0) / GRID
    for state in iterate_denoiser(own, training):
        denoiser = state.denoiser()
        x = sample_reverse(denoiser, x_T, schedule, way)
        eps = convert(denoiser(at, LEVEL), denoiser.prediction, "eps", at, LEVEL)
        delta = -eps * length / np.maximum(1.0, np.linalg.norm(eps, axis=-1, keepdims=True))
        n = min(COMPARED, len(truth))
        far = np.abs(x).max() > 1e6 or not np.isfinite(x).all()
        w2 = np.nan if far else wasserstein_2(x[:n], truth[:n])
        numbers: tuple[Readout, ...] = (
            Readout("W₂ to the data", w2, f"{config.units.length()} (n = {n})".strip(), 3),
            Readout("Adam's learning rate", training.rate(state.step), digits=2, significant=True),
        )
        if own is None:
            numbers += (Readout(f"W₂ of true samples (n = {COMPARED})", true_spread(config.source).mean, digits=3),)
        yield _scene(state, x, truth, at, delta, numbers, frame)


def code(config: Live) -> str:
    """The first steps of this training, and samples of the denoiser after them."""
    points = "None"
    data, truth = config.data_code(), config.points_code(DATA, 6)
    if config.is_own:
        points, data = "x", config.own_code()
        truth = f"x[np.random.default_rng([{config.seed}, 6]).permutation(len(x))[:{DATA}]]"
    n = min(COMPARED, len(config.points(DATA, 6)))
    return snippet(
        "from genmodels.diffusion.denoisers import DenoiserConfig",
        "from genmodels.diffusion.sampler import ReverseConfig, sample_reverse",
        "from genmodels.diffusion.training import iterate_denoiser",
        "from genmodels.metrics import wasserstein_2",
        data,
        called("config = DenoiserConfig", **settings(config.training())),
        f"step = {2 * EVERY}",
        f"state = next(state for state in iterate_denoiser({points}, config) if state.step == step)",
        f"x_T = {config.noise_code(PARTICLES)}",
        f"way = ReverseConfig('ddim', {SAMPLED})",
        "samples = sample_reverse(state.denoiser(), x_T, config.make_schedule(), way)",
        f"truth = {truth}",
        "shown = {",
        "    'loss': state.loss,",
        f"    'W₂ to the data': wasserstein_2(samples[:{n}], truth[:{n}]),",
        '    "Adam\'s learning rate": config.rate(step),',
        "    'samples': samples,",
        "}",
    )


def _scene(
    state,
    x: np.ndarray,
    truth: np.ndarray,
    at: np.ndarray,
    delta: np.ndarray,
    numbers: tuple[Readout, ...],
    frame: tuple[Pair, Pair],
) -> Scene:
    now = np.array([float(state.loss)])
    by_t = np.asarray(state.loss_by_time, dtype=float)
    middles = (np.arange(len(by_t)) + 0.5) * 1_000 / len(by_t)
    return Scene(
        panels=(
            plane(
                "Samples so far, by 25 steps of DDIM",
                (
                    Points(name="data", key="d", xy=truth, radius=2, colour="muted", alpha=0.5),
                    Points(name="samples", key="s", xy=x[None].astype(np.float32), radius=2.5, colour="model"),
                ),
                *frame,
                share=1.5,
            ),
            plane(
                f"Learned score at ᾱ = {LEVEL}",
                (
                    Points(name="data", key="d", xy=truth, radius=2, colour="muted", alpha=0.5),
                    Arrows(name="score", key="a", start=at, delta=delta[None].astype(np.float32), colour="model"),
                ),
                *frame,
                share=1.5,
            ),
            chart(
                "Loss by t",
                (Bars(name="loss", key="b", height=np.nan_to_num(by_t)[None], x=middles, width=40, colour="model"),),
                (0, 1_000),
                (0, 1.1),
                x_label="t",
                share=0.7,
            ),
            chart(
                "Loss, and W₂",
                (
                    Curve(name="loss", key="l", y=now, colour="data"),
                    Curve(name="W₂", key="w", y=np.asarray(numbers[0].values), colour="model"),
                ),
                (0, STEPS),
                (0, 2.5),
                x_label="step",
                share=0.7,
            ),
        ),
        steps=np.array([state.step]),
        time="step",
        readouts=(Readout("loss", now, digits=4), *numbers),
        alt="Samples of a denoiser, its score field and its loss at every t while it is trained.",
        fps=20,
    )


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    from genmodels.diffusion.training import iterate_denoiser

    return iterate_denoiser, convert
