r"""How large is log p(x), in any number of dimensions? Importance weights and what can be made of them.

    p(x) = E_r[w],   w = p(x, z) / r(z),   z ~ r(z), the proposal: the prior, the encoder's q, or any other

*The estimate* p̂_N = 1/N Σ_n w_n has no bias, so log p̂_N lies below log p(x) on average (Jensen), the less so the
more draws: many draws from a bad proposal look settled, far too low. *Effective sample size*, (Σ w)² / Σ w² between 1
and N: how many of the draws carry the estimate. Near 1, do not believe it (and a large one does not prove that it can
be believed: a lump that no draw has found is missed by both).

*The importance-weighted bound* L_K = E[log 1/K Σ_{k ≤ K} w_k]: L_1 is the ELBO of the proposal, L_K rises with K, and
comes as near to log p(x) as one likes; exp of what is inside has no bias at any K.

Everything is in logarithms: a weight of an image of 784 pixels is far below the smallest float.

Sources: Burda, Grosse & Salakhutdinov (2016), *Importance weighted autoencoders*, arXiv:1509.00519, eq. 8 and theorem
1; Kong (1992) for the effective sample size. Float64, nats; randomness is a ``numpy.random.Generator`` that is given.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

from genmodels.checks import check_whole
from genmodels.inference.bounds import GaussianQ
from genmodels.inference.models import LatentModel

CHUNK = 8192  # most draws at once


class Estimates(NamedTuple):
    """After each of N draws.

    Attributes:
        log_p: log p̂_n, ``(N,)``, nats.
        ess: Effective sample size, 1 … n, ``(N,)``.
    """

    log_p: np.ndarray
    ess: np.ndarray


class BoundEstimate(NamedTuple):
    """L_K from a sample of weights.

    Attributes:
        mean: nats.
        error: Standard error of it, nats; NaN if there is one group only.
        groups: How many groups of K it is the mean of.
    """

    mean: float
    error: float
    groups: int


def log_weights(
    model: LatentModel, x: Any, proposal: GaussianQ | Literal["prior"], n: int, rng: np.random.Generator
) -> np.ndarray:
    """log w = log p(x, z) − log r(z) at n draws of z from the proposal r, ``(n,)``, nats.

    Args:
        model: With any number of latents.
        x: ``(D,)``.
        proposal: ``"prior"``, or a Gaussian, such as the encoder's.
        n: Draws, 1 or more.
        rng: Of the draws.
    """
    check_whole("n", n, at_least=1)
    x = model.check_x(x)
    if isinstance(proposal, str) and proposal != "prior":
        raise ValueError(f"proposal is {proposal!r}; give 'prior', or a GaussianQ such as model.encoder_q(x).")
    if isinstance(proposal, GaussianQ) and proposal.n_latent != model.n_latent:
        raise ValueError(f"The proposal has {proposal.n_latent} dimensions; give one of {model.n_latent}, as z has.")
    pieces = []
    for start in range(0, n, CHUNK):
        size = min(CHUNK, n - start)
        if isinstance(proposal, str):
            pieces.append(model.log_likelihood(x, rng.standard_normal((size, model.n_latent))))
        else:
            z = proposal.sample(size, rng)
            pieces.append(model.log_joint(x, z) - proposal.log_prob(z))
    return np.concatenate(pieces)


def estimate(log_w: np.ndarray) -> Estimates:
    """log p̂ and the effective sample size after each draw, along the last axis.

    >>> running = estimate(np.log([1.0, 3.0]))
    >>> np.exp(running.log_p).round(6).tolist(), running.ess.round(6).tolist()  # (1 + 3)² / (1 + 9)
    ([1.0, 2.0], [1.0, 1.6])
    """
    log_w = np.asarray(log_w, dtype=np.float64)
    total, squares = np.logaddexp.accumulate(log_w, axis=-1), np.logaddexp.accumulate(2 * log_w, axis=-1)
    return Estimates(total - np.log(np.arange(1, log_w.shape[-1] + 1)), np.exp(2 * total - squares))


def importance_bound(log_w: np.ndarray, k: int) -> BoundEstimate:
    """L_K: the mean, over groups of K draws, of log of the mean weight.

    Args:
        log_w: ``(N,)`` independent draws, N ≥ K; those that do not fill a group are left out.
        k: K, 1 or more.

    >>> round(importance_bound(np.log([1.0, 3.0, 4.0, 4.0]), 2).mean, 6)  # the mean of log 2 and log 4
    1.039721
    """
    check_whole("k", k, at_least=1)
    log_w = np.asarray(log_w, dtype=np.float64)
    groups = len(log_w) // k
    if log_w.ndim != 1 or groups == 0:
        raise ValueError(f"L_{k} needs {k} weights or more in one row; got the shape {log_w.shape}.")
    inside = log_means(log_w[: groups * k].reshape(groups, k))
    error = inside.std(ddof=1) / math.sqrt(groups) if groups > 1 else math.nan
    return BoundEstimate(float(inside.mean()), float(error), groups)


def log_means(log_w: np.ndarray) -> np.ndarray:
    """log of the mean weight of each row, ``(…, K)`` to ``(…)``."""
    highest = log_w.max(axis=-1, keepdims=True)
    return highest[..., 0] + np.log(np.exp(log_w - highest).mean(axis=-1))
