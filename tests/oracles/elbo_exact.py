"""What the cues of the page of bounds about exact posteriors have to show.

Mixtures by scipy's Gaussians, integrals over the curve by its adaptive quadrature; the folded plane is written once
more and integrated over a grid of the test's own; the stored decoder runs in torch.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.integrate import quad
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from dashboard.scenes.elbo import infinite, which_z
from tests.oracles import latent
from tests.oracles.handles import with_handles
from tests.oracles.latent import exactly, inked, rows_of
from tests.oracles.seen import About, Oracles, Seen
from tests.oracles.throughout import throughout

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "infinite": [infinite.Config("horseshoe", 0.15, 1.2, -0.4), infinite.Config("parabola", 0.5, -1.0, 3.0)],
    "which_z": [
        which_z.Config(which_1=-1.2, which_2=0.4, which_noise=0.15),  # a top of the grid is none
        which_z.Config(which_2=-1.2),  # a banana
        which_z.Config(which_noise=0.15, which_1=-2.0, which_2=-2.2),
        which_z.Config("vae", which_image=44),
        which_z.Config("vae", which_image=3),
    ],
}

# --- infinite -----------------------------------------------------------------------------------------------

K = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100, np.inf)


def on_curve(name: str, z: Any) -> np.ndarray:
    z = np.asarray(z, dtype=float)
    x, y = {
        "wave": (z, np.sin(2 * z)),
        "horseshoe": (1.8 * np.sin(z), 0.6 - 1.8 * np.cos(z)),
        "parabola": (z, 0.7 * z * z - 1),
    }[name]
    return np.stack([x, y], axis=-1)


def centres(seen: Seen) -> np.ndarray:
    """f(z_k), z_k in the middle of the k-th of K pieces of equal probability; none where all z are there."""
    k = K[seen.frame]
    if np.isinf(k):
        return np.empty((0, 2))
    return on_curve(seen.config.curve, norm.ppf((np.arange(k) + 0.5) / k))


def of_mixture(x: np.ndarray, means: np.ndarray, sigma: float) -> np.ndarray:
    squared = cdist(np.atleast_2d(x), means, "sqeuclidean")
    return np.squeeze(np.exp(-squared / (2 * sigma**2)).mean(axis=1) / (2 * np.pi * sigma**2))


@lru_cache(maxsize=32)
def of_all_at(name: str, sigma: float, x_1: float, x_2: float) -> float:
    """log p(x): adaptive quadrature over z, relative to the highest integrand."""

    def log_joint(z: Any) -> Any:
        return norm.logpdf(z) + norm.logpdf([x_1, x_2], on_curve(name, z), sigma).sum(axis=-1)

    grid = np.linspace(-8, 8, 4001)
    heights = log_joint(grid)
    top = heights.max()
    near = grid[heights > top - 45]
    places = np.linspace(near[0] - 0.1, near[-1] + 0.1, 41)
    parts = [quad(lambda z: np.exp(log_joint(z) - top), a, b)[0] for a, b in itertools.pairwise(places)]
    return float(top + np.log(np.sum(parts)))


def of_all(name: str, sigma: float, x: np.ndarray) -> np.ndarray:
    """p(x) of many x: all z between −6 and 6, a thousand of them."""
    z, step = np.linspace(-6, 6, 1001, retstep=True)
    share, means = norm.pdf(z) * step, on_curve(name, z)
    squared = cdist(x, means, "sqeuclidean")
    return np.exp(-squared / (2 * sigma**2)) @ share / (2 * np.pi * sigma**2)


def padded(rows: np.ndarray, count: int) -> np.ndarray:
    found = np.full((count, 2), np.nan)
    found[: len(rows)] = rows[:count]
    return found


def cells(extent: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """The cells' centres, row by row from the lowest."""
    x0, x1, y0, y1 = extent
    across = x0 + (np.arange(shape[1]) + 0.5) * (x1 - x0) / shape[1]
    up = y0 + (np.arange(shape[0]) + 0.5) * (y1 - y0) / shape[0]
    return np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)


@ORACLES("infinite", "Field p.*")
def density(seen: Seen) -> dict[str, Any]:
    shape, panel = seen.at("values").shape, seen.scene.panels[0]
    at = cells(seen.at("extent"), shape)
    sigma = seen.config.curve_noise
    p = of_mixture(at, centres(seen), sigma) if len(centres(seen)) else of_all(seen.config.curve, sigma, at)
    return {
        "values": About((p / p.max()).reshape(shape), absolute=1e-4),
        "extent": exactly((*panel.x, *panel.y)),
        "limits": exactly((0, 1)),
    }


@ORACLES("infinite", "Polylines f.*")
def whole_curve(seen: Seen) -> dict[str, Any]:
    line = seen.at("xy")[0]
    return {"xy": About(on_curve(seen.config.curve, np.linspace(-3.5, 3.5, len(line)))[None], absolute=1e-5)}


@ORACLES("infinite", "Ellipses Gaussians.*")
def gaussians(seen: Seen) -> dict[str, Any]:
    means = centres(seen)
    return {
        "mean": About(padded(means, 100), absolute=1e-5),
        "covariance": About(np.broadcast_to(seen.config.curve_noise**2 * np.eye(2), (100, 2, 2))),
        "weight": lambda w: (w[: len(means)] > 0).all() and not w[len(means) :].any(),
        "sigmas": exactly((1,)),
    }


@ORACLES("infinite", "Points f.*")
def at_the_centres(seen: Seen) -> dict[str, Any]:
    return {"xy": About(padded(centres(seen), 100), absolute=1e-5)}


@ORACLES("infinite", "Points x")
def the_x(seen: Seen) -> dict[str, Any]:
    x = [seen.config.curve_1, seen.config.curve_2]
    return {"xy": About([x]), **with_handles(seen, {"x": x})}


@ORACLES("infinite", "Labels ")
@throughout
def how_many(seen: Seen) -> dict[str, Any]:
    """One of the texts is in the picture, and it says how many Gaussians are."""
    here = np.isfinite(seen.at("at")).all(axis=1)
    text = np.array(seen.at("texts"))[here]
    n = len(seen.other("Gaussians, 1 σ").at("mean"))
    count = int(np.isfinite(seen.other("Gaussians, 1 σ").at("mean")[:n, 0]).sum())
    says = "∞: all z" if count == 0 else "1 Gaussian" if count == 1 else f"{count} Gaussians"
    return {"at": lambda _: text.tolist() == [says] or f"{text} for {count}"}


def area(outline: np.ndarray) -> float:
    """Under a line that goes to the right."""
    return float(np.sum(np.diff(outline[:, 0]) * (outline[1:, 1] + outline[:-1, 1]) / 2))


@ORACLES("infinite", "Polylines area.*")
@throughout
def columns(seen: Seen) -> dict[str, Any]:
    """Their area is p(x) by these Gaussians; between 0 and 1 along the share of the prior."""
    x = np.array([seen.config.curve_1, seen.config.curve_2])
    means, outline = centres(seen), seen.at("xy")[0]
    whole = np.exp(of_all_at(seen.config.curve, seen.config.curve_noise, *x))
    p = float(of_mixture(x, means, seen.config.curve_noise)) if len(means) else whole
    steps = len(np.unique(outline[:, 0])) - 1
    near = abs(area(outline) - p) < 1e-9 + (1e-3 if not len(means) else 1e-6) * p
    fits = outline[0, 0] == 0 and outline[-1, 0] == 1 and (steps == len(means) or not len(means))
    return {"xy": lambda _: (near and fits) or f"area {area(outline)}, expected {p}, {steps} columns"}


@ORACLES("infinite", "Polylines p.*")
def likelihood(seen: Seen) -> dict[str, Any]:
    line = seen.at("xy")[0]
    z = norm.ppf(line[:, 0])
    x = [seen.config.curve_1, seen.config.curve_2]
    p = norm.pdf(x, on_curve(seen.config.curve, z), seen.config.curve_noise).prod(axis=1)
    return {"xy": About(np.column_stack([line[:, 0], p])[None], absolute=1e-6)}


@lru_cache(maxsize=8)
def draws(name: str, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """4,000 draws of x, evenly spread in z, and their p(x)."""
    z = norm.ppf((np.arange(4000) + 0.5) / 4000)
    x = on_curve(name, z) + sigma * np.random.default_rng(1).standard_normal((4000, 2))
    return x, of_all(name, sigma, x)


@lru_cache(maxsize=512)
def elsewhere(name: str, sigma: float, k: float) -> float:
    """½ ∫ |p_K − p| = E_p max(0, 1 − p_K/p), by draws of p; a share."""
    x, p = draws(name, sigma)
    p_k = of_mixture(x, on_curve(name, norm.ppf((np.arange(k) + 0.5) / k)), sigma)
    return float(np.maximum(0, 1 - p_k / p).mean())


def mass(seen: Seen) -> Any:
    k = K[seen.frame]
    return 0.0 if np.isinf(k) else 100 * elsewhere(seen.config.curve, seen.config.curve_noise, k)


@ORACLES("infinite", "Curve ½.*")
def mass_by_k(seen: Seen) -> dict[str, Any]:
    k = K[seen.frame]
    if np.isinf(k):
        return {"y": np.nan, "x": np.nan}
    return {"y": About(mass(seen), relative=0.06, absolute=0.25), "x": exactly(k)}


@ORACLES("infinite", "Readout mass elsewhere")
def mass_said(seen: Seen) -> dict[str, Any]:
    return {"values": About(mass(seen), relative=0.06, absolute=0.25), "unit": "%"}


@ORACLES("infinite", "Readout Gaussians K")
@throughout
def number_said(seen: Seen) -> dict[str, Any]:
    k = K[seen.frame]
    return {"values": np.nan if np.isinf(k) else exactly(k), "unit": ""}


@ORACLES("infinite", "Readout log p.*")
@throughout
def log_p(seen: Seen) -> dict[str, Any]:
    config = seen.config
    x = np.array([config.curve_1, config.curve_2])
    whole = of_all_at(config.curve, config.curve_noise, *x)
    means = centres(seen)
    if "all z" in seen.name or not len(means):
        return {"values": About(whole, absolute=1e-6), "unit": "nats"}
    logs = norm.logpdf(x, means, config.curve_noise).sum(axis=1)
    return {"values": About(logsumexp(logs) - np.log(len(means)), absolute=1e-6), "unit": "nats"}


# --- which z ------------------------------------------------------------------------------------------------


def fold(z: Any) -> np.ndarray:
    z_1, z_2 = np.moveaxis(np.asarray(z, dtype=float), -1, 0)
    return np.stack([0.6 * z_1 + 0.25 * z_2, 0.6 * z_2**2 + 0.6 * z_1 - 1], axis=-1)


def given(config: Any) -> np.ndarray:
    return (
        np.array([config.which_1, config.which_2])
        if config.which_model == "fold"
        else rows_of("test", True)[config.which_image]
    )


def log_joint(config: Any, z: np.ndarray) -> np.ndarray:
    """log p(x, z) at ``(N, 2)``."""
    x, prior = given(config), norm.logpdf(z).sum(axis=-1)
    if config.which_model == "fold":
        return prior + norm.logpdf(x, fold(z), config.which_noise).sum(axis=-1)
    logits = latent.through("vae-2d", "decoder", z)
    picture = torch.distributions.Bernoulli(logits=logits).log_prob(torch.as_tensor(x).double())
    return prior + picture.sum(dim=1).numpy()


@lru_cache(maxsize=32)
def grid(config: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Two axes, log p(x, z) over them ``(z₁, z₂)``, and log p(x): a grid of other places than the scene's."""
    if config.which_model == "fold":
        first, second = np.linspace(-8.03, 7.97, 321), np.linspace(-4.52, 4.51, 301)
    else:  # where the encoder's network is not asked: a coarse look, then a fine one
        look = np.linspace(-4, 4, 49)
        coarse = log_joint(config, np.stack(np.meshgrid(look, look, indexing="ij"), axis=-1).reshape(-1, 2))
        kept = np.argwhere(coarse.reshape(49, 49) > coarse.max() - 16)
        low, high = look[kept.min(axis=0)] - 0.19, look[kept.max(axis=0)] + 0.19
        first, second = np.linspace(low[0], high[0], 85), np.linspace(low[1], high[1], 85)
    at = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1)
    values = log_joint(config, at.reshape(-1, 2)).reshape(at.shape[:2])
    cell = (first[1] - first[0]) * (second[1] - second[0])
    return first, second, values, float(logsumexp(values) + np.log(cell))


def tolerance(config: Any) -> float:
    return 1e-6 if config.which_model == "fold" else 2e-3  # a float32 network


@lru_cache(maxsize=32)
def tops(config: Any) -> np.ndarray:
    """Where a search ends from nodes higher than their neighbours, and than a hundredth of the highest; ``(T, 2)``.

    Highest first. A node on a ridge may be higher than its neighbours without a top there.
    """
    first, second, values, _ = grid(config)
    i, j = np.nonzero((values == maximum_filter(values, 3)) & (values > values.max() - np.log(100)))
    starts = np.column_stack([first[i], second[j]])[np.argsort(-values[i, j])]
    ends: list[np.ndarray] = []
    for start in starts:
        near = start + 0.02 * np.array([[0, 0], [1, 0], [0, 1]])
        found = minimize(
            lambda z: -log_joint(config, z[None])[0],
            start,
            method="Nelder-Mead",
            options={"initial_simplex": near, "xatol": 1e-4, "fatol": 1e-7},
        ).x
        if all(np.abs(found - other).max() > 0.02 for other in ends):
            ends.append(found)
    return np.array(ends)


def near_tops(config: Any, through: Any = None) -> Any:
    """The dots of the tops."""
    about = tops(config)
    return About(padded(about if through is None else through(about), 4), relative=0, absolute=0.01)


@lru_cache(maxsize=8)
def of_fold(sigma: float, extent: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """p(x) at the cells' centres: given z₂ x is Gaussian, and z₁ moves it along (0.6, 0.6)."""
    given_z_2 = multivariate_normal([0, 0], 0.36 * np.ones((2, 2)) + sigma**2 * np.eye(2))
    z_2, step = np.linspace(-5.01, 5, 251, retstep=True)
    at, shares = cells(extent, shape), step * norm.pdf(z_2)
    means = fold(np.stack([0 * z_2, z_2], axis=-1))
    return sum(share * given_z_2.pdf(at - mean) for share, mean in zip(shares, means, strict=True)).reshape(shape)


@ORACLES("which_z", "Field p.x.")
def density_of_x(seen: Seen) -> dict[str, Any]:
    p = of_fold(seen.config.which_noise, seen.at("extent"), seen.at("values").shape)
    return {"values": About(p, absolute=1e-6), "limits": About((0, p.max()))}


@ORACLES("which_z", "Polylines the fold|Polylines fold of z")
def crease(seen: Seen) -> dict[str, Any]:
    """There |∂f/∂z| = 0.6 · 1.2 z₂ − 0.25 · 0.6 is 0, and x₂ is least of all z with its x₁ − x₂."""
    z = np.array([[-9, 0.25 / 1.2], [9, 0.25 / 1.2]])
    return {"xy": About((fold(z) if "the fold" in seen.name else z)[None], absolute=1e-5)}


@ORACLES("which_z", "Points f.*")
def tops_seen(seen: Seen) -> dict[str, Any]:
    return {"xy": near_tops(seen.config, fold)}


@ORACLES("which_z", "Points tops")
def tops_marked(seen: Seen) -> dict[str, Any]:
    return {"xy": near_tops(seen.config)}


@ORACLES("which_z", "Labels tops")
def numbers_of_tops(seen: Seen) -> dict[str, Any]:
    """Right of their dots, by less than a twentieth of the panel."""
    dots = seen.other(seen.thing.name, seen.panel).at("xy")
    wide = np.ptp(seen.scene.panels[seen.panel].x)
    apart = seen.at("at") - dots
    there = np.isfinite(dots[:, 0])
    beside = (apart[there, 0] > 0).all() and (apart[there, 0] < 0.05 * wide).all() and not apart[there, 1].any()
    return {"at": lambda at: bool(beside and np.isnan(at[~there]).all()), "texts": ("1", "2", "3", "4")}


@ORACLES("which_z", "Points x")
def x_in_the_plane(seen: Seen) -> dict[str, Any]:
    x = given(seen.config)
    return {"xy": About([x]), **with_handles(seen, {"x": x})}


@ORACLES("which_z", "Field p.z.")
def prior(seen: Seen) -> dict[str, Any]:
    shape = seen.at("values").shape
    p = multivariate_normal(np.zeros(2)).pdf(cells(seen.at("extent"), shape)).reshape(shape)
    return {"values": About(p, absolute=1e-7), "limits": About((0, 1 / (2 * np.pi)))}


@ORACLES("which_z", "Ellipses prior.*")
def prior_circles(seen: Seen) -> dict[str, Any]:
    return {"mean": np.zeros((1, 2)), "covariance": np.eye(2)[None], "sigmas": exactly((1, 2))}


@lru_cache(maxsize=32)
def over(config: Any, extent: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """p(z | x) at the cells' centres."""
    return np.exp(log_joint(config, cells(extent, shape)) - grid(config)[3]).reshape(shape)


@ORACLES("which_z", "Field p.z . x.")
def posterior(seen: Seen) -> dict[str, Any]:
    config = seen.config
    log_p, p = grid(config)[3], over(config, seen.at("extent"), seen.at("values").shape)
    return {
        "values": About(p, relative=tolerance(config), absolute=tolerance(config) * p.max()),
        "limits": About((0, np.exp(log_joint(config, tops(config)[:1])[0] - log_p)), relative=0.005),
    }


@ORACLES("which_z", "Polylines shown beside")
def window(seen: Seen) -> dict[str, Any]:
    panel = seen.scene.panels[0]
    corners = [(panel.x[i], panel.y[j]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    return {"xy": About([corners])}


def share_below(config: Any, z_2: float) -> float:
    first, second, values, log_p = grid(config)
    step = (second[1] - second[0]) * (first[1] - first[0])
    of_row = np.exp(logsumexp(values, axis=0) - log_p) * step
    return float(np.interp(z_2, second + 0.5 * (second[1] - second[0]), np.cumsum(of_row)))


@ORACLES("which_z", "Polylines slice")
@throughout
def slice_(seen: Seen) -> dict[str, Any]:
    """Level, from the lowest z₁ to the highest; gone when all is summed. Below it is what has been summed."""
    panel, frames = seen.scene.panels[0], len(seen.scene.steps)
    if seen.frame == frames - 1:
        return {"xy": np.full((1, 2, 2), np.nan)}
    z_2 = float(seen.at("xy")[0, 0, 1])
    told = np.exp(seen.readout("log of the volume so far") - seen.readout("log p(x)"))
    below = share_below(seen.config, z_2)
    right = abs(told - below) < 0.01
    level = About([[(panel.x[0], z_2), (panel.x[1], z_2)]])
    return {"xy": level if right else f"below {z_2} lies {below}, said is {told}"}


@ORACLES("which_z", "Polylines area of a slice")
def marginal(seen: Seen) -> dict[str, Any]:
    """∫ p(x, z) dz₁ over its highest value."""
    _, second, values, _ = grid(seen.config)
    of_row = logsumexp(values, axis=0)
    line = seen.at("xy")[0]
    y = np.interp(line[:, 0], second, np.exp(of_row - of_row.max()), left=0, right=0)
    by_nodes = 0.02 if seen.config.which_model == "fold" else 0.04  # whose highest may miss the top between two
    return {"xy": About(np.column_stack([line[:, 0], y])[None], relative=0, absolute=by_nodes)}


@ORACLES("which_z", "Polylines volume so far")
@throughout
def volume(seen: Seen) -> dict[str, Any]:
    """What is filled, of all that lies under the line, is what the readout says."""
    outline, whole = seen.at("xy")[0], seen.other("area of a slice").at("xy")[0]
    told = np.exp(seen.readout("log of the volume so far") - seen.readout("log p(x)"))
    filled = area(outline) / area(whole)
    end = seen.other("slice").at("xy")[0, 0, 1]
    stops = np.isnan(end) or abs(outline[:, 0].max() - end) < 1e-5
    return {"xy": lambda _: bool(abs(filled - told) < 0.01 and stops) or f"{filled} filled, {told} said, to {end}"}


@ORACLES("which_z", "Images x")
def the_digit(seen: Seen) -> dict[str, Any]:
    return {"pixels": inked(given(seen.config)[None]), "columns": 1}


@ORACLES("which_z", "Images .* mean .*")
def at_the_mean(seen: Seen) -> dict[str, Any]:
    first, second, values, _ = grid(seen.config)
    shares = np.exp(values - logsumexp(values))
    z = [[shares.sum(axis=1) @ first, shares.sum(axis=0) @ second]]
    return {"pixels": inked(torch.sigmoid(latent.through("vae-2d", "decoder", z)).numpy()), "columns": 1}


@ORACLES("which_z", "Images decoded at .")
def at_a_top(seen: Seen) -> dict[str, Any]:
    """At the place that is marked so in the plane of z."""
    z = seen.other("tops", 0).at("xy")[int(seen.thing.name[-1]) - 1][None]
    return {"pixels": inked(torch.sigmoid(latent.through("vae-2d", "decoder", z)).numpy()), "columns": 1}


@ORACLES("which_z", "Labels ")
def captions(seen: Seen) -> dict[str, Any]:
    """Each stands under its picture."""
    pictures = [layer for layer in seen.scene.panels[1].layers if type(layer).__name__ == "Images"]
    at = [((p.extent[0] + p.extent[1]) / 2, p.extent[2] - 0.13) for p in pictures]
    return {"at": About(at, absolute=1e-3), "texts": tuple(p.name for p in pictures)}


@ORACLES("which_z", "Readout log p.x.")
def evidence(seen: Seen) -> dict[str, Any]:
    return {"values": About(grid(seen.config)[3], absolute=tolerance(seen.config)), "unit": "nats"}


@ORACLES("which_z", "Readout its error")
def its_error(seen: Seen) -> dict[str, Any]:
    """At least what is missed, but for the arithmetic's rounding, and less than a thousandth."""
    missed = abs(seen.readout("log p(x)") - grid(seen.config)[3])
    return {"values": lambda told: missed - tolerance(seen.config) <= told < 1e-3, "unit": "nats"}


@ORACLES("which_z", "Readout log of the volume.*")
@throughout
def volume_said(seen: Seen) -> dict[str, Any]:
    """It never falls, and ends at log p(x); the slice says whether it is right on the way."""
    series = np.asarray(seen.thing.values)
    whole = abs(series[-1] - grid(seen.config)[3]) < tolerance(seen.config) + 1e-4
    return {"values": lambda _: bool((np.diff(series) >= 0).all() and whole), "unit": "nats"}


@ORACLES("which_z", "Readout lumps")
def lumps(seen: Seen) -> dict[str, Any]:
    return {"values": exactly(len(tops(seen.config))), "unit": ""}
