"""What the captions of the walkers claim, counted in what is drawn."""

from __future__ import annotations

import re

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles.energy_walkers import walked

Match = re.Match[str]
NAMES = {"MALA": "mala", "Metropolis": "metropolis", "HMC": "hmc", "annealed": "annealed"}


def drawn(shown: Shown, panel: int, frame: int | None = None) -> np.ndarray:
    """Places of those that are not lost."""
    layer = next(one for one in shown.scene.panels[panel].layers if one.name == "300 walkers")
    x = np.asarray(layer.xy)[shown.frame if frame is None else frame]
    return x[np.isfinite(x[:, 0])]


def limit(shown: Shown) -> float:
    """Of v' = a² v + ε, by going on."""
    v, step = 0.0, shown.config.walk_step
    for _ in range(4_000):
        v = (1 - step / 2) ** 2 * v + step
    return v


def share_right(shown: Shown, panel: int) -> float:
    x = drawn(shown, panel)
    return 100 * float((x[:, 0] > 0).mean()) if len(x) else 0.0


def one_place(shown: Shown, match: Match) -> bool:
    return all(np.ptp(drawn(shown, panel), axis=0).max() == 0 for panel in (0, 1))


def diverges(shown: Shown, match: Match) -> bool:
    return shown.config.target == "gaussian" and shown.config.walk_step >= 4 and limit(shown) > 1_000


def lost(shown: Shown, match: Match) -> bool:
    return len(drawn(shown, 0)) < 300


def refuses(shown: Shown, match: Match) -> bool:
    taken = walked(shown.config, NAMES[match[1]]).taken[: shown.frame]
    return bool(taken.mean() < 0.0101)


def tends(shown: Shown, match: Match) -> bool:
    told = float(match[1])
    taken = walked(shown.config, NAMES[match[2]]).taken[: shown.frame] if match[2] else None
    return abs(limit(shown) - told) < 0.006 * max(1, told) and (taken is None or bool(taken.mean() < 1))


def nobody(shown: Shown, match: Match) -> bool:
    return share_right(shown, 0) == share_right(shown, 1) == 0 and NAMES[match[1]] == shown.config.against


def hot(shown: Shown, match: Match) -> bool:
    left, right = share_right(shown, 0), share_right(shown, 1)
    n = max(1, len(drawn(shown, 1)))
    error = 100 * np.sqrt(right / 100 * (1 - right / 100) / n)
    wrong = match[1] is None or abs(right - 200 / 3) > 1.9 * error
    return shown.config.against == "annealed" and left <= 1.01 and right > 9.9 and bool(wrong)


def stays(shown: Shown, match: Match) -> bool:
    x = np.asarray(next(one for one in shown.scene.panels[1].layers if one.name == "one of them").xy)
    return bool(shown.frame > 0 and np.array_equal(x[shown.frame], x[shown.frame - 1]))


ORACLES: list[Oracle] = [
    Oracle(r"^All walkers start in one place", one_place),
    Oracle(r"^ε ≥ 4σ²: each step of ULA overshoots", diverges),
    Oracle(r"^Walkers of ULA are lost", lost),
    Oracle(r"^(MALA|Metropolis|HMC) refuses nearly all that is proposed", refuses),
    Oracle(r"^ULA's variance tends to .* = ([\d.]+) σ²(?:\.$|; (\w+) refuses)", tends),
    Oracle(r"^Nobody has crossed: ULA and (\w+) know one lump only", nobody),
    Oracle(r"^Hot walkers have crossed, ULA's have not(: both lumps .* not in the right shares)?\.", hot),
    Oracle(r"^The marked walker stays", stays),
    Oracle(r"^ULA takes every proposal", holds_whatever("so ULA is defined")),
]
