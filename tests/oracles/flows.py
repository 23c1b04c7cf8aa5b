"""What the page on flows has to show: its parts."""

from __future__ import annotations

from tests.oracles import flows_layers, flows_live, flows_matching, flows_one
from tests.oracles.seen import Oracles

PARTS = (flows_layers, flows_live, flows_matching, flows_one)
ORACLES = Oracles()
ORACLES.all = [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()}
