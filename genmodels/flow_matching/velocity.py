r"""The learned velocity, without torch: a multi-layer perceptron that says where x goes at time t.

It takes x, waves of it, and the time t as 2t − 1 and as waves of it, and is trained (:mod:`.training`) towards the
exact velocity that :mod:`.exact` has in closed form for some data.

Sources: as :mod:`.exact`, and :mod:`genmodels.nn.waves` for the network. Rows are points in the units of the
standardised data; the network computes in float32, what it returns is float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genmodels import device
from genmodels.checks import check_activation, check_choice, check_hidden, check_whole
from genmodels.flow_matching.exact import check_time
from genmodels.nn.point_training import PointTraining
from genmodels.nn.waves import WavePerceptron

if TYPE_CHECKING:
    from genmodels.store.checkpoint import Checkpoint


@dataclass(frozen=True, kw_only=True)
class MatchingConfig(PointTraining):
    """Which velocity to learn; on which points and how, see :class:`genmodels.nn.point_training.PointTraining`.

    Args:
        hidden: Widths of the hidden layers; () makes it linear.
        activation: ``"relu"`` (in two dimensions the best of them, and the fastest), ``"silu"`` or ``"tanh"``.
        x_waves: Waves sin, cos of 2^j x_d, j = 0 …, for each coordinate, beside x itself.
        t_waves: Waves sin, cos of 2^j π t, j = 0 …, of the time, beside t itself.
        device: ``"cpu"``, ``"cuda"``, ``"mps"`` or ``"auto"``; networks as small as these are fastest on the CPU.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    x_waves: int = 4
    t_waves: int = 4
    device: str = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("x_waves", "t_waves"):
            check_whole(name, getattr(self, name), at_least=0)
        check_choice("device", self.device, device.CHOICES)
        check_activation(self.activation)
        object.__setattr__(self, "hidden", check_hidden(self.hidden))


class ForwardVelocity(WavePerceptron):
    """The learned velocity without torch; see :class:`genmodels.nn.waves.WavePerceptron`.

    Args:
        arrays: Of a state or a checkpoint: ``"net.0.weight"`` ``(outputs, inputs)``, ``"net.0.bias"``, …; and
            ``"centre"`` ``(D,)``, ``"scale"`` ``(1,)`` in data units.
        config: The network's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], config: MatchingConfig) -> None:
        super().__init__(arrays, config.activation, config.x_waves, config.t_waves)
        self.config = config

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> ForwardVelocity:
        """The network of a checkpoint, as :func:`genmodels.store.checkpoint.load` reads it."""
        known = MatchingConfig.__dataclass_fields__
        return cls(
            checkpoint.arrays, MatchingConfig(**{k: v for k, v in checkpoint.entry.config.items() if k in known})
        )

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t) of points ``(N, D)`` at a time 0 … 1, ``(N, D)``."""
        check_time(t)
        return self.ask(x, t).astype(np.float64)

    def divergence(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """v, and ∇·v, the trace of its Jacobian ``(N,)``, exact, by carrying D tangents forwards."""
        check_time(t)
        v, trace = self.ask_with_trace(x, t)
        return v.astype(np.float64), trace.astype(np.float64)
