"""What the captions of pixels claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
