"""What the captions of flows in training, and of three compared, claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles import flows_live
from tests.oracles.flows_live import KINDS, kept

Match = re.Match[str]
NAMES = {"Affine layers are": "affine", "Splines are": "spline", "The continuous flow is": "continuous"}
CORNERS = np.array([[-2.0, 1.0], [0.3, 0.2], [2.5, -2.5]])


def at_rest(shown: Shown, match: Match) -> bool:
    """The lattice is straight, and −3 … 3 either way."""
    lines = np.asarray(shown.layer("lattice of z").xy)[shown.frame]
    upright, level = np.split(lines, 2)
    straight = np.ptp(upright[:, :, 0], axis=1).max() == np.ptp(level[:, :, 1], axis=1).max() == 0
    return bool(straight and abs(lines).max() == 3)


def risen(shown: Shown, match: Match) -> bool:
    """A flow of an earlier frame gave less to what is held out."""
    step, x = int(shown.scene.steps[shown.frame]), flows_live.apart(shown.config)[1]
    nats = [-flows_live.flow_at(shown.config, s).log_prob(x).mean() for s in range(0, step + 1, 20)]
    return bool(nats[-1] > min(nats) + 0.0999)


def not_begun(shown: Shown, match: Match) -> bool:
    flows = [kept(shown.config.source, kind, 0) for kind in KINDS[:2]]
    return shown.frame == 0 and all(np.array_equal(flow.to_x(CORNERS), CORNERS) for flow in flows)


def nearest(shown: Shown, match: Match) -> bool:
    gaps = {kind: shown.readout(f"gap, {kind}") for kind in KINDS}
    return min(gaps, key=gaps.__getitem__) == NAMES[match["who"]]


ORACLES = [
    Oracle(r"Nothing is learned yet: every layer leaves the plane as it is", at_rest),
    Oracle(r"Held-out nats are 0\.1 or more above their lowest so far\.", risen),
    Oracle(r"Each cell of the lattice keeps its mass", holds_whatever("p(x) is by the change of variables")),
    Oracle(r"Before the first step: couplings begin as the identity", not_begun),
    Oracle(r"(?P<who>.*) nearest to the true density after so long", nearest),
]
