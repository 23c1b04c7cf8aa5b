"""Backward: noise becomes data, by two samplers from the same x_T."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Curve, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.diffusion.forward import fresh
from dashboard.scenes.diffusion.setup import STORED, Config, chain, is_mixture, learned, network_code
from dashboard.scenes.planar import PLANE, true_spread
from genmodels.data.planar import get_dataset
from genmodels.diffusion.sampler import Denoiser, ReverseConfig, ReverseState, iterate_reverse, sample_reverse
from genmodels.diffusion.schedules import Schedule
from genmodels.kmeans import KMeansConfig, fit_kmeans
from genmodels.metrics import energy_distance, nearest_distances, wasserstein_2

SAMPLERS = {"ddim": "DDIM, from η = 0 (no noise) to 1", "ode": "The ODE, by Runge–Kutta 4"}
WHO = {"learned": "The stored network", "exact": "The best possible one"}
COUNTS = {n: f"{n:,} step{'s' * (n > 1)}" for n in (1, 2, 3, 4, 5, 10, 20, 50, 200, 1_000)}
PARTICLES, FRAMES, COMPARED, DATA = 400, 60, 200, 400
CELLS, TRUE = 20, 4_000  # where there are no modes; points that tell the true variance within them
OFF = 0.1, 0.2  # variances within modes, within cells (found elsewhere: ± 0.1) that differ by more are said to


@dataclass(frozen=True)
class Back(Config):
    """How one goes back on the left (DDPM) and on the right."""

    source: str = choice("Data", "moons", STORED)
    sampler: str = choice("On the right", "ddim", SAMPLERS)
    eta: float = slider("η", 0.0, 0.0, 1.0, 0.05)
    back: int = choice("Both in", 50, COUNTS)
    who: str = choice("Denoiser (best for the mixture, or for 250 points)", "learned", WHO)


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
    spread, modes = true_spread(config.source), modes_of(config.source)
    name = "DDIM" if config.sampler == "ddim" else "ODE"
    one, alike = np.ones(len(left)), fresh(truth, COMPARED)
    within = [modes.variance(run[-1].x_t) for run in runs]
    where = f"within {'modes' if is_mixture(config.source) else f'{CELLS} cells'}"
    return Scene(
        panels=(
            _cloud("DDPM: noise is added on the way", left, truth),
            _cloud(
                f"{name}: " + (f"η = {config.eta:g}" if config.sampler == "ddim" else "no noise at all"), other, truth
            ),
            plane(
                f"x̂₀ in {name}: estimate of x₀",
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
                    Curve(name="two true samples", key="e", x=t, y=alike * one, colour="truth", dashed=True),
                ),
                (0, 1_000),
                (0, 1.1 * float(max(a.max() for a in apart))),
                x_label="t",
                y_label=f"energy distance, n = {COMPARED}",
                share=0.7,
            ),
            chain(t, "p, learned" if config.who == "learned" else "p, exact", back=True),
        ),
        steps=np.array([s.step for s in left]),
        time="step",
        readouts=(
            Readout("t", t, digits=0),
            Readout(f"DDPM: W₂ at the end (n = {COMPARED})", w2[0] * one, digits=3),
            Readout(f"{name}: W₂ at the end (n = {COMPARED})", w2[1] * one, digits=3),
            Readout(f"W₂ of true samples (n = {COMPARED})", spread.mean * one, f"± {spread.deviation:.2f}", 3),
            Readout(f"DDPM: variance {where}", within[0] * one, digits=4),
            Readout(f"{name}: variance {where}", within[1] * one, digits=4),
            Readout(f"true variance {where}", modes.true * one, digits=4),
            Readout("DDPM took", 1000 * seconds[0] * one, "ms", 0),
            Readout(f"{name} took", 1000 * seconds[1] * one, "ms", 0),
        ),
        **said(len(left), *_sentences(config, name, t, w2, within, where)),
        alt="Noise becomes data by two samplers from the same start, beside it x̂₀ on the way.",
        fps=10,
    )


def code(config: Back) -> str:
    """Both samplers from the same noise, and how near to the data they end."""
    name = "DDIM" if config.sampler == "ddim" else "ODE"
    ways = f"{{'DDPM': {written(ReverseConfig(n_steps=config.back))}, {name!r}: {written(right(config))}}}"
    mixture, denoiser = is_mixture(config.source), "exact" if config.who == "exact" else "network"
    cells = (
        "from genmodels.kmeans import KMeansConfig, fit_kmeans",
        f"points = {Config(config.source).points_code(TRUE, 13)}",
        f"centres = fit_kmeans(points, KMeansConfig({CELLS})).centroids",
    )
    return snippet(
        "from genmodels.diffusion.sampler import ReverseConfig, sample_reverse",
        "from genmodels.metrics import nearest_distances, wasserstein_2",
        config.data_code(),
        network_code(config.source),
        config.exact_code() if config.who == "exact" else "",
        f"x_T = {config.noise_code(PARTICLES)}",
        f"truth = {config.points_code(DATA, 6)}",
        *(("centres = data.standardise(data.centres)",) if mixture else cells),
        f"ways = {ways}",
        "shown = {}",
        "for name, way in ways.items():",
        f"    x = sample_reverse({denoiser}, x_T, schedule, way, np.random.default_rng([{config.seed}, 7]))",
        f"    shown[f'{{name}}: W₂ at the end (n = {COMPARED})'] = wasserstein_2(x[:{COMPARED}], truth[:{COMPARED}])",
        "    variance = (nearest_distances(x, centres) ** 2).mean() / 2",
        f"    shown[f'{{name}}: variance within {'modes' if mixture else f'{CELLS} cells'}'] = variance",
    )


def _sentences(
    config: Back, name: str, t: np.ndarray, w2: list[float], within: list[float], where: str
) -> list[Claim | str]:
    """At the end: how near both samplers are, by W₂ and by the variance that it hardly sees; before: whose x̂_0."""
    spread, end = true_spread(config.source), t == 0
    near = [w <= spread.mean + 2 * spread.deviation for w in w2]
    share = [v / modes_of(config.source).true for v in within]
    least = OFF[not is_mixture(config.source)]
    told = []
    for k in np.argsort(-np.abs(np.log(share))):  # the one that is farther off first
        who = ("DDPM", name)[k]
        off = near[k] and abs(share[k] - 1) > least
        percent = f"{100 * share[k]:.0f} % of theirs"
        says = f"By W₂ {who} is as near as true samples; its variance {where} is {percent}."
        told.append(Claim(says, end & off))
    far = [who for who, is_near in zip(("DDPM", name), near, strict=True) if not is_near]
    told.append(Claim(f"{' and '.join(far)}: W₂ is larger than between true samples.", end & bool(far)))
    alike = f"By W₂ both are as near as true samples, and the variance {where} is within {100 * least:.0f} %, too."
    told.append(Claim(alike, end & (not far)))
    exact = f"E[x₀ | xₜ]{config.of_points() or ' of the mixture'}"
    answer = exact if config.who == "exact" else "what the network says E[x₀ | xₜ] is"
    return [*told, f"x̂₀ is {answer}, not a sample."]


def _undoing(config: Back) -> tuple[Denoiser, Schedule]:
    """Who denoises, and the schedule that is gone back along."""
    network, schedule = learned(config.source)
    return (network if config.who == "learned" else config.exact()), schedule


def right(config: Back) -> ReverseConfig:
    """The sampler on the right."""
    return ReverseConfig(config.sampler, config.back, eta=config.eta if config.sampler == "ddim" else 0.0)


def fewest(config: Back) -> float:
    """The challenge: evaluations of the denoiser on the right; 10,000 if W₂ is farther off than true samples'."""
    (denoiser, schedule), truth = _undoing(config), config.points(DATA, 6)
    rng = np.random.default_rng([config.seed, 7])
    x = sample_reverse(denoiser, config.noise(PARTICLES), schedule, right(config), rng)
    spread = true_spread(config.source)
    near = wasserstein_2(x[:COMPARED], truth[:COMPARED]) <= spread.mean + 2 * spread.deviation
    asked = 4 * config.back - 1 if config.sampler == "ode" else config.back  # RK4 asks four times, at last three
    return float(asked if near else 10_000)


class Modes(NamedTuple):
    """The modes of a mixture; for other data the centres of K-means cells of true points.

    Attributes:
        centres: ``(K, 2)``.
        true: Variance around the nearest centre in true samples, per dimension.
    """

    centres: np.ndarray
    true: float

    def variance(self, x: np.ndarray) -> float:
        """Variance around the nearest centre, per dimension: what W₂ of a few hundred points hardly sees."""
        return within(x, self.centres)


def within(x: np.ndarray, centres: np.ndarray) -> float:
    """Mean squared distance to the nearest centre, per dimension."""
    return float(np.square(nearest_distances(x, centres)).mean() / x.shape[1])


@lru_cache(maxsize=8)
def modes_of(source: str) -> Modes:
    """Where true samples are dense, and how far they scatter there."""
    config, dataset = Config(source), get_dataset(source)
    points = config.points(TRUE, 12)
    if is_mixture(source):
        centres = dataset.standardise(np.asarray(dataset.centres))
    else:
        centres = fit_kmeans(config.points(TRUE, 13), KMeansConfig(CELLS)).centroids
    return Modes(centres, within(points, centres))


def _thinned(states, count: int) -> list[ReverseState]:
    """At most some sixty of the states, the first and the last among them."""
    every = max(1, count // FRAMES)
    return [s for s in states if s.step % every == 0 or s.step == count]


def _cloud(title: str, run: list[ReverseState], truth: np.ndarray) -> Panel:
    x = np.stack([s.x_t for s in run]).astype(np.float32)
    layers = (
        Points(name="data", key="d", xy=truth, radius=2, colour="muted", alpha=0.5),
        Points(name="particles", key="p", xy=x, radius=2.5, colour="model"),
        Points(name="trails", key="r", xy=x[:, :40], radius=2.5, colour="model", trail=12, visible=False),
    )
    return plane(title, layers, PLANE, PLANE)
