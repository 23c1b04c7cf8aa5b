"""The app around the page, with routes that tell the tests how things stand in the server, and drop a run.

``LIVE_SLOTS`` says how many runs may grow at once.
"""

import os
import resource
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route

from dashboard import runs
from dashboard.player.files import routes

runs.workers.slots = int(os.environ.get("LIVE_SLOTS", runs.workers.slots))


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE")


async def state(_request):
    held = runs.registry.all()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return JSONResponse(
        {
            "runs": {
                r.id: {
                    "status": r.status,
                    "frames": len(r.recording.frames),
                    "watchers": len(r.watchers),
                    "last": next(reversed(r.recording.frames), None),
                }
                for r in held
            },
            "bytes": sum(r.nbytes for r in held),
            "cpu": used.ru_utime + used.ru_stime,
            "resident": resident(),
            "threads": sorted(t.name for t in threading.enumerate()),
            "busy": runs.workers.busy,
        }
    )


async def frames(request):
    recording = runs.registry.get(request.path_params["run"]).recording
    return JSONResponse({"ids": list(recording.frames), "keep": recording.keep, "bytes": recording.nbytes})


async def drop(request):
    runs.registry.drop(request.path_params["run"])
    return JSONResponse({})


app = st.App(
    str(Path(__file__).parent / "page.py"),
    routes=[*routes(), Route("/state", state), Route("/frames/{run}", frames), Route("/drop/{run}", drop)],
)
