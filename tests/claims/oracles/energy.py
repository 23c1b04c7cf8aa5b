"""What the captions of the page on energy claim: its parts."""

from tests.claims.oracles import energy_rbm

ORACLES = [*energy_rbm.ORACLES]
