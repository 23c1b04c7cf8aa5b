"""Forward: noise is added step by step, or all at once; both give the same distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Ellipses, Handle, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.diffusion.setup import (
    Config,
    T,
    chain,
    densities,
    density_field,
    probe_point,
    spaced,
    without_probe,
)
from dashboard.scenes.planar import KNOWN, PLANE
from genmodels.diffusion.sampler import iterate_forward, q_sample
from genmodels.metrics import energy_distance, mean_distance

PARTICLES, FRAMES, COMPARED = 400, 60, 200


@dataclass(frozen=True)
class Forward(Config):
    """Data whose distribution is known."""

    source: str = choice("Data", "moons", KNOWN)


def scene(config: Config) -> Scene:
    """Time t from 0 to 1,000."""
    schedule, times = config.noising(), spaced(FRAMES)
    x_0 = np.concatenate([[[config.x_1, config.x_2]], config.points(PARTICLES)])
    path = np.stack([s.x_t for s in iterate_forward(x_0, schedule, np.random.default_rng([config.seed, 5]))])
    steps, eps = path[times], config.noise(len(x_0))
    jumps = np.stack([q_sample(x_0, int(t), schedule, eps) for t in times])
    signal, noise = schedule.signal[times], schedule.noise[times]
    kept = [(x[:, 1:] * x_0[1:]).sum((1, 2)) / (x_0[1:] ** 2).sum() for x in (steps, jumps)]
    apart = np.array([energy_distance(a[1 : COMPARED + 1], b[-COMPARED:]) for a, b in zip(steps, jumps, strict=True)])
    alike = np.array([fresh(x[1:], COMPARED) for x in jumps])
    return Scene(
        panels=(
            _panel("Step by step", config, steps, times, _path(path, times)),
            _panel("At once: q(xₜ | x₀)", config, jumps, times, _cloud(x_0[0], signal, noise)),
            chart(
                "How much of x₀ is left",
                (
                    Curve(name="step by step", key="s", x=times.astype(float), y=kept[0], colour="data"),
                    Curve(name="at once", key="o", x=times.astype(float), y=kept[1], colour="model"),
                    Curve(name="√ᾱₜ", key="a", x=times.astype(float), y=signal, colour="truth", dashed=True),
                ),
                (0, T),
                (-0.05, 1.05),
                x_label="t",
                share=0.7,
            ),
            chain(times, "q, fixed"),
        ),
        steps=times,
        time="t",
        readouts=(
            Readout("ᾱₜ", schedule.alpha_bar[times], digits=4),
            Readout("√ᾱₜ", signal, digits=3),
            Readout("√(1 − ᾱₜ)", noise, digits=3),
            Readout("signal to noise", np.where(times > 0, schedule.snr[np.maximum(times, 1)], np.nan), digits=3),
            Readout(f"energy distance of the clouds (n = {COMPARED})", apart, digits=3),
            Readout("of two fresh samples", alike, "root mean square", 3),
        ),
        equation="xₜ = √ᾱₜ x₀ + √(1 − ᾱₜ) ε = {√ᾱₜ} x₀ + {√(1 − ᾱₜ)} ε",
        **said(
            len(times),
            Claim("Data.", times == 0),
            Claim("Little noise: √ᾱₜ is above 0.99.", signal > 0.99),
            Claim("Structure melts.", signal > 0.15),
            "Nearly noise. What was lost, and in which order?",
        ),
        alt="Points of data turn into noise, on the left by a thousand small steps, on the right in one.",
        fps=14,
        handles=(Handle("x", x_0[0], panel=1, probe=True),),
    )


def code(config: Config) -> str:
    """Both ways to t = 500, of the points and of the one under the hand."""
    return snippet(
        "from genmodels.diffusion.sampler import iterate_forward, q_sample",
        "from genmodels.diffusion.schedules import get_schedule",
        "from genmodels.metrics import energy_distance, mean_distance",
        config.data_code(),
        f"points = {config.points_code(PARTICLES)}",
        f"x_0 = np.concatenate([[[{config.x_1}, {config.x_2}]], points])  # the one under the hand first",
        f"schedule = get_schedule({config.schedule!r})",
        "step = 500  # t, of 1,000",
        f"states = list(iterate_forward(x_0, schedule, np.random.default_rng([{config.seed}, 5])))  # step by step",
        "walked = states[step].x_t",
        f"jumped = q_sample(x_0, step, schedule, {config.noise_code(PARTICLES + 1)})  # at once",
        f"apart = energy_distance(walked[1:{COMPARED + 1}], jumped[-{COMPARED}:])",
        "shown = {",
        "    'ᾱₜ': schedule.alpha_bar[step],",
        "    '√ᾱₜ': schedule.signal[step], '√(1 − ᾱₜ)': schedule.noise[step],",
        f"    'energy distance of the clouds (n = {COMPARED})': apart,",
        f"    'of two fresh samples': np.sqrt(2 / {COMPARED} * mean_distance(jumped[1:])),",
        "    'that point': walked[:1], 'points': walked[1:],",
        "}",
    )


def fresh(x_t: np.ndarray, n: int) -> float:
    """Root mean square of the energy distance between two samples of n points of one distribution.

    Its square has the mean (2/n) E|x − x'|, as each sample's own mean over pairs has n pairs of a point with itself.

    Args:
        x_t: Points ``(N, 2)`` of that distribution.
        n: Of each sample.
    """
    return float(np.sqrt(2 / n * mean_distance(x_t)))


def _panel(title: str, config: Config, x: np.ndarray, times: np.ndarray, more: tuple) -> Panel:
    layers = (
        density_field(config, densities(without_probe(config), tuple(times.tolist()))),
        Points(name="points", key="p", xy=x[:, 1:].astype(np.float32), radius=2.5),
        *more,
    )
    return plane(title, layers, PLANE, PLANE)


def _path(path: np.ndarray, times: np.ndarray) -> tuple:
    """The way of the point under the hand, up to each time."""
    every = np.linspace(0, T, 251).round().astype(int)
    line = np.full((len(times), 1, len(every), 2), np.nan, dtype=np.float32)
    for f, t in enumerate(times):
        so_far = every[every <= t]
        line[f, 0, : len(so_far)] = path[so_far, 0]
    return (
        Polylines(name="one point's path", key="w", xy=line, colour="model", width=1.5),
        Points(name="that point", xy=path[times, :1].astype(np.float32), radius=6, colour="model"),
    )


def _cloud(start: np.ndarray, signal: np.ndarray, noise: np.ndarray) -> tuple:
    mean = signal[:, None, None] * start
    covariance = (noise**2)[:, None, None, None] * np.eye(2)
    return (
        Ellipses(name="q(xₜ | x₀) of that point", key="q", mean=mean, covariance=covariance, colour="model"),
        probe_point(Config(x_1=float(start[0]), x_2=float(start[1]))),
    )
