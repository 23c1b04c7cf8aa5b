"""Runs: recordings that may still be growing, and the registry that the socket reads.

A :class:`Run` keeps frames under permanent ids (their steps) within a bound of memory. A scene that was
computed at once is the same thing, done; a :class:`LiveRun` grows while it is watched. The registry keeps at
most four runs a session and 1 GiB in the process, and drops what nobody has watched for two minutes. Nothing
here calls Streamlit.
"""

from dashboard.runs.all_runs import Registry, Watch, record, registry, start
from dashboard.runs.live import LiveRun
from dashboard.runs.recording import Recording
from dashboard.runs.run import Ask, Frame, Run, Status
from dashboard.runs.scenes import scenes
from dashboard.runs.scheduler import Workers, workers

__all__ = [
    "Ask",
    "Frame",
    "LiveRun",
    "Recording",
    "Registry",
    "Run",
    "Status",
    "Watch",
    "Workers",
    "record",
    "registry",
    "scenes",
    "start",
    "workers",
]
