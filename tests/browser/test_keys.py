"""A clicker and a keyboard work whatever has the focus, unless somebody writes a text."""

from __future__ import annotations

import time

import drive
import pytest
from playwright.sync_api import expect

from dashboard.concepts import concepts
from tests.pages.found import cues

pytestmark = pytest.mark.browser
CONCEPTS = concepts()


def path(page) -> str:
    return page.evaluate("() => location.pathname")


def focus_slider(page):
    drive.slider(page, "Points n").focus()


def focus_select(page):
    page.get_by_role("combobox", name="Data").focus()


def focus_nothing(page):
    page.evaluate("() => document.activeElement.blur()")


def focus_picture(page):
    drive.player(page).locator("canvas").click(position={"x": 200, "y": 150})


@pytest.mark.parametrize(
    "focus",
    [focus_slider, focus_nothing, *(pytest.param(f, marks=pytest.mark.slow) for f in (focus_select, focus_picture))],
)
def test_keys_work_whatever_has_the_focus(tab, server, focus):
    drive.open_page(tab, drive.address(server, "gaussian", "fit"))
    drive.pause(tab)
    focus(tab)
    tab.keyboard.press("k")
    assert tab.evaluate("() => document.documentElement.dataset.drawer") == "closed"
    tab.keyboard.press("k")
    focus(tab)
    tab.keyboard.press(" ")
    expect(drive.button(tab, "Pause")).to_be_visible()
    focus(tab)
    tab.keyboard.press("2")
    drive.expect_on(tab, "Sample")
    drive.wait_status(tab, "done")
    drive.uncover(tab)
    tab.keyboard.press("PageDown")
    drive.expect_on(tab, "Maximum likelihood")
    tab.keyboard.press("PageUp")
    drive.expect_on(tab, "Sample")


def test_who_writes_is_not_disturbed(tab, server):
    drive.open_page(tab, drive.address(server, "gaussian", "fit"))
    drive.open_sidebar(tab)
    seed = tab.get_by_label("Seed", exact=True)
    seed.fill("")
    seed.press("2")
    tab.wait_for_timeout(300)
    drive.expect_on(tab, "Fit")
    expect(seed).to_have_value("2")


def test_full_screen_and_the_letters_of_streamlit(tab, server):
    drive.open_page(tab, drive.address(server, "gaussian", "fit"))
    tab.evaluate("() => document.activeElement.blur()")
    for letter in "rc":  # they rerun the script, and ask to clear the caches
        tab.keyboard.press(letter)
    assert tab.get_by_role("dialog").count() == 0
    tab.keyboard.press("f")
    drive.until(lambda: tab.evaluate("() => !!document.fullscreenElement"), "F works at once")
    expect(tab.get_by_role("heading", level=1)).to_be_visible()
    expect(drive.player(tab).get_by_text("Points arrive one by one")).to_be_visible()
    expect(drive.player(tab).get_by_label("Numbers of this frame")).to_be_visible()
    bar = drive.player(tab).locator(".bar")
    expect(bar).to_have_css("opacity", "0")
    tab.mouse.move(400, 300)
    expect(bar).to_have_css("opacity", "1")
    expect(bar).to_have_css("opacity", "0")  # the pointer rests
    drawer = tab.locator(".st-key-controls")
    was_open = drawer.is_visible()
    tab.keyboard.press("k")
    expect(drawer).to_be_visible(visible=not was_open)
    tab.keyboard.press("f")
    drive.until(lambda: not tab.evaluate("() => !!document.fullscreenElement"), "and leaves it")


def test_a_clicker_walks_through_a_page_and_on_to_the_next(tab, server):
    first, second = CONCEPTS[0], CONCEPTS[1]
    drive.open_page(tab, drive.address(server, first.page, cues(first)[-2]))
    tab.keyboard.press("PageDown")
    drive.until(lambda: drive.link(tab).get(f"{first.page}.cue") == cues(first)[-1], "the last cue")
    last = tab.locator(f".st-key-{first.page}-cue-{cues(first)[-1]} button")
    expect(last).to_have_attribute("kind", "primary")
    tab.wait_for_selector(drive.IDLE)
    drive.wait_status(tab, "done")
    tab.keyboard.press("PageDown")
    drive.until(lambda: path(tab) == f"/{second.page}", "the next page")
    expect(tab.get_by_role("heading", level=1)).to_have_text(second.question)
    drive.wait_status(tab, "done")
    tab.keyboard.press("PageUp")
    drive.until(lambda: path(tab) == f"/{first.address}", "and back")


@pytest.mark.slow
@pytest.mark.parametrize("k", range(len(CONCEPTS)), ids=[concept.page for concept in CONCEPTS])
def test_a_clicker_walks_through_all_pages(tab, server, k):
    """Page Down alone, and on to the next page; no cue is left out. A question before a picture takes one more."""
    tab.goto(f"{server.url}/{CONCEPTS[k].address}")
    stations = [(concept, cue) for concept in CONCEPTS[k : k + 2] for cue in cues(concept)]
    for concept, cue in stations[: len(cues(CONCEPTS[k])) + 1]:
        _go_on(tab, lambda concept=concept, cue=cue: _at(tab) == (concept.page, cue))
        expect(tab.get_by_role("heading", level=1)).to_have_text(concept.question)


def _at(tab):
    """Page and cue; a link without a cue is that of the first."""
    concept = next(c for c in CONCEPTS if path(tab) == f"/{c.address}")
    return concept.page, drive.link(tab).get(f"{concept.page}.cue", cues(concept)[0])


def _go_on(tab, there):
    """Press Page Down until one is there; again only where the page has come to rest elsewhere."""
    end = time.monotonic() + 2 * drive.PATIENCE
    while not there():
        assert time.monotonic() < end, f"Page Down leads nowhere from {tab.url}"
        tab.wait_for_selector(drive.IDLE)
        tab.keyboard.press("PageDown")
        for _ in range(10):
            tab.wait_for_timeout(100)
            if there():
                break


def test_what_is_not_ours_stays_the_page_s(tab, server):
    """Before the map's first cue there is none, so Page Up scrolls; Escape closes what Streamlit has opened."""
    drive.open_page(tab, drive.address(server, "map", "schema"))
    drive.cue(tab, "Families").click()
    drive.expect_on(tab, "Families")
    tab.wait_for_selector(drive.IDLE)
    tab.evaluate("() => document.activeElement.blur()")
    left = tab.evaluate("""() => ["PageUp", "Escape"].map((key) => {
        const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
        return !event.defaultPrevented;
    })""")
    assert left == [True, True]


def test_the_brush_waits_with_its_panel(tab, server):
    """Where the panel that is painted on gives way to another one, the picture is drawn all the same."""
    tab.set_viewport_size({"width": 1024, "height": 600})
    tab.goto(drive.address(server, "boundaries", "learn", source="Painted by hand") + "&projector=true")
    drive.wait_status(tab, "done")
    drive.spy_on_drag(tab)
    tab.evaluate("""() => { const { player } = window.drag;
                    player.views = player.views.map(() => null); window.drag.place(); }""")
    expect(drive.player(tab).locator(".pen")).to_be_hidden()
    tab.set_viewport_size({"width": 1440, "height": 900})


def test_the_tenth_cue_has_the_key_0(tab, server):
    drive.open_page(tab, drive.address(server, "inverse", "line"))
    tab.keyboard.press("0")
    drive.expect_on(tab, "What the showpieces are")
