r"""The generative adversarial network: a forger and a detective, each a multi-layer perceptron.

    z ~ noise,   x = G(z),   a = D(x)         a is a number of any sign: the larger, the more real x looks to D

Neither sees a density. D learns to tell data from G's points, G to be taken for data; p is the data's distribution, q
that of G's points. *Losses*, each player descending its own (E_p, E_q are means over a minibatch; softplus(a) =
log(1 + eᵃ) = −log σ(−a), σ the logistic function):

    loss             D descends                                        G descends            what a stands for
    minimax          E_p softplus(−a) + E_q softplus(a) = −V           −E_q softplus(a)      σ(a) = P(real)
    non-saturating   the same                                          E_q softplus(−a)      σ(a) = P(real)
    least-squares    ½ E_p (a − 1)² + ½ E_q a²                         ½ E_q (a − 1)²        1 real, 0 generated
    hinge            E_p max(0, 1 − a) + E_q max(0, 1 + a)             −E_q a                a score
    wasserstein-gp   E_q a − E_p a + λ E (|∇a(x̂)| − 1)²                −E_q a                a critic

x̂ is a random point between a real and a generated one. Against the best D for a given G, σ(a) = p / (p + q), and
V = E_p log σ(a) + E_q log(1 − σ(a)) is 2 JS(p ‖ q) − 2 log 2 nats: D's loss, −V, then lies between 0 (p and q
disjoint) and 2 log 2 = 1.386 (equal). The non-saturating game is not zero-sum, and has no such reading for G.

*What keeps them from circling or forgetting modes*, each off at 0 (packing: at 1):

    r1               adds γ/2 E_p |∇a(x)|² to D's loss; every m-th update, m times as much, does nearly as well and
                     costs less (*lazy* regularisation)
    instance_noise   normal noise on all that D sees, its standard deviation falling linearly to 0
    packing          D judges m points at once, so that it sees a lack of variety (PacGAN)
    average          the samples are those of a running mean of G's parameters, θ̄ ← β θ̄ + (1 − β) θ

*A step* is ``d_steps`` updates of D, then ``g_steps`` of G, which meets the D just made; each update has a fresh
minibatch and fresh noise.

*Units*: the networks work on standardised points (x − centre) / scale, one scale for all axes, and γ, λ and the
instance noise are in that unit; whatever a state says of points is in data units.

Sources: Goodfellow et al. (2014), arXiv:1406.2661 (both first losses; D's optimum and V: proposition 1, theorem 1);
Mao et al. (2017), arXiv:1611.04076, eq. 9 (least squares); Lim & Ye (2017), arXiv:1705.02894 (hinge); Gulrajani et
al. (2017), arXiv:1704.00028, eq. 3; Mescheder, Geiger & Nowozin (2018), arXiv:1801.04406, eq. 9 (R1); Sønderby et
al. (2017), arXiv:1610.04490, and Arjovsky & Bottou (2017), arXiv:1701.04862 (instance noise); Lin et al. (2018),
arXiv:1712.04086 (packing); Karras et al. (2020), arXiv:1912.04958, appendix B (lazy R1); Yazıcı et al. (2019),
arXiv:1806.04498 (average). Rows are points, logarithms natural.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice, pairwise, repeat
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import ndtri

from genmodels import device
from genmodels.checks import check_activation, check_choice, check_data, check_hidden, check_number, check_whole
from genmodels.data.planar import DATASETS, get_dataset
from genmodels.nn.layers import initialise, mlp, seeded
from genmodels.states import DivergedError, last

LOSSES = ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein-gp")
NOISES = ("gaussian", "uniform", "sphere")
OPTIMISERS = ("adam", "sgd")
DECAYS = ("none", "linear", "cosine")
MOVES = ("discriminator", "generator", "both")
FUNCTIONS = {"relu": torch.relu, "silu": F.silu, "tanh": torch.tanh}
BLOCK = 2**19  # most numbers of data drawn at once, in up to 64 minibatches
PARTNERS = 16  # real points that a lone point is packed with, when D judges several at once

GRID_RECIPE: dict[str, Any] = {"data": "grid25", "n_noise": 16, "batch": 256, "r1_every": 4, "n_steps": 7000}

Move = Literal["discriminator", "generator", "both"]


@dataclass(frozen=True, kw_only=True)
class GANConfig:
    """Which GAN, and how to train it; the defaults are the best recipe found for ``ring8``.

    Args:
        data: Name in :data:`genmodels.data.planar.DATASETS`; passed over if points are given to :func:`iterate_gan`.
        loss: One of :data:`LOSSES`.
        g_hidden, d_hidden: Widths of G's and of D's hidden layers; () makes a player linear.
        activation: Of both, between the layers: ``"relu"``, ``"silu"`` or ``"tanh"``.
        n_noise: Dimensions of z, 1 or more; 2 or more on the sphere.
        noise: ``"gaussian"``; ``"uniform"`` on −1 … 1 in each dimension; ``"sphere"``, uniform on |z| = 1.
        optimiser: ``"adam"`` or ``"sgd"``.
        g_learning_rate, d_learning_rate: Above 0.
        beta_1, beta_2: Adam's, 0 … 1, 1 excluded; SGD takes beta_1 as its momentum.
        decay: ``"none"``, ``"linear"`` (to 0 over the second half) or ``"cosine"`` (to 0 over all updates).
        d_steps, g_steps: Updates of D and of G in a step, 1 or more.
        r1: γ of the R1 penalty, 0 or more.
        r1_every: m, updates of D from one penalty to the next, which is m times as heavy; 1 or more.
        gradient_penalty: λ of ``"wasserstein-gp"``, 0 or more; the other losses pass it over.
        instance_noise: Standard deviation at the start, in units of the data's, 0 or more.
        instance_noise_until: Share of the updates after which none is left, above 0, up to 1.
        packing: m, points that D judges at once, 1 or more.
        average: β of the running mean, 0 … 1, 1 excluded; it starts shorter, as 1 − 9/(n + 9) of n updates.
        batch: Real points, and generated ones, of an update; a multiple of m.
        n_steps: Steps, 0 or more; also how long the learning rate takes to fall.
        half_steps: Yield after each player's move: 2 n_steps + 1 states instead of n_steps + 1.
        every: Yield a state every so many moves, 1 or more, and the last; what lies between costs no copy.
        n_samples: Points of the fixed noise that a state's samples are made from, 1 or more.
        seed: Of weights, noise and data, 0 or more.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``; networks as small as these are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    data: str = "ring8"
    loss: str = "non-saturating"
    g_hidden: tuple[int, ...] = (128, 128)
    d_hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    n_noise: int = 2
    noise: str = "gaussian"
    optimiser: str = "adam"
    g_learning_rate: float = 2e-3
    d_learning_rate: float = 2e-3
    beta_1: float = 0.5
    beta_2: float = 0.9
    decay: str = "linear"
    d_steps: int = 1
    g_steps: int = 1
    r1: float = 0.1
    r1_every: int = 1
    gradient_penalty: float = 1.0
    instance_noise: float = 0.0
    instance_noise_until: float = 0.5
    packing: int = 1
    average: float = 0.0
    batch: int = 128
    n_steps: int = 4000
    half_steps: bool = False
    every: int = 1
    n_samples: int = 2500
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        whole = ("n_noise", "d_steps", "g_steps", "r1_every", "packing", "batch", "every", "n_samples")
        for name, least in (*((name, 1) for name in whole), ("n_steps", 0), ("seed", 0)):
            check_whole(name, getattr(self, name), at_least=least)
        for name in ("g_learning_rate", "d_learning_rate", "instance_noise_until"):
            check_number(name, getattr(self, name), above=0)
        for name in ("r1", "gradient_penalty", "instance_noise", "beta_1", "beta_2", "average"):
            check_number(name, getattr(self, name), at_least=0)
        for name in ("beta_1", "beta_2", "average"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; give a number from 0 up to 1, 1 excluded.")
        if self.instance_noise_until > 1:
            raise ValueError(f"instance_noise_until is {self.instance_noise_until!r}; give a share, 1 at most.")
        choices = {"data": DATASETS, "loss": LOSSES, "noise": NOISES, "optimiser": OPTIMISERS, "decay": DECAYS}
        for name, known in (choices | {"device": device.CHOICES}).items():
            check_choice(name, getattr(self, name), known)
        check_activation(self.activation)
        for name in ("g_hidden", "d_hidden"):
            object.__setattr__(self, name, check_hidden(getattr(self, name)))
        if self.noise == "sphere" and self.n_noise == 1:
            raise ValueError("A sphere in one dimension is two points; give n_noise of 2 or more, or another noise.")
        if self.batch % self.packing:
            raise ValueError(f"D judges {self.packing} points at once; give a batch that is a multiple of that.")

    def rate(self, done: float) -> float:
        """What the learning rates are multiplied by when this share of the updates, 0 … 1, is done."""
        done = min(done, 1.0)
        if self.decay == "none":
            return 1.0
        return min(1.0, 2 - 2 * done) if self.decay == "linear" else 0.5 + 0.5 * math.cos(math.pi * done)

    def noise_level(self, done: float) -> float:
        """Standard deviation of the instance noise, in units of the data's, when this share is done."""
        return self.instance_noise * max(0.0, 1 - done / self.instance_noise_until)


# --- Losses -------------------------------------------------------------------------------------------------


def discriminator_loss(loss: str, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """What D descends, penalties left out, from D's outputs ``(B,)`` on data and on generated points."""
    if loss in ("minimax", "non-saturating"):
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    if loss == "least-squares":
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()
    if loss == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return fake.mean() - real.mean()


def generator_loss(loss: str, fake: torch.Tensor) -> torch.Tensor:
    """What G descends, from D's outputs ``(B,)`` on generated points."""
    if loss == "minimax":
        return -F.softplus(fake).mean()
    if loss == "non-saturating":
        return F.softplus(-fake).mean()
    return 0.5 * (fake - 1).square().mean() if loss == "least-squares" else -fake.mean()


def r1_penalty(a: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """E_p |∇a(x)|², to be multiplied by γ/2; it can itself be differentiated.

    Args:
        a: D's outputs ``(B,)``, each from its own row of ``real`` alone.
        real: What they were computed from, ``(B, D)``, with ``requires_grad``.

    Source: Mescheder et al. (2018), eq. 9.
    """
    return _squared_slope(a, real).mean()


def gradient_penalty(
    discriminator: Callable[[torch.Tensor], torch.Tensor], real: torch.Tensor, fake: torch.Tensor, share: torch.Tensor
) -> torch.Tensor:
    """E (|∇a(x̂)| − 1)² at x̂ = share · real + (1 − share) · fake, to be multiplied by λ; differentiable.

    Args:
        discriminator: From rows ``(B, D)`` to a ``(B,)``, each from its own row alone.
        real, fake: ``(B, D)``.
        share: ``(B, 1)``, uniform on 0 … 1.

    Source: Gulrajani et al. (2017), eq. 3.
    """
    between = torch.lerp(fake, real, share).detach().requires_grad_()
    squared = _squared_slope(discriminator(between), between)
    return ((squared + 1e-12).sqrt() - 1).square().mean()  # √ has no slope at 0


def _squared_slope(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """|∇a|² at each row, ``(B,)``."""
    (gradient,) = torch.autograd.grad(a.sum(), x, create_graph=True)
    return gradient.square().sum(1)


# --- Networks -----------------------------------------------------------------------------------------------


class Network:
    """A multi-layer perceptron whose parameters W₁ ``(outputs, inputs)``, b₁, W₂, … are pieces of one vector θ.

    So a copy, a running mean or a check of all of them is one operation.

    Args:
        sizes: Width of each layer, inputs and outputs included.
        activation: Between the layers.
        theta: θ, ``(P,)``; not copied.

    Attributes:
        parameters: The pieces, leaves of the graph that share θ's memory.
    """

    def __init__(self, sizes: Sequence[int], activation: str, theta: torch.Tensor) -> None:
        self.sizes, self.theta = tuple(sizes), theta
        shapes = [shape for i, o in pairwise(self.sizes) for shape in ((o, i), (o,))]
        pieces = theta.split([math.prod(shape) for shape in shapes])
        self.parameters = [piece.detach().view(s).requires_grad_() for piece, s in zip(pieces, shapes, strict=True)]
        self._phi = FUNCTIONS[activation]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """``(N, inputs)`` to ``(N, outputs)``."""
        p = self.parameters
        for i in range(0, len(p) - 2, 2):
            x = self._phi(F.linear(x, p[i], p[i + 1]))
        return F.linear(x, p[-2], p[-1])

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Copies by name, as :class:`genmodels.nn.runtime.Forward` reads them: ``"{name}.0.weight"``, …."""
        names = [f"{name}.{2 * i}.{kind}" for i in range(len(self.sizes) - 1) for kind in ("weight", "bias")]
        return {key: p.detach().cpu().numpy().copy() for key, p in zip(names, self.parameters, strict=True)}


def _sizes(config: GANConfig, n_features: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    generator = (config.n_noise, *config.g_hidden, n_features)
    return generator, (n_features * config.packing, *config.d_hidden, 1)


def _start(sizes: Sequence[int], activation: str, draws: torch.Generator, where: torch.device) -> Network:
    module = initialise(mlp(sizes, activation), draws)
    theta = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    return Network(sizes, activation, theta.to(where))


def draw_noise(config: GANConfig, n: int, generator: torch.Generator) -> torch.Tensor:
    """z, ``(n, n_noise)``, on the CPU whatever the device, so that a seed means the same numbers everywhere."""
    if config.noise == "uniform":
        return torch.rand(n, config.n_noise, generator=generator).mul_(2).sub_(1)
    z = torch.randn(n, config.n_noise, generator=generator)
    return z if config.noise == "gaussian" else F.normalize(z)


# --- States -------------------------------------------------------------------------------------------------


class Losses(NamedTuple):
    """Both players' losses, penalties left out, in the loss's own unit (nats for the first two)."""

    discriminator: float
    generator: float


class Pull(NamedTuple):
    """Where D's opinion would send generated points, and where G's update took them; ``(N, D)`` each.

    Attributes:
        points: G(z) before the move, data units.
        gradient: ∂ℓ/∂x of each point's own part ℓ of G's loss, per data unit. The loss falls *against* it.
        displacement: G(z) after the move − before, data units; 0 if D moved. It is no multiple of the gradient: all
            points share G's parameters.
    """

    points: np.ndarray
    gradient: np.ndarray
    displacement: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class GANState:
    """Both players after ``step`` moves; copies, from which all else is computed only when asked for.

    Attributes:
        step: Moves so far; one of both is one.
        moved: Who moved last: ``"discriminator"``, ``"generator"``, ``"both"``; ``""`` at the start.
        d_updates, g_updates: Of each player's parameters so far.
        generator, discriminator: Parameters, ``(P,)`` each.
        before: G's parameters before its updates of this move; the same as ``generator`` if D alone moved.
        average: The running mean of G's parameters; the same as ``generator`` if ``config.average`` is 0.
        minibatch: Losses of the last update of each, on its own minibatch just before it; NaN before the first.
        penalty: What was added to D's loss then, γ/2 or λ included.
        d_gradient_norm, g_gradient_norm: Length of the gradient that D's and G's last update took.
        noise: The fixed noise, ``(n_samples, n_noise)``, the same in all states of a run.
        real: As many true points, ``(n_samples, D)``, data units, the same in all states of a run.
        centre, scale: Mean of the data, ``(D,)``, and its one standard deviation, data units.
        config: What was trained, and how.
    """

    step: int
    moved: str
    d_updates: int
    g_updates: int
    generator: np.ndarray
    discriminator: np.ndarray
    before: np.ndarray
    average: np.ndarray
    minibatch: Losses
    penalty: float
    d_gradient_norm: float
    g_gradient_norm: float
    noise: np.ndarray
    real: np.ndarray
    centre: np.ndarray
    scale: float
    config: GANConfig

    @cached_property
    def samples(self) -> np.ndarray:
        """G of the fixed noise (of the running mean, if there is one), ``(n_samples, D)`` float32, data units."""
        samples = self.generate(self.noise)
        samples.setflags(write=False)
        return samples

    @torch.no_grad()
    def generate(self, z: np.ndarray, averaged: bool = True) -> np.ndarray:
        """G(z), ``(N, n_noise)`` to ``(N, D)`` float32, data units.

        Args:
            z: Noise.
            averaged: Whether by the running mean of the parameters or by the parameters themselves.
        """
        return self._to_data(self._network("average" if averaged else "generator")(_tensor(z)).numpy())

    def lattice(self, n: int = 21, averaged: bool = True) -> np.ndarray:
        """G of a lattice in the noise, of 1 or 2 dimensions, each cell of which has the same probability.

        Args:
            n: Points along each axis, 2 or more.
            averaged: As in :meth:`generate`.

        Returns:
            ``(n, D)`` along one axis of noise (on the circle: once around, the first point again at the end), or
            ``(n, n, D)``, rows along the second axis; data units. In Gaussian noise it spans the inner 99 %.
        """
        z = noise_lattice(self.config, n)
        return self.generate(z.reshape(-1, z.shape[-1]), averaged).reshape(*z.shape[:-1], -1)

    @torch.no_grad()
    def discriminate(self, x: np.ndarray) -> np.ndarray:
        """D at points ``(N, D)``, data units, to ``(N,)``: P(real) for the first two losses, else a.

        If D judges m points at once, a is averaged over 16 sets of real points beside each x.
        """
        a = self._judge(_tensor(self._to_network(x)))
        return (torch.sigmoid(a) if self.probabilistic else a).numpy()

    @property
    def probabilistic(self) -> bool:
        """Whether D is a probability, 0 … 1 (then 1/2 everywhere is what a perfect G leads to)."""
        return self.config.loss in ("minimax", "non-saturating")

    def field(self, box: Any, cells: int = 40) -> np.ndarray:
        """D at the middles of a grid's cells, ``(cells, cells)``, row 0 lowest, for data of two dimensions.

        Args:
            box: ``(2, 2)``: lowest and highest x, lowest and highest y, data units.
            cells: Along each axis.
        """
        middles = [low + (high - low) * (np.arange(cells) + 0.5) / cells for low, high in box]
        points = np.stack(np.meshgrid(*middles), axis=-1).reshape(-1, len(middles))
        return self.discriminate(points).reshape(cells, cells)

    def pull(self, n: int = 200) -> Pull:
        """Gradient and displacement at the first n points of the fixed noise; see :class:`Pull`.

        The points are those of the parameters themselves, whatever the running mean. If D judges m points at once,
        neighbours in the list are packed, and n is rounded down to a multiple of m (at least m).
        """
        m = self.config.packing
        z = _tensor(_whole_packs(self.noise[:n], m))
        with torch.no_grad():
            start, end = self._network("before")(z), self._network("generator")(z)
        x = start.clone().requires_grad_()
        with torch.enable_grad():
            a = self._network("discriminator")(x.view(len(x) // m, -1))[:, 0]
            (gradient,) = torch.autograd.grad(len(x) * generator_loss(self.config.loss, a), x)
        step = self.scale * (end - start).numpy()
        return Pull(self._to_data(start.numpy()), gradient.numpy() / np.float32(self.scale), step)

    @cached_property
    def losses(self) -> Losses:
        """Both losses on the fixed noise and the fixed true points: those of exactly these parameters."""
        loss, m = self.config.loss, self.config.packing
        with torch.no_grad():
            fake = self._network("generator")(_tensor(_whole_packs(self.noise, m)))
            real = _tensor(self._to_network(_whole_packs(self.real, m)))
            discriminator = self._network("discriminator")
            a, b = (discriminator(x.view(len(x) // m, -1))[:, 0] for x in (real, fake))
            return Losses(float(discriminator_loss(loss, a, b)), float(generator_loss(loss, b)))

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint needs: the G that samples and D, as :class:`genmodels.nn.runtime.Forward` reads them.

        G gives and D takes (m packed) *standardised* points: x = centre + scale · G(z).
        """
        named = self._network("average").arrays("generator") | self._network("discriminator").arrays("discriminator")
        return named | {"centre": self.centre.copy(), "scale": np.array([self.scale])}

    def _network(self, name: str) -> Network:
        sizes = _sizes(self.config, self.real.shape[1])[name == "discriminator"]
        return Network(sizes, self.config.activation, _tensor(getattr(self, name)))

    def _judge(self, x: torch.Tensor) -> torch.Tensor:
        discriminator, m = self._network("discriminator"), self.config.packing
        if m == 1:
            return discriminator(x)[:, 0]
        partners = np.resize(self._to_network(self.real), (PARTNERS, m - 1, self.real.shape[1]))
        beside = _tensor(partners.reshape(PARTNERS, -1))
        rows = [discriminator(torch.cat([x, p.expand(len(x), -1)], 1))[:, 0] for p in beside]
        return torch.stack(rows).mean(0)

    def _to_network(self, x: np.ndarray) -> np.ndarray:
        return (np.asarray(x, dtype=np.float64) - self.centre) / self.scale

    def _to_data(self, u: np.ndarray) -> np.ndarray:
        return (self.centre + self.scale * u).astype(np.float32)


def noise_lattice(config: GANConfig, n: int) -> np.ndarray:
    """Noise that cuts it into cells of equal probability: ``(n, 1)``, ``(n, n, 2)``, or around the circle ``(n, 2)``.

    Raises:
        ValueError: The noise has more than two dimensions, or n is below 2.
    """
    check_whole("n", n, at_least=2)
    if config.n_noise > 2:
        raise ValueError(f"A lattice is drawn in 1 or 2 dimensions of noise; n_noise is {config.n_noise}.")
    if config.noise == "sphere":
        angles = np.linspace(0, 2 * np.pi, n)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ticks = np.linspace(-1, 1, n) if config.noise == "uniform" else ndtri(np.linspace(0.005, 0.995, n))
    return np.stack(np.meshgrid(*[ticks] * config.n_noise), axis=-1)


def _whole_packs(rows: np.ndarray, m: int) -> np.ndarray:
    """As many of the first rows as make whole packs of m; one pack, rows repeated, if there are too few."""
    return np.resize(rows, (max(len(rows) // m, 1) * m, rows.shape[1]))


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float32)


# --- Training -----------------------------------------------------------------------------------------------


def iterate_gan(points: Any, config: GANConfig, moves: Iterable[Move] | None = None) -> Iterator[GANState]:
    """Train a GAN.

    Args:
        points: Data ``(N, D)``: any finite numbers, images as flat rows; minibatches are drawn from them with
            replacement. None for the data set of the config.
        config: Which one, and how.
        moves: Who is to move next, asked for when the next state is: any of :data:`MOVES`, for as long as it lasts.
            By default ``n_steps`` of both (with ``half_steps``: of D and G in turn). The order of the updates decides
            the numbers, not how they are cut into moves.

    Yields:
        The initial state, then one every ``config.every`` moves, and the last.

    Raises:
        DivergedError: A loss or a parameter is no longer finite, *after* the states before have been yielded.
        ValueError: The points cannot be used; the message says what to mend.
    """
    game = _Game(config, points)
    usual = moves is None
    if moves is None:
        halves = islice(cycle(MOVES[:2]), 2 * config.n_steps)
        moves = halves if config.half_steps else repeat("both", config.n_steps)  # type: ignore[assignment]
    last = config.n_steps * (1 + config.half_steps) if usual else -1
    yield game.state(0, "")
    for step, move in enumerate(moves or (), start=1):
        record = step % config.every == 0 or step == last
        game.play(move, step, record)
        if record:
            yield game.state(step, move)


def fit_gan(points: Any, config: GANConfig) -> GANState:
    """The trained GAN: the last state of :func:`iterate_gan`, whatever ``every`` says."""
    return last(iterate_gan(points, config))


def sample_gan(state: GANState, n: int, generator: torch.Generator) -> np.ndarray:
    """Draw z from the noise, then x = G(z): points ``(n, D)``, data units, from fresh noise."""
    check_whole("n", n, at_least=1)
    return state.generate(draw_noise(state.config, n, generator).numpy())


@dataclass
class _Player:
    """A network, its optimiser and what its last update was like."""

    network: Network
    optimiser: torch.optim.Optimizer
    rate: float
    updates: int = 0
    loss: torch.Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    penalty: torch.Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    _copy: np.ndarray | None = field(default=None, repr=False)

    def update(self, loss: torch.Tensor, penalty: torch.Tensor | None, factor: float) -> None:
        """Descend the sum of both, at this factor of the learning rate."""
        total = loss if penalty is None else loss + penalty
        gradients = torch.autograd.grad(total, self.network.parameters)
        for parameter, gradient in zip(self.network.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimiser.param_groups[0]["lr"] = self.rate * factor
        self.optimiser.step()
        self.updates += 1
        self.loss, self.penalty = loss.detach(), torch.zeros(()) if penalty is None else penalty.detach()
        self._copy = None

    def finite(self) -> bool:
        """Whether what the last update descended is a finite number (or there was none yet)."""
        return not self.updates or math.isfinite(self.loss.item() + self.penalty.item())

    def gradient_norm(self) -> float:
        """Length of the gradient that the last update took; NaN before the first."""
        gradients = [p.grad.reshape(-1) for p in self.network.parameters if p.grad is not None]
        return torch.linalg.vector_norm(torch.cat(gradients)).item() if gradients else math.nan

    def frozen(self) -> np.ndarray:
        """The parameters, a copy; the same array until the next update."""
        if self._copy is None:
            self._copy = _read_only(self.network.theta)
        return self._copy


class _Game:
    """Both players, the data and the draws, while they change."""

    def __init__(self, config: GANConfig, points: Any) -> None:
        self.config, self.where = config, device.resolve(config.device)
        self.draw, self.centre, self.scale = _source(config, points)
        seeds = np.random.SeedSequence(config.seed).spawn(2)
        self.batches = self._batches(np.random.default_rng(seeds[0]))
        self.draws = seeded(config.seed)
        sizes = _sizes(config, len(self.centre))
        networks = [_start(s, config.activation, self.draws, self.where) for s in sizes]
        rates = (config.g_learning_rate, config.d_learning_rate)
        self.g, self.d = (_Player(n, _optimiser(config, n), r) for n, r in zip(networks, rates, strict=True))
        self.average = self.g.network.theta.clone() if config.average else None
        self.before = self.g.frozen()
        still = np.random.default_rng(seeds[1])  # so that n_samples does not change the training
        self.noise = _read_only(draw_noise(config, config.n_samples, seeded(int(still.integers(2**62)))))
        self.real = self.draw(config.n_samples, still)
        self.real.setflags(write=False)

    def play(self, move: str, step: int, record: bool) -> None:
        """Let D, G or both make their updates."""
        if move not in MOVES:
            raise ValueError(f"The next move is {move!r}; choose one of {', '.join(MOVES)}.")
        with torch.enable_grad():  # whatever the caller's mode; closed before the yield
            if move != "generator":
                for _ in range(self.config.d_steps):
                    self._move_discriminator()
            if record:
                self.before = self.g.frozen()
            if move != "discriminator":
                for _ in range(self.config.g_steps):
                    self._move_generator()
        if record or self.where.type == "cpu" or step % 64 == 0:  # elsewhere, to look means to wait
            self._check(step, record)

    def _move_discriminator(self) -> None:
        config, m = self.config, self.config.packing
        done = self.d.updates / max(1, config.n_steps * config.d_steps)
        real = next(self.batches)
        with torch.no_grad():
            fake = self.g.network(self._draw_noise())
        if level := config.noise_level(done):
            real, fake = self._blur(real, level), self._blur(fake, level)
        real, fake = real.reshape(config.batch // m, -1), fake.reshape(config.batch // m, -1)
        real.requires_grad_(self._is_penalised())
        a = self._judge(real)
        loss = discriminator_loss(config.loss, a, self._judge(fake))
        self.d.update(loss, self._penalty(a, real, fake), config.rate(done))

    def _penalty(self, a: torch.Tensor, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor | None:
        config, penalty = self.config, None
        if self._is_penalised():
            penalty = config.r1_every * config.r1 / 2 * r1_penalty(a, real)
        if config.loss == "wasserstein-gp" and config.gradient_penalty:
            share = torch.rand(len(real), 1, generator=self.draws).to(self.where)
            weighted = config.gradient_penalty * gradient_penalty(self._judge, real, fake, share)
            penalty = weighted if penalty is None else penalty + weighted
        return penalty

    def _is_penalised(self) -> bool:
        """Whether D's next update has an R1 penalty."""
        return self.config.r1 > 0 and self.d.updates % self.config.r1_every == 0

    def _move_generator(self) -> None:
        config = self.config
        done = self.g.updates / max(1, config.n_steps * config.g_steps)
        fake = self.g.network(self._draw_noise())
        if level := config.noise_level(done):
            fake = self._blur(fake, level)
        judged = self._judge(fake.view(config.batch // config.packing, -1))
        self.g.update(generator_loss(config.loss, judged), None, config.rate(done))
        if self.average is not None:
            n = self.g.updates
            self.average.lerp_(self.g.network.theta, 1 - min(config.average, n / (n + 9)))

    def _judge(self, x: torch.Tensor) -> torch.Tensor:
        return self.d.network(x)[:, 0]

    def _draw_noise(self) -> torch.Tensor:
        return draw_noise(self.config, self.config.batch, self.draws).to(self.where)

    def _blur(self, x: torch.Tensor, level: float) -> torch.Tensor:
        return x + level * torch.randn(x.shape, generator=self.draws).to(self.where)

    def _batches(self, rng: np.random.Generator) -> Iterator[torch.Tensor]:
        """Standardised minibatches for ever, ``(B, D)``; drawing many points at once costs far less."""
        size = self.config.batch
        n = min(64, max(1, BLOCK // (size * len(self.centre))))
        while True:
            block = (self.draw(n * size, rng) - self.centre) / self.scale
            yield from _tensor(block).to(self.where).split(size)

    def _check(self, step: int, record: bool) -> None:
        players = (self.d, self.g)
        if not all(p.finite() and (not record or np.isfinite(p.frozen()).all()) for p in players):
            raise DivergedError(step)

    def state(self, step: int, moved: str) -> GANState:
        """What is now, as copies."""
        g, d = self.g, self.d
        return GANState(
            step=step,
            moved=moved,
            d_updates=d.updates,
            g_updates=g.updates,
            generator=g.frozen(),
            discriminator=d.frozen(),
            before=self.before,
            average=g.frozen() if self.average is None else _read_only(self.average),
            minibatch=Losses(d.loss.item(), g.loss.item()),
            penalty=d.penalty.item(),
            d_gradient_norm=d.gradient_norm(),
            g_gradient_norm=g.gradient_norm(),
            noise=self.noise,
            real=self.real,
            centre=self.centre,
            scale=self.scale,
            config=self.config,
        )


def _optimiser(config: GANConfig, network: Network) -> torch.optim.Optimizer:
    fused = network.theta.device.type in ("cpu", "cuda")
    beta_1, beta_2 = float(config.beta_1), float(config.beta_2)
    if config.optimiser == "sgd":
        return torch.optim.SGD(network.parameters, 1.0, momentum=beta_1, fused=fused)
    return torch.optim.Adam(network.parameters, 1.0, (beta_1, beta_2), fused=fused)


def _source(
    config: GANConfig, points: Any
) -> tuple[Callable[[int, np.random.Generator], np.ndarray], np.ndarray, float]:
    """How to draw n data ``(n, D)``, their mean ``(D,)`` and their one standard deviation."""
    if points is None:
        dataset = get_dataset(config.data)
        return dataset.sample, dataset.mean, dataset.scale
    x = check_data(points)
    if len(x) == 0:
        raise ValueError("There are no points; give one or more, one a row.")
    with np.errstate(all="ignore"):
        centre, scale = x.mean(axis=0), float(np.sqrt(x.var(axis=0).mean())) or 1.0
    if not (np.isfinite(centre).all() and np.isfinite(scale) and np.isfinite((x - centre) / scale).all()):
        raise ValueError("The points are too large or too close together to standardise; give them in other units.")
    centre.setflags(write=False)
    return (lambda n, rng: x[rng.integers(len(x), size=n)]), centre, scale


def _read_only(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().cpu().numpy().copy()
    array.setflags(write=False)
    return array
