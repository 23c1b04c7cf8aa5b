"""What the page on codes has to show: its parts."""

from __future__ import annotations

from tests.oracles import codes_digits, codes_live, codes_toy
from tests.oracles.seen import Oracles

PARTS = (codes_toy, codes_live, codes_digits)
ORACLES = Oracles()
ORACLES.all = [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()}
