r"""A perceptron of points and of a level, without torch: what a denoiser and a flow's velocity have in common.

    h_0 = (x, sin 2^j x_d, cos 2^j x_d, level, class),   h_l = φ(W_l h_{l−1} + b_l),   output = W_L h_{L−1} + b_L

The *level* is one number u in 0 … 1 for all rows (how noisy they are, or what time it is), told as 2u − 1 and as
waves sin, cos of 2^j π u (:func:`level_features`); the class, if there is one, as one-hot. The trace of the Jacobian
∂output/∂x is exact: D tangents are carried forwards through the layers. A product vᵀ ∂output/∂x, one pass back, is
exact, too.

Source: Tancik et al. (2020), arXiv:2006.10739 (waves of x). Rows are points, arithmetic float32 unless asked
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from genmodels.nn.runtime import SLOPES, activate

ROWS = 1024  # that a network takes at once


def level_features(u: Any, n_waves: int, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """2u − 1, and sin and cos of 2^j π u for j = 0 … n − 1, ``(…)`` to ``(…, 1 + 2 n)`` of the dtype.

    >>> level_features([0.0, 0.5], 1).round(3).tolist()
    [[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    u = np.asarray(u, dtype=np.float64)
    phases = [2.0**j * np.pi * u for j in range(n_waves)]
    waves = [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
    return np.stack([2 * u - 1, *waves], axis=-1).astype(dtype)


class WavePerceptron:
    """The network in numpy.

    All rows share the level: its part of the first layer is a bias. Rows are taken in blocks that stay in the
    processor's cache, laid out as columns, with a row of ones that carries the biases: a layer is one product.

    Args:
        arrays: Of a state or a checkpoint: ``"net.0.weight"`` ``(outputs, inputs)``, ``"net.0.bias"``, …; and
            ``"centre"`` ``(D,)``, ``"scale"`` ``(1,)`` in data units.
        activation: φ: ``"relu"``, ``"silu"`` or ``"tanh"``.
        x_waves: Waves of each coordinate.
        t_waves: Waves of the level.
        n_classes: C; 0: it knows no classes.
        dtype: Of the arithmetic, float32 or float64.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        activation: str,
        x_waves: int,
        t_waves: int,
        n_classes: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        self.dtype = dtype
        self._activation, self._t_waves, self._n_classes = activation, t_waves, n_classes
        names = sorted(
            (int(name.split(".")[1]), name) for name in arrays if name.startswith("net.") and "weight" in name
        )
        weights = [np.ascontiguousarray(np.asarray(arrays[name], self.dtype).T) for _, name in names]
        biases = [np.array(arrays[name.replace("weight", "bias")], self.dtype) for _, name in names]
        if not weights:
            raise ValueError(f"The arrays hold no net.0.weight; they hold {', '.join(sorted(arrays))}.")
        self.centre, self.scale = np.array(arrays["centre"], np.float64), float(np.asarray(arrays["scale"]).item())
        d, k = weights[-1].shape[1], x_waves
        sizes = [d * (1 + 2 * k), 1 + 2 * t_waves, n_classes]
        if len(weights[0]) != sum(sizes) or self.centre.shape != (d,):
            raise ValueError(f"The first layer has {len(weights[0])} inputs, and the config asks for {sum(sizes)}.")
        self._of_x, self._of_level, self._of_class = np.split(weights[0], np.cumsum(sizes)[:2])
        self._layers = list(zip(weights[1:], biases[1:], strict=True))
        self._stacked = [np.ascontiguousarray(np.vstack(layer).T) for layer in self._layers]  # (outputs, inputs + 1)
        self._bias, self._waves = biases[0], self.dtype(2.0) ** np.arange(k, dtype=self.dtype)

    def ask(self, x: np.ndarray, u: float, y: Any = None) -> np.ndarray:
        """The output at this level, ``(N, D)``; y: classes ``(N,)``, −1 for none."""
        x, classes = np.asarray(x, dtype=self.dtype), self._classes(y)
        columns = [self._of_x, self._level(u)[None], *([] if y is None else [self._of_class])]
        layers = [np.concatenate(columns).T, *self._stacked]
        said = np.empty((len(x), len(self.centre)), dtype=self.dtype)
        blocks = max(1, round(len(x) / ROWS))
        for i in range(blocks):
            rows = slice(len(x) * i // blocks, len(x) * (i + 1) // blocks)
            h = self._inputs(x[rows], None if classes is None else classes[rows])
            for layer in layers[:-1]:
                below, h = h, np.empty((len(layer) + 1, h.shape[1]), dtype=self.dtype)
                activate(np.matmul(layer, below, out=h[:-1]), self._activation)
                h[-1] = 1
            said[rows] = (layers[-1] @ h).T
        return said

    def ask_with_trace(self, x: np.ndarray, u: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The output, and the trace of its Jacobian ``(N,)``, exact, by carrying D tangents forwards."""
        x = np.asarray(x, dtype=self.dtype)
        d = x.shape[1]
        h = self._features(x) @ self._of_x + self._shift(u, y)
        tangents = np.stack([self._tangent(x, i) @ self._of_x for i in range(d)])  # (D, N, H)
        for weight, bias in self._layers:
            tangents = (tangents * SLOPES[self._activation](h)) @ weight
            h = activate(h, self._activation) @ weight + bias
        return h, np.trace(tangents, axis1=0, axis2=2)

    def ask_and_pull(self, x: np.ndarray, u: float, v: np.ndarray, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The output and the vector-Jacobian product vᵀ ∂output/∂x of each row, both ``(N, D)``, as v is."""
        x = np.asarray(x, dtype=self.dtype)
        h, before = self._features(x) @ self._of_x + self._shift(u, y), []
        for weight, bias in self._layers:
            before.append(h)
            h = activate(h.copy(), self._activation) @ weight + bias
        delta = np.asarray(v, dtype=self.dtype)
        for (weight, _), a in zip(self._layers[::-1], before[::-1], strict=True):
            delta = (delta @ weight.T) * SLOPES[self._activation](a)
        of_features = delta @ self._of_x.T
        if not len(self._waves):
            return h, of_features
        return h, np.stack([(self._tangent(x, i) * of_features).sum(axis=1) for i in range(x.shape[1])], axis=1)

    def to_data(self, x: np.ndarray) -> np.ndarray:
        """Points of the standardised space ``(N, D)`` in data units: centre + scale · x."""
        return self.centre + self.scale * np.asarray(x)

    def from_data(self, x: np.ndarray) -> np.ndarray:
        """Points in data units ``(N, D)`` in the standardised space."""
        return (np.asarray(x) - self.centre) / self.scale

    def _features(self, x: np.ndarray) -> np.ndarray:
        """x, then sin and cos of 2^j x_d, ordered by coordinate, ``(N, D (1 + 2 J))``."""
        if not len(self._waves):
            return x
        phases = (x[:, :, None] * self._waves).reshape(len(x), -1)
        return np.concatenate([x, np.sin(phases), np.cos(phases)], axis=1)

    def _inputs(self, x: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Features, a one and the one-hot class as columns, ``(D (1 + 2 J) + 1 + C, N)``."""
        (n, d), (width, c) = x.shape, (len(self._of_x), 0 if classes is None else classes.shape[1])
        h = np.empty((width + 1 + c, n), dtype=self.dtype)
        h[:d], h[width] = x.T, 1
        if classes is not None:
            h[width + 1 :] = classes.T
        if len(self._waves):
            sine, cosine = h[d:width].reshape(2, d, len(self._waves), n)
            np.multiply(h[:d, None], self._waves[:, None], out=cosine)
            np.sin(cosine, out=sine)
            np.cos(cosine, out=cosine)
        return h

    def _tangent(self, x: np.ndarray, i: int) -> np.ndarray:
        """∂features/∂x_i, ``(N, D (1 + 2 J))``."""
        n, d, k = len(x), x.shape[1], len(self._waves)
        out = np.zeros((n, d * (1 + 2 * k)), dtype=self.dtype)
        out[:, i] = 1
        if k:
            phases = x[:, i, None] * self._waves
            start = d + i * k
            out[:, start : start + k] = self._waves * np.cos(phases)
            out[:, start + d * k : start + (d + 1) * k] = -self._waves * np.sin(phases)
        return out

    def _level(self, u: float) -> np.ndarray:
        """What the level adds to the first layer, ``(H,)``, its bias included."""
        return level_features(u, self._t_waves, self.dtype) @ self._of_level + self._bias

    def _classes(self, y: Any) -> np.ndarray | None:
        """One-hot, ``(N, C)``; −1 is a row of zeros."""
        if y is None:
            return None
        y, c = np.asarray(y), self._n_classes
        if not c:
            raise ValueError("This network knows no classes; leave out y.")
        if y.dtype.kind not in "iu" or (y.size and not (y.min() >= -1 and y.max() < c)):
            raise ValueError(f"y must hold classes 0 … {c - 1}, or −1 for none, one a row.")
        return np.eye(c + 1, c, dtype=self.dtype)[y]

    def _shift(self, u: float, y: Any) -> np.ndarray:
        """What level and class add to the first layer, ``(H,)`` or ``(N, H)``."""
        classes = self._classes(y)
        return self._level(u) + (0 if classes is None else classes @ self._of_class)
