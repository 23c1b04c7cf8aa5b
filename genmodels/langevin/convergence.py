r"""Are the walkers there yet, and what are their samples worth? Split R̂ and the effective sample size.

M chains of N draws of one number; each is cut in two, so that a drift shows. With W the mean variance within a chain,
B/N the variance of the chains' means, and v⁺ = (N − 1)/N W + B/N:

    R̂ = √(v⁺ / W),      ESS = M N / τ,      τ = 1 + 2 Σ_t ρ_t,      ρ_t = 1 − (W − mean autocovariance at t) / v⁺

The sum over lags stops where Geyer's pairs ρ_2k + ρ_2k+1 are no longer positive, and they are made never to rise. An
AR(1) chain with correlation ρ has ESS/(MN) → (1 − ρ)/(1 + ρ).

*Both compare chains with each other, not with p*: walkers that all began in one lump and never left it agree.

Sources: Gelman & Rubin (1992), *Statistical Science* 7(4); Geyer (1992), the same issue; Vehtari et al. (2021),
*Bayesian Analysis* 16(2), arXiv:1903.08008, eqs. 1–4 and 10 (without the ranks); numbers are those of ArviZ with
``method="mean"`` and ``method="split"``.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def split_r_hat(chains: Any) -> float:
    """R̂ of M chains of N draws, ``(M, N)``, N ≥ 4; 1 where they agree, NaN where nothing varies.

    >>> round(split_r_hat([[0.0, 1.0, 0.0, 1.0], [5.0, 6.0, 5.0, 6.0]]), 3)
    4.143
    """
    within, plus, _ = _variances(_split(chains))
    return float(np.sqrt(plus / within)) if within > 0 else float("nan")


def effective_sample_size(chains: Any) -> float:
    """How many independent draws would tell the mean as well as M chains of N draws, ``(M, N)``, N ≥ 4.

    NaN where nothing varies; it may exceed M N where draws alternate.

    >>> rng = np.random.default_rng(0)
    >>> bool(abs(effective_sample_size(rng.standard_normal((4, 2_000))) / 8_000 - 1) < 0.1)
    True
    """
    x = _split(chains)
    m, n = x.shape
    within, plus, covariance = _variances(x)
    if not plus > 0:
        return float("nan")
    rho = 1 - (within - covariance) / plus
    rho[0] = 1.0
    pairs = rho[: 2 * max(1, (n - 1) // 2)].reshape(-1, 2)
    sums = pairs.sum(axis=1)
    negative = np.flatnonzero(sums < 0)
    stop = (
        int(negative[0]) if len(negative) else len(sums) - 1
    )  # pairs before it count, and its even lag, if positive
    tau = 2 * float(np.minimum.accumulate(sums[:stop]).sum()) - 1 + max(0.0, float(pairs[stop, 0]))
    return float(m * n / max(tau, 1 / np.log10(m * n)))


def _split(chains: Any) -> np.ndarray:
    """Both halves of each chain as chains, ``(2M, N // 2)``; of an odd number the middle draw is left out."""
    x = np.asarray(chains, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 4 or not len(x) or not np.isfinite(x).all():
        raise ValueError(f"Chains must be finite numbers (M, N), one chain a row, N ≥ 4; got the shape {x.shape}.")
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _variances(x: np.ndarray) -> tuple[float, float, np.ndarray]:
    """W, v⁺, and the chains' mean autocovariance at all lags, ``(N,)``."""
    m, n = x.shape
    means = x.mean(axis=1)
    padded = np.fft.rfft(x - means[:, None], 2 * n)
    covariance = np.fft.irfft(np.square(np.abs(padded)), 2 * n)[:, :n].mean(axis=0) / n
    within = float(covariance[0] * n / (n - 1))
    return within, float(within * (n - 1) / n + (means.var(ddof=1) if m > 1 else 0.0)), covariance
