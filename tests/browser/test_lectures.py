"""A whole lecture by a clicker: Page Down alone, from the first step to the last."""

from __future__ import annotations

import drive
import pytest
from playwright.sync_api import expect

from dashboard.lectures import MAP, load, shipped

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
        page = "" if step.page == MAP else step.page
        drive.until(
            lambda page=page: tab.evaluate("() => location.pathname") == f"/{page}", f"step {number} is there"
        )
        drawn(tab)
        if step.cue and page:
            expect(tab.locator(f".st-key-{page}-cue-{step.cue} button")).to_have_attribute("kind", "primary")
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
