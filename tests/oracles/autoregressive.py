"""What the autoregressive page has to show: its three parts."""

from __future__ import annotations

from tests.oracles import ar_heads, ar_pixels, ar_text
from tests.oracles.seen import Oracles

PARTS = (ar_text, ar_heads, ar_pixels)
ORACLES = Oracles()
ORACLES.all = [oracle for part in PARTS for oracle in part.ORACLES.all]
MORE = {cue: configs for part in PARTS for cue, configs in part.MORE.items()}
