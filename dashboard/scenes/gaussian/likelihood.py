"""Maximum likelihood by hand: move μ and σ until the points are as likely as can be, then let the gradient walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import (
    Bars,
    Claim,
    Curve,
    Ellipses,
    Field,
    Handle,
    Panel,
    Points,
    Polylines,
    Readout,
    Scene,
    chart,
    plane,
    said,
)
from dashboard.scene.claims import Said
from dashboard.scene.drag import handle, moved
from dashboard.scene.fields import placed, slider, switch, within_limits
from dashboard.scene.latex import matrix
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.gaussian import ellipse
from genmodels.gaussian import (
    AscentConfig,
    AscentState,
    Gaussian,
    covariance_matrix,
    fit_gaussian,
    iterate_ascent,
    log_densities,
)

TRUE_MEAN, TRUE_SIGMA = 0.6, 1.1  # what the points of the line are drawn from; the plane's are the lecture's
LECTURE = np.array([[5.0, 1.5], [1.5, 1.0]])
LINE, SIGMAS = (-5.0, 5.0), (0.25, 3.5)
DEPTH, DEPTH_IN_PLANE = 6.0, 15.0  # nats below 0 that the bars' panel shows
HILL_CELLS = 64
N_STEPS = 60


@dataclass(frozen=True)
class Config:
    """Start of the walk, on the line (μ₁, σ₁ only) or in the plane, and the points."""

    plane: bool = switch("In the plane")
    few: int = slider("Points", 12, 3, 60, 1)
    guess_mean_1: float = placed(-2.0, *LINE)
    guess_mean_2: float = placed(1.0, *LINE)
    guess_sigma_1: float = placed(0.8, *SIGMAS)
    guess_sigma_2: float = placed(0.8, *SIGMAS)
    guess_rho: float = placed(0.0, -ellipse.RHO, ellipse.RHO)
    seed: int = 0

    def data(self) -> np.ndarray:
        """The points, ``(N, 1)`` or ``(N, 2)``."""
        rng = np.random.default_rng([self.seed, 3])
        if self.plane:
            return Gaussian(np.zeros(2), LECTURE).sample(self.few, rng)
        return TRUE_MEAN + TRUE_SIGMA * rng.standard_normal((self.few, 1))

    def guess(self) -> Gaussian:
        """Where the walk begins."""
        if not self.plane:
            return Gaussian(np.array([self.guess_mean_1]), np.array([[self.guess_sigma_1**2]]))
        mean = np.array([self.guess_mean_1, self.guess_mean_2])
        return Gaussian(mean, covariance_matrix(self.guess_sigma_1, self.guess_sigma_2, self.guess_rho))


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a handle was moved: on the curve, on the hill, or on the ellipse."""
    if config.plane:
        centre, s1, s2, rho = ellipse.dragged(values, reach=LINE[1])
        m1, m2 = centre.round(2).tolist()
        moved_to = replace(
            config, guess_mean_1=m1, guess_mean_2=m2, guess_sigma_1=s1, guess_sigma_2=s2, guess_rho=rho
        )
        return within_limits(moved_to)
    held = moved(values)
    mean, sigma = handle(values, "you", "before").tolist()
    if held == "μ":
        mean = float(handle(values, "μ")[0])
    elif held == "σ":
        sigma = abs(float(handle(values, "σ")[0]) - mean)
    elif held == "you":
        mean, sigma = handle(values, "you").tolist()
    else:
        raise ValueError(f"Unknown handle {held!r}; hold 'μ', 'σ' or 'you'.")
    mean, sigma = float(np.clip(mean, *LINE)), float(np.clip(sigma, *SIGMAS))
    return replace(config, guess_mean_1=round(mean, 2), guess_sigma_1=round(sigma, 2))


def scene(config: Config) -> Scene:
    """The walk from the guess to the maximum; before it is played, its first frame is the guess itself."""
    data = config.data()
    states = list(iterate_ascent(data, AscentConfig(config.guess(), n_steps=N_STEPS)))
    best = fit_gaussian(data)
    panels = (_plane_panels if config.plane else _line_panels)(config, data, states)
    totals = np.array([s.log_likelihood for s in states])
    return Scene(
        panels=panels,
        steps=np.arange(len(states)),
        time="steps uphill",
        readouts=(
            Readout("Σ log p(xᵢ)", totals * len(data), "nats", digits=2),
            Readout("per point", totals, "nats"),
            Readout("missing to the top", np.maximum(best.log_likelihood - totals, 0), "nats per point"),
            *_parameters(config, states),
        ),
        alt="A Gaussian is moved towards the points; each point's log-density is a bar, and their sum is the height "
        "on a hill whose top is the maximum-likelihood estimate.",
        **_cut(config, data, states),
        fps=12,
        handles=_handles(config, states),
        start=0,
    )


def code(config: Config) -> str:
    """The walk up the hill, and its top."""
    rng = f"np.random.default_rng([{config.seed}, 3])"
    on_line = f"x = {TRUE_MEAN} + {TRUE_SIGMA} * {rng}.standard_normal(({config.few}, 1))"
    in_plane = f"x = Gaussian(np.zeros(2), {written(LECTURE)}).sample({config.few}, {rng})"
    names = ("μ₁", "μ₂") if config.plane else ("μ",)
    mean = [config.guess_mean_1, config.guess_mean_2][: len(names)]
    variance = f"np.array([[{config.guess_sigma_1}**2]])"
    covariance = f"covariance_matrix({config.guess_sigma_1}, {config.guess_sigma_2}, rho={config.guess_rho})"
    return snippet(
        "import numpy as np",
        "from genmodels.gaussian import AscentConfig, Gaussian, fit_gaussian, iterate_ascent",
        "from genmodels.gaussian import covariance_matrix" if config.plane else "",
        in_plane if config.plane else on_line,
        f"start = Gaussian(np.array({mean}), {covariance if config.plane else variance})",
        f"states = list(iterate_ascent(x, AscentConfig(start, n_steps={N_STEPS})))",
        "per_point = np.array([state.log_likelihood for state in states])",
        "shown = {",
        "    'Σ log p(xᵢ)': len(x) * per_point,",
        "    'per point': per_point,",
        "    'missing to the top': fit_gaussian(x).log_likelihood - per_point,",
        *(f"    '{name}': [state.mean[{k}] for state in states]," for k, name in enumerate(names)),
        *(
            f"    '{name.replace('μ', 'σ')}': [state.covariance[{k}, {k}] ** 0.5 for state in states],"
            for k, name in enumerate(names)
        ),
        "}",
    )


def _cut(config: Config, data: np.ndarray, states: list[AscentState]) -> Said:
    """Whether bars are longer than their panel."""
    depth = DEPTH_IN_PLANE if config.plane else DEPTH
    log_p = log_densities(np.array([s.mean for s in states]), np.array([s.covariance for s in states]), data)
    return said(
        len(states), Claim(f"Bars below −{depth:.0f} nats run out of the picture.", log_p.min(axis=1) < -depth)
    )


def _parameters(config: Config, states: list[AscentState]) -> tuple[Readout, ...]:
    means = np.array([s.mean for s in states])
    sigmas = np.sqrt([s.covariance.diagonal() for s in states])
    if not config.plane:
        return (Readout("μ", means[:, 0], digits=2), Readout("σ", sigmas[:, 0], digits=2))
    names = (("μ₁", means[:, 0]), ("μ₂", means[:, 1]), ("σ₁", sigmas[:, 0]), ("σ₂", sigmas[:, 1]))
    return tuple(Readout(name, values, digits=2) for name, values in names)


def _handles(config: Config, states: list[AscentState]) -> tuple[Handle, ...]:
    means, covariances = np.array([s.mean for s in states]), np.array([s.covariance for s in states])
    if config.plane:
        return ellipse.handles_of(means, covariances, panel=0)
    mean, sigma = means[:, 0], np.sqrt(covariances[:, 0, 0])
    peak = 1 / (sigma * np.sqrt(2 * np.pi))
    return (
        Handle("μ", np.stack([mean, peak], axis=1), 0, free="x"),
        Handle("σ", np.stack([mean + sigma, peak * np.exp(-0.5)], axis=1), 0, free="x"),
        Handle("you", np.stack([mean, sigma], axis=1), 1),
    )


# --- on the line --------------------------------------------------------------------------------------------


def _line_panels(config: Config, data: np.ndarray, states: list[AscentState]) -> tuple[Panel, ...]:
    return _bell_panel(data, states), _hill_panel(data, states)


def _bell_panel(data: np.ndarray, states: list[AscentState]) -> Panel:
    x = np.linspace(*LINE, 201)
    means, covariances = np.array([s.mean for s in states]), np.array([s.covariance for s in states])
    density = np.exp(log_densities(means, covariances, x[:, None]))
    bell = np.stack([np.broadcast_to(x, density.shape), density], axis=-1)[:, None]
    log_p = log_densities(means, covariances, data)
    layers = (
        Bars(name="log p(xᵢ)", key="b", height=log_p, x=data[:, 0], width=0.07, colour="class0"),
        Polylines(name="p(x)", key="p", xy=bell, colour="model", width=3),
        Points(name="data", key="d", xy=np.stack([data[:, 0], np.zeros(len(data))], axis=1), radius=5),
    )
    return chart("Above p(x), below log p(xᵢ) in nats", layers, LINE, (-DEPTH, 1.8), x_label="x", share=1.25)


def hill(data: np.ndarray, means: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Mean log-likelihood on a grid, ``(len(sigmas), len(means))``, in nats per point.

    It depends on the data by their mean and variance only.
    """
    centre, variance = data.mean(), data.var()
    miss = (variance + (centre - means[None, :]) ** 2) / sigmas[:, None] ** 2
    return -0.5 * (np.log(2 * np.pi) + miss) - np.log(sigmas)[:, None]


def _hill_panel(data: np.ndarray, states: list[AscentState]) -> Panel:
    means, sigmas = (np.linspace(*r, 2 * HILL_CELLS + 1)[1::2] for r in (LINE, SIGMAS))
    height = hill(data, means, sigmas)
    best = fit_gaussian(data)
    place = np.array([[s.mean[0], np.sqrt(s.covariance[0, 0])] for s in states])
    walked = np.repeat(place[None, None], len(states), axis=0)
    for k in range(len(states)):
        walked[k, 0, k + 1 :] = np.nan
    top = np.array([[best.mean[0], np.sqrt(best.covariance[0, 0])]])
    layers = (
        Field(
            name="log-likelihood",
            key="l",
            values=height,
            extent=(*LINE, *SIGMAS),
            unit="nats per point",
            limits=(float(height.max()) - 2.5, float(height.max())),
        ),
        Polylines(name="way walked", key="w", xy=walked, colour="model", width=3),
        Points(name="μ̂, σ̂ by the formula", key="t", visible=False, xy=top, radius=8, colour="truth"),
    )
    return chart("The likelihood hill", layers, LINE, SIGMAS, x_label="μ", y_label="σ")


# --- in the plane -------------------------------------------------------------------------------------------


def _plane_panels(config: Config, data: np.ndarray, states: list[AscentState]) -> tuple[Panel, ...]:
    log_p = log_densities(np.array([s.mean for s in states]), np.array([s.covariance for s in states]), data)
    best = fit_gaussian(data)
    layers = (
        Points(name="data", key="d", xy=data, radius=5),
        Ellipses(
            name="your Gaussian",
            key="g",
            mean=np.array([[s.mean] for s in states]),
            covariance=np.array([[s.covariance] for s in states]),
            colour="model",
            filled=True,
        ),
        Ellipses(
            name="μ̂, Σ̂ by the formula",
            key="t",
            visible=False,
            mean=best.mean[None],
            covariance=best.covariance[None],
            colour="truth",
            dashed=True,
            width=2,
        ),
    )
    bars = Bars(name="log p(xᵢ)", key="b", height=log_p, colour="class0")
    totals = np.array([s.log_likelihood for s in states])
    low = float(min(totals.min(), best.log_likelihood - 1))
    top = np.array([[[0, best.log_likelihood], [len(states) - 1, best.log_likelihood]]])
    height = (
        Curve(name="log-likelihood", key="l", y=totals, colour="model"),
        Polylines(name="the highest possible", xy=top, colour="truth", dashed=True),
    )
    return (
        plane("Points and your Gaussian", layers, (-6.5, 6.5), (-4.5, 4.5), share=1.5),
        chart(
            "log p(xᵢ) of each point, nats",
            (bars,),
            (-0.7, len(data) - 0.3),
            (-DEPTH_IN_PLANE, 0.5),
            x_label="point i",
        ),
        chart(
            "Height on the hill",
            height,
            (0, len(states) - 1),
            (low - 0.3, best.log_likelihood + 0.3),
            x_label="steps uphill",
        ),
    )


def formula(config: Config) -> str:
    """argmax over θ, and where it is, in LaTeX."""
    best, guess = fit_gaussian(config.data()), config.guess()
    yours = -guess.cross_entropy(best.mean, best.covariance)
    return (
        r"\hat\theta=\operatorname*{arg\,max}_\theta\ \frac1n\sum_i\log p(x_i;\theta)\qquad"
        rf"\text{{yours: }}{yours:.3f}\qquad\text{{the highest: }}{best.log_likelihood:.3f}\ \text{{nats at }}"
        rf"\hat\mu={matrix(best.mean)},\ \hat\Sigma={matrix(best.covariance)}"
    )
