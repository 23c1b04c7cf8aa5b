r"""Training a denoiser (:mod:`genmodels.diffusion.denoisers`), and running one in torch.

The loss is E |said − truth|², at times t drawn evenly (stratified: one from each B-th part of them in a batch of B)
and fresh ε: the "simple" loss of Ho et al., for whichever of ε, x_0 and v is predicted.

Sources: Ho, Jain & Abbeel (2020), eq. 14; Kingma et al. (2021), arXiv:2107.00630, appendix I.1 (stratified times).
Torch is imported when training starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels import device
from genmodels.data.planar import get_dataset
from genmodels.data.source import point_source
from genmodels.diffusion.denoisers import DenoiserConfig, ForwardDenoiser, noise_features, noise_level
from genmodels.nn.vector import PARTS, Batch, VectorState, VectorTraining, WaveNetwork, to_tensor
from genmodels.states import iterate, last

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, eq=False, kw_only=True)
class DenoiserState(VectorState):
    """A denoiser after ``step`` updates; its loss is |said − truth|² / D: saying 0 costs 1, for standardised data."""

    config: DenoiserConfig

    def denoiser(self, averaged: bool = True) -> ForwardDenoiser:
        """The denoiser in numpy; not for a network of one's own."""
        return ForwardDenoiser(self.arrays(averaged), self.config)


def iterate_denoiser(
    points: Any,
    config: DenoiserConfig,
    labels: Any = None,
    network: nn.Module | None = None,
    resume: DenoiserState | Mapping[str, np.ndarray] | None = None,
) -> Iterator[DenoiserState]:
    """Train a denoiser.

    Minibatch i depends on the seed and i alone, so that a resumed run goes on as if it had never stopped.

    Args:
        points: Data ``(N, D)``, rows of which are drawn with replacement; None for the data set of the config.
        config: Which one, and how.
        labels: ``(N,)`` in 0 … C − 1, if ``config.n_classes`` is not 0; a data set brings its own.
        network: Instead of the multi-layer perceptron, such as a convolutional one: called with x ``(B, D)``, the
            noise features ``(B, F)`` and y ``(B,)`` (−1: none; None without classes), it returns ``(B, D)``. Its
            linear and convolutional weights are drawn anew from the seed, and trained in place.
        resume: A state of an earlier run, or its snapshot.

    Yields:
        The initial state (or the one resumed from), then one every ``config.every`` steps, and the last.

    Raises:
        DivergedError: The loss is no longer finite, *after* the states before have been yielded.
        ValueError: Points, labels or ``resume`` do not fit; the message says what to mend.
    """
    return iterate(_Training(config, points, labels, network, resume), config.n_steps, config.every)


def fit_denoiser(points: Any, config: DenoiserConfig, labels: Any = None) -> DenoiserState:
    """The trained denoiser: the last state of :func:`iterate_denoiser`."""
    return last(iterate_denoiser(points, config, labels))


class _Training(VectorTraining):
    """The network, and what it is to say of noisy data."""

    def __init__(
        self, config: DenoiserConfig, points: Any, labels: Any, network: nn.Module | None, resume: Any
    ) -> None:
        source, centre, scale = point_source(config.data, points, config.standardise)
        self.source, self.y = source, _labels(config, points, labels)
        where = device.resolve(config.device)
        self.call: Callable[..., torch.Tensor]
        if network is None:
            shape = (config.hidden, config.activation, config.x_waves, config.t_waves, config.n_classes)
            self.call = perceptron = WaveNetwork(len(centre), *shape, where)
            network = perceptron.module
        else:
            self.call = network
        super().__init__(config, network, centre, scale, min(PARTS, config.n_times))
        schedule = config.make_schedule()
        tables = (schedule.signal, schedule.noise, noise_features(schedule.alpha_bar, config.t_waves))
        self.signal, self.noise, self.levels = (to_tensor(table, self.where) for table in tables)
        self.start(resume)

    def state(self) -> DenoiserState:
        """What is now, as copies."""
        return DenoiserState(**self.told())

    def losses(self, batch: Batch) -> torch.Tensor:
        """|said − truth|² / D for each point of the minibatch, ``(B,)``."""
        x_0, eps, t, y = batch
        s, n = self.signal[t, None], self.noise[t, None]
        x_t = s * x_0 + n * eps
        truth = {"eps": lambda: eps, "x0": lambda: x_0, "v": lambda: s * eps - n * x_0}[self.config.prediction]()
        return (self.call(x_t, self.levels[t], y) - truth).square().mean(1)

    def part(self, batch: Batch) -> torch.Tensor:
        """Of 1 … T."""
        return (batch[2] - 1) * self.parts // self.config.n_times

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray | None, ...]:
        """x_0, ε, t and y (or None)."""
        config = self.config
        x_0, marks = self.source(n, rng)
        eps = rng.standard_normal(x_0.shape, dtype=np.float32)
        t = 1 + np.minimum((self.strata(rng) * config.n_times).astype(np.int64), config.n_times - 1)
        if not config.n_classes:
            return x_0, eps, t, None
        y = marks if self.y is None else self.y[marks]
        return x_0, eps, t, np.where(rng.random(n) < config.drop, -1, y)


def _labels(config: DenoiserConfig, points: Any, labels: Any) -> np.ndarray | None:
    """The classes of the points given, ``(N,)``; None if there are none, or if a data set brings its own."""
    if points is not None:
        return _check_labels(config, labels, len(points))
    if config.n_classes:
        known = int(get_dataset(config.data).draw(4096, np.random.default_rng(0))[1].max()) + 1
        if known > config.n_classes:
            raise ValueError(f"{config.data} has {known} classes; give n_classes = {known}, or 0.")
    return None


def _check_labels(config: DenoiserConfig, labels: Any, n: int) -> np.ndarray | None:
    if not config.n_classes:
        if labels is not None:
            raise ValueError("This denoiser knows no classes (n_classes = 0); leave out labels, or set n_classes.")
        return None
    y = np.asarray(labels)
    if y.shape != (n,) or y.dtype.kind not in "iu" or not 0 <= y.min() <= y.max() < config.n_classes:
        raise ValueError(f"labels must be {n} whole numbers in 0 … {config.n_classes - 1}, one a point.")
    return y


class TorchDenoiser:
    """The learned denoiser in torch, for a GPU or a network of one's own; x_t are tensors on its device.

    Args:
        arrays: Of a state or a checkpoint.
        config: The network's.
        network: As given to :func:`iterate_denoiser`; its parameters are overwritten. None: the perceptron.
        where: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        config: DenoiserConfig,
        network: nn.Module | None = None,
        where: str = "cpu",
    ) -> None:
        from genmodels.nn.arrays import load

        self.config, self.prediction, self._where = config, config.prediction, device.resolve(where)
        self._network = None if network is None else load(network, arrays).to(self._where).eval()
        if network is None:
            numpy = ForwardDenoiser(arrays, config)
            self._numpy, self._of_x = numpy, to_tensor(numpy._of_x, self._where)
            self._layers = [(to_tensor(w, self._where), to_tensor(b, self._where)) for w, b in numpy._layers]
            self._waves = to_tensor(numpy._waves, self._where)

    def __call__(self, x_t: torch.Tensor, alpha_bar: float, y: Any = None) -> torch.Tensor:
        """The prediction, ``(N, D)``; y: classes ``(N,)``, −1 for none."""
        import torch

        with torch.no_grad():
            if self._network is not None:
                level = to_tensor(noise_features(alpha_bar, self.config.t_waves), self._where).expand(len(x_t), -1)
                if self.config.n_classes:
                    y = torch.as_tensor(np.full(len(x_t), -1) if y is None else y).to(self._where)
                return self._network(x_t, level, y)
            y = y.cpu() if isinstance(y, torch.Tensor) else y
            h = torch.addmm(
                to_tensor(self._numpy._shift(float(noise_level(alpha_bar)), y), self._where),
                self._features(x_t),
                self._of_x,
            )
            for weight, bias in self._layers:
                h = torch.addmm(bias, _torch_activate(h, self.config.activation), weight)
            return h

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        if not len(self._waves):
            return x
        phases = (x[:, :, None] * self._waves).flatten(1)
        return torch.cat([x, phases.sin(), phases.cos()], 1)


def _torch_activate(h: torch.Tensor, activation: str) -> torch.Tensor:
    import torch

    if activation == "silu":
        return torch.nn.functional.silu(h, inplace=True)
    return h.relu_() if activation == "relu" else h.tanh_()
