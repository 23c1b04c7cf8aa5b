"""The routes of our own: the Player's files, the socket of its runs, and what can be taken home of them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from dashboard.player.take import run_file
from dashboard.runs.socket import run_socket

PLAYER = Path(__file__).parent
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def player_version() -> str:
    """A name for the Player's files as they are now, so that a browser never mixes two versions."""
    digest = hashlib.sha256()
    for path in sorted(PLAYER.iterdir()):
        if path.suffix in TYPES:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


async def player_file(request: Request) -> Response:
    """One of the Player's modules; its address holds the version, so that it may be kept for ever."""
    path = {p.name: p for p in PLAYER.iterdir() if p.suffix in TYPES}.get(request.path_params["name"])
    if path is None:
        return PlainTextResponse("no such file", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "identity"}
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)


def base_path() -> str:
    """Where the dashboard stands behind a proxy, such as ``/class``; empty at the root."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def routes() -> list[BaseRoute]:
    """The routes for ``st.App``."""
    base = base_path()
    return [
        WebSocketRoute(f"{base}/runs/{{run}}", functools.partial(run_socket, is_host_allowed)),
        Route(f"{base}/runs/{{run}}/{{name}}", functools.partial(run_file, is_host_allowed), methods=["GET", "POST"]),
        Route(f"{base}/player-files/{{version}}/{{name}}", player_file),
    ]
