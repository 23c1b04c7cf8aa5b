"""What the captions on a covered digit claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse_mask as anew


def _chances(shown: Shown) -> np.ndarray:
    return 100 * anew.found(shown.config).weights.reshape(10, 400).sum(axis=1)


def _bare(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.found(shown.config)
    return not now.hidden.any() and bool((now.answers == now.truth).all())


def _under_way(shown: Shown) -> bool:
    return 0 < shown.scene.steps[shown.frame] < 10


def _sure(shown: Shown, match: re.Match[str]) -> bool:
    p = _chances(shown)
    told = abs(p.max() - float(match["p"])) < 0.06
    return _under_way(shown) and told and p.argmax() == int(match["digit"]) and p.max() > 94.99


def _torn(shown: Shown, match: re.Match[str]) -> bool:
    p = _chances(shown)
    one, other = int(match["one"]), int(match["other"])
    told = np.allclose(p[[one, other]], [float(match["p"]), float(match["q"])], atol=0.06)
    highest = np.sort(p)[::-1]
    return _under_way(shown) and told and np.allclose(p[[one, other]], highest[:2]) and p.max() < 95.01


def _in_the_end(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.found(shown.config)
    answers, truth = now.answers[:, now.hidden], now.truth[now.hidden]
    of_mean = np.square(answers.mean(axis=0) - truth).mean()
    nearer = (np.square(answers - truth).mean(axis=1) < of_mean).sum()
    right = (now.says[:9].argmax(axis=1) == shown.config.digit).sum()
    return shown.scene.steps[shown.frame] == 10 and (right, nearer) == (int(match["right"]), int(match["nearer"]))


ORACLES: list[Oracle] = [
    Oracle(r"^Nothing is covered: every answer is the digit itself\.$", _bare),
    Oracle(r"^The part leaves little doubt of the digit: a (?P<digit>\d), with (?P<p>[\d.]+) %\.$", _sure),
    Oracle(
        r"^The part leaves doubt: a (?P<one>\d) with (?P<p>[\d.]+) %, a (?P<other>\d) with (?P<q>[\d.]+) %, or",
        _torn,
    ),
    Oracle(
        r"^The truth\. The right digit, says the CNN: (?P<right>\d) of 9 answers\. Nearer to the truth than their "
        r"mean: (?P<nearer>\d) of 9\.$",
        _in_the_end,
    ),
]
