"""A small transformer learns first names in front of the class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import Curve, Panel, Polylines, Readout, Scene, Text, chart
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import called, snippet
from genmodels.data.text import END, load_names

STEPS, EVERY, DRAWN, SHOWN, LONGEST = 600, 10, 100, 10, 14
WIDTHS = {d: f"{d} numbers a letter" for d in (8, 16, 24, 32)}
LAYERS = {1: "1 layer", 2: "2 layers"}


@dataclass(frozen=True)
class Config:
    """Size, learning rate as a power of ten, seed, and where to train."""

    width: int = choice("Width d", 24, WIDTHS)
    layers: int = choice("Layers", 2, LAYERS)
    log_rate: float = slider("log₁₀ learning rate", -2.0, -4.0, 1.0, 0.1)
    seed: int = 0
    device: str = "auto"

    def training(self) -> dict[str, Any]:
        """Fields of :class:`genmodels.transformer.training.TransformerConfig`."""
        return {
            "letters": 27,
            "context": 16,
            "layers": self.layers,
            "heads": 4,
            "width": self.width,
            "batch": 64,
            "learning_rate": 10.0**self.log_rate,
            "n_steps": STEPS,
            "every": EVERY,
            "seed": self.seed,
            # networks as small as these are fastest on the CPU, also where there is a GPU
            "device": "cpu" if self.device == "auto" else self.device,
        }


@lru_cache(maxsize=1)
def lists() -> tuple[frozenset[tuple[int, ...]], frozenset[tuple[int, ...]]]:
    """The names learned from and those held out, as :func:`drawn_name` gives them."""
    names = load_names()
    seen, unseen = (frozenset(map(drawn_name, rows[:, 1:])) for rows in (names.train, names.test))
    return seen, unseen


def drawn_name(row: np.ndarray) -> tuple[int, ...]:
    """A row's letters, with its end sign; without the −1 behind."""
    return tuple(row[row >= 0].tolist())


def scenes(config: Config) -> Iterator[Scene | None]:
    """A frame every 20 steps; names and the held-out loss are of the network of that very step."""
    from genmodels.transformer.rows import draw_rows, row_log_probs
    from genmodels.transformer.training import TransformerConfig, iterate_transformer

    names, (seen, unseen) = load_names(), lists()
    chance = np.random.default_rng([config.seed, 3]).random((DRAWN, LONGEST))
    end = names.alphabet.letters.index(END)
    training = TransformerConfig(**config.training())
    for state in iterate_transformer(names.train, training):
        network = state.model()
        rows = draw_rows(network, end, chance)
        said = list(map(drawn_name, rows))
        copied, new = ([name in of for name in said] for of in (seen, unseen))
        held_out = -float(np.nanmean(row_log_probs(network, names.test)))
        yield _scene(
            state.step, state.loss, held_out, rows[:SHOWN], np.array(copied), np.array(new), training.n_parameters
        )


def _scene(
    step: int, loss: float, held_out: float, rows: np.ndarray, copied: np.ndarray, new: np.ndarray, parameters: int
) -> Scene:
    steps, x = np.array([step]), np.array([float(step)])
    shares = 100 * copied.mean(), 100 * new.mean()
    guess = np.log(27)
    return Scene(
        panels=(
            _names(rows, copied, new),
            chart(
                "Nats a letter",
                (
                    Curve(name="training", key="t", x=x, y=np.array([loss]), colour="data"),
                    Curve(name="held out", key="h", x=x, y=np.array([held_out]), colour="model"),
                    Polylines(
                        name="guessing", xy=np.array([[[0, guess], [STEPS, guess]]]), colour="truth", dashed=True
                    ),
                ),
                (0, STEPS),
                (1.4, 4.0),
                x_label="step",
            ),
            chart(
                f"Of {DRAWN} names drawn, %",
                (
                    Curve(name="copied", key="c", x=x, y=np.array([shares[0]]), colour="data"),
                    Curve(name="held out", key="n", x=x, y=np.array([shares[1]]), colour="model"),
                ),
                (0, STEPS),
                (0, 30),
                x_label="step",
                share=0.9,
            ),
        ),
        steps=steps,
        time="step",
        readouts=(
            Readout("training, a minibatch", loss, "nats a letter", 3),
            Readout("held out", held_out, "nats a letter", 3),
            Readout("names copied from training", shares[0], "%", 1),
            Readout("held-out names", shares[1], "%", 1),
            Readout("weights", parameters, digits=0),
        ),
        alt="Ten names that a transformer says while it is trained; its loss, and how many of its names are real.",
        fps=15,
    )


def _names(rows: np.ndarray, copied: np.ndarray, new: np.ndarray) -> Panel:
    """A name a line; behind those of the lists, a ground."""
    letters = load_names().alphabet.letters
    codes = np.where(rows == letters.index(END), -1, rows)
    lines = np.concatenate([codes, np.full((len(rows), 1), len(letters))], axis=1)  # each ends with a break
    value = np.where(copied, 0.5, np.where(new, 1.0, np.nan))[: len(rows), None]
    return Panel(
        "Ten names that it says",
        (
            Text(
                name="on a list",
                key="o",
                codes=lines.reshape(1, -1),
                values=np.broadcast_to(value, lines.shape).reshape(1, -1),
                alphabet=letters + "\n",
            ),
        ),
        (0, 1),
        (0, 1),
        equal=False,
        axes=False,
        share=0.9,
    )


def code(config: Config) -> str:
    """The first steps of this training, and names that the network says after them."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.text import load_names",
        "from genmodels.transformer.rows import draw_rows, row_log_probs",
        "from genmodels.transformer.training import TransformerConfig, iterate_transformer",
        "names = load_names()",
        called("config = TransformerConfig", **config.training()),
        f"step = {EVERY}",
        "state = next(state for state in iterate_transformer(names.train, config) if state.step == step)",
        "network = state.model()",
        f"chance = np.random.default_rng([{config.seed}, 3]).random(({DRAWN}, {LONGEST}))",
        "said = [names.alphabet.decode(row) for row in draw_rows(network, 0, chance)]",
        "seen = {names.alphabet.decode(row[1:]) for row in names.train}",
        f"print(said[:{SHOWN}])",
        "shown = {",
        "    'training, a minibatch': state.loss,",
        "    'held out': -np.nanmean(row_log_probs(network, names.test)),",
        "    'names copied from training': 100 * np.mean([name in seen for name in said]),",
        "}",
    )


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    from genmodels.transformer.model import Block
    from genmodels.transformer.rows import draw_rows
    from genmodels.transformer.training import iterate_transformer

    return iterate_transformer, Block.forward, draw_rows
