"""Your digit: drawn by hand, encoded, reconstructed, and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import (
    Bars,
    Brush,
    Claim,
    Ellipses,
    Panel,
    Points,
    Polylines,
    Readout,
    Scene,
    chart,
    drag,
    first_true,
    plane,
)
from dashboard.scene.fields import painted, switch
from dashboard.scene.painted import decode_points, encode_points
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import BOARD, PEN, SIDE, binary, codes, drawn, flat, ink, joined, picture
from dashboard.scenes.vae.setup import PLANE, known, prior_circles
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

BOX = 20  # MNIST's makers scaled each digit to fit 20 × 20 pixels, and put its centre of mass into the middle
SAMPLES, SIGMAS = 256, (1.0, 2.0)
PASSES, ASIDE = 0.05, 5  # the least rank that passes; pixels
BINS = np.arange(40.0, 1281.0, 40.0)
KINDS = {
    "digits": ("test digits", "class0"),
    "upside_down": ("upside down", "class1"),
    "noise": ("their pixels, shuffled", "muted"),
}


@lru_cache(maxsize=1)
def example() -> str:
    """A three, for those who have not drawn yet, as it stands in a link."""
    turn = np.linspace(0.75 * np.pi, -0.5 * np.pi, 22)
    upper = np.stack([13 + 5 * np.cos(turn), 18.5 + 4.5 * np.sin(turn)], -1)
    turn = np.linspace(0.5 * np.pi, -0.75 * np.pi, 26)
    lower = np.stack([13 + 6 * np.cos(turn), 9 + 5 * np.sin(turn)], -1)
    points = np.concatenate([upper, lower])
    return encode_points(points, np.zeros(len(points), int), BOARD, BOARD)


@dataclass(frozen=True)
class Config:
    """What was drawn, as in the link; whether it is moved and scaled as MNIST is; the seed of z's draws."""

    drawn: str = painted(BOARD, default=example)
    fitted: bool = switch("Centre and scale as MNIST does", True)
    seed: int = 0


def pixels(points: np.ndarray, fitted: bool) -> np.ndarray:
    """Dots on the board ``(N, 2)`` as a picture ``(784,)``, 0 or 1, as MNIST's digits are made.

    Neighbouring dots of a stroke are joined: those nearer to each other than a ninth of the board.
    """
    xy = joined(points)
    if fitted:
        low, high = xy.min(axis=0), xy.max(axis=0)
        scale = (BOX - 2 * PEN) / max(float((high - low).max()), 4.0)
        xy = (xy - (low + high) / 2) * scale + SIDE / 2
    grey = drawn(xy)
    if fitted:
        centres = np.arange(SIDE) + 0.5
        mass = np.array([(grey.sum(axis=axis) * centres).sum() for axis in (1, 0)]) / grey.sum()
        grey = _moved(grey, *np.round(SIDE / 2 - mass).astype(int))
    return (grey > 0.5).astype(np.float32).ravel()


def _moved(picture: np.ndarray, down: int, across: int) -> np.ndarray:
    """By whole pixels; what comes in is paper."""
    margin = max(abs(int(down)), abs(int(across)))
    return np.roll(np.pad(picture, margin), (down, across), (0, 1))[margin : margin + SIDE, margin : margin + SIDE]


def scene(config: Config) -> Scene:
    """One frame: there is nothing to scrub, only to draw."""
    points, _ = decode_points(config.drawn, BOARD, BOARD)
    brush = Brush(0, tuple((float(x), float(y), 0) for x, y in points))
    board = [Points(name="drawn", xy=points, radius=7)]
    if not len(points):
        return _empty(board, brush)
    model = known()
    x = pixels(points, config.fitted)[None]
    (mu, sigma), rng = model.network.encode(x), np.random.default_rng([config.seed, 8])
    reconstruction, kl = (float(v[0]) for v in model.network.elbo(x, SAMPLES, rng))
    loss = kl - reconstruction
    losses = {kind: -cache.arrays("vae-2d")[f"reference.{kind}"].astype(float) for kind in KINDS}
    worse = 100 * float((losses["digits"] >= loss).mean())
    landing = (
        prior_circles(),
        *codes(model.mu, model.labels),
        Ellipses(
            name="q(z | x) of yours",
            key="e",
            mean=mu,
            covariance=np.eye(2) * (sigma**2)[:, None, :],
            sigmas=SIGMAS,
            colour="model",
            width=3,
        ),
        Points(name="yours", xy=mu, radius=7, colour="model"),
    )
    shown = (
        picture(ink(x), (0, 2.15), 1, name="x as the network sees it"),
        picture(ink(model.network.decode(mu)), (0, 1), 1, name="x̂, reconstructed"),
    )
    one = np.ones(1)
    return Scene(
        panels=(
            _board(board),
            Panel("x as it is seen, and x̂", shown, (0, 1), (-0.02, 2.15), axes=False, share=0.55),
            plane("Where it lands", landing, PLANE, PLANE, labels=("z₁", "z₂")),
            _judged(losses, loss),
        ),
        steps=np.array([0]),
        time="frame",
        readouts=(
            Readout("reconstruction", reconstruction * one, "nats", 1),
            Readout("KL", kl * one, "nats", 2),
            Readout("ELBO", -loss * one, "nats", 1),
            Readout("rank", worse * one, "%", 1, hidden=True),
        ),
        equation="ELBO = E_q[log p(x | z)] − KL(q ‖ p) = {reconstruction} − {KL} = {ELBO} nats; "
        "{rank} % of 500 held-out digits have an ELBO no higher than yours.",
        captions=(verdict(loss, losses),),
        caption=0,
        alt="A board to draw a digit on; where it lies in the latent plane, its reconstruction and its bound.",
        brush=brush,
    )


def code(config: Config) -> str:
    """The bound of the picture, and its rank; empty while there is none."""
    points, _ = decode_points(config.drawn, BOARD, BOARD)
    if not len(points):
        return ""
    bits = np.packbits(pixels(points, config.fitted).astype(np.uint8)).tobytes().hex()
    return snippet(
        "import numpy as np",
        "from genmodels.store.checkpoint import load",
        "from genmodels.vae.runtime import ForwardVAE",
        "stored = load('vae-2d')",
        "network = ForwardVAE.of(stored)",
        "# the picture as the network sees it, 784 bits",
        f"bits = bytes.fromhex('{bits}')",
        "x = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(1, 784)",
        "mu, sigma = network.encode(x)  # q(z | x) = N(μ, σ²)",
        f"reconstruction, kl = network.elbo(x, {SAMPLES}, np.random.default_rng([{config.seed}, 8]))",
        "elbo = reconstruction[0] - kl[0]",
        "shown = {",
        "    'reconstruction': reconstruction[0], 'KL': kl[0], 'ELBO': elbo,",
        "    'rank': 100 * np.mean(stored.arrays['reference.digits'] <= elbo),",
        "    'yours': mu,",
        "    'x̂, reconstructed': np.round(255 * network.decode(mu)).reshape(1, 28, 28),  # 255 is ink",
        "}",
    )


def verdict(loss: float, losses: Mapping[str, np.ndarray]) -> str:
    """Is it one of ours? By the rank of −ELBO among held-out digits."""
    share = float(rank(np.array([loss]), losses["digits"])[0])
    if share >= PASSES:
        return f"By its ELBO it could be one of ours: {100 * share:.1f} % of held-out digits are as hard to explain."
    if share > 0:
        return "An odd one: fewer than 5 % of the held-out digits are as hard to explain."
    if loss < np.quantile(losses["noise"], 0.05):
        return "None of ours: harder to explain than every held-out digit, easier than 95 % of shuffled ones."
    return "None of ours: as hard to explain as digits whose pixels are shuffled."


class Judged(NamedTuple):
    """Shares 0 … 1 of held-out digits that pass turned by 180°, and moved aside; what a blank sheet costs, nats."""

    turned: float
    aside: float
    blank: float
    harder: float  # share of the digits that cost as much as the blank sheet, or more


def judged() -> Judged:
    """What the ELBO lets pass."""
    return cache.made(_judged_by, "vae-2d")


def _judged_by(checkpoint: Checkpoint) -> Judged:
    network, images = known(checkpoint.entry.name).network, binary().images
    digits, turned = (-checkpoint.arrays[f"reference.{of}"].astype(float) for of in ("digits", "upside_down"))

    def cost(x: np.ndarray, n_samples: int) -> np.ndarray:
        reconstruction, kl = network.elbo(flat(x), n_samples, np.random.default_rng(0))
        return kl - reconstruction

    blank = float(cost(np.zeros((SAMPLES, SIDE, SIDE)), 4).mean())
    moved = cost(np.roll(images, ASIDE, axis=2), 4)
    turned_pass, moved_pass = (float((rank(loss, digits) >= PASSES).mean()) for loss in (turned, moved))
    return Judged(turned_pass, moved_pass, blank, float(rank(np.array([blank]), digits)[0]))


def rank(loss: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Share of the digits that are as hard to explain, or harder, for each loss ``(N,)``."""
    return (digits[None] >= loss[:, None]).mean(axis=1)


def sentences() -> tuple[str, ...]:
    """How forgiving the ELBO is as a judge."""
    of = judged()
    return (
        f"Draw a digit upside down, a letter, a house: is it *one of ours*? Two numbers make a forgiving judge: "
        f"{100 * of.turned:.0f} % of held-out digits still pass when they are turned upside down.",
        f"Beware: a blank sheet would cost {of.blank:.0f} nats, and {100 * of.harder:.0f} % of held-out digits cost "
        "as much or more"
        + first_true(Claim(", so it would pass.", of.harder >= PASSES), ".")
        + " A bound in the usual range does not make a picture typical.",
        "Without centring and scaling a well-drawn digit may be out of distribution: moved aside by "
        f"{ASIDE} pixels, {100 * of.aside:.0f} % of held-out digits still pass.",
    )


def _board(layers: list) -> Panel:
    return Panel("Draw a digit here", tuple(layers), BOARD, BOARD, axes=False)


def _judged(losses: Mapping[str, np.ndarray], loss: float) -> Panel:
    middles = (BINS[:-1] + BINS[1:]) / 2
    inside = {kind: np.clip(loss, BINS[0], BINS[-1] - 1) for kind, loss in losses.items()}
    shares = {kind: 100 * np.histogram(values, BINS)[0] / len(values) for kind, values in inside.items()}
    bars = [
        Bars(
            name=KINDS[kind][0], key="dui"[k], height=share, x=middles + 12 * (k - 1), width=12, colour=KINDS[kind][1]
        )
        for k, (kind, share) in enumerate(shares.items())
    ]
    top = 1.1 * max(float(share.max()) for share in shares.values())
    at = float(np.clip(loss, BINS[0], BINS[-1]))
    mark = Polylines(name="yours", key="y", xy=np.array([[[at, 0], [at, top]]]), colour="model", width=4)
    return chart(
        "−ELBO in nats: is it one of ours?",
        (*bars, mark),
        (float(BINS[0]), float(BINS[-1])),
        (0, top),
        x_label="−ELBO (the last bin takes all beyond)",
        y_label="% of pictures",
    )


def _empty(board: list, brush: Brush) -> Scene:
    return Scene(
        panels=(_board(board),),
        alt="An empty board to draw a digit on.",
        steps=np.array([0]),
        captions=("Draw a digit with the mouse or a finger.",),
        caption=0,
        brush=brush,
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after a stroke."""
    xy, labels = drag.painted(values)
    return replace(config, drawn=encode_points(xy, labels, BOARD, BOARD))
