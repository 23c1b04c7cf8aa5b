"""What the first and the last cue of the page on flows have to show.

The bent curve is written once more here, its slopes by differences and its inverse by halving; log p of a flow is
that of its z and of a determinant by differences; areas, quantiles and distances come from scikit-learn and scipy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import integrate, stats
from sklearn.metrics import roc_auc_score

from dashboard.scenes.flows import change, used
from genmodels.data.planar import get_dataset
from genmodels.flows.flow import Flow
from genmodels.store import cache
from tests.oracles.contours import centres, level_line
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE: dict[str, list[Any]] = {
    "change": [
        change.Config(match=True, seed=4),
        change.Config(bend="-2.6,-2.9,-2.5,0.5,1.5,0.7,2.9,2.9", mark_a=-2.9, mark_b=2.95),
        change.Config(bend="-0.5,-3,-0.4,-1.5,0,1.5,0.1,2.8", mark_a=1.0, mark_b=1.05, match=True),
        change.Config(bend="-2,-2,-1,-1,1,1,2,2", mark_a=0.5, mark_b=-0.5),
    ],
    "used": [
        used.Config(strangers="between", threshold=-1.5),
        used.Config(strangers="other", source="checkerboard", threshold=-12.0),
        used.Config(use="shell", seed=3),
    ],
}
EDGE, BELOW, BESIDE, TALL, ROOM = 3.2, -4.5, 3.4, 3.2, 2.9


# --- the curve, once more ---------------------------------------------------------------------------------------


def knots(config: change.Config) -> np.ndarray:
    return np.array(config.bend.split(","), dtype=float).reshape(4, 2)


def curve(config: change.Config, z: np.ndarray) -> np.ndarray:
    """g(z): Gregory & Delbourgo's quotient between knots, straight lines beyond them."""
    (zs, xs), z = knots(config).T, np.asarray(z, dtype=float)
    h, rise = np.diff(zs), np.diff(xs)
    d = [rise[0] / h[0]]
    for k in (1, 2):
        w_before, w_after = 2 * h[k] + h[k - 1], h[k] + 2 * h[k - 1]
        # Fritsch & Butland's mean as PCHIP writes it
        d.append((w_before + w_after) / (w_before * h[k - 1] / rise[k - 1] + w_after * h[k] / rise[k]))
    d.append(rise[2] / h[2])
    x = np.where(z < zs[0], xs[0] + d[0] * (z - zs[0]), xs[3] + d[3] * (z - zs[3]))
    for k in range(3):
        t = (z - zs[k]) / h[k]
        s = rise[k] / h[k]
        over = xs[k + 1] * t**2 + (xs[k + 1] * d[k] + xs[k] * d[k + 1]) / s * t * (1 - t) + xs[k] * (1 - t) ** 2
        under = t**2 + (d[k] + d[k + 1]) / s * t * (1 - t) + (1 - t) ** 2
        x = np.where((z >= zs[k]) & (z <= zs[k + 1]), over / under, x)
    return x


def lifted(seen: Seen, z: np.ndarray) -> np.ndarray:
    share = seen.step / 100
    return (1 - share) * np.asarray(z) + share * curve(seen.config, z)


def slope(seen: Seen, z: np.ndarray, by: float = 1e-6) -> np.ndarray:
    return (lifted(seen, z + by) - lifted(seen, z - by)) / (2 * by)


def origin(seen: Seen, x: np.ndarray) -> np.ndarray:
    """z of x, by halving."""
    low, high = np.full(np.shape(x), -700.0), np.full(np.shape(x), 700.0)
    for _ in range(70):
        middle = (low + high) / 2
        below = lifted(seen, middle) < x
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def density(seen: Seen, x: np.ndarray) -> np.ndarray:
    z = origin(seen, np.asarray(x, dtype=float))
    return stats.norm.pdf(z) / slope(seen, z)


def marks(config: change.Config) -> tuple[float, float]:
    """A and B; those that are nearer than a tenth are moved apart."""
    a, b = config.mark_a, config.mark_b
    if abs(a - b) < 0.1:
        sign = 1 if b >= a else -1
        a, b = (a + b) / 2 - 0.05 * sign, (a + b) / 2 + 0.05 * sign
    return a, b


def ends(config: change.Config) -> np.ndarray:
    return np.sort(marks(config))


def near(got: Any, want: Any, by: float = 1e-4) -> bool | str:
    off = np.abs(np.asarray(got, dtype=float) - np.asarray(want, dtype=float))
    return True if not off.size or float(off.max()) <= by else f"off by {off.max():.3g}"


def to_match(seed: int, x: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng([seed, 5])
    share, left, right = rng.uniform(0.35, 0.65), *(rng.uniform(0.9, 1.5, 2) * [-1, 1])
    wide = rng.uniform(0.35, 0.6, 2)
    return share * stats.norm.pdf(x, left, wide[0]) + (1 - share) * stats.norm.pdf(x, right, wide[1])


# --- change -----------------------------------------------------------------------------------------------------


@ORACLES("change", "Polylines ", panel=0)
def axes(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[-EDGE, BELOW], [EDGE, BELOW]], [[BESIDE, -EDGE], [BESIDE, EDGE]]]}


@ORACLES("change", r"Polylines p\(z\)")
def the_bell(seen: Seen) -> dict[str, Any]:
    def bell(xy: np.ndarray) -> bool | str:
        z, y = xy[0][np.isfinite(xy[0, :, 0])].T
        whole = z.min() < -3.0 and z.max() > 3.0 and np.diff(z).max() < 0.4
        return near(y, BELOW + TALL * stats.norm.pdf(z)) if whole else "not all of the bell"

    return {"xy": bell}


@ORACLES("change", r"Polylines x = g\(z\)")
def the_curve(seen: Seen) -> dict[str, Any]:
    def rising(xy: np.ndarray) -> bool | str:
        z, x = xy[0][np.isfinite(xy[0, :, 0])].T
        grid = np.linspace(-EDGE, EDGE, 400)
        inside = grid[np.abs(lifted(seen, grid)) <= EDGE]
        whole = z.min() - inside.min() < 0.2 and inside.max() - z.max() < 0.2
        return near(x, lifted(seen, z), 3e-4 * max(1.0, np.abs(slope(seen, z)).max())) if whole else "not all of it"

    a, b = marks(seen.config)
    places = {f"knot {k + 1}": at for k, at in enumerate(knots(seen.config))}
    return {"xy": rising} | with_handles(seen, places | {"A": [a, BELOW], "B": [b, BELOW]})


@ORACLES("change", r"Polylines p\(x\)")
def the_other(seen: Seen) -> dict[str, Any]:
    def turned(xy: np.ndarray) -> bool | str:
        y, x = xy[0][np.isfinite(xy[0, :, 0])].T
        # a corner's slope is uncertain by the rounding of float32
        wanted = np.stack([density(seen, x + by) for by in (-1e-6, 0, 1e-6)])
        low, high = (BESIDE + np.minimum(TALL * p, ROOM) for p in (wanted.min(axis=0), wanted.max(axis=0)))
        return bool(((y > low - 3e-3) & (y < high + 3e-3)).all() and len(y) > 60)

    return {"xy": turned}


@ORACLES("change", "Polylines to match")
def the_target(seen: Seen) -> dict[str, Any]:
    def humps(xy: np.ndarray) -> bool | str:
        y, x = xy[0].T
        whole = near([x.min(), x.max()], [-EDGE, EDGE]) is True
        return near(y, BESIDE + np.minimum(TALL * to_match(seen.config.seed, x), ROOM)) if whole else "not all of it"

    return {"xy": humps}


@ORACLES("change", "Polylines mass between A and B")
def the_strips(seen: Seen) -> dict[str, Any]:
    a, b = ends(seen.config)

    def two_strips(xy: np.ndarray) -> bool | str:
        below, beside = xy.astype(float)
        over_there = np.clip(lifted(seen, np.array([a, b])), -EDGE, EDGE)
        corners = (
            near(below[[0, -1]], [[a, BELOW], [b, BELOW]]),
            near(beside[[0, -1]], np.c_[[BESIDE] * 2, over_there]),
        )
        if corners != (True, True):
            return f"corners {corners}"
        bell = near(below[1:-1, 1], BELOW + TALL * stats.norm.pdf(below[1:-1, 0]))
        inside = np.abs(beside[:, 1]) < EDGE - 1e-5
        uncut = inside.all() and beside[:, 0].max() < BESIDE + ROOM - 1e-5
        mass = TALL * (stats.norm.cdf(b) - stats.norm.cdf(a))
        areas = [area(strip) for strip in (below, beside)]
        same = near(areas, mass, 2e-3 * mass + 1e-4) if uncut else near(areas[0], mass, 1e-3 * mass)
        return same if bell is True else bell

    return {"xy": two_strips}


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return 0.5 * abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()))


@ORACLES("change", "Polylines from z to x")
def the_guides(seen: Seen) -> dict[str, Any]:
    found = []
    for z in ends(seen.config):
        x = float(np.clip(lifted(seen, np.array(z)), -EDGE, EDGE))
        found.append([[z, BELOW], [z, x], [BESIDE, x]])
    return {"xy": found}


@ORACLES("change", "Labels ")
def the_words(seen: Seen) -> dict[str, Any]:
    a, b = marks(seen.config)

    def placed(at: np.ndarray) -> bool | str:
        """Numbers stand at their values; names near what they name."""
        numbers = near(at[:3, 0], [-2, 0, 2]), near(at[4:7, 1], [-2, 0, 2]), near(at[8:10, 0], [a, b])
        beside = bool((at[[*range(4), 8, 9], 1] < BELOW).all() and (at[4:8, 0] < BESIDE).all())
        above = 0.3 < at[12, 1] - np.clip(lifted(seen, at[12, 0]), -EDGE, EDGE) < 1.0
        return numbers == (True, True, True) and beside and bool(above)

    return {
        "at": placed,
        "texts": ("−2", "0", "2", "z", "−2", "0", "2", "x", "A", "B", "p(z)", "p(x)", "x = g(z)"),
    }


@ORACLES("change", "Curve (width|height|mass) ×")
def the_factors(seen: Seen) -> dict[str, Any]:
    a, b = ends(seen.config)
    wide = float(np.diff(lifted(seen, np.array([a, b])))[0] / (b - a))
    return {"y": About({"w": wide, "h": 1 / wide, "m": 1.0}[seen.thing.name[0]], 3e-3)}


@ORACLES("change", "Readout .*")
def change_numbers(seen: Seen) -> dict[str, Any]:
    at, (a, b) = np.array(marks(seen.config)[:1]), ends(seen.config)
    name = seen.thing.name
    if name.startswith("KL"):
        return {
            "values": About(divergence(seen.config) if seen.step == 100 else math.nan, 2e-3, 1e-3),
            "unit": "nats",
        }
    value, unit = {
        "mass in z": (100 * (stats.norm.cdf(b) - stats.norm.cdf(a)), "%"),
        "mass in x": (100 * (stats.norm.cdf(b) - stats.norm.cdf(a)), "%"),
        "Δx ÷ Δz": (np.diff(lifted(seen, np.array([a, b])))[0] / (b - a), ""),
        "slope g′ at A": (slope(seen, at)[0], ""),
        "p(x) at A": (stats.norm.pdf(at[0]) / slope(seen, at)[0], ""),
        "p(z) at A": (stats.norm.pdf(at[0]), ""),
    }[name]
    return {"values": About(value, 3e-3 if name == "mass in x" else 1e-4), "unit": unit}


@lru_cache(maxsize=8)
def divergence(config: change.Config) -> float:
    """KL(to match ‖ bent), nats."""
    x = np.linspace(-6, 6, 6_001)
    z = origin_of(config, x)
    log_q = stats.norm.logpdf(z) - np.log((curve(config, z + 1e-6) - curve(config, z - 1e-6)) / 2e-6)
    p = to_match(config.seed, x)
    return float(integrate.simpson(p * (np.log(p) - log_q), x=x))


def origin_of(config: change.Config, x: np.ndarray) -> np.ndarray:
    low, high = np.full(len(x), -1e4), np.full(len(x), 1e4)
    for _ in range(80):
        middle = (low + high) / 2
        below = curve(config, middle) < x
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


# --- used: strangers --------------------------------------------------------------------------------------------


def log_p(flow: Flow, x: np.ndarray, by: float = 1e-6) -> np.ndarray:
    """log N(z; 0, I) + log |det ∂z/∂x|, the determinant by differences."""
    z = flow.forward(x)[0]
    columns = [(flow.forward(x + by * e)[0] - flow.forward(x - by * e)[0]) / (2 * by) for e in np.eye(2)]
    det = columns[0][:, 0] * columns[1][:, 1] - columns[0][:, 1] * columns[1][:, 0]
    return stats.norm.logpdf(z).sum(axis=1) + np.log(np.abs(det))


@lru_cache(maxsize=8)
def places(source: str, strangers: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Held-out points, where strangers come from and where they go, in standard units."""
    data, rng = get_dataset(source), np.random.default_rng([seed, 21])

    def some(of: Any) -> np.ndarray:
        return (of.sample(400, rng) - of.mean) / np.sqrt(np.trace(of.covariance) / 2)

    familiar, home = some(data), some(data)
    if strangers == "uniform":
        return familiar, home, -3.2 + 6.4 * rng.random((400, 2))
    if strangers == "between":
        return familiar, home, (home + some(data)) / 2
    return familiar, home, some(get_dataset("moons" if source == "ffjord8" else "ffjord8"))


@lru_cache(maxsize=64)
def told(source: str, strangers: str, seed: int, step: int) -> tuple[np.ndarray, ...]:
    """log p of the held-out points and of the strangers, by the flow and in truth."""
    familiar, home, away = places(source, strangers, seed)
    strange = (1 - step / 100) * home + step / 100 * away
    data, flow = get_dataset(source), cache.made(Flow.of, f"flow-{source}")
    scale = np.sqrt(np.trace(data.covariance) / 2)
    truth = [data.log_prob(data.mean + scale * x) for x in (familiar, strange)]
    return log_p(flow, familiar), log_p(flow, strange), *truth


def what(seen: Seen) -> tuple[str, str, int, int]:
    c = seen.config
    return c.source, c.strangers, c.seed, seen.step


def strangers_at(seen: Seen) -> np.ndarray:
    _, home, away = places(*what(seen)[:3])
    return ((1 - seen.step / 100) * home + seen.step / 100 * away)[:250]


def is_shell(seen: Seen) -> bool:
    return seen.config.use == "shell"


@lru_cache(maxsize=4)
def whole_field(source: str) -> np.ndarray:
    at = centres((-3.2, 3.2, -3.2, 3.2), (64, 64)).reshape(-1, 2)
    return log_p(cache.made(Flow.of, f"flow-{source}"), at).reshape(64, 64)


@ORACLES("used", r"Field log p\(x\)")
def the_field(seen: Seen) -> dict[str, Any]:
    values = whole_field(seen.config.source)
    return {
        "values": About(np.maximum(values, values.max() - 25), 1e-3, 5e-3),
        "extent": (-3.2, 3.2, -3.2, 3.2),
        "limits": About((values.max() - 10, values.max()), 1e-3, 5e-3),
    }


@ORACLES("used", "Polylines threshold", panel=0)
def the_border(seen: Seen) -> dict[str, Any]:
    field = seen.other("log p(x)").at("values").astype(float)
    return {"xy": level_line([field - seen.config.threshold], (-3.2, 3.2, -3.2, 3.2), near=1e-3)}


@ORACLES("used", "Points data")
def the_familiar(seen: Seen) -> dict[str, Any]:
    return {"xy": places(*what(seen)[:3])[0][:250]}


@ORACLES("used", "Points strangers, (passed|flagged)")
def the_strangers(seen: Seen) -> dict[str, Any]:
    low = told(*what(seen))[1][:250] < seen.config.threshold
    shown = low if seen.thing.name.endswith("flagged") else ~low
    return {"xy": np.where(shown[:, None], strangers_at(seen), np.nan)}


@ORACLES("used", "Bars (data|strangers)")
def the_shares(seen: Seen) -> dict[str, Any]:
    is_data = seen.thing.name == "data"
    values = told(*what(seen))[0 if is_data else 1]
    edges = np.linspace(-12, 0, 25)
    counted = np.histogram(np.clip(values, -12, -1e-9), edges)[0] / 4
    return {"height": About(counted if is_data else -counted, 0, 0.26), "x": (edges[1:] + edges[:-1]) / 2}


@ORACLES("used", "Polylines ", panel=1)
def the_threshold(seen: Seen) -> dict[str, Any]:
    def upright(xy: np.ndarray) -> bool | str:
        low, high = seen.scene.panels[1].y
        return near(xy, [[[seen.config.threshold, low], [seen.config.threshold, high]]])

    return {"xy": upright} | with_handles(seen, {"threshold": [seen.config.threshold, 0]})


@ORACLES("used", "Polylines (flow|truth)")
def the_rates(seen: Seen) -> dict[str, Any]:
    known, unknown = told(*what(seen))[:2] if seen.thing.name == "flow" else told(*what(seen))[2:]
    thresholds = [*np.sort(known)[::4], np.inf]
    return {"xy": About([[[100 * (v < t).mean() for v in (known, unknown)] for t in thresholds]], 0, 0.51)}


@ORACLES("used", "Polylines chance")
def chance(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[0, 0], [100, 100]]]}


@ORACLES("used", "Points this threshold")
def where_it_stands(seen: Seen) -> dict[str, Any]:
    known, unknown, *_ = told(*what(seen))
    return {"xy": About([[100 * (v < seen.config.threshold).mean() for v in (known, unknown)]], 0, 0.26)}


# --- used: the shell --------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def drawn(seed: int) -> dict[int, np.ndarray]:
    """The draws in each of the dimensions."""
    rng = np.random.default_rng([seed, 9])
    dimensions = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
    return {d: rng.standard_normal((1_000, d)) for d in dimensions}


def norms(seen: Seen) -> np.ndarray:
    return np.linalg.norm(drawn(seen.config.seed)[seen.step], axis=1)


def log10_within(d: int) -> float:
    """log₁₀ P(|x| < 1), from the integral of the density over r, u = r^D."""
    integral = integrate.quad(lambda u: math.exp(-(u ** (2 / d)) / 2), 0, 1)[0] / d
    return ((1 - d / 2) * math.log(2) - math.lgamma(d / 2) + math.log(integral)) / math.log(10)


@ORACLES("used", "Points 1,000 draws")
def the_draws(seen: Seen) -> dict[str, Any]:
    return {"xy": np.c_[norms(seen), np.full(1_000, -0.05)]}


@ORACLES("used", r"Polylines p\(x\) ÷ p\(0\)")
def falling(seen: Seen) -> dict[str, Any]:
    def bell(xy: np.ndarray) -> bool | str:
        r, y = xy[0].T
        return near(y, stats.norm.pdf(r) / stats.norm.pdf(0)) if r.min() == 0 and r.max() > 5 else "not all of it"

    return {"xy": bell}


@ORACLES("used", r"Polylines density of \|x\|")
def the_hill(seen: Seen) -> dict[str, Any]:
    def hill(xy: np.ndarray) -> bool | str:
        r, y = xy[0].T
        root = math.sqrt(seen.step)
        whole = near([r.min(), r.max()], [max(0, root - 4), root + 4]) is True
        return near(y, stats.chi(seen.step).pdf(r)) if whole else "not all of it"

    return {"xy": hill}


@ORACLES("used", "Polylines √D")
def the_root(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[math.sqrt(seen.step), 0], [math.sqrt(seen.step), 1.05]]]}


@ORACLES("used", "Polylines 5 % to 95 % of draws")
def nine_of_ten(seen: Seen) -> dict[str, Any]:
    at = seen.scene.steps
    return {"xy": [[[d, stats.chi2.ppf(q, d) / 2] for d in at.tolist()] for q in (0.05, 0.95)]}


@ORACLES("used", "Curve mean")
def the_gap(seen: Seen) -> dict[str, Any]:
    return {"y": seen.step / 2, "x": seen.step}


@ORACLES("used", "Images (x = 0|draw [123])")
def the_pictures(seen: Seen) -> dict[str, Any]:
    d, name = seen.step, seen.thing.name
    x = np.zeros(d) if name == "x = 0" else drawn(seen.config.seed)[d][int(name[-1]) - 1]
    grey = np.zeros(1024)
    grey[:d] = np.clip(127.5 + 127 / 3 * x, 1, 255)
    corner = {"x = 0": (0, 2.2), "draw 1": (1.1, 2.2), "draw 2": (0, 1.0), "draw 3": (1.1, 1.0)}[name]
    extent = (corner[0], corner[0] + 1, corner[1] - 1, corner[1])
    return {"pixels": About(grey.reshape(1, 32, 32), 0, 0.51), "extent": About(extent)}


@ORACLES("used", "Labels ")
def the_titles(seen: Seen) -> dict[str, Any]:
    return {
        "at": [[0.5, 2.27], [1.6, 2.27], [0.5, 1.07], [1.6, 1.07]],
        "texts": ("most probable", "a draw", "a draw", "a draw"),
    }


@ORACLES("used", "Readout .*")
def used_numbers(seen: Seen) -> dict[str, Any]:
    value, unit = (shell_number if is_shell(seen) else detector_number)(seen)
    return {"values": value, "unit": unit}


def shell_number(seen: Seen) -> tuple[Any, str]:
    d = seen.step
    return {
        "√D": (d**0.5, ""),
        "E |x|": (stats.chi(d).mean(), ""),
        "nearest of 1,000 draws": (norms(seen).min(), ""),
        "log₁₀ P(|x| < 1)": (log10_within(d), ""),
        "log p(0) − E log p(x)": (stats.norm.logpdf(0) * d + stats.norm.entropy() * d, "nats"),
    }[seen.thing.name]


def detector_number(seen: Seen) -> tuple[Any, str]:
    known, unknown, true_known, true_unknown = told(*what(seen))
    t = seen.config.threshold

    def area_under(a: np.ndarray, b: np.ndarray) -> float:
        score = -np.maximum(np.r_[a, b], -1e6)
        return float(roc_auc_score(np.repeat([0, 1], [len(a), len(b)]), score))

    return {
        "threshold": (t, "nats"),
        "false alarms": (About(100 * (known < t).mean(), 0, 0.26), "%"),
        "strangers flagged": (About(100 * (unknown < t).mean(), 0, 0.26), "%"),
        "AUC, flow": (About(area_under(known, unknown), 0, 1e-4), ""),
        "AUC, truth": (area_under(true_known, true_unknown), ""),
    }[seen.thing.name]
