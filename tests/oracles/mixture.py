"""Mixtures: Lloyd's and EM's steps, written out; densities by scipy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp, softmax, xlogy
from scipy.stats import multivariate_normal

from dashboard.scene.painted import decode_points, encode_points
from dashboard.scenes.mixture.setup import Config
from genmodels.kmeans import starting_means
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Expected, Oracles, Seen
from tests.oracles.throughout import throughout

ORACLES = Oracles()

_RNG = np.random.default_rng(5)
_LUMPS = np.concatenate([_RNG.standard_normal((40, 2)), 0.5 * _RNG.standard_normal((30, 2)) + [3.5, 2]])
_FILE: dict[str, Any] = {
    "source": "csv",
    "csv": tuple(map(tuple, (_LUMPS * [0.02, 300] + [0.05, 4000]).tolist())),
    "columns": ("rate", "price"),
}
_PAINTED: dict[str, Any] = {
    "source": "painted",
    "painted": encode_points(_LUMPS, [0] * len(_LUMPS), (-5, 5), (-5, 5)),
}
OWN = [Config(**_FILE, seed=1), Config(**_PAINTED, k=2)]
MORE: dict[str, list[Any]] = {
    "kmeans": [*OWN, Config(source="ring", k=9, points=30)],
    "beside": [*OWN, Config(source="unequal")],
    "em": [
        *OWN,
        Config(**_FILE, k=2, type="tied"),
        Config(k=2, type="diag", probe_1=-2.0, probe_2=-1.0),
        Config(source="moons", k=5, type="spherical", reg_covar=0.01),
        Config(source="elongated", type="tied", probe_1=2.0, probe_2=-1.5),
    ],
    "harden": [*OWN, Config(source="unequal", k=2), Config(k=1)],
    "starts": [*OWN, Config(source="moons", k=6, points=40, reg_covar=0.0)],
    "collapse": [*OWN, Config(reg_covar=0.01), Config(k=1, reg_covar=0.0), Config(**_FILE, reg_covar=0.0, k=2)],
    "choose": [*OWN, Config(source="moons", type="diag", points=100)],
    "generate": [*OWN, Config(source="unequal", k=4, type="tied", seed=3)],
}

# --- Points, units and starts -------------------------------------------------------------------------------


def scales(seen: Seen) -> np.ndarray:
    """How many of the data's units a unit of the picture is, as the axes say."""
    return np.array([seen.scene.panels[0].x_unit[1], seen.scene.panels[0].y_unit[1]])


def in_the_picture(seen: Seen) -> np.ndarray:
    """The points, in the picture's units; those of a file by what its axes say."""
    if seen.config.source != "csv":
        return seen.config.data()
    panel = seen.scene.panels[seen.panel]
    centre = np.array([panel.x_unit[0], panel.y_unit[0]])
    return (np.array(seen.config.csv) - centre) / [panel.x_unit[1], panel.y_unit[1]]


def per_unit(seen: Seen, nats: float) -> float:
    """A mean log-density of the picture's units as one of the data's."""
    return float(nats - np.log(scales(seen)).sum())


def rounds(seen: Seen, steps: list[Any]) -> Any:
    """The step of this frame; the last one stays."""
    return steps[min(seen.frame, len(steps) - 1)]


def start(config: Config) -> np.ndarray:
    """Starting means: those set by hand if there are as many as components, else by k-means++."""
    by_hand = decode_points(config.means, *config.frame())[0]
    if len(by_hand) == config.k:
        return by_hand
    return starting_means(config.data(), config.k, "kmeans++", np.random.default_rng(config.seed))


# --- K-means ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Half:
    """A half-step of K-means; labels are −1 and what depends on them NaN before the first assignment."""

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float = np.nan
    changed: float = np.nan


@lru_cache(maxsize=8)
def lloyd(config: Config) -> list[Half]:
    """Start, assign, update, assign … until nothing changes, or for sixty rounds and an assignment."""
    x = config.data()
    centroids, labels, changed = start(config), np.full(len(x), -1), np.nan
    found = [Half(centroids, labels)]
    for half in range(1, 122):
        if half % 2:
            nearest = np.array([((centroids - point) ** 2).sum(axis=1).argmin() for point in x])
            changed, labels = float((nearest != labels).sum()), nearest
        else:
            own = [x[labels == k] for k in range(len(centroids))]
            centroids = np.array([held.mean(axis=0) if len(held) else centroids[k] for k, held in enumerate(own)])
        inertia = sum(((x[labels == k] - centroid) ** 2).sum() for k, centroid in enumerate(centroids))
        found.append(Half(centroids, labels, float(inertia), changed))
        if changed == 0:
            break
    return found


def half_step(seen: Seen) -> Half:
    return rounds(seen, lloyd(seen.config))


@ORACLES("kmeans", "Field regions")
def regions(seen: Seen) -> dict[str, Any]:
    """The nearest centroid at each cell's centre."""
    panel, (rows, columns) = seen.scene.panels[seen.panel], seen.at("values").shape
    (x_0, x_1), (y_0, y_1) = panel.x, panel.y
    across = x_0 + (x_1 - x_0) * (np.arange(columns) + 0.5) / columns
    up = y_0 + (y_1 - y_0) * (np.arange(rows) + 0.5) / rows
    centres = np.array([[(u, v) for u in across] for v in up]).reshape(-1, 2)
    nearest = cdist(centres, half_step(seen).centroids).argmin(axis=1).reshape(rows, columns)
    return {"values": nearest, "extent": (x_0, x_1, y_0, y_1)}


@ORACLES("kmeans", "Points points")
@ORACLES("beside", "Points points", panel=0)
@throughout
def assigned_points(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen), "labels": half_step(seen).labels}


@ORACLES("kmeans|beside", "Points centroids")
@throughout
def centroids(seen: Seen) -> dict[str, Any]:
    return {"xy": half_step(seen).centroids, "labels": np.arange(seen.config.k)}


@ORACLES("kmeans|beside", "Points centroids")
def starts_by_hand(seen: Seen) -> dict[str, Any]:
    return with_handles(seen, starting_handles(seen))


def starting_handles(seen: Seen) -> dict[str, Any]:
    """A handle on each starting mean, whatever the frame."""
    return {f"start {k + 1}": mean for k, mean in enumerate(start(seen.config))}


@ORACLES("kmeans|beside", "(Curve|Readout) sum of squared distances")
@throughout
def inertia(seen: Seen) -> float:
    return half_step(seen).inertia


@ORACLES("kmeans", "Readout points that changed")
@throughout
def changed(seen: Seen) -> float:
    return half_step(seen).changed


# --- EM -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Step:
    """A half-step of EM: parameters, r of the last E-step, and both curves in nats per point."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    r: np.ndarray
    likelihood: float
    bound: float


def log_joint(x: np.ndarray, weights: Any, means: Any, covariances: Any) -> np.ndarray:
    """log π_k + log N(x_n; μ_k, Σ_k), ``(N, K)``."""
    apart = x - means[:, None]  # (K, N, 2)
    squared = (apart @ np.linalg.inv(covariances) * apart).sum(axis=2)
    log_norm = np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(covariances)[1]
    return np.log(weights) - log_norm - 0.5 * squared.T


def fitted(x: np.ndarray, r: np.ndarray, kind: str, reg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The M-step: weights, means, covariances ``(K, 2, 2)`` of any type."""
    n = r.sum(axis=0)
    means = (r.T @ x) / n[:, None]
    full = np.stack([((x - m).T * r[:, k]) @ (x - m) / n[k] for k, m in enumerate(means)])
    if kind == "tied":
        full = np.broadcast_to(np.einsum("k,kij->ij", n, full) / len(x), full.shape)
    if kind == "diag":
        full = full * np.eye(2)
    if kind == "spherical":
        full = np.trace(full, axis1=1, axis2=2)[:, None, None] / 2 * np.eye(2)
    return n / len(x), means, full + reg * np.eye(2)


def collapsed(x: np.ndarray, covariances: np.ndarray) -> bool:
    """Whether an ellipse is a line or a dot but for rounding."""
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    thin = np.linalg.det(covariances) <= 20 * np.finfo(float).eps * variances.prod(axis=1)
    return bool(thin.any() or (variances <= (1e-13 * np.abs(x).max()) ** 2).any())


def em(
    x: np.ndarray,
    start: np.ndarray,
    kind: str,
    reg: float,
    covariances: np.ndarray | None = None,
    tol: float = 1e-5,
    most: int = 60,
) -> list[Step]:
    """Start, E, M, E, M …, E: until a round hardly changes the log-likelihood, or a component collapses.

    By default all components begin with the covariance of all points.
    """
    k = len(start)
    r = np.full((len(x), k), 1 / k)
    found: list[Step] = []

    def reach(weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> Step:
        joint = log_joint(x, weights, means, covariances)
        bound = (r * joint - xlogy(r, r)).sum(axis=1).mean()
        found.append(Step(weights, means, covariances, r, logsumexp(joint, axis=1).mean(), bound))
        return found[-1]

    theta = (np.full(k, 1 / k), start, fitted(x, r, kind, reg)[2] if covariances is None else covariances)
    reach(*theta)
    for _ in range(most):
        r = softmax(log_joint(x, *theta), axis=1)
        before = reach(*theta)
        if r.sum(axis=0).min() < 1e-15:
            return found
        theta = fitted(x, r, kind, reg)
        if collapsed(x, theta[2]):
            return found
        if abs(reach(*theta).likelihood - before.likelihood) < tol:
            break
    r = softmax(log_joint(x, *theta), axis=1)
    reach(*theta)
    return found


@lru_cache(maxsize=8)
def em_of(config: Config) -> list[Step]:
    x = config.data()
    return em(x, start(config), config.type, config.reg_covar)


def state(seen: Seen) -> Step:
    return rounds(seen, em_of(seen.config))


def at_e_step(seen: Seen) -> Step | None:
    """The last E-step, of which r are; None before the first."""
    steps, k = em_of(seen.config), seen.frame - (seen.frame + 1) % 2
    return steps[min(k, len(steps) - 1)] if seen.frame else None


def chosen(seen: Seen) -> int:
    return nearest_to_probe(seen.config)


@lru_cache(maxsize=8)
def nearest_to_probe(config: Config) -> int:
    x_1, x_2 = config.data().T
    return int(np.argmin(np.hypot(x_1 - config.probe_1, x_2 - config.probe_2)))


def chosen_r(seen: Seen) -> np.ndarray:
    before = at_e_step(seen)
    return before.r[chosen(seen)] if before else np.full(seen.config.k, 1 / seen.config.k)


def chosen_terms(seen: Seen) -> np.ndarray:
    """π_k N(x; μ_k, Σ_k) per unit area of the data's, ``(K,)``; NaN before the first E-step."""
    before = at_e_step(seen)
    if before is None:
        return np.full(seen.config.k, np.nan)
    return terms(before, chosen(seen), seen.config) / scales(seen).prod()


@lru_cache(maxsize=256)
def terms(at: Step, point: int, config: Config) -> np.ndarray:
    """The same in the picture's units."""
    theta = zip(at.weights, at.means, at.covariances, strict=True)
    return np.array([w * multivariate_normal(m, c).pdf(config.data()[point]) for w, m, c in theta])


def shared(seen: Seen, now: Step) -> dict[str, Any]:
    """Points in the colours of their responsibilities."""
    return {"xy": in_the_picture(seen), "weights": About(now.r, absolute=1e-5)}


def contours(now: Step, absolute: float = 1e-5) -> dict[str, Any]:
    """Components as ellipses whose opacity is their weight."""
    return {
        "mean": now.means,
        "covariance": About(now.covariances, absolute=absolute),
        "weight": now.weights / now.weights.max(),
        "sigmas": (1, 2),
    }


@ORACLES("em", "Points points")
@ORACLES("beside", "Points points", panel=1)
@throughout
def shared_points(seen: Seen) -> dict[str, Any]:
    return shared(seen, state(seen))


@ORACLES("em|beside", "Ellipses components")
@throughout
def components(seen: Seen) -> dict[str, Any]:
    return contours(state(seen))


@ORACLES("em", "Points chosen point")
def chosen_point(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen)[[chosen(seen)]]}


@ORACLES("em", "Points chosen point")
def probe_and_starts(seen: Seen) -> dict[str, Any]:
    return with_handles(seen, starting_handles(seen) | {"probe": seen.config.data()[chosen(seen)]})


@ORACLES("em", "Curve lower bound|Readout lower bound")
@throughout
def lower_bound(seen: Seen) -> Expected:
    return About(per_unit(seen, state(seen).bound), relative=1e-6, absolute=1e-6)


@ORACLES("em", "Curve log-likelihood|Readout log-likelihood")
@ORACLES("beside", "Readout log-likelihood of the mixture")
@throughout
def log_likelihood(seen: Seen) -> Expected:
    return About(per_unit(seen, state(seen).likelihood), relative=1e-6, absolute=1e-6)


def on_component(x: np.ndarray) -> bool:
    """Whether each bar stands at its component's number."""
    return np.array_equal(np.round(x), np.arange(1, len(x) + 1))


@ORACLES("em", "Bars weights π")
@throughout
def weight_bars(seen: Seen) -> dict[str, Any]:
    return {"height": state(seen).weights, "x": on_component, "base": 0}


@ORACLES("em", "Bars r of the last E-step")
@throughout
def r_bars(seen: Seen) -> dict[str, Any]:
    return {"height": chosen_r(seen), "x": on_component, "base": 0}


@ORACLES("em", r"Readout p\(x\)")
@throughout
def density_at_chosen(seen: Seen) -> Expected:
    return About(chosen_terms(seen).sum(), absolute=0)


@ORACLES("em", r"Readout πN\d")
@throughout
def term_at_chosen(seen: Seen) -> Expected:
    return About(chosen_terms(seen)[int(seen.name[-1]) - 1], absolute=1e-9 * chosen_terms(seen).sum())


@ORACLES("em", "Readout r[₁-₉]")
@throughout
def r_at_chosen(seen: Seen) -> float:
    return chosen_r(seen)["₁₂₃₄₅₆₇₈₉".index(seen.name[-1])]


@ORACLES("em", "Diagram schema")
@throughout
def at_work(seen: Seen) -> dict[str, Any]:
    """The box that is at work, and the arrow that leads there; neither at the start."""
    nodes, edges = seen.at("nodes"), seen.at("edges")
    name = "E-step" if seen.frame % 2 else "M-step"
    lit = [float(seen.frame > 0 and node.text.startswith(name)) for node in nodes]
    return {"active": [*lit, *(lit[edge.end] for edge in edges)]}


@ORACLES("beside", "Readout points they place differently")
@throughout
def disagreements(seen: Seen) -> float:
    soft, hard = state(seen).r, half_step(seen).labels
    return sum(int(np.argmax(row)) != label for row, label in zip(soft, hard, strict=True)) if seen.frame else np.nan


# --- Soft to hard -------------------------------------------------------------------------------------------


def sigma(seen: Seen) -> float:
    """From 4 to 0.05 in 79 equal ratios."""
    return 4 * (0.05 / 4) ** (seen.frame / 79)


def equal_shares(x: np.ndarray, means: np.ndarray, sigma: float) -> np.ndarray:
    """r of equal weights and one σ: a softmax of −distance² / 2σ²."""
    return softmax(-cdist(x, means, "sqeuclidean") / (2 * sigma**2), axis=1)


@lru_cache(maxsize=64)
def soft_means(config: Config, sigma: float) -> np.ndarray:
    """To where the means come from K-means' centroids."""
    x, means = config.data(), lloyd(config)[-1].centroids

    def likelihood(means: np.ndarray) -> float:
        return float(logsumexp(-cdist(x, means, "sqeuclidean") / (2 * sigma**2), axis=1).mean())

    for _ in range(400):
        r = equal_shares(x, means, sigma)
        before, means = means, r.T @ x / r.sum(axis=0)[:, None]
        if abs(likelihood(means) - likelihood(before)) < 1e-9:
            break
    return means


def soft(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Means and r of this frame."""
    means = soft_means(seen.config, sigma(seen))
    return means, equal_shares(seen.config.data(), means, sigma(seen))


def largest_variance(seen: Seen) -> float:
    """In any direction, by the singular values of the centred points."""
    x = seen.config.data()
    return float(np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[0] ** 2 / len(x))


@ORACLES("harden", "Points points", panel=0)
def soft_points(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen), "weights": About(soft(seen)[1], absolute=1e-5)}


@ORACLES("harden", "Points points", panel=1)
def hard_points(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen), "labels": lloyd(seen.config)[-1].labels}


@ORACLES("harden", "Points centroids")
def hard_centroids(seen: Seen) -> dict[str, Any]:
    return {"xy": lloyd(seen.config)[-1].centroids, "labels": np.arange(seen.config.k)}


@ORACLES("harden", "Ellipses components")
def round_components(seen: Seen) -> dict[str, Any]:
    covariances = [sigma(seen) ** 2 * np.eye(2)] * seen.config.k
    return {"mean": soft(seen)[0], "covariance": covariances, "sigmas": (1,)}


@ORACLES("harden", "Curve uncertainty")
def uncertainty(seen: Seen) -> dict[str, Any]:
    return {"y": mean_entropy(seen), "x": sigma(seen)}


@ORACLES("harden", "Readout mean entropy of r")
def mean_entropy(seen: Seen) -> float:
    r = soft(seen)[1]
    return float(-xlogy(r, r).sum(axis=1).mean())


@ORACLES("harden", "Polylines σ² = λ_max")
def where_means_part(seen: Seen) -> dict[str, Any]:
    at, (low, high) = np.sqrt(largest_variance(seen)), seen.scene.panels[seen.panel].y
    return {"xy": np.array([[[at, low], [at, high]]])}


@ORACLES("harden", "Readout σ")
@throughout
def sigma_readout(seen: Seen) -> float:
    return sigma(seen)


@ORACLES("harden", "Readout σ² / λ_max of the data")
@throughout
def ratio(seen: Seen) -> float:
    return sigma(seen) ** 2 / largest_variance(seen)


@ORACLES("harden", "Readout likeliest component = K-means' cluster")
def agreement(seen: Seen) -> float:
    """In % of the points; nothing can be said of means that are one."""
    means, r = soft(seen)
    if seen.config.k > 1 and pdist(means).max() < 0.01 * np.sqrt(largest_variance(seen)):
        return np.nan
    return 100 * float(np.mean(np.argmax(r, axis=1) == lloyd(seen.config)[-1].labels))


# --- Starts -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def eight(config: Config) -> list[list[Step]]:
    """EM from eight times K different points, drawn one after the other."""
    x, rng = config.data(), np.random.default_rng([config.seed, 8])
    starts = [np.array(list(dict.fromkeys(map(tuple, rng.permutation(x))))[: config.k]) for _ in range(8)]
    return [em(x, start, config.type, config.reg_covar) for start in starts]


def degenerate(config: Config, end: Step) -> bool:
    """A component on fewer than five points, or with hardly any width."""
    least = np.linalg.eigvalsh(end.covariances).min()
    return bool(end.r.sum(axis=0).min() < 5 or least < 1e-4 * config.data().var(axis=0).mean())


@ORACLES("starts", r"Title .*")
def rank_and_end(seen: Seen) -> dict[str, Any]:
    """Rank among those that are not degenerate, and the final log-likelihood; equal ones may stand in any order."""
    ends = [steps[-1] for steps in eight(seen.config)]
    mine = ends[seen.panel]
    ranked = [end.likelihood for end in ends if not degenerate(seen.config, end)]
    better = sum(value > mine.likelihood + 1e-7 for value in ranked)
    as_good = sum(value > mine.likelihood - 1e-7 for value in ranked)

    def right(text: str) -> bool | str:
        place, value = text.split()
        ranks = ["degenerate"]
        if not degenerate(seen.config, mine):
            ranks = [f"{rank}." for rank in range(better + 1, as_good + 1)]
        exact = per_unit(seen, mine.likelihood)
        same = abs(float(value.replace("−", "-")) - exact) < 0.000501
        return (same and place in ranks) or f"{text!r}, expected {' or '.join(ranks)} and {exact:.4f}"

    return {"text": right}


@ORACLES("starts", "Points points")
def points_of_starts(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen)}


@ORACLES("starts", "Ellipses components")
@throughout
def components_of_starts(seen: Seen) -> dict[str, Any]:
    now = rounds(seen, eight(seen.config)[seen.panel])
    return {"mean": now.means, "covariance": now.covariances, "sigmas": (1, 2)}


@ORACLES("starts", r"Readout start \d")
@throughout
def likelihood_of_start(seen: Seen) -> float:
    return per_unit(seen, rounds(seen, eight(seen.config)[int(seen.name[-1]) - 1]).likelihood)


# --- How it breaks ------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def lonely(config: Config) -> list[Step]:
    """Round components: a narrow one on the point farthest from the middle, and others as wide as the data."""
    x, k = config.data(), config.k
    far = x[np.argmax(np.hypot(*(x - x.mean(axis=0)).T))]
    others = starting_means(x, max(k - 1, 1), "kmeans++", np.random.default_rng(config.seed))[: k - 1]
    wide = (x[:, 0].var() + x[:, 1].var()) / 2
    covariances = np.array([[[v, 0], [0, v]] for v in [0.02, *[wide] * (k - 1)]])
    return em(x, np.array([far, *others]), "spherical", config.reg_covar, covariances, tol=0, most=25)


def alone(seen: Seen) -> Step:
    return rounds(seen, lonely(seen.config))


@ORACLES("collapse", "Points points")
@throughout
def points_of_collapse(seen: Seen) -> dict[str, Any]:
    return shared(seen, alone(seen))


@ORACLES("collapse", "Ellipses components")
@throughout
def components_of_collapse(seen: Seen) -> dict[str, Any]:
    return contours(alone(seen), absolute=0)


@ORACLES("collapse", "(Curve|Readout) log-likelihood")
@throughout
def likelihood_of_collapse(seen: Seen) -> float:
    return per_unit(seen, alone(seen).likelihood)


@ORACLES("collapse", "(Curve|Readout) smallest σ")
@throughout
def smallest_sigma(seen: Seen) -> Expected:
    return About(np.sqrt(np.linalg.eigvalsh(alone(seen).covariances).min()), absolute=0)


# --- As long as it takes ------------------------------------------------------------------------------------


def lasts(seen: Seen, *runs: list[Any]) -> dict[str, Expected]:
    """A scene ends with the longest of its runs: at rest, after so many rounds, or where a component collapses."""
    expected, n = max(map(len, runs)), len(seen.scene.steps)
    return {"name": lambda _: n == expected or f"{n} frames, expected {expected}"}


@ORACLES("kmeans", "Points points")
def length_of_kmeans(seen: Seen) -> dict[str, Expected]:
    return lasts(seen, lloyd(seen.config))


@ORACLES("beside", "Points points")
def length_of_both(seen: Seen) -> dict[str, Expected]:
    return lasts(seen, lloyd(seen.config), em_of(seen.config))


@ORACLES("em", "Points points")
def length_of_em(seen: Seen) -> dict[str, Expected]:
    return lasts(seen, em_of(seen.config))


@ORACLES("starts", "Points points")
def length_of_eight(seen: Seen) -> dict[str, Expected]:
    return lasts(seen, *eight(seen.config))


@ORACLES("collapse", "Points points")
def length_of_collapse(seen: Seen) -> dict[str, Expected]:
    return lasts(seen, lonely(seen.config))


# --- How many? ----------------------------------------------------------------------------------------------

FREE = {"full": lambda k: 3 * k, "tied": lambda k: 3, "diag": lambda k: 2 * k, "spherical": lambda k: k}
"""Free parameters of K covariances in the plane."""


@lru_cache(maxsize=4)
def split(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out points: fresh ones, or every other one of one's own."""
    x = replace(config, k=1).data()
    if config.source in ("csv", "painted"):
        return x[0::2], x[1::2]
    return x, replace(config, k=1, seed=config.seed + 1_000_003).data()


@lru_cache(maxsize=64)
def best_of_three(config: Config, k: int) -> Step:
    """The best end from three starts by k-means++."""
    x = split(config)[0]
    rngs = [np.random.default_rng([config.seed, start]) for start in range(3)]
    runs = [em(x, starting_means(x, k, "kmeans++", rng), config.type, max(config.reg_covar, 1e-3)) for rng in rngs]
    return max((steps[-1] for steps in runs), key=lambda end: end.likelihood)


@lru_cache(maxsize=128)
def mean_density(config: Config, k: int, fresh: bool) -> float:
    """Mean log p(x) under K components of the training or the held-out points, in the picture's units."""
    best, (train, test) = best_of_three(config, k), split(config)
    theta = zip(best.weights, best.means, best.covariances, strict=True)
    p = sum(w * multivariate_normal(m, c).pdf(test if fresh else train) for w, m, c in theta)
    return float(np.log(p).mean())


def criterion(seen: Seen, name: str, k: int) -> float:
    """BIC and AIC by point: twice the negative log-likelihood, and a price for each parameter."""
    n = len(split(seen.config)[0])
    parameters = (k - 1) + 2 * k + FREE[seen.config.type](k)
    price = {"BIC": np.log(n), "AIC": 2}[name]
    return -2 * per_unit(seen, mean_density(seen.config, k, fresh=False)) + parameters * price / n


def held_out(seen: Seen, k: int) -> float:
    return per_unit(seen, mean_density(seen.config, k, fresh=True))


@ORACLES("choose", "Points points")
def training_points(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen)[:: 2 if seen.config.source in ("csv", "painted") else 1]}


@ORACLES("choose", "Ellipses components")
@throughout
def best_components(seen: Seen) -> dict[str, Any]:
    """K of them; the places of those to come are empty."""
    best, most = best_of_three(seen.config, seen.step), int(seen.scene.steps[-1])
    means, covariances = np.full((most, 2), np.nan), np.full((most, 2, 2), np.nan)
    means[: seen.step], covariances[: seen.step] = best.means, best.covariances
    return {"mean": means, "covariance": covariances, "sigmas": (1, 2)}


@ORACLES("choose", "(Curve|Readout) (BIC|AIC)( / n)?")
@throughout
def information_criterion(seen: Seen) -> float:
    return criterion(seen, seen.name.split()[1], seen.step)


@ORACLES("choose", "Curve held out|Readout held-out log-likelihood")
@throughout
def held_out_likelihood(seen: Seen) -> float:
    return held_out(seen, seen.step)


@ORACLES("choose", "Readout best K by BIC")
@throughout
def best_by_bic(seen: Seen) -> float:
    return min(seen.scene.steps.tolist(), key=lambda k: criterion(seen, "BIC", k))


@ORACLES("choose", "Readout best K held out")
@throughout
def best_held_out(seen: Seen) -> float:
    return max(seen.scene.steps.tolist(), key=lambda k: held_out(seen, k))


# --- Generate -----------------------------------------------------------------------------------------------

DRAWN, ON_CURVE = 90, (3, 10, 30, 100)


@lru_cache(maxsize=8)
def drawn(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """z, and x given z: a mean and a noise in the shape of its covariance."""
    end, rng = em_of(config)[-1], np.random.default_rng([config.seed, 5])
    z = rng.choice(config.k, size=DRAWN, p=end.weights)
    noise = rng.standard_normal((DRAWN, 2))
    lower = np.linalg.cholesky(end.covariances)
    return z, np.array([end.means[k] + lower[k] @ e for k, e in zip(z, noise, strict=True)])


def count(seen: Seen) -> int:
    return min(seen.frame, DRAWN)


def spiral(t: np.ndarray) -> np.ndarray:
    """Three quarters of a turn, while the radius goes from 1 to 3."""
    turned = (1 + 2 * t) * np.exp(1.5j * np.pi * t)
    return np.stack([turned.real, turned.imag], axis=1)


def on_curve(seen: Seen) -> int | None:
    """How many components lie on the curve: six frames each, after the last point was drawn."""
    return ON_CURVE[(seen.frame - DRAWN - 1) // 6] if seen.frame > DRAWN else None


@ORACLES("generate", "Points data")
def data_of_generate(seen: Seen) -> dict[str, Any]:
    return {"xy": in_the_picture(seen)}


@ORACLES("generate", "Ellipses components")
@throughout
def lit_components(seen: Seen) -> dict[str, Any]:
    """The component of the newest point alone; at rest all of them."""
    end, k = em_of(seen.config)[-1], seen.config.k
    lit = np.eye(k)[drawn(seen.config)[0][seen.frame - 1]] if 1 <= seen.frame <= DRAWN else np.ones(k)
    return {"mean": end.means, "covariance": end.covariances, "weight": lit, "sigmas": (1, 2)}


@ORACLES("generate", "Points generated")
@throughout
def generated(seen: Seen) -> dict[str, Any]:
    z, x = drawn(seen.config)
    return {"xy": x, "labels": z, "count": count(seen)}


@ORACLES("generate", "Bars weights π")
def final_weights(seen: Seen) -> dict[str, Any]:
    return {"height": em_of(seen.config)[-1].weights, "x": on_component, "base": 0}


@ORACLES("generate", "Bars share drawn")
@throughout
def share_drawn(seen: Seen) -> dict[str, Any]:
    z = drawn(seen.config)[0][: count(seen)].tolist()
    return {"height": [z.count(k) / max(len(z), 1) for k in range(seen.config.k)], "x": on_component, "base": 0}


@ORACLES("generate", "Polylines curve")
def curve(seen: Seen) -> dict[str, Any]:
    return {"xy": spiral(np.linspace(0, 1, 200))[None]}


@ORACLES("generate", "Ellipses components on a curve")
@throughout
def components_on_curve(seen: Seen) -> dict[str, Any]:
    """In the middles of M equal parts of the curve's parameter; wider where there are few."""
    means, covariances = np.full((100, 2), np.nan), np.full((100, 2, 2), np.nan)
    if m := on_curve(seen):
        means[:m] = spiral((np.arange(m) + 0.5) / m)
        covariances[:m] = max(0.14, 2 / m) ** 2 * np.eye(2)
    return {"mean": means, "covariance": covariances, "sigmas": (1,)}


@ORACLES("generate", "Readout generated")
@throughout
def number_generated(seen: Seen) -> float:
    return count(seen)


@ORACLES("generate", "Readout components on the curve")
@throughout
def number_on_curve(seen: Seen) -> float:
    return on_curve(seen) or np.nan
