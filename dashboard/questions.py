"""A question that is asked before a picture plays: of a page's cue, or of a lecture's step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MOST_ANSWERS = 5  # each has a key, a to e


@dataclass(frozen=True)
class Question:
    """What the Player asks while the picture waits.

    Args:
        question: One sentence.
        answers: Two to five, or none: then one thinks, and asks to be shown.
        right: One of them; may be empty where none is right.
        because: Why; said with the picture.

    Raises:
        ValueError: The answers are too many, too few or alike, or the right one is none of them.
    """

    question: str
    answers: tuple[str, ...] = ()
    right: str = ""
    because: str = ""

    def __post_init__(self) -> None:
        if len(self.answers) == 1 or len(self.answers) > MOST_ANSWERS or len({*self.answers}) < len(self.answers):
            raise ValueError(
                f"A question has no answers, or two to {MOST_ANSWERS} that differ; write a list of such."
            )
        if self.right and self.right not in self.answers:
            raise ValueError(f"The right answer {self.right!r} is none of the answers; write it as it stands there.")

    def words(self) -> dict[str, Any]:
        """As the Player takes it."""
        return asdict(self) | {"answers": list(self.answers)}
