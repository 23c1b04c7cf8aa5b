"""Would a test notice? Makes the small mistakes of ``mutants.toml``, one at a time, and runs who is to notice.

    python -m tests.mutants                          # all of them: hours
    python -m tests.mutants --count 20 --seed 7      # twenty at random
    python -m tests.mutants 12 14 "upside down"      # by number, or by words of what is said of them
    python -m tests.mutants --file player/layers.js  # by file

Each job works in a copy of this checkout, so that what is edited here meanwhile does no harm. A mistake is *killed*
if its tests fail, and *survives* if they pass. Tests that fail without it, too, prove nothing: they are run once
without any mistake, unless ``--passing`` says that they have just passed. A run that takes longer than the limit
counts as killed only if, without the mistake, the same tests end within it. That pytest finds no tests, or cannot
start, is an error of the entry. The exit code is 1 if an entry is in error, or if a mistake survives whose entry has
no ``survives``.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-n0", "-m", "slow or not slow")
# Without bytecode no stale cache can stand in for a changed file; a browser that is required is not passed over.
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "REQUIRE_BROWSER": "1"}


@dataclass(frozen=True)
class Mutant:
    """One mistake: in ``file``, ``text``, which occurs once, ``becomes`` something else.

    Attributes:
        number: Its place in the list, from 1.
        what: What a lecturer would wrongly teach.
        tests: Arguments of pytest.
        survives: Why no test can notice; empty if one has to.
    """

    number: int
    file: str
    text: str
    becomes: str
    what: str
    tests: tuple[str, ...]
    survives: str = ""

    def fault(self, root: Path = ROOT) -> str:
        """Why it cannot be made; empty if it can."""
        path = root / self.file
        if not path.is_file():
            return "the file is not there"
        source = path.read_text("utf-8")
        if (times := source.count(self.text)) != 1:
            return f"its text occurs {times} times"
        if self.becomes == self.text:
            return "it changes nothing"
        if path.suffix == ".py":
            try:
                ast.parse(self.made(source))
            except SyntaxError as why:
                return f"it is no Python: {why}"
        return "" if self.tests and self.what else "it lacks tests, or words"

    def made(self, source: str) -> str:
        """The file's text with the mistake in it."""
        return source.replace(self.text, self.becomes)

    def __str__(self) -> str:
        return f"#{self.number:<3} {self.file}: {self.what}"


def mutants() -> list[Mutant]:
    """All of them, in the order of the list."""
    entries = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text("utf-8"))["mutant"]
    return [Mutant(n, **{**entry, "tests": tuple(entry["tests"])}) for n, entry in enumerate(entries, start=1)]


@dataclass(frozen=True)
class Outcome:
    """How the tests took a mistake: ``killed``, ``survived`` or ``error``, and why if that needs to be said."""

    mutant: Mutant
    verdict: str
    seconds: float
    why: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether something has to be done about it."""
        return self.verdict == "error" or (self.verdict == "survived" and not self.mutant.survives)

    def __str__(self) -> str:
        why = self.why
        if self.mutant.survives:
            why = f"expected: {self.mutant.survives}" if self.verdict == "survived" else "it was said to survive"
        return f"{self.verdict:<8} {self.seconds:6.1f} s  {self.mutant}" + (f" ({why})" if why else "")


class Copy:
    """A copy of the checkout, in which one mistake is made after the other."""

    def __init__(self, root: Path, limit: float, passing: bool) -> None:
        self.root, self.limit, self.passing = root, limit, passing
        self.unchanged: dict[tuple[str, ...], str] = {}
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True, encoding="utf-8").stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():  # what was deleted and not committed yet is listed, too
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)

    def judge(self, mutant: Mutant) -> Outcome:
        """Make the mistake, run its tests, and undo it."""
        began = time.monotonic()
        if fault := mutant.fault(self.root) or ("" if self.passing else self.without(mutant.tests)):
            return Outcome(mutant, "error", time.monotonic() - began, fault)
        path = self.root / mutant.file
        source = path.read_bytes()
        began = time.monotonic()
        try:
            path.write_bytes(mutant.made(source.decode("utf-8")).encode("utf-8"))
            forget_bytecode(path)
            code, said = self.run(mutant.tests)
        finally:
            path.write_bytes(source)
            forget_bytecode(path)
        seconds = time.monotonic() - began
        if code is None:
            fault = self.without(mutant.tests)
            return Outcome(mutant, "error" if fault else "killed", seconds, fault or f"took over {self.limit:g} s")
        if code in (0, 1):
            return Outcome(mutant, ("survived", "killed")[code], seconds)
        return Outcome(mutant, "error", seconds, f"pytest ended with {code}\n{said}")

    def without(self, tests: tuple[str, ...]) -> str:
        """What is wrong with the tests where there is no mistake; empty if they pass. Found out once."""
        if tests not in self.unchanged:
            code, said = self.run(tests)
            wrong = f"took over {self.limit:g} s" if code is None else f"ended with {code}\n{said}" if code else ""
            self.unchanged[tests] = wrong and f"without the mistake the tests {wrong}"
        return self.unchanged[tests]

    def run(self, tests: tuple[str, ...]) -> tuple[int | None, str]:
        """pytest's exit code, None if it took too long, and the end of what it said."""
        command = [sys.executable, "-m", "pytest", *tests, *OPTIONS]
        with tempfile.TemporaryFile() as out:
            done = subprocess.Popen(
                command, cwd=self.root, env=os.environ | ENVIRONMENT, stdout=out, stderr=out, start_new_session=True
            )
            try:
                code = done.wait(self.limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:  # servers and browsers that a test has started end with it
                stop_all_of(done)
            out.seek(0)
            return code, summary(out.read().decode("utf-8", "replace"))


def summary(said: str) -> str:
    """What failed, of all that pytest said; its last lines if it names nothing."""
    lines = said.strip().splitlines()
    return "\n".join([line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines[-5:])


def stop_all_of(process: subprocess.Popen) -> None:
    """End a process that leads a session, with all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def forget_bytecode(path: Path) -> None:
    """Remove what Python may have compiled from this file."""
    for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        cached.unlink()


def outcomes(chosen: list[Mutant], jobs: int, limit: float, passing: bool) -> Iterator[Outcome]:
    """Judge them, several at a time, as they come."""
    todo: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    for mutant in chosen:
        todo.put(mutant)

    def work(root: Path) -> None:
        try:
            copy = Copy(root, limit, passing)
            while not todo.empty():
                done.put(copy.judge(todo.get_nowait()))
        except queue.Empty:  # another job was faster
            pass
        except BaseException as why:
            done.put(why)

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for job in range(jobs):
            threading.Thread(target=work, args=(Path(folder) / str(job),), daemon=True).start()
        for _ in chosen:
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome


def chosen_by(said: argparse.Namespace) -> list[Mutant]:
    """Those that the command line asks for."""
    found = [m for m in mutants() if not said.file or said.file in m.file]
    if said.names:
        found = [m for m in found if any(n == str(m.number) if n.isdigit() else n in m.what for n in said.names)]
    if said.count is not None and said.count < len(found):
        found = sorted(random.Random(said.seed).sample(found, said.count), key=lambda m: m.number)
    return found


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="numbers, or words of what is said of them; by default all")
    parser.add_argument("--file", default="", help="those in files whose path holds this")
    parser.add_argument("--count", type=int, help="so many of them, at random")
    parser.add_argument("--seed", default="0", help="of the random choice: any text")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--limit", type=float, default=300, help="seconds for the tests of one")
    parser.add_argument("--passing", action="store_true", help="the tests are known to pass without a mistake")
    return parser


def main() -> int:
    said = arguments().parse_args()
    if faults := [f"{m}: {fault}" for m in mutants() if (fault := m.fault())]:
        print("These no longer apply:", *faults, sep="\n  ")
        return 1
    chosen = chosen_by(said)
    if not chosen:
        print("No entry is called so.")
        return 1
    print(f"{len(chosen)} of {len(mutants())} mistakes" + (f", seed {said.seed}" if said.count else ""), flush=True)
    began, found = time.monotonic(), []
    for outcome in outcomes(chosen, min(said.jobs, len(chosen)), said.limit, said.passing):
        print(outcome, flush=True)
        found.append(outcome)
    count = Counter(outcome.verdict for outcome in found)
    print(", ".join(f"{n} {verdict}" for verdict, n in count.items()), f"in {time.monotonic() - began:.0f} s")
    if bad := [outcome for outcome in found if outcome.is_bad]:
        print("No test noticed:", *(o for o in bad if o.verdict == "survived"), sep="\n  ")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
