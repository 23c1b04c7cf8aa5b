"""What the page on energies has to show: its parts."""

from __future__ import annotations

from tests.oracles import (
    energy_deep,
    energy_gsn,
    energy_landscape,
    energy_learn,
    energy_rbm,
    energy_score,
    energy_walkers,
)
from tests.oracles.seen import Oracles

PARTS = (energy_landscape, energy_walkers, energy_learn, energy_score, energy_rbm, energy_deep, energy_gsn)
ORACLES = Oracles()
ORACLES.all = [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()}
