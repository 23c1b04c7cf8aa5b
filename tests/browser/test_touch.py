"""By touch, on a tablet held upright and on a phone: play, scrub, drag a handle, paint; nothing scrolls sideways."""

from __future__ import annotations

import drive
import pytest
from playwright.sync_api import Page, expect

from dashboard.concepts import concepts
from dashboard.scene.own_points import OWN

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIDEWAYS = """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
  .map((element) => element.scrollWidth - element.clientWidth)"""
TABLET, PHONE = (768, 1024), (390, 844)


class Finger:
    """A finger on the glass."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)

    def _send(self, kind: str, *at: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def stroke(self, start: tuple[float, float], end: tuple[float, float], steps: int = 12) -> None:
        self._send("touchStart", start)
        for k in range(1, steps + 1):
            self._send("touchMove", tuple(a + (b - a) * k / steps for a, b in zip(start, end, strict=True)))
        self._send("touchEnd")

    def tap(self, at: tuple[float, float]) -> None:
        self._send("touchStart", at)
        self._send("touchEnd")


@pytest.fixture(params=[TABLET, PHONE], ids=["tablet", "phone"])
def held(request, tabs) -> Page:
    """A tab that is touched."""
    page = tabs.open(has_touch=True, is_mobile=True)
    page.set_viewport_size(dict(zip(("width", "height"), request.param, strict=True)))
    return page


def middle(locator) -> tuple[float, float]:
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_play_and_scrub(held, server):
    drive.open_page(held, drive.address(server, "gaussian", "converge"))
    finger = Finger(held)
    drive.pause(held)
    finger.tap(middle(drive.button(held, "Play")))
    expect(drive.button(held, "Pause")).to_be_visible()
    finger.tap(middle(drive.button(held, "Pause")))
    expect(drive.button(held, "Play")).to_be_visible()
    drive.scrub(held).scroll_into_view_if_needed()
    box = drive.scrub(held).bounding_box()
    finger.stroke(middle(drive.scrub(held)), (box["x"] + box["width"] - 2, box["y"] + box["height"] / 2))
    drive.until(lambda: drive.readout(held, "points n") == "10000", "the last frame")


def test_a_handle_follows_the_finger_and_the_link_knows(held, server):
    drive.open_page(held, drive.address(server, "gaussian", "evaluate"))
    drive.pause(held)
    probe = drive.player(held).locator('.handle[data-handle="probe"]')
    said = probe.get_attribute("aria-label")
    x, y = middle(probe)
    finger = Finger(held)
    finger.stroke((x, y), (x - 60, y + 25))
    drive.until(lambda: probe.get_attribute("aria-label") != said, "it has moved")
    drive.until(lambda: any("probe" in key or key.endswith("_x") for key in drive.link(held)), "the link knows")
    x_now, y_now = middle(probe)
    assert (x_now, y_now) == pytest.approx((x - 60, y + 25), abs=6)


def test_paint(held, server):
    drive.open_page(held, drive.address(server, "gaussian", "fit", source=OWN["painted"]))
    drive.spy_on_drag(held)
    canvas = drive.player(held).locator("canvas")
    x, y = middle(canvas)
    finger = Finger(held)
    finger.stroke((x - 70, y - 40), (x + 70, y + 40))
    drive.until(lambda: len(drive.asked(held).get("painted", "")) > 0, "points are in the link")
    drive.until(lambda: int(drive.readout(held, "points n")) > 3, "and they are counted")


@pytest.mark.parametrize("page", [concept.page for concept in concepts() if concept.address])
def test_the_picture_is_as_wide_as_the_phone_and_above_the_controls(tabs, server, page):
    held = tabs.open(has_touch=True, is_mobile=True)
    held.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    held.goto(f"{server.url}/{page}")
    held.wait_for_selector('[data-testid=player][data-frames]:not([data-frames="0"])')
    held.wait_for_selector(drive.IDLE)
    drive.uncover(held)
    box = drive.player(held).locator("canvas").bounding_box()
    assert box["width"] >= 0.9 * PHONE[0]
    controls = held.locator(".st-key-controls")
    if controls.count():
        assert controls.bounding_box()["y"] >= box["y"] + box["height"], "the controls are below the picture"
    bar = drive.player(held).locator(".transport").bounding_box()
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= PHONE[0]
    play = drive.button(held, "Play").or_(drive.button(held, "Pause"))
    assert play.bounding_box()["y"] < PHONE[1], "in the first screen"
    assert held.evaluate(SIDEWAYS) == [0, 0], "nothing scrolls sideways"
