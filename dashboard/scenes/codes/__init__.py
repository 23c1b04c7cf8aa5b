"""Vector-quantised autoencoders: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="codes",
    title="Codes",
    question="Can a picture be written in 49 words?",
    section="Latent variables",
    order=64,
    models=(Model("VQ-VAE", "approximate", 2017, "van den Oord, Vinyals & Kavukcuoglu"),),
    events=(Event(2017, "VQ-VAE", "van den Oord et al."),),
    thumbnail=("write", 0),
)
