"""What the captions of vae claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
