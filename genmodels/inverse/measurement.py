r"""What is measured of x: y = A x + σ ε, ε ~ N(0, I); always less than x, or noisier, or both.

    Mask        some of the pixels                                   inpainting
    BlockMean   means of square blocks                               super-resolution
    Blur        a Gaussian blur, its weights scaled to sum to 1      deblurring
    Grey        a weighted mean of the channels                      colourising
    Identity    x itself, so that only the noise hides it            denoising
    Line        one number, a · x                                    a line in the plane

Each knows A as a function of rows (:meth:`Measurement.apply`), its transpose (:meth:`Measurement.adjoint`), which is
defined by ⟨A x, y⟩ = ⟨x, Aᵀ y⟩, and as a matrix. Rows are flat images: pixel (i, j) of H × W is column i W + j, and
channel c of C of it column (i W + j) C + c. σ has the unit of y. Numpy only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genmodels.checks import check_data, check_number, check_whole


@dataclass(frozen=True, eq=False)
class Measurement(ABC):
    """A linear map of D features to M numbers, and noise.

    Args:
        sigma: σ, 0 or more: standard deviation of the noise of each of the M numbers.
    """

    sigma: float

    def __post_init__(self) -> None:
        check_number("sigma", self.sigma, at_least=0)

    @property
    @abstractmethod
    def n_features(self) -> int:
        """D."""

    @property
    @abstractmethod
    def n_measured(self) -> int:
        """M."""

    @abstractmethod
    def _apply(self, x: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _adjoint(self, y: np.ndarray) -> np.ndarray: ...

    def apply(self, x: Any) -> np.ndarray:
        """A x, ``(N, D)`` to ``(N, M)``."""
        return self._apply(_columns(x, self.n_features, "x"))

    def adjoint(self, y: Any) -> np.ndarray:
        """Aᵀ y, ``(N, M)`` to ``(N, D)``."""
        return self._adjoint(_columns(y, self.n_measured, "y"))

    def observe(self, x: Any, rng: np.random.Generator) -> np.ndarray:
        """y = A x + σ ε, ``(N, D)`` to ``(N, M)``."""
        exact = self.apply(x)
        return exact + self.sigma * rng.standard_normal(exact.shape)

    @cached_property
    def matrix(self) -> np.ndarray:
        """A, ``(M, D)``."""
        return _still(self.apply(np.eye(self.n_features)).T)

    @cached_property
    def pseudoinverse(self) -> np.ndarray:
        """A⁺, ``(D, M)``: A⁺ y is the shortest of all x whose A x is nearest to y."""
        return _still(np.linalg.pinv(self.matrix))


@dataclass(frozen=True, eq=False)
class Mask(Measurement):
    """The pixels that are kept.

    Args:
        kept: ``(D,)`` booleans, at least one of them true.

    >>> Mask(0.0, [True, False, True]).apply([[1.0, 2.0, 3.0]])
    array([[1., 3.]])
    """

    kept: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        kept = np.array(self.kept)
        if kept.ndim != 1 or kept.dtype != bool or not kept.any():
            raise ValueError(
                f"kept must be (D,) booleans, at least one true; got {kept.dtype} of shape {kept.shape}."
            )
        object.__setattr__(self, "kept", _still(kept))

    @property
    def n_features(self) -> int:
        """Pixels."""
        return len(self.kept)

    @property
    def n_measured(self) -> int:
        """Pixels that are kept."""
        return int(self.kept.sum())

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return x[:, self.kept]

    def _adjoint(self, y: np.ndarray) -> np.ndarray:
        x = np.zeros((len(y), self.n_features))
        x[:, self.kept] = y
        return x


@dataclass(frozen=True, eq=False)
class BlockMean(Measurement):
    """Means of blocks of ``block`` × ``block`` pixels, which divides both sides.

    >>> BlockMean(0.0, 2, 4, 2).apply([[0.0, 1, 2, 3, 4, 5, 6, 7]])
    array([[2.5, 4.5]])
    """

    height: int
    width: int
    block: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sides(self.height, self.width)
        check_whole("block", self.block, at_least=1)
        if self.height % self.block or self.width % self.block:
            raise ValueError(f"Blocks of {self.block} do not fit into {self.height} × {self.width}; give a divisor.")

    @property
    def n_features(self) -> int:
        """Pixels."""
        return self.height * self.width

    @property
    def n_measured(self) -> int:
        """Blocks."""
        return self.n_features // self.block**2

    def _apply(self, x: np.ndarray) -> np.ndarray:
        b = self.block
        blocks = x.reshape(len(x), self.height // b, b, self.width // b, b)
        return blocks.mean(axis=(2, 4)).reshape(len(x), -1)

    def _adjoint(self, y: np.ndarray) -> np.ndarray:
        b = self.block
        blocks = y.reshape(len(y), self.height // b, self.width // b)
        return blocks.repeat(b, axis=1).repeat(b, axis=2).reshape(len(y), -1) / b**2


@dataclass(frozen=True, eq=False)
class Blur(Measurement):
    """A Gaussian blur, along the columns and along the rows; at the edge the weights that are left sum to 1.

    Args:
        spread: Standard deviation of the blur, above 0, pixels.
    """

    height: int
    width: int
    spread: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sides(self.height, self.width)
        check_number("spread", self.spread, above=0)

    @property
    def n_features(self) -> int:
        """Pixels."""
        return self.height * self.width

    @property
    def n_measured(self) -> int:
        """As many blurred ones."""
        return self.n_features

    @cached_property
    def _sides(self) -> tuple[np.ndarray, np.ndarray]:
        """The blur along a column ``(H, H)`` and along a row ``(W, W)``."""
        made = []
        for length in (self.height, self.width):
            apart = np.subtract.outer(np.arange(length), np.arange(length)) / self.spread
            weights = np.exp(-0.5 * apart**2)
            made.append(weights / weights.sum(axis=1, keepdims=True))
        return made[0], made[1]

    def _apply(self, x: np.ndarray) -> np.ndarray:
        down, across = self._sides
        return (down @ x.reshape(-1, self.height, self.width) @ across.T).reshape(len(x), -1)

    def _adjoint(self, y: np.ndarray) -> np.ndarray:
        down, across = self._sides
        return (down.T @ y.reshape(-1, self.height, self.width) @ across).reshape(len(y), -1)


@dataclass(frozen=True, eq=False)
class Grey(Measurement):
    """A weighted mean of each pixel's channels.

    Args:
        pixels: P; x has P C columns.
        weights: Of the C channels, finite.

    >>> Grey(0.0, 2, (0.25, 0.75)).apply([[1.0, 0.0, 0.0, 1.0]])
    array([[0.25, 0.75]])
    """

    pixels: int
    weights: Any = (1 / 3, 1 / 3, 1 / 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("pixels", self.pixels, at_least=1)
        object.__setattr__(self, "weights", _vector(self.weights, "weights"))

    @property
    def n_features(self) -> int:
        """Pixels times channels."""
        return self.pixels * len(self.weights)

    @property
    def n_measured(self) -> int:
        """Pixels."""
        return self.pixels

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), self.pixels, -1) @ self.weights

    def _adjoint(self, y: np.ndarray) -> np.ndarray:
        return (y[:, :, None] * self.weights).reshape(len(y), -1)


@dataclass(frozen=True, eq=False)
class Identity(Measurement):
    """x itself.

    Args:
        features: D.
    """

    features: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("features", self.features, at_least=1)

    @property
    def n_features(self) -> int:
        """D."""
        return self.features

    @property
    def n_measured(self) -> int:
        """D, too."""
        return self.features

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return x.copy()

    def _adjoint(self, y: np.ndarray) -> np.ndarray:
        return y.copy()


@dataclass(frozen=True, eq=False)
class Line(Measurement):
    """One number, a · x: if nothing is noisy, x lies on a line of the plane (in D dimensions, a hyperplane).

    Args:
        a: ``(D,)``, not all 0.

    >>> Line(0.0, (0.0, 1.0)).apply([[3.0, 4.0]])
    array([[4.]])
    """

    a: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "a", _vector(self.a, "a"))

    @classmethod
    def at_angle(cls, sigma: float, degrees: float) -> Line:
        """In the plane, along the direction a = (cos, sin) of an angle: a · x is a length."""
        return cls(sigma, (np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))))

    @property
    def n_features(self) -> int:
        """D."""
        return len(self.a)

    @property
    def n_measured(self) -> int:
        """1."""
        return 1

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return x @ self.a[:, None]

    def _adjoint(self, y: np.ndarray) -> np.ndarray:
        return y * self.a


def _columns(values: Any, columns: int, name: str) -> np.ndarray:
    rows = check_data(values)
    if rows.shape[1] != columns:
        raise ValueError(f"{name} has {rows.shape[1]} columns and the measurement {columns}; give as many.")
    return rows


def _vector(values: Any, name: str) -> np.ndarray:
    vector = np.array(values, dtype=np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(f"{name} is {values!r}; give finite numbers, one a feature, that are not all 0.")
    return _still(vector)


def _check_sides(height: int, width: int) -> None:
    check_whole("height", height, at_least=1)
    check_whole("width", width, at_least=1)


def _still(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
