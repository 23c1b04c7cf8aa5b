"""Something from outside, in the notation of this dashboard, and the cue that has the same shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Analogue:
    """One such thing.

    Args:
        title: As people call it.
        p: What it draws from, such as ``p(image | text)``.
        drawn: What is given and what comes out, names of small drawings (:data:`dashboard.lesson.cards.DRAWINGS`).
        differs: One sentence: what is different there.
        paper: Who, when, where, as one cites it.
        here: What the cue draws from.
        page: The cue's page.
        cue: The cue.
        link: What the link says of its controls, where they are not as the cue has them.
    """

    title: str
    p: str
    drawn: tuple[str, str]
    differs: str
    paper: str
    here: str
    page: str
    cue: str
    link: Mapping[str, str] = field(default_factory=dict)
