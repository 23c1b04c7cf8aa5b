"""The socket ``/runs/{id}``: how a Player is fed.

The Player says ``{"after": ID}`` when it can take more (``null`` when it has nothing); the run answers with
the frames after that id, as soon as there are some, and at most ten times a second. ``{"ask": {…}, "step": ID,
"n": 7}`` carries what a drag asks; the answer bears the same n. Of several questions that wait, only the latest
is answered. ``{"do": …}`` is for live runs, see :meth:`dashboard.runs.LiveRun.order`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from urllib.parse import urlparse

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.runs import blob, warmup
from dashboard.runs.all_runs import Watch, registry
from dashboard.runs.run import Run
from dashboard.runs.scheduler import workers

SECONDS_BETWEEN = 0.1
MAX_MESSAGE = 64 * 1024
GONE = 4404
LARGEST = 1e15  # of a number in a message
log = logging.getLogger(__name__)


def is_ours(asked: HTTPConnection, is_host_allowed: Callable[[str | None], bool]) -> bool:
    """Whether who asks is a page of this very server: by the host's name, and by the origin's host and scheme."""
    host, origin = asked.headers.get("host"), urlparse(asked.headers.get("origin", ""))
    spoken = asked.url.scheme
    scheme = asked.headers.get("x-forwarded-proto") or {"ws": "http", "wss": "https"}.get(spoken, spoken)
    return is_host_allowed(host) and (origin.scheme, origin.netloc) == (scheme, host)


async def run_socket(is_host_allowed: Callable[[str | None], bool], socket: WebSocket) -> None:
    """Serve one Player until it goes."""
    if not is_ours(socket, is_host_allowed):
        await socket.close(code=4403)
        return
    await socket.accept()
    run = registry.get(socket.path_params["run"])
    if run is None:
        await socket.send_text(json.dumps({"error": "gone"}))
        await socket.close(code=GONE)
        return
    with Watch(run) as watch:
        await Conversation(socket, run, watch).hold()


class Conversation:
    """What is said over one socket."""

    def __init__(self, socket: WebSocket, run: Run, watch: Watch) -> None:
        self.socket, self.run, self.watch = socket, run, watch
        self.wanted: list[int | None] = []  # the latest {"after": …} that is not yet answered
        self.asked = asyncio.Event()
        self.question: dict | None = None
        self.questioned = asyncio.Event()
        self.sent: tuple | None = None

    async def hold(self) -> None:
        """Listen and speak at once, until the other side goes."""
        tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._answer())]
        try:
            await self._listen()
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            try:
                if text is None:
                    raise ValueError("A message must be text.")
                await self.hear(parse(text))
            except ValueError as why:
                await self.socket.send_text(json.dumps({"error": str(why)}))

    async def hear(self, message: dict) -> None:
        """Take one message in."""
        if "after" in message:
            self.wanted = [check_after(message["after"])]
            self.asked.set()
            self.watch.wake()
        elif "ask" in message:
            self.question = check_question(message)
            self.questioned.set()
        elif "do" in message:
            self.run.order(str(message["do"])[:40])
        else:
            raise ValueError('A message must hold "after", "ask" or "do".')

    async def _speak(self) -> None:
        while True:
            await self.asked.wait()
            after = self.wanted[-1]
            # taken before the message is made: what changes meanwhile is sent once more, rather than never
            status = (self.run.status, self.run.reason, str(self.run.extra()))
            packed, news = await asyncio.to_thread(self.run.message, after)
            if not news and status == self.sent:
                await self.watch.changed()
                continue
            if self.wanted == [after]:
                self.wanted, self.sent = [], status
                self.asked.clear()
            await self.socket.send_bytes(packed)
            registry.keep_bound(self.run)
            warmup.start_libraries(before=workers.warm)
            if self.run.status in ("running", "queued"):
                await asyncio.sleep(SECONDS_BETWEEN)

    async def _answer(self) -> None:
        while True:
            await self.questioned.wait()
            self.questioned.clear()
            question = self.question or {}
            try:
                frame, said = await asyncio.to_thread(self.run.answer, question["ask"], question["step"])
            except Exception as why:
                sentence = str(why) if isinstance(why, ValueError) else "This cannot be answered."
                await self.socket.send_text(json.dumps({"error": sentence, "n": question["n"]}))
                if not isinstance(why, ValueError):
                    log.exception("a question to run %s failed", self.run.id)
                continue
            await self.socket.send_bytes(blob.pack(frame, {"answer": question["n"]} | said))


def parse(text: str) -> dict:
    """A message as a dictionary; a ValueError that says what is wrong with it."""
    if len(text) > MAX_MESSAGE:
        raise ValueError(f"The message has {len(text)} characters; at most {MAX_MESSAGE} are read.")
    try:
        message = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as why:
        raise ValueError(f"The message is not JSON: {why}.") from why
    if not isinstance(message, dict):
        raise ValueError("The message must be a JSON object.")
    return message


def check_question(message: dict) -> dict:
    """What a drag asks, with finite numbers only."""
    ask, step, n = message["ask"], message.get("step", 0), message.get("n", 0)
    if not isinstance(ask, dict):
        raise ValueError('"ask" must be an object of names and numbers.')
    if not all(is_whole(k) for k in (step, n)):
        raise ValueError('"step" and "n" must be whole numbers.')
    check_finite(ask)
    return {"ask": ask, "step": step, "n": n}


def check_finite(value: object) -> None:
    """Numbers in dictionaries and lists must be finite: JSON as Python reads it knows NaN."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_finite(inner)
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise ValueError(f"A question holds NaN, infinity or a number beyond ±{LARGEST:g}; ask with smaller ones.")


def check_after(after: object) -> int | None:
    """The id of the last frame that the Player has, or None."""
    if after is None:
        return None
    if not isinstance(after, int) or isinstance(after, bool):
        raise ValueError('"after" must be the id of a frame, or null.')
    return after


def is_whole(value: object) -> bool:
    """Whether it may be the id of a frame or the number of a question."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
