"""Three wells in a bowl: the energy by its formula, Z by sums over a grid, the lines by where they cross."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scenes.energy import landscape
from tests.oracles.contours import centres, level_line
from tests.oracles.handles import with_handles
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "landscape": [
        landscape.Landscape(depth=0.0, cells=12),
        landscape.Landscape(cells=4),
        landscape.Landscape(at_1=1.4, at_2=-0.7),
        landscape.Landscape(a_1=1.2, a_2=-0.6, b_1=3.2, b_2=-3.2, cells=24),
    ]
}
SQUARE = (-3.2, 3.2, -3.2, 3.2)
ONES = np.linspace(-3.2, 3.2, 161)


def energy(config: Any, x: np.ndarray, y: np.ndarray, raised: float) -> np.ndarray:
    """|x|²/2s² less each well; of C's five nats a share is gone."""
    found = (x**2 + y**2) / 4.5
    for name, depth in (("a", config.depth), ("b", config.depth), ("c", 5 * (1 - raised))):
        away = (x - getattr(config, f"{name}_1")) ** 2 + (y - getattr(config, f"{name}_2")) ** 2
        found = found - depth * np.exp(-away / 0.405)
    return found


@lru_cache(maxsize=256)
def z(config: Any, raised: float, cells: int) -> float:
    at = -8 + 16 * (np.arange(cells) + 0.5) / cells
    return float(np.exp(-energy(config, at[None], at[:, None], raised)).sum() * (16 / cells) ** 2)


def raised(seen: Seen) -> float:
    return seen.step / 100


def now(seen: Seen, x: np.ndarray, y: np.ndarray, share: float | None = None) -> np.ndarray:
    return energy(seen.config, np.asarray(x), np.asarray(y), raised(seen) if share is None else share)


def at_probe(seen: Seen, share: float | None = None) -> tuple[float, float]:
    """E and p there."""
    share = raised(seen) if share is None else share
    e = float(now(seen, seen.config.at_1, seen.config.at_2, share))
    return e, math.exp(-e) / z(seen.config, share, seen.config.cells)


@ORACLES("landscape", r"Field density p\(x\)")
def density(seen: Seen) -> dict[str, Any]:
    places = centres(SQUARE, (44, 44))
    p = [
        np.exp(-now(seen, *np.moveaxis(places, -1, 0), share)) / z(seen.config, share, seen.config.cells)
        for share in (raised(seen), 0.0, 1.0)
    ]
    here, reaches = p[0], float(max(one.max() for one in p))
    return {
        "values": About(here, 1e-4, 1e-6),
        "limits": lambda shown: shown[0] == 0 and shown[1] >= reaches * 0.999,
        "extent": SQUARE,
    }


@ORACLES("landscape", "Polylines equal energy, 1 nat apart")
def lines(seen: Seen) -> dict[str, Any]:
    places = centres(SQUARE, (54, 54))
    field = now(seen, *np.moveaxis(places, -1, 0))
    return {"xy": level_line([field - level for level in range(-5, 4)], SQUARE, 1e-3)}


@ORACLES("landscape", "Polylines section")
def section(seen: Seen) -> dict[str, Any]:
    return {"xy": [[[-3.2, seen.config.at_2], [3.2, seen.config.at_2]]]}


@ORACLES("landscape", "Polylines (before|E|p)")
def along(seen: Seen) -> dict[str, Any]:
    """What leaves the panel of E is left out."""
    share = 0.0 if "before" in seen.name else raised(seen)
    y = now(seen, ONES, np.full(161, seen.config.at_2), share)
    if seen.panel == 2:
        y = np.exp(-y) / z(seen.config, share, seen.config.cells)
    else:
        y = np.where((y < -5.2) | (y > 5.5), np.nan, y)
    return {"xy": About(np.stack([ONES, y], axis=1)[None], 1e-4, 1e-5)}


@ORACLES("landscape", "Points cross-hair")
def dot(seen: Seen) -> dict[str, Any]:
    return {"xy": [[seen.config.at_1, at_probe(seen)[seen.panel - 1]]]}


@ORACLES("landscape", "Labels ")
def names(seen: Seen) -> dict[str, Any]:
    wells = {n: [getattr(seen.config, f"{n.lower()}_1"), getattr(seen.config, f"{n.lower()}_2")] for n in "ABC"}
    handles = with_handles(seen, wells | {"x": [seen.config.at_1, seen.config.at_2]})
    return {"at": np.add([*wells.values()], [0, 0.34]), "texts": ("A", "B", "C")} | handles


@ORACLES("landscape", r"Readout (E|p)\(x\)")
def number_there(seen: Seen) -> float:
    return at_probe(seen)["p(x)" in seen.name]


@ORACLES("landscape", "Readout Z")
def normaliser(seen: Seen) -> float:
    return z(seen.config, raised(seen), seen.config.cells)


@ORACLES("landscape", r"Readout p\(x\), times as before")
def times(seen: Seen) -> float:
    return at_probe(seen)[1] / at_probe(seen, 0.0)[1]


@ORACLES("landscape", "Readout error of Z")
def off(seen: Seen) -> About:
    exact = z(seen.config, raised(seen), 260)
    return About(100 * (z(seen.config, raised(seen), seen.config.cells) - exact) / exact, absolute=6e-4)


@ORACLES("landscape", r"Readout grid, d = \d+")
def digits(seen: Seen) -> float:
    dimensions = int(seen.name.split()[-1])
    return math.floor(dimensions * math.log10(seen.config.cells) + 1e-9) + 1
