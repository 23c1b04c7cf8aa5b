"""What the captions of the score claim."""

from __future__ import annotations

import re

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles.energy_score import log_density

Match = re.Match[str]


def off_where_nobody_looked(shown: Shown, match: Match) -> bool:
    return shown.frame == 0 and shown.readout("t = 100: on the grid") > 2 * shown.readout("t = 100: error at data")


def higher(shown: Shown, match: Match) -> bool:
    x = np.asarray(shown.scene.panels[0].layers[3].xy, dtype=float)
    start, end = (log_density(shown.config.source, x[k], 100).mean() for k in (0, shown.frame))
    return bool(end > start)


def smoother(shown: Shown, match: Match) -> bool:
    return shown.readout("t = 600: on the grid") < shown.readout("t = 100: on the grid")


ORACLES: list[Oracle] = [
    Oracle(r"^Little noise: learned arrows are off by far more on the grid", off_where_nobody_looked),
    Oracle(r"^Walkers know neither E nor Z", higher),
    Oracle(r"^With more noise p\(x\) is smoother", smoother),
    Oracle(r"^Arrows point to where p\(x\) is higher", holds_whatever("a gradient does")),
]
