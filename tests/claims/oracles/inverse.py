"""What the captions on inverse problems claim."""

import re

import numpy as np

from tests.claims.oracles import (
    inverse_coarse,
    inverse_colour,
    inverse_mask,
    inverse_noise,
    inverse_sketch,
    inverse_solvers,
)
from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse as anew


def _rare(shown: Shown) -> list[bool]:
    """Whether p(x) at the minimum norm, and at the mean, is below a hundredth of the median over the samples."""
    mixture = anew.prior(shown.config.source)
    at = anew.answers(shown.config)
    places = np.array([at["minimum norm"], at["posterior mean"]])
    typical = np.exp(np.median(anew.log_p(mixture, anew.samples(shown.config)[0])))
    return (np.exp(anew.log_p(mixture, places)) < typical / 100).tolist()


def _where(shown: Shown, match: re.Match[str]) -> bool:
    shortest, mean = _rare(shown)
    right = {
        "Where minimum norm and posterior mean lie": shortest and mean,
        "Where the posterior mean lies": mean,
        "Where the minimum norm lies": shortest,
        "Neither where the minimum norm lies nor at the posterior mean": not shortest and not mean,
    }
    return right[match["where"]] and shown.scene.steps[shown.frame] > 0


def _off(shown: Shown) -> list[str]:
    """Whose weights at the end are off by more than those of each of the forty sets."""
    seen = anew.Seen(shown.config, shown.scene, len(shown.scene.steps) - 1, "", 0)
    weights, worst = anew.posterior(shown.config)[0], anew.luck(shown.config).max()
    return [name for name in anew.names(shown.config) if anew.gap(anew.shares(seen, name), weights) > worst]


def _more_than_luck(shown: Shown, match: re.Match[str]) -> bool:
    named = re.split(", | and ", match["who"])
    named[0] = named[0] if named[0] in anew.NAMES else named[0][0].lower() + named[0][1:]
    return shown.frame == len(shown.scene.steps) - 1 and named == _off(shown)


def _luck_alone(shown: Shown, match: re.Match[str]) -> bool:
    return shown.frame == len(shown.scene.steps) - 1 and not _off(shown)


def _back(shown: Shown, match: re.Match[str]) -> bool:
    """Within 0.07 of where each x was; and how far from its partner it is sent, which is alike for all of a ring."""
    theta, psi = anew.trained(shown.config)[int(shown.scene.steps[shown.frame])]
    home = np.linalg.norm(anew.ring(theta - psi) - anew.ring(), axis=1).max()
    away = np.linalg.norm(anew.ring(theta) - anew.ring(np.deg2rad(shown.config.partner)), axis=1)
    right = {
        "each x is sent to its": away.max() < 0.071,
        "not one x is sent to its": away.min() > 0.0999,
        "each x is sent near its": away.max() < 0.1001,
    }
    return bool(home < 0.0501 and right[match["who"]])


def _not_back(shown: Shown, match: re.Match[str]) -> bool:
    theta, psi = anew.trained(shown.config)[int(shown.scene.steps[shown.frame])]
    return bool(np.linalg.norm(anew.ring(theta - psi) - anew.ring(), axis=1).min() > 0.0499)


ORACLES: list[Oracle] = [
    *inverse_mask.ORACLES,
    *inverse_coarse.ORACLES,
    *inverse_colour.ORACLES,
    *inverse_noise.ORACLES,
    *inverse_sketch.ORACLES,
    *inverse_solvers.ORACLES,
    Oracle(r"^(?P<where>(Where|Neither).*?),? p\(x\) is less than 1/100 of a typical sample's", _where),
    Oracle(
        r"^(?P<who>.*): the weights are off by more than in any of 40 sets of 300 exact samples\.$", _more_than_luck
    ),
    Oracle(r"^Both maps lead back, and (?P<who>.*) true partner\.$", _back),
    Oracle(r"^The two maps do not undo each other\.$", _not_back),
    Oracle(r"^No sampler's weights are off by more than in the worst of 40 sets of 300", _luck_alone),
]
