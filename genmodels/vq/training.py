r"""The vector-quantised autoencoder, which passes on numbers of codes instead of numbers; its training.

    z_e = f(x),    k = argmin_j ‖z_e − e_j‖²,    x̂ = g(e_k)

A datum is written as words k = 0 … K − 1, each the number of a code e_k in one book of K codes of d numbers (the
network, and what fold means: :mod:`.runtime`). The loss of one datum has three terms, of which each teaches another:

    L = ‖x − x̂‖²  +  Σ ‖sg[z_e] − e_k‖²  +  β Σ ‖z_e − sg[e_k]‖²

summed over its numbers and its words; sg passes its argument on and no gradient. The first teaches the decoder g, the
second the book (codes move towards what is looked up there), the third, *commitment*, the encoder f.

*Straight-through.* k does not change when z_e does a little, so that the true gradient of ‖x − x̂‖² for z_e is 0.
The first term *pretends*: backwards, de_k/dz_e counts as 1, so that z_e receives the gradient that stands at the
decoder's input, and the book receives none of it. It is the gradient of nothing.

*EMA* instead of the second term: of each minibatch, n_k the share of its words that are k and m_k the sum of their
z_e divided by the number of words,

    N_k ← γ N_k + (1 − γ) n_k,      M_k ← γ M_k + (1 − γ) m_k,      e_k = M_k / N_k

from N_k = 1/K. The book is then the running mean of what is looked up: K-means on minibatches, while f moves. (Only N
is kept: e ← e + (1 − γ)(m − n e)/N is the same.) N, ``usage``, is kept in any case. A code whose usage is below a
tenth of an even share, 1/K, counts as dead: nothing is looked up there, so that nothing teaches it.

*Restart*: after each update every dead code is set to some z_e of the minibatch, no two to the same, and its usage
to 1/K.

*A grid* instead of a learned book: the K = L^d points of L even levels between −1 and 1 for each number, which do
not move; in front of them z_e = tanh(f(x)). To look up is then to round each number by itself: an ordinary
autoencoder whose d numbers a place are rounded to L levels, of exactly as many bits.

Sources: van den Oord, Vinyals & Kavukcuoglu (2017), arXiv:1711.00937, eq. 1–3, appendix A.1; Bengio, Léonard &
Courville (2013), arXiv:1308.3432 (straight-through); Dhariwal et al. (2020), *Jukebox*, arXiv:2005.00341, 3.1 (random
restarts); Mentzer, Minnen, Agustsson & Tschannen (2023), arXiv:2309.15505 (the grid). The paper's losses are means
over pixels; here they are sums, so that β weighs a word against the whole picture's error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels import device
from genmodels.checks import check_choice, check_data, check_hidden, check_images, check_number, check_whole
from genmodels.nn.layers import conv, linear, mlp
from genmodels.nn.training import Resume, TrainingConfig, TrainingState, train
from genmodels.states import last
from genmodels.vq.measures import perplexity_of
from genmodels.vq.runtime import CodeBook, ForwardVQ

DEAD = 0.1
"""The share of 1/K below which a code's usage makes it dead."""
BOOKS = ("learned", "grid")


@dataclass(frozen=True)
class VQConfig(TrainingConfig):
    """Which one, and how to train it (see :class:`genmodels.nn.training.TrainingConfig`).

    Args:
        n_codes: K ≥ 2.
        code_size: Numbers of a code, d ≥ 1.
        side: 0 for vectors; for pictures side × side, a multiple of 2^n_folds.
        n_features: D ≥ 1 of vectors; pictures pass it over.
        hidden: Widths of the hidden layers for vectors; the decoder has them in reverse.
        channels: Of the convolutions for pictures, C ≥ 1.
        n_folds: F ≥ 1, how often a picture's side is halved.
        commitment: β, 0 or more.
        ema: Whether the book is the running mean of what is looked up, instead of following a gradient.
        gamma: γ, of usage and of the running mean; 0 or more and below 1.
        restart: Whether dead codes are set to what the encoder says.
        book: ``"learned"``, or ``"grid"``: K has to be L^d, and nothing moves the codes.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_codes: int = 32
    code_size: int = 2
    side: int = 0
    n_features: int = 2
    hidden: tuple[int, ...] = (64, 64)
    channels: int = 16
    n_folds: int = 1
    commitment: float = 0.25
    ema: bool = False
    gamma: float = 0.99
    restart: bool = False
    book: Literal["learned", "grid"] = "learned"

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"n_codes": 2, "code_size": 1, "side": 0, "n_features": 1, "channels": 1, "n_folds": 1}
        for name, at_least in least.items():
            check_whole(name, getattr(self, name), at_least=at_least)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))
        check_number("commitment", self.commitment, at_least=0)
        check_number("gamma", self.gamma, at_least=0, below=1)
        check_choice("book", self.book, BOOKS)
        if self.side % 2**self.n_folds:
            raise ValueError(
                f"side is {self.side}; give a multiple of {2**self.n_folds}, so that it can be halved {self.n_folds} "
                "times, or fewer n_folds."
            )
        if self.book == "grid":
            if self.ema or self.restart:
                raise ValueError("The codes of a grid do not move; leave out ema and restart, or learn the book.")
            grid_codes(self.n_codes, self.code_size)

    def network(self) -> VQ:
        """The network, its weights not yet set."""
        return VQ(self)


def grid_codes(n_codes: int, code_size: int) -> np.ndarray:
    """The K = L^d points of L even levels between −1 and 1 in d numbers, ``(K, d)`` float32, the last fastest.

    >>> grid_codes(4, 2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    levels = round(n_codes ** (1 / code_size))
    if levels < 2 or levels**code_size != n_codes:
        raise ValueError(
            f"n_codes is {n_codes} and code_size {code_size}; a grid has L^code_size codes with L ≥ 2, such as "
            f"{max(levels, 2) ** code_size}."
        )
    axes = np.meshgrid(*[np.linspace(-1, 1, levels, dtype=np.float32)] * code_size, indexing="ij")
    return np.stack(axes, axis=-1).reshape(n_codes, code_size)


def straight_through(z_e: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
    """The code itself; backwards, all of its gradient goes to z_e, and none to the code."""
    return code.detach() + (z_e - z_e.detach())


class Grid(nn.Module):
    """A book that does not move."""

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(grid_codes(config.n_codes, config.code_size)), requires_grad=False)


class VQ(nn.Module):
    """Encoder f, code book, decoder g."""

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        self.config, d, c = config, config.code_size, config.channels
        self.encoder: nn.Module
        self.decoder: nn.Module
        if config.side:
            inputs = [1, *[c] * (config.n_folds - 1)]
            self.encoder = nn.ModuleList([*(conv(4 * n, c) for n in inputs), conv(c, d, 1)])
            self.decoder = nn.ModuleList([conv(d, c), *(conv(c, 4 * n) for n in inputs[::-1])])
        else:
            sizes = [config.n_features, *config.hidden, d]
            self.encoder, self.decoder = mlp(sizes), mlp(sizes[::-1])
        self.book = Grid(config) if config.book == "grid" else linear(d, config.n_codes, bias=False)
        self.book.weight.requires_grad_(config.book == "learned" and not config.ema)
        self.usage = nn.Parameter(torch.full((config.n_codes,), 1 / config.n_codes), requires_grad=False)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z_e: ``(N, D)`` to ``(N, d)``, or ``(N, side, side)`` to ``(N, h, w, d)``."""
        if self.config.side:
            h, layers = x[:, None], list(self.encoder)  # type: ignore[call-overload]
            for layer in layers[:-1]:
                h = F.relu(layer(F.pixel_unshuffle(h, 2)))
            z = layers[-1](h).permute(0, 2, 3, 1)
        else:
            z = self.encoder(x)
        return torch.tanh(z) if self.config.book == "grid" else z

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """x̂, of codes or of any numbers of their shape."""
        if not self.config.side:
            return self.decoder(z)
        layers = list(self.decoder)  # type: ignore[call-overload]
        h = layers[0](z.permute(0, 3, 1, 2))
        for layer in layers[1:]:
            h = F.pixel_shuffle(layer(F.relu(h)), 2)
        return h[:, 0]

    @torch.no_grad()
    def nearest(self, z: torch.Tensor) -> torch.Tensor:
        """The numbers of the nearest codes, ``(…, d)`` to ``(…)`` int64; of several as near, the lowest."""
        total = torch.zeros((*z.shape[:-1], self.config.n_codes), device=z.device)
        for j in range(self.config.code_size):
            total = total + (z[..., j, None] - self.book.weight[:, j]).square()
        return total.argmin(-1)

    def losses(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """‖x − x̂‖² of each datum with a gradient that is passed straight through, ``(N,)``; z_e; e_k; the words."""
        z = self.encode(x)
        words = self.nearest(z)
        code = self.book.weight[words]
        copy = self.decode(straight_through(z, code))
        return (x - copy).square().flatten(1).sum(1), z, code, words

    @torch.no_grad()
    def take_in(self, z: torch.Tensor, words: torch.Tensor, order: torch.Tensor) -> None:
        """Usage, EMA and restarts after an update; z and words are those of the minibatch it was made by.

        Args:
            z: z_e ``(M, d)``.
            words: ``(M,)``.
            order: Of the rows of z, in which dead codes take them, ``(M,)``.
        """
        config, codes = self.config, self.book.weight
        share = torch.bincount(words, minlength=config.n_codes).to(z) / len(words)
        self.usage.lerp_(share, 1 - config.gamma)
        if config.ema:
            total = torch.zeros_like(codes).index_add_(0, words, z) / len(words)
            seen = share > 0
            step = (1 - config.gamma) * (total - share[:, None] * codes)[seen] / self.usage[seen, None]
            codes[seen] += step
        if config.restart:
            dead = (self.usage < DEAD / config.n_codes).nonzero()[: len(order), 0]
            codes[dead] = z[order[: len(dead)]]
            self.usage[dead] = 1 / config.n_codes


@dataclass(frozen=True, eq=False, kw_only=True)
class VQState(TrainingState):
    """A vector-quantised autoencoder in training; see :class:`genmodels.nn.training.TrainingState`.

    Attributes:
        loss: L, mean over the next minibatch under these parameters (with EMA, without its second term).
        reconstruction: ‖x − x̂‖², summed over a datum, mean over the minibatch.
        commitment: ‖z_e − e_k‖², summed over a datum's words, mean over the minibatch; without β.
        counts: How often each code occurs in the minibatch, ``(K,)`` int64.
    """

    loss: float
    reconstruction: float
    commitment: float
    counts: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """The code book ``(K, d)``."""
        return self.arrays()["book.weight"]

    @property
    def usage(self) -> np.ndarray:
        """The running mean of each code's share of the words, ``(K,)``."""
        return self.arrays()["usage"]

    @property
    def dead(self) -> np.ndarray:
        """Which codes have a usage below a tenth of 1/K, ``(K,)`` bool."""
        return self.usage < DEAD / len(self.usage)

    @property
    def perplexity(self) -> float:
        """Of the minibatch's words, 1 … K; see :mod:`.measures`."""
        return perplexity_of(self.counts / self.counts.sum())

    @property
    def used(self) -> int:
        """How many codes occur in the minibatch."""
        return int((self.counts > 0).sum())

    @property
    def book(self) -> CodeBook:
        """The code book, to look things up."""
        return CodeBook(self.codes)

    def forward(self) -> ForwardVQ:
        """The network in numpy."""
        return ForwardVQ(self.arrays(), self.config.side, self.config.book)


def iterate_vq(x: Any, config: VQConfig, resume: Resume | None = None) -> Iterator[VQState]:
    """Train a vector-quantised autoencoder.

    Args:
        x: Vectors ``(N, D)``, best standardised, or pictures ``(N, side, side)`` with pixels in 0…1.
        config: Which one, and how.
        resume: A state of an earlier run, or its snapshot: go on from there.

    Yields:
        The initial state, then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite; a smaller learning rate helps.
        ValueError: The data or ``resume`` do not fit; the message says what to mend.
    """
    data = _check(x, config).to(device.resolve(config.device))
    seen: list[tuple[torch.Tensor, ...]] = []  # of the minibatch by which the next update is made

    def loss_of(model: VQ, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, Any]]:
        if seen:
            model.take_in(*seen.pop())
        errors, z, code, words = model.losses(data[rows])
        apart = (z - code).square().sum(-1).flatten().sum() / len(rows)
        reconstruction = errors.mean()
        towards = (z - code.detach()).square().sum() / len(rows)
        loss = reconstruction + config.commitment * towards
        if config.book == "learned" and not config.ema:
            loss = loss + (z.detach() - code).square().sum() / len(rows)
        flat, counts = words.flatten(), torch.bincount(words.flatten(), minlength=config.n_codes)
        order = torch.randperm(len(flat), generator=generator) if config.restart else flat[:0]
        seen.append((z.detach().flatten(0, -2), flat, order))
        report = {"loss": loss.item(), "reconstruction": reconstruction.item(), "commitment": apart.item()}
        return loss, report | {"counts": _still(counts)}

    for moment, report in train(config, len(data), loss_of, resume):
        yield VQState(**moment, **report)


def fit_vq(x: Any, config: VQConfig) -> VQState:
    """The trained network: the last state of :func:`iterate_vq`."""
    return last(iterate_vq(x, config))


def _still(counts: torch.Tensor) -> np.ndarray:
    array = counts.cpu().numpy().copy()
    array.setflags(write=False)
    return array


def _check(x: Any, config: VQConfig) -> torch.Tensor:
    """The data as float32, or a ValueError that says what to mend."""
    if not config.side:
        return check_images(check_data(x), config.n_features, between=False)
    shape = tuple(np.shape(x))
    if len(shape) != 3 or shape[1:] != (config.side, config.side):
        raise ValueError(f"Pictures must have the shape (N, {config.side}, {config.side}); got {shape}.")
    return check_images(np.reshape(x, (len(x), -1)), config.side**2).reshape(-1, config.side, config.side)
