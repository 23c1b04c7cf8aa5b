"""What the captions of the Gaussian's page claim."""

import math

import numpy as np
from scipy import stats

from tests.claims.shown import Oracle, Shown, holds_whatever


def factor(shown: Shown) -> np.ndarray:
    c = shown.config
    off = c.rho * c.sigma_1 * c.sigma_2
    return np.linalg.cholesky(np.array([[c.sigma_1**2, off], [off, c.sigma_2**2]]))


def is_diagonal(shown: Shown) -> bool:
    return bool(np.isclose(factor(shown)[1, 0], 0, atol=1e-12))


def covariance(shown: Shown) -> np.ndarray:
    """Of the map in this frame."""
    v = {name: shown.readout(f"v{name}") for name in ("₁₁", "₁₂", "₂₂")}
    return np.array([[v["₁₁"], v["₁₂"]], [v["₁₂"], v["₂₂"]]])


def singular(shown: Shown) -> bool:
    a, b, c = (shown.readout(f"Σ̂{name}") for name in ("₁₁", "₁₂", "₂₂"))
    return bool(np.isnan(a) or a * c - b * b <= 1e-9 * max(1.0, a * c))


def lowest(shown: Shown) -> float:
    """The smallest log p(xᵢ) at the parameters of this frame."""
    x, config = shown.config.data(), shown.config
    if not config.plane:
        return float(stats.norm(shown.readout("μ"), shown.readout("σ")).logpdf(x[:, 0]).min())
    ellipse = shown.layer("your Gaussian")
    law = stats.multivariate_normal(ellipse.mean[shown.frame, 0], ellipse.covariance[shown.frame, 0])
    return float(np.min(law.logpdf(x)))


def bell(shown: Shown) -> np.ndarray:
    """The density of x₁ as it is drawn, ``(N, 2)``."""
    return np.asarray(shown.layer("p(x₁)").xy)[shown.frame, 0]


def shaded(shown: Shown) -> float:
    """Area of the shaded polygon."""
    x, y = np.asarray(shown.layer("68.3 % of the probability").xy)[shown.frame, 0].T
    return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


ORACLES = [
    Oracle(r"Many z ~ N\(0, I\): noise in which no direction is special", holds_whatever("N(0, I) is isotropic")),
    Oracle(r"^Scale: each axis", lambda shown, _: abs(covariance(shown)[0, 1]) < 1e-9),
    Oracle(r"off-diagonal element of L tilts the cloud", lambda shown, _: not is_diagonal(shown)),
    Oracle(r"tilts along the other axis", lambda shown, _: not is_diagonal(shown)),
    Oracle(r"is 0 \(ρ = 0\), and nothing tilts", lambda shown, _: is_diagonal(shown)),
    Oracle(
        r"Shift: the mean moves to μ\. Colours show",
        lambda shown, _: shown.config.slip or np.allclose(covariance(shown), factor(shown) @ factor(shown).T),
    ),
    Oracle(
        r"the area is right, the tilt is wrong",
        lambda shown, _: (
            np.isclose(abs(shown.readout("area factor |det A|")), np.linalg.det(factor(shown)))
            and not np.allclose(covariance(shown), factor(shown) @ factor(shown).T, atol=1e-9)
        ),
    ),
    Oracle(
        r"here the slip does no harm",
        lambda shown, _: np.allclose(covariance(shown), factor(shown) @ factor(shown).T),
    ),
    Oracle(
        r"The density of x₁ now exceeds 1\. The shaded area is still 0\.683",
        lambda shown, _: bell(shown)[:, 1].max() > 1 and math.isclose(shaded(shown), 0.683, abs_tol=2e-3),
    ),
    Oracle(r"No points yet: nothing to estimate", lambda shown, _: shown.scene.steps[shown.frame] == 0),
    Oracle(r"^One point", lambda shown, _: shown.scene.steps[shown.frame] == 1 and singular(shown)),
    Oracle(r"^Two points", lambda shown, _: shown.scene.steps[shown.frame] == 2 and singular(shown)),
    Oracle(r"points seen so far lie on a line", lambda shown, _: singular(shown)),
    Oracle(
        r"Bars below −(\d+) nats run out of the picture",
        lambda shown, match: (
            lowest(shown) < -float(match[1])
            and float(match[1]) == -shown.scene.panels[1 if shown.config.plane else 0].y[0]
        ),
    ),
]
