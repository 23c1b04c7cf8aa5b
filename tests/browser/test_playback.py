"""The Player on the Gaussian page is the video player that everyone knows."""

from __future__ import annotations

import re

import drive
import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.scenes.gaussian.sources import SOURCES
from genmodels.gaussian import iterate_fit

pytestmark = pytest.mark.browser


@pytest.fixture
def gaussian(shared_page, shared_tabs, server):
    """The page as it opens: opened again only where a test has changed more than the Player."""
    page = shared_page
    if page.url != f"{server.url}/gaussian" or drive.data(page, "run") != getattr(page, "run", None):
        drive.open_page(page, f"{server.url}/gaussian")
        page.run = drive.data(page, "run")
    else:
        drive.rewind(page)
    yield page
    shared_tabs.check()


# --- time ---------------------------------------------------------------------------------------------------


def test_plays_by_itself_pauses_and_plays_again(gaussian):
    assert drive.is_playing(gaussian)
    first = drive.frame(gaussian)
    drive.until(lambda: drive.frame(gaussian) > first, "it plays by itself")
    drive.button(gaussian, "Pause").click()
    drive.next_picture(gaussian, 2)
    there = drive.frame(gaussian)
    gaussian.wait_for_timeout(300)
    assert drive.frame(gaussian) == there
    drive.button(gaussian, "Play").click()
    drive.until(lambda: drive.frame(gaussian) > there, "it goes on where it was")
    assert drive.is_playing(gaussian)


def test_frame_by_frame_scrub_and_keys(gaussian):
    drive.seek(gaussian, 40)
    for key, expected in [
        ("One frame back", 39),
        ("One frame forward", 40),
        ("One frame forward", 41),
    ]:
        drive.button(gaussian, key).click()
        drive.wait_frame(gaussian, expected)
    last = drive.last_frame(gaussian)
    for key, expected in [
        ("ArrowRight", 42),
        ("ArrowLeft", 41),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("End", last),
        ("ArrowRight", last),
        ("ArrowLeft", last - 1),
    ]:
        drive.press(gaussian, key)
        drive.next_picture(gaussian, 2)
        drive.wait_frame(gaussian, expected)
    drive.scrub(gaussian).fill("77")
    drive.wait_frame(gaussian, 77)
    drive.scrub(gaussian).press("ArrowRight")
    drive.wait_frame(gaussian, 78)
    assert drive.readout(gaussian, "points n") == "78"
    assert drive.scrub(gaussian).get_attribute("aria-valuetext") == "points n 78"


def test_a_step_pauses_what_plays(gaussian):
    drive.press(gaussian, "Home")
    drive.button(gaussian, "One frame forward").click()
    expect(drive.button(gaussian, "Play")).to_be_visible()


def test_space_plays_and_pauses(gaussian):
    drive.seek(gaussian, 20)
    drive.press(gaussian, "Space")
    expect(drive.button(gaussian, "Pause")).to_be_visible()
    drive.until(lambda: drive.frame(gaussian) > 21, "space plays")
    drive.press(gaussian, "Space")
    expect(drive.button(gaussian, "Play")).to_be_visible()
    for place in (
        drive.button(gaussian, "Play"),
        drive.scrub(gaussian),
    ):  # once, not once by the button and once by the key
        place.focus()
        gaussian.keyboard.press("Space")
        expect(drive.button(gaussian, "Pause")).to_be_visible()
        gaussian.keyboard.press("Space")
        expect(drive.button(gaussian, "Play")).to_be_visible()
    assert gaussian.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_pauses_at_the_end_and_starts_again_from_the_beginning(gaussian):
    last = drive.last_frame(gaussian)
    assert drive.is_playing(gaussian)
    drive.press(gaussian, "End")
    expect(drive.button(gaussian, "Play")).to_be_visible()
    drive.wait_frame(gaussian, last)
    drive.button(gaussian, "Play").click()
    drive.until(lambda: drive.frame(gaussian) < last / 2, "it starts again")
    assert drive.is_playing(gaussian)


def test_speed(gaussian):
    def pace(speed: str) -> float:
        drive.seek(gaussian, 0)
        drive.player(gaussian).get_by_label("Speed").select_option(speed)
        drive.button(gaussian, "Play").click()
        return drive.player(gaussian).evaluate(
            """async (root) => {
              const [start, from] = [performance.now(), Number(root.dataset.frame)];
              await new Promise((done) => setTimeout(done, 900));
              return (1000 * (Number(root.dataset.frame) - from)) / (performance.now() - start);
            }"""
        )

    slow, normal, fast = pace("0.25"), pace("1"), pace("4")
    assert 8 < normal < 18, "15 frames a second"
    assert slow < normal / 2
    assert fast > 2 * normal


def test_loop(gaussian):
    loop = drive.button(gaussian, "Loop")
    expect(loop).to_have_attribute("aria-pressed", "false")
    loop.click()
    expect(loop).to_have_attribute("aria-pressed", "true")
    drive.press(gaussian, "End")
    drive.until(lambda: drive.frame(gaussian) < 100, "it starts again by itself")
    assert drive.is_playing(gaussian)
    loop.click()
    drive.press(gaussian, "End")
    expect(drive.button(gaussian, "Play")).to_be_visible()


def test_full_screen(gaussian):
    full = "() => document.fullscreenElement !== null"
    drive.press(gaussian, "f")
    gaussian.wait_for_function(full)
    height = drive.player(gaussian).locator("canvas").bounding_box()["height"]
    assert height > 600
    drive.press(gaussian, "f")
    gaussian.wait_for_function("() => document.fullscreenElement === null")
    drive.button(gaussian, "Full screen").click()
    gaussian.wait_for_function(full)
    drive.button(gaussian, "Full screen").click()
    gaussian.wait_for_function("() => document.fullscreenElement === null")
    drive.until(
        lambda: drive.player(gaussian).locator("canvas").bounding_box()["height"] < height,
        "the stage shrinks again",
    )


@pytest.mark.slow
def test_reduced_motion_starts_paused(tabs, server):
    page = tabs.open(reduced_motion="reduce")
    drive.open_page(page, f"{server.url}/gaussian")
    expect(drive.button(page, "Play")).to_be_visible()
    drive.wait_frame(page, 0)
    page.wait_for_timeout(300)
    assert drive.frame(page) == 0
    drive.start_cue(page, "Sample")
    assert drive.frame(page) == 0
    drive.button(page, "Play").click()
    drive.until(lambda: drive.frame(page) > 2, "it plays when asked")


@pytest.mark.slow
def test_two_tabs_play_independently(gaussian, page, server):
    other = page
    drive.open_page(other, f"{server.url}/gaussian")
    assert drive.data(gaussian, "run") != drive.data(other, "run")
    drive.seek(gaussian, 50)
    drive.seek(other, 10)
    drive.press(other, "ArrowRight")
    drive.wait_frame(other, 11)
    drive.press(other, "Space")
    drive.until(lambda: drive.frame(other) > 15, "the other tab plays")
    assert drive.frame(gaussian) == 50


# --- the picture --------------------------------------------------------------------------------------------


def test_layers_go_and_come_back_by_key_and_by_button(gaussian):
    drive.seek(gaussian, 100)
    truth = drive.layer(gaussian, "truth")
    with_truth = drive.picture(gaussian)
    expect(truth).to_have_attribute("aria-pressed", "true")
    drive.press(gaussian, "t")
    expect(truth).to_have_attribute("aria-pressed", "false")
    assert drive.picture(gaussian) != with_truth
    truth.click()
    expect(truth).to_have_attribute("aria-pressed", "true")
    drive.player(gaussian).focus()
    assert drive.picture(gaussian) == with_truth
    assert drive.frame(gaussian) == 100


def test_every_layer_changes_the_picture(gaussian):
    drive.seek(gaussian, 100)
    full = drive.picture(gaussian)
    drive.open_layers(gaussian)
    buttons = drive.player(gaussian).locator("[data-layer]")
    for k in range(buttons.count()):
        name = buttons.nth(k).get_attribute("data-layer")
        buttons.nth(k).click()
        gaussian.mouse.move(3, 3)
        assert drive.picture(gaussian) != full, name
        buttons.nth(k).click()
        gaussian.mouse.move(3, 3)
        assert drive.picture(gaussian) == full, name


def test_a_point_under_the_pointer_says_where_it_is(gaussian):
    drive.pause(gaussian)
    drive.press(gaussian, "End")
    drive.wait_frame(gaussian, 200)
    tip = drive.player(gaussian).locator(".tip")
    box = drive.player(gaussian).locator("canvas").bounding_box()
    x, y = box["x"] + 0.32 * box["width"], box["y"] + 0.5 * box["height"]
    for k in range(60):  # outwards from the middle of the left panel, in a spiral
        gaussian.mouse.move(x + 3 * k * np.cos(k), y + 2 * k * np.sin(k))
        drive.next_picture(gaussian, 2)
        if tip.is_visible():
            break
    said = re.fullmatch(r"(?:data|newest point): \(([−\d.]+), ([−\d.]+)\)", tip.inner_text())
    assert said, tip.inner_text()
    point = [float(number.replace("−", "-")) for number in said.groups()]
    distance = np.abs(lecture_points() - point).max(axis=1).min()
    assert distance < 0.001, "it is one of the data"
    gaussian.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def lecture_points() -> np.ndarray:
    return SOURCES["lecture"].sample(200, np.random.default_rng(0))


@pytest.mark.parametrize("n", [3, 100, 200])
def test_numbers_belong_to_the_frame_shown(gaussian, n):
    drive.seek(gaussian, n)
    seen = lecture_points()[:n]
    fit = list(iterate_fit(lecture_points()))[n].gaussian
    truth = SOURCES["lecture"].moments()
    log_likelihood = fit.log_prob(seen).mean()
    assert_prints(drive.readout(gaussian, "log-likelihood"), log_likelihood, "nats per point")
    assert_prints(drive.readout(gaussian, "KL(truth ‖ fit)"), truth.kl_divergence(fit), "nats")
    equation = drive.player(gaussian).locator(".equation").inner_text()
    mean = ", ".join(f"{v:.2f}".replace("-", "−") for v in seen.mean(axis=0))
    assert f"({mean})" in equation


def assert_prints(text: str, value: float, unit: str) -> None:
    """The text is the value to the digits that are printed, and its unit."""
    number, _, rest = text.partition(" ")
    assert rest == unit
    digits = len(number.partition(".")[2])
    assert digits >= 2
    assert number.replace("−", "-") == f"{value:.{digits}f}"


# --- the Player and Streamlit -------------------------------------------------------------------------------


def test_a_changed_control_keeps_canvas_frame_and_pause(gaussian):
    drive.seek(gaussian, 57)
    drive.mark(gaussian)
    drive.press(gaussian, "t")
    drive.nudge(gaussian, "Points n")
    assert drive.is_marked(gaussian)
    expect(drive.player(gaussian)).to_have_attribute("data-frames", "202")
    assert drive.frame(gaussian) == 57
    assert not drive.is_playing(gaussian)
    expect(drive.layer(gaussian, "truth")).to_have_attribute("aria-pressed", "false")
    run = drive.data(gaussian, "run")
    gaussian.get_by_role("combobox", name=re.compile("Data")).click()
    gaussian.get_by_role("option", name="Round").click()
    drive.wait_new_run(gaussian, run)
    assert drive.is_marked(gaussian)
    assert drive.frame(gaussian) == 57


def test_a_changed_control_at_the_end_stays_at_the_end(gaussian):
    drive.seek(gaussian, 200)
    drive.nudge(gaussian, "Points n")
    drive.wait_frame(gaussian, 201)


def test_what_plays_goes_on_while_a_control_changes(gaussian):
    drive.until(lambda: drive.frame(gaussian) > 3, "it plays")
    before = drive.frame(gaussian)
    drive.nudge(gaussian, "Points n")
    assert drive.is_playing(gaussian)
    now = drive.frame(gaussian)
    assert now >= before
    drive.until(lambda: drive.frame(gaussian) > now, "it goes on")


def test_no_key_makes_streamlit_rerun(gaussian):
    reruns = drive.count_reruns(gaussian)
    for _ in range(5):  # one that is over between two pictures goes unnoticed
        drive.nudge(gaussian, "Points n")
        gaussian.wait_for_timeout(400)
        if reruns():
            break
    assert reruns(), "a rerun is noticed"
    gaussian.wait_for_selector(drive.IDLE)
    before = reruns()
    gaussian.get_by_role("heading", level=1).click()
    gaussian.keyboard.press("r")
    for place in (
        drive.player(gaussian),
        drive.scrub(gaussian),
        drive.player(gaussian).get_by_label("Speed"),
    ):
        place.focus()
        for key in ("r", "c", "Shift+R", "Shift+C"):
            gaussian.keyboard.press(key)
    drive.seek(gaussian, 100)
    drive.press(gaussian, "t")
    drive.button(gaussian, "Loop").click()
    gaussian.wait_for_timeout(400)
    assert reruns() == before
    assert gaussian.get_by_role("dialog").count() == 0


def test_a_cue_gives_the_keyboard_to_the_player_and_digits_change_cues(gaussian):
    drive.mark(gaussian)
    drive.start_cue(gaussian, "Sample")
    drive.until(lambda: drive.has_focus(gaussian), "the Player has the focus")
    drive.expect_on(gaussian, "Sample")
    drive.expect_off(gaussian, "Fit")
    assert drive.is_marked(gaussian)
    drive.until(lambda: drive.is_playing(gaussian), "it plays")
    gaussian.keyboard.press("Space")
    expect(drive.button(gaussian, "Play")).to_be_visible()
    expect(drive.layer(gaussian, "lattice")).to_be_visible()
    run = drive.data(gaussian, "run")
    gaussian.keyboard.press("1")
    drive.wait_new_run(gaussian, run)
    drive.expect_on(gaussian, "Fit")
    drive.until(lambda: drive.is_playing(gaussian), "it plays")
    drive.until(lambda: drive.has_focus(gaussian), "the Player has the focus again")
    run = drive.data(gaussian, "run")
    gaussian.keyboard.press("2")
    drive.wait_new_run(gaussian, run)
    drive.expect_on(gaussian, "Sample")
