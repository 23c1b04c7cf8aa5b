"""A digit under noise: Bayes' rule by densities of every pixel, float64, and the Wiener filter by its definition."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from dashboard.scenes.inverse import noise
from genmodels.cnn import predict_proba
from tests.oracles import latent
from tests.oracles.inverse_mask import classifier, decibels, decoded, moments
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {"noise": [noise.Noisy(8, 3, seed=4)]}
SIGMAS = (0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5, 4.0)


class Level(NamedTuple):
    truth: np.ndarray
    y: np.ndarray
    answers: np.ndarray
    mean: np.ndarray
    wiener: np.ndarray
    says: np.ndarray


@lru_cache(maxsize=64)
def level(config: noise.Noisy, at: int) -> Level:
    sigma = SIGMAS[at]
    truth = latent.rows_of("test", True)[np.flatnonzero(latent.labels() == config.digit)[config.nth - 1]]
    rng = np.random.default_rng([config.seed, 52])
    y = truth + sigma * rng.standard_normal(784)
    places, thresholds = rng.random(9), rng.random((9, 784))
    p = np.clip(decoded().reshape(4000, 784), 1e-6, 1 - 1e-6)
    black, white = norm(1, sigma).logpdf(y), norm(0, sigma).logpdf(y)
    top = np.maximum(black, white)
    black, white = np.exp(black - top), np.exp(white - top)
    either = p * black + (1 - p) * white
    log_p = np.log(either).sum(axis=1)
    weights = np.exp(log_p - logsumexp(log_p))
    heard = weights > 1e-12
    inked = p[heard] * black / either[heard]
    chosen = (np.cumsum(weights)[None] <= places[:, None]).sum(axis=1)
    answers = (thresholds < p[chosen] * black / either[chosen]) * 1.0
    mean = weights[heard] @ inked
    mu, spread = moments()
    spread = spread - 0.01 * np.eye(784)
    pulled = np.linalg.solve(spread + sigma**2 * np.eye(784), y - mu)
    wiener = np.clip(mu + spread @ pulled, 0, 1)
    pictures = np.concatenate([answers, mean[None], wiener[None]]).reshape(-1, 28, 28)
    return Level(truth, y, answers, mean, wiener, predict_proba(classifier(), pictures.astype(np.float32)))


def now(seen: Seen) -> Level:
    return level(seen.config, seen.frame)


def told(config: noise.Noisy, at: int) -> dict[str, Any]:
    """PSNR by name."""
    of = level(config, at)
    with np.errstate(divide="ignore"):
        return {
            "y itself": decibels(np.square(of.y - of.truth).mean()),
            "an answer": decibels(np.square(of.answers - of.truth).mean()),
            "E[x | y]": decibels(np.square(of.mean - of.truth).mean()),
            "Wiener": decibels(np.square(of.wiener - of.truth).mean()),
        }


@ORACLES("noise", "Images .*")
def pictures(seen: Seen) -> dict[str, Any]:
    of = now(seen)
    shown = {
        "y = x + σ ε": of.y[None],
        "truth": of.truth[None],
        "answers": of.answers,
        "E[x | y]": of.mean[None],
        "Wiener filter": of.wiener[None],
    }
    return {"pixels": latent.inked(shown[seen.thing.name])}


@ORACLES("noise", "Labels ")
def names_above_their_pictures(seen: Seen) -> dict[str, Any]:
    extents = {layer.name: layer.extent for layer in seen.scene.panels[0].layers if hasattr(layer, "extent")}

    def above(at: np.ndarray) -> bool:
        ends = extents.values()
        return all(x0 < x < x1 and y1 < y < y1 + 0.2 for (x, y), (x0, x1, _, y1) in zip(at, ends, strict=True))

    return {"at": above, "texts": tuple(extents)}


@ORACLES("noise", "Polylines (y itself|an answer|E.x . y.|Wiener)")
def over_the_noise(seen: Seen) -> dict[str, Any]:
    values = [np.clip(told(seen.config, at)[seen.thing.name], -15, 35) for at in range(8)]
    return {"xy": About(np.stack([np.log10(SIGMAS), values], axis=1)[None], 1e-3, 1e-2)}


@ORACLES("noise", "Polylines ")
def where_we_are(seen: Seen) -> dict[str, Any]:
    at = np.log10(SIGMAS[seen.frame])
    return {"xy": About([[[at, -15], [at, 35]]])}


@ORACLES("noise", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    of, digit, name = now(seen), seen.config.digit, seen.thing.name
    values = {
        "σ": (SIGMAS[seen.frame], ""),
        "the prior expects of E[x | y]": (decibels((of.mean - np.square(of.mean)).mean()), "dB"),
        "CNN: answers that are right": (100 * (of.says[:9].argmax(axis=1) == digit).mean(), "%"),
        f"CNN, p(a {digit}): E[x | y]": (100 * of.says[9, digit], "%"),
        f"CNN, p(a {digit}): Wiener": (100 * of.says[10, digit], "%"),
    } | {f"PSNR: {who}": (value, "dB") for who, value in told(seen.config, seen.frame).items()}
    value, unit = values[name]
    return {"values": About(value, 1e-3, 2e-2), "unit": unit}
