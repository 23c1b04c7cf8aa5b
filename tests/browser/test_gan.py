"""The GAN page: a run that is watched, rewound, asked for single moves, changed, left and found again."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drive
import pytest
from conftest import ROOT, Server, free_port
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ENTRY = """
import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route
from dashboard import runs
from dashboard.player.files import routes
from dashboard.runs import warmup

warmup.share_cores()

async def state(_request):
    return JSONResponse({{r.id: {{"status": r.status, "frames": len(r.recording.frames), "watchers": len(r.watchers)}}
                         for r in runs.registry.all() if r.live}})

app = st.App({main!r}, routes=[*routes(), Route("/state", state)])
"""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboard, which also says how its live runs stand."""
    entry: Path = tmp_path_factory.mktemp("gan") / "observed_app.py"
    entry.write_text(ENTRY.format(main=str(ROOT / "dashboard" / "main.py")), "utf-8")
    one = Server(free_port(), entry).start()
    yield one
    one.kill()


def stands(server: Server, run: str) -> dict[str, Any]:
    """How a run stands; empty if it is not held."""
    with urllib.request.urlopen(f"{server.url}/state", timeout=10) as answer:
        return json.loads(answer.read()).get(run, {})


def open_gan(page: Page, server: Server, cue: str = "ring", at_least: int = 5, **link: object) -> str:
    """Open a cue and wait for its run's first frames; returns the run's id."""
    page.goto(drive.address(server, "gan", cue, **link))
    expect(drive.player(page)).to_be_visible()
    page.wait_for_selector(drive.IDLE)
    drive.uncover(page)
    drive.until(lambda: drive.frames(page) >= at_least, "the first frames are there", 40)
    return drive.data(page, "run")


def spoken(page: Page):
    return drive.player(page).get_by_role("status")


def caption(page: Page) -> str:
    return drive.player(page).locator(".caption").inner_text()


def expect_live(page: Page, on: bool) -> None:
    expect(drive.button(page, "LIVE")).to_have_attribute("aria-pressed", "true" if on else "false")


def expect_no_trouble(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(drive.message(page)).to_be_hidden()


def grows(page: Page, by: int = 3) -> None:
    before = drive.frames(page)
    drive.until(lambda: drive.frames(page) >= before + by, "it grows")


def pause_training(page: Page) -> None:
    """Pause, and wait until all frames are known."""
    drive.button(page, "Pause training").click()
    drive.wait_status(page, "paused")
    drive.until(lambda: drive.frame(page) > 0, "a frame is shown")
    page.wait_for_timeout(300)


def rate(page: Page, seconds: float) -> float:
    """New frames a second."""
    before, began = drive.frames(page), time.monotonic()
    page.wait_for_timeout(1000 * seconds)
    return (drive.frames(page) - before) / (time.monotonic() - began)


def leave(page: Page) -> None:
    """Go to another page of the dashboard, as one does by its navigation."""
    page.get_by_test_id("stTopNavLink").filter(has_text="Map").first.click()
    drive.until(lambda: page.evaluate("() => location.pathname") == "/", "the map is there")
    page.wait_for_selector(drive.IDLE)


def scrub_back_and_return(page: Page) -> None:
    """An early frame is shown while the run goes on; LIVE returns to the newest."""
    drive.scrub(page).fill("2")
    drive.wait_frame(page, 24)  # every twelfth step is recorded
    there, count = drive.frame(page), drive.frames(page)
    then = drive.readout(page, "W₂ to the data (n = 200)")
    expect_live(page, False)
    drive.until(lambda: drive.frames(page) >= count + 5, "it goes on growing")
    assert drive.frame(page) == there
    assert drive.readout(page, "W₂ to the data (n = 200)") == then
    drive.button(page, "LIVE").click()
    expect_live(page, True)
    drive.until(lambda: drive.frame(page) > there + 50, "back at the newest frame")


def test_watch_scrub_back_and_return(tab, observed):
    run = open_gan(tab, observed)
    drive.wait_status(tab, "running")
    expect_live(tab, True)
    assert stands(observed, run)["watchers"] == 1
    first = drive.picture(tab)
    drive.until(lambda: drive.picture(tab) != first, "the points move")
    scrub_back_and_return(tab)
    expect_no_trouble(tab)


def test_single_moves(tab, observed):
    run = open_gan(tab, observed)
    pause_training(tab)
    count = drive.frames(tab)
    assert stands(observed, run) == {"status": "paused", "frames": count, "watchers": 1}
    moves = [
        ("One D step", "D has moved"),
        ("One G step", "G has moved"),
        ("One D step", "D has moved"),
        ("One of both", "D and G are updated"),
    ]
    for k, (button, words) in enumerate(moves, start=1):
        shown = drive.frame(tab)
        drive.button(tab, button).click()
        drive.until(lambda k=k: drive.frames(tab) == count + k, "one more frame")
        drive.until(lambda shown=shown: drive.frame(tab) > shown, "it is shown")
        assert k == 1 or drive.frame(tab) == shown + 1, "a frame's number is that of the move"
        drive.wait_status(tab, "paused")
        drive.until(lambda words=words: caption(tab).startswith(words), f"the caption says: {words}")
        assert stands(observed, run)["frames"] == count + k
    drive.press(tab, "ArrowLeft")
    drive.until(lambda: caption(tab).startswith("D has moved"), "one frame back it was D")
    drive.button(tab, "Resume").click()
    drive.wait_status(tab, "running")
    grows(tab)
    drive.button(tab, "One G step").click()  # while it runs: it makes that move and comes to rest
    drive.wait_status(tab, "paused")
    drive.until(lambda: caption(tab).startswith("G has moved"), "the move that was asked for was made")


def test_slow_motion(tab, observed):
    open_gan(tab, observed, width=64)  # a run of its own: the one of the test before would be found again, paused
    slow = drive.button(tab, "Slow motion")
    expect(slow).to_have_attribute("aria-pressed", "false")
    fast = rate(tab, 0.6)
    slow.click()
    expect(slow).to_have_attribute("aria-pressed", "true")
    drive.until(lambda: caption(tab).startswith(("D has moved", "G has moved")), "one move at a time")
    tab.wait_for_timeout(200)
    calm = rate(tab, 1.1)
    print(f"\nnew frames a second: {fast:.0f}, in slow motion {calm:.1f}")
    assert calm <= 5
    assert fast > 2 * calm
    seen = {caption(tab)[0]}
    drive.until(lambda: seen.add(caption(tab)[0]) or seen >= {"D", "G"}, "D and G move in turn")
    slow.click()
    expect(slow).to_have_attribute("aria-pressed", "false")
    drive.until(lambda: caption(tab).startswith("D and G are updated"), "at full speed again")


def test_the_first_cue_is_slow_by_itself(tab, observed):
    open_gan(tab, observed, "first", at_least=2)
    expect(drive.button(tab, "Slow motion")).to_have_attribute("aria-pressed", "true")
    drive.until(lambda: drive.frames(tab) >= 4, "it goes on")
    assert drive.frame(tab) <= drive.frames(tab), "each move is a frame"
    assert caption(tab)[0] in "DG"
    assert drive.layer(tab, "what D says").get_attribute("aria-pressed") == "false"
    drive.press(tab, "d")
    expect(drive.layer(tab, "what D says")).to_have_attribute("aria-pressed", "true")


def test_a_control_makes_a_new_run_and_leaving_pauses_it(page, tabs, observed):
    old = open_gan(page, observed)
    page.get_by_test_id("stExpander").filter(has_text="More").locator("summary").click()
    drive.slider(page, "R1 penalty γ").press("ArrowRight")
    expect(drive.player(page)).not_to_have_attribute("data-run", old)
    page.wait_for_selector(drive.IDLE)
    assert drive.asked(page)["r1"] == "0.15"
    run = drive.data(page, "run")
    grows(page)
    assert not stands(observed, old), "the old run is gone"

    leave(page)
    drive.until(lambda: stands(observed, run)["status"] == "paused", "nobody watches it", 5)
    held = stands(observed, run)
    assert held["watchers"] == 0
    page.wait_for_timeout(300)
    assert stands(observed, run) == held, "it rests"
    page.go_back()
    expect(drive.player(page)).to_be_visible()
    drive.until(lambda: drive.frames(page) > 3, "it is there again, or another one")
    grows(page, 1)
    expect_no_trouble(page)
    print("\ncoming back:", "the same run" if drive.data(page, "run") == run else "another run")

    now = drive.data(page, "run")
    page.context.close()
    tabs.contexts.remove(page.context)
    drive.until(lambda: stands(observed, now).get("status") in ("paused", None), "a closed tab pauses it", 5)
    tabs.check()


def test_a_learning_rate_of_ten(tab, observed):
    open_gan(tab, observed, g_rate=1.0, d_rate=1.0, optimiser="SGD", at_least=1)
    drive.wait_status(tab, "failed")
    expect(spoken(tab)).to_have_text(
        re.compile(r"^It stopped: The training diverged at step \d+: .*; try a smaller learning rate\.$")
    )
    expect(drive.button(tab, "Start again")).to_be_visible()
    expect_no_trouble(tab)
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)

    open_gan(tab, observed, g_rate=1.0, at_least=8)
    drive.wait_status(tab, "running")  # Adam divides by the gradient's size: seeds 0 … 2 are finite for 600 steps
    scrub_back_and_return(tab)
    expect_no_trouble(tab)


def test_ten_seconds(tab, observed):
    open_gan(tab, observed, steps=8_000)  # a quiet machine is through with 4,000 in ten seconds
    tab.wait_for_timeout(1000)
    began = drive.frames(tab)
    pace = rate(tab, 10)
    print(f"\n{pace:.0f} new frames a second over ten seconds")
    assert drive.frames(tab) > began, "it goes on; how fast is for benchmarks/gan.py"
    scrub_back_and_return(tab)
    quality = float(drive.readout(tab, "high quality").split()[0])
    assert quality > 0
    expect_no_trouble(tab)


@pytest.mark.parametrize("cue", ["first", "one", "ring", "collapse", "modes", "digits", "ab"])
def test_every_cue_runs(tab, observed, cue):
    open_gan(tab, observed, cue, at_least=3)
    drive.until(lambda: drive.frame(tab) > 0, "it moves")
    assert "nan" not in drive.player(tab).inner_text().lower()
    if cue not in ("modes", "digits"):
        drive.button(tab, "Stop").click()
        drive.wait_status(tab, "done")
        expect(spoken(tab)).to_have_text("Finished.")
    expect_no_trouble(tab)


def test_a_reload_finds_the_run_that_it_had(tab, server):
    tab.goto(drive.address(server, "gan", "ring", seed=5))
    drive.until(lambda: drive.frames(tab) > 5, "it trains")
    run, frame = drive.data(tab, "run"), drive.frame(tab)
    tab.reload()
    drive.until(lambda: drive.frames(tab) > 5, "it is there again")
    assert drive.data(tab, "run") == run
    drive.until(lambda: drive.frame(tab) >= frame, "where it was, and on")
