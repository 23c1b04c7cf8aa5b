"""Sentences that say something about numbers, each with what makes it true.

A caption, a notice or an answer that claims *more, less, falls, all, never, 12 %* is computed from the arrays that it
speaks of. Where it is false, another sentence stands: :func:`said` shows, in each frame, the first that is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from dashboard.scene.layers import Array


@dataclass(frozen=True, eq=False)
class Claim:
    """A sentence, and whether it is true: once for all, or ``(F,)`` for each frame."""

    says: str
    holds: Array | bool


class Said(TypedDict):
    """What a :class:`~dashboard.scene.Scene` takes as its captions."""

    captions: tuple[str, ...]
    caption: Array


def said(frames: int, *sentences: Claim | str) -> Said:
    """In each frame the first sentence that is true there; a plain one, which claims nothing, always is.

    Args:
        frames: How many there are.
        sentences: In order of preference. Where none is true, nothing is said.
    """
    claims = [Claim(s, True) if isinstance(s, str) else s for s in sentences]
    caption = np.full(frames, -1)
    for k, claim in reversed(list(enumerate(claims))):
        caption[np.broadcast_to(np.asarray(claim.holds, dtype=bool), frames)] = k
    return {"captions": tuple(claim.says for claim in claims), "caption": caption}


def first_true(*sentences: Claim | str) -> str:
    """The first sentence that is true, for what stands on a page rather than in a frame; empty if none is."""
    shown = said(1, *sentences)
    return shown["captions"][shown["caption"][0]] if shown["caption"][0] >= 0 else ""
