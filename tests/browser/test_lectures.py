"""A whole lecture by a clicker: Page Down alone, from the first step to the last."""

from __future__ import annotations

import drive
import pytest
from playwright.sync_api import expect

from dashboard.concepts import HOME
from dashboard.lectures import load, shipped
from tests.pages.found import EVERY_CUE

pytestmark = pytest.mark.browser


def at(tab, number: int, of: int) -> None:
    expect(tab.locator(".st-key-lecture").get_by_text(f"{number}/{of}")).to_be_visible(timeout=20_000)


def drawn(tab) -> None:
    """There is a first frame."""
    drive.until(lambda: drive.frames(tab) > 0, "a picture")


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_a_lecture_is_walked_by_page_down_alone(tab, server, name):
    lecture = load(name)
    print(name, "skips", *lecture.skipped, sep="\n  ")
    tab.goto(f"{server.url}/?lecture={name}&at=1")
    for number, step in enumerate(lecture.steps, start=1):
        at(tab, number, len(lecture.steps))
        page = step.page.replace(HOME, "")
        drive.until(
            lambda page=page: tab.evaluate("() => location.pathname") == f"/{page}", f"step {number} is there"
        )
        if step.cue:
            expect(tab.locator(f".st-key-{step.page}-cue-{step.cue} button")).to_have_attribute("kind", "primary")
        if not step.cue or (step.page, step.cue) in EVERY_CUE:
            drawn(tab)
        if drive.question(tab).is_visible():
            tab.keyboard.press("PageDown")  # shows the picture, and stays
            expect(drive.question(tab)).to_be_hidden()
            at(tab, number, len(lecture.steps))
        tab.keyboard.press("PageDown")
    at(tab, len(lecture.steps), len(lecture.steps))


def test_there_and_back_and_a_link_in_the_middle(tab, server):
    tab.goto(f"{server.url}/?lecture=mixtures-to-vaes&at=3&projector=true&seed=4")
    at(tab, 3, len(load("mixtures-to-vaes").steps))
    drawn(tab)
    assert tab.evaluate("() => document.documentElement.dataset.drawer") == "closed"
    tab.keyboard.press("PageDown")
    at(tab, 4, len(load("mixtures-to-vaes").steps))
    drive.until(lambda: tab.evaluate("() => location.pathname") == "/mixture", "the next step's page")
    drawn(tab)
    tab.keyboard.press("PageUp")
    at(tab, 3, len(load("mixtures-to-vaes").steps))
    drive.until(lambda: "Two+lumps" in tab.url, "what differs is there again")
    said = drive.link(tab)
    assert (said["projector"], said["seed"]) == ("true", "4"), "the sidebar's settings stay for the whole lecture"
