"""What the captions on a sketch claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse_sketch as anew


def _end(shown: Shown, match: re.Match[str]) -> bool:
    says, nearest = anew.says(shown.config), anew.ended(shown.config)[1]
    told = (says[:-1] == says[-1]).sum() == int(match["same"]) and says[-1] == int(match["digit"])
    gap = nearest - anew.real()
    return shown.frame == 20 and bool(told) and (gap > -1e-4 if match["where"] == "Farther" else gap < 1e-4)


def _start(shown: Shown, match: re.Match[str]) -> bool:
    nine = next(layer for layer in shown.scene.panels[1].layers).pixels[shown.frame]
    grey = shown.config.pixels().reshape(14, 14)
    return bool(np.abs(nine / 255 - grey).max() < 0.005)


def _up(shown: Shown, match: re.Match[str]) -> bool:
    frames = next(layer for layer in shown.scene.panels[1].layers).pixels
    t = next(readout for readout in shown.scene.readouts if readout.name == "t").values
    apart = {tuple(one.ravel()) for one in frames[shown.frame]}
    return 0 < shown.frame <= 5 and t[shown.frame] > t[shown.frame - 1] and len(apart) == 9


ORACLES: list[Oracle] = [
    Oracle(
        r"^(?P<where>Farther|No farther) from data than test digits are\. The CNN takes (?P<same>\d) of 9 for a "
        r"(?P<digit>\d), as it does the sketch\.$",
        _end,
    ),
    Oracle(r"^The sketch, nine times\.$", _start),
    Oracle(r"^Up: noise is added, another one to each of the nine\.$", _up),
]
