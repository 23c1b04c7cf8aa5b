r"""The next letter from a fixed window by a perceptron; without torch.

Each of the M letters before is looked up as a vector of m numbers, the same table E for every place; the M vectors in
a row go through one hidden layer:

    x = (E[x_t−M+1], …, E[x_t]),     logits = b + U tanh(d + H x),     p(x_t+1 | x_t−M+1 … x_t) = softmax(logits)

So letters that are used alike can come to lie near each other in E, and what is learned after one serves the others:
an n-gram with n = M + 1 has a number of its own for every window, this has m V + h (M m + V) and a few. What stands
further back than M letters is not seen at all. Places before the text's first letter hold *nothing*, the row V of E.

Source: Bengio, Ducharme, Vincent & Jauvin (2003), *A neural probabilistic language model*, JMLR 3 (without its direct
connections from x to the logits). Arithmetic is float32, logarithms are natural; log p is that of
:mod:`genmodels.sampling`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genmodels.checks import check_letters
from genmodels.nn.runtime import Forward
from genmodels.sampling import log_softmax, nats_per_letter


def examples(tokens: np.ndarray, window: int, letters: int) -> tuple[np.ndarray, np.ndarray]:
    """Every letter but the first, and the window before it.

    Args:
        tokens: A text ``(N,)``, or rows ``(N, T)`` filled up with −1.
        window: M.
        letters: V; also the number that stands for nothing.

    Returns:
        Windows ``(…, T − 1, M)`` and letters ``(…, T − 1)``, which are −1 where a row has ended; int64.

    >>> examples(np.array([1, 0, 1]), window=2, letters=5)[0]
    array([[5, 1],
           [1, 0]])
    """
    data = check_letters(tokens, letters)
    if data.shape[-1] < 2:
        return np.empty((*data.shape[:-1], 0, window), dtype=np.int64), data[..., 1:]
    before = np.full((*data.shape[:-1], window - 1), letters)
    filled = np.concatenate([before, np.where(data < 0, letters, data)], axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(filled[..., :-1], window, axis=-1)
    return windows, data[..., 1:]


class WindowRuntime:
    """The network, forwards only.

    Args:
        arrays: ``embed.weight`` ``(V + 1, m)`` and the layers ``net.0`` and ``net.2``, as a state or a checkpoint has
            them. All sizes are read off them.

    Raises:
        ValueError: One is missing, or they do not fit together.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        if "embed.weight" not in arrays:
            raise ValueError(f"The arrays hold no embed.weight; they hold {', '.join(sorted(arrays))}.")
        self._embed = np.asarray(arrays["embed.weight"], dtype=np.float32)
        self._net = Forward(arrays, "net", "tanh")
        self.letters = len(self._embed) - 1
        self.window, rest = divmod(self._net.sizes[0], self._embed.shape[1])
        if rest or not self.window or self._net.sizes[-1] != self.letters:
            raise ValueError(
                f"E has the shape {self._embed.shape} and the layers the widths {self._net.sizes}; give the arrays "
                "of one network."
            )

    @property
    def embedding(self) -> np.ndarray:
        """Where each letter lies, ``(V, m)`` float32; nothing is left out."""
        return self._embed[:-1]

    def logits(self, windows: np.ndarray) -> np.ndarray:
        """``(…, M)`` to ``(…, V)`` float32; V stands for nothing."""
        flat = np.reshape(windows, (-1, self.window))
        out = self._net(self._embed[flat].reshape(len(flat), self._net.sizes[0]))
        return out.reshape(*np.shape(windows)[:-1], self.letters)

    def log_next(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """log p of every letter after a text ``(T,)``, of which the last M count: ``(V,)`` float64, nats."""
        ids = check_letters(np.asarray(tokens, dtype=np.int64), self.letters)[-self.window :]
        window = np.concatenate([np.full(self.window - len(ids), self.letters), ids])
        return log_softmax(self.logits(window[None])[0])

    def log_probs(self, tokens: np.ndarray) -> np.ndarray:
        """log p of each letter but the first, given those before it, nats.

        Args:
            tokens: A text ``(N,)``, or rows ``(N, T)`` filled up with −1.

        Returns:
            ``(N − 1,)`` or ``(N, T − 1)`` float64, NaN where a row has ended. A row's sum is log p of its text.
        """
        windows, said = examples(tokens, self.window, self.letters)
        found = np.full(said.shape, np.nan)
        there = said >= 0
        for part in np.array_split(np.flatnonzero(there), there.sum() // 20_000 + 1):
            at = np.unravel_index(part, said.shape)
            log_p = log_softmax(self.logits(windows[at]))
            found[at] = log_p[np.arange(len(part)), said[at]]
        return found

    def nats_per_letter(self, tokens: np.ndarray) -> float:
        """Mean of − log p over the letters of :meth:`log_probs`."""
        return nats_per_letter(self.log_probs(tokens))
