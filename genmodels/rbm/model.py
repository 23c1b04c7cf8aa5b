r"""A restricted Boltzmann machine: black-and-white pixels v, hidden units h, and no wire within either layer.

    E(v, h) = − b·v − c·h − vᵀW h,    p(v, h) = e^(−E(v, h)) / Z,    Z = Σ_v Σ_h e^(−E(v, h))

Given one layer, the units of the other are independent coins, so that *block Gibbs* sampling draws a layer at once:

    p(h_j = 1 | v) = σ(c_j + Σ_d v_d W_dj),    p(v_d = 1 | h) = σ(b_d + Σ_j W_dj h_j)

The hidden units can be summed out, which leaves the *free energy* F of the pixels:

    p(v) = e^(−F(v)) / Z,    F(v) = − b·v − Σ_j log(1 + e^(c_j + Σ_d v_d W_dj))

Z stays. The same sum over the pixels instead gives Z = Σ_h e^(c·h) Π_d (1 + e^(b_d + Σ_j W_dj h_j)), with 2^H terms:
*exact by counting* for up to 20 hidden units, whatever the number of pixels. So is the gradient of log p:

    ∂ log p(v) / ∂W = v E[h | v]ᵀ − E_model[v hᵀ],    the data's phase minus the model's, and so for b and c

The *pseudo-likelihood* needs no Z: log p(v_d | all other pixels) = log σ(F(v with pixel d flipped) − F(v)), here as a
mean *per pixel*. scikit-learn's ``BernoulliRBM.score_samples`` takes one pixel at random and multiplies by their
number.

Sources: Smolensky (1986), *Harmony theory*; Freund & Haussler (1992); Hinton (2002), *Neural Computation* 14;
Besag (1975) for the pseudo-likelihood. Rows are images of 0 and 1; float64 or float32, as the weights are; logarithms
natural, so nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logsumexp

from genmodels.checks import check_ink, check_whole

MOST_HIDDEN = 20
"""Hidden units whose states are counted one by one: a million."""
BLOCK = 4_000_000
"""Numbers that are held at once while counting."""


class Gradient(NamedTuple):
    """What belongs to W ``(D, H)``, b ``(D,)`` and c ``(H,)``: means of v hᵀ, v and h, or differences of such."""

    weights: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray

    def minus(self, other: Gradient, times: float = 1.0) -> Gradient:
        """``self − times · other``."""
        return Gradient(*(a - times * b for a, b in zip(self, other, strict=True)))

    def flat(self) -> np.ndarray:
        """All numbers in one row ``(D H + D + H,)``."""
        return np.concatenate([part.ravel() for part in self])


NAMES = ("rbm.weight", "visible.bias", "hidden.bias")  # of what a checkpoint holds


@dataclass(frozen=True, eq=False)
class RBM:
    """A machine with D pixels and H hidden units.

    Args:
        weights: W, ``(D, H)``, float64 or float32.
        visible: b, ``(D,)``.
        hidden: c, ``(H,)``.

    Raises:
        ValueError: Shapes do not fit, or a number is not finite.
    """

    weights: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray

    def __post_init__(self) -> None:
        w = np.asarray(self.weights)
        dtype = np.float32 if w.dtype == np.float32 else np.float64
        for name in ("weights", "visible", "hidden"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        if w.ndim != 2 or not w.size or self.visible.shape != w.shape[:1] or self.hidden.shape != w.shape[1:]:
            raise ValueError(
                f"Weights (D, H), biases (D,) and (H,) belong together; got {w.shape}, {self.visible.shape} and "
                f"{self.hidden.shape}."
            )
        if not all(np.isfinite(part).all() for part in (self.weights, self.visible, self.hidden)):
            raise ValueError("A weight or a bias is not a finite number.")

    @property
    def n_visible(self) -> int:
        """D."""
        return self.weights.shape[0]

    @property
    def n_hidden(self) -> int:
        """H."""
        return self.weights.shape[1]

    # --- energies -------------------------------------------------------------------------------------------

    def energy(self, v: np.ndarray, h: np.ndarray) -> np.ndarray:
        """E(v, h), rows ``(N, D)`` and ``(N, H)`` to ``(N,)``, nats."""
        return -(v @ self.visible) - h @ self.hidden - ((v @ self.weights) * h).sum(axis=1)

    def free_energy(self, v: np.ndarray) -> np.ndarray:
        """F(v), ``(N, D)`` to ``(N,)``, nats: −log of the sum over h of e^(−E(v, h))."""
        return -(v @ self.visible) - softplus(v @ self.weights + self.hidden).sum(axis=1)

    def log_prob(self, v: np.ndarray, log_z: float | None = None) -> np.ndarray:
        """log p(v), ``(N, D)`` to ``(N,)``, nats per image.

        Args:
            v: Images of 0 and 1.
            log_z: log Z, or an estimate; by default it is counted.

        Raises:
            ValueError: The images are not black and white; or no ``log_z`` came and there are too many hidden units.
        """
        v = check_ink(v, self.n_visible).astype(self.weights.dtype)
        return -self.free_energy(v) - (self.log_z() if log_z is None else log_z)

    def pseudo_log_likelihood(self, v: np.ndarray) -> np.ndarray:
        """Mean over the pixels d of log p(v_d | all others), ``(N, D)`` to ``(N,)``, nats per *pixel*.

        Raises:
            ValueError: The images are not black and white.
        """
        v = check_ink(v, self.n_visible).astype(self.weights.dtype)
        inputs, total = v @ self.weights + self.hidden, np.zeros(len(v))
        before = softplus(inputs).sum(axis=1)
        for d in range(self.n_visible):
            sign = 1 - 2 * v[:, d]  # what a flip adds to the pixel
            after = softplus(inputs + sign[:, None] * self.weights[d]).sum(axis=1)
            total -= softplus(sign * self.visible[d] + after - before)
        return total / self.n_visible

    # --- the two layers ---------------------------------------------------------------------------------------

    def hidden_given(self, v: np.ndarray) -> np.ndarray:
        """p(h_j = 1 | v), ``(N, D)`` to ``(N, H)``."""
        return expit(v @ self.weights + self.hidden)

    def visible_given(self, h: np.ndarray) -> np.ndarray:
        """p(v_d = 1 | h), ``(N, H)`` to ``(N, D)``."""
        return expit(h @ self.weights.T + self.visible)

    def gibbs(self, h: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One step of block Gibbs, from hidden units to pixels and back.

        Args:
            h: ``(N, H)`` of 0 and 1.
            rng: It gives a number for each pixel, then one for each hidden unit.

        Returns:
            v ``(N, D)`` drawn, p(h = 1 | v) ``(N, H)``, and h ``(N, H)`` drawn from it.
        """
        v = coins(self.visible_given(h), rng)
        p = self.hidden_given(v)
        return v, p, coins(p, rng)

    # --- by counting ------------------------------------------------------------------------------------------

    def log_z(self) -> float:
        """log Z, nats, by counting all states of the hidden units.

        Raises:
            ValueError: There are more than 20 hidden units.
        """
        parts = [
            logsumexp(h @ self.hidden + softplus(a).sum(axis=1, dtype=np.float64)) for h, a in self._hidden_states()
        ]
        return float(logsumexp(parts))

    def expectations(self) -> Gradient:
        """E_model of v hᵀ, v and h, by counting.

        Raises:
            ValueError: There are more than 20 hidden units.
        """
        many = 2**self.n_hidden * self.n_visible > BLOCK
        shift, total, found = self.log_z() if many else None, 0.0, None
        for h, a in self._hidden_states():
            log_p = h @ self.hidden + softplus(a).sum(axis=1)
            p = np.exp(log_p - (log_p.max() if shift is None else shift))
            v = expit(a) * p[:, None]
            part = Gradient(v.T @ h, v.sum(axis=0), p @ h)
            total, found = total + p.sum(), part if found is None else found.minus(part, -1)
        assert found is not None
        return Gradient(*(part / total for part in found))

    def of_data(self, v: np.ndarray) -> Gradient:
        """Means over the rows ``(N, D)`` of v E[h | v]ᵀ, v and E[h | v]."""
        p = self.hidden_given(v)
        return Gradient(v.T @ p / len(v), v.sum(axis=0) / len(v), p.sum(axis=0) / len(v))

    def gradient(self, v: np.ndarray) -> Gradient:
        """The exact gradient of the rows' mean log p(v): the data's phase minus the model's.

        Raises:
            ValueError: The images are not black and white, or there are more than 20 hidden units.
        """
        return self.of_data(check_ink(v, self.n_visible).astype(self.weights.dtype)).minus(self.expectations())

    def expected_cd(self, v: np.ndarray, k: int = 1) -> Gradient:
        """What CD-k follows *on average*, by counting: the data's phase minus that after k steps of Gibbs.

        All states of both layers are counted, in a table of 2^H × 2^D.

        Args:
            v: ``(N, D)`` of 0 and 1.
            k: Steps, 1 or more.

        Raises:
            ValueError: The images are not black and white, or k is not 1 or more.
        """
        v = check_ink(v, self.n_visible).astype(self.weights.dtype)
        check_whole("k", k, at_least=1)
        pixels, units = binary_states(self.n_visible), binary_states(self.n_hidden)
        down = np.exp(_log_coins(units @ self.weights.T + self.visible, pixels))  # p(v | h), (2^H, 2^D)
        up = np.exp(_log_coins(pixels @ self.weights + self.hidden, units)) if k > 1 else None
        p = np.exp(_log_coins(v @ self.weights + self.hidden, units)).mean(axis=0) @ down
        for _ in range(k - 1):
            p = p @ up @ down
        h = self.hidden_given(pixels)
        return self.of_data(v).minus(Gradient(pixels.T @ (p[:, None] * h), p @ pixels, p @ h))

    def _hidden_states(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All states h, in blocks, and the pixels' inputs b + W h."""
        if self.n_hidden > MOST_HIDDEN:
            raise ValueError(
                f"{self.n_hidden} hidden units have too many states to count; at most {MOST_HIDDEN} can be. Estimate "
                "log Z by genmodels.rbm.ais."
            )
        rows = max(1, BLOCK // self.n_visible)
        for first in range(0, 2**self.n_hidden, rows):
            h = binary_states(self.n_hidden, first, min(first + rows, 2**self.n_hidden)).astype(self.weights.dtype)
            yield h, h @ self.weights.T + self.visible


def binary_states(n: int, first: int = 0, end: int | None = None) -> np.ndarray:
    """All states of n units of 0 and 1, or those from ``first`` to before ``end``: ``(2ⁿ, n)`` float64.

    State k has the binary digits of k, the lowest first.

    >>> binary_states(2).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    numbers = np.arange(first, 2**n if end is None else end)
    return ((numbers[:, None] >> np.arange(n)) & 1).astype(np.float64)


def state_numbers(v: Any) -> np.ndarray:
    """Which of :func:`binary_states` each row ``(…, n)`` is, int64.

    >>> state_numbers([[1, 0, 1]]).tolist()
    [5]
    """
    v = np.asarray(v)
    return (v.astype(np.int64) << np.arange(v.shape[-1])).sum(axis=-1)


def coins(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """1 with probability p, else 0: the shape and dtype of p."""
    return (rng.random(p.shape, dtype=p.dtype.type) < p).astype(p.dtype)


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + eˣ), for any x."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _log_coins(inputs: np.ndarray, states: np.ndarray) -> np.ndarray:
    """log p of each state ``(S, n)`` if its units are coins with these log-odds ``(N, n)``: ``(N, S)``."""
    return inputs @ states.T - softplus(inputs).sum(axis=1)[:, None]


def rbm_of(arrays: Mapping[str, np.ndarray], dtype: type = np.float32) -> RBM:
    """A machine as stored."""
    return RBM(*(arrays[name].astype(dtype) for name in NAMES))
