"""What the captions of boundaries claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
