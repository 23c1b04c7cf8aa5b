"""Boundaries: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="boundaries",
    title="Two ways to draw a boundary",
    question="To tell cats from dogs, must you be able to draw one?",
    section="Foundations",
    order=30,
)
