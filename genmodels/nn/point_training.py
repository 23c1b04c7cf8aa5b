"""How a small network is trained on points: what the configs of such models share. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from genmodels.checks import check_choice, check_number, check_whole
from genmodels.data.planar import DATASETS


@dataclass(frozen=True, kw_only=True)
class PointTraining:
    """On which points, and how; each model's config adds what is trained.

    Args:
        data: Name in :data:`genmodels.data.planar.DATASETS`; passed over if points are given to the training.
        standardise: Whether points given are centred and scaled (by one number); data sets always are.
        batch: Rows of a minibatch, 1 or more.
        learning_rate: Adam's, above 0.
        decay: Whether it falls to 0 at n_steps, along half a cosine.
        average: β of the running mean of the parameters, which judges and samples: 0 … 1, 1 excluded; it starts
            shorter, as 1 − 9/(n + 9) of n steps.
        n_steps: Steps of Adam in all, 0 or more.
        every: Yield a state every so many steps, 1 or more, and the last.
        seed: Of weights and of all that is drawn, 0 or more.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    data: str = "moons"
    standardise: bool = True
    batch: int = 256
    learning_rate: float = 4e-3
    decay: bool = True
    average: float = 0.995
    n_steps: int = 16_500
    every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("n_steps", 0), ("every", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_choice("data", self.data, DATASETS)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("average", self.average, at_least=0, below=1)

    def rate(self, step: int) -> float:
        """Learning rate of the update that follows after ``step`` of them."""
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / self.n_steps) if self.decay else 1.0)
