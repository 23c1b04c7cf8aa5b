"""A class full of visitors on one server, each of them a script that speaks the protocol.

    python benchmarks/load.py                       # everything
    python benchmarks/load.py --only cues --seconds 30
    python benchmarks/load.py --only ring link --port 8080      # a server, or a proxy, that is there already
    python benchmarks/load.py --behind haproxy --sessions 60    # two processes, as docs/serving.md has them

- cues    30 sessions, five of them watching a GAN that trains; the others start a cue a second: from the click to
          the first frame.
- link    thirty open the same link within a second, of a recording and of a live run: to the first frame.
- ring    ten open *A ring of eight*: to each one's first frame, and how many steps all of them make together
          against one alone.

Prints a table with memory, threads and descriptors of the server; nothing here fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import psutil
from driving import ROOT, free_port, streamlit_run, wait_for_port
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

WHAT = ("cues", "link", "ring")
RUN = re.compile(rb'"run": ?"([\w-]{22})"')
PAGES = ("gaussian", "mixture", "boundaries", "pixels", "autoencoder", "vae", "diffusion")
LIVE = {"gan": "ring"}
GONE = 40.0  # seconds after which a visitor gives up


@dataclass
class Visitor:
    """A browser's tab: what it asks of Streamlit, and of the run that the page shows."""

    port: int
    page: str = "gaussian"
    link: dict[str, str] = field(default_factory=dict)
    app: ClientConnection | None = None
    run: str = ""
    buttons: dict[str, str] = field(default_factory=dict)
    query: str = ""
    watching: asyncio.Task | None = None
    frames: int = 0
    last: int = 0
    cookie: str = ""
    """Which process a proxy has chosen."""

    async def open(self) -> float:
        """Open the page; seconds until its first frame."""
        began = time.monotonic()
        self.app = await connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=f"http://127.0.0.1:{self.port}",  # type: ignore[arg-type]
            max_size=None,
        )
        answer = self.app.response
        self.cookie = "; ".join(c.partition(";")[0] for c in (answer.headers.get_all("Set-Cookie") if answer else []))
        self.query = urlencode(self.link)
        await self._rerun(None)
        await self._first_frame("")
        return time.monotonic() - began

    async def start_cue(self, name: str) -> float:
        """Click a cue; seconds until the first frame of its run."""
        began, old = time.monotonic(), self.run
        await self._rerun(self.buttons[name])
        await self._first_frame(old)
        return time.monotonic() - began

    async def close(self) -> None:
        if self.watching:
            self.watching.cancel()
            await asyncio.gather(self.watching, return_exceptions=True)
        if self.app:
            await self.app.close()

    async def _rerun(self, button: str | None) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page
        if button:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = button, True
        assert self.app is not None
        await self.app.send(message.SerializeToString())
        await self._listen()

    async def _listen(self) -> None:
        """What the script shows, until it has finished."""
        assert self.app is not None
        while True:
            packed = await self.app.recv()
            message = ForwardMsg.FromString(packed)  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                return
            if kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            if kind == "delta":
                self._see(message)

    def _see(self, message: Any) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type") if message.delta.WhichOneof("type") == "new_element" else None
        if kind == "button" and ".cue." in element.button.id:
            self.buttons[element.button.id.rpartition(".cue.")[2]] = element.button.id
        elif kind == "bidi_component" and (found := RUN.search(element.bidi_component.SerializeToString())):
            self.run = found[1].decode()

    async def _first_frame(self, old: str) -> None:
        if self.run == old and self.watching:
            return
        if self.watching:
            self.watching.cancel()
        there = asyncio.Event()
        self.watching = asyncio.create_task(self._watch(self.run, there))
        done, _ = await asyncio.wait(
            [asyncio.ensure_future(there.wait()), self.watching], timeout=GONE, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise TimeoutError(f"no frame of /{self.page} {self.link} in {GONE:g} s")
        if self.watching.done():
            self.watching.result()

    async def _watch(self, run: str, there: asyncio.Event) -> None:
        """As the Player does: ask for what follows the last frame, for ever."""
        url, origin = f"ws://127.0.0.1:{self.port}/runs/{run}", f"http://127.0.0.1:{self.port}"
        after: int | None = None
        headers = {"Cookie": self.cookie} if self.cookie else {}
        async with connect(url, origin=origin, additional_headers=headers, max_size=None) as socket:  # type: ignore[arg-type]
            while True:
                await socket.send(json.dumps({"after": after}))
                packed = await socket.recv()
                assert isinstance(packed, bytes), packed
                length = int.from_bytes(packed[:8], "little")
                head = json.loads(packed[8 : 8 + length])
                count = head["steps"]["shape"][0]
                if count:
                    begin, end = head["steps"]["data_offsets"]
                    steps = np.frombuffer(packed[8 + length + begin : 8 + length + end], np.int32)
                    after = self.last = int(steps[-1])
                    self.frames += count
                    there.set()


@dataclass
class Use:
    """What servers and the processes that they have started hold."""

    servers: tuple[psutil.Process, ...]

    def now(self) -> dict[str, float]:
        """Memory in MiB, threads, descriptors, processes."""
        all_of_it = [one for server in self.servers for one in (server, *server.children(recursive=True))]
        out = {"MiB": 0.0, "threads": 0, "descriptors": 0, "processes": len(all_of_it)}
        for one in all_of_it:
            with contextlib.suppress(psutil.NoSuchProcess):
                out["MiB"] += one.memory_full_info().uss / 2**20
                out["threads"] += one.num_threads()
                out["descriptors"] += one.num_fds()
        return out


def quantiles(seconds: list[float]) -> str:
    middle, late = np.quantile(seconds, [0.5, 0.95])
    return f"n {len(seconds):4d}   median {middle:5.2f} s   p95 {late:5.2f} s   worst {max(seconds):5.2f} s"


def held(use: Use | None) -> str:
    return ", ".join(f"{value:.0f} {name}" for name, value in use.now().items()) if use else "not ours"


async def cues(port: int, use: Use | None, options: argparse.Namespace) -> None:
    """A cue a second, each."""
    live = [Visitor(port, "gan", {"gan.cue": "ring", "seed": str(k)}) for k in range(options.live)]
    others = [Visitor(port, PAGES[k % len(PAGES)]) for k in range(options.sessions - options.live)]
    opened = await asyncio.gather(*(visitor.open() for visitor in (*live, *others)))
    print(f"opened            {quantiles(opened)}   {held(use)}")
    first = [opened[k] for k in range(len(live))]
    if first:
        print(f"  live, 1st frame {quantiles(first)}")
    end = time.monotonic() + options.seconds

    async def click(visitor: Visitor, rng: random.Random) -> list[float]:
        times = []
        while (began := time.monotonic()) < end:
            times.append(await visitor.start_cue(rng.choice(sorted(visitor.buttons))))
            await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
        return times

    steps = [visitor.last for visitor in live]
    began = time.monotonic()
    rows = await asyncio.gather(*(click(visitor, random.Random(k)) for k, visitor in enumerate(others)))
    passed = time.monotonic() - began
    times = [t for row in rows for t in row]
    print(f"cue to frame      {quantiles(times)}   {len(times) / passed:.1f} cues/s   {held(use)}")
    made = [visitor.last - before for visitor, before in zip(live, steps, strict=True)]
    print(f"  live meanwhile  steps {made}, {sum(made) / passed:.0f} a second in all")
    await asyncio.gather(*(visitor.close() for visitor in (*live, *others)))


async def link(port: int, use: Use | None, options: argparse.Namespace) -> None:
    """Thirty open one link within a second."""
    for page, asked in (("diffusion", {"diffusion.cue": "backward"}), ("gan", {"gan.cue": "ring"})):
        visitors = [Visitor(port, page, asked | {"seed": "3"}) for _ in range(options.sessions)]

        async def come(k: int, visitor: Visitor) -> float:
            await asyncio.sleep(k / options.sessions)
            return await visitor.open()

        times = await asyncio.gather(*(come(k, visitor) for k, visitor in enumerate(visitors)))
        print(f"link {page:12s} {quantiles(times)}   {held(use)}")
        await asyncio.gather(*(visitor.close() for visitor in visitors))


async def ring(port: int, use: Use | None, options: argparse.Namespace) -> None:
    """Ten live runs at once, and one alone."""

    async def pace(visitors: list[Visitor]) -> float:
        await asyncio.sleep(1)
        before, began = sum(visitor.last for visitor in visitors), time.monotonic()
        await asyncio.sleep(options.pace)
        return (sum(visitor.last for visitor in visitors) - before) / (time.monotonic() - began)

    def asked(seed: int) -> dict[str, str]:
        return {"gan.cue": "ring", "gan.steps": "8000", "seed": str(seed)}

    alone = Visitor(port, "gan", asked(50))
    await alone.open()
    one = await pace([alone])
    await alone.close()
    visitors = [Visitor(port, "gan", asked(51 + k)) for k in range(10)]
    times = await asyncio.gather(*(visitor.open() for visitor in visitors))
    print(f"ring of ten       {quantiles(times)}   {held(use)}")
    ten = await pace(visitors)
    print(f"  together        {ten:.0f} steps/s, one alone {one:.0f}: {ten / one:.2f}")
    await asyncio.gather(*(visitor.close() for visitor in visitors))


@contextmanager
def servers(options: argparse.Namespace) -> Iterator[tuple[int, Use | None]]:
    """The port to knock at: that of a server that is there already, of one of our own, or of a proxy before two."""
    if options.port:
        yield options.port, None
        return
    with ExitStack() as stack:
        ports = [free_port() for _ in range(2 if options.behind else 1)]
        own = [stack.enter_context(streamlit_run(port)) for port in ports]
        for port, process in zip(ports, own, strict=True):
            wait_for_port(port, process)
        door = stack.enter_context(haproxy(ports)) if options.behind else ports[0]
        yield door, Use(tuple(psutil.Process(process.pid) for process in own))


@contextmanager
def haproxy(ports: list[int]) -> Iterator[int]:
    """The proxy of docs/serving.md before two servers; its port."""
    told = (ROOT / "docs" / "serving.md").read_text("utf-8").partition("```haproxy\n")[2].partition("```")[0]
    door = free_port()
    for said, is_at in zip((":8500", ":8501", ":8502"), (door, *ports), strict=True):
        told = told.replace(said, f":{is_at}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "haproxy.cfg"
        path.write_text(told, "utf-8")
        process = subprocess.Popen(["haproxy", "-f", str(path)])
        try:
            wait_for_port(door, process)
            yield door
        finally:
            process.terminate()
            process.wait()


async def measure(port: int, use: Use | None, options: argparse.Namespace) -> None:
    visitor = Visitor(port)
    print(f"first visitor     {await visitor.open():.2f} s   {held(use)}")
    await asyncio.sleep(6)  # the libraries are loaded behind the first picture
    print(f"at rest           {held(use)}")
    await visitor.close()
    for what in options.only:
        await {"cues": cues, "link": link, "ring": ring}[what](port, use, options)
    await asyncio.sleep(3)
    print(f"all have left     {held(use)}")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=WHAT, default=WHAT)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--live", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pace", type=float, default=6)
    parser.add_argument("--behind", choices=["haproxy"], help="two processes of our own behind a proxy")
    parser.add_argument("--port", type=int, help="of a server that is there already")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with servers(options) as (port, use):
        asyncio.run(measure(port, use, options))


if __name__ == "__main__":
    main()
