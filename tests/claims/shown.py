"""What a frame shows: the arrays that its sentence speaks of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.scene import Curve, Scene

WORDS = (
    "more|less|fewer|falls?|rises?|grows?|shrinks?|all|best|worst|worse|better|never|always|every|everywhere|none|nothing|"
    "nobody|only|most|least|largest|smallest|highest|lowest|larger|smaller|nearer|wins?|ends?|exact|exactly|same|surer|ever"
)
CLAIMS = re.compile(rf"\b({WORDS})\b|\d %|\d\.\d", re.IGNORECASE)
"""A sentence with such a word says something about numbers."""


@dataclass(frozen=True)
class Shown:
    """One frame of a scene that was drawn from a config."""

    config: Any
    scene: Scene
    frame: int

    def readout(self, name: str) -> float:
        """A number of this frame."""
        return float(self.readouts(name)[self.frame])

    def readouts(self, name: str) -> np.ndarray:
        """A number in every frame."""
        return next(np.asarray(r.values) for r in self.scene.readouts if r.name == name)

    def curve(self, name: str) -> np.ndarray:
        """A curve's values in every frame."""
        found = [layer for _, layer in self.scene.layers() if isinstance(layer, Curve) and layer.name == name]
        return np.asarray(found[0].y)

    def layer(self, name: str) -> Any:
        """The first layer of a name."""
        return next(layer for _, layer in self.scene.layers() if layer.name == name)


@dataclass(frozen=True)
class Oracle:
    """What a caption of a page claims, found by its words, and whether that is true: asked of what is shown.

    ``true(shown, match)`` is written from what the words mean, not from the scene's code.
    """

    says: str
    true: Callable[[Shown, re.Match[str]], bool]

    def match(self, sentence: str) -> re.Match[str] | None:
        return re.search(self.says, sentence)


def holds_whatever(reason: str) -> Callable[[Shown, re.Match[str]], bool]:
    """For words that no arrays can refute: a definition, or a theorem. The reason says which."""
    assert reason
    return lambda shown, match: True
