"""What the captions on a digit under noise claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse_noise as anew


def _counted(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.level(shown.config, shown.frame)
    errors = np.square(now.answers - now.truth).sum(axis=1)
    farther = (errors > np.square(now.mean - now.truth).sum()).sum()
    right = (now.says[:9].argmax(axis=1) == shown.config.digit).sum()
    return (farther, right) == (int(match["farther"]), int(match["right"]))


ORACLES: list[Oracle] = [
    Oracle(
        r"^Farther from the truth than E\[x \| y\]: (?P<farther>\d) of 9 answers\. Taken for the right digit: "
        r"(?P<right>\d) of 9\.$",
        _counted,
    ),
]
