"""Runs: recordings that may still be growing, and the registry that the socket reads.

A :class:`Run` keeps frames under permanent ids (their steps) within a bound of memory. A scene that was
computed at once is the same thing, done; a :class:`LiveRun` grows while it is watched. The registry keeps at
most four runs a session and 1 GiB in the process, and drops what nobody has watched for two minutes. Nothing
here calls Streamlit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from dashboard import blob
from dashboard.scene import Scene

Status = Literal["queued", "running", "paused", "done", "failed"]
Frame = dict[str, np.ndarray]
Ask = Callable[[Mapping[str, Any], int], Scene]

log = logging.getLogger(__name__)

MAX_RUN_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2**30
MAX_RUNS_PER_SESSION = 4
SECONDS_UNWATCHED = float(os.environ.get("DASHBOARD_SECONDS_UNWATCHED", "120"))
TRAINERS = max(1, (os.cpu_count() or 2) - 1)
CHUNK_BYTES = 2 * 2**20
SLOW_RATE = 2.0  # moves a second in slow motion
GONE = "gone"


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

    live = False

    def __init__(self, session: str, ask: Ask | None = None, max_bytes: int = MAX_RUN_BYTES) -> None:
        self.id = secrets.token_urlsafe(16)
        self.session = session
        self.ask = ask
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
        moving = _wired(dict(scene.moving())).items()
        with self.lock:
            if not self.layout:
                self.layout = scene.layout()
                self.still = _wired(dict(scene.still()))
            for k, step in enumerate(scene.steps.tolist()):
                self.recording.append(step, {name: array[k] for name, array in moving})
        self.tell()

    def set_status(self, status: Status, reason: str = "") -> None:
        """Change the status and tell those who watch."""
        with self.lock:
            self.status, self.reason = status, reason
        self.tell()

    def watch(self, wake: Callable[[], None]) -> None:
        """Somebody watches from now on, and is woken when there is something new."""
        self.watchers.add(wake)

    def unwatch(self, wake: Callable[[], None]) -> None:
        """Somebody left."""
        self.watchers.discard(wake)
        self.used = time.monotonic()

    def order(self, command: str) -> None:
        """``play``, ``pause``, ``step`` or ``stop``: means something to a live run only."""
        raise ValueError(f"This recording is complete; it cannot be told to {command}.")

    def answer(self, values: Mapping[str, Any], step: int) -> tuple[Frame, int]:
        """What the hand asks: the frame of this step as it would be at other values, and the step it has there.

        What stands still is only in it where it differs from what the Player has already.

        Raises:
            ValueError: Nothing can be asked here, or the values are not what it takes.
        """
        if self.ask is None:
            raise ValueError("Nothing can be asked of this recording.")
        scene = self.ask(values, step)
        step = step if scene.start is None else scene.start
        k = max(0, int(np.searchsorted(scene.steps, step, side="right")) - 1)
        frame = _wired({name: array[k] for name, array in scene.moving()})
        still = _wired(dict(scene.still()))
        changed = {name: array for name, array in still.items() if not _equal(array, self.still.get(name))}
        return frame | changed, int(scene.steps[k])

    def last_readouts(self) -> dict[str, float]:
        """The numbers of the newest frame, by name."""
        with self.lock:
            if not self.recording.frames:
                return {}
            frame = self.recording.frames[next(reversed(self.recording.frames))]
            names = [readout["name"] for readout in self.layout["readouts"]]
        return {name: float(frame[f"readout.{k}"]) for k, name in enumerate(names)}

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
            head |= self.extra()
            if after is None:
                head["layout"] = self.layout
                frames |= {f"={name}": array for name, array in self.still.items()}
        frames["steps"] = np.array(ids, dtype=np.int32)
        return blob.pack(frames, head), bool(ids)

    def extra(self) -> dict[str, Any]:
        """What a live run says besides."""
        return {"live": False}


class Workers:
    """Threads that let live runs grow, at most ``slots`` at once; the others wait their turn.

    A thread ends when nothing waits, so that a dashboard at rest has none.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.busy = 0
        self.waiting: deque[LiveRun] = deque()
        self.lock = threading.Lock()

    def submit(self, run: LiveRun) -> None:
        """Let the run grow as soon as there is room; a run that waits or grows already is left alone."""
        with self.lock:
            if run in self.waiting or run.growing:
                return
            run.status = "queued"  # before a worker can take it and say that it is running
            self.waiting.append(run)
            start = self.busy < self.slots
            self.busy += start
        run.tell()
        if start:
            threading.Thread(target=self._serve, name="live run", daemon=True).start()

    def place(self, run: LiveRun) -> int:
        """1 for the next one; 0 if the run does not wait."""
        with self.lock:
            return self.waiting.index(run) + 1 if run in self.waiting else 0

    def withdraw(self, run: LiveRun) -> None:
        """The run waits no longer."""
        with self.lock:
            if run not in self.waiting:
                return
            self.waiting.remove(run)
        for other in list(self.waiting):
            other.tell()

    def _serve(self) -> None:
        while True:
            with self.lock:
                if not self.waiting:
                    self.busy -= 1
                    return
                run = self.waiting.popleft()
                run.growing = True
            for other in list(self.waiting):
                other.tell()
            try:
                run.grow()
            finally:
                with self.lock:
                    run.growing = False
            run.reconsider()


workers = Workers(TRAINERS)


class Move(NamedTuple):
    """What a live run is to do next, and whether it is done singly, so that it has to be shown."""

    name: str
    single: bool


class Turns:
    """The names of what a live run is told to do, one by one.

    Attributes:
        single: Whether the last one was asked for singly, so that it has to be shown.
    """

    def __init__(self, moves: Iterator[Move]) -> None:
        self.moves = moves
        self.single = False

    def __iter__(self) -> Iterator[str]:
        for move in self.moves:
            self.single = move.single
            yield move.name


class LiveRun(Run):
    """A run that grows while somebody watches and it is not paused.

    Args:
        session: Whose it is.
        build: Makes the iterator of one-frame scenes; ``None`` stands for a step that is not recorded.
        ask: What the hand may ask.
        rate: At most so many recorded frames a second; None for as many as the machine gives.
        moves: What may be asked for, one at a time, by the words on its button; ``build`` is then given an iterator
            that says what is to be done next. Unasked it is the last of them; in slow motion the others, in turn.
        slow: Whether it starts in slow motion.
    """

    live = True

    def __init__(
        self,
        session: str,
        build: Callable[[], Iterator[Scene | None]],
        ask: Ask | None = None,
        rate: float | None = None,
        max_bytes: int = MAX_RUN_BYTES,
        moves: Mapping[str, str] | None = None,
        slow: bool = False,
    ) -> None:
        super().__init__(session, ask, max_bytes)
        self.build = build
        self.moves = moves or {}
        self.slow = slow
        self.asked: deque[str] = deque()
        self.turn = 0
        self.rate = rate
        self.frames: Iterator[Scene | None] | None = None
        self.playing = True
        self.single_steps = 0
        self.ended = False
        self.growing = False

    def watch(self, wake: Callable[[], None]) -> None:
        """A watched run goes on."""
        super().watch(wake)
        self.reconsider()

    def unwatch(self, wake: Callable[[], None]) -> None:
        """A run that nobody watches pauses at once: the worker looks before each step."""
        super().unwatch(wake)
        if not self.wanted:
            workers.withdraw(self)
            self._rest()

    def order(self, command: str) -> None:
        """``play``, ``pause``, ``step`` or ``stop``; with moves also ``slow``, ``fast`` and ``step:NAME``."""
        known = ["play", "pause", "step", "stop"]
        known += [*(f"step:{move}" for move in self.moves.values()), "slow", "fast"] if self.moves else []
        if command not in known:
            raise ValueError(f"A run can be told to {', '.join(known)}, not {command!r}.")
        with self.lock:
            if command in ("slow", "fast"):
                self.slow = command == "slow"
            else:
                self.playing = command == "play"
                self._ask_for(command)
                self.ended |= command == "stop"
        if command == "stop" and not self.growing:
            self._end("done")
        self.reconsider()
        self.tell()

    def _ask_for(self, command: str) -> None:
        """Keep in mind how many single steps are to be taken; with moves, which.

        A move is taken off when it is made: a frame that was under way when it was asked for does not count as it.
        """
        word, _, move = command.partition(":")
        if word == "step" and self.moves:
            self.asked.append(move or list(self.moves.values())[-1])
        elif word == "step":
            self.single_steps += 1
        elif word == "play":
            self.asked.clear()
            self.single_steps = 0

    def next_moves(self) -> Iterator[Move]:
        """What is to be done next, for ever."""
        names = list(self.moves.values())
        while True:
            with self.lock:
                if self.asked:
                    move = Move(self.asked.popleft(), True)
                elif self.slow:
                    move = Move(names[self.turn % (len(names) - 1)], True)
                    self.turn += 1
                else:
                    move = Move(names[-1], False)
            yield move

    @property
    def wanted(self) -> bool:
        """Whether the next step is to be taken."""
        asked = bool(self.asked) if self.moves else self.single_steps > 0
        return bool(self.watchers) and not self.ended and (self.playing or asked)

    def reconsider(self) -> None:
        """Queue the run, or let it rest, as things are now."""
        if self.status in ("done", "failed"):
            return
        if self.wanted:
            workers.submit(self)
        elif not self.growing:
            workers.withdraw(self)
            self._rest()

    def grow(self) -> None:
        """Take steps until paused, unwatched, stopped, done or failed. Runs in a worker."""
        self.set_status("running")
        try:
            self.frames = self.build() if self.frames is None else self.frames
            while self.wanted:
                began = time.monotonic()
                scene = next(self.frames)
                if scene is not None:
                    self.add(scene)
                    self.single_steps = max(0, self.single_steps - 1)
                    self._wait(began)
        except StopIteration:
            self._end("done")
        except Exception as why:
            log.exception("live run %s failed", self.id)
            self._end("failed", str(why) or type(why).__name__)
        else:
            if self.ended:
                self._end("done")
            else:
                self._rest()

    def extra(self) -> dict[str, Any]:
        """Whether it grows by itself, and its place in the queue."""
        return {"live": True, "playing": self.playing, "place": workers.place(self), "moves": self.moves,
                "slow": self.slow}  # fmt: skip

    def _rest(self) -> None:
        if self.status not in ("done", "failed", "paused"):
            self.set_status("paused")

    def _end(self, status: Status, reason: str = "") -> None:
        if self.reason == GONE:
            return
        workers.withdraw(self)
        self.frames = None
        self.ended = True
        self.set_status(status, reason)

    def _wait(self, began: float) -> None:
        rate = SLOW_RATE if self.slow else self.rate
        if rate:
            time.sleep(max(0.0, began + 1 / rate - time.monotonic()))


def _wired(arrays: Mapping[str, np.ndarray]) -> Frame:
    """As they travel."""
    return {name: blob.wire(_narrow(name, np.asarray(array))) for name, array in arrays.items()}


def _equal(array: np.ndarray, other: np.ndarray | None) -> bool:
    return other is not None and array.dtype == other.dtype and np.array_equal(array, other, equal_nan=True)


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
            if isinstance(run, LiveRun):
                run.ended = True
                workers.withdraw(run)
            run.set_status("failed", GONE)

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


def record(scene: Scene, session: str, ask: Ask | None = None) -> Run:
    """Keep a scene that is complete as a run that is done."""
    run = Run(session, ask)
    run.add(scene)
    run.set_status("done")
    return registry.add(run)


def start(run: LiveRun) -> LiveRun:
    """Keep a live run; it grows from the moment that somebody watches."""
    registry.add(run)
    return run


class Watch:
    """A socket's view of a run: wakes the event loop when there is something new."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Watch:
        self.run.watch(self.wake)
        return self

    def __exit__(self, *_: object) -> None:
        self.run.unwatch(self.wake)
        asyncio.get_running_loop().call_later(SECONDS_UNWATCHED + 1, registry.sweep)

    def wake(self) -> None:
        """Something is new; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def changed(self) -> None:
        """Wait until the run says that something changed."""
        await self._event.wait()
        self._event.clear()
