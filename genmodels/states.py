"""What models yield: states, the last of which is the result, and one error where a number overflows on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import numpy as np

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class DivergedError(ValueError):
    """A number is no longer finite.

    Attributes:
        step: The step that led there; the states before it have been yielded.
    """

    def __init__(self, step: int, remedy: str = "try a smaller learning rate") -> None:
        self.step = step
        super().__init__(f"The training diverged at step {step}: its loss is not a finite number; {remedy}.")


def last(states: Iterable[S]) -> S:
    """The last of the states; those before it are let go one by one.

    Raises:
        ValueError: There is none.

    >>> last(iter([1, 2, 3]))
    3
    """
    kept = deque(states, maxlen=1)
    if not kept:
        raise ValueError("There is no state; every model yields its initial one, so the iterator was used before.")
    return kept.pop()


def still(array: np.ndarray) -> np.ndarray:
    """A copy for a state, which nobody can change."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


class Training(Protocol[S_co]):
    """A training run while it changes."""

    @property
    def step(self) -> int:
        """Steps so far."""
        ...

    def update(self) -> None:
        """Take one step."""
        ...

    def state(self) -> S_co:
        """What is now, as copies."""
        ...


def iterate(training: Training[S], n_steps: int, every: int = 1) -> Iterator[S]:
    """Train, whatever the model: the state now, then one every so many steps, and the last at step ``n_steps``."""
    yield training.state()
    while training.step < n_steps:
        training.update()
        if training.step % every == 0 or training.step == n_steps:
            yield training.state()
