"""Energy: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="energy",
    title="Energy",
    question="What if p(x) is known up to a constant?",
    section="Energy",
    order=85,
    models=(
        Model(
            "Energy-based model",
            "approximate",
            2006,
            "LeCun et al., a tutorial; Boltzmann machine: Ackley, Hinton & Sejnowski 1985",
            disputed="log p(x) is known up to a constant, so that two points can be compared, and none has a known "
            "probability. Goodfellow's tutorial (2016) files Boltzmann machines under approximate densities, by "
            "Markov chain; Tomczak's book gives energies a family of their own.",
        ),
    ),
    events=(
        Event(1953, "Metropolis sampling", "Metropolis et al."),
        Event(1982, "Hopfield network", "Hopfield"),
        Event(1985, "Boltzmann machine", "Ackley, Hinton & Sejnowski"),
        Event(1987, "Hamiltonian Monte Carlo", "Duane et al."),
        Event(2002, "Contrastive divergence", "Hinton"),
        Event(2005, "Score matching", "Hyvärinen"),
        Event(2006, "Deep belief network", "Hinton, Osindero & Teh"),
        Event(2009, "Deep Boltzmann machine", "Salakhutdinov & Hinton"),
        Event(2014, "Generative stochastic network", "Bengio et al."),
    ),
    thumbnail=("walkers", 1),
)
