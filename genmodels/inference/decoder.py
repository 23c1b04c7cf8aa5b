r"""A decoder that was learned: the stored variational autoencoder as a latent-variable model, in numpy.

    z ~ N(0, I),   x_d ~ Bernoulli(π_d(z)),   log p(x | z) = Σ_d x_d a_d − log(1 + e^{a_d}),   a the decoder's logits
    ∇_z log p(x | z) = Jᵀ (x − π(z)),   J = ∂a/∂z, by backpropagation

Only the decoder is the model. The encoder is a guess at its posterior, and one proposal among others. x must be black
and white: the likelihood of grey pixels is no density.

Sources: Kingma & Welling (2014), arXiv:1312.6114, appendix C. Imports :mod:`genmodels.nn.runtime` alone, no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels.checks import check_ink
from genmodels.inference.bounds import GaussianQ
from genmodels.inference.models import LatentModel
from genmodels.nn.runtime import Forward, sigmoid

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint

CHUNK = 2048  # most latent points decoded at once


class VAEModel(LatentModel):
    """The variational autoencoder of :mod:`genmodels.vae.model`, Bernoulli and unconditional.

    Args:
        arrays: Of a state or a checkpoint.
        activation: The config's.
        dtype: Of the networks' arithmetic; float32 is twice as fast and right to about 1e-4 nats.

    Raises:
        ValueError: The decoder is Gaussian, or takes a class.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], activation: str = "silu", dtype: type[np.floating] = np.float64
    ) -> None:
        self._encoder = Forward(arrays, "encoder", activation, dtype=dtype)
        self._decoder = Forward(arrays, "decoder", activation, dtype=dtype)
        self.rounding = 1e-9 if self._decoder.dtype == np.float64 else 1e-4
        self._surveyed: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self.n_latent, self.n_features = self._encoder.sizes[-1] // 2, self._decoder.sizes[-1]
        if "log_noise" in arrays or self._decoder.sizes[0] != self.n_latent:
            raise ValueError(
                "This decoder is Gaussian or takes a class; give a Bernoulli VAE without classes, such as vae-2d."
            )

    @classmethod
    def of(cls, checkpoint: Checkpoint, dtype: type[np.floating] = np.float64) -> VAEModel:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        return cls(checkpoint.arrays, checkpoint.entry.config["activation"], dtype)

    def encode(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the encoder's q(z | x), each ``(N, d)``, from images ``(N, D)``."""
        mean, log_var = np.split(self._encoder(check_ink(x, self.n_features)).astype(np.float64), 2, axis=1)
        return mean, np.exp(0.5 * log_var)

    def encoder_q(self, x: Any) -> GaussianQ:
        """The encoder's q(z | x) for one image ``(D,)``."""
        mean, sigma = self.encode(self.check_x(x)[None])
        return GaussianQ.diagonal(mean[0], sigma[0])

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The mean picture, ``(N, d)`` to ``(N, D)``."""
        return sigmoid(self.logits(z))

    def logits(self, z: np.ndarray) -> np.ndarray:
        """a(z), ``(N, d)`` to ``(N, D)``."""
        return self._decoder(z)

    def log_likelihood(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x | z), ``(N,)``, nats."""
        x, pieces = np.asarray(x), []
        for rows in _pieces(len(z)):
            pieces.append(_log_bernoulli(x if x.ndim == 1 else x[rows], self.logits(z[rows])))
        return np.concatenate(pieces)

    def value_and_gradient(self, x: Any, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log p(x, z) ``(N,)`` and its gradient in z ``(N, d)``, by one pass forwards and one back."""
        x, values, slopes = np.asarray(x), [], []
        for rows in _pieces(len(z)):
            image = x if x.ndim == 1 else x[rows]
            a, slope = self._decoder.pull(z[rows], partial(_slope, image))
            values.append(_log_bernoulli(image, a))
            slopes.append(slope.astype(np.float64))
        return np.concatenate(values) + self.log_prior(z), np.concatenate(slopes) - z

    def table(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x_m | z_n) of images ``(M, D)`` at points ``(N, d)``, ``(M, N)``, nats; each z is decoded once."""
        images, columns = np.asarray(x, dtype=self._decoder.dtype), []
        for rows in _pieces(len(z)):
            a = self.logits(z[rows])
            columns.append((images @ a.T).astype(np.float64) - _softplus(a).sum(axis=1, dtype=np.float64))
        return np.concatenate(columns, axis=1)

    def survey(self, x: Any, z: np.ndarray) -> np.ndarray:
        """log p(x, z) ``(N,)``; z is decoded once, as long as it is the same array, and kept in float32."""
        if self._surveyed is None or self._surveyed[0] is not z:
            a = np.concatenate([self.logits(z[rows]).astype(np.float32) for rows in _pieces(len(z))])
            self._surveyed = z, a, self.log_prior(z) - _softplus(a).sum(axis=1, dtype=np.float64)
        _, a, rest = self._surveyed
        return a @ np.asarray(x, dtype=np.float32) + rest


def _log_bernoulli(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Σ_d x_d a_d − log(1 + e^{a_d}), images ``(D,)`` or ``(N, D)`` and logits ``(N, D)`` to ``(N,)`` float64."""
    held = a @ x.astype(a.dtype) if x.ndim == 1 else np.einsum("nd,nd->n", a, x.astype(a.dtype))
    return held.astype(np.float64) - _softplus(a).sum(axis=1, dtype=np.float64)


def _slope(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """∂ log p(x | z)/∂a = x − π."""
    return x.astype(a.dtype) - sigmoid(a)


def _softplus(a: np.ndarray) -> np.ndarray:
    """log(1 + e^a), faster than ``logaddexp``."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def _pieces(n: int) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, n, CHUNK)]
