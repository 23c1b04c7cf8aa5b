"""GANs: the trainer's own G and D, run forwards and backwards in plain torch, and its points judged by scipy.

:func:`genmodels.gan.iterate_gan` is taken as given: from the same seed it yields the parameters, the fixed noise and
the minibatches' losses of each move. All that a scene makes of them is computed here from formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise, repeat
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import expon, norm

from dashboard.scene.painted import encode_points
from dashboard.scenes.gan import ab, digits, modes, onedim
from dashboard.scenes.gan.setup import Config
from genmodels.data.digits import load_mnist
from genmodels.data.planar import get_dataset
from genmodels.gan import GANConfig, GANState, iterate_gan
from genmodels.store import cache
from tests.oracles.seen import About, Oracles, Seen, differs

ORACLES = Oracles()
LIVE, PAIRS = "first|ring", "collapse|ab"
LOSSES = {  # each from D's output a: of D on data, of D on generated points, of G
    "minimax": lambda a: -torch.nn.functional.softplus(a),
    "non-saturating": lambda a: torch.nn.functional.softplus(-a),
    "least-squares": lambda a: (a - 1) ** 2 / 2,
    "hinge": lambda a: -a,
    "wasserstein-gp": lambda a: -a,
}
REPAIRED = ("ring8", "grid25", "moons", "ring8", "ffjord8")
PROBABILITIES = ("minimax", "non-saturating")
NOISES = {
    "16": (16, "gaussian"),
    "2": (2, "gaussian"),
    "2u": (2, "uniform"),
    "2s": (2, "sphere"),
    "1": (1, "gaussian"),
}
TRUE_QUALITY = 100 * (1 - math.exp(-4.5))  # |x| < 3 σ, in two dimensions, of modes far apart


# --- More configs -------------------------------------------------------------------------------------------

_rng = np.random.default_rng(3)
_POINTS = np.concatenate([_rng.standard_normal((40, 2)), _rng.standard_normal((40, 2)) * 0.5 + [4, 2], [[900, -400]]])
_CSV = tuple(map(tuple, (np.array([7, -3]) + np.array([60, 0.2]) * _POINTS).tolist()))
_SMALL: dict[str, Any] = {"width": 16, "batch": 24, "every": 1, "steps": 3}
_LONGER: dict[str, Any] = {"width": 32, "batch": 64, "every": 200, "steps": 600}
_OWN = {"source": "csv", "csv": _CSV}
_PAINTED = {"source": "painted", "painted": encode_points(_POINTS[:80], [0] * 80, (-4, 4), (-4, 4))}
MORE: dict[str, list[Any]] = {
    "first": [Config("ffjord8", **_LONGER), Config("grid25", noise="16", **_LONGER)],
    "ring": [
        *(Config("ring8", loss=loss, d_rate=-2.0, **_SMALL) for loss in LOSSES),
        *(Config("ring8", noise=noise, packing=packing, **_SMALL) for packing, noise in enumerate(NOISES, start=1)),
        Config("moons", average=0.9, g_steps=2, d_steps=3, blur=0.5, **_SMALL),
        Config("spirals", optimiser="sgd", decay="cosine", g_layers=0, r1=0.0, **_SMALL),
        *(Config(**_SMALL, **own) for own in (_OWN, _PAINTED, {"source": "line"}, {"source": "dino"})),
        Config(**_OWN, every=12, width=16),
    ],
    "collapse": [
        ab.Repair(repair=repair, source=source, seed=1).pair()
        for repair, source in zip(ab.REPAIRS, REPAIRED, strict=True)
    ],
    "ab": [
        *(ab.Change(what).pair(Config("ffjord8", r1=0.2, **_SMALL)) for what in ab.CHANGES),
        ab.Change("loss", b_loss="hinge").pair(Config("grid25", packing=2, **_LONGER)),
        *(ab.Change("n_noise", b_noise=1).pair(Config(**_SMALL, **own)) for own in (_OWN, _PAINTED)),
    ],
    "one": [onedim.Config(truth, -2.5, -2.2, 2, 5, every=60) for truth in onedim.TRUTHS],
    "modes": [modes.Config("gan-ring")],
    "digits": [digits.Config(what, 7) for what in digits.WHAT],
}

# --- Pieces -------------------------------------------------------------------------------------------------


def number(value: float, unit: str = "", absolute: float = 1e-6) -> dict[str, Any]:
    """A readout's value and its unit."""
    return {"values": About(value, absolute=absolute), "unit": unit}


# --- The players of a frame ---------------------------------------------------------------------------------


def recipe(config: Config, other: tuple = ()) -> tuple[GANConfig, np.ndarray | None]:
    """What the controls say, and the points where the data are no distribution."""
    n_noise, noise = NOISES[config.noise]
    given: dict[str, Any] = {
        "loss": config.loss,
        "n_noise": n_noise,
        "noise": noise,
        "g_learning_rate": 10**config.g_rate,
        "d_learning_rate": 10**config.d_rate,
        "decay": config.decay,
        "optimiser": config.optimiser,
        "d_steps": config.d_steps,
        "g_steps": config.g_steps,
        "r1": config.r1,
        "instance_noise": config.blur,
        "packing": config.packing,
        "average": config.average,
        "n_steps": config.steps,
        "batch": max(config.batch - config.batch % config.packing, config.packing),
        "g_hidden": (config.width,) * config.g_layers,
        "d_hidden": (config.width,) * config.d_layers,
        "seed": config.seed,
    }
    points = own_points(config)
    if points is None:
        given["data"] = config.source
    return GANConfig(**(given | dict(config.rest) | dict(other))), points


def own_points(config: Config) -> np.ndarray | None:
    """The learner's own points, or those of the line x₂ = x₁ / 2."""
    if config.source == "line":
        t = np.random.default_rng(0).uniform(-2, 2, 2_000)
        return np.stack([t, t / 2], axis=1)
    return config.own() if config.source in ("painted", "csv") else None


def one_dimension(config: onedim.Config) -> tuple[GANConfig, np.ndarray]:
    """The recipe of the curves, and its data."""
    rng = np.random.default_rng([config.seed, 1])
    weights, means, deviations = zip(*onedim.HUMPS[config.truth], strict=True)
    k = rng.choice(len(weights), size=20_000, p=weights)
    x = rng.normal(np.take(means, k), np.take(deviations, k))
    gan = GANConfig(
        n_noise=1,
        noise="uniform",
        g_hidden=(32, 32),
        d_hidden=(64, 64),
        activation="tanh",
        decay="none",
        g_learning_rate=10**config.g_rate_1,
        d_learning_rate=10**config.d_rate_1,
        d_steps=config.d_steps_1,
        batch=256,
        n_steps=3_000,
        seed=config.seed,
        n_samples=512,
        r1=0.0,
    )
    return gan, x[:, None]


class Run:
    """The states of a training, made when they are asked for.

    Args:
        config: Of the GAN.
        points: Its data, if they are no distribution.
        every: Steps between two that are kept.
        moves: Who moves; both by default, for ever.
    """

    def __init__(self, config: GANConfig, points: np.ndarray | None, every: int, moves: tuple[str, ...] = ()) -> None:
        self.moves, self.every, self.last = moves, every, len(moves) or config.n_steps
        self.kept: dict[int, GANState] = {}
        self.states = iterate_gan(points, config, moves or repeat("both"))  # type: ignore[arg-type]

    def at(self, step: int) -> GANState:
        """After so many moves."""
        while step not in self.kept:
            state = next(self.states)
            if self.moves or state.step % self.every == 0 or state.step == self.last:
                self.kept[state.step] = state
        return self.kept[step]

    def measured(self, step: int, frames: int) -> GANState:
        """The state of the last frame whose samples were measured: each single move's, else one frame in so many."""
        return self.at(step if self.moves or step == self.last else step - step % (frames * self.every))


@lru_cache(maxsize=8)
def run(config: Any, other: tuple = (), moves: tuple[str, ...] = ()) -> Run:
    gan, points = one_dimension(config) if isinstance(config, onedim.Config) else recipe(config, other)
    return Run(gan, points, config.every, moves)


def run_of(seen: Seen) -> Run:
    """The run that a thing shows; of a pair, B's is that of the second plane and of what is called B."""
    config, moves = seen.config, getattr(seen.config, "moves", ())
    if not isinstance(config, ab.Versus):
        return run(config, (), moves)
    is_b = seen.panel == 1 or seen.name.split()[1] == "B:"
    return run(config.left, config.other if is_b else (), moves)


def state_of(seen: Seen) -> GANState:
    return run_of(seen).at(seen.step)


def judged(seen: Seen) -> GANState:
    """The state whose samples are told in numbers."""
    return run_of(seen).measured(seen.step, 4 if isinstance(seen.config, ab.Versus) else 8)


def left_of(config: Any) -> Config:
    return config.left if isinstance(config, ab.Versus) else config


def updates(seen: Seen) -> float:
    """The place on the axis of steps: moves of G."""
    moves = getattr(seen.config, "moves", ())
    return sum(move != "discriminator" for move in moves[: seen.step]) if moves else seen.step


# --- Networks, in plain torch -------------------------------------------------------------------------------


def forward(theta: Any, sizes: tuple[int, ...], activation: str, x: torch.Tensor) -> torch.Tensor:
    """A multi-layer perceptron whose weights and biases lie one after the other in θ."""
    theta, at = torch.tensor(theta), 0
    function = {"relu": torch.relu, "tanh": torch.tanh}[activation]
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        weight = theta[at : at + n_in * n_out].reshape(n_out, n_in)
        bias = theta[at + n_in * n_out : at + n_in * n_out + n_out]
        at += n_in * n_out + n_out
        x = torch.nn.functional.linear(function(x) if layer else x, weight, bias)
    assert at == len(theta)
    return x


def as_float32(x: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(x), dtype=torch.float32)


def raw(state: GANState, which: str, z: Any) -> torch.Tensor:
    """G(z) as D sees it, standardised."""
    config = state.config
    sizes = (config.n_noise, *config.g_hidden, len(state.centre))
    return forward(getattr(state, which), sizes, config.activation, as_float32(z))


def points_of(state: GANState, z: Any, which: str = "average") -> np.ndarray:
    """G(z), by the running mean of its parameters."""
    return (state.centre + state.scale * raw(state, which, z).numpy()).astype(np.float32)


def output(state: GANState, packs: torch.Tensor) -> torch.Tensor:
    """D's output a for rows of m standardised points, side by side."""
    config = state.config
    sizes = (len(state.centre) * config.packing, *config.d_hidden, 1)
    return forward(state.discriminator, sizes, config.activation, packs)[:, 0]


def says(state: GANState, x: np.ndarray) -> np.ndarray:
    """What D says of places x in data units; beside 16 sets of true points where it judges several at once."""
    m, u = state.config.packing, as_float32((x - state.centre) / state.scale)
    real = as_float32((state.real - state.centre) / state.scale)
    beside = [real[k * (m - 1) : (k + 1) * (m - 1)].reshape(1, -1) for k in range(16)]
    a = torch.stack([output(state, torch.cat([u, p.repeat(len(u), 1)], dim=1)) for p in beside]).mean(0)
    return (torch.sigmoid(a) if state.config.loss in PROBABILITIES else a).numpy()


def cell_centres(seen: Seen) -> np.ndarray:
    """Of a field over the whole of its panel, ``(H · W, 2)``, the lowest row first."""
    panel = seen.scene.panels[seen.panel]
    rows, columns = seen.at("values").shape
    x = panel.x[0] + (np.arange(columns) + 0.5) / columns * (panel.x[1] - panel.x[0])
    y = panel.y[0] + (np.arange(rows) + 0.5) / rows * (panel.y[1] - panel.y[0])
    return np.array([(a, b) for b in y for a in x])


def whole_panel(seen: Seen) -> tuple[float, ...]:
    panel = seen.scene.panels[seen.panel]
    return (*panel.x, *panel.y)


# --- The plane: live, and in pairs --------------------------------------------------------------------------


@ORACLES(f"{LIVE}|{PAIRS}", "Field what D says")
def verdict(seen: Seen) -> dict[str, Any]:
    state = state_of(seen)
    values = says(state, cell_centres(seen)).reshape(seen.at("values").shape).astype(float)
    limits = {"hinge": (-1.5, 1.5), "wasserstein-gp": (-2, 2)}.get(state.config.loss, (0, 1))
    if state.config.loss == "wasserstein-gp":
        values = (values - values.mean()) / values.std()
    return {
        "values": About(values, absolute=1e-4),
        "extent": whole_panel(seen),
        "limits": limits,
        "unit": "" if state.config.loss in PROBABILITIES else "score",
    }


@ORACLES(f"{LIVE}|{PAIRS}|modes", "Points real")
def real(seen: Seen) -> dict[str, Any]:
    found = true_points(seen)
    low, high = np.array(whole_panel(seen)).reshape(2, 2).T
    inside = ((found >= low) & (found <= high)).all(axis=1)
    share = np.ptp(found[inside], axis=0).max() / (high - low)[0]
    framed = inside.mean() > 0.97 and 0.4 < share < 0.9
    return {"xy": lambda shown: differs(shown, found) if framed else "the panel does not frame the points"}


def true_points(seen: Seen) -> np.ndarray:
    """800 true points."""
    rng = np.random.default_rng(0)
    if isinstance(seen.config, modes.Config):
        return get_dataset(trained_data(seen.config.modes)).sample(800, rng)
    config = left_of(seen.config)
    points = own_points(config)
    return (
        get_dataset(config.source).sample(800, rng) if points is None else points[rng.integers(len(points), size=800)]
    )


@ORACLES(f"{LIVE}|{PAIRS}", "Points generated")
def generated(seen: Seen) -> dict[str, Any]:
    state = state_of(seen)
    return {"xy": points_of(state, state.noise[:800])}


@ORACLES(f"{LIVE}|{PAIRS}", "Polylines G of a lattice of noise")
def lattice(seen: Seen) -> dict[str, Any]:
    """Lines of equal first, then of equal second noise; their ticks cut the noise into cells of equal probability."""
    state = state_of(seen)
    kind, n = state.config.noise, state.config.n_noise
    ticks = np.linspace(-1, 1, 21) if kind == "uniform" else norm.ppf(0.005 + 0.0495 * np.arange(21))
    if kind == "sphere":
        turn = 2j * np.pi * np.arange(21) / 20
        z = np.stack([np.exp(turn).real, np.exp(turn).imag], axis=1)[None]
    elif n == 1:
        z = ticks[None, :, None]
    else:
        across = [[(a, b) for a in ticks] for b in ticks]
        along = [[(a, b) for b in ticks] for a in ticks]
        z = np.array(across + along)
    xy = points_of(state, z.reshape(-1, n)).reshape(*z.shape[:2], 2)
    return {"xy": About(xy, absolute=1e-5 * float(state.scale))}


def to_length(vectors: np.ndarray, seen: Seen) -> tuple[np.ndarray, float]:
    """Vectors of which nine in ten are shorter than a twentieth of the panel, and what they were multiplied by."""
    vectors = np.nan_to_num(vectors.astype(float), posinf=0, neginf=0)
    usual = np.quantile(np.hypot(*vectors.T), 0.9)
    low, high = seen.scene.panels[seen.panel].x
    factor = float((high - low) / 20 / usual) if usual > 0 else 0.0
    return factor * vectors, factor


def moved(state: GANState) -> tuple[torch.Tensor, torch.Tensor]:
    """The first 120 points of the fixed noise before G's move and after it, standardised, in whole packs."""
    m = state.config.packing
    z = state.noise[: max(120 // m, 1) * m]
    return raw(state, "before", z), raw(state, "generator", z)


@ORACLES(LIVE, r"Arrows where D pulls it \(−gradient\)")
def pulled(seen: Seen) -> dict[str, Any]:
    """Against the gradient of G's loss, of each point's own part."""
    state = state_of(seen)
    start = moved(state)[0]
    x = start.clone().requires_grad_()
    LOSSES[state.config.loss](output(state, x.reshape(len(x) // state.config.packing, -1))).sum().backward()
    assert x.grad is not None
    delta = to_length(-x.grad.numpy(), seen)[0]
    return {"start": state.centre + state.scale * start.numpy(), "delta": About(delta, relative=1e-3, absolute=1e-5)}


@ORACLES(LIVE, "Arrows where it went")
def went(seen: Seen) -> dict[str, Any]:
    state = state_of(seen)
    start, end = moved(state)
    delta, factor = to_length(state.scale * (end - start).numpy(), seen)
    rounding = 1e-6 * factor * state.scale * float(end.abs().max())
    return {
        "start": state.centre + state.scale * start.numpy(),
        "delta": About(delta, absolute=rounding),
    }


@ORACLES(f"{LIVE}|{PAIRS}|modes", "Ellipses 3 σ of each mode")
def rings(seen: Seen) -> dict[str, Any]:
    name = trained_data(seen.config.modes) if isinstance(seen.config, modes.Config) else left_of(seen.config).source
    data, (sigmas,) = get_dataset(name), seen.at("sigmas")
    return {"mean": data.centres, "covariance": [np.diag([(3 * data.sigma / sigmas) ** 2] * 2)] * len(data.centres)}


LIT = {  # of a move: what it makes use of
    "": "",
    "discriminator": "G(z), data x, D, real?; G→G(z), G(z)→D, data x→D, D→real?",
    "generator": "noise z, G, G(z), real?; noise z→G, G→G(z), G(z)→D, D→real?, D→G",
    "both": "noise z, G, G(z), data x, D, real?; noise z→G, G→G(z), G(z)→D, data x→D, D→real?, D→G",
}


@ORACLES(LIVE, "Diagram ")
def who_moves(seen: Seen) -> dict[str, Any]:
    names = [node.text.split("\n")[0] for node in seen.at("nodes")]
    names += [f"{names[edge.start]}→{names[edge.end]}" for edge in seen.at("edges")]
    lit = LIT[state_of(seen).moved].replace(";", ",").split(", ")
    return {"active": [float(name in lit) for name in names]}


# --- Losses -------------------------------------------------------------------------------------------------


@ORACLES(f"{LIVE}|one", "Curve loss of [DG]")
def loss_curve(seen: Seen) -> dict[str, Any]:
    return {"x": updates(seen), "y": loss(seen)}


@ORACLES(LIVE, "Readout loss of [DG]")
def loss_told(seen: Seen) -> Any:
    return number(loss(seen))


def loss(seen: Seen) -> float:
    """That of the player's last minibatch."""
    d_loss, g_loss = state_of(seen).minibatch
    return {"D": d_loss, "G": g_loss}[seen.name[-1]]


@ORACLES(f"{LIVE}|one", "Polylines ", panel=2)
@ORACLES("one", "Polylines ", panel=1)
def cannot_tell(seen: Seen) -> dict[str, Any]:
    """Each loss where D says ½ everywhere, a = 0: −log ½ − log ½ of D; of G log ½ (minimax) or −log ½."""
    config = state_of(seen).config
    of_g = math.log(0.5) if config.loss == "minimax" else -math.log(0.5)
    height = (-2 * math.log(0.5), of_g)[seen.k]
    colour = seen.other(("loss of D", "loss of G")[seen.k]).thing.colour  # type: ignore[union-attr]
    return {"xy": level(height, config.n_steps), "colour": colour}


def level(height: float, last: float) -> list:
    return [[[0, height], [last, height]]]


# --- What the samples are worth -----------------------------------------------------------------------------


def coverage(x: np.ndarray, name: str) -> dict[str, float]:
    """Modes held, high quality in %, and KL(share of each mode ‖ even shares)."""
    data = get_dataset(name)
    if not np.isfinite(x).all():
        return {"modes": 0, "quality": 0, "reverse KL": math.nan}
    distance = np.sqrt(((x[:, None].astype(float) - data.centres) ** 2).sum(axis=-1))
    nearest, good = distance.argmin(axis=1), distance.min(axis=1) < 3 * data.sigma
    share = np.array([(nearest == k).mean() for k in range(len(data.centres))])
    some = share[share > 0]
    return {
        "modes": len(set(nearest[good])),
        "quality": 100 * good.mean(),
        "reverse KL": float((some * np.log(some * len(share))).sum()),
    }


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """W₂: the root of the least mean squared way over all pairings."""
    cost = ((x[:, None].astype(float) - y) ** 2).sum(axis=-1)
    return math.sqrt(cost[linear_sum_assignment(cost)].mean())


@lru_cache(maxsize=8)
def true_distance(name: str) -> float:
    """Mean W₂ of eight pairs of 200 true points."""
    rng, data = np.random.default_rng(1), get_dataset(name)
    return float(np.mean([wasserstein(data.sample(200, rng), data.sample(200, rng)) for _ in range(8)]))


@lru_cache(maxsize=32)
def worth(state: GANState, name: str) -> dict[str, float]:
    return coverage(points_of(state, state.noise), name)


def held(seen: Seen) -> dict[str, float]:
    return worth(judged(seen), left_of(seen.config).source)


def modes_of(seen: Seen) -> int:
    return len(get_dataset(left_of(seen.config).source).centres)


@ORACLES(f"{LIVE}|{PAIRS}", r"Readout ([AB]: )?modes of \d+")
def modes_told(seen: Seen) -> Any:
    of = int(seen.name.rsplit(maxsplit=1)[1])
    return number(held(seen)["modes"]) if of == modes_of(seen) else {"values": lambda _: f"of {modes_of(seen)}"}


@ORACLES(f"{LIVE}|{PAIRS}", "Readout ([AB]: )?high quality")
def quality_told(seen: Seen) -> Any:
    return number(held(seen)["quality"], "%")


@ORACLES(LIVE, "Readout reverse KL")
def reverse_kl_told(seen: Seen) -> Any:
    return number(held(seen)["reverse KL"], "nats")


@ORACLES(f"{LIVE}|{PAIRS}", "Curve (modes held|[AB]: modes)")
def modes_curve(seen: Seen) -> dict[str, Any]:
    return {"x": updates(seen), "y": 100 * held(seen)["modes"] / modes_of(seen)}


@ORACLES(f"{LIVE}|{PAIRS}", "Curve ([AB]: )?high quality")
def quality_curve(seen: Seen) -> dict[str, Any]:
    return {"x": updates(seen), "y": held(seen)["quality"]}


def distance(seen: Seen) -> float:
    """W₂ between 200 generated and 200 true points."""
    state = judged(seen)
    x = points_of(state, state.noise[:200])
    return wasserstein(x, true_points(seen)[:200]) if np.abs(x).max() < 1e6 else math.inf


@ORACLES(f"{LIVE}|{PAIRS}", r"Readout W₂ to the data \(n = 200\)|Readout [AB]: W₂")
def distance_told(seen: Seen) -> Any:
    return number(distance(seen), "standard deviations" if left_of(seen.config).source == "csv" else "")


@ORACLES(f"{LIVE}|{PAIRS}", "Curve ([AB]: )?W₂")
def distance_curve(seen: Seen) -> dict[str, Any]:
    return {"x": updates(seen), "y": distance(seen)}


@ORACLES(LIVE, r"Readout true samples' W₂ \(n = 200\)")
def true_distance_told(seen: Seen) -> Any:
    return number(true_distance(seen.config.source))


@lru_cache(maxsize=8)
def true_quality(name: str) -> float:
    """Of true samples, in %: what is within 3 σ of its own mode, and what is farther off but near another.

    Beyond 3 σ, r² / 2 is 4.5 and an exponential more; its quantiles at evenly spaced angles stand for all of it.
    """
    data = get_dataset(name)
    r = data.sigma * np.sqrt(9 + 2 * expon.ppf((np.arange(30) + 0.5) / 30))
    turn = np.exp(2j * np.pi * (np.arange(60) + 0.5) / 60)
    beyond = (r[:, None] * turn).reshape(-1)
    centres = data.centres @ [1, 1j]
    caught = np.mean([(np.abs(c + beyond[:, None] - centres) < 3 * data.sigma).any(axis=1).mean() for c in centres])
    return float(TRUE_QUALITY + (100 - TRUE_QUALITY) * caught)


@ORACLES(LIVE, "Polylines ", panel=3)
def best_possible(seen: Seen) -> dict[str, Any]:
    """True samples' quality, or their W₂ where no modes are known."""
    last, name = state_of(seen).config.n_steps, seen.config.source
    if "quality" in seen.scene.panels[3].title:
        return {"xy": About(level(true_quality(name), last), relative=0, absolute=0.08)}
    return {"xy": level(true_distance(name), last)}


# --- A/B, and mode collapse ---------------------------------------------------------------------------------


@ORACLES("ab", "Title B: r1 penalty γ: .*")
def said_to_differ(seen: Seen) -> str:
    return f"B: r1 penalty γ: {run_of(seen).at(0).config.r1}"


# --- One dimension ------------------------------------------------------------------------------------------

ENDS, WIDTH = (-3.5, 3.5), 0.05


def cells() -> np.ndarray:
    """Middles of the cells on the axis of x."""
    return ENDS[0] + WIDTH * (np.arange(140) + 0.5)


def density(config: onedim.Config, x: np.ndarray) -> np.ndarray:
    return np.sum([w * norm(m, s).pdf(x) for w, m, s in onedim.HUMPS[config.truth]], axis=0)


@lru_cache(maxsize=8)
def shares(state: GANState) -> np.ndarray:
    """q of each cell: the share of evenly spaced noise that G sends there."""
    x = points_of(state, np.linspace(-1, 1, 40_001)[:, None])[:, 0].astype(float)
    cell = np.floor((x - ENDS[0]) / WIDTH).astype(int)
    return np.array([(cell == k).mean() for k in range(140)])


ROUNDING = 3 / 40_001 / WIDTH
"""What q changes by if three of the 40,001 fall beside the edge of a cell."""


@ORACLES("one", r"Polylines data p\(x\)")
def data_density(seen: Seen) -> dict[str, Any]:
    return {"xy": [np.stack([cells(), density(seen.config, cells())], axis=1)]}


@ORACLES("one", r"Polylines generated q\(x\)")
def generated_density(seen: Seen) -> dict[str, Any]:
    q = np.minimum(shares(state_of(seen)) / WIDTH, 3)
    return {"xy": About([np.stack([cells(), q], axis=1)], absolute=ROUNDING)}


@ORACLES("one", r"Polylines D\(x\)")
def detective(seen: Seen) -> dict[str, Any]:
    d = says(state_of(seen), cells()[:, None])
    return {"xy": [np.stack([cells(), d], axis=1)]}


@ORACLES("one", r"Polylines best D: p ÷ \(p \+ q\)")
def best_detective(seen: Seen) -> dict[str, Any]:
    p, q = density(seen.config, cells()), shares(state_of(seen)) / WIDTH
    best = np.where(p + q > 1e-12, p / (p + q), 0)
    off = ROUNDING / np.maximum(p + q, ROUNDING)  # at most: |∂(p ÷ (p + q)) ∂q| ≤ 1 ÷ (p + q)
    loose = np.stack([np.full(140, 1e-6), np.where(q > 0, off, 1e-6)], axis=1)
    return {"xy": About([np.stack([cells(), best], axis=1)], absolute=loose)}  # type: ignore[arg-type]


@ORACLES("one", r"Polylines noise z to G\(z\)")
def threads(seen: Seen) -> dict[str, Any]:
    """From evenly spaced z at the foot, −1 … 1 drawn on −3 … 3, straight up a little, then to G(z) on the axis."""
    z = np.linspace(-1, 1, 41)
    x = np.stack([3 * z, 3 * z, points_of(state_of(seen), z[:, None])[:, 0]], axis=1)

    def verdict(shown: np.ndarray) -> Any:
        heights, low = shown[0, :, 1], seen.scene.panels[0].y[0]
        if not (low < heights[0] < heights[1] < heights[2] < 0 and np.ptp(shown[..., 1], axis=0).max() == 0):
            return "threads do not run upwards between the foot and the axis"
        return differs(shown[..., 0], About(x, absolute=1e-5))

    return {"xy": verdict}


def jensen_shannon(seen: Seen) -> float:
    """½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q) / 2, of the cells' masses; what lies outside is one more cell."""
    p = WIDTH * density(seen.config, cells())
    q = shares(state_of(seen))
    p, q = (np.append(masses, max(0.0, 1 - masses.sum())) for masses in (p, q))
    m = (p + q) / 2
    return float(sum(0.5 * a[a > 0] @ np.log(a[a > 0] / m[a > 0]) for a in (p, q)))


@ORACLES("one", r"Curve JS\(p ‖ q\)")
def divergence(seen: Seen) -> dict[str, Any]:
    return {"x": updates(seen), "y": About(jensen_shannon(seen), absolute=2e-4)}


@ORACLES("one", r"Readout JS\(p ‖ q\)")
def divergence_told(seen: Seen) -> Any:
    return number(jensen_shannon(seen), "nats", absolute=2e-4)


@ORACLES("one", "Readout 2 JS − 2 log 2")
def highest_value(seen: Seen) -> Any:
    return number(2 * jensen_shannon(seen) - math.log(4), "nats", absolute=4e-4)


def over_data(seen: Seen, function: Callable[[np.ndarray], np.ndarray]) -> float:
    """E_p f(D(x)) within the panel, on a grid ten times as fine."""
    x = np.linspace(*ENDS, 1_401)
    p = density(seen.config, x)
    return float((p * function(says(state_of(seen), x[:, None]).astype(float))).sum() / p.sum())


@ORACLES("one", "Readout D on average at data")
def trust(seen: Seen) -> Any:
    return number(over_data(seen, lambda d: d), absolute=5e-4)


@ORACLES("one", "Readout value of the game V")
def value(seen: Seen) -> Any:
    """E_p log D(x) + E_z log(1 − D(G(z))), z uniform: by Gauss's rule."""
    state = state_of(seen)
    z, weights = np.polynomial.legendre.leggauss(400)
    fooled = says(state, points_of(state, z[:, None])).astype(float)
    at_data = over_data(seen, lambda d: np.log(np.maximum(d, 1e-12)))
    return number(at_data + weights @ np.log(np.maximum(1 - fooled, 1e-12)) / 2, "nats", absolute=3e-3)


# --- Trained long -------------------------------------------------------------------------------------------


def trained_data(name: str) -> str:
    """The data set of a checkpoint."""
    return str(cache.load(name).entry.config["data"])


def stored(name: str, network: str, x: Any) -> np.ndarray:
    """A stored network's output; ReLUs lie between its layers."""
    arrays = cache.arrays(name)
    h = as_float32(x)
    numbers = sorted(int(key.split(".")[1]) for key in arrays if key.startswith(network) and key.endswith("weight"))
    for k in numbers:
        weight, bias = (as_float32(arrays[f"{network}.{k}.{kind}"]) for kind in ("weight", "bias"))
        h = torch.nn.functional.linear(torch.relu(h) if k else h, weight, bias)
    return h.numpy()


@lru_cache(maxsize=4)
def at_the_end(name: str) -> np.ndarray:
    """The stored G's points of the run's fixed noise."""
    entry, arrays = cache.load(name).entry, cache.arrays(name)
    images = load_mnist().train.images.reshape(-1, 784) / 255 if entry.data == "mnist" else None
    extra = {"n_samples": 500} if entry.data == "mnist" else {}
    noise = next(iterate_gan(images, GANConfig(**entry.config, **extra, seed=entry.seed))).noise
    return arrays["centre"] + arrays["scale"] * stored(name, "generator", noise)


def is_last(seen: Seen) -> bool:
    return seen.frame == len(seen.scene.steps) - 1


@ORACLES("modes", "Field what D says at the end")
def verdict_at_the_end(seen: Seen) -> dict[str, Any]:
    arrays = cache.arrays(seen.config.modes)
    a = stored(seen.config.modes, "discriminator", (cell_centres(seen) - arrays["centre"]) / arrays["scale"])
    values = 1 / (1 + np.exp(-a.astype(float))).reshape(seen.at("values").shape)
    return {"values": About(values, absolute=1e-4), "extent": whole_panel(seen), "limits": (0, 1)}


@ORACLES("modes", "Points generated")
def recorded(seen: Seen) -> dict[str, Any]:
    """As recorded; in the last frame what the stored G makes of the same noise."""
    if is_last(seen):
        return {"xy": About(at_the_end(seen.config.modes)[:1000], relative=1e-3, absolute=5e-3)}
    return {"xy": cache.arrays(seen.config.modes)["samples"][seen.frame]}


def counted(seen: Seen, key: str) -> float:
    """As recorded of 2,500 points; which has to fit the 1,000 that are shown, and in the last frame G's own."""
    arrays = cache.arrays(seen.config.modes)
    told = float(arrays[{"reverse KL": "reverse_kl"}.get(key, key)][seen.frame]) * (100 if key == "quality" else 1)
    some = coverage(seen.other("generated").at("xy"), trained_data(seen.config.modes))[key]
    near = {"modes": 0.5 if some == told else 3, "quality": 6, "reverse KL": 0.05 + 0.2 * told}[key]
    assert abs(some - told) < near, f"{key}: recorded {told}, of those shown {some}"
    if is_last(seen):
        return coverage(at_the_end(seen.config.modes), trained_data(seen.config.modes))[key]
    return told


@ORACLES("modes", "Curve modes held")
def modes_so_far(seen: Seen) -> dict[str, Any]:
    of = len(get_dataset(trained_data(seen.config.modes)).centres)
    return {"x": seen.step, "y": 100 * counted(seen, "modes") / of}


@ORACLES("modes", "Curve high quality")
def quality_so_far(seen: Seen) -> dict[str, Any]:
    return {"x": seen.step, "y": About(counted(seen, "quality"), absolute=0.05)}


@ORACLES("modes", r"Readout modes of \d+")
def modes_recorded(seen: Seen) -> Any:
    assert seen.name.endswith(f" {len(get_dataset(trained_data(seen.config.modes)).centres)}")
    return number(counted(seen, "modes"))


@ORACLES("modes", "Readout high quality")
def quality_recorded(seen: Seen) -> Any:
    return number(counted(seen, "quality"), "%", absolute=0.05)


@ORACLES("modes", "Readout reverse KL")
def reverse_kl_recorded(seen: Seen) -> Any:
    return number(counted(seen, "reverse KL"), "nats", absolute=2e-4)


@ORACLES("modes", "Polylines ")
def best_possible_far_apart(seen: Seen) -> dict[str, Any]:
    return {"xy": About(level(TRUE_QUALITY, seen.scene.steps[-1]), relative=0, absolute=0.05)}


@ORACLES("modes", "Readout true samples")
def true_quality_told(seen: Seen) -> Any:
    return number(TRUE_QUALITY, "%", absolute=0.05)


# --- Digits -------------------------------------------------------------------------------------------------


def pictures(values: np.ndarray) -> np.ndarray:
    """Shades 0 … 1, ``(N, 784)``, as 0 paper to 255 ink."""
    return np.round(255 * np.minimum(np.maximum(values, 0), 1)).reshape(-1, 28, 28)


def laid_out(seen: Seen) -> dict[str, Any]:
    """A sheet fills its panel, and each picture is as wide as it is high."""
    count, columns = len(seen.at("pixels")), seen.at("columns")
    panel = seen.scene.panels[seen.panel]
    x0, x1, y0, y1 = whole_panel(seen)
    assert panel.equal
    assert math.isclose((x1 - x0) / columns, (y1 - y0) / math.ceil(count / columns))
    return {"extent": whole_panel(seen)}


def walks(seen: Seen) -> bool:
    return bool(seen.config.digits == "walk")


@ORACLES("digits", "Images .*", panel=0)
def forged(seen: Seen) -> dict[str, Any]:
    """As recorded; of the last epoch, and of the walk, as the stored G draws it (its weights are rounded)."""
    arrays = cache.arrays("gan-digits")
    if walks(seen):
        drawn = arrays["centre"] + arrays["scale"] * stored("gan-digits", "generator", on_the_way(seen)[None])
        return {"pixels": About(pictures(drawn), absolute=1)} | laid_out(seen)
    if is_last(seen):
        return {"pixels": About(pictures(at_the_end("gan-digits")[:40]), absolute=6)} | laid_out(seen)
    return {"pixels": arrays["samples"][seen.frame]} | laid_out(seen)


@ORACLES("digits", "Images .*", panel=1)
def stops_drawn(seen: Seen) -> dict[str, Any]:
    arrays = cache.arrays("gan-digits")
    drawn = arrays["centre"] + arrays["scale"] * stored("gan-digits", "generator", stops(seen.config.seed))
    return {"pixels": About(pictures(drawn), absolute=1)} | laid_out(seen)


def stops(seed: int) -> np.ndarray:
    """Six noises."""
    return np.random.default_rng([seed, 2]).standard_normal((6, 32))


def on_the_way(seen: Seen) -> np.ndarray:
    """Noise on the great circle from one stop to the next, the last one's next being the first: 16 frames each."""
    noises = stops(seen.config.seed)
    a, b = noises[seen.step // 16], noises[(seen.step // 16 + 1) % 6]
    angle = math.acos(a @ b / math.sqrt(a @ a * (b @ b)))
    done = seen.step % 16 / 16
    return (math.sin(angle - done * angle) * a + math.sin(done * angle) * b) / math.sin(angle)


@ORACLES("digits", "Readout stop")
def last_stop(seen: Seen) -> Any:
    return number(seen.step // 16 + 1)


@ORACLES("digits", "Readout length of z")
def length(seen: Seen) -> Any:
    return number(math.sqrt((on_the_way(seen) ** 2).sum()))


@lru_cache(maxsize=1)
def classes_at_the_end() -> np.ndarray:
    """Shares of 500 of G's pictures by class, in %, as the stored CNN sees them."""
    from genmodels.cnn import predict_proba
    from genmodels.recipes.cnn import model_of

    drawn = np.clip(at_the_end("gan-digits"), 0, 1).reshape(-1, 28, 28).astype(np.float32)
    seen_as = predict_proba(model_of(cache.arrays("cnn")), drawn).argmax(axis=1)
    return np.array([100 * (seen_as == digit).mean() for digit in range(10)])


@ORACLES("digits", "Bars share")
def shares_drawn(seen: Seen) -> dict[str, Any]:
    """As recorded; at the end, up to rounded weights, as counted here."""
    recorded = 100 * cache.arrays("gan-digits")["classes"][seen.frame]
    if is_last(seen):
        assert np.abs(recorded - classes_at_the_end()).max() < 1
    return {"height": recorded, "labels": tuple("0123456789")}


def share_of_each(seen: Seen) -> np.ndarray:
    return cache.arrays("gan-digits")["classes"][seen.frame].astype(float)


@ORACLES("digits", "Readout entropy of the classes")
def entropy(seen: Seen) -> Any:
    share = share_of_each(seen)
    return number(-sum(p * math.log(p) for p in share if p > 0), "nats")


@ORACLES("digits", "Readout even shares")
def even_shares(seen: Seen) -> Any:
    return number(math.log(10), "nats")


@ORACLES("digits", "Readout rarest class")
def rarest(seen: Seen) -> Any:
    return number(100 * min(share_of_each(seen)), "%")
