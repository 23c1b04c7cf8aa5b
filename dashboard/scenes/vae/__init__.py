"""Variational autoencoders: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="vae",
    title="Variational autoencoders",
    question="Can two numbers be a picture?",
    section="Latent variables",
    order=60,
    models=(
        Model(
            "VAE",
            "approximate",
            2013,
            "Kingma & Welling; Rezende et al. 2014",
            disputed="Dated 2013 by its preprint, 2014 by its conference paper.",
        ),
    ),
    events=(Event(2013, "VAE", "Kingma & Welling"),),
    thumbnail=("walk", 2),
)
