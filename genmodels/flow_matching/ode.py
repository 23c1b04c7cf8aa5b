r"""The ODE that carries noise to data, dx/dt = v(x, t) from t = 0 to t = 1, and what it tells.

*Methods*, with steps of one length h = 1/n: Euler x + h v(x, t) (order 1: the error falls with h), midpoint (order 2)
and the classical Runge–Kutta method (order 4), which ask 1, 2 and 4 times a step. If the paths were straight, one
step of Euler would be exact.

*Likelihood* (:func:`log_likelihood`). Along a path d log p_t(x(t))/dt = −∇·v(x(t), t), so that

    log p_1(x_1) = log N(x_0; 0, I) − ∫_0^1 ∇·v(x(t), t) dt,   x(t) followed backwards from x_1 to x_0

*Straightness* (:func:`straightness`) of paths x(t), 0 for straight ones that are run through at an even speed:

    S = ∫_0^1 E |(x(1) − x(0)) − dx/dt|² dt

*Reflow* (:func:`reflow_pairs`) trains anew, on the pairs (x_0, x_1) that the ODE itself has made: their threads cross
less, and the next ODE is straighter.

Sources: Chen et al. (2018), *Neural ODEs*, arXiv:1806.07366 (likelihood: eq. 8); Liu, Gong & Liu (2023), *Flow
straight and fast*, arXiv:2209.03003 (S and reflow: section 2); Hairer, Nørsett & Wanner (1993), section II.1
(methods). Rows are points in the units of the standardised data, float64; logarithms natural.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from genmodels.checks import check_choice, check_data, check_whole
from genmodels.gaussian import LOG_2PI
from genmodels.states import last, still

METHODS = ("euler", "midpoint", "rk4")
Field = Callable[[np.ndarray, float], np.ndarray]


class Velocity(Protocol):
    """What says where x goes, exact or learned."""

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        """v(x, t), ``(N, D)``."""

    def divergence(self, x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """v, and the trace of its Jacobian ``(N,)``; only :func:`log_likelihood` asks for it."""
        ...


@dataclass(frozen=True)
class OdeConfig:
    """How to go.

    Args:
        method: ``"euler"``, ``"midpoint"`` or ``"rk4"``.
        n_steps: Steps from one end to the other, 1 or more.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    method: str = "euler"
    n_steps: int = 50

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_whole("n_steps", self.n_steps, at_least=1)


@dataclass(frozen=True, eq=False)
class OdeState:
    """Points on their way.

    Attributes:
        step: Steps taken, 0 … n.
        t: Time, 0 noise, 1 data.
        x: Where they are, ``(N, D)``.
        velocity: v(x, t), ``(N, D)``, towards the data (also when going backwards).
    """

    step: int
    t: float
    x: np.ndarray
    velocity: np.ndarray


def iterate_ode(
    velocity: Field, x: np.ndarray, config: OdeConfig | None = None, backward: bool = False
) -> Iterator[OdeState]:
    """From noise to data, or back.

    Args:
        velocity: Exact or learned: called with points ``(N, D)`` and a time.
        x: Where to begin, ``(N, D)``: noise, or data if ``backward``.
        config: Method and steps; by default 50 of Euler.
        backward: From t = 1 to 0.

    Yields:
        The start, then one state a step. States are never changed later.

    Raises:
        ValueError: x is no finite array ``(N, D)``.

    >>> here = last(iterate_ode(lambda x, t: x, np.ones((1, 1)), OdeConfig("rk4", 4)))
    >>> here.t, round(float(here.x[0, 0]), 3)
    (1.0, 2.718)
    """
    config = config or OdeConfig()
    x, n = check_data(x), config.n_steps
    for step in range(n + 1):
        t = (n - step) / n if backward else step / n
        k = velocity(x, t)
        yield OdeState(step, t, still(x), still(k))
        if step < n:
            after = (n - step - 1) / n if backward else (step + 1) / n
            x = x + _move(velocity, config.method, x, t, after, k)


def solve(velocity: Field, x: np.ndarray, config: OdeConfig | None = None, backward: bool = False) -> np.ndarray:
    """Where the points arrive, ``(N, D)``: the x of the last state of :func:`iterate_ode`."""
    return last(iterate_ode(velocity, x, config, backward)).x


def solve_path(velocity: Field, x: np.ndarray, config: OdeConfig | None = None, backward: bool = False) -> np.ndarray:
    """Where they have been, ``(n + 1, N, D)``: the x of all states of :func:`iterate_ode`."""
    return np.stack([state.x for state in iterate_ode(velocity, x, config, backward)])


def log_likelihood(velocity: Velocity, x: np.ndarray, n_steps: int = 100, method: str = "rk4") -> np.ndarray:
    """log p(x) of what the ODE makes of N(0, I), nats, ``(N, D)`` to ``(N,)``; in the units of the standardised data.

    In raw units subtract D log(scale). Exact for the ODE but for the method's error; narrow modes need more steps.

    Args:
        velocity: With a ``divergence``.
        x: Data ``(N, D)``.
        n_steps: Steps from t = 1 to 0.
        method: As of :class:`OdeConfig`.

    Raises:
        ValueError: The velocity has no divergence, or x is no finite array ``(N, D)``.
    """
    if not hasattr(velocity, "divergence"):
        raise ValueError("The velocity has no method divergence, without which it tells no density; give it one.")
    x = check_data(x)

    def both(y: np.ndarray, t: float) -> np.ndarray:
        v, trace = velocity.divergence(y[:, :-1], t)
        return np.column_stack([v, trace])

    end = solve(both, np.column_stack([x, np.zeros(len(x))]), OdeConfig(method, n_steps), backward=True)
    x_0, change = end[:, :-1], end[:, -1]  # change = −∫ ∇·v dt
    return change - 0.5 * np.square(x_0).sum(axis=1) - 0.5 * x.shape[1] * LOG_2PI


def straightness(path: np.ndarray) -> float:
    """S of paths through points at even times, ``(K + 1, N, D)``: 0 if all are straight and evenly fast; data units².

    Between two of the points a path counts as straight: S of a path of one step is 0.

    >>> straightness(np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 1.0]]]))  # a corner: dx/dt is (2, 0), then (0, 2)
    2.0
    """
    path = np.asarray(path, dtype=np.float64)
    if path.ndim != 3 or len(path) < 2:
        raise ValueError(f"The path has the shape {path.shape}; give (K + 1, N, D), two moments or more.")
    speed = np.diff(path, axis=0) * (len(path) - 1)
    return float(np.square(path[-1] - path[0] - speed).sum(axis=2).mean())


def reflow_pairs(
    velocity: Field, n: int, d: int, rng: np.random.Generator, config: OdeConfig | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """n pairs (x_0, x_1) of noise and where the ODE carries it, each ``(n, d)``: what reflow is trained on."""
    x_0 = rng.standard_normal((n, d))
    return x_0, solve(velocity, x_0, config)


def _move(velocity: Field, method: str, x: np.ndarray, t: float, after: float, k: np.ndarray) -> Any:
    """What a step from t to ``after`` adds; k is v(x, t)."""
    h, half = after - t, (t + after) / 2
    if method == "euler":
        return h * k
    if method == "midpoint":
        return h * velocity(x + h / 2 * k, half)
    k_2 = velocity(x + h / 2 * k, half)
    k_3 = velocity(x + h / 2 * k_2, half)
    k_4 = velocity(x + h * k_3, after)
    return h / 6 * (k + 2 * k_2 + 2 * k_3 + k_4)
