r"""A small network that is trained in numpy: all parameters in one vector θ, Adam, and their running mean.

    m ← 0.9 m + 0.1 g,   v ← 0.999 v + 0.001 g²,   θ ← θ − η m̂ / (√v̂ + 10⁻⁸),   m̂ = m/(1 − 0.9ˢ), v̂ = v/(1 − 0.999ˢ)
    a_s = β_s a_{s−1} + (1 − β_s) θ_s,      β_s = min(β, s/(s + 9))

Sources: Kingma & Ba (2015), arXiv:1412.6980, algorithm 1; Polyak & Juditsky (1992) for averaging.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from genmodels.data.source import Draw

NAMES = ("parameters", "average", "moments")
BLOCK = 64  # minibatches drawn at once
CHUNK = 2_000_000  # most numbers drawn at once


class Adam:
    """θ, its gradient, Adam's moments and the running mean, while they change; all float32.

    Args:
        theta: θ_0, ``(P,)``; kept, and changed in place.
        average: β; 0 keeps no mean.

    Attributes:
        gradient: ``(P,)``, for the model to write; :meth:`update` uses it up.
        moments: Running means of g and g², ``(2, P)``.
        average: a_s, ``(P,)``; θ itself if β is 0.
        step: s, updates so far.
    """

    def __init__(self, theta: np.ndarray, average: float) -> None:
        self.theta, self.gradient = theta, np.zeros_like(theta)
        self.moments, self.step = np.zeros((2, len(theta)), np.float32), 0
        self._beta = average
        self.average = theta.copy() if average else theta

    def update(self, rate: float) -> None:
        """One step along the gradient, with the learning rate η."""
        self.step += 1
        first, second = self.moments
        first += (self.gradient - first) * np.float32(0.1)
        self.gradient *= self.gradient
        second += (self.gradient - second) * np.float32(0.001)
        root = np.sqrt(second)
        root *= np.float32(1 / math.sqrt(1 - 0.999**self.step))
        root += np.float32(1e-8)
        np.divide(first, root, out=root)
        root *= np.float32(rate / (1 - 0.9**self.step))
        self.theta -= root
        if self._beta:
            self.average += (self.theta - self.average) * np.float32(1 - min(self._beta, self.step / (self.step + 9)))

    def resume(self, saved: Mapping[str, np.ndarray], n_steps: int, what: str) -> None:
        """Go on from a snapshot: ``parameters``, ``average``, ``moments`` and ``step``.

        Raises:
            ValueError: Something is missing, or is of another network, or of a later step than n_steps.
        """
        if missing := [name for name in (*NAMES, "step") if name not in saved]:
            raise ValueError(f"The snapshot holds no {', '.join(missing)}; give the whole of what was saved.")
        step, size, own = int(np.asarray(saved["step"]).item()), np.size(saved["parameters"]), len(self.theta)
        if step > n_steps or size != own:
            raise ValueError(
                f"The run to resume has taken {step} steps and has {size} parameters; this config ends at "
                f"{n_steps} and has {own}: give that of the same {what}, or more n_steps."
            )
        self.step = step
        self.theta[:], self.moments[:] = np.asarray(saved["parameters"]), np.asarray(saved["moments"])
        if self._beta:
            self.average[:] = np.asarray(saved["average"])


class Minibatches:
    """Minibatch i of a source, as columns ``(D, B)`` float32: it depends on the seed and i alone.

    Args:
        draw: See :func:`genmodels.data.source.point_source`.
        batch: B.
        n_features: D.
        seed: Of all that is drawn.
    """

    def __init__(self, draw: Draw, batch: int, n_features: int, seed: int) -> None:
        self._draw, self._batch, self._seed = draw, batch, seed
        self._block = max(1, min(BLOCK, CHUNK // (batch * n_features)))
        self._held: tuple[int, Any] = (-1, None)

    def __getitem__(self, step: int) -> np.ndarray:
        number, offset = divmod(step, self._block)
        if number != self._held[0]:  # many at once, which costs far less than one by one
            x = self._draw(self._block * self._batch, np.random.default_rng([self._seed, number]))[0]
            self._held = (number, x.reshape(self._block, self._batch, -1).transpose(0, 2, 1).copy())
        columns: np.ndarray = self._held[1][offset]
        return columns


def views(vector: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Pieces of a vector of all parameters as matrices ``(outputs, inputs + 1)``; sizes go from inputs to outputs."""
    found, start = [], 0
    for inputs, outputs in pairwise(sizes):
        end = start + outputs * (inputs + 1)
        found.append(vector[start:end].reshape(outputs, inputs + 1))
        start = end
    return found
