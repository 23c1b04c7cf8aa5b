"""Building and checking checkpoints: what the command ``python -m genmodels.train`` and a page's button both do."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genmodels.device import resolve
from genmodels.store import checkpoint, packing
from genmodels.store.checkpoint import FOLDER, CheckpointError, Entry
from genmodels.store.recipe import Arrays, Job, Progress, Recipe, Recomputed, all_recipes

KEEP_EVERY = 15.0
"""Seconds between two snapshots of an unfinished build."""
Recipes = Mapping[str, Recipe]


def build(
    name: str,
    device: str = "auto",
    progress: Progress | None = None,
    folder: Path | str = FOLDER,
    *,
    recipes: Recipes | None = None,
    keep_every: float = KEEP_EVERY,
) -> Entry:
    """Builds one checkpoint, or goes on with its unfinished build, judges it and stores it.

    Where this process builds it already, that is waited for, and its progress reported.

    Args:
        name: Name of a recipe.
        device: One of `genmodels.device.CHOICES`.
        progress: Called with steps done, steps in all, and a line of text. If it raises, the build ends there and
            can be taken up again.
        folder: The store.
        recipes: Instead of all.
        keep_every: Seconds between two snapshots.

    Raises:
        ValueError: No such recipe or device; or the result has other metrics than the recipe's tolerances, or one
            that is not finite, so that nothing is stored.
        OSError: The folder cannot be written to.
    """
    recipe = find(name, all_recipes() if recipes is None else recipes)
    where = _device(device)
    report = progress if progress is not None else _silent
    key = (Path(folder).resolve(), name)
    while True:
        with _lock:
            other = _under_way.get(key)
            mine = _under_way.setdefault(key, _UnderWay())
        if other is None:
            try:
                mine.entry = _build(recipe, where, mine.telling(report), Path(folder), keep_every)
                return mine.entry
            except Exception as why:
                mine.why = why
                raise
            finally:
                with _lock:
                    del _under_way[key]
                mine.done.set()
        other.follow(report)
        if other.entry is not None:
            return other.entry
        if other.why is not None:
            raise ValueError(str(other.why)) from other.why
        # whoever built it has left in the middle: take it up


@dataclass
class _UnderWay:
    """A build of this process, for those who wait for it."""

    done: threading.Event = field(default_factory=threading.Event)
    said: tuple[int, int, str] | None = None
    entry: Entry | None = None
    why: Exception | None = None

    def telling(self, report: Progress) -> Progress:
        """Report to whoever builds, and keep it for the others."""

        def progress(done: int, total: int, text: str) -> None:
            self.said = (done, total, text)
            report(done, total, text)

        return progress

    def follow(self, report: Progress) -> None:
        """Wait for its end."""
        heard = None
        while not self.done.wait(0.1):
            if self.said is not None and self.said != heard:
                heard = self.said
                report(*heard)


_under_way: dict[tuple[Path, str], _UnderWay] = {}
_lock = threading.Lock()


def _build(recipe: Recipe, where: str, report: Progress, folder: Path, keep_every: float) -> Entry:
    name = recipe.name
    snapshot = _Snapshot(recipe, folder, keep_every)
    built = recipe.build(Job(where, report, snapshot.read, snapshot.keep))
    arrays = packing.stored(built.arrays)  # judged as they will be read
    metrics = {key: float(value) for key, value in recipe.evaluate(arrays, where).items()}
    if metrics.keys() != recipe.tolerance.keys() or not all(map(math.isfinite, metrics.values())):
        expected = ", ".join(recipe.tolerance) or "none"
        raise ValueError(f"{name} has the metrics {metrics}; expected finite numbers for: {expected}.")
    entry = checkpoint.save(
        name,
        arrays,
        **recipe.identity(),
        steps=built.steps,
        metrics=metrics,
        tolerance=recipe.tolerance,
        device=where,
        folder=folder,
    )
    snapshot.drop()
    return entry


def find(name: str, recipes: Recipes) -> Recipe:
    """The recipe of that name, or a ValueError that lists those there are."""
    if name not in recipes:
        raise ValueError(f"There is no recipe {name!r}; choose one of {', '.join(recipes) or 'none'}.")
    return recipes[name]


def _device(choice: str) -> str:
    return "cpu" if choice == "cpu" else resolve(choice).type  # the CPU needs no torch


def _silent(done: int, total: int, text: str) -> None:
    pass


@dataclass
class _Snapshot:
    """What an unfinished build has kept: one safetensors file in ``.partial``, with its recipe's identity."""

    recipe: Recipe
    folder: Path
    every: float
    _last: float = field(default_factory=time.monotonic)

    @property
    def _file(self) -> str:
        return f"{checkpoint.PARTIAL}/{self.recipe.name}.safetensors"

    def read(self) -> dict[str, np.ndarray] | None:
        """The arrays, writable; None if there are none, or they are damaged or of another config, data or seed."""
        try:
            arrays, note = packing.unpack((self.folder / self._file).read_bytes())
        except (OSError, ValueError):
            return None
        return {name: array.copy() for name, array in arrays.items()} if note == self.recipe.identity() else None

    def keep(self, arrays: Arrays | Callable[[], Arrays]) -> None:
        """Replaces the snapshot, unless the last one is too recent."""
        if time.monotonic() - self._last < self.every:
            return
        blob = packing.pack(arrays() if callable(arrays) else arrays, self.recipe.identity())
        with checkpoint.locked(self.folder):
            checkpoint.replace_file(self.folder, self._file, blob)
        self._last = time.monotonic()

    def drop(self) -> None:
        (self.folder / self._file).unlink(missing_ok=True)


# What is there


def status(recipe: Recipe, folder: Path | str = FOLDER) -> str:
    """``"fresh"``; or why not: ``"missing"``, ``"stale: seed, …"``, or ``"damaged: …"``."""
    try:
        entry = checkpoint.entries(folder).get(recipe.name)
        if entry is None:
            return "missing"
        if stale := [key for key, value in recipe.identity().items() if getattr(entry, key) != value]:
            return f"stale: {', '.join(stale)} changed"
        checkpoint.verify(recipe.name, folder)
    except CheckpointError as why:
        return f"damaged: {why}"
    return "fresh"


@dataclass(frozen=True)
class Finding:
    """One line of a check: a metric or an array that was computed again, or why none could be."""

    name: str
    metric: str = ""
    stored: float = math.nan
    found: float = math.nan
    tolerance: float = math.nan
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is within its tolerance."""
        return not self.problem and abs(self.found - self.stored) <= self.tolerance


def check(
    names: Iterable[str] | None = None,
    device: str = "auto",
    folder: Path | str = FOLDER,
    *,
    recipes: Recipes | None = None,
) -> list[Finding]:
    """Verifies files, and computes their metrics and the arrays that pages show again.

    Weights are the ground: what else is stored has to follow from them, from pictures or from data.

    Args:
        names: Which; None for all recipes and all entries.
        device: One of `genmodels.device.CHOICES`.
        folder: The store.
        recipes: Instead of all. The tolerances are theirs, not the index's.
    """
    recipes = all_recipes() if recipes is None else recipes
    known: Mapping[str, Entry] = {}
    with suppress(CheckpointError):  # then every recipe says so
        known = checkpoint.entries(folder)
    where = _device(device)
    findings = []
    for name in dict.fromkeys((*recipes, *known) if names is None else names):
        findings += _check_one(name, where, folder, recipes)
    return findings


def _check_one(name: str, device: str, folder: Path | str, recipes: Recipes) -> list[Finding]:
    if name not in recipes:
        return [Finding(name, problem="has no recipe; remove it with --prune")]
    if (state := status(recipes[name], folder)) != "fresh":
        return [Finding(name, problem=state)]
    loaded, recipe = checkpoint.load(name, folder=folder), recipes[name]
    try:
        found = recipe.evaluate(loaded.arrays, device)
        again = [_compare(name, loaded.arrays, one) for one in recipe.recompute(loaded.arrays, device)]
    except Exception as why:  # of one recipe; the others are to be checked all the same
        return [Finding(name, problem=f"cannot be evaluated: {why!r}")]
    stored = loaded.entry.metrics
    metrics = [
        Finding(name, metric, stored.get(metric, math.nan), found.get(metric, math.nan), tolerance)
        for metric, tolerance in recipe.tolerance.items()
    ]
    return metrics + again


def _compare(name: str, arrays: Arrays, again: Recomputed) -> Finding:
    """A stored array beside what was found once more, where they differ most."""
    what = f"{again.name} ({again.by})" if again.by else again.name
    try:
        return Finding(name, what, *again.differs(arrays), again.tolerance)
    except (KeyError, IndexError, ValueError) as why:
        return Finding(name, what, problem=f"{what}: {why}")
