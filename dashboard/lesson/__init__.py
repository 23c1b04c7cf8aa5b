"""What turns a picture into a lesson: cues, controls, what to notice, the formula, the source of a step."""

from dashboard.lesson.blocks import challenge, formula, notice, predict, recomputed, references, source
from dashboard.lesson.page import Cue, beside, beside_controls, cues, focus_token, question

__all__ = [
    "Cue",
    "beside",
    "beside_controls",
    "challenge",
    "cues",
    "focus_token",
    "formula",
    "notice",
    "predict",
    "question",
    "recomputed",
    "references",
    "source",
]
