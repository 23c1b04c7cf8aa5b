r"""Training a velocity (:mod:`.velocity`) by conditional flow matching.

    loss = E |v_θ(x_t, t) − (x_1 − x_0)|² / D,   x_t = (1 − t) x_0 + t x_1,   x_0 ~ N(0, I),  x_1 ~ data,  t ~ U(0, 1)

The network's input is x_t, not x_1. No pair says where the *mean* goes, and the loss never comes to 0, for threads
cross: its least value is the mean variance of x_1 − x_0 given x_t, reached by the exact v (:mod:`.exact`). Times are
stratified: one from each B-th part of 0 … 1 in a minibatch of B.

*Reflow* is the same with pairs (x_0, x_1) that an ODE has made (:func:`.ode.reflow_pairs`), drawn together.

Sources: Lipman et al. (2023), arXiv:2210.02747 (eqs. 14 and 23); Liu, Gong & Liu (2023), arXiv:2209.03003 (eq. 1,
reflow: algorithm 1). Torch is imported when training starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels import device
from genmodels.checks import check_data
from genmodels.data.source import point_source
from genmodels.flow_matching.velocity import ForwardVelocity, MatchingConfig
from genmodels.nn.vector import PARTS, Batch, VectorState, VectorTraining, WaveNetwork
from genmodels.states import iterate, last

if TYPE_CHECKING:
    import torch

Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False, kw_only=True)
class MatchingState(VectorState):
    """A velocity after ``step`` updates; its loss is |said − (x_1 − x_0)|² / D.

    Saying 0 costs 2, for standardised data that know nothing of their noise. ``loss_by_time`` is told in 20 equal
    parts of t, from noise to data.
    """

    config: MatchingConfig

    def velocity(self, averaged: bool = True) -> ForwardVelocity:
        """The velocity in numpy."""
        return ForwardVelocity(self.arrays(averaged), self.config)


def iterate_flow_matching(
    points: Any,
    config: MatchingConfig,
    pairs: Pairs | None = None,
    resume: MatchingState | Mapping[str, np.ndarray] | None = None,
) -> Iterator[MatchingState]:
    """Train a velocity.

    Args:
        points: Data ``(N, D)``, rows of which are drawn with replacement; None for the data set of the config.
        config: Which one, and how.
        pairs: For reflow: x_0 and x_1, each ``(M, D)``, standardised, row for row; drawn together, with replacement.
            Points or data set then only give centre and scale. None: x_0 is drawn afresh, whatever x_1 is.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: Points, pairs or ``resume`` do not fit, or the pairs do not start at N(0, I).
    """
    return iterate(_Training(points, config, pairs, resume), config.n_steps, config.every)


def fit_flow_matching(points: Any, config: MatchingConfig, pairs: Pairs | None = None) -> MatchingState:
    """The trained velocity: the last state of :func:`iterate_flow_matching`."""
    return last(iterate_flow_matching(points, config, pairs))


class _Training(VectorTraining):
    """The network, and what it is to say of points between noise and data."""

    def __init__(self, points: Any, config: MatchingConfig, pairs: Pairs | None, resume: Any) -> None:
        self.source, centre, scale = point_source(config.data, points, config.standardise)
        self.pairs = None if pairs is None else _check_pairs(pairs, len(centre))
        shape = (config.hidden, config.activation, config.x_waves, config.t_waves, 0)
        self.call = WaveNetwork(len(centre), *shape, device.resolve(config.device))
        super().__init__(config, self.call.module, centre, scale, PARTS)
        self.start(resume)

    def state(self) -> MatchingState:
        """What is now, as copies."""
        return MatchingState(**self.told())

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray | None, ...]:
        """x_t, what it is told of t, x_1 − x_0, and the part of t."""
        from genmodels.nn.waves import level_features

        if self.pairs is None:
            x_1 = self.source(n, rng)[0]
            x_0 = rng.standard_normal(x_1.shape, dtype=np.float32)
        else:
            rows = rng.integers(len(self.pairs[0]), size=n)
            x_0, x_1 = (side[rows] for side in self.pairs)
        t = self.strata(rng)
        x_t = (1 - t[:, None]) * x_0 + t[:, None] * x_1
        part = np.minimum((t * self.parts).astype(np.int64), self.parts - 1)
        return x_t, level_features(t, self.config.t_waves), x_1 - x_0, part

    def losses(self, batch: Batch) -> torch.Tensor:
        """|said − (x_1 − x_0)|² / D for each pair of the minibatch, ``(B,)``."""
        x_t, level, wanted, _ = batch
        return (self.call(x_t, level, None) - wanted).square().mean(1)

    def part(self, batch: Batch) -> torch.Tensor:
        """Of 0 … 1."""
        return batch[3]


def _check_pairs(pairs: Any, d: int) -> Pairs:
    """Both sides as float32, or a ValueError that says what to mend."""
    if not (isinstance(pairs, tuple | list) and len(pairs) == 2):
        raise ValueError("pairs must be two arrays, x_0 and x_1, each (M, D), row for row.")
    x_0, x_1 = (check_data(side) for side in pairs)
    if x_0.shape != x_1.shape or x_0.shape[1] != d or not len(x_0):
        raise ValueError(
            f"The pairs have the shapes {x_0.shape} and {x_1.shape}; give both as (M, {d}), row for row."
        )
    off = 6 / np.sqrt(len(x_0))  # six standard errors of a mean; of a second moment they are at most √2 as large
    second = x_0.T @ x_0 / len(x_0) - np.eye(d)
    if np.abs(x_0.mean(axis=0)).max() > off or np.abs(second).max() > 1.5 * off:
        raise ValueError(
            "A Gaussian start is assumed, and the starts x_0 of these pairs are not N(0, I): their mean is "
            f"{x_0.mean(axis=0).round(2).tolist()} and their variance {x_0.var(axis=0).round(2).tolist()}. Begin at "
            "standard normal noise, as reflow_pairs does."
        )
    return x_0.astype(np.float32), x_1.astype(np.float32)
