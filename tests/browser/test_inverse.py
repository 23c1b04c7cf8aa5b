"""Inverse problems: a cover that is dragged or painted, a line, and a sketch, all answered under the hand."""

from __future__ import annotations

import drive
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.scene.painted import CELLS, decode_points
from dashboard.scenes.inverse import line, mask, sketch
from dashboard.scenes.pictures import BOARD, SIDE

pytestmark = pytest.mark.browser
HALF_CELL = 0.5 * SIDE / CELLS + 1e-6


def open_cue(page: Page, server, cue: str, **link: object) -> None:
    """The page at a cue, at rest on its last frame."""
    drive.open_page(page, drive.address(server, "inverse", cue, **link))
    drive.press(page, "End")
    expect(drive.button(page, "Play")).to_be_visible()
    drive.spy_on_drag(page)
    page.wait_for_selector(drive.IDLE)


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """A place of the first panel, in the window's pixels."""
    box = drive.player(page).locator("canvas").bounding_box()
    assert box
    to_canvas = "([x, y]) => { const v = window.drag.player.views[0]; return [v.x(x), v.y(y)]; }"
    px, py = page.evaluate(to_canvas, [x, y])
    return box["x"] + px, box["y"] + py


def press_at(page: Page, x: float, y: float) -> None:
    page.mouse.move(*at(page, x, y))
    page.mouse.down()


def answered(page: Page, act) -> None:
    """Do something under the hand, and wait until it has an answer."""
    before = drive.answers(page)
    act()
    drive.until(lambda: drive.answers(page) > before, "it answers under the hand")


def release(page: Page) -> None:
    run = drive.data(page, "run")
    page.mouse.up()
    drive.wait_new_run(page, run)
    page.wait_for_selector(drive.IDLE)


def stroke(page: Page, *corners: tuple[float, float]) -> None:
    """Paint a line from corner to corner, see that it is answered, and let go."""
    press_at(page, *corners[0])
    for corner in corners[1:]:
        answered(page, lambda corner=corner: page.mouse.move(*at(page, *corner), steps=10))
    release(page)


def points(page: Page, field: str, example: str) -> np.ndarray:
    """What was painted, as the link holds it."""
    return decode_points(drive.asked(page).get(field, example), BOARD, BOARD)[0]


# --- mask -----------------------------------------------------------------------------------------------------


def covered(config: mask.Covered) -> float:
    return 100 * float((~config.seen()).mean())


def test_a_corner_is_dragged_and_the_answers_follow(tab, server):
    open_cue(tab, server, "mask")
    drive.wait_shows(tab, "covered", covered(mask.Covered()), 0)
    run, said = drive.data(tab, "run"), drive.player(tab).locator(".caption .now").inner_text()
    press_at(tab, 25, 14)
    answered(tab, lambda: tab.mouse.move(*at(tab, 25, 4), steps=8))
    now = mask.Covered(b_2=4.0)
    drive.wait_shows(tab, "covered", covered(now), 0)
    drive.wait_shows(tab, "p(a 4 | part)", 100 * mask._answers(now).classes[4], 1)
    assert drive.data(tab, "run") == run, "nothing is built anew while it is held"
    assert drive.player(tab).locator(".caption .now").inner_text() != said, "the sentence follows, too"
    release(tab)
    assert float(drive.asked(tab)["b_2"]) == 4
    drive.wait_shows(tab, "covered", covered(now), 0)


def test_a_cover_is_painted_and_its_link_opens_it(tab, tabs, server):
    open_cue(tab, server, "mask", cover="Painted", strokes="")
    drive.wait_shows(tab, "covered", 0, 0)
    expect(drive.player(tab)).to_contain_text("Nothing is covered: every answer is the digit itself.")
    stroke(tab, (6, 20), (22, 20), (22, 12))
    drive.until(lambda: len(points(tab, "strokes", mask.EXAMPLE)) > 5, "the stroke is in the link")
    now = mask.Covered(cover="painted", strokes=drive.asked(tab)["strokes"])
    assert 10 < covered(now) < 40
    drive.wait_shows(tab, "covered", covered(now), 0)
    drive.wait_shows(tab, "p(a 4 | part)", 100 * mask._answers(now).classes[4], 1)
    other = tabs.open()
    open_cue(other, server, "mask", cover="Painted", strokes=now.strokes)
    drive.wait_shows(other, "covered", covered(now), 0)
    held = np.array(other.evaluate("() => window.drag.painted"))[:, :2]
    assert np.abs(held - now.painted()).max() <= HALF_CELL


@pytest.mark.slow
def test_strokes_add_up_and_are_erased(tab, server):
    open_cue(tab, server, "mask", cover="Painted")
    first = len(points(tab, "strokes", mask.EXAMPLE))
    stroke(tab, (6, 6), (20, 6))
    drive.until(lambda: len(points(tab, "strokes", mask.EXAMPLE)) > first + 4, "it is added")
    more = len(points(tab, "strokes", mask.EXAMPLE))
    drive.button(tab, "Erase").click()
    stroke(tab, (4, 6), (22, 6))
    drive.until(lambda: len(points(tab, "strokes", mask.EXAMPLE)) < more, "it is erased")
    left = points(tab, "strokes", mask.EXAMPLE)
    assert left[:, 1].min() > 8, "and nothing but it"
    now = mask.Covered(cover="painted", strokes=drive.asked(tab).get("strokes", mask.EXAMPLE))
    drive.wait_shows(tab, "covered", covered(now), 0)
    run = drive.data(tab, "run")
    drive.button(tab, "Clear").click()
    drive.wait_new_run(tab, run)
    drive.wait_shows(tab, "covered", 0, 0)


@pytest.mark.slow
def test_the_cover_is_painted_with_the_keyboard(tab, server):
    open_cue(tab, server, "mask", cover="Painted", strokes="")
    pen = drive.player(tab).get_by_role("button", name="Brush at")
    pen.focus()
    run = drive.data(tab, "run")
    tab.keyboard.press("Enter")
    drive.wait_new_run(tab, run)
    drive.until(lambda: len(points(tab, "strokes", "")) == 1, "a dot is in the link")
    assert np.abs(points(tab, "strokes", "") - 14).max() <= HALF_CELL, "in the middle"
    drive.wait_shows(tab, "covered", 100 * 12 / 784, 0)
    run = drive.data(tab, "run")
    pen.focus()
    tab.keyboard.press("Delete")
    drive.wait_new_run(tab, run)
    drive.wait_shows(tab, "covered", 0, 0)


@pytest.mark.slow
def test_from_a_brush_to_a_rectangle_and_back(tab, server):
    open_cue(tab, server, "mask", cover="Painted")
    stroke(tab, (6, 6), (20, 6))
    painted = drive.number(tab, "covered")

    def cover(name: str) -> None:
        run = drive.data(tab, "run")
        tab.get_by_role("combobox", name="Cover").click()
        tab.get_by_role("option", name=name).click()
        drive.wait_new_run(tab, run)

    cover("A rectangle")
    drive.wait_shows(tab, "covered", covered(mask.Covered()), 0)
    assert drive.player(tab).locator(".handle").count() == 2
    expect(drive.button(tab, "Erase")).to_be_hidden()
    cover("Painted")
    drive.wait_shows(tab, "covered", painted, 0)
    expect(drive.button(tab, "Erase")).to_be_visible()
    assert drive.player(tab).locator(".handle").count() == 0


# --- a line of evidence ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_line_is_shifted(tab, server):
    open_cue(tab, server, "line")
    start, name = line.Evidence(), "log p(x): posterior mean"
    before = drive.number(tab, name)
    press_at(tab, start.p_1, start.p_2)
    answered(tab, lambda: tab.mouse.move(*at(tab, start.p_1, start.p_2 - 1), steps=8))
    drive.until(lambda: drive.number(tab, name) != before, "the number follows the hand")
    release(tab)
    drive.until(lambda: {"p_2", "q_2"} <= drive.asked(tab).keys(), "both knobs are in the link")
    moved = {end: float(drive.asked(tab).get(end, getattr(start, end))) for end in ("p_1", "p_2", "q_1", "q_2")}
    assert moved["p_2"] == pytest.approx(moved["q_2"], abs=0.02), "it is shifted, not turned"
    now = line.Evidence(**moved)
    mean = now.measured().posterior().mean
    drive.wait_shows(tab, name, float(now.measured().prior().log_prob(mean[None])[0]), 2)


# --- a sketch -------------------------------------------------------------------------------------------------


def expect_judged(page: Page, config: sketch.Sketched) -> None:
    """The numbers shown are those of what stands in the link."""
    kept, nearest = sketch._judged(sketch._way(config).x[-1], config.pixels())
    drive.wait_shows(page, "answers: to the sketch", kept, 3)
    drive.wait_shows(page, "answers: to the nearest training digit", nearest, 3)


@pytest.mark.slow
def test_a_sketch_is_drawn_and_led_back(tab, tabs, server):
    open_cue(tab, server, "sketch")
    expect_judged(tab, sketch.Sketched())
    run = drive.data(tab, "run")
    drive.button(tab, "Clear").click()
    drive.wait_new_run(tab, run)
    expect(drive.player(tab)).to_contain_text("Draw a sketch with the mouse or a finger")
    assert drive.asked(tab)["sketch"] == ""
    drive.player(tab).locator("canvas").hover()
    press_at(tab, 8, 23)
    tab.mouse.move(*at(tab, 20, 23), steps=12)
    tab.mouse.move(*at(tab, 12, 4), steps=16)
    release(tab)
    drive.until(lambda: len(points(tab, "sketch", sketch.EXAMPLE)) > 10, "the sketch is in the link")
    now = sketch.Sketched(drive.asked(tab)["sketch"])
    expect_judged(tab, now)
    stroke(tab, (9, 13), (17, 13))
    drive.until(lambda: len(points(tab, "sketch", "")) > len(now.points()), "and so is its second stroke")
    now = sketch.Sketched(drive.asked(tab)["sketch"])
    expect_judged(tab, now)
    other = tabs.open()
    open_cue(other, server, "sketch", sketch=now.sketch)
    expect_judged(other, now)


@pytest.mark.slow
def test_t_is_moved_and_the_way_is_scrubbed(tab, server):
    open_cue(tab, server, "sketch")
    drive.nudge(tab, "Noise it to t, share of T")
    expect_judged(tab, sketch.Sketched(share=0.65))
    drive.seek(tab, sketch.UP)
    drive.wait_shows(tab, "t", 650, 0)
    drive.seek(tab, 0)
    drive.wait_shows(tab, "t", 0, 0)
    expect(drive.player(tab)).to_contain_text("The sketch, nine times.")
    assert float(drive.asked(tab)["share"]) == 0.65
