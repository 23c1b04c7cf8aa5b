"""What the captions of the page of bounds' cues about exact posteriors claim."""

import re
from functools import cache
from typing import Any

import numpy as np
from scipy.special import logsumexp

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles import elbo_exact as told


def _elsewhere(shown: Shown, frame: int | None = None) -> float:
    """Share of the mass, from draws."""
    k = told.K[shown.frame if frame is None else frame]
    return 0.0 if np.isinf(k) else told.elsewhere(shown.config.curve, shown.config.curve_noise, k)


def _slack(share: float) -> float:
    return 0.0025 + 0.06 * share


def much(shown: Shown, match: re.Match[str]) -> bool:
    share = _elsewhere(shown)
    return share > 0.2 - _slack(share)


def little(shown: Shown, match: re.Match[str]) -> bool:
    share = _elsewhere(shown)
    return share < 0.02 + _slack(share)


def less_than_before(shown: Shown, match: re.Match[str]) -> bool:
    before, now = _elsewhere(shown, shown.frame - 1), _elsewhere(shown)
    return told.K[shown.frame] > told.K[shown.frame - 1] and now < before + _slack(now)


def all_of_them(shown: Shown, match: re.Match[str]) -> bool:
    return bool(np.isnan(shown.layer("Gaussians, 1 σ").mean[shown.frame]).all())


def one_gaussian(shown: Shown, match: re.Match[str]) -> bool:
    there = np.isfinite(shown.layer("Gaussians, 1 σ").mean[shown.frame, :, 0])
    at = shown.layer("Gaussians, 1 σ").mean[shown.frame, 0]
    return there.sum() == 1 and bool(np.allclose(at, told.on_curve(shown.config.curve, 0.0), atol=1e-6))


def several_lumps(shown: Shown, match: re.Match[str]) -> bool:
    return len(told.tops(shown.config)) == int(match[1]) > 1


@cache
def _from_gaussian(config: Any) -> float:
    """KL(p ‖ N) to the Gaussian with p's mean and covariance: the sum of p log(p/N) over a grid."""
    first, second, values, _ = told.grid(config)
    log_share = (values - logsumexp(values)).ravel()
    share = np.exp(log_share)
    z = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = (first[1] - first[0]) * (second[1] - second[0])
    apart = z - share @ z
    covariance = (apart.T * share) @ apart
    squared = (apart @ np.linalg.inv(covariance) * apart).sum(axis=1)
    log_n = -0.5 * (squared + np.linalg.slogdet(2 * np.pi * covariance)[1])
    return float(share @ (log_share - np.log(cell) - log_n))


def one_but_no_gaussian(shown: Shown, match: re.Match[str]) -> bool:
    off = _from_gaussian(shown.config)
    return len(told.tops(shown.config)) == 1 and off > 0.049 and abs(off - float(match[1])) < 0.006


def nearly_a_gaussian(shown: Shown, match: re.Match[str]) -> bool:
    return len(told.tops(shown.config)) == 1 and _from_gaussian(shown.config) < 0.051


ORACLES: list[Oracle] = [
    Oracle(r"^All z at once: the sum is an integral", all_of_them),
    Oracle(r"^One Gaussian, in the middle of the curve", one_gaussian),
    Oracle(r"more than 20 % of the mass would have to move", much),
    Oracle(r"^Less than 2 % of the mass would have to move", little),
    Oracle(r"^More Gaussians than before, and less of the mass", less_than_before),
    Oracle(r"^Below the line p\(x, z\) is summed", holds_whatever("so the volume is drawn; its oracle asks")),
    Oracle(r"^(\d) lumps: z at different places", several_lumps),
    Oracle(r"^One lump, and no Gaussian: the nearest is (\d+\.\d+) nats", one_but_no_gaussian),
    Oracle(r"^One lump, and nearly a Gaussian", nearly_a_gaussian),
]
