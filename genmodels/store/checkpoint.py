r"""The store: weights and recordings under ``checkpoints/``, readable without torch.

A checkpoint is named arrays in one safetensors file, ``NAME-<first 8 digits of its sha256>.safetensors``, and an
:class:`Entry` in ``index.json``: what was trained, from what, how well it does on held-out data. Reading one
checks its size and its sha256 and, where the caller says so, its config; what is wrong is a :class:`CheckpointError`
of one sentence and the command that mends it. Nothing here is ever unpickled: a file is numbers, or it is refused.

*Writing is atomic.* A file is written beside the store, flushed to the disk, and renamed to a name that no other
content has; then the index is replaced in the same way; then the old file goes. Whoever reads, and wherever a kill
strikes, finds the old checkpoint or the new one. All writers of one folder take turns (:func:`locked`). Each file
also carries its entry, so that a lost or garbled index is made again from the files (:func:`reindex`).

Layout
    checkpoints/index.json                 {"format": 1, "entries": {NAME: entry}}
    checkpoints/NAME-0123abcd.safetensors  the arrays
    checkpoints/.partial/                  the lock, half-written files, unfinished builds; not in git
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
from genmodels.store.packing import pack, plain, unpack

FOLDER = Path(__file__).resolve().parents[2] / "checkpoints"
INDEX = "index.json"
PARTIAL = ".partial"
FORMAT = 1
KINDS = ("weights", "recording")
REINDEX = "python -m genmodels.train --reindex"
_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_FILE = re.compile(rf"{_NAME.pattern}-[0-9a-f]{{8}}\.safetensors")


class CheckpointError(ValueError):
    """A checkpoint, or the index, is missing, damaged or not the one asked for.

    Attributes:
        name: The checkpoint's; None if all are concerned.
        command: What mends it, to be typed in a terminal.
    """

    def __init__(self, what: str, name: str | None, command: str | None = None) -> None:
        self.name = name
        self.command = command or f"python -m genmodels.train {name or '--all'}"
        super().__init__(f"{what}; to mend it, run: {self.command}")


class _NewerFormatError(CheckpointError):
    """The index was written by newer code: not to be overwritten."""


@dataclass(frozen=True)
class Entry:
    """What the index says of one checkpoint.

    Attributes:
        name: Key in the index: small letters, digits, single hyphens or underscores.
        kind: ``"weights"`` or ``"recording"``.
        model: What was trained, such as ``"vae"``.
        config: All that decides the result, besides data and seed; as JSON gives it back (lists, no tuples).
        data: Name of the data set, or ``""``.
        data_sha256: Of that data; ``""`` if they are drawn from a formula.
        seed: Seed of the build.
        steps: Training steps made.
        metrics: On held-out data, from the stored arrays; names say the unit.
        tolerance: By how much each metric may differ when it is computed again, on any device.
        versions: Of python, numpy and torch at the build.
        device: Where it was built: cpu, cuda or mps.
        file: File name beside the index.
        sha256: Of the file.
        size: Of the file, bytes.
    """

    name: str
    kind: str
    model: str
    config: dict[str, Any]
    data: str
    data_sha256: str
    seed: int
    steps: int
    metrics: dict[str, float]
    tolerance: dict[str, float]
    versions: dict[str, str]
    device: str
    file: str
    sha256: str
    size: int


_TYPES: dict[str, type] = {
    **dict.fromkeys(("kind", "model", "data", "data_sha256", "device", "file", "sha256"), str),
    **dict.fromkeys(("seed", "steps", "size"), int),
    **dict.fromkeys(("config", "metrics", "tolerance", "versions"), dict),
}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """An entry and its arrays: read-only numpy, or torch tensors on the device that was asked for."""

    entry: Entry
    arrays: dict[str, Any]


# Reading


def entries(folder: Path | str = FOLDER) -> dict[str, Entry]:
    """All entries of the index, by name.

    Raises:
        CheckpointError: The index is missing, garbled, or of a newer format.
    """
    return _read_index(Path(folder), None)


def load(
    name: str,
    device: str | torch.device | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    folder: Path | str = FOLDER,
) -> Checkpoint:
    """Reads a checkpoint after checking its size and sha256.

    Args:
        name: Its name.
        device: None for numpy arrays, without torch; else as :func:`genmodels.device.resolve` takes it, or a torch
            device, for tensors there (an Apple GPU takes no float64).
        config: If given, the stored config must equal it.
        folder: The store.

    Raises:
        CheckpointError: It is missing, damaged, no safetensors file, or of another config.
    """
    folder = Path(folder)
    entry, blob = _read(name, folder)
    if config is not None:
        _check_config(entry, plain(config))
    try:
        arrays = unpack(blob)[0]
    except ValueError as why:
        raise CheckpointError(f"{folder / entry.file} is no checkpoint: {why}", name) from why
    return Checkpoint(entry, arrays if device is None else _to_torch(arrays, device))


def verify(name: str, folder: Path | str = FOLDER) -> Entry:
    """Checks a checkpoint's file against the index and returns its entry; raises as :func:`load` does."""
    return load(name, folder=folder).entry


def _read(name: str, folder: Path) -> tuple[Entry, bytes]:
    """The entry and its file's bytes; again if a writer replaced both between the two looks."""
    entry = _find(name, folder)
    while True:
        try:
            return entry, _read_file(entry, folder)
        except CheckpointError:
            if (now := _find(name, folder)) == entry:
                raise
            entry = now


def _find(name: str, folder: Path) -> Entry:
    known = _read_index(folder, name)
    if name not in known:
        raise CheckpointError(f"There is no checkpoint {name!r} in {folder}", name)
    return known[name]


def _read_file(entry: Entry, folder: Path) -> bytes:
    path = folder / entry.file
    try:
        blob = path.read_bytes()
    except OSError as why:
        raise CheckpointError(f"{path} cannot be read ({why.strerror})", entry.name) from why
    if len(blob) != entry.size:
        raise CheckpointError(f"{path} has {len(blob):,} bytes where {entry.size:,} were written", entry.name)
    if hashlib.sha256(blob).hexdigest() != entry.sha256:
        raise CheckpointError(f"{path} is damaged: its sha256 is not the one in the index", entry.name)
    return blob


def _check_config(entry: Entry, expected: dict[str, Any]) -> None:
    if entry.config == expected:
        return
    keys = sorted(k for k in entry.config.keys() | expected.keys() if entry.config.get(k) != expected.get(k))
    differences = ", ".join(f"{k} is {entry.config.get(k)!r} where {expected.get(k)!r} is expected" for k in keys)
    raise CheckpointError(f"Checkpoint {entry.name!r} is of another config: {differences}", entry.name)


def _to_torch(arrays: dict[str, np.ndarray], device: str | torch.device) -> dict[str, torch.Tensor]:
    import torch

    from genmodels.device import resolve

    where = resolve(device) if isinstance(device, str) else device
    return {name: torch.from_numpy(array.copy()).to(where) for name, array in arrays.items()}


# The index


def _read_index(folder: Path, name: str | None) -> dict[str, Entry]:
    """`entries`, with an error that names the checkpoint somebody asked for."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_bytes())
    except FileNotFoundError as why:
        raise CheckpointError(f"{path} is missing", name) from why
    except (OSError, ValueError, RecursionError) as why:
        raise CheckpointError(f"{path} cannot be read ({why})", name, REINDEX) from why
    version = index.get("format") if isinstance(index, dict) else None
    if type(version) is not int:
        raise CheckpointError(f"{path} is no index of checkpoints", name, REINDEX)
    if version > FORMAT:
        sentence = (
            f"{path} has format {version}, and this code reads {FORMAT}: the code is older than the checkpoints"
        )
        raise _NewerFormatError(sentence, name, "git pull")
    if version != FORMAT or not isinstance(index.get("entries"), dict):
        raise CheckpointError(f"{path} is no index of checkpoints", name, REINDEX)
    try:
        return {key: _entry(key, fields) for key, fields in index["entries"].items()}
    except ValueError as why:
        raise CheckpointError(f"{path} is garbled: {why}", name, REINDEX) from why


def _entry(name: str, fields: Any) -> Entry:
    """An entry from JSON.

    Raises:
        ValueError: A field is missing, too many or of another type, or the file is not the one that goes with the
            name and the sha256 (so that no path leads out of the folder).
    """
    if not isinstance(fields, dict) or fields.keys() != _TYPES.keys():
        raise ValueError(f"the entry {name!r} lacks fields or has others")
    for key, expected in _TYPES.items():
        if type(fields[key]) is not expected:
            raise ValueError(f"the entry {name!r} has the {key} {fields[key]!r}; give it as {expected.__name__}")
    numbers = [*fields["metrics"].values(), *fields["tolerance"].values()]
    if not all(type(number) in (int, float) and abs(number) <= sys.float_info.max for number in numbers):
        raise ValueError(f"the entry {name!r} has a metric or a tolerance that is no finite number")
    if not _NAME.fullmatch(name) or fields["file"] != _file_name(name, fields["sha256"]):
        raise ValueError(f"the entry {name!r} has the file {fields['file']!r}, which is not its own")
    return Entry(name, **fields)


def _file_name(name: str, sha256: str) -> str:
    return f"{name}-{sha256[:8]}.safetensors"


def _write_index(folder: Path, known: Mapping[str, Entry]) -> None:
    """Replaces the index, then removes what it no longer names: old files, and those of writers that were killed."""
    listed = {name: {k: v for k, v in asdict(known[name]).items() if k != "name"} for name in sorted(known)}
    text = json.dumps({"format": FORMAT, "entries": listed}, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder, INDEX, f"{text}\n".encode())
    kept = {entry.file for entry in known.values()}
    for path in folder.glob("*.safetensors"):
        if _FILE.fullmatch(path.name) and path.name not in kept:
            with suppress(OSError):  # open in another process, on Windows: the next writer removes it
                path.unlink()


def reindex(folder: Path | str = FOLDER) -> dict[str, Entry]:
    """Makes the index again from the files, each of which carries its entry, if it cannot be read.

    Raises:
        CheckpointError: The index is of a newer format: newer code wrote these files.
    """
    folder = Path(folder)
    with locked(folder):
        known = _known(folder)
        _write_index(folder, known)
    return known


def _known(folder: Path) -> dict[str, Entry]:
    """The index for a writer: from the files if it cannot be read, but never over a newer format."""
    try:
        return _read_index(folder, None)
    except _NewerFormatError:
        raise
    except CheckpointError:
        return _recovered(folder)


def _recovered(folder: Path) -> dict[str, Entry]:
    """What the undamaged files say of themselves; of two of one name, the one written last."""
    known: dict[str, Entry] = {}
    ours = [path for path in folder.glob("*.safetensors") if _FILE.fullmatch(path.name) and path.is_file()]
    for path in sorted(ours, key=lambda path: path.stat().st_mtime_ns):
        blob, name = path.read_bytes(), path.name.rpartition("-")[0]
        sha256 = hashlib.sha256(blob).hexdigest()
        with suppress(ValueError):
            note = unpack(blob)[1]
            if note.pop("format", None) == FORMAT and note.pop("name", None) == name:
                known[name] = _entry(name, {**note, "file": path.name, "sha256": sha256, "size": len(blob)})
    return known


# Writing


def save(
    name: str,
    arrays: Mapping[str, Any],
    *,
    kind: str,
    model: str,
    config: Mapping[str, Any],
    data: str,
    data_sha256: str,
    seed: int,
    steps: int,
    metrics: Mapping[str, float],
    tolerance: Mapping[str, float],
    device: str = "cpu",
    folder: Path | str = FOLDER,
) -> Entry:
    """Writes a checkpoint in place of the old one of that name, atomically; see :class:`Entry` for the fields.

    Args:
        name: Small letters, digits, single hyphens or underscores.
        arrays: Numpy arrays or torch tensors, of any shape and layout.
        folder: The store; made if there is none. An index that cannot be read is made again from the files.

    Raises:
        ValueError: A name, a kind, an array or a number that cannot be stored, such as a metric that is NaN.
        CheckpointError: The index is of a newer format.
        OSError: The folder cannot be written to.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"name is {name!r}; expected small letters, digits and single hyphens, such as vae-mnist.")
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(KINDS)}.")
    described = {
        "kind": kind,
        "model": model,
        "config": plain(config),
        "data": data,
        "data_sha256": data_sha256,
        "seed": int(seed),
        "steps": int(steps),
        "metrics": {key: float(value) for key, value in metrics.items()},
        "tolerance": {key: float(value) for key, value in tolerance.items()},
        "versions": versions(),
        "device": device,
    }
    _entry(name, {**described, "file": _file_name(name, ""), "sha256": "", "size": 0})  # raises if it is none
    blob = pack(arrays, {"format": FORMAT, "name": name, **described})
    sha256 = hashlib.sha256(blob).hexdigest()
    entry = _entry(name, {**described, "file": _file_name(name, sha256), "sha256": sha256, "size": len(blob)})
    folder = Path(folder)
    with locked(folder):
        known = {**_known(folder), name: entry}
        replace_file(folder, entry.file, blob)
        _write_index(folder, known)
    return entry


def adopt(name: str, source: Path | str, folder: Path | str = FOLDER) -> Entry:
    """Takes a checkpoint over from another store, such as one built on another machine, as it is.

    Args:
        name: Its name.
        source: The store that holds it.
        folder: The store it goes to, in place of the old one of that name.

    Raises:
        CheckpointError: It is missing or damaged there.
        OSError: The folder cannot be written to.
    """
    entry, blob = _read(name, Path(source))
    folder = Path(folder)
    with locked(folder):
        known = {**_known(folder), name: entry}
        replace_file(folder, entry.file, blob)
        _write_index(folder, known)
    return entry


def remove(name: str, folder: Path | str = FOLDER) -> None:
    """Takes a checkpoint out of the index and removes its file; nothing happens if there is none."""
    folder = Path(folder)
    with locked(folder):
        _write_index(folder, {key: entry for key, entry in _known(folder).items() if key != name})


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits until no other thread or process writes to this folder, a minute at most; reading never waits.

    The lock is SQLite's on an empty file, because it is the one lock of the standard library that works on every
    system and that the system itself releases when its holder is killed.
    """
    (folder / PARTIAL).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            path = folder / PARTIAL / "lock"
            lock = stack.enter_context(closing(sqlite3.connect(path, timeout=60, isolation_level=None)))
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as why:
            raise OSError(f"{folder} cannot be written to ({why}); check its permissions.") from why
        yield


def replace_file(folder: Path, name: str, blob: bytes) -> None:
    """Puts a file into the folder, whole and on the disk or not at all; only under :func:`locked`.

    Everyone writes to the same name first, one after the other: what a kill leaves there, the next one overwrites.
    """
    half_written = folder / PARTIAL / "half-written"
    with open(half_written, "wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    os.replace(half_written, folder / name)
    if os.name == "posix":  # the rename, too, must be on the disk before the next step
        directory = os.open((folder / name).parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def versions() -> dict[str, str]:
    """Versions of python, numpy and, without importing it, torch."""
    found = {"python": platform.python_version(), "numpy": np.__version__}
    with suppress(importlib.metadata.PackageNotFoundError):
        found["torch"] = importlib.metadata.version("torch")
    return found
