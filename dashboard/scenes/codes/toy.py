"""A code book in the plane, and a decoder that bends it: small enough to see all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dashboard.scene import Handle, Labels, Panel, Points, Polylines, drag, plane
from dashboard.scene.fields import choice, placed, slider
from dashboard.scene.snippet import written
from genmodels.data.planar import get_dataset
from genmodels.kmeans import KMeansConfig, fit_kmeans
from genmodels.vq.runtime import CodeBook

SOURCES = {"moons": "Two moons", "ffjord8": "Eight Gaussians", "checkerboard": "Checkerboard"}
PLANE = (-2.5, 2.5)
POINTS, MOST = 300, 16
BEND, TURNS = 0.4, 1.5
STEP = 0.1
"""How much of minus the gradient an arrow is."""
OUT = (PLANE[0] - BEND, PLANE[1] + BEND)


@dataclass(frozen=True)
class Toy:
    """The code book and the two places that are dragged.

    Args:
        source: Where the encoded points come from.
        codes: K; the book is what K-means makes of the points.
        z_1, z_2: The encoder's point z_e.
        x_1, x_2: The datum x that was encoded.
        seed: Of points and book.
    """

    source: str = choice("Encoded points", "moons", SOURCES)
    codes: int = slider("Codes K", 8, 2, MOST, 1)
    z_1: float = placed(-0.4, *PLANE)
    z_2: float = placed(0.5, *PLANE)
    x_1: float = placed(1.6, *OUT)
    x_2: float = placed(1.2, *OUT)
    seed: int = 0

    @property
    def z(self) -> np.ndarray:
        """z_e, ``(2,)``."""
        return np.array([self.z_1, self.z_2])

    @property
    def x(self) -> np.ndarray:
        """The datum, ``(2,)``."""
        return np.array([self.x_1, self.x_2])

    def made(self) -> Made:
        """Points, book and cells, which do not depend on what is dragged."""
        return _made(self.source, self.codes, self.seed)


class Made(NamedTuple):
    """Encoded points ``(N, 2)``, the book, and its cells inside the square, ``(K, V, 2)``, last corners repeated."""

    points: np.ndarray
    book: CodeBook
    cells: np.ndarray


T = TypeVar("T", bound=Toy)


@lru_cache(maxsize=32)
def _made(source: str, codes: int, seed: int) -> Made:
    data = get_dataset(source)
    points = data.standardise(data.sample(POINTS, np.random.default_rng([seed, 31])))
    book = CodeBook(fit_kmeans(points, KMeansConfig(codes, seed=seed)).centroids)
    return Made(points, book, cells(book.codes))


def cells(codes: np.ndarray) -> np.ndarray:
    """The Voronoi cells of codes ``(K, 2)`` in the square: corners ``(K, V, 2)``, the last repeated to fill up."""
    low, high = PLANE
    square = np.array([[low, low], [high, low], [high, high], [low, high]])
    found = []
    for k, code in enumerate(codes):
        corners = square
        for other in np.delete(codes, k, axis=0):
            corners = _nearer(corners, code, other)
        found.append(corners)
    most = max(map(len, found))
    return np.stack([np.pad(corners, [(0, most - len(corners)), (0, 0)], mode="edge") for corners in found])


def _nearer(corners: np.ndarray, code: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The part of a convex polygon ``(V, 2)`` that is nearer to one code than to another."""
    beyond = (corners - (code + other) / 2) @ (other - code)
    kept: list[np.ndarray] = []
    for i in range(len(corners)):
        j = (i + 1) % len(corners)
        if beyond[i] <= 0:
            kept.append(corners[i])
        if beyond[i] * beyond[j] < 0:
            kept.append(corners[i] + beyond[i] / (beyond[i] - beyond[j]) * (corners[j] - corners[i]))
    return np.array(kept)


def decode(z: np.ndarray) -> np.ndarray:
    """g(z) = z + 0.4 sin(1.5 z′), where z′ has the coordinates exchanged: ``(…, 2)`` to the same."""
    return z + BEND * np.sin(TURNS * z[..., ::-1])


def loss(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """‖x − g(z)‖², ``(…, 2)`` to ``(…)``."""
    return np.square(x - decode(z)).sum(axis=-1)


def gradient(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """∂‖x − g(z)‖²/∂z, ``(…, 2)``."""
    off = 2 * (decode(z) - x)
    return off + BEND * TURNS * np.cos(TURNS * z) * off[..., ::-1]


def code_of(config: Toy) -> tuple[str, ...]:
    """The same in Python: ``points``, ``book``, ``z``, ``x``, the decoder ``g``, and ``slope``, ∂‖x − g(e)‖²/∂e."""
    return (
        "import numpy as np",
        "from genmodels.data.planar import get_dataset",
        "from genmodels.kmeans import KMeansConfig, fit_kmeans",
        "from genmodels.vq.runtime import CodeBook",
        f"data = get_dataset({config.source!r})",
        f"points = data.standardise(data.sample({POINTS}, np.random.default_rng([{config.seed}, 31])))",
        f"book = CodeBook(fit_kmeans(points, KMeansConfig({config.codes}, seed={config.seed})).centroids)",
        f"z, x = {written(config.z)}, {written(config.x)}",
        f"g = lambda e: e + {BEND} * np.sin({TURNS} * e[::-1])",
        f"slope = lambda e: (off := 2 * (g(e) - x)) + {BEND * TURNS:.1f} * np.cos({TURNS} * e) * off[::-1]",
    )


def after_drag(config: T, values: Mapping[str, Any]) -> T:
    """The config after z_e or x was moved."""
    z, x = np.clip(drag.handle(values, "z_e"), *PLANE), np.clip(drag.handle(values, "x"), *OUT)
    z_1, z_2, x_1, x_2 = np.concatenate([z, x]).round(3).tolist()
    return replace(config, z_1=z_1, z_2=z_2, x_1=x_1, x_2=x_2)


def handles(config: Toy) -> tuple[Handle, Handle]:
    """z_e among the codes, x among the outputs."""
    return Handle("z_e", config.z), Handle("x", config.x, panel=1, colour="truth")


def ground(made: Made) -> tuple[Points, Polylines]:
    """What lies under everything in the plane of z: encoded points and the borders of cells."""
    return (
        Points(name="encoded points", key="p", xy=made.points, radius=2, colour="muted", alpha=0.6),
        Polylines(name="cells", key="c", xy=made.cells, closed=True, colour="muted", width=1.2),
    )


def numbered(codes: np.ndarray, at: np.ndarray, name: str, key: str) -> tuple[Points, Labels]:
    """Dots for codes, and beside each its number."""
    texts = tuple(map(str, range(len(codes))))
    return (
        Points(name=name, key=key, xy=at, radius=5, colour="data"),
        Labels(name="numbers", key="n", at=at + np.array([0.0, 0.24]), texts=texts, bold=True),
    )


def outputs(config: Toy, made: Made, more: tuple = (), share: float = 1.0) -> Panel:
    """The plane of x: decoded points, decoded codes, and what belongs to this one."""
    layers = (
        Points(name="decoded points", xy=decode(made.points), radius=2, colour="muted", alpha=0.6),
        *numbered(made.book.codes, decode(made.book.codes), "decoded codes", "d"),
        *more,
    )
    return plane("x: all that can come out", layers, OUT, OUT, share=share)
