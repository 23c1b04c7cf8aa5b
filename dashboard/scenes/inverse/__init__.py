"""Inverse problems: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="inverse",
    title="Inverse problems",
    question="What was behind the mask?",
    section="Inverse problems",
    order=100,
)
