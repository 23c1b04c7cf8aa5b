"""The densest place is not where the draws are: the norm of a Gaussian in D dimensions, of which *used* tells."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dashboard.scene import Claim, Curve, Labels, Panel, Points, Polylines, Readout, Scene, chart, said
from dashboard.scene.snippet import snippet
from dashboard.scenes.pictures import picture
from genmodels import typical

DIMENSIONS = np.array([1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000])
DRAWS, SHOWN = 1_000, 3  # draws of each, and how many of them are shown as pictures
SIDE, PER_SIGMA = 32, 127 / 3  # pixels across, and grey levels of one standard deviation
FARTHEST, CELLS = 36.0, 161
NEAR = 1.0


@lru_cache(maxsize=4)
def draws(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Norms of the draws in each of the dimensions ``(F, DRAWS)``, and the first of them as they are."""
    rng = np.random.default_rng([seed, 9])
    norms = np.empty((len(DIMENSIONS), DRAWS))
    pictures = np.full((len(DIMENSIONS), SHOWN, SIDE**2), np.nan)
    for f, d in enumerate(DIMENSIONS):
        x = rng.standard_normal((DRAWS, d))
        norms[f] = np.sqrt((x * x).sum(axis=1))
        pictures[f, :, :d] = x[:SHOWN]
    return norms, pictures


def scene(seed: int) -> Scene:
    """One frame for each number of dimensions."""
    norms, pictures = draws(seed)
    within = np.array([typical.log_share_within(NEAR, int(d)) for d in DIMENSIONS])
    nearest = norms.min(axis=1)
    return Scene(
        panels=(_distances(norms), _gap(), _pictures(pictures)),
        steps=DIMENSIONS,
        time="dimensions D",
        readouts=(
            Readout("√D", np.sqrt(DIMENSIONS), digits=2),
            Readout("E |x|", np.array([typical.mean_norm(int(d)) for d in DIMENSIONS]), digits=2),
            Readout(f"nearest of {DRAWS:,} draws", nearest, digits=2),
            Readout("log₁₀ P(|x| < 1)", within / np.log(10), digits=1),
            Readout("log p(0) − E log p(x)", DIMENSIONS / 2, "nats", 1),
        ),
        **said(
            len(DIMENSIONS),
            Claim(
                f"The centre is the most probable point of all, and none of {DRAWS:,} draws is within 1 of it.",
                nearest >= NEAR,
            ),
            "The centre is the most probable point of all; some draws still come within 1 of it.",
        ),
        alt="The density falls from the centre outwards; the draws' distances pile up at the root of D, farther and "
        "farther out. Beside it even grey, the most probable picture, and three draws, which are noise.",
        fps=1.5,
    )


def _distances(norms: np.ndarray) -> Panel:
    shown = np.linspace(0, 6, CELLS)
    bell = np.stack([shown, np.exp(-(shown**2) / 2)], axis=-1)
    lines = []
    for d in DIMENSIONS:
        r = np.linspace(max(0.0, np.sqrt(d) - 4), np.sqrt(d) + 4, CELLS)
        lines.append(np.stack([r, np.exp(typical.log_norm_density(r, int(d)))], axis=-1))
    root = np.sqrt(DIMENSIONS)
    upright = np.stack([np.stack([root, np.full(len(root), y)], axis=-1) for y in (0, 1.05)], axis=1)
    dots = np.stack([norms, np.full(norms.shape, -0.05)], axis=-1)
    layers = (
        Points(name=f"{DRAWS:,} draws", key="d", xy=dots.astype(np.float32), radius=2.5, alpha=0.4),
        Polylines(name="p(x) ÷ p(0)", key="p", xy=bell[None], colour="class0", width=3),
        Polylines(name="density of |x|", key="x", xy=np.stack(lines)[:, None], colour="model", width=3),
        Polylines(name="√D", key="r", xy=upright[:, None], colour="truth", dashed=True, width=2),
    )
    title = "How far from the centre: |x|, x ~ N(0, I)"
    return chart(title, layers, (0, FARTHEST), (-0.1, 1.08), x_label="|x|", share=1.6)


def _gap() -> Panel:
    quantiles = np.array([typical.norm_quantile([0.05, 0.95], int(d)) for d in DIMENSIONS])
    lines = np.stack([np.broadcast_to(DIMENSIONS[:, None], quantiles.shape), quantiles**2 / 2], axis=-1)
    layers = (
        Polylines(name="5 % to 95 % of draws", key="n", xy=lines.transpose(1, 0, 2), colour="muted", width=2),
        Curve(name="mean", key="m", x=DIMENSIONS.astype(float), y=DIMENSIONS / 2, colour="model"),
    )
    return chart(
        "log p(0) − log p(draw), nats",
        layers,
        (1, 1000),
        (0.05, 1000),
        x_label="D",
        x_scale="log",
        y_scale="log",
    )


def _pictures(pictures: np.ndarray) -> Panel:
    """Even grey and draws, of D pixels; where there is no pixel, there is paper."""
    grey = np.clip(np.round(127.5 + PER_SIGMA * pictures), 1, 255)
    ink = np.where(np.isnan(pictures), 0, np.nan_to_num(grey)).astype(np.uint8)
    even = np.where(np.isnan(pictures[:, :1]), 0, 128).astype(np.uint8)
    shape = (len(DIMENSIONS), -1, SIDE, SIDE)
    layers = (
        picture(even.reshape(shape), (0, 2.2), 1, name="x = 0"),
        *(
            picture(ink[:, k : k + 1].reshape(shape), corner, 1, name=f"draw {k + 1}")
            for k, corner in enumerate(((1.1, 2.2), (0, 1.0), (1.1, 1.0)))
        ),
        Labels(
            name="",
            at=np.array([(0.5, 2.27), (1.6, 2.27), (0.5, 1.07), (1.6, 1.07)]),
            texts=("most probable", "a draw", "a draw", "a draw"),
        ),
    )
    return Panel("As pictures of D pixels", layers, (0, 2.1), (0, 2.4), axes=False, share=0.9)


def code(seed: int) -> str:
    """The numbers of the last frame."""
    return snippet(
        "import numpy as np",
        "from genmodels import typical",
        f"rng = np.random.default_rng([{seed}, 9])",
        f"for D in {DIMENSIONS.tolist()}:",
        f"    x = rng.standard_normal(({DRAWS:_}, D))",
        "norms = np.sqrt((x**2).sum(axis=1))",
        "log_p = typical.log_prob_at(norms, D)  # of the draws",
        "assert log_p.max() < typical.log_prob_at(0, D)",
        "shown = {",
        "    '√D': np.sqrt(D),",
        "    'E |x|': typical.mean_norm(D),",
        f"    'nearest of {DRAWS:,} draws': norms.min(),",
        "    'log₁₀ P(|x| < 1)': typical.log_share_within(1.0, D) / np.log(10),",
        "    'log p(0) − E log p(x)': typical.log_prob_at(0, D) + typical.entropy(D),",
        "}",
    )
