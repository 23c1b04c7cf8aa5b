r"""Annealed importance sampling: log Z of a machine whose states nobody can count.

From a machine A whose Z is known, through K machines in between, to the one that is asked for:

    E_β(v, h) = (1 − β) E_A(v, h) + β E(v, h),    E_A(v, h) = − a·v,    Z_A = 2^H Π_d (1 + e^(a_d)),    β = 0 … 1

A has no weights: a_d are the log-odds of each pixel's ink (*base-rate* machine). Each of M runs draws v from A. For
each β, the one before being β', it is weighed by p*_β(v) / p*_β'(v) = e^(F_β'(v) − F_β(v)), and makes one step of
block Gibbs under β. Then

    Ẑ = Z_A · (1/M) Σ_m w_m    with    E[w] = Z / Z_A    exactly, for any number of β

so Ẑ is unbiased, and log Ẑ is below log Z on average (Jensen). Its error bar is that of a mean, s(w) / (w̄ √M), which
is an honest one only if many runs share the weight: read the *effective* number of runs, (Σ w)² / Σ w², beside it.

Sources: Neal (2001), *Statistics and Computing* 11; Salakhutdinov & Murray (2008), ICML, section 4. float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from genmodels.checks import check_ink, check_whole
from genmodels.rbm.model import RBM, coins, softplus


class LogZ(NamedTuple):
    """An estimate of log Z.

    Attributes:
        log_z: nats.
        error: Its standard error, nats, by the delta method.
        effective: How many of the runs share the weight, 1 … M.
        log_weights: log(Z_A w) of each run, ``(M,)``.
    """

    log_z: float
    error: float
    effective: float
    log_weights: np.ndarray


def base_rate(v: np.ndarray) -> np.ndarray:
    """Log-odds of each pixel's ink ``(D,)`` in images ``(N, D)``, with one imagined image of each colour."""
    v = check_ink(v)
    black = v.sum(axis=0) + 1
    return np.log(black) - np.log(len(v) + 2 - black)


def annealed_log_z(
    rbm: RBM, base: np.ndarray, n_runs: int = 100, n_betas: int = 1000, rng: np.random.Generator | int = 0
) -> LogZ:
    """log Z by annealed importance sampling.

    Args:
        rbm: The machine.
        base: a, ``(D,)``: of :func:`base_rate`, or zeros.
        n_runs: M, 2 or more.
        n_betas: Steps from β = 0 to 1, evenly spaced, 1 or more.
        rng: Source of randomness, or a seed.

    Raises:
        ValueError: Shapes do not fit, or a number is out of range.
    """
    check_whole("n_runs", n_runs, at_least=2)
    check_whole("n_betas", n_betas, at_least=1)
    a = np.asarray(base, dtype=np.float64)
    if a.shape != (rbm.n_visible,):
        raise ValueError(
            f"The base rate has the shape {a.shape}; give one number for each of {rbm.n_visible} pixels."
        )
    rng = np.random.default_rng(rng)
    w, b, c = (np.asarray(part, dtype=np.float64) for part in (rbm.weights, rbm.visible, rbm.hidden))
    log_z_a = rbm.n_hidden * np.log(2) + float(softplus(a).sum())
    v = coins(np.broadcast_to(1 / (1 + np.exp(-a)), (n_runs, len(a))), rng)
    log_w, inputs, drift, low = np.zeros(n_runs), v @ w + c, v @ (b - a), 0.0
    for k in range(1, n_betas + 1):
        beta = k / n_betas
        log_w += (beta - low) * drift + (softplus(beta * inputs) - softplus(low * inputs)).sum(axis=1)
        low = beta
        if k < n_betas:
            between = RBM(beta * w, (1 - beta) * a + beta * b, beta * c)
            v = coins(between.visible_given(coins(between.hidden_given(v), rng)), rng)
            inputs, drift = v @ w + c, v @ (b - a)
    weights = np.exp(log_w - log_w.max())
    error = float(weights.std(ddof=1) / (weights.mean() * np.sqrt(n_runs)))
    log_z = float(logsumexp(log_w) - np.log(n_runs) + log_z_a)
    effective = float(weights.sum() ** 2 / np.square(weights).sum())
    return LogZ(log_z, error, effective, log_z_a + log_w)
