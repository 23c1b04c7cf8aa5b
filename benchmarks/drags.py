"""How soon a picture answers the hand, on any cue.

    python benchmarks/drags.py flows change "knot 3"                # 60 answers on a server at rest
    python benchmarks/drags.py flows crowd x --count 100 --link crowd_who="The stored networks"
    python benchmarks/drags.py inverse mask brush --link cover=Painted

The handle is dragged around its place, or a ``brush`` paints around the middle of its panel, about 60 moves a second;
each time is from the move's own time stamp to the answer drawn (:func:`startup.answers_of`). Prints median and 95th
percentile in milliseconds, and answers a second.
"""

from __future__ import annotations

import argparse
import os
import time
from urllib.parse import urlencode

import numpy as np
from driving import IDLE, free_port, launch, open_page, player, streamlit_run, take, wait_at_rest, wait_for_port
from playwright.sync_api import Page, sync_playwright
from startup import answers_of


def dragged(page: Page, handle: str, count: int, radius: float) -> tuple[list[dict], float]:
    """Answers to a drag along a figure of eight around the handle's place, and how long it took in seconds."""
    player(page).evaluate("root => root.querySelector('.ask:not([hidden]) .later')?.click()")
    page.keyboard.press("End")
    page.wait_for_timeout(500)
    held = ".pen" if handle == "brush" else f'.handle[data-handle="{handle}"]'
    box = player(page).locator(held).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.wait_for_timeout(100)
    take(page)
    began, before = time.monotonic(), page.evaluate("() => window.bench.answers")
    for turn in range(40 * count):
        until, angle = time.monotonic() + 0.016, 2 * np.pi * turn / 150
        page.mouse.move(x + radius * np.sin(angle), y + 0.7 * radius * np.sin(2 * angle))
        time.sleep(max(0.0, until - time.monotonic()))
        if turn % 20 == 19 and page.evaluate("() => window.bench.answers") - before > count:
            break
    passed = time.monotonic() - began
    page.wait_for_timeout(300)
    events = take(page)
    page.mouse.up()
    page.wait_for_selector(IDLE)
    return answers_of(events), passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page")
    parser.add_argument("cue")
    parser.add_argument("handles", nargs="+")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--radius", type=float, default=40.0, help="pixels")
    parser.add_argument("--link", nargs="*", default=[], help="NAME=VALUE of the page's controls")
    asked = parser.parse_args()
    link = {f"{asked.page}.cue": asked.cue} | {
        f"{asked.page}.{name}": value for name, _, value in (one.partition("=") for one in asked.link)
    }
    port = free_port()
    with sync_playwright() as play, streamlit_run(port) as process:
        wait_for_port(port, process)
        browser = launch(play)
        for handle in asked.handles:
            page = open_page(browser, f"http://127.0.0.1:{port}/{asked.page}?{urlencode(link)}")
            page.wait_for_selector(IDLE)
            wait_at_rest(process)
            rows, passed = dragged(page, handle, asked.count, asked.radius)
            times = np.array([row["total"] for row in rows])
            median, late = np.percentile(times[np.isfinite(times)], (50, 95))
            print(
                f"/{asked.page} {asked.cue}, {handle}: median {median:.0f} ms, p95 {late:.0f} ms, "
                f"{len(times) / passed:.0f} answers a second ({len(times)} answers, load {os.getloadavg()[0]:.1f})",
                flush=True,
            )
            page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
