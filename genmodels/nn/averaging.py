r"""The running mean of a network's parameters, which judges and samples in place of the last ones.

    a_0 = θ_0,      a_s = β_s a_{s−1} + (1 − β_s) θ_s,      β_s = min(β, s/(s + 9))

Minibatches make θ wander around a minimum; a wanders less. The mean starts short, so that it soon forgets θ_0.

Source: Polyak & Juditsky (1992), *SIAM J. Control and Optimization* 30(4), for averaging.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from genmodels.nn.arrays import load, unflatten
from genmodels.nn.training import Resume, TrainingState


class RunningMean:
    """a_s, kept where the network is.

    Args:
        beta: β, 0 (no mean, the parameters themselves) or more, and below 1.
        resume: What the training is resumed from, if it is; then the mean goes on from there.
    """

    def __init__(self, beta: float, resume: Resume | None = None) -> None:
        saved = resume.snapshot() if isinstance(resume, TrainingState) else resume
        self.beta, self.seen = beta, 0
        self._saved = None if saved is None else (np.asarray(saved["average"]), int(np.asarray(saved["step"]).item()))
        self._mean: torch.Tensor | None = None

    @torch.no_grad()
    def look(self, module: nn.Module) -> None:
        """Take in the parameters; to be called once for each step, before the first one as well."""
        now = nn.utils.parameters_to_vector(module.parameters())
        if self._mean is not None:
            self.seen += 1
            self._mean.lerp_(now, 1 - min(self.beta, self.seen / (self.seen + 9)))
        elif self._saved is not None:
            self._mean, self.seen = torch.tensor(self._saved[0]).to(now), self._saved[1]
        else:
            self._mean = now.clone()

    def copy(self) -> np.ndarray:
        """a_s, ``(P,)``, read-only."""
        assert self._mean is not None
        mean = self._mean.cpu().numpy().copy()
        mean.setflags(write=False)
        return mean


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragedState(TrainingState):
    """A training run whose network is the running mean; see :class:`genmodels.nn.training.TrainingState`.

    Attributes:
        average: a_s, ``(P,)``; see :meth:`averaged`.
        loss: Of the next minibatch under the parameters (not their mean), in the unit that the model says.
    """

    average: np.ndarray
    loss: float

    def averaged(self) -> dict[str, np.ndarray]:
        """The mean by name, read-only views."""
        return unflatten(self.average, {name: value.shape for name, value in self.arrays().items()})

    def snapshot(self) -> dict[str, np.ndarray]:
        """As :meth:`TrainingState.snapshot`, with the mean as ``average``."""
        return super().snapshot() | {"average": self.average.copy()}

    def model(self) -> Any:
        """A new network whose parameters are the mean, on the CPU."""
        return load(self.config.network(), self.averaged())
