r"""What to say next: from the probabilities of every letter to one letter.

A model gives logits l_v of the next letter, or log p_v (which are logits too). A *decoder* says one of the V letters:

    temperature   p_v ∝ exp(l_v / T)          T → 0 leaves the most probable, T → ∞ all alike
    top-k         the k most probable, the others 0
    nucleus       the fewest of the most probable that have P or more together, the others 0; P → 0 leaves one

in this order, each on what the one before it has left, and then a draw. *Greedy* takes the most probable (T = 0).
*Beam search* keeps the W most probable texts so far instead of one, and so mostly finds one with a higher log p than
greedy does; that a text is probable does not make it a good one (Holtzman et al. 2020): measure :func:`repetition`.

Where two letters are equally probable, the one with the lower number comes first. What cannot be said has the logit
−∞ and the probability 0, exactly. Arithmetic is float64; randomness is a ``numpy.random.Generator`` that is given.

A model enters as a function ``log_next`` from a text ``(T,)`` to log p of every next letter ``(V,)``: the method of
that name of :class:`genmodels.ngram.NGram`, :class:`genmodels.window_mlp.WindowRuntime` and
:class:`genmodels.transformer.runtime.TransformerRuntime` (the last one's ``follow()`` is the same and faster).

Sources: Fan, Lewis & Dauphin (2018), arXiv:1805.04833 (top-k); Holtzman et al. (2020), *The curious case of neural
text degeneration*, arXiv:1904.09751 (nucleus); Lowerre (1976), *The Harpy speech recognition system* (beam search).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from genmodels.checks import check_number, check_whole

LogNext = Callable[[np.ndarray], np.ndarray]
"""From a text ``(T,)`` int64 to log p of every next letter, ``(V,)``, nats."""


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """log p along the last axis, float64, nats; −∞ stays −∞.

    Raises:
        ValueError: A logit is NaN or +∞, or all of a row are −∞.
    """
    l = np.asarray(logits, dtype=np.float64)  # noqa: E741
    if l.ndim == 0 or l.shape[-1] == 0 or not np.isfinite(l.max(axis=-1)).all():
        raise ValueError("Each row of logits needs a finite one, and neither NaN nor +∞; −∞ is what cannot be said.")
    shifted = l - l.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def with_temperature(logits: np.ndarray, temperature: float) -> np.ndarray:
    """log p at a temperature, ``(…, V)``.

    Args:
        logits: ``(…, V)``.
        temperature: T, 0 or more; 1 changes nothing. At 0, the limit: the most probable alone, or all that share it.
    """
    check_number("temperature", temperature, at_least=0)
    log_p = log_softmax(logits)
    highest = log_p.max(axis=-1, keepdims=True)
    if temperature == 0:
        return log_softmax(np.where(log_p == highest, 0.0, -np.inf))
    with np.errstate(over="ignore"):  # far below the highest and T tiny: −∞, as it should be
        return log_softmax((log_p - highest) / temperature)


def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """log p of the k most probable, renormalised; −∞ for the others, ``(…, V)``.

    Args:
        logits: ``(…, V)``.
        k: 1 or more; V or more changes nothing.
    """
    check_whole("k", k, at_least=1)
    log_p = log_softmax(logits)
    return log_softmax(np.where(_rank(log_p) < k, log_p, -np.inf))


def nucleus(logits: np.ndarray, top_p: float) -> np.ndarray:
    """log p of the nucleus, renormalised; −∞ for the others, ``(…, V)``.

    Args:
        logits: ``(…, V)``.
        top_p: P, 0 … 1: the fewest of the most probable letters that together have P or more; 0 leaves one, 1 changes
            nothing.
    """
    check_number("top_p", top_p, at_least=0)
    if top_p > 1:
        raise ValueError(f"top_p is {top_p!r}; give a share of the probability, 0 … 1.")
    log_p = log_softmax(logits)
    if top_p == 1:
        return log_p
    order = np.argsort(-log_p, axis=-1, kind="stable")
    falling = np.exp(np.take_along_axis(log_p, order, axis=-1))
    before = falling.cumsum(axis=-1) - falling
    kept = np.take_along_axis(before < top_p - 1e-12, np.argsort(order, axis=-1), axis=-1)  # 0.5 + 0.3 is not 0.8
    return log_softmax(np.where(kept | (_rank(log_p) == 0), log_p, -np.inf))


def _rank(log_p: np.ndarray) -> np.ndarray:
    """0 for the most probable, 1 for the next, …"""
    return np.argsort(np.argsort(-log_p, axis=-1, kind="stable"), axis=-1)


def draw(logits: np.ndarray, rng: np.random.Generator) -> int:
    """One letter, drawn with its probability; what cannot be said never is."""
    cumulative = np.exp(log_softmax(logits)).cumsum()
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def greedy(logits: np.ndarray) -> int:
    """The most probable letter."""
    return int(np.argmax(np.exp(log_softmax(logits))))


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How a letter is drawn.

    Args:
        temperature: T, 0 or more; 0 is greedy.
        top_k: How many letters may be said, 1 or more; None for all.
        top_p: Share of the probability that may be said, 0 … 1.

    Raises:
        ValueError: One is out of range.

    >>> SamplingConfig(top_k=2).probabilities(np.log([0.5, 0.25, 0.25])).round(3)
    array([0.667, 0.333, 0.   ])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        self.log_p(np.zeros(1))

    def log_p(self, logits: np.ndarray) -> np.ndarray:
        """log of the probabilities that are drawn from, ``(…, V)``; −∞ for what is left out."""
        log_p = with_temperature(logits, self.temperature)
        if self.top_k is not None:
            log_p = top_k(log_p, self.top_k)
        return nucleus(log_p, self.top_p)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """What is drawn from, ``(…, V)``; rows sum to 1."""
        return np.exp(self.log_p(logits))

    def choose(self, rng: np.random.Generator) -> Callable[[np.ndarray], int]:
        """A function from logits ``(V,)`` to a letter, such as ``TransformerRuntime.say`` takes."""
        return lambda logits: greedy(logits) if self.temperature == 0 else draw(self.log_p(logits), rng)


# Saying a text


@dataclass(frozen=True, eq=False)
class TextState:
    """A text while it is said.

    Attributes:
        step: How many letters have been said; fewer than asked for if the end sign was among them.
        tokens: The text with its prompt, ``(T,)`` int64.
        log_p: What the model holds of the next letter, ``(V,)``, nats.
        drawn_from: What the next letter is drawn from, ``(V,)``; sums to 1.
        said_log_p: log p under the *model* of each letter said, ``(step,)``.
    """

    step: int
    tokens: np.ndarray
    log_p: np.ndarray
    drawn_from: np.ndarray
    said_log_p: np.ndarray


def iterate_text(
    log_next: LogNext,
    prompt: Sequence[int] | np.ndarray,
    config: SamplingConfig,
    n: int,
    rng: np.random.Generator,
    end: int | None = None,
) -> Iterator[TextState]:
    """Go on from a prompt, letter by letter.

    Args:
        log_next: The model.
        prompt: One letter or more.
        config: How to draw.
        n: Letters to say, 0 or more.
        rng: Draws one number a letter.
        end: The letter after which nothing is said.

    Yields:
        The state before a letter is said, then one after each; n + 1, or fewer if the end sign is said.
    """
    check_whole("n", n, at_least=0)
    tokens, said = _check_prompt(prompt), np.empty(0)
    choose = config.choose(rng)
    for step in range(n + 1):
        log_p = log_softmax(log_next(tokens))
        yield TextState(step, tokens, log_p, config.probabilities(log_p), said)
        if step == n or (step and tokens[-1] == end):
            return
        token = choose(log_p)
        tokens, said = np.append(tokens, token), np.append(said, log_p[token])


def say(
    log_next: LogNext,
    prompt: Sequence[int] | np.ndarray,
    choose: Callable[[np.ndarray], int],
    n: int,
    end: int | None = None,
) -> Iterator[int]:
    """Letters alone, as ``TransformerRuntime.say`` gives them, of any model.

    Args:
        log_next: The model.
        prompt: One letter or more.
        choose: From log p ``(V,)`` to a letter: :func:`greedy`, ``config.choose(rng)``.
        n: The most letters to say.
        end: The letter after which nothing is said; it is yielded.
    """
    check_whole("n", n, at_least=0)
    tokens = _check_prompt(prompt)
    for _ in range(n):
        token = choose(log_next(tokens))
        yield token
        if token == end:
            return
        tokens = np.append(tokens, token)


@dataclass(frozen=True, kw_only=True)
class BeamConfig:
    """How to search.

    Args:
        width: W, how many texts are kept, 1 or more; 1 is greedy.
        n_steps: Letters to say, 0 or more.
        end: The letter after which a text is complete; it then stays as it is, and can be overtaken.
    """

    width: int = 4
    n_steps: int = 20
    end: int | None = None

    def __post_init__(self) -> None:
        check_whole("width", self.width, at_least=1)
        check_whole("n_steps", self.n_steps, at_least=0)


@dataclass(frozen=True, eq=False)
class BeamState:
    """The texts kept, the most probable first; B ≤ W of them.

    Attributes:
        step: How many letters each has said.
        tokens: ``(B, T)`` int64 with the prompt; −1 after the end sign.
        log_p: Of what each has said, the prompt given, ``(B,)``, nats.
        parents: Which text of the state before each goes on from, ``(B,)`` int64; 0 at step 0.
    """

    step: int
    tokens: np.ndarray
    log_p: np.ndarray
    parents: np.ndarray


def iterate_beam(log_next: LogNext, prompt: Sequence[int] | np.ndarray, config: BeamConfig) -> Iterator[BeamState]:
    """Beam search: each text kept goes on with every letter, and the W most probable of all are kept.

    Args:
        log_next: The model; asked once for each text and step.
        prompt: One letter or more.
        config: How many, how far.

    Yields:
        n_steps + 1 states, the prompt alone first.
    """
    state = BeamState(0, _check_prompt(prompt)[None], np.zeros(1), np.zeros(1, dtype=np.int64))
    yield state
    for _ in range(config.n_steps):
        state = _beam_step(log_next, state, config)
        yield state


def _beam_step(log_next: LogNext, state: BeamState, config: BeamConfig) -> BeamState:
    log_p, parents, letters = [], [], []
    for i, text in enumerate(state.tokens):
        ended = state.step > 0 and (text[-1] == -1 or text[-1] == config.end)
        step = np.zeros(1) if ended else log_softmax(log_next(text))
        log_p.append(state.log_p[i] + step)
        parents.append(np.full(step.size, i))
        letters.append(np.full(1, -1) if ended else np.arange(step.size))
    total, parent, letter = map(np.concatenate, (log_p, parents, letters))
    best = np.argsort(-total, kind="stable")[: config.width]
    best = best[total[best] > -np.inf]
    tokens = np.concatenate([state.tokens[parent[best]], letter[best, None]], axis=1)
    return BeamState(state.step + 1, tokens, total[best], parent[best])


def _check_prompt(prompt: Sequence[int] | np.ndarray) -> np.ndarray:
    tokens = np.array(prompt)
    if tokens.ndim != 1 or not tokens.size or tokens.dtype.kind not in "iu" or tokens.min() < 0:
        raise ValueError(f"The prompt is {prompt!r}; give the numbers of one letter or more, such as the end sign's.")
    return tokens.astype(np.int64)


# Judging what was said


def repetition(tokens: Sequence[int] | np.ndarray, n: int = 4) -> float:
    """Share of the pieces of n letters that stood there before, 0 … 1; NaN if the text is shorter than n.

    >>> repetition([1, 2, 1, 2, 1], n=2)
    0.5
    """
    check_whole("n", n, at_least=1)
    text = np.asarray(tokens)
    if len(text) < n:
        return float("nan")
    pieces = np.lib.stride_tricks.sliding_window_view(text, n)
    return 1 - len(np.unique(pieces, axis=0)) / len(pieces)


def nats_per_letter(log_p: np.ndarray) -> float:
    """Mean of − log p over the letters; what ``log_probs`` gives, in which NaN marks places without a letter.

    >>> nats_per_letter(np.log([[0.5, 0.5], [0.5, np.nan]])).__round__(4)
    0.6931
    """
    return float(-np.nanmean(log_p))
