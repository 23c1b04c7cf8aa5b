"""Inverse problems in the plane: posteriors by precisions, samplers written out again."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal, norm

from dashboard.scenes.inverse import line, pairs, right
from genmodels.data.planar import get_dataset
from tests.oracles import inverse_coarse, inverse_colour, inverse_mask, inverse_noise, inverse_sketch, inverse_solvers
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
PARTS = (inverse_mask, inverse_solvers, inverse_coarse, inverse_noise, inverse_colour, inverse_sketch)
ORACLES.all += [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()} | {
    "line": [
        line.Evidence("ffjord8", 0.3, 1.0, -2.0, -0.5, 2.4, seed=2),
        line.Evidence("three", 0.05, 3.0, 1.5, -1.0, 1.6),
    ],
    "pairs": [
        pairs.Rings("pairs", 100, -60, 75),
        pairs.Rings("identity", -150, 20, 75),
        pairs.Rings("none", 180, 0),
    ],
    "right": [
        right.Guided("ffjord8", angle=70, offset=1.0, strength=0.6, eta=0.0, count=20, seed=1),
        right.Guided(angle=120, offset=-0.8, sigma=0.1, repeats=5, count=20),
    ],
}
LUMPS = {
    "three": (
        [0.5, 0.3, 0.2],
        [[-1.5, 0.4], [1.4, 1.0], [0.6, -1.5]],
        [[[0.08, 0.07], [0.07, 0.16]], [[0.2, -0.09], [-0.09, 0.1]], [[0.2, 0.02], [0.02, 0.07]]],
    )
}
Mixture = tuple[np.ndarray, np.ndarray, np.ndarray]


@lru_cache(maxsize=4)
def prior(source: str) -> Mixture:
    """Weights, means, covariances, in standard units."""
    if source in LUMPS:
        weights, means, covariances = map(np.array, LUMPS[source])
        return weights, means, covariances
    data = get_dataset(source)
    scale = np.sqrt(np.trace(data.covariance) / 2)
    turns = np.arange(8) * np.pi / 4
    means = (4 / 1.414 * np.stack([np.cos(turns), np.sin(turns)], axis=1) - data.mean) / scale
    return np.full(8, 1 / 8), means, np.stack([(0.5 / 1.414 / scale) ** 2 * np.eye(2)] * 8)


def log_p(mixture: Mixture, x: np.ndarray) -> np.ndarray:
    parts = [w * multivariate_normal(m, c).pdf(x) for w, m, c in zip(*mixture, strict=True)]
    return np.log(np.sum(parts, axis=0))


def across(config: Any) -> tuple[np.ndarray, np.ndarray]:
    """a, and the direction of the line; of a line through two places, from one to the other."""
    if isinstance(config, line.Evidence):
        way = np.array([config.q_1 - config.p_1, config.q_2 - config.p_2])
        d = way / np.sqrt(way @ way)
        return np.array([-d[1], d[0]]), d
    turn = np.pi * config.angle / 180
    return np.array([np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), -np.cos(turn)])


def measured(config: Any) -> float:
    """y."""
    if isinstance(config, line.Evidence):
        return float(across(config)[0] @ [config.p_1, config.p_2])
    return config.offset


def asked(config: Any) -> tuple[str, tuple[float, float], float, float]:
    """Data, a, y and σ."""
    a = across(config)[0]
    return config.source, (float(a[0]), float(a[1])), measured(config), config.sigma


def posterior(config: Any) -> Mixture:
    return _posterior(*asked(config))


@lru_cache(maxsize=32)
def _posterior(source: str, direction: tuple[float, float], y: float, sigma: float) -> Mixture:
    weights, means, covariances = prior(source)
    a = np.array(direction)
    likely = weights * norm(means @ a, np.sqrt(a @ covariances @ a + sigma**2)).pdf(y)
    precisions = np.linalg.inv(covariances) + np.outer(a, a) / sigma**2
    left = np.linalg.inv(precisions)
    pulled = np.einsum("kde,ke->kd", np.linalg.inv(covariances), means) + a * y / sigma**2
    return likely / likely.sum(), np.einsum("kde,ke->kd", left, pulled), left


def moments(mixture: Mixture) -> tuple[np.ndarray, float]:
    """The mean, and the trace of the covariance."""
    weights, means, covariances = mixture
    mean = weights @ means
    spread = np.trace(covariances, axis1=1, axis2=2) + np.square(means - mean).sum(axis=1)
    return mean, float(weights @ spread)


def drawn(mixture: Mixture, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points and their lumps."""
    weights, means, covariances = mixture
    k = rng.choice(len(weights), size=n, p=weights / weights.sum())
    z = rng.standard_normal((n, 2))
    roots = np.linalg.cholesky(covariances)
    return np.array([means[j] + roots[j] @ e for j, e in zip(k, z, strict=True)]), k


# --- Layers that both cues have -----------------------------------------------------------------------------


@lru_cache(maxsize=4)
def density(source: str) -> np.ndarray:
    at = -3.2 + 6.4 * (np.arange(48) + 0.5) / 48
    p = np.exp(log_p(prior(source), np.stack(np.meshgrid(at, at), axis=-1)))
    return p / p.max()


@ORACLES("line|right", r"Field (p\(x\))?")
def how_likely_data_are(seen: Seen) -> dict[str, Any]:
    return {"values": About(density(seen.config.source), 1e-4, 1e-5), "limits": (0.0, 1.0), "extent": [-3.2, 3.2] * 2}


@ORACLES("line|right", "Labels ")
def numbers_beside_their_lumps(seen: Seen) -> dict[str, Any]:
    means = prior(seen.config.source)[1]

    def beside(at: np.ndarray) -> bool:
        apart = np.linalg.norm(at[:, None] - means, axis=2)
        return bool((apart.argmin(axis=1) == np.arange(len(means))).all() and apart.min(axis=1).max() < 1.1)

    return {"at": beside, "texts": tuple(map(str, range(1, len(means) + 1)))}


def parallels(seen: Seen, shifts: tuple[float, ...]) -> Any:
    """Lines a · x = y + shift, straight through the whole panel."""
    a, d = across(seen.config)

    def right_place(xy: np.ndarray) -> bool | str:
        off = xy @ a - (measured(seen.config) + np.array(shifts))[:, None]
        long = (xy @ d).min() < -4.5 and (xy @ d).max() > 4.5
        return bool(np.abs(off).max() < 1e-6 and long) or f"off by {np.abs(off).max()}"

    return right_place


@ORACLES("line|right", "Polylines measured: .*")
def the_line(seen: Seen) -> dict[str, Any]:
    return {"xy": parallels(seen, (0.0,))}


@ORACLES("line|right", "Polylines (y ± σ)?")
def one_sigma(seen: Seen) -> dict[str, Any]:
    return {"xy": parallels(seen, (-seen.config.sigma, seen.config.sigma))}


@ORACLES("line|right", r"Ellipses p\(x \| y\)")
def lumps_of_the_posterior(seen: Seen) -> dict[str, Any]:
    weights, means, covariances = posterior(seen.config)
    return {
        "mean": About(np.where(weights[:, None] >= 0.005, means, np.nan), 1e-6, 1e-6),
        "covariance": About(covariances, 1e-6, 1e-7),
        "weight": About(weights, 1e-6, 1e-7),
    }


# --- A line of evidence -------------------------------------------------------------------------------------


def samples(config: Any) -> tuple[np.ndarray, np.ndarray]:
    return _samples(asked(config), config.seed)


@lru_cache(maxsize=16)
def _samples(what: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return drawn(_posterior(*what), 300, np.random.default_rng([seed, 3]))


def answers(config: Any) -> dict[str, np.ndarray]:
    """The foot of the line, and the posterior's mean."""
    return {"minimum norm": measured(config) * across(config)[0], "posterior mean": moments(posterior(config))[0]}


@ORACLES("line", "Points samples")
def samples_arrive(seen: Seen) -> dict[str, Any]:
    return {"xy": About(samples(seen.config)[0], 1e-6, 1e-6), "count": seen.step}


@ORACLES("line", "Points (minimum norm|posterior mean)")
def single_answers(seen: Seen) -> dict[str, Any]:
    now = seen.config
    held = with_handles(seen, {"shift": [now.p_1, now.p_2], "turn": [now.q_1, now.q_2]})
    return {"xy": About(answers(seen.config)[seen.thing.name][None], 1e-6, 1e-6)} | held


@ORACLES("line", "Points mean of the samples")
def mean_so_far(seen: Seen) -> dict[str, Any]:
    x = samples(seen.config)[0][: seen.step]
    return {"xy": About(x.mean(axis=0)[None] if len(x) else np.full((1, 2), np.nan), 1e-6, 1e-6)}


@ORACLES("line", "Bars samples", panel=1)
def share_of_a_bin(seen: Seen) -> dict[str, Any]:
    s = samples(seen.config)[0][: seen.step] @ across(seen.config)[1]
    counted = np.histogram(s, np.linspace(-3.2, 3.2, 33))[0]
    return {"height": About(counted / 300 / 0.2, 1e-6, 1e-6), "x": About(np.linspace(-3.1, 3.1, 32), 0, 1e-6)}


@ORACLES("line", r"Polylines p\(s \| y\)")
def density_along(seen: Seen) -> dict[str, Any]:
    weights, means, covariances = posterior(seen.config)
    d, s = across(seen.config)[1], np.linspace(-3.2, 3.2, 241)
    parts = [w * norm(m @ d, np.sqrt(d @ c @ d)).pdf(s) for w, m, c in zip(weights, means, covariances, strict=True)]
    return {"xy": About(np.stack([s, np.sum(parts, axis=0)], axis=1)[None], 1e-6, 1e-6)}


@ORACLES("line", "Polylines (minimum norm|posterior mean)", panel=1)
def places_along(seen: Seen) -> dict[str, Any]:
    s = float(answers(seen.config)[seen.thing.name] @ across(seen.config)[1])

    def upright(xy: np.ndarray) -> bool:
        return bool(np.abs(xy[0, :, 0] - s).max() < 1e-6 and xy[0, 0, 1] == 0 and xy[0, 1, 1] > 0)

    return {"xy": upright}


def bars(seen: Seen, weights: np.ndarray, k: int, of: int) -> dict[str, Any]:
    """Per cent, the k-th of so many beside one another."""
    x = np.arange(len(weights)) + (k - (of - 1) / 2) * 0.84 / of
    return {"height": About(100 * weights, 1e-4, 1e-4), "x": About(x, 0, 1e-6)}


@ORACLES("line", "Bars .*", panel=2)
def weights_of_lumps(seen: Seen) -> dict[str, Any]:
    before, after = prior(seen.config.source)[0], posterior(seen.config)[0]
    counted = np.bincount(samples(seen.config)[1][: seen.step], minlength=len(before)) / max(seen.step, 1)
    all_three = {"p(k): before": before, "p(k | y): after": after, "samples": counted}
    return bars(seen, all_three[seen.thing.name], list(all_three).index(seen.thing.name), 3)


@ORACLES("line", "Readout .*")
def numbers_of_three_answers(seen: Seen) -> dict[str, Any]:
    what, who = seen.thing.name.split(": ")
    mixture, (mean, error) = prior(seen.config.source), moments(posterior(seen.config))
    at = answers(seen.config)
    if what == "log p(x)":
        x = samples(seen.config)[0][: seen.step] if who == "samples so far" else at[who][None]
        return {"values": About(log_p(mixture, x).mean() if len(x) else np.nan, 1e-6, 1e-6), "unit": "nats"}
    apart = {"minimum norm": error + np.square(at["minimum norm"] - mean).sum(), "posterior mean": error}
    return {"values": About(apart.get(who, 2 * error), 1e-6, 1e-6), "unit": ""}


# --- Is the sampler right? ----------------------------------------------------------------------------------


def look(mixture: Mixture, x: np.ndarray, alpha_bar: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p(k | x_t) ``(N, K)``, E[x_0 | x_t] ``(N, 2)`` and Cov[x_0 | x_t] ``(N, 2, 2)``."""
    weights, means, covariances = mixture
    spread = alpha_bar * covariances + (1 - alpha_bar) * np.eye(2)
    centred = x[:, None] - np.sqrt(alpha_bar) * means  # (N, K, 2)
    pulled = np.einsum("kde,nke->nkd", np.linalg.inv(spread), centred)
    log_joint = np.log(weights) - 0.5 * np.log(np.linalg.det(spread)) - 0.5 * (pulled * centred).sum(axis=2)
    r = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    if alpha_bar == 1:
        return r, x, np.zeros((len(x), 2, 2))
    snr = alpha_bar / (1 - alpha_bar)
    precisions = np.linalg.inv(covariances)
    left = np.linalg.inv(precisions + snr * np.eye(2))
    towards = np.einsum("kde,ke->kd", precisions, means)
    m = np.einsum("kde,nke->nkd", left, towards + np.sqrt(alpha_bar) / (1 - alpha_bar) * x[:, None])
    mean = np.einsum("nk,nkd->nd", r, m)
    second = np.einsum("nk,kde->nde", r, left) + np.einsum("nk,nkd,nke->nde", r, m, m)
    return r, mean, second - mean[:, :, None] * mean[:, None, :]


NAMES = {"DPS": "dps", "replacement": "replacement", "RePaint": "replacement", "exact guidance": "exact"}


@lru_cache(maxsize=24)
def way(config: Any, method: str) -> list[tuple[int, float, np.ndarray, np.ndarray]]:
    """t, ᾱ, x_t and x̂_0 after each step, by the textbook's steps."""
    alpha_bar = np.append(1, np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))
    times = [round(1000 - k * 1000 / config.count) for k in range(config.count)] + [0]
    a, y = across(config)[0], config.offset
    mixture = posterior(config) if method == "exact" else prior(config.source)
    x_T = np.random.default_rng([config.seed, 31]).standard_normal((300, 2))
    rng, x, found = np.random.default_rng([config.seed, 32]), x_T, []
    for t, s in pairwise(times):
        now, then = alpha_bar[t], alpha_bar[s]
        alpha = now / then
        _, mean, covariance = look(mixture, x, now)
        found.append((t, now, x, mean))
        for again in range(config.repeats if method == "replacement" and s else 1):
            if again:
                x = np.sqrt(alpha) * x + np.sqrt(1 - alpha) * rng.standard_normal(x.shape)
                _, mean, covariance = look(mixture, x, now)
            if config.eta == 1:
                new = np.sqrt(then) * (1 - alpha) * mean + np.sqrt(alpha) * (1 - then) * x
                new = new / (1 - now)
                if s:
                    new = new + np.sqrt((1 - alpha) * (1 - then) / (1 - now)) * rng.standard_normal(x.shape)
            else:
                eps = (x - np.sqrt(now) * mean) / np.sqrt(1 - now)
                new = np.sqrt(then) * mean + np.sqrt(1 - then) * eps
            if method == "dps":
                jacobian = np.sqrt(now) / (1 - now) * covariance
                new = new + 2 * config.strength * (y - mean @ a)[:, None] * (jacobian @ a)
            elif method == "replacement":
                eps = x_T if config.eta == 0 and config.repeats == 1 else rng.standard_normal(x.shape)
                wanted = np.sqrt(then) * y + np.sqrt(1 - then) * eps @ a
                new = new + (wanted - new @ a)[:, None] * a
            x = new
    return [*found, (0, 1.0, x, x)]


def here(seen: Seen, name: str) -> tuple[int, float, np.ndarray, np.ndarray]:
    return way(seen.config, NAMES[name])[seen.step]


def shares(seen: Seen, name: str) -> np.ndarray:
    """Mean of p(k | x_t, y)."""
    _, alpha_bar, x, _ = here(seen, name)
    return look(posterior(seen.config), x, alpha_bar)[0].mean(axis=0)


def gap(one: np.ndarray, other: np.ndarray) -> Any:
    return np.abs(one - other).sum(axis=-1) / 2


def names(config: Any) -> list[str]:
    return ["DPS", "RePaint" if config.repeats > 1 else "replacement", "exact guidance"]


def luck(config: Any) -> np.ndarray:
    """Gaps of forty sets of 300 exact samples: weights by p(k | x) of the prior."""
    return _luck(asked(config), config.seed)


@lru_cache(maxsize=16)
def _luck(what: Any, seed: int) -> np.ndarray:
    x = drawn(_posterior(*what), 12_000, np.random.default_rng([seed, 33]))[0]
    r = look(prior(what[0]), x, 1.0)[0].reshape(40, 300, -1)
    return gap(r.mean(axis=1), _posterior(*what)[0])


@ORACLES("right", "Points ")
def particles(seen: Seen) -> dict[str, Any]:
    name = names(seen.config)[seen.panel]
    title = seen.scene.panels[seen.panel].title
    return {"xy": About(here(seen, name)[2], 1e-3, 1e-3), "name": lambda _: title.lower() == name.lower() or title}


@ORACLES("right", "Bars .*")
def who_finds_which_lumps(seen: Seen) -> dict[str, Any]:
    all_four = ["p(k | y)", *names(seen.config)]
    k = all_four.index(seen.thing.name)
    return bars(seen, posterior(seen.config)[0] if k == 0 else shares(seen, all_four[k]), k, 4)


@ORACLES("right", "Readout .*")
def how_far_off(seen: Seen) -> dict[str, Any]:
    if seen.thing.name == "t":
        return {"values": here(seen, "DPS")[0]}
    if seen.thing.name == "300 exact samples: mean gap":
        return {"values": About(100 * luck(seen.config).mean(), 1e-5, 1e-5), "unit": "%"}
    what, name = seen.thing.name.split(": ")
    if what == "gap of weights":
        off = gap(shares(seen, name), posterior(seen.config)[0])
        return {"values": About(100 * off, 1e-3, 1e-3), "unit": "%"}
    missed = here(seen, name)[3] @ across(seen.config)[0] - seen.config.offset
    return {"values": About(np.sqrt(np.square(missed).mean()), 1e-4, 1e-5), "unit": ""}


# --- Pairs --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def trained(config: pairs.Rings) -> list[tuple[float, float]]:
    """θ and ψ after each step: downhill in the losses of unit vectors, by differences."""
    phi = np.deg2rad(config.partner)

    def loss(theta: float, psi: float) -> float:
        def off(angle: float) -> float:
            return abs(np.exp(1j * angle) - 1) ** 2

        helps = {"none": 0.0, "identity": off(theta) + off(psi), "pairs": off(theta - phi) + off(psi - phi)}
        return 2 * off(theta - psi) + helps[config.help]

    now, h, found = np.deg2rad([config.start_forward, config.start_back]), 1e-5, []
    for _ in range(61):
        found.append((float(now[0]), float(now[1])))
        steps = h * np.eye(2)
        now = now - 0.05 * np.array([(loss(*(now + s)) - loss(*(now - s))) / (2 * h) for s in steps])
    return found


def ring(turn: float = 0.0) -> np.ndarray:
    """36 points of the circle, turned."""
    z = np.exp(1j * (2 * np.pi * np.arange(36) / 36 + turn))
    return np.stack([z.real, z.imag], axis=1)


@ORACLES("pairs", "Points .*")
def turned_rings(seen: Seen) -> dict[str, Any]:
    theta, psi = trained(seen.config)[seen.step]
    turn = {"x": 0.0, "true partner": np.deg2rad(seen.config.partner), "G(x)": theta, "F(G(x))": theta - psi}
    return {"xy": About(ring(turn[seen.thing.name]), 1e-5, 1e-5), "values": About(np.arange(36) / 36, 0, 1e-6)}


@ORACLES("pairs", "Polylines ")
def from_image_to_partner(seen: Seen) -> dict[str, Any]:
    theta, _ = trained(seen.config)[seen.step]
    both = [ring(theta)[::3], ring(np.deg2rad(seen.config.partner))[::3]]
    return {"xy": About(np.stack(both, axis=1), 1e-5, 1e-5)}


@ORACLES("pairs", "(Curve|Readout) .*")
def losses_of_rings(seen: Seen) -> dict[str, Any]:
    theta, psi = trained(seen.config)[seen.step]
    x, partners = ring(), ring(np.deg2rad(seen.config.partner))

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.square(a - b).sum(axis=1).mean())

    off = np.rad2deg(theta) - seen.config.partner
    value = {
        "cycle loss": 2 * apart(ring(theta - psi), x),
        "identity loss": apart(ring(theta), x) + apart(ring(-psi), x),
        "E|G(x) − partner|²": apart(ring(theta), partners),
        "G off by": np.rad2deg(np.arccos(np.clip(np.cos(np.deg2rad(off)), -1, 1))),
    }[seen.thing.name]
    channel = "y" if "y" in seen.channels() else "values"
    return {channel: About(value, 1e-4, 1e-4)}
