"""Starts the app of live runs, and a network between it and the browser that can be cut."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LiveServer:
    """The app beside this file; settings are environment variables."""

    def __init__(self, **settings: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                str(Path(__file__).with_name("streamlit_app.py")),
                "--server.headless",
                "true",
                "--server.port",
                str(self.port),
                "--server.fileWatcherType",
                "none",
            ],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | {k: str(v) for k, v in settings.items()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                self.ask("_stcore/health")
                return
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError("The app of live runs did not start.")
            time.sleep(0.1)

    def kill(self) -> None:
        if hasattr(os, "killpg") and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(10)

    def ask(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as answer:
            return answer.read()

    def state(self) -> dict[str, Any]:
        return json.loads(self.ask("state"))

    def run(self, run_id: str) -> dict[str, Any]:
        """How one run stands; empty if it is not held."""
        return self.state()["runs"].get(run_id, {})

    def frames(self, run_id: str) -> dict[str, Any]:
        return json.loads(self.ask(f"frames/{run_id}"))

    def cpu_over(self, seconds: float) -> float:
        """Seconds of processor time that the server, its libraries loaded, takes in the next so many seconds."""
        while "warm-up" in self.state()["threads"]:
            time.sleep(0.1)
        before = self.state()["cpu"]
        time.sleep(seconds)
        return self.state()["cpu"] - before


class Network:
    """Carries bytes to a port; while it is cut, connections are refused and the old ones are gone."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.restore()

    def restore(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for end in (here, there):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs.append((here, there))
            threading.Thread(target=self._carry, args=(here, there), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket) -> None:
        other = {here: there, there: here}
        with here, there, contextlib.suppress(OSError):
            while True:
                for end in select.select([here, there], [], [], 60)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    other[end].sendall(data)
