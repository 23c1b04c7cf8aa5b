"""Who else may answer: stored models of four kinds, each asked in its own way what is behind a cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dashboard.scene import Bars, Images, Labels, Panel, Polylines, Readout, Scene
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.inverse.mask import ANSWERS, COLUMNS, OfDigit, decibels, prior_made
from dashboard.scenes.pictures import DIGITS, SIDE, binary_digit, grey, ink, picture
from genmodels.diffusion.denoisers import ForwardDenoiser
from genmodels.inference.importance import estimate
from genmodels.inverse.clamped import iterate_clamped
from genmodels.inverse.guidance import GuidedConfig, iterate_guided
from genmodels.inverse.latent import ClimbConfig, iterate_climb
from genmodels.inverse.measurement import Mask
from genmodels.inverse.metrics import data_consistency, diversity, psnr
from genmodels.nn.convolutional import ForwardCNN
from genmodels.nn.runtime import Forward
from genmodels.pixel_ar.runtime import DrawConfig, PixelModel, forward_pixels
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint

COVERS = {
    "upper": ("its upper half", (0, 28, 14, 28)),
    "lower": ("its lower half", (0, 28, 0, 14)),
    "left": ("its left half", (0, 14, 0, 28)),
    "right": ("its right half", (14, 28, 0, 28)),
    "middle": ("a square in the middle", (6, 22, 6, 22)),
}
"""What is covered, and its left, right, lower and upper end, pixels from the lower left."""
SOLVERS = {
    "list": ("The list of digits, exactly", "vae-conditional"),
    "replacement": ("Diffusion: replacement", "diffusion-digits"),
    "repaint": ("Diffusion: RePaint", "diffusion-digits"),
    "dps": ("Diffusion: DPS", "diffusion-digits"),
    "vae": ("VAE: search in z", "vae-16d"),
    "made": ("MADE: pixel by pixel", "pixel-made"),
}
"""Who answers, and the checkpoint."""
HALF = SIDE // 2  # pictures are compared at 14 × 14
STEPS, REPEATS, CLIMB, EVERY = 50, 5, 200, 14
NOISE_SALT, STEP_SALT, PICK_SALT, START_SALT = 61, 62, 63, 64
NOT_YET = 0.24  # grey of what MADE has not drawn yet
SAME = 0.5  # answers that are less than this apart are called one


@dataclass(frozen=True)
class Asked(OfDigit):
    """A test digit, what of it is covered, and who answers."""

    cover: str = choice("Covered", "upper", {name: title for name, (title, _) in COVERS.items()})
    solver: str = choice("Who answers", "made", {name: title for name, (title, _) in SOLVERS.items()})
    strength: float = slider("Strength ζ of DPS", 1.0, 0.0, 8.0, 0.25, when=lambda v: v["solver"] == "dps")
    seed: int = 0

    def seen(self, side: int) -> np.ndarray:
        """Which pixels are not covered, of a picture that is so wide, ``(side²,)``."""
        left, right, lower, upper = (end * side // SIDE for end in COVERS[self.cover][1])
        seen = np.ones((side, side), dtype=bool)
        seen[side - upper : side - lower, left:right] = False
        return seen.ravel()

    def guided(self) -> GuidedConfig:
        """How the diffusion model goes."""
        if self.solver == "dps":
            return GuidedConfig("dps", STEPS, strength=self.strength, normalised=True)
        return GuidedConfig("replacement", STEPS, repeats=REPEATS if self.solver == "repaint" else 1)


class Way(NamedTuple):
    """From the start to nine answers, in F frames.

    Attributes:
        steps: Their ids, ``(F,)``.
        time: What a step is.
        film: What is there, ``(F, 9, D)``, ink 0 … 1; at the end the answers, with the seen pixels as they are.
        own: What the solver itself makes of the whole picture, ``(9, D)``.
        part: The digit that it has been asked about, as it sees it, ``(D,)``.
        told: More numbers on the way.
    """

    steps: np.ndarray
    time: str
    film: np.ndarray
    own: np.ndarray
    part: np.ndarray
    told: tuple[Readout, ...] = ()


def needs(config: Asked) -> tuple[str, ...]:
    """Checkpoints: the list stands beside whoever answers."""
    return tuple(dict.fromkeys(("vae-conditional", "cnn-14", SOLVERS[config.solver][1])))


def scene(config: Asked) -> Scene:
    """One solver's way to nine answers; the truth comes last."""
    way = _WAYS[config.solver](config)
    weights = prior_made().pictures.given(binary_digit(config.index()), config.seen(SIDE))
    steps = np.append(way.steps, way.steps[-1] + 1)
    done = np.arange(len(steps)) >= len(steps) - 2
    answers, expected = small(way.film[-1]), small(_expected(config, weights)[None])[0]
    votes = classifier()(answers.reshape(-1, HALF, HALF)).argmax(axis=1)
    chances = np.bincount(prior_made().classes, weights, 10)
    return Scene(
        panels=(
            _sheet(config, way),
            _beside(config, way, answers, expected, done),
            _classes(chances, votes, done),
        ),
        steps=steps,
        time=way.time,
        readouts=_readouts(config, way, answers, expected, votes, done),
        **said(len(steps), *_sentences(config, answers, votes, done)),
        alt="A digit, part of which is covered; a film of how a model comes to nine answers; their mean, and bars of "
        "which digit it may be.",
        fps=len(steps) / 6,
    )


def code(config: Asked) -> str:
    """The nine answers, how far they miss the part, and how near their mean comes."""
    asked = {"list": _list_code, "vae": _vae_code, "made": _made_code}.get(config.solver, _diffusion_code)
    left, right, lower, upper = COVERS[config.cover][1]
    side = HALF if asked is _diffusion_code else SIDE
    halved = (
        "half = [v.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196) for v in (own, part, seen)]",
        "own, part, seen = half[0], half[1], half[2][0] > 0",
    )
    rows = f"{(SIDE - upper) * side // SIDE}:{(SIDE - lower) * side // SIDE}"
    return snippet(
        "import numpy as np",
        "from genmodels.data.digits import load_mnist",
        "from genmodels.inverse.metrics import psnr",
        "from genmodels.store.checkpoint import load",
        f"grey = load_mnist().test.images[{config.index()}].reshape(14, 2, 14, 2).mean(axis=(1, 3)).ravel() / 255",
        f"seen = np.ones(({side}, {side}), dtype=bool)",
        f"seen[{rows}, {left * side // SIDE}:{right * side // SIDE}] = False",
        "seen = seen.ravel()",
        *asked(config),
        *(halved if side == SIDE else ()),
        "shown = {",
        "    'misses the part by': np.sqrt(np.square(own - part)[:, seen].mean(axis=1)).mean(),",
        "    'PSNR: their mean': psnr(own.clip(0, 1).mean(axis=0)[~seen], grey[~seen]),",
        "}",
    )


# --- Who answers --------------------------------------------------------------------------------------------


def _list(config: Asked) -> Way:
    """As in the cue *Mask*, by Bayes' rule."""
    part, seen, pictures = binary_digit(config.index()), config.seen(SIDE), prior_made().pictures
    weights, rng = pictures.given(part, seen), np.random.default_rng([config.seed, PICK_SALT])
    own = pictures.ink[rng.choice(len(weights), ANSWERS, p=weights)].astype(float)
    steps = np.arange(ANSWERS + 1)
    there = (steps[:, None] > np.arange(ANSWERS))[:, :, None]
    return Way(steps, "answer", np.where(there, np.where(seen, part, own), 0), own, part)


def _list_code(config: Asked) -> tuple[str, ...]:
    return (
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inverse.pictures import Pictures, equally_likely",
        "from genmodels.vae.runtime import ForwardVAE",
        f"part = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)",
        "z, classes = np.tile(equally_likely(20), (10, 1)), np.repeat(np.arange(10), 400)",
        "pictures = Pictures(ForwardVAE.of(load('vae-conditional')).decode(z, classes))",
        "weights = pictures.given(part, seen)  # p(k | part)",
        f"rng = np.random.default_rng([{config.seed}, {PICK_SALT}])",
        f"own = pictures.ink[rng.choice(len(weights), {ANSWERS}, p=weights)].astype(float)",
    )


def _diffusion(config: Asked) -> Way:
    network, part, seen = cache.made(_denoiser, "diffusion-digits"), grey_digit(config), config.seen(HALF)
    x_T = np.random.default_rng([config.seed, NOISE_SALT]).standard_normal((ANSWERS, HALF**2))
    rng = np.random.default_rng([config.seed, STEP_SALT])
    schedule, y = network.config.make_schedule(), network.from_data(part)[seen]
    states = list(iterate_guided(network, x_T, schedule, Mask(0.0, seen), y, config.guided(), rng))
    film = np.stack([network.to_data(s.x_t) for s in states])
    own, t = film[-1].copy(), np.array([s.t for s in states])
    film[-1, :, seen] = part[seen, None]
    return Way(np.arange(len(states)), "step", film.clip(0, 1), own, part, (Readout("t", np.append(t, 0), digits=0),))


def _denoiser(checkpoint: Checkpoint) -> ForwardDenoiser:
    return ForwardDenoiser.of(checkpoint, np.float64)  # a long step of DPS magnifies what float32 rounds off


def _diffusion_code(config: Asked) -> tuple[str, ...]:
    return (
        "from genmodels.diffusion.denoisers import ForwardDenoiser",
        "from genmodels.inverse.guidance import GuidedConfig, sample_guided",
        "from genmodels.inverse.measurement import Mask",
        "part, network = grey, ForwardDenoiser.of(load('diffusion-digits'), np.float64)",
        f"x_T = np.random.default_rng([{config.seed}, {NOISE_SALT}]).standard_normal(({ANSWERS}, 196))",
        f"rng, y = np.random.default_rng([{config.seed}, {STEP_SALT}]), network.from_data(part)[seen]",
        f"way = {written(config.guided())}",
        "x = sample_guided(network, x_T, network.config.make_schedule(), Mask(0.0, seen), y, way, rng)",
        "own = network.to_data(x)",
    )


def _vae(config: Asked) -> Way:
    decoder, part, seen = cache.made(_decoder, "vae-16d"), binary_digit(config.index()), config.seen(SIDE)
    z = np.random.default_rng([config.seed, START_SALT]).standard_normal((ANSWERS, decoder.sizes[0]))
    states = [s for s in iterate_climb(decoder, part, seen, z, ClimbConfig(CLIMB)) if s.step % 4 == 0]
    film = np.where(seen, part, np.stack([s.pictures for s in states]))
    log_p = np.array([[s.log_p.max(), s.log_p.min()] for s in [*states, states[-1]]])
    told = tuple(
        Readout(f"log p(part, z): {who}", log_p[:, k], "nats", 1) for k, who in enumerate(("highest", "lowest"))
    )
    return Way(np.array([s.step for s in states]), "step", film, states[-1].pictures, part, told)


def _decoder(checkpoint: Checkpoint) -> Forward:
    return Forward(checkpoint.arrays, "decoder", checkpoint.entry.config["activation"], dtype=np.float64)


def _vae_code(config: Asked) -> tuple[str, ...]:
    return (
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inverse.latent import ClimbConfig, climb",
        "from genmodels.nn.runtime import Forward",
        f"part = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)",
        "stored = load('vae-16d')",
        "decoder = Forward(stored.arrays, 'decoder', stored.entry.config['activation'], dtype=np.float64)",
        f"z = np.random.default_rng([{config.seed}, {START_SALT}]).standard_normal(({ANSWERS}, 16))",
        f"own = climb(decoder, part, seen, z, {written(ClimbConfig(CLIMB))}).pictures",
    )


def _made(config: Asked) -> Way:
    model, part, seen = cache.made(_pixels, "pixel-made"), binary_digit(config.index()), config.seen(SIDE)
    states = list(iterate_clamped(model, part, seen, DrawConfig(ANSWERS, every=EVERY, seed=config.seed)))
    first = np.flatnonzero(~seen[model.order])[0] // EVERY * EVERY  # before it nothing is drawn
    states = [s for s in states if s.step >= first]
    film = np.stack([np.where(seen | s.passed, s.images, NOT_YET) for s in states]).astype(float)
    count = [estimate(s.log_w)[1][-1] for s in [*states, states[-1]]]
    return Way(
        steps=np.array([s.step for s in states]),
        time="pixel",
        film=film,
        own=film[-1],
        part=part,
        told=(Readout("answers that count", np.array(count), f"of {ANSWERS}", 1),),
    )


def _pixels(checkpoint: Checkpoint) -> PixelModel:
    return forward_pixels(checkpoint.arrays, checkpoint.entry.config)


def _made_code(config: Asked) -> tuple[str, ...]:
    return (
        "from genmodels.data.digits import load_binarised_mnist",
        "from genmodels.inverse.clamped import draw_clamped",
        "from genmodels.pixel_ar.runtime import DrawConfig, forward_pixels",
        f"part = load_binarised_mnist().test.images[{config.index()}].ravel().astype(float)",
        "stored = load('pixel-made')",
        "model = forward_pixels(stored.arrays, stored.entry.config)",
        f"own = draw_clamped(model, part, seen, DrawConfig({ANSWERS}, seed={config.seed})).images.astype(float)",
    )


_WAYS = {"list": _list, "vae": _vae, "made": _made} | dict.fromkeys(("replacement", "repaint", "dps"), _diffusion)


# --- What is computed ---------------------------------------------------------------------------------------


def grey_digit(config: OfDigit) -> np.ndarray:
    """The test digit at 14 × 14, means of 2 × 2 grey pixels, ``(196,)``, 0 … 1."""
    return small(grey().images[config.index()].reshape(1, -1) / 255)[0]


def small(pictures: np.ndarray) -> np.ndarray:
    """Flat pictures at 14 × 14, ``(N, 196)``: means of 2 × 2 pixels, where they are larger."""
    side = round(pictures.shape[-1] ** 0.5)
    return pictures.reshape(-1, HALF, side // HALF, HALF, side // HALF).mean(axis=(2, 4)).reshape(-1, HALF**2)


def classifier() -> ForwardCNN:
    """The stored CNN of digits at 14 × 14."""
    return cache.made(ForwardCNN.of, "cnn-14")


def _expected(config: Asked, weights: np.ndarray) -> np.ndarray:
    """E[x | part] under the list, the seen pixels as they are, ``(784,)``."""
    return np.where(config.seen(SIDE), binary_digit(config.index()), prior_made().pictures.mean(weights))


def _readouts(
    config: Asked, way: Way, answers: np.ndarray, expected: np.ndarray, votes: np.ndarray, done: np.ndarray
) -> tuple[Readout, ...]:
    """Numbers of the answers; none before they are there."""
    covered, truth = ~config.seen(HALF), grey_digit(config)
    part = small(way.part[None])[0][~covered]
    missed = data_consistency(Mask(0.0, ~covered), small(way.own), part) / np.sqrt(len(part))

    def then(value: float | np.ndarray) -> np.ndarray:
        return np.where(done, value, np.nan)

    return (
        *way.told,
        Readout("misses the part by", then(missed.mean().round(9))),
        Readout("PSNR: an answer", then(decibels(np.square(answers - truth)[:, covered].mean())), "dB", 2),
        Readout("PSNR: their mean", then(psnr(answers.mean(axis=0)[covered], truth[covered])), "dB", 2),
        Readout("PSNR: E[x | part], the list", np.full(len(done), psnr(expected[covered], truth[covered])), "dB", 2),
        Readout("CNN: answers that are right", then(100 * (votes == config.digit).mean()), "%", 0),
        Readout("two answers are apart", then(diversity(answers)), digits=2),
    )


def _sentences(config: Asked, answers: np.ndarray, votes: np.ndarray, done: np.ndarray) -> list[Claim | str]:
    truth, covered = grey_digit(config), ~config.seen(HALF)
    end = np.arange(len(done)) == len(done) - 1
    of_mean = np.square(answers.mean(axis=0) - truth)[covered].mean()
    nearer = (np.square(answers - truth)[:, covered].mean(axis=1) < of_mean).sum()
    counts = np.bincount(votes, minlength=10)
    taken = ", ".join(f"{counts[d]} × {d}" for d in np.argsort(-counts, kind="stable") if counts[d])
    apart = np.linalg.norm(answers[:, None] - answers[None], axis=2).max()
    return [
        Claim(
            f"The truth, a {config.digit}. The CNN takes {counts[config.digit]} of {ANSWERS} answers for one. "
            f"Nearer to the truth than their mean: {nearer} of {ANSWERS}.",
            end,
        ),
        *(
            Claim(f"{why} The CNN takes the answers for: {taken}.", done & holds)
            for why, holds in _why(config, apart)
        ),
        Claim(f"The CNN takes the answers for: {taken}.", done),
        _UNDER_WAY[config.solver],
    ]


def _why(config: Asked, apart: float) -> list[tuple[str, bool]]:
    """What can be said of a solver's answers, and whether it is so."""
    if config.solver == "vae":
        return [(f"Nine starts, one answer: no two are {SAME} apart.", bool(apart < SAME))]
    if config.solver != "made":
        return []
    seen = config.seen(SIDE)[cache.made(_pixels, "pixel-made").order]
    last_seen, first_seen = np.flatnonzero(seen)[[-1, 0]]
    last_covered, first_covered = np.flatnonzero(~seen)[[-1, 0]]
    return [
        ("All seen pixels come first: drawn from MADE's own p(rest | part).", bool(last_seen < first_covered)),
        ("All covered pixels come first: the part has had no say.", bool(last_covered < first_seen)),
        ("A covered pixel has heard of the seen ones before it, and of no others.", True),
    ]


_OF_NOISE = "From noise to answers: xₜ, nine times."
_UNDER_WAY = {
    "list": "Drawn from the list, by p(k | part).",
    "replacement": _OF_NOISE,
    "repaint": _OF_NOISE,
    "dps": _OF_NOISE,
    "vae": "Nine starts z, and from each a climb of log p(part, z).",
    "made": "Row by row: covered pixels are drawn, seen ones stand.",
}


# --- What is shown ------------------------------------------------------------------------------------------


def _outline(config: Asked, corner: Sequence[float] | np.ndarray, size: float) -> np.ndarray:
    """The cover in a picture with that upper left corner, ``(4, 2)``."""
    left, right, lower, upper = COVERS[config.cover][1]
    at = np.array([[left, lower], [right, lower], [right, upper], [left, upper]]) / SIDE
    return np.array([corner[0], corner[1] - size]) + size * at


def _sheet(config: Asked, way: Way) -> Panel:
    pixels = ink(np.concatenate([way.film, way.film[-1:]]))
    edges = [_outline(config, (k % COLUMNS, COLUMNS - k // COLUMNS), 1) for k in range(ANSWERS)]
    side = round(len(way.part) ** 0.5)
    layers = (
        picture(pixels, (0, COLUMNS), 1, COLUMNS, name="answers"),
        Polylines(name="edge of the cover", key="e", xy=np.array(edges), colour="class0", closed=True, width=1),
    )
    title = f"{SOLVERS[config.solver][0]}, {side} × {side} pixels"
    return Panel(title, layers, (-0.02, COLUMNS + 0.02), (-0.02, COLUMNS + 0.02), axes=False, share=1.2)


def _beside(config: Asked, way: Way, answers: np.ndarray, expected: np.ndarray, done: np.ndarray) -> Panel:
    """What is asked; and at 14 × 14 the mean of the answers, the list's exact mean, and at the end the truth."""
    truth, end = grey_digit(config), np.arange(len(done)) == len(done) - 1
    still = (np.where(config.seen(round(len(way.part) ** 0.5)), way.part, 0), expected)
    moving = (np.where(done[:, None], answers.mean(axis=0), 0), np.where(end[:, None], truth, 0))
    at = np.array([(0.0, 2.2), (0.0, 1.0), (1.05, 2.2), (1.05, 1.0)])  # upper left corners
    images = [
        picture(ink(pixels)[..., None, :, :], (x, y), 1) for pixels, (x, y) in zip(still + moving, at, strict=True)
    ]
    x, y = at[-1]
    layers = (
        *images,
        Images(
            name="truth now", key="t", visible=False, pixels=ink(truth[None]), columns=1, extent=(x, x + 1, y - 1, y)
        ),
        Polylines(
            name="cover", key="c", xy=_outline(config, at[0], 1)[None], colour="class0", closed=True, filled=True
        ),
        Labels(name="", at=at + np.array([0.5, 0.09]), texts=("asked", "E[x | part]", "their mean", "truth")),
    )
    return Panel("Compared at 14 × 14", layers, (-0.02, 2.07), (-0.02, 2.4), axes=False, share=0.9)


def _classes(p: np.ndarray, votes: np.ndarray, done: np.ndarray) -> Panel:
    voted = 100 * np.bincount(votes, minlength=10) / ANSWERS
    sides = (
        ("p, the list", "p", 100 * p, "truth", -0.2),
        ("answers", "a", np.where(done[:, None], voted, 0), "model", 0.2),
    )
    bars = tuple(
        Bars(name=name, key=key, height=height, x=np.arange(10) + aside, width=0.38, colour=colour)
        for name, key, height, colour, aside in sides
    )
    return Panel("Which digit is it? %", bars, (-0.6, 9.6), (0, 165), equal=False, x_names=DIGITS, share=1.1)
