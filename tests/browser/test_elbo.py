"""The page of bounds: q is dragged over the exact posterior, and what is printed adds up in every frame."""

from __future__ import annotations

import math
import re
import time

import drive
import pytest
from playwright.sync_api import Page

from dashboard.scenes.elbo import held, raising

pytestmark = pytest.mark.browser

UNIT = 10**held.DIGITS
COLLECT = """() => {
  const root = document.querySelector("[data-testid=player]") ?? window.drag.player.root;
  const read = (name) => root.querySelector(`[data-readout="${name}"] dd`)?.innerText ?? "";
  window.printed = new Set();
  const note = () => {
    window.printed.add(["ELBO", "KL(q ‖ p)", "log p(x)"].map(read).join(" | "));
    window.noting = requestAnimationFrame(note);
  };
  note();
}"""


def printed(text: str) -> int:
    """A number as it stands there, in its last digit."""
    found = re.match(r"(-?[\d.]+)", text.replace("−", "-").replace(",", ""))
    assert found, text
    return round(float(found[1]) * UNIT)


def open_at_rest(page: Page, server, cue: str, **link: object) -> None:
    drive.open_page(page, drive.address(server, "elbo", cue, **link))
    drive.pause(page)
    drive.seek(page, 0)
    drive.spy_on_drag(page)


def centre(page: Page, name: str) -> tuple[float, float]:
    box = drive.player(page).locator(f'.handle[data-handle="{name}"]').bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def adds_up(page: Page) -> None:
    """Bound and gap, as printed, are log p(x), as printed."""
    elbo, gap, whole = (printed(drive.readout(page, name)) for name in ("ELBO", "KL(q ‖ p)", "log p(x)"))
    assert elbo + gap == whole


def test_bound_and_gap_fill_the_bar_in_every_frame(tab, server):
    """While it climbs: the scrub bar goes from frame to frame."""
    open_at_rest(tab, server, "raise")
    whole = drive.readout(tab, "log p(x)")
    bounds = []
    for frame in range(held.STEPS + 1):
        drive.seek(tab, frame)
        adds_up(tab)
        assert drive.readout(tab, "log p(x)") == whole
        bounds.append(drive.number(tab, "ELBO"))
    assert bounds == sorted(bounds), "it climbs"
    assert bounds[-1] == pytest.approx(held.best("banana").elbo, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean", "axis 1"])
def test_the_sum_on_the_screen_is_constant_while_q_is_dragged(tab, server, name):
    open_at_rest(tab, server, "raise", held_x=held.TITLES["lumps"])
    x, y = centre(tab, name)
    run = drive.data(tab, "run")
    tab.evaluate(COLLECT)
    tab.mouse.move(x, y)
    tab.mouse.down()
    before, began = drive.answers(tab), time.monotonic()
    while (passed := time.monotonic() - began) < 2:
        turn = math.pi * passed
        tab.mouse.move(x - 120 * math.sin(turn), y + 90 * math.sin(2 * turn))
    heard, passed = drive.answers(tab) - before, time.monotonic() - began
    print(f"\n{name}: {heard / passed:.0f} answers a second, the last after {drive.data(tab, 'answer-ms')} ms")
    tab.mouse.move(x - 70, y + 50)
    drive.until(lambda: drive.answers(tab) > before, "it answers while it is held")
    assert drive.data(tab, "run") == run, "while it is held nothing is built anew"
    seen = tab.evaluate("() => { cancelAnimationFrame(window.noting); return [...window.printed]; }")
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    sums = [[printed(part) for part in line.split(" | ")] for line in seen]
    assert len(sums) > 5, "many places of q were seen"
    assert len({whole for *_, whole in sums}) == 1
    assert all(elbo + gap == whole for elbo, gap, whole in sums)
    adds_up(tab)
    link = drive.asked(tab)
    fields = {key: float(value) for key, value in link.items() if key in {"held_1", "held_2", "held_a", "held_b"}}
    tilt = {"held_tilt": float(link["held_tilt"])} if "held_tilt" in link else {}
    config = raising.Raise("lumps", **fields, **tilt)
    assert config != raising.Raise("lumps")
    drive.wait_shows(tab, "ELBO", held.best("lumps").elbo - raising.short_of_best(config), held.DIGITS)


@pytest.mark.slow
def test_from_where_it_has_climbed_to_q_is_taken_in_the_hand(tab, server):
    open_at_rest(tab, server, "raise")
    drive.seek(tab, held.STEPS)
    drive.next_picture(tab, 3)
    x, y = centre(tab, "mean")
    run = drive.data(tab, "run")
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 40, y, steps=4)
    tab.mouse.up()
    drive.wait_new_run(tab, run)
    drive.wait_frame(tab, 0)
    now = centre(tab, "mean")
    assert now == pytest.approx((x + 40, y), abs=3)
    adds_up(tab)
