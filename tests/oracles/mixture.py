"""Mixtures: Lloyd's and EM's steps, written out with scipy's densities."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()

# --- EM -----------------------------------------------------------------------------------------------------


def log_joint(x: np.ndarray, weights: Any, means: Any, covariances: Any) -> np.ndarray:
    """log π_k + log N(x_n; μ_k, Σ_k), ``(N, K)``."""
    terms = [
        np.log(weight) + np.atleast_1d(multivariate_normal(mean, covariance, allow_singular=False).logpdf(x))
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    return np.stack(terms, axis=1)


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


def half_steps(seen: Seen, frames: int) -> list[dict[str, Any]]:
    return em(seen.config, frames)


@lru_cache(maxsize=8)
def em(config: Any, frames: int) -> list[dict[str, Any]]:
    """Start, E, M, E, M …: parameters, r, log-likelihood and bound of each frame."""
    x = config.data()
    k = config.k
    r = np.full((len(x), k), 1 / k)
    weights, means = np.full(k, 1 / k), config.start(x)
    spread = fitted(x, np.ones((len(x), 1)), "full", config.reg_covar)[2]
    covariances = np.repeat(spread, k, axis=0)
    if config.type in ("diag", "spherical"):
        covariances = fitted(x, np.ones((len(x), 1)), config.type, config.reg_covar)[2].repeat(k, axis=0)
    found: list[dict[str, Any]] = []
    for frame in range(frames):
        if frame and frame % 2:
            joint = log_joint(x, weights, means, covariances)
            r = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        elif frame:
            weights, means, covariances = fitted(x, r, config.type, config.reg_covar)
        joint = log_joint(x, weights, means, covariances)
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = -np.where(r > 0, r * np.log(r), 0).sum(axis=1)
        found.append(
            {
                "weights": weights,
                "means": means,
                "covariances": covariances,
                "r": r,
                "likelihood": logsumexp(joint, axis=1).mean(),
                "bound": ((r * joint).sum(axis=1) + entropy).mean(),
            }
        )
    return found


def state(seen: Seen) -> dict[str, Any]:
    return em(seen.config, len(seen.scene.steps))[seen.frame]


@ORACLES("em", "Points points")
def shared_points(seen: Seen) -> dict[str, Any]:
    return {"xy": seen.config.data(), "weights": About(state(seen)["r"], absolute=1e-4)}


@ORACLES("em", "Ellipses components")
def components(seen: Seen) -> dict[str, Any]:
    now = state(seen)
    return {
        "mean": now["means"],
        "covariance": now["covariances"],
        "weight": now["weights"] / now["weights"].max(),
    }


@ORACLES("em", "Curve lower bound|Readout lower bound")
def lower_bound(seen: Seen) -> float:
    return state(seen)["bound"]


@ORACLES("em", "Curve log-likelihood|Readout log-likelihood")
def log_likelihood(seen: Seen) -> float:
    return state(seen)["likelihood"]


ORACLES.none("em", "Diagram schema", "which step is at work is told by the caption; tests/scenes/test_mixture.py")
