"""The network with two latents that is asked of digits."""

from __future__ import annotations

import numpy as np

from genmodels.inference.decoder import VAEModel
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

NETWORK = "vae-2d"


def model() -> VAEModel:
    """The stored network."""
    return cache.made(_in_float32, NETWORK)


def _in_float32(checkpoint: Checkpoint) -> VAEModel:
    return VAEModel.of(checkpoint, np.float32)
