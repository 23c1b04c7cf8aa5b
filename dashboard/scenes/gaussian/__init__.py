"""The Gaussian: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="gaussian",
    title="The Gaussian",
    question="How can a bell curve generate data?",
    section="Foundations",
    order=10,
    models=(Model("Gaussian", "exact", 1809, "Gauss"),),
    events=(Event(1809, "Gaussian", "Gauss"),),
)
