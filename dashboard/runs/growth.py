"""A run where it is computed: an iterator that is asked for some frames, then rests until it is its turn again."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.runs import blob
from dashboard.runs.blob import Arrays
from dashboard.scene import Scene
from dashboard.scene.moves import Move

log = logging.getLogger(__name__)
SLOW_RATE = 2.0  # moves a second in slow motion


@dataclass(frozen=True)
class Recipe:
    """What a run is made of; it can be sent to another process.

    Args:
        draw: A module-level function from a config to an iterator of one-frame scenes; ``None`` stands for a step
            that is not recorded. With moves it takes an iterator of :class:`dashboard.scene.Move` besides.
        config: A frozen one.
        rate: At most so many recorded frames a second; None for as many as the machine gives.
        moves: Names of what may be asked for, one at a time. Unasked it is the last of them; in slow motion the
            others, in turn.
    """

    draw: Callable[..., Iterator[Scene | None]]
    config: Any = None
    rate: float | None = None
    moves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Orders:
    """What a run is to do in its turn.

    Args:
        playing: Whether it goes on by itself.
        slow: Whether it does so in slow motion.
        asked: Single steps to be taken first: names of moves, or empty strings where there are none.
    """

    playing: bool = True
    slow: bool = False
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rest:
    """How a turn ended.

    Args:
        asked: Single steps that are still to be taken.
        wait: Seconds until the next step is due.
        ended: Whether nothing more is to come.
        reason: Why it failed.
    """

    asked: tuple[str, ...] = ()
    wait: float = 0.0
    ended: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Frames:
    """Frames as they travel; the first ones of a run also bring its layout and what stands still."""

    steps: tuple[int, ...]
    moving: Arrays
    layout: Mapping[str, Any] | None = None
    still: Arrays | None = None

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(array.nbytes for array in (*self.moving.values(), *(self.still or {}).values()))

    @classmethod
    def of(cls, scene: Scene, first: bool) -> Frames:
        """Those of a scene."""
        moving = blob.wired(dict(scene.moving()))
        steps = tuple(scene.steps.tolist())
        return cls(steps, moving, scene.layout(), blob.wired(dict(scene.still()))) if first else cls(steps, moving)


class Growth:
    """A run's iterator, and what is still to be done."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.orders = Orders()
        self.asked: deque[str] = deque()
        self.turn = 0
        self.due = 0.0
        self.frames: Iterator[Scene | None] | None = None
        self.first = True

    def next_moves(self) -> Iterator[Move]:
        """What is to be done next, for ever."""
        names = self.recipe.moves
        while True:
            # Taken off when it is made: a frame that was under way when it was asked for is not taken for it.
            if self.asked:
                move = Move(self.asked.popleft(), True)
            elif self.orders.slow:
                move = Move(names[self.turn % (len(names) - 1)], True)
                self.turn += 1
            else:
                move = Move(names[-1], False)
            yield move

    def grow(
        self, orders: Orders, seconds: float, halted: Callable[[], bool], receive: Callable[[Frames], None]
    ) -> Rest:
        """Take steps for so long at the most, until halted, or until the next one is not due yet."""
        self.orders, self.asked = orders, deque(orders.asked)
        end = time.monotonic() + seconds
        if self.asked:
            self.due = 0.0
        try:
            self.frames = self.begin() if self.frames is None else self.frames
            while (orders.playing or self.asked) and not halted() and self.due <= time.monotonic() < end:
                self._step(receive)
        except StopIteration:
            return Rest(ended=True)
        except Exception as why:
            log.exception("a live run failed")
            return Rest(ended=True, reason=str(why) or type(why).__name__)
        return Rest(tuple(self.asked), max(0.0, self.due - time.monotonic()))

    def begin(self) -> Iterator[Scene | None]:
        """The iterator, from its start."""
        recipe = self.recipe
        return recipe.draw(recipe.config, self.next_moves()) if recipe.moves else recipe.draw(recipe.config)

    def _step(self, receive: Callable[[Frames], None]) -> None:
        assert self.frames is not None
        began = time.monotonic()
        scene = next(self.frames)
        if scene is None:
            return
        receive(Frames.of(scene, self.first))
        self.first = False
        if self.asked and not self.recipe.moves:
            self.asked.popleft()
        rate = SLOW_RATE if self.orders.slow else self.recipe.rate
        self.due = began + 1 / rate if rate else 0.0
