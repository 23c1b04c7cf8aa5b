"""Autoregressive models: the concept, and its page's scenes, one file a cue."""

from dashboard.concepts import Concept, Event, Model

CONCEPT = Concept(
    page="autoregressive",
    title="One after another",
    question="Can one guess the next letter, and get Shakespeare?",
    section="Sequences",
    order=90,
    models=(
        Model(
            "Autoregressive",
            "exact",
            2000,
            "Bengio & Bengio; NADE 2011; PixelRNN 2016",
            disputed="2000 is the first neural network that models each variable given those before it. Shannon drew "
            "English letter by letter from counted frequencies in 1948.",
        ),
    ),
    events=(
        Event(1948, "Text from letter frequencies", "Shannon"),
        Event(2000, "Autoregressive network", "Bengio & Bengio"),
        Event(2011, "NADE", "Larochelle & Murray"),
        Event(2014, "Attention", "Bahdanau et al."),
        Event(2016, "PixelRNN, WaveNet", "van den Oord et al."),
        Event(2017, "Transformer", "Vaswani et al."),
    ),
)
