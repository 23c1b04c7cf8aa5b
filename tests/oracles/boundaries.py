"""Boundaries: logistic regression by scikit-learn, Gaussians by their moments, everything else by its formula."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dashboard.scene.painted import encode_points
from dashboard.scenes.boundaries.setup import Config, Labelled
from genmodels.classifiers.mlp import MLPConfig, iterate_mlp
from genmodels.kmeans import starting_means
from genmodels.store import cache
from tests.oracles import mixture
from tests.oracles.contours import centres, hatched, level_line
from tests.oracles.seen import About, Expected, Oracles, Seen

ORACLES = Oracles()

LogPosterior = Callable[[np.ndarray], np.ndarray]
"""Points ``(N, 2)`` to log p(y | x), ``(N, K)``."""

# --- the two models -----------------------------------------------------------------------------------------


class Logistic:
    """p(y | x) = softmax(W φ(x) + b), by scikit-learn; x is standardised, φ its monomials."""

    def __init__(self, x: np.ndarray, y: np.ndarray, degree: int, penalty: float) -> None:
        self.phi = make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False)).fit(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it does not converge where classes are separable
            self.model = LogisticRegression(C=penalty, tol=1e-6, max_iter=1000).fit(self.phi.transform(x), y)
        self.length = math.sqrt((self.model.coef_**2).sum())

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Logits ``(N, K)``."""
        told = self.model.decision_function(self.phi.transform(x))
        return told if told.ndim == 2 else np.stack([np.zeros_like(told), told], axis=1)

    def log_posterior(self, x: np.ndarray) -> np.ndarray:
        return log_softmax(self.scores(x), axis=1)


def log_normal(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """log N(x; μ, Σ), ``(N, D)`` to ``(N,)``."""
    away = x - mean
    squared = (away @ np.linalg.inv(covariance) * away).sum(axis=1)
    return -0.5 * (squared + np.linalg.slogdet(covariance)[1] + len(mean) * math.log(2 * math.pi))


class Generative:
    """p(y) and p(x | y) = Σ_m w_m N(x; μ_m, Σ_m).

    Args:
        prior: ``(K,)``.
        parts: For each class the weights ``(M,)``, means ``(M, D)`` and covariances ``(M, D, D)``.
    """

    def __init__(self, prior: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
        self.prior, self.parts = prior, parts

    def log_density(self, x: np.ndarray, y: int) -> np.ndarray:
        """log p(x | y)."""
        terms = [math.log(w) + log_normal(x, m, c) for w, m, c in zip(*self.parts[y], strict=True)]
        return logsumexp(terms, axis=0)

    def log_joint(self, x: np.ndarray) -> np.ndarray:
        return np.stack([math.log(p) + self.log_density(x, y) for y, p in enumerate(self.prior)], axis=1)

    def log_posterior(self, x: np.ndarray) -> np.ndarray:
        return log_softmax(self.log_joint(x), axis=1)

    def log_marginal(self, x: np.ndarray) -> np.ndarray:
        return logsumexp(self.log_joint(x), axis=1)


def moments(kind: str, x: np.ndarray, y: np.ndarray, k: int) -> Generative:
    """One Gaussian a class: maximum likelihood under what the kind assumes."""
    means = np.stack([x[y == c].mean(axis=0) for c in range(k)])
    away = x - means[y]
    own = np.stack([away[y == c].T @ away[y == c] / (y == c).sum() for c in range(k)])
    if kind in ("lda", "shared"):
        own = np.repeat((away.T @ away / len(x))[None], k, axis=0)
    if kind in ("naive", "shared"):
        own = own * np.eye(2) + 1e-9 * x.var(axis=0).max() * np.eye(2)
    return Generative(
        np.bincount(y, minlength=k) / len(y), [(np.ones(1), means[c, None], own[c, None]) for c in range(k)]
    )


def three_gaussians(x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mixture by EM, until an iteration gains less than 1e-6 nats a point, or for 100 of them."""
    m = min(3, len(np.unique(x, axis=0)))
    means = starting_means(x, m, "kmeans++", np.random.default_rng(seed))
    weights, reg = np.full(m, 1 / m), 1e-3
    covariances = np.repeat(mixture.fitted(x, np.ones((len(x), 1)), "full", reg)[2], m, axis=0)
    joint = mixture.log_joint(x, weights, means, covariances)
    for _ in range(100):
        before = logsumexp(joint, axis=1)
        weights, means, covariances = mixture.fitted(x, np.exp(joint - before[:, None]), "full", reg)
        joint = mixture.log_joint(x, weights, means, covariances)
        if abs(logsumexp(joint, axis=1).mean() - before.mean()) < 1e-6:
            break
    return weights, means, covariances


def is_flat(covariance: np.ndarray) -> bool:
    """Whether a covariance ``(2, 2)`` is that of points on a line, but for rounding."""
    spread = np.sqrt(np.diag(covariance))
    return bool((spread <= 1e-12).any() or np.linalg.eigvalsh(covariance / np.outer(spread, spread))[0] < 1e-12)


def generative(kind: str, x: np.ndarray, y: np.ndarray, k: int, seed: int) -> Generative | None:
    """The model on the right, None where the points have none."""
    if kind == "mixture":
        classes = [x[y == c] for c in range(k)]
        if any((points == points[0]).all() for points in classes):
            return None
        return Generative(np.bincount(y, minlength=k) / len(y), [three_gaussians(points, seed) for points in classes])
    found = moments(kind, x, y, k)
    if kind in ("lda", "qda") and any(is_flat(covariances[0]) for _, _, covariances in found.parts):
        return None
    return found


@lru_cache(maxsize=8)
def data(config: Config, at_least: int = 3) -> Labelled:
    return config.data(at_least)


@lru_cache(maxsize=8)
def fresh(config: Config, n: int) -> Labelled:
    """Test points: others than the training points, where there are others."""
    test = config.fresh(n)
    known = {tuple(x) for x in data(config, 1).x.tolist()}
    assert config.is_own or not any(tuple(x) in known for x in test.x.tolist()), "tested on training points"
    return test


@lru_cache(maxsize=64)
def left(config: Config, n: int | None = None) -> Logistic:
    """Of the first n training points."""
    x, y = data(config).x[:n], data(config).y[:n]
    return Logistic(x, y, config.degree, config.penalty)


@lru_cache(maxsize=64)
def right(config: Config, n: int | None = None) -> Generative | None:
    """Of the first n training points."""
    x, y = data(config).x[:n], data(config).y[:n]
    return generative(config.generative, x, y, data(config).n_classes, config.seed)


def on_the_right(config: Config) -> Generative:
    """That of all points."""
    found = right(config)
    assert found is not None
    return found


# --- what planes show ---------------------------------------------------------------------------------------

FIELD, BOUNDARY = r"Field (p\(class 2 \| x\)|likeliest class)", "Polylines boundary"
SHARP = 1e6
"""Log-odds beyond it are as good as this."""


def covers_panel(seen: Seen) -> Expected:
    """A field reaches to the edges of its panel, or beyond."""
    panel = seen.scene.panels[seen.panel]

    def check(extent: tuple[float, ...]) -> bool | str:
        (x0, x1), (y0, y1), near = panel.x, panel.y, 1e-9
        inside = (
            extent[0] <= x0 + near and extent[1] >= x1 - near and extent[2] <= y0 + near and extent[3] >= y1 - near
        )
        return inside or f"the field {extent} leaves edges of the panel free"

    return check


def posterior_field(seen: Seen, log_p: LogPosterior | None) -> dict[str, Expected]:
    """p(class 2 | x) of two classes, else the likeliest one, at the centres of the cells."""
    shape = seen.at("values").shape
    at = centres(seen.at("extent"), shape).reshape(-1, 2)
    if log_p is None:
        return {"values": np.full(shape, np.nan)}
    told = log_p(at).reshape(*shape, -1)
    k = told.shape[-1]
    if k == 2:
        assert seen.name == "Field p(class 2 | x)"
        return {"values": np.exp(told[..., 1]), "limits": (0, 1), "extent": covers_panel(seen)}

    def likeliest(shown: np.ndarray) -> bool | str:
        named = np.take_along_axis(told, shown.astype(int)[..., None], axis=-1)[..., 0]
        wrong = named < told.max(axis=-1) - 1e-6
        return not wrong.any() or f"{wrong.sum()} cells of another class"

    return {"values": likeliest, "limits": (0, k - 1), "extent": covers_panel(seen)}


def boundary_line(seen: Seen, log_p: LogPosterior | None, two: str = "p(class 2 | x)") -> dict[str, Expected]:
    """Where each class is as likely as the likeliest of the others; between two classes there is one line."""
    names = [layer.name for layer in seen.scene.panels[seen.panel].layers]
    field = seen.other(two if two in names else "likeliest class", seen.panel)
    extent, shape = field.at("extent"), field.at("values").shape
    if log_p is None:
        return {"xy": level_line([np.full(shape, -1.0)], extent)}
    told = log_p(centres(extent, shape).reshape(-1, 2)).reshape(*shape, -1)
    k = told.shape[-1]
    ahead = [told[..., c] - np.delete(told, c, axis=-1).max(axis=-1) for c in (range(k) if k > 2 else (1,))]
    return {"xy": level_line([np.clip(one, -SHARP, SHARP) for one in ahead], extent)}


def plane(cue: str, panel: int, log_posterior: Callable[[Seen], LogPosterior | None]) -> None:
    """Oracles of a panel's field and of its boundary."""
    ORACLES(cue, FIELD, panel=panel)(lambda seen: posterior_field(seen, log_posterior(seen)))
    ORACLES(cue, BOUNDARY, panel=panel)(lambda seen: boundary_line(seen, log_posterior(seen)))


def class_ellipses(model: Generative | None) -> dict[str, Expected]:
    """The Gaussians of each class, in its colour: ellipse k has that of class k, and there are ten colours."""

    def compare(channel: int) -> Expected:
        def check(shown: np.ndarray) -> bool | str:
            there = np.isfinite(shown).reshape(len(shown), -1).all(axis=1)
            if model is None:
                return not there.any() or "ellipses without a model"
            for c, part in enumerate(model.parts):
                got = shown[there & (np.arange(len(shown)) % 10 == c)]
                if got.shape != part[channel].shape or not np.allclose(got, part[channel], rtol=1e-4, atol=1e-6):
                    return f"in class {c + 1}'s colour {got.tolist()}, expected {part[channel].tolist()}"
            return there.sum() == sum(len(part[0]) for part in model.parts) or "ellipses of no class"

        return check

    return {"mean": compare(1), "covariance": compare(2)}


def per_cent_wrong(log_p: LogPosterior, test: Labelled) -> float:
    return 100 * float((log_p(test.x).argmax(axis=1) != test.y).mean())


@ORACLES("descend|knows|sample|prior|missing", "Points points")
def training_points(seen: Seen) -> dict[str, Any]:
    points = data(seen.config, 1 if seen.scene.time == "step" else 3)
    return {"xy": points.x, "labels": points.y}


# --- learn: both models after the first n points ------------------------------------------------------------

TESTED = 2_000


def right_after(seen: Seen) -> LogPosterior | None:
    model = right(seen.config, seen.step)
    return model and model.log_posterior


plane("learn", 0, lambda seen: left(seen.config, seen.step).log_posterior)
plane("learn", 1, right_after)


@ORACLES("learn", "Points points")
def first_points(seen: Seen) -> dict[str, Any]:
    points = data(seen.config)
    return {"xy": points.x, "labels": points.y, "count": seen.step}


def differ(seen: Seen, panel: int = 1) -> np.ndarray | None:
    """In which cells of the plane the two models name different classes."""
    field = next(layer for layer in seen.scene.panels[panel].layers if layer.kind == "field")
    model, shape = right(seen.config, seen.step), field.values.shape[-2:]
    if model is None:
        return None
    at = centres(field.extent, shape).reshape(-1, 2)
    named = [m.log_posterior(at).argmax(axis=1) for m in (left(seen.config, seen.step), model)]
    return (named[0] != named[1]).reshape(shape)


@ORACLES("learn", "Polylines the two disagree")
def disagreement(seen: Seen) -> dict[str, Any]:
    field = next(layer for layer in seen.scene.panels[1].layers if layer.kind == "field")
    where = differ(seen)
    return {"xy": hatched(np.zeros(field.values.shape[-2:], bool) if where is None else where, field.extent)}


@ORACLES("learn", "Readout disagree on")
def share_of_the_area(seen: Seen) -> float:
    where = differ(seen)
    return math.nan if where is None else 100 * where.mean()


@ORACLES("learn", "Ellipses p.*")
def densities_after(seen: Seen) -> dict[str, Any]:
    return class_ellipses(right(seen.config, seen.step))


@ORACLES("learn", r"Curve left: p\(y \| x\)|Readout left: error")
def left_error(seen: Seen) -> dict[str, Any]:
    error = per_cent_wrong(left(seen.config, seen.step).log_posterior, fresh(seen.config, TESTED))
    return over_points(seen, error)


@ORACLES("learn", r"Curve right: p\(x \| y\) p\(y\)|Readout right: error")
def right_error(seen: Seen) -> dict[str, Any]:
    log_p = right_after(seen)
    return over_points(seen, per_cent_wrong(log_p, fresh(seen.config, TESTED)) if log_p else math.nan)


def over_points(seen: Seen, value: float) -> dict[str, Any]:
    """Of a curve over n, or of the readout beside it."""
    return {"y": value, "x": seen.step} if "y" in seen.channels() else {"values": value}


@ORACLES("learn", r"Readout left ‖w‖.*")
def length_of_weights(seen: Seen) -> float:
    return left(seen.config, seen.step).length


# --- descend: gradient descent from 0 -----------------------------------------------------------------------


class Descent:
    """Parameters ``(S + 1, K, 1 + P)``, b first, and the features ``(N, 1 + P)`` of the training points."""

    def __init__(self, points: Labelled, degree: int, rate: float, steps: int) -> None:
        self.features = make_pipeline(StandardScaler(), PolynomialFeatures(degree)).fit(points.x)
        self.phi, self.k, self.points = self.features.transform(points.x), points.n_classes, points
        self.hot = np.eye(self.k)[points.y]
        theta = np.zeros((self.k, self.phi.shape[1]))
        found = [theta]
        for _ in range(steps):
            theta = theta - rate * self.slope(theta)
            found.append(theta)
        self.theta = np.stack(found)

    def slope(self, theta: np.ndarray) -> np.ndarray:
        """Of the mean loss; of two classes the first is the reference, whose parameters stay 0."""
        excess = np.exp(self.log_p(self.phi, theta)) - self.hot
        if self.k == 2:
            excess[:, 0] = 0
        return excess.T @ self.phi / len(self.phi)

    @staticmethod
    def log_p(phi: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return log_softmax(phi @ theta.T, axis=1)

    def loss(self, theta: np.ndarray) -> float:
        return -float((self.hot * self.log_p(self.phi, theta)).sum(axis=1).mean())


@lru_cache(maxsize=8)
def descent(config: Config) -> Descent:
    return Descent(data(config, 1), int(config.descend), 10.0**config.rate, 2_000)


def theta_of(seen: Seen) -> np.ndarray:
    return descent(seen.config).theta[seen.step]


def descended(seen: Seen) -> LogPosterior:
    if seen.config.descend == "network":
        return lambda x: network(seen, x)
    run, theta = descent(seen.config), theta_of(seen)
    return lambda x: run.log_p(run.features.transform(x), theta)


plane("descend", 0, descended)


@lru_cache(maxsize=8)
def infimum(config: Config) -> float:
    """The lowest possible loss: what Newton's method tends to as its penalty λ/2 ‖θ‖² vanishes."""
    run = descent(config)
    (n, p), k = run.phi.shape, run.k
    theta = np.zeros(k * p)
    for penalty in 10.0 ** -np.arange(1, 13):
        for _ in range(100):
            prob = np.exp(run.log_p(run.phi, theta.reshape(k, p)))
            slope = ((prob - run.hot).T @ run.phi / n).ravel() + penalty * theta
            curved = np.einsum("na,ab,ni,nj->aibj", prob, np.eye(k), run.phi, run.phi, optimize=True)
            curved -= np.einsum("na,nb,ni,nj->aibj", prob, prob, run.phi, run.phi, optimize=True)
            step = np.linalg.solve(curved.reshape(k * p, -1) / n + penalty * np.eye(k * p), slope)

            def cost(at: np.ndarray, penalty: float = penalty) -> float:
                return run.loss(at.reshape(k, p)) + penalty / 2 * at @ at

            size = 1.0
            while size > 1e-6 and cost(theta - size * step) > cost(theta) - 0.25 * size * slope @ step:
                size /= 2
            theta = theta - size * step
            if slope @ step < 1e-10:
                break
    return run.loss(theta.reshape(k, p))


def over_steps(seen: Seen, value: Expected) -> dict[str, Any]:
    """Of a curve on a logarithmic axis of steps, on which 0 stands at 0.7; or of the readout beside it."""
    if "y" not in seen.channels():
        return {"values": value}
    return {"y": value} | ({"x": max(seen.step, 0.7)} if "x" in seen.channels() else {})


@ORACLES("descend", "(Curve|Readout) loss.*")
def loss(seen: Seen) -> dict[str, Any]:
    if seen.config.descend == "network":
        points = data(seen.config, 1)
        value = -float(network(seen, points.x)[np.arange(len(points.y)), points.y].mean())
        return over_steps(seen, value)
    return over_steps(seen, descent(seen.config).loss(theta_of(seen)))


@ORACLES("descend", "(Polylines|Readout) lowest possible")
def lowest(seen: Seen) -> dict[str, Any]:
    value = infimum(seen.config)
    if seen.name.startswith("Readout"):
        return {"values": About(value, absolute=1e-4)}
    across = seen.scene.panels[seen.panel].x
    return {"xy": About([[[across[0], value], [across[1], value]]], absolute=1e-4)}


@ORACLES("descend", "(Curve|Readout) ‖w‖.*")
def weight_length(seen: Seen) -> dict[str, Any]:
    return over_steps(seen, np.linalg.norm(theta_of(seen)[:, 1:]))


@ORACLES("descend", "Readout ‖gradient‖")
def gradient_length(seen: Seen) -> float:
    return float(np.linalg.norm(descent(seen.config).slope(theta_of(seen))))


@ORACLES("descend", "Readout error on these points")
def training_error(seen: Seen) -> float:
    return per_cent_wrong(descended(seen), data(seen.config, 1))


# the network that is trained live: its parameters are the trainer's, what it says of points is not


@lru_cache(maxsize=4)
def network_parameters(config: Config, step: int) -> np.ndarray:
    points = data(config, 1)
    training = MLPConfig(n_steps=step + 1, learning_rate=10.0**config.adam, seed=config.seed)
    run = iterate_mlp(points.x, points.y, points.n_classes, training)
    return next(state.parameters.astype(float) for state in run if state.step == step)


def network(seen: Seen, x: np.ndarray) -> np.ndarray:
    """log p(y | x): two layers of 32 tanh on standardised points, then a softmax."""
    points, theta = data(seen.config, 1), network_parameters(seen.config, seen.step)
    h, sizes, at = (x - points.x.mean(axis=0)) / points.x.std(axis=0), (2, 32, 32, points.n_classes), 0
    for layer, (i, o) in enumerate(pairwise(sizes)):
        w, b = theta[at : at + i * o].reshape(i, o), theta[at + i * o : at + (i + 1) * o]
        h, at = h @ w + b, at + (i + 1) * o
        h = np.tanh(h) if layer < 2 else h
    return log_softmax(h, axis=1)


@ORACLES("descend", "Readout (test error|error on your points)")
def network_error(seen: Seen) -> float:
    return per_cent_wrong(descended(seen), fresh(seen.config, 1_000))


# --- knows: a probe, and a threshold on log p(x) ------------------------------------------------------------

plane("knows|sample", 0, lambda seen: left(seen.config).log_posterior)


def log_p(config: Config, x: np.ndarray) -> np.ndarray:
    """log p(x) in the file's units: the density of z = x / s is larger by log s for each axis."""
    return on_the_right(config).log_marginal(x) - np.log(config.units.scale).sum()


@lru_cache(maxsize=8)
def thresholds(config: Config) -> np.ndarray:
    """From 2 nats below the least of 1,000 fresh points to what 60 % of them are below."""
    of_fresh = np.sort(log_p(config, fresh(config, 1_000).x))
    return np.linspace(of_fresh[0] - 2, np.quantile(of_fresh, 0.6), 61)


def uniform(seen: Seen) -> np.ndarray:
    """200 points over the panel."""
    panel = seen.scene.panels[1]
    low, high = np.transpose([panel.x, panel.y])
    return low + (high - low) * np.random.default_rng([seen.config.seed, 7]).random((200, 2))


def probe(seen: Seen) -> np.ndarray:
    return np.array([[seen.config.probe_1, seen.config.probe_2]])


@ORACLES("knows", "Points probe")
def the_probe(seen: Seen) -> dict[str, Any]:
    assert all(np.array_equal(handle.at, probe(seen)[0]) for handle in seen.scene.handles)
    assert [handle.panel for handle in seen.scene.handles] == [0, 1]
    return {"xy": probe(seen)}


@ORACLES("knows", r"Field log p\(x\)")
def log_density(seen: Seen) -> dict[str, Any]:
    """Down to 25 nats below its highest value."""
    shape = seen.at("values").shape
    told = log_p(seen.config, centres(seen.at("extent"), shape).reshape(-1, 2)).reshape(shape)
    return {
        "values": np.maximum(told, told.max() - 25),
        "limits": (told.max() - 14, told.max()),
        "extent": covers_panel(seen),
    }


@ORACLES("knows", "Polylines threshold")
def threshold_line(seen: Seen) -> dict[str, Any]:
    field, levels = seen.other("log p(x)"), thresholds(seen.config)
    extent, shape = field.at("extent"), field.at("values").shape
    told = log_p(seen.config, centres(extent, shape).reshape(-1, 2)).reshape(shape)
    deep = np.maximum(told, min(levels[0], told.max()) - 60)  # as good as −∞
    return {"xy": level_line([deep - levels[seen.frame]], extent)}


@ORACLES("knows", "Points uniform points")
def uniform_points(seen: Seen) -> dict[str, Any]:
    return {"xy": uniform(seen)}


@ORACLES("knows", "Points flagged")
def flagged_points(seen: Seen) -> dict[str, Any]:
    below = log_p(seen.config, uniform(seen)) < thresholds(seen.config)[seen.frame]
    return {"xy": np.where(below[:, None], uniform(seen), np.nan)}


@ORACLES("knows", "(Curve|Readout) (uniform points flagged|false alarms)")
def rates(seen: Seen) -> dict[str, Any]:
    level = thresholds(seen.config)[seen.frame]
    points = uniform(seen) if "uniform" in seen.name else fresh(seen.config, 1_000).x
    rate = 100 * float((log_p(seen.config, points) < level).mean())
    return {"y": rate, "x": level} if "y" in seen.channels() else {"values": rate}


@ORACLES("knows", "Readout threshold")
def threshold(seen: Seen) -> float:
    return thresholds(seen.config)[seen.frame]


@ORACLES("knows", r"Readout log p\(x\)")
def at_the_probe(seen: Seen) -> float:
    return log_p(seen.config, probe(seen))[0]


@ORACLES("knows", r"Readout (left|right): p\(class \d \| x\)")
def named_at_the_probe(seen: Seen) -> dict[str, Any]:
    """The likeliest class, and its probability."""
    model = left(seen.config) if "left" in seen.name else on_the_right(seen.config)
    told = np.exp(model.log_posterior(probe(seen))[0])
    assert f"class {told.argmax() + 1} " in seen.name, seen.name
    return {"values": told.max()}


# --- sample -------------------------------------------------------------------------------------------------

ORACLES("sample|prior|missing", "Ellipses p.*")(lambda seen: class_ellipses(on_the_right(seen.config)))


@lru_cache(maxsize=8)
def drawn(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """150 points of the chosen class, then 150 of any: y from p(y), a component from its weights, x = μ + L z."""
    model, rng = on_the_right(config), np.random.default_rng([config.seed, 3])

    def of_class(y: int, n: int) -> np.ndarray:
        weights, means, covariances = model.parts[y]
        which = rng.choice(len(weights), size=n, p=weights)
        z = rng.standard_normal((n, 2))
        return np.array(
            [means[m] + np.linalg.cholesky(covariances[m]) @ one for m, one in zip(which, z, strict=True)]
        )

    chosen = of_class(config.chosen, 150)
    labels = rng.choice(len(model.prior), size=150, p=model.prior)
    anything = np.empty((150, 2))
    for y in range(len(model.prior)):
        if (labels == y).any():
            anything[labels == y] = of_class(y, int((labels == y).sum()))
    return chosen, anything


@ORACLES("sample", r"Points drawn x \| y")
def drawn_of_class(seen: Seen) -> dict[str, Any]:
    chosen = seen.config.chosen
    return {"xy": drawn(seen.config)[0], "count": seen.step, "labels": np.full(150, chosen)}


@ORACLES("sample", "Points drawn x")
def drawn_of_any(seen: Seen) -> dict[str, Any]:
    return {"xy": drawn(seen.config)[1], "count": seen.step}


def mean_of_first(values: np.ndarray, n: int) -> float:
    return float(values[:n].mean()) if n else math.nan


@ORACLES("sample", r"Readout mean log p\(x \| y\) of those drawn")
def mean_log_density(seen: Seen) -> float:
    log_scale = np.log(seen.config.units.scale).sum()
    told = on_the_right(seen.config).log_density(seen.other("drawn x | y").at("xy"), seen.config.chosen)
    return mean_of_first(told - log_scale, seen.step)


@ORACLES("sample", r"Readout mean log p\(x\) of those drawn")
def mean_log_marginal(seen: Seen) -> float:
    return mean_of_first(log_p(seen.config, seen.other("drawn x").at("xy")), seen.step)


@ORACLES("sample", "Readout left model judges them of that class")
def judged_of_that_class(seen: Seen) -> float:
    named = left(seen.config).log_posterior(seen.other("drawn x | y").at("xy")).argmax(axis=1)
    return mean_of_first(100.0 * (named == seen.config.chosen), seen.step)


# --- wrong: worlds in which an assumption is more and more false --------------------------------------------

ASSUMING = {"independence": "naive", "shared": "lda"}
SHOWN, FEW, REPEATS = 400, 12, 8


def world(wrong: str, degree: float) -> Generative:
    """Correlation 0.95 of the degree, and 15 % of errors at best; or variances that differ by 3.2 to its double."""
    if wrong == "independence":
        covariance = 1.4 * np.array([[1, 0.95 * degree], [0.95 * degree, 1]])
        towards = np.array([1.0, -0.3])
        middle = 1.036 * towards / math.sqrt(towards @ np.linalg.inv(covariance) @ towards)
        covariances = [covariance, covariance]
    else:
        middle = np.array([0.9, 0.0])
        covariances = [1.2 * np.eye(2) * 3.2**sign for sign in (-degree, degree)]
    return gaussians([-middle, middle], covariances)


def gaussians(means: list[np.ndarray], covariances: list[np.ndarray]) -> Generative:
    """Two classes, as likely as each other."""
    return Generative(
        np.array([0.5, 0.5]), [(np.ones(1), m[None], c[None]) for m, c in zip(means, covariances, strict=True)]
    )


def points_of(true: Generative, stream: Any, n: int) -> Labelled:
    z, y = np.random.default_rng(stream).standard_normal((n, 2)), np.arange(n) % 2
    x = np.empty((n, 2))
    for c in range(2):
        _, means, covariances = true.parts[c]
        x[y == c] = means[0] + z[y == c] @ np.linalg.cholesky(covariances[0]).T
    return Labelled(x, y, ("class 1", "class 2"))


@lru_cache(maxsize=64)
def of_many(config: Config, frame: int) -> tuple[Labelled, Generative, Generative]:
    """400 points, and the models of both sides."""
    points = points_of(world(config.wrong, frame / 10), config.seed, SHOWN)
    assuming, free = (moments(kind, points.x, points.y, 2) for kind in (ASSUMING[config.wrong], "qda"))
    return points, assuming, free


@lru_cache(maxsize=64)
def judged_on(config: Config, frame: int) -> Labelled:
    return points_of(world(config.wrong, frame / 10), [config.seed, 9], 8_000)


@lru_cache(maxsize=64)
def of_few(config: Config, frame: int) -> np.ndarray:
    """Mean errors of left and right in per cent, after 12 points, over 8 draws."""
    true, found = world(config.wrong, frame / 10), np.zeros(2)
    for r in range(REPEATS):
        points, test = points_of(true, [config.seed, 11, r], FEW), points_of(true, [config.seed, 12, r], 800)
        for side, kind in enumerate((ASSUMING[config.wrong], "qda")):
            found[side] += per_cent_wrong(moments(kind, points.x, points.y, 2).log_posterior, test) / REPEATS
    return found


plane("wrong", 0, lambda seen: of_many(seen.config, seen.frame)[1].log_posterior)
plane("wrong", 1, lambda seen: of_many(seen.config, seen.frame)[2].log_posterior)


@ORACLES("wrong", "Points points")
def points_of_the_world(seen: Seen) -> dict[str, Any]:
    points = of_many(seen.config, seen.frame)[0]
    return {"xy": points.x, "labels": points.y}


@ORACLES("wrong", "Ellipses p.*")
def fitted_to_the_world(seen: Seen) -> dict[str, Any]:
    return class_ellipses(of_many(seen.config, seen.frame)[1:][seen.panel])


def over_degrees(seen: Seen, value: float) -> dict[str, Any]:
    return {"y": value, "x": seen.frame / 10} if "y" in seen.channels() else {"values": value}


@ORACLES("wrong", "Curve (left|right), n = 12|Readout left: test error, n = 12|Readout right")
def error_of_few(seen: Seen) -> dict[str, Any]:
    return over_degrees(seen, of_few(seen.config, seen.frame)[int("right" in seen.name)])


@ORACLES("wrong", "Curve (left|right), n = 400|Readout left: n = 400|Readout right ")
def error_of_many(seen: Seen) -> dict[str, Any]:
    model = of_many(seen.config, seen.frame)[1:][int("right" in seen.name)]
    return over_degrees(seen, per_cent_wrong(model.log_posterior, judged_on(seen.config, seen.frame)))


@ORACLES("wrong", "(Curve|Readout) lowest possible")
def error_of_the_truth(seen: Seen) -> dict[str, Any]:
    true = world(seen.config.wrong, seen.frame / 10)
    return over_degrees(seen, per_cent_wrong(true.log_posterior, judged_on(seen.config, seen.frame)))


@ORACLES("wrong", "Readout left: n → ∞")
def error_in_the_limit(seen: Seen) -> float:
    """Of the true moments, as far as the assumption keeps them."""
    true = world(seen.config.wrong, seen.frame / 10)
    means, covariances = [part[1][0] for part in true.parts], np.stack([part[2][0] for part in true.parts])
    if seen.config.wrong == "independence":
        kept = [np.diag(np.diag(one)) for one in covariances]
    else:
        kept = [(covariances[0] + covariances[1]) / 2] * 2
    return per_cent_wrong(gaussians(means, kept).log_posterior, judged_on(seen.config, seen.frame))


@ORACLES("wrong", "Readout correlation within classes")
def correlation(seen: Seen) -> float:
    covariance = world("independence", seen.frame / 10).parts[0][2][0]
    return covariance[0, 1] / covariance[0, 0]


@ORACLES("wrong", "Readout variance of class 2 / class 1")
def ratio_of_variances(seen: Seen) -> float:
    one, two = (part[2][0, 0, 0] for part in world("shared", seen.frame / 10).parts)
    return two / one


# --- faster: 50 training sets of each size, as they are stored ----------------------------------------------

TASKS = {"Independent features": "independent", "Correlated features": "correlated", "Digits, 8 × 8": "digits"}
SIDES = ("naive Bayes", "logistic regression")


def errors_of(seen: Seen) -> tuple[np.ndarray, np.ndarray, int]:
    """Errors in per cent ``(2, R, S)`` of the task of a panel or readout; sizes; which one is meant."""
    task = (
        TASKS[seen.scene.panels[seen.panel].title]
        if seen.panel >= 0
        else next(t for t in TASKS.values() if t in seen.name)
    )
    computed = dict(seen.config.curves)
    stored = cache.arrays("learning-curves")
    errors = computed[task].errors if computed else stored[f"{task}.errors"]
    sizes = np.asarray(computed[task].sizes if computed else stored[f"{task}.sizes"], dtype=float)
    return 100 * np.asarray(errors, dtype=float), sizes, min(seen.frame, len(sizes) - 1)


def side_of(seen: Seen) -> int:
    return next(side for side, name in enumerate(SIDES) if name in seen.name)


@ORACLES("faster", "(Curve|Readout) (naive Bayes|logistic regression).*")
def mean_error(seen: Seen) -> dict[str, Any]:
    errors, sizes, k = errors_of(seen)
    value = errors[side_of(seen), :, k].mean()
    return {"y": value, "x": sizes[k]} if "y" in seen.channels() else {"values": value}


@ORACLES("faster", "Polylines 5–95 %, .*")
def middle_of_the_errors(seen: Seen) -> dict[str, Any]:
    """There along the upper edge, back along the lower one."""
    errors, sizes, _ = errors_of(seen)
    low, high = np.percentile(errors[side_of(seen)], [5, 95], axis=0)
    return {"xy": [[*zip(sizes, high, strict=True), *reversed(list(zip(sizes, low, strict=True)))]]}


@ORACLES("faster", "Polylines lowest possible")
def bayes_error(seen: Seen) -> dict[str, Any]:
    """Means three standard deviations apart: Φ(−3/2)."""
    _, sizes, _ = errors_of(seen)
    value = 100 * norm.cdf(-1.5)
    return {"xy": [[[sizes[0], value], [sizes[-1], value]]]}


@ORACLES("faster", "Readout .*: n")
def size(seen: Seen) -> float:
    _, sizes, k = errors_of(seen)
    return sizes[k]


# --- prior: another p(y) when the model is used -------------------------------------------------------------


def deployed(seen: Seen) -> np.ndarray:
    """p(y), from 2 % of class 2 to 98 %."""
    share = 0.02 * (seen.frame + 1)
    return np.array([1 - share, share])


def moved(seen: Seen, side: str) -> LogPosterior:
    """p'(y | x) ∝ p(y | x) p'(y) / p(y), from what a model says of the world it was trained in."""
    model = left(seen.config) if side == "left" else on_the_right(seen.config)
    odds = np.log(deployed(seen)) - np.log(np.bincount(data(seen.config).y) / len(data(seen.config).y))
    return lambda x: log_softmax(model.log_posterior(x) + odds, axis=1)


plane("prior", 0, lambda seen: moved(seen, "left"))
plane("prior", 1, lambda seen: moved(seen, "right"))


@ORACLES("prior", "(Curve (left|right),|Readout (left|right):) (corrected|as trained)")
def accuracy_there(seen: Seen) -> dict[str, Any]:
    """The share of each class that is recognised, weighted by how often it comes."""
    side = "left" if "left" in seen.name else "right"
    trained = left(seen.config) if side == "left" else on_the_right(seen.config)
    said = moved(seen, side) if "corrected" in seen.name else trained.log_posterior
    test = fresh(seen.config, 4_000)
    right_ones = said(test.x).argmax(axis=1) == test.y
    value = 100 * np.average(right_ones, weights=deployed(seen)[test.y] / np.bincount(test.y)[test.y])
    return {"y": value, "x": deployed(seen)[1]} if "y" in seen.channels() else {"values": value}


@ORACLES("prior", r"Readout deployed p\(class 2\)")
def deployed_share(seen: Seen) -> float:
    return deployed(seen)[1]


@ORACLES("prior", "Readout in training")
def share_in_training(seen: Seen) -> float:
    return float((data(seen.config).y == 1).mean())


# --- missing: one coordinate is known -----------------------------------------------------------------------

plane("missing", 0, lambda seen: left(seen.config).log_posterior)
plane("missing", 1, lambda seen: on_the_right(seen.config).log_posterior)


def known(config: Config) -> int:
    """Which coordinate is known, 0 or 1."""
    return {2: 0, 1: 1}[config.missing]


def value_of(seen: Seen) -> float:
    """Where the line stands: at one of 61 places between the edges of the panel."""
    panel = seen.scene.panels[0]
    low, high = (panel.x, panel.y)[known(seen.config)]
    return low + (high - low) * (seen.frame + 1) / 62


def guessed(config: Config, values: Any) -> np.ndarray:
    """Points with the training mean in place of the missing coordinate."""
    x = np.tile(data(config).x.mean(axis=0), (len(np.atleast_1d(values)), 1))
    x[:, known(config)] = values
    return x


def integrated(config: Config, values: np.ndarray) -> np.ndarray:
    """log p(y | x_known): of each Gaussian its margin, N(x_d; μ_d, Σ_dd)."""
    model, d = on_the_right(config), known(config)

    def log_margin(weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
        gaussians = norm(means[:, d], np.sqrt(covariances[:, d, d]))
        return logsumexp(np.log(weights) + gaussians.logpdf(values[:, None]), axis=1)

    joint = [math.log(p) + log_margin(*part) for p, part in zip(model.prior, model.parts, strict=True)]
    return log_softmax(np.stack(joint, axis=1), axis=1)


@ORACLES("missing", "Polylines known: .*")
def line(seen: Seen) -> dict[str, Any]:
    """Across the panel."""
    panel, d = seen.scene.panels[0], known(seen.config)
    across = (panel.x, panel.y)[1 - d]
    ends = [[value_of(seen), other] if d == 0 else [other, value_of(seen)] for other in across]
    return {"xy": [ends]}


@ORACLES("missing", "Points the guess")
def the_guess(seen: Seen) -> dict[str, Any]:
    return {"xy": guessed(seen.config, value_of(seen))}


@ORACLES("missing", r"Curve left, guessed|Curve right, integrated|Readout (left|right): p\(class 2 \| .*\)")
def told_of_one(seen: Seen) -> dict[str, Any]:
    if "left" in seen.name:
        log_two = left(seen.config).log_posterior(guessed(seen.config, value_of(seen)))[0, 1]
    else:
        log_two = integrated(seen.config, np.array([value_of(seen)]))[0, 1]
    value = math.exp(log_two)
    return {"y": value, "x": value_of(seen)} if "y" in seen.channels() else {"values": value}


@ORACLES("missing", "Readout x[₁₂]")
def value_in_its_units(seen: Seen) -> float:
    units, d = seen.config.units, known(seen.config)
    assert seen.name[-1] == "₁₂"[d], seen.name
    return units.centre[d] + units.scale[d] * value_of(seen)


@ORACLES("missing", "Readout (left|right), (both|guess|integral): accuracy")
def accuracy(seen: Seen) -> float:
    config, test = seen.config, fresh(seen.config, 4_000)
    one = test.x[:, known(config)]
    told = {
        "left, both": lambda: left(config).log_posterior(test.x),
        "right, both": lambda: on_the_right(config).log_posterior(test.x),
        "left, guess": lambda: left(config).log_posterior(guessed(config, one)),
        "right, integral": lambda: integrated(config, one),
    }[seen.name.removeprefix("Readout ").removesuffix(": accuracy")]()
    return 100 * float((told.argmax(axis=1) == test.y).mean())


# --- where else to look -------------------------------------------------------------------------------------

rng = np.random.default_rng(3)
CLOUDS = np.concatenate([rng.standard_normal((30, 2)), rng.standard_normal((30, 2)) * 0.5 + [2, 1]])
IN_UNITS = Config(
    source="csv",
    csv=tuple(map(tuple, (np.array([1e4, 0.01]) * CLOUDS + [9e5, 0.04]).tolist())),
    labels=(0,) * 30 + (1,) * 30,
    names=("a", "b"),
    generative="qda",
)
ON_A_LINE = replace(
    IN_UNITS,
    csv=(*((float(k), 2.0 * k) for k in range(3)), *((float(k), 1.0 - k) for k in range(3)), *IN_UNITS.csv[:40]),
    labels=(0,) * 3 + (1,) * 3 + (0, 1) * 20,
)
PAINTED = Config(
    source="painted",
    painted=encode_points(CLOUDS, np.arange(60) // 30, (-5.0, 5.0), (-5.0, 5.0)),
    generative="mixture",
    degree=2,
)
MIXTURES = Config(source="moons", classes=3, generative="mixture", degree=3, penalty=math.inf, missing=1, chosen=1)
TWO_MIXTURES = replace(MIXTURES, classes=2, generative="mixture", source="xor", penalty=100.0)
SHARED = Config(source="inside", generative="shared", missing=1, seed=4)
SEVERAL = [IN_UNITS, PAINTED, MIXTURES, TWO_MIXTURES, SHARED]
MORE = {
    "learn": [*SEVERAL, ON_A_LINE, replace(IN_UNITS, brisk=True)],
    "descend": [IN_UNITS, PAINTED, Config(source="moons", classes=3), Config(source="apart", descend=2, rate=1.0)],
    "knows": SEVERAL,
    "sample": SEVERAL,
    "prior": [one for one in SEVERAL if one.classes == 2],
    "missing": SEVERAL,
    "wrong": [Config(wrong="shared"), Config(wrong="independence", seed=5)],
}
