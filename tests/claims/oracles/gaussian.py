"""What the captions of gaussian claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
