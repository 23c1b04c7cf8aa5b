r"""A model of pixels in order, asked for what is covered: seen pixels are put in place as their turn comes.

    p(x) = Π_k p(x_o(k) | x_o(1), …, x_o(k−1))                         :mod:`genmodels.pixel_ar`, o the order

Whenever the order comes to a covered pixel, it is drawn; whenever it comes to a seen one, that stands. A covered
pixel so hears of seen ones before it, and of none that come after it. The covered pixels H are drawn from

    q(x_H) = Π_{k: o(k)∈H} p(x_o(k) | before),      and      p(x_H | x_S) ∝ q(x_H) w(x_H),
    w(x_H) = Π_{k: o(k)∈S} p(x_o(k) | before)

*Exact* where all seen pixels come first: w is then the same for all answers, q(x_H) = p(x_H | x_S). *Otherwise* w
says what q left out: how well each answer explains the seen pixels that came after it (likelihood weighting). How
many of the answers count then is the effective sample size of :func:`genmodels.inference.importance.estimate`: all
of them where nothing was left out, about one where one outweighs all others.

Sources: Koller & Friedman (2009), *Probabilistic Graphical Models*, section 12.3 (likelihood weighting); van den Oord
et al. (2016), arXiv:1601.06759 (lower parts of pictures). Rows are images ``(N, D)`` of 0 and 1; nats; numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genmodels.checks import check_ink
from genmodels.nn.runtime import sigmoid
from genmodels.pixel_ar.runtime import DrawConfig, PixelModel
from genmodels.states import last, still


@dataclass(frozen=True, eq=False)
class ClampedState:
    """Images half drawn; arrays are read-only.

    Attributes:
        step: Pixels that the order has passed, seen ones included, 0 … D.
        images: ``(N, D)`` float32, 0 or 1; covered pixels that are not drawn yet are 0.
        passed: Which pixels the order has passed, ``(D,)`` bool.
        log_w: log w so far, ``(N,)`` float64, nats.
    """

    step: int
    images: np.ndarray
    passed: np.ndarray
    log_w: np.ndarray


def iterate_clamped(model: PixelModel, x: Any, seen: Any, config: DrawConfig | None = None) -> Iterator[ClampedState]:
    """Draw what is covered, in the model's order.

    Args:
        model: Whose pixels.
        x: An image ``(D,)`` of 0 and 1, of which only the seen pixels are looked at.
        seen: S, ``(D,)`` booleans.
        config: How many; the uniform numbers are those of :func:`~genmodels.pixel_ar.runtime.iterate_pixels`.

    Yields:
        The start, a state every ``config.every`` pixels of the order, and the last.

    Raises:
        ValueError: Shapes do not fit, or x is neither 0 nor 1 somewhere.
    """
    config, seen, d = config or DrawConfig(), np.asarray(seen), model.n_features
    if seen.shape != (d,) or seen.dtype != bool:
        raise ValueError(f"seen must be ({d},) booleans; got {seen.dtype} {seen.shape}.")
    if config.temperature != 1:
        raise ValueError(
            f"The weights are those of the model itself; the temperature is 1, not {config.temperature!r}."
        )
    x = check_ink(np.where(seen, np.asarray(x, dtype=np.float32), 0)[None], d)
    images = np.repeat(x, config.n_images, axis=0).astype(np.float32)
    uniform = np.random.default_rng(config.seed).random(images.shape)
    log_w = np.zeros(len(images))

    def state(k: int) -> ClampedState:
        passed = np.zeros(d, dtype=bool)
        passed[model.order[:k]] = True
        return ClampedState(k, still(images), still(passed), still(log_w))

    for k, logit in enumerate(model.walk(images)):
        if k % config.every == 0:
            yield state(k)
        pixel = model.order[k]
        if not seen[pixel]:
            images[:, pixel] = uniform[:, pixel] < sigmoid(logit)
        else:
            log_w -= np.logaddexp(0, np.where(images[:, pixel] == 1, -1.0, 1.0) * logit)
    yield state(d)


def draw_clamped(model: PixelModel, x: Any, seen: Any, config: DrawConfig | None = None) -> ClampedState:
    """Images drawn: the last state of :func:`iterate_clamped`."""
    return last(iterate_clamped(model, x, seen, config))
