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
        2010,
        "Tabak & Vanden-Eijnden; NICE: Dinh, Krueger & Bengio 2014",
        disputed="Lectures that date flows 2015 mean Rezende & Mohamed: variational inference with normalizing "
        "flows. NICE had been made public in 2014, and Tabak & Vanden-Eijnden mapped data to a Gaussian in 2010.",
    ),
    Model(
        "Autoregressive",
        "exact",
        2000,
        "Bengio & Bengio; NADE 2011; PixelRNN 2016",
        disputed="2000 is the first neural network that models each variable given those before it. Shannon drew "
        "English letter by letter from counted frequencies in 1948.",
    ),
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
    Event(1948, "Text from letter frequencies", "Shannon"),
    Event(1951, "Kriging", "Krige"),
    Event(1966, "Hidden Markov model", "Baum & Petrie"),
    Event(1985, "Boltzmann machine", "Ackley, Hinton & Sejnowski"),
    Event(1993, "Multiple-point geostatistics", "Guardiano & Srivastava"),
    Event(2000, "Autoregressive network", "Bengio & Bengio"),
    Event(2010, "Flow to a Gaussian", "Tabak & Vanden-Eijnden"),
    Event(2011, "NADE", "Larochelle & Murray"),
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
