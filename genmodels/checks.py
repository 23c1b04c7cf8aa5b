"""Checks that all models share: what cannot be used raises a ValueError that says what to mend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import torch

ACTIVATIONS = ("relu", "silu", "tanh")


def check_choice(name: str, value: Any, known: Iterable[str]) -> None:
    """Raise a ValueError unless the value is one of those known."""
    if value not in (known := tuple(known)):
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(known)}.")


def check_activation(activation: str) -> None:
    """Raise a ValueError unless the activation is known."""
    check_choice("activation", activation, ACTIVATIONS)


def check_number(
    name: str,
    value: Any,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> None:
    """Raise a ValueError unless the value is a finite number that is large enough, and small enough."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if above is not None and not (number and value > above):
        raise ValueError(f"{name} is {value!r}; give a finite number above {above:g}.")
    if at_least is not None and not (number and value >= at_least):
        raise ValueError(f"{name} is {value!r}; give a finite number, {at_least:g} or more.")
    if below is not None and not (number and value < below):
        raise ValueError(f"{name} is {value!r}; give a finite number below {below:g}.")
    if at_most is not None and not (number and value <= at_most):
        raise ValueError(f"{name} is {value!r}; give a finite number, {at_most:g} or less.")


def check_hidden(hidden: Any) -> tuple[int, ...]:
    """Return the hidden widths as a tuple, or raise a ValueError unless they are whole numbers, 1 or more."""
    if not isinstance(hidden, Sequence) or isinstance(hidden, str):
        raise ValueError(f"hidden is {hidden!r}; give a tuple of widths, such as (128, 64), or () for a linear map.")
    for width in hidden:
        check_whole("A width in hidden", width, at_least=1)
    return tuple(int(width) for width in hidden)


def check_images(images: Any, n_features: int, between: bool = True) -> torch.Tensor:
    """Return images as a float32 tensor ``(N, D)``, or raise a ValueError that says what to mend.

    Args:
        images: ``(N, D)``, numpy or torch; float64 stays float64 if it comes as a tensor.
        n_features: D.
        between: Whether pixels have to lie in 0…1.
    """
    import torch

    x = images if isinstance(images, torch.Tensor) else torch.as_tensor(np.array(images, dtype=np.float32))
    if x.ndim != 2 or x.shape[1] != n_features or len(x) == 0:
        raise ValueError(
            f"Images must have the shape (N, D), one row an image, with D = {n_features}; got {tuple(x.shape)}. "
            "Flatten them by images.reshape(len(images), -1), or change n_features."
        )
    if not torch.isfinite(x).all():
        raise ValueError("The images hold NaN or infinity; give finite numbers only.")
    if between and (x.min() < 0 or x.max() > 1):
        raise ValueError(
            f"Pixels lie in {x.min().item():g}…{x.max().item():g}; give 0…1 (divide 8-bit images by 255, and "
            "scikit-learn's 8×8 digits by 16)."
        )
    return x


def check_labels(labels: Any, n: int, n_classes: int) -> torch.Tensor:
    """Return labels as an int64 tensor ``(n,)``, or raise a ValueError unless they lie in 0…n_classes − 1."""
    import torch

    y = torch.as_tensor(np.array(labels) if not isinstance(labels, torch.Tensor) else labels)
    if y.shape != (n,) or y.is_floating_point():
        raise ValueError(f"Labels must be {n} whole numbers, one an image; got {y.dtype} of shape {tuple(y.shape)}.")
    if n and (y.min() < 0 or y.max() >= n_classes):
        raise ValueError(f"Labels lie in {y.min()}…{y.max()}; give 0…{n_classes - 1}, or raise n_classes.")
    return y.long()


def check_letters(tokens: Any, letters: int) -> np.ndarray:
    """Letters as int64, a text or rows filled up with −1, or a ValueError that says what to mend."""
    data = np.asarray(tokens)
    if data.dtype.kind not in "iu" or data.ndim not in (1, 2):
        raise ValueError(
            f"Letters must be whole numbers, one text (N,) or one name a row (N, T); got {data.dtype} of shape "
            f"{data.shape}. Encode the text first."
        )
    lowest = 0 if data.ndim == 1 else -1
    if data.size and not lowest <= data.min() <= data.max() < letters:
        raise ValueError(f"Letters lie in {data.min()}…{data.max()}; give {lowest}…{letters - 1}.")
    return data.astype(np.int64, copy=False)


def check_pixels(images: Any, n_features: int | None = None, between: bool = True) -> np.ndarray:
    """Return images as float64 ``(N, D)``, or raise a ValueError that says what to mend."""
    x = np.asarray(images, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0 or (n_features is not None and x.shape[1] != n_features):
        raise ValueError(
            f"Images must have the shape (N, {n_features or 'D'}), one row an image; got {x.shape}. Flatten them by "
            "images.reshape(len(images), -1)."
        )
    if not np.isfinite(x).all():
        raise ValueError("The images hold NaN or infinity; give finite numbers only.")
    if between and x.size and (x.min() < 0 or x.max() > 1):
        raise ValueError(f"Pixels lie in {x.min():g}…{x.max():g}; give 0…1 (divide 8-bit images by 255).")
    return x


def check_ink(images: np.ndarray, n_features: int | None = None) -> np.ndarray:
    """Return images as float64 ``(N, D)``, or raise a ValueError unless all pixels are 0 or 1."""
    x = check_pixels(images, n_features)
    if not ((x == 0) | (x == 1)).all():
        raise ValueError("The model is of black-and-white images, and these hold grey pixels: binarise them.")
    return x


def check_whole(name: str, value: Any, at_least: int) -> None:
    """Raise a ValueError unless the value is a whole number that is large enough."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < at_least:
        raise ValueError(f"{name} is {value!r}; give a whole number, {at_least} or more.")


def as_tuples(values: ArrayLike, name: str) -> Any:
    """An array as nested tuples of floats, which can be compared and hashed; a ValueError unless all are finite."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; give finite numbers only.")
    return tuple(as_tuples(row, name) for row in array) if array.ndim else float(array)


def check_data(data: np.ndarray) -> np.ndarray:
    """Return the data as a float64 array ``(N, D)``, or raise a ValueError that says what to mend."""
    data = np.asarray(data, dtype=np.float64)
    if data.ndim != 2 or data.shape[1] == 0:
        raise ValueError(f"Data must have the shape (N, D), one row a point; got {data.shape}.")
    if not np.isfinite(data).all():
        row = int(np.flatnonzero(~np.isfinite(data).all(axis=1))[0])
        raise ValueError(f"Row {row} of the data holds NaN or infinity; remove it or fill it in.")
    return data
