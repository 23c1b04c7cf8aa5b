"""Whole digits by other priors: networks in torch and float64, samplers by the textbook, MADE by whole passes."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from dashboard.scenes.inverse import solvers
from genmodels.cnn import predict_proba
from genmodels.recipes.cnn import HALVED, model_of
from genmodels.store import cache
from tests.oracles import latent
from tests.oracles.ar_pixels import trained
from tests.oracles.inverse_mask import decibels, decoded
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
MORE = {
    "solvers": [
        solvers.Asked(3, 12, "left", "list", seed=2),
        solvers.Asked(9, 7, "middle", "replacement"),
        solvers.Asked(0, 3, "right", "repaint", seed=1),
        solvers.Asked(4, 10, "upper", "dps"),
        solvers.Asked(2, 5, "lower", "dps", 3.0),
        solvers.Asked(5, 20, "middle", "vae"),
        solvers.Asked(4, 10, "lower", "vae"),
        solvers.Asked(7, 1, "lower", "made", seed=3),
        solvers.Asked(8, 30, "left", "made"),
    ]
}
ENDS = {
    "upper": (0, 28, 14, 28),
    "lower": (0, 28, 0, 14),
    "left": (0, 14, 0, 28),
    "right": (14, 28, 0, 28),
    "middle": (6, 22, 6, 22),
}
DIFFUSION = ("replacement", "repaint", "dps")


class Found(NamedTuple):
    """Frames by their ids, numbers by name and id, and the answers at 14 × 14."""

    hidden: np.ndarray
    part: np.ndarray
    frames: dict[int, np.ndarray]
    own: np.ndarray
    told: dict[str, dict[int, float]]
    truth: np.ndarray
    answers: np.ndarray
    mean: np.ndarray
    chances: np.ndarray
    votes: np.ndarray


def covered(config: Any, side: int) -> np.ndarray:
    left, right, lower, upper = ENDS[config.cover]
    at = (np.arange(side) + 0.5) * 28 / side
    return np.outer((lower < 28 - at) & (28 - at < upper), (left < at) & (at < right)).ravel()


def halved(rows: np.ndarray) -> np.ndarray:
    """Each pixel the mean of four, where there are four."""
    if rows.shape[-1] == 196:
        return rows
    x = rows.reshape(-1, 28, 28)
    return (sum(x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4).reshape(-1, 196)


@lru_cache(maxsize=1)
def judge() -> Any:
    return model_of(cache.arrays("cnn-14"), HALVED)


def found(seen: Any) -> Found:
    """Of what is shown; MADE's answers are looked up there, and checked."""
    shown = seen.scene.panels[0].layers[0].pixels[-1] if seen.config.solver == "made" else np.zeros(0, np.uint8)
    return _found(seen.config, shown.tobytes())


@lru_cache(maxsize=64)
def _found(config: solvers.Asked, shown: bytes) -> Found:
    index = np.flatnonzero(latent.labels() == config.digit)[config.nth - 1]
    black, hidden = latent.rows_of("test", True)[index], covered(config, 28)
    truth = halved(latent.rows_of("test", False)[index][None])[0]
    part = truth if config.solver in DIFFUSION else black
    asked = config, part, covered(config, 14 if len(part) == 196 else 28)
    frames, own, told = by_made(*asked, shown) if config.solver == "made" else WAYS[config.solver](*asked)
    p = decoded().reshape(4000, 784)
    weights = given(black, hidden)
    mean = halved(np.where(hidden, weights @ p, black)[None])[0]
    answers = halved(frames[max(frames)])
    votes = predict_proba(judge(), answers.reshape(-1, 14, 14).astype(np.float32)).argmax(axis=1)
    chances = weights.reshape(10, 400).sum(axis=1)
    small = covered(config, 14)
    return Found(small, part, frames, halved(own), told, truth, answers, mean, chances, votes)


def given(black: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    p = decoded().reshape(4000, 784)
    log_p = np.log(np.clip(np.where(black == 1, p, 1 - p), 1e-6, 1)[:, ~hidden]).sum(axis=1)
    weights = np.exp(log_p - log_p.max())
    return weights / weights.sum()


# --- Who answers --------------------------------------------------------------------------------------------

Way = tuple[dict[int, np.ndarray], np.ndarray, dict[str, dict[int, float]]]


def by_list(config: Any, part: np.ndarray, hidden: np.ndarray) -> Way:
    p = decoded().reshape(4000, 784)
    chosen = np.random.default_rng([config.seed, 63]).choice(4000, 9, p=given(part, hidden))
    answers = np.where(hidden, p[chosen], part)
    return {n: answers * (np.arange(9) < n)[:, None] for n in range(10)}, p[chosen], {}


@lru_cache(maxsize=1)
def network() -> list[tuple[torch.Tensor, torch.Tensor]]:
    arrays = cache.arrays("diffusion-digits")
    numbers = sorted(int(name.split(".")[1]) for name in arrays if name.startswith("net.") and "weight" in name)
    return [
        (torch.tensor(arrays[f"net.{k}.weight"]).double(), torch.tensor(arrays[f"net.{k}.bias"]).double())
        for k in numbers
    ]


def x_0(x: torch.Tensor, alpha_bar: float) -> torch.Tensor:
    """E[x_0 | x_t] as the network has it: no class, v = √ᾱ ε − √(1 − ᾱ) x_0."""
    u = np.arccos(np.sqrt(alpha_bar)) * 2 / np.pi
    waves = [f(2.0**j * np.pi * u) for j in range(4) for f in (np.sin, np.cos)]
    h = torch.cat([x, torch.tensor([2 * u - 1, *waves, *[0] * 10]).expand(len(x), -1)], dim=1)
    layers = network()
    for weight, bias in layers[:-1]:
        h = torch.relu(h @ weight.T + bias)
    v = h @ layers[-1][0].T + layers[-1][1]
    return np.sqrt(alpha_bar) * x - np.sqrt(1 - alpha_bar) * v


def levels() -> np.ndarray:
    f = np.cos(np.pi / 2 * (np.linspace(0, 1, 1001) + 0.008) / 1.008) ** 2
    return np.append(1, np.cumprod(1 - np.minimum(1 - f[1:] / f[:-1], 0.999)))


def by_diffusion(config: Any, part: np.ndarray, hidden: np.ndarray) -> Way:
    arrays = cache.arrays("diffusion-digits")
    centre, scale = arrays["centre"].astype(float), float(arrays["scale"].item())
    y = ((part - centre) / scale)[~hidden]
    alpha_bar, times = levels(), [*range(1000, 0, -20), 0]
    x = np.random.default_rng([config.seed, 61]).standard_normal((9, 196))
    rng, frames = np.random.default_rng([config.seed, 62]), {}
    for step, (t, s) in enumerate(pairwise(times)):
        now, then = alpha_bar[t], alpha_bar[s]
        alpha = now / then
        frames[step] = np.clip(centre + scale * x, 0, 1)
        for again in range(5 if config.solver == "repaint" and s else 1):
            if again:
                x = np.sqrt(alpha) * x + np.sqrt(1 - alpha) * rng.standard_normal(x.shape)
            at = torch.tensor(x, requires_grad=True)
            clean = x_0(at, now)
            missed = torch.linalg.vector_norm(clean[:, ~hidden] - torch.tensor(y), dim=1)
            down = torch.autograd.grad(missed.sum(), at)[0].numpy() if config.solver == "dps" else 0
            mean = np.sqrt(then) * (1 - alpha) * clean.detach().numpy() + np.sqrt(alpha) * (1 - then) * x
            new = mean / (1 - now)
            if s:
                new += np.sqrt((1 - alpha) * (1 - then) / (1 - now)) * rng.standard_normal(x.shape)
            if config.solver == "dps":
                new -= 2 * config.strength * down  # ∇ |·|² / |·| = 2 ∇ |·|
            else:
                new[:, ~hidden] = np.sqrt(then) * y + np.sqrt(1 - then) * rng.standard_normal(x.shape)[:, ~hidden]
            x = new
    own = centre + scale * x
    frames[50] = np.where(hidden, np.clip(own, 0, 1), part)
    return frames, own, {"t": dict(enumerate(times))}


def by_vae(config: Any, part: np.ndarray, hidden: np.ndarray) -> Way:
    z = torch.tensor(np.random.default_rng([config.seed, 64]).standard_normal((9, 16)))
    x, seen = torch.tensor(part), torch.tensor(~hidden)
    rate, frames, told = torch.full((9, 1), 0.01).double(), {}, {"highest": {}, "lowest": {}}
    decoder = latent.perceptron("vae-16d", "decoder")

    def joint(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        z = z.detach().requires_grad_()
        a = decoder(z)
        log_p = -torch.nn.functional.binary_cross_entropy_with_logits(a, x.expand(9, -1), reduction="none")
        total = log_p[:, seen].sum(dim=1) - 0.5 * (z**2).sum(dim=1) - 8 * np.log(2 * np.pi)
        return total.detach(), torch.autograd.grad(total.sum(), z)[0], torch.sigmoid(a).detach()

    log_p, slope, picture = joint(z)
    for step in range(201):
        if step:
            up = joint(z + rate * slope)
            better = (up[0] >= log_p)[:, None]
            z = torch.where(better, z + rate * slope, z)
            log_p = torch.where(better[:, 0], up[0], log_p)
            slope, picture = torch.where(better, up[1], slope), torch.where(better, up[2], picture)
            rate = rate * torch.where(better, 1.5, 0.5)
        frames[step] = np.where(hidden, picture.numpy(), part)
        told["highest"][step], told["lowest"][step] = float(log_p.max()), float(log_p.min())
    kept = {step: frame for step, frame in frames.items() if step % 4 == 0}
    return kept, picture.numpy(), {f"log p(part, z): {who}": values for who, values in told.items()}


def by_made(config: Any, part: np.ndarray, hidden: np.ndarray, shown: bytes) -> Way:
    """The answers as shown, checked: seen pixels are the part's, covered ones are ink where u is below p."""
    x = np.frombuffer(shown, dtype=np.uint8).reshape(9, 784) / 255
    logits, uniform = made(x), np.random.default_rng(config.seed).random((9, 784))
    p = 1 / (1 + np.exp(-logits))
    sure = np.abs(uniform - p) > 1e-4  # nearer than that, rounding decides
    assert (x[:, ~hidden] == part[~hidden]).all()
    assert ((uniform < p) == x)[hidden & sure].all()
    log_p = -np.logaddexp(0, np.where(x == 1, -logits, logits))
    frames, count, begin = {}, {}, np.flatnonzero(hidden)[0] // 14 * 14
    for step in range(begin, 785, 14):
        passed = np.arange(784) < step
        frames[step] = np.where(hidden & ~passed, 0.24, x)
        log_w = (log_p * (passed & ~hidden)).sum(axis=1)
        w = np.exp(log_w - log_w.max())
        count[step] = w.sum() ** 2 / (w**2).sum()
    return frames, x, {"answers that count": count}


@torch.no_grad()
def made(x: np.ndarray) -> np.ndarray:
    """The logit of each pixel given those before it, by the network in torch."""
    return trained("pixel-made")[0](torch.tensor(x).float()).double().numpy()


WAYS = {"list": by_list, "vae": by_vae} | dict.fromkeys(DIFFUSION, by_diffusion)


# --- What is seen -------------------------------------------------------------------------------------------


def is_done(seen: Seen) -> bool:
    """Whether the answers are there: in the last two frames, the last of which shows the truth."""
    return seen.step >= max(found(seen).frames)


def truth_is_shown(seen: Seen) -> bool:
    return seen.step > max(found(seen).frames)


def edge(config: Any, x: float, y: float) -> list[tuple[float, float]]:
    """Of the cover in a picture of size 1 with that lower left corner."""
    left, right, lower, upper = (end / 28 for end in ENDS[config.cover])
    return [(x + left, y + lower), (x + right, y + lower), (x + right, y + upper), (x + left, y + upper)]


@ORACLES("solvers", "Images answers")
def the_film(seen: Seen) -> dict[str, Any]:
    frames = found(seen).frames
    now = frames[min(seen.step, max(frames))]
    return {"pixels": latent.inked(now), "columns": 3, "extent": About((0, 3, 0, 3))}


@ORACLES("solvers", "Polylines edge of the cover")
def covers_of_answers(seen: Seen) -> dict[str, Any]:
    return {"xy": About([edge(seen.config, k % 3, 2 - k // 3) for k in range(9)])}


@ORACLES("solvers", "Polylines cover")
def the_cover(seen: Seen) -> dict[str, Any]:
    return {"xy": About([edge(seen.config, 0, 1.2)])}


@ORACLES("solvers", "Images ", panel=1)
def four_pictures(seen: Seen) -> dict[str, Any]:
    now = found(seen)
    side = round(len(now.part) ** 0.5)
    shown = (
        np.where(covered(seen.config, side), 0, now.part),
        now.mean,
        now.answers.mean(axis=0) if is_done(seen) else np.zeros(196),
        now.truth if truth_is_shown(seen) else np.zeros(196),
    )[seen.k]
    return {"pixels": latent.inked(shown[None])}


@ORACLES("solvers", "Images truth now")
def truth_on_a_key(seen: Seen) -> dict[str, Any]:
    return {"pixels": latent.inked(found(seen).truth[None])}


@ORACLES("solvers", "Labels ")
def names_above_their_pictures(seen: Seen) -> dict[str, Any]:
    extents = [layer.extent for layer in seen.scene.panels[1].layers if getattr(layer, "extent", None)]

    def above(at: np.ndarray) -> bool:
        return all(x0 < x < x1 and y1 < y < y1 + 0.2 for (x, y), (x0, x1, _, y1) in zip(at, extents, strict=False))

    return {"at": above, "texts": ("asked", "E[x | part]", "their mean", "truth")}


@ORACLES("solvers", "Bars p, the list")
def which_digit(seen: Seen) -> dict[str, Any]:
    return {"height": About(100 * found(seen).chances, 1e-3, 1e-3), "x": About(np.arange(10) - 0.2)}


@ORACLES("solvers", "Bars answers")
def which_digit_the_answers_are(seen: Seen) -> dict[str, Any]:
    counts = np.bincount(found(seen).votes, minlength=10)
    return {"height": About(100 * counts / 9 * is_done(seen)), "x": About(np.arange(10) + 0.2)}


@ORACLES("solvers", "Readout .*")
def numbers(seen: Seen) -> dict[str, Any]:
    now, name = found(seen), seen.thing.name
    if name in now.told:
        value = now.told[name][min(seen.step, max(now.frames))]
        unit = {"t": "", "answers that count": "of 9"}.get(name, "nats")
        return {"values": About(value, 1e-3, 2e-2), "unit": unit}
    truth, answers, hidden = now.truth[now.hidden], now.answers[:, now.hidden], now.hidden
    part = halved(now.part[None])[0]
    apart = [np.linalg.norm(now.answers[i] - now.answers[j]) for i in range(9) for j in range(i)]
    value, unit = {
        "misses the part by": (np.sqrt(np.square(now.own - part)[:, ~hidden].mean(axis=1)).mean(), ""),
        "PSNR: an answer": (decibels(np.square(answers - truth).mean()), "dB"),
        "PSNR: their mean": (decibels(np.square(answers.mean(axis=0) - truth).mean()), "dB"),
        "PSNR: E[x | part], the list": (decibels(np.square(now.mean[hidden] - truth).mean()), "dB"),
        "CNN: answers that are right": (100 * (now.votes == seen.config.digit).mean(), "%"),
        "two answers are apart": (np.mean(apart), ""),
    }[name]
    early = not is_done(seen) and "list" not in name
    return {"values": About(np.nan if early else value, 2e-3, 1e-2 if unit == "dB" else 1e-3), "unit": unit}
