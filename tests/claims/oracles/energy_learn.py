"""What the captions of an energy in training claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles import energy_learn

Match = re.Match[str]


def not_begun(shown: Shown, match: Match) -> bool:
    """E is the wide Gaussian's."""
    x = np.array([[0.0, 0.0], [2.0, -1.0], [0.5, 3.0]])
    energy = energy_learn.energy(shown.config, int(shown.scene.steps[shown.frame]), x)
    return bool(np.allclose(energy - energy[0], np.square(x).sum(axis=1) / 4.5, atol=1e-6))


def one_sided(shown: Shown, match: Match) -> bool:
    return bool(shown.config.negative == 0)


def elsewhere(shown: Shown, match: Match) -> bool:
    return shown.readout("p where no data are") > 5


def near(shown: Shown, match: Match) -> bool:
    return shown.readout("KL(data ‖ p)") <= 0.05


def beyond(shown: Shown, match: Match) -> bool:
    return energy_learn.beyond_the_grid(shown.config, int(shown.scene.steps[shown.frame]))


ORACLES = [
    Oracle(r"p is too far out, or too narrow, for the grid that Z is summed over", beyond),
    Oracle(r"Nothing is learned yet: one wide Gaussian", not_begun),
    Oracle(r"Nothing pulls up: E falls at data", one_sided),
    Oracle(r"More than 5 % of p lies where no data are", elsewhere),
    Oracle(r"Within 0\.05 nats of the data's density", near),
    Oracle(r"Down where data are, up where the model's", holds_whatever("it is how the gradient is made")),
]
