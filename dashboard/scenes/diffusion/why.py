"""Why a thousand steps? A small step back is a Gaussian, a large one is not."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dashboard.scene import Curve, Ellipses, Field, Handle, Panel, Points, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.contours import cell_centres
from dashboard.scene.snippet import snippet, written
from dashboard.scenes.diffusion.setup import Config, Exact, T, densities, density_field, probe_point, without_probe
from dashboard.scenes.planar import PLANE
from genmodels.diffusion.sampler import ddpm_step
from genmodels.diffusion.schedules import Schedule
from genmodels.metrics import count_humps

COUNTS, FRAMES, CELLS, REACH, ORIGINS = (1_000, 50, 5), 12, 32, 4.0, 60
MARGIN = 8  # cells around those that are shown: what is rare and far off counts in a KL
BOX = (-REACH, REACH, -REACH, REACH)
NEAREST, DDPM = "the Gaussian of its moments", "DDPM's own, β̃ I"
ALIKE = 0.01  # nats
LAST = 0.97  # ᾱ where the last step back ends: at 1 data that are points have no density, and narrow modes no cells


def scene(config: Config) -> Scene:
    """Time as a share of the way back; x_t under the hand."""
    exact = config.exact(ORIGINS)
    schedule = config.noising()
    share = np.linspace(1.0, 0.1, FRAMES)
    x_t = np.array([[config.x_1, config.x_2]])
    steps = [_steps(exact, schedule.choose(count), share, x_t) for count in COUNTS]
    many, some, few = (step.moments for step in steps)
    t = (share * T).round()
    nearest = densities(without_probe(config), tuple(t.astype(int).tolist()))
    return Scene(
        panels=(
            plane("xₜ under the hand, over pₜ", (density_field(config, nearest), probe_point(config)), PLANE, PLANE),
            *(_panel(count, config.of_points(ORIGINS), step) for count, step in zip(COUNTS, steps, strict=True)),
            _misses(t, steps),
        ),
        steps=np.arange(FRAMES),
        time="frame",
        readouts=(
            Readout("t", t, digits=0),
            *(
                Readout(f"{count:,} steps: KL to {name}", values, "nats", 5)
                for count, step in zip(COUNTS, steps, strict=True)
                for name, values in (("moments'", step.moments), ("DDPM's", step.ddpm))
            ),
        ),
        **said(
            FRAMES,
            Claim(
                f"One of {COUNTS[-1]} steps back has several humps here; a Gaussian has one.",
                np.array([count_humps(p) > 1 for p in steps[-1].density]),
            ),
            Claim(
                f"Here even one of {COUNTS[-1]} steps back is within {ALIKE} nats of a Gaussian, and DDPM's own too.",
                (few < ALIKE) & (steps[-1].ddpm < ALIKE),
            ),
            Claim(
                f"One of {COUNTS[-1]} is nearly a Gaussian here; DDPM's own has another spread: compare the nats.",
                (few < ALIKE) & (steps[-1].ddpm > ALIKE),
            ),
            Claim("The larger the step, the farther from a Gaussian.", (many < some) & (some < few)),
            "The exact step back and two Gaussians that may stand for it, magnified until its spread is 1.",
        ),
        alt="The exact distribution of one step back for 1,000, 50 and 5 steps, each beside two Gaussians.",
        fps=3,
        handles=(Handle("x", x_t[0], probe=True),),
    )


def code(config: Config) -> str:
    """One exact step back near t = 500, by three numbers of steps, and how far it is from the nearest Gaussian."""
    return snippet(
        "from genmodels.diffusion.schedules import get_schedule",
        "from genmodels.mixture import GaussianMixture",
        config.data_code(),
        config.exact_code(ORIGINS),
        f"schedule, x_t = get_schedule({config.schedule!r}), {written(np.array([[config.x_1, config.x_2]]))}",
        "grid = np.stack(np.meshgrid(*[np.arange(-5.875, 6, 0.25)] * 2), axis=-1).reshape(-1, 2)  # spread 1",
        "step = 6  # the frame",
        "shown = {}",
        "for n, k in ((1000, 510), (50, 26), (5, 3)):  # the k-th of n steps: this frame's",
        "    level, before = schedule.choose(n).alpha_bar[[k, k - 1]].tolist()",
        "    back = exact.transition(x_t, level, before)  # p(x_s | x_t)",
        "    mean, covariance = back.moments()",
        "    width = np.sqrt(np.trace(covariance[0]) / 2)",
        "    at = mean + width * grid",
        "    log_p, log_q = back.log_prob(at), GaussianMixture(np.ones(1), mean, covariance).log_prob(at)",
        "    kl = (np.exp(log_p) * (log_p - log_q)).sum() * (0.25 * width) ** 2",
        '    shown[f"{n:,} steps: KL to moments\'"] = max(0, kl)',
    )


@lru_cache(maxsize=8)
def told(config: Config) -> tuple[str, ...]:
    """How far DDPM's own Gaussian is off in a few large steps, and what stands for the data and for the last step."""
    chosen, x_t = config.noising().choose(COUNTS[-1]), np.array([[config.x_1, config.x_2]])
    first = _steps(config.exact(ORIGINS), chosen, np.arange(COUNTS[-1], 1, -1) / COUNTS[-1], x_t)
    about = (
        f"In {COUNTS[-1]} steps, but for the last, DDPM's own misses by up to {first.ddpm.max():.2f} nats at this "
        f"x_t, the Gaussian of the moments by up to {first.moments.max():.2f}.",
        f"A step that would end at the data ends at ᾱ = {LAST} here; the real one adds no noise.",
    )
    of = config.of_points(ORIGINS)
    return (*about, f"The exact step is that{of}, which stand for the data.") if of else about


@lru_cache(maxsize=4)
def _grid() -> np.ndarray:
    cells = CELLS + 2 * MARGIN
    reach = REACH * cells / CELLS
    return cell_centres((-reach, reach, -reach, reach), cells)


def _shown(p: np.ndarray) -> np.ndarray:
    """The cells of the grid that lie in the box, ``(CELLS, CELLS)``."""
    inside = slice(MARGIN, MARGIN + CELLS)
    return p.reshape(CELLS + 2 * MARGIN, -1)[inside, inside]


class Steps(NamedTuple):
    """One step back at each time, magnified to spread 1.

    Attributes:
        density: The exact one ``(F, C, C)``.
        shape: Covariance of the moment-matched Gaussian, ``(F, 1, 2, 2)``.
        own: That of DDPM's, β̃ I.
        moments: KL from the exact step to the moment-matched Gaussian, nats, ``(F,)``.
        ddpm: The same to DDPM's own, which has the exact mean here.
    """

    density: np.ndarray
    shape: np.ndarray
    own: np.ndarray
    moments: np.ndarray
    ddpm: np.ndarray


def _steps(exact: Exact, chosen: Schedule, share: np.ndarray, x_t: np.ndarray) -> Steps:
    """One step back at each time, of that many steps."""
    density, shape, own, kl, ddpm = [], [], [], [], []
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
        density.append(_shown(p))
        shape.append(relative)
        kl.append(max(0.0, float((p * (log_p - log_q)).sum() * cell)))
        own.append(ddpm_step(level, before).sigma ** 2 / width**2 * np.eye(2))
        ddpm.append(kl[-1] + _between(relative, own[-1]))
    alike = (np.array(values) for values in (kl, ddpm))
    return Steps(np.stack(density).astype(np.float32), np.stack(shape)[:, None], np.stack(own)[:, None], *alike)


def _between(p: np.ndarray, q: np.ndarray) -> float:
    """KL between two Gaussians of one mean, by their covariances.

    KL(exact ‖ q) = KL(exact ‖ the Gaussian of its moments) + KL(that ‖ q) for a Gaussian q.
    """
    ratio = np.linalg.solve(q, p)
    return float(0.5 * (np.trace(ratio) - len(p) - np.log(np.linalg.det(ratio))))


def _misses(t: np.ndarray, steps: list[Steps]) -> Panel:
    """KL from each exact step to its two Gaussians."""
    curves = [
        Curve(
            name=name,
            key=keys[k],
            x=t,
            y=np.maximum(values, 1e-6),
            colour=("data", "class1", "model")[k],
            dashed=keys == "xyz",
        )
        for k, (count, step) in enumerate(zip(COUNTS, steps, strict=True))
        for name, values, keys in (
            (f"{count:,} steps", step.moments, "abc"),
            (f"{count:,}, DDPM's", step.ddpm, "xyz"),
        )
    ]
    top = 2 * max(5.0, *(float(curve.y.max()) for curve in curves))
    return chart("KL to a Gaussian", tuple(curves), (0, T), (1e-5, top), "t", "nats", y_scale="log", share=0.8)


def _panel(count: int, of: str, step: Steps) -> Panel:
    centre = np.zeros((1, 2))
    layers = (
        Field(name=f"exact p(xₜ₋₁ | xₜ){of}", key="p", values=step.density, extent=BOX, limits=(0.0, 0.3)),
        Ellipses(name=NEAREST, key="g", mean=centre, covariance=step.shape, colour="model", width=2),
        Ellipses(name=DDPM, key="o", mean=centre, covariance=step.own, colour="truth", width=2, dashed=True),
        Points(name="", xy=np.zeros((1, 2)), radius=2, colour="model"),
    )
    return Panel(f"One step of {count:,}", layers, (-REACH, REACH), (-REACH, REACH), share=0.9, axes=False)
