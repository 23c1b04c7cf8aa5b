r"""Is it one of ours? −ELBO, L_500 and exact log p(x) as detectors of pictures that are no digits.

Scores of 100 pictures of each kind are stored (`elbo-ours`, :mod:`genmodels.inference.kinds`); whoever scores low is
flagged. AUC = P(a foreign picture scores lower than a digit), ties as half (:mod:`genmodels.detection`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.scene import Bars, Labels, Panel, Polylines, Readout, Scene, chart
from dashboard.scene.claims import Claim, Said, said
from dashboard.scene.fields import choice
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import framed, ink, picture
from genmodels.detection import flagged, roc_auc, roc_curve
from genmodels.inference.kinds import KINDS, pictures
from genmodels.store import cache

STORED = "elbo-ours"
needs = (STORED,)
SCORES = {
    "2d.exact": "log p(x), 2 latents",
    "2d.bound": "L₅₀₀, 2 latents",
    "2d.elbo": "ELBO, 2 latents",
    "16d.bound": "L₅₀₀, 16 latents",
    "16d.elbo": "ELBO, 16 latents",
}
SHORT = ("log p 2", "L₅₀₀ 2", "ELBO 2", "L₅₀₀ 16", "ELBO 16")
FOREIGN = KINDS[1:]
NAMES = {
    "turned": "Upside down",
    "inverted": "Inverted",
    "noise": "Noise",
    "constant": "Blank to black",
    "bars": "One black bar",
}
PICTURES, COLUMNS, ROWS = 100, 4, 3
BINS = np.logspace(1.4, 4, 27)
"""Ends of the bars, nats: ten to a factor of ten."""
ALARMS = 5
"""Digits of 100 that are flagged."""


@dataclass(frozen=True)
class Config:
    """Which score is asked."""

    ours_by: str = choice("Score", "2d.exact", SCORES)


def scores(kind: str, by: str) -> np.ndarray:
    """Of 100 pictures, nats; a bound, or log p(x) itself."""
    return cache.arrays(STORED)[f"{kind}.{by}"].astype(float)


def scene(config: Config) -> Scene:
    """One kind after the other."""
    by, frames = config.ours_by, len(FOREIGN)
    ours, foreign = scores("ours", by), np.stack([scores(kind, by) for kind in FOREIGN])
    areas = areas_of_all()
    mine = areas[:, list(SCORES).index(by)]
    threshold = np.sort(ours)[ALARMS]
    found = np.array([float(flagged(row, threshold)) for row in foreign])
    blank, one = scores("constant", by)[0], np.ones(frames)
    return Scene(
        panels=(_sheets(), _histogram(ours, foreign, by), _rates(ours, foreign), _areas(areas)),
        steps=np.arange(frames),
        time="kind",
        readouts=(
            Readout("median of digits", np.median(ours) * one, "nats", 1),
            Readout("median of these", np.median(foreign, axis=1), "nats", 1),
            Readout("AUC", mine),
            Readout("found, if 5 % of digits are flagged", 100 * found, "%", 0),
            Readout("a blank page", blank * one, "nats", 1),
            Readout("digits below the blank page", 100 * float((ours < blank).mean()) * one, "%", 0),
        ),
        **_said(mine),
        alt="Digits and pictures of another kind; histograms of their scores; how well the score tells them apart.",
        fps=0.5,
    )


def code(config: Config) -> str:
    """The area, of the last kind, and a blank page anew by the network."""
    by, kind = config.ours_by, FOREIGN[-1]
    return snippet(
        "import numpy as np",
        "from genmodels.detection import flagged, roc_auc",
        "from genmodels.store.checkpoint import load",
        f"scores = load({STORED!r}).arrays  # 100 pictures of each kind",
        f"ours, these = (scores[f'{{kind}}.{by}'].astype(float) for kind in ('ours', {kind!r}))",
        f"threshold = np.sort(ours)[{ALARMS}]",
        "shown = {",
        "    'median of digits': np.median(ours), 'median of these': np.median(these),",
        "    'AUC': roc_auc(ours, these),",
        "    'found, if 5 % of digits are flagged': 100 * flagged(these, threshold),",
        f"    'a blank page': scores['constant.{by}'][0],",
        "}",
    )


def areas_of_all() -> np.ndarray:
    """AUC of each kind by each score, ``(5, 5)``."""
    return np.array([[roc_auc(scores("ours", by), scores(kind, by)) for by in SCORES] for kind in FOREIGN])


def because() -> str:
    """How often it is so."""
    area = roc_auc(scores("ours", "2d.exact"), scores("bars", "2d.exact"))
    return (
        f"With 2 latents the bar has the higher p(x) in {100 * (1 - area):.0f} of 100 pairs. log p(x | z) is a sum "
        "over pixels: what is plain may cost less than a digit, though it is none."
    )


def surprise() -> str:
    """What the simple pictures get, in figures."""
    ours, bars = scores("ours", "2d.exact"), scores("bars", "2d.exact")
    blank = scores("constant", "2d.exact")[0]
    return (
        f"Exact log p(x), 2 latents: the mean digit has {ours.mean():.1f} nats, the mean bar {bars.mean():.1f}, a "
        f"blank page {blank:.1f}, which is more than {100 * (ours < blank).mean():.0f} % of the digits have."
    )


def _said(areas: np.ndarray) -> Said:
    told: list[Claim | str] = []
    for k, kind in enumerate(FOREIGN):
        here, area = np.arange(len(FOREIGN)) == k, areas[k]
        name, pairs = NAMES[kind], f"in {100 * area:.0f} of 100 pairs the digit scores higher."
        told += [
            Claim(f"{name}: {pairs} Told apart without a mistake.", here & (area == 1)),
            Claim(f"{name}: {pairs} The stranger is usually the more probable one.", here & (area < 0.5)),
            Claim(f"{name}: {pairs}", here),
        ]
    return said(len(FOREIGN), *told)


# --- what is seen -------------------------------------------------------------------------------------------


def _shown(kind: str) -> np.ndarray:
    at = np.linspace(0, PICTURES - 1, COLUMNS * ROWS).round().astype(int)
    return framed(ink(pictures(kind, PICTURES)[at].astype(float)))


def _sheets() -> Panel:
    """Twelve digits, and under them twelve of the kind."""
    foreign, width = np.stack([_shown(kind) for kind in FOREIGN]), float(COLUMNS)
    names = np.full((len(FOREIGN), len(FOREIGN), 2), np.nan)
    names[np.arange(len(FOREIGN)), np.arange(len(FOREIGN))] = (width / 2, -ROWS - 0.85)
    layers = (
        Labels(name="", at=np.array([[width / 2, -0.25]]), texts=("Digits",), bold=True),
        picture(_shown("ours"), (0, -0.5), 1, COLUMNS, "digits"),
        Labels(name="", at=names, texts=tuple(NAMES.values()), bold=True),
        picture(foreign, (0, -ROWS - 1.1), 1, COLUMNS, "these"),
    )
    return Panel("Who is who", layers, (0, width), (-2 * ROWS - 1.1, 0), axes=False, share=0.8)


def _histogram(ours: np.ndarray, foreign: np.ndarray, by: str) -> Panel:
    """How many cost how much, −score on a logarithmic axis; digits up, the others down, each of its highest bar."""
    up = _counts(ours)
    down = np.stack([_counts(row) for row in foreign])
    layers = (
        Polylines(name="digits", key="d", xy=_boxes(up), colour="data", closed=True, filled=True, alpha=0.85),
        Polylines(name="these", key="t", xy=_boxes(-down), colour="class1", closed=True, filled=True, alpha=0.85),
    )
    title = "Pictures by cost: digits up, these down"
    ends = (float(BINS[0]), float(BINS[-1]))
    return chart(
        title, layers, ends, (-1.1, 1.4), f"−{SCORES[by].split(',')[0]}, nats", "of the highest bar", "log", share=1.6
    )


def _counts(values: np.ndarray) -> np.ndarray:
    """Pictures in each bar, of those in the fullest; who costs too little or too much is in the first or last."""
    counts = np.histogram(np.clip(-values, BINS[0], BINS[-1]), BINS)[0]
    return counts / counts.max()


def _boxes(height: np.ndarray) -> np.ndarray:
    """Bars over 0, ``(…, B)`` to outlines ``(…, B, 4, 2)``."""
    left, right, zero = (np.broadcast_to(a, height.shape) for a in (BINS[:-1], BINS[1:], 0.0))
    corners = ((left, zero), (right, zero), (right, height), (left, height))
    return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=-2)


def _rates(ours: np.ndarray, foreign: np.ndarray) -> Panel:
    curves = 100 * np.stack([roc_curve(ours, row) for row in foreign])[:, None]
    layers = (
        Polylines(name="chance", xy=np.array([[[0.0, 0.0], [100.0, 100.0]]]), colour="muted", width=1.5),
        Polylines(name="this score", key="r", xy=curves, colour="model", width=3),
    )
    return chart("Strangers found, %", layers, (0, 100), (0, 103), x_label="digits flagged, %", share=0.6)


def _areas(areas: np.ndarray) -> Panel:
    layers = (
        Bars(name="AUC", key="a", height=areas, colour="model"),
        Polylines(
            name="a coin", key="c", xy=np.array([[[-0.6, 0.5], [4.6, 0.5]]]), colour="ink", dashed=True, width=2
        ),
    )
    return Panel("AUC by score and latents", layers, (-0.6, 4.6), (0, 1.05), False, x_names=SHORT, share=1.0)
