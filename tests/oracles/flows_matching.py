"""Flow matching, and diffusion's road beside it: Bayes' rule over lumps, curves or points, both ODEs written out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax
from scipy.stats import norm

from dashboard.scenes.flows import crowd, roads
from genmodels.data.planar import get_dataset
from genmodels.store import cache
from tests.oracles import diffusion
from tests.oracles.diffusion import data, noise, points, w2
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "matching": [
        roads.Matching(match_view="line", match_steps=1, match_t=0.0, match_x=1.3, seed=2),
        roads.Matching(match_view="line", match_steps=4, match_t=0.95, match_x=-2.0),
        roads.Matching(match_view="place", match_steps=2),
        roads.Matching("ffjord8", match_view="place", x_1=-0.6, x_2=0.1, seed=4),
        roads.Matching("checkerboard", match_view="place"),
        roads.Matching(match_view="reflow", match_steps=1, seed=1),
        roads.Matching("ffjord8", match_view="reflow"),
        roads.Matching("checkerboard", match_view="reflow", match_steps=2),
    ],
    "crowd": [
        crowd.Crowd("ffjord8", crowd_1=0.4, crowd_2=0.2, x_1=0.0, x_2=1.3, seed=3),
        crowd.Crowd("checkerboard"),
        crowd.Crowd(crowd_who="learned"),
        crowd.Crowd("checkerboard", crowd_who="learned", seed=5),
    ],
}
NEAR = {"absolute": 2e-3, "relative": 1e-3}  # float32 networks, float32 frames

Velocity = Callable[[np.ndarray, float], np.ndarray]


# --- what is best said -----------------------------------------------------------------------------------------


class Law(NamedTuple):
    """Round Gaussians of one width about centres."""

    centres: np.ndarray
    weights: np.ndarray
    variance: float

    def log_joint(self, x: np.ndarray, alpha: float, sigma: float) -> np.ndarray:
        spread = alpha**2 * self.variance + sigma**2
        return np.log(self.weights) - cdist(x, alpha * self.centres, "sqeuclidean") / (2 * spread)

    def ahead(self, x: np.ndarray, alpha: float, sigma: float) -> np.ndarray:
        """E[x_1 | α x_1 + σ ε = x]."""
        mean = softmax(self.log_joint(x, alpha, sigma), axis=1) @ self.centres
        gain = alpha * self.variance / (alpha**2 * self.variance + sigma**2)
        return mean + gain * (x - alpha * mean)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        return logsumexp(self.log_joint(x, 1, 0), axis=1) - np.log(2 * np.pi * self.variance)

    def velocity(self, x: np.ndarray, t: float) -> np.ndarray:
        if t == 1:
            return x if self.variance else self.centres[cdist(x, self.centres).argmin(axis=1)]
        return (self.ahead(x, t, 1 - t) - x) / (1 - t)


@lru_cache(maxsize=8)
def law(source: str) -> Law | None:
    """Lumps, or two half circles by Gauss's quadrature; None where the data are neither."""
    dataset = get_dataset(source)
    scale = np.sqrt(np.diag(dataset.covariance).mean())
    if source == "moons":
        u, w = np.polynomial.legendre.leggauss(200)
        angle = np.pi * (u + 1) / 2
        outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        places, weights, sigma = np.concatenate([outer, [1.0, 0.5] - outer]), np.tile(w / 4, 2), 0.1
    elif dataset.centres is not None and dataset.sigma is not None:
        places, sigma = dataset.centres, dataset.sigma
        weights = np.full(len(places), 1 / len(places))
    else:
        return None
    return Law((places - dataset.mean) / scale, weights, (sigma / scale) ** 2)


def law_of(config: Any, width: float) -> Law:
    """The data's, or that of 250 points of them with this width."""
    found = points(config, 250, 2)
    return law(config.source) or Law(found, np.full(250, 1 / 250), width**2)


def of(config: Any) -> str:
    return "" if law(config.source) else " of 250 points"


@lru_cache(maxsize=16)
def network(name: str) -> Velocity:
    """A stored velocity, float64."""
    arrays = cache.arrays(name)
    names = sorted((n for n in arrays if n.endswith("weight")), key=lambda n: int(n.split(".")[1]))
    layers = [(arrays[n].astype(float), arrays[n.replace("weight", "bias")].astype(float)) for n in names]
    config = cache.load(name).entry.config
    shape = {"silu": lambda a: a / (1 + np.exp(-a)), "relu": lambda a: np.maximum(a, 0)}[config["activation"]]

    def says(x: np.ndarray, t: float) -> np.ndarray:
        waves = (x[:, :, None] * 2.0 ** np.arange(config["x_waves"])).reshape(len(x), -1)
        told = [2 * t - 1, *(f(2**j * np.pi * t) for j in range(config["t_waves"]) for f in (np.sin, np.cos))]
        h = np.hstack([x, np.sin(waves), np.cos(waves), np.tile(told, (len(x), 1))])
        for weight, bias in layers[:-1]:
            h = shape(h @ weight.T + bias)
        return h @ layers[-1][0].T + layers[-1][1]

    return says


# --- roads -----------------------------------------------------------------------------------------------------


def euler(v: Velocity, x: np.ndarray, n: int) -> np.ndarray:
    path = [x]
    for k in range(n):
        path.append(path[-1] + v(path[-1], k / n) / n)
    return np.stack(path)


def runge_kutta(v: Velocity, x: np.ndarray, n: int) -> np.ndarray:
    path = [x]
    for k in range(n):
        x, t, h = path[-1], k / n, 1 / n
        k_1 = v(x, t)
        k_2 = v(x + h / 2 * k_1, t + h / 2)
        k_3 = v(x + h / 2 * k_2, t + h / 2)
        k_4 = v(x + h * k_3, (k + 1) / n)
        path.append(x + h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4))
    return np.stack(path)


def at(path: np.ndarray, t: float) -> np.ndarray:
    """On broken lines, at a share of the way."""
    shares = np.linspace(0, 1, len(path))
    flat = path.reshape(len(path), -1)
    return np.stack([np.interp(t, shares, column) for column in flat.T]).reshape(path.shape[1:])


def every_frame(path: np.ndarray) -> np.ndarray:
    return np.stack([at(path, t) for t in np.arange(51) / 50])


def bent(path: np.ndarray) -> float:
    """∫ E|(x(1) − x(0)) − dx/dt|² dt."""
    speed = np.diff(path, axis=0) * (len(path) - 1)
    return float(np.mean(np.sum((path[-1] - path[0] - speed) ** 2, axis=-1)))


def time(seen: Seen) -> float:
    return seen.frame / 50


def hues(x_0: np.ndarray) -> np.ndarray:
    return np.angle(x_0[:, 0] + 1j * x_0[:, 1]) / (2 * np.pi) % 1


def hand(seen: Seen) -> np.ndarray:
    return np.array([[seen.config.x_1, seen.config.x_2]])


def view(seen: Seen) -> str:
    return seen.config.match_view


# --- on a line -------------------------------------------------------------------------------------------------

LINE = Law(np.array([[-1.4], [1.4]]), np.array([0.5, 0.5]), 0.09)
LOW, HIGH, PAIRS = -3.2, 3.2, 40


def density(x: np.ndarray, t: float) -> np.ndarray:
    """p_t on the line."""
    spread = np.sqrt((1 - t) ** 2 + 0.09 * t**2)
    return 0.5 * (norm.pdf(x, -1.4 * t, spread) + norm.pdf(x, 1.4 * t, spread))


@lru_cache(maxsize=8)
def pairs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, 31])
    x_0 = rng.standard_normal((PAIRS, 1))
    lump = rng.choice(2, size=PAIRS, p=[0.5, 0.5])
    return x_0, np.array([[-1.4], [1.4]])[lump] + 0.3 * rng.standard_normal((PAIRS, 1))


@lru_cache(maxsize=8)
def line_road(seed: int, n: int) -> np.ndarray:
    return euler(LINE.velocity, pairs(seed)[0], n)[..., 0]


def on_line(seen: Seen) -> np.ndarray:
    """Where the points of this panel are."""
    x_0, x_1 = pairs(seen.config.seed)
    t = time(seen)
    if seen.panel == 0:
        return ((1 - t) * x_0 + t * x_1)[:, 0]
    return at(line_road(seen.config.seed, seen.config.match_steps), t)


def whither(seen: Seen) -> float:
    return mean_ahead(seen.config.match_t, seen.config.match_x)


@lru_cache(maxsize=16)
def mean_ahead(t: float, x: float) -> float:
    """E[x_1 | x_t = x] by quadrature of Bayes' rule."""

    def joint(x_1: float) -> float:
        return float(density(np.array(x_1), 1.0) * norm.pdf(x, t * x_1, 1 - t))

    ends = {"limit": 400, "points": sorted({-1.4, 1.4, float(np.clip(x / max(t, 0.05), -4, 4))})}
    return quad(lambda y: y * joint(y), -4, 4, **ends)[0] / quad(joint, -4, 4, **ends)[0]


@ORACLES("matching", "Field density pₜ")
def density_on_line(seen: Seen) -> dict[str, Any]:
    x, t = LOW + (HIGH - LOW) * (np.arange(60) + 0.5) / 60, (np.arange(40) + 0.5) / 40
    p = np.stack([density(x, one) for one in t], axis=1)
    return {
        "values": About(p / p.max(axis=0), absolute=1e-4),
        "extent": About((0, 1, LOW, HIGH)),
        "limits": About((0, 1)),
    }


@ORACLES("matching", "Polylines (noise|data)")
def at_both_ends(seen: Seen) -> dict[str, Any]:
    x = np.linspace(LOW, HIGH, 121)
    is_noise = seen.name.endswith("noise")
    p = density(x, 0.0 if is_noise else 1.0)
    out = 0.2 * p / (norm.pdf(0) if is_noise else p.max())
    return {"xy": About(np.stack([-out if is_noise else 1 + out, x], axis=1)[None], absolute=1e-4)}


@ORACLES("matching", "Polylines threads")
def threads(seen: Seen) -> dict[str, Any]:
    x_0, x_1 = pairs(seen.config.seed)
    lines = [[[0, a], [1, b]] for a, b in zip(x_0[:, 0], x_1[:, 0], strict=True)]
    return {"xy": np.array(lines)}


@ORACLES("matching", "Polylines where it may go")
def fan(seen: Seen) -> dict[str, Any]:
    if view(seen) == "place":
        return {"xy": About(place_threads(seen), absolute=1e-4)}
    t, x = seen.config.match_t, seen.config.match_x
    x_1 = np.linspace(3.6, -3.6, 145)
    log_p = np.log(density(x_1, 1.0)) - (x - t * x_1) ** 2 / (2 * (1 - t) ** 2)
    weight = np.exp(log_p - log_p.max())
    lines = [
        [[t, x], [1, one]] if w >= 0.005 else np.full((2, 2), np.nan) for one, w in zip(x_1, weight, strict=True)
    ]
    return {"xy": np.array(lines), "weight": weight}


@ORACLES("matching", "Polylines the mean: velocity")
def to_the_mean(seen: Seen) -> dict[str, Any]:
    return {"xy": np.array([[[seen.config.match_t, seen.config.match_x], [1, whither(seen)]]])}


@ORACLES("matching", r"Points E\[x₁ \| xₜ\].*")
def the_mean(seen: Seen) -> dict[str, Any]:
    if view(seen) == "place":
        return {"xy": About(place_mean(seen), **NEAR), "name": f"E[x₁ | xₜ]{of(seen.config)}"}
    return {"xy": np.array([[1, whither(seen)]])}


@ORACLES("matching", "Points ")
def the_hand(seen: Seen) -> dict[str, Any]:
    if view(seen) == "reflow":
        kind, n = ("matching", "reflow")[seen.k], seen.config.match_steps
        return {"xy": About(np.array([[n, distance(kind, seen.config, n)]]), **NEAR)}
    (handle,) = seen.scene.handles
    here = [[seen.config.match_t, seen.config.match_x]] if view(seen) == "line" else hand(seen)
    same = np.allclose(handle.at, np.array(here)[0]) and handle.panel == seen.panel == 0
    return {"xy": np.array(here) if same else lambda _: "the handle is elsewhere"}


@ORACLES("matching", "Polylines roads")
def all_roads(seen: Seen) -> dict[str, Any]:
    if view(seen) == "line":
        path = line_road(seen.config.seed, seen.config.match_steps)
        shares = np.linspace(0, 1, len(path))
        return {"xy": About(np.stack([np.stack([shares, x], axis=1) for x in path.T]), absolute=1e-4)}
    return {"xy": About(planar_frames(seen)[:, :60].swapaxes(0, 1), **NEAR)}


@ORACLES("matching", "Points xₜ")
def crowd_now(seen: Seen) -> dict[str, Any]:
    if view(seen) == "line":
        x = on_line(seen)
        return {"xy": About(np.stack([np.full(PAIRS, time(seen)), x], axis=1), absolute=1e-4)}
    return {"xy": About(planar_frames(seen)[seen.frame], **NEAR), "values": hues(noise(seen.config, 200))}


@ORACLES("matching", "Arrows velocity")
def arrows(seen: Seen) -> dict[str, Any]:
    if view(seen) == "line":
        t, x = (np.arange(11) + 0.5) / 12, np.linspace(-2.8, 2.8, 15)
        start = np.array([[one, place] for place in x for one in t])
        slopes = np.array([LINE.velocity(np.array([[place]]), one)[0, 0] for one, place in start])
        return {"start": start, "delta": 0.8 / 12 * np.stack([np.ones_like(slopes), slopes], axis=1)}
    low, cell = -3.2, 6.4 / 13
    axis = low + cell * (np.arange(13) + 0.5)
    start = np.array([[x, y] for y in axis for x in axis])
    delta = 0.2 * both(seen.config)[seen.panel - 1](start, time(seen))
    length = np.linalg.norm(delta, axis=1, keepdims=True)
    return {"start": start, "delta": About(delta * np.minimum(1, 0.95 * cell / np.maximum(length, 1e-12)), **NEAR)}


@ORACLES("matching", "Readout (threads that have crossed|roads that have)")
def crossings(seen: Seen) -> dict[str, Any]:
    """Counted one by one."""
    x_0, x_1 = pairs(seen.config.seed)
    now = (1 - time(seen)) * x_0 + time(seen) * x_1 if "threads" in seen.name else None
    if now is None:
        now = at(line_road(seen.config.seed, seen.config.match_steps), time(seen))[:, None]
    order = np.argsort(x_0[:, 0])
    y = now[order, 0]
    count = sum(1 for i in range(PAIRS) for j in range(i + 1, PAIRS) if y[i] - y[j] > 1e-9)
    return {"values": count, "unit": "of 780"}


@ORACLES("matching", r"Readout (E\[x₁ \| xₜ\] at the hand|velocity there)")
def at_the_hand(seen: Seen) -> Any:
    if view(seen) == "place":
        return About(np.linalg.norm(both(seen.config)[0](hand(seen), time(seen))), **NEAR)
    mean = whither(seen)
    v = (mean - seen.config.match_x) / (1 - seen.config.match_t)
    return About(mean if "E[" in seen.name else v, absolute=1e-4)


# --- in the plane ----------------------------------------------------------------------------------------------


def both(config: Any) -> tuple[Velocity, Velocity]:
    return law_of(config, 0.0).velocity, network(f"matching-{config.source}")


@lru_cache(maxsize=4)
def place_paths(source: str, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    config = roads.Matching(source, seed=seed)
    exact, learned = both(config)
    x_0 = noise(config, 200)
    return runge_kutta(exact, x_0, 50), every_frame(euler(learned, x_0, n))


@lru_cache(maxsize=16)
def reflow_path(kind: str, source: str, seed: int, n: int) -> np.ndarray:
    x_0 = noise(roads.Matching(source, seed=seed), 200)
    return euler(network(f"{kind}-{source}"), x_0, n)


def planar_frames(seen: Seen) -> np.ndarray:
    """The crowd of this panel, in all frames."""
    c = seen.config
    if view(seen) == "place":
        return place_paths(c.source, c.seed, c.match_steps)[seen.panel - 1]
    return reflow_frames(("matching", "reflow")[seen.panel], c.source, c.seed, c.match_steps)


@lru_cache(maxsize=8)
def reflow_frames(kind: str, source: str, seed: int, n: int) -> np.ndarray:
    return every_frame(reflow_path(kind, source, seed, n))


def weights(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """300 data, and how likely the hand's point goes to each."""
    these, t = points(seen.config, 300, 3), time(seen)
    squared = cdist(hand(seen), t * these, "sqeuclidean")[0]
    if t == 1:
        return these, (squared == squared.min()).astype(float)
    return these, softmax(-squared / (2 * (1 - t) ** 2))


def place_threads(seen: Seen) -> np.ndarray:
    these, w = weights(seen)
    likeliest = np.argsort(-w)[:60]
    lines = np.array(
        [[hand(seen)[0], these[k]] if w[k] > w.max() / 50 else np.full((2, 2), np.nan) for k in likeliest]
    )
    shown = seen.at("xy")  # equally likely ones may stand in another order
    order, mine = (np.lexsort(np.nan_to_num(x[:, 1], nan=9).round(3).T) for x in (shown, lines))
    found = np.empty_like(lines)
    found[order] = lines[mine]
    return found


def place_mean(seen: Seen) -> np.ndarray:
    t, x = time(seen), hand(seen)
    return x if t == 1 else law_of(seen.config, 0.0).ahead(x, t, 1 - t)


@ORACLES("matching", "Points data x₁, by weight")
def by_weight(seen: Seen) -> dict[str, Any]:
    these, w = weights(seen)
    return {"xy": these, "values": w / w.max()}


@ORACLES("matching", r"Arrows (\(1 − t\) · velocity.*|learned)")
def to_means(seen: Seen) -> dict[str, Any]:
    exact, learned = both(seen.config)
    v = (learned if seen.name.endswith("learned") else exact)(hand(seen), time(seen))
    name = "learned" if seen.name.endswith("learned") else f"(1 − t) · velocity{of(seen.config)}"
    return {"start": hand(seen), "delta": About((1 - time(seen)) * v, **NEAR), "name": name}


@ORACLES("matching|crowd", "Points data")
def some_data(seen: Seen) -> dict[str, Any]:
    if hasattr(seen.config, "match_view"):
        return {"xy": points(seen.config, 200, 6) if view(seen) == "reflow" else points(seen.config, 300, 3)}
    return {"xy": points(seen.config, 200, 3)}


@ORACLES("matching", "Readout effective number of ends")
def how_many_ends(seen: Seen) -> dict[str, Any]:
    return {"values": About(1 / np.square(weights(seen)[1]).sum(), relative=1e-3), "unit": "of 300"}


@ORACLES("matching", r"Readout E\[x₁ \| xₜ\](?! at).*: x₁|Readout x₂")
def mean_by_coordinate(seen: Seen) -> Any:
    return About(place_mean(seen)[0, int(seen.name.endswith("₂"))], **NEAR)


@ORACLES("matching", "Readout learned: off by")
def how_far_off(seen: Seen) -> Any:
    exact, learned = (v(hand(seen), time(seen)) for v in both(seen.config))
    return About(np.linalg.norm(exact - learned), **NEAR)


# --- few steps -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def distance_of(kind: str, source: str, seed: int, n: int) -> float:
    return w2(reflow_path(kind, source, seed, n)[-1], data(source, seed, 200, 6))


def distance(kind: str, config: Any, n: int) -> float:
    return distance_of(kind, config.source, config.seed, n)


def kind_of(name: str) -> str:
    return "reflow" if "reflow" in name else "matching"


@ORACLES("matching", "Points xₜ, by its start")
def crowd_by_start(seen: Seen) -> dict[str, Any]:
    values = hues(noise(seen.config, 200))
    return {"xy": About(planar_frames(seen)[seen.frame], **NEAR), "values": values}


@ORACLES("matching", "Polylines (first|after reflow)")
def over_steps(seen: Seen) -> dict[str, Any]:
    line = [[n, distance(kind_of(seen.name), seen.config, n)] for n in (1, 2, 4, 50)]
    return {"xy": About(np.array([line]), **NEAR)}


@ORACLES("matching", "Polylines true samples")
def level_of_true(seen: Seen) -> dict[str, Any]:
    level = diffusion.w2_of_true(seen.config.source).mean()
    return {"xy": np.array([[[1, level], [50, level]]])}


@ORACLES("matching", "Readout W₂, (first|after reflow)")
def how_near(seen: Seen) -> Any:
    return About(distance(kind_of(seen.name), seen.config, seen.config.match_steps), **NEAR)


@ORACLES("matching", "Readout W₂, true samples")
def how_near_true(seen: Seen) -> dict[str, Any]:
    found = diffusion.w2_of_true(seen.config.source)
    return {"values": found.mean(), "unit": f"± {found.std(ddof=1):.2f}"}


@ORACLES("matching", "Readout straightness, .*")
def how_straight(seen: Seen) -> Any:
    c = seen.config
    return About(bent(reflow_path(kind_of(seen.name), c.source, c.seed, 50)), **NEAR)


# --- two roads -------------------------------------------------------------------------------------------------


class Two(NamedTuple):
    """Places at each of 51 frames, by diffusion and by flow matching, and ᾱ."""

    diffusion: np.ndarray
    matching: np.ndarray
    level: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        return np.sqrt(self.level) + np.sqrt(1 - self.level)

    def scaled(self) -> np.ndarray:
        return self.diffusion / self.scale[:, None, None]


def answers(config: Any) -> tuple[Velocity, Velocity]:
    """Flow matching's velocity, and what diffusion says of x_0 at ᾱ."""
    if config.crowd_who == "learned":
        return network(f"matching-{config.source}"), diffusion.learned(config.source).answer
    found = law_of(config, 0.1)
    return found.velocity, lambda x, level: found.ahead(x, np.sqrt(level), np.sqrt(1 - level))


def two(config: Any, x: np.ndarray, n: int = 50) -> Two:
    velocity, x0_hat = answers(config)
    states = list(diffusion.along_ode(x0_hat, x, diffusion.levels("cosine"), n))
    level = diffusion.levels("cosine")[[state.t for state in states]]
    return Two(np.stack([state.x_t for state in states]), runge_kutta(velocity, x, n), level)


@lru_cache(maxsize=8)
def many_of(source: str, who: str, seed: int) -> Two:
    config = crowd.Crowd(source, crowd_who=who, seed=seed)
    return two(config, noise(config, 200))


def many(seen: Seen) -> Two:
    return many_of(seen.config.source, seen.config.crowd_who, seen.config.seed)


@lru_cache(maxsize=8)
def single_of(config: Any) -> Two:
    """With networks in half as many steps."""
    return two(config, np.array([[config.crowd_1, config.crowd_2]]), 25 if config.crowd_who == "learned" else 50)


def of_panel(two_roads: Two, seen: Seen) -> np.ndarray:
    title = ("Diffusion's ODE", "Flow matching")[seen.panel]
    assert seen.scene.panels[seen.panel].title.startswith(title)
    return two_roads[seen.panel]


@ORACLES("crowd", "Polylines roads")
def both_crowds_roads(seen: Seen) -> dict[str, Any]:
    return {"xy": About(of_panel(many(seen), seen)[:, :60].swapaxes(0, 1), **NEAR)}


@ORACLES("crowd", "Points xₜ, by its start")
def both_crowds(seen: Seen) -> dict[str, Any]:
    return {"xy": About(of_panel(many(seen), seen)[seen.frame], **NEAR), "values": hues(noise(seen.config, 200))}


@ORACLES("crowd", "Polylines the road from the knob|Polylines diffusion's road")
def road_of_knob(seen: Seen) -> dict[str, Any]:
    found = single_of(seen.config)
    path = found.diffusion if seen.name.endswith("diffusion's road") else of_panel(found, seen)
    return {"xy": About(path.swapaxes(0, 1), **NEAR)}


@ORACLES("crowd", r"Points the same ÷ \(√ᾱ \+ √\(1 − ᾱ\)\)")
def scaled_road(seen: Seen) -> dict[str, Any]:
    found = single_of(seen.config).scaled()[:, 0]
    return {"xy": About(found[:: (len(found) - 1) // 25], **NEAR)}


@ORACLES("crowd", "Points ")
def marks(seen: Seen) -> dict[str, Any]:
    """On the road of the knob, and under the cross-hair, which is in the panel on the right."""
    start, cross = seen.scene.handles
    placed = (start.panel, cross.panel) == (0, 1) and np.allclose(
        [*start.at, *cross.at], [seen.config.crowd_1, seen.config.crowd_2, seen.config.x_1, seen.config.x_2]
    )
    is_cross = seen.panel == 1 and seen.k == 0
    place = hand(seen) if is_cross else at(of_panel(single_of(seen.config), seen), time(seen))
    return {"xy": About(place, **NEAR) if placed else lambda _: "a handle is elsewhere"}


@ORACLES("crowd", "Curve (crowd, mean|from the knob|crowd, scaled)")
def how_far_apart(seen: Seen) -> dict[str, Any]:
    found = single_of(seen.config) if "knob" in seen.name else many(seen)
    if not seen.name.endswith("scaled"):
        now = at(found.diffusion, time(seen)) - at(found.matching, time(seen))
        apart = np.linalg.norm(now, axis=1).mean()
    else:
        equal = at(found.matching, float(np.sqrt(found.level) @ np.eye(51)[seen.frame] / found.scale[seen.frame]))
        apart = np.linalg.norm(found.scaled()[seen.frame] - equal, axis=1).mean()
    return {"y": About(apart, **NEAR), "x": 2 * seen.frame}


@ORACLES("crowd", "Readout in another lump")
def in_two_lumps(seen: Seen) -> dict[str, Any]:
    dataset = get_dataset(seen.config.source)
    raw, labels = dataset.draw(1_000, np.random.default_rng([seen.config.seed, 41]))
    these = (raw - dataset.mean) / np.sqrt(np.diag(dataset.covariance).mean())
    ends = [labels[cdist(path[-1], these).argmin(axis=1)] for path in many(seen)[:2]]
    count = int((ends[0] != ends[1]).sum())
    return {"values": About(count, absolute=1.01, relative=0), "unit": "of 200"}  # one may be on the edge


@ORACLES("crowd", "Readout (way|straightness), (diffusion|matching)")
def how_long_and_straight(seen: Seen) -> Any:
    path = many(seen)[seen.name.endswith("matching")]
    if "straightness" in seen.name:
        return About(bent(path), **NEAR)
    return About(sum(np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(path)), **NEAR)


@ORACLES("crowd", "Readout log p, .*")
def density_at_cross(seen: Seen) -> Any:
    c, x, dataset = seen.config, hand(seen), get_dataset(seen.config.source)
    if c.crowd_who == "exact":
        return About(law_of(c, 0.1).log_prob(x)[0], absolute=0.01, relative=1e-3)
    if seen.name.endswith("truth"):
        scale = np.sqrt(np.diag(dataset.covariance).mean())
        value = dataset.log_prob(dataset.mean + scale * x)[0] + 2 * np.log(scale)
        return value if np.isfinite(value) else np.nan
    return About(by_matching(c, x) if seen.name.endswith("matching") else by_diffusion(c, x), absolute=0.03)


def with_trace(v: Velocity, x: np.ndarray, t: float) -> np.ndarray:
    """v and its divergence, by central differences, ``(3,)``."""
    e, width = np.eye(2), 1e-4
    trace = sum((v(x + width * e[[d]], t) - v(x - width * e[[d]], t))[0, d] / (2 * width) for d in (0, 1))
    return np.append(v(x, t)[0], trace)


def walked(v: Velocity, x: np.ndarray, times: np.ndarray) -> float:
    """log N of where x comes from, and ∫ ∇·v along the way, by Runge and Kutta."""
    y, total = x[0], 0.0
    for now, after in pairwise(times):
        h, middle = after - now, (now + after) / 2
        k_1 = with_trace(v, y[None], now)
        k_2 = with_trace(v, (y + h / 2 * k_1[:2])[None], middle)
        k_3 = with_trace(v, (y + h / 2 * k_2[:2])[None], middle)
        k_4 = with_trace(v, (y + h * k_3[:2])[None], after)
        step = h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
        y, total = y + step[:2], total + step[2]
    return float(norm.logpdf(y).sum() + total)


@lru_cache(maxsize=8)
def by_matching_of(source: str, x: tuple[float, ...]) -> float:
    return walked(network(f"matching-{source}"), np.array([x]), np.linspace(1, 0, 26))


def by_matching(config: Any, x: np.ndarray) -> float:
    return by_matching_of(config.source, tuple(x[0]))


@lru_cache(maxsize=8)
def by_diffusion_of(source: str, x: tuple[float, ...]) -> float:
    says = diffusion.learned(source).answer
    level = diffusion.levels("cosine")[diffusion.times(25)]
    angles = np.arctan2(np.sqrt(1 - level), np.sqrt(level))

    def v(x: np.ndarray, phi: float) -> np.ndarray:
        phi = max(phi, 1e-6)
        return (np.cos(phi) * x - says(x, np.cos(phi) ** 2)) / np.sin(phi)

    return walked(v, np.array([x]), angles)


def by_diffusion(config: Any, x: np.ndarray) -> float:
    return by_diffusion_of(config.source, tuple(x[0]))
