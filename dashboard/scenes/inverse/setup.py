"""What the cues in the plane share: the mixture that the data are, one measured line, and how both are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dashboard.scene import Bars, Ellipses, Field, Labels, Layer, Panel, Polylines
from dashboard.scene.contours import Extent, cell_centres
from dashboard.scene.snippet import written
from dashboard.scenes.planar import PLANE
from genmodels.data.planar import get_dataset
from genmodels.diffusion.exact import ExactMixtureDenoiser
from genmodels.inverse.exact import Posterior, condition
from genmodels.inverse.measurement import Line
from genmodels.mixture import GaussianMixture

SOURCES = {"three": "Three lumps", "ffjord8": "Eight Gaussians"}
THREE = (
    np.array([0.5, 0.3, 0.2]),
    np.array([[-1.5, 0.4], [1.4, 1.0], [0.6, -1.5]]),
    np.array([[[0.08, 0.07], [0.07, 0.16]], [[0.2, -0.09], [-0.09, 0.1]], [[0.2, 0.02], [0.02, 0.07]]]),
)
SIGMAS = (0.05, 1.0)
EXTENT: Extent = (*PLANE, *PLANE)
CELLS = 48
NUMBERS = np.array([[-2.15, -0.3], [1.2, 1.75], [0.6, -2.35]])  # where the three lumps' numbers stand
BEYOND = 0.6  # of others, further out than their middles
FAINT = 0.005  # lumps of p(x | y) with less weight are not drawn


@dataclass(frozen=True)
class Measured:
    """The data, and what was measured: y = a · x + σ ε.

    Args:
        source: A mixture.
        angle: Of a, degrees.
        offset: y.
        sigma: σ.
        seed: Of samples and noise.
    """

    source: str
    angle: float
    offset: float
    sigma: float
    seed: int

    def prior(self) -> GaussianMixture:
        """p(x)."""
        return prior(self.source)

    def measurement(self) -> Line:
        """a and σ."""
        return Line.at_angle(self.sigma, self.angle)

    def posterior(self) -> Posterior:
        """p(x | y), exact."""
        return condition(self.prior(), self.measurement(), [self.offset])

    def directions(self) -> tuple[np.ndarray, np.ndarray]:
        """a, across the line, and d, along it: a turned clockwise by a right angle; ``(2,)`` each."""
        a = self.measurement().a
        return a, np.array([a[1], -a[0]])

    # --- the same in Python, for snippets -------------------------------------------------------------------

    def measured_code(self) -> str:
        """``prior``, ``line``, ``y`` and ``posterior``."""
        if self.source == "three":
            weights, means, covariances = map(written, THREE)
            made = (
                "from genmodels.mixture import GaussianMixture\n"
                f"prior = GaussianMixture(\n    {weights}, {means},\n    {covariances},\n)"
            )
        else:
            made = (
                "from genmodels.data.planar import get_dataset\n"
                "from genmodels.diffusion.exact import ExactMixtureDenoiser\n"
                f"prior = ExactMixtureDenoiser.of(get_dataset({self.source!r})).mixture  # in standard units"
            )
        return (
            "import numpy as np\nfrom genmodels.inverse.exact import condition\n"
            "from genmodels.inverse.measurement import Line\n"
            f"{made}\n"
            f"line, y = Line.at_angle({self.sigma}, {self.angle}), np.array([{self.offset}])  # y = a · x + σ ε\n"
            "posterior = condition(prior, line, y)"
        )


@lru_cache(maxsize=4)
def prior(source: str) -> GaussianMixture:
    """The mixture that the data are, in standard units."""
    if source == "three":
        return GaussianMixture(*THREE)
    return ExactMixtureDenoiser.of(get_dataset(source)).mixture


@lru_cache(maxsize=4)
def _density(source: str) -> np.ndarray:
    log_p = prior(source).log_prob(cell_centres(EXTENT, CELLS))
    return np.exp(log_p - log_p.max()).reshape(CELLS, CELLS).astype(np.float32)


def ground(at: Measured, named: bool = True) -> tuple[Layer, ...]:
    """What every plane shows: p(x), the lumps' numbers, the measured line and one σ to either side.

    Args:
        at: The data and the line.
        named: Whether all of it has switches and stands in the legend, or, where room is scarce, the line alone.
    """
    a, d = at.directions()
    ends = np.array([-5.0, 5.0])[:, None] * d
    lines = [at.offset * a + ends + shift * at.sigma * a for shift in (0, -1, 1)]
    means = at.prior().means
    beyond = means * (1 + BEYOND / np.linalg.norm(means, axis=1, keepdims=True))
    return (
        Field(
            name="p(x)" if named else "",
            key="p" if named else "",
            values=_density(at.source),
            extent=EXTENT,
            limits=(0.0, 1.0),
            alpha=0.7,
        ),
        Labels(
            name="",
            at=NUMBERS if at.source == "three" else beyond,
            texts=tuple(str(k + 1) for k in range(len(means))),
            colour="muted",
        ),
        Polylines(name="measured: a · x = y", key="y", xy=np.array(lines[:1]), colour="ink", width=2),
        Polylines(
            name="y ± σ" if named else "",
            key="s" if named else "",
            xy=np.array(lines[1:]),
            colour="ink",
            width=1,
            dashed=True,
        ),
    )


def lumps_of(posterior: Posterior) -> Ellipses:
    """The components of p(x | y), as opaque as they are likely."""
    return Ellipses(
        name="p(x | y)",
        key="e",
        mean=np.where(posterior.weights[:, None] >= FAINT, posterior.means, np.nan),
        covariance=posterior.covariances,
        weight=posterior.weights,
        colour="truth",
        width=2,
    )


def weights_panel(title: str, series: tuple[tuple[str, str, str, np.ndarray], ...], share: float = 1.0) -> Panel:
    """Shares of the lumps, per cent, side by side: name, key, colour and weights ``(K,)`` or ``(F, K)`` of each."""
    lumps = series[0][3].shape[-1]
    wide = 0.84 / len(series)
    bars = tuple(
        Bars(
            name=name,
            key=key,
            height=100 * weights,
            x=np.arange(lumps) + (k - (len(series) - 1) / 2) * wide,
            width=0.92 * wide,
            colour=colour,
        )
        for k, (name, key, colour, weights) in enumerate(series)
    )
    return Panel(
        title,
        bars,
        (-0.6, 1.35 * lumps - 0.4),  # room for the legend
        (0, 108),
        equal=False,
        x_label="lump",
        x_names=tuple(str(k + 1) for k in range(lumps)),
        share=share,
    )
