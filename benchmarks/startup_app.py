"""The app of `benchmarks/startup.py` for drags: a real page, a live run that trains as fast as it can, `/state`."""

import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route

from dashboard import runs
from dashboard.player.files import routes

ROOT = Path(__file__).resolve().parent.parent


async def state(_request):
    """The last step of every live run by its id, and the processor time that the server has used."""
    steps = {}
    for run in runs.registry.all():
        if isinstance(run, runs.LiveRun):
            with run.lock:
                steps[run.id] = next(reversed(run.recording.frames), 0)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return JSONResponse({"steps": steps, "busy": runs.workers.busy, "cpu": used.ru_utime + used.ru_stime})


app = st.App(str(ROOT / "benchmarks" / "startup_page.py"), routes=[*routes(), Route("/state", state)])
