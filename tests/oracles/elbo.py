"""What the page of bounds has to show: its parts."""

from __future__ import annotations

from tests.oracles import elbo_bound, elbo_exact, elbo_recorded
from tests.oracles.seen import Oracles

PARTS = (elbo_exact, elbo_bound, elbo_recorded)
ORACLES = Oracles()
ORACLES.all = [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()}
