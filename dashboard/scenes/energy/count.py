"""A Boltzmann machine one can count: p of all 512 pictures of 3 × 3, while three ways of training go on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import numpy as np

from dashboard.scene import Claim, Curve, Images, Panel, Polylines, Readout, Scene, chart, said
from dashboard.scene.fields import choice, slider
from dashboard.scene.snippet import called, snippet
from genmodels.data.bars_and_stripes import bars_and_stripes
from genmodels.rbm.model import RBM, binary_states, state_numbers
from genmodels.rbm.training import RBMConfig, iterate_rbm

SIDE, HIDDEN = 3, 8
PIXELS = SIDE**2
COLUMNS, ROWS = 32, 16
PATTERNS = bars_and_stripes(SIDE)
DATA = state_numbers(PATTERNS)
"""Which of all pictures the data are, ``(14,)``."""
STEPS, EVERY = 1500, 30
SCALE, CHAINS = 0.1, 100
NAMES = {"exact": "exact gradient", "cd": "CD-1", "pcd": "PCD"}
COLOURS = {"exact": "truth", "cd": "class1", "pcd": "model"}
WALLS = {method: name[0].upper() + name[1:] for method, name in NAMES.items()}
PALE = 0.3
"""Ink of a white pixel beside that of a black one: so that a tile is there even where its picture is white."""
TOP = 4.0
"""Nats that the chart shows at least."""
NEAR = 0.005
"""Nats by which one is told to be nearer than another."""


@dataclass(frozen=True)
class Counted:
    """Whose wall is shown, and how all three are trained."""

    count_wall: str = choice("The wall shows", "exact", WALLS)
    count_negative: float = slider("Weight of the negative phase", 1.0, 0.0, 1.0, 0.05)
    count_rate: float = slider("Learning rate", 0.5, 0.05, 1.0, 0.05)
    count_hidden: int = slider("Hidden units", HIDDEN, 1, HIDDEN, 1)
    seed: int = 0

    def training(self, method: str) -> RBMConfig:
        """Of one of the three; all from the same start."""
        return RBMConfig(
            self.count_hidden,
            method,  # type: ignore[arg-type]
            n_chains=CHAINS,
            learning_rate=self.count_rate,
            decay=True,
            negative=self.count_negative,
            n_steps=STEPS,
            scale=SCALE,
            seed=self.seed,
        )


class Run(NamedTuple):
    """One training, F frames.

    Attributes:
        p: Of each picture, ``(F, 512)``.
        kl: KL(data ‖ model), nats, ``(F,)``.
        log_z: ``(F,)``.
        largest: The largest |w|, ``(F,)``.
        machines: F.
    """

    p: np.ndarray
    kl: np.ndarray
    log_z: np.ndarray
    largest: np.ndarray
    machines: tuple[RBM, ...]


def scene(config: Counted) -> Scene:
    """Frames are training steps."""
    steps = np.arange(0, STEPS + 1, EVERY)
    runs = {method: run(config, method) for method in NAMES}
    shown = runs[config.count_wall]
    return Scene(
        panels=(_wall(config, shown.p), _curves(runs)),
        steps=steps,
        readouts=(
            Readout("all 512 add up to", shown.p.sum(axis=1), digits=3),
            Readout("the data's 14 have", 100 * shown.p[:, DATA].sum(axis=1), "%", 1),
            *(Readout(f"KL: {name}", runs[method].kl, "nats", hidden=True) for method, name in NAMES.items()),
            Readout("log Z", shown.log_z, "nats", 2),
            Readout("largest |w|", shown.largest, digits=1),
            Readout("here CD-1 would be off by", turned(config.training(config.count_wall)), "°", 0),
        ),
        **said(len(steps), *_sentences(config, runs, steps)),
        alt="A wall of 512 small pictures, all there are of 3 by 3 pixels, each as dark as it is probable; fourteen "
        "are outlined, the data. Beside it the distance of three machines from the data over training.",
        fps=12,
    )


def code(config: Counted) -> str:
    """All three trained, and counted."""
    return snippet(
        "import numpy as np",
        "from genmodels.data.bars_and_stripes import bars_and_stripes",
        "from genmodels.rbm.training import RBMConfig, fit_rbm",
        f"x = bars_and_stripes({SIDE})",
        "def trained(method):",
        *(f"    {line}" for line in _called(config).split("\n")),
        "    return fit_rbm(x, config).rbm()",
        f"rbms = {{name: trained(method) for method, name in {NAMES}.items()}}",
        "shown = {f'KL: {name}': -np.log(len(x)) - rbm.log_prob(x).mean() for name, rbm in rbms.items()}",
        f"shown['log Z'] = rbms[{NAMES[config.count_wall]!r}].log_z()",
    )


def run(config: Counted, method: str) -> Run:
    """A training from the start to the end, once for all walls."""
    return _run(config.training(method))


@lru_cache(maxsize=12)
def _run(config: RBMConfig) -> Run:
    machines = tuple(state.rbm() for state in iterate_rbm(PATTERNS, config, EVERY))
    log_p, log_z = map(np.array, zip(*map(counted, machines), strict=True))
    kl = -np.log(len(DATA)) - log_p[:, DATA].mean(axis=1)
    return Run(np.exp(log_p), kl, log_z, np.array([np.abs(rbm.weights).max() for rbm in machines]), machines)


def counted(rbm: RBM) -> tuple[np.ndarray, float]:
    """log p of all 512 pictures, ``(512,)``, and log Z."""
    log_z = rbm.log_z()
    return -rbm.free_energy(binary_states(PIXELS)) - log_z, log_z


@lru_cache(maxsize=12)
def turned(config: RBMConfig) -> np.ndarray:
    """Degrees between what CD-1 follows on average at the machine of each frame and the gradient there, ``(F,)``."""
    ways = [(rbm.expected_cd(PATTERNS).flat(), rbm.gradient(PATTERNS).flat()) for rbm in _run(config).machines]
    cosines = [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in ways]
    return np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))


def _called(config: Counted) -> str:
    training = config.training("cd")
    named = {name: getattr(training, name) for name in ("learning_rate", "decay", "negative", "n_steps", "scale")}
    text = called("config = RBMConfig", training.n_hidden, **named, seed=config.seed)
    return text.replace(f"RBMConfig({training.n_hidden}, ", f"RBMConfig({training.n_hidden}, method, ")


# --- what is shown ----------------------------------------------------------------------------------------------


def _wall(config: Counted, p: np.ndarray) -> Panel:
    """All tiles as one picture: each 3 × 3, with a line of paper between."""
    depth = np.sqrt(np.minimum(p * len(DATA), 1))  # full at the data's own 1/14
    tiles = depth[:, :, None] * np.where(binary_states(PIXELS) == 1, 1, PALE)
    tiles = tiles.reshape(-1, ROWS, COLUMNS, SIDE, SIDE).transpose(0, 1, 3, 2, 4)
    wall = np.zeros((len(p), ROWS, SIDE + 1, COLUMNS, SIDE + 1))
    wall[:, :, 1:, :, 1:] = tiles
    wall = np.pad(wall.reshape(len(p), ROWS * (SIDE + 1), -1), [(0, 0), (0, 1), (0, 1)])
    edge = 1 / (2 * (SIDE + 1))  # half of the line between two tiles
    corner = np.stack([DATA % COLUMNS, ROWS - 1 - DATA // COLUMNS], axis=1)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    layers = (
        Images(
            name="",
            pixels=(255 * wall[:, None]).round().astype(np.uint8),
            columns=1,
            extent=(-edge, COLUMNS + edge, -edge, ROWS + edge),
        ),
        Polylines(
            name="the data", key="d", xy=corner[:, None] + square[None] * 1.0, colour="data", closed=True, width=2.5
        ),
    )
    margin = 2 * edge
    title = f"p of every picture there is: {NAMES[config.count_wall]}"
    return Panel(title, layers, (-margin, COLUMNS + margin), (-margin, ROWS + margin), axes=False, share=2.1)


def _curves(runs: dict[str, Run]) -> Panel:
    layers = tuple(
        Curve(name=NAMES[method], key=key, y=run.kl, colour=COLOURS[method])
        for key, (method, run) in zip("ecp", runs.items(), strict=True)
    )
    top = max(TOP, *(1.05 * float(run.kl.max()) for run in runs.values()))
    return chart("KL(data ‖ model), nats", layers, (0, STEPS), (0, top), x_label="step")


def _sentences(config: Counted, runs: dict[str, Run], steps: np.ndarray) -> list[Claim | str]:
    kl = {method: run.kl for method, run in runs.items()}
    black = runs[config.count_wall].p[:, -1]

    def before(one: str, other: str) -> np.ndarray:
        return kl[one] + NEAR < kl[other]

    return [
        Claim(
            "All 512 pictures of 3 × 3, each as dark as it is probable; the 14 in a frame are the data.", steps == 0
        ),
        Claim(
            "Nothing pulls down: each weight grows at every step, and the black picture has more than half of p.",
            (black > 0.5) & (config.count_negative == 0),
        ),
        Claim("Nothing pulls down: each weight grows at every step.", np.array(config.count_negative == 0)),
        *(
            Claim(
                f"Nearest to the data: {NAMES[a]}, then {NAMES[b]}, then {NAMES[c]}.",
                before(a, b) & before(b, c),
            )
            for a, b, c in permutations(NAMES)
        ),
        "Two of the three are about equally near to the data.",
    ]
