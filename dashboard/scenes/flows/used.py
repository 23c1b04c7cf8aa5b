"""What p(x) is used for: telling strangers; and why the most probable point is a stranger, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dashboard.scene import (
    Bars,
    Claim,
    Field,
    Handle,
    Panel,
    Points,
    Polylines,
    Readout,
    Scene,
    chart,
    drag,
    plane,
    said,
)
from dashboard.scene.contours import cell_centres, level_lines
from dashboard.scene.fields import Values, choice, placed
from dashboard.scene.snippet import snippet
from dashboard.scenes.flows import shell
from dashboard.scenes.flows.setup import STORED, learned
from dashboard.scenes.planar import PLANE
from genmodels.data.planar import get_dataset
from genmodels.detection import flagged, roc_auc, roc_curve

USES = {"strangers": "A detector of strangers", "shell": "Many dimensions"}
STRANGERS = {
    "uniform": "Uniform over the picture",
    "other": "Points of another set",
    "between": "Half-way between two data points",
}
OTHER = {"moons": "ffjord8", "ffjord8": "moons", "checkerboard": "ffjord8"}
POINTS, SHOWN = 400, 250  # held-out points, and as many strangers; and how many of them are drawn
WAY = np.arange(0, 101, 10)  # per cent of the way from home to the stranger's place
CELLS, EXTENT = 64, (*PLANE, *PLANE)
LOWEST, HIGHEST, BIN = -12.0, 0.0, 0.5  # of the bars, nats
LEAST = 0.01  # difference of two areas that is spoken of


def is_detector(values: Values) -> bool:
    """Whether strangers are shown."""
    return values["use"] == "strangers"


@dataclass(frozen=True)
class Config:
    """Which use; of the detector, the data, who the strangers are, and the threshold in nats.

    Args:
        use: A detector, or the surprise in many dimensions.
        source: Data of a stored flow.
        strangers: Where strangers go.
        threshold: log p below which a point is flagged, in the units of standardised data.
        seed: Of points and draws.
    """

    use: str = choice("Show", "strangers", USES)
    source: str = choice("Data", "moons", STORED, when=is_detector)
    strangers: str = choice("Strangers", "uniform", STRANGERS, when=is_detector)
    threshold: float = placed(-3.5, LOWEST, HIGHEST)
    seed: int = 0


def needs(config: Config) -> tuple[str, ...]:
    """The checkpoint of these data, where there are any."""
    return (f"flow-{config.source}",) if config.use == "strangers" else ()


def scene(config: Config) -> Scene:
    """Strangers leave home; or dimensions are added."""
    return shell.scene(config.seed) if config.use == "shell" else _detector(config)


def code(config: Config) -> str:
    """How well each density tells strangers, or the numbers of the last shell."""
    return shell.code(config.seed) if config.use == "shell" else _detector_code(config)


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after the threshold was moved."""
    at = float(np.clip(drag.handle(values, "threshold")[0], LOWEST, HIGHEST))
    return replace(config, threshold=round(at, 2))


# --- strangers --------------------------------------------------------------------------------------------------


class Met(NamedTuple):
    """What is compared: held-out points, strangers on their way, and what flow and truth say of them."""

    familiar: np.ndarray  # (N, 2)
    strange: np.ndarray  # (F, N, 2)
    flow_familiar: np.ndarray  # (N,), log p, nats
    flow_strange: np.ndarray  # (F, N)
    true_familiar: np.ndarray
    true_strange: np.ndarray
    areas: np.ndarray  # (F, 2), of the flow and of the truth
    field: np.ndarray  # (CELLS, CELLS), the flow's log p


def met(config: Config) -> Met:
    """All that does not depend on the threshold, computed once."""
    return _met(config.source, config.strangers, config.seed)


@lru_cache(maxsize=8)
def _met(source: str, strangers: str, seed: int) -> Met:
    data, flow = get_dataset(source), learned(source)
    rng = np.random.default_rng([seed, 21])
    familiar, home = (data.standardise(data.sample(POINTS, rng)) for _ in range(2))
    if strangers == "uniform":
        away = rng.uniform(*PLANE, (POINTS, 2))
    elif strangers == "other":
        other = get_dataset(OTHER[source])
        away = other.standardise(other.sample(POINTS, rng))
    else:
        away = (home + data.standardise(data.sample(POINTS, rng))) / 2
    strange = home + WAY[:, None, None] / 100 * (away - home)

    flat = strange.reshape(-1, 2)
    said_by = [
        (log_prob(familiar), log_prob(flat).reshape(len(WAY), POINTS))
        for log_prob in (flow.log_prob, data.standard_log_prob)
    ]
    areas = np.array([[roc_auc(known, unknown[f]) for known, unknown in said_by] for f in range(len(WAY))])
    field = flow.log_prob(cell_centres(EXTENT, CELLS)).reshape(CELLS, CELLS)
    return Met(familiar, strange, *said_by[0], *said_by[1], areas, field)


def _detector(config: Config) -> Scene:
    found, frames = met(config), len(WAY)
    alarms = float(flagged(found.flow_familiar, config.threshold))
    caught = np.array([float(flagged(row, config.threshold)) for row in found.flow_strange])
    flow, true = found.areas.T
    return Scene(
        panels=(_plane(config, found), _bars(config, found), _rates(found, alarms, caught)),
        steps=WAY,
        time="way from home, %",
        readouts=(
            Readout("threshold", np.full(frames, config.threshold), "nats", 2),
            Readout("false alarms", np.full(frames, 100 * alarms), "%", 1),
            Readout("strangers flagged", 100 * caught, "%", 1),
            Readout("AUC, flow", flow),
            Readout("AUC, truth", true),
        ),
        **said(
            frames,
            Claim("Still at home: these are data as well, and whoever tells them apart does so by luck.", WAY == 0),
            Claim("The true density tells them better than the flow does.", true > flow + LEAST),
            Claim(
                "The flow's p(x) tells them better than the true one: of such strangers p(x) is no best test.",
                flow > true + LEAST,
            ),
            "The flow tells strangers about as well as the true density does.",
        ),
        alt="Points leave two moons; those in places of low density are flagged. Beside it the log-densities of data "
        "and strangers, and how many strangers are flagged for how many false alarms.",
        fps=4,
        handles=(Handle("threshold", np.array([config.threshold, 0.0]), 1, free="x", colour="truth"),),
    )


def _plane(config: Config, found: Met) -> Panel:
    high = float(found.field.max())
    low = found.flow_strange[:, :SHOWN, None] < config.threshold
    strange = found.strange[:, :SHOWN]
    field = Field(
        name="log p(x)",
        key="v",
        values=np.maximum(found.field, high - 25).astype(np.float32),
        extent=EXTENT,
        limits=(high - 10, high),
        unit="nats",
        alpha=0.7,
    )
    line = level_lines(np.maximum(found.field, config.threshold - 60)[None] - config.threshold, EXTENT, room=1500)[0]
    layers = (
        field,
        Polylines(name="threshold", key="t", xy=line.astype(np.float32), colour="truth", width=2.5),
        Points(name="data", key="d", xy=found.familiar[:SHOWN].astype(np.float32), radius=2.5, alpha=0.7),
        Points(
            name="strangers, passed",
            key="s",
            xy=np.where(low, np.nan, strange).astype(np.float32),
            radius=4,
            colour="class2",
        ),
        Points(
            name="strangers, flagged",
            key="g",
            xy=np.where(low, strange, np.nan).astype(np.float32),
            radius=4,
            colour="model",
        ),
    )
    return plane("Who is a stranger?", layers, PLANE, PLANE, share=1.3)


def _shares(log_p: np.ndarray) -> np.ndarray:
    """Per cent in each bar ``(…, B)``; what is lower than the lowest is in it, and so above."""
    edges = np.arange(LOWEST, HIGHEST + BIN / 2, BIN)
    k = np.clip(np.floor((np.maximum(log_p, LOWEST) - LOWEST) / BIN).astype(int), 0, len(edges) - 2)
    counted = np.apply_along_axis(lambda row: np.bincount(row, minlength=len(edges) - 1), -1, k)
    return 100 * counted / log_p.shape[-1]


def _bars(config: Config, found: Met) -> Panel:
    known, unknown = _shares(found.flow_familiar), _shares(found.flow_strange)
    x = np.arange(LOWEST + BIN / 2, HIGHEST, BIN)
    top = 1.3 * float(known.max())
    deep = 1.1 * float(unknown.max())
    layers = (
        Bars(name="data", key="d", height=known, x=x, width=0.9 * BIN, colour="data"),
        Bars(name="strangers", key="s", height=-unknown, x=x, width=0.9 * BIN, colour="class1"),
        Polylines(
            name="",
            xy=np.array([[[config.threshold, -deep], [config.threshold, top]]]),
            colour="truth",
            width=2.5,
        ),
    )
    title = "Share of points, %: data up, strangers down"
    return chart(title, layers, (LOWEST, HIGHEST), (-deep, top), x_label="log p(x), nats")


def _rates(found: Met, alarms: float, caught: np.ndarray) -> Panel:
    curves = [
        100 * np.stack([roc_curve(known, row) for row in unknown])
        for known, unknown in ((found.flow_familiar, found.flow_strange), (found.true_familiar, found.true_strange))
    ]
    now = 100 * np.stack([np.full(len(caught), alarms), caught], axis=-1)
    layers = (
        Polylines(name="chance", xy=np.array([[[0, 0], [100, 100]]]), colour="muted", width=1.5),
        Polylines(name="flow", key="w", xy=curves[0][:, None].astype(np.float32), colour="model", width=3),
        Polylines(
            name="truth", key="u", xy=curves[1][:, None].astype(np.float32), colour="truth", dashed=True, width=2.5
        ),
        Points(name="this threshold", xy=now[:, None], radius=7, colour="ink"),
    )
    return chart("Strangers flagged, %", layers, (0, 100), (0, 103), x_label="false alarms, %", share=0.8)


def _detector_code(config: Config) -> str:
    away = {
        "uniform": f"away = rng.uniform({PLANE[0]}, {PLANE[1]}, ({POINTS}, 2))",
        "other": f"other = get_dataset({OTHER[config.source]!r})\n"
        f"away = other.standardise(other.sample({POINTS}, rng))",
        "between": f"away = (home + data.standardise(data.sample({POINTS}, rng))) / 2",
    }[config.strangers]
    return snippet(
        "import numpy as np",
        "from genmodels.data.planar import get_dataset",
        "from genmodels.detection import flagged, roc_auc",
        "from genmodels.flows.flow import Flow",
        "from genmodels.store.checkpoint import load",
        f"data, flow = get_dataset({config.source!r}), Flow.of(load('flow-{config.source}'))",
        f"rng = np.random.default_rng([{config.seed}, 21])",
        f"familiar, home = (data.standardise(data.sample({POINTS}, rng)) for _ in range(2))",
        away,
        "known, unknown = flow.log_prob(familiar), flow.log_prob(away)",
        "true = [data.log_prob(data.unstandardise(x)) for x in (familiar, away)]  # other units, same area",
        "shown = {",
        f"    'false alarms': 100 * flagged(known, {config.threshold}),",
        f"    'strangers flagged': 100 * flagged(unknown, {config.threshold}),",
        "    'AUC, flow': roc_auc(known, unknown),",
        "    'AUC, truth': roc_auc(*true),",
        "}",
    )
