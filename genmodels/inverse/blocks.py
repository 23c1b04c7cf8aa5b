r"""What the ink in blocks of a picture says of its pixels, exactly: y = A x of black-and-white x, without noise.

A block of n pixels whose mean is known holds m = n y of ink. Under a finite mixture of K pictures, all equally likely
before, whose pixels are drawn independently (:class:`genmodels.inverse.pictures.Pictures`), m has a Poisson binomial
distribution, the law of a sum of different coins:

    p(k | m) ∝ Π_b P(Σ_{d∈b} x_d = m_b | p_k)

Pixel by pixel, with f_i(j) the probability that the pixels before i hold j of ink, and b_i(j) that those from i on
hold what is then left of m,

    b_{n+1}(j) = [j = m],    b_i(j) = (1 − p_i) b_{i+1}(j) + p_i b_{i+1}(j + 1),    p(m | k) = b_1(0) = f_{n+1}(m)
    p(x_i = 1 | k, m) = Σ_j f_i(j) p_i b_{i+1}(j + 1) / b_1(0)
    p(x_i = 1 | k, m, pixels before it, which hold j) = p_i b_{i+1}(j + 1) / b_i(j)

The last line draws pictures that hold exactly m; those of the second line hold m, too, as a sum. Blocks are
independent given k. Source: Chen & Liu (1997), *Statistical applications of the Poisson-binomial and conditional
Bernoulli distributions*, Statistica Sinica 7. Numpy only; pictures are square, rows flat.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genmodels.checks import check_data, check_whole
from genmodels.inverse.pictures import LEAST

TINY = 1e-300
"""A probability of m below this counts as this."""
CHUNK = 25  # pictures drawn at once


def pixels_of_blocks(side: int, block: int) -> np.ndarray:
    """Indices of the pixels of each block, ``(B, block²)``, blocks and pixels row by row.

    Args:
        side: Pixels a side, of which ``block`` is a divisor.
        block: Pixels a side of a block.

    >>> pixels_of_blocks(4, 2).tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    """
    check_whole("side", side, at_least=1)
    check_whole("block", block, at_least=1)
    if side % block:
        raise ValueError(f"Blocks of {block} do not fit into {side} × {side}; give a divisor.")
    n = side // block
    return np.arange(side**2).reshape(n, block, n, block).swapaxes(1, 2).reshape(n**2, block**2)


def given_blocks(ink: Any, counts: Any, block: int) -> np.ndarray:
    """p(k | m), ``(K,)`` float64.

    Args:
        ink: p, the probability of ink, ``(K, D)``; nearer to 0 or 1 than :data:`LEAST` counts as that near.
        counts: m, ``(B,)`` integers 0 … block².
        block: Pixels a side of a block.
    """
    p, counts = _checked(ink, counts, block)
    log_p, coins = np.zeros(len(p)), np.ascontiguousarray(p.T)
    for m, pixels in zip(counts, pixels_of_blocks(_side(p), block), strict=True):
        holds = np.zeros((m + 1, len(p)))  # by pixels so far: 0 … m of ink
        holds[0] = 1
        for so_far, pixel in enumerate(pixels):
            top = min(so_far, m)
            one_more = holds[: min(top + 1, m)] * coins[pixel]
            holds[: top + 1] *= 1 - coins[pixel]
            holds[1 : len(one_more) + 1] += one_more
        log_p += np.log(np.maximum(holds[m], TINY))
    weights = np.exp(log_p - log_p.max())
    return weights / weights.sum()


def ink_given_blocks(ink: Any, counts: Any, block: int) -> np.ndarray:
    """p(x_d = 1 | k, m), one row for each of ink ``(N, D)``: ``(N, D)`` whose blocks sum to m; arguments as above."""
    p, counts = _checked(ink, counts, block)
    pixels, x = pixels_of_blocks(_side(p), block), np.empty(p.shape)
    for piece in _pieces(len(p)):
        coins = p[piece][:, pixels]
        onward = _onward(coins, counts)
        either = onward[0, ..., :1]
        before = np.zeros(onward.shape[1:])
        before[..., 0] = 1
        for i in range(coins.shape[2]):
            coin = coins[..., i, None]
            one_more = before[..., :-1] * coin
            inked = (one_more * onward[i + 1, ..., 1:]).sum(axis=-1)
            x[piece, pixels[:, i]] = _share(inked, either[..., 0], counts / coins.shape[2])
            before *= 1 - coin
            before[..., 1:] += one_more
    return x


def draw_given_blocks(ink: Any, counts: Any, block: int, rng: np.random.Generator) -> np.ndarray:
    """x ~ p(x | k, m), one for each row of ink ``(N, D)``: ``(N, D)`` of 0 and 1 whose blocks hold exactly m.

    Args:
        ink: As above, of N pictures.
        counts: As above.
        block: As above.
        rng: It is asked for ``(N, D)`` uniform numbers, one a pixel, whatever the blocks are.
    """
    p, counts = _checked(ink, counts, block)
    u, pixels, x = rng.random(p.shape), pixels_of_blocks(_side(p), block), np.empty(p.shape)
    for piece in _pieces(len(p)):
        coins = p[piece][:, pixels]
        onward, n = _onward(coins, counts), coins.shape[2]
        held = np.zeros(coins.shape[:2], dtype=int)
        for i in range(n):
            one = coins[..., i] * np.take_along_axis(onward[i + 1], held[..., None] + 1, axis=2)[..., 0]
            none = (1 - coins[..., i]) * np.take_along_axis(onward[i + 1], held[..., None], axis=2)[..., 0]
            inked = u[piece][:, pixels[:, i]] < _share(one, one + none, (counts - held) / (n - i))
            x[piece, pixels[:, i]] = inked
            held += inked
    return x


def _pieces(n: int) -> list[slice]:
    return [slice(rows, min(rows + CHUNK, n)) for rows in range(0, n, CHUNK)]


def _onward(coins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """b of ``(N, B, n)`` coins, ``(n + 1, N, B, most + 2)``; its last column is 0."""
    n, most = coins.shape[2], int(counts.max())
    onward = np.zeros((n + 1, *coins.shape[:2], most + 2))
    onward[n] = np.arange(most + 2) == counts[:, None]
    for i in range(n - 1, -1, -1):
        onward[i] = (1 - coins[..., i, None]) * onward[i + 1]
        onward[i, ..., :-1] += coins[..., i, None] * onward[i + 1, ..., 1:]
    return onward


def _share(part: np.ndarray, whole: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """part / whole; what is left of m, shared alike, where the whole is too small for a number."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), otherwise)


def _checked(ink: Any, counts: Any, block: int) -> tuple[np.ndarray, np.ndarray]:
    p, counts = check_data(ink), np.asarray(counts)
    blocks, pixels = pixels_of_blocks(_side(p), block).shape
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("ink must be probabilities, 0 … 1.")
    if counts.shape != (blocks,) or counts.dtype.kind not in "iu" or not ((counts >= 0) & (counts <= pixels)).all():
        raise ValueError(f"counts must be ({blocks},) integers 0 … {pixels}; got {counts.dtype} {counts.shape}.")
    return np.clip(p, LEAST, 1 - LEAST), counts


def _side(p: np.ndarray) -> int:
    side = round(p.shape[1] ** 0.5)
    if side**2 != p.shape[1]:
        raise ValueError(f"Pictures must be square; {p.shape[1]} pixels are not.")
    return side
