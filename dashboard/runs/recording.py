"""Frames by id within a bound of memory."""

from __future__ import annotations

import numpy as np

Frame = dict[str, np.ndarray]
MAX_RUN_BYTES = 64 * 2**20
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
