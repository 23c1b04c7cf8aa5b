"""What the captions on deep machines claim."""

from __future__ import annotations

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import energy_deep as anew

Match = re.Match[str]


def same_pixels(shown: Shown, match: Match) -> bool:
    first = [shown.scene.panels[k].layers[0].pixels[0] for k in range(3)]
    return shown.frame == 0 and all(np.array_equal(first[0], each) for each in first[1:])


def sure_of_none(shown: Shown, match: Match) -> bool:
    start = anew.first_pixels(shown.config.deep_start, shown.config.seed)
    return same_pixels(shown, match) and shown.config.deep_start != "digits" and classified_as(start) > 0.9


def classified_as(pixels: np.ndarray) -> float:
    return float(anew.classified(pixels).max(axis=1).mean())


def surest(shown: Shown, match: Match) -> bool:
    config = shown.config
    found = {
        called: classified_as(anew.chains(called, config.deep_start, config.seed)["ink"][shown.frame])
        for called in anew.CALLED
    }
    return found[match["called"]] >= max(found.values()) - 1e-4


ORACLES: list[Oracle] = [
    Oracle(r"^The start, the same pixels for all three: no digits, but the classifier is sure", sure_of_none),
    Oracle(r"^The start: the same pixels for all three", same_pixels),
    Oracle(r"^Of the (?P<called>RBM|DBN|DBM)'s dreams the classifier is now the surest", surest),
]
