"""What the captions of the landscape claim."""

from __future__ import annotations

import math
import re

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles.energy_landscape import energy, z

Match = re.Match[str]


def probe(shown: Shown, frame: int) -> tuple[float, float]:
    """E and p at the cross-hair."""
    config, share = shown.config, shown.scene.steps[frame] / 100
    e = float(energy(config, config.at_1, config.at_2, share))
    return e, math.exp(-e) / z(config, share, config.cells)


def too_coarse(shown: Shown, match: Match) -> bool:
    share = shown.scene.steps[shown.frame] / 100
    return abs(z(shown.config, share, shown.config.cells) / z(shown.config, share, 260) - 1) > 0.0099


def still_there(shown: Shown, match: Match) -> bool:
    """E is the same to a hundredth of a nat, and p is larger."""
    (before, p), (now, q) = probe(shown, 0), probe(shown, shown.frame)
    factor = 1.0999 if "tenth" in match[0] else 1.0
    return abs(now - before) < 0.0101 and q > factor * p


def in_reach(shown: Shown, match: Match) -> bool:
    (before, p), (now, q) = probe(shown, 0), probe(shown, shown.frame)
    return now > before + 0.0099 and q < p


def lower_z(shown: Shown, match: Match) -> bool:
    share, n = shown.scene.steps[shown.frame] / 100, shown.config.cells
    return z(shown.config, share, n) < z(shown.config, 0.0, n)


ORACLES: list[Oracle] = [
    Oracle(r"^The grid is too coarse: Z is wrong by more than 1 %", too_coarse),
    Oracle(r"^Low energy, high density", holds_whatever("so it is defined")),
    Oracle(
        r"^C is raised\. At the cross-hair E is what it was, and yet p has grown(?: by .*)?\.",
        still_there,
    ),
    Oracle(r"^The cross-hair is in reach of C: there E has grown, and p has fallen", in_reach),
    Oracle(r"^C is raised: E grows near it, and Z falls", lower_z),
]
