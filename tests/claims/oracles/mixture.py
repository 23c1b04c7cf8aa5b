"""What the captions of the mixtures' page claim."""

from __future__ import annotations

import re

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal

from tests.claims.shown import Oracle, Shown


def last_frame(shown: Shown) -> bool:
    return shown.frame == len(shown.scene.steps) - 1


# --- K-means ------------------------------------------------------------------------------------------------


def centroids(shown: Shown, before: int = 0) -> np.ndarray:
    return np.asarray(shown.layer("centroids").xy)[shown.frame - before]


def labels(shown: Shown, before: int = 0) -> np.ndarray:
    return np.asarray(shown.layer("points").labels)[shown.frame - before]


def joined(shown: Shown) -> bool:
    """Whether each point's label is that of its nearest centroid, and centroids are where they were."""
    squared = cdist(shown.config.data(), centroids(shown), "sqeuclidean")
    chosen = squared[np.arange(len(squared)), labels(shown)]
    return bool(np.allclose(chosen, squared.min(axis=1)) and np.array_equal(centroids(shown), centroids(shown, 1)))


def moved(shown: Shown, someone_stays: bool) -> bool:
    """Whether each centroid with points is at their mean, and each without is where it was."""
    data, own, now, before = shown.config.data(), labels(shown), centroids(shown), centroids(shown, 1)
    held = [int((own == k).sum()) for k in range(len(now))]
    right = all(np.allclose(at, data[own == k].mean(axis=0)) for k, at in enumerate(now) if held[k])
    stayed = all(np.array_equal(at, before[k]) for k, at in enumerate(now) if not held[k])
    return right and stayed and (0 in held) == someone_stays


# --- EM -----------------------------------------------------------------------------------------------------


def rise(shown: Shown, name: str) -> float:
    values = shown.readouts(name)
    return float(values[shown.frame] - values[shown.frame - 1])


def log_joint(shown: Shown, frame: int) -> np.ndarray:
    """log π N(x; μ, Σ) ``(N, K)`` of the components as they are drawn in a frame, by scipy."""
    drawn, data = shown.layer("components"), shown.config.data()
    weights = np.asarray(shown.layer("weights π").height)[frame]
    return np.stack(
        [
            np.log(w) + multivariate_normal(m, c, allow_singular=True).logpdf(data)
            for w, m, c in zip(weights, drawn.mean[frame], drawn.covariance[frame], strict=True)
        ],
        axis=1,
    )


def posterior(shown: Shown) -> np.ndarray:
    joint = log_joint(shown, shown.frame)
    shares = np.exp(joint - joint.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def is_e_step(shown: Shown, match: re.Match[str]) -> bool:
    """r is the posterior of what is drawn, and what is drawn stayed; the bound meets the log-likelihood."""
    drawn, resp = shown.layer("components"), np.asarray(shown.layer("points").weights)[shown.frame]
    stayed = np.array_equal(drawn.mean[shown.frame], drawn.mean[shown.frame - 1])
    meets = abs(shown.readout("lower bound") - shown.readout("log-likelihood")) < 1e-8
    rose = "bound rises" not in match[0] or (meets and rise(shown, "lower bound") > 0)
    return stayed and rose and bool(np.allclose(resp, posterior(shown), atol=1e-4))


def is_m_step(shown: Shown, match: re.Match[str]) -> bool:
    """Means are averages by share; and the curves do what is said."""
    resp, data = np.asarray(shown.layer("points").weights, dtype=float)[shown.frame], shown.config.data()
    means = resp.T @ data / np.maximum(resp.sum(axis=0)[:, None], 1e-12)
    held = resp.sum(axis=0) > 1e-3
    rose = all(rise(shown, name) > 0 for name in ("lower bound", "log-likelihood"))
    cost = shown.config.reg_covar > 0 and rise(shown, "log-likelihood") < 0
    told = rose if "both rise" in match[0] else cost if "costs" in match[0] else True
    return told and bool(np.allclose(means[held], shown.layer("components").mean[shown.frame][held], atol=1e-3))


# --- soft to hard, and collapse -----------------------------------------------------------------------------


def largest_variance(shown: Shown) -> float:
    return float(np.linalg.svd(np.cov(shown.config.data().T, bias=True), compute_uv=False)[0])


def shares(shown: Shown) -> np.ndarray:
    """Responsibilities at the means and the σ of the frame: a softmax of −distance² / 2σ²."""
    means = np.asarray(shown.layer("components").mean)[shown.frame]
    logits = -cdist(shown.config.data(), means, "sqeuclidean") / (2 * shown.readout("σ") ** 2)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def are_merged(shown: Shown) -> bool:
    means = np.asarray(shown.layer("components").mean)[shown.frame]
    close = np.ptp(means, axis=0).max() < 0.02 * np.sqrt(largest_variance(shown))
    return bool(close and np.allclose(shares(shown), 1 / len(means), atol=0.05))


def at_rest(shown: Shown) -> bool:
    """Whether another step of EM at this σ leaves the means where they are."""
    resp, means = shares(shown), np.asarray(shown.layer("components").mean)[shown.frame]
    again = resp.T @ shown.config.data() / np.maximum(resp.sum(axis=0)[:, None], 1e-12)
    return bool(np.abs(again - means)[resp.sum(axis=0) > 1e-6].max() < 0.02)


def hardened(shown: Shown, same: bool) -> bool:
    """Whether the mean entropy is as small as is said, and the likeliest component K-means' nearest centroid."""
    found = next(layer for _, layer in shown.scene.layers() if layer.name == "centroids")
    nearest = cdist(shown.config.data(), np.asarray(found.xy).reshape(-1, 2)).argmin(axis=1)
    resp = shares(shown)
    sure = -(resp * np.log(np.maximum(resp, 1e-300))).sum(axis=1).mean() < 0.001
    return bool(sure and (resp.argmax(axis=1) == nearest).all() == same and at_rest(shown))


def below(shown: Shown) -> bool:
    return shown.readout("σ") ** 2 < largest_variance(shown) and not are_merged(shown) and at_rest(shown)


def collapsed(shown: Shown, match: re.Match[str]) -> bool:
    """The component's variance, by the responsibilities shown, is nothing beside the data's; or it has no points."""
    resp, data = np.asarray(shown.layer("points").weights, dtype=float)[shown.frame], shown.config.data()
    share = resp[:, int(match[1]) - 1]
    told = abs(share.sum() - float(match[2])) < 0.01 * float(match[2]) + 1e-3
    if share.sum() < 1e-9:
        return told
    mean = share @ data / share.sum()
    variance = share @ ((data - mean) ** 2).mean(axis=1) / share.sum()
    return last_frame(shown) and told and variance + shown.config.reg_covar < 1e-5 * data.var()


def stays_finite(shown: Shown, match: re.Match[str]) -> bool:
    smallest = np.sqrt(np.linalg.eigvalsh(np.asarray(shown.layer("components").covariance)).min(axis=(1, 2)))
    bounded = shown.config.reg_covar > 0 and smallest.min() ** 2 >= 0.999 * shown.config.reg_covar
    return last_frame(shown) and bool(bounded and abs(smallest[-1] - float(match[1])) < 1e-3)


def survives(shown: Shown, match: re.Match[str]) -> bool:
    """All iterations were made: an E-step and an M-step each, the start, and one E-step more."""
    smallest = shown.readout("smallest σ")
    return last_frame(shown) and len(shown.scene.steps) == 2 * int(match[1]) + 2 and smallest > 0


ORACLES = [
    Oracle(r"^Start: K centroids; no point is assigned yet", lambda shown, _: bool((labels(shown) == -1).all())),
    Oracle(
        r"^Assign: no point has another nearest centroid than before",
        lambda s, _: joined(s) and last_frame(s) and np.array_equal(labels(s), labels(s, 1)),
    ),
    Oracle(r"^Assign: every point joins its nearest centroid", lambda shown, _: joined(shown)),
    Oracle(r"to the mean of its points\.$", lambda shown, _: moved(shown, someone_stays=False)),
    Oracle(r"to the mean of its points; one without points stays", lambda shown, _: moved(shown, someone_stays=True)),
    Oracle(
        r"^Start: means .* every point belongs to all components alike",
        lambda s, _: np.allclose(np.asarray(s.layer("points").weights)[s.frame], 1 / s.config.k),
    ),
    Oracle(r"^E-step: r is each point's posterior over components; the parameters rest\..*", is_e_step),
    Oracle(r"^M-step: each component is fitted to its share of the points.*", is_m_step),
    Oracle(
        r"σ² lies above λ_max, .*: all means have merged into one",
        lambda s, _: s.readout("σ") ** 2 > largest_variance(s) and are_merged(s),
    ),
    Oracle(
        r"each point's likeliest component is its K-means cluster: EM has become K-means",
        lambda shown, _: hardened(shown, same=True),
    ),
    Oracle(
        r"below 0.001 nats, but some points lie in another cluster than K-means'",
        lambda shown, _: hardened(shown, same=False),
    ),
    Oracle(r"^σ² lies below λ_max: the means have parted", lambda shown, _: below(shown)),
    Oracle(r"Component (\d) collapsed at step \d+: it held (\S+) of \d+ points", collapsed),
    Oracle(r"No variance falls below reg_covar, .*: the smallest σ is ([\d.]+)\.", stays_finite),
    Oracle(r"No component has collapsed in (\d+) iterations", survives),
    Oracle(
        r"^(\d+) components, laid by hand along a curve",
        lambda shown, match: shown.readout("components on the curve") == int(match[1]),
    ),
]
