r"""The Gaussian mixture, and EM, which fits it.

    p(x) = Σ_k π_k N(x; μ_k, Σ_k)          log-likelihood L(θ) = 1/N Σ_n log p(x_n), in nats per sample

*Generate*: draw the latent z with p(z = k) = π_k, then x ~ N(μ_z, Σ_z). *Infer*: r_nk = p(z = k | x_n), the
responsibilities. For *any* r whose rows sum to 1, with the Kullback-Leibler divergence averaged over n,

    F(r, θ) = 1/N Σ_n Σ_k r_nk (log π_k N(x_n; μ_k, Σ_k) − log r_nk) = L(θ) − KL(r ‖ p(z | x, θ)) ≤ L(θ)

is a lower bound: the free energy, E_q[log p(x, z)] + H[q]. EM increases it one coordinate at a time:

*E-step*: r_nk ← π_k N(x_n; μ_k, Σ_k) / p(x_n). θ and L stay; the bound rises until it touches L.
*M-step*: N_k = Σ_n r_nk, π_k = N_k / N, μ_k = Σ_n r_nk x_n / N_k, Σ_k = Σ_n r_nk (x_n − μ_k)(x_n − μ_k)ᵀ / N_k.
r stays; the bound rises, and L at least as much. Its components are those of :mod:`genmodels.gaussian`.

Numbers follow scikit-learn, so that from one start both traces agree: ``reg_covar`` is added to each variance,
10 machine epsilons to each N_k. L never falls only with ``reg_covar = 0``; but then it is also unbounded, for a
component on a single point (or on D points or fewer) may shrink for ever: :class:`CollapseError`.

Covariances are shaped as in scikit-learn: ``"full"`` ``(K, D, D)``, ``"tied"`` ``(D, D)`` (one for all),
``"diag"`` ``(K, D)``, ``"spherical"`` ``(K,)``. Start: means by K-means++
(:mod:`genmodels.kmeans`), equal weights, and for every component
the covariance of *all* data (divided by N, plus ``reg_covar``) in that shape: broad, so that no component starves.

Sources: Dempster, Laird & Rubin (1977), *J. Royal Statistical Society B* 39(1); Neal & Hinton (1998), *A view of the
EM algorithm*, for F; Bishop (2006), sections 9.2 and 9.4. Rows are points, arrays float64, logarithms natural.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from genmodels.checks import as_tuples, check_choice, check_data, check_whole
from genmodels.gaussian import LOG_2PI
from genmodels.kmeans import check_init, check_points, starting_means
from genmodels.states import last

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
EPS = float(np.finfo(np.float64).eps)


class CollapseError(ValueError):
    """A component has shrunk until its covariance is singular, or has lost all its points.

    Attributes:
        component: Its number; None if the covariance is tied, which collapses for all at once.
        step: The M-step that would have followed; the states before it have been yielded.
        held: Σ_n r_nk, how many points it held; N if tied.
    """

    def __init__(self, component: int | None, step: int, held: float, n: int, reg_covar: float) -> None:
        self.component, self.step, self.held = component, step, held
        who = "The tied covariance" if component is None else f"Component {component + 1}"
        cause = "too few or too close together for a covariance, so that the likelihood grows without bound"
        if component is not None and held < 10 * EPS:
            cause = "so that it has no mean: all are nearer to the others"
        super().__init__(
            f"{who} collapsed at step {step}: it held {held:.3g} of {n} points, {cause}. Lower n_components, raise "
            f"reg_covar (now {reg_covar:g}), or start elsewhere (init, seed); standardise data that are huge or far "
            f"from 0."
        )


@dataclass(frozen=True)
class MixtureConfig:
    """Which mixture to fit, and from where.

    Args:
        n_components: Number of components, K ≥ 1.
        covariance_type: ``"full"``, ``"tied"``, ``"diag"`` or ``"spherical"``.
        init: ``"kmeans++"``, ``"random"`` (distinct points), or starting means ``(K, D)``.
        weights_init: Starting weights ``(K,)``, positive, summing to 1; None for 1/K each.
        covariances_init: Starting covariances in the shape of their type (scikit-learn takes their inverses,
            ``precisions_init``); None for the data's own.
        reg_covar: Added to each variance at every M-step, ≥ 0, squared data units.
        max_iter: Most iterations (an E-step and an M-step each), 1 or more.
        tol: Stop when an iteration changes the log-likelihood by less, ≥ 0, nats per sample; 0 never stops.
        means_only: Keep the starting weights and covariances: soft K-means.
        seed: Of the starting means, 0 or more; EM itself is deterministic.

    Arrays are kept as nested tuples, so that configs can be compared and hashed.

    Raises:
        ValueError: A value is out of range; the message says which and what to give.
    """

    n_components: int
    covariance_type: Literal["full", "tied", "diag", "spherical"] = "full"
    init: str | ArrayLike = "kmeans++"
    weights_init: ArrayLike | None = None
    covariances_init: ArrayLike | None = None
    reg_covar: float = 1e-6
    max_iter: int = 100
    tol: float = 1e-6
    means_only: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("n_components", self.n_components, at_least=1)
        check_whole("max_iter", self.max_iter, at_least=1)
        check_whole("seed", self.seed, at_least=0)
        check_choice("covariance_type", self.covariance_type, COVARIANCE_TYPES)
        for name, value in (("reg_covar", self.reg_covar), ("tol", self.tol)):
            if not (isinstance(value, int | float | np.number) and 0 <= value < np.inf):
                raise ValueError(f"{name} is {value!r}; give a finite number, 0 or more.")
        object.__setattr__(self, "init", check_init(self.init, self.n_components))
        if self.weights_init is not None:
            weights = check_weights(self.weights_init, self.n_components, "weights_init")
            object.__setattr__(self, "weights_init", as_tuples(weights, "weights_init"))
        if self.covariances_init is not None:
            object.__setattr__(self, "covariances_init", as_tuples(self.covariances_init, "covariances_init"))


@dataclass(frozen=True, eq=False)
class EMState:
    """Parameters and responsibilities after ``step`` half-steps.

    Attributes:
        step: 0 is the start; odd steps are E-steps, even ones M-steps.
        phase: ``"init"``, ``"E"`` or ``"M"``.
        covariance_type: How to read ``covariances`` (with K = D the shape does not tell).
        weights: π, ``(K,)``.
        means: μ, ``(K, D)``, data units.
        covariances: Σ in the shape of its type, squared data units.
        log_resp: log r_nk of the latest E-step, ``(N, K)``; −log K, uniform, in the initial state.
        log_likelihood: L of *these* parameters, nats per sample.
        lower_bound: F of these responsibilities and parameters, nats per sample; at most ``log_likelihood``,
            and equal to it after an E-step, up to rounding.
    """

    step: int
    phase: Literal["init", "E", "M"]
    covariance_type: str
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    log_resp: np.ndarray
    log_likelihood: float
    lower_bound: float


def iterate_em(data: np.ndarray, config: MixtureConfig) -> Iterator[EMState]:
    """Alternate E-steps and M-steps (Dempster, Laird & Rubin 1977).

    It ends with an E-step, so that the last state's responsibilities belong to its parameters.

    Args:
        data: ``(N, D)``, finite, with at least K distinct points.
        config: Which mixture, and from where.

    Yields:
        The initial state, then one after each half-step: at most ``2 * max_iter + 2`` states.

    Raises:
        CollapseError: A covariance became singular, *after* the states that led there have been yielded.
        ValueError: The data or the start do not fit; the message says what to mend.
    """
    data = check_points(data, config.n_components)
    points = np.ascontiguousarray(data.T)  # (D, N): numpy is fast along long rows
    theta = _start(data, points, config)
    belief = _believe(theta)
    yield _state(0, "init", theta, _undecided(belief), belief)
    for step in range(1, 2 * config.max_iter, 2):
        q = belief
        yield _state(step, "E", theta, q, belief)
        theta = _m_step(points, q.resp, theta, step + 1, config)
        belief = _believe(theta)
        yield _state(step + 1, "M", theta, q, belief)
        if abs(belief.log_likelihood - q.log_likelihood) < config.tol:
            break
    yield _state(step + 2, "E", theta, belief, belief)


def fit_mixture(data: np.ndarray, config: MixtureConfig) -> EMState:
    """The fitted mixture: the last state of :func:`iterate_em`.

    >>> state = fit_mixture(np.array([[0.0], [2.0], [9.0], [11.0]]), MixtureConfig(2, reg_covar=0, seed=1))
    >>> np.sort(state.means.ravel()).round(3).tolist(), state.covariances.ravel().round(3).tolist()
    ([1.0, 10.0], [1.0, 1.0])
    """
    return last(iterate_em(data, config))


# --- The two steps ------------------------------------------------------------------------------------------


class _Theta(NamedTuple):
    """Parameters, and what both steps need of them."""

    covariance_type: str
    weights: np.ndarray  # (K,)
    means: np.ndarray  # (K, D)
    covariances: np.ndarray  # as shaped by the type
    cholesky: np.ndarray  # (K, D, D), lower triangular
    centred: np.ndarray  # (K, D, N): x_n − μ_k


class _Belief(NamedTuple):
    """The posterior of z under some parameters."""

    log_joint: np.ndarray  # (K, N): log p(x_n, z = k)
    resp: np.ndarray  # (K, N)
    log_resp: np.ndarray  # (N, K)
    entropy: float  # H[q] per sample
    log_likelihood: float


def _log_joint(weights: np.ndarray, cholesky: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """log π_k + log N(x_n; μ_k, L_k L_kᵀ), ``(K, N)``."""
    whitened = np.linalg.inv(cholesky) @ centred  # (K, D, N)
    squared = np.square(whitened, out=whitened).sum(axis=1)
    log_det = 2 * np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum(axis=1)
    with np.errstate(divide="ignore"):  # a weight of 0 is a density of 0
        constant = np.log(weights) - 0.5 * (centred.shape[1] * LOG_2PI + log_det)
    squared *= -0.5
    squared += constant[:, None]
    return squared


def _posterior(log_joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """r ``(K, N)`` and log p(x) ``(N,)``, by log-sum-exp over k."""
    highest = log_joint.max(axis=0)
    resp = np.exp(log_joint - highest)
    total = resp.sum(axis=0)
    resp /= total
    return resp, highest + np.log(total)


def _believe(theta: _Theta) -> _Belief:
    """E-step: what the parameters say of z, and of the data."""
    log_joint = _log_joint(theta.weights, theta.cholesky, theta.centred)
    resp, log_prob = _posterior(log_joint)
    log_resp = log_joint - log_prob
    entropy = -float(np.vdot(resp, log_resp)) / log_prob.size
    return _Belief(log_joint, resp, np.ascontiguousarray(log_resp.T), entropy, float(log_prob.mean()))


def _undecided(belief: _Belief) -> _Belief:
    """Uniform responsibilities, for the initial state."""
    k = len(belief.resp)
    return belief._replace(
        resp=np.full_like(belief.resp, 1 / k),
        log_resp=np.full_like(belief.log_resp, -np.log(k)),
        entropy=float(np.log(k)),
    )


def _state(step: int, phase: Any, theta: _Theta, q: _Belief, belief: _Belief) -> EMState:
    """Parameters θ, responsibilities q, and F(q, θ) where ``belief`` is the posterior under θ."""
    bound = float(np.vdot(q.resp, belief.log_joint)) / len(q.log_resp) + q.entropy
    return EMState(step, phase, *theta[:4], q.log_resp, belief.log_likelihood, bound)


def _m_step(points: np.ndarray, resp: np.ndarray, theta: _Theta, step: int, config: MixtureConfig) -> _Theta:
    """M-step: weights, means and covariances that maximise F for these responsibilities (Bishop 2006, 9.24–9.26)."""
    held = resp.sum(axis=1)
    if held.min() < 10 * EPS:  # what is added below would outweigh it, and draw its mean to 0
        raise _collapse(int(held.argmin()), step, held, points, config)
    count = held + 10 * EPS
    means = resp @ points.T / count[:, None]
    centred = points - means[:, :, None]
    if config.means_only:
        return theta._replace(means=means, centred=centred)
    root = np.sqrt(resp)[:, None] * centred  # (K, D, N): as a square, exactly symmetric
    scatter = root @ root.transpose(0, 2, 1) / count[:, None, None]
    scatter += config.reg_covar * np.eye(len(points))
    covariances = _reduce(scatter, count / count.sum(), config.covariance_type)
    cholesky, sound = _factorise(_expand(covariances, means.shape, config.covariance_type), points)
    if not sound.all():
        raise _collapse(int(sound.argmin()), step, held, points, config)
    return _Theta(config.covariance_type, count / count.sum(), means, covariances, cholesky, centred)


def _collapse(k: int, step: int, held: np.ndarray, points: np.ndarray, config: MixtureConfig) -> CollapseError:
    n = points.shape[1]
    if config.covariance_type == "tied" and held[k] >= 10 * EPS:
        return CollapseError(None, step, n, n, config.reg_covar)
    return CollapseError(k, step, float(held[k]), n, config.reg_covar)


def _start(data: np.ndarray, points: np.ndarray, config: MixtureConfig) -> _Theta:
    """The initial parameters."""
    if not np.ptp(data, axis=0).any():
        raise ValueError(f"All {len(data)} points are equal; a Gaussian needs some spread, so give other data.")
    k = config.n_components
    means = starting_means(data, k, config.init, np.random.default_rng(config.seed))
    weights = np.full(k, 1 / k) if config.weights_init is None else np.array(config.weights_init)
    covariances = _starting_covariances(data, weights, config)
    full = _expand(covariances, means.shape, config.covariance_type)
    cholesky, sound = _factorise(full, points)
    if not (sound.all() and _symmetric(full)):
        whose = "The data's covariance" if config.covariances_init is None else "A matrix of covariances_init"
        raise ValueError(
            f"{whose} is not symmetric positive definite: raise reg_covar, leave out columns that depend on others, "
            "or standardise data that are huge, tiny or far from 0."
        )
    return _Theta(config.covariance_type, weights, means, covariances, cholesky, points - means[:, :, None])


def _starting_covariances(data: np.ndarray, weights: np.ndarray, config: MixtureConfig) -> np.ndarray:
    """Those of the config, else the data's covariance for every component, in the shape of the type."""
    k, d = config.n_components, data.shape[1]
    if config.covariances_init is not None:
        covariances = np.array(config.covariances_init)
        expected = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}[config.covariance_type]
        if covariances.shape != expected:
            raise ValueError(
                f"covariances_init has the shape {covariances.shape}; {config.covariance_type!r} covariances of "
                f"{k} components in {d} dimensions have {expected}."
            )
        return covariances
    constant = np.ptp(data, axis=0) == 0
    if config.reg_covar == 0 and constant.any() and config.covariance_type != "spherical":
        raise ValueError(f"Dimension {constant.argmax()} of the data is constant: leave it out, or raise reg_covar.")
    deviation = data - data.mean(axis=0)
    scatter = deviation.T @ deviation / len(data) + config.reg_covar * np.eye(d)
    return _reduce(np.broadcast_to(scatter, (k, d, d)), weights, config.covariance_type)


def _factorise(covariances: np.ndarray, points: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factors ``(K, D, D)``, and which of them ``(K,)`` are sound.

    A pivot L_dd is the standard deviation that the dimensions before d leave to dimension d. It must stand
    above rounding: in share of the whole, and beside the size of the numbers from which it was computed.
    """
    try:
        cholesky = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        cholesky = np.stack([_cholesky_or_zero(covariance) for covariance in covariances])
    pivots, variances = (np.diagonal(m, axis1=1, axis2=2) for m in (cholesky, covariances))
    sound = pivots**2 > 10 * EPS * covariances.shape[1] * variances
    if points is not None:
        sound &= pivots > 100 * EPS * np.abs(points).max(axis=1)
    return cholesky, sound.all(axis=1)


def _symmetric(covariances: np.ndarray) -> bool:
    return bool(np.abs(covariances - covariances.transpose(0, 2, 1)).max() <= 1e-10 * np.abs(covariances).max())


def _cholesky_or_zero(covariance: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return np.zeros_like(covariance)


def _reduce(full: np.ndarray, weights: np.ndarray, covariance_type: str) -> np.ndarray:
    """Covariances ``(K, D, D)`` to the shape of a type; ``"tied"`` averages them by weight."""
    if covariance_type == "full":
        return np.array(full)
    if covariance_type == "tied":
        return np.tensordot(weights, full, 1)
    variances = np.diagonal(full, axis1=1, axis2=2)
    return np.array(variances) if covariance_type == "diag" else variances.mean(axis=1)


def _expand(covariances: np.ndarray, shape: tuple[int, ...], covariance_type: str) -> np.ndarray:
    """Covariances of any type to ``(K, D, D)``."""
    k, d = shape
    if covariance_type in ("full", "tied"):
        return np.broadcast_to(covariances, (k, d, d))
    return np.broadcast_to(covariances.reshape(k, -1), (k, d))[:, :, None] * np.eye(d)


def check_weights(values: ArrayLike, n_components: int, name: str) -> np.ndarray:
    """Return weights as float64 ``(K,)``, or raise a ValueError unless they are positive and sum to 1."""
    weights = np.array(values, dtype=np.float64)
    if weights.shape != (n_components,) or not (weights > 0).all() or abs(weights.sum() - 1) > 1e-8:
        raise ValueError(f"{name} is {weights}; give {n_components} positive numbers that sum to 1.")
    return weights


# --- The distribution ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of Gaussians Σ_k π_k N(μ_k, Σ_k).

    Args:
        weights: π, ``(K,)``, positive, summing to 1.
        means: μ, ``(K, D)``, data units.
        covariances: Σ, ``(K, D, D)``, symmetric and positive definite, whatever the type.
        covariance_type: Which constraint they obey; only the number of parameters depends on it.

    Raises:
        ValueError: Shapes do not fit, or a covariance is not symmetric positive definite.

    >>> unit = GaussianMixture(np.full(2, 0.5), np.zeros((2, 2)), np.stack([np.eye(2)] * 2))
    >>> unit.log_prob(np.zeros((1, 2))).round(4), unit.n_parameters
    (array([-1.8379]), 11)
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    covariance_type: str = "full"

    def __post_init__(self) -> None:
        means = np.array(self.means, dtype=np.float64)
        covariances = np.array(self.covariances, dtype=np.float64)
        if means.ndim != 2 or covariances.shape != (*means.shape, means.shape[1]):
            raise ValueError(
                f"A mixture takes means of shape (K, D) and covariances of shape (K, D, D); got {means.shape} and "
                f"{covariances.shape}. Use GaussianMixture.from_state for those of a fit."
            )
        if not np.isfinite(means).all():
            raise ValueError("The means hold NaN or infinity; give finite numbers only.")
        check_choice("covariance_type", self.covariance_type, COVARIANCE_TYPES)
        if not (_factorise(covariances)[1].all() and _symmetric(covariances)):
            raise ValueError("A covariance is not symmetric positive definite; add a small multiple of the identity.")
        object.__setattr__(self, "weights", check_weights(self.weights, len(means), "weights"))
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "covariances", covariances)

    @classmethod
    def from_state(cls, state: EMState) -> GaussianMixture:
        """The mixture with a state's parameters."""
        full = _expand(state.covariances, state.means.shape, state.covariance_type)
        return cls(state.weights, state.means, full, state.covariance_type)

    @cached_property
    def cholesky(self) -> np.ndarray:
        """The lower triangular L_k with Σ_k = L_k L_kᵀ, ``(K, D, D)``."""
        return np.linalg.cholesky(self.covariances)

    @property
    def n_parameters(self) -> int:
        """Number of free parameters: K − 1 weights, K D for the means, and the covariances'."""
        k, d = self.means.shape
        free = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": k * d, "spherical": k}
        return k - 1 + k * d + free[self.covariance_type]

    def _posterior(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = check_data(x)
        if x.shape[1] != self.means.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns and the mixture has {self.means.shape[1]}; give as many.")
        return _posterior(_log_joint(self.weights, self.cholesky, x.T - self.means[:, :, None]))

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Log-density log p(x) in nats, ``(N, D)`` to ``(N,)``."""
        return self._posterior(x)[1]

    def responsibilities(self, x: np.ndarray) -> np.ndarray:
        """p(z = k | x), ``(N, D)`` to ``(N, K)``; rows sum to 1 (Bishop 2006, eq. 9.13)."""
        return np.ascontiguousarray(self._posterior(x)[0].T)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw z, then x given z: points ``(n, D)`` and their components ``(n,)``."""
        z = rng.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        noise = rng.standard_normal((n, self.means.shape[1]))
        return self.means[z] + np.einsum("nij,nj->ni", self.cholesky[z], noise), z

    def bic(self, data: np.ndarray) -> float:
        """Bayesian information criterion, −2 Σ_n log p(x_n) + parameters · log N in nats; lower is better."""
        return float(-2 * self.log_prob(data).sum() + self.n_parameters * np.log(len(data)))

    def aic(self, data: np.ndarray) -> float:
        """Akaike's information criterion, −2 Σ_n log p(x_n) + 2 · parameters in nats; lower is better."""
        return float(-2 * self.log_prob(data).sum() + 2 * self.n_parameters)
