"""A trained variational autoencoder without torch: codes, mean pictures and the bound in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from genmodels.nn.runtime import Forward, one_hot, sigmoid

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint


class ForwardVAE:
    """The variational autoencoder of :mod:`genmodels.vae.model` without torch.

    Sizes, number of classes and kind of decoder are read from the arrays.

    Args:
        arrays: Of a state or a checkpoint.
        activation: The config's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], activation: str = "relu") -> None:
        gaussian = "log_noise" in arrays
        self.noise = float(np.exp(np.asarray(arrays["log_noise"]).item())) if gaussian else None  # σ_x, or None
        self._encoder = Forward(arrays, "encoder", activation)
        self._decoder = Forward(arrays, "decoder", activation)
        self.n_latents = self._encoder.sizes[-1] // 2
        self.n_classes = self._decoder.sizes[0] - self.n_latents

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> ForwardVAE:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        return cls(checkpoint.arrays, checkpoint.entry.config["activation"])

    def encode(self, x: np.ndarray, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of q(z | x), each ``(N, L)``, from images ``(N, D)`` and labels ``(N,)``."""
        mu, log_var = np.split(self._encoder(self._with_class(x, y)), 2, axis=1)
        return mu, np.exp(0.5 * log_var)

    def decode(self, z: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """E[x | z], the mean picture: points ``(N, L)`` and labels ``(N,)`` to pixels ``(N, D)``."""
        a = self._decoder(self._with_class(z, y))
        return a if self.noise else sigmoid(a)

    def elbo(
        self, x: np.ndarray, n_samples: int, rng: np.random.Generator, y: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Reconstruction E_q[log p(x | z)], by sampling, and KL(q ‖ p), exact: each ``(N,)``, nats per image.

        Args:
            x: Images ``(N, D)``; 0 or 1 if the decoder is Bernoulli.
            n_samples: Draws of z for each image, 1 or more.
            rng: Of the draws.
            y: Labels ``(N,)`` if the network is conditional.
        """
        x = np.asarray(x, dtype=np.float32)
        mu, sigma = self.encode(x, y)
        reconstruction = np.zeros(len(x))
        for _ in range(n_samples):
            z = mu + sigma * rng.standard_normal(mu.shape)
            reconstruction += self.log_prob(x, z, y) / n_samples
        return reconstruction, 0.5 * (mu**2 + sigma**2 - 2 * np.log(sigma) - 1).sum(axis=1)

    def log_prob(self, x: np.ndarray, z: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """log p(x | z), images ``(N, D)`` and points ``(N, L)`` to ``(N,)``, nats per image."""
        return self._log_prob(self._decoder(self._with_class(z, y)), np.asarray(x, dtype=np.float32))

    def _log_prob(self, a: np.ndarray, x: np.ndarray) -> np.ndarray:
        """log p(x | z) from logits or means a, both ``(N, D)``, to ``(N,)``, nats."""
        if self.noise is None:
            return (x * a - np.logaddexp(0, a)).sum(axis=1, dtype=np.float64)
        return -0.5 * (((x - a) / self.noise) ** 2 + np.log(2 * np.pi * self.noise**2)).sum(axis=1, dtype=np.float64)

    def _with_class(self, x: np.ndarray, y: np.ndarray | None) -> np.ndarray:
        if (y is None) != (self.n_classes == 0):
            raise ValueError("This network knows no classes; leave out y." if y is not None else MISSING_CLASS)
        return x if y is None else np.concatenate([x, one_hot(y, self.n_classes)], axis=1, dtype=np.float32)


MISSING_CLASS = "This network is conditional on the class; give the labels y, one a row."
