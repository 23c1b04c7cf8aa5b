"""Bounds: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="elbo",
    title="Bounds",
    question="How does one learn from what one cannot compute?",
    section="Latent variables",
    order=62,
)
