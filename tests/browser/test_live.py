"""Runs that grow while they are watched: what one sees of them, and what the server does with them."""

from __future__ import annotations

import time

import drive
import pytest
from live.serving import LiveServer, Network
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

DISTINCT_FRAMES = """(root) => new Promise((done) => {
  const seen = new Set();
  const look = new MutationObserver(() => seen.add(root.dataset.frame));
  look.observe(root, { attributes: true, attributeFilter: ["data-frame"] });
  const start = performance.now();
  setTimeout(() => { look.disconnect(); done((1000 * seen.size) / (performance.now() - start)); }, 2000);
})"""

SPY = """async () => {
  const files = performance.getEntriesByType("resource").map((entry) => entry.name);
  const { Recording } = await import(files.find((name) => name.endsWith("/recording.js")));
  const take = Recording.prototype.take;
  Recording.prototype.take = function (blob) { window.recording = this; return take.call(this, blob); };
}"""

WATCH_RUNS = """(root) => {
  window.runs = [root.dataset.run];
  new MutationObserver(() => { if (window.runs.at(-1) !== root.dataset.run) window.runs.push(root.dataset.run); })
    .observe(root, { attributes: true, attributeFilter: ["data-run"] });
}"""


@pytest.fixture(scope="module")
def live_server():
    """Room for four runs at once; what nobody watches is dropped after half a minute."""
    one = LiveServer(LIVE_SLOTS=4, DASHBOARD_SECONDS_UNWATCHED=30)
    yield one
    one.kill()


@pytest.fixture(scope="module")
def narrow_server():
    """Room for one run only; what nobody watches is dropped after a second."""
    one = LiveServer(LIVE_SLOTS=1, DASHBOARD_SECONDS_UNWATCHED=1)
    yield one
    one.kill()


def open_live(page: Page, url: str) -> str:
    """Open a page and wait for its run's first frames; returns the run's id."""
    page.goto(url)
    expect(drive.player(page)).to_be_visible(timeout=1000 * drive.PATIENCE)
    page.wait_for_selector(drive.IDLE)
    drive.uncover(page)
    drive.until(lambda: int(drive.data(page, "frames") or 0) > 0, "the first frames are there")
    return drive.data(page, "run")


def live_button(page: Page):
    return drive.button(page, "LIVE")


def spoken(page: Page):
    """How the run stands, in words."""
    return drive.player(page).get_by_role("status")


def pause_training(page: Page) -> None:
    drive.button(page, "Pause training").click()
    drive.wait_status(page, "paused")


def expect_live(page: Page, on: bool) -> None:
    expect(live_button(page)).to_have_attribute("aria-pressed", "true" if on else "false")


def grows(page: Page, by: int = 3) -> None:
    before = drive.frames(page)
    drive.until(lambda: drive.frames(page) >= before + by, "it grows")


# --- watching it --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_starts_by_itself_and_shows_what_is_new(page, live_server):
    open_live(page, live_server.url)
    drive.wait_status(page, "running")
    expect_live(page, True)
    expect(spoken(page)).to_have_text("Training.")
    drive.until(lambda: drive.frames(page) > 30, "it has got going")
    pace = drive.player(page).evaluate(DISTINCT_FRAMES)
    print(f"\nlive at 60 frames a second: {pace:.0f} distinct frames a second shown")
    assert pace > 0
    behind = drive.frames(page) - 1 - drive.frame(page)
    assert behind < 60, f"{behind} frames behind"


@pytest.mark.slow
def test_scrub_back_while_it_grows_and_return(page, live_server):
    run = open_live(page, live_server.url)
    drive.until(lambda: drive.frames(page) > 25, "it has got going")
    drive.scrub(page).fill("10")
    drive.wait_frame(page, 10)
    expect_live(page, False)
    grows(page, 20)
    assert drive.frame(page) == 10
    assert live_server.run(run)["status"] == "running"
    live_button(page).click()
    expect_live(page, True)
    drive.until(lambda: drive.frame(page) > 30, "back at the newest frame")
    drive.press(page, "Home")
    drive.wait_frame(page, 0)
    expect_live(page, False)
    grows(page, 10)
    drive.wait_frame(page, 0)
    drive.press(page, "End")
    expect_live(page, True)
    drive.until(lambda: drive.frame(page) > 40, "back at the newest frame by key")
    now = drive.frame(page)
    drive.until(lambda: drive.frame(page) > now + 5, "it is followed")
    drive.player(page).focus()  # on a button the space bar would press that
    drive.press(page, "Space")
    expect_live(page, False)
    there = drive.frame(page)
    grows(page, 10)
    assert drive.frame(page) == there


@pytest.mark.slow
def test_pause_one_step_and_go_on(page, live_server):
    run = open_live(page, live_server.url)
    drive.until(lambda: drive.frames(page) > 5, "it has got going")
    pause_training(page)
    expect(spoken(page)).to_have_text("Paused.")
    count = live_server.run(run)["frames"]
    drive.until(lambda: drive.frames(page) == count, "all frames are known")
    used = live_server.cpu_over(2)
    print(f"\npaused: {used:.2f} s of processor time in 2 s")
    assert used < 0.3
    assert drive.frames(page) == count == live_server.run(run)["frames"]
    assert "live run" not in live_server.state()["threads"]
    for k in (1, 2):
        drive.button(page, "One step").click()
        drive.until(lambda k=k: drive.frames(page) == count + k, "one more frame")
        drive.wait_status(page, "paused")
        drive.wait_frame(page, count + k - 1)
        assert live_server.run(run)["frames"] == count + k
    drive.button(page, "Resume").click()
    drive.wait_status(page, "running")
    grows(page)
    drive.button(page, "One step").click()  # while it runs: it comes to rest
    drive.wait_status(page, "paused")


@pytest.mark.slow
def test_stop_and_start_again(page, live_server):
    run = open_live(page, live_server.url)
    drive.until(lambda: drive.frames(page) > 10, "it has got going")
    drive.button(page, "Stop").click()
    drive.wait_status(page, "done")
    expect(spoken(page)).to_have_text("Finished.")
    expect(live_button(page)).to_be_hidden()
    expect(drive.button(page, "One step")).to_be_hidden()
    last = live_server.run(run)["frames"]
    drive.until(lambda: drive.frames(page) == last, "all frames are known")
    drive.seek(page, 4)
    drive.button(page, "Start again").click()
    expect(drive.player(page)).not_to_have_attribute("data-run", run)
    drive.wait_status(page, "running")
    grows(page)
    expect_live(page, True)
    assert run not in live_server.state()["runs"]


@pytest.mark.slow
def test_a_run_comes_to_its_end(page, live_server):
    open_live(page, f"{live_server.url}?steps=40&rate=100")
    drive.wait_status(page, "done")
    drive.wait_frame(page, 40)
    assert drive.frames(page) == 41
    expect(drive.button(page, "Play")).to_be_visible()
    drive.button(page, "Play").click()
    drive.until(lambda: 0 < drive.frame(page) < 40, "it plays from the start")


@pytest.mark.slow
def test_a_worker_that_raises(page, tabs, live_server):
    run = open_live(page, f"{live_server.url}?fail_at=30")
    drive.wait_status(page, "failed")
    expect(spoken(page)).to_have_text("It stopped: the walk diverged at step 30; try another seed")
    drive.until(lambda: drive.frames(page) == 30, "what was recorded stays")
    drive.seek(page, 12)
    assert drive.readout(page, "step") == "12"
    drive.button(page, "Start again").click()
    expect(drive.player(page)).not_to_have_attribute("data-run", run)
    drive.wait_status(page, "failed")
    drive.until(lambda: drive.frames(page) == 30, "it fails in the same place")
    tabs.check()


@pytest.mark.slow
def test_thinning_is_the_same_on_both_sides(page, live_server):
    """A hundred frames of room, a thousand recorded."""
    size = 200 * 2 * 4 + 8 + 4 + 64 + 8
    run = open_live(page, f"{live_server.url}?bytes={100 * size}&steps=1003&rate=0")
    page.evaluate(SPY)
    drive.wait_status(page, "done")
    kept = live_server.frames(run)
    ids = kept["ids"]
    print(f"\nthinned: {len(ids)} frames of 1004, keep {kept['keep']}, {kept['bytes']} bytes of {100 * size}")
    assert kept["bytes"] <= 100 * size
    assert kept["keep"] >= 8
    assert (ids[0], ids[-1]) == (0, 1003)
    assert all(k % kept["keep"] == 0 for k in ids[:-1])
    drive.until(lambda: drive.frames(page) == len(ids), "the Player has thinned too")
    if page.evaluate("() => !!window.recording"):
        assert page.evaluate("() => window.recording.steps") == ids
    drive.press(page, "End")
    drive.wait_frame(page, 1003)
    shown = [1003]
    while shown[0]:
        drive.press(page, "ArrowLeft")
        drive.until(lambda: drive.frame(page) != shown[0], "one frame back")
        shown.insert(0, drive.frame(page))
    assert shown == ids


@pytest.mark.slow
def test_thinning_leaves_what_is_looked_at(page, live_server):
    """While the recording thins under a frame, that one or the last kept before it is shown."""
    size = 200 * 2 * 4 + 8 + 4 + 64 + 8
    run = open_live(page, f"{live_server.url}?bytes={40 * size}&rate=100")
    page.evaluate(SPY)
    drive.until(lambda: drive.frames(page) > 30, "there is something")
    drive.scrub(page).fill("17")
    expect_live(page, False)
    at = drive.frame(page)
    drive.until(lambda: live_server.frames(run)["keep"] >= 8, "it has thinned")
    drive.until(lambda: page.evaluate("() => window.recording.keep") >= 8, "the Player has thinned")
    drive.until(
        lambda: drive.player(page).evaluate(
            """(root, at) => {
              const { keep } = window.recording;
              const shown = Number(root.dataset.frame);
              return shown === at || shown === at - (at % keep);
            }""",
            at,
        ),
        "the frame stays, or the last kept before it",
    )
    pause_training(page)
    ids = live_server.frames(run)["ids"]
    drive.until(lambda: page.evaluate("() => window.recording.steps") == ids, "the same ids on both sides")


# --- several ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_slot_and_three_runs(tabs, narrow_server):
    """They take turns: all are seen to grow, and who pauses or leaves makes room for the others."""
    first, second, third = (tabs.open() for _ in range(3))
    for tab in (first, second, third):
        open_live(tab, narrow_server.url)
    for tab in (first, second, third):
        expect(spoken(tab)).to_have_text("Training.")
        grows(tab)
    pause_training(first)
    for tab in (second, third):
        grows(tab)
    drive.button(first, "Resume").click()
    drive.wait_status(first, "running")
    third.close()
    for tab in (first, second):
        grows(tab)
    assert narrow_server.state()["busy"] == 1


def test_a_changed_control_makes_one_new_run(page, tabs, live_server):
    """Five runs in one session, one after the other: each takes the place of the one before it."""
    seen = [open_live(page, live_server.url)]
    drive.player(page).evaluate(WATCH_RUNS)
    for _ in range(5):
        drive.until(lambda: drive.frames(page) > 5, "it has got going")
        drive.slider(page, "Seed").press("ArrowRight")
        expect(drive.player(page)).not_to_have_attribute("data-run", seen[-1])
        page.wait_for_selector(drive.IDLE)
        drive.wait_status(page, "running")
        grows(page)
        seen.append(drive.data(page, "run"))
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.runs") == seen
    expect(drive.message(page)).to_be_hidden()
    held = live_server.state()["runs"]
    assert seen[-1] in held
    assert not set(seen[:-1]) & set(held)
    tabs.check()


def test_a_run_that_is_dropped_while_it_is_watched(page, tabs, live_server):
    run = open_live(page, live_server.url)
    drive.until(lambda: drive.frames(page) > 10, "it has got going")
    live_server.ask(f"drop/{run}")
    expect(drive.player(page)).not_to_have_attribute("data-run", run)
    drive.wait_status(page, "running")
    grows(page)
    pause_training(page)
    run = drive.data(page, "run")
    live_server.ask(f"drop/{run}")
    expect(drive.player(page)).not_to_have_attribute("data-run", run)
    drive.wait_status(page, "running")
    expect(drive.message(page)).to_be_hidden()
    tabs.check()


# --- leaving ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_leaving_the_page_stops_it_and_returning_goes_on(page, live_server):
    run = open_live(page, live_server.url)
    drive.until(lambda: drive.frames(page) > 20, "it has got going")
    page.get_by_role("link", name="Elsewhere").click()
    expect(page.get_by_role("heading", name="Elsewhere")).to_be_visible()
    drive.until(lambda: live_server.run(run)["status"] == "paused", "nobody watches it", 2)
    before = live_server.run(run)
    assert before["watchers"] == 0
    used = live_server.cpu_over(1)
    assert used < 0.3
    assert live_server.run(run) == before
    page.get_by_role("link", name="Walk").click()
    expect(drive.player(page)).to_be_visible()
    expect(drive.player(page)).to_have_attribute("data-run", run)
    page.evaluate(SPY)
    drive.wait_status(page, "running")
    drive.until(lambda: drive.frames(page) > before["frames"] + 5, "it goes on")
    expect_live(page, True)
    drive.until(lambda: page.evaluate("() => !!window.recording"), "frames came since")
    steps = page.evaluate("() => window.recording.steps")
    assert steps == list(range(len(steps)))


@pytest.mark.slow
def test_a_closed_tab_is_dropped_after_its_time(page, tabs, narrow_server):
    run = open_live(page, narrow_server.url)
    page.context.close()
    tabs.contexts.remove(page.context)
    drive.until(lambda: narrow_server.run(run).get("status") in ("paused", None), "it pauses", 5)
    drive.until(lambda: run not in narrow_server.state()["runs"], "it is dropped", 8)


@pytest.mark.slow
def test_a_cut_of_ten_seconds_loses_nothing(page, tabs, live_server):
    network = Network(live_server.port)
    try:
        run = open_live(page, network.url)
        page.evaluate(SPY)
        drive.until(lambda: drive.frames(page) > 20, "it has got going")
        network.cut()
        began = time.monotonic()
        expect(drive.message(page)).to_contain_text("The server does not answer", timeout=8000)
        drive.until(lambda: live_server.run(run)["status"] == "paused", "nobody watches it")
        before = drive.frames(page)
        drive.scrub(page).fill("5")  # what is there can still be looked at
        drive.wait_frame(page, 5)
        page.wait_for_timeout(max(0, 1000 * (10 - (time.monotonic() - began))))
        at_rest = live_server.run(run)
        assert at_rest["frames"] >= before
        network.restore()
        drive.until(lambda: drive.frames(page) > at_rest["frames"] + 5, "it goes on")
        expect(drive.message(page)).to_be_hidden()
        drive.wait_status(page, "running")
        page.wait_for_selector(f"{drive.CONNECTED}{drive.IDLE}", timeout=20_000)
        assert drive.data(page, "run") == run
        steps = page.evaluate("() => window.recording.steps")
        assert steps == list(range(len(steps)))
        assert drive.frame(page) == 5
        grows(page)
        tabs.check()
    finally:
        network.cut()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_opened_and_abandoned_leaves_nothing(tabs):
    """Three rounds of twenty runs."""
    server = LiveServer(LIVE_SLOTS=2, DASHBOARD_SECONDS_UNWATCHED=1)
    try:
        at_start = server.state()["threads"].count("live run")
        resident = []
        for _ in range(3):
            for _ in range(2):
                page = tabs.open()
                run = open_live(page, server.url)
                for _ in range(9):
                    drive.slider(page, "Seed").press("ArrowRight")
                    expect(drive.player(page)).not_to_have_attribute("data-run", run)
                    grows(page)
                    run = drive.data(page, "run")
                page.context.close()
                tabs.contexts.remove(page.context)
            drive.until(lambda: not server.state()["runs"], "all are dropped")
            now = server.state()
            assert now["bytes"] == 0
            assert now["busy"] == 0
            assert now["threads"].count("live run") == at_start
            resident.append(now["resident"])
        print("\nresident after each round, MiB:", [r // 2**20 for r in resident])
        assert resident[2] <= 1.1 * resident[0]
    finally:
        server.kill()
