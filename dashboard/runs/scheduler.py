"""The threads that let live runs grow."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Protocol

from dashboard.runs.run import Status

TRAINERS = max(1, (os.cpu_count() or 2) - 1)


class Growing(Protocol):
    """A run as the workers see it."""

    status: Status
    growing: bool

    def grow(self) -> None:
        """Take steps until it is to rest."""
        ...

    def reconsider(self) -> None:
        """Queue again, or rest."""
        ...

    def tell(self) -> None:
        """Wake those who watch."""
        ...


class Workers:
    """Threads that let live runs grow, at most ``slots`` at once; the others wait their turn.

    A thread ends when nothing waits, so that a dashboard at rest has none.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.busy = 0
        self.waiting: deque[Growing] = deque()
        self.lock = threading.Lock()

    def submit(self, run: Growing) -> None:
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

    def place(self, run: Growing) -> int:
        """1 for the next one; 0 if the run does not wait."""
        with self.lock:
            return self.waiting.index(run) + 1 if run in self.waiting else 0

    def withdraw(self, run: Growing) -> None:
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
