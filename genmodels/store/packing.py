"""Arrays to bytes and back, in the safetensors format, and arrays that take fewer bytes.

``safetensors.numpy.save`` silently scrambles transposed, strided and broadcast arrays, so that every array passes
through :func:`stored`. Compact recordings: positions by :func:`as_float16`, pictures and fields by :func:`as_uint8`;
the matrices of a network that has to be small by :func:`as_int8`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load as _from_safetensors
from safetensors.numpy import save as _to_safetensors

if TYPE_CHECKING:
    pass


def plain(value: Any) -> Any:
    """A config as JSON gives it back: tuples are lists.

    Raises:
        ValueError: It holds something else than finite numbers, text, lists and dicts.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as why:
        raise ValueError(f"{value!r} cannot be stored ({why}); give finite numbers, text, lists and dicts.") from why


# Arrays to bytes and back


def stored(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays as the file will hold them: contiguous and little-endian, which safetensors takes for granted.

    ``safetensors.numpy.save`` silently scrambles transposed, strided and broadcast arrays.

    Args:
        arrays: Numpy arrays or torch tensors.

    Raises:
        ValueError: There is none, or one has a bad name or holds something that is not a number.
    """
    if not arrays:
        raise ValueError("There are no arrays; give at least one to store.")
    return {name: _stored(name, value) for name, value in arrays.items()}


def _stored(name: str, value: Any) -> np.ndarray:
    if not isinstance(name, str) or name == "__metadata__":
        raise ValueError(f"An array is named {name!r}; give a text, other than safetensors' own __metadata__.")
    try:
        array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, order="C")
    except TypeError as why:  # a torch type that numpy lacks
        raise ValueError(f"The array {name!r} has no numpy type ({why}); convert it to float32 first.") from why
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise ValueError(f"The array {name!r} is of type {array.dtype}; give floats, integers or booleans.")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def pack(arrays: Mapping[str, Any], note: Mapping[str, Any]) -> bytes:
    """The arrays and a note (JSON) as one safetensors file; the same arrays and note give the same bytes."""
    return _to_safetensors(stored(arrays), metadata={"note": json.dumps(note, sort_keys=True)})


def unpack(blob: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The inverse of :func:`pack`: read-only arrays and the note.

    Raises:
        ValueError: These bytes are something else, a pickle for example.
    """
    try:
        arrays = _from_safetensors(blob)
        header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
        note = json.loads(header["__metadata__"]["note"])
    except Exception as why:
        raise ValueError(f"not in the safetensors format as written here ({why})") from why
    for array in arrays.values():
        array.setflags(write=False)
    return arrays, note


# Fewer bytes


def as_float16(values: np.ndarray) -> np.ndarray:
    """Positions in half the bytes: exact to one part in 2,048.

    Raises:
        ValueError: A value is not finite, or beyond 65,504.
    """
    with np.errstate(over="ignore"):
        small = np.asarray(values).astype(np.float16)
    if not np.isfinite(small).all():
        raise ValueError("values hold NaN, infinity or more than 65,504, which float16 lacks; scale or clip them.")
    return small


def as_uint8(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Pictures and fields in 256 levels from low to high; what lies outside is clipped.

    Raises:
        ValueError: A value is NaN, or low and high are no range.

    Example:
        >>> as_uint8(np.array([-2.0, 0.0, 1.0, 9.0]), -1, 1).tolist()
        [0, 128, 255, 255]
    """
    values = np.asarray(values, dtype=np.float64)
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"low and high are {low!r} and {high!r}; expected two finite numbers, the smaller first.")
    if np.isnan(values).any():
        raise ValueError("values hold NaN, which uint8 lacks; fill the gaps first.")
    return np.rint((np.clip(values, low, high) - low) * (255 / (high - low))).astype(np.uint8)


def from_uint8(levels: np.ndarray, low: float, high: float) -> np.ndarray:
    """The inverse of :func:`as_uint8`, float32: within (high − low) / 510 of what lay between low and high."""
    return (low + np.asarray(levels, dtype=np.float64) * ((high - low) / 255)).astype(np.float32)


def as_int8(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A matrix in a quarter of the bytes: each row in 255 levels, from minus its largest entry in size to plus it.

    Args:
        matrix: ``(R, C)``, finite.

    Returns:
        Levels, int8 ``(R, C)``, and for each row the size of a level, float32 ``(R,)``: :func:`from_int8` is within
        half a level. Each output of a linear layer has a row: one with small weights loses nothing to a large one.

    Raises:
        ValueError: It is no matrix of finite numbers.

    Example:
        >>> levels, size = as_int8(np.array([[-1.0, 0.5], [0.0, 0.0]]))
        >>> levels.tolist(), size.round(4).tolist()
        ([[-127, 64], [0, 0]], [0.007899999618530273, 0.0])
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"The matrix has the shape {values.shape}; give two axes and finite numbers only.")
    size = (np.abs(values).max(axis=1, initial=0) / 127).astype(np.float32)
    levels = np.rint(values / np.where(size > 0, size, 1)[:, None])
    return np.clip(levels, -127, 127).astype(np.int8), size


def from_int8(levels: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The inverse of :func:`as_int8`, float32 ``(R, C)``."""
    return levels.astype(np.float32) * np.asarray(size, dtype=np.float32)[:, None]
