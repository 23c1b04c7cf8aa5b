"""Sample: noise is carried to data by x = μ + L z."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Ellipses, Panel, Points, Polylines, Readout, Scene, plane
from dashboard.scene.colours import hue
from dashboard.scene.fields import slider, switch
from dashboard.scene.latex import matrix
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.gaussian import ellipse
from genmodels.gaussian import (
    Gaussian,
    TransportConfig,
    TransportState,
    covariance_matrix,
    iterate_transport,
    transport_gaussian,
)


@dataclass(frozen=True)
class Config:
    """Mean, standard deviations, correlation, number of samples; the slip uses Lᵀ where L belongs."""

    mean_1: float = slider("Mean μ₁", 0.0, -3.0, 3.0, 0.1)
    mean_2: float = slider("Mean μ₂", 0.0, -3.0, 3.0, 0.1)
    sigma_1: float = ellipse.sigma("σ₁", ellipse.LECTURE[0])
    sigma_2: float = ellipse.sigma("σ₂", ellipse.LECTURE[1])
    rho: float = ellipse.correlation(ellipse.LECTURE[2])
    samples: int = slider("Samples", 300, 1, 1000, 1)
    slip: bool = switch("Show the common mistake: Lᵀ for L")
    challenge: bool = switch("Challenge: match the hidden Gaussian")
    seed: int = 0

    def gaussian(self) -> Gaussian:
        """The distribution that these numbers describe."""
        return Gaussian(np.array([self.mean_1, self.mean_2]), covariance_matrix(self.sigma_1, self.sigma_2, self.rho))

    def hidden(self) -> Gaussian:
        """The Gaussian that is to be matched by hand in the challenge."""
        rng = np.random.default_rng([self.seed, 77])
        mean, (sigma_1, sigma_2) = rng.uniform(-1.5, 1.5, 2), rng.uniform(0.5, 2.2, 2)
        rho = rng.choice([-1, 1]) * rng.uniform(0.4, 0.85)
        return Gaussian(mean, covariance_matrix(sigma_1, sigma_2, rho))

    def transport(self) -> TransportConfig:
        """The way from noise to data."""
        return TransportConfig(factor="LT" if self.slip else "L", steps_per_phase=20)


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a handle of the ellipse was moved."""
    mean, sigma_1, sigma_2, rho = ellipse.dragged(values)
    mean_1, mean_2 = mean.tolist()
    return replace(config, mean_1=mean_1, mean_2=mean_2, sigma_1=sigma_1, sigma_2=sigma_2, rho=rho)


SUB = "₁₂"
SINGLES, SINGLE_FRAMES, RAIN_FRAMES, REST_FRAMES = 3, 24, 30, 15
NOISE_RANGE = (-3.4, 3.4)
EQUATION = (
    "x = ({b₁} + {a₁₁} z₁ + {a₁₂} z₂,  {b₂} + {a₂₁} z₁ + {a₂₂} z₂)\u2003A Aᵀ = [ {v₁₁}, {v₁₂} ; {v₁₂}, {v₂₂} ]"
    "\u2003of the samples: x̄ = ({x̄₁}, {x̄₂}), S = [ {S₁₁}, {S₁₂} ; {S₁₂}, {S₂₂} ]"
)


def _captions(config: Config) -> tuple[str, ...]:
    """What is said of single samples, of the noise, and of each phase of the map; ρ = 0 leaves nothing to tilt."""
    factor = config.gaussian().cholesky
    tilts, slip = bool(factor[1, 0]), config.slip
    shear = "the off-diagonal element of L tilts the cloud. Now its distribution has the covariance L Lᵀ."
    if slip:
        shear = "with Lᵀ in place of L it tilts along the other axis: its distribution has the covariance LᵀL."
    if not tilts:
        shear = "the off-diagonal element of L is 0 (ρ = 0), and nothing tilts."
    end = "the slip, with Lᵀ in place of L: the area is right, the tilt is wrong (dashed: Σ as it should be)."
    if slip and not tilts:
        end = "with ρ = 0, L is diagonal and equal to Lᵀ: here the slip does no harm."
    return (
        "One number pair z from the unit Gaussian …",
        "… becomes one sample x = μ + L z.",
        "Many z ~ N(0, I): noise in which no direction is special.",
        "Scale: each axis by a diagonal element of L.",
        f"Shear: {shear}",
        "Shift: the mean moves to μ. Colours show who went where.",
        f"Shift: {end}" if slip else "Shift: the mean moves to μ. Colours show who went where.",
    )


def scene(config: Config) -> Scene:
    """Single samples first, then many, then the whole plane is carried along."""
    gaussian = config.gaussian()
    rng = np.random.default_rng(config.seed)
    z = rng.standard_normal((max(config.samples, SINGLES), 2))[: max(config.samples, 1)]
    path = list(iterate_transport(gaussian, config.transport()))
    frames = _storyboard(path, min(SINGLES, len(z)), len(z))
    maps = [f.state for f in frames]
    covariances = np.array([m.matrix @ m.matrix.T for m in maps])
    return Scene(
        panels=(_noise_panel(z, frames), _data_panel(config, z, frames, covariances)),
        steps=np.arange(len(frames)),
        time="frame",
        readouts=_sample_readouts(z, frames, covariances, gaussian),
        captions=_captions(config),
        caption=np.array([f.caption for f in frames]),
        equation=EQUATION,
        alt="Left: points of the unit Gaussian with unit circles. Right: the same points, scaled, sheared and "
        "shifted into the Gaussian with mean μ and covariance Σ; each point keeps its colour.",
        fps=24,
        handles=ellipse.handles(gaussian, panel=1),
    )


def code(config: Config) -> str:
    """The map, and the moments of what it carries to the data."""
    return snippet(
        "import numpy as np",
        "from genmodels.gaussian import Gaussian, TransportConfig, covariance_matrix, iterate_transport",
        f"covariance = covariance_matrix(sigma_1={config.sigma_1}, sigma_2={config.sigma_2}, rho={config.rho})",
        f"gaussian = Gaussian(np.array([{config.mean_1}, {config.mean_2}]), covariance)",
        f"states = list(iterate_transport(gaussian, {written(config.transport())}))  # scale, shear, shift",
        f"z = np.random.default_rng({config.seed}).standard_normal(({max(config.samples, 1)}, 2))",
        "x = states[-1].apply(z)  # noise becomes data",
        "of_map = states[-1].matrix @ states[-1].matrix.T  # A Aᵀ",
        "of_samples = np.cov(x.T, bias=True)",
        "shown = {",
        "    'area factor |det A|': np.linalg.det(states[-1].matrix),",
        "    'v₁₂': of_map[0, 1],",
        "    'x̄₁': x[:, 0].mean(),",
        "    'x̄₂': x[:, 1].mean(),",
        "    'S₁₂': of_samples[0, 1],",
        "}",
    )


@dataclass(frozen=True, eq=False)
class _Frame:
    """What one frame of the story shows: the map, how many points on either side, and the red one."""

    state: TransportState
    shown: int
    arrived: int
    red: int = -1
    red_state: TransportState | None = None
    caption: int = -1


def _storyboard(path: list[TransportState], singles: int, n: int) -> list[_Frame]:
    start, end = path[0], path[-1]
    frames = [_Frame(start, 0, 0, caption=0)]
    for i in range(singles):
        for t in np.linspace(0, 1, SINGLE_FRAMES):
            red = path[round(float(t) * (len(path) - 1))]
            frames.append(_Frame(end, i + 1, i, i, red, caption=0 if t < 0.3 else 1))
    for t in np.linspace(0, 1, RAIN_FRAMES):
        count = singles + round(float(t) * (n - singles))
        frames.append(_Frame(start, count, count, caption=2))
    captions = {"start": 2, "scale": 3, "shear": 4, "shift": 5}
    for state in path:
        frames.append(_Frame(state, n, n, caption=captions[state.phase]))
    return frames + [_Frame(end, n, n, caption=6)] * REST_FRAMES


def _lattice() -> np.ndarray:
    """Lines z₁ = k and z₂ = k for k = −3 … 3, ``(14, 2, 2)``."""
    k = np.arange(-3, 4, dtype=float)
    ends = np.full_like(k, 3.0)
    upright = np.stack([np.stack([k, -ends], 1), np.stack([k, ends], 1)], 1)
    return np.concatenate([upright, upright[..., ::-1]])


def _red(z: np.ndarray, frames: list[_Frame], carried: bool) -> np.ndarray:
    """The single red sample, ``(F, 1, 2)``; NaN where there is none."""
    at = np.full((len(frames), 1, 2), np.nan)
    for f, frame in enumerate(frames):
        if frame.red >= 0 and frame.red_state:
            point = z[frame.red : frame.red + 1]
            at[f] = frame.red_state.apply(point) if carried else point
    return at


def _noise_panel(z: np.ndarray, frames: list[_Frame]) -> Panel:
    unit = np.eye(2)[None]
    layers = (
        Polylines(name="lattice", key="g", xy=_lattice(), colour="muted", width=1, alpha=0.55),
        Points(name="samples", key="s", xy=z, count=np.array([f.shown for f in frames]), values=hue(z), radius=4),
        Ellipses(name="1 σ, 2 σ", key="e", mean=np.zeros((1, 2)), covariance=unit, colour="data", width=1.8),
        Points(name="one sample", xy=_red(z, frames, False), radius=9, colour="model"),
    )
    return plane("Noise  z ~ N(0, I)", layers, NOISE_RANGE, NOISE_RANGE, labels=("z₁", "z₂"))


def _data_panel(config: Config, z: np.ndarray, frames: list[_Frame], covariances: np.ndarray) -> Panel:
    gaussian = config.gaussian()
    maps = [f.state for f in frames]
    lattice = _lattice()
    carried = np.array([m.apply(lattice.reshape(-1, 2)).reshape(lattice.shape) for m in maps])
    layers = (
        Polylines(name="lattice", key="g", xy=carried, colour="muted", width=1, alpha=0.55),
        Points(
            name="samples",
            key="s",
            xy=np.array([m.apply(z) for m in maps]),
            count=np.array([f.arrived for f in frames]),
            values=hue(z),
            radius=4,
        ),
        Ellipses(
            name="1 σ, 2 σ",
            key="e",
            mean=np.array([[m.offset] for m in maps]),
            covariance=covariances[:, None],
            colour="data",
            width=1.8,
        ),
        Ellipses(
            name="target N(μ, Σ)",
            key="t",
            mean=gaussian.mean[None],
            covariance=gaussian.covariance[None],
            colour="truth",
            dashed=True,
            width=2,
        ),
        Points(name="one sample", xy=_red(z, frames, True), radius=9, colour="model"),
        *([_hidden_data(config)] if config.challenge else []),
    )
    spread = 3.2 * np.sqrt(gaussian.covariance.diagonal()) + np.abs(gaussian.mean)
    across, up = np.maximum(spread, NOISE_RANGE[1]).tolist()
    title = f"Data  x = μ + {'Lᵀ' if config.slip else 'L'} z"
    return plane(title, layers, (-across, across), (-up, up), share=1.15)


def _hidden_data(config: Config) -> Points:
    xy = config.hidden().sample(150, np.random.default_rng([config.seed, 78]))
    return Points(name="hidden Gaussian's data", key="h", xy=xy, radius=4)


def _sample_readouts(
    z: np.ndarray, frames: list[_Frame], covariances: np.ndarray, gaussian: Gaussian
) -> tuple[Readout, ...]:
    red_log_p = np.full(len(frames), np.nan)
    for f, (frame, at) in enumerate(zip(frames, _red(z, frames, True), strict=True)):
        if frame.red_state is not None and frame.red_state.step == 60:
            red_log_p[f] = gaussian.log_prob(at)[0]
    matrices = np.array([f.state.matrix for f in frames])
    offsets = np.array([f.state.offset for f in frames])
    means, scatters = _moments(z, frames)
    hidden = {f"a{SUB[i]}{SUB[j]}": matrices[:, i, j] for i in (0, 1) for j in (0, 1)}
    hidden |= {f"b{SUB[i]}": offsets[:, i] for i in (0, 1)} | {f"x̄{SUB[i]}": means[:, i] for i in (0, 1)}
    for i, j in ((0, 0), (0, 1), (1, 1)):
        hidden |= {f"v{SUB[i]}{SUB[j]}": covariances[:, i, j], f"S{SUB[i]}{SUB[j]}": scatters[:, i, j]}
    return (
        Readout("samples", np.array([f.arrived for f in frames], dtype=float), digits=0),
        Readout("area factor |det A|", np.abs(np.linalg.det(matrices)), digits=2),
        Readout("log p(one sample)", red_log_p, "nats", digits=2),
        *(Readout(name, values, digits=2, hidden=True) for name, values in hidden.items()),
    )


def _moments(z: np.ndarray, frames: list[_Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``(F, 2)`` and covariance ``(F, 2, 2)`` (1/n) of the samples that have arrived; NaN where none has."""
    means, scatters = np.full((len(frames), 2), np.nan), np.full((len(frames), 2, 2), np.nan)
    for f, frame in enumerate(frames):
        if frame.arrived:
            x = frame.state.apply(z[: frame.arrived])
            means[f], scatters[f] = x.mean(axis=0), np.cov(x, rowvar=False, bias=True)
    return means, scatters


def formula(config: Config) -> str:
    """Σ = L Lᵀ, and the covariance that the samples really get, in LaTeX."""
    gaussian = config.gaussian()
    used = transport_gaussian(gaussian, config.transport()).matrix
    law = r"x=\mu+L^\top z" if config.slip else r"x=\mu+Lz"
    product = r"L^\top L" if config.slip else r"LL^\top"
    return (
        rf"\Sigma={matrix(gaussian.covariance)}\qquad L={matrix(gaussian.cholesky)}\qquad {law}\qquad"
        rf"\operatorname{{Cov}}(x)={product}={matrix(used @ used.T)}"
    )
