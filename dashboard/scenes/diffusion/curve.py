"""The schedule: how fast data are ruined, and whether what is left at the end is noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Handle, Panel, Points, Polylines, Readout, Scene, chart, plane
from dashboard.scene.claims import Claim, said
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, written
from dashboard.scene.snippet import called, snippet
from dashboard.scenes.diffusion.setup import SCHEDULES, Config, T
from dashboard.scenes.planar import KNOWN, PLANE
from genmodels.diffusion.sampler import q_sample
from genmodels.diffusion.schedules import Schedule, get_schedule

KNOTS = 7
START = "0.93,0.75,0.5,0.28,0.12,0.04,0.002"
COUNTS = {1000: "1,000 steps", 50: "50 steps", 5: "5 steps"}
OWN = "own"
PARTICLES, FRAMES, LEAST = 400, 50, 1e-6
NEARLY = 0.01  # nats, of the bound's term of x_T


@dataclass(frozen=True)
class Curves(Config):
    """Which schedule, one's own ᾱ at seven places, and how many steps are chosen of it."""

    source: str = choice("Data", "moons", KNOWN)
    schedule: str = choice("Schedule", "linear", SCHEDULES | {OWN: "Your own: drag the knots"})
    count: int = choice("Steps", 50, COUNTS)
    knots: str = written(START)

    def noising(self) -> Schedule:
        """All 1,000 steps, of one's own curve where that is chosen."""
        return get_schedule([1.0, *self.heights()], T) if self.schedule == OWN else get_schedule(self.schedule)

    def heights(self) -> list[float]:
        """ᾱ at 1/7, 2/7, … of the time, from the link.

        Raises:
            ValueError: They are not seven numbers.
        """
        try:
            heights = [float(part) for part in self.knots.split(",")]
        except ValueError:
            heights = []
        if len(heights) != KNOTS or not np.isfinite(heights).all():
            raise ValueError(f"The drawn schedule {self.knots[:60]!r} is not {KNOTS} numbers; choose another one.")
        return heights


def scene(config: Curves) -> Scene:
    """Time as a share of the way."""
    full = config.noising()
    chosen = full.choose(config.count)
    share = np.linspace(0, 1, FRAMES + 1)
    at = np.searchsorted(chosen.times, share * T, side="right") - 1
    x_0, eps = config.points(PARTICLES), config.noise(PARTICLES)
    x = np.stack([q_sample(x_0, int(k), chosen, eps) for k in at])
    kl = float(chosen.prior_term(x_0)[-1])
    t = chosen.times[at].astype(float)
    return Scene(
        panels=(
            _levels(config, full, chosen, t, chosen.alpha_bar[at]),
            _steps(chosen, config.count),
            plane(
                "xₜ in these steps",
                (Points(name="points", key="p", xy=x.astype(np.float32), radius=2.5),),
                PLANE,
                PLANE,
            ),
        ),
        steps=np.arange(FRAMES + 1),
        time="frame",
        readouts=(
            Readout("t", t, digits=0),
            Readout("ᾱₜ", chosen.alpha_bar[at], digits=5),
            Readout("βₜ of this step", chosen.beta[at], digits=4),
            Readout("log SNR", np.where(at > 0, chosen.log_snr[np.maximum(at, 1)], np.nan), "nats", 2),
            Readout("E KL(q(x_T | x₀) ‖ N(0, I))", np.full(FRAMES + 1, kl), "nats", 2, significant=True),
        ),
        **said(
            FRAMES + 1,
            Claim("x_T is nearly noise: on average q(x_T | x₀) is within 0.01 nats of N(0, I).", kl <= NEARLY),
            "x_T is *not* noise: q(x_T | x₀) is more than 0.01 nats from N(0, I), where sampling starts.",
        ),
        alt="The share of signal left over time, the noise added in each step, and the data on their way.",
        fps=12,
        handles=_handles(config),
    )


def code(config: Curves) -> str:
    """The steps that are chosen of the schedule, and the points on their way."""
    curve = [1.0, *config.heights()] if config.schedule == OWN else config.schedule
    return snippet(
        "from genmodels.diffusion.sampler import q_sample",
        "from genmodels.diffusion.schedules import get_schedule",
        config.data_code(),
        called("schedule = get_schedule", curve),
        f"chosen = schedule.choose({config.count})  # so many of its steps",
        f"t = np.linspace(0, 1, {FRAMES + 1}) * {T}",
        "at = np.searchsorted(chosen.times, t, side='right') - 1  # the last step taken by then",
        f"x_0 = {config.points_code(PARTICLES)}",
        f"eps = {config.noise_code(PARTICLES)}",
        "shown = {",
        "    't': chosen.times[at],",
        "    'ᾱₜ': chosen.alpha_bar[at],",
        "    'βₜ of this step': chosen.beta[at],",
        "    'E KL(q(x_T | x₀) ‖ N(0, I))': chosen.prior_term(x_0)[-1],",
        "    'points': q_sample(x_0, chosen.n_steps, chosen, eps),  # x_T",
        "}",
    )


def _levels(config: Curves, full: Schedule, chosen: Schedule, t: np.ndarray, alpha_bar: np.ndarray) -> Panel:
    x = np.arange(T + 1.0)
    others = [
        np.stack([x, get_schedule(name).alpha_bar], -1)
        for name in ("linear", "cosine", "sigmoid")
        if name != config.schedule
    ]
    dots = np.stack([chosen.times, chosen.alpha_bar], -1).astype(float)
    layers = (
        Polylines(name="the other schedules", key="o", xy=np.stack(others)[:, ::10], colour="muted"),
        Polylines(name="ᾱ", key="a", xy=np.stack([x, full.alpha_bar], -1)[None], colour="model", width=3),
        Points(name="steps", key="s", xy=dots if len(dots) < 200 else dots[::20], radius=4.5, colour="data"),
        Points(name="now", xy=np.stack([t, alpha_bar], -1)[:, None], radius=8, colour="model"),
    )
    return chart("Signal left, ᾱₜ", layers, (0, T), (0, 1.02), x_label="t", share=1.2)


def _steps(chosen: Schedule, count: int) -> Panel:
    beta = np.maximum(chosen.beta[1:], LEAST)
    line = np.stack([chosen.times[1:].astype(float), beta], -1)
    layers = (
        Polylines(name="β of each step", key="b", xy=line[None], colour="data", width=2),
        Points(name="steps", key="s", xy=line if count < 200 else line[::20], radius=4.5),
    )
    return chart("Noise added in a step, βₜ", layers, (0, T), (1e-5, 1.2), x_label="t", y_scale="log", share=0.9)


def _handles(config: Curves) -> tuple[Handle, ...]:
    if config.schedule != OWN:
        return ()
    return tuple(
        Handle(f"knot {k + 1}", np.array([T * (k + 1) / KNOTS, height]), free="y")
        for k, height in enumerate(config.heights())
    )


def after_drag(config: Curves, values: Mapping[str, Any]) -> Curves:
    """The config after a knot was moved; a later knot is never above an earlier one."""
    heights = [float(np.clip(handle(values, f"knot {k + 1}")[1], 0.0005, 0.999)) for k in range(KNOTS)]
    falling = np.minimum.accumulate(heights)
    return replace(config, knots=",".join(f"{h:.4g}" for h in falling))
