"""Who may grow, and when: live runs take turns."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from dashboard.runs.trainer import ProcessTrainer, Trainer

TRAINERS = max(1, (os.cpu_count() or 2) - 1)


class Growing(Protocol):
    """A run as the workers see it.

    Attributes:
        growing: Whether it is its turn.
        due: The time, by ``time.monotonic``, before which it has nothing to do.
        trainer: Where it grows, once it has begun.
    """

    growing: bool
    due: float
    trainer: Trainer | None

    def grow(self) -> None:
        """Take steps until its turn is over, it is to rest or has to wait."""
        ...

    def reconsider(self) -> None:
        """Queue again, or rest."""
        ...

    def tell(self) -> None:
        """Wake those who watch."""
        ...


class Workers:
    """Let live runs grow, at most ``slots`` at once. They take turns.

    Those that somebody has just begun to look at go first; one that waits for its time keeps nobody from growing.

    Each slot is a thread and its trainer. A thread ends when nothing waits, so that a dashboard at rest has none.
    """

    def __init__(self, slots: int, make_trainer: Callable[[], Trainer] = ProcessTrainer) -> None:
        self.slots = slots
        self.make_trainer = make_trainer
        self.trainers: list[Trainer] = []
        self.serving: set[int] = set()
        self.first: deque[Growing] = deque()
        self.turns: deque[Growing] = deque()
        self.changed = threading.Condition()

    def warm(self) -> None:
        """Let the first slot's trainer load its libraries."""
        with self.changed:
            if not self.trainers:
                self.trainers.append(self.make_trainer())
        with contextlib.suppress(OSError):  # the first run that is to grow will say so
            self.trainers[0].start()

    @property
    def busy(self) -> int:
        """How many threads there are."""
        return len(self.serving)

    def submit(self, run: Growing, first: bool = False) -> None:
        """Give the run a turn as soon as there is room; ``first`` where somebody has just asked for it."""
        with self.changed:
            if run.growing or run in self.first or (run in self.turns and not first):
                return
            if run in self.turns:
                self.turns.remove(run)
            (self.first if first else self.turns).append(run)
            self._open(run)
            self.changed.notify_all()
        run.tell()

    def _open(self, run: Growing) -> None:
        """Start the thread of the run's own slot, or of one that is free."""
        own = next((k for k, trainer in enumerate(self.trainers) if trainer is run.trainer), None)
        free = (own,) if own is not None else range(self.slots)
        slot = next((k for k in free if k not in self.serving), None)
        if slot is None:
            return
        self.trainers += [self.make_trainer() for _ in range(slot + 1 - len(self.trainers))]
        self.serving.add(slot)
        threading.Thread(target=self._serve, args=(slot,), name="live run", daemon=True).start()

    def place(self, run: Growing) -> int:
        """1 for the next one; 0 if the run does not wait for its first turn."""
        with self.changed:
            return self.first.index(run) + 1 if run in self.first else 0

    def withdraw(self, run: Growing) -> None:
        """The run waits no longer."""
        with self.changed:
            for line in (self.first, self.turns):
                if run in line:
                    line.remove(run)
            self.changed.notify_all()
        self._tell_those_who_wait()

    def _tell_those_who_wait(self) -> None:
        for other in list(self.first):
            other.tell()

    def _serve(self, slot: int) -> None:
        trainer = self.trainers[slot]
        while True:
            with self.changed:
                run = self._next(trainer)
                if run is None:
                    self.serving.discard(slot)
                    return
                run.growing, run.trainer = True, trainer
            self._tell_those_who_wait()
            try:
                run.grow()
            finally:
                with self.changed:
                    run.growing = False
            run.reconsider()

    def _next(self, trainer: Trainer) -> Growing | None:
        """The next one that has something to do, waited for; None if none is left that may grow here."""
        while True:
            mine = [run for run in (*self.first, *self.turns) if run.trainer is None or run.trainer is trainer]
            if not mine:
                return None
            now = time.monotonic()
            ready = next((run for run in mine if run.due <= now), None)
            if ready is not None:
                (self.first if ready in self.first else self.turns).remove(ready)
                return ready
            self.changed.wait(min(run.due for run in mine) - now)


workers = Workers(TRAINERS)
