"""Runs: recordings that may still be growing, and the registry that the socket reads.

A :class:`Run` keeps frames under permanent ids (their steps) within a bound of memory. A scene that was
computed at once is the same thing, done. The registry keeps at most four runs a session and 1 GiB in the
process, and drops what nobody has watched for two minutes. Nothing here calls Streamlit.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from dashboard import blob
from dashboard.scene import Scene

Status = Literal["queued", "running", "paused", "done", "failed"]
Frame = dict[str, np.ndarray]

MAX_RUN_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2**30
MAX_RUNS_PER_SESSION = 4
SECONDS_UNWATCHED = 120.0
CHUNK_BYTES = 2 * 2**20


class Recording:
    """Frames by id within a bound of memory.

    At the bound the ids divisible by 2^k stay, plus the first and the last, and k grows by one.
    """

    def __init__(self, max_bytes: int = MAX_RUN_BYTES) -> None:
        self.max_bytes = max_bytes
        self.keep = 1
        self.frames: dict[int, Frame] = {}
        self.nbytes = 0

    def append(self, step: int, frame: Frame) -> None:
        """Add a frame whose id is larger than all before; thin where the bound is passed."""
        last = next(reversed(self.frames), None)
        if last is not None and step <= last:
            raise ValueError(f"Frame {step} comes after frame {last}; ids must increase.")
        if last is not None and not self._stays(last):
            self._remove(last)
        self.frames[step] = frame
        self.nbytes += _size(frame)
        while self.nbytes > self.max_bytes and len(self.frames) > 2:
            self._thin()

    def after(self, step: int | None, max_bytes: int = CHUNK_BYTES) -> tuple[list[int], bool]:
        """Ids of the frames after ``step`` (all, if None) that fit in a message, and whether more follow."""
        ids = [s for s in self.frames if step is None or s > step]
        taken: list[int] = []
        size = 0
        for s in ids:
            size += _size(self.frames[s])
            if taken and size > max_bytes:
                break
            taken.append(s)
        return taken, len(taken) < len(ids)

    def stack(self, ids: list[int]) -> Frame:
        """The frames of these ids, stacked along a first axis."""
        names = self.frames[ids[0]] if ids else {}
        return {name: np.stack([self.frames[s][name] for s in ids]) for name in names}

    def _stays(self, step: int) -> bool:
        return step % self.keep == 0 or step == next(iter(self.frames))

    def _remove(self, step: int) -> None:
        self.nbytes -= _size(self.frames.pop(step))

    def _thin(self) -> None:
        self.keep *= 2
        last = next(reversed(self.frames))
        for step in [s for s in self.frames if not self._stays(s) and s != last]:
            self._remove(step)


def _size(frame: Frame) -> int:
    return sum(array.nbytes for array in frame.values()) + 64


class Run:
    """One recording, its state, and those who watch it. All methods may be called from any thread."""

    def __init__(self, session: str, max_bytes: int = MAX_RUN_BYTES) -> None:
        self.id = secrets.token_urlsafe(16)
        self.session = session
        self.status: Status = "queued"
        self.reason = ""
        self.layout: dict[str, Any] = {}
        self.still: Frame = {}
        self.recording = Recording(max_bytes)
        self.watchers: set[Callable[[], None]] = set()
        self.used = time.monotonic()
        self.lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.recording.nbytes + _size(self.still)

    def add(self, scene: Scene) -> None:
        """Append the frames of a scene; the first scene also fixes layout and still layers."""
        moving = [(name, blob.wire(_narrow(name, array))) for name, array in scene.moving()]
        with self.lock:
            if not self.layout:
                self.layout = scene.layout()
                self.still = {name: blob.wire(_narrow(name, array)) for name, array in scene.still()}
            for k, step in enumerate(scene.steps.tolist()):
                self.recording.append(step, {name: array[k] for name, array in moving})
        self.tell()

    def set_status(self, status: Status, reason: str = "") -> None:
        """Change the status and tell those who watch."""
        with self.lock:
            self.status, self.reason = status, reason
        self.tell()

    def tell(self) -> None:
        """Wake every watcher."""
        for wake in list(self.watchers):
            wake()

    def message(self, after: int | None) -> tuple[bytes, bool]:
        """The blob that follows frame ``after``, and whether it says anything new about frames."""
        with self.lock:
            ids, more = self.recording.after(after)
            frames = self.recording.stack(ids)
            head = {"status": self.status, "reason": self.reason, "keep": self.recording.keep, "more": more}
            if after is None:
                head["layout"] = self.layout
                frames |= {f"={name}": array for name, array in self.still.items()}
        frames["steps"] = np.array(ids, dtype=np.int32)
        return blob.pack(frames, head), bool(ids)


def _narrow(name: str, array: np.ndarray) -> np.ndarray:
    """Pictures travel in float32; readouts keep float64."""
    return array if name.startswith("readout") or array.dtype != np.float64 else array.astype(np.float32)


class Registry:
    """All runs of the process."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.RLock()

    def add(self, run: Run) -> Run:
        """Keep a run; drop the least recently used ones where a limit is passed."""
        with self._lock:
            self.sweep()
            self._runs[run.id] = run
            mine = [r for r in self._by_use() if r.session == run.session]
            for old in mine[: max(0, len(mine) - MAX_RUNS_PER_SESSION)]:
                self.drop(old.id)
            others = [r for r in self._by_use() if r is not run]
            while others and sum(r.nbytes for r in self._runs.values()) > MAX_TOTAL_BYTES:
                self.drop(others.pop(0).id)
        return run

    def get(self, run_id: str) -> Run | None:
        """The run of that id, or None if it never was or is gone."""
        run = self._runs.get(run_id)
        if run:
            run.used = time.monotonic()
        return run

    def drop(self, run_id: str) -> None:
        """Forget a run; those who watch it are told at their next question."""
        with self._lock:
            run = self._runs.pop(run_id, None)
        if run:
            run.set_status("failed", "gone")

    def sweep(self) -> None:
        """Drop what nobody has watched for two minutes."""
        now = time.monotonic()
        for run in self._by_use():
            if not run.watchers and now - run.used > SECONDS_UNWATCHED:
                self.drop(run.id)

    def clear(self) -> None:
        """Drop everything."""
        for run_id in list(self._runs):
            self.drop(run_id)

    def all(self) -> list[Run]:
        """Every run held."""
        return list(self._runs.values())

    def _by_use(self) -> list[Run]:
        return sorted(self._runs.values(), key=lambda r: (bool(r.watchers), r.used))


registry = Registry()


def record(scene: Scene, session: str) -> Run:
    """Keep a scene that is complete as a run that is done."""
    run = Run(session)
    run.add(scene)
    run.set_status("done")
    return registry.add(run)


class Watch:
    """A socket's view of a run: wakes the event loop when there is something new."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Watch:
        self.run.watchers.add(self._wake)
        return self

    def __exit__(self, *_: object) -> None:
        self.run.watchers.discard(self._wake)
        self.run.used = time.monotonic()
        asyncio.get_running_loop().call_later(SECONDS_UNWATCHED + 1, registry.sweep)

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    async def changed(self) -> None:
        """Wait until the run says that something changed."""
        await self._event.wait()
        self._event.clear()
