r"""A vector-quantised autoencoder without torch: pictures to words, and words to pictures.

    z_e = f(x),    k = argmin_j ‖z_e − e_j‖²,    x̂ = g(e_k)

The *code book* holds K codes e_k of d numbers; the cells of :meth:`CodeBook.nearest` are the Voronoi cells of the
codes, and inside a cell the output does not move at all. A vector has one z_e, and so one word k. A picture has one
at each place of a grid h × w, all looked up in the same book: h w words, h w log2 K bits.

The network for pictures, ``*`` a cross-correlation 3 × 3 with a margin of zeros (the encoder's last is 1 × 1), *fold*
the 2 × 2 pixels of a block as channels, half the side, and *unfold* its inverse (torch's ``pixel_unshuffle`` and
``pixel_shuffle``); F foldings leave a grid of side/2^F:

    h ← ReLU(fold(h) * w + b)  F times,   z_e = h * w + b
    h = ReLU(e_k * w + b),   h ← φ(unfold(h * w + b))  F times, φ = ReLU, the last time the identity

Arithmetic of networks is float32; results equal torch's up to rounding. Channels stand last.

Source: van den Oord, Vinyals & Kavukcuoglu (2017), *Neural discrete representation learning*, arXiv:1711.00937,
eq. 1–2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from genmodels.nn.runtime import Forward
from genmodels.vq.measures import check_words

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint

ROWS = 1 << 16  # numbers whose distances to a code are held at once
PICTURES = 128  # that go through a network at once


class CodeBook:
    """K codes, and which of them is nearest.

    Args:
        codes: ``(K, d)``, finite; float32 stays float32.

    >>> book = CodeBook([[0.0, 0.0], [1.0, 0.0]])
    >>> book.nearest([[0.4, 3.0], [0.6, -3.0]]).tolist()
    [0, 1]
    """

    def __init__(self, codes: Any) -> None:
        codes = np.asarray(codes)
        codes = codes.astype(codes.dtype if codes.dtype == np.float32 else np.float64)
        if codes.ndim != 2 or not codes.size:
            raise ValueError(f"The codes must have the shape (K, d), one row a code; got {codes.shape}.")
        if not np.isfinite(codes).all():
            raise ValueError("The codes hold NaN or infinity; give finite numbers only.")
        codes.setflags(write=False)
        self.codes = codes

    @property
    def n_codes(self) -> int:
        """K."""
        return len(self.codes)

    @property
    def code_size(self) -> int:
        """The numbers of a code, d."""
        return self.codes.shape[1]

    def squared_distances(self, z: Any) -> np.ndarray:
        """‖z − e_k‖² to each code, ``(…, d)`` to ``(…, K)``, added up one coordinate after the other."""
        z = self._check(z)
        total = np.zeros((*z.shape[:-1], self.n_codes), z.dtype)
        for j in range(self.code_size):
            total += np.square(z[..., j, None] - self.codes[:, j])
        return total

    def nearest(self, z: Any) -> np.ndarray:
        """The number of the nearest code, ``(…, d)`` to ``(…)`` int64; of several as near, the lowest."""
        z = self._check(z)
        rows = z.reshape(-1, self.code_size)
        step = max(1, ROWS // self.n_codes)
        parts = [self.squared_distances(rows[i : i + step]).argmin(axis=-1) for i in range(0, len(rows), step)]
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64).reshape(z.shape[:-1])

    def quantise(self, z: Any) -> np.ndarray:
        """The nearest code itself, ``(…, d)`` to the same."""
        return self.codes[self.nearest(z)]

    def _check(self, z: Any) -> np.ndarray:
        z = np.asarray(z, dtype=self.codes.dtype)
        if not z.ndim or z.shape[-1] != self.code_size:
            raise ValueError(f"What is looked up must have the shape (…, {self.code_size}); got {z.shape}.")
        return z


def fold(h: np.ndarray) -> np.ndarray:
    """2 × 2 pixels become four channels, ``(N, H, W, C)`` to ``(N, H/2, W/2, 4 C)``."""
    n, height, width, c = h.shape
    blocks = h.reshape(n, height // 2, 2, width // 2, 2, c)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, height // 2, width // 2, 4 * c)


def unfold(h: np.ndarray) -> np.ndarray:
    """The inverse of :func:`fold`, ``(N, H, W, 4 C)`` to ``(N, 2 H, 2 W, C)``."""
    n, height, width, c = h.shape
    blocks = h.reshape(n, height, width, c // 4, 2, 2)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * height, 2 * width, c // 4)


class _Convolutions:
    """Convolutions of odd size, ``(N, H, W, C)``, with ReLU after all but the last."""

    def __init__(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        found = (key.split(".") for key in arrays if key.startswith(f"{name}.") and key.endswith(".weight"))
        numbers = sorted(int(part[1]) for part in found)
        if not numbers:
            raise ValueError(f"The arrays hold no {name}.0.weight; they hold {', '.join(sorted(arrays))}.")
        self.layers = []
        for i in numbers:
            weight, bias = (np.asarray(arrays[f"{name}.{i}.{part}"], dtype=np.float32) for part in ("weight", "bias"))
            rows = np.ascontiguousarray(weight.reshape(len(weight), -1).T)  # (C size², outputs)
            self.layers.append((rows, bias, weight.shape[-1]))

    def __len__(self) -> int:
        return len(self.layers)

    def one(self, i: int, h: np.ndarray) -> np.ndarray:
        """The i-th alone, without ReLU."""
        rows, bias, size = self.layers[i]
        if size > 1:
            by = size // 2
            padded = np.pad(h, ((0, 0), (by, by), (by, by), (0, 0)))
            h = sliding_window_view(padded, (size, size), axis=(1, 2)).reshape(*h.shape[:3], -1)
        return h @ rows + bias


class ForwardVQ:
    """The network of :mod:`genmodels.vq.training`, forwards only.

    Args:
        arrays: Of a state or a checkpoint, under torch's names; ``book.weight`` are the codes.
        side: The config's: that of the pictures, or 0 if the data are vectors.
        book: The config's: in front of a ``"grid"``, z_e is bounded by tanh.

    Attributes:
        book: The code book.
        grid: The words of one datum: ``()`` for vectors, ``(h, w)`` for pictures.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], side: int = 0, book: str = "learned") -> None:
        self.side, self._bounded = side, book == "grid"
        self.book = CodeBook(np.asarray(arrays["book.weight"], dtype=np.float32))
        self.grid: tuple[int, ...] = ()
        if side:
            self._encoder, self._decoder = (_Convolutions(arrays, name) for name in ("encoder", "decoder"))
            self.grid = (side >> (len(self._encoder) - 1),) * 2
        else:
            self._encode = Forward(arrays, "encoder", output="tanh" if self._bounded else "identity")
            self._decode = Forward(arrays, "decoder")

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> ForwardVQ:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        config = checkpoint.entry.config
        return cls(checkpoint.arrays, config["side"], config.get("book", "learned"))

    @property
    def n_words(self) -> int:
        """Words of one datum."""
        return int(np.prod(self.grid))

    @property
    def bits(self) -> float:
        """Bits of one datum, each word one of K: its words × log2 K."""
        return self.n_words * float(np.log2(self.book.n_codes))

    def encode(self, x: Any) -> np.ndarray:
        """z_e: vectors ``(N, D)`` to ``(N, d)``, or pictures ``(N, side, side)`` to ``(N, h, w, d)``; float32."""
        if not self.side:
            return self._encode(x)
        x = np.asarray(x, dtype=np.float32)
        if x.ndim != 3 or x.shape[1:] != (self.side, self.side):
            raise ValueError(f"Pictures must have the shape (N, {self.side}, {self.side}); got {x.shape}.")
        return _in_parts(self._to_grid, x, (*self.grid, self.book.code_size))

    def decode(self, z: Any) -> np.ndarray:
        """x̂ of what :meth:`encode` gives, codes or not; of pictures, pixels may lie a little outside 0…1."""
        if not self.side:
            return self._decode(z)
        z = np.asarray(z, dtype=np.float32)
        if z.ndim != 4 or z.shape[1:] != (*self.grid, self.book.code_size):
            raise ValueError(f"Give numbers of the shape (N, {(*self.grid, self.book.code_size)}); got {z.shape}.")
        return _in_parts(self._to_pictures, z, (self.side, self.side))

    def words(self, x: Any) -> np.ndarray:
        """The number of the nearest code at each place, ``(N,)`` or ``(N, h, w)`` int64."""
        return self.book.nearest(self.encode(x))

    def decode_words(self, words: Any) -> np.ndarray:
        """x̂ of words, ``(N,)`` or ``(N, h, w)``, 0 … K − 1."""
        return self.decode(self.book.codes[check_words(words, self.book.n_codes)])

    def __call__(self, x: Any) -> np.ndarray:
        """x̂ = g(e_k): through the words and back."""
        return self.decode_words(self.words(x))

    def squared_error(self, x: Any) -> np.ndarray:
        """‖x − x̂‖², summed over the numbers or pixels of each datum, ``(N,)`` float64."""
        x = np.asarray(x, dtype=np.float32)
        return np.square(x - self(x)).reshape(len(x), -1).sum(axis=1, dtype=np.float64)

    def _to_grid(self, x: np.ndarray) -> np.ndarray:
        h, n = x[..., None], len(self._encoder) - 1
        for i in range(n):
            h = np.maximum(self._encoder.one(i, fold(h)), 0)
        z = self._encoder.one(n, h)
        return np.tanh(z) if self._bounded else z

    def _to_pictures(self, z: np.ndarray) -> np.ndarray:
        h = np.maximum(self._decoder.one(0, z), 0)
        for i in range(1, len(self._decoder)):
            h = unfold(self._decoder.one(i, h))
            if i < len(self._decoder) - 1:
                h = np.maximum(h, 0)
        return h[..., 0]


def _in_parts(function: Any, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A function of rows, some at a time, so that memory stays small."""
    out = np.empty((len(x), *shape), np.float32)
    for i in range(0, len(x), PICTURES):
        out[i : i + PICTURES] = function(x[i : i + PICTURES])
    return out
