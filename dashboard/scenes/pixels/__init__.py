"""Pixels: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="pixels",
    title="Pixels",
    question="Is knowing what separates the digits knowing what a digit is?",
    section="Latent variables",
    order=40,
)
