"""Scenes that are complete are functions of their configs: each is computed once for all who look at it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from dashboard.runs.growth import Frames
from dashboard.scene import Scene

MAX_BYTES = 256 * 2**20


class Scenes:
    """Frames by what they show; the least recently used go first where ``max_bytes`` is passed.

    Thirty people who open one link wait for one computation. What cannot be drawn (any exception) is not kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.kept: OrderedDict[Hashable, Frames] = OrderedDict()
        self.under_way: dict[Hashable, threading.Lock] = {}
        self.lock = threading.Lock()

    def frames(self, key: Hashable, make: Callable[[], Scene]) -> Frames:
        """Those that are kept under this key, or of the scene that ``make()`` computes."""
        with self.lock:
            mine = self.under_way.setdefault(key, threading.Lock())
        with mine:
            with self.lock:
                if key in self.kept:
                    self.kept.move_to_end(key)
                    return self.kept[key]
            try:
                frames = Frames.of(make(), first=True)
                self._keep(key, frames)
                return frames
            finally:
                with self.lock:
                    self.under_way.pop(key, None)

    def _keep(self, key: Hashable, frames: Frames) -> None:
        with self.lock:
            self.kept[key] = frames
            while sum(one.nbytes for one in self.kept.values()) > self.max_bytes:
                self.kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all: what they are made from has changed."""
        with self.lock:
            self.kept.clear()


scenes = Scenes()
