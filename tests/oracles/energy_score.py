"""Scores: Bayes' rule over lumps or arcs, the stored network written out in float64, and walkers along its arrows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import logsumexp

from dashboard.scenes.energy import score
from tests.oracles.contours import centres
from tests.oracles.diffusion import PLANE, arrows, cells, learned, noise, noised, points
from tests.oracles.flows_matching import law
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {"score": [score.Scores("ffjord8", seed=2)]}
TIMES = (100, 300, 600)
SQUARE = (-3.2, 3.2, -3.2, 3.2)


def alpha_bar(source: str, t: int) -> float:
    return float(learned(source).alpha_bar[t])


def exact(source: str, x: np.ndarray, t: int) -> np.ndarray:
    """Tweedie: (√ᾱ E[x₀ | x_t] − x_t) ÷ (1 − ᾱ)."""
    level, of = alpha_bar(source, t), law(source)
    assert of
    return (np.sqrt(level) * of.ahead(x, np.sqrt(level), np.sqrt(1 - level)) - x) / (1 - level)


def said(source: str, x: np.ndarray, t: int) -> np.ndarray:
    level = alpha_bar(source, t)
    return (np.sqrt(level) * learned(source).answer(x, level) - x) / (1 - level)


@lru_cache(maxsize=16)
def walked(source: str, seed: int, t: int) -> np.ndarray:
    """x' = x + ε/2 · score + √ε ξ, ε three tenths of the noise's variance."""
    epsilon = 0.3 * (1 - alpha_bar(source, t))
    rng = np.random.default_rng([seed, 0])
    path = [np.random.default_rng([seed, 107]).standard_normal((200, 2))]
    for _ in range(60):
        xi = rng.standard_normal((200, 2))
        path.append(path[-1] + epsilon / 2 * said(source, path[-1], t) + np.sqrt(epsilon) * xi)
    return np.array(path)


def log_density(source: str, x: np.ndarray, t: int) -> np.ndarray:
    level, of = alpha_bar(source, t), law(source)
    assert of
    return logsumexp(of.log_joint(x, np.sqrt(level), np.sqrt(1 - level)), axis=1)


@ORACLES("score", r"Field p\(x\) under noise")
def density(seen: Seen) -> dict[str, Any]:
    places = centres(SQUARE, (40, 40)).reshape(-1, 2)
    log_p = log_density(seen.config.source, places, TIMES[seen.panel]).reshape(40, 40)
    return {"values": About(np.exp(log_p - log_p.max()), 1e-4, 1e-5), "extent": SQUARE, "limits": (0.0, 1.0)}


@ORACLES("score", "Arrows (exact|learned)")
def both(seen: Seen) -> dict[str, Any]:
    source, t, at = seen.config.source, TIMES[seen.panel], cells(PLANE, 11).reshape(-1, 2)
    found = (exact if "exact" in seen.name else said)(source, at, t)
    return {"start": at, "delta": About(arrows(found, alpha_bar(source, t), PLANE, 11), absolute=1e-3)}


@ORACLES("score", "Points walkers, learned score")
def walkers(seen: Seen) -> dict[str, Any]:
    return {"xy": About(walked(seen.config.source, seen.config.seed, TIMES[seen.panel])[seen.frame], absolute=5e-3)}


@ORACLES("score", r"Title t = .*")
def title(seen: Seen) -> str:
    t = TIMES[seen.panel]
    level = alpha_bar(seen.config.source, t)
    return f"t = {t}: noise {np.sqrt(1 / level - 1):.2f} × signal"


@ORACLES("score", r"Readout t = \d+: .*")
def error(seen: Seen) -> About:
    source, t = seen.config.source, int(seen.name.split(":")[0].split()[-1])
    if "grid" in seen.name:
        at = cells(PLANE, 11).reshape(-1, 2)
    else:
        at = noised(points(seen.config, 300, 4), noise(seen.config, 300, 4), alpha_bar(source, t))
    right, off = exact(source, at, t), said(source, at, t)
    return About(100 * ((off - right) ** 2).sum() / (right**2).sum(), 1e-3, 1e-3)
