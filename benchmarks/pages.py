"""How long a cue's first picture takes, and a changed data set.

    python benchmarks/pages.py boundaries               # every cue of a page, and its data sets
    python benchmarks/pages.py gan vae diffusion --rounds 3 --changes 0

- cue, first   from the click on the cue's button to its first picture, on a server that has just started and on
               which this page was never opened before (its first cue: the click on the menu's link).
- cue          the same, later, in the same session.
- data         from the choice of another data set to its picture, on pages that have the list `--label` names.

*Drawn* and the times' origin are as in benchmarks/startup.py. Prints a table; nothing here fails.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from driving import (
    IDLE,
    free_port,
    from_message,
    launch,
    menu_link,
    open_page,
    player,
    streamlit_run,
    take,
    wait_at_rest,
    wait_drawn,
    wait_for_port,
)
from playwright.sync_api import Page, sync_playwright

from dashboard.concepts import concepts, cues
from tests.pages.found import without_picture


def cue_titles(page: Page) -> list[str]:
    """The titles of the cues, without the digit of their key."""
    buttons = page.locator('[class*="st-key-"][class*="-cue-"] button')
    return [buttons.nth(k).inner_text().split("\n")[0].strip() for k in range(buttons.count())]


def click(page: Page, target) -> float:
    """Click and wait for the new run's first picture, in milliseconds from the click."""
    page.wait_for_timeout(400)
    take(page)
    before = page.evaluate("() => window.bench.drawn")
    target.click()
    wait_drawn(page, before)
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(200)
    return from_message(take(page), "click")["total"]


def cue(page: Page, number: int):
    return page.locator('[class*="st-key-"][class*="-cue-"] button').nth(number)


def with_picture(name: str) -> list[int]:
    """Numbers of a page's cues that play something, from 0."""
    concept = next(concept for concept in concepts() if concept.page == name)
    still = without_picture(concept)
    return [k for k, cue in enumerate(cues(concept)) if cue not in still]


def measure_cues(play, name: str, rounds: int) -> dict[str, list[tuple[str, float]]]:
    """For each cue title, times by kind."""
    out: dict[str, list[tuple[str, float]]] = {}
    for _ in range(rounds):
        port, browser = free_port(), launch(play)
        try:
            with streamlit_run(port) as process:
                wait_for_port(port, process)
                page = open_page(browser, f"http://127.0.0.1:{port}/?map.cue=schema")
                wait_at_rest(process)
                took = click(page, menu_link(page, name))
                page.wait_for_timeout(800)
                titles = cue_titles(page)
                out.setdefault(titles[0], []).append(("first", took))
                for kind in ("first", "later"):
                    for k in [*with_picture(name)[1:], 0]:
                        if kind == "first" and k == 0:
                            continue
                        out.setdefault(titles[k], []).append((kind, click(page, cue(page, k))))
        finally:
            browser.close()
    return out


def measure_changes(play, name: str, label: str, count: int) -> list[float]:
    """Times from choosing an option of a list to the new picture; none if the page's first cue has no such list."""
    port, browser, times = free_port(), launch(play), []
    try:
        with streamlit_run(port) as process:
            wait_for_port(port, process)
            page = open_page(browser, f"http://127.0.0.1:{port}/{name}")
            wait_at_rest(process)
            player(page).wait_for()
            if not page.get_by_role("combobox", name=label).count():
                return times
            for turn in range(count + 3):
                page.wait_for_timeout(300)
                page.get_by_role("combobox", name=label).click()
                options = page.get_by_role("option")
                options.first.wait_for()
                texts = [options.nth(k).inner_text() for k in range(options.count())]
                usable = [k for k, t in enumerate(texts) if "CSV" not in t and "Painted" not in t]
                wanted = usable[(turn * 2 + 1) % len(usable)]
                selected = [k for k in usable if options.nth(k).get_attribute("aria-selected") == "true"]
                if wanted in selected:
                    wanted = usable[(turn * 2 + 2) % len(usable)]
                took = click(page, options.nth(wanted))
                if turn >= 3:
                    times.append(took)
    finally:
        browser.close()
    return times


def report(play, name: str, options: argparse.Namespace) -> None:
    """Measure one page, and print a table."""
    print(f"/{name}")
    for title, rows in measure_cues(play, name, options.rounds).items():
        columns = []
        for kind in ("first", "later"):
            ms = [t for k, t in rows if k == kind]
            columns.append(f"{kind}: " + ", ".join(f"{t:.0f}" for t in ms) + " ms")
        print(f"{title:28s} {'   '.join(columns)}")
    ms = measure_changes(play, name, options.label, options.changes) if options.changes else []
    if ms:
        middle, late = np.quantile(ms, [0.5, 0.95])
        print(f"{options.label} changed, n = {len(ms)}: median {middle:.0f} ms, p95 {late:.0f} ms")


def main() -> None:
    """Measure the pages one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--changes", type=int, default=40)
    parser.add_argument("--label", default="Data")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with sync_playwright() as play:
        for name in options.pages:
            report(play, name, options)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
