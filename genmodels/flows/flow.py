r"""The normalizing flow, without torch: coupling layers that carry data to standard normal noise, and back.

    z = f_K(… f_1(x)),      log p(x) = log N(z; 0, I) + Σ_k log |det ∂f_k/∂(its input)|

Layer k moves the coordinates of one parity and leaves the others (:mod:`genmodels.flows.couplings`): the first moves
the second, fourth, …, the next the first, third, …, and so on. Forward is from data to noise. Whatever the
parameters, x → z is a bijection of the whole space; log |det| always is that of the *forward* map, and log p in the
units of the standardised data.

*Jacobians* are exact: tangents are carried through the layers beside the point.

Arithmetic is float64 whatever the weights are stored in, rows are points, and blocks of rows pass through all layers
while they are in the processor's cache, as columns.

Sources: Tabak & Vanden-Eijnden (2010), *Comm. Math. Sci.* 8(1); Dinh, Sohl-Dickstein & Bengio (2017),
arXiv:1605.08803; Durkan et al. (2019), arXiv:1906.04032.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from genmodels.checks import check_activation, check_choice, check_data, check_hidden, check_number, check_whole
from genmodels.flows import couplings
from genmodels.nn.point_training import PointTraining
from genmodels.nn.runtime import activate

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint

ROWS = 512  # that pass through the layers at once


@dataclass(frozen=True, kw_only=True)
class FlowConfig(PointTraining):
    """Which flow to learn; on which points and how, see :class:`genmodels.nn.point_training.PointTraining`.

    Args:
        kind: ``"spline"`` or ``"affine"``.
        n_layers: K coupling layers, 1 or more; each moves half of the coordinates.
        hidden: Widths of the hidden layers of each layer's network; () makes it linear.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.
        bins: Of a spline, 2 or more.
        bound: B, above 0: splines bend −B … B and are the identity outside, and no network reads a coordinate beyond
            it; standardised data should lie inside.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    kind: str = "spline"
    n_layers: int = 4
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    bins: int = 8
    bound: float = 5.0
    average: float = 0.99
    n_steps: int = 2_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("n_layers", 1), ("bins", 2)):
            check_whole(name, getattr(self, name), at_least=least)
        check_choice("kind", self.kind, couplings.KINDS)
        check_activation(self.activation)
        check_number("bound", self.bound, above=0)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))

    def sizes(self, n_features: int) -> list[tuple[int, ...]]:
        """Widths of each layer's network, inputs and outputs included, for D coordinates."""
        said = couplings.n_said(self.kind, self.bins)
        halves = [halved(n_features, k) for k in range(self.n_layers)]
        return [(len(kept), *self.hidden, len(moved) * said) for kept, moved in halves]


def halved(n_features: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates that layer k leaves, and those that it moves.

    >>> halved(3, 0)
    (array([0, 2]), array([1]))
    """
    numbers = np.arange(n_features)
    return numbers[numbers % 2 == k % 2], numbers[numbers % 2 != k % 2]


def slope(before: np.ndarray, after: np.ndarray, activation: str) -> np.ndarray:
    """φ′ at ``before``, where φ is ``after`` (ReLU and tanh need only that)."""
    if activation == "relu":
        return after > 0
    if activation == "tanh":
        return 1 - after * after
    share = 0.5 + 0.5 * np.tanh(0.5 * before)
    return share + after * (1 - share)


class Flow:
    """A flow, as trained.

    Args:
        arrays: Of a state or a checkpoint: ``"layers.{k}.{i}.weight"`` ``(outputs, inputs)`` and ``.bias`` of the
            network of layer k, ``"centre"`` ``(D,)`` and ``"scale"`` ``(1,)`` of the data.
        config: The flow's.

    Raises:
        ValueError: An array is missing or does not fit the config; the message says which.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], config: FlowConfig) -> None:
        self.config = config
        for name in ("centre", "scale"):
            if name not in arrays:
                raise ValueError(f"The arrays hold no {name!r}; give those of a state or a checkpoint of a flow.")
        self.centre = np.array(arrays["centre"], np.float64)
        self.scale = float(np.asarray(arrays["scale"]).item())
        self.n_features = len(self.centre)
        self._halves = [halved(self.n_features, k) for k in range(config.n_layers)]
        self._networks = [
            _network(arrays, f"layers.{k}", sizes) for k, sizes in enumerate(config.sizes(self.n_features))
        ]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Flow:
        """The flow of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        return cls(checkpoint.arrays, FlowConfig(**checkpoint.entry.config))

    @property
    def n_layers(self) -> int:
        """K."""
        return self.config.n_layers

    def moved(self, k: int) -> np.ndarray:
        """The coordinates that layer k moves, 0 … K − 1 from data to noise."""
        return self._halves[k][1].copy()

    def to_data(self, x: np.ndarray) -> np.ndarray:
        """From the units of the flow to those of the data it was trained on."""
        return self.centre + self.scale * np.asarray(x)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z ``(N, D)`` of data x, and log |det ∂z/∂x| ``(N,)``."""
        return self._ends(x, self._forward)

    def inverse(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x ``(N, D)`` of noise z, and log |det ∂z/∂x| there ``(N,)``: of the forward map."""
        return self._ends(z, self._inverse)

    def path(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points after 0 … K layers ``(K + 1, N, D)``, from x to z, and log |det| of each layer ``(K, N)``."""
        return self._path(x, self._forward)

    def inverse_path(self, z: np.ndarray) -> np.ndarray:
        """The points ``(K + 1, N, D)`` from z to x, the last layer undone first."""
        return self._path(z, self._inverse)[0]

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p(x), nats, ``(N,)``, in the units of the flow."""
        z, log_abs_det = self.forward(x)
        return log_abs_det - 0.5 * (z * z).sum(axis=1) - 0.5 * self.n_features * np.log(2 * np.pi)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n points ``(n, D)``."""
        check_whole("n", n, at_least=0)
        return self.inverse(rng.standard_normal((n, self.n_features)))[0]

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """∂z/∂x at data x, exact, ``(N, D, D)``: rows are coordinates of z."""
        x, d = self._checked(x), self.n_features
        found = np.empty((len(x), d, d))
        for rows in _blocks(len(x)):
            columns = x[rows].T
            whole = np.broadcast_to(np.eye(d)[:, :, None], (d, d, columns.shape[1])).copy()
            for k, (kept, moving) in enumerate(self._halves):
                moved, by_kept = self._moved_and_slopes(k, columns)
                turned = np.exp(moved.log_slope)[:, None] * whole[moving]
                whole[moving] = turned + np.einsum("mkn,kdn->mdn", by_kept, whole[kept])
                columns = columns.copy()
                columns[moving] = moved.y
            found[rows] = whole.transpose(2, 0, 1)
        return found

    def stretch(self, z: np.ndarray) -> np.ndarray:
        """The largest singular value of ∂x/∂z at noise z, ``(N,)``: how much longer a step there can become.

        The largest along a path, or over a grid, is the Lipschitz constant that the inverse has there.
        """
        least = np.linalg.svd(self.jacobian(self.inverse(z)[0]), compute_uv=False)[:, -1]
        with np.errstate(divide="ignore"):
            return 1 / least

    # --- the layers, on columns -----------------------------------------------------------------------------

    def _hidden(self, k: int, kept: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each hidden layer of a network before and after its activation."""
        found, h = [], couplings.read(kept, self.config.bound)
        for weight, bias in self._networks[k][:-1]:
            before = weight @ h + bias
            h = activate(before.copy(), self.config.activation)
            found.append((before, h))
        return found

    def _said(self, k: int, kept: np.ndarray) -> np.ndarray:
        """What the network of layer k says of the coordinates that stay, ``(M, T, N)``."""
        h = couplings.read(kept, self.config.bound)
        for weight, bias in self._networks[k][:-1]:
            h = weight @ h
            h += bias
            h = activate(h, self.config.activation)
        weight, bias = self._networks[k][-1]
        h = weight @ h
        h += bias
        return h.reshape(len(self._halves[k][1]), -1, h.shape[1])

    def _moved(self, k: int, columns: np.ndarray) -> couplings.Moved:
        kept, moving = self._halves[k]
        said = self._said(k, columns[kept])
        return couplings.forward(self.config.kind, said, columns[moving], self.config.bins, self.config.bound)

    def _moved_and_slopes(self, k: int, columns: np.ndarray) -> tuple[couplings.Moved, np.ndarray]:
        """What layer k moves, and ∂ of that by the coordinates that stay, ``(moved, kept, N)``."""
        kept, moving = self._halves[k]
        moved, network = self._moved(k, columns), self._networks[k]
        by_said, _ = couplings.backward(self.config.kind, moved, np.ones_like(moved.y), 0.0)
        hidden = self._hidden(k, columns[kept])
        by_kept = np.empty((len(moving), len(kept), columns.shape[1]))
        for m, by in enumerate(by_said):
            part = network[-1][0][m * len(by) : (m + 1) * len(by)].T @ by
            for (weight, _), (before, after) in zip(network[-2::-1], hidden[::-1], strict=True):
                part = weight.T @ (part * slope(before, after, self.config.activation))
            by_kept[m] = part * (np.abs(columns[kept]) <= self.config.bound)
        return moved, by_kept

    def _forward(self, columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The columns after each layer, and its log |det|."""
        for k, (_, moving) in enumerate(self._halves):
            moved = self._moved(k, columns)
            columns = columns.copy()
            columns[moving] = moved.y
            yield columns, moved.log_slope.sum(axis=0)

    def _inverse(self, columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        config = self.config
        for k in reversed(range(config.n_layers)):
            kept, moving = self._halves[k]
            said = self._said(k, columns[kept])
            back, log_slope = couplings.inverse(config.kind, said, columns[moving], config.bins, config.bound)
            columns = columns.copy()
            columns[moving] = back
            yield columns, log_slope.sum(axis=0)

    def _checked(self, points: np.ndarray) -> np.ndarray:
        points = check_data(points)
        if points.shape[1] != self.n_features:
            raise ValueError(f"The points have {points.shape[1]} coordinates, and the flow {self.n_features}.")
        return points

    def _ends(self, points: np.ndarray, layers: Layers) -> tuple[np.ndarray, np.ndarray]:
        points = self._checked(points)
        end, total = np.empty(points.shape), np.zeros(len(points))
        for rows in _blocks(len(points)):
            for columns, log_abs_det in layers(points[rows].T):
                total[rows] += log_abs_det
                end[rows] = columns.T
        return end, total

    def _path(self, points: np.ndarray, layers: Layers) -> tuple[np.ndarray, np.ndarray]:
        points = self._checked(points)
        path = np.empty((self.n_layers + 1, *points.shape))
        each = np.empty((self.n_layers, len(points)))
        path[0] = points
        for rows in _blocks(len(points)):
            for k, (columns, log_abs_det) in enumerate(layers(points[rows].T)):
                path[k + 1, rows], each[k, rows] = columns.T, log_abs_det
        return path, each


Layers = Callable[[np.ndarray], Iterator[tuple[np.ndarray, np.ndarray]]]


def _blocks(n: int) -> list[slice]:
    return [slice(start, start + ROWS) for start in range(0, n, ROWS)]


def _network(
    arrays: Mapping[str, np.ndarray], name: str, sizes: tuple[int, ...]
) -> list[tuple[np.ndarray, np.ndarray]]:
    layers = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        pair = []
        for part, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
            value = arrays.get(f"{name}.{i}.{part}")
            if value is None or np.shape(value) != shape:
                found = "nothing" if value is None else f"an array of shape {np.shape(value)}"
                raise ValueError(
                    f"{name}.{i}.{part} should have the shape {shape}, and the arrays hold {found}: give those of a "
                    "flow of the same config."
                )
            pair.append(np.array(value, np.float64))
        layers.append((pair[0], pair[1][:, None]))
    return layers
