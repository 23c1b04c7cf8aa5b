"""A line of evidence: one number is measured of a point in the plane; three answers to where the point is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Bars, Handle, Panel, Points, Polylines, Readout, Scene, chart, drag, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.fields import choice, placed, slider
from dashboard.scene.snippet import snippet
from dashboard.scenes.inverse.setup import SIGMAS, SOURCES, Measured, ground, lumps_of, weights_panel
from dashboard.scenes.planar import PLANE
from genmodels.inverse.exact import Posterior, minimum_norm

SAMPLES, SALT = 300, 3
COUNTS = np.unique(np.concatenate([np.arange(13), np.geomspace(13, SAMPLES, 40).round()])).astype(int)
SHORT, APART = 0.4, 1.5  # distances of the knobs: least there may be, and least after a shift
BIN, PLACES = 0.2, 241
RARE = 100  # p(x) is below a hundredth of the median over the samples


@dataclass(frozen=True)
class Evidence:
    """A line through two places, P and Q, and how sure it is."""

    source: str = choice("Data", "three", SOURCES)
    sigma: float = slider("Noise σ", 0.2, *SIGMAS, 0.05)
    p_1: float = placed(-2.6, *PLANE)
    p_2: float = placed(0.7, *PLANE)
    q_1: float = placed(2.6, *PLANE)
    q_2: float = placed(0.7, *PLANE)
    seed: int = 0

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """P and Q, ``(2,)`` each.

        Raises:
            ValueError: They are too near to each other for a line.
        """
        p, q = np.array([self.p_1, self.p_2]), np.array([self.q_1, self.q_2])
        if np.hypot(*(q - p)) < SHORT / 2:
            raise ValueError("The two knobs are in one place, and no line goes through them; drag them apart.")
        return p, q

    def measured(self) -> Measured:
        """a is a right angle to the left of the way from P to Q, and y = a · P."""
        p, q = self.ends()
        turn = np.arctan2(*(q - p)[::-1]) + np.pi / 2
        y = round(float(np.array([np.cos(turn), np.sin(turn)]) @ p), 9)
        return Measured(self.source, float(np.rad2deg(turn)), y, self.sigma, self.seed)


def scene(config: Evidence) -> Scene:
    """Samples of the posterior arrive."""
    at, (p, q) = config.measured(), config.ends()
    posterior, prior = at.posterior(), at.prior()
    x, lump = posterior.sample(SAMPLES, np.random.default_rng([config.seed, SALT]))
    shortest, mean = minimum_norm(at.measurement(), [[at.offset]])[0], posterior.mean
    log_p = prior.log_prob(np.concatenate([shortest[None], mean[None], x]))
    so_far, one = _running(x), np.ones(len(COUNTS))
    shares = _running(np.eye(len(prior.weights))[lump])
    error, apart = float(np.trace(posterior.covariance)), float(np.square(shortest - mean).sum())
    return Scene(
        panels=(
            plane(
                "Where is x?",
                (
                    *ground(at),
                    lumps_of(posterior),
                    Points(name="samples", key="x", xy=x, count=COUNTS, radius=3, colour="model", alpha=0.8),
                    Points(name="minimum norm", key="n", xy=shortest[None], radius=8, colour="class1"),
                    Points(name="posterior mean", key="m", xy=mean[None], radius=8, colour="class0"),
                    Points(
                        name="mean of the samples", key="a", xy=so_far[:, None], radius=5, colour="class3", trail=12
                    ),
                ),
                PLANE,
                PLANE,
                share=1.3,
            ),
            _along(posterior, x, np.array([shortest, mean]), at.directions()[1]),
            weights_panel(
                "Weights of the lumps, %",
                (
                    ("p(k): before", "b", "muted", prior.weights),
                    ("p(k | y): after", "w", "truth", posterior.weights),
                    ("samples", "x", "model", np.nan_to_num(shares)),
                ),
                share=0.9,
            ),
        ),
        steps=COUNTS,
        time="samples",
        readouts=(
            Readout("log p(x): minimum norm", log_p[0] * one, "nats", 2),
            Readout("log p(x): posterior mean", log_p[1] * one, "nats", 2),
            Readout("log p(x): samples so far", _running(log_p[2:, None])[:, 0], "nats", 2),
            Readout("expected error²: minimum norm", (error + apart) * one, digits=2),
            Readout("expected error²: posterior mean", error * one, digits=2),
            Readout("expected error²: a sample", 2 * error * one, digits=2),
        ),
        **said(len(COUNTS), *_sentences(log_p[0], log_p[1], float(np.median(log_p[2:])))),
        alt="A measured line in the plane crosses the lumps of the data; samples of the posterior arrive along it, "
        "beside the minimum norm and the posterior mean.",
        fps=10,
        handles=(Handle("shift", p, colour="ink"), Handle("turn", q, colour="ink")),
    )


def code(config: Evidence) -> str:
    """Three answers, and what each costs."""
    return snippet(
        config.measured().measured_code(),
        "from genmodels.inverse.exact import minimum_norm",
        f"x, lump = posterior.sample({SAMPLES}, np.random.default_rng([{config.seed}, {SALT}]))",
        "shortest, mean = minimum_norm(line, [y])[0], posterior.mean",
        "error = np.trace(posterior.covariance)  # E|x − mean|²",
        "shown = {",
        "    'log p(x): minimum norm': prior.log_prob([shortest])[0],",
        "    'log p(x): posterior mean': prior.log_prob([mean])[0],",
        "    'log p(x): samples so far': prior.log_prob(x).mean(),",
        "    'expected error²: minimum norm': error + ((shortest - mean) ** 2).sum(),",
        "    'expected error²: posterior mean': error,",
        "    'p(k | y): after': 100 * posterior.weights,",
        "}",
    )


def after_drag(config: Evidence, values: Mapping[str, Any]) -> Evidence:
    """The line after a knob was moved: P takes it along, Q turns it around P."""
    p, q = config.ends()
    at = np.clip(drag.handle(values, drag.moved(values)), *PLANE)
    if drag.moved(values) == "shift":
        q = _within(at, at + q - p)
        p = at
    else:
        far = np.hypot(*(at - p))
        q = at if far >= SHORT else p + SHORT * (q - p) / np.hypot(*(q - p))
    p, q = p.round(3), q.round(3)
    return replace(config, p_1=float(p[0]), p_2=float(p[1]), q_1=float(q[0]), q_2=float(q[1]))


def _within(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Q nearer to P, or on its other side, so that it is inside the picture and not on top of P."""
    for way in (q - p, p - q):
        with np.errstate(divide="ignore"):
            room = np.where(way > 0, PLANE[1] - p, PLANE[0] - p) / np.where(way == 0, np.nan, way)
        share = min(1.0, float(np.nanmin(room)))
        if share * np.hypot(*way) >= APART:
            return p + share * way
    return q


def _running(values: np.ndarray) -> np.ndarray:
    """Means of the first n rows of ``(N, D)``, for each count n, ``(F, D)``; NaN for none."""
    total = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])[COUNTS]
    return np.where(COUNTS[:, None] > 0, total / np.maximum(COUNTS, 1)[:, None], np.nan)


def _along(posterior: Posterior, x: np.ndarray, answers: np.ndarray, d: np.ndarray) -> Panel:
    """p(s | y) of the place s = d · x along the line, and how samples fill it."""
    s = np.linspace(*PLANE, PLACES)
    centres, widths = posterior.means @ d, np.sqrt(np.einsum("d,kde,e->k", d, posterior.covariances, d))
    bells = np.exp(-0.5 * ((s[:, None] - centres) / widths) ** 2) / (np.sqrt(2 * np.pi) * widths)
    p = bells @ posterior.weights
    edges = np.arange(PLANE[0], PLANE[1] + BIN / 2, BIN)
    inside = (x @ d)[:, None]
    in_bin = (inside >= edges[:-1]) & (inside < edges[1:])
    filled = np.concatenate([np.zeros((1, len(edges) - 1)), in_bin.cumsum(axis=0)])[COUNTS] / (SAMPLES * BIN)
    top = 1.25 * float(max(p.max(), filled.max()))
    places = answers @ d
    marks = np.array([[[place, 0.0], [place, top]] for place in places])
    layers = (
        Bars(name="samples", key="x", height=filled, x=edges[:-1] + BIN / 2, width=0.9 * BIN, colour="model"),
        Polylines(name="p(s | y)", key="e", xy=np.stack([s, p], axis=-1)[None], colour="truth", width=3),
        Polylines(name="minimum norm", key="n", xy=marks[:1], colour="class1", width=3),
        Polylines(name="posterior mean", key="m", xy=marks[1:], colour="class0", width=3),
    )
    return chart(
        f"Along the line: {SAMPLES} samples fill p(s | y)", layers, PLANE, (0, top), x_label="s, along the line"
    )


def _sentences(shortest: float, mean: float, typical: float) -> list[Claim | str]:
    rare = [log_p < typical - np.log(RARE) for log_p in (shortest, mean)]
    none, some = COUNTS == 0, COUNTS > 0
    below = f"p(x) is less than 1/{RARE} of a typical sample's"
    return [
        Claim("y says: near the line. p(x) says: in a lump. What do both say?", none),
        Claim(f"Where minimum norm and posterior mean lie, {below}.", some & all(rare)),
        Claim(f"Where the posterior mean lies, {below}.", some & rare[1]),
        Claim(f"Where the minimum norm lies, {below}.", some & rare[0]),
        Claim(f"Neither where the minimum norm lies nor at the posterior mean {below}.", some),
    ]
