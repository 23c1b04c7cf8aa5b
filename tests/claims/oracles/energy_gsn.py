"""What the captions of a denoiser run for ever claim."""

from __future__ import annotations

import re

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles.energy_gsn import Chains, chains

Match = re.Match[str]


def of(shown: Shown) -> Chains:
    return chains(shown.config.network, shown.config.noise, shown.config.seed)


def before_any(shown: Shown, match: Match) -> bool:
    digits = np.asarray(shown.layer("P(x | x̃)").pixels)[shown.frame]
    return shown.frame == 0 and set(np.unique(digits)) == {0, 255}


def at_the_end(shown: Shown) -> bool:
    return shown.frame == 100


def mostly_back(shown: Shown, match: Match) -> bool:
    classes = of(shown).classes
    return at_the_end(shown) and sum(classes[-1] == classes[0]) > 5


def faded(shown: Shown, match: Match) -> bool:
    p = of(shown).p
    return at_the_end(shown) and p[-1].sum() < p[0].sum() / 2


def sure_or_not(shown: Shown, match: Match) -> bool:
    classes, sure = of(shown).classes, of(shown).sure[1:].mean() >= 0.8
    left = (classes != classes[0]).any(axis=0).sum()
    return at_the_end(shown) and left > 1 and sure == (match["which"] == "and")


def just_changed(shown: Shown, match: Match) -> bool:
    classes, t = of(shown).classes[:, shown.config.chain], shown.frame
    return t > 0 and classes[t] != classes[t - 1]


ORACLES: list[Oracle] = [
    Oracle(r"^Ten test digits, a 0 to a 9, before any noise", before_any),
    Oracle(r"^More than half of the chains are in the class where they began", mostly_back),
    Oracle(r"^They have lost more than half of their ink", faded),
    Oracle(r"^Chains went from class to class, (?P<which>and|but) the classifier is", sure_or_not),
    Oracle(r"^The marked one has just changed its class", just_changed),
    Oracle(r"^A round: noise; the network's p for each pixel", holds_whatever("what a round is")),
]
