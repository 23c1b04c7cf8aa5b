"""The arrays of a run by name, in the units that its axes say: to be carried home as CSV or NPZ.

Pictures hold what was drawn, in float32; readouts are float64. Where a picture's axes speak a file's own units, the
coordinates of its layers do, too.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard.runs.recording import Frame
from dashboard.runs.run import Run

COLUMNS = ("panel", "layer", "channel", "i", "j", "k", "value")


def frame_csv(run: Run, step: int) -> str:
    """Every number of one frame, one a row: its panel, layer and channel, its place there (i, j, k), its value.

    Raises:
        ValueError: The run has no frame of this id, or none any more.
    """
    with run.lock:
        frame = run.recording.frames.get(step)
        layout, still = run.layout, run.still
    if frame is None:
        raise ValueError(f"Frame {step} is not recorded, or no longer: a long run keeps every second one.")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerow(["", "", layout["time"], "", "", "", step])
    for k, readout in enumerate(layout["readouts"]):
        rows.writerow(["", "readout", readout["name"], "", "", "", str(np.asarray(frame[f"readout.{k}"])[()])])
    arrays = still | frame
    for p, panel in enumerate(layout["panels"]):
        for k, layer in enumerate(panel["layers"]):
            head = (_title(panel, p), layer["name"] or f"{layer['kind']} {k + 1}")
            for channel, array in _of_layer(arrays, panel, layer, f"{p}.{k}").items():
                values = np.array(array.astype(str))
                empty = [""] * (3 - array.ndim)
                rows.writerows([*head, channel, *at, *empty, values[at]] for at in np.ndindex(array.shape))
    return text.getvalue()


def run_npz(run: Run, title: str = "") -> bytes:
    """All frames of a run as a NumPy archive, as they are at this moment; ``numpy.load`` opens it.

    ``steps`` ``(F,)`` are the frames' ids, ``readout.R.NAME`` ``(F,)`` the numbers, ``P.L.NAME.CHANNEL`` the channels
    of layer L in panel P, frames first unless the layer stands still; ``about`` says the same in words, ``layout``
    is all that is not an array, as JSON.
    """
    with run.lock:
        ids = list(run.recording.frames)
        moving, still, layout = run.recording.stack(ids), dict(run.still), run.layout
    arrays = still | moving
    named: dict[str, Any] = {"steps": np.array(ids, dtype=np.int32)}
    for k, readout in enumerate(layout["readouts"]):
        named[f"readout.{k}.{_word(readout['name'])}"] = arrays[f"readout.{k}"]
    if "caption" in arrays:
        named |= {"caption": arrays["caption"], "captions": np.array(layout["captions"])}
    for p, panel in enumerate(layout["panels"]):
        for k, layer in enumerate(panel["layers"]):
            name = _word(layer["name"] or layer["kind"])
            for channel, array in _of_layer(arrays, panel, layer, f"{p}.{k}").items():
                named[f"{p}.{k}.{name}.{channel}"] = array
    named["about"] = np.array(_about(layout, title, len(ids)))
    named["layout"] = np.array(json.dumps(layout, ensure_ascii=False))
    file = io.BytesIO()
    np.savez_compressed(file, **named)
    return file.getvalue()


def _about(layout: Mapping[str, Any], title: str, frames: int) -> str:
    panels = "\n".join(f"{p}: {_title(panel, p)}" for p, panel in enumerate(layout["panels"]))
    return (
        f"{title}\n{layout['alt']}\n\n{frames} frames; 'steps' says which {layout['time']} each is. 'readout.R.NAME' "
        "are the numbers below the picture. 'P.L.NAME.CHANNEL' is a channel of layer L in panel P, frames first "
        f"unless it stands still; coordinates are in the units of the panel's axes. Panels:\n{panels}"
    ).strip()


def _title(panel: Mapping[str, Any], p: int) -> str:
    return panel["title"] or f"panel {p + 1}"


def _word(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")


def _of_layer(arrays: Frame, panel: Mapping[str, Any], layer: Mapping[str, Any], address: str) -> Frame:
    """The channels of a layer and its extent, in the units of the panel's axes."""
    found = {
        name.removeprefix(f"{address}."): np.asarray(array)
        for name, array in arrays.items()
        if name.startswith(f"{address}.")
    }
    if "extent" in layer:
        found["extent"] = np.array(layer["extent"])
    return {channel: in_axes(panel, channel, array) for channel, array in found.items()}


def in_axes(panel: Mapping[str, Any], channel: str, values: np.ndarray) -> np.ndarray:
    """A layer's channel as the panel's axes say it: at the data's v an axis says centre + scale · v.

    Coordinates are moved and scaled, differences scaled, covariances scaled on both sides; all else is as it is.
    """
    centre, scale = np.array([panel["x_unit"], panel["y_unit"]]).T
    if (centre == 0).all() and (scale == 1).all():
        return values
    match channel:
        case "xy" | "at" | "start" | "mean":
            return centre + scale * values
        case "delta":
            return scale * values
        case "covariance":
            return np.outer(scale, scale) * values
        case "x":
            return centre[0] + scale[0] * values
        case "y" | "height":
            return centre[1] + scale[1] * values
        case "extent":
            return np.repeat(centre, 2) + np.repeat(scale, 2) * values
    return values
