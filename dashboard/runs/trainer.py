"""Where runs grow: in this process, or in one of their own beside it.

In a process of its own a run does not hold the interpreter that answers a drag and feeds the socket, and what kills
it leaves the dashboard alive. :mod:`dashboard.runs.process` is that process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol

from dashboard.runs import blob
from dashboard.runs.growth import Frames, Growth, Orders, Recipe, Rest

LOST = "The process that trained it has ended. Start it again."


class Trainer(Protocol):
    """Lets runs grow, one at a time. :meth:`halt` may be called from any thread."""

    def start(self) -> None:
        """Make ready what the first turn needs."""
        ...

    def next_turn(self) -> None:
        """From here on :meth:`halt` means the next call of :meth:`grow`."""
        ...

    def grow(
        self, name: str, recipe: Recipe, orders: Orders, seconds: float, receive: Callable[[Frames], None]
    ) -> Rest:
        """Give a run its turn; the first one makes it."""
        ...

    def halt(self) -> None:
        """End this turn at its next step."""
        ...

    def drop(self, name: str) -> None:
        """Forget a run."""
        ...


class LocalTrainer:
    """Lets runs grow in this process, in the thread that calls."""

    def __init__(self) -> None:
        self.growths: dict[str, Growth] = {}
        self.halted = threading.Event()

    def start(self) -> None:
        """See :class:`Trainer`."""

    def next_turn(self) -> None:
        """See :class:`Trainer`."""
        self.halted.clear()

    def grow(
        self, name: str, recipe: Recipe, orders: Orders, seconds: float, receive: Callable[[Frames], None]
    ) -> Rest:
        """See :class:`Trainer`."""
        growth = self.growths.setdefault(name, Growth(recipe))
        rest = growth.grow(orders, seconds, self.halted.is_set, receive)
        if rest.ended:
            self.drop(name)
        return rest

    def halt(self) -> None:
        """See :class:`Trainer`."""
        self.halted.set()

    def drop(self, name: str) -> None:
        """See :class:`Trainer`."""
        self.growths.pop(name, None)


class ProcessTrainer:
    """Lets runs grow in a process beside this one, which is started when it is first needed, and again if it dies."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.known: set[str] = set()
        self.begun: set[str] = set()
        self.turn = 0
        self.lock = threading.Lock()

    def start(self) -> None:
        """Start the process, unless it is there; it then loads its libraries."""
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                return
            self.known.clear()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashboard.runs.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )

    def next_turn(self) -> None:
        """See :class:`Trainer`."""
        self.turn += 1

    def grow(
        self, name: str, recipe: Recipe, orders: Orders, seconds: float, receive: Callable[[Frames], None]
    ) -> Rest:
        """See :class:`Trainer`."""
        self.start()
        if name in self.begun and name not in self.known:
            return Rest(ended=True, reason=LOST)
        message = {"grow": name, "turn": self.turn, "orders": dataclasses.asdict(orders), "seconds": seconds}
        if name not in self.known:
            message["recipe"] = encode(recipe)
        self.known.add(name)
        self.begun.add(name)
        self._tell(message)
        trouble: Exception | None = None
        for frames, head in self._answers():
            if "rest" in head:
                if trouble is not None:
                    raise trouble
                rest = Rest(**decode(head["rest"]))
                if rest.ended:
                    self.known.discard(name)
                return rest
            if trouble is None:  # what was answered meanwhile must not be taken for another turn's
                try:
                    receive(from_blob(frames, head))
                except Exception as why:
                    trouble = why
                    self.halt()
        self.stop()
        return Rest(ended=True, reason=LOST)

    def halt(self) -> None:
        """See :class:`Trainer`."""
        self._tell({"halt": self.turn})

    def drop(self, name: str) -> None:
        """See :class:`Trainer`."""
        self.begun.discard(name)
        if name in self.known:
            self.known.discard(name)
            self._tell({"drop": name})

    def _tell(self, message: dict[str, Any]) -> None:
        with self.lock, contextlib.suppress(OSError, ValueError):  # a process that is gone is found at its answer
            if self.process is not None and self.process.stdin is not None:
                self.process.stdin.write(json.dumps(message).encode() + b"\n")
                self.process.stdin.flush()

    def _answers(self) -> Iterator[tuple[blob.Arrays, dict[str, Any]]]:
        assert self.process is not None
        assert self.process.stdout is not None
        while (packed := read(self.process.stdout)) is not None:
            yield blob.unpack(packed)

    def stop(self) -> None:
        """End the process."""
        with self.lock:
            process, self.process = self.process, None
            self.known.clear()
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


# --- what is said ---------------------------------------------------------------------------------------------------


def encode(value: Any) -> Any:
    """Functions by their place, frozen dataclasses by their class and fields, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"class": place(type(value)), "fields": fields}
    if isinstance(value, tuple | list):
        return [encode(one) for one in value]
    if callable(value):
        return {"function": place(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A run's config holds a {type(value).__name__}; give numbers, texts, tuples or dataclasses.")


def place(thing: Any) -> str:
    """Module and name."""
    return f"{thing.__module__}:{thing.__qualname__}"


def decode(value: Any) -> Any:
    """The inverse of :func:`encode`."""
    if isinstance(value, list):
        return tuple(decode(one) for one in value)
    if not isinstance(value, dict):
        return value
    if "function" in value or "class" in value:
        module, _, name = str(value.get("function") or value["class"]).partition(":")
        thing = getattr(importlib.import_module(module), name)
        return thing(**decode(value["fields"])) if "class" in value else thing
    return {key: decode(one) for key, one in value.items()}


def to_blob(frames: Frames) -> bytes:
    """Frames as one blob."""
    still = {f"={name}": array for name, array in (frames.still or {}).items()}
    return blob.pack({**frames.moving, **still}, {"steps": frames.steps, "layout": frames.layout})


def from_blob(arrays: blob.Arrays, head: dict[str, Any]) -> Frames:
    """The inverse of :func:`to_blob`."""
    moving = {name: array for name, array in arrays.items() if not name.startswith("=")}
    still = {name[1:]: array for name, array in arrays.items() if name.startswith("=")}
    return Frames(tuple(head["steps"]), moving, head["layout"], still)


def read(stream: IO[bytes]) -> bytes | None:
    """The next blob; None where the stream ends."""
    with contextlib.suppress(OSError, ValueError):
        length = int.from_bytes(head, "little") if len(head := stream.read(8)) == 8 else -1
        if length >= 0 and len(packed := stream.read(length)) == length:
            return packed
    return None
