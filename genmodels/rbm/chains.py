r"""Chains of block Gibbs, with or without some pixels held: what a trained machine dreams, and how it fills in.

    h ~ p(h | v),    v ~ p(v | h),    and the pixels that are given are put back after each step

Free, a chain tends to p(v), however slowly; with pixels held, to p(the others | these).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genmodels.checks import check_ink, check_whole
from genmodels.rbm.model import RBM, coins
from genmodels.states import last, still


@dataclass(frozen=True)
class ChainConfig:
    """How far chains go.

    Args:
        n_steps: Of block Gibbs, 0 or more.
        seed: 0 or more.
    """

    n_steps: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "seed"):
            check_whole(name, getattr(self, name), at_least=0)


@dataclass(frozen=True, eq=False)
class ChainState:
    """All chains after some steps.

    Attributes:
        step: Steps made.
        images: v, ``(N, D)`` of 0 and 1, in the machine's dtype.
        ink: p(v = 1 | h) that they were drawn from, ``(N, D)``; at the start, and where pixels are held, v itself.
    """

    step: int
    images: np.ndarray
    ink: np.ndarray


def iterate_chains(
    rbm: RBM, start: np.ndarray, config: ChainConfig, held: np.ndarray | None = None
) -> Iterator[ChainState]:
    """Block Gibbs of N chains at once, a state a step, the start first.

    Args:
        rbm: The machine.
        start: ``(N, D)`` of 0 and 1.
        config: How far.
        held: Pixels that stay as they are at the start, ``(N, D)`` or ``(D,)`` bool; by default none.

    Raises:
        ValueError: The start is not black and white, or shapes do not fit.
    """
    v = check_ink(start, rbm.n_visible).astype(rbm.weights.dtype)
    fixed = np.zeros(v.shape, bool) if held is None else np.asarray(held, dtype=bool)
    if fixed.shape not in (v.shape, v.shape[1:]):
        raise ValueError(f"held has the shape {fixed.shape}; give {v.shape} or {v.shape[1:]}, as the start has.")
    rng, first = np.random.default_rng(config.seed), v
    yield ChainState(0, still(v), still(v))
    for step in range(1, config.n_steps + 1):
        p = rbm.visible_given(coins(rbm.hidden_given(v), rng))
        v = np.where(fixed, first, coins(p, rng))
        yield ChainState(step, still(v), still(np.where(fixed, first, p)))


def run_chains(rbm: RBM, start: np.ndarray, config: ChainConfig, held: np.ndarray | None = None) -> ChainState:
    """The last state of :func:`iterate_chains`."""
    return last(iterate_chains(rbm, start, config, held))
