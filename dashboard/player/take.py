"""What can be taken home of a run, beside its socket: one HTML file, its arrays, a frame's numbers, a GIF.

``GET /runs/{id}/scene.html``, ``run.npz`` and ``frame.csv?frame=ID``; ``POST /runs/{id}/film.gif`` with pictures that
the browser has drawn. A run that is gone is a 404 with a sentence. Everything is made off the event loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboard.player import gif
from dashboard.player.standalone import standalone
from dashboard.runs.all_runs import registry
from dashboard.runs.arrays import frame_csv, run_npz
from dashboard.runs.run import Run
from dashboard.runs.socket import is_ours

GONE = "This run is no longer there; play the cue again, then save."
POSTED = "film.gif"
TYPES = {
    "scene.html": "text/html",
    "run.npz": "application/octet-stream",
    "frame.csv": "text/csv",
    POSTED: "image/gif",
}
UNCACHED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
at_work = asyncio.Semaphore(2)  # files made at once; more would take the processor from those who play


def may_ask(request: Request, is_host_allowed: Callable[[str | None], bool]) -> bool:
    """Whether who asks is a page of this very server.

    A browser says its page's origin with every POST, and with a GET to another server. With one to its own it says so
    by ``Sec-Fetch-Site``, at least where the address is this machine's or begins with https.
    """
    if request.method == "POST" or "origin" in request.headers:
        return is_ours(request, is_host_allowed)
    site = request.headers.get("sec-fetch-site", "same-origin")
    return is_host_allowed(request.headers.get("host")) and site in ("same-origin", "none")


async def run_file(is_host_allowed: Callable[[str | None], bool], request: Request) -> Response:
    """One file of a run."""
    run_id, name = request.path_params["run"], request.path_params["name"]
    if name not in TYPES or (request.method == "POST") != (name == POSTED):
        return _no("There is no such file.", 404)
    if not may_ask(request, is_host_allowed):
        return _no("Only a page of this dashboard may ask for this.", 403)
    run = registry.get(run_id)
    if run is None or not run.recording.frames:
        return _no(GONE, 404)
    try:
        body = await _body(request) if name == POSTED else b""
        async with at_work:
            content = await asyncio.to_thread(_content, run, name, dict(request.query_params), body)
    except ValueError as why:
        return _no(str(why), 400)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Encoding": "identity"}
    return Response(content, media_type=TYPES[name], headers=headers | UNCACHED)


def _content(run: Run, name: str, query: dict[str, str], body: bytes) -> str | bytes:
    if name == POSTED:
        return gif.animated(body)
    if name == "scene.html":
        return standalone(run, *(query.get(key, "") for key in ("title", "say", "link")))
    if name == "run.npz":
        return run_npz(run, query.get("title", ""))
    asked = query.get("frame", "")
    if not re.fullmatch(r"-?[0-9]{1,10}", asked):
        raise ValueError("Say which frame, such as frame.csv?frame=12.")
    return frame_csv(run, int(asked))


async def _body(request: Request) -> bytes:
    """The request's body, if it is not too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > gif.MOST_BYTES:
            raise ValueError(f"A GIF takes at most {gif.MOST_BYTES // 2**20} MiB of pictures; mark a shorter part.")
        parts.append(part)
    return b"".join(parts)


def _no(sentence: str, status: int) -> Response:
    return PlainTextResponse(sentence, status_code=status, headers=UNCACHED)
