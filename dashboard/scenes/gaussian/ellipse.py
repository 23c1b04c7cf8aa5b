"""An ellipse with three handles: its centre, and the ends of its two half-axes at 1 σ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard.scene import Handle
from dashboard.scene.drag import handle, moved
from dashboard.scene.fields import slider
from genmodels.gaussian import Gaussian

SIGMA = (0.1, 4.0)
RHO = 0.99
SNAP = 0.02
LECTURE = (2.24, 1.0, 0.67)  # σ₁, σ₂ and ρ of Σ = [[5, 1.5], [1.5, 1]], as the sliders round them


def sigma(name: str, default: float) -> Any:
    """A field for a standard deviation."""
    return slider(f"Standard deviation {name}", default, *SIGMA, SNAP)


def correlation(default: float) -> Any:
    """A field for the correlation."""
    return slider("Correlation ρ", default, -RHO, RHO, 0.01)


def handles(gaussian: Gaussian, panel: int) -> tuple[Handle, ...]:
    """The handles of N(μ, Σ): ``mean``, ``axis 1`` (the long one) and ``axis 2``."""
    return handles_of(gaussian.mean, gaussian.covariance, panel)


def handles_of(mean: np.ndarray, covariance: np.ndarray, panel: int) -> tuple[Handle, ...]:
    """The handles of a mean ``(…, 2)`` and a covariance ``(…, 2, 2)``; a leading axis is the frame."""
    values, vectors = np.linalg.eigh(covariance)
    vectors = vectors * np.where(vectors.sum(axis=-2, keepdims=True) < 0, -1, 1)
    tips = mean[..., None] + np.sqrt(values)[..., None, :] * vectors  # columns are the two tips
    return (
        Handle("mean", mean, panel),
        Handle("axis 1", tips[..., 1], panel),
        Handle("axis 2", tips[..., 0], panel),
    )


def dragged(values: Mapping[str, Any], reach: float = 3.0) -> tuple[np.ndarray, float, float, float]:
    """Mean, σ₁, σ₂ and ρ after a handle was moved, within the limits of the sliders.

    The mean takes the ellipse along. The end of an axis sets its length and the tilt; the other axis keeps its
    length and stays at a right angle.
    """
    held, mean = moved(values), handle(values, "mean", "before")
    arms = {name: handle(values, name, "before") - mean for name in ("axis 1", "axis 2")}
    if held == "mean":
        mean = np.clip(handle(values, "mean"), -reach, reach).round(1)
    elif held in arms:
        other = float(np.hypot(*arms["axis 2" if held == "axis 1" else "axis 1"]))
        arm = handle(values, held) - mean
        along = arm / np.hypot(*arm) if np.hypot(*arm) > 0 else np.array([1.0, 0.0])
        arms = {"held": max(float(np.hypot(*arm)), SIGMA[0]) * along, "other": other * along[::-1] * [-1, 1]}
    else:
        raise ValueError(f"Unknown handle {held!r}; hold 'mean', 'axis 1' or 'axis 2'.")
    return (mean, *standard(np.array([np.outer(arm, arm) for arm in arms.values()]).sum(axis=0)))


def standard(covariance: np.ndarray) -> tuple[float, float, float]:
    """σ₁, σ₂ and ρ, rounded as the sliders are and kept within their limits."""
    s1, s2 = np.sqrt(covariance.diagonal())
    rho = float(np.clip(covariance[0, 1] / (s1 * s2), -RHO, RHO))
    s1, s2 = (round(SIGMA[0] + SNAP * round((float(np.clip(s, *SIGMA)) - SIGMA[0]) / SNAP), 2) for s in (s1, s2))
    return s1, s2, round(rho, 2)
