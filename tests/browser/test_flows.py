"""The page on flows: knots, a probe and a thread under the hand; layers that are scrubbed; a run that is watched."""

from __future__ import annotations

from urllib.parse import unquote

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scenes.flows import bridge, change
from dashboard.scenes.flows.live import EVERY
from dashboard.scenes.flows.setup import learned
from genmodels.data.planar import get_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def open_at_rest(page: Page, url: str, key: str = "End") -> None:
    """Open, pause, and go to one end."""
    drive.open_page(page, url)
    drive.pause(page)
    drive.press(page, key)


def drag(page: Page, name: str, by: tuple[float, float], watched: str) -> None:
    """Drag a handle; the number that is watched must change while it is held, and the link afterwards."""
    box = drive.player(page).locator(f'.handle[data-handle="{name}"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    run, link, before = drive.data(page, "run"), drive.asked(page), drive.number(page, watched)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=8)
    drive.until(lambda: drive.number(page, watched) != before, "it answers while it is held")
    assert drive.data(page, "run") == run
    page.mouse.up()
    drive.wait_new_run(page, run)
    drive.until(lambda: drive.asked(page) != link, "it is in the link")


def test_a_knot_bends_the_bell_and_keeps_the_mass(tab, server):
    open_at_rest(tab, drive.address(server, "flows", "change"))
    for name, by in (("knot 3", (20, -40)), ("knot 2", (-15, 30)), ("A", (-40, 0))):
        drag(tab, name, by, "p(x) at A")
        said = drive.asked(tab)
        config = change.Config(bend=unquote(said["bend"]), mark_a=float(said.get("mark_a", change.Config().mark_a)))
        at_a = np.array([config.marks()[0]])
        _, log_slope = config.bent().forward(at_a)
        drive.wait_shows(tab, "slope g′ at A", float(np.exp(log_slope[0])), 3)
        p = np.exp(-0.5 * at_a[0] ** 2 - log_slope[0]) / np.sqrt(2 * np.pi)
        drive.wait_shows(tab, "p(x) at A", float(p), 3)
        assert drive.number(tab, "mass in x") == pytest.approx(drive.number(tab, "mass in z"), abs=0.02)
    drive.press(tab, "Home")
    drive.wait_shows(tab, "slope g′ at A", 1.0, 3)


def test_the_probe_is_followed_through_the_layers(tab, server):
    open_at_rest(tab, drive.address(server, "flows", "layers", source="Eight Gaussians"), "Home")
    flow, dataset = learned("ffjord8"), get_dataset("ffjord8")
    for by in ((60, -50), (-90, 20)):
        drag(tab, "x", by, "log p_x(x)")
        x = np.array([[float(drive.asked(tab)[f"x_{k}"]) for k in (1, 2)]])
        drive.wait_shows(tab, "log p_x(x)", float(flow.log_prob(x)[0]), 3)
        drive.wait_shows(tab, "true log p(x)", float(dataset.standard_log_prob(x)[0]), 3)
    first = drive.picture(tab)
    for _ in range(3):
        drive.press(tab, "ArrowRight")
    drive.until(lambda: drive.picture(tab) != first, "the plane moves")
    drive.press(tab, "Home")
    drive.until(lambda: drive.picture(tab) == first, "and moves back")


def test_the_hand_stays_on_the_thread(tab, server):
    open_at_rest(tab, drive.address(server, "flows", "bridge"))
    drag(tab, "thread", (60, 40), "p here")
    config = bridge.Bridge(along=float(drive.asked(tab)["along"]))
    shown = {one.name: one.values for one in bridge.scene(config).readouts}
    assert drive.number(tab, "p here") == pytest.approx(shown["p here"][-1], rel=0.01)
    assert 0 < config.along < 1


def test_a_flow_is_watched_scrubbed_and_stopped(tab, server):
    tab.goto(drive.address(server, "flows", "live"))
    expect(drive.player(tab)).to_be_visible()
    tab.wait_for_selector(drive.IDLE)
    drive.uncover(tab)
    drive.until(lambda: drive.frames(tab) >= 8, "it has got going", 60)
    live = drive.button(tab, "LIVE")
    expect(live).to_have_attribute("aria-pressed", "true")
    drive.scrub(tab).fill("2")
    drive.wait_frame(tab, 2 * EVERY)
    expect(live).to_have_attribute("aria-pressed", "false")
    count, nats = drive.frames(tab), drive.readout(tab, "held-out nats")
    drive.until(lambda: drive.frames(tab) >= count + 5, "it goes on growing")
    assert drive.frame(tab) == 2 * EVERY
    assert drive.readout(tab, "held-out nats") == nats
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    drive.button(tab, "Pause training").click()
    drive.wait_status(tab, "paused")
    drive.next_picture(tab, 3)
    count = drive.frames(tab)
    drive.press(tab, "Home")
    drive.wait_frame(tab, 0)
    first = drive.number(tab, "held-out nats")
    drive.press(tab, "End")
    drive.wait_frame(tab, EVERY * (count - 1))
    drive.until(lambda: drive.number(tab, "held-out nats") < first, "it has learned")
    drive.button(tab, "Stop").click()
    drive.wait_status(tab, "done")
    expect(tab.get_by_test_id("stException")).to_have_count(0)
