"""Autoencoders: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept

CONCEPT = Concept(
    page="autoencoder",
    title="Autoencoders",
    question="Can a picture be two numbers?",
    section="Latent variables",
    order=50,
)
