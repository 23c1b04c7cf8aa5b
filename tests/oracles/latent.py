"""What the oracles of pages on latent codes share: stored networks in torch, digits, sheets of pictures."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from genmodels.data.digits import load_binarised_mnist, load_mnist
from genmodels.store import cache
from tests.oracles.seen import About, Oracles, Seen

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
DIGITS = tuple("0123456789")

# --- networks and data --------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def perceptron(name: str, part: str) -> nn.Sequential:
    """The ``encoder`` or the ``decoder`` of a stored network, float64."""
    stored = cache.load(name)
    layers: list[nn.Module] = []
    for number in sorted(int(key.split(".")[1]) for key in stored.arrays if re.fullmatch(rf"{part}\.\d+\.bias", key)):
        weight, bias = (
            torch.tensor(stored.arrays[f"{part}.{number}.{kind}"]).double() for kind in ("weight", "bias")
        )
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.load_state_dict({"weight": weight, "bias": bias})
        layers += [linear, ACTIVATIONS[stored.entry.config["activation"]]()]
    return nn.Sequential(*layers[:-1])


@torch.no_grad()
def through(name: str, part: str, x: Any, y: Any = None) -> torch.Tensor:
    """What a stored network makes of rows ``(N, …)``; of a conditional one with the classes ``(N,)`` one-hot."""
    rows = torch.as_tensor(x if torch.is_tensor(x) else np.array(x, dtype=float)).double()
    if y is not None:
        rows = torch.cat([rows, torch.as_tensor(np.eye(10)[np.asarray(y)])], dim=1)
    return perceptron(name, part)(rows)


@lru_cache(maxsize=4)
def rows_of(split: str, binary: bool) -> np.ndarray:
    """The 4,000 training images or the 500 test images as rows ``(N, 784)``, 0 … 1."""
    images = getattr(load_binarised_mnist() if binary else load_mnist(), split).images
    return images.reshape(len(images), 784) / (1.0 if binary else 255.0)


def labels() -> np.ndarray:
    """Classes of the test images, ``(500,)``."""
    return load_mnist().test.labels


def first_of(digit: int) -> int:
    """The index of the first test image of a class."""
    return labels().tolist().index(digit)


# --- pictures -----------------------------------------------------------------------------------------------


def inked(rows: Any, frame: int = 0) -> About:
    """Rows ``(N, H²)`` of 0 … 1 as pictures of 0 … 255, with ``frame`` pixels of paper around; right to one grey."""
    values = np.clip(255 * np.asarray(rows, dtype=float), 0, 255)
    side = round(values.shape[-1] ** 0.5)
    pictures = values.reshape(*values.shape[:-1], side, side)
    return About(np.pad(pictures, [(0, 0), (frame, frame), (frame, frame)]), relative=0, absolute=1)


def exactly(pictures: Any) -> About:
    """Stored pictures: the very same numbers."""
    return About(pictures, relative=0, absolute=0)


def in_row(seen: Seen) -> dict[str, Any]:
    """One row of pictures, one unit high, the k-th from the top."""
    n = seen.at("pixels").shape[0]
    return {"columns": n, "extent": exactly((0, n, -seen.k - 1, -seen.k))}


def row_names(names: tuple[str, ...]) -> dict[str, Any]:
    """Names of rows: left of the first picture, halfway up its row."""
    at = np.array([(0.0, -k - 0.5) for k in range(len(names))])
    return {"at": About(at, absolute=0.2), "texts": names}


def whole(seen: Seen) -> dict[str, Any]:
    """A sheet that fills its panel."""
    panel = seen.scene.panels[seen.panel]
    return {"extent": exactly((*panel.x, *panel.y))}


# --- planes of codes ----------------------------------------------------------------------------------------


def coded(xy: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """Codes of digits, each in its class's colour."""
    return {"xy": About(xy, absolute=2e-5), "labels": exactly(classes), "names": DIGITS}


def class_numbers(xy: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """The number of each class halfway through its codes along either axis."""
    middles = []
    for digit in range(10):
        ordered = np.sort(xy[classes == digit], axis=0)
        middles.append((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)
    return {"at": About(middles, absolute=2e-5), "texts": DIGITS}


# --- numbers and handles ------------------------------------------------------------------------------------


def units(oracles: Oracles, told: dict[str, str]) -> None:
    """The units of readouts, by the pattern of their names."""
    for name, unit in told.items():
        oracles(".*", f"Readout (?:{name})")(lambda _, unit=unit: {"unit": unit})


def held(seen: Seen, name: str, place: Any) -> Any:
    """A function that is true if the handle of that name is at its place."""
    at = next(handle.at for handle in seen.scene.handles if handle.name == name)
    return lambda _: np.allclose(at, place, atol=1e-5) or f"its handle is at {at}, expected {place}"
