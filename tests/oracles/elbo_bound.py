"""What the cues of the page of bounds show in which a q is held over an exact posterior.

The folded plane is written once more (in :mod:`elbo_exact`) and summed over a grid of the test's own; means over q
are sums over another grid, and not Gauss-Hermite; log p(x, z) is differentiated by hand.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from dashboard.scenes.elbo import raising, reparameterise, three_ways
from tests.oracles.elbo_exact import cells, fold
from tests.oracles.handles import with_handles
from tests.oracles.latent import exactly
from tests.oracles.seen import About, Oracles, Seen
from tests.oracles.throughout import throughout

ORACLES = Oracles()
X, SIGMA = {"banana": np.array([-0.3, -0.8]), "lumps": np.array([0.2, 0.5])}, 0.3
MORE: dict[str, list[Any]] = {
    "raise": [
        raising.Raise("lumps", held_1=-0.5, held_2=1.5, held_tilt=10.0),
        raising.Raise("lumps", held_round="forward"),
        raising.Raise("banana", 2.6, -2.6, 2.0, 0.05, -120.0),
    ],
    "three_ways": [
        three_ways.Ways("lumps", held_1=-0.5, held_2=1.5, held_tilt=10.0),
        three_ways.Ways("banana", 2.6, -2.6, 2.0, 0.05, -120.0),
    ],
    "reparameterise": [
        reparameterise.Twice("lumps", True, twice_a=0.02, twice_b=0.5),
        reparameterise.Twice("lumps", twice_1=0.8, twice_2=-1.2, twice_a=0.4, twice_b=0.3, seed=3),
    ],
}
U = np.stack(np.meshgrid(*[np.arange(-7.1, 7.2, 0.4)] * 2), axis=-1).reshape(-1, 2)
SHARES = norm.pdf(U).prod(axis=1) * 0.16


def log_joint(name: str, z: np.ndarray) -> np.ndarray:
    """log p(x, z), ``(N,)``."""
    return norm.logpdf(z).sum(axis=-1) + norm.logpdf(X[name], fold(z), SIGMA).sum(axis=-1)


def likelihood(name: str, z: np.ndarray) -> np.ndarray:
    """log p(x | z), ``(N,)``."""
    return norm.logpdf(X[name], fold(z), SIGMA).sum(axis=-1)


@lru_cache(maxsize=2)
def grid(name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Places ``(N, 2)``, p(z | x) times the cell there, and log p(x)."""
    axes = np.arange(-4.52, 4, 0.05), np.arange(-3.51, 3.6, 0.04)
    z = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    values = log_joint(name, z) + np.log(0.05 * 0.04)
    log_p = float(logsumexp(values))
    return z, np.exp(values - log_p), log_p


@lru_cache(maxsize=2)
def moments(name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean and covariance of p(z | x), and E[log p(z | x)]."""
    z, share, log_p = grid(name)
    mean = share @ z
    return mean, ((z - mean).T * share) @ (z - mean), float(share @ (log_joint(name, z) - log_p))


def held_q(config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of q as it is held."""
    c, s = np.cos(np.pi * config.held_tilt / 180), np.sin(np.pi * config.held_tilt / 180)
    axes = np.array([[c, -s], [s, c]])
    return np.array([config.held_1, config.held_2]), axes @ np.diag([config.held_a**2, config.held_b**2]) @ axes.T


def q_of(seen: Seen, frame: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the ellipse that is drawn."""
    layer = seen.other("q, 1 and 2 σ").thing
    k = seen.frame if frame is None else frame
    return layer.mean[k, 0], layer.covariance[k, 0]  # type: ignore[union-attr]


def draws_of(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Where the nodes of a grid over q are, by the symmetric root of its covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return mean + U @ ((vectors * np.sqrt(values)) @ vectors.T)


@lru_cache(maxsize=512)
def _parts(name: str, mean: tuple[float, ...], covariance: tuple[float, ...]) -> dict[str, float]:
    m, s = np.array(mean), np.array(covariance).reshape(2, 2)
    z = draws_of(m, s)
    log_q = multivariate_normal(m, s).logpdf(z)
    joint, given = log_joint(name, z), likelihood(name, z)
    p_mean, p_covariance, p_log_p = moments(name)
    apart = p_mean - m
    cross = -0.5 * (np.trace(np.linalg.solve(s, p_covariance + np.outer(apart, apart))))
    cross -= 0.5 * np.linalg.slogdet(2 * np.pi * s)[1]
    return {
        "energy": float(SHARES @ joint),
        "entropy": float(-SHARES @ log_q),
        "reconstruction": float(SHARES @ given),
        "prior": float(SHARES @ (log_q - norm.logpdf(z).sum(axis=1))),
        "elbo": float(SHARES @ (joint - log_q)),
        "gap": float(SHARES @ (log_q - joint + grid(name)[2])),
        "turned": float(p_log_p - cross),
    }


def parts(name: str, q: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """All that is told of a q, nats; each sum over q's own grid."""
    return _parts(name, tuple(q[0].tolist()), tuple(q[1].ravel().tolist()))


def of(seen: Seen) -> dict[str, float]:
    return parts(seen.config.held_x, q_of(seen))


def slopes(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∇ log p(x, z), ``(N, 2)``, and its own derivative ``(N, 2, 2)``."""
    apart, j = X[name] - fold(z), np.zeros((len(z), 2, 2))
    j[:, 0, 0], j[:, 0, 1], j[:, 1, 0], j[:, 1, 1] = 0.6, 0.25, 0.6, 1.2 * z[:, 1]
    first = np.einsum("nij,ni->nj", j, apart) / SIGMA**2 - z
    second = -np.einsum("nij,nik->njk", j, j) / SIGMA**2 - np.eye(2)
    second[:, 1, 1] += 1.2 * apart[:, 1] / SIGMA**2
    return first, second


def is_uphill(name: str, before: tuple[np.ndarray, np.ndarray], now: tuple[np.ndarray, np.ndarray]) -> bool:
    """A natural-gradient step, or one along the gradient, or none; and the bound has not fallen."""
    z = draws_of(*before)
    first, second = slopes(name, z)
    g, h = SHARES @ first, np.einsum("n,nij->ij", SHARES, second)
    precision, after = (np.linalg.inv(q[1]) for q in (before, now))
    values, vectors = np.linalg.eigh(-h)
    towards = (vectors * np.abs(values)) @ vectors.T - precision
    eta = float((towards * (after - precision)).sum() / (towards**2).sum())
    moved = now[0] - before[0]
    natural = (
        0 < eta <= 1 + 1e-6
        and np.abs(after - precision - eta * towards).max() < 1e-4 * np.abs(after).max()
        and np.abs(moved - eta * now[1] @ g).max() < 1e-4
    )
    along = abs(moved @ [-g[1], g[0]]) < 1e-4 * np.hypot(*g) * np.hypot(*moved) + 1e-7 and moved @ g >= 0
    return bool(natural or along) and parts(name, now)["elbo"] > parts(name, before)["elbo"] - 1e-6


def covering(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """The q whose moments are a share of the way from those of q to those of p."""
    t, (m, s) = seen.frame / (len(seen.scene.steps) - 1), held_q(seen.config)
    p_mean, p_covariance, _ = moments(seen.config.held_x)
    mean = m + t * (p_mean - m)
    second = (1 - t) * (s + np.outer(m, m)) + t * (p_covariance + np.outer(p_mean, p_mean))
    return mean, second - np.outer(mean, mean)


@ORACLES("raise|three_ways|reparameterise", "Field p.z . x.")
def posterior(seen: Seen) -> dict[str, Any]:
    shape, name = seen.at("values").shape, seen.config.held_x
    p = density(name, seen.at("extent"), shape)
    return {"values": About(p, relative=1e-4, absolute=1e-6), "limits": About((0, p.max()), relative=1e-4)}


@lru_cache(maxsize=8)
def density(name: str, extent: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """p(z | x) at the cells' centres."""
    return np.exp(log_joint(name, cells(extent, shape)) - grid(name)[2]).reshape(shape)


@ORACLES("raise|three_ways", "Ellipses q.*")
@throughout
def ellipse(seen: Seen) -> dict[str, Any]:
    """As it is held; then uphill from frame to frame, or with moments ever nearer to p's. Its handles are on it."""
    here = q_of(seen)
    expected = here
    if seen.frame == 0:
        expected = held_q(seen.config)
    elif getattr(seen.config, "held_round", "reverse") == "forward":
        expected = covering(seen)
    elif not is_uphill(seen.config.held_x, q_of(seen, seen.frame - 1), here):
        expected = q_of(seen, seen.frame - 1)
    return {
        "mean": About(expected[0][None], relative=1e-6, absolute=1e-6),
        "covariance": About(expected[1][None], relative=1e-6, absolute=1e-6),
        "sigmas": exactly((1, 2)),
        "name": lambda _: on_ellipse(seen, here),
    }


def on_ellipse(seen: Seen, q: tuple[np.ndarray, np.ndarray]) -> bool | str:
    """The handles: in the middle, and at the ends of both half-axes at 1 σ, at a right angle."""
    at = {handle.name: handle.at[seen.frame] for handle in seen.scene.handles}
    arms = np.array([at["axis 1"] - at["mean"], at["axis 2"] - at["mean"]])
    fits = np.abs(arms.T @ arms - q[1]).max() < 1e-6 and abs(arms[0] @ arms[1]) < 1e-6
    return bool(fits and np.abs(at["mean"] - q[0]).max() < 1e-9) or f"handles {at}"


@lru_cache(maxsize=2)
def best(name: str) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """The q with the highest bound of all that Newton's way finds from four starts, and its bound."""
    found = []
    for start in ((0.8, -1.2), (-0.2, 1.5), (-0.2, -0.6), (0.0, 0.0)):
        m, s = np.array(start), 0.1 * np.eye(2)
        for _ in range(80):
            first, second = slopes(name, draws_of(m, s))
            h = -np.einsum("n,nij->ij", SHARES, second)
            values, vectors = np.linalg.eigh(h)
            s = np.linalg.inv(0.5 * np.linalg.inv(s) + 0.5 * (vectors * np.abs(values)) @ vectors.T)
            m = m + 0.5 * s @ (SHARES @ first)
        found.append(((m, s), parts(name, (m, s))["elbo"]))
    return max(found, key=lambda one: one[1])


@ORACLES("raise", "Ellipses nearest.*")
def nearest(seen: Seen) -> dict[str, Any]:
    name = seen.config.held_x
    mean, covariance = best(name)[0] if seen.config.held_round == "reverse" else moments(name)[:2]
    return {
        "mean": About(mean[None], absolute=2e-3),
        "covariance": About(covariance[None], absolute=2e-3),
        "sigmas": exactly((1, 2)),
    }


def rectangle(corners: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, low, high of a rectangle's corners."""
    assert len(np.unique(corners, axis=0)) <= 4
    (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(right), float(low), float(high)


def column(seen: Seen, low: float, high: float) -> dict[str, Any]:
    """A column from low to high, as far as the panel shows it; as wide as the others."""
    bottom = seen.scene.panels[seen.panel].y[0]
    left, right, at, top = rectangle(seen.at("xy")[0])
    wanted = [0, 1, max(low, bottom), max(high, bottom)]
    return {"xy": lambda _: bool(np.allclose([left, right, at, top], wanted, atol=1e-4)) or f"{at} … {top}, {wanted}"}


@ORACLES("raise", "Polylines ", panel=1)
@throughout
def both_parts(seen: Seen) -> dict[str, Any]:
    """The lower one is the bound, the upper one the gap: they end at log p(x)."""
    bottom = seen.scene.panels[1].y[0]
    gap, log_p = of(seen)["gap"], grid(seen.config.held_x)[2]
    return column(seen, log_p - gap, log_p) if seen.k else column(seen, bottom, of(seen)["elbo"])


@ORACLES("raise", "Polylines log p.*|Polylines best.*")
def levels(seen: Seen) -> dict[str, Any]:
    name = seen.config.held_x
    level = grid(name)[2] if "log p" in seen.name else best(name)[1]
    line = seen.at("xy")[0]
    return {"xy": About([[[line[0, 0], level], [line[1, 0], level]]], absolute=1e-4)}


@ORACLES("raise", "Labels ")
@throughout
def words(seen: Seen) -> dict[str, Any]:
    """Each beside the middle of its part; that of the bound only where there is room."""
    bottom, log_p = seen.scene.panels[1].y[0], grid(seen.config.held_x)[2]
    level = max(of(seen)["elbo"], bottom)
    at = seen.at("at")
    here = np.isfinite(at[:, 0])
    middles = np.array([(level + bottom) / 2, (level + log_p) / 2])
    fits = np.allclose(at[here, 1], middles[here], atol=1e-4) and (at[here, 0] < 0).all() and here[1]
    roomy = (
        here[0] == (level - bottom > 0.08 * (log_p - bottom)) or abs(level - bottom - 0.08 * (log_p - bottom)) < 0.01
    )
    return {"at": lambda _: bool(fits and roomy) or f"{at}, {middles}", "texts": ("ELBO", "KL(q ‖ p)")}


NUMBERS = {"ELBO": "elbo", "KL(q ‖ p)": "gap", "KL(p ‖ q)": "turned"}


@ORACLES("raise", "Readout .*|Curve .*")
@throughout
def numbers(seen: Seen) -> dict[str, Any]:
    """Printed numbers may be moved by a quarter of their last digit, so that they add up as printed."""
    name = seen.thing.name  # type: ignore[union-attr]
    if name == "log p(x)":
        value = grid(seen.config.held_x)[2]
    elif name == "ELBO, best Gaussian":
        value = best(seen.config.held_x)[1]
    else:
        value = of(seen)[NUMBERS[name]]
    about = About(value, relative=1e-5, absolute=5e-5)
    if "Curve" in seen.name:
        return {"y": about}
    return {"values": about, "unit": "nats", "digits": exactly(4)}


# --- three ways ---------------------------------------------------------------------------------------------

WAYS = (("energy", "entropy", 1), ("reconstruction", "prior", -1), ("log p", "gap", -1))


def signed(seen: Seen) -> dict[str, float]:
    """What the three ways add up, with log p(x) among them."""
    return {**of(seen), "log p": grid(seen.config.held_x)[2]}


@ORACLES("three_ways", "Polylines ")
@throughout
def bar(seen: Seen) -> dict[str, Any]:
    """The first of a pair begins at 0, the second where the first has ended; both as far as the picture goes."""
    told, panel = signed(seen), seen.scene.panels[1]
    first, second, sign = WAYS[seen.k // 2]
    ends = (0.0, told[first]) if seen.k % 2 == 0 else (told[first], told[first] + sign * told[second])
    left, right, low, high = rectangle(seen.at("xy")[0])
    wanted = sorted(np.clip(ends, *panel.x).tolist())
    name = panel.y_names[round((low + high) / 2)].strip("+− ")
    named = name == ("energy", "entropy", "reconstruction", "KL to prior", "log p(x)", "gap")[seen.k]
    fits = np.allclose([left, right], wanted, atol=1e-4) and 0.5 < high - low < 1
    return {"xy": lambda _: bool(fits and named) or f"{left} … {right}, expected {wanted}, at {name}"}


@ORACLES("three_ways", "Polylines ELBO")
@throughout
def where_all_end(seen: Seen) -> dict[str, Any]:
    panel, line = seen.scene.panels[1], seen.at("xy")[0]
    x = float(np.clip(of(seen)["elbo"], *panel.x))
    return {"xy": About([[(x, line[0, 1]), (x, line[1, 1])]], absolute=1e-4)}


@ORACLES("three_ways", "Labels ")
def titles(seen: Seen) -> dict[str, Any]:
    """Each over the two bars of its way."""
    at, names = seen.at("at"), seen.scene.panels[1].y_names
    below = [names[int(y)] for y in at[:, 1]]
    texts = ("− free energy", "− the VAE's loss", "log p(x) − gap")
    return {"at": lambda _: below == ["energy", "reconstruction", "log p(x)"] or below, "texts": texts}


PIECES = {
    "ELBO": "elbo",
    "energy": "energy",
    "entropy": "entropy",
    "reconstruction": "reconstruction",
    "KL to the prior": "prior",
    "log p(x)": "log p",
    "gap": "gap",
}


@ORACLES("three_ways", "Readout .*")
@throughout
def pieces(seen: Seen) -> dict[str, Any]:
    """Moved by three quarters of the last digit at most, so that all three lines add up as printed."""
    value = signed(seen)[PIECES[seen.thing.name]]  # type: ignore[union-attr]
    return {"values": About(value, relative=1e-5, absolute=9e-5), "unit": "nats", "digits": exactly(4)}


# --- reparameterise -----------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def both_slopes(config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Single draws by the score function and reparameterised, ``(2, 200, 2)``, and the slope in q's mean."""
    sigma = np.array([config.twice_a, config.twice_b])
    mean = np.array([config.twice_1, config.twice_2])
    z = mean + sigma * np.random.default_rng([config.seed, 18]).standard_normal((200, 2))
    f = log_joint(config.held_x, z) - norm.logpdf(z, mean, sigma).sum(axis=1)
    others = np.array([np.delete(f, k).mean() for k in range(200)]) if config.twice_base else 0.0
    score = (f - others)[:, None] * (z - mean) / sigma**2
    first, _ = slopes(config.held_x, draws_of(mean, np.diag(sigma**2)))
    return np.stack([score, slopes(config.held_x, z)[0]]), SHARES @ first


def scale(config: Any) -> float:
    """Plane's units for a nat per unit: an arrow on the right has a root mean square length of 0.8."""
    return float(0.8 / np.sqrt(np.square(both_slopes(config)[0][1]).sum(axis=1).mean()))


@ORACLES("reparameterise", "Ellipses q.*")
def narrow(seen: Seen) -> dict[str, Any]:
    config = seen.config
    m, a, b = np.array([config.twice_1, config.twice_2]), config.twice_a, config.twice_b
    at = {"mean": m, "σ₁": (m[0] + 2 * a, m[1]), "σ₂": (m[0], m[1] + 2 * b)}
    return {
        "mean": m[None],
        "covariance": About(np.diag([a**2, b**2])[None], absolute=1e-9),
        "sigmas": exactly((2,)),
        **with_handles(seen, at),
    }


@ORACLES("reparameterise", "Arrows .*")
@throughout
def arrows(seen: Seen) -> dict[str, Any]:
    """From q's mean; all draws so far, their mean, the slope; to one scale in both panels."""
    config, n = seen.config, seen.step
    each, slope = both_slopes(config)
    each = each[seen.panel]
    delta = {
        "one draw each": np.where(np.arange(200)[:, None] < n, each, np.nan),
        "their mean": each[:n].mean(axis=0)[None],
        "the slope": slope[None],
    }[seen.thing.name]  # type: ignore[union-attr]
    start = np.tile([config.twice_1, config.twice_2], (len(delta), 1))
    return {"start": start, "delta": About(scale(config) * delta, relative=1e-4, absolute=1e-4)}


@ORACLES("reparameterise", "Curve .*")
@throughout
def misses(seen: Seen) -> dict[str, Any]:
    each, slope = both_slopes(seen.config)
    k = ("score function", "reparameterised").index(seen.thing.name)  # type: ignore[union-attr]
    off = np.hypot(*(each[k, : seen.step].mean(axis=0) - slope))
    return {"y": About(off, relative=1e-4, absolute=1e-5), "x": exactly(seen.step)}


@ORACLES("reparameterise", "Readout .*")
def spreads(seen: Seen) -> dict[str, Any]:
    far, near = (np.sqrt(np.cov(each.T, ddof=0).trace()) for each in both_slopes(seen.config)[0])
    value, unit = {
        "spread, score function": (far, "nats/unit"),
        "spread, reparameterised": (near, "nats/unit"),
        "times as wide": (far / near, "×"),
        "draws for the same error": ((far / near) ** 2, "×"),
    }[seen.thing.name]  # type: ignore[union-attr]
    return {"values": About(value), "unit": unit}
