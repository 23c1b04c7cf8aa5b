"""The map: Gauss in four models by torch and written-out samplers; the schema by scipy's Gaussian."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal

from dashboard.scenes.map import gauss, schema
from genmodels.data.planar import get_dataset
from genmodels.store import cache
from tests.oracles import diffusion, latent, vae
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {"gauss": [gauss.Config(11)], "schema": [schema.Config(5)]}
N, STEPS, REST, DIGITS, HIGH = 300, 50, 5, 25, 4.6

# --- A bit of Gauss in every one ----------------------------------------------------------------------------


def step_of(seen: Seen) -> int:
    """It rests for five frames at either end."""
    return int(np.clip(seen.frame - REST, 0, STEPS))


def so_many(n: int, step: int) -> int:
    return int(np.round(n * step / STEPS))


@lru_cache(maxsize=4)
def dots(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 31]).standard_normal((N, 2))


def z_of(seen: Seen) -> np.ndarray:
    return dots(seen.config.seed)


def colours(z: np.ndarray) -> np.ndarray:
    return np.mod(np.angle(z[:, 0] + 1j * z[:, 1]), 2 * np.pi) / (2 * np.pi)


def up(x: Any, by: float = HIGH) -> np.ndarray:
    return np.asarray(x) + np.array([0, by])


@lru_cache(maxsize=4)
def by_gan(seed: int) -> np.ndarray:
    """G(z), standardised."""
    arrays, ring = cache.arrays("gan-ring"), get_dataset("ring8")
    x = latent.through("gan-ring", "generator", dots(seed)).numpy() * arrays["scale"] + arrays["centre"]
    return (x - ring.mean) / np.sqrt(np.diag(ring.covariance).mean())


@lru_cache(maxsize=4)
def by_flow(seed: int) -> list[np.ndarray]:
    ring = diffusion.modes("ring8")
    assert ring is not None
    return [s.x_t for s in diffusion.along_ode(ring.mean, dots(seed), diffusion.learned("dino").alpha_bar, STEPS)]


@lru_cache(maxsize=4)
def by_diffusion(seed: int) -> list[np.ndarray]:
    """DDPM: DDIM with η = 1."""
    network, rng = diffusion.learned("dino"), np.random.default_rng([seed, 32])
    return [s.x_t for s in diffusion.back(network.answer, dots(seed), network.alpha_bar, STEPS, 1.0, rng)]


@ORACLES("gauss", r"Points z ~ N\(0, I\)")
def what_comes_in(seen: Seen) -> dict[str, Any]:
    return {"xy": z_of(seen), "values": colours(z_of(seen))}


@ORACLES("gauss", "Points x", panel=1)
def points_of_gan(seen: Seen) -> dict[str, Any]:
    z, done = z_of(seen), so_many(N, step_of(seen))
    return {"xy": About(np.concatenate([up(by_gan(seen.config.seed)[:done]), z[done:]])), "values": colours(z)}


@ORACLES("gauss", "Points x", panel=2)
def points_of_flow(seen: Seen) -> dict[str, Any]:
    step = step_of(seen)
    return {"xy": About(up(by_flow(seen.config.seed)[step], HIGH * step / STEPS)), "values": colours(z_of(seen))}


@ORACLES("gauss", "Points x", panel=3)
def points_of_diffusion(seen: Seen) -> dict[str, Any]:
    x, step = by_diffusion(seen.config.seed), step_of(seen)
    return {"xy": About(up(x[step], HIGH * step / STEPS), absolute=2e-3), "values": colours(z_of(seen))}


def ways(seen: Seen, ends: np.ndarray) -> dict[str, Any]:
    """Lines to those ends that have been reached since the frame before; the others are nowhere."""
    now = step_of(seen)
    before = int(np.clip(seen.frame - 1 - REST, 0, STEPS))
    lines = np.full((len(ends), 2, 2), np.nan)
    new = slice(so_many(len(ends), before), so_many(len(ends), now))
    lines[new] = np.stack([z_of(seen)[: len(ends)], ends], axis=1)[new]
    return {"xy": About(lines)}


@ORACLES("gauss", "Polylines leaps", panel=0)
def leaps_of_vae(seen: Seen) -> dict[str, Any]:
    at = [up([0.96 * (k % 5 - 2), 0.96 * (2 - k // 5)]) for k in range(DIGITS)]
    return ways(seen, np.array(at))


@ORACLES("gauss", "Polylines leaps", panel=1)
def leaps_of_gan(seen: Seen) -> dict[str, Any]:
    return ways(seen, up(by_gan(seen.config.seed)))


@ORACLES("gauss", r"Images E\[x \| z\]")
def decoded_digits(seen: Seen) -> dict[str, Any]:
    """The first so many codes in torch, and paper; the sheet lies where the leaps end."""
    means = vae.decoded(z_of(seen)[:DIGITS])
    means[so_many(DIGITS, step_of(seen)) :] = 0
    return {"pixels": latent.inked(means), "extent": About((-2.4, 2.4, HIGH - 2.4, HIGH + 2.4))}


@ORACLES("gauss", "Readout step")
def step_told(seen: Seen) -> int:
    return step_of(seen)


@ORACLES("gauss", "Readout digits of the VAE")
def digits_told(seen: Seen) -> dict[str, Any]:
    return {"values": so_many(DIGITS, step_of(seen)), "unit": "of 25"}


@ORACLES("gauss", "Readout points of the GAN")
def points_told(seen: Seen) -> dict[str, Any]:
    return {"values": so_many(N, step_of(seen)), "unit": "of 300"}


# --- What all have in common --------------------------------------------------------------------------------

POINTS, NEW = 60, 120
ACTS = (61, 50, 60)
MEAN, COVARIANCE = np.array([0.3, 0.0]), np.array([[1.6, 1.0], [1.0, 1.3]])


def act_of(seen: Seen) -> int:
    return int(np.searchsorted(np.cumsum(ACTS), seen.frame, side="right"))


def share(seen: Seen, act: int) -> float:
    """How much of an act is over, 0 … 1."""
    return float(np.clip((seen.frame - sum(ACTS[:act])) / (ACTS[act] - 1), 0, 1))


@lru_cache(maxsize=4)
def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The data, and new points from their maximum-likelihood Gaussian."""
    rng = np.random.default_rng(seed)
    data = MEAN + rng.standard_normal((POINTS, 2)) @ np.linalg.cholesky(COVARIANCE).T
    mean, covariance = data.mean(axis=0), np.cov(data.T, bias=True)
    return data, mean + rng.standard_normal((NEW, 2)) @ np.linalg.cholesky(covariance).T


def learned(seen: Seen) -> Any:
    data = drawn(seen.config.seed)[0]
    return multivariate_normal(data.mean(axis=0), np.cov(data.T, bias=True))


def arrived(seen: Seen) -> int:
    return int(np.floor(POINTS * share(seen, 0)))


def made(seen: Seen) -> int:
    return int(np.floor(NEW * share(seen, 1))) if act_of(seen) else 0


@ORACLES("schema", "Points data")
def data_come(seen: Seen) -> dict[str, Any]:
    return {"xy": drawn(seen.config.seed)[0], "count": arrived(seen)}


@ORACLES("schema", "Ellipses model")
def model_follows(seen: Seen) -> dict[str, Any]:
    """Mean and covariance of the points that are there; one point has no width, and before it there is nothing."""
    data = drawn(seen.config.seed)[0][: arrived(seen)]
    if not len(data):
        return {"mean": np.full((1, 2), np.nan), "covariance": np.full((1, 2, 2), np.nan)}
    covariance = np.zeros((2, 2)) if len(data) == 1 else np.cov(data.T, bias=True)
    return {"mean": data.mean(axis=0)[None], "covariance": covariance[None]}


@ORACLES("schema", "Points new points")
def new_points(seen: Seen) -> dict[str, Any]:
    return {"xy": drawn(seen.config.seed)[1], "count": made(seen)}


def probe_at(seen: Seen) -> np.ndarray:
    """There and back along the long axis, 2.4 σ either way."""
    law = learned(seen)
    values, vectors = np.linalg.eigh(law.cov_object.covariance)
    angle = -np.pi / 2 + 2 * np.pi * share(seen, 2)
    return law.mean + 2.4 * np.sin(angle) * np.sqrt(values[1]) * vectors[:, 1]


@ORACLES("schema", "Points probe")
def probe(seen: Seen) -> dict[str, Any]:
    return {"xy": probe_at(seen)[None] if act_of(seen) == 2 else np.full((1, 2), np.nan)}


@ORACLES("schema", r"Field density p\(x\)")
def density(seen: Seen) -> dict[str, Any]:
    """At the middles of 56 × 56 cells, once it is asked for."""
    at = -4 + 8 * (np.arange(56) + 0.5) / 56
    values = learned(seen).pdf(np.stack(np.meshgrid(at, at), axis=-1))
    return {"values": values if act_of(seen) == 2 else np.full((56, 56), np.nan), "extent": About((-4, 4, -4, 4))}


@ORACLES("schema", "Diagram schema")
def lit(seen: Seen) -> dict[str, Any]:
    """The model always; the data and what leads from them, or one of the two uses and what leads there."""
    other = ("data x", "generate\na new x", "evaluate\np(x)")[act_of(seen)]
    nodes, edges = (getattr(seen.thing, name) for name in ("nodes", "edges"))
    on = [node.text in (other, "model\np(x; θ)") for node in nodes]
    return {"active": np.array([*on, *(on[edge.start] and on[edge.end] for edge in edges)], float)}


@ORACLES("schema", "Readout data points")
def data_told(seen: Seen) -> int:
    return arrived(seen)


@ORACLES("schema", "Readout new points")
def new_told(seen: Seen) -> int:
    return made(seen)


@ORACLES("schema", r"Readout p\(x\) at the probe")
def density_told(seen: Seen) -> float:
    return float(learned(seen).pdf(probe_at(seen))) if act_of(seen) == 2 else float("nan")
