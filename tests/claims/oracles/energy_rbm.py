"""What the captions on Boltzmann machines that can be counted, and on memory, claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown
from tests.oracles import energy_rbm as anew


def _start(shown: Shown, match: re.Match[str]) -> bool:
    """Ink goes with p: the order of all tiles by their black pixel is that by p."""
    p = anew.p_of_pictures(anew.trained(shown.config, shown.config.count_wall)[shown.frame])
    wall = shown.scene.panels[0].layers[0].pixels[shown.frame, 0]
    black = np.array(
        [wall[1 + 4 * (k // 32) : 4 + 4 * (k // 32), 1 + 4 * (k % 32) :][:, :3].max() for k in range(1, 512)]
    )
    framed = shown.layer("the data").xy
    order = np.argsort(p[1:])
    return bool((np.diff(black[order].astype(int)) >= 0).all()) and len(framed) == 14 and shown.frame == 0


def _runs_away(shown: Shown, match: re.Match[str]) -> bool:
    """From frame to frame every weight has grown; and, where it is said, the black picture's share."""
    frames = anew.trained(shown.config, shown.config.count_wall)
    at = min(shown.frame, len(frames) - 2)
    grows = (frames[at + 1][0] > frames[at][0]).all() and (frames[at][0] >= frames[max(at - 1, 0)][0]).all()
    black = anew.p_of_pictures(frames[shown.frame])[-1]
    return bool(grows) and shown.config.count_negative == 0 and (black > 0.49 or not match["black"])


def _distances(shown: Shown) -> dict[str, float]:
    return {name: anew.kl(anew.trained(shown.config, method)[shown.frame]) for name, method in anew.NAMES.items()}


def _order(shown: Shown, match: re.Match[str]) -> bool:
    found = _distances(shown)
    return sorted(found, key=lambda name: found[name]) == [match["a"], match["b"], match["c"]]


def _about_equal(shown: Shown, match: re.Match[str]) -> bool:
    return bool(np.diff(sorted(_distances(shown).values())).min() < 0.0051)


def _settled(shown: Shown) -> np.ndarray | None:
    """The state, if no single flip lowers its energy: each tried."""
    s = anew.walk(shown.config)[shown.scene.steps[shown.frame]][0]
    w = anew.net(shown.config)
    changes = [2 * s[i] * (w[i] @ s) for i in range(400)]
    return s if min(changes) > -1e-9 else None


def _recalled(shown: Shown, match: re.Match[str]) -> bool:
    s = _settled(shown)
    k = anew.names(shown.config).index(match["name"])
    return s is not None and np.array_equal(s, anew.kept_by(shown.config)[k])


def _negative(shown: Shown, match: re.Match[str]) -> bool:
    s = _settled(shown)
    if s is None:
        return False
    as_deep = np.isclose(anew.energy_of(shown.config, s), anew.energy_of(shown.config, -s))
    return bool(as_deep) and any(np.array_equal(-s, x) for x in anew.kept_by(shown.config))


def _nobodys(shown: Shown, match: re.Match[str]) -> bool:
    s = _settled(shown)
    if s is None:
        return False
    off = (anew.kept_by(shown.config) != s).sum(axis=1)
    lowest = min(anew.energy_of(shown.config, x) for x in anew.kept_by(shown.config))
    deeper = anew.energy_of(shown.config, s) < lowest - 1e-9
    nearest = off[anew.names(shown.config).index(match["name"])] == off.min()
    return bool(off.min() == int(match["off"]) > 0 and nearest and deeper == bool(match["deeper"]))


def _never_rises(shown: Shown, match: re.Match[str]) -> bool:
    energies = [anew.energy_of(shown.config, s) for s, _ in anew.walk(shown.config)[: shown.scene.steps[-1] + 1 : 7]]
    return bool((np.diff(energies) <= 1e-9).all())


def _dreams(shown: Shown) -> float:
    step = int(shown.scene.steps[shown.frame])
    return float(anew.nats_of(anew.dreamed(shown.config)[step][0][:16]).mean())


def _higher_p(shown: Shown, match: re.Match[str]) -> bool:
    return shown.frame > 0 and (_dreams(shown) < anew.figures()["RBM"] + 1e-3) == (match["which"] == "now a higher")


def _white_is_cheap(shown: Shown, match: re.Match[str]) -> bool:
    """Cheaper than most of the test images, whose chains start from nothing but paper."""
    v = anew.dreamed(shown.config)[0][0][:16]
    test = anew.nats_of(anew.load_binarised_mnist().test.images.reshape(500, -1))
    return shown.frame == 0 and not v.any() and bool((anew.nats_of(v)[0] < test).mean() > 0.5)


ORACLES: list[Oracle] = [
    Oracle(r"^The start: white paper\. It has a higher p than most digits, and is none\.$", _white_is_cheap),
    Oracle(r"^On average a dream has (?P<which>now a higher|still a lower) p than a test digit has\.$", _higher_p),
    Oracle(r"^All 512 pictures of 3 × 3, each as dark as it is probable; the 14 in a frame are the data\.$", _start),
    Oracle(
        r"^Nothing pulls down: each weight grows at every step"
        r"(?P<black>, and the black picture has more than half of p)?\.$",
        _runs_away,
    ),
    Oracle(r"^Nearest to the data: (?P<a>[^,]+), then (?P<b>[^,]+), then (?P<c>[^,]+)\.$", _order),
    Oracle(r"^Two of the three are about equally near to the data\.$", _about_equal),
    Oracle(r"^Settled: pattern (?P<name>\d), pixel for pixel\.$", _recalled),
    Oracle(r"^Settled: the negative of a stored pattern\. It is as deep: E\(−s\) = E\(s\)\.$", _negative),
    Oracle(
        r"^Settled where nobody stored anything: (?P<off>\d+) pixels off the nearest, pattern (?P<name>\d)"
        r"(?P<deeper>, and deeper than every stored one)?\.$",
        _nobodys,
    ),
    Oracle(
        r"^One unit at a time asks all others, and follows their weighted vote: the energy never rises\.$",
        _never_rises,
    ),
]
