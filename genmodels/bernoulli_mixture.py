r"""A mixture of Bernoullis: black-and-white images of K kinds, pixels independent within a kind.

    p(x) = Σ_k π_k Π_d p_kd^x_d (1 − p_kd)^(1 − x_d)

One kind is a coin for each pixel; more of them let pixels depend on each other, through the kind. Learned by EM:

    E:  r_nk = p(kind k | x_n)            M:  π_k = N_k/N,   p_kd = (Σ_n r_nk x_nd + α) / (N_k + 2α),   N_k = Σ_n r_nk

α is Laplace's smoothing, a Beta(1 + α, 1 + α) prior on each p_kd: EM climbs log p(data) + log p(p), the *objective*,
and never falls. Without it a pixel that was always white would make an image with one black dot impossible.

Sources: Bishop (2006), section 9.3.3; Dempster, Laird & Rubin (1977). Rows are images ``(N, D)`` of 0 and 1, float64,
logarithms natural, nats per image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from genmodels.checks import check_ink, check_number, check_whole
from genmodels.states import last


@dataclass(frozen=True)
class BernoulliMixtureConfig:
    """How many kinds, and how to learn them.

    Args:
        n_components: K, 1 or more.
        n_steps: Steps of EM, 0 or more.
        alpha: α, imagined images of each colour in every kind, above 0.
        seed: Of the start, 0 or more: each kind begins halfway between an image drawn at random and the mean image.
    """

    n_components: int = 20
    n_steps: int = 50
    alpha: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("n_components", 1), ("n_steps", 0), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("alpha", self.alpha, above=0)


@dataclass(frozen=True, eq=False)
class BernoulliMixtureState:
    """The mixture after some steps of EM.

    Attributes:
        step: Number of steps made.
        weights: π, ``(K,)``.
        means: p, the probability of ink, ``(K, D)``.
        objective: Mean log p(x) of the training images plus the log prior (up to a constant) by N, nats per image.
    """

    step: int
    weights: np.ndarray
    means: np.ndarray
    objective: float

    def log_joint(self, x: np.ndarray) -> np.ndarray:
        """log π_k p(x | k), images ``(N, D)`` of 0 and 1 to ``(N, K)``, nats."""
        return _log_joint(check_ink(x, self.means.shape[1]), self.weights, self.means)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p(x), ``(N, D)`` to ``(N,)``, nats per image."""
        return logsumexp(self.log_joint(x), axis=1)

    def responsibilities(self, x: np.ndarray) -> np.ndarray:
        """p(kind k | x), ``(N, D)`` to ``(N, K)``; rows sum to 1."""
        joint = self.log_joint(x)
        return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n images, ``(n, D)`` float64 of 0 and 1."""
        check_whole("n", n, at_least=0)
        kinds = rng.choice(self.weights.size, size=n, p=self.weights)
        return (rng.random((n, self.means.shape[1])) < self.means[kinds]).astype(np.float64)


def iterate_bernoulli_mixture(x: np.ndarray, config: BernoulliMixtureConfig) -> Iterator[BernoulliMixtureState]:
    """EM, one state a step, the start first.

    Args:
        x: Images ``(N, D)`` of 0 and 1, at least K.
        config: How many kinds, and how.

    Raises:
        ValueError: The images are not black and white, or too few.
    """
    x = check_ink(x)
    k, alpha = config.n_components, config.alpha
    if len(x) < k:
        raise ValueError(f"There are {len(x)} images for {k} kinds; give more images, or a smaller n_components.")
    rows = np.random.default_rng(config.seed).choice(len(x), size=k, replace=False)
    smooth = (x.sum(axis=0) + alpha) / (len(x) + 2 * alpha)
    weights, means = np.full(k, 1 / k), (x[rows] + smooth) / 2
    means = np.clip(means, 1e-3, 1 - 1e-3) if k > 1 else smooth[None].copy()
    r = np.empty((len(x), k))
    for step in range(config.n_steps + 1):
        if step:
            counts = r.sum(axis=0)
            weights, means = counts / len(x), (r.T @ x + alpha) / (counts[:, None] + 2 * alpha)
        joint = _log_joint(x, weights, means)
        evidence = logsumexp(joint, axis=1)
        r = np.exp(joint - evidence[:, None])
        prior = alpha * (np.log(means) + np.log1p(-means)).sum()
        for array in (weights, means):
            array.setflags(write=False)
        yield BernoulliMixtureState(step, weights, means, float(evidence.mean() + prior / len(x)))


def fit_bernoulli_mixture(x: np.ndarray, config: BernoulliMixtureConfig) -> BernoulliMixtureState:
    """The mixture learned: the last state of :func:`iterate_bernoulli_mixture`."""
    return last(iterate_bernoulli_mixture(x, config))


def _log_joint(x: np.ndarray, weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    no_ink = np.log1p(-means)
    with np.errstate(divide="ignore"):
        return np.log(weights) + no_ink.sum(axis=1) + x @ (np.log(means) - no_ink).T
