"""Builds and checks what is in ``checkpoints/``.

    python -m genmodels.train              lists what is there, stale, missing or damaged
    python -m genmodels.train NAME …       builds these, again if need be
    python -m genmodels.train --all        builds whatever is not up to date
    python -m genmodels.train --check      verifies every file and computes its metrics again; exit code 1 on failure
    python -m genmodels.train --reindex    makes a garbled index.json again from the files
    python -m genmodels.train --prune      removes checkpoints that have no recipe any more

``--device auto`` takes a GPU if there is one. A build may be interrupted: the next one goes on from where it was at
most 15 seconds before. How each is built stands in ``genmodels/recipes/``; a page calls :func:`build` with its own
progress bar.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genmodels import checkpoint
from genmodels.checkpoint import FOLDER, CheckpointError, Entry
from genmodels.device import CHOICES, resolve
from genmodels.recipes import Arrays, Job, Progress, Recipe, all_recipes

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
    recipe = _recipe(name, all_recipes() if recipes is None else recipes)
    where = _device(device)
    snapshot = _Snapshot(recipe, Path(folder), keep_every)
    told = progress if progress is not None else _silent
    built = recipe.build(Job(where, told, snapshot.read, snapshot.keep))
    arrays = checkpoint.stored(built.arrays)  # judged as they will be read
    metrics = {key: float(value) for key, value in recipe.evaluate(arrays, where).items()}
    if metrics.keys() != recipe.tolerance.keys() or not all(map(math.isfinite, metrics.values())):
        told_tolerance = ", ".join(recipe.tolerance) or "none"
        raise ValueError(f"{name} has the metrics {metrics}; expected finite numbers for: {told_tolerance}.")
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


def _recipe(name: str, recipes: Recipes) -> Recipe:
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
            arrays, note = checkpoint.unpack((self.folder / self._file).read_bytes())
        except (OSError, ValueError):
            return None
        return {name: array.copy() for name, array in arrays.items()} if note == self.recipe.identity() else None

    def keep(self, arrays: Arrays | Callable[[], Arrays]) -> None:
        """Replaces the snapshot, unless the last one is too recent."""
        if time.monotonic() - self._last < self.every:
            return
        blob = checkpoint.pack(arrays() if callable(arrays) else arrays, self.recipe.identity())
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
    """One line of a check: a metric that was computed again, or why none could be."""

    name: str
    metric: str = ""
    stored: float = math.nan
    found: float = math.nan
    tolerance: float = math.nan
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the metric is within its tolerance."""
        return not self.problem and abs(self.found - self.stored) <= self.tolerance


def check(
    names: Iterable[str] | None = None,
    device: str = "auto",
    folder: Path | str = FOLDER,
    *,
    recipes: Recipes | None = None,
) -> list[Finding]:
    """Verifies files and computes their metrics again from what they hold.

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
    loaded = checkpoint.load(name, folder=folder)
    try:
        found = recipes[name].evaluate(loaded.arrays, device)
    except Exception as why:  # of one recipe; the others are to be checked all the same
        return [Finding(name, problem=f"cannot be evaluated: {why!r}")]
    stored = loaded.entry.metrics
    return [
        Finding(name, metric, stored.get(metric, math.nan), found.get(metric, math.nan), tolerance)
        for metric, tolerance in recipes[name].tolerance.items()
    ]


# The command


def main(argv: list[str] | None = None, recipes: Recipes | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m genmodels.train", description="Build and check the checkpoints that the pages show."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="build these; with --check, check only these")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--all", action="store_true", help="build whatever is not up to date")
    action.add_argument("--check", action="store_true", help="verify files and compute their metrics again")
    action.add_argument("--reindex", action="store_true", help="make a garbled index.json again from the files")
    action.add_argument("--prune", action="store_true", help="remove checkpoints that have no recipe any more")
    parser.add_argument("--device", choices=CHOICES, default="auto", help="where to compute (default: auto)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the store (default: %(default)s)")
    args = parser.parse_args(argv)
    recipes = all_recipes() if recipes is None else recipes
    try:
        return _run(args, recipes)
    except (ValueError, OSError) as why:
        print(why, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on from the last snapshot.", file=sys.stderr)
        return 130


def _run(args: argparse.Namespace, recipes: Recipes) -> int:
    if args.names and (args.all or args.reindex or args.prune):
        raise ValueError("Names go with no option or with --check; leave out the names or the option.")
    for name in args.names:
        if not args.check:
            _recipe(name, recipes)  # a wrong name is told before the first build
    if args.check:
        return _print_findings(check(args.names or None, args.device, args.folder, recipes=recipes))
    if args.reindex:
        checkpoint.reindex(args.folder)
    if args.prune:
        for name in checkpoint.entries(args.folder).keys() - recipes.keys():
            checkpoint.remove(name, args.folder)
    wanted = args.names
    if args.all:
        wanted = [name for name, recipe in recipes.items() if status(recipe, args.folder) != "fresh"]
    for name in wanted:
        started = time.monotonic()
        entry = build(name, args.device, _Printer(name), args.folder, recipes=recipes)
        seconds = time.monotonic() - started
        print(f"{name}: {entry.file}, {entry.size / 1e6:.2f} MB, {seconds:.0f} s on {entry.device}")
    _print_list(recipes, args.folder)
    return 0


class _Printer:
    """Progress on one line of a terminal; elsewhere a line every ten seconds."""

    def __init__(self, name: str) -> None:
        self.name, self.live, self.last = name, sys.stdout.isatty(), -math.inf

    def __call__(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if done < total and now - self.last < (0.1 if self.live else 10):
            return
        self.last = now
        line = f"{self.name}: {done:,} of {total:,}  {text}"
        if self.live:
            print(f"\r{line:<100}", end="\n" if done >= total else "", flush=True)
        else:
            print(line, flush=True)


def _print_list(recipes: Recipes, folder: Path) -> None:
    known: Mapping[str, Entry] = {}
    with suppress(CheckpointError):
        known = checkpoint.entries(folder)
    for name, recipe in recipes.items():
        line = f"{name:<28} {recipe.kind:<10}"
        if name in known:
            metrics = ", ".join(f"{key} {value:.4g}" for key, value in known[name].metrics.items())
            line += f" {known[name].size / 1e6:6.2f} MB  {metrics}"
        print(f"{line}  {status(recipe, folder)}")
    for name in known.keys() - recipes.keys():
        print(f"{name:<28} has no recipe; remove it with --prune")
    print(f"{len(recipes)} recipes, {sum(entry.size for entry in known.values()) / 1e6:.1f} MB in {folder}")


def _print_findings(findings: list[Finding]) -> int:
    for line in findings:
        verdict = "ok  " if line.ok else "FAIL"
        told = line.problem or (
            f"{line.metric:<24} stored {line.stored:.6g}, found {line.found:.6g}, tolerance {line.tolerance:g}"
        )
        print(f"{verdict}  {line.name:<28} {told}")
    failed = sum(not line.ok for line in findings)
    print(f"{len(findings) - failed} ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
