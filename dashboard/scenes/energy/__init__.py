"""Energy: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="energy",
    title="Energy",
    question="What if p(x) is known up to a constant?",
    section="Energy",
    order=77,
)
