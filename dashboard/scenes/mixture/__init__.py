"""Mixtures: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="mixture",
    title="Mixtures and EM",
    question="What if the data are not one lump?",
    section="Foundations",
    order=20,
    models=(Model("Gaussian mixture", "exact", 1894, "Pearson; EM: Dempster, Laird & Rubin 1977"),),
    events=(Event(1894, "Gaussian mixture", "Pearson"), Event(1977, "EM", "Dempster, Laird & Rubin")),
    thumbnail=("em", 0),
)
