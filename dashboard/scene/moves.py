"""What a run that trains live is to do next, move by move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Move(NamedTuple):
    """What a live run is to do next, and whether it is done singly, so that it has to be shown."""

    name: str
    single: bool


class Turns:
    """The names of what a live run is to do, one by one.

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
