"""Why a thousand steps? A small step back is a Gaussian, a large one is not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dashboard.scene import Curve, Ellipses, Field, Handle, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.contours import cell_centres
from dashboard.scenes.diffusion.setup import (
    PLANE,
    Config,
    Exact,
    T,
    densities,
    density_field,
    probe_point,
    without_probe,
)

COUNTS, FRAMES, CELLS, REACH, ORIGINS = (1_000, 50, 5), 12, 32, 4.0, 60
BOX = (-REACH, REACH, -REACH, REACH)
LAST = 0.97  # ᾱ where the last step back ends: at 1 data that are points have no density, and narrow modes no cells


def scene(config: Config) -> Scene:
    """Time as a share of the way back; x_t under the hand."""
    exact = config.exact(ORIGINS)
    schedule = config.noising()
    share = np.linspace(1.0, 0.1, FRAMES)
    x_t = np.array([[config.x_1, config.x_2]])
    steps = [_steps(exact, schedule.choose(count), share, x_t) for count in COUNTS]
    t = (share * T).round()
    nearest = densities(without_probe(config), tuple(t.astype(int).tolist()))
    return Scene(
        panels=(
            plane("xₜ under the hand, over pₜ", (density_field(nearest), probe_point(config)), PLANE, PLANE),
            *(_panel(count, *step[:2]) for count, step in zip(COUNTS, steps, strict=True)),
            chart(
                "Nats from a Gaussian",
                tuple(
                    Curve(
                        name=f"{count:,} steps",
                        key="abc"[k],
                        x=t,
                        y=np.maximum(steps[k][2], 1e-6),
                        colour=("data", "class1", "model")[k],
                    )
                    for k, count in enumerate(COUNTS)
                ),
                (0, T),
                (1e-5, 5),
                x_label="t",
                y_scale="log",
                share=0.8,
            ),
        ),
        steps=np.arange(FRAMES),
        time="frame",
        readouts=(
            Readout("t", t, digits=0),
            *(
                Readout(f"{count:,} steps: nats from a Gaussian", step[2], digits=5)
                for count, step in zip(COUNTS, steps, strict=True)
            ),
        ),
        captions=(
            "Magnified until its spread is 1: the exact step back, and the Gaussian that stands for it. With "
            "few, large steps it has several humps, and no Gaussian can follow.",
        ),
        caption=0,
        alt="The exact distribution of one step back for 1,000, 50 and 5 steps, each beside its Gaussian.",
        fps=3,
        handles=(Handle("x", x_t[0], probe=True),),
    )


@lru_cache(maxsize=4)
def _grid() -> np.ndarray:
    return cell_centres(BOX, CELLS)


def _steps(exact: Exact, chosen, share: np.ndarray, x_t: np.ndarray) -> tuple:
    """The exact step's density in its own units ``(F, C, C)``, its Gaussian's shape, and the KL; by time."""
    density, shape, kl = [], [], []
    cell = (2 * REACH / CELLS) ** 2
    for s in share:
        k = max(1, int(np.ceil(s * chosen.n_steps - 1e-9)))
        level, before = float(chosen.alpha_bar[k]), float(chosen.alpha_bar[k - 1])
        if k == 1:
            before = LAST
        step = exact.transition(x_t, level, before)
        mean, covariance = (moment[0] for moment in step.moments())
        width = float(np.sqrt(np.trace(covariance) / 2))
        log_p = step.log_prob(mean + width * _grid()) + 2 * np.log(width)
        relative = covariance / width**2
        precision = np.linalg.inv(relative)
        squared = np.einsum("ni,ij,nj->n", _grid(), precision, _grid())
        log_q = -0.5 * (squared + np.log(np.linalg.det(relative))) - np.log(2 * np.pi)
        p = np.exp(log_p)
        density.append(p.reshape(CELLS, CELLS))
        shape.append(relative)
        kl.append(max(0.0, float((p * (log_p - log_q)).sum() * cell)))
    return np.stack(density).astype(np.float32), np.stack(shape)[:, None], np.array(kl)


def _panel(count: int, density: np.ndarray, shape: np.ndarray) -> Panel:
    layers = (
        Field(name="exact p(xₜ₋₁ | xₜ)", key="p", values=density, extent=BOX, limits=(0.0, 0.3)),
        Ellipses(
            name="its Gaussian, 1 – 2 σ", key="g", mean=np.zeros((1, 2)), covariance=shape, colour="model", width=2
        ),
        Points(name="", xy=np.zeros((1, 2)), radius=2, colour="model"),
    )
    return Panel(f"One step of {count:,}", layers, (-REACH, REACH), (-REACH, REACH), share=0.9, axes=False)
