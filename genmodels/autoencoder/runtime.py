"""A trained autoencoder without torch: codes and copies in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from genmodels.nn.runtime import Forward

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint


class ForwardAutoencoder:
    """The autoencoder of :mod:`genmodels.autoencoder.model` without torch.

    Args:
        arrays: Of a state or a checkpoint.
        activation: The config's.
        loss: The config's: ``"cross-entropy"`` (the decoder ends in a sigmoid) or ``"squared"`` (it ends linear).
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], activation: str = "relu", loss: str = "cross-entropy"
    ) -> None:
        self.encode = Forward(arrays, "encoder", activation)
        self.decode = Forward(arrays, "decoder", activation, "sigmoid" if loss == "cross-entropy" else "identity")

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> ForwardAutoencoder:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        config = checkpoint.entry.config
        return cls(checkpoint.arrays, config["activation"], config["loss"])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Through the bottleneck and back, ``(N, D)`` to ``(N, D)``."""
        return self.decode(self.encode(x))
