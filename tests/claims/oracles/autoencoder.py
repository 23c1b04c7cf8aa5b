"""What the captions of autoencoder claim."""

from tests.claims.shown import Oracle

ORACLES: list[Oracle] = []
