"""A transformer while it learns Shakespeare: one prompt, continued by what it was at five moments, and at its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Claim, Curve, Panel, Polylines, Readout, Scene, Text, chart, said
from dashboard.scene.snippet import snippet
from genmodels.data.text import load_shakespeare, word_spans
from genmodels.recipes.shakespeare import PROMPT
from genmodels.store import cache


@dataclass(frozen=True)
class Config:
    """Nothing to choose: it was recorded."""


def scene(config: Config) -> Scene:
    """Six moments of the training."""
    arrays, text = cache.arrays("shakespeare"), load_shakespeare()
    steps = arrays["said.steps"].astype(int)
    at = np.searchsorted(arrays["training.steps"], steps)
    prompt = text.alphabet.encode(PROMPT)
    tokens = np.concatenate([np.tile(prompt, (len(steps), 1)), arrays["said.tokens"].astype(int)], axis=1)
    known, share = np.full(tokens.shape, np.nan), np.empty(len(steps))
    for k, row in enumerate(tokens):
        continued = text.alphabet.decode(row[len(prompt) :])
        spans = [(start, end, continued[start:end].lower() in text.words) for start, end in word_spans(continued)]
        for start, end, is_known in spans:
            known[k, len(prompt) + start : len(prompt) + end] = 1.0 if is_known else np.nan
        share[k] = 100 * np.mean([is_known for *_, is_known in spans]) if spans else np.nan
    loss, valid = (arrays[f"training.{name}"][at].astype(float) for name in ("loss", "valid"))
    return Scene(
        panels=(
            Panel(
                "ROMEO: … continued",
                (
                    Text(
                        name="words that Shakespeare has",
                        key="w",
                        codes=tokens,
                        alphabet=text.alphabet.letters,
                        values=known,
                        limits=(0.0, 2.0),
                        marked=len(prompt),
                        colour="model",
                    ),
                ),
                (0, 1),
                (0, 1),
                equal=False,
                axes=False,
                share=1.5,
            ),
            _losses(arrays, steps),
            chart(
                "Words that Shakespeare has, %",
                (Curve(name="share", key="h", x=steps.astype(float), y=share, colour="model"),),
                (0, float(steps[-1])),
                (0, 104),
                x_label="step",
                share=0.8,
            ),
        ),
        steps=steps,
        time="step",
        readouts=(
            Readout("training, a minibatch", loss, "nats a letter", 3),
            Readout("validation", valid, "nats a letter", 3),
            Readout("words that Shakespeare has", share, "%", 0),
        ),
        **said(len(steps), *_claims(steps, valid, share)),
        alt="One prompt continued by a transformer at six moments of its training, and its loss.",
        fps=0.4,
    )


def _losses(arrays: dict[str, np.ndarray], steps: np.ndarray) -> Panel:
    """All that was recorded, and where the text shown stands."""
    x = arrays["training.steps"].astype(float)
    lines = {name: np.stack([x, arrays[f"training.{name}"].astype(float)], axis=1) for name in ("loss", "valid")}
    guess = float(np.log(len(load_shakespeare().alphabet)))
    here = np.array([[[[step, 0.0], [step, 6.0]]] for step in steps], dtype=float)
    return chart(
        "Nats a letter",
        (
            Polylines(name="", xy=here, colour="muted"),
            Polylines(name="training", key="t", xy=lines["loss"][None], colour="data", width=2.5),
            Polylines(name="validation", key="v", xy=lines["valid"][None], colour="model", width=2.5),
            Polylines(name="guessing", xy=np.array([[[0, guess], [x[-1], guess]]]), colour="truth", dashed=True),
        ),
        (0, float(x[-1])),
        (1, 5.5),
        x_label="step",
        share=0.8,
    )


def code(config: Config) -> str:
    """What the stored network says."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.text import load_shakespeare, word_spans",
        "from genmodels.recipes.shakespeare import say",
        "from genmodels.store import cache",
        "stored, text = cache.load('shakespeare'), load_shakespeare()",
        "said = text.alphabet.decode(say(stored.arrays, stored.entry.config))  # 240 letters, drawn from p itself",
        "print(said)",
        "known = [said[start:end].lower() in text.words for start, end in word_spans(said)]",
        "best = stored.arrays['training.valid'].min()",
        "shown = {'validation': best, 'words that Shakespeare has': 100 * np.mean(known)}",
    )


def _claims(steps: np.ndarray, valid: np.ndarray, share: np.ndarray) -> list[Claim | str]:
    entry = cache.load("shakespeare").entry
    finish = entry.config["finish"]["n_steps"]
    last = steps == steps[-1]
    return [
        Claim(
            "Not yet trained: worse than guessing, which costs ln 65 = 4.17 nats a letter.",
            (steps == 0) & (valid > np.log(65)),
        ),
        Claim(
            f"The one stored: after step {steps[-1]:,} it also read the validation text, {finish} steps; of text "
            f"never read, a letter costs it {entry.metrics['nats_per_letter']:.2f} nats.",
            last,
        ),
        Claim("Letters and their order, few words: less than half of them are real.", share < 50),
        Claim("Words and lines: more than nine in ten words are real.", share > 90),
        Claim("Words: more than half of them are real.", share > 50),
    ]
