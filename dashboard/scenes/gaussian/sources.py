"""Where points come from: Gaussians, two lumps that no Gaussian fits, or the learner's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene.own_points import OWN
from dashboard.scene.snippet import written
from genmodels.gaussian import Gaussian

Pair = tuple[float, float]


@dataclass(frozen=True)
class Source:
    """A Gaussian, or two equal ones at ±offset."""

    title: str
    covariance: tuple[Pair, Pair]
    offset: Pair = (0.0, 0.0)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Points, ``(n, 2)``."""
        side = np.where(rng.random(n) < 0.5, -1.0, 1.0)[:, None]
        return Gaussian(np.zeros(2), np.array(self.covariance)).sample(n, rng) + side * self.offset

    def sample_code(self, n: int, seed: int) -> str:
        """As :meth:`sample`, in Python: ``x``."""
        lump = Gaussian(np.zeros(2), np.array(self.covariance))
        sides = f"side = np.where(rng.random({n}) < 0.5, -1.0, 1.0)[:, None]  # one of the two lumps, at random"
        one = f"rng.random({n})  # would choose between two lumps, but there is one"
        return "\n".join(
            (
                "import numpy as np\nfrom genmodels.gaussian import Gaussian",
                f"rng = np.random.default_rng({seed})",
                sides if any(self.offset) else one,
                f"{'lump' if any(self.offset) else 'truth'} = {written(lump)}",
                f"x = lump.sample({n}, rng) + side * {self.offset}"
                if any(self.offset)
                else f"x = truth.sample({n}, rng)",
            )
        )

    def moments(self) -> Gaussian:
        """The Gaussian with the true mean and covariance: the best that any Gaussian can be."""
        return Gaussian(np.zeros(2), np.array(self.covariance) + np.outer(self.offset, self.offset))

    def entropy(self) -> float:
        """True entropy in nats; for two lumps by quadrature along the line that joins them."""
        lump = Gaussian(np.zeros(2), np.array(self.covariance))
        half = float(lump.mahalanobis(np.array([self.offset]))[0])
        if half == 0:
            return lump.entropy()
        u = np.linspace(-half - 10, half + 10, 20_001)
        p = (np.exp(-0.5 * (u - half) ** 2) + np.exp(-0.5 * (u + half) ** 2)) / np.sqrt(8 * np.pi)
        mixture = -np.trapezoid(p * np.log(np.maximum(p, 1e-300)), u)
        return lump.entropy() + float(mixture) - 0.5 * (np.log(2 * np.pi) + 1)


SOURCES: dict[str, Source] = {
    "lecture": Source("The lecture's example", ((5.0, 1.5), (1.5, 1.0))),
    "round": Source("Round", ((1.0, 0.0), (0.0, 1.0))),
    "stretched": Source("Stretched", ((6.0, -2.2), (-2.2, 1.2))),
    "thin": Source("Nearly singular", ((4.0, 1.98), (1.98, 1.0))),
    "lumps": Source("Two lumps (no Gaussian fits)", ((0.5, 0.0), (0.0, 0.5)), (2.4, 1.2)),
}
SOURCE_TITLES = {name: source.title for name, source in SOURCES.items()} | OWN
