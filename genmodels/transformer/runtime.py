r"""A trained transformer without torch: letter by letter with a memory of keys and values, and with an edge cut.

When T letters have been read, the next one costs one position more, not T + 1: the keys and values of those before
are kept (*key-value cache*). What has been read says what every head looked at, and can be asked *what if*: with one
edge of attention cut, or a whole head, what would be said? An edge (layer, head, query i, key j) is cut before the
softmax, so that the weights of the other keys grow to sum to 1 again; a head is cut by leaving its output out. Only
what follows is computed again: the layers above, and there only the positions from i on, because no earlier one looks
at them.

Arithmetic is float32 unless asked otherwise; results equal torch's up to rounding. The model itself: :mod:`.config`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_letters, check_whole
from genmodels.store.packing import as_int8, from_int8
from genmodels.transformer.config import EPS, Shape, angles, starts, windows

MATRICES = ("query_key_value", "out", "up", "down")


def packed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights in a quarter of their bytes: ``NAME.weight`` in int8 and ``NAME.size`` float32, see
    :func:`genmodels.store.packing.as_int8`."""
    small: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        small[name], small[name.removesuffix("weight") + "size"] = as_int8(value)
    return small


def unpacked(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of :func:`packed`, float32; others than int8 stay as they are; other arrays are left out."""
    weights = {name: value for name, value in arrays.items() if name.endswith(".weight")}
    return {
        name: from_int8(value, arrays[name.removesuffix("weight") + "size"]) if value.dtype == np.int8 else value
        for name, value in weights.items()
    }


@dataclass(frozen=True)
class Cut:
    """An edge of attention that is cut: of a layer and a head, both counted from 0, the key a query looks at.

    Without a query and a key the whole head is cut.
    """

    layer: int
    head: int
    query: int | None = None
    key: int | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What the network did while it read T letters.

    Attributes:
        tokens: ``(T,)`` int64.
        logits: ``(T, V)``: of the letter after each.
        attention: a_ij, ``(L, H, T, T)``, rows are queries and sum to 1; 0 for j > i.
        inputs: h as it enters each layer, and as it leaves the last, ``(L + 1, T, d)``.
        keys, values: ``(L, H, T, d/H)``, the keys turned.
    """

    tokens: np.ndarray
    logits: np.ndarray
    attention: np.ndarray
    inputs: np.ndarray
    keys: np.ndarray
    values: np.ndarray

    @property
    def log_p(self) -> np.ndarray:
        """log p of every letter after each, ``(T, V)``, nats."""
        return log_softmax(self.logits)

    def upto(self, n: int) -> Reading:
        """What was done for the first n letters, 1 … T; what follows them changes nothing of it."""
        return Reading(
            self.tokens[:n],
            self.logits[:n],
            self.attention[:, :, :n, :n],
            self.inputs[:, :n],
            self.keys[:, :, :n],
            self.values[:, :, :n],
        )


class Memory:
    """Keys and values of the letters read so far; what :meth:`TransformerRuntime.hear` goes on from."""

    def __init__(self, shape: Shape, dtype: Any) -> None:
        sizes = (shape.layers, shape.heads, shape.context, shape.width // shape.heads)
        self.keys, self.values = np.empty(sizes, dtype), np.empty(sizes, dtype)
        self.tokens: list[int] = []


class TransformerRuntime:
    """The network, forwards only.

    Args:
        arrays: Weights under torch's names, as a state or a checkpoint has them, packed or not.
        shape: The network's size.
        dtype: Of the arithmetic.

    Raises:
        ValueError: A weight is missing or of another shape.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], shape: Shape, dtype: Any = np.float32) -> None:
        self.shape, self.dtype = shape, dtype
        d, named = shape.width, unpacked(arrays)
        sizes = {"query_key_value": (3 * d, d), "out": (d, d), "up": (4 * d, d), "down": (d, 4 * d)}
        wanted = {"embed.weight": (shape.letters, d)} | {
            f"blocks.{i}.{name}.weight": sizes[name] for i in range(shape.layers) for name in MATRICES
        }
        for name, size in wanted.items():
            if name not in named or named[name].shape != size:
                found = named[name].shape if name in named else "nothing"
                raise ValueError(
                    f"{name} should have the shape {size} and is {found}; give the arrays of this network."
                )
        self._embed = np.asarray(named["embed.weight"], dtype)
        self._layers = [
            tuple(np.ascontiguousarray(np.asarray(named[f"blocks.{i}.{name}.weight"], dtype).T) for name in MATRICES)
            for i in range(shape.layers)
        ]
        self._cos, self._sin = (table.astype(dtype) for table in angles(shape.context, d // shape.heads))

    # Reading

    def read(self, tokens: Sequence[int] | np.ndarray) -> Reading:
        """Read 1 … C letters from nothing, and keep all that was done."""
        memory = Memory(self.shape, self.dtype)
        ids = self._check(tokens)
        h, attention = self._start(ids), []
        inputs = [h]
        for layer in range(self.shape.layers):
            h, looked = self._layer(layer, h, memory, 0)
            inputs.append(h)
            attention.append(looked)
        n = len(ids)
        keys, values = memory.keys[:, :, :n], memory.values[:, :, :n]
        return Reading(ids, self._logits(h), np.stack(attention), np.stack(inputs), keys, values)

    def hear(self, memory: Memory, token: int) -> np.ndarray:
        """One letter more; the logits of the next, ``(V,)``. A full memory first forgets its older half."""
        ids = self._check([token])
        if len(memory.tokens) == self.shape.context:
            kept = memory.tokens[self.shape.context // 2 :]
            memory.tokens = []
            self._read_into(memory, np.array(kept))
        return self._read_into(memory, ids)[-1]

    def memory(self) -> Memory:
        """One that holds nothing."""
        return Memory(self.shape, self.dtype)

    def _read_into(self, memory: Memory, ids: np.ndarray) -> np.ndarray:
        first, h = len(memory.tokens), self._start(ids)
        for layer in range(self.shape.layers):
            h, _ = self._layer(layer, h, memory, first)
        memory.tokens += ids.tolist()
        return self._logits(h)

    def say(
        self,
        prompt: Sequence[int] | np.ndarray,
        choose: Callable[[np.ndarray], int],
        n: int,
        end: int | None = None,
    ) -> Iterator[int]:
        """Go on from a prompt of one letter or more, letter by letter.

        Args:
            prompt: Any length; the last C of it count.
            choose: From the logits ``(V,)`` to a letter, such as those of :mod:`genmodels.sampling`.
            n: The most letters to say.
            end: The letter after which nothing is said; it is yielded.
        """
        check_whole("n", n, at_least=0)
        context = self.shape.context
        ids = self._check(np.asarray(prompt)[-context:])
        memory = self.memory()
        logits = self._read_into(memory, ids)[-1]
        for i in range(n):
            token = int(choose(logits))
            yield token
            if token == end or i == n - 1:
                return
            logits = self.hear(memory, token)

    def log_next(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """log p of every letter after a text ``(T,)``, T ≥ 1 of any length: ``(V,)`` float64, nats."""
        ids = np.asarray(tokens)
        start = int(starts(len(ids) + 1, self.shape.context)[-1]) if len(ids) else 0
        logits = self._read_into(self.memory(), self._check(ids[start:]))[-1]
        return log_softmax(logits.astype(np.float64))

    def follow(self) -> Callable[[np.ndarray], np.ndarray]:
        """:meth:`log_next` with a memory: fast where each text is the one before with letters more."""
        memory, logits = self.memory(), np.empty(0)
        heard: list[int] = []

        def log_next(tokens: np.ndarray) -> np.ndarray:
            nonlocal memory, heard, logits
            ids = np.asarray(tokens).tolist()
            if len(ids) <= len(heard) or ids[: len(heard)] != heard:
                memory, heard = self.memory(), []
            for token in ids[len(heard) :]:
                logits = self.hear(memory, token)
            heard = ids
            return log_softmax(logits.astype(np.float64))

        return log_next

    def log_probs(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """log p of each letter but the first, given those before it, nats.

        Args:
            tokens: A text ``(N,)``, or rows ``(N, T)`` filled up with −1.

        Returns:
            ``(N − 1,)`` or ``(N, T − 1)`` float64, NaN where a row has ended. A row's sum is log p of its text.
        """
        data = check_letters(tokens, self.shape.letters)
        if data.ndim == 2:
            found = np.full((len(data), max(data.shape[1] - 1, 0)), np.nan)
            for row, ids in zip(found, data, strict=True):
                text = ids[ids >= 0]
                row[: max(len(text) - 1, 0)] = self.log_probs(text)
            return found
        found = np.empty(max(len(data) - 1, 0))
        for start, stop, first in windows(len(data), self.shape.context):
            log_p = log_softmax(self._read_into(self.memory(), data[start:stop]).astype(np.float64))
            said = np.arange(first, stop + 1)
            found[said - 1] = log_p[said - 1 - start, data[said]]
        return found

    def nats_per_letter(self, tokens: np.ndarray) -> float:
        """Mean of − log p over the letters of :meth:`log_probs`."""
        return float(-np.nanmean(self.log_probs(tokens)))

    # What if

    def without(self, reading: Reading, cut: Cut) -> np.ndarray:
        """The logits ``(T, V)`` that the network would have had, with an edge or a head cut.

        Raises:
            ValueError: There is no such layer, head, query or key; or the key is all that the query has.
        """
        self._check_cut(reading, cut)
        n, first = len(reading.tokens), cut.query or 0
        memory = Memory(self.shape, self.dtype)
        memory.keys[:, :, :first], memory.values[:, :, :first] = (
            reading.keys[:, :, :first],
            reading.values[:, :, :first],
        )
        logits = reading.logits.copy()
        if cut.query is None:  # every position changes
            h, _ = self._layer(cut.layer, reading.inputs[cut.layer], memory, 0, cut)
        else:  # in this layer, the query's alone
            memory.keys[cut.layer, :, :n], memory.values[cut.layer, :, :n] = (
                reading.keys[cut.layer],
                reading.values[cut.layer],
            )
            row, _ = self._layer(cut.layer, reading.inputs[cut.layer, first : first + 1], memory, first, cut)
            h = np.concatenate([row, reading.inputs[cut.layer + 1, first + 1 :]])
        for layer in range(cut.layer + 1, self.shape.layers):
            h, _ = self._layer(layer, h, memory, first)
        logits[first:] = self._logits(h)
        return logits

    def without_each(self, reading: Reading, layer: int, head: int) -> np.ndarray:
        """The logits ``(T, V)`` after the *last* letter, with one edge of its look cut in each row: row j is without
        key j, as :meth:`without` has it, of all of them at once; NaN if there is but one letter.
        """
        n = len(reading.tokens)
        if n == 1:
            return np.full((1, self.shape.letters), np.nan, self.dtype)
        self._check_cut(reading, Cut(layer, head, n - 1, n - 1))
        looked = np.repeat(self.scores(reading, layer)[:, None, -1], n, axis=1)
        looked[head, np.arange(n), np.arange(n)] = -np.inf
        h = self._after(layer, reading.inputs[layer, -1:], softmax(looked) @ reading.values[layer])
        for above in range(layer + 1, self.shape.layers):
            q, k, v = self._query_key_value(above, h, np.full(n, n - 1))
            before = q @ reading.keys[above, :, :-1].transpose(0, 2, 1)
            own = (q * k).sum(axis=-1, keepdims=True)
            looked = softmax(np.concatenate([before, own], axis=-1) * self._scale)
            h = self._after(above, h, looked[..., :-1] @ reading.values[above, :, :-1] + looked[..., -1:] * v)
        return self._logits(h)

    def scores(self, reading: Reading, layer: int) -> np.ndarray:
        """q_i · k_j / √(d/H) of a layer, of which attention is the softmax: ``(H, T, T)``, −∞ for j > i."""
        n = len(reading.tokens)
        q, _, _ = self._query_key_value(layer, reading.inputs[layer], np.arange(n))
        scores = q @ reading.keys[layer].transpose(0, 2, 1) * self._scale
        scores[:, ~np.tri(n, dtype=bool)] = -np.inf
        return scores

    def _check_cut(self, reading: Reading, cut: Cut) -> None:
        for name, value, size in (("layer", cut.layer, self.shape.layers), ("head", cut.head, self.shape.heads)):
            if not isinstance(value, int | np.integer) or not 0 <= value < size:
                raise ValueError(f"The {name} is {value!r}; give one of 0…{size - 1}.")
        if (cut.query is None) != (cut.key is None):
            raise ValueError("An edge has a query and a key; give both, or neither to cut the whole head.")
        if cut.query is None or cut.key is None:
            return
        if not 0 <= cut.key <= cut.query < len(reading.tokens):
            raise ValueError(
                f"The query is {cut.query!r} and the key {cut.key!r} of {len(reading.tokens)} letters; a query looks "
                "at itself and at letters before it."
            )
        if cut.query == 0:
            raise ValueError("The first letter has only itself to look at; cut an edge of a later one.")

    # The network

    def _check(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        ids = np.asarray(tokens)
        if ids.dtype.kind not in "iu" or ids.ndim != 1 or not 1 <= len(ids) <= self.shape.context:
            raise ValueError(
                f"Give 1 … {self.shape.context} letters as whole numbers; got {ids.dtype} of shape {ids.shape}."
            )
        if ids.min() < 0 or ids.max() >= self.shape.letters:
            raise ValueError(f"Letters lie in {ids.min()}…{ids.max()}; give 0…{self.shape.letters - 1}.")
        return ids.astype(np.int64)

    def _start(self, ids: np.ndarray) -> np.ndarray:
        return self._embed[ids] * self.dtype(self.shape.width**0.5)

    def _logits(self, h: np.ndarray) -> np.ndarray:
        return norm(h) @ self._embed.T

    def _layer(
        self, layer: int, h: np.ndarray, memory: Memory, first: int, cut: Cut | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """h of the positions first … ``(n, d)`` after a layer, and what they looked at ``(H, n, first + n)``.

        Their keys and values are written into the memory, which holds those before.
        """
        n = len(h)
        last = first + n
        q, k, v = self._query_key_value(layer, h, np.arange(first, last))
        memory.keys[layer, :, first:last], memory.values[layer, :, first:last] = k, v
        keys, values = memory.keys[layer, :, :last], memory.values[layer, :, :last]
        scores = q @ keys.transpose(0, 2, 1) * self._scale
        if n > 1:
            scores[:, np.arange(last) > np.arange(first, last)[:, None]] = -np.inf
        if cut is not None and cut.key is not None:
            scores[cut.head, 0, cut.key] = -np.inf
        looked = softmax(scores)
        mixed = looked @ values
        if cut is not None and cut.key is None:
            mixed[cut.head] = 0
        return self._after(layer, h, mixed), looked

    @property
    def _scale(self) -> Any:
        return self.dtype((self.shape.width // self.shape.heads) ** -0.5)

    def _query_key_value(self, layer: int, h: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Queries and keys, turned as the positions ``(n,)`` say, and values: ``(3, H, n, d/H)``."""
        q, k, v = (norm(h) @ self._layers[layer][0]).reshape(len(h), 3, self.shape.heads, -1).transpose(1, 2, 0, 3)
        turn = self._cos[at], self._sin[at]
        return np.stack([rotate(q, *turn), rotate(k, *turn), v])

    def _after(self, layer: int, h: np.ndarray, mixed: np.ndarray) -> np.ndarray:
        """h after a layer ``(n, d)``, from what its heads bring along ``(H, n, d/H)``."""
        _, out, up, down = self._layers[layer]
        h = h + mixed.transpose(1, 0, 2).reshape(mixed.shape[1], -1) @ out
        return h + gelu(norm(h) @ up) @ down


def norm(h: np.ndarray) -> np.ndarray:
    """h divided by its root mean square over the last axis."""
    return h / np.sqrt(np.square(h).mean(axis=-1, keepdims=True) + h.dtype.type(EPS))


def rotate(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """Turn the pairs (m, m + half) of the last axis of ``(…, T, size)`` by the angles ``(T, size/2)``."""
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate((a * cos - b * sin, a * sin + b * cos), axis=-1)


def gelu(a: np.ndarray) -> np.ndarray:
    """a Φ(a), by Hendrycks & Gimpel's (2016) formula with tanh."""
    return 0.5 * a * (1 + np.tanh(a.dtype.type((2 / np.pi) ** 0.5) * (a + a.dtype.type(0.044715) * a * a * a)))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Along the last axis; −∞ becomes 0."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, nats."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
