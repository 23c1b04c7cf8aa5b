"""What the captions on other priors claim."""

import re
from itertools import pairwise

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse_solvers as anew


def _back(shown: Shown) -> int:
    """How many frames before the last one this is."""
    return len(shown.scene.steps) - 1 - shown.frame


def _in_the_end(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.found(shown)
    answers, truth = now.answers[:, now.hidden], now.truth[now.hidden]
    of_mean = np.square(answers.mean(axis=0) - truth).sum()
    nearer = (np.square(answers - truth).sum(axis=1) < of_mean).sum()
    told = [int(match[name]) for name in ("digit", "right", "nearer")]
    digit = int(anew.latent.labels()[10 * shown.config.nth - 10 + shown.config.digit])
    return _back(shown) == 0 and told == [digit, (now.votes == digit).sum(), nearer]


def _taken(shown: Shown, match: re.Match[str]) -> bool:
    """So many of each class, and no other; the most frequent first."""
    told = [(int(n), int(d)) for n, d in re.findall(r"(\d) × (\d)", match["taken"])]
    votes = anew.found(shown).votes.tolist()
    counted = {(votes.count(d), d) for d in votes}
    falls = all(a >= b for (a, _), (b, _) in pairwise(told))
    return _back(shown) == 1 and set(told) == counted and len(told) == len(counted) and falls


def _one(shown: Shown, match: re.Match[str]) -> bool:
    x = anew.found(shown).answers
    apart = max(np.linalg.norm(a - b) for a in x for b in x)
    return shown.config.solver == "vae" and apart < 0.5001 and _taken(shown, match)


def _order(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """When covered pixels, and when seen ones, have their turn, row by row."""
    hidden = anew.covered(shown.config, 28)
    return np.flatnonzero(hidden), np.flatnonzero(~hidden)


def _seen_first(shown: Shown, match: re.Match[str]) -> bool:
    covered, seen = _order(shown)
    return shown.config.solver == "made" and seen.max() < covered.min() and _taken(shown, match)


def _covered_first(shown: Shown, match: re.Match[str]) -> bool:
    covered, seen = _order(shown)
    return shown.config.solver == "made" and covered.max() < seen.min() and _taken(shown, match)


def _mixed(shown: Shown, match: re.Match[str]) -> bool:
    covered, seen = _order(shown)
    return shown.config.solver == "made" and seen.min() < covered.max() and _taken(shown, match)


TAKEN = r"The CNN takes the answers for: (?P<taken>[\d ×,]+)\.$"
ORACLES: list[Oracle] = [
    Oracle(r"^Nine starts, one answer: no two are 0\.5 apart\. " + TAKEN, _one),
    Oracle(r"^All seen pixels come first: drawn from MADE's own p\(rest \| part\)\. " + TAKEN, _seen_first),
    Oracle(r"^All covered pixels come first: the part has had no say\. " + TAKEN, _covered_first),
    Oracle(r"^A covered pixel has heard of the seen ones before it, and of no others\. " + TAKEN, _mixed),
    Oracle(r"^" + TAKEN, _taken),
    Oracle(
        r"^The truth, a (?P<digit>\d)\. The CNN takes (?P<right>\d) of 9 answers for one\. Nearer to the truth than "
        r"their mean: (?P<nearer>\d) of 9\.$",
        _in_the_end,
    ),
]
