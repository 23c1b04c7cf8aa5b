"""The map: families of generative models and their history, from what the concepts say and what has no page yet."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.concepts import Concept, Event, Family, Model, concepts

FAMILIES: dict[Family, tuple[str, str]] = {
    "exact": ("Exact likelihood", "log p(x) can be computed"),
    "approximate": ("Approximate likelihood", "a bound on log p(x), or log p(x) up to a constant"),
    "implicit": ("Implicit", "samples, but no p(x)"),
}
IN_A_ROW = 3  # models of a family, before it takes two rows
APART = 0.34  # of a tile's width, between two years

WITHOUT_PAGE = (
    Model("Kriging", "exact", 1951, "Krige; Matheron 1963"),
    Model("Hidden Markov model", "exact", 1966, "Baum & Petrie"),
    Model("Boltzmann machine", "approximate", 1985, "Ackley, Hinton & Sejnowski"),
    Model(
        "Multiple-point geostatistics",
        "exact",
        1993,
        "Guardiano & Srivastava",
        disputed="It draws cell by cell from conditional frequencies counted in a training image: nearer to an "
        "autoregressive model, whose p(x) along one path can be computed, than to one that compares samples.",
    ),
)
"""Models that no page shows yet. A concept that names one takes its place: nothing is edited here."""

HISTORY = (
    Event(1951, "Kriging", "Krige"),
    Event(1966, "Hidden Markov model", "Baum & Petrie"),
    Event(1985, "Boltzmann machine", "Ackley, Hinton & Sejnowski"),
    Event(1993, "Multiple-point geostatistics", "Guardiano & Srivastava"),
)
"""Events that no concept tells; one that does takes their place by name."""


def models(family: Family) -> list[tuple[Model, Concept | None]]:
    """The models of a family by year, each with its concept if it has a page."""
    shown: list[tuple[Model, Concept | None]] = [(m, c) for c in concepts() for m in c.models if m.family == family]
    names = {model.name for c in concepts() for model in c.models}
    rest: list[tuple[Model, Concept | None]] = [
        (model, None) for model in WITHOUT_PAGE if model.family == family and model.name not in names
    ]
    return sorted(shown + rest, key=lambda pair: pair[0].year)


@dataclass(frozen=True)
class Tile:
    """A model's place in the tree.

    Attributes:
        model: The model, and its concept if it has a page.
        row: In its family, from 0.
        x: Its left edge, in widths of a tile.
    """

    model: Model
    concept: Concept | None
    row: int
    x: float


def tree() -> dict[Family, list[Tile]]:
    """Where each model stands: a family has rows, and the year says how far to the right, though not to scale.

    Later is further to the right, in all rows; the same year is the same place, unless a tile stands there already.
    """
    listed = [(model, concept) for family in FAMILIES for model, concept in models(family)]
    rows_of = {family: [0.0] * (1 + (len(models(family)) > IN_A_ROW)) for family in FAMILIES}
    placed: dict[Family, list[Tile]] = {family: [] for family in FAMILIES}
    x, year = 0.0, None
    for model, concept in sorted(listed, key=lambda pair: pair[0].year):
        rows = rows_of[model.family]
        row = min(range(len(rows)), key=rows.__getitem__)
        x = max(x + APART * (year not in (None, model.year)), rows[row])
        placed[model.family].append(Tile(model, concept, row, x))
        rows[row], year = x + 1, model.year
    return placed


def timeline() -> list[Event]:
    """All events by year."""
    events = [event for c in concepts() for event in c.events]
    names = {event.name for event in events}
    return sorted(events + [event for event in HISTORY if event.name not in names], key=lambda event: event.year)
