"""A run that grows while somebody watches."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dashboard.runs.recording import MAX_RUN_BYTES
from dashboard.runs.run import GONE, Ask, Run, Status
from dashboard.runs.scheduler import workers
from dashboard.scene import Scene
from dashboard.scene.moves import Move

log = logging.getLogger(__name__)
SLOW_RATE = 2.0  # moves a second in slow motion


class LiveRun(Run):
    """A run that grows while somebody watches and it is not paused.

    Args:
        session: Whose it is.
        frames: Makes the iterator of one-frame scenes; ``None`` stands for a step that is not recorded.
        ask: Answers a drag.
        rate: At most so many recorded frames a second; None for as many as the machine gives.
        moves: What may be asked for, one at a time, by the words on its button; ``frames`` is then given an iterator
            that says what is to be done next. Unasked it is the last of them; in slow motion the others, in turn.
        slow: Whether it starts in slow motion.
    """

    live = True

    def __init__(
        self,
        session: str,
        frames: Callable[[], Iterator[Scene | None]],
        ask: Ask | None = None,
        rate: float | None = None,
        max_bytes: int = MAX_RUN_BYTES,
        moves: Mapping[str, str] | None = None,
        slow: bool = False,
    ) -> None:
        super().__init__(session, ask, max_bytes)
        self.make_frames = frames
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
            self.frames = self.make_frames() if self.frames is None else self.frames
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
