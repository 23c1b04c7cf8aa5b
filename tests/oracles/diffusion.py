"""Diffusion: schedules, Bayes' rule over modes or points, and both ways back, written out from their formulas."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist
from scipy.special import expit, logsumexp, softmax
from scipy.stats import multivariate_normal
from torch.distributions import Independent, Normal, kl_divergence

from dashboard.scenes.diffusion import backward, copier, curve, digits, forward, guess, live
from genmodels.data.digits import load_mnist
from genmodels.data.planar import get_dataset
from genmodels.diffusion.denoisers import DenoiserConfig
from genmodels.diffusion.training import iterate_denoiser
from genmodels.kmeans import KMeansConfig, fit_kmeans
from genmodels.store import cache as store
from tests.oracles.seen import About, Oracles, Seen
from tests.scenes.reading import painted

ORACLES = Oracles()
RAN = {"absolute": 2e-3}  # after many steps of a network in float32

# --- Data, noise, schedules ---------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def data(source: str, seed: int, n: int, salt: int = 0) -> np.ndarray:
    """Points of a data set, its mean 0 and the mean of its axes' variances 1."""
    dataset = get_dataset(source)
    raw = dataset.sample(n, np.random.default_rng([seed, salt]))
    return (raw - dataset.mean) / np.sqrt(np.diag(dataset.covariance).mean())


def points(config: Any, n: int, salt: int = 0) -> np.ndarray:
    return data(config.source, config.seed, n, salt)


def noise(config: Any, n: int, salt: int = 1) -> np.ndarray:
    return np.random.default_rng([config.seed, 100 + salt]).standard_normal((n, 2))


@lru_cache(maxsize=8)
def levels(schedule: str, knots: tuple[float, ...] = ()) -> np.ndarray:
    """ᾱ at t = 0 … 1,000."""
    u = np.arange(1_001) / 1_000
    if schedule == "linear":
        return np.cumprod(1 - np.append(0, np.linspace(1e-4, 0.02, 1_000)))
    if schedule == "cosine":
        f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.cumprod(np.append(1, np.maximum(f[1:] / f[:-1], 0.001)))
    if schedule == "sigmoid":
        return np.maximum((expit(3) - expit(6 * u - 3)) / (expit(3) - expit(-3)), 1e-9)
    heights = np.minimum.accumulate(np.clip([1, *knots], 1e-5, 1))
    return np.interp(u, np.linspace(0, 1, len(heights)), heights) * (1 - 1e-7) ** (1_000 * u)  # so that it falls


def times(n: int) -> np.ndarray:
    """0, and n times up to 1,000 in equal steps, each to the nearest whole number."""
    return np.rint(1_000 * np.arange(n + 1) / n).astype(int)


def noised(x_0: np.ndarray, eps: np.ndarray, level: float) -> np.ndarray:
    return np.sqrt(level) * x_0 + np.sqrt(1 - level) * eps


def in_unit(unit: str, value: Any) -> dict[str, Any]:
    """A readout's value and its unit."""
    return {"values": value, "unit": unit}


def titled(seen: Seen, title: str, value: Any) -> Any:
    """The value, if the panel's title begins so."""
    said = seen.scene.panels[seen.panel].title
    return value if said.startswith(title) else lambda _: f"the panel is called {said!r}, not {title!r}"


def about(name: str, config: Any, n: int) -> str:
    """A name that says for how many points the answer is exact; it is silent for a mixture of Gaussians."""
    return name if modes(config.source) else f"{name} of {n:,} points"


# --- Bayes' rule --------------------------------------------------------------------------------------------


class Origins(NamedTuple):
    """Equally likely origins of x_t: round modes, or points, whose variance is 0."""

    centres: np.ndarray
    variance: float

    def log_joint(self, x: np.ndarray, level: float) -> np.ndarray:
        """log p(origin, x_t), ``(N, K)``."""
        spread = level * self.variance + 1 - level
        squared = cdist(x, np.sqrt(level) * self.centres, "sqeuclidean")
        return -squared / (2 * spread) - np.log(2 * np.pi * spread * len(self.centres))

    def weights(self, x: np.ndarray, level: float) -> np.ndarray:
        return softmax(self.log_joint(x, level), axis=1)

    def mean(self, x: np.ndarray, level: float) -> np.ndarray:
        """E[x_0 | x_t]: the weights' mean, and of a mode with width the part of x_t − √ᾱ μ that is its own."""
        of_mode = self.weights(x, level) @ self.centres
        gain = np.sqrt(level) * self.variance / (level * self.variance + 1 - level)
        return of_mode + gain * (x - np.sqrt(level) * of_mode)

    def score(self, x: np.ndarray, level: float) -> np.ndarray:
        """∇ log p_t, by automatic differentiation."""
        at, centres = torch.tensor(x, requires_grad=True), torch.tensor(np.sqrt(level) * self.centres)
        squared = (at[:, None] - centres).square().sum(2)
        log_p = torch.logsumexp(-squared / (2 * (level * self.variance + 1 - level)), 1)
        return torch.autograd.grad(log_p.sum(), at)[0].numpy()


@lru_cache(maxsize=16)
def modes(source: str) -> Origins | None:
    dataset = get_dataset(source)
    if dataset.centres is None or dataset.sigma is None:
        return None
    scale = np.sqrt(np.diag(dataset.covariance).mean())
    return Origins((dataset.centres - dataset.mean) / scale, (dataset.sigma / scale) ** 2)


def origins(config: Any, n: int) -> Origins:
    """The modes of the data where they are a mixture, else n points of them."""
    return modes(config.source) or Origins(points(config, n, 2), 0.0)


def cells(extent: tuple[float, ...], n: int) -> np.ndarray:
    """Middles of n × n cells, ``(n, n, 2)``: the first row is the lowest."""
    x, y = (low + (high - low) * (np.arange(n) + 0.5) / n for low, high in (extent[:2], extent[2:]))
    return np.dstack(np.meshgrid(x, y))


# --- Networks, and the way back -----------------------------------------------------------------------------

Answer = Callable[[np.ndarray, float], np.ndarray]


def network(arrays: Any, config: DenoiserConfig) -> Callable[..., np.ndarray]:
    """What a perceptron with these weights says x̂_0 is; written out, in float64."""
    weights = sorted((name for name in arrays if name.endswith("weight")), key=lambda name: int(name.split(".")[1]))
    layers = [(arrays[w].astype(float), arrays[w.replace("weight", "bias")].astype(float)) for w in weights]

    def says(x: np.ndarray, level: float, y: np.ndarray | None = None) -> np.ndarray:
        s, n = np.sqrt(level), np.sqrt(1 - level)
        u = np.arccos(min(1.0, s)) * 2 / np.pi if level < 0.5 else np.arcsin(n) * 2 / np.pi
        told = [2 * u - 1, *(f(2**j * np.pi * u) for j in range(config.t_waves) for f in (np.sin, np.cos))]
        waves = (x[:, :, None] * 2.0 ** np.arange(config.x_waves)).reshape(len(x), -1)
        of_class = np.zeros((len(x), config.n_classes))
        if y is not None:
            of_class[np.arange(len(x)), y] = 1
        h = np.hstack([x, np.sin(waves), np.cos(waves), np.tile(told, (len(x), 1)), of_class])
        for weight, bias in layers[:-1]:
            h = np.maximum(h @ weight.T + bias, 0)
        said = h @ layers[-1][0].T + layers[-1][1]
        return {"v": s * x - n * said, "x0": said, "eps": (x - n * said) / s}[config.prediction]

    assert config.activation == "relu"
    return says


class Learned(NamedTuple):
    """A stored network's x̂_0, ᾱ of the schedule that it was trained on, and what turns its space into data units."""

    answer: Callable[..., np.ndarray]
    alpha_bar: np.ndarray
    centre: np.ndarray
    scale: float


@lru_cache(maxsize=8)
def learned(source: str) -> Learned:
    found = store.load(f"diffusion-{source}")
    arrays, config = found.arrays, DenoiserConfig(**found.entry.config)
    assert isinstance(config.schedule, str)
    scale = float(np.asarray(arrays["scale"]).item())
    return Learned(network(arrays, config), levels(config.schedule), arrays["centre"].astype(float), scale)


class State(NamedTuple):
    t: int
    x_t: np.ndarray
    x0_hat: np.ndarray


def back(
    answer: Answer, x: np.ndarray, alpha_bar: np.ndarray, n: int, eta: float = 0.0, rng: Any = None
) -> Iterator[State]:
    """DDIM in n steps; with η = 1 it is DDPM."""
    for t, s in pairwise(times(n)[::-1]):
        now, before = alpha_bar[t], alpha_bar[s]
        x0_hat = answer(x, now)
        yield State(t, x, x0_hat)
        eps = (x - np.sqrt(now) * x0_hat) / np.sqrt(1 - now)
        variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
        z = rng.standard_normal(x.shape) if variance else 0
        x = np.sqrt(before) * x0_hat + np.sqrt(1 - before - variance) * eps + np.sqrt(variance) * z
    yield State(0, x, x)


def along_ode(answer: Answer, x: np.ndarray, alpha_bar: np.ndarray, n: int) -> Iterator[State]:
    """dx/dφ = v by the classical Runge–Kutta method, to t = 0 by Ralston's of third order."""
    at = times(n)[::-1]
    angle = np.arccos(np.sqrt(alpha_bar[at]))
    angle = np.where(alpha_bar[at] > 0.5, np.arcsin(np.sqrt(1 - alpha_bar[at])), angle)

    def v(x: np.ndarray, phi: float) -> np.ndarray:
        return (np.cos(phi) * x - answer(x, np.cos(phi) ** 2)) / np.sin(phi)

    for t, phi, after in zip(at, angle, angle[1:], strict=False):
        yield State(t, x, answer(x, alpha_bar[t]))
        h, k_1 = after - phi, v(x, phi)
        k_2 = v(x + h / 2 * k_1, phi + h / 2)
        if after == 0:
            k_3 = v(x + 3 / 4 * h * k_2, phi + 3 / 4 * h)
            x = x + h / 9 * (2 * k_1 + 3 * k_2 + 4 * k_3)
        else:
            k_3 = v(x + h / 2 * k_2, phi + h / 2)
            x = x + h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + v(x + h * k_3, after))
    yield State(0, x, x)


# --- Distances ----------------------------------------------------------------------------------------------


def energy(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.sqrt(2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()))


def energy_of_alike(x: np.ndarray, n: int) -> float:
    """Root mean square energy distance of two samples of n points: their own pairs lack n of n²."""
    return float(np.sqrt(2 / n * pdist(x).mean()))


def w2(x: np.ndarray, y: np.ndarray) -> float:
    cost = cdist(x, y, "sqeuclidean")
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


@lru_cache(maxsize=8)
def w2_of_true(source: str) -> np.ndarray:
    """W₂ between pairs of samples of 200."""
    salts = np.random.default_rng(3).integers(2**31, size=12).tolist()
    sets = [data(source, 0, 200, salt) for salt in salts]
    return np.array([w2(x, y) for x, y in zip(sets[::2], sets[1::2], strict=True)])


def median_to(x: np.ndarray, these: np.ndarray) -> float:
    return float(np.median(cdist(x, these).min(axis=1)))


# --- What several cues show ---------------------------------------------------------------------------------

PLANE = (-3.2, 3.2, -3.2, 3.2)


def hand(seen: Seen) -> np.ndarray:
    return np.array([[seen.config.x_1, seen.config.x_2]])


@ORACLES("forward|guess|why", "Points hand")
def where_the_hand_is(seen: Seen) -> dict[str, Any]:
    return {"xy": hand(seen)}


@ORACLES("forward|guess|why", "Points hand")
def there_it_can_be_taken(seen: Seen) -> dict[str, Any]:
    (handle,) = seen.scene.handles
    return {"xy": handle.at[None]} if handle.panel == seen.panel else {"xy": lambda _: "the handle is elsewhere"}


def relative_density(config: Any, t: int) -> np.ndarray:
    """p_t at cells' middles, the largest 1."""
    log_p = logsumexp(
        origins(config, 250).log_joint(cells(PLANE, 36).reshape(-1, 2), alpha_bar_of(config)[t]), axis=1
    )
    return np.exp(log_p - log_p.max()).reshape(36, 36)


def alpha_bar_of(config: Any) -> np.ndarray:
    return levels(config.schedule)


@ORACLES("forward|why", "Field density pₜ.*")
def density(seen: Seen) -> dict[str, Any]:
    t = forward_time(seen) or 17 if seen.scene.time == "t" else share_time(seen)
    return {
        "values": About(relative_density(seen.config, t), absolute=1e-4),
        "extent": PLANE_TOLD,
        "limits": About((0, 1)),
        "name": about("density pₜ", seen.config, 250),
    }


PLANE_TOLD = About(PLANE)


def stations(seen: Seen, t: float, arrows: str, backwards: bool) -> dict[str, Any]:
    """The chain of five: a node is lit at its time, an arrow half-way between."""
    at, k = t / 250, np.arange(5)
    nodes = np.interp(at - k, [-1, 0, 1], [0, 1, 0])
    edges = np.interp(at - k[:4] - 0.5, [-0.75, -0.25, 0.25, 0.75], [0, 1, 1, 0])

    def right(shown: Any) -> bool | str:
        pairs = [(edge.end, edge.start) if backwards else (edge.start, edge.end) for edge in shown]
        return (pairs == [(j, j + 1) for j in range(4)] and shown[0].text == arrows) or f"{shown}"

    def named(shown: Any) -> bool | str:
        return [node.text for node in shown] == ["x₀", "x₂₅₀", "x₅₀₀", "x₇₅₀", "x₁₀₀₀"] or f"{shown}"

    return {"active": np.append(nodes, edges), "edges": right, "nodes": named}


# --- Forward ------------------------------------------------------------------------------------------------


def forward_time(seen: Seen) -> int:
    return int(times(60)[seen.frame])


@lru_cache(maxsize=4)
def walk(config: Any) -> np.ndarray:
    """x_t of all points at every t, step by step; the first is the one under the hand."""
    rng, alpha_bar = np.random.default_rng([config.seed, 5]), alpha_bar_of(config)
    x = start(config)
    path = [x]
    for t in range(1, 1_001):
        alpha = alpha_bar[t] / alpha_bar[t - 1]
        x = np.sqrt(alpha) * x + np.sqrt(1 - alpha) * rng.standard_normal(x.shape)
        path.append(x)
    return np.stack(path)


def start(config: Any) -> np.ndarray:
    return np.vstack([[config.x_1, config.x_2], points(config, 400)])


def jump(config: Any, t: int) -> np.ndarray:
    x_0 = start(config)
    return noised(x_0, noise(config, len(x_0)), alpha_bar_of(config)[t])


def now(seen: Seen, panel: int) -> np.ndarray:
    t = forward_time(seen)
    return jump(seen.config, t) if panel else walk(seen.config)[t]


@ORACLES("forward", "Points points")
def clouds(seen: Seen) -> dict[str, Any]:
    title = ("Step by step", "At once")[seen.panel]
    return {"xy": titled(seen, title, now(seen, seen.panel)[1:])}


@ORACLES("forward", "Points that point")
def that_point(seen: Seen) -> dict[str, Any]:
    return {"xy": now(seen, 0)[:1]}


@ORACLES("forward", "Polylines one point's path")
def its_path(seen: Seen) -> dict[str, Any]:
    every = walk(seen.config)[::4, 0].copy()
    every[np.arange(0, 1_001, 4) > forward_time(seen)] = np.nan
    return {"xy": every[None]}


@ORACLES("forward", r"Ellipses q\(xₜ \| x₀\) of that point")
def all_at_once(seen: Seen) -> dict[str, Any]:
    level = alpha_bar_of(seen.config)[forward_time(seen)]
    return {"mean": np.sqrt(level) * hand(seen), "covariance": (1 - level) * np.eye(2)[None]}


@ORACLES("forward", "Curve step by step|Curve at once")
def what_is_left(seen: Seen) -> dict[str, Any]:
    """The slope of x_t on x_0, of all coordinates."""
    x_0, x_t = points(seen.config, 400), now(seen, int("once" in seen.name))[1:]
    return {"x": forward_time(seen), "y": np.linalg.lstsq(x_0.reshape(-1, 1), x_t.ravel(), rcond=None)[0][0]}


def of_level(tells: Callable[[float], float]) -> Callable[[Seen], dict[str, Any]]:
    def expected(seen: Seen) -> dict[str, Any]:
        t = forward_time(seen)
        value = tells(alpha_bar_of(seen.config)[t])
        return {"x": t, "y": value} if "Curve" in seen.name else {"values": value}

    return expected


ORACLES("forward", "Curve √ᾱₜ|Readout √ᾱₜ")(of_level(np.sqrt))
ORACLES("forward", "Readout ᾱₜ")(of_level(lambda level: level))
ORACLES("forward", r"Readout √\(1 − ᾱₜ\)")(of_level(lambda level: np.sqrt(1 - level)))
ORACLES("forward", "Readout signal to noise")(of_level(lambda level: level / (1 - level) if level < 1 else np.nan))


@ORACLES("forward", "Readout energy distance.*n = 200.*")
def clouds_apart(seen: Seen) -> Any:
    return About(energy(now(seen, 0)[1:201], now(seen, 1)[-200:]))


@ORACLES("forward", "Readout of two fresh samples")
def clouds_alike(seen: Seen) -> float:
    return energy_of_alike(now(seen, 1)[1:], 200)


@ORACLES("forward", "Diagram ")
def forward_chain(seen: Seen) -> dict[str, Any]:
    return stations(seen, forward_time(seen), "q, fixed", backwards=False)


# --- Schedule -----------------------------------------------------------------------------------------------


def drawn(config: Any) -> np.ndarray:
    """ᾱ of the curve that is chosen."""
    return levels(config.schedule, tuple(map(float, config.knots.split(","))) if config.schedule == "own" else ())


def of_step(seen: Seen) -> tuple[int, int]:
    """The last chosen time, and the one before it, when a share of the 1,000 is over."""
    chosen = times(seen.config.count)
    k = int((chosen <= 20 * seen.frame).sum()) - 1
    return int(chosen[k]), int(chosen[max(0, k - 1)])


def betas(seen: Seen) -> np.ndarray:
    """t and β of each step, ``(n, 2)``."""
    chosen = times(seen.config.count)
    level = drawn(seen.config)[chosen]
    return np.column_stack([chosen[1:], np.maximum(1 - level[1:] / level[:-1], 1e-6)])


def thinned(seen: Seen, line: np.ndarray) -> np.ndarray:
    return line[::20] if seen.config.count == 1_000 else line


@ORACLES("schedule", "Polylines the other schedules")
def other_schedules(seen: Seen) -> dict[str, Any]:
    others = [name for name in ("linear", "cosine", "sigmoid") if name != seen.config.schedule]
    t = np.arange(0, 1_001, 10)
    return {"xy": np.stack([np.column_stack([t, levels(name)[t]]) for name in others])}


@ORACLES("schedule", "Polylines ᾱ")
def this_schedule(seen: Seen) -> dict[str, Any]:
    return {"xy": np.column_stack([np.arange(1_001), drawn(seen.config)])[None]}


@ORACLES("schedule", "Polylines ᾱ")
def knots_lie_on_it(seen: Seen) -> dict[str, Any]:
    knots = list(map(float, seen.config.knots.split(","))) if seen.config.schedule == "own" else []
    expected = [(1_000 * (k + 1) / 7, height) for k, height in enumerate(knots)]

    def right(_: Any) -> bool | str:
        at = [tuple(handle.at) for handle in seen.scene.handles if handle.panel == seen.panel]
        return np.allclose(at, expected) or f"handles at {at}"

    return {"xy": right}


@ORACLES("schedule", "Points steps", panel=0)
def levels_of_steps(seen: Seen) -> dict[str, Any]:
    chosen = times(seen.config.count)
    return {"xy": thinned(seen, np.column_stack([chosen, drawn(seen.config)[chosen]]))}


@ORACLES("schedule", "Points now")
def level_now(seen: Seen) -> dict[str, Any]:
    t, _ = of_step(seen)
    return {"xy": [[t, drawn(seen.config)[t]]]}


@ORACLES("schedule", "Polylines β of each step")
def noise_of_steps(seen: Seen) -> dict[str, Any]:
    return {"xy": About(betas(seen)[None], 1e-4, 1e-7)}


@ORACLES("schedule", "Points steps", panel=1)
def noise_of_some_steps(seen: Seen) -> dict[str, Any]:
    return {"xy": About(thinned(seen, betas(seen)), 1e-4, 1e-7)}


@ORACLES("schedule", "Points points")
def ruined(seen: Seen) -> dict[str, Any]:
    t, _ = of_step(seen)
    return {"xy": noised(points(seen.config, 400), noise(seen.config, 400), drawn(seen.config)[t])}


@ORACLES("schedule", "Readout t")
def time_of_step(seen: Seen) -> float:
    return of_step(seen)[0]


@ORACLES("schedule", "Readout ᾱₜ")
def level_of_step(seen: Seen) -> float:
    return float(drawn(seen.config)[of_step(seen)[0]])


@ORACLES("schedule", "Readout βₜ of this step")
def noise_of_step(seen: Seen) -> float:
    level, before = drawn(seen.config)[list(of_step(seen))]
    return 1 - level / before


@ORACLES("schedule", "Readout log SNR")
def log_snr(seen: Seen) -> float:
    level = drawn(seen.config)[of_step(seen)[0]]
    return float(np.log(level) - np.log1p(-level)) if level < 1 else np.nan


@ORACLES("schedule", r"Readout E KL\(q\(x_T \| x₀\) ‖ N\(0, I\)\)")
def nats_from_noise(seen: Seen) -> Any:
    level = drawn(seen.config)[-1]
    mean = torch.tensor(np.sqrt(level) * points(seen.config, 400))
    q = Independent(Normal(mean, np.sqrt(1 - level)), 1)
    p = Independent(Normal(torch.zeros_like(mean), 1.0), 1)
    return About(kl_divergence(q, p).mean().item(), 1e-3, 1e-12)


# --- What to guess ------------------------------------------------------------------------------------------


def guess_time(seen: Seen) -> int:
    return 25 * (seen.frame + 1)


def guess_level(seen: Seen) -> float:
    return float(learned(seen.config.source).alpha_bar[guess_time(seen)])


def guess_weights(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """The 300 points in the picture, and how likely each is where x_t came from."""
    shown = points(seen.config, 300, 3)
    return shown, Origins(shown, 0.0).weights(hand(seen), guess_level(seen))[0]


def best_answer(seen: Seen) -> np.ndarray:
    return origins(seen.config, 1_000).mean(hand(seen), guess_level(seen))


def network_answer(seen: Seen) -> np.ndarray:
    return learned(seen.config.source).answer(hand(seen), guess_level(seen))


@ORACLES("guess", "Polylines threads")
def threads(seen: Seen) -> dict[str, Any]:
    shown, w = guess_weights(seen)
    order = np.argsort(-w)[:60]
    ends = np.where((w > w.max() / 50)[order, None], shown[order], np.nan)
    starts = np.where(np.isnan(ends), np.nan, hand(seen))
    return {"xy": np.stack([starts, ends], axis=1)}


@ORACLES("guess", "Points data x₀, by weight")
def data_by_weight(seen: Seen) -> dict[str, Any]:
    shown, w = guess_weights(seen)
    return {"xy": shown, "values": w / w.max()}


@ORACLES("guess", r"Points E\[x₀ \| xₜ\].*")
def posterior_mean(seen: Seen) -> dict[str, Any]:
    return {"xy": best_answer(seen), "name": about("E[x₀ | xₜ]", seen.config, 1_000)}


@ORACLES("guess", r"Arrows \(1 − ᾱₜ\) · score")
def tweedie(seen: Seen) -> dict[str, Any]:
    level = guess_level(seen)
    return {"start": hand(seen), "delta": (1 - level) * origins(seen.config, 1_000).score(hand(seen), level)}


@ORACLES("guess", "Points the network's answer")
def answer_of_network(seen: Seen) -> dict[str, Any]:
    return {"xy": About(network_answer(seen), absolute=1e-4)}


def arrows(score: np.ndarray, level: float, box: tuple[float, ...], n: int) -> np.ndarray:
    """√(1 − ᾱ) · score on a lattice: 1 is nine tenths of a cell long, and more is cut to that."""
    pull = np.sqrt(1 - level) * score
    cell = min(box[1] - box[0], box[3] - box[2]) / n
    return 0.9 * cell * pull / np.maximum(1, np.linalg.norm(pull, axis=1, keepdims=True))


@ORACLES("guess", "Arrows (exact|learned) score.*")
def scores(seen: Seen) -> dict[str, Any]:
    at, level = cells(PLANE, 15).reshape(-1, 2), guess_level(seen)
    if "learned" in seen.name:
        x0_hat = learned(seen.config.source).answer(at, level)
        score, name = (np.sqrt(level) * x0_hat - at) / (1 - level), "learned score"
    else:
        score, name = origins(seen.config, 1_000).score(at, level), about("exact score", seen.config, 1_000)
    return {"start": at, "delta": About(arrows(score, level, PLANE, 15), absolute=1e-3), "name": name}


@ORACLES("guess", "Curve .*")
def errors(seen: Seen) -> dict[str, Any]:
    level, x_0 = guess_level(seen), points(seen.config, 300, 4)
    x_t = noised(x_0, noise(seen.config, 300, 4), level)
    of_network = "network" in seen.name
    x0_hat = learned(seen.config.source).answer(x_t, level) if of_network else best_of(seen, x_t, level)
    exact = "best possible" if modes(seen.config.source) else about("E[x₀ | xₜ]", seen.config, 1_000)
    error = np.linalg.norm(x0_hat - x_0, axis=1) ** 2
    return {"x": guess_time(seen), "y": error.mean(), "name": "the network" if of_network else exact}


def best_of(seen: Seen, x_t: np.ndarray, level: float) -> np.ndarray:
    return origins(seen.config, 1_000).mean(x_t, level)


@ORACLES("guess", "Readout ᾱₜ")
def level_of_guess(seen: Seen) -> float:
    return guess_level(seen)


@ORACLES("guess", "Readout effective number of origins")
def number_of_origins(seen: Seen) -> float:
    return 1 / np.square(guess_weights(seen)[1]).sum()


@ORACLES("guess", r"Readout E\[x₀ \| xₜ\].*: x₁|Readout x₂")
def coordinates(seen: Seen) -> Any:
    return best_answer(seen)[0, int(seen.name.endswith("₂"))]


@ORACLES("guess", "Readout network's distance to it")
def network_is_off(seen: Seen) -> Any:
    return About(np.linalg.norm(network_answer(seen) - best_answer(seen)), absolute=1e-4)


# --- Why so many steps --------------------------------------------------------------------------------------


def share_time(seen: Seen) -> int:
    return round(1_000 * share_left(seen))


def share_left(seen: Seen) -> float:
    return 1 - 0.9 * seen.frame / 11


class StepBack(NamedTuple):
    """p(x_s | x_t): equally wide round Gaussians, by Bayes' rule; and the variance of DDPM's own."""

    weights: np.ndarray
    means: np.ndarray
    variance: float
    own: float

    @property
    def mean(self) -> np.ndarray:
        return self.weights @ self.means

    @property
    def covariance(self) -> np.ndarray:
        return np.cov(self.means.T, aweights=self.weights, bias=True) + self.variance * np.eye(2)

    @property
    def width(self) -> float:
        return float(np.sqrt(np.diag(self.covariance).mean()))

    def magnified(self, at: np.ndarray) -> np.ndarray:
        """log p of (x_s − mean) / width, ``(N,)``."""
        with np.errstate(divide="ignore"):
            constant = np.log(self.weights / (2 * np.pi * self.variance)) + 2 * np.log(self.width)
        squared = cdist(self.mean + self.width * at, self.means, "sqeuclidean")
        return logsumexp(constant - squared / (2 * self.variance), axis=1)

    def kl(self, covariance: np.ndarray) -> float:
        """To the Gaussian of this covariance and the same mean, by a sum over a fine grid."""
        at, side = cells((-7, 7, -7, 7), FINE).reshape(-1, 2), 14 / FINE
        log_p = self.magnified(at)
        log_q = multivariate_normal(np.zeros(2), covariance / self.width**2).logpdf(at)
        return float((np.exp(log_p) * (log_p - log_q)).sum() * side**2)


FINE = 180
COUNTS = (1_000, 50, 5)


@lru_cache(maxsize=64)
def step_back(config: Any, frame: int, count: int) -> StepBack:
    """The step of so many that is taken when that share of the way is left."""
    at = times(count)
    k = max(1, int(np.ceil((1 - 0.9 * frame / 11) * count - 1e-6)))
    now, before = alpha_bar_of(config)[at[[k, k - 1]]]
    before = 0.97 if k == 1 else before
    x_t, of = np.array([[config.x_1, config.x_2]]), origins(config, 60)
    # prior of x_s within a mode: N(√ᾱ_s μ, prior); likelihood N(x_t; √α x_s, 1 − α)
    alpha, prior = now / before, before * of.variance + 1 - before
    variance = 1 / (1 / prior + alpha / (1 - alpha))
    means = variance * (np.sqrt(before) * of.centres / prior + np.sqrt(alpha) * x_t / (1 - alpha))
    own = (1 - alpha) * (1 - before) / (1 - now)
    return StepBack(of.weights(x_t, now)[0], means, variance, own)


def step_of(seen: Seen) -> StepBack:
    return step_back(seen.config, seen.frame, COUNTS[seen.panel - 1])


@ORACLES("why", r"Field exact p\(xₜ₋₁ \| xₜ\).*")
def exact_step(seen: Seen) -> dict[str, Any]:
    box = (-4, 4, -4, 4)
    p = np.exp(step_of(seen).magnified(cells(box, 32).reshape(-1, 2))).reshape(32, 32)
    name = about("exact p(xₜ₋₁ | xₜ)", seen.config, 60)
    title = f"One step of {COUNTS[seen.panel - 1]:,}"
    return {"values": titled(seen, title, p), "extent": About(box), "limits": About((0, 0.3)), "name": name}


@ORACLES("why", "Ellipses the Gaussian of its moments")
def moments(seen: Seen) -> dict[str, Any]:
    step = step_of(seen)
    return {"mean": np.zeros((1, 2)), "covariance": step.covariance[None] / step.width**2}


@ORACLES("why", "Ellipses DDPM's own.*")
def of_ddpm(seen: Seen) -> dict[str, Any]:
    step = step_of(seen)
    return {"mean": np.zeros((1, 2)), "covariance": step.own / step.width**2 * np.eye(2)[None]}


@ORACLES("why", "Points ")
def its_mean(seen: Seen) -> dict[str, Any]:
    return {"xy": np.zeros((1, 2))}


@lru_cache(maxsize=64)
def step_kl(config: Any, frame: int, count: int, own: bool) -> float:
    step = step_back(config, frame, count)
    return step.kl(step.own * np.eye(2) if own else step.covariance)


@ORACLES("why", "Curve (1,000|50|5)( steps|, DDPM's)|Readout (1,000|50|5) steps: KL to (moments'|DDPM's)")
def misses(seen: Seen) -> dict[str, Any]:
    count = int(seen.name.split()[1].strip(",").replace(",", ""))
    kl = step_kl(seen.config, seen.frame, count, "DDPM" in seen.name)
    if "Curve" in seen.name:
        return {"x": share_time(seen), "y": About(max(kl, 1e-6), 0.01, 0)}
    return {"values": About(kl, 0.01, 1e-9)}


@ORACLES("why", "Readout t")
def time_of_why(seen: Seen) -> float:
    return share_time(seen)


# --- Backward -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def run(config: Any, right: bool) -> list[State]:
    """All states of DDPM, or of the sampler on the right."""
    of_network = learned(config.source)
    answer = of_network.answer if config.who == "learned" else origins(config, 250).mean
    x, rng = noise(config, 400), np.random.default_rng([config.seed, 7])
    if right and config.sampler == "ode":
        return list(along_ode(answer, x, of_network.alpha_bar, config.back))
    eta = config.eta if right else 1.0
    return list(back(answer, x, of_network.alpha_bar, config.back, eta, rng))


def at_frame(seen: Seen, right: bool) -> State:
    """Every so many steps one is shown, about sixty, and the last."""
    count = seen.config.back
    steps = [*range(0, count, max(1, count // 60)), count]
    return run(seen.config, right)[steps[seen.frame]]


def is_right(seen: Seen) -> bool:
    return seen.panel > 0 if seen.panel >= 0 else "DDPM" not in seen.name


def other(config: Any) -> str:
    return "DDIM" if config.sampler == "ddim" else "ODE"


@ORACLES("backward", "Title .*")
def unasked(seen: Seen) -> str:
    """Of DDIM with some noise."""
    return f"DDIM: η = {seen.config.eta:g}"


@ORACLES("backward", "Points data")
def true_points(seen: Seen) -> dict[str, Any]:
    return {"xy": points(seen.config, 400, 6)}


@ORACLES("backward", "Points particles")
def particles(seen: Seen) -> dict[str, Any]:
    title = f"{other(seen.config)}: " if seen.panel else "DDPM: noise is added"
    return {"xy": titled(seen, title, About(at_frame(seen, seen.panel == 1).x_t, **RAN))}


@ORACLES("backward", "Points trails")
def trails(seen: Seen) -> dict[str, Any]:
    return {"xy": About(at_frame(seen, seen.panel == 1).x_t[:40], **RAN)}


@ORACLES("backward", "Points x̂₀")
def estimates(seen: Seen) -> dict[str, Any]:
    return {"xy": titled(seen, f"x̂₀ in {other(seen.config)}", About(at_frame(seen, True).x0_hat, **RAN))}


@ORACLES("backward", "Curve (DDPM|DDIM|ODE)")
def apart(seen: Seen) -> dict[str, Any]:
    right = "DDPM" not in seen.name
    state = at_frame(seen, right)
    name = other(seen.config) if right else "DDPM"
    distance = energy(state.x_t[:200], points(seen.config, 400, 6)[:200])
    return {"x": state.t, "y": About(distance, **RAN), "name": name}


@ORACLES("backward", "Curve two true samples")
def true_apart(seen: Seen) -> dict[str, Any]:
    return {"x": at_frame(seen, True).t, "y": energy_of_alike(points(seen.config, 400, 6), 200)}


@ORACLES("backward", "Diagram ")
def backward_chain(seen: Seen) -> dict[str, Any]:
    who = "p, learned" if seen.config.who == "learned" else "p, exact"
    return stations(seen, at_frame(seen, True).t, who, backwards=True)


@ORACLES("backward", "Readout t")
def time_of_backward(seen: Seen) -> float:
    return at_frame(seen, True).t


@ORACLES("backward", r"Readout (DDPM|DDIM|ODE): W₂ at the end \(n = 200\)")
def w2_at_the_end(seen: Seen) -> Any:
    end = run(seen.config, "DDPM" not in seen.name)[-1].x_t
    return About(w2(end[:200], points(seen.config, 400, 6)[:200]), **RAN)


@ORACLES("backward", r"Readout W₂ of true samples \(n = 200\)")
def w2_and_its_spread(seen: Seen) -> Any:
    found = w2_of_true(seen.config.source)
    return in_unit(f"± {found.std(ddof=1):.2f}", found.mean())


@lru_cache(maxsize=8)
def centres(source: str) -> np.ndarray:
    """Of the modes, or of twenty cells."""
    found = modes(source)
    return found.centres if found else fit_kmeans(data(source, 0, 4_000, 13), KMeansConfig(20)).centroids


def within(x: np.ndarray, source: str) -> float:
    """Variance about the nearest centre, of one coordinate."""
    return float((cdist(x, centres(source)).min(axis=1) ** 2).mean() / 2)


@ORACLES("backward", "Readout (DDPM: |DDIM: |ODE: |true )variance within (modes|20 cells)")
def variance_within(seen: Seen) -> Any:
    source = seen.config.source
    if seen.name.endswith("modes") != (modes(source) is not None):
        return lambda _: "it is said of modes where there are cells, or the other way round"
    x = data(source, 0, 4_000, 12) if "true" in seen.name else run(seen.config, "DDPM" not in seen.name)[-1].x_t
    return About(within(x, source), 2e-3)


@ORACLES("backward", "Readout (DDPM|DDIM|ODE) took")
def milliseconds(seen: Seen) -> Any:
    """A step of 400 points takes between a hundredth of a millisecond and half a second."""
    steps = seen.config.back
    return in_unit("ms", lambda shown: 0.01 * steps < shown < 500 * steps or f"{shown} ms for {steps} steps")


# --- Photocopier --------------------------------------------------------------------------------------------

TRAINED = (10, 30, 100, 300, 1_000)


def trained_on(config: Any, n: int) -> Origins:
    return Origins(points(config, 1_000, 8)[:n], 0.0)


@lru_cache(maxsize=16)
def copies(source: str, seed: int, n: int) -> list[State]:
    """60 steps of DDIM by what is exact for n training points; by the network for n = 0."""
    config = copier.Copy(source=source, seed=seed)
    answer = trained_on(config, n).mean if n else learned(source).answer
    return list(back(answer, noise(config, 250), learned(source).alpha_bar, 60))


def copied(seen: Seen, by_network: bool) -> State:
    config = seen.config
    return copies(config.source, config.seed, 0 if by_network else config.n)[seen.frame]


@ORACLES("copier", "Points particles")
def copied_points(seen: Seen) -> dict[str, Any]:
    title = ("Perfect for", "Learned from fresh points")[seen.panel]
    return {"xy": titled(seen, title, About(copied(seen, seen.panel == 1).x_t, **RAN))}


@ORACLES("copier", "Points training points")
def training_points(seen: Seen) -> dict[str, Any]:
    return {"xy": trained_on(seen.config, seen.config.n).centres}


@ORACLES("copier", "Polylines (photocopier|learned|fresh data)")
def to_the_nearest(seen: Seen) -> dict[str, Any]:
    config, found = seen.config, []
    for n in TRAINED:
        ends = copies(config.source, config.seed, n if "photocopier" in seen.name else 0)[-1].x_t
        x = points(config, 250, 9) if "fresh" in seen.name else ends
        found.append((n, max(1e-4, median_to(x, trained_on(config, n).centres))))
    return {"xy": About([found], 2e-3, 2e-5)}


@ORACLES("copier", "Curve ")
def mark(seen: Seen) -> dict[str, Any]:
    return {"x": seen.config.n, "y": About(seen.scene.panels[seen.panel].y[0], absolute=0)}


@ORACLES("copier", "Readout t")
def time_of_copier(seen: Seen) -> float:
    return copied(seen, True).t


@ORACLES("copier", "Readout (photocopier|learned), to the nearest point")
def nearest_now(seen: Seen) -> Any:
    x = copied(seen, "learned" in seen.name).x_t
    return About(median_to(x, trained_on(seen.config, seen.config.n).centres), 2e-3, 2e-5)


@ORACLES("copier", "Readout fresh data")
def nearest_of_fresh(seen: Seen) -> Any:
    return median_to(points(seen.config, 250, 9), trained_on(seen.config, seen.config.n).centres)


@lru_cache(maxsize=8)
def losses(config: Any) -> tuple[float, float]:
    """Mean of |v̂ − v|² / D over all t and the training points: of what is exact for them, and of the network."""
    exact, rng = trained_on(config, config.n), np.random.default_rng([config.seed, 30])
    said = learned(config.source)
    found = []
    for t in np.rint(np.linspace(1, 1_000, 50)).astype(int):
        s, n = np.sqrt(said.alpha_bar[t]), np.sqrt(1 - said.alpha_bar[t])
        x_0 = exact.centres[rng.permutation(300) % config.n]
        eps = rng.standard_normal(x_0.shape)
        x_t, v = s * x_0 + n * eps, s * eps - n * x_0
        answers = exact.mean(x_t, s**2), said.answer(x_t, s**2)
        found.append([np.mean(((s * x_t - x0_hat) / n - v) ** 2) for x0_hat in answers])
    lowest, of_network = np.mean(found, axis=0)
    return float(lowest), float(of_network)


@ORACLES("copier", r"Readout lowest possible loss \(v\) on these .*|Readout the network's loss \(v\) on them")
def loss_on_training_points(seen: Seen) -> Any:
    return About(losses(seen.config)["network" in seen.name], 1e-3, 1e-4)


# --- Train it -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def training(config: live.Live) -> tuple[Any, ...]:
    """The trainer's first states, every 40 steps."""
    own: dict[str, Any] = {"standardise": False} if config.is_own else {"data": config.source}
    settings = DenoiserConfig(
        schedule=config.live_schedule,
        prediction=config.prediction,
        learning_rate=10**config.log_rate,
        n_steps=4_000,
        every=40,
        seed=config.seed,
        device="cpu",
        **own,
    )
    run = iterate_denoiser(config.own() if config.is_own else None, settings)
    return tuple(next(run) for _ in range(4))


def trained(seen: Seen) -> Any:
    return training(seen.config)[seen.step // 40]


@lru_cache(maxsize=16)
def answer_of(config: live.Live, step: int) -> Answer:
    state = training(config)[step // 40]
    return network(state.arrays(), state.config)


@lru_cache(maxsize=16)
def samples(config: live.Live, step: int) -> np.ndarray:
    x = noise(config, 400)
    return list(back(answer_of(config, step), x, levels(config.live_schedule), 25))[-1].x_t


def live_points(config: live.Live) -> np.ndarray:
    if not config.is_own:
        return points(config, 500, 6)
    own = config.own()
    return own[np.random.default_rng([config.seed, 6]).permutation(len(own))[:500]]


@ORACLES("live", "Title .*")
def at_which_level(seen: Seen) -> str:
    return "Learned score at ᾱ = 0.7"


@ORACLES("live", "Points data")
def live_data(seen: Seen) -> dict[str, Any]:
    return {"xy": live_points(seen.config)}


@ORACLES("live", "Points data")
def in_their_own_units(seen: Seen) -> dict[str, Any]:
    """The axes say where a file's points lie, and in the picture their mean is 0 and their variance 1."""
    panel, given = seen.scene.panels[seen.panel], seen.config.as_given()

    def right(shown: np.ndarray) -> bool | str:
        if not seen.config.is_own:
            return (panel.x_unit, panel.y_unit) == ((0, 1), (0, 1)) or "other units"
        (a, b), (c, d) = panel.x_unit, panel.y_unit
        back = np.sort(shown * (b, d) + (a, c), axis=0)
        variance = shown.var(axis=0)
        alike = np.allclose(variance, 1) if seen.config.source == "csv" else np.isclose(variance.mean(), 1)
        return bool(np.allclose(back, np.sort(given, axis=0)) and alike and np.allclose(shown.mean(axis=0), 0))

    return {"xy": right}


@ORACLES("live", "Points samples")
def live_samples(seen: Seen) -> dict[str, Any]:
    return {"xy": About(samples(seen.config, seen.step), 1e-3, 1e-3)}


@ORACLES("live", "Arrows score")
def live_score(seen: Seen) -> dict[str, Any]:
    panel = seen.scene.panels[seen.panel]
    box = (*panel.x, *panel.y)
    at = cells(box, 15).reshape(-1, 2)
    score = (np.sqrt(0.7) * answer_of(seen.config, seen.step)(at, 0.7) - at) / (1 - 0.7)
    return {"start": at, "delta": About(arrows(score, 0.7, box, 15), absolute=1e-3)}


@ORACLES("live", "Bars loss")
def loss_by_time(seen: Seen) -> dict[str, Any]:
    return {"x": 25 + 50 * np.arange(20), "height": trained(seen).loss_by_time}


@ORACLES("live", "Curve loss|Readout loss")
def live_loss(seen: Seen) -> float:
    return trained(seen).loss


@ORACLES("live", "Curve W₂|Readout W₂ to the data")
def live_w2(seen: Seen) -> Any:
    truth = live_points(seen.config)[:200]
    value = About(w2(samples(seen.config, seen.step)[: len(truth)], truth), 1e-3, 1e-3)
    unit = f"standard deviations (n = {len(truth)})" if seen.config.is_own else f"(n = {len(truth)})"
    return value if "Curve" in seen.name else in_unit(unit, value)


@ORACLES("live", r"Readout W₂ of true samples \(n = 200\)")
def w2_of_samples(seen: Seen) -> Any:
    return w2_of_true(seen.config.source).mean()


@ORACLES("live", "Readout Adam's learning rate")
def live_rate(seen: Seen) -> Any:
    return About(10**seen.config.log_rate * np.cos(np.pi / 2 * seen.step / 4_000) ** 2, 1e-6, 0)


# --- Digits -------------------------------------------------------------------------------------------------


def pictures(x: np.ndarray) -> np.ndarray:
    """Of points of the network's space: ink from 0 to 255, ``(N, 14, 14)``."""
    space = learned("digits")
    return np.clip(255 * (space.centre + space.scale * x), 0, 255).reshape(len(x), 14, 14)


def inked(pixels: np.ndarray) -> About:
    """Whole numbers are shown, and the network computes in float32."""
    return About(pixels, 0, 0.75)


def guided(w: float, y: np.ndarray, x: np.ndarray) -> list[State]:
    """50 steps of DDIM; w times the way from no class to the class."""
    space = learned("digits")

    def answer(x: np.ndarray, level: float) -> np.ndarray:
        anyone = space.answer(x, level)
        return anyone + w * (space.answer(x, level, y) - anyone)

    return list(back(answer, x, space.alpha_bar, 50))


@lru_cache(maxsize=4)
def ten(config: digits.Config) -> list[State]:
    y = np.arange(10) if config.digit < 0 else np.full(10, config.digit)
    return guided(config.w, y, np.random.default_rng([config.seed, 21]).standard_normal((10, 196)))


def film(config: digits.Config, frame: int, channel: str) -> np.ndarray:
    """The first sample at eight steps; those to come are blank."""
    kept = np.rint(np.linspace(0, 50, 8)).astype(int)
    states = ten(config)
    one = np.vstack([getattr(states[k], channel)[:1] for k in kept])
    return np.where((kept <= frame)[:, None, None], pictures(one), 0)


def test_digit(config: digits.Config) -> tuple[int, np.ndarray]:
    """A class, and its digit of the seed's number, halved, in the network's space, ``(1, 196)``."""
    test, digit, space = load_mnist().test, config.digit if config.digit >= 0 else 3, learned("digits")
    image = test.images[test.labels == digit][config.seed % 50] / 255
    halved = (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4
    return digit, (halved.reshape(1, -1) - space.centre) / space.scale


@lru_cache(maxsize=64)
def drowned(config: digits.Config, frame: int) -> tuple[np.ndarray, np.ndarray, float]:
    """x_t, x̂_0, and the error of x̂_0."""
    digit, x_0 = test_digit(config)
    level = levels("cosine")[20 * frame]
    x_t = noised(x_0, np.random.default_rng([config.seed, 22]).standard_normal((1, 196)), level)
    answer = learned("digits").answer(x_t, level, np.array([digit])) if frame else x_0
    return x_t, answer, float(np.square(answer - x_0).sum() / 196)


@lru_cache(maxsize=16)
def generated(w: float) -> np.ndarray:
    """Eight of each class, ``(80, 14, 14)``, of 50 whose noise is drawn."""
    rows = np.arange(500) % 50 < 8
    x = np.random.default_rng(13).standard_normal((500, 196))[rows]
    return pictures(guided(w, np.repeat(np.arange(10), 8), x)[-1].x_t)


def stored(name: str) -> np.ndarray:
    return store.arrays("diffusion-digits")[name].astype(float)


@ORACLES("digits", "Images ")
def sheets(seen: Seen) -> dict[str, Any]:
    config, kind = seen.config, seen.config.digits
    if kind == "guidance":
        found = generated(stored("guidance")[seen.frame])[8 * seen.k :][:8]
    elif kind == "forward":
        found = pictures(drowned(config, seen.frame)[seen.panel])
    elif seen.panel == 0:
        found = pictures(getattr(ten(config)[seen.frame], ("x_t", "x0_hat")[seen.k]))
    else:
        found = film(config, seen.frame, ("x_t", "x0_hat")[seen.k])
    top = 1 if kind == "forward" else -seen.k
    title = {
        "back": ("Ten samples", "The first one's film"),
        "forward": ("xₜ: ", "x̂₀: "),
        "guidance": ("Eight of each class",),
    }[kind][seen.panel]
    return {
        "pixels": titled(seen, title, inked(found)),
        "extent": About((0, len(found), top - 1, top)),
        "columns": About(len(found)),
    }


@ORACLES("digits", "Labels ")
def names_of_rows(seen: Seen) -> dict[str, Any]:
    """Each beside the middle of its row."""
    texts = tuple("0123456789") if seen.config.digits == "guidance" else ("xₜ", "x̂₀")
    rows = [layer for layer in seen.scene.panels[seen.panel].layers if layer.kind == "images"]
    middles = [(row.extent[2] + row.extent[3]) / 2 for row in rows]
    return {"texts": texts, "at": np.column_stack([np.full(len(rows), -0.15), middles])}


MEASURES = {
    "Accuracy, %": ("accuracy", 100),
    "class asked for, says a CNN of the same digits": ("accuracy", 100),
    "Spread in a class": ("spread", 1),
    "spread in a class": ("spread", 1),
    "Nearest training digit": ("nearest", 1),
    "to the nearest training digit": ("nearest", 1),
}


@ORACLES("digits", "(Curve|Readout) (" + "|".join(map(re.escape, MEASURES)) + ")")
def measured(seen: Seen) -> Any:
    measure, factor = MEASURES[seen.name.partition(" ")[2]]
    value = factor * stored(measure)[seen.frame]
    if "Curve" in seen.name:
        return {"x": stored("guidance")[seen.frame], "y": value}
    return in_unit("%" if factor == 100 else f"(test digits {stored(f'{measure}_test')[0]:.2f})", value)


@ORACLES("digits", "Polylines test digits")
def of_test_digits(seen: Seen) -> dict[str, Any]:
    measure, _ = MEASURES[seen.scene.panels[seen.panel].title]
    real = stored(f"{measure}_test")[0]
    return {"xy": [[[0, real], [8, real]]]}


@ORACLES("digits", "Curve error|Readout error of x̂₀")
def digit_error(seen: Seen) -> Any:
    error = About(drowned(seen.config, seen.frame)[2], absolute=1e-4)
    return {"x": 20 * seen.frame, "y": error} if "Curve" in seen.name else error


@ORACLES("digits", "Readout t")
def digit_time(seen: Seen) -> float:
    return 1_000 - 20 * seen.frame


@ORACLES("digits", "Readout ᾱₜ")
def digit_level(seen: Seen) -> float:
    frame = seen.frame if seen.config.digits == "forward" else 50 - seen.frame
    return float(levels("cosine")[20 * frame])


@ORACLES("digits", "Readout (guidance )?w")
def digit_w(seen: Seen) -> float:
    return stored("guidance")[seen.frame] if seen.config.digits == "guidance" else seen.config.w


# --- More configs -------------------------------------------------------------------------------------------

CLOUD = np.random.default_rng(3).standard_normal((60, 2)) * [1, 0.4] + [0.3, -0.5]
MORE: dict[str, list[Any]] = {
    "schedule": [
        curve.Curves(schedule="own", knots="0.9,0.7,0.8,0.5,0.3,0.3,0.2", count=5, source="spirals"),
        curve.Curves(schedule="cosine", count=1_000, seed=4),
    ],
    "guess": [guess.Guess(source="moons", x_1=-0.7, x_2=0.3), guess.Guess(source="dino", seed=2)],
    "why": [forward.Forward(source="moons", schedule="cosine", x_1=0.2, x_2=-0.4)],
    "backward": [
        backward.Back(sampler="ode", back=4, seed=1),
        backward.Back(source="ffjord8", who="exact", sampler="ode", back=20),
        backward.Back(source="checkerboard", eta=0.35, back=200),
        backward.Back(who="exact", back=1),
    ],
    "copier": [copier.Copy(source="ffjord8", n=300, seed=1)],
    "live": [
        live.Live(source="csv", csv=tuple(map(tuple, (CLOUD * [60, 1e-3] + [900, 7]).tolist()))),
        live.Live(source="painted", painted=painted(CLOUD, live.Live.board), prediction="x0"),
        live.Live(source="ring8", prediction="eps", live_schedule="linear", log_rate=-3.0, seed=2),
    ],
    "digits": [
        digits.Config(digits="forward", digit=7, seed=3),
        digits.Config(digits="forward"),
        digits.Config(digits="guidance"),
        digits.Config(digit=4, w=0.0),
        digits.Config(w=1.0, seed=2),
    ],
}
