"""Flows in training, and compared: zuko's with the same weights, and an ODE solved with autograd's trace."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import zuko

from dashboard.scenes.flows import compare, live
from genmodels.data.planar import get_dataset
from genmodels.flows.flow import FlowConfig
from genmodels.flows.training import iterate_flow
from genmodels.store import cache as store
from tests.oracles.seen import About, Oracles, Seen
from tests.scenes.reading import painted

ORACLES = Oracles()
torch.set_num_threads(1)

# --- A flow with given weights, by zuko ---------------------------------------------------------------------


class Zuko:
    """RealNVP, or the same with splines of 8 bins on −5 … 5, float64; networks read no further than ±5."""

    def __init__(self, arrays: Any, kind: str) -> None:
        self.kind = kind
        weights = [name for name in arrays if name.startswith("layers.") and name.endswith(".weight")]
        self.networks: list[list[tuple[torch.Tensor, torch.Tensor]]] = [
            [] for _ in {name.split(".")[1] for name in weights}
        ]
        for name in sorted(weights, key=lambda name: int(name.split(".")[2])):
            both = (arrays[name], arrays[name.replace("weight", "bias")])
            self.networks[int(name.split(".")[1])].append(tuple(torch.tensor(np.asarray(a, float)) for a in both))

    def curve(self, k: int, kept: torch.Tensor) -> Any:
        """How layer k moves a coordinate, of what the other one is."""
        h = kept.clamp(-5, 5)[:, None]
        for weight, bias in self.networks[k][:-1]:
            h = (h @ weight.T + bias).relu()
        weight, bias = self.networks[k][-1]
        said = h @ weight.T + bias
        if self.kind == "affine":
            return zuko.transforms.MonotonicAffineTransform(said[:, 0], said[:, 1])
        return zuko.transforms.MonotonicRQSTransform(*said.split([8, 8, 7], dim=1), bound=5.0)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """The first layer moves the second coordinate, the next the first."""
        at, total = list(torch.tensor(np.asarray(x, float)).T), torch.zeros(len(x), dtype=torch.float64)
        for k in range(len(self.networks)):
            moved = 1 - k % 2
            at[moved], log_slope = self.curve(k, at[1 - moved]).call_and_ladj(at[moved])
            total += log_slope
        return (total - 0.5 * (at[0] ** 2 + at[1] ** 2) - np.log(2 * np.pi)).numpy()

    def to_x(self, z: np.ndarray) -> np.ndarray:
        at = list(torch.tensor(np.asarray(z, float)).T)
        for k in reversed(range(len(self.networks))):
            moved = 1 - k % 2
            at[moved] = self.curve(k, at[1 - moved]).inv(at[moved])
        return torch.stack(at, dim=1).numpy()


# --- Train it -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def training(config: live.Live) -> tuple[Any, ...]:
    """The trainer's first states, every 20 steps."""
    own: dict[str, Any] = {"standardise": False} if config.is_own else {"data": config.source}
    settings = FlowConfig(
        kind=config.live_kind,
        n_layers=config.live_layers,
        hidden=(32, 32),
        learning_rate=10**config.live_rate,
        n_steps=1_100,
        every=20,
        seed=config.seed,
        **own,
    )
    run = iterate_flow(apart(config)[0] if config.is_own else None, settings)
    return tuple(next(run) for _ in range(4))


def trained(seen: Seen) -> Any:
    return training(seen.config)[seen.step // 20]


@lru_cache(maxsize=16)
def flow_at(config: live.Live, step: int) -> Zuko:
    return Zuko(training(config)[step // 20].arrays(), config.live_kind)


def flow_of(seen: Seen) -> Zuko:
    return flow_at(seen.config, seen.step)


def apart(config: live.Live) -> tuple[np.ndarray, np.ndarray]:
    """What is learned from, and what is held out: a fifth of one's own points, from 20 on."""
    if config.is_own:
        own = config.own()
        rows = np.random.default_rng([config.seed, 6]).permutation(len(own))
        n = len(own) // 5 * (len(own) >= 20)
        return own[rows[n:]], own[rows[:n]]
    dataset = get_dataset(config.source)
    raw = [dataset.sample(n, np.random.default_rng([config.seed, salt])) for n, salt in ((500, 6), (2_000, 7))]
    scale = np.sqrt(np.diag(dataset.covariance).mean())
    return (raw[0] - dataset.mean) / scale, (raw[1] - dataset.mean) / scale


def true_log_prob(source: str, x: np.ndarray) -> np.ndarray:
    """Of standardised points, by the change of variables."""
    dataset = get_dataset(source)
    scale = np.sqrt(np.diag(dataset.covariance).mean())
    return dataset.log_prob(dataset.mean + scale * x) + 2 * np.log(scale)


def scales(config: live.Live) -> float:
    """Σ log scale of one's own points' units; 0 for known data."""
    return float(np.log(config.units.scale).sum())


def cells(extent: tuple[float, ...], n: int) -> np.ndarray:
    """Middles of n × n cells, ``(n², 2)``: the first row is the lowest."""
    x, y = (low + (high - low) * (np.arange(n) + 0.5) / n for low, high in (extent[:2], extent[2:]))
    return np.dstack(np.meshgrid(x, y)).reshape(-1, 2)


@ORACLES("live", r"Field log p\(x\)")
def density(seen: Seen) -> dict[str, Any]:
    panel = seen.scene.panels[seen.panel]
    at = cells((*panel.x, *panel.y), 40)
    values = flow_of(seen).log_prob(at).reshape(40, 40) - scales(seen.config)
    high = 0.5 if seen.config.is_own else true_log_prob(seen.config.source, at).max()
    limits = np.array([high - 6, high]) - scales(seen.config)
    return {"values": About(values, 1e-4, 2e-3), "extent": About((*panel.x, *panel.y)), "limits": About(limits)}


@ORACLES("live", "Points data")
def data(seen: Seen) -> dict[str, Any]:
    return {"xy": apart(seen.config)[0]}


@ORACLES("live", "Points held out")
def unseen(seen: Seen) -> dict[str, Any]:
    return {"xy": apart(seen.config)[1]}


@ORACLES("live", "Points data")
def in_their_own_units(seen: Seen) -> dict[str, Any]:
    """The axes say where a file's points lie: those learned from and those held out are all of them."""
    panel, given = seen.scene.panels[seen.panel], seen.config.as_given()

    def right(shown: np.ndarray) -> bool | str:
        if not seen.config.is_own:
            low, high = shown.min(axis=0), shown.max(axis=0)
            inside = panel.x[0] < low[0] < high[0] < panel.x[1] and panel.y[0] < low[1] < high[1] < panel.y[1]
            return bool(inside and (panel.x_unit, panel.y_unit) == ((0, 1), (0, 1))) or "not in the frame"
        (a, b), (c, d) = panel.x_unit, panel.y_unit
        every = np.concatenate([shown, apart(seen.config)[1]])
        back = every * (b, d) + (a, c)
        return bool(np.allclose(np.sort(back, axis=0), np.sort(given, axis=0)) and np.allclose(every.mean(axis=0), 0))

    return {"xy": right}


@ORACLES("live", "Polylines lattice of z")
def bent(seen: Seen) -> dict[str, Any]:
    """Eleven lines along either axis, from −3 to 3."""
    at, along = np.linspace(-3, 3, 11), np.linspace(-3, 3, 51)
    upright = [[(a, b) for b in along] for a in at]
    level = [[(b, a) for b in along] for a in at]
    z = np.array(upright + level)
    return {"xy": About(flow_of(seen).to_x(z.reshape(-1, 2)).reshape(z.shape), 1e-4, 2e-3)}


@ORACLES("live", "Points samples")
def samples(seen: Seen) -> dict[str, Any]:
    z = np.random.default_rng([seen.config.seed, 101]).standard_normal((300, 2))
    return {"xy": About(flow_of(seen).to_x(z), 1e-4, 2e-3)}


def nats(seen: Seen) -> float:
    """Of what is held out, a point."""
    x = apart(seen.config)[1]
    return float(-flow_of(seen).log_prob(x).mean()) if len(x) else np.nan


@ORACLES("live", "Curve held-out nats|Readout held-out nats")
def held_out(seen: Seen) -> Any:
    return shown_at(seen, About(nats(seen) + scales(seen.config), 1e-4, 1e-4))


@ORACLES("live", "Curve training nats|Readout training nats")
def minibatches(seen: Seen) -> Any:
    """At the start the flow is the identity, and the nats are those of a round Gaussian."""
    state = trained(seen)
    value = state.loss
    if seen.step == 0:
        assert np.array_equal(flow_of(seen).to_x(np.eye(2)), np.eye(2))
        assert abs(value - np.log(2 * np.pi) - 1) < 0.5
    return shown_at(seen, About(value + scales(seen.config), 1e-6, 1e-6))


def shown_at(seen: Seen, value: About) -> Any:
    return {"x": seen.step, "y": value} if "Curve" in seen.name else {"values": value, "unit": "a point"}


def floor(config: Any) -> float:
    return float(-true_log_prob(config.source, apart(config)[1]).mean())


@ORACLES("live", "Readout of the true density")
def least(seen: Seen) -> dict[str, Any]:
    return {"values": About(floor(seen.config), 1e-6, 1e-6), "unit": "a point"}


@ORACLES("live", "Readout gap")
def gap(seen: Seen) -> dict[str, Any]:
    return {"values": About(nats(seen) - floor(seen.config), 1e-3, 1e-4), "unit": "nats"}


@ORACLES("live", "Polylines true density")
def floor_line(seen: Seen) -> dict[str, Any]:
    panel, y = seen.scene.panels[seen.panel], floor(seen.config)
    assert panel.y[0] < y < panel.y[1]
    return {"xy": [[[0, y], [1_100, y]]]}


# --- Three kinds --------------------------------------------------------------------------------------------

TENTHS = (0, 1, 2, 4, 7, 10, 15, 25, 40, 60, 80, 100)
KINDS = ("affine", "spline", "continuous")


class Velocity(torch.nn.Module):
    """x, waves of x, 2t − 1 and waves of t through two hidden layers of ReLU, float64."""

    def __init__(self, arrays: Any) -> None:
        super().__init__()
        self.layers = [
            [torch.tensor(np.asarray(arrays[f"net.{i}.{part}"], dtype=float)) for part in ("weight", "bias")]
            for i in sorted({int(name.split(".")[1]) for name in arrays if name.startswith("net.")})
        ]

    def forward(self, x: torch.Tensor, t: float) -> torch.Tensor:
        waves = torch.cat([x[:, k : k + 1] * torch.tensor([1.0, 2, 4, 8]) for k in (0, 1)], dim=1)
        phases = [np.pi * 2**j * t for j in range(4)]
        level = [2 * t - 1] + [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
        rows = torch.tensor(level).expand(len(x), -1)
        h = torch.cat([x, waves.sin(), waves.cos(), rows], dim=1)
        for weight, bias in self.layers[:-1]:
            h = (h @ weight.T + bias).relu()
        weight, bias = self.layers[-1]
        return h @ weight.T + bias

    def with_trace(self, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.detach().requires_grad_(True)
        v = self(x, t)
        trace = sum(torch.autograd.grad(v[:, k].sum(), x, retain_graph=True)[0][:, k] for k in (0, 1))
        return v.detach(), trace

    def log_prob(self, x: np.ndarray, steps: int = 20) -> np.ndarray:
        """From data back to noise, by the classical Runge–Kutta method in as many steps as the recording took."""
        at, gained, h = torch.tensor(np.asarray(x, dtype=float)), torch.zeros(len(x), dtype=torch.float64), 1 / steps
        for k in range(steps):
            t, end = 1 - k / steps, (steps - k - 1) / steps
            v1, d1 = self.with_trace(at, t)
            v2, d2 = self.with_trace(at - h / 2 * v1, (t + end) / 2)
            v3, d3 = self.with_trace(at - h / 2 * v2, (t + end) / 2)
            v4, d4 = self.with_trace(at - h * v3, end)
            at = at - h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
            gained = gained - h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        return (gained - 0.5 * at.square().sum(1) - np.log(2 * np.pi)).numpy()


@lru_cache(maxsize=40)
def kept(source: str, kind: str, frame: int) -> Zuko | Velocity:
    """As it was after so long."""
    arrays = store.arrays(f"flow-compare-{source}")
    own = {name.partition(".")[2]: a[frame] for name, a in arrays.items() if name.startswith(f"{kind}.")}
    return Velocity(own) if kind == "continuous" else Zuko(own, kind)


@lru_cache(maxsize=40)
def gap_of(source: str, kind: str, frame: int) -> float:
    """Mean of log p_true − log p over 4,000 points."""
    dataset = get_dataset(source)
    raw = dataset.sample(4_000, np.random.default_rng([4_000, 19]))
    x = (raw - dataset.mean) / np.sqrt(np.diag(dataset.covariance).mean())
    return float((true_log_prob(source, x) - kept(source, kind, frame).log_prob(x)).mean())


@ORACLES("compare", r"Field log p\(x\)")
def densities(seen: Seen) -> dict[str, Any]:
    """A velocity's at every third cell: they take long; what lies below −30 was cut off."""
    panel, source, kind = seen.scene.panels[seen.panel], seen.config.source, KINDS[seen.panel]
    extent = {"moons": (-2.9, 2.9, -2.0, 2.0), "ffjord8": (-2.2, 2.2) * 2, "checkerboard": (-2.1, 2.1) * 2}[source]
    at, every = cells(extent, 40), 3 if kind == "continuous" else 1
    values = kept(source, kind, seen.frame).log_prob(at[::every])
    if kind == "continuous":
        values = np.maximum(values, -30)

    def right(shown: np.ndarray) -> bool | str:
        off = np.abs(shown.ravel()[::every] - values)
        return bool((off <= 0.02 + 0.005 * np.abs(values)).all()) or f"off by {off.max():.3g}"

    starts = {"affine": "Affine", "spline": "Splines", "continuous": "Continuous"}[kind]
    assert panel.title.startswith(starts)
    high = true_log_prob(source, at).max()
    return {"values": right, "extent": About(extent), "limits": About((high - 6, high))}


@ORACLES("compare", "Points data")
def some_data(seen: Seen) -> dict[str, Any]:
    dataset = get_dataset(seen.config.source)
    raw = dataset.sample(300, np.random.default_rng([seen.config.seed, 6]))
    return {"xy": (raw - dataset.mean) / np.sqrt(np.diag(dataset.covariance).mean())}


@ORACLES("compare", "(Curve|Readout gap,) (affine|spline|continuous)")
def gaps(seen: Seen) -> dict[str, Any]:
    assert seen.step == 100 * TENTHS[seen.frame], "frames are called by their milliseconds"
    value = About(gap_of(seen.config.source, seen.name.split()[-1], seen.frame), 5e-3, 1e-3)
    if "Curve" in seen.name:
        return {"x": About(TENTHS[seen.frame] / 10), "y": value}
    return {"values": value, "unit": "nats"}


# --- More configs -------------------------------------------------------------------------------------------

CLOUD = np.random.default_rng(3).standard_normal((60, 2)) * [1, 0.4] + [0.3, -0.5]
MORE: dict[str, list[Any]] = {
    "live": [
        live.Live(source="csv", csv=tuple(map(tuple, (CLOUD * [60, 1e-3] + [900, 7]).tolist()))),
        live.Live(source="painted", painted=painted(CLOUD[:15], live.Live.board), live_kind="affine"),
        live.Live(source="checkerboard", live_layers=2, live_rate=-1.0, seed=2),
    ],
    "compare": [compare.Config(source="ffjord8"), compare.Config(source="checkerboard", seed=1)],
}
