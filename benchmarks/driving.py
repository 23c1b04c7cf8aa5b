"""What the benchmarks share: a server of their own, Chromium, and hooks in the page that note when what was drawn."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Playwright
from processes import end

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZE = {"width": 1440, "height": 900}
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
HOOKS = r"""(() => {
  const events = [];
  const bench = (window.bench = { events, drawn: 0, answers: 0 });
  const log = (what, more = {}) => events.push({ what, at: performance.now(), ...more });
  let coming = null; // the run whose first blob is there, but is not drawn yet

  // --- what the Player says of itself, also in shadow roots
  const observer = new MutationObserver((records) => {
    for (const { target, attributeName } of records) {
      if (attributeName === "data-run") log("run named", { run: target.dataset.run });
      if (attributeName === "data-frame" && coming && target.dataset.run === coming) {
        log("drawn", { run: coming });
        coming = null;
        bench.drawn++;
      }
      if (attributeName === "data-answer-ms") {
        const n = bench.answered;
        log("answer drawn", { n, said: Number(target.dataset.answerMs) });
        bench.answers++;
        const after = new MessageChannel();
        after.port1.onmessage = () => log("answer shown", { n });
        frame(() => after.port2.postMessage(0));
      }
      if (attributeName === "data-test-script-state") log("script", { state: target.dataset.testScriptState });
    }
  });
  const names = ["data-run", "data-frame", "data-answer-ms", "data-test-script-state"];
  const watch = (root) => observer.observe(root, { subtree: true, attributes: true, attributeFilter: names });
  watch(document);
  const attachShadow = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    watch(root);
    return root;
  };

  // --- what goes over the wire
  const read = (data) => {
    const length = new DataView(data).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, length)));
    return JSON.parse(head.__metadata__.message);
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      this.run = /\/runs\/(.+)$/.exec(args[0])?.[1];
      this.fresh = true;
      const whose = this.run ? "run" : "app";
      log(`${whose} socket`, { run: this.run });
      this.addEventListener("open", () => log(`${whose} open`, { run: this.run }));
      this.addEventListener("message", ({ data }) => {
        if (!this.run) return log("app hears", { bytes: data.byteLength ?? data.size });
        if (typeof data === "string") return;
        const at = performance.now();
        if (this.fresh) {
          this.fresh = false;
          coming = this.run;
          events.push({ what: "run hears", at, run: this.run, bytes: data.byteLength });
          return;
        }
        const n = read(data).answer;
        if (n === undefined) return;
        bench.answered = n;
        events.push({ what: "answer heard", at, n, bytes: data.byteLength });
      });
    }
    send(data) {
      if (!this.run) log("app says", { bytes: data.byteLength });
      else if (data.startsWith('{"ask"')) log("asked", { n: JSON.parse(data).n, moved: bench.moved });
      super.send(data);
    }
  };

  // --- what the hand does
  for (const type of ["keydown", "click", "pointermove"])
    window.addEventListener(type, (event) => {
      if (type === "pointermove") bench.moved = { stamp: event.timeStamp, heard: performance.now() };
      else log(type, { stamp: event.timeStamp });
    }, true);

  // --- a tab that is hidden gets no animation frames
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => (bench.hidden ? 0 : frame(draw));
})()"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def streamlit_run(port: int, script: str = "streamlit_app.py", **variables: str) -> Iterator[subprocess.Popen]:
    """`streamlit run`, with the project's own settings; ends with the block."""
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}", "--server.headless=true"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, start_new_session=True, **quiet)
    try:
        yield process
    finally:
        end(process)


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("The dashboard does not answer.")


def wait_at_rest(process: subprocess.Popen, seconds: float = 60) -> None:
    """Wait until the server, which loads torch after the first picture, needs no processor any more."""
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.exists():
        time.sleep(8)
        return
    until, before = time.monotonic() + seconds, -1.0
    while time.monotonic() < until:
        used = sum(map(int, stat.read_text().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        if used - before < 0.1:
            return
        before = used
        time.sleep(1)


def launch(play: Playwright) -> Browser:
    return play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)


def open_page(place: Browser, url: str = "") -> Page:
    """A tab of a profile of its own, with the hooks in it."""
    context = place.new_context(viewport=SIZE)
    context.add_init_script(HOOKS)
    page = context.new_page()
    if url:
        page.goto(url)
        wait_drawn(page)
    return page


def wait_drawn(page: Page, before: int = 0, seconds: float = 60) -> None:
    page.wait_for_function("n => window.bench?.drawn > n", arg=before, polling=20, timeout=1000 * seconds)


def take(page: Page) -> list[dict]:
    """What has happened in the page since the last time."""
    return page.evaluate("() => window.bench.events.splice(0)")


def player(page: Page) -> Locator:
    return page.get_by_test_id("player")


def first(events: list[dict], what: str, since: float = 0.0, **more: object) -> float:
    """When this happened first; not a number if it did not."""
    found = (e["at"] for e in events if e["what"] == what and e["at"] >= since and more.items() <= e.items())
    return next(found, float("nan"))


def last(events: list[dict], what: str) -> dict:
    return [e for e in events if e["what"] == what][-1]


def menu_link(page: Page, to: str) -> Locator:
    """The link to a page in the top navigation; its section is opened first."""
    path = "/" if to == "map" else f"/{to}"
    find = f'a[href="{path}"], a[href$="{path}"]' if to != "map" else 'a[data-testid="stTopNavLink"]:has-text("Map")'
    link = page.locator(find).first
    if not link.is_visible():
        for section in page.get_by_test_id("stTopNavSection").all():
            section.click()
            page.wait_for_timeout(300)
            if link.is_visible():
                break
    return link


def from_message(events: list[dict], by: str) -> dict:
    """From what the hand did, over Streamlit's message, to the new run's first picture."""
    did = last([e for e in events if e["at"] <= last(events, "drawn")["at"]], by)["stamp"]
    drawn = last(events, "drawn")
    of_run = {"run": drawn["run"]}
    said = first(events, "app says", did)
    named = first(events, "run named", said, **of_run)
    row = parts([
        ("hand to message", said),
        ("first answer of the server", first(events, "app hears", said)),
        ("Player hears of the new run", named),
        ("its socket opens", first(events, "run open", said, **of_run)),
        ("its first frames arrive", first(events, "run hears", said, **of_run)),
        ("drawn", drawn["at"]),
    ], did)  # fmt: skip
    finished = [e["at"] for e in events if e["what"] == "script" and e["state"] == "notRunning" and e["at"] > said]
    return row | {"message": drawn["at"] - said, "script": (finished or [float("nan")])[0] - said}


def parts(moments: list[tuple[str, float]], began: float = 0.0) -> dict:
    """The whole time, and how long each part of it took."""
    spans, before = {}, began
    for name, at in moments:
        spans[name] = at - before
        before = at
    return {"total": moments[-1][1] - began, "parts": spans}
