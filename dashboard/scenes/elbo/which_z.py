r"""Which z made this x? The exact p(z | x) beside the prior, and p(x) as a volume, slice by slice.

    p(z | x) = p(x | z) p(z) / p(x),      p(x) = ∫ p(x, z) dz = ∫ (∫ p(x, z) dz₁) dz₂

One x has one posterior. Where the plane of z is folded, two z give the same x, and it has two lumps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from dashboard.scene import Ellipses, Field, Handle, Labels, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, Said, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.drag import handle
from dashboard.scene.fields import Values, choice, placed, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.elbo import digits
from dashboard.scenes.pictures import binary_digit, ink, picture
from genmodels.inference.exact import Posterior, posterior
from genmodels.inference.models import FoldModel
from genmodels.store import cache

MODELS = {"fold": "A folded plane", "vae": "Digits, two latents"}
ACROSS, UP, LATENT = (-2.0, 2.0), (-2.2, 2.0), (-4.0, 4.0)
CREASE = 0.15 / 0.72
"""z₂ where ∂f/∂z of the folded plane is singular: 0.72 z₂ = 0.15."""
CELLS, FINER, SLICES, ALONG, TOPS = 72, 80, 30, 161, 4
NUMBERS = tuple(str(k + 1) for k in range(TOPS))
SAME = 0.02
"""Tops that are nearer to one another are one; latent units."""
NEAR = 0.05
"""Nats from the nearest Gaussian, in KL(p ‖ N)."""


def folded(values: Values) -> bool:
    """Whether x is a point in the plane."""
    return values["which_model"] == "fold"


def a_digit(values: Values) -> bool:
    """Whether x is a picture."""
    return not folded(values)


@dataclass(frozen=True)
class Config:
    """A decoder, and the x that something has made."""

    which_model: str = choice("Decoder", "fold", MODELS)
    which_noise: float = slider("Noise σ", 0.3, 0.15, 0.6, 0.05, when=folded)
    which_image: int = slider("Test digit", 32, 0, 99, 1, when=a_digit)
    which_1: float = placed(0.0, *ACROSS)
    which_2: float = placed(-0.4, *UP)

    @property
    def is_fold(self) -> bool:
        """Whether x is a point in the plane."""
        return self.which_model == "fold"

    def exact(self) -> Posterior:
        """p(z | x)."""
        if self.is_fold:
            return _of_point(self.which_noise, self.which_1, self.which_2)
        return _of_digit(self.which_image, cache.load(digits.NETWORK).entry.sha256)


def needs(config: Config) -> tuple[str, ...]:
    """The checkpoint of the digits' decoder."""
    return () if config.is_fold else (digits.NETWORK,)


def scene(config: Config) -> Scene:
    """A slice moves over the posterior, and what it has passed is summed."""
    exact = config.exact()
    tops = _tops(exact)
    z, density = _marginal(exact)
    at, so_far = _slices(z, density)
    edges = z[at] + 0.5 * (z[1] - z[0])  # the cells that are summed end there
    whole = exact.log_evidence
    return Scene(
        panels=(
            _posterior(config, exact, tops, edges),
            _folded(config, exact, tops) if config.is_fold else _pictures(exact, tops),
            _prior(config, exact),
            _volume(config, exact, edges),
        ),
        steps=np.arange(SLICES),
        time="slice",
        readouts=(
            Readout("log p(x)", np.full(SLICES, whole), "nats", 4),
            Readout("its error", np.full(SLICES, exact.error), "nats", 2, significant=True),
            Readout("log of the volume so far", whole + np.log(so_far), "nats", 4),
            Readout("lumps", np.full(SLICES, len(tops)), digits=0),
        ),
        **_said(exact, len(tops)),
        alt="A plane of codes shaded by how likely each has made the x chosen; x itself, the prior, and the volume.",
        fps=10,
        handles=(Handle("x", exact.x, panel=1, probe=True),) if config.is_fold else (),
    )


def _said(exact: Posterior, lumps: int) -> Said:
    last, off = np.arange(SLICES) == SLICES - 1, far_from_gaussian(exact)
    return said(
        SLICES,
        Claim("Below the line p(x, z) is summed: the volume so far.", ~last),
        Claim(f"{lumps} lumps: z at different places are likely to have made this x.", lumps > 1),
        Claim(f"One lump, and no Gaussian: the nearest is {off:.2f} nats away, KL(p ‖ N).", off > NEAR),
        Claim(f"One lump, and nearly a Gaussian: the nearest is less than {NEAR} nats away, KL(p ‖ N).", off < NEAR),
    )


def far_from_gaussian(exact: Posterior) -> float:
    """KL(p ‖ N) in nats to the Gaussian of p's own mean and covariance, the nearest in this direction."""
    log_det = np.linalg.slogdet(exact.covariance)[1]
    return float(exact.shares @ exact.log_density.ravel() + 0.5 * log_det + np.log(2 * np.pi) + 1)


def code(config: Config) -> str:
    """The posterior of this x, its tops, and what the summing gives."""
    a_point = (
        "from genmodels.inference.models import FoldModel",
        f"model = FoldModel({config.which_noise!r})  # x = f(z) + σ ε, z in the plane",
        f"x = np.array([{config.which_1!r}, {config.which_2!r}])",
    )
    a_picture = (
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inference.decoder import VAEModel",
        "from genmodels.store.checkpoint import load",
        f"model = VAEModel.of(load({digits.NETWORK!r}), np.float32)",
        f"x = load_binarised_mnist().test.images[{config.which_image}].ravel().astype(float)",
    )
    return snippet(
        "import numpy as np",
        "from genmodels.inference.exact import posterior",
        *(a_point if config.is_fold else a_picture),
        "exact = posterior(model, x)  # p(z | x) on a grid",
        "joint = np.exp(exact.log_density + exact.log_evidence)  # p(x, z) at its nodes",
        "volume = exact.volume * joint.sum()  # cell by cell: p(x)",
        "shown = {'log p(x)': exact.log_evidence, 'log of the volume so far': np.log(volume)}",
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """Another x, within the picture."""
    x_1, x_2 = np.clip(handle(values, "x"), (ACROSS[0], UP[0]), (ACROSS[1], UP[1])).round(3)
    return replace(config, which_1=float(x_1), which_2=float(x_2))


# --- the posterior, and its volume by slices ----------------------------------------------------------------


@lru_cache(maxsize=8)
def _of_point(noise: float, x_1: float, x_2: float) -> Posterior:
    return posterior(FoldModel(noise), np.array([x_1, x_2]))


@lru_cache(maxsize=32)
def _of_digit(image: int, sha256: str) -> Posterior:
    """p(z | x) of a test digit, by the network with this checksum."""
    found = posterior(digits.model(), binary_digit(image))
    return found if len(found.axes[0]) > FINER else posterior(found.model, found.x, found.box, FINER)


@lru_cache(maxsize=32)
def _tops(exact: Posterior) -> np.ndarray:
    """Where p(z | x) is highest, ``(T, 2)``, highest first: the nodes' tops, climbed on from; ways that meet are one.

    Along a ridge that runs aslant through the grid a node may be higher than its neighbours where no top is.
    """
    found: list[np.ndarray] = []
    for lump in exact.lumps():
        z = _climbed(exact, lump.mean, lump.cholesky @ lump.cholesky.T)
        if all(np.abs(z - other).max() > SAME for other in found):
            found.append(z)
    return np.array(sorted(found, key=lambda z: -exact.log_prob(z[None])[0]))


def _climbed(exact: Posterior, z: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Uphill by steps of Newton's kind, with the curvature at the start; half as long where one would lead down."""
    rate, height = 0.8, exact.log_prob(z[None])[0]
    for _ in range(60):
        step = rate * covariance @ exact.model.gradient(exact.x, z[None])[0]
        higher = exact.log_prob((z + step)[None])[0]
        if higher > height:
            z, height, rate = z + step, higher, min(1.5 * rate, 1.0)
        elif np.abs(step).max() < 1e-4:
            break
        else:
            rate *= 0.5
    return z


@lru_cache(maxsize=32)
def _marginal(exact: Posterior) -> tuple[np.ndarray, np.ndarray]:
    """z₂ from the lower to the higher end of the grid, ``(n,)``, and p(z₂ | x) = ∫ p(z | x) dz₁ there."""
    across, up = exact.axes
    if not isinstance(exact.model, FoldModel):  # a network is slow: the nodes that it was asked at have to do
        return up, np.exp(exact.log_density).sum(axis=0) * (across[1] - across[0])
    z = np.linspace(*exact.box[1], ALONG)
    nodes = np.stack(np.meshgrid(across, z, indexing="ij"), axis=-1).reshape(-1, 2)
    return z, np.exp(exact.log_prob(nodes)).reshape(-1, ALONG).sum(axis=0) * (across[1] - across[0])


def _slices(z: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the slices are, indices ``(SLICES,)``, and the share that lies below; the last has all."""
    summed = np.cumsum(density) * (z[1] - z[0])
    first, last = np.searchsorted(summed, (1e-4, 1 - 1e-4))
    at = np.linspace(first, last, SLICES).round().astype(int)
    at[-1] = len(z) - 1
    return at, summed[at]


# --- what is seen: x ----------------------------------------------------------------------------------------


def _folded(config: Config, exact: Posterior, tops: np.ndarray) -> Panel:
    """The plane of x: where the model puts its mass, where it is folded, and what the tops would give."""
    fold = exact.model.decode(np.array([[-9.0, CREASE], [9.0, CREASE]]))
    density = _density(config.which_noise)
    layers = (
        Field(name="p(x)", key="p", values=density, extent=(*ACROSS, *UP), limits=(0, float(density.max()))),
        Polylines(name="the fold", key="e", xy=fold[None], colour="truth", dashed=True),
        Points(name="f(z) of the tops", key="t", xy=_first(exact.model.decode(tops)), radius=5, colour="model"),
        Points(name="x", xy=exact.x[None], radius=6, colour="ink"),
    )
    return plane("x: drag it", layers, ACROSS, UP, share=1.3)


@lru_cache(maxsize=8)
def _density(noise: float) -> np.ndarray:
    """p(x) at the cells' centres: f is a line in z₁, so that given z₂ x is Gaussian; the sum is over z₂ alone."""
    model, z_2 = FoldModel(noise), np.linspace(-6, 6, 241)
    along = model.slope(np.zeros((1, 2)))[0, :, 0]
    covariance = np.outer(along, along) + noise**2 * np.eye(2)
    means = model.decode(np.column_stack([np.zeros_like(z_2), z_2]))
    share = np.exp(-0.5 * z_2**2) / np.exp(-0.5 * z_2**2).sum()
    whiten = np.linalg.inv(np.linalg.cholesky(covariance)).T
    at, middles = cell_centres((*ACROSS, *UP), CELLS) @ whiten, means @ whiten
    apart = np.square(at[:, None, 0] - middles[:, 0]) + np.square(at[:, None, 1] - middles[:, 1])
    density = np.exp(-0.5 * apart) @ share / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    return density.reshape(CELLS, CELLS)


def _numbered(name: str, key: str, at: np.ndarray, off: float) -> tuple[Points, Labels]:
    """Dots with their numbers to the right, ``off`` away; at most so many, the first are the highest."""
    places = _first(at)
    return (
        Points(name=name, key=key, xy=places, radius=5, colour="model"),
        Labels(name=name, at=places + np.array([off, 0]), texts=NUMBERS, bold=True, size=1.3),
    )


def _first(at: np.ndarray) -> np.ndarray:
    """So many of them, ``(TOPS, 2)``; NaN where there are fewer."""
    places = np.full((TOPS, 2), np.nan)
    places[: len(at)] = at[:TOPS]
    return places


def _pictures(exact: Posterior, tops: np.ndarray) -> Panel:
    """x, and what the decoder makes of the tops, highest first, and of the posterior's mean."""
    z = np.concatenate([tops[:2], exact.mean[None]])
    words = ("x", *(f"decoded at {number}" for number in NUMBERS[: len(z) - 1]), "at the mean of z")
    pixels = np.concatenate([ink(exact.x[None]), ink(exact.model.decode(z))])
    corners = [(k % 2 * 1.1, -(k // 2) * 1.3) for k in range(len(pixels))]
    layers = (
        *(picture(one[None], corner, 1, name=name) for one, corner, name in zip(pixels, corners, words, strict=True)),
        Labels(name="", at=np.array([(x + 0.5, y - 1.13) for x, y in corners]), texts=words),
    )
    return Panel("x, and what likely z would show", layers, (-0.05, 2.15), (-2.6, 0.05), axes=False)


# --- what is not seen: z ------------------------------------------------------------------------------------


def _window(config: Config, exact: Posterior) -> tuple[tuple[float, float], tuple[float, float]]:
    """Which part of the plane of z is shown: all of it, or a square around where the posterior is."""
    if config.is_fold:
        return LATENT, LATENT
    half = 0.52 * max(high - low for low, high in exact.box)
    (left, right), (low, high) = ((0.5 * sum(ends) - half, 0.5 * sum(ends) + half) for ends in exact.box)
    return (left, right), (low, high)


def _prior(config: Config, exact: Posterior) -> Panel:
    at = cell_centres((*LATENT, *LATENT), CELLS)
    values = np.exp(exact.model.log_prior(at)).reshape(CELLS, CELLS)
    extent = (*LATENT, *LATENT)
    layers: list = [Field(name="p(z)", key="q", values=values, extent=extent, limits=(0, 0.5 / np.pi))]
    if config.is_fold:
        layers.append(_crease())
    else:
        (left, right), (low, high) = _window(config, exact)
        corners = [(left, low), (right, low), (right, high), (left, high)]
        frame = Polylines(name="shown beside", key="w", xy=np.array([corners]), closed=True, colour="truth")
        layers.append(frame)
    layers.append(_circles())
    return plane("Before: p(z)", tuple(layers), LATENT, LATENT, share=0.3, labels=("z₁", "z₂"))


def _crease() -> Polylines:
    ends = np.array([[[-9.0, CREASE], [9.0, CREASE]]])
    return Polylines(name="fold of z", key="e", xy=ends, colour="truth", dashed=True)


def _circles() -> Ellipses:
    name = "prior, 1 and 2 σ"
    return Ellipses(name=name, key="c", mean=np.zeros((1, 2)), covariance=np.eye(2)[None], colour="muted", width=1)


def _posterior(config: Config, exact: Posterior, tops: np.ndarray, slices: np.ndarray) -> Panel:
    across, up = _window(config, exact)
    values, extent = _field(exact)
    line = np.stack([np.stack([np.full(SLICES, end), slices], axis=-1) for end in across], axis=1)[:, None]
    line[-1] = np.nan
    layers: list = [
        Field(
            name="p(z | x)",
            key="q",
            values=values,
            extent=extent,
            limits=(0, float(np.exp(exact.log_prob(tops[:1])[0]))),
        )
    ]
    if config.is_fold:
        layers.append(_crease())
    layers += [
        _circles(),
        *_numbered("tops", "t", tops, 0.035 * (across[1] - across[0])),
        Polylines(name="slice", key="s", xy=line, colour="model", width=2),
    ]
    return plane("After: p(z | x), exact", tuple(layers), across, up, labels=("z₁", "z₂"))


@lru_cache(maxsize=32)
def _field(exact: Posterior) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """p(z | x) at the cells' centres, rows along z₂, and their outer edges; of a network, at the grid's nodes."""
    if isinstance(exact.model, FoldModel):
        extent = (*LATENT, *LATENT)
        return np.exp(exact.log_prob(cell_centres(extent, CELLS))).reshape(CELLS, CELLS), extent
    (left, right), (low, high) = ((a[0] - 0.5 * (a[1] - a[0]), a[-1] + 0.5 * (a[1] - a[0])) for a in exact.axes)
    return np.exp(exact.log_density).T, (float(left), float(right), float(low), float(high))


def _volume(config: Config, exact: Posterior, edges: np.ndarray) -> Panel:
    """The slices' areas over z₂, those that are summed already filled."""
    z, density = _marginal(exact)
    height = density / density.max()
    passed = np.zeros((SLICES, 1, len(z) + 2, 2))
    for frame, edge in enumerate(edges):
        cut = np.minimum(z, edge)
        outline = np.column_stack([cut, np.interp(cut, z, height)])
        passed[frame, 0] = np.concatenate([[(z[0], 0)], outline, [(cut[-1], 0)]])
    layers = (
        Polylines(name="volume so far", key="v", xy=passed, colour="model", filled=True, alpha=0.9),
        Polylines(name="area of a slice", key="a", xy=np.column_stack([z, height])[None], colour="truth", width=2.5),
    )
    label = "∫ p(x, z) dz₁, of its highest"
    return chart("p(x) is the volume", layers, _window(config, exact)[1], (0, 1.1), "z₂", label, share=0.5)
