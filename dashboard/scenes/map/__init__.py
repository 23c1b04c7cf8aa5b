"""The map: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="map",
    title="Map",
    question="Which generative models are there?",
    section="",
    order=0,
)
