"""Arrays to bytes and back, in the safetensors format: the one place where anything is packed.

``safetensors.numpy.save`` silently scrambles transposed, strided and broadcast arrays, so every array passes
through :func:`wire`, which makes it contiguous and gives it one of the four types that the Player reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors.numpy import load, save

Arrays = dict[str, np.ndarray]


def wired(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """As they travel: pictures in float32, readouts in float64."""
    return {name: wire(_narrow(name, np.asarray(array))) for name, array in arrays.items()}


def _narrow(name: str, array: np.ndarray) -> np.ndarray:
    return array if name.startswith("readout") or array.dtype != np.float64 else array.astype(np.float32)


def wire(array: np.ndarray) -> np.ndarray:
    """A contiguous little-endian copy or view as float32, float64, int32 or uint8.

    Integers become int32 (uint8 stays), booleans uint8, float16 becomes float32; float64 stays, so that a
    readout is not rounded.

    Raises:
        TypeError: The array holds something that is not a number.
    """
    array = np.asarray(array)
    target: type
    if array.dtype.kind == "f":
        target = np.float64 if array.dtype.itemsize >= 8 else np.float32
    elif array.dtype.kind in "iu":
        target = np.uint8 if array.dtype == np.uint8 else np.int32
    elif array.dtype.kind == "b":
        target = np.uint8
    else:
        raise TypeError(f"Cannot pack an array of type {array.dtype}; give floats, integers or booleans.")
    return np.array(array, dtype=target, order="C", ndmin=1).reshape(array.shape)


def pack(arrays: Mapping[str, np.ndarray], message: Mapping[str, Any]) -> bytes:
    """One blob: the arrays by name, and a message that travels as JSON in the blob's metadata."""
    return save({name: wire(a) for name, a in arrays.items()}, metadata={"message": json.dumps(message)})


def unpack(blob: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The inverse of :func:`pack`.

    Raises:
        ValueError: The blob is truncated or is no such blob.
    """
    try:
        length = int.from_bytes(blob[:8], "little")
        header = json.loads(blob[8 : 8 + length])
        return load(blob), json.loads(header["__metadata__"]["message"])
    except Exception as why:
        raise ValueError(f"These {len(blob)} bytes are no recording: {why}") from why
