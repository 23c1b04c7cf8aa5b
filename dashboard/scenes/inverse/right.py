"""Is the sampler right? Common guidance beside the exact one, step by step, from the same noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Panel, Points, Readout, Scene, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.inverse.setup import SIGMAS, SOURCES, Measured, ground, lumps_of, weights_panel
from dashboard.scenes.planar import PLANE
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.diffusion.schedules import linear
from genmodels.inverse.guidance import GuidedConfig, iterate_guided, posterior_denoiser
from genmodels.inverse.metrics import data_consistency, weight_gap

PARTICLES, FRAMES, SETS = 300, 50, 40
NOISE_SALT, STEP_SALT, TRUE_SALT = 31, 32, 33
COUNTS = {20: "20 steps", 50: "50 steps", 100: "100 steps"}
WAYS = {1.0: "With noise on the way (η = 1, DDPM)", 0.0: "Without (η = 0, DDIM)"}
REPEATS = {1: "Once", 5: "5 times (RePaint)"}


@dataclass(frozen=True)
class Guided:
    """The line, and how the samplers go."""

    source: str = choice("Data", "three", SOURCES)
    angle: int = slider("Direction of a, degrees", 15, 0, 360, 5)
    offset: float = slider("Measured y", -0.4, -1.8, 1.8, 0.05)
    sigma: float = slider("Noise σ", 0.2, *SIGMAS, 0.05)
    strength: float = slider("Strength ζ of DPS", 0.3, 0.0, 1.0, 0.05)
    repeats: int = choice("Replacement makes each step", 1, REPEATS, folded=True)
    eta: float = choice("All three", 1.0, WAYS, folded=True)
    count: int = choice("In", 50, COUNTS, folded=True)
    seed: int = 0

    def samplers(self) -> dict[str, GuidedConfig]:
        """By the names that they have in the picture."""
        replacement = GuidedConfig("replacement", self.count, self.eta, repeats=self.repeats)
        return {
            "DPS": GuidedConfig("dps", self.count, self.eta, self.strength),
            "RePaint" if self.repeats > 1 else "replacement": replacement,
            "exact guidance": GuidedConfig("exact", self.count, self.eta),
        }

    def measured(self) -> Measured:
        """The measurement alone, so that a run is kept while another one's knob is turned."""
        return Measured(self.source, self.angle, self.offset, self.sigma, self.seed)


class Run(NamedTuple):
    """A sampler's way, in F frames.

    Attributes:
        x: Where the particles are, ``(F, N, 2)``.
        shares: Of the lumps: mean over the particles of p(k | x_t, y), ``(F, K)``.
        missed: Root mean square of a · x̂_0 − y, ``(F,)``.
        t: Time, ``(F,)``.
        steps: Taken, ``(F,)``.
    """

    x: np.ndarray
    shares: np.ndarray
    missed: np.ndarray
    t: np.ndarray
    steps: np.ndarray


def scene(config: Guided) -> Scene:
    """Three samplers from the same noise."""
    posterior = config.measured().posterior()
    runs = {name: _run(config.measured(), way) for name, way in config.samplers().items()}
    luck = _luck(config.measured())
    gaps = {name: weight_gap(run.shares, posterior.weights) for name, run in runs.items()}
    first = next(iter(runs.values()))
    one, end = np.ones(len(first.t)), first.t == 0
    keys = dict(zip(runs, "drx", strict=True))
    colours = dict(zip(runs, ("class1", "class3", "model"), strict=True))
    return Scene(
        panels=(
            *(_plane(config, name, run, colours[name]) for name, run in runs.items()),
            weights_panel(
                "Weights of the lumps, %",
                (
                    ("p(k | y)", "w", "truth", posterior.weights),
                    *((name, keys[name], colours[name], run.shares) for name, run in runs.items()),
                ),
                share=1.1,
            ),
        ),
        steps=first.steps,
        time="step",
        readouts=(
            Readout("t", first.t, digits=0),
            *(Readout(f"gap of weights: {name}", 100 * gap, "%", 1) for name, gap in gaps.items()),
            Readout(f"{PARTICLES} exact samples: mean gap", 100 * luck.mean() * one, "%", 1),
            *(Readout(f"misses y by: {name}", run.missed, digits=3) for name, run in runs.items()),
        ),
        **said(len(end), *_sentences({name: float(gap[-1]) for name, gap in gaps.items()}, luck, end)),
        alt="Particles go from noise to data by three guided samplers; bars say which lumps they come to, beside the "
        "exact posterior's weights.",
        fps=10,
    )


def code(config: Guided) -> str:
    """All three from the same noise, and how far the lumps' weights are off."""
    ways = ", ".join(f"{name!r}: {written(way)}" for name, way in config.samplers().items())
    return snippet(
        config.measured().measured_code(),
        "from genmodels.diffusion.exact import ExactMixtureDenoiser",
        "from genmodels.diffusion.schedules import linear",
        "from genmodels.inverse.guidance import GuidedConfig, sample_guided",
        "from genmodels.inverse.metrics import lump_weights, weight_gap",
        "denoiser = ExactMixtureDenoiser(prior, 'x0')",
        f"x_T = np.random.default_rng([{config.seed}, {NOISE_SALT}]).standard_normal(({PARTICLES}, 2))",
        f"ways = {{{ways}}}",
        "shown = {}",
        "for name, way in ways.items():",
        f"    rng = np.random.default_rng([{config.seed}, {STEP_SALT}])",
        "    x = sample_guided(denoiser, x_T, linear(), line, y, way, rng)",
        "    shown[f'gap of weights: {name}'] = 100 * weight_gap(lump_weights(prior, x), posterior.weights)",
    )


@lru_cache(maxsize=24)
def _run(config: Measured, way: GuidedConfig) -> Run:
    denoiser, line, y = ExactMixtureDenoiser(config.prior(), "x0"), config.measurement(), np.array([config.offset])
    asked = posterior_denoiser(denoiser, line, y)
    x_T = np.random.default_rng([config.seed, NOISE_SALT]).standard_normal((PARTICLES, 2))
    states = iterate_guided(denoiser, x_T, linear(), line, y, way, np.random.default_rng([config.seed, STEP_SALT]))
    every = max(1, way.n_steps // FRAMES)
    kept = [s for s in states if s.step % every == 0]
    return Run(
        x=np.stack([s.x_t for s in kept]).astype(np.float32),
        shares=np.stack([asked.responsibilities(s.x_t, s.alpha_bar).mean(axis=0) for s in kept]),
        missed=np.array([np.sqrt(np.square(data_consistency(line, s.x0_hat, y)).mean()) for s in kept]).round(9),
        t=np.array([float(s.t) for s in kept]),
        steps=np.array([s.step for s in kept]),
    )


@lru_cache(maxsize=8)
def _luck(config: Measured) -> np.ndarray:
    """Gaps of sets of exact samples, as many as there are particles: they are not 0 either; ``(SETS,)``."""
    posterior, rng = config.posterior(), np.random.default_rng([config.seed, TRUE_SALT])
    x = posterior.sample(SETS * PARTICLES, rng)[0]
    shares = config.prior().responsibilities(x).reshape(SETS, PARTICLES, -1).mean(axis=1)
    return weight_gap(shares, posterior.weights)


def _plane(config: Guided, name: str, run: Run, colour: str) -> Panel:
    layers = (
        *ground(config.measured(), named=False),
        lumps_of(config.measured().posterior()),
        Points(name="", xy=run.x, radius=2.5, colour=colour),
    )
    return plane(name[0].upper() + name[1:], layers, PLANE, PLANE)


def _sentences(gaps: dict[str, float], luck: np.ndarray, end: np.ndarray) -> list[Claim | str]:
    """At the end: whose weights are off by more than luck explains."""
    off = [name for name, gap in gaps.items() if gap > luck.max()]
    sets = f"of {SETS} sets of {PARTICLES} exact samples"
    listed = _listed(off)
    return [
        Claim(f"{listed[:1].upper()}{listed[1:]}: the weights are off by more than in any {sets}.", end & bool(off)),
        Claim(f"No sampler's weights are off by more than in the worst {sets}.", end),
        "Three samplers on their way, from one x_T.",
    ]


def _listed(names: list[str]) -> str:
    """Names in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
