"""A vector-quantised autoencoder trained live, its codes in the plane: which are used, and which are dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Field, Panel, Points, Readout, Scene, chart, plane, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.fields import choice, slider, switch
from dashboard.scene.snippet import called, snippet
from dashboard.scenes.pictures import chosen, framed, ink, rows
from genmodels.data.digits import load_small_digits
from genmodels.data.planar import get_dataset
from genmodels.vq.measures import perplexity, shares
from genmodels.vq.runtime import ForwardVQ

if TYPE_CHECKING:
    from genmodels.vq.training import VQState

DATA = {"ffjord8": "Eight Gaussians", "moons": "Two moons", "spirals": "Spirals", "digits8": "Digits, 8 × 8 pixels"}
BATCHES = (8, 32, 128, 512)
STEPS, EVERY, POINTS, SHOWN = 1_200, 10, 1_000, 1_000
CELLS, PLANE, FRAME = 64, (-3.2, 3.2), (-2.6, 2.6)
ENDS = {False: (0.003, 5.0), True: (0.2, 30.0)}  # of the error's axis, on points and on digits


@dataclass(frozen=True)
class Config:
    """Data, the book and how it learns; the learning rate as a power of ten."""

    live_data: str = choice("Data", "ffjord8", DATA)
    live_codes: int = slider("Codes K", 48, 2, 64, 1)
    restart: bool = switch("Restart dead codes")
    ema: bool = switch("Codes follow a running mean (EMA)")
    batch: int = choice("Minibatch", 128, {n: f"{n} data" for n in BATCHES})
    log_rate: float = slider("log₁₀ learning rate", -2.0, -4.0, 0.0, 0.1)
    seed: int = 0
    device: str = "auto"

    @property
    def on_digits(self) -> bool:
        """Whether the data are digits of 4 × 4 words, not points of one word."""
        return self.live_data == "digits8"

    def training(self) -> dict[str, Any]:
        """Fields of :class:`genmodels.vq.training.VQConfig`."""
        return {
            "n_codes": self.live_codes,
            "side": 8 if self.on_digits else 0,
            "ema": self.ema,
            "restart": self.restart,
            "batch": self.batch,
            "learning_rate": 10.0**self.log_rate,
            "n_steps": STEPS,
            "every": EVERY,
            "seed": self.seed,
            "device": self.device,
        }

    def data(self) -> np.ndarray:
        """Points ``(N, 2)`` in standard units, or digits ``(N, 8, 8)``."""
        return _data(self.live_data, self.seed)


@lru_cache(maxsize=8)
def _data(source: str, seed: int) -> np.ndarray:
    if source == "digits8":
        return load_small_digits().train.images
    data = get_dataset(source)
    return data.standardise(data.sample(POINTS, np.random.default_rng([seed, 7])))


class Looked(NamedTuple):
    """What the book makes of all the data.

    Attributes:
        z: z_e, of digits at each of their places, ``(M, 2)``.
        words: ``(M,)``.
        error: ‖x − x̂‖², mean.
    """

    z: np.ndarray
    words: np.ndarray
    error: float


def looked_up(forward: ForwardVQ, x: np.ndarray) -> Looked:
    """All data through the network."""
    z = forward.encode(x)
    words = forward.book.nearest(z)
    error = np.square(x - forward.decode_words(words)).reshape(len(x), -1).sum(axis=1).mean()
    return Looked(z.reshape(-1, 2), words.ravel(), float(error))


def scenes(config: Config) -> Iterator[Scene | None]:
    """One frame every ten steps."""
    from genmodels.vq.training import VQConfig, iterate_vq

    x = config.data()
    for state in iterate_vq(x, VQConfig(**config.training())):
        forward = state.forward()
        yield _scene(config, x, state, forward, looked_up(forward, x))


def _scene(config: Config, x: np.ndarray, state: VQState, forward: ForwardVQ, found: Looked) -> Scene:
    all_words, dead = found.words, int(state.dead.sum())
    used = len(np.unique(all_words))
    wide = perplexity(all_words, config.live_codes)
    output = _digits(forward) if config.on_digits else _points(x, state, forward)
    return Scene(
        panels=(
            _book(config, state, forward, found),
            output,
            _uses(config, state, used, wide),
            _errors(config, state, found),
        ),
        steps=np.array([state.step]),
        time="step",
        readouts=(
            Readout("error of all data", found.error, "", 3),
            Readout("codes used by all data", used, "", 0),
            Readout("by the minibatch", state.used, "", 0),
            Readout("perplexity of all data", wide, "", 1),
            Readout("of the minibatch", state.perplexity, "", 1),
            Readout("dead codes", dead, "", 0),
        ),
        **said(
            1,
            Claim("The first frame: no step is taken, and all usage is set to 1/K.", state.step == 0),
            Claim("Some codes are dead: their running share of the words is below a tenth of 1/K.", dead > 0),
            Claim("No code is dead, but the minibatch uses fewer codes than all data do.", state.used < used),
            "No code is dead.",
        ),
        alt="A code book among encoded data while both are trained; what comes out; codes used, perplexity, error.",
        fps=20,
    )


def code(config: Config) -> str:
    """The first steps of this training, and what its book is worth after them."""
    data = (
        "from genmodels.data.digits import load_small_digits\nx = load_small_digits().train.images"
        if config.on_digits
        else "from genmodels.data.planar import get_dataset\n"
        f"data = get_dataset({config.live_data!r})\n"
        f"x = data.standardise(data.sample({POINTS}, np.random.default_rng([{config.seed}, 7])))"
    )
    return snippet(
        "import numpy as np",
        "from genmodels.vq.measures import n_used, perplexity",
        "from genmodels.vq.training import VQConfig, iterate_vq",
        data,
        called("config = VQConfig", **config.training()),
        f"step = {2 * EVERY}",
        "state = next(state for state in iterate_vq(x, config) if state.step == step)",
        "network = state.forward()",
        "words, k = network.words(x), config.n_codes",
        "shown = {",
        "    'error of all data': network.squared_error(x).mean(),",
        "    'codes used by all data': n_used(words, k), 'by the minibatch': state.used,",
        "    'perplexity of all data': perplexity(words, k), 'of the minibatch': state.perplexity,",
        "    'dead codes': state.dead.sum(),",
        "}",
    )


def steps() -> tuple[Callable, ...]:
    """The functions whose steps are watched."""
    from genmodels.vq.training import VQ, iterate_vq, straight_through

    return straight_through, VQ.losses, VQ.take_in, iterate_vq


def _kinds(xy: np.ndarray, dead: np.ndarray, radius: float) -> tuple[Points, Points]:
    """Codes, or where they are decoded to, ``(K, 2)``: living and dead ones."""
    alive, gone = (np.where(which[:, None], xy, np.nan)[None].astype(np.float32) for which in (~dead, dead))
    return (
        Points(name="codes", key="c", xy=alive, radius=radius, colour="model"),
        Points(name="dead codes", key="d", xy=gone, radius=radius, colour="muted"),
    )


def _book(config: Config, state: VQState, forward: ForwardVQ, found: Looked) -> Panel:
    """The share of all words that each cell has, by colour; z_e; the codes."""
    at = cell_centres((*PLANE, *PLANE), CELLS)
    share = 100 * shares(found.words, config.live_codes)
    field = Field(
        name="share of words",
        key="w",
        values=share[forward.book.nearest(at)].reshape(1, CELLS, CELLS).astype(np.float32),
        extent=(*PLANE, *PLANE),
        limits=(0.0, 400 / config.live_codes),
        unit="%",
        alpha=0.6,
        crisp=True,
    )
    z = found.z[np.random.default_rng(0).permutation(len(found.z))[:SHOWN]]
    layers = (
        field,
        Points(name="z_e", key="z", xy=z[None].astype(np.float32), radius=1.8, colour="data", alpha=0.7),
        *_kinds(state.codes, state.dead, 5),
    )
    return plane("z: the book and its cells", layers, PLANE, PLANE, share=1.4, labels=("z₁", "z₂"))


def _points(x: np.ndarray, state: VQState, forward: ForwardVQ) -> Panel:
    out = forward.decode(state.codes)
    layers = (Points(name="data", key="p", xy=x, radius=1.8, alpha=0.5), *_kinds(out, state.dead, 5))
    return plane("x: the data, and all that can come out", layers, FRAME, FRAME, share=1.2)


def _digits(forward: ForwardVQ) -> Panel:
    test = load_small_digits().test
    x = test.images[chosen(test.labels)]
    pictures, copies = (framed(ink(one.reshape(10, 64))) for one in (x, forward(x)))
    named = {"x": pictures[:5], "x̂": copies[None, :5], "x ": pictures[5:], "x̂ ": copies[None, 5:]}
    return rows("Unseen digits by 16 words each", named, share=1.2, margin=0.9)


def _uses(config: Config, state: VQState, used: int, wide: float) -> Panel:
    of = {
        "used, all data": (used, "data", False),
        "used, minibatch": (state.used, "data", True),
        "perplexity, all data": (wide, "model", False),
        "perplexity, minibatch": (state.perplexity, "model", True),
    }
    curves = tuple(
        Curve(name=name, y=np.array([float(y)]), colour=colour, dashed=dashed, width=2)
        for name, (y, colour, dashed) in of.items()
    )
    return chart(
        f"Of {config.live_codes} codes", curves, (0, STEPS), (0, 1.08 * config.live_codes), x_label="step", share=1.2
    )


def _errors(config: Config, state: VQState, found: Looked) -> Panel:
    curves = (
        Curve(name="all data", key="l", y=np.array([found.error]), colour="model"),
        Curve(name="minibatch", key="m", y=np.array([state.reconstruction]), colour="data", dashed=True, width=1.5),
    )
    ends = ENDS[config.on_digits]
    return chart("Error ‖x − x̂‖²", curves, (0, STEPS), ends, x_label="step", y_scale="log", share=0.8)
