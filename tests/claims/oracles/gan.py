"""What the captions of the GANs' page claim."""

import numpy as np

from dashboard.scene import Bars
from genmodels.store import cache
from tests.claims.shown import Oracle, Shown


def held(shown: Shown) -> bool:
    """Whether all modes are held, by the checkpoint's own numbers."""
    arrays = cache.arrays(shown.config.modes)
    return bool(arrays["modes"][shown.frame] == {"gan-grid": 25, "gan-ring": 8}[shown.config.modes])


def quality(shown: Shown) -> float:
    return float(cache.arrays(shown.config.modes)["quality"][shown.frame])


def rarest(shown: Shown) -> float:
    """The smallest share of a class among what is drawn, as its bars show it, in %."""
    bars = next(layer for _, layer in shown.scene.layers() if isinstance(layer, Bars))
    return float(np.asarray(bars.height)[shown.frame].min())


ORACLES = [
    Oracle(r"Nothing has been learned yet", lambda shown, _: shown.scene.steps[shown.frame] == 0),
    Oracle(r"D and G are updated, alternating", lambda shown, _: shown.scene.steps[shown.frame] > 0),
    Oracle(
        r"no D can bring V above 2 JS\(p ‖ q\) − 2 log 2",
        lambda shown, _: shown.readout("value of the game V") <= shown.readout("2 JS − 2 log 2") + 0.02,
    ),
    Oracle(r"Some modes are still missing", lambda shown, _: not held(shown)),
    Oracle(r"Every mode is held, but fewer than 90 %", lambda shown, _: held(shown) and quality(shown) < 0.9),
    Oracle(r"Every mode is held, and at least 90 %", lambda shown, _: held(shown) and quality(shown) >= 0.9),
    Oracle(r"At least one class is hardly drawn at all \(below 1 %\)", lambda shown, _: rarest(shown) < 1),
    Oracle(r"Each class is drawn, but not as often", lambda shown, _: rarest(shown) >= 1),
]
