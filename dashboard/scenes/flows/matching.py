"""Flow matching: from noise straight to data; on a line, under the hand in the plane, and in few steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.scene import Scene, drag
from dashboard.scenes.flows import line, place, reflow
from dashboard.scenes.flows.roads import EARLIEST, LATEST, LINE, Matching
from dashboard.scenes.planar import PLANE

VIEWS = {"line": line, "place": place, "reflow": reflow}


def scene(config: Matching) -> Scene:
    """Whichever picture is asked for."""
    return VIEWS[config.match_view].scene(config)


def code(config: Matching) -> str:
    """The calls behind it."""
    return VIEWS[config.match_view].code(config)


def after_drag(config: Matching, values: Mapping[str, Any]) -> Matching:
    """The config after a drag of the place in the plane, or of that on the line."""
    at = drag.handle(values, "x")
    if config.match_view == "line":
        t, x = np.clip(at, (EARLIEST, LINE[0]), (LATEST, LINE[1])).round(2).tolist()
        return replace(config, match_t=t, match_x=x)
    x_1, x_2 = np.clip(at, *PLANE).round(2).tolist()
    return replace(config, x_1=x_1, x_2=x_2)
