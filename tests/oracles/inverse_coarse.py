"""A digit in coarse pixels: sums of coins by products of polynomials, their slopes by autograd, all in float64."""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

import numpy as np
import torch

from dashboard.scenes.inverse import coarse
from genmodels.cnn import predict_proba
from tests.oracles import latent
from tests.oracles.inverse_mask import classifier, decibels, decoded, moments
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {"coarse": [coarse.Coarse(8, 1, seed=3), coarse.Coarse(4, 8, True, seed=1)]}


class Level(NamedTuple):
    truth: np.ndarray
    copied: np.ndarray
    fitting: int
    classes: np.ndarray
    answers: np.ndarray
    wiener: np.ndarray
    says: np.ndarray


def blocks(rows: Any, side: int) -> Any:
    """Pixels ``(N, 784)`` by their blocks, ``(N, S², n)``."""
    n = 28 // side
    return rows.reshape(-1, side, n, side, n).swapaxes(2, 3).reshape(-1, side**2, n**2)


def whole(by_block: np.ndarray) -> np.ndarray:
    """Back again, ``(N, 784)``."""
    side, n = round(by_block.shape[1] ** 0.5), round(by_block.shape[2] ** 0.5)
    return by_block.reshape(-1, side, side, n, n).swapaxes(2, 3).reshape(-1, 784)


def sums(p: torch.Tensor, most: int) -> torch.Tensor:
    """Chances that coins ``(…, n)`` come to 0 … most, by multiplying 1 − p + p z in pairs."""
    factors = torch.stack([1 - p, p], dim=-1)
    while factors.shape[-2] > 1:
        if factors.shape[-2] % 2:
            one = torch.zeros_like(factors[..., :1, :])
            one[..., 0] = 1
            factors = torch.cat([factors, one], dim=-2)
        a, b = factors[..., 0::2, :], factors[..., 1::2, :]
        width, top = a.shape[-1], min(2 * a.shape[-1] - 1, most + 1)
        factors = torch.zeros((*a.shape[:-1], top), dtype=p.dtype)
        for j in range(min(width, top)):
            k = min(width, top - j)
            factors[..., j : j + k] += a[..., j : j + 1] * b[..., :k]
    return factors[..., 0, :]


@lru_cache(maxsize=64)
def posterior(digit: int, nth: int, side: int) -> tuple[np.ndarray, np.ndarray, torch.Tensor, np.ndarray]:
    """The digit, the ink of its blocks, the coins of the list by blocks, and p(k | y)."""
    truth = latent.rows_of("test", True)[np.flatnonzero(latent.labels() == digit)[nth - 1]]
    counts = blocks(truth[None], side)[0].sum(axis=1).astype(int)
    coins = torch.from_numpy(blocks(np.clip(decoded().reshape(4000, 784), 1e-6, 1 - 1e-6), side))
    log_p = torch.zeros(4000, dtype=torch.float64)
    for b, m in enumerate(counts.tolist()):
        log_p += torch.log(sums(coins[:, b], m)[:, m])
    return truth, counts, coins, torch.softmax(log_p, dim=0).numpy()


@lru_cache(maxsize=64)
def level(config: coarse.Coarse, side: int) -> Level:
    truth, counts, coins, weights = posterior(config.digit, config.nth, side)
    rng = np.random.default_rng([config.seed, 53])
    chosen = coins[(np.cumsum(weights)[None] <= rng.random(100)[:, None]).sum(axis=1)]
    if config.drawn:
        answers = whole(drawn(chosen.numpy(), counts, blocks(rng.random((100, 784)), side)))
    else:
        answers = np.clip(whole(chances(chosen, counts).numpy()), 0, 1)
    mu, spread = moments()
    spread = spread - 0.01 * np.eye(784)
    a = np.zeros((side**2, 784))
    for i, row in enumerate(np.eye(784)):
        a[:, i] = blocks(row[None], side)[0].mean(axis=1)
    across = spread @ a.T
    gain = np.linalg.solve(a @ across + 1e-4 * np.eye(side**2), a @ (truth - mu))
    wiener = np.clip(mu + across @ gain, 0, 1)
    says = predict_proba(classifier(), answers[:9].reshape(-1, 28, 28).astype(np.float32))
    fitting = 1
    for m in counts.tolist():
        fitting *= comb((28 // side) ** 2, m)
    classes = weights.reshape(10, 400).sum(axis=1)
    return Level(truth, block_means(truth[None], side)[0], fitting, classes, answers, wiener, says.argmax(axis=1))


def chances(coins: torch.Tensor, counts: np.ndarray) -> torch.Tensor:
    """p(x_i = 1 | m) = p_i (1 + (1 − p_i) ∂ log P(m) / ∂ p_i), as P(m) is linear in each p_i."""
    p = coins.clone().requires_grad_()
    told = [torch.log(sums(p[:, b], m)[:, m]).sum() for b, m in enumerate(counts.tolist())]
    (slope,) = torch.autograd.grad(sum(told), p)
    return coins * (1 + (1 - coins) * slope)


def drawn(coins: np.ndarray, counts: np.ndarray, u: np.ndarray) -> np.ndarray:
    """One pixel after the other: each with its chance, given how many of the later ones have to be ink."""
    rows, n_blocks, n = coins.shape
    x = np.zeros(coins.shape)
    later = [np.zeros((rows, n_blocks, n + 1)) for _ in range(n + 1)]  # that the last ones hold r of ink
    later[n][..., 0] = 1
    for i in reversed(range(n)):
        p = coins[:, :, i, None]
        later[i] = (1 - p) * later[i + 1] + p * np.roll(later[i + 1], 1, axis=2)
    row, block = np.ogrid[:rows, :n_blocks]
    for i in range(n):
        rest = counts - x.sum(axis=2).astype(int)
        ink = coins[:, :, i] * later[i + 1][row, block, rest - 1] * (rest > 0)
        x[:, :, i] = u[:, :, i] < ink / later[i][row, block, rest]
    return x


def block_means(rows: np.ndarray, side: int) -> np.ndarray:
    """Each pixel is the mean of its block."""
    by_block = blocks(rows, side)
    return whole(np.broadcast_to(by_block.mean(axis=2, keepdims=True), by_block.shape))


def now(seen: Seen) -> Level:
    return level(seen.config, seen.step)


@ORACLES("coarse", "Images (answers)?", panel=0)
def measured(seen: Seen) -> dict[str, Any]:
    return {"pixels": latent.inked(now(seen).copied[None])} | latent.whole(seen)


@ORACLES("coarse", "Images answers")
def nine(seen: Seen) -> dict[str, Any]:
    return {"pixels": latent.inked(now(seen).answers[:9]), "columns": 3} | latent.whole(seen)


@ORACLES("coarse", "Images ", panel=2)
def single_answers(seen: Seen) -> dict[str, Any]:
    of = now(seen)
    mean = of.answers.mean(axis=0)
    last = of.truth if seen.step == 28 else np.zeros(784)
    return {"pixels": latent.inked((mean, block_means(of.truth[None], seen.step)[0], of.wiener, last)[seen.k][None])}


@ORACLES("coarse", "Images truth now")
def truth_on_a_key(seen: Seen) -> dict[str, Any]:
    return {"pixels": latent.inked(now(seen).truth[None])}


@ORACLES("coarse", "Labels ", panel=2)
def names_above_their_pictures(seen: Seen) -> dict[str, Any]:
    extents = [layer.extent for layer in seen.scene.panels[2].layers if getattr(layer, "extent", None)]

    def above(at: np.ndarray) -> bool:
        return all(x0 < x < x1 and y1 < y < y1 + 0.2 for (x, y), (x0, x1, _, y1) in zip(at, extents, strict=False))

    return {"at": above, "texts": ("mean of 100", "coarse again", "Wiener filter", "truth")}


@ORACLES("coarse", r"Bars p\(class \| y\)")
def which_digit(seen: Seen) -> dict[str, Any]:
    return {"height": About(100 * now(seen).classes, 1e-3, 1e-3), "x": About(np.arange(10) - 0.2)}


@ORACLES("coarse", "Bars answers")
def which_digit_the_answers_are(seen: Seen) -> dict[str, Any]:
    shares = np.bincount(now(seen).says, minlength=10) / 9
    return {"height": About(100 * shares), "x": About(np.arange(10) + 0.2)}


@ORACLES("coarse", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    of, digit, name = now(seen), seen.config.digit, seen.thing.name
    p = of.classes[of.classes > 1e-300]
    exactly_so = seen.step == 28

    def error(x: np.ndarray) -> float:
        return np.inf if exactly_so else decibels(np.square(x - of.truth).mean())

    values = {
        f"p(a {digit} | y)": (100 * of.classes[digit], "%"),
        "digits in play": (np.exp(-(p * np.log(p)).sum()), ""),
        "PSNR: an answer": (error(of.answers), "dB"),
        "PSNR: mean of 100": (error(of.answers.mean(axis=0)), "dB"),
        "PSNR: y, blocks copied": (error(of.copied), "dB"),
        "PSNR: Wiener": (decibels(np.square(of.wiener - of.truth).mean()), "dB"),
        "CNN: answers that are right": (100 * (of.says == digit).mean(), "%"),
        "answers miss y by": (0, ""),
    }
    value, unit = values[name]
    return {"values": About(value, 1e-3, 2e-2 if unit == "dB" else 1e-3), "unit": unit}
