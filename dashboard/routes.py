"""What the server answers besides Streamlit: the socket ``/runs/{id}`` and the Player's own files.

The Player says ``{"after": ID}`` when it can take more (``null`` when it has nothing); the run answers with
the frames after that id, as soon as there are some, and at most ten times a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from urllib.parse import urlparse

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard import runs, warmup

PLAYER = Path(__file__).parent / "player"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
SECONDS_BETWEEN = 0.1
MAX_MESSAGE = 64 * 1024
GONE = 4404


def player_version() -> str:
    """A name for the Player's files as they are now, so that a browser never mixes two versions."""
    digest = hashlib.sha256()
    for path in sorted(PLAYER.iterdir()):
        if path.suffix in TYPES:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


async def player_file(request: Request) -> Response:
    """One of the Player's modules; its address holds the version, so that it may be kept for ever."""
    path = PLAYER / request.path_params["name"]
    if path.parent != PLAYER or path.suffix not in TYPES or not path.is_file():
        return PlainTextResponse("no such file", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "identity"}
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)


async def run_socket(socket: WebSocket) -> None:
    """Serve one Player until it goes."""
    origin = socket.headers.get("origin", "")
    if urlparse(origin).netloc != socket.headers.get("host"):
        await socket.close(code=4403)
        return
    await socket.accept()
    run = runs.registry.get(socket.path_params["run"])
    if run is None:
        await socket.send_text(json.dumps({"error": "gone"}))
        await socket.close(code=GONE)
        return
    with runs.Watch(run) as watch:
        await Conversation(socket, run, watch).hold()


class Conversation:
    """What is said over one socket."""

    def __init__(self, socket: WebSocket, run: runs.Run, watch: runs.Watch) -> None:
        self.socket, self.run, self.watch = socket, run, watch
        self.wanted: list[int | None] = []  # the latest {"after": …} that is not yet answered
        self.asked = asyncio.Event()
        self.told: tuple[str, str] | None = None

    async def hold(self) -> None:
        """Listen and speak at once, until the other side goes."""
        speaking = asyncio.create_task(self._speak())
        try:
            await self._listen()
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            text = await self.socket.receive_text()
            try:
                await self.hear(parse(text))
            except ValueError as why:
                await self.socket.send_text(json.dumps({"error": str(why)}))

    async def hear(self, message: dict) -> None:
        """Take one message in."""
        if "after" in message:
            self.wanted = [check_after(message["after"])]
            self.asked.set()
        else:
            raise ValueError('A message must be {"after": ID}.')

    async def _speak(self) -> None:
        while True:
            await self.asked.wait()
            after = self.wanted[-1]
            packed, news = await asyncio.to_thread(self.run.message, after)
            status = (self.run.status, self.run.reason)
            if not news and after is not None and status == self.told:
                await self.watch.changed()
                continue
            if self.wanted == [after]:
                self.wanted, self.told = [], status
                self.asked.clear()
            await self.socket.send_bytes(packed)
            warmup.start_torch()
            if self.run.status in ("running", "queued"):
                await asyncio.sleep(SECONDS_BETWEEN)


def parse(text: str) -> dict:
    """A message as a dictionary; a ValueError that says what is wrong with it."""
    if len(text) > MAX_MESSAGE:
        raise ValueError(f"The message has {len(text)} characters; at most {MAX_MESSAGE} are read.")
    try:
        message = json.loads(text)
    except json.JSONDecodeError as why:
        raise ValueError(f"The message is not JSON: {why}.") from why
    if not isinstance(message, dict):
        raise ValueError("The message must be a JSON object.")
    return message


def check_after(after: object) -> int | None:
    """The id of the last frame that the Player has, or None."""
    if after is not None and (not isinstance(after, int) or isinstance(after, bool)):
        raise ValueError('"after" must be the id of a frame, or null.')
    return after


def routes() -> list[BaseRoute]:
    """The routes for ``st.App``."""
    return [
        WebSocketRoute("/runs/{run}", run_socket),
        Route("/player-files/{version}/{name}", player_file),
    ]
