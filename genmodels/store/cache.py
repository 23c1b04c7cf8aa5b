"""Checkpoints as scenes use them: read once a process, without torch and without Streamlit."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from genmodels.store import checkpoint
from genmodels.store.checkpoint import Checkpoint, Entry

T = TypeVar("T")


def load(name: str) -> Checkpoint:
    """A checkpoint of the store, its arrays as numpy; read anew only when the index names another file.

    Raises:
        CheckpointError: It is missing or damaged.
    """
    folder = checkpoint.FOLDER
    entry = _entries(folder, _stamp(folder / checkpoint.INDEX)).get(name)
    return _load(name, entry.sha256 if entry else "", str(folder))


def _stamp(path: Path) -> tuple[int, int, int]:
    """Changes when the file is replaced; a missing one has zeros."""
    try:
        now = path.stat()
    except OSError:
        return (0, 0, 0)
    return now.st_mtime_ns, now.st_size, now.st_ino


@lru_cache(maxsize=2)
def _entries(folder: Path, stamp: tuple[int, int, int]) -> dict[str, Entry]:
    """The index, parsed once as long as its file stays the same: an answer to the hand asks several times."""
    return checkpoint.entries(folder)


@lru_cache(maxsize=12)
def _load(name: str, sha256: str, folder: str) -> Checkpoint:
    return checkpoint.load(name, folder=folder)


def arrays(name: str) -> dict[str, np.ndarray]:
    """Its arrays, read-only."""
    return load(name).arrays


def made(make: Callable[[Checkpoint], T], name: str) -> T:
    """What is made from a checkpoint, once for each file."""
    return _made(make, name, load(name).entry.sha256)


@lru_cache(maxsize=24)
def _made(make: Callable[[Checkpoint], T], name: str, sha256: str) -> T:
    return make(load(name))
