r"""The learned denoiser, without torch: a multi-layer perceptron that says what is in a noisy x_t.

It takes x_t, waves of it, the noise level and the class, and is trained (:mod:`genmodels.diffusion.training`) towards
the posterior mean that :mod:`genmodels.diffusion.exact` has in closed form for some data. The noise level enters as
the angle φ, √ᾱ = cos φ, in shares of π/2, and as waves of that: no number of a step, so any schedule and spacing can
be sampled.

*Classes*: y is one-hot, and dropped (all zeros) now and then in training, so that the one network is also the
unconditional one that guidance needs.

Sources: Salimans & Ho (2022), arXiv:2202.00512 (v); Ho & Salimans (2022), arXiv:2207.12598 (dropping the class).
Rows are points in the units of the standardised data; float32 unless asked otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genmodels import device
from genmodels.checks import check_choice, check_whole
from genmodels.diffusion.sampler import check_prediction
from genmodels.diffusion.schedules import Schedule, check_steps, get_schedule
from genmodels.nn.point_training import PointTraining
from genmodels.nn.waves import WavePerceptron, level_features

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint

ACTIVATIONS = ("relu", "silu", "tanh")


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig(PointTraining):
    """Which denoiser to learn; on which points and how, see :class:`genmodels.nn.point_training.PointTraining`.

    The defaults are the best recipe found for two dimensions.

    Args:
        schedule: Name in :data:`genmodels.diffusion.schedules.SCHEDULES`, or ᾱ drawn by hand, see its ``drawn``.
        n_times: T, 2 … 1,000.
        prediction: ``"eps"``, ``"x0"`` or ``"v"``. ε needs a schedule whose ᾱ_T is not too near 0: ``"linear"``.
        hidden: Widths of the hidden layers; () makes it linear.
        activation: ``"relu"``, ``"silu"`` or ``"tanh"``.
        x_waves: Waves sin, cos of 2^j x_d, j = 0 …, for each coordinate, beside x itself; 0 for images.
        t_waves: Waves sin, cos of 2^j π u, j = 0 …, of the noise level u, beside u itself.
        n_classes: C, to condition on the class; 0 does not.
        drop: Share of the classes left out in training, 0 … 1.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``; networks as small as these are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    schedule: str | Sequence[float] = "cosine"
    n_times: int = 1000
    prediction: str = "v"
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    x_waves: int = 4
    t_waves: int = 4
    n_classes: int = 0
    drop: float = 0.1
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("x_waves", "t_waves", "n_classes"):
            check_whole(name, getattr(self, name), at_least=0)
        check_steps("n_times", self.n_times, 2, 1000)
        check_prediction(self.prediction)
        for name, known in (("activation", ACTIVATIONS), ("device", device.CHOICES)):
            check_choice(name, getattr(self, name), known)
        for name, ends in (("learning_rate", "above 0"), ("average", "0 … 1, 1 excluded"), ("drop", "0 … 1")):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not (
                number and value >= 0 and {"learning_rate": value > 0, "average": value < 1, "drop": value <= 1}[name]
            ):
                raise ValueError(f"{name} is {value!r}; give a finite number, {ends}.")
        super().__post_init__()
        widths = self.hidden if isinstance(self.hidden, tuple | list) else (0,)
        if not all(isinstance(width, int | np.integer) and width >= 1 for width in widths):
            raise ValueError(
                f"hidden is {self.hidden!r}; give a tuple of whole numbers, 1 or more, such as (64, 64)."
            )
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))
        if not isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", tuple(float(value) for value in self.schedule))
        self.make_schedule()

    def make_schedule(self) -> Schedule:
        """The schedule, all T steps."""
        return get_schedule(self.schedule, self.n_times)


def noise_level(alpha_bar: Any) -> np.ndarray:
    """u = 2φ/π with √ᾱ = cos φ: 0 for data, 1 for noise, and for the cosine schedule nearly t/T."""
    alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
    return np.arctan2(np.sqrt(1 - alpha_bar), np.sqrt(alpha_bar)) * 2 / np.pi


def noise_features(alpha_bar: Any, n_waves: int) -> np.ndarray:
    """What the network is told of the noise level u, ``(…)`` to ``(…, 1 + 2 n)``; see :func:`.level_features`.

    >>> noise_features(0.5, 1).round(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return level_features(noise_level(alpha_bar), n_waves)


class ForwardDenoiser(WavePerceptron):
    """The learned denoiser without torch; see :class:`genmodels.nn.waves.WavePerceptron`.

    Args:
        arrays: Of a state or a checkpoint: ``"net.0.weight"`` ``(outputs, inputs)``, ``"net.0.bias"``, …; and
            ``"centre"`` ``(D,)``, ``"scale"`` ``(1,)`` in data units.
        config: The network's.
        dtype: Of the arithmetic, float32 or float64.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], config: DenoiserConfig, dtype: type[np.floating] = np.float32
    ) -> None:
        super().__init__(arrays, config.activation, config.x_waves, config.t_waves, config.n_classes, dtype)
        self.config, self.prediction = config, config.prediction

    @classmethod
    def of(cls, checkpoint: Checkpoint, dtype: type[np.floating] = np.float32) -> ForwardDenoiser:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        return cls(checkpoint.arrays, DenoiserConfig(**checkpoint.entry.config), dtype)

    def __call__(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> np.ndarray:
        """The prediction, ``(N, D)``; y: classes ``(N,)``, −1 for none."""
        return self.ask(x_t, float(noise_level(alpha_bar)), y)

    def divergence(self, x_t: np.ndarray, alpha_bar: float, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The prediction, and the trace of its Jacobian ``(N,)``, exact, by carrying D tangents forwards."""
        return self.ask_with_trace(x_t, float(noise_level(alpha_bar)), y)

    def vjp(self, x_t: np.ndarray, alpha_bar: float, v: np.ndarray, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The prediction, and vᵀ ∂prediction/∂x_t, both ``(N, D)`` as v is, exact, by one pass back."""
        return self.ask_and_pull(x_t, float(noise_level(alpha_bar)), v, y)
