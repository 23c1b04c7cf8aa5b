"""A question before the picture: it waits until it is answered, and a class's hands are drawn as bars only then."""

from __future__ import annotations

import drive
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dashboard.lectures import load

pytestmark = pytest.mark.browser
RIGHT = "det Σ → 0, p(μ) → ∞"
WRONG = "Both grow"


def result(page):
    """What is right, and the votes; beside the picture once that is shown."""
    return drive.player(page).get_by_role("region", name="The answer")


def hands(page, answer: str):
    return drive.question(page).get_by_role("textbox", name=f"Hands for: {answer}")


def bars(page) -> dict[str, tuple[float, str]]:
    """Width of each bar, as a part of its room, and its words, by answer."""
    found = (
        result(page)
        .locator("li")
        .evaluate_all(
            """all => all.map((li) => [li.children[1].textContent, li.querySelector("i").getBoundingClientRect().width
                            / li.clientWidth, li.querySelector(".votes").textContent])"""
        )
    )
    return {answer: (width, words) for answer, width, words in found}


def asked(page, server, path: str = "gaussian?gaussian.cue=sample") -> None:
    """Open a page whose cue asks; the picture waits."""
    drive.open_page(page, f"{server.url}/{path}", asked=True)
    expect(drive.question(page)).to_be_visible()


def expect_waiting(page) -> None:
    """The first frame, and it stays."""
    assert drive.frame(page) == 0
    assert drive.data(page, "frames") != "0", "the recording is there"
    page.wait_for_timeout(400)
    assert drive.frame(page) == 0, "nothing moves before it is asked for"
    expect(drive.player(page).locator(".bar")).to_be_hidden()


def expect_playing(page) -> None:
    expect(drive.question(page)).to_be_hidden()
    drive.until(lambda: drive.frame(page) > 0, "it plays")


def test_hands_are_counted_and_drawn_only_when_the_picture_is_shown(page, server):
    asked(page, server)
    expect_waiting(page)
    for answer, votes in ((WRONG, "6"), (RIGHT, "1x5"), ("Neither changes", "9")):
        hands(page, answer).fill(votes)
    expect(hands(page, RIGHT)).to_have_value("15")
    page.keyboard.press("Enter")  # in a field it goes on, and shows nothing
    hands(page, WRONG).press("a")
    expect_waiting(page)
    expect(result(page)).to_be_hidden()
    assert drive.player(page).locator(".votes").count() == 0, "no bar is there, not even hidden"
    page.keyboard.press("PageDown")
    expect_playing(page)
    drive.expect_on(page, "Sample")
    drawn = bars(page)
    assert list(drawn) == [WRONG, f"✓ {RIGHT}", "det Σ → 0, p(μ) → 0", "Neither changes"]
    assert [words for _, words in drawn.values()] == [
        "6 of 30, 20 %",
        "15 of 30, 50 %",
        "0 of 30, 0 %",
        "9 of 30, 30 %",
    ]
    assert [width for width, _ in drawn.values()] == pytest.approx([0.2, 0.5, 0.0, 0.3], abs=0.01)
    expect(result(page)).to_contain_text("beyond all bounds")
    page.keyboard.press("PageDown")
    drive.expect_on(page, "Maximum likelihood")
    expect(result(page)).to_be_hidden()
    page.keyboard.press("PageUp")
    drive.expect_on(page, "Sample")
    drive.wait_status(page, "done")
    expect(drive.button(page, "Ask again")).to_be_visible()
    expect(drive.question(page)).to_be_hidden()  # answered once, it is not asked again by itself
    drive.button(page, "Ask again").click()
    expect_waiting(page)
    expect(hands(page, RIGHT)).to_have_value("15")


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "said"), [("a", f"Not quite. {RIGHT}."), ("b", f"Yes. {RIGHT}.")])
@pytest.mark.parametrize("by", ["key", "click"])
def test_an_answer_shows_the_picture_and_whether_it_was_right(page, server, answer, said, by):
    asked(page, server)
    if by == "key":
        page.keyboard.press(answer)
    else:
        drive.question(page).locator(".answer").nth("ab".index(answer)).click()
    expect_playing(page)
    expect(result(page)).to_contain_text(said)
    assert not bars(page), "nobody has counted hands"
    drive.button(page, "Close the answer").click()
    expect(result(page)).to_be_hidden()


@pytest.mark.slow
def test_keys_before_the_answer(page, server):
    """Enter shows, Escape leaves it open, and what moves the picture waits with it; layers and cues do as always."""
    asked(page, server)
    for key in ("ArrowRight", "End", "l", ";", ".", ","):
        page.keyboard.press(key)
    expect_waiting(page)
    expect(drive.question(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect_playing(page)
    expect(result(page)).to_be_hidden()
    page.keyboard.press("?")
    expect(drive.question(page)).to_be_visible()
    expect_waiting(page)
    page.keyboard.press("Enter")
    expect_playing(page)
    expect(result(page)).to_contain_text(RIGHT)
    page.keyboard.press("?")
    expect(result(page)).to_be_hidden()
    page.keyboard.press(" ")
    expect_playing(page)
    assert drive.has_focus(page)


@pytest.mark.slow
def test_a_question_that_is_left_open_is_asked_again(page, server):
    asked(page, server)
    page.keyboard.press("1")
    drive.expect_on(page, "Fit")
    expect(drive.question(page)).to_be_hidden()
    expect(drive.button(page, "Ask again")).to_be_hidden()
    drive.until(lambda: drive.frame(page) > 0, "a cue that asks nothing plays")
    page.keyboard.press("2")
    expect(drive.question(page)).to_be_visible()
    drive.wait_status(page, "done")
    expect_waiting(page)


@pytest.mark.slow
def test_a_changed_control_leaves_the_question_open(page, server):
    asked(page, server)
    drive.nudge(page, "Samples")
    expect(drive.question(page)).to_be_visible()
    expect_waiting(page)


@pytest.mark.slow
def test_a_run_that_grows_waits_at_its_first_frame_and_then_catches_up(page, server):
    page.goto(drive.address(server, "gan", "first"))
    expect(drive.question(page)).to_be_visible()
    drive.until(lambda: drive.frames(page) > 4, "it fills its buffer", 60)
    assert drive.frame(page) == 0
    page.keyboard.press("Enter")
    drive.until(lambda: drive.frame(page) > 0, "and is shown")
    drive.until(lambda: drive.button(page, "LIVE").get_attribute("aria-pressed") == "true", "up to the newest")


@pytest.mark.slow
@pytest.mark.parametrize("shown", [False, True], ids=["question", "answer"])
@pytest.mark.parametrize(
    ("size", "scheme", "projector"),
    [
        ((1024, 600), "light", True),
        ((1024, 600), "dark", True),
        ((1440, 900), "dark", False),
        ((390, 800), "light", False),
    ],
)
def test_it_can_be_read_and_axe_finds_nothing(tabs, server, size, scheme, projector, shown):
    page = tabs.open(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    asked(page, server, "boundaries?boundaries.cue=learn" + "&projector=true" * projector)
    if shown:
        for answer in ("Always", "Never") if size[0] > 640 else ():
            hands(page, answer).fill("7")
        drive.player(page).locator(".ask").focus()
        page.keyboard.press("Enter")
        expect(result(page)).to_be_visible()
    place = result(page) if shown else drive.question(page)
    sizes = place.evaluate(
        """place => [...place.querySelectorAll("*")].filter((e) => e.offsetParent && e.textContent.trim()
             && !e.closest("button.shut, button.later, kbd")).map((e) => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(sizes) >= (24 if projector else 13)
    found = [
        (v["id"], n["target"], n["any"])
        for v in Axe().run(page).response["violations"]
        for n in v["nodes"]
        if "player" in str(n["target"]) or "ask" in str(n["target"]) or "result" in str(n["target"])
    ]
    assert not found, found
    inside = place.bounding_box()
    assert inside["x"] >= 0
    assert inside["x"] + inside["width"] <= size[0]
    if size[0] > 640:
        within = (drive.player(page).locator(".transport") if shown else drive.button(page, "Show")).bounding_box()
        assert within["y"] + within["height"] <= size[1], "all of it is in the first screen"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


LECTURE = """
title = "Asked"
[[step]]
page = "gaussian"
cue = "fit"
say = "One lump."
ask = "What does one point say?"
[[step]]
page = "gaussian"
cue = "converge"
ask = "Which way does the error go?"
answers = ["Up", "Down"]
right = "Down"
because = "On average, by the square root of n."
"""


@pytest.mark.slow
def test_a_lecture_s_step_asks_and_page_down_shows_before_it_goes_on(page, server):
    page.goto(server.url)
    page.wait_for_selector(drive.IDLE)
    page.get_by_role("button", name="Open one of your own").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "lecture.toml", "mimeType": "application/toml", "buffer": LECTURE.encode()}
    )
    page.get_by_role("button", name="Asked · 2 steps").click()
    expect(drive.question(page)).to_contain_text("What does one point say?")
    drive.wait_status(page, "done")
    expect_waiting(page)
    assert drive.question(page).locator(".answers").count() == 0
    page.keyboard.press("PageDown")
    expect_playing(page)
    expect(result(page)).to_be_hidden()
    expect(drive.player(page).locator(".say")).to_have_text("One lump.")
    page.keyboard.press("PageDown")
    expect(drive.question(page)).to_contain_text("Which way does the error go?")
    drive.wait_status(page, "done")
    page.wait_for_selector(drive.IDLE)
    page.keyboard.press("PageDown")
    expect_playing(page)
    expect(result(page)).to_contain_text("Down. On average, by the square root of n.")


@pytest.mark.slow
def test_the_pages_own_questions_are_asked_in_a_lecture(page, server):
    lecture = load("overview")
    at = next(k for k, step in enumerate(lecture.steps, start=1) if (step.page, step.cue) == ("diffusion", "forward"))
    asked(page, server, f"diffusion?lecture=overview&at={at}")
    page.keyboard.press("PageDown")
    expect_playing(page)
    expect(page.locator(".st-key-lecture").get_by_text(f"{at}/{len(lecture.steps)}")).to_be_visible()
    page.keyboard.press("PageDown")
    expect(page.locator(".st-key-lecture").get_by_text(f"{at + 1}/{len(lecture.steps)}")).to_be_visible()
