"""One recording, its state, and those who watch it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from dashboard.runs import blob
from dashboard.runs.growth import Frames
from dashboard.runs.recording import MAX_RUN_BYTES, Frame, Recording, _size
from dashboard.scene import Scene

Status = Literal["queued", "running", "paused", "done", "failed"]
Ask = Callable[[Mapping[str, Any], int], Scene]
GONE = "gone"


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
        self.receive(Frames.of(scene, first=not self.layout))

    def receive(self, frames: Frames) -> None:
        """Append frames; the first ones bring layout and still layers."""
        with self.lock:
            if frames.layout is not None:
                self.layout, self.still = dict(frames.layout), dict(frames.still or {})
            for k, step in enumerate(frames.steps):
                self.recording.append(step, {name: array[k] for name, array in frames.moving.items()})
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

    def answer(self, values: Mapping[str, Any], step: int) -> tuple[Frame, dict[str, Any]]:
        """What a drag asks: the frame of this step as it would be at other values, and the ``step`` it has there.

        What stands still, and the ``captions``, are only in it where they differ from what the Player has already.

        Raises:
            ValueError: Nothing can be asked here, or the values are not what it takes.
        """
        if self.ask is None:
            raise ValueError("Nothing can be asked of this recording.")
        scene = self.ask(values, step)
        step = step if scene.start is None else scene.start
        k = max(0, int(np.searchsorted(scene.steps, step, side="right")) - 1)
        frame = blob.wired({name: array[k] for name, array in scene.moving()})
        still = blob.wired(dict(scene.still()))
        changed = {name: array for name, array in still.items() if not _equal(array, self.still.get(name))}
        said = {} if list(scene.captions) == list(self.layout["captions"]) else {"captions": scene.captions}
        return frame | changed, {"step": int(scene.steps[k])} | said

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


def _equal(array: np.ndarray, other: np.ndarray | None) -> bool:
    return other is not None and array.dtype == other.dtype and np.array_equal(array, other, equal_nan=True)
