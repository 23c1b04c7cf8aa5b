"""A server, a browser, and tabs in it.

Without Chromium the tests are skipped and say so; with ``REQUIRE_BROWSER=1`` (as in CI) they fail. The variable
``CHROMIUM`` may name the program.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PLACES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "/usr/bin/chromium",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
]


@dataclass
class Server:
    """A dashboard of our own, as ``streamlit run`` starts it."""

    port: int
    entry: Path = ROOT / "streamlit_app.py"
    process: subprocess.Popen | None = None
    base: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}"

    def start(self) -> Server:
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(self.entry),
            "--server.headless",
            "true",
            "--server.port",
            str(self.port),
            "--server.fileWatcherType",
            "none",
            *(["--server.baseUrlPath", self.base] if self.base else []),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 60
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"The dashboard did not start: {' '.join(command)}")
            time.sleep(0.1)
        return self

    def _healthy(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).status == 200
        except OSError:
            return False

    def kill(self) -> None:
        """At once, with all that it has started."""
        if self.process is None:
            return
        if hasattr(os, "killpg") and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(10)
        self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One dashboard for all tests that leave it alive."""
    one = Server(free_port()).start()
    yield one
    one.kill()


@pytest.fixture
def fresh_server() -> Iterator[Server]:
    """A dashboard that nobody has visited yet, and that the test may kill."""
    one = Server(free_port()).start()
    yield one
    one.kill()


@pytest.fixture
def forgetful_server(tmp_path: Path) -> Iterator[Server]:
    """Drops what nobody watches after a third of a second, not after two minutes."""
    entry = tmp_path / "forgetful_app.py"
    entry.write_text(
        "import streamlit as st\n"
        "from dashboard.player.files import routes\n"
        "from dashboard.runs import all_runs\n"
        "all_runs.SECONDS_UNWATCHED = 0.3\n"
        f"app = st.App({str(ROOT / 'dashboard' / 'main.py')!r}, routes=routes())\n",
        "utf-8",
    )
    one = Server(free_port(), entry).start()
    yield one
    one.kill()


def chromium() -> str | None:
    """The program that ``CHROMIUM`` names, or one in the usual places."""
    named = os.environ.get("CHROMIUM")
    return next((found for place in ([named] if named else PLACES) if (found := shutil.which(place))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        why = "No Chromium or Chrome was found; install one, or name it in the variable CHROMIUM."
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield one
        one.close()


class Tabs:
    """Tabs, each in a session of its own, and the errors in them that no script caught."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    def open(self, **options: Any) -> Page:
        """An empty tab; the options are those of ``browser.new_context``."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def check(self) -> None:
        """Fails where a script has thrown; a test that expects it clears ``errors`` before."""
        errors, self.errors = self.errors, []
        assert not errors, f"errors that no script caught: {errors}"


@pytest.fixture
def tabs(browser: Browser) -> Iterator[Tabs]:
    these = Tabs(browser)
    yield these
    these.close()
    these.check()


@pytest.fixture
def page(tabs: Tabs) -> Page:
    """A tab of the test's own."""
    return tabs.open()


@pytest.fixture(scope="module")
def shared_tabs(browser: Browser) -> Iterator[Tabs]:
    """Tabs that the tests of a file share: a page that is there already costs no time."""
    these = Tabs(browser)
    yield these
    these.close()


@pytest.fixture(scope="module")
def shared_page(shared_tabs: Tabs) -> Page:
    return shared_tabs.open()


@pytest.fixture
def tab(shared_page: Page, shared_tabs: Tabs) -> Iterator[Page]:
    """The tab that the tests of a file share."""
    yield shared_page
    shared_page.goto("about:blank")  # a run that grows pauses, and makes room for that of the next test
    shared_tabs.check()
