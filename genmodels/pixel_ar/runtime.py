r"""Pixel models without torch: probabilities, and drawing pixel by pixel without doing any work twice.

A pixel has to be drawn before the next one's logit can be had, but little of the network changes with it:

*MADE*: a hidden unit that may know the first m pixels is final as soon as these are drawn. Units stand in the order
of m, so each step computes the next few from what is final below them; all D steps together cost one forward pass.

*PixelCNN*: the vertical stack knows only rows above, so it runs once a row; the horizontal one reads its left
neighbour and the vertical stack, so it runs once a pixel, on this pixel's channels alone.

Both are a generator, ``model.walk(x)``: it yields the logits ``(N,)`` of the next pixel in ``model.order``, and reads
that pixel from x when it is asked to go on. Drawing writes it there first; given pixels are there already:

    x_o(k) = [u_k < σ(logit_k / T)],      u_k uniform, T the temperature

The uniform numbers of an image are drawn before it, so that another model, temperature or start meets the same ones.

Arrays come from a state (``state.averaged()``) or a checkpoint. Arithmetic is float32; results equal torch's up to
rounding. Rows are images ``(N, D)`` of 0 and 1, D = height × width; nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from genmodels.checks import check_ink, check_number, check_whole
from genmodels.nn.runtime import FUNCTIONS, sigmoid
from genmodels.pixel_ar.orders import degrees, masks, pixel_order
from genmodels.states import last, still

Arrays = Mapping[str, np.ndarray]


class PixelModel:
    """What :class:`ForwardMADE` and :class:`ForwardPixelCNN` share.

    Attributes:
        height: Of the images.
        width: Of the images.
        order: Which pixel is drawn first, second, …, ``(D,)``.
    """

    def __init__(self, height: int, width: int, order: np.ndarray) -> None:
        self.height, self.width, self.order = height, width, order

    @property
    def n_features(self) -> int:
        """D, pixels of an image."""
        return self.height * self.width

    def logits(self, x: np.ndarray) -> np.ndarray:
        """The logit of each pixel given those before it, images ``(N, D)`` to ``(N, D)`` float32."""
        raise NotImplementedError

    def walk(self, x: np.ndarray) -> Iterator[np.ndarray]:
        """The logits ``(N,)`` of one pixel after the other, in the order; that pixel is read from x afterwards.

        Args:
            x: Images ``(N, D)`` float32, 0 or 1 where pixels are known; what is not known yet is not looked at.
        """
        raise NotImplementedError

    def conditionals(self, x: np.ndarray) -> np.ndarray:
        """p(x_d = 1 | the pixels before d), images ``(N, D)`` to ``(N, D)`` float32."""
        return sigmoid(self.logits(check_ink(x, self.n_features)))

    def log_prob_of_pixels(self, x: np.ndarray) -> np.ndarray:
        """log p(x_d | the pixels before d), ``(N, D)`` to ``(N, D)`` float64, nats."""
        x = check_ink(x, self.n_features)
        return -np.logaddexp(0, np.where(x == 1, -1.0, 1.0) * self.logits(x))

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p(x), exact, ``(N, D)`` to ``(N,)`` float64, nats per image."""
        return self.log_prob_of_pixels(x).sum(axis=1)


class ForwardMADE(PixelModel):
    """MADE, or logistic autoregression, without torch; the hidden widths are read from the arrays.

    Args:
        arrays: Of a state, or of a checkpoint (see :func:`genmodels.pixel_ar.orders.packed`).
        height: The config's.
        width: The config's.
        order: The config's.
        order_seed: The config's.
        activation: The config's.
    """

    def __init__(
        self,
        arrays: Arrays,
        height: int = 28,
        width: int = 28,
        order: str = "raster",
        order_seed: int = 0,
        activation: str = "relu",
    ) -> None:
        super().__init__(height, width, pixel_order(height * width, order, order_seed))
        d = self.n_features
        sizes = [len(arrays[f"layers.{i}.bias"]) for i in range(sum(name.endswith(".bias") for name in arrays))]
        self.hidden = tuple(sizes[:-1])
        self._activation = FUNCTIONS[activation]
        self._weights = [
            _masked(arrays[f"layers.{i}.weight"], mask).T.copy() for i, mask in enumerate(masks(d, self.hidden))
        ]
        self._biases = [np.asarray(arrays[f"layers.{i}.bias"], dtype=np.float32) for i in range(len(sizes))]
        self._direct = _masked(arrays["direct.weight"], masks(d, ())[0]).T.copy() if self.hidden else None
        # how many units of each layer are final when 0, 1, …, D − 1 pixels are known
        self._final = [np.searchsorted(level, np.arange(d), side="right") for level in degrees(d, self.hidden)[:-1]]

    def logits(self, x: np.ndarray) -> np.ndarray:  # noqa: D102
        x = h = np.asarray(x, dtype=np.float32)[:, self.order]
        for weight, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            h = self._activation(h @ weight + bias)
        logits = h @ self._weights[-1] + self._biases[-1]
        if self._direct is not None:
            logits = logits + x @ self._direct
        return logits[:, np.argsort(self.order)]

    def walk(self, x: np.ndarray) -> Iterator[np.ndarray]:  # noqa: D102
        layers = [np.zeros((len(x), width), dtype=np.float32) for width in (self.n_features, *self.hidden)]
        for k in range(self.n_features):
            if k:
                layers[0][:, k - 1] = x[:, self.order[k - 1]]
            for i, (below, above) in enumerate(pairwise(layers)):
                known, done, new = self._final[i][k], self._final[i + 1][max(k - 1, 0)], self._final[i + 1][k]
                if new > done:
                    a = below[:, :known] @ self._weights[i][:known, done:new] + self._biases[i][done:new]
                    above[:, done:new] = self._activation(a)
            known = self._final[-1][k]
            logit = layers[-1][:, :known] @ self._weights[-1][:known, k] + self._biases[-1][k]
            yield logit if self._direct is None else logit + layers[0][:, :k] @ self._direct[:k, k]


def _masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A weight matrix with 0 where there is none, float32, from a matrix or from those that there are."""
    whole = np.zeros(mask.shape, dtype=np.float32)
    whole[mask] = values if values.ndim == 1 else values[mask]
    return whole


class ForwardPixelCNN(PixelModel):
    """The gated PixelCNN without torch; channels, layers and filters are read from the arrays.

    Args:
        arrays: Of a state or a checkpoint.
        height: The config's.
        width: The config's.
    """

    def __init__(self, arrays: Arrays, height: int = 28, width: int = 28) -> None:
        super().__init__(height, width, pixel_order(height * width))
        self._above, self._left = _filter(arrays, "above"), _filter(arrays, "left")
        self._reach = np.shape(arrays["left.weight"])[3]  # k//2
        self._head, self._logit = _filter(arrays, "head"), _filter(arrays, "logit")
        parts = ("vertical", "horizontal", "link", "out")
        self.n_layers = sum(name.endswith(".out.bias") for name in arrays)
        self._layers = [[_filter(arrays, f"layers.{i}.{part}") for part in parts] for i in range(self.n_layers)]

    @property
    def reach(self) -> int:
        """How many rows up, columns to either side, and pixels to the left a logit depends on."""
        return self._reach + self.n_layers

    def logits(self, x: np.ndarray) -> np.ndarray:  # noqa: D102
        rows = []
        for row, links in self._rows(np.asarray(x, dtype=np.float32)):
            h = _linear(np.concatenate(_windows(row[..., None], self._reach, self.width), axis=2), self._left)
            for layer, link in zip(self._layers, links, strict=True):
                h = _across(layer, _windows(h, 1, self.width)[0], h, link)
            rows.append(self._top(h))
        return np.concatenate(rows, axis=1)

    def walk(self, x: np.ndarray) -> Iterator[np.ndarray]:  # noqa: D102
        for row, links in self._rows(x):
            shape = len(x), len(self._head[1])
            before = [np.zeros(shape, dtype=np.float32) for _ in self._layers]  # h of the pixel to the left
            ink = np.zeros((len(x), self._reach), dtype=np.float32)
            for column in range(self.width):
                h = _linear(ink, self._left)
                for i, layer in enumerate(self._layers):
                    before[i], h = h, _across(layer, before[i], h, links[i][:, column])
                yield self._top(h)
                ink = np.concatenate([ink[:, 1:], row[:, [column]]], axis=1)

    def _rows(self, x: np.ndarray) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
        """Each row of the images ``(N, W)``, a view, and what the vertical stack tells it, each ``(N, W, 2 C)``."""
        k, n, w = self._reach, len(x), self.width
        image = x.reshape(n, self.height, w)
        ink = np.zeros((n, k, w), dtype=np.float32)  # the rows above
        before = [np.zeros((n, w, len(self._head[1])), dtype=np.float32) for _ in self._layers]  # v of the row above
        for i in range(self.height):
            row, links = image[:, i], []
            v = _linear(_around(ink.transpose(0, 2, 1), k), self._above)
            for j, (vertical, _, link, _) in enumerate(self._layers):
                a = _linear(np.concatenate([_around(before[j], 1), _around(v, 1)], axis=2), vertical)
                before[j], v = v, v + _gate(a)
                links.append(_linear(a, link))
            yield row, links
            ink = np.concatenate([ink[:, 1:], row[:, None]], axis=1)

    def _top(self, h: np.ndarray) -> np.ndarray:
        return _linear(np.maximum(_linear(np.maximum(h, 0), self._head), 0), self._logit)[..., 0]


Weights = tuple[np.ndarray, np.ndarray]
"""A matrix (inputs, outputs) and a bias (outputs,), float32."""


def _filter(arrays: Arrays, name: str) -> Weights:
    """A convolution as a matrix; its inputs are rows, columns, channels, as :func:`_around` has them."""
    weight = np.asarray(arrays[f"{name}.weight"], dtype=np.float32)  # (outputs, channels, rows, columns)
    if name == "above":  # the rows above stand as channels
        weight = weight.transpose(0, 2, 1, 3)
    flat = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
    return np.ascontiguousarray(flat), np.asarray(arrays[f"{name}.bias"], dtype=np.float32)


def _linear(x: np.ndarray, weights: Weights) -> np.ndarray:
    return x @ weights[0] + weights[1]


def _gate(a: np.ndarray) -> np.ndarray:
    half = a.shape[-1] // 2
    return np.tanh(a[..., :half]) * sigmoid(a[..., half:])


def _across(layer: Sequence[Weights], left: np.ndarray, h: np.ndarray, link: np.ndarray) -> np.ndarray:
    """The horizontal stack's next layer, from this pixel's h, its left neighbour's, and the vertical stack."""
    _, horizontal, _, out = layer
    return h + _linear(_gate(_linear(np.concatenate([left, h], axis=-1), horizontal) + link), out)


def _windows(row: np.ndarray, by: int, width: int) -> list[np.ndarray]:
    """A row ``(N, W, C)`` moved to the right by ``by``, …, 1 pixels; what comes in is 0."""
    padded = np.pad(row, ((0, 0), (by, 0), (0, 0)))
    return [padded[:, i : i + width] for i in range(by)]


def _around(row: np.ndarray, by: int) -> np.ndarray:
    """Each pixel of a row ``(N, W, C)`` with those up to ``by`` to the left and right, ``(N, W, (2 by + 1) C)``."""
    n, width, channels = row.shape
    padded = np.zeros((n, width + 2 * by, channels), dtype=row.dtype)  # several times as fast as np.pad
    padded[:, by : by + width] = row
    return np.concatenate([padded[:, i : i + width] for i in range(2 * by + 1)], axis=2)


def forward_pixels(arrays: Arrays, config: Mapping[str, Any]) -> PixelModel:
    """The model of a checkpoint of :mod:`genmodels.recipes.pixel_ar`, from its arrays and its config."""
    size = {name: config.get(name, 28) for name in ("height", "width")}
    if "channels" in config:
        return ForwardPixelCNN(arrays, **size)
    given = {name: config[name] for name in ("order", "order_seed", "activation") if name in config}
    return ForwardMADE(arrays, **size, **given)


# --- Drawing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DrawConfig:
    """How to draw.

    Args:
        n_images: N, 1 or more.
        temperature: T > 0, which divides every logit; 1 is the model, below 1 its likelier side.
        every: Yield a state every so many pixels, 1 or more, and the last; 28 is every row of a digit.
        seed: Of the uniform numbers, 0 or more.
    """

    n_images: int = 16
    temperature: float = 1.0
    every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("n_images", 1), ("every", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        check_number("temperature", self.temperature, above=0)


@dataclass(frozen=True, eq=False)
class DrawState:
    """Images half drawn; arrays are read-only.

    Attributes:
        step: Pixels drawn; those given do not count.
        images: ``(N, D)`` float32, 0 or 1; 0 where nothing is drawn yet.
        probabilities: By which each pixel was drawn ink, p(1 | before) at the temperature, ``(N, D)`` float32; that
            of the next pixel is there already, later ones are NaN.
        known: Which pixels are given or drawn, ``(D,)`` bool.
        next_pixel: Which one comes next, a number 0 … D − 1; −1 at the end.
        log_prob: log p of the known pixels under the model, whatever the temperature, ``(N,)`` float64, nats.
    """

    step: int
    images: np.ndarray
    probabilities: np.ndarray
    known: np.ndarray
    next_pixel: int
    log_prob: np.ndarray


def iterate_pixels(
    model: PixelModel, config: DrawConfig, x: np.ndarray | None = None, given: np.ndarray | None = None
) -> Iterator[DrawState]:
    """Draw images pixel by pixel, all of them at once.

    Args:
        model: Whose images.
        config: How many, and how.
        x: Images to complete, ``(N, D)`` of 0 and 1, or one ``(1, D)`` for all.
        given: Which of their pixels are given, ``(D,)`` bool: those that the model draws first.

    Yields:
        What is given, then a state every ``config.every`` pixels, and the last.

    Raises:
        ValueError: The images do not fit, or what is given is not what the model draws first.
    """
    n, d, order = config.n_images, model.n_features, model.order
    images, n_given = np.zeros((n, d), dtype=np.float32), 0
    if x is not None or given is not None:
        n_given, images[:] = _given(model, n, x, given)
    uniform = np.random.default_rng(config.seed).random((n, d))
    probabilities, log_prob = np.full((n, d), np.nan, dtype=np.float32), np.zeros(n)

    def state(k: int) -> DrawState:
        known = np.zeros(d, dtype=bool)
        known[order[:k]] = True
        return DrawState(
            step=k - n_given,
            images=still(images),
            probabilities=still(probabilities),
            known=still(known),
            next_pixel=int(order[k]) if k < d else -1,
            log_prob=still(log_prob),
        )

    for k, logit in enumerate(model.walk(images)):
        pixel, tempered = order[k], logit / config.temperature
        probabilities[:, pixel] = sigmoid(tempered)
        if k >= n_given:
            if (k - n_given) % config.every == 0:
                yield state(k)
            images[:, pixel] = uniform[:, pixel] < sigmoid(tempered)
        log_prob -= np.logaddexp(0, np.where(images[:, pixel] == 1, -1.0, 1.0) * logit)
    yield state(d)


def draw_pixels(model: PixelModel, config: DrawConfig) -> DrawState:
    """Images drawn: the last state of :func:`iterate_pixels`."""
    return last(iterate_pixels(model, config))


def complete(model: PixelModel, x: np.ndarray, given: np.ndarray, config: DrawConfig) -> DrawState:
    """Images completed: the last state of :func:`iterate_pixels`, which says what can be given."""
    return last(iterate_pixels(model, config, x, given))


def _given(model: PixelModel, n: int, x: np.ndarray | None, given: np.ndarray | None) -> tuple[int, np.ndarray]:
    """How many pixels are given, and the images with 0 for the others."""
    if x is None or given is None:
        raise ValueError("To complete images, give both: x, the images, and given, which of their pixels count.")
    x, given = check_ink(x, model.n_features), np.asarray(given)
    if len(x) not in (1, n):
        raise ValueError(f"There are {len(x)} images to complete, and n_images is {n}; give one, or as many.")
    if given.shape != (model.n_features,) or given.dtype != bool:
        raise ValueError(
            f"given must be {model.n_features} times True or False, one a pixel; got {given.dtype} of {given.shape}."
        )
    in_order = given[model.order]
    n_given = int(in_order.sum())
    if not in_order[:n_given].all():
        unknown = int((~in_order[: np.flatnonzero(in_order)[-1]]).sum())
        raise ValueError(
            f"This model draws one pixel after the other, {_order_in_words(model)}: what is given has to come first. "
            f"Before the last pixel given there are {unknown} that are not, and to know what follows from it, "
            f"2^{unknown} images would have to be summed. Give the first {n_given} pixels of the order instead."
        )
    return n_given, np.where(given, x, 0)


def _order_in_words(model: PixelModel) -> str:
    raster = np.array_equal(model.order, np.arange(model.n_features))
    return "by rows from the top left, so that the upper part is cheap" if raster else "in an order drawn by lot"
