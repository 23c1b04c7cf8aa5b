"""What turns a picture into a lesson: pages and cues, controls, what to notice, the formula, the source of a step."""

from dashboard.lesson.blocks import formula, notice, recomputed
from dashboard.lesson.cards import cards, papers
from dashboard.lesson.checkpoints import figures, recorded
from dashboard.lesson.page import Page, beside

__all__ = ["Page", "beside", "cards", "figures", "formula", "notice", "papers", "recomputed", "recorded"]
