"""Backward: noise becomes data, by three samplers from the same x_T."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dashboard.scene import Curve, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.fields import choice, slider
from dashboard.scenes.diffusion.setup import PLANE, STORED, Config, chain, learned
from genmodels.diffusion.sampler import Denoiser, ReverseConfig, ReverseState, iterate_reverse, sample_reverse
from genmodels.diffusion.schedules import Schedule
from genmodels.metrics import Spread, between_true, energy_distance, wasserstein_2

SAMPLERS = {"ddim": "DDIM, from η = 0 (no noise) to 1", "ode": "The ODE, by Runge–Kutta 4"}
WHO = {"learned": "The stored network", "exact": "The best possible one"}
COUNTS = {n: f"{n:,} step{'s' * (n > 1)}" for n in (1, 2, 3, 4, 5, 10, 20, 50, 200, 1_000)}
PARTICLES, FRAMES, COMPARED, DATA = 400, 60, 200, 400


@dataclass(frozen=True)
class Back(Config):
    """How one goes back on the left (DDPM) and on the right."""

    source: str = choice("Data", "moons", STORED)
    sampler: str = choice("On the right", "ddim", SAMPLERS)
    eta: float = slider("η", 0.0, 0.0, 1.0, 0.05)
    back: int = choice("Both in", 50, COUNTS)
    who: str = choice("Denoiser", "learned", WHO)


def scene(config: Back) -> Scene:
    """Both from the same noise, in as many steps."""
    denoiser, schedule = _undoing(config)
    x_T, truth = config.noise(PARTICLES), config.points(DATA, 6)
    runs, seconds = [], []
    for way in (ReverseConfig(n_steps=config.back), right(config)):
        began = time.perf_counter()
        rng = np.random.default_rng([config.seed, 7])
        runs.append(_thinned(iterate_reverse(denoiser, x_T, schedule, way, rng), config.back))
        seconds.append(time.perf_counter() - began)
    left, other = runs
    t = np.array([s.t for s in left], dtype=float)
    apart = [np.array([energy_distance(s.x_t[:COMPARED], truth[:COMPARED]) for s in run]) for run in runs]
    w2 = [wasserstein_2(run[-1].x_t[:COMPARED], truth[:COMPARED]) for run in runs]
    spread = true_spread(config.source)
    name = "DDIM" if config.sampler == "ddim" else "ODE"
    one = np.ones(len(left))
    return Scene(
        panels=(
            _cloud("DDPM: noise is added on the way", left, truth),
            _cloud(
                f"{name}: " + (f"η = {config.eta:g}" if config.sampler == "ddim" else "no noise at all"), other, truth
            ),
            plane(
                f"x̂₀ in {name}: what it takes for data",
                (
                    Points(
                        name="x̂₀",
                        key="h",
                        xy=np.stack([s.x0_hat for s in other]).astype(np.float32),
                        radius=2.5,
                        colour="truth",
                    ),
                ),
                PLANE,
                PLANE,
            ),
            chart(
                "Distance to the data",
                (
                    Curve(name="DDPM", key="a", x=t, y=apart[0], colour="data"),
                    Curve(name=name, key="b", x=t, y=apart[1], colour="model"),
                ),
                (0, 1_000),
                (0, 1.1 * float(max(a.max() for a in apart))),
                x_label="t",
                y_label="energy distance",
                share=0.7,
            ),
            chain(t, back=True),
        ),
        steps=np.array([s.step for s in left]),
        time="step",
        readouts=(
            Readout("t", t, digits=0),
            Readout("DDPM: W₂ at the end", w2[0] * one, digits=3),
            Readout(f"{name}: W₂ at the end", w2[1] * one, digits=3),
            Readout("true samples", spread.mean * one, f"± {spread.deviation:.2f}", 3),
            Readout("DDPM took", 1000 * seconds[0] * one, "ms", 0),
            Readout(f"{name} took", 1000 * seconds[1] * one, "ms", 0),
        ),
        alt="Noise becomes data by two samplers from the same start; x̂₀ sharpens on the way.",
        fps=10,
    )


def _undoing(config: Back) -> tuple[Denoiser, Schedule]:
    """Who denoises, and the schedule that is gone back along."""
    network, schedule = learned(config.source)
    return (network if config.who == "learned" else config.exact()), schedule


def right(config: Back) -> ReverseConfig:
    """The sampler on the right."""
    return ReverseConfig(config.sampler, config.back, eta=config.eta if config.sampler == "ddim" else 0.0)


def fewest(config: Back) -> float:
    """The challenge: how often the network on the right was asked; 10,000 if W₂ is farther off than true samples'."""
    (denoiser, schedule), truth = _undoing(config), config.points(DATA, 6)
    rng = np.random.default_rng([config.seed, 7])
    x = sample_reverse(denoiser, config.noise(PARTICLES), schedule, right(config), rng)
    spread = true_spread(config.source)
    near = wasserstein_2(x[:COMPARED], truth[:COMPARED]) <= spread.mean + 2 * spread.deviation
    asked = 4 * config.back - 1 if config.sampler == "ode" else config.back  # RK4 asks four times, at last three
    return float(asked if near else 10_000)


def _thinned(states, count: int) -> list[ReverseState]:
    """At most some sixty of the states, the first and the last among them."""
    every = max(1, count // FRAMES)
    return [s for s in states if s.step % every == 0 or s.step == count]


@lru_cache(maxsize=8)
def true_spread(source: str) -> Spread:
    """W₂ between two sets of true samples."""
    config = Config(source)
    return between_true(
        wasserstein_2,
        lambda n, rng: config.points(n, int(rng.integers(2**31))),
        COMPARED,
        6,
        np.random.default_rng(3),
    )


def _cloud(title: str, run: list[ReverseState], truth: np.ndarray) -> Panel:
    x = np.stack([s.x_t for s in run]).astype(np.float32)
    layers = (
        Points(name="data", key="d", xy=truth, radius=2, colour="muted", alpha=0.5),
        Points(name="particles", key="p", xy=x, radius=2.5, colour="model"),
        Points(name="trails", key="r", xy=x[:, :40], radius=2.5, colour="model", trail=12, visible=False),
    )
    return plane(title, layers, PLANE, PLANE)
