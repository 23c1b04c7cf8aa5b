"""How long one waits: for the first picture, another page, a changed control, an answer to the hand.

    python benchmarks/startup.py           # about five minutes; `--only drag control` for some of it
    python benchmarks/startup.py --starts 1 --changes 4 --keys 10 --answers 20      # a quick look

- start     from the moment at which `streamlit run` is started to the home page's first picture. The browser
            runs already; it goes to the page when the port answers. *Warm*: bytecode and the browser's cache
            are there (same port, same profile, one start beforehand is thrown away). *Cold*: no bytecode at all,
            neither ours nor that of any package or of Python (`PYTHONPYCACHEPREFIX` is an empty folder), and a
            browser with an empty profile. Files of the disk stay in the system's memory in both.
- change    from the click on the menu's link to the first picture of the new page, home → Gaussian → home …
- control   an arrow key on a slider of the cue *Sample*, to the first picture of the run it asks for; once from
            the key's own time stamp, once from the message that Streamlit's page sends to its server. One key at
            a time, after the page has come to rest. (Streamlit 1.67 sends the new value of a slider when
            the key goes up, without waiting for further keys; *key to message* says what that costs. Keys are
            pressed for no time at all here: a person's key is down for about 80 ms longer, and before it goes
            up nothing is sent.)
- drag      the probe of the cue *Evaluate* under the mouse, about 60 moves a second: from the time stamp of the
            newest pointer move that a question carries to its answer, drawn. The browser hands moves on once per
            frame, so up to 16 ms of it pass before the page hears of the move. (The Player's own
            `data-answer-ms` runs from the question sent to the answer read, without that wait, without the
            time a question waits for the one before it, and without drawing.) First with nothing else
            going on; then while a run trains in another tab as fast as it can, once with that tab hidden (its
            animation frames are stopped, as a browser does; headless, it would not by itself), once with
            it drawn beside the first, as in two windows. What trains is all Python and so the worst neighbour
            there is for the interpreter's lock; torch gives the lock away while it computes. Every hundredth
            step is recorded, as a training run would: a screen cannot show thousands a second.

*Drawn* is when the Player has drawn the new run's frame on its canvas: the first change of `data-frame` (or
`data-answer-ms`, which is set after drawing) after the message that brought it. Times are taken in the page,
by an observer and by hooks around `WebSocket`, so that nothing of the driver's own is in them; those of *start*
are on the wall clock of the one machine. On the screen it is with the browser's next frame, also given for drags.

Targets are printed beside the figures and never fail. The parts of each time, medians, stand below. Prints a
table and writes benchmarks/results/startup.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
from driving import (
    HOOKS,
    IDLE,
    ROOT,
    SIZE,
    first,
    free_port,
    from_message,
    launch,
    menu_link,
    open_page,
    parts,
    player,
    streamlit_run,
    take,
    wait_at_rest,
    wait_drawn,
    wait_for_port,
)
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

RESULTS = ROOT / "benchmarks" / "results" / "startup.json"
WHAT = ("start", "change", "control", "drag")
TARGETS = {  # milliseconds, and which figure must keep it
    "start warm": (4000, "worst"),
    "change": (700, "p95"),
    "control from key": (300, "p95"),
    "control from message": (300, "p95"),
    "drag idle": (35, "p95"),
    "drag training, tab hidden": (60, "p95"),
    "drag training, both drawn": (60, "p95"),
}


def measure_starts(play: Playwright, count: int, say) -> list[dict]:
    rows, port = [], free_port()
    browser = launch(play)
    try:
        context = browser.new_context(viewport=SIZE)
        context.add_init_script(HOOKS)
        for turn in range(count + 1):
            row = {"kind": "warm", **start(context, port)}
            if turn:  # the first one fills the caches
                rows.append(row)
                say(f"start warm {row['total']:.0f} ms")
    finally:
        browser.close()
    for _ in range(count):
        browser = launch(play)
        try:
            with tempfile.TemporaryDirectory() as folder:
                context = browser.new_context(viewport=SIZE)
                context.add_init_script(HOOKS)
                row = {"kind": "cold", **start(context, free_port(), PYTHONPYCACHEPREFIX=folder)}
                rows.append(row)
                say(f"start cold {row['total']:.0f} ms")
        finally:
            browser.close()
    return rows


def start(context, port: int, **variables: str) -> dict:
    """One start, and its parts, in milliseconds."""
    page = context.new_page()
    began = 1000 * time.time()
    with streamlit_run(port, **variables) as process:
        wait_for_port(port, process)
        answers = 1000 * time.time() - began
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit", timeout=120_000)
        wait_drawn(page, seconds=120)
        events = take(page)
        origin = page.evaluate("() => performance.timeOrigin") - began
        drawn = next(e for e in events if e["what"] == "drawn")
        of_run = {"run": drawn["run"]}
        page.close()
    return parts([
        ("process to port open", answers),
        ("browser goes there", origin),
        ("page loaded, Streamlit connects", origin + first(events, "app socket")),
        ("connected", origin + first(events, "app open")),
        ("first message of the script", origin + first(events, "app hears")),
        ("Player named, its modules loaded", origin + first(events, "run named", **of_run)),
        ("its socket brings the frames", origin + first(events, "run hears", **of_run)),
        ("drawn", origin + drawn["at"]),
    ])  # fmt: skip


def measure_changes(play: Playwright, count: int, say) -> list[dict]:
    port, rows, browser = free_port(), [], launch(play)
    try:
        with streamlit_run(port) as process:
            wait_for_port(port, process)
            page = open_page(browser, f"http://127.0.0.1:{port}/?map.cue=schema")
            wait_at_rest(process)
            for turn in range(count + 2):
                row = change(page, "gaussian" if turn % 2 == 0 else "map")
                if turn >= 2:  # each page's first visit loads its code
                    rows.append(row)
            say(f"change: {len(rows)}")
        return rows
    finally:
        browser.close()


def change(page: Page, to: str) -> dict:
    link = menu_link(page, to)
    page.wait_for_timeout(200 + random.random() * 50)
    take(page)
    before = page.evaluate("() => window.bench.drawn")
    link.click()
    wait_drawn(page, before)
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(300)
    return {"to": to, **from_message(take(page), "click")}


def measure_controls(play: Playwright, count: int, say) -> list[dict]:
    port, rows, browser = free_port(), [], launch(play)
    try:
        with streamlit_run(port) as process:
            wait_for_port(port, process)
            page = open_page(browser, f"http://127.0.0.1:{port}/gaussian?gaussian.cue=sample")
            wait_at_rest(process)
            player(page).focus()
            page.keyboard.press("Escape")  # the question before the picture
            page.keyboard.press("End")
            page.get_by_role("slider", name="Correlation ρ").focus()
            for turn in range(count + 5):
                row = control(page, "ArrowRight" if turn // 10 % 2 == 0 else "ArrowLeft")
                if turn >= 5:
                    rows.append(row)
            say(f"control: {len(rows)}")
        return rows
    finally:
        browser.close()


def control(page: Page, key: str) -> dict:
    page.wait_for_timeout(150 + random.random() * 50)
    take(page)
    before = page.evaluate("() => window.bench.drawn")
    page.keyboard.press(key)
    wait_drawn(page, before)
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(50)
    return from_message(take(page), "keydown")


def measure_drags(play: Playwright, count: int, rounds: int, say) -> list[dict]:
    port, rows, browser = free_port(), [], launch(play)
    each = -(-count // rounds)
    try:
        with streamlit_run(port, "benchmarks/startup_app.py") as process:
            wait_for_port(port, process)
            url = f"http://127.0.0.1:{port}"
            page = open_page(browser, f"{url}/?gaussian.cue=evaluate")
            wait_at_rest(process)
            drag(page, 10)
            for turn in range(rounds):
                rows += drag_in(page, url, "idle", turn, each)
                with training(browser, url, hidden=True):
                    rows += drag_in(page, url, "training, tab hidden", turn, each)
                with training(browser, url, hidden=False):
                    rows += drag_in(page, url, "training, both drawn", turn, each)
                wait_at_rest(process)
                say(f"drag: round {turn + 1}")
        return rows
    finally:
        browser.close()


@contextmanager
def training(browser: Browser, url: str, hidden: bool) -> Iterator[Page]:
    """A tab in which a run trains as fast as it can."""
    page = open_page(browser, f"{url}/walk")
    try:
        page.wait_for_function("() => window.bench.drawn > 0")
        page.wait_for_timeout(1000)
        page.evaluate(f"() => {{ window.bench.hidden = {str(hidden).lower()}; }}")
        page.wait_for_timeout(1000)
        yield page
    finally:
        page.context.close()


def drag_in(page: Page, url: str, kind: str, turn: int, count: int) -> list[dict]:
    before, clock = state(url), time.monotonic()
    answers = drag(page, count)
    after, passed = state(url), time.monotonic() - clock
    steps = sum(step - before["steps"].get(run, 0) for run, step in after["steps"].items())
    about = {
        "kind": kind,
        "round": turn,
        "steps_per_second": steps / passed,
        "server_cores": (after["cpu"] - before["cpu"]) / passed,
        "answers_per_second": len(answers) / passed,
    }
    if ("training" in kind) != (steps > 0) or ("training" in kind) != (after["busy"] > 0):
        raise RuntimeError(f"{kind}: {after['busy']} runs train, {steps} steps were taken.")
    return [about | a for a in answers]


def state(url: str) -> dict:
    with urllib.request.urlopen(f"{url}/state", timeout=10) as answer:
        return json.loads(answer.read())


def drag(page: Page, count: int) -> list[dict]:
    """Drag the probe along a curve until so many answers are drawn, then let it go and wait for the page to rest."""
    middle = [random.uniform(500, 540), random.uniform(430, 470)]  # in the field; no two releases at one place
    box = player(page).locator(".handle.probe").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(100)
    take(page)
    before = page.evaluate("() => window.bench.answers")
    for turn in range(20 * count):
        until = time.monotonic() + 0.016
        angle = 2 * np.pi * turn / 150
        page.mouse.move(middle[0] + 60 * np.cos(angle), middle[1] + 40 * np.sin(2 * angle))
        time.sleep(max(0.0, until - time.monotonic()))
        if turn % 20 == 19 and page.evaluate("() => window.bench.answers") - before > count:
            break
    page.wait_for_timeout(300)
    events = take(page)
    drawn = page.evaluate("() => window.bench.drawn")
    page.mouse.up()
    wait_drawn(page, drawn)
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(700)
    return answers_of(events)


def answers_of(events: list[dict]) -> list[dict]:
    """One row for each question that was answered."""
    rows = []
    for asked in (e for e in events if e["what"] == "asked" and e.get("moved")):
        n, moved = asked["n"], asked["moved"]
        drawn = [e for e in events if e["what"] == "answer drawn" and e.get("n") == n]
        if not drawn:
            continue
        row = parts([
            ("move heard by the page", moved["heard"]),
            ("question waits for the one before", asked["at"]),
            ("server and wire", first(events, "answer heard", n=n)),
            ("drawn", drawn[0]["at"]),
        ], moved["stamp"])  # fmt: skip
        heard = drawn[0]["at"] - moved["heard"]
        shown = first(events, "answer shown", n=n) - moved["stamp"]
        rows.append(row | {"heard": heard, "shown": shown, "said": drawn[0]["said"]})
    return rows


def groups(rows: dict[str, list[dict]]) -> dict[str, tuple[list[dict], str]]:
    """What is reported: a name, its rows, and which of their times."""
    by = {}
    for kind in ("warm", "cold"):
        by[f"start {kind}"] = ([r for r in rows["start"] if r["kind"] == kind], "total")
    by["change"] = (rows["change"], "total")
    for to in ("gaussian", "map"):
        by[f"  to {to}"] = ([r for r in rows["change"] if r["to"] == to], "total")
    by["control from key"] = (rows["control"], "total")
    by["control from message"] = (rows["control"], "message")
    for kind in dict.fromkeys(r["kind"] for r in rows["drag"]):
        mine = [r for r in rows["drag"] if r["kind"] == kind]
        by[f"drag {kind}"] = (mine, "total")
        by[f"  {kind}: from the move heard"] = (mine, "heard")
        by[f"  {kind}: to the screen"] = (mine, "shown")
        by[f"  {kind}: what the Player says"] = (mine, "said")
    return {name: found for name, found in by.items() if found[0]}


def summarise(rows: dict[str, list[dict]]) -> list[dict]:
    lines = []
    for name, (mine, what) in groups(rows).items():
        times = np.array([r[what] for r in mine])
        times = times[np.isfinite(times)]
        line = {"name": name, "n": len(times), "median": np.median(times), "p95": np.percentile(times, 95),
                "worst": times.max()}  # fmt: skip
        line = {k: v if isinstance(v, str) else round(float(v), 1) for k, v in line.items()} | {"n": len(times)}
        if name in TARGETS:
            target, figure = TARGETS[name]
            line |= {"target": target, "figure": figure, "kept": line[figure] <= target}
        if what == "total":
            spans = {part: [r["parts"][part] for r in mine] for part in mine[0]["parts"]}
            line["parts"] = {part: round(float(np.nanmedian(times)), 1) for part, times in spans.items()}
        for extra in ("script", "steps_per_second", "server_cores", "answers_per_second"):
            if extra in mine[0]:
                line[extra] = round(float(np.nanmedian([r[extra] for r in mine])), 2)
        lines.append(line)
    return lines


def show(lines: list[dict]) -> None:
    print(f"\n{'milliseconds':<42}{'n':>5}{'median':>9}{'p95':>9}{'worst':>9}   target")
    for line in lines:
        told = ""
        if "target" in line:
            told = f"{line['figure']} ≤ {line['target']}: {'kept' if line['kept'] else 'MISSED'}"
        figures = "".join(f"{line[figure]:>9.0f}" for figure in ("median", "p95", "worst"))
        print(f"{line['name']:<42}{line['n']:>5}{figures}   {told}")
    print("\nWhere it goes (medians, ms)")
    for line in lines:
        if "parts" in line:
            print(f"{line['name']:<28}" + "; ".join(f"{name} {ms:.0f}" for name, ms in line["parts"].items()))
        if "steps_per_second" in line and "parts" in line:
            print(f"{'':<28}{line['answers_per_second']:.0f} answers/s, {line['steps_per_second']:.0f} steps of "
                  f"training/s, server on {line['server_cores']:.2f} cores")  # fmt: skip


def machine(chromium: str) -> dict:
    packages = {name: version(name) for name in ("streamlit", "numpy", "playwright")}
    return {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
            "chromium": chromium, **packages}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=WHAT, default=WHAT)
    parser.add_argument("--starts", type=int, default=3, help="of each kind")
    parser.add_argument("--changes", type=int, default=24)
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--answers", type=int, default=120, help="of each kind, over all rounds")
    parser.add_argument("--rounds", type=int, default=2, help="in which the kinds of drag take turns")
    options = parser.parse_args()
    load = os.getloadavg()
    print(f"load before: {load[0]:.1f}, {load[1]:.1f}, {load[2]:.1f} on {os.cpu_count()} cores", file=sys.stderr)

    def say(text: str) -> None:
        print(f"  {text}  (load {os.getloadavg()[0]:.1f})", file=sys.stderr)

    rows: dict[str, list[dict]] = {what: [] for what in WHAT}
    loads = {}
    with sync_playwright() as play:
        browser = launch(play)
        chromium = browser.version
        browser.close()
        for what in options.only:
            loads[what] = [round(os.getloadavg()[0], 2)]
            if what == "start":
                rows[what] = measure_starts(play, options.starts, say)
            elif what == "change":
                rows[what] = measure_changes(play, options.changes, say)
            elif what == "control":
                rows[what] = measure_controls(play, options.keys, say)
            else:
                rows[what] = measure_drags(play, options.answers, options.rounds, say)
            loads[what].append(round(os.getloadavg()[0], 2))
    lines = summarise(rows)
    show(lines)
    about = machine(chromium) | {"load_before": load, "loads": loads, **vars(options)}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": about, "figures": lines, "measured": rows}, indent=1), "utf-8")
    told = ", ".join(f"{what} {a} → {b}" for what, (a, b) in loads.items())
    print(f"\n{about['cores']} cores, Chromium {chromium}, Streamlit {about['streamlit']}; load average: {told}")


if __name__ == "__main__":
    main()
