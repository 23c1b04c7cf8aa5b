"""How long the first picture of each step of a lecture takes, from the clicker's key.

    python benchmarks/lectures.py                       # all lectures
    python benchmarks/lectures.py overview --rounds 3

Each lecture is walked by Page Down alone, on a server that has just started: every step meets its page and its data
for the first time. A step that waits with a question is asked to show first; the time counts from the key that leads
to it. A step whose picture is no Player's (a tree on the map) has its first picture when the script has ended.
Prints a table; nothing here fails.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from driving import (
    IDLE,
    first,
    free_port,
    last,
    launch,
    open_page,
    streamlit_run,
    take,
    wait_at_rest,
    wait_for_port,
)
from playwright.sync_api import Page, sync_playwright

LECTURES = Path(__file__).resolve().parent.parent / "lectures"
AT = "() => new URL(location).searchParams.get('at') ?? '1'"
GOAL = 1500  # milliseconds


def at(page: Page) -> int:
    return int(page.evaluate(AT))


def next_step(page: Page) -> float:
    """Milliseconds from the key to the first picture of the step that it leads to."""
    here = at(page)
    question = page.locator(".player .ask")
    if question.count() and question.first.is_visible():  # this key shows the picture, the next one goes on
        page.keyboard.press("PageDown")
        question.first.wait_for(state="hidden")
    take(page)
    page.keyboard.press("PageDown")
    page.wait_for_function(f"({AT})() !== '{here}'", timeout=20_000, polling=20)
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(700)
    events = take(page)
    pressed = last(events, "keydown")["stamp"]
    drawn = first(events, "drawn", pressed)
    ended = [e["at"] for e in events if e["what"] == "script" and e["state"] == "notRunning"]
    return (drawn if np.isfinite(drawn) else max(ended, default=float("nan"))) - pressed


def measure(play, name: str) -> list[float]:
    port, browser = free_port(), launch(play)
    try:
        with streamlit_run(port) as process:
            wait_for_port(port, process)
            page = open_page(browser)
            page.goto(f"http://127.0.0.1:{port}/?lecture={name}&at=1")
            page.wait_for_selector('[class*="st-key-lecture-next-"]', timeout=60_000)
            wait_at_rest(process)
            steps = int(page.locator(".st-key-lecture").inner_text().split("/")[1].split()[0])
            return [next_step(page) for _ in range(steps - 1)]
    finally:
        browser.close()


def main() -> None:
    """Walk the lectures one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=sorted(path.stem for path in LECTURES.glob("*.toml")))
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    every: list[float] = []
    with sync_playwright() as play:
        for name in options.names:
            ms = [t for _ in range(options.rounds) for t in measure(play, name)]
            every += ms
            middle, late = np.quantile(ms, [0.5, 0.95])
            print(f"{name:20s} {len(ms):3d} steps: median {middle:.0f} ms, p95 {late:.0f}, worst {max(ms):.0f}")
    middle, late = np.quantile(every, [0.5, 0.95])
    over = sum(t > GOAL for t in every)
    print(f"all {len(every)} steps: median {middle:.0f} ms, p95 {late:.0f} ms; {over} above {GOAL} ms")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
