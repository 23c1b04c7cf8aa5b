r"""Trained networks without torch: the forward pass in numpy.

    h_0 = x,   h_l = φ(h_{l−1} W_lᵀ + b_l)   for each layer but the last,   output = g(h W_Lᵀ + b_L)

A page that only *uses* a network (decode the point under the hand, encode one digit) needs a few small matrix
products; importing torch for them would cost 1.5 s. The arrays come from a state (``state.arrays()``) or a
checkpoint, under torch's names: ``"decoder.0.weight"`` has the shape ``(outputs, inputs)``.

Arithmetic is float32 unless asked otherwise; results equal torch's up to rounding. Rows are images or latent points.

Backwards, for what follows a network's slope (which z explains this picture?): with δ_L = g'(a_L) ∂F/∂output,

    δ_{l−1} = φ'(a_{l−1}) (δ_l W_l),   ∂F/∂x = δ_1 W_1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np


def sigmoid(a: np.ndarray) -> np.ndarray:
    """1 / (1 + e^(−a)), without overflow at either end."""
    return 0.5 * (1 + np.tanh(0.5 * a))


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Rows of zeros with a 1 in the column of the label, ``(N,)`` to ``(N, C)`` float32.

    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"Labels must be whole numbers of shape (N,); got {labels.dtype} of shape {labels.shape}.")
    if labels.size and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(f"Labels lie in {labels.min()}…{labels.max()}; give 0…{n_classes - 1}.")
    return np.eye(n_classes, dtype=np.float32)[labels]


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda a: a,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": sigmoid,
    "silu": lambda a: a * sigmoid(a),
    "tanh": np.tanh,
}

SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": np.ones_like,
    "relu": lambda a: (a > 0).astype(a.dtype),
    "sigmoid": lambda a: sigmoid(a) * (1 - sigmoid(a)),
    "silu": lambda a: sigmoid(a) * (1 + a * (1 - sigmoid(a))),
    "tanh": lambda a: 1 - np.tanh(a) ** 2,
}
"""φ' of each."""


def activate(a: np.ndarray, activation: str) -> np.ndarray:
    """φ(a) of ``"relu"``, ``"silu"`` or ``"tanh"``, in place, where memory is what takes the time."""
    if activation == "relu":
        return np.maximum(a, 0, out=a)
    if activation == "tanh":
        return np.tanh(a, out=a)
    a *= np.float32(0.5)  # silu: a σ(a) = h + h tanh(h) with h = a/2
    gate = np.tanh(a)
    gate += 1
    a *= gate
    return a


class Forward:
    """A multi-layer perceptron, its parameters fixed.

    Args:
        arrays: Holds ``"{name}.{i}.weight"`` ``(outputs, inputs)`` and ``"{name}.{i}.bias"`` ``(outputs,)`` for the
            layers i in rising order; other names are passed over.
        name: Which network of them: ``"encoder"``, ``"decoder"``.
        activation: φ: ``"relu"``, ``"silu"``, ``"tanh"``, ``"sigmoid"`` or ``"identity"``.
        output: g, one of the same.
        dtype: Of the arithmetic, float32 or float64.

    Raises:
        ValueError: No layer has this name, sizes do not follow on each other, or a function is unknown.

    >>> arrays = {"f.0.weight": np.array([[1.0, -1.0]]), "f.0.bias": np.array([0.5])}
    >>> Forward(arrays, "f")(np.array([[3.0, 1.0]]))
    array([[2.5]], dtype=float32)
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        name: str,
        activation: str = "relu",
        output: str = "identity",
        dtype: type[np.floating] = np.float32,
    ) -> None:
        for function in (activation, output):
            if function not in FUNCTIONS:
                raise ValueError(f"The function {function!r} is unknown; choose one of {', '.join(FUNCTIONS)}.")
        self._activation, self._output = FUNCTIONS[activation], FUNCTIONS[output]
        self._slopes = SLOPES[activation], SLOPES[output]
        self.dtype = np.dtype(dtype)
        parts = [key.split(".") for key in arrays if key.startswith(f"{name}.") and key.endswith(".weight")]
        numbers = sorted(int(part[-2]) for part in parts if part[-2].isdigit())
        if not numbers:
            raise ValueError(f"The arrays hold no layer {name}.0.weight; they hold {', '.join(sorted(arrays))}.")
        self.layers = [
            (
                np.ascontiguousarray(np.asarray(arrays[f"{name}.{i}.weight"], dtype=dtype).T),
                np.array(arrays[f"{name}.{i}.bias"], dtype=dtype),
            )
            for i in numbers
        ]
        for (before, _), (after, _) in zip(self.layers, self.layers[1:], strict=False):
            if before.shape[1] != after.shape[0]:
                raise ValueError(
                    f"A layer of {name} has {before.shape[1]} outputs and the next {after.shape[0]} inputs; give the "
                    "arrays of one network."
                )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Width of each layer, inputs and outputs included."""
        return (len(self.layers[0][0]), *(bias.size for _, bias in self.layers))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The network's output, ``(N, inputs)`` to ``(N, outputs)``."""
        h = self._input(x)
        for weight, bias in self.layers[:-1]:
            h = self._activation(h @ weight + bias)
        weight, bias = self.layers[-1]
        return self._output(h @ weight + bias)

    def pull(self, x: np.ndarray, into: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The output ``(N, outputs)``, and the gradient in the input ``(N, inputs)`` of a number made of each row.

        Args:
            x: ``(N, inputs)``.
            into: From the output to ∂F/∂output, ``(N, outputs)``: what is asked of each row's output.

        >>> arrays = {"f.0.weight": np.array([[1.0, -1.0]]), "f.0.bias": np.array([0.5])}
        >>> Forward(arrays, "f").pull(np.array([[3.0, 1.0]]), lambda out: 2 * out)[1]  # of the output's square
        array([[ 5., -5.]], dtype=float32)
        """
        slope, slope_out = self._slopes
        h, before = self._input(x), []
        for weight, bias in self.layers[:-1]:
            before.append(h @ weight + bias)
            h = self._activation(before[-1])
        weight, bias = self.layers[-1]
        last = h @ weight + bias
        out = self._output(last)
        delta = (into(out) * slope_out(last)) @ weight.T
        for (weight, _), a in zip(self.layers[-2::-1], before[::-1], strict=True):
            delta = (delta * slope(a)) @ weight.T
        return out, delta

    def _input(self, x: np.ndarray) -> np.ndarray:
        h = np.asarray(x, dtype=self.dtype)
        if h.ndim != 2 or h.shape[1] != self.sizes[0]:
            raise ValueError(f"The input must have the shape (N, {self.sizes[0]}); got {h.shape}.")
        return h
