"""What the captions of gan claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
