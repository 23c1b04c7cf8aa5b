"""Fit: points arrive one by one, and the maximum-likelihood Gaussian follows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Curve, Ellipses, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.fields import choice, slider
from dashboard.scene.latex import matrix
from dashboard.scene.own_points import OwnPoints, is_drawn
from dashboard.scene.snippet import snippet, written
from dashboard.scene.units import Units, in_units
from dashboard.scenes.gaussian.sources import SOURCE_TITLES, SOURCES, Pair, Source
from genmodels.gaussian import FitState, fit_gaussian, iterate_fit, probability_within

WITHIN = tuple(f"{100 * probability_within(n):.0f} %" for n in (1, 2))
MOST_FRAMES = 400


@dataclass(frozen=True)
class Config(OwnPoints):
    """Where the points come from, how many, and the seed that draws them."""

    source: str = choice("Data", "lecture", SOURCE_TITLES)
    points: int = slider("Points n", 200, 1, 500, 1, when=is_drawn)
    seed: int = 0

    @property
    def truth(self) -> Source | None:
        """Where the points come from, if anybody knows."""
        return SOURCES.get(self.source)

    def data(self) -> np.ndarray:
        """The points in the order of their arrival, ``(N, 2)``."""
        rng = np.random.default_rng(self.seed)
        return self.truth.sample(self.points, rng) if self.truth else rng.permutation(self.own())

    def data_code(self) -> str:
        """As :meth:`data`, in Python: ``x``; own points in their own units, which this model does not mind."""
        if self.truth:
            return self.truth.sample_code(self.points, self.seed)
        return (
            f"import numpy as np\nx = {written(self.as_given())}  # own points\n"
            f"x = np.random.default_rng({self.seed}).permutation(x)  # in the order of their arrival"
        )


@in_units
def scene(config: Config) -> Scene:
    """Points arrive one by one; the maximum-likelihood estimate follows them."""
    data, truth = config.data(), config.truth
    states = _thinned(list(iterate_fit(data)))
    divergence = np.array([_divergence(truth, s) if truth else np.nan for s in states])
    likelihood = np.array([s.log_likelihood for s in states]) - config.units.log_scale
    right = _divergence_panel(states, divergence) if truth else _likelihood_panel(states, likelihood)
    return Scene(
        panels=(_plane(config, data, states), right),
        steps=np.array([s.step for s in states]),
        time="points n",
        readouts=_readouts(states, config.units, likelihood, divergence if truth else None),
        captions=(
            "Paint points into the picture." if config.source == "painted" else "No points yet: nothing to estimate.",
            "One point: Σ̂ = 0, singular. Its likelihood has no upper bound.",
            "Two points: they lie on a line, Σ̂ is singular, the likelihood unbounded.",
            "The points seen so far lie on a line: Σ̂ is singular, the likelihood unbounded.",
        ),
        caption=np.array([min(s.step, 3) if s.singular else -1 for s in states]),
        equation="μ̂ = (1/n) Σ xᵢ = ({μ̂₁}, {μ̂₂})\u2003\u2003"
        "Σ̂ = (1/n) Σ (xᵢ − μ̂)(xᵢ − μ̂)ᵀ = [ {Σ̂₁₁}, {Σ̂₁₂} ; {Σ̂₁₂}, {Σ̂₂₂} ]",
        alt="Points arrive one by one; the ellipses of the fitted Gaussian settle"
        + (" on the dashed ellipses of the truth while the divergence falls." if truth else "."),
        fps=15,
        brush=config.brush(),
        start=states[-1].step if config.source == "painted" else None,
    )


def code(config: Config) -> str:
    """The estimate from all points; the divergence where the truth is a Gaussian, and the estimate is one."""
    divergence = "    'KL(truth ‖ fit)': truth.kl_divergence(fit.gaussian),"
    return snippet(
        config.data_code(),
        "from genmodels.gaussian import iterate_fit",
        "states = list(iterate_fit(x))  # states[n] has seen the first n points",
        "fit = states[-1]",
        "shown = {",
        "    'log-likelihood': fit.log_likelihood,",
        divergence if config.truth and config.source != "lumps" and config.points > 2 else "",
        "    'μ̂₁': fit.mean[0],",
        "    'μ̂₂': fit.mean[1],",
        "    'Σ̂₁₁': fit.covariance[0, 0],",
        "    'Σ̂₁₂': fit.covariance[0, 1],",
        "    'Σ̂₂₂': fit.covariance[1, 1],",
        "}",
    )


def _thinned(states: list[FitState]) -> list[FitState]:
    """All of few states; of many the first hundred and a part of the rest, the last among them."""
    if len(states) <= MOST_FRAMES:
        return states
    rest = np.unique(np.linspace(100, len(states) - 1, MOST_FRAMES - 100).round().astype(int))
    return states[:100] + [states[k] for k in rest]


def _divergence(source: Source, state: FitState) -> float:
    """KL(truth ‖ fit) in nats, exact for any source: the cross-entropy needs its moments only."""
    if state.singular:
        return float("nan") if state.step == 0 else float("inf")
    truth = source.moments()
    return state.gaussian.cross_entropy(truth.mean, truth.covariance) - source.entropy()


def best_of_lumps() -> float:
    """KL(truth ‖ best Gaussian) of the source that is none, nats: what no number of points removes."""
    lumps = SOURCES["lumps"]
    moments = lumps.moments()
    return moments.cross_entropy(moments.mean, moments.covariance) - lumps.entropy()


def _plane(config: Config, data: np.ndarray, states: list[FitState]) -> Panel:
    steps = np.array([s.step for s in states])
    newest = data[np.maximum(steps - 1, 0)] if len(data) else np.full((len(steps), 2), np.nan)
    newest = np.where(steps[:, None] > 0, newest, np.nan)
    truth = config.truth.moments() if config.truth else None
    layers = (
        Points(name="data", key="d", xy=data, count=steps, radius=4),
        *(
            [
                Ellipses(
                    name="truth",
                    key="t",
                    mean=truth.mean[None],
                    covariance=truth.covariance[None],
                    colour="truth",
                    dashed=True,
                    width=2,
                )
            ]
            if truth
            else []
        ),
        Ellipses(
            name="fit",
            key="g",
            mean=np.array([[s.mean] for s in states]),
            covariance=np.array([[s.covariance] for s in states]),
            colour="model",
            filled=True,
        ),
        Points(name="newest point", key="n", xy=newest[:, None], radius=6.5, colour="model"),
    )
    title = f"Ellipses at 1 σ and 2 σ hold {WITHIN[0]} and {WITHIN[1]}"
    x, y = _ranges(config, data)
    return plane(title, layers, x, y, share=1.5)


def _ranges(config: Config, data: np.ndarray) -> tuple[Pair, Pair]:
    if config.truth:
        spread = 3.2 * np.sqrt(config.truth.moments().covariance.diagonal().max())
        reach = float(max(spread, np.abs(data).max(initial=0) * 1.03))
        return (-reach, reach), (-0.6 * reach, 0.6 * reach)
    return config.frame()


def _divergence_panel(states: list[FitState], divergence: np.ndarray) -> Panel:
    finite = divergence[np.isfinite(divergence) & (divergence > 0)]
    low, high = (finite.min(), finite.max()) if finite.size else (1e-3, 1.0)
    y = (10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(max(high, low * 1.01))))
    shown = np.where(np.isfinite(divergence), divergence, np.nan)
    curve = Curve(name="KL(truth ‖ fit)", key="y", y=shown, colour="model")
    return chart(
        "KL(truth ‖ fit), nats", (curve,), (0, max(states[-1].step, 1)), y, x_label="points n", y_scale="log"
    )


def _likelihood_panel(states: list[FitState], likelihood: np.ndarray) -> Panel:
    shown = np.where(np.isfinite(likelihood), likelihood, np.nan)
    finite = shown[np.isfinite(shown)]
    low, high = (finite.min(), finite.max()) if finite.size else (-5.0, 0.0)
    curve = Curve(name="log-likelihood", key="y", y=shown, colour="model")
    return chart(
        "Log-likelihood, nats per point",
        (curve,),
        (0, max(states[-1].step, 1)),
        (float(low) - 0.5, float(high) + 0.5),
        x_label="points n",
    )


def _readouts(
    states: list[FitState], units: Units, likelihood: np.ndarray, divergence: np.ndarray | None
) -> tuple[Readout, ...]:
    means = units.restore(np.array([s.mean for s in states]))
    covariances = units.covariance(np.array([s.covariance for s in states]))
    moments = {"μ̂₁": means[:, 0], "μ̂₂": means[:, 1]}
    moments |= {"Σ̂₁₁": covariances[:, 0, 0], "Σ̂₁₂": covariances[:, 0, 1], "Σ̂₂₂": covariances[:, 1, 1]}
    digits = 4 if units.own else 2
    return (
        Readout("log-likelihood", likelihood, "nats per point"),
        *([Readout("KL(truth ‖ fit)", divergence, "nats")] if divergence is not None else []),
        *(Readout(n, v, digits=digits, hidden=True, significant=units.own) for n, v in moments.items()),
    )


def formula(config: Config) -> str:
    """The estimate from all n points, beside the truth where it is known, in LaTeX."""
    data = config.data()
    if len(data) == 0:
        return r"\hat\mu=\frac1n\sum_i x_i\qquad\hat\Sigma=\frac1n\sum_i (x_i-\hat\mu)(x_i-\hat\mu)^\top"
    state, units = fit_gaussian(data), config.units
    mean, covariance = units.restore(state.mean), units.covariance(state.covariance)
    text = (
        rf"\hat\mu=\frac1{{n}}\sum_i x_i={matrix(mean, any_size=units.own)}\qquad"
        rf"\hat\Sigma=\frac1{{n}}\sum_i (x_i-\hat\mu)(x_i-\hat\mu)^\top={matrix(covariance, any_size=units.own)}"
        rf"\qquad n={len(data)}"
    )
    if config.truth:
        text += rf"\qquad\Sigma_{{\text{{true}}}}={matrix(config.truth.moments().covariance)}"
    return text
