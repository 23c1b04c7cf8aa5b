"""Walkers, by loops of their own: proposals from the same noise, densities by scipy, Hastings' ratio."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax
from scipy.stats import norm

from dashboard.scenes.energy import walkers
from tests.oracles.contours import centres
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "walkers": [
        walkers.Walkers("banana", "hmc", 0.3, 60, 5),
        walkers.Walkers("banana", "metropolis", 1.0, 100, seed=3),
        walkers.Walkers("banana", "annealed", 0.1, 40),
        walkers.Walkers("far", "annealed", 0.5),
        walkers.Walkers("far", "metropolis", 4.5, 80),
        walkers.Walkers("gaussian", "hmc", 1.0, 50, 20),
        walkers.Walkers("gaussian", "annealed", 2.0, 30, seed=5),
        walkers.Walkers("gaussian", "mala", 4.5),
    ]
}
SQUARE = (-4.2, 4.2, -4.2, 4.2)
CLOSE = {"absolute": 1e-4, "relative": 1e-3}
SHORT = {"mala": "MALA", "metropolis": "Metropolis", "hmc": "HMC", "annealed": "annealed"}


class Law:
    """log p and its gradient."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.variance = {"gaussian": 1.0, "banana": 0.49, "far": 0.2025}[target]
        self.start = {"gaussian": (0.0, 0.0), "banana": (-2.0, 1.2), "far": (-2.7, 0.0)}[target]

    def log_p(self, x: np.ndarray) -> np.ndarray:
        if self.target == "banana":
            return norm.logpdf(x[:, 0]) + norm.logpdf(x[:, 1], 0.4 * (x[:, 0] ** 2 - 1), 0.7)
        if self.target == "gaussian":
            return norm.logpdf(x).sum(axis=1)
        return logsumexp(self.parts(x), axis=0)

    def parts(self, x: np.ndarray) -> np.ndarray:
        return np.stack(
            [np.log(w) + norm.logpdf(x, [c, 0.0], 0.45).sum(axis=1) for c, w in ((-2.7, 1 / 3), (2.7, 2 / 3))]
        )

    def gradient(self, x: np.ndarray) -> np.ndarray:
        if self.target == "gaussian":
            return -x
        if self.target == "banana":
            off = (x[:, 1] - 0.4 * x[:, 0] ** 2 + 0.4) / 0.49
            return np.stack([0.8 * x[:, 0] * off - x[:, 0], -off], axis=1)
        mean = softmax(self.parts(x), axis=0).T @ [-2.7, 2.7]
        return (np.stack([mean, np.zeros(len(x))], axis=1) - x) / 0.2025


class Walked(NamedTuple):
    x: np.ndarray
    path: np.ndarray
    accepted: np.ndarray
    taken: np.ndarray


@lru_cache(maxsize=32)
def walked(config: Any, sampler: str) -> Walked:
    """What the 300 do; of the first one, its way to each proposal."""
    law, n = Law(config.target), config.walk_length
    step = config.walk_step * law.variance
    noise, chance = np.random.default_rng([config.seed, 0]), np.random.default_rng([config.seed, 1])
    x = np.repeat([law.start], 300, axis=0)
    length = config.leapfrogs if sampler == "hmc" else 1
    places, paths, accepted, taken = [x], [np.repeat(x[:1], length + 1, axis=0)], [True], []
    with np.errstate(all="ignore"):
        for t in range(n):
            xi = noise.standard_normal((300, 2))
            heat = 16 ** max(0.0, 1 - t / (0.75 * n)) if sampler == "annealed" else 1.0
            way = ways(law, sampler, x, xi, step, heat, length)
            ratio = log_ratio(law, sampler, x, xi, way, step)
            yes = np.full(300, True) if ratio is None else chance.random(300) < np.exp(np.minimum(0, ratio))
            paths.append(np.array([place[0] for place in way[0]]))
            x = np.where(yes[:, None], way[0][-1], x)
            x[~np.isfinite(x).all(axis=1)] = np.nan
            places.append(x)
            accepted.append(bool(yes[0]))
            taken.append(yes.mean())
    return Walked(np.array(places), np.array(paths), np.array(accepted), np.array(taken))


def ways(
    law: Law, sampler: str, x: np.ndarray, xi: np.ndarray, step: float, heat: float, length: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Places on the way, and HMC's last momentum."""
    h = np.sqrt(step)
    if sampler == "metropolis":
        return [x, x + h * xi], xi
    if sampler != "hmc":
        return [x, x + step / 2 * law.gradient(x) + np.sqrt(heat) * h * xi], xi
    places, half = [x], xi + h / 2 * law.gradient(x)
    for k in range(length):
        places.append(places[-1] + h * half)
        half = half + (h if k < length - 1 else h / 2) * law.gradient(places[-1])
    return places, half


def log_ratio(
    law: Law, sampler: str, x: np.ndarray, xi: np.ndarray, way: tuple[list[np.ndarray], np.ndarray], step: float
) -> np.ndarray | None:
    if sampler in ("ula", "annealed"):
        return None
    there = way[0][-1]
    gain = law.log_p(there) - law.log_p(x)
    if sampler == "hmc":
        return gain + (xi**2).sum(axis=1) / 2 - (way[1] ** 2).sum(axis=1) / 2
    if sampler == "metropolis":
        return gain
    h = np.sqrt(step)
    back = norm.logpdf(x, there + step / 2 * law.gradient(there), h).sum(axis=1)
    return gain + back - norm.logpdf(there, x + step / 2 * law.gradient(x), h).sum(axis=1)


def crowd(seen: Seen) -> Walked:
    return walked(seen.config, "ula" if seen.panel == 0 else seen.config.against)


def seen_places(x: np.ndarray) -> np.ndarray:
    """Those nearer than 1,000 to both axes."""
    with np.errstate(invalid="ignore"):
        return np.where((np.abs(x) < 1_000).all(axis=-1, keepdims=True), x, np.nan)


def measured(seen: Seen, sampler: str, frame: int | None = None) -> tuple[float, float, int]:
    """The number of the crowd, its standard error, and who is lost."""
    x = seen_places(walked(seen.config, sampler).x[seen.frame if frame is None else frame])
    kept = x[np.isfinite(x[:, 0])]
    if not len(kept):
        return np.nan, np.nan, 300
    each = 100.0 * (kept[:, 0] > 0) if seen.config.target == "far" else (kept**2).sum(axis=1) / 2
    error = np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else 0.0
    return float(each.mean()), float(error), 300 - len(kept)


@ORACLES("walkers", r"Field p\(x\)")
def density(seen: Seen) -> dict[str, Any]:
    log_p = Law(seen.config.target).log_p(centres(SQUARE, (42, 42)).reshape(-1, 2)).reshape(42, 42)
    return {"values": np.exp(log_p - log_p.max()), "limits": (0.0, 1.0), "extent": SQUARE}


@ORACLES("walkers", "Points (300 walkers|one of them)")
def places(seen: Seen) -> dict[str, Any]:
    x = seen_places(crowd(seen).x[seen.frame])
    return {"xy": About(x if "300" in seen.name else x[:1], **CLOSE)}


@ORACLES("walkers", "Polylines its way to the proposal")
def way(seen: Seen) -> dict[str, Any]:
    return {"xy": About(seen_places(crowd(seen).path[seen.frame])[None], **CLOSE)}


@ORACLES("walkers", "Points taken")
def taken(seen: Seen) -> dict[str, Any]:
    run = crowd(seen)
    proposal = seen_places(run.path[seen.frame][-1:])
    return {"xy": About(proposal if run.accepted[seen.frame] else np.full((1, 2), np.nan), **CLOSE)}


@ORACLES("walkers", "Polylines refused")
def refused(seen: Seen) -> dict[str, Any]:
    run = crowd(seen)
    at = seen_places(run.path[seen.frame][-1]) if not run.accepted[seen.frame] else np.full(2, np.nan)
    strokes = [[at - 0.16, at + 0.16], [np.add(at, [-0.16, 0.16]), np.add(at, [0.16, -0.16])]]
    return {"xy": About(np.array(strokes), **CLOSE)}


def truth(config: Any) -> float:
    """Half the trace of the covariance, by draws' own formula; of two lumps, the weight of the right one."""
    return {"gaussian": 1.0, "banana": (1 + 0.16 * 2 + 0.49) / 2, "far": 200 / 3}[config.target]


def top(config: Any) -> float:
    if config.target == "far":
        return 100.0
    if config.target == "banana":
        return 1.5
    limit = 1 / (1 - config.walk_step / 4) if config.walk_step < 4 else np.inf
    return 1.5 * min(max(limit, 1), 6)


@ORACLES("walkers", "Polylines truth")
def level(seen: Seen) -> dict[str, Any]:
    value = truth(seen.config)
    return {"xy": [[[0, value], [seen.config.walk_length, value]]]}


@ORACLES("walkers", "Polylines ULA, by its law")
def law_of_ula(seen: Seen) -> dict[str, Any]:
    """v' = (1 − ε/2)² v + ε from 0, as far as the panel reaches."""
    step, v = seen.config.walk_step, [0.0]
    for _ in range(seen.config.walk_length):
        v.append((1 - step / 2) ** 2 * v[-1] + step)
    inside = np.where(np.array(v) <= top(seen.config), v, np.nan)
    return {"xy": np.stack([np.arange(len(v)), inside], axis=1)[None]}


@ORACLES("walkers", "Curve .*")
def curve(seen: Seen) -> dict[str, Any]:
    ula = seen.name == "Curve ULA"
    value = measured(seen, "ula" if ula else seen.config.against)[0]
    name = "ULA" if ula else SHORT[seen.config.against]
    return {"x": seen.frame, "y": About(value if value <= top(seen.config) else np.nan, **CLOSE), "name": name}


@ORACLES("walkers", "Readout .*: (variance|in the right lump)")
def value(seen: Seen) -> About:
    return About(measured(seen, "ula" if "ULA" in seen.name else seen.config.against)[0], **CLOSE)


@ORACLES("walkers", "Readout ±.*")
def error(seen: Seen) -> About:
    return About(measured(seen, "ula" if "its" in seen.name else seen.config.against)[1], **CLOSE)


@ORACLES("walkers", "Readout truth")
def true_value(seen: Seen) -> float:
    return truth(seen.config)


@ORACLES("walkers", "Readout ULA by its formula")
def formula(seen: Seen) -> float:
    """From the variance that stays: v = a² v + ε."""
    a = 1 - seen.config.walk_step / 2
    return seen.config.walk_step / (1 - a * a) if abs(a) < 1 else np.nan


@ORACLES("walkers", "Readout .*: taken")
def share_taken(seen: Seen) -> dict[str, Any]:
    so_far = walked(seen.config, seen.config.against).taken[: seen.frame]
    return {"values": 100 * so_far.mean() if seen.frame else np.nan}


@ORACLES("walkers", "Readout temperature T")
def heat(seen: Seen) -> float:
    """From 16 to 1 in three quarters of the steps, by one factor a step."""
    if not seen.frame:
        return np.nan
    return max(1.0, 16 * 16 ** (-(seen.frame - 1) / (0.75 * seen.config.walk_length)))


@ORACLES("walkers", "Readout ULA: lost")
def lost(seen: Seen) -> float:
    return measured(seen, "ula")[2]
