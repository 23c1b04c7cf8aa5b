"""What the captions of the page on energies claim: its parts."""

from tests.claims.oracles import (
    energy_deep,
    energy_gsn,
    energy_landscape,
    energy_learn,
    energy_rbm,
    energy_score,
    energy_walkers,
)

ORACLES = [
    *energy_landscape.ORACLES,
    *energy_walkers.ORACLES,
    *energy_learn.ORACLES,
    *energy_score.ORACLES,
    *energy_rbm.ORACLES,
    *energy_deep.ORACLES,
    *energy_gsn.ORACLES,
]
