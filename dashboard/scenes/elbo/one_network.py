r"""One q for each x, or one network for all: a climb of its own beside the encoder's jump.

    log p(x) ≥ F(best q of x's own) ≥ F(encoder's q(z | x)),      amortisation gap = F(best) − F(encoder)

The levels are stored (`elbo-one-network`, :mod:`genmodels.inference.amortised`); the climb is made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Curve, Ellipses, Field, Labels, Panel, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, Said, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.elbo.digits import NETWORK, model
from dashboard.scenes.pictures import binary_digit, ink, picture
from genmodels.inference.amortised import ORDER, SETTLED
from genmodels.inference.ascent import AscentConfig, PosteriorState, iterate_posterior
from genmodels.inference.bounds import GaussianQ, elbo
from genmodels.store import cache

STORED = "elbo-one-network"
needs = (NETWORK, STORED)
STARTS = {"prior": "The prior", "encoder": "The encoder's q"}
IMAGES, STEPS, RATE, CELLS = 200, 24, 0.5, 56
FRAMES = STEPS + 1
MNIST = 60_000
WIDE, FINER = 0.3, 30
"""A wider q needs so many nodes of quadrature along an axis."""
NEAR = 0.05
"""Nats below the best q at which a climb has arrived."""
BINS = np.logspace(-2, 2.5, 19)
"""Ends of the bars, nats: four to a factor of ten."""


@dataclass(frozen=True)
class Config:
    """A test image, and where its own q begins."""

    one_image: int = slider("Test digit", 47, 0, IMAGES - 1, 1)
    one_start: str = choice("The climb begins at", "prior", STARTS)


class Way(NamedTuple):
    """Of q, frame by frame: means and deviations ``(F, 2)``, and its bound ``(F,)``, nats."""

    mean: np.ndarray
    sigma: np.ndarray
    elbo: np.ndarray


class Levels(NamedTuple):
    """Of one image, nats."""

    log_p: float
    best: float
    encoder: float


def scene(config: Config) -> Scene:
    """q climbs towards the posterior of one image."""
    way, at, x = climb(config), levels(config.one_image), binary_digit(config.one_image)
    encoder = model().encoder_q(x)
    gaps, one = gaps_of_all(), np.ones(FRAMES)
    return Scene(
        panels=(
            _plane(config, encoder, way),
            _pictures(x, encoder, way),
            _levels(way, at),
            _histogram(gaps, at),
        ),
        steps=np.arange(FRAMES),
        time="step",
        readouts=(
            Readout("log p(x)", at.log_p * one, "nats", 2),
            Readout("ELBO, best q of its own", at.best * one, "nats", 2),
            Readout("ELBO, encoder", at.encoder * one, "nats", 2),
            Readout("ELBO of q", way.elbo, "nats", 2),
            Readout("amortisation gap", (at.best - at.encoder) * one, "nats", 2),
            Readout("its median", np.median(gaps) * one, "nats", 2),
            Readout("its mean", gaps.mean() * one, "nats", 2),
        ),
        **_said(config, way, at),
        alt="An ellipse climbs onto the posterior of a digit's code, beside the one that the encoder says at once; "
        "the bounds of both over the steps; how far the encoder stays below for each of 200 digits.",
        fps=5,
    )


def code(config: Config) -> str:
    """log p(x), the encoder's bound, and where the climb ends."""
    start = "GaussianQ(np.zeros(2), np.eye(2))" if config.one_start == "prior" else "encoder"
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inference.ascent import AscentConfig, fit_posterior",
        "from genmodels.inference.bounds import GaussianQ, elbo",
        "from genmodels.inference.decoder import VAEModel",
        "from genmodels.inference.exact import posterior",
        "from genmodels.store.checkpoint import load",
        f"model = VAEModel.of(load({NETWORK!r}), np.float32)",
        f"x = load_binarised_mnist().test.images[{config.one_image}].ravel().astype(float)",
        "encoder = model.encoder_q(x)  # one pass through the network",
        f"start = {start}",
        f"climb = AscentConfig(start, 'diagonal', rate={RATE}, n_steps={STEPS}, order={ORDER})",
        "own = fit_posterior(model, x, climb)  # 4 numbers, for this x alone",
        "shown = {",
        "    'log p(x)': posterior(model, x).log_evidence, 'ELBO of q': own.elbo,",
        f"    'ELBO, encoder': elbo(model, x, encoder, {ORDER}).total,",
        "}",
    )


def _said(config: Config, way: Way, at: Levels) -> Said:
    first, left = np.arange(FRAMES) == 0, at.best - way.elbo
    resting = way.elbo[-1] - way.elbo < 0.01
    return said(
        FRAMES,
        Claim(
            f"q begins as the prior, {at.log_p - way.elbo[0]:.0f} nats below log p(x).",
            first & (config.one_start == "prior"),
        ),
        Claim("q begins where the encoder puts it: one pass through a network, no step.", first),
        Claim(
            f"Arrived at the best q of its own. The encoder's is {at.best - at.encoder:.2f} nats lower.", left < NEAR
        ),
        Claim(
            f"It rises no more, {left[-1]:.1f} nats below the best q: this climb ended on a lower top.",
            resting & (left >= NEAR),
        ),
        Claim("Above the encoder's q, and rising.", way.elbo > at.encoder),
        "q climbs. The encoder has been there from the start.",
    )


# --- what is computed once ----------------------------------------------------------------------------------


def levels(i: int) -> Levels:
    """The stored ones of an image."""
    stored = cache.arrays(STORED)
    return Levels(*(float(stored[name][i]) for name in ("log_evidence", "diagonal", "encoder")))


def gaps_of_all() -> np.ndarray:
    """What the encoder loses against the best q of each image's own, ``(200,)``, nats."""
    stored = cache.arrays(STORED)
    return stored["diagonal"].astype(float) - stored["encoder"]


def numbers() -> tuple[int, int]:
    """How many numbers 60,000 q of their own take, and how many the encoder."""
    arrays = cache.arrays(NETWORK)
    return 2 * model().n_latent * MNIST, sum(a.size for name, a in arrays.items() if name.startswith("encoder."))


def told() -> str:
    """The price of either, in numbers to store."""
    own, network = numbers()
    more = "more than" if network > own else "no more than"
    return (
        f"A q of its own takes 4 numbers an image: {own:,} for the 60,000 of MNIST, and a climb for every new one. "
        f"The encoder takes {network:,}, {more} that, but as many for a million images, and no climb."
    )


def climb(config: Config) -> Way:
    """q on its way up, by the network of the store."""
    return _climb(config, cache.load(NETWORK).entry.sha256)


@lru_cache(maxsize=16)
def _climb(config: Config, sha256: str) -> Way:
    x = binary_digit(config.one_image)
    start = GaussianQ(np.zeros(2), np.eye(2)) if config.one_start == "prior" else model().encoder_q(x)
    given = AscentConfig(start, "diagonal", rate=RATE, n_steps=STEPS, order=ORDER)
    states = []
    for state in iterate_posterior(model(), x, given):
        states.append(state)
        if len(states) > 1 and state.elbo - states[-2].elbo < SETTLED:
            break
    states += [states[-1]] * (FRAMES - len(states))
    return Way(
        np.array([state.mean for state in states]),
        np.array([state.q.sigma for state in states]),
        np.array([_bound(x, state) for state in states]),
    )


def _bound(x: np.ndarray, state: PosteriorState) -> float:
    """F at a q of the climb; of a wide one by more nodes than steps are chosen by, which may miss it by some nats."""
    wide = state.q.sigma.max() > WIDE
    return elbo(model(), x, state.q, FINER // 2).total if wide else state.elbo


# --- what is seen -------------------------------------------------------------------------------------------


def _pictures(x: np.ndarray, encoder: GaussianQ, way: Way) -> Panel:
    """x, and what the decoder makes of both means."""
    words = ("x", "encoder", "q")
    pixels = (ink(x[None]), ink(model().decode(encoder.mean[None])), ink(model().decode(way.mean))[:, None])
    corners = [(1.3 * k, 0.0) for k in range(3)]
    layers = (
        *(picture(one, corner, 1, name=name) for one, corner, name in zip(pixels, corners, words, strict=True)),
        Labels(name="", at=np.array([(x + 0.5, -1.12) for x, _ in corners]), texts=words),
    )
    return Panel("x, and decoded from each q", layers, (-0.15, 3.75), (-1.25, 0.05), axes=False, share=0.3)


def _window(config: Config, encoder: GaussianQ) -> tuple[tuple[float, float], tuple[float, float]]:
    """A square around the posterior and the encoder's q, with room above them for the names."""
    box = cache.arrays(STORED)["box"][config.one_image].astype(float)
    low = np.minimum(box[:, 0], encoder.mean - 3 * encoder.sigma)
    high = np.maximum(box[:, 1], encoder.mean + 3 * encoder.sigma)
    half = 0.58 * (high - low).max()
    middle = (low + high) / 2 + np.array([0.0, 0.14 * half])
    (left, right), (down, up) = ((float(m - half), float(m + half)) for m in middle)
    return (left, right), (down, up)


def _plane(config: Config, encoder: GaussianQ, way: Way) -> Panel:
    across, up = _window(config, encoder)
    values = _field(config.one_image, (*across, *up), cache.load(NETWORK).entry.sha256)
    stored = cache.arrays(STORED)
    mean, sigma = (stored[name][config.one_image].astype(float) for name in ("mean", "sigma"))
    so_far = np.minimum(np.arange(FRAMES), np.arange(FRAMES)[:, None])
    path = way.mean[so_far][:, None]
    layers = (
        Field(
            name="p(z | x)",
            key="p",
            values=values,
            extent=(*across, *up),
            limits=(0, float(values.max())),
        ),
        Ellipses(
            name="best q of its own",
            key="b",
            mean=mean[None],
            covariance=np.diag(sigma**2)[None],
            colour="truth",
            dashed=True,
            width=2,
        ),
        Ellipses(
            name="encoder's q",
            key="e",
            mean=encoder.mean[None],
            covariance=encoder.covariance[None],
            colour="class1",
        ),
        Polylines(name="", xy=path, colour="model", width=1.5),
        Ellipses(
            name="q",
            key="q",
            mean=way.mean[:, None],
            covariance=(way.sigma[:, :, None] ** 2 * np.eye(2))[:, None],
            colour="model",
        ),
    )
    return plane("Where is z? 1 and 2 σ of each q", layers, across, up, share=3, labels=("z₁", "z₂"))


@lru_cache(maxsize=16)
def _field(i: int, extent: tuple[float, float, float, float], sha256: str) -> np.ndarray:
    """p(z | x) at the cells' centres, rows along z₂."""
    log_joint = model().log_joint(binary_digit(i), cell_centres(extent, CELLS))
    return np.exp(log_joint - levels(i).log_p).reshape(CELLS, CELLS).astype(np.float32)


def _levels(way: Way, at: Levels) -> Panel:
    """The bound over the steps; the first of them may lie below the picture."""
    depth = 1.6 * max(at.log_p - at.encoder, at.log_p - float(way.elbo[-1]), 1.0)
    layers = (
        _level("log p(x)", "l", at.log_p, "ink", False),
        _level("best q of its own", "b", at.best, "truth", True),
        _level("encoder's q", "e", at.encoder, "class1", False),
        Curve(name="q", key="q", y=way.elbo, colour="model", width=3),
    )
    return chart(
        "The bound, nats", layers, (0, STEPS), (at.log_p - depth, at.log_p + 0.12 * depth), "step", share=1.3
    )


def _level(name: str, key: str, height: float, colour: str, dashed: bool) -> Polylines:
    xy = np.array([[[0.0, height], [float(STEPS), height]]])
    return Polylines(name=name, key=key, xy=xy, colour=colour, width=2.5, dashed=dashed)


def _histogram(gaps: np.ndarray, at: Levels) -> Panel:
    """How many of the 200 images lose how much, on a logarithmic axis."""
    counts, _ = np.histogram(np.clip(gaps, BINS[0], BINS[-1]), BINS)
    left, right, zero = BINS[:-1], BINS[1:], np.zeros(len(counts))
    boxes = np.stack(
        [np.stack([x, y], axis=-1) for x, y in ((left, zero), (right, zero), (right, counts), (left, counts))], 1
    )
    top = 1.15 * float(counts.max())
    layers = (
        Polylines(name="images", key="i", xy=boxes, colour="data", closed=True, filled=True, alpha=0.8),
        _upright("median", "m", float(np.median(gaps)), top, "truth", False),
        _upright("mean", "n", float(gaps.mean()), top, "truth", True),
        _upright("this x", "x", at.best - at.encoder, top, "class1", False),
    )
    return chart(
        "Amortisation gap of 200 digits", layers, (BINS[0], BINS[-1]), (0, top), "nats", "images", "log", share=0.8
    )


def _upright(name: str, key: str, x: float, top: float, colour: str, dashed: bool) -> Polylines:
    x = float(np.clip(x, BINS[0], BINS[-1]))
    return Polylines(name=name, key=key, xy=np.array([[[x, 0], [x, top]]]), colour=colour, width=3, dashed=dashed)
