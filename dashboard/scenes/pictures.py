"""Sheets of small pictures, what a pen draws on them, and planes of codes: what the pages on digits share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from dashboard.scene import Images, Labels, Panel, Points
from dashboard.scene.painted import encode_points
from genmodels.data.digits import Split, load_binarised_mnist, load_mnist

SIDE = 28
BOARD = (0.0, float(SIDE))
"""Both ends of a picture that is drawn or painted on: a pixel is one unit, and y goes up."""
PEN = 1.25  # radius of a line, pixels
DIGITS = tuple(str(digit) for digit in range(10))
THE_DIGITS = {digit: f"the {digit}s" for digit in range(10)}


@lru_cache(maxsize=1)
def grey() -> Split:
    """The 500 test images, uint8, 0 paper to 255 ink."""
    return load_mnist().test


@lru_cache(maxsize=1)
def binary() -> Split:
    """The same, binarised, 0 or 1."""
    return load_binarised_mnist().test


def binary_digit(i: int) -> np.ndarray:
    """One of them as a model of pixels takes it, ``(784,)`` float64."""
    return binary().images[i].ravel().astype(float)


def flat(images: np.ndarray) -> np.ndarray:
    """``(N, 28, 28)`` as a network takes them, ``(N, 784)`` float32; uint8 of 0 to 255 becomes 0 … 1."""
    return (images.reshape(len(images), -1) / (255 if images.max(initial=0) > 1 else 1)).astype(np.float32)


def ink(values: np.ndarray) -> np.ndarray:
    """Values 0 … 1 ``(…, H² )`` as pictures ``(…, H, H)`` uint8; what lies outside is cut."""
    side = round(values.shape[-1] ** 0.5)
    return np.clip(255 * values, 0, 255).round().astype(np.uint8).reshape(*values.shape[:-1], side, side)


def coloured(rgb: np.ndarray) -> np.ndarray:
    """Red, green and blue 0 … 1 ``(…, H², 3)`` as pictures ``(…, H, H)`` int32; NaN is not there."""
    side, there = round(rgb.shape[-2] ** 0.5), np.isfinite(rgb).all(axis=-1)
    levels = np.clip(255 * np.nan_to_num(rgb), 0, 255).round().astype(np.uint32)
    packed = (levels << np.array([0, 8, 16], dtype=np.uint32)).sum(axis=-1, dtype=np.uint32) | (255 << 24)
    return np.where(there, packed, 0).astype(np.uint32).view(np.int32).reshape(*rgb.shape[:-2], side, side)


def framed(pixels: np.ndarray) -> np.ndarray:
    """With a pixel of paper around each, ``(…, H, W)`` to ``(…, H + 2, W + 2)``: for those that fill their frame."""
    return np.pad(pixels, [(0, 0)] * (pixels.ndim - 2) + [(1, 1), (1, 1)])


def picture(pixels: np.ndarray, corner: tuple[float, float], size: float, columns: int = 1, name: str = "") -> Images:
    """A sheet whose upper left corner lies there; each picture is ``size`` wide."""
    rows = -(-pixels.shape[-3] // columns)
    x, y = corner
    return Images(name=name, pixels=pixels, columns=columns, extent=(x, x + columns * size, y - rows * size, y))


def sheet(title: str, pixels: np.ndarray, columns: int, share: float = 1.0) -> Panel:
    """Nothing but pictures, ``(F, N, H, W)`` or ``(N, H, W)``."""
    rows = -(-pixels.shape[-3] // columns)
    return Panel(title, (picture(pixels, (0, rows), 1, columns),), (0, columns), (0, rows), axes=False, share=share)


def rows(title: str, named: Mapping[str, np.ndarray], share: float = 1.0, margin: float = 1.6) -> Panel:
    """Rows of pictures, each ``(F, N, H, W)`` or ``(N, H, W)``, with their names on the left."""
    n = next(iter(named.values())).shape[-3]
    images = [picture(pixels, (0, -r), 1, n) for r, pixels in enumerate(named.values())]
    at = np.array([(-0.15, -r - 0.5) for r in range(len(named))])
    names = Labels(name="", at=at, texts=tuple(named), align="right", size=0.95)
    return Panel(title, (*images, names), (-margin, n), (-len(named), 0), axes=False, share=share)


def in_pairs(pictures: np.ndarray, copies: np.ndarray) -> dict[str, np.ndarray]:
    """Ten pictures ``(10, H, W)`` over their copies ``(F, 10, H, W)``, five and five, for :func:`rows`."""
    return {"x": pictures[:5], "x̂": copies[:, :5], "x ": pictures[5:], "x̂ ": copies[:, 5:]}


def strokes(*corners: tuple[float, float], apart: float = 0.8) -> str:
    """Straight lines from corner to corner, as a brush paints them on a :data:`BOARD` and a link holds them."""
    at = np.array(corners, dtype=float)
    counts = np.maximum(np.linalg.norm(np.diff(at, axis=0), axis=1) // apart, 1).astype(int)
    pieces = [a + (b - a) * (np.arange(n) / n)[:, None] for a, b, n in zip(at, at[1:], counts, strict=False)]
    points = np.concatenate([*pieces, at[-1:]])
    return encode_points(points, np.zeros(len(points), int), BOARD, BOARD)


def joined(points: np.ndarray) -> np.ndarray:
    """Painted points ``(N, 2)``, and more between neighbours of a stroke, nearer to each other than SIDE / 9."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    between = [
        a + (b - a) * np.linspace(0, 1, 12, endpoint=False)[:, None]
        for a, b, step in zip(points, points[1:], steps, strict=False)
        if step < SIDE / 9
    ]
    return np.concatenate([points, *between])


def reached(points: np.ndarray) -> np.ndarray:
    """How far each pixel's middle is from the nearest of the points ``(N, 2)``, ``(28, 28)``, row 0 on top."""
    centres = np.arange(SIDE) + 0.5
    apart = np.hypot(centres[None, :, None] - points[:, 0], centres[::-1][:, None, None] - points[:, 1])
    return apart.min(axis=2, initial=np.inf)


def drawn(points: np.ndarray) -> np.ndarray:
    """What the pen leaves at these points ``(N, 2)``, grey 0 … 1 ``(28, 28)``: a line's rim is one pixel wide."""
    return np.clip(PEN + 0.5 - reached(points), 0, 1)


def codes(xy: np.ndarray, labels: np.ndarray, name: str = "test digits", radius: float = 3.5) -> tuple:
    """Codes ``(F, N, 2)`` or ``(N, 2)`` of digits, with each class's number at its median."""
    middles = np.stack([np.median(xy[..., labels == digit, :], axis=-2) for digit in range(10)], axis=-2)
    return (
        Points(name=name, key="p", xy=xy, labels=labels.astype(int), names=DIGITS, radius=radius, alpha=0.8),
        Labels(name="class numbers", key="n", at=middles, texts=DIGITS, classes=True, bold=True, size=1.5),
    )


def chosen(labels: np.ndarray, nth: int = 0) -> np.ndarray:
    """The index of the n-th test image of each class, ``(10,)``."""
    return np.array([np.flatnonzero(labels == digit)[nth] for digit in range(10)])
