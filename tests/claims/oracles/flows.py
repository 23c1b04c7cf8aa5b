"""What the captions of the page on flows claim: its parts."""

from tests.claims.oracles import flows_layers, flows_live, flows_matching, flows_one

ORACLES = [*flows_layers.ORACLES, *flows_live.ORACLES, *flows_matching.ORACLES, *flows_one.ORACLES]
