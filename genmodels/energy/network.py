r"""A density that is known up to a constant: the energy is a small network, and a Gaussian keeps it normalisable.

    p_θ(x) = e^{−E_θ(x)} / Z_θ,      E_θ(x) = f_θ(x) + |x|²/2s²,      Z_θ = ∫ e^{−E_θ(x)} dx

f_θ is a perceptron with one output and SiLU units, of x and of waves sin 2^j x_d, cos 2^j x_d: it grows at most
linearly, and the integral is finite whatever θ is. In the plane Z_θ is a sum over a grid (:meth:`Energy.on_grid`): so
p_θ itself can be drawn, which in many dimensions nobody can. Points are rows in standardised units. Gradients are
written out:

    ∂E/∂x   backwards through the layers: minus the score, no Z in it
    Σ_i w_i ∂E(x_i)/∂θ   what contrastive training needs of data (w > 0) and of the model's own samples (w < 0)
    ∂/∂θ Σ_i v_i · ∂E(x_i)/∂x   what score matching needs: tangents along v go forwards, and all comes back

The grid is that of :mod:`genmodels.langevin`, where Z of a density that is given is summed.

Sources: LeCun et al. (2006), *A tutorial on energy-based learning*; Nijkamp et al. (2020), arXiv:1903.12370 (the
Gaussian). Arithmetic is that of the matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from genmodels.checks import check_number, check_whole
from genmodels.langevin.targets import grid
from genmodels.nn.runtime import sigmoid

ROWS = 2048  # that pass through the layers at once


class Grid(NamedTuple):
    """p_θ in the cells of a square around 0.

    Attributes:
        x: Centres of the cells, ``(C², 2)``, row by row from below.
        log_p: log p_θ there, ``(C²,)``.
        log_z: log Z_θ, nats.
        area: Of a cell.
    """

    x: np.ndarray
    log_p: np.ndarray
    log_z: float
    area: float


class Energy:
    """E_θ, its parameters fixed.

    Args:
        arrays: Of a state or a checkpoint: ``"net.{i}.weight"`` ``(outputs, inputs)`` and ``"net.{i}.bias"``.
        spread: s, above 0.
        x_waves: J.

    Raises:
        ValueError: The arrays hold no network with one output.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], spread: float, x_waves: int) -> None:
        check_number("spread", spread, above=0)
        names = sorted((int(n.split(".")[1]), n) for n in arrays if n.startswith("net.") and n.endswith("weight"))
        matrices = [
            np.column_stack([arrays[n], arrays[n.replace("weight", "bias")]]).astype(np.float64) for _, n in names
        ]
        if not names or len(matrices[-1]) != 1:
            raise ValueError(f"The arrays hold no net.0.weight … with one output; they hold {', '.join(arrays)}.")
        self._perceptron = Perceptron(matrices, spread, x_waves)

    def __call__(self, x: Any) -> np.ndarray:
        """E_θ, ``(N, D)`` to ``(N,)``."""
        x = np.asarray(x, dtype=np.float64)
        blocks = [self._perceptron.energies(x[i : i + ROWS].T) for i in range(0, len(x), ROWS)]
        return np.concatenate([np.zeros(0), *blocks])

    def gradient(self, x: Any) -> np.ndarray:
        """∂E/∂x, ``(N, D)``: minus the score of p_θ."""
        return self._perceptron.slopes(np.asarray(x, dtype=np.float64).T)[0].T

    def on_grid(self, reach: float = 8.0, cells: int = 240) -> Grid:
        """log p_θ and log Z_θ by the midpoint rule in cells × cells over −reach … reach, for D = 2.

        What lies outside is counted as none: where p_θ is all but 0 there, the rule's error falls faster than any
        power of the cells' size.
        """
        check_number("reach", reach, above=0)
        check_whole("cells", cells, at_least=2)
        x = cell_centres(reach, cells)
        energy, area = self(x), (2 * reach / cells) ** 2
        log_z = float(logsumexp(-energy) + np.log(area))
        return Grid(x, -energy - log_z, log_z, area)


def cell_centres(reach: float, cells: int) -> np.ndarray:
    """Of the cells of a square around 0, ``(cells², 2)``, row by row from below."""
    return grid([[-reach, reach]] * 2, cells)[0]


class Perceptron:
    """f_θ and E_θ of columns ``(D, N)``, while θ may change.

    Args:
        matrices: ``(outputs, inputs + 1)`` each, biases last; the first takes x and its waves, the last
            has one output.
        spread: s.
        x_waves: J: sin 2^j x_d and cos 2^j x_d for j = 0 … J − 1 are inputs, too.
    """

    def __init__(self, matrices: Sequence[np.ndarray], spread: float, x_waves: int) -> None:
        self.matrices, self.spread = matrices, spread
        self._waves = 2.0 ** np.arange(x_waves, dtype=matrices[0].dtype)

    def energies(self, x: np.ndarray) -> np.ndarray:
        """E, ``(N,)``."""
        h = self._features(x)
        for matrix in self.matrices[:-1]:
            a = _layer(matrix, h)
            h = a * sigmoid(a)
        half = x.dtype.type(1 / (2 * self.spread**2))
        energy: np.ndarray = _layer(self.matrices[-1], h)[0] + half * np.square(x).sum(axis=0)
        return energy

    def slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """∂E/∂x, ``(D, N)``, and E, ``(N,)``."""
        h, back = self._features(x), []
        d_features = self._slopes_of_features(h, len(x))
        for matrix in self.matrices[:-1]:
            a = _layer(matrix, h)
            gate = sigmoid(a)
            h = a * gate
            back.append(gate + h * (1 - gate))
        d = np.broadcast_to(self.matrices[-1][0, :-1, None], h.shape)
        for matrix, slope in zip(reversed(self.matrices[:-1]), reversed(back), strict=True):
            d = matrix[:, :-1].T @ (d * slope)
        pull = x / x.dtype.type(self.spread**2)  # of the Gaussian
        of_x: np.ndarray = (d.reshape(-1, *x.shape) * d_features).sum(axis=0) + pull
        return of_x, _layer(self.matrices[-1], h)[0] + x.dtype.type(0.5) * (x * pull).sum(axis=0)

    def add_gradient(self, x: np.ndarray, weights: np.ndarray, gradients: Sequence[np.ndarray]) -> None:
        """Add Σ_i w_i ∂E(x_i)/∂θ, with weights ``(N,)``, to the gradients, which have the matrices' shapes."""
        inputs, back = [self._features(x)], []
        for matrix in self.matrices[:-1]:
            a = _layer(matrix, inputs[-1])
            gate = sigmoid(a)
            inputs.append(a * gate)
            back.append(gate + inputs[-1] * (1 - gate))
        d = weights[None]
        for i in reversed(range(len(self.matrices))):
            gradients[i][:, :-1] += d @ inputs[i].T
            gradients[i][:, -1] += d.sum(axis=1)
            if i:
                d = (self.matrices[i][:, :-1].T @ d) * back[i - 1]

    def add_tangent_gradient(self, x: np.ndarray, v: np.ndarray, gradients: Sequence[np.ndarray]) -> None:
        """Add the gradient in θ of Σ_i v_i · ∂f(x_i)/∂x, with v ``(D, N)`` held, to the gradients.

        Forwards go h and its tangent along v, ḣ = φ′(a) ȧ; backwards what the sum owes to each of them.
        """
        h = self._features(x)
        inputs, tangents, kept = [h], [(self._slopes_of_features(h, len(x)) * v).reshape(h.shape)], []
        for matrix in self.matrices[:-1]:
            a, a_dot = _layer(matrix, inputs[-1]), matrix[:, :-1] @ tangents[-1]
            gate = sigmoid(a)
            first = gate * (1 + a * (1 - gate))
            second = gate * (1 - gate) * (2 + a * (1 - 2 * gate))
            kept.append((a_dot, first, second))
            inputs.append(a * gate)
            tangents.append(first * a_dot)
        owed, owed_dot = np.zeros((1, x.shape[1]), x.dtype), np.ones((1, x.shape[1]), x.dtype)
        for i in reversed(range(len(self.matrices))):
            gradients[i][:, :-1] += owed @ inputs[i].T + owed_dot @ tangents[i].T
            gradients[i][:, -1] += owed.sum(axis=1)
            if i:
                weights, (a_dot, first, second) = self.matrices[i][:, :-1].T, kept[i - 1]
                to_h, to_tangent = weights @ owed, weights @ owed_dot
                owed, owed_dot = first * to_h + second * a_dot * to_tangent, first * to_tangent

    def _features(self, x: np.ndarray) -> np.ndarray:
        """x, then the sines of all coordinates for each wave, then the cosines, ``(D (1 + 2 J), N)``."""
        phases = (self._waves[:, None, None] * x).reshape(-1, x.shape[1])
        return np.concatenate([x, np.sin(phases), np.cos(phases)])

    def _slopes_of_features(self, h: np.ndarray, d: int) -> np.ndarray:
        """∂feature/∂(its coordinate), ``(1 + 2 J, D, N)``."""
        _, sine, cosine = np.split(h.reshape(-1, d, h.shape[1]), [1, 1 + len(self._waves)])
        waves = self._waves[:, None, None]
        return np.concatenate([np.ones_like(h[None, :d]), waves * cosine, -waves * sine])


def _layer(matrix: np.ndarray, h: np.ndarray) -> np.ndarray:
    a: np.ndarray = matrix[:, :-1] @ h
    a += matrix[:, -1:]
    return a
