"""Frames of a run side by side: what is pinned stands still, the last one plays."""

from __future__ import annotations

import re

import drive
import numpy as np
import pytest
from playwright.sync_api import expect
from test_legible import faults, measured

pytestmark = pytest.mark.browser

PIXELS = """(which) => {
  const { player } = window.drag;
  const density = player.look.density;
  const view = which < 0 ? player.views.find(Boolean) : player.pins.shown[which].view;
  const { x, y, w, h } = view.area;
  const box = [x, y, w, h].map((length) => Math.round(length * density));
  return [...player.ctx.getImageData(...box).data];
}"""
TITLES = """() => {
  const { player } = window.drag;
  const texts = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...at) { texts.push(text); return write.call(this, text, ...at); };
  try { player.backdrop = null; player.drawNow(); } finally { CanvasRenderingContext2D.prototype.fillText = write; }
  return texts;
}"""  # noqa: E501


def panel(page, which: int) -> np.ndarray:
    """What is drawn in the axes of a pinned panel, 0 or 1, or of the one that plays, −1."""
    drive.next_picture(page, 2)
    return np.array(page.evaluate(PIXELS, which))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two panels are one picture; where an edge falls between two pixels, they may round differently."""
    return one.shape == other.shape and np.abs(one - other).max() <= 2


def titles(page) -> list[str]:
    """What stands over the panels, of what is written on the canvas."""
    return [found[0] for text in page.evaluate(TITLES) if (found := re.match(r"[a-z ]+ \d+(?= ·)", text))]


def pinned(page) -> list[str]:
    """The frames that can be taken away, once what was asked for is drawn."""
    drive.next_picture(page, 2)
    return (
        drive.player(page).locator(".unpin").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    )


def pin(page, *numbers: int) -> None:
    for number in numbers:
        drive.seek(page, number)
        drive.press(page, ";")
        drive.next_picture(page, 2)


def open_fit(page, server, more: str = "") -> None:
    drive.open_page(page, f"{server.url}/gaussian?gaussian.cue=fit{more}")
    drive.spy_on_drag(page)
    page.mouse.move(2, 2)
    drive.pause(page)


def test_what_is_pinned_stands_still_while_the_last_plays(page, server):
    open_fit(page, server)
    pin(page, 40, 3)
    assert pinned(page) == ["Unpin points n 3", "Unpin points n 40"], "in their order, whichever was pinned first"
    three, forty = panel(page, 0), panel(page, 1)
    drive.seek(page, 120)
    assert titles(page) == ["points n 3", "points n 40", "points n 120"], "each bears its own frame's number"
    assert (panel(page, 0) == three).all(), "they hold"
    assert (panel(page, 1) == forty).all()
    assert not same(panel(page, -1), forty)
    drive.seek(page, 40)
    assert same(panel(page, -1), forty), "it is the frame that the play bar shows there"
    drive.seek(page, 3)
    expect(drive.button(page, "Pin this frame")).to_have_attribute("aria-pressed", "true")
    drive.button(page, "Unpin points n 40").click()
    assert pinned(page) == ["Unpin points n 3"]
    drive.press(page, ";")  # on what is pinned it takes the pin away
    assert pinned(page) == []
    expect(drive.button(page, "Pin this frame")).to_have_attribute("aria-pressed", "false")


@pytest.mark.slow
def test_a_pin_whose_frame_was_thinned_away_shows_the_nearest_and_says_which(page, server):
    open_fit(page, server)
    pin(page, 3, 43)
    drive.seek(page, 120)
    page.evaluate(
        "() => { const { player } = window.drag; player.recording.thin(8); player.keepPlace(120); player.grown(); }"
    )
    drive.next_picture(page, 3)
    assert pinned(page) == ["Unpin points n 0", "Unpin points n 40"]
    assert titles(page) == ["points n 0", "points n 40", "points n 120"]
    shown = panel(page, 1)
    drive.scrub(page).fill("5")
    drive.wait_frame(page, 40)
    assert same(panel(page, -1), shown)


@pytest.mark.slow
def test_there_is_room_for_three(page, server):
    open_fit(page, server)
    pin(page, 1, 100)
    button = drive.button(page, "Pin this frame")
    expect(button).to_be_enabled()  # 100 is shown: its pin can be taken away
    drive.seek(page, 50)
    expect(button).to_be_disabled()
    drive.press(page, ";")
    assert titles(page) == ["points n 1", "points n 100", "points n 50"]


@pytest.mark.slow
def test_hover_answers_in_each_panel_from_its_own_frame(page, server):
    open_fit(page, server)
    pin(page, 2)
    drive.seek(page, 200)
    page.wait_for_selector(drive.IDLE)
    box = drive.player(page).locator("canvas").bounding_box()
    places = page.evaluate(
        """() => {
          const { player } = window.drag;
          const at = (view, index) => { const { data } = player.recording.channel("0.3.xy", index); return [view.x(data[0]), view.y(data[1])]; };
          return [at(player.pins.shown[0].view, player.pins.shown[0].index), at(player.views.find(Boolean), player.index)];
        }"""  # noqa: E501
    )
    said = []
    for x, y in places:
        page.mouse.move(box["x"] + x, box["y"] + y)
        drive.next_picture(page, 2)
        said.append(drive.player(page).locator(".tip").inner_text())
    assert all(text.startswith(("newest point: ", "data: ")) for text in said)
    assert said[0] != said[1]


@pytest.mark.slow
def test_a_link_pins_and_what_is_pinned_stands_in_the_link(page, server):
    open_fit(page, server, "&gaussian.pin=1,100")
    assert pinned(page) == ["Unpin points n 1", "Unpin points n 100"]
    drive.button(page, "Unpin points n 1").click()
    drive.until(lambda: drive.asked(page).get("pin") == "100", "the link says so")
    assert pinned(page) == ["Unpin points n 100"]
    drive.nudge(page, "Points n")
    assert pinned(page) == ["Unpin points n 100"], "a changed control leaves it"
    drive.start_cue(page, "Sample")
    assert pinned(page) == []
    assert "pin" not in drive.asked(page)
    drive.start_cue(page, "Fit")
    drive.until(lambda: pinned(page) == ["Unpin points n 100"], "a cue that was left is found as it was")


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["x", "1,2,3", "-1"])
def test_a_link_that_pins_nonsense_says_so(page, server, wrong):
    open_fit(page, server, f"&gaussian.pin={wrong}")
    assert pinned(page) == []
    expect(page.get_by_text(f"gaussian.pin={wrong}")).to_be_visible()


@pytest.mark.slow
def test_the_other_panels_and_layers_are_a_key_away_and_a_handle_can_be_dragged(page, server):
    drive.open_page(page, f"{server.url}/vae?vae.cue=learn&vae.pin=1,20")
    drive.spy_on_drag(page)
    drive.pause(page)
    lead = "() => window.drag.player.views.findIndex(Boolean)"
    count = page.evaluate("() => window.drag.player.recording.layout.panels.length")
    seen = []
    for _ in range(count):
        seen.append(page.evaluate(lead))
        drive.press(page, ".")
        drive.next_picture(page, 2)
    assert sorted(seen) == list(range(count))
    assert page.evaluate(lead) == seen[0]
    before = panel(page, 0)
    switch = drive.layer(page, "test digits")
    switch.click()
    assert not same(panel(page, 0), before)
    switch.click()
    assert same(panel(page, 0), before)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cue", "size", "projector"), [
    ("gan", "digits", (1440, 900), False), ("gan", "digits", (1024, 600), True),
    ("vae", "learn", (1024, 768), False), ("vae", "learn", (1024, 600), True), ("gaussian", "fit", (1280, 720), True),
])  # fmt: skip
def test_three_frames_can_be_read(page, server, name, cue, size, projector):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    drive.open_page(page, drive.address(server, name, cue, pin="1,20") + "&projector=true" * projector)
    page.evaluate("() => { document.documentElement.dataset.drawer = 'closed'; }")
    drive.spy_on_drag(page)
    page.mouse.move(1, 1)
    drive.pause(page)
    assert not faults(measured(page, size), size, projector)
    assert len(titles(page)) == 3
