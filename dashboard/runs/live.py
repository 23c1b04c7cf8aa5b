"""A run that grows while somebody watches."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dashboard.runs.growth import Orders, Recipe, Rest
from dashboard.runs.recording import MAX_RUN_BYTES
from dashboard.runs.run import GONE, Ask, Run, Status
from dashboard.runs.scheduler import workers
from dashboard.runs.trainer import Trainer
from dashboard.scene import Scene

log = logging.getLogger(__name__)
SLICE = 0.2  # seconds of a turn
FIRST_SLICE = 0.02  # of the turn that brings the first frame: others wait for theirs


class LiveRun(Run):
    """A run that grows while somebody watches and it is not paused.

    Args:
        session: Whose it is.
        draw: See :class:`dashboard.runs.growth.Recipe`.
        config: What ``draw`` is given.
        ask: Answers a drag.
        rate: At most so many recorded frames a second; None for as many as the machine gives.
        moves: What may be asked for, one at a time, by the words on its button.
        slow: Whether it starts in slow motion.
        browser: Who may find it again after a reload; nobody if it is empty.
    """

    live = True

    def __init__(
        self,
        session: str,
        draw: Callable[..., Iterator[Scene | None]],
        config: Any = None,
        ask: Ask | None = None,
        rate: float | None = None,
        max_bytes: int = MAX_RUN_BYTES,
        moves: Mapping[str, str] | None = None,
        slow: bool = False,
        browser: str = "",
    ) -> None:
        super().__init__(session, ask, max_bytes)
        self.browser = browser
        self.moves = moves or {}
        self.recipe = Recipe(draw, config, rate, tuple(self.moves.values()))
        self.slow = slow
        self.asked: deque[str] = deque()
        self.forgotten = 0  # how often what was asked for has been forgotten
        self.playing = True
        self.ended = False
        self.growing = False
        self.due = 0.0
        self.trainer: Trainer | None = None

    def watch(self, wake: Callable[[], None]) -> None:
        """A watched run goes on."""
        super().watch(wake)
        self.attend()

    def unwatch(self, wake: Callable[[], None]) -> None:
        """A run that nobody watches pauses at once."""
        super().unwatch(wake)
        if not self.wanted:
            self.halt()
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
        self.halt()
        if command == "stop" and not self.growing:
            self._end("done")
        self.attend()
        self.tell()

    def _ask_for(self, command: str) -> None:
        """Keep in mind which single steps are to be taken."""
        word, _, move = command.partition(":")
        if word == "step":
            self.asked.append(move or (self.recipe.moves[-1] if self.moves else ""))
        elif word == "play":
            self.asked.clear()
            self.forgotten += 1

    @property
    def wanted(self) -> bool:
        """Whether the next step is to be taken."""
        return bool(self.watchers) and not self.ended and (self.playing or bool(self.asked))

    def attend(self) -> None:
        """Somebody looks or has asked: as :meth:`reconsider`, but before the others."""
        self.due = 0.0
        self.reconsider(first=True)

    def reconsider(self, first: bool = False) -> None:
        """Queue the run, or let it rest, as things are now."""
        if self.status in ("done", "failed"):
            return
        if self.wanted:
            if self.status == "paused":
                self.set_status("queued")
            workers.submit(self, first or not self.layout)
        elif not self.growing:
            workers.withdraw(self)
            self._rest()

    def halt(self) -> None:
        """Whatever it is doing, its orders have changed."""
        if self.growing and self.trainer is not None:
            self.trainer.halt()

    def grow(self) -> None:
        """Take steps until its turn is over, it is to rest or has to wait. Runs in a worker."""
        assert self.trainer is not None
        self.trainer.next_turn()
        with self.lock:
            wanted, forgotten = self.wanted, self.forgotten
            orders = Orders(self.playing, self.slow, tuple(self.asked))
            self.asked.clear()
        if not wanted:
            return
        if self.status != "running":
            self.set_status("running")
        seconds = SLICE if self.layout else FIRST_SLICE
        try:
            rest = self.trainer.grow(self.id, self.recipe, orders, seconds, self.receive)
        except Exception as why:  # the process cannot be started, or what it said cannot be kept
            log.exception("live run %s failed", self.id)
            rest = Rest(ended=True, reason=str(why) or type(why).__name__)
        with self.lock:
            self.due = time.monotonic() + rest.wait
            if self.forgotten == forgotten:
                self.asked.extendleft(reversed(rest.asked))
            if self.asked:
                self.due = 0.0
        if rest.ended:
            self._end("failed" if rest.reason else "done", rest.reason)
        elif self.ended:
            self._end("done")

    def extra(self) -> dict[str, Any]:
        """Whether it grows by itself, and its place in the queue."""
        return {"live": True, "playing": self.playing, "place": workers.place(self), "moves": self.moves,
                "slow": self.slow}  # fmt: skip

    def forget(self) -> None:
        """Nobody will ask for it again."""
        self.ended = True
        self.halt()
        workers.withdraw(self)
        if self.trainer is not None:
            self.trainer.drop(self.id)

    def _rest(self) -> None:
        if self.status not in ("done", "failed", "paused"):
            self.set_status("paused")

    def _end(self, status: Status, reason: str = "") -> None:
        if self.reason == GONE:
            return
        self.forget()
        self.set_status(status, reason)
