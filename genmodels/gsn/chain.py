r"""A denoising autoencoder as a sampler: noise, denoise, repeat.

    x̃ ~ C(x̃ | x)       each pixel is replaced by a fair coin with probability ν
    x′ ~ P(x′ | x̃)      each pixel is drawn with the probability p that the network gives it

If P is the posterior of the data, P(x | x̃) ∝ p(x) C(x̃ | x), then p is stationary: x ~ p makes (x, x̃) a pair of the
joint p(x) C(x̃ | x), and x′ is drawn from its conditional, a step of Gibbs sampling. With ν > 0 every x̃ can come from
every x, so that the chain has one stationary distribution, and comes to it from anywhere. A network whose pixels are
independent given x̃ is not that posterior unless the data's pixels are independent, too: its chain has a stationary
distribution of its own.

Sources: Bengio, Yao, Alain & Vincent (2013), *Generalized denoising auto-encoders as generative models*,
arXiv:1305.6663, theorem 1; Bengio, Laufer, Alain & Yosinski (2014), *Deep generative stochastic networks trainable by
backprop*, arXiv:1306.1091.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from genmodels.checks import check_ink, check_number, check_whole
from genmodels.states import still

Denoiser = Callable[[np.ndarray], np.ndarray]
"""From x̃ ``(N, D)`` to each pixel's probability of ink, ``(N, D)``."""


@dataclass(frozen=True, eq=False)
class ChainState:
    """N chains after ``step`` rounds of noise and denoising.

    Attributes:
        step: Rounds so far.
        x: Where the chains are, ``(N, D)`` float64, 0 or 1.
        corrupted: x̃ that x was drawn from, ``(N, D)`` float64, 0 or 1; x itself in the initial state.
        p: P(x | x̃), each pixel's probability of ink, ``(N, D)``; x itself in the initial state.
    """

    step: int
    x: np.ndarray
    corrupted: np.ndarray
    p: np.ndarray


def corrupt(x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """x̃ of pixels 0 or 1, of the same shape and type: each is replaced by a fair coin with the probability noise.

    So ν/2 of the pixels change. One number u is drawn for each: u < ν/2 makes ink, ν/2 ≤ u < ν paper.
    """
    u = rng.random(x.shape)
    return np.where(u < noise, u < noise / 2, x).astype(x.dtype)


def drawn(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pixels, 1 with probability p, of the same shape and type."""
    return (rng.random(p.shape) < p).astype(p.dtype)


def iterate_chain(
    network: Denoiser, x: np.ndarray, noise: float, n_steps: int, rng: np.random.Generator
) -> Iterator[ChainState]:
    """Run chains side by side.

    Args:
        network: P(x | x̃).
        x: Where they start, ``(N, D)``, pixels 0 or 1.
        noise: ν, 0 … 1.
        n_steps: Rounds, 0 or more.
        rng: Draws all noise, then all pixels, of each round.

    Yields:
        The initial state, then one a round.

    Raises:
        ValueError: A value is out of range, or pixels are grey; the message says what to mend.
    """
    x = check_ink(x)
    check_number("noise", noise, at_least=0, at_most=1)
    check_whole("n_steps", n_steps, at_least=0)
    x = still(x)
    yield ChainState(0, x, x, x)
    for step in range(1, n_steps + 1):
        corrupted = corrupt(x, noise, rng)
        p = np.asarray(network(corrupted), dtype=np.float64)
        x = still(drawn(p, rng))
        yield ChainState(step, x, still(corrupted), still(p))
