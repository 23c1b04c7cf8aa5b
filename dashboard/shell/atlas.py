"""The map: families of generative models and their history, from what the concepts say and what has no page yet."""

from __future__ import annotations

from dashboard.concepts import Concept, Event, Family, Model, concepts

FAMILIES: dict[Family, tuple[str, str]] = {
    "exact": ("Exact likelihood", "log p(x) can be computed"),
    "approximate": ("Approximate likelihood", "a bound on log p(x), or log p(x) up to a constant"),
    "implicit": ("Implicit", "samples, but no p(x)"),
}

WITHOUT_PAGE = (
    Model("Kriging", "exact", 1951, "Krige; Matheron 1963"),
    Model("Hidden Markov model", "exact", 1966, "Baum & Petrie"),
    Model(
        "Normalizing flow",
        "exact",
        2014,
        "NICE: Dinh, Krueger & Bengio",
        disputed="Lectures that date flows 2015 mean Rezende & Mohamed: variational inference with normalizing "
        "flows. NICE had been made public in 2014.",
    ),
    Model("Autoregressive", "exact", 2016, "PixelRNN: van den Oord et al.; WaveNet"),
    Model("Boltzmann machine", "approximate", 1985, "Ackley, Hinton & Sejnowski"),
    Model("Multiple-point geostatistics", "implicit", 1993, "Guardiano & Srivastava"),
)
"""Models that no page shows yet. A concept that names one takes its place: nothing is edited here."""

HISTORY = (
    Event(1951, "Kriging", "Krige"),
    Event(1966, "Hidden Markov model", "Baum & Petrie"),
    Event(1985, "Boltzmann machine", "Ackley, Hinton & Sejnowski"),
    Event(1993, "Multiple-point geostatistics", "Guardiano & Srivastava"),
    Event(2014, "Flow (NICE)", "Dinh et al."),
    Event(2014, "Attention", "Bahdanau et al."),
    Event(2016, "PixelRNN, WaveNet", "van den Oord et al."),
    Event(2017, "Transformer", "Vaswani et al."),
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


def timeline() -> list[Event]:
    """All events by year."""
    events = [event for c in concepts() for event in c.events]
    names = {event.name for event in events}
    return sorted(events + [event for event in HISTORY if event.name not in names], key=lambda event: event.year)
