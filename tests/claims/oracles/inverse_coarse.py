"""What the captions on coarse pixels claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse_coarse as anew

RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def _fit(shown: Shown, match: re.Match[str]) -> bool:
    side = int(shown.scene.steps[shown.frame])
    now = anew.level(shown.config, side)
    told = float(match["n"].replace(",", "")) * 10.0 ** int((match["power"] or "0").translate(RAISED))
    right = (now.says == shown.config.digit).sum()
    said = (int(match["side"]), int(match["right"]), int(match["digit"]))
    return said == (side, right, shown.config.digit) and bool(np.isclose(told, float(now.fitting), rtol=0.051))


def _one(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.level(shown.config, int(match["side"]))
    return shown.scene.steps[shown.frame] == 28 and now.fitting == 1 and np.allclose(now.answers, now.truth)


ORACLES: list[Oracle] = [
    Oracle(
        r"^(?P<n>[\d.,]+)( · 10(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹]+))? pictures of ink and paper fit (?P<side>\d+) × \d+ pixels\. "
        r"The CNN takes (?P<right>\d) of 9 answers for a (?P<digit>\d)\.$",
        _fit,
    ),
    Oracle(r"^One picture of ink and paper fits (?P<side>28) × 28 pixels: the truth; all answers are it\.$", _one),
]
