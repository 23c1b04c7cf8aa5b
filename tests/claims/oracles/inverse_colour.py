"""What the captions on a grey digit claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import inverse_colour as anew


def _between(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.found(shown.config)
    ink = now.blue * np.array(anew.BLUE) + (1 - now.blue) * np.array(anew.ORANGE)
    told = [int(level) for level in match["ink"].split(", ")]
    greys = [np.nanmean(anew.rgb(shown.layer("answers").pixels[shown.frame, k]), axis=-1) for k in range(9)]
    alike = np.ptp(greys, axis=0).max() < 1.01
    own = all(np.abs(255 * (ink - known)).max() > 5 for known in (anew.BLUE, anew.ORANGE))
    return 9 <= shown.scene.steps[shown.frame] < 1000 and alike and own and np.allclose(told, 255 * ink, atol=0.51)


def _truth(shown: Shown, match: re.Match[str]) -> bool:
    now = anew.found(shown.config)
    shares = [float(match["exact"]), float(match["counted"])]
    right = match["ink"] == ("blue" if now.truth else "orange")
    told = np.allclose(shares, [100 * now.blue, 100 * now.answers.mean()], atol=0.051)
    return shown.scene.steps[shown.frame] == 1000 and right and told


ORACLES: list[Oracle] = [
    Oracle(r"^All nine have the same grey\. E\[x \| y\] has ink \((?P<ink>[\d, ]+)\): no digit has\.$", _between),
    Oracle(
        r"^The truth is (?P<ink>blue|orange)\. Blue: (?P<exact>[\d.]+) % by Bayes' rule, "
        r"(?P<counted>[\d.]+) % of 1,000 answers\.$",
        _truth,
    ),
]
