"""An energy in training: the network by torch, Z by Simpson's rule over other places than the scene's."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.integrate import simpson

from dashboard.scenes.energy import learn
from genmodels.data.planar import get_dataset
from genmodels.energy.training import EnergyConfig, iterate_energy
from genmodels.states import DivergedError
from tests.oracles.flows_live import apart, true_log_prob
from tests.oracles.seen import About, Oracles, Seen
from tests.scenes.reading import painted

ORACLES = Oracles()
torch.set_num_threads(1)
SPREAD, WAVES, FINE = 1.5, (1.0, 2.0, 4.0), 241


@lru_cache(maxsize=8)
def states(config: learn.Learn) -> tuple[Any, ...]:
    """The trainer's first states, every 20 steps, as far as it came."""
    own: dict[str, Any] = {"standardise": False} if config.is_own else {"data": config.source}
    settings = EnergyConfig(
        method=config.chains,
        chain_steps=config.chain_steps,
        chain_step=config.chain_step,
        adjusted=False,
        negative=config.negative,
        learning_rate=10**config.learn_rate,
        n_steps=1_200,
        every=20,
        seed=config.seed,
        **own,
    )
    run = iterate_energy(apart(config)[0] if config.is_own else None, settings)
    found: list[Any] = []
    with suppress(DivergedError):
        for _ in range(4):
            found.append(next(run))
    return tuple(found)


def energy(config: learn.Learn, step: int, x: np.ndarray) -> np.ndarray:
    """f of x and of its waves, and the wide Gaussian's."""
    arrays = states(config)[step // 20].arrays()
    found = {name: torch.tensor(np.asarray(a, dtype=float)) for name, a in arrays.items() if name.startswith("net")}
    at = torch.tensor(np.asarray(x, dtype=float))
    h = torch.cat([at, *((w * at).sin() for w in WAVES), *((w * at).cos() for w in WAVES)], dim=1)
    for i in range(3):
        h = h @ found[f"net.{i}.weight"].T + found[f"net.{i}.bias"]
        h = torch.nn.functional.silu(h) if i < 2 else h
    return (h[:, 0] + at.square().sum(1) / (2 * SPREAD**2)).numpy()


NODES = np.linspace(-8, 8, FINE)
PLACES = np.dstack(np.meshgrid(NODES, NODES)).reshape(-1, 2)


@lru_cache(maxsize=32)
def log_z(config: learn.Learn, step: int) -> float:
    """log ∫ e^{−E} over −8 … 8 either way."""
    low = -energy(config, step, PLACES)
    return float(low.max() + np.log(integral(np.exp(low - low.max()))))


@lru_cache(maxsize=32)
def beyond_the_grid(config: learn.Learn, step: int) -> bool:
    """Whether a thousandth of p lies within 0.2 of the edge, or three tenths in one cell."""
    low = -energy(config, step, cells())
    share = np.exp(low - low.max())
    share /= share.sum()
    return bool(share[np.abs(cells()).max(axis=1) > 7.8].sum() > 0.001 or share.max() > 0.3)


def unless_beyond(seen: Seen, value: About) -> About:
    return About(np.nan) if beyond_the_grid(seen.config, seen.step) else value


def integral(values: np.ndarray) -> float:
    return float(simpson(simpson(values.reshape(FINE, FINE), x=NODES), x=NODES))


def surprise(config: learn.Learn, step: int, x: np.ndarray) -> float:
    """Mean of −log p_θ."""
    return float(energy(config, step, x).mean()) + log_z(config, step) if len(x) else np.nan


@lru_cache(maxsize=32)
def kl(config: learn.Learn, step: int) -> float:
    """Cross-entropy less entropy; of the checkerboard, which jumps, over many points of it."""
    dataset = get_dataset(config.source)
    entropy = dataset.entropy - np.log(np.diag(dataset.covariance).mean())
    if config.source == "checkerboard":
        x = (dataset.sample(60_000, np.random.default_rng(1)) - dataset.mean) / dataset.scale
        return surprise(config, step, x) - entropy
    p = np.exp(true_log_prob(config.source, PLACES))
    return integral(p * energy(config, step, PLACES)) + log_z(config, step) - entropy


def scales(config: learn.Learn) -> float:
    """Σ log scale of one's own points' units; 0 for known data."""
    return float(np.log(config.units.scale).sum())


def cells() -> np.ndarray:
    """Middles of 160 × 160 cells, ``(25,600, 2)``: the first row is the lowest."""
    side = -8 + 16 * (np.arange(160) + 0.5) / 160
    return np.dstack(np.meshgrid(side, side)).reshape(-1, 2)


def in_picture(config: learn.Learn) -> tuple[np.ndarray, About]:
    """Which cells, as slices of each side, cover the picture, and to where they reach."""
    farthest = max(abs(end) for side in config.frame() for end in side)
    inside = [k for k in range(160) if abs(-8 + 0.1 * (k + 0.5)) - 0.05 < farthest - 1e-9]
    half = 0.05 * len(inside)
    return np.ix_(inside, inside), About((-half, half, -half, half))


@ORACLES("learn", r"Field log p\(x\)")
def density(seen: Seen) -> dict[str, Any]:
    config = seen.config
    values = -energy(config, seen.step, cells()) - log_z(config, seen.step) - scales(config)
    high = 0.5 if config.is_own else true_log_prob(config.source, cells()).max()
    limits = np.array([high - 6, high]) - scales(config)

    seen_cells, extent = in_picture(config)
    values = values.reshape(160, 160)[seen_cells]

    def but_for_z(shown: np.ndarray) -> bool | str:
        return np.ptp(np.asarray(shown, float) - values) < 0.01 or "not −E and a constant"

    right = but_for_z if beyond_the_grid(config, seen.step) else About(values, 1e-4, 5e-3)
    return {
        "values": right,
        "extent": extent,
        "limits": About(limits),
    }


@ORACLES("learn", r"Field E\(x\) above its lowest")
def landscape(seen: Seen) -> dict[str, Any]:
    values = energy(seen.config, seen.step, cells())
    seen_cells, extent = in_picture(seen.config)
    shown = About((values - values.min()).reshape(160, 160)[seen_cells], 1e-4, 2e-3)
    return {"values": shown, "extent": extent, "limits": (0.0, 12.0)}


@ORACLES("learn", "Points data")
def data(seen: Seen) -> dict[str, Any]:
    return {"xy": apart(seen.config)[0]}


@ORACLES("learn", "Points chains")
def chains(seen: Seen) -> dict[str, Any]:
    """The trainer's; it has none if Z is summed over a grid."""
    at = states(seen.config)[seen.step // 20].chains
    return {"xy": np.full((256, 2), np.nan) if seen.config.chains == "exact" else at}


@ORACLES("learn", "Curve held-out nats|Readout held-out nats")
def held_out(seen: Seen) -> Any:
    nats = surprise(seen.config, seen.step, apart(seen.config)[1]) + scales(seen.config)
    value = unless_beyond(seen, About(nats, 1e-4, 5e-3))
    return {"x": seen.step, "y": value} if "Curve" in seen.name else {"values": value, "unit": "a point"}


@ORACLES("learn", r"(Curve|Readout) KL\(data ‖ p\)")
def divergence(seen: Seen) -> Any:
    off = 0.03 if seen.config.source == "checkerboard" else 5e-3
    value = unless_beyond(seen, About(kl(seen.config, seen.step), 1e-3, off))
    return {"x": seen.step, "y": value} if "Curve" in seen.name else {"values": value, "unit": "nats"}


@ORACLES("learn", "(Curve|Readout) p where no data are")
def stray(seen: Seen) -> Any:
    """p outside the level of log p_data above which 99.9 % of many points of the data lie."""
    config, dataset = seen.config, get_dataset(seen.config.source)
    x = (dataset.sample(100_000, np.random.default_rng(2)) - dataset.mean) / dataset.scale
    level = np.quantile(true_log_prob(config.source, x), 0.001)
    there = true_log_prob(config.source, cells()) < min(level, true_log_prob(config.source, x).max() - 0.1)
    share = float(np.exp(-energy(config, seen.step, cells()) - log_z(config, seen.step))[there].sum() * 0.01)
    if "Curve" in seen.name:
        return {"x": seen.step, "y": unless_beyond(seen, About(share, 0.03, 0.01))}
    return {"values": unless_beyond(seen, About(100 * share, 0.03, 1.0)), "unit": "%"}


@ORACLES("learn", "Readout log Z")
def normaliser(seen: Seen) -> dict[str, Any]:
    value = About(log_z(seen.config, seen.step) + scales(seen.config), 1e-4, 5e-3)
    return {"values": unless_beyond(seen, value), "unit": "nats"}


@ORACLES("learn", r"Readout E\(data\) − E\(chains\)")
def contrast(seen: Seen) -> dict[str, Any]:
    """The trainer's own; held in its tests."""
    return {"values": About(states(seen.config)[seen.step // 20].contrast), "unit": "nats"}


@ORACLES("learn", "Polylines ")
def zero(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[0, 0], [1_200, 0]]]}


CLOUD = np.random.default_rng(3).standard_normal((60, 2)) * [1, 0.4] + [0.3, -0.5]
MORE: dict[str, list[Any]] = {
    "learn": [
        learn.Learn(source="csv", csv=tuple(map(tuple, (CLOUD * [60, 1e-3] + [900, 7]).tolist()))),
        learn.Learn(source="painted", painted=painted(CLOUD[:15], learn.Learn.board), chains="persistent"),
        learn.Learn(source="checkerboard", chains="exact", seed=2),
        learn.Learn(source="ffjord8", chains="replay", chain_steps=10),
        learn.Learn(negative=0.0),
    ]
}
