"""Random codes through the decoder: nobody has said where digits are to lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import Claim, Handle, Panel, Points, Readout, Scene, chart, first_true
from dashboard.scene.drag import handle
from dashboard.scene.fields import placed
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.pictures import codes, flat, grey, ink, picture, sheet
from genmodels.autoencoder.runtime import ForwardAutoencoder
from genmodels.data.digits import load_mnist
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

DRAWN, COLUMNS = 24, 6
FAR = 3  # so many times the usual distance between codes is a hole


@dataclass(frozen=True)
class Config:
    """Where the probe is, and the seed of the random codes."""

    code_1: float = placed(0.0, -1e6, 1e6)
    code_2: float = placed(0.0, -1e6, 1e6)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Plane:
    """A trained network, the codes of the test digits ``(500, 2)``, and how far neighbouring codes lie apart."""

    network: ForwardAutoencoder
    codes: np.ndarray
    gap: float

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What the plane shows: all codes but the outermost, and some air."""
        low, high = np.quantile(self.codes, [0.002, 0.998], axis=0)
        air = 0.08 * (high - low)
        return tuple(zip((low - air).tolist(), (high + air).tolist(), strict=True))  # type: ignore[return-value]


def plane() -> Plane:
    """The network of the store."""
    return cache.made(_plane, "autoencoder-2d")


def _plane(checkpoint: Checkpoint) -> Plane:
    network = ForwardAutoencoder.of(checkpoint)
    known = network.encode(flat(grey().images)).astype(float)
    return Plane(network, known, _gap(known))


@lru_cache(maxsize=4)
def _drawn(model: Plane, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random codes ``(24, 2)``, and the sheet of their pictures as one after the other comes ``(24, 24, 28, 28)``."""
    x, y = model.ends
    drawn = np.random.default_rng([seed, 3]).uniform((x[0], y[0]), (x[1], y[1]), (DRAWN, 2))
    there = np.tril(np.ones((DRAWN, DRAWN), dtype=np.uint8))[:, :, None, None]
    return drawn, there * ink(model.network.decode(drawn))


def scene(config: Config) -> Scene:
    """24 codes from a box around all codes are drawn one by one and decoded; the probe asks at any place."""
    model = plane()
    known, (x, y) = model.codes, model.ends
    drawn, shown = _drawn(model, config.seed)
    probe = np.array([config.code_1, config.code_2])
    count = np.arange(1, DRAWN + 1)
    nearest = _to_nearest(model, drawn)
    at_probe = float(np.linalg.norm(known - probe, axis=1).min())
    return Scene(
        panels=(
            chart(
                "The plane of codes",
                (
                    *codes(known, grey().labels),
                    Points(name="random codes", key="r", xy=drawn, count=count, colour="model", radius=6),
                ),
                x,
                y,
                x_label="z₁",
                y_label="z₂",
                share=1.3,
            ),
            Panel(
                "Under the hand",
                (picture(ink(model.network.decode(probe[None])), (0, 1), 1),),
                (0, 1),
                (0, 1),
                axes=False,
                share=0.8,
            ),
            sheet("Random codes, decoded", shown, COLUMNS, share=1.1),
        ),
        steps=count,
        time="drawn",
        readouts=(
            Readout("from the probe to the nearest code", np.full(DRAWN, at_probe), digits=2),
            Readout("from the last random code", nearest, digits=2),
            Readout("between neighbouring codes", np.full(DRAWN, model.gap), digits=2),
        ),
        captions=(
            f"{_lost(model, drawn).sum()} of {DRAWN} random codes lie farther from each test digit's code than {FAR} "
            "times the usual gap between codes.",
        ),
        caption=0,
        alt="Codes of digits in a plane; codes drawn at random from a box around them, and what they are decoded to.",
        fps=3,
        handles=(Handle("code", probe, probe=True),),
    )


def code(config: Config) -> str:
    """The codes of the test digits, random ones from a box around them, and what the decoder makes of these."""
    probe = written(np.array([[config.code_1, config.code_2]]))
    return snippet(
        "import numpy as np",
        "from genmodels.autoencoder.runtime import ForwardAutoencoder",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.metrics import nearest_distances",
        "from genmodels.store.checkpoint import load",
        "network = ForwardAutoencoder.of(load('autoencoder-2d'))",
        "codes = network.encode(load_mnist().test.images.reshape(-1, 784) / 255)",
        f"probe = {probe}",
        "low, high = np.quantile(codes.astype(float), [0.002, 0.998], axis=0)",
        "air = 0.08 * (high - low)",
        f"z = np.random.default_rng([{config.seed}, 3]).uniform(low - air, high + air, ({DRAWN}, 2))",
        "pictures = network.decode(z).reshape(-1, 28, 28)  # 0 paper, 1 ink",
        "shown = {",
        "    'from the probe to the nearest code': nearest_distances(probe, codes)[0],",
        "    'from the last random code': nearest_distances(z, codes),",
        "    'test digits': codes, 'random codes': z,",
        "    'Random codes, decoded': np.round(255 * pictures),",
        "}",
    )


def _gap(known: np.ndarray) -> float:
    """Median distance from a code to the nearest other one."""
    apart = np.linalg.norm(known[None] - known[:, None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1)))


def _to_nearest(model: Plane, z: np.ndarray) -> np.ndarray:
    """Distance to the nearest test digit's code, ``(N, 2)`` to ``(N,)``."""
    return np.linalg.norm(model.codes[None] - z[:, None], axis=-1).min(axis=1)


def _lost(model: Plane, z: np.ndarray) -> np.ndarray:
    """Which codes lie in a hole."""
    return _to_nearest(model, z) > FAR * model.gap


def likeness(config: Config) -> float:
    """Cosine between the picture under the probe and the most similar training digit, 0 … 1."""
    return float(_likeness(plane(), np.array([[config.code_1, config.code_2]]))[0])


def _likeness(model: Plane, z: np.ndarray) -> np.ndarray:
    """The same for codes ``(N, 2)``, ``(N,)``."""
    decoded, x = model.network.decode(z), flat(load_mnist().train.images)
    return (decoded @ x.T / np.outer(np.linalg.norm(decoded, axis=1), np.linalg.norm(x, axis=1))).max(axis=1)


@lru_cache(maxsize=4)
def _alike(model: Plane, seed: int) -> tuple[float, float]:
    """Mean likeness of the random codes in holes, and of the others; NaN if there are none."""
    drawn, _ = _drawn(model, seed)
    alike, lost = _likeness(model, drawn), _lost(model, drawn)
    inside, outside = (float(alike[of].mean()) if of.any() else float("nan") for of in (lost, ~lost))
    return inside, outside


def sentences(config: Config) -> tuple[str, ...]:
    """How wide the codes lie, and how the pictures of random codes compare."""
    model = plane()
    (inside, outside), spread = _alike(model, config.seed), model.codes.std(axis=0)
    return (
        f"Nothing in the loss says where codes are to lie: here their standard deviations are {spread[0]:.1f} along "
        f"z₁ and {spread[1]:.1f} along z₂, and classes lie in rays and clumps.",
        first_true(
            Claim(
                f"In the holes the pictures of the random codes are {inside:.2f} alike to the most similar training "
                f"digit (cosine), elsewhere {outside:.2f}: by that measure a hole may still be decoded to a digit. "
                "What is missing is not a good picture at each place, but how often to go there.",
                0 <= outside - inside < 0.02 or inside >= outside,
            ),
            Claim(
                f"In the holes the pictures of the random codes are less alike to the most similar training digit "
                f"(cosine {inside:.2f}) than elsewhere ({outside:.2f}).",
                inside < outside,
            ),
        ),
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the probe was moved."""
    at = handle(values, "code").round(2)
    return replace(config, code_1=float(at[0]), code_2=float(at[1]))
