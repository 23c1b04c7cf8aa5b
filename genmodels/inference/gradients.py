r"""The slope of the bound from a single draw, two ways: one that moves the draw, one that weighs it.

q = N(m, diag σ²); the slope of F(m, log σ) = E_q[log p(x, z)] + H(q) is asked for, and z can only be drawn.

*Reparameterised*: z = m + σ ε, and the draw moves along with q. With g = ∇_z log p(x, z),

    ∂F/∂m ≈ g,        ∂F/∂ log σ ≈ g σ ε + 1        (the 1 is the entropy's, exact)

*Score function* (REINFORCE): the draw stays, and its probability is pushed up or down. With f = log p(x, z) − log
q(z),

    ∂F/∂m ≈ (f − b) ε/σ,        ∂F/∂ log σ ≈ (f − b)(ε² − 1)

for any constant b (a *baseline*), because E_q[∇ log q] = 0; it needs no slope of the model, and so also works where z
is a word or a move. Both have the same mean, the slope of F. Their spread differs by orders of magnitude: the second
knows only how high the hill is where it stands, not which way it goes.

A baseline b made of the *other* draws' f (leave one out) keeps the mean and takes much of the spread away.

Sources: Williams (1992), *Machine Learning* 8 (REINFORCE); Kingma & Welling (2014), section 2.4; Ranganath, Gerrish &
Blei (2014), arXiv:1401.0118; Mnih & Rezende (2016), arXiv:1602.06725 (leave one out). Float64, nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genmodels.checks import check_choice, check_whole
from genmodels.inference.bounds import ORDERS, GaussianQ, check_latents, hermite
from genmodels.inference.models import LatentModel

ESTIMATORS = ("reparameterised", "score")


@dataclass(frozen=True, eq=False)
class Spread:
    """How two estimators of one slope scatter.

    Attributes:
        exact: The slope, ``(2 d,)``: of m, then of log σ.
        variances: Of single draws, one row an estimator (reparameterised, score), ``(2, 2 d)``.
    """

    exact: np.ndarray
    variances: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Standard deviation of the score-function estimator over the reparameterised one's, ``(2 d,)``."""
        return np.sqrt(self.variances[1] / self.variances[0])


def draws(
    model: LatentModel,
    x: Any,
    q: GaussianQ,
    n: int,
    rng: np.random.Generator,
    estimator: Literal["reparameterised", "score"] = "reparameterised",
    baseline: float | Literal["others"] = 0.0,
) -> np.ndarray:
    """n estimates of the slope, each from one draw of z, ``(n, 2 d)``: of m, then of log σ; nats per unit.

    Args:
        model: With any number of latents.
        x: ``(D,)``.
        q: Diagonal.
        n: 1 or more; with a baseline of the others, 2 or more.
        rng: Of the draws; the same generator gives both estimators the same draws.
        estimator: Which.
        baseline: b of the score function: a number, or ``"others"``, the mean f of all other draws.
    """
    check_choice("estimator", estimator, ESTIMATORS)
    check_whole("n", n, at_least=2 if baseline == "others" else 1)
    x, sigma = model.check_x(x), _sigma(q)
    eps = rng.standard_normal((n, q.n_latent))
    z = q.mean + sigma * eps
    if estimator == "reparameterised":
        return _pathwise(model.gradient(x, z), sigma, eps)
    f = model.log_joint(x, z) - q.log_prob(z)
    b = (f.sum() - f) / (n - 1) if baseline == "others" else baseline
    return (f - b)[:, None] * _score(sigma, eps)


def exact_gradient(model: LatentModel, x: Any, q: GaussianQ, order: int | None = None) -> np.ndarray:
    """The slope itself, ``(2 d,)``, by Gauss-Hermite quadrature of the reparameterised form."""
    check_latents(model, q)
    u, w = hermite(order or ORDERS[model.n_latent], model.n_latent)
    sigma = _sigma(q)
    return w @ _pathwise(model.gradient(model.check_x(x), q.mean + sigma * u), sigma, u)


def spread(model: LatentModel, x: Any, q: GaussianQ, baseline: float = 0.0, order: int | None = None) -> Spread:
    """The exact slope, and the exact variance of a single draw of both estimators, by quadrature."""
    check_latents(model, q)
    u, w = hermite(order or ORDERS[model.n_latent], model.n_latent)
    x, sigma = model.check_x(x), _sigma(q)
    z = q.mean + sigma * u
    pathwise = _pathwise(model.gradient(x, z), sigma, u)
    score = (model.log_joint(x, z) - q.log_prob(z) - baseline)[:, None] * _score(sigma, u)
    exact = w @ pathwise
    return Spread(exact, np.stack([w @ np.square(values - exact) for values in (pathwise, score)]))


def _pathwise(slope: np.ndarray, sigma: np.ndarray, eps: np.ndarray) -> np.ndarray:
    return np.concatenate([slope, slope * sigma * eps + 1], axis=1)


def _score(sigma: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """∇ log q at the draws, ``(N, 2 d)``."""
    return np.concatenate([eps / sigma, np.square(eps) - 1], axis=1)


def _sigma(q: GaussianQ) -> np.ndarray:
    if np.tril(q.cholesky, -1).any():
        raise ValueError("These estimators take a q with independent latents; give GaussianQ.diagonal(mean, sigma).")
    return np.diag(q.cholesky)
