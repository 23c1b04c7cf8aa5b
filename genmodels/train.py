"""Builds and checks what is in ``checkpoints/``.

    python -m genmodels.train              lists what is there, stale, missing or damaged
    python -m genmodels.train NAME …       builds these, again if need be
    python -m genmodels.train --all        builds whatever is not up to date
    python -m genmodels.train --check      verifies every file, computes what it holds again; exit code 1 on failure
    python -m genmodels.train --reindex    makes a garbled index.json again from the files
    python -m genmodels.train --adopt FOLDER   takes over what another store holds, if it fits its recipe
    python -m genmodels.train --prune      removes checkpoints that have no recipe any more

``--device auto`` takes a GPU if there is one. A build may be interrupted: the next one goes on from where it was at
most 15 seconds before. How each is built stands in ``genmodels/recipes/``; a page calls
:func:`genmodels.store.building.build` with its own progress bar.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from genmodels.device import CHOICES
from genmodels.store import checkpoint
from genmodels.store.building import Finding, Recipes, build, check, find, status
from genmodels.store.checkpoint import FOLDER, CheckpointError, Entry
from genmodels.store.recipe import all_recipes


def main(argv: list[str] | None = None, recipes: Recipes | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m genmodels.train", description="Build and check the checkpoints that the pages show."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="build these; with --check, check only these")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--all", action="store_true", help="build whatever is not up to date")
    action.add_argument("--check", action="store_true", help="verify files and compute what they hold again")
    action.add_argument("--reindex", action="store_true", help="make a garbled index.json again from the files")
    action.add_argument("--adopt", type=Path, metavar="FOLDER", help="take over what another store holds")
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
    if args.names and (args.all or args.reindex or args.adopt or args.prune):
        raise ValueError("Names go with no option or with --check; leave out the names or the option.")
    for name in args.names:
        if not args.check:
            find(name, recipes)  # a wrong name is told before the first build
    if args.check:
        return _print_findings(check(args.names or None, args.device, args.folder, recipes=recipes))
    if args.reindex:
        checkpoint.reindex(args.folder)
    if args.adopt:
        _adopt(args.adopt, args.folder, recipes)
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


def _adopt(source: Path, folder: Path, recipes: Recipes) -> None:
    for name in checkpoint.entries(source):
        if (state := status(find(name, recipes), source)) != "fresh":
            raise ValueError(f"{name} in {source} is not what its recipe says ({state}); build it there again.")
        entry = checkpoint.adopt(name, source, folder)
        print(f"{name}: {entry.file}, {entry.size / 1e6:.2f} MB, from {source}")


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
        sentence = line.problem or (
            f"{line.metric:<40} stored {line.stored:.6g}, found {line.found:.6g}, tolerance {line.tolerance:g}"
        )
        print(f"{verdict}  {line.name:<28} {sentence}")
    failed = sum(not line.ok for line in findings)
    print(f"{len(findings) - failed} ok, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
