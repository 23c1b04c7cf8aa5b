"""The Gaussian: its density, its maximum-likelihood estimate, and x = μ + L z, with numpy and scipy's densities."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal, norm

from dashboard.scene.painted import encode_points
from dashboard.scenes.gaussian import fit, likelihood, sample
from dashboard.scenes.gaussian.sources import SOURCES
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Expected, Oracles, Seen
from tests.oracles.throughout import throughout

ORACLES = Oracles()

_DRAWN = np.random.default_rng(5).standard_normal((40, 2)) @ [[1.0, 0.7], [0.0, 0.6]]
_ON_A_LINE = np.array([[-2.0, -1.0], [0.0, 0.0], [2.0, 1.0], [3.0, -2.0]])


def own(points: np.ndarray) -> dict[str, Any]:
    """Fields of a config for points of a file."""
    return {"source": "csv", "csv": tuple(map(tuple, points.tolist()))}


def by_hand(points: np.ndarray) -> dict[str, Any]:
    """Fields of a config for painted points."""
    return {"source": "painted", "painted": encode_points(points, [0] * len(points), (-5, 5), (-5, 5))}


MORE: dict[str, list[Any]] = {
    "fit": [
        fit.Config(**own(_DRAWN * [0.02, 300] + [0.05, 4000]), seed=3),
        fit.Config(**by_hand(_DRAWN)),
        fit.Config(**by_hand(_ON_A_LINE), seed=2),
        fit.Config(source="painted"),
        fit.Config(source="lumps", points=500),
    ],
    "sample": [
        sample.Config(rho=-0.5, mean_1=1.3, mean_2=-0.4, slip=True, challenge=True, seed=2),
        sample.Config(samples=1, mean_1=-1.0),
        sample.Config(samples=2, rho=0.0),
    ],
    "likelihood": [
        likelihood.Config(plane=True, guess_rho=0.5, guess_sigma_1=1.7),
        likelihood.Config(few=3, guess_mean_1=2.0, guess_sigma_1=3.0, seed=4),
    ],
}


def covariance_of(sigma_1: float, sigma_2: float, rho: float) -> np.ndarray:
    """Σ from standard deviations and correlation."""
    sigma = np.diag([sigma_1, sigma_2])
    return sigma @ np.array([[1, rho], [rho, 1]]) @ sigma


def moments_of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance, divided by N."""
    return x.mean(axis=0), np.cov(x, rowvar=False, bias=True)


def axes_of(mean: np.ndarray, covariance: np.ndarray) -> dict[str, np.ndarray]:
    """Centre and the ends of both half-axes at 1 σ, by name; each end lies to the upper right of the other one."""
    half = (covariance[0, 0] - covariance[1, 1]) / 2
    middle, apart = np.trace(covariance) / 2, np.hypot(half, covariance[0, 1])
    tilt = np.arctan2(covariance[0, 1], half) / 2  # of the long axis
    ends = {"mean": mean}
    for name, angle, variance in (("axis 1", tilt, middle + apart), ("axis 2", tilt + np.pi / 2, middle - apart)):
        arm = np.sqrt(variance) * np.array([np.cos(angle), np.sin(angle)])
        ends[name] = mean + (arm if arm.sum() >= 0 else -arm)
    return ends


# --- Fit ----------------------------------------------------------------------------------------------------


def arrived(seen: Seen) -> np.ndarray:
    """The points so far in the units in which they came."""
    return in_given_units(seen)[: seen.step]


def in_given_units(seen: Seen) -> np.ndarray:
    config = seen.config
    if config.source != "csv":
        return config.data()
    return np.random.default_rng(config.seed).permutation(np.array(config.csv))


def units_of(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of a unit of the picture, as its axes say."""
    return np.array([seen.scene.panels[0].x_unit, seen.scene.panels[0].y_unit]).T


def in_the_picture(seen: Seen) -> np.ndarray:
    """All points in the units of the picture."""
    centre, scale = units_of(seen)
    return (in_given_units(seen) - centre) / scale


def estimate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """μ̂ and Σ̂; NaN without points."""
    return moments_of(x) if len(x) else (np.full(2, np.nan), np.full((2, 2), np.nan))


def flat(x: np.ndarray) -> bool:
    """Whether the points lie on one line."""
    return len(x) < 3 or np.linalg.matrix_rank((x - x.mean(axis=0)) / x.std(axis=0).clip(1e-300), tol=1e-6) < 2


def true_moments(config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of a Gaussian, or of two equal ones at ±offset: x = lump ± offset."""
    source = SOURCES[config.source]
    d_1, d_2 = source.offset
    between = np.array([[d_1 * d_1, d_1 * d_2], [d_2 * d_1, d_2 * d_2]])
    return np.zeros(2), np.array(source.covariance) + between


@lru_cache(maxsize=8)
def true_entropy(source: str) -> float:
    """−∫ p log p over a grid."""
    covariance, offset = np.array(SOURCES[source].covariance), np.array(SOURCES[source].offset)
    u = np.linspace(-9, 9, 721)
    grid = np.stack(np.meshgrid(u, u), axis=-1) @ np.linalg.cholesky(covariance + np.outer(offset, offset)).T
    p = sum(0.5 * multivariate_normal(side * offset, covariance).pdf(grid) for side in (-1, 1))
    area = (u[1] - u[0]) ** 2 * np.sqrt(np.linalg.det(covariance + np.outer(offset, offset)))
    return float(-area * np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0).sum())


def divergence(seen: Seen) -> float:
    """KL(truth ‖ fit) = E_truth[−log fit] − entropy of the truth."""
    x = arrived(seen)
    if not len(x) or flat(x):
        return np.inf if len(x) else np.nan
    (mean, covariance), (true_mean, true) = moments_of(x), true_moments(seen.config)
    spread = true + np.outer(true_mean - mean, true_mean - mean)
    cross = (
        np.log(2 * np.pi) + 0.5 * np.log(np.linalg.det(covariance)) + 0.5 * (spread * np.linalg.inv(covariance)).sum()
    )
    return float(cross - true_entropy(seen.config.source))


@ORACLES("fit", "Title Ellipses at .*")
def share_inside(seen: Seen) -> str:
    shares = [f"{100 * (1 - np.exp(-(radius**2) / 2)):.0f} %" for radius in (1, 2)]
    return f"Ellipses at 1 σ and 2 σ hold {shares[0]} and {shares[1]}"


@ORACLES("fit", "Points data")
def data_of_fit(seen: Seen) -> dict[str, Any]:
    x = in_the_picture(seen)
    n = len(x) if seen.frame == len(seen.scene.steps) - 1 else seen.step
    return {"xy": x, "count": n}


@ORACLES("fit", "Ellipses truth")
def truth_of_fit(seen: Seen) -> dict[str, Any]:
    mean, covariance = true_moments(seen.config)
    return {"mean": mean[None], "covariance": covariance[None], "sigmas": (1, 2)}


@ORACLES("fit", "Ellipses fit")
@throughout
def fitted_ellipse(seen: Seen) -> dict[str, Any]:
    mean, covariance = estimate(in_the_picture(seen)[: seen.step])
    return {"mean": mean[None], "covariance": covariance[None], "sigmas": (1, 2)}


@ORACLES("fit", "Points newest point")
@throughout
def newest(seen: Seen) -> dict[str, Any]:
    x = in_the_picture(seen)[: seen.step]
    return {"xy": x[-1:] if len(x) else np.full((1, 2), np.nan)}


@ORACLES("fit", r"Curve KL\(truth ‖ fit\)")
@throughout
def divergence_curve(seen: Seen) -> float:
    found = divergence(seen)
    return found if np.isfinite(found) else np.nan


@ORACLES("fit", r"Readout KL\(truth ‖ fit\)")
@throughout
def divergence_readout(seen: Seen) -> Expected:
    return divergence(seen)


def mean_log_density(x: np.ndarray) -> float:
    """Of the points under their own estimate."""
    if not len(x) or flat(x):
        return np.inf if len(x) else np.nan
    mean, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / scale
    return float(multivariate_normal(np.zeros(2), np.cov(z.T, bias=True)).logpdf(z).mean() - np.log(scale).sum())


@ORACLES("fit", "Readout log-likelihood")
def likelihood_readout(seen: Seen) -> Expected:
    return mean_log_density(arrived(seen))


@ORACLES("fit", "Curve log-likelihood")
def likelihood_curve(seen: Seen) -> float:
    found = mean_log_density(arrived(seen))
    return found if np.isfinite(found) else np.nan


@ORACLES("fit", "Readout μ̂[₁₂]")
def estimated_mean(seen: Seen) -> Expected:
    return About(estimate(arrived(seen))[0]["₁₂".index(seen.name[-1])], relative=1e-6, absolute=1e-12)


@ORACLES("fit", "Readout Σ̂[₁₂]{2}")
def estimated_covariance(seen: Seen) -> Expected:
    i, j = ("₁₂".index(digit) for digit in seen.name[-2:])
    return About(estimate(arrived(seen))[1][i, j], relative=1e-6, absolute=1e-12)


# --- Sample -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Moment:
    """One frame of the story: points on either side, the map z ↦ A z + b, and the red sample's number and map."""

    shown: int
    arrived: int
    matrix: np.ndarray
    offset: np.ndarray
    red: int | None = None
    red_map: tuple[np.ndarray, np.ndarray] | None = None
    red_arrived: bool = False


def factor(config: Any) -> np.ndarray:
    """The lower triangular L with L Lᵀ = Σ, from σ₁, σ₂ and ρ."""
    s_1, s_2, rho = config.sigma_1, config.sigma_2, config.rho
    return np.array([[s_1, 0], [rho * s_2, s_2 * np.sqrt(1 - rho**2)]])


def mu(config: Any) -> np.ndarray:
    return np.array([config.mean_1, config.mean_2])


def way(config: Any, step: int) -> tuple[np.ndarray, np.ndarray]:
    """A and b after 0 … 60 steps: twenty scale the axes, twenty tilt, twenty shift."""
    scaled, tilted, shifted = np.clip(step / 20 - np.arange(3), 0, 1)
    whole = factor(config)
    matrix = np.diag(1 + scaled * (whole.diagonal() - 1))
    matrix[(0, 1) if config.slip else (1, 0)] = tilted * whole[1, 0]
    return matrix, shifted * mu(config)


def moment(config: Any, frame: int) -> Moment:
    """Three single samples of 24 frames each, 30 of rain, 61 of the map, then rest."""
    n = max(config.samples, 1)
    singles = min(3, n)
    if frame == 0:
        return Moment(0, 0, *way(config, 0))
    single, at = divmod(frame - 1, 24)
    if single < singles:
        step = round(60 * at / 23)
        return Moment(single + 1, single, *way(config, 60), single, way(config, step), step == 60)
    rain = frame - 1 - 24 * singles
    if rain < 30:
        count = singles + round(rain / 29 * (n - singles))
        return Moment(count, count, *way(config, 0))
    return Moment(n, n, *way(config, min(rain - 30, 60)))


def here(seen: Seen) -> Moment:
    return moment(seen.config, seen.frame)


def noise(config: Any) -> np.ndarray:
    """The first numbers of the seed; three pairs are drawn at least."""
    drawn = np.random.default_rng(config.seed).standard_normal((max(config.samples, 3), 2))
    return drawn[: max(config.samples, 1)]


def compass(z: np.ndarray) -> np.ndarray:
    """Direction as a share of the circle, counted from the right and anticlockwise."""
    return np.array([np.angle(complex(*point)) / (2 * np.pi) % 1 for point in z])


LATTICE = np.array([[(k, -3), (k, 3)] for k in range(-3, 4)] + [[(-3, k), (3, k)] for k in range(-3, 4)], dtype=float)
LEFT, RIGHT = 0, 1


@ORACLES("sample", "Polylines lattice")
@throughout
def lattice(seen: Seen) -> dict[str, Any]:
    now = here(seen)
    carried = np.array([[now.matrix @ end + now.offset for end in line] for line in LATTICE])
    return {"xy": LATTICE if seen.panel == LEFT else carried}


@ORACLES("sample", "Points samples")
@throughout
def samples(seen: Seen) -> dict[str, Any]:
    z, now = noise(seen.config), here(seen)
    if seen.panel == LEFT:
        return {"xy": z, "count": now.shown, "values": compass(z)}
    return {"xy": np.einsum("ij,nj->ni", now.matrix, z) + now.offset, "count": now.arrived, "values": compass(z)}


@ORACLES("sample", "Ellipses 1 σ, 2 σ")
@throughout
def carried_circles(seen: Seen) -> dict[str, Any]:
    now = here(seen)
    matrix, offset = (np.eye(2), np.zeros(2)) if seen.panel == LEFT else (now.matrix, now.offset)
    return {"mean": offset[None], "covariance": (matrix @ matrix.T)[None], "sigmas": (1, 2)}


@ORACLES("sample", r"Ellipses target N\(μ, Σ\)")
def target(seen: Seen) -> dict[str, Any]:
    whole = covariance_of(seen.config.sigma_1, seen.config.sigma_2, seen.config.rho)
    return {"mean": mu(seen.config)[None], "covariance": whole[None], "sigmas": (1, 2)}


@ORACLES("sample", r"Ellipses target N\(μ, Σ\)")
def handles_of_target(seen: Seen) -> dict[str, Any]:
    config = seen.config
    return with_handles(seen, axes_of(mu(config), covariance_of(config.sigma_1, config.sigma_2, config.rho)))


@ORACLES("sample", "Points one sample", panel=RIGHT)
def title_of_map(seen: Seen) -> dict[str, Any]:
    law = f"Data  x = μ + {'Lᵀ' if seen.config.slip else 'L'} z"
    return {"name": lambda _: seen.scene.panels[RIGHT].title == law or f"title, expected {law!r}"}


def red(seen: Seen) -> np.ndarray:
    """The red sample on this side, ``(1, 2)``; NaN where there is none."""
    now = here(seen)
    if now.red is None or now.red_map is None:
        return np.full((1, 2), np.nan)
    z = noise(seen.config)[now.red]
    matrix, offset = (np.eye(2), np.zeros(2)) if seen.panel == LEFT else now.red_map
    return (matrix @ z + offset)[None]


@ORACLES("sample", "Points one sample")
@throughout
def one_sample(seen: Seen) -> dict[str, Any]:
    return {"xy": red(seen)}


@ORACLES("sample", "Points hidden Gaussian's data")
def hidden_points(seen: Seen) -> dict[str, Any]:
    hidden = seen.config.hidden()
    z = np.random.default_rng([seen.config.seed, 78]).standard_normal((150, 2))
    (v_11, v_12), (_, v_22) = hidden.covariance
    lower = np.array([[v_11**0.5, 0], [v_12 / v_11**0.5, (v_22 - v_12**2 / v_11) ** 0.5]])
    return {"xy": hidden.mean + np.einsum("ij,nj->ni", lower, z)}


@ORACLES("sample", "Readout samples")
@throughout
def number(seen: Seen) -> float:
    return here(seen).arrived


@ORACLES("sample", r"Readout area factor \|det A\|")
@throughout
def area(seen: Seen) -> float:
    (a_11, a_12), (a_21, a_22) = here(seen).matrix
    return abs(a_11 * a_22 - a_12 * a_21)


@ORACLES("sample", r"Readout log p\(one sample\)")
@throughout
def red_density(seen: Seen) -> float:
    if not here(seen).red_arrived:
        return np.nan
    config = seen.config
    covariance = covariance_of(config.sigma_1, config.sigma_2, config.rho)
    return multivariate_normal(mu(config), covariance).logpdf(red(seen)[0])


@ORACLES("sample", "Readout [avS][₁₂]{2}")
@throughout
def of_matrix(seen: Seen) -> float:
    """A, A Aᵀ, and the covariance of the samples, A S_z Aᵀ."""
    now = here(seen)
    i, j = ("₁₂".index(digit) for digit in seen.name[-2:])
    z = noise(seen.config)[: now.arrived]
    spread = np.full((2, 2), np.nan) if not len(z) else (z - z.mean(axis=0)).T @ (z - z.mean(axis=0)) / len(z)
    of = {
        "a": now.matrix,
        "v": now.matrix @ now.matrix.T,
        "S": now.matrix @ spread @ now.matrix.T,
    }
    return of[seen.name[-3]][i, j]


@ORACLES("sample", "Readout (b|x̄)[₁₂]")
@throughout
def of_offset(seen: Seen) -> float:
    """b, and the mean of the samples, A z̄ + b."""
    now = here(seen)
    z = noise(seen.config)[: now.arrived]
    mean = now.matrix @ z.mean(axis=0) + now.offset if len(z) else np.full(2, np.nan)
    return (now.offset if seen.name[-2] == "b" else mean)["₁₂".index(seen.name[-1])]


# --- Maximum likelihood -------------------------------------------------------------------------------------

STEP_SIZE = 0.1


def guess(config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``(D,)`` and covariance ``(D, D)`` where the walk begins."""
    if not config.plane:
        return np.array([config.guess_mean_1]), np.array([[config.guess_sigma_1**2]])
    covariance = covariance_of(config.guess_sigma_1, config.guess_sigma_2, config.guess_rho)
    return np.array([config.guess_mean_1, config.guess_mean_2]), covariance


def walked(config: Any, step: int) -> tuple[np.ndarray, np.ndarray]:
    """E[x] and E[x xᵀ] come nearer to the data's by a tenth each step: what is left of the way is 0.9ᵗ."""
    x, (mean, covariance) = config.data(), guess(config)
    left = (1 - STEP_SIZE) ** step
    first = left * mean + (1 - left) * x.mean(axis=0)
    second = left * (covariance + np.outer(mean, mean)) + (1 - left) * x.T @ x / len(x)
    return first, second - np.outer(first, first)


def log_p(config: Any, step: int) -> np.ndarray:
    """Of each point."""
    x = config.data()
    return np.atleast_1d(multivariate_normal(*walked(config, step)).logpdf(x if config.plane else x[:, 0]))


def highest(config: Any) -> float:
    """Mean log-density under the estimate from all points."""
    x = config.data()
    mean, covariance = moments_of(x)
    return float(multivariate_normal(mean, covariance).logpdf(x if config.plane else x[:, 0]).mean())


@ORACLES("likelihood", r"Bars log p\(xᵢ\)")
@throughout
def log_density_bars(seen: Seen) -> dict[str, Any]:
    bars = {"height": log_p(seen.config, seen.step), "base": 0}
    return bars if seen.config.plane else bars | {"x": seen.config.data()[:, 0]}


@ORACLES("likelihood", r"Polylines p\(x\)")
@throughout
def bell(seen: Seen) -> dict[str, Any]:
    (mean,), ((variance,),) = walked(seen.config, seen.step)
    x = np.linspace(-5, 5, 201)
    return {"xy": np.stack([x, norm(mean, np.sqrt(variance)).pdf(x)], axis=1)[None]}


@ORACLES("likelihood", r"Polylines p\(x\)|Ellipses your Gaussian")
@throughout
def handles_of_yours(seen: Seen) -> dict[str, Any]:
    """In the plane on the ellipse; on the line at the top and beside it, at σ, and on the hill."""
    mean, covariance = walked(seen.config, seen.step)
    if seen.config.plane:
        return with_handles(seen, axes_of(mean, covariance))
    m, s = float(mean[0]), float(np.sqrt(covariance[0, 0]))
    density = norm(m, s).pdf
    return with_handles(seen, {"μ": (m, density(m)), "σ": (m + s, density(m + s)), "you": (m, s)})


@ORACLES("likelihood", "Points data")
def data_of_likelihood(seen: Seen) -> dict[str, Any]:
    x = seen.config.data()
    return {"xy": x if seen.config.plane else np.stack([x[:, 0], 0 * x[:, 0]], axis=1)}


@ORACLES("likelihood", "Field log-likelihood")
def hill(seen: Seen) -> dict[str, Any]:
    x_0, x_1, y_0, y_1 = seen.at("extent")
    columns, rows = 64, 64
    mean = x_0 + (x_1 - x_0) * (np.arange(columns) + 0.5) / columns
    sigma = y_0 + (y_1 - y_0) * (np.arange(rows) + 0.5) / rows
    data = seen.config.data()[:, 0]
    height = np.stack([norm(mean[:, None], s).logpdf(data).mean(axis=1) for s in sigma])
    panel = seen.scene.panels[seen.panel]
    return {"values": height, "extent": (*panel.x, *panel.y), "limits": (height.max() - 2.5, height.max())}


@ORACLES("likelihood", "Polylines way walked")
@throughout
def way_walked(seen: Seen) -> dict[str, Any]:
    way = np.full((1, len(seen.scene.steps), 2), np.nan)
    for step in range(seen.step + 1):
        (mean,), ((variance,),) = walked(seen.config, step)
        way[0, step] = mean, np.sqrt(variance)
    return {"xy": way}


@ORACLES("likelihood", "Points μ̂, σ̂ by the formula")
def top(seen: Seen) -> dict[str, Any]:
    data = seen.config.data()
    return {"xy": np.array([[data.mean(), data.std()]])}


@ORACLES("likelihood", "Ellipses your Gaussian")
@throughout
def your_gaussian(seen: Seen) -> dict[str, Any]:
    mean, covariance = walked(seen.config, seen.step)
    return {"mean": mean[None], "covariance": covariance[None], "sigmas": (1, 2)}


@ORACLES("likelihood", "Ellipses μ̂, Σ̂ by the formula")
def top_in_plane(seen: Seen) -> dict[str, Any]:
    mean, covariance = moments_of(seen.config.data())
    return {"mean": mean[None], "covariance": covariance[None], "sigmas": (1, 2)}


@ORACLES("likelihood", "Curve log-likelihood|Readout per point")
@throughout
def height_on_the_hill(seen: Seen) -> float:
    return log_p(seen.config, seen.step).mean()


@ORACLES("likelihood", "Polylines the highest possible")
def highest_line(seen: Seen) -> dict[str, Any]:
    height = highest(seen.config)
    return {"xy": np.array([[[seen.scene.steps[0], height], [seen.scene.steps[-1], height]]])}


@ORACLES("likelihood", r"Readout Σ log p\(xᵢ\)")
@throughout
def total(seen: Seen) -> float:
    return log_p(seen.config, seen.step).sum()


@ORACLES("likelihood", "Readout missing to the top")
@throughout
def missing(seen: Seen) -> float:
    return highest(seen.config) - log_p(seen.config, seen.step).mean()


@ORACLES("likelihood", "Readout μ[₁₂]?")
def walked_mean(seen: Seen) -> float:
    return walked(seen.config, seen.step)[0]["₁₂".find(seen.name[-1]) if seen.config.plane else 0]


@ORACLES("likelihood", "Readout σ[₁₂]?")
def walked_sigma(seen: Seen) -> float:
    k = "₁₂".find(seen.name[-1]) if seen.config.plane else 0
    return np.sqrt(walked(seen.config, seen.step)[1][k, k])


# --- Evaluate -----------------------------------------------------------------------------------------------


def shrunk(seen: Seen) -> np.ndarray:
    """Σ of this frame: in sixty steps both σ shrink to a tenth."""
    config = seen.config
    factor = 0.1 ** (seen.step / 60)
    return covariance_of(factor * config.sigma_1, factor * config.sigma_2, config.rho)


def probe(seen: Seen) -> np.ndarray:
    return np.array([seen.config.probe_1, seen.config.probe_2])


def distance(seen: Seen) -> float:
    """Mahalanobis distance of the probe."""
    return float(np.sqrt(probe(seen) @ np.linalg.inv(shrunk(seen)) @ probe(seen)))


@ORACLES("evaluate", r"Field p\(x\) / p\(μ\)")
def relative_density(seen: Seen) -> dict[str, Any]:
    centres = -6 + 12 * (np.arange(56) + 0.5) / 56
    density = multivariate_normal(np.zeros(2), shrunk(seen)).pdf
    values = [[density([x, y]) for x in centres] for y in centres] / density(np.zeros(2))
    return {"values": About(values, absolute=1e-4), "extent": (-6, 6, -6, 6), "limits": (0, 1)}


@ORACLES("evaluate", "Ellipses 1 σ, 2 σ")
@throughout
def shrinking(seen: Seen) -> dict[str, Any]:
    return {"mean": np.zeros((1, 2)), "covariance": shrunk(seen)[None], "sigmas": (1, 2)}


@ORACLES("evaluate", "Ellipses contour through the probe")
@throughout
def contour(seen: Seen) -> dict[str, Any]:
    """The 1-σ contour of a Gaussian that is wider by the probe's distance."""
    return {"mean": np.zeros((1, 2)), "covariance": distance(seen) ** 2 * shrunk(seen)[None], "sigmas": (1,)}


@ORACLES("evaluate", "Points probe")
def probe_point(seen: Seen) -> dict[str, Any]:
    return {"xy": probe(seen)[None]} | with_handles(seen, {"probe": probe(seen)})


def marginal(seen: Seen) -> Any:
    """The distribution of x₁ alone."""
    return norm(0, np.sqrt(shrunk(seen)[0, 0]))


@ORACLES("evaluate", r"Polylines p\(x₁\)")
@throughout
def marginal_bell(seen: Seen) -> dict[str, Any]:
    x = np.linspace(-4, 4, 161) * marginal(seen).std()
    return {"xy": np.stack([x, marginal(seen).pdf(x)], axis=1)[None]}


@ORACLES("evaluate", "Polylines 68.3 % of the probability")
@throughout
def shaded(seen: Seen) -> dict[str, Any]:
    """From −σ on the axis up to the bell, along it to σ, and down again."""
    sigma, density = marginal(seen).std(), marginal(seen).pdf

    def right(shown: np.ndarray) -> bool:
        (first, *on_bell, last), (x, y) = shown[0], shown[0].T
        area = np.trapezoid(y, x)
        return bool(
            np.allclose([first, last], [(-sigma, 0), (sigma, 0)])
            and np.allclose(x[1:-1], np.linspace(-sigma, sigma, len(on_bell)))
            and np.allclose(y[1:-1], density(x[1:-1]))
            and abs(area - 0.6827) < 1e-3
        )

    return {"xy": right}


@ORACLES("evaluate", "Polylines density 1")
def density_of_one(seen: Seen) -> dict[str, Any]:
    low, high = seen.scene.panels[seen.panel].x
    return {"xy": np.array([[[low, 1], [high, 1]]])}


@ORACLES("evaluate", r"Readout p\(x\)")
@throughout
def density_at_probe(seen: Seen) -> float:
    return multivariate_normal(np.zeros(2), shrunk(seen)).pdf(probe(seen))


@ORACLES("evaluate", r"Readout log p\(x\)")
@throughout
def log_density_at_probe(seen: Seen) -> float:
    return multivariate_normal(np.zeros(2), shrunk(seen)).logpdf(probe(seen))


@ORACLES("evaluate", "Readout Mahalanobis distance")
@throughout
def mahalanobis(seen: Seen) -> float:
    return distance(seen)


@ORACLES("evaluate", "Readout probability inside its contour")
@throughout
def inside(seen: Seen) -> float:
    """χ² with two degrees of freedom, in %."""
    return 100 * (1 - np.exp(-(distance(seen) ** 2) / 2))


@ORACLES("evaluate", r"Readout p\(μ\)")
@throughout
def peak(seen: Seen) -> float:
    return 1 / np.sqrt(np.linalg.det(2 * np.pi * shrunk(seen)))


# --- Converge -----------------------------------------------------------------------------------------------

REPETITIONS, MOST = 20, 10_000


def true_covariance(config: Any) -> np.ndarray:
    return np.array(SOURCES[config.target].covariance)


@lru_cache(maxsize=2)
def repetitions(config: Any) -> np.ndarray:
    """All points of all repetitions, ``(20, 10000, 2)``."""
    z = np.random.default_rng(config.seed).standard_normal((REPETITIONS, MOST, 2))
    (v_11, v_12), (_, v_22) = true_covariance(config)
    x_1 = v_11**0.5 * z[..., 0]
    return np.stack([x_1, v_12 / v_11 * x_1 + (v_22 - v_12**2 / v_11) ** 0.5 * z[..., 1]], axis=-1)


@lru_cache(maxsize=256)
def twenty(config: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Means ``(20, 2)`` and covariances ``(20, 2, 2)`` of the first n points of each repetition."""
    x = repetitions(config)[:, :n]
    centred = x - x.mean(axis=1, keepdims=True)
    return x.mean(axis=1), centred.swapaxes(1, 2) @ centred / n


def errors(seen: Seen, n: int, of_mean: bool) -> np.ndarray:
    """Distances from the truth, ``(20,)``."""
    means, covariances = twenty(seen.config, n)
    if of_mean:
        return np.hypot(*means.T)
    off = covariances - true_covariance(seen.config)
    return np.sqrt((off**2).sum(axis=(1, 2)))


def expected_error(seen: Seen, n: Any, of_mean: bool) -> Any:
    """Roots of Σ Var μ̂ᵢ = Σ Σᵢᵢ / n and of Σ Var Σ̂ᵢⱼ = Σ (Σᵢᵢ Σⱼⱼ + Σᵢⱼ²) / n, the latter for large n."""
    (v_11, v_12), (_, v_22) = true_covariance(seen.config)
    if of_mean:
        return np.sqrt((v_11 + v_22) / n)
    return np.sqrt((2 * v_11**2 + 2 * v_22**2 + 2 * (v_11 * v_22 + v_12**2)) / n)


OF_MEAN, OF_COVARIANCE = 1, 2


@ORACLES("converge", "Points data of one repetition")
def first_repetition(seen: Seen) -> dict[str, Any]:
    return {"xy": repetitions(seen.config)[0, :1500], "count": min(seen.step, 1500)}


@ORACLES("converge", "Ellipses 20 estimates, 1 σ")
def estimates(seen: Seen) -> dict[str, Any]:
    means, covariances = twenty(seen.config, seen.step)
    return {"mean": means, "covariance": covariances, "sigmas": (1,)}


@ORACLES("converge", "Ellipses truth, 1 σ")
def truth_of_converge(seen: Seen) -> dict[str, Any]:
    return {"mean": np.zeros((1, 2)), "covariance": true_covariance(seen.config)[None], "sigmas": (1,)}


@ORACLES("converge", "Polylines 20 repetitions")
def errors_so_far(seen: Seen) -> dict[str, Any]:
    lines = np.full((REPETITIONS, len(seen.scene.steps), 2), np.nan)
    for k, n in enumerate(seen.scene.steps[: seen.frame + 1].tolist()):
        lines[:, k, 0], lines[:, k, 1] = n, errors(seen, n, seen.panel == OF_MEAN)
    return {"xy": lines}


@ORACLES("converge", "Polylines expected, ∝ 1/√n")
def law(seen: Seen) -> dict[str, Any]:
    n = seen.scene.steps.astype(float)
    return {"xy": np.stack([n, expected_error(seen, n, seen.panel == OF_MEAN)], axis=1)[None]}


@ORACLES("converge", r"Readout ‖(μ̂ − μ|Σ̂ − Σ)‖.*, rms of 20")
@throughout
def root_mean_square(seen: Seen) -> float:
    return np.sqrt((errors(seen, seen.step, "μ" in seen.name) ** 2).mean())


@ORACLES("converge", r"Readout expected( \(large n\))?")
@throughout
def expected_readout(seen: Seen) -> float:
    return expected_error(seen, seen.step, seen.name == "Readout expected")
