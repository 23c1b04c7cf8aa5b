"""The schema that every page repeats: data → model with parameters θ → learn → generate, evaluate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Diagram, Edge, Ellipses, Field, Node, Panel, Points, Readout, Scene
from dashboard.scene.snippet import snippet, written
from genmodels.gaussian import FitState, Gaussian, fit_gaussian, iterate_fit

TRUTH = Gaussian(np.array([0.3, 0.0]), np.array([[1.6, 1.0], [1.0, 1.3]]))
RANGE = (-4.0, 4.0)
POINTS, SAMPLES, CELLS = 60, 120, 56
LEARN_FRAMES, GENERATE_FRAMES, EVALUATE_FRAMES = 61, 50, 60

NODES = (
    Node("data x", (0.0, 0.0), (1.9, 1.0), round=True),
    Node("model\np(x; θ)", (3.2, 0.0), (2.1, 1.3)),
    Node("generate\na new x", (6.6, 1.2), (2.3, 1.15), round=True),
    Node("evaluate\np(x)", (6.6, -1.2), (2.3, 1.15), round=True),
)
EDGES = (Edge(0, 1, "learn θ"), Edge(1, 2), Edge(1, 3))
LIT = {
    "learn": (1, 1, 0, 0, 1, 0, 0),
    "generate": (0, 1, 1, 0, 0, 1, 0),
    "evaluate": (0, 1, 0, 1, 0, 0, 1),
}
CAPTIONS = (
    "Learn: data come in, and θ moves to where they are most likely.",
    "Generate: the model draws new x.",
    "Evaluate: the model says how likely any x is.",
)


@dataclass(frozen=True)
class Config:
    """The seed of the points."""

    seed: int = 0


def scene(config: Config) -> Scene:
    """Three acts on one time axis; the diagram in the middle lights what is at work."""
    rng = np.random.default_rng(config.seed)
    data = TRUTH.sample(POINTS, rng)
    states = list(iterate_fit(data))
    learned = fit_gaussian(data).gaussian
    samples = learned.sample(SAMPLES, rng)
    acts = np.repeat([0, 1, 2], [LEARN_FRAMES, GENERATE_FRAMES, EVALUATE_FRAMES])
    probe = _probe(learned, acts)
    return Scene(
        panels=(
            _data_panel(data, states, acts),
            _diagram_panel(acts),
            _model_panel(learned, samples, probe, acts),
        ),
        steps=np.arange(len(acts)),
        time="frame",
        readouts=(
            Readout("data points", _progress(acts, 0, POINTS), digits=0),
            Readout("new points", np.where(acts >= 1, _progress(acts, 1, SAMPLES), 0), digits=0),
            Readout("p(x) at the probe", np.exp(learned.log_prob(np.nan_to_num(probe[:, 0]))) * _only(acts, 2)),
        ),
        captions=CAPTIONS,
        caption=acts,
        alt="Data points arrive on the left; the model in the middle learns from them; on the right it generates "
        "new points, then evaluates the density under a moving probe.",
        fps=22,
        loop=True,
    )


def code(config: Config) -> str:
    """Learn, generate, evaluate: by a Gaussian."""
    return snippet(
        "import numpy as np",
        "from genmodels.gaussian import Gaussian, fit_gaussian",
        f"truth = Gaussian({written(TRUTH.mean)}, {written(TRUTH.covariance)})",
        f"rng = np.random.default_rng({config.seed})",
        f"data = truth.sample({POINTS}, rng)",
        "learned = fit_gaussian(data).gaussian  # learn",
        f"samples = learned.sample({SAMPLES}, rng)  # generate",
        "log_p = learned.log_prob(samples)  # evaluate",
        "shown = {'data': data, 'model': learned.mean[None]}",
    )


def _progress(acts: np.ndarray, act: int, top: int) -> np.ndarray:
    """Rises from 0 to ``top`` during an act, is 0 before and ``top`` after it."""
    done = np.cumsum(acts == act) - 1
    return np.floor(top * np.clip(done / max((acts == act).sum() - 1, 1), 0, 1))


def _only(acts: np.ndarray, act: int) -> np.ndarray:
    return np.where(acts == act, 1.0, np.nan)


def _probe(learned: Gaussian, acts: np.ndarray) -> np.ndarray:
    """A point that walks along the long axis during the last act, ``(F, 1, 2)``; NaN before."""
    values, vectors = np.linalg.eigh(learned.covariance)
    n = int((acts == 2).sum())
    walk = 2.4 * np.sin(np.linspace(-np.pi / 2, 1.5 * np.pi, n))[:, None] * np.sqrt(values[-1]) * vectors[:, -1]
    at = np.full((len(acts), 1, 2), np.nan)
    at[acts == 2, 0] = learned.mean + walk
    return at


def _data_panel(data: np.ndarray, states: list[FitState], acts: np.ndarray) -> Panel:
    count = _progress(acts, 0, POINTS).astype(int)
    layers = (
        Points(name="data", key="d", xy=data, count=count, radius=4),
        Ellipses(
            name="model",
            key="m",
            mean=np.array([[states[n].mean] for n in count]),
            covariance=np.array([[states[n].covariance] for n in count]),
            colour="model",
        ),
    )
    return Panel("Data x", layers, RANGE, RANGE)


def _diagram_panel(acts: np.ndarray) -> Panel:
    active = np.array([LIT[name] for name in LIT], dtype=float)[acts]
    diagram = Diagram(name="schema", nodes=NODES, edges=EDGES, active=active)
    return Panel("A model with parameters θ", (diagram,), (-1.2, 8.0), (-2.2, 2.2), axes=False, share=1.5)


def _model_panel(learned: Gaussian, samples: np.ndarray, probe: np.ndarray, acts: np.ndarray) -> Panel:
    centres = np.linspace(*RANGE, 2 * CELLS + 1)[1::2]
    grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    density = np.exp(learned.log_prob(grid)).reshape(CELLS, CELLS)
    values = np.where((acts == 2)[:, None, None], density, np.nan).astype(np.float32)
    layers = (
        Field(name="density p(x)", key="p", values=values, extent=(*RANGE, *RANGE), limits=(0, float(density.max()))),
        Points(
            name="new points",
            key="n",
            xy=samples,
            count=_progress(acts, 1, SAMPLES).astype(int) * (acts >= 1),
            colour="model",
            radius=4,
        ),
        Points(name="probe", xy=probe, radius=9, colour="truth"),
    )
    return Panel("New x, and p(x)", layers, RANGE, RANGE)
