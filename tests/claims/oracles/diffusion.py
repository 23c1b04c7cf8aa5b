"""What the captions of diffusion claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
