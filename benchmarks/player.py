"""Pictures a second: the Player, Plotly's frames, and a bare canvas, side by side in one browser.

    python benchmarks/player.py            # about four minutes; `--rounds 1 --seconds 2` for a quick look

1,500 moving points, alone and over a moving field of 40 × 40 and of 80 × 80 cells: 120 frames at 60 a
second, in a loop, in a picture of 1000 × 560 pixels (checked) whose inner rectangle is the same for all, by

- player   the dashboard's Player, fed by its socket;
- plotly   `st.plotly_chart` of a figure with frames, its Play button pressed, frame duration 0, SVG dots
           moved without a redraw, a field redrawn as one smoothed image (each is Plotly's fastest way);
- canvas   nothing but `requestAnimationFrame`, `drawImage` of a cached dot and of the grid's `ImageData`.

The same Streamlit page mounts each of them (`benchmarks/player_app.py`). What is counted is the same for all:
one sampler looks once per animation frame at what marks the picture on the page (the Player's `data-frame`,
the place of Plotly's first dot, the canvas's `data-frame`) and counts the changes. A picture that is drawn
twice counts once, one that is skipped does not count. The ceiling is the browser's own 60 a second, so beside
it stands what has none: the main thread's processor time for each picture (Chromium's `TaskDuration` in thread
ticks, which others on the same cores do not lengthen). The three take turns, in several rounds; medians are
reported.

Counting Plotly by its dots is generous: at each frame it takes the heat map away, moves the dots and puts the
map back (`redraw`), and without a pause the next frame takes it away again before the browser paints. Its field
is not seen at all while it plays; with pauses that are long enough it flickers, at no more pictures a second.

Prints a table and writes benchmarks/results/player.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from processes import end

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "player.json"
WAYS, GRIDS = ("player", "plotly", "canvas"), (0, 40, 80)
SIZE = (1000, 560)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
ENTRY = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
from dashboard.player.files import routes
app = st.App({script!r}, routes=routes())
"""
READY = {"player": '.player[data-frames="120"]', "plotly": ".js-plotly-plot", "canvas": "canvas.bare"}
PICTURE = {"player": ".player canvas", "plotly": ".js-plotly-plot .main-svg", "canvas": "canvas.bare"}
MARKS = {
    "player": "() => element.dataset.frame",
    "plotly": "() => element.querySelector('.scatterlayer .points path')?.getAttribute('transform')",
    "canvas": "() => element.dataset.frame",
}
SAMPLER = """(element) => {
  const mark = MARK;
  const seen = (window.seen = { looks: 0, pictures: 0 });
  let last = mark();
  const look = () => {
    const now = mark();
    seen.looks++;
    if (now !== last) seen.pictures++;
    last = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@contextmanager
def server() -> Iterator[str]:
    """The benchmark's page with the dashboard's routes, on a free port; ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "player_entry.py"
        entry.write_text(ENTRY.format(root=str(ROOT), script=str(ROOT / "benchmarks" / "player_app.py")))
        options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
        command = [sys.executable, "-m", "streamlit", "run", str(entry)]
        command += [f"--server.{name}={value}" for name, value in options.items()]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet)
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)


def wait_for(url: str, process: subprocess.Popen, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The server does not answer at {url}.")


def measure(page: Page, url: str, way: str, grid: int, warm_up: float, seconds: float) -> dict:
    """Load one picture, let it run warm, count."""
    page.goto(f"{url}/?way={way}&grid={grid}")
    page.wait_for_selector(READY[way], timeout=60_000)
    check_size(page, way)
    if way == "plotly":
        page.locator(".updatemenu-button").first.click()
    page.wait_for_timeout(1000 * warm_up)
    page.locator(READY[way]).evaluate(SAMPLER.replace("MARK", MARKS[way]))
    before = counters(page)
    page.wait_for_timeout(1000 * seconds)
    after = counters(page)
    pictures, looks, passed, busy = (after[k] - before[k] for k in ("pictures", "looks", "now", "busy"))
    if not pictures:
        raise RuntimeError(f"{way} over a grid of {grid} does not move.")
    return {"fps": pictures / passed, "frames": looks / passed, "ms": 1000 * busy / pictures}


def check_size(page: Page, way: str) -> None:
    box = page.locator(PICTURE[way]).first.bounding_box()
    if (round(box["width"]), round(box["height"])) != SIZE:
        raise RuntimeError(f"{way} draws {box['width']} × {box['height']} pixels instead of {SIZE}.")


def counters(page: Page) -> dict:
    """Pictures and animation frames so far; the clock and the main thread's processor time, in seconds."""
    seen = page.evaluate("() => ({ ...window.seen, now: performance.now() / 1000 })")
    metrics = page.session.send("Performance.getMetrics")["metrics"]
    return seen | {"busy": next(m["value"] for m in metrics if m["name"] == "TaskDuration")}


def run(rounds: int, warm_up: float, seconds: float) -> tuple[list[dict], str]:
    """Every way for every grid, taking turns; and the browser's version."""
    rows = []
    with server() as url, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.session = page.context.new_cdp_session(page)
            page.session.send("Performance.enable", {"timeDomain": "threadTicks"})
            for turn in range(rounds):
                for grid in GRIDS:
                    for way in WAYS:
                        row = measure(page, url, way, grid, warm_up, seconds)
                        rows.append({"round": turn, "grid": grid, "way": way, **row})
                        print(f"  round {turn + 1}  {grid:2}  {way:7} {row['fps']:6.1f}", file=sys.stderr)
            return rows, browser.version
        finally:
            browser.close()


def summarise(rows: list[dict]) -> list[dict]:
    """Medians over the rounds, and the ratios that matter, one line a grid."""
    lines = []
    for grid in GRIDS:
        line = {"grid": grid}
        for way in WAYS:
            for what in ("fps", "ms"):
                mine = [r[what] for r in rows if r["grid"] == grid and r["way"] == way]
                line[f"{way}_{what}"] = statistics.median(mine)
        line["times_plotly"] = line["player_fps"] / line["plotly_fps"]
        line["share_of_canvas"] = line["player_fps"] / line["canvas_fps"]
        lines.append(line)
    return lines


def show(lines: list[dict]) -> None:
    print("\nPictures a second (main thread, ms of processor time a picture)")
    heads = [
        f"{'1,500 points over':>18}",
        *(f"{way:>16}" for way in WAYS),
        "  player/plotly",
        "  player/canvas",
    ]
    print("".join(heads))
    for line in lines:
        name = f"{line['grid']} × {line['grid']}" if line["grid"] else "no field"
        cells = "".join(f"{line[f'{w}_fps']:>8.1f} ({line[f'{w}_ms']:5.1f})" for w in WAYS)
        print(f"{name:>18}{cells}{line['times_plotly']:>15.1f}{line['share_of_canvas']:>15.2f}")


def machine(chromium: str) -> dict:
    packages = {name: version(name) for name in ("streamlit", "plotly", "numpy", "playwright")}
    return {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
            "chromium": chromium, "load": os.getloadavg(), **packages}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    load = os.getloadavg()
    rows, chromium = run(options.rounds, options.warm_up, options.seconds)
    lines = summarise(rows)
    show(lines)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    about = machine(chromium) | {"load_before": load, "size": SIZE, **vars(options)}
    RESULTS.write_text(json.dumps({"machine": about, "medians": lines, "measured": rows}, indent=1))
    versions = f"Streamlit {about['streamlit']}, Plotly {about['plotly']}"
    print(f"\n{about['cores']} cores, Chromium {chromium}, {versions}")


if __name__ == "__main__":
    main()
