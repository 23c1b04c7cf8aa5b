"""Scenes of the Gaussian page: points arrive and a Gaussian is fitted; noise is carried to data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.latex import matrix
from dashboard.scene import Curve, Ellipses, Panel, Points, Polylines, Readout, Scene
from genmodels.gaussian import (
    FitState,
    Gaussian,
    TransportConfig,
    TransportState,
    covariance_matrix,
    fit_gaussian,
    iterate_fit,
    iterate_transport,
    probability_within,
    transport_gaussian,
)

LECTURE = np.array([[5.0, 1.5], [1.5, 1.0]])
WITHIN = tuple(f"{100 * probability_within(n):.0f} %" for n in (1, 2))


@dataclass(frozen=True)
class Source:
    """Where the points of the fit come from: a Gaussian, or two equal round lumps at ±offset."""

    title: str
    covariance: tuple[tuple[float, float], tuple[float, float]]
    offset: tuple[float, float] = (0.0, 0.0)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Points, ``(n, 2)``."""
        side = np.where(rng.random(n) < 0.5, -1.0, 1.0)[:, None]
        return Gaussian(np.zeros(2), np.array(self.covariance)).sample(n, rng) + side * self.offset

    def moments(self) -> Gaussian:
        """The Gaussian with the source's true mean and covariance: the best that any Gaussian can be."""
        return Gaussian(np.zeros(2), np.array(self.covariance) + np.outer(self.offset, self.offset))

    def entropy(self) -> float:
        """True entropy in nats; for two lumps by quadrature along the line that joins them."""
        lump = Gaussian(np.zeros(2), np.array(self.covariance))
        half = float(np.sqrt(lump.whiten(np.array([self.offset])) ** 2 @ np.ones(2))[0])
        if half == 0:
            return lump.entropy()
        u = np.linspace(-half - 10, half + 10, 20_001)
        p = (np.exp(-0.5 * (u - half) ** 2) + np.exp(-0.5 * (u + half) ** 2)) / np.sqrt(8 * np.pi)
        mixture = -np.trapezoid(p * np.log(np.maximum(p, 1e-300)), u)
        return lump.entropy() + mixture - 0.5 * (np.log(2 * np.pi) + 1)


SOURCES: dict[str, Source] = {
    "lecture": Source("The lecture's example", ((5.0, 1.5), (1.5, 1.0))),
    "round": Source("Round", ((1.0, 0.0), (0.0, 1.0))),
    "stretched": Source("Stretched", ((6.0, -2.2), (-2.2, 1.2))),
    "thin": Source("Nearly singular", ((4.0, 1.98), (1.98, 1.0))),
    "lumps": Source("Two lumps (no Gaussian fits)", ((0.5, 0.0), (0.0, 0.5)), (2.4, 1.2)),
}

SOURCE_TITLES = {name: source.title for name, source in SOURCES.items()}


# --- Fit ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FitSceneConfig:
    """Which source, how many points in all, and the seed that draws them."""

    source: str = "lecture"
    n: int = 200
    seed: int = 0


def fit_scene(config: FitSceneConfig) -> Scene:
    """Points arrive one by one; the maximum-likelihood estimate follows them."""
    source = SOURCES[config.source]
    data = source.sample(config.n, np.random.default_rng(config.seed))
    states = list(iterate_fit(data))
    divergence = np.array([_divergence(source, s) for s in states])
    return Scene(
        panels=(_fit_plane(source, data, states), _fit_curve(states, divergence)),
        steps=np.arange(len(states)),
        time="points n",
        readouts=_fit_readouts(states, divergence),
        captions=(
            "No points yet: nothing to estimate.",
            "One point: Σ̂ = 0, singular. Its likelihood has no upper bound.",
            "Two points: they lie on a line, Σ̂ is singular, the likelihood unbounded.",
            "The points seen so far lie on a line: Σ̂ is singular, the likelihood unbounded.",
        ),
        caption=np.array([min(s.step, 3) if s.singular else -1 for s in states]),
        equation="μ̂ = (1/n) Σ xᵢ = ({μ̂₁}, {μ̂₂})      Σ̂ = (1/n) Σ (xᵢ − μ̂)(xᵢ − μ̂)ᵀ = [ {Σ̂₁₁}  {Σ̂₁₂} ; {Σ̂₁₂}  {Σ̂₂₂} ]",
        alt=f"Points from “{source.title}” arrive one by one; the ellipses of the fitted Gaussian settle on the "
        "dashed ellipses of the truth while the divergence falls.",
        fps=15,
    )


def _divergence(source: Source, state: FitState) -> float:
    """KL(truth ‖ fit) in nats, exact for any source: the cross-entropy needs its moments only."""
    if state.singular:
        return float("nan") if state.step == 0 else float("inf")
    truth = source.moments()
    return state.gaussian.cross_entropy(truth.mean, truth.covariance) - source.entropy()


def _fit_plane(source: Source, data: np.ndarray, states: list[FitState]) -> Panel:
    truth = source.moments()
    reach = float(max(3.2 * np.sqrt(truth.covariance.diagonal().max()), np.abs(data).max(initial=0) * 1.03))
    steps = np.array([s.step for s in states])
    newest = data[np.maximum(steps - 1, 0)] if len(data) else np.full((1, 2), np.nan)
    newest = np.where(steps[:, None] > 0, newest, np.nan)
    layers = (
        Points(name="data", key="d", xy=data, count=steps, radius=4),
        Ellipses(name="truth", key="t", mean=truth.mean[None], covariance=truth.covariance[None],
                 colour="truth", dashed=True, width=2),
        Ellipses(name="fit", key="g", mean=np.array([[s.mean] for s in states]),
                 covariance=np.array([[s.covariance] for s in states]), colour="model", filled=True),
        Points(name="newest point", key="n", xy=newest[:, None], radius=6.5, colour="model"),
    )  # fmt: skip
    title = f"Ellipses at 1 σ and 2 σ hold {WITHIN[0]} and {WITHIN[1]}"
    return Panel(title, layers, (-reach, reach), (-0.6 * reach, 0.6 * reach), x_label="x₁", y_label="x₂", share=1.5)


def _fit_curve(states: list[FitState], divergence: np.ndarray) -> Panel:
    finite = divergence[np.isfinite(divergence) & (divergence > 0)]
    low, high = (finite.min(), finite.max()) if finite.size else (1e-3, 1.0)
    y = (10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(max(high, low * 1.01))))
    curve = Curve(
        name="KL(truth ‖ fit)",
        key="k",
        y=np.where(np.isfinite(divergence), divergence, np.nan),
        colour="model",
    )
    return Panel("KL(truth ‖ fit), nats", (curve,), (0, max(len(states) - 1, 1)), y, equal=False,
                 x_label="points n", y_scale="log")  # fmt: skip


def _fit_readouts(states: list[FitState], divergence: np.ndarray) -> tuple[Readout, ...]:
    means = np.array([s.mean for s in states])
    covariances = np.array([s.covariance for s in states])
    return (
        Readout("log-likelihood", np.array([s.log_likelihood for s in states]), "nats per point"),
        Readout("KL(truth ‖ fit)", divergence, "nats"),
        *(Readout(f"μ̂{'₁₂'[i]}", means[:, i], digits=2, hidden=True) for i in range(2)),
        Readout("Σ̂₁₁", covariances[:, 0, 0], digits=2, hidden=True),
        Readout("Σ̂₁₂", covariances[:, 0, 1], digits=2, hidden=True),
        Readout("Σ̂₂₂", covariances[:, 1, 1], digits=2, hidden=True),
    )


# --- Sample -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SampleSceneConfig:
    """Mean, standard deviations, correlation, number of samples; the slip uses Lᵀ where L belongs."""

    mean_1: float = 0.0
    mean_2: float = 0.0
    sigma_1: float = 2.236
    sigma_2: float = 1.0
    rho: float = 0.671
    n: int = 300
    slip: bool = False
    seed: int = 0

    def gaussian(self) -> Gaussian:
        """The distribution that these numbers describe."""
        return Gaussian(np.array([self.mean_1, self.mean_2]), covariance_matrix(self.sigma_1, self.sigma_2, self.rho))

    def transport(self) -> TransportConfig:
        """The way from noise to data."""
        return TransportConfig(factor="LT" if self.slip else "L", steps_per_phase=20)


SINGLES, SINGLE_FRAMES, RAIN_FRAMES, REST_FRAMES = 3, 24, 30, 15
NOISE_RANGE = (-3.4, 3.4)
CAPTIONS = (
    "One number pair z from the unit Gaussian …",
    "… becomes one sample x = μ + L z.",
    "Many z: nothing but noise, the same in every direction.",
    "Scale: each axis by a diagonal element of L.",
    "Shear: the off-diagonal element of L tilts the cloud. Now its covariance is L Lᵀ.",
    "Shift: the mean moves to μ. Every colour shows who went where.",
    "The slip: with Lᵀ in place of L the area is the same, the tilt is wrong (dashed: Σ as it should be).",
    "Shear, with Lᵀ in place of L: it tilts along the other axis.",
    "Shift: the mean moves to μ; the mean is right, the covariance LᵀL is not.",
)


def sample_scene(config: SampleSceneConfig) -> Scene:
    """Single samples first, then many, then the whole plane is carried along."""
    gaussian = config.gaussian()
    rng = np.random.default_rng(config.seed)
    z = rng.standard_normal((max(config.n, SINGLES), 2))[: max(config.n, 1)]
    path = list(iterate_transport(gaussian, config.transport()))
    frames = _storyboard(path, min(SINGLES, len(z)), len(z), config.slip)
    maps = [f.state for f in frames]
    covariances = np.array([m.matrix @ m.matrix.T for m in maps])
    return Scene(
        panels=(_noise_panel(z, frames), _data_panel(z, frames, gaussian, covariances, config.slip)),
        steps=np.arange(len(frames)),
        time="frame",
        readouts=_sample_readouts(z, frames, covariances, gaussian),
        captions=CAPTIONS,
        caption=np.array([f.caption for f in frames]),
        equation="x = {b₁} + {a₁₁} z₁ + {a₁₂} z₂ ,   {b₂} + {a₂₁} z₁ + {a₂₂} z₂",
        alt="Left: points of the unit Gaussian with unit circles. Right: the same points, scaled, sheared and "
        "shifted into the Gaussian with mean μ and covariance Σ; each point keeps its colour.",
        fps=24,
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


def _storyboard(path: list[TransportState], singles: int, n: int, slip: bool) -> list[_Frame]:
    start, end = path[0], path[-1]
    frames = [_Frame(start, 0, 0, caption=0)]
    for i in range(singles):
        for t in np.linspace(0, 1, SINGLE_FRAMES):
            red = path[round(float(t) * (len(path) - 1))]
            frames.append(_Frame(end, i + 1, i, i, red, caption=0 if t < 0.3 else 1))
    for t in np.linspace(0, 1, RAIN_FRAMES):
        count = singles + round(float(t) * (n - singles))
        frames.append(_Frame(start, count, count, caption=2))
    captions = {"start": 2, "scale": 3, "shear": 7 if slip else 4, "shift": 8 if slip else 5}
    for state in path:
        frames.append(_Frame(state, n, n, caption=captions[state.phase]))
    return frames + [_Frame(end, n, n, caption=6 if slip else 5)] * REST_FRAMES


def _hue(z: np.ndarray) -> np.ndarray:
    """Each point's own colour, from its direction on the noise side: 0 … 1 around the circle."""
    return (np.arctan2(z[:, 1], z[:, 0]) / (2 * np.pi)) % 1.0


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
        Points(name="samples", key="s", xy=z, count=np.array([f.shown for f in frames]), values=_hue(z), radius=4),
        Ellipses(name="1 σ, 2 σ", key="e", mean=np.zeros((1, 2)), covariance=unit, colour="data", width=1.8),
        Points(name="one sample", xy=_red(z, frames, False), radius=9, colour="model"),
    )
    return Panel("Noise  z ~ N(0, I)", layers, NOISE_RANGE, NOISE_RANGE, x_label="z₁", y_label="z₂")


def _data_panel(
    z: np.ndarray, frames: list[_Frame], gaussian: Gaussian, covariances: np.ndarray, slip: bool
) -> Panel:
    maps = [f.state for f in frames]
    lattice = _lattice()
    carried = np.array([m.apply(lattice.reshape(-1, 2)).reshape(lattice.shape) for m in maps])
    layers = (
        Polylines(name="lattice", key="g", xy=carried, colour="muted", width=1, alpha=0.55),
        Points(name="samples", key="s", xy=np.array([m.apply(z) for m in maps]),
               count=np.array([f.arrived for f in frames]), values=_hue(z), radius=4),
        Ellipses(name="1 σ, 2 σ", key="e", mean=np.array([[m.offset] for m in maps]),
                 covariance=covariances[:, None], colour="data", width=1.8),
        Ellipses(name="target N(μ, Σ)", key="t", mean=gaussian.mean[None], covariance=gaussian.covariance[None],
                 colour="truth", dashed=True, width=2),
        Points(name="one sample", xy=_red(z, frames, True), radius=9, colour="model"),
    )  # fmt: skip
    spread = 3.2 * np.sqrt(gaussian.covariance.diagonal()) + np.abs(gaussian.mean)
    across, up = np.maximum(spread, NOISE_RANGE[1]).tolist()
    title = f"Data  x = μ + {'Lᵀ' if slip else 'L'} z"
    return Panel(title, layers, (-across, across), (-up, up), x_label="x₁", y_label="x₂", share=1.15)


def _sample_readouts(
    z: np.ndarray, frames: list[_Frame], covariances: np.ndarray, gaussian: Gaussian
) -> tuple[Readout, ...]:
    red_log_p = np.full(len(frames), np.nan)
    for f, (frame, at) in enumerate(zip(frames, _red(z, frames, True), strict=True)):
        if frame.red_state is not None and frame.red_state.step == 60:
            red_log_p[f] = gaussian.log_prob(at)[0]
    matrices = np.array([f.state.matrix for f in frames])
    offsets = np.array([f.state.offset for f in frames])
    return (
        Readout("samples", np.array([f.arrived for f in frames], dtype=float), digits=0),
        Readout("var x₁", covariances[:, 0, 0], digits=2),
        Readout("var x₂", covariances[:, 1, 1], digits=2),
        Readout("cov", covariances[:, 0, 1], digits=2),
        Readout("area factor |det A|", np.abs(np.linalg.det(matrices)), digits=2),
        Readout("log p(one sample)", red_log_p, "nats", digits=2),
        *(Readout(f"a{'₁₂'[i]}{'₁₂'[j]}", matrices[:, i, j], digits=2, hidden=True) for i in (0, 1) for j in (0, 1)),
        *(Readout(f"b{'₁₂'[i]}", offsets[:, i], digits=2, hidden=True) for i in (0, 1)),
    )


# --- Formulas with the current numbers ----------------------------------------------------------------------


def fit_formula(config: FitSceneConfig) -> str:
    """The estimate from all n points beside the truth, in LaTeX."""
    source = SOURCES[config.source]
    state = fit_gaussian(source.sample(config.n, np.random.default_rng(config.seed)))
    truth = source.moments()
    return (
        rf"\hat\mu=\frac1{{n}}\sum_i x_i={matrix(state.mean)}\qquad"
        rf"\hat\Sigma=\frac1{{n}}\sum_i (x_i-\hat\mu)(x_i-\hat\mu)^\top={matrix(state.covariance)}\qquad"
        rf"n={config.n}\qquad\Sigma_{{\text{{true}}}}={matrix(truth.covariance)}"
    )


def sample_formula(config: SampleSceneConfig) -> str:
    """Σ = L Lᵀ, and the covariance that the samples really get, in LaTeX."""
    gaussian = config.gaussian()
    used = transport_gaussian(gaussian, config.transport()).matrix
    law = r"x=\mu+L^\top z" if config.slip else r"x=\mu+Lz"
    product = r"L^\top L" if config.slip else r"LL^\top"
    return (
        rf"\Sigma={matrix(gaussian.covariance)}\qquad L={matrix(gaussian.cholesky)}\qquad {law}\qquad"
        rf"\operatorname{{Cov}}(x)={product}={matrix(used @ used.T)}"
    )
