"""What the page on energy has to show: its parts."""

from __future__ import annotations

from tests.oracles import energy_rbm
from tests.oracles.seen import Oracles

PARTS = (energy_rbm,)
ORACLES = Oracles()
ORACLES.all = [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()}
