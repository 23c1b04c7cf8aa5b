"""What the captions of mixture claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
