"""Generative adversarial networks: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="gan",
    title="GANs",
    question="Can a forger and a detective teach each other?",
    section="Adversarial",
    order=70,
    models=(Model("GAN", "implicit", 2014, "Goodfellow et al."),),
    events=(Event(2014, "GAN", "Goodfellow et al."),),
    thumbnail=("modes", 0),
)
