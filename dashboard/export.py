"""Pictures of the dashboard, taken by itself.

    python -m dashboard.export                        # all four
    python -m dashboard.export card                   # README's keys on a card to print, docs/keys.html
    python -m dashboard.export pictures               # README's pictures, in docs/
    python -m dashboard.export thumbnails [NAME …]    # the map's moving pictures, of these concepts or of all
    python -m dashboard.export scenes --out FOLDER    # each cue as a page of its own, for a course's web site

It starts the app on a free port and drives Chromium by playwright (``pip install -r requirements-dev.txt``); the
variable ``CHROMIUM`` may name the program.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from dashboard import card
from dashboard.concepts import Concept, concepts, cues
from dashboard.shell import thumbnails

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
WHAT = ("card", "pictures", "thumbnails", "scenes")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = ["--no-sandbox", "--disable-gpu"]
READY = '[data-testid=player][data-status]:not([data-status="loading"]):not([data-frames="0"])'
IDLE = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'
MOUNTS = 15_000  # milliseconds until a Player has its picture, if there is one
GROWS, TRAINS = 8.0, 400.0  # seconds that a run that trains live is waited for: for some frames, and for the film
SIDE, FRAMES, FRAME_TIME, LAST_TIME = 160, 16, 130, 1_500  # of a thumbnail: pixels, pictures, milliseconds
QUALITIES = (80, 65, 50, 40)
FILM_SIZE, FILM_FRAMES, FILM_TIME = (880, 560), 56, 160  # of README's GAN

# One panel without question, axes, key, title and handles; then a frame of it, and where it lies in the window.
BARE = """(root, panel) => {
  const { player } = root;
  root.querySelector(".ask:not([hidden]) .later")?.click();
  player.setPlaying(false);
  for (const one of player.recording.layout.panels) Object.assign(one, { axes: false, title: "" });
  player.asked = [panel];
  root.querySelectorAll(".handle, .tip, .pen").forEach((one) => { one.style.visibility = "hidden"; });
}"""
SHOW = """(root, [panel, share]) => {
  const { player } = root;
  player.seek(Math.round(share * (player.recording.length - 1)));
  player.backdrop = null;
  player.drawNow();
  const { x, y, width, height } = root.querySelector("canvas").getBoundingClientRect();
  const view = player.views[panel];
  if (!view) return null;
  const { area } = view;
  return { x: x + area.x, y: y + area.y, width: Math.min(area.w, width), height: Math.min(area.h, height) };
}"""


class ExportError(RuntimeError):
    """What is missing, in one sentence that says what to do."""


# --- The app, and a browser ---------------------------------------------------------------------------------


@contextmanager
def app() -> Iterator[str]:
    """The dashboard on a port of its own, as long as it is wanted; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py")]
    options = ["--server.headless", "true", "--server.port", str(port)]
    process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/_stcore/health", process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.1)
    raise ExportError("The dashboard did not start; does `streamlit run` work here?")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window.

    Raises:
        ExportError: There is no playwright, or no Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as why:
        raise ExportError("This needs playwright: pip install -r requirements-dev.txt.") from why
    named = os.environ.get("CHROMIUM")
    program = next((found for p in ([named] if named else PROGRAMS) if (found := shutil.which(p))), None)
    if program is None:
        raise ExportError("No Chromium or Chrome was found; install one, or name it in the variable CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def _link(url: str, concept: Concept, cue: str, more: str = "") -> str:
    return f"{url}/{concept.address}?{concept.page}.cue={cue}{more}"


def _open(page: Page, address: str, trained: float = GROWS, mounts: float = 180_000) -> Any:
    """Go there; the Player's root, when it shows something. A run that grows is given some time.

    Raises playwright's TimeoutError if there is no picture within ``mounts`` milliseconds.
    """
    page.goto(address)
    page.wait_for_selector(READY, timeout=mounts)
    page.wait_for_selector(IDLE)
    root = page.get_by_test_id("player")
    end = time.monotonic() + trained
    while root.get_attribute("data-status") not in ("done", "failed") and time.monotonic() < end:
        time.sleep(0.2)
    return root


# --- Thumbnails ---------------------------------------------------------------------------------------------


def take_thumbnails(browser: Browser, url: str, folder: Path, names: list[str]) -> None:
    """A moving picture of each concept that has a model on the map, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for concept in concepts():
        if not concept.models or (names and concept.page not in names):
            continue
        for mode in thumbnails.MODES:
            page = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme=mode)  # type: ignore[arg-type]
            film = _small(_frames(page, url, concept))
            (folder / thumbnails.path(concept.page, mode).name).write_bytes(film)
            print(f"{concept.page}, {mode}: {len(film):,} bytes")
            page.close()


def _frames(page: Page, url: str, concept: Concept) -> list[Image.Image]:
    """Frames of the concept's panel, evenly spaced from the first to the last, no longer than ``SIDE``."""
    cue, panel = concept.thumbnail
    root = _open(page, _link(url, concept, cue or cues(concept)[0], "&projector=true"))
    root.evaluate(BARE, panel)
    frames = []
    for k in range(FRAMES):
        clip = root.evaluate(SHOW, [panel, k / (FRAMES - 1)])
        if clip is None:
            raise ExportError(f"Panel {panel} of {concept.page} finds no room; name another one in its concept.")
        with Image.open(io.BytesIO(page.screenshot(clip=clip))) as shot:
            frame = shot.convert("RGB")
        frame.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        frames.append(frame)
    return frames


def _small(frames: list[Image.Image]) -> bytes:
    """An animated WebP, as good as the bound on its size allows; of a busy panel every second frame."""
    for every, quality in itertools.product((1, 2), QUALITIES):
        chosen = frames[::-every][::-1]  # the last one stays
        times = [FRAME_TIME * every] * (len(chosen) - 1) + [LAST_TIME]
        kept, more = io.BytesIO(), {"save_all": True, "append_images": chosen[1:], "method": 6}
        chosen[0].save(kept, "WEBP", duration=times, loop=0, quality=quality, **more)
        if kept.tell() <= thumbnails.MOST_BYTES:
            return kept.getvalue()
    raise ExportError(f"The picture has more than {thumbnails.MOST_BYTES:,} bytes; choose a quieter panel.")


# --- README's pictures --------------------------------------------------------------------------------------


def take_pictures(browser: Browser, url: str, folder: Path) -> None:
    """The map, and a GAN that has trained while it was watched, from its first frame to its last."""
    folder.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
    page.goto(url)
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(4_000)  # the moving pictures come to their ends
    page.screenshot(path=folder / "map.png")
    page.close()
    page = browser.new_page(viewport=dict(zip(("width", "height"), FILM_SIZE, strict=True)), color_scheme="light")  # type: ignore[arg-type]
    root = _open(page, f"{url}/gan?gan.cue=ring", trained=TRAINS)
    shots = []
    for k in range(FILM_FRAMES):
        root.evaluate(SHOW, [0, k / (FILM_FRAMES - 1)])
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            shots.append(shot.convert("RGB"))
    page.close()
    palette = shots[-1].quantize(64)
    first, *rest = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in shots]
    times = [FILM_TIME] * (FILM_FRAMES - 1) + [3_000]
    first.save(folder / "gan.gif", save_all=True, append_images=rest, duration=times, loop=0, optimize=True)
    for name in ("map.png", "gan.gif"):
        print(f"{name}: {(folder / name).stat().st_size:,} bytes")


# --- Scenes for a course's web site -------------------------------------------------------------------------


def take_scenes(browser: Browser, url: str, folder: Path) -> None:
    """Each cue that has a picture as ``PAGE-CUE.html``, and an index; what cannot be taken home is said."""
    folder.mkdir(parents=True, exist_ok=True)
    kept: list[tuple[Concept, str, str]] = []
    for concept in concepts():
        for cue in cues(concept):
            page = browser.new_page()
            try:
                html, title = _scene(page, url, concept, cue)
            except ExportError as why:
                print(why)
            else:
                (folder / f"{concept.page}-{cue}.html").write_text(html, "utf-8")
                kept.append((concept, cue, title))
            finally:
                page.close()
    (folder / "index.html").write_text(_index(kept), "utf-8")
    print(f"{len(kept)} scenes and index.html in {folder}")


def _scene(page: Page, url: str, concept: Concept, cue: str) -> tuple[str, str]:
    """A cue's scene as the app sends it, and the cue's title."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    try:
        run = _open(page, _link(url, concept, cue), mounts=MOUNTS).get_attribute("data-run")
    except PlaywrightTimeoutError as why:
        raise ExportError(f"{concept.page}, {cue}: there is no Player.") from why
    title = page.locator('.st-key-cues button[kind="primary"] p').first.inner_text()
    try:
        with urllib.request.urlopen(f"{url}/runs/{run}/scene.html", timeout=60) as answer:
            return answer.read().decode("utf-8"), title
    except urllib.error.HTTPError as why:
        raise ExportError(f"{concept.page}, {cue}: the app does not give it ({why.code}).") from why


def _index(kept: list[tuple[Concept, str, str]]) -> str:
    parts = ["<!doctype html><html lang='en'><meta charset='utf-8'><title>Seeing generative models</title>"]
    parts.append("<meta name='viewport' content='width=device-width'>")
    parts.append("<style>body { font: 17px sans-serif; margin: 2rem }</style>")
    for concept in dict.fromkeys(concept for concept, *_ in kept):
        parts.append(f"<h2>{escape(concept.title)}</h2><p>{escape(concept.question)}</p><ul>")
        parts += [
            f"<li><a href='{c.page}-{cue}.html'>{escape(title)}</a></li>" for c, cue, title in kept if c is concept
        ]
        parts.append("</ul>")
    return "\n".join([*parts, "</html>\n"])


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.export", description="Pictures of the dashboard.")
    parser.add_argument("what", nargs="?", choices=WHAT, help="all of it, if it is not said")
    parser.add_argument("names", nargs="*", help="of concepts, for thumbnails")
    parser.add_argument("--out", type=Path, help="a folder, in place of the usual one")
    options = parser.parse_args(arguments)
    wanted = [options.what] if options.what else list(WHAT)
    if "card" in wanted:
        card.write()
    if wanted == ["card"]:
        return 0
    try:
        with chromium() as browser, app() as url:
            if "thumbnails" in wanted:
                take_thumbnails(browser, url, options.out or thumbnails.FOLDER, options.names)
            if "pictures" in wanted:
                take_pictures(browser, url, options.out or ROOT / "docs")
            if "scenes" in wanted:
                take_scenes(browser, url, options.out or ROOT / "exported")
    except ExportError as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
