"""Flows: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="flows",
    title="Flows",
    question="Can a bell curve be bent into two moons, and still be measured?",
    section="Diffusion",
    order=75,
    models=(
        Model(
            "Normalizing flow",
            "exact",
            2010,
            "Tabak & Vanden-Eijnden; NICE: Dinh, Krueger & Bengio 2014",
            disputed="Lectures that date flows 2015 mean Rezende & Mohamed: variational inference with normalizing "
            "flows. NICE had been made public in 2014, and Tabak & Vanden-Eijnden mapped data to a Gaussian in 2010.",
        ),
        Model(
            "Flow matching",
            "exact",
            2022,
            "Lipman et al.; Liu, Gong & Liu; Albergo & Vanden-Eijnden",
            disputed="Its density is exact for its own ordinary differential equation, up to the solver's error; "
            "lectures that sort by training call it a relative of diffusion.",
        ),
    ),
    events=(
        Event(2010, "Flow to a Gaussian", "Tabak & Vanden-Eijnden"),
        Event(2014, "Flow (NICE)", "Dinh et al."),
        Event(2016, "RealNVP", "Dinh, Sohl-Dickstein & Bengio"),
        Event(2018, "Continuous flow", "Chen et al."),
        Event(2019, "Spline flow", "Durkan et al."),
        Event(2022, "Flow matching", "Lipman et al.; Liu et al."),
    ),
    thumbnail=("layers", 0),
)
