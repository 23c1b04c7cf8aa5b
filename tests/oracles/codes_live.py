"""A vector-quantised autoencoder in training: the trainer's states, looked up by distances, decoded by torch."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from dashboard.scenes.codes import live
from genmodels.data.digits import load_small_digits
from genmodels.data.planar import get_dataset
from genmodels.vq.training import VQConfig, VQState, iterate_vq
from tests.claims.test_captions import LIVE_FRAMES
from tests.oracles import latent
from tests.oracles.seen import About, Oracles, Seen

ORACLES = Oracles()
torch.set_num_threads(1)
MORE = {
    "live": [
        live.Config("digits8", 20, restart=True, batch=32, seed=3),
        live.Config("moons", 64, ema=True, restart=True, batch=8),
    ]
}
SIDE, HALF = 64, 3.2


@lru_cache(maxsize=4)
def data(source: str, seed: int) -> np.ndarray:
    """1,000 points with mean 0 and mean variance 1 of the distribution; or the small digits of training."""
    if source == "digits8":
        return load_small_digits().train.images
    of = get_dataset(source)
    drawn = of.sample(1000, np.random.default_rng([seed, 7]))
    return (drawn - of.mean) / math.sqrt((of.covariance[0, 0] + of.covariance[1, 1]) / 2)


@lru_cache(maxsize=4)
def trained(config: live.Config) -> dict[int, VQState]:
    """The first states, by their step."""
    training = VQConfig(
        n_codes=config.live_codes,
        code_size=2,
        side=8 if config.live_data == "digits8" else 0,
        batch=config.batch,
        learning_rate=float(np.exp(config.log_rate * np.log(10))),
        n_steps=1200,
        every=10,
        ema=config.ema,
        restart=config.restart,
        seed=config.seed,
        device=config.device,
    )
    states = itertools.islice(iterate_vq(data(config.live_data, config.seed), training), LIVE_FRAMES)
    return {state.step: state for state in states}


class Through:
    """All data through the network of one state, in torch: z_e ``(M, 2)``, words ``(M,)``, the mean error."""

    @torch.no_grad()
    def __init__(self, config: live.Config, step: int) -> None:
        self.state = trained(config)[step]
        self.model = self.state.model()
        x = torch.tensor(data(config.live_data, config.seed), dtype=torch.float32)
        z = self.model.encode(x)
        self.codes = self.model.book.weight.detach().numpy().astype(float)
        self.z = z.reshape(-1, 2).numpy().astype(float)
        self.words = cdist(self.z, self.codes).argmin(axis=1)
        out = self.decode(self.words, z.shape)
        self.error = float(((x.numpy() - out) ** 2).sum()) / len(x)
        held = np.array(sorted(Counter(self.words.tolist()).values())) / len(self.words)
        self.used, self.perplexity = len(held), math.exp(-sum(p * math.log(p) for p in held.tolist()))
        self.dead = self.state.arrays()["usage"] < 0.1 / config.live_codes

    @torch.no_grad()
    def decode(self, words: np.ndarray, shape: Any) -> np.ndarray:
        return self.model.decode(torch.tensor(self.codes[words], dtype=torch.float32).reshape(shape)).numpy()


@lru_cache(maxsize=8)
def through(config: live.Config, step: int) -> Through:
    return Through(config, step)


def of(seen: Seen) -> Through:
    return through(seen.config, seen.step)


@ORACLES("live", "Field share of words")
def share_of_cells(seen: Seen) -> dict[str, Any]:
    """In per cent, at cells' centres; near a border either of two."""
    now, k = of(seen), seen.config.live_codes
    share = 100 * np.bincount(now.words, minlength=k) / len(now.words)
    at = (np.arange(SIDE) + 0.5) / SIDE * 2 * HALF - HALF
    centres = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    apart = cdist(centres, now.codes)
    near = np.sort(apart, axis=1)
    clear = near[:, 1] - near[:, 0] > 1e-5
    want = share[apart.argmin(axis=1)]

    def right(shown: np.ndarray) -> Any:
        off = np.abs(shown.ravel() - want)[clear].max()
        return bool(off < 0.5) or f"a cell is off by {off} %"

    return {"values": right, "limits": About((0, 400 / k)), "extent": About((-HALF, HALF, -HALF, HALF))}


@ORACLES("live", "Points z_e")
def encoded(seen: Seen) -> dict[str, Any]:
    """At most a thousand of them, taken at random, the same in each frame."""
    z = of(seen).z
    order = np.arange(len(z))
    np.random.default_rng(0).shuffle(order)
    return {"xy": About(z[order[:1000]], 1e-4, 1e-4)}


@ORACLES("live", "Points (codes|dead codes)")
def codes_now(seen: Seen) -> dict[str, Any]:
    now = of(seen)
    mine = now.dead if "dead" in seen.name else ~now.dead
    xy = now.codes if seen.panel == 0 else now.decode(np.arange(len(now.codes)), now.codes.shape)
    return {"xy": About(np.where(mine[:, None], xy, np.nan), 1e-4, 1e-4)}


@ORACLES("live", "Points data")
def the_data(seen: Seen) -> dict[str, Any]:
    return {"xy": data(seen.config.live_data, seen.config.seed)}


@lru_cache(maxsize=8)
def copies(config: live.Config, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The first unseen digit of each class, and its copy, ``(10, 64)``."""
    test, now = load_small_digits().test, through(config, step)
    x = test.images[[test.labels.tolist().index(digit) for digit in range(10)]]
    with torch.no_grad():
        z = now.model.encode(torch.tensor(x, dtype=torch.float32))
    words = cdist(z.reshape(-1, 2).numpy(), now.codes).argmin(axis=1)
    return x.reshape(10, 64), now.decode(words, z.shape).reshape(10, 64)


@ORACLES("live", "Images ")
def digits_and_copies(seen: Seen) -> dict[str, Any]:
    x, copied = copies(seen.config, seen.step)
    first = 5 * (seen.k // 2)
    shown = (copied if seen.k % 2 else x)[first : first + 5]
    return latent.in_row(seen) | {"pixels": latent.inked(shown, frame=1)}


@ORACLES("live", "Labels ")
def names_of_rows(seen: Seen) -> dict[str, Any]:
    return latent.row_names(("x", "x̂", "x ", "x̂ "))


def batch(seen: Seen) -> tuple[int, float]:
    """Codes in the next minibatch, and their perplexity."""
    counts = [int(n) for n in of(seen).state.counts if n]
    total = sum(counts)
    assert (
        total
        == min(seen.config.batch, len(data(seen.config.live_data, seen.config.seed)))
        * (16 if seen.config.live_data == "digits8" else 1)
        or seen.config.batch > 8
    )
    return len(counts), math.exp(-sum(n / total * math.log(n / total) for n in counts))


@ORACLES("live", "(Curve|Readout) .*")
def numbers_of_training(seen: Seen) -> dict[str, Any]:
    now, (used, wide) = of(seen), batch(seen)
    value = {
        "error of all data": now.error,
        "all data": now.error,
        "minibatch": now.state.reconstruction,
        "codes used by all data": now.used,
        "used, all data": now.used,
        "by the minibatch": used,
        "used, minibatch": used,
        "perplexity of all data": now.perplexity,
        "perplexity, all data": now.perplexity,
        "of the minibatch": wide,
        "perplexity, minibatch": wide,
        "dead codes": int(now.dead.sum()),
    }[seen.thing.name]
    told = About(value, 1e-3, 1e-4)
    return {"y": told} if seen.name.startswith("Curve") else {"values": told, "unit": ""}
