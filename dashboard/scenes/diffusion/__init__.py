"""Diffusion: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="diffusion",
    title="Diffusion",
    question="Ruin it slowly: can that be undone?",
    section="Diffusion",
    order=80,
    models=(
        Model(
            "Diffusion",
            "approximate",
            2015,
            "Sohl-Dickstein et al.; DDPM: Ho, Jain & Abbeel 2020",
            disputed="Lectures disagree on diffusion: counted by its training bound it is an approximate-likelihood "
            "model, counted by how it is used (a sampler that turns noise into data) an implicit one.",
        ),
    ),
    events=(Event(2015, "Diffusion", "Sohl-Dickstein et al."), Event(2020, "DDPM", "Ho, Jain & Abbeel")),
    thumbnail=("backward", 0),
)
