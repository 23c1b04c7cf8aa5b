"""What the captions of the first and the last cue of the page on flows claim."""

import re

import numpy as np
from scipy import stats

from tests.claims.shown import Oracle, Shown
from tests.oracles import flows_one


def _seen(shown: Shown) -> flows_one.Seen:
    return flows_one.Seen(shown.config, shown.scene, shown.frame, "")


def _not_bent(shown: Shown, match: re.Match[str]) -> bool:
    a, b = flows_one.ends(shown.config)
    z = np.linspace(a, b, 50)
    seen = _seen(shown)
    return np.allclose(flows_one.lifted(seen, z), z) and np.allclose(flows_one.density(seen, z), stats.norm.pdf(z))


def _cut(shown: Shown, match: re.Match[str]) -> bool:
    seen = _seen(shown)
    x = flows_one.lifted(seen, np.linspace(-5, 5, 4001))
    return flows_one.TALL * flows_one.density(seen, x[np.abs(x) <= flows_one.EDGE]).max() > flows_one.ROOM - 1e-3


def _held(shown: Shown, match: re.Match[str]) -> bool:
    return bool(np.diff(flows_one.knots(shown.config), axis=0).min() < 0.0601)


def _wider(shown: Shown, match: re.Match[str]) -> bool:
    a, b = flows_one.ends(shown.config)
    wide = float(np.diff(flows_one.lifted(_seen(shown), np.array([a, b])))[0]) / (b - a)
    same = np.isclose(shown.readout("mass in z"), shown.readout("mass in x"), rtol=3e-3)
    return bool(same) and {"wider": wide > 1.004, "narrower": wide < 0.996}[match[1]]


def _nearly(shown: Shown, match: re.Match[str]) -> bool:
    a, b = flows_one.ends(shown.config)
    wide = float(np.diff(flows_one.lifted(_seen(shown), np.array([a, b])))[0]) / (b - a)
    return abs(wide - 1) < 0.006


def _areas(shown: Shown) -> tuple[float, float]:
    seen = _seen(shown)
    known, unknown, *true = flows_one.told(*flows_one.what(seen))
    pairs = (known, unknown), true
    flow, truth = (
        float(np.mean(np.sign(a[:, None] - b[None]) / 2 + 0.5)) for a, b in (np.maximum(pair, -1e9) for pair in pairs)
    )
    return flow, truth


def _at_home(shown: Shown, match: re.Match[str]) -> bool:
    return np.allclose(
        flows_one.strangers_at(_seen(shown)), flows_one.places(*flows_one.what(_seen(shown))[:3])[1][:250]
    )


def _better(shown: Shown, match: re.Match[str]) -> bool:
    flow, truth = _areas(shown)
    return (truth > flow + 0.0099) if match[1] == "true density" else (flow > truth + 0.0099)


def _alike(shown: Shown, match: re.Match[str]) -> bool:
    flow, truth = _areas(shown)
    return abs(flow - truth) < 0.0101


def _none_near(shown: Shown, match: re.Match[str]) -> bool:
    return bool((flows_one.norms(_seen(shown)) >= 1).all())


def _some_near(shown: Shown, match: re.Match[str]) -> bool:
    return bool((flows_one.norms(_seen(shown)) < 1).any())


ORACLES: list[Oracle] = [
    Oracle(r"^Not bent yet: x = z, slope 1, and both densities are the same bell", _not_bent),
    Oracle(r"^p\(x\) is higher than the picture has room for", _cut),
    Oracle(r"^A knot is held by its neighbour: where the curve folds back, one x would have more than one z", _held),
    Oracle(r"^The strip has become (wider|narrower), so it is", _wider),
    Oracle(r"^The strip is nearly as wide as before", _nearly),
    Oracle(r"^Still at home: these are data as well", _at_home),
    Oracle(r"^The (true density|flow's p\(x\)) tells them better", _better),
    Oracle(r"^The flow tells strangers about as well as the true density", _alike),
    Oracle(r"^The centre is the most probable point of all, and none of 1,000 draws is within 1", _none_near),
    Oracle(r"^The centre is the most probable point of all; some draws still come within 1", _some_near),
]
